//! JSON Schema of what a reader asks for: the declaration that validates a document is the one that describes it.

use ltlm_protocol::limits;
use ltlm_protocol::pattern::{INSTANT, NAME, NAME_OR_BLANK, PROSE, VISIBLE};
use ltlm_protocol::shape::{Kind, Member, Shape};
use serde_json::{Value, json};
use shared::domain::pro::hardening;
use shared::model::policy_config;

use crate::openapi::schema::{allow_null, price};
use crate::reference;

/// An object with the members of `shape`, and no others if it `is_closed`.
pub(crate) fn object(shape: &Shape, path: &str, is_closed: bool) -> Value {
    let mut properties = serde_json::Map::new();
    for member in shape.members.iter().filter(|member| !member.is_alias) {
        let path = if path.is_empty() { member.name.clone() } else { format!("{path}.{}", member.name) };
        properties.insert(member.name.clone(), schema(member, &path, is_closed));
    }
    let required: Vec<_> =
        shape.members.iter().filter(|member| member.is_required).map(|member| &member.name).collect();
    // A body that is not read member by member.
    if properties.is_empty() {
        return json!({"type": "object"});
    }
    let mut object = json!({"type": "object", "required": required, "properties": properties});
    if is_closed {
        object["additionalProperties"] = json!(false);
    }
    object
}

/// So many bytes in base64, padded. Bits of the last character that are of no byte are 0 (RFC 4648, section 3.5).
fn base64_pattern(bytes: usize) -> String {
    let (of_rest, end) = [(0, ""), (1, "[AQgw]=="), (2, "[AEIMQUYcgkosw048]=")][bytes % 3];
    format!("^[A-Za-z0-9+/]{{{}}}{end}$", bytes / 3 * 4 + of_rest)
}

fn schema(member: &Member, path: &str, is_closed: bool) -> Value {
    let row = |rows: &str| object(&member.shape, &format!("{path}{rows}"), is_closed);
    let mut schema = match &member.kind {
        Kind::Any => json!({}),
        Kind::Text { max: usize::MAX, .. } => json!({"type": "string"}),
        Kind::Text { max, may_be_empty, is_name } => {
            let mut text = json!({"type": "string", "maxLength": max});
            if !may_be_empty {
                text["minLength"] = json!(1);
            }
            if *is_name {
                text["pattern"] = json!(if *may_be_empty { NAME_OR_BLANK } else { NAME });
            }
            text
        }
        Kind::Prose { max } => json!({"type": "string", "maxLength": max, "pattern": PROSE}),
        Kind::Visible { max } => json!({"type": "string", "minLength": 1, "maxLength": max, "pattern": VISIBLE}),
        Kind::Base64 { bytes } => {
            json!({"type": "string", "contentEncoding": "base64", "pattern": base64_pattern(*bytes)})
        }
        Kind::Email => json!({"type": "string", "format": "email", "maxLength": limits::EMAIL_CHARS_MAX}),
        // Bounds of length concern texts.
        Kind::WholeOrText { max } => json!({"type": ["string", "integer"], "minLength": 1, "maxLength": max}),
        Kind::Words(words) => json!({"type": "array", "maxItems": words.len(), "items": {"enum": words}}),
        Kind::AnyObjects { most } => json!({"type": "array", "maxItems": most,
            "items": {"anyOf": [row("[]"), {"description": "Anything else is skipped and reported."}]}}),
        Kind::Whole { min, max } => json!({"type": "integer", "minimum": min, "maximum": max}),
        Kind::Flag => json!({"type": "boolean"}),
        Kind::Word(words) => json!({ "enum": words }),
        Kind::Price => price(),
        Kind::Instant => json!({"type": "string", "format": "date-time", "pattern": INSTANT}),
        Kind::Texts { most, max } => json!({"type": "array", "maxItems": most,
            "items": {"type": "string", "minLength": 1, "maxLength": max, "pattern": NAME_OR_BLANK}}),
        Kind::Free { bytes_max } => json!({"type": "object",
            "description": format!("Your own: any members, at most {bytes_max} bytes of compact JSON.")}),
        Kind::Object => row(""),
        Kind::Objects { most } => json!({"type": "array", "maxItems": most, "items": row("[]")}),
        Kind::Map { most } => json!({"type": "object", "maxProperties": most, "additionalProperties": row(".<name>")}),
        Kind::WholeOrWord { min, max, word } => {
            // Bounds concern numbers, patterns texts.
            json!({"type": ["integer", "string"], "minimum": min, "maximum": max, "pattern": format!("^{word}$")})
        }
        Kind::Wholes { most, min, max } => json!({"type": "object", "maxProperties": most,
            "additionalProperties": {"type": "integer", "minimum": min, "maximum": max}}),
    };
    if let Some(about) = member.about {
        schema["description"] = json!(about);
    }
    if let Some(text) = reference::description(path) {
        schema["description"] = json!(text);
    }
    if !member.is_required {
        allow_null(&mut schema);
    }
    schema
}

/// A configuration, which is `whole` or merged into another.
pub(crate) fn config(whole: bool) -> Value {
    let mut schema = object(&policy_config::SHAPE, "config", true);
    for (name, max, most) in [("seats", "maxSeats", limits::SEATS_MAX), ("tokens", "maxTokens", limits::TOKENS_MAX)] {
        let limit = &mut schema["properties"]["limits"]["properties"][name];
        let count = json!({"type": "integer", "minimum": 0, "maximum": most});
        // What is on has a number.
        limit["anyOf"] = json!([
            {"properties": {"enabled": {"enum": [false, null]}}},
            {"required": [max], "properties": {max: count}},
        ]);
        if !whole {
            limit["properties"][max] = count;
        }
    }
    schema
}

/// Settings of a project.
pub(crate) fn settings() -> Value {
    let mut schema = object(&hardening::SHAPE, "settings", true);
    let plan = &mut schema["properties"]["accounts"]["properties"]["plans"]["additionalProperties"];
    let nothing = json!({"type": "null"});
    plan["allOf"] = json!([
        {"anyOf": [{"properties": {"periodDays": nothing}}, {"properties": {"periodMonths": nothing}}]},
        {"anyOf": [
            {"required": ["mode", "rolloverMax"], "properties": {"mode": {"enum": ["rollover"]}, "rolloverMax": {"type": "integer"}}},
            {"properties": {"mode": {"enum": ["add", "set", null]}, "rolloverMax": nothing}},
        ]},
    ]);
    // Those with a slash are the pools' own.
    schema["properties"]["organizations"]["properties"]["plans"]["propertyNames"] = json!({"pattern": "^[^/]*$"});
    schema
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn base64_has_one_spelling() {
        assert_eq!(base64_pattern(3), "^[A-Za-z0-9+/]{4}$");
        assert_eq!(base64_pattern(1), "^[A-Za-z0-9+/]{1}[AQgw]==$");
        assert_eq!(base64_pattern(32), "^[A-Za-z0-9+/]{42}[AEIMQUYcgkosw048]=$");
    }
}
