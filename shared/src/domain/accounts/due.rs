//! Accounts whose allocation is due, as lists show them.

use ltlm_protocol::Timestamp;
use ltlm_protocol::project_ledger_data::DueAccount;

use crate::domain::accounts::schedule;
use crate::domain::accounts::state::{AccountState, pool_names};
use crate::model::denied::Denied;

/// What is due to the account at `at`, if something is: what a renewal at that instant gives.
pub fn due(state: &AccountState, at: Timestamp) -> Result<Option<DueAccount>, Denied> {
    let open = state.open(at)?;
    let account = &open.account;
    let given: Vec<_> = open.tokens.allocations().collect();
    if given.is_empty() {
        return Ok(None);
    }
    let last = state.wallet.as_ref().and_then(|wallet| wallet.period.map(|last| (wallet, last)));
    let since = match last {
        Some((wallet, last)) => schedule::next(account, &open.plans, wallet, last).unwrap_or(at),
        // It never had one: its first period is due.
        None => account.anchor,
    };
    let (organization_id, token_type) = pool_names(&account.id);
    Ok(Some(DueAccount {
        account_id: account.id.name.clone(),
        organization_id,
        token_type,
        tier: account.tier.clone(),
        tokens: given.iter().map(|entry| entry.amount).sum(),
        due_since: since.min(at).to_string(),
    }))
}
