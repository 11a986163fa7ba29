//! A pack of tokens for an account or an organization, as it was ordered.

use ltlm_protocol::license_data::Price;
use serde::{Deserialize, Serialize};

/// A pack as it was when it was ordered: the payment is for this content, and it is taken back by these rules.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct TokenPack {
    /// Its id.
    pub pack_id: String,
    /// Its name, as the payment page shows it.
    pub name: String,
    /// Tokens that it gives, at least 1.
    pub tokens: i64,
    /// What it costs, more than nothing.
    pub price: Price,
    /// What a refund does: `takeBack` (default) or `keep`.
    pub on_refund: Option<String>,
    /// What a dispute does: `takeBack` (default) or `keep`.
    pub on_dispute: Option<String>,
}
