//! Devices: places, removal, versions, countries, states of the license.

use bytes::Bytes;
use http::Request;

use super::{hwids, two_seated_one_waiting};
use crate::support::{L1, SECRET, TestApp, device};
use local::demo;
use serde_json::{Value, json};

#[tokio::test]
async fn a34_the_fourth_device_is_refused_with_the_words_clients_look_for() {
    let app = TestApp::new().await;
    for letter in ['a', 'b', 'c'] {
        assert_eq!(app.activate(L1, &device(letter)).await.status, 200);
    }
    let refused = app.activate(L1, &device('d')).await;
    refused.refused(403, "DEVICE_LIMIT_REACHED");
    for words in ["activation limit", "already activated", "limit"] {
        assert!(refused.text_of("message").contains(words));
    }
    assert_eq!(hwids(&app.beat(L1, &device('a')).await).len(), 3);
}

#[tokio::test]
async fn a35_a_known_device_takes_no_second_place() {
    let app = TestApp::new().await;
    let first = app.activate(L1, &device('a')).await;
    let registered = first.body["machines"][0]["registeredAt"].clone();
    for round in 0..10 {
        app.clock.advance_seconds(1);
        let again = app.post(L1, "activate", json!({"hwid": device('a'), "nickname": format!("Name {round}")})).await;
        assert_eq!(hwids(&again).len(), 1);
        assert_eq!(again.body["machines"][0]["nickname"], format!("Name {round}"));
        assert_eq!(again.body["machines"][0]["registeredAt"], registered);
    }
}

#[tokio::test]
async fn a39_an_unregistered_device_is_told_and_takes_no_seat() {
    let app = TestApp::new().await;
    app.activate(L1, &device('a')).await;
    let beat = app.beat(L1, &device('b')).await;
    assert_eq!(beat.seat(), ("KICKED", "KICKED"));
    assert_eq!(beat.body["kickedNotice"]["reason"], "device_not_registered");
    assert_eq!((hwids(&beat), beat.int_of("activeSeats")), (vec![device('a').as_str()], 1));
    let closing = app.post(L1, "heartbeat", json!({"hwid": device('b'), "isClosing": true})).await;
    assert_eq!((closing.status, &closing.body["kickedNotice"]), (200, &Value::Null));
    let signout = app.post(L1, "signout", json!({"hwid": device('b')})).await;
    assert_eq!((signout.status, &signout.body["success"]), (200, &json!(true)));
    app.consume(L1, &device('b'), 1, "x").await.refused(403, "DEVICE_NOT_REGISTERED");
}

#[tokio::test]
async fn a40_a_suspended_license_refuses_new_devices_only() {
    let app = TestApp::new().await;
    app.activate(L1, &device('a')).await;
    app.set_state(L1, "suspended").await;
    assert_eq!(app.activate(L1, &device('a')).await.seat(), ("suspended", "N/A"));
    let refused = app.activate(L1, &device('b')).await;
    assert!(refused.refused(403, "LICENSE_SUSPENDED").text_of("message").contains("suspended"));
    assert_eq!(hwids(&app.beat(L1, &device('a')).await), [device('a')]);
}

#[tokio::test]
async fn a41_an_unknown_key_and_a_foreign_one_get_the_same_answer() {
    let app = TestApp::new().await;
    let foreign = foreign_license(&app).await;
    let unknown = app.activate("NOPE", &device('a')).await;
    assert!(unknown.refused(404, "LICENSE_NOT_FOUND").text_of("message").contains("Invalid license"));
    let foreign = app.activate(&foreign, &device('a')).await;
    assert_eq!((foreign.status, &foreign.text), (unknown.status, &unknown.text));
    assert_eq!(foreign.spent.round_trips, unknown.spent.round_trips);
    assert_eq!((foreign.spent.write_units, unknown.spent.write_units), (1.0, 1.0), "both are counted as tries");
}

/// A license of another project on the same table.
async fn foreign_license(app: &TestApp) -> String {
    let project = app.admin("POST", "/v1/admin/projects", json!({"name": "P2"})).await;
    let path = format!("/v1/admin/projects/{}", project.text_of("projectId"));
    let policy = app.admin("POST", &format!("{path}/policies"), demo::sub()).await;
    let body = json!({"policyId": policy.int_of("PolicyID")});
    let issued = app.admin("POST", &format!("{path}/licenses"), body).await;
    issued.body["licenses"][0]["licenseKey"].as_str().unwrap().to_owned()
}

#[tokio::test]
async fn a44_a_key_is_known_in_any_spelling() {
    let app = TestApp::new().await;
    let reply = app.activate("%20lic-0bec53c679bf012f%20", &device('a')).await;
    assert_eq!(reply.text_of("licenseKey"), L1);
}

#[tokio::test]
async fn a42_a43_versions_and_countries_are_gated() {
    let app = TestApp::new().await;
    let mut terms = demo::sub();
    terms["config"]["versioning"] = json!({"enabled": true, "minVersion": "1.0.0", "maxVersion": "2.0"});
    terms["config"]["geofencing"] =
        json!({"enabled": true, "allowedCountries": ["de", "FR"], "blockedCountries": ["KP"]});
    let policy = app.policy(terms).await;
    let key = app.license(&policy, None).await;
    let call = async |version: &str, country: Option<&str>| {
        let body = json!({"hwid": device('a'), "clientVersion": version});
        let mut request = crate::support::post_request(&key, "activate", &body);
        if let Some(country) = country {
            request.headers_mut().insert("cloudfront-viewer-country", country.parse().unwrap());
        }
        app.send(request).await
    };
    assert!(call("0.9.9", None).await.refused(403, "VERSION_NOT_SUPPORTED").text_of("message").contains("version"));
    assert_eq!(call("1.0", None).await.status, 200);
    assert_eq!(call("2.0.0", None).await.body["detectedCountry"], Value::Null);
    call("2.0.1", None).await.refused(403, "VERSION_NOT_SUPPORTED");
    call("dev-build", None).await.refused(403, "VERSION_NOT_SUPPORTED");
    call("1.0", Some("KP")).await.refused(403, "REGION_BLOCKED");
    call("1.0", Some("US")).await.refused(403, "REGION_BLOCKED");
    assert_eq!(call("1.0", Some("de")).await.text_of("detectedCountry"), "DE");
    assert_eq!(app.beat(&key, &device('a')).await.status, 200);
}

#[tokio::test]
async fn a46_a62_a73_a_perpetual_license_without_seats_and_tokens() {
    let app = TestApp::new().await;
    let policy = app.policy(demo::perp()).await;
    let key = app.license(&policy, None).await;
    let reply = app.activate(&key, &device('a')).await;
    assert_eq!(reply.seat(), ("active", "N/A"));
    assert_eq!(reply.body["validUntil"], Value::Null);
    assert_eq!(reply.body["policy"]["type"], "perpetual");
    assert_ne!(reply.body["config"]["limits"]["time"]["mode"], "duration");
    assert_eq!((&reply.body["seatsEnabled"], &reply.body["maxConcurrentSeats"]), (&json!(false), &Value::Null));
    assert_eq!((&reply.body["tokensEnabled"], &reply.body["tokensRemaining"]), (&json!(false), &Value::Null));
    let seats = app.get(&key, "/seats").await;
    assert_eq!(seats.body, json!({"seats": [], "activeSeats": 0, "maxSeats": 0, "canReleaseSeat": false}));
    app.consume(&key, &device('a'), 1, "x").await.refused(403, "TOKENS_DISABLED");
    app.clock.advance_seconds(86_400 * 10_000);
    assert_eq!(app.beat(&key, &device('a')).await.seat(), ("active", "N/A"));
}

#[tokio::test]
async fn a96_looking_changes_nothing() {
    let app = TestApp::new().await;
    app.activate(L1, &device('a')).await;
    for query in ["", &format!("?hwid={}", device('b')), &format!("?hwid={}", device('a'))] {
        let reply = app.get(L1, query).await;
        assert_eq!((reply.status, reply.int_of("activeSeats"), reply.spent.write_units), (200, 1, 0.0));
    }
    let stranger = app.get(L1, &format!("?hwid={}", device('b'))).await;
    assert_eq!(stranger.seat(), ("active", "N/A"));
}

#[tokio::test]
async fn a90_pro_only_and_air_gapped_licenses_are_closed_to_the_plain_face() {
    let app = TestApp::new().await;
    let air = app.policy(demo::air()).await;
    let air = app.license(&air, None).await;
    let mut terms = demo::sub();
    terms["config"]["sdkEnforcement"]["mode"] = json!("sdk_only");
    let pro = app.policy(terms).await;
    let pro = app.license(&pro, None).await;
    for (key, code) in [(&air, "OFFLINE_ACTIVATION_REQUIRED"), (&pro, "PRO_SDK_REQUIRED")] {
        app.activate(key, &device('a')).await.refused(403, code);
        app.beat(key, &device('a')).await.refused(403, code);
        app.consume(key, &device('a'), 1, "x").await.refused(403, code);
        app.post(key, "signout", json!({"hwid": "a"})).await.refused(403, code);
        app.get(key, "").await.refused(403, code);
        app.get(key, "/usage").await.refused(403, code);
        assert_eq!(app.get(key, "/seats").await.status, 200);
        assert_eq!(app.admin("GET", &format!("/v1/admin/licenses/{key}"), Value::Null).await.status, 200);
    }
}

#[tokio::test]
async fn a16_a18_every_answer_is_readable_by_the_old_client() {
    let app = TestApp::new().await;
    let key = app.license_with(json!({"tokens": {"enabled": true, "maxTokens": 3_000_000_000_i64}})).await;
    let reply = app.activate(&key, &device('a')).await;
    assert_eq!((reply.int_of("tokensLimit"), reply.int_of("tokensRemaining")), (2_147_483_647, 2_147_483_647));
    for name in [
        "LicenseID",
        "ProjectID",
        "licenseKey",
        "status",
        "seatStatus",
        "machines",
        "policy",
        "customer",
        "config",
        "userSettings",
        "seatsEnabled",
        "tokensEnabled",
        "offlineEnabled",
        "offlineGraceHours",
    ] {
        assert!(!reply.body[name].is_null(), "{name}");
    }
    assert!(reply.body["policy"]["topUpOptions"].is_array());
    assert!(reply.body["customer"]["metadata"].as_object().unwrap().contains_key("name"));
    assert!(reply.body["config"]["projectSettings"].is_object());
    assert_eq!(reply.body["config"]["limits"]["devices"]["hwidReqiured"], true);
    fn only_small_integers(value: &Value, path: &str) {
        match value {
            Value::Number(n) => assert!(n.as_i64().is_none_or(|n| i32::try_from(n).is_ok()), "{path}: {n}"),
            Value::Array(list) => list.iter().for_each(|inner| only_small_integers(inner, path)),
            Value::Object(object) => {
                object.iter().for_each(|(name, inner)| only_small_integers(inner, &format!("{path}.{name}")))
            }
            _ => {}
        }
    }
    only_small_integers(&reply.body, "");
}

#[tokio::test]
async fn a_policy_made_later_is_seen_at_once_by_a_warm_process() {
    let app = TestApp::new().await;
    let warm = app.another_process().await;
    let beat = crate::support::post_request(L1, "activate", &json!({"hwid": device('a')}));
    assert_eq!(crate::support::send(&warm, beat).await.status, 200);
    let policy = app.policy(demo::perp()).await;
    let key = app.license(&policy, None).await;
    let request = crate::support::post_request(&key, "activate", &json!({"hwid": device('a')}));
    let reply = crate::support::send(&warm, request).await;
    assert_eq!(reply.body["policy"]["type"], "perpetual");
}

#[tokio::test]
async fn a07_a08_secrets_are_checked_in_any_spelling() {
    let app = TestApp::new().await;
    let with = async |secret: Option<&str>| {
        let mut request = crate::support::post_request(L1, "activate", &json!({"hwid": device('a')}));
        match secret {
            Some(secret) => request.headers_mut().insert("x-project-secret", secret.parse().unwrap()),
            None => request.headers_mut().remove("x-project-secret"),
        };
        app.send(request).await
    };
    for secret in [None, Some(""), Some("abc"), Some(&*"0".repeat(64))] {
        with(secret).await.refused(401, "UNAUTHORIZED_PROJECT");
    }
    let dashed = "00010203-04050607-08090A0B-0C0D0E0F-10111213-14151617-18191A1B-1C1D1E1F ";
    assert_eq!(with(Some(dashed)).await.status, 200);
}

#[tokio::test]
async fn a_final_state_stays() {
    let app = TestApp::new().await;
    app.activate(L1, &device('a')).await;
    assert_eq!(app.set_state(L1, "revoked").await.status, 200);
    assert_eq!(app.set_state(L1, "revoked").await.status, 200);
    app.set_state(L1, "active").await.refused(409, "STATE_FINAL");
    app.consume(L1, &device('a'), 1, "x").await.refused(403, "LICENSE_REVOKED");
    let beat = app.beat(L1, &device('a')).await;
    assert_eq!((beat.seat(), hwids(&beat)), (("revoked", "N/A"), vec![device('a').as_str()]));
}

#[tokio::test]
async fn a37_a38_a_removed_device_is_told_and_may_come_back_if_there_is_a_place() {
    let app = two_seated_one_waiting().await;
    let path = format!("/v1/admin/licenses/{L1}/devices/{}", device('a'));
    for _ in 0..2 {
        assert_eq!(app.admin("DELETE", &path, Value::Null).await.status, 204);
    }
    let result = app.beat(L1, &device('a')).await;
    assert_eq!(
        (result.seat(), &result.body["kickedNotice"]["reason"]),
        (("KICKED", "KICKED"), &json!("device_removed"))
    );
    assert!(!hwids(&result).contains(&device('a').as_str()));
    assert_eq!(result.int_of("activeSeats"), 1);
    app.consume(L1, &device('a'), 1, "x").await.refused(403, "DEVICE_NOT_REGISTERED");
    // Its place is free for another, and then for itself no more.
    assert_eq!(app.activate(L1, &device('d')).await.status, 200);
    app.activate(L1, &device('a')).await.refused(403, "DEVICE_LIMIT_REACHED");
    app.admin("DELETE", &format!("/v1/admin/licenses/{L1}/devices/{}", device('d')), Value::Null).await;
    let back = app.activate(L1, &device('a')).await;
    assert_eq!((back.seat(), hwids(&back).len()), (("active", "OCCUPIED"), 3));
}

#[tokio::test]
async fn a_thousand_licenses_are_issued_once_even_if_the_process_is_killed_on_the_way() {
    let app = TestApp::new().await;
    let path = format!("/v1/admin/projects/{}/licenses", app.project_id);
    let body = json!({"policyId": "1", "count": 1_000, "operationId": "thousand"});
    app.host.app.table.stop_after(Some(40));
    assert_eq!(app.admin("POST", &path, body.clone()).await.status, 500);
    app.host.app.table.stop_after(None);
    let issued = app.admin("POST", &path, body.clone()).await;
    assert_eq!(issued.status, 201, "{}", issued.text);
    let of = |name: &str| -> std::collections::BTreeSet<String> {
        issued.body["licenses"].as_array().unwrap().iter().map(|license| license[name].to_string()).collect()
    };
    assert_eq!((of("licenseKey").len(), of("LicenseID").len()), (1_000, 1_000));
    let again = app.admin("POST", &path, body).await;
    assert_eq!((again.status, again.body == issued.body), (201, true));
    let key = issued.body["licenses"][999]["licenseKey"].as_str().unwrap();
    assert_eq!(app.activate(key, &device('a')).await.seat(), ("active", "OCCUPIED"));
}

#[tokio::test]
async fn customers_remove_devices_where_they_may() {
    let app = TestApp::new().await;
    let remove = async |key: &str, target: &str, caller: &str| {
        let request = Request::builder()
            .method("DELETE")
            .uri(format!("/v1/sdk/license/{key}/devices/{target}?hwid={caller}"))
            .header("x-project-secret", SECRET);
        app.send(request.body(Bytes::new()).unwrap()).await
    };
    app.activate(L1, &device('a')).await;
    remove(L1, &device('a'), &device('a')).await.refused(403, "DEVICE_RELEASE_NOT_ALLOWED");
    let key = {
        let mut terms = local::demo::sub();
        terms["config"]["customerActions"]["allowHardwareRelease"] = json!(true);
        let policy = app.policy(terms).await;
        app.license(&policy, None).await
    };
    for letter in ['a', 'b'] {
        app.activate(&key, &device(letter)).await;
    }
    remove(&key, &device('b'), &device('c')).await.refused(403, "DEVICE_NOT_REGISTERED");
    remove(&key, "desk-b", &device('a')).await.refused(403, "DEVICE_NOT_REGISTERED");
    for _ in 0..2 {
        assert_eq!(remove(&key, &device('b'), &device('a')).await.status, 204);
    }
    let by_vendor =
        async |hwid: &str| app.admin("DELETE", &format!("/v1/admin/licenses/{key}/devices/{hwid}"), Value::Null).await;
    by_vendor("desk-b").await.refused(403, "DEVICE_NOT_REGISTERED");
    assert_eq!(by_vendor(&device('b')).await.status, 204, "removed already");
    let result = app.beat(&key, &device('b')).await;
    assert_eq!((result.seat().1, &result.body["kickedNotice"]["reason"]), ("KICKED", &json!("device_removed")));
    assert_eq!(app.get(&key, "/seats").await.int_of("activeSeats"), 1);
    for _ in 0..2 {
        assert_eq!(remove(&key, &device('a'), &device('a')).await.status, 204, "itself, and again after a lost reply");
    }
    assert_eq!(app.get(&key, "").await.body["machines"], json!([]));
    assert_eq!(app.activate(&key, &device('a')).await.seat(), ("active", "OCCUPIED"));
}

#[tokio::test]
async fn the_last_country_is_kept_for_the_vendor() {
    let app = TestApp::new().await;
    let from = async |route: &str, country: &str| {
        let mut request = crate::support::post_request(L1, route, &json!({"hwid": device('a')}));
        request.headers_mut().insert("cloudfront-viewer-country", country.parse().unwrap());
        app.send(request).await
    };
    let last = async || app.get(L1, "").await.body["customer"]["lastDetectedCountry"].clone();
    assert_eq!(last().await, Value::Null);
    from("activate", "de").await;
    assert_eq!(last().await, "DE");
    assert_eq!(from("heartbeat", "de").await.spent.write_units, 1.0, "written only when it changes");
    from("heartbeat", "FR").await;
    assert_eq!(last().await, "FR");
    from("activate", "IT").await;
    assert_eq!(last().await, "IT");
    app.beat(L1, &device('a')).await;
    assert_eq!(last().await, "IT", "an unknown country changes nothing");
}
