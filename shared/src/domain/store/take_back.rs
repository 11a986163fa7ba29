//! What a refund or a dispute does to what was bought: as the policy says.

use ltlm_protocol::Timestamp;
use ltlm_protocol::license_data::TopUpOption;

use super::fulfil::{Fulfilment, Outcome, give, hand_out, revised};
use super::order::{Given, Goods, Order, OrderState, Payment};
use super::rule::{self, Rule};
use crate::domain::entry::Source;
use crate::domain::license::{AdminState, License};
use crate::domain::wallet::{Cause, PURCHASE};
use crate::domain::write::Decision;
use crate::domain::{Denied, LicenseState, Write};

/// What the provider tells of a payment after it was made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Trouble {
    /// All of it went back to the buyer.
    Refunded,
    /// The buyer's bank disputes it.
    Disputed,
    /// The vendor won the dispute.
    Won,
    /// The vendor lost the dispute.
    Lost,
}

/// A payment that did not stay as it was.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Incident {
    /// The provider's name of the payment.
    pub payment: String,
    /// The provider's name of the dispute, if it is about one.
    pub dispute: Option<String>,
    /// What happened.
    pub trouble: Trouble,
}

/// Why a license is suspended: by it the suspension is known when the dispute ends.
fn reason(order: &Order) -> String {
    format!("the payment of {} is disputed", order.id)
}

/// Decides what follows for the order that was paid.
pub fn decide(
    state: &Fulfilment,
    incident: &Incident,
    event: &str,
    now: Timestamp,
) -> Result<Decision<Outcome>, Denied> {
    if state.is_seen {
        return Ok(Decision::read(Outcome::Nothing));
    }
    let noted = state.save_payment(&incident.payment, now, |payment| {
        *payment = marked(payment.clone(), incident);
        payment.order = Some(state.order.id.clone());
    });
    let mut writes = vec![Write::AddPaymentEvent { id: event.to_owned(), at: now }, noted];
    let (order, trouble) = (&state.order, incident.trouble);
    let concerns = match trouble {
        Trouble::Refunded | Trouble::Lost => matches!(order.state, OrderState::Paid | OrderState::Disputed),
        Trouble::Disputed => {
            order.state == OrderState::Paid && !state.payment.as_ref().is_some_and(|p| is_over(p, incident))
        }
        Trouble::Won => order.state == OrderState::Disputed,
    };
    if !concerns {
        return Ok(Decision::write(writes, Outcome::Nothing));
    }
    let (order, moved) = match (&order.license, &state.license) {
        (Some(_), Some(license)) => follow(license, order, trouble, now)?,
        // The dispute came before the payment, and nothing was given.
        _ if trouble == Trouble::Won => {
            let (order, moved, _) = hand_out(state, order.clone(), None, now)?;
            (order, moved)
        }
        _ => (Order { state: OrderState::Refunded, ..order.clone() }, Vec::new()),
    };
    writes.extend(moved);
    writes.push(state.save(order));
    Ok(Decision::write(writes, Outcome::Settled))
}

/// What happens to the license that an order made, moved or added to.
fn follow(
    license: &LicenseState,
    order: &Order,
    trouble: Trouble,
    now: Timestamp,
) -> Result<(Order, Vec<Write>), Denied> {
    let policy = &license.policy;
    let (after, (order, moved)) = match trouble {
        Trouble::Disputed => (OrderState::Disputed, settle(license, order, rule::on_dispute(policy), now)),
        Trouble::Won => (OrderState::Paid, restore(license, order, now)?),
        Trouble::Refunded => {
            (OrderState::Refunded, settle(&freed(license, order), order, rule::on_refund(policy), now))
        }
        Trouble::Lost => (OrderState::Refunded, settle(&freed(license, order), order, rule::on_loss(policy), now)),
    };
    Ok((Order { state: after, ..order }, moved))
}

/// Notes what happened to a payment of which no order is known: if one is paid by it later, it gives nothing.
pub fn note(known: Option<&Payment>, incident: &Incident, event: &str, now: Timestamp) -> Decision<Outcome> {
    let noted = marked(Payment::next(&incident.payment, known, now), incident);
    let event = Write::AddPaymentEvent { id: event.to_owned(), at: now };
    Decision::write(
        vec![event, Write::SavePayment { payment: noted, found: known.map(|known| known.revision) }],
        Outcome::Nothing,
    )
}

/// Is it about a dispute whose end was told before its beginning?
fn is_over(payment: &Payment, incident: &Incident) -> bool {
    incident.dispute.is_some() && payment.closed_dispute == incident.dispute
}

fn marked(payment: Payment, incident: &Incident) -> Payment {
    let (trouble, is_over) = (incident.trouble, is_over(&payment, incident));
    let closed = incident.dispute.clone().filter(|_| matches!(trouble, Trouble::Won | Trouble::Lost));
    Payment {
        is_refunded: payment.is_refunded || matches!(trouble, Trouble::Refunded | Trouble::Lost),
        is_disputed: trouble == Trouble::Disputed && !is_over,
        closed_dispute: closed.or(payment.closed_dispute),
        ..payment
    }
}

/// The license without the suspension for this order's dispute, as it shall be from now on.
fn freed(state: &LicenseState, order: &Order) -> LicenseState {
    let license = &state.license;
    if license.state != AdminState::Suspended || license.state_reason.as_deref() != Some(&reason(order)) {
        return state.clone();
    }
    let license = License { state: AdminState::Active, state_reason: None, ..license.clone() };
    LicenseState { license, ..state.clone() }
}

fn settle(state: &LicenseState, order: &Order, rule: Rule, now: Timestamp) -> (Order, Vec<Write>) {
    let found = state.license.state;
    let stopped = |to: AdminState, why: String| License { state: to, state_reason: Some(why), ..state.license.clone() };
    let written = |license: License| (order.clone(), written(state, license));
    match (rule, &order.goods, order.given) {
        // What the vendor stopped is stopped already, and stays so when the dispute is won.
        (Rule::Suspend, ..) if found == AdminState::Active => written(stopped(AdminState::Suspended, reason(order))),
        (Rule::TakeBack, Goods::Policy { .. }, _) if !found.is_final() => {
            written(stopped(AdminState::Revoked, format!("the payment of {} went back", order.id)))
        }
        (Rule::TakeBack, Goods::Pack { pack, .. }, Some(given)) => take(state, order, pack, given, now),
        // A pack without what it gave was taken back by a dispute.
        _ => written(state.license.clone()),
    }
}

/// The license as it shall be: written whether or not it differs from the state's, which may be ahead of the table.
fn written(state: &LicenseState, license: License) -> Vec<Write> {
    let license = License { revision: state.license.revision + 1, ..license };
    vec![Write::ReviseLicense { license }]
}

/// Takes away what a pack gave. Tokens that are spent become a debt; days are taken from the end.
fn take(state: &LicenseState, order: &Order, pack: &TopUpOption, given: Given, now: Timestamp) -> (Order, Vec<Write>) {
    let license = License {
        purchases: state.license.purchases.without(pack),
        valid_until: state.license.valid_until.map(|end| end.plus_days(-given.days)),
        ..state.license.clone()
    };
    let mut writes = written(state, license.clone());
    let after = state.revised(&state.policy, License { revision: license.revision + 1, ..license });
    match after.tokens(now).filter(|_| given.tokens > 0) {
        None => writes.extend(after.following(now)),
        Some(tokens) => {
            let id = format!("refund:{}:{}", order.id, order.revision);
            let cause = Cause::of_the_service(id, "top_up_refunded", Source::Purchase, now);
            let (moved, entries) = tokens.wallet.withdraw(PURCHASE, given.tokens, cause, now);
            writes.extend(tokens.moved(moved, entries));
        }
    }
    (Order { given: None, ..order.clone() }, writes)
}

/// Undoes what a dispute did, as far as it can be undone: a revoked license stays so.
fn restore(state: &LicenseState, order: &Order, now: Timestamp) -> Result<(Order, Vec<Write>), Denied> {
    match (&order.goods, order.given) {
        (Goods::Pack { pack, .. }, None) => give(state, order.clone(), pack, now),
        _ => {
            let (_, writes) = revised(state, freed(state, order).license);
            Ok((order.clone(), writes))
        }
    }
}
