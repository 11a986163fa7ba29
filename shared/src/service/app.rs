//! What every command needs, and what it answers where it cannot.

use std::sync::Arc;

use crate::keys::kms::Kms;
use crate::keys::{Key32, KeyError, Purpose};
use crate::model::denied::Denied;
use crate::service::hints::Hints;
use crate::service::ports::{Clock, Entropy, Payments, Queue, Sleep};
use crate::service::turns::Turns;
use crate::table::port::{CommitError, Meter, ReadError};

/// What every command needs. Built once per process.
pub struct App<T> {
    /// The table.
    pub table: T,
    /// Keys; only functions that generate or unwrap keys have them.
    pub kms: Option<Kms>,
    /// The payment provider, if there is one.
    pub payments: Option<Arc<dyn Payments>>,
    /// The queue of what leaves the deployment, for functions that put something there.
    pub outbox: Option<Arc<dyn Queue>>,
    /// The clock.
    pub clock: Arc<dyn Clock>,
    /// The random source.
    pub entropy: Arc<dyn Entropy>,
    /// Waits between two tries.
    pub sleep: Arc<dyn Sleep>,
    /// What recent reads saw; every hint is checked by the next read.
    pub hints: Hints,
    /// Who of this process moves which wallet next.
    pub turns: Turns,
}

impl<T> App<T> {
    /// The key service.
    pub fn kms(&self) -> Result<&Kms, Error> {
        self.kms.as_ref().ok_or_else(|| Error::Broken("this function has no key service".into()))
    }

    /// The payment provider.
    pub fn payments(&self) -> Result<&dyn Payments, Denied> {
        self.payments.as_deref().ok_or(Denied::PaymentsNotSetUp)
    }

    /// Wipes keys that have been in memory for too long. Every request and every job begins with it, so that an unused
    /// key does not stay in memory for as long as the process lives.
    pub fn wipe_old_keys(&self) {
        if let Some(kms) = &self.kms {
            kms.wipe_old(self.sleep.elapsed_ms());
        }
    }

    /// A project's key in clear, for its purpose.
    pub async fn unwrap(&self, project_id: &str, purpose: Purpose, wrapped: &[u8]) -> Result<Arc<Key32>, Error> {
        Ok(self.kms()?.unwrap(project_id, purpose, wrapped, self.sleep.elapsed_ms()).await?)
    }
}

/// One request's budget.
pub struct Budget<'a> {
    /// What it spends at the table.
    pub meter: &'a Meter,
    /// No try starts after this instant, in milliseconds of the monotonic clock that [`Sleep`] keeps.
    pub until_ms: u64,
}

/// Longest cause that the log gets, in bytes: a cause names a failure, it does not repeat what failed.
pub const CAUSE_BYTES_MAX: usize = 1_024;

/// An error and all below it, in one short line, for the log.
pub fn chain(error: &(dyn std::error::Error + 'static)) -> String {
    let mut text = error.to_string();
    let mut below = error.source();
    while let Some(error) = below {
        text.push_str(": ");
        text.push_str(&error.to_string());
        below = error.source();
    }
    text.truncate(text.floor_char_boundary(CAUSE_BYTES_MAX));
    text.replace(char::is_control, " ")
}

/// Why a command has no answer. Three, because three different readers act: the caller mends the request, the caller's
/// SDK tries again, we mend the code.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// Refused.
    // The code alone: what stands beside it may be names of the caller's.
    #[error("refused: {}", .0.code().row().wire)]
    Denied(Denied),
    /// Try again.
    #[error("busy")]
    Busy(#[source] Box<dyn std::error::Error + Send + Sync>),
    /// A defect.
    #[error("broken")]
    Broken(#[source] Box<dyn std::error::Error + Send + Sync>),
    /// A dry run that would have written: all that can be judged before was in order.
    #[error("dry run")]
    DryRun,
}

impl From<Denied> for Error {
    fn from(denied: Denied) -> Self {
        Self::Denied(denied)
    }
}

impl From<ReadError> for Error {
    fn from(error: ReadError) -> Self {
        match error {
            ReadError::Busy(_) => Self::Busy(error.into()),
            ReadError::Broken(_) => Self::Broken(error.into()),
        }
    }
}

impl From<CommitError> for Error {
    fn from(error: CommitError) -> Self {
        match error {
            CommitError::Broken(_) => Self::Broken(error.into()),
            CommitError::DryRun => Self::DryRun,
            CommitError::Guard(_) | CommitError::Conflict(_) | CommitError::Busy(_) | CommitError::Unknown(_) => {
                Self::Busy(error.into())
            }
        }
    }
}

impl From<KeyError> for Error {
    fn from(error: KeyError) -> Self {
        match error {
            KeyError::Busy(_) => Self::Busy(error.into()),
            KeyError::Broken(_) => Self::Broken(error.into()),
        }
    }
}
