//! Offline use in batches: whole, once, whatever is lost on the way (wire 4.6 T-2 to T-6).

use futures_util::future::join_all;
use serde_json::{Value, json};
use shared::table::fault::Faults;

use crate::support::{L1, Reply, TestApp, device, post_request, send};

/// `count` uses of one token each, a second apart, without operation ids.
fn uses(count: usize) -> Vec<Value> {
    (0..count)
        .map(|n| json!({"amount": 1, "action": "export", "timestamp": format!("2026-01-03T{:02}:{:02}:{:02}.1234567Z", n / 3600, n / 60 % 60, n % 60)}))
        .collect()
}

async fn batch(app: &TestApp, key: &str, usages: &[Value]) -> Reply {
    app.post(key, "consume-batch", json!({"hwid": device('a'), "usages": usages})).await
}

/// Accepted, duplicates, skipped.
fn counts(reply: &Reply) -> (i64, i64, usize) {
    assert_eq!(reply.status, 200, "{}", reply.text);
    let result = &reply.body["batchResult"];
    let int = |name: &str| result[name].as_i64().unwrap();
    (int("accepted"), int("duplicates"), result["skipped"].as_array().unwrap().len())
}

async fn registered() -> TestApp {
    let app = TestApp::new().await;
    app.activate(L1, &device('a')).await;
    app
}

async fn left(app: &TestApp, key: &str) -> i64 {
    app.get(key, "").await.int_of("tokensRemaining")
}

#[tokio::test]
async fn a66_a_batch_is_charged_whole_and_may_overdraw() {
    let app = registered().await;
    app.consume(L1, &device('a'), 92, "most").await;
    let reply = batch(&app, L1, &[json!({"amount": 10, "action": "x"})]).await;
    assert_eq!((reply.int_of("tokensRemaining"), counts(&reply)), (-2, (1, 0, 0)));
    assert_eq!(reply.body["machines"][0]["hwid"], json!(device('a')), "the whole license");
    app.consume(L1, &device('a'), 1, "more").await.refused(403, "INSUFFICIENT_TOKENS");
    let ledger = app.ledger(L1).await;
    assert_eq!((&ledger[2]["source"], &ledger[2]["balanceAfter"]), (&json!("batch"), &json!(-2)));
    app.audit(L1).await;
}

/// What a batch may overdraw a license by is bounded. A use beyond it is recorded and told, and not charged: refused, it would
/// be sent for ever.
#[tokio::test]
async fn a_batch_overdraws_a_license_by_ten_allocations_at_most() {
    let app = registered().await;
    let use_of = |amount: i64, n: usize| json!({"amount": amount, "action": "x", "operationId": format!("use-{n}")});
    let queue = [use_of(1_101, 0), use_of(1_100, 1), use_of(1, 2), use_of(1_000_000_000, 3)];
    let reply = batch(&app, L1, &queue).await;
    assert_eq!((reply.int_of("tokensRemaining"), counts(&reply)), (-1_000, (4, 0, 0)));
    let ledger = app.ledger(L1).await;
    let answer: Vec<_> =
        ledger[1..].iter().map(|entry| (&entry["amount"], &entry["uncharged"], &entry["pastFloor"])).collect();
    let uncharged = |amount: i64| (json!(0), json!(amount), json!(true));
    let expected =
        [uncharged(1_101), (json!(-1_100), Value::Null, Value::Null), uncharged(1), uncharged(1_000_000_000)];
    assert_eq!(answer, expected.iter().map(|(a, b, c)| (a, b, c)).collect::<Vec<_>>());
    // Sent again it is known, charged or not.
    assert_eq!(counts(&batch(&app, L1, &queue).await), (0, 4, 0));
    // The vendor's own number, and none at all.
    app.project_settings(json!({"tokens": {"batchFloor": 1_005}})).await;
    assert_eq!(batch(&app, L1, &[use_of(6, 4), use_of(5, 5)]).await.int_of("tokensRemaining"), -1_005);
    app.project_settings(json!({"tokens": {"batchFloor": "none"}})).await;
    assert_eq!(batch(&app, L1, &[use_of(1_000_000, 6)]).await.int_of("tokensRemaining"), -1_001_005);
    app.audit(L1).await;
}

#[tokio::test]
async fn a_stopped_license_takes_what_was_used_and_a_stranger_nothing() {
    let app = registered().await;
    for (index, state) in ["suspended", "active"].into_iter().enumerate() {
        app.set_state(L1, state).await;
        app.clock.advance_seconds(40 * 86_400 * index as i64);
        let usage = json!({"amount": 1, "action": "x", "operationId": state});
        assert_eq!(counts(&batch(&app, L1, &[usage]).await), (1, 0, 0), "{state}");
    }
    assert_eq!(app.get(L1, "").await.text_of("status"), "expired");
    app.post(L1, "consume-batch", json!({"hwid": device('b'), "usages": uses(1)}))
        .await
        .refused(403, "DEVICE_NOT_REGISTERED");
    assert_eq!(left(&app, L1).await, 98);
}

#[tokio::test]
async fn a73_without_tokens_uses_are_recorded_and_cost_nothing() {
    let app = TestApp::new().await;
    let policy = app.policy(local::demo::perp()).await;
    let key = app.license(&policy, None).await;
    app.activate(&key, &device('a')).await;
    let reply = batch(&app, &key, &[json!({"amount": 7, "action": "x"})]).await;
    assert_eq!((counts(&reply), &reply.body["tokensRemaining"]), ((1, 0, 0), &Value::Null));
    let ledger = app.ledger(&key).await;
    assert_eq!((&ledger[0]["amount"], &ledger[0]["uncharged"]), (&json!(0), &json!(7)));
}

#[tokio::test]
async fn a76_a_thousand_uses_are_one_answer() {
    let app = TestApp::new().await;
    let key = app.license_with(json!({"tokens": {"enabled": true, "maxTokens": 2_000}})).await;
    app.activate(&key, &device('a')).await;
    let started = std::time::Instant::now();
    let reply = batch(&app, &key, &uses(1_000)).await;
    assert_eq!((counts(&reply), reply.int_of("tokensRemaining")), ((1_000, 0, 0), 1_000));
    // The contract's bound for one answer; the rest of this test is exact.
    assert!(started.elapsed().as_secs() < 10, "{:?}", started.elapsed());
    assert_eq!(reply.spent.round_trips, 14);
    assert_eq!(app.ledger(&key).await.len(), 1_001);
    app.audit(&key).await;
}

#[tokio::test]
async fn bad_uses_are_skipped_and_told_and_the_others_are_charged() {
    let app = registered().await;
    let usages = [
        json!({"amount": 1, "action": "x"}),
        json!(5),
        json!({"amount": -3, "action": "x"}),
        json!({"amount": 1_000_000_001, "action": "x"}),
        json!({"amount": 1.5, "action": "x"}),
        json!({"amount": 1, "action": ""}),
        json!({"amount": 1, "action": "x", "hwid": device('b')}),
        json!({"amount": 1, "action": "x", "key": "LIC-0000000000000000"}),
        json!({"amount": 1, "action": "x", "operationId": "one"}),
        json!({"amount": 1, "action": "x", "operationId": "one"}),
        json!({"amount": 2, "action": "x", "operationId": "one"}),
        json!({"amount": 1, "action": "x", "meta": {"scene": "7"}}),
    ];
    let reply = batch(&app, L1, &usages).await;
    assert_eq!((counts(&reply), reply.int_of("tokensRemaining")), ((3, 1, 8), 97));
    let skipped = reply.body["batchResult"]["skipped"].as_array().unwrap();
    let answer: Vec<_> =
        skipped.iter().map(|row| (row["index"].as_i64().unwrap(), row["reason"].as_str().unwrap())).collect();
    let amount = "bad_amount";
    assert_eq!(answer[..4], [(1, "not_an_object"), (2, amount), (3, amount), (4, amount)]);
    let last = [(5, "bad_action"), (6, "hwid_mismatch"), (7, "unknown_license"), (10, "operation_id_reused")];
    assert_eq!(answer[4..], last);
    assert_eq!(reply.body["batchResult"]["results"][9], json!({"result": "duplicate", "operationId": "one"}));
    let ledger = app.ledger(L1).await;
    assert_eq!(ledger.last().unwrap()["meta"], json!({"scene": "7"}));
    assert_eq!(counts(&batch(&app, L1, &[]).await), (0, 0, 0));
    app.audit(L1).await;
}

#[tokio::test]
async fn a_batch_that_starts_with_the_last_one_goes_on_after_it() {
    let app = registered().await;
    let all = uses(8);
    assert_eq!(counts(&batch(&app, L1, &all[..3]).await), (3, 0, 0));
    assert_eq!(counts(&batch(&app, L1, &all[..3]).await), (0, 3, 0), "the queue is sent again as it was");
    assert_eq!(counts(&batch(&app, L1, &all[..5]).await), (2, 3, 0), "and with what came after");
    assert_eq!(counts(&batch(&app, L1, &all[5..7]).await), (2, 0, 0), "a new queue");
    assert_eq!(counts(&batch(&app, L1, &all[..5]).await), (5, 0, 0), "a different batch was between");
    let twice = [all[7].clone(), all[7].clone()];
    assert_eq!(counts(&batch(&app, L1, &twice).await), (2, 0, 0), "two equal uses are two charges");
    app.clock.advance_seconds(24 * 3_600);
    assert_eq!(counts(&batch(&app, L1, &twice).await), (2, 0, 0), "forgotten after a day");
    assert_eq!(left(&app, L1).await, 100 - 3 - 2 - 2 - 5 - 2 - 2);
}

#[tokio::test]
async fn uses_with_ids_are_charged_once_for_ever() {
    let app = registered().await;
    let usage = |id: &str, amount: i64| json!({"amount": amount, "action": "export", "operationId": id});
    app.consume(L1, &device('a'), 2, "single").await;
    let first = batch(&app, L1, &[usage("single", 2), usage("new", 1)]).await;
    assert_eq!((counts(&first), first.int_of("tokensRemaining")), ((1, 1, 0), 97), "it had come by itself before");
    app.clock.advance_seconds(10 * 86_400);
    let again = batch(&app, L1, &[usage("new", 1), usage("newer", 1)]).await;
    assert_eq!((counts(&again), again.int_of("tokensRemaining")), ((1, 1, 0), 96));
    let alone = app.consume(L1, &device('a'), 1, "newer").await;
    assert_eq!((alone.status, alone.int_of("tokensRemaining")), (200, 96), "and by itself afterwards: {}", alone.text);
}

#[tokio::test]
async fn a_named_batch_is_charged_once_for_ever() {
    let app = registered().await;
    let named = |usages: &[Value]| json!({"hwid": device('a'), "usages": usages, "idempotencyKey": "night"});
    let all = uses(3);
    let first = app.post(L1, "consume-batch", named(&all)).await;
    assert_eq!((counts(&first), first.headers.contains_key("idempotent-replayed")), ((3, 0, 0), false));
    app.clock.advance_seconds(3 * 86_400);
    let again = app.post(L1, "consume-batch", named(&all)).await;
    assert_eq!((counts(&again), again.int_of("tokensRemaining")), ((0, 3, 0), 97));
    assert_eq!(again.headers["idempotent-replayed"], "true");
    app.post(L1, "consume-batch", named(&all[1..])).await.refused(422, "IDEMPOTENCY_KEY_REUSED");
    assert_eq!(left(&app, L1).await, 97);
}

#[tokio::test]
async fn a_use_of_another_license_is_charged_there() {
    let app = registered().await;
    let other = app.license_with(json!({})).await;
    let foreign = app.license_with(json!({})).await;
    app.activate(&other, &device('a')).await;
    app.admin("DELETE", &format!("/v1/admin/licenses/{other}/devices/{}", device('a')), Value::Null).await;
    app.activate(&foreign, &device('b')).await;
    let usage = |key: &str| json!({"key": key, "amount": 4, "action": "x"});
    let usages = [usage(&other.to_lowercase()), usage(L1), usage(&foreign), usage("")];
    let reply = batch(&app, L1, &usages).await;
    assert_eq!((counts(&reply), reply.int_of("tokensRemaining")), ((3, 0, 1), 92));
    assert_eq!((left(&app, &other).await, left(&app, &foreign).await), (96, 100));
    assert_eq!(counts(&batch(&app, L1, &usages).await), (0, 3, 1));
    app.audit(&other).await;
}

#[tokio::test]
async fn odd_times_are_accepted_and_marked() {
    let app = registered().await;
    let usages = ["2027-01-01T00:00:00Z", "2025-01-01T00:00:00.0000000Z", "2026-01-03T21:59:23.1234567Z", "yesterday"]
        .map(|timestamp| json!({"amount": 1, "action": "x", "timestamp": timestamp}));
    assert_eq!(counts(&batch(&app, L1, &usages).await), (4, 0, 0));
    let ledger = app.ledger(L1).await;
    let flags: Vec<_> = ledger[1..].iter().map(|entry| &entry["timestampFlag"]).collect();
    assert_eq!(flags, [&json!("future"), &json!("old"), &Value::Null, &Value::Null]);
    assert_eq!(ledger[3]["timestamp"], "2026-01-03T21:59:23.123Z");
    assert_eq!(ledger[4]["timestamp"], ledger[4]["recordedAt"], "without a readable time: ours");
}

/// Stops the process after each round trip in turn: what is charged is a beginning of the batch, and sending it again
/// charges the rest.
#[tokio::test]
async fn a_batch_that_was_killed_goes_on_where_it_stopped() {
    let app = TestApp::new().await;
    for named in [false, true] {
        for stop_after in 0..6 {
            let key = app.license_with(json!({"tokens": {"enabled": true, "maxTokens": 1_000}})).await;
            app.activate(&key, &device('a')).await;
            let id = if named { json!(format!("night-{stop_after}")) } else { Value::Null };
            let body = json!({"hwid": device('a'), "usages": uses(300), "operationId": id});
            app.host.app.table.stop_after(Some(stop_after));
            let killed = app.post(&key, "consume-batch", body.clone()).await;
            app.host.app.table.stop_after(None);
            let charged = 1_000 - left(&app, &key).await;
            assert_eq!(charged == 300, killed.status == 200, "{stop_after}");
            let again = app.post(&key, "consume-batch", body).await;
            assert_eq!(counts(&again), (300 - charged, charged, 0), "{stop_after}");
            assert_eq!(left(&app, &key).await, 700);
            app.audit(&key).await;
        }
    }
}

#[tokio::test]
async fn a_batch_whose_replies_are_lost_is_charged_once() {
    let app = registered().await;
    let key = app.license_with(json!({"tokens": {"enabled": true, "maxTokens": 10_000}})).await;
    app.activate(&key, &device('a')).await;
    for seed in 0..6 {
        let before = left(&app, &key).await;
        let usages: Vec<_> = uses(250).into_iter().skip(seed as usize).collect();
        app.host.app.table.set(Faults { drop_reply_percent: 40, conflict_percent: 20, seed, ..Faults::default() });
        let reply = batch(&app, &key, &usages).await;
        app.host.app.table.set(Faults::default());
        assert_eq!(counts(&reply), (usages.len() as i64, 0, 0), "seed {seed}: what it charged itself is no duplicate");
        assert_eq!(left(&app, &key).await, before - usages.len() as i64);
    }
    app.audit(&key).await;
}

/// A client that gave up waiting sends its queue again while the first call still runs, beside others of the same device.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn batches_in_parallel_are_charged_once_each() {
    let app = TestApp::new().await;
    let other = app.another_process().await;
    let key = app.license_with(json!({"tokens": {"enabled": true, "maxTokens": 10_000}})).await;
    app.activate(&key, &device('a')).await;
    let all = uses(3 * 150);
    for round in 0..5 {
        let before = left(&app, &key).await;
        let id = |n: usize| json!({"hwid": device('a'), "usages": all[n * 150..(n + 1) * 150], "operationId": format!("{round}-{n}")});
        let requests = [0, 0, 1, 1, 2].map(|n| post_request(&key, "consume-batch", &id(n)));
        let tasks = requests.into_iter().enumerate().map(|(index, request)| {
            let host = if index % 2 == 0 { app.host.clone() } else { other.clone() };
            #[expect(clippy::disallowed_methods, reason = "a test, not a Lambda")]
            tokio::spawn(async move { send(&host, request).await })
        });
        let replies: Vec<_> = join_all(tasks).await.into_iter().map(|reply| reply.unwrap()).collect();
        let accepted: i64 = replies.iter().map(|reply| counts(reply).0).sum();
        assert_eq!((accepted, before - left(&app, &key).await), (450, 450), "round {round}");
    }
    app.audit(&key).await;
}

/// The same without ids: the memory alone tells that it is the same queue.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_queue_sent_twice_at_once_is_charged_once() {
    let app = TestApp::new().await;
    let other = app.another_process().await;
    let key = app.license_with(json!({"tokens": {"enabled": true, "maxTokens": 10_000}})).await;
    app.activate(&key, &device('a')).await;
    for round in 0..10_i64 {
        let usages: Vec<_> = uses(200).into_iter().skip(round as usize).collect();
        let before = left(&app, &key).await;
        let request = || post_request(&key, "consume-batch", &json!({"hwid": device('a'), "usages": usages}));
        let (first, second) = tokio::join!(send(&app.host, request()), send(&other, request()));
        assert_eq!(counts(&first).0 + counts(&second).0, 200 - round, "round {round}");
        assert_eq!(before - left(&app, &key).await, 200 - round, "round {round}");
    }
    app.audit(&key).await;
}

#[tokio::test]
async fn the_number_of_a_use_is_kept_and_listed() {
    let app = TestApp::new().await;
    let a = device('a');
    app.activate(L1, &a).await;
    let single = json!({"hwid": a, "amount": 1, "action": "x", "operationId": "use-1", "sequence": 1});
    let first = app.post(L1, "consume", single.clone()).await;
    assert_eq!(first.body["operation"]["usageSequence"], 1);
    let usages = json!([{"amount": 2, "action": "x", "operationId": "use-2", "sequence": 2},
        {"amount": 3, "action": "x", "operationId": "use-4", "sequence": 4}, {"amount": 4, "action": "x", "operationId": "use-5"},
        {"amount": 5, "action": "x", "operationId": "use-6", "sequence": "six"}]);
    let batch = app.post(L1, "consume-batch", json!({"hwid": a, "usages": usages})).await;
    assert_eq!(batch.body["batchResult"]["accepted"], 3, "{}", batch.text);
    assert_eq!(batch.body["batchResult"]["skipped"], json!([{"index": 3, "reason": "bad_sequence"}]));
    // Whichever way it comes again, it is the same use.
    let again = app.post(L1, "consume", single.clone()).await;
    assert_eq!((&again.body["replayed"], &again.body["operation"]["usageSequence"]), (&json!(true), &json!(1)));
    let mut renumbered = single.clone();
    renumbered["sequence"] = json!(9);
    let again = app.post(L1, "consume", renumbered).await;
    assert_eq!((&again.body["replayed"], &again.body["operation"]["usageSequence"]), (&json!(true), &json!(1)));
    let queued =
        json!({"hwid": a, "amount": 2, "action": "x", "operationId": "use-2", "sequence": 2, "deviceSequence": 77});
    assert_eq!(app.post(L1, "consume", queued).await.body["replayed"], true);
    let numbered = json!([{"amount": 1, "action": "x", "operationId": "use-1", "sequence": 1}]);
    let batch = app.post(L1, "consume-batch", json!({"hwid": a, "usages": numbered})).await;
    assert_eq!(batch.body["batchResult"]["duplicates"], 1);
    let usage = app.get(L1, "/usage").await;
    let numbers: Vec<_> = usage.body["entries"].as_array().unwrap().iter().map(|e| e.get("usageSequence")).collect();
    assert_eq!(
        numbers,
        [None, Some(&json!(4)), Some(&json!(2)), Some(&json!(1)), None],
        "newest first, the allocation last"
    );
    assert_eq!(app.audit(L1).await, 10);
    let mut bad = single;
    bad["sequence"] = json!(0);
    app.post(L1, "consume", bad).await.refused(400, "BAD_REQUEST");
}

#[tokio::test]
async fn what_a_removed_device_used_before_is_charged_once_when_it_comes_back() {
    let app = TestApp::new().await;
    let a = device('a');
    app.activate(L1, &a).await;
    // One use was charged, and its answer lost; the others wait, of them one without an id.
    let charged = json!({"hwid": a, "amount": 1, "action": "export", "operationId": "use-1"});
    assert_eq!(app.post(L1, "consume", charged).await.status, 200);
    let queue = [
        json!({"amount": 1, "action": "export", "operationId": "use-1"}),
        json!({"amount": 2, "action": "export", "operationId": "use-2"}),
        json!({"amount": 4, "action": "export", "timestamp": "2026-01-02T10:00:00.1234567Z"}),
    ];
    let path = format!("/v1/admin/licenses/{L1}/devices/{a}");
    for round in 0..2 {
        assert_eq!(app.admin("DELETE", &path, Value::Null).await.status, 204);
        batch(&app, L1, &queue).await.refused(403, "DEVICE_NOT_REGISTERED");
        let held = app.post(L1, "consume", json!({"hwid": a, "amount": 9, "action": "x"})).await;
        held.refused(403, "DEVICE_NOT_REGISTERED");
        app.clock.advance_seconds(3_600);
        assert_eq!(app.activate(L1, &a).await.status, 200);
        let reply = batch(&app, L1, &queue).await;
        let expected = if round == 0 { (2, 1) } else { (0, 3) };
        let result = &reply.body["batchResult"];
        assert_eq!((result["accepted"].as_i64(), result["duplicates"].as_i64()), (Some(expected.0), Some(expected.1)));
        assert_eq!(app.audit(L1).await, 7, "round {round}");
    }
}
