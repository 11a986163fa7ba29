//! A device through a month of bad luck: whatever the network, the server, the disk, the clock and the process do, each use is charged
//! once if the application was told that it is recorded, and never if it was told that it is not.

use std::collections::BTreeMap;

use ltlm_client::call::{Call, Consumption, Reply};
use ltlm_client::machine::Input;
use ltlm_client::{ErrorCode, Event};
use serde_json::{Value, json};

use super::{Desk, Network, config};
use crate::license::wire_client::Chance;
use crate::support::{TestApp, proof};

/// Runs in the gate; `LTLM_CLIENT_RUNS` asks for others, from the seed `LTLM_CLIENT_FROM` on.
const RUNS: u64 = 100;
/// Acts of a run; `LTLM_CLIENT_ACTS` asks for others.
const ACTS: u64 = 30;
const TOKENS: i64 = 1_000_000;

pub(crate) fn knob(name: &str) -> Option<u64> {
    #[expect(clippy::disallowed_methods, reason = "a test, told by whoever runs it")]
    std::env::var(name).ok()?.parse().ok()
}

/// What the application knows of its uses, by operation id.
#[derive(Debug, Default)]
struct Books {
    /// Recorded, by word of the client.
    accepted: BTreeMap<String, i64>,
    /// Refused or never sent, by word of the client.
    refused: BTreeMap<String, String>,
    /// The process died, or nothing could be written: charged or not, but once at most.
    doubtful: BTreeMap<String, i64>,
}

fn network(chance: &mut Chance) -> Network {
    let mut percent = |most: u64| chance.below(most + 1);
    Network {
        lost_requests: percent(15),
        lost_answers: percent(25),
        doubled: percent(10),
        delayed: percent(15),
        refused_connections: percent(15),
        portals: percent(8),
        tampered: percent(10),
        server_errors: percent(10),
    }
}

struct Run<'a> {
    desk: Desk<'a>,
    books: Books,
    keys: [String; 2],
    number: u64,
    /// Uses of which nothing is on the disk yet that survives a loss of power.
    fresh: Vec<String>,
}

impl Run<'_> {
    /// Starts again after a death, until the process lives.
    fn revive(&mut self) {
        let lost_power = self.desk.chance.percent(40);
        if lost_power {
            // What was not flushed is gone, and nobody knows what of it was charged meanwhile.
            for id in std::mem::take(&mut self.fresh) {
                if let Some(amount) = self.books.accepted.remove(&id) {
                    self.books.doubtful.insert(id, amount);
                }
            }
        }
        for id in std::mem::take(&mut self.desk.volatile) {
            if let Some(amount) = self.books.accepted.remove(&id) {
                self.books.doubtful.insert(id, amount);
            }
        }
        self.desk.restart(lost_power);
    }

    async fn call(&mut self, call: Call) -> Option<Result<Reply, ltlm_client::Error>> {
        let result = self.desk.try_call(call).await;
        self.learn();
        result
    }

    /// What events tell of confirmed uses.
    fn learn(&mut self) {
        for event in std::mem::take(&mut self.desk.events) {
            if let Event::OperationDone { operation_id, operation, refused } = event
                && let Some(amount) = self.books.doubtful.remove(&operation_id)
            {
                match operation {
                    Some(_) => drop(self.books.accepted.insert(operation_id, amount)),
                    None => drop(self.books.refused.insert(operation_id, format!("by {refused:?}"))),
                }
            }
        }
        if self.desk.disk.flushed >= self.desk.disk.journal.len() {
            self.fresh.clear();
        }
    }

    async fn consume(&mut self) {
        self.number += 1;
        let amount = 1 + self.desk.chance.below(9) as i64;
        let consumption = Consumption { amount, action: format!("a{}", self.number), meta: None };
        let dies = self.desk.dies_in.is_some();
        let before = self.desk.disk.journal.len();
        match self.call(Call::Consume(consumption)).await {
            Some(Ok(Reply::Recorded { operation_id, .. })) => {
                self.fresh.push(operation_id.clone());
                self.books.accepted.insert(operation_id, amount);
            }
            Some(_) => {}
            None => {
                assert!(dies, "it died by itself");
                // It died between the record and the answer: found by its record.
                for record in self.desk.disk.journal.iter().skip(before) {
                    let record: Value = serde_json::from_slice(record).unwrap();
                    if let Some(id) = record["use"]["id"].as_str() {
                        self.books.doubtful.insert(id.to_owned(), amount);
                    }
                }
            }
        }
    }

    async fn confirm(&mut self) {
        self.number += 1;
        let (amount, id) = (1 + self.desk.chance.below(9) as i64, format!("confirmed-{}", self.number));
        let consumption = Consumption { amount, action: "confirmed".to_owned(), meta: None };
        let call = Call::ConsumeConfirmed { consumption, operation_id: Some(id.clone()) };
        match self.desk.try_call(call).await {
            Some(Ok(_)) => drop(self.books.accepted.insert(id, amount)),
            Some(Err(error)) if error.code == ErrorCode::OutcomeUnknown => {
                self.books.doubtful.insert(id, amount);
            }
            Some(Err(error)) => drop(self.books.refused.insert(id, error.to_string())),
            None => drop(self.books.doubtful.insert(id, amount)),
        }
        self.learn();
    }

    async fn act(&mut self) {
        if self.desk.is_dead {
            self.revive();
            self.call(Call::LoadStored).await;
            return;
        }
        if self.desk.dies_in.is_none() && self.desk.chance.percent(12) {
            self.desk.dies_in = Some(self.desk.chance.below(12));
        }
        match self.desk.chance.below(20) {
            0..8 => self.consume().await,
            8..10 => self.confirm().await,
            10..14 => {
                let seconds = [1, 5, 30, 400, 1_500][self.desk.chance.below(5) as usize];
                self.desk.run_for(seconds).await;
                self.learn();
            }
            14 => drop(self.call(Call::Sync).await),
            15 => {
                self.desk.skew_ms = (self.desk.chance.below(7) as i64 - 3) * 86_400_000 * 100;
                drop(self.call(Call::Refresh).await);
            }
            16 => self.desk.network = network(&mut self.desk.chance),
            17 => {
                let key = self.keys[self.desk.chance.below(2) as usize].clone();
                self.call(Call::Activate { key }).await;
            }
            18 => {
                let call = [Call::SignOut, Call::Reactivate, Call::Clear, Call::Heartbeat, Call::Seats];
                let call = call[self.desk.chance.below(5) as usize].clone();
                self.call(call).await;
            }
            _ => match self.desk.chance.below(3) {
                0 => self.desk.disk.is_read_only = !self.desk.disk.is_read_only,
                1 => self.desk.handle(Input::Paused),
                _ => self.desk.handle(Input::Resumed),
            },
        }
    }

    /// The network clears, and everything that waits is charged.
    async fn settle(&mut self, seed: u64) {
        self.desk.network = Network::default();
        self.desk.disk.is_read_only = false;
        self.desk.dies_in = None;
        if self.desk.is_dead {
            self.revive();
        }
        self.desk.run_for(30).await;
        self.desk.handle(Input::Resumed);
        let key = self.keys[0].clone();
        let activated = self.call(Call::Activate { key }).await.unwrap();
        assert!(matches!(activated, Ok(Reply::Status(status)) if status.is_usable()), "seed {seed}: {activated:?}");
        for _ in 0..20 {
            self.desk.run_for(400).await;
            self.learn();
            if self.desk.machine.pending() == 0 {
                break;
            }
        }
        assert_eq!(self.desk.machine.pending(), 0, "seed {seed}: {:?}", self.desk.snapshot());
    }
}

/// One device's life; how many uses were charged, and requests made.
async fn run(seed: u64) -> (usize, usize) {
    let app = TestApp::new().await;
    let limits = json!({"tokens": {"enabled": true, "maxTokens": TOKENS}});
    let keys = [app.license_with(limits.clone()).await, app.license_with(limits).await];
    if seed.is_multiple_of(2) {
        app.project_settings(json!({"security": {"deviceKeys": "required"}})).await;
    }
    let desk = Desk::with(&app, &format!("machine {seed}"), config(&app), seed);
    let mut run = Run { desk, books: Books::default(), keys, number: 0, fresh: Vec::new() };
    let first = run.keys[0].clone();
    run.call(Call::Activate { key: first }).await;
    run.desk.network = network(&mut run.desk.chance);
    for _ in 0..knob("LTLM_CLIENT_ACTS").unwrap_or(ACTS) {
        run.act().await;
    }
    run.settle(seed).await;

    let Run { desk, books, keys, .. } = run;
    app.project_settings(json!({"security": {"deviceKeys": "off"}})).await;
    let mut charged = BTreeMap::new();
    for key in &keys {
        app.audit(key).await;
        for entry in app.ledger(key).await {
            let id = entry["operationId"].as_str().unwrap().to_owned();
            if matches!(entry["source"].as_str(), Some("single" | "batch")) {
                let before = charged.insert(id.clone(), -entry["amount"].as_i64().unwrap());
                assert_eq!(before, None, "seed {seed}: {id} is charged twice");
            }
        }
    }
    for (id, amount) in &books.accepted {
        assert_eq!(charged.get(id), Some(amount), "seed {seed}: {id} was accepted");
    }
    for (id, amount) in &charged {
        let refused = books.refused.get(id);
        assert_eq!(refused, None, "seed {seed}: {id} was refused, and is charged");
        let known = books.accepted.get(id).or(books.doubtful.get(id));
        assert_eq!(known, Some(amount), "seed {seed}: {id} was never used");
    }
    (charged.len(), desk.sent.len())
}

/// C-55, the gate's part of it.
#[tokio::test]
async fn c55_whatever_is_lost_each_use_is_charged_once() {
    let (from, runs) = (knob("LTLM_CLIENT_FROM").unwrap_or(1), knob("LTLM_CLIENT_RUNS").unwrap_or(RUNS));
    let (mut uses, mut requests) = (0, 0);
    for seed in from..from + runs {
        let (charged, sent) = Box::pin(run(seed)).await;
        if knob("LTLM_CLIENT_FROM").is_some() {
            eprintln!("seed {seed}: {charged} uses charged once, {sent} requests");
        }
        (uses, requests) = (uses + charged, requests + sent);
    }
    assert!(runs < 20 || uses > 100, "hardly anything happened");
    let figures = format!("the native client, simulated: {runs} lives, {uses} uses charged once, {requests} requests");
    proof::seen("R3", &figures);
}
