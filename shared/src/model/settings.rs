//! An application's settings, kept with its license.

use ltlm_protocol::Timestamp;
use serde_json::{Map, Value};

/// The settings' record.
#[derive(Clone, Debug, PartialEq)]
pub struct Settings {
    /// The document, as it was saved.
    pub document: Map<String, Value>,
    /// Counts saves; the entity tag.
    pub revision: i64,
    /// When it was saved.
    pub updated_at: Timestamp,
}
