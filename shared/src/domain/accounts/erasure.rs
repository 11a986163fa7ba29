//! The erasure of old entries' free-form facts over all accounts of a project: a job that calls carry on, each for a while. Its
//! record says how far it came, and moves in the transaction of what it erases.

use ltlm_protocol::Timestamp;
use ltlm_protocol::read::{Problems, Reader};
use ltlm_protocol::request::operation_id;
use serde_json::Value;

use crate::domain::license::credit::instant_opt;

/// `POST /v1/entries/erasure`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Erase {
    /// Of entries that were written before this instant.
    pub before: Timestamp,
    /// The caller's operation id.
    pub operation_id: Option<String>,
}

impl Erase {
    /// Parses the body.
    pub fn parse(body: &Value) -> Result<Self, Problems> {
        let mut r = Reader::strict(body)?;
        r.require("before");
        let before = instant_opt(&mut r, "before");
        let parsed = Self { before: before.unwrap_or(Timestamp::from_ms(0)), operation_id: operation_id(&mut r) };
        r.finish().map(|()| parsed)
    }
}
