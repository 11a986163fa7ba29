//! Rust: the crate's tests with all features, and its examples.

use std::io::Write;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::{Command, Stdio};

use super::local_server::{LocalServer, bounded, life};
use crate::{Outcome, cargo, run, say};

/// Systems that the crate is compiled for here and not tested on, as Rust calls them; the first has no threads, files or network.
pub(super) const SYSTEMS: [&str; 3] = ["wasm32-unknown-unknown", "x86_64-pc-windows-gnu", "x86_64-apple-darwin"];

/// In place of a C compiler and of `ar` for another system: a check links nothing, so what they would make is never looked into.
const NO_COMPILER: &str =
    "#!/bin/sh\nfor word in \"$@\"; do case $word in *.o | *.a) : > \"${word#-Fo}\" ;; esac; done\n";

/// What a person would type, and what the terminal shows then.
const TYPED: &str = "activate\nuse 3 export\nsync\nstatus\nconfirm 2\nhistory\nseats\nsignout\nreactivate\nquit\n";
const SHOWN: [&str; 4] = [
    "No license yet: activate",
    "(Active, Server), 97 tokens, 0 pending",
    "balance_after: 95",
    "  * status: ValidNoSeat (Server)",
];

/// Tests the crate, which the workspace's tests do without its optional features, and runs its examples.
pub(super) fn test(root: &Path) -> Outcome {
    say("Testing the Rust client …");
    run(cargo().args(["test", "--package", "ltlm-client", "--all-features", "--quiet"]))?;
    run(cargo().args(["build", "--package", "ltlm-client", "--all-features", "--examples"]))?;
    let mut server = LocalServer::new(root, "native/rust")?;
    let examples = server.root.join("target/debug/examples");
    other_systems(&server)?;
    typed(&server, bounded(examples.join("desk")))?;
    let (config, key) = (server.device("desk-async")?, server.text("/licenses/SUB")?);
    let expected = life(95);
    let mut program = bounded(examples.join("desk_async"));
    server.live_through("desk_async", program.arg(config).arg(key), &expected.each_ref().map(String::as_str))
}

/// Is the standard library of a system here? `rustup target add` brings it.
pub(super) fn has_library_of(system: &str) -> bool {
    let output = Command::new("rustc").args(["--print", "target-libdir", "--target", system]).output();
    output.is_ok_and(|output| Path::new(String::from_utf8_lossy(&output.stdout).trim()).is_dir())
}

/// Compiles the crate and the C interface for the other systems, as far as that is possible here: no C, and no program.
fn other_systems(server: &LocalServer) -> Outcome {
    say("Checking the Rust client for other systems …");
    let [core, systems @ ..] = SYSTEMS;
    run(cargo().args(["check", "--quiet", "--package", "ltlm-client", "--no-default-features", "--target", core]))?;
    let compiler = server.folder.join("no-compiler");
    let written = std::fs::write(&compiler, NO_COMPILER)
        .and_then(|()| std::fs::set_permissions(&compiler, std::fs::Permissions::from_mode(0o755)));
    written.map_err(|error| format!("{}: {error}.", compiler.display()))?;
    for system in systems {
        let named = |tool: &str| format!("{tool}_{}", system.replace('-', "_"));
        run(cargo()
            .args(["check", "--quiet", "--package", "ltlm-client", "--package", "ltlm-ffi", "--target", system])
            .args(["--features", "ltlm-client/async"])
            .envs([(named("CC"), &compiler), (named("AR"), &compiler)]))
        .map_err(|_| format!("The native client does not compile for {system}."))?;
    }
    Ok(())
}

/// Types at the small application, and reads what it shows.
fn typed(server: &LocalServer, mut program: Command) -> Outcome {
    let wrong = |error: std::io::Error| format!("desk: {error}.");
    program.arg(server.folder.join("server")).stdin(Stdio::piped()).stdout(Stdio::piped());
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
