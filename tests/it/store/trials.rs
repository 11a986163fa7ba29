//! Trials: one per address, and one per card where the policy asks for one.

use serde_json::{Value, json};

use super::trial;
use crate::support::TestApp;

#[tokio::test]
async fn a86_an_address_has_one_trial() {
    let app = TestApp::empty().await;
    let policy = app.policy(trial()).await;
    let fresh = app.eligibility("X%40Y.Z").await;
    assert_eq!((&fresh.body["eligible"], &fresh.body["reason"]), (&json!(true), &Value::Null));
    assert!(!fresh.text_of("message").is_empty());
    // Two at once: one is given.
    let (one, two) = (app.ordered("trial", "x@y.z").await, app.ordered("trial", "X@Y.Z").await);
    app.pay(&one).await;
    app.pay(&two).await;
    let licenses = app.licenses_of("x@y.z").await;
    assert_eq!((licenses.len(), &licenses[0]["validUntil"]), (1, &json!("2026-01-18T00:00:00.000Z")));
    let had = app.eligibility("X%40Y.Z").await;
    assert_eq!((&had.body["eligible"], &had.body["reason"]), (&json!(false), &json!("previous_trial")));
    let orders = app.orders().await;
    let mut states: Vec<_> = orders.iter().map(|order| order["status"].as_str().unwrap()).collect();
    states.sort_unstable();
    assert_eq!(states, ["paid", "refused"]);
    let body = json!({"policyId": policy, "customerEmail": " x@Y.z"});
    app.store("POST", "project/checkout-link", body).await.refused(403, "TRIAL_NOT_AVAILABLE");
    for email in ["new%2Btag%40y.z", "new%2btag%40y.z"] {
        assert_eq!(app.eligibility(email).await.body["eligible"], true, "{email}");
    }
    for bad in ["", "nobody", "a%20b%40c.d", "%00%40c.d"] {
        app.eligibility(bad).await.refused(400, "BAD_REQUEST");
    }
    // One that the vendor gave by hand counts too.
    app.license(&policy, None).await;
    assert_eq!(app.eligibility("ada@example.com").await.body["reason"], "previous_trial");
}

#[tokio::test]
async fn a_card_has_one_trial_where_the_policy_asks_for_one() {
    let app = TestApp::empty().await;
    let mut terms = trial();
    terms["config"]["store"] = json!({"trialNeedsCard": true});
    app.policy(terms).await;
    let one = app.ordered("trial", "a@y.z").await;
    assert_eq!(app.stripe.session(&one).unwrap().mode, "setup");
    app.pay_with(&one, "4242 4242 4242 4242").await;
    assert_eq!(app.licenses_of("a@y.z").await.len(), 1);
    let two = app.ordered("trial", "b@y.z").await;
    app.pay_with(&two, "4242-4242-4242-4242").await;
    assert!(app.licenses_of("b@y.z").await.is_empty());
    let result = app.eligibility("b%40y.z").await;
    assert_eq!((&result.body["eligible"], &result.body["reason"]), (&json!(false), &json!("duplicate_card")));
    let three = app.ordered("trial", "c@y.z").await;
    app.pay_with(&three, "5555 5555 5555 4444").await;
    assert_eq!(app.licenses_of("c@y.z").await.len(), 1);
}
