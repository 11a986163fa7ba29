//! `signout`: give the seat back, and do not take it again until asked to (wire 4.3, E22).

use ltlm_protocol::license_data::{SignedOut, SignoutAnswer};
use ltlm_protocol::{Timestamp, int32};

use crate::domain::decision::Decision;
use crate::domain::license::gate::Call;
use crate::domain::license::license_data::{Asking, license_data};
use crate::domain::license::state::LicenseState;
use crate::domain::license::{gate, seats};
use crate::model::denied::Denied;
use crate::model::device::{Device, SeatClaim};
use crate::model::write::Write;

/// The message, which is the same if an earlier call, whose reply was lost, released the seat.
const MESSAGE: &str = "Signed out: this device holds no seat.";

/// Decides a sign-out. A device that is not registered signs out of nothing: that is a success too.
pub fn decide(state: &LicenseState, call: &Call) -> Result<Decision<SignoutAnswer>, Denied> {
    let (writes, after) = signed_out(state, call)?;
    let active = if state.status(call.now).is_usable() && state.terms.seats_max.is_some() {
        after.room(call.now).active()
    } else {
        0
    };
    let reply = SignoutAnswer { success: true, message: MESSAGE.to_owned(), active_seats: int32(active) };
    Ok(Decision::write(writes, reply))
}

/// Decides the sign-out of a device whose answer contains the license.
pub fn decide_with_license(state: &LicenseState, call: &Call) -> Result<Decision<SignedOut>, Denied> {
    let (writes, after) = signed_out(state, call)?;
    // A device that is not registered was not kicked by this (wire 4.3).
    let asking = if state.device.is_some() { Asking::Acting } else { Asking::Looking };
    let license = license_data(call, state, &after, asking);
    Ok(Decision::write(writes, SignedOut { success: true, message: MESSAGE.to_owned(), license }))
}

/// What a sign-out changes, and the state after it.
fn signed_out(state: &LicenseState, call: &Call) -> Result<(Vec<Write>, LicenseState), Denied> {
    gate::online(state)?;
    let writes = state.device.as_ref().map_or_else(Vec::new, |device| writes(state, device, call.now));
    let after = state.after(&writes);
    Ok((writes, after))
}

/// What a registered device's leaving changes, also while seats are switched off: they may be switched on again. A kick stays
/// until the device explicitly comes back (wire 4.4).
pub fn writes(state: &LicenseState, device: &Device, now: Timestamp) -> Vec<Write> {
    let mut writes = seats::leave(state, device);
    let left = match &device.seat {
        SeatClaim::Released | SeatClaim::Kicked(_) => device.seat.clone(),
        SeatClaim::None | SeatClaim::Holds { .. } => SeatClaim::Released,
    };
    if !writes.is_empty() || left != device.seat {
        writes.push(seats::note(state, device, left, now));
    }
    writes
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::license::gate::Caller;
    use crate::domain::license::state::tests::{NOW, device, fresh};
    use crate::model::record::Record;
    use crate::model::seat::{Holder, Seat};

    fn held_by(hwid: &str, epoch: i64) -> Seat {
        let holder = Holder { hwid: hwid.into(), nickname: None, seen_at: NOW, lease_until: NOW.plus_seconds(600) };
        Seat { slot: 0, epoch, holder: Some(holder) }
    }

    fn claiming(epoch: i64) -> Device {
        Device { seat: SeatClaim::Holds { slot: 0, epoch }, seat_revision: 1, ..device("a") }
    }

    fn run(state: &LicenseState, seconds: i64) -> Vec<Write> {
        let caller = Caller { hwid: Some("a".into()), ..Caller::default() };
        let call = Call { key: "LIC-0BEC53C679BF012F".into(), caller, now: NOW.plus_seconds(seconds) };
        decide(state, &call).unwrap().writes
    }

    #[test]
    fn a_device_that_is_newer_than_its_slot_is_read_again() {
        let mut state = LicenseState { device: Some(device("a")), ..fresh() };
        assert!(state.absorb(Record::Device(state.license.id.clone(), Device { seat_revision: 1, ..device("a") })));
        // Its activation claimed the slot after the slots were read.
        assert!(!state.absorb(Record::Device(state.license.id.clone(), claiming(1))));
        assert_eq!(state.torn_pages().collect::<Vec<_>>(), [0]);
        state.seats = vec![held_by("b", 4)];
        assert!(!state.is_torn(), "somebody took it over");
        state.seats = vec![held_by("a", 1)];
        assert!(!state.is_torn());
        // The same for the device that a command is about.
        state.target = Some(Device { hwid: "b".into(), ..claiming(2) });
        assert!(state.is_torn());
        // Slots that nobody read are not older than anything.
        state.seat_pages.clear();
        assert!(!state.is_torn());
    }

    #[test]
    fn a_sign_out_frees_whatever_its_device_holds() {
        let freed =
            |writes: &[Write]| matches!(writes, [Write::FreeSeat { epoch: 1, .. }, Write::SetDeviceSeat { .. }]);
        let mut state = LicenseState { device: Some(claiming(1)), seats: vec![held_by("a", 1)], ..fresh() };
        assert!(freed(&run(&state, 1)));
        assert!(freed(&run(&state, 600)), "a heartbeat on its way could prolong a lease that has lapsed");
        state.device = Some(Device { seat: SeatClaim::Released, ..claiming(1) });
        assert!(freed(&run(&state, 1)), "the slot is newer than the record, whose guard will say so");
        state.seats = vec![held_by("b", 2)];
        assert!(run(&state, 1).is_empty());
    }

    #[test]
    fn a_sign_out_while_seats_are_switched_off_is_recorded() {
        let mut state = LicenseState { device: Some(device("a")), ..fresh() };
        state.terms.seats_max = None;
        assert!(matches!(run(&state, 1)[..], [Write::SetDeviceSeat { seat: SeatClaim::Released, .. }]));
        state.device = Some(Device { seat: SeatClaim::Released, ..device("a") });
        assert!(run(&state, 1).is_empty());
    }
}
