//! `infra/openapi.json`: OpenAPI 3.1 from the table of routes, the wire types and the codes.

use ltlm_protocol::ErrorBody;
use schemars::SchemaGenerator;
use schemars::generate::SchemaSettings;
use serde_json::{Map, Value, json};
use shared::api::function::Auth;
use shared::api::routes::{ROUTES, Route};

use crate::openapi::parameters::parameters;
use crate::openapi::request::{SEALED, is_sealed, request_schema, sealed_data, sealed_schema};
use crate::openapi::responses::{example, responses, success};
use crate::openapi::schema::schema;
use crate::openapi::{errors, place, words};

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
    words::narrow(&mut components);
    components.extend(errors::schemas());
    let mut document = json!({
        "openapi": "3.1.0",
        "info": {
            "title": "LTLM",
            "version": env!("CARGO_PKG_VERSION"),
            "description": "Licenses, seats and tokens. Every path also answers with /api before it.",
        },
        "servers": place::servers(),
        "tags": place::tags(),
        "paths": paths,
        "components": {
            "schemas": components,
            "headers": place::headers(),
            "securitySchemes": {
                "project": {"type": "apiKey", "in": "header", "name": "x-project-secret"},
                "administrator": {"type": "http", "scheme": "bearer", "bearerFormat": "ltlm_admin_…"},
                "member": {"type": "http", "scheme": "bearer", "bearerFormat": "ltlm_access_…"},
            },
        },
    });
    words::spell_out(&mut document);
    document
}

/// How a `PATCH` is read.
const MERGED: &str = "Merged as RFC 7386 says: objects member by member, null removes a member, lists are replaced. The free-form maps \
features, projectSettings, metadata and meta are replaced as a whole, and null is a value in them. Required members cannot be removed.";

fn operation(route: &Route, schemas: &mut SchemaGenerator) -> Value {
    let mut operation = json!({
        "operationId": route.name,
        "summary": route.summary,
        "tags": [place::tag(route)],
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
        let schema = match is_sealed(route) {
            true => sealed_schema(),
            false => request_schema(route),
        };
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
        operation["x-ltlm-data"] = json!({"request": sealed_data(route), "response": success(route, schemas)});
    }
    operation
}
