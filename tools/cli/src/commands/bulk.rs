//! One change of many licenses, which are named in the command or in a file.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use clap::Args;
use http::Method;
use ltlm_protocol::request::canonical_license_key;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use super::{Failure, Session};
use crate::client::{CallError, license_path};
use crate::journal::{Journal, Work};
use crate::show::{self, Format};

/// The licenses.
#[derive(Args)]
pub(crate) struct Many {
    /// Their keys
    #[arg(required_unless_present = "from")]
    licenses: Vec<String>,
    /// A file of further keys, one a line; finished keys are recorded in FILE.journal
    #[arg(long, value_name = "FILE")]
    from: Option<PathBuf>,
    /// Go on where an earlier command on this file stopped
    #[arg(long, requires = "from")]
    resume: bool,
    /// Why, for you
    #[arg(long)]
    reason: Option<String>,
}

/// What came of it.
#[derive(Default)]
struct Outcome {
    changed: Vec<Value>,
    before: usize,
    failed: usize,
}

impl Many {
    /// All keys, each once.
    fn keys(&self) -> Result<Vec<String>, Failure> {
        let mut keys = self.licenses.clone();
        if let Some(from) = &self.from {
            let text = std::fs::read_to_string(from)
                .map_err(|error| Failure::User(format!("Cannot read {}: {error}.", from.display())))?;
            keys.extend(text.lines().map(str::to_owned));
        }
        let mut seen = BTreeSet::new();
        let mut keys: Vec<_> = keys.iter().map(|key| spelled(key)).filter(|key| !key.is_empty()).collect();
        let all = keys.len();
        keys.retain(|key| seen.insert(key.clone()));
        if keys.len() < all {
            show::note(&format!("{} keys are named more than once, and taken once.", all - keys.len()));
        }
        Ok(keys)
    }
}

/// A key as the deployment spells it, so that one license has one operation however it is written.
fn spelled(key: &str) -> String {
    canonical_license_key(key).unwrap_or_else(|| key.trim().to_owned())
}

/// Changes many licenses, one after the other; a refusal does not stop the others.
pub(super) fn change(session: &Session, many: &Many, mut body: Value, done: &str) -> Result<(), Failure> {
    let keys = many.keys()?;
    if let Some(reason) = &many.reason {
        body["reason"] = json!(reason);
    }
    let mut journal = match &many.from {
        Some(from) => journal(session, from, many.resume, &keys, &body)?,
        None => None,
    };
    let operation = journal.as_ref().map_or(session.operation.as_str(), Journal::operation).to_owned();
    session.show_operation(&operation);
    let outcome = send(session, &keys, &body, &operation, journal.as_mut(), done)?;
    if session.client.is_dry_run {
        return match outcome.failed {
            0 => Ok(()),
            failed => {
                eprintln!("{failed} of {} would fail.", keys.len());
                Err(Failure::Told)
            }
        };
    }
    print(session, &outcome, done);
    match (outcome.changed.len() + outcome.before == keys.len(), journal) {
        (true, Some(journal)) => journal.finish(),
        (true, None) => Ok(()),
        (false, journal) => {
            let how = match journal {
                Some(_) => "with --resume the command goes on with the rest".to_owned(),
                None => format!("repeated with --operation-id {operation} the command changes none twice"),
            };
            eprintln!("{} of {} failed; {how}.", outcome.failed, keys.len());
            Err(Failure::Told)
        }
    }
}

fn journal(
    session: &Session,
    from: &Path,
    resume: bool,
    keys: &[String],
    body: &Value,
) -> Result<Option<Journal>, Failure> {
    let work = Work {
        input: from,
        deployment: session.client.base_url(),
        order: json!({"keys": keys, "change": body}),
        lines: keys.len(),
    };
    match resume {
        true => work.resume(session.given_operation()).map(Some),
        false => work.begin(&session.operation, session.client.is_dry_run),
    }
}

/// Sends the unfinished keys, until the server no longer answers.
fn send(
    session: &Session,
    keys: &[String],
    body: &Value,
    operation: &str,
    mut journal: Option<&mut Journal>,
    done: &str,
) -> Result<Outcome, Failure> {
    let bar = show::progress(keys.len() as u64, done);
    let mut outcome = Outcome::default();
    for (index, key) in keys.iter().enumerate() {
        bar.inc(1);
        if journal.as_ref().is_some_and(|journal| journal.is_done(index + 1)) {
            outcome.before += 1;
            continue;
        }
        match session.client.send(&Method::PATCH, &license_path(key, ""), &of_line(operation, key), Some(body.clone()))
        {
            Ok(answer) => {
                outcome.changed.push(answer);
                // A dry run goes on from a journal, and leaves it as it is.
                if let Some(journal) = journal.as_mut().filter(|_| !session.client.is_dry_run) {
                    journal.note(index + 1)?;
                }
            }
            Err(error) => {
                bar.suspend(|| eprintln!("{key}: {error}"));
                outcome.failed += 1;
                if !matches!(error, CallError::Refused { .. }) {
                    break;
                }
            }
        }
    }
    bar.finish_and_clear();
    Ok(outcome)
}

fn print(session: &Session, outcome: &Outcome, done: &str) {
    match (session.format, outcome.before) {
        (Format::Json, _) => show::line(&format!("{:#}", json!(outcome.changed))),
        (Format::People, 0) => show::line(&format!("{} {done}", outcome.changed.len())),
        (Format::People, before) => show::line(&format!("{} {done}, {before} before", outcome.changed.len())),
    }
}

/// The id of one line's operation. It follows from the key and not from its place, so that a file with lines added or removed can be
/// sent under the same id.
fn of_line(operation: &str, key: &str) -> String {
    let hash = hex::encode(Sha256::digest(key.as_bytes()));
    format!("{operation}.{}", hash.get(..16).unwrap_or(&hash))
}
