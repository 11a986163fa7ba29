//! Operations that are in no ledger. The first answer is stored under the operation's id and returned again, however
//! much later and whatever happened in the meantime: a late repetition, after another request, does not take effect a
//! second time.

use std::future::Future;

use ltlm_protocol::{Timestamp, json};
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::domain::decision::Decision;
use crate::model::administrator::AdminOperation;
use crate::model::denied::Denied;
use crate::model::ids::{OperationKey, is_same_request};
use crate::model::record::Record;
use crate::model::write::Write;
use crate::service::app::{App, Budget, Error};
use crate::service::retry::Absorb;
use crate::service::{ids, retry, transact};
use crate::table::port::{Read, Table};

/// An operation whose first answer is kept.
#[derive(Clone, Debug)]
pub struct Repeatable {
    id: String,
    fingerprint: String,
    /// Names this one request, so that one whose reply was lost on the way knows itself.
    request: String,
    now: Timestamp,
}

impl Repeatable {
    /// The operation `key`: what kind of operation, and what it is aimed at.
    pub fn new<T>(app: &App<T>, key: &OperationKey, kind: &str, target: &str, now: Timestamp) -> Self {
        Self {
            // No caller's id has a space in it.
            id: format!("{} {kind} {target}", key.id.id),
            fingerprint: key.fingerprint.clone(),
            request: ids::operation_id(now, app.entropy.as_ref()),
            now,
        }
    }

    /// Reads what is known of it.
    pub fn read(&self) -> Read {
        Read::AdminOperation(self.id.clone())
    }

    /// The first answer, if it was given; and whether another request got it. Another request under the same id is refused.
    pub fn first<R: DeserializeOwned>(&self, done: Option<&AdminOperation>) -> Result<Option<(R, bool)>, Denied> {
        let Some(done) = done else { return Ok(None) };
        if !is_same_request(&done.fingerprint, &self.fingerprint) {
            return Err(Denied::IdempotencyKeyReused);
        }
        // The table keeps names, with spaces between them: an answer is cut at its own.
        match json::parse_as(done.made.join(" ").as_bytes()) {
            Ok(first) => Ok(Some((first, done.request != self.request))),
            // An answer that cannot be read any more is not told, and the operation is not done again.
            Err(_) => Err(Denied::IdempotencyKeyReused),
        }
    }

    /// Keeps the answer.
    pub fn keep(&self, reply: &impl Serialize) -> Write {
        let operation = AdminOperation {
            id: self.id.clone(),
            fingerprint: self.fingerprint.clone(),
            request: self.request.clone(),
            // Numbers and texts: this cannot fail.
            made: vec![serde_json::to_string(reply).unwrap_or_default()],
            created_at: self.now,
            audit: None,
        };
        Write::AddAdminOperation { operation }
    }

    /// The decision, with its answer stored together with its writes, unless it only repeats what was done before.
    pub fn keeping<R: Serialize>(&self, decision: Decision<(R, bool)>) -> Decision<(R, bool)> {
        let Decision { mut writes, touch, reply } = decision;
        if !reply.1 {
            writes.push(self.keep(&reply.0));
        }
        Decision { writes, touch, reply }
    }
}

/// What is known of an operation.
#[derive(Default)]
struct Known(Option<AdminOperation>);

impl Absorb for Known {
    fn absorb(&mut self, record: Record) -> bool {
        if let Record::AdminOperation(done) = record {
            self.0 = Some(done);
        }
        true
    }
}

/// Does `work`, which can be repeated without harm but would give another answer, and stores its answer; or returns the
/// first answer. If the process dies before the answer is stored, a repeated request does the rest.
pub async fn once<T: Table, R>(
    app: &App<T>,
    budget: &Budget<'_>,
    operation: &Repeatable,
    work: impl Future<Output = Result<R, Error>>,
) -> Result<(R, bool), Error>
where
    R: Clone + Serialize + DeserializeOwned,
{
    let reads = [operation.read()];
    let load = || retry::found(app, budget, &reads);
    let known: Known = retry::read(app, budget, load).await?;
    if let Some(first) = operation.first(known.0.as_ref())? {
        return Ok(first);
    }
    let reply = work.await?;
    transact::act_on(app, budget, Some(known), load, |known: &Known| match operation.first(known.0.as_ref())? {
        Some(first) => Ok(Decision::read(first)),
        None => Ok(Decision::write(vec![operation.keep(&reply)], (reply.clone(), false))),
    })
    .await
}
