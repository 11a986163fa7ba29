//! What the bodies of requests may hold.

use ltlm_protocol::limits;
use serde_json::{Value, json};
use shared::api::cursor;
use shared::api::routes::{Endpoint, ROUTES, Route};
use shared::domain::admin::rewrap::KeyArn;
use shared::model::administrator::Scope;
use shared::model::policy;
use shared::model::policy_words::{Environment, Interval, PolicyKind, PolicyStatus};

use crate::openapi::parameters::{cursor_pattern, token_types};
use crate::openapi::schema::{
    INSTANT, NAME, NAME_OR_BLANK, PROSE, SLUG, VISIBLE, account_name, allow_null, price, within,
};
use crate::openapi::{ledgers, shape, store, transfer};

/// What stands in the place of a description of the PRO endpoints' bodies.
pub(crate) const SEALED: &str = "Request and answer are encrypted with the project's secret, and the answer is signed: see docs/pro-protocol.md. \
What lies inside as `data` is described by `x-ltlm-data`.";

/// Does it take envelopes only?
pub(super) fn is_sealed(route: &Route) -> bool {
    route.name.starts_with("pro-")
}

/// The envelope of a request: AES-256 in CBC, `iv:cipher`, or in GCM, `iv:tag:cipher`.
pub(crate) fn sealed_schema() -> Value {
    let hex = "[0-9A-Fa-f]";
    let pattern = format!("^({hex}{{32}}:({hex}{{32}})+|{hex}{{24}}:{hex}{{32}}:({hex}{{2}})+)$");
    json!({"type": "object", "required": ["blob"], "additionalProperties": false,
        "properties": {"blob": {"type": "string", "pattern": pattern}}})
}

/// What an envelope's `data` holds: the plain endpoint's body, and the license's key.
pub(crate) fn sealed_data(route: &Route) -> Value {
    let twin = match route.endpoint {
        Endpoint::ProValidate | Endpoint::ProActivate | Endpoint::ProStatus => Endpoint::Activate,
        Endpoint::ProHeartbeat => Endpoint::Heartbeat,
        Endpoint::ProConsume => Endpoint::Consume,
        Endpoint::ProConsumeBatch => Endpoint::ConsumeBatch,
        Endpoint::ProReleaseSeat => Endpoint::ReleaseSeat,
        Endpoint::ProSaveSettings => Endpoint::SaveSettings,
        Endpoint::ProEvents => Endpoint::ProEvents,
        Endpoint::ProCheckoutLink => Endpoint::CheckoutLink,
        Endpoint::ProTopupLink => Endpoint::TopupLink,
        Endpoint::ProLoginRequest => Endpoint::LoginRequest,
        Endpoint::ProPortfolio => Endpoint::Portfolio,
        // The device and the license, no more.
        _ => Endpoint::Signout,
    };
    let mut schema = match ROUTES.iter().find(|route| route.endpoint == twin && !is_sealed(route)) {
        Some(plain) => request_schema(plain),
        None => json!({"type": "object", "required": ["type"], "properties": {
            "type": {"type": "string", "minLength": 1, "maxLength": limits::ACTION_CHARS_MAX},
            "payload": {"type": ["object", "null"], "description": format!("At most {} bytes of compact JSON.", limits::EVENT_BYTES_MAX)},
            "operationId": {"type": ["string", "null"], "minLength": 1, "maxLength": limits::OPERATION_ID_CHARS_MAX, "pattern": VISIBLE,
                "description": "Names the event; the same id is kept once."}}}),
    };
    // A call on the project names no license.
    if !route.path.contains("/license/") {
        return schema;
    }
    schema["properties"]["key"] = json!({"type": "string", "maxLength": limits::LICENSE_KEY_CHARS_MAX});
    if let Some(required) = schema["required"].as_array_mut() {
        required.push(json!("key"));
    }
    if route.endpoint == Endpoint::ProConsumeBatch
        && let Some(usages) = schema["properties"]["usages"].as_object_mut()
    {
        usages.remove("maxItems");
    }
    schema
}

pub(crate) fn request_schema(route: &Route) -> Value {
    let text = |max: usize| json!({"type": "string", "minLength": 1, "maxLength": max});
    let name = |max: usize| json!({"type": "string", "minLength": 1, "maxLength": max, "pattern": NAME});
    let hwid = name(limits::HWID_CHARS_MAX);
    let id = json!({"type": ["string", "null"], "minLength": 1, "maxLength": limits::OPERATION_ID_CHARS_MAX, "pattern": VISIBLE,
        "description": "Names the operation; the same id never acts twice. The header Idempotency-Key may carry it instead."});
    // At least one of these, null not counting unless it is `nullable`: taken away, or made nothing.
    let one_of = |names: &[&str], nullable: &[&str]| {
        let needed = |name: &&str| match nullable.contains(name) {
            true => json!({"required": [name]}),
            false => json!({"required": [name], "properties": {*name: {"not": {"type": "null"}}}}),
        };
        names.iter().map(needed).collect::<Vec<_>>()
    };
    let meta = json!({"type": ["object", "null"], "description": format!("At most {} bytes of compact JSON.", limits::META_BYTES_MAX)});
    // What may be absent may be null too (wire 1.3).
    let object = |required: &[&str], mut properties: Value| {
        for (name, schema) in properties.as_object_mut().into_iter().flatten() {
            if !required.contains(&name.as_str()) {
                allow_null(schema);
            }
        }
        json!({"type": "object", "required": required, "properties": properties})
    };
    if let Some(schema) = ledgers::request(route, &id, object) {
        return schema;
    }
    if let Some(schema) = transfer::request(route, &id, object) {
        return schema;
    }
    if let Some(schema) = store::request(route, &id, object, one_of) {
        return schema;
    }
    match route.endpoint {
        Endpoint::Activate => object(
            &["hwid"],
            json!({
                "hwid": hwid, "nickname": {"type": ["string", "null"], "maxLength": limits::NICKNAME_CHARS_MAX, "pattern": NAME_OR_BLANK},
                "version": {"type": ["string", "null"], "maxLength": limits::VERSION_CHARS_MAX},
                "clientVersion": {"type": ["string", "null"], "maxLength": limits::VERSION_CHARS_MAX},
                "meta": meta, "requireSeat": {"type": ["boolean", "null"]},
            }),
        ),
        Endpoint::Heartbeat => object(&["hwid"], json!({"hwid": hwid, "isClosing": {"type": ["boolean", "null"]}})),
        Endpoint::Signout => object(&["hwid"], json!({"hwid": hwid})),
        Endpoint::SaveSettings => {
            let what = format!("At most {} UTF-16 units of compact JSON.", limits::SETTINGS_UNITS_MAX);
            object(&["settings"], json!({"settings": {"type": "object", "description": what}, "hwid": hwid}))
        }
        Endpoint::ReleaseSeat => object(
            &["targetHwid", "callerHwid"],
            json!({"targetHwid": hwid, "callerHwid": hwid, "claimSeat": {"type": ["boolean", "null"]}}),
        ),
        Endpoint::Consume => object(
            &["hwid", "amount", "action"],
            json!({
                "hwid": hwid, "amount": {"type": "integer", "minimum": 1, "maximum": limits::AMOUNT_MAX},
                "action": text(limits::ACTION_CHARS_MAX), "capability": text(limits::NAME_CHARS_MAX), "meta": meta,
                "operationId": id,
            }),
        ),
        Endpoint::ConsumeBatch => object(
            &["hwid", "usages"],
            json!({
                "hwid": hwid, "operationId": id,
                "usages": {"type": "array", "maxItems": limits::BATCH_USAGES_MAX, "items": {"anyOf": [object(&["amount", "action"], json!({
                    "key": {"type": ["string", "null"], "description": "Another license of this device, if the use was not of the path's."},
                    "amount": {"type": "integer", "minimum": 1, "maximum": limits::AMOUNT_MAX}, "action": text(limits::ACTION_CHARS_MAX),
                    "hwid": {"type": ["string", "null"]}, "timestamp": {"type": ["string", "null"]}, "meta": meta, "operationId": id,
                })), {"description": "Anything else is skipped, and told."}]}, "description": "Oldest first."},
            }),
        ),
        Endpoint::AdminCreateProject => object(
            &["name"],
            json!({
                "name": name(limits::NAME_CHARS_MAX), "settings": shape::settings(), "projectSettings": {"type": "object"}, "operationId": id,
            }),
        ),
        Endpoint::AdminChangeProject => {
            let mut schema = object(
                &["name"],
                json!({
                    "name": name(limits::NAME_CHARS_MAX), "settings": shape::settings(), "projectSettings": {"type": "object"}, "operationId": id,
                }),
            );
            schema["required"] = json!([]);
            schema["anyOf"] = json!(one_of(&["name", "settings", "projectSettings"], &["settings", "projectSettings"]));
            schema
        }
        Endpoint::AdminRewrapProject | Endpoint::AdminRewrapDeveloper => object(
            &["previousKeyArn"],
            json!({
                "previousKeyArn": {"type": "string", "maxLength": KeyArn::CHARS_MAX,
                    "pattern": "^arn:[a-z0-9-]+:kms:[a-z0-9-]+:[0-9]{12}:key/[a-z0-9-]+$",
                    "description": "The KMS key that wrapped so far; the stack must allow it as PreviousKeyArn."},
                "operationId": id,
            }),
        ),
        Endpoint::AdminCreatePolicy => {
            let mut schema =
                object(&["name", "type"], policy_members(&id, route.endpoint == Endpoint::AdminCreatePolicy));
            let days = json!({"type": "integer", "minimum": 1, "maximum": limits::DURATION_DAYS_MAX});
            // A license must end, where its type says that it does.
            schema["anyOf"] = json!([
                {"properties": {"type": {"enum": ["perpetual", "usage-based"]}}},
                {"properties": {"type": {"enum": ["subscription"]}, "recurringInterval": {"enum": Interval::WORDS}}, "required": ["recurringInterval"]},
                {"properties": {"config": within("limits", within("time", json!({"type": "object", "required": ["durationDays"], "properties": {"durationDays": days}})))}, "required": ["config"]},
            ]);
            schema
        }
        Endpoint::AdminChangePolicy => {
            let mut schema =
                object(&["name", "type"], policy_members(&id, route.endpoint == Endpoint::AdminCreatePolicy));
            schema["required"] = json!([]);
            let members = policy_members(&id, false);
            let names = members.as_object().into_iter().flatten().map(|(name, _)| name.as_str());
            let names: Vec<_> = names.filter(|name| *name != "operationId").collect();
            schema["anyOf"] = json!(one_of(&names, &names));
            schema
        }
        Endpoint::AdminDescribeDevice => {
            let mut schema = object(
                &[],
                json!({"nickname": {"type": ["string", "null"], "maxLength": limits::NICKNAME_CHARS_MAX, "pattern": NAME_OR_BLANK}, "meta": meta, "operationId": id}),
            );
            schema["anyOf"] = json!(one_of(&["nickname", "meta"], &["nickname", "meta"]));
            schema
        }
        Endpoint::AdminCreateKey => {
            let scopes: Vec<_> = Scope::ALL.iter().map(|(_, text)| *text).collect();
            object(
                &["scopes"],
                json!({
                    "name": {"type": ["string", "null"], "maxLength": limits::NAME_CHARS_MAX, "pattern": NAME_OR_BLANK},
                    "scopes": {"type": "array", "minItems": 1, "maxItems": scopes.len(), "items": {"enum": scopes}},
                    "projectId": text(limits::NAME_CHARS_MAX), "expiresAt": {"type": "string", "format": "date-time", "pattern": INSTANT}, "operationId": id,
                }),
            )
        }
        Endpoint::AdminCreateLicense => {
            let mut schema = object(
                &["policyId"],
                json!({
                    "policyId": {"type": ["string", "integer"], "minLength": 1, "maxLength": limits::NAME_CHARS_MAX}, "count": {"type": "integer", "minimum": 1, "maximum": limits::LICENSES_PER_CALL_MAX},
                    "licenseKey": {"type": "string", "pattern": "^[A-Za-z0-9-]+$", "minLength": limits::LICENSE_KEY_CHARS_MIN, "maxLength": limits::LICENSE_KEY_CHARS_MAX},
                    "customer": customer_schema(),
                    "validUntil": {"type": "string", "format": "date-time", "pattern": INSTANT}, "overrides": shape::config(true), "metadata": {"type": "object"}, "operationId": id,
                }),
            );
            let own = json!({"properties": {"licenseKey": {"type": "string"}, "count": {"minimum": 2}}, "required": ["licenseKey", "count"]});
            schema["not"] = own;
            schema
        }
        Endpoint::AdminChangeLicense => {
            let mut schema = object(
                &["state", "policyId"],
                json!({
                    "state": {"enum": ["active", "suspended", "revoked", "terminated"]}, "reason": {"type": "string", "maxLength": limits::REASON_CHARS_MAX, "pattern": NAME_OR_BLANK},
                    "validUntil": {"type": ["string", "null"], "format": "date-time", "pattern": INSTANT, "description": "null takes the end away."},
                    "extendDays": {"type": "integer", "minimum": 1, "maximum": limits::DURATION_DAYS_MAX, "description": "From the end, or from now if it has ended."},
                    "policyId": {"type": ["string", "integer"], "minLength": 1, "maxLength": limits::NAME_CHARS_MAX}, "overrides": shape::config(false), "metadata": {"type": "object"},
                    "customer": customer_schema(), "operationId": id,
                }),
            );
            let names = ["state", "validUntil", "extendDays", "policyId", "overrides", "metadata", "customer"];
            schema["required"] = json!([]);
            schema["anyOf"] = json!(one_of(&names, &["validUntil", "overrides", "metadata", "customer"]));
            schema["not"] = json!({"required": ["validUntil", "extendDays"], "properties": {"extendDays": {"not": {"type": "null"}}}});
            schema
        }
        Endpoint::HoldTokens => object(
            &["operationType", "amount"],
            json!({
                "operationType": text(limits::ACTION_CHARS_MAX), "amount": {"type": "integer", "minimum": 1, "maximum": limits::AMOUNT_MAX},
                "expiresInSeconds": {"type": "integer", "minimum": 1, "maximum": limits::HOLD_SECONDS_MAX, "default": limits::HOLD_SECONDS_DEFAULT},
                "metadata": meta, "operationId": id,
            }),
        ),
        Endpoint::CommitHold => object(
            &[],
            json!({
                "amount": {"type": "integer", "minimum": 1, "maximum": limits::AMOUNT_MAX, "description": "How many are spent; else all."},
                "metadata": meta, "operationId": id,
            }),
        ),
        Endpoint::VoidHold => object(&[], json!({"metadata": meta, "operationId": id})),
        Endpoint::RenewAccounts => object(
            &[],
            json!({
                "tier": text(limits::NAME_CHARS_MAX),
                "limit": {"type": "integer", "minimum": 1, "maximum": limits::RENEWALS_MAX, "default": limits::RENEWALS_DEFAULT, "description": "Counts accounts that are due."},
                "dryRun": {"type": "boolean"}, "continueOnError": {"type": "boolean"},
                "cursor": {"type": "string", "pattern": cursor_pattern(&cursor::RENEWALS), "description": "The cursor of an earlier answer."},
                "operationId": id,
            }),
        ),
        Endpoint::CreateOrganization => object(
            &["organizationId", "plan"],
            json!({
                "organizationId": {"type": "string", "pattern": account_name(), "minLength": 1, "maxLength": limits::ORGANIZATION_CHARS_MAX},
                "plan": text(limits::NAME_CHARS_MAX), "operationId": id,
            }),
        ),
        Endpoint::OrganizationPlan => {
            object(&["plan"], json!({"plan": text(limits::NAME_CHARS_MAX), "operationId": id}))
        }
        Endpoint::OrganizationTokens => object(
            &["amount"],
            json!({
                "tokenType": token_types(), "amount": {"type": "integer", "minimum": 1, "maximum": limits::AMOUNT_MAX},
                "expiresAt": {"type": "string", "format": "date-time", "pattern": INSTANT}, "metadata": meta, "operationId": id,
            }),
        ),
        Endpoint::CreateAccessToken => {
            let name =
                |max: usize| json!({"type": "string", "pattern": account_name(), "minLength": 1, "maxLength": max});
            let mut schema = object(
                &[],
                json!({
                    "organizationId": name(limits::ORGANIZATION_CHARS_MAX), "userId": name(limits::ACCOUNT_CHARS_MAX),
                    "expiresInSeconds": {"type": "integer", "minimum": 1, "maximum": limits::ACCESS_SECONDS_MAX, "default": limits::ACCESS_SECONDS_DEFAULT},
                    "operationId": id,
                }),
            );
            schema["anyOf"] = json!(one_of(&["organizationId", "userId"], &[]));
            schema
        }
        Endpoint::CheckTokens => object(
            &["organizationId", "featureUsed", "action"],
            json!({
                "organizationId": {"type": "string", "pattern": account_name(), "minLength": 1, "maxLength": limits::ORGANIZATION_CHARS_MAX},
                "featureUsed": text(limits::ACTION_CHARS_MAX), "action": {"enum": ["check", "deduct"]},
                "metadata": meta, "operationId": id,
            }),
        ),
        Endpoint::CreateAccount => object(
            &["accountId"],
            json!({
                "accountId": {"type": "string", "pattern": account_name(), "minLength": 1, "maxLength": limits::ACCOUNT_CHARS_MAX},
                "tier": text(limits::NAME_CHARS_MAX), "tierEndsAt": {"type": "string", "format": "date-time", "pattern": INSTANT},
                "openingBalance": {"type": "integer", "minimum": 0, "maximum": limits::TOKENS_MAX, "description": "In place of the plan's first allocation."},
                "overdraftLimit": {"type": "integer", "minimum": 0, "maximum": limits::TOKENS_MAX}, "operationId": id,
            }),
        ),
        Endpoint::DebitAccount => object(
            &["operationType", "amount"],
            json!({
                "operationType": text(limits::ACTION_CHARS_MAX), "amount": {"type": "integer", "minimum": 1, "maximum": limits::AMOUNT_MAX},
                "allowOverdraft": {"type": "boolean"}, "metadata": meta, "operationId": id,
            }),
        ),
        Endpoint::ChargeAccount => object(
            &["operationType"],
            json!({"operationType": text(limits::ACTION_CHARS_MAX), "metadata": meta, "operationId": id}),
        ),
        Endpoint::CreditAccount => object(
            &["operationType", "amount"],
            json!({
                "operationType": text(limits::ACTION_CHARS_MAX), "amount": {"type": "integer", "minimum": 1, "maximum": limits::AMOUNT_MAX},
                "expiresAt": {"type": "string", "format": "date-time", "pattern": INSTANT}, "priority": {"type": "integer", "minimum": 0, "maximum": limits::PRIORITY_MAX},
                "metadata": meta, "operationId": id,
            }),
        ),
        Endpoint::RefundAccount => {
            let mut schema = object(
                &[],
                json!({
                    "originalOperationId": {"type": "string", "minLength": 1, "maxLength": limits::OPERATION_ID_CHARS_MAX,
                        "description": "The operation that spent; else the newest ones that can be refunded."},
                    "amount": {"type": "integer", "minimum": 1, "maximum": limits::AMOUNT_MAX,
                        "description": "How many; of an operation that is named, else all that can be refunded."},
                    "reason": {"type": "string", "maxLength": limits::REASON_CHARS_MAX, "pattern": NAME_OR_BLANK}, "metadata": meta, "operationId": id,
                }),
            );
            schema["anyOf"] = json!(one_of(&["originalOperationId", "amount"], &[]));
            schema
        }
        Endpoint::AccountPlan => object(
            &["tier"],
            json!({
                "tier": text(limits::NAME_CHARS_MAX), "tierEndsAt": {"type": "string", "format": "date-time", "pattern": INSTANT},
                "overdraftLimit": {"type": "integer", "minimum": 0, "maximum": limits::TOKENS_MAX}, "metadata": meta, "operationId": id,
            }),
        ),
        Endpoint::ResetAccount => object(
            &["balance"],
            json!({
                "balance": {"type": "integer", "minimum": 0, "maximum": limits::TOKENS_MAX}, "operationType": text(limits::ACTION_CHARS_MAX),
                "metadata": meta, "operationId": id,
            }),
        ),
        Endpoint::AdminReinstate => {
            object(&["reason"], json!({"reason": name(limits::REASON_CHARS_MAX), "operationId": id}))
        }
        Endpoint::AdminOfflineFile => object(
            &["hwids"],
            json!({
                "hwids": {"type": "array", "items": hwid, "minItems": 1, "maxItems": limits::FILE_DEVICES_MAX, "uniqueItems": true},
                "validUntil": {"type": "string", "format": "date-time", "pattern": INSTANT, "description": "No later than the license's end."},
                "secretId": {"type": "string", "minLength": 1, "maxLength": limits::NAME_CHARS_MAX, "description": "The secret that it is encrypted with; else the newest."},
                "operationId": id,
            }),
        ),
        Endpoint::AdminTokens => {
            let mut schema = object(
                &["amount", "reason"],
                json!({
                    "amount": {"type": "integer", "minimum": -limits::AMOUNT_MAX, "maximum": limits::AMOUNT_MAX, "not": {"const": 0}},
                    "reason": name(limits::ACTION_CHARS_MAX), "expiresAt": {"type": "string", "format": "date-time", "pattern": INSTANT, "description": "With a credit only."},
                    "operationId": id,
                }),
            );
            let debit = json!({"properties": {"amount": {"maximum": 0}}, "required": ["amount"]});
            schema["not"] =
                json!({"allOf": [debit, {"required": ["expiresAt"], "properties": {"expiresAt": {"type": "string"}}}]});
            schema
        }
        _ => Value::Null,
    }
}

pub(crate) fn customer_schema() -> Value {
    json!({"type": "object", "properties": {
        "email": {"type": ["string", "null"], "maxLength": limits::EMAIL_CHARS_MAX, "anyOf": [{"const": ""}, {"const": null}, {"format": "email"}]}, "name": {"type": ["string", "null"], "maxLength": limits::NAME_CHARS_MAX, "pattern": NAME_OR_BLANK},
        "metadata": {"type": ["object", "null"]}}})
}

pub(crate) fn policy_members(id: &Value, whole: bool) -> Value {
    let count = |max: i64| json!({"type": ["integer", "null"], "minimum": 0, "maximum": max});
    json!({
        "name": {"type": "string", "minLength": 1, "maxLength": limits::NAME_CHARS_MAX, "pattern": NAME}, "slug": {"type": "string", "minLength": 1, "maxLength": limits::NAME_CHARS_MAX, "pattern": SLUG},
        "type": {"enum": PolicyKind::WORDS}, "status": {"enum": PolicyStatus::WORDS}, "environment": {"enum": Environment::WORDS},
        "description": {"type": "string", "maxLength": 10 * limits::NAME_CHARS_MAX, "pattern": PROSE},
        "shortDescription": {"type": "string", "maxLength": limits::NAME_CHARS_MAX, "pattern": NAME_OR_BLANK},
        "price": price(), "currency": {"type": "string", "pattern": "^[A-Za-z]{3}$"},
        "recurringInterval": {"enum": Interval::WORDS}, "recurringIntervalCount": {"type": "integer", "minimum": 1, "maximum": 366},
        "recurringPrice": price(), "isAirGapped": {"type": "boolean"},
        "config": shape::config(whole),
        "topUpOptions": {"type": "array", "maxItems": 50, "items": {"type": "object", "required": ["packId", "name", "price"], "properties": {
            "packId": {"type": "string", "minLength": 1, "maxLength": limits::NAME_CHARS_MAX, "pattern": NAME}, "name": {"type": "string", "minLength": 1, "maxLength": limits::NAME_CHARS_MAX, "pattern": NAME},
            "tokens": count(limits::AMOUNT_MAX), "devices": count(limits::DEVICES_MAX), "seats": count(limits::SEATS_MAX), "days": count(limits::DURATION_DAYS_MAX),
            "capability": {"type": ["string", "null"], "minLength": 1, "maxLength": limits::NAME_CHARS_MAX, "pattern": NAME},
            "price": {"type": "object", "required": ["amount", "currency"], "properties": {
                "amount": price(), "currency": {"type": "string", "pattern": "^[A-Za-z]{3}$"}}},
        }}},
        "renewal": {"type": "object", "properties": {"mode": {"enum": policy::RENEWAL_MODES}, "period": {"enum": Interval::WORDS}, "catchUp": {"type": "boolean"},
            "rolloverMax": {"type": "integer", "minimum": 0, "maximum": limits::TOKENS_MAX, "description": "With the mode rollover."}}},
        "operationId": id,
    })
}
