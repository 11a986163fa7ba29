//! Python: the package as pip installs it from its folder, its types, and its tests.

use std::path::Path;
use std::process::Command;

use super::local_server::bounded;
use crate::{Outcome, run, say, venv_of};

/// Tests the package with the library that is built.
pub(super) fn test(root: &Path) -> Outcome {
    let venv = venv_of("target/native/venv", "infra/python/native.lock.txt")?;
    say("Testing the Python client …");
    let root = std::path::absolute(root).map_err(|error| error.to_string())?;
    let (package, debug) = (root.join("clients/python"), root.join("target/debug"));
    let python = || {
        let mut command = Command::new(venv.join("bin/python"));
        command.current_dir(&package);
        command
    };
    run(python()
        .args(["-m", "pip", "install", "--quiet", "--force-reinstall", "--no-deps", "--no-build-isolation", "."])
        .env("LTLM_LIBRARY", debug.join("libltlm.so")))?;
    run(python().args(["-m", "mypy"])).map_err(|_| "The types of the Python client are wrong.".to_owned())?;
    run(bounded(venv.join("bin/python"))
        .current_dir(&package)
        .args(["-m", "unittest", "discover", "--start-directory", "tests"])
        .env("LTLM_LOCAL", debug.join("local")))
    .map_err(|_| "The Python client failed.".to_owned())
}
