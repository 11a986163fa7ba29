//! What runs without a caller, on this machine: the schedule, and the worker of the queue. They call the same function of the
//! product that the Lambda `renewals` calls, with the same events.

use std::sync::Arc;
use std::time::Duration;

use ltlm_protocol::Timestamp;
use serde_json::{Value, json};
use shared::host::background::{self, JobReport};
use shared::host::log;
use shared::host::queue::Sqs;
use shared::service::Clock;

use crate::queue::WorkQueue;
use crate::world::{Local, sdk_config};

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
    logs: bool,
}

impl Background {
    /// Starts the queue. Nothing runs yet.
    pub async fn start(host: Arc<Local>, logs: bool) -> std::io::Result<Self> {
        let queue = WorkQueue::start().await?;
        let sender = Sqs::new(&sdk_config(queue.endpoint(), false).await, queue.endpoint());
        Ok(Self { host, queue, sender, logs })
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

    /// What the schedule does: starts the dispatcher.
    pub async fn dispatch(&self) -> JobReport {
        self.deliver(&json!({"dispatch": "schedule"})).await.1
    }

    /// Works on the next batch of the queue, if there is one.
    pub async fn work(&self) -> Option<JobReport> {
        let (batch, event) = self.queue.receive()?;
        let (answer, report) = self.deliver(&event).await;
        self.queue.give_back(batch, answer.as_ref());
        Some(report)
    }

    /// Runs for as long as it is waited for: the dispatcher whenever an hour of the product's clock is over, the worker
    /// whenever there is work.
    pub async fn run(&self, clock: &dyn Clock) {
        let hour = |now: Timestamp| now.ms().div_euclid(HOUR_MS);
        let mut seen = hour(clock.now());
        loop {
            let now = hour(clock.now());
            if now != seen {
                seen = now;
                self.dispatch().await;
            }
            if self.work().await.is_none() {
                tokio::time::sleep(PAUSE).await;
            }
        }
    }
}
