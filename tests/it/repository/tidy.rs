//! The house rules that a compiler does not check.

use std::path::{Path, PathBuf};

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..").canonicalize().unwrap()
}

/// All files below `folder` with this ending.
fn files(folder: &Path, ending: &str) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        match path.is_dir() {
            true => found.extend(files(&path, ending)),
            false if path.to_string_lossy().ends_with(ending) => found.push(path),
            false => {}
        }
    }
    found.sort();
    found
}

fn sources(package: &str) -> Vec<(String, String)> {
    let folder = root().join(package);
    files(&folder, ".rs")
        .into_iter()
        .map(|path| {
            (path.strip_prefix(&folder).unwrap().display().to_string(), std::fs::read_to_string(&path).unwrap())
        })
        .collect()
}

/// The part of a file before its tests.
fn code(text: &str) -> &str {
    text.split("#[cfg(test)]").next().unwrap()
}

/// The floors of `shared`, lowest first, and what each may name.
const FLOORS: &[(&str, &[&str])] = &[
    ("model", &["model"]),
    ("domain", &["model", "domain"]),
    ("table", &["model", "table"]),
    // What a failed call of AWS is for the log, they say alike.
    ("keys", &["table", "keys"]),
    ("service", &["model", "domain", "table", "keys", "service"]),
    // `functions` is the macro with the rows of the routes: an exported macro stands at the crate's root.
    ("api", &["model", "domain", "table", "keys", "service", "api", "functions"]),
    ("host", &["model", "domain", "table", "keys", "service", "api", "host", "functions"]),
];

#[test]
fn arrows_between_floors_only_go_down() {
    for (file, text) in sources("shared/src") {
        let Some((floor, allowed)) = FLOORS.iter().find(|(floor, _)| file.starts_with(&format!("{floor}/"))) else {
            assert_eq!(file, "lib.rs");
            continue;
        };
        for line in code(&text).lines().filter(|line| line.contains("crate::")) {
            for part in line.split("crate::").skip(1) {
                let named: String = part.chars().take_while(|c| c.is_ascii_alphanumeric() || *c == '_').collect();
                assert!(allowed.contains(&named.as_str()), "{file}: floor {floor} may not use {named}: {line}");
            }
        }
    }
}

#[test]
fn each_floor_keeps_to_its_own_tools() {
    let forbidden: &[(&str, &[&str])] = &[
        ("model", &["async ", ".await", "aws_", "http::", "tracing", "tokio", "getrandom", "SystemTime", "std::env"]),
        ("domain", &["async ", ".await", "aws_", "http::", "tracing", "tokio", "getrandom", "SystemTime", "std::env"]),
        ("table", &["lambda_http", "lambda_runtime", "std::env", "SystemTime"]),
        ("service", &["aws_sdk", "http::", "lambda_http", "lambda_runtime", "std::env", "SystemTime"]),
        ("api", &["aws_", "lambda_http", "lambda_runtime", "std::env", "SystemTime", "getrandom::"]),
    ];
    for (file, text) in sources("shared/src") {
        for (floor, words) in forbidden.iter().filter(|(floor, _)| file.starts_with(&format!("{floor}/"))) {
            for word in *words {
                let offending =
                    code(&text).lines().find(|line| line.contains(word) && !line.trim_start().starts_with("//"));
                assert_eq!(offending, None, "{file}: {floor} must not use {word}");
            }
        }
    }
}

#[test]
fn only_the_key_file_knows_prefixes() {
    let keys = std::fs::read_to_string(root().join("shared/src/table/key.rs")).unwrap();
    // Whatever stands before a `#` in the key file begins a key.
    let texts = code(&keys).split('"').skip(1).step_by(2).filter_map(|text| Some(text.split_once('#')?.0));
    let prefixes: std::collections::BTreeSet<String> = texts
        .filter(|text| !text.is_empty() && text.chars().all(|c| c.is_ascii_uppercase()))
        .map(|text| format!("\"{text}#"))
        .collect();
    assert!(prefixes.len() >= 20, "{prefixes:?}");
    for (file, text) in sources("shared/src").into_iter().filter(|(file, _)| file != "table/key.rs") {
        let found = prefixes.iter().find(|prefix| text.contains(prefix.as_str()));
        assert_eq!(found, None, "{file}");
    }
}

/// What `ltlm` writes is opened before anything is sent, and there is one way to do that; a journal is the other file that it makes.
#[test]
fn the_command_line_writes_files_in_two_places_only() {
    for (file, text) in sources("tools/cli/src") {
        if matches!(file.as_str(), "output.rs" | "journal.rs") {
            continue;
        }
        for word in ["fs::write", "File::create", "OpenOptions"] {
            assert!(!code(&text).contains(word), "{file}: {word}");
        }
    }
}

#[test]
fn every_file_says_what_it_is() {
    for package in [
        "protocol/src",
        "clients/core/src",
        "shared/src",
        "functions/src",
        "tools/local/src",
        "tools/xtask/src",
        "tests/it",
    ] {
        for (file, text) in sources(package) {
            assert!(text.starts_with("//! "), "{package}/{file}");
        }
    }
}

#[test]
fn links_in_documents_lead_somewhere() {
    let root = root();
    let mut documents = files(&root.join("docs"), ".md");
    let top = ["README.md", "ARCHITECTURE.md", "CHANGELOG.md", "CONTRIBUTING.md", "SECURITY.md"];
    documents.extend(top.map(|name| root.join(name)));
    for document in documents {
        let text = std::fs::read_to_string(&document).unwrap();
        assert!(text.starts_with("# "), "{} has no title", document.display());
        for link in text.split("](").skip(1).map(|rest| rest.split(')').next().unwrap()) {
            if link.starts_with("http") || link.starts_with('#') {
                continue;
            }
            let target = document.parent().unwrap().join(link.split('#').next().unwrap());
            assert!(target.exists(), "{}: {link}", document.display());
        }
    }
}

/// Each numbered statement of docs/semantics.md names its test in backquotes; that test exists.
#[test]
fn every_statement_of_the_semantics_has_a_test() {
    let text = std::fs::read_to_string(root().join("docs/semantics.md")).unwrap();
    let all: String = ["protocol/src", "shared/src", "tools/local/src", "tests/it"]
        .iter()
        .flat_map(|p| sources(p))
        .map(|(_, text)| text)
        .collect();
    let statements: Vec<_> = text.lines().filter(|line| line.starts_with("- **")).collect();
    assert!(statements.len() >= 30, "{} statements", statements.len());
    for statement in statements {
        let tests: Vec<_> =
            statement.split('`').skip(1).step_by(2).filter(|name| name.contains('_') && !name.contains('.')).collect();
        let known = tests.iter().filter(|name| all.contains(&format!("fn {name}("))).count();
        assert!(known > 0, "no test of its own: {statement}");
    }
}

#[test]
fn every_variable_of_the_configuration_is_in_the_template_or_has_a_default() {
    let config = std::fs::read_to_string(root().join("shared/src/host/config.rs")).unwrap();
    let template = std::fs::read_to_string(root().join("template.yaml")).unwrap();
    let operations = std::fs::read_to_string(root().join("docs/operations.md")).unwrap();
    for line in config.lines().filter(|line| line.starts_with("//! | `LTLM_")) {
        let name = line.split('`').nth(1).unwrap();
        assert!(template.contains(name), "{name} in template.yaml");
        assert!(operations.contains(name), "{name} in docs/operations.md");
    }
}

/// The list of the client's cases names each of the 80 once, and no test that does not exist.
#[test]
fn the_clients_cases_are_listed_with_their_tests() {
    let text = std::fs::read_to_string(root().join("docs/clients/README.md")).unwrap();
    let folders = ["clients/core/src", "clients/core/tests", "clients/c/src", "tests/it"];
    let all: String = folders.iter().flat_map(|p| sources(p)).map(|(_, text)| text).collect();
    let read = |path: &str| std::fs::read_to_string(root().join(path)).unwrap();
    let (c, python) = (read("clients/c/tests/cases.c"), read("clients/python/tests/test_ltlm.py"));
    let (_, cases) = text.split_once("## The contract's cases").unwrap();
    let rows: Vec<_> = cases.lines().filter(|line| line.starts_with("| C-")).collect();
    let mut numbers: Vec<u32> = Vec::new();
    for row in &rows {
        let first = row.split('|').nth(1).unwrap();
        numbers.extend(first.split(',').map(|number| number.trim().trim_start_matches("C-").parse::<u32>().unwrap()));
    }
    numbers.sort_unstable();
    assert_eq!(numbers, (1..=80).collect::<Vec<_>>());
    let names =
        text.split('`').skip(1).step_by(2).filter(|name| name.contains('_') && !name.contains(['(', ':', '.', ' ']));
    let tests = names.filter(|name| name.split('_').count() > 3 && !name.starts_with("LTLM_"));
    for name in tests {
        let is_there = all.contains(&format!("fn {name}("))
            || c.contains(&format!("void {name}("))
            || python.contains(&format!("def {name}("));
        assert!(is_there, "no test: {name}");
    }
}
