//! What runs without a caller: the events of the schedule, of the queue and of the table's stream, as Lambda delivers them.
//!
//! The function `stream` processes batches of changes, and the function `delivery` sends what leaves the deployment.
//! The function `renewals` processes two kinds of event. An event of the schedule starts the dispatcher. An event of
//! the queue is a batch of messages; the answer names those that failed, so that only they are delivered again.

use std::time::{Duration, Instant};

use aws_sdk_dynamodb::primitives::Blob;
use aws_sdk_dynamodb::types::AttributeValue;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use futures_util::future::join_all;
use ltlm_protocol::{Timestamp, json};
use serde_json::{Value, json};

use crate::model::one_time_code::Tries;
use crate::model::record::Record;
use crate::model::run::{self, Run};
use crate::service::accounts::dispatcher::{self, Dispatched, Message};
use crate::service::app::{App, Budget, Error, chain};
use crate::service::ports::{Bus, Queue};
use crate::service::stream::{self, Change};
use crate::service::webhooks::delivery::{self, Channels, OutboxMessage, Sent, WebhookEvent};
use crate::table::item::attributes::Item;
use crate::table::item::{attributes, record};
use crate::table::port::{Meter, Source, Spent, Table};

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

impl JobReport {
    fn of(job: &'static str) -> Self {
        Self { job, counts: Vec::new(), causes: Vec::new(), spent: Spent::default(), duration: Duration::ZERO }
    }
}

/// Begins a job.
fn begin<'a, T>(app: &App<T>, meter: &'a Meter, allowance: Duration) -> Budget<'a> {
    app.wipe_old_keys();
    let allowed_ms = u64::try_from(allowance.as_millis()).unwrap_or(u64::MAX);
    Budget { meter, until_ms: app.sleep.elapsed_ms().saturating_add(allowed_ms) }
}

/// Handles a batch of the table's stream; Lambda's answer, and the report. An error means: deliver the batch again.
pub async fn stream<T: Table>(
    app: &App<T>,
    outlets: (&dyn Bus, &dyn Queue),
    event: &Value,
    allowance: Duration,
) -> (Result<Value, Error>, JobReport) {
    let (started, meter) = (Instant::now(), Meter::default());
    let budget = begin(app, &meter, allowance);
    let mut report = JobReport::of("stream");
    let records = event.get("Records").and_then(Value::as_array).into_iter().flatten();
    let changes: Result<Vec<_>, _> = records.filter_map(|record| change(record).transpose()).collect();
    let followed = match changes {
        Ok(changes) => Box::pin(stream::follow(app, &budget, outlets, changes)).await,
        Err(source) => Err(Error::Broken(source)),
    };
    let answer = followed.map(|followed| {
        let f = followed.figures;
        report.counts.extend([
            ("Notices", followed.notices),
            ("Mails", followed.mails),
            ("Days", followed.days),
            ("Filled", followed.filled),
        ]);
        report.counts.extend([("Entries", f.count), ("Spent", -f.spent), ("Granted", f.granted)]);
        report.counts.extend([("Refunded", f.refunded), ("Expired", -f.expired)]);
        report.counts.extend([("PresumedUses", followed.presumed_uses), ("PresumedTokens", followed.presumed_tokens)]);
        json!({"batchItemFailures": []})
    });
    if let Err(error) = &answer {
        report.causes.push(chain(error));
    }
    (answer, JobReport { spent: meter.spent(), duration: started.elapsed(), ..report })
}

/// The change in a record of the stream; `None` if nothing follows from it.
fn change(record: &Value) -> Result<Option<Change>, Source> {
    let image = |name: &str| record.pointer(&format!("/dynamodb/{name}")).map(image).transpose();
    let Some(new) = image("NewImage")? else { return Ok(None) };
    let old = || -> Result<_, Source> { Ok(image("OldImage")?.as_ref().map(record::record).transpose()?.flatten()) };
    let is_new = record.get("eventName").and_then(Value::as_str) == Some("INSERT");
    // What an import puts there happened elsewhere, and was told and counted there.
    if is_new && new.contains_key(attributes::IMPORTED) {
        return Ok(None);
    }
    Ok(match record::record(&new)? {
        Some(Record::Entry(entry)) if is_new => Some(Change::Entry(Box::new(entry))),
        Some(Record::Device(license, after)) => {
            let before = match old()? {
                Some(Record::Device(_, before)) => Some(Box::new(before)),
                _ => None,
            };
            Some(Change::Device { license, before, after: Box::new(after) })
        }
        Some(Record::Order(after)) => {
            let before = old()?.and_then(Record::order).map(Box::new);
            Some(Change::Order { before, after: Box::new(after) })
        }
        // Tries and uses of it change its record too; a new one has another name.
        Some(Record::Code(code)) if code.tries == Tries::default() => Some(Change::Code(Box::new(code))),
        Some(Record::SignIn(sign_in)) if is_new => Some(Change::SignIn(Box::new(sign_in))),
        _ => None,
    })
}

/// An item as the stream writes it: each value in an object that names its type. Ours are texts, numbers and bytes.
fn image(image: &Value) -> Result<Item, Source> {
    let mut item = Item::new();
    for (name, typed) in image.as_object().into_iter().flatten() {
        let part = |kind: &str| typed.get(kind).and_then(Value::as_str).map(str::to_owned);
        let value = match (part("S"), part("N"), part("B")) {
            (Some(text), ..) => AttributeValue::S(text),
            (_, Some(number), _) => AttributeValue::N(number),
            (_, _, Some(bytes)) => AttributeValue::B(Blob::new(BASE64.decode(bytes)?)),
            _ => return Err(format!("attribute {name} is of a type that is not ours").into()),
        };
        item.insert(name.clone(), value);
    }
    Ok(item)
}

/// Handles a batch of the queue of what leaves the deployment: messages, and the bus's notices; Lambda's answer, which names the
/// messages that must come again, and the report.
pub async fn delivery<T: Table>(
    app: &App<T>,
    outlets: &Channels<'_>,
    event: &Value,
    allowance: Duration,
) -> (Value, JobReport) {
    let (started, meter) = (Instant::now(), Meter::default());
    let budget = begin(app, &meter, allowance);
    let mut report = JobReport::of("delivery");
    let (mut mailed, mut delivered, mut waiting, mut dead, mut fanned) = (0, 0, 0, 0, 0);
    let (mut failures, mut again) = (Vec::new(), Vec::new());
    let records = event.get("Records").and_then(Value::as_array).map_or(&[][..], Vec::as_slice);
    // At once: a code must not wait for a webhook that is slow to answer.
    let carried = records.iter().map(|record| {
        let body = record.get("body").and_then(Value::as_str).unwrap_or_default();
        Box::pin(carry(app, &budget, outlets, body))
    });
    for (record, carried) in records.iter().zip(join_all(carried).await) {
        match carried {
            Ok(Sent::Mailed) => mailed += 1,
            Ok(Sent::Delivered) => delivered += 1,
            Ok(Sent::Waiting) => waiting += 1,
            Ok(Sent::GivenUp) => dead += 1,
            Ok(Sent::Fanned(count)) => fanned += count,
            Ok(Sent::Dropped) => {}
            Err(error) => {
                report.causes.push(chain(&error));
                failures.push(json!({"itemIdentifier": record.get("messageId")}));
                again.push(record);
            }
        }
    }
    // Somebody waits for a code, and the queue's visibility timeout is minutes. Where the change of it fails, that timeout holds.
    let soon = again.into_iter().filter_map(|record| {
        let receipt = record.get("receiptHandle").and_then(Value::as_str)?;
        Some(outlets.queue.retry_in(receipt, retry_seconds(record)))
    });
    for unsaid in join_all(soon).await.into_iter().filter_map(Result::err) {
        report.causes.push(chain(unsaid.as_ref()));
    }
    let failed = failures.len() as i64;
    report.counts.extend([("Mailed", mailed), ("Delivered", delivered), ("Waiting", waiting), ("GivenUp", dead)]);
    report.counts.extend([("FannedOut", fanned), ("FailedMessages", failed)]);
    (json!({"batchItemFailures": failures}), JobReport { spent: meter.spent(), duration: started.elapsed(), ..report })
}

/// Seconds after which a message that failed for the first time is tried again.
const RETRY_FIRST_SECONDS: u32 = 10;
/// Most seconds between two tries.
const RETRY_MAX_SECONDS: u32 = 900;

/// In how many seconds a message is tried again: twice as many as the time before.
fn retry_seconds(record: &Value) -> u32 {
    let received = record.pointer("/attributes/ApproximateReceiveCount").and_then(Value::as_str);
    let before: u32 = received.and_then(|count| count.parse().ok()).unwrap_or(1_u32).saturating_sub(1);
    RETRY_FIRST_SECONDS.saturating_mul(2_u32.saturating_pow(before)).min(RETRY_MAX_SECONDS)
}

/// A message in an unknown format. The error is not reported, because it would repeat the message.
fn unreadable(error: json::NotJson) -> Error {
    Error::Broken(format!("a message that cannot be read: {error}").into())
}

async fn carry<T: Table>(app: &App<T>, budget: &Budget<'_>, outlets: &Channels<'_>, body: &str) -> Result<Sent, Error> {
    let message = json::parse(body.as_bytes()).map_err(unreadable)?;
    let text = |name: &str| message.get(name).and_then(Value::as_str).map(str::to_owned);
    let Some(kind) = text("detail-type") else {
        let outgoing: OutboxMessage = json::typed(message).map_err(unreadable)?;
        return delivery::send(app, budget, outlets, &outgoing).await;
    };
    let detail = message.get("detail").cloned().unwrap_or_default();
    let id = detail.get("id").and_then(Value::as_str).map(str::to_owned);
    let named = id.zip(text("time").as_deref().and_then(Timestamp::parse));
    let (id, at) = named.ok_or_else(|| Error::Broken("a notice without id or time".into()))?;
    delivery::fan_out(app, budget, outlets.queue, WebhookEvent { id, kind, at, detail }).await
}

/// Handles an event of the function `renewals`; Lambda's answer, and the report. An error means: deliver the event again.
pub async fn renewals<T: Table>(
    app: &App<T>,
    queue: &dyn Queue,
    event: &Value,
    allowance: Duration,
) -> (Result<Value, Error>, JobReport) {
    let (started, meter) = (Instant::now(), Meter::default());
    let budget = begin(app, &meter, allowance);
    let mut report = JobReport::of("renewals");
    let answer = match event.get("Records").and_then(Value::as_array) {
        None => scheduled(app, &budget, queue, event, &mut report).await.map(|()| json!({})),
        Some(records) => Ok(worked(app, &budget, queue, records, &mut report).await),
    };
    if let Err(error) = &answer {
        report.causes.push(chain(error));
    }
    (answer, JobReport { spent: meter.spent(), duration: started.elapsed(), ..report })
}

/// Dispatches for the schedule, and records the run for callers that monitor the deployment.
async fn scheduled<T: Table>(
    app: &App<T>,
    budget: &Budget<'_>,
    queue: &dyn Queue,
    event: &Value,
    report: &mut JobReport,
) -> Result<(), Error> {
    let started_at = app.clock.now();
    let outcome = dispatched(app, budget, queue, report).await;
    let named = event.get("dispatch").and_then(Value::as_str);
    // Any other event is somebody's try by hand.
    if let Some(name) = run::SCHEDULES.into_iter().find(|name| named == Some(name)) {
        let count = |name: &str| report.counts.iter().find(|(known, _)| *known == name).map_or(0, |(_, count)| *count);
        let run = Run {
            name: name.to_owned(),
            operation: None,
            started_at,
            ended_at: app.clock.now(),
            count: count("Dispatched"),
            is_whole: outcome.is_ok() && count("Interrupted") == 0,
            problem: outcome.is_err().then(|| "the run failed; the log of renewals says why".to_owned()),
        };
        // What is due was handed over all the same: an error would have it handed over again.
        if let Err(error) = dispatcher::leave_word(app, budget, run).await {
            report.causes.push(format!("no word is left of the run: {}", chain(&error)));
        }
    }
    outcome
}

async fn dispatched<T: Table>(
    app: &App<T>,
    budget: &Budget<'_>,
    queue: &dyn Queue,
    report: &mut JobReport,
) -> Result<(), Error> {
    let ended = Box::pin(dispatcher::dispatch(app, budget, queue, app.clock.now())).await?;
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
    let (mut renewed, mut skipped, mut tokens, mut failed) = (0, 0, 0, 0);
    let mut failures = Vec::new();
    for record in records {
        let body = record.get("body").and_then(Value::as_str).unwrap_or_default();
        let outcome = match json::parse_as::<Message>(body.as_bytes()) {
            Err(error) => Err(Some(unreadable(error))),
            Ok(Message::Dispatch) => dispatched(app, budget, queue, report).await.map_err(Some),
            Ok(Message::Renew { project, accounts }) => {
                let work = dispatcher::work(app, budget, &project, &accounts, app.clock.now());
                let worked = Box::pin(work).await;
                renewed += worked.renewed;
                skipped += worked.skipped;
                tokens += worked.tokens;
                failed += worked.failed.len() as i64;
                let causes = worked.failed.iter().map(|(account, error)| format!("{account}: {}", chain(error)));
                report.causes.extend(causes);
                if worked.failed.is_empty() { Ok(()) } else { Err(None) }
            }
        };
        if let Err(error) = outcome {
            report.causes.extend(error.as_ref().map(|error: &Error| chain(error)));
            failures.push(json!({"itemIdentifier": record.get("messageId")}));
        }
    }
    let messages = failures.len() as i64;
    report.counts.extend([("Renewed", renewed), ("Skipped", skipped), ("Tokens", tokens)]);
    report.counts.extend([("FailedAccounts", failed), ("FailedMessages", messages)]);
    json!({"batchItemFailures": failures})
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_is_tried_again_ever_later() {
        let after = |count: Value| retry_seconds(&json!({"attributes": {"ApproximateReceiveCount": count}}));
        let waits = ["1", "2", "3", "7", "8", "10", "99"].map(|count| after(json!(count)));
        assert_eq!(waits, [10, 20, 40, 640, 900, 900, 900]);
        assert_eq!((after(json!("x")), retry_seconds(&json!({}))), (10, 10), "what is not told is the first time");
    }
}
