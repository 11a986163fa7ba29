//! What the log gets when something fails: no item, no key and no name, and no long line.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use aws_sdk_dynamodb::types::AttributeValue;
use axum::Router;
use axum::http::StatusCode;
use local::wiring::{TABLE, sdk_config};
use ltlm_protocol::Timestamp;
use serde_json::{Value, json};
use shared::domain::portal::mail::Mail;
use shared::domain::webhooks::notice::Notice;
use shared::host::background;
use shared::host::bus::EventBridge;
use shared::host::log;
use shared::host::mail::Ses;
use shared::host::queue::Sqs;
use shared::host::secrets::Secret;
use shared::host::web::{Reach, Web};
use shared::keys::Purpose;
use shared::keys::kms::Kms;
use shared::model::denied::Denied;
use shared::model::write::Write;
use shared::service::app::{Error, chain};
use shared::service::ids::license_id;
use shared::service::ports::{Bus, Mailer, Queue};
use shared::service::webhooks::delivery::Channels;
use shared::table::dynamo::Dynamo;
use shared::table::fault::Faults;
use shared::table::key;
use shared::table::port::{Meter, Read, Table};

use crate::support::{L1, SECRET, TestApp, device, post_request};

/// Stands in every name, key and item of these tests.
const MARK: &str = "Zanzibar";
/// Longest line.
const LINE_BYTES_MAX: usize = 8 * 1024;

/// The lines that `write` leaves in the log.
fn logged(write: impl FnOnce()) -> String {
    #[derive(Clone, Default)]
    struct Lines(Arc<Mutex<Vec<u8>>>);
    impl std::io::Write for Lines {
        fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
            self.0.lock().unwrap().write(bytes)
        }
        fn flush(&mut self) -> std::io::Result<()> {
            Ok(())
        }
    }
    let lines = Lines::default();
    let writer = lines.clone();
    let subscriber = tracing_subscriber::fmt().with_writer(move || writer.clone()).with_ansi(false).finish();
    tracing::subscriber::with_default(subscriber, write);
    let text = String::from_utf8(lines.0.lock().unwrap().clone()).unwrap();
    assert!(!text.is_empty(), "nothing was logged");
    text
}

fn scan(about: &str, text: &str) {
    let secrets = [MARK, L1, SECRET, "ada@example.com", &device('a')].map(str::to_owned);
    for secret in secrets {
        assert!(!text.contains(&secret), "{about}: {secret} in {text}");
    }
    assert!(text.lines().all(|line| line.len() <= LINE_BYTES_MAX), "{about}: a line is too long");
}

/// A service that refuses everything, and repeats in its message what it was sent, as DynamoDB's validation does.
async fn parrot() -> String {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let answer = |body: String| async move {
        (StatusCode::BAD_REQUEST, json!({"__type": "ValidationException", "message": body}).to_string())
    };
    #[expect(clippy::disallowed_methods, reason = "a test, not a Lambda")]
    tokio::spawn(async move { axum::serve(listener, Router::new().fallback(answer)).await });
    url
}

#[tokio::test]
async fn a_request_that_fails_leaves_no_item_key_or_name_in_the_log() {
    let app = TestApp::new().await;
    app.activate(L1, &device('a')).await;
    let beat = || post_request(L1, "heartbeat", &json!({"hwid": device('a'), "nickname": MARK}));
    let table = &app.host.app.table;
    for (about, status) in [("busy", 503), ("unknown", 503), ("stopped", 500)] {
        match about {
            "busy" => table.set(Faults { throttle_percent: 100, ..Faults::default() }),
            "unknown" => table.set(Faults { drop_reply_percent: 100, ..Faults::default() }),
            _ => table.stop_after(Some(0)),
        }
        let (response, report) = Box::pin(app.host.respond(beat(), Duration::from_millis(200))).await;
        assert_eq!(response.status().as_u16(), status, "{about}");
        scan(about, &logged(|| log::request(&report)));
        table.set(Faults::default());
    }
    // Refused, with the caller's own words in the answer.
    let body = json!({"hwid": device('a'), "amount": 0, "action": MARK});
    let (_, report) = Box::pin(app.host.respond(post_request(L1, "consume", &body), Duration::from_secs(9))).await;
    scan("refused", &logged(|| log::request(&report)));
    // An item that cannot be read.
    let client = aws_sdk_dynamodb::Client::new(&sdk_config(app.engine.endpoint(), false).await);
    let at = key::license(&license_id(L1));
    let odd =
        client.update_item().table_name(TABLE).key("pk", AttributeValue::S(at.pk)).key("sk", AttributeValue::S(at.sk));
    let odd = odd.update_expression("SET #s = :s").expression_attribute_names("#s", "state");
    odd.expression_attribute_values(":s", AttributeValue::S(MARK.repeat(5_000))).send().await.unwrap();
    let (response, report) = Box::pin(app.host.respond(beat(), Duration::from_secs(9))).await;
    assert_eq!(response.status().as_u16(), 500);
    scan("odd item", &logged(|| log::request(&report)));
}

#[tokio::test]
async fn what_a_service_says_of_a_failed_call_stays_out_of_the_log() {
    let app = TestApp::new().await;
    // Two writes of one item in a transaction: the engine refuses it, and its message may repeat what it was sent.
    let secret = |n: usize| Write::AddSecret {
        hash: format!("{MARK}{n}"),
        project_id: MARK.repeat(400),
        created_at: Timestamp::from_ms(0),
    };
    let writes: Vec<_> = (0..2).map(secret).collect();
    let meter = Meter::default();
    let twice = [secret(0), secret(0)];
    let refused = app.host.app.table.inner().commit(&twice, None, &meter).await.unwrap_err();
    let mut reply = vec![("one item twice", chain(&refused))];

    let url = parrot().await;
    let sdk = sdk_config(&url, false).await;
    let dynamo = Dynamo::new(&sdk, TABLE);
    for count in [1, 2] {
        let error = dynamo.commit(&writes[..count], None, &meter).await.unwrap_err();
        reply.push(("write", chain(&error)));
    }
    let reads = [Read::License(license_id(L1)), Read::Secret(MARK.repeat(3_000))];
    reply.push(("read", chain(&dynamo.read(&reads, &meter).await.unwrap_err())));
    reply.push(("count", chain(&dynamo.reserve(MARK, 1, &meter).await.unwrap_err())));
    let mail = Mail::new("ada@example.com", MARK, MARK.repeat(3_000));
    reply.push(("mail", Ses::new(&sdk, "from@example.com").send(mail).await.unwrap_err().to_string()));
    let sent = Sqs::new(&sdk, url.clone()).send(vec![MARK.repeat(3_000)]).await;
    reply.push(("queue", sent.unwrap_err().to_string()));
    let notice = Notice { id: MARK.into(), kind: "x", at: Timestamp::from_ms(0), detail: json!({ "name": MARK }) };
    reply.push(("bus", EventBridge::new(&sdk, "bus").publish(vec![notice]).await.unwrap_err().to_string()));
    reply.push(("secret", Secret::new(&sdk, MARK).read().await.map(|_| ()).unwrap_err().to_string()));
    let kms = Kms::new(&sdk, MARK);
    reply.push(("key made", chain(&kms.make(MARK, Purpose::Secret).await.unwrap_err())));
    reply.push(("key unwrapped", chain(&kms.unwrap(MARK, Purpose::Secret, MARK.as_bytes(), 0).await.unwrap_err())));
    let known = vec![MARK.to_owned(); 2_000];
    reply.push(("refusal", chain(&Error::Denied(Denied::UnknownTier { known }))));
    reply.push(("long", chain(&Error::Broken("x\n".repeat(50_000).into()))));
    for (about, text) in &reply {
        scan(about, text);
        assert_eq!(text.lines().count(), 1, "{about}: {text}");
    }
    // What is left says enough to go on.
    assert!(reply[0].1.contains("status 400, code ValidationException"), "{}", reply[0].1);
}

#[tokio::test]
async fn a_job_that_fails_leaves_no_item_key_or_name_in_the_log() {
    let app = TestApp::new().await;
    let url = parrot().await;
    let sdk = sdk_config(&url, false).await;
    let (queue, bus) = (Sqs::new(&sdk, url.clone()), EventBridge::new(&sdk, "bus"));
    let (mailer, caller) = (Ses::new(&sdk, "from@example.com"), Web::new(Reach::Anywhere));
    let outlets = Channels { queue: &queue, mailer: Some(&mailer), caller: &caller };
    let second = Duration::from_secs(1);
    let message = |body: String| json!({"Records": [{"messageId": "m", "body": body}]});
    let bodies = [
        MARK.repeat(2_000),
        json!({ MARK: { MARK: 1 } }).to_string(),
        json!({"renew": MARK, "Renew": {"project": 1, "accounts": MARK}}).to_string(),
        json!({"detail-type": MARK, "detail": {"id": MARK}}).to_string(),
    ];
    for body in bodies {
        let (_, report) = Box::pin(background::delivery(&app.host.app, &outlets, &message(body.clone()), second)).await;
        assert!(!report.causes.is_empty(), "delivery took {body}");
        scan("delivery", &logged(|| log::job_line(&report)));
        let (_, report) = Box::pin(background::renewals(&app.host.app, &queue, &message(body), second)).await;
        assert!(!report.causes.is_empty());
        scan("renewals", &logged(|| log::job_line(&report)));
    }
    let image = |image: Value| json!({"Records": [{"eventName": "INSERT", "dynamodb": {"NewImage": image}}]});
    let odd = [
        json!({"pk": {"L": [MARK]}}),
        json!({"pk": {"B": format!("{MARK}!")}}),
        json!({"pk": {"S": format!("LIC#{MARK}")}, "sk": {"S": "META"}}),
    ];
    for odd in odd {
        let (_, report) = Box::pin(background::stream(&app.host.app, (&bus, &queue), &image(odd), second)).await;
        scan("stream", &logged(|| log::job_line(&report)));
    }
}
