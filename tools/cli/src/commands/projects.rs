//! Projects and their secrets.

use clap::Subcommand;
use http::Method;
use serde_json::{Value, json};

use super::transfer::{self, PROJECT};
use super::{Failure, ROWS, Session, developers, json_of};
use crate::client::{encoded, new_operation};
use crate::show::{self, Column};

#[derive(Subcommand)]
pub(crate) enum Command {
    /// All projects, newest first
    List {
        /// At most so many
        #[arg(long, default_value_t = ROWS)]
        limit: usize,
    },
    /// Create a project; its secret is shown once
    Create {
        /// Its name
        #[arg(long)]
        name: String,
        /// How the service treats it: JSON, or a file of it
        #[arg(long, value_name = "JSON")]
        settings: Option<String>,
    },
    /// A project
    Show {
        /// Its id
        project: String,
    },
    /// Change a project: given values replace the existing ones
    Update {
        /// Its id
        project: String,
        /// A new name
        #[arg(long)]
        name: Option<String>,
        /// How the service treats it: JSON, or a file of it
        #[arg(long, value_name = "JSON")]
        settings: Option<String>,
        /// Your own data, merged into every license: JSON, or a file of it
        #[arg(long, value_name = "JSON")]
        project_settings: Option<String>,
    },
    /// Add a secret, shown once; those there are stay valid
    AddSecret {
        /// The project's id
        project: String,
    },
    /// Retire a secret: applications that use it are refused from now on
    RetireSecret {
        /// The project's id
        project: String,
        /// The secret's id
        secret: String,
    },
    /// Wrap all keys of projects, webhooks and developers, which another KMS key wrapped, with this deployment's own
    Rewrap {
        /// ARN of the KMS key that wrapped them; the stack must have been deployed with it as PreviousKeyArn
        #[arg(long, value_name = "ARN")]
        previous_key: String,
    },
    /// Write a project to a file, to move it to another deployment; its keys only if requested
    Export(transfer::Export),
    /// Read a project from such a file: the project can be used once all of it is there
    Import(transfer::Import),
    /// How far an import has come
    ImportStatus {
        /// The project's id
        project: String,
    },
    /// Remove what an import that is not finished wrote
    DropImport {
        /// The project's id
        project: String,
    },
    /// Create a key to which another deployment seals a project's keys. Requires the stack's own administrator key
    ImportKey,
}

const COLUMNS: &[Column] =
    &[("PROJECT", "/projectId"), ("NUMBER", "/ProjectID"), ("NAME", "/name"), ("CREATED", "/createdAt")];
const REWRAPPED: &[Column] = &[("OF", "/name"), ("REWRAPPED", "/counts/rewrapped"), ("UNCHANGED", "/counts/unchanged")];
const PATH: &str = "/v1/admin/projects";

pub(crate) fn run(session: &Session, command: Command) -> Result<(), Failure> {
    let of = |project: &str, tail: &str| format!("{PATH}/{}{tail}", encoded(project));
    match command {
        Command::Export(command) => transfer::export(session, &command),
        Command::Import(command) => transfer::import(session, &command),
        Command::ImportStatus { project } => transfer::status(session, &project),
        Command::DropImport { project } => transfer::drop_import(session, &project),
        Command::ImportKey => transfer::import_key(session),
        Command::List { limit } => session.list(PATH, "projects", COLUMNS, limit),
        Command::Show { project } => session.show(&of(&project, ""), PROJECT),
        Command::Create { name, settings } => {
            let mut body = json!({ "name": name });
            put(&mut body, "settings", settings)?;
            session.act(&Method::POST, PATH, Some(body), PROJECT)
        }
        Command::Update { project, name, settings, project_settings } => {
            let mut body = json!({});
            if let Some(name) = name {
                body["name"] = json!(name);
            }
            put(&mut body, "settings", settings)?;
            put(&mut body, "projectSettings", project_settings)?;
            session.act(&Method::PATCH, &of(&project, ""), Some(body), PROJECT)
        }
        Command::AddSecret { project } => session.act(&Method::POST, &of(&project, "/secrets"), None, PROJECT),
        Command::RetireSecret { project, secret } => {
            session.confirm(&format!("Applications that use secret {secret} will be refused."))?;
            session.act(&Method::DELETE, &of(&project, &format!("/secrets/{}", encoded(&secret))), None, PROJECT)
        }
        Command::Rewrap { previous_key } => rewrap(session, &previous_key),
    }
}

/// Rewraps project by project, then developer by developer. Ids of operations need not come again when the command is repeated:
/// what is rewrapped stays as it is.
fn rewrap(session: &Session, previous_key: &str) -> Result<(), Failure> {
    let mut rows = Vec::new();
    for (path, list, name) in [(PATH, "projects", "projectId"), (developers::PATH, "developers", "username")] {
        let (found, _) = session.client.list(path, list, usize::MAX, |_| {})?;
        for one in &found {
            let named = one[name].as_str().unwrap_or_default();
            let path = format!("{path}/{}/rewrap", encoded(named));
            let body = json!({ "previousKeyArn": previous_key });
            let counts = session.client.send(&Method::POST, &path, &new_operation(), Some(body))?;
            rows.push(json!({"name": named, "counts": counts}));
        }
    }
    if !session.client.is_dry_run {
        show::rows(session.format, REWRAPPED, &rows);
    }
    Ok(())
}

fn put(body: &mut Value, name: &str, document: Option<String>) -> Result<(), Failure> {
    if let Some(document) = document {
        body[name] = json_of(&document)?;
    }
    Ok(())
}
