//! A small bus that implements the one EventBridge operation that the product uses, `PutEvents`, for the real
//! `aws-sdk-eventbridge` over loopback HTTP. It shows the received notices in the log and at a route.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex};

use axum::Json;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use ltlm_protocol::Timestamp;
use serde_json::{Value, json};

use crate::endpoint::Endpoint;
use crate::queue::WorkQueue;

/// The bus's name, locally.
pub const BUS: &str = "ltlm-local";
/// Notices that are remembered.
const REMEMBERED: usize = 1_000;
/// Notices that one call may bring.
const NOTICES_PER_CALL: usize = 10;

/// A running bus; its endpoint stops when it is dropped.
#[derive(Debug)]
pub struct NoticeBus {
    endpoint: Endpoint,
    notices: Arc<Mutex<VecDeque<Value>>>,
}

/// What the endpoint works with: what it remembers, and the queue that the rule of the bus leads to.
#[derive(Clone)]
struct Rule {
    notices: Arc<Mutex<VecDeque<Value>>>,
    target: Arc<WorkQueue>,
}

impl NoticeBus {
    /// Starts it; all that comes is handed on to `target` too, as a rule of EventBridge does.
    pub async fn start(target: Arc<WorkQueue>) -> std::io::Result<Self> {
        let notices = Arc::new(Mutex::new(VecDeque::new()));
        let rule = Rule { notices: notices.clone(), target };
        let router = axum::Router::new().fallback(operation).with_state(rule);
        Ok(Self { endpoint: Endpoint::serve("bus", router).await?, notices })
    }

    /// Its URL.
    pub fn endpoint(&self) -> &str {
        self.endpoint.url()
    }

    /// The last notices, the oldest first.
    pub fn notices(&self) -> Vec<Value> {
        lock(&self.notices).iter().cloned().collect()
    }
}

fn lock(notices: &Mutex<VecDeque<Value>>) -> std::sync::MutexGuard<'_, VecDeque<Value>> {
    notices.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
}

async fn operation(State(rule): State<Rule>, headers: HeaderMap, body: String) -> (StatusCode, Json<Value>) {
    let refuse = |kind: &str| (StatusCode::BAD_REQUEST, Json(json!({"__type": kind, "message": kind})));
    if headers.get("x-amz-target").and_then(|target| target.to_str().ok()) != Some("AWSEvents.PutEvents") {
        return refuse("UnknownOperationException");
    }
    let Ok(request) = serde_json::from_str::<Value>(&body) else { return refuse("SerializationException") };
    let Some(entries) = request["Entries"].as_array().filter(|entries| entries.len() <= NOTICES_PER_CALL) else {
        return refuse("ValidationException");
    };
    let mut notices = lock(&rule.notices);
    let mut taken = Vec::new();
    for entry in entries {
        let text = entry["Detail"].as_str().unwrap_or_default();
        let Ok(detail) = serde_json::from_str::<Value>(text) else { return refuse("ValidationException") };
        let kind = entry["DetailType"].as_str().unwrap_or_default();
        // What it says is at `/__local/events`.
        tracing::info!(kind, "notice");
        taken.push(json!({"EventId": format!("event-{}", notices.len())}));
        let at = entry["Time"].as_f64().map(|seconds| Timestamp::from_ms((seconds * 1_000.0).round() as i64));
        let event = json!({"version": "0", "id": format!("event-{}", notices.len()), "detail-type": kind, "source": entry["Source"],
            "time": at.map(|at| at.to_string()), "detail": detail});
        rule.target.put(event.to_string());
        notices.push_back(json!({"type": kind, "detail": detail}));
        if notices.len() > REMEMBERED {
            notices.pop_front();
        }
    }
    (StatusCode::OK, Json(json!({"FailedEntryCount": 0, "Entries": taken})))
}
