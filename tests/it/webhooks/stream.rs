//! What follows from changes: roll-ups, statistics, notices; with the stream's deliveries twice, late, or lost.

use std::sync::Arc;

use local::background::Background;
use local::table_stream::{Begin, StreamReader};
use serde_json::{Value, json};
use shared::service::ports::Clock;

use crate::support::{L1, TestApp, device};

const DAY: i64 = 86_400;

async fn followed(app: &TestApp, begin: Begin) -> Background {
    let reader = StreamReader::open(app.engine.endpoint(), local::wiring::TABLE, begin).await.unwrap().unwrap();
    Background::start(Arc::clone(&app.host), app.outbox.clone(), Some(reader), false).await.unwrap()
}

/// Follows all that happened; how often a count was told.
async fn follow_all(background: &Background, name: &str) -> i64 {
    let mut sum = 0;
    while let Some(report) = background.follow().await {
        sum += report.counts.iter().filter(|(known, _)| *known == name).map(|(_, count)| *count).sum::<i64>();
    }
    sum
}

/// An account with a history over five days: each day two debits, a credit, a refund; a hold that stays; resets.
async fn history(app: &TestApp) {
    app.account_with("u", 1_000, 0).await;
    for day in 0..5 {
        for (tail, body) in [
            ("debit", json!({"operationType": "image", "amount": 7, "operationId": format!("a{day}")})),
            ("debit", json!({"operationType": "chat", "amount": 2, "operationId": format!("b{day}")})),
            ("credit", json!({"operationType": "purchase", "amount": 20})),
            ("refund", json!({"originalOperationId": format!("a{day}"), "amount": 3})),
        ] {
            let reply = app.account("POST", &format!("/u/{tail}"), body).await;
            assert_eq!(reply.status, 200, "{}", reply.text);
            app.clock.advance_seconds(3_600);
        }
        app.clock.advance_seconds(DAY - 4 * 3_600);
    }
    app.account("POST", "/u/holds", json!({"operationType": "video", "amount": 100})).await;
    app.account("POST", "/u/reset", json!({"balance": 500})).await;
}

async fn statistics(app: &TestApp, query: &str) -> (Value, f64) {
    let reply = app.account("GET", &format!("/u/statistics?{query}"), Value::Null).await;
    assert_eq!(reply.status, 200, "{}", reply.text);
    (reply.body, reply.spent.read_units)
}

/// What the entries of a range add up to, counted by hand.
async fn counted(app: &TestApp, from: &str, to: &str) -> (i64, i64, i64, i64, i64) {
    let ledger = app.account_ledger("u").await;
    let within = |entry: &&Value| {
        let at = entry["recordedAt"].as_str().unwrap();
        (from.is_empty() || at >= from) && (to.is_empty() || at < to)
    };
    let entries: Vec<_> = ledger.iter().filter(within).collect();
    let sum = |category: &str| -> i64 {
        entries.iter().filter(|e| e["category"] == category).map(|e| e["amount"].as_i64().unwrap()).sum()
    };
    let net = entries.iter().map(|e| e["amount"].as_i64().unwrap()).sum();
    (-sum("spent"), sum("granted"), sum("refunded"), net, entries.len() as i64)
}

fn figures(reply: &Value) -> (i64, i64, i64, i64, i64) {
    let int = |name: &str| reply[name].as_i64().unwrap();
    (int("totalSpent"), int("totalEarned"), int("refunded"), int("netChange"), int("operationCount"))
}

const RANGES: &[(&str, &str)] = &[
    ("", ""),
    ("2026-01-05T00:00:00.000Z", "2026-01-07T00:00:00.000Z"),
    ("2026-01-04T01:00:00.000Z", "2026-01-08T02:00:00.001Z"),
    ("2026-01-05T02:00:00.001Z", ""),
    ("", "2026-01-06T03:00:00.000Z"),
    ("2026-01-06T01:00:00.000Z", "2026-01-06T01:00:00.000Z"),
    ("2026-01-06T01:00:00.000Z", "2026-01-06T02:00:00.000Z"),
    ("2027-01-01T00:00:00.000Z", ""),
];

#[tokio::test]
async fn statistics_are_exact_with_and_without_roll_ups() {
    let app = TestApp::new().await;
    history(&app).await;
    let background = followed(&app, Begin::Oldest).await;
    for rolled_up in [false, true] {
        if rolled_up {
            assert!(follow_all(&background, "Days").await >= 6);
        }
        for (from, to) in RANGES {
            let mut query = Vec::new();
            query.extend((!from.is_empty()).then(|| format!("from={from}")));
            query.extend((!to.is_empty()).then(|| format!("to={to}")));
            let (reply, _) = statistics(&app, &query.join("&")).await;
            assert_eq!(figures(&reply), counted(&app, from, to).await, "{from} to {to}, rolled up: {rolled_up}");
        }
    }
    let (reply, _) = statistics(&app, "").await;
    let expected = json!({"accountId": "u", "from": null, "to": null, "totalSpent": 45, "totalEarned": 1_100, "refunded": 15,
        "expired": 0, "adjusted": -470, "held": 100, "netChange": 500, "operationCount": 23});
    for (name, value) in expected.as_object().unwrap() {
        assert_eq!(&reply[name], value, "{name} in {reply}");
    }
    let types: Vec<_> = reply["byType"].as_array().unwrap().iter().map(|t| t["operationType"].clone()).collect();
    assert_eq!(types, ["chat", "image", "monthly_reset", "opening", "purchase", "refund", "video"]);
    let image = &reply["byType"][1];
    assert_eq!((&image["operationCount"], &image["totalSpent"]), (&json!(5), &json!(35)));
    for (query, status, code) in [
        ("from=2026-01-05T00:00:00Z&to=2026-01-04T00:00:00Z", 422, "RANGE_REVERSED"),
        ("from=then", 400, "BAD_REQUEST"),
    ] {
        app.account("GET", &format!("/u/statistics?{query}"), Value::Null).await.refused(status, code);
    }
    app.account("GET", "/nobody/statistics", Value::Null).await.refused(404, "ACCOUNT_NOT_FOUND");
}

#[tokio::test]
async fn a_long_range_reads_days_and_not_entries() {
    let app = TestApp::new().await;
    app.account_with("u", 10_000, 0).await;
    for day in 0..4 {
        for index in 0..60 {
            let body = json!({"operationType": "x", "amount": 1, "metadata": {"n": format!("{day} {index}")}});
            assert_eq!(app.account("POST", "/u/debit", body).await.status, 200);
        }
        app.clock.advance_seconds(DAY);
    }
    let (before, entry_units) = statistics(&app, "").await;
    follow_all(&followed(&app, Begin::Oldest).await, "Days").await;
    let (after, day_units) = statistics(&app, "").await;
    assert_eq!(before, after);
    assert!(day_units * 2.0 < entry_units, "{day_units} and {entry_units}");
}

#[tokio::test]
async fn deliveries_that_come_twice_late_or_never_change_no_figure() {
    let app = TestApp::new().await;
    let late = followed(&app, Begin::Oldest).await;
    history(&app).await;
    // Another follower that begins now has missed all that: it notices, and fetches what it has missed.
    let missed = followed(&app, Begin::Now).await;
    app.account("POST", "/u/debit", json!({"operationType": "x", "amount": 1})).await;
    assert!(follow_all(&missed, "Filled").await >= 23);
    let whole = statistics(&app, "").await.0;
    assert_eq!(figures(&whole), counted(&app, "", "").await);
    // The first one comes late with all of it again.
    assert_eq!(follow_all(&late, "Days").await, 0);
    assert_eq!(statistics(&app, "").await.0, whole);
    // A follower whose writes are lost on the way counts nothing twice.
    app.account("POST", "/u/debit", json!({"operationType": "x", "amount": 1})).await;
    app.host.app.table.lose_after(1);
    follow_all(&missed, "Days").await;
    follow_all(&late, "Days").await;
    assert_eq!(figures(&statistics(&app, "").await.0), counted(&app, "", "").await);
}

#[tokio::test]
async fn a_balance_that_falls_by_time_alone_is_told_once() {
    let app = TestApp::new().await;
    let background = followed(&app, Begin::Now).await;
    let end = app.clock.now().plus_days(1).to_string();
    let bonus = json!({"operationType": "bonus", "amount": 90, "expiresAt": end});
    // One is left with less than a fifth of what its grants were worth, the other with nothing.
    app.account_with("low", 100, 0).await;
    app.account("POST", "/low/debit", json!({"operationType": "x", "amount": 85})).await;
    app.account_with("none", 0, 0).await;
    for name in ["low", "none"] {
        assert_eq!(app.account("POST", &format!("/{name}/credit"), bonus.clone()).await.status, 200);
    }
    follow_all(&background, "Notices").await;
    let reply = || {
        let notices = background.bus.notices();
        let of = |kind: &str, account: &str| {
            notices.iter().filter(|n| n["type"] == kind && n["detail"]["accountId"] == account).count()
        };
        (of("tokens.low", "low"), of("tokens.exhausted", "none"))
    };
    assert_eq!(reply(), (1, 0), "the debit");
    app.clock.advance_seconds(DAY);
    // Looking tells nobody.
    app.account("GET", "/low", Value::Null).await;
    follow_all(&background, "Notices").await;
    assert_eq!(reply(), (1, 0));
    for _ in 0..2 {
        background.dispatch().await;
        while background.work().await.is_some() {}
        follow_all(&background, "Notices").await;
        assert_eq!(reply(), (2, 1), "the night, once");
    }
}

#[tokio::test]
async fn notices_tell_each_fact_under_one_id() {
    let app = TestApp::new().await;
    let background = followed(&app, Begin::Now).await;
    let again = followed(&app, Begin::Now).await;
    app.account("POST", "", json!({"accountId": "u", "tier": "Gift", "overdraftLimit": 10})).await;
    for amount in [79, 1, 1, 15] {
        app.account("POST", "/u/debit", json!({"operationType": "x", "amount": amount})).await;
    }
    app.account("POST", "/u/debit", json!({"operationType": "x", "amount": 9, "allowOverdraft": true})).await;
    app.clock.advance_seconds(30 * DAY);
    app.account("POST", "/u/renewal", Value::Null).await;
    app.activate(L1, &device('a')).await;
    app.activate(L1, &device('b')).await;
    let released =
        app.admin("POST", &format!("/v1/admin/licenses/{L1}/seats/{}/release", device('a')), json!({})).await;
    assert_eq!(released.status, 200, "{}", released.text);
    follow_all(&background, "Notices").await;
    follow_all(&again, "Notices").await;
    let mut notices = background.bus.notices();
    assert_eq!(again.bus.notices(), notices, "the same again has the same ids");
    let changed: Vec<_> = notices.extract_if(.., |notice| notice["type"] == "tokens.changed").collect();
    let balances: Vec<_> = changed.iter().map(|notice| notice["detail"]["balanceAfter"].as_i64().unwrap()).collect();
    assert_eq!(balances, [100, 21, 20, 19, 4, -5, 95], "one for each movement");
    let kinds: Vec<_> = notices.iter().map(|notice| notice["type"].as_str().unwrap()).collect();
    let expected = [
        "renewal.done",
        "tokens.low",
        "tokens.exhausted",
        "tokens.overdrawn",
        "renewal.done",
        "license.activated",
        "license.activated",
        "seat.kicked",
    ];
    assert_eq!(kinds, expected);
    assert_eq!(notices[1]["detail"]["balanceAfter"], 19, "at exactly a fifth it is not low");
    let text = json!(notices).to_string();
    assert!(!text.contains(L1), "a license key is a secret");
}

/// Nobody wants a notice for each use of a long queue.
#[tokio::test]
async fn of_uses_that_a_batch_does_not_charge_the_first_is_told() {
    let app = TestApp::new().await;
    let background = followed(&app, Begin::Now).await;
    app.activate(L1, &device('a')).await;
    let use_of = |n: i64| json!({"amount": 2_000 + n, "action": "x", "operationId": format!("use-{n}")});
    let usages = json!({"hwid": device('a'), "usages": [use_of(0), use_of(1), use_of(2)]});
    assert_eq!(app.post(L1, "consume-batch", usages).await.status, 200);
    follow_all(&background, "Notices").await;
    let notices = background.bus.notices();
    let reply: Vec<_> = notices.iter().filter(|notice| notice["type"] == "tokens.uncharged").collect();
    assert_eq!(reply.len(), 1, "{notices:?}");
    assert_eq!((&reply[0]["detail"]["uncharged"], &reply[0]["detail"]["hwid"]), (&json!(2_000), &json!(device('a'))));
}
