//! Seats on the plain face, over days, with the clock moved by hand.

use super::{hwids, two_seated_one_waiting};
use crate::support::{L1, TestApp, device};
use local::demo;
use serde_json::{Value, json};

#[tokio::test]
async fn a_week_with_a_license() {
    let app = TestApp::new().await;
    let (a, b, c) = (device('a'), device('b'), device('c'));

    // Monday: two devices work, a third waits.
    assert_eq!(app.activate(L1, &a).await.seat(), ("active", "OCCUPIED"));
    assert_eq!(app.activate(L1, &b).await.seat(), ("active", "OCCUPIED"));
    let third = app.activate(L1, &c).await;
    assert_eq!(third.seat(), ("VALID_NO_SEAT", "NO_SEAT"));
    assert_eq!(hwids(&third).len(), 3);
    assert_eq!(app.consume(L1, &a, 5, "monday").await.int_of("tokensRemaining"), 95);

    // A closes, C's next heartbeat takes the seat by itself, and A's loop that runs on does not take it back.
    let closing = app.post(L1, "heartbeat", json!({"hwid": a, "isClosing": true})).await;
    assert_eq!((closing.seat(), closing.int_of("activeSeats")), (("VALID_NO_SEAT", "RELEASED"), 1));
    assert_eq!(app.beat(L1, &c).await.seat(), ("active", "OCCUPIED"));
    assert_eq!(app.beat(L1, &a).await.seat(), ("VALID_NO_SEAT", "RELEASED"));

    // Tuesday: everybody was away over night, so the first ones back sit down.
    app.clock.advance_seconds(86_400);
    assert_eq!(app.activate(L1, &a).await.seat(), ("active", "OCCUPIED"));
    assert_eq!(app.beat(L1, &b).await.seat(), ("active", "OCCUPIED"));
    assert_eq!(app.beat(L1, &c).await.seat(), ("VALID_NO_SEAT", "NO_SEAT"));

    // Suspended and resumed by the vendor: told as data to who beats, as an error to who spends.
    assert_eq!(app.set_state(L1, "suspended").await.text_of("status"), "suspended");
    let beat = app.beat(L1, &a).await;
    assert_eq!(
        (beat.seat(), beat.int_of("activeSeats"), &beat.body["kickedNotice"]),
        (("suspended", "N/A"), 0, &Value::Null)
    );
    app.consume(L1, &a, 1, "suspended").await.refused(403, "LICENSE_SUSPENDED");
    assert_eq!(app.set_state(L1, "active").await.status, 200);
    assert_eq!(app.beat(L1, &a).await.seat(), ("active", "OCCUPIED"));

    // Past the end: grace, then expired; the ledger still adds up.
    app.clock.advance_seconds(30 * 86_400);
    assert_eq!(app.beat(L1, &a).await.seat(), ("grace_period", "OCCUPIED"));
    assert_eq!(app.consume(L1, &a, 5, "grace").await.int_of("tokensRemaining"), 90);
    app.clock.advance_seconds(7 * 86_400);
    assert_eq!(app.beat(L1, &a).await.seat(), ("expired", "N/A"));
    app.consume(L1, &a, 1, "late").await.refused(403, "LICENSE_EXPIRED");
    assert_eq!(app.consume(L1, &a, 5, "grace").await.body["replayed"], true);
    assert_eq!(app.audit(L1).await, 10);
}

#[tokio::test]
async fn a52_a_silent_device_loses_its_seat_after_two_intervals() {
    let app = TestApp::new().await;
    let (a, b, c) = (device('a'), device('b'), device('c'));
    for hwid in [&a, &b, &c] {
        app.activate(L1, hwid).await;
    }
    app.clock.advance_seconds(300);
    assert_eq!(app.beat(L1, &b).await.seat().1, "OCCUPIED");
    app.clock.advance_seconds(299);
    assert_eq!(app.beat(L1, &c).await.seat().1, "NO_SEAT");
    app.clock.advance_seconds(1);
    assert_eq!(app.beat(L1, &b).await.seat().1, "OCCUPIED");
    app.clock.advance_seconds(1);
    assert_eq!(app.beat(L1, &c).await.seat(), ("active", "OCCUPIED"));
    assert_eq!(app.beat(L1, &a).await.seat(), ("VALID_NO_SEAT", "NO_SEAT"));
}

#[tokio::test]
async fn consuming_keeps_a_seat_alive() {
    let app = TestApp::new().await;
    app.activate(L1, &device('a')).await;
    for round in 0..5 {
        app.clock.advance_seconds(500);
        let reply = app.consume(L1, &device('a'), 1, &round.to_string()).await;
        assert_eq!(reply.seat(), ("active", "OCCUPIED"), "round {round}");
    }
}

#[tokio::test]
async fn a61_seats_are_listed_for_who_asks() {
    let app = TestApp::new().await;
    app.activate(L1, &device('a')).await;
    app.activate(L1, &device('b')).await;
    let current = |reply: &crate::support::Reply| -> Vec<bool> {
        reply.body["seats"].as_array().unwrap().iter().map(|seat| seat["isCurrentDevice"].as_bool().unwrap()).collect()
    };
    let seats = app.get(L1, &format!("/seats?hwid={}", device('a'))).await;
    assert_eq!(
        (seats.int_of("maxSeats"), seats.int_of("activeSeats"), &seats.body["canReleaseSeat"]),
        (2, 2, &json!(true))
    );
    assert_eq!(current(&seats).into_iter().filter(|yes| *yes).count(), 1);
    assert_eq!(current(&app.get(L1, "/seats").await), [false, false]);
    let stranger = app.get(L1, &format!("/seats?hwid={}", device('d'))).await;
    assert_eq!(stranger.body["canReleaseSeat"], false);
}

async fn release(app: &TestApp, target: char, caller: char, claim: bool) -> crate::support::Reply {
    let body = json!({"targetHwid": device(target), "callerHwid": device(caller), "claimSeat": claim});
    app.post(L1, "release-seat", body).await
}

#[tokio::test]
async fn a63_a_device_takes_anothers_seat_and_the_other_is_told_until_it_comes_back() {
    let app = two_seated_one_waiting().await;
    let answer = release(&app, 'a', 'c', true).await;
    let expected = json!({"success": true, "message": "Seat released.", "releasedHwid": device('a'), "seatClaimed": true, "activeSeats": 2});
    assert_eq!((answer.status, &answer.body), (200, &expected));
    assert_eq!(app.beat(L1, &device('c')).await.seat(), ("active", "OCCUPIED"));

    // The kicked device is told again and again, in whatever it calls; nobody else is.
    for _ in 0..2 {
        let kicked = app.beat(L1, &device('a')).await;
        assert_eq!(kicked.seat(), ("KICKED", "KICKED"));
        let notice = &kicked.body["kickedNotice"];
        assert_eq!(
            (&notice["kickedBy"], &notice["kickedByNickname"], &notice["reason"]),
            (&json!(device('c')), &json!("Desk c"), &json!("seat_released"))
        );
    }
    let charged = app.consume(L1, &device('a'), 1, "kicked").await;
    assert_eq!((charged.seat(), charged.int_of("tokensRemaining")), (("KICKED", "KICKED"), 99));
    assert_eq!(app.beat(L1, &device('b')).await.body["kickedNotice"], Value::Null);

    // Coming back clears the notice; then it waits like any other.
    let back = app.activate(L1, &device('a')).await;
    assert_eq!((back.seat(), &back.body["kickedNotice"]), (("VALID_NO_SEAT", "NO_SEAT"), &Value::Null));
    app.post(L1, "signout", json!({"hwid": device('b')})).await;
    assert_eq!(app.beat(L1, &device('a')).await.seat(), ("active", "OCCUPIED"));
}

#[tokio::test]
async fn a57_releases_have_a_cooldown() {
    let app = two_seated_one_waiting().await;
    assert_eq!(release(&app, 'a', 'c', true).await.status, 200);
    app.clock.advance_seconds(10);
    let refused = release(&app, 'b', 'c', false).await;
    refused.refused(403, "SEAT_RELEASE_COOLDOWN");
    for word in ["wait", "cooldown", "290"] {
        assert!(refused.text_of("message").contains(word), "{}", refused.text);
    }
    assert_eq!(refused.headers["retry-after"], "290");
    app.clock.advance_seconds(290);
    assert_eq!(release(&app, 'b', 'c', false).await.status, 200);
}

#[tokio::test]
async fn a59_a_released_seat_that_nobody_claims_goes_to_who_waits() {
    let app = two_seated_one_waiting().await;
    let answer = release(&app, 'a', 'c', false).await;
    assert_eq!((&answer.body["seatClaimed"], answer.int_of("activeSeats")), (&json!(false), 1));
    assert_eq!(app.beat(L1, &device('c')).await.seat(), ("active", "OCCUPIED"));
}

#[tokio::test]
async fn a60_releases_are_refused_in_order() {
    let app = two_seated_one_waiting().await;
    release(&app, 'd', 'c', false).await.refused(409, "SEAT_NOT_HELD");
    release(&app, 'a', 'd', false).await.refused(403, "DEVICE_NOT_REGISTERED");
    // Of its own seat it is a sign-out: no cooldown, no notice.
    let own = release(&app, 'a', 'a', false).await;
    assert_eq!((own.status, own.int_of("activeSeats")), (200, 1));
    assert_eq!(app.beat(L1, &device('a')).await.seat(), ("VALID_NO_SEAT", "RELEASED"));
    assert_eq!(release(&app, 'b', 'a', false).await.status, 200);

    let mut terms = demo::sub();
    terms["config"]["customerActions"]["allowRemoteSeatRelease"] = json!(false);
    let policy = app.policy(terms).await;
    let key = app.license(&policy, None).await;
    app.activate(&key, &device('a')).await;
    app.activate(&key, &device('b')).await;
    let body = json!({"targetHwid": device('a'), "callerHwid": device('b')});
    app.post(&key, "release-seat", body).await.refused(403, "SEAT_RELEASE_NOT_ALLOWED");
    assert_eq!(app.beat(&key, &device('a')).await.seat().1, "OCCUPIED");
    app.set_state(L1, "suspended").await;
    release(&app, 'a', 'b', false).await.refused(403, "LICENSE_SUSPENDED");
}

#[tokio::test]
async fn the_vendor_kicks_a_device() {
    let app = two_seated_one_waiting().await;
    let path = format!("/v1/admin/licenses/{L1}/seats/{}/release", device('a'));
    let seats = app.admin("POST", &path, Value::Null).await;
    assert_eq!((seats.status, seats.int_of("activeSeats")), (200, 1));
    app.admin("POST", &path, Value::Null).await.refused(409, "SEAT_NOT_HELD");
    let kicked = app.beat(L1, &device('a')).await;
    assert_eq!(
        (kicked.seat(), &kicked.body["kickedNotice"]["reason"]),
        (("KICKED", "KICKED"), &json!("admin_released"))
    );
    assert_eq!(kicked.body["kickedNotice"]["kickedByNickname"], "Administrator");
}

#[tokio::test]
async fn a48_the_heartbeat_interval_never_wavers() {
    let app = TestApp::new().await;
    let (a, b) = (device('a'), device('b'));
    let mut intervals = Vec::new();
    let mut note = |reply: crate::support::Reply| intervals.push(reply.int_of("heartbeatIntervalSeconds"));
    note(app.activate(L1, &a).await);
    note(app.activate(L1, &b).await);
    note(app.beat(L1, &a).await);
    note(app.consume(L1, &a, 1, "op").await);
    note(app.post(L1, "consume-batch", json!({"hwid": a, "usages": [{"amount": 1, "action": "x"}]})).await);
    app.post(L1, "release-seat", json!({"targetHwid": b, "callerHwid": a})).await;
    note(app.beat(L1, &b).await);
    note(app.set_state(L1, "suspended").await);
    note(app.beat(L1, &a).await);
    note(app.set_state(L1, "active").await);
    app.clock.advance_seconds(31 * 86_400);
    note(app.beat(L1, &a).await);
    app.clock.advance_seconds(31 * 86_400);
    note(app.get(L1, "").await);
    assert!(intervals.iter().all(|seconds| *seconds == 300), "{intervals:?}");
}

/// The device knows of a changed interval by the next answer that it gets, and not before: until then its lease is what it was told.
#[tokio::test]
async fn a_lease_runs_by_the_interval_that_its_holder_was_last_told() {
    let app = TestApp::new().await;
    let mut terms = demo::sub();
    terms["config"]["limits"]["seats"]["maxSeats"] = json!(1);
    let policy = app.policy(terms.clone()).await;
    let key = app.license(&policy, None).await;
    let set = async |minutes: i64| {
        let mut config = terms["config"].clone();
        config["sdkEnforcement"]["heartbeat"]["interval"] = json!(minutes);
        let changed = app.admin("PATCH", &format!("/v1/admin/policies/{policy}"), json!({"config": config})).await;
        assert_eq!(changed.status, 200, "{}", changed.text);
    };
    let until = async || {
        let list = app.admin("GET", &format!("/v1/admin/licenses/{key}/seats"), Value::Null).await;
        list.body["seats"][0]["leaseUntil"].as_str().unwrap().to_owned()
    };
    let in_seconds =
        |seconds: i64| shared::service::ports::Clock::now(app.clock.as_ref()).plus_seconds(seconds).to_string();
    app.activate(&key, &device('a')).await;
    app.activate(&key, &device('b')).await;
    assert_eq!(until().await, in_seconds(600));

    // A longer one: whoever tells it gives the lease that goes with it, a consumption too.
    set(60).await;
    assert_eq!(until().await, in_seconds(600), "nobody was told");
    let result = app.consume(&key, &device('a'), 1, "x").await;
    assert_eq!(result.int_of("heartbeatIntervalSeconds"), 3_600);
    assert_eq!(until().await, in_seconds(7_200));

    // A shorter one: the holder sleeps by the long one, and keeps its seat.
    set(5).await;
    app.clock.advance_seconds(3_600);
    assert_eq!(app.beat(&key, &device('b')).await.seat().1, "NO_SEAT");
    assert_eq!(until().await, in_seconds(3_600));
    assert_eq!(app.beat(&key, &device('a')).await.seat().1, "OCCUPIED");
    assert_eq!(until().await, in_seconds(600), "told, and as long as that");

    // What a shortened policy leaves behind the vendor sees, and frees at once.
    set(1_440).await;
    app.beat(&key, &device('a')).await;
    set(5).await;
    assert_eq!(until().await, in_seconds(2 * 86_400));
    let path = format!("/v1/admin/licenses/{key}/seats/{}/release", device('a'));
    assert_eq!(app.admin("POST", &path, Value::Null).await.int_of("activeSeats"), 0);
    assert_eq!(app.beat(&key, &device('b')).await.seat().1, "OCCUPIED");
}

#[tokio::test]
async fn who_signed_out_while_seats_were_off_does_not_sit_down_when_they_are_on() {
    let app = TestApp::new().await;
    let (a, b) = (device('a'), device('b'));
    for hwid in [&a, &b] {
        app.activate(L1, hwid).await;
    }
    let switch = async |enabled: bool| {
        let body = json!({"overrides": {"limits": {"seats": {"enabled": enabled, "maxSeats": 2}}}});
        assert_eq!(app.admin("PATCH", &format!("/v1/admin/licenses/{L1}"), body).await.status, 200);
    };
    switch(false).await;
    assert_eq!(app.post(L1, "signout", json!({"hwid": a})).await.status, 200);
    assert_eq!(app.post(L1, "heartbeat", json!({"hwid": b, "isClosing": true})).await.status, 200);
    switch(true).await;
    for hwid in [&a, &b] {
        assert_eq!(app.beat(L1, hwid).await.seat(), ("VALID_NO_SEAT", "RELEASED"));
    }
    assert_eq!(app.get(L1, "/seats").await.int_of("activeSeats"), 0);
}
