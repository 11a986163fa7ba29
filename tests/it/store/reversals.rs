//! Refunds and disputes.

use local::demo;
use local::stripe::Event;
use serde_json::{Value, json};

use super::{MAIL, perpetual};
use crate::support::{L1, TestApp, device};

#[tokio::test]
async fn a_refund_takes_back_what_was_bought() {
    let app = TestApp::new().await;
    let session = app.topped_up("bundle").await;
    app.pay(&session).await;
    app.activate(L1, &device('a')).await;
    // More is spent than the policy's own allocation: the rest becomes a debt.
    assert_eq!(app.consume(L1, &device('a'), 105, "op").await.int_of("tokensRemaining"), 5);
    app.happens(&session, Event::Refunded).await;
    app.happens(&session, Event::Refunded).await;
    let result = app.seen(L1).await;
    assert_eq!((&result["tokensRemaining"], &result["tokensLimit"]), (&json!(-5), &json!(100)));
    assert_eq!((&result["maxActivations"], &result["maxConcurrentSeats"]), (&json!(3), &json!(2)));
    assert_eq!(result["validUntil"], "2026-02-03T00:00:00.000Z");
    assert_eq!((&result["features"]["export"], &result["status"]), (&Value::Null, &json!("active")));
    assert_eq!(app.orders().await[0]["status"], "refunded");
    app.audit(L1).await;

    let policy = app.policy(perpetual("studio")).await;
    let session = app.ordered(&policy, MAIL).await;
    app.pay(&session).await;
    app.happens(&session, Event::Refunded).await;
    assert_eq!(app.licenses_of(MAIL).await[0]["status"], "revoked");
}

#[tokio::test]
async fn a_refund_that_is_told_before_the_payment_leaves_nothing_to_give() {
    let app = TestApp::empty().await;
    let policy = app.policy(perpetual("studio")).await;
    let session = app.ordered(&policy, MAIL).await;
    app.stripe.show_card(&session, "4242");
    let (paid, refunded) = (app.event_of(&session, Event::Paid), app.event_of(&session, Event::Refunded));
    for event in [&refunded, &refunded, &paid, &paid] {
        assert_eq!(app.deliver(event).await.status, 200);
    }
    assert!(app.licenses_of(MAIL).await.is_empty());
    assert_eq!(app.orders().await[0]["status"], "refunded");
}

#[tokio::test]
async fn a_dispute_suspends_until_it_is_decided() {
    let app = TestApp::empty().await;
    let policy = app.policy(perpetual("studio")).await;
    let status = async |email: &str| app.licenses_of(email).await[0]["status"].as_str().unwrap().to_owned();
    let session = app.ordered(&policy, MAIL).await;
    app.pay(&session).await;
    app.happens(&session, Event::Disputed).await;
    assert_eq!(status(MAIL).await, "suspended");
    app.happens(&session, Event::Won).await;
    assert_eq!((status(MAIL).await.as_str(), &app.orders().await[0]["status"]), ("active", &json!("paid")));
    app.happens(&session, Event::Disputed).await;
    app.happens(&session, Event::Lost).await;
    assert_eq!(status(MAIL).await, "revoked");

    let mut terms = perpetual("kept");
    terms["config"]["store"] = json!({"onRefund": "keep", "onDispute": "keep", "forSale": true});
    let kept = app.policy(terms).await;
    let session = app.ordered(&kept, "b@y.z").await;
    app.pay(&session).await;
    app.happens(&session, Event::Disputed).await;
    app.happens(&session, Event::Lost).await;
    assert_eq!(status("b@y.z").await, "active");
}

/// L1's policy with another rule for disputes.
async fn on_dispute(app: &TestApp, rule: &str) {
    let mut terms = demo::sub();
    terms["config"]["store"] = json!({ "onDispute": rule });
    let path = format!("/v1/admin/policies/{}", app.seen(L1).await["policy"]["PolicyID"]);
    let changed = app.admin("PATCH", &path, terms).await;
    assert_eq!(changed.status, 200, "{}", changed.text);
}

#[tokio::test]
async fn a_pack_that_a_dispute_took_back_is_taken_back_once() {
    let app = TestApp::new().await;
    on_dispute(&app, "takeBack").await;
    let (kept, disputed) = (app.topped_up("bundle").await, app.topped_up("bundle").await);
    app.pay(&kept).await;
    app.pay(&disputed).await;
    let has = async || {
        let result = app.seen(L1).await;
        (result["tokensRemaining"].clone(), result["maxActivations"].clone(), result["validUntil"].clone())
    };
    let (both, one) = (has().await, (json!(110), json!(4), json!("2026-03-05T00:00:00.000Z")));
    assert_eq!((&both.0, &both.1), (&json!(120), &json!(5)));
    app.happens(&disputed, Event::Disputed).await;
    assert_eq!(has().await, one);
    app.happens(&disputed, Event::Won).await;
    assert_eq!(has().await, both, "it is given again");
    app.happens(&disputed, Event::Disputed).await;
    // What was done stands in the order, whatever the policy says by then.
    on_dispute(&app, "suspend").await;
    app.happens(&disputed, Event::Lost).await;
    assert_eq!(has().await, one, "the other one stays");
    assert_eq!(app.seen(L1).await["features"]["export"], "true");
    app.audit(L1).await;
}

#[tokio::test]
async fn what_is_disputed_before_it_is_paid_is_given_when_the_dispute_is_won() {
    let app = TestApp::new().await;
    let policy = app.policy(perpetual("studio")).await;
    let pages = [app.ordered(&policy, MAIL).await, app.topped_up("bundle").await];
    let tokens = async || app.seen(L1).await["tokensRemaining"].clone();
    for page in &pages {
        app.stripe.show_card(page, "4242");
        let (paid, disputed) = (app.event_of(page, Event::Paid), app.event_of(page, Event::Disputed));
        for event in [&disputed, &paid, &paid] {
            assert_eq!(app.deliver(event).await.status, 200);
        }
    }
    assert!(app.licenses_of(MAIL).await.is_empty());
    assert_eq!((tokens().await, &app.orders().await[0]["status"]), (json!(100), &json!("disputed")));
    for page in &pages {
        app.happens(page, Event::Won).await;
    }
    assert_eq!((app.licenses_of(MAIL).await.len(), tokens().await), (1, json!(110)));
    assert!(app.orders().await.iter().all(|order| order["status"] == "paid"));
    // The end of a dispute may be told before its beginning.
    for page in &pages {
        let (begun, won) = (app.event_of(page, Event::Disputed), app.event_of(page, Event::Won));
        for event in [&won, &begun] {
            assert_eq!(app.deliver(event).await.status, 200);
        }
    }
    assert!(app.orders().await.iter().all(|order| order["status"] == "paid"));
    assert_eq!((&app.licenses_of(MAIL).await[0]["status"], tokens().await), (&json!("active"), json!(110)));
    // One that is lost leaves nothing to take.
    let page = app.ordered(&policy, "b@y.z").await;
    app.stripe.show_card(&page, "4242");
    let paid = app.event_of(&page, Event::Paid);
    app.happens(&page, Event::Disputed).await;
    app.deliver(&paid).await;
    app.happens(&page, Event::Lost).await;
    // Of orders of one instant none is newer.
    let orders = app.orders().await;
    let order = orders.iter().find(|order| order["email"] == "b@y.z").unwrap();
    assert_eq!((app.licenses_of("b@y.z").await.len(), &order["status"]), (0, &json!("refunded")));
    app.audit(L1).await;
}

#[tokio::test]
async fn a_suspension_of_the_vendors_own_outlasts_a_dispute() {
    let app = TestApp::empty().await;
    let policy = app.policy(perpetual("studio")).await;
    let session = app.ordered(&policy, MAIL).await;
    app.pay(&session).await;
    let key = app.licenses_of(MAIL).await[0]["licenseKey"].as_str().unwrap().to_owned();
    app.happens(&session, Event::Disputed).await;
    let path = format!("/v1/admin/licenses/{key}");
    app.admin("PATCH", &path, json!({"state": "active"})).await;
    app.admin("PATCH", &path, json!({"state": "suspended", "reason": "abuse"})).await;
    app.happens(&session, Event::Won).await;
    assert_eq!(app.seen(&key).await["status"], "suspended");
    // So does one from before the dispute.
    for event in [Event::Disputed, Event::Won] {
        app.happens(&session, event).await;
        assert_eq!(app.seen(&key).await["status"], "suspended", "{event:?}");
    }
    app.admin("PATCH", &path, json!({"state": "active"})).await;
    app.happens(&session, Event::Disputed).await;
    app.happens(&session, Event::Won).await;
    assert_eq!(app.seen(&key).await["status"], "active");
}
