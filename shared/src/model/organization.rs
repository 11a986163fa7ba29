//! Organizations, their members and their access tokens.

use ltlm_protocol::Timestamp;

use crate::model::ids::{OperationKey, OrganizationId};

/// An organization's record.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Organization {
    /// Its name.
    pub id: OrganizationId,
    /// The plan it is on, by name.
    pub plan: String,
    /// The instant at which it was created.
    pub created_at: Timestamp,
    /// The operation that created it.
    pub created_by: OperationKey,
    /// The operation that changed its plan last. Each one's first answer is kept; of those of older versions only this is known.
    pub changed_by: Option<OperationKey>,
    /// Counts changes of this record.
    pub revision: i64,
}

/// A member's record.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Member {
    /// The organization.
    pub organization: OrganizationId,
    /// The user.
    pub user: String,
    /// When the user left, if so.
    pub removed_at: Option<Timestamp>,
    /// Counts changes of this record.
    pub revision: i64,
}

/// An access token's record. The token itself is returned once and not stored.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AccessToken {
    /// SHA-256 of the token, in hex.
    pub hash: String,
    /// The project.
    pub project_id: String,
    /// The one organization it is for.
    pub organization: Option<String>,
    /// The user it is for.
    pub user: Option<String>,
    /// It is valid in [made, end).
    pub expires_at: Timestamp,
    /// When it was revoked.
    pub revoked_at: Option<Timestamp>,
    /// The operation that created it; unknown for a token of an older version.
    pub made: Option<Made>,
}

/// Whose access tokens are meant.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Holder {
    /// All that are for this user.
    User(String),
    /// All that are for this organization and no other, for its users too.
    Organization(String),
}

/// The operation that created an access token.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Made {
    /// The operation.
    pub by: OperationKey,
    /// The one request, so that one whose reply was lost knows itself.
    pub request: String,
}
