//! Floor 2: the table. One DynamoDB table as a compare-and-set log; it decides nothing.
//!
//! `key.rs` is the only file that knows key prefixes, `item/` how records lie in items, `statement.rs` how writes become
//! expressions, `port.rs` what the floors above see, `dynamo.rs` the table itself, `first.rs` its
//! first connection, `none.rs` none at all, `failure.rs` what the log is told when it fails, `fault.rs` what can go wrong with it, `transfer.rs` how
//! records stand in the file of an export.

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
