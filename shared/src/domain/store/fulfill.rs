//! What a payment delivers: once, however often the provider reports it, and whatever else it reports before.

use ltlm_protocol::Timestamp;

use crate::domain::decision::Decision;
use crate::domain::store::fulfillment::{Fulfillment, Outcome, unapplied};
use crate::domain::store::provider_event::{Message, Paid, PaidInvoice};
use crate::domain::store::standing;
use crate::model::billing_period::{Fate, Period};
use crate::model::denied::Denied;
use crate::model::order::{Chore, Ignored, Order, OrderState, Reason};
use crate::model::write::Write;

/// Decides what a payment gives.
pub fn decide(state: &Fulfillment, paid: &Paid, now: Timestamp) -> Result<Decision<Outcome>, Denied> {
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
pub fn ignore(state: &Fulfillment, message: &Message, payment: Option<&str>, now: Timestamp) -> Decision<Outcome> {
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

/// Notes that the provider has done something.
pub fn done(state: &Fulfillment, chore: &Chore) -> Decision<()> {
    let mut order = state.order.clone();
    order.remarks.todo.iter_mut().filter(|todo| todo.chore == *chore).for_each(|todo| todo.is_done = true);
    match order == state.order {
        true => Decision::read(()),
        false => Decision::write(vec![state.save(order)], ()),
    }
}

/// Decides what becomes of an order whose payment page was closed.
pub fn close(state: &Fulfillment, event: &str, now: Timestamp) -> Decision<Outcome> {
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
    state: &Fulfillment,
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
