//! When allocations come to a wallet, and how much of the last one stays: the one schedule of licenses and accounts.

use ltlm_protocol::Timestamp;

use crate::model::wallet::grant::Keep;
use crate::model::wallet::period::Length;

/// When allocations come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Schedule {
    /// Periods are counted from here.
    pub anchor: Timestamp,
    /// How long a period is.
    pub length: Length,
    /// No period begins at this instant or later.
    pub ends_at: Option<Timestamp>,
    /// Does a period begin when its allocation is granted, whatever the anchor?
    pub anchor_on_renewal: bool,
}

/// A period whose allocation was not given.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Due {
    /// When it began.
    pub began_at: Timestamp,
    /// Periods since the last allocation, this one included.
    pub periods: i64,
}

impl Schedule {
    /// The last instant that counts: `now`, but not beyond the end.
    fn in_force(&self, now: Timestamp) -> Timestamp {
        self.ends_at.map_or(now, |end| now.min(Timestamp::from_ms(end.ms() - 1)))
    }

    /// The period that is due at `now`, where the last allocation was of the period that began at `last`, if there was one.
    pub fn due(&self, last: Option<Timestamp>, now: Timestamp) -> Option<Due> {
        let now = self.in_force(now);
        if now < self.anchor {
            return None;
        }
        let since = last.unwrap_or(self.anchor);
        if self.anchor_on_renewal {
            let periods = self.length.index(since, now);
            return (periods > 0).then_some(Due { began_at: now, periods });
        }
        let index = self.length.index(self.anchor, now);
        let began_at = self.length.start(self.anchor, index);
        let is_due = last.is_none_or(|last| last < began_at);
        let periods = (index - self.length.index(self.anchor, since)).max(1);
        is_due.then_some(Due { began_at, periods })
    }

    /// When the next allocation is due after `now`, if one comes before the end.
    pub fn next(&self, last: Option<Timestamp>, now: Timestamp) -> Option<Timestamp> {
        let last = last.unwrap_or(self.anchor);
        let next = match self.anchor_on_renewal {
            true => self.length.start(last, 1),
            false => self.length.start(self.anchor, self.length.index(self.anchor, now.max(last)) + 1),
        };
        Some(next).filter(|next| self.ends_at.is_none_or(|end| *next < end))
    }

    /// The beginning of the period that contains `now`.
    pub fn began(&self, last: Option<Timestamp>, now: Timestamp) -> Option<Timestamp> {
        if self.anchor_on_renewal {
            return last;
        }
        Some(self.length.start(self.anchor, self.length.index(self.anchor, self.in_force(now))))
    }
}

/// What stays of an allocation when the next one comes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CarryOver {
    /// At most so many tokens; without it all of them do.
    pub keep: Option<i64>,
    /// Do missed periods count one by one?
    pub catch_up_each: bool,
}

impl CarryOver {
    /// What `periods` allocations of `tokens` add, of which `left` are left of the last one; and how much of that may stay.
    pub fn share(self, tokens: i64, left: i64, periods: i64) -> (i64, Option<Keep>) {
        let periods = if self.catch_up_each { periods } else { 1 };
        let Some(max) = self.keep else { return (tokens.saturating_mul(periods), None) };
        let kept = left.min(max).max(0);
        let mut there = kept.saturating_add(tokens);
        let mut reached = kept;
        // Period by period, as if somebody had come in each; it comes to rest soon.
        for _ in 1..periods {
            reached = there.min(max);
            let next = reached.saturating_add(tokens);
            if next == there {
                break;
            }
            there = next;
        }
        (there - kept, Some(Keep { most: max, reached }))
    }
}
