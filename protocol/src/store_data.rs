//! Answers of the store's routes (wire 1.3, 3.3, 4.9).

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::Amount;
use crate::license_data::{CustomerActions, Limits, PolicyData, TopUpOption, Versioning};

/// Answer of `GET …/policies/buyable`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(transparent)]
#[cfg_attr(feature = "schema", schemars(inline))]
pub struct StorePolicies(
    /// The policies.
    #[cfg_attr(feature = "schema", schemars(length(max = crate::limits::STORE_POLICIES_MAX)))]
    pub Vec<StorePolicy>,
);

/// A policy as the store shows it: with what it promises.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct StorePolicy {
    /// As licenses show it.
    #[serde(flatten)]
    pub policy: PolicyData,
    /// What it promises.
    pub config: StoreConfig,
}

/// What the store shows of a policy (wire 3.3).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct StoreConfig {
    /// `production`, `staging` or `development`.
    pub environment: Option<String>,
    /// Time, seats, tokens, devices.
    pub limits: Limits,
    /// What customers can do themselves.
    pub customer_actions: StoreActions,
    /// For the application that shows it.
    pub metadata: StoreMetadata,
    /// Versions of the application.
    pub versioning: Versioning,
    /// Where it is shown.
    pub visibility: StoreVisibility,
    /// Texts by name; what is on is `"true"`.
    pub features: BTreeMap<String, Option<String>>,
}

/// What customers of a policy may do, with the packs that they may buy.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct StoreActions {
    /// The rest of it.
    #[serde(flatten)]
    pub actions: CustomerActions,
    /// The packs.
    pub top_up_options: Vec<TopUpOption>,
}

/// Tags and a number, as the vendor wrote them.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct StoreMetadata {
    /// Tags.
    pub tags: Vec<String>,
    /// The vendor's number of this revision.
    pub version: i32,
}

/// Where a policy is shown.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct StoreVisibility {
    /// In the store.
    pub storefront: bool,
    /// In the vendor's dashboard.
    pub dashboard: bool,
}

/// Where to pay.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct CheckoutAnswer {
    /// The payment page, to be opened in a browser.
    pub checkout_url: String,
    /// The provider's name for it.
    pub session_id: Option<String>,
    /// For people.
    pub message: Option<String>,
}

/// May this address have a trial?
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct TrialEligibility {
    /// It may.
    pub eligible: bool,
    /// `previous_trial` or `duplicate_card`, if not.
    pub reason: Option<String>,
    /// For people.
    pub message: String,
}

/// An order, as the vendor sees it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct OrderData {
    /// Its id.
    pub order_id: String,
    /// `open`, `paid`, `refused`, `refunded`, `disputed` or `expired`.
    pub status: String,
    /// What the payment page calls it.
    pub name: String,
    /// The policy that was bought.
    #[serde(rename = "PolicyID")]
    pub policy_id: Option<i64>,
    /// The pack that was bought.
    pub pack_id: Option<String>,
    /// The buyer.
    pub email: Option<String>,
    /// What it costs; each time, if it is paid again and again.
    pub amount: Amount,
    /// ISO 4217.
    pub currency: String,
    /// The license that it created or moved: SHA-256 of its key, in hex.
    pub license_hash: Option<String>,
    /// The account that its tokens are for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub account_id: Option<String>,
    /// The organization that its tokens are for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub organization_id: Option<String>,
    /// The pool of the organization that its tokens are for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub token_type: Option<String>,
    /// It moved the buyer's trial license to what was bought.
    pub converted_trial: bool,
    /// The provider's name of the payment page.
    pub session_id: Option<String>,
    /// It was paid with the provider's test money.
    #[serde(default)]
    pub test: bool,
    /// What was paid for it, the earliest end first: the last ones, if they are many.
    #[serde(default)]
    pub payments: Vec<OrderPayment>,
    /// The end that its payments give the license.
    pub paid_until: Option<String>,
    /// Payments that bought nothing.
    #[serde(default)]
    pub unapplied: Vec<UnappliedPayment>,
    /// What the service does at the provider because of it.
    #[serde(default)]
    pub acts: Vec<OrderAct>,
    /// Messages that had no effect because they are of the mode that the project does not accept.
    #[serde(default)]
    pub other_mode: Vec<OtherMode>,
    /// When it was ordered.
    pub created_at: String,
    /// When it was paid.
    pub paid_at: Option<String>,
}

/// A payment of an order.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct OrderPayment {
    /// The provider's name of it; null if nothing was due.
    pub payment_id: Option<String>,
    /// When it was paid, by the provider's clock.
    pub paid_at: String,
    /// The end of the period that it paid; null for what is paid once.
    pub until: Option<String>,
    /// What went back of it.
    pub refunded: Amount,
    /// When all of it had gone back, or the dispute was lost; null while it has not.
    pub refunded_at: Option<String>,
    /// The buyer's bank disputes it.
    pub disputed: bool,
}

/// A payment that bought nothing.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct UnappliedPayment {
    /// The provider's name of the payment, of its subscription, or of the payment page.
    pub payment_id: String,
    /// `ended`, `paid_already`, `duplicate` or `trial_had`.
    pub reason: String,
    /// When the provider reported it.
    pub at: String,
}

/// Something that the service does at the provider.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct OrderAct {
    /// `refund` or `cancel`.
    pub act: String,
    /// The provider's name of the payment or subscription.
    pub target: String,
    /// The provider has done it.
    pub done: bool,
}

/// A message of the mode that the project does not take.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct OtherMode {
    /// The provider's id of it.
    pub event_id: String,
    /// The provider's name of its kind.
    pub kind: String,
    /// Is it about real money?
    pub livemode: bool,
    /// When it came.
    pub at: String,
}

/// Answer of `GET …/orders`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct OrderList {
    /// Orders, newest first.
    pub orders: Vec<OrderData>,
    /// Give it back as `cursor` for the next page; null at the end.
    pub next_cursor: Option<String>,
}

/// The acknowledgment of a payment provider's message.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Received {
    /// Always true.
    pub received: bool,
}
