//! Floor 4: HTTP as a skin. Requests in, answers out, over the plain types of the `http` crate: no AWS type and no
//! environment variable gets this far up, and `host` and `tools/local` serve the same function.

pub mod auth;
pub mod cursor;
pub mod extract;
pub mod handlers;
pub mod letter;
pub mod page;
pub mod query;
pub mod reply;
pub mod routes;
pub mod traffic;

use std::future::Future;
use std::pin::Pin;

use bytes::Bytes;
use http::{Method, Request, Response};
use ltlm_protocol::{Code, limits};
use serde_json::json;

use crate::domain::throttle::Limited;
use crate::service::load::{self, Access};
use crate::service::{App, Budget, Error, quota};
use crate::table::Table;

use extract::Incoming;
use reply::{Failure, Reply};
use routes::{Auth, Endpoint, Found};

/// What the API is told by its host.
#[derive(Clone, Debug, Default)]
pub struct Settings {
    /// SHA-256 of the first administrator key; without it there is none.
    pub admin_key_sha256: Option<[u8; 32]>,
    /// Name of the header in which a trusted edge tells the caller's country, lower-case; without it no country is known. With an `edge`
    /// it counts only beside the edge's secret.
    pub country_header: Option<String>,
    /// The edge that is trusted; without it the caller's address is the one that reached the gateway.
    pub edge: Option<Edge>,
    /// The function whose routes are served, all others being unknown; without it every route is.
    pub function: Option<&'static str>,
    /// The vendor's name, as developers see it.
    pub vendor: String,
    /// The stage, as the deployment tells it.
    pub stage: String,
    /// Is there an address that mails come from?
    pub sends_mail: bool,
    /// Are there keys of a payment provider?
    pub takes_payments: bool,
    /// May webhooks be of `http`, and within the deployment's own network? Who calls them must agree.
    pub plain_webhooks: bool,
}

/// An edge, such as a distribution of CloudFront, that is believed what it tells of a caller because it shows a secret in `x-ltlm-edge`.
#[derive(Clone, Debug)]
pub struct Edge {
    /// Name of the header with the address, lower-case.
    pub address_header: String,
    /// SHA-256 of the secret that it adds.
    pub secret_sha256: [u8; 32],
    /// Are requests refused that do not show the secret?
    pub is_only_way: bool,
}

/// An answer and what the log says about it.
#[derive(Debug)]
pub struct Answer {
    /// For the caller.
    pub response: Response<Bytes>,
    /// Name of the route, or `none`.
    pub route: &'static str,
    /// The code of a failure.
    pub code: Option<&'static str>,
    /// What lies below a failure of ours. Never a part of the response.
    pub cause: Option<String>,
}

/// Answers one request. Never fails: a failure is an answer too.
pub async fn answer<T: Table>(
    app: &App<T>,
    settings: &Settings,
    budget: &Budget<'_>,
    request: Request<Bytes>,
) -> Answer {
    let (route, outcome) = match routes::find(request.method(), request.uri().path()) {
        Found::Route(route, _) if settings.function.is_some_and(|function| function != route.function) => {
            ("none", Err(Failure::new(Code::RouteNotFound)))
        }
        Found::Route(route, parameters) => {
            let mut incoming = Incoming::new(app, settings, budget, route, parameters, &request);
            match settings.edge.as_ref().is_some_and(|edge| edge.is_only_way) && !incoming.is_from_edge() {
                true => (route.name, Err(Failure::new(Code::EdgeRequired))),
                false => (route.name, counted(&mut incoming).await),
            }
        }
        Found::Preflight => ("preflight", Ok(Reply::empty())),
        Found::OtherMethods(allowed) => ("none", Err(Failure::new(Code::MethodNotAllowed).header("allow", allowed))),
        Found::Nothing => ("none", Err(Failure::new(Code::RouteNotFound))),
    };
    let head = request.method() == Method::HEAD;
    reply::finish(route, outcome, head)
}

/// Answers, and counts the call against the quota of the project that it is about, if there is one and nothing did so before.
async fn counted<T: Table>(incoming: &mut Incoming<'_, T>) -> Result<Reply, Failure> {
    let outcome = dispatch(incoming).await;
    if outcome.as_ref().is_err_and(Failure::is_uncounted) {
        return outcome;
    }
    quota::pass(incoming.app, incoming.budget).await?;
    outcome
}

/// Strangers first: who may not call is told that, whatever else is wrong with the request. Whether a well-formed secret
/// names a project the handlers learn with what they load; where one stops before, at the request itself, it is asked for.
async fn dispatch<T: Table>(incoming: &mut Incoming<'_, T>) -> Result<Reply, Failure> {
    let access = match incoming.route.auth {
        Auth::Open => return handle(incoming).await,
        Auth::Member => {
            incoming.count(None);
            incoming.session = Some(auth::member(incoming).await?);
            return handle(incoming).await;
        }
        Auth::Project => auth::project(incoming.request.headers())?,
        Auth::Administrator(scope) => {
            let by = auth::administrator(incoming).await?;
            by.may(scope, incoming.route.method == "GET").map_err(Error::Denied)?;
            Access::Administrator(by)
        }
    };
    incoming.access = Some(access.clone());
    incoming.count(match &access {
        Access::Administrator(by) => Some(by),
        Access::Secret(_) => None,
    });
    if query::supports_dry_run(incoming.route) && incoming.query_bool("dryRun")? {
        return dry_run(incoming).await;
    }
    match handle(incoming).await {
        Err(failure) if failure.is_of_unknown_key() => {
            if matches!(access, Access::Secret(_)) {
                incoming.take_token(Limited::UnknownKeys).await?;
            }
            Err(failure)
        }
        Err(failure) if failure.is_of_the_request() => {
            load::known(incoming.app, incoming.budget, &access).await?;
            Err(failure)
        }
        outcome => outcome,
    }
}

/// Whether the request would be done: from here on it writes nothing.
async fn dry_run<T: Table>(incoming: &Incoming<'_, T>) -> Result<Reply, Failure> {
    incoming.budget.meter.set_dry_run();
    match handle(incoming).await {
        Err(failure) if !failure.is_dry_run() => Err(failure),
        // What would write nothing, because it is done already, would be done as well.
        _ => Ok(Reply::json(&json!({ "dryRun": true }))),
    }
}

/// A handler at work.
type Handling<'a> = Pin<Box<dyn Future<Output = Result<Reply, Failure>> + Send + 'a>>;

/// Puts a handler's future on the heap, from a frame of its own: one frame with the futures of all handlers would be large.
fn on_heap<'a, F>(handler: impl FnOnce() -> F) -> Handling<'a>
where
    F: Future<Output = Result<Reply, Failure>> + Send + 'a,
{
    Box::pin(handler())
}

async fn handle<T: Table>(incoming: &Incoming<'_, T>) -> Result<Reply, Failure> {
    use handlers::admin::{deployment, developers, events, keys, licenses, policies, projects, transfer, webhooks};
    use handlers::{accounts, license, organizations, portal, pro, store};
    query::check(incoming.route, incoming.request.uri().query())?;
    if incoming.request.body().len() > limits::BODY_BYTES_MAX {
        return Err(Failure::new(Code::BodyTooLarge).value("max", limits::BODY_BYTES_MAX.to_string()));
    }
    let answer: Handling<'_> = match incoming.route.endpoint {
        Endpoint::Health => return Ok(handlers::health::health()),
        Endpoint::License => on_heap(|| license::license(incoming)),
        Endpoint::Entitlement => on_heap(|| license::entitlement(incoming)),
        Endpoint::RemoveDevice => on_heap(|| license::remove_device(incoming)),
        Endpoint::Activate => on_heap(|| license::activate(incoming)),
        Endpoint::Heartbeat => on_heap(|| license::heartbeat(incoming)),
        Endpoint::Signout => on_heap(|| license::signout(incoming)),
        Endpoint::Seats => on_heap(|| license::seats(incoming)),
        Endpoint::ReleaseSeat => on_heap(|| license::release_seat(incoming)),
        Endpoint::Settings => on_heap(|| license::settings(incoming)),
        Endpoint::SaveSettings => on_heap(|| license::save_settings(incoming)),
        Endpoint::Consume => on_heap(|| license::consume(incoming)),
        Endpoint::ConsumeBatch => on_heap(|| license::consume_batch(incoming)),
        Endpoint::Usage => on_heap(|| license::usage(incoming)),
        Endpoint::ProValidate | Endpoint::ProActivate => on_heap(|| pro::validate(incoming)),
        Endpoint::ProStatus => on_heap(|| pro::status(incoming)),
        Endpoint::ProHeartbeat => on_heap(|| pro::heartbeat(incoming)),
        Endpoint::ProSignout => on_heap(|| pro::signout(incoming)),
        Endpoint::ProSeats => on_heap(|| pro::seats(incoming)),
        Endpoint::ProReleaseSeat => on_heap(|| pro::release_seat(incoming)),
        Endpoint::ProConsume => on_heap(|| pro::consume(incoming)),
        Endpoint::ProConsumeBatch => on_heap(|| pro::consume_batch(incoming)),
        Endpoint::ProSettings => on_heap(|| pro::settings(incoming)),
        Endpoint::ProSaveSettings => on_heap(|| pro::save_settings(incoming)),
        Endpoint::ProEvents => on_heap(|| pro::events(incoming)),
        Endpoint::BuyablePolicies | Endpoint::ProBuyablePolicies => on_heap(|| store::buyable_policies(incoming)),
        Endpoint::CheckoutLink | Endpoint::ProCheckoutLink => on_heap(|| store::checkout_link(incoming)),
        Endpoint::TopupLink | Endpoint::ProTopupLink => on_heap(|| store::topup_link(incoming)),
        Endpoint::TrialEligibility => on_heap(|| store::trial_eligibility(incoming)),
        Endpoint::StoreReturn => return Ok(store::store_return(incoming)),
        Endpoint::StripeMessage => on_heap(|| store::stripe_message(incoming)),
        Endpoint::LoginRequest | Endpoint::ProLoginRequest => on_heap(|| portal::request(incoming)),
        Endpoint::Portfolio | Endpoint::ProPortfolio => on_heap(|| portal::portfolio(incoming)),
        Endpoint::DevLogin => on_heap(|| portal::sign_in(incoming)),
        Endpoint::DevVerifyOtp => on_heap(|| portal::verify(incoming)),
        Endpoint::AdminCreateDeveloper => on_heap(|| developers::create(incoming)),
        Endpoint::AdminDevelopers => on_heap(|| developers::list(incoming)),
        Endpoint::AdminChangeDeveloper => on_heap(|| developers::change(incoming)),
        Endpoint::AdminEvents => on_heap(|| events::list(incoming)),
        Endpoint::AdminEventCounts => on_heap(|| events::counts(incoming)),
        Endpoint::AdminCreateWebhook => on_heap(|| webhooks::create(incoming)),
        Endpoint::AdminWebhooks => on_heap(|| webhooks::list(incoming)),
        Endpoint::AdminRemoveWebhook => on_heap(|| webhooks::remove(incoming)),
        Endpoint::AdminRotateWebhook => on_heap(|| webhooks::rotate(incoming)),
        Endpoint::AdminReplay => on_heap(|| webhooks::replay(incoming)),
        Endpoint::AdminDeadLetters => on_heap(|| webhooks::dead_letters(incoming)),
        Endpoint::AdminNotices => on_heap(|| webhooks::notices(incoming)),
        Endpoint::AdminDeployment => on_heap(|| deployment::deployment(incoming)),
        Endpoint::AdminTestMail => on_heap(|| deployment::test_mail(incoming)),
        Endpoint::AdminOrders => on_heap(|| store::orders(incoming)),
        Endpoint::AdminOrder => on_heap(|| store::order(incoming)),
        Endpoint::CreateAccount => on_heap(|| accounts::create(incoming)),
        Endpoint::Accounts => on_heap(|| accounts::list(incoming)),
        Endpoint::Account => on_heap(|| accounts::get(incoming)),
        Endpoint::DebitAccount => on_heap(|| accounts::debit(incoming)),
        Endpoint::ChargeAccount => on_heap(|| accounts::charge(incoming)),
        Endpoint::CreditAccount => on_heap(|| accounts::credit(incoming)),
        Endpoint::RefundAccount => on_heap(|| accounts::refund(incoming)),
        Endpoint::ResetAccount => on_heap(|| accounts::reset(incoming)),
        Endpoint::AccountPlan => on_heap(|| accounts::change_plan(incoming)),
        Endpoint::AccountAffordability => on_heap(|| accounts::affordability(incoming)),
        Endpoint::AccountEntries => on_heap(|| accounts::entries(incoming)),
        Endpoint::HoldTokens => on_heap(|| accounts::reserve(incoming)),
        Endpoint::CommitHold => on_heap(|| accounts::commit_hold(incoming)),
        Endpoint::VoidHold => on_heap(|| accounts::void_hold(incoming)),
        Endpoint::AccountRenewal => on_heap(|| accounts::eligibility(incoming)),
        Endpoint::RenewAccount => on_heap(|| accounts::renew(incoming)),
        Endpoint::AccountBalance => on_heap(|| accounts::balance(incoming)),
        Endpoint::AccountStatistics => on_heap(|| accounts::statistics(incoming)),
        Endpoint::AccountVerification => on_heap(|| accounts::verify(incoming)),
        Endpoint::EraseEntries => on_heap(|| accounts::erase(incoming)),
        Endpoint::RenewAccounts => on_heap(|| accounts::renew_due(incoming)),
        Endpoint::CreateOrganization => on_heap(|| organizations::create(incoming)),
        Endpoint::Organizations => on_heap(|| organizations::list(incoming)),
        Endpoint::OrganizationVerification => on_heap(|| organizations::verify(incoming)),
        Endpoint::OrganizationStatistics => on_heap(|| organizations::statistics(incoming)),
        Endpoint::Organization => on_heap(|| organizations::get(incoming)),
        Endpoint::OrganizationPlan => on_heap(|| organizations::change_plan(incoming)),
        Endpoint::OrganizationTokens => on_heap(|| organizations::grant(incoming)),
        Endpoint::OrganizationUsage => on_heap(|| organizations::usage(incoming)),
        Endpoint::EraseUsage => on_heap(|| organizations::erase(incoming)),
        Endpoint::AddMember => on_heap(|| organizations::add_member(incoming)),
        Endpoint::RemoveMember => on_heap(|| organizations::remove_member(incoming)),
        Endpoint::CreateAccessToken => on_heap(|| organizations::create_access(incoming)),
        Endpoint::RevokeAccessToken => on_heap(|| organizations::revoke_access(incoming)),
        Endpoint::RevokeAccessTokens => on_heap(|| organizations::revoke_all_access(incoming)),
        Endpoint::CheckTokens => on_heap(|| organizations::check_balance(incoming)),
        Endpoint::TokenStats => on_heap(|| organizations::stats(incoming)),
        Endpoint::AdminCreateProject => on_heap(|| projects::create(incoming)),
        Endpoint::AdminProjects => on_heap(|| projects::list(incoming)),
        Endpoint::AdminProject => on_heap(|| projects::get(incoming)),
        Endpoint::AdminChangeProject => on_heap(|| projects::change(incoming)),
        Endpoint::AdminAddSecret => on_heap(|| projects::add_secret(incoming)),
        Endpoint::AdminRetireSecret => on_heap(|| projects::retire_secret(incoming)),
        Endpoint::AdminRewrapProject => on_heap(|| projects::rewrap(incoming)),
        Endpoint::AdminRewrapDeveloper => on_heap(|| developers::rewrap(incoming)),
        Endpoint::AdminCreatePolicy => on_heap(|| policies::create(incoming)),
        Endpoint::AdminPolicies => on_heap(|| policies::list(incoming)),
        Endpoint::AdminPolicy => on_heap(|| policies::get(incoming)),
        Endpoint::AdminChangePolicy => on_heap(|| policies::change(incoming)),
        Endpoint::AdminCreateLicense => on_heap(|| licenses::issue(incoming)),
        Endpoint::AdminLicenses => on_heap(|| licenses::search(incoming)),
        Endpoint::AdminLicense => on_heap(|| licenses::get(incoming)),
        Endpoint::AdminChangeLicense => on_heap(|| licenses::change(incoming)),
        Endpoint::AdminOfflineFile => on_heap(|| licenses::offline_file(incoming)),
        Endpoint::AdminReinstate => on_heap(|| licenses::reinstate(incoming)),
        Endpoint::AdminTokens => on_heap(|| licenses::tokens(incoming)),
        // The same page for both: who asks decides what is shown.
        Endpoint::AdminUsage => on_heap(|| license::usage(incoming)),
        Endpoint::AdminUsageVerification => on_heap(|| licenses::verify(incoming)),
        Endpoint::AdminUsageStatistics => on_heap(|| licenses::statistics(incoming)),
        Endpoint::AdminDevices => on_heap(|| licenses::devices(incoming)),
        Endpoint::AdminDescribeDevice => on_heap(|| licenses::describe_device(incoming)),
        Endpoint::AdminRemoveDevice => on_heap(|| licenses::remove_device(incoming)),
        Endpoint::AdminSeats => on_heap(|| licenses::seats(incoming)),
        Endpoint::AdminReleaseSeat => on_heap(|| licenses::release_seat(incoming)),
        Endpoint::AdminCreateKey => on_heap(|| keys::create(incoming)),
        Endpoint::AdminKeys => on_heap(|| keys::list(incoming)),
        Endpoint::AdminRevokeKey => on_heap(|| keys::revoke(incoming)),
        Endpoint::AdminAudit => on_heap(|| keys::audit(incoming)),
        Endpoint::AdminExport => on_heap(|| transfer::export(incoming)),
        Endpoint::AdminExportKeys => on_heap(|| transfer::export_keys(incoming)),
        Endpoint::AdminCreateImportKey => on_heap(|| transfer::create_key(incoming)),
        Endpoint::AdminBeginImport => on_heap(|| transfer::begin(incoming)),
        Endpoint::AdminImport => on_heap(|| transfer::get(incoming)),
        Endpoint::AdminImportLines => on_heap(|| transfer::take(incoming)),
        Endpoint::AdminFinishImport => on_heap(|| transfer::finish(incoming)),
        Endpoint::AdminDropImport => on_heap(|| transfer::drop_import(incoming)),
    };
    answer.await
}
