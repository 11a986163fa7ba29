//! What a client costs an application: a start with a kept license and no network, and a use.
//!
//! `cargo bench -p ltlm-client`. Files are real, in the system's folder for temporary ones; the answer to the one activation is signed
//! here. The aims of the contract (G-3): a start in 20 ms, a use in 100 µs.

#[path = "../tests/signer/mod.rs"]
mod signer;

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use divan::Bencher;
use ltlm_client::machine::{Failure, HttpAnswer, Request};
use ltlm_client::{Client, Config, Parts, StorageKind, Transport};

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
        signer::answer(request, self.now_ms)
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
    let mut config = signer::config();
    config.storage = StorageKind::User;
    config.data_dir = Some(folder.display().to_string());
    config.queue_max = 1_000_000;
    let client = open(&config, 0);
    client.activate(signer::KEY).expect("active");
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
