//! Refunds: of an operation that spent, by its id, or of the newest ones; never more than they spent
//! (contract/token-accounting.md, section 2, rule 7, and case TS-18).

use ltlm_protocol::account_data::{AccountMovement, RefundedOperation};
use ltlm_protocol::body::one_of;
use ltlm_protocol::read::Reader;
use ltlm_protocol::{Body, Timestamp, limits};
use serde_json::{Map, Value, json};

use crate::domain::accounts::request::may_be_dry_run;
use crate::domain::accounts::state::{AccountState, movement_of};
use crate::domain::decision::Decision;
use crate::model::denied::Denied;
use crate::model::ids::{OperationId, OperationKey, Origin};
use crate::model::wallet::Wallet;
use crate::model::wallet::cause::Cause;
use crate::model::wallet::entry::{Entry, Source};
use crate::model::write::Write;

/// `POST /v1/accounts/{accountId}/refund`.
#[derive(Clone, Debug, PartialEq)]
pub struct Refund {
    /// What is refunded.
    pub of: Refundable,
    /// Why.
    pub reason: Option<String>,
    /// Free-form facts, kept with the entry.
    pub metadata: Option<Map<String, Value>>,
    /// The caller's operation id.
    pub operation_id: Option<String>,
}

/// What a refund is of.
#[derive(Clone, Debug, PartialEq)]
pub enum Refundable {
    /// An operation that spent.
    Operation {
        /// Which.
        original: OperationId,
        /// How many; without it, what is left of the operation.
        amount: Option<i64>,
    },
    /// The newest operations that spent, whichever they are.
    Newest {
        /// How many tokens.
        amount: i64,
    },
}

impl Body for Refund {
    fn read(r: &mut Reader<'_>) -> Self {
        may_be_dry_run(r);
        let original = r.text_opt("originalOperationId", limits::OPERATION_ID_CHARS_MAX);
        let of = match original {
            Some(id) => Refundable::Operation {
                original: OperationId { origin: Origin::Client, id },
                amount: r.int_opt("amount", 1, limits::AMOUNT_MAX),
            },
            None => Refundable::Newest { amount: r.int("amount", 1, limits::AMOUNT_MAX) },
        };
        Self {
            of,
            reason: r.name_or_blank("reason", limits::REASON_CHARS_MAX),
            metadata: r.document_opt("metadata", limits::META_BYTES_MAX),
            operation_id: ltlm_protocol::request::operation_id(r),
        }
    }

    fn keywords() -> Value {
        json!({
            "properties": {
                "originalOperationId": {"description": "The operation that spent; else the newest ones that can be refunded."},
                "amount": {"type": ["integer", "null"],
                    "description": "How many; of an operation that is named, else all that can be refunded."},
            },
            "required": [],
            "anyOf": one_of(&["originalOperationId", "amount"], &[]),
        })
    }
}

impl Refund {
    /// The facts that are kept with its entries.
    fn facts(&self) -> Option<Map<String, Value>> {
        let Some(reason) = &self.reason else { return self.metadata.clone() };
        let mut facts = self.metadata.clone().unwrap_or_default();
        facts.insert("reason".to_owned(), Value::from(reason.clone()));
        Some(facts)
    }
}

/// A search for the charges from which a refund by amount is taken.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Search {
    /// What was found, newest first.
    pub charges: Vec<OperationId>,
    left: i64,
    pieces: usize,
}

impl Search {
    /// For so many tokens.
    pub fn of(amount: i64) -> Self {
        Self { left: amount, ..Self::default() }
    }

    /// Takes the next older entry, if something of it can be refunded. Is this all that the refund needs, or may hold?
    pub fn is_full_with(&mut self, entry: &Entry) -> bool {
        let refundable = refundable_of(entry);
        if refundable == 0 || entry.operation.origin != Origin::Client {
            return false;
        }
        let pieces = self.pieces + entry.drawn.len();
        if self.charges.len() == limits::REFUND_PARTS_MAX || pieces > limits::REFUND_PIECES_MAX {
            return true;
        }
        self.pieces = pieces;
        self.left = self.left.saturating_sub(refundable);
        self.charges.push(entry.operation.clone());
        self.left <= 0
    }
}

/// The ids of the entries that a refund of several operations writes besides its own, in order.
pub fn beside(key: &OperationKey) -> impl Iterator<Item = OperationId> {
    (1..limits::REFUND_PARTS_MAX)
        .map(|part| OperationId { origin: Origin::System, id: format!("refund {} {part}", key.id.id) })
}

/// What of an entry can be refunded.
fn refundable_of(entry: &Entry) -> i64 {
    match entry.source {
        Source::Debit => entry.amount.saturating_neg().saturating_sub(entry.refunded).max(0),
        _ => 0,
    }
}

/// Decides a refund; a refund that names no operation is of `charges`, the newest first. The entry of an operation
/// contains the refunded amount, which changes with the refund.
pub fn decide(
    state: &AccountState,
    command: &Refund,
    charges: &[OperationId],
    key: &OperationKey,
    now: Timestamp,
) -> Result<Decision<AccountMovement>, Denied> {
    if let Some(entry) = state.replay(key)? {
        return Ok(Decision::read(answer(state, key, entry, true)));
    }
    state.open(now)?;
    let parts = match &command.of {
        Refundable::Operation { original, amount } => vec![part_of(state, original, *amount)?],
        Refundable::Newest { amount } => parts_of(state, charges, *amount)?,
    };
    give_back(state, command, &parts, key, now)
}

/// So many tokens of the operation that is named, or all that can be refunded of it.
fn part_of<'a>(
    state: &'a AccountState,
    original: &OperationId,
    amount: Option<i64>,
) -> Result<(&'a Entry, i64), Denied> {
    let original = state.entries.get(original).filter(|entry| entry.source == Source::Debit);
    let original = original.ok_or(Denied::OperationNotFound)?;
    let refundable = refundable_of(original);
    let amount = amount.unwrap_or(refundable);
    match amount > refundable || amount == 0 {
        true => Err(Denied::RefundTooLarge { refundable }),
        false => Ok((original, amount)),
    }
}

/// So many tokens of these charges, the newest first.
fn parts_of<'a>(
    state: &'a AccountState,
    charges: &[OperationId],
    amount: i64,
) -> Result<Vec<(&'a Entry, i64)>, Denied> {
    let (mut left, mut parts) = (amount, Vec::new());
    for charge in charges.iter().filter_map(|charge| state.entries.get(charge)) {
        let part = left.min(refundable_of(charge));
        if part > 0 {
            parts.push((charge, part));
            left -= part;
        }
    }
    match left > 0 {
        true => Err(Denied::NothingToRefund { refundable: amount - left }),
        false => Ok(parts),
    }
}

/// Refunds these amounts of these entries. The last refund has the entry with the refund's own id, which therefore
/// contains the final balance.
fn give_back(
    state: &AccountState,
    command: &Refund,
    parts: &[(&Entry, i64)],
    key: &OperationKey,
    now: Timestamp,
) -> Result<Decision<AccountMovement>, Denied> {
    let open = state.open(now)?;
    let mut moved: Wallet = open.tokens.wallet.clone();
    let (mut written, mut taken) = (Vec::new(), Vec::new());
    let service = |id| OperationKey { id, fingerprint: String::new() };
    let ids = beside(key).take(parts.len().saturating_sub(1)).map(service).chain([key.clone()]);
    for ((original, amount), key) in parts.iter().zip(ids) {
        let cause = Cause {
            meta: command.facts(),
            original: Some(original.operation.id.clone()),
            ..Cause::plain(key, "refund".to_owned(), Source::Refund, now)
        };
        let spent = original.amount.saturating_neg();
        let (after, entries) = moved.refund((&original.drawn, spent, original.refunded), *amount, cause, now);
        moved = after;
        written.extend(entries);
        taken.push(Write::RefundEntry {
            wallet: original.wallet.clone(),
            operation: original.operation.clone(),
            found: original.refunded,
            refunded: original.refunded + amount,
        });
    }
    let mut after = state.clone();
    after.entries.extend(written.iter().map(|entry| (entry.operation.clone(), entry.clone())));
    let Decision { mut writes, touch, .. } = open.decided(key, moved, written)?;
    writes.extend(taken);
    let own = after.entries.get(&key.id).ok_or(Denied::AccountNotFound)?;
    Ok(Decision { writes, touch, reply: answer(&after, key, own, false) })
}

/// The answer to a refund whose own entry is `entry`: the same when it is computed from what was written and from what
/// is read again.
fn answer(state: &AccountState, key: &OperationKey, entry: &Entry, replayed: bool) -> AccountMovement {
    let movement = movement_of(entry, replayed);
    if entry.source != Source::Refund {
        return movement;
    }
    let beside = beside(key).map_while(|id| state.entries.get(&id));
    let parts: Vec<_> = beside.chain([entry]).collect();
    let of = |part: &&Entry| RefundedOperation {
        operation_id: part.original.clone().unwrap_or_default(),
        amount: part.amount,
        ledger_entry_id: part.operation.shown(),
    };
    AccountMovement {
        spendable: Some(parts.iter().map(|part| part.amount.saturating_sub(part.lapsed)).sum()),
        refunded: Some(parts.iter().map(of).collect()),
        ..movement
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::license::state::tests::NOW;
    use crate::model::ids::{LicenseId, WalletId};
    use crate::model::wallet::grant::Grant;
    use crate::model::wallet::tests::cause;

    #[test]
    fn a_search_takes_the_newest_charges_up_to_what_is_asked_and_to_its_bounds() {
        let wallet = Wallet::empty(WalletId::License(LicenseId("w".into())));
        let grant =
            Grant { id: "g".into(), amount: 100, remaining: 100, priority: 0, expires_at: None, granted_at: NOW };
        let mut wallet = wallet.grant(grant, cause("g", Source::Credit), NOW).unwrap().0;
        let mut charges = Vec::new();
        for index in 0..12 {
            let (moved, entries) = wallet.spend(5, false, cause(&index.to_string(), Source::Debit), NOW).unwrap();
            wallet = moved;
            charges.extend(entries);
        }
        charges.reverse();
        let found = |amount: i64, charges: &[Entry]| {
            let mut search = Search::of(amount);
            let is_full = charges.iter().any(|entry| search.is_full_with(entry));
            (search.charges.iter().map(|charge| charge.id.clone()).collect::<Vec<_>>(), is_full)
        };
        assert_eq!(found(5, &charges), (vec!["11".to_owned()], true));
        assert_eq!(found(6, &charges), (vec!["11".to_owned(), "10".to_owned()], true));
        // What is refunded already is passed over, and so is what was not spent.
        charges[0].refunded = 5;
        charges[1].source = Source::Credit;
        assert_eq!(found(5, &charges), (vec!["9".to_owned()], true));
        assert_eq!(found(1_000, &charges[..3]), (vec!["9".to_owned()], false));
        charges[0].refunded = 0;
        charges[1].source = Source::Debit;
        let (parts, is_full) = found(1_000, &charges);
        assert_eq!((parts.len(), is_full), (limits::REFUND_PARTS_MAX, true));
    }
}
