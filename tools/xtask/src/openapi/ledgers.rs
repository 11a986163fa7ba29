//! The parts of the OpenAPI document that are about all accounts of a project together.

use serde_json::{Value, json};
use shared::api::routes::{Endpoint, Route};

use crate::openapi::schema::INSTANT;

/// The body, if the route is one of these.
pub(crate) fn request(route: &Route, id: &Value, object: impl Fn(&[&str], Value) -> Value) -> Option<Value> {
    Some(match route.endpoint {
        Endpoint::EraseProjectEntries => object(
            &["before"],
            json!({
                "before": {"type": "string", "format": "date-time", "pattern": INSTANT, "description": "Entries written before this instant."},
                "operationId": id,
            }),
        ),
        _ => return None,
    })
}
