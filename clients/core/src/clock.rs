//! The current time, from the server and from monotonic clocks; never from the wall clock alone.

use serde::{Deserialize, Serialize};

/// How far the wall clock can be behind the known time, in milliseconds, before it counts as set back.
const SET_BACK_MS: i64 = 5 * 60 * 1_000;

/// Two readings of one moment.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Clocks {
    /// The wall clock: milliseconds since the Unix epoch. Users can set it.
    pub wall_ms: i64,
    /// Milliseconds since some moment of this boot, running during sleep too. Nobody can set it.
    pub boot_ms: u64,
}

/// What is kept of time over a restart.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct KeptTime {
    /// It is at least this late: moved by signed times and by running only.
    pub(crate) mark_ms: i64,
    /// What the wall clock lacked at the last signed time.
    pub(crate) offset_ms: i64,
}

/// The trusted clock.
#[derive(Clone, Copy, Debug)]
pub(crate) struct TrustedClock {
    /// A trusted instant, and the boot clock's reading at it.
    base: (i64, u64),
    /// Was the instant signed by the server in this run?
    is_signed: bool,
    /// The mark at a reading of the boot clock.
    mark: (i64, u64),
    offset_ms: i64,
    is_set_back: bool,
}

fn plus(base: (i64, u64), boot_ms: u64) -> i64 {
    base.0.saturating_add(i64::try_from(boot_ms.saturating_sub(base.1)).unwrap_or(i64::MAX))
}

impl TrustedClock {
    /// The clock at a start: by the wall clock as it was off last, and never before the mark.
    pub(crate) fn starting(kept: KeptTime, now: Clocks) -> Self {
        let server_ms = now.wall_ms.saturating_add(kept.offset_ms);
        Self {
            base: (server_ms.max(kept.mark_ms), now.boot_ms),
            is_signed: false,
            mark: (kept.mark_ms, now.boot_ms),
            offset_ms: kept.offset_ms,
            is_set_back: server_ms < kept.mark_ms.saturating_sub(SET_BACK_MS),
        }
    }

    /// The trusted time, in milliseconds since the Unix epoch.
    pub(crate) fn now(&self, clocks: Clocks) -> i64 {
        plus(self.base, clocks.boot_ms)
    }

    /// The reading of the boot clock at which it will be `at_ms`.
    pub(crate) fn boot_at(&self, at_ms: i64) -> u64 {
        let ahead = u64::try_from(at_ms.saturating_sub(self.base.0)).unwrap_or(0);
        self.base.1.saturating_add(ahead)
    }

    /// Did the server send the time in this run?
    pub(crate) fn is_signed(&self) -> bool {
        self.is_signed
    }

    /// Was the wall clock set back before this run, and has no signed time healed that yet?
    pub(crate) fn is_set_back(&self) -> bool {
        self.is_set_back
    }

    /// Takes in a time that the server signed.
    pub(crate) fn learn(&mut self, signed_ms: i64, clocks: Clocks) {
        let mark = plus(self.mark, clocks.boot_ms).max(signed_ms);
        self.base = (signed_ms, clocks.boot_ms);
        self.offset_ms = signed_ms.saturating_sub(clocks.wall_ms);
        self.mark = (mark, clocks.boot_ms);
        (self.is_signed, self.is_set_back) = (true, false);
    }

    /// Takes in a time that was signed earlier, as in an offline file: it is at least so late.
    pub(crate) fn not_before(&mut self, signed_ms: i64, clocks: Clocks) {
        let mark = plus(self.mark, clocks.boot_ms).max(signed_ms);
        self.mark = (mark, clocks.boot_ms);
        if self.now(clocks) < signed_ms {
            self.base = (signed_ms, clocks.boot_ms);
        }
    }

    /// What to keep.
    pub(crate) fn kept(&self, clocks: Clocks) -> KeptTime {
        KeptTime { mark_ms: plus(self.mark, clocks.boot_ms), offset_ms: self.offset_ms }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const DAY: i64 = 86_400_000;

    fn at(wall_ms: i64, boot_ms: u64) -> Clocks {
        Clocks { wall_ms, boot_ms }
    }

    #[test]
    fn c56_the_wall_clock_of_a_running_application_means_nothing() {
        let mut clock = TrustedClock::starting(KeptTime::default(), at(1_000, 5));
        clock.learn(50 * DAY, at(1_000, 10));
        assert_eq!(clock.now(at(3_650 * DAY, 1_010)), 50 * DAY + 1_000);
        assert_eq!(clock.now(at(-DAY, 1_010)), 50 * DAY + 1_000);
        assert_eq!(clock.boot_at(50 * DAY + 500), 510);
    }

    #[test]
    fn c57_a_clock_that_was_set_back_is_noticed_and_healed() {
        let mut clock = TrustedClock::starting(KeptTime::default(), at(400 * DAY, 0));
        clock.learn(400 * DAY, at(400 * DAY, 0));
        let kept = clock.kept(at(0, DAY as u64));
        assert_eq!(kept.mark_ms, 401 * DAY, "running time counts");
        let mut clock = TrustedClock::starting(kept, at(35 * DAY, 0));
        assert!(clock.is_set_back() && !clock.is_signed());
        assert_eq!(clock.now(at(35 * DAY, 1)), 401 * DAY + 1, "never before the mark");
        clock.learn(402 * DAY, at(35 * DAY, 2));
        assert!(!clock.is_set_back());
        // It stays wrong by as much; that is known now.
        let clock = TrustedClock::starting(clock.kept(at(35 * DAY, 2)), at(36 * DAY, 0));
        assert!(!clock.is_set_back());
        assert_eq!(clock.now(at(0, 0)), 403 * DAY);
    }

    #[test]
    fn a_clock_that_was_ahead_once_does_no_lasting_harm() {
        let kept = KeptTime { mark_ms: 100 * DAY, offset_ms: 0 };
        let ahead = TrustedClock::starting(kept, at(3_650 * DAY, 0));
        assert_eq!(ahead.now(at(0, 0)), 3_650 * DAY);
        let kept = ahead.kept(at(0, 1_000));
        assert_eq!(kept.mark_ms, 100 * DAY + 1_000);
        let right = TrustedClock::starting(kept, at(101 * DAY, 0));
        assert!(!right.is_set_back());
        assert_eq!(right.now(at(0, 0)), 101 * DAY);
    }

    #[test]
    fn no_reading_makes_it_panic() {
        for wall in [i64::MIN, -1, 0, i64::MAX] {
            for boot in [0, u64::MAX] {
                let mut clock =
                    TrustedClock::starting(KeptTime { mark_ms: i64::MAX, offset_ms: i64::MIN }, at(wall, boot));
                clock.learn(i64::MAX, at(wall, 0));
                clock.not_before(i64::MIN, at(wall, boot));
                let _ = (clock.now(at(wall, boot)), clock.boot_at(i64::MIN), clock.kept(at(wall, 3)));
            }
        }
    }
}
