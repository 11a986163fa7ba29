//! Answers of the organizations' routes (contract/token-accounting.md, section 4). `TokenStats`, `TokenCheck` and `TokenUse` are
//! what the system that seed 004 describes answers.

use serde::{Deserialize, Serialize};

/// An organization with its pools.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct OrganizationData {
    /// The vendor's own name for it.
    pub organization_id: String,
    /// The plan, by name.
    pub plan: String,
    /// When it was created, ISO 8601.
    pub created_at: String,
    /// Its pools, as in `GET /v1/tokens/stats`.
    pub tokens: TokenStats,
    /// True where nothing was written, because the caller only wanted to see.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub dry_run: Option<bool>,
}

/// What an organization has of tokens.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct TokenStats {
    /// What can be spent now, over all pools.
    pub total_balance: i64,
    /// Spent in this period.
    pub total_used: i64,
    /// Granted for this period, and other grants that have not ended.
    pub total_allocated: i64,
    /// When the pools are filled again, ISO 8601; null where the plan gives nothing.
    pub refresh_date: Option<String>,
    /// The pools.
    pub by_type: Vec<PoolStats>,
}

/// A pool.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct PoolStats {
    /// `lead_generation`, `goal_generation`, `strategy_analysis`, `forecast` or `general`.
    pub token_type: String,
    /// What can be spent now.
    pub balance: i64,
    /// Spent in this period.
    pub used: i64,
    /// Granted for this period, and other grants that have not ended.
    pub allocated: i64,
    /// Balance of what was allocated, in whole percent, rounded; 0 if nothing was.
    pub percentage: i64,
    /// Below 20 % of what was allocated; not at 20 % exactly.
    pub low: bool,
}

/// Would a feature's tokens be there?
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct TokenCheck {
    /// They would.
    pub has_tokens: bool,
}

/// What the use of a feature came to.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct TokenUse {
    /// The tokens were there, and are spent.
    pub success: bool,
    /// What is left in the pool.
    pub remaining_balance: i64,
    /// For people.
    pub message: String,
}

/// Answer of `POST /v1/tokens/check-balance`: which of the two says the action.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(untagged)]
pub enum TokenAnswer {
    /// Of `check`.
    Check(TokenCheck),
    /// Of `deduct`.
    Use(TokenUse),
}

/// An access token, which is returned only once.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct AccessTokenData {
    /// The token: for the header `Authorization: Bearer …`.
    pub access_token: String,
    /// Names it, to revoke it: its SHA-256, in hex.
    pub token_id: String,
    /// The one organization it is for, if it is limited to one.
    pub organization_id: Option<String>,
    /// The user it is for, if it is for one.
    pub user_id: Option<String>,
    /// It ends here, ISO 8601.
    pub expires_at: String,
}

/// An access token that was revoked.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct AccessTokenRevoked {
    /// Names it.
    pub token_id: String,
    /// Since when it works no more, ISO 8601.
    pub revoked_at: String,
}

/// Access tokens that were revoked.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct AccessTokensRevoked {
    /// How many this call revoked.
    pub revoked: i64,
    /// Where to continue, if there can be more.
    pub next_cursor: Option<String>,
}

/// A member of an organization.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct MemberData {
    /// The organization.
    pub organization_id: String,
    /// The user.
    pub user_id: String,
    /// Is the user a member now?
    pub member: bool,
}

/// An organization in a list.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct OrganizationSummary {
    /// The vendor's own name for it.
    pub organization_id: String,
    /// The plan, by name.
    pub plan: String,
    /// When it was created.
    pub created_at: String,
}

/// A page of a project's organizations, by name.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct OrganizationList {
    /// The organizations.
    pub organizations: Vec<OrganizationSummary>,
    /// Where the next page starts, if there is one.
    pub next_cursor: Option<String>,
}
