//! Floor 4: HTTP as a skin. Requests in, answers out, over the plain types of the `http` crate: no AWS type and no
//! environment variable gets this far up, and `host` and `tools/local` serve the same function.

pub mod auth;
pub mod cursor;
pub mod extract;
pub mod handlers;
pub mod letter;
pub mod reply;
pub mod routes;

use std::future::Future;
use std::pin::Pin;

use bytes::Bytes;
use http::{Method, Request, Response};
use ltlm_protocol::{Code, limits};

use crate::service::load::{self, Access};
use crate::service::{App, Budget, Error};
use crate::table::Table;

use extract::Incoming;
use reply::{Failure, Reply};
use routes::{Auth, Endpoint, Found};

/// What the API is told by its host.
#[derive(Clone, Debug, Default)]
pub struct Settings {
    /// SHA-256 of the first administrator key; without it there is none.
    pub admin_key_sha256: Option<[u8; 32]>,
    /// Name of the header in which a trusted edge tells the caller's country, lower-case; without it no country is known.
    pub country_header: Option<String>,
    /// The function whose routes are served, all others being unknown; without it every route is.
    pub function: Option<&'static str>,
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
            (route.name, dispatch(&mut incoming).await)
        }
        Found::Preflight => ("preflight", Ok(Reply::empty())),
        Found::OtherMethods(allowed) => ("none", Err(Failure::new(Code::MethodNotAllowed).header("allow", allowed))),
        Found::Nothing => ("none", Err(Failure::new(Code::RouteNotFound))),
    };
    let head = request.method() == Method::HEAD;
    reply::finish(route, outcome, head)
}

/// Strangers first: who may not call is told that, whatever else is wrong with the request. Whether a well-formed secret
/// names a project the handlers learn with what they load; where one stops before, at the request itself, it is asked for.
async fn dispatch<T: Table>(incoming: &mut Incoming<'_, T>) -> Result<Reply, Failure> {
    let access = match incoming.route.auth {
        Auth::Open => return handle(incoming).await,
        Auth::Project => auth::project(incoming.request.headers())?,
        Auth::Administrator(scope) => {
            let by = auth::administrator(incoming).await?;
            by.may(scope, incoming.route.method == "GET").map_err(Error::Denied)?;
            Access::Administrator(by)
        }
    };
    incoming.access = Some(access.clone());
    match handle(incoming).await {
        Err(failure) if failure.is_of_the_request() => {
            load::known(incoming.app, incoming.budget, &access).await?;
            Err(failure)
        }
        outcome => outcome,
    }
}

async fn handle<T: Table>(incoming: &Incoming<'_, T>) -> Result<Reply, Failure> {
    use handlers::admin::{keys, licenses, policies, projects};
    use handlers::{license, pro};
    if incoming.request.body().len() > limits::BODY_BYTES_MAX {
        return Err(Failure::new(Code::BodyTooLarge).value("max", limits::BODY_BYTES_MAX.to_string()));
    }
    // On the heap: one frame with the futures of all handlers would be large.
    let answer: Pin<Box<dyn Future<Output = Result<Reply, Failure>> + Send + '_>> = match incoming.route.endpoint {
        Endpoint::Health => return Ok(handlers::health::health()),
        Endpoint::License => Box::pin(license::license(incoming)),
        Endpoint::Entitlement => Box::pin(license::entitlement(incoming)),
        Endpoint::RemoveDevice => Box::pin(license::remove_device(incoming)),
        Endpoint::Activate => Box::pin(license::activate(incoming)),
        Endpoint::Heartbeat => Box::pin(license::heartbeat(incoming)),
        Endpoint::Signout => Box::pin(license::signout(incoming)),
        Endpoint::Seats => Box::pin(license::seats(incoming)),
        Endpoint::ReleaseSeat => Box::pin(license::release_seat(incoming)),
        Endpoint::Settings => Box::pin(license::settings(incoming)),
        Endpoint::SaveSettings => Box::pin(license::save_settings(incoming)),
        Endpoint::Consume => Box::pin(license::consume(incoming)),
        Endpoint::ConsumeBatch => Box::pin(license::consume_batch(incoming)),
        Endpoint::Usage => Box::pin(license::usage(incoming)),
        Endpoint::ProValidate | Endpoint::ProActivate => Box::pin(pro::validate(incoming)),
        Endpoint::ProStatus => Box::pin(pro::status(incoming)),
        Endpoint::ProHeartbeat => Box::pin(pro::heartbeat(incoming)),
        Endpoint::ProSignout => Box::pin(pro::signout(incoming)),
        Endpoint::ProSeats => Box::pin(pro::seats(incoming)),
        Endpoint::ProReleaseSeat => Box::pin(pro::release_seat(incoming)),
        Endpoint::ProConsume => Box::pin(pro::consume(incoming)),
        Endpoint::ProConsumeBatch => Box::pin(pro::consume_batch(incoming)),
        Endpoint::ProSettings => Box::pin(pro::settings(incoming)),
        Endpoint::ProSaveSettings => Box::pin(pro::save_settings(incoming)),
        Endpoint::ProEvents => Box::pin(pro::events(incoming)),
        Endpoint::AdminCreateProject => Box::pin(projects::create(incoming)),
        Endpoint::AdminProjects => Box::pin(projects::list(incoming)),
        Endpoint::AdminProject => Box::pin(projects::get(incoming)),
        Endpoint::AdminChangeProject => Box::pin(projects::change(incoming)),
        Endpoint::AdminAddSecret => Box::pin(projects::add_secret(incoming)),
        Endpoint::AdminRetireSecret => Box::pin(projects::retire_secret(incoming)),
        Endpoint::AdminCreatePolicy => Box::pin(policies::create(incoming)),
        Endpoint::AdminPolicies => Box::pin(policies::list(incoming)),
        Endpoint::AdminPolicy => Box::pin(policies::get(incoming)),
        Endpoint::AdminChangePolicy => Box::pin(policies::change(incoming)),
        Endpoint::AdminCreateLicense => Box::pin(licenses::issue(incoming)),
        Endpoint::AdminLicenses => Box::pin(licenses::search(incoming)),
        Endpoint::AdminLicense => Box::pin(licenses::get(incoming)),
        Endpoint::AdminChangeLicense => Box::pin(licenses::change(incoming)),
        Endpoint::AdminTokens => Box::pin(licenses::tokens(incoming)),
        // The same page for both: who asks decides what is shown.
        Endpoint::AdminUsage => Box::pin(license::usage(incoming)),
        Endpoint::AdminDevices => Box::pin(licenses::devices(incoming)),
        Endpoint::AdminDescribeDevice => Box::pin(licenses::describe_device(incoming)),
        Endpoint::AdminRemoveDevice => Box::pin(licenses::remove_device(incoming)),
        Endpoint::AdminSeats => Box::pin(licenses::seats(incoming)),
        Endpoint::AdminReleaseSeat => Box::pin(licenses::release_seat(incoming)),
        Endpoint::AdminCreateKey => Box::pin(keys::create(incoming)),
        Endpoint::AdminKeys => Box::pin(keys::list(incoming)),
        Endpoint::AdminRevokeKey => Box::pin(keys::revoke(incoming)),
        Endpoint::AdminAudit => Box::pin(keys::audit(incoming)),
    };
    answer.await
}
