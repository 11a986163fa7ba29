//! Answers, with their examples and headers.

use std::collections::BTreeMap;

use ltlm_protocol::Code;
use ltlm_protocol::account_data::{
    AccountData, AccountEntries, AccountList, AccountMovement, Affordability, BalanceThen, Eligibility, Erased,
    Renewal, Renewals, Statistics, Verification,
};
use ltlm_protocol::admin_data::{
    AdminKeyData, AdminKeyList, AuditLog, DeviceList, LicenseList, PolicyDetails, PolicyList, ProjectData, ProjectList,
    Rewrapped,
};
use ltlm_protocol::license_data::{
    Entitlement, LicenseData, Machine, Operation, ReleaseSeatAnswer, SeatList, SignoutAnswer, Usage, UserSettings,
};
use ltlm_protocol::organization_data::{
    AccessTokenData, AccessTokenRevoked, AccessTokensRevoked, MemberData, OrganizationData, OrganizationList,
    TokenCheck, TokenStats, TokenUse,
};
use schemars::SchemaGenerator;
use serde_json::{Map, Value, json};
use shared::api::query;
use shared::api::routes::{Endpoint, Route};

use crate::openapi::refusals::refusals;
use crate::openapi::request::is_sealed;
use crate::openapi::schema::schema;
use crate::openapi::{errors, ledgers, place, store, transfer};

/// The body of the route's event file.
pub(crate) fn example(route: &Route) -> Value {
    let path = format!("{}/../../events/{}.json", env!("CARGO_MANIFEST_DIR"), route.name);
    let event: Value =
        std::fs::read_to_string(path).ok().and_then(|text| serde_json::from_str(&text).ok()).unwrap_or_default();
    let body = event["body"].as_str().unwrap_or("{}").replace("{{policyId}}", "1");
    serde_json::from_str(&body).unwrap_or_default()
}

/// An answer that the route gave to its event, and its status: `infra/answers.json`, which a test compares with what is given.
pub(crate) fn answer(route: &Route) -> Option<(String, Value)> {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../infra/answers.json");
    let answers: Value = serde_json::from_str(&std::fs::read_to_string(path).ok()?).ok()?;
    let answer = answers.get(route.name)?;
    Some((answer["status"].to_string(), answer["body"].clone()))
}

/// Status and schema of the route's success.
pub(crate) fn success(route: &Route, schemas: &mut SchemaGenerator) -> (&'static str, Value) {
    if let Some(success) = ledgers::success(route, schemas) {
        return success;
    }
    if let Some(success) = transfer::success(route, schemas) {
        return success;
    }
    if let Some(success) = store::success(route, schemas) {
        return success;
    }
    match route.endpoint {
        Endpoint::Health => {
            ("200", json!({"type": "object", "required": ["status"], "properties": {"status": {"type": "string"}}}))
        }
        Endpoint::CreateAccount => ("201", schema::<AccountData>(schemas)),
        Endpoint::Account => ("200", schema::<AccountData>(schemas)),
        Endpoint::DebitAccount
        | Endpoint::ChargeAccount
        | Endpoint::CreditAccount
        | Endpoint::RefundAccount
        | Endpoint::ResetAccount
        | Endpoint::AccountPlan => ("200", schema::<AccountMovement>(schemas)),
        Endpoint::HoldTokens | Endpoint::CommitHold | Endpoint::VoidHold => ("200", schema::<AccountMovement>(schemas)),
        Endpoint::CreateOrganization => ("201", schema::<OrganizationData>(schemas)),
        Endpoint::Organization | Endpoint::OrganizationPlan => ("200", schema::<OrganizationData>(schemas)),
        Endpoint::OrganizationTokens => ("200", schema::<AccountMovement>(schemas)),
        Endpoint::OrganizationUsage => ("200", schema::<AccountEntries>(schemas)),
        Endpoint::AddMember | Endpoint::RemoveMember => ("200", schema::<MemberData>(schemas)),
        Endpoint::CreateAccessToken => ("201", schema::<AccessTokenData>(schemas)),
        Endpoint::RevokeAccessToken => ("200", schema::<AccessTokenRevoked>(schemas)),
        Endpoint::RevokeAccessTokens => ("200", schema::<AccessTokensRevoked>(schemas)),
        Endpoint::TokenStats => ("200", schema::<TokenStats>(schemas)),
        // Which of the two says the action.
        Endpoint::CheckTokens => {
            ("200", json!({"anyOf": [schema::<TokenCheck>(schemas), schema::<TokenUse>(schemas)]}))
        }
        Endpoint::AccountRenewal => ("200", schema::<Eligibility>(schemas)),
        Endpoint::RenewAccount => ("200", schema::<Renewal>(schemas)),
        Endpoint::RenewAccounts => ("200", schema::<Renewals>(schemas)),
        Endpoint::AccountBalance => ("200", schema::<BalanceThen>(schemas)),
        Endpoint::AccountStatistics | Endpoint::OrganizationStatistics | Endpoint::AdminUsageStatistics => {
            ("200", schema::<Statistics>(schemas))
        }
        Endpoint::Accounts => ("200", schema::<AccountList>(schemas)),
        Endpoint::Organizations => ("200", schema::<OrganizationList>(schemas)),
        Endpoint::AccountVerification | Endpoint::OrganizationVerification | Endpoint::AdminUsageVerification => {
            ("200", schema::<Verification>(schemas))
        }
        Endpoint::EraseEntries | Endpoint::EraseUsage => ("200", schema::<Erased>(schemas)),
        Endpoint::AccountAffordability => ("200", schema::<Affordability>(schemas)),
        Endpoint::AccountEntries => ("200", schema::<AccountEntries>(schemas)),
        Endpoint::Signout | Endpoint::ProSignout => ("200", schema::<SignoutAnswer>(schemas)),
        Endpoint::ProEvents => {
            ("200", json!({"type": "object", "required": ["success"], "properties": {"success": {"type": "boolean"}}}))
        }
        Endpoint::Entitlement => ("200", schema::<Entitlement>(schemas)),
        Endpoint::RemoveDevice => ("204", Value::Null),
        Endpoint::ReleaseSeat | Endpoint::ProReleaseSeat => ("200", schema::<ReleaseSeatAnswer>(schemas)),
        Endpoint::Seats | Endpoint::ProSeats | Endpoint::AdminSeats | Endpoint::AdminReleaseSeat => {
            ("200", schema::<SeatList>(schemas))
        }
        Endpoint::Settings | Endpoint::SaveSettings | Endpoint::ProSettings | Endpoint::ProSaveSettings => {
            ("200", schema::<UserSettings>(schemas))
        }
        Endpoint::AdminRemoveDevice | Endpoint::AdminRetireSecret | Endpoint::AdminRevokeKey => ("204", Value::Null),
        Endpoint::Usage | Endpoint::AdminUsage => ("200", schema::<Usage>(schemas)),
        Endpoint::AdminTokens => ("200", schema::<Operation>(schemas)),
        Endpoint::AdminCreateProject | Endpoint::AdminAddSecret => ("201", schema::<ProjectData>(schemas)),
        Endpoint::AdminProject | Endpoint::AdminChangeProject => ("200", schema::<ProjectData>(schemas)),
        Endpoint::AdminProjects => ("200", schema::<ProjectList>(schemas)),
        Endpoint::AdminRewrapProject | Endpoint::AdminRewrapDeveloper => ("200", schema::<Rewrapped>(schemas)),
        Endpoint::AdminCreatePolicy => ("201", schema::<PolicyDetails>(schemas)),
        Endpoint::AdminPolicy | Endpoint::AdminChangePolicy => ("200", schema::<PolicyDetails>(schemas)),
        Endpoint::AdminPolicies => ("200", schema::<PolicyList>(schemas)),
        Endpoint::AdminLicenses => ("200", schema::<LicenseList>(schemas)),
        Endpoint::AdminDevices => ("200", schema::<DeviceList>(schemas)),
        Endpoint::AdminDescribeDevice => ("200", schema::<Machine>(schemas)),
        Endpoint::AdminCreateKey => ("201", schema::<AdminKeyData>(schemas)),
        Endpoint::AdminKeys => ("200", schema::<AdminKeyList>(schemas)),
        Endpoint::AdminAudit => ("200", schema::<AuditLog>(schemas)),
        Endpoint::AdminCreateLicense => {
            let license = schema::<LicenseData>(schemas);
            (
                "201",
                json!({"type": "object", "required": ["licenses"], "properties": {"licenses": {"type": "array", "items": license}}}),
            )
        }
        _ => ("200", schema::<LicenseData>(schemas)),
    }
}

/// The success and every refusal that the route can give.
pub(crate) fn responses(route: &Route, schemas: &mut SchemaGenerator) -> Value {
    let (status, success) = success(route, schemas);
    let mut responses = Map::new();
    let content = |schema: Value| json!({"application/json": {"schema": schema}});
    let mut done = json!({"description": route.summary});
    if is_sealed(route) || matches!(route.endpoint, Endpoint::AdminOfflineFile) {
        done["content"] = json!({"text/plain": {"schema": {"type": "string"}}});
    } else if route.endpoint == Endpoint::StoreReturn {
        done["content"] = json!({"text/html": {"schema": {"type": "string"}}});
    } else if !success.is_null() {
        done["content"] = content(success);
    }
    if matches!(route.endpoint, Endpoint::CreateAccount | Endpoint::CreateOrganization) {
        let mut seen = done.clone();
        seen["description"] = json!("What a dry run would have made.");
        responses.insert("200".to_owned(), seen);
    }
    responses.insert(status.to_owned(), done);
    if matches!(route.endpoint, Endpoint::Health | Endpoint::StoreReturn) {
        tell_headers(route, &mut responses);
        show_answer(route, &mut responses);
        return Value::Object(responses);
    }
    if query::supports_dry_run(route) {
        let tried = json!({"type": "object", "required": ["dryRun"], "properties": {"dryRun": {"const": true}}});
        let seen = responses.entry("200").or_insert_with(|| json!({"description": "A dry run: it would be done."}));
        let body = match seen.pointer("/content/application~1json/schema") {
            Some(done) => json!({"anyOf": [done, tried]}),
            None => tried,
        };
        seen["content"]["application/json"] = json!({ "schema": body });
    }
    let mut refused: BTreeMap<u16, Vec<Code>> = BTreeMap::new();
    for code in refusals(route) {
        let codes = refused.entry(code.row().status).or_default();
        if !codes.contains(&code) {
            codes.push(code);
        }
    }
    for (status, codes) in refused {
        let words: Vec<_> = codes.iter().map(|code| format!("`{}`", code.row().wire)).collect();
        let response = json!({"description": words.join(", "), "content": content(errors::one_of(&codes))});
        responses.insert(status.to_string(), response);
    }
    tell_headers(route, &mut responses);
    show_answer(route, &mut responses);
    Value::Object(responses)
}

/// Shows an answer that was given.
pub(crate) fn show_answer(route: &Route, responses: &mut Map<String, Value>) {
    if let Some((status, body)) = answer(route)
        && let Some(content) = responses.get_mut(&status).and_then(|it| it.pointer_mut("/content/application~1json"))
    {
        content["example"] = body;
    }
}

/// Says which headers each answer carries.
pub(crate) fn tell_headers(route: &Route, responses: &mut Map<String, Value>) {
    for (status, response) in responses {
        response["headers"] = place::headers_of(route, status);
    }
}
