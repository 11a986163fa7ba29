//! A device as the existing client behaves (wire, Appendix B): stale nonces, `TAMPERED`, several calls of one moment with
//! one nonce, failed uses queued and sent again in batches, a clock that is wrong. Behind a network that loses what passes
//! through it and answers in any order. It keeps its own books of what the application used and of which answers it got.

use std::collections::BTreeMap;

use futures_util::future::join_all;
use ltlm_protocol::Timestamp;
use serde_json::{Value, json};
use shared::service::ports::Clock;

use crate::support::pro::{Sealed, letter};
use crate::support::{TestApp, send};

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

/// How a device's clock is wrong.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Skew {
    /// Seconds ahead of ours at the start; negative if it is behind.
    pub(crate) ahead: i64,
    /// Milliseconds that it gains in an hour; negative if it loses.
    pub(crate) drift: i64,
}

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

/// What a use was: its action and its tokens. Uses of one kind cannot be told apart without a name.
pub(crate) type UseKind = (String, i64);

/// A call and when it is sent, in seconds from now.
type Planned<'a> = (&'a str, Value, i64);

/// A call on its way.
struct Flight {
    path: String,
    data: Value,
    copies: u64,
    is_heard: bool,
    up: i64,
    down: i64,
    /// Seconds after its sending, or its arrival if that is later, when the client notices that no answer comes.
    noticed: i64,
    nonce: String,
    body: String,
    arrived: Option<i64>,
    answer: Option<Sealed>,
    heard: Option<Heard>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Event {
    Send,
    Arrive,
    Hear,
    Fail,
}

/// Which answers of charged uses the client got, and what that leaves a server to know.
#[derive(Clone, Debug, Default)]
pub(crate) struct Books {
    /// What the application used, by kind.
    pub(crate) used: BTreeMap<UseKind, i64>,
    /// Charged uses whose answer was overtaken by a later one: the server cannot know whether it arrived.
    pub(crate) overtaken: BTreeMap<UseKind, i64>,
    /// Charged uses whose answer arrived and whose nonce a quit deleted before it was presented.
    pub(crate) quit: BTreeMap<UseKind, i64>,
    /// Charged uses whose answer was lost, whose queued twin has not been taken, and after which the application was quit.
    pub(crate) lost_and_quit: BTreeMap<UseKind, i64>,
    /// Charged uses whose answer was lost.
    pub(crate) lost: i64,
    /// Normal ends of the application.
    pub(crate) quits: i64,
    /// Of these, with uses in the queue.
    pub(crate) quits_with_queue: i64,
    /// Answers that arrived, by their nonces, and were not presented yet.
    unshown: Vec<(String, UseKind)>,
    /// Charged uses in the queue.
    queued_twins: Vec<UseKind>,
}

fn count(counts: &mut BTreeMap<UseKind, i64>, kind: &UseKind) {
    *counts.entry(kind.clone()).or_default() += 1;
}

fn kind_of(data: &Value) -> UseKind {
    (data["action"].as_str().unwrap().to_owned(), data["amount"].as_i64().unwrap())
}

/// A device.
pub(crate) struct WireClient<'a> {
    app: &'a TestApp,
    key: String,
    hwid: String,
    kept: Kept,
    queue: Vec<Value>,
    chance: Chance,
    network: Network,
    skew: Skew,
    began: Timestamp,
    /// Is the application ever quit?
    quits: bool,
    /// When its next heartbeat is due, while its loop runs.
    beats_at: Option<Timestamp>,
    /// Does it believe that its license is active?
    is_active: bool,
    /// What it knows and the server does not.
    pub(crate) books: Books,
    /// The most recoveries in a row with nothing lost between them: what a server alone is to blame for.
    pub(crate) recoveries_max: u32,
    /// Did the last calls lose anything?
    lost: bool,
    /// Calls that the server saw.
    pub(crate) calls: u64,
}

impl<'a> WireClient<'a> {
    pub(crate) fn new(app: &'a TestApp, key: &str, hwid: &str, seed: u64, network: Network) -> Self {
        Self {
            app,
            key: key.to_owned(),
            hwid: hwid.to_owned(),
            kept: Kept::Never,
            queue: Vec::new(),
            chance: Chance(seed),
            network,
            skew: Skew { ahead: 0, drift: 0 },
            began: app.clock.now(),
            quits: false,
            beats_at: None,
            is_active: false,
            books: Books::default(),
            recoveries_max: 0,
            lost: false,
            calls: 0,
        }
    }

    /// The same with a wrong clock, and quit now and then if `quits`.
    pub(crate) fn with(self, skew: Skew, quits: bool) -> Self {
        Self { skew, quits, ..self }
    }

    fn now(&self) -> Timestamp {
        self.app.clock.now()
    }

    /// What the device's clock says, with seven digits of a second as the client writes it.
    fn device_time(&mut self) -> String {
        let elapsed = self.now().ms() - self.began.ms();
        let ahead = self.skew.ahead * 1_000 + elapsed * self.skew.drift / 3_600_000;
        let text = Timestamp::from_ms(self.now().ms() + ahead).to_string();
        format!("{}{:04}Z", text.trim_end_matches('Z'), self.chance.below(10_000))
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

    /// What the network does to a call.
    fn flight(&mut self, endpoint: &str, data: Value) -> Flight {
        let arrives = !self.chance.percent(self.network.lost_requests);
        let copies = 1 + u64::from(self.chance.percent(self.network.doubled_requests));
        let is_heard = arrives && !self.chance.percent(self.network.lost_answers);
        let (up, down) = match self.chance.percent(self.network.slow_calls) {
            true => (self.chance.below(13) as i64, self.chance.below(13) as i64),
            false => (0, 0),
        };
        // A connection that is cut is noticed at once, silence by waiting.
        let noticed = if self.chance.percent(50) { 1 + self.chance.below(30) as i64 } else { PATIENCE_SECONDS };
        Flight {
            path: format!("/v1/sdk/pro/license/{endpoint}"),
            data,
            copies: if arrives { copies } else { 0 },
            is_heard,
            up,
            down,
            noticed,
            nonce: String::new(),
            body: String::new(),
            arrived: None,
            answer: None,
            heard: None,
        }
    }

    /// Calls that are on their way together: each with the nonce that is kept when it is sent, answered in any order.
    async fn exchange(&mut self, calls: Vec<Planned<'_>>) -> Vec<Heard> {
        let mut events = Vec::new();
        let mut flights = Vec::new();
        for (index, (endpoint, data, after)) in calls.into_iter().enumerate() {
            events.push((after, Event::Send, index as u64, index));
            flights.push(self.flight(endpoint, data));
        }
        self.lost = flights.iter().any(|flight| !flight.is_heard);
        let (mut clock, mut is_next) = (0, true);
        while is_next {
            events.sort_unstable_by(|a, b| b.cmp(a));
            let Some((at, event, _, index)) = events.pop() else { break };
            self.app.clock.advance_seconds(at - clock);
            clock = at;
            match event {
                Event::Send => {
                    let nonce = self.nonce();
                    let flight = &mut flights[index];
                    flight.body = letter(&self.hwid, &json!(nonce), &flight.data);
                    flight.nonce = nonce;
                    let tie = self.chance.below(1 << 32);
                    if flight.copies > 0 {
                        events.push((at + flight.up, Event::Arrive, tie, index));
                    }
                    let end = match flight.is_heard {
                        true => (at + flight.up + flight.down, Event::Hear),
                        false => (at + flight.noticed.max(flight.up + 1), Event::Fail),
                    };
                    events.push((end.0, end.1, tie, index));
                }
                Event::Arrive => {
                    let mut together = vec![index];
                    events.retain(|(when, what, _, other)| {
                        let is_now = (*when, *what) == (at, Event::Arrive);
                        if is_now {
                            together.push(*other);
                        }
                        !is_now
                    });
                    self.arrive(&mut flights, &together, at).await;
                }
                Event::Hear => self.hear(&mut flights, index),
                Event::Fail => flights[index].heard = Some(Heard::Nothing),
            }
            is_next = !events.is_empty();
        }
        self.note_overtaken_losses(&flights);
        flights.into_iter().map(|flight| flight.heard.unwrap()).collect()
    }

    /// Requests reach the server at one moment.
    async fn arrive(&mut self, flights: &mut [Flight], together: &[usize], at: i64) {
        let app = self.app;
        let sent = together.iter().map(|index| {
            let flight = &flights[*index];
            let (path, body, copies) = (flight.path.clone(), flight.body.clone(), flight.copies);
            async move {
                let mut first = None;
                for _ in 0..copies {
                    let reply = send(&app.host, crate::support::pro::sealed_request(&path, body.clone())).await;
                    first.get_or_insert(reply);
                }
                app.opened(first.unwrap())
            }
        });
        let answers = join_all(sent).await;
        for (index, answer) in together.iter().zip(answers) {
            let flight = &mut flights[*index];
            self.calls += flight.copies;
            let is_done = answer.reply.status == 200;
            if is_done && !answer.nonce().is_empty() {
                self.books.unshown.retain(|(nonce, _)| *nonce != flight.nonce);
            }
            if is_done && flight.path.ends_with("/consume") && !flight.is_heard {
                self.books.lost += 1;
                self.books.queued_twins.push(kind_of(&flight.data));
            }
            flight.arrived = Some(at);
            flight.answer = Some(answer);
        }
    }

    /// The client takes in an answer.
    fn hear(&mut self, flights: &mut [Flight], index: usize) {
        let flight = &mut flights[index];
        let answer = flight.answer.take().unwrap();
        if answer.reply.status != 200 {
            flight.heard = Some(Heard::Refused(answer.reply.text_of("message").to_owned()));
            return;
        }
        if !answer.nonce().is_empty() {
            // What was kept until now and never presented is gone.
            for (_, kind) in self.books.unshown.drain(..) {
                count(&mut self.books.overtaken, &kind);
            }
            if flight.path.ends_with("/consume") {
                self.books.unshown.push((answer.nonce(), kind_of(&flight.data)));
            }
            self.kept = Kept::Nonce(answer.nonce());
        }
        flight.heard = Some(Heard::Answer(Box::new(answer)));
    }

    /// A charged use whose answer was lost beside a call of the same moment whose answer arrived: the one overtook the other.
    fn note_overtaken_losses(&mut self, flights: &[Flight]) {
        for (index, flight) in flights.iter().enumerate() {
            let is_lost = flight.path.ends_with("/consume")
                && flight.answer.as_ref().is_some_and(|answer| answer.reply.status == 200);
            let is_overtaken = flights.iter().enumerate().any(|(other, beside)| {
                other != index && beside.arrived == flight.arrived && matches!(beside.heard, Some(Heard::Answer(_)))
            });
            if is_lost && is_overtaken {
                count(&mut self.books.overtaken, &kind_of(&flight.data));
            }
        }
    }

    /// Calls of one moment.
    async fn at_once(&mut self, calls: Vec<(&str, Value)>) -> Vec<Heard> {
        self.exchange(calls.into_iter().map(|(endpoint, data)| (endpoint, data, 0)).collect()).await
    }

    async fn call(&mut self, endpoint: &str, data: Value) -> Heard {
        self.at_once(vec![(endpoint, data)]).await.remove(0)
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
            let is_batch = with_batch && !self.queue.is_empty();
            if is_batch {
                calls.push(("consume-batch", self.batch()));
            }
            let sent = self.queue.len();
            let heard = self.at_once(calls).await;
            if is_batch && matches!(heard.last(), Some(Heard::Answer(_))) {
                self.batch_was_taken(sent);
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
            self.batch_was_taken(sent);
        }
    }

    fn batch_was_taken(&mut self, sent: usize) {
        self.queue.drain(..sent);
        if self.queue.is_empty() {
            self.books.queued_twins.clear();
        }
    }

    /// Uses that the application makes, as calls.
    fn uses(&mut self, number: u64) -> Vec<Value> {
        let mut uses = Vec::new();
        for _ in 0..number {
            let amount = 1 + self.chance.below(3) as i64;
            let action = if self.chance.percent(50) { "export" } else { "render" };
            let data = json!({"key": self.key, "amount": amount, "action": action, "hwid": self.hwid, "meta": null});
            count(&mut self.books.used, &kind_of(&data));
            uses.push(data);
        }
        uses
    }

    /// What is not answered well is queued, with the device's time.
    fn queue_failed(&mut self, uses: Vec<Value>, timestamp: &str, heard: Vec<Heard>) {
        for (mut used, heard) in uses.into_iter().zip(heard) {
            if !matches!(heard, Heard::Answer(_)) {
                used["timestamp"] = json!(timestamp);
                self.queue.push(used);
            }
        }
    }

    /// Uses of one moment.
    pub(crate) async fn consume(&mut self, number: u64) {
        let uses = self.uses(number);
        let timestamp = self.device_time();
        let heard = self.at_once(uses.iter().map(|data| ("consume", data.clone())).collect()).await;
        self.queue_failed(uses, &timestamp, heard);
    }

    /// A use, and 1 to 60 seconds later another call, whatever became of the first.
    async fn consume_and_go_on(&mut self) {
        self.consume(1).await;
        let seconds = 1 + self.chance.below(60) as i64;
        self.app.clock.advance_seconds(seconds);
        match self.chance.below(4) {
            0 => self.settings().await,
            1 => drop(self.call("status", self.data()).await),
            2 => drop(self.call("settings/get", self.data()).await),
            _ => Box::pin(self.beat(false)).await,
        }
    }

    /// Uses with other calls on their way beside them.
    async fn consume_beside(&mut self) {
        let number = 1 + self.chance.below(2);
        let uses = self.uses(number);
        let timestamp = self.device_time();
        let mut calls: Vec<Planned<'_>> = uses.iter().map(|data| ("consume", data.clone(), 0)).collect();
        let after = self.chance.below(6) as i64;
        let other = if self.chance.percent(50) { "settings/get" } else { "status" };
        calls.push((other, self.data(), after));
        let heard = self.exchange(calls).await;
        self.queue_failed(uses, &timestamp, heard);
    }

    pub(crate) async fn settings(&mut self) {
        let level = self.chance.below(1_000);
        let save = json!({"key": self.key, "hwid": self.hwid, "settings": {"level": level}});
        let calls = vec![("settings/save", save), ("settings/get", self.data())];
        for heard in self.at_once(calls).await {
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
            self.app.clock.advance_seconds(ahead);
            Box::pin(self.beat(false)).await;
        }
        self.app.clock.advance_seconds(((until.ms() - self.now().ms()) / 1_000).max(0));
    }

    /// The process ends without a word; what lies in files is there at the next start.
    pub(crate) async fn crash(&mut self) {
        self.is_active = false;
        self.start().await;
    }

    /// A normal end: the nonce's file is deleted, the closing call goes out, nobody waits for its answer. The queue stays.
    pub(crate) async fn quit(&mut self) {
        self.books.quits += 1;
        self.books.quits_with_queue += i64::from(!self.queue.is_empty());
        for (_, kind) in self.books.unshown.drain(..) {
            count(&mut self.books.quit, &kind);
        }
        for kind in self.books.queued_twins.drain(..) {
            count(&mut self.books.lost_and_quit, &kind);
        }
        self.kept = Kept::Tampered;
        let closing = json!({"key": self.key, "hwid": self.hwid, "isClosing": true});
        self.call("heartbeat", closing).await;
        self.is_active = false;
        let seconds = 1 + self.chance.below(120) as i64;
        self.app.clock.advance_seconds(seconds);
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
            0..26 => self.consume(1).await,
            26..38 => self.consume_and_go_on().await,
            38..42 => self.consume_beside().await,
            42..50 => {
                let number = 2 + self.chance.below(2);
                self.consume(number).await;
            }
            50..56 => self.settings().await,
            56..60 => self.crash().await,
            60..63 if self.quits => self.quit().await,
            63..65 => self.sign_out_and_back().await,
            _ => {
                let seconds = 1 + self.chance.below(400) as i64;
                self.pass(seconds).await;
            }
        }
        assert!(!self.is_active || self.beats_at.is_some(), "active, and without heartbeats");
    }
}
