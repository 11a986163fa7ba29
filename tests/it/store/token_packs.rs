//! Packs of tokens for accounts and organizations: where to pay, and what a payment gives or takes back (seed 004's next steps 8 and 9).

use bytes::Bytes;
use futures_util::future::join_all;
use http::Request;
use local::stripe::Event;
use serde_json::{Value, json};

use crate::support::{ADMIN_KEY, Reply, TestApp, send};

impl TestApp {
    /// A project that sells packs, with the account `u` (100 tokens) and the organization `acme` on `pro`.
    async fn selling() -> Self {
        let app = Self::empty().await;
        let pack = |id: &str, tokens: i64| json!({"packId": id, "name": format!("{tokens} tokens"), "tokens": tokens, "price": {"amount": 29, "currency": "usd"}});
        let with = |mut pack: Value, name: &str, value: &str| {
            pack[name] = json!(value);
            pack
        };
        app
            .project_settings(json!({
                "accounts": {"packs": [pack("tokens_500", 500), with(with(pack("kept", 50), "onRefund", "keep"), "onDispute", "keep")]},
                "organizations": {"packs": [pack("tokens_500", 500), with(pack("goals", 40), "tokenType", "goal_generation")]},
            }))
            .await;
        let made = app.backend("POST", "/v1/accounts", json!({"accountId": "u", "tier": "Gift"})).await;
        assert_eq!(made.status, 201, "{}", made.text);
        let made = app.backend("POST", "/v1/organizations", json!({"organizationId": "acme", "plan": "pro"})).await;
        assert_eq!(made.status, 201, "{}", made.text);
        app
    }

    /// Calls a route as the vendor's backend.
    pub(crate) async fn backend(&self, method: &str, path: &str, body: Value) -> Reply {
        self.backend_as(ADMIN_KEY, method, path, body).await
    }

    async fn backend_as(&self, key: &str, method: &str, path: &str, body: Value) -> Reply {
        let request = Request::builder()
            .method(method)
            .uri(path)
            .header("authorization", format!("Bearer {key}"))
            .header("x-project-id", &self.project_id);
        let body = if body.is_null() { Bytes::new() } else { Bytes::from(body.to_string()) };
        self.send(request.body(body).unwrap()).await
    }

    /// Orders a pack; the payment page's id.
    async fn pack(&self, owner: &str, pack: &str) -> String {
        // No two orders are of one instant: the newest is the first in the list.
        self.clock.advance_seconds(1);
        let answer = self.backend("POST", &format!("/v1/{owner}/checkout-link"), json!({"packId": pack})).await;
        assert_eq!(answer.status, 200, "{}", answer.text);
        answer.text_of("sessionId").to_owned()
    }

    async fn balance_of(&self, account: &str) -> i64 {
        self.backend("GET", &format!("/v1/accounts/{account}"), Value::Null).await.int_of("tokensBalance")
    }

    /// Balances of the pools of `acme`, by kind.
    async fn pool_of(&self, kind: &str) -> i64 {
        let reply = self.backend("GET", "/v1/organizations/acme", Value::Null).await.body;
        let pools = reply["tokens"]["byType"].as_array().unwrap().clone();
        pools.iter().find(|pool| pool["tokenType"] == kind).and_then(|pool| pool["balance"].as_i64()).unwrap()
    }

    /// The account's ledger, oldest first: type and amount. Its hashes and sums are right.
    async fn moves(&self) -> Vec<(String, i64)> {
        let checked = self.backend("GET", "/v1/accounts/u/verification", Value::Null).await;
        assert_eq!(checked.body["intact"], true, "{}", checked.text);
        let reply = self.backend("GET", "/v1/accounts/u/entries?limit=100", Value::Null).await.body;
        let row =
            |entry: &Value| (entry["operationType"].as_str().unwrap().to_owned(), entry["amount"].as_i64().unwrap());
        reply["entries"].as_array().unwrap().iter().rev().map(row).collect()
    }
}

fn rows(rows: &[(&str, i64)]) -> Vec<(String, i64)> {
    rows.iter().map(|(name, amount)| ((*name).to_owned(), *amount)).collect()
}

#[tokio::test]
async fn a_pack_is_sold_to_an_account_and_to_a_pool() {
    let app = TestApp::selling().await;
    let session = app.pack("accounts/u", "tokens_500").await;
    let page = app.stripe.session(&session).unwrap();
    assert_eq!((page.amount, page.currency.as_str(), page.email.as_str()), (2_900, "usd", ""));
    assert_eq!(app.balance_of("u").await, 100, "nobody paid");
    let event = app.pay(&session).await;
    assert_eq!(app.deliver(&event).await.status, 200, "told twice");
    assert_eq!(app.balance_of("u").await, 600);
    assert_eq!(app.moves().await, rows(&[("opening", 100), ("purchase", 500)]));
    let entries = app.backend("GET", "/v1/accounts/u/entries?type=purchase", Value::Null).await.body;
    let order = app.orders().await[0].clone();
    let facts = json!({"orderId": order["orderId"], "packId": "tokens_500"});
    assert_eq!((&entries["entries"][0]["metadata"], &entries["entries"][0]["category"]), (&facts, &json!("granted")));
    assert_eq!(
        (&order["status"], &order["accountId"], &order["packId"]),
        (&json!("paid"), &json!("u"), &json!("tokens_500"))
    );
    let reply = app.backend("GET", "/v1/accounts/u/statistics", Value::Null).await;
    assert_eq!((reply.int_of("totalEarned"), reply.int_of("totalSpent")), (600, 0));

    for (pack, kind, before, after) in [("goals", "goal_generation", 20, 60), ("tokens_500", "general", 50, 550)] {
        assert_eq!(app.pool_of(kind).await, before);
        let session = app.pack("organizations/acme", pack).await;
        app.pay(&session).await;
        assert_eq!(app.pool_of(kind).await, after, "{pack}");
        let order = app.orders().await[0].clone();
        assert_eq!((&order["organizationId"], &order["tokenType"]), (&json!("acme"), &json!(kind)));
        assert!(order["accountId"].is_null(), "{order}");
    }
    // The plan's allocation is set anew each period; what was bought stays.
    app.clock.advance_seconds(31 * 86_400);
    assert_eq!((app.pool_of("general").await, app.pool_of("goal_generation").await), (550, 60));
}

#[tokio::test]
async fn what_cannot_be_sold_is_refused() {
    let app = TestApp::selling().await;
    let ask = |owner: &str, body: Value| {
        let path = format!("/v1/{owner}/checkout-link");
        let app = &app;
        async move { app.backend("POST", &path, body).await }
    };
    let pack = json!({"packId": "tokens_500"});
    ask("accounts/nobody", pack.clone()).await.refused(404, "ACCOUNT_NOT_FOUND");
    ask("organizations/nobody", pack.clone()).await.refused(404, "ORGANIZATION_NOT_FOUND");
    ask("accounts/u", json!({"packId": "goals"})).await.refused(403, "TOPUP_NOT_AVAILABLE");
    for bad in [
        json!({}),
        json!({"packId": 1}),
        json!({"packId": "tokens_500", "amount": 1}),
        json!({"packId": "tokens_500", "customerEmail": "nobody"}),
        json!({"packId": "tokens_500", "redirectUrl": "javascript:x"}),
    ] {
        ask("accounts/u", bad).await.refused(400, "BAD_REQUEST");
    }
    // Keys for other things sell nothing.
    let key = json!({"name": "k", "scopes": ["licenses"], "projectId": app.project_id});
    let key = app.admin("POST", "/v1/admin/keys", key).await.text_of("key").to_owned();
    let refused = app.backend_as(&key, "POST", "/v1/accounts/u/checkout-link", pack.clone()).await;
    assert_eq!(refused.status, 403, "{}", refused.text);
    let dry = app.backend("POST", "/v1/accounts/u/checkout-link?dryRun=true", pack.clone()).await;
    assert!(dry.status < 300, "{}", dry.text);
    let said = json!({"packId": "tokens_500", "dryRun": true});
    let dry = app.backend("POST", "/v1/organizations/acme/checkout-link", said).await;
    assert_eq!((dry.status, &dry.body["dryRun"]), (200, &json!(true)), "{}", dry.text);
    assert_eq!((app.orders().await.len(), app.stripe.sessions().len()), (0, 0), "nothing was ordered");
    // A list of packs that nobody could pay is not kept.
    let path = format!("/v1/admin/projects/{}", app.project_id);
    for (section, bad) in [
        ("accounts", json!({"packId": "p", "name": "P", "tokens": 0, "price": {"amount": 1, "currency": "USD"}})),
        ("accounts", json!({"packId": "p", "name": "P", "tokens": 1, "price": {"amount": 0, "currency": "USD"}})),
        ("accounts", json!({"packId": "p", "name": "P", "tokens": 1, "price": {"amount": 1.5, "currency": "JPY"}})),
        (
            "accounts",
            json!({"packId": "p", "name": "P", "tokens": 1, "price": {"amount": 1, "currency": "USD"}, "tokenType": "general"}),
        ),
        (
            "organizations",
            json!({"packId": "p", "name": "P", "tokens": 1, "price": {"amount": 1, "currency": "USD"}, "tokenType": "x"}),
        ),
        (
            "organizations",
            json!({"packId": "p", "name": "P", "tokens": 1, "price": {"amount": 1, "currency": "USD"}, "onRefund": "suspend"}),
        ),
    ] {
        let change = json!({"settings": {section: {"packs": [bad]}}});
        app.admin("PATCH", &path, change).await.refused(400, "BAD_REQUEST");
    }
}

#[tokio::test]
async fn a_named_order_is_made_once_and_a_second_open_page_sells_once() {
    let app = TestApp::selling().await;
    let ask = |pack: &str| {
        let body = json!({"packId": pack, "operationId": "op-1", "customerEmail": "Grace@example.com"});
        let app = &app;
        async move { app.backend("POST", "/v1/accounts/u/checkout-link", body).await }
    };
    let (first, again) = (ask("tokens_500").await, ask("tokens_500").await);
    assert_eq!(first.text_of("sessionId"), again.text_of("sessionId"));
    ask("kept").await.refused(422, "IDEMPOTENCY_KEY_REUSED");
    let session = first.text_of("sessionId").to_owned();
    assert_eq!(app.stripe.session(&session).unwrap().email, "grace@example.com");
    app.pay(&session).await;
    let paid = ask("tokens_500").await;
    assert!(paid.text_of("checkoutUrl").contains("status=success"), "{}", paid.text);
    assert_eq!((app.stripe.sessions().len(), app.balance_of("u").await), (1, 600));

    // Two pages of one buyer, both paid: the second payment goes back.
    let (one, two) = (app.pack("accounts/u", "tokens_500").await, app.pack("accounts/u", "tokens_500").await);
    app.pay(&two).await;
    app.pay(&one).await;
    assert_eq!((app.balance_of("u").await, app.stripe.refunded().len()), (1_100, 1));
    let unapplied: Vec<_> =
        app.orders().await.iter().flat_map(|order| order["unapplied"].as_array().unwrap().clone()).collect();
    assert_eq!((unapplied.len(), &unapplied[0]["reason"]), (1, &json!("duplicate")));
    // A page that is opened after that is another purchase; and so is another buyer's.
    let three = app.pack("accounts/u", "tokens_500").await;
    app.pay(&three).await;
    let (four, five) = (app.pack("organizations/acme", "tokens_500").await, app.pack("accounts/u", "kept").await);
    app.pay(&five).await;
    app.pay(&four).await;
    assert_eq!((app.balance_of("u").await, app.pool_of("general").await), (1_650, 550));
}

#[tokio::test]
async fn a_payment_that_goes_back_takes_what_it_bought() {
    let app = TestApp::selling().await;
    let session = app.pack("accounts/u", "tokens_500").await;
    app.pay(&session).await;
    let spent = json!({"operationType": "x", "amount": 550, "operationId": "spent"});
    app.backend("POST", "/v1/accounts/u/debit", spent).await;
    app.happens(&session, Event::PartlyRefunded).await;
    let share = app.moves().await.last().unwrap().clone();
    assert!(share.0 == "refund" && share.1 < 0 && share.1 > -500, "{share:?}");
    app.happens(&session, Event::Refunded).await;
    assert_eq!(app.balance_of("u").await, -450, "what is spent becomes a debt");
    let reply = app.backend("GET", "/v1/accounts/u", Value::Null).await;
    assert_eq!(reply.int_of("tokensSpent"), 550);
    assert_eq!(app.orders().await[0]["status"], "refunded");

    // A dispute takes them until it is won.
    let session = app.pack("accounts/u", "tokens_500").await;
    app.pay(&session).await;
    for (event, balance, status) in [
        (Event::Disputed, -450, "disputed"),
        (Event::Won, 50, "paid"),
        (Event::Disputed, -450, "disputed"),
        (Event::Lost, -450, "refunded"),
    ] {
        app.happens(&session, event).await;
        assert_eq!((app.balance_of("u").await, &app.orders().await[0]["status"]), (balance, &json!(status)));
    }
    // Unless the pack says otherwise.
    let session = app.pack("accounts/u", "kept").await;
    app.pay(&session).await;
    for event in [Event::Disputed, Event::Won, Event::Refunded] {
        app.happens(&session, event).await;
        assert_eq!(app.balance_of("u").await, -400, "{event:?}");
    }
    app.moves().await;
}

/// All orders of three messages about one payment, each told twice.
#[tokio::test]
async fn messages_in_any_order_lead_to_the_same() {
    let orders = [[0, 1, 2], [0, 2, 1], [1, 0, 2], [1, 2, 0], [2, 0, 1], [2, 1, 0]];
    for (last, balance, status) in [
        ([Event::Paid, Event::PartlyRefunded, Event::Refunded], 100, "refunded"),
        ([Event::Paid, Event::Disputed, Event::Won], 600, "paid"),
        ([Event::Paid, Event::Disputed, Event::Lost], 100, "refunded"),
    ] {
        for order in orders {
            let app = TestApp::selling().await;
            let session = app.pack("accounts/u", "tokens_500").await;
            app.stripe.show_card(&session, "4242");
            let mut events = Vec::new();
            for event in last {
                events.push(app.event_of(&session, event));
                app.clock.advance_seconds(1);
            }
            for index in order {
                for _ in 0..2 {
                    assert_eq!(app.deliver(&events[index]).await.status, 200);
                }
            }
            assert_eq!(app.balance_of("u").await, balance, "{last:?} {order:?}");
            assert_eq!(app.orders().await[0]["status"], *status, "{last:?} {order:?}");
            let sum: i64 = app.moves().await.iter().map(|(_, amount)| amount).sum();
            assert_eq!(sum, balance, "the ledger adds up");
        }
    }
}

#[tokio::test]
async fn what_is_paid_is_delivered_to_a_full_wallet_and_once() {
    let app = TestApp::selling().await;
    // Fifty grants with ends of their own: another one has no place.
    for day in 0..60 {
        let body = json!({"operationType": "bonus", "amount": 1, "operationId": format!("b{day}"),
            "expiresAt": format!("2027-01-01T00:{day:02}:00Z")});
        app.backend("POST", "/v1/accounts/u/credit", body).await;
    }
    let full = app.balance_of("u").await;
    assert!(full < 160, "some were refused: {full}");
    let session = app.pack("accounts/u", "tokens_500").await;
    app.stripe.show_card(&session, "4242");
    let event = app.event_of(&session, Event::Paid);
    let other = app.another_process().await;
    let answers = join_all((0..12).map(|index| {
        let host = if index % 2 == 0 { &app.host } else { &other };
        send(host, app.message(&event))
    }));
    for answer in answers.await {
        assert_eq!(answer.status, 200, "{}", answer.text);
    }
    assert_eq!(app.balance_of("u").await, full + 500);
    // A year later all those grants have ended: more than one transaction settles beside what was paid.
    let session = app.pack("accounts/u", "tokens_500").await;
    app.clock.advance_seconds(400 * 86_400);
    app.pay(&session).await;
    let bought: Vec<_> = app.moves().await.into_iter().filter(|(name, _)| name == "purchase").collect();
    assert_eq!(bought, rows(&[("purchase", 500), ("purchase", 500)]));
}

/// Stops the process after each round trip of each message, then has it delivered again; and loses replies after the effect.
#[tokio::test]
async fn a_message_that_was_cut_short_gives_or_takes_a_pack_once() {
    for cut in 0..6 {
        for is_killed in [true, false] {
            let app = TestApp::selling().await;
            let session = app.pack("accounts/u", "tokens_500").await;
            app.stripe.show_card(&session, "4242");
            for (event, balance) in [(Event::Paid, 600), (Event::Refunded, 100)] {
                let event = app.event_of(&session, event);
                let table = &app.host.app.table;
                if is_killed {
                    table.stop_after(Some(cut))
                } else {
                    table.lose_after(cut)
                }
                let cut_short = app.deliver(&event).await;
                table.stop_after(None);
                table.set(shared::table::fault::Faults::default());
                assert!(cut_short.status == 200 || cut_short.status >= 500, "{}", cut_short.text);
                assert_eq!(app.deliver(&event).await.status, 200, "after {cut}");
                assert_eq!(app.balance_of("u").await, balance, "after {cut}");
            }
            assert_eq!(
                app.moves().await,
                rows(&[("opening", 100), ("purchase", 500), ("refund", -500)]),
                "after {cut}"
            );
        }
    }
}

#[tokio::test]
async fn a_project_takes_the_money_of_its_mode_only() {
    let app = TestApp::selling().await;
    app.project_settings(json!({"payments": {"mode": "live"}})).await;
    app.stripe.say_livemode(Some(false));
    let session = app.pack("accounts/u", "tokens_500").await;
    app.pay(&session).await;
    assert_eq!(app.balance_of("u").await, 100);
    assert_eq!(app.orders().await[0]["otherMode"].as_array().unwrap().len(), 1);
}
