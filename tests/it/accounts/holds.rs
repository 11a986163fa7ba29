//! Tokens set aside, over HTTP.

use futures_util::future::join_all;
use serde_json::{Value, json};

use super::debit;
use crate::support::TestApp;

fn hold(amount: i64, id: &str) -> Value {
    json!({"operationType": "video", "amount": amount, "expiresInSeconds": 600, "operationId": id})
}

#[tokio::test]
async fn a_hold_is_spent_in_part_and_the_rest_comes_back() {
    let app = TestApp::new().await;
    app.account_with("u", 100, 0).await;
    let held = app.account("POST", "/u/holds", hold(30, "h1")).await;
    assert_eq!((held.status, held.int_of("newBalance"), held.int_of("tokensSpent")), (200, 70, 0));
    let reply = json!({"id": "h1", "amount": 30, "operationType": "video", "expiresAt": "2026-01-04T00:10:00.000Z"});
    assert_eq!(held.body["hold"], reply);
    let again = app.account("POST", "/u/holds", hold(30, "h1")).await;
    assert_eq!((&again.body["hold"], &again.body["replayed"]), (&reply, &json!(true)));
    let account = app.account("GET", "/u", Value::Null).await;
    assert_eq!((account.int_of("tokensHeld"), &account.body["holds"][0]), (30, &reply));
    app.account("POST", "/u/debit", debit(71)).await.refused(402, "INSUFFICIENT_TOKENS");
    let more = app.account("POST", "/u/holds/h1/commit", json!({"amount": 31})).await;
    assert_eq!(more.refused(409, "HOLD_TOO_SMALL").body["details"]["held"], 30);

    // Two commits at once: one of them spends.
    let commit = |id: &str| json!({"amount": 20, "operationId": id});
    let answers =
        join_all(["c1", "c2"].map(|id| Box::pin(app.account("POST", "/u/holds/h1/commit", commit(id))))).await;
    assert_eq!(answers.iter().filter(|answer| answer.status == 200).count(), 1);
    answers.iter().find(|answer| answer.status != 200).unwrap().refused(409, "HOLD_ENDED");
    assert_eq!(app.balance("u").await, (80, 20));
    let winner = answers.iter().find(|answer| answer.status == 200).unwrap().text_of("ledgerEntryId").to_owned();
    let again = app.account("POST", "/u/holds/h1/commit", commit(&winner)).await;
    assert_eq!((again.int_of("newBalance"), &again.body["replayed"]), (80, &json!(true)));

    // What a commit spent can be refunded, by its id.
    let refund = json!({"originalOperationId": winner, "amount": 5});
    assert_eq!(app.account("POST", "/u/refund", refund).await.int_of("newBalance"), 85);
    let ledger = app.account_ledger("u").await;
    let categories: Vec<_> = ledger.iter().map(|entry| entry["category"].as_str().unwrap()).collect();
    assert_eq!(categories, ["granted", "held", "held", "spent", "refunded"]);
}

#[tokio::test]
async fn a_hold_is_voided_or_ends_by_itself_at_its_instant() {
    let app = TestApp::new().await;
    app.account_with("u", 100, 0).await;
    app.account("POST", "/u/holds", hold(30, "h1")).await;
    let voided = app.account("POST", "/u/holds/h1/void", json!({})).await;
    assert_eq!((voided.int_of("newBalance"), voided.int_of("tokensSpent")), (100, 0));
    app.account("POST", "/u/holds/h1/void", json!({})).await.refused(409, "HOLD_ENDED");
    app.account("POST", "/u/holds/h1/commit", json!({})).await.refused(409, "HOLD_ENDED");
    app.account("POST", "/u/holds/unheard-of/void", json!({})).await.refused(404, "HOLD_NOT_FOUND");
    app.account("POST", "/u/debit", json!({"operationType": "x", "amount": 1, "operationId": "d"})).await;
    app.account("POST", "/u/holds/d/void", json!({})).await.refused(404, "HOLD_NOT_FOUND");

    app.account("POST", "/u/holds", hold(99, "h2")).await;
    let end = shared::service::ports::Clock::now(app.clock.as_ref()).plus_seconds(600);
    app.clock.set(ltlm_protocol::Timestamp::from_ms(end.ms() - 1));
    assert_eq!(app.balance("u").await.0, 0);
    app.clock.set(end);
    assert_eq!(app.balance("u").await.0, 99);
    app.account("POST", "/u/holds/h2/commit", json!({})).await.refused(409, "HOLD_ENDED");
    assert_eq!(app.account("POST", "/u/debit", debit(99)).await.int_of("newBalance"), 0);
    let ledger = app.account_ledger("u").await;
    assert_eq!((ledger.len(), &ledger[5]["category"]), (7, &json!("held")));
}

#[tokio::test]
async fn holds_are_bounded() {
    let app = TestApp::new().await;
    app.account_with("u", 1_000, 0).await;
    for index in 0..ltlm_protocol::limits::HOLDS_MAX {
        assert_eq!(app.account("POST", "/u/holds", hold(1, &format!("h{index}"))).await.status, 200);
    }
    app.account("POST", "/u/holds", hold(1, "more")).await.refused(409, "HOLD_LIMIT_REACHED");
    app.account("POST", "/u/holds", hold(951, "much")).await.refused(402, "INSUFFICIENT_TOKENS");
}
