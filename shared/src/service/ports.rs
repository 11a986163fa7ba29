//! What the service asks of the world besides the table: time, chance and patience. `host` implements them.

use std::future::Future;
use std::pin::Pin;
use std::time::Duration;

use ltlm_protocol::Timestamp;

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
