//! What is kept of a batch of uses, so that a batch that comes again gets the same answer.

use ltlm_protocol::Timestamp;

use crate::model::ids::ShortHash;

/// How long a batch can be recognized when it is sent again without an id, in hours (wire 4.6 T-4).
pub const MEMORY_HOURS: i64 = 24;

/// How far a device's last batch came. Kept for batches that hold uses without an operation id.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BatchMemory {
    /// The device.
    pub hwid: String,
    /// Names the request that wrote this.
    pub request: String,
    /// Where that request began, past what an earlier one had done.
    pub from: i64,
    /// Uses that are done with.
    pub count: i64,
    /// Hash over these uses.
    pub hash: String,
    /// When.
    pub at: Timestamp,
    /// The nonce in the answer, if the batch came in an envelope and was finished.
    pub answered: Option<ShortHash>,
    /// Counts writes of this record.
    pub revision: i64,
}
