//! Opaque cursors of lists. They hold no key and no secret, only where to go on within what the caller may see anyway; a
//! forged one shows nothing else.

use ltlm_protocol::Problems;

const LEDGER: &str = "ledger/1:";

/// The cursor after the entry with this sequence number.
pub fn ledger(sequence: i64) -> String {
    hex::encode(format!("{LEDGER}{sequence}"))
}

/// Reads such a cursor.
pub fn parse_ledger(text: &str) -> Result<i64, Problems> {
    let decoded = hex::decode(text).ok().and_then(|bytes| String::from_utf8(bytes).ok());
    let sequence =
        decoded.as_deref().and_then(|t| t.strip_prefix(LEDGER)).and_then(|n| n.parse().ok()).filter(|n| *n > 0);
    sequence.ok_or_else(|| Problems::one("cursor", "must be a nextCursor of this list"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cursor_reads_back_and_nothing_else_does() {
        assert_eq!(parse_ledger(&ledger(7)), Ok(7));
        for bad in ["", "7", "zz", &hex::encode("ledger/1:-7"), &hex::encode("ledger/2:7"), &hex::encode("ledger/1:x")]
        {
            assert!(parse_ledger(bad).is_err(), "{bad}");
        }
    }
}
