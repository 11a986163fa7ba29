//! The state machine: every rule of the client, and no I/O.
//!
//! Whoever runs it gives it what happens ([`Input`]) with two clocks' readings, and does what it asks for ([`Output`]), in order. It
//! has no thread, file, socket, clock or source of chance of its own, so a run can be repeated from its seed.

mod answers;
mod calls;
mod kept;
mod sending;
mod tokens;

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;

use ltlm_protocol::LicenseData;
use ltlm_protocol::license_data::{KickedNotice, TopUpOption};
use serde_json::{Map, Value};
use zeroize::Zeroizing;

use crate::call::{Call, CallId, Outcome, Reply};
use crate::clock::{Clocks, TrustedClock};
use crate::config::{Checked, Config};
use crate::error::Error;
use crate::event::Event;
use crate::identity::{self, Chance};
use crate::journal::Queue;
use crate::license::{License, Standing};
use crate::log::{Line, LogLevel};
use crate::status::{Reason, Snapshot, Status};
use crate::wire::Seal;

use self::kept::{Kept, KeptLicense};
use self::sending::{Flight, Task};

/// Nonces that are kept for strict calls.
const NONCES_MAX: usize = 8;
/// Outcomes of operations that are remembered.
const OUTCOMES_MAX: usize = 256;
/// First wait after a failure, in milliseconds; it doubles.
const BACKOFF_MS: u64 = 1_000;
/// Longest wait after a failure, in milliseconds, unless the server asks for more.
const BACKOFF_MS_MAX: u64 = 300_000;
/// How long the clock's mark is not written, at most, while a license is in use: so much can be had again by killing the process
/// and setting the clock back.
const MARK_MS: u64 = 600_000;
/// Longest wait that a server may ask for, in seconds.
const RETRY_AFTER_SECONDS_MAX: u64 = 3_600;

/// Names a request.
pub type SendId = u64;

/// What happens.
#[derive(Debug)]
pub enum Input {
    /// The application asks for something.
    Call {
        /// Its name, new for each call.
        id: CallId,
        /// What.
        call: Call,
    },
    /// The caller waits no longer.
    Expired {
        /// The call.
        id: CallId,
    },
    /// A request was answered.
    Answer {
        /// The request.
        id: SendId,
        /// The answer.
        answer: HttpAnswer,
    },
    /// A request was not answered.
    Failure {
        /// The request.
        id: SendId,
        /// Why.
        failure: Failure,
    },
    /// Nothing can be written.
    StoreFailed,
    /// Another process wrote this state.
    Elsewhere(Vec<u8>),
    /// Time passed.
    Tick,
    /// The application goes to the background: nothing is sent automatically.
    Paused,
    /// The application is in front again.
    Resumed,
}

/// What is to be done, in order.
#[derive(Debug)]
pub enum Output {
    /// Keep something.
    Store(Store),
    /// Send a request, and report its result.
    Send(Request),
    /// Tell the application.
    Notify(Event),
    /// A call ended.
    Finish {
        /// The call.
        id: CallId,
        /// Its result.
        result: Result<Reply, Error>,
    },
}

/// What is to be kept.
#[derive(Debug)]
pub enum Store {
    /// The state, in place of what was kept before.
    State(Zeroizing<Vec<u8>>),
    /// A record at the end of the journal.
    Append(Vec<u8>),
    /// The journal has to survive a loss of power now.
    Flush,
    /// These records, in place of the journal.
    Compact(Vec<Vec<u8>>),
    /// What was kept is another device's: out of the way with it.
    SetAside,
}

/// A request.
#[derive(Clone)]
pub struct Request {
    /// Its name.
    pub id: SendId,
    /// The call that waits for it, if one does.
    pub call: Option<CallId>,
    /// `GET` or `POST`.
    pub method: &'static str,
    /// The path after the base URL, with the query.
    pub path: String,
    /// Headers. They hold the project's secret.
    pub headers: Vec<(&'static str, String)>,
    /// The body of a `POST`.
    pub body: Option<String>,
}

impl std::fmt::Debug for Request {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        // Paths of plain requests hold a key; headers and bodies hold more.
        f.debug_struct("Request").field("id", &self.id).field("method", &self.method).finish_non_exhaustive()
    }
}

/// An answer, from any server.
#[derive(Clone, Debug, Default)]
pub struct HttpAnswer {
    /// The HTTP status. Redirects are not followed.
    pub status: u16,
    /// The header `Retry-After`.
    pub retry_after: Option<String>,
    /// The header `Date`.
    pub date: Option<String>,
    /// The body.
    pub body: Vec<u8>,
}

/// Why a request has no answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Failure {
    /// It was certainly not sent: no name, no route, no connection.
    Unsent,
    /// No encrypted connection came about.
    Tls,
    /// The proxy refused.
    Proxy,
    /// No answer in time.
    Timeout,
    /// The connection was lost after the request may have been sent.
    Lost,
}

/// What a machine starts with.
pub struct Start<'a> {
    /// What the machine says about itself; the device's id follows from it.
    pub source: &'a str,
    /// The state that was kept.
    pub state: Option<&'a [u8]>,
    /// The records of the journal.
    pub journal: &'a [Vec<u8>],
    /// What was kept was another machine's, and is set aside already.
    pub is_moved: bool,
    /// Chance, from the operating system.
    pub seed: [u8; 32],
    /// The seed of the key of a device that has none yet; drawn where there is none.
    pub device_seed: Option<Zeroizing<[u8; 32]>>,
    /// The clocks.
    pub clocks: Clocks,
}

/// The state machine.
pub struct Machine {
    config: Config,
    seal: Seal,
    chance: Chance,
    run: String,
    kept: Kept,
    clock: TrustedClock,
    license: Option<License>,
    /// The notice of a device that was removed.
    notice: Option<KickedNotice>,
    queue: Queue,
    outcomes: VecDeque<(String, Outcome)>,
    nonces: Vec<String>,
    lane: VecDeque<Task>,
    flights: BTreeMap<SendId, Flight>,
    sends: SendId,
    waiters: Vec<Waiter>,
    outputs: VecDeque<Output>,
    shown: (Status, Reason),
    seat: Option<(String, i32, i32)>,
    /// When this run last heard the license in full, by the boot clock.
    full_ms: Option<u64>,
    is_started: bool,
    is_moved: bool,
    is_paused: bool,
    is_closed: bool,
    is_dirty: bool,
    is_read_only: bool,
    /// Did the last exchange with the server fail?
    is_offline: bool,
    hours_told: Option<i64>,
    /// A time that the server sent without a signature, and the boot clock at that instant: for signing requests only.
    signing: Option<(i64, u64)>,
    beat: Timer,
    sync: Timer,
    confirm: Timer,
    flush_at: Option<u64>,
    /// When the clock's mark is written next.
    mark_at: u64,
    batch_max: usize,
}

/// A call that waits until the queue is empty.
#[derive(Clone, Copy, Debug)]
struct Waiter {
    call: CallId,
    charged: usize,
    skipped: usize,
}

/// When something is due, by the boot clock, and how often it failed.
#[derive(Clone, Copy, Debug, Default)]
struct Timer {
    at: Option<u64>,
    failures: u32,
    /// The server wants nothing before.
    not_before: u64,
}

impl Timer {
    fn is_due(&self, now: Clocks) -> bool {
        self.at.is_some_and(|at| at <= now.boot_ms)
    }

    fn set(&mut self, at: u64) {
        self.at = Some(at.max(self.not_before));
    }

    /// Earlier, if it was later.
    fn hasten(&mut self, at: u64) {
        self.set(self.at.map_or(at, |set| set.min(at)));
    }

    fn succeeded(&mut self) {
        self.failures = 0;
    }

    /// Sets it after a failure: full jitter, doubling, and not before the server wants it.
    fn failed(&mut self, error: &Error, chance: &mut Chance, now: Clocks) {
        let most = BACKOFF_MS.saturating_mul(1 << self.failures.min(9)).min(BACKOFF_MS_MAX);
        self.failures = self.failures.saturating_add(1);
        let wait = chance.below(most).max(BACKOFF_MS / 4);
        let asked = error.retry_after_seconds.unwrap_or(0).min(RETRY_AFTER_SECONDS_MAX) * 1_000;
        self.not_before = now.boot_ms.saturating_add(asked);
        self.set(now.boot_ms.saturating_add(wait));
    }
}

impl Machine {
    /// A machine with what was kept.
    pub fn open(config: &Config, start: Start<'_>) -> Result<Self, Error> {
        let Checked { secret, key, public_keys, config } = config.checked()?;
        let source = config.device_id.as_deref().unwrap_or(start.source);
        let hwid = identity::hwid(&config.project_id, source);
        let mut chance = Chance::new(start.seed);
        let read = start.state.map(Kept::read);
        let is_unreadable = matches!(read, Some(None));
        let read = read.flatten();
        let is_foreign = read.as_ref().is_some_and(|kept| kept.hwid != hwid);
        let is_new = read.is_none() || is_foreign;
        let mut kept = match read.filter(|_| !is_foreign) {
            Some(kept) => kept,
            None => Kept::new(&hwid, &start.device_seed.map_or_else(|| chance.bytes(), |seed| *seed)),
        };
        let seal = Seal {
            secret,
            key,
            public_keys,
            hwid,
            is_signing: config.protocol == 2,
            accept_unbound: config.accept_unbound,
        };
        let queue = if is_foreign { Queue::default() } else { Queue::replayed(start.journal) };
        kept.uses = kept.uses.max(queue.last_number());
        let mut machine = Self {
            clock: TrustedClock::starting(kept.time, start.clocks),
            license: kept.license.as_ref().and_then(|license| reopened(&seal, license, &kept.settings)),
            run: chance.text(),
            is_moved: start.is_moved || is_foreign,
            config,
            seal,
            chance,
            kept,
            notice: None,
            queue,
            outcomes: VecDeque::new(),
            nonces: Vec::new(),
            lane: VecDeque::new(),
            flights: BTreeMap::new(),
            sends: 0,
            waiters: Vec::new(),
            outputs: VecDeque::new(),
            shown: (Status::Unauthenticated, Reason::NoAnswerYet),
            seat: None,
            full_ms: None,
            is_started: false,
            is_paused: false,
            is_closed: false,
            is_dirty: is_new,
            is_read_only: false,
            is_offline: false,
            hours_told: None,
            signing: None,
            beat: Timer::default(),
            sync: Timer::default(),
            confirm: Timer::default(),
            flush_at: None,
            mark_at: 0,
            batch_max: ltlm_protocol::limits::BATCH_USAGES_MAX,
        };
        let (waiting, protocol) = (machine.queue.len(), machine.config.protocol);
        machine.log(LogLevel::Info, || {
            let line = Line::new("opened").with("version", env!("CARGO_PKG_VERSION")).with("protocol", protocol);
            line.with("stored", !is_new).with("waiting", waiting)
        });
        if is_foreign {
            machine.outputs.push_back(Output::Store(Store::SetAside));
        }
        if machine.is_moved {
            machine.shown.1 = Reason::Moved;
            machine.log(LogLevel::Warn, || Line::new("the state is another machine's"));
            machine.notify(Event::Moved);
        }
        if is_unreadable {
            machine.log(LogLevel::Warn, || Line::new("the state cannot be read"));
            machine.notify(Event::StorageRecovered);
        }
        machine.persist(start.clocks);
        Ok(machine)
    }

    /// Takes in what happens.
    pub fn handle(&mut self, input: Input, now: Clocks) {
        match input {
            Input::Call { id, call } => {
                self.log(LogLevel::Debug, || Line::new("call").with("call", id).with("method", call.name()));
                self.called(id, call, now);
            }
            Input::Expired { id } => self.expired(id, now),
            Input::Answer { id, answer } => self.answered(id, &answer, now),
            Input::Failure { id, failure } => self.unanswered(id, failure, now),
            Input::StoreFailed => self.store_failed(),
            Input::Elsewhere(bytes) => self.merge(&bytes, now),
            Input::Tick => {}
            Input::Paused => {
                self.log(LogLevel::Debug, || Line::new("paused"));
                self.is_paused = true;
            }
            Input::Resumed => {
                self.log(LogLevel::Debug, || Line::new("resumed"));
                self.is_paused = false;
                if self.may_beat() {
                    self.beat.set(now.boot_ms);
                }
            }
        }
        self.run_timers(now);
        self.pump(now);
        self.show(now);
        self.persist(now);
    }

    /// The next thing to do.
    pub fn poll_output(&mut self) -> Option<Output> {
        self.outputs.pop_front()
    }

    /// The reading of the boot clock at which the machine wants a [`Input::Tick`]; `None` if it waits for events only.
    pub fn wake_at(&self, now: Clocks) -> Option<u64> {
        if self.is_closed {
            return None;
        }
        let license = self.license.as_ref().filter(|_| self.is_started);
        let turns = license.map(|license| license.turns_ms(self.clock.is_signed())).unwrap_or_default();
        let turns = turns.into_iter().flatten().map(|at_ms| self.clock.boot_at(at_ms.saturating_add(1)));
        let turns = turns.filter(|at| *at > now.boot_ms);
        let timers = [
            self.beat.at.filter(|_| self.may_beat()),
            self.sync.at.filter(|_| self.may_sync()),
            self.confirm.at.filter(|_| self.may_confirm()),
            self.flush_at,
            Some(self.mark_at).filter(|_| license.is_some() && !self.is_paused),
        ];
        timers.into_iter().flatten().chain(turns).min()
    }

    fn notify(&mut self, event: Event) {
        self.outputs.push_back(Output::Notify(event));
    }

    /// Logs a line, where the configuration asks for one of this level.
    fn log(&mut self, level: LogLevel, line: impl FnOnce() -> Line) {
        if level <= self.config.log {
            self.notify(Event::Log { level, message: line().into_text() });
        }
    }

    fn finish(&mut self, call: Option<CallId>, result: Result<Reply, Error>) {
        if let Some(id) = call {
            match &result {
                Ok(_) => self.log(LogLevel::Debug, || Line::new("call ended").with("call", id)),
                Err(error) => self.log(LogLevel::Info, || Line::new("call failed").with("call", id).error(error)),
            }
            self.outputs.push_back(Output::Finish { id, result });
        }
    }

    /// Keeps what changed.
    fn persist(&mut self, now: Clocks) {
        if !self.is_dirty {
            return;
        }
        self.is_dirty = false;
        self.mark_at = now.boot_ms.saturating_add(MARK_MS);
        self.kept.time = self.clock.kept(now);
        self.log(LogLevel::Trace, || Line::new("writing the state"));
        self.outputs.push_back(Output::Store(Store::State(self.kept.bytes())));
    }

    fn store_failed(&mut self) {
        if !self.is_read_only {
            self.is_read_only = true;
            self.log(LogLevel::Error, || Line::new("nothing can be written"));
            self.notify(Event::StorageReadOnly);
        }
    }

    /// Tells if the status is another.
    fn show(&mut self, now: Clocks) {
        let status = self.status(now);
        let is_new = self.shown.0 != status.0;
        self.shown = status;
        if is_new {
            let (status, reason) = self.shown.clone();
            self.log(LogLevel::Info, || Line::new("status").with("status", status).with("reason", &reason));
            self.notify(Event::LicenseStatusChanged { status, reason });
        }
    }

    /// Ends what a call or a check came to, in the order that applications are promised.
    fn conclude(&mut self, validated: Option<bool>, call: Option<CallId>, result: Result<Reply, Error>, now: Clocks) {
        self.persist(now);
        if let Some(success) = validated {
            let status = self.status(now).0;
            self.notify(Event::ValidationCompleted { success, status });
        }
        self.show(now);
        self.finish(call, result);
    }

    fn run_timers(&mut self, now: Clocks) {
        if self.flush_at.is_some_and(|at| at <= now.boot_ms) {
            self.flush_at = None;
            self.outputs.push_back(Output::Store(Store::Flush));
        }
        if self.mark_at <= now.boot_ms && self.is_started && self.license.is_some() && !self.is_closed {
            self.is_dirty = true;
        }
        if self.beat.is_due(now) && self.may_beat() {
            self.beat.at = None;
            self.log(LogLevel::Trace, || Line::new("a beat is due"));
            self.queue_beat(None);
        }
        if self.sync.is_due(now) && self.may_sync() {
            self.sync.at = None;
            let waiting = self.queue.waiting();
            self.log(LogLevel::Trace, || Line::new("uses are due").with("waiting", waiting));
            self.queue_batch();
        }
        if self.confirm.is_due(now) && self.may_confirm() {
            self.confirm.at = None;
            self.log(LogLevel::Trace, || Line::new("a confirmed use is due"));
            self.queue_confirm();
        }
    }

    /// May anything be sent for the license automatically?
    fn is_online(&self) -> bool {
        let is_license = self.license.as_ref().is_some_and(|license| !license.is_file);
        self.is_started && is_license && !self.is_paused && !self.is_closed
    }

    fn may_beat(&self) -> bool {
        let is_kicked = self.license.as_ref().is_some_and(License::is_kicked);
        self.is_online() && !is_kicked && !self.kept.is_signed_out
    }

    fn may_sync(&self) -> bool {
        self.is_online() && self.queue.waiting() > 0
    }

    fn may_confirm(&self) -> bool {
        self.is_online() && self.queue.unresolved().is_some()
    }

    /// The license's key, if there is a license.
    fn key(&self) -> Option<&str> {
        self.license.as_ref().map(|license| license.data.license_key.as_str())
    }

    fn standing(&self, now: Clocks) -> Standing<'_> {
        Standing {
            now_ms: self.clock.now(now),
            is_set_back: self.clock.is_set_back(),
            is_answered: self.clock.is_signed(),
            blocked: self.kept.blocked.as_deref(),
            is_signed_out: self.kept.is_signed_out,
        }
    }

    /// The status, and why.
    pub fn status(&self, now: Clocks) -> (Status, Reason) {
        if let Some(license) = self.license.as_ref().filter(|_| self.is_started) {
            return license.status(self.standing(now));
        }
        if self.notice.is_some() {
            return (Status::Kicked, Reason::Server);
        }
        (Status::Unauthenticated, if self.is_moved { Reason::Moved } else { Reason::NoAnswerYet })
    }

    /// The license in the last answer, once it is in use.
    pub fn license(&self) -> Option<Arc<LicenseData>> {
        self.license.as_ref().filter(|_| self.is_started).map(|license| license.data.clone())
    }

    /// The device's id.
    pub fn hwid(&self) -> &str {
        &self.seal.hwid
    }

    /// Uses that wait to be charged.
    pub fn pending(&self) -> usize {
        self.queue.len()
    }

    /// May this be used: is the license usable, the capability on (if one is named) and the balance sufficient?
    pub fn entitled(&self, capability: Option<&str>, tokens: i64, now: Clocks) -> bool {
        let has = capability.is_none_or(|name| self.has_capability(name));
        self.status(now).0.is_usable() && has && (tokens <= 0 || self.balance() >= tokens)
    }

    /// Is this capability on?
    pub fn has_capability(&self, name: &str) -> bool {
        self.license.as_ref().filter(|_| self.is_started).is_some_and(|license| license.has(name))
    }

    /// A value of the vendor's own.
    pub fn project_setting(&self, name: &str) -> Option<Value> {
        self.license()?.config.project_settings.get(name).cloned()
    }

    /// The user settings in the last answer.
    pub fn local_settings(&self) -> Map<String, Value> {
        self.kept.settings.clone()
    }

    /// Packs that can be bought on top of the license.
    pub fn top_up_options(&self) -> Vec<TopUpOption> {
        self.license().map(|license| license.policy.top_up_options.clone()).unwrap_or_default()
    }

    /// Everything at once.
    pub fn snapshot(&self, now: Clocks) -> Snapshot {
        let (status, reason) = self.status(now);
        let license = self.license.as_ref().filter(|_| self.is_started);
        let now_ms = self.clock.now(now);
        let left = |at_ms: i64, unit_ms: i64| at_ms.saturating_sub(now_ms).max(0) / unit_ms;
        let offline = license.filter(|license| !license.is_file && license.lasts_ms(false) > 0);
        Snapshot {
            status,
            reason,
            license: self.license(),
            balance: self.balance(),
            pending: self.pending(),
            is_waiting_for_seat: status == Status::ValidNoSeat && !self.kept.is_signed_out,
            offline_hours_left: offline.map(|license| left(license.signed_ms + license.lasts_ms(false), 3_600_000)),
            days_left: license.and_then(License::ends_ms).map(|at_ms| left(at_ms, 86_400_000)),
            hwid: self.seal.hwid.clone(),
        }
    }

    /// Applies what another process of this device wrote: the newest answer of the license that was activated last, and
    /// the greatest known time.
    fn merge(&mut self, bytes: &[u8], now: Clocks) {
        self.is_dirty = true;
        let Some(theirs) = Kept::read(bytes).filter(|theirs| theirs.hwid == self.seal.hwid) else { return };
        self.clock.not_before(theirs.time.mark_ms, now);
        self.kept.device_seed.clone_from(&theirs.device_seed);
        self.kept.device_sequence = self.kept.device_sequence.max(theirs.device_sequence);
        self.kept.uses = self.kept.uses.max(theirs.uses);
        let is_later = theirs.changed_ms > self.kept.changed_ms;
        let is_same = theirs.changed_ms == self.kept.changed_ms;
        let license = theirs.license.as_ref().and_then(|license| reopened(&self.seal, license, &theirs.settings));
        let signed_ms = |license: &Option<License>| license.as_ref().map_or(i64::MIN, |license| license.signed_ms);
        if is_later || (is_same && signed_ms(&license) > signed_ms(&self.license)) {
            self.kept.changed_ms = theirs.changed_ms;
            self.kept.license.clone_from(&theirs.license);
            self.kept.blocked.clone_from(&theirs.blocked);
            self.kept.is_signed_out = theirs.is_signed_out;
            self.kept.settings.clone_from(&theirs.settings);
            self.license = license;
        }
    }
}

/// A kept license, verified again. A compact answer leaves out the user settings, which are kept beside it.
fn reopened(seal: &Seal, kept: &KeptLicense, settings: &Map<String, Value>) -> Option<License> {
    let verified = seal.reopen(&kept.text)?;
    let mut data: LicenseData = ltlm_protocol::json::typed(verified.data).ok()?;
    if data.is_compact {
        data.user_settings.clone_from(settings);
    }
    let license = License { data: Arc::new(data), signed_ms: verified.signed_ms, is_file: kept.is_file };
    let is_ours = license.lists(&seal.hwid) && license.data.license_key == kept.key;
    is_ours.then_some(license)
}
