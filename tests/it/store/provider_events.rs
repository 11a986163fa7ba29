//! Events of the payment provider: signed, in any order, any number of times.

use bytes::Bytes;
use futures_util::future::join_all;
use http::Request;
use local::stripe::Event;
use serde_json::{Value, json};

use super::{MAIL, perpetual};
use crate::support::{L1, START, TestApp, device, send};

#[tokio::test]
async fn a_paid_order_makes_one_license_however_often_it_is_told() {
    let app = TestApp::empty().await;
    let policy = app.policy(perpetual("studio")).await;
    let session = app.ordered(&policy, " Grace@Example.com ").await;
    app.stripe.show_card(&session, "4242");
    let event = app.event_of(&session, Event::Paid);
    // Sixteen deliveries at once, over two processes.
    let other = app.another_process().await;
    let answers = join_all((0..16).map(|index| {
        let host = if index % 2 == 0 { &app.host } else { &other };
        send(host, app.message(&event))
    }));
    for answer in answers.await {
        assert_eq!(answer.status, 200, "{}", answer.text);
    }
    // And another message about the same order.
    app.happens(&session, Event::Paid).await;
    let licenses = app.licenses_of(MAIL).await;
    assert_eq!(licenses.len(), 1);
    let key = licenses[0]["licenseKey"].as_str().unwrap();
    assert!(key.len() == 20 && key.starts_with("LIC-"), "{key}");
    assert_eq!(app.activate(key, &device('a')).await.text_of("status"), "active");
    let orders = app.orders().await;
    assert_eq!((&orders[0]["status"], &orders[0]["paidAt"]), (&json!("paid"), &json!(START)));
    let path = format!("/v1/admin/projects/{}/orders/{}", app.project_id, orders[0]["orderId"].as_str().unwrap());
    assert_eq!(app.admin("GET", &path, Value::Null).await.body, orders[0]);
}

/// Stops the process after each round trip of each message, then has it delivered again; and loses replies after the effect.
#[tokio::test]
async fn a_message_that_was_cut_short_is_done_once_when_it_comes_again() {
    for cut in 0..6 {
        for is_killed in [true, false] {
            let app = TestApp::new().await;
            let policy = app.policy(perpetual("studio")).await;
            let interrupted = async |event: &Value| {
                let table = &app.host.app.table;
                if is_killed {
                    table.stop_after(Some(cut))
                } else {
                    table.lose_after(cut)
                }
                let cut_short = app.deliver(event).await;
                table.stop_after(None);
                table.set(shared::table::fault::Faults::default());
                assert!(cut_short.status == 200 || cut_short.status >= 500, "{}", cut_short.text);
                assert_eq!(app.deliver(event).await.status, 200, "after {cut}");
            };
            let session = app.ordered(&policy, MAIL).await;
            app.stripe.show_card(&session, "4242");
            interrupted(&app.event_of(&session, Event::Paid)).await;
            assert_eq!(app.licenses_of(MAIL).await.len(), 1, "after {cut}");
            let session = app.topped_up("bundle").await;
            app.stripe.show_card(&session, "4242");
            interrupted(&app.event_of(&session, Event::Paid)).await;
            assert_eq!(app.seen(L1).await["tokensRemaining"], 110, "after {cut}");
            interrupted(&app.event_of(&session, Event::Refunded)).await;
            let result = app.seen(L1).await;
            assert_eq!(
                (&result["tokensRemaining"], &result["maxActivations"]),
                (&json!(100), &json!(3)),
                "after {cut}"
            );
            app.audit(L1).await;
        }
    }
}

#[tokio::test]
async fn messages_that_the_provider_did_not_sign_change_nothing() {
    let app = TestApp::empty().await;
    let policy = app.policy(perpetual("studio")).await;
    let session = app.ordered(&policy, MAIL).await;
    app.stripe.show_card(&session, "4242");
    let event = app.event_of(&session, Event::Paid);
    let forged = |header: &str, body: String| {
        let request = Request::builder().method("POST").uri("/v1/payments/stripe").header("stripe-signature", header);
        app.send(request.body(Bytes::from(body)).unwrap())
    };
    let (now, body) = (shared::service::ports::Clock::now(app.clock.as_ref()), event.to_string());
    let good = app.stripe.sign(&body, now);
    for (header, body) in [
        (String::new(), body.clone()),
        (format!("t={},v1={}", now.ms() / 1_000, "0".repeat(64)), body.clone()),
        (good.clone(), body.replace("paid", "Paid")),
        // A replay of long ago, and one from the future.
        (app.stripe.sign(&body, now.plus_seconds(-301)), body.clone()),
        (app.stripe.sign(&body, now.plus_seconds(301)), body.clone()),
    ] {
        forged(&header, body).await.refused(400, "WEBHOOK_SIGNATURE_REJECTED");
    }
    assert!(app.licenses_of(MAIL).await.is_empty());
    // What is signed and none of ours is taken, and leaves nothing.
    for kind in ["customer.created", "checkout.session.completed", "charge.refunded"] {
        let event = json!({"id": "evt_x", "type": kind, "data": {"object": {"id": "cs_x", "client_reference_id": "ord_x",
            "payment_status": "paid", "refunded": true, "payment_intent": "pi_x"}}});
        assert_eq!(app.deliver(&event).await.status, 200, "{kind}");
    }
    assert_eq!(forged(&good, body).await.status, 200);
    assert_eq!(app.licenses_of(MAIL).await.len(), 1);
}

#[tokio::test]
async fn each_paid_period_of_a_subscription_moves_the_end() {
    let app = TestApp::new().await;
    let session = app.ordered("sub", MAIL).await;
    assert_eq!(app.stripe.session(&session).unwrap().mode, "subscription");
    // Stripe tells of the first invoice before the order itself, as it happens.
    app.stripe.show_card(&session, "4242");
    app.happens(&session, Event::PeriodPaid).await;
    app.pay(&session).await;
    let key = app.licenses_of(MAIL).await[0]["licenseKey"].as_str().unwrap().to_owned();
    assert_eq!(app.seen(&key).await["validUntil"], "2026-02-03T00:00:00.000Z");
    app.clock.advance_seconds(30 * 86_400);
    let event = app.event_of(&session, Event::PeriodPaid);
    for _ in 0..2 {
        assert_eq!(app.deliver(&event).await.status, 200);
    }
    let result = app.seen(&key).await;
    assert_eq!(
        (&result["validUntil"], &result["nextBillingDate"]),
        (&json!("2026-03-05T00:00:00.000Z"), &json!("2026-03-05T00:00:00.000Z"))
    );
    // A period's refund is known by the payment that the invoice named: the period before it stays.
    app.happens(&session, Event::Refunded).await;
    assert_eq!(app.seen(&key).await["validUntil"], "2026-02-03T00:00:00.000Z");
}
