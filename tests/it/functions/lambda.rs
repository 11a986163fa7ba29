//! The real Lambda binaries under an emulated Runtime API, fed from `events/`, on the embedded engine.

use std::process::Stdio;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::Router;
use axum::extract::{Path, State};
use axum::http::HeaderMap;
use axum::response::IntoResponse;
use axum::routing::{get, post};
use serde_json::Value;
use sha2::{Digest, Sha256};
use shared::api::routes::ROUTES;
use shared::host::clock::SystemClock;
use shared::service::ports::Clock;
use tokio::io::AsyncReadExt;
use tokio::sync::mpsc;

use crate::api::endpoints::{EXPECTED, content_type, event, is_sealed};
use crate::support::{ADMIN_KEY, L1, SECRET, TestApp, device, program};

/// What the Runtime API has for a function, and where its answers go.
struct Runtime {
    events: Mutex<std::vec::IntoIter<Value>>,
    answers: mpsc::UnboundedSender<Value>,
    /// Time for each event.
    allowance: Duration,
}

/// The next event; after the last one the function is kept waiting, as Lambda does.
async fn next(State(runtime): State<Arc<Runtime>>) -> impl IntoResponse {
    let event = runtime.events.lock().unwrap().next();
    let Some(event) = event else { return std::future::pending().await };
    let deadline = std::time::UNIX_EPOCH.elapsed().unwrap() + runtime.allowance;
    let headers = [
        ("lambda-runtime-aws-request-id", "request-1".to_owned()),
        ("lambda-runtime-deadline-ms", deadline.as_millis().to_string()),
        ("lambda-runtime-invoked-function-arn", "arn:aws:lambda:eu-west-1:123456789012:function:f".to_owned()),
        ("lambda-runtime-trace-id", "Root=1-5bef4de7-ad49b0e87f6ef6c87fc2e700".to_owned()),
    ];
    (headers, event.to_string())
}

async fn answer(
    State(runtime): State<Arc<Runtime>>,
    Path((_, kind)): Path<(String, String)>,
    _: HeaderMap,
    body: String,
) -> impl IntoResponse {
    assert_eq!(kind, "response", "the function failed: {body}");
    runtime.answers.send(serde_json::from_str(&body).unwrap()).unwrap();
    axum::http::StatusCode::ACCEPTED
}

/// Runs a function's binary on these events; its answers, and all that it printed.
async fn invoke(app: &TestApp, function: &str, events: Vec<Value>) -> (Vec<Value>, String) {
    invoke_with(app, function, events, &[]).await
}

/// The same, with further variables.
pub(crate) async fn invoke_with(
    app: &TestApp,
    function: &str,
    events: Vec<Value>,
    beside: &[(&str, &str)],
) -> (Vec<Value>, String) {
    invoke_within(Duration::from_secs(30), app, function, events, beside).await
}

/// The same, with so much time for each event.
pub(crate) async fn invoke_within(
    allowance: Duration,
    app: &TestApp,
    function: &str,
    events: Vec<Value>,
    beside: &[(&str, &str)],
) -> (Vec<Value>, String) {
    let count = events.len();
    let (answers, mut received) = mpsc::unbounded_channel();
    let runtime = Arc::new(Runtime { events: Mutex::new(events.into_iter()), answers, allowance });
    let router = Router::new()
        .route("/2018-06-01/runtime/invocation/next", get(next))
        .route("/2018-06-01/runtime/invocation/{id}/{kind}", post(answer))
        .with_state(runtime);
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    #[expect(clippy::disallowed_methods, reason = "a test, not a Lambda")]
    let server = tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });

    let mut child = tokio::process::Command::new(program(function))
        .env_clear()
        .envs([
            ("AWS_LAMBDA_RUNTIME_API", address.to_string()),
            ("AWS_LAMBDA_FUNCTION_NAME", function.to_owned()),
            ("AWS_LAMBDA_FUNCTION_VERSION", "1".to_owned()),
            ("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", "256".to_owned()),
            ("AWS_LAMBDA_LOG_GROUP_NAME", "g".to_owned()),
            ("AWS_LAMBDA_LOG_STREAM_NAME", "s".to_owned()),
            ("AWS_LAMBDA_LOG_FORMAT", "JSON".to_owned()),
            ("AWS_LAMBDA_LOG_LEVEL", "DEBUG".to_owned()),
            ("AWS_REGION", "eu-west-1".to_owned()),
            ("AWS_ACCESS_KEY_ID", "local".to_owned()),
            ("AWS_SECRET_ACCESS_KEY", "local".to_owned()),
            ("AWS_ENDPOINT_URL_DYNAMODB", app.engine.endpoint().to_owned()),
            ("AWS_ENDPOINT_URL_KMS", app.keys.endpoint().to_owned()),
            ("LTLM_TABLE", local::wiring::TABLE.to_owned()),
            ("LTLM_KMS_KEY", local::kms::KEY_ID.to_owned()),
            ("LTLM_PAYMENT_SECRET", local::stripe::SECRET.to_owned()),
            ("LTLM_STRIPE_API", app.stripe.endpoint().to_owned()),
            ("LTLM_OUTBOX_URL", app.outbox.endpoint().to_owned()),
            ("AWS_ENDPOINT_URL_SECRETS_MANAGER", app.stripe.endpoint().to_owned()),
            ("AWS_ENDPOINT_URL_SQS", app.outbox.endpoint().to_owned()),
            ("LTLM_ADMIN_KEY_SHA256", hex::encode(Sha256::digest(ADMIN_KEY))),
        ])
        .envs(beside.iter().copied())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .kill_on_drop(true)
        .spawn()
        .unwrap();
    let mut out = Vec::new();
    for _ in 0..count {
        match tokio::time::timeout(Duration::from_secs(30), received.recv()).await {
            Ok(answer) => out.push(answer.unwrap()),
            Err(_) => break,
        }
    }
    // Give the log lines of the last answer time to be written: they come before the next poll.
    tokio::time::sleep(Duration::from_millis(50)).await;
    child.kill().await.unwrap();
    let mut printed = String::new();
    child.stdout.take().unwrap().read_to_string(&mut printed).await.unwrap();
    child.stderr.take().unwrap().read_to_string(&mut printed).await.unwrap();
    server.abort();
    assert_eq!(out.len(), count, "{function} does not answer; it printed {printed}");
    (out, printed)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_function_answers_its_events() {
    // The binaries read the real clock, so the fixture's license must begin now.
    let app = TestApp::starting_at(SystemClock.now()).await;
    app.activate(L1, &device('b')).await;
    for (name, status, member) in EXPECTED {
        let function = ROUTES.iter().find(|route| route.name == *name).unwrap().function;
        let (answers, printed) = invoke(&app, function, vec![event(name, &app.project_id, "1")]).await;
        let answer = &answers[0];
        assert_eq!(answer["statusCode"], *status, "{name}: {answer}");
        if *status != 204 {
            let text = answer["body"].as_str().unwrap();
            let body: Value = match is_sealed(name, *status) {
                true => app.opened_text(text)["data"].clone(),
                false => serde_json::from_str(text).unwrap_or_default(),
            };
            assert!(member.is_empty() || !body[*member].is_null(), "{name}: {body}");
            assert_eq!(answer["headers"]["content-type"], content_type(name, *status));
        }
        assert_eq!(answer["isBase64Encoded"], false);
        // A report leads to its line.
        assert_eq!(answer["headers"]["x-request-id"], "JKJaXmPLvHcESHA=", "{name}");
        assert!(printed.contains(r#""request_id":"JKJaXmPLvHcESHA=""#), "{name}: {printed}");
        for line in [format!(r#""route":"{name}""#), format!(r#""Route":"{name}""#), "CloudWatchMetrics".to_owned()] {
            assert!(printed.contains(&line), "{name} without {line}: {printed}");
        }
        for secret in [SECRET, ADMIN_KEY, L1, &device('a')] {
            assert!(!printed.contains(secret), "{name} prints a secret: {printed}");
        }
    }
}

#[tokio::test]
async fn one_process_answers_one_event_after_another() {
    // The binaries read the real clock, so the fixture's license must begin now.
    let app = TestApp::starting_at(SystemClock.now()).await;
    app.activate(L1, &device('a')).await;
    let events = vec![event("consume", &app.project_id, "1"); 3];
    let (answers, printed) = invoke(&app, "consume", events).await;
    let replayed: Vec<bool> =
        answers.iter().map(|answer| answer["body"].as_str().unwrap().contains(r#""replayed":true"#)).collect();
    assert_eq!(replayed, [false, true, true]);
    // A replay is recognized by its entry's guard, which is a round trip more than a warm read.
    assert!(printed.contains(r#""round_trips":3"#), "cold at the first event: {printed}");
    assert!(printed.contains(r#""round_trips":2"#), "warm by the second event: {printed}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_function_serves_its_own_routes_only() {
    // The binaries read the real clock, so the fixture's license must begin now.
    let app = TestApp::starting_at(SystemClock.now()).await;
    let (answers, _) = invoke(&app, "license", vec![event("consume", &app.project_id, "1")]).await;
    assert_eq!(answers[0]["statusCode"], 404);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_renewals_function_takes_the_events_of_the_schedule_and_the_queue() {
    let now = SystemClock.now();
    let app = TestApp::starting_at(now.plus_days(-30)).await;
    let made = app.account("POST", "", serde_json::json!({"accountId": "user-1", "tier": "Gift"})).await;
    assert_eq!(made.status, 201);
    let queue = local::queue::WorkQueue::start(app.clock.clone(), local::queue::WORK).await.unwrap();
    let beside = [("AWS_ENDPOINT_URL_SQS", queue.endpoint()), ("LTLM_QUEUE_URL", queue.endpoint())];
    let events =
        ["background/renewals-schedule", "background/renewals-queue"].map(|name| event(name, &app.project_id, "1"));
    let (answers, printed) = invoke_with(&app, "renewals", events.to_vec(), &beside).await;
    assert_eq!(answers[1]["batchItemFailures"].as_array().unwrap().len(), 1, "the one that is no message");
    assert_eq!(queue.waiting().len(), 1);
    for line in [r#""Job":"renewals""#, r#""Dispatched":1"#, r#""Renewed":1"#, r#""Skipped":1"#] {
        assert!(printed.contains(line), "without {line}: {printed}");
    }
    app.clock.set(now.plus_seconds(60));
    assert_eq!(app.account_ledger("user-1").await.len(), 2);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_stream_function_takes_the_tables_changes() {
    let app = TestApp::starting_at(SystemClock.now()).await;
    let bus = local::bus::NoticeBus::start(app.outbox.clone()).await.unwrap();
    let beside = [("AWS_ENDPOINT_URL_EVENTBRIDGE", bus.endpoint()), ("LTLM_BUS", local::bus::BUS)];
    let events = vec![event("background/stream", &app.project_id, "1"); 2];
    let (answers, printed) = invoke_with(&app, "stream", events, &beside).await;
    assert_eq!(answers[0]["batchItemFailures"], serde_json::json!([]));
    let notices = bus.notices();
    let kinds: Vec<_> = notices.iter().map(|notice| notice["type"].as_str().unwrap()).collect();
    assert_eq!(kinds, ["tokens.changed", "tokens.overdrawn", "tokens.changed", "tokens.overdrawn"]);
    assert_eq!(notices[..2], notices[2..], "told twice, the same notices");
    for line in [r#""Job":"stream""#, r#""Days":1"#, r#""Days":0"#, r#""Spent":10"#] {
        assert!(printed.contains(line), "without {line}: {printed}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_delivery_function_takes_messages_and_notices() {
    let app = TestApp::starting_at(SystemClock.now()).await;
    let made = format!("/v1/admin/projects/{}/webhooks", app.project_id);
    let body = serde_json::json!({"url": "https://hooks.example.com/ltlm", "kinds": ["tokens.low"]});
    assert_eq!(app.admin("POST", &made, body).await.status, 201);
    let events = vec![event("background/delivery", &app.project_id, "1")];
    let (answers, printed) = invoke(&app, "delivery", events).await;
    // The code is superseded, the notice goes to the webhook, the third is no message.
    assert_eq!(answers[0]["batchItemFailures"], serde_json::json!([{"itemIdentifier": "message-3"}]));
    assert!(printed.contains(r#""Job":"delivery""#) && printed.contains(r#""FannedOut":1"#), "{printed}");
    assert!(app.outbox.waiting()[0].body.contains("delivery"));
}

#[tokio::test]
async fn a_function_without_its_configuration_says_what_is_missing() {
    let output = tokio::process::Command::new(program("admin")).env_clear().output().await.unwrap();
    assert!(!output.status.success());
    let printed = String::from_utf8_lossy(&output.stderr).into_owned() + &String::from_utf8_lossy(&output.stdout);
    assert!(printed.contains("LTLM_TABLE is missing") && printed.contains("LTLM_KMS_KEY is missing"), "{printed}");
}
