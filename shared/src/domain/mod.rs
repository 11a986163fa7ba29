//! Floor 1: pure decisions.
//!
//! One file per command with a `decide`; the records they read; the writes they ask for. Nothing here is `async`, reads a
//! clock, draws a random number, logs, or knows AWS or HTTP: time and ids come in as arguments.

pub mod account;
pub mod activate;
pub mod address;
pub mod administrator;
pub mod ahead;
pub mod change_license;
pub mod config;
pub mod consume;
pub mod consume_batch;
pub mod credit;
pub mod denied;
pub mod describe_device;
pub mod desk;
pub mod developer;
pub mod device;
pub mod entitlement;
pub mod entry;
pub mod event;
pub mod gate;
pub mod hardening;
pub mod heartbeat;
pub mod issue;
pub mod job;
pub mod ledger;
pub mod license;
pub mod lost_answer;
pub mod mail;
pub mod nonce;
pub mod notice;
pub mod offline_file;
pub mod one_time;
pub mod organization;
pub mod policy;
pub mod portal;
pub mod project;
pub mod proof;
pub mod purchases;
pub mod record;
pub mod refresh;
pub mod reinstate;
pub mod release_seat;
pub mod remove_device;
pub mod rollup;
pub mod seats;
pub mod settings;
pub mod signout;
pub mod state;
pub mod status;
pub mod store;
pub mod terms;
pub mod throttle;
pub mod token_renewal;
pub mod transfer;
pub mod view;
pub mod wallet;
pub mod webhook;
pub mod write;

pub use denied::Denied;
pub use record::Record;
pub use state::LicenseState;
pub use write::{Decision, Write};
