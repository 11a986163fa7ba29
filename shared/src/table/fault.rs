//! Faults on purpose: wraps any table and, by a seed, throttles, invents conflicts, delays, and loses the replies of commits.
//! A read whose reply is lost is like one that is throttled, so there is no fault of its own for it: then every reply can be
//! lost, and what was asked for is done all the same. Off (all zero) it passes everything through. Used by tests and by `tools/local`, never in a Lambda.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use ltlm_protocol::transfer::Span;
use tokio::sync::Semaphore;

use crate::model::record::Record;
use crate::model::write::Write;
use crate::table::port::{CommitError, Meter, Read, ReadError, Table, Walk, Walked};

/// How often what goes wrong, in percent, and for how long everything waits.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Faults {
    /// The reply of a commit is lost, after the commit.
    pub drop_reply_percent: u32,
    /// The table refuses for want of throughput.
    pub throttle_percent: u32,
    /// A transaction meets another.
    pub conflict_percent: u32,
    /// Every operation waits so long first.
    pub delay_milliseconds: u64,
    /// Equal seeds give equal faults.
    pub seed: u64,
}

/// A table with faults.
#[derive(Debug)]
pub struct Faulty<T> {
    inner: T,
    state: Mutex<State>,
    largest: Largest,
}

#[derive(Debug)]
struct State {
    faults: Faults,
    random: u64,
    stop_after: Option<u32>,
    lose_after: Option<u32>,
    hold: Option<Hold>,
    frozen: Option<Frozen>,
}

/// What each eventually consistent read returned first: the engine itself always returns what is there.
type Frozen = HashMap<String, Vec<Record>>;

/// A commit that waits.
#[derive(Debug)]
struct Hold {
    which: fn(&Write) -> bool,
    held: Held,
}

/// What a test knows of a commit that is held.
#[derive(Clone, Debug)]
pub struct Held {
    reached: Arc<Semaphore>,
    released: Arc<Semaphore>,
}

impl Held {
    /// Waits until the commit is there.
    pub async fn reached(&self) {
        if let Ok(permit) = self.reached.acquire().await {
            permit.forget();
        }
    }

    /// Lets it continue.
    pub fn release(&self) {
        self.released.add_permits(1);
    }

    async fn wait(&self) {
        self.reached.add_permits(1);
        if let Ok(permit) = self.released.acquire().await {
            permit.forget();
        }
    }
}

/// The most items that any commit so far had.
type Largest = std::sync::atomic::AtomicUsize;

impl<T> Faulty<T> {
    /// Wraps `inner`, without faults yet.
    pub fn new(inner: T) -> Self {
        Self {
            inner,
            largest: Largest::new(0),
            state: Mutex::new(State {
                faults: Faults::default(),
                random: 0,
                stop_after: None,
                lose_after: None,
                hold: None,
                frozen: None,
            }),
        }
    }

    /// The table below.
    pub fn inner(&self) -> &T {
        &self.inner
    }

    /// The most items that any commit so far had.
    pub fn largest_commit(&self) -> usize {
        self.largest.load(std::sync::atomic::Ordering::Relaxed)
    }

    /// Sets the faults, and restarts their sequence.
    pub fn set(&self, faults: Faults) {
        let mut state = self.lock();
        let random = faults.seed ^ 0x9E37_79B9_7F4A_7C15;
        *state = State { faults, random, stop_after: None, lose_after: None, hold: None, frozen: None };
    }

    /// Lets so many round trips through; every later one fails as if the process had died there. `None` ends that.
    pub fn stop_after(&self, round_trips: Option<u32>) {
        self.lock().stop_after = round_trips;
    }

    /// Lets so many round trips through and loses the reply of the next, after its effect.
    pub fn lose_after(&self, round_trips: u32) {
        self.lock().lose_after = Some(round_trips);
    }

    /// Holds the next commit that has such a write among its own, until it is released.
    pub fn hold(&self, which: fn(&Write) -> bool) -> Held {
        let held = Held { reached: Arc::new(Semaphore::new(0)), released: Arc::new(Semaphore::new(0)) };
        self.lock().hold = Some(Hold { which, held: held.clone() });
        held
    }

    /// From now on an eventually consistent read returns what the same read returned first, however often it is written meanwhile; until
    /// this is ended. DynamoDB's own delay is a fraction of a second; this one is as long as a test needs.
    pub fn freeze_eventual_reads(&self, is_frozen: bool) {
        self.lock().frozen = is_frozen.then(Frozen::new);
    }

    fn is_frozen(&self) -> bool {
        self.lock().frozen.is_some()
    }

    fn held(&self, writes: &[Write]) -> Option<Held> {
        let mut state = self.lock();
        let is_it = state.hold.as_ref().is_some_and(|hold| writes.iter().any(hold.which));
        if is_it { state.hold.take().map(|hold| hold.held) } else { None }
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
    }

    /// Rolls the dice for one round trip.
    fn roll(&self) -> Roll {
        let mut state = self.lock();
        let stopped = match &mut state.stop_after {
            Some(0) => true,
            Some(left) => {
                *left -= 1;
                false
            }
            None => false,
        };
        let lost = state.lose_after == Some(0);
        state.lose_after = state.lose_after.and_then(|left| left.checked_sub(1));
        let faults = state.faults;
        let mut happens = |percent: u32| percent > 0 && state.next() % 100 < u64::from(percent);
        Roll {
            stopped,
            throttle: happens(faults.throttle_percent),
            conflict: happens(faults.conflict_percent),
            lost,
            drop_reply: happens(faults.drop_reply_percent),
            delay: Duration::from_millis(faults.delay_milliseconds),
        }
    }
}

impl<T: Table> Faulty<T> {
    /// Reads one by one, so that each can be kept.
    async fn read_frozen(&self, reads: &[Read], meter: &Meter) -> Result<Vec<Record>, ReadError> {
        let mut records = Vec::new();
        for read in reads {
            let name = matches!(read, Read::Eventually(_)).then(|| format!("{read:?}"));
            let kept = name.as_ref().and_then(|name| self.lock().frozen.as_ref()?.get(name).cloned());
            let found = match kept {
                Some(kept) => kept,
                None => self.inner.read(std::slice::from_ref(read), meter).await?,
            };
            if let (Some(name), Some(frozen)) = (name, &mut self.lock().frozen) {
                frozen.entry(name).or_insert_with(|| found.clone());
            }
            records.extend(found);
        }
        Ok(records)
    }
}

struct Roll {
    stopped: bool,
    throttle: bool,
    conflict: bool,
    /// The reply of this round trip is lost, whatever it is.
    lost: bool,
    /// The reply is lost if this round trip is a commit.
    drop_reply: bool,
    delay: Duration,
}

impl Roll {
    /// What happens instead of a read, or before it.
    async fn before_read(&self) -> Result<(), ReadError> {
        pause(self.delay).await;
        if self.stopped {
            return Err(ReadError::Broken("injected: stopped".into()));
        }
        if self.throttle {
            return Err(ReadError::Busy("injected: throttled".into()));
        }
        Ok(())
    }
}

impl State {
    /// SplitMix64: a well-known small generator; faults need to be repeatable, not unguessable.
    fn next(&mut self) -> u64 {
        self.random = self.random.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.random;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        z ^ (z >> 31)
    }
}

impl<T: Table> Table for Faulty<T> {
    async fn read(&self, reads: &[Read], meter: &Meter) -> Result<Vec<Record>, ReadError> {
        let roll = self.roll();
        roll.before_read().await?;
        let records = match self.is_frozen() {
            true => self.read_frozen(reads, meter).await?,
            false => self.inner.read(reads, meter).await?,
        };
        match roll.lost {
            true => Err(ReadError::Busy("injected: the reply was lost".into())),
            false => Ok(records),
        }
    }

    async fn commit(&self, writes: &[Write], touch: Option<&Write>, meter: &Meter) -> Result<(), CommitError> {
        self.largest.fetch_max(writes.len(), std::sync::atomic::Ordering::Relaxed);
        if let Some(held) = self.held(writes) {
            held.wait().await;
        }
        let roll = self.roll();
        pause(roll.delay).await;
        if roll.stopped {
            return Err(CommitError::Broken("injected: stopped".into()));
        }
        if roll.throttle {
            return Err(CommitError::Busy("injected: throttled".into()));
        }
        if roll.conflict {
            return Err(CommitError::Conflict("injected: in conflict".into()));
        }
        self.inner.commit(writes, touch, meter).await?;
        match roll.lost || roll.drop_reply {
            true => Err(CommitError::Unknown("injected: the reply was lost".into())),
            false => Ok(()),
        }
    }

    async fn walk(&self, walk: &Walk, after: Option<&str>, meter: &Meter) -> Result<Walked, ReadError> {
        self.roll().before_read().await?;
        self.inner.walk(walk, after, meter).await
    }

    async fn claim(&self, kind: &str, span: Span, meter: &Meter) -> Result<bool, ReadError> {
        self.roll().before_read().await?;
        self.inner.claim(kind, span, meter).await
    }

    async fn reserve(&self, kind: &str, count: i64, meter: &Meter) -> Result<i64, ReadError> {
        self.roll().before_read().await?;
        self.inner.reserve(kind, count, meter).await
    }
}

async fn pause(delay: Duration) {
    if !delay.is_zero() {
        tokio::time::sleep(delay).await;
    }
}
