//! `heartbeat`: keep the seat, wait for one, or give it back when closing (wire 4.3, 4.7, E21).

use ltlm_protocol::LicenseData;
use ltlm_protocol::request::Heartbeat;

use crate::domain::decision::Decision;
use crate::domain::license::gate::Call;
use crate::domain::license::license_data::{Asking, in_form, license_data};
use crate::domain::license::seats::{SeatStatus, standing};
use crate::domain::license::state::LicenseState;
use crate::domain::license::{gate, offline_file, seats, signout};
use crate::model::denied::Denied;
use crate::model::device::{Device, SeatClaim};
use crate::model::write::Write;

/// Decides a heartbeat. A license that is stopped, ended or unknown to the device is not an error here: the existing
/// client treats any error as "offline" and continues (wire 1.4).
pub fn decide(state: &LicenseState, call: &Call, command: &Heartbeat) -> Result<Decision<LicenseData>, Denied> {
    if let Some(answer) = offline_file::online_answer(state, call) {
        return Ok(Decision::read(answer));
    }
    gate::online(state)?;
    gate::region(state, &call.caller)?;
    let writes = match &state.device {
        None => Vec::new(),
        Some(device) if command.is_closing => signout::writes(state, device, call.now),
        Some(device) => writes(state, device, call),
    };
    // A closing call from a device that is not registered is a no-op, not a kick (wire 4.3).
    let asking = if command.is_closing && state.device.is_none() { Asking::Looking } else { Asking::Acting };
    let reply = license_data(call, state, &state.after(&writes), asking);
    let reply = in_form(reply, command.is_compact, &call.caller);
    Ok(Decision { writes, touch: gate::country_seen(state, &call.caller), reply })
}

fn writes(state: &LicenseState, device: &Device, call: &Call) -> Vec<Write> {
    let now = call.now;
    let seen = Write::SeeDevice {
        license: state.license.id.clone(),
        hwid: device.hwid.clone(),
        seat_revision: device.seat_revision,
        seen_at: now,
    };
    let standing = standing(device, &state.seats, now);
    if !state.status(now).is_usable() {
        return match standing {
            SeatStatus::Occupied(seat) => {
                vec![seats::free(state, device, seat), seats::note(state, device, SeatClaim::None, now)]
            }
            _ => vec![seen],
        };
    }
    match standing {
        // One write of one unit, whatever the number of devices and seats.
        SeatStatus::Occupied(seat) => vec![seats::renew(state, device, seat, now)],
        SeatStatus::Released | SeatStatus::Kicked => vec![seen],
        SeatStatus::None => match seats::take(state, device, now) {
            Some((mut writes, claim)) => {
                writes.push(seats::note(state, device, claim, now));
                writes
            }
            None => vec![seen],
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::license::gate::Caller;
    use crate::domain::license::state::tests::{NOW, device, fresh};
    use crate::model::license::AdminState;
    use crate::model::seat::{Holder, Seat};
    use ltlm_protocol::Timestamp;
    use ltlm_protocol::license_data::KickedNotice;

    fn beat(state: &LicenseState, seconds: i64, is_closing: bool) -> Decision<LicenseData> {
        let caller = Caller { hwid: Some("a".into()), ..Caller::default() };
        let call = Call { key: "LIC-0BEC53C679BF012F".into(), caller, now: NOW.plus_seconds(seconds) };
        decide(state, &call, &Heartbeat { hwid: "a".into(), is_closing, is_compact: false }).unwrap()
    }

    fn seat(slot: i64, hwid: &str, until: i64) -> Seat {
        let holder =
            Holder { hwid: hwid.into(), nickname: None, seen_at: NOW, lease_until: Timestamp::from_ms(until * 1000) };
        Seat { slot, epoch: 1, holder: Some(holder) }
    }

    fn holding() -> LicenseState {
        let mut state = fresh();
        state.device = Some(Device { seat: SeatClaim::Holds { slot: 0, epoch: 1 }, ..device("a") });
        state.seats = vec![seat(0, "a", 600)];
        state
    }

    fn words(decision: &Decision<LicenseData>) -> (&str, &str) {
        (&decision.reply.status, &decision.reply.seat_status)
    }

    #[test]
    fn a_holder_writes_its_own_slot_and_nothing_else() {
        let decision = beat(&holding(), 300, false);
        assert_eq!(words(&decision), ("active", "OCCUPIED"));
        assert!(matches!(decision.writes[..], [Write::RenewSeat { slot: 0, epoch: 1, .. }]));
    }

    #[test]
    fn a52_a_silent_holder_loses_its_seat_to_who_waits() {
        let mut state = holding();
        state.terms.seats_max = Some(1);
        state.device = Some(device("a"));
        state.seats = vec![seat(0, "b", 600)];
        assert_eq!(words(&beat(&state, 599, false)), ("VALID_NO_SEAT", "NO_SEAT"));
        let decision = beat(&state, 600, false);
        assert_eq!(words(&decision), ("active", "OCCUPIED"));
        assert!(matches!(decision.writes[0], Write::ClaimSeat { slot: 0, found: Some(1), .. }));
    }

    #[test]
    fn a_seat_of_an_older_epoch_is_not_mine() {
        let mut state = holding();
        // Somebody took the slot over after the lease had lapsed; this device's record still names the old epoch.
        state.seats = vec![Seat { epoch: 2, ..seat(0, "b", 600) }];
        state.terms.seats_max = Some(1);
        assert_eq!(words(&beat(&state, 1, false)), ("VALID_NO_SEAT", "NO_SEAT"));
    }

    #[test]
    fn released_and_kicked_devices_do_not_claim() {
        let mut state = fresh();
        state.device = Some(Device { seat: SeatClaim::Released, ..device("a") });
        assert_eq!(words(&beat(&state, 1, false)), ("VALID_NO_SEAT", "RELEASED"));
        let notice = KickedNotice {
            kicked_by: Some("b".into()),
            kicked_by_nickname: None,
            timestamp: NOW.to_string(),
            reason: "seat_released".into(),
        };
        state.device = Some(Device { seat: SeatClaim::Kicked(notice.clone()), ..device("a") });
        let decision = beat(&state, 1, false);
        assert_eq!(words(&decision), ("KICKED", "KICKED"));
        assert_eq!(decision.reply.kicked_notice, Some(notice));
        assert!(matches!(decision.writes[..], [Write::SeeDevice { .. }]));
    }

    #[test]
    fn a51_closing_gives_the_seat_back() {
        let decision = beat(&holding(), 1, true);
        assert_eq!(words(&decision), ("VALID_NO_SEAT", "RELEASED"));
        assert_eq!(decision.reply.active_seats, Some(0));
        assert!(matches!(decision.writes[..], [Write::FreeSeat { .. }, Write::SetDeviceSeat { .. }]));
    }

    #[test]
    fn a39_an_unregistered_device_is_told_and_takes_nothing() {
        let decision = beat(&fresh(), 1, false);
        assert_eq!(words(&decision), ("KICKED", "KICKED"));
        assert!(decision.writes.is_empty() && decision.reply.machines.is_empty());
        let closing = beat(&fresh(), 1, true);
        assert_eq!((words(&closing), closing.reply.kicked_notice.is_none()), (("active", "N/A"), true));
    }

    #[test]
    fn a45_a_stopped_license_takes_the_seat_away() {
        let mut state = holding();
        state.license.state = AdminState::Suspended;
        let decision = beat(&state, 1, false);
        assert_eq!((words(&decision), decision.reply.active_seats), (("suspended", "N/A"), Some(0)));
        assert!(matches!(decision.writes[0], Write::FreeSeat { .. }));
    }

    #[test]
    fn a47_a_terminated_license_still_lists_the_device() {
        let mut state = holding();
        state.license.state = AdminState::Terminated;
        let reply = beat(&state, 1, false).reply;
        assert_eq!((reply.status.as_str(), reply.machines[0].hwid.as_str()), ("terminated", "a"));
    }
}
