//! Compact answers, and what is decided for them by eventually consistent reads. The engine has no reads that are behind: the injected
//! faults make each return what it returned first.

use serde_json::{Value, json};

use crate::support::pro::letter;
use crate::support::{L1, Reply, TestApp, device};

/// Members of an answer in full that a compact one leaves empty, or cuts.
const CUT: [&str; 5] = ["machines", "userSettings", "activeSeats", "lastCheckIn", "compact"];

async fn beat(app: &TestApp, key: &str, hwid: &str) -> Reply {
    app.post(key, "heartbeat", json!({"hwid": hwid, "compact": true})).await
}

async fn spend(app: &TestApp, key: &str, hwid: &str, amount: i64) -> Reply {
    app.post(key, "consume", json!({"hwid": hwid, "amount": amount, "action": "x", "compact": true})).await
}

fn freeze(app: &TestApp) {
    app.host.app.table.freeze_eventual_reads(true);
}

/// A process that has seen everything, and two devices.
async fn two_devices(limits: Value) -> (TestApp, String) {
    let app = TestApp::new().await;
    let key = app.license_with(limits).await;
    for letter in ['a', 'b'] {
        app.activate(&key, &device(letter)).await;
    }
    (app, key)
}

fn seats(count: i64) -> Value {
    json!({"seats": {"enabled": true, "maxSeats": count}})
}

#[tokio::test]
async fn a_compact_answer_says_the_same_in_less() {
    let (app, key) = two_devices(seats(2)).await;
    let a = device('a');
    let mut put = crate::support::post_request(&key, "settings", &json!({"settings": {"theme": "dark"}}));
    *put.method_mut() = http::Method::PUT;
    app.send(put).await;
    let full = app.beat(&key, &a).await;
    let short = beat(&app, &key, &a).await;
    assert_eq!((full.body["machines"].as_array().unwrap().len(), &full.body["activeSeats"]), (2, &json!(2)));
    assert_eq!(super::hwids(&short), [a.as_str()]);
    assert_eq!((&short.body["userSettings"], &short.body["activeSeats"]), (&json!({}), &Value::Null));
    assert_eq!((&short.body["compact"], full.body.get("compact")), (&json!(true), None));
    let uncut = |reply: &Reply| {
        let mut members = reply.body.as_object().unwrap().clone();
        members.retain(|name, _| !CUT.contains(&name.as_str()));
        members
    };
    assert_eq!(uncut(&full), uncut(&short));
    let spent = spend(&app, &key, &a, 5).await;
    assert_eq!((spent.int_of("tokensRemaining"), spent.seat().1), (95, "OCCUPIED"));
    assert_eq!((super::hwids(&spent), &spent.body["compact"]), (vec![a.as_str()], &json!(true)));
    app.post(&key, "heartbeat", json!({"hwid": a, "compact": "yes"})).await.refused(400, "BAD_REQUEST");
}

#[tokio::test]
async fn a_use_is_the_same_use_in_whatever_form_it_is_answered() {
    let (app, key) = two_devices(json!({})).await;
    let use_of = |compact: bool| json!({"hwid": device('a'), "amount": 5, "action": "x", "operationId": "u", "compact": compact});
    let first = app.post(&key, "consume", use_of(true)).await;
    for compact in [false, true] {
        let again = app.post(&key, "consume", use_of(compact)).await;
        assert_eq!((again.body["replayed"].as_bool(), again.int_of("tokensRemaining")), (Some(true), 95));
        assert_eq!(again.body["operation"], first.body["operation"]);
    }
    assert_eq!(app.audit(&key).await, 5);
}

#[tokio::test]
async fn a_balance_that_is_behind_neither_charges_nor_refuses_by_itself() {
    let (app, key) = two_devices(json!({})).await;
    let other = app.another_process().await;
    freeze(&app);
    assert_eq!(spend(&app, &key, &device('a'), 10).await.int_of("tokensRemaining"), 90);
    // Another process spends; this one does not see it.
    let body = json!({"hwid": device('b'), "amount": 85, "action": "x"});
    let theirs = crate::support::send(&other, crate::support::post_request(&key, "consume", &body)).await;
    assert_eq!(theirs.int_of("tokensRemaining"), 5);
    spend(&app, &key, &device('a'), 6).await.refused(403, "INSUFFICIENT_TOKENS");
    assert_eq!(spend(&app, &key, &device('a'), 5).await.int_of("tokensRemaining"), 0);
    // A credit that it does not see does not let it refuse either.
    app.host.app.table.freeze_eventual_reads(true);
    spend(&app, &key, &device('a'), 1).await.refused(403, "INSUFFICIENT_TOKENS");
    let credit = json!({"amount": 7, "reason": "r"});
    assert_eq!(app.admin("POST", &format!("/v1/admin/licenses/{key}/tokens"), credit).await.status, 200);
    assert_eq!(spend(&app, &key, &device('a'), 7).await.int_of("tokensRemaining"), 0);
    assert_eq!(app.audit(&key).await, 107);
}

#[tokio::test]
async fn a_suspended_license_and_changed_terms_are_seen_by_the_next_call() {
    let (app, key) = two_devices(seats(2)).await;
    let a = device('a');
    freeze(&app);
    assert_eq!(beat(&app, &key, &a).await.seat(), ("active", "OCCUPIED"));
    assert_eq!(spend(&app, &key, &a, 1).await.status, 200);
    app.set_state(&key, "suspended").await;
    assert_eq!(beat(&app, &key, &a).await.seat().0, "suspended");
    spend(&app, &key, &a, 1).await.refused(403, "LICENSE_SUSPENDED");
    app.set_state(&key, "active").await;
    assert_eq!(
        beat(&app, &key, &a).await.seat(),
        ("active", "OCCUPIED"),
        "its seat was given back; it sits down again"
    );
    let limits = json!({"limits": {"tokens": {"enabled": false}}});
    let path = format!("/v1/admin/licenses/{key}");
    assert_eq!(app.admin("PATCH", &path, json!({"overrides": limits})).await.status, 200);
    spend(&app, &key, &a, 1).await.refused(403, "TOKENS_DISABLED");
}

#[tokio::test]
async fn a_removed_device_is_told_at_once_with_seats_and_without() {
    for limits in [seats(2), json!({})] {
        let (app, key) = two_devices(limits.clone()).await;
        let a = device('a');
        freeze(&app);
        assert_eq!((beat(&app, &key, &a).await.status, spend(&app, &key, &a, 1).await.status), (200, 200));
        let removed = app.admin("DELETE", &format!("/v1/admin/licenses/{key}/devices/{a}"), Value::Null).await;
        assert_eq!(removed.status, 204, "{}", removed.text);
        let told = beat(&app, &key, &a).await;
        assert_eq!((told.seat(), super::hwids(&told).len()), (("KICKED", "KICKED"), 0), "{limits}");
        spend(&app, &key, &a, 1).await.refused(403, "DEVICE_NOT_REGISTERED");
    }
}

#[tokio::test]
async fn a_seat_that_was_lost_is_not_shown_as_held() {
    let (app, key) =
        two_devices(json!({"seats": {"enabled": true, "maxSeats": 2}, "devices": {"maxDevices": 4}})).await;
    let (a, b) = (device('a'), device('b'));
    freeze(&app);
    for hwid in [&a, &b] {
        assert_eq!(beat(&app, &key, hwid).await.seat().1, "OCCUPIED");
        assert_eq!(spend(&app, &key, hwid, 1).await.seat().1, "OCCUPIED");
    }
    // Kicked by the other device.
    let release = json!({"targetHwid": a, "callerHwid": b});
    assert_eq!(app.post(&key, "release-seat", release).await.status, 200);
    assert_eq!(spend(&app, &key, &a, 1).await.seat(), ("KICKED", "KICKED"));
    assert_eq!(beat(&app, &key, &a).await.seat(), ("KICKED", "KICKED"));
    // Lost by silence, and taken by others.
    app.clock.advance_seconds(10_000);
    for letter in ['c', 'd'] {
        assert_eq!(app.activate(&key, &device(letter)).await.seat().1, "OCCUPIED");
    }
    assert_eq!(spend(&app, &key, &b, 1).await.seat(), ("VALID_NO_SEAT", "NO_SEAT"));
    assert_eq!(beat(&app, &key, &b).await.seat(), ("VALID_NO_SEAT", "NO_SEAT"));
}

#[tokio::test]
async fn who_waits_for_a_seat_gets_the_one_that_is_free() {
    let (app, key) = two_devices(seats(1)).await;
    let (a, b) = (device('a'), device('b'));
    freeze(&app);
    assert_eq!((beat(&app, &key, &a).await.seat().1, beat(&app, &key, &b).await.seat().1), ("OCCUPIED", "NO_SEAT"));
    app.post(&key, "signout", json!({"hwid": a})).await;
    assert_eq!((beat(&app, &key, &b).await.seat().1, beat(&app, &key, &a).await.seat().1), ("OCCUPIED", "RELEASED"));
    let held = app.get(&key, "/seats").await;
    assert_eq!(held.int_of("activeSeats"), 1);
}

#[tokio::test]
async fn consumption_alone_keeps_a_seat() {
    let (app, key) = two_devices(seats(1)).await;
    let a = device('a');
    // Far longer than a lease, by steps that are shorter.
    for _ in 0..40 {
        app.clock.advance_seconds(120);
        assert_eq!(spend(&app, &key, &a, 1).await.seat().1, "OCCUPIED");
    }
    assert_eq!(beat(&app, &key, &device('b')).await.seat().1, "NO_SEAT");
}

#[tokio::test]
async fn nonces_that_are_behind_are_read_again_and_none_is_used_twice() {
    let app = TestApp::new().await;
    let a = device('a');
    let mut nonce = app.validated(L1, &a).await;
    freeze(&app);
    let short = json!({"key": L1, "hwid": a, "compact": true});
    for _ in 0..3 {
        nonce = app.pro("heartbeat", &a, nonce.as_str(), short.clone()).await.nonce();
    }
    let spent = json!({"key": L1, "hwid": a, "amount": 5, "action": "x", "compact": true});
    let body = letter(&a, &json!(nonce), &spent);
    let first = app.pro_body("/v1/sdk/pro/license/consume", body.clone()).await;
    assert_eq!(first.reply.int_of("tokensRemaining"), 95);
    app.pro_body("/v1/sdk/pro/license/consume", body).await.refused(409, "NONCE_MISMATCH");
    app.pro("heartbeat", &a, nonce.as_str(), short).await.refused(409, "NONCE_MISMATCH");
    assert_eq!(app.audit(L1).await, 5);
}
