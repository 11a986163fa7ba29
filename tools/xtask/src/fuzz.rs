//! The API against its own document: schemathesis makes requests from `infra/openapi.json` and holds the answers of the
//! local server to it. All checks, no exclusions.

use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};

use serde_json::Value;

use crate::Outcome;

/// Requests tried of each kind and route.
const EXAMPLES: &str = "40";
/// The same requests each time: a failure can be looked at again.
const SEED: &str = "1";

/// The local server, stopped when it is dropped.
pub(crate) struct Server(Child);

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// Fuzzes with the tools in `venv`.
pub(crate) fn run(root: &Path, venv: &Path) -> Outcome {
    let folder = root.join("target/fuzz");
    let _server = start(root, &folder)?;
    let text = demo(&folder)?;

    // What there is, so that requests reach it. Refusals that depend on what was done before are told by their status.
    let (license, project, policy) = (text("/licenses/SUB")?, text("/projectId")?, text("/policies/SUB")?);
    let config = format!(
        "[parameters]\n\"path.key\" = \"{license}\"\n\"path.licenseKey\" = \"{license}\"\n\"path.projectId\" = \"{project}\"\n\
         \"path.PolicyID\" = \"{policy}\"\n\"path.accountId\" = \"demo-user\"\n\"path.holdId\" = \"demo-hold\"\n\
         \"header.x-project-id\" = \"{project}\"\n\n[checks.positive_data_acceptance]\n\
         expected-statuses = [\"2xx\", 401, 402, 403, 404, 409, 412, 422, 429]\n\n\
         # What opens an envelope no schema can say: almost none of these opens.\n\
         # Nor which addresses are safe to go to, what a payment provider signed, which currencies have no\n\
         # decimals, that one of two parameters must be there, what a file of an export holds, or which texts are points of a curve.\n\
         [[operations]]\ninclude-path-regex = \"/sdk/pro/|-link$|/webhooks$|/payments/|/auth/customer-portfolio$|/admin/projects(/[^/]+(/policies)?)?$|/admin/policies/|/access-tokens$|/export$|/export-keys$|/import$|/import/lines$\"\n\n\
         [operations.checks.positive_data_acceptance]\n\
         expected-statuses = [\"2xx\", 400, 401, 403, 404, 409, 412, 422, 429]\n"
    );
    let path = folder.join("schemathesis.toml");
    std::fs::write(&path, config).map_err(|error| format!("{}: {error}.", path.display()))?;
    crate::run(
        Command::new(venv.join("bin/schemathesis"))
            .current_dir(&folder)
            .env("SCHEMATHESIS_HOOKS", "fuzz_hooks")
            .env("PYTHONPATH", root.join("tools/xtask/src"))
            .env("LTLM_FUZZ_URL", text("/baseUrl")?)
            .env("LTLM_FUZZ_ADMIN_KEY", text("/adminKey")?)
            .env("LTLM_FUZZ_PROJECT", &project)
            .env("LTLM_FUZZ_POLICY", &policy)
            .env("LTLM_FUZZ_LICENSE", &license)
            .arg("--config-file")
            .arg(&path)
            .arg("run")
            .arg(root.join("infra/openapi.json"))
            .args(["--url", &text("/baseUrl")?, "--checks", "all", "--phases", "examples,coverage,fuzzing"])
            .args([
                "--max-examples",
                EXAMPLES,
                "--seed",
                SEED,
                "--continue-on-failure",
                "--no-color",
                "--warnings",
                "off",
            ])
            .args(["-H", &format!("x-project-secret: {}", text("/projectSecret")?)])
            .args(["-H", &format!("Authorization: Bearer {}", text("/adminKey")?)]),
    )
    .map_err(|_| "The API does not keep what infra/openapi.json says.".to_owned())
}

/// What the server in `folder` tells of itself, by pointer.
pub(crate) fn demo(folder: &Path) -> Result<impl Fn(&str) -> Result<String, String>, String> {
    let demo = std::fs::read_to_string(folder.join("demo.json")).map_err(|error| format!("demo.json: {error}."))?;
    let demo: Value = serde_json::from_str(&demo).map_err(|error| format!("demo.json: {error}."))?;
    Ok(move |pointer: &str| {
        let text = demo.pointer(pointer).map(|value| value.as_str().map_or(value.to_string(), str::to_owned));
        text.ok_or(format!("demo.json has no {pointer}."))
    })
}

/// Starts the local server on an empty folder, and waits until it is ready.
pub(crate) fn start(root: &Path, folder: &Path) -> Result<Server, String> {
    start_with(root, folder, &["--port", "0", "--fresh"])
}

/// Starts the local server with these options, and waits until it is ready.
pub(crate) fn start_with(root: &Path, folder: &Path, options: &[&str]) -> Result<Server, String> {
    let program = root.join("target/debug/local");
    let child = Command::new(&program)
        .args(options)
        .args(["--quiet", "--data"])
        .arg(folder)
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .map_err(|error| format!("Cannot run {}: {error}.", program.display()))?;
    let mut server = Server(child);
    let mut line = String::new();
    if let Some(output) = server.0.stdout.take() {
        BufReader::new(output).read_line(&mut line).map_err(|error| format!("The local server: {error}."))?;
    }
    match line.starts_with("LTLM is ready") {
        true => Ok(server),
        false => Err("The local server did not start.".to_owned()),
    }
}
