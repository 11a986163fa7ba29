//! `cargo xtask`: what the repository needs done.

mod bench;
mod fuzz;
mod measure;
mod measure_accounts;
mod measure_changes;
mod measure_contention;
mod native;
mod prove;
mod python_client;
mod typescript;

use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode, Stdio};

use clap::{Parser, Subcommand};
use sha2::{Digest, Sha256};

#[derive(Parser)]
#[command(name = "xtask", about = "What the repository needs done")]
enum Task {
    /// Pass all tests: sets up what they need, checks the template, builds the programs, runs everything
    Test,
    /// Check template.yaml and leave it translated in target/template.json for the tests
    Template,
    /// Deploy template.yaml into a local cloud that enforces IAM, and try what only a deployment shows
    DeployTest {
        /// Fail where something that a part of it needs is missing, in place of leaving that part out
        #[arg(long)]
        all: bool,
        /// Deploy release packages by SAM, as a vendor does, in place of the built programs; takes long
        #[arg(long, conflicts_with = "all")]
        packaged: bool,
    },
    /// Hold the local server to infra/openapi.json with requests made from it
    Fuzz,
    /// Generate a Python client from infra/openapi.json and try it against the local server
    GeneratedClient,
    /// Build, check and test the TypeScript clients: needs Node.js with npm, and a Chromium
    Typescript,
    /// Build and test the client's layers in other languages: needs GCC, CMake, pkg-config, valgrind and Mono
    Native,
    /// Write the generated documents
    Docs,
    /// Check licenses, sources and bans of all dependencies
    Deny,
    /// Run the tests behind the promises at length, and write what was seen into docs/proofs.md
    Prove,
    /// Make an administrator key: the key for you, its SHA-256 for the stack
    AdminKey,
    /// Make the secret by which the functions know CloudFront, and its SHA-256, both for the stack
    EdgeSecret,
    /// Measure the size and start-up of the release binaries beside a bare function
    #[command(subcommand)]
    Measure(Measured),
}

#[derive(Subcommand)]
enum Measured {
    /// Size on disk, time from process start to the first poll of the Runtime API and to the first answer, and peak memory
    Startup {
        /// Measures the binaries in this folder, and builds none
        #[arg(long)]
        built: Option<PathBuf>,
    },
    /// Accounts under load on the embedded engine: one wallet of many callers, and a night of renewals
    Accounts,
    /// Debits of one account by one, 16 and 64 concurrent callers on the embedded engine; fails if an aim is missed
    Contention {
        /// Seconds of each load
        #[arg(long, default_value_t = 10)]
        seconds: u64,
        /// Seconds of the 64 callers
        #[arg(long, default_value_t = 60)]
        heavy_seconds: u64,
    },
    /// The native client: its library's size, memory, wake-ups, starts and uses, the first client on the same network, the simulation
    Client {
        /// Seconds for which an idle client is watched
        #[arg(long, default_value_t = 300)]
        idle: u32,
        /// Lives of each client on one network
        #[arg(long, default_value_t = 100)]
        lives: u32,
        /// Simulated runs
        #[arg(long, default_value_t = 1_000)]
        runs: u32,
    },
    /// A consume on the embedded engine after many writes, beside one on a new engine
    Changes {
        /// Writes between the first consume and the last
        #[arg(long, default_value_t = 1_000_000)]
        writes: usize,
    },
}

/// The one version of cargo-deny; newer ones may judge differently.
const DENY_VERSION: &str = "0.20.2";

type Outcome = Result<(), String>;

fn main() -> ExitCode {
    let done = match Task::parse() {
        Task::Test => test(),
        Task::Template => template(),
        Task::DeployTest { packaged: true, .. } => deploy_packages(),
        Task::DeployTest { all, .. } => deploy_test(all),
        Task::Fuzz => fuzz(),
        Task::GeneratedClient => programs().and_then(|()| generated_client()),
        Task::Typescript => typescript(),
        Task::Native => native(),
        Task::Docs => docs(),
        Task::Deny => deny(),
        Task::Prove => programs().and_then(|()| prove::prove(&root(), cargo())),
        Task::AdminKey => admin_key(),
        Task::EdgeSecret => edge_secret(),
        Task::Measure(Measured::Startup { built }) => measure::startup(&root(), built.as_deref()),
        Task::Measure(Measured::Client { idle, lives, runs }) => native::measure(&root(), idle, lives, runs),
        Task::Measure(Measured::Contention { seconds, heavy_seconds }) => {
            measure_contention::contention(seconds, heavy_seconds)
        }
        Task::Measure(Measured::Accounts) => measure_accounts::accounts(),
        Task::Measure(Measured::Changes { writes }) => {
            measure_changes::changes(&root().join("target/measure-changes"), writes)
        }
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(sentence) => {
            eprintln!("{sentence}");
            ExitCode::FAILURE
        }
    }
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

fn cargo() -> Command {
    let mut command = Command::new(option_env!("CARGO").unwrap_or("cargo"));
    command.current_dir(root());
    // What `cargo run` tells this program of its own package: build scripts of dependencies would take it for theirs, and all be built again.
    for (name, _) in std::env::vars_os() {
        if name.to_str().is_some_and(|name| name.starts_with("CARGO_PKG_") || name.starts_with("CARGO_MANIFEST_")) {
            command.env_remove(name);
        }
    }
    command
}

/// Runs a command to its end.
fn run(command: &mut Command) -> Outcome {
    let status =
        command.status().map_err(|error| format!("Cannot run {}: {error}.", command.get_program().display()))?;
    match status.success() {
        true => Ok(()),
        false => Err(format!("{} ended with {status}.", command.get_program().display())),
    }
}

fn say(text: &str) {
    let _ = writeln!(std::io::stdout().lock(), "{text}");
}

fn test() -> Outcome {
    template()?;
    let fuzzed = fuzz();
    let (passed, failed, success) = cargo_test()?;
    let generated = generated_client();
    let missing = typescript::missing();
    let clients = missing.as_ref().map_or_else(|| typescript::test(&root()), |_| Ok(()));
    let absent = native::missing();
    let layers = absent.as_ref().map_or_else(|| native::test(&root()), |_| Ok(()));
    let word = |outcome: &Outcome| if outcome.is_ok() { "passed" } else { "failed" };
    say(&format!("\nAPI fuzzing {}", word(&fuzzed)));
    say(&format!("generated Python client {}", word(&generated)));
    match missing {
        Some(what) => say(&format!("TypeScript clients left out: {what} is missing")),
        None => say(&format!("TypeScript clients {}", word(&clients))),
    }
    match absent {
        Some(what) => say(&format!("native clients left out: {what} is missing")),
        None => say(&format!("native clients {}", word(&layers))),
    }
    for failure in [&fuzzed, &generated, &clients, &layers].into_iter().filter_map(|outcome| outcome.as_ref().err()) {
        say(failure);
    }
    say(&format!("{passed} passed, {failed} failed"));
    match success && failed == 0 && passed > 0 {
        true => fuzzed.and(generated).and(clients).and(layers),
        false => Err("The tests failed.".to_owned()),
    }
}

fn programs() -> Outcome {
    say("Building the programs that the tests run …");
    let packages = ["functions", "ltlm-local", "ltlm-cli", "ltlm-ffi"].into_iter().flat_map(|name| ["--package", name]);
    run(cargo().args(["build", "--bins", "--lib"]).args(packages))
}

fn fuzz() -> Outcome {
    let venv = venv()?;
    // The selection of packages decides the features of their dependencies: another one would build them all again.
    programs()?;
    say("Fuzzing the API …");
    fuzz::run(&root(), &venv)
}

/// Generates a client from the OpenAPI document, and tries it.
fn generated_client() -> Outcome {
    python_client::test(&root(), &venv_of("target/python-client/venv", "infra/python/client.lock.txt")?)
}

fn typescript() -> Outcome {
    if let Some(what) = typescript::missing() {
        return Err(format!("The TypeScript clients cannot be tested: {what} is missing."));
    }
    programs()?;
    typescript::test(&root())
}

fn native() -> Outcome {
    if let Some(what) = native::missing() {
        return Err(format!("The clients in other languages cannot be tested: {what} is missing."));
    }
    programs()?;
    native::test(&root())
}

/// Runs all tests, shows their output as it comes, and adds up their results.
fn cargo_test() -> Result<(u64, u64, bool), String> {
    let mut child = cargo()
        .args(["test", "--workspace", "--no-fail-fast"])
        .stdout(Stdio::piped())
        .spawn()
        .map_err(|error| format!("Cannot run cargo: {error}."))?;
    let (mut passed, mut failed) = (0, 0);
    if let Some(output) = child.stdout.take() {
        for line in BufReader::new(output).lines().map_while(Result::ok) {
            say(&line);
            if let Some(result) = line.strip_prefix("test result: ") {
                passed += count(result, " passed");
                failed += count(result, " failed");
            }
        }
    }
    let status = child.wait().map_err(|error| format!("Cannot wait for cargo: {error}."))?;
    Ok((passed, failed, status.success()))
}

/// The number before a word in a line of `cargo test`.
fn count(result: &str, word: &str) -> u64 {
    let before = result.split(word).next().unwrap_or("");
    before.rsplit(|c: char| !c.is_ascii_digit()).next().and_then(|digits| digits.parse().ok()).unwrap_or(0)
}

/// Deploys with the programs that are built for the tests: launchers in place of packages.
fn deploy_test(all: bool) -> Outcome {
    let venv = venv_of("target/cloud/venv", "infra/python/cloud.lock.txt")?;
    programs()?;
    say("Deploying into a local cloud …");
    run(Command::new(venv.join("bin/python"))
        .current_dir(root())
        .arg("infra/python/deploy_test.py")
        .arg(root().join("target/debug"))
        .arg(root().join("target/cloud/run"))
        .args(all.then_some("--all")))
}

/// Deploys packages that SAM builds and deploys.
fn deploy_packages() -> Outcome {
    let python = venv_of("target/cloud/venv", "infra/python/cloud.lock.txt")?;
    let cargo_lambda = venv_of("target/cloud/packaging", "infra/python/packaging.lock.txt")?;
    run(Command::new(python.join("bin/python"))
        .current_dir(root())
        .args(["infra/python/deploy_test.py", "--packaged"])
        .args([venv()?.join("bin"), cargo_lambda.join("bin")])
        .arg(root().join("target/cloud/run")))
}

/// The Python tools that the template is checked with, and the API fuzzed.
fn venv() -> Result<PathBuf, String> {
    venv_of(".venv", "infra/python/requirements.lock.txt")
}

/// Python tools in a virtual environment of our own, at pinned versions.
fn venv_of(folder: &str, lock: &str) -> Result<PathBuf, String> {
    let (folder, lock) = (root().join(folder), root().join(lock));
    let wanted = std::fs::read_to_string(&lock).map_err(|error| format!("{}: {error}.", lock.display()))?;
    let stamp = folder.join("installed.txt");
    if std::fs::read_to_string(&stamp).is_ok_and(|installed| installed == wanted) {
        return Ok(folder);
    }
    say(&format!("Setting up the Python tools of {} …", lock.display()));
    run(Command::new("python3").args(["-m", "venv", "--clear"]).arg(&folder)).map_err(|why| {
        format!("{why} The template is checked with Python tools: install python3 with its venv module.")
    })?;
    run(Command::new(folder.join("bin/pip")).args(["install", "--quiet", "--no-deps", "--requirement"]).arg(&lock))?;
    std::fs::write(&stamp, wanted).map_err(|error| format!("{}: {error}.", stamp.display()))?;
    Ok(folder)
}

fn template() -> Outcome {
    let venv = venv()?;
    say("Checking template.yaml …");
    run(Command::new("infra/python/check_template.sh")
        .current_dir(root())
        .arg(venv)
        .arg(root().join("target/template.json")))
}

fn docs() -> Outcome {
    let write =
        |path: &str, text: String| std::fs::write(root().join(path), text).map_err(|error| format!("{path}: {error}."));
    write("docs/errors.md", xtask::documents::errors())?;
    write("docs/api.md", xtask::documents::api())?;
    write("docs/policies.md", xtask::reference::document())?;
    let read = |path: &str| std::fs::read_to_string(root().join(path)).map_err(|error| format!("{path}: {error}."));
    write("template.yaml", xtask::template::document(&read("infra/stack.yaml")?)?)?;
    let cost = xtask::cost::document(&read("docs/data-model.md")?, &read("template.yaml")?, &read("infra/waf.yaml")?);
    write("docs/cost.md", cost.ok_or("An operation of tools/xtask/src/cost.rs has no row in docs/data-model.md.")?)?;
    write("clients/c/include/ltlm.h", xtask::bindings::header(&root())?)?;
    write("clients/dotnet/Runtime/NativeMethods.g.cs", xtask::bindings::csharp(&root())?)?;
    write("infra/openapi.json", format!("{:#}\n", xtask::openapi::document::document()))
}

fn deny() -> Outcome {
    let tools = root().join("target/tools");
    let program = tools.join("bin/cargo-deny");
    let is_wanted = Command::new(&program)
        .arg("--version")
        .output()
        .is_ok_and(|output| String::from_utf8_lossy(&output.stdout).contains(DENY_VERSION));
    if !is_wanted {
        say("Building cargo-deny …");
        run(cargo()
            .args(["install", "--quiet", "--locked", "--force", "--version", DENY_VERSION, "cargo-deny", "--root"])
            .arg(&tools))?;
    }
    run(Command::new(program).current_dir(root()).args(["--workspace", "check", "bans", "licenses", "sources"]))
}

/// Both are parameters of one deployment: made together, they match.
fn edge_secret() -> Outcome {
    let secret = local::demo::new_edge_secret();
    say(&format!("EdgeSecret (for the stack):        {secret}"));
    say(&format!("EdgeSecretSha256 (for the stack):  {}", hex::encode(Sha256::digest(&secret))));
    Ok(())
}

fn admin_key() -> Outcome {
    let key = local::demo::new_admin_key();
    say(&format!("key (keep it; it is shown once):  {key}"));
    say(&format!("AdminKeySha256 (for the stack):   {}", hex::encode(Sha256::digest(&key))));
    Ok(())
}
