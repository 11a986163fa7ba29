//! What a client costs an application: a start with a kept license and no network, and a use.
//!
//! `cargo bench -p ltlm-client`. Files are real, in the system's folder for temporary ones; the answer to the one activation is signed
//! here. The aims of the contract (G-3): a start in 20 ms, a use in 100 µs.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use divan::Bencher;
use ltlm_client::machine::{Failure, HttpAnswer, Request};
use ltlm_client::{Client, Config, Parts, Transport};
use ltlm_protocol::{envelope, json, proof};
use serde_json::{Map, Value, json};

const SECRET: &str = "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f";
const SEED: [u8; 32] = [9; 32];
const LICENSE: &str = include_str!("license.json");

fn main() {
    divan::main();
}

/// Answers the first request, and no other.
struct Once {
    answered: AtomicU64,
    now_ms: i64,
}

impl Transport for Once {
    fn send(&self, request: &Request, _: Duration) -> Result<HttpAnswer, Failure> {
        if self.answered.fetch_add(1, Ordering::Relaxed) > 0 {
            return Err(Failure::Unsent);
        }
        let body = json::parse(request.body.as_deref().unwrap_or_default().as_bytes()).map_err(|_| Failure::Lost)?;
        let key = envelope::key_of_secret(SECRET).ok_or(Failure::Lost)?;
        let opened = envelope::open(&key, envelope::blob(&body).ok_or(Failure::Lost)?).map_err(|_| Failure::Lost)?;
        let mut data = json::parse(LICENSE.as_bytes()).map_err(|_| Failure::Lost)?;
        data["machines"] = json!([{"hwid": opened.hwid, "registeredAt": "2026-01-04T00:00:00.000Z"}]);
        (data["tokensRemaining"], data["validUntil"]) = (json!(2_000_000_000), Value::Null);
        let members = Map::from_iter([
            ("data".to_owned(), data),
            ("server_nonce".to_owned(), json!("n")),
            ("timestamp".to_owned(), json!(self.now_ms)),
            ("exp".to_owned(), json!(self.now_ms + 300_000)),
            (
                "for".to_owned(),
                json!({"hwid": opened.hwid, "nonce": opened.nonce, "key": "LIC-0BEC53C679BF012F",
                    "endpoint": "/v1/sdk/pro/license/validate"}),
            ),
        ]);
        let text = envelope::sign(&SEED, members);
        let body = envelope::seal(&key, envelope::Mode::Gcm, [3; 16], &text).into_bytes();
        Ok(HttpAnswer { status: 200, body, ..HttpAnswer::default() })
    }
}

fn open(config: &Config, answered: u64) -> Client {
    let standard = Parts::standard(config).expect("the usual parts");
    let now_ms = standard.clock.now().wall_ms;
    let transport = Box::new(Once { answered: AtomicU64::new(answered), now_ms });
    Client::with(config, Parts { transport, ..standard }).expect("a client")
}

/// A client that is active.
fn active(name: &str) -> (Client, Config) {
    let folder = std::env::temp_dir().join(format!("ltlm-bench-{name}-{}", std::process::id()));
    let _ = std::fs::remove_dir_all(&folder);
    let mut config = Config::new("https://ltlm.example", "prj_bench", SECRET, &proof::public_key(&SEED));
    config.data_dir = Some(folder.display().to_string());
    config.queue_max = 1_000_000;
    let client = open(&config, 0);
    client.activate("LIC-0BEC53C679BF012F").expect("active");
    (client, config)
}

#[divan::bench]
fn start_without_network(bencher: Bencher<'_, '_>) {
    let (client, config) = active("start");
    client.close();
    bencher.bench_local(|| {
        let client = open(&config, 1);
        let status = client.load_stored();
        std::mem::forget(client);
        status
    });
}

#[divan::bench(sample_count = 1_000, sample_size = 10)]
fn consume_offline(bencher: Bencher<'_, '_>) {
    let (client, _) = active("consume");
    bencher.bench_local(|| client.consume(1, "export", None));
}
