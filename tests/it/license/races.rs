//! Real concurrency on the real engine: many callers, one last thing.

use std::sync::Arc;

use crate::support::{TestApp, device, post_request, proof, send};
use futures_util::future::join_all;
use serde_json::{Value, json};
use shared::model::device::SeatClaim;
use shared::model::record::Record;
use shared::service::ids::license_id;
use shared::table::fault::Faults;
use shared::table::port::{Meter, Read, Table};

/// Rounds in the gate, and as a proof.
const ROUNDS: usize = 50;
const ROUNDS_PROVEN: usize = 1_000;
const CALLERS: usize = 16;

/// Sends one POST per caller at the same time, over two processes; the bodies of the answers.
async fn all_at_once(
    app: &TestApp,
    other: &Arc<local::wiring::Local>,
    key: &str,
    route: &'static str,
    bodies: Vec<Value>,
) -> Vec<crate::support::Reply> {
    let barrier = Arc::new(tokio::sync::Barrier::new(bodies.len()));
    let tasks = bodies.into_iter().enumerate().map(|(index, body)| {
        let host = if index % 2 == 0 { app.host.clone() } else { other.clone() };
        let (barrier, key) = (barrier.clone(), key.to_owned());
        #[expect(clippy::disallowed_methods, reason = "a test, not a Lambda")]
        tokio::spawn(async move {
            barrier.wait().await;
            send(&host, post_request(&key, route, &body)).await
        })
    });
    join_all(tasks).await.into_iter().map(|reply| reply.unwrap()).collect()
}

fn hwid(index: usize) -> String {
    format!("device-{index:03}")
}

/// Everybody's first charge after a grant has ended also writes that it ended; one of them does.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn charges_at_the_end_of_a_grant_all_succeed() {
    let app = TestApp::new().await;
    let other = app.another_process().await;
    let key = app.license_with(json!({})).await;
    app.activate(&key, &device('a')).await;
    for round in 0..10 {
        let end = shared::service::ports::Clock::now(app.clock.as_ref()).plus_seconds(60).to_string();
        let credit = json!({"amount": 5, "reason": "r", "expiresAt": end});
        let path = format!("/v1/admin/licenses/{key}/tokens");
        assert_eq!(app.admin("POST", &path, credit).await.status, 200);
        app.clock.advance_seconds(60);
        let bodies = (0..8).map(|_| json!({"hwid": device('a'), "amount": 1, "action": "x"})).collect();
        for reply in all_at_once(&app, &other, &key, "consume", bodies).await {
            assert_eq!(reply.status, 200, "round {round}: {}", reply.text);
        }
    }
    assert_eq!(app.audit(&key).await, 80);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a54_the_last_seat_goes_to_one() {
    let app = TestApp::new().await;
    let other = app.another_process().await;
    let key =
        app.license_with(json!({"seats": {"enabled": true, "maxSeats": 3}, "devices": {"maxDevices": 100}})).await;
    for index in 0..CALLERS + 2 {
        app.activate(&key, &hwid(index)).await;
    }
    let rounds = proof::rounds(ROUNDS, ROUNDS_PROVEN);
    for round in 0..rounds {
        // Everybody lapses, two sit down again, and sixteen want the third seat.
        app.clock.advance_seconds(1_000);
        for index in CALLERS..CALLERS + 2 {
            assert_eq!(app.beat(&key, &hwid(index)).await.seat().1, "OCCUPIED");
        }
        let bodies = (0..CALLERS).map(|index| json!({"hwid": hwid(index)})).collect();
        let replies = all_at_once(&app, &other, &key, "heartbeat", bodies).await;
        let seated = replies.iter().filter(|reply| reply.seat().1 == "OCCUPIED").count();
        assert_eq!(seated, 1, "round {round}");
        assert_eq!(app.get(&key, "/seats").await.int_of("activeSeats"), 3, "round {round}");
    }
    proof::seen(
        "R1",
        &format!("last seat: {rounds} rounds of {CALLERS} devices over 2 processes, 1 seat given in each"),
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_last_token_is_spent_once() {
    let app = TestApp::new().await;
    let other = app.another_process().await;
    let rounds = proof::rounds(ROUNDS, ROUNDS_PROVEN);
    let key = app.license_with(json!({"tokens": {"enabled": true, "maxTokens": rounds}})).await;
    app.activate(&key, &device('a')).await;
    for round in 0..rounds {
        // One token a round: take all others away first, give them back after.
        let left = app.get(&key, "").await.int_of("tokensRemaining");
        assert_eq!(left, (rounds - round) as i64);
        let path = format!("/v1/admin/licenses/{key}/tokens");
        if left > 1 {
            app.admin("POST", &path, json!({"amount": 1 - left, "reason": "aside"})).await;
        }
        let bodies = (0..CALLERS)
            .map(|caller| json!({"hwid": device('a'), "amount": 1, "action": "x", "operationId": format!("{round}-{caller}")}))
            .collect();
        let replies = all_at_once(&app, &other, &key, "consume", bodies).await;
        let charged = replies.iter().filter(|reply| reply.status == 200).count();
        assert_eq!(charged, 1, "round {round}");
        replies.iter().filter(|reply| reply.status != 200).for_each(|reply| {
            reply.refused(403, "INSUFFICIENT_TOKENS");
        });
        if left > 1 {
            app.admin("POST", &path, json!({"amount": left - 1, "reason": "back"})).await;
        }
    }
    assert_eq!(app.audit(&key).await, rounds as i64);
    proof::seen("R1", &format!("last token: {rounds} rounds of {CALLERS} callers over 2 processes, 1 charged in each"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a36_the_last_place_goes_to_one_device() {
    let app = TestApp::new().await;
    let other = app.another_process().await;
    let policy = {
        let mut terms = local::demo::sub();
        terms["config"]["limits"]["devices"]["maxDevices"] = json!(2);
        app.policy(terms).await
    };
    let rounds = proof::rounds(ROUNDS, ROUNDS_PROVEN);
    for round in 0..rounds {
        let key = app.license(&policy, None).await;
        app.activate(&key, &device('a')).await;
        let bodies = (0..CALLERS).map(|index| json!({"hwid": hwid(index)})).collect();
        let replies = all_at_once(&app, &other, &key, "activate", bodies).await;
        assert_eq!(replies.iter().filter(|reply| reply.status == 200).count(), 1, "round {round}");
        replies.iter().filter(|reply| reply.status != 200).for_each(|reply| {
            reply.refused(403, "DEVICE_LIMIT_REACHED");
        });
        let license = app.get(&key, &format!("?hwid={}", device('a'))).await;
        assert_eq!(license.body["machines"].as_array().unwrap().len(), 2, "round {round}");
    }
    let figures =
        format!("last device place: {rounds} rounds of {CALLERS} devices over 2 processes, 1 registered in each");
    proof::seen("R1", &figures);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_operation_sent_sixteen_times_at_once_is_done_once() {
    let app = TestApp::new().await;
    let other = app.another_process().await;
    let key = app.license_with(json!({"tokens": {"enabled": true, "maxTokens": 1_000}})).await;
    app.activate(&key, &device('a')).await;
    for round in 0..ROUNDS / 5 {
        let body = json!({"hwid": device('a'), "amount": 3, "action": "x", "operationId": format!("op-{round}")});
        let replies = all_at_once(&app, &other, &key, "consume", vec![body; CALLERS]).await;
        assert!(replies.iter().all(|reply| reply.status == 200));
        assert_eq!(replies.iter().filter(|reply| reply.body["replayed"] == false).count(), 1, "round {round}");
        let left: Vec<_> = replies.iter().map(|reply| reply.int_of("tokensRemaining")).collect();
        assert!(left.iter().all(|n| *n == left[0]), "one answer: {left:?}");
    }
    assert_eq!(app.audit(&key).await, 3 * (ROUNDS as i64 / 5));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a67_fifty_devices_spend_a_hundred_tokens() {
    let app = TestApp::new().await;
    let other = app.another_process().await;
    let key = app.license_with(json!({"devices": {"maxDevices": 60}})).await;
    for index in 0..50 {
        assert_eq!(app.activate(&key, &hwid(index)).await.status, 200);
    }
    let bodies = (0..50).map(|index| json!({"hwid": hwid(index), "amount": 3, "action": "x"})).collect();
    let replies = all_at_once(&app, &other, &key, "consume", bodies).await;
    assert_eq!(replies.iter().filter(|reply| reply.status == 200).count(), 33);
    assert_eq!(replies.iter().filter(|reply| reply.body["code"] == "INSUFFICIENT_TOKENS").count(), 17);
    assert_eq!(app.get(&key, "").await.int_of("tokensRemaining"), 1);
    assert_eq!(app.audit(&key).await, 99);
}

/// Kick against heartbeat: whatever the order, the kicked device does not hold the seat afterwards, and nobody holds two.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_late_heartbeat_does_not_undo_a_kick() {
    let app = TestApp::new().await;
    let other = app.another_process().await;
    let key = {
        let mut terms = local::demo::sub();
        terms["config"]["limits"]["seats"]["maxSeats"] = json!(1);
        terms["config"]["customerActions"]["seatReleaseCooldownSeconds"] = json!(0);
        let policy = app.policy(terms).await;
        app.license(&policy, None).await
    };
    let (a, b) = (device('a'), device('b'));
    app.activate(&key, &b).await;
    for round in 0..200 {
        app.post(&key, "signout", json!({"hwid": b})).await;
        assert_eq!(app.activate(&key, &a).await.seat().1, "OCCUPIED", "round {round}");
        let kick = post_request(&key, "release-seat", &json!({"targetHwid": a, "callerHwid": b, "claimSeat": true}));
        let beat = || post_request(&key, "heartbeat", &json!({"hwid": a}));
        let (kicked, ..) = tokio::join!(send(&app.host, kick), send(&other, beat()), send(&app.host, beat()));
        assert_eq!((kicked.status, &kicked.body["seatClaimed"]), (200, &json!(true)), "round {round}: {}", kicked.text);
        assert_eq!(app.beat(&key, &a).await.seat(), ("KICKED", "KICKED"), "round {round}");
        let seats = app.get(&key, "/seats").await;
        assert_eq!((seats.int_of("activeSeats"), &seats.body["seats"][0]["hwid"]), (1, &json!(b)), "round {round}");
    }
}

/// The limits over time that a write's condition must hold: of releases at the same moment one succeeds, with and without a claim,
/// also when the caller was removed and came back. The vendor waits for nothing.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_cooldown_holds_however_many_releases_come_at_once() {
    let app = TestApp::new().await;
    let other = app.another_process().await;
    let key = {
        let mut terms = local::demo::sub();
        terms["config"]["limits"]["seats"]["maxSeats"] = json!(10);
        terms["config"]["limits"]["devices"]["maxDevices"] = json!(20);
        terms["config"]["customerActions"]["allowHardwareRelease"] = json!(true);
        let policy = app.policy(terms).await;
        app.license(&policy, None).await
    };
    let caller = device('c');
    for (round, claims) in [false, true, false, true].into_iter().enumerate() {
        app.activate(&key, &caller).await;
        for index in 0..5 {
            assert_eq!(app.activate(&key, &hwid(index)).await.seat().1, "OCCUPIED");
        }
        if claims {
            app.post(&key, "signout", json!({"hwid": caller})).await;
        }
        let body = |index| json!({"targetHwid": hwid(index), "callerHwid": caller, "claimSeat": claims});
        let replies = all_at_once(&app, &other, &key, "release-seat", (0..5).map(body).collect()).await;
        let (done, refused): (Vec<_>, Vec<_>) = replies.iter().partition(|reply| reply.status == 200);
        assert_eq!((done.len(), refused.len()), (1, 4), "round {round}");
        refused.iter().for_each(|reply| {
            reply.refused(403, "SEAT_RELEASE_COOLDOWN");
        });
        // Neither an activation nor a removal ends it.
        app.activate(&key, &caller).await;
        let remove = format!("/v1/admin/licenses/{key}/devices/{caller}");
        assert_eq!(app.admin("DELETE", &remove, Value::Null).await.status, 204);
        app.activate(&key, &caller).await;
        let still = replies.iter().position(|reply| reply.status != 200).unwrap();
        app.post(&key, "release-seat", body(still)).await.refused(403, "SEAT_RELEASE_COOLDOWN");
        let kicks = (0..5).filter(|index| replies[*index].status != 200).map(|index| {
            let path = format!("/v1/admin/licenses/{key}/seats/{}/release", hwid(index));
            let app = &app;
            async move { app.admin("POST", &path, Value::Null).await.status }
        });
        assert_eq!(join_all(kicks).await, [200; 4], "round {round}");
        app.clock.advance_seconds(300);
    }
}

/// Slot and record of a device change together. Whatever overlaps, and whatever replies are lost, no slot is held by a device whose
/// record does not say so: a sign-out that succeeded has freed it.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_slot_stays_held_by_a_device_that_left() {
    let app = TestApp::new().await;
    let other = app.another_process().await;
    let key = {
        let mut terms = local::demo::sub();
        terms["config"]["limits"]["seats"]["maxSeats"] = json!(3);
        terms["config"]["customerActions"]["seatReleaseCooldownSeconds"] = json!(0);
        let policy = app.policy(terms).await;
        app.license(&policy, None).await
    };
    let (a, b) = (device('a'), device('b'));
    app.activate(&key, &b).await;
    for round in 0..40 {
        let faults = |seed| Faults { drop_reply_percent: 15, conflict_percent: 15, seed, ..Faults::default() };
        app.host.app.table.set(faults(round));
        other.app.table.set(faults(round + 1_000));
        let calls = [
            ("activate", json!({"hwid": a})),
            ("signout", json!({"hwid": a})),
            ("release-seat", json!({"targetHwid": a, "callerHwid": b})),
            ("heartbeat", json!({"hwid": a})),
            ("activate", json!({"hwid": a})),
            ("heartbeat", json!({"hwid": a, "isClosing": true})),
        ];
        let sent = calls.iter().enumerate().map(|(index, (route, body))| {
            let host = if index % 2 == 0 { &app.host } else { &other };
            send(host, post_request(&key, route, body))
        });
        join_all(sent).await;
        app.host.app.table.set(Faults::default());
        other.app.table.set(Faults::default());
        let id = license_id(&key);
        let reads = [Read::Seats(id.clone()), Read::Device(id, a.clone())];
        let records = app.host.app.table.inner().read(&reads, &Meter::default()).await.unwrap();
        let claim = records.iter().find_map(|record| match record {
            Record::Device(_, device) => Some(device.seat.clone()),
            _ => None,
        });
        let held: Vec<_> = records
            .iter()
            .filter_map(|record| match record {
                Record::Seat(_, seat) if seat.holder.as_ref().is_some_and(|holder| holder.hwid == a) => {
                    Some(SeatClaim::Holds { slot: seat.slot, epoch: seat.epoch })
                }
                _ => None,
            })
            .collect();
        match claim {
            Some(claim @ SeatClaim::Holds { .. }) => assert_eq!(held, [claim], "round {round}"),
            other => assert_eq!(held, [], "round {round}: {other:?}"),
        }
        app.clock.advance_seconds(1);
    }
}

/// Callers of one process take turns at a wallet: each reads once and writes once, however many there are.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn callers_of_one_process_take_turns_at_a_wallet() {
    let app = TestApp::new().await;
    let key = app.license_with(json!({"tokens": {"enabled": true, "maxTokens": 1_000}})).await;
    app.activate(&key, &device('a')).await;
    for round in 0..5 {
        let body = json!({"hwid": device('a'), "amount": 1, "action": "x"});
        let replies = all_at_once(&app, &app.host, &key, "consume", vec![body; CALLERS]).await;
        for reply in replies {
            assert_eq!((reply.status, reply.spent.round_trips), (200, 2), "round {round}: {}", reply.text);
        }
    }
    assert_eq!(app.audit(&key).await, 5 * CALLERS as i64);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn sixty_four_devices_spend_a_thousand_tokens_to_the_last() {
    let app = TestApp::new().await;
    let other = app.another_process().await;
    let key =
        app.license_with(json!({"devices": {"maxDevices": 64}, "tokens": {"enabled": true, "maxTokens": 1_000}})).await;
    for index in 0..64 {
        assert_eq!(app.activate(&key, &hwid(index)).await.status, 200);
    }
    let spend = |index: usize| {
        let host = if index.is_multiple_of(2) { app.host.clone() } else { other.clone() };
        let key = key.clone();
        #[expect(clippy::disallowed_methods, reason = "a test, not a Lambda")]
        tokio::spawn(async move {
            // Amounts of 1 to 7, so that the rest does not come out even; then by ones, until nothing is left.
            let (mut spent, mut amount) = (0, 1 + index as i64 % 7);
            loop {
                let body = json!({"hwid": hwid(index), "amount": amount, "action": "x"});
                let reply = send(&host, post_request(&key, "consume", &body)).await;
                match (reply.status, amount) {
                    (200, _) => spent += amount,
                    (_, 1) => return spent,
                    _ => amount = 1,
                }
            }
        })
    };
    let spent: Vec<i64> = join_all((0..64).map(spend)).await.into_iter().map(|spent| spent.unwrap()).collect();
    assert_eq!(spent.iter().sum::<i64>(), 1_000);
    assert_eq!(app.get(&key, "").await.int_of("tokensRemaining"), 0);
    assert_eq!(app.audit(&key).await, 1_000);
}
