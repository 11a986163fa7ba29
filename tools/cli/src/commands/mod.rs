//! The commands, one file a noun.

pub(crate) mod accounts;
pub(crate) mod bulk;
pub(crate) mod developers;
pub(crate) mod doctor;
pub(crate) mod entries;
pub(crate) mod keys;
pub(crate) mod licenses;
pub(crate) mod organizations;
pub(crate) mod policies;
pub(crate) mod projects;
pub(crate) mod store;
pub(crate) mod transfer;
pub(crate) mod webhooks;

use std::cell::RefCell;
use std::path::Path;

use clap::Args;
use http::Method;
use serde_json::{Value, json};

use crate::client::{CallError, Client, encoded};
use crate::show::{self, Column, Format};

/// What a command works with.
pub(crate) struct Session {
    pub(crate) client: Client,
    pub(crate) format: Format,
    /// `--yes`
    pub(crate) is_agreed: bool,
    /// The operation's id: `--operation-id`, or one of its own.
    pub(crate) operation: String,
    /// Did the user give it?
    pub(crate) is_given: bool,
    /// The id that was printed, once something is sent with it.
    pub(crate) operation_shown: RefCell<Option<String>>,
    /// `--project-id`, or the local server's project.
    pub(crate) project: Option<String>,
}

/// Why a command failed.
#[derive(Debug)]
pub(crate) enum Failure {
    /// The user can mend it.
    User(String),
    /// The deployment refused, or did not answer.
    Call(CallError),
    /// It did not answer what was sent under this operation id.
    Lost(CallError, String),
    /// Some of many calls failed; each was reported.
    Told,
}

impl From<CallError> for Failure {
    fn from(error: CallError) -> Self {
        Self::Call(error)
    }
}

/// The parameters of an order of a pack of tokens.
#[derive(Args)]
pub(crate) struct PackOrder {
    /// The pack, as the project's settings list it
    pack: String,
    /// Filled in on the payment page
    #[arg(long)]
    email: Option<String>,
    /// Where the browser goes afterwards
    #[arg(long, value_name = "URL")]
    redirect_url: Option<String>,
}

const CHECKOUT: &[Column] = &[("pay at", "/checkoutUrl"), ("session", "/sessionId")];

/// Rows of a list that are printed if the user does not say.
pub(crate) const ROWS: usize = 50;

/// Prints the deployment's warnings in addition to the answer.
fn warn(answer: &Value) {
    for warning in answer["warnings"].as_array().into_iter().flatten().filter_map(Value::as_str) {
        show::note(&format!("warning: {warning}"));
    }
}

/// Prints, in addition to a list, that it is cut, and how to see the rest.
fn more(limit: usize, or: &str) {
    show::note(&format!("There are more than these {limit}: go on with --limit {}{or}.", limit.saturating_mul(10)));
}

impl Session {
    /// The operation's id for the next request. It is printed before that, so that a user who loses the answer, or the
    /// terminal, can repeat the command with it.
    pub(crate) fn operation(&self) -> &str {
        self.show_operation(&self.operation);
        &self.operation
    }

    /// The operation's id, if the user gave it.
    fn given_operation(&self) -> Option<&str> {
        self.is_given.then_some(self.operation.as_str())
    }

    /// Tells the id under which something is sent next, once. A dry run changes nothing that could be done twice.
    fn show_operation(&self, operation: &str) {
        if !self.client.is_dry_run && self.operation_shown.borrow().is_none() {
            show::note(&format!("operation id: {operation}"));
            self.operation_shown.replace(Some(operation.to_owned()));
        }
    }

    /// A failure which leaves open whether the command acted, with the id to repeat it under.
    pub(crate) fn explained(&self, failure: Failure) -> Failure {
        match (failure, self.operation_shown.borrow().as_ref()) {
            (Failure::Call(error), Some(operation)) if !error.is_refusal() => Failure::Lost(error, operation.clone()),
            (failure, _) => failure,
        }
    }

    /// A path below the project that is meant.
    fn project_path(&self, tail: &str) -> Result<String, Failure> {
        let project = self
            .project
            .as_ref()
            .ok_or_else(|| Failure::User("Which project? Name it with --project-id, or in LTLM_PROJECT.".to_owned()))?;
        Ok(format!("/v1/admin/projects/{}{tail}", encoded(project)))
    }

    /// Changes something and prints what came of it.
    fn act(&self, method: &Method, path: &str, body: Option<Value>, facts: &[Column]) -> Result<(), Failure> {
        let answer = self.client.send(method, path, self.operation(), body)?;
        if !self.client.is_dry_run {
            match answer {
                Value::Null => show::line("done"),
                answer => {
                    show::facts(self.format, facts, &answer);
                    warn(&answer);
                }
            }
        }
        Ok(())
    }

    /// The same for a route that can be tried: a dry run is the deployment's, with its answer.
    fn try_or_act(&self, method: &Method, path: &str, mut body: Value, facts: &[Column]) -> Result<(), Failure> {
        if self.client.is_dry_run {
            body["dryRun"] = Value::Bool(true);
        }
        let answer = self.client.ask_once(method, path, self.operation(), Some(body))?;
        show::facts(self.format, facts, &answer);
        Ok(())
    }

    /// Orders a pack of tokens for an account or an organization, which `path` names, and prints where to pay it.
    fn checkout(&self, path: &str, checkout: &PackOrder) -> Result<(), Failure> {
        let body =
            json!({"packId": checkout.pack, "customerEmail": checkout.email, "redirectUrl": checkout.redirect_url});
        self.act(&Method::POST, &format!("{path}/checkout-link"), Some(body), CHECKOUT)
    }

    /// Prints a list.
    fn list(&self, path: &str, rows: &str, columns: &[Column], limit: usize) -> Result<(), Failure> {
        let (list, is_cut) = self.client.list(path, rows, limit, |_| {})?;
        show::rows(self.format, columns, &list);
        if is_cut {
            more(limit, "");
        }
        Ok(())
    }

    /// Prints a list that is short and comes without pages.
    fn list_all(&self, path: &str, rows: &str, columns: &[Column]) -> Result<(), Failure> {
        let answer = self.client.get(path)?;
        show::rows(self.format, columns, answer[rows].as_array().map_or(&[][..], Vec::as_slice));
        if !answer["nextCursor"].is_null() {
            show::note("There are more, which this command does not show.");
        }
        Ok(())
    }

    /// Prints one thing.
    fn show(&self, path: &str, facts: &[Column]) -> Result<(), Failure> {
        let answer = self.client.get(path)?;
        show::facts(self.format, facts, &answer);
        warn(&answer);
        Ok(())
    }

    /// Continues only if the user agrees. A dry run destroys nothing, so it does not ask.
    fn confirm(&self, question: &str) -> Result<(), Failure> {
        match self.client.is_dry_run || show::confirmed(question, self.is_agreed) {
            true => Ok(()),
            false => Err(Failure::User(format!("{question} Not done: confirm it, or add --yes."))),
        }
    }
}

/// The JSON in a file, or what was typed if it is an object or `null` itself.
fn json_of(text: &str) -> Result<Value, Failure> {
    let source = match text.trim_start().starts_with('{') || text.trim() == "null" {
        true => text.to_owned(),
        false => std::fs::read_to_string(Path::new(text))
            .map_err(|error| Failure::User(format!("Cannot read {text}: {error}.")))?,
    };
    ltlm_protocol::json::parse(source.as_bytes())
        .map_err(|error| Failure::User(format!("{text} is not JSON: {error}.")))
}
