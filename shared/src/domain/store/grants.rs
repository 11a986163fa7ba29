//! What a paid order gives: a license, a pack, tokens.

use ltlm_protocol::Timestamp;
use ltlm_protocol::license_data::TopUpOption;

use crate::domain::license::state::LicenseState;
use crate::domain::store::catalog::store_flag;
use crate::domain::store::fulfillment::{Fulfillment, unapplied};
use crate::domain::store::tokens::purchased;
use crate::domain::store::{reversal_policy, tokens};
use crate::model::denied::Denied;
use crate::model::email::Email;
use crate::model::ids::LicenseId;
use crate::model::license::{AdminState, License};
use crate::model::order::{Billing, Granted, Order, OrderItem, OrderState, Reason};
use crate::model::policy_words::PolicyKind;
use crate::model::trial::{Card, Trial};
use crate::model::wallet::cause::Cause;
use crate::model::wallet::entry::Source;
use crate::model::write::Write;

/// Gives what was paid for.
pub(crate) fn grant_order(
    state: &Fulfillment,
    order: Order,
    card: Option<&str>,
    now: Timestamp,
) -> Result<(Order, Vec<Write>), Denied> {
    match &state.order.goods {
        OrderItem::Policy { .. } => sell(state, order, card, now),
        OrderItem::Pack { pack, .. } => {
            let license = state.license.as_ref().ok_or(Denied::LicenseNotFound)?;
            if license.license.state.is_final() {
                return Ok((unapplied(order, Reason::Ended, now), Vec::new()));
            }
            give(license, license.license.clone(), order, pack, now)
        }
        OrderItem::Tokens { pack, .. } => tokens::follow(state, pack, order, now),
    }
}

/// Gives a license of a policy: a new one, or the buyer's trial moved to it.
pub(crate) fn sell(
    state: &Fulfillment,
    order: Order,
    card: Option<&str>,
    now: Timestamp,
) -> Result<(Order, Vec<Write>), Denied> {
    let (policy, new) = state.policy.as_ref().zip(state.new.as_ref()).ok_or(Denied::PolicyNotFound)?;
    let email = Some(&order.email).filter(|email| !email.is_empty()).map(|email| Email::of_kept(email));
    let project_id = order.project_id.clone();
    let note = |license: Option<LicenseId>| {
        let email = email.clone()?;
        let trial = Trial { project_id: project_id.clone(), email, license, converted_at: None, revision: 1, at: now };
        Some(Write::SaveTrial { trial, found: None })
    };
    if policy.terms.kind == PolicyKind::Trial {
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

/// The order that gives a license this end: what is paid again and again moves it from there.
fn with_end(order: Order, end: Option<Timestamp>) -> Order {
    let is_periodic = matches!(order.billing, Billing::Every { .. });
    Order { paid_until: end.filter(|_| is_periodic), ..order }
}

pub(crate) fn given(order: Order, license: LicenseId) -> Order {
    Order { state: OrderState::Paid, license: Some(license), ..order }
}

/// Gives a pack to a license, all that is in it at once. `found` is the license as it shall be apart from that.
pub(crate) fn give(
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
    let whole = Granted { days, tokens: amount, taken: 0 };
    // What went back before the payment was told was never there.
    let taken = reversal_policy::taken(reversal_policy::on_refund(&state.policy), &order, whole);
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
    let order = Order { given: Some(Granted { taken, ..whole }), ..given(order, found.id.clone()) };
    Ok((order, writes))
}

/// The state after a license was revised, and the write; none if nothing changed.
pub(crate) fn revised(state: &LicenseState, license: License) -> (LicenseState, Vec<Write>) {
    if license == state.license {
        return (state.clone(), Vec::new());
    }
    let after = state.revised(&state.policy, License { revision: license.revision + 1, ..license });
    let write = Write::ReviseLicense { license: after.license.clone() };
    (after, vec![write])
}
