//! What a payment provider tells, in our words.

use ltlm_protocol::Timestamp;

use super::fulfil::Paid;
use super::take_back::Incident;

/// A provider's message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Message {
    /// The provider's id of it: the same however often it is sent.
    pub id: String,
    /// What it tells.
    pub told: Told,
}

/// What a message tells.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Told {
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
    PeriodPaid {
        /// The order that began the subscription.
        order: String,
        /// The provider's name of the payment.
        payment: Option<String>,
        /// The end of the period.
        until: Timestamp,
    },
    /// A payment did not stay.
    Trouble(Incident),
    /// Nothing that concerns us.
    Nothing,
}
