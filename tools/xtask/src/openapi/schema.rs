//! Schemas that several operations use.

use schemars::{JsonSchema, SchemaGenerator};
use serde_json::{Value, json};

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

/// An amount of money, in whole cents.
pub(crate) fn price() -> Value {
    json!({"type": "number", "minimum": 0, "maximum": 99_999_999.99, "multipleOf": 0.01})
}

pub(crate) fn schema<T: JsonSchema>(schemas: &mut SchemaGenerator) -> Value {
    schemas.subschema_for::<T>().to_value()
}
