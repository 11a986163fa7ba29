//! Answers of the routes that tell what applications reported.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

/// Something that an application reported.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct EventData {
    /// Its id.
    pub event_id: String,
    /// The type: any word that the application chooses.
    #[serde(rename = "type")]
    pub kind: String,
    /// Free-form facts.
    pub payload: Map<String, Value>,
    /// The license: SHA-256 of its key, in hex.
    pub license_hash: String,
    /// The device.
    pub hwid: String,
    /// When it arrived.
    pub timestamp: String,
}

/// Answer of `POST …/pro/license/events`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct EventReported {
    /// Always true.
    pub success: bool,
}

/// Answer of `GET …/events`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct EventList {
    /// Events of the day, newest first.
    pub events: Vec<EventData>,
    /// Give it back as `cursor` for the next page; null at the end.
    pub next_cursor: Option<String>,
}

/// How many events a day had.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct EventDay {
    /// The day of UTC, as `2027-01-31`.
    pub day: String,
    /// All of them.
    pub total: i64,
    /// By type.
    pub by_type: BTreeMap<String, i64>,
}

/// Answer of `GET …/event-counts`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct EventCounts {
    /// Each day of the range, the oldest first.
    pub days: Vec<EventDay>,
}
