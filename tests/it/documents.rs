//! Generated documents are what the code says now.

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

#[test]
fn the_openapi_document_is_fresh_and_complete() {
    let document = xtask::openapi::document();
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
        let mut taken = shared::api::query::parameters(route.endpoint).to_vec();
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
