//! `activate`: register the device if it is new, give it a seat if one is free (wire 4.2, 4.3, E20).

use ltlm_protocol::LicenseData;
use ltlm_protocol::request::Activate;

use crate::domain::decision::Decision;
use crate::domain::license::gate::Call;
use crate::domain::license::license_data::{Asking, license_data};
use crate::domain::license::state::LicenseState;
use crate::domain::license::{gate, offline_file, seats};
use crate::domain::pro::hardening::DeviceKeys;
use crate::model::denied::Denied;
use crate::model::device::{Device, SeatClaim};
use crate::model::write::Write;

/// Decides an activation.
pub fn decide(state: &LicenseState, call: &Call, command: &Activate) -> Result<Decision<LicenseData>, Denied> {
    if let Some(answer) = offline_file::online_answer(state, call) {
        return Ok(Decision::read(answer));
    }
    gate::online(state)?;
    gate::region(state, &call.caller)?;
    gate::version(state, command)?;
    let is_new = state.device.is_none();
    if is_new {
        gate::not_stopped(state, call.now)?;
        if state.terms.hardening.device_keys == DeviceKeys::Required && command.device_key.is_none() {
            return Err(Denied::DeviceKeyRequired);
        }
        place_for_one_more(state)?;
    }

    let mut device = registered(state, call, command);
    let usable = state.status(call.now).is_usable();
    let taken = if usable { seats::take(state, &device, call.now) } else { None };
    if let (Some(max), true, true, None) = (state.terms.seats_max, usable, command.require_seat, &taken) {
        return Err(Denied::SeatLimitReached { max });
    }

    let (claim, seat_writes) = match taken {
        Some((writes, claim)) => (claim, writes),
        None => (SeatClaim::None, seat_lost(state, call)),
    };
    device.seat = claim;
    let license = state.license.id.clone();
    let mut writes = match is_new {
        true => vec![
            Write::CountDevices {
                license: license.clone(),
                count: 1,
                max: state.terms.devices_max(),
                country: call.caller.country.clone(),
            },
            Write::AddDevice { license, device },
        ],
        false => vec![Write::ReplaceDevice { license, device }],
    };
    writes.extend(seat_writes);
    let reply = license_data(call, state, &state.after(&writes), Asking::Acting);
    let touch = if is_new { None } else { gate::country_seen(state, &call.caller) };
    Ok(Decision { writes, touch, reply })
}

/// A license that is stopped or has ended frees the caller's seat (wire 4.1).
fn seat_lost(state: &LicenseState, call: &Call) -> Vec<Write> {
    let Some(device) = &state.device else { return Vec::new() };
    match seats::standing(device, &state.seats, call.now) {
        seats::SeatStatus::Occupied(seat) => vec![seats::free(state, device, seat)],
        _ => Vec::new(),
    }
}

fn place_for_one_more(state: &LicenseState) -> Result<(), Denied> {
    let count = state.license.device_count;
    match state.terms.devices_max() {
        Some(max) if count >= max => Err(Denied::DeviceLimitReached { count, max }),
        _ => Ok(()),
    }
}

/// The device's record after this contact. A known device keeps its registration time, and its name and facts where this
/// call has none.
fn registered(state: &LicenseState, call: &Call, command: &Activate) -> Device {
    let known = state.device.as_ref();
    Device {
        hwid: command.hwid.clone(),
        nickname: command.nickname.clone().or_else(|| known.and_then(|d| d.nickname.clone())),
        client_version: command.client_version.clone().or_else(|| known.and_then(|d| d.client_version.clone())),
        meta: command.meta.clone().or_else(|| known.and_then(|d| d.meta.clone())),
        // Nor its hold on the device's key.
        public_key: known.or(state.removed.as_ref()).and_then(|d| d.public_key).or(command.device_key),
        registered_at: known.map_or(call.now, |d| d.registered_at),
        activated_at: call.now,
        seen_at: call.now,
        seat: known.map(|d| d.seat.clone()).unwrap_or_default(),
        // A device that comes back after it was removed counts on from its old record, which is still in the table.
        seat_revision: known.or(state.removed.as_ref()).map_or(0, |d| d.seat_revision + 1),
        // Nor does a removal end its cooldown (wire 4.5).
        released_other_at: known.or(state.removed.as_ref()).and_then(|d| d.released_other_at),
        removed_at: None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::license::gate::Caller;
    use crate::domain::license::state::tests::{NOW, device, fresh};
    use crate::model::license::AdminState;
    use ltlm_protocol::Body;
    use ltlm_protocol::license_data::KickedNotice;
    use serde_json::json;

    fn call(hwid: &str) -> Call {
        Call {
            key: "LIC-0BEC53C679BF012F".into(),
            caller: Caller { hwid: Some(hwid.into()), ..Caller::default() },
            now: NOW,
        }
    }

    fn command(hwid: &str) -> Activate {
        Activate::parse(&json!({"hwid": hwid, "nickname": format!("Desk {hwid}")})).unwrap()
    }

    fn run(state: &LicenseState, hwid: &str) -> Result<Decision<LicenseData>, Denied> {
        decide(state, &call(hwid), &command(hwid))
    }

    /// The state that another device finds after `hwid` was activated.
    fn after_activating(state: &LicenseState, hwid: &str) -> LicenseState {
        let mut after = state.after(&run(state, hwid).unwrap().writes);
        after.others.extend(after.device.take());
        after
    }

    #[test]
    fn a50_two_seats_for_three_devices() {
        let state = after_activating(&after_activating(&fresh(), "a"), "b");
        let reply = run(&state, "c").unwrap().reply;
        assert_eq!((reply.status.as_str(), reply.seat_status.as_str()), ("VALID_NO_SEAT", "NO_SEAT"));
        assert_eq!(
            (reply.active_seats, reply.max_concurrent_seats, reply.can_release_seat),
            (Some(2), Some(2), Some(true))
        );
        let first = run(&fresh(), "a").unwrap().reply;
        assert_eq!(
            (first.status.as_str(), first.seat_status.as_str(), first.last_check_in),
            ("active", "OCCUPIED", None)
        );
    }

    #[test]
    fn a34_the_fourth_device_finds_no_place() {
        let mut state = fresh();
        state.license.device_count = 3;
        assert_eq!(run(&state, "d").unwrap_err(), Denied::DeviceLimitReached { count: 3, max: 3 });
        state.terms.devices_limited = false;
        assert_eq!(run(&state, "d").unwrap().reply.max_activations, None);
    }

    #[test]
    fn a40_a_stopped_license_takes_no_new_device_and_tells_a_known_one() {
        let mut state = fresh();
        state.license.state = AdminState::Suspended;
        assert_eq!(run(&state, "a").unwrap_err(), Denied::LicenseSuspended);
        state.device = Some(device("a"));
        let reply = run(&state, "a").unwrap().reply;
        assert_eq!(
            (reply.status.as_str(), reply.seat_status.as_str(), reply.kicked_notice),
            ("suspended", "N/A", None)
        );
    }

    #[test]
    fn an_ended_license_registers_and_says_so() {
        let mut state = fresh();
        state.license.valid_until = Some(NOW.plus_days(-8));
        let reply = run(&state, "a").unwrap().reply;
        assert_eq!((reply.status.as_str(), reply.seat_status.as_str(), reply.machines.len()), ("expired", "N/A", 1));
    }

    #[test]
    fn coming_back_clears_the_notice() {
        let mut state = fresh();
        let notice = KickedNotice {
            kicked_by: None,
            kicked_by_nickname: None,
            timestamp: NOW.to_string(),
            reason: "seat_released".into(),
        };
        state.device = Some(Device { seat: SeatClaim::Kicked(notice), ..device("a") });
        let reply = run(&state, "a").unwrap().reply;
        assert_eq!((reply.status.as_str(), reply.kicked_notice), ("active", None));
    }

    #[test]
    fn require_seat_refuses_instead_of_waiting() {
        let state = after_activating(&after_activating(&fresh(), "a"), "b");
        let insisting = Activate { require_seat: true, ..command("c") };
        assert_eq!(decide(&state, &call("c"), &insisting).unwrap_err(), Denied::SeatLimitReached { max: 2 });
    }

    #[test]
    fn several_reasons_give_the_first_declared() {
        let mut state = fresh();
        state.terms.pro_only = true;
        state.policy.terms.is_air_gapped = true;
        state.terms.geofencing.enabled = true;
        state.terms.deny_unknown_country = true;
        state.terms.versioning.enabled = true;
        state.terms.versioning.min_version = Some("9".into());
        state.license.state = AdminState::Terminated;
        state.license.device_count = 3;
        let mut refusals = Vec::new();
        let lift: [fn(&mut LicenseState); 6] = [
            |s| s.terms.pro_only = false,
            |s| s.policy.terms.is_air_gapped = false,
            |s| s.terms.geofencing.enabled = false,
            |s| s.terms.versioning.enabled = false,
            |s| s.license.state = AdminState::Active,
            |s| s.license.device_count = 0,
        ];
        for lift in lift {
            refusals.push(run(&state, "a").unwrap_err());
            lift(&mut state);
        }
        assert!(run(&state, "a").is_ok());
        assert!(refusals.is_sorted(), "{refusals:?}");
    }
}
