//! An account as its commands see it: its record, its wallet brought up to now, and what callers are answered.

use std::collections::BTreeMap;

use ltlm_protocol::Timestamp;
use ltlm_protocol::account_data::{AccountData, AccountGrant, AccountHold, AccountMovement, AccountSummary};

use crate::domain::accounts::plans::Plans;
use crate::domain::accounts::schedule;
use crate::domain::decision::Decision;
use crate::model::account::Account;
use crate::model::denied::Denied;
use crate::model::ids::{AccountId, OperationId, OperationKey, WalletId};
use crate::model::project::Project;
use crate::model::record::Record;
use crate::model::wallet::Wallet;
use crate::model::wallet::entry::{Entry, Source, replay};
use crate::model::wallet::open::OpenWallet;
use crate::model::write::Write;

/// An account as a command sees it.
#[derive(Clone, Debug, PartialEq)]
pub struct AccountState {
    /// Its project.
    pub project: Project,
    /// The account, if it is there.
    pub account: Option<Account>,
    /// Its tokens.
    pub wallet: Option<Wallet>,
    /// What is known of operations: the command's own, and one that it is about.
    pub entries: BTreeMap<OperationId, Entry>,
    /// Account and wallet were not read strongly consistent, for a command that writes an entry under this id.
    pub outdated_for: Option<OperationId>,
}

/// An account with its wallet brought up to now.
#[derive(Clone, Debug, PartialEq)]
pub struct OpenAccount {
    /// The account.
    pub account: Account,
    /// The plans and prices of its project.
    pub plans: Plans,
    /// Now.
    pub now: Timestamp,
    /// Its tokens.
    pub tokens: OpenWallet,
}

impl AccountState {
    /// The state of an account, read as it is, of whose operations nothing is known yet.
    pub fn new(project: Project, account: Option<Account>, wallet: Option<Wallet>) -> Self {
        Self { project, account, wallet, entries: BTreeMap::new(), outdated_for: None }
    }

    /// Takes in a record as it is in the table.
    pub fn absorb(&mut self, record: Record) {
        match record {
            Record::Account(account) => self.account = Some(account),
            Record::Wallet(wallet) => self.wallet = Some(wallet),
            Record::Entry(entry) => drop(self.entries.insert(entry.operation.clone(), entry)),
            _ => {}
        }
    }

    /// Is a decision with these writes (`None`: a refusal) valid, although account and wallet may be outdated? It is if it moves the
    /// wallet, whose sequence is the commit's condition, and the wallet is of the account's revision; or if it repeats what the
    /// entry of its operation says.
    pub fn is_verified_by(&self, writes: Option<&[Write]>) -> bool {
        let Some(operation) = &self.outdated_for else { return true };
        let Some(writes) = writes else { return false };
        if writes.is_empty() {
            return self.entries.contains_key(operation);
        }
        let revision = self.account.as_ref().map(|account| account.revision);
        let is_of_revision = self.wallet.as_ref().is_some_and(|wallet| wallet.account_revision == revision);
        is_of_revision && writes.iter().any(|write| matches!(write, Write::MoveWallet { .. }))
    }

    /// The plans and prices of its project.
    pub fn plans(&self) -> Plans {
        Plans::of(&self.project)
    }

    /// The account with its wallet brought up to `now`: ended grants gone, a due allocation given.
    pub fn open(&self, now: Timestamp) -> Result<OpenAccount, Denied> {
        let account = self.account.clone().ok_or(Denied::AccountNotFound)?;
        let wallet = self.wallet.clone().unwrap_or_else(|| Wallet::empty(WalletId::Account(account.id.clone())));
        let (found, plans) = (wallet.sequence, self.plans());
        let (wallet, entries) = schedule::brought_up(&account, &plans, &wallet, now, usize::MAX);
        let due_at = schedule::next(&account, &plans, &wallet, now);
        Ok(OpenAccount { account, plans, now, tokens: OpenWallet { wallet, entries, found, due_at } })
    }

    /// Settles what has lapsed and become due by `now`, the oldest first, as far as one transaction allows: the result
    /// is a valid state, after which less remains to be settled. The index continues to nominate the wallet.
    pub fn settling(&self, now: Timestamp, most: usize) -> Vec<Write> {
        let Some((account, wallet)) = self.account.as_ref().zip(self.wallet.as_ref()) else { return Vec::new() };
        let (settled, entries) = schedule::brought_up(account, &self.plans(), wallet, now, most);
        if entries.is_empty() {
            return Vec::new();
        }
        let moved = Write::MoveWallet { wallet: settled, found: wallet.sequence };
        std::iter::once(moved).chain(entries.into_iter().map(|entry| Write::AddEntry { entry })).collect()
    }

    /// Did this operation happen already? Then its entry is the answer, unless the id came with another request.
    pub fn replay(&self, key: &OperationKey) -> Result<Option<&Entry>, Denied> {
        replay(self.entries.get(&key.id), key)
    }
}

impl OpenAccount {
    /// The writes that leave the wallet as `moved`, reached by `entries` after its own.
    pub fn moved(self, moved: Wallet, entries: Vec<Entry>) -> Vec<Write> {
        // The plan may be another by now than when the wallet was opened.
        let due_at = schedule::next(&self.account, &self.plans, &moved, self.now);
        let moved = Wallet { account_revision: Some(self.account.revision), ..moved };
        OpenWallet { due_at, ..self.tokens }.moved(moved, entries)
    }

    /// The decision of an operation: its writes, and as the answer the entry with its id, at any position among the
    /// others.
    pub fn decided(
        self,
        key: &OperationKey,
        moved: Wallet,
        entries: Vec<Entry>,
    ) -> Result<Decision<AccountMovement>, Denied> {
        let own = entries.iter().find(|entry| entry.operation == key.id);
        let reply = own.map(|entry| movement_of(entry, false)).ok_or(Denied::AccountNotFound)?;
        Ok(Decision::write(self.moved(moved, entries), reply))
    }
}

/// The answer to a movement: the same for the first call and for each repetition.
pub fn movement_of(entry: &Entry, replayed: bool) -> AccountMovement {
    AccountMovement {
        success: true,
        new_balance: entry.balance_after.saturating_sub(entry.lapsed),
        spendable: (entry.source == Source::Refund).then(|| entry.amount.saturating_sub(entry.lapsed)),
        refunded: None,
        tokens_spent: entry.spent_after.unwrap_or(0),
        ledger_entry_id: entry.operation.shown(),
        entry: entry.account_data(),
        hold: None,
        replayed,
        dry_run: None,
    }
}

/// The account at `now`, as a list shows it.
pub fn summary(state: &AccountState, now: Timestamp) -> Result<AccountSummary, Denied> {
    let OpenAccount { account, tokens: OpenWallet { wallet, .. }, .. } = state.open(now)?;
    Ok(AccountSummary {
        account_id: account.id.name.clone(),
        tokens_balance: wallet.balance(now),
        tokens_spent: wallet.spent,
        tier: account.tier.clone(),
        tier_ends_at: account.tier_ends_at.map(|end| end.to_string()),
        created_at: account.created_at.to_string(),
    })
}

/// The account at `now`.
pub fn data(state: &AccountState, now: Timestamp) -> Result<AccountData, Denied> {
    let OpenAccount { account, tokens: OpenWallet { wallet, due_at, .. }, .. } = state.open(now)?;
    let grants = wallet.grants.iter().map(|grant| AccountGrant {
        id: grant.id.clone(),
        amount: grant.amount,
        remaining: grant.remaining,
        priority: grant.priority,
        expires_at: grant.expires_at.map(|end| end.to_string()),
    });
    let holds = wallet.holds.iter().map(|hold| AccountHold {
        id: hold.id.clone(),
        amount: hold.amount,
        operation_type: hold.action.clone(),
        expires_at: hold.expires_at.to_string(),
    });
    Ok(AccountData {
        account_id: account.id.name.clone(),
        tokens_balance: wallet.balance(now),
        tokens_spent: wallet.spent,
        tokens_held: wallet.held(now),
        tier: account.tier.clone(),
        tier_ends_at: account.tier_ends_at.map(|end| end.to_string()),
        overdraft_limit: account.overdraft_limit,
        last_renewal_at: wallet.period.map(|at| at.to_string()),
        next_renewal_at: due_at.map(|at| at.to_string()),
        grants: grants.collect(),
        holds: holds.collect(),
        created_at: account.created_at.to_string(),
        dry_run: None,
    })
}

/// The organization and the kind of a pool, for answers about all accounts; `None` for an account that is no pool.
pub fn pool_names(id: &AccountId) -> (Option<String>, Option<String>) {
    id.pool().map(|(organization, kind)| (organization.to_owned(), kind.wire().to_owned())).unzip()
}
