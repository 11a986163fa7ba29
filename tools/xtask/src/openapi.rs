//! `infra/openapi.json`: OpenAPI 3.1 from the table of routes, the wire types and the codes.

use std::collections::BTreeMap;

use crate::{
    openapi_errors, openapi_ledgers, openapi_place, openapi_shape, openapi_store, openapi_transfer, openapi_words,
};
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
use ltlm_protocol::{Code, ErrorBody, limits};
use schemars::{JsonSchema, SchemaGenerator, generate::SchemaSettings};
use serde_json::{Map, Value, json};
use shared::api::query;
use shared::api::route::{Auth, Route};
use shared::api::routes::{Endpoint, ROUTES};
use shared::domain::administrator::Scope;
use shared::domain::organization::features::TokenType;
use shared::domain::policy;
use shared::domain::rewrap::KeyArn;

/// The document.
pub fn document() -> Value {
    let mut schemas =
        SchemaSettings::draft2020_12().with(|s| s.definitions_path = "/components/schemas".into()).into_generator();
    let mut paths = Map::new();
    for route in ROUTES {
        let operation = operation(route, &mut schemas);
        let path = paths.entry(route.path).or_insert_with(|| json!({}));
        path[route.method.to_lowercase()] = operation;
    }
    // The one error that clients may handle all alike, beside those of each code.
    schema::<ErrorBody>(&mut schemas);
    let mut components = schemas.take_definitions(true);
    openapi_words::narrow(&mut components);
    components.extend(openapi_errors::schemas());
    let mut document = json!({
        "openapi": "3.1.0",
        "info": {
            "title": "LTLM",
            "version": env!("CARGO_PKG_VERSION"),
            "description": "Licenses, seats and tokens. Every path also answers with /api before it.",
        },
        "servers": openapi_place::servers(),
        "tags": openapi_place::tags(),
        "paths": paths,
        "components": {
            "schemas": components,
            "headers": openapi_place::headers(),
            "securitySchemes": {
                "project": {"type": "apiKey", "in": "header", "name": "x-project-secret"},
                "administrator": {"type": "http", "scheme": "bearer", "bearerFormat": "ltlm_admin_…"},
                "member": {"type": "http", "scheme": "bearer", "bearerFormat": "ltlm_access_…"},
            },
        },
    });
    openapi_words::spell_out(&mut document);
    document
}

fn operation(route: &Route, schemas: &mut SchemaGenerator) -> Value {
    let mut operation = json!({
        "operationId": route.name,
        "summary": route.summary,
        "tags": [openapi_place::tag(route)],
        "security": match route.auth {
            Auth::Open => json!([]),
            Auth::Project => json!([{"project": []}]),
            Auth::Administrator(_) => json!([{"administrator": []}]),
            Auth::Member => json!([{"member": []}]),
        },
        "responses": responses(route, schemas),
    });
    let parameters = parameters(route);
    if !parameters.is_empty() {
        operation["parameters"] = json!(parameters);
    }
    if route.body {
        let mut schema = match is_sealed(route) {
            true => sealed_schema(),
            false => request_schema(route),
        };
        let tries = (is_backend(route)
            && !matches!(route.endpoint, Endpoint::CreateAccessToken | Endpoint::EraseProjectEntries))
            || route.endpoint == Endpoint::CheckTokens;
        if route.operation_id && tries {
            schema["properties"]["dryRun"] =
                json!({"type": ["boolean", "null"], "description": "Write nothing, and tell what would be done."});
        }
        // The server refuses what it does not know, but for the old clients.
        if matches!(route.auth, Auth::Administrator(_)) {
            openapi_shape::close(&mut schema);
        }
        operation["requestBody"] = json!({
            "required": true,
            "content": {"application/json": {"schema": schema, "example": example(route)}},
        });
    }
    if route.method == "PATCH" {
        operation["description"] = json!(MERGED);
    }
    if is_sealed(route) {
        operation["description"] = json!(SEALED);
        operation["x-ltlm-data"] = json!({"request": sealed_data(route), "response": success(route, schemas).1});
    }
    operation
}

/// Is it a vendor's backend that calls, for a project that it names?
fn is_backend(route: &Route) -> bool {
    let prefixes = ["/v1/accounts", "/v1/renewals", "/v1/entries", "/v1/organizations", "/v1/access-tokens"];
    prefixes.iter().any(|prefix| route.path.starts_with(prefix))
}

/// What stands in the place of a description of the PRO endpoints' bodies.
const SEALED: &str = "Request and answer are encrypted with the project's secret, and the answer is signed: see docs/pro-protocol.md. \
What lies inside as `data` is described by `x-ltlm-data`.";

/// How a `PATCH` is read.
const MERGED: &str = "Merged as RFC 7386 says: objects member by member, null removes a member, lists are replaced. The free-form maps \
features, projectSettings, metadata and meta are replaced as a whole, and null is a value in them. What must be there cannot be removed.";

/// Does it take envelopes only?
fn is_sealed(route: &Route) -> bool {
    route.name.starts_with("pro-")
}

/// The envelope of a request: AES-256 in CBC, `iv:cipher`, or in GCM, `iv:tag:cipher`.
fn sealed_schema() -> Value {
    let hex = "[0-9A-Fa-f]";
    let pattern = format!("^({hex}{{32}}:({hex}{{32}})+|{hex}{{24}}:{hex}{{32}}:({hex}{{2}})+)$");
    json!({"type": "object", "required": ["blob"], "additionalProperties": false,
        "properties": {"blob": {"type": "string", "pattern": pattern}}})
}

/// What an envelope's `data` holds: the plain endpoint's body, and the license's key.
fn sealed_data(route: &Route) -> Value {
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

/// Does it answer with a page of a list?
fn is_paged(route: &Route) -> bool {
    matches!(
        route.endpoint,
        Endpoint::Usage
            | Endpoint::AdminUsage
            | Endpoint::AccountEntries
            | Endpoint::ProjectEntries
            | Endpoint::DueAccounts
            | Endpoint::OrganizationUsage
            | Endpoint::Accounts
            | Endpoint::Organizations
            | Endpoint::AdminProjects
            | Endpoint::AdminPolicies
            | Endpoint::AdminLicenses
            | Endpoint::AdminDevices
            | Endpoint::AdminKeys
            | Endpoint::AdminOrders
            | Endpoint::AdminDevelopers
            | Endpoint::AdminEvents
            | Endpoint::AdminDeadLetters
            | Endpoint::AdminNotices
            | Endpoint::AdminAudit
    )
}

/// The body of the route's event file.
fn example(route: &Route) -> Value {
    let path = format!("{}/../../events/{}.json", env!("CARGO_MANIFEST_DIR"), route.name);
    let event: Value =
        std::fs::read_to_string(path).ok().and_then(|text| serde_json::from_str(&text).ok()).unwrap_or_default();
    let body = event["body"].as_str().unwrap_or("{}").replace("{{policyId}}", "1");
    serde_json::from_str(&body).unwrap_or_default()
}

/// An answer that the route gave to its event, and its status: `infra/answers.json`, which a test compares with what is given.
fn answer(route: &Route) -> Option<(String, Value)> {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../infra/answers.json");
    let answers: Value = serde_json::from_str(&std::fs::read_to_string(path).ok()?).ok()?;
    let answer = answers.get(route.name)?;
    Some((answer["status"].to_string(), answer["body"].clone()))
}

fn parameters(route: &Route) -> Vec<Value> {
    let text = |name: &str, place: &str, what: &str, max: usize, required: bool| json!({"name": name, "in": place, "required": required, "description": what, "schema": {"type": "string", "minLength": u8::from(required), "maxLength": max}});
    let mut parameters = Vec::new();
    for name in ["key", "licenseKey"] {
        if route.path.contains(&format!("{{{name}}}")) {
            parameters.push(text(
                name,
                "path",
                "The license key; letter case does not matter.",
                limits::LICENSE_KEY_CHARS_MAX,
                true,
            ));
        }
    }
    if route.path.contains("{projectId}") {
        parameters.push(text("projectId", "path", "The project.", 64, true));
    }
    if is_backend(route) {
        parameters.push(text(
            "x-project-id",
            "header",
            "The project; a key that is limited to one need not name it.",
            64,
            false,
        ));
    }
    if route.path.contains("{accountId}") {
        let mut account = text("accountId", "path", "The account.", limits::ACCOUNT_CHARS_MAX, true);
        account["schema"]["pattern"] = json!(account_name());
        parameters.push(account);
    }
    if route.endpoint == Endpoint::AccountAffordability {
        parameters.push(text("operationType", "query", "What it is for.", limits::ACTION_CHARS_MAX, true));
        parameters.push(json!({"name": "amount", "in": "query", "description": "In place of the operation's price.",
            "schema": {"type": "integer", "minimum": 1, "maximum": limits::AMOUNT_MAX}}));
    }
    if route.endpoint == Endpoint::AccountEntries {
        parameters.push(text("type", "query", "Entries for this.", limits::ACTION_CHARS_MAX, false));
    }
    if matches!(route.endpoint, Endpoint::Accounts | Endpoint::Organizations) {
        let mut begins = text("q", "query", "Only names that begin with this.", limits::ACCOUNT_CHARS_MAX, false);
        begins["schema"]["pattern"] = json!(NAME_OR_BLANK);
        parameters.push(begins);
    }
    if matches!(
        route.endpoint,
        Endpoint::AccountEntries
            | Endpoint::AccountStatistics
            | Endpoint::OrganizationStatistics
            | Endpoint::AdminUsageStatistics
    ) {
        for (name, what) in [("from", "Written at this instant or later."), ("to", "Written before this instant.")] {
            parameters.push(json!({"name": name, "in": "query", "description": what,
                "schema": {"type": "string", "format": "date-time", "pattern": INSTANT}}));
        }
    }
    if route.path.contains("{organizationId}") {
        let what = "The organization.";
        let mut organization = text("organizationId", "path", what, limits::ORGANIZATION_CHARS_MAX, true);
        organization["schema"]["pattern"] = json!(account_name());
        parameters.push(organization);
    }
    if route.path.contains("{userId}") {
        let mut user = text("userId", "path", "The user.", limits::ACCOUNT_CHARS_MAX, true);
        user["schema"]["pattern"] = json!(account_name());
        parameters.push(user);
    }
    if route.path.contains("{tokenId}") {
        parameters.push(json!({"name": "tokenId", "in": "path", "required": true, "description": "The access token, by its tokenId.",
            "schema": {"type": "string", "pattern": "^[0-9a-f]{64}$"}}));
    }
    if route.endpoint == Endpoint::AdminRevokeKey {
        parameters.push(
            json!({"name": "cascade", "in": "query", "description": "Revoke all keys that descend from it as well.",
            "schema": {"type": "boolean"}}),
        );
    }
    if route.endpoint == Endpoint::RevokeAccessTokens {
        let names = [
            ("organizationId", "Only those for this organization.", limits::ORGANIZATION_CHARS_MAX),
            ("userId", "Only those for this user. One of the two must be sent.", limits::ACCOUNT_CHARS_MAX),
        ];
        for (name, what, max) in names {
            let mut parameter = text(name, "query", what, max, false);
            parameter["schema"]["pattern"] = json!(account_name());
            parameters.push(parameter);
        }
    }
    if route.endpoint == Endpoint::TokenStats {
        parameters.push(text("organizationId", "query", "The organization.", limits::ORGANIZATION_CHARS_MAX, true));
    }
    if matches!(
        route.endpoint,
        Endpoint::OrganizationUsage
            | Endpoint::EraseUsage
            | Endpoint::OrganizationVerification
            | Endpoint::OrganizationStatistics
    ) {
        parameters.push(json!({"name": "tokenType", "in": "query", "required": true, "description": "The pool.",
            "schema": token_types()}));
    }
    if route.path.contains("{holdId}") {
        let mut hold =
            text("holdId", "path", "The hold, by the id of its operation.", limits::OPERATION_ID_CHARS_MAX, true);
        hold["schema"]["pattern"] = json!(VISIBLE);
        parameters.push(hold);
    }
    let instant = |name: &str, what: &str, required: bool| {
        json!({"name": name, "in": "query", "description": what, "required": required,
            "schema": {"type": "string", "format": "date-time", "pattern": INSTANT}})
    };
    if route.endpoint == Endpoint::AccountBalance {
        parameters.push(instant("at", "The balance after all that was written before this instant; else now.", false));
    }
    if matches!(route.endpoint, Endpoint::EraseEntries | Endpoint::EraseUsage) {
        parameters.push(instant("before", "Entries written before this instant.", true));
    }
    if matches!(route.endpoint, Endpoint::EraseEntries | Endpoint::EraseUsage | Endpoint::RenewAccount) {
        parameters.push(
            json!({"name": "dryRun", "in": "query", "description": "Write nothing, and tell what would be done.",
            "schema": {"type": "boolean"}}),
        );
    }
    if matches!(
        route.endpoint,
        Endpoint::EraseEntries
            | Endpoint::EraseUsage
            | Endpoint::AccountVerification
            | Endpoint::OrganizationVerification
            | Endpoint::AdminUsageVerification
            | Endpoint::AccountStatistics
            | Endpoint::OrganizationStatistics
            | Endpoint::AdminUsageStatistics
            | Endpoint::RevokeAccessTokens
    ) {
        parameters.push(json!({"name": "cursor", "in": "query", "description": "A nextCursor of this call.",
            "schema": {"type": "string", "pattern": cursor_pattern(route)}}));
    }
    if route.path.contains("{hwid}") {
        parameters.push(text("hwid", "path", "The device.", limits::HWID_CHARS_MAX, true));
    }
    if matches!(route.endpoint, Endpoint::Entitlement | Endpoint::RemoveDevice) {
        let hwid = json!({"name": "hwid", "in": "query", "required": true, "description": "The device that asks.",
            "schema": {"type": "string", "minLength": 1, "maxLength": limits::HWID_CHARS_MAX, "pattern": NAME}});
        parameters.push(hwid);
    }
    if route.endpoint == Endpoint::Entitlement {
        parameters.push(text("capability", "query", "A capability that there must be.", limits::NAME_CHARS_MAX, false));
        parameters.push(json!({"name": "tokens", "in": "query", "description": "Tokens that there must be.",
            "schema": {"type": "integer", "minimum": 0, "maximum": limits::AMOUNT_MAX, "default": 0}}));
    }
    if matches!(route.endpoint, Endpoint::License | Endpoint::Seats | Endpoint::Settings | Endpoint::Usage) {
        parameters.push(named(text("hwid", "query", "The device that asks.", limits::HWID_CHARS_MAX, false)));
    }
    for (name, what) in
        [("secretId", "The secret, by its name."), ("PolicyID", "The policy."), ("keyId", "The key, by its name.")]
    {
        if route.path.contains(&format!("{{{name}}}")) {
            parameters.push(text(name, "path", what, 64, true));
        }
    }
    if route.endpoint == Endpoint::AdminLicenses {
        let statuses: Vec<_> = shared::domain::license::Status::ALL.iter().map(|status| status.wire()).collect();
        parameters.push(text(
            "email",
            "query",
            "The customer's e-mail, in any letter case.",
            limits::EMAIL_CHARS_MAX,
            false,
        ));
        parameters.push(text("policyId", "query", "The policy.", limits::NAME_CHARS_MAX, false));
        parameters.push(json!({"name": "status", "in": "query", "schema": {"enum": statuses}}));
        parameters.push(
            json!({"name": "test", "in": "query", "description": "Paid for with the provider's test money, or not.",
            "schema": {"type": "boolean"}}),
        );
    }
    parameters.extend(openapi_store::parameters(route));
    parameters.extend(openapi_transfer::parameters(route));
    parameters.extend(openapi_ledgers::parameters(route));
    if query::supports_dry_run(route) {
        parameters.push(json!({"name": "dryRun", "in": "query", "schema": {"type": "boolean", "default": false},
            "description": "Only say whether it would be done: every refusal is the same, and nothing is written."}));
    }
    if is_paged(route) {
        parameters.push(json!({"name": "limit", "in": "query", "description": "Rows on the page.",
            "schema": {"type": "integer", "minimum": 1, "maximum": limits::PAGE_MAX, "default": limits::PAGE_DEFAULT}}));
        parameters.push(json!({"name": "cursor", "in": "query", "description": "A nextCursor of this list.",
            "schema": {"type": "string", "pattern": cursor_pattern(route)}}));
    }
    if route.endpoint == Endpoint::SaveSettings {
        parameters.push(
            json!({"name": "If-Match", "in": "header", "description": "Save only if the settings still have this ETag.",
            "schema": {"type": "string", "pattern": r#"^(\*|"?(0|[1-9][0-9]{0,17})"?)$"#}}),
        );
    }
    if route.operation_id {
        let what = match route.body {
            // Which no schema can say.
            true => {
                "Names the operation; the same id never acts twice. An operationId in the body is the same thing, and both must agree."
            }
            false => "Names the operation; the same id never acts twice.",
        };
        parameters.push(json!({"name": "Idempotency-Key", "in": "header", "description": what,
            "schema": {"type": "string", "minLength": 1, "maxLength": limits::OPERATION_ID_CHARS_MAX, "pattern": VISIBLE}}));
    }
    parameters
}

/// The kinds of tokens.
fn token_types() -> Value {
    let names: Vec<_> = TokenType::ALL.iter().map(|kind| kind.wire()).collect();
    json!({ "enum": names })
}

/// A name: not blank, without control characters.
pub const NAME: &str = r"^[^\u0000-\u001f\u007f-\u009f]*[^\s\u0000-\u001f\u007f-\u009f][^\u0000-\u001f\u007f-\u009f]*$";
/// A name that may be blank.
pub const NAME_OR_BLANK: &str = r"^[^\u0000-\u001f\u007f-\u009f]*$";

/// An instant of the years that are taken.
pub const INSTANT: &str = r"^(19[7-9][0-9]|[2-9][0-9]{3})-";
/// A name that is no number.
const SLUG: &str = r"^[^\u0000-\u001f\u007f-\u009f]*[^0-9\s\u0000-\u001f\u007f-\u009f][^\u0000-\u001f\u007f-\u009f]*$";
/// A text for people: without control characters but line breaks and tabs.
pub const PROSE: &str = r"^[^\u0000-\u0008\u000b\u000c\u000e-\u001f\u007f-\u009f]*$";

/// The name of an account, an organization or a user: neither one that HTTP clients resolve in a path, nor that of a pool.
fn account_name() -> String {
    let kinds: Vec<_> = TokenType::ALL.iter().map(|kind| kind.wire()).collect();
    format!(r"^(?!\.{{1,2}}$)(?!.*/({})$){}", kinds.join("|"), NAME.trim_start_matches('^'))
}

/// A parameter that is a name; an empty one counts as absent.
fn named(mut parameter: Value) -> Value {
    parameter["schema"]["pattern"] = json!(format!("^$|{NAME}"));
    parameter
}

/// Visible ASCII.
const VISIBLE: &str = "^[!-~]+$";

/// What cursors of the route's list look like: the list's name and a position, in hex.
fn cursor_pattern(route: &Route) -> String {
    let (list, position) = match route.endpoint {
        Endpoint::AdminProjects => ("projects", "([2-7][0-9a-e]){1,64}"),
        Endpoint::AdminPolicies => ("policies", "([2-7][0-9a-e]){1,64}"),
        Endpoint::AdminLicenses => ("licenses", "([2-7][0-9a-e]){1,64}"),
        Endpoint::AdminDevices => ("devices", "([2-7][0-9a-e]){1,64}"),
        Endpoint::AdminKeys => ("keys", "([2-7][0-9a-e]){1,64}"),
        Endpoint::AdminOrders => ("orders", "([2-7][0-9a-e]){1,64}"),
        Endpoint::AdminDevelopers => ("developers", "([2-7][0-9a-e]){1,64}"),
        Endpoint::AdminEvents => ("events", "([2-7][0-9a-e]){1,64}"),
        Endpoint::AdminDeadLetters => ("dead-letters", "([2-7][0-9a-e]){1,64}"),
        Endpoint::AdminNotices => ("notices", "([2-7][0-9a-e]){1,64}"),
        Endpoint::AdminAudit => ("audit", "([2-7][0-9a-e]){1,64}"),
        // A name.
        Endpoint::Accounts => ("accounts", "(3[0-9]|6[1-6]){8}3a([2-7][0-9a-e]){1,128}"),
        Endpoint::Organizations => ("organizations", "(3[0-9]|6[1-6]){8}3a([2-7][0-9a-e]){1,128}"),
        // A sequence number.
        Endpoint::AccountEntries => ("account", "(3[0-9]|6[1-6]){8}3a3[1-9](3[0-9]){0,17}"),
        Endpoint::ProjectEntries => ("entries", openapi_ledgers::ENTRIES_PLACE),
        Endpoint::DueAccounts => ("due", openapi_ledgers::DUE_PLACE),
        Endpoint::OrganizationUsage => ("pool", "(3[0-9]|6[1-6]){8}3a3[1-9](3[0-9]){0,17}"),
        Endpoint::EraseEntries | Endpoint::EraseUsage => ("erase", "(3[0-9]|6[1-6]){8}3a3[1-9](3[0-9]){0,17}"),
        // A sequence number, a balance and a hash.
        Endpoint::AccountStatistics | Endpoint::OrganizationStatistics | Endpoint::AdminUsageStatistics => {
            ("statistics", "(3[0-9]|6[1-6]){8}3a3[1-9](3[0-9]){0,17}")
        }
        Endpoint::AccountVerification | Endpoint::OrganizationVerification | Endpoint::AdminUsageVerification => {
            ("verification", "(3[0-9]|6[1-6]){8}3a3[1-9](3[0-9]){0,17}3a(2d)?3[1-9](3[0-9]){0,17}3a(3[0-9]|6[1-6]){64}")
        }
        Endpoint::RevokeAccessTokens => ("access", "(3[0-9]|6[1-6]){8}3a([2-7][0-9a-e]){1,80}"),
        // A part and a position in it.
        Endpoint::RenewAccounts => ("renewals", "(3[0-9]|6[1-6]){8}3a3[0-7]3a([2-7][0-9a-e]){0,64}"),
        _ => ("ledger", "3[1-9](3[0-9]){0,17}"),
    };
    format!("^{}{position}$", hex::encode(format!("{list}/1:")))
}

fn request_schema(route: &Route) -> Value {
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
    if let Some(schema) = openapi_ledgers::request(route, &id, object) {
        return schema;
    }
    if let Some(schema) = openapi_transfer::request(route, &id, object) {
        return schema;
    }
    if let Some(schema) = openapi_store::request(route, &id, object, one_of) {
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
                "name": name(limits::NAME_CHARS_MAX), "settings": openapi_shape::settings(), "projectSettings": {"type": "object"}, "operationId": id,
            }),
        ),
        Endpoint::AdminChangeProject => {
            let mut schema = object(
                &["name"],
                json!({
                    "name": name(limits::NAME_CHARS_MAX), "settings": openapi_shape::settings(), "projectSettings": {"type": "object"}, "operationId": id,
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
                {"properties": {"type": {"enum": ["subscription"]}, "recurringInterval": {"enum": policy::INTERVALS}}, "required": ["recurringInterval"]},
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
                    "validUntil": {"type": "string", "format": "date-time", "pattern": INSTANT}, "overrides": openapi_shape::config(true), "metadata": {"type": "object"}, "operationId": id,
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
                    "policyId": {"type": ["string", "integer"], "minLength": 1, "maxLength": limits::NAME_CHARS_MAX}, "overrides": openapi_shape::config(false), "metadata": {"type": "object"},
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
                "cursor": {"type": "string", "pattern": cursor_pattern(route), "description": "The cursor of an earlier answer."},
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

/// An object that has the member `name`, which is as `schema` says.
fn within(name: &str, schema: Value) -> Value {
    json!({"type": "object", "required": [name], "properties": {name: schema}})
}

pub(crate) fn allow_null(schema: &mut Value) {
    match schema.get_mut("type") {
        Some(Value::Array(kinds)) if !kinds.contains(&json!("null")) => kinds.push(json!("null")),
        Some(Value::String(kind)) => schema["type"] = json!([kind, "null"]),
        _ => {}
    }
    if let Some(Value::Array(words)) = schema.get_mut("enum") {
        words.push(Value::Null);
    }
}

fn customer_schema() -> Value {
    json!({"type": "object", "properties": {
        "email": {"type": ["string", "null"], "maxLength": limits::EMAIL_CHARS_MAX, "anyOf": [{"const": ""}, {"const": null}, {"format": "email"}]}, "name": {"type": ["string", "null"], "maxLength": limits::NAME_CHARS_MAX, "pattern": NAME_OR_BLANK},
        "metadata": {"type": ["object", "null"]}}})
}

/// An amount of money, in whole cents.
pub(crate) fn price() -> Value {
    json!({"type": "number", "minimum": 0, "maximum": 99_999_999.99, "multipleOf": 0.01})
}

fn policy_members(id: &Value, whole: bool) -> Value {
    let count = |max: i64| json!({"type": ["integer", "null"], "minimum": 0, "maximum": max});
    json!({
        "name": {"type": "string", "minLength": 1, "maxLength": limits::NAME_CHARS_MAX, "pattern": NAME}, "slug": {"type": "string", "minLength": 1, "maxLength": limits::NAME_CHARS_MAX, "pattern": SLUG},
        "type": {"enum": policy::KINDS}, "status": {"enum": policy::STATUSES}, "environment": {"enum": policy::ENVIRONMENTS},
        "description": {"type": "string", "maxLength": 10 * limits::NAME_CHARS_MAX, "pattern": PROSE},
        "shortDescription": {"type": "string", "maxLength": limits::NAME_CHARS_MAX, "pattern": NAME_OR_BLANK},
        "price": price(), "currency": {"type": "string", "pattern": "^[A-Za-z]{3}$"},
        "recurringInterval": {"enum": policy::INTERVALS}, "recurringIntervalCount": {"type": "integer", "minimum": 1, "maximum": 366},
        "recurringPrice": price(), "isAirGapped": {"type": "boolean"},
        "config": openapi_shape::config(whole),
        "topUpOptions": {"type": "array", "maxItems": 50, "items": {"type": "object", "required": ["packId", "name", "price"], "properties": {
            "packId": {"type": "string", "minLength": 1, "maxLength": limits::NAME_CHARS_MAX, "pattern": NAME}, "name": {"type": "string", "minLength": 1, "maxLength": limits::NAME_CHARS_MAX, "pattern": NAME},
            "tokens": count(limits::AMOUNT_MAX), "devices": count(limits::DEVICES_MAX), "seats": count(limits::SEATS_MAX), "days": count(limits::DURATION_DAYS_MAX),
            "capability": {"type": ["string", "null"], "minLength": 1, "maxLength": limits::NAME_CHARS_MAX, "pattern": NAME},
            "price": {"type": "object", "required": ["amount", "currency"], "properties": {
                "amount": price(), "currency": {"type": "string", "pattern": "^[A-Za-z]{3}$"}}},
        }}},
        "renewal": {"type": "object", "properties": {"mode": {"enum": policy::RENEWAL_MODES}, "period": {"enum": policy::INTERVALS}, "catchUp": {"type": "boolean"},
            "rolloverMax": {"type": "integer", "minimum": 0, "maximum": limits::TOKENS_MAX, "description": "With the mode rollover."}}},
        "operationId": id,
    })
}

pub(crate) fn schema<T: JsonSchema>(schemas: &mut SchemaGenerator) -> Value {
    schemas.subschema_for::<T>().to_value()
}

/// Status and schema of the route's success.
fn success(route: &Route, schemas: &mut SchemaGenerator) -> (&'static str, Value) {
    if let Some(success) = openapi_ledgers::success(route, schemas) {
        return success;
    }
    if let Some(success) = openapi_transfer::success(route, schemas) {
        return success;
    }
    if let Some(success) = openapi_store::success(route, schemas) {
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
fn responses(route: &Route, schemas: &mut SchemaGenerator) -> Value {
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
        let told: Vec<_> = codes.iter().map(|code| format!("`{}`", code.row().wire)).collect();
        let response = json!({"description": told.join(", "), "content": content(openapi_errors::one_of(&codes))});
        responses.insert(status.to_string(), response);
    }
    tell_headers(route, &mut responses);
    show_answer(route, &mut responses);
    Value::Object(responses)
}

/// Shows an answer that was given.
fn show_answer(route: &Route, responses: &mut Map<String, Value>) {
    if let Some((status, body)) = answer(route)
        && let Some(content) = responses.get_mut(&status).and_then(|it| it.pointer_mut("/content/application~1json"))
    {
        content["example"] = body;
    }
}

/// Says which headers each answer carries.
fn tell_headers(route: &Route, responses: &mut Map<String, Value>) {
    for (status, response) in responses {
        response["headers"] = openapi_place::headers_of(route, status);
    }
}

/// The codes that a route can refuse with.
fn refusals(route: &Route) -> Vec<Code> {
    let mut codes = vec![Code::BadRequest, Code::EdgeRequired, Code::Internal, Code::Busy];
    match route.auth {
        Auth::Administrator(_) => codes.extend([Code::Unauthorized, Code::Forbidden]),
        Auth::Member => codes.extend([Code::SessionRequired, Code::ProjectNotFound]),
        // Who is not known, or asks for what is not there, is counted.
        Auth::Project => codes.extend([Code::UnauthorizedProject, Code::RateLimited]),
        Auth::Open => {}
    }
    if route.body {
        codes.extend([Code::BodyTooLarge, Code::UnsupportedMediaType]);
    }
    if route.operation_id {
        codes.push(Code::IdempotencyKeyReused);
    }
    if route.path.contains("icense/{key}") || route.path.contains("{licenseKey}") {
        codes.push(Code::LicenseNotFound);
    }
    if is_backend(route) {
        codes.push(Code::ProjectNotFound);
    }
    let is_of_service = matches!(route.auth, Auth::Project | Auth::Member)
        || is_backend(route)
        || route.path.contains("{licenseKey}")
        || matches!(route.endpoint, Endpoint::AdminCreateLicense | Endpoint::StripeMessage);
    if is_of_service {
        codes.push(Code::ProjectSuspended);
    }
    codes.extend(openapi_store::refusals(route));
    codes.extend(openapi_transfer::refusals(route));
    codes.extend(openapi_ledgers::refusals(route));
    let mut online = vec![Code::ProSdkRequired, Code::OfflineActivationRequired];
    if is_sealed(route) {
        codes.extend([Code::BadEnvelope, Code::HwidMismatch, Code::NonceMismatch, Code::LicenseNotFound]);
        online.remove(0);
    }
    if route.auth == Auth::Project {
        codes.extend([Code::DeviceKeyRequired, Code::DeviceSignatureRejected, Code::DeviceNotRegistered]);
    }
    if matches!(route.endpoint, Endpoint::ProConsume | Endpoint::ProConsumeBatch) {
        codes.push(Code::IdempotencyKeyReused);
    }
    match route.endpoint {
        Endpoint::License | Endpoint::Signout | Endpoint::Usage | Endpoint::ProSignout => codes.extend(online),
        Endpoint::Heartbeat | Endpoint::ProHeartbeat => {
            codes.extend(online);
            codes.push(Code::RegionBlocked);
        }
        Endpoint::Activate | Endpoint::ProValidate | Endpoint::ProActivate | Endpoint::ProStatus => {
            codes.extend(online);
            codes.extend([
                Code::RegionBlocked,
                Code::VersionNotSupported,
                Code::LicenseTerminated,
                Code::LicenseRevoked,
                Code::LicenseSuspended,
            ]);
            codes.extend([Code::DeviceLimitReached, Code::SeatLimitReached]);
        }
        Endpoint::Consume | Endpoint::ProConsume => {
            codes.extend(online);
            codes.extend([Code::LicenseTerminated, Code::LicenseRevoked, Code::LicenseSuspended, Code::LicenseExpired]);
            codes.extend([Code::DeviceNotRegistered, Code::CapabilityMissing]);
            codes.extend([Code::TokensDisabled, Code::InsufficientTokens]);
        }
        Endpoint::ConsumeBatch | Endpoint::ProConsumeBatch => {
            codes.extend(online);
            codes.push(Code::DeviceNotRegistered);
        }
        Endpoint::ReleaseSeat | Endpoint::ProReleaseSeat => {
            codes.extend(online);
            codes.extend([Code::LicenseTerminated, Code::LicenseRevoked, Code::LicenseSuspended, Code::LicenseExpired]);
            codes.extend([
                Code::DeviceNotRegistered,
                Code::SeatReleaseNotAllowed,
                Code::SeatReleaseCooldown,
                Code::SeatNotHeld,
            ]);
        }
        Endpoint::RemoveDevice => {
            codes.extend(online);
            codes.extend([Code::DeviceNotRegistered, Code::DeviceReleaseNotAllowed]);
        }
        Endpoint::Settings => codes.extend([Code::ProSdkRequired, Code::DeviceNotRegistered]),
        Endpoint::SaveSettings => {
            codes.extend([Code::ProSdkRequired, Code::DeviceNotRegistered]);
            codes.extend([Code::SettingsChanged, Code::SettingsTooLarge, Code::SettingsRejected]);
        }
        Endpoint::ProSettings => codes.push(Code::DeviceNotRegistered),
        Endpoint::ProSaveSettings => {
            codes.extend([Code::DeviceNotRegistered, Code::SettingsTooLarge, Code::SettingsRejected]);
        }
        Endpoint::AdminReleaseSeat => codes.push(Code::SeatNotHeld),
        Endpoint::AdminProject
        | Endpoint::AdminChangeProject
        | Endpoint::AdminCreatePolicy
        | Endpoint::AdminPolicies
        | Endpoint::AdminLicenses => codes.push(Code::ProjectNotFound),
        Endpoint::AdminCreateKey => codes.extend([Code::ProjectNotFound, Code::NotAhead]),
        Endpoint::AdminAddSecret => codes.extend([Code::ProjectNotFound, Code::SecretLimitReached]),
        Endpoint::AdminRetireSecret => codes.extend([Code::ProjectNotFound, Code::SecretNotFound, Code::LastSecret]),
        Endpoint::AdminRewrapProject => codes.extend([Code::ProjectNotFound, Code::WrappingKeyNotUsable]),
        Endpoint::AdminRewrapDeveloper => codes.extend([Code::DeveloperNotFound, Code::WrappingKeyNotUsable]),
        Endpoint::AdminPolicy => codes.push(Code::PolicyNotFound),
        Endpoint::AdminChangePolicy => codes.extend([Code::PolicyNotFound, Code::PolicyIncomplete]),
        Endpoint::AdminRevokeKey => codes.push(Code::KeyNotFound),
        Endpoint::AdminDescribeDevice | Endpoint::AdminRemoveDevice => codes.push(Code::DeviceNotRegistered),
        Endpoint::AdminCreateLicense => {
            codes.extend([Code::ProjectNotFound, Code::PolicyNotFound, Code::LicenseKeyTaken, Code::NotAhead])
        }
        Endpoint::AdminChangeLicense => codes.extend([Code::PolicyNotFound, Code::StateFinal, Code::NotAhead]),
        Endpoint::AccountPlan => codes.extend([Code::AccountNotFound, Code::UnknownTier, Code::NotAhead]),
        Endpoint::CreateAccount => codes.extend([Code::AccountExists, Code::UnknownTier, Code::NotAhead]),
        Endpoint::DebitAccount => codes.extend([Code::AccountNotFound, Code::AccountInsufficient]),
        Endpoint::ChargeAccount => codes.extend([
            Code::AccountNotFound,
            Code::AccountInsufficient,
            Code::UnknownOperationType,
            Code::OperationHasNoCost,
        ]),
        Endpoint::CreditAccount => codes.extend([Code::AccountNotFound, Code::NotAhead, Code::GrantLimitReached]),
        Endpoint::RefundAccount => {
            codes.extend([Code::AccountNotFound, Code::OperationNotFound, Code::RefundTooLarge, Code::NothingToRefund])
        }
        Endpoint::AccountAffordability => codes.push(Code::UnknownOperationType),
        Endpoint::Account
        | Endpoint::ResetAccount
        | Endpoint::AccountRenewal
        | Endpoint::RenewAccount
        | Endpoint::AccountBalance => codes.push(Code::AccountNotFound),
        Endpoint::Accounts | Endpoint::Organizations => codes.push(Code::CursorElsewhere),
        Endpoint::AccountVerification | Endpoint::OrganizationVerification | Endpoint::EraseEntries => {
            codes.extend([Code::AccountNotFound, Code::CursorElsewhere])
        }
        Endpoint::RenewAccounts => codes.push(Code::CursorElsewhere),
        Endpoint::CreateOrganization => codes.extend([Code::OrganizationExists, Code::UnknownTier]),
        Endpoint::Organization | Endpoint::AddMember | Endpoint::RemoveMember => codes.push(Code::OrganizationNotFound),
        Endpoint::OrganizationPlan => codes.extend([Code::OrganizationNotFound, Code::UnknownTier]),
        Endpoint::OrganizationTokens => {
            codes.extend([Code::OrganizationNotFound, Code::NotAhead, Code::GrantLimitReached])
        }
        Endpoint::OrganizationUsage | Endpoint::EraseUsage => {
            codes.extend([Code::AccountNotFound, Code::CursorElsewhere])
        }
        Endpoint::RevokeAccessToken => codes.push(Code::AccessTokenNotFound),
        Endpoint::RevokeAccessTokens => codes.push(Code::CursorElsewhere),
        Endpoint::TokenStats => codes.extend([Code::OrganizationMissing, Code::OrganizationForbidden]),
        Endpoint::CheckTokens => codes.extend([
            Code::FeatureFieldsMissing,
            Code::FeatureActionUnknown,
            Code::OrganizationForbidden,
            Code::UnknownFeature,
            Code::FeatureNotAvailable,
        ]),
        Endpoint::HoldTokens => {
            codes.extend([Code::AccountNotFound, Code::AccountInsufficient, Code::HoldLimitReached])
        }
        Endpoint::CommitHold => {
            codes.extend([Code::AccountNotFound, Code::HoldNotFound, Code::HoldEnded, Code::HoldTooSmall])
        }
        Endpoint::VoidHold => codes.extend([Code::AccountNotFound, Code::HoldNotFound, Code::HoldEnded]),
        Endpoint::AccountEntries | Endpoint::AccountStatistics | Endpoint::OrganizationStatistics => {
            codes.extend([Code::AccountNotFound, Code::RangeReversed, Code::CursorElsewhere])
        }
        Endpoint::AdminUsageVerification => codes.push(Code::CursorElsewhere),
        Endpoint::AdminUsageStatistics => codes.extend([Code::RangeReversed, Code::CursorElsewhere]),
        Endpoint::AdminOfflineFile => codes.extend([
            Code::LicenseNotAirGapped,
            Code::NotAhead,
            Code::LicenseTerminated,
            Code::LicenseRevoked,
            Code::LicenseSuspended,
            Code::LicenseExpired,
            Code::DeviceLimitReached,
            Code::SecretNotFound,
        ]),
        Endpoint::AdminReinstate => codes.push(Code::StateFinal),
        Endpoint::AdminTokens => codes.extend([Code::TokensDisabled, Code::GrantLimitReached, Code::NotAhead]),
        Endpoint::CreateAccessToken => codes.push(Code::OrganizationNotFound),
        _ => {}
    }
    codes
}
