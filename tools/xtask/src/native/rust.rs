//! Rust: the crate's tests with all features, and its examples.

use std::io::Write;
use std::path::Path;
use std::process::{Command, Stdio};

use super::{Ground, bounded, life};
use crate::{Outcome, cargo, run, say};

/// What a person would type, and what the terminal shows then.
const TYPED: &str = "activate\nuse 3 export\nsync\nstatus\nconfirm 2\nhistory\nseats\nsignout\nreactivate\nquit\n";
const SHOWN: [&str; 4] =
    ["Ok(Active)", "Active, 97 tokens, 0 pending", "balance_after: 95", "No license yet: activate"];

/// Tests the crate, which the workspace's tests do without its optional features, and runs its examples.
pub(super) fn test(root: &Path) -> Outcome {
    say("Testing the Rust client …");
    run(cargo().args(["test", "--package", "ltlm-client", "--all-features", "--quiet"]))?;
    run(cargo().args(["build", "--package", "ltlm-client", "--all-features", "--examples"]))?;
    let mut ground = Ground::new(root, "native/rust")?;
    let examples = ground.root.join("target/debug/examples");
    typed(&ground, bounded(examples.join("desk")))?;
    let (config, key) = (ground.device("desk-async")?, ground.text("/licenses/SUB")?);
    let told = life(95);
    let mut program = bounded(examples.join("desk_async"));
    ground.live_through("desk_async", program.arg(config).arg(key), &told.each_ref().map(String::as_str))
}

/// Types at the small application, and reads what it shows.
fn typed(ground: &Ground, mut program: Command) -> Outcome {
    let wrong = |error: std::io::Error| format!("desk: {error}.");
    program.arg(ground.folder.join("server")).stdin(Stdio::piped()).stdout(Stdio::piped());
    let mut child = program.spawn().map_err(wrong)?;
    child.stdin.take().map_or(Ok(()), |mut keyboard| keyboard.write_all(TYPED.as_bytes())).map_err(wrong)?;
    let output = child.wait_with_output().map_err(wrong)?;
    let seen = String::from_utf8_lossy(&output.stdout);
    let absent = SHOWN.iter().find(|text| !seen.contains(**text));
    match absent {
        None if output.status.success() => Ok(()),
        _ => Err(format!("desk ended with {}, without saying {absent:?}:\n{seen}", output.status)),
    }
}
