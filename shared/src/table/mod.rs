//! The table: one DynamoDB table that is written with conditional transactions. It makes no decisions.
//!
//! `key.rs` is the only file that contains key prefixes, `item/` maps records to items, `statement.rs` converts writes
//! to expressions, `port.rs` is what the layers above see, `dynamo.rs` the table itself, `first.rs` its first
//! connection, `none.rs` its absence, `failure.rs` what the log receives when it fails, `fault.rs` injects faults, and
//! `transfer.rs` maps records to lines of an export.

pub mod dynamo;
pub mod failure;
pub mod fault;
pub mod first;
pub mod item;
pub mod key;
pub mod none;
pub mod port;
pub mod schema;
pub mod statement;
pub mod transfer;

pub use port::{CommitError, Meter, Read, ReadError, Spent, Table, Walk, Walked};
