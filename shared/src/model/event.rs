//! Events that applications report.

use ltlm_protocol::Timestamp;
use serde_json::{Map, Value};

use crate::model::ids::LicenseId;

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
    /// Tells it from others, if what the client sent does: what comes again under the same name is the same event.
    pub name: Option<String>,
    /// The event's type: any word that the application chooses.
    pub kind: String,
    /// Free-form facts.
    pub payload: Map<String, Value>,
    /// When it arrived.
    pub at: Timestamp,
}
