//! The TypeScript clients: installed as their lock file says, built, checked, and tested against the local server and in a browser.

use std::path::{Path, PathBuf};
use std::process::Command;

use crate::{Outcome, run, say};

/// The oldest major version of Node.js that they run on.
const NODE_MAJOR: u32 = 20;
/// Where Debian puts its browser; `LTLM_CHROMIUM` names another.
const CHROMIUM: &str = "/usr/bin/chromium";

/// What is missing on this machine to test them.
pub(crate) fn missing() -> Option<String> {
    let version = Command::new("node").arg("--version").output().ok().filter(|reply| reply.status.success());
    let version = version.map(|reply| String::from_utf8_lossy(&reply.stdout).trim().to_owned()).unwrap_or_default();
    let major = version.trim_start_matches('v').split('.').next().and_then(|major| major.parse::<u32>().ok());
    if major.is_none_or(|major| major < NODE_MAJOR) {
        return Some(format!("Node.js {NODE_MAJOR} or newer with npm"));
    }
    let browser = std::env::var_os("LTLM_CHROMIUM").map_or_else(|| PathBuf::from(CHROMIUM), PathBuf::from);
    (!browser.exists()).then(|| format!("a browser at {}", browser.display()))
}

/// Tests them with the programs that are built.
pub(crate) fn test(root: &Path) -> Outcome {
    let folder = root.join("clients/typescript");
    install(&folder)?;
    say("Testing the TypeScript clients …");
    let local = root.join("target/debug/local");
    run(npm(&folder).args(["test"]).env("LTLM_LOCAL", local)).map_err(|_| "The TypeScript clients failed.".to_owned())
}

/// Installs what the lock file names, unless it is there.
fn install(folder: &Path) -> Outcome {
    let read = |path: &Path| std::fs::read_to_string(path).map_err(|error| format!("{}: {error}.", path.display()));
    let wanted = read(&folder.join("package-lock.json"))?;
    let stamp = folder.join("node_modules/installed.json");
    if read(&stamp).is_ok_and(|installed| installed == wanted) {
        return Ok(());
    }
    say("Installing the packages of clients/typescript …");
    run(npm(folder).args(["ci", "--no-audit", "--no-fund"]))?;
    std::fs::write(&stamp, wanted).map_err(|error| format!("{}: {error}.", stamp.display()))
}

fn npm(folder: &Path) -> Command {
    let mut command = Command::new("npm");
    command.current_dir(folder);
    command
}
