//! What a payment gives: once, however often the provider tells of it, and whatever else it tells before.

use ltlm_protocol::Timestamp;
use ltlm_protocol::license_data::TopUpOption;

use super::catalog::store_flag;
use super::email::Email;
use super::order::{Given, Goods, Order, OrderState, Payment};
use super::rule::{self, Rule};
use super::trial::{Card, Trial};
use crate::domain::entry::Source;
use crate::domain::license::{AdminState, License, LicenseId};
use crate::domain::policy::Policy;
use crate::domain::record::Record;
use crate::domain::wallet::{CREDIT_PRIORITY, Cause, Grant, PURCHASE};
use crate::domain::write::Decision;
use crate::domain::{Denied, LicenseState, Write};

/// The provider tells that an order is paid.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Paid {
    /// The provider's id of this message.
    pub event: String,
    /// The provider's name of the payment page.
    pub session: Option<String>,
    /// The provider's name of the payment.
    pub payment: Option<String>,
    /// The provider's fingerprint of the card, where that is asked for.
    pub card: Option<String>,
}

/// A license that the order may make: nobody knows it yet.
#[derive(Clone, Debug, PartialEq)]
pub struct NewLicense {
    /// Its id.
    pub id: LicenseId,
    /// What makes it.
    pub writes: Vec<Write>,
}

/// What a payment finds.
#[derive(Clone, Debug, PartialEq)]
pub struct Fulfilment {
    /// The order.
    pub order: Order,
    /// What is known of the payment.
    pub payment: Option<Payment>,
    /// This message came before.
    pub is_seen: bool,
    /// The policy that is bought.
    pub policy: Option<Policy>,
    /// What is known of the buyer's address and trials.
    pub trial: Option<Trial>,
    /// The card, if a trial was had with it.
    pub card: Option<Card>,
    /// The license that the order is about: that of a pack, the one that it made, or the buyer's trial.
    pub license: Option<LicenseState>,
    /// The license that it may make.
    pub new: Option<NewLicense>,
}

/// What came of a provider's message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// It was given.
    Given,
    /// It came before, or changes nothing.
    Nothing,
    /// A trial that was had before is not given again.
    Refused,
    /// The payment had gone back already.
    WentBack,
    /// The payment is disputed already: nothing is given until the vendor has won.
    HeldBack,
    /// An order that was paid is paid by another payment: somebody should get it back.
    PaidAgain,
    /// What was given is taken back, stopped, or left, as the policy says.
    Settled,
    /// A period of a subscription is paid.
    Extended,
}

impl Fulfilment {
    /// What is known of an order, before anything else is.
    pub fn new(order: Order) -> Self {
        Self { order, payment: None, is_seen: false, policy: None, trial: None, card: None, license: None, new: None }
    }

    /// Takes in a record. False if that is not enough to decide again.
    pub fn absorb(&mut self, record: Record) -> bool {
        match record {
            Record::Order(order) => self.order = order,
            Record::Payment(payment) => self.payment = Some(payment),
            Record::PaymentEvent(_) => self.is_seen = true,
            Record::Trial(trial) => {
                self.trial = Some(trial);
                // Its license may be what the order moves.
                return false;
            }
            Record::Card(card) => self.card = Some(card),
            other => return self.license.as_mut().is_none_or(|license| license.absorb(other)),
        }
        true
    }

    /// Is nothing given while the payment is disputed?
    fn is_held_back(&self) -> bool {
        let policy = match &self.order.goods {
            Goods::Policy { .. } => self.policy.as_ref(),
            Goods::Pack { .. } => self.license.as_ref().map(|license| &license.policy),
        };
        policy.is_some_and(|policy| rule::on_dispute(policy) != Rule::Keep)
    }

    /// The order afterwards, as a write.
    pub(super) fn save(&self, order: Order) -> Write {
        Write::SaveOrder {
            order: Order { revision: self.order.revision + 1, ..order },
            found: Some(self.order.revision),
        }
    }

    /// What is known of the payment afterwards, as a write.
    pub(super) fn save_payment(&self, id: &str, now: Timestamp, change: impl FnOnce(&mut Payment)) -> Write {
        let mut payment = Payment::next(id, self.payment.as_ref(), now);
        change(&mut payment);
        Write::SavePayment { payment, found: self.payment.as_ref().map(|payment| payment.revision) }
    }
}

/// Decides what a payment gives.
pub fn decide(state: &Fulfilment, paid: &Paid, now: Timestamp) -> Result<Decision<Outcome>, Denied> {
    if state.is_seen {
        return Ok(Decision::read(Outcome::Nothing));
    }
    let mut writes = vec![Write::AddPaymentEvent { id: paid.event.clone(), at: now }];
    if state.order.is_settled() {
        let is_another = paid.session != state.order.session;
        return Ok(Decision::write(writes, if is_another { Outcome::PaidAgain } else { Outcome::Nothing }));
    }
    if let Some(id) = &paid.payment {
        writes.push(state.save_payment(id, now, |payment| payment.order = Some(state.order.id.clone())));
    }
    let order = Order { session: paid.session.clone(), paid_at: Some(now), ..state.order.clone() };
    let known = state.payment.as_ref();
    if known.is_some_and(|payment| payment.is_refunded) {
        writes.push(state.save(Order { state: OrderState::Refunded, ..order }));
        return Ok(Decision::write(writes, Outcome::WentBack));
    }
    if known.is_some_and(|payment| payment.is_disputed) && state.is_held_back() {
        writes.push(state.save(Order { state: OrderState::Disputed, ..order }));
        return Ok(Decision::write(writes, Outcome::HeldBack));
    }
    let (order, handed, outcome) = hand_out(state, order, paid.card.as_deref(), now)?;
    writes.extend(handed);
    writes.push(state.save(order));
    Ok(Decision::write(writes, outcome))
}

/// Gives what was paid for.
pub(super) fn hand_out(
    state: &Fulfilment,
    order: Order,
    card: Option<&str>,
    now: Timestamp,
) -> Result<(Order, Vec<Write>, Outcome), Denied> {
    match &state.order.goods {
        Goods::Policy { .. } => sell(state, order, card, now),
        Goods::Pack { pack, .. } => {
            let license = state.license.as_ref().ok_or(Denied::LicenseNotFound)?;
            let (order, writes) = give(license, order, pack, now)?;
            Ok((order, writes, Outcome::Given))
        }
    }
}

/// Gives a license of a policy: a new one, or the buyer's trial moved to it.
fn sell(
    state: &Fulfilment,
    order: Order,
    card: Option<&str>,
    now: Timestamp,
) -> Result<(Order, Vec<Write>, Outcome), Denied> {
    let (policy, new) = state.policy.as_ref().zip(state.new.as_ref()).ok_or(Denied::PolicyNotFound)?;
    let email = Email::parse(&order.email);
    let project_id = order.project_id.clone();
    let note = |license: Option<LicenseId>| {
        let email = email.clone()?;
        let trial = Trial { project_id: project_id.clone(), email, license, converted_at: None, revision: 1, at: now };
        Some(Write::SaveTrial { trial, found: None })
    };
    if policy.terms.kind == "trial" {
        if state.trial.is_some() || state.card.is_some() {
            let known = state.trial.is_some();
            let refused = note(None).filter(|_| !known).into_iter().collect();
            return Ok((Order { state: OrderState::Refused, ..order }, refused, Outcome::Refused));
        }
        let card = card.map(|fingerprint| Write::AddCard {
            card: Card { project_id: project_id.clone(), fingerprint: fingerprint.to_owned(), at: now },
        });
        let writes = new.writes.iter().cloned().chain(note(Some(new.id.clone()))).chain(card).collect();
        return Ok((given(order, new.id.clone()), writes, Outcome::Given));
    }
    let unconverted = state.trial.as_ref().filter(|trial| trial.license.is_some() && trial.converted_at.is_none());
    let converted = unconverted.map(|trial| Write::SaveTrial {
        trial: Trial { converted_at: Some(now), revision: trial.revision + 1, ..trial.clone() },
        found: Some(trial.revision),
    });
    let trial = state.license.as_ref().filter(|license| {
        unconverted.is_some() && store_flag(policy, "convertsTrial") && license.license.state == AdminState::Active
    });
    match trial {
        None => {
            Ok((given(order, new.id.clone()), new.writes.iter().cloned().chain(converted).collect(), Outcome::Given))
        }
        Some(trial) => {
            let license = License {
                policy_number: policy.number,
                valid_until: policy.terms.valid_until(now),
                revision: trial.license.revision + 1,
                ..trial.license.clone()
            };
            let order = Order { converted: true, ..given(order, license.id.clone()) };
            let after = trial.revised(policy, license);
            let revise = Write::ReviseLicense { license: after.license.clone() };
            let writes = [revise].into_iter().chain(after.following(now)).chain(converted);
            Ok((order, writes.collect(), Outcome::Given))
        }
    }
}

fn given(order: Order, license: LicenseId) -> Order {
    Order { state: OrderState::Paid, license: Some(license), ..order }
}

/// Gives a pack to a license, all that is in it at once.
pub(super) fn give(
    state: &LicenseState,
    order: Order,
    pack: &TopUpOption,
    now: Timestamp,
) -> Result<(Order, Vec<Write>), Denied> {
    let found = &state.license;
    let days = found.valid_until.map_or(0, |_| i64::from(pack.days));
    let license = License {
        purchases: found.purchases.with(pack),
        valid_until: found.valid_until.map(|end| if days > 0 { end.max(now).plus_days(days) } else { end }),
        ..found.clone()
    };
    let (after, mut writes) = revised(state, license);
    let tokens = after.tokens(now).filter(|_| pack.tokens > 0);
    let amount = tokens.as_ref().map_or(0, |_| i64::from(pack.tokens));
    match tokens {
        None => writes.extend(after.following(now)),
        Some(tokens) => {
            let grant = Grant {
                id: PURCHASE.to_owned(),
                amount,
                remaining: amount,
                priority: CREDIT_PRIORITY,
                expires_at: None,
                granted_at: now,
            };
            // By the order and how often it was given: a dispute that was won gives it again.
            let id = format!("order:{}:{}", order.id, order.revision);
            let cause = Cause::of_the_service(id, "top_up", Source::Purchase, now);
            let (moved, entries) = tokens.wallet.grant(grant, cause, now)?;
            writes.extend(tokens.moved(moved, entries));
        }
    }
    let order = Order { given: Some(Given { days, tokens: amount }), ..given(order, found.id.clone()) };
    Ok((order, writes))
}

/// The state after a license was revised, and the write; none if nothing changed.
pub(super) fn revised(state: &LicenseState, license: License) -> (LicenseState, Vec<Write>) {
    if license == state.license {
        return (state.clone(), Vec::new());
    }
    let after = state.revised(&state.policy, License { revision: license.revision + 1, ..license });
    let write = Write::ReviseLicense { license: after.license.clone() };
    (after, vec![write])
}

/// Decides what becomes of an order whose payment page was closed.
pub fn close(state: &Fulfilment, event: &str, now: Timestamp) -> Decision<Outcome> {
    if state.is_seen || state.order.state != OrderState::Open {
        return Decision::read(Outcome::Nothing);
    }
    let event = Write::AddPaymentEvent { id: event.to_owned(), at: now };
    let order = state.save(Order { state: OrderState::Expired, ..state.order.clone() });
    Decision::write(vec![event, order], Outcome::Settled)
}

/// Decides what a paid period of a subscription gives: the license lasts until its end. Before the order itself is known to
/// be paid, only the payment is noted.
pub fn period(
    state: &Fulfilment,
    event: &str,
    payment: Option<&str>,
    until: Timestamp,
    now: Timestamp,
) -> Decision<Outcome> {
    if state.is_seen {
        return Decision::read(Outcome::Nothing);
    }
    let mut writes = vec![Write::AddPaymentEvent { id: event.to_owned(), at: now }];
    if let Some(id) = payment {
        writes.push(state.save_payment(id, now, |payment| payment.order = Some(state.order.id.clone())));
    }
    let went_back = state.payment.as_ref().is_some_and(|payment| payment.is_refunded);
    let lasts = matches!(state.order.state, OrderState::Paid | OrderState::Disputed) && state.order.license.is_some();
    let Some(license) = state.license.as_ref().filter(|_| lasts && !went_back) else {
        return Decision::write(writes, Outcome::Nothing);
    };
    let valid_until = license.license.valid_until.map(|end| end.max(until));
    let (after, revise) = revised(license, License { valid_until, ..license.license.clone() });
    let outcome = if revise.is_empty() { Outcome::Nothing } else { Outcome::Extended };
    writes.extend(revise);
    writes.extend(after.following(now));
    Decision::write(writes, outcome)
}
