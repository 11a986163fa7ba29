//! The store: what is for sale, orders and their payment pages, and the messages of the payment provider (wire 4.9).

pub mod payments;

use ltlm_protocol::Timestamp;
use ltlm_protocol::store_data::{CheckoutAnswer, OrderData, StorePolicies, TrialEligibility};

use crate::domain::accounts::state::AccountState;
use crate::domain::decision::Decision;
use crate::domain::license::state::LicenseState;
use crate::domain::pro::nonce::{self, Evidence, NonceUse};
use crate::domain::pro::project_state::ProjectState;
use crate::domain::store::checkout::{Checkout, OrderKey};
use crate::domain::store::redirect::telling;
use crate::domain::store::token_checkout::{Owner, TokenCheckout};
use crate::domain::store::top_up::TopUp;
use crate::domain::store::{catalog, checkout, token_checkout, top_up, trial};
use crate::domain::throttle::Limited;
use crate::model::denied::Denied;
use crate::model::email::Email;
use crate::model::order::Order;
use crate::model::record::Record;
use crate::service::admin::operation::page_in;
use crate::service::answer::ByteBudget;
use crate::service::app::{App, Budget, Error};
use crate::service::license::load;
use crate::service::license::load_spec::{Include, LoadSpec};
use crate::service::license::request::Request;
use crate::service::ports::{PaymentError, Payments, Session};
use crate::service::pro::project_call::{MaybeSigned, ProjectCall};
use crate::service::pro::signer::SignerCell;
use crate::service::pro::{project_call, signer};
use crate::service::retry::Absorb;
use crate::service::{accounts, ids, retry, throttle, transact};
use crate::table::port::{List, Read, Table};

/// Policies of a project that are looked at for the store.
const POLICIES: i64 = 1_000;

fn policies(project_id: &str) -> Read {
    Read::List { list: List::Policies(project_id.to_owned()), before: None, limit: POLICIES }
}

/// What is for sale (E10).
pub async fn products<T: Table>(
    app: &App<T>,
    budget: &Budget<'_>,
    call: &ProjectCall,
) -> Result<MaybeSigned<StorePolicies>, Error> {
    let wants = |project_id: &str| vec![policies(project_id)];
    // The existing client reads one list and knows no cursor: it sees as many as one answer holds.
    let decide = |project_now: &ProjectState| {
        let (products, mut room) =
            (catalog::products(&project_now.project, &project_now.policies), ByteBudget::default());
        let shown = products.into_iter().take_while(|product| room.admits(product)).collect();
        Ok(Decision::read(StorePolicies(shown)))
    };
    project_call::run(app, budget, call, wants, decide).await
}

/// Reads what is known of an address and trials, under every spelling under which it may be kept.
fn trials(project_id: &str, email: &Email) -> Vec<Read> {
    email.spellings().into_iter().map(|email| Read::Trial(project_id.to_owned(), email)).collect()
}

/// May an address have a trial (E12)?
pub async fn trial_eligibility<T: Table>(
    app: &App<T>,
    budget: &Budget<'_>,
    call: &ProjectCall,
    email: &Email,
    source: &str,
) -> Result<TrialEligibility, Error> {
    let wants = |project_id: &str| trials(project_id, email);
    let project_now = retry::read(app, budget, || project_call::load(app, budget, call, wants)).await?;
    let (project, id) = (&project_now.project, ids::operation_id(call.now, app.entropy.as_ref()));
    let source = [source, project.id.as_str()];
    throttle::take(app, budget, Limited::TrialChecks, &source, Some(project), (&id, call.now)).await?;
    Ok(trial::eligibility(project_now.trial.as_ref()))
}

/// The operation that an order is: the order's id follows from it.
#[derive(Clone, Debug)]
pub struct OrderOperation {
    /// The caller's id, or one that the service created.
    pub id: String,
    /// The caller chose the id.
    pub is_named: bool,
    /// Hash of the request.
    pub fingerprint: String,
    /// Where the browser goes if the caller does not say.
    pub home: String,
}

impl OrderOperation {
    /// Names the order of this operation on something.
    fn key(&self, on: &str) -> OrderKey {
        let digest = ids::sha256_hex(format!("order/1\0{on}\0{}", self.id).as_bytes());
        let (id, fingerprint) = (format!("ord_{}", &digest[..32]), self.fingerprint.clone());
        OrderKey { id, is_named: self.is_named, fingerprint }
    }
}

/// Orders a license, and returns the address of its payment page (E11).
pub async fn checkout<T: Table>(
    app: &App<T>,
    budget: &Budget<'_>,
    call: &ProjectCall,
    command: &Checkout,
    operation: &OrderOperation,
) -> Result<MaybeSigned<CheckoutAnswer>, Error> {
    let payments = app.payments()?;
    let wants = |project_id: &str| {
        let by_number = command.number().map(Read::Policy);
        let order = Read::Order(operation.key(project_id).id);
        let goods = [by_number.unwrap_or_else(|| policies(project_id)), order];
        goods.into_iter().chain(trials(project_id, &command.email)).collect()
    };
    let key = |project_id: &str| operation.key(project_id);
    let served = project_call::run(app, budget, call, wants, |project_now| {
        checkout::decide(project_now, command, &key, call.now)
    })
    .await?;
    let answer = open(app, budget, payments, &served.reply, &operation.home).await?;
    Ok(served.map(|_| answer))
}

/// Orders a pack for a license, and returns the address of its payment page (E7).
pub async fn top_up<T: Table>(
    app: &App<T>,
    budget: &Budget<'_>,
    request: &Request,
    turn: Option<&NonceUse>,
    command: &TopUp,
    operation: &OrderOperation,
) -> Result<MaybeSigned<CheckoutAnswer>, Error> {
    let payments = app.payments()?;
    let id = ids::license_id(&request.call.key);
    let key = operation.key(&id.0);
    let wanted =
        LoadSpec { turn: turn.cloned(), order: Some(key.id.clone()), ..request.wanted(None, Include::Nothing) };
    let cell = SignerCell::default();
    let load = || async {
        let state = load::license(app, budget, &wanted).await?;
        if turn.is_some() {
            signer::find_signer(app, &cell, &state).await?;
        }
        Ok(state)
    };
    let order = |state: &LicenseState| top_up::decide(state, &request.call, command, &key);
    let decide = |state: &LicenseState| match turn {
        None => order(state),
        Some(turn) => nonce::in_turn(state, turn, request.call.now, order, |_| Evidence::None),
    };
    let order = transact::act(app, budget, load, decide).await?;
    let reply = open(app, budget, payments, &order, &operation.home).await?;
    Ok(MaybeSigned { reply, signer: signer::taken(cell) })
}

/// What the order of a pack of tokens finds.
struct TokenOrderState {
    account: AccountState,
    order: Option<Order>,
}

impl Absorb for TokenOrderState {
    fn absorb(&mut self, record: Record) -> bool {
        match record {
            Record::Order(order) => self.order = Some(order),
            other => AccountState::absorb(&mut self.account, other),
        }
        true
    }
}

/// Orders a pack of tokens for an account or a pool of an organization, and returns the address of its payment page.
pub async fn token_checkout<T: Table>(
    app: &App<T>,
    budget: &Budget<'_>,
    owner: &Owner,
    command: &TokenCheckout,
    operation: &OrderOperation,
    now: Timestamp,
) -> Result<CheckoutAnswer, Error> {
    let payments = app.payments()?;
    let project = accounts::project(app, budget, owner.project_id()).await?;
    project.in_service()?;
    let key = operation.key(&owner.text());
    // Which pool it is for, the pack says.
    let account = owner.pack(&project, &command.pack).map(|(_, account)| account);
    let load = || async {
        let mut reads = vec![Read::Order(key.id.clone())];
        reads.extend(account.clone().map(Read::Account));
        let account = AccountState::new(project.clone(), None, None);
        let mut found = TokenOrderState { account, order: None };
        for record in app.table.read(&reads, budget.meter).await? {
            found.absorb(record);
        }
        Ok(found)
    };
    let decide = |found: &TokenOrderState| {
        token_checkout::decide(&found.account, found.order.as_ref(), owner, command, &key, now)
    };
    let order = transact::act(app, budget, load, decide).await?;
    open(app, budget, payments, &order, &operation.home).await
}

/// The payment page of an order. If the provider does not answer, the call is repeated: the order's id makes it return
/// the same page. Providers forget that in about a day; an order that is paid by then gets no second page, on which it
/// would be paid again.
async fn open<T: Table>(
    app: &App<T>,
    budget: &Budget<'_>,
    payments: &dyn Payments,
    order: &Order,
    home: &str,
) -> Result<CheckoutAnswer, Error> {
    if order.is_settled() {
        let session = order.session.clone();
        let facts = format!("session_id={}&status=success", session.as_deref().unwrap_or_default());
        let checkout_url = telling(order.redirect.as_deref().unwrap_or(home), &facts);
        let message = Some("This order was paid already.".to_owned());
        return Ok(CheckoutAnswer { checkout_url, session_id: session, message });
    }
    let open = || async { payments.open(order, home).await.map_err(Error::from) };
    let Session { id, url } = retry::read(app, budget, open).await?;
    Ok(CheckoutAnswer { checkout_url: url, session_id: Some(id), message: None })
}

impl From<PaymentError> for Error {
    fn from(error: PaymentError) -> Self {
        match error {
            PaymentError::Busy(source) => Self::Busy(source),
            PaymentError::Done(what) => Self::Broken(what.into()),
            PaymentError::Broken(source) => Self::Broken(source),
        }
    }
}

/// A page of a project's orders, newest first.
pub async fn orders<T: Table>(
    app: &App<T>,
    budget: &Budget<'_>,
    project_id: &str,
    before: Option<String>,
    limit: i64,
) -> Result<(Vec<OrderData>, Option<String>), Error> {
    let (records, next) = page_in(app, budget, project_id, List::Orders(project_id.to_owned()), before, limit).await?;
    Ok((records.into_iter().filter_map(Record::order).map(|order| order.data()).collect(), next))
}

/// An order of a project.
pub async fn order<T: Table>(
    app: &App<T>,
    budget: &Budget<'_>,
    project_id: &str,
    id: &str,
) -> Result<OrderData, Error> {
    let records = retry::records(app, budget, &[Read::Order(id.to_owned())]).await?;
    let order = records.into_iter().find_map(Record::order).filter(|order| order.project_id == project_id);
    Ok(order.ok_or(Denied::OrderNotFound)?.data())
}
