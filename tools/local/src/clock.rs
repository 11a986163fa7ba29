//! A clock that can be moved.

use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use ltlm_protocol::Timestamp;
use shared::host::clock::SystemClock;
use shared::service::ports::Clock;

use crate::folder::{DataFolder, FolderError};

/// The system's clock plus an offset, or a clock that stands still until it is moved.
#[derive(Debug)]
pub struct MovableClock {
    /// Milliseconds: an offset to the system's clock, or the instant itself.
    ms: AtomicI64,
    runs: bool,
    /// Keeps the offset; locked, so that what is kept is the last one.
    folder: Mutex<Option<Arc<DataFolder>>>,
}

impl MovableClock {
    /// Runs with the system's clock, as far from it as the folder says, which keeps each further move: what was written in a
    /// future that the next start does not know would be wrong.
    pub fn kept_in(folder: Arc<DataFolder>) -> Result<Self, FolderError> {
        Ok(Self { ms: AtomicI64::new(folder.clock_offset()?), runs: true, folder: Mutex::new(Some(folder)) })
    }

    /// Stands at `now`.
    pub fn standing(now: Timestamp) -> Self {
        Self { ms: AtomicI64::new(now.ms()), runs: false, folder: Mutex::default() }
    }

    /// How far it is from the system's clock, if it runs.
    pub fn offset_ms(&self) -> i64 {
        if self.runs { self.ms.load(Ordering::SeqCst) } else { 0 }
    }

    /// Moves the clock on (back if negative).
    pub fn advance_seconds(&self, seconds: i64) {
        self.change(|ms| ms.saturating_add(seconds.saturating_mul(1_000)));
    }

    /// Sets the clock.
    pub fn set(&self, now: Timestamp) {
        let ms = if self.runs { now.ms().saturating_sub(SystemClock.now().ms()) } else { now.ms() };
        self.change(|_| ms);
    }

    fn change(&self, to: impl Fn(i64) -> i64) {
        let folder = self.folder.lock().unwrap_or_else(PoisonError::into_inner);
        let ms = to(self.ms.load(Ordering::SeqCst));
        self.ms.store(ms, Ordering::SeqCst);
        if let Some(Err(error)) = folder.as_ref().map(|folder| folder.keep_clock_offset(ms)) {
            tracing::error!(%error, "the next start will not know where the clock is");
        }
    }
}

impl Clock for MovableClock {
    fn now(&self) -> Timestamp {
        let ms = self.ms.load(Ordering::SeqCst);
        Timestamp::from_ms(if self.runs { SystemClock.now().ms().saturating_add(ms) } else { ms })
    }
}
