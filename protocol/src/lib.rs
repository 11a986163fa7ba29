//! The LTLM wire: request and answer types, error codes, limits and instants.
//!
//! Invariant: nothing here does I/O, knows the database, or panics on input. Server and client share this crate and
//! nothing else. The rules come from `contract/ltlm-wire.md`; comments name the section.

pub mod account_data;
pub mod admin_data;
pub mod body;
pub mod canonical;
pub mod code;
pub mod deployment_data;
pub mod envelope;
pub mod error;
pub mod event_data;
pub mod json;
pub mod license_data;
pub mod limits;
pub mod merge;
pub mod money;
pub mod organization_data;
pub mod pattern;
pub mod portal_data;
pub mod project_ledger_data;
pub mod proof;
pub mod read;
pub mod request;
pub mod shape;
pub mod store_data;
pub mod time;
pub mod transfer;
pub mod webhook_data;

pub use body::Body;
pub use code::Code;
pub use error::ErrorBody;
pub use license_data::LicenseData;
pub use money::Amount;
pub use read::{Problem, Problems};
pub use time::Timestamp;

/// A 64-bit quantity as the wire's 32-bit integer: clamped, because one number out of range makes the whole answer
/// unreadable to the existing client (wire 3.1).
pub fn int32(value: i64) -> i32 {
    i32::try_from(value).unwrap_or(if value < 0 { i32::MIN } else { i32::MAX })
}
