//! The existing client through weeks of a lossy network: what was used is charged, and nothing twice (wire 4.6, A99, A100).
//! The judge is the client's own book of what the application used.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use crate::license::wire_client::{Books, Chance, Network, Skew, UseKind, WireClient};
use crate::support::{TestApp, proof};

/// Actions of a run in the gate; `LTLM_LOSSY_ACTIONS` asks for others. Long runs are of 200.
const ACTIONS: u64 = 80;
/// Runs in the gate; `LTLM_LOSSY_RUNS` asks for others, from the seed `LTLM_LOSSY_FROM` on. The runs of even seeds are never
/// quit; `LTLM_LOSSY_QUITS` set to 0 or 1 makes all runs alike.
const RUNS: u64 = 50;
const TOKENS: i64 = 1_000_000;
const NETWORK: Network = Network { lost_requests: 3, lost_answers: 5, doubled_requests: 2, slow_calls: 3 };
const DAY: i64 = 86_400;

/// What all runs add up to, in uses.
#[derive(Debug, Default)]
struct Sums {
    calls: u64,
    recoveries: u32,
    uses: i64,
    lost: i64,
    quits: i64,
    quits_with_queue: i64,
    overtaken: i64,
    /// Uses that were charged too often and too seldom, inside what cannot be known.
    over: i64,
    under: i64,
    /// Of these, because an answer that had arrived was not presented before a quit.
    under_by_quits: i64,
    /// Uses that were charged again because the limit of a day was reached.
    over_by_the_limit: i64,
    presumed: i64,
}

/// Clocks that are right, a little wrong, and wrong by up to a day, some of them drifting.
fn skew(seed: u64) -> Skew {
    let mut chance = Chance(seed ^ 0x5eed);
    let ahead = match chance.below(4) {
        0 => 0,
        1 => [8, 3_600, -900][chance.below(3) as usize],
        _ => chance.below(2 * DAY as u64) as i64 - DAY,
    };
    let drift = if chance.percent(50) { chance.below(40_000) as i64 - 20_000 } else { 0 };
    Skew { ahead, drift }
}

/// What the ledger says was charged, by kind, and how often a day presumed ones were not.
fn charged(ledger: &[Value]) -> (BTreeMap<UseKind, i64>, BTreeMap<String, i64>) {
    let (mut charged, mut presumed) = (BTreeMap::new(), BTreeMap::new());
    for entry in ledger {
        let action = entry["action"].as_str().unwrap().to_owned();
        match entry["source"].as_str().unwrap() {
            "single" | "batch" => {
                *charged.entry((action, -entry["amount"].as_i64().unwrap())).or_default() += 1;
            }
            "duplicate" => {
                assert_eq!((&entry["presumed"], &entry["amount"]), (&json!(true), &json!(0)));
                *presumed.entry(entry["recordedAt"].as_str().unwrap()[..10].to_owned()).or_default() += 1;
            }
            _ => {}
        }
    }
    (charged, presumed)
}

/// Compares the ledger with the client's book, kind by kind: uses of another kind cannot make up for a mistake.
fn judge(seed: u64, ledger: &[Value], books: &Books, sums: &mut Sums) {
    let (charged, presumed) = charged(ledger);
    let is_limited = presumed.values().any(|count| *count >= 5);
    assert!(presumed.values().all(|count| *count <= 5), "seed {seed}: {presumed:?}");
    let of = |counts: &BTreeMap<UseKind, i64>, kind: &UseKind| counts.get(kind).copied().unwrap_or(0);
    assert!(charged.keys().all(|kind| books.used.contains_key(kind)), "seed {seed}: something that was never used");
    for (kind, used) in &books.used {
        let error = of(&charged, kind) - used;
        let overtaken = of(&books.overtaken, kind);
        let limited = if is_limited { of(&books.lost_and_quit, kind) + of(&books.quit, kind) } else { 0 };
        let by_quits = of(&books.quit, kind);
        assert!(error <= overtaken + limited, "seed {seed}: {kind:?} charged {error} times too often: {books:?}");
        assert!(-error <= overtaken + by_quits, "seed {seed}: {kind:?} charged {} times too seldom: {books:?}", -error);
        sums.over += error.max(0);
        sums.under += (-error).max(0);
        sums.under_by_quits += (-error).max(0).min(by_quits);
        sums.over_by_the_limit += error.max(0).min(limited);
    }
    assert!(of_all(&books.quit) <= books.quits, "seed {seed}: more than one use is in doubt after a quit");
    sums.uses += of_all(&books.used);
    sums.overtaken += of_all(&books.overtaken);
    sums.presumed += presumed.values().sum::<i64>();
    sums.lost += books.lost;
    sums.quits += books.quits;
    sums.quits_with_queue += books.quits_with_queue;
}

fn of_all(counts: &BTreeMap<UseKind, i64>) -> i64 {
    counts.values().sum()
}

/// One device's life.
async fn run(seed: u64, quits: bool, sums: &mut Sums) {
    let app = TestApp::new().await;
    let key = app.license_with(json!({"tokens": {"enabled": true, "maxTokens": TOKENS}})).await;
    let hwid = format!("{seed:064x}");
    let mut client = WireClient::new(&app, &key, &hwid, seed, NETWORK).with(skew(seed), quits);
    client.activate().await;
    for _ in 0..knob("LTLM_LOSSY_ACTIONS").unwrap_or(ACTIONS) {
        Box::pin(client.act()).await;
    }
    client.settle().await;
    app.audit(&key).await;
    judge(seed, &app.ledger(&key).await, &client.books, sums);
    assert!(client.recoveries_max <= 2, "seed {seed}: {} recoveries in a row", client.recoveries_max);
    let license = app.admin("GET", &format!("/v1/admin/licenses/{key}"), Value::Null).await;
    assert_eq!(license.body["machines"].as_array().unwrap().len(), 1);
    sums.calls += client.calls;
    sums.recoveries = sums.recoveries.max(client.recoveries_max);
}

#[expect(clippy::disallowed_methods, reason = "a test's own knobs")]
fn knob(name: &str) -> Option<u64> {
    std::env::var(name).ok()?.parse().ok()
}

#[tokio::test]
async fn a100_a_lossy_network_charges_exactly_what_was_used() {
    let (runs, from) = (knob("LTLM_LOSSY_RUNS").unwrap_or(RUNS), knob("LTLM_LOSSY_FROM").unwrap_or(0));
    let quits = knob("LTLM_LOSSY_QUITS");
    let mut sums = Sums::default();
    for seed in from..from + runs {
        let quits = quits.unwrap_or(seed % 2) == 1;
        Box::pin(run(seed, quits, &mut sums)).await;
    }
    #[expect(clippy::print_stdout, reason = "the figures are what a long run is for")]
    {
        println!("{runs} runs: {sums:?}");
    }
    assert!(sums.recoveries > 0, "a network that loses answers makes devices recover");
    assert!(sums.lost > 0 && sums.overtaken > 0, "answers are lost and overtaken");
    let figures = format!(
        "the existing client, which names no use, on a lossy network: {runs} lives, {} calls, {} uses, {} answers of uses lost, {} overtaken; charged \
         too often {}, too seldom {}, within what P-10 of semantics.md allows",
        sums.calls, sums.uses, sums.lost, sums.overtaken, sums.over, sums.under
    );
    proof::seen("R3", &figures);
}

#[tokio::test]
async fn a99_a_day_without_losses_needs_no_recovery() {
    let app = TestApp::new().await;
    let network = Network { lost_requests: 0, lost_answers: 0, doubled_requests: 0, slow_calls: 0 };
    let key = app.license_with(json!({"tokens": {"enabled": true, "maxTokens": TOKENS}})).await;
    let mut client = WireClient::new(&app, &key, &"e".repeat(64), 1, network);
    client.activate().await;
    for _ in 0..3 {
        client.pass(300).await;
    }
    assert_eq!(client.recoveries_max, 0);
    client.quit().await;
    client.pass(900).await;
    assert_eq!(client.recoveries_max, 0, "a quit leaves a marker, not a mismatch");
}
