//! `release-seat`: take another device's seat away, and perhaps sit down on it (wire 4.4, 4.5, E18); and the vendor's kick.

use ltlm_protocol::int32;
use ltlm_protocol::license_data::{KickedNotice, ReleaseSeatAnswer, SeatList};
use ltlm_protocol::request::ReleaseSeat;

use crate::domain::decision::Decision;
use crate::domain::license::gate::Call;
use crate::domain::license::seats::{SeatStatus, standing};
use crate::domain::license::state::LicenseState;
use crate::domain::license::{gate, read, seats, signout};
use crate::model::denied::Denied;
use crate::model::device::{Device, SeatClaim};
use crate::model::seat::{self, Seat};
use crate::model::write::Write;

/// Decides a device's release of another's seat; of its own it is a sign-out, without notice and cooldown.
pub fn decide(state: &LicenseState, call: &Call, command: &ReleaseSeat) -> Result<Decision<ReleaseSeatAnswer>, Denied> {
    gate::online(state)?;
    gate::usable(state, call.now)?;
    let caller = gate::registered(state)?;
    if command.target == command.hwid {
        let writes = signout::writes(state, caller, call.now);
        let reply = answer(state, call, command, &writes);
        return Ok(Decision::write(writes, reply));
    }
    if state.terms.seats_max.is_none() || !state.terms.customer_actions.allow_remote_seat_release {
        return Err(Denied::SeatReleaseNotAllowed);
    }
    if is_done(state, caller, command, call) {
        return Ok(Decision::read(answer(state, call, command, &[])));
    }
    cooled_down(state, caller, call)?;
    let (target, seat) = held(state, call)?;

    let notice = KickedNotice {
        kicked_by: Some(caller.hwid.clone()),
        kicked_by_nickname: caller.nickname.clone(),
        timestamp: call.now.to_string(),
        reason: "seat_released".to_owned(),
    };
    let takes = command.claim_seat && !holds(caller, state, call);
    let to = takes.then(|| seats::holder(state, caller, call.now));
    let mut writes = kick(state, target, seat, notice, to);
    writes.push(stamp(state, caller, takes.then(|| SeatClaim::Holds { slot: seat.slot, epoch: seat.epoch + 1 }), call));
    let reply = answer(state, call, command, &writes);
    Ok(Decision::write(writes, reply))
}

/// Decides the vendor's release of a device's seat. Whether the license is in force does not matter.
pub fn by_vendor(state: &LicenseState, call: &Call) -> Result<Decision<SeatList>, Denied> {
    let (target, seat) = held(state, call)?;
    let notice = KickedNotice {
        kicked_by: None,
        kicked_by_nickname: Some("Administrator".to_owned()),
        timestamp: call.now.to_string(),
        reason: "admin_released".to_owned(),
    };
    let writes = kick(state, target, seat, notice, None);
    let reply = read::seats(&state.after(&writes), call);
    Ok(Decision::write(writes, reply))
}

/// The target and the live seat it holds.
fn held<'a>(state: &'a LicenseState, call: &Call) -> Result<(&'a Device, &'a Seat), Denied> {
    let target = state.target.as_ref().ok_or(Denied::SeatNotHeld)?;
    match standing(target, &state.seats, call.now) {
        SeatStatus::Occupied(seat) => Ok((target, seat)),
        _ => Err(Denied::SeatNotHeld),
    }
}

/// Slot and notice change together, so that no third device can claim the slot in between and the kicked device
/// receives the notice.
fn kick(
    state: &LicenseState,
    target: &Device,
    seat: &Seat,
    notice: KickedNotice,
    to: Option<seat::Holder>,
) -> Vec<Write> {
    let license = state.license.id.clone();
    vec![
        Write::PassSeat { license: license.clone(), slot: seat.slot, found: seat.epoch, from: target.hwid.clone(), to },
        Write::SetTargetSeat {
            license,
            hwid: target.hwid.clone(),
            seat: SeatClaim::Kicked(notice),
            seat_revision: target.seat_revision + 1,
        },
    ]
}

/// The cooldown starts for the caller, and it sits down if it claims. The write's guard is the revision of the caller's record, and
/// every release counts that up: of several at the same moment, judged by the same last release, one succeeds.
fn stamp(state: &LicenseState, caller: &Device, claim: Option<SeatClaim>, call: &Call) -> Write {
    Write::SetDeviceSeat {
        license: state.license.id.clone(),
        hwid: caller.hwid.clone(),
        seat: claim.unwrap_or_else(|| caller.seat.clone()),
        seat_revision: caller.seat_revision + 1,
        seen_at: call.now,
        released_other_at: Some(call.now),
    }
}

/// Is the release done already? Then its answer was lost, and it comes again: the target is still kicked by this caller, and the
/// caller holds a seat if it asks for one.
fn is_done(state: &LicenseState, caller: &Device, command: &ReleaseSeat, call: &Call) -> bool {
    let Some(SeatClaim::Kicked(notice)) = state.target.as_ref().map(|target| &target.seat) else { return false };
    notice.kicked_by.as_ref() == Some(&caller.hwid) && (!command.claim_seat || holds(caller, state, call))
}

fn holds(device: &Device, state: &LicenseState, call: &Call) -> bool {
    matches!(standing(device, &state.seats, call.now), SeatStatus::Occupied(_))
}

fn cooled_down(state: &LicenseState, caller: &Device, call: &Call) -> Result<(), Denied> {
    let cooldown = i64::from(state.terms.customer_actions.seat_release_cooldown_seconds);
    let Some(last) = caller.released_other_at else { return Ok(()) };
    let left_ms = last.plus_seconds(cooldown).ms() - call.now.ms();
    match left_ms > 0 {
        // Rounded up, so at least 1 (wire 4.5).
        true => Err(Denied::SeatReleaseCooldown { seconds: (left_ms + 999) / 1_000 }),
        false => Ok(()),
    }
}

fn answer(state: &LicenseState, call: &Call, command: &ReleaseSeat, writes: &[Write]) -> ReleaseSeatAnswer {
    let after = state.after(writes);
    let holds = after.device.as_ref().is_some_and(|device| holds(device, &after, call));
    ReleaseSeatAnswer {
        success: true,
        message: "Seat released.".to_owned(),
        released_hwid: command.target.clone(),
        seat_claimed: command.claim_seat && holds,
        active_seats: int32(after.room(call.now).active()),
    }
}
