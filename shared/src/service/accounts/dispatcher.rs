//! The renewals' night: a dispatcher reads what is due from the index and hands it to a queue, in messages of a few accounts;
//! workers renew what a message names. Neither holds anything: a message may come twice, two dispatchers may run at once, and
//! either may be killed anywhere. What is due decides, account by account.

use futures_util::future::join_all;
use ltlm_protocol::Timestamp;
use serde::{Deserialize, Serialize};

use crate::model::denied::Denied;
use crate::model::dispatch_checkpoint::DispatchCheckpoint;
use crate::model::ids::{AccountId, LicenseId};
use crate::model::record::Record;
use crate::model::run::Run;
use crate::model::write::Write;
use crate::service::accounts::renewals::Place;
use crate::service::accounts::{AccountCall, renewals};
use crate::service::app::{App, Budget, Error};
use crate::service::ports::Queue;
use crate::service::{accounts, ids, license, retry};
use crate::table::key::LICENSES_DUE;
use crate::table::port::{CommitError, Read, Table};

/// The job's name.
const NAME: &str = "renewals";

/// Nominations of one read.
const PAGE: usize = 250;

/// Accounts of one message.
const ACCOUNTS_PER_MESSAGE: usize = 25;

/// Accounts that a worker renews at once.
const TOGETHER: usize = 8;

/// Projects of one read.
const PROJECTS_PAGE: i64 = 100;

/// Kept of the budget, in milliseconds, for a page that was begun.
const RESERVE_MS: u64 = 3_000;

/// What the queue carries.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Message {
    /// Go on dispatching.
    Dispatch,
    /// Renew these accounts of a project.
    Renew {
        /// The project.
        project: String,
        /// The accounts.
        accounts: Vec<String>,
    },
}

/// How a dispatcher's run ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Dispatched {
    /// All that is due was handed over: so many accounts by this run.
    All(i64),
    /// Time was up; the checkpoint states where to continue.
    Interrupted(i64),
    /// Another dispatcher is at work, and has gone on from where this one was.
    Overtaken,
}

/// What a worker did with a message.
#[derive(Debug, Default)]
pub struct Worked {
    /// Accounts renewed.
    pub renewed: i64,
    /// Accounts with nothing due any more.
    pub skipped: i64,
    /// Tokens given.
    pub tokens: i64,
    /// Accounts that could not be renewed, each as logs name it, and why.
    pub failed: Vec<(String, Error)>,
}

/// The name of an account in the log, or of a license by its hash: `sha256:` and the first 16 hex digits of the hash of
/// `<project>/<name>`. Names are customers' data and stay out of logs; a reader who knows a name can compute its hash.
pub fn logged(project: &str, name: &str) -> String {
    format!("sha256:{}", &ids::sha256_hex(format!("{project}/{name}").as_bytes())[..16])
}

/// Ids of all projects, newest first, and the name for all licenses.
async fn projects<T: Table>(app: &App<T>, budget: &Budget<'_>) -> Result<Vec<String>, Error> {
    let (mut ids, mut before) = (Vec::new(), None);
    loop {
        let list = Read::List { list: crate::table::port::List::Projects, before, limit: PROJECTS_PAGE };
        let page = retry::records(app, budget, &[list]).await?;
        let is_last = (page.len() as i64) < PROJECTS_PAGE;
        before = page.last().and_then(crate::table::key::position);
        ids.extend(page.into_iter().filter_map(Record::project).map(|project| project.id));
        if is_last {
            ids.push(LICENSES_DUE.to_owned());
            return Ok(ids);
        }
    }
}

/// Hands what is due at `now` to the queue, or what is left of it after an interruption.
pub async fn dispatch<T: Table>(
    app: &App<T>,
    budget: &Budget<'_>,
    queue: &dyn Queue,
    now: Timestamp,
) -> Result<Dispatched, Error> {
    let found = retry::records(app, budget, &[Read::Job(NAME.to_owned())]).await?.into_iter().find_map(Record::job);
    let mut job = DispatchCheckpoint::at(NAME, found, now);
    let projects = projects(app, budget).await?;
    // A project that was made meanwhile stands before it, and has nothing due.
    let from = job.project.as_ref().and_then(|id| projects.iter().position(|project| project == id)).unwrap_or(0);
    for project in &projects[from..] {
        let mut place = match job.project.as_ref() == Some(project) {
            true => Some(Place { shard: job.shard, after: job.after.take() }),
            false => Some(Place::default()),
        };
        job.project = Some(project.clone());
        while let Some(here) = place {
            if app.sleep.elapsed_ms() + RESERVE_MS >= budget.until_ms {
                (job.shard, job.after) = (here.shard, here.after);
                return Ok(match save(app, budget, &mut job).await? {
                    true => Dispatched::Interrupted(job.sent),
                    false => Dispatched::Overtaken,
                });
            }
            let (due, next) = renewals::nominated(app, budget, project, &here, now, PAGE).await?;
            place = next;
            if due.is_empty() {
                continue;
            }
            let names: Vec<_> = due.iter().map(|due| crate::table::key::due(&due.wallet).1).collect();
            send(queue, project, &names).await?;
            job.sent += names.len() as i64;
            (job.shard, job.after) = (here.shard, due.last().map(|due| due.position.clone()));
            if !save(app, budget, &mut job).await? {
                return Ok(Dispatched::Overtaken);
            }
        }
    }
    job.done = true;
    Ok(match save(app, budget, &mut job).await? {
        true => Dispatched::All(job.sent),
        false => Dispatched::Overtaken,
    })
}

async fn send(queue: &dyn Queue, project: &str, names: &[String]) -> Result<(), Error> {
    let messages = names.chunks(ACCOUNTS_PER_MESSAGE).map(|accounts| {
        let message = Message::Renew { project: project.to_owned(), accounts: accounts.to_vec() };
        serde_json::to_string(&message).unwrap_or_default()
    });
    queue.send(messages.collect()).await.map_err(Error::Busy)
}

/// Writes the checkpoint; `false` if another dispatcher wrote it in the meantime.
async fn save<T: Table>(app: &App<T>, budget: &Budget<'_>, job: &mut DispatchCheckpoint) -> Result<bool, Error> {
    let found = Some(job.revision).filter(|revision| *revision > 0);
    job.revision += 1;
    let write = [Write::SaveDispatchCheckpoint { job: job.clone(), found }];
    match app.table.commit(&write, None, budget.meter).await {
        Ok(()) => Ok(true),
        Err(CommitError::Guard(_)) => Ok(false),
        Err(error) => Err(error.into()),
    }
}

/// Records a run, in place of the previous one.
pub async fn leave_word<T: Table>(app: &App<T>, budget: &Budget<'_>, run: Run) -> Result<(), Error> {
    Ok(app.table.commit(&[Write::SaveRun { run }], None, budget.meter).await?)
}

/// Renews what a message names, going round what fails: if something does, the message should come again.
pub async fn work<T: Table>(
    app: &App<T>,
    budget: &Budget<'_>,
    project: &str,
    names: &[String],
    now: Timestamp,
) -> Worked {
    let mut worked = Worked::default();
    for together in names.chunks(TOGETHER) {
        let answers = join_all(together.iter().map(|name| Box::pin(renew(app, budget, project, name, now)))).await;
        for (name, answer) in together.iter().zip(answers) {
            match answer {
                Ok(Some(tokens)) => {
                    worked.renewed += 1;
                    worked.tokens += tokens;
                }
                // Gone, on a plan without tokens by now, or of a project that is suspended: it is due still when that ends.
                Ok(None)
                | Err(Error::Denied(
                    Denied::AccountNotFound
                    | Denied::ProjectNotFound
                    | Denied::LicenseNotFound
                    | Denied::ProjectSuspended,
                )) => worked.skipped += 1,
                Err(error) => worked.failed.push((logged(project, name), error)),
            }
        }
    }
    worked
}

/// Renews an account, or a license; the tokens it got, if something was due.
async fn renew<T: Table>(
    app: &App<T>,
    budget: &Budget<'_>,
    project: &str,
    name: &str,
    now: Timestamp,
) -> Result<Option<i64>, Error> {
    if project == LICENSES_DUE {
        return license::renew(app, budget, &LicenseId(name.to_owned()), now).await;
    }
    let id = AccountId { project_id: project.to_owned(), name: name.to_owned() };
    let call = AccountCall { id, now, dry_run: false };
    let renewal = accounts::renew(app, budget, &call, None).await?;
    Ok(renewal.success.then_some(renewal.tokens_added))
}
