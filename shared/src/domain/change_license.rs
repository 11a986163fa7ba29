//! The vendor's changes of a license's state (wire 4.1).

use ltlm_protocol::LicenseData;
use ltlm_protocol::limits;
use ltlm_protocol::read::{Problems, Reader};
use serde_json::Value;

use super::denied::Denied;
use super::gate::Call;
use super::license::AdminState;
use super::state::LicenseState;
use super::view::{Asking, license_data};
use super::write::{Decision, Write};

/// `PATCH /v1/admin/licenses/{licenseKey}`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ChangeLicense {
    /// The state it shall have.
    pub state: AdminState,
    /// Why, for the vendor.
    pub reason: Option<String>,
}

impl ChangeLicense {
    /// Parses the body.
    pub fn parse(body: &Value) -> Result<Self, Problems> {
        const STATES: &[&str] = &["active", "suspended", "revoked", "terminated"];
        let mut r = Reader::new(body)?;
        r.require("state");
        let parsed = Self {
            state: r.word_opt("state", STATES).and_then(AdminState::parse).unwrap_or(AdminState::Active),
            reason: r.text_or_empty("reason", limits::REASON_CHARS_MAX),
        };
        r.finish().map(|()| parsed)
    }
}

/// Decides a change of state. Asking for the state it has is a success without effect, so the call can be sent twice.
pub fn decide(state: &LicenseState, call: &Call, command: &ChangeLicense) -> Result<Decision<LicenseData>, Denied> {
    let found = state.license.state;
    if found == command.state {
        return Ok(Decision::read(license_data(call, state, state, Asking::Looking)));
    }
    if found.is_final() {
        return Err(Denied::StateFinal);
    }
    let license = state.license.id.clone();
    let writes = vec![Write::SetLicenseState { license, found, state: command.state, reason: command.reason.clone() }];
    let reply = license_data(call, state, &state.after(&writes), Asking::Looking);
    Ok(Decision::write(writes, reply))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::gate::Caller;
    use crate::domain::state::tests::{NOW, fresh};

    #[test]
    fn every_pair_of_states() {
        let call = Call { key: "LIC-0BEC53C679BF012F".into(), caller: Caller::default(), now: NOW };
        for (from, _) in AdminState::ALL {
            for (to, wire) in AdminState::ALL {
                let mut state = fresh();
                state.license.state = *from;
                let decided = decide(&state, &call, &ChangeLicense { state: *to, reason: None });
                match (from.is_final(), from == to) {
                    (_, true) => assert!(decided.unwrap().writes.is_empty()),
                    (true, false) => assert_eq!(decided.unwrap_err(), Denied::StateFinal),
                    (false, false) => assert_eq!(decided.unwrap().reply.status, *wire),
                }
            }
        }
    }
}
