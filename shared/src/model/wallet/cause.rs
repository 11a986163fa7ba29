//! Why a wallet moves: the operation, and what its ledger entry says of it.

use ltlm_protocol::Timestamp;

use crate::model::ids::{OperationId, OperationKey, Origin};
use crate::model::wallet::entry::Source;

/// The purpose of an operation, besides its amount.
#[derive(Clone, Debug, PartialEq)]
pub struct Cause {
    /// Its id and fingerprint.
    pub key: OperationKey,
    /// What it was for.
    pub action: String,
    /// What kind of movement it is.
    pub source: Source,
    /// The device that asked.
    pub hwid: Option<String>,
    /// The number of the use within that device, if it sent one.
    pub usage_sequence: Option<i64>,
    /// When it happened.
    pub occurred_at: Timestamp,
    /// Free-form facts.
    pub meta: Option<serde_json::Map<String, serde_json::Value>>,
    /// The request that it came with, if that held several.
    pub batch: Option<String>,
    /// The operation that it gives back, or ends.
    pub original: Option<String>,
}

impl Cause {
    /// The service's own: named by `id`, without a request.
    pub fn of_the_service(id: String, action: &str, source: Source, occurred_at: Timestamp) -> Self {
        let id = OperationId { origin: Origin::System, id };
        Self::plain(OperationKey { id, fingerprint: String::new() }, action.to_owned(), source, occurred_at)
    }

    /// Without anything that is not needed.
    pub fn plain(key: OperationKey, action: String, source: Source, occurred_at: Timestamp) -> Self {
        Self {
            key,
            action,
            source,
            hwid: None,
            usage_sequence: None,
            occurred_at,
            meta: None,
            batch: None,
            original: None,
        }
    }
}
