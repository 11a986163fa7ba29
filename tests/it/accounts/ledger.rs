//! The ledger as a whole: checked, asked for a balance of the past, and freed of personal facts.

use aws_sdk_dynamodb::types::AttributeValue;
use serde_json::{Value, json};

use crate::support::{TestApp, device};

use shared::model::ids::AccountId;
use shared::model::ids::WalletId;
use shared::model::record::Record;
use shared::service::app::Budget;
use shared::service::ids::license_id;
use shared::service::ledger::{self, Span};
use shared::table::key::ledger_partition;
use shared::table::port::{Meter, Read, Table};

impl TestApp {
    async fn verified(&self, name: &str) -> Value {
        self.account("GET", &format!("/{name}/verification"), Value::Null).await.body
    }

    /// Reaches past the product into the table, as somebody with the rights of its owner could.
    async fn tamper(&self, operation: &str, update: &str, value: AttributeValue) {
        self.tamper_with(format!("LEDGER#ACCT#{}#u", self.project_id), operation, update, value).await;
    }

    async fn tamper_with(&self, ledger: String, operation: &str, update: &str, value: AttributeValue) {
        let table = self.host.app.table.inner();
        table
            .client()
            .update_item()
            .table_name(table.name())
            .key("pk", AttributeValue::S(ledger))
            .key("sk", AttributeValue::S(format!("c#{operation}")))
            .update_expression(update)
            .expression_attribute_values(":v", value)
            .send()
            .await
            .unwrap();
    }
}

async fn spender() -> TestApp {
    let app = TestApp::new().await;
    app.account_with("u", 1_000, 0).await;
    for index in 1..=6 {
        app.clock.advance_seconds(60);
        let body = json!({"operationType": "x", "amount": index, "operationId": format!("op{index}"),
            "metadata": {"user": "Ada"}});
        app.account("POST", "/u/debit", body).await;
    }
    app
}

#[tokio::test]
async fn a_ledger_that_was_touched_is_not_intact() {
    let app = spender().await;
    let whole = json!({"accountId": "u", "intact": true, "verified": 7, "firstBreak": null, "nextCursor": null});
    assert_eq!(app.verified("u").await, whole);
    app.tamper("op3", "SET amount = :v", AttributeValue::N("-1".into())).await;
    let reply = app.verified("u").await;
    assert_eq!((&reply["intact"], &reply["firstBreak"]), (&json!(false), &json!({"sequence": 4, "reason": "balance"})));
    app.tamper("op3", "SET amount = :v", AttributeValue::N("-3".into())).await;
    assert_eq!(app.verified("u").await, whole);
    app.tamper("op5", "SET recordedAt = :v", AttributeValue::N("1".into())).await;
    assert_eq!(app.verified("u").await["firstBreak"], json!({"sequence": 6, "reason": "altered"}));
    app.account("GET", "/nobody/verification", Value::Null).await.refused(404, "ACCOUNT_NOT_FOUND");
}

#[tokio::test]
async fn the_chain_can_be_followed_by_who_reads_the_ledger() {
    let app = spender().await;
    let ledger = app.account_ledger("u").await;
    for pair in ledger.windows(2) {
        assert_eq!(pair[0]["hash"], pair[1]["previousHash"]);
    }
    assert_eq!(ledger[0]["previousHash"], "0".repeat(64));
}

#[tokio::test]
async fn a_balance_of_the_past_is_what_had_been_written_by_then() {
    let app = spender().await;
    let then = async |at: &str| {
        let reply = app.account("GET", &format!("/u/balance?at={at}"), Value::Null).await;
        (reply.int_of("balance"), reply.int_of("sequence"))
    };
    assert_eq!(then("2026-01-04T00:00:00.000Z").await, (0, 0), "half-open: nothing was written before it");
    assert_eq!(then("2026-01-04T00:00:00.001Z").await, (1_000, 1));
    for (minute, balance) in [(1, 999), (2, 997), (3, 994), (4, 990), (5, 985), (6, 979)] {
        assert_eq!(then(&format!("2026-01-04T00:0{minute}:00.001Z")).await, (balance, minute + 1));
        assert_eq!(then(&format!("2026-01-04T00:0{minute}:00.000Z")).await.1, minute);
    }
    assert_eq!(then("2099-01-01T00:00:00Z").await, (979, 7));
    let now = app.account("GET", "/u/balance", Value::Null).await;
    assert_eq!((now.int_of("balance"), now.text_of("accountId")), (979, "u"));
    app.account("GET", "/u/balance?at=then", Value::Null).await.refused(400, "BAD_REQUEST");
}

#[tokio::test]
async fn personal_facts_go_and_amounts_stay() {
    let app = spender().await;
    let erase = async |query: &str| app.account("DELETE", &format!("/u/entries?{query}"), Value::Null).await;
    let before = "before=2026-01-04T00:04:00Z";
    let dry = erase(&format!("{before}&dryRun=true")).await;
    assert_eq!((dry.int_of("erased"), dry.spent.write_units), (3, 0.0));
    let done = erase(before).await;
    assert_eq!((done.status, done.int_of("erased"), &done.body["nextCursor"]), (200, 3, &Value::Null));
    assert_eq!(erase(before).await.int_of("erased"), 0, "sent twice");
    let ledger = app.account_ledger("u").await;
    let with_facts: Vec<_> = ledger.iter().map(|entry| !entry["metadata"].is_null()).collect();
    assert_eq!(with_facts, [false, false, false, false, true, true, true]);
    assert_eq!(app.verified("u").await["intact"], true);
    assert_eq!(app.balance("u").await, (979, 21));
    erase("").await.refused(400, "BAD_REQUEST");
    erase("before=then").await.refused(400, "BAD_REQUEST");
}

#[tokio::test]
async fn a_cursor_leads_through_its_own_accounts_ledger_only() {
    let app = spender().await;
    app.account_with("v", 5, 0).await;
    let page = app.account("GET", "/u/entries?limit=2", Value::Null).await;
    let cursor = page.text_of("nextCursor");
    app.account("GET", &format!("/v/entries?cursor={cursor}"), Value::Null).await.refused(422, "CURSOR_ELSEWHERE");
    app.account("GET", &format!("/u/verification?cursor={cursor}"), Value::Null).await.refused(400, "BAD_REQUEST");
}

#[tokio::test]
async fn a_dry_run_tells_all_and_writes_nothing() {
    let app = TestApp::new().await;
    app.account_with("u", 100, 0).await;
    let with = |mut body: Value| {
        body["dryRun"] = json!(true);
        body
    };
    let debit = with(json!({"operationType": "x", "amount": 10, "operationId": "op"}));
    let cases = [
        ("", with(json!({"accountId": "new"})), "tokensBalance", 100),
        ("/u/debit", debit.clone(), "newBalance", 90),
        ("/u/charge", with(json!({"operationType": "image_generation"})), "newBalance", 90),
        ("/u/credit", with(json!({"operationType": "x", "amount": 10})), "newBalance", 110),
        ("/u/reset", with(json!({"balance": 7})), "newBalance", 7),
        ("/u/plan", with(json!({"tier": "Business"})), "newBalance", 10_100),
        ("/u/holds", with(json!({"operationType": "x", "amount": 10})), "newBalance", 90),
    ];
    for (tail, body, member, value) in cases {
        let reply = app.account("POST", tail, body).await;
        assert_eq!((reply.status, reply.int_of(member), &reply.body["dryRun"]), (200, value, &json!(true)), "{tail}");
        assert_eq!(reply.spent.write_units, 0.0, "{tail}");
    }
    app.account("GET", "/new", Value::Null).await.refused(404, "ACCOUNT_NOT_FOUND");
    // What would be refused is refused.
    let much = with(json!({"operationType": "x", "amount": 101}));
    app.account("POST", "/u/debit", much).await.refused(402, "INSUFFICIENT_TOKENS");
    // Nothing happened under the id: it is still free.
    let real = json!({"operationType": "x", "amount": 11, "operationId": "op"});
    let reply = app.account("POST", "/u/debit", real).await;
    assert_eq!((reply.int_of("newBalance"), &reply.body["replayed"]), (89, &json!(false)));
    let unused = app.account("POST", "/u/debit", super::debit(1)).await;
    assert!(unused.body.get("dryRun").is_none());
}

/// A license with 100 tokens, of which a device has used 1, 2, 3 and 4, a minute apart.
async fn consumer() -> (TestApp, String) {
    let app = TestApp::new().await;
    let limits = json!({"tokens": {"enabled": true, "maxTokens": 100}, "devices": {"maxDevices": 2}});
    let key = app.license_with(limits).await;
    app.activate(&key, &device('a')).await;
    for amount in 1..=4 {
        app.clock.advance_seconds(60);
        assert_eq!(app.consume(&key, &device('a'), amount, &format!("op{amount}")).await.status, 200);
    }
    (app, key)
}

#[tokio::test]
async fn a_licenses_ledger_is_checked_and_added_up_like_an_accounts() {
    let (app, key) = consumer().await;
    let ask = async |tail: &str| app.admin("GET", &format!("/v1/admin/licenses/{key}/usage/{tail}"), Value::Null).await;
    let whole = json!({"intact": true, "verified": 5, "firstBreak": null, "nextCursor": null});
    assert_eq!(ask("verification").await.body, whole);
    let ledger = ledger_partition(&WalletId::License(license_id(&key)));
    app.tamper_with(ledger.clone(), "op2", "SET amount = :v", AttributeValue::N("-1".into())).await;
    assert_eq!(ask("verification").await.body["firstBreak"], json!({"sequence": 3, "reason": "balance"}));
    app.tamper_with(ledger, "op2", "SET amount = :v", AttributeValue::N("-2".into())).await;
    assert_eq!(ask("verification").await.body, whole);
    let reply = ask("statistics").await.body;
    let figures = json!([reply["totalSpent"], reply["totalEarned"], reply["netChange"], reply["operationCount"]]);
    assert_eq!(figures, json!([10, 100, 90, 5]), "{reply}");
    // Half-open: what was used in the second and third minute.
    let reply = ask("statistics?from=2026-01-04T00:02:00Z&to=2026-01-04T00:04:00Z").await.body;
    assert_eq!((&reply["totalSpent"], &reply["operationCount"]), (&json!(5), &json!(2)), "{reply}");
    ask("statistics?from=2026-01-05T00:00:00Z&to=2026-01-04T00:00:00Z").await.refused(422, "RANGE_REVERSED");
    ask("statistics?to=").await.refused(400, "BAD_REQUEST");
    ask("statistics?offset=1").await.refused(400, "BAD_REQUEST");
    let path = "/v1/admin/licenses/LIC-0000000000000000/usage/verification";
    app.admin("GET", path, Value::Null).await.refused(404, "LICENSE_NOT_FOUND");
    // A license without tokens has an empty ledger.
    let plain = app.license_with(json!({"tokens": {"enabled": false}})).await;
    let reply = app.admin("GET", &format!("/v1/admin/licenses/{plain}/usage/verification"), Value::Null).await;
    assert_eq!((&reply.body["intact"], &reply.body["verified"]), (&json!(true), &json!(0)), "{}", reply.text);
}

#[tokio::test]
async fn statistics_are_counted_page_by_page_and_the_pages_add_up() {
    let (app, key) = consumer().await;
    app.account_with("u", 1_000, 0).await;
    for amount in 1..=6 {
        app.account("POST", "/u/debit", json!({"operationType": "x", "amount": amount})).await;
    }
    let service = &app.host.app;
    let license = WalletId::License(license_id(&key));
    let account = WalletId::Account(AccountId { project_id: app.project_id.clone(), name: "u".to_owned() });
    for (id, entries, spent) in [(license, 5, -10), (account, 7, -21)] {
        let meter = Meter::default();
        let budget = Budget { meter: &meter, until_ms: u64::MAX };
        let records = service.table.read(&[Read::Wallet(id)], &meter).await.unwrap();
        let wallet = records.into_iter().find_map(Record::wallet).unwrap();
        for most in [1, 2, 3, 100] {
            let (mut after, mut pages, mut count, mut sum) = (0, 0, 0, 0);
            loop {
                let (tally, next) =
                    ledger::tally(service, &budget, &wallet, Span::default(), after, most).await.unwrap();
                assert!(tally.total.count <= most as i64);
                (pages, count, sum) = (pages + 1, count + tally.total.count, sum + tally.total.spent);
                match next {
                    Some(next) => after = next,
                    None => break,
                }
            }
            assert_eq!((count, sum), (entries, spent), "{most} a page");
            assert_eq!(pages, (entries as usize).div_ceil(most), "{most} a page");
        }
    }
}
