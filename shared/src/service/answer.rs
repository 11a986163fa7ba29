//! The maximum size of one answer. Lambda returns at most six megabytes, and content in an envelope, or with quotes to
//! escape, grows on the way. Every list is therefore cut in time, and states where it continues.

use ltlm_protocol::limits;
use serde::Serialize;
use serde_json::{Map, Value};

use crate::model::record::Record;

/// The bytes that are left in an answer.
#[derive(Debug)]
pub struct ByteBudget {
    bytes: usize,
    is_empty: bool,
}

impl Default for ByteBudget {
    fn default() -> Self {
        Self { bytes: limits::ANSWER_BYTES_MAX, is_empty: true }
    }
}

impl ByteBudget {
    /// Is there room for this row? There always is for the first one, whatever its size, so that every page makes
    /// progress.
    pub fn admits<T: Serialize>(&mut self, row: &T) -> bool {
        self.admits_bytes(size(row))
    }

    /// Is there room for the content of this record?
    pub fn admits_record(&mut self, record: &Record) -> bool {
        self.admits_bytes(documents(record))
    }

    fn admits_bytes(&mut self, bytes: usize) -> bool {
        let fits = self.is_empty || bytes <= self.bytes;
        (self.is_empty, self.bytes) = (false, self.bytes.saturating_sub(bytes));
        fits
    }
}

fn size<T: Serialize>(row: &T) -> usize {
    let mut counter = ByteCounter(0);
    match serde_json::to_writer(&mut counter, row) {
        Ok(()) => counter.0,
        // What cannot be written is refused where it is answered.
        Err(_) => 0,
    }
}

/// Bytes of the vendor's and the customers' own documents in a record. All else in it is so small that a page's number of rows bounds
/// it.
fn documents(record: &Record) -> usize {
    let of = |documents: &[&Map<String, Value>]| documents.iter().map(size).sum();
    match record {
        Record::Project(project) => of(&[&project.settings, &project.project_settings]),
        Record::Policy(policy) => size(&policy.terms.config),
        Record::Event(event) => of(&[&event.payload]),
        Record::ListedDevice(device) => device.meta.as_ref().map_or(0, size),
        _ => 0,
    }
}

/// Counts what is written.
struct ByteCounter(usize);

impl std::io::Write for ByteCounter {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0 += bytes.len();
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_end_where_the_answer_is_full_and_one_always_fits() {
        let quarter = limits::ANSWER_BYTES_MAX / 4;
        let fits = |sizes: &[usize]| {
            let mut budget = ByteBudget::default();
            sizes.iter().take_while(|size| budget.admits(&"x".repeat(**size - 2))).count()
        };
        assert_eq!(fits(&[quarter; 9]), 4);
        assert_eq!(fits(&[quarter, 3 * quarter + 4, 9]), 1);
        assert_eq!(fits(&[5 * quarter, 9]), 1);
    }
}
