//! Envelopes: what opens, what is refused alike, and what every answer has.

use bytes::Bytes;
use ltlm_protocol::envelope::{self, Mode};
use serde_json::{Value, json};

use super::{GUID, data, remaining};
use crate::support::pro::{letter, sealed_body, sealed_request, secret_key};
use crate::support::{L1, SECRET, TestApp, device, public_key, send};

#[tokio::test]
async fn a01_a_device_validates_and_can_verify_what_it_is_told() {
    let app = TestApp::new().await;
    let a = device('a');
    let answer = app.pro("validate", &a, GUID, data(L1, &a)).await;
    let text = &answer.reply.text;
    let (iv, cipher) = text.split_once(':').unwrap();
    assert!(iv.len() == 32 && !cipher.is_empty() && cipher.len() % 32 == 0, "{text}");
    assert!(text.bytes().all(|b| b.is_ascii_digit() || (b'a'..=b'f').contains(&b) || b == b':'));
    assert_eq!(answer.reply.seat(), ("active", "OCCUPIED"));
    assert_eq!(answer.reply.body["machines"][0]["hwid"], json!(a));
}

#[tokio::test]
async fn a02_the_request_of_appendix_a_is_understood() {
    let app = TestApp::new().await;
    app.activate(L1, "h1").await;
    let blob = "a0a1a2a3a4a5a6a7a8a9aaabacadaeaf:0cacc58d21312a9bcf9dd7d453b827dbbff536e2542999cc9b1122dbbd53e75c2df739f93702353d5f76c9b7ac0cb59b2b45469cca3049a8757561eefaade570456a87ee4083f1206cd20febdfc2831352698259186538ff74baad82a3fc8b639c17a05c8bb0ee6455930d72f4950e86";
    let body = json!({ "blob": blob }).to_string();
    let answer = app.pro_body("/api/v1/sdk/pro/license/heartbeat", body).await;
    assert_eq!(answer.reply.seat(), ("active", "OCCUPIED"));
}

#[tokio::test]
async fn a05_envelopes_that_do_not_open_are_refused_alike() {
    let app = TestApp::new().await;
    app.activate(L1, &device('a')).await;
    let good = letter(&device('a'), &json!(GUID), &data(L1, &device('a')));
    let flipped = good.replace("\"}", "");
    let last = if flipped.ends_with('0') { '1' } else { '0' };
    let wrong_last = format!("{}{last}\"}}", &flipped[..flipped.len() - 1]);
    let no_data = sealed_body(Mode::Cbc, &json!({"nonce": GUID, "hwid": device('a')}).to_string());
    let other_project = json!({"blob": envelope::seal(&[9; 32], Mode::Cbc, [1; 16], "{}")}).to_string();
    let bodies = [
        wrong_last,
        json!({"blob": "zz:11"}).to_string(),
        json!({"blob": "a0a1"}).to_string(),
        json!({"blob": "a0:a1:a2:a3"}).to_string(),
        json!({"blob": 5}).to_string(),
        json!({"blob": ""}).to_string(),
        json!({}).to_string(),
        "[]".to_owned(),
        "{".to_owned(),
        String::new(),
        no_data,
        other_project,
        sealed_body(Mode::Cbc, "no JSON"),
        sealed_body(Mode::Gcm, "[]"),
    ];
    let mut texts = Vec::new();
    for endpoint in ["validate", "heartbeat", "consume", "settings/get"] {
        for body in &bodies {
            let answer = app.pro_body(&format!("/v1/sdk/pro/license/{endpoint}"), body.clone()).await;
            answer.refused(400, "BAD_ENVELOPE");
            assert_eq!(answer.reply.spent.write_units, 0.0);
            texts.push(answer.reply.text);
        }
    }
    texts.dedup();
    assert_eq!(texts.len(), 1, "{texts:?}");
}

#[tokio::test]
async fn a06_answers_are_encrypted_as_their_requests_were() {
    let app = TestApp::new().await;
    let a = device('a');
    let plain = json!({"data": data(L1, &a), "nonce": GUID, "hwid": a}).to_string();
    let answer = app.pro_body("/v1/sdk/pro/license/validate", sealed_body(Mode::Gcm, &plain)).await;
    assert_eq!(answer.reply.text.split(':').count(), 3);
    assert_eq!(envelope::decrypt(&secret_key(), &answer.reply.text).unwrap().0, Mode::Gcm);
    assert_eq!(answer.reply.seat(), ("active", "OCCUPIED"));
}

#[tokio::test]
async fn a07_a19_strangers_are_told_so_in_plain_json() {
    let app = TestApp::new().await;
    let body = letter(&device('a'), &json!(GUID), &data(L1, &device('a')));
    for secret in ["", "0000000000000000000000000000000000000000000000000000000000000000"] {
        let mut request = sealed_request("/v1/sdk/pro/license/validate", body.clone());
        request.headers_mut().insert("x-project-secret", secret.parse().unwrap());
        let reply = send(&app.host, request).await;
        reply.refused(401, "UNAUTHORIZED_PROJECT");
        assert_eq!(reply.headers["content-type"], "application/json; charset=utf-8");
        for member in ["status", "message", "error", "code"] {
            assert!(reply.body[member].is_string(), "{member}");
        }
    }
}

#[tokio::test]
async fn a08_the_secret_is_known_in_any_spelling() {
    let app = TestApp::new().await;
    let dashed: Vec<_> = SECRET.as_bytes().chunks(8).map(|part| String::from_utf8_lossy(part).to_uppercase()).collect();
    for secret in [format!("{} ", dashed.join("-")), SECRET.to_uppercase(), format!(" {SECRET}")] {
        let body = letter(&device('a'), &json!(GUID), &data(L1, &device('a')));
        let mut request = sealed_request("/v1/sdk/pro/license/validate", body);
        request.headers_mut().insert("x-project-secret", secret.parse().unwrap());
        let answer = app.opened(send(&app.host, request).await);
        assert_eq!(answer.reply.status, 200, "{}", answer.reply.text);
    }
}

#[tokio::test]
async fn a09_every_answer_has_the_time_and_a_new_nonce() {
    let app = TestApp::new().await;
    let a = device('a');
    let mut seen = std::collections::BTreeSet::new();
    for _ in 0..5 {
        app.clock.advance_seconds(7);
        let answer = app.pro("validate", &a, GUID, data(L1, &a)).await;
        let now = shared::service::ports::Clock::now(app.clock.as_ref()).ms();
        assert_eq!(answer.members["timestamp"], json!(now));
        assert!(seen.insert(answer.nonce()));
    }
}

#[tokio::test]
async fn answers_say_for_whom_and_until_when_unless_the_project_does_not_want_it() {
    let app = TestApp::new().await;
    let a = device('a');
    let answer = app.pro("validate", &a, GUID, data(L1, &a)).await;
    let expected = json!({"hwid": a, "endpoint": "/v1/sdk/pro/license/validate", "nonce": GUID, "key": L1});
    assert_eq!(answer.members["for"], expected);
    assert_eq!(answer.members["exp"].as_i64().unwrap() - answer.members["timestamp"].as_i64().unwrap(), 300_000);
    app.project_settings(json!({"security": {"boundAnswers": false}})).await;
    let answer = app.pro("validate", &a, GUID, data(L1, &a)).await;
    assert_eq!(answer.members.keys().collect::<Vec<_>>(), ["data", "server_nonce", "timestamp"]);
}

#[tokio::test]
async fn other_names_of_endpoints_answer_alike() {
    let app = TestApp::new().await;
    let (a, b) = (device('a'), device('b'));
    let n = app.pro("activate", &a, GUID, data(L1, &a)).await.nonce();
    app.pro("activate", &b, GUID, data(L1, &b)).await.nonce();
    let seats = app.pro("seats", &a, n.as_str(), data(L1, &a)).await;
    assert_eq!(seats.reply.int_of("activeSeats"), 2);
    let release = json!({"key": L1, "targetHwid": b, "callerHwid": a, "claimSeat": false});
    let released = app.pro("release-seat", &a, n, release).await;
    assert_eq!((&released.reply.body["success"], released.reply.int_of("activeSeats")), (&json!(true), 1));
    let out = app.pro("signout", &a, released.nonce(), data(L1, &a)).await;
    assert_eq!((out.nonce(), out.reply.int_of("activeSeats")), (String::new(), 0));
}

#[tokio::test]
async fn another_secret_of_the_project_opens_the_same_chain() {
    let app = TestApp::new().await;
    let a = device('a');
    let n = app.validated(L1, &a).await;
    let path = format!("/v1/admin/projects/{}/secrets", app.project_id);
    let added = app.admin("POST", &path, Value::Null).await;
    let secret = added.text_of("secretKey").to_owned();
    let key = *envelope::key_of_secret(&secret).unwrap();
    let plain = json!({"data": data(L1, &a), "nonce": n, "hwid": a}).to_string();
    let body = json!({"blob": envelope::seal(&key, Mode::Cbc, [3; 16], &plain)}).to_string();
    let mut request = sealed_request("/v1/sdk/pro/license/heartbeat", body);
    // Under the header of the first secret it does not open.
    let mixed = send(
        &app.host,
        sealed_request("/v1/sdk/pro/license/heartbeat", String::from_utf8_lossy(request.body()).into_owned()),
    )
    .await;
    mixed.refused(400, "BAD_ENVELOPE");
    request.headers_mut().insert("x-project-secret", secret.parse().unwrap());
    let reply = send(&app.host, request).await;
    let (_, answer) = envelope::decrypt(&key, &reply.text).unwrap();
    let members = envelope::verify(&app.public_key, answer).unwrap();
    let next = members["server_nonce"].as_str().unwrap().to_owned();
    app.pro("heartbeat", &a, next, data(L1, &a)).await.nonce();
}

#[tokio::test]
async fn a_body_beyond_the_maximum_is_refused() {
    let app = TestApp::new().await;
    let body = Bytes::from(vec![b'a'; 4 * 1024 * 1024 + 1]);
    let mut request = sealed_request("/v1/sdk/pro/license/validate", String::new());
    *request.body_mut() = body;
    send(&app.host, request).await.refused(413, "BODY_TOO_LARGE");
}

#[test]
fn the_public_key_of_appendix_a_is_read_from_its_pem() {
    let pem = "-----BEGIN PUBLIC KEY-----\nMCowBQYDK2VwAyEAKay64UG8yvCyLhqU000LxzYeUm0L/hLIl5S8kyKWbdc=\n-----END PUBLIC KEY-----";
    assert_eq!(hex::encode(public_key(pem)), "29acbae141bccaf0b22e1a94d34d0bc7361e526d0bfe12c89794bc9322966dd7");
}

#[tokio::test]
async fn a16_a17_a18_every_answer_can_be_read_by_the_existing_client() {
    let app = TestApp::new().await;
    let a = device('a');
    let mut terms = local::demo::sub();
    terms["config"]["limits"]["tokens"] = json!({"enabled": true, "maxTokens": 3_000_000_000_i64});
    terms["config"]["features"] = json!({"on": true, "five": 5, "half": 1.5, "none": null, "deep": {"x": [1]}});
    let policy = app.policy(terms).await;
    let key = app.license(&policy, None).await;
    let output = app.pro("validate", &a, GUID, data(&key, &a)).await.reply.body;
    assert_eq!(output["tokensLimit"], json!(i32::MAX));
    let features = output["config"]["features"].as_object().unwrap();
    assert!(features.values().all(|value| value.is_string() || value.is_null()), "{features:?}");
    assert_eq!((&features["on"], &features["deep"]), (&json!("true"), &json!("{\"x\":[1]}")));
    let at = |path: &str| output.pointer(path).unwrap_or_else(|| panic!("{path}"));
    for path in ["/seatsEnabled", "/tokensEnabled", "/offlineEnabled", "/policy/isAirGapped"] {
        assert!(at(path).is_boolean(), "{path}");
    }
    for path in ["/machines", "/policy/topUpOptions"] {
        assert!(at(path).is_array(), "{path}");
    }
    for path in ["/customer", "/config", "/config/projectSettings", "/userSettings", "/policy"] {
        assert!(at(path).is_object(), "{path}");
    }
    at("/customer/metadata/name");
}

/// Members of every type in every place: a refusal that says what is wrong, or an answer; never a failure of ours.
#[tokio::test]
async fn members_of_any_type_are_refused_and_never_break_anything() {
    let app = TestApp::new().await;
    let a = device('a');
    app.validated(L1, &a).await;
    let before = remaining(&app).await;
    let values =
        [json!(null), json!(true), json!(-1.5), json!(1e300), json!(""), json!("x"), json!([[]]), json!({"$ref": {}})];
    let members = [
        "key",
        "hwid",
        "amount",
        "action",
        "usages",
        "settings",
        "isClosing",
        "type",
        "payload",
        "targetHwid",
        "meta",
        "deviceKey",
    ];
    let endpoints = [
        "validate",
        "status",
        "heartbeat",
        "consume",
        "consume-batch",
        "settings/save",
        "events",
        "release-seat",
        "seats",
    ];
    for endpoint in endpoints {
        for member in members {
            for value in &values {
                let mut asked = json!({"key": L1, "hwid": a, "amount": 1, "action": "x", "usages": [], "settings": {},
                    "type": "x", "targetHwid": a, "callerHwid": a});
                asked[member] = value.clone();
                let answer = app.pro(endpoint, &a, "not a nonce", asked).await;
                assert!(answer.reply.status < 500, "{endpoint} {member} {value}: {}", answer.reply.text);
            }
        }
    }
    assert_eq!(remaining(&app).await, before);
}
