//! The vendor's naming of a device. The device itself does the same by activating again (wire 4.2).

use ltlm_protocol::body::one_of;
use ltlm_protocol::license_data::Machine;
use ltlm_protocol::read::Reader;
use ltlm_protocol::{Body, limits};
use serde_json::{Map, Value, json};

use crate::domain::decision::Decision;
use crate::domain::license::license_data::machine;
use crate::domain::license::state::LicenseState;
use crate::model::denied::Denied;
use crate::model::write::Write;

/// `PATCH /v1/admin/licenses/{licenseKey}/devices/{hwid}`: given members replace the existing ones, null removes them.
#[derive(Clone, Debug, PartialEq)]
pub struct DescribeDevice {
    /// Its name.
    pub nickname: Option<Option<String>>,
    /// Free-form facts about it.
    pub meta: Option<Option<Map<String, Value>>>,
    /// The caller's operation id.
    pub operation_id: Option<String>,
}

impl Body for DescribeDevice {
    fn read(r: &mut Reader<'_>) -> Self {
        let nickname = r.name_or_blank("nickname", limits::NICKNAME_CHARS_MAX);
        let meta = r.document_opt("meta", limits::META_BYTES_MAX);
        let parsed = Self {
            nickname: r.has("nickname").then_some(nickname),
            meta: r.has("meta").then_some(meta),
            operation_id: ltlm_protocol::request::operation_id(r),
        };
        if parsed.nickname.is_none() && parsed.meta.is_none() {
            r.problem("", "must name something to change");
        }
        parsed
    }

    fn keywords() -> Value {
        json!({"anyOf": one_of(&["nickname", "meta"], &["nickname", "meta"])})
    }
}

/// Decides it.
pub fn decide(state: &LicenseState, command: &DescribeDevice) -> Result<Decision<Machine>, Denied> {
    let device = state.target.as_ref().ok_or(Denied::DeviceNotRegistered)?;
    let nickname = command.nickname.clone().unwrap_or_else(|| device.nickname.clone());
    let meta = command.meta.clone().unwrap_or_else(|| device.meta.clone());
    if nickname == device.nickname && meta == device.meta {
        return target(state).map(Decision::read);
    }
    let license = state.license.id.clone();
    let writes = vec![Write::DescribeDevice {
        license,
        hwid: device.hwid.clone(),
        nickname,
        meta,
        seat_revision: device.seat_revision + 1,
    }];
    let reply = target(&state.after(&writes))?;
    Ok(Decision::write(writes, reply))
}

/// The device as it is.
pub fn target(state: &LicenseState) -> Result<Machine, Denied> {
    let device = state.target.as_ref().ok_or(Denied::DeviceNotRegistered)?;
    Ok(machine(device, state))
}
