//! Policies.

use clap::Subcommand;
use http::Method;
use ltlm_protocol::merge;
use serde_json::Value;

use super::{Failure, ROWS, Session, json_of};
use crate::client::encoded;
use crate::show::{self, Column};

#[derive(Subcommand)]
pub(crate) enum Command {
    /// A project's policies, newest first
    List {
        /// The project's id
        project: String,
        /// At most so many
        #[arg(long, default_value_t = ROWS)]
        limit: usize,
    },
    /// Create a policy
    Create {
        /// The project's id
        project: String,
        /// Name, type, config …: JSON, or a file of it
        policy: String,
    },
    /// A policy
    Show {
        /// Its number
        policy: i64,
    },
    /// Change a policy: given members are merged into it, null removes a member; takes effect for its licenses at once.
    /// Shows the difference and asks first
    Update {
        /// Its number
        policy: i64,
        /// The members to change: JSON, or a file of it
        change: String,
    },
}

const COLUMNS: &[Column] = &[
    ("POLICY", "/PolicyID"),
    ("NAME", "/name"),
    ("TYPE", "/type"),
    ("SEATS", "/config/limits/seats/maxSeats"),
    ("TOKENS", "/config/limits/tokens/maxTokens"),
    ("DEVICES", "/config/limits/devices/maxDevices"),
    ("PRICE", "/price"),
    ("", "/currency"),
];
const FACTS: &[Column] = &[
    ("policy", "/PolicyID"),
    ("project", "/projectId"),
    ("name", "/name"),
    ("slug", "/slug"),
    ("type", "/type"),
    ("environment", "/environment"),
    ("description", "/description"),
    ("price", "/price"),
    ("currency", "/currency"),
    ("every", "/recurringIntervalCount"),
    ("interval", "/recurringInterval"),
    ("recurring price", "/recurringPrice"),
    ("air-gapped", "/isAirGapped"),
    ("config", "/config"),
    ("renewal", "/renewal"),
    ("created", "/createdAt"),
];

pub(crate) fn run(session: &Session, command: Command) -> Result<(), Failure> {
    let of_project = |project: &str| format!("/v1/admin/projects/{}/policies", encoded(project));
    match command {
        Command::List { project, limit } => session.list(&of_project(&project), "policies", COLUMNS, limit),
        Command::Create { project, policy } => {
            session.act(&Method::POST, &of_project(&project), Some(json_of(&policy)?), FACTS)
        }
        Command::Show { policy } => session.show(&format!("/v1/admin/policies/{policy}"), FACTS),
        Command::Update { policy, change } => {
            let (path, change) = (format!("/v1/admin/policies/{policy}"), json_of(&change)?);
            let found = session.client.get(&path)?;
            if show::difference(session.format, &found, &merged(&found, &change)) {
                session.confirm("Licenses of this policy follow at once.")?;
            }
            session.act(&Method::PATCH, &path, Some(change), FACTS)
        }
    }
}

/// The policy after the change, as the deployment computes it.
fn merged(found: &Value, change: &Value) -> Value {
    let mut document = found.as_object().cloned().unwrap_or_default();
    if let Some(patch) = change.as_object() {
        merge::merge(&mut document, patch, merge::POLICY_FREE_FORM);
    }
    Value::Object(document)
}
