//! A request's fingerprint: the same operation id with another request is refused.

use std::fmt::Debug;

use ltlm_protocol::read::whole;
use serde_json::{Map, Value};

use super::ids::sha256_hex;

/// Members that carry the operation's id, count for the device, or say how to answer: a repeated use is the same use, whatever its
/// number and its answer's form.
const IDS: &[&str] = &["operationId", "idempotencyKey", "sequence", "deviceSequence", "compact"];
/// Hex digits of the part that represents the meaning of a request.
const MEANT_CHARS: usize = 32;

/// The fingerprint of a request that `parse` reads: a hash of what was sent, and one of the command that it is. With
/// the second, `5.0` equals `5`, and a member with its default value equals an absent one; the first recognizes a
/// request that is repeated unchanged, even if the command has changed since. `model::ids::is_same_request` compares.
pub fn of_command<C: Debug, E>(
    kind: &str,
    target: &str,
    body: &Value,
    parse: impl FnOnce(&Value) -> Result<C, E>,
) -> String {
    let sent = of(kind, target, body);
    match parse(&plain(body)) {
        Ok(command) => {
            let meant = sha256_hex(format!("{kind}\0{target}\0{command:?}").as_bytes());
            format!("{sent}{}", &meant[..MEANT_CHARS])
        }
        Err(_) => sent,
    }
}

/// SHA-256, in hex, over the kind of operation, what it is aimed at, and its members in one fixed order, whatever the order
/// and spacing in which they were sent. The operation id itself is left out: it may travel in a header or in the body.
pub fn of(kind: &str, target: &str, body: &Value) -> String {
    let mut text = format!("{kind}\0{target}\0");
    match body {
        Value::Object(members) => {
            let kept = members.iter().filter(|(name, value)| !value.is_null() && !IDS.contains(&name.as_str()));
            print(&Value::Object(kept.map(|(name, value)| (name.clone(), value.clone())).collect()), &mut text);
        }
        other => print(other, &mut text),
    }
    sha256_hex(text.as_bytes())
}

/// The fingerprint of a `PATCH`, in which a member that is null is not one that is missing.
pub fn of_patch(kind: &str, target: &str, body: &Value) -> String {
    match body.as_object().filter(|members| members.values().any(Value::is_null)) {
        None => of_command(kind, target, body, |patch| Ok::<_, ()>(patch.clone())),
        // Hashed as a list of one, so that no member is left out.
        Some(_) => of_command(kind, target, &Value::Array(vec![plain(body)]), |patch| Ok::<_, ()>(patch.clone())),
    }
}

/// The same JSON in one spelling: members sorted, whole numbers without a fraction, and no operation id.
fn plain(body: &Value) -> Value {
    match spelled(body) {
        Value::Object(members) => {
            Value::Object(members.into_iter().filter(|(name, _)| !IDS.contains(&name.as_str())).collect())
        }
        // A body beside what else tells the request apart.
        Value::Array(parts) => parts.iter().map(plain).collect(),
        other => other,
    }
}

/// Parsing bounds how deep it nests.
fn spelled(value: &Value) -> Value {
    match value {
        Value::Object(members) => {
            let mut names: Vec<_> = members.keys().collect();
            names.sort();
            names.into_iter().map(|name| (name.clone(), spelled(&members[name]))).collect::<Map<_, _>>().into()
        }
        Value::Array(list) => list.iter().map(spelled).collect(),
        Value::Number(_) => whole(value).map_or_else(|| value.clone(), Value::from),
        other => other.clone(),
    }
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
    use crate::domain::accounts::movement::Debit;
    use crate::model::ids::is_same_request;
    use ltlm_protocol::Body;
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

    /// The example is an amount with a fraction of nothing; the siblings are members at their defaults, and what is sent as it was before there was a second part.
    #[test]
    fn the_same_command_is_the_same_request_however_it_is_spelled() {
        let debit = |body: Value| of_command("debit", "u", &body, |body| Debit::parse(body).map(|body| body.0));
        let first = debit(json!({"operationType": "x", "amount": 5, "metadata": {"a": 1, "b": 2.0}}));
        for same in [
            json!({"operationType": "x", "amount": 5.0, "metadata": {"b": 2, "a": 1}}),
            json!({"operationType": "x", "amount": 5, "metadata": {"a": 1, "b": 2}, "allowOverdraft": false}),
            json!({"operationType": "x", "amount": 5, "metadata": {"a": 1, "b": 2}, "operationId": "1"}),
        ] {
            assert!(is_same_request(&first, &debit(same.clone())), "{same}");
        }
        for other in [
            json!({"operationType": "x", "amount": 6, "metadata": {"a": 1, "b": 2}}),
            json!({"operationType": "x", "amount": 5, "metadata": {"a": 1, "b": 2.5}}),
            json!({"operationType": "x", "amount": 5, "metadata": {"a": 1, "b": 2}, "allowOverdraft": true}),
        ] {
            assert!(!is_same_request(&first, &debit(other.clone())), "{other}");
        }
        let body = json!({"operationType": "x", "amount": 5.0});
        let of_old = of("debit", "u", &body);
        assert!(is_same_request(&of_old, &debit(body)), "as it was recorded before");
        assert!(!is_same_request(&of_old, &debit(json!({"operationType": "x", "amount": 6}))));
    }

    #[test]
    fn in_a_patch_null_is_not_the_same_as_nothing() {
        let patch = |body: Value| of_patch("change", "p", &body);
        let first = patch(json!({"name": "n", "slug": null}));
        assert!(is_same_request(&first, &patch(json!({"slug": null, "name": "n", "operationId": "1"}))));
        assert!(!is_same_request(&first, &patch(json!({"name": "n"}))));
        assert!(is_same_request(&patch(json!({"a": {"b": 1.0}})), &patch(json!({"a": {"b": 1}}))));
    }
}
