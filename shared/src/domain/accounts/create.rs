//! Making an account.

use std::collections::BTreeMap;

use ltlm_protocol::account_data::AccountData;
use ltlm_protocol::read::Reader;
use ltlm_protocol::{Body, Timestamp, limits};
use serde_json::{Value, json};

use crate::domain::accounts::plans::Plans;
use crate::domain::accounts::request::may_be_dry_run;
use crate::domain::accounts::schedule;
use crate::domain::accounts::state::{AccountState, data};
use crate::domain::ahead::must_lie_ahead;
use crate::domain::decision::Decision;
use crate::domain::license::credit::instant_opt;
use crate::model::account::{ACCOUNT_NAME_PROBLEM, Account, account_name_pattern, is_account_name};
use crate::model::denied::Denied;
use crate::model::ids::{AccountId, OperationKey, WalletId};
use crate::model::wallet::Wallet;
use crate::model::wallet::cause::Cause;
use crate::model::wallet::entry::Source;
use crate::model::write::Write;

/// `POST /v1/accounts`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CreateAccount {
    /// The vendor's own name for it.
    pub name: String,
    /// The plan, by name.
    pub tier: String,
    /// The plan's end.
    pub tier_ends_at: Option<Timestamp>,
    /// Tokens to begin with, in place of the plan's first allocation.
    pub opening_balance: Option<i64>,
    /// Tokens it may go into debt by.
    pub overdraft_limit: i64,
    /// The caller's operation id.
    pub operation_id: Option<String>,
}

impl Body for CreateAccount {
    fn read(r: &mut Reader<'_>) -> Self {
        may_be_dry_run(r);
        let parsed = Self {
            name: r.text("accountId", limits::ACCOUNT_CHARS_MAX),
            tier: r.text_opt("tier", limits::NAME_CHARS_MAX).unwrap_or_else(|| "Gift".to_owned()),
            tier_ends_at: instant_opt(r, "tierEndsAt"),
            opening_balance: r.int_opt("openingBalance", 0, limits::TOKENS_MAX),
            overdraft_limit: r.int_opt("overdraftLimit", 0, limits::TOKENS_MAX).unwrap_or(0),
            operation_id: ltlm_protocol::request::operation_id(r),
        };
        if r.value("accountId").is_some_and(Value::is_string) && !is_account_name(&parsed.name) {
            r.problem("accountId", ACCOUNT_NAME_PROBLEM);
        }
        parsed
    }

    fn keywords() -> Value {
        json!({"properties": {
            "accountId": {"pattern": account_name_pattern()},
            "openingBalance": {"description": "In place of the plan's first allocation."},
        }})
    }
}

/// Decides the creation of an account. The reply: its state, and whether this operation created it before.
pub fn decide(
    state: &AccountState,
    id: &AccountId,
    command: &CreateAccount,
    key: &OperationKey,
    now: Timestamp,
) -> Result<Decision<(AccountData, bool)>, Denied> {
    match &state.account {
        Some(account) if key.repeats(&account.created_by) => return Ok(Decision::read((data(state, now)?, true))),
        Some(account) if account.created_by.id == key.id => return Err(Denied::IdempotencyKeyReused),
        Some(_) => return Err(Denied::AccountExists),
        None => {}
    }
    must_lie_ahead("tierEndsAt", command.tier_ends_at, now)?;
    let opening = Opening {
        id: id.clone(),
        tier: command.tier.clone(),
        tier_ends_at: command.tier_ends_at,
        opening_balance: command.opening_balance,
        overdraft_limit: command.overdraft_limit,
        key,
    };
    let Opened { account, wallet, writes } = opening.decide(&state.plans(), now)?;
    let made = AccountState { account: Some(account), wallet: Some(wallet), ..state.clone() };
    Ok(Decision::write(writes, (data(&made, now)?, false)))
}

/// An account that is to be there.
pub struct Opening<'a> {
    /// Its name.
    pub id: AccountId,
    /// The plan, by name.
    pub tier: String,
    /// The plan's end.
    pub tier_ends_at: Option<Timestamp>,
    /// Tokens to begin with, in place of the plan's first allocation.
    pub opening_balance: Option<i64>,
    /// Tokens it may go into debt by.
    pub overdraft_limit: i64,
    /// The operation that creates it.
    pub key: &'a OperationKey,
}

/// An account that was created.
pub struct Opened {
    /// Its record.
    pub account: Account,
    /// Its wallet.
    pub wallet: Wallet,
    /// What writes both, with the ledger's first entry.
    pub writes: Vec<Write>,
}

impl Opening<'_> {
    /// Decides it. The first period begins now: what the account begins with is its allocation.
    pub fn decide(self, plans: &Plans, now: Timestamp) -> Result<Opened, Denied> {
        let plan = plans.plan(&self.tier).ok_or_else(|| Denied::UnknownTier { known: plans.names() })?;
        let tokens = self.opening_balance.unwrap_or(plan.tokens);
        let account = Account {
            id: self.id,
            tier: self.tier,
            tier_ends_at: self.tier_ends_at,
            anchor: now,
            overdraft_limit: self.overdraft_limit,
            created_at: now,
            created_by: self.key.clone(),
            paid: BTreeMap::new(),
            revision: 0,
        };
        let account_revision = Some(account.revision);
        let mut wallet =
            Wallet { period: Some(now), account_revision, ..Wallet::empty(WalletId::Account(account.id.clone())) };
        let mut opening = Vec::new();
        if tokens > 0 {
            let cause = Cause::of_the_service("opening".to_owned(), "opening", Source::Renewal, now);
            (wallet, opening) = wallet.allot(tokens, None, now, cause, now);
        }
        wallet.due_at = schedule::next(&account, plans, &wallet, now);
        let entries = opening.into_iter().map(|entry| Write::AddEntry { entry });
        let first = [Write::AddAccount { account: account.clone() }, Write::AddWallet { wallet: wallet.clone() }];
        let writes = first.into_iter().chain(entries).collect();
        Ok(Opened { account, wallet, writes })
    }
}
