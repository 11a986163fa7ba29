//! The vendor's webhooks: signed, tried again, given up, replayed; and what applications report.

use std::process::Stdio;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use local::background::Background;
use local::endpoint::Endpoint;
use serde_json::{Value, json};
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio::process::ChildStdout;

use crate::support::background::{background, settle};
use crate::support::{L1, TestApp, device};

/// What a receiver was sent, and what it answers.
#[derive(Clone)]
struct Receiver {
    got: Arc<Mutex<Vec<(HeaderMap, String)>>>,
    answers: Arc<Mutex<u16>>,
}

impl Receiver {
    async fn start() -> (Self, Endpoint) {
        let receiver = Self { got: Arc::default(), answers: Arc::new(Mutex::new(200)) };
        let router = axum::Router::new().route("/hook", axum::routing::post(take)).with_state(receiver.clone());
        (receiver, Endpoint::serve("receiver", router).await.unwrap())
    }

    fn answer(&self, status: u16) {
        *self.answers.lock().unwrap() = status;
    }

    fn taken(&self) -> Vec<(HeaderMap, String)> {
        std::mem::take(&mut *self.got.lock().unwrap())
    }

    /// The kinds of what came since the last look.
    fn kinds(&self) -> Vec<String> {
        let kind = |body: &String| serde_json::from_str::<Value>(body).unwrap()["type"].as_str().unwrap().to_owned();
        self.taken().iter().map(|(_, body)| kind(body)).collect()
    }
}

async fn take(State(receiver): State<Receiver>, headers: HeaderMap, body: String) -> StatusCode {
    receiver.got.lock().unwrap().push((headers, body));
    StatusCode::from_u16(*receiver.answers.lock().unwrap()).unwrap()
}

impl TestApp {
    async fn webhook(&self, endpoint: &Endpoint, kinds: &[&str]) -> (String, String) {
        let body = json!({"url": format!("{}/hook", endpoint.url()), "kinds": kinds});
        let made = self.admin("POST", &format!("/v1/admin/projects/{}/webhooks", self.project_id), body).await;
        assert_eq!(made.status, 201, "{}", made.text);
        (made.text_of("webhookId").to_owned(), made.text_of("secret").to_owned())
    }

    fn hooks(&self, tail: &str) -> String {
        format!("/v1/admin/projects/{}/webhooks{tail}", self.project_id)
    }
}

/// Sends all that waits, over days.
async fn days_pass(app: &TestApp, background: &Background) {
    for _ in 0..400 {
        app.clock.advance_seconds(900);
        settle(background).await;
        if background.outbox.waiting().is_empty() {
            return;
        }
    }
    panic!("something waits for ever");
}

#[tokio::test]
async fn a_webhook_is_told_what_happens_in_its_project() {
    let app = TestApp::new().await;
    let background = background(&app).await;
    let (receiver, endpoint) = Receiver::start().await;
    let (_, secret) = app.webhook(&endpoint, &[]).await;
    app.webhook(&endpoint, &["seat.kicked"]).await;
    app.activate(L1, &device('a')).await;
    settle(&background).await;
    let taken = receiver.taken();
    assert_eq!(taken.len(), 1, "the other one wants kicked seats only");
    let (headers, body) = &taken[0];
    let result: Value = serde_json::from_str(body).unwrap();
    assert_eq!((&result["type"], &result["data"]["projectId"]), (&json!("license.activated"), &json!(app.project_id)));
    assert_eq!(result["timestamp"], "2026-01-04T00:00:00.000Z");
    let header = |name: &str| headers[name].to_str().unwrap().to_owned();
    assert!(header("webhook-id").starts_with("msg_") && secret.starts_with("whsec_"));
    assert_eq!(header("webhook-timestamp"), "1767484800");
    assert!(header("webhook-signature").starts_with("v1,"));
    assert!(!body.contains(L1), "a license is told by its hash");
    let notices = app.admin("GET", &format!("/v1/admin/projects/{}/notices", app.project_id), Value::Null).await;
    assert_eq!(notices.body["notices"][0]["messageId"], json!(header("webhook-id")));
}

#[tokio::test]
async fn a_delivery_is_tried_for_days_and_then_given_up_and_can_be_sent_again() {
    let app = TestApp::new().await;
    let background = background(&app).await;
    let (receiver, endpoint) = Receiver::start().await;
    let (id, _) = app.webhook(&endpoint, &["license.activated"]).await;
    receiver.answer(500);
    app.activate(L1, &device('a')).await;
    settle(&background).await;
    let first = receiver.taken();
    assert_eq!(first.len(), 1);
    days_pass(&app, &background).await;
    let rest = receiver.taken();
    assert_eq!(rest.len(), 8, "eight more tries");
    assert!(
        rest.iter().all(|(headers, body)| headers["webhook-id"] == first[0].0["webhook-id"] && *body == first[0].1)
    );
    let dead = app.admin("GET", &app.hooks(&format!("/{id}/dead-letters")), Value::Null).await;
    let row = &dead.body["deadLetters"][0];
    assert_eq!(
        (&row["attempts"], &row["error"], &row["type"]),
        (&json!(9), &json!("answered 500"), &json!("license.activated"))
    );
    // The receiver is mended, and asks for what it missed.
    receiver.answer(204);
    let replay = app.hooks(&format!("/{id}/replay"));
    let again = app.admin("POST", &replay, json!({"deadLetters": true, "operationId": "r1"})).await;
    assert_eq!((again.status, again.int_of("replayed")), (200, 1), "{}", again.text);
    let same = app.admin("POST", &replay, json!({"deadLetters": true, "operationId": "r1"})).await;
    assert_eq!((same.int_of("replayed"), same.headers["idempotent-replayed"].to_str().unwrap()), (1, "true"));
    settle(&background).await;
    assert_eq!(receiver.kinds(), ["license.activated"], "sent once");
    // And all that there was, page by page.
    app.activate(L1, &device('b')).await;
    settle(&background).await;
    receiver.taken();
    let page = app.admin("POST", &replay, json!({"limit": 1})).await;
    let next = page.text_of("nextCursor").to_owned();
    assert_eq!(app.admin("POST", &replay, json!({"limit": 1, "cursor": next})).await.int_of("replayed"), 1);
    settle(&background).await;
    assert_eq!(receiver.kinds().len(), 2);
    app.admin("POST", &replay, json!({"cursor": "zz"})).await.refused(400, "BAD_REQUEST");
    app.admin("POST", &app.hooks("/wh_nothing/replay"), json!({})).await.refused(404, "WEBHOOK_NOT_FOUND");
}

#[tokio::test]
async fn a_receiver_that_is_gone_is_left_alone() {
    let app = TestApp::new().await;
    let background = background(&app).await;
    let (receiver, endpoint) = Receiver::start().await;
    let (id, _) = app.webhook(&endpoint, &[]).await;
    receiver.answer(410);
    app.activate(L1, &device('a')).await;
    settle(&background).await;
    app.activate(L1, &device('b')).await;
    settle(&background).await;
    assert_eq!(receiver.taken().len(), 1);
    assert_eq!(app.admin("GET", &app.hooks(""), Value::Null).await.body["webhooks"][0]["disabled"], true);
    app.admin("DELETE", &app.hooks(&format!("/{id}")), Value::Null).await.refused(404, "WEBHOOK_NOT_FOUND");
    let dead = app.admin("GET", &app.hooks(&format!("/{id}/dead-letters")), Value::Null).await;
    assert_eq!(dead.body["deadLetters"][0]["error"], "answered 410", "what it missed can still be seen");
    app.admin("POST", &app.hooks(&format!("/{id}/replay")), json!({})).await.refused(404, "WEBHOOK_NOT_FOUND");
    // Nobody at the address at all: tried, given up.
    let (id, _) = {
        let (_, gone) = Receiver::start().await;
        app.webhook(&gone, &[]).await
    };
    app.activate(L1, &device('c')).await;
    settle(&background).await;
    days_pass(&app, &background).await;
    let dead = app.admin("GET", &app.hooks(&format!("/{id}/dead-letters")), Value::Null).await;
    assert_eq!(dead.body["deadLetters"][0]["error"], "no connection");
    assert_eq!(app.admin("DELETE", &app.hooks(&format!("/{id}")), Value::Null).await.status, 204);
}

#[tokio::test]
async fn the_old_secret_signs_beside_the_new_one_for_a_day() {
    let app = TestApp::new().await;
    let background = background(&app).await;
    let (receiver, endpoint) = Receiver::start().await;
    let (id, old) = app.webhook(&endpoint, &[]).await;
    let rotated = app.admin("POST", &app.hooks(&format!("/{id}/secret")), Value::Null).await;
    let new = rotated.text_of("secret").to_owned();
    assert_ne!(old, new);
    let verified = async |secret: &str, letter: char| {
        app.activate(L1, &device(letter)).await;
        settle(&background).await;
        let (headers, body) = receiver.taken().pop().unwrap();
        let now = shared::service::ports::Clock::now(app.clock.as_ref()).ms() / 1_000;
        let id = headers["webhook-id"].to_str().unwrap();
        let expected = standardwebhooks::Webhook::new(secret).unwrap().sign(id, now, body.as_bytes()).unwrap();
        headers["webhook-signature"].to_str().unwrap().split(' ').any(|given| given == expected)
    };
    assert!(verified(&old, 'a').await && verified(&new, 'b').await);
    app.clock.advance_seconds(86_400);
    assert!(!verified(&old, 'c').await);
}

#[tokio::test]
async fn webhooks_are_bounded_and_checked() {
    let app = TestApp::new().await;
    for bad in [
        json!({}),
        json!({"url": "ftp://a/b"}),
        json!({"url": "https://user:pass@a/b"}),
        json!({"url": "https:///a"}),
        json!({"url": "https://a b"}),
        json!({"url": "https://a", "kinds": ["nothing"]}),
    ] {
        app.admin("POST", &app.hooks(""), bad).await.refused(400, "BAD_REQUEST");
    }
    let once = json!({"url": "https://a.example/hook", "operationId": "one"});
    let (first, again) =
        (app.admin("POST", &app.hooks(""), once.clone()).await, app.admin("POST", &app.hooks(""), once).await);
    assert_eq!(
        (first.text_of("webhookId"), first.text_of("secret")),
        (again.text_of("webhookId"), again.text_of("secret"))
    );
    for n in 1..10 {
        assert_eq!(
            app.admin("POST", &app.hooks(""), json!({"url": format!("https://a{n}.example")})).await.status,
            201
        );
    }
    app.admin("POST", &app.hooks(""), json!({"url": "https://b"})).await.refused(409, "WEBHOOK_LIMIT_REACHED");
    assert_eq!(app.admin("GET", &app.hooks(""), Value::Null).await.body["webhooks"].as_array().unwrap().len(), 10);
}

/// Reads what the receiver in Python prints.
type Lines = tokio::io::Lines<BufReader<ChildStdout>>;

async fn line(lines: &mut Lines) -> String {
    let line = tokio::time::timeout(Duration::from_secs(60), lines.next_line()).await;
    line.expect("it prints in time").unwrap().expect("it prints a line")
}

#[tokio::test]
async fn a_receiver_in_python_verifies_what_is_sent() {
    let app = TestApp::new().await;
    let background = background(&app).await;
    let script = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../infra/python/receive_webhooks.py");
    let mut command = tokio::process::Command::new(crate::pro::interop::python());
    let mut receiver =
        command.arg(script).stdin(Stdio::piped()).stdout(Stdio::piped()).kill_on_drop(true).spawn().unwrap();
    let mut lines = BufReader::new(receiver.stdout.take().unwrap()).lines();
    let url = line(&mut lines).await;
    let made = app.admin("POST", &app.hooks(""), json!({ "url": url })).await;
    let mut stdin = receiver.stdin.take().unwrap();
    stdin.write_all(format!("{}\n", made.text_of("secret")).as_bytes()).await.unwrap();
    // The receiver's library looks at the real clock.
    app.clock.set(shared::service::ports::Clock::now(&shared::host::clock::SystemClock));
    let policy = app.policy(crate::store::perpetual("studio")).await;
    let body = json!({"policyId": policy, "customerEmail": "grace@example.com"});
    let session = app.store("POST", "project/checkout-link", body).await.text_of("sessionId").to_owned();
    app.pay(&session).await;
    settle(&background).await;
    let notices = app.admin("GET", &format!("/v1/admin/projects/{}/notices", app.project_id), Value::Null).await;
    let id = notices.body["notices"][0]["messageId"].as_str().unwrap().to_owned();
    assert_eq!(line(&mut lines).await, format!("order.paid {id}"));
    assert!(background.outbox.waiting().is_empty(), "it was taken");
    // The same message by somebody else is not.
    let now = shared::service::ports::Clock::now(app.clock.as_ref()).ms() / 1_000;
    let other = standardwebhooks::Webhook::from_bytes(vec![7; 32]).unwrap();
    let forged = reqwest::Client::new()
        .post(&url)
        .header("webhook-id", &id)
        .header("webhook-timestamp", now)
        .header("webhook-signature", other.sign(&id, now, b"{}").unwrap());
    assert_eq!(forged.body("{}").send().await.unwrap().status(), 400);
    assert!(line(&mut lines).await.starts_with("refused: "));
}

#[tokio::test]
async fn events_are_listed_and_counted_by_type_and_day() {
    let app = TestApp::new().await;
    let a = device('a');
    app.activate(L1, &a).await;
    let report = async |kind: &str| {
        let data = json!({"key": L1, "type": kind, "payload": {"level": {"name": "#3"}}});
        assert_eq!(app.pro("events", &a, "", data).await.reply.status, 200);
    };
    for kind in ["start", "crash", "start", "odd#kind# "] {
        report(kind).await;
        app.clock.advance_seconds(1);
    }
    app.clock.advance_seconds(86_400);
    report("start").await;
    let path = |tail: &str| format!("/v1/admin/projects/{}/{tail}", app.project_id);
    let today = app.admin("GET", &path("events"), Value::Null).await;
    assert_eq!(today.body["events"].as_array().unwrap().len(), 1);
    let event = &today.body["events"][0];
    assert_eq!(
        (&event["type"], &event["hwid"], &event["payload"]["level"]["name"]),
        (&json!("start"), &json!(a), &json!("#3"))
    );
    let first = app.admin("GET", &path("events?day=2026-01-04&limit=3"), Value::Null).await;
    let types = |reply: &crate::support::Reply| -> Vec<String> {
        reply.body["events"].as_array().unwrap().iter().map(|e| e["type"].as_str().unwrap().to_owned()).collect()
    };
    assert_eq!(types(&first), ["odd#kind# ", "start", "crash"]);
    let next = path(&format!("events?day=2026-01-04&limit=3&cursor={}", first.text_of("nextCursor")));
    assert_eq!(types(&app.admin("GET", &next, Value::Null).await), ["start"]);
    let crashes = app.admin("GET", &path("events?day=2026-01-04&type=crash"), Value::Null).await;
    assert_eq!(types(&crashes), ["crash"]);
    let counted = app.admin("GET", &path("event-counts?from=2026-01-03&to=2026-01-05"), Value::Null).await;
    let expected = json!([
        {"day": "2026-01-03", "total": 0, "byType": {}},
        {"day": "2026-01-04", "total": 4, "byType": {"crash": 1, "odd#kind# ": 1, "start": 2}},
        {"day": "2026-01-05", "total": 1, "byType": {"start": 1}},
    ]);
    assert_eq!(counted.body["days"], expected);
    assert_eq!(app.admin("GET", &path("event-counts"), Value::Null).await.body["days"].as_array().unwrap().len(), 30);
    for bad in ["events?day=2026-1-4", "events?day=x", "events?day="] {
        app.admin("GET", &path(bad), Value::Null).await.refused(400, "BAD_REQUEST");
    }
    app.admin("GET", &path("event-counts?from=2026-01-01&to=2027-01-01"), Value::Null)
        .await
        .refused(422, "RANGE_TOO_LONG");
    app.admin("GET", &path("event-counts?from=2026-01-05&to=2026-01-04"), Value::Null)
        .await
        .refused(422, "RANGE_REVERSED");
}
