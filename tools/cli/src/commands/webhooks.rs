//! The vendor's webhooks.

use clap::Subcommand;
use http::Method;
use serde_json::json;

use super::{Failure, ROWS, Session};
use crate::client::{encoded, would_send};
use crate::show::Column;

#[derive(Subcommand)]
pub(crate) enum Command {
    /// Webhooks of the project
    List,
    /// Create a webhook; its secret is shown
    Create {
        /// Where notices go: an https address
        #[arg(value_name = "URL")]
        address: String,
        /// Which notices; else all
        #[arg(long, value_delimiter = ',')]
        kinds: Option<Vec<String>>,
    },
    /// Rotate the secret of a webhook; the old one also signs for a day
    Rotate {
        /// Its id
        webhook: String,
    },
    /// Stop a webhook
    Remove {
        /// Its id
        webhook: String,
    },
    /// Send what there was to a webhook again, newest first, page by page
    Replay {
        /// Its id
        webhook: String,
        /// Only deliveries that failed permanently
        #[arg(long)]
        dead_letters: bool,
        /// Where an earlier replay stopped
        #[arg(long)]
        cursor: Option<String>,
    },
    /// List deliveries that failed permanently, newest first
    DeadLetters {
        /// The webhook's id
        webhook: String,
        /// At most so many
        #[arg(long, default_value_t = ROWS)]
        limit: usize,
    },
    /// List the notices of the project, newest first
    Notices {
        /// At most so many
        #[arg(long, default_value_t = ROWS)]
        limit: usize,
    },
}

const COLUMNS: &[Column] = &[
    ("WEBHOOK", "/webhookId"),
    ("URL", "/url"),
    ("KINDS", "/kinds"),
    ("DISABLED", "/disabled"),
    ("CREATED", "/createdAt"),
];
const FACTS: &[Column] = &[("webhook", "/webhookId"), ("url", "/url"), ("kinds", "/kinds"), ("secret", "/secret")];
const REPLAYED: &[Column] = &[("sent again", "/replayed"), ("go on with --cursor", "/nextCursor")];
const DEAD: &[Column] =
    &[("WHEN", "/at"), ("TYPE", "/type"), ("TRIES", "/attempts"), ("LAST", "/error"), ("MESSAGE", "/messageId")];
const NOTICES: &[Column] = &[("WHEN", "/timestamp"), ("TYPE", "/type"), ("MESSAGE", "/messageId"), ("FACTS", "/data")];

pub(crate) fn run(session: &Session, command: Command) -> Result<(), Failure> {
    let path = session.project_path("/webhooks")?;
    let of = |webhook: &str, tail: &str| format!("{path}/{}{tail}", encoded(webhook));
    match command {
        Command::List => session.list_all(&path, "webhooks", COLUMNS),
        Command::Create { address, kinds } => {
            session.act(&Method::POST, &path, Some(json!({"url": address, "kinds": kinds})), FACTS)
        }
        Command::Rotate { webhook } => session.act(&Method::POST, &of(&webhook, "/secret"), None, FACTS),
        Command::Remove { webhook } => {
            session.confirm(&format!("Webhook {webhook} will be told nothing any more."))?;
            session.act(&Method::DELETE, &of(&webhook, ""), None, FACTS)
        }
        Command::Replay { webhook, dead_letters, cursor } => {
            let body = json!({"deadLetters": dead_letters, "cursor": cursor});
            let path = of(&webhook, "/replay");
            if session.client.is_dry_run {
                // The deployment sends before it notes that it did, so it cannot judge beforehand.
                would_send(&Method::POST, &path, Some(&body));
                return Ok(());
            }
            session.act(&Method::POST, &path, Some(body), REPLAYED)
        }
        Command::DeadLetters { webhook, limit } => {
            session.list(&of(&webhook, "/dead-letters"), "deadLetters", DEAD, limit)
        }
        Command::Notices { limit } => session.list(&session.project_path("/notices")?, "notices", NOTICES, limit),
    }
}
