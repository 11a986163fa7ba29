//! Licenses by the vendor's hand: lists, ends, policies, devices.

use aws_sdk_dynamodb::types::{AttributeValue, ReturnValue};
use http::Request;
use local::wiring::{TABLE, sdk_config};
use ltlm_protocol::limits;
use serde_json::{Value, json};
use shared::service::ids::license_id;
use shared::table::key;

use super::{AIR, call, license, log, projects, spares};
use crate::support::{ADMIN_KEY, L1, TestApp, device};

#[tokio::test]
async fn licenses_are_found_by_customer_policy_and_status() {
    let app = TestApp::new().await;
    let trial = app
        .policy(json!({"name": "TRIAL", "type": "trial", "config": {"limits": {"time": {"durationDays": 14, "gracePeriodDays": 3}}}}))
        .await;
    let body =
        json!({"policyId": trial, "count": 230, "customer": {"email": "Bulk@Example.com"}, "operationId": "bulk"});
    let issued = app.admin("POST", &projects(&app, "/licenses"), body).await;
    assert_eq!(issued.status, 201, "{}", issued.text);
    let search = async |query: &str| {
        let (mut keys, mut cursor) = (Vec::new(), String::new());
        loop {
            let page = app.admin("GET", &projects(&app, &format!("/licenses?{query}{cursor}")), Value::Null).await;
            assert_eq!(page.status, 200, "{}", page.text);
            let rows = page.body["licenses"].as_array().unwrap();
            keys.extend(rows.iter().map(|row| row["licenseKey"].as_str().unwrap().to_owned()));
            match page.body["nextCursor"].as_str() {
                Some(next) => cursor = format!("&cursor={next}"),
                None => return keys,
            }
        }
    };
    let mut expected: Vec<_> = issued.body["licenses"]
        .as_array()
        .unwrap()
        .iter()
        .map(|row| row["licenseKey"].as_str().unwrap().to_owned())
        .collect();
    expected.reverse();
    assert_eq!(search("email=bulk%40example.COM&limit=100").await, expected);
    assert_eq!(search("limit=100").await.len(), 231);
    assert_eq!(search(&format!("policyId={trial}&limit=7")).await, expected);
    assert_eq!(search("email=ada%40example.com").await, [L1]);
    assert_eq!(search("email=nobody%40example.com").await, Vec::<String>::new());

    app.set_state(&expected[5], "suspended").await;
    app.clock.advance_seconds(15 * 86_400);
    assert_eq!(search("status=suspended").await, [expected[5].clone()]);
    assert_eq!(search("status=grace_period&limit=100").await.len(), 229);
    assert_eq!(search("status=active").await, [L1]);
    let path = projects(&app, "/licenses?status=asleep");
    app.admin("GET", &path, Value::Null).await.refused(400, "BAD_REQUEST");

    let moved = app
        .admin(
            "PATCH",
            &license(&expected[0], ""),
            json!({"customer": {"email": "grace@example.com", "name": "Grace"}}),
        )
        .await;
    assert_eq!((moved.status, &moved.body["customer"]["email"]), (200, &json!("grace@example.com")));
    assert_eq!(search("email=grace%40example.com").await, [expected[0].clone()]);
    assert_eq!(search("email=bulk%40example.com&limit=100").await.len(), 229);
    app.admin("PATCH", &license(&expected[0], ""), json!({"customer": null})).await;
    assert_eq!(search("email=grace%40example.com").await, Vec::<String>::new());
}

#[tokio::test]
async fn a_license_is_extended_overridden_and_moved_to_another_policy() {
    let app = TestApp::new().await;
    app.activate(L1, &device('a')).await;
    let change = async |body: Value| app.admin("PATCH", &license(L1, ""), body).await;
    let extended = change(json!({"extendDays": 10})).await;
    assert_eq!(extended.text_of("validUntil"), "2026-02-13T00:00:00.000Z");
    // Case A92 and A93, by the vendor's hand.
    let overrides =
        json!({"features": {"pro": false}, "projectSettings": {"c": null}, "limits": {"tokens": {"maxTokens": 60}}});
    let overridden = change(json!({ "overrides": overrides })).await;
    assert_eq!(overridden.body["config"]["features"]["pro"], "false");
    assert_eq!(overridden.body["config"]["projectSettings"], json!({"c": null}));
    assert_eq!((overridden.int_of("tokensLimit"), overridden.int_of("tokensRemaining")), (60, 60));
    let entry = app.ledger(L1).await.pop().unwrap();
    assert_eq!((&entry["source"], &entry["amount"]), (&json!("plan"), &json!(-40)));
    let cleared = change(json!({"overrides": null})).await;
    assert_eq!((&cleared.body["config"]["features"]["pro"], cleared.int_of("tokensRemaining")), (&json!("true"), 100));
    app.audit(L1).await;

    let perpetual = app.policy(local::demo::perp()).await;
    let moved = change(json!({"policyId": perpetual, "validUntil": null})).await;
    assert_eq!((&moved.body["policy"]["type"], &moved.body["validUntil"]), (&json!("perpetual"), &Value::Null));
    assert_eq!(app.get(L1, "").await.body["seatsEnabled"], false);
    change(json!({"policyId": "no number"})).await.refused(404, "POLICY_NOT_FOUND");
    change(json!({"state": "revoked"})).await;
    change(json!({"state": "active"})).await.refused(409, "STATE_FINAL");
    assert_eq!(change(json!({"metadata": {"ticket": 7}})).await.status, 200, "its other facts can still be mended");
}

#[tokio::test]
async fn devices_are_listed_and_named() {
    let app = TestApp::new().await;
    let key = app.license_with(json!({"devices": {"maxDevices": 300}})).await;
    for number in 0..130 {
        app.activate(&key, &format!("dev-{number:03}")).await;
    }
    let (mut hwids, mut cursor) = (Vec::new(), String::new());
    loop {
        let page = app.admin("GET", &license(&key, &format!("/devices?limit=50{cursor}")), Value::Null).await;
        let rows = page.body["devices"].as_array().unwrap();
        hwids.extend(rows.iter().map(|row| row["hwid"].as_str().unwrap().to_owned()));
        match page.body["nextCursor"].as_str() {
            Some(next) => cursor = format!("&cursor={next}"),
            None => break,
        }
    }
    let expected: Vec<_> = (0..130).rev().map(|number| format!("dev-{number:03}")).collect();
    assert_eq!(hwids, expected, "all of the same millisecond, and none left out");
    let path = license(&key, "/devices/dev-007");
    let named = app.admin("PATCH", &path, json!({"nickname": "Bond", "meta": {"floor": 7}})).await;
    assert_eq!((named.text_of("nickname"), &named.body["meta"]), ("Bond", &json!({"floor": 7})));
    let cleared = app.admin("PATCH", &path, json!({"nickname": null})).await;
    assert_eq!((&cleared.body["nickname"], &cleared.body["meta"]), (&Value::Null, &json!({"floor": 7})));
    app.admin("PATCH", &license(&key, "/devices/nobody"), json!({"nickname": "x"}))
        .await
        .refused(403, "DEVICE_NOT_REGISTERED");
}

#[tokio::test]
async fn an_end_that_is_past_is_refused_and_one_that_was_given_is_replayed() {
    let app = TestApp::new().await;
    spares(&app).await;
    let policy = app.policy(local::demo::sub()).await;
    let soon = "2026-01-04T00:00:10.000Z";
    let cases = [
        ("validUntil", "POST", projects(&app, "/licenses"), json!({"policyId": policy})),
        ("validUntil", "PATCH", license(L1, ""), json!({})),
        ("validUntil", "POST", license(AIR, "/offline-file"), json!({"hwids": ["desk"]})),
        ("expiresAt", "POST", license(L1, "/tokens"), json!({"amount": 5, "reason": "r"})),
        ("expiresAt", "POST", "/v1/admin/keys".into(), json!({"scopes": ["read"]})),
    ];
    let ending = |body: &Value, name: &str, end: &str| {
        let mut body = body.clone();
        body[name] = json!(end);
        body
    };
    let before = log(&app).await.len();
    for (name, method, path, body) in &cases {
        // This instant is past too.
        for past in ["2020-01-01T00:00:00Z", crate::support::START] {
            let refused = app.admin(method, path, ending(body, name, past)).await;
            refused.refused(422, "NOT_AHEAD");
            assert_eq!(refused.body["details"]["path"], **name, "{path}");
        }
    }
    assert_eq!(log(&app).await.len(), before, "nothing was done");
    for late in [false, true] {
        for (index, (name, method, path, body)) in cases.iter().enumerate() {
            let id = format!("end-{index}");
            let answer = call(&app, ADMIN_KEY, method, path, Some(&id), ending(body, name, soon)).await;
            assert!(answer.status < 300, "{path}: {}", answer.text);
            assert_eq!(answer.headers.contains_key("idempotent-replayed"), late, "{path}");
        }
        app.clock.advance_seconds(60);
    }
    // What the license has already is no new end.
    let same = json!({"validUntil": soon});
    assert_eq!(app.admin("PATCH", &license(L1, ""), same).await.status, 200);
}

#[tokio::test]
async fn a_record_that_a_request_names_must_exist() {
    let app = TestApp::new().await;
    spares(&app).await;
    let id = app.project_id.clone();
    let developer = |username: &str, projects: Value| json!({"username": username, "password": "correct horse", "projects": projects});
    let made = developer("one@example.com", json!([id]));
    assert_eq!(app.admin("POST", "/v1/admin/developers", made).await.status, 201);
    let access = Request::builder()
        .method("POST")
        .uri("/v1/access-tokens")
        .header("authorization", format!("Bearer {ADMIN_KEY}"))
        .header("x-project-id", &app.project_id);
    let access = access.body(json!({"organizationId": "nobody"}).to_string().into()).unwrap();
    app.send(access).await.refused(404, "ORGANIZATION_NOT_FOUND");
    let one = "/v1/admin/developers/one@example.com".to_owned();
    let cases = [
        (
            "POST",
            "/v1/admin/developers".to_owned(),
            developer("b@example.com", json!(["prj_x"])),
            404,
            "PROJECT_NOT_FOUND",
        ),
        ("PATCH", one.clone(), json!({"projects": ["prj_x", "prj_y"]}), 404, "PROJECT_NOT_FOUND"),
        (
            "POST",
            "/v1/admin/keys".to_owned(),
            json!({"scopes": ["read"], "projectId": "prj_x"}),
            404,
            "PROJECT_NOT_FOUND",
        ),
        (
            "POST",
            "/v1/admin/projects/prj_x/webhooks".to_owned(),
            json!({"url": "https://a.example"}),
            404,
            "PROJECT_NOT_FOUND",
        ),
        ("POST", projects(&app, "/licenses"), json!({"policyId": 999}), 404, "POLICY_NOT_FOUND"),
        ("PATCH", license(L1, ""), json!({"policyId": 999}), 404, "POLICY_NOT_FOUND"),
        (
            "POST",
            license(AIR, "/offline-file"),
            json!({"hwids": ["desk"], "secretId": "sec_x"}),
            404,
            "SECRET_NOT_FOUND",
        ),
    ];
    for (method, path, body, status, code) in cases {
        app.admin(method, &path, body).await.refused(status, code);
    }
    let refused = app.admin("PATCH", &one, json!({"projects": [id, "prj_x", "prj_y"]})).await;
    assert_eq!(refused.body["details"]["projects"], json!(["prj_x", "prj_y"]));
    app.account("POST", "", json!({"accountId": "u", "tier": "nothing"})).await.refused(422, "UNKNOWN_TIER");
}

#[tokio::test]
async fn a_list_that_names_a_record_twice_means_it_once() {
    let app = TestApp::new().await;
    let id = app.project_id.clone();
    let body = json!({"username": "d@e.f", "password": "correct horse", "projects": vec![id.clone(); limits::PAGE_MAX as usize]});
    assert_eq!(app.admin("POST", "/v1/admin/developers", body).await.status, 201);
    let change = json!({"projects": [id, id]});
    assert_eq!(app.admin("PATCH", "/v1/admin/developers/d@e.f", change).await.status, 200);
    let unknown = json!({"projects": ["prj_x", "prj_x"]});
    let path = "/v1/admin/developers/d@e.f";
    app.admin("PATCH", path, unknown).await.refused(404, "PROJECT_NOT_FOUND");
    // What the developer is given at sign-in is read by the same list.
    let body = json!({"username": "d@e.f", "password": "correct horse"});
    let request = Request::builder().method("POST").uri("/v1/sdk/pro/auth/dev-login").body(body.to_string().into());
    assert_eq!(app.send(request.unwrap()).await.status, 200);
    let webhook = json!({"url": "https://a.example/hook", "kinds": ["order.paid", "order.paid"]});
    assert_eq!(app.admin("POST", &projects(&app, "/webhooks"), webhook).await.status, 201);
    let key = json!({"scopes": ["read", "read"]});
    assert_eq!(app.admin("POST", "/v1/admin/keys", key).await.status, 201);
}

#[tokio::test]
async fn a_device_of_a_name_that_none_may_have_now_can_be_removed() {
    let app = TestApp::new().await;
    let client = aws_sdk_dynamodb::Client::new(&sdk_config(app.engine.endpoint(), false).await);
    let text = |value: String| AttributeValue::S(value);
    for (now, hwid, encoded) in [('a', "\u{b}G", "%0BG"), ('b', " ", "%20"), ('c', "a\nb", "a%0Ab")] {
        app.activate(L1, &device(now)).await;
        assert_eq!(app.post(L1, "signout", json!({"hwid": device(now)})).await.status, 200);
        let path = license(L1, &format!("/devices/{encoded}"));
        let name = || app.admin("PATCH", &path, json!({"nickname": "Old"}));
        name().await.refused(403, "DEVICE_NOT_REGISTERED");
        let at = key::device(&license_id(L1), &device(now));
        let delete = client.delete_item().table_name(TABLE).key("pk", text(at.pk)).key("sk", text(at.sk));
        let mut odd = delete.return_values(ReturnValue::AllOld).send().await.unwrap().attributes.unwrap();
        odd.insert("sk".to_owned(), text(key::device(&license_id(L1), hwid).sk));
        odd.insert("hwid".to_owned(), text(hwid.to_owned()));
        client.put_item().table_name(TABLE).set_item(Some(odd)).send().await.unwrap();
        let named = name().await;
        assert_eq!((named.status, &named.body["nickname"]), (200, &json!("Old")), "{named:?}");
        assert_eq!(app.admin("DELETE", &path, Value::Null).await.status, 204);
        name().await.refused(403, "DEVICE_NOT_REGISTERED");
    }
}
