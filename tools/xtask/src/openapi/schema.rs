//! Schemas that several operations use.

use schemars::{JsonSchema, SchemaGenerator};
use serde_json::{Value, json};
use shared::model::token_type::TokenType;

/// A name: not blank, without control characters.
pub const NAME: &str = r"^[^\u0000-\u001f\u007f-\u009f]*[^\s\u0000-\u001f\u007f-\u009f][^\u0000-\u001f\u007f-\u009f]*$";

/// A name that may be blank.
pub const NAME_OR_BLANK: &str = r"^[^\u0000-\u001f\u007f-\u009f]*$";

/// An instant of the years that are taken.
pub const INSTANT: &str = r"^(19[7-9][0-9]|[2-9][0-9]{3})-";

/// A name that is no number.
pub(crate) const SLUG: &str =
    r"^[^\u0000-\u001f\u007f-\u009f]*[^0-9\s\u0000-\u001f\u007f-\u009f][^\u0000-\u001f\u007f-\u009f]*$";

/// A text for people: without control characters but line breaks and tabs.
pub const PROSE: &str = r"^[^\u0000-\u0008\u000b\u000c\u000e-\u001f\u007f-\u009f]*$";

/// The name of an account, an organization or a user: neither one that HTTP clients resolve in a path, nor that of a pool.
pub(crate) fn account_name() -> String {
    let kinds: Vec<_> = TokenType::ALL.iter().map(|kind| kind.wire()).collect();
    format!(r"^(?!\.{{1,2}}$)(?!.*/({})$){}", kinds.join("|"), NAME.trim_start_matches('^'))
}

/// Visible ASCII.
pub(crate) const VISIBLE: &str = "^[!-~]+$";

/// An object that has the member `name`, which is as `schema` says.
pub(crate) fn within(name: &str, schema: Value) -> Value {
    json!({"type": "object", "required": [name], "properties": {name: schema}})
}

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
