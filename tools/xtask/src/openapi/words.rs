//! What the texts of the answers can be: closed sets of words, and instants. The wire types carry both as texts.

use ltlm_protocol::Code;
use serde_json::{Map, Value, json};
use shared::domain::license::status::Status;
use shared::domain::webhooks::notice::KINDS;
use shared::model::administrator::Scope;
use shared::model::policy_words::{Environment, Interval, PolicyKind, PolicyStatus};
use shared::model::token_type::TokenType;

/// Members that hold an instant, wherever they stand.
const INSTANTS: &[&str] = &[
    "at",
    "createdAt",
    "dueSince",
    "endedAt",
    "expiresAt",
    "gracePeriodEnds",
    "lastCheckIn",
    "lastRenewalAt",
    "lastSeen",
    "leaseUntil",
    "nextBillingDate",
    "nextRenewalAt",
    "nextRenewalDate",
    "occurredAt",
    "paidAt",
    "paidUntil",
    "recordedAt",
    "refreshDate",
    "refundedAt",
    "registeredAt",
    "revokedAt",
    "startedAt",
    "tierEndsAt",
    "timestamp",
    "until",
    "updatedAt",
    "validUntil",
];

/// Members of one schema that hold an instant; others have members of the same name that hold something else.
const INSTANTS_OF: &[(&str, &str)] = &[("ErasureData", "before"), ("Statistics", "from"), ("Statistics", "to")];

const STATES: &[&str] = &["active", "suspended", "revoked", "terminated"];

/// Closed sets of words that no list of the product holds.
const WORDS: &[(&str, &str, &[&str])] = &[
    ("AccountEntry", "category", &["spent", "refunded", "granted", "expired", "adjusted", "held"]),
    ("KickedNotice", "reason", &["seat_released", "admin_released", "device_removed", "device_not_registered"]),
    ("LedgerBreak", "reason", &["missing", "altered", "balance"]),
    ("LicenseData", "seatStatus", &["OCCUPIED", "NO_SEAT", "RELEASED", "KICKED", "N/A"]),
    ("LicenseSummary", "state", STATES),
    ("OrderAct", "act", &["refund", "cancel"]),
    ("OrderData", "status", &["open", "paid", "refused", "refunded", "disputed", "expired"]),
    ("PolicyDetails", "status", PolicyStatus::WORDS),
    ("ProjectEntry", "category", &["spent", "refunded", "granted", "expired", "adjusted", "held"]),
    ("SdkEnforcement", "mode", &["standard", "pro_only"]),
    ("TimeLimit", "mode", &["duration", "unlimited"]),
    ("TrialEligibility", "reason", &["previous_trial", "duplicate_card"]),
    ("UnappliedPayment", "reason", &["ended", "paid_already", "duplicate", "trial_had"]),
    ("UsageResult", "result", &["applied", "duplicate", "skipped"]),
];

/// Says of the schemas' texts what they can be.
pub(crate) fn narrow(schemas: &mut Map<String, Value>) {
    for (name, schema) in schemas.iter_mut() {
        let members = schema.get_mut("properties").and_then(Value::as_object_mut);
        for (member, schema) in members.into_iter().flatten() {
            if INSTANTS.contains(&member.as_str()) || INSTANTS_OF.contains(&(name, member)) {
                schema["format"] = json!("date-time");
            }
        }
    }
    let mut limit = |schema: &str, member: &str, words: &[&str]| {
        let schema = &mut schemas[schema]["properties"][member];
        let schema = if schema["items"].is_object() { &mut schema["items"] } else { schema };
        words_of(schema, words);
    };
    for (schema, member, words) in WORDS {
        limit(schema, member, words);
    }
    let statuses: Vec<_> = Status::ALL.iter().map(|status| status.wire()).collect();
    limit("Entitlement", "status", &statuses);
    limit("LicenseSummary", "status", &statuses);
    // What a device sees of itself stands above the license's status.
    limit("LicenseData", "status", &[statuses.as_slice(), &["VALID_NO_SEAT", "KICKED"]].concat());
    for schema in ["PolicyData", "PolicyDetails", "StorePolicy"] {
        limit(schema, "type", PolicyKind::WORDS);
        limit(schema, "recurringInterval", Interval::WORDS);
        limit(schema, "environment", Environment::WORDS);
    }
    for schema in ["LicenseData", "StoreConfig"] {
        limit(schema, "environment", Environment::WORDS);
    }
    let types: Vec<_> = TokenType::ALL.iter().map(|kind| kind.wire()).collect();
    for schema in ["DueAccount", "PoolStats", "ProjectEntry"] {
        limit(schema, "tokenType", &types);
    }
    let scopes: Vec<_> = Scope::ALL.iter().map(|(_, text)| *text).collect();
    limit("AdminKeyData", "scopes", &scopes);
    let kinds: Vec<_> = KINDS.iter().map(|(kind, _)| *kind).collect();
    limit("WebhookData", "kinds", &kinds);
    let mut codes: Vec<_> = Code::ALL.iter().map(|row| row.wire).collect();
    codes.sort_unstable();
    codes.dedup();
    limit("ErrorBody", "code", &codes);
    limit("ErrorBody", "error", &codes);
    limit("ErrorBody", "status", &["fail", "error"]);
}

/// Limits a text to `words`; what may be null stays so.
fn words_of(schema: &mut Value, words: &[&str]) {
    let mut words: Vec<Value> = words.iter().map(|word| json!(word)).collect();
    if schema["type"].as_array().is_some_and(|kinds| kinds.contains(&json!("null"))) {
        words.push(Value::Null);
    }
    schema["enum"] = json!(words);
}

/// Says what generators of clients do not infer: an object without named members holds any, words are texts, and a choice
/// that an object has to make does not take its members away.
pub(crate) fn spell_out(schema: &mut Value) {
    match schema {
        Value::Object(members) => {
            let is_object = match members.get("type") {
                Some(Value::String(kind)) => kind == "object",
                Some(Value::Array(kinds)) => kinds.contains(&json!("object")),
                _ => false,
            };
            if is_object && !["properties", "additionalProperties"].iter().any(|name| members.contains_key(*name)) {
                members.insert("additionalProperties".to_owned(), json!(true));
            }
            if !members.contains_key("type")
                && let Some(Value::Array(words)) = members.get("enum")
                && words.iter().all(|word| word.is_string() || word.is_null())
            {
                let kind = if words.contains(&Value::Null) { json!(["string", "null"]) } else { json!("string") };
                members.insert("type".to_owned(), kind);
            }
            // Beside members a choice looks to them like a choice of objects without these members.
            if members.contains_key("properties")
                && let Some(choice) = members.shift_remove("anyOf")
            {
                let all = members.entry("allOf").or_insert_with(|| json!([]));
                if let Some(all) = all.as_array_mut() {
                    all.push(json!({ "anyOf": choice }));
                }
            }
            members.values_mut().for_each(spell_out);
        }
        Value::Array(items) => items.iter_mut().for_each(spell_out),
        _ => {}
    }
}
