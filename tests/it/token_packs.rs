//! Packs of tokens for accounts and organizations: where to pay, and what a payment gives or takes back (seed 004's next steps 8 and 9).

use bytes::Bytes;
use futures_util::future::join_all;
use http::Request;
use local::stripe::Event;
use serde_json::{Value, json};

use crate::support::{ADMIN_KEY, Reply, World, send};

impl World {
    /// A project that sells packs, with the account `u` (100 tokens) and the organization `acme` on `pro`.
    async fn selling() -> Self {
        let world = Self::empty().await;
        let pack = |id: &str, tokens: i64| json!({"packId": id, "name": format!("{tokens} tokens"), "tokens": tokens, "price": {"amount": 29, "currency": "usd"}});
        let with = |mut pack: Value, name: &str, value: &str| {
            pack[name] = json!(value);
            pack
        };
        world
            .project_settings(json!({
                "accounts": {"packs": [pack("tokens_500", 500), with(with(pack("kept", 50), "onRefund", "keep"), "onDispute", "keep")]},
                "organizations": {"packs": [pack("tokens_500", 500), with(pack("goals", 40), "tokenType", "goal_generation")]},
            }))
            .await;
        let made = world.backend("POST", "/v1/accounts", json!({"accountId": "u", "tier": "Gift"})).await;
        assert_eq!(made.status, 201, "{}", made.text);
        let made = world.backend("POST", "/v1/organizations", json!({"organizationId": "acme", "plan": "pro"})).await;
        assert_eq!(made.status, 201, "{}", made.text);
        world
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
    let world = World::selling().await;
    let session = world.pack("accounts/u", "tokens_500").await;
    let page = world.till.session(&session).unwrap();
    assert_eq!((page.amount, page.currency.as_str(), page.email.as_str()), (2_900, "usd", ""));
    assert_eq!(world.balance_of("u").await, 100, "nobody paid");
    let event = world.pay(&session).await;
    assert_eq!(world.deliver(&event).await.status, 200, "told twice");
    assert_eq!(world.balance_of("u").await, 600);
    assert_eq!(world.moves().await, rows(&[("opening", 100), ("purchase", 500)]));
    let entries = world.backend("GET", "/v1/accounts/u/entries?type=purchase", Value::Null).await.body;
    let order = world.orders().await[0].clone();
    let facts = json!({"orderId": order["orderId"], "packId": "tokens_500"});
    assert_eq!((&entries["entries"][0]["metadata"], &entries["entries"][0]["category"]), (&facts, &json!("granted")));
    assert_eq!(
        (&order["status"], &order["accountId"], &order["packId"]),
        (&json!("paid"), &json!("u"), &json!("tokens_500"))
    );
    let reply = world.backend("GET", "/v1/accounts/u/statistics", Value::Null).await;
    assert_eq!((reply.int_of("totalEarned"), reply.int_of("totalSpent")), (600, 0));

    for (pack, kind, before, after) in [("goals", "goal_generation", 20, 60), ("tokens_500", "general", 50, 550)] {
        assert_eq!(world.pool_of(kind).await, before);
        let session = world.pack("organizations/acme", pack).await;
        world.pay(&session).await;
        assert_eq!(world.pool_of(kind).await, after, "{pack}");
        let order = world.orders().await[0].clone();
        assert_eq!((&order["organizationId"], &order["tokenType"]), (&json!("acme"), &json!(kind)));
        assert!(order["accountId"].is_null(), "{order}");
    }
    // The plan's allocation is set anew each period; what was bought stays.
    world.clock.advance_seconds(31 * 86_400);
    assert_eq!((world.pool_of("general").await, world.pool_of("goal_generation").await), (550, 60));
}

#[tokio::test]
async fn what_cannot_be_sold_is_refused() {
    let world = World::selling().await;
    let ask = |owner: &str, body: Value| {
        let path = format!("/v1/{owner}/checkout-link");
        let world = &world;
        async move { world.backend("POST", &path, body).await }
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
    let key = json!({"name": "k", "scopes": ["licenses"], "projectId": world.project_id});
    let key = world.admin("POST", "/v1/admin/keys", key).await.text_of("key").to_owned();
    let refused = world.backend_as(&key, "POST", "/v1/accounts/u/checkout-link", pack.clone()).await;
    assert_eq!(refused.status, 403, "{}", refused.text);
    let dry = world.backend("POST", "/v1/accounts/u/checkout-link?dryRun=true", pack.clone()).await;
    assert!(dry.status < 300, "{}", dry.text);
    let said = json!({"packId": "tokens_500", "dryRun": true});
    let dry = world.backend("POST", "/v1/organizations/acme/checkout-link", said).await;
    assert_eq!((dry.status, &dry.body["dryRun"]), (200, &json!(true)), "{}", dry.text);
    assert_eq!((world.orders().await.len(), world.till.sessions().len()), (0, 0), "nothing was ordered");
    // A list of packs that nobody could pay is not kept.
    let path = format!("/v1/admin/projects/{}", world.project_id);
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
        world.admin("PATCH", &path, change).await.refused(400, "BAD_REQUEST");
    }
}

#[tokio::test]
async fn a_named_order_is_made_once_and_a_second_open_page_sells_once() {
    let world = World::selling().await;
    let ask = |pack: &str| {
        let body = json!({"packId": pack, "operationId": "op-1", "customerEmail": "Grace@example.com"});
        let world = &world;
        async move { world.backend("POST", "/v1/accounts/u/checkout-link", body).await }
    };
    let (first, again) = (ask("tokens_500").await, ask("tokens_500").await);
    assert_eq!(first.text_of("sessionId"), again.text_of("sessionId"));
    ask("kept").await.refused(422, "IDEMPOTENCY_KEY_REUSED");
    let session = first.text_of("sessionId").to_owned();
    assert_eq!(world.till.session(&session).unwrap().email, "grace@example.com");
    world.pay(&session).await;
    let paid = ask("tokens_500").await;
    assert!(paid.text_of("checkoutUrl").contains("status=success"), "{}", paid.text);
    assert_eq!((world.till.sessions().len(), world.balance_of("u").await), (1, 600));

    // Two pages of one buyer, both paid: the second payment goes back.
    let (one, two) = (world.pack("accounts/u", "tokens_500").await, world.pack("accounts/u", "tokens_500").await);
    world.pay(&two).await;
    world.pay(&one).await;
    assert_eq!((world.balance_of("u").await, world.till.refunded().len()), (1_100, 1));
    let unapplied: Vec<_> =
        world.orders().await.iter().flat_map(|order| order["unapplied"].as_array().unwrap().clone()).collect();
    assert_eq!((unapplied.len(), &unapplied[0]["reason"]), (1, &json!("duplicate")));
    // A page that is opened after that is another purchase; and so is another buyer's.
    let three = world.pack("accounts/u", "tokens_500").await;
    world.pay(&three).await;
    let (four, five) = (world.pack("organizations/acme", "tokens_500").await, world.pack("accounts/u", "kept").await);
    world.pay(&five).await;
    world.pay(&four).await;
    assert_eq!((world.balance_of("u").await, world.pool_of("general").await), (1_650, 550));
}

#[tokio::test]
async fn a_payment_that_goes_back_takes_what_it_bought() {
    let world = World::selling().await;
    let session = world.pack("accounts/u", "tokens_500").await;
    world.pay(&session).await;
    let spent = json!({"operationType": "x", "amount": 550, "operationId": "spent"});
    world.backend("POST", "/v1/accounts/u/debit", spent).await;
    world.happens(&session, Event::PartlyRefunded).await;
    let share = world.moves().await.last().unwrap().clone();
    assert!(share.0 == "refund" && share.1 < 0 && share.1 > -500, "{share:?}");
    world.happens(&session, Event::Refunded).await;
    assert_eq!(world.balance_of("u").await, -450, "what is spent becomes a debt");
    let reply = world.backend("GET", "/v1/accounts/u", Value::Null).await;
    assert_eq!(reply.int_of("tokensSpent"), 550);
    assert_eq!(world.orders().await[0]["status"], "refunded");

    // A dispute takes them until it is won.
    let session = world.pack("accounts/u", "tokens_500").await;
    world.pay(&session).await;
    for (event, balance, status) in [
        (Event::Disputed, -450, "disputed"),
        (Event::Won, 50, "paid"),
        (Event::Disputed, -450, "disputed"),
        (Event::Lost, -450, "refunded"),
    ] {
        world.happens(&session, event).await;
        assert_eq!((world.balance_of("u").await, &world.orders().await[0]["status"]), (balance, &json!(status)));
    }
    // Unless the pack says otherwise.
    let session = world.pack("accounts/u", "kept").await;
    world.pay(&session).await;
    for event in [Event::Disputed, Event::Won, Event::Refunded] {
        world.happens(&session, event).await;
        assert_eq!(world.balance_of("u").await, -400, "{event:?}");
    }
    world.moves().await;
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
            let world = World::selling().await;
            let session = world.pack("accounts/u", "tokens_500").await;
            world.till.show_card(&session, "4242");
            let mut events = Vec::new();
            for event in last {
                events.push(world.event_of(&session, event));
                world.clock.advance_seconds(1);
            }
            for index in order {
                for _ in 0..2 {
                    assert_eq!(world.deliver(&events[index]).await.status, 200);
                }
            }
            assert_eq!(world.balance_of("u").await, balance, "{last:?} {order:?}");
            assert_eq!(world.orders().await[0]["status"], *status, "{last:?} {order:?}");
            let sum: i64 = world.moves().await.iter().map(|(_, amount)| amount).sum();
            assert_eq!(sum, balance, "the ledger adds up");
        }
    }
}

#[tokio::test]
async fn what_is_paid_is_delivered_to_a_full_wallet_and_once() {
    let world = World::selling().await;
    // Fifty grants with ends of their own: another one has no place.
    for day in 0..60 {
        let body = json!({"operationType": "bonus", "amount": 1, "operationId": format!("b{day}"),
            "expiresAt": format!("2027-01-01T00:{day:02}:00Z")});
        world.backend("POST", "/v1/accounts/u/credit", body).await;
    }
    let full = world.balance_of("u").await;
    assert!(full < 160, "some were refused: {full}");
    let session = world.pack("accounts/u", "tokens_500").await;
    world.till.show_card(&session, "4242");
    let event = world.event_of(&session, Event::Paid);
    let other = world.another_process().await;
    let answers = join_all((0..12).map(|index| {
        let host = if index % 2 == 0 { &world.host } else { &other };
        send(host, world.message(&event))
    }));
    for answer in answers.await {
        assert_eq!(answer.status, 200, "{}", answer.text);
    }
    assert_eq!(world.balance_of("u").await, full + 500);
    // A year later all those grants have ended: more than one transaction settles beside what was paid.
    let session = world.pack("accounts/u", "tokens_500").await;
    world.clock.advance_seconds(400 * 86_400);
    world.pay(&session).await;
    let bought: Vec<_> = world.moves().await.into_iter().filter(|(name, _)| name == "purchase").collect();
    assert_eq!(bought, rows(&[("purchase", 500), ("purchase", 500)]));
}

/// Stops the process after each round trip of each message, then has it delivered again; and loses replies after the effect.
#[tokio::test]
async fn a_message_that_was_cut_short_gives_or_takes_a_pack_once() {
    for cut in 0..6 {
        for is_killed in [true, false] {
            let world = World::selling().await;
            let session = world.pack("accounts/u", "tokens_500").await;
            world.till.show_card(&session, "4242");
            for (event, balance) in [(Event::Paid, 600), (Event::Refunded, 100)] {
                let event = world.event_of(&session, event);
                let table = &world.host.app.table;
                if is_killed {
                    table.stop_after(Some(cut))
                } else {
                    table.lose_after(cut)
                }
                let cut_short = world.deliver(&event).await;
                table.stop_after(None);
                table.set(shared::table::fault::Faults::default());
                assert!(cut_short.status == 200 || cut_short.status >= 500, "{}", cut_short.text);
                assert_eq!(world.deliver(&event).await.status, 200, "after {cut}");
                assert_eq!(world.balance_of("u").await, balance, "after {cut}");
            }
            assert_eq!(
                world.moves().await,
                rows(&[("opening", 100), ("purchase", 500), ("refund", -500)]),
                "after {cut}"
            );
        }
    }
}

#[tokio::test]
async fn a_project_takes_the_money_of_its_mode_only() {
    let world = World::selling().await;
    world.project_settings(json!({"payments": {"mode": "live"}})).await;
    world.till.say_livemode(Some(false));
    let session = world.pack("accounts/u", "tokens_500").await;
    world.pay(&session).await;
    assert_eq!(world.balance_of("u").await, 100);
    assert_eq!(world.orders().await[0]["otherMode"].as_array().unwrap().len(), 1);
}
