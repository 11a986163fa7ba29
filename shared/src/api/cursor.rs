//! Opaque cursors of lists. They hold no key and no secret, only where to go on within what the caller may see anyway; a
//! forged one shows nothing else.

use ltlm_protocol::Problems;

/// Longest position in a list, in bytes.
const POSITION_BYTES_MAX: usize = 4_000;

/// The cursor after the row at `position` of the list called `list`.
pub fn of(list: &str, position: &str) -> String {
    hex::encode(format!("{list}/1:{position}"))
}

/// The position in a cursor of this list.
pub fn parse(list: &str, text: &str) -> Result<String, Problems> {
    let decoded = hex::decode(text).ok().and_then(|bytes| String::from_utf8(bytes).ok());
    let position = decoded.as_deref().and_then(|text| text.strip_prefix(list)?.strip_prefix("/1:"));
    let usable = |position: &&str| (1..=POSITION_BYTES_MAX).contains(&position.len());
    let position = position.filter(usable).map(str::to_owned);
    position.ok_or_else(problem)
}

/// What is wrong with a cursor that no answer of this list gave.
pub fn problem() -> Problems {
    Problems::one("cursor", "must be a nextCursor of this list")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cursor_reads_back_and_nothing_else_does() {
        assert_eq!(parse("ledger", &of("ledger", "7")), Ok("7".to_owned()));
        let long = hex::encode(format!("ledger/1:{}", "9".repeat(POSITION_BYTES_MAX + 1)));
        for bad in ["", "7", "zz", &of("audit", "7"), &hex::encode("ledger/2:7"), &of("ledger", ""), &long, "6c65ff"] {
            assert!(parse("ledger", bad).is_err(), "{bad}");
        }
    }
}
