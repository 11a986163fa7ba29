//! The store: what is for sale, paying, and what a payment gives or takes back (wire 4.9, cases A83 to A86).

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use bytes::Bytes;
use futures_util::future::join_all;
use http::Request;
use local::demo;
use local::stripe::Event;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use crate::support::{L1, Reply, SECRET, START, World, device, send};

pub(crate) const MAIL: &str = "grace@example.com";

#[tokio::test]
async fn a_buyer_who_comes_back_reads_a_page() {
    let world = World::empty().await;
    for (query, title) in [
        ("?session_id=cs_1&status=success", "Thank you"),
        ("?session_id=cs_1&status=cancelled", "Nothing was ordered"),
        ("", "You can close this page"),
        ("?status=%3Cscript%3E&session_id=%3Cscript%3E", "You can close this page"),
    ] {
        let request = Request::builder().uri(format!("/v1/store/return{query}"));
        let reply = world.send(request.body(Bytes::new()).unwrap()).await;
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

impl World {
    /// Calls a route of the store as a server does.
    pub(crate) async fn store(&self, method: &str, tail: &str, body: Value) -> Reply {
        let request =
            Request::builder().method(method).uri(format!("/v1/sdk/{tail}")).header("x-project-secret", SECRET);
        let body = if body.is_null() { Bytes::new() } else { Bytes::from(body.to_string()) };
        self.send(request.body(body).unwrap()).await
    }

    /// Orders a license of a policy; the payment page's id.
    pub(crate) async fn ordered(&self, policy: &str, email: &str) -> String {
        let body = json!({"policyId": policy, "customerEmail": email});
        let answer = self.store("POST", "project/checkout-link", body).await;
        assert_eq!(answer.status, 200, "{}", answer.text);
        answer.text_of("sessionId").to_owned()
    }

    /// Orders a pack on top of L1; the payment page's id.
    pub(crate) async fn topped_up(&self, pack: &str) -> String {
        let answer = self.store("POST", &format!("license/{L1}/topup-link"), json!({"packId": pack})).await;
        assert_eq!(answer.status, 200, "{}", answer.text);
        answer.text_of("sessionId").to_owned()
    }

    /// What the provider tells of a payment page.
    pub(crate) fn event_of(&self, session: &str, event: Event) -> Value {
        self.till.tell(session, event, shared::service::ports::Clock::now(self.clock.as_ref())).unwrap()
    }

    /// The provider's message as it arrives.
    pub(crate) fn message(&self, event: &Value) -> Request<Bytes> {
        let body = event.to_string();
        let signature = self.till.sign(&body, shared::service::ports::Clock::now(self.clock.as_ref()));
        let request =
            Request::builder().method("POST").uri("/v1/payments/stripe").header("stripe-signature", signature);
        request.header("content-type", "application/json; charset=utf-8").body(Bytes::from(body)).unwrap()
    }

    pub(crate) async fn deliver(&self, event: &Value) -> Reply {
        self.send(self.message(event)).await
    }

    /// Somebody pays with this card; the provider tells it.
    pub(crate) async fn pay_with(&self, session: &str, card: &str) -> Value {
        self.till.show_card(session, card);
        let event = self.event_of(session, Event::Paid);
        let answer = self.deliver(&event).await;
        assert_eq!((answer.status, &answer.body["received"]), (200, &json!(true)), "{}", answer.text);
        event
    }

    pub(crate) async fn pay(&self, session: &str) -> Value {
        self.pay_with(session, "4242 4242 4242 4242").await
    }

    pub(crate) async fn happens(&self, session: &str, event: Event) {
        let answer = self.deliver(&self.event_of(session, event)).await;
        assert_eq!(answer.status, 200, "{}", answer.text);
    }

    /// The project's orders, newest first.
    pub(crate) async fn orders(&self) -> Vec<Value> {
        let path = format!("/v1/admin/projects/{}/orders", self.project_id);
        self.admin("GET", &path, Value::Null).await.body["orders"].as_array().unwrap().clone()
    }

    /// Licenses of an address, newest first.
    pub(crate) async fn licenses_of(&self, email: &str) -> Vec<Value> {
        let path = format!("/v1/admin/projects/{}/licenses?email={email}", self.project_id);
        self.admin("GET", &path, Value::Null).await.body["licenses"].as_array().unwrap().clone()
    }

    pub(crate) async fn seen(&self, key: &str) -> Value {
        self.admin("GET", &format!("/v1/admin/licenses/{key}"), Value::Null).await.body
    }

    async fn eligibility(&self, email: &str) -> Reply {
        self.store("GET", &format!("pro/project/trial-eligibility?email={email}"), Value::Null).await
    }
}

pub(crate) fn trial() -> Value {
    json!({"name": "Trial", "slug": "trial", "type": "trial", "config": {
        "limits": {"time": {"durationDays": 14}}, "visibility": {"storefront": true}}})
}

pub(crate) fn perpetual(slug: &str) -> Value {
    let mut terms = demo::perp();
    terms["slug"] = json!(slug);
    terms["config"]["store"] = json!({"forSale": true});
    terms
}

#[tokio::test]
async fn a83_the_store_shows_what_is_for_sale() {
    let world = World::new().await;
    world.policy(demo::perp()).await;
    let answer = world.pro("project/buyable-policies", &device('a'), "", json!({"hwid": device('a')})).await;
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
    let plain = world.store("GET", "project/buyable-policies", Value::Null).await;
    assert_eq!(plain.body, answer.reply.body);
    // What is archived is gone from the store, not from its licenses.
    let path = format!("/v1/admin/policies/{}", sub["PolicyID"]);
    assert_eq!(world.admin("PATCH", &path, json!({"status": "archived"})).await.text_of("status"), "archived");
    assert_eq!(world.store("GET", "project/buyable-policies", Value::Null).await.body, json!([]));
    assert_eq!(world.get(L1, "").await.text_of("status"), "active");
}

#[tokio::test]
async fn a84_a_checkout_link_leads_to_a_payment_page() {
    let world = World::new().await;
    let policy = world.seen(L1).await["policy"]["PolicyID"].to_string();
    let data = |policy: &str| json!({"policyId": policy, "customerEmail": MAIL, "redirectUrl": "myapp://callback"});
    let answer = world.pro("project/checkout-link", &device('a'), "TAMPERED", data(&policy)).await;
    let (url, session) = (answer.reply.text_of("checkoutUrl").to_owned(), answer.reply.text_of("sessionId").to_owned());
    assert!(url.starts_with("https://") && !session.is_empty(), "{url}");
    assert!(!answer.nonce().is_empty());
    let page = world.till.session(&session).unwrap();
    assert_eq!((page.amount, page.currency.as_str(), page.email.as_str()), (999, "usd", MAIL));
    assert_eq!(page.success_url, "myapp://callback?session_id={CHECKOUT_SESSION_ID}&status=success");
    // A slug that is a number would be taken for one.
    let numeric = perpetual("2027");
    let path = format!("/v1/admin/projects/{}/policies", world.project_id);
    world.admin("POST", &path, numeric).await.refused(400, "BAD_REQUEST");
    // By its slug, and by a server.
    assert_eq!(world.pro("project/checkout-link", &device('a'), "", data("sub")).await.reply.status, 200);
    assert_eq!(world.store("POST", "project/checkout-link", data("sub")).await.status, 200);

    world.pro("project/checkout-link", &device('a'), "", data("4711")).await.refused(404, "POLICY_NOT_FOUND");
    world.pro("project/checkout-link", &device('a'), "", data("nothing")).await.refused(404, "POLICY_NOT_FOUND");
    let nobody = json!({"policyId": policy, "redirectUrl": ""});
    world.pro("project/checkout-link", &device('a'), "", nobody).await.refused(400, "BAD_REQUEST");
    for redirect in ["javascript:alert(1)", "data:text/html,x", "file:///etc/passwd", "/thanks"] {
        let body = json!({"policyId": policy, "customerEmail": MAIL, "redirectUrl": redirect});
        world.store("POST", "project/checkout-link", body).await.refused(400, "BAD_REQUEST");
    }
    assert!(world.licenses_of(MAIL).await.is_empty(), "nobody paid");
}

#[tokio::test]
async fn buyers_are_sent_only_where_the_project_says() {
    let world = World::new().await;
    let policy = json!("sub");
    let checkout = async |redirect: Value| {
        let body = json!({"policyId": policy, "customerEmail": MAIL, "redirectUrl": redirect});
        world.store("POST", "project/checkout-link", body).await
    };
    let top_up = async |redirect: Value| {
        world
            .store("POST", &format!("license/{L1}/topup-link"), json!({"packId": "bundle", "redirectUrl": redirect}))
            .await
    };
    assert_eq!(checkout(json!("https://anywhere.example/")).await.status, 200, "without a list, anywhere");
    world.project_settings(json!({"store": {"redirects": ["https://shop.example/thanks", "myapp://"]}})).await;
    for good in [json!("https://shop.example/thanks/a?b"), json!("myapp://callback"), json!(""), Value::Null] {
        assert_eq!(checkout(good.clone()).await.status, 200, "{good}");
        assert_eq!(top_up(good.clone()).await.status, 200, "{good}");
    }
    for bad in ["https://shop.example.evil.example/thanks", "https://shop.example/other", "yourapp://callback"] {
        checkout(json!(bad)).await.refused(403, "REDIRECT_NOT_ALLOWED");
        top_up(json!(bad)).await.refused(403, "REDIRECT_NOT_ALLOWED");
        let sealed = json!({"key": L1, "packId": "bundle", "redirectUrl": bad});
        let nonce = world.validated(L1, &device('a')).await;
        world.pro("topup-link", &device('a'), nonce, sealed).await.refused(403, "REDIRECT_NOT_ALLOWED");
    }
    for bad in [json!("https://a"), json!(["javascript:x"]), json!(["https://a@b"]), json!([1])] {
        let path = format!("/v1/admin/projects/{}", world.project_id);
        let change = json!({"settings": {"store": {"redirects": bad}}});
        world.admin("PATCH", &path, change).await.refused(400, "BAD_REQUEST");
    }
}

#[tokio::test]
async fn a85_a_paid_pack_gives_all_that_is_in_it_once() {
    let world = World::new().await;
    let a = device('a');
    world.activate(L1, &a).await;
    let nonce = world.validated(L1, &a).await;
    let link = world.pro("topup-link", &a, nonce, json!({"key": L1, "packId": "bundle", "redirectUrl": null})).await;
    assert_eq!(link.reply.status, 200, "{}", link.reply.text);
    let session = link.reply.text_of("sessionId").to_owned();
    let event = world.pay(&session).await;
    assert_eq!(world.deliver(&event).await.status, 200, "told twice");
    let data = json!({"key": L1, "hwid": a, "version": "1.2.0-PRO"});
    let result = world.pro("status", &a, link.nonce(), data).await.reply.body;
    assert_eq!((&result["tokensRemaining"], &result["tokensLimit"]), (&json!(110), &json!(110)));
    assert_eq!((&result["maxActivations"], &result["maxConcurrentSeats"]), (&json!(4), &json!(3)));
    assert_eq!(result["validUntil"], "2026-03-05T00:00:00.000Z", "60 days after the start");
    assert_eq!(result["features"]["export"], "true");
    assert!(result["config"]["capabilities"].as_array().unwrap().contains(&json!("export")));
    let ledger = world.ledger(L1).await;
    let bought: Vec<_> = ledger.iter().filter(|entry| entry["source"] == "purchase").collect();
    assert_eq!((bought.len(), &bought[0]["amount"], &bought[0]["action"]), (1, &json!(10), &json!("top_up")));
    world.audit(L1).await;
    let orders = world.orders().await;
    assert_eq!((orders.len(), &orders[0]["status"], &orders[0]["packId"]), (1, &json!("paid"), &json!("bundle")));
    // A second one adds to the first.
    let session = world.topped_up("bundle").await;
    world.pay(&session).await;
    let result = world.seen(L1).await;
    assert_eq!((&result["tokensRemaining"], &result["maxActivations"]), (&json!(120), &json!(5)));
}

#[tokio::test]
async fn packs_are_sold_where_the_policy_sells_them() {
    let world = World::new().await;
    let a = device('a');
    let ask = |body: Value| world.store("POST", concat!("license/", "LIC-0BEC53C679BF012F", "/topup-link"), body);
    ask(json!({"packId": "nothing"})).await.refused(403, "TOPUP_NOT_AVAILABLE");
    ask(json!({"packId": "bundle", "hwid": a})).await.refused(403, "DEVICE_NOT_REGISTERED");
    ask(json!({})).await.refused(400, "BAD_REQUEST");
    world
        .store("POST", "license/LIC-0000000000000000/topup-link", json!({"packId": "bundle"}))
        .await
        .refused(404, "LICENSE_NOT_FOUND");
    let overrides = json!({"overrides": {"customerActions": {"canBuyTopUps": false}}});
    world.admin("PATCH", &format!("/v1/admin/licenses/{L1}"), overrides).await;
    ask(json!({"packId": "bundle"})).await.refused(403, "TOPUP_NOT_AVAILABLE");
    world.admin("PATCH", &format!("/v1/admin/licenses/{L1}"), json!({"overrides": null})).await;
    world.set_state(L1, "suspended").await;
    ask(json!({"packId": "bundle"})).await.refused(403, "LICENSE_SUSPENDED");
    world.set_state(L1, "active").await;
    // One that has ended comes back with days.
    world.clock.advance_seconds(60 * 86_400);
    assert_eq!(world.seen(L1).await["status"], "expired");
    let session = world.topped_up("bundle").await;
    world.pay(&session).await;
    let result = world.seen(L1).await;
    assert_eq!((&result["status"], &result["validUntil"]), (&json!("active"), &json!("2026-04-04T00:00:00.000Z")));
}

#[tokio::test]
async fn a_paid_order_makes_one_license_however_often_it_is_told() {
    let world = World::empty().await;
    let policy = world.policy(perpetual("studio")).await;
    let session = world.ordered(&policy, " Grace@Example.com ").await;
    world.till.show_card(&session, "4242");
    let event = world.event_of(&session, Event::Paid);
    // Sixteen deliveries at once, over two processes.
    let other = world.another_process().await;
    let answers = join_all((0..16).map(|index| {
        let host = if index % 2 == 0 { &world.host } else { &other };
        send(host, world.message(&event))
    }));
    for answer in answers.await {
        assert_eq!(answer.status, 200, "{}", answer.text);
    }
    // And another message about the same order.
    world.happens(&session, Event::Paid).await;
    let licenses = world.licenses_of(MAIL).await;
    assert_eq!(licenses.len(), 1);
    let key = licenses[0]["licenseKey"].as_str().unwrap();
    assert!(key.len() == 20 && key.starts_with("LIC-"), "{key}");
    assert_eq!(world.activate(key, &device('a')).await.text_of("status"), "active");
    let orders = world.orders().await;
    assert_eq!((&orders[0]["status"], &orders[0]["paidAt"]), (&json!("paid"), &json!(START)));
    let path = format!("/v1/admin/projects/{}/orders/{}", world.project_id, orders[0]["orderId"].as_str().unwrap());
    assert_eq!(world.admin("GET", &path, Value::Null).await.body, orders[0]);
}

/// Stops the process after each round trip of each message, then has it delivered again; and loses replies after the effect.
#[tokio::test]
async fn a_message_that_was_cut_short_is_done_once_when_it_comes_again() {
    for cut in 0..6 {
        for is_killed in [true, false] {
            let world = World::new().await;
            let policy = world.policy(perpetual("studio")).await;
            let interrupted = async |event: &Value| {
                let table = &world.host.app.table;
                if is_killed {
                    table.stop_after(Some(cut))
                } else {
                    table.lose_after(cut)
                }
                let cut_short = world.deliver(event).await;
                table.stop_after(None);
                table.set(shared::table::fault::Faults::default());
                assert!(cut_short.status == 200 || cut_short.status >= 500, "{}", cut_short.text);
                assert_eq!(world.deliver(event).await.status, 200, "after {cut}");
            };
            let session = world.ordered(&policy, MAIL).await;
            world.till.show_card(&session, "4242");
            interrupted(&world.event_of(&session, Event::Paid)).await;
            assert_eq!(world.licenses_of(MAIL).await.len(), 1, "after {cut}");
            let session = world.topped_up("bundle").await;
            world.till.show_card(&session, "4242");
            interrupted(&world.event_of(&session, Event::Paid)).await;
            assert_eq!(world.seen(L1).await["tokensRemaining"], 110, "after {cut}");
            interrupted(&world.event_of(&session, Event::Refunded)).await;
            let result = world.seen(L1).await;
            assert_eq!(
                (&result["tokensRemaining"], &result["maxActivations"]),
                (&json!(100), &json!(3)),
                "after {cut}"
            );
            world.audit(L1).await;
        }
    }
}

#[tokio::test]
async fn messages_that_the_provider_did_not_sign_change_nothing() {
    let world = World::empty().await;
    let policy = world.policy(perpetual("studio")).await;
    let session = world.ordered(&policy, MAIL).await;
    world.till.show_card(&session, "4242");
    let event = world.event_of(&session, Event::Paid);
    let forged = |header: &str, body: String| {
        let request = Request::builder().method("POST").uri("/v1/payments/stripe").header("stripe-signature", header);
        world.send(request.body(Bytes::from(body)).unwrap())
    };
    let (now, body) = (shared::service::ports::Clock::now(world.clock.as_ref()), event.to_string());
    let good = world.till.sign(&body, now);
    for (header, body) in [
        (String::new(), body.clone()),
        (format!("t={},v1={}", now.ms() / 1_000, "0".repeat(64)), body.clone()),
        (good.clone(), body.replace("paid", "Paid")),
        // A replay of long ago, and one from the future.
        (world.till.sign(&body, now.plus_seconds(-301)), body.clone()),
        (world.till.sign(&body, now.plus_seconds(301)), body.clone()),
    ] {
        forged(&header, body).await.refused(400, "WEBHOOK_SIGNATURE_REJECTED");
    }
    assert!(world.licenses_of(MAIL).await.is_empty());
    // What is signed and none of ours is taken, and leaves nothing.
    for kind in ["customer.created", "checkout.session.completed", "charge.refunded"] {
        let event = json!({"id": "evt_x", "type": kind, "data": {"object": {"id": "cs_x", "client_reference_id": "ord_x",
            "payment_status": "paid", "refunded": true, "payment_intent": "pi_x"}}});
        assert_eq!(world.deliver(&event).await.status, 200, "{kind}");
    }
    assert_eq!(forged(&good, body).await.status, 200);
    assert_eq!(world.licenses_of(MAIL).await.len(), 1);
}

#[tokio::test]
async fn a_provider_that_loses_its_answer_is_asked_for_the_same_page() {
    let world = World::empty().await;
    let policy = world.policy(perpetual("studio")).await;
    world.till.lose_answers(2);
    world.ordered(&policy, MAIL).await;
    assert_eq!((world.till.sessions().len(), world.orders().await.len()), (1, 1));
    // The same operation leads to the same page; with another body it is refused.
    let ask = |email: &str| {
        world.store(
            "POST",
            "project/checkout-link",
            json!({"policyId": policy, "customerEmail": email, "operationId": "op-1"}),
        )
    };
    let (first, again) = (ask(MAIL).await, ask(MAIL).await);
    assert_eq!(first.text_of("sessionId"), again.text_of("sessionId"));
    ask("other@example.com").await.refused(422, "IDEMPOTENCY_KEY_REUSED");
    assert_eq!(world.orders().await.len(), 2);
}

#[tokio::test]
async fn an_order_that_was_paid_gets_no_second_page() {
    let world = World::empty().await;
    let policy = world.policy(perpetual("studio")).await;
    let body =
        json!({"policyId": policy, "customerEmail": MAIL, "operationId": "op-1", "redirectUrl": "app://done?a=1"});
    let ask = || world.store("POST", "project/checkout-link", body.clone());
    let session = ask().await.text_of("sessionId").to_owned();
    let paid = world.pay(&session).await;
    // A day later the provider has forgotten whose page it was.
    world.till.forget_keys();
    let again = ask().await;
    assert_eq!((again.status, again.text_of("sessionId")), (200, session.as_str()), "{}", again.text);
    assert_eq!(again.text_of("checkoutUrl"), format!("app://done?a=1&session_id={session}&status=success"));
    assert_eq!(world.till.sessions().len(), 1);
    // Somebody who pays the same order on another page gets nothing for it, and does not lose the first one with its refund.
    let mut other = paid.clone();
    other["id"] = json!("evt_other");
    other["data"]["object"]["id"] = json!("cs_other");
    other["data"]["object"]["payment_intent"] = json!("pi_other");
    assert_eq!(world.deliver(&other).await.status, 200);
    let refund = json!({"id": "evt_refund", "type": "charge.refunded", "data": {"object": {"refunded": true,
        "payment_intent": "pi_other"}}});
    assert_eq!(world.deliver(&refund).await.status, 200);
    assert_eq!(world.licenses_of(MAIL).await[0]["status"], "active");
    assert_eq!((world.orders().await.len(), &world.orders().await[0]["sessionId"]), (1, &json!(session)));
}

#[tokio::test]
async fn a86_an_address_has_one_trial() {
    let world = World::empty().await;
    let policy = world.policy(trial()).await;
    let fresh = world.eligibility("X%40Y.Z").await;
    assert_eq!((&fresh.body["eligible"], &fresh.body["reason"]), (&json!(true), &Value::Null));
    assert!(!fresh.text_of("message").is_empty());
    // Two at once: one is given.
    let (one, two) = (world.ordered("trial", "x@y.z").await, world.ordered("trial", "X@Y.Z").await);
    world.pay(&one).await;
    world.pay(&two).await;
    let licenses = world.licenses_of("x@y.z").await;
    assert_eq!((licenses.len(), &licenses[0]["validUntil"]), (1, &json!("2026-01-18T00:00:00.000Z")));
    let had = world.eligibility("X%40Y.Z").await;
    assert_eq!((&had.body["eligible"], &had.body["reason"]), (&json!(false), &json!("previous_trial")));
    let orders = world.orders().await;
    let mut states: Vec<_> = orders.iter().map(|order| order["status"].as_str().unwrap()).collect();
    states.sort_unstable();
    assert_eq!(states, ["paid", "refused"]);
    let body = json!({"policyId": policy, "customerEmail": " x@Y.z"});
    world.store("POST", "project/checkout-link", body).await.refused(403, "TRIAL_NOT_AVAILABLE");
    for email in ["new%2Btag%40y.z", "new%2btag%40y.z"] {
        assert_eq!(world.eligibility(email).await.body["eligible"], true, "{email}");
    }
    for bad in ["", "nobody", "a%20b%40c.d", "%00%40c.d"] {
        world.eligibility(bad).await.refused(400, "BAD_REQUEST");
    }
    // One that the vendor gave by hand counts too.
    world.license(&policy, None).await;
    assert_eq!(world.eligibility("ada@example.com").await.body["reason"], "previous_trial");
}

#[tokio::test]
async fn a_card_has_one_trial_where_the_policy_asks_for_one() {
    let world = World::empty().await;
    let mut terms = trial();
    terms["config"]["store"] = json!({"trialNeedsCard": true});
    world.policy(terms).await;
    let one = world.ordered("trial", "a@y.z").await;
    assert_eq!(world.till.session(&one).unwrap().mode, "setup");
    world.pay_with(&one, "4242 4242 4242 4242").await;
    assert_eq!(world.licenses_of("a@y.z").await.len(), 1);
    let two = world.ordered("trial", "b@y.z").await;
    world.pay_with(&two, "4242-4242-4242-4242").await;
    assert!(world.licenses_of("b@y.z").await.is_empty());
    let result = world.eligibility("b%40y.z").await;
    assert_eq!((&result.body["eligible"], &result.body["reason"]), (&json!(false), &json!("duplicate_card")));
    let three = world.ordered("trial", "c@y.z").await;
    world.pay_with(&three, "5555 5555 5555 4444").await;
    assert_eq!(world.licenses_of("c@y.z").await.len(), 1);
}

#[tokio::test]
async fn a_bought_policy_can_take_over_the_trial_license() {
    let world = World::empty().await;
    world.policy(trial()).await;
    let mut terms = demo::sub();
    terms["config"]["store"] = json!({"convertsTrial": true});
    let sub = world.policy(terms).await;
    let session = world.ordered("trial", MAIL).await;
    world.pay(&session).await;
    let key = world.licenses_of(MAIL).await[0]["licenseKey"].as_str().unwrap().to_owned();
    world.activate(&key, &device('a')).await;
    world.clock.advance_seconds(86_400);
    let session = world.ordered(&sub, MAIL).await;
    world.pay(&session).await;
    assert_eq!(world.licenses_of(MAIL).await.len(), 1, "the same license");
    let result = world.activate(&key, &device('a')).await;
    assert_eq!((result.text_of("status"), result.int_of("tokensRemaining")), ("active", 100));
    assert_eq!(result.text_of("validUntil"), "2026-02-04T00:00:00.000Z");
    assert_eq!(result.body["machines"][0]["hwid"], json!(device('a')));
    assert_eq!(world.orders().await[0]["convertedTrial"], true);
    world.audit(&key).await;
    // The next one is a license of its own.
    let session = world.ordered(&sub, MAIL).await;
    world.pay(&session).await;
    assert_eq!(world.licenses_of(MAIL).await.len(), 2);
}

#[tokio::test]
async fn a_refund_takes_back_what_was_bought() {
    let world = World::new().await;
    let session = world.topped_up("bundle").await;
    world.pay(&session).await;
    world.activate(L1, &device('a')).await;
    // More is spent than the policy's own allocation: the rest becomes a debt.
    assert_eq!(world.consume(L1, &device('a'), 105, "op").await.int_of("tokensRemaining"), 5);
    world.happens(&session, Event::Refunded).await;
    world.happens(&session, Event::Refunded).await;
    let result = world.seen(L1).await;
    assert_eq!((&result["tokensRemaining"], &result["tokensLimit"]), (&json!(-5), &json!(100)));
    assert_eq!((&result["maxActivations"], &result["maxConcurrentSeats"]), (&json!(3), &json!(2)));
    assert_eq!(result["validUntil"], "2026-02-03T00:00:00.000Z");
    assert_eq!((&result["features"]["export"], &result["status"]), (&Value::Null, &json!("active")));
    assert_eq!(world.orders().await[0]["status"], "refunded");
    world.audit(L1).await;

    let policy = world.policy(perpetual("studio")).await;
    let session = world.ordered(&policy, MAIL).await;
    world.pay(&session).await;
    world.happens(&session, Event::Refunded).await;
    assert_eq!(world.licenses_of(MAIL).await[0]["status"], "revoked");
}

#[tokio::test]
async fn a_refund_that_is_told_before_the_payment_leaves_nothing_to_give() {
    let world = World::empty().await;
    let policy = world.policy(perpetual("studio")).await;
    let session = world.ordered(&policy, MAIL).await;
    world.till.show_card(&session, "4242");
    let (paid, refunded) = (world.event_of(&session, Event::Paid), world.event_of(&session, Event::Refunded));
    for event in [&refunded, &refunded, &paid, &paid] {
        assert_eq!(world.deliver(event).await.status, 200);
    }
    assert!(world.licenses_of(MAIL).await.is_empty());
    assert_eq!(world.orders().await[0]["status"], "refunded");
}

#[tokio::test]
async fn a_dispute_suspends_until_it_is_decided() {
    let world = World::empty().await;
    let policy = world.policy(perpetual("studio")).await;
    let status = async |email: &str| world.licenses_of(email).await[0]["status"].as_str().unwrap().to_owned();
    let session = world.ordered(&policy, MAIL).await;
    world.pay(&session).await;
    world.happens(&session, Event::Disputed).await;
    assert_eq!(status(MAIL).await, "suspended");
    world.happens(&session, Event::Won).await;
    assert_eq!((status(MAIL).await.as_str(), &world.orders().await[0]["status"]), ("active", &json!("paid")));
    world.happens(&session, Event::Disputed).await;
    world.happens(&session, Event::Lost).await;
    assert_eq!(status(MAIL).await, "revoked");

    let mut terms = perpetual("kept");
    terms["config"]["store"] = json!({"onRefund": "keep", "onDispute": "keep", "forSale": true});
    let kept = world.policy(terms).await;
    let session = world.ordered(&kept, "b@y.z").await;
    world.pay(&session).await;
    world.happens(&session, Event::Disputed).await;
    world.happens(&session, Event::Lost).await;
    assert_eq!(status("b@y.z").await, "active");
}

/// L1's policy with another rule for disputes.
async fn on_dispute(world: &World, rule: &str) {
    let mut terms = demo::sub();
    terms["config"]["store"] = json!({ "onDispute": rule });
    let path = format!("/v1/admin/policies/{}", world.seen(L1).await["policy"]["PolicyID"]);
    let changed = world.admin("PATCH", &path, terms).await;
    assert_eq!(changed.status, 200, "{}", changed.text);
}

#[tokio::test]
async fn a_pack_that_a_dispute_took_back_is_taken_back_once() {
    let world = World::new().await;
    on_dispute(&world, "takeBack").await;
    let (kept, disputed) = (world.topped_up("bundle").await, world.topped_up("bundle").await);
    world.pay(&kept).await;
    world.pay(&disputed).await;
    let has = async || {
        let result = world.seen(L1).await;
        (result["tokensRemaining"].clone(), result["maxActivations"].clone(), result["validUntil"].clone())
    };
    let (both, one) = (has().await, (json!(110), json!(4), json!("2026-03-05T00:00:00.000Z")));
    assert_eq!((&both.0, &both.1), (&json!(120), &json!(5)));
    world.happens(&disputed, Event::Disputed).await;
    assert_eq!(has().await, one);
    world.happens(&disputed, Event::Won).await;
    assert_eq!(has().await, both, "it is given again");
    world.happens(&disputed, Event::Disputed).await;
    // What was done stands in the order, whatever the policy says by then.
    on_dispute(&world, "suspend").await;
    world.happens(&disputed, Event::Lost).await;
    assert_eq!(has().await, one, "the other one stays");
    assert_eq!(world.seen(L1).await["features"]["export"], "true");
    world.audit(L1).await;
}

#[tokio::test]
async fn what_is_disputed_before_it_is_paid_is_given_when_the_dispute_is_won() {
    let world = World::new().await;
    let policy = world.policy(perpetual("studio")).await;
    let pages = [world.ordered(&policy, MAIL).await, world.topped_up("bundle").await];
    let tokens = async || world.seen(L1).await["tokensRemaining"].clone();
    for page in &pages {
        world.till.show_card(page, "4242");
        let (paid, disputed) = (world.event_of(page, Event::Paid), world.event_of(page, Event::Disputed));
        for event in [&disputed, &paid, &paid] {
            assert_eq!(world.deliver(event).await.status, 200);
        }
    }
    assert!(world.licenses_of(MAIL).await.is_empty());
    assert_eq!((tokens().await, &world.orders().await[0]["status"]), (json!(100), &json!("disputed")));
    for page in &pages {
        world.happens(page, Event::Won).await;
    }
    assert_eq!((world.licenses_of(MAIL).await.len(), tokens().await), (1, json!(110)));
    assert!(world.orders().await.iter().all(|order| order["status"] == "paid"));
    // The end of a dispute may be told before its beginning.
    for page in &pages {
        let (begun, won) = (world.event_of(page, Event::Disputed), world.event_of(page, Event::Won));
        for event in [&won, &begun] {
            assert_eq!(world.deliver(event).await.status, 200);
        }
    }
    assert!(world.orders().await.iter().all(|order| order["status"] == "paid"));
    assert_eq!((&world.licenses_of(MAIL).await[0]["status"], tokens().await), (&json!("active"), json!(110)));
    // One that is lost leaves nothing to take.
    let page = world.ordered(&policy, "b@y.z").await;
    world.till.show_card(&page, "4242");
    let paid = world.event_of(&page, Event::Paid);
    world.happens(&page, Event::Disputed).await;
    world.deliver(&paid).await;
    world.happens(&page, Event::Lost).await;
    // Of orders of one instant none is newer.
    let orders = world.orders().await;
    let order = orders.iter().find(|order| order["email"] == "b@y.z").unwrap();
    assert_eq!((world.licenses_of("b@y.z").await.len(), &order["status"]), (0, &json!("refunded")));
    world.audit(L1).await;
}

#[tokio::test]
async fn a_suspension_of_the_vendors_own_outlasts_a_dispute() {
    let world = World::empty().await;
    let policy = world.policy(perpetual("studio")).await;
    let session = world.ordered(&policy, MAIL).await;
    world.pay(&session).await;
    let key = world.licenses_of(MAIL).await[0]["licenseKey"].as_str().unwrap().to_owned();
    world.happens(&session, Event::Disputed).await;
    let path = format!("/v1/admin/licenses/{key}");
    world.admin("PATCH", &path, json!({"state": "active"})).await;
    world.admin("PATCH", &path, json!({"state": "suspended", "reason": "abuse"})).await;
    world.happens(&session, Event::Won).await;
    assert_eq!(world.seen(&key).await["status"], "suspended");
    // So does one from before the dispute.
    for event in [Event::Disputed, Event::Won] {
        world.happens(&session, event).await;
        assert_eq!(world.seen(&key).await["status"], "suspended", "{event:?}");
    }
    world.admin("PATCH", &path, json!({"state": "active"})).await;
    world.happens(&session, Event::Disputed).await;
    world.happens(&session, Event::Won).await;
    assert_eq!(world.seen(&key).await["status"], "active");
}

#[tokio::test]
async fn each_paid_period_of_a_subscription_moves_the_end() {
    let world = World::new().await;
    let session = world.ordered("sub", MAIL).await;
    assert_eq!(world.till.session(&session).unwrap().mode, "subscription");
    // Stripe tells of the first invoice before the order itself, as it happens.
    world.till.show_card(&session, "4242");
    world.happens(&session, Event::PeriodPaid).await;
    world.pay(&session).await;
    let key = world.licenses_of(MAIL).await[0]["licenseKey"].as_str().unwrap().to_owned();
    assert_eq!(world.seen(&key).await["validUntil"], "2026-02-03T00:00:00.000Z");
    world.clock.advance_seconds(30 * 86_400);
    let event = world.event_of(&session, Event::PeriodPaid);
    for _ in 0..2 {
        assert_eq!(world.deliver(&event).await.status, 200);
    }
    let result = world.seen(&key).await;
    assert_eq!(
        (&result["validUntil"], &result["nextBillingDate"]),
        (&json!("2026-03-05T00:00:00.000Z"), &json!("2026-03-05T00:00:00.000Z"))
    );
    // A period's refund is known by the payment that the invoice named: the period before it stays.
    world.happens(&session, Event::Refunded).await;
    assert_eq!(world.seen(&key).await["validUntil"], "2026-02-03T00:00:00.000Z");
}

#[tokio::test]
async fn a_page_that_nobody_paid_is_closed_and_may_still_be_paid_late() {
    let world = World::empty().await;
    let policy = world.policy(perpetual("studio")).await;
    let session = world.ordered(&policy, MAIL).await;
    world.happens(&session, Event::Expired).await;
    assert_eq!(world.orders().await[0]["status"], "expired");
    world.pay(&session).await;
    assert_eq!((&world.orders().await[0]["status"], world.licenses_of(MAIL).await.len()), (&json!("paid"), 1));
    world.happens(&session, Event::Expired).await;
    assert_eq!(world.orders().await[0]["status"], "paid");
}
