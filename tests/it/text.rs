//! Text as people and programs send it: half characters, byte order marks, long numbers, spellings of one address or key, far dates,
//! control characters in names, and the version under either of its names.

use bytes::Bytes;
use http::Request;
use ltlm_protocol::envelope::Mode;
use serde_json::{Value, json};

use crate::support::pro::sealed_body;
use crate::support::{ADMIN_KEY, L1, Reply, SECRET, World, device};

impl World {
    /// Sends these bytes, with the project's secret and an administrator's key.
    async fn bytes(&self, method: &str, path: &str, body: impl Into<Bytes>) -> Reply {
        let request = Request::builder()
            .method(method)
            .uri(path)
            .header("x-project-secret", SECRET)
            .header("authorization", format!("Bearer {ADMIN_KEY}"))
            .header("content-type", "application/json");
        self.send(request.body(body.into()).unwrap()).await
    }
}

#[tokio::test]
async fn json_is_read_alike_on_both_faces() {
    let world = World::new().await;
    let a = device('a');
    let settings = format!("/v1/sdk/license/{L1}/settings");
    let document = r#"{"half":"a\ud83dz","pair":"\ud83d\ude00","\ude00":1,"digits":123456789012345678901234567890,
        "below":-9223372036854775809,"point":1.50,"power":1e2}"#;
    let printed = concat!(
        r#"{"half":"a�z","pair":"😀","�":1,"digits":123456789012345678901234567890,"#,
        r#""below":-9223372036854775809,"point":1.5,"power":100.0}"#
    );
    // A half character, a byte order mark, and digits: through the table, and in the answer.
    let saved = world.bytes("PUT", &settings, format!("\u{feff}{{\"settings\":{document}}}")).await;
    assert_eq!(saved.status, 200, "{}", saved.text);
    for answer in [saved, world.get(L1, "/settings").await] {
        assert!(answer.text.contains(&format!("\"settings\":{printed}")), "{}", answer.text);
    }
    // The encrypted face, whose answers are signed as they are printed.
    let n = world.validated(L1, &a).await;
    let data = format!(r#"{{"key":"{L1}","hwid":"{a}","settings":{document}}}"#);
    let plain = format!("\u{feff}{{\"data\":{data},\"nonce\":\"{n}\",\"hwid\":\"{a}\"}}");
    let path = "/v1/sdk/pro/license/settings/save";
    let saved = world.pro_body(path, format!("\u{feff}{}", sealed_body(Mode::Cbc, &plain))).await;
    let told = world.pro("settings/get", &a, saved.nonce(), json!({"key": L1, "hwid": a})).await;
    for answer in [&saved, &told] {
        let settings = &answer.reply.body["settings"];
        assert_eq!(settings["digits"].to_string(), "123456789012345678901234567890");
        assert_eq!((&settings["half"], &settings["\u{fffd}"]), (&json!("a\u{fffd}z"), &json!(1)));
    }
    assert_eq!(world.get(L1, "/settings").await.body["settings"]["power"].to_string(), "100.0");
    // Siblings: a device's facts, a policy's configuration and a license's metadata; and what no double holds is no number.
    let facts = format!("\u{feff}{{\"hwid\":\"{a}\",\"meta\":{{\"os\":\"\\udfff\",\"serial\":{}}}}}", "7".repeat(30));
    assert_eq!(world.bytes("POST", &format!("/v1/sdk/license/{L1}/activate"), facts).await.status, 200);
    let metadata = format!("\u{feff}{{\"metadata\":{{\"crm\":{},\"note\":\"\\ud800\"}}}}", "8".repeat(30));
    let changed = world.bytes("PATCH", &format!("/v1/admin/licenses/{L1}"), metadata).await;
    assert_eq!((changed.status, &changed.body["metadata"]["note"]), (200, &json!("\u{fffd}")), "{}", changed.text);
    let seen = world.admin("GET", &format!("/v1/admin/licenses/{L1}"), Value::Null).await;
    assert!(seen.text.contains(&format!("\"crm\":{}", "8".repeat(30))), "{}", seen.text);
    for bad in ["1e999".to_owned(), "9".repeat(400)] {
        let body = format!("{{\"settings\":{{\"n\":{bad}}}}}");
        world.bytes("PUT", &settings, body).await.refused(400, "BAD_REQUEST");
    }
    // The payment provider's messages are signed with their mark.
    let event = format!("\u{feff}{}", json!({"id": "evt_bom", "type": "nothing.ours", "livemode": true}));
    let signature = world.till.sign(&event, shared::service::Clock::now(world.clock.as_ref()));
    let request = Request::builder().method("POST").uri("/v1/payments/stripe").header("stripe-signature", signature);
    let answer = world.send(request.body(Bytes::from(event)).unwrap()).await;
    assert_eq!((answer.status, &answer.body["received"]), (200, &json!(true)), "{}", answer.text);
}
