//! The parts of the OpenAPI document that are about projects which move to another deployment.

use ltlm_protocol::admin_data::ProjectData;
use ltlm_protocol::transfer::{DroppedData, ExportPage, HEADER, ImportData, ImportKeyData, SealedKeys, TRAILER};
use ltlm_protocol::{Code, limits};
use schemars::SchemaGenerator;
use serde_json::{Value, json};
use shared::api::routes::{Endpoint, Route};

use crate::openapi::schema::schema;

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

/// The query, if the route is one of these.
pub(crate) fn parameters(route: &Route) -> Vec<Value> {
    let cursor = |list: &str| {
        let pattern = format!("^{}([2-7][0-9a-e]){{1,4000}}$", hex::encode(format!("{list}/1:")));
        json!({"name": "cursor", "in": "query", "description": "A nextCursor of this call.",
            "schema": {"type": "string", "pattern": pattern}})
    };
    match route.endpoint {
        Endpoint::AdminExport => {
            let sealed = json!({"name": "sealed", "in": "query", "schema": {"type": "boolean", "default": false},
                "description": "With the license keys as the project's own key sealed them, for an export with keys."});
            vec![sealed, cursor("export")]
        }
        Endpoint::AdminDropImport => vec![cursor("dropped")],
        _ => Vec::new(),
    }
}

/// Status and schema of the success, if the route is one of these.
pub(crate) fn success(route: &Route, schemas: &mut SchemaGenerator) -> Option<(&'static str, Value)> {
    Some(match route.endpoint {
        Endpoint::AdminExport => ("200", schema::<ExportPage>(schemas)),
        Endpoint::AdminExportKeys => ("200", schema::<SealedKeys>(schemas)),
        Endpoint::AdminCreateImportKey => ("201", schema::<ImportKeyData>(schemas)),
        Endpoint::AdminBeginImport => ("201", schema::<ImportData>(schemas)),
        Endpoint::AdminImport | Endpoint::AdminImportLines => ("200", schema::<ImportData>(schemas)),
        Endpoint::AdminFinishImport => ("201", schema::<ProjectData>(schemas)),
        Endpoint::AdminDropImport => ("200", schema::<DroppedData>(schemas)),
        _ => return None,
    })
}

/// Refusals that only these routes give.
pub(crate) fn refusals(route: &Route) -> Vec<Code> {
    match route.endpoint {
        Endpoint::AdminExport | Endpoint::AdminExportKeys => vec![Code::ProjectNotFound],
        Endpoint::AdminCreateImportKey => vec![Code::ImportKeyNotFound],
        Endpoint::AdminBeginImport => vec![Code::ProjectExists, Code::ImportInProgress, Code::ImportKeyNotFound],
        Endpoint::AdminImport => vec![Code::ImportNotFound],
        Endpoint::AdminImportLines => {
            vec![Code::ImportNotFound, Code::ImportInProgress, Code::ImportOutOfOrder, Code::ImportTaken]
        }
        Endpoint::AdminFinishImport => {
            vec![Code::ImportNotFound, Code::ImportInProgress, Code::ImportIncomplete, Code::ProjectExists]
        }
        Endpoint::AdminDropImport => vec![Code::ImportNotFound],
        _ => Vec::new(),
    }
}
