//! The encrypted face: cases of the wire contract's sections 6.1 and 6.2, and its side of 6.3 to 6.9.

use bytes::Bytes;
use futures_util::future::join_all;
use ltlm_protocol::envelope::{self, Mode};
use serde_json::{Value, json};
use shared::model::nonce_chain::SeenBlob;
use shared::model::write::Write;
use shared::service::ids;
use shared::service::ports::Clock;
use shared::table::port::{Meter, Table};

use crate::support::pro::{letter, sealed_body, sealed_request, secret_key};
use crate::support::{L1, SECRET, World, device, public_key, send};

const GUID: &str = "9e0f6c1b-5a43-4e0e-9c53-6c1f3f5a7d10";

fn data(key: &str, hwid: &str) -> Value {
    json!({"key": key, "hwid": hwid})
}

fn use_of(hwid: &str, amount: i64, action: &str) -> Value {
    json!({"key": L1, "amount": amount, "action": action, "hwid": hwid, "meta": null})
}

fn queued(hwid: &str, amount: i64, action: &str, timestamp: &str) -> Value {
    json!({"key": L1, "amount": amount, "action": action, "hwid": hwid, "timestamp": timestamp, "meta": null})
}

async fn remaining(world: &World) -> i64 {
    world.admin("GET", &format!("/v1/admin/licenses/{L1}"), Value::Null).await.int_of("tokensRemaining")
}

#[tokio::test]
async fn a01_a_device_validates_and_can_verify_what_it_is_told() {
    let world = World::new().await;
    let a = device('a');
    let answer = world.pro("validate", &a, GUID, data(L1, &a)).await;
    let text = &answer.reply.text;
    let (iv, cipher) = text.split_once(':').unwrap();
    assert!(iv.len() == 32 && !cipher.is_empty() && cipher.len() % 32 == 0, "{text}");
    assert!(text.bytes().all(|b| b.is_ascii_digit() || (b'a'..=b'f').contains(&b) || b == b':'));
    assert_eq!(answer.reply.seat(), ("active", "OCCUPIED"));
    assert_eq!(answer.reply.body["machines"][0]["hwid"], json!(a));
}

#[tokio::test]
async fn a02_the_request_of_appendix_a_is_understood() {
    let world = World::new().await;
    world.activate(L1, "h1").await;
    let blob = "a0a1a2a3a4a5a6a7a8a9aaabacadaeaf:0cacc58d21312a9bcf9dd7d453b827dbbff536e2542999cc9b1122dbbd53e75c2df739f93702353d5f76c9b7ac0cb59b2b45469cca3049a8757561eefaade570456a87ee4083f1206cd20febdfc2831352698259186538ff74baad82a3fc8b639c17a05c8bb0ee6455930d72f4950e86";
    let body = json!({ "blob": blob }).to_string();
    let answer = world.pro_body("/api/v1/sdk/pro/license/heartbeat", body).await;
    assert_eq!(answer.reply.seat(), ("active", "OCCUPIED"));
}

#[tokio::test]
async fn a05_envelopes_that_do_not_open_are_refused_alike() {
    let world = World::new().await;
    world.activate(L1, &device('a')).await;
    let good = letter(&device('a'), &json!(GUID), &data(L1, &device('a')));
    let flipped = good.replace("\"}", "");
    let last = if flipped.ends_with('0') { '1' } else { '0' };
    let wrong_last = format!("{}{last}\"}}", &flipped[..flipped.len() - 1]);
    let no_data = sealed_body(Mode::Cbc, &json!({"nonce": GUID, "hwid": device('a')}).to_string());
    let other_project = json!({"blob": envelope::seal(&[9; 32], Mode::Cbc, [1; 16], "{}")}).to_string();
    let bodies = [
        wrong_last,
        json!({"blob": "zz:11"}).to_string(),
        json!({"blob": "a0a1"}).to_string(),
        json!({"blob": "a0:a1:a2:a3"}).to_string(),
        json!({"blob": 5}).to_string(),
        json!({"blob": ""}).to_string(),
        json!({}).to_string(),
        "[]".to_owned(),
        "{".to_owned(),
        String::new(),
        no_data,
        other_project,
        sealed_body(Mode::Cbc, "no JSON"),
        sealed_body(Mode::Gcm, "[]"),
    ];
    let mut texts = Vec::new();
    for endpoint in ["validate", "heartbeat", "consume", "settings/get"] {
        for body in &bodies {
            let answer = world.pro_body(&format!("/v1/sdk/pro/license/{endpoint}"), body.clone()).await;
            answer.refused(400, "BAD_ENVELOPE");
            assert_eq!(answer.reply.spent.write_units, 0.0);
            texts.push(answer.reply.text);
        }
    }
    texts.dedup();
    assert_eq!(texts.len(), 1, "{texts:?}");
}

#[tokio::test]
async fn a06_answers_are_encrypted_as_their_requests_were() {
    let world = World::new().await;
    let a = device('a');
    let plain = json!({"data": data(L1, &a), "nonce": GUID, "hwid": a}).to_string();
    let answer = world.pro_body("/v1/sdk/pro/license/validate", sealed_body(Mode::Gcm, &plain)).await;
    assert_eq!(answer.reply.text.split(':').count(), 3);
    assert_eq!(envelope::decrypt(&secret_key(), &answer.reply.text).unwrap().0, Mode::Gcm);
    assert_eq!(answer.reply.seat(), ("active", "OCCUPIED"));
}

#[tokio::test]
async fn a07_a19_strangers_are_told_so_in_plain_json() {
    let world = World::new().await;
    let body = letter(&device('a'), &json!(GUID), &data(L1, &device('a')));
    for secret in ["", "0000000000000000000000000000000000000000000000000000000000000000"] {
        let mut request = sealed_request("/v1/sdk/pro/license/validate", body.clone());
        request.headers_mut().insert("x-project-secret", secret.parse().unwrap());
        let reply = send(&world.host, request).await;
        reply.refused(401, "UNAUTHORIZED_PROJECT");
        assert_eq!(reply.headers["content-type"], "application/json; charset=utf-8");
        for member in ["status", "message", "error", "code"] {
            assert!(reply.body[member].is_string(), "{member}");
        }
    }
}

#[tokio::test]
async fn a08_the_secret_is_known_in_any_spelling() {
    let world = World::new().await;
    let dashed: Vec<_> = SECRET.as_bytes().chunks(8).map(|part| String::from_utf8_lossy(part).to_uppercase()).collect();
    for secret in [format!("{} ", dashed.join("-")), SECRET.to_uppercase(), format!(" {SECRET}")] {
        let body = letter(&device('a'), &json!(GUID), &data(L1, &device('a')));
        let mut request = sealed_request("/v1/sdk/pro/license/validate", body);
        request.headers_mut().insert("x-project-secret", secret.parse().unwrap());
        let answer = world.opened(send(&world.host, request).await);
        assert_eq!(answer.reply.status, 200, "{}", answer.reply.text);
    }
}

#[tokio::test]
async fn a09_every_answer_has_the_time_and_a_new_nonce() {
    let world = World::new().await;
    let a = device('a');
    let mut seen = std::collections::BTreeSet::new();
    for _ in 0..5 {
        world.clock.advance_seconds(7);
        let answer = world.pro("validate", &a, GUID, data(L1, &a)).await;
        let now = shared::service::ports::Clock::now(world.clock.as_ref()).ms();
        assert_eq!(answer.members["timestamp"], json!(now));
        assert!(seen.insert(answer.nonce()));
    }
}

#[tokio::test]
async fn answers_say_for_whom_and_until_when_unless_the_project_does_not_want_it() {
    let world = World::new().await;
    let a = device('a');
    let answer = world.pro("validate", &a, GUID, data(L1, &a)).await;
    let expected = json!({"hwid": a, "endpoint": "/v1/sdk/pro/license/validate", "nonce": GUID, "key": L1});
    assert_eq!(answer.members["for"], expected);
    assert_eq!(answer.members["exp"].as_i64().unwrap() - answer.members["timestamp"].as_i64().unwrap(), 300_000);
    world.project_settings(json!({"security": {"boundAnswers": false}})).await;
    let answer = world.pro("validate", &a, GUID, data(L1, &a)).await;
    assert_eq!(answer.members.keys().collect::<Vec<_>>(), ["data", "server_nonce", "timestamp"]);
}

#[tokio::test]
async fn a20_a21_nonces_follow_one_another_and_none_is_used_twice() {
    let world = World::new().await;
    let a = device('a');
    let n1 = world.validated(L1, &a).await;
    let n2 = world.pro("heartbeat", &a, n1.as_str(), data(L1, &a)).await.nonce();
    let n3 = world.pro("heartbeat", &a, n2.as_str(), data(L1, &a)).await.nonce();
    assert!(n1 != n2 && n2 != n3 && n1 != n3);
    let replayed = world.pro("heartbeat", &a, n1.as_str(), data(L1, &a)).await;
    replayed.refused(409, "NONCE_MISMATCH");
    assert!(replayed.reply.text_of("message").contains("Nonce Mismatch"));
    assert_eq!(replayed.reply.spent.write_units, 0.0);
    world.pro("heartbeat", &a, n3.as_str(), data(L1, &a)).await.nonce();
}

#[tokio::test]
async fn a22_a_recorded_consumption_cannot_be_sent_again() {
    let world = World::new().await;
    let a = device('a');
    let n1 = world.validated(L1, &a).await;
    let body = letter(&a, &json!(n1), &use_of(&a, 5, "export"));
    let first = world.pro_body("/v1/sdk/pro/license/consume", body.clone()).await;
    assert_eq!(first.reply.int_of("tokensRemaining"), 95);
    world.pro_body("/v1/sdk/pro/license/consume", body).await.refused(409, "NONCE_MISMATCH");
    assert_eq!(remaining(&world).await, 95);
}

#[tokio::test]
async fn a23_validate_brings_a_device_into_step_again() {
    let world = World::new().await;
    let a = device('a');
    let n1 = world.validated(L1, &a).await;
    world.pro("heartbeat", &a, n1.as_str(), data(L1, &a)).await.nonce();
    for stale in [json!(n1), json!("TAMPERED"), Value::Null, json!(7)] {
        let fresh = world.pro("validate", &a, stale, data(L1, &a)).await.nonce();
        world.pro("heartbeat", &a, fresh, data(L1, &a)).await.nonce();
    }
}

#[tokio::test]
async fn a28_calls_in_flight_with_one_nonce_do_not_disturb_each_other() {
    let world = World::new().await;
    let a = device('a');
    let n = world.validated(L1, &a).await;
    world.pro("settings/get", &a, n.as_str(), data(L1, &a)).await.nonce();
    let n = world.pro("heartbeat", &a, n.as_str(), data(L1, &a)).await.nonce();
    let next = world.pro("heartbeat", &a, n.as_str(), data(L1, &a)).await.nonce();
    let late = world.pro("settings/get", &a, n.as_str(), data(L1, &a)).await.nonce();
    for nonce in [next, late] {
        world.pro("heartbeat", &a, nonce, data(L1, &a)).await.nonce();
    }
}

#[tokio::test]
async fn a30_of_three_uses_of_one_moment_one_is_charged() {
    let world = World::new().await;
    let a = device('a');
    for round in 0..10 {
        let n = world.validated(L1, &a).await;
        let before = remaining(&world).await;
        let calls = [1, 2, 1].map(|amount| world.pro("consume", &a, n.as_str(), use_of(&a, amount, "x")));
        let answers = join_all(calls).await;
        let charged: Vec<_> = answers.iter().zip([1, 2, 1]).filter(|(answer, _)| answer.reply.status == 200).collect();
        assert_eq!(charged.len(), 1, "round {round}");
        for answer in answers.iter().filter(|answer| answer.reply.status != 200) {
            answer.refused(409, "NONCE_MISMATCH");
        }
        assert_eq!(remaining(&world).await, before - charged[0].1);
    }
}

#[tokio::test]
async fn a31_each_device_has_its_own_chain_over_all_its_licenses() {
    let world = World::new().await;
    let (a, b) = (device('a'), device('b'));
    let l2 = world.license("1", None).await;
    let n1 = world.validated(L1, &a).await;
    let m1 = world.validated(L1, &b).await;
    world.pro("heartbeat", &b, m1, data(L1, &b)).await.nonce();
    let n2 = world.pro("heartbeat", &a, n1, data(L1, &a)).await.nonce();
    let n3 = world.pro("validate", &a, n2.as_str(), data(&l2, &a)).await.nonce();
    for (nonce, key) in [(n2, &l2), (n3, &L1.to_owned())] {
        world.pro("heartbeat", &a, nonce, data(key, &a)).await.nonce();
    }
}

#[tokio::test]
async fn a32_a_device_speaks_for_itself_only() {
    let world = World::new().await;
    let (a, b) = (device('a'), device('b'));
    let n = world.validated(L1, &a).await;
    let mixed = world.pro("heartbeat", &a, n.as_str(), data(L1, &b)).await;
    mixed.refused(400, "HWID_MISMATCH");
    assert!(mixed.reply.text_of("message").contains("HWID mismatch"));
    let release = json!({"targetHwid": a, "callerHwid": b, "claimSeat": true});
    let body = letter(&a, &json!(n), &release);
    world.pro_body(&format!("/v1/sdk/license/{L1}/release-seat"), body).await.refused(400, "HWID_MISMATCH");
    world.pro("heartbeat", &a, n, data(L1, &a)).await.nonce();
}

#[tokio::test]
async fn a33_a_recorded_save_cannot_be_sent_again() {
    let world = World::new().await;
    let a = device('a');
    let n = world.validated(L1, &a).await;
    let save = |theme: &str| letter(&a, &json!(n), &json!({"key": L1, "hwid": a, "settings": {"theme": theme}}));
    let path = "/v1/sdk/pro/license/settings/save";
    let first = save("dark");
    assert_eq!(world.pro_body(path, first.clone()).await.reply.body["settings"], json!({"theme": "dark"}));
    world.pro_body(path, save("light")).await.nonce();
    world.pro_body(path, first).await.refused(409, "NONCE_MISMATCH");
    let got = world.pro("settings/get", &a, n.as_str(), data(L1, &a)).await;
    assert_eq!(
        (&got.reply.body["settings"]["theme"], got.reply.body["updatedAt"].is_string()),
        (&json!("light"), true)
    );
}

/// The same envelope with another vector, and so another first block: spaces between the members of the text are tabs.
fn with_tab_for_space(body: &str) -> String {
    let blob = serde_json::from_str::<Value>(body).unwrap()["blob"].as_str().unwrap().to_owned();
    let (vector, cipher) = blob.split_once(':').unwrap();
    let mut vector = hex::decode(vector).unwrap();
    vector[1] ^= b' ' ^ b'\t';
    json!({"blob": format!("{}:{cipher}", hex::encode(vector))}).to_string()
}

/// The ways in which whoever has only recorded an envelope can spell it anew.
fn spellings(body: &str) -> Vec<String> {
    let blob = serde_json::from_str::<Value>(body).unwrap()["blob"].as_str().unwrap().to_owned();
    let upper = json!({"blob": blob.to_uppercase()}).to_string();
    let spaced = json!({"blob": format!(" {blob}\n")}).to_string();
    vec![body.to_owned(), upper, spaced, with_tab_for_space(body)]
}

#[tokio::test]
async fn an_envelope_acts_once_at_one_endpoint_however_it_is_spelled() {
    let world = World::new().await;
    let (a, b) = (device('a'), device('b'));
    let n = world.validated(L1, &a).await;
    let m = world.validated(L1, &b).await;
    // Text with a blank in its first block, which a changed vector turns into a tab.
    let spaced = |hwid: &str, nonce: &str, data: Value| {
        sealed_body(Mode::Cbc, &format!(r#"{{ "data":{data},"nonce":"{nonce}","hwid":"{hwid}"}}"#))
    };
    let path = |endpoint: &str| format!("/v1/sdk/pro/license/{endpoint}");

    // What each recorded call was, and the endpoints at which it is tried again.
    let recorded = [
        ("settings/save", spaced(&a, &n, json!({"key": L1, "hwid": a, "settings": {"theme": "dark"}}))),
        ("status", spaced(&a, &n, json!({"key": L1, "hwid": a, "version": "1"}))),
        ("settings/get", spaced(&a, &n, data(L1, &a))),
        ("seats", spaced(&a, &n, data(L1, &a))),
        ("events", spaced(&a, &n, json!({"key": L1, "type": "t", "payload": {}}))),
        ("heartbeat", spaced(&a, &n, json!({"key": L1, "hwid": a, "isClosing": false}))),
        // The endpoint alone tells what it is: it is remembered too.
        ("heartbeat", spaced(&b, &m, data(L1, &b))),
    ];
    for (endpoint, body) in &recorded {
        let reply = world.pro_body(&path(endpoint), body.clone()).await.reply;
        assert_eq!(reply.status, 200, "{endpoint}: {}", reply.text);
    }
    let newer = json!({"key": L1, "hwid": a, "settings": {"theme": "light"}});
    world.pro("settings/save", &a, GUID, newer).await.nonce();
    let before = world.get(L1, "/seats").await.body;
    let everywhere = ["validate", "status", "heartbeat", "signout", "seats", "settings/get", "settings/save", "events"];
    for (endpoint, body) in &recorded {
        for (spelling, body) in spellings(body).into_iter().enumerate() {
            for at in everywhere {
                let reply = world.pro_body(&path(at), body.clone()).await.reply;
                let lacks = reply.status == 400 && reply.body["code"] == "BAD_REQUEST";
                let is_refused = (reply.status, &reply.body["code"]) == (409, &json!("NONCE_MISMATCH"));
                assert!(is_refused || lacks, "{endpoint} at {at}, {spelling}: {}", reply.text);
            }
        }
    }
    assert_eq!(world.get(L1, "/seats").await.body, before, "nobody has gone or come");
    let got = world.pro("settings/get", &a, GUID, data(L1, &a)).await;
    assert_eq!(got.reply.body["settings"]["theme"], "light");
    // A genuine repetition has a vector of its own.
    let again = spaced(&a, GUID, json!({"key": L1, "hwid": a, "settings": {"theme": "dark"}}));
    world.pro_body(&path("settings/save"), again).await.nonce();
    // Of a strict call that never arrived nothing is remembered, and only its endpoint takes it.
    let n = world.validated(L1, &a).await;
    let kept = spaced(&a, &n, json!({"key": L1, "hwid": a, "isClosing": false}));
    for at in ["validate", "signout", "settings/get"] {
        world.pro_body(&path(at), kept.clone()).await.refused(409, "NONCE_MISMATCH");
    }
    world.pro_body(&path("heartbeat"), kept).await.nonce();
}

#[tokio::test]
async fn what_was_remembered_by_its_spelling_is_known_still() {
    let world = World::new().await;
    let a = device('a');
    let n = world.validated(L1, &a).await;
    let body = letter(&a, &json!(n), &json!({"key": L1, "hwid": a, "settings": {"theme": "dark"}}));
    let blob = serde_json::from_str::<Value>(&body).unwrap()["blob"].as_str().unwrap().to_owned();
    let seen = SeenBlob { hash: ids::sha256_hex(blob.as_bytes()), request: "op_1".into(), at: world.clock.now() };
    let meter = Meter::default();
    world.host.app.table.commit(&[Write::RememberBlob { seen }], None, &meter).await.unwrap();
    let path = "/v1/sdk/pro/license/settings/save";
    world.pro_body(path, body).await.refused(409, "NONCE_MISMATCH");
}

#[tokio::test]
async fn a34_a35_devices_register_as_on_the_plain_face() {
    let world = World::new().await;
    for letter in ['a', 'b', 'c'] {
        world.validated(L1, &device(letter)).await;
    }
    let d = device('d');
    let refused = world.pro("validate", &d, GUID, data(L1, &d)).await;
    refused.refused(403, "DEVICE_LIMIT_REACHED");
    for words in ["activation limit", "already activated", "limit"] {
        assert!(refused.reply.text_of("message").contains(words));
    }
    let a = device('a');
    let first = world.pro("status", &a, GUID, data(L1, &a)).await;
    for index in 0..10 {
        let named = json!({"key": L1, "hwid": a, "nickname": format!("Name {index}")});
        world.pro("validate", &a, GUID, named).await.nonce();
    }
    let last = world.pro("status", &a, GUID, data(L1, &a)).await;
    let own = |answer: &crate::support::pro::Sealed| {
        let machines = answer.reply.body["machines"].as_array().unwrap().clone();
        (machines.len(), machines.into_iter().find(|machine| machine["hwid"] == json!(a)).unwrap())
    };
    let ((count, before), (_, after)) = (own(&first), own(&last));
    assert_eq!((count, &after["nickname"], &after["registeredAt"]), (3, &json!("Name 9"), &before["registeredAt"]));
}

#[tokio::test]
async fn a36_the_last_place_goes_to_one_device_here_too() {
    let world = World::new().await;
    for round in 0..10 {
        let key = world.license("1", None).await;
        let hwid = |n: usize| format!("{round}-{n}");
        for n in 0..2 {
            world.validated(&key, &hwid(n)).await;
        }
        let hwids = [hwid(2), hwid(3)];
        let answers = join_all(hwids.iter().map(|hwid| world.pro("validate", hwid, GUID, data(&key, hwid)))).await;
        assert_eq!(answers.iter().filter(|answer| answer.reply.status == 200).count(), 1, "round {round}");
    }
}

#[tokio::test]
async fn a37_a38_a39_who_is_not_registered_is_told_and_only_validate_registers() {
    let world = World::new().await;
    let (a, b) = (device('a'), device('b'));
    let n = world.validated(L1, &a).await;
    let path = format!("/v1/admin/licenses/{L1}/devices/{a}");
    assert_eq!(world.admin("DELETE", &path, Value::Null).await.status, 204);
    let beat = world.pro("heartbeat", &a, n, data(L1, &a)).await;
    assert_eq!(beat.reply.seat(), ("KICKED", "KICKED"));
    assert_eq!(beat.reply.body["kickedNotice"]["reason"], "device_removed");
    assert_eq!(beat.reply.body["machines"], json!([]));
    let n = beat.nonce();
    world.pro("consume", &a, n.as_str(), use_of(&a, 1, "x")).await.refused(403, "DEVICE_NOT_REGISTERED");
    let status = world.pro("status", &a, n.as_str(), data(L1, &a)).await;
    assert_eq!(status.reply.seat(), ("KICKED", "KICKED"));
    let again = world.pro("validate", &a, n.as_str(), data(L1, &a)).await;
    assert_eq!(again.reply.seat(), ("active", "OCCUPIED"));
    let stranger = world.pro("status", &b, GUID, data(L1, &b)).await;
    assert_eq!((stranger.reply.seat().0, stranger.reply.int_of("activeSeats")), ("KICKED", 1));
    assert_eq!(stranger.reply.body["machines"].as_array().unwrap().len(), 1, "the others are listed, it is not");
    // A refusal leaves the nonce as it was.
    let n = again.nonce();
    world.pro("consume", &a, n.as_str(), use_of(&a, 1_000, "x")).await.refused(403, "INSUFFICIENT_TOKENS");
    world.pro("heartbeat", &a, n, data(L1, &a)).await.nonce();
}

#[tokio::test]
async fn a40_a47_a_stopped_license_is_told_as_data() {
    let world = World::new().await;
    let (a, b) = (device('a'), device('b'));
    let n = world.validated(L1, &a).await;
    world.set_state(L1, "suspended").await;
    let status = world.pro("status", &a, n, data(L1, &a)).await;
    assert_eq!(status.reply.seat(), ("suspended", "N/A"));
    let refused = world.pro("validate", &b, GUID, data(L1, &b)).await;
    refused.refused(403, "LICENSE_SUSPENDED");
    assert!(refused.reply.text_of("message").contains("suspended"));
    world.set_state(L1, "terminated").await;
    let beat = world.pro("heartbeat", &a, status.nonce(), data(L1, &a)).await;
    assert_eq!((beat.reply.seat().0, &beat.reply.body["machines"][0]["hwid"]), ("terminated", &json!(a)));
}

#[tokio::test]
async fn a41_a44_keys_unknown_missing_and_oddly_spelt() {
    let world = World::new().await;
    let a = device('a');
    for key in ["NOPE", "TAMPERED"] {
        let unknown = world.pro("validate", &a, "TAMPERED", data(key, &a)).await;
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
            let answer = world.pro(endpoint, &a, GUID, missing.clone()).await;
            answer.refused(400, "BAD_REQUEST");
        }
    }
    let odd = world.pro("validate", &a, GUID, data(" lic-0bec53c679bf012f ", &a)).await;
    assert_eq!(odd.reply.text_of("licenseKey"), L1);
}

#[tokio::test]
async fn the_nonce_is_judged_before_the_license() {
    let world = World::new().await;
    let a = device('a');
    world.validated(L1, &a).await;
    world.pro("heartbeat", &a, GUID, data("NOPE", &a)).await.refused(409, "NONCE_MISMATCH");
    let body = letter(&a, &json!(GUID), &data("NOPE", &a));
    let path = "/v1/sdk/pro/license/validate";
    world.pro_body(path, body.clone()).await.refused(404, "LICENSE_NOT_FOUND");
    // A refused call took no effect, so its cipher text is not remembered.
    world.pro_body(path, body).await.refused(404, "LICENSE_NOT_FOUND");
    world.pro("consume", &a, GUID, use_of(&a, 1, "x")).await.refused(409, "NONCE_MISMATCH");
}

#[tokio::test]
async fn a42_a43_versions_and_countries_hold_here_too() {
    let world = World::new().await;
    let a = device('a');
    let over = json!({"overrides": {"versioning": {"enabled": true, "minVersion": "1.0.0", "maxVersion": "2.0"}}});
    world.admin("PATCH", &format!("/v1/admin/licenses/{L1}"), over).await;
    for (version, ok) in [("0.9.9", false), ("1.0", true), ("2.0.0", true), ("2.0.1", false), ("dev-build", false)] {
        for endpoint in ["validate", "status"] {
            let asked = json!({"key": L1, "hwid": a, "version": "9.9-PRO", "clientVersion": version});
            let answer = world.pro(endpoint, &a, GUID, asked).await;
            match ok {
                true => assert_eq!(answer.reply.status, 200),
                false => {
                    assert!(answer.refused(403, "VERSION_NOT_SUPPORTED").reply.text_of("message").contains("version"))
                }
            }
        }
    }
    let n = world.pro("validate", &a, GUID, json!({"key": L1, "hwid": a, "clientVersion": "1.5"})).await.nonce();
    world.pro("heartbeat", &a, n, data(L1, &a)).await.nonce();
    let over = json!({"overrides": {"versioning": null, "geofencing": {"enabled": true, "allowedCountries": ["DE"]}}});
    world.admin("PATCH", &format!("/v1/admin/licenses/{L1}"), over).await;
    for (endpoint, country, ok) in
        [("validate", "US", false), ("status", "US", false), ("heartbeat", "US", false), ("status", "de", true)]
    {
        let mut request =
            sealed_request(&format!("/v1/sdk/pro/license/{endpoint}"), letter(&a, &json!(GUID), &data(L1, &a)));
        request.headers_mut().insert("cloudfront-viewer-country", country.parse().unwrap());
        let answer = world.opened(send(&world.host, request).await);
        match (ok, endpoint) {
            (true, _) => assert_eq!(answer.reply.body["detectedCountry"], "DE"),
            // Its nonce is judged first.
            (false, "heartbeat") => drop(answer.refused(409, "NONCE_MISMATCH")),
            (false, _) => drop(answer.refused(403, "REGION_BLOCKED")),
        }
    }
}

#[tokio::test]
async fn a51_a_closing_call_frees_the_seat_and_leaves_the_nonces_alone() {
    let world = World::new().await;
    let a = device('a');
    let n = world.validated(L1, &a).await;
    for nonce in ["skip", "TAMPERED", n.as_str()] {
        let closing = json!({"key": L1, "hwid": a, "isClosing": true});
        let closed = world.pro("heartbeat", &a, nonce, closing).await;
        assert_eq!((closed.reply.seat(), closed.nonce()), (("VALID_NO_SEAT", "RELEASED"), String::new()));
    }
    // The loop of the existing client runs on with the nonce from before, and takes no seat back.
    let beat = world.pro("heartbeat", &a, n, data(L1, &a)).await;
    assert_eq!(beat.reply.seat(), ("VALID_NO_SEAT", "RELEASED"));
    let back = world.pro("status", &a, beat.nonce(), data(L1, &a)).await;
    assert_eq!(back.reply.seat(), ("active", "OCCUPIED"));
}

#[tokio::test]
async fn a52_a_silent_device_loses_its_seat_to_one_that_waits() {
    let world = World::new().await;
    let mut nonces = Vec::new();
    for letter in ['a', 'b', 'c'] {
        nonces.push(world.validated(L1, &device(letter)).await);
    }
    for _ in 0..2 {
        world.clock.advance_seconds(300);
        nonces[1] = world.pro("heartbeat", &device('b'), nonces[1].as_str(), data(L1, &device('b'))).await.nonce();
    }
    world.clock.advance_seconds(1);
    let c = world.pro("heartbeat", &device('c'), nonces[2].as_str(), data(L1, &device('c'))).await;
    assert_eq!(c.reply.seat(), ("active", "OCCUPIED"));
    let a = world.pro("heartbeat", &device('a'), nonces[0].as_str(), data(L1, &device('a'))).await;
    assert_eq!(a.reply.seat().0, "VALID_NO_SEAT");
}

#[tokio::test]
async fn a55_a57_a_seat_is_released_in_an_envelope_on_the_plain_path() {
    let world = World::new().await;
    let (a, b, c) = (device('a'), device('b'), device('c'));
    world.validated(L1, &a).await;
    world.validated(L1, &b).await;
    let n = world.validated(L1, &c).await;
    let path = format!("/v1/sdk/license/{L1}/release-seat");
    let release = |target: &str, nonce: &str| {
        letter(&c, &json!(nonce), &json!({"targetHwid": target, "callerHwid": c, "claimSeat": true}))
    };
    let body = release(&a, &n);
    let released = world.pro_body(&path, body.clone()).await;
    let output = &released.reply.body;
    assert_eq!(
        (&output["success"], &output["seatClaimed"], &output["activeSeats"]),
        (&json!(true), &json!(true), &json!(2))
    );
    assert_eq!(output["releasedHwid"], json!(a));
    world.pro_body(&path, body).await.refused(409, "NONCE_MISMATCH");
    world.clock.advance_seconds(10);
    let n = released.nonce();
    let early = world.pro_body(&path, release(&b, &n)).await;
    early.refused(403, "SEAT_RELEASE_COOLDOWN");
    for word in ["wait", "cooldown", "290"] {
        assert!(early.reply.text_of("message").contains(word));
    }
    world.clock.advance_seconds(290);
    assert_eq!(world.pro_body(&path, release(&b, &n)).await.reply.status, 200);
    // The kicked device is told until it comes back by itself; then it competes like any other.
    let beat = world.pro("status", &a, GUID, data(L1, &a)).await;
    assert_eq!(beat.reply.seat(), ("active", "OCCUPIED"));
}

#[tokio::test]
async fn a101_a_kicked_device_is_told_once_it_asks_and_stops() {
    let world = World::new().await;
    let (a, b, c) = (device('a'), device('b'), device('c'));
    let mut n = world.validated(L1, &a).await;
    world.validated(L1, &b).await;
    let m = world.validated(L1, &c).await;
    let body = letter(&c, &json!(m), &json!({"targetHwid": a, "callerHwid": c, "claimSeat": true}));
    world.pro_body(&format!("/v1/sdk/license/{L1}/release-seat"), body).await.nonce();
    for _ in 0..2 {
        let beat = world.pro("heartbeat", &a, n, data(L1, &a)).await;
        assert_eq!(
            (beat.reply.seat(), &beat.reply.body["kickedNotice"]["reason"]),
            (("KICKED", "KICKED"), &json!("seat_released"))
        );
        n = beat.nonce();
    }
    let used = world.pro("consume", &a, n, use_of(&a, 1, "x")).await;
    assert_eq!((used.reply.seat().0, used.reply.int_of("tokensRemaining")), ("KICKED", 99));
    let back = world.pro("status", &a, used.nonce(), data(L1, &a)).await;
    assert_eq!((back.reply.seat(), &back.reply.body["kickedNotice"]), (("VALID_NO_SEAT", "NO_SEAT"), &Value::Null));
}

#[tokio::test]
async fn a61_pro_only_licenses_are_served_and_their_seats_listed() {
    let world = World::new().await;
    let over = json!({"overrides": {"sdkEnforcement": {"mode": "pro_only"}}});
    world.admin("PATCH", &format!("/v1/admin/licenses/{L1}"), over).await;
    let (a, b) = (device('a'), device('b'));
    let n = world.validated(L1, &a).await;
    world.validated(L1, &b).await;
    world.activate(L1, &a).await.refused(403, "PRO_SDK_REQUIRED");
    let plain = json!({"targetHwid": b, "callerHwid": a, "claimSeat": false});
    world.post(L1, "release-seat", plain.clone()).await.refused(403, "PRO_SDK_REQUIRED");
    assert_eq!(world.get(L1, &format!("/seats?hwid={a}")).await.int_of("activeSeats"), 2);
    let path = format!("/v1/sdk/license/{L1}/release-seat");
    world.pro_body(&path, letter(&a, &json!(n), &plain)).await.nonce();
}

#[tokio::test]
async fn a64_a74_single_uses() {
    let world = World::new().await;
    let a = device('a');
    let n = world.validated(L1, &a).await;
    for amount in [json!(0), json!(-1), json!(2.5), json!("5x"), Value::Null] {
        let asked = json!({"key": L1, "amount": amount, "action": "export", "hwid": a});
        world.pro("consume", &a, n.as_str(), asked).await.refused(400, "BAD_REQUEST");
    }
    let used = world.pro("consume", &a, n, use_of(&a, 5, "export")).await;
    assert_eq!((used.reply.int_of("tokensConsumed"), used.reply.int_of("tokensRemaining")), (5, 95));
    assert_eq!(used.reply.body["machines"][0]["hwid"], json!(a));
}

#[tokio::test]
async fn a66_a73_batches_are_applied_whole() {
    let world = World::new().await;
    let a = device('a');
    let n = world.validated(L1, &a).await;
    let n = world.pro("consume", &a, n, use_of(&a, 92, "x")).await.nonce();
    let batch = json!({"key": L1, "hwid": a, "usages": [queued(&a, 10, "x", "2026-01-03T21:59:23.1234567Z")]});
    let done = world.pro("consume-batch", &a, n, batch).await;
    assert_eq!((done.reply.int_of("tokensRemaining"), &done.reply.body["batchResult"]["accepted"]), (-2, &json!(1)));
    let perp = world.policy(local::demo::perp()).await;
    let l2 = world.license(&perp, None).await;
    let n = world.pro("validate", &a, done.nonce(), data(&l2, &a)).await.nonce();
    let asked = json!({"key": l2, "amount": 1, "action": "x", "hwid": a});
    world.pro("consume", &a, n.as_str(), asked).await.refused(403, "TOKENS_DISABLED");
    let usages =
        json!([{"key": l2, "amount": 1, "action": "x", "hwid": a, "timestamp": "2026-01-03T21:59:23.1234567Z"}]);
    let done = world.pro("consume-batch", &a, n, json!({"key": l2, "hwid": a, "usages": usages})).await;
    assert_eq!((done.reply.status, &done.reply.body["tokensRemaining"]), (200, &Value::Null));
}

/// However many uses cannot be read, they cost one look at the table.
#[tokio::test]
async fn uses_that_are_left_out_anyway_cost_nothing() {
    let world = World::new().await;
    let a = device('a');
    let n = world.validated(L1, &a).await;
    let mut usages = vec![json!({}); 5_000];
    usages.push(queued(&a, 1, "x", "2026-01-03T21:59:23.0000000Z"));
    let done = world.pro("consume-batch", &a, n, json!({"key": L1, "hwid": a, "usages": usages})).await;
    let result = &done.reply.body["batchResult"];
    assert_eq!((&result["accepted"], result["skipped"].as_array().map(Vec::len)), (&json!(1), Some(1_000)));
    assert!(done.reply.spent.round_trips <= 5, "{:?}", done.reply.spent);
}

/// The existing client sends all that it queued, whatever that is, and refusing it for its length would make it send the same
/// for ever. Each call gets on by a bounded number of uses, and says when to come again.
#[tokio::test]
async fn a_queue_of_any_length_is_charged_bounded_call_by_call() {
    // Without ids the memory of the batch tells what is done, with ids the ledger does.
    for (named, calls) in [("", 2), ("batch", 1), ("uses", 1)] {
        let world = World::new().await;
        world.project_settings(json!({"tokens": {"batchFloor": "none"}})).await;
        let a = device('a');
        let mut n = world.validated(L1, &a).await;
        let queue: Vec<_> = (0..1_000 * calls + 300)
            .map(|n| {
                let mut usage = queued(&a, 1, "x", &format!("2026-01-03T21:59:23.{n:07}Z"));
                if named == "uses" {
                    usage["operationId"] = json!(format!("use-{n}"));
                }
                usage
            })
            .collect();
        // What it used meanwhile stands at the end of what it sends next.
        let mut sent = 1_000 * calls + 100;
        for done in (1..=calls as i64).map(|call| 1_000 * call) {
            let mut batch = json!({"key": L1, "hwid": a, "usages": queue[..sent]});
            if named == "batch" {
                batch["operationId"] = json!("the-queue");
            } else {
                sent += 100;
            }
            let reply = world.pro("consume-batch", &a, n.as_str(), batch).await.reply;
            assert_eq!(reply.status, 503, "{named}: {}", reply.text);
            assert_eq!(reply.headers["retry-after"], "1");
            assert!(reply.spent.round_trips <= 40, "{named}: {:?}", reply.spent);
            assert_eq!(remaining(&world).await, 100 - done, "{named}");
            // Whatever else it calls, its place is kept.
            n = world.validated(L1, &a).await;
        }
        let mut batch = json!({"key": L1, "hwid": a, "usages": queue[..sent]});
        if named == "batch" {
            batch["operationId"] = json!("the-queue");
        }
        let done = world.pro("consume-batch", &a, n, batch).await;
        let result = &done.reply.body["batchResult"];
        let (sent, before) = (sent as i64, 1_000 * calls as i64);
        assert_eq!((&result["duplicates"], &result["accepted"]), (&json!(before), &json!(sent - before)), "{named}");
        assert_eq!((&result["results"], done.reply.int_of("tokensRemaining")), (&json!([]), 100 - sent), "{named}");
        assert_eq!(world.audit(L1).await, sent, "{named}");
    }
}

#[tokio::test]
async fn t4_a_batch_whose_answer_was_lost_is_charged_once() {
    let world = World::new().await;
    let a = device('a');
    let n = world.validated(L1, &a).await;
    let use_at = |n: i64| queued(&a, n, "x", &format!("2026-01-03T21:59:2{n}.0000000Z"));
    let batch = |usages: Vec<Value>| json!({"key": L1, "hwid": a, "usages": usages});
    let lost = world.pro("consume-batch", &a, n.as_str(), batch(vec![use_at(1), use_at(2)])).await;
    assert_eq!(lost.reply.int_of("tokensRemaining"), 97);
    // The answer never arrived: the device comes back with what it had, is brought into step, and sends all it has.
    world.pro("consume-batch", &a, n.as_str(), batch(vec![use_at(1), use_at(2)])).await.refused(409, "NONCE_MISMATCH");
    let fresh = world.validated(L1, &a).await;
    let again = world.pro("consume-batch", &a, fresh, batch(vec![use_at(1), use_at(2), use_at(3)])).await;
    let result = &again.reply.body["batchResult"];
    assert_eq!(
        (again.reply.int_of("tokensRemaining"), &result["accepted"], &result["duplicates"]),
        (94, &json!(1), &json!(2))
    );
    // This answer arrived, as its nonce proves: the same uses are other uses now.
    let next = world.pro("consume-batch", &a, again.nonce(), batch(vec![use_at(1), use_at(2), use_at(3)])).await;
    assert_eq!(next.reply.int_of("tokensRemaining"), 88);
    assert_eq!(world.audit(L1).await, 12);
}

#[tokio::test]
async fn a72_a_use_whose_answer_was_lost_is_charged_once() {
    let world = World::new().await;
    let a = device('a');
    let n5 = world.validated(L1, &a).await;
    world.pro("consume", &a, n5.as_str(), use_of(&a, 5, "x")).await.nonce();
    world.clock.advance_seconds(200);
    world.pro("heartbeat", &a, n5.as_str(), data(L1, &a)).await.refused(409, "NONCE_MISMATCH");
    let n6 = world.pro("validate", &a, n5.as_str(), data(L1, &a)).await.nonce();
    let usages =
        json!([queued(&a, 5, "x", "2026-01-03T23:59:59.0000000Z"), queued(&a, 5, "x", "2026-01-03T23:59:59.0000000Z")]);
    let batch = json!({"key": L1, "hwid": a, "usages": usages});
    let done = world.pro("consume-batch", &a, n6, batch).await;
    let result = &done.reply.body["batchResult"];
    assert_eq!(
        (done.reply.int_of("tokensRemaining"), &result["accepted"], &result["duplicates"]),
        (90, &json!(1), &json!(1))
    );
}

#[tokio::test]
async fn without_evidence_equal_uses_are_different_uses() {
    let world = World::new().await;
    let a = device('a');
    let n = world.validated(L1, &a).await;
    let n = world.pro("consume", &a, n, use_of(&a, 5, "x")).await.nonce();
    world.clock.advance_seconds(200);
    let batch = json!({"key": L1, "hwid": a, "usages": [queued(&a, 5, "x", "2026-01-04T00:00:00.0000000Z")]});
    let done = world.pro("consume-batch", &a, n, batch).await;
    assert_eq!(done.reply.int_of("tokensRemaining"), 90);
}

#[tokio::test]
async fn a78_a79_a81_settings_travel_in_envelopes() {
    let world = World::new().await;
    let (a, b) = (device('a'), device('b'));
    world.validated(L1, &a).await;
    let n = world.validated(L1, &b).await;
    let save = async |settings: Value| {
        world.pro("settings/save", &a, GUID, json!({"key": L1, "hwid": a, "settings": settings})).await
    };
    let settings = json!({"theme": "dark", "n": {"a": [1, null, true]}, "x": 0.9501, "path": "C:\\/tmp", "e": 1e300});
    assert_eq!(save(settings.clone()).await.reply.status, 200);
    let got = world.pro("settings/get", &b, GUID, data(L1, &b)).await;
    let mut expected = settings.clone();
    // Rounded on the way to what the existing client prints alike.
    expected["x"] = json!(0.950100000000001);
    assert_eq!(got.reply.body["settings"], expected);
    let beat = world.pro("heartbeat", &b, n, data(L1, &b)).await;
    assert_eq!(beat.reply.body["userSettings"], expected);
    // Stored as they were saved.
    assert_eq!(world.get(L1, "/settings").await.body["settings"], settings);
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
    world.pro("settings/get", &d, GUID, data(L1, &d)).await.refused(403, "DEVICE_NOT_REGISTERED");
}

#[tokio::test]
async fn a90_an_air_gapped_license_is_closed_to_both_faces() {
    let world = World::new().await;
    let air = world.policy(local::demo::air()).await;
    let l3 = world.license(&air, None).await;
    let a = device('a');
    for endpoint in ["validate", "status", "heartbeat", "consume", "consume-batch"] {
        let asked = json!({"key": l3, "hwid": a, "amount": 1, "action": "x", "usages": []});
        world.pro(endpoint, &a, GUID, asked).await.refused(403, "OFFLINE_ACTIVATION_REQUIRED");
    }
}

#[tokio::test]
async fn an_air_gapped_licenses_device_is_answered_quietly_whatever_nonce_it_presents() {
    let world = World::new().await;
    let air = world.policy(local::demo::air()).await;
    let l3 = world.license(&air, None).await;
    let (a, b) = (device('a'), device('b'));
    let file = json!({"hwids": [a]});
    assert_eq!(world.admin("POST", &format!("/v1/admin/licenses/{l3}/offline-file"), file).await.status, 200);
    // Both devices have used another license of the project, so each has a chain of nonces.
    world.validated(L1, &a).await;
    world.validated(L1, &b).await;
    let before = world.admin("GET", &format!("/v1/admin/licenses/{l3}"), Value::Null).await.body;
    for (endpoint, nonce) in [("heartbeat", GUID), ("heartbeat", "stale"), ("validate", GUID), ("status", "TAMPERED")] {
        let output = world.pro(endpoint, &a, nonce, data(&l3, &a)).await;
        assert_eq!(output.reply.seat(), ("active", "N/A"), "{endpoint}");
        let body = &output.reply.body;
        assert_eq!((&body["policy"]["isAirGapped"], &body["offlineEnabled"]), (&json!(true), &json!(true)));
        assert_eq!(body["machines"].as_array().unwrap().len(), 1, "{endpoint}");
        // The nonce that it is told is good for the other license.
        assert_eq!(world.pro("heartbeat", &a, output.nonce(), data(L1, &a)).await.reply.status, 200, "{endpoint}");
    }
    let closing = world.pro("heartbeat", &a, "stale", json!({"key": l3, "hwid": a, "isClosing": true})).await;
    assert_eq!(closing.reply.status, 200, "{}", closing.reply.text);
    // A device without a file, and what would spend online, hear why, and not of a nonce.
    let spend = json!({"key": l3, "hwid": a, "amount": 1, "action": "x", "usages": []});
    for (endpoint, hwid, asked) in [
        ("heartbeat", &b, data(&l3, &b)),
        ("validate", &b, data(&l3, &b)),
        ("status", &b, data(&l3, &b)),
        ("consume", &a, spend.clone()),
        ("consume-batch", &a, spend),
    ] {
        world.pro(endpoint, hwid, "stale", asked).await.refused(403, "OFFLINE_ACTIVATION_REQUIRED");
    }
    let after = world.admin("GET", &format!("/v1/admin/licenses/{l3}"), Value::Null).await.body;
    assert_eq!(before["machines"], after["machines"], "nothing is noted");
    world.beat(&l3, &a).await.refused(403, "OFFLINE_ACTIVATION_REQUIRED");
    world.set_state(&l3, "suspended").await;
    assert_eq!(world.pro("heartbeat", &a, "stale", data(&l3, &a)).await.reply.seat(), ("suspended", "N/A"));
}

#[tokio::test]
async fn a97_events_of_any_kind_are_taken_and_disturb_nothing() {
    let world = World::new().await;
    let a = device('a');
    let n = world.validated(L1, &a).await;
    let event = json!({"key": L1, "type": "Whatever", "payload": {"deep": {"list": [1, {"x": null}]}}});
    let output = world.pro("events", &a, n.as_str(), event.clone()).await;
    assert_eq!(output.reply.body, json!({"success": true}));
    world.pro("heartbeat", &a, n, data(L1, &a)).await.nonce();
    let large = json!({"key": L1, "type": "x", "payload": {"t": "y".repeat(16_384)}});
    world.pro("events", &a, GUID, large).await.refused(400, "BAD_REQUEST");
    world.pro("events", &a, GUID, json!({"key": "NOPE", "type": "x"})).await.refused(404, "LICENSE_NOT_FOUND");
}

#[tokio::test]
async fn other_names_of_endpoints_answer_alike() {
    let world = World::new().await;
    let (a, b) = (device('a'), device('b'));
    let n = world.pro("activate", &a, GUID, data(L1, &a)).await.nonce();
    world.pro("activate", &b, GUID, data(L1, &b)).await.nonce();
    let seats = world.pro("seats", &a, n.as_str(), data(L1, &a)).await;
    assert_eq!(seats.reply.int_of("activeSeats"), 2);
    let release = json!({"key": L1, "targetHwid": b, "callerHwid": a, "claimSeat": false});
    let released = world.pro("release-seat", &a, n, release).await;
    assert_eq!((&released.reply.body["success"], released.reply.int_of("activeSeats")), (&json!(true), 1));
    let out = world.pro("signout", &a, released.nonce(), data(L1, &a)).await;
    assert_eq!((out.nonce(), out.reply.int_of("activeSeats")), (String::new(), 0));
}

#[tokio::test]
async fn stronger_settings_hold() {
    let world = World::new().await;
    let a = device('a');
    world.validated(L1, &a).await;
    world.project_settings(json!({"security": {"gcmOnly": true}})).await;
    world.pro("validate", &a, GUID, data(L1, &a)).await.refused(400, "BAD_ENVELOPE");
    let plain = json!({"data": data(L1, &a), "nonce": GUID, "hwid": a}).to_string();
    let answer = world.pro_body("/v1/sdk/pro/license/validate", sealed_body(Mode::Gcm, &plain)).await;
    assert_eq!(answer.reply.status, 200);

    world.project_settings(json!({"security": null, "clientDates": "naive"})).await;
    let answer = world.pro("status", &a, GUID, data(L1, &a)).await;
    assert_eq!(answer.reply.text_of("validUntil"), "2026-02-03T00:00:00.000");
    assert_eq!(world.get(L1, "").await.text_of("validUntil"), "2026-02-03T00:00:00.000Z");
    let seats = world.get(L1, "/seats").await;
    assert!(!seats.body["seats"][0]["lastSeen"].as_str().unwrap().ends_with('Z'), "{}", seats.text);

    world.project_settings(json!({"tokens": {"overdraftFloor": 10}})).await;
    let n = world.validated(L1, &a).await;
    let use_of_all = |amount: i64| json!({"key": L1, "hwid": a, "usages": [queued(&a, amount, "x", "2026-01-03T21:59:23.0000000Z")]});
    let at_floor = world.pro("consume-batch", &a, n, use_of_all(110)).await;
    assert_eq!((at_floor.reply.seat().0, at_floor.reply.int_of("tokensRemaining")), ("active", -10));
    let below = world.pro("consume-batch", &a, at_floor.nonce(), use_of_all(1)).await;
    assert_eq!(below.reply.seat(), ("suspended", "N/A"));
    world.pro("consume", &a, below.nonce(), use_of(&a, 1, "x")).await.refused(403, "LICENSE_SUSPENDED");
    let credit = json!({"amount": 50, "reason": "top-up"});
    assert_eq!(world.admin("POST", &format!("/v1/admin/licenses/{L1}/tokens"), credit).await.status, 200);
    assert_eq!(world.pro("status", &a, GUID, data(L1, &a)).await.reply.seat(), ("active", "OCCUPIED"));

    let bad = json!({"settings": {"security": {"deviceKeys": "maybe"}, "clientDates": 1}});
    let refused = world.admin("PATCH", &format!("/v1/admin/projects/{}", world.project_id), bad).await;
    assert_eq!(refused.refused(400, "BAD_REQUEST").body["details"]["problems"].as_array().unwrap().len(), 2);
}

#[tokio::test]
async fn a_device_with_a_key_of_its_own_speaks_for_itself() {
    use ltlm_protocol::proof;
    let world = World::new().await;
    world.project_settings(json!({"security": {"deviceKeys": "required"}})).await;
    let (a, seed) = (device('a'), [7; 32]);
    let now = shared::service::ports::Clock::now(world.clock.as_ref()).ms();
    let send_signed = async |endpoint: &str, nonce: &str, asked: Value, seed: [u8; 32]| {
        let path = format!("/v1/sdk/pro/license/{endpoint}");
        let mut request = sealed_request(&path, letter(&a, &json!(nonce), &asked));
        let message = proof::message("POST", &path, request.body(), now, nonce);
        request.headers_mut().insert(proof::SIGNATURE_HEADER, proof::sign(&seed, &message).parse().unwrap());
        request.headers_mut().insert(proof::TIME_HEADER, now.into());
        world.opened(send(&world.host, request).await)
    };
    world.pro("validate", &a, GUID, data(L1, &a)).await.refused(403, "DEVICE_KEY_REQUIRED");
    let with_key = json!({"key": L1, "hwid": a, "deviceKey": proof::public_key(&seed)});
    send_signed("validate", GUID, with_key.clone(), [8; 32]).await.refused(401, "DEVICE_SIGNATURE_REJECTED");
    let n = send_signed("validate", GUID, with_key, seed).await.nonce();
    let n = send_signed("heartbeat", &n, data(L1, &a), seed).await.nonce();
    world.pro("heartbeat", &a, n.as_str(), data(L1, &a)).await.refused(401, "DEVICE_SIGNATURE_REJECTED");
    send_signed("heartbeat", &n, data(L1, &a), [8; 32]).await.refused(401, "DEVICE_SIGNATURE_REJECTED");
    // The plain face asks for the same.
    world.beat(L1, &a).await.refused(401, "DEVICE_SIGNATURE_REJECTED");
    let mut request = crate::support::post_request(L1, "heartbeat", &json!({"hwid": a}));
    let message = proof::message("POST", &format!("/v1/sdk/license/{L1}/heartbeat"), request.body(), now, "once");
    request.headers_mut().insert(proof::SIGNATURE_HEADER, proof::sign(&seed, &message).parse().unwrap());
    request.headers_mut().insert(proof::TIME_HEADER, now.into());
    request.headers_mut().insert(proof::NONCE_HEADER, "once".parse().unwrap());
    assert_eq!(world.send(request).await.seat(), ("active", "OCCUPIED"));
    let other = json!({"key": L1, "hwid": a, "deviceKey": proof::public_key(&[8; 32])});
    send_signed("validate", &n, other, seed).await.refused(401, "DEVICE_SIGNATURE_REJECTED");
}

#[tokio::test]
async fn another_secret_of_the_project_opens_the_same_chain() {
    let world = World::new().await;
    let a = device('a');
    let n = world.validated(L1, &a).await;
    let path = format!("/v1/admin/projects/{}/secrets", world.project_id);
    let added = world.admin("POST", &path, Value::Null).await;
    let secret = added.text_of("secretKey").to_owned();
    let key = *envelope::key_of_secret(&secret).unwrap();
    let plain = json!({"data": data(L1, &a), "nonce": n, "hwid": a}).to_string();
    let body = json!({"blob": envelope::seal(&key, Mode::Cbc, [3; 16], &plain)}).to_string();
    let mut request = sealed_request("/v1/sdk/pro/license/heartbeat", body);
    // Under the header of the first secret it does not open.
    let mixed = send(
        &world.host,
        sealed_request("/v1/sdk/pro/license/heartbeat", String::from_utf8_lossy(request.body()).into_owned()),
    )
    .await;
    mixed.refused(400, "BAD_ENVELOPE");
    request.headers_mut().insert("x-project-secret", secret.parse().unwrap());
    let reply = send(&world.host, request).await;
    let (_, answer) = envelope::decrypt(&key, &reply.text).unwrap();
    let members = envelope::verify(&world.public_key, answer).unwrap();
    let next = members["server_nonce"].as_str().unwrap().to_owned();
    world.pro("heartbeat", &a, next, data(L1, &a)).await.nonce();
}

#[tokio::test]
async fn a_body_beyond_the_maximum_is_refused() {
    let world = World::new().await;
    let body = Bytes::from(vec![b'a'; 4 * 1024 * 1024 + 1]);
    let mut request = sealed_request("/v1/sdk/pro/license/validate", String::new());
    *request.body_mut() = body;
    send(&world.host, request).await.refused(413, "BODY_TOO_LARGE");
}

#[test]
fn the_public_key_of_appendix_a_is_read_from_its_pem() {
    let pem = "-----BEGIN PUBLIC KEY-----\nMCowBQYDK2VwAyEAKay64UG8yvCyLhqU000LxzYeUm0L/hLIl5S8kyKWbdc=\n-----END PUBLIC KEY-----";
    assert_eq!(hex::encode(public_key(pem)), "29acbae141bccaf0b22e1a94d34d0bc7361e526d0bfe12c89794bc9322966dd7");
}

#[tokio::test]
async fn a16_a17_a18_every_answer_can_be_read_by_the_existing_client() {
    let world = World::new().await;
    let a = device('a');
    let mut terms = local::demo::sub();
    terms["config"]["limits"]["tokens"] = json!({"enabled": true, "maxTokens": 3_000_000_000_i64});
    terms["config"]["features"] = json!({"on": true, "five": 5, "half": 1.5, "none": null, "deep": {"x": [1]}});
    let policy = world.policy(terms).await;
    let key = world.license(&policy, None).await;
    let output = world.pro("validate", &a, GUID, data(&key, &a)).await.reply.body;
    assert_eq!(output["tokensLimit"], json!(i32::MAX));
    let features = output["config"]["features"].as_object().unwrap();
    assert!(features.values().all(|value| value.is_string() || value.is_null()), "{features:?}");
    assert_eq!((&features["on"], &features["deep"]), (&json!("true"), &json!("{\"x\":[1]}")));
    let at = |path: &str| output.pointer(path).unwrap_or_else(|| panic!("{path}"));
    for path in ["/seatsEnabled", "/tokensEnabled", "/offlineEnabled", "/policy/isAirGapped"] {
        assert!(at(path).is_boolean(), "{path}");
    }
    for path in ["/machines", "/policy/topUpOptions"] {
        assert!(at(path).is_array(), "{path}");
    }
    for path in ["/customer", "/config", "/config/projectSettings", "/userSettings", "/policy"] {
        assert!(at(path).is_object(), "{path}");
    }
    at("/customer/metadata/name");
}

#[tokio::test]
async fn a45_a46_a48_a49_a_license_over_time() {
    let world = World::new().await;
    let (a, b) = (device('a'), device('b'));
    let key = world.license("1", None).await;
    let mut n = world.validated(&key, &a).await;
    let interval = world.pro("status", &a, GUID, data(&key, &a)).await.reply.int_of("heartbeatIntervalSeconds");
    let mut beat_after_days = async |days: i64| {
        world.clock.advance_seconds(days * 86_400);
        let beat = world.pro("heartbeat", &a, n.as_str(), data(&key, &a)).await;
        n = beat.nonce();
        assert_eq!(beat.reply.int_of("heartbeatIntervalSeconds"), interval);
        beat
    };
    assert_eq!(beat_after_days(31).await.reply.seat(), ("grace_period", "OCCUPIED"));
    let ended = beat_after_days(7).await;
    assert_eq!((ended.reply.seat(), &ended.reply.body["kickedNotice"]), (("expired", "N/A"), &Value::Null));
    let other = world.pro("validate", &b, GUID, data(&key, &b)).await;
    assert_eq!((other.reply.seat().0, other.reply.int_of("activeSeats")), ("expired", 0));

    let perp = world.policy(local::demo::perp()).await;
    let l2 = world.license(&perp, None).await;
    let output = world.pro("validate", &a, GUID, data(&l2, &a)).await.reply.body;
    assert_eq!((&output["validUntil"], &output["policy"]["type"]), (&Value::Null, &json!("perpetual")));
    assert_ne!(output["config"]["limits"]["time"]["mode"], "duration");
    let mut terms = local::demo::sub();
    terms["config"]["sdkEnforcement"] =
        json!({"heartbeat": {"interval": 10}, "offlineGracePeriod": {"enabled": false}});
    let policy = world.policy(terms).await;
    let key = world.license(&policy, None).await;
    let output = world.pro("validate", &a, GUID, data(&key, &a)).await.reply;
    assert_eq!((output.int_of("heartbeatIntervalSeconds"), output.int_of("offlineGraceHours")), (600, 0));
    assert_eq!(output.body["offlineEnabled"], false);
}

#[tokio::test]
async fn a50_a54_a59_a60_a62_seats_on_the_encrypted_face() {
    let world = World::new().await;
    let (a, b, c) = (device('a'), device('b'), device('c'));
    world.validated(L1, &a).await;
    let mut n = world.validated(L1, &b).await;
    let third = world.pro("validate", &c, GUID, data(L1, &c)).await;
    assert_eq!(third.reply.seat(), ("VALID_NO_SEAT", "NO_SEAT"));
    assert_eq!((third.reply.int_of("activeSeats"), third.reply.int_of("maxConcurrentSeats")), (2, 2));
    assert_eq!(third.reply.body["canReleaseSeat"], true);
    let release = |claim: bool| json!({"key": L1, "targetHwid": a, "callerHwid": c, "claimSeat": claim});
    let released = world.pro("release-seat", &c, third.nonce(), release(false)).await;
    assert_eq!((&released.reply.body["seatClaimed"], released.reply.int_of("activeSeats")), (&json!(false), 1));
    let mut m = released.nonce();
    // One free seat, and two devices that ask at once: one has it.
    for round in 0..10 {
        let signout = world.pro("signout", &b, GUID, data(L1, &b)).await;
        assert_eq!(signout.reply.status, 200);
        world.pro("signout", &c, GUID, data(L1, &c)).await.nonce();
        world.pro("status", &a, GUID, data(L1, &a)).await.nonce();
        let calls =
            [world.pro("status", &b, n.as_str(), data(L1, &b)), world.pro("status", &c, m.as_str(), data(L1, &c))];
        let answers = join_all(calls).await;
        let seated = answers.iter().filter(|answer| answer.reply.seat().1 == "OCCUPIED").count();
        assert_eq!(seated, 1, "round {round}");
        (n, m) = (answers[0].nonce(), answers[1].nonce());
    }
    let over = json!({"overrides": {"customerActions": {"allowRemoteSeatRelease": false}}});
    world.admin("PATCH", &format!("/v1/admin/licenses/{L1}"), over).await;
    let refused = world.pro("release-seat", &c, m, release(true)).await;
    refused.refused(403, "SEAT_RELEASE_NOT_ALLOWED");
    assert_eq!(world.get(L1, "/seats").await.int_of("activeSeats"), 2);
    let perp = world.policy(local::demo::perp()).await;
    let l2 = world.license(&perp, None).await;
    let off = world.pro("validate", &a, GUID, data(&l2, &a)).await.reply;
    assert_eq!(
        (off.seat().1, &off.body["seatsEnabled"], &off.body["maxConcurrentSeats"]),
        ("N/A", &json!(false), &Value::Null)
    );
    assert_eq!(world.get(&l2, "/seats").await.body["seats"], json!([]));
}

#[tokio::test]
async fn a67_fifty_devices_spend_a_hundred_tokens_in_envelopes() {
    let world = World::new().await;
    let key =
        world.license_with(json!({"devices": {"maxDevices": 60}, "tokens": {"enabled": true, "maxTokens": 100}})).await;
    let hwids: Vec<_> = (0..50).map(|n| format!("{n:064}")).collect();
    let mut nonces = Vec::new();
    for hwid in &hwids {
        nonces.push(world.validated(&key, hwid).await);
    }
    let calls = hwids.iter().zip(&nonces).map(|(hwid, nonce)| {
        let used = json!({"key": key, "amount": 3, "action": "x", "hwid": hwid});
        Box::pin(world.pro("consume", hwid, nonce.as_str(), used))
    });
    let answers = join_all(calls).await;
    let charged = answers.iter().filter(|answer| answer.reply.status == 200).count();
    assert_eq!(charged, 33);
    for answer in answers.iter().filter(|answer| answer.reply.status != 200) {
        answer.refused(403, "INSUFFICIENT_TOKENS");
    }
    assert_eq!(world.audit(&key).await, 99);
}

#[tokio::test]
async fn a102_a103_a_removed_device_is_told_and_one_failure_is_forgotten() {
    let world = World::new().await;
    let a = device('a');
    let n = world.validated(L1, &a).await;
    world.host.app.table.stop_after(Some(0));
    let failed = world.pro("heartbeat", &a, n.as_str(), data(L1, &a)).await;
    world.host.app.table.stop_after(None);
    assert_eq!(failed.reply.status, 500);
    let beat = world.pro("heartbeat", &a, n, data(L1, &a)).await;
    assert_eq!((beat.reply.seat().0, beat.reply.int_of("offlineGraceHours")), ("active", 72));
    world.admin("DELETE", &format!("/v1/admin/licenses/{L1}/devices/{a}"), Value::Null).await;
    let output = world.pro("heartbeat", &a, beat.nonce(), data(L1, &a)).await;
    assert_eq!((output.reply.seat().0, &output.reply.body["machines"]), ("KICKED", &json!([])));
}

/// Members of every type in every place: a refusal that says what is wrong, or an answer; never a failure of ours.
#[tokio::test]
async fn members_of_any_type_are_refused_and_never_break_anything() {
    let world = World::new().await;
    let a = device('a');
    world.validated(L1, &a).await;
    let before = remaining(&world).await;
    let values =
        [json!(null), json!(true), json!(-1.5), json!(1e300), json!(""), json!("x"), json!([[]]), json!({"$ref": {}})];
    let members = [
        "key",
        "hwid",
        "amount",
        "action",
        "usages",
        "settings",
        "isClosing",
        "type",
        "payload",
        "targetHwid",
        "meta",
        "deviceKey",
    ];
    let endpoints = [
        "validate",
        "status",
        "heartbeat",
        "consume",
        "consume-batch",
        "settings/save",
        "events",
        "release-seat",
        "seats",
    ];
    for endpoint in endpoints {
        for member in members {
            for value in &values {
                let mut asked = json!({"key": L1, "hwid": a, "amount": 1, "action": "x", "usages": [], "settings": {},
                    "type": "x", "targetHwid": a, "callerHwid": a});
                asked[member] = value.clone();
                let answer = world.pro(endpoint, &a, "not a nonce", asked).await;
                assert!(answer.reply.status < 500, "{endpoint} {member} {value}: {}", answer.reply.text);
            }
        }
    }
    assert_eq!(remaining(&world).await, before);
}
