//! Money: whole minor units and a currency. We carry prices, we never compute with them.

use ltlm_protocol::Amount;
use ltlm_protocol::money::display_exponent;

/// An amount to be paid, as the payment provider counts it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Money {
    /// In the provider's minor units: of [`charge_exponent`] decimals. This is what is sent, and what is stored.
    pub minor: i64,
    /// ISO 4217, upper-case.
    pub currency: String,
}

/// Currencies whose amounts the provider expects without decimals (docs.stripe.com/currencies#zero-decimal). Some of
/// them have a subunit: the ariary has fifths. UGX is in that list too, but is an exception to it, as is ISK.
const CHARGED_WHOLE: &[&str] =
    &["BIF", "CLP", "DJF", "GNF", "JPY", "KMF", "KRW", "MGA", "PYG", "RWF", "VND", "VUV", "XAF", "XOF", "XPF"];

/// Decimals of a currency in the provider's API, 0 to 3. It differs from how people write the currency: UGX and ISK have no
/// decimals, but are charged with two of them, which must be 00 (docs.stripe.com/currencies#special-cases). HUF and TWD have
/// rules of their own for payouts only: charges take two decimals. Of three decimals the last must be 0, and it is, because
/// a price has two at most.
pub fn charge_exponent(currency: &str) -> u32 {
    match currency {
        code if CHARGED_WHOLE.contains(&code) => 0,
        code => display_exponent(code).max(2),
    }
}

impl Money {
    /// What is charged for a price: rounded, where the currency cannot express it. No such price is accepted any more, but an
    /// old policy may have one.
    pub fn of(price: Amount, currency: &str) -> Self {
        let currency = currency.to_ascii_uppercase();
        let exponent = charge_exponent(&currency);
        let is_whole = exponent == 0 || display_exponent(&currency) == 0;
        let hundredths = if is_whole { (price.hundredths() + 50).div_euclid(100) * 100 } else { price.hundredths() };
        let minor = match exponent {
            0 => hundredths / 100,
            3 => hundredths.saturating_mul(10),
            _ => hundredths,
        };
        Self { minor, currency }
    }

    /// Can a price be charged as it is written?
    pub fn is_exact(price: Amount, currency: &str) -> bool {
        Self::of(price, currency).amount() == price
    }

    /// The amount in units of the currency, for people.
    pub fn amount(&self) -> Amount {
        Amount::of_hundredths(match charge_exponent(&self.currency) {
            0 => self.minor.saturating_mul(100),
            3 => self.minor / 10,
            _ => self.minor,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_price_is_charged_in_the_minor_units_that_the_provider_documents() {
        // The price in hundredths, and what Stripe wants to be told.
        for (hundredths, currency, minor) in [
            (999, "usd", 999),
            (29, "EUR", 29),
            (9_999_999_999, "USD", 9_999_999_999),
            // Without decimals.
            (150_000, "JPY", 1_500),
            (150_000, "KRW", 1_500),
            (150_000, "MGA", 1_500),
            // Without decimals for people, with two for the provider.
            (500, "UGX", 500),
            (500, "ISK", 500),
            // Rules for payouts do not matter to charges.
            (1_045, "HUF", 1_045),
            (80_045, "TWD", 80_045),
            // The last of three decimals is 0.
            (125, "KWD", 1_250),
            (513, "BHD", 5_130),
        ] {
            let money = Money::of(Amount::of_hundredths(hundredths), currency);
            assert_eq!(money.minor, minor, "{hundredths} {currency}");
            assert_eq!(money.amount().hundredths(), hundredths, "{currency}: it is the same amount again");
            assert!(Money::is_exact(Amount::of_hundredths(hundredths), currency));
        }
    }

    #[test]
    fn a_price_that_a_currency_cannot_express_is_none() {
        for currency in ["JPY", "UGX", "ISK", "MGA", "XOF"] {
            assert!(!Money::is_exact(Amount::of_hundredths(150), currency), "{currency}");
            assert_eq!(Money::of(Amount::of_hundredths(150), currency).amount().hundredths(), 200, "{currency}");
        }
        for currency in ["USD", "HUF", "TWD", "KWD"] {
            assert!(Money::is_exact(Amount::of_hundredths(150), currency), "{currency}");
        }
        for currency in ["UGX", "ISK"] {
            assert_eq!(Money::of(Amount::of_hundredths(150), currency).minor % 100, 0, "{currency}");
        }
    }
}
