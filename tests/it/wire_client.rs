//! A device as the existing client behaves (wire, Appendix B): stale nonces, `TAMPERED`, several calls of one moment with
//! one nonce, failed uses queued and sent again in batches. Behind a network that loses what passes through it.

use futures_util::future::join_all;
use ltlm_protocol::Timestamp;
use serde_json::{Value, json};
use shared::service::Clock;

use crate::support::pro::{Sealed, letter};
use crate::support::{World, send};

/// A small generator of our own choices: seeded, so that a failing run can be run again (SplitMix64).
#[derive(Clone, Debug)]
pub(crate) struct Chance(pub(crate) u64);

impl Chance {
    pub(crate) fn below(&mut self, bound: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (z ^ (z >> 31)) % bound
    }

    pub(crate) fn percent(&mut self, percent: u64) -> bool {
        self.below(100) < percent
    }
}

/// What the network does to messages, in percent.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Network {
    pub(crate) lost_requests: u64,
    pub(crate) lost_answers: u64,
    pub(crate) doubled_requests: u64,
    /// Calls that take up to 25 seconds: longer than a player waits, shorter than the client does.
    pub(crate) slow_calls: u64,
}

/// Seconds after which the client takes a call for failed.
const PATIENCE_SECONDS: i64 = 31;
const BEAT_SECONDS: i64 = 300;

/// How a call ended, as the client sees it.
enum Heard {
    Answer(Box<Sealed>),
    Refused(String),
    Nothing,
}

/// What the client keeps of nonces.
#[derive(Clone, Debug)]
enum Kept {
    Never,
    Nonce(String),
    /// A quit deleted the file and left its marker.
    Tampered,
}

/// A device.
pub(crate) struct WireClient<'a> {
    world: &'a World,
    key: String,
    hwid: String,
    kept: Kept,
    queue: Vec<Value>,
    chance: Chance,
    network: Network,
    /// When its next heartbeat is due, while its loop runs.
    beats_at: Option<Timestamp>,
    /// Does it believe that its license is active?
    is_active: bool,
    /// Tokens that the application used.
    pub(crate) used: i64,
    /// The most recoveries in a row with nothing lost between them: what a server alone is to blame for.
    pub(crate) recoveries_max: u32,
    /// Did the last calls lose anything?
    lost: bool,
    /// Calls that the server saw.
    pub(crate) calls: u64,
}

impl<'a> WireClient<'a> {
    pub(crate) fn new(world: &'a World, key: &str, hwid: &str, seed: u64, network: Network) -> Self {
        Self {
            world,
            key: key.to_owned(),
            hwid: hwid.to_owned(),
            kept: Kept::Never,
            queue: Vec::new(),
            chance: Chance(seed),
            network,
            beats_at: None,
            is_active: false,
            used: 0,
            recoveries_max: 0,
            lost: false,
            calls: 0,
        }
    }

    fn now(&self) -> Timestamp {
        self.world.clock.now()
    }

    fn nonce(&mut self) -> String {
        match &self.kept {
            Kept::Nonce(nonce) => nonce.clone(),
            Kept::Tampered => "TAMPERED".to_owned(),
            // A fresh one for every request, until one was answered.
            Kept::Never => {
                format!("{:08x}-0000-4000-8000-{:012x}", self.chance.below(1 << 32), self.chance.below(1 << 48))
            }
        }
    }

    fn data(&self) -> Value {
        json!({"key": self.key, "hwid": self.hwid, "version": "1.2.0-PRO", "nickname": "Desk"})
    }

    /// Several calls of one moment: all with the nonce that is kept now, answered in any order.
    async fn exchange(&mut self, calls: Vec<(&str, Value)>) -> Vec<Heard> {
        let mut sent = Vec::new();
        let mut waited = false;
        for (endpoint, data) in &calls {
            let nonce = self.nonce();
            let body = letter(&self.hwid, &json!(nonce), data);
            let arrives = !self.chance.percent(self.network.lost_requests);
            let copies = 1 + u64::from(self.chance.percent(self.network.doubled_requests));
            let is_heard = arrives && !self.chance.percent(self.network.lost_answers);
            waited |= !is_heard;
            sent.push((format!("/v1/sdk/pro/license/{endpoint}"), body, if arrives { copies } else { 0 }, is_heard));
        }
        let slow = match self.chance.percent(self.network.slow_calls) {
            true => (self.chance.below(13) as i64, self.chance.below(13) as i64),
            false => (0, 0),
        };
        self.world.clock.advance_seconds(slow.0);
        self.calls += sent.iter().map(|(_, _, copies, _)| copies).sum::<u64>();
        let world = self.world;
        let answers = join_all(sent.into_iter().map(|(path, body, copies, is_heard)| async move {
            let mut first = None;
            for _ in 0..copies {
                let request = crate::support::pro::sealed_request(&path, body.clone());
                let reply = send(&world.host, request).await;
                first.get_or_insert(reply);
            }
            first.filter(|_| is_heard).map(|reply| world.opened(reply))
        }))
        .await;
        self.world.clock.advance_seconds(slow.1);
        // What is lost is noticed by waiting for it.
        self.lost = waited;
        if waited {
            self.world.clock.advance_seconds(PATIENCE_SECONDS);
        }
        let mut order: Vec<usize> = (0..answers.len()).collect();
        for index in (1..order.len()).rev() {
            order.swap(index, self.chance.below(index as u64 + 1) as usize);
        }
        for index in order {
            if let Some(answer) = answers[index].as_ref().filter(|answer| answer.reply.status == 200)
                && !answer.nonce().is_empty()
            {
                self.kept = Kept::Nonce(answer.nonce());
            }
        }
        answers
            .into_iter()
            .map(|answer| match answer {
                None => Heard::Nothing,
                Some(answer) if answer.reply.status == 200 => Heard::Answer(Box::new(answer)),
                Some(answer) => Heard::Refused(answer.reply.text_of("message").to_owned()),
            })
            .collect()
    }

    async fn call(&mut self, endpoint: &str, data: Value) -> Heard {
        self.exchange(vec![(endpoint, data)]).await.remove(0)
    }

    /// First activation; again until it is heard.
    pub(crate) async fn activate(&mut self) {
        while let Heard::Nothing = self.call("validate", self.data()).await {}
        self.is_active = true;
        Box::pin(self.beat(true)).await;
    }

    /// A start of the application: the server never refuses it, and a heartbeat follows at once.
    pub(crate) async fn start(&mut self) {
        self.beats_at = None;
        loop {
            match self.call("status", self.data()).await {
                Heard::Answer(_) => break,
                Heard::Nothing => {}
                Heard::Refused(message) => panic!("a start was refused: {message}"),
            }
        }
        self.is_active = true;
        Box::pin(self.beat(false)).await;
    }

    /// A heartbeat, with the recovery that a mismatch asks for; then what is queued.
    async fn beat(&mut self, with_settings: bool) {
        self.beats_at = Some(self.now().plus_seconds(BEAT_SECONDS));
        let mut recoveries = 0;
        let mut with_batch = false;
        loop {
            let mut calls = vec![("heartbeat", json!({"key": self.key, "hwid": self.hwid, "isClosing": false}))];
            if with_settings {
                calls.push(("settings/get", self.data()));
            }
            // After a recovery the queue goes out beside the heartbeat; one of the two wins the nonce.
            if with_batch && !self.queue.is_empty() {
                calls.push(("consume-batch", self.batch()));
            }
            let sent = self.queue.len();
            let heard = self.exchange(calls).await;
            if with_batch
                && heard.len() > 1 + usize::from(with_settings)
                && matches!(heard.last(), Some(Heard::Answer(_)))
            {
                self.queue.drain(..sent);
            }
            match &heard[0] {
                Heard::Answer(answer) => {
                    assert!(
                        answer.reply.body["machines"].as_array().unwrap().iter().any(|m| m["hwid"] == json!(self.hwid))
                    );
                    break;
                }
                Heard::Refused(message) if message.contains("Nonce Mismatch") => {
                    recoveries = if self.lost { 1 } else { recoveries + 1 };
                    self.recoveries_max = self.recoveries_max.max(recoveries);
                    match self.call("validate", self.data()).await {
                        Heard::Answer(_) => with_batch = true,
                        Heard::Refused(message) => panic!("a recovery was refused: {message}"),
                        // Offline, as far as it can tell, until the next heartbeat.
                        Heard::Nothing => break,
                    }
                }
                Heard::Refused(message) => panic!("a heartbeat was refused: {message}"),
                Heard::Nothing => break,
            }
        }
        if !self.queue.is_empty() {
            self.send_queue().await;
        }
    }

    fn batch(&self) -> Value {
        json!({"key": self.key, "hwid": self.hwid, "usages": self.queue})
    }

    async fn send_queue(&mut self) {
        let sent = self.queue.len();
        if let Heard::Answer(_) = self.call("consume-batch", self.batch()).await {
            self.queue.drain(..sent);
        }
    }

    /// Uses of one moment; those that are not answered well are queued.
    pub(crate) async fn consume(&mut self, count: u64) {
        let mut uses = Vec::new();
        for _ in 0..count {
            let amount = 1 + self.chance.below(3) as i64;
            let action = if self.chance.percent(50) { "export" } else { "render" };
            self.used += amount;
            uses.push(json!({"key": self.key, "amount": amount, "action": action, "hwid": self.hwid, "meta": null}));
        }
        let text = self.now().to_string();
        let timestamp = format!("{}{:04}Z", text.trim_end_matches('Z'), self.chance.below(10_000));
        let heard = self.exchange(uses.iter().map(|data| ("consume", data.clone())).collect()).await;
        for (mut used, heard) in uses.into_iter().zip(heard) {
            if !matches!(heard, Heard::Answer(_)) {
                used["timestamp"] = json!(timestamp);
                self.queue.push(used);
            }
        }
    }

    pub(crate) async fn settings(&mut self) {
        let level = self.chance.below(1_000);
        let save = json!({"key": self.key, "hwid": self.hwid, "settings": {"level": level}});
        let calls = vec![("settings/save", save), ("settings/get", self.data())];
        for heard in self.exchange(calls).await {
            if let Heard::Refused(message) = heard {
                // Its double was taken for it.
                assert!(message.contains("Nonce Mismatch"), "settings were refused: {message}");
            }
        }
    }

    /// Time passes; heartbeats come when they are due.
    pub(crate) async fn pass(&mut self, seconds: i64) {
        let until = self.now().plus_seconds(seconds);
        while let Some(due) = self.beats_at.filter(|due| *due <= until) {
            let ahead = (due.ms() - self.now().ms()).max(0) / 1_000;
            self.world.clock.advance_seconds(ahead);
            Box::pin(self.beat(false)).await;
        }
        self.world.clock.advance_seconds(((until.ms() - self.now().ms()) / 1_000).max(0));
    }

    /// The process ends without a word; what lies in files is there at the next start.
    pub(crate) async fn crash(&mut self) {
        self.is_active = false;
        self.start().await;
    }

    /// A normal end: the nonce's file is deleted, the closing call goes out, nobody waits for its answer. With uses in the
    /// queue an application is not quit here: see docs/security.md on what no server can know then.
    pub(crate) async fn quit(&mut self) {
        if !self.queue.is_empty() {
            return self.crash().await;
        }
        self.kept = Kept::Tampered;
        let closing = json!({"key": self.key, "hwid": self.hwid, "isClosing": true});
        self.call("heartbeat", closing).await;
        self.is_active = false;
        self.start().await;
    }

    /// Sign-out: the loop runs on; the user comes back later.
    pub(crate) async fn sign_out_and_back(&mut self) {
        let closing = json!({"key": self.key, "hwid": self.hwid, "isClosing": true});
        self.call("heartbeat", closing).await;
        self.pass(BEAT_SECONDS).await;
        self.start().await;
    }

    /// On a network that loses nothing any more: until the queue is empty.
    pub(crate) async fn settle(&mut self) {
        self.network = Network { lost_requests: 0, lost_answers: 0, doubled_requests: 0, slow_calls: 0 };
        for _ in 0..4 {
            self.pass(BEAT_SECONDS).await;
        }
        assert!(self.queue.is_empty(), "the queue is never taken: {:?}", self.queue);
    }

    /// One action of a user's day.
    pub(crate) async fn act(&mut self) {
        match self.chance.below(100) {
            0..40 => self.consume(1).await,
            40..48 => {
                let count = 2 + self.chance.below(2);
                self.consume(count).await;
            }
            48..56 => self.settings().await,
            56..60 => self.crash().await,
            60..63 => self.quit().await,
            63..65 => self.sign_out_and_back().await,
            _ => {
                let seconds = 1 + self.chance.below(400) as i64;
                self.pass(seconds).await;
            }
        }
        assert!(!self.is_active || self.beats_at.is_some(), "active, and without heartbeats");
    }
}
