//! Stories over days, with the clock moved by hand. Names begin with the contract's case, where it has one.

use bytes::Bytes;
use http::Request;

use crate::support::{L1, SECRET, World, device};
use local::demo;
use serde_json::{Value, json};

fn hwids(reply: &crate::support::Reply) -> Vec<&str> {
    reply.body["machines"].as_array().unwrap().iter().map(|machine| machine["hwid"].as_str().unwrap()).collect()
}

#[tokio::test]
async fn a_week_with_a_license() {
    let world = World::new().await;
    let (a, b, c) = (device('a'), device('b'), device('c'));

    // Monday: two devices work, a third waits.
    assert_eq!(world.activate(L1, &a).await.seat(), ("active", "OCCUPIED"));
    assert_eq!(world.activate(L1, &b).await.seat(), ("active", "OCCUPIED"));
    let third = world.activate(L1, &c).await;
    assert_eq!(third.seat(), ("VALID_NO_SEAT", "NO_SEAT"));
    assert_eq!(hwids(&third).len(), 3);
    assert_eq!(world.consume(L1, &a, 5, "monday").await.int_of("tokensRemaining"), 95);

    // A closes, C's next heartbeat takes the seat by itself, and A's loop that runs on does not take it back.
    let closing = world.post(L1, "heartbeat", json!({"hwid": a, "isClosing": true})).await;
    assert_eq!((closing.seat(), closing.int_of("activeSeats")), (("VALID_NO_SEAT", "RELEASED"), 1));
    assert_eq!(world.beat(L1, &c).await.seat(), ("active", "OCCUPIED"));
    assert_eq!(world.beat(L1, &a).await.seat(), ("VALID_NO_SEAT", "RELEASED"));

    // Tuesday: everybody was away over night, so the first ones back sit down.
    world.clock.advance_seconds(86_400);
    assert_eq!(world.activate(L1, &a).await.seat(), ("active", "OCCUPIED"));
    assert_eq!(world.beat(L1, &b).await.seat(), ("active", "OCCUPIED"));
    assert_eq!(world.beat(L1, &c).await.seat(), ("VALID_NO_SEAT", "NO_SEAT"));

    // Suspended and resumed by the vendor: told as data to who beats, as an error to who spends.
    assert_eq!(world.set_state(L1, "suspended").await.text_of("status"), "suspended");
    let beat = world.beat(L1, &a).await;
    assert_eq!(
        (beat.seat(), beat.int_of("activeSeats"), &beat.body["kickedNotice"]),
        (("suspended", "N/A"), 0, &Value::Null)
    );
    world.consume(L1, &a, 1, "suspended").await.refused(403, "LICENSE_SUSPENDED");
    assert_eq!(world.set_state(L1, "active").await.status, 200);
    assert_eq!(world.beat(L1, &a).await.seat(), ("active", "OCCUPIED"));

    // Past the end: grace, then expired; the ledger still adds up.
    world.clock.advance_seconds(30 * 86_400);
    assert_eq!(world.beat(L1, &a).await.seat(), ("grace_period", "OCCUPIED"));
    assert_eq!(world.consume(L1, &a, 5, "grace").await.int_of("tokensRemaining"), 90);
    world.clock.advance_seconds(7 * 86_400);
    assert_eq!(world.beat(L1, &a).await.seat(), ("expired", "N/A"));
    world.consume(L1, &a, 1, "late").await.refused(403, "LICENSE_EXPIRED");
    assert_eq!(world.consume(L1, &a, 5, "grace").await.body["replayed"], true);
    assert_eq!(world.audit(L1).await, 10);
}

#[tokio::test]
async fn a34_the_fourth_device_is_refused_with_the_words_clients_look_for() {
    let world = World::new().await;
    for letter in ['a', 'b', 'c'] {
        assert_eq!(world.activate(L1, &device(letter)).await.status, 200);
    }
    let refused = world.activate(L1, &device('d')).await;
    refused.refused(403, "DEVICE_LIMIT_REACHED");
    for words in ["activation limit", "already activated", "limit"] {
        assert!(refused.text_of("message").contains(words));
    }
    assert_eq!(hwids(&world.beat(L1, &device('a')).await).len(), 3);
}

#[tokio::test]
async fn a35_a_known_device_takes_no_second_place() {
    let world = World::new().await;
    let first = world.activate(L1, &device('a')).await;
    let registered = first.body["machines"][0]["registeredAt"].clone();
    for round in 0..10 {
        world.clock.advance_seconds(1);
        let again = world.post(L1, "activate", json!({"hwid": device('a'), "nickname": format!("Name {round}")})).await;
        assert_eq!(hwids(&again).len(), 1);
        assert_eq!(again.body["machines"][0]["nickname"], format!("Name {round}"));
        assert_eq!(again.body["machines"][0]["registeredAt"], registered);
    }
}

#[tokio::test]
async fn a39_an_unregistered_device_is_told_and_takes_no_seat() {
    let world = World::new().await;
    world.activate(L1, &device('a')).await;
    let beat = world.beat(L1, &device('b')).await;
    assert_eq!(beat.seat(), ("KICKED", "KICKED"));
    assert_eq!(beat.body["kickedNotice"]["reason"], "device_not_registered");
    assert_eq!((hwids(&beat), beat.int_of("activeSeats")), (vec![device('a').as_str()], 1));
    let closing = world.post(L1, "heartbeat", json!({"hwid": device('b'), "isClosing": true})).await;
    assert_eq!((closing.status, &closing.body["kickedNotice"]), (200, &Value::Null));
    let signout = world.post(L1, "signout", json!({"hwid": device('b')})).await;
    assert_eq!((signout.status, &signout.body["success"]), (200, &json!(true)));
    world.consume(L1, &device('b'), 1, "x").await.refused(403, "DEVICE_NOT_REGISTERED");
}

#[tokio::test]
async fn a40_a_suspended_license_refuses_new_devices_only() {
    let world = World::new().await;
    world.activate(L1, &device('a')).await;
    world.set_state(L1, "suspended").await;
    assert_eq!(world.activate(L1, &device('a')).await.seat(), ("suspended", "N/A"));
    let refused = world.activate(L1, &device('b')).await;
    assert!(refused.refused(403, "LICENSE_SUSPENDED").text_of("message").contains("suspended"));
    assert_eq!(hwids(&world.beat(L1, &device('a')).await), [device('a')]);
}

#[tokio::test]
async fn a41_an_unknown_key_and_a_foreign_one_get_the_same_answer() {
    let world = World::new().await;
    let foreign = foreign_license(&world).await;
    let unknown = world.activate("NOPE", &device('a')).await;
    assert!(unknown.refused(404, "LICENSE_NOT_FOUND").text_of("message").contains("Invalid license"));
    let foreign = world.activate(&foreign, &device('a')).await;
    assert_eq!((foreign.status, &foreign.text), (unknown.status, &unknown.text));
    assert_eq!(foreign.spent.round_trips, unknown.spent.round_trips);
    assert_eq!((foreign.spent.write_units, unknown.spent.write_units), (1.0, 1.0), "both are counted as tries");
}

/// A license of another project on the same table.
async fn foreign_license(world: &World) -> String {
    let project = world.admin("POST", "/v1/admin/projects", json!({"name": "P2"})).await;
    let path = format!("/v1/admin/projects/{}", project.text_of("projectId"));
    let policy = world.admin("POST", &format!("{path}/policies"), demo::sub()).await;
    let body = json!({"policyId": policy.int_of("PolicyID")});
    let issued = world.admin("POST", &format!("{path}/licenses"), body).await;
    issued.body["licenses"][0]["licenseKey"].as_str().unwrap().to_owned()
}

#[tokio::test]
async fn a44_a_key_is_known_in_any_spelling() {
    let world = World::new().await;
    let reply = world.activate("%20lic-0bec53c679bf012f%20", &device('a')).await;
    assert_eq!(reply.text_of("licenseKey"), L1);
}

#[tokio::test]
async fn a42_a43_versions_and_countries_are_gated() {
    let world = World::new().await;
    let mut terms = demo::sub();
    terms["config"]["versioning"] = json!({"enabled": true, "minVersion": "1.0.0", "maxVersion": "2.0"});
    terms["config"]["geofencing"] =
        json!({"enabled": true, "allowedCountries": ["de", "FR"], "blockedCountries": ["KP"]});
    let policy = world.policy(terms).await;
    let key = world.license(&policy, None).await;
    let call = async |version: &str, country: Option<&str>| {
        let body = json!({"hwid": device('a'), "clientVersion": version});
        let mut request = crate::support::post_request(&key, "activate", &body);
        if let Some(country) = country {
            request.headers_mut().insert("cloudfront-viewer-country", country.parse().unwrap());
        }
        world.send(request).await
    };
    assert!(call("0.9.9", None).await.refused(403, "VERSION_NOT_SUPPORTED").text_of("message").contains("version"));
    assert_eq!(call("1.0", None).await.status, 200);
    assert_eq!(call("2.0.0", None).await.body["detectedCountry"], Value::Null);
    call("2.0.1", None).await.refused(403, "VERSION_NOT_SUPPORTED");
    call("dev-build", None).await.refused(403, "VERSION_NOT_SUPPORTED");
    call("1.0", Some("KP")).await.refused(403, "REGION_BLOCKED");
    call("1.0", Some("US")).await.refused(403, "REGION_BLOCKED");
    assert_eq!(call("1.0", Some("de")).await.text_of("detectedCountry"), "DE");
    assert_eq!(world.beat(&key, &device('a')).await.status, 200);
}

#[tokio::test]
async fn a46_a62_a73_a_perpetual_license_without_seats_and_tokens() {
    let world = World::new().await;
    let policy = world.policy(demo::perp()).await;
    let key = world.license(&policy, None).await;
    let reply = world.activate(&key, &device('a')).await;
    assert_eq!(reply.seat(), ("active", "N/A"));
    assert_eq!(reply.body["validUntil"], Value::Null);
    assert_eq!(reply.body["policy"]["type"], "perpetual");
    assert_ne!(reply.body["config"]["limits"]["time"]["mode"], "duration");
    assert_eq!((&reply.body["seatsEnabled"], &reply.body["maxConcurrentSeats"]), (&json!(false), &Value::Null));
    assert_eq!((&reply.body["tokensEnabled"], &reply.body["tokensRemaining"]), (&json!(false), &Value::Null));
    let seats = world.get(&key, "/seats").await;
    assert_eq!(seats.body, json!({"seats": [], "activeSeats": 0, "maxSeats": 0, "canReleaseSeat": false}));
    world.consume(&key, &device('a'), 1, "x").await.refused(403, "TOKENS_DISABLED");
    world.clock.advance_seconds(86_400 * 10_000);
    assert_eq!(world.beat(&key, &device('a')).await.seat(), ("active", "N/A"));
}

#[tokio::test]
async fn a52_a_silent_device_loses_its_seat_after_two_intervals() {
    let world = World::new().await;
    let (a, b, c) = (device('a'), device('b'), device('c'));
    for hwid in [&a, &b, &c] {
        world.activate(L1, hwid).await;
    }
    world.clock.advance_seconds(300);
    assert_eq!(world.beat(L1, &b).await.seat().1, "OCCUPIED");
    world.clock.advance_seconds(299);
    assert_eq!(world.beat(L1, &c).await.seat().1, "NO_SEAT");
    world.clock.advance_seconds(1);
    assert_eq!(world.beat(L1, &b).await.seat().1, "OCCUPIED");
    world.clock.advance_seconds(1);
    assert_eq!(world.beat(L1, &c).await.seat(), ("active", "OCCUPIED"));
    assert_eq!(world.beat(L1, &a).await.seat(), ("VALID_NO_SEAT", "NO_SEAT"));
}

#[tokio::test]
async fn consuming_keeps_a_seat_alive() {
    let world = World::new().await;
    world.activate(L1, &device('a')).await;
    for round in 0..5 {
        world.clock.advance_seconds(500);
        let reply = world.consume(L1, &device('a'), 1, &round.to_string()).await;
        assert_eq!(reply.seat(), ("active", "OCCUPIED"), "round {round}");
    }
}

#[tokio::test]
async fn a61_seats_are_listed_for_who_asks() {
    let world = World::new().await;
    world.activate(L1, &device('a')).await;
    world.activate(L1, &device('b')).await;
    let current = |reply: &crate::support::Reply| -> Vec<bool> {
        reply.body["seats"].as_array().unwrap().iter().map(|seat| seat["isCurrentDevice"].as_bool().unwrap()).collect()
    };
    let seats = world.get(L1, &format!("/seats?hwid={}", device('a'))).await;
    assert_eq!(
        (seats.int_of("maxSeats"), seats.int_of("activeSeats"), &seats.body["canReleaseSeat"]),
        (2, 2, &json!(true))
    );
    assert_eq!(current(&seats).into_iter().filter(|yes| *yes).count(), 1);
    assert_eq!(current(&world.get(L1, "/seats").await), [false, false]);
    let stranger = world.get(L1, &format!("/seats?hwid={}", device('d'))).await;
    assert_eq!(stranger.body["canReleaseSeat"], false);
}

#[tokio::test]
async fn a64_a65_a74_charges_and_their_refusals() {
    let world = World::new().await;
    world.activate(L1, &device('a')).await;
    let charged = world.consume(L1, &device('a'), 97, "first").await;
    assert_eq!(
        (charged.int_of("tokensLimit"), charged.int_of("tokensConsumed"), charged.int_of("tokensRemaining")),
        (100, 97, 3)
    );
    assert_eq!(charged.headers["operation-id"], "first");
    let refused = world.consume(L1, &device('a'), 5, "second").await;
    assert!(refused.refused(403, "INSUFFICIENT_TOKENS").text_of("message").contains("insufficient tokens"));
    assert_eq!(refused.body["details"], json!({"required": 5, "balance": 3, "deficit": 2}));
    // A refusal burns no id: after a credit the same operation goes through.
    let credit = world
        .admin("POST", &format!("/v1/admin/licenses/{L1}/tokens"), json!({"amount": 10, "reason": "goodwill"}))
        .await;
    assert_eq!((credit.status, credit.int_of("balanceAfter")), (200, 13));
    assert_eq!(world.consume(L1, &device('a'), 5, "second").await.int_of("tokensRemaining"), 8);
    assert_eq!(world.audit(L1).await, 102);
}

#[tokio::test]
async fn an_operation_is_done_once_and_answered_alike_for_ever() {
    let world = World::new().await;
    world.activate(L1, &device('a')).await;
    let first = world.consume(L1, &device('a'), 5, "op-1").await;
    world.consume(L1, &device('a'), 7, "op-2").await;
    world.clock.advance_seconds(400 * 86_400);
    let again = world.consume(L1, &device('a'), 5, "op-1").await;
    assert_eq!((again.int_of("tokensRemaining"), &again.body["replayed"]), (95, &json!(true)));
    assert_eq!(again.headers["idempotent-replayed"], "true");
    assert_eq!(again.body["operation"], first.body["operation"]);
    world.consume(L1, &device('a'), 6, "op-1").await.refused(422, "IDEMPOTENCY_KEY_REUSED");

    // The header is the same id; both must agree.
    let body = json!({"hwid": device('a'), "amount": 5, "action": "export"});
    let mut request = crate::support::post_request(L1, "consume", &body);
    request.headers_mut().insert("idempotency-key", "op-1".parse().unwrap());
    assert_eq!(world.send(request).await.body["replayed"], true);
    let mut request = crate::support::post_request(
        L1,
        "consume",
        &json!({"hwid": "a", "amount": 5, "action": "x", "operationId": "y"}),
    );
    request.headers_mut().insert("idempotency-key", "z".parse().unwrap());
    world.send(request).await.refused(400, "BAD_REQUEST");

    // Without an id the service makes one and says which.
    world.clock.advance_seconds(-400 * 86_400);
    let unnamed = world.post(L1, "consume", body).await;
    assert_eq!(
        unnamed.headers["operation-id"].to_str().unwrap(),
        unnamed.body["operation"]["operationId"].as_str().unwrap()
    );
    assert_eq!(world.audit(L1).await, 17);
}

#[tokio::test]
async fn a_credit_with_an_end_is_gone_at_its_instant() {
    let world = World::new().await;
    world.activate(L1, &device('a')).await;
    let path = format!("/v1/admin/licenses/{L1}/tokens");
    let body = json!({"amount": 50, "reason": "trial week", "expiresAt": "2026-01-11T00:00:00Z", "operationId": "c"});
    assert_eq!(world.admin("POST", &path, body.clone()).await.int_of("balanceAfter"), 150);
    assert_eq!(world.admin("POST", &path, body).await.body["replayed"], true);
    world.clock.advance_seconds(7 * 86_400);
    let spent = world.consume(L1, &device('a'), 1, "x").await;
    assert_eq!((spent.int_of("tokensLimit"), spent.int_of("tokensRemaining")), (100, 99));
    let debit = world.admin("POST", &path, json!({"amount": -120, "reason": "chargeback"})).await;
    assert_eq!(debit.int_of("balanceAfter"), -21);
    world.consume(L1, &device('a'), 1, "y").await.refused(403, "INSUFFICIENT_TOKENS");
    let last: Vec<_> = world.ledger(L1).await.iter().map(|e| (e["source"].clone(), e["amount"].clone())).collect();
    assert_eq!(last[2..], [(json!("expiry"), json!(-50)), (json!("single"), json!(-1)), (json!("admin"), json!(-120))]);
    world.audit(L1).await;
}

#[tokio::test]
async fn a96_looking_changes_nothing() {
    let world = World::new().await;
    world.activate(L1, &device('a')).await;
    for query in ["", &format!("?hwid={}", device('b')), &format!("?hwid={}", device('a'))] {
        let reply = world.get(L1, query).await;
        assert_eq!((reply.status, reply.int_of("activeSeats"), reply.spent.write_units), (200, 1, 0.0));
    }
    let stranger = world.get(L1, &format!("?hwid={}", device('b'))).await;
    assert_eq!(stranger.seat(), ("active", "N/A"));
}

#[tokio::test]
async fn a90_pro_only_and_air_gapped_licenses_are_closed_to_the_plain_face() {
    let world = World::new().await;
    let air = world.policy(demo::air()).await;
    let air = world.license(&air, None).await;
    let mut terms = demo::sub();
    terms["config"]["sdkEnforcement"]["mode"] = json!("sdk_only");
    let pro = world.policy(terms).await;
    let pro = world.license(&pro, None).await;
    for (key, code) in [(&air, "OFFLINE_ACTIVATION_REQUIRED"), (&pro, "PRO_SDK_REQUIRED")] {
        world.activate(key, &device('a')).await.refused(403, code);
        world.beat(key, &device('a')).await.refused(403, code);
        world.consume(key, &device('a'), 1, "x").await.refused(403, code);
        world.post(key, "signout", json!({"hwid": "a"})).await.refused(403, code);
        world.get(key, "").await.refused(403, code);
        world.get(key, "/usage").await.refused(403, code);
        assert_eq!(world.get(key, "/seats").await.status, 200);
        assert_eq!(world.admin("GET", &format!("/v1/admin/licenses/{key}"), Value::Null).await.status, 200);
    }
}

#[tokio::test]
async fn a16_a18_every_answer_is_readable_by_the_old_client() {
    let world = World::new().await;
    let key = world.license_with(json!({"tokens": {"enabled": true, "maxTokens": 3_000_000_000_i64}})).await;
    let reply = world.activate(&key, &device('a')).await;
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
    let world = World::new().await;
    let warm = world.another_process().await;
    let beat = crate::support::post_request(L1, "activate", &json!({"hwid": device('a')}));
    assert_eq!(crate::support::send(&warm, beat).await.status, 200);
    let policy = world.policy(demo::perp()).await;
    let key = world.license(&policy, None).await;
    let request = crate::support::post_request(&key, "activate", &json!({"hwid": device('a')}));
    let reply = crate::support::send(&warm, request).await;
    assert_eq!(reply.body["policy"]["type"], "perpetual");
}

#[tokio::test]
async fn a07_a08_secrets_are_checked_in_any_spelling() {
    let world = World::new().await;
    let with = async |secret: Option<&str>| {
        let mut request = crate::support::post_request(L1, "activate", &json!({"hwid": device('a')}));
        match secret {
            Some(secret) => request.headers_mut().insert("x-project-secret", secret.parse().unwrap()),
            None => request.headers_mut().remove("x-project-secret"),
        };
        world.send(request).await
    };
    for secret in [None, Some(""), Some("abc"), Some(&*"0".repeat(64))] {
        with(secret).await.refused(401, "UNAUTHORIZED_PROJECT");
    }
    let dashed = "00010203-04050607-08090A0B-0C0D0E0F-10111213-14151617-18191A1B-1C1D1E1F ";
    assert_eq!(with(Some(dashed)).await.status, 200);
}

#[tokio::test]
async fn administrators_operations_are_done_once() {
    let world = World::new().await;
    let send = async |path: &str, id: &str, body: Value| {
        let mut body = body;
        body["operationId"] = json!(id);
        world.admin("POST", path, body).await
    };
    let first = send("/v1/admin/projects", "p", json!({"name": "Twice"})).await;
    let again = send("/v1/admin/projects", "p", json!({"name": "Twice"})).await;
    assert_eq!((first.status, again.status, &first.body), (201, 201, &again.body));
    assert_eq!(again.headers["idempotent-replayed"], "true");
    send("/v1/admin/projects", "p", json!({"name": "Other"})).await.refused(422, "IDEMPOTENCY_KEY_REUSED");

    let path = format!("/v1/admin/projects/{}", world.project_id);
    let policy = send(&format!("{path}/policies"), "q", demo::sub()).await;
    assert_eq!(send(&format!("{path}/policies"), "q", demo::sub()).await.body, policy.body);
    let body = json!({"policyId": policy.int_of("PolicyID"), "count": 3});
    let issued = send(&format!("{path}/licenses"), "l", body.clone()).await;
    assert_eq!(send(&format!("{path}/licenses"), "l", body).await.body, issued.body);
    let mut keys: Vec<_> =
        issued.body["licenses"].as_array().unwrap().iter().map(|l| l["licenseKey"].to_string()).collect();
    keys.sort();
    keys.dedup();
    assert_eq!(keys.len(), 3);
    let taken = json!({"policyId": policy.int_of("PolicyID"), "licenseKey": L1});
    send(&format!("{path}/licenses"), "t", taken).await.refused(409, "LICENSE_KEY_TAKEN");
    send("/v1/admin/projects/prj_nothing/policies", "n", demo::sub()).await.refused(404, "PROJECT_NOT_FOUND");
    send(&format!("{path}/licenses"), "m", json!({"policyId": "999"})).await.refused(404, "POLICY_NOT_FOUND");
}

#[tokio::test]
async fn a_final_state_stays() {
    let world = World::new().await;
    world.activate(L1, &device('a')).await;
    assert_eq!(world.set_state(L1, "revoked").await.status, 200);
    assert_eq!(world.set_state(L1, "revoked").await.status, 200);
    world.set_state(L1, "active").await.refused(409, "STATE_FINAL");
    world.consume(L1, &device('a'), 1, "x").await.refused(403, "LICENSE_REVOKED");
    let beat = world.beat(L1, &device('a')).await;
    assert_eq!((beat.seat(), hwids(&beat)), (("revoked", "N/A"), vec![device('a').as_str()]));
}

/// A50: A and B hold the two seats, C waits.
async fn two_seated_one_waiting() -> World {
    let world = World::new().await;
    for letter in ['a', 'b', 'c'] {
        world.activate(L1, &device(letter)).await;
    }
    world
}

async fn release(world: &World, target: char, caller: char, claim: bool) -> crate::support::Reply {
    let body = json!({"targetHwid": device(target), "callerHwid": device(caller), "claimSeat": claim});
    world.post(L1, "release-seat", body).await
}

#[tokio::test]
async fn a63_a_device_takes_anothers_seat_and_the_other_is_told_until_it_comes_back() {
    let world = two_seated_one_waiting().await;
    let answer = release(&world, 'a', 'c', true).await;
    let expected = json!({"success": true, "message": "Seat released.", "releasedHwid": device('a'), "seatClaimed": true, "activeSeats": 2});
    assert_eq!((answer.status, &answer.body), (200, &expected));
    assert_eq!(world.beat(L1, &device('c')).await.seat(), ("active", "OCCUPIED"));

    // The kicked device is told again and again, in whatever it calls; nobody else is.
    for _ in 0..2 {
        let kicked = world.beat(L1, &device('a')).await;
        assert_eq!(kicked.seat(), ("KICKED", "KICKED"));
        let notice = &kicked.body["kickedNotice"];
        assert_eq!(
            (&notice["kickedBy"], &notice["kickedByNickname"], &notice["reason"]),
            (&json!(device('c')), &json!("Desk c"), &json!("seat_released"))
        );
    }
    let charged = world.consume(L1, &device('a'), 1, "kicked").await;
    assert_eq!((charged.seat(), charged.int_of("tokensRemaining")), (("KICKED", "KICKED"), 99));
    assert_eq!(world.beat(L1, &device('b')).await.body["kickedNotice"], Value::Null);

    // Coming back clears the notice; then it waits like any other.
    let back = world.activate(L1, &device('a')).await;
    assert_eq!((back.seat(), &back.body["kickedNotice"]), (("VALID_NO_SEAT", "NO_SEAT"), &Value::Null));
    world.post(L1, "signout", json!({"hwid": device('b')})).await;
    assert_eq!(world.beat(L1, &device('a')).await.seat(), ("active", "OCCUPIED"));
}

#[tokio::test]
async fn a57_releases_have_a_cooldown() {
    let world = two_seated_one_waiting().await;
    assert_eq!(release(&world, 'a', 'c', true).await.status, 200);
    world.clock.advance_seconds(10);
    let refused = release(&world, 'b', 'c', false).await;
    refused.refused(403, "SEAT_RELEASE_COOLDOWN");
    for word in ["wait", "cooldown", "290"] {
        assert!(refused.text_of("message").contains(word), "{}", refused.text);
    }
    assert_eq!(refused.headers["retry-after"], "290");
    world.clock.advance_seconds(290);
    assert_eq!(release(&world, 'b', 'c', false).await.status, 200);
}

#[tokio::test]
async fn a59_a_released_seat_that_nobody_claims_goes_to_who_waits() {
    let world = two_seated_one_waiting().await;
    let answer = release(&world, 'a', 'c', false).await;
    assert_eq!((&answer.body["seatClaimed"], answer.int_of("activeSeats")), (&json!(false), 1));
    assert_eq!(world.beat(L1, &device('c')).await.seat(), ("active", "OCCUPIED"));
}

#[tokio::test]
async fn a60_releases_are_refused_in_order() {
    let world = two_seated_one_waiting().await;
    release(&world, 'd', 'c', false).await.refused(409, "SEAT_NOT_HELD");
    release(&world, 'a', 'd', false).await.refused(403, "DEVICE_NOT_REGISTERED");
    // Of its own seat it is a sign-out: no cooldown, no notice.
    let own = release(&world, 'a', 'a', false).await;
    assert_eq!((own.status, own.int_of("activeSeats")), (200, 1));
    assert_eq!(world.beat(L1, &device('a')).await.seat(), ("VALID_NO_SEAT", "RELEASED"));
    assert_eq!(release(&world, 'b', 'a', false).await.status, 200);

    let mut terms = demo::sub();
    terms["config"]["customerActions"]["allowRemoteSeatRelease"] = json!(false);
    let policy = world.policy(terms).await;
    let key = world.license(&policy, None).await;
    world.activate(&key, &device('a')).await;
    world.activate(&key, &device('b')).await;
    let body = json!({"targetHwid": device('a'), "callerHwid": device('b')});
    world.post(&key, "release-seat", body).await.refused(403, "SEAT_RELEASE_NOT_ALLOWED");
    assert_eq!(world.beat(&key, &device('a')).await.seat().1, "OCCUPIED");
    world.set_state(L1, "suspended").await;
    release(&world, 'a', 'b', false).await.refused(403, "LICENSE_SUSPENDED");
}

#[tokio::test]
async fn the_vendor_kicks_a_device() {
    let world = two_seated_one_waiting().await;
    let path = format!("/v1/admin/licenses/{L1}/seats/{}/release", device('a'));
    let seats = world.admin("POST", &path, Value::Null).await;
    assert_eq!((seats.status, seats.int_of("activeSeats")), (200, 1));
    world.admin("POST", &path, Value::Null).await.refused(409, "SEAT_NOT_HELD");
    let kicked = world.beat(L1, &device('a')).await;
    assert_eq!(
        (kicked.seat(), &kicked.body["kickedNotice"]["reason"]),
        (("KICKED", "KICKED"), &json!("admin_released"))
    );
    assert_eq!(kicked.body["kickedNotice"]["kickedByNickname"], "Administrator");
}

#[tokio::test]
async fn a37_a38_a_removed_device_is_told_and_may_come_back_if_there_is_a_place() {
    let world = two_seated_one_waiting().await;
    let path = format!("/v1/admin/licenses/{L1}/devices/{}", device('a'));
    for _ in 0..2 {
        assert_eq!(world.admin("DELETE", &path, Value::Null).await.status, 204);
    }
    let result = world.beat(L1, &device('a')).await;
    assert_eq!(
        (result.seat(), &result.body["kickedNotice"]["reason"]),
        (("KICKED", "KICKED"), &json!("device_removed"))
    );
    assert!(!hwids(&result).contains(&device('a').as_str()));
    assert_eq!(result.int_of("activeSeats"), 1);
    world.consume(L1, &device('a'), 1, "x").await.refused(403, "DEVICE_NOT_REGISTERED");
    // Its place is free for another, and then for itself no more.
    assert_eq!(world.activate(L1, &device('d')).await.status, 200);
    world.activate(L1, &device('a')).await.refused(403, "DEVICE_LIMIT_REACHED");
    world.admin("DELETE", &format!("/v1/admin/licenses/{L1}/devices/{}", device('d')), Value::Null).await;
    let back = world.activate(L1, &device('a')).await;
    assert_eq!((back.seat(), hwids(&back).len()), (("active", "OCCUPIED"), 3));
}

/// Saves settings, with `If-Match` if there is a tag.
async fn save(world: &World, settings: Value, tag: Option<&str>) -> crate::support::Reply {
    let body = json!({"settings": settings});
    let mut request = crate::support::post_request(L1, "settings", &body);
    *request.method_mut() = http::Method::PUT;
    if let Some(tag) = tag {
        request.headers_mut().insert("if-match", tag.parse().unwrap());
    }
    world.send(request).await
}

#[tokio::test]
async fn a78_a82_settings_are_shared_by_the_devices_and_travel_in_every_answer() {
    let world = World::new().await;
    world.activate(L1, &device('a')).await;
    world.activate(L1, &device('b')).await;
    let never = world.get(L1, "/settings").await;
    assert_eq!(never.body, json!({"success": true, "message": null, "settings": {}, "updatedAt": null}));
    let settings = json!({"theme": "dark", "n": {"a": [1, null, true]}});
    let saved = save(&world, settings.clone(), None).await;
    assert_eq!(
        (saved.status, &saved.body["settings"], saved.text_of("updatedAt")),
        (200, &settings, crate::support::START)
    );
    assert_eq!(world.get(L1, &format!("/settings?hwid={}", device('b'))).await.body["settings"], settings);
    assert_eq!(world.beat(L1, &device('b')).await.body["userSettings"], settings);
    assert_eq!(world.consume(L1, &device('a'), 1, "x").await.body["userSettings"], settings);
    world.get(L1, &format!("/settings?hwid={}", device('d'))).await.refused(403, "DEVICE_NOT_REGISTERED");

    // Whole documents; the last writer wins, and saving the same again changes nothing.
    world.clock.advance_seconds(1);
    assert_eq!(save(&world, settings.clone(), None).await.text_of("updatedAt"), crate::support::START);
    assert_eq!(save(&world, json!({}), None).await.body["settings"], json!({}));
    assert_eq!(world.get(L1, "/settings").await.body["settings"], json!({}));
}

#[tokio::test]
async fn settings_are_saved_only_over_what_the_caller_saw_if_it_says_so() {
    let world = World::new().await;
    let tag = |reply: &crate::support::Reply| reply.headers["etag"].to_str().unwrap().to_owned();
    let first = tag(&world.get(L1, "/settings").await);
    let second = tag(&save(&world, json!({"by": "a"}), Some(&first)).await);
    save(&world, json!({"by": "b"}), Some(&first)).await.refused(412, "SETTINGS_CHANGED");
    assert_eq!(world.get(L1, "/settings").await.body["settings"], json!({"by": "a"}));
    assert_eq!(save(&world, json!({"by": "b"}), Some(&second)).await.status, 200);
    assert_eq!(save(&world, json!({"by": "c"}), Some("*")).await.status, 200);
    save(&world, json!({}), Some("nonsense")).await.refused(400, "BAD_REQUEST");
}

#[tokio::test]
async fn a79_a81_settings_that_would_lock_the_old_client_out_are_refused() {
    let world = World::new().await;
    let units = |count: usize| json!({"k": "漢".repeat(count - 8)});
    assert_eq!(save(&world, units(65_536), None).await.status, 200);
    assert!(
        save(&world, units(65_537), None).await.refused(413, "SETTINGS_TOO_LARGE").text_of("message").contains("64KB")
    );
    let nested = |levels: usize| (1..levels).fold(json!({}), |inner, _| json!({ "n": inner }));
    assert_eq!(save(&world, nested(32), None).await.status, 200);
    save(&world, nested(33), None).await.refused(400, "SETTINGS_REJECTED");
    let reserved = save(&world, json!({"a": [{"$type": 1}]}), None).await;
    assert_eq!(reserved.refused(400, "SETTINGS_REJECTED").body["details"]["path"], "a.0.$type");
    for settings in [json!([]), json!("x"), json!(5), Value::Null] {
        save(&world, settings, None).await.refused(400, "BAD_REQUEST");
    }
    assert_eq!(world.get(L1, "/settings").await.body["settings"], nested(32));
}

#[tokio::test]
async fn a_thousand_licenses_are_issued_once_even_if_the_process_is_killed_on_the_way() {
    let world = World::new().await;
    let path = format!("/v1/admin/projects/{}/licenses", world.project_id);
    let body = json!({"policyId": "1", "count": 1_000, "operationId": "thousand"});
    world.host.app.table.stop_after(Some(40));
    assert_eq!(world.admin("POST", &path, body.clone()).await.status, 500);
    world.host.app.table.stop_after(None);
    let issued = world.admin("POST", &path, body.clone()).await;
    assert_eq!(issued.status, 201, "{}", issued.text);
    let of = |name: &str| -> std::collections::BTreeSet<String> {
        issued.body["licenses"].as_array().unwrap().iter().map(|license| license[name].to_string()).collect()
    };
    assert_eq!((of("licenseKey").len(), of("LicenseID").len()), (1_000, 1_000));
    let again = world.admin("POST", &path, body).await;
    assert_eq!((again.status, again.body == issued.body), (201, true));
    let key = issued.body["licenses"][999]["licenseKey"].as_str().unwrap();
    assert_eq!(world.activate(key, &device('a')).await.seat(), ("active", "OCCUPIED"));
}

#[tokio::test]
async fn a_capability_and_its_tokens_are_checked_in_one_call() {
    let world = World::new().await;
    let ask = async |query: &str| {
        let reply = world.get(L1, &format!("/entitlement?hwid={}{query}", device('a'))).await;
        assert_eq!((reply.status, reply.spent.write_units), (200, 0.0), "{}", reply.text);
        (reply.body["allowed"] == true, reply.body["reason"].as_str().unwrap_or("").to_owned())
    };
    let no = |code: &str| (false, code.to_owned());
    let yes = (true, String::new());
    assert_eq!(ask("&capability=pro&tokens=5").await, no("DEVICE_NOT_REGISTERED"));
    world.activate(L1, &device('a')).await;
    assert_eq!(ask("&capability=pro&tokens=100").await, yes);
    assert_eq!(ask("&capability=pro").await, yes);
    assert_eq!(ask("").await, yes);
    assert_eq!(ask("&capability=pro&tokens=101").await, no("INSUFFICIENT_TOKENS"));
    assert_eq!(ask("&capability=hd&tokens=5").await, no("CAPABILITY_MISSING"));
    assert_eq!(ask("&capability=hd").await, no("CAPABILITY_MISSING"));
    let with = |capability: &str| json!({"hwid": device('a'), "amount": 5, "action": "x", "capability": capability});
    world.post(L1, "consume", with("hd")).await.refused(403, "CAPABILITY_MISSING");
    assert_eq!(world.post(L1, "consume", with("pro")).await.int_of("tokensRemaining"), 95);
    world.set_state(L1, "suspended").await;
    assert_eq!(ask("&capability=pro&tokens=5").await, no("LICENSE_SUSPENDED"));
    world.get(L1, "/entitlement").await.refused(400, "BAD_REQUEST");
    world.get(L1, "/entitlement?hwid=a&tokens=-1").await.refused(400, "BAD_REQUEST");
}

#[tokio::test]
async fn customers_remove_devices_where_they_may() {
    let world = World::new().await;
    let remove = async |key: &str, target: &str, caller: &str| {
        let request = Request::builder()
            .method("DELETE")
            .uri(format!("/v1/sdk/license/{key}/devices/{target}?hwid={caller}"))
            .header("x-project-secret", SECRET);
        world.send(request.body(Bytes::new()).unwrap()).await
    };
    world.activate(L1, &device('a')).await;
    remove(L1, &device('a'), &device('a')).await.refused(403, "DEVICE_RELEASE_NOT_ALLOWED");
    let key = {
        let mut terms = local::demo::sub();
        terms["config"]["customerActions"]["allowHardwareRelease"] = json!(true);
        let policy = world.policy(terms).await;
        world.license(&policy, None).await
    };
    for letter in ['a', 'b'] {
        world.activate(&key, &device(letter)).await;
    }
    remove(&key, &device('b'), &device('c')).await.refused(403, "DEVICE_NOT_REGISTERED");
    remove(&key, "desk-b", &device('a')).await.refused(403, "DEVICE_NOT_REGISTERED");
    for _ in 0..2 {
        assert_eq!(remove(&key, &device('b'), &device('a')).await.status, 204);
    }
    let by_vendor = async |hwid: &str| {
        world.admin("DELETE", &format!("/v1/admin/licenses/{key}/devices/{hwid}"), Value::Null).await
    };
    by_vendor("desk-b").await.refused(403, "DEVICE_NOT_REGISTERED");
    assert_eq!(by_vendor(&device('b')).await.status, 204, "removed already");
    let result = world.beat(&key, &device('b')).await;
    assert_eq!((result.seat().1, &result.body["kickedNotice"]["reason"]), ("KICKED", &json!("device_removed")));
    assert_eq!(world.get(&key, "/seats").await.int_of("activeSeats"), 1);
    for _ in 0..2 {
        assert_eq!(remove(&key, &device('a'), &device('a')).await.status, 204, "itself, and again after a lost reply");
    }
    assert_eq!(world.get(&key, "").await.body["machines"], json!([]));
    assert_eq!(world.activate(&key, &device('a')).await.seat(), ("active", "OCCUPIED"));
}

#[tokio::test]
async fn the_last_country_is_kept_for_the_vendor() {
    let world = World::new().await;
    let from = async |route: &str, country: &str| {
        let mut request = crate::support::post_request(L1, route, &json!({"hwid": device('a')}));
        request.headers_mut().insert("cloudfront-viewer-country", country.parse().unwrap());
        world.send(request).await
    };
    let last = async || world.get(L1, "").await.body["customer"]["lastDetectedCountry"].clone();
    assert_eq!(last().await, Value::Null);
    from("activate", "de").await;
    assert_eq!(last().await, "DE");
    assert_eq!(from("heartbeat", "de").await.spent.write_units, 1.0, "written only when it changes");
    from("heartbeat", "FR").await;
    assert_eq!(last().await, "FR");
    from("activate", "IT").await;
    assert_eq!(last().await, "IT");
    world.beat(L1, &device('a')).await;
    assert_eq!(last().await, "IT", "an unknown country changes nothing");
}

#[tokio::test]
async fn a48_the_heartbeat_interval_never_wavers() {
    let world = World::new().await;
    let (a, b) = (device('a'), device('b'));
    let mut intervals = Vec::new();
    let mut note = |reply: crate::support::Reply| intervals.push(reply.int_of("heartbeatIntervalSeconds"));
    note(world.activate(L1, &a).await);
    note(world.activate(L1, &b).await);
    note(world.beat(L1, &a).await);
    note(world.consume(L1, &a, 1, "op").await);
    note(world.post(L1, "consume-batch", json!({"hwid": a, "usages": [{"amount": 1, "action": "x"}]})).await);
    world.post(L1, "release-seat", json!({"targetHwid": b, "callerHwid": a})).await;
    note(world.beat(L1, &b).await);
    note(world.set_state(L1, "suspended").await);
    note(world.beat(L1, &a).await);
    note(world.set_state(L1, "active").await);
    world.clock.advance_seconds(31 * 86_400);
    note(world.beat(L1, &a).await);
    world.clock.advance_seconds(31 * 86_400);
    note(world.get(L1, "").await);
    assert!(intervals.iter().all(|seconds| *seconds == 300), "{intervals:?}");
}

/// The device knows of a changed interval by the next answer that it gets, and not before: until then its lease is what it was told.
#[tokio::test]
async fn a_lease_runs_by_the_interval_that_its_holder_was_last_told() {
    let world = World::new().await;
    let mut terms = demo::sub();
    terms["config"]["limits"]["seats"]["maxSeats"] = json!(1);
    let policy = world.policy(terms.clone()).await;
    let key = world.license(&policy, None).await;
    let set = async |minutes: i64| {
        let mut config = terms["config"].clone();
        config["sdkEnforcement"]["heartbeat"]["interval"] = json!(minutes);
        let changed = world.admin("PATCH", &format!("/v1/admin/policies/{policy}"), json!({"config": config})).await;
        assert_eq!(changed.status, 200, "{}", changed.text);
    };
    let until = async || {
        let list = world.admin("GET", &format!("/v1/admin/licenses/{key}/seats"), Value::Null).await;
        list.body["seats"][0]["leaseUntil"].as_str().unwrap().to_owned()
    };
    let in_seconds =
        |seconds: i64| shared::service::ports::Clock::now(world.clock.as_ref()).plus_seconds(seconds).to_string();
    world.activate(&key, &device('a')).await;
    world.activate(&key, &device('b')).await;
    assert_eq!(until().await, in_seconds(600));

    // A longer one: whoever tells it gives the lease that goes with it, a consumption too.
    set(60).await;
    assert_eq!(until().await, in_seconds(600), "nobody was told");
    let result = world.consume(&key, &device('a'), 1, "x").await;
    assert_eq!(result.int_of("heartbeatIntervalSeconds"), 3_600);
    assert_eq!(until().await, in_seconds(7_200));

    // A shorter one: the holder sleeps by the long one, and keeps its seat.
    set(5).await;
    world.clock.advance_seconds(3_600);
    assert_eq!(world.beat(&key, &device('b')).await.seat().1, "NO_SEAT");
    assert_eq!(until().await, in_seconds(3_600));
    assert_eq!(world.beat(&key, &device('a')).await.seat().1, "OCCUPIED");
    assert_eq!(until().await, in_seconds(600), "told, and as long as that");

    // What a shortened policy leaves behind the vendor sees, and frees at once.
    set(1_440).await;
    world.beat(&key, &device('a')).await;
    set(5).await;
    assert_eq!(until().await, in_seconds(2 * 86_400));
    let path = format!("/v1/admin/licenses/{key}/seats/{}/release", device('a'));
    assert_eq!(world.admin("POST", &path, Value::Null).await.int_of("activeSeats"), 0);
    assert_eq!(world.beat(&key, &device('b')).await.seat().1, "OCCUPIED");
}

#[tokio::test]
async fn who_signed_out_while_seats_were_off_does_not_sit_down_when_they_are_on() {
    let world = World::new().await;
    let (a, b) = (device('a'), device('b'));
    for hwid in [&a, &b] {
        world.activate(L1, hwid).await;
    }
    let switch = async |enabled: bool| {
        let body = json!({"overrides": {"limits": {"seats": {"enabled": enabled, "maxSeats": 2}}}});
        assert_eq!(world.admin("PATCH", &format!("/v1/admin/licenses/{L1}"), body).await.status, 200);
    };
    switch(false).await;
    assert_eq!(world.post(L1, "signout", json!({"hwid": a})).await.status, 200);
    assert_eq!(world.post(L1, "heartbeat", json!({"hwid": b, "isClosing": true})).await.status, 200);
    switch(true).await;
    for hwid in [&a, &b] {
        assert_eq!(world.beat(L1, hwid).await.seat(), ("VALID_NO_SEAT", "RELEASED"));
    }
    assert_eq!(world.get(L1, "/seats").await.int_of("activeSeats"), 0);
}
