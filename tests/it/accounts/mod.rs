//! Token accounts: cases of contract/token-accounting.md, section 3, over HTTP.

mod edges;
mod holds;
mod ledger;
mod model;
mod outdated;
mod project;
mod renewal_night;
mod renewals;

use futures_util::future::join_all;
use http::Request;
use serde_json::{Value, json};

use crate::support::{ADMIN_KEY, Reply, TestApp};

const DAY: i64 = 86_400;

impl TestApp {
    /// Calls an account route as a vendor's backend.
    pub(crate) async fn account(&self, method: &str, tail: &str, body: Value) -> Reply {
        let request = Request::builder()
            .method(method)
            .uri(format!("/v1/accounts{tail}"))
            .header("authorization", format!("Bearer {ADMIN_KEY}"))
            .header("x-project-id", &self.project_id);
        let body = if body.is_null() { String::new() } else { body.to_string() };
        self.send(request.body(body.into()).unwrap()).await
    }

    /// Makes an account with this balance, its next allocation 30 days away.
    pub(crate) async fn account_with(&self, name: &str, balance: i64, overdraft: i64) {
        let body = json!({"accountId": name, "openingBalance": balance, "overdraftLimit": overdraft});
        assert_eq!(self.account("POST", "", body).await.status, 201);
    }

    pub(crate) async fn balance(&self, name: &str) -> (i64, i64) {
        let result = self.account("GET", &format!("/{name}"), Value::Null).await;
        (result.int_of("tokensBalance"), result.int_of("tokensSpent"))
    }

    /// The whole ledger, oldest first; it has no gap and adds up to the balance.
    pub(crate) async fn account_ledger(&self, name: &str) -> Vec<Value> {
        let (mut entries, mut cursor) = (Vec::new(), String::new());
        loop {
            let page = self.account("GET", &format!("/{name}/entries?limit=7{cursor}"), Value::Null).await;
            assert_eq!(page.status, 200, "{}", page.text);
            entries.extend(page.body["entries"].as_array().unwrap().iter().cloned());
            match page.body["nextCursor"].as_str() {
                Some(next) => cursor = format!("&cursor={next}"),
                None => break,
            }
        }
        entries.reverse();
        let mut balance = 0;
        for (index, entry) in entries.iter().enumerate() {
            assert_eq!((&entry["sequence"], &entry["balanceBefore"]), (&json!(index + 1), &json!(balance)), "{entry}");
            balance += entry["amount"].as_i64().unwrap();
            assert_eq!(entry["balanceAfter"], json!(balance));
        }
        entries
    }
}

fn debit(amount: i64) -> Value {
    json!({"operationType": "image_generation", "amount": amount})
}

#[tokio::test]
async fn ts_01_ts_02_an_account_as_it_stands() {
    let app = TestApp::new().await;
    let made = app.account("POST", "", json!({"accountId": "u", "tier": "Gift"})).await;
    assert_eq!((made.status, made.int_of("tokensBalance"), made.text_of("tier")), (201, 100, "Gift"));
    assert_eq!(made.text_of("lastRenewalAt"), "2026-01-04T00:00:00.000Z");
    assert_eq!(made.text_of("nextRenewalAt"), "2026-02-03T00:00:00.000Z");
    app.account("GET", "/nobody", Value::Null).await.refused(404, "ACCOUNT_NOT_FOUND");
}

#[tokio::test]
async fn ts_03_to_ts_08_debits() {
    let app = TestApp::new().await;
    app.account_with("u", 100, 0).await;
    let result = app.account("POST", "/u/debit", debit(10)).await;
    assert_eq!((result.int_of("newBalance"), result.int_of("tokensSpent")), (90, 10));
    assert!(!result.text_of("ledgerEntryId").is_empty());
    for amount in [-10, 0] {
        app.account("POST", "/u/debit", debit(amount)).await.refused(400, "BAD_REQUEST");
    }
    app.account_with("poor", 5, 0).await;
    app.account_with("trusted", 5, 20).await;
    let refused = app.account("POST", "/poor/debit", debit(10)).await;
    refused.refused(402, "INSUFFICIENT_TOKENS");
    assert_eq!(refused.text_of("message"), "Insufficient tokens. Required: 10, Available: 5");
    let figures = json!({"required": 10, "balance": 5, "deficit": 5, "nextRenewalAt": "2026-02-03T00:00:00.000Z"});
    assert_eq!(refused.body["details"], figures);
    let over = json!({"operationType": "image_generation", "amount": 10, "allowOverdraft": true});
    app.account("POST", "/poor/debit", over.clone()).await.refused(402, "INSUFFICIENT_TOKENS");
    let result = app.account("POST", "/trusted/debit", over).await;
    assert_eq!((result.int_of("newBalance"), result.int_of("tokensSpent")), (-5, 10));
    app.account("POST", "/nobody/debit", debit(10)).await.refused(404, "ACCOUNT_NOT_FOUND");
    // To the last token, exactly.
    assert_eq!(app.account("POST", "/poor/debit", debit(5)).await.int_of("newBalance"), 0);
}

#[tokio::test]
async fn ts_09_to_ts_17_credits_charges_and_what_can_be_afforded() {
    let app = TestApp::new().await;
    app.account_with("u", 100, 0).await;
    let credit = json!({"operationType": "purchase", "amount": 50});
    assert_eq!(app.account("POST", "/u/credit", credit).await.int_of("newBalance"), 150);
    for amount in [-50, 0] {
        let credit = json!({"operationType": "purchase", "amount": amount});
        app.account("POST", "/u/credit", credit).await.refused(400, "BAD_REQUEST");
    }
    for (operation, left) in [("image_generation", 140), ("chatgpt_message", 135)] {
        let result = app.account("POST", "/u/charge", json!({"operationType": operation})).await;
        assert_eq!(result.int_of("newBalance"), left);
    }
    let free = app.account("POST", "/u/charge", json!({"operationType": "refund"})).await;
    assert_eq!(free.refused(422, "OPERATION_HAS_NO_COST").text_of("message"), "Operation type does not have a cost");
    let unknown = app.account("POST", "/u/charge", json!({"operationType": "levitation"})).await;
    assert!(unknown.refused(422, "UNKNOWN_OPERATION_TYPE").body["details"]["known"].as_array().unwrap().len() >= 7);
    app.account_with("poor", 5, 0).await;
    let can = async |name: &str| {
        app.account("GET", &format!("/{name}/affordability?operationType=image_generation"), Value::Null).await.body
    };
    assert_eq!(can("u").await, json!({"canAfford": true, "balance": 135, "cost": 10}));
    assert_eq!(can("poor").await, json!({"canAfford": false, "balance": 5, "cost": 10, "deficit": 5}));
    let nobody = json!({"canAfford": false, "balance": 0, "cost": 10, "deficit": 10});
    assert_eq!(can("nobody").await, nobody, "TS-17: an answer, not an error");
    let free = app.account("GET", "/nobody/affordability?operationType=refund", Value::Null).await;
    assert_eq!(free.body, json!({"canAfford": false, "balance": 0, "cost": 0, "deficit": 0}));
    app.project_settings(json!({"accounts": {"costs": {"image_generation": 3}}})).await;
    assert_eq!(can("poor").await, json!({"canAfford": true, "balance": 5, "cost": 3}));
    assert_eq!(app.balance("poor").await, (5, 0), "looking holds nothing");
}

/// Seed 003 gives the words of these refusals; status, code and details are ours. The example is a debit of nothing.
#[tokio::test]
async fn refusals_say_what_the_seed_says_where_one_mistake_is_all_there_is() {
    let app = TestApp::new().await;
    app.account_with("u", 5, 0).await;
    let of = |operation: &str, amount: Value| json!({"operationType": operation, "amount": amount});
    for (tail, body, status, code, message) in [
        ("/u/debit", of("x", json!(0)), 400, "BAD_REQUEST", "Debit amount must be positive"),
        ("/u/debit", of("x", json!(-0.5)), 400, "BAD_REQUEST", "Debit amount must be positive"),
        ("/u/credit", of("x", json!(-50)), 400, "BAD_REQUEST", "Credit amount must be positive"),
        ("/u/reset", json!({"balance": -10}), 400, "BAD_REQUEST", "Balance cannot be negative"),
        ("/nobody/debit", of("x", json!(1)), 404, "ACCOUNT_NOT_FOUND", "User not found"),
        ("/nobody/renewal", Value::Null, 404, "ACCOUNT_NOT_FOUND", "User not found"),
        ("/u/debit", of("x", json!(6)), 402, "INSUFFICIENT_TOKENS", "Insufficient tokens. Required: 6, Available: 5"),
        (
            "/u/charge",
            json!({"operationType": "refund"}),
            422,
            "OPERATION_HAS_NO_COST",
            "Operation type does not have a cost",
        ),
    ] {
        let refused = app.account("POST", tail, body).await;
        assert_eq!(refused.refused(status, code).text_of("message"), message, "{tail}");
        if status == 400 {
            assert_eq!(refused.body["details"]["problems"].as_array().unwrap().len(), 1, "{}", refused.text);
        }
    }
    // Several mistakes are listed, and a mistake of another kind is told as ever.
    let several = app.account("POST", "/u/debit", json!({"amount": 0})).await;
    assert_eq!(several.body["details"]["problems"].as_array().unwrap().len(), 2);
    assert_eq!(several.text_of("message"), "operationType is required.");
    let fraction = app.account("POST", "/u/debit", of("x", json!(1.5))).await;
    assert_eq!(fraction.text_of("message"), "amount must be a whole number from 1 to 1000000000.");
    let renewal = app.account("POST", "/u/renewal", Value::Null).await;
    assert_eq!(renewal.text_of("error"), "Next renewal in 30 days");
}

#[tokio::test]
async fn ts_18_to_ts_21_refunds_and_resets() {
    let app = TestApp::new().await;
    app.account_with("u", 100, 0).await;
    let spent = json!({"operationType": "image_generation", "amount": 10, "operationId": "spend"});
    app.account("POST", "/u/debit", spent).await;
    let refund = |amount: i64, id: &str| json!({"originalOperationId": "spend", "amount": amount, "reason": "failed", "operationId": id});
    let result = app.account("POST", "/u/refund", refund(4, "r1")).await;
    assert_eq!((result.int_of("newBalance"), result.int_of("tokensSpent")), (94, 6));
    assert_eq!(
        (&result.body["entry"]["category"], &result.body["entry"]["originalOperationId"]),
        (&json!("refunded"), &json!("spend"))
    );
    let again = app.account("POST", "/u/refund", refund(4, "r1")).await;
    assert_eq!((again.int_of("newBalance"), &again.body["replayed"]), (94, &json!(true)));
    let more = app.account("POST", "/u/refund", refund(7, "r2")).await;
    assert_eq!(more.refused(409, "REFUND_TOO_LARGE").body["details"]["refundable"], 6);
    // Two refunds at once never give back more than was spent.
    let answers = join_all(["r3", "r4"].map(|id| app.account("POST", "/u/refund", refund(6, id)))).await;
    assert_eq!(answers.iter().filter(|answer| answer.status == 200).count(), 1);
    assert_eq!(app.balance("u").await, (100, 0));
    for unknown in ["nothing", "r1"] {
        let body = json!({"originalOperationId": unknown});
        app.account("POST", "/u/refund", body).await.refused(404, "OPERATION_NOT_FOUND");
    }
    assert_eq!(app.account("POST", "/u/reset", json!({"balance": 250})).await.int_of("newBalance"), 250);
    assert_eq!(app.account("POST", "/u/reset", json!({"balance": 50})).await.int_of("newBalance"), 50);
    assert_eq!(app.account("POST", "/u/reset", json!({"balance": 0})).await.int_of("newBalance"), 0);
    app.account("POST", "/u/reset", json!({"balance": -10})).await.refused(400, "BAD_REQUEST");
    let ledger = app.account_ledger("u").await;
    let categories: Vec<_> = ledger.iter().map(|entry| entry["category"].as_str().unwrap()).collect();
    assert_eq!(categories, ["granted", "spent", "refunded", "refunded", "adjusted", "adjusted", "adjusted"]);
}

#[tokio::test]
async fn ts_18_a_refund_by_amount_is_taken_from_the_newest_charges() {
    let app = TestApp::new().await;
    app.account_with("u", 100, 0).await;
    for (id, amount) in [("a", 10), ("b", 4), ("c", 5)] {
        let spent = json!({"operationType": "image_generation", "amount": amount, "operationId": id});
        app.account("POST", "/u/debit", spent).await;
    }
    let refund = |amount: i64, id: &str| json!({"amount": amount, "reason": "failed", "operationId": id});
    // One charge holds it: the same as if it were named.
    let result = app.account("POST", "/u/refund", refund(3, "r1")).await;
    assert_eq!((result.int_of("newBalance"), result.int_of("tokensSpent")), (84, 16));
    assert_eq!(result.body["refunded"], json!([{"operationId": "c", "amount": 3, "ledgerEntryId": "r1"}]));
    assert_eq!(result.body["entry"]["originalOperationId"], "c");
    // Several do: each is told by an entry, and the answer names them all.
    let result = app.account("POST", "/u/refund", refund(8, "r2")).await;
    assert_eq!((result.int_of("newBalance"), result.int_of("tokensSpent"), result.int_of("spendable")), (92, 8, 8));
    let parts = json!([
        {"operationId": "c", "amount": 2, "ledgerEntryId": "service refund r2 1"},
        {"operationId": "b", "amount": 4, "ledgerEntryId": "service refund r2 2"},
        {"operationId": "a", "amount": 2, "ledgerEntryId": "r2"},
    ]);
    assert_eq!(result.body["refunded"], parts);
    let mut again = app.account("POST", "/u/refund", refund(8, "r2")).await;
    assert_eq!(again.body["replayed"], true);
    again.body["replayed"] = json!(false);
    assert_eq!(again.body, result.body);
    app.account("POST", "/u/refund", refund(7, "r2")).await.refused(422, "IDEMPOTENCY_KEY_REUSED");
    // More than there is is refused whole, with what there is.
    let more = app.account("POST", "/u/refund", refund(9, "r3")).await;
    assert_eq!(more.refused(409, "NOTHING_TO_REFUND").body["details"], json!({"refundable": 8}));
    assert_eq!(app.balance("u").await, (92, 8));
    let tried = app.account("POST", "/u/refund", json!({"amount": 8, "dryRun": true, "operationId": "r4"})).await;
    assert_eq!((tried.int_of("newBalance"), app.balance("u").await), (100, (92, 8)));
    let neither = app.account("POST", "/u/refund", json!({"reason": "failed"})).await;
    assert_eq!(neither.refused(400, "BAD_REQUEST").text_of("message"), "amount is required.");
    app.account("POST", "/nobody/refund", refund(1, "r5")).await.refused(404, "ACCOUNT_NOT_FOUND");
    // Ten at once give back what there is and no more.
    let answers = join_all((0..10).map(|n| {
        let body = json!({"amount": 2, "operationId": format!("at-once-{n}")});
        let app = &app;
        async move { app.account("POST", "/u/refund", body).await }
    }))
    .await;
    assert_eq!(answers.iter().filter(|answer| answer.status == 200).count(), 4);
    assert_eq!(app.balance("u").await, (100, 0));
    assert_eq!(app.account("GET", "/u/verification", Value::Null).await.body["intact"], true);
}

#[tokio::test]
async fn a_refund_by_amount_is_bounded() {
    let app = TestApp::new().await;
    app.account_with("u", 100, 0).await;
    for index in 0..12 {
        let spent = json!({"operationType": "x", "amount": 1, "operationId": format!("d{index}")});
        app.account("POST", "/u/debit", spent).await;
    }
    let more = app.account("POST", "/u/refund", json!({"amount": 11})).await;
    assert_eq!(more.refused(409, "NOTHING_TO_REFUND").body["details"], json!({"refundable": 10}));
    let result = app.account("POST", "/u/refund", json!({"amount": 10})).await;
    assert_eq!((result.int_of("newBalance"), result.body["refunded"].as_array().unwrap().len()), (98, 10));
    let rest = app.account("POST", "/u/refund", json!({"amount": 2})).await;
    assert_eq!(rest.int_of("newBalance"), 100);
}

#[tokio::test]
async fn ts_24_an_operation_is_done_once_and_keeps_its_facts() {
    let app = TestApp::new().await;
    let make = json!({"accountId": "u", "openingBalance": 100, "operationId": "make"});
    assert_eq!(app.account("POST", "", make.clone()).await.status, 201);
    let again = app.account("POST", "", make).await;
    assert_eq!((again.status, again.headers["idempotent-replayed"].to_str().unwrap()), (201, "true"));
    app.account("POST", "", json!({"accountId": "u"})).await.refused(409, "ACCOUNT_EXISTS");
    app.account("POST", "", json!({"accountId": "v", "tier": "Platinum"})).await.refused(422, "UNKNOWN_TIER");
    for bad in ["a\nb", " ", ".", "..", "acme/general", &"ü".repeat(129)] {
        app.account("POST", "", json!({"accountId": bad})).await.refused(400, "BAD_REQUEST");
    }
    let spend = json!({"operationType": "x", "amount": 10, "metadata": {"generationId": "g", "model": "m"}, "operationId": "op"});
    let answers = join_all((0..8).map(|_| app.account("POST", "/u/debit", spend.clone()))).await;
    assert!(answers.iter().all(|answer| answer.int_of("newBalance") == 90 && answer.int_of("tokensSpent") == 10));
    assert_eq!(answers.iter().filter(|answer| answer.body["replayed"] == false).count(), 1);
    let mut other = spend.clone();
    other["amount"] = json!(11);
    app.account("POST", "/u/debit", other).await.refused(422, "IDEMPOTENCY_KEY_REUSED");
    let ledger = app.account_ledger("u").await;
    assert_eq!((ledger.len(), &ledger[1]["metadata"]["generationId"]), (2, &json!("g")));
}

#[tokio::test]
async fn ts_23_a_store_that_fails_is_told_and_nothing_is_written() {
    let app = TestApp::new().await;
    app.account_with("u", 100, 0).await;
    let spend = json!({"operationType": "image_generation", "amount": 10, "operationId": "op"});
    for round_trips in 0..2 {
        app.host.app.table.stop_after(Some(round_trips));
        let failed = app.account("POST", "/u/debit", spend.clone()).await;
        assert!(failed.status >= 500 && failed.body["retryable"] == true, "{}", failed.text);
        assert_eq!(failed.spent.write_units, 0.0);
    }
    app.host.app.table.stop_after(None);
    assert_eq!(app.balance("u").await, (100, 0));
    let result = app.account("POST", "/u/debit", spend).await;
    assert_eq!((result.int_of("newBalance"), &result.body["replayed"]), (90, &json!(false)));
}

#[tokio::test]
async fn the_last_tokens_of_an_account_are_spent_once() {
    let app = TestApp::new().await;
    app.account_with("u", 100, 0).await;
    let answers = join_all((0..16).map(|_| Box::pin(app.account("POST", "/u/debit", debit(9))))).await;
    assert_eq!(answers.iter().filter(|answer| answer.status == 200).count(), 11);
    assert_eq!(app.balance("u").await, (1, 99));
    assert_eq!(app.account_ledger("u").await.len(), 12);
}

#[tokio::test]
async fn an_allocation_is_given_by_whoever_comes_first_in_its_period() {
    let app = TestApp::new().await;
    app.account("POST", "", json!({"accountId": "u", "tier": "Gift"})).await;
    app.account("POST", "/u/debit", debit(60)).await;
    app.clock.advance_seconds(30 * DAY - 1);
    app.account("POST", "/u/debit", debit(50)).await.refused(402, "INSUFFICIENT_TOKENS");
    app.clock.advance_seconds(1);
    assert_eq!(app.balance("u").await.0, 140, "seen before it is written");
    let answers = join_all((0..8).map(|_| Box::pin(app.account("POST", "/u/debit", debit(10))))).await;
    assert!(answers.iter().all(|answer| answer.status == 200));
    assert_eq!(app.balance("u").await.0, 60);
    app.clock.advance_seconds(300 * DAY);
    assert_eq!(app.account("POST", "/u/debit", debit(10)).await.int_of("newBalance"), 150, "the latest period only");
    let ledger = app.account_ledger("u").await;
    let renewed: Vec<_> = ledger.iter().filter(|entry| entry["operationType"] == "monthly_reset").collect();
    assert_eq!(renewed.len(), 2);
    assert_eq!(renewed[0]["occurredAt"], "2026-02-03T00:00:00.000Z");
}

#[tokio::test]
async fn a_plan_starts_a_period_and_leaves_what_is_there() {
    let app = TestApp::new().await;
    app.account("POST", "", json!({"accountId": "u", "tier": "Gift"})).await;
    app.account("POST", "/u/debit", debit(60)).await;
    app.clock.advance_seconds(20 * DAY);
    let buy = json!({"tier": "Professional", "tierEndsAt": "2026-02-24T00:00:00Z", "operationId": "payment-1"});
    let answers = join_all((0..4).map(|_| Box::pin(app.account("POST", "/u/plan", buy.clone())))).await;
    assert!(answers.iter().all(|answer| answer.int_of("newBalance") == 2_040), "{answers:?}");
    let account = app.account("GET", "/u", Value::Null).await;
    assert_eq!(
        (account.text_of("tier"), account.text_of("lastRenewalAt")),
        ("Professional", "2026-01-24T00:00:00.000Z")
    );
    assert_eq!(account.text_of("nextRenewalAt"), "2026-02-23T00:00:00.000Z");
    // The old plan's next period would have begun by now: there is no double month.
    app.clock.advance_seconds(15 * DAY);
    assert_eq!(app.balance("u").await.0, 2_040);
    app.clock.advance_seconds(15 * DAY);
    assert_eq!(app.balance("u").await.0, 4_040);
    // Ended before its next period: no more of it.
    app.clock.advance_seconds(60 * DAY);
    assert_eq!(app.balance("u").await.0, 4_040);
    assert_eq!(app.account("GET", "/u", Value::Null).await.body["nextRenewalAt"], Value::Null);
    app.account("POST", "/u/plan", json!({"tier": "Platinum"})).await.refused(422, "UNKNOWN_TIER");
    assert_eq!(app.account_ledger("u").await.len(), 3);
}

#[tokio::test]
async fn a_ledger_is_searched_by_type_and_time() {
    let app = TestApp::new().await;
    app.account_with("u", 1_000, 0).await;
    for (index, operation) in ["a", "b", "a", "b", "a"].into_iter().enumerate() {
        app.clock.advance_seconds(60);
        app.account("POST", "/u/debit", json!({"operationType": operation, "amount": index + 1})).await;
    }
    let found = async |query: &str| {
        let page = app.account("GET", &format!("/u/entries?{query}"), Value::Null).await;
        assert_eq!(page.status, 200, "{}", page.text);
        page.body["entries"].as_array().unwrap().iter().map(|e| e["amount"].as_i64().unwrap()).collect::<Vec<_>>()
    };
    assert_eq!(found("type=a").await, [-5, -3, -1]);
    // Half-open: what was written at the end is not in it.
    assert_eq!(found("from=2026-01-04T00:02:00Z&to=2026-01-04T00:04:00Z").await, [-3, -2]);
    assert_eq!(found("type=b&from=2026-01-04T00:03:00Z").await, [-4]);
    let reversed = "/u/entries?from=2026-01-05T00:00:00Z&to=2026-01-04T00:00:00Z";
    app.account("GET", reversed, Value::Null).await.refused(422, "RANGE_REVERSED");
    // An empty instant is a mistake, not a range without an end.
    app.account("GET", "/u/balance?at=", Value::Null).await.refused(400, "BAD_REQUEST");
    for bad in ["from=yesterday", "from=", "limit=0", "cursor=zz"] {
        app.account("GET", &format!("/u/entries?{bad}"), Value::Null).await.refused(400, "BAD_REQUEST");
    }
    let other = app.get(crate::support::L1, "/usage?limit=1").await;
    assert_eq!(other.status, 200);
}

#[tokio::test]
async fn accounts_belong_to_a_project() {
    let app = TestApp::new().await;
    app.account_with("u", 100, 0).await;
    let second = app.admin("POST", "/v1/admin/projects", json!({"name": "P2"})).await.text_of("projectId").to_owned();
    let with = async |key: &str, project: Option<&str>| {
        let mut request = Request::builder().uri("/v1/accounts/u").header("authorization", format!("Bearer {key}"));
        if let Some(project) = project {
            request = request.header("x-project-id", project);
        }
        app.send(request.body(bytes::Bytes::new()).unwrap()).await
    };
    with(ADMIN_KEY, None).await.refused(400, "BAD_REQUEST");
    with(ADMIN_KEY, Some(&second)).await.refused(404, "ACCOUNT_NOT_FOUND");
    with(ADMIN_KEY, Some("prj_0000000000000000")).await.refused(404, "PROJECT_NOT_FOUND");
    let limited = json!({"scopes": ["tokens"], "projectId": second});
    let key = app.admin("POST", "/v1/admin/keys", limited).await.text_of("key").to_owned();
    with(&key, Some(&app.project_id)).await.refused(403, "FORBIDDEN");
    with(&key, None).await.refused(404, "ACCOUNT_NOT_FOUND");
    let key = app.admin("POST", "/v1/admin/keys", json!({"scopes": ["licenses"]})).await.text_of("key").to_owned();
    with(&key, Some(&app.project_id)).await.refused(403, "FORBIDDEN");
}

/// One of each command, in an order in which each changes something.
fn commands() -> Vec<(&'static str, Value)> {
    vec![
        ("", json!({"accountId": "u", "tier": "Gift", "operationId": "o1"})),
        ("/u/debit", json!({"operationType": "x", "amount": 10, "operationId": "o2"})),
        ("/u/charge", json!({"operationType": "chatgpt_message", "operationId": "o3"})),
        (
            "/u/credit",
            json!({"operationType": "purchase", "amount": 7, "expiresAt": "2026-02-04T00:00:00Z", "operationId": "o4"}),
        ),
        ("/u/refund", json!({"originalOperationId": "o2", "amount": 3, "operationId": "o5"})),
        ("/u/debit", json!({"operationType": "after the end of the credit", "amount": 1, "operationId": "o6"})),
        ("/u/debit", json!({"operationType": "after a renewal", "amount": 1, "operationId": "o7"})),
        ("/u/holds", json!({"operationType": "v", "amount": 9, "expiresInSeconds": 1_000_000, "operationId": "h1"})),
        ("/u/holds/h1/commit", json!({"amount": 5, "operationId": "c1"})),
        ("/u/holds", json!({"operationType": "v", "amount": 9, "expiresInSeconds": 60, "operationId": "h2"})),
        ("/u/debit", json!({"operationType": "after the end of the hold", "amount": 1, "operationId": "o10"})),
        // Of three charges, the newest first.
        ("/u/refund", json!({"amount": 3, "reason": "failed", "operationId": "o11"})),
        ("/u/reset", json!({"balance": 40, "operationId": "o8"})),
        ("/u/plan", json!({"tier": "Professional", "operationId": "o9"})),
    ]
}

/// Runs them all, sending each again until it succeeds; `fault` is put before the command `at`.
async fn run_all(at: usize, fault: impl Fn(&TestApp)) -> (Vec<(u16, Value)>, Vec<Value>) {
    let app = TestApp::new().await;
    let mut answers = Vec::new();
    for (index, (tail, body)) in commands().into_iter().enumerate() {
        if index == at {
            fault(&app);
        }
        let mut reply = app.account("POST", tail, body.clone()).await;
        if reply.status >= 500 {
            app.host.app.table.stop_after(None);
            reply = app.account("POST", tail, body).await;
        }
        app.host.app.table.stop_after(None);
        reply.body.as_object_mut().map(|result| result.remove("replayed"));
        // The chain begins with the project, which is another each time.
        if let Some(entry) = reply.body.get_mut("entry").and_then(Value::as_object_mut) {
            entry.retain(|name, _| !name.to_lowercase().ends_with("hash"));
        }
        answers.push((reply.status, reply.body));
        app.clock.advance_seconds(7 * DAY);
    }
    let result = app.account("GET", "/u/verification", Value::Null).await;
    assert_eq!(result.body["intact"], true);
    let mut ledger = app.account_ledger("u").await;
    for entry in ledger.iter_mut().filter_map(Value::as_object_mut) {
        entry.retain(|name, _| !name.to_lowercase().ends_with("hash"));
    }
    (answers, ledger)
}

/// The same JSON as another program might print it: whole numbers with a fraction, members the other way round, and one more at
/// its default.
pub(crate) fn respelled(body: &Value) -> Value {
    let Value::Object(members) = body else { return body.clone() };
    let number = |value: &Value| value.as_i64().map_or_else(|| value.clone(), |whole| json!(whole as f64));
    let mut other: serde_json::Map<_, _> =
        members.iter().rev().map(|(name, value)| (name.clone(), number(value))).collect();
    other.insert("dryRun".to_owned(), json!(false));
    Value::Object(other)
}

/// The example is an amount of `10.0` for `10`; the siblings are all commands of an account.
#[tokio::test]
async fn every_command_of_an_account_whose_answer_is_lost_is_done_once_in_any_spelling() {
    let app = TestApp::new().await;
    for (tail, body) in commands() {
        let first = app.account("POST", tail, body.clone()).await;
        assert!(first.status < 300, "{tail}: {}", first.text);
        let again = app.account("POST", tail, respelled(&body)).await;
        assert_eq!(again.status, first.status, "{tail}: {}", again.text);
        assert_eq!(again.headers["idempotent-replayed"], "true", "{tail}");
        let result = |reply: &Reply| {
            let mut body = reply.body.clone();
            body.as_object_mut().unwrap().remove("replayed");
            body.as_object_mut().unwrap().remove("hold");
            body
        };
        assert_eq!(result(&again), result(&first), "{tail}");
        app.clock.advance_seconds(7 * DAY);
    }
    let ledger = app.account_ledger("u").await;
    let undisturbed = Box::pin(run_all(usize::MAX, |_| {})).await.1;
    assert_eq!(ledger.len(), undisturbed.len());
    // An amount that is another one is another request.
    let other = json!({"operationType": "x", "amount": 11, "operationId": "o2"});
    app.account("POST", "/u/debit", other).await.refused(422, "IDEMPOTENCY_KEY_REUSED");
}

/// What callers name and what the service names cannot be taken for each other.
#[tokio::test]
async fn no_id_of_a_callers_looks_like_one_of_the_service() {
    let app = TestApp::new().await;
    app.account("POST", "", json!({"accountId": "u", "tier": "Gift"})).await;
    app.clock.advance_seconds(30 * DAY);
    let forged = "renewal:2026-02-03T00:00:00.000Z";
    app.account("POST", "/u/debit", json!({"operationType": "x", "amount": 1, "operationId": forged})).await;
    let hold = json!({"operationType": "v", "amount": 9, "expiresInSeconds": 60, "operationId": "h"});
    app.account("POST", "/u/holds", hold).await;
    app.clock.advance_seconds(3_600);
    app.account("POST", "/u/debit", json!({"operationType": "x", "amount": 1, "operationId": "opening"})).await;
    let ledger = app.account_ledger("u").await;
    let ids: Vec<_> = ledger.iter().map(|entry| entry["operationId"].as_str().unwrap()).collect();
    assert_eq!(
        ids.iter().filter(|id| id.starts_with("service ")).count(),
        3,
        "opening, renewal, end of the hold: {ids:?}"
    );
    assert!(ids.contains(&forged) && ids.contains(&format!("service {forged}").as_str()), "{ids:?}");
    for id in ["service opening", "service renewal:2026-02-03T00:00:00.000Z"] {
        let body = json!({"operationType": "x", "amount": 1, "operationId": id});
        app.account("POST", "/u/debit", body).await.refused(400, "BAD_REQUEST");
    }
    // A license's ledger, whose first entry is the service's too.
    let entries = app.ledger(crate::support::L1).await;
    assert!(entries[0]["operationId"].as_str().unwrap().starts_with("service "), "{}", entries[0]);
}

#[tokio::test]
async fn lost_replies_and_kills_change_nothing_that_an_account_is_told() {
    let undisturbed = Box::pin(run_all(usize::MAX, |_| {})).await;
    assert!(undisturbed.0.iter().all(|(status, _)| *status < 300), "{:?}", undisturbed.0);
    for at in 0..commands().len() {
        for round_trip in 0..3 {
            let lost = Box::pin(run_all(at, |app| app.host.app.table.lose_after(round_trip))).await;
            assert_eq!(lost, undisturbed, "the reply of round trip {round_trip} in command {at} lost");
            let killed = Box::pin(run_all(at, |app| app.host.app.table.stop_after(Some(round_trip)))).await;
            assert_eq!(killed, undisturbed, "killed after round trip {round_trip} in command {at}");
        }
    }
}

/// The example is the list of accounts; the sibling is that of organizations.
#[tokio::test]
async fn accounts_and_organizations_are_listed_by_name_page_by_page() {
    let app = TestApp::new().await;
    let names = ["a", "a-1", "ada", "adam", "b", "z:9"];
    for name in names {
        app.account_with(name, 7, 0).await;
        let body = json!({"organizationId": name, "plan": "pro"});
        assert_eq!(app.organization("POST", "", body).await.status, 201);
    }
    app.account("POST", "/ada/debit", debit(2)).await;
    let list = async |of: &str, query: &str| {
        let (mut rows, mut cursor) = (Vec::new(), String::new());
        loop {
            let tail = format!("?limit=2{query}{cursor}");
            let page = match of {
                "accounts" => app.account("GET", &tail, Value::Null).await,
                _ => app.organization("GET", &tail, Value::Null).await,
            };
            assert_eq!((page.status, page.spent.write_units), (200, 0.0), "{}", page.text);
            rows.extend(page.body[of].as_array().unwrap().iter().cloned());
            match page.body["nextCursor"].as_str() {
                Some(next) => cursor = format!("&cursor={next}"),
                None => return rows,
            }
        }
    };
    for (of, id) in [("accounts", "accountId"), ("organizations", "organizationId")] {
        let named = |rows: &[Value]| rows.iter().map(|row| row[id].as_str().unwrap().to_owned()).collect::<Vec<_>>();
        assert_eq!(named(&list(of, "").await), names, "{of}: no pool is among them");
        assert_eq!(named(&list(of, "&q=ad").await), ["ada", "adam"], "{of}");
        assert_eq!(named(&list(of, "&q=a").await), ["a", "a-1", "ada", "adam"], "{of}");
        assert!(list(of, "&q=x").await.is_empty(), "{of}");
    }
    let ada = &list("accounts", "&q=ada").await[0];
    assert_eq!((&ada["tokensBalance"], &ada["tokensSpent"]), (&json!(5), &json!(2)));
    let page = app.account("GET", "?limit=1", Value::Null).await;
    let cursor = page.text_of("nextCursor");
    app.organization("GET", &format!("?cursor={cursor}"), Value::Null).await.refused(400, "BAD_REQUEST");
    app.account("GET", "?q=a%0A", Value::Null).await.refused(400, "BAD_REQUEST");
}

#[tokio::test]
async fn names_of_any_characters_are_listed_in_their_order_and_filtered_by_their_beginning() {
    let app = TestApp::new().await;
    let mut names = ["Ä", "auth0|1", "auth0|2", "a b", "~~", "日本", "a/b", "a+b@x.de", "\u{10ffff}x"];
    for name in names {
        let made = app.account("POST", "", json!({"accountId": name, "tier": "Gift"})).await;
        assert_eq!(made.status, 201, "{}", made.text);
    }
    names.sort_unstable();
    let (mut result, mut cursor) = (Vec::new(), String::new());
    loop {
        let page = app.account("GET", &format!("?limit=2{cursor}"), Value::Null).await.body;
        let rows = page["accounts"].as_array().unwrap();
        result.extend(rows.iter().map(|row| row["accountId"].as_str().unwrap().to_owned()));
        let Some(next) = page["nextCursor"].as_str() else { break };
        cursor = format!("&cursor={next}");
    }
    assert_eq!(result, names);
    let begun = app.account("GET", "?q=auth0%7C", Value::Null).await.body;
    assert_eq!(begun["accounts"].as_array().unwrap().len(), 2);
    let moved = app.account("POST", "/%E6%97%A5%E6%9C%AC/debit", json!({"operationType": "x", "amount": 1})).await;
    assert_eq!(moved.int_of("newBalance"), 99);
}
