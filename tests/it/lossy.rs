//! The existing client through weeks of a lossy network: what was used is charged, and nothing twice (wire 4.6, A99, A100).

use serde_json::{Value, json};

use crate::support::World;
use crate::wire_client::{Network, WireClient};

const ACTIONS: usize = 200;
/// Runs in the gate; `LTLM_LOSSY_RUNS` asks for others, from the seed `LTLM_LOSSY_FROM` on.
const RUNS: u64 = 24;
const TOKENS: i64 = 1_000_000;
const NETWORK: Network = Network { lost_requests: 3, lost_answers: 5, doubled_requests: 2, slow_calls: 3 };

/// One device's life; its calls and the most recoveries that followed one heartbeat.
async fn run(world: &World, seed: u64) -> (u64, u32) {
    let key = world.license_with(json!({"tokens": {"enabled": true, "maxTokens": TOKENS}})).await;
    let hwid = format!("{seed:064x}");
    let mut client = WireClient::new(world, &key, &hwid, seed, NETWORK);
    client.activate().await;
    for _ in 0..ACTIONS {
        Box::pin(client.act()).await;
    }
    client.settle().await;
    let license = world.admin("GET", &format!("/v1/admin/licenses/{key}"), Value::Null).await;
    let charged = TOKENS - license.int_of("tokensRemaining");
    assert_eq!(charged, client.used, "seed {seed}: charged against used");
    assert!(client.recoveries_max <= 2, "seed {seed}: {} recoveries in a row", client.recoveries_max);
    assert_eq!(license.body["machines"].as_array().unwrap().len(), 1);
    (client.calls, client.recoveries_max)
}

#[expect(clippy::disallowed_methods, reason = "a test's own knobs")]
fn knob(name: &str) -> Option<u64> {
    std::env::var(name).ok()?.parse().ok()
}

#[tokio::test]
async fn a100_a_lossy_network_charges_exactly_what_was_used() {
    let (runs, from) = (knob("LTLM_LOSSY_RUNS").unwrap_or(RUNS), knob("LTLM_LOSSY_FROM").unwrap_or(0));
    let world = World::new().await;
    let (mut calls, mut recoveries) = (0, 0);
    for seed in from..from + runs {
        let (made, most) = Box::pin(run(&world, seed)).await;
        calls += made;
        recoveries = recoveries.max(most);
    }
    assert!(recoveries > 0, "a network that loses answers makes devices recover");
    #[expect(clippy::print_stdout, reason = "the figure is what a long run is for")]
    {
        println!(
            "{runs} runs of {ACTIONS} actions, {calls} calls, at most {recoveries} recoveries after one heartbeat"
        );
    }
}

#[tokio::test]
async fn a99_a_day_without_losses_needs_no_recovery() {
    let world = World::new().await;
    let network = Network { lost_requests: 0, lost_answers: 0, doubled_requests: 0, slow_calls: 0 };
    let key = world.license_with(json!({"tokens": {"enabled": true, "maxTokens": TOKENS}})).await;
    let mut client = WireClient::new(&world, &key, &"e".repeat(64), 1, network);
    client.activate().await;
    for _ in 0..3 {
        client.pass(300).await;
    }
    assert_eq!(client.recoveries_max, 0);
    client.quit().await;
    client.pass(900).await;
    assert_eq!(client.recoveries_max, 0, "a quit leaves a marker, not a mismatch");
}
