//! Parts of a wallet: grants of tokens, holds on them, and the pieces that a debit draws.

use ltlm_protocol::Timestamp;

/// Tokens set aside.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Hold {
    /// The operation that set them aside.
    pub id: String,
    /// How many: what the pieces add up to.
    pub amount: i64,
    /// What they are for.
    pub action: String,
    /// They are held in [held, end).
    pub expires_at: Timestamp,
    /// Place of its entry in the ledger; 0 if it was kept without.
    pub sequence: i64,
    /// The grants from which they were taken, in the order of spending.
    pub pieces: Vec<Piece>,
}

/// What more could have stayed at a renewal: a hold that was open over it gives no more than this back to the allocation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Headroom {
    /// Sequence of the last entry before the renewal: holds up to this entry were open during the renewal.
    pub sequence: i64,
    /// So many tokens, less what came back since.
    pub tokens: i64,
}

/// Tokens given once.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Grant {
    /// Its name; with its end unique in the wallet.
    pub id: String,
    /// How much was given. More of the same kind adds up here.
    pub amount: i64,
    /// How much is left, 0 to `amount`.
    pub remaining: i64,
    /// Lower burns first.
    pub priority: i64,
    /// It ends here, if it ends: live in [given, end).
    pub expires_at: Option<Timestamp>,
    /// When it was given.
    pub granted_at: Timestamp,
}

/// Name of the grant that is the policy's allocation.
pub const PLAN: &str = "plan";

/// Name of the grant that is left of a license's earlier allocations.
pub const CARRIED: &str = "carried";

/// Priority of an allocation: it burns before what was bought.
pub const PLAN_PRIORITY: i64 = 10;

/// Name of the grant that an account's allocations add up in.
pub const ALLOCATION: &str = "allocation";

/// Name of the grant that refunds add up in which no grant is known to take back.
pub const REFUND: &str = "refund";

/// Name of the grant that what was bought adds up in.
pub const PURCHASE: &str = "purchase";

/// Priority of credits.
pub const CREDIT_PRIORITY: i64 = 50;

/// What may stay of an allocation when the next one comes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Keep {
    /// At most so many tokens. At 0 the next allocation is another grant: nothing comes back to the old one.
    pub most: i64,
    /// Where several periods are given at once: how many would have stayed at the last of them.
    pub reached: i64,
}

impl Keep {
    /// At most `most` tokens, at one renewal.
    pub fn at_most(most: i64) -> Self {
        Self { most, reached: 0 }
    }
}

impl Grant {
    /// Has it the same name and end? Then the two are one.
    pub(crate) fn is_like(&self, other: &Self) -> bool {
        self.id == other.id && self.expires_at == other.expires_at
    }

    /// Is it the grant that an account's allocations add up in?
    pub(crate) fn is_allocation(&self) -> bool {
        self.id == ALLOCATION && self.expires_at.is_none()
    }

    pub(crate) fn is_live(&self, now: Timestamp) -> bool {
        self.expires_at.is_none_or(|end| now < end)
    }
}

/// Tokens drawn from a grant.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Piece {
    /// The grant's name.
    pub grant: String,
    /// The grant's priority.
    pub priority: i64,
    /// The grant's end.
    pub expires_at: Option<Timestamp>,
    /// When it was given: an allocation that came in its place later is another.
    pub granted_at: Timestamp,
    /// How many tokens.
    pub amount: i64,
}

impl Piece {
    /// So many tokens of a grant.
    pub fn of(grant: &Grant, amount: i64) -> Self {
        Self {
            grant: grant.id.clone(),
            priority: grant.priority,
            expires_at: grant.expires_at,
            granted_at: grant.granted_at,
            amount,
        }
    }

    /// The priority of a grant by its name, for pieces that were kept without it.
    pub fn priority_of(grant: &str) -> i64 {
        match grant {
            ALLOCATION | PLAN | CARRIED => PLAN_PRIORITY,
            _ => grant.split(':').nth(1).and_then(|text| text.parse().ok()).unwrap_or(CREDIT_PRIORITY),
        }
    }

    /// How many tokens they are together.
    pub fn sum(pieces: &[Self]) -> i64 {
        pieces.iter().fold(0, |sum, piece| sum.saturating_add(piece.amount))
    }

    pub(crate) fn is_of_an_allocation(&self) -> bool {
        self.grant == ALLOCATION && self.expires_at.is_none()
    }

    pub(crate) fn is_of(&self, grant: &Grant) -> bool {
        grant.id == self.grant && grant.expires_at == self.expires_at
    }
}
