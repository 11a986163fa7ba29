//! Answers of the routes that go over all accounts of a project: their ledger entries, what is due to them, and an erasure.

use serde::{Deserialize, Serialize};

use crate::account_data::AccountEntry;

/// A ledger entry, and its account.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct ProjectEntry {
    /// The account; of a pool `<organization>/<kind>`.
    pub account_id: String,
    /// Of a pool: the organization.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub organization_id: Option<String>,
    /// Of a pool: its kind.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub token_type: Option<String>,
    /// The entry.
    #[serde(flatten)]
    pub entry: AccountEntry,
}

/// A page of the ledger entries of a project: account by account, each newest first.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct ProjectEntries {
    /// The entries.
    pub entries: Vec<ProjectEntry>,
    /// Where the next page starts, if there is one. A page may be short, or empty, and yet not the last.
    pub next_cursor: Option<String>,
}

/// An account to which an allocation is due.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct DueAccount {
    /// The account; of a pool `<organization>/<kind>`.
    pub account_id: String,
    /// Of a pool: the organization.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub organization_id: Option<String>,
    /// Of a pool: its kind.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub token_type: Option<String>,
    /// The plan, by name.
    pub tier: String,
    /// Tokens that it gets.
    pub tokens: i64,
    /// Since when, ISO 8601.
    pub due_since: String,
}

/// A page of the accounts to which an allocation is due, in no order that means anything.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct DueAccounts {
    /// The accounts.
    pub accounts: Vec<DueAccount>,
    /// Where the next page starts, if there is one. A page may be short, or empty, and yet not the last.
    pub next_cursor: Option<String>,
}

/// How far the erasure of old entries of a project has come.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct ErasureData {
    /// Its operation id: the call, sent again with it, continues.
    pub operation_id: String,
    /// Entries that were written before this instant, ISO 8601.
    pub before: String,
    /// True once all accounts are done; until then the call is to be sent again.
    pub done: bool,
    /// Accounts that are done, pools of organizations among them.
    pub accounts: i64,
    /// The number of entries whose free-form metadata it erased. Amounts stay.
    pub erased: i64,
    /// When it was begun, ISO 8601.
    pub started_at: String,
    /// When the last account was done, ISO 8601.
    pub ended_at: Option<String>,
}
