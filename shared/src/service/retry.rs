//! The only retry loop: load, decide, commit, and again if the table reports that the decision was made on old facts.
//!
//! | the commit says | then |
//! |---|---|
//! | done | answer |
//! | a guard did not hold, and here is the item | decide again on it |
//! | a guard did not hold, and the item is gone | load and decide again |
//! | throttled, or in conflict | wait, decide again |
//! | no reply | wait, load and decide again: the ledger's key tells what happened |
//!
//! If more has lapsed in a wallet than fits into one transaction together with a command's own writes, a part is
//! settled first, the oldest first, and the command is decided again on the resulting state, without waiting.
//!
//! The wait is full jitter up to a growing cap. The loop ends with the request's budget, never by a count: under
//! contention some request always makes progress, so every caller eventually succeeds.

use std::future::Future;
use std::time::Duration;

use ltlm_protocol::limits;

use crate::domain::decision::Decision;
use crate::domain::license::consume_batch::BatchState;
use crate::domain::license::state::LicenseState;
use crate::model::denied::Denied;
use crate::model::record::Record;
use crate::model::write::Write;
use crate::service::app::{App, Budget, Error};
use crate::table::port::{CommitError, Read, Table};

/// First cap of the wait, in milliseconds.
const WAIT_FIRST_MS: u64 = 20;

/// Largest cap of the wait, in milliseconds.
const WAIT_MAX_MS: u64 = 200;

/// State that can take in what a failed guard hands back.
pub trait Absorb {
    /// Applies the current version of a record. `false` if that is not enough to decide again: then everything is
    /// loaded again.
    fn absorb(&mut self, record: Record) -> bool;
}

impl Absorb for LicenseState {
    fn absorb(&mut self, record: Record) -> bool {
        LicenseState::absorb(self, record)
    }
}

impl Absorb for BatchState {
    fn absorb(&mut self, record: Record) -> bool {
        BatchState::absorb(self, record);
        true
    }
}

/// Runs a command. `count` comes before each commit: it counts the call where that is due. `settle` says what settles some of what
/// lapsed where a decision does not fit one transaction.
pub(super) async fn drive<T, S, R, F, C>(
    app: &App<T>,
    budget: &Budget<'_>,
    mut loaded: Option<S>,
    load: impl Fn() -> F,
    decide: impl Fn(&S) -> Result<Decision<R>, Denied>,
    (settle, count): (impl Fn(&S) -> Vec<Write>, impl Fn() -> C),
) -> Result<R, Error>
where
    T: Table,
    S: Absorb,
    F: Future<Output = Result<S, Error>>,
    C: Future<Output = Result<(), Error>>,
{
    let mut wait = Wait::default();
    loop {
        let mut state = match loaded.take() {
            Some(state) => state,
            None => match load().await {
                Ok(state) => state,
                Err(Error::Busy(source)) => {
                    wait.or_give_up(app, budget, Error::Busy(source)).await?;
                    continue;
                }
                Err(error) => return Err(error),
            },
        };
        let decision = decide(&state)?;
        if decision.writes.is_empty() {
            return Ok(decision.reply);
        }
        let fits = decision.writes.len() <= limits::TRANSACTION_ITEMS_MAX;
        let first = if fits { Vec::new() } else { settle(&state) };
        let (writes, touch) = match first.is_empty() {
            true => (&decision.writes, decision.touch.as_ref()),
            false => (&first, None),
        };
        count().await?;
        match app.table.commit(writes, touch, budget.meter).await {
            Ok(()) if first.is_empty() => return Ok(decision.reply),
            // Some of what lapsed is settled: the command is decided again on what is left.
            Ok(()) => {}
            Err(CommitError::Guard(records)) => {
                let mut complete = true;
                for record in records {
                    complete &= record.is_some_and(|record| state.absorb(record));
                }
                wait.or_give_up(app, budget, Error::Busy("contention outlasted the request".into())).await?;
                loaded = complete.then_some(state);
            }
            Err(error @ CommitError::Busy(_)) => {
                wait.or_give_up(app, budget, error.into()).await?;
                loaded = Some(state);
            }
            Err(error @ CommitError::Unknown(_)) => wait.or_give_up(app, budget, error.into()).await?,
            Err(error @ (CommitError::Broken(_) | CommitError::DryRun)) => return Err(error.into()),
        }
    }
}

/// Repeats a read that is throttled or gets no answer.
pub async fn read<T: Table, R, F>(app: &App<T>, budget: &Budget<'_>, read: impl Fn() -> F) -> Result<R, Error>
where
    F: Future<Output = Result<R, Error>>,
{
    let mut wait = Wait::default();
    loop {
        match read().await {
            Err(Error::Busy(source)) => wait.or_give_up(app, budget, Error::Busy(source)).await?,
            other => return other,
        }
    }
}

/// The records of these reads, in one round trip, with the same patience.
pub async fn records<T: Table>(app: &App<T>, budget: &Budget<'_>, reads: &[Read]) -> Result<Vec<Record>, Error> {
    read(app, budget, || async { Ok(app.table.read(reads, budget.meter).await?) }).await
}

/// The state that these reads give, by one look at the table: what a command loads.
pub async fn found<T: Table, S: Absorb + Default>(
    app: &App<T>,
    budget: &Budget<'_>,
    reads: &[Read],
) -> Result<S, Error> {
    let mut found = S::default();
    for record in app.table.read(reads, budget.meter).await? {
        found.absorb(record);
    }
    Ok(found)
}

/// Waits a little longer each time.
#[derive(Default)]
struct Wait {
    rounds: u32,
}

impl Wait {
    async fn or_give_up<T>(&mut self, app: &App<T>, budget: &Budget<'_>, error: Error) -> Result<(), Error> {
        let cap = WAIT_FIRST_MS.saturating_mul(1 << self.rounds.min(8)).min(WAIT_MAX_MS);
        self.rounds += 1;
        let mut random = [0; 8];
        app.entropy.fill(&mut random);
        let wait = u64::from_le_bytes(random) % (cap + 1);
        if app.sleep.elapsed_ms().saturating_add(wait) >= budget.until_ms {
            return Err(error);
        }
        app.sleep.sleep(Duration::from_millis(wait)).await;
        Ok(())
    }
}
