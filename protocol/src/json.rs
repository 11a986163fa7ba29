//! Parsing JSON that others wrote: one reader for the bodies of both faces, for messages and for what is kept.
//!
//! Numbers are read so that each has one spelling: a whole number that is written with digits alone keeps them all, however many
//! there are; every other number is the nearest double, printed as the shortest text that reads back as it.

use std::fmt;

use serde::de::DeserializeOwned;
use serde_json::{Number, Value};

/// What some editors and languages write before UTF-8.
const BYTE_ORDER_MARK: &[u8] = b"\xef\xbb\xbf";

/// It is not JSON, or not the JSON that was expected; and where. What it says is not repeated: it may be a secret.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NotJson(String);

impl NotJson {
    /// The parser says what it expected at which place, and nothing of the text.
    fn syntax(error: &serde_json::Error) -> Self {
        Self(error.to_string())
    }

    fn number() -> Self {
        Self("a number is too large".to_owned())
    }
}

impl fmt::Display for NotJson {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for NotJson {}

/// Parses JSON. A byte order mark before it is skipped. An escape that is half of a character outside the basic plane, which
/// other languages can write and Rust cannot hold, becomes U+FFFD (wire 2.5).
pub fn parse(bytes: &[u8]) -> Result<Value, NotJson> {
    let bytes = bytes.strip_prefix(BYTE_ORDER_MARK).unwrap_or(bytes);
    let first = serde_json::from_slice(bytes);
    let text = std::str::from_utf8(bytes).ok().filter(|_| first.as_ref().is_err_and(serde_json::Error::is_syntax));
    let parsed = match text.and_then(mended) {
        Some(text) => serde_json::from_str(&text),
        None => first,
    };
    spelled(parsed.map_err(|error| NotJson::syntax(&error))?)
}

/// Parses JSON as a value of a type.
pub fn parse_as<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, NotJson> {
    typed(parse(bytes)?)
}

/// What was parsed, as a value of a type.
pub fn typed<T: DeserializeOwned>(value: Value) -> Result<T, NotJson> {
    serde_json::from_value(value).map_err(|_| NotJson("not the JSON that was expected".to_owned()))
}

/// Is this number written with digits alone, and not zero with a sign?
pub(crate) fn is_digits(number: &Number) -> bool {
    let text = number.as_str();
    text != "-0" && text.trim_start_matches('-').bytes().all(|b| b.is_ascii_digit())
}

/// The value with each number in its one spelling. What no double can hold is refused, whole numbers too: the existing client
/// reads at most 380 digits. Parsing bounds how deep a value nests, and with it the recursion.
fn spelled(value: Value) -> Result<Value, NotJson> {
    match value {
        Value::Number(number) => {
            let double = number.as_f64().and_then(Number::from_f64).ok_or_else(NotJson::number)?;
            Ok(Value::Number(if is_digits(&number) { number } else { double }))
        }
        Value::Array(list) => list.into_iter().map(spelled).collect(),
        Value::Object(members) => {
            members.into_iter().map(|(name, inner)| spelled(inner).map(|inner| (name, inner))).collect()
        }
        other => Ok(other),
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

    #[test]
    fn a_byte_order_mark_is_skipped_once_and_only_before() {
        assert_eq!(parse("\u{feff}{\"a\":1}".as_bytes()), Ok(json!({"a": 1})));
        assert_eq!(parse("\u{feff}\"\\ud83d\"".as_bytes()), Ok(json!("\u{fffd}")));
        for bad in ["\u{feff}", "\u{feff}\u{feff}1", "1\u{feff}"] {
            assert!(parse(bad.as_bytes()).is_err(), "{bad:?}");
        }
    }

    #[test]
    fn whole_numbers_keep_their_digits_and_others_have_one_spelling() {
        let digits = "123456789012345678901234567890";
        let cases = [
            (digits, digits),
            ("-9223372036854775809", "-9223372036854775809"),
            ("1e2", "100.0"),
            ("1.50", "1.5"),
            ("5.0", "5.0"),
            ("-0", "-0.0"),
            ("[{\"a\":1E0}]", "[{\"a\":1.0}]"),
        ];
        for (text, expected) in cases {
            assert_eq!(parse(text.as_bytes()).unwrap().to_string(), expected, "{text}");
        }
        for bad in ["1e999".to_owned(), "9".repeat(400), "[-1e400]".to_owned(), "01".to_owned()] {
            assert!(parse(bad.as_bytes()).is_err(), "{bad}");
        }
        assert_eq!(parse_as::<Vec<i64>>(b"[1, -2]"), Ok(vec![1, -2]));
    }

    proptest! {
        #[test]
        fn no_bytes_make_it_panic(bytes in proptest::collection::vec(any::<u8>(), 0..64), text in "[\\\\\"ud8cfé0-9a-f{}:,\\[\\]]{0,40}") {
            let _ = parse(&bytes);
            let _ = parse(text.as_bytes());
        }
    }
}
