//! The client as applications use it: blocking calls, and one thread in the background.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::{self, JoinHandle, ThreadId};
use std::time::{Duration, Instant};

use ltlm_protocol::LicenseData;
use ltlm_protocol::license_data::{Operation, ReleaseSeatAnswer, SeatList, TopUpOption, Usage};
use ltlm_protocol::portal_data::Portfolio;
use ltlm_protocol::store_data::{CheckoutAnswer, StorePolicy, TrialEligibility};
use serde_json::{Map, Value};
use zeroize::Zeroizing;

use super::chance;
use super::clock::{SystemClock, TimeSource};
use super::files::FileStorage;
use super::folder;
use super::keys::{self, KeyStore};
use super::platform;
use super::source::machine_id;
use super::storage::{MemoryStorage, Saved, Storage};
use super::transport::{HttpTransport, Transport};
use crate::call::{Call, CallId, Consumption, Outcome, Reply};
use crate::config::{Config, KeyStoreKind, StorageKind};
use crate::error::{Error, ErrorCode};
use crate::event::Event;
use crate::identity;
use crate::machine::{Input, Machine, Output, Request, Start, Store};
use crate::status::{Reason, Snapshot, Status};

/// Maximum of events that wait to be fetched.
const EVENTS_MAX: usize = 1_024;
/// How long a closing application waits for its seat to be given back.
const CLOSING: Duration = Duration::from_secs(2);
/// How long a request for the balance can take before the known balance is returned.
const ASKING: Duration = Duration::from_secs(5);

type Listener = Arc<dyn Fn(&Event) + Send + Sync>;

/// What a client works with. Tests and unusual platforms bring their own.
pub struct Parts {
    /// Sends requests.
    pub transport: Box<dyn Transport>,
    /// Keeps the state.
    pub storage: Box<dyn Storage>,
    /// Reads the clocks.
    pub clock: Box<dyn TimeSource>,
    /// What the machine says about itself.
    pub source: String,
    /// Chance.
    pub seed: [u8; 32],
    /// The seed of the key of a device that has none yet, where one is known that outlives its files.
    pub device_seed: Option<Zeroizing<[u8; 32]>>,
}

impl Parts {
    /// The usual ones: HTTP, the folder of the configured storage or none, the machine's clocks and id, the platform's key store.
    pub fn standard(config: &Config) -> Result<Self, Error> {
        Self::with_key_store(config, platform::key_store())
    }

    /// The usual ones with a key store of the caller's, or none. It is asked for files of the user, unless the configuration wants none;
    /// what was sealed with its key is read in any case.
    pub fn with_key_store(config: &Config, key_store: Option<Arc<dyn KeyStore>>) -> Result<Self, Error> {
        config.checked()?;
        let no_chance = || Error::new(ErrorCode::Internal, "The system gives no random bytes.");
        let folder = folder::of(config)?;
        let is_shared = config.storage == StorageKind::Machine;
        let source = config.device_id.clone().or_else(machine_id);
        let source = source.or_else(|| folder.as_ref().and_then(|folder| FileStorage::source_in(folder, is_shared)));
        let source = source.map_or_else(|| chance::bytes::<16>().map(hex::encode).ok_or_else(no_chance), Ok)?;
        let mut device_seed = None;
        let storage: Box<dyn Storage> = match folder {
            Some(folder) => {
                let mut storage = FileStorage::new(&folder, &config.project_id, &source).shared(is_shared);
                let is_wanted = config.key_store == KeyStoreKind::Platform && config.storage == StorageKind::User;
                let key_store = key_store.filter(|_| is_wanted || storage.is_sealed_by_key_store());
                if let Some(key_store) = key_store {
                    let asked = keys::ask(key_store, identity::hwid(&config.project_id, &source), Some(folder));
                    device_seed = asked.device_seed();
                    storage = storage.sealed_by(&asked, is_wanted);
                }
                Box::new(storage)
            }
            None => Box::new(MemoryStorage),
        };
        Ok(Self {
            transport: Box::new(HttpTransport::new(config)?),
            storage,
            clock: Box::new(SystemClock::new()),
            source,
            seed: chance::bytes().ok_or_else(no_chance)?,
            device_seed,
        })
    }
}

/// A client. Calls may come from any thread and block for at most the configured time; what only reads answers at once.
///
/// A handle does not survive a fork of its process: its calls fail with [`ErrorCode::Forked`], and the child opens a client of its own.
pub struct Client {
    shared: Arc<Shared>,
    thread: Mutex<Option<JoinHandle<()>>>,
}

struct Shared {
    inner: Mutex<Inner>,
    /// The background thread has something to do.
    wake: Condvar,
    /// A result or an event is there.
    done: Condvar,
    listeners: Mutex<Vec<Listener>>,
    transport: Box<dyn Transport>,
    clock: Box<dyn TimeSource>,
    timeout: Duration,
    process: u32,
}

struct Inner {
    machine: Machine,
    storage: Box<dyn Storage>,
    requests: VecDeque<Request>,
    results: BTreeMap<CallId, Result<Reply, Error>>,
    /// Calls with a waiting caller.
    live: BTreeSet<CallId>,
    calls: CallId,
    /// Events on their way to listeners.
    events: VecDeque<Event>,
    noted: u64,
    delivered: u64,
    dispatcher: Option<ThreadId>,
    /// Events to be fetched.
    buffer: VecDeque<Event>,
    is_stopped: bool,
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

fn internal() -> Error {
    Error::new(ErrorCode::Internal, "The call came to something else than it should.")
}

impl Inner {
    fn note(&mut self, event: Event) {
        if self.buffer.len() >= EVENTS_MAX {
            // The newest status and the newest seats stand for those before; of the rest the oldest goes. Results of calls stay: whoever
            // makes such calls bounds their number.
            let is_merged = |event: &Event| {
                matches!(
                    event,
                    Event::LicenseStatusChanged { .. } | Event::SeatStatusChanged { .. } | Event::OfflineGrace { .. }
                )
            };
            let is_result = |event: &Event| matches!(event, Event::CallDone { .. });
            let mut places = self.buffer.iter();
            let place = places.position(is_merged).or_else(|| self.buffer.iter().position(|event| !is_result(event)));
            if let Some(place) = place {
                self.buffer.remove(place);
            }
        }
        self.buffer.push_back(event.clone());
        self.events.push_back(event);
        self.noted += 1;
    }

    fn store(&mut self, store: Store) -> std::io::Result<Option<Vec<u8>>> {
        match store {
            Store::State(bytes) => {
                if let Saved::Elsewhere(theirs) = self.storage.save(&bytes)? {
                    return Ok(Some(theirs));
                }
            }
            Store::Append(bytes) => self.storage.append(&bytes)?,
            Store::Flush => self.storage.flush()?,
            Store::Compact(records) => self.storage.compact(&records)?,
            Store::SetAside => self.storage.set_aside()?,
        }
        Ok(None)
    }
}

impl Shared {
    /// Gives the machine an input and does what it asks for, but for requests.
    fn handle(&self, inner: &mut Inner, input: Input) {
        inner.machine.handle(input, self.clock.now());
        self.drain(inner);
    }

    fn drain(&self, inner: &mut Inner) {
        while let Some(output) = inner.machine.poll_output() {
            match output {
                Output::Store(store) => match inner.store(store) {
                    Ok(None) => {}
                    Ok(Some(theirs)) => inner.machine.handle(Input::Elsewhere(theirs), self.clock.now()),
                    Err(_) => inner.machine.handle(Input::StoreFailed, self.clock.now()),
                },
                Output::Send(request) => inner.requests.push_back(request),
                Output::Notify(event) => inner.note(event),
                Output::Finish { id, result } => {
                    if inner.live.contains(&id) {
                        inner.results.insert(id, result);
                    }
                }
            }
        }
        self.wake.notify_all();
        self.done.notify_all();
    }

    /// Sends a request, without the lock, and applies its result.
    fn exchange<'a>(
        &'a self,
        inner: MutexGuard<'a, Inner>,
        request: &Request,
        timeout: Duration,
    ) -> MutexGuard<'a, Inner> {
        drop(inner);
        let sent = self.transport.send(request, timeout);
        let mut inner = lock(&self.inner);
        let id = request.id;
        let input = match sent {
            Ok(answer) => Input::Answer { id, answer },
            Err(failure) => Input::Failure { id, failure },
        };
        self.handle(&mut inner, input);
        inner
    }

    /// Calls listeners, one event at a time and in order, without the lock. Returns when all events up to now are delivered, or
    /// `until` is reached; within a listener at once.
    fn dispatch(&self, until: Option<Instant>) {
        let me = thread::current().id();
        let mut inner = lock(&self.inner);
        let noted = inner.noted;
        while inner.delivered < noted {
            match inner.dispatcher {
                Some(other) if other == me => return,
                Some(_) => {
                    let left = until.map(|until| until.saturating_duration_since(Instant::now()));
                    if left == Some(Duration::ZERO) {
                        return;
                    }
                    let left = left.unwrap_or(self.timeout);
                    inner = self.done.wait_timeout(inner, left).unwrap_or_else(PoisonError::into_inner).0;
                }
                None => {
                    inner.dispatcher = Some(me);
                    while let Some(event) = inner.events.pop_front() {
                        drop(inner);
                        let listeners = lock(&self.listeners).clone();
                        for listener in listeners {
                            // A listener that panics has failed alone.
                            let _ = catch_unwind(AssertUnwindSafe(|| listener(&event)));
                        }
                        inner = lock(&self.inner);
                        inner.delivered += 1;
                    }
                    inner.dispatcher = None;
                    self.done.notify_all();
                }
            }
        }
    }

    /// The background thread.
    fn run(&self) {
        let mut inner = lock(&self.inner);
        while !inner.is_stopped {
            // Callers send what they wait for by themselves.
            let is_free = |request: &Request| request.call.is_none_or(|call| !inner.live.contains(&call));
            if let Some(place) = inner.requests.iter().position(is_free)
                && let Some(request) = inner.requests.remove(place)
            {
                drop(self.exchange(inner, &request, self.timeout));
                self.dispatch(None);
                inner = lock(&self.inner);
                continue;
            }
            let now = self.clock.now();
            inner = match inner.machine.wake_at(now) {
                Some(at) if at <= now.boot_ms => {
                    self.handle(&mut inner, Input::Tick);
                    drop(inner);
                    self.dispatch(None);
                    lock(&self.inner)
                }
                Some(at) => {
                    let left = Duration::from_millis(at - now.boot_ms);
                    self.wake.wait_timeout(inner, left).unwrap_or_else(PoisonError::into_inner).0
                }
                None => self.wake.wait(inner).unwrap_or_else(PoisonError::into_inner),
            };
        }
    }

    fn call(&self, call: Call, timeout: Duration) -> Result<Reply, Error> {
        let until = Instant::now() + timeout;
        let mut inner = lock(&self.inner);
        inner.calls += 1;
        let id = inner.calls;
        inner.live.insert(id);
        self.handle(&mut inner, Input::Call { id, call });
        let mut is_expired = false;
        let result = loop {
            if let Some(result) = inner.results.remove(&id) {
                break result;
            }
            if is_expired {
                break Err(internal());
            }
            let left = until.saturating_duration_since(Instant::now());
            if left.is_zero() {
                self.handle(&mut inner, Input::Expired { id });
                is_expired = true;
                continue;
            }
            let own = inner.requests.iter().position(|request| request.call == Some(id));
            inner = match own.and_then(|place| inner.requests.remove(place)) {
                Some(request) => self.exchange(inner, &request, left),
                None => self.done.wait_timeout(inner, left).unwrap_or_else(PoisonError::into_inner).0,
            };
        };
        inner.live.remove(&id);
        self.wake.notify_all();
        drop(inner);
        self.dispatch(Some(until));
        result
    }
}

impl Client {
    /// A client with the usual parts. Nothing is sent yet.
    pub fn open(config: &Config) -> Result<Self, Error> {
        Self::with(config, Parts::standard(config)?)
    }

    /// A client with these parts.
    pub fn with(config: &Config, parts: Parts) -> Result<Self, Error> {
        let Parts { transport, mut storage, clock, source, seed, device_seed } = parts;
        let loaded = storage.load();
        let start = Start {
            source: &source,
            state: loaded.state.as_deref(),
            journal: &loaded.journal,
            is_moved: loaded.is_moved,
            seed,
            device_seed,
            clocks: clock.now(),
        };
        let machine = Machine::open(config, start)?;
        let inner = Inner {
            machine,
            storage,
            requests: VecDeque::new(),
            results: BTreeMap::new(),
            live: BTreeSet::new(),
            calls: 0,
            events: VecDeque::new(),
            noted: 0,
            delivered: 0,
            dispatcher: None,
            buffer: VecDeque::new(),
            is_stopped: false,
        };
        let shared = Arc::new(Shared {
            inner: Mutex::new(inner),
            wake: Condvar::new(),
            done: Condvar::new(),
            listeners: Mutex::new(Vec::new()),
            transport,
            clock,
            timeout: Duration::from_millis(config.timeout_ms),
            process: std::process::id(),
        });
        {
            let mut inner = lock(&shared.inner);
            if loaded.is_recovered {
                inner.note(Event::StorageRecovered);
            }
            match loaded.is_read_only {
                true => shared.handle(&mut inner, Input::StoreFailed),
                false => shared.drain(&mut inner),
            }
        }
        let runner = shared.clone();
        let thread = thread::Builder::new().name("ltlm".to_owned()).spawn(move || runner.run());
        let thread = thread.map_err(|_| Error::new(ErrorCode::Internal, "No thread can be started."))?;
        Ok(Self { shared, thread: Mutex::new(Some(thread)) })
    }

    /// The state machine; `None` in a process that was forked from the client's own, in which the lock can be held
    /// permanently.
    fn inner(&self) -> Option<MutexGuard<'_, Inner>> {
        (std::process::id() == self.shared.process).then(|| lock(&self.shared.inner))
    }

    fn read<T>(&self, read: impl FnOnce(&Machine) -> T) -> Option<T> {
        self.inner().map(|inner| read(&inner.machine))
    }

    /// Makes any call, which fails with [`ErrorCode::Timeout`] or [`ErrorCode::OutcomeUnknown`] if it is not done in
    /// time. The other methods call this one with the configured time.
    pub fn call_within(&self, call: Call, timeout: Duration) -> Result<Reply, Error> {
        if std::process::id() != self.shared.process {
            return Err(Error::new(ErrorCode::Forked, "The process was forked: open another client."));
        }
        self.shared.call(call, timeout)
    }

    fn call(&self, call: Call) -> Result<Reply, Error> {
        self.call_within(call, self.shared.timeout)
    }

    fn status_of(&self, call: Call) -> Result<Status, Error> {
        match self.call(call)? {
            Reply::Status(status) => Ok(status),
            _ => Err(internal()),
        }
    }

    fn done(&self, call: Call) -> Result<(), Error> {
        self.call(call).map(drop)
    }

    /// Uses the stored license. If it is valid without an answer, the status is returned at once and checked in the
    /// background.
    ///
    /// # Errors
    /// [`ErrorCode::NoLicense`] if none is kept.
    pub fn load_stored(&self) -> Result<Status, Error> {
        self.status_of(Call::LoadStored)
    }

    /// Registers this device on a license, claims a seat and stores the license.
    pub fn activate(&self, key: &str) -> Result<Status, Error> {
        self.status_of(Call::Activate { key: key.to_owned() })
    }

    /// The same as [`activate`](Self::activate), under the second name that the first client has for it.
    pub fn validate(&self, key: &str) -> Result<Status, Error> {
        self.activate(key)
    }

    /// Asks the server for the license as it is.
    pub fn refresh(&self) -> Result<Status, Error> {
        self.status_of(Call::Refresh)
    }

    /// Gives the seat back, and beats no more until [`reactivate`](Self::reactivate). Needs the server.
    pub fn sign_out(&self) -> Result<(), Error> {
        self.done(Call::SignOut)
    }

    /// Claims a seat again, after a sign-out or a release by another device.
    pub fn reactivate(&self) -> Result<Status, Error> {
        self.status_of(Call::Reactivate)
    }

    /// Forgets the license. Uses that wait to be charged are kept.
    pub fn clear(&self) -> Result<(), Error> {
        self.done(Call::Clear)
    }

    /// Takes the text of an offline file (`.ltlm`). Nothing is sent, now or later.
    pub fn import_file(&self, text: &str) -> Result<Status, Error> {
        self.status_of(Call::ImportFile { text: text.to_owned() })
    }

    /// Beats now. Beats go out by themselves; this is for impatience.
    pub fn heartbeat(&self) -> Result<Status, Error> {
        self.status_of(Call::Heartbeat)
    }

    /// The status, and why.
    pub fn status(&self) -> (Status, Reason) {
        let now = self.shared.clock.now();
        self.read(|machine| machine.status(now)).unwrap_or((Status::Unauthenticated, Reason::NoAnswerYet))
    }

    /// Everything at once; `None` in a forked process.
    pub fn snapshot(&self) -> Option<Snapshot> {
        let now = self.shared.clock.now();
        self.read(|machine| machine.snapshot(now))
    }

    /// The license in the last answer.
    pub fn license(&self) -> Option<Arc<LicenseData>> {
        self.read(Machine::license).flatten()
    }

    /// The device's id, which a vendor needs for an offline file.
    pub fn hwid(&self) -> String {
        self.read(|machine| machine.hwid().to_owned()).unwrap_or_default()
    }

    /// The remaining tokens, less the waiting uses.
    pub fn balance(&self) -> i64 {
        self.read(Machine::balance).unwrap_or(0)
    }

    /// Is the balance at least so large? Asks the server for five seconds at most, then answers by what is known.
    pub fn has_tokens(&self, amount: i64) -> bool {
        match self.call_within(Call::HasTokens { amount }, ASKING.min(self.shared.timeout)) {
            Ok(Reply::Answer(answer)) => answer,
            _ => self.balance() >= amount,
        }
    }

    /// Uses tokens. Decided at once by what is known, recorded before it returns, and charged once, when the server can be reached.
    /// Answers the operation id and the balance.
    ///
    /// # Errors
    /// [`ErrorCode::InsufficientTokens`], [`ErrorCode::TokensDisabled`], [`ErrorCode::QueueFull`], [`ErrorCode::BadArgument`], or
    /// what the license's status comes to. Nothing was used then.
    pub fn consume(&self, amount: i64, action: &str, meta: Option<Map<String, Value>>) -> Result<(String, i64), Error> {
        match self.call(Call::Consume(Consumption { amount, action: action.to_owned(), meta }))? {
            Reply::Recorded { operation_id, balance } => Ok((operation_id, balance)),
            _ => Err(internal()),
        }
    }

    /// Uses tokens if the server agrees. The same operation id is charged once, however often it is sent.
    ///
    /// # Errors
    /// [`ErrorCode::OutcomeUnknown`] if no answer came: it is sent again in the background, and [`Event::OperationDone`] tells. Any
    /// other: nothing was charged.
    pub fn consume_confirmed(
        &self,
        amount: i64,
        action: &str,
        meta: Option<Map<String, Value>>,
        operation_id: Option<&str>,
    ) -> Result<Option<Operation>, Error> {
        let consumption = Consumption { amount, action: action.to_owned(), meta };
        let operation_id = operation_id.map(str::to_owned);
        match self.call(Call::ConsumeConfirmed { consumption, operation_id })? {
            Reply::Charged(operation) => Ok(Some(*operation)),
            Reply::Recorded { .. } => Ok(None),
            _ => Err(internal()),
        }
    }

    /// What became of an operation, as far as this process remembers.
    pub fn operation(&self, id: &str) -> Outcome {
        self.read(|machine| machine.operation(id)).unwrap_or(Outcome::Unknown)
    }

    /// Charges what waits, now. Answers how many uses were charged, and how many left out.
    pub fn sync(&self) -> Result<(usize, usize), Error> {
        match self.call(Call::Sync)? {
            Reply::Synced { charged, skipped } => Ok((charged, skipped)),
            _ => Err(internal()),
        }
    }

    /// Uses that wait to be charged.
    pub fn pending(&self) -> usize {
        self.read(Machine::pending).unwrap_or(0)
    }

    /// Is the license usable, the capability on (if one is named) and the balance sufficient?
    pub fn entitled(&self, capability: Option<&str>, tokens: i64) -> bool {
        let now = self.shared.clock.now();
        self.read(|machine| machine.entitled(capability, tokens, now)).unwrap_or(false)
    }

    /// Is this capability on?
    pub fn has_capability(&self, name: &str) -> bool {
        self.read(|machine| machine.has_capability(name)).unwrap_or(false)
    }

    /// A value of the vendor's own.
    pub fn project_setting(&self, name: &str) -> Option<Value> {
        self.read(|machine| machine.project_setting(name)).flatten()
    }

    /// The devices that hold a seat.
    pub fn seats(&self) -> Result<SeatList, Error> {
        match self.call(Call::Seats)? {
            Reply::Seats(list) => Ok(list),
            _ => Err(internal()),
        }
    }

    /// Releases a device's seat, and claims it if `claim`.
    pub fn release_seat(&self, hwid: &str, claim: bool) -> Result<ReleaseSeatAnswer, Error> {
        match self.call(Call::ReleaseSeat { hwid: hwid.to_owned(), claim })? {
            Reply::Released(answer) => Ok(answer),
            _ => Err(internal()),
        }
    }

    /// The user settings as the server has them.
    pub fn settings(&self) -> Result<Map<String, Value>, Error> {
        match self.call(Call::Settings)? {
            Reply::Settings(settings) => Ok(settings),
            _ => Err(internal()),
        }
    }

    /// Replaces the user settings, at most 65,536 UTF-16 units of JSON. The last writer wins. Answers them as they are kept.
    pub fn save_settings(&self, settings: Map<String, Value>) -> Result<Map<String, Value>, Error> {
        match self.call(Call::SaveSettings { settings })? {
            Reply::Settings(settings) => Ok(settings),
            _ => Err(internal()),
        }
    }

    /// The user settings in the last answer.
    pub fn local_settings(&self) -> Map<String, Value> {
        self.read(Machine::local_settings).unwrap_or_default()
    }

    /// Packs that can be bought on top of the license.
    pub fn top_up_options(&self) -> Vec<TopUpOption> {
        self.read(Machine::top_up_options).unwrap_or_default()
    }

    /// A payment page for a pack.
    pub fn top_up(&self, pack_id: &str, redirect_url: Option<&str>) -> Result<CheckoutAnswer, Error> {
        let call = Call::TopUp { pack_id: pack_id.to_owned(), redirect_url: redirect_url.map(str::to_owned) };
        match self.call(call)? {
            Reply::Checkout(page) => Ok(page),
            _ => Err(internal()),
        }
    }

    /// What is for sale.
    pub fn buyable(&self) -> Result<Vec<StorePolicy>, Error> {
        match self.call(Call::Buyable)? {
            Reply::Policies(policies) => Ok(policies),
            _ => Err(internal()),
        }
    }

    /// A payment page for a policy, named by its number or its short name.
    pub fn checkout(&self, policy_id: &str, email: &str, redirect_url: Option<&str>) -> Result<CheckoutAnswer, Error> {
        let redirect_url = redirect_url.map(str::to_owned);
        let call = Call::Checkout { policy_id: policy_id.to_owned(), email: email.to_owned(), redirect_url };
        match self.call(call)? {
            Reply::Checkout(page) => Ok(page),
            _ => Err(internal()),
        }
    }

    /// May this e-mail address have a trial? The answer is not signed: it is for showing.
    pub fn trial(&self, email: &str) -> Result<TrialEligibility, Error> {
        match self.call(Call::Trial { email: email.to_owned() })? {
            Reply::Trial(reply) => Ok(reply),
            _ => Err(internal()),
        }
    }

    /// Mails a code to a customer. The answer is the same whether the address is known or not.
    pub fn request_code(&self, email: &str) -> Result<(), Error> {
        self.done(Call::RequestCode { email: email.to_owned() })
    }

    /// The licenses of a customer with a code.
    pub fn verify_code(&self, email: &str, code: &str) -> Result<Portfolio, Error> {
        match self.call(Call::VerifyCode { email: email.to_owned(), code: code.to_owned() })? {
            Reply::Portfolio(portfolio) => Ok(portfolio),
            _ => Err(internal()),
        }
    }

    /// What was used, newest first; 1 to 100 rows. The answer is not signed: it is for showing.
    pub fn history(&self, limit: u32, cursor: Option<&str>) -> Result<Usage, Error> {
        match self.call(Call::History { limit, cursor: cursor.map(str::to_owned) })? {
            Reply::History(page) => Ok(page),
            _ => Err(internal()),
        }
    }

    /// Reports something to the vendor.
    pub fn report(&self, kind: &str, payload: Map<String, Value>) -> Result<(), Error> {
        self.done(Call::Report { kind: kind.to_owned(), payload })
    }

    /// The application goes to the background: nothing is sent automatically.
    pub fn pause(&self) {
        self.send_input(Input::Paused);
    }

    /// The application is in front again: a beat goes out at once.
    pub fn resume(&self) {
        self.send_input(Input::Resumed);
    }

    fn send_input(&self, input: Input) {
        if let Some(mut inner) = self.inner() {
            self.shared.handle(&mut inner, input);
        }
    }

    /// How long a call may take, as configured.
    pub fn timeout(&self) -> Duration {
        self.shared.timeout
    }

    /// Sends one more event to listeners and fetching callers, after those in progress. This is for language layers,
    /// which report results in this way ([`Event::CallDone`]).
    pub fn announce(&self, event: Event) {
        let Some(mut inner) = self.inner() else { return };
        inner.note(event);
        drop(inner);
        self.shared.done.notify_all();
        self.shared.dispatch(None);
    }

    /// Calls this at every event: one at a time, with no lock held, from the thread of a call or from the background thread. It may
    /// call the client. What happened before is not repeated.
    pub fn on_event(&self, listener: impl Fn(&Event) + Send + Sync + 'static) {
        lock(&self.shared.listeners).push(Arc::new(listener));
    }

    /// The next event; waits for at most the given time. 1,024 are stored; beyond that, the newest status and seats
    /// replace older ones.
    pub fn next_event(&self, timeout: Duration) -> Option<Event> {
        let until = Instant::now() + timeout;
        let mut inner = self.inner()?;
        loop {
            if let Some(event) = inner.buffer.pop_front() {
                return Some(event);
            }
            let left = until.saturating_duration_since(Instant::now());
            if left.is_zero() || inner.is_stopped {
                return None;
            }
            inner = self.shared.done.wait_timeout(inner, left).unwrap_or_else(PoisonError::into_inner).0;
        }
    }

    /// The next event, without waiting for one.
    #[cfg(feature = "async")]
    pub(super) fn try_next_event(&self) -> Option<Event> {
        self.inner()?.buffer.pop_front()
    }

    /// Is it closed, or another process's?
    #[cfg(feature = "async")]
    pub(super) fn is_closed(&self) -> bool {
        self.inner().is_none_or(|inner| inner.is_stopped)
    }

    /// The events that wait, without waiting for more.
    pub fn events(&self) -> Vec<Event> {
        self.inner().map(|mut inner| inner.buffer.drain(..).collect()).unwrap_or_default()
    }

    /// Gives the seat back if no other process of this device uses it, and stops. Takes two seconds at most. Dropping a client does
    /// the same.
    pub fn close(&self) {
        let Some(thread) = lock(&self.thread).take() else { return };
        let until = Instant::now() + CLOSING;
        if let Some(mut inner) = self.inner() {
            let is_last = inner.storage.is_last();
            drop(inner);
            let _ = self.shared.call(Call::Close { is_last }, CLOSING);
            inner = lock(&self.shared.inner);
            let _ = inner.storage.flush();
            inner.is_stopped = true;
            self.shared.wake.notify_all();
            self.shared.done.notify_all();
        }
        // It may be in the middle of a request that nobody answers: then it ends by itself.
        while !thread.is_finished() && thread.thread().id() != thread::current().id() && Instant::now() < until {
            thread::sleep(Duration::from_millis(5));
        }
    }
}

impl Drop for Client {
    fn drop(&mut self) {
        if std::process::id() == self.shared.process {
            self.close();
        }
    }
}
