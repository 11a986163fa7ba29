//! Each Lambda function's program: what it serves and what it is linked with.

use std::collections::BTreeSet;

use shared::api::routes::{FUNCTIONS, ROUTES};

/// A binary that named another's handlers would answer 404 to its own routes; one with no client of the keys 500.
#[test]
fn every_binary_serves_the_function_of_its_name() {
    let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../functions/src/bin");
    let mut found = BTreeSet::new();
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_stem().unwrap().to_str().unwrap().to_owned();
        let text = std::fs::read_to_string(&path).unwrap();
        let identifier = name.replace('-', "_");
        let function = FUNCTIONS.iter().find(|function| function.name == name).unwrap();
        let is_linked_by_its_row =
            ROUTES.iter().any(|route| route.function == name) && !function.table_actions.is_empty();
        let serves = match is_linked_by_its_row {
            true => format!("shared::host::serve(shared::host::program::{identifier}()).await"),
            // What is called by a queue, a stream or a schedule, and what has no table.
            false => format!("shared::host::serve_{identifier}().await"),
        };
        assert!(text.contains(&serves), "{name}: {serves}");
        found.insert(name);
    }
    assert_eq!(found, FUNCTIONS.iter().map(|function| function.name.to_owned()).collect());
}
