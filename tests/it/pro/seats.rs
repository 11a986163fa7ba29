//! Seats on the encrypted face.

use futures_util::future::join_all;
use serde_json::{Value, json};

use super::{GUID, data, use_of};
use crate::support::pro::letter;
use crate::support::{L1, TestApp, device};

#[tokio::test]
async fn a51_a_closing_call_frees_the_seat_and_leaves_the_nonces_alone() {
    let app = TestApp::new().await;
    let a = device('a');
    let n = app.validated(L1, &a).await;
    for nonce in ["skip", "TAMPERED", n.as_str()] {
        let closing = json!({"key": L1, "hwid": a, "isClosing": true});
        let closed = app.pro("heartbeat", &a, nonce, closing).await;
        assert_eq!((closed.reply.seat(), closed.nonce()), (("VALID_NO_SEAT", "RELEASED"), String::new()));
    }
    // The loop of the existing client runs on with the nonce from before, and takes no seat back.
    let beat = app.pro("heartbeat", &a, n, data(L1, &a)).await;
    assert_eq!(beat.reply.seat(), ("VALID_NO_SEAT", "RELEASED"));
    let back = app.pro("status", &a, beat.nonce(), data(L1, &a)).await;
    assert_eq!(back.reply.seat(), ("active", "OCCUPIED"));
}

#[tokio::test]
async fn a52_a_silent_device_loses_its_seat_to_one_that_waits() {
    let app = TestApp::new().await;
    let mut nonces = Vec::new();
    for letter in ['a', 'b', 'c'] {
        nonces.push(app.validated(L1, &device(letter)).await);
    }
    for _ in 0..2 {
        app.clock.advance_seconds(300);
        nonces[1] = app.pro("heartbeat", &device('b'), nonces[1].as_str(), data(L1, &device('b'))).await.nonce();
    }
    app.clock.advance_seconds(1);
    let c = app.pro("heartbeat", &device('c'), nonces[2].as_str(), data(L1, &device('c'))).await;
    assert_eq!(c.reply.seat(), ("active", "OCCUPIED"));
    let a = app.pro("heartbeat", &device('a'), nonces[0].as_str(), data(L1, &device('a'))).await;
    assert_eq!(a.reply.seat().0, "VALID_NO_SEAT");
}

#[tokio::test]
async fn a55_a57_a_seat_is_released_in_an_envelope_on_the_plain_path() {
    let app = TestApp::new().await;
    let (a, b, c) = (device('a'), device('b'), device('c'));
    app.validated(L1, &a).await;
    app.validated(L1, &b).await;
    let n = app.validated(L1, &c).await;
    let path = format!("/v1/sdk/license/{L1}/release-seat");
    let release = |target: &str, nonce: &str| {
        letter(&c, &json!(nonce), &json!({"targetHwid": target, "callerHwid": c, "claimSeat": true}))
    };
    let body = release(&a, &n);
    let released = app.pro_body(&path, body.clone()).await;
    let output = &released.reply.body;
    assert_eq!(
        (&output["success"], &output["seatClaimed"], &output["activeSeats"]),
        (&json!(true), &json!(true), &json!(2))
    );
    assert_eq!(output["releasedHwid"], json!(a));
    app.pro_body(&path, body).await.refused(409, "NONCE_MISMATCH");
    app.clock.advance_seconds(10);
    let n = released.nonce();
    let early = app.pro_body(&path, release(&b, &n)).await;
    early.refused(403, "SEAT_RELEASE_COOLDOWN");
    for word in ["wait", "cooldown", "290"] {
        assert!(early.reply.text_of("message").contains(word));
    }
    app.clock.advance_seconds(290);
    assert_eq!(app.pro_body(&path, release(&b, &n)).await.reply.status, 200);
    // The kicked device is told until it comes back by itself; then it competes like any other.
    let beat = app.pro("status", &a, GUID, data(L1, &a)).await;
    assert_eq!(beat.reply.seat(), ("active", "OCCUPIED"));
}

#[tokio::test]
async fn a101_a_kicked_device_is_told_once_it_asks_and_stops() {
    let app = TestApp::new().await;
    let (a, b, c) = (device('a'), device('b'), device('c'));
    let mut n = app.validated(L1, &a).await;
    app.validated(L1, &b).await;
    let m = app.validated(L1, &c).await;
    let body = letter(&c, &json!(m), &json!({"targetHwid": a, "callerHwid": c, "claimSeat": true}));
    app.pro_body(&format!("/v1/sdk/license/{L1}/release-seat"), body).await.nonce();
    for _ in 0..2 {
        let beat = app.pro("heartbeat", &a, n, data(L1, &a)).await;
        assert_eq!(
            (beat.reply.seat(), &beat.reply.body["kickedNotice"]["reason"]),
            (("KICKED", "KICKED"), &json!("seat_released"))
        );
        n = beat.nonce();
    }
    let used = app.pro("consume", &a, n, use_of(&a, 1, "x")).await;
    assert_eq!((used.reply.seat().0, used.reply.int_of("tokensRemaining")), ("KICKED", 99));
    let back = app.pro("status", &a, used.nonce(), data(L1, &a)).await;
    assert_eq!((back.reply.seat(), &back.reply.body["kickedNotice"]), (("VALID_NO_SEAT", "NO_SEAT"), &Value::Null));
}

#[tokio::test]
async fn a61_pro_only_licenses_are_served_and_their_seats_listed() {
    let app = TestApp::new().await;
    let over = json!({"overrides": {"sdkEnforcement": {"mode": "pro_only"}}});
    app.admin("PATCH", &format!("/v1/admin/licenses/{L1}"), over).await;
    let (a, b) = (device('a'), device('b'));
    let n = app.validated(L1, &a).await;
    app.validated(L1, &b).await;
    app.activate(L1, &a).await.refused(403, "PRO_SDK_REQUIRED");
    let plain = json!({"targetHwid": b, "callerHwid": a, "claimSeat": false});
    app.post(L1, "release-seat", plain.clone()).await.refused(403, "PRO_SDK_REQUIRED");
    assert_eq!(app.get(L1, &format!("/seats?hwid={a}")).await.int_of("activeSeats"), 2);
    let path = format!("/v1/sdk/license/{L1}/release-seat");
    app.pro_body(&path, letter(&a, &json!(n), &plain)).await.nonce();
}

#[tokio::test]
async fn a_device_that_signs_out_is_told_its_license() {
    let app = TestApp::new().await;
    let (a, b) = (device('a'), device('b'));
    app.validated(L1, &a).await;
    app.validated(L1, &b).await;
    let closed = |hwid: &str| json!({"key": L1, "hwid": hwid, "isClosing": true});
    for round in 0..2 {
        let mut out = app.pro("signout", &a, GUID, data(L1, &a)).await;
        assert_eq!(out.nonce(), "", "round {round}");
        assert_eq!(out.reply.body["success"], true);
        assert_eq!((out.reply.seat(), out.reply.int_of("activeSeats")), (("VALID_NO_SEAT", "RELEASED"), 1));
        // Apart from two members it is what a closing heartbeat answers.
        let members = out.reply.body.as_object_mut().unwrap();
        members.remove("success");
        members.remove("message");
        let beat = app.pro("heartbeat", &a, GUID, closed(&a)).await;
        assert_eq!(out.reply.body, beat.reply.body, "round {round}");
    }
    // Who is not registered is told no more than of a license that it looks at.
    let c = device('c');
    let out = app.pro("signout", &c, GUID, data(L1, &c)).await;
    assert_eq!((out.reply.seat(), &out.reply.body["kickedNotice"]), (("active", "N/A"), &Value::Null));
    assert_eq!(out.reply.body["machines"].as_array().unwrap().len(), 2);
}

#[tokio::test]
async fn a50_a54_a59_a60_a62_seats_on_the_encrypted_face() {
    let app = TestApp::new().await;
    let (a, b, c) = (device('a'), device('b'), device('c'));
    app.validated(L1, &a).await;
    let mut n = app.validated(L1, &b).await;
    let third = app.pro("validate", &c, GUID, data(L1, &c)).await;
    assert_eq!(third.reply.seat(), ("VALID_NO_SEAT", "NO_SEAT"));
    assert_eq!((third.reply.int_of("activeSeats"), third.reply.int_of("maxConcurrentSeats")), (2, 2));
    assert_eq!(third.reply.body["canReleaseSeat"], true);
    let release = |claim: bool| json!({"key": L1, "targetHwid": a, "callerHwid": c, "claimSeat": claim});
    let released = app.pro("release-seat", &c, third.nonce(), release(false)).await;
    assert_eq!((&released.reply.body["seatClaimed"], released.reply.int_of("activeSeats")), (&json!(false), 1));
    let mut m = released.nonce();
    // One free seat, and two devices that ask at once: one has it.
    for round in 0..10 {
        let signout = app.pro("signout", &b, GUID, data(L1, &b)).await;
        assert_eq!(signout.reply.status, 200);
        app.pro("signout", &c, GUID, data(L1, &c)).await.nonce();
        app.pro("status", &a, GUID, data(L1, &a)).await.nonce();
        let calls = [app.pro("status", &b, n.as_str(), data(L1, &b)), app.pro("status", &c, m.as_str(), data(L1, &c))];
        let answers = join_all(calls).await;
        let seated = answers.iter().filter(|answer| answer.reply.seat().1 == "OCCUPIED").count();
        assert_eq!(seated, 1, "round {round}");
        (n, m) = (answers[0].nonce(), answers[1].nonce());
    }
    let over = json!({"overrides": {"customerActions": {"allowRemoteSeatRelease": false}}});
    app.admin("PATCH", &format!("/v1/admin/licenses/{L1}"), over).await;
    let refused = app.pro("release-seat", &c, m, release(true)).await;
    refused.refused(403, "SEAT_RELEASE_NOT_ALLOWED");
    assert_eq!(app.get(L1, "/seats").await.int_of("activeSeats"), 2);
    let perp = app.policy(local::demo::perp()).await;
    let l2 = app.license(&perp, None).await;
    let off = app.pro("validate", &a, GUID, data(&l2, &a)).await.reply;
    assert_eq!(
        (off.seat().1, &off.body["seatsEnabled"], &off.body["maxConcurrentSeats"]),
        ("N/A", &json!(false), &Value::Null)
    );
    assert_eq!(app.get(&l2, "/seats").await.body["seats"], json!([]));
}
