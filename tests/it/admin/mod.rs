//! The vendor's side.

mod administrator_keys;
mod deployment;
mod licenses;
mod operations;
mod project_keys;
mod projects;
mod transfer;

use http::Request;
use serde_json::{Value, json};
use shared::api::extract::SourceAddress;

use crate::support::{L1, Reply, TestApp, device};

/// Calls with a key, and perhaps an operation id.
pub(super) async fn call(app: &TestApp, key: &str, method: &str, path: &str, id: Option<&str>, body: Value) -> Reply {
    let mut request = Request::builder().method(method).uri(path).header("authorization", format!("Bearer {key}"));
    if let Some(id) = id {
        request = request.header("idempotency-key", id);
    }
    let body = if body.is_null() { String::new() } else { body.to_string() };
    let mut request = request.body(body.into()).unwrap();
    request.extensions_mut().insert(SourceAddress("203.0.113.7".into()));
    app.send(request).await
}

pub(super) fn projects(app: &TestApp, tail: &str) -> String {
    format!("/v1/admin/projects/{}{tail}", app.project_id)
}

pub(super) fn license(key: &str, tail: &str) -> String {
    format!("/v1/admin/licenses/{key}{tail}")
}

/// Makes a key with these scopes; its text and its id.
pub(super) async fn create_key(app: &TestApp, body: Value) -> (String, String) {
    let made = app.admin("POST", "/v1/admin/keys", body).await;
    assert_eq!(made.status, 201, "{}", made.text);
    let text = made.text_of("key");
    assert!(
        text.starts_with("ltlm_admin_")
            && text.len() == 11 + 32
            && text[11..].bytes().all(|b| b.is_ascii_alphanumeric())
    );
    (text.to_owned(), made.text_of("keyId").to_owned())
}

/// An air-gapped license.
pub(super) const AIR: &str = "LIC-00000000000000A1";

/// One all of whose lines were taken.
pub(super) const TAKEN: &str = "prj_00000000000000f2";

/// What begins the import of a project that has nothing in it.
pub(super) fn tiny(project: &str, name: char) -> Value {
    let item = json!({"createdAt": 1, "name": name, "number": 1, "policiesRevision": 0, "publicKey": "", "revision": 0, "secrets": "[]"});
    let lines = [
        json!({"kind": "header", "format": "ltlm-project", "version": 1, "projectId": project}),
        json!({"kind": "project", "pk": format!("PROJ#{project}"), "sk": "META", "item": item}),
    ];
    let mut counting = ltlm_protocol::transfer::Counting::default();
    lines.iter().for_each(|line| counting.add(line));
    json!({"lines": lines, "trailer": counting.trailer()})
}

/// A revoked license.
pub(super) const REVOKED: &str = "LIC-00000000000000B2";

/// A secret that can be retired, a key that can be revoked, a webhook that can be removed; and the air-gapped license.
pub(super) async fn spares(app: &TestApp) -> [String; 3] {
    app.activate(L1, &device('a')).await;
    let policy = app.policy(local::demo::air()).await;
    app.license(&policy, Some(AIR)).await;
    app.license(&policy, Some(REVOKED)).await;
    app.set_state(REVOKED, "revoked").await;
    let secret = app.admin("POST", &projects(app, "/secrets"), Value::Null).await.text_of("secretId").to_owned();
    let hook = app.admin("POST", &projects(app, "/webhooks"), json!({"url": "https://b.example"})).await;
    let begun = app.admin("POST", &format!("/v1/admin/projects/{TAKEN}/import"), tiny(TAKEN, 'a')).await;
    assert_eq!(begun.status, 201, "{}", begun.text);
    [secret, create_key(app, json!({"scopes": ["read"]})).await.1, hook.text_of("webhookId").to_owned()]
}

pub(super) async fn log(app: &TestApp) -> Vec<Value> {
    let log = app.admin("GET", "/v1/admin/audit?limit=100", Value::Null).await;
    assert_eq!(log.status, 200, "{}", log.text);
    log.body["entries"].as_array().unwrap().clone()
}
