//! Readings of the machine's clocks.

use std::time::{Instant, SystemTime, UNIX_EPOCH};

use crate::clock::Clocks;

/// Reads two clocks at one moment.
pub trait TimeSource: Send + Sync {
    /// The readings.
    fn now(&self) -> Clocks;
}

/// The machine's own clocks.
///
/// On Linux the boot clock runs during sleep (`/proc/uptime`). Elsewhere it is the standard library's monotonic clock, which stops
/// during sleep on macOS: offline grace is then longer by the sleep, until the next answer.
#[derive(Debug)]
pub struct SystemClock {
    opened: Instant,
    /// Milliseconds since the boot when it was opened, and the monotonic clock's reading then.
    up_ms: Option<u64>,
}

impl Default for SystemClock {
    fn default() -> Self {
        Self::new()
    }
}

impl SystemClock {
    /// The clocks.
    pub fn new() -> Self {
        Self { opened: Instant::now(), up_ms: uptime_ms() }
    }
}

impl TimeSource for SystemClock {
    fn now(&self) -> Clocks {
        // The crate's reader of the wall clock: whoever tests passes another source.
        #[expect(clippy::disallowed_methods, reason = "the one place that reads the clock")]
        let wall = SystemTime::now();
        let wall_ms = match wall.duration_since(UNIX_EPOCH) {
            Ok(since) => i64::try_from(since.as_millis()).unwrap_or(i64::MAX),
            Err(before) => i64::try_from(before.duration().as_millis()).map_or(i64::MIN, |ms| -ms),
        };
        let elapsed_ms = u64::try_from(self.opened.elapsed().as_millis()).unwrap_or(u64::MAX);
        // What was slept is in the one and not in the other.
        let up_ms = self.up_ms.and(uptime_ms());
        let since_ms = up_ms.zip(self.up_ms).map_or(elapsed_ms, |(now, then)| now.saturating_sub(then).max(elapsed_ms));
        Clocks { wall_ms, boot_ms: since_ms }
    }
}

#[cfg(target_os = "linux")]
fn uptime_ms() -> Option<u64> {
    let text = std::fs::read_to_string("/proc/uptime").ok()?;
    let (whole, part) = text.split_whitespace().next()?.split_once('.')?;
    let hundredths: u64 = part.get(..2)?.parse().ok()?;
    Some(whole.parse::<u64>().ok()? * 1_000 + hundredths * 10)
}

#[cfg(not(target_os = "linux"))]
fn uptime_ms() -> Option<u64> {
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_boot_clock_runs_forward() {
        let clock = SystemClock::new();
        let first = clock.now();
        assert!(first.wall_ms > 1_700_000_000_000);
        let second = clock.now();
        assert!(second.boot_ms >= first.boot_ms && second.boot_ms < first.boot_ms + 60_000);
    }
}
