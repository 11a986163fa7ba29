//! The vendor's credits and debits of a license's tokens.

use ltlm_protocol::license_data::Operation;
use ltlm_protocol::read::{Reader, whole};
use ltlm_protocol::shape::Kind;
use ltlm_protocol::time::NoInstant;
use ltlm_protocol::{Body, Timestamp, limits};
use serde_json::{Value, json};

use crate::domain::ahead::must_lie_ahead;
use crate::domain::decision::Decision;
use crate::domain::license::gate;
use crate::domain::license::state::LicenseState;
use crate::model::denied::Denied;
use crate::model::ids::OperationKey;
use crate::model::wallet::cause::Cause;
use crate::model::wallet::entry::Source;
use crate::model::wallet::grant::{CREDIT_PRIORITY, Grant};

/// `POST /v1/admin/licenses/{licenseKey}/tokens`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Credit {
    /// A positive amount is credited; a negative amount is debited, into debt if necessary.
    pub amount: i64,
    /// Why; the entry's action.
    pub reason: String,
    /// When a credit ends, if it ends.
    pub expires_at: Option<Timestamp>,
    /// The caller's operation id.
    pub operation_id: Option<String>,
}

/// The answer: what was done, and whether it was done before.
#[derive(Clone, Debug, PartialEq)]
pub struct Credited {
    /// The ledger entry.
    pub operation: Operation,
    /// The first answer, given again.
    pub replayed: bool,
}

impl Body for Credit {
    fn read(r: &mut Reader<'_>) -> Self {
        let parsed = Self {
            amount: r.int("amount", -limits::AMOUNT_MAX, limits::AMOUNT_MAX),
            reason: r.name("reason", limits::ACTION_CHARS_MAX),
            expires_at: instant_opt(r, "expiresAt"),
            operation_id: ltlm_protocol::request::operation_id(r),
        };
        if r.value("amount").and_then(whole) == Some(0) {
            r.problem("amount", "must not be 0");
        }
        if parsed.amount < 0 && parsed.expires_at.is_some() {
            r.problem("expiresAt", "goes with a credit only");
        }
        parsed
    }

    fn keywords() -> Value {
        let debit = json!({"properties": {"amount": {"maximum": 0}}, "required": ["amount"]});
        let ends = json!({"required": ["expiresAt"], "properties": {"expiresAt": {"type": "string"}}});
        json!({
            "properties": {"amount": {"not": {"const": 0}}, "expiresAt": {"description": "With a credit only."}},
            "not": {"allOf": [debit, ends]},
        })
    }
}

/// An ISO 8601 instant, or nothing.
pub fn instant_opt(r: &mut Reader<'_>, name: &str) -> Option<Timestamp> {
    let value = r.value_of(name, Kind::Instant)?;
    let instant = value.as_str().ok_or(NoInstant::NotOne).and_then(Timestamp::read);
    instant.map_err(|wrong| r.problem(name, wrong.problem())).ok()
}

/// Decides a credit or debit. The vendor may do it whatever the license's status.
pub fn decide(
    state: &LicenseState,
    now: Timestamp,
    command: &Credit,
    key: &OperationKey,
) -> Result<Decision<Credited>, Denied> {
    if let Some(entry) = gate::replay(state, key)? {
        return Ok(Decision::read(Credited { operation: entry.data(), replayed: true }));
    }
    let tokens = state.tokens(now).ok_or(Denied::TokensDisabled)?;
    must_lie_ahead("expiresAt", command.expires_at, now)?;
    let cause = Cause::plain(key.clone(), command.reason.clone(), Source::Admin, now);
    let (moved, entries) = match command.amount {
        amount if amount < 0 => tokens.wallet.spend(amount.saturating_neg(), true, cause, now)?,
        amount => tokens.wallet.grant(grant(amount, command.expires_at, now), cause, now)?,
    };
    let operation = entries.last().map(|entry| entry.data()).ok_or(Denied::TokensDisabled)?;
    Ok(Decision::write(tokens.moved(moved, entries), Credited { operation, replayed: false }))
}

/// Credits with the same end add up in one grant, so that many small ones do not fill the wallet.
fn grant(amount: i64, expires_at: Option<Timestamp>, now: Timestamp) -> Grant {
    let id = expires_at.map_or("credit".to_owned(), |end| format!("credit:{}", end.ms()));
    Grant { id, amount, remaining: amount, priority: CREDIT_PRIORITY, expires_at, granted_at: now }
}
