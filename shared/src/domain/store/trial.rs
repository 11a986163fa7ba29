//! Who had a trial (wire 4.9, E12): by e-mail address, and by what the payment provider says of the card.

use ltlm_protocol::Timestamp;
use ltlm_protocol::store_data::TrialEligibility;

use super::email::Email;
use crate::domain::license::LicenseId;

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
    fn reason(&self) -> &'static str {
        if self.license.is_some() { "previous_trial" } else { "duplicate_card" }
    }
}

/// May an address have a trial, of which this is known?
pub fn eligibility(known: Option<&Trial>) -> TrialEligibility {
    match known {
        None => TrialEligibility { eligible: true, reason: None, message: "A trial is available.".to_owned() },
        Some(trial) => TrialEligibility {
            eligible: false,
            reason: Some(trial.reason().to_owned()),
            message: match trial.license {
                Some(_) => "This e-mail address had a trial already.",
                None => "A trial was had with this payment card already.",
            }
            .to_owned(),
        },
    }
}
