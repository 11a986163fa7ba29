//! Tokens on the plain face: charges, credits, operation ids.

use crate::support::{L1, Reply, TestApp, device};
use local::demo;
use serde_json::{Value, json};

#[tokio::test]
async fn a64_a65_a74_charges_and_their_refusals() {
    let app = TestApp::new().await;
    app.activate(L1, &device('a')).await;
    let charged = app.consume(L1, &device('a'), 97, "first").await;
    assert_eq!(
        (charged.int_of("tokensLimit"), charged.int_of("tokensConsumed"), charged.int_of("tokensRemaining")),
        (100, 97, 3)
    );
    assert_eq!(charged.headers["operation-id"], "first");
    let refused = app.consume(L1, &device('a'), 5, "second").await;
    assert!(refused.refused(403, "INSUFFICIENT_TOKENS").text_of("message").contains("insufficient tokens"));
    assert_eq!(refused.body["details"], json!({"required": 5, "balance": 3, "deficit": 2}));
    // A refusal burns no id: after a credit the same operation goes through.
    let credit = app
        .admin("POST", &format!("/v1/admin/licenses/{L1}/tokens"), json!({"amount": 10, "reason": "goodwill"}))
        .await;
    assert_eq!((credit.status, credit.int_of("balanceAfter")), (200, 13));
    assert_eq!(app.consume(L1, &device('a'), 5, "second").await.int_of("tokensRemaining"), 8);
    assert_eq!(app.audit(L1).await, 102);
}

#[tokio::test]
async fn an_operation_is_done_once_and_answered_alike_for_ever() {
    let app = TestApp::new().await;
    app.activate(L1, &device('a')).await;
    let first = app.consume(L1, &device('a'), 5, "op-1").await;
    app.consume(L1, &device('a'), 7, "op-2").await;
    app.clock.advance_seconds(400 * 86_400);
    let again = app.consume(L1, &device('a'), 5, "op-1").await;
    assert_eq!((again.int_of("tokensRemaining"), &again.body["replayed"]), (95, &json!(true)));
    assert_eq!(again.headers["idempotent-replayed"], "true");
    assert_eq!(again.body["operation"], first.body["operation"]);
    app.consume(L1, &device('a'), 6, "op-1").await.refused(422, "IDEMPOTENCY_KEY_REUSED");

    // The header is the same id; both must agree.
    let body = json!({"hwid": device('a'), "amount": 5, "action": "export"});
    let mut request = crate::support::post_request(L1, "consume", &body);
    request.headers_mut().insert("idempotency-key", "op-1".parse().unwrap());
    assert_eq!(app.send(request).await.body["replayed"], true);
    let mut request = crate::support::post_request(
        L1,
        "consume",
        &json!({"hwid": "a", "amount": 5, "action": "x", "operationId": "y"}),
    );
    request.headers_mut().insert("idempotency-key", "z".parse().unwrap());
    app.send(request).await.refused(400, "BAD_REQUEST");

    // Without an id the service makes one and says which.
    app.clock.advance_seconds(-400 * 86_400);
    let unnamed = app.post(L1, "consume", body).await;
    assert_eq!(
        unnamed.headers["operation-id"].to_str().unwrap(),
        unnamed.body["operation"]["operationId"].as_str().unwrap()
    );
    assert_eq!(app.audit(L1).await, 17);
}

/// What an operation did before is read only where it matters, and to who would be refused it does.
#[tokio::test]
async fn an_operation_that_would_be_refused_now_gets_its_first_answer() {
    let app = TestApp::new().await;
    app.activate(L1, &device('a')).await;
    let first = app.consume(L1, &device('a'), 100, "all").await;
    assert_eq!(first.int_of("tokensRemaining"), 0);
    let is_first = |again: &Reply| {
        assert_eq!((again.status, &again.body["replayed"]), (200, &json!(true)), "{}", again.text);
        assert_eq!(again.body["operation"], first.body["operation"]);
        assert_eq!((again.spent.round_trips, again.spent.write_units), (2, 0.0));
    };
    is_first(&app.consume(L1, &device('a'), 100, "all").await);
    app.consume(L1, &device('a'), 1, "more").await.refused(403, "INSUFFICIENT_TOKENS");
    app.set_state(L1, "suspended").await;
    is_first(&app.consume(L1, &device('a'), 100, "all").await);
    app.consume(L1, &device('a'), 99, "all").await.refused(422, "IDEMPOTENCY_KEY_REUSED");
    app.consume(L1, &device('a'), 1, "more").await.refused(403, "LICENSE_SUSPENDED");

    app.account("POST", "", json!({"accountId": "u", "openingBalance": 10})).await;
    let debit =
        |id: &str| app.account("POST", "/u/debit", json!({"operationType": "x", "amount": 10, "operationId": id}));
    let first = debit("all").await;
    let again = debit("all").await;
    assert_eq!((again.status, again.int_of("newBalance"), &again.body["replayed"]), (200, 0, &json!(true)));
    assert_eq!(again.body["ledgerEntryId"], first.body["ledgerEntryId"]);
    debit("more").await.refused(402, "INSUFFICIENT_TOKENS");
}

#[tokio::test]
async fn a_credit_with_an_end_is_gone_at_its_instant() {
    let app = TestApp::new().await;
    app.activate(L1, &device('a')).await;
    let path = format!("/v1/admin/licenses/{L1}/tokens");
    let body = json!({"amount": 50, "reason": "trial week", "expiresAt": "2026-01-11T00:00:00Z", "operationId": "c"});
    assert_eq!(app.admin("POST", &path, body.clone()).await.int_of("balanceAfter"), 150);
    assert_eq!(app.admin("POST", &path, body).await.body["replayed"], true);
    app.clock.advance_seconds(7 * 86_400);
    let spent = app.consume(L1, &device('a'), 1, "x").await;
    assert_eq!((spent.int_of("tokensLimit"), spent.int_of("tokensRemaining")), (100, 99));
    let debit = app.admin("POST", &path, json!({"amount": -120, "reason": "chargeback"})).await;
    assert_eq!(debit.int_of("balanceAfter"), -21);
    app.consume(L1, &device('a'), 1, "y").await.refused(403, "INSUFFICIENT_TOKENS");
    let last: Vec<_> = app.ledger(L1).await.iter().map(|e| (e["source"].clone(), e["amount"].clone())).collect();
    assert_eq!(last[2..], [(json!("expiry"), json!(-50)), (json!("single"), json!(-1)), (json!("admin"), json!(-120))]);
    app.audit(L1).await;
}

#[tokio::test]
async fn administrators_operations_are_done_once() {
    let app = TestApp::new().await;
    let send = async |path: &str, id: &str, body: Value| {
        let mut body = body;
        body["operationId"] = json!(id);
        app.admin("POST", path, body).await
    };
    let first = send("/v1/admin/projects", "p", json!({"name": "Twice"})).await;
    let again = send("/v1/admin/projects", "p", json!({"name": "Twice"})).await;
    assert_eq!((first.status, again.status, &first.body), (201, 201, &again.body));
    assert_eq!(again.headers["idempotent-replayed"], "true");
    send("/v1/admin/projects", "p", json!({"name": "Other"})).await.refused(422, "IDEMPOTENCY_KEY_REUSED");

    let path = format!("/v1/admin/projects/{}", app.project_id);
    let policy = send(&format!("{path}/policies"), "q", demo::sub()).await;
    assert_eq!(send(&format!("{path}/policies"), "q", demo::sub()).await.body, policy.body);
    let body = json!({"policyId": policy.int_of("PolicyID"), "count": 3});
    let issued = send(&format!("{path}/licenses"), "l", body.clone()).await;
    assert_eq!(send(&format!("{path}/licenses"), "l", body).await.body, issued.body);
    let mut keys: Vec<_> =
        issued.body["licenses"].as_array().unwrap().iter().map(|l| l["licenseKey"].to_string()).collect();
    keys.sort();
    keys.dedup();
    assert_eq!(keys.len(), 3);
    let taken = json!({"policyId": policy.int_of("PolicyID"), "licenseKey": L1});
    send(&format!("{path}/licenses"), "t", taken).await.refused(409, "LICENSE_KEY_TAKEN");
    send("/v1/admin/projects/prj_nothing/policies", "n", demo::sub()).await.refused(404, "PROJECT_NOT_FOUND");
    send(&format!("{path}/licenses"), "m", json!({"policyId": "999"})).await.refused(404, "POLICY_NOT_FOUND");
}

#[tokio::test]
async fn a_capability_and_its_tokens_are_checked_in_one_call() {
    let app = TestApp::new().await;
    let ask = async |query: &str| {
        let reply = app.get(L1, &format!("/entitlement?hwid={}{query}", device('a'))).await;
        assert_eq!((reply.status, reply.spent.write_units), (200, 0.0), "{}", reply.text);
        (reply.body["allowed"] == true, reply.body["reason"].as_str().unwrap_or("").to_owned())
    };
    let no = |code: &str| (false, code.to_owned());
    let yes = (true, String::new());
    assert_eq!(ask("&capability=pro&tokens=5").await, no("DEVICE_NOT_REGISTERED"));
    app.activate(L1, &device('a')).await;
    assert_eq!(ask("&capability=pro&tokens=100").await, yes);
    assert_eq!(ask("&capability=pro").await, yes);
    assert_eq!(ask("").await, yes);
    assert_eq!(ask("&capability=pro&tokens=101").await, no("INSUFFICIENT_TOKENS"));
    assert_eq!(ask("&capability=hd&tokens=5").await, no("CAPABILITY_MISSING"));
    assert_eq!(ask("&capability=hd").await, no("CAPABILITY_MISSING"));
    let with = |capability: &str| json!({"hwid": device('a'), "amount": 5, "action": "x", "capability": capability});
    app.post(L1, "consume", with("hd")).await.refused(403, "CAPABILITY_MISSING");
    assert_eq!(app.post(L1, "consume", with("pro")).await.int_of("tokensRemaining"), 95);
    app.set_state(L1, "suspended").await;
    assert_eq!(ask("&capability=pro&tokens=5").await, no("LICENSE_SUSPENDED"));
    app.get(L1, "/entitlement").await.refused(400, "BAD_REQUEST");
    app.get(L1, "/entitlement?hwid=a&tokens=-1").await.refused(400, "BAD_REQUEST");
}
