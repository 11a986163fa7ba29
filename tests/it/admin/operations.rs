//! Each change is made once, and the audit log has it once.

use serde_json::{Value, json};
use shared::api::routes::ROUTES;
use shared::api::routes::Route;

use super::{AIR, REVOKED, TAKEN, call, license, log, projects, spares, tiny};
use crate::support::{ADMIN_KEY, L1, TestApp, device};

/// Every act that an administrator's key can do, in an order in which each changes something.
fn acts(app: &TestApp, [secret, key_id, webhook]: &[String; 3]) -> Vec<(&'static str, &'static str, String, Value)> {
    let p = |tail: &str| projects(app, tail);
    let device = format!("/devices/{}", device('a'));
    vec![
        ("admin-create-project", "POST", "/v1/admin/projects".into(), json!({"name": "P9"})),
        ("admin-change-project", "PATCH", p(""), json!({"name": "P1b"})),
        ("admin-add-secret", "POST", p("/secrets"), Value::Null),
        ("admin-retire-secret", "DELETE", p(&format!("/secrets/{secret}")), Value::Null),
        ("admin-create-policy", "POST", p("/policies"), local::demo::perp()),
        ("admin-change-policy", "PATCH", "/v1/admin/policies/1".into(), json!({"description": "d"})),
        ("admin-create-license", "POST", p("/licenses"), json!({"policyId": 1, "count": 40})),
        (
            "admin-change-license",
            "PATCH",
            license(L1, ""),
            json!({"extendDays": 1, "customer": {"email": "g@example.com"}}),
        ),
        ("admin-reinstate", "POST", license(REVOKED, "/reinstate"), json!({"reason": "a mistake"})),
        ("admin-tokens", "POST", license(L1, "/tokens"), json!({"amount": 5, "reason": "r"})),
        ("admin-describe-device", "PATCH", license(L1, &device), json!({"nickname": "n"})),
        ("admin-release-seat", "POST", license(L1, &format!("/seats/{}/release", self::device('a'))), Value::Null),
        ("admin-remove-device", "DELETE", license(L1, &device), Value::Null),
        ("admin-offline-file", "POST", license(AIR, "/offline-file"), json!({"hwids": ["desk"]})),
        ("admin-create-key", "POST", "/v1/admin/keys".into(), json!({"scopes": ["read"]})),
        ("admin-revoke-key", "DELETE", format!("/v1/admin/keys/{key_id}"), Value::Null),
        (
            "admin-create-developer",
            "POST",
            "/v1/admin/developers".into(),
            json!({"username": "d@e.f", "password": "correct horse"}),
        ),
        (
            "admin-change-developer",
            "PATCH",
            "/v1/admin/developers/d@e.f".into(),
            json!({"password": "another password"}),
        ),
        (
            "admin-rewrap-developer",
            "POST",
            "/v1/admin/developers/d@e.f/rewrap".into(),
            json!({"previousKeyArn": KEY_ARN}),
        ),
        ("admin-rewrap-project", "POST", p("/rewrap"), json!({"previousKeyArn": KEY_ARN})),
        ("admin-create-webhook", "POST", p("/webhooks"), json!({"url": "https://a.example"})),
        ("admin-rotate-webhook", "POST", p(&format!("/webhooks/{webhook}/secret")), Value::Null),
        ("admin-replay", "POST", p(&format!("/webhooks/{webhook}/replay")), json!({})),
        ("admin-test-mail", "POST", "/v1/admin/test-mails".into(), json!({"to": "ada@example.com"})),
        ("admin-create-import-key", "POST", "/v1/admin/import-keys".into(), Value::Null),
        ("admin-export-keys", "POST", p("/export-keys"), json!({"publicKey": import_key('9')})),
        ("admin-begin-import", "POST", format!("/v1/admin/projects/{BEGUN}/import"), tiny(BEGUN, 'a')),
        ("admin-drop-import", "DELETE", format!("/v1/admin/projects/{BEGUN}/import"), Value::Null),
        ("admin-finish-import", "POST", format!("/v1/admin/projects/{TAKEN}/import/finish"), Value::Null),
        ("admin-remove-webhook", "DELETE", p(&format!("/webhooks/{webhook}")), Value::Null),
    ]
}

/// A KMS key of another deployment.
const KEY_ARN: &str = "arn:aws:kms:eu-central-1:123456789012:key/1234abcd-12ab-34cd-56ef-1234567890ab";

/// The body of another request to the same route.
fn another(name: &str, body: &Value) -> Value {
    let mut other = body.clone();
    let (member, value) = match name {
        "admin-create-license" => ("count", json!(41)),
        "admin-change-license" => ("extendDays", json!(2)),
        "admin-tokens" => ("amount", json!(6)),
        "admin-describe-device" => ("nickname", json!("another")),
        "admin-offline-file" => ("hwids", json!(["other"])),
        "admin-create-key" => ("scopes", json!(["tokens"])),
        "admin-rewrap-project" | "admin-rewrap-developer" => ("previousKeyArn", json!(format!("{KEY_ARN}0"))),
        "admin-create-developer" | "admin-change-developer" => ("fullName", json!("another")),
        "admin-create-webhook" => ("url", json!("https://other.example")),
        "admin-reinstate" => ("reason", json!("another")),
        "admin-replay" => ("limit", json!(7)),
        "admin-test-mail" => ("to", json!("grace@example.com")),
        "admin-export-keys" => ("publicKey", json!(import_key('8'))),
        "admin-begin-import" => ("trailer", tiny(BEGUN, 'b')["trailer"].clone()),
        _ => ("name", json!("another")),
    };
    other[member] = value;
    other
}

/// A project that begins to be imported.
const BEGUN: &str = "prj_00000000000000f1";

fn import_key(digit: char) -> String {
    format!("ltlm_import_0{digit}{}", "00".repeat(31))
}

#[tokio::test]
async fn every_act_is_done_once_and_told_once_by_the_log() {
    let app = TestApp::new().await;
    let acts = acts(&app, &spares(&app).await);
    // What a backend does to accounts stands in their ledgers.
    // The lines of an import are known by their place, and are too many for the log; that it began and ended is told.
    let is_act = |route: &&Route| {
        route.path.starts_with("/v1/admin/") && route.method != "GET" && route.name != "admin-import-lines"
    };
    let mutating = ROUTES.iter().filter(is_act);
    assert_eq!(acts.len(), mutating.count(), "a new act belongs into this test");
    for (name, method, path, body) in acts {
        app.clock.advance_seconds(1);
        let before = log(&app).await.len();
        let first = call(&app, ADMIN_KEY, method, &path, Some(name), body.clone()).await;
        assert!(first.status < 300, "{name}: {}", first.text);
        let again = call(&app, ADMIN_KEY, method, &path, Some(name), body.clone()).await;
        assert_eq!(again.status, first.status, "{name}: {}", again.text);
        if first.status != 204 {
            assert_eq!(again.headers["idempotent-replayed"], "true", "{name}");
            assert!(!first.headers.contains_key("idempotent-replayed"), "{name}");
        }
        if !body.is_null() {
            let other = another(name, &body);
            call(&app, ADMIN_KEY, method, &path, Some(name), other).await.refused(422, "IDEMPOTENCY_KEY_REUSED");
        }
        let after = log(&app).await;
        assert_eq!(after.len(), before + 1, "{name}");
        let answer = &after[0];
        let expected = json!([name, name, "first", "203.0.113.7"]);
        assert_eq!(json!([answer["action"], answer["operationId"], answer["keyId"], answer["from"]]), expected);
        assert!(!answer.to_string().contains(L1), "{answer}");
        if path.contains(L1) {
            assert!(answer["target"].as_str().unwrap().contains("LIC-…012F"), "{answer}");
        }
    }
    app.admin("PATCH", &license(L1, ""), json!({"state": "active"})).await;
    app.admin("PATCH", &license("LIC-0000000000000000", ""), json!({"state": "active"})).await;
    assert_eq!(log(&app).await[0]["action"], "admin-remove-webhook", "what changed nothing is not told");
}

/// Stops the process after each round trip of each act: it is done with its line in the log, or not at all, and sending it
/// again ends it.
#[tokio::test]
async fn a_killed_act_is_done_with_its_line_in_the_log_or_not_at_all() {
    for stop_after in 0..5 {
        let app = TestApp::new().await;
        let spares = spares(&app).await;
        for (name, method, path, body) in acts(&app, &spares) {
            let answer =
                |entries: Vec<Value>| entries.iter().filter(|entry| entry["operationId"] == json!(name)).count();
            app.host.app.table.stop_after(Some(stop_after));
            let killed = call(&app, ADMIN_KEY, method, &path, Some(name), body.clone()).await;
            app.host.app.table.stop_after(None);
            if killed.status < 300 {
                assert_eq!(answer(log(&app).await), 1, "{name} after {stop_after}");
            }
            let again = call(&app, ADMIN_KEY, method, &path, Some(name), body).await;
            assert!(again.status < 300, "{name} after {stop_after}: {}", again.text);
            assert_eq!(answer(log(&app).await), 1, "{name} after {stop_after}");
        }
        let listed = app.admin("GET", &projects(&app, "/licenses?limit=100"), Value::Null).await;
        assert_eq!(listed.body["licenses"].as_array().unwrap().len(), 43, "after {stop_after}");
        app.audit(L1).await;
    }
}
