//! Ledger entries of all accounts of the project together.

use clap::Subcommand;
use http::Method;
use serde_json::{Value, json};

use super::accounts::{Range, query};
use super::{Failure, ROWS, Session};
use crate::show::{self, Column};

#[derive(Subcommand)]
pub(crate) enum Command {
    /// Entries of all accounts: account by account, each newest first
    List {
        /// Entries for this
        #[arg(long = "type", value_name = "TYPE")]
        operation_type: Option<String>,
        #[command(flatten)]
        range: Range,
        /// At most so many
        #[arg(long, default_value_t = ROWS)]
        limit: usize,
    },
    /// Erase the free-form metadata of old entries of all accounts; amounts stay, and ledgers can still be verified. An
    /// interrupted erasure continues with the same --operation-id
    Erase {
        /// Entries written before this instant, such as 2027-01-31T00:00:00Z
        #[arg(long)]
        before: String,
    },
}

const LISTED: &[Column] = &[
    ("ACCOUNT", "/accountId"),
    ("NUMBER", "/sequence"),
    ("WHEN", "/recordedAt"),
    ("TYPE", "/operationType"),
    ("CATEGORY", "/category"),
    ("AMOUNT", "/amount"),
    ("BALANCE", "/balanceAfter"),
    ("OPERATION", "/operationId"),
];
const ERASED: &[Column] = &[
    ("accounts", "/accounts"),
    ("entries erased", "/erased"),
    ("begun", "/startedAt"),
    ("done", "/endedAt"),
    ("operation", "/operationId"),
];

const ERASURE: &str = "/v1/entries/erasure";

pub(crate) fn run(session: &Session, command: Command) -> Result<(), Failure> {
    match command {
        Command::List { operation_type, range, limit } => {
            let query = query(&[("type", &operation_type), ("from", &range.from), ("to", &range.to)]);
            session.list(&format!("/v1/entries{query}"), "entries", LISTED, limit)
        }
        Command::Erase { before } => erase(session, &before),
    }
}

/// Erases call by call until all accounts are done, with a counter of accounts at a terminal.
fn erase(session: &Session, before: &str) -> Result<(), Failure> {
    session.confirm(&format!(
        "What was noted with the entries of all accounts of the project before {before} will be gone."
    ))?;
    let body = json!({ "before": before });
    let counter = show::counter("accounts done");
    loop {
        let reply = session.client.send(&Method::POST, ERASURE, session.operation(), Some(body.clone()))?;
        counter.set_position(reply["accounts"].as_u64().unwrap_or(0));
        // A dry run tells nothing.
        if reply.is_null() || reply["done"] == Value::Bool(true) {
            counter.finish_and_clear();
            if !reply.is_null() {
                show::facts(session.format, ERASED, &reply);
            }
            return Ok(());
        }
    }
}
