//! Administrator keys: scopes, projects, what they make, and their end.

use aws_sdk_dynamodb::types::AttributeValue;
use http::Request;
use local::wiring::{TABLE, sdk_config};
use ltlm_protocol::limits;
use serde_json::{Value, json};
use shared::api::function::Auth;
use shared::api::routes::ROUTES;
use shared::model::administrator::Scope;
use shared::table::key;

use super::{call, create_key, license, log, projects};
use crate::support::{ADMIN_KEY, L1, Reply, TestApp, device};

#[tokio::test]
async fn every_administration_route_asks_for_its_scope() {
    let app = TestApp::new().await;
    app.activate(L1, &device('a')).await;
    for (scope, text) in Scope::ALL {
        let (key, _) = create_key(&app, json!({"scopes": [text]})).await;
        for route in ROUTES {
            let Auth::Administrator(wanted) = route.auth else { continue };
            let path = route
                .path
                .replace("{projectId}", &app.project_id)
                .replace("{licenseKey}", L1)
                .replace("{PolicyID}", "1");
            let path = path.replace("{hwid}", "nobody").replace("{secretId}", "none").replace("{keyId}", "none");
            let reply =
                call(&app, &key, route.method, &path, None, if route.body { json!({}) } else { Value::Null }).await;
            // What lets keys in or out is the owner's, whatever a key's scopes.
            let is_owners = route.name == "admin-create-import-key";
            let may = !is_owners && (wanted == *scope || (route.method == "GET" && *scope == Scope::Read));
            assert_eq!(reply.body["code"] == "FORBIDDEN", !may, "{text} at {}: {}", route.name, reply.text);
        }
    }
}

#[tokio::test]
async fn a_key_of_one_project_is_confined_to_it() {
    let app = TestApp::new().await;
    let other = app.admin("POST", "/v1/admin/projects", json!({"name": "P2"})).await.text_of("projectId").to_owned();
    let all = json!(["projects", "policies", "licenses", "tokens", "read"]);
    let (inside, _) = create_key(&app, json!({"scopes": all, "projectId": app.project_id})).await;
    let (outside, _) = create_key(&app, json!({"scopes": all, "projectId": other})).await;
    let policy = "/v1/admin/policies/1".to_owned();
    for path in [projects(&app, ""), projects(&app, "/policies"), projects(&app, "/licenses"), license(L1, ""), policy]
    {
        assert_eq!(call(&app, &inside, "GET", &path, None, Value::Null).await.status, 200, "{path}");
        let refused = call(&app, &outside, "GET", &path, None, Value::Null).await;
        assert!([403, 404].contains(&refused.status), "{path}: {}", refused.text);
    }
    // What is another's is answered as what is not there.
    app.activate(L1, &device('a')).await;
    let hook = app.admin("POST", &projects(&app, "/webhooks"), json!({"url": "https://a.example"})).await;
    let hook = format!("/webhooks/{}", hook.text_of("webhookId"));
    let state = json!({"state": "suspended"});
    let name = json!({"name": "x"});
    let credit = json!({"amount": 1, "reason": "x"});
    for (method, theirs, nobodys, body) in [
        ("GET", license(L1, ""), license("LIC-0000000000000000", ""), Value::Null),
        ("PATCH", license(L1, ""), license("LIC-0000000000000000", ""), state),
        ("POST", license(L1, "/tokens"), license("LIC-0000000000000000", "/tokens"), credit),
        ("GET", license(L1, "/devices"), license("LIC-0000000000000000", "/devices"), Value::Null),
        ("GET", license(L1, "/usage"), license("LIC-0000000000000000", "/usage"), Value::Null),
        (
            "DELETE",
            license(L1, &format!("/devices/{}", device('a'))),
            license("LIC-0000000000000000", "/devices/a"),
            Value::Null,
        ),
        ("GET", "/v1/admin/policies/1".into(), "/v1/admin/policies/999".into(), Value::Null),
        ("PATCH", "/v1/admin/policies/1".into(), "/v1/admin/policies/999".into(), name.clone()),
        ("GET", projects(&app, ""), "/v1/admin/projects/prj_0".into(), Value::Null),
        ("PATCH", projects(&app, ""), "/v1/admin/projects/prj_0".into(), name),
        // Under a project of its own, too.
        (
            "DELETE",
            format!("/v1/admin/projects/{other}{hook}"),
            format!("/v1/admin/projects/{other}/webhooks/wh_0"),
            Value::Null,
        ),
        ("GET", projects(&app, "/orders/ord_0"), "/v1/admin/projects/prj_0/orders/ord_0".into(), Value::Null),
    ] {
        let theirs = call(&app, &outside, method, &theirs, None, body.clone()).await;
        let nobodys = call(&app, &outside, method, &nobodys, None, body).await;
        let hears = |reply: &Reply| (reply.status, reply.body["code"].clone(), reply.body["message"].clone());
        assert_eq!(hears(&theirs), hears(&nobodys), "{method}");
        assert!([403, 404].contains(&theirs.status), "{method}: {}", theirs.text);
    }
    assert_eq!(app.get(L1, "").await.body["machines"].as_array().unwrap().len(), 1, "nothing was done");
    call(&app, &inside, "POST", "/v1/admin/projects", None, json!({"name": "x"})).await.refused(403, "FORBIDDEN");
    for path in ["/v1/admin/keys", "/v1/admin/audit"] {
        call(&app, &inside, "GET", path, None, Value::Null).await.refused(403, "FORBIDDEN");
    }
    let listed = call(&app, &inside, "GET", "/v1/admin/projects", None, Value::Null).await;
    assert_eq!(listed.body["projects"].as_array().unwrap().len(), 1);
    call(&app, &inside, "POST", "/v1/admin/keys", None, json!({"scopes": ["read"]})).await.refused(403, "FORBIDDEN");
    let body = json!({"scopes": ["read"], "projectId": app.project_id});
    assert_eq!(call(&app, &inside, "POST", "/v1/admin/keys", None, body).await.status, 201);
    let body = json!({"scopes": ["read"], "projectId": "prj_0"});
    app.admin("POST", "/v1/admin/keys", body).await.refused(404, "PROJECT_NOT_FOUND");
}

#[tokio::test]
async fn a_key_is_told_once_ends_and_is_revoked_at_once() {
    let app = TestApp::new().await;
    let body = json!({"scopes": ["read"], "name": "ci", "expiresAt": "2026-01-05T00:00:00Z", "operationId": "k1"});
    let made = app.admin("POST", "/v1/admin/keys", body.clone()).await;
    let text = made.text_of("key").to_owned();
    let again = app.admin("POST", "/v1/admin/keys", body).await;
    assert_eq!((again.status, &again.body["key"], &again.body["keyId"]), (201, &Value::Null, &made.body["keyId"]));
    let list = app.admin("GET", "/v1/admin/keys", Value::Null).await;
    assert!(!list.text.contains(&text) && list.text.contains(made.text_of("keyId")), "{}", list.text);
    let look = async |key: &str| call(&app, key, "GET", &license(L1, ""), None, Value::Null).await.status;
    assert_eq!(look(&text).await, 200);
    app.clock.advance_seconds(86_400);
    assert_eq!(look(&text).await, 401, "ended");

    let (text, id) = create_key(&app, json!({"scopes": ["read"]})).await;
    assert_eq!(look(&text).await, 200);
    let path = format!("/v1/admin/keys/{id}");
    assert_eq!(app.admin("DELETE", &path, Value::Null).await.status, 204);
    assert_eq!(look(&text).await, 401);
    app.admin("DELETE", &path, Value::Null).await.refused(404, "KEY_NOT_FOUND");
    let listed = app.admin("GET", "/v1/admin/keys", Value::Null).await;
    let row = listed.body["keys"].as_array().unwrap().iter().find(|row| row["keyId"] == json!(id)).unwrap();
    assert!(row["revokedAt"].is_string(), "it stays in the list: {row}");
}

/// The example is a key that is asked for without an end; the siblings are one that would end later, and an access token.
#[tokio::test]
async fn what_a_key_makes_does_not_outlive_it() {
    let app = TestApp::new().await;
    let end = "2026-01-04T01:00:00.000Z";
    let (maker, id) = create_key(&app, json!({"scopes": ["projects", "tokens", "read"], "expiresAt": end})).await;
    let make = async |by: &str, ends: Option<&str>| {
        let body = json!({"scopes": ["projects", "read"], "expiresAt": ends});
        call(&app, by, "POST", "/v1/admin/keys", None, body).await
    };
    let child = make(&maker, None).await;
    assert_eq!((child.text_of("expiresAt"), &child.body["family"]), (end, &json!(["first", id])));
    make(&maker, Some("2026-01-04T01:00:00.001Z")).await.refused(403, "FORBIDDEN");
    assert_eq!(make(&maker, Some("2026-01-04T00:30:00Z")).await.text_of("expiresAt"), "2026-01-04T00:30:00.000Z");
    let request = Request::builder()
        .method("POST")
        .uri("/v1/access-tokens")
        .header("authorization", format!("Bearer {maker}"))
        .header("x-project-id", &app.project_id);
    let body = json!({"userId": "ada", "expiresInSeconds": 86_400}).to_string();
    assert_eq!(app.send(request.body(body.into()).unwrap()).await.text_of("expiresAt"), end);
    // The family is told in the list, and with each act.
    let mut last = (child.text_of("key").to_owned(), child.text_of("keyId").to_owned());
    let mut family = vec![json!("first"), json!(id)];
    for _ in family.len()..limits::KEY_GENERATIONS_MAX {
        app.clock.advance_seconds(1);
        let made = make(&last.0, None).await;
        family.push(json!(last.1));
        assert_eq!(made.body["family"], json!(family), "{}", made.text);
        let answer = &log(&app).await[0];
        assert_eq!(json!([answer["keyId"], answer["family"]]), json!([last.1, family[..family.len() - 1]]));
        last = (made.text_of("key").to_owned(), made.text_of("keyId").to_owned());
    }
    make(&last.0, None).await.refused(403, "FORBIDDEN");
    let listed = app.admin("GET", "/v1/admin/keys?limit=1", Value::Null).await;
    assert_eq!(json!([listed.body["keys"][0]["keyId"], listed.body["keys"][0]["family"]]), json!([last.1, family]));
    app.clock.advance_seconds(3_600);
    assert_eq!(call(&app, &last.0, "GET", "/v1/admin/keys", None, Value::Null).await.status, 401);
}

/// The example is a key with a child and a grandchild; the siblings are keys of an older version, of which only the maker is known,
/// and a process that is stopped on the way. Whatever descends from others stays.
#[tokio::test]
async fn a_revocation_reaches_all_descendants_if_it_cascades() {
    for stop_after in [None, Some(1), Some(3), Some(5)] {
        let app = TestApp::new().await;
        let make = async |by: &str| {
            let made = call(&app, by, "POST", "/v1/admin/keys", None, json!({"scopes": ["projects", "read"]})).await;
            (made.text_of("key").to_owned(), made.text_of("keyId").to_owned())
        };
        let works = async |key: &str| call(&app, key, "GET", "/v1/admin/keys", None, Value::Null).await.status == 200;
        let (top, other) = (make(ADMIN_KEY).await, make(ADMIN_KEY).await);
        let (child, niece) = (make(&top.0).await, make(&other.0).await);
        let grandchild = make(&child.0).await;
        // As the version before kept it.
        let client = aws_sdk_dynamodb::Client::new(&sdk_config(app.engine.endpoint(), false).await);
        let at = key::admin_key(&grandchild.1);
        let old = client.update_item().table_name(TABLE).key("pk", AttributeValue::S(at.pk));
        let old = old.key("sk", AttributeValue::S(at.sk)).update_expression("REMOVE #f");
        old.expression_attribute_names("#f", "family").send().await.unwrap();
        // More than are revoked together.
        for _ in 0..30 {
            make(&child.0).await;
        }
        let plain = make(&top.0).await;
        assert_eq!(
            call(&app, &top.0, "DELETE", &format!("/v1/admin/keys/{}", plain.1), None, Value::Null).await.status,
            204
        );
        let answer = log(&app).await.len();
        app.clock.advance_seconds(1);
        let path = format!("/v1/admin/keys/{}?cascade=true", top.1);
        let revoke = async || call(&app, ADMIN_KEY, "DELETE", &path, Some("all"), Value::Null).await;
        if stop_after.is_some() {
            app.host.app.table.stop_after(stop_after);
            revoke().await;
            app.host.app.table.stop_after(None);
        }
        let done = revoke().await;
        assert_eq!(done.status, 204, "{stop_after:?}: {}", done.text);
        for key in [&top, &child, &grandchild] {
            assert!(!works(&key.0).await, "{stop_after:?}");
        }
        assert!(works(&other.0).await && works(&niece.0).await, "{stop_after:?}");
        // The page of the log holds a hundred lines: all of them.
        let lines = log(&app).await;
        assert_eq!(lines.len() - answer, 33, "{stop_after:?}: each of them once");
        assert!(lines[..33].iter().all(|line| line["action"] == "admin-revoke-key" && line["operationId"] == "all"));
        assert_eq!(revoke().await.status, 204);
        assert_eq!(log(&app).await.len() - answer, 33);
        let alone = format!("/v1/admin/keys/{}", top.1);
        call(&app, ADMIN_KEY, "DELETE", &alone, Some("all"), Value::Null).await.refused(422, "IDEMPOTENCY_KEY_REUSED");
    }
}
