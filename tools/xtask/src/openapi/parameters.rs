//! Query parameters, and which lists are paged.

use ltlm_protocol::limits;
use serde_json::{Value, json};
use shared::api::query;
use shared::api::routes::{Endpoint, Route};
use shared::model::token_type::TokenType;

use crate::openapi::schema::{INSTANT, NAME, NAME_OR_BLANK, VISIBLE, account_name, named};
use crate::openapi::{ledgers, store, transfer};

/// Does it answer with a page of a list?
pub(crate) fn is_paged(route: &Route) -> bool {
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

pub(crate) fn parameters(route: &Route) -> Vec<Value> {
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
        let statuses: Vec<_> =
            shared::domain::license::status::Status::ALL.iter().map(|status| status.wire()).collect();
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
    parameters.extend(store::parameters(route));
    parameters.extend(transfer::parameters(route));
    parameters.extend(ledgers::parameters(route));
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
pub(crate) fn token_types() -> Value {
    let names: Vec<_> = TokenType::ALL.iter().map(|kind| kind.wire()).collect();
    json!({ "enum": names })
}

/// What cursors of the route's list look like: the list's name and a position, in hex.
pub(crate) fn cursor_pattern(route: &Route) -> String {
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
        Endpoint::ProjectEntries => ("entries", ledgers::ENTRIES_PLACE),
        Endpoint::DueAccounts => ("due", ledgers::DUE_PLACE),
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

/// Is it a vendor's backend that calls, for a project that it names?
pub(super) fn is_backend(route: &Route) -> bool {
    let prefixes = ["/v1/accounts", "/v1/renewals", "/v1/entries", "/v1/organizations", "/v1/access-tokens"];
    prefixes.iter().any(|prefix| route.path.starts_with(prefix))
}
