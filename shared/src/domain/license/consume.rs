//! `consume`: charge tokens once (wire 4.6 T-1, E23).

use ltlm_protocol::request::Consume;
use ltlm_protocol::{LicenseData, Timestamp, int32};

use crate::domain::decision::Decision;
use crate::domain::license::gate::Call;
use crate::domain::license::license_data::{Asking, in_form, license_data};
use crate::domain::license::seats::{SeatStatus, standing};
use crate::domain::license::state::LicenseState;
use crate::domain::license::{gate, seats};
use crate::model::denied::Denied;
use crate::model::device::Device;
use crate::model::ids::OperationKey;
use crate::model::seat::Holder;
use crate::model::wallet::cause::Cause;
use crate::model::wallet::entry::{Entry, Source};
use crate::model::write::Write;

/// A lease is prolonged in passing once a tenth of it has run, so that a burst of consumption does not pay for it each
/// time. At worst a seat lapses that much sooner after its holder's last word.
const TOUCH_AFTER_TENTHS: i64 = 1;

/// Decides one consumption. The replay comes before every rule: a retry gets the first answer.
pub fn decide(
    state: &LicenseState,
    call: &Call,
    command: &Consume,
    key: &OperationKey,
) -> Result<Decision<LicenseData>, Denied> {
    if let Some(entry) = gate::replay(state, key)? {
        let reply = answer(call, state, state, entry, true);
        return Ok(Decision::read(in_form(reply, command.is_compact, &call.caller)));
    }
    gate::online(state)?;
    gate::usable(state, call.now)?;
    let device = gate::registered(state)?;
    gate::capability(state, command.capability.as_deref())?;
    let tokens = state.tokens(call.now).ok_or(Denied::TokensDisabled)?;

    let cause = Cause {
        key: key.clone(),
        action: command.action.clone(),
        source: Source::Single,
        hwid: Some(device.hwid.clone()),
        usage_sequence: command.sequence,
        occurred_at: call.now,
        meta: command.meta.clone(),
        batch: None,
        original: None,
    };
    let (moved, entries) = tokens.wallet.spend(command.amount, false, cause, call.now)?;
    let writes = tokens.moved(moved, entries);

    let touch = touch(state, device, call.now);
    let mut after = state.after(&writes);
    after = after.after(touch.as_slice());
    let reply = match &after.entry {
        Some(entry) => answer(call, state, &after, entry, false),
        None => license_data(call, state, &after, Asking::Acting),
    };
    Ok(Decision { writes, touch, reply: in_form(reply, command.is_compact, &call.caller) })
}

/// Consumption is a sign of life (wire 4.3).
pub(crate) fn touch(state: &LicenseState, device: &Device, now: Timestamp) -> Option<Write> {
    let SeatStatus::Occupied(seat) = standing(device, &state.seats, now) else { return None };
    let holder = seat.live(now)?;
    let due = touched_again_at(state, holder);
    // The answer tells the interval, and the lease is as long as the holder is told (wire 4.3).
    let is_short = holder.lease_until < holder.seen_at.plus_seconds(state.terms.seat_seconds());
    (now >= due || is_short).then(|| seats::renew(state, device, seat, now))
}

/// From when on a consumption prolongs a lease again.
pub fn touched_again_at(state: &LicenseState, holder: &Holder) -> Timestamp {
    holder.seen_at.plus_seconds(state.terms.seat_seconds() * TOUCH_AFTER_TENTHS / 10)
}

/// The license with the token figures of `entry`: the same for the first answer and for each replay of it.
fn answer(call: &Call, before: &LicenseState, after: &LicenseState, entry: &Entry, replayed: bool) -> LicenseData {
    LicenseData {
        tokens_limit: Some(int32(entry.limit_after)),
        tokens_consumed: Some(int32(entry.limit_after.saturating_sub(entry.balance_after))),
        tokens_remaining: Some(int32(entry.balance_after)),
        operation: Some(entry.data()),
        replayed: Some(replayed),
        ..license_data(call, before, after, Asking::Acting)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::license::gate::Caller;
    use crate::domain::license::state::tests::{NOW, device, fresh};
    use crate::model::ids::{OperationId, Origin};
    use crate::model::license::AdminState;
    use ltlm_protocol::Body;
    use serde_json::json;

    fn key(id: &str, fingerprint: &str) -> OperationKey {
        OperationKey { id: OperationId { origin: Origin::Client, id: id.into() }, fingerprint: fingerprint.into() }
    }

    fn run(state: &LicenseState, amount: i64) -> Result<Decision<LicenseData>, Denied> {
        let call = Call { key: "LIC-0BEC53C679BF012F".into(), caller: Caller::default(), now: NOW };
        let command = Consume::parse(&json!({"hwid": "a", "amount": amount, "action": "export"})).unwrap();
        decide(state, &call, &command, &key("op", "f"))
    }

    fn registered() -> LicenseState {
        LicenseState { device: Some(device("a")), ..fresh() }
    }

    #[test]
    fn a64_a_charge_moves_the_wallet_and_the_ledger_together() {
        let decision = run(&registered(), 5).unwrap();
        let reply = &decision.reply;
        assert_eq!((reply.tokens_limit, reply.tokens_consumed, reply.tokens_remaining), (Some(100), Some(5), Some(95)));
        assert_eq!((reply.replayed, reply.machines[0].hwid.as_str()), (Some(false), "a"));
        let [Write::MoveWallet { wallet, found: 1 }, Write::AddEntry { entry }] = &decision.writes[..] else {
            panic!("{decision:?}")
        };
        assert_eq!((wallet.sequence, entry.sequence, entry.amount), (2, 2, -5));
        assert_eq!((entry.balance_before, entry.balance_after), (100, 95));
    }

    #[test]
    fn the_same_id_gets_the_first_answer_even_after_the_license_was_stopped() {
        let first = run(&registered(), 5).unwrap();
        let mut state = registered().after(&first.writes);
        state.license.state = AdminState::Suspended;
        state.wallet = None;
        let again = run(&state, 5).unwrap();
        assert!(again.writes.is_empty());
        assert_eq!(again.reply.tokens_remaining, Some(95));
        assert_eq!((again.reply.replayed, again.reply.operation), (Some(true), first.reply.operation));
    }

    #[test]
    fn the_same_id_with_another_body_is_refused() {
        let mut state = registered().after(&run(&registered(), 5).unwrap().writes);
        if let Some(entry) = &mut state.entry {
            entry.fingerprint = "another".into();
        }
        assert_eq!(run(&state, 5).unwrap_err(), Denied::IdempotencyKeyReused);
    }

    #[test]
    fn refusals_come_in_order_of_precedence() {
        let mut state = fresh();
        state.license.state = AdminState::Revoked;
        state.terms.tokens_base = None;
        let mut refusals = vec![run(&state, 200).unwrap_err()];
        state.license.state = AdminState::Active;
        state.license.valid_until = Some(NOW.plus_days(-8));
        refusals.push(run(&state, 200).unwrap_err());
        state.license.valid_until = None;
        refusals.push(run(&state, 200).unwrap_err());
        state.device = Some(device("a"));
        refusals.push(run(&state, 200).unwrap_err());
        state.terms.tokens_base = Some(100);
        refusals.push(run(&state, 200).unwrap_err());
        assert!(refusals.is_sorted() && refusals.len() == 5, "{refusals:?}");
        assert_eq!(refusals[4], Denied::InsufficientTokens { required: 200, balance: 100 });
    }

    #[test]
    fn a75_a_device_without_a_seat_is_charged_all_the_same() {
        let reply = run(&registered(), 1).unwrap().reply;
        assert_eq!((reply.status.as_str(), reply.tokens_remaining), ("VALID_NO_SEAT", Some(99)));
    }
}
