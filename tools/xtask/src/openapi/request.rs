//! The bodies of requests: each as its own reader describes it, the one that the route's row names.

use ltlm_protocol::body::{Body, Unknown};
use ltlm_protocol::shape::Shape;
use ltlm_protocol::{limits, merge, request};
use serde_json::{Map, Value, json};
use shared::api::function::Auth;
use shared::api::handlers;
use shared::api::routes::{Endpoint, Route};
use shared::domain::{accounts, admin, license, organizations, portal, pro, store, webhooks};
use shared::model::policy;
use shared::service::admin::deployment;
use shared::service::admin::transfer::import;

use crate::openapi::schema::allow_null;
use crate::openapi::shape;

/// What stands in the place of a description of the PRO endpoints' bodies.
pub(crate) const SEALED: &str = "Request and answer are encrypted with the project's secret, and the answer is signed: see docs/pro-protocol.md. \
What lies inside as `data` is described by `x-ltlm-data`.";

/// What members of a name mean wherever their body says nothing else.
const ABOUT: &[(&str, &str)] = &[
    ("dryRun", "Write nothing, and tell what would be done."),
    (
        "operationId",
        "Names the operation; the same id never acts twice. The header Idempotency-Key may carry it instead.",
    ),
];

/// A body as its type describes it.
struct Described {
    shape: Shape,
    keywords: Value,
    unknown: Unknown,
}

fn described<B: Body>() -> Described {
    Described { shape: B::shape(), keywords: B::keywords(), unknown: B::UNKNOWN }
}

/// The description of a row's body; of none where there is none.
macro_rules! body {
    () => {
        None
    };
    ($body:ty) => {
        Some(described::<$body>())
    };
}

macro_rules! bodies {
    ($(fn $function:ident $fields:tt {$(
        $endpoint:ident: $name:literal, $method:ident $path:expr, $auth:expr, $flags:tt, $handler:path, $summary:literal, {
            $(request: $request:ty,)?
            $(query: $query:tt,)?
            $(cursor: $list:ident,)?
            response: $($rest:tt)*
        };
    )*})*) => {
        fn body_of(route: &Route) -> Option<Described> {
            match route.endpoint {
                $($(Endpoint::$endpoint => body!($($request)?),)*)*
            }
        }
    };
}

shared::functions!(bodies);

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
    let mut schema = request_schema(route);
    // A call on the project names no license.
    if !route.path.contains("/license/") {
        return schema;
    }
    schema["properties"]["key"] = json!({"type": "string", "maxLength": limits::LICENSE_KEY_CHARS_MAX});
    if let Some(required) = schema["required"].as_array_mut() {
        required.push(json!("key"));
    }
    // An envelope holds as many uses as its body.
    if let Some(usages) = schema.pointer_mut("/properties/usages").and_then(Value::as_object_mut) {
        usages.remove("maxItems");
    }
    schema
}

pub(crate) fn request_schema(route: &Route) -> Value {
    let Some(body) = body_of(route) else { return Value::Null };
    // A route of an administrator refuses unknown members, unless its body says that it ignores them.
    let is_closed = body.unknown != Unknown::Ignored && matches!(route.auth, Auth::Administrator(_));
    // What docs/policies.md says of a policy's members is said of them here.
    let root = match route.endpoint {
        Endpoint::AdminCreatePolicy | Endpoint::AdminChangePolicy => "",
        _ => "body",
    };
    let mut schema = shape::object(&body.shape, root, is_closed);
    let is_patch = body.unknown == Unknown::RefusedInPatch;
    if is_patch {
        schema["required"] = json!([]);
    }
    place_documents(&mut schema, !is_patch);
    if let (Some(schema), Value::Object(keywords)) = (schema.as_object_mut(), body.keywords) {
        merge::merge(schema, &keywords, &[]);
    }
    for (name, about) in ABOUT {
        if let Some(member) = schema.pointer_mut(&format!("/properties/{name}")).and_then(Value::as_object_mut) {
            member.entry("description").or_insert_with(|| json!(about));
        }
    }
    schema
}

/// Puts in the place of documents that are merged with others what is said of them; `whole`: they are not.
fn place_documents(schema: &mut Value, whole: bool) {
    let Some(properties) = schema.get_mut("properties").and_then(Value::as_object_mut) else { return };
    for name in ["config", "overrides"] {
        if is_described(properties, name) {
            properties[name] = shape::config(whole);
            allow_null(&mut properties[name]);
        }
    }
    if is_described(properties, "settings") {
        properties["settings"] = shape::settings();
        allow_null(&mut properties["settings"]);
    }
}

/// Is the member an object whose members are known?
fn is_described(properties: &Map<String, Value>, name: &str) -> bool {
    properties.get(name).is_some_and(|member| member["properties"].is_object())
}
