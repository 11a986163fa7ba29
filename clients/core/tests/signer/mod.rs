//! Answers as a server signs them: one license, the same in every answer, for whatever is asked of it.

use ltlm_client::machine::{Failure, HttpAnswer, Request};
use ltlm_client::{Config, StorageKind};
use ltlm_protocol::{envelope, json, proof};
use serde_json::{Map, Value, json};

const SECRET: &str = "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f";
const SEED: [u8; 32] = [9; 32];
const LICENSE: &str = include_str!("../../benches/license.json");

/// The license's key.
pub(crate) const KEY: &str = "LIC-0BEC53C679BF012F";

/// The configuration of a client that believes these answers. Nothing is kept.
pub(crate) fn config() -> Config {
    let mut config = Config::new("https://ltlm.example", "prj_signer", SECRET, &proof::public_key(&SEED));
    config.storage = StorageKind::Memory;
    config
}

/// The key that a device shows in a request, in base64.
#[allow(dead_code, reason = "not every test looks at it")]
pub(crate) fn device_key(request: &Request) -> Option<String> {
    let body = json::parse(request.body.as_deref()?.as_bytes()).ok()?;
    let key = envelope::key_of_secret(SECRET)?;
    let opened = envelope::open(&key, envelope::blob(&body)?).ok()?;
    opened.data.get("deviceKey")?.as_str().map(str::to_owned)
}

/// The answer to a request, signed at this time, in milliseconds since the Unix epoch.
pub(crate) fn answer(request: &Request, now_ms: i64) -> Result<HttpAnswer, Failure> {
    let body = json::parse(request.body.as_deref().unwrap_or_default().as_bytes()).map_err(|_| Failure::Lost)?;
    let key = envelope::key_of_secret(SECRET).ok_or(Failure::Lost)?;
    let opened = envelope::open(&key, envelope::blob(&body).ok_or(Failure::Lost)?).map_err(|_| Failure::Lost)?;
    let mut data = json::parse(LICENSE.as_bytes()).map_err(|_| Failure::Lost)?;
    data["machines"] = json!([{"hwid": opened.hwid, "registeredAt": "2026-01-04T00:00:00.000Z"}]);
    (data["tokensRemaining"], data["validUntil"]) = (json!(2_000_000_000), Value::Null);
    let members = Map::from_iter([
        ("data".to_owned(), data),
        ("server_nonce".to_owned(), json!(format!("n{}", request.id))),
        ("timestamp".to_owned(), json!(now_ms)),
        ("exp".to_owned(), json!(now_ms + 300_000)),
        ("for".to_owned(), json!({"hwid": opened.hwid, "nonce": opened.nonce, "key": KEY, "endpoint": request.path})),
    ]);
    let text = envelope::sign(&SEED, members);
    let body = envelope::seal(&key, envelope::Mode::Gcm, [3; 16], &text).into_bytes();
    Ok(HttpAnswer { status: 200, body, ..HttpAnswer::default() })
}
