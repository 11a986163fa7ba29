//! Devices with keys of their own (wire section 7, W1): what they must sign, and how long a key is theirs.

use bytes::Bytes;
use http::Request;
use ltlm_protocol::proof;
use serde_json::{Value, json};
use shared::api::function::Auth;
use shared::api::routes::ROUTES;
use shared::service::ports::Clock;

use crate::support::pro::letter;
use crate::support::{Reply, SECRET, TestApp, device};

/// A device and the seed of its key.
type Signer<'a> = Option<(&'a str, [u8; 32])>;

/// Calls a plain route of a license, signed if there is a signer, whose name goes into the query.
async fn call(app: &TestApp, method: &str, key: &str, tail: &str, body: &Value, signer: Signer<'_>) -> Reply {
    call_at(app, method, key, (tail, body), signer, app.clock.now().ms()).await
}

/// The same by a device whose clock tells this time, in milliseconds since the Unix epoch.
async fn call_at(
    app: &TestApp,
    method: &str,
    key: &str,
    (tail, body): (&str, &Value),
    signer: Signer<'_>,
    now: i64,
) -> Reply {
    let query = signer.map_or_else(String::new, |(hwid, _)| format!("?hwid={hwid}"));
    let path = format!("/v1/sdk/license/{key}{tail}{query}");
    let body = if body.is_null() { Bytes::new() } else { Bytes::from(body.to_string()) };
    let mut request = Request::builder().method(method).uri(&path).header("x-project-secret", SECRET);
    if let Some((_, seed)) = signer {
        let signature = proof::sign(&seed, &proof::message(method, &path, &body, now, "once"));
        request = request.header(proof::SIGNATURE_HEADER, signature).header(proof::TIME_HEADER, now);
        request = request.header(proof::NONCE_HEADER, "once");
    }
    app.send(request.body(body).unwrap()).await
}

/// Activates a device that brings this key and signs with it.
async fn activate(app: &TestApp, key: &str, hwid: &str, seed: [u8; 32]) -> Reply {
    let body = json!({"hwid": hwid, "deviceKey": proof::public_key(&seed)});
    call(app, "POST", key, "/activate", &body, Some((hwid, seed))).await
}

/// A world whose project requires keys, and a license whose customer may remove devices.
async fn strict() -> (TestApp, String) {
    let app = TestApp::new().await;
    app.project_settings(json!({"security": {"deviceKeys": "required"}})).await;
    let mut terms = local::demo::sub();
    terms["config"]["customerActions"]["allowHardwareRelease"] = json!(true);
    let policy = app.policy(terms).await;
    let key = app.license(&policy, None).await;
    (app, key)
}

#[tokio::test]
async fn where_keys_are_required_every_call_on_a_license_is_signed() {
    let (app, key) = strict().await;
    let (a, seed) = (device('a'), [7; 32]);
    assert_eq!(activate(&app, &key, &a, seed).await.status, 200);
    let settings = json!({"settings": {"theme": "dark"}});
    let topup = json!({"packId": "1"});
    let calls = [
        ("GET", "", Value::Null),
        ("GET", "/settings", Value::Null),
        ("PUT", "/settings", settings.clone()),
        ("GET", "/usage", Value::Null),
        ("GET", "/seats", Value::Null),
        ("POST", "/topup-link", topup.clone()),
    ];
    for (method, tail, body) in &calls {
        let nameless = call(&app, method, &key, tail, body, None).await;
        nameless.refused(403, "DEVICE_KEY_REQUIRED");
    }
    for (method, tail, body) in &calls[..2] {
        call(&app, method, &key, tail, body, Some(("nobody", seed))).await.refused(403, "DEVICE_NOT_REGISTERED");
        call(&app, method, &key, tail, body, Some((&a, [8; 32]))).await.refused(401, "DEVICE_SIGNATURE_REJECTED");
        assert_eq!(call(&app, method, &key, tail, body, Some((&a, seed))).await.status, 200, "{method} {tail}");
    }
    let own = json!({"settings": {"theme": "dark"}, "hwid": a});
    assert_eq!(call(&app, "PUT", &key, "/settings", &own, Some((&a, seed))).await.status, 200);
    // Whatever the route, nobody gets through without a signature, in an envelope or without.
    for route in ROUTES.iter().filter(|route| route.auth == Auth::Project) {
        if let Some(tail) = route.path.strip_prefix("/v1/sdk/license/{key}") {
            let tail = tail.replace("{hwid}", &a);
            for query in [String::new(), format!("?hwid={a}")] {
                let body = json!({"hwid": a, "callerHwid": a, "targetHwid": "b", "amount": 1, "action": "x", "packId": "1",
                    "usages": [], "settings": {}, "deviceKey": proof::public_key(&[8; 32])});
                let reply = call(&app, route.method, &key, &format!("{tail}{query}"), &body, None).await;
                assert!((400..500).contains(&reply.status), "{}: {}", route.name, reply.text);
            }
        } else if route.path.starts_with("/v1/sdk/pro/license/") {
            let asked = json!({"key": key, "hwid": a, "type": "x"});
            let mut request = Request::builder().method("POST").uri(route.path).header("x-project-secret", SECRET);
            request = request.header("content-type", "application/json");
            let reply = app.send(request.body(letter(&a, &json!("n"), &asked).into()).unwrap()).await;
            assert!((400..500).contains(&reply.status), "{}: {}", route.name, reply.text);
        }
    }
}

#[tokio::test]
async fn a_signature_of_another_time_is_told_the_time() {
    let (app, key) = strict().await;
    let (a, seed) = (device('a'), [7; 32]);
    let now = app.clock.now().ms();
    let activation = json!({"hwid": a, "deviceKey": proof::public_key(&seed)});
    let five_minutes = 5 * 60 * 1_000;
    for off in [five_minutes + 1, -five_minutes - 1, 86_400_000 * 400] {
        let calls = [("POST", "/activate", &activation), ("GET", "/settings", &Value::Null)];
        for (method, tail, body) in calls {
            let reply = call_at(&app, method, &key, (tail, body), Some((&a, seed)), now + off).await;
            reply.refused(401, "DEVICE_SIGNATURE_REJECTED");
            assert_eq!(reply.body["details"], json!({"serverTimeMs": now}), "{tail}, {off} ms");
            let told = reply.body["details"]["serverTimeMs"].as_i64().unwrap();
            let again = call_at(&app, method, &key, (tail, body), Some((&a, seed)), told).await;
            assert_eq!(again.status, 200, "{}", again.text);
            // Nobody else learns anything from the time.
            let stranger = call_at(&app, method, &key, (tail, body), Some((&a, [8; 32])), now + off).await;
            stranger.refused(401, "DEVICE_SIGNATURE_REJECTED");
            assert_eq!(stranger.body.get("details"), None);
        }
    }
}

/// The gateway decodes a path on its way, so what is signed does not depend on how the path was spelled. What older clients sign, the path
/// as they sent it, is taken for one release.
#[tokio::test]
async fn a_signature_is_over_the_canonical_path_however_it_was_spelled() {
    let (app, key) = strict().await;
    let (hwid, seed) = ("ab/cd #50%? ü~!", [7; 32]);
    let body = json!({"hwid": hwid, "deviceKey": proof::public_key(&seed)});
    let get = async |spelled: &str, signed: &str| {
        let path = format!("/v1/sdk/license/{key}/settings?hwid=");
        let now = app.clock.now().ms();
        let signature = proof::sign(&seed, &proof::message("GET", &format!("{path}{signed}"), b"", now, "once"));
        let request = Request::builder().uri(format!("{path}{spelled}")).header("x-project-secret", SECRET);
        let request = request.header(proof::SIGNATURE_HEADER, signature).header(proof::TIME_HEADER, now);
        app.send(request.header(proof::NONCE_HEADER, "once").body(Bytes::new()).unwrap()).await
    };
    let activated = call(&app, "POST", &key, "/activate", &body, Some(("x", seed))).await;
    assert_eq!(activated.status, 200, "{}", activated.text);
    let canonical = "ab%2Fcd%20%2350%25%3F%20%C3%BC~%21";
    assert_eq!(get(canonical, canonical).await.status, 200);
    let spelled = "ab/cd+%2350%25%3f+%c3%bc%7e!";
    assert_eq!(get(spelled, canonical).await.status, 200);
    assert_eq!(get(spelled, spelled).await.status, 200, "as it was sent");
    get(canonical, "another").await.refused(401, "DEVICE_SIGNATURE_REJECTED");
}

#[tokio::test]
async fn a_removed_devices_key_keeps_its_name_from_others_until_the_vendor_frees_it() {
    let (app, key) = strict().await;
    let (a, b) = (device('a'), device('b'));
    let (own, other) = ([7; 32], [8; 32]);
    let remove_by_vendor = async || {
        let path = format!("/v1/admin/licenses/{key}/devices/{a}");
        assert_eq!(app.admin("DELETE", &path, Value::Null).await.status, 204);
    };
    assert_eq!(activate(&app, &key, &a, own).await.status, 200);
    assert_eq!(activate(&app, &key, &b, other).await.status, 200);
    // By itself, and by another device of the license.
    for by in [(a.as_str(), own), (b.as_str(), other)] {
        let removed = call(&app, "DELETE", &key, &format!("/devices/{a}"), &Value::Null, Some(by)).await;
        assert_eq!(removed.status, 204, "{}", removed.text);
        activate(&app, &key, &a, other).await.refused(403, "DEVICE_KEY_MISMATCH");
        let unsigned = json!({"hwid": a});
        call(&app, "POST", &key, "/activate", &unsigned, None).await.refused(401, "DEVICE_SIGNATURE_REJECTED");
        // Also where keys are accepted only.
        app.project_settings(json!({"security": {"deviceKeys": "accepted"}})).await;
        call(&app, "POST", &key, "/activate", &unsigned, None).await.refused(401, "DEVICE_SIGNATURE_REJECTED");
        app.project_settings(json!({"security": {"deviceKeys": "required"}})).await;
        assert_eq!(activate(&app, &key, &a, own).await.status, 200, "it comes back with its own");
    }
    // The vendor frees the name with the removal, and of a device that is removed already.
    remove_by_vendor().await;
    assert_eq!(activate(&app, &key, &a, other).await.status, 200);
    let itself = Some((a.as_str(), other));
    assert_eq!(call(&app, "DELETE", &key, &format!("/devices/{a}"), &Value::Null, itself).await.status, 204);
    activate(&app, &key, &a, own).await.refused(403, "DEVICE_KEY_MISMATCH");
    remove_by_vendor().await;
    assert_eq!(activate(&app, &key, &a, own).await.status, 200);
}

#[tokio::test]
async fn a_device_that_lost_its_key_is_told_so_and_comes_back_once_it_is_removed() {
    let (app, key) = strict().await;
    let (a, lost, new) = (device('a'), [7; 32], [8; 32]);
    assert_eq!(activate(&app, &key, &a, lost).await.status, 200);
    let refused = activate(&app, &key, &a, new).await;
    refused.refused(403, "DEVICE_KEY_MISMATCH");
    assert_eq!((&refused.body["retryable"], refused.body.get("details")), (&json!(false), None));
    // Only to who holds the key that it brings; and a key is not exchanged by its holder either.
    let brings = json!({"hwid": a, "deviceKey": proof::public_key(&new)});
    for by in [None, Some((a.as_str(), lost)), Some((a.as_str(), [9; 32]))] {
        call(&app, "POST", &key, "/activate", &brings, by).await.refused(401, "DEVICE_SIGNATURE_REJECTED");
    }
    let path = format!("/v1/admin/licenses/{key}/devices/{a}");
    assert_eq!(app.admin("DELETE", &path, Value::Null).await.status, 204);
    assert_eq!(activate(&app, &key, &a, new).await.status, 200);
    activate(&app, &key, &a, lost).await.refused(403, "DEVICE_KEY_MISMATCH");
}
