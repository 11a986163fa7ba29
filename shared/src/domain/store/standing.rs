//! The valid payments of an order, and what follows for the license: delivered, ended, suspended, or unchanged. It is
//! computed from the order's payments alone, so that the provider's messages lead to the same result in any order, and
//! reversals are undone.

use ltlm_protocol::Timestamp;
use ltlm_protocol::license_data::TopUpOption;

use crate::domain::license::state::LicenseState;
use crate::domain::store::fulfillment::Fulfillment;
use crate::domain::store::grants::{give, grant_order, revised};
use crate::domain::store::reversal_policy::taken;
use crate::domain::store::{reversal_policy, tokens};
use crate::model::billing_period::moved_end;
use crate::model::denied::Denied;
use crate::model::license::{AdminState, License};
use crate::model::order::{Billing, Chore, Granted, Order, OrderItem, OrderState, Reason};
use crate::model::wallet::cause::Cause;
use crate::model::wallet::entry::Source;
use crate::model::wallet::grant::PURCHASE;
use crate::model::write::Write;

/// Why a license is suspended: by it the suspension is known when it is over.
fn suspended_for(order: &Order) -> String {
    format!("the payment of {} is disputed", order.id)
}

/// Why a license is revoked: by it the revocation is known when it is undone.
fn revoked_for(order: &Order) -> String {
    format!("the payment of {} went back", order.id)
}

/// Adapts an order and its license to its valid payments. `order` is the order with its current payments.
pub(super) fn follow(
    state: &Fulfillment,
    order: Order,
    card: Option<&str>,
    now: Timestamp,
) -> Result<(Order, Vec<Write>), Denied> {
    let is_unpaid = order.paid_at.is_none() || order.state == OrderState::Refused;
    if is_unpaid {
        return Ok((order, Vec::new()));
    }
    if let OrderItem::Tokens { pack, .. } = &state.order.goods {
        let (order, writes) = tokens::follow(state, pack, order, now)?;
        return Ok((with_consequences(order, now), writes));
    }
    let has_ended = order.periods.ended_at().is_some();
    let (order, writes) = match (&order.license, &state.license) {
        (Some(_), Some(license)) => settle(license, order, now)?,
        (Some(_), None) => (order, Vec::new()),
        (None, _) if has_ended || order.periods.refunded_at().is_some() => (order, Vec::new()),
        (None, _) if order.periods.is_disputed() && state.is_held_back() => (order, Vec::new()),
        (None, _) => grant_order(state, order, card, now)?,
    };
    Ok((with_consequences(order, now), writes))
}

/// The order in the state that its payments leave it in, with what is to be done at the provider.
fn with_consequences(mut order: Order, now: Timestamp) -> Order {
    if order.state == OrderState::Refused {
        return order;
    }
    order.state = match (order.periods.refunded_at(), order.periods.is_disputed()) {
        (Some(_), _) => OrderState::Refunded,
        (None, true) => OrderState::Disputed,
        (None, false) => OrderState::Paid,
    };
    let has_ended = order.periods.ended_at().is_some();
    let subscription = order.subscription.clone().filter(|_| matches!(order.billing, Billing::Every { .. }));
    match subscription.map(Chore::Cancel) {
        Some(cancel) if has_ended => order.ask(cancel),
        Some(cancel) => order.remarks.todo.retain(|todo| todo.is_done || todo.chore != cancel),
        None => {}
    }
    let late: Vec<_> = order.periods.unapplied().filter_map(|period| period.payment.clone()).collect();
    for payment in late {
        order.note_unapplied(&payment, Reason::Ended, now);
    }
    order
}

/// What follows for a license that the order created, moved or added to.
fn settle(license: &LicenseState, order: Order, now: Timestamp) -> Result<(Order, Vec<Write>), Denied> {
    let found = resumed_or_suspended(&license.license, &order);
    match order.goods.clone() {
        OrderItem::Policy { .. } => Ok(settle_license(license, found, order, now)),
        OrderItem::Pack { pack, .. } => settle_pack(license, found, order, &pack, now),
        OrderItem::Tokens { .. } => Ok((order, Vec::new())),
    }
}

/// The license suspended for a payment, or not any more. What the vendor stopped is stopped already, and stays so.
fn resumed_or_suspended(license: &License, order: &Order) -> License {
    let why = suspended_for(order);
    let is_ours = license.state == AdminState::Suspended && license.state_reason.as_deref() == Some(&why);
    match (order.periods.suspends(), license.state) {
        (true, AdminState::Active) => {
            License { state: AdminState::Suspended, state_reason: Some(why), ..license.clone() }
        }
        (false, _) if is_ours => License { state: AdminState::Active, state_reason: None, ..license.clone() },
        _ => license.clone(),
    }
}

/// A license ends with the latest end of a valid payment, and is revoked if there is none.
fn settle_license(license: &LicenseState, found: License, mut order: Order, now: Timestamp) -> (Order, Vec<Write>) {
    let (has_ended, why) = (order.periods.ended_at().is_some(), revoked_for(&order));
    let is_ours = found.state == AdminState::Revoked && found.state_reason.as_deref() == Some(&why);
    let mut after = match (has_ended, found.state) {
        (true, state) if !state.is_final() => License { state: AdminState::Revoked, state_reason: Some(why), ..found },
        (false, _) if is_ours => License { state: AdminState::Active, state_reason: None, ..found },
        _ => found,
    };
    let until = order.periods.until().filter(|_| !has_ended);
    if let Some((until, end)) = until.zip(after.valid_until) {
        after.valid_until = Some(moved_end(end, order.paid_until.unwrap_or(end), until));
        order.paid_until = Some(until);
    }
    let (after, mut writes) = revised(license, after);
    if !writes.is_empty() {
        writes.extend(after.following(now));
    }
    (order, writes)
}

/// A pack is delivered as a whole, or not at all; a partial refund takes its share of the pack's tokens.
fn settle_pack(
    license: &LicenseState,
    found: License,
    order: Order,
    pack: &TopUpOption,
    now: Timestamp,
) -> Result<(Order, Vec<Write>), Denied> {
    match (order.periods.ended_at().is_some(), order.given) {
        (true, Some(given)) => Ok(take(license, found, order, pack, given, now)),
        (false, None) => give(license, found, order, pack, now),
        (false, Some(given)) => take_share(license, found, order, given, now),
        (true, None) => Ok((order, revised(license, found).1)),
    }
}

/// Takes back what a pack delivered. Tokens that are spent become a debt; days are subtracted from the end.
fn take(
    state: &LicenseState,
    found: License,
    order: Order,
    pack: &TopUpOption,
    given: Granted,
    now: Timestamp,
) -> (Order, Vec<Write>) {
    let license = License {
        purchases: found.purchases.without(pack),
        valid_until: found.valid_until.map(|end| end.plus_days(-given.days)),
        ..found
    };
    let (after, mut writes) = revised(state, license);
    writes.extend(withdrawn(&after, &order, given.tokens - given.taken, now));
    (Order { given: None, ..order }, writes)
}

/// Takes the share of a pack's tokens that a partial refund covers, or returns what a failed refund had taken.
fn take_share(
    state: &LicenseState,
    found: License,
    order: Order,
    given: Granted,
    now: Timestamp,
) -> Result<(Order, Vec<Write>), Denied> {
    let taken = taken(reversal_policy::on_refund(&state.policy), &order, given);
    let (after, mut writes) = revised(state, found);
    let moved = match taken - given.taken {
        0 => Vec::new(),
        more if more > 0 => withdrawn(&after, &order, more, now),
        less => returned_tokens(&after, &order, -less, now)?,
    };
    writes.extend(moved);
    Ok((Order { given: Some(Granted { taken, ..given }), ..order }, writes))
}

fn cause(order: &Order, action: &str, now: Timestamp) -> Cause {
    // By the order and how often it was changed: what was undone may be done again.
    Cause::of_the_service(format!("refund:{}:{}", order.id, order.revision), action, Source::Purchase, now)
}

fn withdrawn(after: &LicenseState, order: &Order, tokens: i64, now: Timestamp) -> Vec<Write> {
    match after.tokens(now).filter(|_| tokens > 0) {
        None => after.following(now),
        Some(found) => {
            let cause = cause(order, "top_up_refunded", now);
            let (moved, entries) = found.wallet.withdraw(PURCHASE, tokens, cause, now);
            found.moved(moved, entries)
        }
    }
}

fn returned_tokens(after: &LicenseState, order: &Order, tokens: i64, now: Timestamp) -> Result<Vec<Write>, Denied> {
    let Some(found) = after.tokens(now) else { return Ok(Vec::new()) };
    let (moved, entries) = found.wallet.grant(tokens::purchased(tokens, now), cause(order, "top_up", now), now)?;
    Ok(found.moved(moved, entries))
}
