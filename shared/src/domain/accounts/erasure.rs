//! The erasure of old entries' free-form facts over all accounts of a project: a job that calls carry on, each for a while. Its
//! record says how far it came, and moves in the transaction of what it erases.

use ltlm_protocol::read::Reader;
use ltlm_protocol::request::operation_id;
use ltlm_protocol::{Body, Timestamp};
use serde_json::{Value, json};

use crate::domain::license::credit::instant_opt;

/// `POST /v1/entries/erasure`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Erase {
    /// Of entries that were written before this instant.
    pub before: Timestamp,
    /// The caller's operation id.
    pub operation_id: Option<String>,
}

impl Body for Erase {
    fn read(r: &mut Reader<'_>) -> Self {
        r.require("before");
        let before = instant_opt(r, "before");
        Self { before: before.unwrap_or(Timestamp::from_ms(0)), operation_id: operation_id(r) }
    }

    fn keywords() -> Value {
        json!({"properties": {"before": {"description": "Entries written before this instant."}}})
    }
}
