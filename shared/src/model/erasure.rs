//! How far the erasure of a project's old entries has come.

use ltlm_protocol::Timestamp;
use ltlm_protocol::project_ledger_data::ErasureData;

/// How long what is known of an erasure is kept after its last step, in days.
pub const KEPT_DAYS: i64 = 30;

/// An erasure's record.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Erasure {
    /// The project.
    pub project_id: String,
    /// The operation that it is, by the caller's id.
    pub id: String,
    /// The request's fingerprint: the same id with another request is refused.
    pub fingerprint: String,
    /// Of entries that were written before this instant.
    pub before: Timestamp,
    /// The account that it came to last.
    pub account: Option<String>,
    /// In that account's ledger, the entries before this place are left; none if the account is done.
    pub position: Option<i64>,
    /// Accounts that are done.
    pub accounts: i64,
    /// Entries whose facts it erased.
    pub erased: i64,
    /// When it was begun.
    pub started_at: Timestamp,
    /// When the last account was done.
    pub ended_at: Option<Timestamp>,
    /// When it moved last.
    pub moved_at: Timestamp,
    /// Counts changes of this record; 0 before it is first written.
    pub revision: i64,
}

impl Erasure {
    /// One that begins at `now`.
    pub fn begin(project_id: &str, id: &str, fingerprint: &str, before: Timestamp, now: Timestamp) -> Self {
        Self {
            project_id: project_id.to_owned(),
            id: id.to_owned(),
            fingerprint: fingerprint.to_owned(),
            before,
            account: None,
            position: None,
            accounts: 0,
            erased: 0,
            started_at: now,
            ended_at: None,
            moved_at: now,
            revision: 0,
        }
    }

    /// As its caller sees it.
    pub fn data(&self) -> ErasureData {
        ErasureData {
            operation_id: self.id.clone(),
            before: self.before.to_string(),
            done: self.ended_at.is_some(),
            accounts: self.accounts,
            erased: self.erased,
            started_at: self.started_at.to_string(),
            ended_at: self.ended_at.map(|at| at.to_string()),
        }
    }
}
