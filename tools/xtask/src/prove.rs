//! `cargo xtask prove`: runs the tests behind the promises of docs/semantics.md at length, and writes what was seen into
//! docs/proofs.md.

use std::fmt::Write as _;
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Instant;

use shared::host::clock::SystemClock;
use shared::service::ports::Clock;

/// A promise that others can check.
struct Claim {
    id: &'static str,
    promise: &'static str,
    /// Names of the tests, without their modules.
    tests: &'static [&'static str],
}

const CLAIMS: &[Claim] = &[
    Claim {
        id: "R1",
        promise: "The last seat, the last token and the last device place go to one of many callers that ask at once.",
        tests: &[
            "a54_the_last_seat_goes_to_one",
            "the_last_token_is_spent_once",
            "a36_the_last_place_goes_to_one_device",
        ],
    },
    Claim {
        id: "R2",
        promise: "Whatever the history of a license or an account, the service answers as a model of a few lines does, and the ledger adds up.",
        tests: &["the_service_agrees_with_the_model", "an_account_agrees_with_the_model_over_any_history"],
    },
    Claim {
        id: "R3",
        promise: "Whatever is lost, doubled or repeated on the way, each use is charged once.",
        tests: &[
            "a_storm_of_retries_charges_each_operation_once",
            "a100_a_lossy_network_charges_exactly_what_was_used",
            "c55_whatever_is_lost_each_use_is_charged_once",
        ],
    },
    Claim {
        id: "R4",
        promise: "A process that is killed between two round trips, or whose reply is lost, leaves nothing half done.",
        tests: &[
            "a_reply_lost_in_any_round_trip_of_any_command_changes_no_answer",
            "a_kill_between_any_two_round_trips_leaves_nothing_half_done",
            "a_reply_lost_in_any_round_trip_of_a_pro_call_changes_no_answer",
            "a_kill_between_two_round_trips_leaves_no_charge_without_its_nonce",
        ],
    },
    Claim {
        id: "R5",
        promise: "An allocation that is due is given once, however often and wherever the renewals run or die.",
        tests: &[
            "messages_that_come_twice_and_dispatchers_that_run_at_once_renew_once",
            "a_night_that_is_killed_anywhere_goes_on",
        ],
    },
    Claim {
        id: "R7",
        promise: "Another implementation, in another language, opens, verifies and signs what the service says.",
        tests: &["a04_a90_python_opens_verifies_and_signs_again_what_we_say"],
    },
];

/// Lengths of runs that have knobs of their own.
const KNOBS: &[(&str, &str)] = &[("LTLM_PROVE", "1"), ("LTLM_LOSSY_RUNS", "100"), ("LTLM_CLIENT_RUNS", "100")];

/// What was seen of the claims: each claim's id with its figures, and how long all tests took.
struct Seen {
    figures: Vec<(String, String)>,
    minutes: f64,
}

/// Runs the tests of all claims, as `cargo` runs them.
fn run(mut cargo: Command) -> Result<Seen, String> {
    let started = Instant::now();
    let names: Vec<_> = CLAIMS.iter().flat_map(|claim| claim.tests).copied().collect();
    let mut child = cargo
        .args(["test", "--workspace", "--test", "it", "--", "--nocapture", "--test-threads=2"])
        .args(&names)
        .envs(KNOBS.iter().copied())
        .stdout(Stdio::piped())
        .spawn()
        .map_err(|error| format!("Cannot run cargo: {error}."))?;
    let mut seen = Seen { figures: Vec::new(), minutes: 0.0 };
    let mut passed = 0;
    for line in child.stdout.take().into_iter().flat_map(|output| BufReader::new(output).lines()).map_while(Result::ok)
    {
        crate::say(&line);
        if let Some((claim, figures)) = line.strip_prefix("PROOF ").and_then(|rest| rest.split_once(' ')) {
            seen.figures.push((claim.to_owned(), figures.to_owned()));
        }
        passed += line.strip_prefix("test result: ok.").map_or(0, |result| crate::count(result, " passed"));
    }
    let status = child.wait().map_err(|error| format!("Cannot wait for cargo: {error}."))?;
    seen.minutes = started.elapsed().as_secs_f64() / 60.0;
    // A name may be a part of another test's.
    if !status.success() || passed < names.len() as u64 {
        return Err(format!("Not proven: {passed} of {} tests passed.", names.len()));
    }
    match CLAIMS.iter().find(|claim| !seen.figures.iter().any(|(id, _)| id == claim.id)) {
        Some(claim) => Err(format!("The tests of {} passed and said nothing.", claim.id)),
        None => Ok(seen),
    }
}

/// The day, as in 2026-11-28.
fn today() -> String {
    let text = SystemClock.now().to_string();
    text.split('T').next().unwrap_or_default().to_owned()
}

/// The commit that is checked out; changes beside it are named.
fn commit(root: &Path) -> String {
    let git = |arguments: &[&str]| {
        let output = Command::new("git").current_dir(root).args(arguments).output().ok()?;
        output.status.success().then(|| String::from_utf8_lossy(&output.stdout).trim().to_owned())
    };
    let Some(head) = git(&["rev-parse", "--short", "HEAD"]) else { return "unknown".to_owned() };
    match git(&["status", "--porcelain", "--untracked-files=no"]).is_none_or(|changes| changes.is_empty()) {
        true => head,
        false => format!("{head} with changes"),
    }
}

fn document(root: &Path, seen: &mut Seen) -> String {
    let mut text = format!(
        "# Proofs\n\n<!-- Generated by `cargo xtask prove` from tools/xtask/src/prove.rs and what its tests say. -->\n\n\
         Promises that anyone can check. Each is a test; the test command runs it in short, `cargo xtask prove` at length, which fails if a promise does not hold, and otherwise \
         writes this page.\n\nSeen on {} at {} (version {}), in {:.0} minutes on the machine that ran it. The tests run the service on the embedded engine through the AWS SDK; \
         conflicts, throttles and lost replies are injected. None of this was seen on AWS yet.\n",
        today(),
        commit(root),
        env!("CARGO_PKG_VERSION"),
        seen.minutes
    );
    seen.figures.sort();
    for claim in CLAIMS {
        let _ = write!(text, "\n## {}\n\n{}\n\n", claim.id, claim.promise);
        for (_, figures) in seen.figures.iter().filter(|(id, _)| id == claim.id) {
            let _ = writeln!(text, "- {figures}");
        }
        let tests: Vec<_> = claim.tests.iter().map(|test| format!("`{test}`")).collect();
        let _ = writeln!(text, "\nTests: {}", tests.join(", "));
    }
    text.push_str(
        "\n## Others\n\n| promise | command |\n|---|---|\n\
         | R8: requests made from the OpenAPI document, valid and invalid, are answered as it says | `cargo xtask fuzz` |\n\
         | R9: functions of a deployed stack that are killed while they charge leave each use charged once (a local cloud) | `cargo xtask deploy-test --all` |\n\
         | callers of one wallet are served evenly, with and without injected conflicts | `cargo xtask measure contention` |\n\
         | the native client in 1,000 and more simulated lives | [clients](clients/rust.md#the-simulation) |\n\n\
         ## Not proven yet\n\n\
         - One model of all commands together (organizations, the store and the encrypted protocol have tests, and no model).\n\
         - A kill after each round trip of *every* route, enumerated from the table of routes.\n\
         - Ten thousand devices over an outage: leases are not prolonged by an outage.\n\
         - Anything on AWS itself.\n",
    );
    text
}

/// Proves all claims, and writes the page.
pub(crate) fn prove(root: &Path, cargo: Command) -> Result<(), String> {
    let mut seen = run(cargo)?;
    let path = root.join("docs/proofs.md");
    std::fs::write(&path, document(root, &mut seen)).map_err(|error| format!("{}: {error}.", path.display()))?;
    crate::say(&format!("Proven in {:.0} minutes: docs/proofs.md says what was seen.", seen.minutes));
    Ok(())
}
