//! What runs without a caller, on this machine: the schedule, the worker of the queue, the follower of the table's stream. They
//! call the same functions of the product that the Lambdas `renewals` and `stream` call, with the same events.

use std::sync::Arc;
use std::time::Duration;

use ltlm_protocol::Timestamp;
use serde_json::{Value, json};
use shared::host::background::{self, JobReport};
use shared::host::bus::EventBridge;
use shared::host::log;
use shared::host::mail::Ses;
use shared::host::queue::Sqs;
use shared::host::web::{Reach, Web};
use shared::service::ports::Clock;
use shared::service::webhooks::delivery::Channels;

use crate::bus::{BUS, NoticeBus};
use crate::mail::{FROM, PostOffice};
use crate::queue::WorkQueue;
use crate::table_stream::StreamReader;
use crate::wiring::{Local, sdk_config};

/// Time for one event: what the template gives the function.
const ALLOWANCE: Duration = Duration::from_secs(60);
/// How often the schedule looks at the clock, and the worker at the queue.
const PAUSE: Duration = Duration::from_millis(250);
const HOUR_MS: i64 = 3_600_000;

/// The background's parts.
pub struct Background {
    host: Arc<Local>,
    /// The queue that the dispatcher fills.
    pub queue: WorkQueue,
    sender: Sqs,
    /// The bus that notices go to.
    pub bus: NoticeBus,
    publisher: EventBridge,
    /// The queue of what leaves the deployment.
    pub outbox: Arc<WorkQueue>,
    leaving: Sqs,
    /// Where mails end.
    pub post_office: PostOffice,
    mailer: Ses,
    caller: Web,
    stream: Option<tokio::sync::Mutex<StreamReader>>,
    logs: bool,
}

impl Background {
    /// Starts the queue, the bus and the post office. Nothing runs yet.
    pub async fn start(
        host: Arc<Local>,
        outbox: Arc<WorkQueue>,
        stream: Option<StreamReader>,
        logs: bool,
    ) -> std::io::Result<Self> {
        let queue = WorkQueue::start(host.app.clock.clone(), crate::queue::WORK).await?;
        let sender = Sqs::new(&sdk_config(queue.endpoint(), false).await, queue.endpoint());
        let bus = NoticeBus::start(outbox.clone()).await?;
        let leaving = Sqs::new(&sdk_config(outbox.endpoint(), false).await, outbox.endpoint());
        let post_office = PostOffice::start().await?;
        let mailer = Ses::new(&sdk_config(post_office.endpoint(), false).await, FROM);
        let caller = Web::new(Reach::Anywhere);
        let publisher = EventBridge::new(&sdk_config(bus.endpoint(), false).await, BUS);
        let stream = stream.map(tokio::sync::Mutex::new);
        Ok(Self { host, queue, sender, bus, publisher, outbox, leaving, post_office, mailer, caller, stream, logs })
    }

    /// Hands the product an event.
    pub async fn deliver(&self, event: &Value) -> (Option<Value>, JobReport) {
        let handling = background::renewals(&self.host.app, &self.sender, event, ALLOWANCE);
        let (answer, report) = Box::pin(handling).await;
        if self.logs {
            log::job_line(&report);
        }
        (answer.ok(), report)
    }

    /// What the schedules do: start the dispatcher, at two o'clock (UTC) for the night, and each other hour for that.
    pub async fn dispatch(&self) -> JobReport {
        let hour = self.host.app.clock.now().ms().div_euclid(HOUR_MS).rem_euclid(24);
        self.deliver(&json!({"dispatch": if hour == 2 { "nightly" } else { "hourly" }})).await.1
    }

    /// Works on the next batch of the queue, if there is one.
    pub async fn work(&self) -> Option<JobReport> {
        let (batch, event) = self.queue.receive()?;
        let (answer, report) = self.deliver(&event).await;
        self.queue.give_back(batch, answer.as_ref());
        Some(report)
    }

    /// Hands the product a batch of the table's stream.
    pub async fn deliver_changes(&self, event: &Value) -> (Option<Value>, JobReport) {
        let handling = background::stream(&self.host.app, (&self.publisher, &self.leaving), event, ALLOWANCE);
        let (answer, report) = Box::pin(handling).await;
        if self.logs && report.counts.iter().any(|(name, count)| *name == "Entries" && *count > 0) {
            log::job_line(&report);
        }
        (answer.ok(), report)
    }

    /// Sends what leaves the deployment, the next batch of it, if there is one.
    pub async fn carry(&self) -> Option<JobReport> {
        let (batch, event) = self.outbox.receive()?;
        let outlets = Channels { queue: &self.leaving, mailer: Some(&self.mailer), caller: &self.caller };
        let (answer, report) = Box::pin(background::delivery(&self.host.app, &outlets, &event, ALLOWANCE)).await;
        self.outbox.give_back(batch, Some(&answer));
        if self.logs && report.counts.iter().any(|(_, count)| *count > 0) {
            log::job_line(&report);
        }
        Some(report)
    }

    /// Follows the next batch of the table's stream, if there is one; one that fails comes again.
    pub async fn follow(&self) -> Option<JobReport> {
        let mut stream = self.stream.as_ref()?.lock().await;
        let batch = match stream.next().await {
            Ok(batch) => batch?,
            Err(error) => {
                tracing::warn!(%error, "the table's stream cannot be read");
                return None;
            }
        };
        let (answer, report) = self.deliver_changes(&batch.event).await;
        answer?;
        if let Err(error) = stream.pass(batch).await {
            tracing::warn!(%error, "a batch of the table's stream comes again");
            return None;
        }
        Some(report)
    }

    /// Runs for as long as it is waited for: the dispatcher whenever an hour of the product's clock is over, the worker
    /// whenever there is work, and what follows from the table's changes.
    pub async fn run(&self, clock: &dyn Clock) {
        let hour = |now: Timestamp| now.ms().div_euclid(HOUR_MS);
        let mut seen = hour(clock.now());
        loop {
            let now = hour(clock.now());
            if now != seen {
                seen = now;
                self.dispatch().await;
            }
            let (followed, worked, carried) = (self.follow().await, self.work().await, self.carry().await);
            if followed.is_none() && worked.is_none() && carried.is_none() {
                tokio::time::sleep(PAUSE).await;
            }
        }
    }
}
