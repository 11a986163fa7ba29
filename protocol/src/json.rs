//! Parsing JSON that clients of other languages wrote.

use serde_json::Value;

/// Parses JSON. An escape that is half of a character outside the basic plane, which other languages can write and Rust
/// cannot hold, becomes U+FFFD (wire 2.5).
pub fn parse(bytes: &[u8]) -> Result<Value, serde_json::Error> {
    let first = serde_json::from_slice(bytes);
    let (Err(error), Ok(text)) = (&first, std::str::from_utf8(bytes)) else { return first };
    match mended(text) {
        Some(text) if error.is_syntax() => serde_json::from_str(&text),
        _ => first,
    }
}

/// The text with every half of a pair replaced; `None` if there is none.
fn mended(text: &str) -> Option<String> {
    let (mut kept, mut rest, mut found) = (String::new(), text, false);
    while let Some(place) = rest.find('\\') {
        let (before, escape) = rest.split_at(place);
        kept.push_str(before);
        let length = match (unit(escape), escape.get(6..).and_then(unit)) {
            (Some(0xd800..=0xdbff), Some(0xdc00..=0xdfff)) => 12,
            (Some(0xd800..=0xdfff), _) => {
                found = true;
                kept.push_str("\\ufffd");
                rest = &escape[6..];
                continue;
            }
            (Some(_), _) => 6,
            // The escaped character may be longer than a byte, although no JSON has that.
            (None, _) => 1 + escape.chars().nth(1).map_or(0, char::len_utf8),
        };
        kept.push_str(&escape[..length]);
        rest = &escape[length..];
    }
    kept.push_str(rest);
    found.then_some(kept)
}

/// The UTF-16 unit of a `\uXXXX` that a text starts with.
fn unit(text: &str) -> Option<u32> {
    let digits = text.strip_prefix("\\u")?.get(..4)?;
    let all_hex = digits.bytes().all(|b| b.is_ascii_hexdigit());
    all_hex.then(|| u32::from_str_radix(digits, 16).ok())?
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use serde_json::json;

    #[test]
    fn halves_of_pairs_are_replaced_and_pairs_are_kept() {
        let cases = [
            (r#""\ud83d\ude00""#, "😀"),
            (r#""a\ud83dz""#, "a\u{fffd}z"),
            (r#""\ude00\ud83d\ud83d\ude00""#, "\u{fffd}\u{fffd}😀"),
            (r#""\\ud83d \uD83D""#, "\\ud83d \u{fffd}"),
        ];
        for (text, expected) in cases {
            assert_eq!(parse(text.as_bytes()).unwrap(), json!(expected), "{text}");
        }
        for bad in [r#""\ud8""#, r#""\é""#, "\"\\", "{", r#""\ud83d"#] {
            assert!(parse(bad.as_bytes()).is_err(), "{bad}");
        }
    }

    proptest! {
        #[test]
        fn no_bytes_make_it_panic(bytes in proptest::collection::vec(any::<u8>(), 0..64), text in "[\\\\\"ud8cfé0-9a-f{}:,\\[\\]]{0,40}") {
            let _ = parse(&bytes);
            let _ = parse(text.as_bytes());
        }
    }
}
