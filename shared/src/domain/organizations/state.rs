//! An organization as its commands see it: five pools of tokens, one for each kind of feature (contract/token-accounting.md, section
//! 4). A pool is an account.

use std::collections::BTreeMap;

use ltlm_protocol::Timestamp;
use ltlm_protocol::organization_data::{OrganizationData, PoolStats, TokenStats};

use crate::domain::accounts::state::AccountState;
use crate::model::account::Account;
use crate::model::administrator::AdminOperation;
use crate::model::denied::Denied;
use crate::model::ids::{AccountId, OperationId, OrganizationId, WalletId};
use crate::model::organization::{Member, Organization};
use crate::model::project::Project;
use crate::model::record::Record;
use crate::model::token_type::TokenType;
use crate::model::wallet::Wallet;
use crate::model::wallet::entry::Entry;
use crate::model::write::Write;

/// An organization as a command sees it.
#[derive(Clone, Debug, PartialEq)]
pub struct OrganizationState {
    /// Its project.
    pub project: Project,
    /// The organization, if it is there.
    pub organization: Option<Organization>,
    /// The record of the user that the command is about.
    pub member: Option<Member>,
    /// Its pools' accounts, as far as they were read.
    pub accounts: BTreeMap<AccountId, Account>,
    /// Their wallets.
    pub wallets: BTreeMap<AccountId, Wallet>,
    /// What is known of operations on pools.
    pub entries: BTreeMap<(WalletId, OperationId), Entry>,
    /// What is known of the command's operation if it is in no ledger.
    pub done: Option<AdminOperation>,
}

impl OrganizationState {
    /// Of which nothing else is known yet.
    pub fn new(project: Project) -> Self {
        Self {
            project,
            organization: None,
            member: None,
            accounts: BTreeMap::new(),
            wallets: BTreeMap::new(),
            entries: BTreeMap::new(),
            done: None,
        }
    }

    /// Takes in a record as it is in the table.
    pub fn absorb(&mut self, record: Record) {
        match record {
            Record::Organization(organization) => self.organization = Some(organization),
            Record::Member(member) => self.member = Some(member),
            Record::AdminOperation(done) => self.done = Some(done),
            Record::Account(account) => drop(self.accounts.insert(account.id.clone(), account)),
            Record::Wallet(wallet) => {
                if let WalletId::Account(id) = &wallet.id {
                    self.wallets.insert(id.clone(), wallet);
                }
            }
            Record::Entry(entry) => {
                self.entries.insert((entry.wallet.clone(), entry.operation.clone()), entry);
            }
            _ => {}
        }
    }

    /// The organization.
    pub fn organization(&self) -> Result<&Organization, Denied> {
        self.organization.as_ref().ok_or(Denied::OrganizationNotFound)
    }

    /// What settles some of what has lapsed, of the pool with the most of it: [`AccountState::settling`].
    pub fn settling(&self, now: Timestamp, most: usize) -> Vec<Write> {
        let Some(organization) = &self.organization else { return Vec::new() };
        let pools = TokenType::ALL.iter().map(|kind| self.pool(&organization.id, *kind).settling(now, most));
        pools.max_by_key(Vec::len).unwrap_or_default()
    }

    /// A pool, as the commands of accounts see it.
    pub fn pool(&self, id: &OrganizationId, token_type: TokenType) -> AccountState {
        let pool = id.pool(token_type);
        let wallet = WalletId::Account(pool.clone());
        let entries = self.entries.iter().filter(|((of, _), _)| *of == wallet);
        AccountState {
            project: self.project.clone(),
            account: self.accounts.get(&pool).cloned(),
            wallet: self.wallets.get(&pool).cloned(),
            entries: entries.map(|((_, operation), entry)| (operation.clone(), entry.clone())).collect(),
            outdated_for: None,
        }
    }
}

/// The organization at `now`.
pub fn data(state: &OrganizationState, now: Timestamp) -> Result<OrganizationData, Denied> {
    let organization = state.organization()?;
    Ok(OrganizationData {
        organization_id: organization.id.name.clone(),
        plan: organization.plan.clone(),
        created_at: organization.created_at.to_string(),
        tokens: stats(state, now)?,
        dry_run: None,
    })
}

/// What the organization has of tokens at `now`.
pub fn stats(state: &OrganizationState, now: Timestamp) -> Result<TokenStats, Denied> {
    let id = &state.organization()?.id;
    let mut stats =
        TokenStats { total_balance: 0, total_used: 0, total_allocated: 0, refresh_date: None, by_type: Vec::new() };
    for token_type in TokenType::ALL {
        let open = state.pool(id, *token_type).open(now)?;
        let (balance, allocated) = (open.tokens.wallet.balance(now), open.tokens.wallet.limit(now));
        let used = open.tokens.wallet.spent - open.tokens.wallet.spent_before;
        let next = open.tokens.due_at;
        stats.total_balance += balance;
        stats.total_used += used;
        stats.total_allocated += allocated;
        stats.refresh_date = stats.refresh_date.or(next.map(|at| at.to_string()));
        stats.by_type.push(PoolStats {
            token_type: token_type.wire().to_owned(),
            balance,
            used,
            allocated,
            percentage: percentage(balance, allocated),
            low: balance.saturating_mul(5) < allocated,
        });
    }
    Ok(stats)
}

/// Whole percent, rounded half up; 0 of nothing.
fn percentage(balance: i64, allocated: i64) -> i64 {
    if allocated <= 0 {
        return 0;
    }
    balance.saturating_mul(200).saturating_add(allocated).div_euclid(allocated.saturating_mul(2))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bo_10_the_edges_of_low_and_of_percent() {
        assert_eq!(
            [(20, 100), (19, 100), (51, 100), (1, 3), (5, 0), (150, 100)].map(|(b, a)| percentage(b, a)),
            [20, 19, 51, 33, 0, 150]
        );
        let is_low = |balance: i64, allocated: i64| balance * 5 < allocated;
        assert_eq!((is_low(20, 100), is_low(19, 100), is_low(0, 0)), (false, true, false));
    }
}
