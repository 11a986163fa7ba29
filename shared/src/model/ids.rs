//! Identifiers: what names a license, an account, an operation, and so on.

use crate::model::token_type::TokenType;

/// The party that chose an operation's id. It is part of the ledger's key, so that no origin can use up the ids of
/// another.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Origin {
    /// An application or a vendor's backend.
    Client,
    /// An administrator.
    Admin,
    /// The service itself, from facts: the grant a license starts with, the end of a grant.
    System,
}

impl Origin {
    /// All origins, each with its letter.
    const ALL: &'static [(Self, &'static str)] = &[(Self::Client, "c"), (Self::Admin, "a"), (Self::System, "s")];

    /// Its letter.
    pub fn letter(self) -> &'static str {
        Self::ALL.iter().find(|(origin, _)| *origin == self).map_or("", |(_, letter)| letter)
    }

    /// The origin with this letter.
    pub fn parse(letter: &str) -> Option<Self> {
        Self::ALL.iter().find(|(_, known)| *known == letter).map(|(origin, _)| *origin)
    }
}

/// The prefix of the ids that the service creates, where callers see them. It contains a space, and no caller's id
/// does.
pub(crate) const SERVICE: &str = "service ";

/// Identifies one operation on one wallet, permanently.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct OperationId {
    /// The origin of the id.
    pub origin: Origin,
    /// The id, 1 to 128 visible ASCII characters.
    pub id: String,
}

impl OperationId {
    /// The id as callers see it.
    pub fn shown(&self) -> String {
        match self.origin {
            Origin::System => format!("{SERVICE}{}", self.id),
            Origin::Client | Origin::Admin => self.id.clone(),
        }
    }
}

/// An operation as it arrives: its id and the fingerprint of its request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OperationKey {
    /// Its id.
    pub id: OperationId,
    /// The request's fingerprint: the same id with a different request is refused, as [`is_same_request`] decides.
    pub fingerprint: String,
}

impl OperationKey {
    /// Is this the operation that was recorded as `done`, sent again?
    pub fn repeats(&self, done: &Self) -> bool {
        self.id == done.id && is_same_request(&done.fingerprint, &self.fingerprint)
    }
}

/// Hex digits of a fingerprint's first part, a hash of the request as it was sent. The second part is a hash of the command
/// that was read from it; operations that were recorded long ago have none.
pub const SENT_CHARS: usize = 64;

/// Is the request with the fingerprint `asked` the one that was recorded with `done`? It is if both were sent in the
/// same form or mean the same.
pub fn is_same_request(done: &str, asked: &str) -> bool {
    let parts = |text: &str| {
        let (sent, meant) = text.split_at_checked(SENT_CHARS).unwrap_or((text, ""));
        (sent.to_owned(), meant.to_owned())
    };
    let ((done_sent, done_meant), (sent, meant)) = (parts(done), parts(asked));
    done_sent == sent || (!meant.is_empty() && done_meant == meant)
}

/// What is kept of a nonce, or of what a charge was for: the first eight bytes of a SHA-256.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ShortHash(pub [u8; 8]);

/// Names a chain.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct ChainId {
    /// The project.
    pub project_id: String,
    /// The device.
    pub hwid: String,
}

/// Names a license without telling its key: SHA-256 of the canonical key, in hex.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct LicenseId(pub String);

/// The scope of a device's batches: its queue belongs to one license on the plain endpoints, and to the whole project
/// in the existing client (wire 4.6, T-3 and T-4).
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum BatchOwner {
    /// By license.
    License(LicenseId),
    /// By chain of nonces.
    Chain(ChainId),
}

/// Names an account.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct AccountId {
    /// The project.
    pub project_id: String,
    /// The vendor's own name for it: [`is_account_name`](crate::model::account::is_account_name).
    pub name: String,
}

impl AccountId {
    /// The organization of which it is a pool, and of which kind; none if it is an account of its own.
    pub fn pool(&self) -> Option<(&str, TokenType)> {
        let (organization, kind) = self.name.rsplit_once('/')?;
        TokenType::parse(kind).map(|kind| (organization, kind))
    }
}

/// Names a wallet by its owner.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum WalletId {
    /// The tokens of a license.
    License(LicenseId),
    /// The tokens of an account.
    Account(AccountId),
}

impl WalletId {
    /// Its name as a text, unlike that of any other.
    pub fn text(&self) -> String {
        match self {
            Self::License(license) => format!("license {}", license.0),
            Self::Account(account) => format!("account {} {}", account.project_id, account.name),
        }
    }
}

/// SHA-256 of an entry.
pub type Link = [u8; 32];

/// Names an organization.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct OrganizationId {
    /// The project.
    pub project_id: String,
    /// The vendor's own name for it: as an account's.
    pub name: String,
}

impl OrganizationId {
    /// The account that is a pool of it. No name that a caller gives ends as these do (`is_account_name`).
    pub fn pool(&self, token_type: TokenType) -> AccountId {
        AccountId { project_id: self.project_id.clone(), name: format!("{}/{}", self.name, token_type.wire()) }
    }
}
