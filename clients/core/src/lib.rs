//! LTLM for applications.
//!
//! A [`Client`] activates a license, keeps its seat, charges tokens and lets the application run without a network for
//! as long as the vendor allows. All of its rules are in [`machine::Machine`], which does no I/O: it receives events
//! and returns actions, so that every rule can be simulated.
//!
//! Nothing that a server says is believed before its signature is verified, and every use of tokens has an operation id from the
//! start: it is charged once, whatever is lost.
#![forbid(unsafe_code)]

pub mod call;
mod clock;
mod config;
mod error;
pub mod event;
mod identity;
mod journal;
mod license;
mod log;
pub mod machine;
#[cfg(feature = "runtime")]
mod runtime;
mod status;
mod wire;

pub use clock::Clocks;
pub use config::{Config, KeyStoreKind, QUEUE_MAX, StorageKind, TIMEOUT_MS};
pub use error::{Error, ErrorCode};
pub use event::Event;
pub use identity::hwid;
pub use log::LogLevel;
#[cfg(feature = "async")]
pub use runtime::AsyncClient;
#[cfg(feature = "runtime")]
pub use runtime::{
    Client, FileStorage, HttpTransport, KeyStore, KeyStoreUnavailable, Loaded, MemoryStorage, Parts, Saved, Storage,
    SystemClock, TimeSource, Transport, machine_id,
};
pub use status::{Reason, Snapshot, Status};
