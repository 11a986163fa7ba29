//! What the service asks of the world besides the table: time, chance and patience. `host` implements them.

use std::future::Future;
use std::pin::Pin;
use std::time::Duration;

use ltlm_protocol::Timestamp;

use crate::domain::notice::Notice;

/// Tells the time.
pub trait Clock: Send + Sync {
    /// The present instant. Read once per request.
    fn now(&self) -> Timestamp;
}

/// Gives unguessable bytes.
pub trait Entropy: Send + Sync {
    /// Fills `bytes`.
    fn fill(&self, bytes: &mut [u8]);
}

/// Waits, and knows for how long it has waited.
pub trait Sleep: Send + Sync {
    /// Milliseconds of a clock that only runs forward.
    fn elapsed_ms(&self) -> u64;

    /// Waits.
    fn sleep(&self, duration: Duration) -> Pin<Box<dyn Future<Output = ()> + Send + '_>>;
}

/// An effect that may have happened or not.
pub type Sending<'a> = Pin<Box<dyn Future<Output = Result<(), Box<dyn std::error::Error + Send + Sync>>> + Send + 'a>>;

/// Hands work to workers, each message at least once.
pub trait Queue: Send + Sync {
    /// Sends these messages.
    fn send(&self, messages: Vec<String>) -> Sending<'_>;
}

/// Tells whoever listens, each notice at least once.
pub trait Bus: Send + Sync {
    /// Gives these notices.
    fn publish(&self, notices: Vec<Notice>) -> Sending<'_>;
}
