//! Refunds: of an operation that spent, by its id, never more than it spent (contract/token-accounting.md, section 2, rule 7).

use ltlm_protocol::Timestamp;
use ltlm_protocol::account_data::AccountMovement;
use ltlm_protocol::limits;
use ltlm_protocol::read::Problems;
use serde_json::{Map, Value};

use super::{AccountState, reader, told};
use crate::domain::denied::Denied;
use crate::domain::entry::{OperationId, OperationKey, Origin, Source};
use crate::domain::wallet::Cause;
use crate::domain::write::{Decision, Write};

/// `POST /v1/accounts/{accountId}/refund`.
#[derive(Clone, Debug, PartialEq)]
pub struct Refund {
    /// The operation that spent.
    pub original: OperationId,
    /// How many; without it, what is left of the operation.
    pub amount: Option<i64>,
    /// Why.
    pub reason: Option<String>,
    /// Free-form facts, kept with the entry.
    pub metadata: Option<Map<String, Value>>,
    /// The caller's operation id.
    pub operation_id: Option<String>,
}

impl Refund {
    /// Parses the body.
    pub fn parse(body: &Value) -> Result<Self, Problems> {
        let mut r = reader(body)?;
        let parsed = Self {
            original: OperationId {
                origin: Origin::Client,
                id: r.text("originalOperationId", limits::OPERATION_ID_CHARS_MAX),
            },
            amount: r.int_opt("amount", 1, limits::AMOUNT_MAX),
            reason: r.name_or_blank("reason", limits::REASON_CHARS_MAX),
            metadata: r.document_opt("metadata", limits::META_BYTES_MAX),
            operation_id: ltlm_protocol::request::operation_id(&mut r),
        };
        r.finish().map(|()| parsed)
    }
}

/// Decides a refund. What was refunded of an operation stands with its entry, and moves with the refund.
pub fn decide(
    state: &AccountState,
    command: &Refund,
    key: &OperationKey,
    now: Timestamp,
) -> Result<Decision<AccountMovement>, Denied> {
    if let Some(entry) = state.replay(key)? {
        return Ok(Decision::read(told(entry, true)));
    }
    let standing = state.standing(now)?;
    let original = state.entries.get(&command.original).filter(|entry| entry.source == Source::Debit);
    let original = original.ok_or(Denied::OperationNotFound)?;
    let refundable = original.amount.saturating_neg() - original.refunded;
    let amount = command.amount.unwrap_or(refundable);
    if amount > refundable || amount == 0 {
        return Err(Denied::RefundTooLarge { refundable });
    }
    let meta = match (&command.reason, &command.metadata) {
        (None, meta) => meta.clone(),
        (Some(reason), meta) => {
            let mut meta = meta.clone().unwrap_or_default();
            meta.insert("reason".to_owned(), Value::from(reason.clone()));
            Some(meta)
        }
    };
    let cause = Cause {
        meta,
        original: Some(command.original.id.clone()),
        ..Cause::plain(key.clone(), "refund".to_owned(), Source::Refund, now)
    };
    let spent = original.amount.saturating_neg();
    let (moved, entries) = standing.wallet.refund((&original.drawn, spent, original.refunded), amount, cause, now);
    let taken = Write::RefundEntry {
        wallet: original.wallet.clone(),
        operation: original.operation.clone(),
        found: original.refunded,
        refunded: original.refunded + amount,
    };
    let Decision { mut writes, touch, reply } = standing.decided(key, moved, entries)?;
    writes.push(taken);
    Ok(Decision { writes, touch, reply })
}
