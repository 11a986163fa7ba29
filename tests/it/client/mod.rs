//! The native client's state machine on the product itself: a device with its clocks, its disk and a network that fails by chance,
//! all simulated; the server, its table and its signatures are real.

mod cases;
mod local;
mod measured;
mod simulation;
mod tokens;

use std::collections::{BTreeMap, BTreeSet};

use bytes::Bytes;
use http::Request;
use ltlm_client::call::{Call, CallId, Consumption, Reply};
use ltlm_client::machine::{Failure, HttpAnswer, Input, Machine, Output, SendId, Start, Store};
use ltlm_client::{Clocks, Config, Error, ErrorCode, Event, LogLevel, Snapshot, Status};
use ltlm_protocol::Timestamp;
use shared::service::ports::Clock;

use crate::license::wire_client::Chance;
use crate::support::{SECRET, TestApp, send};

/// How long an application waits for a call, in milliseconds.
const PATIENCE_MS: i64 = 10_000;

/// What the network does, in percent of requests.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Network {
    pub(crate) lost_requests: u64,
    pub(crate) lost_answers: u64,
    pub(crate) doubled: u64,
    pub(crate) delayed: u64,
    pub(crate) refused_connections: u64,
    pub(crate) portals: u64,
    pub(crate) tampered: u64,
    pub(crate) server_errors: u64,
}

impl Network {
    /// Nothing reaches the server.
    pub(crate) const DOWN: Self = Self {
        lost_requests: 0,
        lost_answers: 0,
        doubled: 0,
        delayed: 0,
        refused_connections: 100,
        portals: 0,
        tampered: 0,
        server_errors: 0,
    };
}

/// What comes at a moment.
enum Coming {
    Arrival { id: SendId, request: Request<Bytes>, is_heard: bool, down_ms: i64 },
    Answer { id: SendId, answer: HttpAnswer },
    Failure { id: SendId, failure: Failure },
}

/// What a machine keeps things on.
#[derive(Clone, Debug, Default)]
pub(crate) struct Disk {
    pub(crate) state: Option<Vec<u8>>,
    pub(crate) journal: Vec<Vec<u8>>,
    /// Records that a loss of power leaves.
    pub(crate) flushed: usize,
    pub(crate) is_read_only: bool,
}

/// A device.
pub(crate) struct Desk<'a> {
    pub(crate) app: &'a TestApp,
    pub(crate) config: Config,
    pub(crate) source: String,
    pub(crate) machine: Machine,
    pub(crate) disk: Disk,
    pub(crate) network: Network,
    /// Answers to requests whose paths end like this are lost.
    pub(crate) loses: Option<&'static str>,
    /// Its answers come with the header `date`.
    pub(crate) tells_date: bool,
    /// How far the wall clock is ahead, in milliseconds.
    pub(crate) skew_ms: i64,
    pub(crate) events: Vec<Event>,
    /// Paths of the requests that were made.
    pub(crate) sent: Vec<String>,
    pub(crate) finished: BTreeMap<CallId, Result<Reply, Error>>,
    pub(crate) chance: Chance,
    /// Outputs after which the process is killed.
    pub(crate) dies_in: Option<u64>,
    pub(crate) is_dead: bool,
    /// Operations whose records are on no disk.
    pub(crate) volatile: BTreeSet<String>,
    booted_ms: i64,
    coming: Vec<(i64, u64, Coming)>,
    calls: CallId,
    order: u64,
    /// Answers that were heard, for replays.
    pub(crate) heard: Vec<HttpAnswer>,
    /// What no line of the log may hold.
    secrets: BTreeSet<String>,
    /// Lines of the log.
    pub(crate) logged: usize,
}

pub(crate) fn config(app: &TestApp) -> Config {
    use base64::Engine as _;
    let key = base64::engine::general_purpose::STANDARD.encode(app.public_key);
    let mut config = Config::new("https://ltlm.example/api", &app.project_id, SECRET, &key);
    config.app_version = Some("1.0.0".to_owned());
    // C-79: every case runs with the whole log, which `Desk::read_log` looks through.
    config.log = LogLevel::Trace;
    config
}

/// The code of a call that failed.
pub(crate) fn code(result: &Result<Reply, Error>) -> Option<ErrorCode> {
    result.as_ref().err().map(|error| error.code)
}

pub(crate) fn used(amount: i64) -> Consumption {
    Consumption { amount, action: "export".to_owned(), meta: None }
}

impl<'a> Desk<'a> {
    pub(crate) fn new(app: &'a TestApp, source: &str) -> Self {
        let seed = source.bytes().fold(1, |seed, byte| seed * 257 + u64::from(byte));
        Self::with(app, source, config(app), seed)
    }

    pub(crate) fn with(app: &'a TestApp, source: &str, config: Config, seed: u64) -> Self {
        let booted_ms = app.clock.now().ms() - 5_000;
        let mut chance = Chance(seed);
        let disk = Disk::default();
        let clocks = Clocks { wall_ms: app.clock.now().ms(), boot_ms: 5_000 };
        let machine = open(&config, source, &disk, clocks, &mut chance);
        let mut desk = Self {
            app,
            config,
            source: source.to_owned(),
            machine,
            disk,
            network: Network::default(),
            loses: None,
            tells_date: true,
            skew_ms: 0,
            events: Vec::new(),
            sent: Vec::new(),
            finished: BTreeMap::new(),
            chance,
            dies_in: None,
            is_dead: false,
            volatile: BTreeSet::new(),
            booted_ms,
            coming: Vec::new(),
            calls: 0,
            order: 0,
            heard: Vec::new(),
            secrets: BTreeSet::new(),
            logged: 0,
        };
        desk.secrets.extend([SECRET.to_owned(), desk.machine.hwid().to_owned()]);
        // Sources of one letter are in every line.
        desk.secrets.extend(Some(desk.source.clone()).filter(|source| source.len() > 8));
        desk.drain();
        desk
    }

    pub(crate) fn now_ms(&self) -> i64 {
        self.app.clock.now().ms()
    }

    pub(crate) fn clocks(&self) -> Clocks {
        let boot_ms = u64::try_from(self.now_ms() - self.booted_ms).unwrap_or(0);
        Clocks { wall_ms: self.now_ms() + self.skew_ms, boot_ms }
    }

    pub(crate) fn status(&self) -> Status {
        self.machine.status(self.clocks()).0
    }

    pub(crate) fn snapshot(&self) -> Snapshot {
        self.machine.snapshot(self.clocks())
    }

    /// The process starts again, with what is on its disk. `lost_power`: without what was not flushed.
    pub(crate) fn restart(&mut self, lost_power: bool) {
        if lost_power {
            self.disk.journal.truncate(self.disk.flushed);
            self.booted_ms = self.now_ms() - 1_000;
        }
        self.coming.retain(|(_, _, coming)| matches!(coming, Coming::Arrival { .. }));
        for (_, _, coming) in &mut self.coming {
            if let Coming::Arrival { is_heard, .. } = coming {
                *is_heard = false;
            }
        }
        (self.is_dead, self.dies_in) = (false, None);
        self.finished.clear();
        let clocks = self.clocks();
        self.machine = open(&self.config, &self.source, &self.disk, clocks, &mut self.chance);
        self.drain();
    }

    pub(crate) fn handle(&mut self, input: Input) {
        let clocks = self.clocks();
        self.machine.handle(input, clocks);
        self.drain();
    }

    fn drain(&mut self) {
        while let Some(output) = self.machine.poll_output() {
            if let Some(left) = &mut self.dies_in {
                if *left == 0 {
                    self.is_dead = true;
                    return;
                }
                *left -= 1;
            }
            match output {
                Output::Store(store) => self.store(store),
                Output::Send(request) => self.sends(request),
                Output::Notify(Event::Log { message, .. }) => self.read_log(&message),
                Output::Notify(event) => self.events.push(event),
                Output::Finish { id, result } => drop(self.finished.insert(id, result)),
            }
        }
    }

    /// C-79: no line holds a key, a device's id, the secret, an e-mail address or a body.
    fn read_log(&mut self, line: &str) {
        self.logged += 1;
        let held = self.secrets.iter().find(|secret| line.contains(secret.as_str()));
        assert_eq!(held, None, "a line of the log says too much: {line}");
        assert!(!line.contains(['@', '"']) && line.len() < 300, "a line of the log says too much: {line}");
    }

    /// Notes what a call holds that is nobody else's business.
    fn keep_secret(&mut self, call: &Call) {
        let text = match call {
            Call::Activate { key } => key,
            Call::ReleaseSeat { hwid, .. } => hwid,
            Call::Trial { email } | Call::RequestCode { email } => email,
            Call::VerifyCode { code, .. } => code,
            Call::Checkout { email, .. } => email,
            _ => return,
        };
        if text.len() > 4 {
            self.secrets.insert(text.clone());
        }
    }

    fn store(&mut self, store: Store) {
        if self.disk.is_read_only {
            if let Store::Append(bytes) = &store {
                let value: serde_json::Value = serde_json::from_slice(bytes).unwrap();
                let id = value["use"]["id"].as_str().or(value["confirm"]["id"].as_str());
                self.volatile.extend(id.map(str::to_owned));
            }
            let clocks = self.clocks();
            return self.machine.handle(Input::StoreFailed, clocks);
        }
        match store {
            Store::State(bytes) => self.disk.state = Some(bytes.to_vec()),
            Store::Append(bytes) => self.disk.journal.push(bytes),
            Store::Flush => self.disk.flushed = self.disk.journal.len(),
            Store::Compact(records) => {
                self.disk.flushed = records.len();
                self.disk.journal = records;
            }
            Store::SetAside => self.disk = Disk::default(),
        }
    }

    fn comes(&mut self, at: i64, coming: Coming) {
        self.order += 1;
        self.coming.push((at, self.order, coming));
    }

    fn sends(&mut self, request: ltlm_client::machine::Request) {
        let now = self.now_ms();
        self.sent.push(request.path.clone());
        let id = request.id;
        let network = self.network;
        if self.chance.percent(network.refused_connections) {
            return self.comes(now + 5, Coming::Failure { id, failure: Failure::Unsent });
        }
        if self.chance.percent(network.portals) {
            let status = [200, 302, 511][self.chance.below(3) as usize];
            let answer = HttpAnswer { status, body: b"<html>Please sign in</html>".to_vec(), ..HttpAnswer::default() };
            return self.comes(now + 20, Coming::Answer { id, answer });
        }
        let slow = |desk: &mut Self| match desk.chance.percent(network.delayed) {
            true => desk.chance.below(20_000) as i64,
            false => 10 + desk.chance.below(30) as i64,
        };
        let (up, down) = (slow(self), slow(self));
        let is_lost = self.chance.percent(network.lost_requests);
        let is_loss = self.loses.is_some_and(|ending| request.path.ends_with(ending));
        let is_heard = !is_lost && !is_loss && !self.chance.percent(network.lost_answers);
        let copies = if is_lost { 0 } else { 1 + u64::from(self.chance.percent(network.doubled)) };
        for copy in 0..copies {
            let mut builder = Request::builder().method(request.method).uri(&request.path);
            for (name, value) in &request.headers {
                builder = builder.header(*name, value);
            }
            let body = Bytes::from(request.body.clone().unwrap_or_default());
            let request = builder.body(body).unwrap();
            // Of two arrivals either may be answered first.
            let late = if copy == 0 { 0 } else { self.chance.below(200) as i64 - 100 };
            let arrival = Coming::Arrival { id, request, is_heard: is_heard && copy == 0, down_ms: down };
            self.comes((now + up + late).max(now + 1), arrival);
        }
        let failure = if self.chance.percent(50) { Failure::Timeout } else { Failure::Lost };
        let noticed = if failure == Failure::Timeout { PATIENCE_MS } else { up + 1 };
        if !is_heard || up + down >= PATIENCE_MS {
            self.comes(now + noticed.min(PATIENCE_MS), Coming::Failure { id, failure });
        }
    }

    /// Goes on to the next moment at which something happens, at most to `until_ms`. Did anything?
    pub(crate) async fn step(&mut self, until_ms: i64) -> bool {
        let now = self.now_ms();
        let wake = self.machine.wake_at(self.clocks()).map(|boot| self.booted_ms + i64::try_from(boot).unwrap());
        let next = self.coming.iter().map(|(at, order, _)| (*at, *order)).min();
        let due = [wake, next.map(|(at, _)| at)].into_iter().flatten().min().filter(|at| *at <= until_ms);
        let Some(at) = due else {
            self.app.clock.set(Timestamp::from_ms(until_ms.max(now)));
            return false;
        };
        self.app.clock.set(Timestamp::from_ms(at.max(now)));
        match next.filter(|(coming, _)| wake.is_none_or(|wake| *coming <= wake)) {
            Some(found) => {
                let place = self.coming.iter().position(|(at, order, _)| (*at, *order) == found).unwrap();
                let (_, _, coming) = self.coming.remove(place);
                self.came(coming).await;
            }
            None => self.handle(Input::Tick),
        }
        true
    }

    async fn came(&mut self, coming: Coming) {
        match coming {
            Coming::Arrival { id, request, is_heard, down_ms } => {
                if self.chance.percent(self.network.server_errors) {
                    let status = [500, 502, 503, 429][self.chance.below(4) as usize];
                    let answer = HttpAnswer { status, ..HttpAnswer::default() };
                    return self.comes(self.now_ms() + down_ms, Coming::Answer { id, answer });
                }
                let reply = send(&self.app.host, request).await;
                if !is_heard {
                    return;
                }
                let retry_after = reply.headers.get("retry-after").map(|value| value.to_str().unwrap().to_owned());
                let mut body = reply.text.into_bytes();
                if !body.is_empty() && self.chance.percent(self.network.tampered) {
                    let place = self.chance.below(body.len() as u64) as usize;
                    match self.chance.percent(50) {
                        true => body[place] = if body[place] == b'0' { b'1' } else { b'0' },
                        false => body.truncate(place),
                    }
                }
                let date = self.tells_date.then(|| jiff_date(self.now_ms()));
                let answer = HttpAnswer { status: reply.status, retry_after, date, body };
                self.comes(self.now_ms() + down_ms, Coming::Answer { id, answer });
            }
            Coming::Answer { id, answer } => {
                self.heard.push(answer.clone());
                self.handle(Input::Answer { id, answer });
            }
            Coming::Failure { id, failure } => self.handle(Input::Failure { id, failure }),
        }
    }

    /// Lets time pass.
    pub(crate) async fn run_for(&mut self, seconds: i64) {
        let until = self.now_ms() + seconds * 1_000;
        while !self.is_dead && self.step(until).await {}
        if !self.is_dead {
            self.handle(Input::Tick);
        }
    }

    /// Makes a call, and goes on until it ends; `None` if the process died meanwhile.
    pub(crate) async fn try_call(&mut self, call: Call) -> Option<Result<Reply, Error>> {
        self.keep_secret(&call);
        self.calls += 1;
        let id = self.calls;
        let until = self.now_ms() + PATIENCE_MS;
        self.handle(Input::Call { id, call });
        loop {
            if let Some(result) = self.finished.remove(&id) {
                return Some(result);
            }
            if self.is_dead {
                return None;
            }
            if !self.step(until).await {
                self.handle(Input::Expired { id });
                assert!(self.is_dead || self.finished.contains_key(&id), "a call outlives its time");
            }
        }
    }

    pub(crate) async fn call(&mut self, call: Call) -> Result<Reply, Error> {
        self.try_call(call).await.expect("the process lives")
    }

    /// Activates, and lets the heartbeat that follows be answered.
    pub(crate) async fn activate(&mut self, key: &str) -> Result<Reply, Error> {
        let activated = self.call(Call::Activate { key: key.to_owned() }).await;
        self.run_for(1).await;
        activated
    }

    pub(crate) async fn consume(&mut self, amount: i64) -> Result<Reply, Error> {
        self.call(Call::Consume(used(amount))).await
    }

    /// How often the paths of requests end like this.
    pub(crate) fn count(&self, ending: &str) -> usize {
        self.sent.iter().filter(|path| path.ends_with(ending)).count()
    }
}

fn jiff_date(ms: i64) -> String {
    // The form of HTTP dates, of days in January 2026.
    let text = Timestamp::from_ms(ms).to_string();
    let month = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];
    let number: usize = text[5..7].parse().unwrap();
    let weekday = ["Thu", "Fri", "Sat", "Sun", "Mon", "Tue", "Wed"];
    let day = Timestamp::from_ms(ms).day().rem_euclid(7) as usize;
    format!("{}, {} {} {} {} GMT", weekday[day], &text[8..10], month[number - 1], &text[..4], &text[11..19])
}

fn open(config: &Config, source: &str, disk: &Disk, clocks: Clocks, chance: &mut Chance) -> Machine {
    let mut seed = [0; 32];
    seed.iter_mut().for_each(|byte| *byte = chance.below(256) as u8);
    let (state, journal) = (disk.state.as_deref(), &disk.journal);
    let start = Start { source, state, journal, is_moved: false, seed, device_seed: None, clocks };
    Machine::open(config, start).unwrap()
}
