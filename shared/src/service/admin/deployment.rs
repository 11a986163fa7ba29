//! How a deployment does, for its vendor: its parts are tried, and what runs without a caller has left word.

use futures_util::future::join;
use ltlm_protocol::deployment_data::{FailingWebhook, FailingWebhooks, PartData, RunData, TestMailData};
use ltlm_protocol::read::Reader;
use ltlm_protocol::request::operation_id;
use ltlm_protocol::{Body, limits};

use crate::domain::throttle::Limited;
use crate::model::email::Email;
use crate::model::record::Record;
use crate::model::run::{self, Run};
use crate::model::webhook::Webhook;
use crate::service::admin::operation::{AdminCall, AdminChange, Found, Part, find, once};
use crate::service::app::{App, Budget, Error, chain};
use crate::service::webhooks::delivery::OutboxMessage;
use crate::service::{retry, throttle};
use crate::table::port::{List, Read, Table};

/// Time for reading the table, retries included, in milliseconds: a table that cannot be read by then is reported as
/// such, and the answer is still sent within the function's time.
const TABLE_MS: u64 = 4_000;
/// Projects whose webhooks one round trip reads.
const TOGETHER: usize = 25;

/// What was seen of a deployment.
#[derive(Debug)]
pub struct Seen {
    /// The table.
    pub table: PartData,
    /// The key service.
    pub key: PartData,
    /// The last test mail.
    pub last_test: Option<TestMailData>,
    /// The last run of each schedule.
    pub schedules: Vec<RunData>,
    /// Webhooks that take nothing.
    pub webhooks: Option<FailingWebhooks>,
}

/// Tests the parts of the deployment. A failing part is reported, and does not fail the others.
pub async fn look<T: Table>(app: &App<T>, budget: &Budget<'_>) -> Seen {
    let started = app.sleep.elapsed_ms();
    let until_ms = budget.until_ms.min(started.saturating_add(TABLE_MS));
    let short = Budget { meter: budget.meter, until_ms };
    let since = || i64::try_from(app.sleep.elapsed_ms().saturating_sub(started)).unwrap_or(i64::MAX);
    let table = async { (Box::pin(read(app, &short)).await, since()) };
    let key = async { (check_key(app).await, since()) };
    let ((table, table_ms), (key, key_ms)) = join(table, key).await;
    let key = part(key.as_ref().err(), key_ms, "the key service");
    let table_part = part(table.as_ref().err(), table_ms, "the table");
    let (runs, webhooks) = table.map_or((Vec::new(), None), |(runs, webhooks)| (runs, Some(webhooks)));
    let last_test = runs.iter().find(|run| run.name == run::name::TEST_MAIL).map(test_data);
    let schedules = runs.iter().filter(|run| run::SCHEDULES.contains(&run.name.as_str())).map(run_data).collect();
    Seen { table: table_part, key, last_test, schedules, webhooks }
}

async fn check_key<T>(app: &App<T>) -> Result<(), Error> {
    Ok(app.kms()?.check().await?)
}

/// How a part did. Its cause goes to the log, never into an answer.
fn part(error: Option<&Error>, milliseconds: i64, name: &str) -> PartData {
    let problem = error.map(|error| {
        tracing::warn!(part = name, cause = chain(error), "a part of the deployment does not do");
        match error {
            Error::Busy(_) => format!("{name} does not answer in time"),
            _ => format!("{name} refuses"),
        }
    });
    PartData { ok: problem.is_none(), milliseconds, problem }
}

/// The runs, and the webhooks that take nothing, of the newest projects.
async fn read<T: Table>(app: &App<T>, budget: &Budget<'_>) -> Result<(Vec<Run>, FailingWebhooks), Error> {
    let names = run::SCHEDULES.into_iter().chain([run::name::TEST_MAIL]);
    let limit = limits::CHECKED_MAX as i64 + 1;
    let list = Read::List { list: List::Projects, before: None, limit };
    let reads: Vec<_> = names.map(|name| Read::Run(name.to_owned())).chain([list]).collect();
    let (mut runs, mut projects) = (Vec::new(), Vec::new());
    for record in retry::records(app, budget, &reads).await? {
        match record {
            Record::Run(run) => runs.push(run),
            Record::Project(project) => projects.push(project.id),
            _ => {}
        }
    }
    let mut is_whole = projects.len() <= limits::CHECKED_MAX;
    projects.truncate(limits::CHECKED_MAX);
    let mut failing: Vec<Webhook> = Vec::new();
    for together in projects.chunks(TOGETHER) {
        // Those that were removed are listed too.
        let limit = 4 * limits::WEBHOOKS_MAX as i64;
        let list = |id: &String| Read::List { list: List::Webhooks(id.clone()), before: None, limit };
        let reads: Vec<_> = together.iter().map(list).collect();
        let webhooks = retry::records(app, budget, &reads).await?.into_iter().filter_map(Record::webhook);
        failing.extend(webhooks.filter(|webhook| webhook.failing.is_some()));
    }
    is_whole &= failing.len() <= limits::CHECKED_MAX;
    failing.truncate(limits::CHECKED_MAX);
    let failing = failing.into_iter().filter_map(failing_data).collect();
    Ok((runs, FailingWebhooks { failing, projects: projects.len() as i64, complete: is_whole }))
}

fn failing_data(webhook: Webhook) -> Option<FailingWebhook> {
    let failing = webhook.failing?;
    Some(FailingWebhook {
        webhook_id: webhook.id,
        project_id: webhook.project_id,
        failing_since: failing.since.to_string(),
        error: failing.error,
        disabled: webhook.disabled_at.is_some(),
    })
}

fn run_data(run: &Run) -> RunData {
    RunData {
        name: run.name.clone(),
        started_at: run.started_at.to_string(),
        ended_at: run.ended_at.to_string(),
        dispatched: run.count,
        complete: run.is_whole,
        problem: run.problem.clone(),
    }
}

fn test_data(run: &Run) -> TestMailData {
    TestMailData {
        operation_id: run.operation.clone().unwrap_or_default(),
        requested_at: run.started_at.to_string(),
        tried_at: run.ended_at.to_string(),
        problem: run.problem.clone(),
    }
}

/// `POST /v1/admin/test-mails`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TestMail {
    /// The recipient.
    pub to: Email,
    /// The caller's operation id.
    pub operation_id: Option<String>,
}

impl Body for TestMail {
    fn read(r: &mut Reader<'_>) -> Self {
        Self { to: Email::required(r, "to").unwrap_or_else(Email::nobody), operation_id: operation_id(r) }
    }
}

/// Puts a test mail into the queue of what leaves the deployment; whether an earlier call did. It is sent before the act is remembered:
/// a second mail does no harm, and one that is noted and never sent would.
pub async fn send_test_mail<T: Table>(
    app: &App<T>,
    budget: &Budget<'_>,
    command: &TestMail,
    act: &AdminCall,
) -> Result<bool, Error> {
    let queue = app.outbox.as_deref().ok_or_else(|| Error::Broken("this function has no queue".into()))?;
    let found = find(app, budget, &act.known(0)).await?;
    if act.replay(&found.done)?.is_some() {
        return Ok(true);
    }
    throttle::take(app, budget, Limited::TestMails, &[], None, (&act.request, act.now)).await?;
    let to = command.to.as_str().to_owned();
    let outgoing = OutboxMessage::TestMail { to, operation: act.id.clone(), asked_at: act.now.ms() };
    let message = serde_json::to_string(&outgoing).unwrap_or_default();
    queue.send(vec![message]).await.map_err(Error::Busy)?;
    let deed = |_: &Found| Ok(AdminChange { made: Vec::new(), writes: Vec::new() });
    let earlier = once(app, budget, act, Part { found: Some(found), ..Part::whole() }, &[], deed).await?;
    Ok(earlier.is_some())
}
