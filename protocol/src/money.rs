//! Amounts of money as the wire carries them: numbers with at most two decimals (wire rule N-2).

use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// Currencies without a smaller unit (ISO 4217).
const NO_DECIMALS: &[&str] = &[
    "BIF", "CLP", "DJF", "GNF", "ISK", "JPY", "KMF", "KRW", "PYG", "RWF", "UGX", "UYI", "VND", "VUV", "XAF", "XOF",
    "XPF",
];
/// Currencies whose smallest unit is a thousandth (ISO 4217).
const THREE_DECIMALS: &[&str] = &["BHD", "IQD", "JOD", "KWD", "LYD", "OMR", "TND"];

/// Decimals with which people write amounts of a currency (ISO 4217), 0 to 3. What a payment provider expects in its API is
/// another matter: see the charge exponent of the store.
pub fn display_exponent(currency: &str) -> u32 {
    let is_in = |list: &[&str]| list.iter().any(|code| code.eq_ignore_ascii_case(currency));
    match (is_in(NO_DECIMALS), is_in(THREE_DECIMALS)) {
        (true, _) => 0,
        (_, true) => 3,
        _ => 2,
    }
}

/// An amount of money, in whole hundredths of the currency's unit: all that the wire can say, in every currency. A JSON number
/// on the wire and in the table; a floating-point number nowhere else.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Amount(i64);

impl Amount {
    /// The largest amount: 99,999,999.99 (wire rule N-2).
    pub const MAX: Self = Self(9_999_999_999);

    /// An amount of so many hundredths of the currency's unit.
    pub fn of_hundredths(hundredths: i64) -> Self {
        Self(hundredths)
    }

    /// Hundredths of the currency's unit.
    pub fn hundredths(self) -> i64 {
        self.0
    }

    /// The amount that a number is, if it has at most two decimals: a double is the nearest one to a decimal.
    pub fn of_number(number: f64) -> Option<Self> {
        let hundredths = (number * 100.0).round();
        let is_one = hundredths.abs() <= 9e15 && (number * 100.0 - hundredths).abs() < 1e-6;
        is_one.then_some(Self(hundredths as i64))
    }

    /// The number on the wire: the double nearest to the amount.
    pub fn number(self) -> f64 {
        self.0 as f64 / 100.0
    }

    /// The amount as people write it in this currency: `500` yen, `9.99` dollars, `1.250` dinars. Decimals that the currency
    /// does not have are written only where there are some.
    pub fn text(self, currency: &str) -> String {
        let (sign, whole, rest) = (if self.0 < 0 { "-" } else { "" }, self.0.abs() / 100, self.0.abs() % 100);
        match display_exponent(currency) {
            0 if rest == 0 => format!("{sign}{whole}"),
            3 => format!("{sign}{whole}.{rest:02}0"),
            _ => format!("{sign}{whole}.{rest:02}"),
        }
    }
}

impl Serialize for Amount {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_f64(self.number())
    }
}

impl<'de> Deserialize<'de> for Amount {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let number = f64::deserialize(deserializer)?;
        Self::of_number(number).ok_or_else(|| serde::de::Error::custom("an amount has at most two decimals"))
    }
}

#[cfg(feature = "schema")]
impl schemars::JsonSchema for Amount {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Amount".into()
    }

    fn json_schema(generator: &mut schemars::SchemaGenerator) -> schemars::Schema {
        f64::json_schema(generator)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_amount_is_written_with_the_decimals_of_its_currency() {
        let text = |hundredths: i64, currency: &str| Amount::of_hundredths(hundredths).text(currency);
        for (hundredths, currency, expected) in [
            (50_000, "JPY", "500"),
            (50_000, "jpy", "500"),
            (50_000, "UGX", "500"),
            (50_000, "ISK", "500"),
            (50_000, "USD", "500.00"),
            (50_000, "HUF", "500.00"),
            (50_000, "TWD", "500.00"),
            (999, "EUR", "9.99"),
            (125, "KWD", "1.250"),
            (5, "USD", "0.05"),
            (-5, "USD", "-0.05"),
            // What an old policy may say; it is shown as it is.
            (150, "JPY", "1.50"),
        ] {
            assert_eq!(text(hundredths, currency), expected, "{hundredths} {currency}");
        }
    }

    #[test]
    fn an_amount_stays_exact_on_its_way_over_the_wire() {
        for hundredths in (0..1_000_000).step_by(7).chain([9_999_999_999, 29, 101, 1_005, 115]) {
            let amount = Amount::of_hundredths(hundredths);
            let text = serde_json::to_string(&amount).unwrap();
            assert_eq!(serde_json::from_str::<Amount>(&text).unwrap(), amount, "{text}");
        }
        assert_eq!(serde_json::to_string(&Amount::of_hundredths(999)).unwrap(), "9.99");
        for bad in ["1.005", "0.001", "1e300", "\"9.99\""] {
            assert!(serde_json::from_str::<Amount>(bad).is_err(), "{bad}");
        }
    }
}
