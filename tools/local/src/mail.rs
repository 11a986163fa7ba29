//! A small post office that speaks the one SES operation the product uses, `SendEmail`, to the real `aws-sdk-sesv2` over loopback
//! HTTP, and keeps what it was given: nothing leaves this machine.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};

use axum::extract::State;
use axum::http::StatusCode;
use axum::{Json, Router};
use serde_json::{Value, json};

use crate::endpoint::Endpoint;

/// The address that mails come from, locally.
pub const FROM: &str = "licenses@localhost";
/// Mails that are remembered.
const REMEMBERED: usize = 1_000;

/// A running post office; its endpoint stops when it is dropped.
#[derive(Debug)]
pub struct PostOffice {
    endpoint: Endpoint,
    mails: Mails,
    refuses: Arc<AtomicBool>,
}

type Mails = Arc<Mutex<VecDeque<Value>>>;

impl PostOffice {
    /// Starts it.
    pub async fn start() -> std::io::Result<Self> {
        let (mails, refuses) = (Mails::default(), Arc::new(AtomicBool::new(false)));
        let router = Router::new().route("/v2/email/outbound-emails", axum::routing::post(send));
        let router = router.with_state((mails.clone(), refuses.clone()));
        Ok(Self { endpoint: Endpoint::serve("mail", router).await?, mails, refuses })
    }

    /// Refuses every mail from now on, or none.
    pub fn refuse(&self, all: bool) {
        self.refuses.store(all, Ordering::Relaxed);
    }

    /// Its URL.
    pub fn endpoint(&self) -> &str {
        self.endpoint.url()
    }

    /// The last mails, the oldest first.
    pub fn mails(&self) -> Vec<Value> {
        lock(&self.mails).iter().cloned().collect()
    }
}

fn lock(mails: &Mutex<VecDeque<Value>>) -> std::sync::MutexGuard<'_, VecDeque<Value>> {
    mails.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
}

async fn send(State((mails, refuses)): State<(Mails, Arc<AtomicBool>)>, body: String) -> (StatusCode, Json<Value>) {
    let refuse = || (StatusCode::BAD_REQUEST, Json(json!({"message": "BadRequestException"})));
    if refuses.load(Ordering::Relaxed) {
        return refuse();
    }
    let Ok(request) = serde_json::from_str::<Value>(&body) else { return refuse() };
    let text = |path: &str| request.pointer(path).and_then(Value::as_str).map(str::to_owned);
    let (Some(to), Some(subject), Some(text)) = (
        text("/Destination/ToAddresses/0"),
        text("/Content/Simple/Subject/Data"),
        text("/Content/Simple/Body/Text/Data"),
    ) else {
        return refuse();
    };
    let mut mails = lock(&mails);
    // What it says and to whom is at `/__local/outbox`.
    tracing::info!(waiting = mails.len() + 1, "mail");
    mails.push_back(json!({"to": to, "subject": subject, "text": text}));
    if mails.len() > REMEMBERED {
        mails.pop_front();
    }
    (StatusCode::OK, Json(json!({"MessageId": format!("mail-{}", mails.len())})))
}
