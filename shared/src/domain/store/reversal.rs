//! What a refund or a dispute does to what was bought: as the policy says.

use ltlm_protocol::Timestamp;

use crate::domain::decision::Decision;
use crate::domain::store::fulfillment::{Fulfillment, Outcome};
use crate::domain::store::{reversal_policy, standing};
use crate::model::billing_period::Period;
use crate::model::denied::Denied;
use crate::model::order::{FailedRefund, Payment};
use crate::model::write::Write;

/// What the provider reports about a payment after it was made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ReversalKind {
    /// Some of it is back with the buyer, or all of it.
    Refunded {
        /// How much by now, in the provider's minor units.
        refunded: i64,
        /// What the payment was.
        total: i64,
    },
    /// A refund could not be carried out after all.
    RefundFailed {
        /// The provider's name of the refund.
        refund: String,
        /// How much it was.
        amount: i64,
    },
    /// The buyer's bank disputes it.
    Disputed,
    /// The vendor won the dispute.
    Won,
    /// The vendor lost the dispute.
    Lost,
}

/// A payment that did not stay as it was.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reversal {
    /// The provider's name of the payment.
    pub payment: String,
    /// The provider's name of the dispute, if it is about one.
    pub dispute: Option<String>,
    /// What happened.
    pub trouble: ReversalKind,
    /// When, by the provider's clock.
    pub at: Timestamp,
}

/// Decides what follows for the order that was paid.
pub fn decide(
    state: &Fulfillment,
    incident: &Reversal,
    event: &str,
    now: Timestamp,
) -> Result<Decision<Outcome>, Denied> {
    if state.is_seen {
        return Ok(Decision::read(Outcome::Nothing));
    }
    let payment = marked(Payment::next(&incident.payment, state.payment.as_ref(), now), incident);
    let payment = Payment { order: Some(state.order.id.clone()), ..payment };
    let fate = state.rules().map(|rules| reversal_policy::fate(&payment, rules));
    let event = Write::AddPaymentEvent { id: event.to_owned(), at: now };
    let mut writes = vec![event, state.save_payment(payment)];
    let Some(fate) = fate else { return Ok(Decision::write(writes, Outcome::Nothing)) };
    let mut order = state.order.clone();
    if !order.periods.change(&incident.payment, fate) {
        // An order from before payments were listed has one that is not known any closer.
        let is_old = order.periods.list.is_empty() && order.license.is_some();
        let Some(paid_at) = order.paid_at.filter(|_| is_old) else {
            return Ok(Decision::write(writes, Outcome::Nothing));
        };
        order.periods.note(Period { payment: Some(incident.payment.clone()), until: None, paid_at, fate });
    }
    let (order, moved) = standing::follow(state, order, None, now)?;
    if order == state.order && moved.is_empty() {
        return Ok(Decision::write(writes, Outcome::Nothing));
    }
    writes.extend(moved);
    writes.push(state.save(order));
    Ok(Decision::write(writes, Outcome::Settled))
}

/// Notes what happened to a payment of which no order is known: if one is paid by it later, it gives what is left.
pub fn note(known: Option<&Payment>, incident: &Reversal, event: &str, now: Timestamp) -> Decision<Outcome> {
    let noted = marked(Payment::next(&incident.payment, known, now), incident);
    let event = Write::AddPaymentEvent { id: event.to_owned(), at: now };
    Decision::write(
        vec![event, Write::SavePayment { payment: noted, found: known.map(|known| known.revision) }],
        Outcome::Nothing,
    )
}

/// Does it concern a dispute whose end was reported before its beginning?
fn is_over(payment: &Payment, incident: &Reversal) -> bool {
    incident.dispute.is_some() && payment.closed_dispute == incident.dispute
}

fn marked(mut payment: Payment, incident: &Reversal) -> Payment {
    let at = incident.at;
    match &incident.trouble {
        ReversalKind::Refunded { refunded, total } => payment.refunds.note(*refunded, *total, at),
        ReversalKind::RefundFailed { refund, amount } => {
            payment.refunds.fail(FailedRefund { id: refund.clone(), amount: *amount, at });
        }
        ReversalKind::Disputed if is_over(&payment, incident) => {}
        ReversalKind::Disputed => payment.disputed_at = Some(at),
        ReversalKind::Won | ReversalKind::Lost => {
            payment.disputed_at = None;
            payment.closed_dispute = incident.dispute.clone().or(payment.closed_dispute);
            payment.lost_at = payment.lost_at.or((incident.trouble == ReversalKind::Lost).then_some(at));
        }
    }
    payment
}
