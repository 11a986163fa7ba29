//! Devices, versions, countries, states and settings of a license on the encrypted face.

use futures_util::future::join_all;
use serde_json::{Value, json};

use super::{GUID, data, remaining, use_of};
use crate::support::pro::{letter, sealed_request};
use crate::support::{L1, TestApp, device, send};

#[tokio::test]
async fn a32_a_device_speaks_for_itself_only() {
    let app = TestApp::new().await;
    let (a, b) = (device('a'), device('b'));
    let n = app.validated(L1, &a).await;
    let mixed = app.pro("heartbeat", &a, n.as_str(), data(L1, &b)).await;
    mixed.refused(400, "HWID_MISMATCH");
    assert!(mixed.reply.text_of("message").contains("HWID mismatch"));
    let release = json!({"targetHwid": a, "callerHwid": b, "claimSeat": true});
    let body = letter(&a, &json!(n), &release);
    app.pro_body(&format!("/v1/sdk/license/{L1}/release-seat"), body).await.refused(400, "HWID_MISMATCH");
    app.pro("heartbeat", &a, n, data(L1, &a)).await.nonce();
}

#[tokio::test]
async fn a34_a35_devices_register_as_on_the_plain_face() {
    let app = TestApp::new().await;
    for letter in ['a', 'b', 'c'] {
        app.validated(L1, &device(letter)).await;
    }
    let d = device('d');
    let refused = app.pro("validate", &d, GUID, data(L1, &d)).await;
    refused.refused(403, "DEVICE_LIMIT_REACHED");
    for words in ["activation limit", "already activated", "limit"] {
        assert!(refused.reply.text_of("message").contains(words));
    }
    let a = device('a');
    let first = app.pro("status", &a, GUID, data(L1, &a)).await;
    for index in 0..10 {
        let named = json!({"key": L1, "hwid": a, "nickname": format!("Name {index}")});
        app.pro("validate", &a, GUID, named).await.nonce();
    }
    let last = app.pro("status", &a, GUID, data(L1, &a)).await;
    let own = |answer: &crate::support::pro::Sealed| {
        let machines = answer.reply.body["machines"].as_array().unwrap().clone();
        (machines.len(), machines.into_iter().find(|machine| machine["hwid"] == json!(a)).unwrap())
    };
    let ((count, before), (_, after)) = (own(&first), own(&last));
    assert_eq!((count, &after["nickname"], &after["registeredAt"]), (3, &json!("Name 9"), &before["registeredAt"]));
}

#[tokio::test]
async fn a36_the_last_place_goes_to_one_device_here_too() {
    let app = TestApp::new().await;
    for round in 0..10 {
        let key = app.license("1", None).await;
        let hwid = |n: usize| format!("{round}-{n}");
        for n in 0..2 {
            app.validated(&key, &hwid(n)).await;
        }
        let hwids = [hwid(2), hwid(3)];
        let answers = join_all(hwids.iter().map(|hwid| app.pro("validate", hwid, GUID, data(&key, hwid)))).await;
        assert_eq!(answers.iter().filter(|answer| answer.reply.status == 200).count(), 1, "round {round}");
    }
}

#[tokio::test]
async fn a37_a38_a39_who_is_not_registered_is_told_and_only_validate_registers() {
    let app = TestApp::new().await;
    let (a, b) = (device('a'), device('b'));
    let n = app.validated(L1, &a).await;
    let path = format!("/v1/admin/licenses/{L1}/devices/{a}");
    assert_eq!(app.admin("DELETE", &path, Value::Null).await.status, 204);
    let beat = app.pro("heartbeat", &a, n, data(L1, &a)).await;
    assert_eq!(beat.reply.seat(), ("KICKED", "KICKED"));
    assert_eq!(beat.reply.body["kickedNotice"]["reason"], "device_removed");
    assert_eq!(beat.reply.body["machines"], json!([]));
    let n = beat.nonce();
    app.pro("consume", &a, n.as_str(), use_of(&a, 1, "x")).await.refused(403, "DEVICE_NOT_REGISTERED");
    let status = app.pro("status", &a, n.as_str(), data(L1, &a)).await;
    assert_eq!(status.reply.seat(), ("KICKED", "KICKED"));
    let again = app.pro("validate", &a, n.as_str(), data(L1, &a)).await;
    assert_eq!(again.reply.seat(), ("active", "OCCUPIED"));
    let stranger = app.pro("status", &b, GUID, data(L1, &b)).await;
    assert_eq!((stranger.reply.seat().0, stranger.reply.int_of("activeSeats")), ("KICKED", 1));
    assert_eq!(stranger.reply.body["machines"].as_array().unwrap().len(), 1, "the others are listed, it is not");
    // A refusal leaves the nonce as it was.
    let n = again.nonce();
    app.pro("consume", &a, n.as_str(), use_of(&a, 1_000, "x")).await.refused(403, "INSUFFICIENT_TOKENS");
    app.pro("heartbeat", &a, n, data(L1, &a)).await.nonce();
}

#[tokio::test]
async fn a40_a47_a_stopped_license_is_told_as_data() {
    let app = TestApp::new().await;
    let (a, b) = (device('a'), device('b'));
    let n = app.validated(L1, &a).await;
    app.set_state(L1, "suspended").await;
    let status = app.pro("status", &a, n, data(L1, &a)).await;
    assert_eq!(status.reply.seat(), ("suspended", "N/A"));
    let refused = app.pro("validate", &b, GUID, data(L1, &b)).await;
    refused.refused(403, "LICENSE_SUSPENDED");
    assert!(refused.reply.text_of("message").contains("suspended"));
    app.set_state(L1, "terminated").await;
    let beat = app.pro("heartbeat", &a, status.nonce(), data(L1, &a)).await;
    assert_eq!((beat.reply.seat().0, &beat.reply.body["machines"][0]["hwid"]), ("terminated", &json!(a)));
}

#[tokio::test]
async fn a41_a44_keys_unknown_missing_and_oddly_spelt() {
    let app = TestApp::new().await;
    let a = device('a');
    for key in ["NOPE", "TAMPERED"] {
        let unknown = app.pro("validate", &a, "TAMPERED", data(key, &a)).await;
        unknown.refused(404, "LICENSE_NOT_FOUND");
        assert!(unknown.reply.text_of("message").contains("Invalid license"));
        assert!(unknown.reply.text_of("message").contains("not found"));
    }
    for missing in [
        json!({"key": null, "hwid": a}),
        json!({"hwid": a}),
        json!({"key": "", "hwid": a}),
        json!({"key": 7, "hwid": a}),
    ] {
        for endpoint in ["validate", "status", "heartbeat", "consume", "settings/get", "events"] {
            let answer = app.pro(endpoint, &a, GUID, missing.clone()).await;
            answer.refused(400, "BAD_REQUEST");
        }
    }
    let odd = app.pro("validate", &a, GUID, data(" lic-0bec53c679bf012f ", &a)).await;
    assert_eq!(odd.reply.text_of("licenseKey"), L1);
}

#[tokio::test]
async fn a42_a43_versions_and_countries_hold_here_too() {
    let app = TestApp::new().await;
    let a = device('a');
    let over = json!({"overrides": {"versioning": {"enabled": true, "minVersion": "1.0.0", "maxVersion": "2.0"}}});
    app.admin("PATCH", &format!("/v1/admin/licenses/{L1}"), over).await;
    for (version, ok) in [("0.9.9", false), ("1.0", true), ("2.0.0", true), ("2.0.1", false), ("dev-build", false)] {
        for endpoint in ["validate", "status"] {
            let asked = json!({"key": L1, "hwid": a, "version": "9.9-PRO", "clientVersion": version});
            let answer = app.pro(endpoint, &a, GUID, asked).await;
            match ok {
                true => assert_eq!(answer.reply.status, 200),
                false => {
                    assert!(answer.refused(403, "VERSION_NOT_SUPPORTED").reply.text_of("message").contains("version"))
                }
            }
        }
    }
    let n = app.pro("validate", &a, GUID, json!({"key": L1, "hwid": a, "clientVersion": "1.5"})).await.nonce();
    app.pro("heartbeat", &a, n, data(L1, &a)).await.nonce();
    let over = json!({"overrides": {"versioning": null, "geofencing": {"enabled": true, "allowedCountries": ["DE"]}}});
    app.admin("PATCH", &format!("/v1/admin/licenses/{L1}"), over).await;
    for (endpoint, country, ok) in
        [("validate", "US", false), ("status", "US", false), ("heartbeat", "US", false), ("status", "de", true)]
    {
        let mut request =
            sealed_request(&format!("/v1/sdk/pro/license/{endpoint}"), letter(&a, &json!(GUID), &data(L1, &a)));
        request.headers_mut().insert("cloudfront-viewer-country", country.parse().unwrap());
        let answer = app.opened(send(&app.host, request).await);
        match (ok, endpoint) {
            (true, _) => assert_eq!(answer.reply.body["detectedCountry"], "DE"),
            // Its nonce is judged first.
            (false, "heartbeat") => drop(answer.refused(409, "NONCE_MISMATCH")),
            (false, _) => drop(answer.refused(403, "REGION_BLOCKED")),
        }
    }
}

#[tokio::test]
async fn a78_a79_a81_settings_travel_in_envelopes() {
    let app = TestApp::new().await;
    let (a, b) = (device('a'), device('b'));
    app.validated(L1, &a).await;
    let n = app.validated(L1, &b).await;
    let save = async |settings: Value| {
        app.pro("settings/save", &a, GUID, json!({"key": L1, "hwid": a, "settings": settings})).await
    };
    let settings = json!({"theme": "dark", "n": {"a": [1, null, true]}, "x": 0.9501, "path": "C:\\/tmp", "e": 1e300});
    assert_eq!(save(settings.clone()).await.reply.status, 200);
    let got = app.pro("settings/get", &b, GUID, data(L1, &b)).await;
    let mut expected = settings.clone();
    // Rounded on the way to what the existing client prints alike.
    expected["x"] = json!(0.950100000000001);
    assert_eq!(got.reply.body["settings"], expected);
    let beat = app.pro("heartbeat", &b, n, data(L1, &b)).await;
    assert_eq!(beat.reply.body["userSettings"], expected);
    // Stored as they were saved.
    assert_eq!(app.get(L1, "/settings").await.body["settings"], settings);
    let units = |units: usize| json!({"k": "漢".repeat(units - 8)});
    assert_eq!(save(units(65_536)).await.reply.status, 200);
    let large = save(units(65_537)).await;
    assert!(large.refused(413, "SETTINGS_TOO_LARGE").reply.text_of("message").contains("64KB"));
    let nested = |levels: usize| (1..levels).fold(json!({}), |inner, _| json!({ "n": inner }));
    assert_eq!(save(nested(32)).await.reply.status, 200);
    save(nested(33)).await.refused(400, "SETTINGS_REJECTED");
    save(json!({"$ref": 1})).await.refused(400, "SETTINGS_REJECTED");
    save(json!([1])).await.refused(400, "BAD_REQUEST");
    let d = device('d');
    app.pro("settings/get", &d, GUID, data(L1, &d)).await.refused(403, "DEVICE_NOT_REGISTERED");
}

#[tokio::test]
async fn a90_an_air_gapped_license_is_closed_to_both_faces() {
    let app = TestApp::new().await;
    let air = app.policy(local::demo::air()).await;
    let l3 = app.license(&air, None).await;
    let a = device('a');
    for endpoint in ["validate", "status", "heartbeat", "consume", "consume-batch"] {
        let asked = json!({"key": l3, "hwid": a, "amount": 1, "action": "x", "usages": []});
        app.pro(endpoint, &a, GUID, asked).await.refused(403, "OFFLINE_ACTIVATION_REQUIRED");
    }
}

#[tokio::test]
async fn a97_events_of_any_kind_are_taken_and_disturb_nothing() {
    let app = TestApp::new().await;
    let a = device('a');
    let n = app.validated(L1, &a).await;
    let event = json!({"key": L1, "type": "Whatever", "payload": {"deep": {"list": [1, {"x": null}]}}});
    let output = app.pro("events", &a, n.as_str(), event.clone()).await;
    assert_eq!(output.reply.body, json!({"success": true}));
    app.pro("heartbeat", &a, n, data(L1, &a)).await.nonce();
    let large = json!({"key": L1, "type": "x", "payload": {"t": "y".repeat(16_384)}});
    app.pro("events", &a, GUID, large).await.refused(400, "BAD_REQUEST");
    app.pro("events", &a, GUID, json!({"key": "NOPE", "type": "x"})).await.refused(404, "LICENSE_NOT_FOUND");
}

#[tokio::test]
async fn a_device_with_a_key_of_its_own_speaks_for_itself() {
    use ltlm_protocol::proof;
    let app = TestApp::new().await;
    app.project_settings(json!({"security": {"deviceKeys": "required"}})).await;
    let (a, seed) = (device('a'), [7; 32]);
    let now = shared::service::ports::Clock::now(app.clock.as_ref()).ms();
    let send_signed = async |endpoint: &str, nonce: &str, asked: Value, seed: [u8; 32]| {
        let path = format!("/v1/sdk/pro/license/{endpoint}");
        let mut request = sealed_request(&path, letter(&a, &json!(nonce), &asked));
        let message = proof::message("POST", &path, request.body(), now, nonce);
        request.headers_mut().insert(proof::SIGNATURE_HEADER, proof::sign(&seed, &message).parse().unwrap());
        request.headers_mut().insert(proof::TIME_HEADER, now.into());
        app.opened(send(&app.host, request).await)
    };
    app.pro("validate", &a, GUID, data(L1, &a)).await.refused(403, "DEVICE_KEY_REQUIRED");
    let with_key = json!({"key": L1, "hwid": a, "deviceKey": proof::public_key(&seed)});
    send_signed("validate", GUID, with_key.clone(), [8; 32]).await.refused(401, "DEVICE_SIGNATURE_REJECTED");
    let n = send_signed("validate", GUID, with_key, seed).await.nonce();
    let n = send_signed("heartbeat", &n, data(L1, &a), seed).await.nonce();
    app.pro("heartbeat", &a, n.as_str(), data(L1, &a)).await.refused(401, "DEVICE_SIGNATURE_REJECTED");
    send_signed("heartbeat", &n, data(L1, &a), [8; 32]).await.refused(401, "DEVICE_SIGNATURE_REJECTED");
    // The plain face asks for the same.
    app.beat(L1, &a).await.refused(401, "DEVICE_SIGNATURE_REJECTED");
    let mut request = crate::support::post_request(L1, "heartbeat", &json!({"hwid": a}));
    let message = proof::message("POST", &format!("/v1/sdk/license/{L1}/heartbeat"), request.body(), now, "once");
    request.headers_mut().insert(proof::SIGNATURE_HEADER, proof::sign(&seed, &message).parse().unwrap());
    request.headers_mut().insert(proof::TIME_HEADER, now.into());
    request.headers_mut().insert(proof::NONCE_HEADER, "once".parse().unwrap());
    assert_eq!(app.send(request).await.seat(), ("active", "OCCUPIED"));
    let other = json!({"key": L1, "hwid": a, "deviceKey": proof::public_key(&[8; 32])});
    send_signed("validate", &n, other, seed).await.refused(401, "DEVICE_SIGNATURE_REJECTED");
}

#[tokio::test]
async fn a45_a46_a48_a49_a_license_over_time() {
    let app = TestApp::new().await;
    let (a, b) = (device('a'), device('b'));
    let key = app.license("1", None).await;
    let mut n = app.validated(&key, &a).await;
    let interval = app.pro("status", &a, GUID, data(&key, &a)).await.reply.int_of("heartbeatIntervalSeconds");
    let mut beat_after_days = async |days: i64| {
        app.clock.advance_seconds(days * 86_400);
        let beat = app.pro("heartbeat", &a, n.as_str(), data(&key, &a)).await;
        n = beat.nonce();
        assert_eq!(beat.reply.int_of("heartbeatIntervalSeconds"), interval);
        beat
    };
    assert_eq!(beat_after_days(31).await.reply.seat(), ("grace_period", "OCCUPIED"));
    let ended = beat_after_days(7).await;
    assert_eq!((ended.reply.seat(), &ended.reply.body["kickedNotice"]), (("expired", "N/A"), &Value::Null));
    let other = app.pro("validate", &b, GUID, data(&key, &b)).await;
    assert_eq!((other.reply.seat().0, other.reply.int_of("activeSeats")), ("expired", 0));

    let perp = app.policy(local::demo::perp()).await;
    let l2 = app.license(&perp, None).await;
    let output = app.pro("validate", &a, GUID, data(&l2, &a)).await.reply.body;
    assert_eq!((&output["validUntil"], &output["policy"]["type"]), (&Value::Null, &json!("perpetual")));
    assert_ne!(output["config"]["limits"]["time"]["mode"], "duration");
    let mut terms = local::demo::sub();
    terms["config"]["sdkEnforcement"] =
        json!({"heartbeat": {"interval": 10}, "offlineGracePeriod": {"enabled": false}});
    let policy = app.policy(terms).await;
    let key = app.license(&policy, None).await;
    let output = app.pro("validate", &a, GUID, data(&key, &a)).await.reply;
    assert_eq!((output.int_of("heartbeatIntervalSeconds"), output.int_of("offlineGraceHours")), (600, 0));
    assert_eq!(output.body["offlineEnabled"], false);
}

#[tokio::test]
async fn a102_a103_a_removed_device_is_told_and_one_failure_is_forgotten() {
    let app = TestApp::new().await;
    let a = device('a');
    let n = app.validated(L1, &a).await;
    app.host.app.table.stop_after(Some(0));
    let failed = app.pro("heartbeat", &a, n.as_str(), data(L1, &a)).await;
    app.host.app.table.stop_after(None);
    assert_eq!(failed.reply.status, 500);
    let beat = app.pro("heartbeat", &a, n, data(L1, &a)).await;
    assert_eq!((beat.reply.seat().0, beat.reply.int_of("offlineGraceHours")), ("active", 72));
    app.admin("DELETE", &format!("/v1/admin/licenses/{L1}/devices/{a}"), Value::Null).await;
    let output = app.pro("heartbeat", &a, beat.nonce(), data(L1, &a)).await;
    assert_eq!((output.reply.seat().0, &output.reply.body["machines"]), ("KICKED", &json!([])));
}

#[tokio::test]
async fn a_capability_and_its_tokens_are_checked_in_an_envelope_as_on_the_plain_face() {
    let app = TestApp::new().await;
    let over = json!({"overrides": {"sdkEnforcement": {"mode": "pro_only"}, "features": {"export": "true"}}});
    app.admin("PATCH", &format!("/v1/admin/licenses/{L1}"), over).await;
    let a = device('a');
    app.validated(L1, &a).await;
    let ask = |more: Value| {
        let mut data = data(L1, &a);
        data.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        data
    };
    // An application that may use the encrypted face alone has no other way to ask.
    let plain = app.get(L1, &format!("/entitlement?hwid={a}")).await;
    assert_eq!(plain.text_of("reason"), "PRO_SDK_REQUIRED");
    for (more, allowed, reason) in [
        (json!({}), true, Value::Null),
        (json!({"capability": "export", "tokens": 100}), true, Value::Null),
        (json!({"capability": "export", "tokens": 101}), false, json!("INSUFFICIENT_TOKENS")),
        (json!({"capability": "print"}), false, json!("CAPABILITY_MISSING")),
    ] {
        let asked = app.pro("entitlement", &a, "", ask(more.clone())).await;
        assert_eq!((asked.reply.status, &asked.reply.body["allowed"]), (200, &json!(allowed)), "{more}");
        assert_eq!(asked.reply.body["reason"], reason, "{more}");
        assert_eq!(asked.reply.body["tokensRemaining"], 100);
    }
    app.pro("entitlement", &a, "", ask(json!({"tokens": -1}))).await.refused(400, "BAD_REQUEST");
    // Nothing was charged, and a stranger is told so as data.
    assert_eq!(remaining(&app).await, 100);
    let b = device('b');
    let stranger = app.pro("entitlement", &b, "", data(L1, &b)).await;
    assert_eq!(stranger.reply.body["reason"], "DEVICE_NOT_REGISTERED");
}
