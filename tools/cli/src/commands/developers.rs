//! Developers, who sign in from the editor.

use std::io::{IsTerminal, Read};

use clap::Subcommand;
use http::Method;
use serde_json::{Value, json};

use super::{Failure, ROWS, Session};
use crate::client::encoded;
use crate::show::Column;

#[derive(Subcommand)]
pub(crate) enum Command {
    /// All developers, newest first
    List {
        /// At most so many
        #[arg(long, default_value_t = ROWS)]
        limit: usize,
    },
    /// Create a developer; asks for the password, or reads it from standard input if that is no terminal
    Create {
        /// The e-mail address
        username: String,
        /// The name
        #[arg(long)]
        full_name: Option<String>,
        /// The projects whose secrets it may have; else all
        #[arg(long, value_delimiter = ',')]
        projects: Option<Vec<String>>,
        /// Require no second factor
        #[arg(long)]
        no_mfa: bool,
    },
    /// Change a developer: given values replace the existing ones
    Update {
        /// The e-mail address
        username: String,
        /// The name
        #[arg(long)]
        full_name: Option<String>,
        /// Set a new password: asks for it, or reads it from standard input if that is no terminal
        #[arg(long)]
        password: bool,
        /// The projects whose secrets it may have
        #[arg(long, value_delimiter = ',')]
        projects: Option<Vec<String>>,
        /// Require a second factor?
        #[arg(long)]
        mfa: Option<bool>,
        /// May it sign in no more?
        #[arg(long)]
        disabled: Option<bool>,
    },
}

const COLUMNS: &[Column] = &[
    ("USER", "/username"),
    ("NAME", "/fullName"),
    ("PROJECTS", "/projects"),
    ("SECOND FACTOR", "/mfa"),
    ("DISABLED", "/disabled"),
    ("CREATED", "/createdAt"),
];
const FACTS: &[Column] = &[
    ("user", "/username"),
    ("name", "/fullName"),
    ("projects", "/projects"),
    ("second factor", "/mfa"),
    ("disabled", "/disabled"),
];
pub(super) const PATH: &str = "/v1/admin/developers";

/// A password is never an argument, because every user of the machine can read arguments. At a terminal, the command
/// asks for it and does not show it.
fn password() -> Result<String, Failure> {
    if std::io::stdin().is_terminal() {
        return asked();
    }
    let mut text = String::new();
    let read = std::io::stdin().read_to_string(&mut text);
    read.map_err(|error| Failure::User(format!("Cannot read the password from standard input: {error}.")))?;
    Ok(text.trim_end_matches(['\r', '\n']).to_owned())
}

/// Asks twice, because an invisible password is easily mistyped.
fn asked() -> Result<String, Failure> {
    let ask = |what: &str| {
        let answer = rpassword::prompt_password(what);
        answer.map_err(|error| Failure::User(format!("Cannot read the password from the terminal: {error}.")))
    };
    let first = ask("Password: ")?;
    match ask("The same again: ")? == first {
        true => Ok(first),
        false => Err(Failure::User("The two passwords are not the same. Nothing was sent.".to_owned())),
    }
}

pub(crate) fn run(session: &Session, command: Command) -> Result<(), Failure> {
    match command {
        Command::List { limit } => session.list(PATH, "developers", COLUMNS, limit),
        Command::Create { username, full_name, projects, no_mfa } => {
            let body = json!({"username": username, "fullName": full_name, "password": password()?, "projects": projects, "mfa": !no_mfa});
            session.act(&Method::POST, PATH, Some(body), FACTS)
        }
        Command::Update { username, full_name, password: asks, projects, mfa, disabled } => {
            let password = if asks { Some(password()?) } else { None };
            let given = [
                ("fullName", full_name.map(Value::from)),
                ("password", password.map(Value::from)),
                ("projects", projects.map(Value::from)),
                ("mfa", mfa.map(Value::from)),
                ("disabled", disabled.map(Value::from)),
            ];
            let given = given.into_iter().filter_map(|(name, value)| Some((name.to_owned(), value?)));
            let body = Value::Object(given.collect());
            session.act(&Method::PATCH, &format!("{PATH}/{}", encoded(&username)), Some(body), FACTS)
        }
    }
}
