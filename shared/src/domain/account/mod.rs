//! Token accounts: users and organizations that a vendor's backend charges (contract/token-accounting.md). One wallet engine
//! and one ledger with the licenses'.

pub mod create;
pub mod due;
pub mod hold;
pub mod movement;
pub mod period;
pub mod plan;
pub mod plans;
pub mod refund;
pub mod renewal;

use std::collections::BTreeMap;

use ltlm_protocol::account_data::{AccountData, AccountGrant, AccountHold, AccountMovement, AccountSummary};
use ltlm_protocol::read::{Problems, Reader, is_name};
use ltlm_protocol::{Timestamp, limits};
use serde_json::Value;

use super::denied::Denied;
use super::entry::{Entry, OperationId, OperationKey, Source, is_same_request};
use super::organization::features::TokenType;
use super::project::Project;
use super::record::Record;
use super::wallet::{Wallet, WalletId};
use super::write::{Decision, Write};
use plans::Plans;

/// Names an account.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct AccountId {
    /// The project.
    pub project_id: String,
    /// The vendor's own name for it: [`is_account_name`].
    pub name: String,
}

impl AccountId {
    /// The organization of which it is a pool, and of which kind; none if it is an account of its own.
    pub fn pool(&self) -> Option<(&str, TokenType)> {
        let (organization, kind) = self.name.rsplit_once('/')?;
        TokenType::parse(kind).map(|kind| (organization, kind))
    }
}

/// The organization and the kind of a pool, as answers about all accounts tell them; of an account of its own neither.
pub fn pool_told(id: &AccountId) -> (Option<String>, Option<String>) {
    id.pool().map(|(organization, kind)| (organization.to_owned(), kind.wire().to_owned())).unzip()
}

/// What is wrong with a name that no account, organization or user can have.
pub const ACCOUNT_NAME_PROBLEM: &str = "must be a text of 1 to 128 characters that is not blank, holds no control characters, is neither . \
    nor .., and does not end as the name of a pool does, such as /general";

/// Can this be the name of an account, an organization or a user? Any text of 1 to 128 characters that people can read, such as the ids of
/// identity providers (`auth0|123`). Not `.` and `..`, which HTTP clients resolve in a path, nor what a pool of tokens is called.
pub fn is_account_name(name: &str) -> bool {
    let is_pools = name.rsplit_once('/').is_some_and(|(_, kind)| TokenType::parse(kind).is_some());
    name.chars().count() <= limits::ACCOUNT_CHARS_MAX && is_name(name) && !matches!(name, "." | "..") && !is_pools
}

/// A strict reader of a body that may hold `dryRun`, which the handler reads.
pub(crate) fn reader(body: &Value) -> Result<Reader<'_>, Problems> {
    let mut r = Reader::strict(body)?;
    r.bool_opt("dryRun");
    Ok(r)
}

/// An account's record: facts. What it has lies in its wallet.
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
    /// When it was made.
    pub created_at: Timestamp,
    /// The operation that made it.
    pub created_by: OperationKey,
    /// Other plans whose allocation it had lately, each with the beginning of that period.
    pub paid: BTreeMap<String, Timestamp>,
    /// Counts changes of this record.
    pub revision: i64,
}

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
}

/// An account with its wallet brought up to now.
#[derive(Clone, Debug, PartialEq)]
pub struct Standing {
    /// The account.
    pub account: Account,
    /// The plans and prices of its project.
    pub plans: Plans,
    /// Now.
    pub now: Timestamp,
    /// Its tokens now.
    pub wallet: Wallet,
    /// What brought them up to now, to be written with the next movement.
    pub entries: Vec<Entry>,
    /// The sequence number that is in the table.
    pub found: i64,
}

impl AccountState {
    /// Takes in a record as it is in the table.
    pub fn absorb(&mut self, record: Record) {
        match record {
            Record::Account(account) => self.account = Some(account),
            Record::Wallet(wallet) => self.wallet = Some(wallet),
            Record::Entry(entry) => drop(self.entries.insert(entry.operation.clone(), entry)),
            _ => {}
        }
    }

    /// The plans and prices of its project.
    pub fn plans(&self) -> Plans {
        Plans::of(&self.project)
    }

    /// The account with its wallet brought up to `now`: ended grants gone, a due allocation given.
    pub fn standing(&self, now: Timestamp) -> Result<Standing, Denied> {
        let account = self.account.clone().ok_or(Denied::AccountNotFound)?;
        let wallet = self.wallet.clone().unwrap_or_else(|| Wallet::empty(WalletId::Account(account.id.clone())));
        let found = wallet.sequence;
        let plans = self.plans();
        let (wallet, entries) = renewal::brought_up(&account, &plans, &wallet, now, usize::MAX);
        Ok(Standing { account, plans, now, wallet, entries, found })
    }

    /// What has lapsed and come due by `now`, the oldest first, as far as one transaction holds it: a true state, after which
    /// less is left to settle. The index goes on nominating the wallet.
    pub fn settling(&self, now: Timestamp, most: usize) -> Vec<Write> {
        let Some((account, wallet)) = self.account.as_ref().zip(self.wallet.as_ref()) else { return Vec::new() };
        let (settled, entries) = renewal::brought_up(account, &self.plans(), wallet, now, most);
        if entries.is_empty() {
            return Vec::new();
        }
        let moved = Write::MoveWallet { wallet: settled, found: wallet.sequence };
        std::iter::once(moved).chain(entries.into_iter().map(|entry| Write::AddEntry { entry })).collect()
    }

    /// Did this operation happen already? Then its entry is the answer, unless the id came with another request.
    pub fn replay(&self, key: &OperationKey) -> Result<Option<&Entry>, Denied> {
        match self.entries.get(&key.id) {
            None => Ok(None),
            Some(entry) if is_same_request(&entry.fingerprint, &key.fingerprint) => Ok(Some(entry)),
            Some(_) => Err(Denied::IdempotencyKeyReused),
        }
    }
}

impl Standing {
    /// The writes that leave the wallet as `moved`, reached by `entries` after its own.
    pub fn moved(self, moved: Wallet, entries: Vec<Entry>) -> Vec<Write> {
        let next = renewal::next(&self.account, &self.plans, &moved, self.now);
        let wallet = Wallet { due_at: moved.due_or_end(next), ..moved };
        let entries = self.entries.into_iter().chain(entries).map(|entry| Write::AddEntry { entry });
        std::iter::once(Write::MoveWallet { wallet, found: self.found }).chain(entries).collect()
    }

    /// The decision that an operation is: its writes, and as the answer the entry that carries its id, wherever that lies
    /// among the others.
    pub fn decided(
        self,
        key: &OperationKey,
        moved: Wallet,
        entries: Vec<Entry>,
    ) -> Result<Decision<AccountMovement>, Denied> {
        let own = entries.iter().find(|entry| entry.operation == key.id);
        let reply = own.map(|entry| told(entry, false)).ok_or(Denied::AccountNotFound)?;
        Ok(Decision::write(self.moved(moved, entries), reply))
    }
}

/// A movement as its caller is told: the same the first time and ever after.
pub fn told(entry: &Entry, replayed: bool) -> AccountMovement {
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
    let Standing { account, wallet, .. } = state.standing(now)?;
    Ok(AccountSummary {
        account_id: account.id.name.clone(),
        tokens_balance: wallet.balance(now),
        tokens_spent: wallet.spent,
        tier: account.tier.clone(),
        tier_ends_at: account.tier_ends_at.map(|end| end.to_string()),
        created_at: account.created_at.to_string(),
    })
}

/// The account as it stands at `now`.
pub fn data(state: &AccountState, now: Timestamp) -> Result<AccountData, Denied> {
    let Standing { account, plans, wallet, .. } = state.standing(now)?;
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
        next_renewal_at: renewal::next(&account, &plans, &wallet, now).map(|at| at.to_string()),
        grants: grants.collect(),
        holds: holds.collect(),
        created_at: account.created_at.to_string(),
        dry_run: None,
    })
}
