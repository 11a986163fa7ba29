//! What a payment gives: once, however often the provider tells of it, and whatever else it tells before.

use ltlm_protocol::Timestamp;
use ltlm_protocol::license_data::TopUpOption;

use super::catalog::store_flag;
use super::email::Email;
use super::message::{Message, PaidInvoice};
use super::order::{Billing, Chore, Given, Goods, Ignored, Order, OrderState, Payment, Reason, Sale};
use super::period::{Fate, Period};
use super::rule::{self, Rule, Rules};
use super::standing;
use super::tokens::{self, purchased};
use super::trial::{Card, Trial};
use crate::domain::account::AccountState;
use crate::domain::entry::Source;
use crate::domain::license::{AdminState, License, LicenseId};
use crate::domain::policy::Policy;
use crate::domain::record::Record;
use crate::domain::token_renewal::TokenRenewal;
use crate::domain::wallet::{Cause, Wallet};
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
    /// The provider's name of the subscription.
    pub subscription: Option<String>,
    /// The provider's fingerprint of the card, where that is asked for.
    pub card: Option<String>,
    /// When it was paid, by the provider's clock.
    pub paid_at: Timestamp,
    /// With real money?
    pub is_live: bool,
}

impl Paid {
    /// Names what was paid: the payment, the subscription or the page, whichever is told.
    fn name(&self) -> &str {
        let name = self.payment.as_deref().or(self.subscription.as_deref()).or(self.session.as_deref());
        name.unwrap_or(&self.event)
    }
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
    /// The account that the order gives tokens to; none for other goods.
    pub account: Option<AccountState>,
    /// The license that it may make.
    pub new: Option<NewLicense>,
    /// The last sale of the same thing to the same buyer.
    pub sale: Option<Sale>,
    /// Does the project take real money? Else the provider's test money.
    pub takes_live: bool,
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
    /// An order that was paid is paid by another payment, or its buyer paid on two pages: it is given back.
    PaidAgain,
    /// A payment bought nothing, because what was ordered has ended.
    Unapplied,
    /// It is of the mode that the project does not take.
    OtherMode,
    /// What was given is taken back, stopped, or left, as the policy says.
    Settled,
    /// A period of a subscription is paid.
    Extended,
}

impl Fulfilment {
    /// What is known of an order, before anything else is.
    pub fn new(order: Order) -> Self {
        Self {
            order,
            payment: None,
            is_seen: false,
            policy: None,
            trial: None,
            card: None,
            license: None,
            account: None,
            new: None,
            sale: None,
            takes_live: true,
        }
    }

    /// Takes in a record. False if that is not enough to decide again.
    pub fn absorb(&mut self, record: Record) -> bool {
        match record {
            Record::Order(order) => self.order = order,
            Record::Sale(sale) => self.sale = Some(sale),
            Record::Payment(payment) => self.payment = Some(payment),
            Record::PaymentEvent(_) => self.is_seen = true,
            Record::Trial(trial) => {
                // Of several under different spellings, the one that has a license.
                let replaces = |known: &Trial| known.email == trial.email || known.license.is_none();
                if self.trial.as_ref().is_none_or(replaces) {
                    self.trial = Some(trial);
                }
                // Its license may be what the order moves.
                return false;
            }
            Record::Card(card) => self.card = Some(card),
            other => match &mut self.account {
                Some(account) => account.absorb(other),
                None => return self.license.as_mut().is_none_or(|license| license.absorb(other)),
            },
        }
        true
    }

    /// The policy by which it was bought.
    pub(super) fn policy(&self) -> Option<&Policy> {
        self.license
            .as_ref()
            .map(|license| &license.policy)
            .filter(|_| self.is_about_a_license())
            .or(self.policy.as_ref())
    }

    /// Is the license what the order made, moved or adds to, and not a trial that it may move?
    fn is_about_a_license(&self) -> bool {
        matches!(self.order.goods, Goods::Pack { .. }) || self.order.license.is_some()
    }

    /// Is nothing given while a payment is disputed?
    pub(super) fn is_held_back(&self) -> bool {
        self.rules().is_some_and(|rules| rules.on_dispute != Rule::Keep)
    }

    /// The vendor's rules for what it bought.
    pub(super) fn rules(&self) -> Option<Rules> {
        match &self.order.goods {
            Goods::Tokens { pack, .. } => Some(pack.rules()),
            Goods::Policy { .. } | Goods::Pack { .. } => self.policy().map(Rules::of),
        }
    }

    /// Did the buyer pay for the same thing on another page, while this one was open? A caller who names its operations wants as
    /// many as it names, and a policy may say that several are wanted.
    fn is_duplicate(&self) -> bool {
        let allows = self.policy().is_some_and(|policy| store_flag(policy, "allowsDuplicates"));
        let order = &self.order;
        let is_other = |sale: &Sale| sale.order != order.id && sale.at > order.created_at;
        !order.is_named && !allows && order.price.minor > 0 && self.sale.as_ref().is_some_and(is_other)
    }

    /// Remembers the sale, so that another page for the same thing is known.
    fn save_sale(&self, now: Timestamp) -> Option<Write> {
        let order = &self.order;
        let (found, order_id) = (self.sale.as_ref().map(|sale| sale.revision), order.id.clone());
        let (project_id, what) = (order.project_id.clone(), order.what());
        let sale = Sale { project_id, what, order: order_id, at: now, revision: found.unwrap_or(0) + 1 };
        (!order.is_named && order.price.minor > 0).then_some(Write::SaveSale { sale, found })
    }

    /// What is known of the payment, once it is this order's.
    fn payment_of_order(&self, id: &str, now: Timestamp) -> Payment {
        Payment { order: Some(self.order.id.clone()), ..Payment::next(id, self.payment.as_ref(), now) }
    }

    /// What became of a payment so far.
    fn fate(&self, payment: &Payment) -> Fate {
        self.rules().map_or_else(Fate::default, |rules| rule::fate(payment, rules))
    }

    /// The order afterwards, as a write.
    pub(super) fn save(&self, order: Order) -> Write {
        Write::SaveOrder {
            order: Order { revision: self.order.revision + 1, ..order },
            found: Some(self.order.revision),
        }
    }

    /// What is known of the payment afterwards, as a write.
    pub(super) fn save_payment(&self, payment: Payment) -> Write {
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
        if paid.session == state.order.session {
            return Ok(Decision::write(writes, Outcome::Nothing));
        }
        writes.push(state.save(sent_back(state.order.clone(), paid, Reason::PaidAlready, now)));
        return Ok(Decision::write(writes, Outcome::PaidAgain));
    }
    let mut order = Order {
        session: paid.session.clone(),
        subscription: paid.subscription.clone().or(state.order.subscription.clone()),
        is_test: !paid.is_live,
        paid_at: Some(now),
        ..state.order.clone()
    };
    if let Some(id) = &paid.payment {
        let payment = state.payment_of_order(id, now);
        let fate = state.fate(&payment);
        order.periods.note(Period { payment: Some(id.clone()), until: None, paid_at: paid.paid_at, fate });
        writes.push(state.save_payment(payment));
    }
    if state.is_duplicate() {
        let order = Order { state: OrderState::Refused, ..sent_back(order, paid, Reason::Duplicate, now) };
        writes.push(state.save(order));
        return Ok(Decision::write(writes, Outcome::PaidAgain));
    }
    let (order, moved) = standing::follow(state, order, paid.card.as_deref(), now)?;
    writes.extend(moved);
    let outcome = match order.state {
        OrderState::Refunded => Outcome::WentBack,
        OrderState::Disputed => Outcome::HeldBack,
        OrderState::Refused => Outcome::Refused,
        _ => Outcome::Given,
    };
    writes.extend(state.save_sale(now).filter(|_| outcome == Outcome::Given));
    writes.push(state.save(order));
    Ok(Decision::write(writes, outcome))
}

/// The order whose payment bought nothing and goes back: all of it, and nothing more is charged.
fn sent_back(mut order: Order, paid: &Paid, reason: Reason, now: Timestamp) -> Order {
    order.note_unapplied(paid.name(), reason, now);
    let of_periods = order.periods.list.iter().filter_map(|period| period.payment.clone());
    // What a paid order was paid with stays.
    let known: Vec<_> = of_periods.filter(|_| reason != Reason::PaidAlready).collect();
    for payment in known.into_iter().chain(paid.payment.clone()) {
        order.ask(Chore::Refund(payment));
    }
    if let Some(subscription) = &paid.subscription {
        order.ask(Chore::Cancel(subscription.clone()));
    }
    order
}

/// Keeps a message of the mode that the project does not take: it is shown with the order and changes nothing.
pub fn ignore(state: &Fulfilment, message: &Message, payment: Option<&str>, now: Timestamp) -> Decision<Outcome> {
    if state.is_seen {
        return Decision::read(Outcome::Nothing);
    }
    let mut order = state.order.clone();
    let (event, kind) = (message.id.clone(), message.kind.clone());
    order.note_ignored(Ignored { event, kind, is_live: message.is_live, at: now });
    let mut writes = vec![Write::AddPaymentEvent { id: message.id.clone(), at: now }, state.save(order)];
    // What happens to the payment later is shown with the order too.
    let link = payment.map(|id| state.save_payment(state.payment_of_order(id, now)));
    writes.extend(link.filter(|_| state.payment.is_none()));
    Decision::write(writes, Outcome::OtherMode)
}

/// Gives what was paid for.
pub(super) fn hand_out(
    state: &Fulfilment,
    order: Order,
    card: Option<&str>,
    now: Timestamp,
) -> Result<(Order, Vec<Write>), Denied> {
    match &state.order.goods {
        Goods::Policy { .. } => sell(state, order, card, now),
        Goods::Pack { pack, .. } => {
            let license = state.license.as_ref().ok_or(Denied::LicenseNotFound)?;
            if license.license.state.is_final() {
                return Ok((unapplied(order, Reason::Ended, now), Vec::new()));
            }
            give(license, license.license.clone(), order, pack, now)
        }
        Goods::Tokens { pack, .. } => tokens::follow(state, pack, order, now),
    }
}

/// The order that is paid and gives nothing.
pub(super) fn unapplied(mut order: Order, reason: Reason, now: Timestamp) -> Order {
    let payments: Vec<_> = order.periods.list.iter().filter_map(|period| period.payment.clone()).collect();
    for payment in payments {
        order.note_unapplied(&payment, reason, now);
        // Whether a payment for what has ended goes back is the vendor's to decide.
        if reason != Reason::Ended {
            order.ask(Chore::Refund(payment));
        }
    }
    Order { state: OrderState::Refused, ..order }
}

/// Gives a license of a policy: a new one, or the buyer's trial moved to it.
fn sell(state: &Fulfilment, order: Order, card: Option<&str>, now: Timestamp) -> Result<(Order, Vec<Write>), Denied> {
    let (policy, new) = state.policy.as_ref().zip(state.new.as_ref()).ok_or(Denied::PolicyNotFound)?;
    let email = Some(&order.email).filter(|email| !email.is_empty()).map(|email| Email::of_kept(email));
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
            return Ok((unapplied(order, Reason::TrialHad, now), refused));
        }
        let card = card.map(|fingerprint| Write::AddCard {
            card: Card { project_id: project_id.clone(), fingerprint: fingerprint.to_owned(), at: now },
        });
        let (writes, _) = new.writes_for(&order, policy, now);
        let writes = writes.into_iter().chain(note(Some(new.id.clone()))).chain(card).collect();
        return Ok((given(order, new.id.clone()), writes));
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
            let (writes, end) = new.writes_for(&order, policy, now);
            let writes = writes.into_iter().chain(converted).collect();
            Ok((given(with_end(order, end), new.id.clone()), writes))
        }
        Some(trial) => {
            let license = License {
                policy_number: policy.number,
                valid_until: order.periods.until().or_else(|| policy.terms.valid_until(now)),
                revision: trial.license.revision + 1,
                ..trial.license.clone()
            };
            let order = with_end(order, license.valid_until);
            let order = Order { converted: true, ..given(order, license.id.clone()) };
            let after = trial.revised(policy, license);
            let revise = Write::ReviseLicense { license: after.license.clone() };
            let writes = [revise].into_iter().chain(after.following(now)).chain(converted);
            Ok((order, writes.collect()))
        }
    }
}

impl NewLicense {
    /// The writes that make it, as this order pays for it, and its end.
    fn writes_for(&self, order: &Order, policy: &Policy, now: Timestamp) -> (Vec<Write>, Option<Timestamp>) {
        let found = self.writes.iter().find_map(|write| match write {
            Write::AddLicense { license } => Some(license.clone()),
            _ => None,
        });
        let Some(found) = found else { return (self.writes.clone(), None) };
        let end = found.valid_until.map(|end| order.periods.until().unwrap_or(end));
        let license = License { is_test: order.is_test, valid_until: end, ..found };
        let renewal = TokenRenewal::of(&policy.terms);
        let writes = self.writes.iter().cloned().map(|write| match write {
            Write::AddLicense { .. } => Write::AddLicense { license: license.clone() },
            // When its tokens come again follows from its end.
            Write::AddWallet { wallet } => {
                let next = renewal.and_then(|renewal| renewal.next(&license, &wallet, now));
                let due_at = next.filter(|_| !wallet.grants.is_empty());
                Write::AddWallet { wallet: Wallet { due_at, ..wallet } }
            }
            other => other,
        });
        (writes.collect(), end)
    }
}

/// The order that gives a license this end: what is paid again and again moves it from there.
fn with_end(order: Order, end: Option<Timestamp>) -> Order {
    let is_periodic = matches!(order.billing, Billing::Every { .. });
    Order { paid_until: end.filter(|_| is_periodic), ..order }
}

fn given(order: Order, license: LicenseId) -> Order {
    Order { state: OrderState::Paid, license: Some(license), ..order }
}

/// Gives a pack to a license, all that is in it at once. `found` is the license as it shall be apart from that.
pub(super) fn give(
    state: &LicenseState,
    found: License,
    order: Order,
    pack: &TopUpOption,
    now: Timestamp,
) -> Result<(Order, Vec<Write>), Denied> {
    let days = found.valid_until.map_or(0, |_| i64::from(pack.days));
    let license = License {
        purchases: found.purchases.with(pack),
        valid_until: found.valid_until.map(|end| if days > 0 { end.max(now).plus_days(days) } else { end }),
        ..found.clone()
    };
    let (after, mut writes) = revised(state, license);
    let tokens = after.tokens(now).filter(|_| pack.tokens > 0);
    let amount = tokens.as_ref().map_or(0, |_| i64::from(pack.tokens));
    let whole = Given { days, tokens: amount, taken: 0 };
    // What went back before the payment was told was never there.
    let taken = standing::taken(rule::on_refund(&state.policy), &order, whole);
    match tokens.filter(|_| taken < amount) {
        None => writes.extend(after.following(now)),
        Some(tokens) => {
            // By the order and how often it was given: a dispute that was won gives it again.
            let id = format!("order:{}:{}", order.id, order.revision);
            let cause = Cause::of_the_service(id, "top_up", Source::Purchase, now);
            let (moved, entries) = tokens.wallet.grant(purchased(amount - taken, now), cause, now)?;
            writes.extend(tokens.moved(moved, entries));
        }
    }
    let order = Order { given: Some(Given { taken, ..whole }), ..given(order, found.id.clone()) };
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

/// Notes that the provider has done something.
pub fn done(state: &Fulfilment, chore: &Chore) -> Decision<()> {
    let mut order = state.order.clone();
    order.remarks.todo.iter_mut().filter(|todo| todo.chore == *chore).for_each(|todo| todo.is_done = true);
    match order == state.order {
        true => Decision::read(()),
        false => Decision::write(vec![state.save(order)], ()),
    }
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

/// Decides what a paid invoice of a subscription gives: the license lasts until the end of what is paid. Before the order itself
/// is known to be paid, the invoice is kept with it.
pub fn period(
    state: &Fulfilment,
    event: &str,
    invoice: &PaidInvoice,
    now: Timestamp,
) -> Result<Decision<Outcome>, Denied> {
    if state.is_seen {
        return Ok(Decision::read(Outcome::Nothing));
    }
    let mut writes = vec![Write::AddPaymentEvent { id: event.to_owned(), at: now }];
    let mut order = state.order.clone();
    let is_strange = order.subscription.is_some() && invoice.subscription.is_some();
    if is_strange && order.subscription != invoice.subscription {
        let paid = Paid { event: event.to_owned(), payment: invoice.payment.clone(), ..Paid::default() };
        let paid = Paid { subscription: invoice.subscription.clone(), ..paid };
        writes.push(state.save(sent_back(order, &paid, Reason::PaidAlready, now)));
        return Ok(Decision::write(writes, Outcome::PaidAgain));
    }
    order.subscription = invoice.subscription.clone().or(order.subscription);
    let payment = invoice.payment.as_deref().map(|id| state.payment_of_order(id, now));
    let fate = payment.as_ref().map_or_else(Fate::default, |payment| state.fate(payment));
    let until = invoice.until(&order.price);
    writes.extend(payment.map(|payment| state.save_payment(payment)));
    if until.is_some() {
        let (payment, paid_at) = (invoice.payment.clone(), invoice.paid_at);
        order.periods.note(Period { payment, until, paid_at, fate });
    }
    if state.order.state == OrderState::Refused {
        let reason = order.remarks.unapplied.first().map_or(Reason::Duplicate, |unapplied| unapplied.reason);
        writes.push(state.save(unapplied(order, reason, now)));
        return Ok(Decision::write(writes, Outcome::PaidAgain));
    }
    let (mut order, moved) = standing::follow(state, order, None, now)?;
    let is_stopped = state.license.as_ref().is_some_and(|license| license.license.state.is_final());
    let is_applied = moved.iter().any(|write| matches!(write, Write::ReviseLicense { .. }));
    if is_stopped && !is_applied && fate.back_at.is_none() && state.order.license.is_some() {
        order.note_unapplied(invoice.payment.as_deref().unwrap_or(event), Reason::Ended, now);
    }
    let is_unapplied = order.remarks.unapplied.len() > state.order.remarks.unapplied.len();
    let outcome = match (is_unapplied, is_applied) {
        (true, _) => Outcome::Unapplied,
        (_, true) => Outcome::Extended,
        _ => Outcome::Nothing,
    };
    writes.extend(moved);
    writes.push(state.save(order));
    Ok(Decision::write(writes, outcome))
}
