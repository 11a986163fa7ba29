//! What each operation costs at the table, exactly as the engine reports it: against the table in `docs/data-model.md`.
//!
//! A row of the document reads `| operation | devices | round trips | read units | write units |`.

use crate::support::background::{background, code_in, settle};
use crate::support::{L1, Reply, TestApp, device, post_request, send};
use local::stripe::Event;
use serde_json::json;

fn documented() -> Vec<String> {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/data-model.md");
    let text = std::fs::read_to_string(path).unwrap();
    let table =
        text.split("<!-- units:begin -->").nth(1).expect("units:begin").split("<!-- units:end -->").next().unwrap();
    table
        .lines()
        .filter(|line| line.starts_with("| ") && !line.starts_with("| operation |"))
        .map(str::to_owned)
        .collect()
}

fn row(operation: &str, devices: usize, reply: &Reply) -> String {
    let spent = reply.spent;
    format!("| {operation} | {devices} | {} | {} | {} |", spent.round_trips, spent.read_units, spent.write_units)
}

#[tokio::test]
async fn operations_cost_what_the_document_says() {
    let app = TestApp::new().await;
    let mut rows = Vec::new();
    for devices in [1, 50, 2_000] {
        let (key, plain) = Box::pin(measure(&app, devices)).await;
        rows.extend(plain);
        rows.extend(Box::pin(measure_pro(&app, &key, devices)).await);
    }
    rows.extend(Box::pin(measure_accounts(&app)).await);
    rows.extend(Box::pin(measure_store()).await);
    rows.extend(Box::pin(measure_quotas(&app)).await);
    rows.sort_by_key(|row| order(row));
    let documented = documented();
    assert!(rows == documented, "docs/data-model.md should say:\n{}", rows.join("\n"));
}

fn order(row: &str) -> usize {
    let operations = [
        "activate, new",
        "activate, known",
        "heartbeat, with a seat",
        "heartbeat, without",
        "heartbeat, compact, with",
        "heartbeat, compact, without",
        "consume |",
        "consume with",
        "consume, refused",
        "consume, replayed",
        "consume, compact |",
        "consume, compact, with",
        "consume, compact, refused",
        "consume, compact, replayed",
        "consume-batch",
        "signout",
        "release-seat",
        "license",
        "seats",
        "usage",
        "settings |",
        "save-settings",
        "pro validate, new",
        "pro validate, known",
        "pro status",
        "pro heartbeat |",
        "pro heartbeat, refused",
        "pro heartbeat, compact",
        "pro consume |",
        "pro consume, refused",
        "pro consume, compact",
        "pro consume-batch",
        "pro release-seat",
        "pro settings/get",
        "pro settings/save",
        "pro events",
        "pro entitlement",
        "pro usage, first page",
        "account create",
        "account debit |",
        "account debit, refused",
        "account debit, replayed",
        "account debit that renews",
        "account refund |",
        "account refund by amount",
        "account hold |",
        "account hold, committed",
        "account renewal",
        "account |",
        "account balance",
        "account statistics",
        "account verification",
        "account entries",
        "entries of all accounts",
        "accounts due",
        "erasure of old entries",
        "organization create",
        "feature checked",
        "feature paid",
        "organization stats",
        "organization plan",
        "store listed",
        "checkout |",
        "top-up link",
        "payment message |",
        "payment message repeated",
        "pack paid",
        "pack of tokens ordered",
        "pack of tokens paid",
        "pack of tokens refunded",
        "code requested",
        "code refused",
        "portfolio",
        "sign-in begun",
        "event days counted",
        "deployment status",
        "test mail",
        "counted: seats",
        "counted: account |",
        "counted: account debit",
        "counted: a policy",
        "not counted: heartbeat",
    ];
    operations.iter().position(|operation| row.starts_with(&format!("| {operation}"))).unwrap_or(operations.len())
}

async fn measure(app: &TestApp, devices: usize) -> (String, Vec<String>) {
    let key =
        app.license_with(json!({"seats": {"enabled": true, "maxSeats": 100}, "devices": {"maxDevices": 3_000}})).await;
    // One device stays to be the new one; it brings the license to `devices`.
    for index in 1..devices {
        let reply = app.activate(&key, &format!("{index:064}")).await;
        assert_eq!(reply.status, 200);
        if index % 90 == 0 {
            // Their leases lapse, so that there is a seat for the devices that are measured.
            app.clock.advance_seconds(1_000);
        }
    }
    app.clock.advance_seconds(1_000);
    let a = device('a');
    // Warm: the process has seen the license's policy.
    app.get(&key, "").await;
    let new = app.activate(&key, &a).await;
    let known = app.activate(&key, &a).await;
    let beat = app.beat(&key, &a).await;
    let consume = app.consume(&key, &a, 1, "op").await;
    let replayed = app.consume(&key, &a, 1, "op").await;
    let refused = app.consume(&key, &a, 1_000, "much").await;
    let compact =
        |amount: i64, id: &str| json!({"hwid": a, "amount": amount, "action": "x", "operationId": id, "compact": true});
    let compact_beat = json!({"hwid": a, "compact": true});
    let short_beat = app.post(&key, "heartbeat", compact_beat.clone()).await;
    let short = app.post(&key, "consume", compact(1, "short")).await;
    let short_replayed = app.post(&key, "consume", compact(1, "short")).await;
    let short_refused = app.post(&key, "consume", compact(1_000, "short,much")).await;
    app.clock.advance_seconds(200);
    let short_late = app.post(&key, "consume", compact(1, "short,late")).await;
    app.clock.advance_seconds(200);
    let consume_late = app.consume(&key, &a, 1, "late").await;
    let usages = vec![json!({"amount": 1, "action": "x"}); 50];
    let batch = app.post(&key, "consume-batch", json!({"hwid": a, "usages": usages})).await;
    let license = app.get(&key, &format!("?hwid={a}")).await;
    let seats = app.get(&key, "/seats").await;
    let mut put = post_request(&key, "settings", &json!({"settings": {"theme": "dark"}}));
    *put.method_mut() = http::Method::PUT;
    let save = app.send(put).await;
    let settings = app.get(&key, "/settings").await;
    let usage = app.get(&key, "/usage").await;
    let b = device('b');
    app.activate(&key, &b).await;
    let release = app.post(&key, "release-seat", json!({"targetHwid": b, "callerHwid": a})).await;
    let out = app.post(&key, "signout", json!({"hwid": a})).await;
    let beat_without = app.beat(&key, &a).await;
    let short_beat_without = app.post(&key, "heartbeat", compact_beat).await;
    assert_eq!((short_beat.seat().1, short_beat_without.seat().1), ("OCCUPIED", "RELEASED"));
    short_refused.refused(403, "INSUFFICIENT_TOKENS");
    assert_eq!(
        (beat.seat().1, beat_without.seat().1, &replayed.body["replayed"]),
        ("OCCUPIED", "RELEASED", &json!(true))
    );
    refused.refused(403, "INSUFFICIENT_TOKENS");
    assert_eq!(new.body["machines"].as_array().unwrap().len(), devices.min(100));
    let rows = vec![
        row("activate, new device", devices, &new),
        row("activate, known device", devices, &known),
        row("heartbeat, with a seat", devices, &beat),
        row("heartbeat, without a seat", devices, &beat_without),
        row("heartbeat, compact, with a seat", devices, &short_beat),
        row("heartbeat, compact, without a seat", devices, &short_beat_without),
        row("consume, compact", devices, &short),
        row("consume, compact, with a lease to prolong", devices, &short_late),
        row("consume, compact, refused", devices, &short_refused),
        row("consume, compact, replayed", devices, &short_replayed),
        row("consume", devices, &consume),
        row("consume with a lease to prolong", devices, &consume_late),
        row("consume, refused", devices, &refused),
        row("consume, replayed", devices, &replayed),
        row("consume-batch of 50 uses", devices, &batch),
        row("signout", devices, &out),
        row("release-seat", devices, &release),
        row("license", devices, &license),
        row("seats", devices, &seats),
        row("usage, first page", devices, &usage),
        row("settings", devices, &settings),
        row("save-settings", devices, &save),
    ];
    (key, rows)
}

/// A pack of tokens for an account: ordered, paid, and paid back.
async fn measure_token_pack(app: &TestApp) -> [Reply; 3] {
    let pack = json!({"packId": "p", "name": "P", "tokens": 5, "price": {"amount": 1, "currency": "USD"}});
    app.project_settings(json!({"accounts": {"packs": [pack]}})).await;
    app.backend("POST", "/v1/accounts", json!({"accountId": "packed", "tier": "Gift"})).await;
    let ordered = app.backend("POST", "/v1/accounts/packed/checkout-link", json!({"packId": "p"})).await;
    let session = ordered.text_of("sessionId").to_owned();
    app.stripe.show_card(&session, "4242");
    let given = app.deliver(&app.event_of(&session, Event::Paid)).await;
    let back = app.deliver(&app.event_of(&session, Event::Refunded)).await;
    [ordered, given, back]
}

/// Accounts have no devices: one row each.
async fn measure_store() -> Vec<String> {
    let app = TestApp::new().await;
    let background = background(&app).await;
    let none = serde_json::Value::Null;
    app.store("GET", "project/buyable-policies", none.clone()).await;
    let listed = app.store("GET", "project/buyable-policies", none.clone()).await;
    let body = json!({"policyId": "1", "customerEmail": "grace@example.com"});
    let checkout = app.store("POST", "project/checkout-link", body).await;
    let session = checkout.text_of("sessionId").to_owned();
    app.stripe.show_card(&session, "4242");
    let event = app.event_of(&session, Event::Paid);
    let (paid, again) = (app.deliver(&event).await, app.deliver(&event).await);
    let top_up = app.store("POST", &format!("license/{L1}/topup-link"), json!({"packId": "bundle"})).await;
    let session = top_up.text_of("sessionId").to_owned();
    app.stripe.show_card(&session, "4242");
    let pack = app.deliver(&app.event_of(&session, Event::Paid)).await;
    settle(&background).await;
    let asked = app.store("POST", "auth/customer-login-request", json!({"email": "ada@example.com"})).await;
    settle(&background).await;
    let code = code_in(background.post_office.mails().last().unwrap());
    let shown =
        |code: &str| app.store("POST", "auth/customer-portfolio", json!({"email": "ada@example.com", "otp": code}));
    let [ordered, given, back] = measure_token_pack(&app).await;
    let (refused, portfolio) = (shown("no code").await, shown(&code).await);
    assert_eq!(portfolio.status, 200, "{}", portfolio.text);
    let developer = json!({"username": "d@e.f", "password": "correct horse"});
    app.admin("POST", "/v1/admin/developers", developer.clone()).await;
    let begun = send_open(&app, "/v1/sdk/pro/auth/dev-login", &developer).await;
    let path = format!("/v1/admin/projects/{}/event-counts", app.project_id);
    let counted = app.admin("GET", &path, none.clone()).await;
    let looked = app.admin("GET", "/v1/admin/deployment", none).await;
    let mailed = app.admin("POST", "/v1/admin/test-mails", json!({"to": "ada@example.com"})).await;
    [
        ("store listed", listed),
        ("checkout", checkout),
        ("top-up link", top_up),
        ("payment message", paid),
        ("payment message repeated", again),
        ("pack paid", pack),
        ("pack of tokens ordered", ordered),
        ("pack of tokens paid", given),
        ("pack of tokens refunded", back),
        ("code requested", asked),
        ("code refused", refused),
        ("portfolio of one license", portfolio),
        ("sign-in begun", begun),
        ("event days counted, 30 without events", counted),
        ("deployment status, of one project", looked),
        ("test mail", mailed),
    ]
    .iter()
    .map(|(operation, reply)| row(operation, 0, reply))
    .collect()
}

/// What is counted against a quota, after [`measure_accounts`]; and what is not, which costs what it costs without one.
async fn measure_quotas(app: &TestApp) -> Vec<String> {
    let quota = json!({"calls": 1_000_000, "minutes": 1_440});
    let quotas = json!({"quotas": {"administration": quota, "backends": quota, "applications": quota}});
    app.project_settings(quotas).await;
    let none = || serde_json::Value::Null;
    app.activate(L1, &device('a')).await;
    // Warm: the process has seen the buckets.
    app.get(L1, "/seats").await;
    app.account("GET", "/u", none()).await;
    app.admin("GET", "/v1/admin/policies/1", none()).await;
    let seats = app.get(L1, "/seats").await;
    let account = app.account("GET", "/u", none()).await;
    let debit = json!({"operationType": "x", "amount": 1, "operationId": "counted"});
    let debit = app.account("POST", "/u/debit", debit).await;
    let policy = app.admin("GET", "/v1/admin/policies/1", none()).await;
    let beat = app.beat(L1, &device('a')).await;
    let rows = [
        ("counted: seats", 1, seats),
        ("counted: account", 0, account),
        ("counted: account debit", 0, debit),
        ("counted: a policy", 0, policy),
        ("not counted: heartbeat, with a seat", 1, beat),
    ];
    rows.into_iter().map(|(name, devices, reply)| row(name, devices, &reply)).collect()
}

async fn send_open(app: &TestApp, path: &str, body: &serde_json::Value) -> Reply {
    let request = http::Request::builder().method("POST").uri(path);
    send(&app.host, request.body(body.to_string().into()).unwrap()).await
}

async fn measure_accounts(app: &TestApp) -> Vec<String> {
    let debit = |amount: i64, id: &str| json!({"operationType": "x", "amount": amount, "operationId": id});
    let make = json!({"accountId": "u", "tier": "Gift"});
    let create = app.account("POST", "", make).await;
    let spend = app.account("POST", "/u/debit", debit(10, "a")).await;
    let again = app.account("POST", "/u/debit", debit(10, "a")).await;
    let refused = app.account("POST", "/u/debit", debit(1_000, "b")).await;
    let refund = json!({"originalOperationId": "a", "amount": 4});
    let refund = app.account("POST", "/u/refund", refund).await;
    app.clock.advance_seconds(30 * 86_400);
    let renewing = app.account("POST", "/u/debit", debit(10, "c")).await;
    let account = app.account("GET", "/u", serde_json::Value::Null).await;
    let entries = app.account("GET", "/u/entries", serde_json::Value::Null).await;
    let hold = json!({"operationType": "x", "amount": 10, "operationId": "h"});
    let hold = app.account("POST", "/u/holds", hold).await;
    let commit = app.account("POST", "/u/holds/h/commit", json!({"amount": 4})).await;
    app.clock.advance_seconds(30 * 86_400);
    let renewal = app.account("POST", "/u/renewal", serde_json::Value::Null).await;
    let balance = app.account("GET", "/u/balance?at=2026-01-04T00:00:00.001Z", serde_json::Value::Null).await;
    let statistics = app.account("GET", "/u/statistics", serde_json::Value::Null).await;
    let verification = app.account("GET", "/u/verification", serde_json::Value::Null).await;
    let refund_by_amount = app.account("POST", "/u/refund", json!({"amount": 4})).await;
    refused.refused(402, "INSUFFICIENT_TOKENS");
    let [made, plan] = [
        ("POST", "", json!({"organizationId": "acme", "plan": "pro"})),
        ("PUT", "/acme/plan", json!({"plan": "enterprise"})),
    ]
    .map(|(method, tail, body)| async move { app.organization(method, tail, body).await });
    let made = made.await;
    let token = app.access_token(json!({"organizationId": "acme"})).await;
    let checked = app.feature(&token, "acme", "generate_goal", "check").await;
    let paid = app.feature(&token, "acme", "generate_goal", "deduct").await;
    let stats = app.session(&token, "GET", "/v1/tokens/stats?organizationId=acme", serde_json::Value::Null).await;
    let plan = plan.await;
    let all_entries = app.backend("GET", "/v1/entries?type=x", serde_json::Value::Null).await;
    let due = app.backend("GET", "/v1/renewals/due", serde_json::Value::Null).await;
    app.clock.advance_seconds(60);
    let erasure = app.backend("POST", "/v1/entries/erasure", json!({"before": "2026-06-01T00:00:00Z"})).await;
    let rows = [
        ("account create", create),
        ("account debit", spend),
        ("account debit, refused", refused),
        ("account debit, replayed", again),
        ("account debit that renews", renewing),
        ("account refund", refund),
        ("account refund by amount", refund_by_amount),
        ("account hold", hold),
        ("account hold, committed in part", commit),
        ("account renewal", renewal),
        ("account balance of the past, of 8 entries", balance),
        ("account statistics, of 8 entries without roll-ups", statistics),
        ("account verification, of 8 entries", verification),
        ("organization create", made),
        ("feature checked", checked),
        ("feature paid", paid),
        ("organization stats", stats),
        ("organization plan", plan),
        ("account", account),
        ("account entries, first page", entries),
        ("entries of all accounts, of an account and five pools", all_entries),
        ("accounts due, of none", due),
        ("erasure of old entries, of an account and five pools", erasure),
    ];
    rows.into_iter().map(|(name, reply)| row(name, 0, &reply)).collect()
}

/// The encrypted face, after [`measure`]: one device more, and the first has no seat.
async fn measure_pro(app: &TestApp, key: &str, devices: usize) -> Vec<String> {
    let (a, b) = (device('a'), device('p'));
    let data = |hwid: &str| json!({"key": key, "hwid": hwid});
    let usage = |amount: i64| json!({"key": key, "hwid": b, "amount": amount, "action": "x"});
    // Warm: the signing key is unwrapped.
    app.pro("settings/get", &a, "n", data(&a)).await;
    let new = app.pro("validate", &b, "n", data(&b)).await;
    let known = app.pro("validate", &b, new.nonce(), data(&b)).await;
    let status = app.pro("status", &b, known.nonce(), data(&b)).await;
    // As the existing client says it.
    let stays = json!({"key": key, "hwid": b, "isClosing": false});
    let beat = app.pro("heartbeat", &b, status.nonce(), stays.clone()).await;
    let refused = app.pro("heartbeat", &b, status.nonce(), stays).await;
    let refused_use = app.pro("consume", &b, status.nonce(), usage(1)).await;
    let short = json!({"key": key, "hwid": b, "isClosing": false, "compact": true});
    let short_beat = app.pro("heartbeat", &b, beat.nonce(), short).await;
    let short = json!({"key": key, "hwid": b, "amount": 1, "action": "x", "compact": true});
    let short = app.pro("consume", &b, short_beat.nonce(), short).await;
    let consume = app.pro("consume", &b, short.nonce(), usage(1)).await;
    let usages: Vec<_> = (0..50).map(|n| json!({"amount": 1, "action": "x", "timestamp": format!("t{n}")})).collect();
    let batch = json!({"key": key, "hwid": b, "usages": usages});
    let batch = app.pro("consume-batch", &b, consume.nonce(), batch).await;
    app.activate(key, &a).await;
    let release = json!({"key": key, "targetHwid": a, "callerHwid": b});
    let release = app.pro("release-seat", &b, batch.nonce(), release).await;
    let settings = app.pro("settings/get", &b, release.nonce(), data(&b)).await;
    let save = json!({"key": key, "hwid": b, "settings": {"theme": "light"}});
    let save = app.pro("settings/save", &b, settings.nonce(), save).await;
    let event = json!({"key": key, "type": "x", "payload": {"a": 1}});
    let event = app.pro("events", &b, save.nonce(), event).await;
    let asked = app.pro("entitlement", &b, event.nonce(), data(&b)).await;
    let listed = app.pro("usage", &b, asked.nonce(), data(&b)).await;
    refused.refused(409, "NONCE_MISMATCH");
    listed.nonce();
    let rows = [
        ("pro validate, new device", new),
        ("pro validate, known device", known),
        ("pro status", status),
        ("pro heartbeat", beat),
        ("pro heartbeat, refused", refused),
        ("pro heartbeat, compact", short_beat),
        ("pro consume, compact", short),
        ("pro consume", consume),
        ("pro consume, refused", refused_use),
        ("pro consume-batch of 50 uses", batch),
        ("pro release-seat", release),
        ("pro settings/get", settings),
        ("pro settings/save", save),
        ("pro events", event),
        ("pro entitlement", asked),
        ("pro usage, first page", listed),
    ];
    rows.into_iter().map(|(name, answer)| row(name, devices, &answer.reply)).collect()
}

#[tokio::test]
async fn the_happy_path_takes_two_round_trips_once_the_process_is_warm() {
    let app = TestApp::new().await;
    let cold = app.another_process().await;
    let activate = || post_request(crate::support::L1, "activate", &json!({"hwid": device('a')}));
    assert_eq!(send(&cold, activate()).await.spent.round_trips, 3);
    assert_eq!(send(&cold, activate()).await.spent.round_trips, 2);
}
