//! Reads a wallet's ledger as a whole: verification, the balance at an instant, and the erasure of metadata.
//!
//! A place in time is found by halving: the ledger is in order of time, and its sequence has no gap.

use ltlm_protocol::Timestamp;
use ltlm_protocol::account_data::{LedgerBreak, Statistics, TypeStatistics, Verification};

use crate::model::ids::WalletId;
use crate::model::record::Record;
use crate::model::wallet::entry::Entry;
use crate::model::wallet::rollup::{DayRollup, Tally};
use crate::model::wallet::verification::{Break, Checked};
use crate::model::wallet::{Wallet, rollup};
use crate::model::write::Write;
use crate::service::app::{App, Budget, Error};
use crate::service::{quota, retry};
use crate::table::port::{Read, Table};

/// Entries that one call reads.
pub const READ_MAX: usize = 1_000;
/// Entries that one call for statistics counts one by one, besides those that are rolled up in days.
pub const COUNTED_MAX: usize = 10_000;
/// After so many seconds what the index does not have is missing.
const INDEX_SECONDS: i64 = 10;
/// Facts erased together.
const ERASED_TOGETHER: usize = 100;

/// How a check went.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// All of the ledger is whole.
    Whole(Checked),
    /// It is whole this far; there is more.
    SoFar(Checked),
    /// It is not.
    Broken(Break),
}

async fn read<T: Table>(app: &App<T>, budget: &Budget<'_>, read: Read) -> Result<Vec<Entry>, Error> {
    let list = [read];
    let records = retry::records(app, budget, &list).await?;
    let entries = records.into_iter().filter_map(Record::entry);
    Ok(entries.collect())
}

/// Goes on checking a wallet's ledger from `from`. An end that is missing `now` may be one that the index does not have yet.
pub async fn verify<T: Table>(
    app: &App<T>,
    budget: &Budget<'_>,
    wallet: &Wallet,
    from: Checked,
    now: Timestamp,
) -> Result<Verdict, Error> {
    let list = Read::EntriesAfter { wallet: wallet.id.clone(), after: from.sequence, limit: READ_MAX as i64 };
    let entries = read(app, budget, list).await?;
    let mut checked = from;
    // What was written since the wallet was read is not looked at.
    for entry in entries.iter().filter(|entry| entry.sequence <= wallet.sequence) {
        checked = match checked.then(entry) {
            Ok(checked) => checked,
            Err(broken) => return Ok(Verdict::Broken(broken)),
        };
    }
    if entries.len() == READ_MAX && checked.sequence < wallet.sequence {
        return Ok(Verdict::SoFar(checked));
    }
    if checked.sequence < wallet.sequence && now < wallet.moved_at.plus_seconds(INDEX_SECONDS) {
        return Err(behind(checked.sequence + 1));
    }
    Ok(checked.is_all_of(wallet).map_or_else(Verdict::Broken, |()| Verdict::Whole(checked)))
}

/// A place in a ledger.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Place {
    /// The last entry that counts; 0 if none does.
    pub sequence: i64,
    /// The balance after it.
    pub balance: i64,
}

/// The last entry that was written before `at`: the balance after it is the balance then.
pub async fn last_before<T: Table>(
    app: &App<T>,
    budget: &Budget<'_>,
    wallet: &Wallet,
    at: Timestamp,
) -> Result<Place, Error> {
    if wallet.moved_at < at {
        return Ok(Place { sequence: wallet.sequence, balance: wallet.booked() });
    }
    // Written before `at` up to `found`; not any more from `high` on.
    let (mut found, mut high) = (Place::default(), wallet.sequence);
    while high - found.sequence > 1 {
        let middle = found.sequence + (high - found.sequence) / 2;
        let list = Read::Entries { wallet: wallet.id.clone(), before: Some(middle + 1), limit: 1 };
        let entry = read(app, budget, list).await?.into_iter().next();
        let entry = entry.filter(|entry| entry.sequence == middle).ok_or_else(|| behind(middle))?;
        match entry.recorded_at < at {
            true => found = Place { sequence: middle, balance: entry.balance_after },
            false => high = middle,
        }
    }
    Ok(found)
}

/// The index is slightly behind the table; a repeated call finds the entry in it.
fn behind(sequence: i64) -> Error {
    Error::Busy(format!("the index does not have entry {sequence} yet").into())
}

/// What is asked of a ledger's figures: a half-open range of time.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Span {
    /// Written at this instant or later.
    pub from: Option<Timestamp>,
    /// Written before this instant.
    pub to: Option<Timestamp>,
}

impl Span {
    fn holds(&self, at: Timestamp) -> bool {
        self.from.is_none_or(|from| from <= at) && self.to.is_none_or(|to| at < to)
    }
}

/// The result of verifying a wallet's ledger from a position on, and where to continue.
pub async fn verification<T: Table>(
    app: &App<T>,
    budget: &Budget<'_>,
    wallet: &Wallet,
    from: Checked,
    now: Timestamp,
) -> Result<(Verification, Option<Checked>), Error> {
    let verdict = retry::read(app, budget, || verify(app, budget, wallet, from, now)).await?;
    let (checked, first_break, next) = match verdict {
        Verdict::Whole(checked) => (checked, None, None),
        Verdict::SoFar(checked) => (checked, None, Some(checked)),
        Verdict::Broken(found) => (Checked { sequence: found.sequence - 1, ..from }, Some(found), None),
    };
    let first_break =
        first_break.map(|found| LedgerBreak { sequence: found.sequence, reason: found.fault.wire().to_owned() });
    let verification = Verification {
        account_id: None,
        intact: first_break.is_none(),
        verified: checked.sequence,
        first_break,
        next_cursor: None,
    };
    Ok((verification, next))
}

/// The sums of a wallet's ledger in a time range, after the position `after`, and where to continue. `unwritten` is
/// what has lapsed and become due by now and is not written yet: it counts with the last entries.
pub async fn statistics<T: Table>(
    app: &App<T>,
    budget: &Budget<'_>,
    wallet: &Wallet,
    unwritten: &[Entry],
    span: Span,
    after: i64,
    now: Timestamp,
) -> Result<(Statistics, Option<i64>), Error> {
    let tally = || tally(app, budget, wallet, span, after, COUNTED_MAX);
    let (mut tally, next) = retry::read(app, budget, tally).await?;
    if next.is_none() && span.holds(now) {
        unwritten.iter().for_each(|entry| tally.add(entry));
    }
    let by_type = tally.by_type.iter().map(|(operation_type, figures)| TypeStatistics {
        operation_type: operation_type.clone(),
        operation_count: figures.count,
        total_spent: figures.spent.saturating_neg(),
        total_earned: figures.granted,
        refunded: figures.refunded,
        net_change: figures.net(),
    });
    let total = tally.total;
    let statistics = Statistics {
        account_id: None,
        from: span.from.map(|at| at.to_string()),
        to: span.to.map(|at| at.to_string()),
        total_spent: total.spent.saturating_neg(),
        total_earned: total.granted,
        refunded: total.refunded,
        expired: total.expired.saturating_neg(),
        adjusted: total.adjusted,
        held: total.held.saturating_neg(),
        net_change: total.net(),
        operation_count: total.count,
        by_type: by_type.collect(),
        next_cursor: None,
    };
    Ok((statistics, next))
}

/// The sums of a wallet's ledger in a time range after the position `after`, and where to continue if `most` entries
/// were counted one by one and there are more.
pub async fn tally<T: Table>(
    app: &App<T>,
    budget: &Budget<'_>,
    wallet: &Wallet,
    span: Span,
    after: i64,
    most: usize,
) -> Result<(Tally, Option<i64>), Error> {
    let place = async |at: Option<Timestamp>, default: i64| match at {
        None => Ok::<_, Error>(default),
        Some(at) => Ok(last_before(app, budget, wallet, at).await?.sequence),
    };
    let (begin, end) = (place(span.from, 0).await?.max(after), place(span.to, wallet.sequence).await?);
    let mut counting = Counting { tally: Tally::default(), at: begin, left: most };
    if end <= begin {
        return Ok((counting.tally, None));
    }
    let day = |at: Option<Timestamp>, default: i64| at.map_or(default, rollup::day_of);
    let days = Read::Rollups {
        wallet: wallet.id.clone(),
        from: day(span.from, 0),
        to: day(span.to, rollup::day_of(wallet.moved_at)).min(rollup::day_of(wallet.moved_at)),
    };
    let list = [days];
    let records = retry::records(app, budget, &list).await?;
    let mut days: Vec<DayRollup> = Vec::new();
    for record in records {
        let Record::Rollup(day) = record else { continue };
        let goes_on = days.last().is_none_or(|before| day.first == before.last + 1);
        if day.first > begin && day.last <= end && goes_on {
            days.push(day);
        }
    }
    // The entries before the first of these days and behind the last one are in none that lies within the range.
    if let (Some(first), Some(last)) = (days.first(), days.last()) {
        let (until, on) = (first.first - 1, last.last);
        counting.up_to(app, budget, &wallet.id, until).await?;
        if counting.at < until {
            return Ok((counting.tally, Some(counting.at)));
        }
        days.iter().for_each(|day| counting.tally.merge(&day.tally));
        counting.at = on;
    }
    counting.up_to(app, budget, &wallet.id, end).await?;
    let next = (counting.at < end).then_some(counting.at);
    Ok((counting.tally, next))
}

/// A count in progress.
struct Counting {
    tally: Tally,
    /// The last entry that is counted.
    at: i64,
    /// How many more may be read.
    left: usize,
}

impl Counting {
    /// Counts the entries up to `end`, as far as may be read.
    async fn up_to<T: Table>(
        &mut self,
        app: &App<T>,
        budget: &Budget<'_>,
        wallet: &WalletId,
        end: i64,
    ) -> Result<(), Error> {
        while self.at < end && self.left > 0 {
            let limit = (end - self.at).min(READ_MAX.min(self.left) as i64);
            let list = Read::EntriesAfter { wallet: wallet.clone(), after: self.at, limit };
            let entries = read(app, budget, list).await?;
            let Some(last) = entries.last() else { return Err(behind(self.at + 1)) };
            self.at = last.sequence.min(end);
            self.left = self.left.saturating_sub(entries.len());
            entries.iter().filter(|entry| entry.sequence <= end).for_each(|entry| self.tally.add(entry));
        }
        Ok(())
    }
}

/// The writes that erase the free-form metadata of the newest `most` entries before the position `end`, and where to
/// continue if there are more. Entries that are already erased need no write.
pub async fn erasing<T: Table>(
    app: &App<T>,
    budget: &Budget<'_>,
    wallet: &WalletId,
    end: i64,
    most: usize,
) -> Result<(Vec<Write>, Option<i64>), Error> {
    let list = Read::Entries { wallet: wallet.clone(), before: Some(end), limit: most as i64 };
    let entries = read(app, budget, list).await?;
    let next = entries.last().filter(|_| entries.len() == most).map(|entry| entry.sequence);
    let known = entries.into_iter().filter(|entry| entry.meta.is_some());
    let erasing = known.filter_map(|entry| {
        let hash = entry.facts_link()?;
        Some(Write::EraseFacts { wallet: wallet.clone(), operation: entry.operation, hash })
    });
    Ok((erasing.collect(), next))
}

/// Erases the free-form metadata of the entries before the position `end`, newest first. Returns how many had metadata,
/// and where to continue if there are more. Entries that are already erased are left, so the call can be repeated.
pub async fn erase<T: Table>(
    app: &App<T>,
    budget: &Budget<'_>,
    wallet: &WalletId,
    end: i64,
    dry_run: bool,
) -> Result<(i64, Option<i64>), Error> {
    let (erasing, next) = erasing(app, budget, wallet, end, READ_MAX).await?;
    for together in erasing.chunks(ERASED_TOGETHER).filter(|_| !dry_run) {
        quota::pass(app, budget).await?;
        let commit = || async { app.table.commit(together, None, budget.meter).await.map_err(Error::from) };
        retry::read(app, budget, commit).await?;
    }
    Ok((erasing.len() as i64, next))
}
