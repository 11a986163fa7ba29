//! Pure decisions, in a folder for each subject.
//!
//! One file per command with a `decide`, and the states that decisions read. Nothing here is `async`, reads a clock, draws a random
//! number, logs, or knows AWS or HTTP: time and ids come in as arguments.

pub mod accounts;
pub mod admin;
pub mod ahead;
pub mod decision;
pub mod license;
pub mod organizations;
pub mod portal;
pub mod pro;
pub mod store;
pub mod throttle;
pub mod webhooks;
