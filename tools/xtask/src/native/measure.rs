//! What the native client costs: its library's size, memory, wake-ups, starts and uses, and the first client on the same network.

use std::path::Path;
use std::process::Command;

use super::local_server::{LocalServer, bounded};
use crate::{Outcome, cargo, run, say};

/// Measures. Figures are told, and none is held to a bound: machines differ.
pub(crate) fn client(root: &Path, idle_seconds: u32, lives: u32, runs: u32) -> Outcome {
    say("Building the library and the client for release …");
    run(cargo().args(["build", "--quiet", "--package", "ltlm-ffi", "--lib", "--profile", "client"]))?;
    run(cargo().args(["build", "--quiet", "--package", "ltlm-client", "--release", "--example", "measure"]))?;
    run(cargo().args(["build", "--quiet", "--package", "ltlm-local"]))?;
    let server = LocalServer::new(root, "native/measure")?;
    let target = server.root.join("target");
    let library = target.join("client/libltlm.so");
    let size = std::fs::metadata(&library).map_err(|error| format!("{}: {error}.", library.display()))?.len();
    say(&format!("library: {size} bytes, stripped"));
    let measure = target.join("release/examples/measure");
    run(bounded(measure).arg(server.folder.join("server")).arg(idle_seconds.to_string()))?;
    drop(server);
    let test = |filter: &str| -> Command {
        let mut command = cargo();
        command.args(["test", "--workspace", "--test", "it", "--quiet", "--", "--nocapture", filter]);
        command
    };
    say("Living the first client and ours on one network …");
    run(test("client::measured").env("LTLM_CLIENT_COMPARED", lives.to_string()))?;
    say("Simulating …");
    run(test("client::simulation").env("LTLM_CLIENT_RUNS", runs.to_string()))
}
