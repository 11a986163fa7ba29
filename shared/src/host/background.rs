//! What runs without a caller: the events of the schedule, of the queue and of the table's stream, as Lambda delivers them.
//!
//! The function `renewals` takes two kinds of event. The schedule's starts the dispatcher; the queue's is a batch of messages,
//! of which those that failed are named in the answer, so that only they come again.

use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::service::dispatch::{self, Dispatched, Message};
use crate::service::ports::Queue;
use crate::service::{App, Budget, Error, chain};
use crate::table::{Meter, Spent, Table};

/// What came of an event, for log and metrics.
#[derive(Clone, Debug)]
pub struct JobReport {
    /// The job.
    pub job: &'static str,
    /// What it counted.
    pub counts: Vec<(&'static str, i64)>,
    /// Why something failed.
    pub causes: Vec<String>,
    /// What it cost at the table.
    pub spent: Spent,
    /// How long it took.
    pub duration: Duration,
}

/// Handles an event of the function `renewals`; Lambda's answer, and the report. An error means: deliver the event again.
pub async fn renewals<T: Table>(
    app: &App<T>,
    queue: &dyn Queue,
    event: &Value,
    allowance: Duration,
) -> (Result<Value, Error>, JobReport) {
    let started = Instant::now();
    let meter = Meter::default();
    let allowed_ms = u64::try_from(allowance.as_millis()).unwrap_or(u64::MAX);
    let budget = Budget { meter: &meter, until_ms: app.sleep.elapsed_ms().saturating_add(allowed_ms) };
    let mut report = JobReport {
        job: "renewals",
        counts: Vec::new(),
        causes: Vec::new(),
        spent: Spent::default(),
        duration: Duration::ZERO,
    };
    let answer = match event.get("Records").and_then(Value::as_array) {
        None => dispatched(app, &budget, queue, &mut report).await.map(|()| json!({})),
        Some(records) => Ok(worked(app, &budget, queue, records, &mut report).await),
    };
    if let Err(error) = &answer {
        report.causes.push(chain(error));
    }
    (answer, JobReport { spent: meter.spent(), duration: started.elapsed(), ..report })
}

async fn dispatched<T: Table>(
    app: &App<T>,
    budget: &Budget<'_>,
    queue: &dyn Queue,
    report: &mut JobReport,
) -> Result<(), Error> {
    let ended = Box::pin(dispatch::dispatch(app, budget, queue, app.clock.now())).await?;
    let (sent, interrupted) = match ended {
        Dispatched::All(sent) => (sent, 0),
        Dispatched::Interrupted(sent) => {
            let message = serde_json::to_string(&Message::Dispatch).unwrap_or_default();
            queue.send(vec![message]).await.map_err(Error::Busy)?;
            (sent, 1)
        }
        Dispatched::Overtaken => (0, 0),
    };
    report.counts.extend([("Dispatched", sent), ("Interrupted", interrupted)]);
    Ok(())
}

/// Works through a batch of messages, and names those that must come again.
async fn worked<T: Table>(
    app: &App<T>,
    budget: &Budget<'_>,
    queue: &dyn Queue,
    records: &[Value],
    report: &mut JobReport,
) -> Value {
    let (mut renewed, mut skipped, mut tokens) = (0, 0, 0);
    let mut failures = Vec::new();
    for record in records {
        let body = record.get("body").and_then(Value::as_str).unwrap_or_default();
        let outcome = match serde_json::from_str::<Message>(body) {
            Err(error) => Err(Error::Broken(error.into())),
            Ok(Message::Dispatch) => dispatched(app, budget, queue, report).await,
            Ok(Message::Renew { project, accounts }) => {
                let work = dispatch::work(app, budget, &project, &accounts, app.clock.now());
                Box::pin(work).await.map(|worked| {
                    renewed += worked.renewed;
                    skipped += worked.skipped;
                    tokens += worked.tokens;
                })
            }
        };
        if let Err(error) = outcome {
            report.causes.push(chain(&error));
            failures.push(json!({"itemIdentifier": record.get("messageId")}));
        }
    }
    let failed = failures.len() as i64;
    report.counts.extend([("Renewed", renewed), ("Skipped", skipped), ("Tokens", tokens), ("FailedMessages", failed)]);
    json!({"batchItemFailures": failures})
}
