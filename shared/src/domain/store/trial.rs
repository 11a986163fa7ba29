//! Records of trials (wire 4.9, E12): by e-mail address, and by the payment provider's fingerprint of the card.

use ltlm_protocol::store_data::TrialEligibility;

use crate::model::trial::Trial;

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
