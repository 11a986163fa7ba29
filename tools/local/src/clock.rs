//! A clock that can be moved.

use std::sync::atomic::{AtomicI64, Ordering};

use ltlm_protocol::Timestamp;
use shared::host::clock::SystemClock;
use shared::service::Clock;

/// The system's clock plus an offset, or a clock that stands still until it is moved.
#[derive(Debug)]
pub struct MovableClock {
    /// Milliseconds: an offset to the system's clock, or the instant itself.
    ms: AtomicI64,
    runs: bool,
}

impl MovableClock {
    /// Runs with the system's clock.
    pub fn running() -> Self {
        Self { ms: AtomicI64::new(0), runs: true }
    }

    /// Stands at `now`.
    pub fn standing(now: Timestamp) -> Self {
        Self { ms: AtomicI64::new(now.ms()), runs: false }
    }

    /// Moves the clock on (back if negative).
    pub fn advance_seconds(&self, seconds: i64) {
        self.ms.fetch_add(seconds.saturating_mul(1_000), Ordering::SeqCst);
    }

    /// Sets the clock.
    pub fn set(&self, now: Timestamp) {
        let ms = if self.runs { now.ms() - SystemClock.now().ms() } else { now.ms() };
        self.ms.store(ms, Ordering::SeqCst);
    }
}

impl Clock for MovableClock {
    fn now(&self) -> Timestamp {
        let ms = self.ms.load(Ordering::SeqCst);
        Timestamp::from_ms(if self.runs { SystemClock.now().ms().saturating_add(ms) } else { ms })
    }
}
