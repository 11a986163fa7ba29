//! The last run of a background job, for callers that monitor a deployment.

use ltlm_protocol::Timestamp;

/// Names of the schedules, as their events carry them.
pub const SCHEDULES: [&str; 2] = [name::NIGHTLY, name::HOURLY];

/// A run. One record for each name: the next run replaces it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Run {
    /// What ran.
    pub name: String,
    /// The operation that asked for it, if one did.
    pub operation: Option<String>,
    /// When it began.
    pub started_at: Timestamp,
    /// When it ended, or was interrupted.
    pub ended_at: Timestamp,
    /// How many it handed over.
    pub count: i64,
    /// It completed; the rest of an incomplete run continues as a message of the queue.
    pub is_whole: bool,
    /// Why it did not do what it was to do, in words for the vendor.
    pub problem: Option<String>,
}

/// Names of runs.
pub mod name {
    /// The renewals at night.
    pub const NIGHTLY: &str = "nightly";
    /// The renewals of an hour.
    pub const HOURLY: &str = "hourly";
    /// The test mail.
    pub const TEST_MAIL: &str = "test-mail";
}
