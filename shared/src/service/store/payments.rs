//! Processes the messages of the payment provider, each once.

use ltlm_protocol::{Timestamp, limits};

use crate::domain::accounts::state::AccountState;
use crate::domain::decision::Decision;
use crate::domain::license::issue::Issue;
use crate::domain::license::state::LicenseState;
use crate::domain::store::fulfillment::{Fulfillment, NewLicense, Outcome};
use crate::domain::store::provider_event::{Message, Paid, ProviderEvent};
use crate::domain::store::{fulfill, reversal};
use crate::keys::Purpose;
use crate::model::administrator::Administrator;
use crate::model::denied::Denied;
use crate::model::email::Email;
use crate::model::ids::{AccountId, LicenseId, WalletId};
use crate::model::license::Buyer;
use crate::model::order::{Order, OrderItem, Payment};
use crate::model::policy::Policy;
use crate::model::project::Project;
use crate::model::record::{Record, project_in};
use crate::model::write::Write;
use crate::service::admin::issue;
use crate::service::app::{App, Budget, Error};
use crate::service::license::load;
use crate::service::license::load_spec::{Access, LoadSpec};
use crate::service::ports::Payments;
use crate::service::retry::Absorb;
use crate::service::store::trials;
use crate::service::{ids, retry, transact};
use crate::table::port::{Read, Table};

impl Absorb for Fulfillment {
    fn absorb(&mut self, record: Record) -> bool {
        Fulfillment::absorb(self, record)
    }
}

/// What a message finds.
pub(crate) enum Known {
    /// An order.
    Order(Box<Fulfillment>),
    /// A payment of which no order is known.
    Stranger(Option<Payment>),
    /// What is none of ours, or came before.
    Nothing,
}

impl Absorb for Known {
    fn absorb(&mut self, record: Record) -> bool {
        match self {
            Self::Order(state) => state.absorb(record),
            // It may be known by now: what it is of must be loaded.
            Self::Stranger(_) | Self::Nothing => false,
        }
    }
}

impl Known {
    /// The writes that settle some lapses in the wallet of an account, if these do not fit together with the payment.
    fn settling(&self, now: Timestamp) -> Vec<Write> {
        match self {
            Self::Order(state) => state.account.as_ref(),
            Self::Stranger(_) | Self::Nothing => None,
        }
        .map_or_else(Vec::new, |account| account.settling(now, limits::LAPSES_TOGETHER_MAX))
    }

    /// Decides on an order. What is of no order is none of ours: the vendor may sell other things with the same provider.
    /// `payment` is what the message is about.
    fn decide(
        &self,
        message: &Message,
        payment: Option<&str>,
        now: Timestamp,
        decide: impl FnOnce(&Fulfillment) -> Result<Decision<Outcome>, Denied>,
    ) -> Result<Decision<(Outcome, Option<Order>)>, Denied> {
        let Self::Order(state) = self else { return Ok(Decision::read((Outcome::Nothing, None))) };
        let is_taken = message.is_live == state.takes_live;
        let Decision { writes, touch, reply } =
            if is_taken { decide(state)? } else { fulfill::ignore(state, message, payment, now) };
        let saved = writes.iter().find_map(|write| match write {
            Write::SaveOrder { order, .. } => Some(order.clone()),
            _ => None,
        });
        let order = saved.unwrap_or_else(|| state.order.clone());
        Ok(Decision { writes, touch, reply: (reply, Some(order)) })
    }
}

/// Does what a provider's message requires, once, and then what follows at the provider. If that fails, the message is
/// not acknowledged: the provider sends it again, for days, and the rest is done then.
pub async fn receive<T: Table>(
    app: &App<T>,
    budget: &Budget<'_>,
    payments: &dyn Payments,
    message: &Message,
) -> Result<Outcome, Error> {
    let (now, event) = (app.clock.now(), message.id.as_str());
    let settle = |known: &Known| known.settling(now);
    let (outcome, order) = match &message.event {
        ProviderEvent::Nothing => (Outcome::Nothing, None),
        ProviderEvent::Paid { order, paid } => {
            let load = || find(app, budget, order, event, Some(paid), now);
            let payment = paid.payment.as_deref();
            let decide = |known: &Known| known.decide(message, payment, now, |state| fulfill::decide(state, paid, now));
            transact::act_and_settle(app, budget, load, decide, settle).await?
        }
        ProviderEvent::Expired { order } => {
            let load = || find(app, budget, order, event, None, now);
            let decide =
                |known: &Known| known.decide(message, None, now, |state| Ok(fulfill::close(state, event, now)));
            transact::act(app, budget, load, decide).await?
        }
        ProviderEvent::PeriodPaid(invoice) => {
            let paid = Paid { payment: invoice.payment.clone(), ..Paid::default() };
            let load = || find(app, budget, &invoice.order, event, Some(&paid), now);
            let decide = |known: &Known| {
                let payment = invoice.payment.as_deref();
                known.decide(message, payment, now, |state| fulfill::period(state, event, invoice, now))
            };
            transact::act(app, budget, load, decide).await?
        }
        ProviderEvent::Trouble(incident) => {
            let load = || find_paid_by(app, budget, &incident.payment, event, now);
            let decide = |known: &Known| match known {
                Known::Stranger(known) => {
                    let Decision { writes, touch, reply } = reversal::note(known.as_ref(), incident, event, now);
                    Ok(Decision { writes, touch, reply: (reply, None) })
                }
                known => known.decide(message, None, now, |state| reversal::decide(state, incident, event, now)),
            };
            transact::act_and_settle(app, budget, load, decide, settle).await?
        }
    };
    if let Some(order) = order {
        Box::pin(do_chores(app, budget, payments, &order)).await?;
    }
    Ok(outcome)
}

/// Does what an order still has to be done at the provider, and notes each as done.
async fn do_chores<T: Table>(
    app: &App<T>,
    budget: &Budget<'_>,
    payments: &dyn Payments,
    order: &Order,
) -> Result<(), Error> {
    for chore in order.chores() {
        let done = || async { payments.act(&order.id, &chore).await.map_err(Error::from) };
        retry::read(app, budget, done).await?;
        let load = || async {
            let records = app.table.read(&[Read::Order(order.id.clone())], budget.meter).await?;
            let found = records.into_iter().find_map(Record::order);
            Ok(found.map_or(Known::Nothing, |found| Known::Order(Box::new(Fulfillment::new(found)))))
        };
        let decide = |known: &Known| match known {
            Known::Order(state) => Ok(fulfill::done(state, &chore)),
            Known::Stranger(_) | Known::Nothing => Ok(Decision::read(())),
        };
        transact::act(app, budget, load, decide).await?;
    }
    Ok(())
}

/// What a message about a payment finds: the order that it paid.
async fn find_paid_by<T: Table>(
    app: &App<T>,
    budget: &Budget<'_>,
    payment: &str,
    event: &str,
    now: Timestamp,
) -> Result<Known, Error> {
    let reads = [Read::Payment(payment.to_owned()), Read::PaymentEvent(event.to_owned())];
    let mut known = None;
    for record in app.table.read(&reads, budget.meter).await? {
        match record {
            Record::Payment(payment) => known = Some(payment),
            Record::PaymentEvent(_) => return Ok(Known::Nothing),
            _ => {}
        }
    }
    match known.as_ref().and_then(|known| known.order.clone()) {
        None => Ok(Known::Stranger(known)),
        Some(order) => {
            let paid = Paid { payment: Some(payment.to_owned()), ..Paid::default() };
            find(app, budget, &order, event, Some(&paid), now).await
        }
    }
}

/// What a message about an order finds: the order and all that its goods hang on.
pub(crate) async fn find<T: Table>(
    app: &App<T>,
    budget: &Budget<'_>,
    order: &str,
    event: &str,
    paid: Option<&Paid>,
    now: Timestamp,
) -> Result<Known, Error> {
    let mut reads = vec![Read::Order(order.to_owned()), Read::PaymentEvent(event.to_owned())];
    reads.extend(paid.and_then(|paid| paid.payment.clone()).map(Read::Payment));
    let records = app.table.read(&reads, budget.meter).await?;
    let found = records.iter().find_map(|record| match record {
        Record::Order(order) => Some(order.clone()),
        _ => None,
    });
    // A message of an order that is not there yet is none of ours: an order is written before the provider hears of it.
    let Some(found) = found else { return Ok(Known::Nothing) };
    let mut state = Fulfillment::new(found);
    for record in records {
        state.absorb(record);
    }
    if !state.is_seen {
        add_goods(app, budget, &mut state, paid, now).await?;
    }
    Ok(Known::Order(Box::new(state)))
}

/// Adds what an order's goods hang on: the policy, the license, what is known of the buyer's trials.
async fn add_goods<T: Table>(
    app: &App<T>,
    budget: &Budget<'_>,
    state: &mut Fulfillment,
    paid: Option<&Paid>,
    now: Timestamp,
) -> Result<(), Error> {
    let Order { project_id, goods, email, license, .. } = state.order.clone();
    let (number, made) = match goods {
        OrderItem::Pack { license, .. } => (None, Some(license)),
        OrderItem::Policy { number } => (Some(number), license),
        OrderItem::Tokens { account, .. } => return add_account(app, budget, state, account).await,
    };
    let sale = Some(Read::Sale(project_id.clone(), state.order.what()))
        .filter(|_| !state.order.is_settled() && !state.order.is_named);
    let (Some(number), None) = (number, &made) else {
        if let Some(license) = made {
            state.license = license_of(app, budget, &license, now).await?;
        }
        state.takes_live = state.license.as_ref().is_none_or(|license| license.project.takes_live_payments());
        // A pack of which another page was paid.
        if let Some(sale) = sale {
            app.table.read(&[sale], budget.meter).await?.into_iter().for_each(|record| {
                state.absorb(record);
            });
        }
        return Ok(());
    };
    let mut reads = vec![Read::Project(project_id.clone()), Read::Policy(number)];
    reads.extend(sale);
    reads.extend(trials(&project_id, &Email::of_kept(&email)));
    reads.extend(paid.and_then(|paid| paid.card.clone()).map(|card| Read::Card(project_id, card)));
    let mut project = None;
    for record in app.table.read(&reads, budget.meter).await? {
        match record {
            Record::Project(found) => project = Some(found),
            Record::Policy(found) => state.policy = Some(found),
            other => {
                state.absorb(other);
            }
        }
    }
    let gone = || Error::Broken("an order's project or policy is not there".into());
    let (project, policy) = project.zip(state.policy.clone()).ok_or_else(gone)?;
    // The provider tells it again, for days.
    project.in_service()?;
    state.takes_live = project.takes_live_payments();
    let trial = state.trial.as_ref().and_then(|trial| trial.license.clone());
    if let Some(trial) = trial {
        state.license = license_of(app, budget, &trial, now).await?;
    }
    let command = Issue::one(number, Buyer { email, ..Buyer::default() });
    state.new = Some(new_license(app, budget, &project, &policy, &command, &state.order.id, now).await?);
    Ok(())
}

/// Adds the account that an order gives tokens to, and the last sale of the same.
async fn add_account<T: Table>(
    app: &App<T>,
    budget: &Budget<'_>,
    state: &mut Fulfillment,
    account: AccountId,
) -> Result<(), Error> {
    let wallet = Read::Wallet(WalletId::Account(account.clone()));
    let mut reads = vec![Read::Project(account.project_id.clone()), Read::Account(account), wallet];
    if !state.order.is_settled() && !state.order.is_named {
        reads.push(Read::Sale(state.order.project_id.clone(), state.order.what()));
    }
    let records = app.table.read(&reads, budget.meter).await?;
    let project = project_in(&records).ok_or_else(|| Error::Broken("an order's project is not there".into()))?;
    // The provider tells it again, for days.
    project.in_service()?;
    state.takes_live = project.takes_live_payments();
    state.account = Some(AccountState::new(project, None, None));
    records.into_iter().filter(|record| !matches!(record, Record::Project(_))).for_each(|record| {
        state.absorb(record);
    });
    Ok(())
}

async fn license_of<T: Table>(
    app: &App<T>,
    budget: &Budget<'_>,
    id: &LicenseId,
    now: Timestamp,
) -> Result<Option<LicenseState>, Error> {
    let wanted = LoadSpec::new(Access::Administrator(Administrator::first()), id.clone(), now);
    match Box::pin(load::license(app, budget, &wanted)).await {
        Ok(state) => Ok(Some(state)),
        Err(Error::Denied(Denied::LicenseNotFound)) => Ok(None),
        Err(error) => Err(error),
    }
}

/// The license that an order creates. Its key is derived from the order's id: an order creates exactly one.
pub(crate) async fn new_license<T: Table>(
    app: &App<T>,
    budget: &Budget<'_>,
    project: &Project,
    policy: &Policy,
    command: &Issue,
    order: &str,
    now: Timestamp,
) -> Result<NewLicense, Error> {
    let derivation = app.unwrap(&project.id, Purpose::Derivation, &project.wrapped.derivation).await?;
    let sealing = app.unwrap(&project.id, Purpose::Sealing, &project.wrapped.sealing).await?;
    // No caller's operation id has a space in it.
    let key = ids::license_key(&derivation, &format!("order {order}"), 0);
    let number = transact::reserve(app, budget, "license", 1).await?;
    let (state, writes) = issue::new_license(app, &sealing, (project, policy), command, &key, number, now)?;
    Ok(NewLicense { id: state.license.id, writes })
}
