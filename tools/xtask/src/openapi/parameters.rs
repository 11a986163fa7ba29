//! Parameters: those of paths and headers by their names, those of queries from the route's row.

use ltlm_protocol::limits;
use ltlm_protocol::pattern::{INSTANT, NAME, NAME_OR_BLANK, VISIBLE};
use serde_json::{Value, json};
use shared::api::parameter::{Kind, LIMIT, Parameter};
use shared::api::query;
use shared::api::routes::{Endpoint, Route};
use shared::model::account::account_name_pattern;

/// Does it answer with a page of a list, as long as the query says?
pub(crate) fn is_paged(route: &Route) -> bool {
    route.query.iter().any(|parameter| parameter.name == LIMIT.name)
}

/// A text of 1 to `max` characters.
fn text(max: usize) -> Value {
    json!({"type": "string", "minLength": 1, "maxLength": max})
}

/// The name of an account, an organization or a user.
fn named(max: usize) -> Value {
    json!({"type": "string", "minLength": 1, "maxLength": max, "pattern": account_name_pattern()})
}

/// What stands in a path for the name between braces.
fn path_schema(name: &str) -> (&'static str, Value) {
    match name {
        "key" | "licenseKey" => ("The license key; letter case does not matter.", text(limits::LICENSE_KEY_CHARS_MAX)),
        "projectId" => ("The project.", text(64)),
        "accountId" => ("The account.", named(limits::ACCOUNT_CHARS_MAX)),
        "organizationId" => ("The organization.", named(limits::ORGANIZATION_CHARS_MAX)),
        "userId" => ("The user.", named(limits::ACCOUNT_CHARS_MAX)),
        "tokenId" => ("The access token, by its tokenId.", json!({"type": "string", "pattern": "^[0-9a-f]{64}$"})),
        "holdId" => (
            "The hold, by the id of its operation.",
            json!({"type": "string", "minLength": 1, "maxLength": limits::OPERATION_ID_CHARS_MAX, "pattern": VISIBLE}),
        ),
        "hwid" => ("The device.", text(limits::HWID_CHARS_MAX)),
        "secretId" => ("The secret, by its name.", text(64)),
        "PolicyID" => ("The policy.", text(64)),
        "keyId" => ("The key, by its name.", text(64)),
        "orderId" => ("The order.", text(64)),
        "webhookId" => ("The webhook.", text(64)),
        "username" => (
            "The developer's e-mail address.",
            json!({"type": "string", "format": "email", "maxLength": limits::EMAIL_CHARS_MAX}),
        ),
        _ => unreachable!("a path's parameter {name} has no description"),
    }
}

/// The names between braces of a path.
fn names_in(path: &'static str) -> impl Iterator<Item = &'static str> {
    path.split('{').skip(1).filter_map(|rest| rest.split_once('}')).map(|(name, _)| name)
}

/// What the value of a query's parameter may be.
fn query_schema(parameter: &Parameter) -> Value {
    match parameter.kind {
        Kind::Text { max } if parameter.is_required => text(max),
        Kind::Text { max } => json!({"type": "string", "maxLength": max}),
        Kind::Name { max } if parameter.is_required => {
            json!({"type": "string", "minLength": 1, "maxLength": max, "pattern": NAME})
        }
        Kind::Name { max } => json!({"type": "string", "maxLength": max, "pattern": format!("^$|{NAME}")}),
        Kind::Prefix { max } => json!({"type": "string", "maxLength": max, "pattern": NAME_OR_BLANK}),
        Kind::AccountName { max } => json!({"type": "string", "maxLength": max, "pattern": account_name_pattern()}),
        Kind::Email => json!({"type": "string", "format": "email", "maxLength": limits::EMAIL_CHARS_MAX}),
        Kind::Whole { min, max, default } => {
            let mut schema = json!({"type": "integer", "minimum": min, "maximum": max});
            if let Some(default) = default {
                schema["default"] = json!(default);
            }
            schema
        }
        Kind::Flag => json!({"type": "boolean"}),
        Kind::Word(words) => json!({ "enum": words() }),
        Kind::Instant => json!({"type": "string", "format": "date-time", "pattern": INSTANT}),
        Kind::Day => json!({"type": "string", "format": "date"}),
        Kind::Any => json!({"type": "string"}),
    }
}

pub(crate) fn parameters(route: &Route) -> Vec<Value> {
    let mut parameters = Vec::new();
    for name in names_in(route.path) {
        let (about, schema) = path_schema(name);
        parameters.push(json!({"name": name, "in": "path", "required": true, "description": about, "schema": schema}));
    }
    if is_backend(route) {
        parameters.push(json!({"name": "x-project-id", "in": "header", "required": false,
            "description": "The project; a key that is limited to one need not name it.",
            "schema": {"type": "string", "maxLength": 64}}));
    }
    for parameter in route.query {
        parameters.push(json!({"name": parameter.name, "in": "query", "required": parameter.is_required,
            "description": parameter.about, "schema": query_schema(parameter)}));
    }
    if query::supports_dry_run(route) {
        parameters.push(json!({"name": "dryRun", "in": "query", "schema": {"type": "boolean", "default": false},
            "description": "Only say whether it would be done: every refusal is the same, and nothing is written."}));
    }
    if let Some(list) = &route.cursor {
        let of = if is_paged(route) { "list" } else { "call" };
        parameters.push(json!({"name": "cursor", "in": "query", "description": format!("A nextCursor of this {of}."),
            "schema": {"type": "string", "pattern": list.pattern()}}));
    }
    parameters.extend(header(route));
    parameters
}

/// The headers that change what a route does.
fn header(route: &Route) -> Vec<Value> {
    let mut headers = Vec::new();
    if route.endpoint == Endpoint::StripeMessage {
        headers.push(json!({"name": "stripe-signature", "in": "header", "required": true,
            "description": "Stripe's signature of the body.",
            "schema": {"type": "string", "minLength": 1, "maxLength": 1_000}}));
    }
    if route.endpoint == Endpoint::SaveSettings {
        headers.push(json!({"name": "If-Match", "in": "header",
            "description": "Save only if the settings still have this ETag.",
            "schema": {"type": "string", "pattern": r#"^(\*|"?(0|[1-9][0-9]{0,17})"?)$"#}}));
    }
    if route.operation_id {
        let what = match route.body {
            // Which no schema can say.
            true => {
                "Names the operation; the same id never acts twice. An operationId in the body is the same thing, and both must agree."
            }
            false => "Names the operation; the same id never acts twice.",
        };
        headers.push(json!({"name": "Idempotency-Key", "in": "header", "description": what,
            "schema": {"type": "string", "minLength": 1, "maxLength": limits::OPERATION_ID_CHARS_MAX, "pattern": VISIBLE}}));
    }
    headers
}

/// Is it a vendor's backend that calls, for a project that it names?
pub(super) fn is_backend(route: &Route) -> bool {
    let prefixes = ["/v1/accounts", "/v1/renewals", "/v1/entries", "/v1/organizations", "/v1/access-tokens"];
    prefixes.iter().any(|prefix| route.path.starts_with(prefix))
}
