//! Answers, with their examples and headers.

use std::collections::BTreeMap;

use ltlm_protocol::{
    Code, account_data, admin_data, deployment_data, event_data, license_data, organization_data, portal_data,
    project_ledger_data, store_data, transfer, webhook_data,
};
use schemars::SchemaGenerator;
use serde_json::{Map, Value, json};
use shared::api::query;
use shared::api::routes::{Endpoint, Route};

use crate::openapi::refusals::refusals;
use crate::openapi::request::is_sealed;
use crate::openapi::schema::schema;
use crate::openapi::{errors, place};

/// The status of an answer without a body.
const NO_CONTENT: u16 = 204;

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

macro_rules! answers {
    ($(fn $function:ident $fields:tt {$(
        $endpoint:ident: $name:literal, $method:ident $path:expr, $auth:expr, $takes:tt, $handler:path, $summary:literal, {
            $(request: $request:ty,)?
            $(query: $query:tt,)?
            $(cursor: $list:ident,)?
            response: $status:literal $response:ty,
            $($rest:tt)*
        };
    )*})*) => {
        /// Schema of the route's success.
        pub(crate) fn success(route: &Route, schemas: &mut SchemaGenerator) -> Value {
            match route.endpoint {
                $($(Endpoint::$endpoint => schema::<$response>(schemas),)*)*
            }
        }
    };
}

shared::functions!(answers);

/// The success and every refusal that the route can give.
pub(crate) fn responses(route: &Route, schemas: &mut SchemaGenerator) -> Value {
    let success = success(route, schemas);
    let mut responses = Map::new();
    let content = |schema: Value| json!({"application/json": {"schema": schema}});
    let mut done = json!({"description": route.summary});
    if is_sealed(route) || matches!(route.endpoint, Endpoint::AdminOfflineFile) {
        done["content"] = json!({"text/plain": {"schema": {"type": "string"}}});
    } else if route.endpoint == Endpoint::StoreReturn {
        done["content"] = json!({"text/html": {"schema": {"type": "string"}}});
    } else if route.status != NO_CONTENT {
        done["content"] = content(success);
    }
    if matches!(route.endpoint, Endpoint::CreateAccount | Endpoint::CreateOrganization) {
        let mut seen = done.clone();
        seen["description"] = json!("What a dry run would have made.");
        responses.insert("200".to_owned(), seen);
    }
    responses.insert(route.status.to_string(), done);
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
