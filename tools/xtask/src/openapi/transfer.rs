//! The parts of the OpenAPI document that are about projects which move to another deployment.

use ltlm_protocol::limits;
use ltlm_protocol::transfer::{HEADER, TRAILER};
use serde_json::{Value, json};
use shared::api::routes::{Endpoint, Route};

/// A line of an export, of this kind if it is named.
fn line(kind: Option<&str>) -> Value {
    let kind = kind.map_or(json!({"type": "string"}), |kind| json!({ "const": kind }));
    json!({"type": "object", "required": ["kind"], "properties": {"kind": kind}})
}

/// The body, if the route is one of these.
pub(crate) fn request(route: &Route, id: &Value, object: impl Fn(&[&str], Value) -> Value) -> Option<Value> {
    Some(match route.endpoint {
        Endpoint::AdminExportKeys => object(
            &["publicKey"],
            json!({"publicKey": {"type": "string", "pattern": "^ltlm_import_[0-9a-f]{64}$", "description": "What the receiving deployment's import-keys told."}, "operationId": id}),
        ),
        Endpoint::AdminBeginImport => object(
            &["lines", "trailer"],
            json!({
                "lines": {"type": "array", "minItems": 2, "maxItems": 3, "prefixItems": [line(Some(HEADER)), line(Some("project")), line(Some("keys"))], "items": line(None),
                    "description": "The first lines of the file: header, project, and keys if there are any."},
                "trailer": line(Some(TRAILER)), "operationId": id,
            }),
        ),
        Endpoint::AdminImportLines => object(
            &["from", "lines"],
            json!({
                "from": {"type": "integer", "minimum": 0, "maximum": i32::MAX, "description": "The place of the first of these lines in the file, counted from 0."},
                "lines": {"type": "array", "minItems": 1, "maxItems": limits::IMPORT_ITEMS_MAX, "items": line(None)}, "operationId": id,
            }),
        ),
        _ => return None,
    })
}
