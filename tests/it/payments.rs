//! What payments give over time: periods of subscriptions, refunds of one of them, messages in any order, test money, payments
//! that bought nothing.

use local::demo;
use local::stripe::Event;
use ltlm_protocol::limits;
use serde_json::{Value, json};
use shared::service::ports::Clock;

use crate::store::{MAIL, perpetual, trial};
use crate::support::{L1, World, device};

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

impl World {
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
        self.till.show_card(&page, "4242");
        let (first, paid) = (self.event_of(&page, Event::PeriodPaid), self.event_of(&page, Event::Paid));
        self.clock.advance_seconds(30 * DAY);
        let second = self.event_of(&page, Event::PeriodPaid);
        (page, [paid, first, second])
    }
}

/// The refund of a payment, told later.
fn refund(world: &World, page: &str, payment: &Value) -> Value {
    world.clock.advance_seconds(60);
    let mut refund = world.event_of(page, Event::Refunded);
    refund["data"]["object"]["payment_intent"] = payment["data"]["object"]["payment_intent"].clone();
    refund
}

#[tokio::test]
async fn a_subscriptions_period_is_not_read_by_position() {
    for is_newest in [false, true] {
        // More lines of one-off items than a message, and than a page of the API, hold.
        for one_off in [0, 1, 9, 10, 11, 250] {
            let world = World::new().await;
            world.till.tell_newest(is_newest);
            world.till.add_lines(one_off);
            let (_, messages) = world.two_periods(MAIL).await;
            for message in &messages {
                world.delivered(message).await;
            }
            let license = world.bought(MAIL).await;
            assert_eq!(license["validUntil"], "2026-03-05T00:00:00.000Z", "{one_off} lines, newest: {is_newest}");
            let order = world.order_of(MAIL).await;
            let payments: Vec<_> = order["payments"].as_array().unwrap().iter().map(|p| &p["paymentId"]).collect();
            assert!(payments.len() == 2 && payments.iter().all(|payment| payment.is_string()), "{payments:?}");
        }
    }
}

#[tokio::test]
async fn a_refund_takes_back_what_that_payment_bought() {
    let world = World::new().await;
    let (page, [paid, first, second]) = world.two_periods(MAIL).await;
    for message in [&paid, &first, &second] {
        world.delivered(message).await;
    }
    // The first of two periods goes back: the second stays.
    let back = refund(&world, &page, &first);
    world.delivered(&back).await;
    world.delivered(&back).await;
    let license = world.bought(MAIL).await;
    assert_eq!((&license["state"], &license["validUntil"]), (&json!("active"), &json!("2026-03-05T00:00:00.000Z")));
    assert_eq!(world.order_of(MAIL).await["status"], "paid");
    assert!(world.till.cancelled().is_empty(), "it goes on");
    // Then the second: nothing stands, and nothing more is charged.
    world.delivered(&refund(&world, &page, &second)).await;
    assert_eq!(world.bought(MAIL).await["state"], "revoked");
    assert_eq!(world.order_of(MAIL).await["status"], "refunded");
    assert_eq!(world.till.cancelled(), [format!("sub_{page}")]);
    // The provider charges all the same.
    world.clock.advance_seconds(DAY);
    world.happens(&page, Event::PeriodPaid).await;
    let order = world.order_of(MAIL).await;
    assert_eq!(
        (world.bought(MAIL).await["state"].clone(), &order["unapplied"][0]["reason"]),
        (json!("revoked"), &json!("ended"))
    );
    // The other way round: the second period goes back, and the license ends with the first.
    let world = World::new().await;
    let (page, [paid, first, second]) = world.two_periods(MAIL).await;
    for message in [&paid, &first, &second] {
        world.delivered(message).await;
    }
    world.delivered(&refund(&world, &page, &second)).await;
    let license = world.bought(MAIL).await;
    assert_eq!((&license["state"], &license["validUntil"]), (&json!("active"), &json!("2026-02-03T00:00:00.000Z")));
}

#[tokio::test]
async fn a_refund_that_fails_is_undone() {
    let world = World::new().await;
    let policy = world.policy(perpetual("studio")).await;
    let (license_page, pack) = (world.ordered(&policy, MAIL).await, world.topped_up("bundle").await);
    world.pay(&license_page).await;
    world.pay(&pack).await;
    let has = async || {
        let reply = world.seen(L1).await;
        (reply["tokensRemaining"].clone(), reply["maxActivations"].clone())
    };
    assert_eq!(has().await, (json!(110), json!(4)));
    for page in [&license_page, &pack] {
        world.clock.advance_seconds(1);
        world.happens(page, Event::Refunded).await;
    }
    assert_eq!((has().await, world.bought(MAIL).await["state"].clone()), ((json!(100), json!(3)), json!("revoked")));
    for page in [&license_page, &pack] {
        world.clock.advance_seconds(1);
        let failed = world.event_of(page, Event::RefundFailed);
        world.delivered(&failed).await;
        world.delivered(&failed).await;
    }
    assert_eq!((has().await, world.bought(MAIL).await["state"].clone()), ((json!(110), json!(4)), json!("active")));
    assert!(world.orders().await.iter().all(|order| order["status"] == "paid"));
    world.audit(L1).await;
}

#[tokio::test]
async fn a_partial_refund_takes_back_tokens_only() {
    let world = World::new().await;
    let policy = world.policy(perpetual("studio")).await;
    let (license_page, pack) = (world.ordered(&policy, MAIL).await, world.topped_up("bundle").await);
    world.pay(&license_page).await;
    world.pay(&pack).await;
    for page in [&license_page, &pack] {
        world.clock.advance_seconds(1);
        world.happens(page, Event::PartlyRefunded).await;
    }
    let reply = world.seen(L1).await;
    assert_eq!(
        (&reply["tokensRemaining"], &reply["maxActivations"]),
        (&json!(107), &json!(4)),
        "a third of ten tokens"
    );
    assert_eq!(world.bought(MAIL).await["state"], "active");
    assert!(world.orders().await.iter().all(|order| order["status"] == "paid"));
    // The rest goes back: so do the rest of the tokens, and all else.
    world.clock.advance_seconds(1);
    world.happens(&pack, Event::Refunded).await;
    let reply = world.seen(L1).await;
    assert_eq!((&reply["tokensRemaining"], &reply["maxActivations"]), (&json!(100), &json!(3)));
    world.audit(L1).await;
}

#[tokio::test]
async fn a_partial_refund_that_is_told_before_its_payment_takes_its_share() {
    let world = World::new().await;
    let pack = world.topped_up("bundle").await;
    world.till.show_card(&pack, "4242");
    let paid = world.event_of(&pack, Event::Paid);
    world.clock.advance_seconds(1);
    let refunded = world.event_of(&pack, Event::PartlyRefunded);
    for message in [&refunded, &paid, &refunded, &paid] {
        world.delivered(message).await;
    }
    let reply = world.seen(L1).await;
    assert_eq!(
        (&reply["tokensRemaining"], &reply["maxActivations"]),
        (&json!(107), &json!(4)),
        "a third of ten tokens"
    );
    world.audit(L1).await;
    // The rest goes back, and nothing twice.
    world.clock.advance_seconds(1);
    world.happens(&pack, Event::Refunded).await;
    let reply = world.seen(L1).await;
    assert_eq!((&reply["tokensRemaining"], &reply["maxActivations"]), (&json!(100), &json!(3)));
    world.audit(L1).await;
}

/// What a buyer has and the vendor sees once all was told.
async fn outcome(world: &World, email: &str) -> Value {
    let (license, order) = (world.bought(email).await, world.order_of(email).await);
    let is_usable = license["state"] == "active";
    json!({"status": order["status"], "payments": order["payments"], "unapplied": order["unapplied"].as_array().unwrap().len(),
        "validUntil": if is_usable { license["validUntil"].clone() } else { Value::Null }})
}

#[tokio::test]
async fn messages_of_a_purchase_lead_to_the_same_in_any_order() {
    let world = World::new().await;
    let mut terms = perpetual("studio");
    terms["config"]["store"]["onDispute"] = json!("suspend");
    let policy = world.policy(terms).await;
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
                    let (page, [paid, first, second]) = world.two_periods(&email).await;
                    let fourth = refund(&world, &page, if scenario == 0 { &first } else { &second });
                    vec![paid, first, second, fourth]
                }
                _ => {
                    let page = world.ordered(&policy, &email).await;
                    world.till.show_card(&page, "4242");
                    let later = if scenario == 2 {
                        [Event::Disputed, Event::Won]
                    } else {
                        [Event::Refunded, Event::RefundFailed]
                    };
                    let reply = |event: Event| {
                        world.clock.advance_seconds(60);
                        world.event_of(&page, event)
                    };
                    vec![reply(Event::Paid), reply(later[0]), reply(later[1])]
                }
            };
            // Each is told twice, at once and again at the end.
            for place in order.iter().chain(&order) {
                world.delivered(&messages[*place]).await;
            }
            let mut found = outcome(&world, &email).await;
            // The scenario is played at another time, with other names, for each buyer.
            let base = world.order_of(&email).await["createdAt"].as_str().unwrap().to_owned();
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
    let world = World::new().await;
    let policy = world.policy(perpetual("studio")).await;
    // A project that says nothing takes real money, and what does not say counts as real.
    let page = world.ordered(&policy, MAIL).await;
    world.till.say_livemode(Some(false));
    world.pay(&page).await;
    for event in [Event::Refunded, Event::Disputed] {
        world.happens(&page, event).await;
    }
    let order = world.order_of(MAIL).await;
    assert_eq!((&order["status"], world.bought(MAIL).await), (&json!("open"), Value::Null));
    let kinds: Vec<_> =
        order["otherMode"].as_array().unwrap().iter().map(|reply| reply["kind"].as_str().unwrap()).collect();
    assert_eq!(kinds, ["checkout.session.completed", "charge.refunded", "charge.dispute.created"]);
    world.till.say_livemode(None);
    world.pay(&page).await;
    let license = world.bought(MAIL).await;
    assert_eq!((&license["state"], &license["test"]), (&json!("active"), &json!(false)));
    // One that takes test money.
    let path = format!("/v1/admin/projects/{}", world.project_id);
    let refused = world.admin("PATCH", &path, json!({"settings": {"payments": {"mode": "both"}}})).await;
    refused.refused(400, "BAD_REQUEST");
    assert_eq!(world.admin("PATCH", &path, json!({"settings": {"payments": {"mode": "test"}}})).await.status, 200);
    let page = world.ordered(&policy, "t@y.z").await;
    world.till.say_livemode(Some(true));
    world.pay(&page).await;
    assert_eq!(world.bought("t@y.z").await, Value::Null);
    world.till.say_livemode(Some(false));
    world.pay(&page).await;
    assert_eq!(
        (&world.bought("t@y.z").await["test"], &world.order_of("t@y.z").await["test"]),
        (&json!(true), &json!(true))
    );
    let counted = async |test: bool| {
        let path = format!("/v1/admin/projects/{}/licenses?test={test}", world.project_id);
        world.admin("GET", &path, Value::Null).await.body["licenses"].as_array().unwrap().len()
    };
    assert_eq!((counted(true).await, counted(false).await), (1, 2), "L1 and the one that was bought");
}

#[tokio::test]
async fn a_second_open_page_for_the_same_thing_sells_it_once() {
    let world = World::new().await;
    let policy = world.policy(perpetual("studio")).await;
    let pages = [world.ordered(&policy, MAIL).await, world.ordered(&policy, MAIL).await];
    let packs = [world.topped_up("bundle").await, world.topped_up("bundle").await];
    world.clock.advance_seconds(60);
    for page in pages.iter().chain(&packs) {
        world.pay(page).await;
    }
    assert_eq!((world.licenses_of(MAIL).await.len(), &world.seen(L1).await["tokensRemaining"]), (1, &json!(110)));
    assert_eq!(
        world.till.refunded(),
        [format!("pi_{}", pages[1]), format!("pi_{}", packs[1])]
            .into_iter()
            .collect::<std::collections::BTreeSet<_>>()
            .into_iter()
            .collect::<Vec<_>>()
    );
    let orders = world.orders().await;
    let refused: Vec<_> = orders.iter().filter(|order| order["status"] == "refused").collect();
    assert_eq!(refused.len(), 2);
    for order in refused {
        assert_eq!((&order["unapplied"][0]["reason"], &order["acts"][0]["done"]), (&json!("duplicate"), &json!(true)));
    }
    // Of what is paid again and again, too: the second subscription ends before it has begun.
    let twice = [world.ordered("sub", "s@y.z").await, world.ordered("sub", "s@y.z").await];
    world.clock.advance_seconds(60);
    for page in &twice {
        world.pay(page).await;
    }
    assert_eq!(world.licenses_of("s@y.z").await.len(), 1);
    // Its payment comes with its period's message.
    for page in &twice {
        world.happens(page, Event::PeriodPaid).await;
    }
    assert_eq!((world.till.refunded().len(), world.till.cancelled().len()), (3, 1));
    let orders = world.orders().await;
    let of = |status: &str| orders.iter().filter(|o| o["email"] == "s@y.z" && o["status"] == status).count();
    assert_eq!((of("paid"), of("refused")), (1, 1));
    // A page that is opened after the first was paid is meant to be another one.
    world.clock.advance_seconds(60);
    let page = world.ordered(&policy, MAIL).await;
    world.clock.advance_seconds(60);
    world.pay(&page).await;
    assert_eq!(world.licenses_of(MAIL).await.len(), 2);
    // So are two operations that the caller names, and what a policy says is sold several times.
    let mut terms = perpetual("many");
    terms["config"]["store"]["allowsDuplicates"] = json!(true);
    let many = world.policy(terms).await;
    let named = async |operation: &str| {
        let body = json!({"policyId": policy, "customerEmail": "n@y.z", "operationId": operation});
        world.store("POST", "project/checkout-link", body).await.text_of("sessionId").to_owned()
    };
    let pages = [
        named("one").await,
        named("two").await,
        world.ordered(&many, "m@y.z").await,
        world.ordered(&many, "m@y.z").await,
    ];
    world.clock.advance_seconds(60);
    for page in &pages {
        world.pay(page).await;
    }
    assert_eq!((world.licenses_of("n@y.z").await.len(), world.licenses_of("m@y.z").await.len()), (2, 2));
}

#[tokio::test]
async fn a_pack_that_is_paid_is_delivered_to_a_wallet_that_is_full() {
    let world = World::new().await;
    world.activate(L1, &device('a')).await;
    let end = world.clock.now().plus_days(20);
    let path = format!("/v1/admin/licenses/{L1}/tokens");
    let credit = |index: usize| {
        json!({"amount": 1, "reason": "bonus", "operationId": format!("b{index}"),
        "expiresAt": end.plus_seconds(i64::try_from(index).unwrap()).to_string()})
    };
    let mut given = 0;
    for index in 0..limits::GRANTS_MAX + 1 {
        given += u64::from(world.admin("POST", &path, credit(index)).await.status < 300);
    }
    assert!(given < limits::GRANTS_MAX as u64 + 1, "the wallet is full");
    let before = world.seen(L1).await["tokensRemaining"].as_i64().unwrap();
    // By two pages, whose payments are told twice; the second page was opened after the first was paid.
    for _ in 0..2 {
        let page = world.topped_up("bundle").await;
        world.clock.advance_seconds(60);
        world.pay(&page).await;
        world.pay(&page).await;
        world.clock.advance_seconds(60);
    }
    let after = world.seen(L1).await["tokensRemaining"].as_i64().unwrap();
    assert_eq!(after - before, 20, "ten tokens each");
    assert!(world.till.refunded().is_empty());
    let orders = world.orders().await;
    assert!(orders.iter().all(|order| order["status"] == "paid"), "{orders:?}");
}

#[tokio::test]
async fn what_is_to_be_done_at_the_provider_is_done_once_though_answers_are_lost() {
    let world = World::new().await;
    let policy = world.policy(perpetual("studio")).await;
    let pages = [world.ordered(&policy, MAIL).await, world.ordered(&policy, MAIL).await];
    world.clock.advance_seconds(60);
    world.pay(&pages[0]).await;
    world.till.show_card(&pages[1], "4242");
    let paid = world.event_of(&pages[1], Event::Paid);
    // The provider refunds, and its answer is lost more often than the request has time for.
    world.till.lose_answers(1_000_000);
    let answer = world.deliver(&paid).await;
    assert!(answer.status >= 500, "{}", answer.text);
    let acts =
        async || world.orders().await.iter().find(|order| order["status"] == "refused").unwrap()["acts"][0].clone();
    assert_eq!(acts().await["done"], false, "it is still to be done");
    world.till.lose_answers(0);
    world.delivered(&paid).await;
    assert_eq!((acts().await["done"].clone(), world.till.refunded().len()), (json!(true), 1));
}

#[tokio::test]
async fn only_what_is_for_sale_can_be_ordered() {
    let world = World::new().await;
    let mut hidden_trial = trial();
    hidden_trial["config"]["visibility"] = json!({"storefront": false});
    hidden_trial["slug"] = json!("hidden-trial");
    let mut hidden = demo::perp();
    hidden["slug"] = json!("hidden");
    for terms in [hidden_trial, hidden] {
        let (slug, number) = (terms["slug"].as_str().unwrap().to_owned(), world.policy(terms).await);
        for named in [&slug, &number] {
            let body = json!({"policyId": named, "customerEmail": MAIL});
            world.store("POST", "project/checkout-link", body).await.refused(404, "POLICY_NOT_FOUND");
        }
        let path = format!("/v1/admin/policies/{number}");
        let mut config = world.admin("GET", &path, Value::Null).await.body["config"].clone();
        config["store"] = json!({"forSale": true});
        assert_eq!(world.admin("PATCH", &path, json!({ "config": config })).await.status, 200);
        for named in [&slug, &number] {
            let body = json!({"policyId": named, "customerEmail": MAIL});
            assert_eq!(world.store("POST", "project/checkout-link", body).await.status, 200, "{named}");
        }
        let listed = world.store("GET", "project/buyable-policies", Value::Null).await;
        assert_eq!(listed.body.as_array().unwrap().len(), 1, "sold by its link only");
    }
    // A pack that costs nothing is not for sale.
    let mut terms = demo::sub();
    terms["topUpOptions"][1]["price"]["amount"] = json!(0);
    let path = format!("/v1/admin/policies/{}", world.seen(L1).await["policy"]["PolicyID"]);
    assert_eq!(world.admin("PATCH", &path, terms).await.status, 200);
    let ask = world.store("POST", &format!("license/{L1}/topup-link"), json!({"packId": "bundle"})).await;
    ask.refused(403, "TOPUP_NOT_AVAILABLE");
}

#[tokio::test]
async fn a_payment_page_shows_what_the_currency_costs() {
    let world = World::new().await;
    for (price, currency, minor) in
        [(500.0, "JPY", 500), (500.0, "UGX", 50_000), (500.0, "ISK", 50_000), (1.25, "KWD", 1_250), (9.99, "EUR", 999)]
    {
        let mut terms = perpetual(&format!("in-{}", currency.to_lowercase()));
        (terms["price"], terms["currency"]) = (json!(price), json!(currency));
        let page = world.ordered(&world.policy(terms).await, MAIL).await;
        assert_eq!(world.till.session(&page).unwrap().amount, minor, "{currency}");
        let order = world.orders().await.into_iter().find(|order| order["currency"] == currency).unwrap();
        assert_eq!(order["amount"], json!(price), "{currency}");
    }
    let path = format!("/v1/admin/projects/{}/policies", world.project_id);
    for currency in ["JPY", "UGX", "ISK"] {
        let mut terms = perpetual("fraction");
        (terms["price"], terms["currency"]) = (json!(1.5), json!(currency));
        world.admin("POST", &path, terms).await.refused(400, "BAD_REQUEST");
    }
}

#[tokio::test]
async fn a_mistaken_revocation_is_taken_back() {
    let world = World::new().await;
    world.set_state(L1, "revoked").await;
    let path = format!("/v1/admin/licenses/{L1}/reinstate");
    world.admin("POST", &path, json!({})).await.refused(400, "BAD_REQUEST");
    assert_eq!(world.admin("POST", &path, json!({"reason": "a mistake"})).await.text_of("status"), "active");
    let audit = world.admin("GET", "/v1/admin/audit", Value::Null).await;
    assert!(audit.text.contains("admin-reinstate"), "{}", audit.text);
    world.set_state(L1, "terminated").await;
    world.admin("POST", &path, json!({"reason": "a mistake"})).await.refused(409, "STATE_FINAL");
}
