//! Trials that were given, and the cards that paid for one.

use ltlm_protocol::Timestamp;

use crate::model::email::Email;
use crate::model::ids::LicenseId;

/// What is known of an address and trials in a project.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Trial {
    /// The project.
    pub project_id: String,
    /// The address.
    pub email: Email,
    /// The trial license, if it had one; none if it was refused for its card.
    pub license: Option<LicenseId>,
    /// Something was bought after it.
    pub converted_at: Option<Timestamp>,
    /// Counts writes of this record.
    pub revision: i64,
    /// When it was had, or refused.
    pub at: Timestamp,
}

/// A card with which a trial was had: known by the provider's fingerprint of it only.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Card {
    /// The project.
    pub project_id: String,
    /// The provider's fingerprint.
    pub fingerprint: String,
    /// When.
    pub at: Timestamp,
}

impl Trial {
    /// Why there is no trial for the address any more.
    pub(crate) fn reason(&self) -> &'static str {
        if self.license.is_some() { "previous_trial" } else { "duplicate_card" }
    }
}
