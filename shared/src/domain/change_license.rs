//! The vendor's changes of a license: its state (wire 4.1), its end, what differs from its policy, whose it is.

use ltlm_protocol::LicenseData;
use ltlm_protocol::read::{Problems, Reader};
use ltlm_protocol::{Timestamp, limits};
use serde_json::{Map, Value};

use super::ahead::must_lie_ahead;
use super::config;
use super::credit::instant_opt;
use super::denied::Denied;
use super::gate::Call;
use super::issue::{buyer, note_trial};
use super::license::{AdminState, Buyer, License};
use super::policy::policy_id_opt;
use super::state::LicenseState;
use super::view::{Asking, license_data};
use super::write::{Decision, Write};

/// `PATCH /v1/admin/licenses/{licenseKey}`: what is given replaces what was there.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ChangeLicense {
    /// The state it shall have.
    pub state: Option<AdminState>,
    /// Why, for the vendor.
    pub reason: Option<String>,
    /// Its end; `Some(None)` takes the end away.
    pub valid_until: Option<Option<Timestamp>>,
    /// Days from its end, or from now if it has ended, that it shall last.
    pub extend_days: Option<i64>,
    /// What differs from its policy.
    pub overrides: Option<Map<String, Value>>,
    /// Whose it is.
    pub buyer: Option<Buyer>,
    /// The vendor's own facts.
    pub metadata: Option<Map<String, Value>>,
    /// Another policy of the same project, by its number.
    pub policy: Option<i64>,
    /// The caller's operation id.
    pub operation_id: Option<String>,
}

impl ChangeLicense {
    /// Parses the body.
    pub fn parse(body: &Value) -> Result<Self, Problems> {
        const STATES: &[&str] = &["active", "suspended", "revoked", "terminated"];
        let mut r = Reader::new(body)?;
        let parsed = Self {
            state: r.word_opt("state", STATES).and_then(AdminState::parse),
            reason: r.text_or_empty("reason", limits::REASON_CHARS_MAX),
            valid_until: match body.get("validUntil") {
                Some(Value::Null) => Some(None),
                _ => instant_opt(&mut r, "validUntil").map(Some),
            },
            extend_days: r.int_opt("extendDays", 1, limits::DURATION_DAYS_MAX),
            overrides: r.document_opt("overrides", limits::DOCUMENT_BYTES_MAX),
            buyer: r.value("customer").is_some().then(|| r.object("customer", buyer)),
            metadata: r
                .value("metadata")
                .is_some()
                .then(|| config::free_form(&mut r, "metadata", limits::DOCUMENT_BYTES_MAX)),
            policy: policy_id_opt(&mut r),
            operation_id: ltlm_protocol::request::operation_id(&mut r),
        };
        r.object("overrides", config::check);
        if parsed.valid_until.is_some() && parsed.extend_days.is_some() {
            r.problem("extendDays", "does not go together with validUntil");
        }
        let asked = Self { reason: None, operation_id: None, ..parsed.clone() };
        if asked == Self::default() {
            r.problem("", "must name something to change");
        }
        r.finish().map(|()| parsed)
    }

    fn apply(&self, license: &License, now: Timestamp) -> License {
        let extended = |end: Timestamp, days: i64| end.max(now).plus_days(days);
        let valid_until = match (self.valid_until, self.extend_days, license.valid_until) {
            (Some(end), ..) => end,
            (None, Some(days), Some(end)) => Some(extended(end, days)),
            (None, _, end) => end,
        };
        let mut buyer = self.buyer.clone().unwrap_or_else(|| license.buyer.clone());
        buyer.last_country = license.buyer.last_country.clone();
        License {
            state: self.state.unwrap_or(license.state),
            state_reason: match self.state {
                Some(_) => self.reason.clone(),
                None => license.state_reason.clone(),
            },
            valid_until,
            overrides: self.overrides.clone().unwrap_or_else(|| license.overrides.clone()),
            metadata: self.metadata.clone().unwrap_or_else(|| license.metadata.clone()),
            buyer,
            policy_number: self.policy.unwrap_or(license.policy_number),
            ..license.clone()
        }
    }
}

/// Decides a change. Asking for what is there already is a success without effect. `state.next_policy` is the policy that
/// the command names, if it names one.
pub fn decide(state: &LicenseState, call: &Call, command: &ChangeLicense) -> Result<Decision<LicenseData>, Denied> {
    let policy = match command.policy {
        None => &state.policy,
        Some(number) => state
            .next_policy
            .as_ref()
            .filter(|policy| policy.number == number && policy.project_id == state.project.id)
            .ok_or(Denied::PolicyNotFound)?,
    };
    if state.license.state.is_final() && command.state.is_some_and(|wanted| wanted != state.license.state) {
        return Err(Denied::StateFinal);
    }
    let changed = command.apply(&state.license, call.now);
    if is_same(&changed, &state.license) {
        return Ok(Decision::read(license_data(call, state, state, Asking::Looking)));
    }
    if changed.valid_until != state.license.valid_until {
        must_lie_ahead("validUntil", command.valid_until.flatten(), call.now)?;
    }
    let license = License { revision: changed.revision + 1, ..changed };

    let after = state.revised(policy, license);
    let mut writes = vec![Write::ReviseLicense { license: after.license.clone() }];
    if after.license.buyer.email != state.license.buyer.email {
        writes.push(Write::ListBuyer { license: after.license.clone() });
        writes.extend(note_trial(&after.policy, &after.license, call.now));
    }
    writes.extend(after.following(call.now));
    let reply = license_data(call, state, &after.after(&writes), Asking::Looking);
    Ok(Decision::write(writes, reply))
}

/// A new reason alone is no change.
fn is_same(changed: &License, found: &License) -> bool {
    License { state_reason: found.state_reason.clone(), ..changed.clone() } == *found
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::gate::Caller;
    use crate::domain::state::tests::{NOW, fresh};
    use serde_json::json;

    fn call() -> Call {
        Call { key: "LIC-0BEC53C679BF012F".into(), caller: Caller::default(), now: NOW }
    }

    fn change(state: &LicenseState, body: Value) -> Result<Decision<LicenseData>, Denied> {
        decide(state, &call(), &ChangeLicense::parse(&body).unwrap())
    }

    #[test]
    fn every_pair_of_states() {
        for (from, _) in AdminState::ALL {
            for (to, wire) in AdminState::ALL {
                let mut state = fresh();
                state.license.state = *from;
                let decided = change(&state, json!({"state": wire}));
                match (from.is_final(), from == to) {
                    (_, true) => assert!(decided.unwrap().writes.is_empty()),
                    (true, false) => assert_eq!(decided.unwrap_err(), Denied::StateFinal),
                    (false, false) => assert_eq!(decided.unwrap().reply.status, *wire),
                }
            }
        }
    }

    #[test]
    fn an_extension_counts_from_the_end_or_from_now() {
        let mut state = fresh();
        let ends = |state: &LicenseState, body: Value| change(state, body).unwrap().reply.valid_until;
        let day = |days: i64| Some(NOW.plus_days(days).to_string());
        assert_eq!(ends(&state, json!({"extendDays": 10})), day(40));
        state.license.valid_until = Some(NOW.plus_days(-100));
        assert_eq!(ends(&state, json!({"extendDays": 10})), day(10));
        assert_eq!(ends(&state, json!({"validUntil": null})), None);
        state.license.valid_until = None;
        assert_eq!(ends(&state, json!({"extendDays": 10})), None, "what has no end gets none");
    }

    #[test]
    fn the_plans_grant_follows_the_overrides_in_the_same_transaction() {
        let decision = change(&fresh(), json!({"overrides": {"limits": {"tokens": {"maxTokens": 130}}}})).unwrap();
        assert_eq!((decision.reply.tokens_limit, decision.reply.tokens_remaining), (Some(130), Some(130)));
        let [Write::ReviseLicense { license }, Write::MoveWallet { .. }, Write::AddEntry { entry }] =
            &decision.writes[..]
        else {
            panic!("{decision:?}")
        };
        assert_eq!((license.revision, entry.amount, entry.sequence), (1, 30, 2));
    }

    #[test]
    fn another_policy_must_be_of_the_same_project() {
        let mut state = fresh();
        assert_eq!(change(&state, json!({"policyId": 2})).unwrap_err(), Denied::PolicyNotFound);
        let mut next = state.policy.clone();
        next.number = 2;
        next.terms.name = "next".into();
        state.next_policy = Some(next.clone());
        let reply = change(&state, json!({"policyId": "2"})).unwrap().reply;
        assert_eq!((reply.policy.policy_id, reply.policy.name.as_str()), (2, "next"));
        state.next_policy = Some(crate::domain::policy::Policy { project_id: "prj_other".into(), ..next });
        assert_eq!(change(&state, json!({"policyId": 2})).unwrap_err(), Denied::PolicyNotFound);
    }

    #[test]
    fn a_change_must_name_something() {
        for bad in [
            json!({}),
            json!({"reason": "because"}),
            json!({"validUntil": "soon"}),
            json!({"validUntil": "2027-01-01T00:00:00Z", "extendDays": 1}),
            json!({"extendDays": 0}),
            json!({"customer": "ada"}),
            json!({"overrides": {"limits": {"seats": {"maxSeats": -1}}}}),
            json!({"state": "asleep"}),
        ] {
            assert!(ChangeLicense::parse(&bad).is_err(), "{bad}");
        }
    }
}
