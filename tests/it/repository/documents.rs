//! Generated documents are what the code says now.

use ltlm_protocol::Body;
use serde_json::{Value, json};
use shared::domain::admin::project::CreateProject;
use shared::model::policy::PolicyTerms;

fn check(path: &str, expected: &str) {
    let full = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("..").join(path);
    let found = std::fs::read_to_string(&full).unwrap_or_default();
    assert!(found == expected, "{path} is stale: run `cargo xtask docs`");
}

#[test]
fn the_error_document_is_fresh() {
    check("docs/errors.md", &xtask::documents::errors());
}

#[test]
fn the_api_document_is_fresh() {
    check("docs/api.md", &xtask::documents::api());
}

/// The header and the C# declarations of the client's C interface are what its source says.
#[test]
fn c5_the_bindings_are_fresh() {
    let root = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    check("clients/c/include/ltlm.h", &xtask::bindings::header(&root).unwrap());
    check("clients/dotnet/Runtime/NativeMethods.g.cs", &xtask::bindings::csharp(&root).unwrap());
}

#[test]
fn the_template_is_fresh() {
    let stack = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../infra/stack.yaml");
    check("template.yaml", &xtask::template::document(&std::fs::read_to_string(stack).unwrap()).unwrap());
}

/// A mark that nothing stands for would be lost without a word.
#[test]
fn a_stack_that_asks_for_what_cannot_be_generated_is_refused() {
    let reply = xtask::template::document("Resources:\n  # generated: roots\n").unwrap_err();
    assert!(reply.contains("roots"), "{reply}");
}

#[test]
fn what_a_stage_costs_follows_from_measured_units_and_the_template() {
    let root = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let read = |path: &str| std::fs::read_to_string(root.join(path)).unwrap();
    let document =
        xtask::cost::document(&read("docs/data-model.md"), &read("template.yaml"), &read("infra/waf.yaml")).unwrap();
    check("docs/cost.md", &document);
    let count = |before: &str| -> usize {
        let head = document.split(before).next().unwrap();
        head.rsplit(' ').next().unwrap().parse().unwrap()
    };
    // What stands still costs next to nothing.
    assert!(count(" custom metrics") <= 25 && count(" metrics.\n") <= 20, "{document}");
}

#[test]
fn the_reference_of_policies_is_fresh_complete_and_its_examples_are_taken() {
    check("docs/policies.md", &xtask::reference::document());
    let declared: Vec<_> = xtask::reference::declared().into_iter().map(|(path, _)| path).collect();
    let rows: Vec<_> = xtask::reference::ROWS.iter().map(|row| row.path).collect();
    for path in &declared {
        assert!(rows.contains(&path.as_str()), "nothing is said of {path}");
    }
    for row in xtask::reference::ROWS {
        assert!(declared.iter().any(|path| path == row.path), "nothing reads {}", row.path);
        assert_eq!(rows.iter().filter(|path| **path == row.path).count(), 1, "{}", row.path);
        let example = xtask::reference::example(row);
        let taken = match row.path.starts_with("settings.") {
            true => CreateProject::parse(&example).map(|_| ()),
            false => PolicyTerms::parse(&example).map(|_| ()),
        };
        assert_eq!(taken, Ok(()), "{example}");
        let value: serde_json::Value = serde_json::from_str(row.example).unwrap();
        assert!(example.to_string().contains(&value.to_string()), "{value} is in {example}");
    }
}

/// The pointers of schemas that are `true` and nothing else: JSON Schema takes them, generators of clients do not.
fn bare(schema: &Value, at: &str) -> Vec<String> {
    let below = |name: &str, value: &Value| bare(value, &format!("{at}/{name}"));
    match schema {
        Value::Object(members) => {
            let is_bare = |name: &str, value: &Value| {
                *value == Value::Bool(true) && (name == "items" || at.ends_with("/properties"))
            };
            members
                .iter()
                .flat_map(|(name, value)| match is_bare(name, value) {
                    true => vec![format!("{at}/{name}")],
                    false => below(name, value),
                })
                .collect()
        }
        Value::Array(values) => {
            values.iter().enumerate().flat_map(|(index, value)| below(&index.to_string(), value)).collect()
        }
        _ => Vec::new(),
    }
}

#[test]
fn generators_of_clients_can_read_every_schema() {
    let document = xtask::openapi::document::document();
    assert_eq!(bare(&document["components"]["schemas"], ""), [""; 0]);
    let anything = json!({"a": {"items": true}, "b": {"properties": {"c": true, "items": {"type": "string"}}}});
    assert_eq!(bare(&anything, ""), ["/a/items", "/b/properties/c"]);
}

/// A reader that looks at a member by itself has to say what it is, or the document says nothing of it.
#[test]
fn every_member_of_a_body_says_what_it_is() {
    let document = xtask::openapi::document::document();
    let mut bodies = 0;
    for route in shared::api::routes::ROUTES.iter().filter(|route| route.body) {
        let operation = &document["paths"][route.path][route.method.to_lowercase()];
        let plain = &operation["requestBody"]["content"]["application/json"]["schema"];
        let sealed = operation.pointer("/x-ltlm-data/request");
        for body in std::iter::once(plain).chain(sealed) {
            assert_eq!(body["type"], "object", "{}", route.name);
            for (name, member) in body["properties"].as_object().into_iter().flatten() {
                assert!(member["type"] != Value::Null || member["enum"] != Value::Null, "{}: {name}", route.name);
                bodies += 1;
            }
        }
    }
    assert!(bodies > 200, "{bodies}");
}

#[test]
fn the_openapi_document_is_fresh_and_complete() {
    let document = xtask::openapi::document::document();
    check("infra/openapi.json", &format!("{document:#}\n"));
    for route in shared::api::routes::ROUTES {
        let operation = &document["paths"][route.path][route.method.to_lowercase()];
        assert_eq!(operation["operationId"], route.name);
        assert!(
            operation["responses"].as_object().unwrap().len() > 1 || matches!(route.name, "health" | "store-return"),
            "{}",
            route.name
        );
    }
    // What is described of a query is what is taken.
    for route in shared::api::routes::ROUTES {
        let operation = &document["paths"][route.path][route.method.to_lowercase()];
        let described = operation["parameters"].as_array().into_iter().flatten();
        let mut described: Vec<_> = described
            .filter(|parameter| parameter["in"] == "query")
            .map(|parameter| parameter["name"].as_str().unwrap())
            .collect();
        let mut taken: Vec<_> = shared::api::query::parameters(route).collect();
        taken.extend(shared::api::query::supports_dry_run(route).then_some("dryRun"));
        described.sort();
        taken.sort();
        assert_eq!(described, taken, "{}", route.name);
    }
    // Every reference leads to a schema.
    let text = document.to_string();
    for name in text.split("#/components/schemas/").skip(1).map(|rest| rest.split('"').next().unwrap()) {
        assert!(!document["components"]["schemas"][name].is_null(), "{name}");
    }
}
