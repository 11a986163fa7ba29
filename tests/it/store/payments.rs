//! What payments give over time: periods of subscriptions, refunds of one of them, messages in any order, test money, payments
//! that bought nothing.

use local::demo;
use local::stripe::Event;
use ltlm_protocol::limits;
use serde_json::{Value, json};
use shared::service::ports::Clock;

use crate::store::{MAIL, perpetual, trial};
use crate::support::{L1, TestApp, device};

const DAY: i64 = 86_400;

/// All orders of so many things.
fn permutations(count: usize) -> Vec<Vec<usize>> {
    if count == 0 {
        return vec![Vec::new()];
    }
    let shorter = permutations(count - 1);
    let with = |order: &Vec<usize>, place: usize| {
        let mut order = order.clone();
        order.insert(place, count - 1);
        order
    };
    shorter.iter().flat_map(|order| (0..count).map(move |place| with(order, place))).collect()
}

impl TestApp {
    /// The buyer's license as the vendor's list shows it; null if there is none.
    async fn bought(&self, email: &str) -> Value {
        self.licenses_of(email).await.first().cloned().unwrap_or_default()
    }

    /// The order of a buyer.
    async fn order_of(&self, email: &str) -> Value {
        self.orders().await.into_iter().find(|order| order["email"] == email).unwrap()
    }

    async fn delivered(&self, event: &Value) {
        let answer = self.deliver(event).await;
        assert_eq!(answer.status, 200, "{}", answer.text);
    }

    /// Messages of a subscription whose page is paid and whose next period is paid 30 days later.
    async fn two_periods(&self, email: &str) -> (String, [Value; 3]) {
        let page = self.ordered("sub", email).await;
        self.stripe.show_card(&page, "4242");
        let (first, paid) = (self.event_of(&page, Event::PeriodPaid), self.event_of(&page, Event::Paid));
        self.clock.advance_seconds(30 * DAY);
        let second = self.event_of(&page, Event::PeriodPaid);
        (page, [paid, first, second])
    }
}

/// The refund of a payment, told later.
fn refund(app: &TestApp, page: &str, payment: &Value) -> Value {
    app.clock.advance_seconds(60);
    let mut refund = app.event_of(page, Event::Refunded);
    refund["data"]["object"]["payment_intent"] = payment["data"]["object"]["payment_intent"].clone();
    refund
}

#[tokio::test]
async fn a_subscriptions_period_is_not_read_by_position() {
    for is_newest in [false, true] {
        // More lines of one-off items than a message, and than a page of the API, hold.
        for one_off in [0, 1, 9, 10, 11, 250] {
            let app = TestApp::new().await;
            app.stripe.tell_newest(is_newest);
            app.stripe.add_lines(one_off);
            let (_, messages) = app.two_periods(MAIL).await;
            for message in &messages {
                app.delivered(message).await;
            }
            let license = app.bought(MAIL).await;
            assert_eq!(license["validUntil"], "2026-03-05T00:00:00.000Z", "{one_off} lines, newest: {is_newest}");
            let order = app.order_of(MAIL).await;
            let payments: Vec<_> = order["payments"].as_array().unwrap().iter().map(|p| &p["paymentId"]).collect();
            assert!(payments.len() == 2 && payments.iter().all(|payment| payment.is_string()), "{payments:?}");
        }
    }
}

#[tokio::test]
async fn a_refund_takes_back_what_that_payment_bought() {
    let app = TestApp::new().await;
    let (page, [paid, first, second]) = app.two_periods(MAIL).await;
    for message in [&paid, &first, &second] {
        app.delivered(message).await;
    }
    // The first of two periods goes back: the second stays.
    let back = refund(&app, &page, &first);
    app.delivered(&back).await;
    app.delivered(&back).await;
    let license = app.bought(MAIL).await;
    assert_eq!((&license["state"], &license["validUntil"]), (&json!("active"), &json!("2026-03-05T00:00:00.000Z")));
    assert_eq!(app.order_of(MAIL).await["status"], "paid");
    assert!(app.stripe.cancelled().is_empty(), "it goes on");
    // Then the second: nothing stands, and nothing more is charged.
    app.delivered(&refund(&app, &page, &second)).await;
    assert_eq!(app.bought(MAIL).await["state"], "revoked");
    assert_eq!(app.order_of(MAIL).await["status"], "refunded");
    assert_eq!(app.stripe.cancelled(), [format!("sub_{page}")]);
    // The provider charges all the same.
    app.clock.advance_seconds(DAY);
    app.happens(&page, Event::PeriodPaid).await;
    let order = app.order_of(MAIL).await;
    assert_eq!(
        (app.bought(MAIL).await["state"].clone(), &order["unapplied"][0]["reason"]),
        (json!("revoked"), &json!("ended"))
    );
    // The other way round: the second period goes back, and the license ends with the first.
    let app = TestApp::new().await;
    let (page, [paid, first, second]) = app.two_periods(MAIL).await;
    for message in [&paid, &first, &second] {
        app.delivered(message).await;
    }
    app.delivered(&refund(&app, &page, &second)).await;
    let license = app.bought(MAIL).await;
    assert_eq!((&license["state"], &license["validUntil"]), (&json!("active"), &json!("2026-02-03T00:00:00.000Z")));
}

#[tokio::test]
async fn a_refund_that_fails_is_undone() {
    let app = TestApp::new().await;
    let policy = app.policy(perpetual("studio")).await;
    let (license_page, pack) = (app.ordered(&policy, MAIL).await, app.topped_up("bundle").await);
    app.pay(&license_page).await;
    app.pay(&pack).await;
    let has = async || {
        let reply = app.seen(L1).await;
        (reply["tokensRemaining"].clone(), reply["maxActivations"].clone())
    };
    assert_eq!(has().await, (json!(110), json!(4)));
    for page in [&license_page, &pack] {
        app.clock.advance_seconds(1);
        app.happens(page, Event::Refunded).await;
    }
    assert_eq!((has().await, app.bought(MAIL).await["state"].clone()), ((json!(100), json!(3)), json!("revoked")));
    for page in [&license_page, &pack] {
        app.clock.advance_seconds(1);
        let failed = app.event_of(page, Event::RefundFailed);
        app.delivered(&failed).await;
        app.delivered(&failed).await;
    }
    assert_eq!((has().await, app.bought(MAIL).await["state"].clone()), ((json!(110), json!(4)), json!("active")));
    assert!(app.orders().await.iter().all(|order| order["status"] == "paid"));
    app.audit(L1).await;
}

#[tokio::test]
async fn a_partial_refund_takes_back_tokens_only() {
    let app = TestApp::new().await;
    let policy = app.policy(perpetual("studio")).await;
    let (license_page, pack) = (app.ordered(&policy, MAIL).await, app.topped_up("bundle").await);
    app.pay(&license_page).await;
    app.pay(&pack).await;
    for page in [&license_page, &pack] {
        app.clock.advance_seconds(1);
        app.happens(page, Event::PartlyRefunded).await;
    }
    let reply = app.seen(L1).await;
    assert_eq!(
        (&reply["tokensRemaining"], &reply["maxActivations"]),
        (&json!(107), &json!(4)),
        "a third of ten tokens"
    );
    assert_eq!(app.bought(MAIL).await["state"], "active");
    assert!(app.orders().await.iter().all(|order| order["status"] == "paid"));
    // The rest goes back: so do the rest of the tokens, and all else.
    app.clock.advance_seconds(1);
    app.happens(&pack, Event::Refunded).await;
    let reply = app.seen(L1).await;
    assert_eq!((&reply["tokensRemaining"], &reply["maxActivations"]), (&json!(100), &json!(3)));
    app.audit(L1).await;
}

#[tokio::test]
async fn a_partial_refund_that_is_told_before_its_payment_takes_its_share() {
    let app = TestApp::new().await;
    let pack = app.topped_up("bundle").await;
    app.stripe.show_card(&pack, "4242");
    let paid = app.event_of(&pack, Event::Paid);
    app.clock.advance_seconds(1);
    let refunded = app.event_of(&pack, Event::PartlyRefunded);
    for message in [&refunded, &paid, &refunded, &paid] {
        app.delivered(message).await;
    }
    let reply = app.seen(L1).await;
    assert_eq!(
        (&reply["tokensRemaining"], &reply["maxActivations"]),
        (&json!(107), &json!(4)),
        "a third of ten tokens"
    );
    app.audit(L1).await;
    // The rest goes back, and nothing twice.
    app.clock.advance_seconds(1);
    app.happens(&pack, Event::Refunded).await;
    let reply = app.seen(L1).await;
    assert_eq!((&reply["tokensRemaining"], &reply["maxActivations"]), (&json!(100), &json!(3)));
    app.audit(L1).await;
}

/// What a buyer has and the vendor sees once all was told.
async fn outcome(app: &TestApp, email: &str) -> Value {
    let (license, order) = (app.bought(email).await, app.order_of(email).await);
    let is_usable = license["state"] == "active";
    json!({"status": order["status"], "payments": order["payments"], "unapplied": order["unapplied"].as_array().unwrap().len(),
        "validUntil": if is_usable { license["validUntil"].clone() } else { Value::Null }})
}

#[tokio::test]
async fn messages_of_a_purchase_lead_to_the_same_in_any_order() {
    let app = TestApp::new().await;
    let mut terms = perpetual("studio");
    terms["config"]["store"]["onDispute"] = json!("suspend");
    let policy = app.policy(terms).await;
    let mut buyers = 0;
    // Which messages: a subscription's page, its first and second period, the refund of one of them; a license's page, a dispute
    // that is won, a refund, and that it failed.
    for scenario in 0..4 {
        let mut expected = None;
        let count = if scenario < 2 { 4 } else { 3 };
        for order in permutations(count) {
            buyers += 1;
            let email = format!("b{buyers}@example.com");
            let messages = match scenario {
                0..2 => {
                    let (page, [paid, first, second]) = app.two_periods(&email).await;
                    let fourth = refund(&app, &page, if scenario == 0 { &first } else { &second });
                    vec![paid, first, second, fourth]
                }
                _ => {
                    let page = app.ordered(&policy, &email).await;
                    app.stripe.show_card(&page, "4242");
                    let later = if scenario == 2 {
                        [Event::Disputed, Event::Won]
                    } else {
                        [Event::Refunded, Event::RefundFailed]
                    };
                    let reply = |event: Event| {
                        app.clock.advance_seconds(60);
                        app.event_of(&page, event)
                    };
                    vec![reply(Event::Paid), reply(later[0]), reply(later[1])]
                }
            };
            // Each is told twice, at once and again at the end.
            for place in order.iter().chain(&order) {
                app.delivered(&messages[*place]).await;
            }
            let mut found = outcome(&app, &email).await;
            // The scenario is played at another time, with other names, for each buyer.
            let base = app.order_of(&email).await["createdAt"].as_str().unwrap().to_owned();
            let base = ltlm_protocol::Timestamp::parse(&base).unwrap().ms();
            let since =
                |at: &Value| at.as_str().map(|at| (ltlm_protocol::Timestamp::parse(at).unwrap().ms() - base) / 1_000);
            found["validUntil"] = json!(since(&found["validUntil"]));
            let payments = found["payments"].as_array().unwrap().clone();
            let payments = payments
                .iter()
                .map(|p| json!([since(&p["paidAt"]), since(&p["until"]), since(&p["refundedAt"]), p["refunded"]]));
            found["payments"] = payments.collect();
            let expected = expected.get_or_insert_with(|| found.clone());
            assert_eq!(*expected, found, "scenario {scenario}, {order:?}");
        }
        let expected = expected.unwrap();
        let until = [Some(60), Some(30), None, None][scenario].map(|days| days * DAY);
        assert_eq!(
            (&expected["status"], expected["validUntil"].as_i64()),
            (&json!("paid"), until),
            "scenario {scenario}"
        );
    }
}

#[tokio::test]
async fn only_messages_of_the_projects_mode_change_something() {
    let app = TestApp::new().await;
    let policy = app.policy(perpetual("studio")).await;
    // A project that says nothing takes real money, and what does not say counts as real.
    let page = app.ordered(&policy, MAIL).await;
    app.stripe.say_livemode(Some(false));
    app.pay(&page).await;
    for event in [Event::Refunded, Event::Disputed] {
        app.happens(&page, event).await;
    }
    let order = app.order_of(MAIL).await;
    assert_eq!((&order["status"], app.bought(MAIL).await), (&json!("open"), Value::Null));
    let kinds: Vec<_> =
        order["otherMode"].as_array().unwrap().iter().map(|reply| reply["kind"].as_str().unwrap()).collect();
    assert_eq!(kinds, ["checkout.session.completed", "charge.refunded", "charge.dispute.created"]);
    app.stripe.say_livemode(None);
    app.pay(&page).await;
    let license = app.bought(MAIL).await;
    assert_eq!((&license["state"], &license["test"]), (&json!("active"), &json!(false)));
    // One that takes test money.
    let path = format!("/v1/admin/projects/{}", app.project_id);
    let refused = app.admin("PATCH", &path, json!({"settings": {"payments": {"mode": "both"}}})).await;
    refused.refused(400, "BAD_REQUEST");
    assert_eq!(app.admin("PATCH", &path, json!({"settings": {"payments": {"mode": "test"}}})).await.status, 200);
    let page = app.ordered(&policy, "t@y.z").await;
    app.stripe.say_livemode(Some(true));
    app.pay(&page).await;
    assert_eq!(app.bought("t@y.z").await, Value::Null);
    app.stripe.say_livemode(Some(false));
    app.pay(&page).await;
    assert_eq!(
        (&app.bought("t@y.z").await["test"], &app.order_of("t@y.z").await["test"]),
        (&json!(true), &json!(true))
    );
    let counted = async |test: bool| {
        let path = format!("/v1/admin/projects/{}/licenses?test={test}", app.project_id);
        app.admin("GET", &path, Value::Null).await.body["licenses"].as_array().unwrap().len()
    };
    assert_eq!((counted(true).await, counted(false).await), (1, 2), "L1 and the one that was bought");
}

#[tokio::test]
async fn a_second_open_page_for_the_same_thing_sells_it_once() {
    let app = TestApp::new().await;
    let policy = app.policy(perpetual("studio")).await;
    let pages = [app.ordered(&policy, MAIL).await, app.ordered(&policy, MAIL).await];
    let packs = [app.topped_up("bundle").await, app.topped_up("bundle").await];
    app.clock.advance_seconds(60);
    for page in pages.iter().chain(&packs) {
        app.pay(page).await;
    }
    assert_eq!((app.licenses_of(MAIL).await.len(), &app.seen(L1).await["tokensRemaining"]), (1, &json!(110)));
    assert_eq!(
        app.stripe.refunded(),
        [format!("pi_{}", pages[1]), format!("pi_{}", packs[1])]
            .into_iter()
            .collect::<std::collections::BTreeSet<_>>()
            .into_iter()
            .collect::<Vec<_>>()
    );
    let orders = app.orders().await;
    let refused: Vec<_> = orders.iter().filter(|order| order["status"] == "refused").collect();
    assert_eq!(refused.len(), 2);
    for order in refused {
        assert_eq!((&order["unapplied"][0]["reason"], &order["acts"][0]["done"]), (&json!("duplicate"), &json!(true)));
    }
    // Of what is paid again and again, too: the second subscription ends before it has begun.
    let twice = [app.ordered("sub", "s@y.z").await, app.ordered("sub", "s@y.z").await];
    app.clock.advance_seconds(60);
    for page in &twice {
        app.pay(page).await;
    }
    assert_eq!(app.licenses_of("s@y.z").await.len(), 1);
    // Its payment comes with its period's message.
    for page in &twice {
        app.happens(page, Event::PeriodPaid).await;
    }
    assert_eq!((app.stripe.refunded().len(), app.stripe.cancelled().len()), (3, 1));
    let orders = app.orders().await;
    let of = |status: &str| orders.iter().filter(|o| o["email"] == "s@y.z" && o["status"] == status).count();
    assert_eq!((of("paid"), of("refused")), (1, 1));
    // A page that is opened after the first was paid is meant to be another one.
    app.clock.advance_seconds(60);
    let page = app.ordered(&policy, MAIL).await;
    app.clock.advance_seconds(60);
    app.pay(&page).await;
    assert_eq!(app.licenses_of(MAIL).await.len(), 2);
    // So are two operations that the caller names, and what a policy says is sold several times.
    let mut terms = perpetual("many");
    terms["config"]["store"]["allowsDuplicates"] = json!(true);
    let many = app.policy(terms).await;
    let named = async |operation: &str| {
        let body = json!({"policyId": policy, "customerEmail": "n@y.z", "operationId": operation});
        app.store("POST", "project/checkout-link", body).await.text_of("sessionId").to_owned()
    };
    let pages =
        [named("one").await, named("two").await, app.ordered(&many, "m@y.z").await, app.ordered(&many, "m@y.z").await];
    app.clock.advance_seconds(60);
    for page in &pages {
        app.pay(page).await;
    }
    assert_eq!((app.licenses_of("n@y.z").await.len(), app.licenses_of("m@y.z").await.len()), (2, 2));
}

#[tokio::test]
async fn a_pack_that_is_paid_is_delivered_to_a_wallet_that_is_full() {
    let app = TestApp::new().await;
    app.activate(L1, &device('a')).await;
    let end = app.clock.now().plus_days(20);
    let path = format!("/v1/admin/licenses/{L1}/tokens");
    let credit = |index: usize| {
        json!({"amount": 1, "reason": "bonus", "operationId": format!("b{index}"),
        "expiresAt": end.plus_seconds(i64::try_from(index).unwrap()).to_string()})
    };
    let mut given = 0;
    for index in 0..limits::GRANTS_MAX + 1 {
        given += u64::from(app.admin("POST", &path, credit(index)).await.status < 300);
    }
    assert!(given < limits::GRANTS_MAX as u64 + 1, "the wallet is full");
    let before = app.seen(L1).await["tokensRemaining"].as_i64().unwrap();
    // By two pages, whose payments are told twice; the second page was opened after the first was paid.
    for _ in 0..2 {
        let page = app.topped_up("bundle").await;
        app.clock.advance_seconds(60);
        app.pay(&page).await;
        app.pay(&page).await;
        app.clock.advance_seconds(60);
    }
    let after = app.seen(L1).await["tokensRemaining"].as_i64().unwrap();
    assert_eq!(after - before, 20, "ten tokens each");
    assert!(app.stripe.refunded().is_empty());
    let orders = app.orders().await;
    assert!(orders.iter().all(|order| order["status"] == "paid"), "{orders:?}");
}

#[tokio::test]
async fn what_is_to_be_done_at_the_provider_is_done_once_though_answers_are_lost() {
    let app = TestApp::new().await;
    let policy = app.policy(perpetual("studio")).await;
    let pages = [app.ordered(&policy, MAIL).await, app.ordered(&policy, MAIL).await];
    app.clock.advance_seconds(60);
    app.pay(&pages[0]).await;
    app.stripe.show_card(&pages[1], "4242");
    let paid = app.event_of(&pages[1], Event::Paid);
    // The provider refunds, and its answer is lost more often than the request has time for.
    app.stripe.lose_answers(1_000_000);
    let answer = app.deliver(&paid).await;
    assert!(answer.status >= 500, "{}", answer.text);
    let acts =
        async || app.orders().await.iter().find(|order| order["status"] == "refused").unwrap()["acts"][0].clone();
    assert_eq!(acts().await["done"], false, "it is still to be done");
    app.stripe.lose_answers(0);
    app.delivered(&paid).await;
    assert_eq!((acts().await["done"].clone(), app.stripe.refunded().len()), (json!(true), 1));
}

#[tokio::test]
async fn only_what_is_for_sale_can_be_ordered() {
    let app = TestApp::new().await;
    let mut hidden_trial = trial();
    hidden_trial["config"]["visibility"] = json!({"storefront": false});
    hidden_trial["slug"] = json!("hidden-trial");
    let mut hidden = demo::perp();
    hidden["slug"] = json!("hidden");
    for terms in [hidden_trial, hidden] {
        let (slug, number) = (terms["slug"].as_str().unwrap().to_owned(), app.policy(terms).await);
        for named in [&slug, &number] {
            let body = json!({"policyId": named, "customerEmail": MAIL});
            app.store("POST", "project/checkout-link", body).await.refused(404, "POLICY_NOT_FOUND");
        }
        let path = format!("/v1/admin/policies/{number}");
        let mut config = app.admin("GET", &path, Value::Null).await.body["config"].clone();
        config["store"] = json!({"forSale": true});
        assert_eq!(app.admin("PATCH", &path, json!({ "config": config })).await.status, 200);
        for named in [&slug, &number] {
            let body = json!({"policyId": named, "customerEmail": MAIL});
            assert_eq!(app.store("POST", "project/checkout-link", body).await.status, 200, "{named}");
        }
        let listed = app.store("GET", "project/buyable-policies", Value::Null).await;
        assert_eq!(listed.body.as_array().unwrap().len(), 1, "sold by its link only");
    }
    // A pack that costs nothing is not for sale.
    let mut terms = demo::sub();
    terms["topUpOptions"][1]["price"]["amount"] = json!(0);
    let path = format!("/v1/admin/policies/{}", app.seen(L1).await["policy"]["PolicyID"]);
    assert_eq!(app.admin("PATCH", &path, terms).await.status, 200);
    let ask = app.store("POST", &format!("license/{L1}/topup-link"), json!({"packId": "bundle"})).await;
    ask.refused(403, "TOPUP_NOT_AVAILABLE");
}

#[tokio::test]
async fn a_payment_page_shows_what_the_currency_costs() {
    let app = TestApp::new().await;
    for (price, currency, minor) in
        [(500.0, "JPY", 500), (500.0, "UGX", 50_000), (500.0, "ISK", 50_000), (1.25, "KWD", 1_250), (9.99, "EUR", 999)]
    {
        let mut terms = perpetual(&format!("in-{}", currency.to_lowercase()));
        (terms["price"], terms["currency"]) = (json!(price), json!(currency));
        let page = app.ordered(&app.policy(terms).await, MAIL).await;
        assert_eq!(app.stripe.session(&page).unwrap().amount, minor, "{currency}");
        let order = app.orders().await.into_iter().find(|order| order["currency"] == currency).unwrap();
        assert_eq!(order["amount"], json!(price), "{currency}");
    }
    let path = format!("/v1/admin/projects/{}/policies", app.project_id);
    for currency in ["JPY", "UGX", "ISK"] {
        let mut terms = perpetual("fraction");
        (terms["price"], terms["currency"]) = (json!(1.5), json!(currency));
        app.admin("POST", &path, terms).await.refused(400, "BAD_REQUEST");
    }
}

#[tokio::test]
async fn a_mistaken_revocation_is_taken_back() {
    let app = TestApp::new().await;
    app.set_state(L1, "revoked").await;
    let path = format!("/v1/admin/licenses/{L1}/reinstate");
    app.admin("POST", &path, json!({})).await.refused(400, "BAD_REQUEST");
    assert_eq!(app.admin("POST", &path, json!({"reason": "a mistake"})).await.text_of("status"), "active");
    let audit = app.admin("GET", "/v1/admin/audit", Value::Null).await;
    assert!(audit.text.contains("admin-reinstate"), "{}", audit.text);
    app.set_state(L1, "terminated").await;
    app.admin("POST", &path, json!({"reason": "a mistake"})).await.refused(409, "STATE_FINAL");
}
