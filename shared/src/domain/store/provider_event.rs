//! Messages of a payment provider, in the terms of this service.

use ltlm_protocol::body::Unknown;
use ltlm_protocol::read::Reader;
use ltlm_protocol::{Body, Timestamp};
use serde_json::{Value, json};

use crate::domain::store::reversal::Reversal;
use crate::model::money::Money;

/// The body of a provider's message, which its signature vouches for. It is read by the provider's module, as it was signed.
pub struct SignedEvent;

impl Body for SignedEvent {
    const UNKNOWN: Unknown = Unknown::Ignored;

    fn read(_: &mut Reader<'_>) -> Self {
        Self
    }

    fn keywords() -> Value {
        json!({"description": "An event of Stripe's, as it was signed."})
    }
}

/// A provider's message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Message {
    /// The provider's id of it: the same however often it is sent.
    pub id: String,
    /// The provider's name of its kind.
    pub kind: String,
    /// Is it about real money?
    pub is_live: bool,
    /// Its content.
    pub event: ProviderEvent,
}

/// A paid invoice of a subscription.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PaidInvoice {
    /// The order that began the subscription.
    pub order: String,
    /// The provider's name of the subscription.
    pub subscription: Option<String>,
    /// The provider's name of the payment.
    pub payment: Option<String>,
    /// When it was paid, by the provider's clock.
    pub paid_at: Timestamp,
    /// Its lines that are periods of the subscription's items: no one-off items, no prorations.
    pub lines: Vec<PeriodLine>,
}

/// A period of an item of a subscription.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PeriodLine {
    /// The price of one, in the provider's minor units, if the message contains it.
    pub unit: Option<i64>,
    /// The end of the period.
    pub until: Timestamp,
}

impl PaidInvoice {
    /// The end of what it pays: of the items at the price of the order, if there are some; of all, if not. None if it pays no
    /// period.
    pub fn until(&self, price: &Money) -> Option<Timestamp> {
        let ordered = self.lines.iter().filter(|line| line.unit == Some(price.minor)).map(|line| line.until).max();
        ordered.or_else(|| self.lines.iter().map(|line| line.until).max())
    }
}

/// The content of a message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ProviderEvent {
    /// An order is paid.
    Paid {
        /// The order.
        order: String,
        /// How.
        paid: Paid,
    },
    /// The payment page of an order was closed without a payment.
    Expired {
        /// The order.
        order: String,
    },
    /// A period of a subscription is paid.
    PeriodPaid(PaidInvoice),
    /// A payment did not stay.
    Trouble(Reversal),
    /// Nothing that concerns us.
    Nothing,
}

/// The provider reports that an order is paid.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Paid {
    /// The provider's id of this message.
    pub event: String,
    /// The provider's name of the payment page.
    pub session: Option<String>,
    /// The provider's name of the payment.
    pub payment: Option<String>,
    /// The provider's name of the subscription.
    pub subscription: Option<String>,
    /// The provider's fingerprint of the card, where that is asked for.
    pub card: Option<String>,
    /// When it was paid, by the provider's clock.
    pub paid_at: Timestamp,
    /// With real money?
    pub is_live: bool,
}

impl Paid {
    /// Identifies what was paid: the payment, the subscription or the page, whichever the message contains.
    pub(crate) fn name(&self) -> &str {
        let name = self.payment.as_deref().or(self.subscription.as_deref()).or(self.session.as_deref());
        name.unwrap_or(&self.event)
    }
}
