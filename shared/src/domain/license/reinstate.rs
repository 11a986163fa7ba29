//! The vendor undoes a mistaken revocation. A terminated license stays terminated.

use ltlm_protocol::read::Reader;
use ltlm_protocol::{Body, LicenseData, limits};

use crate::domain::decision::Decision;
use crate::domain::license::gate::Call;
use crate::domain::license::license_data::vendor_data;
use crate::domain::license::state::LicenseState;
use crate::model::denied::Denied;
use crate::model::license::{AdminState, License};
use crate::model::write::Write;

/// `POST /v1/admin/licenses/{licenseKey}/reinstate`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reinstate {
    /// Why, for the vendor.
    pub reason: String,
    /// The caller's operation id.
    pub operation_id: Option<String>,
}

impl Body for Reinstate {
    fn read(r: &mut Reader<'_>) -> Self {
        Self {
            reason: r.name("reason", limits::REASON_CHARS_MAX),
            operation_id: ltlm_protocol::request::operation_id(r),
        }
    }
}

/// Decides it. A license that is active is a success without effect; one that is suspended is resumed.
pub fn decide(state: &LicenseState, call: &Call, command: &Reinstate) -> Result<Decision<LicenseData>, Denied> {
    match state.license.state {
        AdminState::Terminated => return Err(Denied::StateFinal),
        AdminState::Active => return Ok(Decision::read(vendor_data(call, state, state))),
        AdminState::Revoked | AdminState::Suspended => {}
    }
    let license = License {
        state: AdminState::Active,
        state_reason: Some(command.reason.clone()),
        revision: state.license.revision + 1,
        ..state.license.clone()
    };
    let after = state.revised(&state.policy, license);
    let mut writes = vec![Write::ReviseLicense { license: after.license.clone() }];
    writes.extend(after.following(call.now));
    let reply = vendor_data(call, state, &after.after(&writes));
    Ok(Decision::write(writes, reply))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::license::gate::Caller;
    use crate::domain::license::state::tests::{NOW, fresh};
    use serde_json::json;

    #[test]
    fn a_revoked_license_can_be_reinstated_and_a_terminated_one_cannot() {
        let call = Call { key: "LIC-0BEC53C679BF012F".into(), caller: Caller::default(), now: NOW };
        let command = Reinstate::parse(&json!({"reason": "a mistake"})).unwrap();
        let reinstated = |from: AdminState| {
            let mut state = fresh();
            state.license.state = from;
            decide(&state, &call, &command).map(|decision| (decision.reply.status, decision.writes.len()))
        };
        assert_eq!(reinstated(AdminState::Revoked), Ok(("active".to_owned(), 1)));
        assert_eq!(reinstated(AdminState::Suspended), Ok(("active".to_owned(), 1)));
        assert_eq!(reinstated(AdminState::Active), Ok(("active".to_owned(), 0)));
        assert_eq!(reinstated(AdminState::Terminated), Err(Denied::StateFinal));
        assert!(Reinstate::parse(&json!({})).is_err(), "it wants a reason");
    }
}
