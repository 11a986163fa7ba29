//! Single uses and batches on the encrypted face.

use futures_util::future::join_all;
use serde_json::{Value, json};

use super::{data, queued, remaining, use_of};
use crate::support::{L1, TestApp, device};

#[tokio::test]
async fn a64_a74_single_uses() {
    let app = TestApp::new().await;
    let a = device('a');
    let n = app.validated(L1, &a).await;
    for amount in [json!(0), json!(-1), json!(2.5), json!("5x"), Value::Null] {
        let asked = json!({"key": L1, "amount": amount, "action": "export", "hwid": a});
        app.pro("consume", &a, n.as_str(), asked).await.refused(400, "BAD_REQUEST");
    }
    let used = app.pro("consume", &a, n, use_of(&a, 5, "export")).await;
    assert_eq!((used.reply.int_of("tokensConsumed"), used.reply.int_of("tokensRemaining")), (5, 95));
    assert_eq!(used.reply.body["machines"][0]["hwid"], json!(a));
}

#[tokio::test]
async fn a66_a73_batches_are_applied_whole() {
    let app = TestApp::new().await;
    let a = device('a');
    let n = app.validated(L1, &a).await;
    let n = app.pro("consume", &a, n, use_of(&a, 92, "x")).await.nonce();
    let batch = json!({"key": L1, "hwid": a, "usages": [queued(&a, 10, "x", "2026-01-03T21:59:23.1234567Z")]});
    let done = app.pro("consume-batch", &a, n, batch).await;
    assert_eq!((done.reply.int_of("tokensRemaining"), &done.reply.body["batchResult"]["accepted"]), (-2, &json!(1)));
    let perp = app.policy(local::demo::perp()).await;
    let l2 = app.license(&perp, None).await;
    let n = app.pro("validate", &a, done.nonce(), data(&l2, &a)).await.nonce();
    let asked = json!({"key": l2, "amount": 1, "action": "x", "hwid": a});
    app.pro("consume", &a, n.as_str(), asked).await.refused(403, "TOKENS_DISABLED");
    let usages =
        json!([{"key": l2, "amount": 1, "action": "x", "hwid": a, "timestamp": "2026-01-03T21:59:23.1234567Z"}]);
    let done = app.pro("consume-batch", &a, n, json!({"key": l2, "hwid": a, "usages": usages})).await;
    assert_eq!((done.reply.status, &done.reply.body["tokensRemaining"]), (200, &Value::Null));
}

/// However many uses cannot be read, they cost one look at the table.
#[tokio::test]
async fn uses_that_are_left_out_anyway_cost_nothing() {
    let app = TestApp::new().await;
    let a = device('a');
    let n = app.validated(L1, &a).await;
    let mut usages = vec![json!({}); 5_000];
    usages.push(queued(&a, 1, "x", "2026-01-03T21:59:23.0000000Z"));
    let done = app.pro("consume-batch", &a, n, json!({"key": L1, "hwid": a, "usages": usages})).await;
    let result = &done.reply.body["batchResult"];
    assert_eq!((&result["accepted"], result["skipped"].as_array().map(Vec::len)), (&json!(1), Some(1_000)));
    assert!(done.reply.spent.round_trips <= 5, "{:?}", done.reply.spent);
}

/// The existing client sends all that it queued, whatever that is, and refusing it for its length would make it send the same
/// for ever. Each call gets on by a bounded number of uses, and says when to come again.
#[tokio::test]
async fn a_queue_of_any_length_is_charged_bounded_call_by_call() {
    // Without ids the memory of the batch tells what is done, with ids the ledger does.
    for (named, calls) in [("", 2), ("batch", 1), ("uses", 1)] {
        let app = TestApp::new().await;
        app.project_settings(json!({"tokens": {"batchFloor": "none"}})).await;
        let a = device('a');
        let mut n = app.validated(L1, &a).await;
        let queue: Vec<_> = (0..1_000 * calls + 300)
            .map(|n| {
                let mut usage = queued(&a, 1, "x", &format!("2026-01-03T21:59:23.{n:07}Z"));
                if named == "uses" {
                    usage["operationId"] = json!(format!("use-{n}"));
                }
                usage
            })
            .collect();
        // What it used meanwhile stands at the end of what it sends next.
        let mut sent = 1_000 * calls + 100;
        for done in (1..=calls as i64).map(|call| 1_000 * call) {
            let mut batch = json!({"key": L1, "hwid": a, "usages": queue[..sent]});
            if named == "batch" {
                batch["operationId"] = json!("the-queue");
            } else {
                sent += 100;
            }
            let reply = app.pro("consume-batch", &a, n.as_str(), batch).await.reply;
            assert_eq!(reply.status, 503, "{named}: {}", reply.text);
            assert_eq!(reply.headers["retry-after"], "1");
            assert!(reply.spent.round_trips <= 40, "{named}: {:?}", reply.spent);
            assert_eq!(remaining(&app).await, 100 - done, "{named}");
            // Whatever else it calls, its place is kept.
            n = app.validated(L1, &a).await;
        }
        let mut batch = json!({"key": L1, "hwid": a, "usages": queue[..sent]});
        if named == "batch" {
            batch["operationId"] = json!("the-queue");
        }
        let done = app.pro("consume-batch", &a, n, batch).await;
        let result = &done.reply.body["batchResult"];
        let (sent, before) = (sent as i64, 1_000 * calls as i64);
        assert_eq!((&result["duplicates"], &result["accepted"]), (&json!(before), &json!(sent - before)), "{named}");
        assert_eq!((&result["results"], done.reply.int_of("tokensRemaining")), (&json!([]), 100 - sent), "{named}");
        assert_eq!(app.audit(L1).await, sent, "{named}");
    }
}

#[tokio::test]
async fn t4_a_batch_whose_answer_was_lost_is_charged_once() {
    let app = TestApp::new().await;
    let a = device('a');
    let n = app.validated(L1, &a).await;
    let use_at = |n: i64| queued(&a, n, "x", &format!("2026-01-03T21:59:2{n}.0000000Z"));
    let batch = |usages: Vec<Value>| json!({"key": L1, "hwid": a, "usages": usages});
    let lost = app.pro("consume-batch", &a, n.as_str(), batch(vec![use_at(1), use_at(2)])).await;
    assert_eq!(lost.reply.int_of("tokensRemaining"), 97);
    // The answer never arrived: the device comes back with what it had, is brought into step, and sends all it has.
    app.pro("consume-batch", &a, n.as_str(), batch(vec![use_at(1), use_at(2)])).await.refused(409, "NONCE_MISMATCH");
    let fresh = app.validated(L1, &a).await;
    let again = app.pro("consume-batch", &a, fresh, batch(vec![use_at(1), use_at(2), use_at(3)])).await;
    let result = &again.reply.body["batchResult"];
    assert_eq!(
        (again.reply.int_of("tokensRemaining"), &result["accepted"], &result["duplicates"]),
        (94, &json!(1), &json!(2))
    );
    // This answer arrived, as its nonce proves: the same uses are other uses now.
    let next = app.pro("consume-batch", &a, again.nonce(), batch(vec![use_at(1), use_at(2), use_at(3)])).await;
    assert_eq!(next.reply.int_of("tokensRemaining"), 88);
    assert_eq!(app.audit(L1).await, 12);
}

#[tokio::test]
async fn a72_a_use_whose_answer_was_lost_is_charged_once() {
    let app = TestApp::new().await;
    let a = device('a');
    let n5 = app.validated(L1, &a).await;
    app.pro("consume", &a, n5.as_str(), use_of(&a, 5, "x")).await.nonce();
    app.clock.advance_seconds(200);
    app.pro("heartbeat", &a, n5.as_str(), data(L1, &a)).await.refused(409, "NONCE_MISMATCH");
    let n6 = app.pro("validate", &a, n5.as_str(), data(L1, &a)).await.nonce();
    let usages =
        json!([queued(&a, 5, "x", "2026-01-03T23:59:59.0000000Z"), queued(&a, 5, "x", "2026-01-03T23:59:59.0000000Z")]);
    let batch = json!({"key": L1, "hwid": a, "usages": usages});
    let done = app.pro("consume-batch", &a, n6, batch).await;
    let result = &done.reply.body["batchResult"];
    assert_eq!(
        (done.reply.int_of("tokensRemaining"), &result["accepted"], &result["duplicates"]),
        (90, &json!(1), &json!(1))
    );
}

#[tokio::test]
async fn without_evidence_equal_uses_are_different_uses() {
    let app = TestApp::new().await;
    let a = device('a');
    let n = app.validated(L1, &a).await;
    let n = app.pro("consume", &a, n, use_of(&a, 5, "x")).await.nonce();
    app.clock.advance_seconds(200);
    let batch = json!({"key": L1, "hwid": a, "usages": [queued(&a, 5, "x", "2026-01-04T00:00:00.0000000Z")]});
    let done = app.pro("consume-batch", &a, n, batch).await;
    assert_eq!(done.reply.int_of("tokensRemaining"), 90);
}

#[tokio::test]
async fn a67_fifty_devices_spend_a_hundred_tokens_in_envelopes() {
    let app = TestApp::new().await;
    let key =
        app.license_with(json!({"devices": {"maxDevices": 60}, "tokens": {"enabled": true, "maxTokens": 100}})).await;
    let hwids: Vec<_> = (0..50).map(|n| format!("{n:064}")).collect();
    let mut nonces = Vec::new();
    for hwid in &hwids {
        nonces.push(app.validated(&key, hwid).await);
    }
    let calls = hwids.iter().zip(&nonces).map(|(hwid, nonce)| {
        let used = json!({"key": key, "amount": 3, "action": "x", "hwid": hwid});
        Box::pin(app.pro("consume", hwid, nonce.as_str(), used))
    });
    let answers = join_all(calls).await;
    let charged = answers.iter().filter(|answer| answer.reply.status == 200).count();
    assert_eq!(charged, 33);
    for answer in answers.iter().filter(|answer| answer.reply.status != 200) {
        answer.refused(403, "INSUFFICIENT_TOKENS");
    }
    assert_eq!(app.audit(&key).await, 99);
}

#[tokio::test]
async fn the_ledger_is_listed_page_by_page_in_envelopes() {
    let app = TestApp::new().await;
    let over = json!({"overrides": {"sdkEnforcement": {"mode": "pro_only"}}});
    app.admin("PATCH", &format!("/v1/admin/licenses/{L1}"), over).await;
    let a = device('a');
    let mut nonce = app.validated(L1, &a).await;
    for amount in 1..=3 {
        nonce = app.pro("consume", &a, nonce, use_of(&a, amount, "export")).await.nonce();
    }
    app.get(L1, "/usage").await.refused(403, "PRO_SDK_REQUIRED");
    let (mut amounts, mut cursor) = (Vec::new(), Value::Null);
    loop {
        let asked = json!({"key": L1, "hwid": a, "limit": 2, "cursor": cursor});
        let page = app.pro("usage", &a, "", asked).await;
        assert_eq!(page.reply.status, 200, "{}", page.reply.text);
        let entries = page.reply.body["entries"].as_array().unwrap();
        assert!((1..=2).contains(&entries.len()));
        amounts.extend(entries.iter().map(|entry| entry["amount"].as_i64().unwrap()));
        cursor = page.reply.body["nextCursor"].clone();
        if cursor.is_null() {
            break;
        }
    }
    assert_eq!(amounts, [-3, -2, -1, 100]);
    let bad = json!({"key": L1, "hwid": a, "cursor": "6c6564676572"});
    app.pro("usage", &a, "", bad).await.refused(400, "BAD_REQUEST");
    // A list is for the license's own devices.
    let b = device('b');
    let asked = json!({"key": L1, "hwid": b});
    app.pro("usage", &b, "", asked).await.refused(403, "DEVICE_NOT_REGISTERED");
}
