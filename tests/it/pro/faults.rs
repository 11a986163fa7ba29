//! Faults between us and the table under PRO calls: an effect is there with its nonce and its answer, or not at all.

use std::time::Duration;

use local::kms::{KeyService, master_key};
use local::wiring::{Endpoints, build, sdk_config};
use serde_json::{Value, json};
use shared::keys::kms::{AGE_MAX_MS, Kms};
use shared::keys::{KeyError, Purpose};

use crate::support::pro::{Sealed, letter, sealed_request};
use crate::support::{ADMIN_KEY, L1, TestApp, device, proof, send};

const GUID: &str = "9e0f6c1b-5a43-4e0e-9c53-6c1f3f5a7d10";

/// A life of two devices: who calls what.
fn life() -> Vec<(char, &'static str, Value)> {
    let (a, b) = (device('a'), device('b'));
    let usages =
        json!([{"amount": 2, "action": "x", "timestamp": "t1"}, {"amount": 3, "action": "y", "operationId": "use"}]);
    vec![
        ('a', "validate", json!({"key": L1, "hwid": a, "nickname": "A"})),
        ('b', "validate", json!({"key": L1, "hwid": b})),
        ('a', "status", json!({"key": L1, "hwid": a})),
        ('a', "heartbeat", json!({"key": L1, "hwid": a})),
        ('a', "consume", json!({"key": L1, "hwid": a, "amount": 5, "action": "x"})),
        ('a', "consume-batch", json!({"key": L1, "hwid": a, "usages": usages})),
        ('a', "settings/save", json!({"key": L1, "hwid": a, "settings": {"theme": "dark"}})),
        ('a', "settings/get", json!({"key": L1, "hwid": a})),
        ('a', "release-seat", json!({"key": L1, "targetHwid": b, "callerHwid": a})),
        ('b', "heartbeat", json!({"key": L1, "hwid": b})),
        ('b', "status", json!({"key": L1, "hwid": b})),
        ('a', "events", json!({"key": L1, "type": "x"})),
        ('a', "signout", json!({"key": L1, "hwid": a})),
        ('a', "heartbeat", json!({"key": L1, "hwid": a, "isClosing": true})),
    ]
}

/// Runs it; in the call `at` the reply of the round trip `lost` is lost. What was answered, and the ledger.
async fn run(at: usize, lost: Option<u32>) -> Vec<Value> {
    let app = TestApp::new().await;
    let mut nonces = std::collections::BTreeMap::from([('a', GUID.to_owned()), ('b', GUID.to_owned())]);
    let mut answers = Vec::new();
    for (index, (letter, endpoint, data)) in life().into_iter().enumerate() {
        if let Some(lost) = lost.filter(|_| index == at) {
            app.host.app.table.lose_after(lost);
        }
        let answer = app.pro(endpoint, &device(letter), nonces[&letter].as_str(), data).await;
        let nonce = answer.nonce();
        if !nonce.is_empty() {
            nonces.insert(letter, nonce);
        }
        let mut result = answer.reply.body;
        // Ids are made anew; an answer from the ledger says so; and looking again, the last contact is this one.
        for member in ["operation", "replayed", "lastCheckIn"] {
            result.as_object_mut().map(|result| result.remove(member));
        }
        answers.push(result);
        app.clock.advance_seconds(1);
    }
    let ledger = app.ledger(L1).await;
    let facts = ledger.iter().map(|e| json!([e["sequence"], e["amount"], e["balanceAfter"], e["action"]]));
    answers.push(facts.collect());
    answers
}

#[tokio::test]
async fn a_reply_lost_in_any_round_trip_of_a_pro_call_changes_no_answer() {
    let undisturbed = Box::pin(run(0, None)).await;
    for at in 0..life().len() {
        for lost in 0..3 {
            let disturbed = Box::pin(run(at, Some(lost))).await;
            for (index, (expected, result)) in undisturbed.iter().zip(&disturbed).enumerate() {
                let members = expected.as_object().into_iter().flatten();
                let differing: Vec<_> = members.filter(|(name, value)| result[name.as_str()] != **value).collect();
                assert!(
                    result == expected,
                    "call {index}, reply {lost} of call {at} lost: {differing:?} became {result}"
                );
            }
        }
    }
    let count = life().len();
    let figures = format!(
        "encrypted protocol: {count} calls, the reply of each of 3 round trips lost: {} runs, no answer changed",
        3 * count
    );
    proof::seen("R4", &figures);
}

/// The process ends after each round trip in turn: a use is charged with its nonce, or neither happened.
#[tokio::test]
async fn a_kill_between_two_round_trips_leaves_no_charge_without_its_nonce() {
    for stop_after in 0..4 {
        let app = TestApp::new().await;
        let a = device('a');
        let table = &app.host.app.table;
        let n = app.validated(L1, &a).await;
        let one = json!({"key": L1, "hwid": a, "amount": 5, "action": "x"});
        table.stop_after(Some(stop_after));
        let killed = app.pro("consume", &a, n.as_str(), one.clone()).await;
        table.stop_after(None);
        let again = app.pro("consume", &a, n.as_str(), one).await;
        match (killed.reply.status, again.reply.status) {
            (200, 409) | (500, 200) => {}
            // Stopped after the commit: charged, and the nonce is used.
            (500, 409) => assert!(stop_after >= 2),
            other => panic!("stopped after {stop_after}: {other:?}"),
        }
        assert_eq!(app.audit(L1).await, 5);

        // A batch of several transactions: what is sent again goes on where it stopped.
        let usages: Vec<_> =
            (0..250).map(|n| json!({"amount": 1, "action": "x", "timestamp": n.to_string()})).collect();
        let batch = json!({"key": L1, "hwid": a, "usages": usages});
        let n = app.validated(L1, &a).await;
        table.stop_after(Some(stop_after));
        app.pro("consume-batch", &a, n.as_str(), batch.clone()).await;
        table.stop_after(None);
        let n = app.validated(L1, &a).await;
        assert_eq!(app.pro("consume-batch", &a, n, batch).await.reply.status, 200);
        assert_eq!(app.audit(L1).await, 255);
    }
    let figures = "encrypted protocol: consume and a batch of 250 uses killed after each of 4 round trips: charged once, never without the nonce";
    proof::seen("R4", figures);
}

#[tokio::test]
async fn the_same_request_twice_at_once_takes_effect_once() {
    let app = TestApp::new().await;
    let a = device('a');
    for round in 0..10 {
        // A device may report so many events a minute.
        app.clock.advance_seconds(60);
        let n = app.validated(L1, &a).await;
        let body = letter(&a, &json!(n), &json!({"key": L1, "hwid": a, "amount": 1, "action": "x"}));
        let usages = json!([{"amount": 1, "action": format!("y{round}"), "timestamp": "t"}]);
        let calls = (0..4).map(|_| app.pro_body("/v1/sdk/pro/license/consume", body.clone()));
        let answers = futures_util::future::join_all(calls).await;
        let done: Vec<&Sealed> = answers.iter().filter(|answer| answer.reply.status == 200).collect();
        assert_eq!(done.len(), 1, "round {round}");
        let body = letter(&a, &json!(done[0].nonce()), &json!({"key": L1, "hwid": a, "usages": usages}));
        let calls = (0..4).map(|_| app.pro_body("/v1/sdk/pro/license/consume-batch", body.clone()));
        let answers = futures_util::future::join_all(calls).await;
        assert_eq!(answers.iter().filter(|answer| answer.reply.status == 200).count(), 1, "round {round}");
        let event = letter(&a, &Value::Null, &json!({"key": L1, "type": "x"}));
        let calls = (0..4).map(|_| app.pro_body("/v1/sdk/pro/license/events", event.clone()));
        let answers = futures_util::future::join_all(calls).await;
        assert_eq!(answers.iter().filter(|answer| answer.reply.status == 200).count(), 1, "round {round}");
    }
    assert_eq!(app.audit(L1).await, 20);
}

#[tokio::test]
async fn a_warm_process_asks_for_no_key_and_a_cold_one_has_no_effect_without() {
    let app = TestApp::new().await;
    let a = device('a');
    let n = app.validated(L1, &a).await;
    // Another key service: it opens nothing of this project's.
    let other = KeyService::start(master_key()).await.unwrap();
    let endpoints = Endpoints::embedded(&app.engine, &other, &app.stripe, &app.outbox);
    let cold = build(endpoints, app.clock.clone(), ADMIN_KEY).await.unwrap();
    let path = "/v1/sdk/pro/license/consume";
    let body = letter(&a, &json!(n), &json!({"key": L1, "hwid": a, "amount": 5, "action": "x"}));
    let refused = send(&cold, sealed_request(path, body.clone())).await;
    assert_eq!((refused.status, refused.text_of("code"), refused.spent.write_units), (500, "INTERNAL", 0.0));
    drop(other);
    let (response, report) = cold.respond(sealed_request(path, body.clone()), Duration::from_millis(300)).await;
    assert_eq!((response.status().as_u16(), report.spent.write_units), (503, 0.0));
    // Nothing happened, so the nonce is as good as before; and a warm process does not ask.
    let TestApp { keys, host, public_key, .. } = app;
    drop(keys);
    let done = send(&host, sealed_request(path, body)).await;
    assert_eq!(done.status, 200, "{}", done.text);
    assert_ne!(public_key, [0; 32]);
}

#[tokio::test]
async fn a_key_is_held_for_ten_minutes_at_most() {
    let service = KeyService::start(master_key()).await.unwrap();
    let kms = Kms::new(&sdk_config(service.endpoint(), false).await, local::kms::KEY_ID);
    let made = kms.make("prj_1", Purpose::SigningSeed).await.unwrap();
    kms.unwrap("prj_1", Purpose::SigningSeed, &made.wrapped, 1_000).await.unwrap();
    drop(service);
    kms.unwrap("prj_1", Purpose::SigningSeed, &made.wrapped, 1_000 + AGE_MAX_MS - 1).await.unwrap();
    let later = kms.unwrap("prj_1", Purpose::SigningSeed, &made.wrapped, 1_000 + AGE_MAX_MS).await;
    assert!(matches!(later, Err(KeyError::Busy(_))), "{later:?}");
}

/// The same on the encrypted face: the device comes back with the nonce from before, comes into step again where that is refused,
/// and sends the command once more.
#[tokio::test]
async fn every_pro_command_whose_answer_was_lost_can_be_sent_again() {
    let app = TestApp::new().await;
    let (a, b) = (device('a'), device('b'));
    let mut terms = local::demo::sub();
    terms["config"]["limits"]["seats"]["maxSeats"] = json!(1);
    let policy = app.policy(terms).await;
    let key = app.license(&policy, None).await;
    let data = |hwid: &str| json!({"key": key, "hwid": hwid});
    let steps = [
        ('b', "validate", data(&b)),
        ('b', "heartbeat", data(&b)),
        ('a', "validate", data(&a)),
        ('a', "status", data(&a)),
        ('a', "release-seat", json!({"key": key, "targetHwid": b, "callerHwid": a, "claimSeat": true})),
        ('b', "heartbeat", data(&b)),
        ('a', "settings/save", json!({"key": key, "hwid": a, "settings": {"theme": "dark"}})),
        ('a', "settings/get", data(&a)),
        ('a', "signout", data(&a)),
        ('b', "status", data(&b)),
        ('b', "heartbeat", json!({"key": key, "hwid": b, "isClosing": true})),
    ];
    let mut nonces = std::collections::BTreeMap::from([('a', GUID.to_owned()), ('b', GUID.to_owned())]);
    for (index, (letter, endpoint, data)) in steps.into_iter().enumerate() {
        let hwid = device(letter);
        let lost = app.pro(endpoint, &hwid, nonces[&letter].as_str(), data.clone()).await;
        assert_eq!(lost.reply.status, 200, "call {index}: {}", lost.reply.text);
        app.clock.advance_seconds(3);
        let mut again = app.pro(endpoint, &hwid, nonces[&letter].as_str(), data.clone()).await;
        if again.reply.status == 409 {
            let nonce = match lost.reply.body["seatStatus"].as_str() {
                // A kicked device that validates comes back: it is told by what it holds already.
                Some("KICKED") => lost.nonce(),
                _ => app.validated(&key, &hwid).await,
            };
            again = app.pro(endpoint, &hwid, nonce, data).await;
        }
        for member in
            ["success", "seatStatus", "status", "activeSeats", "releasedHwid", "seatClaimed", "settings", "updatedAt"]
        {
            assert_eq!(again.reply.body[member], lost.reply.body[member], "call {index}: {member}");
        }
        if !again.nonce().is_empty() {
            nonces.insert(letter, again.nonce());
        }
    }
}
