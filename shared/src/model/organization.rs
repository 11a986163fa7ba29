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
    /// When it was made.
    pub created_at: Timestamp,
    /// The operation that made it.
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

/// An access token's record. The token itself is told once and not kept.
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
    /// It works in [made, end).
    pub expires_at: Timestamp,
    /// When it was revoked.
    pub revoked_at: Option<Timestamp>,
    /// What made it; not known of one that an older version made.
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

/// What made an access token.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Made {
    /// The operation.
    pub by: OperationKey,
    /// The one request, so that one whose reply was lost knows itself.
    pub request: String,
}
