//! Answers of the account routes (contract/token-accounting.md). Amounts are 64-bit whole numbers: no existing client reads
//! them.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

/// An account.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct AccountData {
    /// The vendor's own name for it.
    pub account_id: String,
    /// What can be spent now; below zero if overdrawn.
    pub tokens_balance: i64,
    /// Spent in all its life, less what was refunded.
    pub tokens_spent: i64,
    /// The plan, by name.
    pub tier: String,
    /// The plan's end, ISO 8601.
    pub tier_ends_at: Option<String>,
    /// Tokens it may go into debt by.
    pub overdraft_limit: i64,
    /// When the present allocation's period began.
    pub last_renewal_at: Option<String>,
    /// When the next allocation comes, if one comes.
    pub next_renewal_at: Option<String>,
    /// What was given and has not ended, in no particular order.
    pub grants: Vec<AccountGrant>,
    /// When it was made.
    pub created_at: String,
}

/// Tokens given to an account.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct AccountGrant {
    /// Its name.
    pub id: String,
    /// How many were given.
    pub amount: i64,
    /// How many are left.
    pub remaining: i64,
    /// Lower burns first.
    pub priority: i64,
    /// When they end, if they end.
    pub expires_at: Option<String>,
}

/// What a movement did: the same the first time and ever after.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct AccountMovement {
    /// Always true: refusals are failures.
    pub success: bool,
    /// The balance after it.
    pub new_balance: i64,
    /// Spent in all the account's life, after it.
    pub tokens_spent: i64,
    /// The entry's name: the operation's id.
    pub ledger_entry_id: String,
    /// The entry.
    pub entry: AccountEntry,
    /// It had been done before.
    pub replayed: bool,
}

/// A ledger entry of an account.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct AccountEntry {
    /// The operation's id.
    pub operation_id: String,
    /// Place in the ledger, from 1, without gaps.
    pub sequence: i64,
    /// What it was for.
    pub operation_type: String,
    /// `spent`, `refunded`, `granted`, `expired` or `adjusted`.
    pub category: String,
    /// Signed: negative is spent.
    pub amount: i64,
    /// Balance before.
    pub balance_before: i64,
    /// Balance after.
    pub balance_after: i64,
    /// When it happened, ISO 8601.
    pub occurred_at: String,
    /// When it was written, ISO 8601.
    pub recorded_at: String,
    /// Free-form facts.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub metadata: Option<Map<String, Value>>,
    /// The operation that a refund is of.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub original_operation_id: Option<String>,
}

/// A page of an account's ledger, newest first.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct AccountEntries {
    /// The entries.
    pub entries: Vec<AccountEntry>,
    /// Where the next page starts, if there is one. With filters a page may be short and yet not the last.
    pub next_cursor: Option<String>,
}

/// Could an account pay for something?
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct Affordability {
    /// It could.
    pub can_afford: bool,
    /// What it has.
    pub balance: i64,
    /// What it would cost.
    pub cost: i64,
    /// What is missing, if something is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub deficit: Option<i64>,
}
