//! The vendor's side: projects, policies, licenses, keys with scopes, and the log of every act.

use aws_sdk_dynamodb::types::{AttributeValue, ReturnValue};
use http::Request;
use local::wiring::{TABLE, sdk_config};
use ltlm_protocol::limits;
use serde_json::{Value, json};
use shared::api::extract::SourceAddress;
use shared::api::function::Auth;
use shared::api::routes::ROUTES;
use shared::api::routes::Route;
use shared::model::administrator::Scope;
use shared::service::ids::license_id;
use shared::table::key;

use crate::support::{ADMIN_KEY, L1, Reply, World, device};

/// Calls with a key, and perhaps an operation id.
async fn call(world: &World, key: &str, method: &str, path: &str, id: Option<&str>, body: Value) -> Reply {
    let mut request = Request::builder().method(method).uri(path).header("authorization", format!("Bearer {key}"));
    if let Some(id) = id {
        request = request.header("idempotency-key", id);
    }
    let body = if body.is_null() { String::new() } else { body.to_string() };
    let mut request = request.body(body.into()).unwrap();
    request.extensions_mut().insert(SourceAddress("203.0.113.7".into()));
    world.send(request).await
}

fn projects(world: &World, tail: &str) -> String {
    format!("/v1/admin/projects/{}{tail}", world.project_id)
}

fn license(key: &str, tail: &str) -> String {
    format!("/v1/admin/licenses/{key}{tail}")
}

/// The status that the license's own route answers to this secret.
async fn knows(world: &World, secret: &str) -> u16 {
    let request = Request::builder().uri(format!("/v1/sdk/license/{L1}")).header("x-project-secret", secret);
    world.send(request.body(Default::default()).unwrap()).await.status
}

#[tokio::test]
async fn a_secret_is_rotated_without_locking_anybody_out() {
    let world = World::new().await;
    let first = world.admin("GET", &projects(&world, ""), Value::Null).await;
    let first_id = first.body["secrets"][0]["secretId"].as_str().unwrap().to_owned();
    let added = world.admin("POST", &projects(&world, "/secrets"), Value::Null).await;
    assert_eq!((added.status, added.body["secrets"].as_array().unwrap().len()), (201, 2));
    let secret = added.text_of("secretKey").to_owned();
    assert_eq!(knows(&world, &secret).await, 200);
    assert!(!first.text.contains("secretKey") && !first.text.contains("wrapped"), "{}", first.text);

    let retire = projects(&world, &format!("/secrets/{first_id}"));
    assert_eq!(world.admin("DELETE", &retire, Value::Null).await.status, 204);
    world.admin("DELETE", &retire, Value::Null).await.refused(404, "SECRET_NOT_FOUND");
    let last = projects(&world, &format!("/secrets/{}", added.text_of("secretId")));
    world.admin("DELETE", &last, Value::Null).await.refused(409, "LAST_SECRET");
    assert_eq!(knows(&world, &secret).await, 200);
}

#[tokio::test]
async fn a_retired_secret_is_refused_at_once_by_a_warm_process() {
    let world = World::new().await;
    let made = world.admin("POST", "/v1/admin/projects", json!({"name": "P2"})).await;
    let path = format!("/v1/admin/projects/{}", made.text_of("projectId"));
    let secret = made.text_of("secretKey").to_owned();
    assert_eq!(knows(&world, &secret).await, 404, "the secret is known, the license is another's");
    world.admin("POST", &format!("{path}/secrets"), Value::Null).await;
    world.admin("DELETE", &format!("{path}/secrets/{}", made.text_of("secretId")), Value::Null).await;
    assert_eq!(knows(&world, &secret).await, 401);
}

#[tokio::test]
async fn projects_are_listed_and_changed() {
    let world = World::new().await;
    for number in 2..=5 {
        world.admin("POST", "/v1/admin/projects", json!({"name": format!("P{number}")})).await;
    }
    let mut names = Vec::new();
    let mut cursor = String::new();
    loop {
        let page = world.admin("GET", &format!("/v1/admin/projects?limit=2{cursor}"), Value::Null).await;
        let rows = page.body["projects"].as_array().unwrap();
        names.extend(rows.iter().map(|row| row["name"].as_str().unwrap().to_owned()));
        match page.body["nextCursor"].as_str() {
            Some(next) => cursor = format!("&cursor={next}"),
            None => break,
        }
    }
    assert_eq!(names, ["P5", "P4", "P3", "P2", "P1"]);
    let body = json!({"projectSettings": {"a": 1}, "settings": {"geofencing": {"denyUnknown": true}}});
    let changed = world.admin("PATCH", &projects(&world, ""), body).await;
    assert_eq!((changed.text_of("name"), &changed.body["projectSettings"]), ("P1", &json!({"a": 1})));
    let answer = world.get(L1, "").await;
    assert_eq!(answer.body["config"]["projectSettings"], json!({"a": 1}), "licenses follow at once");
    world.admin("GET", "/v1/admin/projects/prj_0", Value::Null).await.refused(404, "PROJECT_NOT_FOUND");
}

#[tokio::test]
async fn a_changed_policy_is_seen_by_the_next_call_of_its_licenses() {
    let world = World::new().await;
    let other = world.another_process().await;
    let warm = || crate::support::post_request(L1, "activate", &json!({"hwid": device('a')}));
    crate::support::send(&other, warm()).await;
    let policies = world.admin("GET", &projects(&world, "/policies"), Value::Null).await;
    let id = policies.body["policies"][0]["PolicyID"].as_i64().unwrap();
    let path = format!("/v1/admin/policies/{id}");
    let mut config = world.admin("GET", &path, Value::Null).await.body["config"].clone();
    config["limits"]["tokens"]["maxTokens"] = json!(150);
    config["capabilities"] = json!(["pro", "hd"]);
    let changed = world.admin("PATCH", &path, json!({"config": config, "name": "SUB 2"})).await;
    assert_eq!((changed.status, changed.text_of("name"), changed.text_of("type")), (200, "SUB 2", "subscription"));
    let answer = crate::support::send(&other, warm()).await;
    assert_eq!((answer.int_of("tokensRemaining"), answer.text_of("status")), (150, "active"));
    assert_eq!(answer.body["config"]["capabilities"], json!(["pro", "hd"]));
    let charged = world.consume(L1, &device('a'), 10, "op").await;
    assert_eq!(charged.int_of("tokensRemaining"), 140);
    assert_eq!(world.audit(L1).await, 10);
    world.admin("PATCH", &path, json!({"type": "trial", "config": null})).await.refused(422, "POLICY_INCOMPLETE");
    world.admin("PATCH", &path, json!({"type": "rent", "config": {}})).await.refused(400, "BAD_REQUEST");
    world.admin("PATCH", "/v1/admin/policies/99", json!({"name": "x"})).await.refused(404, "POLICY_NOT_FOUND");
}

#[tokio::test]
async fn licenses_are_found_by_customer_policy_and_status() {
    let world = World::new().await;
    let trial = world
        .policy(json!({"name": "TRIAL", "type": "trial", "config": {"limits": {"time": {"durationDays": 14, "gracePeriodDays": 3}}}}))
        .await;
    let body =
        json!({"policyId": trial, "count": 230, "customer": {"email": "Bulk@Example.com"}, "operationId": "bulk"});
    let issued = world.admin("POST", &projects(&world, "/licenses"), body).await;
    assert_eq!(issued.status, 201, "{}", issued.text);
    let search = async |query: &str| {
        let (mut keys, mut cursor) = (Vec::new(), String::new());
        loop {
            let page = world.admin("GET", &projects(&world, &format!("/licenses?{query}{cursor}")), Value::Null).await;
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

    world.set_state(&expected[5], "suspended").await;
    world.clock.advance_seconds(15 * 86_400);
    assert_eq!(search("status=suspended").await, [expected[5].clone()]);
    assert_eq!(search("status=grace_period&limit=100").await.len(), 229);
    assert_eq!(search("status=active").await, [L1]);
    let path = projects(&world, "/licenses?status=asleep");
    world.admin("GET", &path, Value::Null).await.refused(400, "BAD_REQUEST");

    let moved = world
        .admin(
            "PATCH",
            &license(&expected[0], ""),
            json!({"customer": {"email": "grace@example.com", "name": "Grace"}}),
        )
        .await;
    assert_eq!((moved.status, &moved.body["customer"]["email"]), (200, &json!("grace@example.com")));
    assert_eq!(search("email=grace%40example.com").await, [expected[0].clone()]);
    assert_eq!(search("email=bulk%40example.com&limit=100").await.len(), 229);
    world.admin("PATCH", &license(&expected[0], ""), json!({"customer": null})).await;
    assert_eq!(search("email=grace%40example.com").await, Vec::<String>::new());
}

#[tokio::test]
async fn a_license_is_extended_overridden_and_moved_to_another_policy() {
    let world = World::new().await;
    world.activate(L1, &device('a')).await;
    let change = async |body: Value| world.admin("PATCH", &license(L1, ""), body).await;
    let extended = change(json!({"extendDays": 10})).await;
    assert_eq!(extended.text_of("validUntil"), "2026-02-13T00:00:00.000Z");
    // Case A92 and A93, by the vendor's hand.
    let overrides =
        json!({"features": {"pro": false}, "projectSettings": {"c": null}, "limits": {"tokens": {"maxTokens": 60}}});
    let overridden = change(json!({ "overrides": overrides })).await;
    assert_eq!(overridden.body["config"]["features"]["pro"], "false");
    assert_eq!(overridden.body["config"]["projectSettings"], json!({"c": null}));
    assert_eq!((overridden.int_of("tokensLimit"), overridden.int_of("tokensRemaining")), (60, 60));
    let entry = world.ledger(L1).await.pop().unwrap();
    assert_eq!((&entry["source"], &entry["amount"]), (&json!("plan"), &json!(-40)));
    let cleared = change(json!({"overrides": null})).await;
    assert_eq!((&cleared.body["config"]["features"]["pro"], cleared.int_of("tokensRemaining")), (&json!("true"), 100));
    world.audit(L1).await;

    let perpetual = world.policy(local::demo::perp()).await;
    let moved = change(json!({"policyId": perpetual, "validUntil": null})).await;
    assert_eq!((&moved.body["policy"]["type"], &moved.body["validUntil"]), (&json!("perpetual"), &Value::Null));
    assert_eq!(world.get(L1, "").await.body["seatsEnabled"], false);
    change(json!({"policyId": "no number"})).await.refused(404, "POLICY_NOT_FOUND");
    change(json!({"state": "revoked"})).await;
    change(json!({"state": "active"})).await.refused(409, "STATE_FINAL");
    assert_eq!(change(json!({"metadata": {"ticket": 7}})).await.status, 200, "its other facts can still be mended");
}

/// RFC 7386, and free-form maps as a whole. The example is a policy's number of seats; the siblings are every other document that
/// a `PATCH` changes.
#[tokio::test]
async fn a_patch_is_merged_and_free_form_maps_are_replaced() {
    let world = World::new().await;
    let policy = world
        .policy(json!({"name": "P", "type": "perpetual", "price": 5, "config": {"capabilities": ["a", "b"],
            "features": {"x": 1, "y": 2}, "limits": {"devices": {"maxDevices": 3}, "seats": {"enabled": true, "maxSeats": 2}}}}))
        .await;
    let path = format!("/v1/admin/policies/{policy}");
    let change = async |body: Value| world.admin("PATCH", &path, body).await;
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

    let path = projects(&world, "");
    let change = async |body: Value| world.admin("PATCH", &path, body).await;
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

    let change = async |body: Value| world.admin("PATCH", &license(L1, ""), body).await;
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
        json!({"username": "d@e.f", "password": "correct horse", "fullName": "Dee", "projects": [world.project_id]});
    world.admin("POST", "/v1/admin/developers", body).await;
    let answer = world.admin("PATCH", path, json!({"fullName": null})).await;
    assert_eq!((&answer.body["fullName"], &answer.body["projects"]), (&json!(""), &json!([world.project_id])));
    world.admin("PATCH", path, json!({"mfa": null})).await.refused(400, "BAD_REQUEST");
}

#[tokio::test]
async fn two_changes_at_once_both_hold() {
    let world = World::new().await;
    let other = world.another_process().await;
    for round in 0..20 {
        let patch = |body: Value| {
            let request = Request::builder().method("PATCH").uri(license(L1, ""));
            let request = request.header("authorization", format!("Bearer {ADMIN_KEY}"));
            request.body(body.to_string().into()).unwrap()
        };
        let (first, second) = tokio::join!(
            crate::support::send(&world.host, patch(json!({"metadata": {"round": round}}))),
            crate::support::send(&other, patch(json!({"overrides": {"features": {"round": round}}}))),
        );
        assert_eq!((first.status, second.status), (200, 200));
        let now = world.get(L1, "").await;
        assert_eq!(
            (&now.body["metadata"]["round"], &now.body["features"]["round"]),
            (&json!(round), &json!(round.to_string()))
        );
    }
}

/// Makes a key with these scopes; its text and its id.
async fn key(world: &World, body: Value) -> (String, String) {
    let made = world.admin("POST", "/v1/admin/keys", body).await;
    assert_eq!(made.status, 201, "{}", made.text);
    let text = made.text_of("key");
    assert!(
        text.starts_with("ltlm_admin_")
            && text.len() == 11 + 32
            && text[11..].bytes().all(|b| b.is_ascii_alphanumeric())
    );
    (text.to_owned(), made.text_of("keyId").to_owned())
}

#[tokio::test]
async fn every_administration_route_asks_for_its_scope() {
    let world = World::new().await;
    world.activate(L1, &device('a')).await;
    for (scope, text) in Scope::ALL {
        let (key, _) = key(&world, json!({"scopes": [text]})).await;
        for route in ROUTES {
            let Auth::Administrator(wanted) = route.auth else { continue };
            let path = route
                .path
                .replace("{projectId}", &world.project_id)
                .replace("{licenseKey}", L1)
                .replace("{PolicyID}", "1");
            let path = path.replace("{hwid}", "nobody").replace("{secretId}", "none").replace("{keyId}", "none");
            let reply =
                call(&world, &key, route.method, &path, None, if route.body { json!({}) } else { Value::Null }).await;
            // What lets keys in or out is the owner's, whatever a key's scopes.
            let is_owners = route.name == "admin-create-import-key";
            let may = !is_owners && (wanted == *scope || (route.method == "GET" && *scope == Scope::Read));
            assert_eq!(reply.body["code"] == "FORBIDDEN", !may, "{text} at {}: {}", route.name, reply.text);
        }
    }
}

#[tokio::test]
async fn a_key_of_one_project_is_confined_to_it() {
    let world = World::new().await;
    let other = world.admin("POST", "/v1/admin/projects", json!({"name": "P2"})).await.text_of("projectId").to_owned();
    let all = json!(["projects", "policies", "licenses", "tokens", "read"]);
    let (inside, _) = key(&world, json!({"scopes": all, "projectId": world.project_id})).await;
    let (outside, _) = key(&world, json!({"scopes": all, "projectId": other})).await;
    let policy = "/v1/admin/policies/1".to_owned();
    for path in
        [projects(&world, ""), projects(&world, "/policies"), projects(&world, "/licenses"), license(L1, ""), policy]
    {
        assert_eq!(call(&world, &inside, "GET", &path, None, Value::Null).await.status, 200, "{path}");
        let refused = call(&world, &outside, "GET", &path, None, Value::Null).await;
        assert!([403, 404].contains(&refused.status), "{path}: {}", refused.text);
    }
    // What is another's is answered as what is not there.
    world.activate(L1, &device('a')).await;
    let hook = world.admin("POST", &projects(&world, "/webhooks"), json!({"url": "https://a.example"})).await;
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
        ("GET", projects(&world, ""), "/v1/admin/projects/prj_0".into(), Value::Null),
        ("PATCH", projects(&world, ""), "/v1/admin/projects/prj_0".into(), name),
        // Under a project of its own, too.
        (
            "DELETE",
            format!("/v1/admin/projects/{other}{hook}"),
            format!("/v1/admin/projects/{other}/webhooks/wh_0"),
            Value::Null,
        ),
        ("GET", projects(&world, "/orders/ord_0"), "/v1/admin/projects/prj_0/orders/ord_0".into(), Value::Null),
    ] {
        let theirs = call(&world, &outside, method, &theirs, None, body.clone()).await;
        let nobodys = call(&world, &outside, method, &nobodys, None, body).await;
        let hears = |reply: &Reply| (reply.status, reply.body["code"].clone(), reply.body["message"].clone());
        assert_eq!(hears(&theirs), hears(&nobodys), "{method}");
        assert!([403, 404].contains(&theirs.status), "{method}: {}", theirs.text);
    }
    assert_eq!(world.get(L1, "").await.body["machines"].as_array().unwrap().len(), 1, "nothing was done");
    call(&world, &inside, "POST", "/v1/admin/projects", None, json!({"name": "x"})).await.refused(403, "FORBIDDEN");
    for path in ["/v1/admin/keys", "/v1/admin/audit"] {
        call(&world, &inside, "GET", path, None, Value::Null).await.refused(403, "FORBIDDEN");
    }
    let listed = call(&world, &inside, "GET", "/v1/admin/projects", None, Value::Null).await;
    assert_eq!(listed.body["projects"].as_array().unwrap().len(), 1);
    call(&world, &inside, "POST", "/v1/admin/keys", None, json!({"scopes": ["read"]})).await.refused(403, "FORBIDDEN");
    let body = json!({"scopes": ["read"], "projectId": world.project_id});
    assert_eq!(call(&world, &inside, "POST", "/v1/admin/keys", None, body).await.status, 201);
    let body = json!({"scopes": ["read"], "projectId": "prj_0"});
    world.admin("POST", "/v1/admin/keys", body).await.refused(404, "PROJECT_NOT_FOUND");
}

#[tokio::test]
async fn a_key_is_told_once_ends_and_is_revoked_at_once() {
    let world = World::new().await;
    let body = json!({"scopes": ["read"], "name": "ci", "expiresAt": "2026-01-05T00:00:00Z", "operationId": "k1"});
    let made = world.admin("POST", "/v1/admin/keys", body.clone()).await;
    let text = made.text_of("key").to_owned();
    let again = world.admin("POST", "/v1/admin/keys", body).await;
    assert_eq!((again.status, &again.body["key"], &again.body["keyId"]), (201, &Value::Null, &made.body["keyId"]));
    let list = world.admin("GET", "/v1/admin/keys", Value::Null).await;
    assert!(!list.text.contains(&text) && list.text.contains(made.text_of("keyId")), "{}", list.text);
    let look = async |key: &str| call(&world, key, "GET", &license(L1, ""), None, Value::Null).await.status;
    assert_eq!(look(&text).await, 200);
    world.clock.advance_seconds(86_400);
    assert_eq!(look(&text).await, 401, "ended");

    let (text, id) = key(&world, json!({"scopes": ["read"]})).await;
    assert_eq!(look(&text).await, 200);
    let path = format!("/v1/admin/keys/{id}");
    assert_eq!(world.admin("DELETE", &path, Value::Null).await.status, 204);
    assert_eq!(look(&text).await, 401);
    world.admin("DELETE", &path, Value::Null).await.refused(404, "KEY_NOT_FOUND");
    let listed = world.admin("GET", "/v1/admin/keys", Value::Null).await;
    let row = listed.body["keys"].as_array().unwrap().iter().find(|row| row["keyId"] == json!(id)).unwrap();
    assert!(row["revokedAt"].is_string(), "it stays in the list: {row}");
}

/// The example is a key that is asked for without an end; the siblings are one that would end later, and an access token.
#[tokio::test]
async fn what_a_key_makes_does_not_outlive_it() {
    let world = World::new().await;
    let end = "2026-01-04T01:00:00.000Z";
    let (maker, id) = key(&world, json!({"scopes": ["projects", "tokens", "read"], "expiresAt": end})).await;
    let make = async |by: &str, ends: Option<&str>| {
        let body = json!({"scopes": ["projects", "read"], "expiresAt": ends});
        call(&world, by, "POST", "/v1/admin/keys", None, body).await
    };
    let child = make(&maker, None).await;
    assert_eq!((child.text_of("expiresAt"), &child.body["family"]), (end, &json!(["first", id])));
    make(&maker, Some("2026-01-04T01:00:00.001Z")).await.refused(403, "FORBIDDEN");
    assert_eq!(make(&maker, Some("2026-01-04T00:30:00Z")).await.text_of("expiresAt"), "2026-01-04T00:30:00.000Z");
    let request = Request::builder()
        .method("POST")
        .uri("/v1/access-tokens")
        .header("authorization", format!("Bearer {maker}"))
        .header("x-project-id", &world.project_id);
    let body = json!({"userId": "ada", "expiresInSeconds": 86_400}).to_string();
    assert_eq!(world.send(request.body(body.into()).unwrap()).await.text_of("expiresAt"), end);
    // The family is told in the list, and with each act.
    let mut last = (child.text_of("key").to_owned(), child.text_of("keyId").to_owned());
    let mut family = vec![json!("first"), json!(id)];
    for _ in family.len()..limits::KEY_GENERATIONS_MAX {
        world.clock.advance_seconds(1);
        let made = make(&last.0, None).await;
        family.push(json!(last.1));
        assert_eq!(made.body["family"], json!(family), "{}", made.text);
        let answer = &log(&world).await[0];
        assert_eq!(json!([answer["keyId"], answer["family"]]), json!([last.1, family[..family.len() - 1]]));
        last = (made.text_of("key").to_owned(), made.text_of("keyId").to_owned());
    }
    make(&last.0, None).await.refused(403, "FORBIDDEN");
    let listed = world.admin("GET", "/v1/admin/keys?limit=1", Value::Null).await;
    assert_eq!(json!([listed.body["keys"][0]["keyId"], listed.body["keys"][0]["family"]]), json!([last.1, family]));
    world.clock.advance_seconds(3_600);
    assert_eq!(call(&world, &last.0, "GET", "/v1/admin/keys", None, Value::Null).await.status, 401);
}

/// The example is a key with a child and a grandchild; the siblings are keys of an older version, of which only the maker is known,
/// and a process that is stopped on the way. Whatever descends from others stays.
#[tokio::test]
async fn a_revocation_reaches_all_descendants_if_it_cascades() {
    for stop_after in [None, Some(1), Some(3), Some(5)] {
        let world = World::new().await;
        let make = async |by: &str| {
            let made = call(&world, by, "POST", "/v1/admin/keys", None, json!({"scopes": ["projects", "read"]})).await;
            (made.text_of("key").to_owned(), made.text_of("keyId").to_owned())
        };
        let works = async |key: &str| call(&world, key, "GET", "/v1/admin/keys", None, Value::Null).await.status == 200;
        let (top, other) = (make(ADMIN_KEY).await, make(ADMIN_KEY).await);
        let (child, niece) = (make(&top.0).await, make(&other.0).await);
        let grandchild = make(&child.0).await;
        // As the version before kept it.
        let client = aws_sdk_dynamodb::Client::new(&sdk_config(world.engine.endpoint(), false).await);
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
            call(&world, &top.0, "DELETE", &format!("/v1/admin/keys/{}", plain.1), None, Value::Null).await.status,
            204
        );
        let answer = log(&world).await.len();
        world.clock.advance_seconds(1);
        let path = format!("/v1/admin/keys/{}?cascade=true", top.1);
        let revoke = async || call(&world, ADMIN_KEY, "DELETE", &path, Some("all"), Value::Null).await;
        if stop_after.is_some() {
            world.host.app.table.stop_after(stop_after);
            revoke().await;
            world.host.app.table.stop_after(None);
        }
        let done = revoke().await;
        assert_eq!(done.status, 204, "{stop_after:?}: {}", done.text);
        for key in [&top, &child, &grandchild] {
            assert!(!works(&key.0).await, "{stop_after:?}");
        }
        assert!(works(&other.0).await && works(&niece.0).await, "{stop_after:?}");
        // The page of the log holds a hundred lines: all of them.
        let lines = log(&world).await;
        assert_eq!(lines.len() - answer, 33, "{stop_after:?}: each of them once");
        assert!(lines[..33].iter().all(|line| line["action"] == "admin-revoke-key" && line["operationId"] == "all"));
        assert_eq!(revoke().await.status, 204);
        assert_eq!(log(&world).await.len() - answer, 33);
        let alone = format!("/v1/admin/keys/{}", top.1);
        call(&world, ADMIN_KEY, "DELETE", &alone, Some("all"), Value::Null)
            .await
            .refused(422, "IDEMPOTENCY_KEY_REUSED");
    }
}

/// Every act that an administrator's key can do, in an order in which each changes something.
fn acts(world: &World, [secret, key_id, webhook]: &[String; 3]) -> Vec<(&'static str, &'static str, String, Value)> {
    let p = |tail: &str| projects(world, tail);
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
/// One all of whose lines were taken.
const TAKEN: &str = "prj_00000000000000f2";

fn import_key(digit: char) -> String {
    format!("ltlm_import_0{digit}{}", "00".repeat(31))
}

/// What begins the import of a project that has nothing in it.
fn tiny(project: &str, name: char) -> Value {
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
const REVOKED: &str = "LIC-00000000000000B2";
/// An air-gapped license.
const AIR: &str = "LIC-00000000000000A1";

/// A secret that can be retired, a key that can be revoked, a webhook that can be removed; and the air-gapped license.
async fn spares(world: &World) -> [String; 3] {
    world.activate(L1, &device('a')).await;
    let policy = world.policy(local::demo::air()).await;
    world.license(&policy, Some(AIR)).await;
    world.license(&policy, Some(REVOKED)).await;
    world.set_state(REVOKED, "revoked").await;
    let secret = world.admin("POST", &projects(world, "/secrets"), Value::Null).await.text_of("secretId").to_owned();
    let hook = world.admin("POST", &projects(world, "/webhooks"), json!({"url": "https://b.example"})).await;
    let begun = world.admin("POST", &format!("/v1/admin/projects/{TAKEN}/import"), tiny(TAKEN, 'a')).await;
    assert_eq!(begun.status, 201, "{}", begun.text);
    [secret, key(world, json!({"scopes": ["read"]})).await.1, hook.text_of("webhookId").to_owned()]
}

async fn log(world: &World) -> Vec<Value> {
    let log = world.admin("GET", "/v1/admin/audit?limit=100", Value::Null).await;
    assert_eq!(log.status, 200, "{}", log.text);
    log.body["entries"].as_array().unwrap().clone()
}

#[tokio::test]
async fn every_act_is_done_once_and_told_once_by_the_log() {
    let world = World::new().await;
    let acts = acts(&world, &spares(&world).await);
    // What a backend does to accounts stands in their ledgers.
    // The lines of an import are known by their place, and are too many for the log; that it began and ended is told.
    let is_act = |route: &&Route| {
        route.path.starts_with("/v1/admin/") && route.method != "GET" && route.name != "admin-import-lines"
    };
    let mutating = ROUTES.iter().filter(is_act);
    assert_eq!(acts.len(), mutating.count(), "a new act belongs into this test");
    for (name, method, path, body) in acts {
        world.clock.advance_seconds(1);
        let before = log(&world).await.len();
        let first = call(&world, ADMIN_KEY, method, &path, Some(name), body.clone()).await;
        assert!(first.status < 300, "{name}: {}", first.text);
        let again = call(&world, ADMIN_KEY, method, &path, Some(name), body.clone()).await;
        assert_eq!(again.status, first.status, "{name}: {}", again.text);
        if first.status != 204 {
            assert_eq!(again.headers["idempotent-replayed"], "true", "{name}");
            assert!(!first.headers.contains_key("idempotent-replayed"), "{name}");
        }
        if !body.is_null() {
            let other = another(name, &body);
            call(&world, ADMIN_KEY, method, &path, Some(name), other).await.refused(422, "IDEMPOTENCY_KEY_REUSED");
        }
        let after = log(&world).await;
        assert_eq!(after.len(), before + 1, "{name}");
        let answer = &after[0];
        let expected = json!([name, name, "first", "203.0.113.7"]);
        assert_eq!(json!([answer["action"], answer["operationId"], answer["keyId"], answer["from"]]), expected);
        assert!(!answer.to_string().contains(L1), "{answer}");
        if path.contains(L1) {
            assert!(answer["target"].as_str().unwrap().contains("LIC-…012F"), "{answer}");
        }
    }
    world.admin("PATCH", &license(L1, ""), json!({"state": "active"})).await;
    world.admin("PATCH", &license("LIC-0000000000000000", ""), json!({"state": "active"})).await;
    assert_eq!(log(&world).await[0]["action"], "admin-remove-webhook", "what changed nothing is not told");
}

/// Stops the process after each round trip of each act: it is done with its line in the log, or not at all, and sending it
/// again ends it.
#[tokio::test]
async fn a_killed_act_is_done_with_its_line_in_the_log_or_not_at_all() {
    for stop_after in 0..5 {
        let world = World::new().await;
        let spares = spares(&world).await;
        for (name, method, path, body) in acts(&world, &spares) {
            let answer =
                |entries: Vec<Value>| entries.iter().filter(|entry| entry["operationId"] == json!(name)).count();
            world.host.app.table.stop_after(Some(stop_after));
            let killed = call(&world, ADMIN_KEY, method, &path, Some(name), body.clone()).await;
            world.host.app.table.stop_after(None);
            if killed.status < 300 {
                assert_eq!(answer(log(&world).await), 1, "{name} after {stop_after}");
            }
            let again = call(&world, ADMIN_KEY, method, &path, Some(name), body).await;
            assert!(again.status < 300, "{name} after {stop_after}: {}", again.text);
            assert_eq!(answer(log(&world).await), 1, "{name} after {stop_after}");
        }
        let listed = world.admin("GET", &projects(&world, "/licenses?limit=100"), Value::Null).await;
        assert_eq!(listed.body["licenses"].as_array().unwrap().len(), 43, "after {stop_after}");
        world.audit(L1).await;
    }
}

#[tokio::test]
async fn devices_are_listed_and_named() {
    let world = World::new().await;
    let key = world.license_with(json!({"devices": {"maxDevices": 300}})).await;
    for number in 0..130 {
        world.activate(&key, &format!("dev-{number:03}")).await;
    }
    let (mut hwids, mut cursor) = (Vec::new(), String::new());
    loop {
        let page = world.admin("GET", &license(&key, &format!("/devices?limit=50{cursor}")), Value::Null).await;
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
    let named = world.admin("PATCH", &path, json!({"nickname": "Bond", "meta": {"floor": 7}})).await;
    assert_eq!((named.text_of("nickname"), &named.body["meta"]), ("Bond", &json!({"floor": 7})));
    let cleared = world.admin("PATCH", &path, json!({"nickname": null})).await;
    assert_eq!((&cleared.body["nickname"], &cleared.body["meta"]), (&Value::Null, &json!({"floor": 7})));
    world
        .admin("PATCH", &license(&key, "/devices/nobody"), json!({"nickname": "x"}))
        .await
        .refused(403, "DEVICE_NOT_REGISTERED");
}

#[tokio::test]
async fn an_end_that_is_past_is_refused_and_one_that_was_given_is_replayed() {
    let world = World::new().await;
    spares(&world).await;
    let policy = world.policy(local::demo::sub()).await;
    let soon = "2026-01-04T00:00:10.000Z";
    let cases = [
        ("validUntil", "POST", projects(&world, "/licenses"), json!({"policyId": policy})),
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
    let before = log(&world).await.len();
    for (name, method, path, body) in &cases {
        // This instant is past too.
        for past in ["2020-01-01T00:00:00Z", crate::support::START] {
            let refused = world.admin(method, path, ending(body, name, past)).await;
            refused.refused(422, "NOT_AHEAD");
            assert_eq!(refused.body["details"]["path"], **name, "{path}");
        }
    }
    assert_eq!(log(&world).await.len(), before, "nothing was done");
    for late in [false, true] {
        for (index, (name, method, path, body)) in cases.iter().enumerate() {
            let id = format!("end-{index}");
            let answer = call(&world, ADMIN_KEY, method, path, Some(&id), ending(body, name, soon)).await;
            assert!(answer.status < 300, "{path}: {}", answer.text);
            assert_eq!(answer.headers.contains_key("idempotent-replayed"), late, "{path}");
        }
        world.clock.advance_seconds(60);
    }
    // What the license has already is no new end.
    let same = json!({"validUntil": soon});
    assert_eq!(world.admin("PATCH", &license(L1, ""), same).await.status, 200);
}

#[tokio::test]
async fn a_record_that_a_request_names_must_exist() {
    let world = World::new().await;
    spares(&world).await;
    let id = world.project_id.clone();
    let developer = |username: &str, projects: Value| json!({"username": username, "password": "correct horse", "projects": projects});
    let made = developer("one@example.com", json!([id]));
    assert_eq!(world.admin("POST", "/v1/admin/developers", made).await.status, 201);
    let access = Request::builder()
        .method("POST")
        .uri("/v1/access-tokens")
        .header("authorization", format!("Bearer {ADMIN_KEY}"))
        .header("x-project-id", &world.project_id);
    let access = access.body(json!({"organizationId": "nobody"}).to_string().into()).unwrap();
    world.send(access).await.refused(404, "ORGANIZATION_NOT_FOUND");
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
        ("POST", projects(&world, "/licenses"), json!({"policyId": 999}), 404, "POLICY_NOT_FOUND"),
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
        world.admin(method, &path, body).await.refused(status, code);
    }
    let refused = world.admin("PATCH", &one, json!({"projects": [id, "prj_x", "prj_y"]})).await;
    assert_eq!(refused.body["details"]["projects"], json!(["prj_x", "prj_y"]));
    world.account("POST", "", json!({"accountId": "u", "tier": "nothing"})).await.refused(422, "UNKNOWN_TIER");
}

#[tokio::test]
async fn a_list_that_names_a_record_twice_means_it_once() {
    let world = World::new().await;
    let id = world.project_id.clone();
    let body = json!({"username": "d@e.f", "password": "correct horse", "projects": vec![id.clone(); limits::PAGE_MAX as usize]});
    assert_eq!(world.admin("POST", "/v1/admin/developers", body).await.status, 201);
    let change = json!({"projects": [id, id]});
    assert_eq!(world.admin("PATCH", "/v1/admin/developers/d@e.f", change).await.status, 200);
    let unknown = json!({"projects": ["prj_x", "prj_x"]});
    let path = "/v1/admin/developers/d@e.f";
    world.admin("PATCH", path, unknown).await.refused(404, "PROJECT_NOT_FOUND");
    // What the developer is given at sign-in is read by the same list.
    let body = json!({"username": "d@e.f", "password": "correct horse"});
    let request = Request::builder().method("POST").uri("/v1/sdk/pro/auth/dev-login").body(body.to_string().into());
    assert_eq!(world.send(request.unwrap()).await.status, 200);
    let webhook = json!({"url": "https://a.example/hook", "kinds": ["order.paid", "order.paid"]});
    assert_eq!(world.admin("POST", &projects(&world, "/webhooks"), webhook).await.status, 201);
    let key = json!({"scopes": ["read", "read"]});
    assert_eq!(world.admin("POST", "/v1/admin/keys", key).await.status, 201);
}

#[tokio::test]
async fn a_device_of_a_name_that_none_may_have_now_can_be_removed() {
    let world = World::new().await;
    let client = aws_sdk_dynamodb::Client::new(&sdk_config(world.engine.endpoint(), false).await);
    let text = |value: String| AttributeValue::S(value);
    for (now, hwid, encoded) in [('a', "\u{b}G", "%0BG"), ('b', " ", "%20"), ('c', "a\nb", "a%0Ab")] {
        world.activate(L1, &device(now)).await;
        assert_eq!(world.post(L1, "signout", json!({"hwid": device(now)})).await.status, 200);
        let path = license(L1, &format!("/devices/{encoded}"));
        let name = || world.admin("PATCH", &path, json!({"nickname": "Old"}));
        name().await.refused(403, "DEVICE_NOT_REGISTERED");
        let at = key::device(&license_id(L1), &device(now));
        let delete = client.delete_item().table_name(TABLE).key("pk", text(at.pk)).key("sk", text(at.sk));
        let mut odd = delete.return_values(ReturnValue::AllOld).send().await.unwrap().attributes.unwrap();
        odd.insert("sk".to_owned(), text(key::device(&license_id(L1), hwid).sk));
        odd.insert("hwid".to_owned(), text(hwid.to_owned()));
        client.put_item().table_name(TABLE).set_item(Some(odd)).send().await.unwrap();
        let named = name().await;
        assert_eq!((named.status, &named.body["nickname"]), (200, &json!("Old")), "{named:?}");
        assert_eq!(world.admin("DELETE", &path, Value::Null).await.status, 204);
        name().await.refused(403, "DEVICE_NOT_REGISTERED");
    }
}
