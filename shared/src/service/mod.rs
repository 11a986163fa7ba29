//! Load, decide, commit: in a folder for each subject. `transact.rs` is the one way to commit, `license/load.rs` the one way to a
//! license's state; the rest is one function per command.

pub mod accounts;
pub mod admin;
pub mod answer;
pub mod app;
pub mod bucket;
pub mod fingerprint;
pub mod hints;
pub mod ids;
pub mod ledger;
pub mod license;
pub mod organizations;
pub mod portal;
pub mod ports;
pub mod pro;
pub mod quota;
pub mod repeat;
pub mod retry;
pub mod store;
pub mod stream;
pub mod throttle;
pub mod transact;
pub mod turns;
pub mod webhooks;
