//! Accounts at their edges: more lapses than one transaction holds, grants that are used up, ends that nobody calls after.

use ltlm_protocol::limits;
use proptest::prelude::RngExt as _;
use proptest::test_runner::{RngAlgorithm, TestRng};
use serde_json::{Value, json};
use shared::service::ports::Clock as _;

use super::DAY;
use crate::support::TestApp;

impl TestApp {
    /// Fills an account with grants and holds that are all over in ten days.
    async fn full_account(&self, name: &str) {
        self.account("POST", "", json!({"accountId": name, "tier": "Gift"})).await;
        let now = self.clock.now();
        for index in 0..limits::GRANTS_MAX as i64 - 1 {
            let end = now.plus_days(9).plus_seconds(index).to_string();
            let body = json!({"operationType": "bonus", "amount": 20, "expiresAt": end});
            assert_eq!(self.account("POST", &format!("/{name}/credit"), body).await.status, 200);
        }
        for index in 0..limits::HOLDS_MAX as i64 {
            let body = json!({"operationType": "video", "amount": 9, "expiresInSeconds": 8 * DAY + index * 7_200,
                "operationId": format!("h{index}")});
            assert_eq!(self.account("POST", &format!("/{name}/holds"), body).await.status, 200);
        }
    }

    fn largest_commit(&self) -> usize {
        self.host.app.table.largest_commit()
    }
}

#[tokio::test]
async fn an_account_in_which_everything_lapses_at_once_still_moves() {
    let app = TestApp::new().await;
    app.full_account("debited").await;
    app.full_account("renewed").await;
    app.account("POST", "", json!({"accountId": "other", "tier": "Gift"})).await;
    app.clock.advance_seconds(40 * DAY);
    // What is read is what is there, before anything is written.
    let seen = app.balance("debited").await.0;
    let dry = app.account("POST", "/debited/debit", json!({"operationType": "x", "amount": 1, "dryRun": true})).await;
    assert_eq!((dry.int_of("newBalance"), dry.spent.write_units), (seen - 1, 0.0), "{}", dry.text);
    let refused = app.account("POST", "/debited/debit", json!({"operationType": "x", "amount": 100_000})).await;
    assert_eq!((refused.status, refused.spent.write_units), (402, 0.0), "a refusal settles nothing");
    let reply = app.account("POST", "/debited/debit", json!({"operationType": "x", "amount": 1})).await;
    assert_eq!((reply.status, reply.body["newBalance"].as_i64()), (200, Some(seen - 1)), "{}", reply.text);
    assert!((4..=6).contains(&reply.spent.round_trips), "{:?}", reply.spent);
    assert!(app.account_ledger("debited").await.len() > 200);
    assert_eq!(app.account("GET", "/debited/verification", Value::Null).await.body["intact"], true);
    // A run over all that is due renews it like any other.
    let run = http::Request::builder()
        .method("POST")
        .uri("/v1/renewals")
        .header("authorization", format!("Bearer {}", crate::support::ADMIN_KEY))
        .header("x-project-id", &app.project_id)
        .body(json!({"limit": 100}).to_string().into())
        .unwrap();
    let run = app.send(run).await;
    assert_eq!((run.int_of("successful"), run.int_of("failed")), (2, 0), "{}", run.text);
    assert!((101..).contains(&app.account_ledger("renewed").await.len()));
    assert!(app.largest_commit() <= limits::TRANSACTION_ITEMS_MAX, "{}", app.largest_commit());
}

#[tokio::test]
async fn an_organization_whose_pools_all_lapse_at_once_changes_its_plan() {
    let app = TestApp::new().await;
    app.organization("POST", "", json!({"organizationId": "acme", "plan": "pro"})).await;
    let now = app.clock.now();
    for kind in ["lead_generation", "forecast", "general"] {
        for index in 0..40 {
            let end = now.plus_days(1).plus_seconds(index).to_string();
            let body = json!({"tokenType": kind, "amount": 3, "expiresAt": end});
            let granted = app.organization("POST", "/acme/tokens", body).await;
            assert_eq!(granted.status, 200, "{}", granted.text);
        }
    }
    app.clock.advance_seconds(31 * DAY);
    let changed = app.organization("PUT", "/acme/plan", json!({"plan": "enterprise"})).await;
    assert_eq!(
        (changed.status, changed.body["tokens"]["totalBalance"].as_i64()),
        (200, Some(2_400)),
        "{}",
        changed.text
    );
    assert!(app.largest_commit() <= limits::TRANSACTION_ITEMS_MAX);
}

#[tokio::test]
async fn a_license_full_of_grants_that_end_is_charged_and_takes_what_is_paid() {
    let app = TestApp::new().await;
    app.activate(crate::support::L1, &crate::support::device('a')).await;
    let now = app.clock.now();
    let path = format!("/v1/admin/licenses/{}/tokens", crate::support::L1);
    for index in 0..limits::GRANTS_MAX as i64 - 1 {
        let end = now.plus_days(2).plus_seconds(index).to_string();
        let body = json!({"amount": 1, "reason": "bonus", "expiresAt": end, "operationId": format!("b{index}")});
        let given = app.admin("POST", &path, body).await;
        assert!(given.status < 300, "{}", given.text);
    }
    let paid = json!({"amount": 7, "reason": "top-up", "operationId": "paid"});
    assert!(app.admin("POST", &path, paid).await.status < 300);
    app.clock.advance_seconds(3 * DAY);
    let reply = app.consume(crate::support::L1, &crate::support::device('a'), 1, "after").await;
    assert_eq!(reply.int_of("tokensRemaining"), 106, "{}", reply.text);
    assert!(app.largest_commit() <= limits::TRANSACTION_ITEMS_MAX);
}

#[tokio::test]
async fn every_read_tells_of_an_end_that_nobody_called_after_and_the_schedule_settles_it() {
    let app = TestApp::new().await;
    let background =
        local::background::Background::start(std::sync::Arc::clone(&app.host), app.outbox.clone(), None, false)
            .await
            .unwrap();
    app.account_with("u", 10, 0).await;
    let end = app.clock.now().plus_days(1);
    let bonus = json!({"operationType": "bonus", "amount": 90, "expiresAt": end.to_string()});
    app.account("POST", "/u/credit", bonus).await;
    app.clock.set(end);
    let of = async |tail: &str, name: &str| app.account("GET", &format!("/u{tail}"), Value::Null).await.int_of(name);
    assert_eq!(of("", "tokensBalance").await, 10);
    assert_eq!(of("/balance", "balance").await, 10);
    assert_eq!(of("/statistics", "netChange").await, 10);
    assert_eq!(of("/statistics", "expired").await, 90);
    assert_eq!(of("/affordability?operationType=x&amount=11", "deficit").await, 1);
    assert_eq!(app.account_ledger("u").await.len(), 2, "looking writes nothing");
    background.dispatch().await;
    while background.work().await.is_some() {}
    let ledger = app.account_ledger("u").await;
    assert_eq!((ledger.len(), &ledger[2]["category"]), (3, &json!("expired")));
    assert_eq!(of("/statistics", "netChange").await, 10);
    let again = background.dispatch().await;
    let dispatched = again.counts.iter().find(|(name, _)| *name == "Dispatched").map(|(_, count)| *count);
    assert_eq!(dispatched.unwrap_or(0), 0, "nothing is nominated twice");
}

#[tokio::test]
async fn a_plan_is_paid_once_in_its_period_however_often_it_is_changed() {
    let app = TestApp::new().await;
    app.account("POST", "", json!({"accountId": "u", "tier": "Gift"})).await;
    let to = async |tier: &str| app.account("POST", "/u/plan", json!({"tier": tier})).await.int_of("newBalance");
    assert_eq!(to("Business").await, 10_100);
    app.clock.advance_seconds(5 * DAY);
    for tier in ["Gift", "Business", "Business", "Gift"] {
        assert_eq!(to(tier).await, 10_100, "{tier}");
    }
    assert_eq!(to("Professional").await, 12_100, "one that it did not have yet");
    assert_eq!(to("Business").await, 12_100);
    let account = app.account("GET", "/u", Value::Null).await;
    assert_eq!(account.text_of("nextRenewalAt"), "2026-02-03T00:00:00.000Z", "the period goes on");
    app.clock.advance_seconds(25 * DAY);
    assert_eq!(app.balance("u").await.0, 22_100);
    assert_eq!(to("Business").await, 22_100);
    assert_eq!(to("Gift").await, 22_200, "its own period is over");
}

#[tokio::test]
async fn an_end_of_an_account_lies_ahead() {
    let app = TestApp::new().await;
    let now = app.clock.now().to_string();
    let made = json!({"accountId": "late", "tierEndsAt": now});
    app.account("POST", "", made).await.refused(422, "NOT_AHEAD");
    app.account_with("u", 100, 0).await;
    let credit = json!({"operationType": "x", "amount": 7, "expiresAt": now});
    app.account("POST", "/u/credit", credit).await.refused(422, "NOT_AHEAD");
    app.account("POST", "/u/plan", json!({"tier": "Business", "tierEndsAt": now})).await.refused(422, "NOT_AHEAD");
    app.organization("POST", "", json!({"organizationId": "acme", "plan": "pro"})).await;
    app.organization("POST", "/acme/tokens", json!({"amount": 7, "expiresAt": now})).await.refused(422, "NOT_AHEAD");
    assert_eq!(app.balance("u").await.0, 100);
    // What is sent again gets the first answer, however late.
    let end = app.clock.now().plus_seconds(60).to_string();
    let credit = json!({"operationType": "x", "amount": 7, "expiresAt": end, "operationId": "c"});
    assert_eq!(app.account("POST", "/u/credit", credit.clone()).await.int_of("newBalance"), 107);
    app.clock.advance_seconds(3_600);
    assert_eq!(app.account("POST", "/u/credit", credit).await.int_of("newBalance"), 107);
}

#[tokio::test]
async fn a_refund_tells_how_much_of_it_can_be_spent() {
    let app = TestApp::new().await;
    app.account_with("u", 0, 0).await;
    let end = app.clock.now().plus_days(1).to_string();
    app.account("POST", "/u/credit", json!({"operationType": "bonus", "amount": 15, "expiresAt": end})).await;
    app.account("POST", "/u/credit", json!({"operationType": "bonus", "amount": 100})).await;
    app.account("POST", "/u/debit", json!({"operationType": "x", "amount": 50, "operationId": "d"})).await;
    app.clock.advance_seconds(2 * DAY);
    let refund = json!({"originalOperationId": "d", "operationId": "r"});
    for replayed in [false, true] {
        let reply = app.account("POST", "/u/refund", refund.clone()).await;
        assert_eq!((reply.int_of("newBalance"), reply.int_of("spendable"), reply.int_of("tokensSpent")), (100, 35, 0));
        assert_eq!(reply.body["replayed"], replayed);
    }
    assert_eq!(app.balance("u").await, (100, 0));
    let ledger = app.account_ledger("u").await;
    let last: Vec<_> = ledger[3..].iter().map(|entry| (entry["category"].clone(), entry["amount"].clone())).collect();
    assert_eq!(last, [(json!("refunded"), json!(50)), (json!("expired"), json!(-15))]);
}

/// Random wallets at their limits: whatever lapses together, with a renewal due or not, the next act is done in a bounded number of
/// transactions, none of them too large, or refused for a reason of its own; and what is read afterwards adds up. The long form by
/// hand: `LTLM_EDGES=200 cargo test -p ltlm-tests -- any_wallet_at_its_limits`.
#[tokio::test]
async fn any_wallet_at_its_limits_can_still_move() {
    #[expect(clippy::disallowed_methods, reason = "a test's own, not the product's configuration")]
    let rounds: u8 = std::env::var("LTLM_EDGES").ok().and_then(|text| text.parse().ok()).unwrap_or(6);
    let app = TestApp::new().await;
    for round in 0..rounds {
        let mut rng = TestRng::from_seed(RngAlgorithm::ChaCha, &[round; 32]);
        let name = format!("u{round}");
        let tiers = ["Gift", "Professional", "Business"];
        let tier = tiers[rng.random_range(0..3)];
        app.account("POST", "", json!({"accountId": name, "tier": tier, "overdraftLimit": 50})).await;
        let now = app.clock.now();
        let grants = if rng.random_bool(0.5) { limits::GRANTS_MAX as i64 - 1 } else { rng.random_range(1..49) };
        for _ in 0..grants {
            let end = now.plus_days(1).plus_seconds(rng.random_range(0..20 * DAY)).to_string();
            let body = json!({"operationType": "bonus", "amount": rng.random_range(1..30), "expiresAt": end,
                "priority": rng.random_range(0..5)});
            assert!(app.account("POST", &format!("/{name}/credit"), body).await.status < 500);
        }
        for _ in 0..rng.random_range(0..=limits::HOLDS_MAX as i64) {
            let body = json!({"operationType": "video", "amount": rng.random_range(1..9),
                "expiresInSeconds": rng.random_range(3_600..7 * DAY)});
            assert!(app.account("POST", &format!("/{name}/holds"), body).await.status < 500);
        }
        app.clock.advance_seconds(rng.random_range(8..100) * DAY);
        for _ in 0..4 {
            let (tail, body) = match rng.random_range(0..6) {
                0 => {
                    ("debit", json!({"operationType": "x", "amount": rng.random_range(1..40), "allowOverdraft": true}))
                }
                1 => ("credit", json!({"operationType": "x", "amount": rng.random_range(1..40)})),
                2 => ("holds", json!({"operationType": "x", "amount": 1, "expiresInSeconds": 3_600})),
                3 => ("reset", json!({"balance": rng.random_range(0..100)})),
                4 => ("plan", json!({"tier": (tiers[rng.random_range(0..3)])})),
                _ => ("renewal", Value::Null),
            };
            let reply = app.account("POST", &format!("/{name}/{tail}"), body.clone()).await;
            assert!(reply.status < 300 || reply.status == 402, "{round} {tail} {body}: {}", reply.text);
            assert!(reply.spent.round_trips <= 12, "{round} {tail}: {:?}", reply.spent);
            app.clock.advance_seconds(rng.random_range(0..12) * DAY);
        }
        let checked = app.account("GET", &format!("/{name}/verification"), Value::Null).await;
        assert_eq!(checked.body["intact"], true, "{round}: {}", checked.text);
        let ledger = app.account_ledger(&name).await;
        let sum: i64 = ledger.iter().map(|entry| entry["amount"].as_i64().unwrap()).sum();
        let last = ledger.last().unwrap()["balanceAfter"].as_i64().unwrap();
        assert_eq!(sum, last, "{round}: the entries add up to the balance");
        assert!(app.largest_commit() <= limits::TRANSACTION_ITEMS_MAX, "{round}: {}", app.largest_commit());
    }
}
