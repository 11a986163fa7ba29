//! What a `PATCH` means: JSON Merge Patch (RFC 7386), except within free-form maps.

use serde_json::{Map, Value};

/// Free-form maps of a policy, by their paths. In such a map `null` is a value, and a patch replaces the map as a whole.
pub const POLICY_FREE_FORM: &[&str] = &["config.features", "config.projectSettings", "config.metadata"];
/// Free-form maps of a license, by their paths.
pub const LICENSE_FREE_FORM: &[&str] =
    &["overrides.features", "overrides.projectSettings", "overrides.metadata", "metadata", "customer.metadata"];
/// Free-form maps of a project, by their paths.
pub const PROJECT_FREE_FORM: &[&str] = &["projectSettings"];

/// Applies `patch` to `document`: objects are merged member by member, `null` removes a member, everything else (lists too)
/// replaces what is there. The maps at the paths `free_form`, members joined by dots, are replaced as a whole.
pub fn merge(document: &mut Map<String, Value>, patch: &Map<String, Value>, free_form: &[&str]) {
    merge_at("", document, patch, free_form);
}

/// Parsing bounds how deep a patch nests, and so the recursion.
fn merge_at(path: &str, document: &mut Map<String, Value>, patch: &Map<String, Value>, free_form: &[&str]) {
    for (name, value) in patch {
        let path = if path.is_empty() { name.clone() } else { format!("{path}.{name}") };
        match value {
            Value::Null => {
                document.shift_remove(name);
            }
            Value::Object(inner) if !free_form.contains(&path.as_str()) => {
                // As RFC 7386 says, an object takes the place of anything else, without the patch's nulls.
                let found = document.entry(name.clone()).or_insert(Value::Null);
                if !found.is_object() {
                    *found = Value::Object(Map::new());
                }
                if let Value::Object(found) = found {
                    merge_at(&path, found, inner, free_form);
                }
            }
            value => {
                document.insert(name.clone(), value.clone());
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn merged(document: Value, patch: Value, free_form: &[&str]) -> Value {
        let (Value::Object(mut document), Value::Object(patch)) = (document, patch) else { panic!() };
        merge(&mut document, &patch, free_form);
        Value::Object(document)
    }

    /// The cases of RFC 7386, appendix A, whose document and patch are objects.
    #[test]
    fn the_cases_of_the_rfc_hold() {
        for (document, patch, result) in [
            (json!({"a": "b"}), json!({"a": "c"}), json!({"a": "c"})),
            (json!({"a": "b"}), json!({"b": "c"}), json!({"a": "b", "b": "c"})),
            (json!({"a": "b"}), json!({"a": null}), json!({})),
            (json!({"a": "b", "b": "c"}), json!({"a": null}), json!({"b": "c"})),
            (json!({"a": ["b"]}), json!({"a": "c"}), json!({"a": "c"})),
            (json!({"a": "c"}), json!({"a": ["b"]}), json!({"a": ["b"]})),
            (json!({"a": {"b": "c"}}), json!({"a": {"b": "d", "c": null}}), json!({"a": {"b": "d"}})),
            (json!({"a": [{"b": "c"}]}), json!({"a": [1]}), json!({"a": [1]})),
            (json!({"e": null}), json!({"a": 1}), json!({"e": null, "a": 1})),
            (json!({}), json!({"a": {"bb": {"ccc": null}}}), json!({"a": {"bb": {}}})),
        ] {
            assert_eq!(merged(document, patch, &[]), result);
        }
    }

    #[test]
    fn a_free_form_map_is_replaced_as_a_whole_and_null_is_a_value_in_it() {
        let document = json!({"config": {"features": {"a": 1, "b": 2}, "limits": {"x": 1}}});
        let patch = json!({"config": {"features": {"a": null}, "limits": {"y": 2}}});
        let free_form = &["config.features"];
        assert_eq!(
            merged(document.clone(), patch, free_form),
            json!({"config": {"features": {"a": null}, "limits": {"x": 1, "y": 2}}})
        );
        let removed = merged(document, json!({"config": {"features": null}}), free_form);
        assert_eq!(removed, json!({"config": {"limits": {"x": 1}}}));
    }
}
