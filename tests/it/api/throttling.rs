//! Whoever tries too much is held back: each limit, who it counts by, and who it leaves alone.

use bytes::Bytes;
use http::Request;
use serde_json::{Value, json};
use shared::api::extract::SourceAddress;
use shared::domain::throttle::LIMITS;

use crate::support::pro::{letter, sealed_request};
use crate::support::{L1, Reply, SECRET, TestApp, device, send};

const GUID: &str = "9e0f6c1b-5a43-4e0e-9c53-6c1f3f5a7d10";

/// A plain call from an address.
async fn from(app: &TestApp, address: &str, method: &str, path: &str, body: &Value) -> Reply {
    let request = Request::builder().method(method).uri(path).header("x-project-secret", SECRET);
    let body = if body.is_null() { Bytes::new() } else { Bytes::from(body.to_string()) };
    let mut request = request.body(body).unwrap();
    request.extensions_mut().insert(SourceAddress(address.to_owned()));
    app.send(request).await
}

/// Saves the settings of the license.
async fn put_settings(app: &TestApp, body: Value) -> Reply {
    from(app, "203.0.113.9", "PUT", &format!("/v1/sdk/license/{L1}/settings"), &body).await
}

/// How many of so many calls are answered before the first that is held back.
async fn until_held(most: u32, call: impl AsyncFn(u32) -> Reply) -> u32 {
    for nth in 0..most {
        let reply = call(nth).await;
        if reply.status == 429 {
            reply.refused(429, "RATE_LIMITED");
            let seconds: i64 = reply.headers["retry-after"].to_str().unwrap().parse().unwrap();
            assert!(seconds >= 1 && reply.headers["ratelimit-remaining"] == "0");
            return nth;
        }
    }
    most
}

#[tokio::test]
async fn unknown_keys_and_trial_checks_are_held_back_by_source() {
    let app = TestApp::new().await;
    app.activate(L1, &device('a')).await;
    let key = |nth: u32| format!("/v1/sdk/license/LIC-{nth:016X}");
    let guess = until_held(600, async |nth| from(&app, "203.0.113.1", "GET", &key(nth), &Value::Null).await).await;
    assert_eq!(guess, 40);
    // Held back is who guesses: not what is there, and nobody else.
    let license = format!("/v1/sdk/license/{L1}");
    assert_eq!(from(&app, "203.0.113.1", "GET", &license, &Value::Null).await.status, 200);
    from(&app, "203.0.113.2", "GET", &key(0), &Value::Null).await.refused(404, "LICENSE_NOT_FOUND");
    let beat = format!("/v1/sdk/license/{L1}/heartbeat");
    let answer = from(&app, "203.0.113.1", "POST", &beat, &json!({"hwid": device('a')})).await;
    assert_eq!(answer.seat(), ("active", "OCCUPIED"));
    // By the network of a subscriber, where addresses are of version 6.
    let spread = async |nth: u32| from(&app, &format!("2001:db8:1:2::{nth:x}"), "GET", &key(nth), &Value::Null).await;
    assert_eq!(until_held(100, spread).await, 40);
    // An envelope is no way around it, nor is a made-up secret.
    let sealed = async |nth: u32| {
        let asked = json!({"key": format!("LIC-{nth:016X}"), "hwid": "a"});
        let mut request = sealed_request("/v1/sdk/pro/license/validate", letter("a", &json!(GUID), &asked));
        request.extensions_mut().insert(SourceAddress("203.0.113.4".to_owned()));
        send(&app.host, request).await
    };
    assert_eq!(until_held(100, sealed).await, 40);
    // Some come back with time.
    app.clock.advance_seconds(60);
    assert_eq!(until_held(100, async |n| from(&app, "203.0.113.1", "GET", &key(n), &Value::Null).await).await, 40);

    let trial = |nth: u32| format!("/v1/sdk/pro/project/trial-eligibility?email=n{nth}@e.f");
    let checks = until_held(60, async |nth| from(&app, "203.0.113.5", "GET", &trial(nth), &Value::Null).await).await;
    assert_eq!(checks, 20);
}

#[tokio::test]
async fn events_settings_and_batches_are_held_back_by_device() {
    let app = TestApp::new().await;
    let (a, b) = (device('a'), device('b'));
    app.validated(L1, &a).await;
    let n = app.validated(L1, &b).await;
    let event =
        |hwid: &str| letter(hwid, &json!(GUID), &json!({"key": L1, "type": "t", "payload": {"a": "x".repeat(9_000)}}));
    let report = async |hwid: &str| app.pro_body("/v1/sdk/pro/license/events", event(hwid)).await.reply;
    assert_eq!(until_held(60, async |_| report(&a).await).await, 25);
    assert_eq!(report(&b).await.status, 200, "another device");
    report("nobody").await.refused(403, "DEVICE_NOT_REGISTERED");
    let save = async |_| put_settings(&app, json!({"settings": {"a": 1}, "hwid": a})).await;
    assert_eq!(until_held(120, save).await, 50);
    // So are calls that name no device, all together, and those in envelopes.
    let nameless = async |_| put_settings(&app, json!({"settings": {"a": 1}})).await;
    assert_eq!(until_held(120, nameless).await, 50);
    let sealed = json!({"key": L1, "hwid": a, "settings": {"a": 2}});
    app.pro("settings/save", &a, GUID, sealed).await.refused(429, "RATE_LIMITED");
    let used =
        json!({"hwid": b, "usages": [{"hwid": b, "amount": 1, "action": "x", "timestamp": "2026-01-04T00:00:00Z"}]});
    assert_eq!(until_held(100, async |_| app.post(L1, "consume-batch", used.clone()).await).await, 60);
    // What a client does all day costs no token.
    for _ in 0..70 {
        app.beat(L1, &b).await;
    }
    assert_eq!(app.beat(L1, &b).await.status, 200);
    assert!(app.pro("heartbeat", &b, n, json!({"key": L1, "hwid": b, "isClosing": false})).await.reply.status == 200);
}

#[tokio::test]
async fn a_project_chooses_its_own_limits() {
    let app = TestApp::new().await;
    let a = device('a');
    app.activate(L1, &a).await;
    // A fraction of nothing is a whole number, as everywhere.
    app.project_settings(json!({"rateLimits": {"settingsWrites": 3, "trialChecks": 2.0}})).await;
    let save = async |_| put_settings(&app, json!({"settings": {"a": 1}, "hwid": a})).await;
    assert_eq!(until_held(10, save).await, 3);
    let trial = "/v1/sdk/pro/project/trial-eligibility?email=a@e.f";
    assert_eq!(until_held(9, async |_| from(&app, "203.0.113.5", "GET", trial, &Value::Null).await).await, 2);
    for bad in [json!({"settingsWrites": 0}), json!({"events": "many"}), json!({"signIns": 1_000})] {
        let path = format!("/v1/admin/projects/{}", app.project_id);
        app.admin("PATCH", &path, json!({"settings": {"rateLimits": bad}})).await.refused(400, "BAD_REQUEST");
    }
}

#[test]
fn every_limit_stands_in_the_document() {
    let document = std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/security.md")).unwrap();
    for row in LIMITS {
        let minutes =
            if row.rate.minutes == 1 { "a minute".to_owned() } else { format!("{} minutes", row.rate.minutes) };
        let line = format!("| `{}` | {} in {minutes} |", row.name, row.rate.burst);
        assert!(document.contains(&line), "docs/security.md should say: {line}");
    }
}
