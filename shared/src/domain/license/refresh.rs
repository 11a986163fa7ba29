//! `status` of the PRO endpoints: the license as it is for a device that shows itself (wire E2).
//!
//! It claims a seat and clears a notice like an activation, but it never registers a device. The existing client treats
//! any failure of it as "offline", so everything possible is returned as data.

use ltlm_protocol::LicenseData;
use ltlm_protocol::request::Activate;

use crate::domain::decision::Decision;
use crate::domain::license::gate::Call;
use crate::domain::license::license_data::{Asking, license_data};
use crate::domain::license::state::LicenseState;
use crate::domain::license::{activate, gate};
use crate::model::denied::Denied;

/// Decides a refresh.
pub fn decide(state: &LicenseState, call: &Call, command: &Activate) -> Result<Decision<LicenseData>, Denied> {
    if state.device.is_some() {
        return activate::decide(state, call, command);
    }
    gate::online(state)?;
    gate::region(state, &call.caller)?;
    gate::version(state, command)?;
    Ok(Decision::read(license_data(call, state, state, Asking::Acting)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::license::gate::Caller;
    use crate::domain::license::state::tests::{NOW, device, fresh};
    use ltlm_protocol::Body;
    use serde_json::json;

    fn run(state: &LicenseState) -> Decision<LicenseData> {
        let caller = Caller { hwid: Some("a".into()), ..Caller::default() };
        let call = Call { key: "LIC-0BEC53C679BF012F".into(), caller, now: NOW };
        decide(state, &call, &Activate::parse(&json!({"hwid": "a", "key": "x"})).unwrap()).unwrap()
    }

    #[test]
    fn a39_a_refresh_never_registers() {
        let decision = run(&fresh());
        assert_eq!((decision.reply.status.as_str(), decision.reply.machines.len()), ("KICKED", 0));
        assert!(decision.writes.is_empty() && decision.reply.kicked_notice.is_some());
    }

    #[test]
    fn a_registered_device_gets_its_seat() {
        let state = LicenseState { device: Some(device("a")), ..fresh() };
        let reply = run(&state).reply;
        assert_eq!((reply.status.as_str(), reply.seat_status.as_str()), ("active", "OCCUPIED"));
    }
}
