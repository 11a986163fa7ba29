//! Holds on an account: tokens set aside before something is done, spent when it is done, given back when it is not.

use ltlm_protocol::account_data::{AccountHold, AccountMovement};
use ltlm_protocol::read::Reader;
use ltlm_protocol::{Body, Timestamp, limits};
use serde_json::{Map, Value, json};

use crate::domain::accounts::movement;
use crate::domain::accounts::request::may_be_dry_run;
use crate::domain::accounts::state::{AccountState, movement_of};
use crate::domain::decision::Decision;
use crate::model::denied::Denied;
use crate::model::ids::{OperationId, OperationKey, Origin};
use crate::model::wallet::cause::Cause;
use crate::model::wallet::entry::{Entry, Source};

/// `POST /v1/accounts/{accountId}/holds`.
#[derive(Clone, Debug, PartialEq)]
pub struct Reserve {
    /// How many tokens.
    pub amount: i64,
    /// What for.
    pub operation_type: String,
    /// For how long.
    pub seconds: i64,
    /// Free-form facts, kept with the entry.
    pub metadata: Option<Map<String, Value>>,
    /// The caller's operation id.
    pub operation_id: Option<String>,
}

/// What becomes of a hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ending {
    /// Tokens of it are spent: so many, or all. The rest is given back.
    Commit {
        /// How many.
        amount: Option<i64>,
    },
    /// All of it is given back.
    Void,
}

/// `POST /v1/accounts/{accountId}/holds/{holdId}/commit` and `/void`.
#[derive(Clone, Debug, PartialEq)]
pub struct EndHold {
    /// What becomes of it.
    pub ending: Ending,
    /// Free-form facts, kept with the entry.
    pub metadata: Option<Map<String, Value>>,
    /// The caller's operation id.
    pub operation_id: Option<String>,
}

impl Body for Reserve {
    fn read(r: &mut Reader<'_>) -> Self {
        may_be_dry_run(r);
        let seconds = r.int_opt("expiresInSeconds", 1, limits::HOLD_SECONDS_MAX);
        Self {
            amount: r.int("amount", 1, limits::AMOUNT_MAX),
            operation_type: r.text("operationType", limits::ACTION_CHARS_MAX),
            seconds: seconds.unwrap_or(limits::HOLD_SECONDS_DEFAULT),
            metadata: r.document_opt("metadata", limits::META_BYTES_MAX),
            operation_id: ltlm_protocol::request::operation_id(r),
        }
    }

    fn keywords() -> Value {
        json!({"properties": {"expiresInSeconds": {"default": limits::HOLD_SECONDS_DEFAULT}}})
    }
}

/// The body of a commit.
#[derive(Debug)]
pub struct CommitHold(pub EndHold);

/// The body of a void.
#[derive(Debug)]
pub struct VoidHold(pub EndHold);

impl Body for CommitHold {
    fn read(r: &mut Reader<'_>) -> Self {
        let ending = Ending::Commit { amount: r.int_opt("amount", 1, limits::AMOUNT_MAX) };
        Self(EndHold::read(r, ending))
    }

    fn keywords() -> Value {
        json!({"properties": {"amount": {"description": "How many are spent; else all."}}})
    }
}

impl Body for VoidHold {
    fn read(r: &mut Reader<'_>) -> Self {
        Self(EndHold::read(r, Ending::Void))
    }
}

impl EndHold {
    fn read(r: &mut Reader<'_>, ending: Ending) -> Self {
        may_be_dry_run(r);
        Self {
            ending,
            metadata: r.document_opt("metadata", limits::META_BYTES_MAX),
            operation_id: ltlm_protocol::request::operation_id(r),
        }
    }
}

/// The operation that created the hold `id`.
pub fn operation(id: &str) -> OperationId {
    OperationId { origin: Origin::Client, id: id.to_owned() }
}

/// Decides a reservation.
pub fn reserve(
    state: &AccountState,
    command: &Reserve,
    key: &OperationKey,
    now: Timestamp,
) -> Result<Decision<AccountMovement>, Denied> {
    let with_hold = |entry: &Entry, movement: AccountMovement| {
        let hold = AccountHold {
            id: entry.operation.id.clone(),
            amount: command.amount,
            operation_type: command.operation_type.clone(),
            expires_at: entry.occurred_at.plus_seconds(command.seconds).to_string(),
        };
        AccountMovement { hold: Some(hold), ..movement }
    };
    if let Some(entry) = state.replay(key)? {
        return Ok(Decision::read(with_hold(entry, movement_of(entry, true))));
    }
    let open = state.open(now)?;
    movement::affordable(&open, command.amount, 0)?;
    let plain = Cause::plain(key.clone(), command.operation_type.clone(), Source::Hold, now);
    let cause = Cause { meta: command.metadata.clone(), ..plain };
    let (moved, entries) = open.tokens.wallet.hold(command.amount, now.plus_seconds(command.seconds), cause, now)?;
    let own = entries.last().cloned().ok_or(Denied::AccountNotFound)?;
    Ok(open.decided(key, moved, entries)?.map(|movement| with_hold(&own, movement)))
}

/// Decides what becomes of the hold `id`.
pub fn end(
    state: &AccountState,
    id: &str,
    command: &EndHold,
    key: &OperationKey,
    now: Timestamp,
) -> Result<Decision<AccountMovement>, Denied> {
    if let Some(entry) = state.replay(key)? {
        return Ok(Decision::read(movement_of(entry, true)));
    }
    let open = state.open(now)?;
    let made = state.entries.get(&operation(id)).filter(|entry| entry.source == Source::Hold && entry.amount < 0);
    let made = made.ok_or(Denied::HoldNotFound)?;
    let held = -made.amount;
    let cause = |source: Source| Cause {
        meta: command.metadata.clone(),
        original: Some(id.to_owned()),
        ..Cause::plain(key.clone(), made.action.clone(), source, now)
    };
    let (moved, entries) = match command.ending {
        Ending::Commit { amount } => {
            open.tokens.wallet.commit_hold(id, amount.unwrap_or(held), cause(Source::Debit), now)?
        }
        Ending::Void => open.tokens.wallet.void_hold(id, cause(Source::Hold), now)?,
    };
    open.decided(key, moved, entries)
}
