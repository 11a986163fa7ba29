//! Administrator keys, and the log of what was done with them.

use clap::Subcommand;
use http::Method;
use serde_json::json;

use super::{Failure, ROWS, Session};
use crate::client::encoded;
use crate::show::Column;

#[derive(Subcommand)]
pub(crate) enum Command {
    /// All keys, newest first
    List {
        /// At most so many
        #[arg(long, default_value_t = ROWS)]
        limit: usize,
    },
    /// Create a key; it is shown once
    Create {
        /// What it may be used for
        #[arg(long, required = true, value_delimiter = ',', value_parser = ["projects", "policies", "licenses", "tokens", "read"])]
        scopes: Vec<String>,
        /// What it is for
        #[arg(long)]
        name: Option<String>,
        /// The one project it is for
        #[arg(long)]
        project: Option<String>,
        /// When it stops working, such as 2027-01-31T00:00:00Z
        #[arg(long)]
        expires_at: Option<String>,
    },
    /// Revoke a key at once
    Revoke {
        /// Its id
        key: String,
        /// Also revoke all keys that it created, and that those created
        #[arg(long)]
        cascade: bool,
    },
}

const COLUMNS: &[Column] = &[
    ("KEY", "/keyId"),
    ("NAME", "/name"),
    ("SCOPES", "/scopes"),
    ("PROJECT", "/projectId"),
    ("EXPIRES", "/expiresAt"),
    ("FAMILY", "/family"),
    ("REVOKED", "/revokedAt"),
    ("CREATED", "/createdAt"),
];
const FACTS: &[Column] = &[
    ("key, shown once", "/key"),
    ("key's id", "/keyId"),
    ("name", "/name"),
    ("scopes", "/scopes"),
    ("project", "/projectId"),
    ("expires", "/expiresAt"),
];
const AUDIT: &[Column] = &[
    ("WHEN", "/timestamp"),
    ("KEY", "/keyId"),
    ("FROM", "/from"),
    ("ACTION", "/action"),
    ("TARGET", "/target"),
    ("FAMILY", "/family"),
];
const PATH: &str = "/v1/admin/keys";

pub(crate) fn run(session: &Session, command: Command) -> Result<(), Failure> {
    match command {
        Command::List { limit } => session.list(PATH, "keys", COLUMNS, limit),
        Command::Create { scopes, name, project, expires_at } => {
            let body = json!({"scopes": scopes, "name": name, "projectId": project, "expiresAt": expires_at});
            session.act(&Method::POST, PATH, Some(body), FACTS)
        }
        Command::Revoke { key, cascade } => {
            let (and, tail) = if cascade { (" or a key that descends from it", "?cascade=true") } else { ("", "") };
            session.confirm(&format!("What uses key {key}{and} will be refused."))?;
            session.act(&Method::DELETE, &format!("{PATH}/{}{tail}", encoded(&key)), None, FACTS)
        }
    }
}

/// Prints the log.
pub(crate) fn audit(session: &Session, limit: usize) -> Result<(), Failure> {
    session.list("/v1/admin/audit", "entries", AUDIT, limit)
}
