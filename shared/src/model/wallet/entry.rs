//! A ledger entry: what one operation did to a wallet. Its key is its operation id, so the entry is the operation's
//! stored answer and the proof that it happened once.

use ltlm_protocol::account_data::AccountEntry;
use ltlm_protocol::license_data::Operation;
use ltlm_protocol::{Timestamp, canonical};
use serde_json::{Map, Value, json};
use sha2::{Digest, Sha256};

use crate::model::denied::Denied;
use crate::model::ids::{Link, OperationId, OperationKey, WalletId, is_same_request};
use crate::model::wallet::grant::Piece;

/// What kind of movement an entry is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Source {
    /// One consumption.
    Single,
    /// A use that a device kept while it was offline.
    Batch,
    /// A queued use that was not charged, because it is presumed to repeat a use whose answer was lost (wire 4.6 T-5).
    Duplicate,
    /// A vendor's credit or debit.
    Admin,
    /// The allocation of the policy.
    Plan,
    /// The end of a grant with tokens left.
    Expiry,
    /// A backend's debit of an account.
    Debit,
    /// A backend's credit of an account.
    Credit,
    /// Tokens of an account given back.
    Refund,
    /// An account's balance set.
    Reset,
    /// The allocation of an account's period.
    Renewal,
    /// Tokens set aside, or given back from there.
    Hold,
    /// A pack that was paid for, or whose payment went back.
    Purchase,
}

impl Source {
    /// All of them, with their texts.
    pub const ALL: &'static [(Self, &'static str)] = &[
        (Self::Single, "single"),
        (Self::Batch, "batch"),
        (Self::Duplicate, "duplicate"),
        (Self::Admin, "admin"),
        (Self::Plan, "plan"),
        (Self::Expiry, "expiry"),
        (Self::Debit, "debit"),
        (Self::Credit, "credit"),
        (Self::Refund, "refund"),
        (Self::Reset, "reset"),
        (Self::Renewal, "renewal"),
        (Self::Hold, "hold"),
        (Self::Purchase, "purchase"),
    ];

    /// The text on the wire and in the table.
    pub fn wire(self) -> &'static str {
        Self::ALL.iter().find(|(source, _)| *source == self).map_or("", |(_, text)| text)
    }

    /// What kind of movement it is in an account's statistics (contract/token-accounting.md, section 2, rule 8).
    pub fn category(self) -> &'static str {
        match self {
            Self::Single | Self::Batch | Self::Duplicate | Self::Debit => "spent",
            Self::Refund => "refunded",
            Self::Credit | Self::Plan | Self::Renewal | Self::Purchase => "granted",
            Self::Expiry => "expired",
            Self::Admin | Self::Reset => "adjusted",
            Self::Hold => "held",
        }
    }

    /// The source with this text.
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.iter().find(|(_, wire)| *wire == text).map(|(source, _)| *source)
    }
}

/// A use that was not charged, because it would have overdrawn its license too far.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PastFloor {
    /// The first of its license in its transaction: it causes a notice.
    First,
    /// A later one. A queue can contain thousands of them, which would be too many notices.
    Further,
}

/// An entry's record.
#[derive(Clone, Debug, PartialEq)]
pub struct Entry {
    /// The wallet it moved.
    pub wallet: WalletId,
    /// The operation it records.
    pub operation: OperationId,
    /// Hash of the request, `""` for the service's own.
    pub fingerprint: String,
    /// Place in the wallet's ledger, from 1, without gaps.
    pub sequence: i64,
    /// Signed amount: negative is spent.
    pub amount: i64,
    /// Balance before.
    pub balance_before: i64,
    /// Balance after.
    pub balance_after: i64,
    /// What the wallet's live grants add up to after it: with `balance_after`, the figures of the first answer.
    pub limit_after: i64,
    /// What it was for.
    pub action: String,
    /// What kind of movement it is.
    pub source: Source,
    /// The device that asked, if one did.
    pub hwid: Option<String>,
    /// The number of the use within that device, if it sent one. Not a part of what is linked.
    pub usage_sequence: Option<i64>,
    /// When it happened.
    pub occurred_at: Timestamp,
    /// When it was written.
    pub recorded_at: Timestamp,
    /// Free-form facts about it.
    pub meta: Option<Map<String, Value>>,
    /// Hash of the facts that were here, once they are erased.
    pub erased: Option<Link>,
    /// The request that wrote it, if it came in a batch.
    pub batch: Option<String>,
    /// What a use would have cost, if nothing was charged: without tokens (wire 4.6 T-3), or as a presumed duplicate (T-5).
    pub uncharged: Option<i64>,
    /// Of a duplicate: the lost answer is presumed, not known. Not a part of what is linked.
    pub is_presumed: bool,
    /// Of a use of a batch: it was not charged, because it would have overdrawn the license by more than a batch may
    /// (`tokens.batchFloor`). Not a part of what is linked.
    pub past_floor: Option<PastFloor>,
    /// What the account had spent in all its life, after it.
    pub spent_after: Option<i64>,
    /// The operation that a refund is of.
    pub original: Option<String>,
    /// What was refunded of it. Not a part of what is linked: it grows.
    pub refunded: i64,
    /// From which grants its tokens were drawn, in order; empty for what is not refunded by this entry, and for entries from
    /// before this was kept. Not a part of what is linked: it says where tokens come back to, and not what happened.
    pub drawn: Vec<Piece>,
    /// How many of its tokens returned to grants that had ended: the next entry removes them again. Not part of the
    /// hash chain either.
    pub lapsed: i64,
    /// What the wallet's live grants added up to before it, where it ended one of them. Not linked either.
    pub limit_before: Option<i64>,
    /// Hash of the entry before; zeros if it is the first.
    pub previous: Link,
}

/// How long ago a use may have happened before it is marked, in days (wire 4.6 T-6).
const OLD_DAYS: i64 = 90;

/// Did this operation happen already? Then its entry is the answer, unless the id came with another request.
///
/// # Errors
///
/// [`Denied::IdempotencyKeyReused`] if it did, by another request.
pub fn replay<'a>(found: Option<&'a Entry>, key: &OperationKey) -> Result<Option<&'a Entry>, Denied> {
    match found {
        Some(entry) if !is_same_request(&entry.fingerprint, &key.fingerprint) => Err(Denied::IdempotencyKeyReused),
        found => Ok(found),
    }
}

/// What is odd about the time of a use: it is accepted all the same (wire 4.6 T-6).
fn time_flag(occurred_at: Timestamp, recorded_at: Timestamp) -> Option<&'static str> {
    if occurred_at > recorded_at {
        return Some("future");
    }
    (occurred_at < recorded_at.plus_days(-OLD_DAYS)).then_some("old")
}

impl Entry {
    /// The entry's hash, that the next one keeps: SHA-256 of a JSON array of what never changes. Of the free-form facts it
    /// holds a hash, so that they can be erased.
    pub fn link(&self) -> Link {
        let facts = self.facts_link().map(hex::encode);
        let content = json!([
            self.wallet.text(),
            self.operation.origin.letter(),
            self.operation.id,
            self.sequence,
            self.amount,
            self.balance_before,
            self.balance_after,
            self.limit_after,
            self.action,
            self.source.wire(),
            self.hwid,
            self.occurred_at.ms(),
            self.recorded_at.ms(),
            facts,
            self.uncharged,
            self.original,
            hex::encode(self.previous),
        ]);
        Sha256::digest(canonical::print(&content)).into()
    }

    /// Hash of the free-form facts, there or erased.
    pub fn facts_link(&self) -> Option<Link> {
        let facts = self.meta.clone().map(|meta| Sha256::digest(canonical::print(&Value::Object(meta))).into());
        facts.or(self.erased)
    }

    /// The entry as callers of an account see it.
    pub fn account_data(&self) -> AccountEntry {
        AccountEntry {
            operation_id: self.operation.shown(),
            sequence: self.sequence,
            operation_type: self.action.clone(),
            category: self.source.category().to_owned(),
            amount: self.amount,
            balance_before: self.balance_before,
            balance_after: self.balance_after,
            occurred_at: self.occurred_at.to_string(),
            recorded_at: self.recorded_at.to_string(),
            metadata: self.meta.clone(),
            original_operation_id: self.original.clone(),
            hash: hex::encode(self.link()),
            previous_hash: hex::encode(self.previous),
        }
    }

    /// The entry as callers see it.
    pub fn data(&self) -> Operation {
        Operation {
            operation_id: self.operation.shown(),
            sequence: self.sequence,
            amount: self.amount,
            balance_before: self.balance_before,
            balance_after: self.balance_after,
            action: self.action.clone(),
            source: self.source.wire().to_owned(),
            hwid: self.hwid.clone(),
            usage_sequence: self.usage_sequence,
            timestamp: self.occurred_at.to_string(),
            recorded_at: self.recorded_at.to_string(),
            meta: self.meta.clone(),
            uncharged: self.uncharged,
            presumed: self.is_presumed.then_some(true),
            past_floor: self.past_floor.map(|_| true),
            timestamp_flag: time_flag(self.occurred_at, self.recorded_at).map(str::to_owned),
        }
    }
}
