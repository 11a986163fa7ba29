//! The text that is signed: JSON as the existing client prints it after parsing what it received (wire 2.5, 2.5.1).
//!
//! One printer for the wire and for the signature. Where it printed a number or a character in another way than the client
//! does, the client would take the whole answer for forged.

use num_bigint::BigUint;
use serde_json::{Number, Value};

use crate::json;

/// Significant digits of a printed fraction: as many as every double keeps.
const DIGITS: usize = 15;
/// Below this, a fraction is printed as zero.
const SMALLEST: f64 = 1e-290;

/// Prints a value: members sorted, no white space.
pub fn print(value: &Value) -> String {
    let mut text = String::new();
    print_value(value, &mut text);
    text
}

/// What is signed of a printed text: every backslash and slash that stand together become a slash. Not always JSON.
pub fn signed_text(printed: &str) -> String {
    printed.replace("\\/", "/")
}

fn print_value(value: &Value, text: &mut String) {
    match value {
        Value::Null => text.push_str("null"),
        Value::Bool(true) => text.push_str("true"),
        Value::Bool(false) => text.push_str("false"),
        Value::Number(number) => print_number(number, text),
        Value::String(string) => print_string(string, text),
        Value::Array(list) => {
            text.push('[');
            for (index, inner) in list.iter().enumerate() {
                if index > 0 {
                    text.push(',');
                }
                print_value(inner, text);
            }
            text.push(']');
        }
        Value::Object(members) => {
            let mut members: Vec<_> = members.iter().collect();
            // By UTF-16 units, which is not the order of UTF-8 bytes: U+1F600 stands before U+FF5E.
            members.sort_by(|(a, _), (b, _)| a.encode_utf16().cmp(b.encode_utf16()));
            text.push('{');
            for (index, (name, inner)) in members.into_iter().enumerate() {
                if index > 0 {
                    text.push(',');
                }
                print_string(name, text);
                text.push(':');
                print_value(inner, text);
            }
            text.push('}');
        }
    }
}

fn print_string(string: &str, text: &mut String) {
    text.push('"');
    for c in string.chars() {
        match c {
            '"' => text.push_str("\\\""),
            '\\' => text.push_str("\\\\"),
            '\u{8}' => text.push_str("\\b"),
            '\t' => text.push_str("\\t"),
            '\n' => text.push_str("\\n"),
            '\u{c}' => text.push_str("\\f"),
            '\r' => text.push_str("\\r"),
            '\0'..='\u{1f}' | '\u{85}' | '\u{2028}' | '\u{2029}' => text.push_str(&format!("\\u{:04x}", u32::from(c))),
            _ => text.push(c),
        }
    }
    text.push('"');
}

fn print_number(number: &Number, text: &mut String) {
    match number.as_f64().filter(|_| !json::is_digits(number)) {
        Some(fraction) => text.push_str(&safe_float(fraction)),
        // Digits alone: the existing client reads and prints whole numbers of any size with all of them.
        None => text.push_str(number.as_str()),
    }
}

/// A fraction of at most fifteen significant digits that the existing client prints back as it is (wire rule N-3). It
/// differs from `x` by at most two parts in 10¹³.
pub fn safe_float(x: f64) -> String {
    if x.abs() < SMALLEST {
        return "0.0".to_owned();
    }
    // Rust rounds the exact value of the double.
    let rounded = format!("{:.*e}", DIGITS - 1, x.abs());
    let (digits, exponent) = rounded.split_once('e').unwrap_or((&rounded, "0"));
    let mut exponent: i32 = exponent.parse().unwrap_or(0);
    let mut number: u64 = digits.replace('.', "").parse().unwrap_or(0);
    while !is_stable(number, exponent) {
        number += 1;
        if number == 10_u64.pow(DIGITS as u32) {
            (number, exponent) = (number / 10, exponent + 1);
        }
    }
    let sign = if x < 0.0 { "-" } else { "" };
    format!("{sign}{}", positional_or_scientific(number, exponent))
}

/// Does the client's conversion from decimal hit the nearest double? It may fall to the wrong side of values that lie next
/// to the boundary between two doubles. The value is `number` × 10^(`exponent` − 14).
fn is_stable(number: u64, exponent: i32) -> bool {
    let (mut number, mut scale) = (number, exponent - (DIGITS as i32 - 1));
    while number > 0 && number.is_multiple_of(10) {
        (number, scale) = (number / 10, scale + 1);
    }
    let (number, power) = (BigUint::from(number), BigUint::from(10_u8).pow(scale.unsigned_abs()));
    let mantissa = match scale >= 0 {
        true => mantissa(number * power, BigUint::from(1_u8)),
        false => mantissa(number, power),
    };
    // The 11 bits that a double's 53 do not hold: 1,024 is the boundary.
    let distance = (mantissa % 2_048).abs_diff(1_024);
    distance >= if scale.abs() <= 15 { 8 } else { 64 }
}

/// The first 64 bits of a quotient: scaled by a power of two into [2⁶³, 2⁶⁴), its whole part.
fn mantissa(over: BigUint, under: BigUint) -> u64 {
    let mut shift = 64 + i64::try_from(under.bits()).unwrap_or(0) - i64::try_from(over.bits()).unwrap_or(0);
    loop {
        let by = shift.unsigned_abs();
        let quotient = match shift >= 0 {
            true => (&over << by) / &under,
            false => &over / (&under << by),
        };
        if quotient.bits() == 64 {
            return quotient.iter_u64_digits().next().unwrap_or(0);
        }
        shift += if quotient.bits() > 64 { -1 } else { 1 };
    }
}

fn positional_or_scientific(number: u64, exponent: i32) -> String {
    let digits = format!("{number:015}");
    let significant = digits.trim_end_matches('0');
    let (first, rest) = significant.split_at(1);
    if !(-4..15).contains(&exponent) {
        let fraction = if rest.is_empty() { String::new() } else { format!(".{rest}") };
        let sign = if exponent < 0 { '-' } else { '+' };
        return format!("{first}{fraction}E{sign}{:02}", exponent.abs());
    }
    if exponent < 0 {
        let zeros = "0".repeat(usize::try_from(-exponent - 1).unwrap_or(0));
        return format!("0.{zeros}{significant}");
    }
    let (whole, fraction) = digits.split_at(usize::try_from(exponent + 1).unwrap_or(DIGITS));
    let fraction = fraction.trim_end_matches('0');
    format!("{whole}.{}", if fraction.is_empty() { "0" } else { fraction })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn printed(text: &str) -> String {
        print(&json::parse(text.as_bytes()).unwrap())
    }

    #[test]
    fn numbers_are_printed_as_appendix_a_of_the_wire_lists_them() {
        let unchanged = [
            "0",
            "-2",
            "1703548800000",
            "9223372036854775808",
            "-9223372036854775809",
            "123456789012345678901234567890",
            "9.99",
            "10.0",
            "0.0001",
            "1E+15",
            "1E-05",
        ];
        for text in unchanged {
            assert_eq!(printed(text), text);
        }
        let changed = [
            ("10.50", "10.5"),
            ("1e2", "100.0"),
            ("-0.0", "0.0"),
            ("1e15", "1E+15"),
            ("0.00001", "1E-05"),
            ("2.718281828459045", "2.71828182845905"),
            ("0.3333333333333333", "0.333333333333333"),
            ("0.1", "0.1"),
            // The client keeps this one, but not every number of sixteen digits.
            ("100000000000000.5", "100000000000000.0"),
            ("0.9501", "0.950100000000001"),
            ("-0.9501", "-0.950100000000001"),
            ("1e-300", "0.0"),
            ("1.7976931348623157e308", "1.79769313486232E+308"),
        ];
        for (sent, expected) in changed {
            assert_eq!(printed(sent), expected, "{sent}");
        }
    }

    #[test]
    fn prices_keep_their_two_decimals() {
        for cents in 0..200_000_u32 {
            let price = f64::from(cents) / 100.0;
            let expected = match cents % 100 {
                0 => format!("{}.0", cents / 100),
                _ => format!("{}.{:02}", cents / 100, cents % 100).trim_end_matches('0').to_owned(),
            };
            assert_eq!(safe_float(price), expected);
        }
    }

    #[test]
    fn members_are_sorted_by_utf_16_units() {
        let text = "{\"\u{ff5e}\":1,\"\u{1f600}\":2,\"b\":{\"z\":0,\"a\":[2,1]},\"aa\":4,\"a\":3,\"\":5}";
        let sorted = "{\"\":5,\"a\":3,\"aa\":4,\"b\":{\"a\":[2,1],\"z\":0},\"\u{1f600}\":2,\"\u{ff5e}\":1}";
        assert_eq!(printed(text), sorted);
    }

    #[test]
    fn only_what_the_client_escapes_is_escaped() {
        let value = Value::String("\" \\ / < ' \u{7f} \u{85} \u{2028} \u{2029} \u{8}\t\n\u{c}\r \0 \u{1f} é 😀".into());
        let expected = "\"\\\" \\\\ / < ' \u{7f} \\u0085 \\u2028 \\u2029 \\b\\t\\n\\f\\r \\u0000 \\u001f é 😀\"";
        assert_eq!(print(&value), expected);
    }

    #[test]
    fn a_backslash_before_a_slash_is_not_signed() {
        let printed = print(&Value::String("C:\\/tmp".into()));
        assert_eq!((printed.as_str(), signed_text(&printed).as_str()), ("\"C:\\\\/tmp\"", "\"C:\\/tmp\""));
    }

    fn any_json() -> impl Strategy<Value = Value> {
        let leaf = prop_oneof![
            Just(Value::Null),
            any::<bool>().prop_map(Value::from),
            any::<i64>().prop_map(Value::from),
            any::<u64>().prop_map(Value::from),
            proptest::num::f64::NORMAL.prop_map(Value::from),
            (-1_000_000_i64..1_000_000, 0_i32..6).prop_map(|(n, e)| Value::from(n as f64 / 10_f64.powi(e))),
            any::<String>().prop_map(Value::from),
        ];
        leaf.prop_recursive(4, 64, 8, |inner| {
            prop_oneof![
                proptest::collection::vec(inner.clone(), 0..8).prop_map(Value::from),
                proptest::collection::hash_map(any::<String>(), inner, 0..8)
                    .prop_map(|members| Value::Object(members.into_iter().collect())),
            ]
        })
    }

    fn is_close(a: &Value, b: &Value) -> bool {
        match (a, b) {
            (Value::Array(a), Value::Array(b)) => a.len() == b.len() && a.iter().zip(b).all(|(a, b)| is_close(a, b)),
            (Value::Object(a), Value::Object(b)) => {
                a.len() == b.len() && a.iter().all(|(name, a)| b.get(name).is_some_and(|b| is_close(a, b)))
            }
            (Value::Number(x), Value::Number(y)) if x.is_f64() || y.is_f64() => {
                let (x, y) = (x.as_f64().unwrap(), y.as_f64().unwrap());
                (x - y).abs() <= x.abs() * 2e-13 || (x.abs() < SMALLEST && y == 0.0)
            }
            _ => a == b,
        }
    }

    proptest! {
        /// Parsing what was printed gives the value within the float rule; printing that again changes nothing.
        #[test]
        fn printing_is_a_fixed_point(value in any_json()) {
            let text = print(&value);
            let again = json::parse(text.as_bytes()).unwrap();
            prop_assert!(is_close(&value, &again), "{text}");
            prop_assert_eq!(print(&again), text);
        }

        #[test]
        fn every_fraction_is_printed_stably(bits in any::<u64>()) {
            let x = f64::from_bits(bits);
            prop_assume!(x.is_finite());
            let text = safe_float(x);
            let y: f64 = text.parse().unwrap();
            prop_assert!((x - y).abs() <= x.abs() * 2e-13 || x.abs() < SMALLEST);
            prop_assert_eq!(safe_float(y), text);
        }
    }
}
