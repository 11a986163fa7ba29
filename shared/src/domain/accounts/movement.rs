//! Debits, credits, charges at a known price, and resets of an account.

use ltlm_protocol::account_data::{AccountMovement, Affordability};
use ltlm_protocol::read::Reader;
use ltlm_protocol::{Body, Timestamp, limits};
use serde_json::{Map, Value};

use crate::domain::accounts::plans::Plans;
use crate::domain::accounts::request::may_be_dry_run;
use crate::domain::accounts::state::{AccountState, OpenAccount, movement_of};
use crate::domain::ahead::must_lie_ahead;
use crate::domain::decision::Decision;
use crate::domain::license::credit::instant_opt;
use crate::model::denied::Denied;
use crate::model::ids::OperationKey;
use crate::model::wallet::cause::Cause;
use crate::model::wallet::entry::Source;
use crate::model::wallet::grant::{CREDIT_PRIORITY, Grant};

/// What moves.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Movement {
    /// Tokens are spent.
    Debit {
        /// How many.
        amount: i64,
        /// May it go into debt, as far as the account may?
        allow_overdraft: bool,
    },
    /// An operation is paid at its price.
    Charge,
    /// Tokens are given.
    Credit {
        /// How many.
        amount: i64,
        /// When they end, if they end.
        expires_at: Option<Timestamp>,
        /// Lower burns first.
        priority: i64,
    },
    /// The balance is set.
    Reset {
        /// To so many.
        balance: i64,
    },
}

/// `POST /v1/accounts/{accountId}/debit`, `/charge`, `/credit`, `/reset`.
#[derive(Clone, Debug, PartialEq)]
pub struct Move {
    /// What moves.
    pub movement: Movement,
    /// What for: the entry's action.
    pub operation_type: String,
    /// Free-form facts, kept with the entry.
    pub metadata: Option<Map<String, Value>>,
    /// The caller's operation id.
    pub operation_id: Option<String>,
}

/// The body of a debit.
#[derive(Debug)]
pub struct Debit(pub Move);

/// The body of a charge.
#[derive(Debug)]
pub struct Charge(pub Move);

/// The body of a credit.
#[derive(Debug)]
pub struct Credit(pub Move);

/// The body of a reset.
#[derive(Debug)]
pub struct Reset(pub Move);

impl Body for Debit {
    fn read(r: &mut Reader<'_>) -> Self {
        Self(Move::read(r, None, |r| Movement::Debit {
            amount: r.int_worded("amount", 1, limits::AMOUNT_MAX, "Debit amount must be positive"),
            allow_overdraft: r.bool_opt("allowOverdraft").unwrap_or(false),
        }))
    }
}

impl Body for Charge {
    fn read(r: &mut Reader<'_>) -> Self {
        Self(Move::read(r, None, |_| Movement::Charge))
    }
}

impl Body for Credit {
    fn read(r: &mut Reader<'_>) -> Self {
        Self(Move::read(r, None, |r| Movement::Credit {
            amount: r.int_worded("amount", 1, limits::AMOUNT_MAX, "Credit amount must be positive"),
            expires_at: instant_opt(r, "expiresAt"),
            priority: r.int_opt("priority", 0, limits::PRIORITY_MAX).unwrap_or(CREDIT_PRIORITY),
        }))
    }
}

impl Body for Reset {
    fn read(r: &mut Reader<'_>) -> Self {
        Self(Move::read(r, Some("monthly_reset"), |r| Movement::Reset {
            balance: r.int_worded("balance", 0, limits::TOKENS_MAX, "Balance cannot be negative"),
        }))
    }
}

impl Move {
    fn read(r: &mut Reader<'_>, default: Option<&str>, movement: impl FnOnce(&mut Reader<'_>) -> Movement) -> Self {
        may_be_dry_run(r);
        let operation_type = match default {
            Some(default) => {
                r.text_opt("operationType", limits::ACTION_CHARS_MAX).unwrap_or_else(|| default.to_owned())
            }
            None => r.text("operationType", limits::ACTION_CHARS_MAX),
        };
        Self {
            movement: movement(r),
            operation_type,
            metadata: r.document_opt("metadata", limits::META_BYTES_MAX),
            operation_id: ltlm_protocol::request::operation_id(r),
        }
    }
}

/// Decides a movement. The replay comes before every rule: a retry gets the first answer.
pub fn decide(
    state: &AccountState,
    command: &Move,
    key: &OperationKey,
    now: Timestamp,
) -> Result<Decision<AccountMovement>, Denied> {
    if let Some(entry) = state.replay(key)? {
        return Ok(Decision::read(movement_of(entry, true)));
    }
    let open = state.open(now)?;
    let source = match command.movement {
        Movement::Debit { .. } | Movement::Charge => Source::Debit,
        Movement::Credit { .. } => Source::Credit,
        Movement::Reset { .. } => Source::Reset,
    };
    let cause = Cause {
        key: key.clone(),
        action: command.operation_type.clone(),
        source,
        hwid: None,
        usage_sequence: None,
        occurred_at: now,
        meta: command.metadata.clone(),
        batch: None,
        original: None,
    };
    let (moved, entries) = match command.movement {
        Movement::Debit { amount, allow_overdraft } => {
            let floor = if allow_overdraft { -open.account.overdraft_limit } else { 0 };
            affordable(&open, amount, floor)?;
            open.tokens.wallet.spend(amount, true, cause, now)?
        }
        Movement::Charge => {
            let amount = price(&open.plans, &command.operation_type)?;
            affordable(&open, amount, 0)?;
            open.tokens.wallet.spend(amount, true, cause, now)?
        }
        Movement::Credit { amount, expires_at, priority } => {
            must_lie_ahead("expiresAt", expires_at, now)?;
            let id = expires_at.map_or(format!("credit:{priority}"), |end| format!("credit:{priority}:{}", end.ms()));
            let grant = Grant { id, amount, remaining: amount, priority, expires_at, granted_at: now };
            open.tokens.wallet.grant(grant, cause, now)?
        }
        Movement::Reset { balance } => open.tokens.wallet.reset(balance, cause, now),
    };
    open.decided(key, moved, entries)
}

/// The price of an operation that has one.
fn price(plans: &Plans, operation_type: &str) -> Result<i64, Denied> {
    match plans.cost(operation_type) {
        None => Err(Denied::UnknownOperationType { known: plans.operations() }),
        Some(0) => Err(Denied::OperationHasNoCost),
        Some(cost) => Ok(cost),
    }
}

/// Refuses what would leave less than `floor`.
pub(crate) fn affordable(open: &OpenAccount, required: i64, floor: i64) -> Result<(), Denied> {
    let now = open.now;
    let balance = open.tokens.wallet.balance(now);
    if balance.saturating_sub(required) >= floor {
        return Ok(());
    }
    let next_renewal_at = open.tokens.due_at.map(|at| at.to_string());
    Err(Denied::AccountInsufficient { required, balance, next_renewal_at })
}

/// Could the account pay for this? It only looks.
pub fn affordability(
    state: &AccountState,
    operation_type: &str,
    amount: Option<i64>,
    now: Timestamp,
) -> Result<Affordability, Denied> {
    let cost = match amount {
        Some(amount) => amount,
        None => {
            let plans = state.plans();
            plans.cost(operation_type).ok_or_else(|| Denied::UnknownOperationType { known: plans.operations() })?
        }
    };
    // An account that is not there affords nothing; that is an answer, as in seed 003.
    let (balance, is_there) = match state.open(now) {
        Ok(open) => (open.tokens.wallet.balance(now), true),
        Err(Denied::AccountNotFound) => (0, false),
        Err(denied) => return Err(denied),
    };
    let can_afford = is_there && balance >= cost;
    Ok(Affordability { can_afford, balance, cost, deficit: (!can_afford).then(|| cost.saturating_sub(balance)) })
}
