//! The loop under contention, in simulated time: one wallet in a table whose operations take time, and which refuses a write while
//! another write of the same item is in progress, as DynamoDB documents.

use std::cell::Cell;
use std::future::poll_fn;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll, Wake, Waker};

use futures_util::future::{BoxFuture, join_all};
use ltlm_protocol::Timestamp;
use ltlm_protocol::transfer::Span;

use super::*;
use crate::model::ids::{LicenseId, WalletId};
use crate::service::hints::Hints;
use crate::service::ports::{Clock, Entropy, Sleep};
use crate::service::turns::Turns;
use crate::table::port::{Meter, ReadError, Walk, Walked};

/// Milliseconds that a read takes, and a write: about what DynamoDB needs for a batch of reads and for a transaction.
const READ_MS: u64 = 4;
const WRITE_MS: u64 = 10;
/// What a request may take.
const ALLOWED_MS: u64 = 9_700;

/// Time that goes on when everybody waits.
#[derive(Clone, Default)]
struct Time(Arc<Mutex<Timers>>);

#[derive(Default)]
struct Timers {
    now: u64,
    waiting: Vec<(u64, Waker)>,
}

impl Time {
    fn now(&self) -> u64 {
        self.0.lock().unwrap().now
    }

    async fn after(&self, milliseconds: u64) {
        let at = self.now().saturating_add(milliseconds);
        poll_fn(|context| {
            let mut timers = self.0.lock().unwrap();
            if timers.now >= at {
                return Poll::Ready(());
            }
            timers.waiting.push((at, context.waker().clone()));
            Poll::Pending
        })
        .await;
    }

    /// Runs everything to its end.
    fn run<R>(&self, everything: impl Future<Output = R>) -> R {
        let mut everything = Box::pin(everything);
        let woken = Arc::new(Woken::default());
        let waker = Waker::from(Arc::clone(&woken));
        loop {
            woken.0.store(false, Ordering::Relaxed);
            if let Poll::Ready(done) = everything.as_mut().poll(&mut Context::from_waker(&waker)) {
                return done;
            }
            if !woken.0.load(Ordering::Relaxed) {
                self.go_on();
            }
        }
    }

    /// To the next moment for which somebody waits.
    fn go_on(&self) {
        let mut timers = self.0.lock().unwrap();
        timers.now = timers.waiting.iter().map(|(at, _)| *at).min().expect("somebody waits for something");
        let (now, waiting) = (timers.now, std::mem::take(&mut timers.waiting));
        let (due, waiting) = waiting.into_iter().partition(|(at, _)| *at <= now);
        timers.waiting = waiting;
        drop(timers);
        let due: Vec<(u64, Waker)> = due;
        due.into_iter().for_each(|(_, waker)| waker.wake());
    }
}

/// Was anybody woken?
#[derive(Default)]
struct Woken(AtomicBool);

impl Wake for Woken {
    fn wake(self: Arc<Self>) {
        self.0.store(true, Ordering::Relaxed);
    }
}

impl Clock for Time {
    fn now(&self) -> Timestamp {
        Timestamp::from_ms(Time::now(self) as i64)
    }
}

impl Sleep for Time {
    fn elapsed_ms(&self) -> u64 {
        Time::now(self)
    }

    fn sleep(&self, duration: Duration) -> BoxFuture<'_, ()> {
        Box::pin(self.after(duration.as_millis() as u64))
    }
}

/// Repeatable chance, or always the longest wait.
enum Chance {
    Seed(AtomicU64),
    Longest,
}

impl Entropy for Chance {
    fn fill(&self, bytes: &mut [u8]) {
        let number = match self {
            Self::Seed(seed) => {
                let next = seed.load(Ordering::Relaxed).wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
                seed.store(next, Ordering::Relaxed);
                next >> 16
            }
            // One less than a multiple of each cap and one: what is left of it is the cap.
            Self::Longest => 21 * 41 * 81 * 101 - 1,
        };
        bytes.copy_from_slice(&number.to_le_bytes());
    }
}

/// A table with one wallet.
#[derive(Clone)]
struct OneWallet {
    time: Time,
    wallet: Arc<Mutex<Wallet>>,
    /// A write is under way until then.
    busy_until: Arc<AtomicU64>,
    refused: Arc<AtomicU64>,
    /// What the next commits answer, in place of what they would; the last is the first.
    next: Arc<Mutex<Vec<CommitError>>>,
}

impl OneWallet {
    fn new(time: &Time) -> Self {
        Self {
            time: time.clone(),
            wallet: Arc::new(Mutex::new(Wallet::empty(id()))),
            busy_until: Arc::default(),
            refused: Arc::default(),
            next: Arc::default(),
        }
    }

    fn judge(&self, writes: &[Write]) -> Result<(), CommitError> {
        if let Some(error) = self.next.lock().unwrap().pop() {
            return Err(error);
        }
        let mut wallet = self.wallet.lock().unwrap();
        let [Write::MoveWallet { wallet: moved, found }] = writes else { panic!("{writes:?}") };
        if self.time.now() < self.busy_until.load(Ordering::Relaxed) {
            return Err(CommitError::Conflict("under way".into()));
        }
        if wallet.sequence != *found {
            return Err(CommitError::Guard(vec![Some(Record::Wallet(wallet.clone()))]));
        }
        *wallet = moved.clone();
        self.busy_until.store(self.time.now() + WRITE_MS / 2, Ordering::Relaxed);
        Ok(())
    }
}

impl Table for OneWallet {
    async fn read(&self, _: &[Read], meter: &Meter) -> Result<Vec<Record>, ReadError> {
        meter.round_trip();
        self.time.after(READ_MS / 2).await;
        let found = self.wallet.lock().unwrap().clone();
        self.time.after(READ_MS / 2).await;
        Ok(vec![Record::Wallet(found)])
    }

    async fn commit(&self, writes: &[Write], _: Option<&Write>, meter: &Meter) -> Result<(), CommitError> {
        meter.round_trip();
        self.time.after(WRITE_MS / 2).await;
        let outcome = self.judge(writes);
        self.refused.fetch_add(u64::from(outcome.is_err()), Ordering::Relaxed);
        self.time.after(WRITE_MS / 2).await;
        outcome
    }

    async fn walk(&self, _: &Walk, _: Option<&str>, _: &Meter) -> Result<Walked, ReadError> {
        Ok(Walked::default())
    }

    async fn claim(&self, _: &str, _: Span, _: &Meter) -> Result<bool, ReadError> {
        Ok(true)
    }

    async fn reserve(&self, _: &str, _: i64, _: &Meter) -> Result<i64, ReadError> {
        Ok(0)
    }
}

#[derive(Default)]
struct Seen(Option<Wallet>);

impl Absorb for Seen {
    fn absorb(&mut self, record: Record) -> bool {
        self.0 = record.wallet();
        true
    }
}

fn id() -> WalletId {
    WalletId::License(LicenseId("w".to_owned()))
}

fn process(table: &OneWallet, chance: Chance) -> App<OneWallet> {
    App {
        table: table.clone(),
        kms: None,
        payments: None,
        outbox: None,
        clock: Arc::new(table.time.clone()),
        entropy: Arc::new(chance),
        sleep: Arc::new(table.time.clone()),
        hints: Hints::default(),
        turns: Turns::default(),
    }
}

/// The wallet, moved so often.
fn at(sequence: i64) -> Wallet {
    Wallet { sequence, ..Wallet::empty(id()) }
}

fn guard(sequence: i64) -> CommitError {
    CommitError::Guard(vec![Some(Record::Wallet(at(sequence)))])
}

/// Moves the wallet once, if fewer than `most` did; its sequence afterwards, and the round trips that it took.
async fn move_once(app: &App<OneWallet>, most: i64) -> (Result<i64, Error>, u32) {
    let meter = Meter::default();
    let budget = Budget { meter: &meter, until_ms: app.sleep.elapsed_ms() + ALLOWED_MS };
    let reads = [Read::Wallet(id())];
    let load = || found::<_, Seen>(app, &budget, &reads);
    let decide = |seen: &Seen| {
        let found = seen.0.clone().unwrap();
        if found.sequence >= most {
            return Err(Denied::TokensDisabled);
        }
        let moved = Wallet { sequence: found.sequence + 1, ..found.clone() };
        Ok(Decision::write(vec![Write::MoveWallet { wallet: moved, found: found.sequence }], found.sequence + 1))
    };
    let none = (|_: &Seen| Vec::new(), || std::future::ready(Ok(())), None);
    let moved = drive(app, &budget, None, load, decide, none).await;
    (moved, meter.spent().round_trips)
}

/// What came of callers that moved the wallet so often each.
struct Came {
    /// Round trips of each request.
    round_trips: Vec<u32>,
    /// Requests that gave up.
    busy: usize,
    /// Commits that were refused.
    refused: u64,
    /// How long all of it took.
    took_ms: u64,
}

fn callers(processes: usize, callers: usize, each: usize) -> Came {
    let time = Time::default();
    let table = OneWallet::new(&time);
    let seeded = |seed| process(&table, Chance::Seed(AtomicU64::new(seed)));
    let apps: Vec<_> = (0..processes as u64).map(seeded).collect();
    let busy = Cell::new(0);
    let calling = (0..callers).map(|caller| {
        let (app, busy) = (&apps[caller % processes], &busy);
        async move {
            let mut requests = Vec::new();
            for _ in 0..each {
                let (moved, round_trips) = move_once(app, i64::MAX).await;
                busy.set(busy.get() + usize::from(moved.is_err()));
                requests.push(round_trips);
            }
            requests
        }
    });
    let round_trips = time.run(join_all(calling)).concat();
    let moved = table.wallet.lock().unwrap().sequence as usize;
    assert_eq!(moved + busy.get(), callers * each, "each moved it once");
    let refused = table.refused.load(Ordering::Relaxed);
    Came { round_trips, busy: busy.get(), refused, took_ms: time.now() }
}

/// What one request comes to whose first commits are answered so: the round trips, and how long it takes.
fn answered(mut first: Vec<CommitError>) -> (u32, u64) {
    let time = Time::default();
    let table = OneWallet::new(&time);
    first.reverse();
    *table.next.lock().unwrap() = first;
    let app = process(&table, Chance::Longest);
    let (moved, round_trips) = time.run(move_once(&app, i64::MAX));
    assert_eq!(moved.unwrap(), 1);
    (round_trips, time.now())
}

#[test]
fn what_a_failed_guard_hands_back_is_written_on_at_once() {
    assert_eq!(answered(vec![]), (2, READ_MS + WRITE_MS));
    assert_eq!(answered(vec![guard(0)]), (3, READ_MS + 2 * WRITE_MS));
}

#[test]
fn who_loses_again_waits_and_then_reads_again() {
    let lost = vec![guard(0), guard(0)];
    assert_eq!(answered(lost), (5, 2 * READ_MS + 3 * WRITE_MS + 40));
    let lost = vec![guard(0), guard(0), guard(0), guard(0)];
    assert_eq!(answered(lost), (8, 3 * READ_MS + 5 * WRITE_MS + 40 + 100));
}

#[test]
fn what_is_not_handed_back_is_read_again() {
    assert_eq!(answered(vec![CommitError::Guard(vec![None])]), (4, 2 * READ_MS + 2 * WRITE_MS + 20));
}

/// A conflict says, like a failed guard, that somebody came first: it makes the next wait longer, and what was decided on is read anew.
#[test]
fn a_conflict_counts_like_a_failed_guard() {
    let conflict = || CommitError::Conflict("under way".into());
    let busy = || CommitError::Busy("throttled".into());
    let round = READ_MS + WRITE_MS;
    assert_eq!(answered(vec![conflict()]), (4, 2 * round + 20));
    assert_eq!(answered(vec![conflict(), conflict(), conflict(), conflict()]), (10, 5 * round + 20 + 40 + 80 + 100));
    assert_eq!(answered(vec![guard(0), conflict()]), (5, 2 * round + WRITE_MS + 40));
    assert_eq!(answered(vec![conflict(), guard(0), busy()]), (7, 3 * round + WRITE_MS + 20 + 80));
}

#[test]
fn callers_of_one_process_lose_no_round_to_each_other() {
    let came = callers(1, 16, 20);
    assert_eq!(came.round_trips, vec![2; 16 * 20]);
    assert_eq!((came.busy, came.refused), (0, 0));
    // While one writes the others read: a write follows the other.
    assert_eq!(came.took_ms, READ_MS + 16 * 20 * WRITE_MS);
}

#[test]
fn rounds_of_callers_in_as_many_processes_are_bounded() {
    let came = callers(16, 16, 20);
    assert_eq!(came.busy, 0);
    assert!(came.round_trips.iter().all(|round_trips| *round_trips <= 60), "{:?}", came.round_trips);
    // Nobody knows of the others, so that most commits come too late.
    assert!(came.refused <= 4 * 16 * 20, "{}", came.refused);
    assert!(came.took_ms <= 2 * 16 * 20 * WRITE_MS, "{}", came.took_ms);
}

/// What this process saw last is good to write on, and refuses nobody.
#[test]
fn nobody_is_refused_by_what_a_turn_tells() {
    let time = Time::default();
    let table = OneWallet::new(&time);
    let app = process(&table, Chance::Longest);
    let both = time.run(join_all([move_once(&app, 1), move_once(&app, 1)]));
    let [(Ok(1), 2), (Err(Error::Denied(Denied::TokensDisabled)), 2)] = &both[..] else { panic!("{both:?}") };

    // It may be wrong: another process moved the wallet back, so to speak.
    time.run(app.turns.take(&id())).unwrap().found(&[Some(Record::Wallet(at(7)))]);
    let (moved, round_trips) = time.run(move_once(&app, 5));
    assert_eq!((moved.unwrap(), round_trips), (2, 3));
    time.run(app.turns.take(&id())).unwrap().found(&[Some(Record::Wallet(at(7)))]);
    let (moved, round_trips) = time.run(move_once(&app, i64::MAX));
    assert_eq!((moved.unwrap(), round_trips), (3, 3));
    let (moved, round_trips) = time.run(move_once(&app, i64::MAX));
    assert_eq!((moved.unwrap(), round_trips), (4, 2));
}

#[test]
fn who_waits_in_vain_gives_up_in_time_and_leaves_its_place() {
    let time = Time::default();
    let table = OneWallet::new(&time);
    let app = process(&table, Chance::Longest);
    let another = time.run(app.turns.take(&id()));
    let (moved, round_trips) = time.run(move_once(&app, i64::MAX));
    assert!(matches!(moved, Err(Error::Busy(_))), "{moved:?}");
    assert_eq!((round_trips, time.now()), (1, ALLOWED_MS));
    drop(another);
    assert_eq!(time.run(move_once(&app, i64::MAX)).0.unwrap(), 1);
}
