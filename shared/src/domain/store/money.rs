//! Money: whole minor units and a currency. We carry prices, we never compute with them.

/// An amount to be paid.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Money {
    /// In the currency's smallest unit.
    pub minor: i64,
    /// ISO 4217, upper-case.
    pub currency: String,
}

/// Currencies without a smaller unit (ISO 4217; those that Stripe lists as zero-decimal).
const WHOLE: &[&str] =
    &["BIF", "CLP", "DJF", "GNF", "JPY", "KMF", "KRW", "MGA", "PYG", "RWF", "UGX", "VND", "VUV", "XAF", "XOF", "XPF"];
/// Currencies whose smallest unit is a thousandth.
const THOUSANDTHS: &[&str] = &["BHD", "JOD", "KWD", "OMR", "TND"];

impl Money {
    /// A price with at most two decimals, as policies carry it.
    pub fn of(price: f64, currency: &str) -> Self {
        let currency = currency.to_ascii_uppercase();
        let hundredths = (price * 100.0).round() as i64;
        let minor = match currency.as_str() {
            c if WHOLE.contains(&c) => price.round() as i64,
            c if THOUSANDTHS.contains(&c) => hundredths * 10,
            _ => hundredths,
        };
        Self { minor, currency }
    }

    /// The amount as a number again, for people.
    pub fn amount(&self) -> f64 {
        let units = match self.currency.as_str() {
            c if WHOLE.contains(&c) => 1.0,
            c if THOUSANDTHS.contains(&c) => 1_000.0,
            _ => 100.0,
        };
        self.minor as f64 / units
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_price_becomes_minor_units() {
        let minor = |price: f64, currency: &str| Money::of(price, currency).minor;
        assert_eq!((minor(9.99, "usd"), minor(0.29, "EUR"), minor(1_500.0, "JPY")), (999, 29, 1_500));
        assert_eq!((minor(1.25, "KWD"), minor(99_999_999.99, "USD")), (1_250, 9_999_999_999));
        for (price, currency) in [(9.99, "USD"), (1_500.0, "JPY"), (1.25, "KWD")] {
            assert_eq!(Money::of(price, currency).amount(), price);
        }
    }
}
