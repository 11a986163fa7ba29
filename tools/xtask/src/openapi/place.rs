//! Where an operation stands in the document: its tag, its headers, and the servers that answer.

use serde_json::{Map, Value, json};
use shared::api::function::Auth;
use shared::api::routes::{Endpoint, Route};

/// The subjects, in the order in which a reader meets them, each with what it is about.
const TAGS: &[(&str, &str)] = &[
    ("licenses", "What an application asks about its license: devices, seats, tokens, settings."),
    ("pro", "The same in encrypted and signed envelopes."),
    ("store", "What customers buy, and what a payment provider tells."),
    ("portal", "What customers recover by themselves."),
    ("accounts", "Token accounts of users, their ledgers and renewals."),
    ("organizations", "Organizations with pools of tokens, their members and access tokens."),
    ("tokens", "The pools as a web application sees them, with an access token."),
    ("projects", "A vendor's projects and their secrets."),
    ("policies", "What licenses are issued by."),
    ("license administration", "Licenses as their vendor sees them."),
    ("orders", "What was bought."),
    ("developers", "Who signs in from an editor."),
    ("events", "What applications report."),
    ("webhooks", "What the vendor is told, and where."),
    ("keys", "Administrator keys, and what was done with them."),
    ("service", "Is it there?"),
];

/// The tags of the document.
pub(crate) fn tags() -> Value {
    let tag = |(name, what): &(&str, &str)| json!({"name": name, "description": what});
    json!(TAGS.iter().map(tag).collect::<Vec<_>>())
}

/// The subject of a route, one of [`TAGS`].
pub(crate) fn tag(route: &Route) -> &'static str {
    let path = route.path;
    let is_about = |word: &str| path.contains(word);
    match route.auth {
        _ if is_about("/health") => "service",
        _ if is_about("dev-login") || is_about("/developers") => "developers",
        _ if is_about("/auth/customer-") => "portal",
        _ if is_about("policies") && is_about("/sdk/") => "store",
        _ if is_about("-link") || is_about("trial-") || is_about("/store/") || is_about("/payments/") => "store",
        _ if is_about("/license/events") => "events",
        _ if is_about("/sdk/pro/") => "pro",
        _ if is_about("/sdk/") => "licenses",
        Auth::Member => "tokens",
        _ if ["/v1/accounts", "/v1/renewals", "/v1/entries"].iter().any(|path| is_about(path)) => "accounts",
        _ if is_about("/v1/organizations") || is_about("/v1/access-tokens") => "organizations",
        _ if is_about("webhooks") || is_about("notices") => "webhooks",
        _ if is_about("event") => "events",
        _ if is_about("/orders") => "orders",
        _ if is_about("licenses") => "license administration",
        _ if is_about("policies") => "policies",
        _ if is_about("/admin/keys") || is_about("/admin/audit") => "keys",
        _ => "projects",
    }
}

/// Where the service answers.
pub(crate) fn servers() -> Value {
    json!([
        {"url": "http://127.0.0.1:{port}", "description": "The local server.",
            "variables": {"port": {"default": "8787", "description": "What it was started with."}}},
        {"url": "https://{api}.execute-api.{region}.amazonaws.com", "description": "A deployment in the vendor's account.",
            "variables": {
                "api": {"default": "api", "description": "The API's id: a part of the stack's output `ApiUrl`."},
                "region": {"default": "eu-central-1", "description": "The stack's region."},
            }},
    ])
}

/// The headers that answers carry, by name.
pub(crate) fn headers() -> Value {
    let header = |what: &str, schema: Value| json!({"description": what, "schema": schema});
    let text = || json!({"type": "string"});
    let count = || json!({"type": "integer", "minimum": 0});
    json!({
        "ETag": header("The revision of the user settings.", text()),
        "Idempotent-Replayed": header("The first answer of this operation, given again.", json!({"type": "string", "enum": ["true"]})),
        "Operation-Id": header("The operation's id: the caller's, or one that was made.", text()),
        "RateLimit-Limit": header("Calls that may be made in a row.", count()),
        "RateLimit-Remaining": header("Calls that are left.", count()),
        "RateLimit-Reset": header("Seconds until a call may be made again.", count()),
        "Retry-After": header("Seconds to wait before the same request.", count()),
        "X-Request-Id": header("What the gateway calls the request; the local server sends none.", text()),
    })
}

/// The headers of the route's answers with this status.
pub(crate) fn headers_of(route: &Route, status: &str) -> Value {
    let mut names = vec!["X-Request-Id"];
    let is_done = status.starts_with('2');
    if is_done && route.operation_id {
        names.extend(["Operation-Id", "Idempotent-Replayed"]);
    }
    if is_done && matches!(route.endpoint, Endpoint::Settings | Endpoint::SaveSettings) {
        names.push("ETag");
    }
    if status == "429" {
        names.extend(["RateLimit-Limit", "RateLimit-Remaining", "RateLimit-Reset"]);
    }
    if ["429", "500", "503"].contains(&status) || status == "403" && route.path.ends_with("/release-seat") {
        names.push("Retry-After");
    }
    let reference = |name: &str| (name.to_owned(), json!({"$ref": format!("#/components/headers/{name}")}));
    Value::Object(names.into_iter().map(reference).collect::<Map<_, _>>())
}
