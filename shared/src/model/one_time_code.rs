//! What may be tried only so often: a one-time code, and anything else of which there may be so much in a span of time.

use ltlm_protocol::Timestamp;

use crate::model::denied::Denied;
use crate::model::email::Email;

/// The last code that was asked for with an address.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OneTimeCode {
    /// The project.
    pub project_id: String,
    /// The address.
    pub email: Email,
    /// Names the request: the code follows from it.
    pub request: String,
    /// When codes were asked for lately, oldest first.
    pub requested_at: Vec<Timestamp>,
    /// How often it was tried, and whether it was used.
    pub tries: Tries,
    /// Counts writes of this record.
    pub revision: i64,
}

impl OneTimeCode {
    /// Can it still be used at `now`?
    pub fn is_usable(&self, now: Timestamp) -> bool {
        self.requested_at.last().is_some_and(|at| self.tries.is_open(*at, now))
    }
}

/// Digits of a code.
pub const CODE_DIGITS: usize = 6;

/// How long a code can be used, in minutes (wire 4.9).
pub const CODE_MINUTES: i64 = 10;

/// How often a code can be tried (wire 4.9).
pub const ATTEMPTS_MAX: i64 = 5;

/// The tries of a code.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Tries {
    /// How often it was tried.
    pub attempts: i64,
    /// The call that used it: that one finds itself where its reply was lost.
    pub used_by: Option<String>,
}

/// What became of a code that was tried.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Tried {
    /// It is the one.
    Right,
    /// It is not; that is counted.
    Wrong,
}

impl Tries {
    /// Can a code that was issued at this instant still be used at `now`?
    pub fn is_open(&self, issued_at: Timestamp, now: Timestamp) -> bool {
        let end = issued_at.plus_seconds(CODE_MINUTES * 60);
        self.used_by.is_none() && self.attempts < ATTEMPTS_MAX && now < end
    }

    /// What a try by the call named `call` comes to, and the tries afterwards; none if the call finds its own use again. Nothing
    /// at all if the code is over.
    pub fn attempt(
        &self,
        issued_at: Timestamp,
        is_right: impl FnOnce() -> bool,
        call: &str,
        now: Timestamp,
    ) -> Option<(Tried, Option<Self>)> {
        if self.used_by.as_deref() == Some(call) {
            return Some((Tried::Right, None));
        }
        if !self.is_open(issued_at, now) {
            return None;
        }
        Some(match is_right() {
            true => (Tried::Right, Some(Self { used_by: Some(call.to_owned()), ..self.clone() })),
            false => (Tried::Wrong, Some(Self { attempts: self.attempts + 1, ..self.clone() })),
        })
    }
}

/// So many in so many minutes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Window {
    /// How many.
    pub max: usize,
    /// Minutes.
    pub minutes: i64,
}

impl Window {
    /// Does what was at this instant still count?
    pub fn holds(self, at: Timestamp, now: Timestamp) -> bool {
        at > now.plus_seconds(-self.minutes * 60)
    }

    /// Refuses one more if there is no room for it besides those that count, with the seconds until the oldest of them no
    /// longer counts.
    pub fn has_room(self, count: usize, oldest: Option<Timestamp>, now: Timestamp) -> Result<(), Denied> {
        match oldest.filter(|_| count >= self.max) {
            None => Ok(()),
            Some(oldest) => {
                let free = oldest.plus_seconds(self.minutes * 60);
                let seconds = (free.ms() - now.ms()).div_euclid(1_000).max(0) + 1;
                Err(Denied::RateLimited { seconds, limit: i64::try_from(self.max).unwrap_or(i64::MAX) })
            }
        }
    }
}
