//! The only retry loop: load, decide, commit, and again if the table reports that the decision was made on old facts.
//!
//! | the commit says | then |
//! |---|---|
//! | done | answer |
//! | a guard did not hold, and here is the item | decide again on it at once |
//! | the same twice in a row | wait, load and decide again |
//! | a guard did not hold, and the item is gone | wait, load and decide again |
//! | throttled, or in conflict | wait, load and decide again |
//! | no reply | wait, load and decide again: the ledger's key tells what happened |
//!
//! A request that waited loads again: its state becomes outdated during the wait, and a commit on an outdated state loses to
//! requests that have just arrived. Callers of one process that move the same wallet take turns (`turns.rs`), so that they
//! lose no rounds to each other.
//!
//! If more has lapsed in a wallet than fits into one transaction together with a command's own writes, a part is
//! settled first, the oldest first, and the command is decided again on the resulting state, without waiting.
//!
//! The wait is full jitter up to a cap that grows with the number of lost rounds. The loop ends with the request's budget,
//! never by a count: under contention some request always makes progress, so every caller eventually succeeds.

use std::future::Future;
use std::pin::pin;
use std::time::Duration;

use futures_util::FutureExt;
use futures_util::future::{Either, select};
use ltlm_protocol::limits;

use crate::domain::decision::Decision;
use crate::domain::license::consume_batch::BatchState;
use crate::domain::license::state::LicenseState;
use crate::model::denied::Denied;
use crate::model::ids::{OperationId, WalletId};
use crate::model::record::Record;
use crate::model::wallet::Wallet;
use crate::model::write::Write;
use crate::service::app::{App, Budget, Error};
use crate::service::turns::{self, Turn};
use crate::table::port::{CommitError, Read, Table};

/// First cap of the wait, in milliseconds.
const WAIT_FIRST_MS: u64 = 20;

/// Largest cap of the wait, in milliseconds.
const WAIT_MAX_MS: u64 = 100;

/// The cause of a request that lost every round until its time was over.
const OUTLASTED: &str = "contention outlasted the request";

/// State that can take in what a failed guard hands back.
pub trait Absorb {
    /// Applies the current version of a record. `false` if that is not enough to decide again: then everything is
    /// loaded again.
    fn absorb(&mut self, record: Record) -> bool;

    /// Is a decision with these writes (`None`: a refusal) valid, although some of the state may be outdated? If not, everything is
    /// loaded again.
    fn is_verified_by(&self, _writes: Option<&[Write]>) -> bool {
        true
    }
}

impl Absorb for LicenseState {
    fn absorb(&mut self, record: Record) -> bool {
        LicenseState::absorb(self, record)
    }

    fn is_verified_by(&self, writes: Option<&[Write]>) -> bool {
        LicenseState::is_verified_by(self, writes)
    }
}

impl Absorb for BatchState {
    fn absorb(&mut self, record: Record) -> bool {
        BatchState::absorb(self, record);
        true
    }
}

/// The entry of an operation, left unread until it can matter. The condition of a commit that puts the entry verifies that there is
/// none. A refusal, or an answer without a write, has no such condition: the operation may already be done.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unread {
    /// The wallet that the operation moves.
    pub wallet: WalletId,
    /// The operation.
    pub operation: OperationId,
}

impl Unread {
    /// Do these writes put the operation's entry?
    fn is_put_by(&self, writes: &[Write]) -> bool {
        writes.iter().any(|write| match write {
            Write::AddEntry { entry } => entry.operation == self.operation && entry.wallet == self.wallet,
            _ => false,
        })
    }
}

/// The writes of a decision; none of a refusal.
fn writes_of<R>(decision: &Result<Decision<R>, Denied>) -> Option<&[Write]> {
    decision.as_ref().ok().map(|decision| decision.writes.as_slice())
}

/// Is this decision valid although the entry of its operation was not read?
fn stands_unread<R>(decision: &Result<Decision<R>, Denied>, unread: Option<&Unread>) -> bool {
    match decision {
        Ok(decision) => unread.is_none_or(|unread| unread.is_put_by(&decision.writes)),
        Err(_) => unread.is_none(),
    }
}

/// Runs a command. `count` comes before each commit: it counts the call where that is due. `settle` says what settles some of what
/// lapsed where a decision does not fit one transaction. `unread` is the entry that `load` leaves out.
pub(super) async fn drive<T, S, R, F, C>(
    app: &App<T>,
    budget: &Budget<'_>,
    mut loaded: Option<S>,
    load: impl Fn() -> F,
    decide: impl Fn(&S) -> Result<Decision<R>, Denied>,
    (settle, count, unread): (impl Fn(&S) -> Vec<Write>, impl Fn() -> C, Option<&Unread>),
) -> Result<R, Error>
where
    T: Table,
    S: Absorb,
    F: Future<Output = Result<S, Error>>,
    C: Future<Output = Result<(), Error>>,
{
    let mut rounds = Rounds::default();
    let mut turn = None;
    // Is the entry of the operation known, or known to be absent? Is it likely that the operation is done?
    let (mut is_known, mut is_likely) = (false, false);
    loop {
        let mut state = match loaded.take() {
            Some(state) => state,
            None => match load().await {
                Ok(state) => {
                    is_known = false;
                    state
                }
                Err(Error::Busy(source)) => {
                    rounds.wait_or_give_up(app, budget, Error::Busy(source)).await?;
                    continue;
                }
                Err(error) => return Err(error),
            },
        };
        let missing = unread.filter(|_| !is_known);
        let mut decided = decide(&state);
        if !state.is_verified_by(writes_of(&decided)) {
            continue;
        }
        if let Some(unread) = missing.filter(|_| is_likely || !stands_unread(&decided, missing)) {
            let entry = [Read::Entry(unread.wallet.clone(), unread.operation.clone())];
            for record in records(app, budget, &entry).await? {
                state.absorb(record);
            }
            is_known = true;
            decided = decide(&state);
        }
        let mut decision = decided?;
        if decision.writes.is_empty() {
            return Ok(decision.reply);
        }
        count().await?;
        if turn.is_none() {
            turn = take_turn(app, budget, &decision.writes).await?;
            if let Some(wallet) = turn.as_ref().and_then(|turn| newer(turn, &decision.writes)) {
                let is_enough = state.absorb(Record::Wallet(wallet));
                let decided = decide(&state);
                let is_verified = state.is_verified_by(writes_of(&decided));
                let stands = is_enough && is_verified && stands_unread(&decided, missing);
                decision = match decided {
                    Ok(decision) if stands && !decision.writes.is_empty() => decision,
                    // A wallet that was not read is used for writes only. An answer without a write and a refusal need a read.
                    _ => continue,
                };
            }
        }
        let fits = decision.writes.len() <= limits::TRANSACTION_ITEMS_MAX;
        let first = if fits { Vec::new() } else { settle(&state) };
        let (writes, touch) = match first.is_empty() {
            true => (&decision.writes, decision.touch.as_ref()),
            false => (&first, None),
        };
        match commit(app, budget, writes, touch).await {
            Ok(()) => {
                turn.iter().for_each(|turn: &Turn<'_>| turn.committed(writes));
                if first.is_empty() {
                    return Ok(decision.reply);
                }
                // Some of what lapsed is settled: the command is decided again on what is left.
            }
            Err(CommitError::Guard(records)) => {
                turn.iter().for_each(|turn| turn.found(&records));
                let mut is_enough = true;
                for record in records {
                    is_enough &= record.is_some_and(|record| state.absorb(record));
                }
                // All guards were checked together: if the entry's guard held, there is none.
                is_known |= first.is_empty();
                match is_enough && rounds.goes_on_at_once(app, budget) {
                    true => loaded = Some(state),
                    false => rounds.wait_or_give_up(app, budget, Error::Busy(OUTLASTED.into())).await?,
                }
            }
            Err(error @ (CommitError::Conflict(_) | CommitError::Busy(_) | CommitError::Unknown(_))) => {
                is_likely |= matches!(error, CommitError::Unknown(_));
                rounds.wait_or_give_up(app, budget, error.into()).await?;
            }
            Err(error @ (CommitError::Broken(_) | CommitError::DryRun)) => return Err(error.into()),
        }
    }
}

/// Commits all writes or none, except that a sign of life comes before the nonce of its call, each on its own: both in a transaction
/// would cost twice as much, and a lease that is prolonged by a call whose nonce stays usable does no harm.
async fn commit<T: Table>(
    app: &App<T>,
    budget: &Budget<'_>,
    writes: &[Write],
    touch: Option<&Write>,
) -> Result<(), CommitError> {
    let [Write::RenewSeat { .. } | Write::SeeDevice { .. }, Write::MoveChain { .. }] = writes else {
        return app.table.commit(writes, touch, budget.meter).await;
    };
    app.table.commit(&writes[..1], touch, budget.meter).await?;
    app.table.commit(&writes[1..], None, budget.meter).await
}

/// Waits for the caller's turn at the wallet that these writes move, if they move one. A dry run waits for none.
async fn take_turn<'a, T: Table>(
    app: &'a App<T>,
    budget: &Budget<'_>,
    writes: &[Write],
) -> Result<Option<Turn<'a>>, Error> {
    let Some((wallet, _)) = turns::moved(writes).filter(|_| !budget.meter.is_dry_run()) else { return Ok(None) };
    let mut turn = pin!(app.turns.take(wallet));
    // Usually no other caller is there, and no timer is needed.
    if let Some(turn) = turn.as_mut().now_or_never() {
        return Ok(turn);
    }
    let left = budget.until_ms.saturating_sub(app.sleep.elapsed_ms());
    match select(turn, app.sleep.sleep(Duration::from_millis(left))).await {
        Either::Left((turn, _)) => Ok(turn),
        Either::Right(_) => Err(Error::Busy(OUTLASTED.into())),
    }
}

/// The wallet that these writes move, as another caller of this process left it, if that caller moved it after the decision's read.
fn newer(turn: &Turn<'_>, writes: &[Write]) -> Option<Wallet> {
    turns::moved(writes).and_then(|(_, found)| turn.newer(found))
}

/// Repeats a read that is throttled or gets no answer.
pub async fn read<T: Table, R, F>(app: &App<T>, budget: &Budget<'_>, read: impl Fn() -> F) -> Result<R, Error>
where
    F: Future<Output = Result<R, Error>>,
{
    let mut rounds = Rounds::default();
    loop {
        match read().await {
            Err(Error::Busy(source)) => rounds.wait_or_give_up(app, budget, Error::Busy(source)).await?,
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

/// Counts the rounds that a request loses, and waits between them, longer each time.
#[derive(Default)]
struct Rounds {
    lost: u32,
    /// The last round was decided on the records that a failed guard returned.
    is_at_once: bool,
}

impl Rounds {
    /// Counts a round that was lost to a concurrent write. `true` if the next round may follow at once, on the records that the failed
    /// guard returned. After two such losses in a row the request waits, so that the same requests do not collide again and again.
    fn goes_on_at_once<T>(&mut self, app: &App<T>, budget: &Budget<'_>) -> bool {
        if self.is_at_once || app.sleep.elapsed_ms() >= budget.until_ms {
            return false;
        }
        self.lost += 1;
        self.is_at_once = true;
        true
    }

    /// Counts a lost round, and waits. Fails with `error` if the wait would exceed the request's time.
    async fn wait_or_give_up<T>(&mut self, app: &App<T>, budget: &Budget<'_>, error: Error) -> Result<(), Error> {
        self.is_at_once = false;
        let cap = WAIT_FIRST_MS.saturating_mul(1 << self.lost.min(8)).min(WAIT_MAX_MS);
        self.lost += 1;
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

#[cfg(test)]
mod tests;
