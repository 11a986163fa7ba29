//! Nonces: each call takes the next one, and no recorded call can be sent again.

use futures_util::future::join_all;
use ltlm_protocol::envelope::Mode;
use serde_json::{Value, json};
use shared::model::nonce_chain::SeenBlob;
use shared::model::write::Write;
use shared::service::ids;
use shared::service::ports::Clock;
use shared::table::port::{Meter, Table};

use super::{GUID, data, queued, remaining, use_of};
use crate::support::pro::{letter, sealed_body};
use crate::support::{L1, TestApp, device};

#[tokio::test]
async fn a20_a21_nonces_follow_one_another_and_none_is_used_twice() {
    let app = TestApp::new().await;
    let a = device('a');
    let n1 = app.validated(L1, &a).await;
    let n2 = app.pro("heartbeat", &a, n1.as_str(), data(L1, &a)).await.nonce();
    let n3 = app.pro("heartbeat", &a, n2.as_str(), data(L1, &a)).await.nonce();
    assert!(n1 != n2 && n2 != n3 && n1 != n3);
    let replayed = app.pro("heartbeat", &a, n1.as_str(), data(L1, &a)).await;
    replayed.refused(409, "NONCE_MISMATCH");
    assert!(replayed.reply.text_of("message").contains("Nonce Mismatch"));
    assert_eq!(replayed.reply.spent.write_units, 0.0);
    app.pro("heartbeat", &a, n3.as_str(), data(L1, &a)).await.nonce();
}

#[tokio::test]
async fn a22_a_recorded_consumption_cannot_be_sent_again() {
    let app = TestApp::new().await;
    let a = device('a');
    let n1 = app.validated(L1, &a).await;
    let body = letter(&a, &json!(n1), &use_of(&a, 5, "export"));
    let first = app.pro_body("/v1/sdk/pro/license/consume", body.clone()).await;
    assert_eq!(first.reply.int_of("tokensRemaining"), 95);
    app.pro_body("/v1/sdk/pro/license/consume", body).await.refused(409, "NONCE_MISMATCH");
    assert_eq!(remaining(&app).await, 95);
}

#[tokio::test]
async fn a23_validate_brings_a_device_into_step_again() {
    let app = TestApp::new().await;
    let a = device('a');
    let n1 = app.validated(L1, &a).await;
    app.pro("heartbeat", &a, n1.as_str(), data(L1, &a)).await.nonce();
    for stale in [json!(n1), json!("TAMPERED"), Value::Null, json!(7)] {
        let fresh = app.pro("validate", &a, stale, data(L1, &a)).await.nonce();
        app.pro("heartbeat", &a, fresh, data(L1, &a)).await.nonce();
    }
}

#[tokio::test]
async fn a28_calls_in_flight_with_one_nonce_do_not_disturb_each_other() {
    let app = TestApp::new().await;
    let a = device('a');
    let n = app.validated(L1, &a).await;
    app.pro("settings/get", &a, n.as_str(), data(L1, &a)).await.nonce();
    let n = app.pro("heartbeat", &a, n.as_str(), data(L1, &a)).await.nonce();
    let next = app.pro("heartbeat", &a, n.as_str(), data(L1, &a)).await.nonce();
    let late = app.pro("settings/get", &a, n.as_str(), data(L1, &a)).await.nonce();
    for nonce in [next, late] {
        app.pro("heartbeat", &a, nonce, data(L1, &a)).await.nonce();
    }
}

#[tokio::test]
async fn a30_of_three_uses_of_one_moment_one_is_charged() {
    let app = TestApp::new().await;
    let a = device('a');
    for round in 0..10 {
        let n = app.validated(L1, &a).await;
        let before = remaining(&app).await;
        let calls = [1, 2, 1].map(|amount| app.pro("consume", &a, n.as_str(), use_of(&a, amount, "x")));
        let answers = join_all(calls).await;
        let charged: Vec<_> = answers.iter().zip([1, 2, 1]).filter(|(answer, _)| answer.reply.status == 200).collect();
        assert_eq!(charged.len(), 1, "round {round}");
        for answer in answers.iter().filter(|answer| answer.reply.status != 200) {
            answer.refused(409, "NONCE_MISMATCH");
        }
        assert_eq!(remaining(&app).await, before - charged[0].1);
    }
}

#[tokio::test]
async fn a31_each_device_has_its_own_chain_over_all_its_licenses() {
    let app = TestApp::new().await;
    let (a, b) = (device('a'), device('b'));
    let l2 = app.license("1", None).await;
    let n1 = app.validated(L1, &a).await;
    let m1 = app.validated(L1, &b).await;
    app.pro("heartbeat", &b, m1, data(L1, &b)).await.nonce();
    let n2 = app.pro("heartbeat", &a, n1, data(L1, &a)).await.nonce();
    let n3 = app.pro("validate", &a, n2.as_str(), data(&l2, &a)).await.nonce();
    for (nonce, key) in [(n2, &l2), (n3, &L1.to_owned())] {
        app.pro("heartbeat", &a, nonce, data(key, &a)).await.nonce();
    }
}

#[tokio::test]
async fn a33_a_recorded_save_cannot_be_sent_again() {
    let app = TestApp::new().await;
    let a = device('a');
    let n = app.validated(L1, &a).await;
    let save = |theme: &str| letter(&a, &json!(n), &json!({"key": L1, "hwid": a, "settings": {"theme": theme}}));
    let path = "/v1/sdk/pro/license/settings/save";
    let first = save("dark");
    assert_eq!(app.pro_body(path, first.clone()).await.reply.body["settings"], json!({"theme": "dark"}));
    app.pro_body(path, save("light")).await.nonce();
    app.pro_body(path, first).await.refused(409, "NONCE_MISMATCH");
    let got = app.pro("settings/get", &a, n.as_str(), data(L1, &a)).await;
    assert_eq!(
        (&got.reply.body["settings"]["theme"], got.reply.body["updatedAt"].is_string()),
        (&json!("light"), true)
    );
}

/// The same envelope with another vector, and so another first block: spaces between the members of the text are tabs.
fn with_tab_for_space(body: &str) -> String {
    let blob = serde_json::from_str::<Value>(body).unwrap()["blob"].as_str().unwrap().to_owned();
    let (vector, cipher) = blob.split_once(':').unwrap();
    let mut vector = hex::decode(vector).unwrap();
    vector[1] ^= b' ' ^ b'\t';
    json!({"blob": format!("{}:{cipher}", hex::encode(vector))}).to_string()
}

/// The ways in which whoever has only recorded an envelope can spell it anew.
fn spellings(body: &str) -> Vec<String> {
    let blob = serde_json::from_str::<Value>(body).unwrap()["blob"].as_str().unwrap().to_owned();
    let upper = json!({"blob": blob.to_uppercase()}).to_string();
    let spaced = json!({"blob": format!(" {blob}\n")}).to_string();
    vec![body.to_owned(), upper, spaced, with_tab_for_space(body)]
}

#[tokio::test]
async fn an_envelope_acts_once_at_one_endpoint_however_it_is_spelled() {
    let app = TestApp::new().await;
    let (a, b) = (device('a'), device('b'));
    let n = app.validated(L1, &a).await;
    let m = app.validated(L1, &b).await;
    // Text with a blank in its first block, which a changed vector turns into a tab.
    let spaced = |hwid: &str, nonce: &str, data: Value| {
        sealed_body(Mode::Cbc, &format!(r#"{{ "data":{data},"nonce":"{nonce}","hwid":"{hwid}"}}"#))
    };
    let path = |endpoint: &str| format!("/v1/sdk/pro/license/{endpoint}");

    // What each recorded call was, and the endpoints at which it is tried again.
    let recorded = [
        ("settings/save", spaced(&a, &n, json!({"key": L1, "hwid": a, "settings": {"theme": "dark"}}))),
        ("status", spaced(&a, &n, json!({"key": L1, "hwid": a, "version": "1"}))),
        ("settings/get", spaced(&a, &n, data(L1, &a))),
        ("seats", spaced(&a, &n, data(L1, &a))),
        ("events", spaced(&a, &n, json!({"key": L1, "type": "t", "payload": {}}))),
        ("heartbeat", spaced(&a, &n, json!({"key": L1, "hwid": a, "isClosing": false}))),
        // The endpoint alone tells what it is: it is remembered too.
        ("heartbeat", spaced(&b, &m, data(L1, &b))),
    ];
    for (endpoint, body) in &recorded {
        let reply = app.pro_body(&path(endpoint), body.clone()).await.reply;
        assert_eq!(reply.status, 200, "{endpoint}: {}", reply.text);
    }
    let newer = json!({"key": L1, "hwid": a, "settings": {"theme": "light"}});
    app.pro("settings/save", &a, GUID, newer).await.nonce();
    let before = app.get(L1, "/seats").await.body;
    let everywhere = ["validate", "status", "heartbeat", "signout", "seats", "settings/get", "settings/save", "events"];
    for (endpoint, body) in &recorded {
        for (spelling, body) in spellings(body).into_iter().enumerate() {
            for at in everywhere {
                let reply = app.pro_body(&path(at), body.clone()).await.reply;
                let lacks = reply.status == 400 && reply.body["code"] == "BAD_REQUEST";
                let is_refused = (reply.status, &reply.body["code"]) == (409, &json!("NONCE_MISMATCH"));
                assert!(is_refused || lacks, "{endpoint} at {at}, {spelling}: {}", reply.text);
            }
        }
    }
    assert_eq!(app.get(L1, "/seats").await.body, before, "nobody has gone or come");
    let got = app.pro("settings/get", &a, GUID, data(L1, &a)).await;
    assert_eq!(got.reply.body["settings"]["theme"], "light");
    // A genuine repetition has a vector of its own.
    let again = spaced(&a, GUID, json!({"key": L1, "hwid": a, "settings": {"theme": "dark"}}));
    app.pro_body(&path("settings/save"), again).await.nonce();
    // Of a strict call that never arrived nothing is remembered, and only its endpoint takes it.
    let n = app.validated(L1, &a).await;
    let kept = spaced(&a, &n, json!({"key": L1, "hwid": a, "isClosing": false}));
    for at in ["validate", "signout", "settings/get"] {
        app.pro_body(&path(at), kept.clone()).await.refused(409, "NONCE_MISMATCH");
    }
    app.pro_body(&path("heartbeat"), kept).await.nonce();
}

#[tokio::test]
async fn what_was_remembered_by_its_spelling_is_known_still() {
    let app = TestApp::new().await;
    let a = device('a');
    let n = app.validated(L1, &a).await;
    let body = letter(&a, &json!(n), &json!({"key": L1, "hwid": a, "settings": {"theme": "dark"}}));
    let blob = serde_json::from_str::<Value>(&body).unwrap()["blob"].as_str().unwrap().to_owned();
    let seen = SeenBlob { hash: ids::sha256_hex(blob.as_bytes()), request: "op_1".into(), at: app.clock.now() };
    let meter = Meter::default();
    app.host.app.table.commit(&[Write::RememberBlob { seen }], None, &meter).await.unwrap();
    let path = "/v1/sdk/pro/license/settings/save";
    app.pro_body(path, body).await.refused(409, "NONCE_MISMATCH");
}

#[tokio::test]
async fn the_nonce_is_judged_before_the_license() {
    let app = TestApp::new().await;
    let a = device('a');
    app.validated(L1, &a).await;
    app.pro("heartbeat", &a, GUID, data("NOPE", &a)).await.refused(409, "NONCE_MISMATCH");
    let body = letter(&a, &json!(GUID), &data("NOPE", &a));
    let path = "/v1/sdk/pro/license/validate";
    app.pro_body(path, body.clone()).await.refused(404, "LICENSE_NOT_FOUND");
    // A refused call took no effect, so its cipher text is not remembered.
    app.pro_body(path, body).await.refused(404, "LICENSE_NOT_FOUND");
    app.pro("consume", &a, GUID, use_of(&a, 1, "x")).await.refused(409, "NONCE_MISMATCH");
}

#[tokio::test]
async fn an_air_gapped_licenses_device_is_answered_quietly_whatever_nonce_it_presents() {
    let app = TestApp::new().await;
    let air = app.policy(local::demo::air()).await;
    let l3 = app.license(&air, None).await;
    let (a, b) = (device('a'), device('b'));
    let file = json!({"hwids": [a]});
    assert_eq!(app.admin("POST", &format!("/v1/admin/licenses/{l3}/offline-file"), file).await.status, 200);
    // Both devices have used another license of the project, so each has a chain of nonces.
    app.validated(L1, &a).await;
    app.validated(L1, &b).await;
    let before = app.admin("GET", &format!("/v1/admin/licenses/{l3}"), Value::Null).await.body;
    for (endpoint, nonce) in [("heartbeat", GUID), ("heartbeat", "stale"), ("validate", GUID), ("status", "TAMPERED")] {
        let output = app.pro(endpoint, &a, nonce, data(&l3, &a)).await;
        assert_eq!(output.reply.seat(), ("active", "N/A"), "{endpoint}");
        let body = &output.reply.body;
        assert_eq!((&body["policy"]["isAirGapped"], &body["offlineEnabled"]), (&json!(true), &json!(true)));
        assert_eq!(body["machines"].as_array().unwrap().len(), 1, "{endpoint}");
        // The nonce that it is told is good for the other license.
        assert_eq!(app.pro("heartbeat", &a, output.nonce(), data(L1, &a)).await.reply.status, 200, "{endpoint}");
    }
    let closing = app.pro("heartbeat", &a, "stale", json!({"key": l3, "hwid": a, "isClosing": true})).await;
    assert_eq!(closing.reply.status, 200, "{}", closing.reply.text);
    // A device without a file, and what would spend online, hear why, and not of a nonce.
    let spend = json!({"key": l3, "hwid": a, "amount": 1, "action": "x", "usages": []});
    for (endpoint, hwid, asked) in [
        ("heartbeat", &b, data(&l3, &b)),
        ("validate", &b, data(&l3, &b)),
        ("status", &b, data(&l3, &b)),
        ("consume", &a, spend.clone()),
        ("consume-batch", &a, spend),
    ] {
        app.pro(endpoint, hwid, "stale", asked).await.refused(403, "OFFLINE_ACTIVATION_REQUIRED");
    }
    let after = app.admin("GET", &format!("/v1/admin/licenses/{l3}"), Value::Null).await.body;
    assert_eq!(before["machines"], after["machines"], "nothing is noted");
    app.beat(&l3, &a).await.refused(403, "OFFLINE_ACTIVATION_REQUIRED");
    app.set_state(&l3, "suspended").await;
    assert_eq!(app.pro("heartbeat", &a, "stale", data(&l3, &a)).await.reply.seat(), ("suspended", "N/A"));
}

#[tokio::test]
async fn stronger_settings_hold() {
    let app = TestApp::new().await;
    let a = device('a');
    app.validated(L1, &a).await;
    app.project_settings(json!({"security": {"gcmOnly": true}})).await;
    app.pro("validate", &a, GUID, data(L1, &a)).await.refused(400, "BAD_ENVELOPE");
    let plain = json!({"data": data(L1, &a), "nonce": GUID, "hwid": a}).to_string();
    let answer = app.pro_body("/v1/sdk/pro/license/validate", sealed_body(Mode::Gcm, &plain)).await;
    assert_eq!(answer.reply.status, 200);

    app.project_settings(json!({"security": null, "clientDates": "naive"})).await;
    let answer = app.pro("status", &a, GUID, data(L1, &a)).await;
    assert_eq!(answer.reply.text_of("validUntil"), "2026-02-03T00:00:00.000");
    assert_eq!(app.get(L1, "").await.text_of("validUntil"), "2026-02-03T00:00:00.000Z");
    let seats = app.get(L1, "/seats").await;
    assert!(!seats.body["seats"][0]["lastSeen"].as_str().unwrap().ends_with('Z'), "{}", seats.text);

    app.project_settings(json!({"tokens": {"overdraftFloor": 10}})).await;
    let n = app.validated(L1, &a).await;
    let use_of_all = |amount: i64| json!({"key": L1, "hwid": a, "usages": [queued(&a, amount, "x", "2026-01-03T21:59:23.0000000Z")]});
    let at_floor = app.pro("consume-batch", &a, n, use_of_all(110)).await;
    assert_eq!((at_floor.reply.seat().0, at_floor.reply.int_of("tokensRemaining")), ("active", -10));
    let below = app.pro("consume-batch", &a, at_floor.nonce(), use_of_all(1)).await;
    assert_eq!(below.reply.seat(), ("suspended", "N/A"));
    app.pro("consume", &a, below.nonce(), use_of(&a, 1, "x")).await.refused(403, "LICENSE_SUSPENDED");
    let credit = json!({"amount": 50, "reason": "top-up"});
    assert_eq!(app.admin("POST", &format!("/v1/admin/licenses/{L1}/tokens"), credit).await.status, 200);
    assert_eq!(app.pro("status", &a, GUID, data(L1, &a)).await.reply.seat(), ("active", "OCCUPIED"));

    let bad = json!({"settings": {"security": {"deviceKeys": "maybe"}, "clientDates": 1}});
    let refused = app.admin("PATCH", &format!("/v1/admin/projects/{}", app.project_id), bad).await;
    assert_eq!(refused.refused(400, "BAD_REQUEST").body["details"]["problems"].as_array().unwrap().len(), 2);
}
