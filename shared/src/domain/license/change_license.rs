//! The vendor's changes of a license: its state (wire 4.1), its end, what differs from its policy, whose it is.

use ltlm_protocol::body::{Unknown, one_of};
use ltlm_protocol::read::Reader;
use ltlm_protocol::{Body, LicenseData, Timestamp, limits, merge};
use serde_json::{Map, Value, json};

use crate::domain::ahead::must_lie_ahead;
use crate::domain::decision::Decision;
use crate::domain::license::credit::instant_opt;
use crate::domain::license::gate::Call;
use crate::domain::license::issue::{buyer, email_or_blank, note_trial};
use crate::domain::license::license_data::vendor_data;
use crate::domain::license::state::LicenseState;
use crate::domain::license::terms;
use crate::model::denied::Denied;
use crate::model::license::{AdminState, Buyer, License};
use crate::model::policy::{Policy, policy_id_opt};
use crate::model::policy_config;
use crate::model::write::Write;

/// `PATCH /v1/admin/licenses/{licenseKey}`: merged into what is there.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ChangeLicense {
    /// The state it shall have.
    pub state: Option<AdminState>,
    /// Why, for the vendor.
    pub reason: Option<String>,
    /// Its end; `Some(None)` removes the end.
    pub valid_until: Option<Option<Timestamp>>,
    /// Days from its end, or from now if it has ended, that it shall last.
    pub extend_days: Option<i64>,
    /// What of `overrides`, `customer` and `metadata` is given.
    pub patch: Map<String, Value>,
    /// Another policy of the same project, by its number.
    pub policy: Option<i64>,
    /// The caller's operation id.
    pub operation_id: Option<String>,
}

/// The states that a vendor gives a license.
const STATES: &[&str] = &["active", "suspended", "revoked", "terminated"];

impl Body for ChangeLicense {
    const UNKNOWN: Unknown = Unknown::RefusedInPatch;

    fn read(r: &mut Reader<'_>) -> Self {
        // What every license has cannot be removed.
        for name in ["state", "policyId"] {
            if r.is_null(name) {
                r.problem(name, "must not be null");
            }
        }
        let end = instant_opt(r, "validUntil");
        let parsed = Self {
            state: r.word_opt("state", STATES).and_then(AdminState::parse),
            reason: r.name_or_blank("reason", limits::REASON_CHARS_MAX),
            valid_until: if r.is_null("validUntil") { Some(None) } else { end.map(Some) },
            extend_days: r.int_opt("extendDays", 1, limits::DURATION_DAYS_MAX),
            patch: r.taken(&["overrides", "customer", "metadata"]),
            policy: policy_id_opt(r),
            operation_id: ltlm_protocol::request::operation_id(r),
        };
        read_documents(r, None);
        if parsed.valid_until.is_some() && parsed.extend_days.is_some() {
            r.problem("extendDays", "does not go together with validUntil");
        }
        let asked = Self { reason: None, operation_id: None, ..parsed.clone() };
        if asked == Self::default() {
            r.problem("", "must name something to change");
        }
        parsed
    }

    fn keywords() -> Value {
        let names = ["state", "validUntil", "extendDays", "policyId", "overrides", "metadata", "customer"];
        json!({
            "properties": {
                // What every license has cannot be removed.
                "state": {"type": "string", "enum": STATES},
                "policyId": {"type": ["string", "integer"]},
                "validUntil": {"description": "null takes the end away."},
                "extendDays": {"description": "From the end, or from now if it has ended."},
                "customer": {"properties": {"email": email_or_blank()}},
            },
            "anyOf": one_of(&names, &["validUntil", "overrides", "metadata", "customer"]),
            "not": {"required": ["validUntil", "extendDays"], "properties": {"extendDays": {"not": {"type": "null"}}}},
        })
    }
}

impl ChangeLicense {
    /// The license after the change, under the policy that it then has. The result is checked, and all its mistakes are
    /// reported.
    fn apply(&self, license: &License, policy: &Policy, now: Timestamp) -> Result<License, Denied> {
        let extended = |end: Timestamp, days: i64| end.max(now).plus_days(days);
        let valid_until = match (self.valid_until, self.extend_days, license.valid_until) {
            (Some(end), ..) => end,
            (None, Some(days), Some(end)) => Some(extended(end, days)),
            (None, _, end) => end,
        };
        let found = json!({"overrides": license.overrides, "metadata": license.metadata,
            "customer": {"email": license.buyer.email, "name": license.buyer.name, "metadata": license.buyer.metadata}});
        let found = found.as_object().cloned().unwrap_or_default();
        let mut whole = found.clone();
        merge::merge(&mut whole, &self.patch, merge::LICENSE_FREE_FORM);
        let whole = Value::Object(whole);
        let mut r = Reader::patched(&whole, &self.patch, &found).map_err(Denied::Invalid)?;
        let Documents { overrides, metadata, buyer } = read_documents(&mut r, Some(&license.buyer.email));
        let merged = json!({"overrides": terms::over(&policy.terms.config, &overrides)});
        let mut merged = Reader::new(&merged).map_err(Denied::Invalid)?;
        // An override may rely on what the policy says.
        merged.object("overrides", policy_config::check_whole);
        r.finish().and_then(|()| merged.finish()).map_err(Denied::Invalid)?;
        Ok(License {
            state: self.state.unwrap_or(license.state),
            state_reason: match self.state {
                Some(_) => self.reason.clone(),
                None => license.state_reason.clone(),
            },
            valid_until,
            overrides,
            metadata,
            buyer: Buyer { last_country: license.buyer.last_country.clone(), ..buyer },
            policy_number: self.policy.unwrap_or(license.policy_number),
            ..license.clone()
        })
    }
}

/// The documents that a license carries.
struct Documents {
    overrides: Map<String, Value>,
    metadata: Map<String, Value>,
    buyer: Buyer,
}

/// Reads `overrides`, `metadata` and `customer`, whose address is now `email`, noting every mistake.
fn read_documents(r: &mut Reader<'_>, email: Option<&str>) -> Documents {
    let overrides = r.document_opt("overrides", limits::DOCUMENT_BYTES_MAX).unwrap_or_default();
    r.object("overrides", policy_config::check_members);
    let metadata = policy_config::free_form(r, "metadata", limits::DOCUMENT_BYTES_MAX);
    Documents { overrides, metadata, buyer: r.object("customer", |customer| buyer(customer, email)) }
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
    let changed = command.apply(&state.license, policy, call.now)?;
    if is_same(&changed, &state.license) {
        return Ok(Decision::read(vendor_data(call, state, state)));
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
    let reply = vendor_data(call, state, &after.after(&writes));
    Ok(Decision::write(writes, reply))
}

/// A new reason alone is no change.
fn is_same(changed: &License, found: &License) -> bool {
    License { state_reason: found.state_reason.clone(), ..changed.clone() } == *found
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::license::gate::Caller;
    use crate::domain::license::state::tests::{NOW, fresh};
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
        state.next_policy = Some(crate::model::policy::Policy { project_id: "prj_other".into(), ..next });
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
