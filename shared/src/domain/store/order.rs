//! An order: what somebody went to pay for. It is written before the payment provider hears of it, and its id is the provider's
//! idempotency key: so a provider that does not answer is asked again for the same thing.

use ltlm_protocol::Timestamp;
use ltlm_protocol::license_data::TopUpOption;
use ltlm_protocol::store_data::OrderData;

use super::money::Money;
use crate::domain::license::LicenseId;

/// How long an order that nobody pays is kept, in days.
pub const OPEN_DAYS: i64 = 30;

/// What is bought.
#[derive(Clone, Debug, PartialEq)]
pub enum Goods {
    /// A license of a policy.
    Policy {
        /// Its number.
        number: i64,
    },
    /// A pack on top of a license.
    Pack {
        /// The license.
        license: LicenseId,
        /// The pack as it was when it was ordered: that is what was paid for.
        pack: TopUpOption,
    },
}

/// How it is paid.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Billing {
    /// Once.
    Once,
    /// Again and again.
    Every {
        /// `day`, `week`, `month` or `year`.
        interval: &'static str,
        /// How many of them.
        count: i64,
    },
    /// Nothing is paid, but a card is shown: for trials.
    CardOnly,
}

/// What a pack in fact gave, beside what stands in the license's purchases.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Given {
    /// Days that were added to the license's end.
    pub days: i64,
    /// Tokens.
    pub tokens: i64,
}

/// What became of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OrderState {
    /// Nobody has paid yet.
    Open,
    /// Paid, and given.
    Paid,
    /// Paid, and not given: a trial that was had before.
    Refused,
    /// The payment went back.
    Refunded,
    /// The payment is disputed at the buyer's bank.
    Disputed,
    /// The payment page was closed by the provider.
    Expired,
}

impl OrderState {
    /// All of them, with their texts.
    pub const ALL: &'static [(Self, &'static str)] = &[
        (Self::Open, "open"),
        (Self::Paid, "paid"),
        (Self::Refused, "refused"),
        (Self::Refunded, "refunded"),
        (Self::Disputed, "disputed"),
        (Self::Expired, "expired"),
    ];

    /// The text on the wire and in the table.
    pub fn wire(self) -> &'static str {
        Self::ALL.iter().find(|(state, _)| *state == self).map_or("", |(_, text)| text)
    }

    /// The state with this text.
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.iter().find(|(_, wire)| *wire == text).map(|(state, _)| *state)
    }
}

/// An order's record.
#[derive(Clone, Debug, PartialEq)]
pub struct Order {
    /// `ord_` and 32 hex digits.
    pub id: String,
    /// Its project.
    pub project_id: String,
    /// What is bought.
    pub goods: Goods,
    /// How it is paid.
    pub billing: Billing,
    /// What it costs; each time, if it is paid again and again.
    pub price: Money,
    /// What the payment page calls it.
    pub name: String,
    /// Who buys, `""` if that is not known.
    pub email: String,
    /// Where the browser goes afterwards.
    pub redirect: Option<String>,
    /// Hash of the request, so that an operation id that comes again with another one is refused.
    pub fingerprint: String,
    /// What became of it.
    pub state: OrderState,
    /// The license that it made, moved or added to; none before it was given.
    pub license: Option<LicenseId>,
    /// It moved a trial license to what was bought, instead of making one.
    pub converted: bool,
    /// What its pack gave; none before it was given, and after it was taken away.
    pub given: Option<Given>,
    /// The provider's name of the payment page.
    pub session: Option<String>,
    /// When it was ordered.
    pub created_at: Timestamp,
    /// When it was paid.
    pub paid_at: Option<Timestamp>,
    /// Counts writes of this record.
    pub revision: i64,
}

impl Order {
    /// A new order of these goods.
    pub fn new(id: String, project_id: String, goods: Goods, price: Money, now: Timestamp) -> Self {
        Self {
            id,
            project_id,
            goods,
            billing: Billing::Once,
            price,
            name: String::new(),
            email: String::new(),
            redirect: None,
            fingerprint: String::new(),
            state: OrderState::Open,
            license: None,
            converted: false,
            given: None,
            session: None,
            created_at: now,
            paid_at: None,
            revision: 1,
        }
    }

    /// Is there nothing to be paid any more?
    pub fn is_settled(&self) -> bool {
        !matches!(self.state, OrderState::Open | OrderState::Expired)
    }

    /// The order as the vendor sees it.
    pub fn data(&self) -> OrderData {
        let (policy_id, pack_id) = match &self.goods {
            Goods::Policy { number } => (Some(*number), None),
            Goods::Pack { pack, .. } => (None, Some(pack.pack_id.clone())),
        };
        OrderData {
            order_id: self.id.clone(),
            status: self.state.wire().to_owned(),
            name: self.name.clone(),
            policy_id,
            pack_id,
            email: Some(self.email.clone()).filter(|email| !email.is_empty()),
            amount: self.price.amount(),
            currency: self.price.currency.clone(),
            license_hash: self.license.as_ref().map(|license| license.0.clone()),
            converted_trial: self.converted,
            session_id: self.session.clone(),
            created_at: self.created_at.to_string(),
            paid_at: self.paid_at.map(|at| at.to_string()),
        }
    }
}

/// What is known of a payment at the provider, under the provider's name for it: which order it was for, and what became of it.
/// A refund that arrives before the payment itself leaves a record without an order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Payment {
    /// The provider's name of the payment, or of the subscription.
    pub id: String,
    /// The order that it paid.
    pub order: Option<String>,
    /// It went back, or the dispute was lost.
    pub is_refunded: bool,
    /// It is disputed.
    pub is_disputed: bool,
    /// The provider's name of the last dispute that ended: its beginning may be told later.
    pub closed_dispute: Option<String>,
    /// Counts writes of this record.
    pub revision: i64,
    /// The last of them.
    pub at: Timestamp,
}

impl Payment {
    /// How long a payment without an order is kept, in days: it may be of something else that the vendor sells.
    pub const ORPHAN_DAYS: i64 = 90;

    /// The record after a change; `found` is what there was.
    pub fn next(id: &str, found: Option<&Self>, now: Timestamp) -> Self {
        let fresh = Self {
            id: id.to_owned(),
            order: None,
            is_refunded: false,
            is_disputed: false,
            closed_dispute: None,
            revision: 0,
            at: now,
        };
        let found = found.cloned().unwrap_or(fresh);
        Self { revision: found.revision + 1, at: now, ..found }
    }
}
