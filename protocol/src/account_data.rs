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
    /// Set aside now: not in the balance.
    pub tokens_held: i64,
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
    /// Grants that have not ended, in no particular order.
    pub grants: Vec<AccountGrant>,
    /// What is set aside.
    pub holds: Vec<AccountHold>,
    /// When it was created.
    pub created_at: String,
    /// True where nothing was written, because the caller only wanted to see.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub dry_run: Option<bool>,
}

/// Tokens set aside.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct AccountHold {
    /// Its name: the operation that set them aside.
    pub id: String,
    /// How many.
    pub amount: i64,
    /// What for.
    pub operation_type: String,
    /// The instant at which they are returned automatically, ISO 8601.
    pub expires_at: String,
}

/// Could an account be renewed now?
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct Eligibility {
    /// The account.
    pub account_id: String,
    /// Is an allocation due?
    pub eligible: bool,
    /// If not, why.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// The plan, by name.
    pub tier: String,
    /// Days until the next one, begun ones counted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub days_until_renewal: Option<i64>,
    /// When the next one is due, ISO 8601.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next_renewal_date: Option<String>,
    /// When the period of the last one began, ISO 8601.
    pub last_renewal_at: Option<String>,
}

/// What a renewal did.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct Renewal {
    /// The account.
    pub account_id: String,
    /// An allocation was due, and was granted.
    pub success: bool,
    /// The plan, by name.
    pub tier: String,
    /// Granted tokens.
    pub tokens_added: i64,
    /// The balance before.
    pub previous_balance: i64,
    /// The balance after.
    pub new_balance: i64,
    /// When the period of the last allocation began, ISO 8601.
    pub last_renewal_at: Option<String>,
    /// When the next allocation is due, ISO 8601.
    pub next_renewal_at: Option<String>,
    /// The reason why nothing was granted, if nothing was.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
    /// True where nothing was written, because the caller only wanted to see.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub dry_run: Option<bool>,
}

/// An account in a list.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct AccountSummary {
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
    /// When it was created.
    pub created_at: String,
}

/// A page of a project's accounts, by name.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct AccountList {
    /// The accounts.
    pub accounts: Vec<AccountSummary>,
    /// Where the next page starts, if there is one.
    pub next_cursor: Option<String>,
}

/// Tokens granted to an account.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct AccountGrant {
    /// Its name.
    pub id: String,
    /// The number of granted tokens.
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
    /// Of a refund: how many of its tokens can be spent. The others belonged to grants that have ended.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub spendable: Option<i64>,
    /// Of a refund: which operations its tokens were spent by, newest first, and how many of each.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub refunded: Option<Vec<RefundedOperation>>,
    /// The hold, if one was requested.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hold: Option<AccountHold>,
    /// It had been done before.
    pub replayed: bool,
    /// True where nothing was written, because the caller only wanted to see.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub dry_run: Option<bool>,
}

/// What a refund gave back of an operation.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct RefundedOperation {
    /// The operation that spent.
    pub operation_id: String,
    /// How many tokens.
    pub amount: i64,
    /// The entry of this refund: the refund's own, or a separate one.
    pub ledger_entry_id: String,
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
    /// `spent`, `refunded`, `granted`, `expired`, `adjusted` or `held`.
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
    /// Hash of the entry, in hex.
    pub hash: String,
    /// Hash of the entry before it, in hex; zeros if it is the first.
    pub previous_hash: String,
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

/// An account's balance at an instant.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct BalanceThen {
    /// The account.
    pub account_id: String,
    /// The instant, ISO 8601.
    pub at: String,
    /// The balance after all that was written before it.
    pub balance: i64,
    /// Place of the last entry that counts; 0 if none does.
    pub sequence: i64,
}

/// Is an account's ledger what it was?
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct Verification {
    /// The account; absent for a license's ledger.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub account_id: Option<String>,
    /// Nothing wrong was found.
    pub intact: bool,
    /// Place of the last entry that is right.
    pub verified: i64,
    /// The first place at which something is wrong.
    pub first_break: Option<LedgerBreak>,
    /// Where to continue, if there is more to verify.
    pub next_cursor: Option<String>,
}

/// What is wrong with a ledger.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct LedgerBreak {
    /// The entry's place.
    pub sequence: i64,
    /// `missing`, `altered` or `balance`: it does not add up.
    pub reason: String,
}

/// What was erased of a ledger.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct Erased {
    /// Entries that had free-form facts. Amounts stay.
    pub erased: i64,
    /// Where to continue, if there is more to erase.
    pub next_cursor: Option<String>,
    /// True where nothing was written, because the caller only wanted to see.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub dry_run: Option<bool>,
}

/// What the renewal of many accounts did.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct Renewals {
    /// The number of examined accounts.
    pub total_processed: i64,
    /// Of them, renewed.
    pub successful: i64,
    /// Of them, failed.
    pub failed: i64,
    /// Of them, with nothing due any more, or on another plan.
    pub skipped: i64,
    /// Why some failed.
    pub errors: Vec<RenewalError>,
    /// The renewals that granted tokens.
    pub renewals: Vec<Renewal>,
    /// Where to continue, if the call stopped before the end.
    pub cursor: Option<String>,
    /// True where nothing was written, because the caller only wanted to see.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub dry_run: Option<bool>,
}

/// A renewal that failed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct RenewalError {
    /// The account.
    pub account_id: String,
    /// Why.
    pub error: String,
}

/// What an account's ledger adds up to in a range of time. Amounts are positive; what is signed says so.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct Statistics {
    /// The account; absent for a license's ledger.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub account_id: Option<String>,
    /// Written at this instant or later, ISO 8601; null from the beginning on.
    pub from: Option<String>,
    /// Written before this instant, ISO 8601; null up to now.
    pub to: Option<String>,
    /// Spent. Refunds are not subtracted.
    pub total_spent: i64,
    /// Given: allocations, purchases, other credits.
    pub total_earned: i64,
    /// Given back.
    pub refunded: i64,
    /// Ended unspent.
    pub expired: i64,
    /// Put right, signed.
    pub adjusted: i64,
    /// Set aside less what came back from there: below zero if more came back.
    pub held: i64,
    /// What the balance changed by, signed.
    pub net_change: i64,
    /// Entries of any kind.
    pub operation_count: i64,
    /// The same by operation type; types beyond 500 a day are combined under `*`.
    pub by_type: Vec<TypeStatistics>,
    /// Where to continue, if there is more to count: the figures of all pages add up. Null at the end.
    pub next_cursor: Option<String>,
}

/// What the entries of one operation type add up to.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct TypeStatistics {
    /// What they were for.
    pub operation_type: String,
    /// How many they are.
    pub operation_count: i64,
    /// Spent.
    pub total_spent: i64,
    /// Given.
    pub total_earned: i64,
    /// Given back.
    pub refunded: i64,
    /// What the balance changed by, signed.
    pub net_change: i64,
}
