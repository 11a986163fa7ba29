//! What the client costs, and what the first client costs on the same network. `cargo xtask measure client` runs long ones.

use std::collections::BTreeMap;

use ltlm_client::call::Call;
use serde_json::json;

use super::simulation::knob;
use super::{Desk, Network, config};
use crate::license::wire_client::{self, UseKind, WireClient};
use crate::support::{L1, TestApp};

/// Lives of each client in the gate; `LTLM_CLIENT_COMPARED` asks for others.
const LIVES: u64 = 2;
/// Uses of a life.
const USES: u64 = 60;
/// The network of both, in percent.
const LOST_REQUESTS: u64 = 3;
const LOST_ANSWERS: u64 = 5;
const DOUBLED: u64 = 2;
const DELAYED: u64 = 3;

/// G-3: what an idle client does in a day.
#[tokio::test]
async fn an_idle_client_wakes_up_seldom() {
    let app = TestApp::new().await;
    let mut desk = Desk::new(&app, "idle");
    desk.activate(L1).await.unwrap();
    desk.sent.clear();
    desk.heard.clear();
    let until = desk.now_ms() + 86_400_000;
    let mut steps = 0;
    while desk.step(until).await {
        steps += 1;
    }
    // A request arrives, and its answer comes: neither is a wake-up by the client's own timers.
    let (requests, answers) = (desk.sent.len(), desk.heard.len());
    let timers = steps - requests - answers;
    assert!(timers <= 15 * 24 && requests <= 15 * 24, "{timers} wake-ups, {requests} requests in a day");
    eprintln!("idle for a day: {timers} wake-ups by timers, {requests} requests, {answers} answers");
}

/// What a device came to: requests, uses, and tokens that were charged too much or too little.
#[derive(Debug, Default)]
struct Sums {
    requests: u64,
    used: i64,
    over: i64,
    under: i64,
    /// Charges that the server took for repeated and did not make.
    absorbed: usize,
}

impl Sums {
    /// Compares what an application used with the ledger, by action and amount.
    async fn judge(&mut self, app: &TestApp, key: &str, used: &BTreeMap<UseKind, i64>) {
        let mut charged: BTreeMap<UseKind, i64> = BTreeMap::new();
        for entry in app.ledger(key).await {
            match entry["source"].as_str().unwrap() {
                "single" | "batch" => {
                    let kind = (entry["action"].as_str().unwrap().to_owned(), -entry["amount"].as_i64().unwrap());
                    *charged.entry(kind).or_default() += 1;
                }
                "duplicate" => self.absorbed += 1,
                _ => {}
            }
        }
        assert!(charged.keys().all(|kind| used.contains_key(kind)), "something that was never used: {charged:?}");
        for (kind, times) in used {
            let error = charged.get(kind).copied().unwrap_or(0) - times;
            self.used += times * kind.1;
            self.over += error.max(0) * kind.1;
            self.under += (-error).max(0) * kind.1;
        }
    }
}

async fn of_ours(seed: u64, sums: &mut Sums) {
    let app = TestApp::new().await;
    let key = app.license_with(json!({"tokens": {"enabled": true, "maxTokens": 1_000_000}})).await;
    let mut desk = Desk::with(&app, &format!("machine {seed}"), config(&app), seed);
    desk.activate(&key).await.unwrap();
    desk.network = Network {
        lost_requests: LOST_REQUESTS,
        lost_answers: LOST_ANSWERS,
        doubled: DOUBLED,
        delayed: DELAYED,
        ..Network::default()
    };
    let mut used = BTreeMap::new();
    for number in 0..USES {
        let mut consumption = super::used(1 + (number % 3) as i64);
        consumption.action = format!("a{number}");
        used.insert((consumption.action.clone(), consumption.amount), 1);
        desk.call(Call::Consume(consumption)).await.unwrap();
        desk.run_for(120).await;
    }
    desk.network = Network::default();
    desk.run_for(900).await;
    assert_eq!(desk.machine.pending(), 0);
    sums.requests += desk.sent.len() as u64;
    sums.judge(&app, &key, &used).await;
}

async fn of_the_first_client(seed: u64, sums: &mut Sums) {
    let app = TestApp::new().await;
    let key = app.license_with(json!({"tokens": {"enabled": true, "maxTokens": 1_000_000}})).await;
    let network = wire_client::Network {
        lost_requests: LOST_REQUESTS,
        lost_answers: LOST_ANSWERS,
        doubled_requests: DOUBLED,
        slow_calls: DELAYED,
    };
    let mut client = WireClient::new(&app, &key, &format!("{seed:064x}"), seed, network);
    client.activate().await;
    for _ in 0..USES {
        client.consume(1).await;
        client.pass(120).await;
    }
    client.settle().await;
    sums.requests += client.calls;
    sums.judge(&app, &key, &client.books.used).await;
}

#[tokio::test]
async fn ours_charges_exactly_on_the_network_of_the_first_client() {
    let lives = knob("LTLM_CLIENT_COMPARED").unwrap_or(LIVES);
    let (mut ours, mut first) = (Sums::default(), Sums::default());
    for seed in 1..=lives {
        Box::pin(of_ours(seed, &mut ours)).await;
        Box::pin(of_the_first_client(seed, &mut first)).await;
    }
    eprintln!("{lives} lives of {USES} uses each; ours: {ours:?}");
    eprintln!("the first client: {first:?}");
    assert_eq!((ours.over, ours.under, ours.absorbed), (0, 0, 0));
    assert!(ours.used > 0 && first.used > 0 && first.requests > 0);
}
