//! What applications report (wire 4.14, E6).

use ltlm_protocol::Timestamp;
use ltlm_protocol::limits;
use ltlm_protocol::read::{Problems, Reader};
use serde_json::{Map, Value};

use super::denied::Denied;
use super::license::LicenseId;
use super::state::LicenseState;
use super::write::{Decision, Write};

/// How long an event is kept, in days.
pub const EVENT_DAYS: i64 = 90;

/// An event's record.
#[derive(Clone, Debug, PartialEq)]
pub struct Event {
    /// The project.
    pub project_id: String,
    /// The license.
    pub license: LicenseId,
    /// The device that reported it.
    pub hwid: String,
    /// Names the request that brought it.
    pub request: String,
    /// What happened: any word of the application's.
    pub kind: String,
    /// Free-form facts.
    pub payload: Map<String, Value>,
    /// When it arrived.
    pub at: Timestamp,
}

/// `POST /v1/sdk/pro/license/events`.
#[derive(Clone, Debug, PartialEq)]
pub struct ReportEvent {
    /// What happened.
    pub kind: String,
    /// Free-form facts.
    pub payload: Map<String, Value>,
}

impl ReportEvent {
    /// Parses the body. Any type is accepted.
    pub fn parse(body: &Value) -> Result<Self, Problems> {
        let mut r = Reader::new(body)?;
        let parsed = Self {
            kind: r.text("type", limits::ACTION_CHARS_MAX),
            payload: r.document_opt("payload", limits::EVENT_BYTES_MAX).unwrap_or_default(),
        };
        r.finish().map(|()| parsed)
    }
}

/// Decides a report. It says nothing about the license, so no gate applies.
pub fn decide(
    state: &LicenseState,
    command: &ReportEvent,
    hwid: &str,
    request: &str,
    now: Timestamp,
) -> Result<Decision<()>, Denied> {
    let event = Event {
        project_id: state.project.id.clone(),
        license: state.license.id.clone(),
        hwid: hwid.to_owned(),
        request: request.to_owned(),
        kind: command.kind.clone(),
        payload: command.payload.clone(),
        at: now,
    };
    Ok(Decision::write(vec![Write::AddEvent { event }], ()))
}
