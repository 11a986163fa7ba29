//! The nonces of one device in one project (wire 2.6), and its charges whose answer is not proven to have arrived (wire 4.6).

use ltlm_protocol::Timestamp;

use crate::model::ids::{ChainId, ShortHash};

/// Nonces of a chain that were issued and not used: the newest are kept (wire 2.6).
pub const OUTSTANDING_MAX: usize = 32;

/// How long a chain is kept after its last call, in days (wire 2.6).
pub const CHAIN_DAYS: i64 = 400;

/// How long a cipher text is remembered, in days (wire 2.6).
pub const BLOB_DAYS: i64 = 30;

/// A chain's record.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Chain {
    /// Whose.
    pub id: ChainId,
    /// Nonces issued and not used, oldest first.
    pub outstanding: Vec<ShortHash>,
    /// Single charges whose answer is not proven to have arrived, and what helps to judge them.
    pub unproven: Unproven,
    /// The nonce in the answer to the last batch, until the device presents it.
    pub batch: Option<ShortHash>,
    /// Counts writes of this record.
    pub revision: i64,
    /// The last call.
    pub used_at: Timestamp,
}

/// What became of a cipher text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SeenBlob {
    /// The name of the cipher text, in hex.
    pub hash: String,
    /// Names the request that brought it first.
    pub request: String,
    /// When.
    pub at: Timestamp,
}

impl Chain {
    pub(crate) fn new(id: ChainId, now: Timestamp) -> Self {
        Self { id, outstanding: Vec::new(), unproven: Unproven::default(), batch: None, revision: 0, used_at: now }
    }

    /// Applies what the presented nonce shows about earlier answers.
    pub(crate) fn learn(&mut self, presented: Option<ShortHash>, now: Timestamp) {
        if presented.is_some() && self.batch == presented {
            self.batch = None;
        }
        self.unproven.learn(&self.outstanding, presented, now);
    }
}

/// How long an unproven charge is kept, in days (wire 4.6, T-5).
pub(crate) const CHARGE_DAYS: i64 = 30;

/// How long a measured offset of a device's clock is used, in days.
pub(crate) const CLOCK_DAYS: i64 = 1;

/// What is known of a charge's answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Answer {
    /// The device presented a nonce that was issued later: several calls were on their way.
    Overtaken,
    /// The device presented an unknown text, as it does after a normal quit.
    PresumedLost,
    /// The device has not called since, apart from calls of the same moment.
    Unknown,
    /// The device came back with the nonce from before.
    Lost,
}

/// A single charge whose answer is not proven to have arrived.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Charge {
    /// The nonce that it used up.
    pub used: ShortHash,
    /// The nonce in its answer.
    pub issued: ShortHash,
    /// License, action and metadata.
    pub what: ShortHash,
    /// Tokens, 1 to 1,000,000,000.
    pub amount: i64,
    /// When it was charged.
    pub at: Timestamp,
    /// What is known of its answer.
    pub answer: Answer,
}

/// A single use that was refused. The device queues it with its own time, which shows the offset of its clock.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Refused {
    /// License, action and metadata.
    pub what: ShortHash,
    /// Tokens.
    pub amount: i64,
    /// When it was refused.
    pub at: Timestamp,
}

/// How a device's clock runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DeviceClock {
    /// Milliseconds that it is ahead of ours; negative if it is behind.
    pub ahead_ms: i64,
    /// When it was so.
    pub at: Timestamp,
}

/// The unproven charges of a device, and what helps to judge them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Unproven {
    /// The charges, oldest first; at most [`UNPROVEN_CHARGES_MAX`](ltlm_protocol::limits::UNPROVEN_CHARGES_MAX).
    pub charges: Vec<Charge>,
    /// A refused use whose queued copy has not arrived yet.
    pub refused: Option<Refused>,
    /// How the device's clock runs, if that is known.
    pub clock: Option<DeviceClock>,
    /// The day (since 1970, UTC) of the last presumed absorption.
    pub presumed_day: i64,
    /// Presumed absorptions on that day.
    pub presumed_count: i64,
}
