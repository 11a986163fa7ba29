//! No table: of functions that serve nothing which needs one, and are not linked with a client of it.

use ltlm_protocol::transfer::Span;

use crate::model::record::Record;
use crate::model::write::Write;
use crate::table::port::{CommitError, Meter, Read, ReadError, Table, Walk, Walked};

/// Replaces a table. A call on it is a defect of the caller.
#[derive(Debug)]
pub struct NoTable;

/// The cause in the log.
const NONE: &str = "this function has no table";

fn unreadable<V>() -> Result<V, ReadError> {
    Err(ReadError::Broken(NONE.into()))
}

impl Table for NoTable {
    async fn read(&self, _: &[Read], _: &Meter) -> Result<Vec<Record>, ReadError> {
        unreadable()
    }

    async fn commit(&self, _: &[Write], _: Option<&Write>, _: &Meter) -> Result<(), CommitError> {
        Err(CommitError::Broken(NONE.into()))
    }

    async fn walk(&self, _: &Walk, _: Option<&str>, _: &Meter) -> Result<Walked, ReadError> {
        unreadable()
    }

    async fn claim(&self, _: &str, _: Span, _: &Meter) -> Result<bool, ReadError> {
        unreadable()
    }

    async fn reserve(&self, _: &str, _: i64, _: &Meter) -> Result<i64, ReadError> {
        unreadable()
    }
}
