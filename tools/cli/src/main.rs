//! `ltlm`: the vendor's side of LTLM from a terminal.

mod client;
mod commands;
mod journal;
mod output;
mod show;

use std::cell::RefCell;
use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Args, Parser, Subcommand};
use ltlm_protocol::limits;
use serde_json::Value;

use client::Client;
use commands::{
    Failure, accounts, developers, doctor, entries, keys, licenses, organizations, policies, projects, store, webhooks,
};
use show::Format;

/// The vendor's side of LTLM from a terminal.
#[derive(Parser)]
#[command(name = "ltlm", version, about, max_term_width = 100)]
struct Options {
    #[command(flatten)]
    common: Common,
    #[command(subcommand)]
    command: Command,
}

/// What every command understands.
#[derive(Args)]
struct Common {
    /// Where LTLM answers, such as <https://api.example.com/api>
    #[arg(long, env = "LTLM_URL", global = true)]
    url: Option<String>,
    /// A file that holds the administrator key and nothing else; or put the key into LTLM_ADMIN_KEY
    #[arg(long, env = "LTLM_ADMIN_KEY_FILE", global = true, value_name = "FILE")]
    admin_key_file: Option<PathBuf>,
    /// The file that `ltlm-local` wrote when it started; used if no URL is given
    #[arg(long, default_value = ".ltlm/demo.json", global = true, value_name = "FILE")]
    local: PathBuf,
    /// Print JSON, for programs
    #[arg(long, global = true)]
    json: bool,
    /// Change nothing: say what would be sent, and let the deployment judge it. What it would refuse is refused
    #[arg(long, global = true)]
    dry_run: bool,
    /// Do not ask before something is destroyed
    #[arg(long, global = true)]
    yes: bool,
    /// The project whose accounts, orders, events or webhooks are meant; not needed with a key that is limited to one
    #[arg(long, env = "LTLM_PROJECT", global = true, value_name = "ID")]
    project_id: Option<String>,
    /// The operation's id: a command that is repeated with the same id takes effect once. Without it, an id is created
    /// and printed on standard error before anything is sent
    #[arg(long, global = true, value_name = "ID", value_parser = operation_id)]
    operation_id: Option<String>,
}

#[derive(Subcommand)]
enum Command {
    /// Projects and their secrets
    #[command(subcommand)]
    Projects(projects::Command),
    /// Policies
    #[command(subcommand)]
    Policies(policies::Command),
    /// Licenses, their devices, seats and tokens
    #[command(subcommand)]
    Licenses(licenses::Command),
    /// Token accounts
    #[command(subcommand)]
    Accounts(accounts::Command),
    /// Ledger entries of all accounts together
    #[command(subcommand)]
    Entries(entries::Command),
    /// Organizations and their pools of tokens
    #[command(subcommand)]
    Organizations(organizations::Command),
    /// What was ordered in the store
    #[command(subcommand)]
    Orders(store::Orders),
    /// What applications report
    #[command(subcommand)]
    Events(store::Events),
    /// The vendor's webhooks
    #[command(subcommand)]
    Webhooks(webhooks::Command),
    /// Check the deployment from outside, and say what is wrong and what to do
    Doctor(doctor::Options),
    /// Developers, who sign in from the editor
    #[command(subcommand)]
    Developers(developers::Command),
    /// Administrator keys
    #[command(subcommand)]
    Keys(keys::Command),
    /// What administrators did, newest first
    Audit {
        /// At most so many lines
        #[arg(long, default_value_t = 50)]
        limit: usize,
    },
}

/// Exit code for what the user can mend before anything is sent.
const USER_ERROR: u8 = 2;

/// What a command of many calls puts behind the operation's id: a dot and 16 digits.
const ROOM: usize = 17;

fn main() -> ExitCode {
    let Options { common, command } = Options::parse();
    match run(&common, command) {
        Ok(()) => ExitCode::SUCCESS,
        Err(Failure::User(sentence)) => {
            eprintln!("{sentence}");
            ExitCode::from(USER_ERROR)
        }
        Err(Failure::Call(error)) => {
            eprintln!("{error}");
            ExitCode::FAILURE
        }
        Err(Failure::Told) => ExitCode::FAILURE,
        Err(Failure::Lost(error, operation)) => {
            eprintln!(
                "{error}\nWhether it was done is not known: repeated with --operation-id {operation}, it is done once."
            );
            ExitCode::FAILURE
        }
    }
}

fn run(common: &Common, command: Command) -> Result<(), Failure> {
    let (url, key) = deployment(common)?;
    let session = commands::Session {
        client: Client::new(&url, &key, project(common), common.dry_run),
        format: if common.json { Format::Json } else { Format::People },
        is_agreed: common.yes,
        project: project(common),
        operation: common.operation_id.clone().unwrap_or_else(client::new_operation),
        is_given: common.operation_id.is_some(),
        operation_shown: RefCell::default(),
    };
    dispatch(&session, command).map_err(|failure| session.explained(failure))
}

fn dispatch(session: &commands::Session, command: Command) -> Result<(), Failure> {
    match command {
        Command::Projects(command) => projects::run(session, command),
        Command::Policies(command) => policies::run(session, command),
        Command::Licenses(command) => licenses::run(session, command),
        Command::Accounts(command) => accounts::run(session, command),
        Command::Entries(command) => entries::run(session, command),
        Command::Organizations(command) => organizations::run(session, command),
        Command::Orders(command) => store::orders(session, command),
        Command::Events(command) => store::events(session, command),
        Command::Webhooks(command) => webhooks::run(session, command),
        Command::Doctor(options) => doctor::run(session, &options),
        Command::Developers(command) => developers::run(session, command),
        Command::Keys(command) => keys::run(session, command),
        Command::Audit { limit } => keys::audit(session, limit),
    }
}

/// An operation id that leaves room for what commands of many calls put behind it.
fn operation_id(text: &str) -> Result<String, String> {
    let most = limits::OPERATION_ID_CHARS_MAX - ROOM;
    match (1..=most).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_graphic()) {
        true => Ok(text.to_owned()),
        false => Err(format!("must be 1 to {most} visible ASCII characters")),
    }
}

/// The project of account commands: by option or environment, or the local server's where that is what answers.
fn project(common: &Common) -> Option<String> {
    let local = || {
        let demo: Value = serde_json::from_str(&std::fs::read_to_string(&common.local).ok()?).ok()?;
        Some(demo.get("projectId")?.as_str()?.to_owned())
    };
    common.project_id.clone().or_else(|| common.url.is_none().then(local).flatten())
}

/// URL and key: by option or environment, or those of the local server.
#[expect(clippy::disallowed_methods, reason = "this is the one place")]
fn deployment(common: &Common) -> Result<(String, String), Failure> {
    let local = || -> Option<Value> { serde_json::from_str(&std::fs::read_to_string(&common.local).ok()?).ok() };
    let of_local = |name: &str| local().and_then(|demo| Some(demo.get(name)?.as_str()?.to_owned()));
    let key = match &common.admin_key_file {
        Some(path) => {
            let text = std::fs::read_to_string(path)
                .map_err(|error| Failure::User(format!("Cannot read {}: {error}.", path.display())))?;
            Some(text.trim().to_owned())
        }
        None => std::env::var("LTLM_ADMIN_KEY").ok(),
    };
    let missing = |what: &str, how: &str| {
        Failure::User(format!(
            "No {what}: {how}, or start `cargo run -p ltlm-local`, which writes {}.",
            common.local.display()
        ))
    };
    match (&common.url, key) {
        (Some(url), Some(key)) => Ok((url.clone(), key)),
        // A key of one deployment is never sent to another.
        (Some(_), None) => Err(Failure::User(
            "No administrator key: put it into LTLM_ADMIN_KEY, or into a file named by --admin-key-file.".to_owned(),
        )),
        (None, key) => {
            let url = of_local("baseUrl").ok_or_else(|| missing("deployment", "set LTLM_URL or --url"))?;
            let key = key.or_else(|| of_local("adminKey")).ok_or_else(|| missing("key", "set LTLM_ADMIN_KEY"))?;
            Ok((url, key))
        }
    }
}
