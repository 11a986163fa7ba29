//! Issuing licenses from a policy.

use ltlm_protocol::read::Reader;
use ltlm_protocol::{Body, Timestamp, limits};
use serde_json::{Map, Value, json};

use crate::domain::license::credit::instant_opt;
use crate::domain::license::state::LicenseState;
use crate::model::email::Email;
use crate::model::ids::LicenseId;
use crate::model::license::{AdminState, Buyer, License, Listing};
use crate::model::policy::{Policy, policy_id_opt};
use crate::model::policy_config;
use crate::model::policy_words::PolicyKind;
use crate::model::purchases::Purchases;
use crate::model::seat::SeatsOpen;
use crate::model::trial::Trial;
use crate::model::wallet::Wallet;
use crate::model::wallet::open::OpenWallet;
use crate::model::write::Write;

/// `POST /v1/admin/projects/{projectId}/licenses`.
#[derive(Clone, Debug, PartialEq)]
pub struct Issue {
    /// The policy's number.
    pub policy: i64,
    /// How many.
    pub count: i64,
    /// The vendor's own key, for one license.
    pub license_key: Option<String>,
    /// The buyer.
    pub buyer: Buyer,
    /// An end other than the policy's.
    pub valid_until: Option<Timestamp>,
    /// Changes against the policy.
    pub overrides: Map<String, Value>,
    /// The vendor's own facts.
    pub metadata: Map<String, Value>,
    /// The caller's operation id.
    pub operation_id: Option<String>,
}

impl Body for Issue {
    fn read(r: &mut Reader<'_>) -> Self {
        let parsed = Self {
            policy: {
                r.require("policyId");
                policy_id_opt(r).unwrap_or(0)
            },
            count: r.int_opt("count", 1, limits::LICENSES_PER_CALL_MAX).unwrap_or(1),
            license_key: own_key(r),
            buyer: r.object("customer", |customer| buyer(customer, None)),
            valid_until: instant_opt(r, "validUntil"),
            overrides: r.document_opt("overrides", limits::DOCUMENT_BYTES_MAX).unwrap_or_default(),
            metadata: policy_config::free_form(r, "metadata", limits::DOCUMENT_BYTES_MAX),
            operation_id: ltlm_protocol::request::operation_id(r),
        };
        r.object("overrides", policy_config::check);
        if parsed.license_key.is_some() && parsed.count > 1 {
            r.problem("count", "must be 1 with a licenseKey of your own");
        }
        parsed
    }

    fn keywords() -> Value {
        json!({
            "properties": {
                "licenseKey": {"pattern": "^[A-Za-z0-9-]+$", "minLength": limits::LICENSE_KEY_CHARS_MIN},
                "customer": {"properties": {"email": email_or_blank()}},
            },
            "not": {"properties": {"licenseKey": {"type": "string"}, "count": {"minimum": 2}}, "required": ["licenseKey", "count"]},
        })
    }
}

impl Issue {
    /// One license of a policy, for one customer.
    pub fn one(policy: i64, buyer: Buyer) -> Self {
        Self {
            policy,
            count: 1,
            license_key: None,
            buyer,
            valid_until: None,
            overrides: Map::new(),
            metadata: Map::new(),
            operation_id: None,
        }
    }
}

/// What remembers that an address had a trial, if the license is one.
pub fn note_trial(policy: &Policy, license: &License, now: Timestamp) -> Option<Write> {
    let email = Email::parse(&license.buyer.email).filter(|_| policy.terms.kind == PolicyKind::Trial)?;
    let (project_id, license) = (license.project_id.clone(), Some(license.id.clone()));
    let trial = Trial { project_id, email, license, converted_at: None, revision: 1, at: now };
    Some(Write::NoteTrial { trial })
}

fn own_key(r: &mut Reader<'_>) -> Option<String> {
    let text = r.text_opt("licenseKey", limits::LICENSE_KEY_CHARS_MAX)?;
    let key =
        ltlm_protocol::request::canonical_license_key(&text).filter(|key| key.len() >= limits::LICENSE_KEY_CHARS_MIN);
    if key.is_none() {
        let (min, max) = (limits::LICENSE_KEY_CHARS_MIN, limits::LICENSE_KEY_CHARS_MAX);
        r.problem("licenseKey", format!("must be {min} to {max} letters, digits and dashes"));
    }
    key
}

/// What a schema says of an address that may be blank.
pub fn email_or_blank() -> Value {
    json!({"anyOf": [{"const": ""}, {"const": null}, {"format": "email"}]})
}

/// Reads a customer. The address that is `kept` may stay, whatever an earlier version accepted as an address.
pub fn buyer(r: &mut Reader<'_>, kept: Option<&str>) -> Buyer {
    let email = r.text_or_empty("email", limits::EMAIL_CHARS_MAX).unwrap_or_default();
    if !email.is_empty()
        && kept != Some(email.as_str())
        && let Err(wrong) = Email::read(&email)
    {
        r.problem("email", wrong.problem());
    }
    Buyer {
        email,
        name: r.name_or_blank("name", limits::NAME_CHARS_MAX),
        metadata: policy_config::free_form(r, "metadata", limits::META_BYTES_MAX),
        last_country: None,
    }
}

/// The record of a new license.
pub fn license(policy: &Policy, command: &Issue, id: LicenseId, number: i64, now: Timestamp) -> License {
    License {
        id,
        number,
        project_id: policy.project_id.clone(),
        policy_number: policy.number,
        state: AdminState::Active,
        state_reason: None,
        valid_until: command.valid_until.or_else(|| policy.terms.valid_until(now)),
        purchases: Purchases::default(),
        overrides: command.overrides.clone(),
        metadata: command.metadata.clone(),
        buyer: command.buyer.clone(),
        device_count: 0,
        is_test: false,
        revision: 0,
        seat_counts: None,
        seats_open: None,
        created_at: now,
    }
}

/// The writes that create the license of a new state, with its places in the vendor's lists and its wallet, which
/// starts with the policy's allocation as the first entry of its ledger. `sealed` is its sealed key.
pub fn writes(empty: &LicenseState, sealed: Vec<u8>, now: Timestamp) -> Vec<Write> {
    let seats_open = empty.terms.seats_max.map(SeatsOpen::new);
    let license = License { seats_open, ..empty.license.clone() };
    let wallet = empty.tokens(now).map_or_else(Vec::new, first_wallet);
    let buyer = Some(&license.buyer.email).filter(|email| !email.is_empty());
    let listed = buyer.map(|_| Write::ListBuyer { license: license.clone() });
    let listing =
        Listing { license: license.id.clone(), project_id: license.project_id.clone(), number: license.number, sealed };
    [Write::AddLicense { license }, Write::AddListing { listing }].into_iter().chain(listed).chain(wallet).collect()
}

fn first_wallet(tokens: OpenWallet) -> Vec<Write> {
    let wallet = Wallet { due_at: tokens.due_at, ..tokens.wallet };
    let entries = tokens.entries.into_iter().map(|entry| Write::AddEntry { entry });
    std::iter::once(Write::AddWallet { wallet }).chain(entries).collect()
}
