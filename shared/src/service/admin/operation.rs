//! An administrator's operation. Each has an operation id and can be sent twice: the record that makes it take effect
//! once is the audit log's entry, written in the same transaction. This file also contains what the administrators'
//! lists have in common.

use std::collections::BTreeSet;

use ltlm_protocol::Timestamp;
use serde_json::Value;

use crate::domain::decision::Decision;
use crate::model::administrator::{AdminKey, AdminOperation, Administrator, Audit};
use crate::model::denied::Denied;
use crate::model::developer::Developer;
use crate::model::ids::{LicenseId, is_same_request};
use crate::model::import::{Import, ImportKey};
use crate::model::policy::Policy;
use crate::model::project::Project;
use crate::model::record::Record;
use crate::model::webhook::Webhook;
use crate::model::write::Write;
use crate::service::answer::ByteBudget;
use crate::service::app::{App, Budget, Error};
use crate::service::retry::Absorb;
use crate::service::{retry, transact};
use crate::table::key::position;
use crate::table::port::{List, Read, Table};

/// Largest request body that the audit log keeps, in bytes of compact JSON.
const CHANGE_BYTES_MAX: usize = 2 * 1024;

/// What was remembered under its id alone, for the whole deployment, is known for so many days.
const FORMER_DAYS: i64 = 30;

/// An administrator's act as it arrives.
#[derive(Clone, Debug, PartialEq)]
pub struct AdminCall {
    /// The operation's id: chosen by the caller, or created by the service.
    pub id: String,
    /// Within which the id is unique: a project, say. None: the deployment.
    pub scope: Option<String>,
    /// Hash of the request.
    pub fingerprint: String,
    /// Names this one request, whatever its operation id.
    pub request: String,
    /// The administrator.
    pub by: Administrator,
    /// The route's name.
    pub action: &'static str,
    /// The path, license keys masked.
    pub target: String,
    /// The caller's network address, if it is known.
    pub from: Option<String>,
    /// The request's body.
    pub change: Value,
    /// When.
    pub now: Timestamp,
}

impl AdminCall {
    /// Under which id an act on a license is remembered. No caller's id has a space in it.
    pub fn id_on(&self, license: &LicenseId) -> String {
        format!("{} {}", self.id, license.0)
    }

    /// Under which id a part of the act is remembered, the first being 0.
    fn id_of(&self, part: usize) -> String {
        let id = self.former_id_of(part);
        self.scope.as_ref().map_or(id.clone(), |scope| format!("{id} in {scope}"))
    }

    /// Under which id it was remembered when ids were unique in the whole deployment.
    fn former_id_of(&self, part: usize) -> String {
        if part == 0 { self.id.clone() } else { format!("{} {part}", self.id) }
    }

    /// Reads what is known of a part of the act, under either id.
    pub(crate) fn known(&self, part: usize) -> Vec<Read> {
        let former = self.scope.is_some().then(|| self.former_id_of(part));
        [self.id_of(part)].into_iter().chain(former).map(Read::AdminOperation).collect()
    }

    /// Is this what another act, of another project, may have left under the same id? Then it counts only if it was this very act.
    fn is_former(&self, done: &AdminOperation) -> bool {
        self.scope.as_ref().is_some_and(|scope| !done.id.ends_with(&format!(" in {scope}")))
    }

    /// The record of the act, in the log.
    pub fn record(&self, id: String, made: Vec<String>) -> AdminOperation {
        let is_short = self.change.to_string().len() <= CHANGE_BYTES_MAX;
        let audit = Audit {
            operation_id: self.id.clone(),
            action: self.action.to_owned(),
            target: self.target.clone(),
            key_id: self.by.key_id.clone(),
            family: self.by.family.clone(),
            from: self.from.clone(),
            change: Some(self.change.clone()).filter(|change| is_short && !change.is_null()),
        };
        AdminOperation { audit: Some(audit), ..self.part(id, made) }
    }

    /// The record of what the operation did to a key that descends from the one that it names. The log lists it under
    /// that key.
    pub(crate) fn on_descendant(&self, key_id: &str) -> AdminOperation {
        let id = format!("{} cascade {key_id}", self.id_of(0));
        let record = AdminOperation { request: format!("{}.{key_id}", self.request), ..self.record(id, Vec::new()) };
        let audit = record.audit.map(|audit| Audit { target: format!("/v1/admin/keys/{key_id}"), ..audit });
        AdminOperation { audit, ..record }
    }

    /// The record of a further part of the operation: stored, but not listed in the log.
    fn part(&self, id: String, made: Vec<String>) -> AdminOperation {
        AdminOperation {
            id,
            fingerprint: self.fingerprint.clone(),
            request: self.request.clone(),
            made,
            created_at: self.now,
            audit: None,
        }
    }

    /// What the act did when it was done, if it was. The same id with another request is refused.
    pub fn replay<'a>(&self, known: &'a [AdminOperation]) -> Result<Option<&'a AdminOperation>, Denied> {
        let mut same = None;
        for done in known {
            let is_same = is_same_request(&done.fingerprint, &self.fingerprint);
            match self.is_former(done) {
                true if is_same && self.now < done.created_at.plus_days(FORMER_DAYS) => same = same.or(Some(done)),
                true => {}
                false if is_same => same = Some(done),
                false => return Err(Denied::IdempotencyKeyReused),
            }
        }
        Ok(same)
    }
}

/// What an act finds.
#[derive(Clone, Debug, Default)]
pub(crate) struct Found {
    /// What is known of the act.
    pub done: Vec<AdminOperation>,
    pub project: Option<Project>,
    /// Ids of all projects that were found.
    pub projects: BTreeSet<String>,
    pub policy: Option<Policy>,
    pub key: Option<AdminKey>,
    pub webhook: Option<Webhook>,
    pub developer: Option<Developer>,
    pub import: Option<Import>,
    pub import_key: Option<ImportKey>,
    pub taken: bool,
    /// A secret that was to be added names a project already.
    pub is_secret_taken: bool,
}

impl Absorb for Found {
    fn absorb(&mut self, record: Record) -> bool {
        match record {
            Record::AdminOperation(done) => self.done.push(done),
            Record::Project(project) => {
                self.projects.insert(project.id.clone());
                self.project = Some(project);
            }
            Record::Policy(policy) => self.policy = Some(policy),
            Record::AdminKey(key) => self.key = Some(key),
            Record::Webhook(webhook) => self.webhook = Some(webhook),
            Record::Developer(developer) => self.developer = Some(developer),
            Record::Import(import) => self.import = Some(import),
            Record::ImportKey(key) => self.import_key = Some(key),
            Record::License(_) => self.taken = true,
            Record::Secret { .. } => self.is_secret_taken = true,
            _ => {}
        }
        true
    }
}

impl Found {
    pub(crate) fn project(&self) -> Result<&Project, Denied> {
        self.project.as_ref().ok_or(Denied::ProjectNotFound)
    }

    /// Refuses names of projects that are not there.
    pub(crate) fn all_projects(&self, named: &[String]) -> Result<(), Denied> {
        let ids: Vec<_> = named.iter().filter(|id| !self.projects.contains(*id)).cloned().collect();
        if ids.is_empty() { Ok(()) } else { Err(Denied::ProjectsNotFound { ids }) }
    }

    pub(crate) fn developer(&self) -> Result<&Developer, Denied> {
        self.developer.as_ref().ok_or(Denied::DeveloperNotFound)
    }

    /// The webhook, if it is of this project.
    pub(crate) fn known_webhook(&self, project_id: &str) -> Result<&Webhook, Denied> {
        let webhook = self.webhook.as_ref().filter(|webhook| webhook.project_id == project_id);
        webhook.ok_or(Denied::WebhookNotFound)
    }

    /// The webhook, if it is of this project and in use.
    pub(crate) fn webhook(&self, project_id: &str) -> Result<&Webhook, Denied> {
        let webhook = self.known_webhook(project_id)?;
        if webhook.disabled_at.is_none() { Ok(webhook) } else { Err(Denied::WebhookNotFound) }
    }

    /// The policy, if this administrator may act on its project.
    pub(crate) fn policy(&self, by: &Administrator) -> Result<&Policy, Denied> {
        // Another's policy is none: nobody learns which there are elsewhere.
        let policy = self.policy.as_ref().filter(|policy| by.may_in(&policy.project_id).is_ok());
        policy.ok_or(Denied::PolicyNotFound)
    }
}

pub(crate) async fn find<T: Table>(app: &App<T>, budget: &Budget<'_>, reads: &[Read]) -> Result<Found, Error> {
    retry::read(app, budget, || retry::found(app, budget, reads)).await
}

/// The effect of an operation: names of what it creates, and the writes.
pub(crate) struct AdminChange {
    pub made: Vec<String>,
    pub writes: Vec<Write>,
}

/// Which part of an act is done.
#[derive(Default)]
pub(crate) struct Part {
    /// Its number. Parts after the first, 0, are stored but not listed in the log.
    pub index: usize,
    /// What was read already, if anything was.
    pub found: Option<Found>,
}

impl Part {
    /// An act that is done in one.
    pub(crate) fn whole() -> Self {
        Self::default()
    }
}

/// Does `deed` once per operation id. `None` if this request did it; what was created, if an earlier one did.
pub(crate) async fn once<T: Table>(
    app: &App<T>,
    budget: &Budget<'_>,
    act: &AdminCall,
    part: Part,
    reads: &[Read],
    deed: impl Fn(&Found) -> Result<AdminChange, Denied>,
) -> Result<Option<Vec<String>>, Error> {
    let Part { index, found } = part;
    let id = act.id_of(index);
    let reads: Vec<_> = reads.iter().cloned().chain(act.known(index)).collect();
    let load = || retry::found(app, budget, &reads);
    let decide = |found: &Found| {
        if let Some(done) = act.replay(&found.done)? {
            // Its reply was lost, and it looked again: the request found itself.
            let is_mine = done.request == act.request;
            return Ok(Decision::read((!is_mine).then(|| done.made.clone())));
        }
        let AdminChange { made, mut writes } = deed(found)?;
        let operation = if index > 0 { act.part(id.clone(), made) } else { act.record(id.clone(), made) };
        writes.push(Write::AddAdminOperation { operation });
        Ok(Decision::write(writes, None))
    };
    transact::act_on(app, budget, found, load, decide).await
}

/// A page of a list, newest first, and where the next one starts. A page may hold fewer than asked for, because one answer holds no more,
/// and yet have a next one.
pub async fn page<T: Table>(
    app: &App<T>,
    budget: &Budget<'_>,
    list: List,
    before: Option<String>,
    limit: i64,
) -> Result<(Vec<Record>, Option<String>), Error> {
    let records = retry::records(app, budget, &[listing(list, before, limit)]).await?;
    Ok(paged(records, limit))
}

/// The same of a list that is within a project, if there is that project: an empty list would say that there is.
pub async fn page_in<T: Table>(
    app: &App<T>,
    budget: &Budget<'_>,
    project_id: &str,
    list: List,
    before: Option<String>,
    limit: i64,
) -> Result<(Vec<Record>, Option<String>), Error> {
    let reads = [listing(list, before, limit), Read::Project(project_id.to_owned())];
    let records = retry::records(app, budget, &reads).await?;
    Ok(paged(within(records)?, limit))
}

/// The records that were read together with a project, if the project exists.
pub(crate) fn within(mut records: Vec<Record>) -> Result<Vec<Record>, Denied> {
    let all = records.len();
    records.retain(|record| !matches!(record, Record::Project(_)));
    if records.len() < all { Ok(records) } else { Err(Denied::ProjectNotFound) }
}

/// One row more than requested shows whether there is a next page.
pub(crate) fn listing(list: List, before: Option<String>, limit: i64) -> Read {
    Read::List { list, before, limit: limit + 1 }
}

fn paged(mut records: Vec<Record>, limit: i64) -> (Vec<Record>, Option<String>) {
    let (mut room, wanted) = (ByteBudget::default(), usize::try_from(limit).unwrap_or(0));
    let shown = records.iter().take(wanted).take_while(|record| room.admits_record(record)).count();
    let more = records.len() > shown;
    records.truncate(shown);
    let next = records.last().filter(|_| more).and_then(position);
    (records, next)
}

/// A page of several lists merged, newest first.
pub async fn newest<T: Table>(
    app: &App<T>,
    budget: &Budget<'_>,
    lists: &[List],
    before: Option<String>,
    limit: i64,
) -> Result<(Vec<Record>, Option<String>), Error> {
    let reads: Vec<_> = lists.iter().map(|list| listing(list.clone(), before.clone(), limit)).collect();
    let mut records = retry::records(app, budget, &reads).await?;
    records.sort_by_cached_key(|record| std::cmp::Reverse(position(record)));
    Ok(paged(records, limit))
}

pub(crate) fn gone(what: &str) -> Error {
    Error::Broken(format!("an operation made a {what} that is not there").into())
}
