//! Putting an account on a plan: bought, prolonged or changed. It starts a period, whose allocation is given with it
//! (contract/token-accounting.md, section 2, rule 2).

use ltlm_protocol::account_data::AccountMovement;
use ltlm_protocol::read::Reader;
use ltlm_protocol::{Body, Timestamp, limits};
use serde_json::{Map, Value};

use crate::domain::accounts::request::may_be_dry_run;
use crate::domain::accounts::schedule;
use crate::domain::accounts::state::{AccountState, OpenAccount, movement_of};
use crate::domain::ahead::must_lie_ahead;
use crate::domain::decision::Decision;
use crate::domain::license::credit::instant_opt;
use crate::model::account::Account;
use crate::model::denied::Denied;
use crate::model::ids::OperationKey;
use crate::model::wallet::cause::Cause;
use crate::model::wallet::entry::Source;
use crate::model::write::Write;

/// `POST /v1/accounts/{accountId}/plan`.
#[derive(Clone, Debug, PartialEq)]
pub struct ChangePlan {
    /// The plan, by name.
    pub tier: String,
    /// Its end; without it the plan does not end.
    pub tier_ends_at: Option<Timestamp>,
    /// Tokens the account may go into debt by; without it, as many as before.
    pub overdraft_limit: Option<i64>,
    /// Free-form facts, kept with the entry.
    pub metadata: Option<Map<String, Value>>,
    /// The caller's operation id.
    pub operation_id: Option<String>,
}

impl Body for ChangePlan {
    fn read(r: &mut Reader<'_>) -> Self {
        may_be_dry_run(r);
        Self {
            tier: r.text("tier", limits::NAME_CHARS_MAX),
            tier_ends_at: instant_opt(r, "tierEndsAt"),
            overdraft_limit: r.int_opt("overdraftLimit", 0, limits::TOKENS_MAX),
            metadata: r.document_opt("metadata", limits::META_BYTES_MAX),
            operation_id: ltlm_protocol::request::operation_id(r),
        }
    }
}

/// Decides a plan change. The rest of the old plan's allocations stays. A plan grants its allocation once in a period:
/// an account that returns to it before the end of that period continues the period.
pub fn decide(
    state: &AccountState,
    command: &ChangePlan,
    key: &OperationKey,
    now: Timestamp,
) -> Result<Decision<AccountMovement>, Denied> {
    if let Some(entry) = state.replay(key)? {
        return Ok(Decision::read(movement_of(entry, true)));
    }
    let open = state.open(now)?;
    let plans = &open.plans;
    let plan = plans.plan(&command.tier).ok_or_else(|| Denied::UnknownTier { known: plans.names() })?;
    must_lie_ahead("tierEndsAt", command.tier_ends_at, now)?;
    let mut paid = open.account.paid.clone();
    let began = schedule::began(&open.account, plans, &open.tokens.wallet, now);
    paid.extend(began.map(|began| (open.account.tier.clone(), began)));
    paid.retain(|name, began| plans.plan(name).is_some_and(|plan| now < plan.length.start(*began, 1)));
    let running = paid.remove(&command.tier);
    let account = Account {
        tier: command.tier.clone(),
        tier_ends_at: command.tier_ends_at,
        anchor: running.unwrap_or(now),
        paid,
        overdraft_limit: command.overdraft_limit.unwrap_or(open.account.overdraft_limit),
        revision: open.account.revision + 1,
        ..open.account.clone()
    };
    let plain = Cause::plain(key.clone(), "plan".to_owned(), Source::Renewal, now);
    let cause = Cause { meta: command.metadata.clone(), ..plain };
    let (moved, entries) = match running {
        Some(_) => open.tokens.wallet.unmoved(cause, now),
        None => open.tokens.wallet.allot(plan.tokens, None, now, cause, now),
    };
    let open = OpenAccount { account: account.clone(), ..open };
    let Decision { mut writes, touch, reply } = open.decided(key, moved, entries)?;
    writes.push(Write::ReplaceAccount { account });
    Ok(Decision { writes, touch, reply })
}
