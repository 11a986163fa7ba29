//! A Python client as openapi-python-client generates it from `infra/openapi.json`, on a flow against the local server.

use std::path::Path;
use std::process::Command;

use crate::{Outcome, fuzz, run, say};

/// Generates it with the tools in `venv`, without a warning, and runs the flow.
pub(crate) fn test(root: &Path, venv: &Path) -> Outcome {
    say("Generating a Python client …");
    let folder = root.join("target/python-client");
    let wrong = |path: &Path, error: &std::io::Error| format!("{}: {error}.", path.display());
    std::fs::create_dir_all(&folder).map_err(|error| wrong(&folder, &error))?;
    // Nobody reads it: it need not be formatted.
    let config = folder.join("config.yaml");
    std::fs::write(&config, "post_hooks: []\n").map_err(|error| wrong(&config, &error))?;
    run(Command::new(venv.join("bin/openapi-python-client"))
        .args(["generate", "--meta", "none", "--overwrite", "--fail-on-warning", "--path"])
        .arg(root.join("infra/openapi.json"))
        .arg("--output-path")
        .arg(folder.join("ltlm_client"))
        .arg("--config")
        .arg(&config))?;
    let data = folder.join("data");
    let _server = fuzz::start(root, &data)?;
    let demo = fuzz::demo(&data)?;
    run(Command::new(venv.join("bin/python")).arg(root.join("infra/python/generated_client.py")).arg(&folder).args([
        demo("/baseUrl")?,
        demo("/adminKey")?,
        demo("/projectId")?,
    ]))
    .map_err(|_| "The generated Python client does not work.".to_owned())
}
