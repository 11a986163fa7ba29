//! Projects, their secrets and their policies.

use http::Request;
use ltlm_protocol::limits;
use serde_json::{Value, json};

use super::{license, projects};
use crate::support::{ADMIN_KEY, L1, SECRET, TestApp, device};

/// The status that the license's own route answers to this secret.
async fn knows(app: &TestApp, secret: &str) -> u16 {
    let request = Request::builder().uri(format!("/v1/sdk/license/{L1}")).header("x-project-secret", secret);
    app.send(request.body(Default::default()).unwrap()).await.status
}

#[tokio::test]
async fn a_secret_is_rotated_without_locking_anybody_out() {
    let app = TestApp::new().await;
    let first = app.admin("GET", &projects(&app, ""), Value::Null).await;
    let first_id = first.body["secrets"][0]["secretId"].as_str().unwrap().to_owned();
    let added = app.admin("POST", &projects(&app, "/secrets"), Value::Null).await;
    assert_eq!((added.status, added.body["secrets"].as_array().unwrap().len()), (201, 2));
    let secret = added.text_of("secretKey").to_owned();
    assert_eq!(knows(&app, &secret).await, 200);
    assert!(!first.text.contains("secretKey") && !first.text.contains("wrapped"), "{}", first.text);

    let retire = projects(&app, &format!("/secrets/{first_id}"));
    assert_eq!(app.admin("DELETE", &retire, Value::Null).await.status, 204);
    app.admin("DELETE", &retire, Value::Null).await.refused(404, "SECRET_NOT_FOUND");
    let last = projects(&app, &format!("/secrets/{}", added.text_of("secretId")));
    app.admin("DELETE", &last, Value::Null).await.refused(409, "LAST_SECRET");
    assert_eq!(knows(&app, &secret).await, 200);
}

#[tokio::test]
async fn a_retired_secret_is_refused_at_once_by_a_warm_process() {
    let app = TestApp::new().await;
    let made = app.admin("POST", "/v1/admin/projects", json!({"name": "P2"})).await;
    let path = format!("/v1/admin/projects/{}", made.text_of("projectId"));
    let secret = made.text_of("secretKey").to_owned();
    assert_eq!(knows(&app, &secret).await, 404, "the secret is known, the license is another's");
    app.admin("POST", &format!("{path}/secrets"), Value::Null).await;
    app.admin("DELETE", &format!("{path}/secrets/{}", made.text_of("secretId")), Value::Null).await;
    assert_eq!(knows(&app, &secret).await, 401);

    // This process knows by now which project the secret named, and of another one that still does.
    let added = app.admin("POST", &projects(&app, "/secrets"), Value::Null).await;
    let secret = added.text_of("secretKey").to_owned();
    assert_eq!([knows(&app, &secret).await, knows(&app, &secret).await, knows(&app, SECRET).await], [200; 3]);
    let retire = projects(&app, &format!("/secrets/{}", added.text_of("secretId")));
    assert_eq!(app.admin("DELETE", &retire, Value::Null).await.status, 204);
    assert_eq!([knows(&app, &secret).await, knows(&app, SECRET).await], [401, 200]);
    let request = Request::builder().uri("/v1/sdk/project/buyable-policies").header("x-project-secret", &secret);
    app.send(request.body(Default::default()).unwrap()).await.refused(401, "UNAUTHORIZED_PROJECT");
}

#[tokio::test]
async fn projects_are_listed_and_changed() {
    let app = TestApp::new().await;
    for number in 2..=5 {
        app.admin("POST", "/v1/admin/projects", json!({"name": format!("P{number}")})).await;
    }
    let mut names = Vec::new();
    let mut cursor = String::new();
    loop {
        let page = app.admin("GET", &format!("/v1/admin/projects?limit=2{cursor}"), Value::Null).await;
        let rows = page.body["projects"].as_array().unwrap();
        names.extend(rows.iter().map(|row| row["name"].as_str().unwrap().to_owned()));
        match page.body["nextCursor"].as_str() {
            Some(next) => cursor = format!("&cursor={next}"),
            None => break,
        }
    }
    assert_eq!(names, ["P5", "P4", "P3", "P2", "P1"]);
    let body = json!({"projectSettings": {"a": 1}, "settings": {"geofencing": {"denyUnknown": true}}});
    let changed = app.admin("PATCH", &projects(&app, ""), body).await;
    assert_eq!((changed.text_of("name"), &changed.body["projectSettings"]), ("P1", &json!({"a": 1})));
    let answer = app.get(L1, "").await;
    assert_eq!(answer.body["config"]["projectSettings"], json!({"a": 1}), "licenses follow at once");
    app.admin("GET", "/v1/admin/projects/prj_0", Value::Null).await.refused(404, "PROJECT_NOT_FOUND");
}

#[tokio::test]
async fn a_changed_policy_is_seen_by_the_next_call_of_its_licenses() {
    let app = TestApp::new().await;
    let other = app.another_process().await;
    let warm = || crate::support::post_request(L1, "activate", &json!({"hwid": device('a')}));
    crate::support::send(&other, warm()).await;
    let policies = app.admin("GET", &projects(&app, "/policies"), Value::Null).await;
    let id = policies.body["policies"][0]["PolicyID"].as_i64().unwrap();
    let path = format!("/v1/admin/policies/{id}");
    let mut config = app.admin("GET", &path, Value::Null).await.body["config"].clone();
    config["limits"]["tokens"]["maxTokens"] = json!(150);
    config["capabilities"] = json!(["pro", "hd"]);
    let changed = app.admin("PATCH", &path, json!({"config": config, "name": "SUB 2"})).await;
    assert_eq!((changed.status, changed.text_of("name"), changed.text_of("type")), (200, "SUB 2", "subscription"));
    let answer = crate::support::send(&other, warm()).await;
    assert_eq!((answer.int_of("tokensRemaining"), answer.text_of("status")), (150, "active"));
    assert_eq!(answer.body["config"]["capabilities"], json!(["pro", "hd"]));
    let charged = app.consume(L1, &device('a'), 10, "op").await;
    assert_eq!(charged.int_of("tokensRemaining"), 140);
    assert_eq!(app.audit(L1).await, 10);
    app.admin("PATCH", &path, json!({"type": "trial", "config": null})).await.refused(422, "POLICY_INCOMPLETE");
    app.admin("PATCH", &path, json!({"type": "rent", "config": {}})).await.refused(400, "BAD_REQUEST");
    app.admin("PATCH", "/v1/admin/policies/99", json!({"name": "x"})).await.refused(404, "POLICY_NOT_FOUND");
}

/// RFC 7386, and free-form maps as a whole. The example is a policy's number of seats; the siblings are every other document that
/// a `PATCH` changes.
#[tokio::test]
async fn a_patch_is_merged_and_free_form_maps_are_replaced() {
    let app = TestApp::new().await;
    let policy = app
        .policy(json!({"name": "P", "type": "perpetual", "price": 5, "config": {"capabilities": ["a", "b"],
            "features": {"x": 1, "y": 2}, "limits": {"devices": {"maxDevices": 3}, "seats": {"enabled": true, "maxSeats": 2}}}}))
        .await;
    let path = format!("/v1/admin/policies/{policy}");
    let change = async |body: Value| app.admin("PATCH", &path, body).await;
    let changed = change(json!({"config": {"limits": {"seats": {"maxSeats": 5}}}})).await;
    let limits = json!({"devices": {"maxDevices": 3}, "seats": {"enabled": true, "maxSeats": 5}});
    assert_eq!((changed.status, &changed.body["config"]["limits"]), (200, &limits), "{}", changed.text);
    assert_eq!(changed.body["config"]["features"], json!({"x": 1, "y": 2}));
    let body =
        json!({"price": null, "config": {"capabilities": ["c"], "features": {"z": null}, "limits": {"devices": null}}});
    let changed = change(body).await;
    let config =
        json!({"capabilities": ["c"], "features": {"z": null}, "limits": {"seats": {"enabled": true, "maxSeats": 5}}});
    assert_eq!((&changed.body["config"], &changed.body["price"]), (&config, &Value::Null));
    let refused = change(json!({"name": null, "config": {"limits": {"seats": {"maxSeats": null}}}})).await;
    refused.refused(400, "BAD_REQUEST");
    let problems = refused.body["details"]["problems"].as_array().unwrap();
    let paths: Vec<_> = problems.iter().map(|problem| problem["path"].as_str().unwrap()).collect();
    assert_eq!(paths, ["name", "config.limits.seats.maxSeats"], "the whole is checked, and all its mistakes are told");

    let path = projects(&app, "");
    let change = async |body: Value| app.admin("PATCH", &path, body).await;
    let settings = json!({"security": {"gcmOnly": false, "boundAnswers": true}, "accounts": {"costs": {"render": 3}}});
    change(json!({"settings": settings, "projectSettings": {"a": 1, "b": 2}})).await;
    let changed =
        change(json!({"settings": {"security": {"boundAnswers": null}, "accounts": {"costs": {"draw": 4}}}})).await;
    let settings = json!({"security": {"gcmOnly": false}, "accounts": {"costs": {"render": 3, "draw": 4}}});
    assert_eq!((&changed.body["settings"], &changed.body["projectSettings"]), (&settings, &json!({"a": 1, "b": 2})));
    let changed = change(json!({"projectSettings": {"c": null}})).await;
    assert_eq!((&changed.body["settings"], &changed.body["projectSettings"]), (&settings, &json!({"c": null})));
    assert_eq!(change(json!({"projectSettings": null})).await.body["projectSettings"], json!({}));
    let refused = change(json!({"name": null, "settings": {"accounts": {"costs": {"draw": -1}}}})).await;
    refused.refused(400, "BAD_REQUEST");
    assert_eq!(refused.body["details"]["problems"].as_array().unwrap().len(), 2, "{}", refused.text);

    let change = async |body: Value| app.admin("PATCH", &license(L1, ""), body).await;
    let overrides = json!({"limits": {"seats": {"enabled": true, "maxSeats": 7}, "devices": {"maxDevices": 9}}});
    assert_eq!(change(json!({"overrides": overrides})).await.int_of("maxConcurrentSeats"), 7);
    let answer = change(json!({"overrides": {"features": {"only": "this"}}})).await;
    assert_eq!((answer.int_of("maxConcurrentSeats"), answer.int_of("maxActivations")), (7, 9));
    assert_eq!(
        change(json!({"overrides": {}})).await.int_of("maxConcurrentSeats"),
        7,
        "an empty object changes nothing"
    );
    let answer = change(json!({"overrides": {"limits": {"seats": {"maxSeats": null}}}})).await;
    assert_eq!((answer.status, answer.int_of("maxActivations")), (200, 9), "{}", answer.text);
    assert_eq!(answer.int_of("maxConcurrentSeats"), 2, "the policy's, and seats stay switched on");
    let answer = change(json!({"overrides": null})).await;
    assert_eq!((answer.int_of("maxConcurrentSeats"), &answer.body["features"]["only"]), (2, &Value::Null));
    let answer = change(json!({"customer": {"name": "Ada L."}, "metadata": {"a": null}})).await;
    assert_eq!(answer.body["customer"]["email"], "ada@example.com");
    assert_eq!(
        (&answer.body["customer"]["metadata"]["name"], &answer.body["metadata"]),
        (&json!("Ada L."), &json!({"a": null}))
    );
    let answer = change(json!({"customer": {"email": null}, "metadata": {"b": 1}})).await;
    assert_eq!(
        (&answer.body["customer"]["metadata"]["name"], &answer.body["metadata"]),
        (&json!("Ada L."), &json!({"b": 1}))
    );
    assert_ne!(answer.body["customer"]["email"], "ada@example.com");
    for body in [json!({"state": null}), json!({"policyId": null})] {
        change(body).await.refused(400, "BAD_REQUEST");
    }
    // What many small changes add up to is bounded as one large document is.
    let large = "x".repeat(limits::DOCUMENT_BYTES_MAX * 3 / 4);
    assert_eq!(change(json!({"overrides": {"features": {"a": large}}})).await.status, 200);
    change(json!({"overrides": {"projectSettings": {"b": large}}})).await.refused(400, "BAD_REQUEST");

    let path = "/v1/admin/developers/d@e.f";
    let body =
        json!({"username": "d@e.f", "password": "correct horse", "fullName": "Dee", "projects": [app.project_id]});
    app.admin("POST", "/v1/admin/developers", body).await;
    let answer = app.admin("PATCH", path, json!({"fullName": null})).await;
    assert_eq!((&answer.body["fullName"], &answer.body["projects"]), (&json!(""), &json!([app.project_id])));
    app.admin("PATCH", path, json!({"mfa": null})).await.refused(400, "BAD_REQUEST");
}

#[tokio::test]
async fn two_changes_at_once_both_hold() {
    let app = TestApp::new().await;
    let other = app.another_process().await;
    for round in 0..20 {
        let patch = |body: Value| {
            let request = Request::builder().method("PATCH").uri(license(L1, ""));
            let request = request.header("authorization", format!("Bearer {ADMIN_KEY}"));
            request.body(body.to_string().into()).unwrap()
        };
        let (first, second) = tokio::join!(
            crate::support::send(&app.host, patch(json!({"metadata": {"round": round}}))),
            crate::support::send(&other, patch(json!({"overrides": {"features": {"round": round}}}))),
        );
        assert_eq!((first.status, second.status), (200, 200));
        let now = app.get(L1, "").await;
        assert_eq!(
            (&now.body["metadata"]["round"], &now.body["features"]["round"]),
            (&json!(round), &json!(round.to_string()))
        );
    }
}
