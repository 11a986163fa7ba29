//! Developers who sign in from the editor, and their sign-ins in progress.

use ltlm_protocol::Timestamp;
use ltlm_protocol::portal_data::DeveloperData;

use crate::model::email::Email;
use crate::model::one_time_code::Tries;

/// A developer's record.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Developer {
    /// The e-mail address is the name.
    pub username: Email,
    /// Numeric id on the wire.
    pub number: i64,
    /// The name, for people.
    pub full_name: String,
    /// Hash of the password with its parameters (PHC string).
    pub password: String,
    /// The projects whose secrets it may have; all if there is no list.
    pub projects: Option<Vec<String>>,
    /// Is a second factor asked for?
    pub mfa: bool,
    /// What its codes follow from, wrapped by KMS.
    pub wrapped: Vec<u8>,
    /// Since when it may sign in no more.
    pub disabled_at: Option<Timestamp>,
    /// The instant at which it was created.
    pub created_at: Timestamp,
    /// Counts writes of this record.
    pub revision: i64,
}

/// A sign-in that waits for its second factor.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SignIn {
    /// SHA-256 of the token that names it, in hex.
    pub hash: String,
    /// The developer.
    pub username: Email,
    /// The code follows from this random name.
    pub request: String,
    /// The password that it began with, as a hash of its record; a sign-in ends with its password. None: it was begun by an
    /// earlier release.
    pub password: Option<String>,
    /// How often a code was tried, and whether it ended.
    pub tries: Tries,
    /// When it began.
    pub at: Timestamp,
    /// Counts writes of this record.
    pub revision: i64,
}

impl Developer {
    /// The developer with its codes' key as it is wrapped now.
    pub fn with_key(&self, wrapped: Vec<u8>) -> Self {
        Self { wrapped, revision: self.revision + 1, ..self.clone() }
    }
}

impl Developer {
    /// The developer as the administrator sees it.
    pub fn data(&self) -> DeveloperData {
        DeveloperData {
            username: self.username.as_str().to_owned(),
            full_name: self.full_name.clone(),
            projects: self.projects.clone(),
            mfa: self.mfa,
            disabled: self.disabled_at.is_some(),
            created_at: self.created_at.to_string(),
        }
    }
}
