//! Checkout: what is for sale, payment pages, orders.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use bytes::Bytes;
use http::Request;
use local::demo;
use local::stripe::Event;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use super::{MAIL, perpetual, trial};
use crate::support::{L1, TestApp, device};

#[tokio::test]
async fn a_buyer_who_comes_back_reads_a_page() {
    let app = TestApp::empty().await;
    for (query, title) in [
        ("?session_id=cs_1&status=success", "Thank you"),
        ("?session_id=cs_1&status=cancelled", "Nothing was ordered"),
        ("", "You can close this page"),
        ("?status=%3Cscript%3E&session_id=%3Cscript%3E", "You can close this page"),
    ] {
        let request = Request::builder().uri(format!("/v1/store/return{query}"));
        let reply = app.send(request.body(Bytes::new()).unwrap()).await;
        let (text, headers) = (&reply.text, &reply.headers);
        assert_eq!((reply.status, reply.spent.round_trips), (200, 0));
        assert_eq!(headers["content-type"], "text/html; charset=utf-8");
        for part in [
            "<!doctype html>",
            "<html lang=\"en\">",
            "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">",
            &format!("<title>{title}</title>"),
            &format!("<h1>{title}</h1>"),
        ] {
            assert!(text.contains(part), "{query}: {part} in {text}");
        }
        assert!(text.contains("go back to the application") || text.contains("Go back to the application"), "{text}");
        // Nothing of the request, nothing that runs, nothing that is loaded from elsewhere.
        for part in ["script", "cs_1", "src=", "href=", "http:", "https:", "onload"] {
            assert!(!text.contains(part), "{query}: {part} in {text}");
        }
        let style = text.split("<style>").nth(1).unwrap().split("</style>").next().unwrap();
        let hash = BASE64.encode(Sha256::digest(style.as_bytes()));
        let policy = headers["content-security-policy"].to_str().unwrap();
        assert!(policy.starts_with(&format!("default-src 'none'; style-src 'sha256-{hash}'; ")), "{policy}");
        assert!(policy.contains("frame-ancestors 'none'") && !policy.contains("unsafe"), "{policy}");
        assert_eq!(headers["x-content-type-options"], "nosniff");
        assert_eq!(headers["referrer-policy"], "no-referrer");
    }
}

#[tokio::test]
async fn a83_the_store_shows_what_is_for_sale() {
    let app = TestApp::new().await;
    app.policy(demo::perp()).await;
    let answer = app.pro("project/buyable-policies", &device('a'), "", json!({"hwid": device('a')})).await;
    let list = answer.reply.body.as_array().expect("an array").clone();
    assert_eq!(list.len(), 1, "PERP is not shown in the store");
    let sub = &list[0];
    assert!(sub["PolicyID"].is_i64());
    for limit in ["tokens", "seats", "time"] {
        assert!(sub["config"]["limits"][limit].is_object(), "{limit} in {sub}");
    }
    assert_eq!(sub["config"]["features"]["pro"], "true");
    assert_eq!(sub["topUpOptions"][1]["packId"], "bundle");
    assert_eq!(sub["config"]["customerActions"]["topUpOptions"], sub["topUpOptions"]);
    assert_eq!((&sub["recurringInterval"], &sub["recurringIntervalCount"]), (&json!("month"), &json!(1)));
    // The same for a server.
    let plain = app.store("GET", "project/buyable-policies", Value::Null).await;
    assert_eq!(plain.body, answer.reply.body);
    // What is archived is gone from the store, not from its licenses.
    let path = format!("/v1/admin/policies/{}", sub["PolicyID"]);
    assert_eq!(app.admin("PATCH", &path, json!({"status": "archived"})).await.text_of("status"), "archived");
    assert_eq!(app.store("GET", "project/buyable-policies", Value::Null).await.body, json!([]));
    assert_eq!(app.get(L1, "").await.text_of("status"), "active");
}

#[tokio::test]
async fn a84_a_checkout_link_leads_to_a_payment_page() {
    let app = TestApp::new().await;
    let policy = app.seen(L1).await["policy"]["PolicyID"].to_string();
    let data = |policy: &str| json!({"policyId": policy, "customerEmail": MAIL, "redirectUrl": "myapp://callback"});
    let answer = app.pro("project/checkout-link", &device('a'), "TAMPERED", data(&policy)).await;
    let (url, session) = (answer.reply.text_of("checkoutUrl").to_owned(), answer.reply.text_of("sessionId").to_owned());
    assert!(url.starts_with("https://") && !session.is_empty(), "{url}");
    assert!(!answer.nonce().is_empty());
    let page = app.stripe.session(&session).unwrap();
    assert_eq!((page.amount, page.currency.as_str(), page.email.as_str()), (999, "usd", MAIL));
    assert_eq!(page.success_url, "myapp://callback?session_id={CHECKOUT_SESSION_ID}&status=success");
    // A slug that is a number would be taken for one.
    let numeric = perpetual("2027");
    let path = format!("/v1/admin/projects/{}/policies", app.project_id);
    app.admin("POST", &path, numeric).await.refused(400, "BAD_REQUEST");
    // By its slug, and by a server.
    assert_eq!(app.pro("project/checkout-link", &device('a'), "", data("sub")).await.reply.status, 200);
    assert_eq!(app.store("POST", "project/checkout-link", data("sub")).await.status, 200);

    app.pro("project/checkout-link", &device('a'), "", data("4711")).await.refused(404, "POLICY_NOT_FOUND");
    app.pro("project/checkout-link", &device('a'), "", data("nothing")).await.refused(404, "POLICY_NOT_FOUND");
    let nobody = json!({"policyId": policy, "redirectUrl": ""});
    app.pro("project/checkout-link", &device('a'), "", nobody).await.refused(400, "BAD_REQUEST");
    for redirect in ["javascript:alert(1)", "data:text/html,x", "file:///etc/passwd", "/thanks"] {
        let body = json!({"policyId": policy, "customerEmail": MAIL, "redirectUrl": redirect});
        app.store("POST", "project/checkout-link", body).await.refused(400, "BAD_REQUEST");
    }
    assert!(app.licenses_of(MAIL).await.is_empty(), "nobody paid");
}

#[tokio::test]
async fn buyers_are_sent_only_where_the_project_says() {
    let app = TestApp::new().await;
    let policy = json!("sub");
    let checkout = async |redirect: Value| {
        let body = json!({"policyId": policy, "customerEmail": MAIL, "redirectUrl": redirect});
        app.store("POST", "project/checkout-link", body).await
    };
    let top_up = async |redirect: Value| {
        app.store("POST", &format!("license/{L1}/topup-link"), json!({"packId": "bundle", "redirectUrl": redirect}))
            .await
    };
    assert_eq!(checkout(json!("https://anywhere.example/")).await.status, 200, "without a list, anywhere");
    app.project_settings(json!({"store": {"redirects": ["https://shop.example/thanks", "myapp://"]}})).await;
    for good in [json!("https://shop.example/thanks/a?b"), json!("myapp://callback"), json!(""), Value::Null] {
        assert_eq!(checkout(good.clone()).await.status, 200, "{good}");
        assert_eq!(top_up(good.clone()).await.status, 200, "{good}");
    }
    for bad in ["https://shop.example.evil.example/thanks", "https://shop.example/other", "yourapp://callback"] {
        checkout(json!(bad)).await.refused(403, "REDIRECT_NOT_ALLOWED");
        top_up(json!(bad)).await.refused(403, "REDIRECT_NOT_ALLOWED");
        let sealed = json!({"key": L1, "packId": "bundle", "redirectUrl": bad});
        let nonce = app.validated(L1, &device('a')).await;
        app.pro("topup-link", &device('a'), nonce, sealed).await.refused(403, "REDIRECT_NOT_ALLOWED");
    }
    for bad in [json!("https://a"), json!(["javascript:x"]), json!(["https://a@b"]), json!([1])] {
        let path = format!("/v1/admin/projects/{}", app.project_id);
        let change = json!({"settings": {"store": {"redirects": bad}}});
        app.admin("PATCH", &path, change).await.refused(400, "BAD_REQUEST");
    }
}

#[tokio::test]
async fn a85_a_paid_pack_gives_all_that_is_in_it_once() {
    let app = TestApp::new().await;
    let a = device('a');
    app.activate(L1, &a).await;
    let nonce = app.validated(L1, &a).await;
    let link = app.pro("topup-link", &a, nonce, json!({"key": L1, "packId": "bundle", "redirectUrl": null})).await;
    assert_eq!(link.reply.status, 200, "{}", link.reply.text);
    let session = link.reply.text_of("sessionId").to_owned();
    let event = app.pay(&session).await;
    assert_eq!(app.deliver(&event).await.status, 200, "told twice");
    let data = json!({"key": L1, "hwid": a, "version": "1.2.0-PRO"});
    let result = app.pro("status", &a, link.nonce(), data).await.reply.body;
    assert_eq!((&result["tokensRemaining"], &result["tokensLimit"]), (&json!(110), &json!(110)));
    assert_eq!((&result["maxActivations"], &result["maxConcurrentSeats"]), (&json!(4), &json!(3)));
    assert_eq!(result["validUntil"], "2026-03-05T00:00:00.000Z", "60 days after the start");
    assert_eq!(result["features"]["export"], "true");
    assert!(result["config"]["capabilities"].as_array().unwrap().contains(&json!("export")));
    let ledger = app.ledger(L1).await;
    let bought: Vec<_> = ledger.iter().filter(|entry| entry["source"] == "purchase").collect();
    assert_eq!((bought.len(), &bought[0]["amount"], &bought[0]["action"]), (1, &json!(10), &json!("top_up")));
    app.audit(L1).await;
    let orders = app.orders().await;
    assert_eq!((orders.len(), &orders[0]["status"], &orders[0]["packId"]), (1, &json!("paid"), &json!("bundle")));
    // A second one adds to the first.
    let session = app.topped_up("bundle").await;
    app.pay(&session).await;
    let result = app.seen(L1).await;
    assert_eq!((&result["tokensRemaining"], &result["maxActivations"]), (&json!(120), &json!(5)));
}

#[tokio::test]
async fn packs_are_sold_where_the_policy_sells_them() {
    let app = TestApp::new().await;
    let a = device('a');
    let ask = |body: Value| app.store("POST", concat!("license/", "LIC-0BEC53C679BF012F", "/topup-link"), body);
    ask(json!({"packId": "nothing"})).await.refused(403, "TOPUP_NOT_AVAILABLE");
    ask(json!({"packId": "bundle", "hwid": a})).await.refused(403, "DEVICE_NOT_REGISTERED");
    ask(json!({})).await.refused(400, "BAD_REQUEST");
    app.store("POST", "license/LIC-0000000000000000/topup-link", json!({"packId": "bundle"}))
        .await
        .refused(404, "LICENSE_NOT_FOUND");
    let overrides = json!({"overrides": {"customerActions": {"canBuyTopUps": false}}});
    app.admin("PATCH", &format!("/v1/admin/licenses/{L1}"), overrides).await;
    ask(json!({"packId": "bundle"})).await.refused(403, "TOPUP_NOT_AVAILABLE");
    app.admin("PATCH", &format!("/v1/admin/licenses/{L1}"), json!({"overrides": null})).await;
    app.set_state(L1, "suspended").await;
    ask(json!({"packId": "bundle"})).await.refused(403, "LICENSE_SUSPENDED");
    app.set_state(L1, "active").await;
    // One that has ended comes back with days.
    app.clock.advance_seconds(60 * 86_400);
    assert_eq!(app.seen(L1).await["status"], "expired");
    let session = app.topped_up("bundle").await;
    app.pay(&session).await;
    let result = app.seen(L1).await;
    assert_eq!((&result["status"], &result["validUntil"]), (&json!("active"), &json!("2026-04-04T00:00:00.000Z")));
}

#[tokio::test]
async fn a_provider_that_loses_its_answer_is_asked_for_the_same_page() {
    let app = TestApp::empty().await;
    let policy = app.policy(perpetual("studio")).await;
    app.stripe.lose_answers(2);
    app.ordered(&policy, MAIL).await;
    assert_eq!((app.stripe.sessions().len(), app.orders().await.len()), (1, 1));
    // The same operation leads to the same page; with another body it is refused.
    let ask = |email: &str| {
        app.store(
            "POST",
            "project/checkout-link",
            json!({"policyId": policy, "customerEmail": email, "operationId": "op-1"}),
        )
    };
    let (first, again) = (ask(MAIL).await, ask(MAIL).await);
    assert_eq!(first.text_of("sessionId"), again.text_of("sessionId"));
    ask("other@example.com").await.refused(422, "IDEMPOTENCY_KEY_REUSED");
    assert_eq!(app.orders().await.len(), 2);
}

#[tokio::test]
async fn an_order_that_was_paid_gets_no_second_page() {
    let app = TestApp::empty().await;
    let policy = app.policy(perpetual("studio")).await;
    let body =
        json!({"policyId": policy, "customerEmail": MAIL, "operationId": "op-1", "redirectUrl": "app://done?a=1"});
    let ask = || app.store("POST", "project/checkout-link", body.clone());
    let session = ask().await.text_of("sessionId").to_owned();
    let paid = app.pay(&session).await;
    // A day later the provider has forgotten whose page it was.
    app.stripe.forget_keys();
    let again = ask().await;
    assert_eq!((again.status, again.text_of("sessionId")), (200, session.as_str()), "{}", again.text);
    assert_eq!(again.text_of("checkoutUrl"), format!("app://done?a=1&session_id={session}&status=success"));
    assert_eq!(app.stripe.sessions().len(), 1);
    // Somebody who pays the same order on another page gets nothing for it, and does not lose the first one with its refund.
    let mut other = paid.clone();
    other["id"] = json!("evt_other");
    other["data"]["object"]["id"] = json!("cs_other");
    other["data"]["object"]["payment_intent"] = json!("pi_other");
    assert_eq!(app.deliver(&other).await.status, 200);
    let refund = json!({"id": "evt_refund", "type": "charge.refunded", "data": {"object": {"refunded": true,
        "payment_intent": "pi_other"}}});
    assert_eq!(app.deliver(&refund).await.status, 200);
    assert_eq!(app.licenses_of(MAIL).await[0]["status"], "active");
    assert_eq!((app.orders().await.len(), &app.orders().await[0]["sessionId"]), (1, &json!(session)));
}

#[tokio::test]
async fn a_bought_policy_can_take_over_the_trial_license() {
    let app = TestApp::empty().await;
    app.policy(trial()).await;
    let mut terms = demo::sub();
    terms["config"]["store"] = json!({"convertsTrial": true});
    let sub = app.policy(terms).await;
    let session = app.ordered("trial", MAIL).await;
    app.pay(&session).await;
    let key = app.licenses_of(MAIL).await[0]["licenseKey"].as_str().unwrap().to_owned();
    app.activate(&key, &device('a')).await;
    app.clock.advance_seconds(86_400);
    let session = app.ordered(&sub, MAIL).await;
    app.pay(&session).await;
    assert_eq!(app.licenses_of(MAIL).await.len(), 1, "the same license");
    let result = app.activate(&key, &device('a')).await;
    assert_eq!((result.text_of("status"), result.int_of("tokensRemaining")), ("active", 100));
    assert_eq!(result.text_of("validUntil"), "2026-02-04T00:00:00.000Z");
    assert_eq!(result.body["machines"][0]["hwid"], json!(device('a')));
    assert_eq!(app.orders().await[0]["convertedTrial"], true);
    app.audit(&key).await;
    // The next one is a license of its own.
    let session = app.ordered(&sub, MAIL).await;
    app.pay(&session).await;
    assert_eq!(app.licenses_of(MAIL).await.len(), 2);
}

#[tokio::test]
async fn a_page_that_nobody_paid_is_closed_and_may_still_be_paid_late() {
    let app = TestApp::empty().await;
    let policy = app.policy(perpetual("studio")).await;
    let session = app.ordered(&policy, MAIL).await;
    app.happens(&session, Event::Expired).await;
    assert_eq!(app.orders().await[0]["status"], "expired");
    app.pay(&session).await;
    assert_eq!((&app.orders().await[0]["status"], app.licenses_of(MAIL).await.len()), (&json!("paid"), 1));
    app.happens(&session, Event::Expired).await;
    assert_eq!(app.orders().await[0]["status"], "paid");
}
