//! A request's fingerprint: the same operation id with another request is refused.

use serde_json::Value;

use super::ids::sha256_hex;

/// SHA-256, in hex, over the kind of operation, what it is aimed at, and its members in one fixed order, whatever the order
/// and spacing in which they were sent. The operation id itself is left out: it may travel in a header or in the body.
pub fn of(kind: &str, target: &str, body: &Value) -> String {
    let mut text = format!("{kind}\0{target}\0");
    match body {
        Value::Object(members) => {
            let kept = members
                .iter()
                .filter(|(name, value)| !value.is_null() && !matches!(name.as_str(), "operationId" | "idempotencyKey"));
            print(&Value::Object(kept.map(|(name, value)| (name.clone(), value.clone())).collect()), &mut text);
        }
        other => print(other, &mut text),
    }
    sha256_hex(text.as_bytes())
}

fn print(value: &Value, text: &mut String) {
    match value {
        Value::Object(members) => {
            let mut names: Vec<_> = members.keys().collect();
            names.sort();
            text.push('{');
            for name in names {
                text.push_str(&Value::String(name.clone()).to_string());
                text.push(':');
                print(&members[name], text);
                text.push(',');
            }
            text.push('}');
        }
        Value::Array(list) => {
            text.push('[');
            for inner in list {
                print(inner, text);
                text.push(',');
            }
            text.push(']');
        }
        scalar => text.push_str(&scalar.to_string()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn order_and_id_do_not_matter_and_everything_else_does() {
        let first = of("consume", "l", &json!({"a": 1, "m": {"x": [1, 2], "y": null}, "operationId": "1"}));
        assert_eq!(
            first,
            of("consume", "l", &json!({"m": {"y": null, "x": [1, 2]}, "idempotencyKey": "2", "a": 1, "b": null}))
        );
        for other in [
            json!({"a": 2, "m": {"x": [1, 2], "y": null}}),
            json!({"a": 1, "m": {"x": [2, 1], "y": null}}),
            json!({"a": "1"}),
        ] {
            assert_ne!(first, of("consume", "l", &other));
        }
        assert_ne!(first, of("credit", "l", &json!({"a": 1, "m": {"x": [1, 2], "y": null}})));
    }
}
