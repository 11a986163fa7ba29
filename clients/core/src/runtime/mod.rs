//! The state machine with threads, files, a clock and HTTP.

#[cfg(feature = "async")]
mod asynchronous;
mod chance;
mod client;
mod clock;
mod files;
mod folder;
mod keys;
mod platform;
mod source;
mod storage;
mod transport;

#[cfg(feature = "async")]
pub use asynchronous::AsyncClient;
pub use client::{Client, Parts};
pub use clock::{SystemClock, TimeSource};
pub use files::FileStorage;
pub use keys::{KeyStore, KeyStoreUnavailable};
pub use source::machine_id;
pub use storage::{Loaded, MemoryStorage, Saved, Storage};
pub use transport::{HttpTransport, Transport};
