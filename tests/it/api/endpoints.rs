//! Every route through the real handler, from its event file as API Gateway sends it.

use std::collections::{BTreeMap, BTreeSet};

use bytes::Bytes;
use http::Request;
use local::wiring::{TABLE, sdk_config};
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use serde_json::{Value, json};
use shared::api::function::Auth;
use shared::api::query::supports_dry_run;
use shared::api::routes::ROUTES;
use shared::host::gateway::Event;

use crate::support::{ADMIN_KEY, L1, Reply, TestApp, device};

/// Where the event files lie.
pub(crate) fn events_folder() -> std::path::PathBuf {
    std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../events")
}

/// Reads a route's event, with the fixture's ids in place of the placeholders.
pub(crate) fn event(name: &str, project_id: &str, policy_id: &str) -> Value {
    let text = std::fs::read_to_string(events_folder().join(format!("{name}.json")))
        .unwrap_or_else(|e| panic!("events/{name}.json: {e}"));
    serde_json::from_str(&text.replace("{{projectId}}", project_id).replace("{{policyId}}", policy_id)).unwrap()
}

/// An event as the request that API Gateway received.
pub(crate) fn request(event: &Value) -> Request<Bytes> {
    serde_json::from_value::<Event>(event.clone()).unwrap().into_request()
}

/// What each route answers to its event, in an order that makes sense.
pub(crate) const EXPECTED: &[(&str, u16, &str)] = &[
    ("health", 200, "status"),
    ("admin-create-project", 201, "secretKey"),
    ("admin-projects", 200, "projects"),
    ("admin-change-project", 200, "secrets"),
    ("admin-project", 200, "publicKey"),
    ("admin-add-secret", 201, "secretKey"),
    // Which secrets and keys there are, their journeys know.
    ("admin-retire-secret", 404, "code"),
    // Its own key wrapped them all.
    ("admin-rewrap-project", 200, "unchanged"),
    ("admin-create-policy", 201, "PolicyID"),
    ("admin-policies", 200, "policies"),
    ("admin-change-policy", 200, "PolicyID"),
    ("admin-policy", 200, "config"),
    ("admin-create-license", 201, "licenses"),
    // In its first call a device may present any nonce.
    ("pro-heartbeat", 200, "machines"),
    ("activate", 200, "machines"),
    ("heartbeat", 200, "machines"),
    ("consume", 200, "operation"),
    ("consume-batch", 200, "batchResult"),
    ("save-settings", 200, "updatedAt"),
    ("settings", 200, "settings"),
    ("usage", 200, "entries"),
    ("seats", 200, "seats"),
    ("pro-consume", 200, "operation"),
    // Devices that are not registered.
    ("pro-consume-batch", 403, "code"),
    ("pro-release-seat", 403, "code"),
    ("pro-validate", 200, "machines"),
    ("pro-activate", 200, "machines"),
    ("pro-status", 200, "machines"),
    ("pro-entitlement", 200, "allowed"),
    ("pro-usage", 200, "entries"),
    ("pro-seats", 200, "seats"),
    ("pro-save-settings", 200, "settings"),
    ("pro-settings", 200, "updatedAt"),
    ("pro-events", 200, "success"),
    ("entitlement", 200, "allowed"),
    // The fixture's policy does not let customers remove devices.
    ("remove-device", 403, "code"),
    ("license", 200, "licenseKey"),
    ("release-seat", 200, "releasedHwid"),
    ("admin-release-seat", 200, "maxSeats"),
    ("signout", 200, "success"),
    ("pro-signout", 200, "success"),
    ("admin-licenses", 200, "licenses"),
    ("admin-usage", 200, "entries"),
    ("admin-usage-verification", 200, "intact"),
    ("admin-usage-statistics", 200, "totalSpent"),
    ("admin-devices", 200, "devices"),
    ("admin-describe-device", 200, "nickname"),
    ("admin-seats", 200, "seats"),
    ("create-account", 201, "tokensBalance"),
    ("debit-account", 200, "newBalance"),
    ("charge-account", 200, "newBalance"),
    ("credit-account", 200, "newBalance"),
    ("refund-account", 200, "newBalance"),
    ("reset-account", 200, "newBalance"),
    ("account-plan", 200, "newBalance"),
    ("hold-tokens", 200, "hold"),
    ("commit-hold", 200, "newBalance"),
    ("void-hold", 404, "code"),
    ("account-renewal", 200, "eligible"),
    ("renew-account", 200, "tokensAdded"),
    ("renew-accounts", 200, "totalProcessed"),
    ("account-balance", 200, "balance"),
    ("create-organization", 201, "tokens"),
    ("organization", 200, "plan"),
    ("organization-plan", 200, "tokens"),
    ("organization-tokens", 200, "newBalance"),
    ("account-checkout-link", 200, "checkoutUrl"),
    ("organization-checkout-link", 200, "checkoutUrl"),
    ("organization-usage", 200, "entries"),
    ("erase-usage", 200, "erased"),
    ("add-member", 200, "member"),
    ("remove-member", 200, "member"),
    ("create-access-token", 201, "accessToken"),
    // Which access tokens there are, their journey knows.
    ("revoke-access-token", 404, "code"),
    ("revoke-access-tokens", 200, "revoked"),
    ("check-tokens", 401, "code"),
    ("token-stats", 401, "code"),
    ("account-verification", 200, "intact"),
    ("account-statistics", 200, "totalSpent"),
    ("accounts", 200, "accounts"),
    ("organizations", 200, "organizations"),
    ("organization-verification", 200, "intact"),
    ("organization-statistics", 200, "totalSpent"),
    ("account", 200, "tokensBalance"),
    ("account-affordability", 200, "canAfford"),
    ("account-entries", 200, "entries"),
    ("erase-entries", 200, "erased"),
    ("project-entries", 200, "entries"),
    ("due-accounts", 200, "accounts"),
    ("erase-project-entries", 200, "erased"),
    ("admin-create-key", 201, "key"),
    ("admin-keys", 200, "keys"),
    ("admin-revoke-key", 404, "code"),
    ("admin-audit", 200, "entries"),
    ("admin-export", 200, "lines"),
    ("admin-export-keys", 200, "line"),
    ("admin-create-import-key", 201, "publicKey"),
    ("admin-begin-import", 201, "importId"),
    ("admin-import-lines", 200, "taken"),
    ("admin-import", 200, "state"),
    ("admin-finish-import", 201, "secretKey"),
    // It is finished by then.
    ("admin-drop-import", 404, "code"),
    // The fixture's license is used online.
    ("admin-offline-file", 409, "code"),
    ("admin-license", 200, "licenseKey"),
    ("admin-tokens", 200, "balanceAfter"),
    ("admin-reinstate", 200, "licenseKey"),
    ("admin-change-license", 200, "licenseKey"),
    ("admin-remove-device", 204, ""),
    ("buyable-policies", 200, ""),
    ("pro-buyable-policies", 200, ""),
    ("checkout-link", 200, "checkoutUrl"),
    ("pro-checkout-link", 200, "checkoutUrl"),
    // The license was suspended by an event above.
    ("topup-link", 403, "code"),
    ("pro-topup-link", 403, "code"),
    ("trial-eligibility", 200, "eligible"),
    ("store-return", 200, ""),
    // No signature stands in an event file, and no code.
    ("stripe-message", 400, "code"),
    ("login-request", 200, "success"),
    ("pro-login-request", 200, "success"),
    ("portfolio", 400, "code"),
    ("pro-portfolio", 400, "code"),
    ("dev-login", 401, "code"),
    ("dev-verify-otp", 401, "code"),
    ("admin-create-developer", 201, "username"),
    ("admin-change-developer", 200, "fullName"),
    ("admin-rewrap-developer", 200, "unchanged"),
    ("admin-developers", 200, "developers"),
    ("admin-orders", 200, "orders"),
    ("admin-order", 404, "code"),
    ("admin-events", 200, "events"),
    ("admin-event-counts", 200, "days"),
    ("admin-create-webhook", 201, "secret"),
    ("admin-webhooks", 200, "webhooks"),
    ("admin-notices", 200, "notices"),
    ("admin-deployment", 200, "stage"),
    ("admin-test-mail", 202, "operationId"),
    // Which webhooks there are, their journey knows.
    ("admin-rotate-webhook", 404, "code"),
    ("admin-replay", 404, "code"),
    ("admin-dead-letters", 404, "code"),
    ("admin-remove-webhook", 404, "code"),
];

/// Does the answer come in an envelope?
pub(crate) fn is_sealed(name: &str, status: u16) -> bool {
    name.starts_with("pro-") && status == 200
}

/// What type the answer has.
pub(crate) fn content_type(name: &str, status: u16) -> &'static str {
    match name {
        "store-return" => "text/html; charset=utf-8",
        _ if is_sealed(name, status) => "text/plain; charset=utf-8",
        _ => "application/json; charset=utf-8",
    }
}

#[tokio::test]
async fn every_route_answers_its_event() {
    let app = TestApp::new().await;
    app.activate(L1, &device('b')).await;
    let mut answers = serde_json::Map::new();
    for (name, status, member) in EXPECTED {
        let reply: Reply = app.send(request(&event(name, &app.project_id, "1"))).await;
        if reply.headers.get("content-type").is_some_and(|kind| kind == content_type("", *status)) {
            let body = without_secrets(reply.body.clone());
            answers.insert((*name).to_owned(), json!({"status": reply.status, "body": body}));
        }
        let reply = if is_sealed(name, reply.status) { app.opened(reply).reply } else { reply };
        assert_eq!(reply.status, *status, "{name}: {}", reply.text);
        if *status != 204 {
            assert!(member.is_empty() || !reply.body[*member].is_null(), "{name}: {member} in {}", reply.text);
            assert_eq!(reply.headers["content-type"], content_type(name, reply.status));
        }
        assert_eq!(reply.headers["cache-control"], "no-store");
        assert_eq!(reply.headers["access-control-allow-origin"], "*");
    }
    // With an access token, which no event file holds, web applications are told what they ask for.
    let token = app.access_token(json!({"organizationId": "acme"})).await;
    for name in ["check-tokens", "token-stats"] {
        let mut event = event(name, &app.project_id, "1");
        event["headers"]["authorization"] = json!(format!("Bearer {token}"));
        let reply: Reply = app.send(request(&event)).await;
        assert_eq!(reply.status, 200, "{name}: {}", reply.text);
        answers.insert(name.to_owned(), json!({"status": reply.status, "body": reply.body}));
    }
    // The OpenAPI document shows answers that were given. Ids and keys differ each time, members do not.
    let root = events_folder().join("..");
    let answers = Value::Object(answers);
    let shown = std::fs::read_to_string(root.join("infra/answers.json")).unwrap_or_default();
    if serde_json::from_str::<Value>(&shown).ok().as_ref().map(shape) != Some(shape(&answers)) {
        std::fs::write(root.join("target/answers.json"), format!("{answers:#}\n")).unwrap();
        panic!("infra/answers.json is stale: put target/answers.json in its place, and run `cargo xtask docs`");
    }
}

/// An answer that may be shown: what is secret is blanked.
fn without_secrets(mut body: Value) -> Value {
    match &mut body {
        Value::Object(members) => {
            for (name, value) in members.iter_mut() {
                match ["secretKey", "secret", "key", "accessToken"].contains(&name.as_str()) && value.is_string() {
                    true => *value = json!("…"),
                    false => *value = without_secrets(value.take()),
                }
            }
        }
        Value::Array(rows) => rows.iter_mut().for_each(|row| *row = without_secrets(row.take())),
        _ => {}
    }
    body
}

/// The members of a document, and the kinds of their values; of lists those of one row, the same whatever order the rows come in.
fn shape(value: &Value) -> Value {
    match value {
        Value::Object(members) => {
            // Acts of one instant come in any order, and each with what it changed.
            let fixed = members.iter().filter(|(name, _)| !["change", "from"].contains(&name.as_str()));
            json!(fixed.map(|(name, value)| (name, shape(value))).collect::<BTreeMap<_, _>>())
        }
        Value::Array(rows) => json!([rows.iter().map(shape).min_by_key(Value::to_string)]),
        Value::Null => json!("nothing"),
        Value::Bool(_) => json!("flag"),
        Value::Number(_) => json!("number"),
        Value::String(_) => json!("text"),
    }
}

/// Names that an address must encode, in place of the plain ones of the event files.
const ODD_NAMES: &[(&str, &str)] = &[
    ("user-1", "auth0|a/b #50%? ü+..."),
    ("acme", "../a#c & co/%2F"),
    ("ada", "ada+b@x.de/.."),
    ("hold-1", "hold/1#50%?"),
];

/// The event with odd names wherever the plain ones stand: in the path as the gateway tells it, beside it, in query and body.
fn with_odd_names(mut event: Value) -> Value {
    let odd = |text: &str| ODD_NAMES.iter().find(|(plain, _)| *plain == text).map(|(_, odd)| (*odd).to_owned());
    let mut path = event["rawPath"].as_str().unwrap().to_owned();
    for (_, value) in event["pathParameters"].as_object_mut().into_iter().flatten() {
        if let Some(name) = odd(value.as_str().unwrap()) {
            // The gateway decodes all but percent signs.
            let name = name.replace('%', "%25");
            path = path.replacen(&format!("/{}", value.as_str().unwrap()), &format!("/{name}"), 1);
            *value = json!(name);
        }
    }
    event["requestContext"]["http"]["path"] = json!(path);
    event["rawPath"] = json!(path);
    let query: Vec<_> = event["rawQueryString"]
        .as_str()
        .unwrap()
        .split('&')
        .map(|pair| match pair.split_once('=').and_then(|(name, value)| Some((name, odd(value)?))) {
            Some((name, value)) => format!("{name}={}", utf8_percent_encode(&value, NON_ALPHANUMERIC)),
            None => pair.to_owned(),
        })
        .collect();
    event["rawQueryString"] = json!(query.join("&"));
    if let Ok(Value::Object(mut body)) = serde_json::from_str(event["body"].as_str().unwrap_or("")) {
        for value in body.values_mut() {
            if let Some(name) = value.as_str().and_then(odd) {
                *value = json!(name);
            }
        }
        event["body"] = json!(Value::Object(body).to_string());
    }
    event
}

#[tokio::test]
async fn every_route_finds_names_that_a_path_cannot_hold_as_they_are() {
    let app = TestApp::new().await;
    app.activate(L1, &device('b')).await;
    let (mut odd, mut wrong) = (0, Vec::new());
    for (name, status, member) in EXPECTED {
        let plain = event(name, &app.project_id, "1");
        let event = with_odd_names(plain.clone());
        odd += i32::from(plain["pathParameters"] != event["pathParameters"]);
        let reply: Reply = app.send(request(&event)).await;
        let reply = if is_sealed(name, reply.status) { app.opened(reply).reply } else { reply };
        let is_there = *status == 204 || member.is_empty() || !reply.body[*member].is_null();
        if reply.status != *status || !is_there {
            wrong.push(format!("{name}: {} {}", reply.status, reply.text));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert!(odd >= 25, "{odd}");
}

/// A device's name is the caller's, and may be a path of its own.
#[tokio::test]
async fn devices_with_odd_names_are_found_by_the_routes_that_name_them() {
    let app = TestApp::new().await;
    for hwid in ["ab/cd", "a#b", "a?b", "50%", "50%25", "Arbeitsplatz ü", "a+b & c", "../x"] {
        let here = |name: &str| {
            let mut event = event(name, &app.project_id, "1");
            let before = event["pathParameters"]["hwid"].as_str().unwrap().to_owned();
            let answer = hwid.replace('%', "%25");
            event["rawPath"] = json!(event["rawPath"].as_str().unwrap().replace(&before, &answer));
            event["pathParameters"]["hwid"] = json!(answer);
            event
        };
        assert_eq!(app.activate(L1, hwid).await.status, 200, "{hwid}");
        let described = app.send(request(&here("admin-describe-device"))).await;
        assert_eq!((described.status, described.text_of("hwid")), (200, hwid), "{}", described.text);
        assert_eq!(app.send(request(&here("admin-release-seat"))).await.status, 200, "{hwid}");
        assert_eq!(app.send(request(&here("admin-remove-device"))).await.status, 204, "{hwid}");
        let left = app.admin("GET", &format!("/v1/admin/licenses/{L1}/devices"), Value::Null).await;
        assert_eq!(left.body["devices"], json!([]), "{hwid}");
    }
}

#[test]
fn every_route_has_an_event_and_every_event_a_route() {
    let files: BTreeSet<_> = std::fs::read_dir(events_folder())
        .unwrap()
        .map(|file| file.unwrap().file_name().into_string().unwrap())
        // What runs without a caller has its events in a folder beside them.
        .filter_map(|name| name.strip_suffix(".json").map(str::to_owned))
        .collect();
    let routes: BTreeSet<_> = ROUTES.iter().map(|route| route.name.to_owned()).collect();
    let tested: BTreeSet<_> = EXPECTED.iter().map(|(name, ..)| (*name).to_owned()).collect();
    assert_eq!(files, routes);
    assert_eq!(tested, routes);
}

#[tokio::test]
async fn a95_browsers_may_call_from_anywhere() {
    let app = TestApp::new().await;
    let preflight = Request::builder()
        .method("OPTIONS")
        .uri("/api/v1/sdk/license/LIC-0BEC53C679BF012F/activate")
        .header("origin", "https://game.example")
        .header("access-control-request-headers", "x-project-secret, content-type");
    let reply = app.send(preflight.body(Bytes::new()).unwrap()).await;
    assert_eq!(reply.status, 204);
    assert!(reply.headers["access-control-allow-headers"].to_str().unwrap().contains("x-project-secret"));
    assert!(reply.headers["access-control-allow-methods"].to_str().unwrap().contains("PUT"));
    let refused = app.activate("NOPE", "a").await;
    assert_eq!(refused.headers["access-control-allow-origin"], "*");
}

#[tokio::test]
async fn a98_health_needs_nothing() {
    let app = TestApp::empty().await;
    for path in ["/health", "/api/health"] {
        let reply = app.send(Request::builder().uri(path).body(Bytes::new()).unwrap()).await;
        assert_eq!((reply.status, reply.spent.round_trips), (200, 0));
    }
}

#[tokio::test]
async fn a_project_that_is_not_there_is_told_by_every_route_that_names_one() {
    let app = TestApp::new().await;
    let unknown = "prj_0000000000000000";
    // Routes that act on the project of the path, and those on the project that a header names.
    let administrators = ROUTES.iter().filter(|route| matches!(route.auth, Auth::Administrator(_)));
    let scoped = administrators.filter(|route| event(route.name, "a", "1") != event(route.name, "b", "1"));
    let document = std::fs::read_to_string(events_folder().join("../infra/openapi.json")).unwrap();
    let document: Value = serde_json::from_str(&document).unwrap();
    let (mut seen, mut wrong) = (BTreeSet::new(), Vec::new());
    for route in scoped {
        let reply = app.send(request(&event(route.name, unknown, "1"))).await;
        // What is within a project that is not there is not there either, and says which it was.
        let code = match route.name {
            "admin-order" => "ORDER_NOT_FOUND",
            "admin-dead-letters" | "admin-remove-webhook" | "admin-rotate-webhook" | "admin-replay" => {
                "WEBHOOK_NOT_FOUND"
            }
            "revoke-access-token" => "ACCESS_TOKEN_NOT_FOUND",
            _ => "PROJECT_NOT_FOUND",
        };
        let described = &document["paths"][route.path][route.method.to_lowercase()]["responses"]["404"];
        assert!(described["description"].as_str().is_some_and(|codes| codes.contains(code)), "{}: {code}", route.name);
        if (reply.status, reply.body["code"].as_str()) != (404, Some(code)) {
            wrong.push(format!("{} {}: {} {}", route.method, route.path, reply.status, reply.text));
        }
        seen.insert(route.name);
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    for list in ["admin-orders", "admin-events", "admin-event-counts", "admin-notices", "admin-webhooks", "accounts"] {
        assert!(seen.contains(list), "{list}");
    }
    assert!(seen.len() > 40, "{seen:?}");
}

/// All items of the table, in an order of their own.
pub(crate) async fn items(app: &TestApp) -> Vec<String> {
    let client = aws_sdk_dynamodb::Client::new(&sdk_config(app.engine.endpoint(), false).await);
    let mut items = Vec::new();
    let mut from = None;
    loop {
        let page = client.scan().table_name(TABLE).set_exclusive_start_key(from).send().await.unwrap();
        for item in page.items() {
            items.push(format!("{:?}", item.iter().collect::<std::collections::BTreeMap<_, _>>()));
        }
        from = page.last_evaluated_key().cloned();
        if from.is_none() {
            items.sort();
            return items;
        }
    }
}

#[tokio::test]
async fn what_is_only_tried_is_refused_alike_and_writes_nothing() {
    let app = TestApp::new().await;
    app.activate(L1, &device('b')).await;
    let mut tried = BTreeSet::new();
    for (name, ..) in EXPECTED {
        let route = ROUTES.iter().find(|route| route.name == *name).unwrap();
        let event = event(name, &app.project_id, "1");
        if supports_dry_run(route) {
            let mut trial = event.clone();
            let query = event["rawQueryString"].as_str().unwrap();
            let query = if query.is_empty() { "dryRun=true".to_owned() } else { format!("{query}&dryRun=true") };
            trial["rawQueryString"] = Value::String(query);
            let before = items(&app).await;
            let answer = app.send(request(&trial)).await;
            assert_eq!(items(&app).await, before, "{name} wrote");
            assert_eq!(answer.spent.write_units, 0.0, "{name}");
            let done = app.send(request(&event)).await;
            match done.status {
                200..300 => assert_eq!((answer.status, answer.text.as_str()), (200, r#"{"dryRun":true}"#), "{name}"),
                _ => assert_eq!((answer.status, &answer.body["code"]), (done.status, &done.body["code"]), "{name}"),
            }
            if done.status < 300 {
                tried.insert(*name);
            }
        } else {
            app.send(request(&event)).await;
        }
    }
    for name in
        ["admin-create-policy", "admin-create-license", "admin-change-license", "admin-create-key", "add-member"]
    {
        assert!(tried.contains(name), "{name} is not among {tried:?}");
    }
    // A stranger is told so, and another word for true is none.
    let path = format!("/v1/admin/licenses/{L1}?dryRun=");
    let patch = |dry_run: &str, key: &str| {
        let request = Request::builder().method("PATCH").uri(format!("{path}{dry_run}"));
        let request = request.header("authorization", format!("Bearer {key}"));
        request.body(Bytes::from_static(br#"{"state":"active"}"#)).unwrap()
    };
    app.send(patch("true", "ltlm_admin_ffffffffffffffffffffffffffffffff")).await.refused(401, "UNAUTHORIZED");
    app.send(patch("yes", ADMIN_KEY)).await.refused(400, "BAD_REQUEST");
    app.send(patch("false", ADMIN_KEY)).await;
}
