//! Token buckets: how often something may be tried, and how often it was lately.

use ltlm_protocol::Timestamp;

/// Milliseconds of a minute.
const MINUTE_MS: i64 = 60_000;

/// How often.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rate {
    /// At once.
    pub burst: i64,
    /// As many again, in so many minutes.
    pub minutes: i64,
}

impl Rate {
    /// Time in which one token comes back, in milliseconds.
    pub(crate) fn each_ms(self) -> i64 {
        (self.minutes * MINUTE_MS) / self.burst.max(1)
    }

    /// Does the bucket lack more than the last token?
    pub fn was_tried_before(self, bucket: &Bucket, now: Timestamp) -> bool {
        bucket.full_at.ms() - now.ms() > self.each_ms()
    }
}

/// A bucket.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Bucket {
    /// A hash of what is counted and of its source.
    pub name: String,
    /// When it is full again.
    pub full_at: Timestamp,
    /// The call that took the last token: that one finds itself where its reply was lost.
    pub call: String,
}
