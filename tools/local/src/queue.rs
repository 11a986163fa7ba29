//! A small queue that speaks the SQS operations the product uses, `SendMessageBatch` and `ChangeMessageVisibility`, to the real
//! `aws-sdk-sqs` over loopback HTTP, and hands its messages out as Lambda's event source does: in batches, those that failed again later, and
//! what failed too often to a queue of dead letters.

use std::collections::{BTreeMap, VecDeque};
use std::sync::{Arc, Mutex};

use axum::Json;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use ltlm_protocol::Timestamp;
use serde_json::{Value, json};
use shared::service::ports::Clock;

use crate::endpoint::Endpoint;

/// Messages of one batch, as the template says.
const BATCH: usize = 10;
/// Messages that one call may bring.
const MESSAGES_PER_CALL: usize = 10;

/// What the template sets for a queue.
#[derive(Clone, Copy, Debug)]
pub struct Settings {
    /// Deliveries of a message before it is a dead letter (`maxReceiveCount`).
    pub max_receive_count: u32,
    /// Seconds after which a message that failed is handed out again (`VisibilityTimeout`), unless the function changes that.
    pub visibility_timeout: i64,
}

/// The renewals' queue. Failed messages come again at once, and not after six minutes as on AWS: no test depends on that time.
pub const WORK: Settings = Settings { max_receive_count: 5, visibility_timeout: 0 };
/// The queue of what leaves the deployment.
pub const OUTBOX: Settings = Settings { max_receive_count: 10, visibility_timeout: 360 };

/// A running queue; its endpoint stops when it is dropped.
pub struct WorkQueue {
    endpoint: Endpoint,
    messages: Arc<Mutex<Messages>>,
    clock: Arc<dyn Clock>,
    settings: Settings,
}

#[derive(Debug, Default)]
struct Messages {
    waiting: VecDeque<Message>,
    /// When those that are being worked on are handed out again, by their ids, where it was said.
    again: BTreeMap<String, Timestamp>,
    dead: Vec<Message>,
    sent: u64,
}

/// A message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Message {
    /// Its id.
    pub id: String,
    /// What it says.
    pub body: String,
    /// How often it was handed out.
    pub deliveries: u32,
    /// It is handed out from this instant of the product's clock on.
    pub visible_at: Timestamp,
}

impl Messages {
    fn take(&mut self, body: String, visible_at: Timestamp) -> String {
        self.sent += 1;
        let id = format!("message-{}", self.sent);
        self.waiting.push_back(Message { id: id.clone(), body, deliveries: 0, visible_at });
        id
    }
}

impl std::fmt::Debug for WorkQueue {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("WorkQueue").field("endpoint", &self.endpoint).finish_non_exhaustive()
    }
}

impl WorkQueue {
    /// Starts it, empty. Delays pass by this clock.
    pub async fn start(clock: Arc<dyn Clock>, settings: Settings) -> std::io::Result<Self> {
        let messages = Arc::new(Mutex::new(Messages::default()));
        let router = axum::Router::new().fallback(operation).with_state((messages.clone(), clock.clone()));
        Ok(Self { endpoint: Endpoint::serve("queue", router).await?, messages, clock, settings })
    }

    /// Its URL, which is also the queue's.
    pub fn endpoint(&self) -> &str {
        self.endpoint.url()
    }

    /// The next batch as Lambda's event, if there is one. Messages that the answer does not list as failed are done.
    pub fn receive(&self) -> Option<(Vec<Message>, Value)> {
        let mut messages = lock(&self.messages);
        let now = self.clock.now();
        let (mut batch, mut later) = (Vec::new(), VecDeque::new());
        for message in std::mem::take(&mut messages.waiting) {
            match message.visible_at <= now && batch.len() < BATCH {
                true => batch.push(message),
                false => later.push_back(message),
            }
        }
        messages.waiting = later;
        batch.iter_mut().for_each(|message| message.deliveries += 1);
        let records: Vec<_> = batch
            .iter()
            .map(|message| {
                json!({"messageId": message.id, "receiptHandle": message.id, "body": message.body,
                    "attributes": {"ApproximateReceiveCount": message.deliveries.to_string()}, "eventSource": "aws:sqs"})
            })
            .collect();
        (!batch.is_empty()).then(|| (batch, json!({ "Records": records })))
    }

    /// Takes back what failed of a batch: what Lambda's answer names, or all of it if there was none.
    pub fn give_back(&self, batch: Vec<Message>, answer: Option<&Value>) {
        let named: Option<Vec<&str>> = answer.map(|answer| {
            let failures = answer["batchItemFailures"].as_array();
            failures.into_iter().flatten().filter_map(|failure| failure["itemIdentifier"].as_str()).collect()
        });
        let failed =
            batch.into_iter().filter(|message| named.as_ref().is_none_or(|n| n.contains(&message.id.as_str())));
        let mut messages = lock(&self.messages);
        for message in failed {
            let said = messages.again.remove(&message.id);
            let visible_at = said.unwrap_or_else(|| self.clock.now().plus_seconds(self.settings.visibility_timeout));
            let message = Message { visible_at, ..message };
            match message.deliveries >= self.settings.max_receive_count {
                true => messages.dead.push(message),
                false => messages.waiting.push_back(message),
            }
        }
    }

    /// Puts a message in, as another service of AWS's does.
    pub fn put(&self, body: String) {
        lock(&self.messages).take(body, self.clock.now());
    }

    /// Messages that wait.
    pub fn waiting(&self) -> Vec<Message> {
        lock(&self.messages).waiting.iter().cloned().collect()
    }

    /// Messages that failed too often.
    pub fn dead(&self) -> Vec<Message> {
        lock(&self.messages).dead.clone()
    }
}

/// What the endpoint works with.
type Shared = (Arc<Mutex<Messages>>, Arc<dyn Clock>);

fn lock(messages: &Mutex<Messages>) -> std::sync::MutexGuard<'_, Messages> {
    messages.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
}

async fn operation(
    State((messages, clock)): State<Shared>,
    headers: HeaderMap,
    body: String,
) -> (StatusCode, Json<Value>) {
    let refuse = |kind: &str| (StatusCode::BAD_REQUEST, Json(json!({"__type": kind, "message": kind})));
    let Ok(request) = serde_json::from_str::<Value>(&body) else { return refuse("SerializationException") };
    match headers.get("x-amz-target").and_then(|target| target.to_str().ok()) {
        Some("AmazonSQS.SendMessageBatch") => {}
        Some("AmazonSQS.ChangeMessageVisibility") => {
            let named = request["ReceiptHandle"].as_str().zip(request["VisibilityTimeout"].as_i64());
            let Some((receipt, seconds)) = named else { return refuse("InvalidParameterValue") };
            lock(&messages).again.insert(receipt.to_owned(), clock.now().plus_seconds(seconds));
            return (StatusCode::OK, Json(json!({})));
        }
        _ => return refuse("com.amazonaws.sqs#UnsupportedOperation"),
    }
    let Some(entries) = request["Entries"].as_array().filter(|entries| entries.len() <= MESSAGES_PER_CALL) else {
        return refuse("com.amazonaws.sqs#TooManyEntriesInBatchRequest");
    };
    let mut messages = lock(&messages);
    let mut taken = Vec::new();
    for entry in entries {
        let delay = entry["DelaySeconds"].as_i64().unwrap_or(0);
        if !(0..=900).contains(&delay) {
            return refuse("InvalidParameterValue");
        }
        let body = entry["MessageBody"].as_str().unwrap_or_default().to_owned();
        let id = messages.take(body, clock.now().plus_seconds(delay));
        taken.push(json!({"Id": entry["Id"], "MessageId": id, "MD5OfMessageBody": ""}));
    }
    (StatusCode::OK, Json(json!({"Successful": taken, "Failed": []})))
}
