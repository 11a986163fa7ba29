//! The record of a token account. Its tokens are in its wallet.

use std::collections::BTreeMap;

use ltlm_protocol::read::is_name;
use ltlm_protocol::{Timestamp, limits};

use crate::model::ids::{AccountId, OperationKey};
use crate::model::token_type::TokenType;

/// What is wrong with a name that no account, organization or user can have.
pub const ACCOUNT_NAME_PROBLEM: &str = "must be a text of 1 to 128 characters that is not blank, holds no control characters, is neither . \
    nor .., and does not end as the name of a pool does, such as /general";

/// Can this be the name of an account, an organization or a user? Any text of 1 to 128 characters that people can read, such as the ids of
/// identity providers (`auth0|123`). Not `.` and `..`, which HTTP clients resolve in a path, nor what a pool of tokens is called.
pub fn is_account_name(name: &str) -> bool {
    let is_pools = name.rsplit_once('/').is_some_and(|(_, kind)| TokenType::parse(kind).is_some());
    name.chars().count() <= limits::ACCOUNT_CHARS_MAX && is_name(name) && !matches!(name, "." | "..") && !is_pools
}

/// [`is_account_name`] as a regular expression for JSON Schema.
pub fn account_name_pattern() -> String {
    let kinds: Vec<_> = TokenType::ALL.iter().map(|kind| kind.wire()).collect();
    format!(r"^(?!\.{{1,2}}$)(?!.*/({})$){}", kinds.join("|"), ltlm_protocol::pattern::NAME.trim_start_matches('^'))
}

/// An account's record. Its tokens are in its wallet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Account {
    /// Its name.
    pub id: AccountId,
    /// The plan it is on, by name.
    pub tier: String,
    /// The plan ends here, if it ends: in force in [start, end).
    pub tier_ends_at: Option<Timestamp>,
    /// Periods are counted from here.
    pub anchor: Timestamp,
    /// Tokens it may go into debt by, where a debit allows it.
    pub overdraft_limit: i64,
    /// The instant at which it was created.
    pub created_at: Timestamp,
    /// The operation that created it.
    pub created_by: OperationKey,
    /// Other plans whose allocation it had lately, each with the beginning of that period.
    pub paid: BTreeMap<String, Timestamp>,
    /// Counts changes of this record.
    pub revision: i64,
}
