//! The tables of docs/clients/README.md against the sources: every name of the first client's documents has its row, and every name in a
//! row is there.

#![allow(clippy::unwrap_used, reason = "a test")]

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

/// Methods and properties of `LTLMManager` that the documents of the first client name.
const METHODS: [&str; 25] = [
    "ActivateLicense",
    "ValidateLicense",
    "TryLoadStoredLicense",
    "DeactivateSeat",
    "ReactivateSeat",
    "ClearLicenseCache",
    "GetLicenseStatus",
    "IsAuthenticated",
    "ActiveLicense",
    "IsWaitingForSeat",
    "StartHeartbeat",
    "SendHeartbeat",
    "GetActiveSeats",
    "ReleaseSeat",
    "GetTokenBalance",
    "DoesHaveTokens",
    "ConsumeTokens",
    "SyncPendingConsumptions",
    "GetPendingConsumptionCount",
    "IsEntitled",
    "GetTopUpOptions",
    "CreateTopUpSession",
    "GetTokenHistory",
    "GetUserSettings",
    "SaveUserSettings",
];
const EVENTS: [&str; 6] = [
    "OnValidationStarted",
    "OnValidationCompleted",
    "OnLicenseStatusChanged",
    "OnTokensConsumed",
    "OnSeatStatusChanged",
    "OnKicked",
];
const STATUSES: [&str; 8] =
    ["active", "VALID_NO_SEAT", "KICKED", "grace_period", "expired", "suspended", "revoked", "connection_required"];
const FIELDS: [&str; 18] = [
    "heartbeatIntervalSeconds",
    "seatsEnabled",
    "maxConcurrentSeats",
    "tokensEnabled",
    "tokensRemaining",
    "offlineEnabled",
    "offlineGraceHours",
    "status",
    "validUntil",
    "tokensLimit",
    "tokensConsumed",
    "kickedByNickname",
    "seatClaimed",
    "displayName",
    "price",
    "timestamp",
    "action",
    "amount",
];
const REFUSALS: [&str; 8] = [
    "PRO_SDK_REQUIRED",
    "OFFLINE_ACTIVATION_REQUIRED",
    "VERSION_NOT_SUPPORTED",
    "REGION_BLOCKED",
    "SEAT_LIMIT_REACHED",
    "SEAT_RELEASE_COOLDOWN",
    "DEVICE_LIMIT_REACHED",
    "INSUFFICIENT_TOKENS",
];

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

/// The text of all files of a folder that end like one of these, and of those below it.
fn sources(folder: &str, endings: &[&str]) -> String {
    let (mut text, mut folders) = (String::new(), vec![root().join(folder)]);
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(&folder).unwrap() {
            let path = entry.unwrap().path();
            let name = path.file_name().unwrap().to_str().unwrap();
            if path.is_dir() {
                folders.push(path);
            } else if endings.iter().any(|ending| name.ends_with(ending)) {
                text.push_str(&std::fs::read_to_string(&path).unwrap());
            }
        }
    }
    text
}

/// What is between backticks.
fn quoted(cell: &str) -> Vec<String> {
    let names = cell.split('`').skip(1).step_by(2).flat_map(|name| match name.split_once("::{") {
        Some((of, list)) => {
            list.trim_end_matches('}').split(", ").map(|name| format!("{of}::{name}")).collect::<Vec<_>>()
        }
        None => vec![name.to_owned()],
    });
    names.collect()
}

/// The cells of each row, by the first cell of the table's head.
fn tables(text: &str) -> Vec<(String, Vec<Vec<String>>)> {
    let mut tables: Vec<(String, Vec<Vec<String>>)> = Vec::new();
    let mut is_within = false;
    for line in text.lines() {
        let Some(row) = line.strip_prefix("| ").and_then(|row| row.strip_suffix(" |")) else {
            is_within &= line.starts_with("|-");
            continue;
        };
        let cells: Vec<_> = row.split(" | ").map(|cell| cell.trim_matches([' ', '|']).to_owned()).collect();
        match is_within {
            true => tables.last_mut().unwrap().1.push(cells),
            false => tables.push((cells[0].clone(), Vec::new())),
        }
        is_within = true;
    }
    tables
}

/// Is this a word of the text, not a part of one?
fn has_word(text: &str, word: &str) -> bool {
    let is_part = |c: Option<char>| c.is_some_and(|c| c.is_alphanumeric() || c == '_');
    text.match_indices(word)
        .any(|(at, _)| !is_part(text[..at].chars().next_back()) && !is_part(text[at + word.len()..].chars().next()))
}

/// Where the names of a column are, and how they are written there.
struct Sources {
    rust: String,
    csharp: String,
    header: String,
    cpp: String,
    python: String,
    c_methods: String,
    tests: String,
}

impl Sources {
    fn read() -> Self {
        let mut tests = sources("tests/it/client", &[".rs"]);
        for folder in ["clients/core", "clients/c", "clients/python/tests", "clients/dotnet/Tests", "tools/xtask/src"] {
            tests.push_str(&sources(folder, &[".rs", ".c", ".py", ".cs"]));
        }
        tests.push_str(&sources("tests/it/repository", &["documents.rs"]));
        Self {
            rust: sources("clients/core/src", &[".rs"]) + &sources("protocol/src", &["_data.rs"]),
            csharp: sources("clients/dotnet/Runtime", &[".cs"]),
            header: sources("clients/c/include", &["ltlm.h"]),
            cpp: sources("clients/c/include", &["ltlm.hpp"]),
            python: sources("clients/python/src", &[".py"]),
            c_methods: sources("clients/c/src", &["method.rs"]) + &sources("clients/core/src", &["event.rs"]),
            tests,
        }
    }

    fn has_rust(&self, name: &str) -> bool {
        let (of, name) = name.split_once("::").unwrap_or(("", name));
        let is_member = ["fn ", "pub "].iter().any(|start| has_word(&self.rust, &format!("{start}{name}")));
        let is_variant = self.rust.lines().any(|line| line.trim().trim_end_matches([',', ' ', '{']) == name);
        (of.is_empty() || has_word(&self.rust, &format!("struct {of}")) || has_word(&self.rust, &format!("enum {of}")))
            && (is_member || is_variant)
    }

    fn has_csharp(&self, name: &str) -> bool {
        self.csharp.lines().any(|line| line.trim_start().starts_with("public ") && has_word(line, name))
    }

    /// A function of the header, a value of it, or a method or an event by its name.
    fn has_c(&self, name: &str) -> bool {
        if name.to_lowercase().starts_with("ltlm_") {
            return has_word(&self.header, name);
        }
        let variant: String = name.split('_').map(|part| part[..1].to_uppercase() + &part[1..]).collect();
        has_word(&self.c_methods, &variant)
    }

    fn has_python(&self, name: &str) -> bool {
        match name.strip_prefix("Status.") {
            Some(value) => self.python.contains(&format!("    {value} = ")),
            None => self.python.matches(&format!("def {name}(")).count() >= 2,
        }
    }

    /// A test or a file.
    fn has_test(&self, name: &str) -> bool {
        let is_path = name.contains('/');
        if is_path { root().join(name).exists() } else { has_word(&self.tests, name) }
    }
}

#[test]
fn the_tables_of_names_are_true() {
    let text = std::fs::read_to_string(root().join("docs/clients/README.md")).unwrap();
    let (tables, sources) = (tables(&text), Sources::read());
    let mut seen = BTreeSet::new();
    let mut wrong = Vec::new();
    for (head, rows) in &tables {
        for row in rows {
            let names = |place: usize| row.get(place).map(|cell| quoted(cell)).unwrap_or_default();
            let mut check = |place: usize, kind: &str, is_there: &dyn Fn(&str) -> bool| {
                wrong.extend(names(place).iter().filter(|name| !is_there(name)).map(|name| format!("{kind} {name}")));
            };
            let tests = row.len() - 1;
            check(tests, "test", &|name| {
                sources.has_test(name) || name.starts_with("cargo ") || name.starts_with("LTLM_")
            });
            match head.as_str() {
                "seed and C#" => {
                    assert_eq!(row.len(), 5, "{row:?}");
                    check(0, "C#", &|name| sources.has_csharp(name));
                    check(1, "Rust", &|name| sources.has_rust(name));
                    check(2, "C", &|name| sources.has_c(name));
                    check(3, "Python", &|name| sources.has_python(name));
                    let functions = names(2).into_iter().filter(|name| name.starts_with("ltlm_"));
                    if functions.clone().all(|name| name != "ltlm_call_wait") {
                        check(3, "C++", &|name| has_word(&sources.cpp, name) || name == "license");
                    }
                }
                "event of seed 001 and C#" => {
                    check(0, "C#", &|name| sources.has_csharp(name));
                    check(1, "Rust", &|name| sources.has_rust(name));
                    check(2, "C", &|name| sources.has_c(name));
                }
                "status on the wire" => {
                    check(1, "Rust", &|name| name == "LicenseStatus" || sources.has_rust(name));
                    check(1, "C#", &|name| {
                        name == "LicenseStatus" || has_word(&sources.csharp, &name.replace("Status::", ""))
                    });
                    check(2, "C", &|name| sources.has_c(name));
                    check(3, "Python", &|name| sources.has_python(name));
                }
                "field of the seeds" | "what the server prescribes, in every answer" => {
                    check(0, "C#", &|name| sources.has_csharp(name));
                    check(1, "Rust", &|name| sources.has_rust(name));
                }
                _ => {}
            }
            seen.extend(names(0));
        }
    }
    assert!(wrong.is_empty(), "these are in no source: {wrong:#?}");
    for name in METHODS.iter().chain(&EVENTS).chain(&STATUSES).chain(&FIELDS).chain(&REFUSALS) {
        assert!(seen.contains(*name), "{name} has no row");
    }
    assert!(tables.len() >= 7, "tables are missing: {:?}", tables.iter().map(|table| &table.0).collect::<Vec<_>>());
}

#[test]
fn every_case_of_the_contract_has_a_row_with_a_test() {
    let text = std::fs::read_to_string(root().join("docs/clients/README.md")).unwrap();
    let (tables, sources) = (tables(&text), Sources::read());
    let (_, rows) = tables.iter().find(|(head, _)| head == "case").unwrap();
    let mut cases = BTreeSet::new();
    for row in rows {
        assert!(!quoted(&row[1]).is_empty(), "{row:?} names no test");
        for name in quoted(&row[1]) {
            assert!(name.contains(' ') || sources.has_test(&name), "{row:?}: there is no {name}");
        }
        cases.extend(row[0].split(", ").map(|case| case.trim_start_matches("C-").parse::<u32>().unwrap()));
    }
    assert_eq!(cases, (1..=80).collect());
}
