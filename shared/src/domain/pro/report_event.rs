//! What applications report (wire 4.14, E6).

use ltlm_protocol::body::Unknown;
use ltlm_protocol::read::Reader;
use ltlm_protocol::{Body, Timestamp, limits};
use serde_json::{Map, Value, json};

use crate::domain::decision::Decision;
use crate::domain::license::gate;
use crate::domain::license::state::LicenseState;
use crate::domain::pro::nonce::NonceUse;
use crate::model::denied::Denied;
use crate::model::event::Event;
use crate::model::write::Write;

/// `POST /v1/sdk/pro/license/events`.
#[derive(Clone, Debug, PartialEq)]
pub struct ReportEvent {
    /// What happened.
    pub kind: String,
    /// Free-form facts.
    pub payload: Map<String, Value>,
    /// The caller's operation id.
    pub operation_id: Option<String>,
}

/// Names that a report may have.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct EventNames {
    /// By the caller's operation id.
    pub by_operation: Option<String>,
    /// By the nonce that it presents and by what it says.
    pub by_nonce: Option<String>,
}

impl EventNames {
    /// The name of the report that presents `turn`'s nonce. A nonce identifies a repetition only if it was issued to
    /// this device: an answer contains a new one, so a device that presents the same nonce again received no answer.
    /// Any other value (`TAMPERED`, or a client's own) can be presented repeatedly without limit.
    fn of(&self, state: &LicenseState, turn: &NonceUse) -> Option<String> {
        let issued = state.chain.as_ref().map_or(&[][..], |chain| &chain.outstanding);
        let is_issued = turn.presented.is_some_and(|mark| issued.contains(&mark));
        self.by_operation.clone().or_else(|| self.by_nonce.clone().filter(|_| is_issued))
    }
}

impl Body for ReportEvent {
    const UNKNOWN: Unknown = Unknown::Ignored;

    fn read(r: &mut Reader<'_>) -> Self {
        Self {
            kind: r.text("type", limits::ACTION_CHARS_MAX),
            payload: r.document_opt("payload", limits::EVENT_BYTES_MAX).unwrap_or_default(),
            operation_id: ltlm_protocol::request::operation_id(r),
        }
    }

    fn keywords() -> Value {
        json!({"properties": {"operationId": {"description": "Names the event; the same id is kept once."}}})
    }
}

/// Decides a report of a registered device. It concerns no property of the license, so no other guard applies. A
/// repeated report is accepted, and stored once.
pub fn decide(
    state: &LicenseState,
    command: &ReportEvent,
    names: &EventNames,
    turn: &NonceUse,
    now: Timestamp,
) -> Result<Decision<()>, Denied> {
    gate::registered(state)?;
    if let Some(there) = &state.event {
        return match there.kind == command.kind && there.payload == command.payload {
            true => Ok(Decision::read(())),
            false => Err(Denied::IdempotencyKeyReused),
        };
    }
    let event = Event {
        project_id: state.project.id.clone(),
        license: state.license.id.clone(),
        hwid: turn.hwid.clone(),
        request: turn.request.clone(),
        name: names.of(state, turn),
        kind: command.kind.clone(),
        payload: command.payload.clone(),
        at: now,
    };
    Ok(Decision::write(vec![Write::AddEvent { event }], ()))
}
