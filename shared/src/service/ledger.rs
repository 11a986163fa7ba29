//! Reading a wallet's ledger as a whole: is it what it was, what was the balance then, and forgetting who somebody was.
//!
//! A place in time is found by halving: the ledger is in order of time, and its sequence has no gap.

use ltlm_protocol::Timestamp;

use super::{App, Budget, Error, act};
use crate::domain::entry::Entry;
use crate::domain::ledger::{Break, Checked};
use crate::domain::rollup::{self, Tally};
use crate::domain::wallet::{Wallet, WalletId};
use crate::domain::{Record, Write};
use crate::table::{Read, Table};

/// Entries that one call reads.
pub const READ_MAX: usize = 1_000;
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
    let records = act::records(app, budget, &list).await?;
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

/// The index follows the table by a moment; who asks again finds the entry there.
fn behind(sequence: i64) -> Error {
    Error::Busy(format!("the index does not have entry {sequence} yet").into())
}

/// What a wallet's ledger adds up to in [from, to).
pub async fn tally<T: Table>(
    app: &App<T>,
    budget: &Budget<'_>,
    wallet: &Wallet,
    from: Option<Timestamp>,
    to: Option<Timestamp>,
) -> Result<Tally, Error> {
    let place = async |at: Option<Timestamp>, default: i64| match at {
        None => Ok::<_, Error>(default),
        Some(at) => Ok(last_before(app, budget, wallet, at).await?.sequence),
    };
    let (after, end) = (place(from, 0).await?, place(to, wallet.sequence).await?);
    let mut tally = Tally::default();
    if end <= after {
        return Ok(tally);
    }
    let day = |at: Option<Timestamp>, default: i64| at.map_or(default, rollup::day_of);
    let days = Read::Rollups {
        wallet: wallet.id.clone(),
        from: day(from, 0),
        to: day(to, rollup::day_of(wallet.moved_at)).min(rollup::day_of(wallet.moved_at)),
    };
    let list = [days];
    let records = act::records(app, budget, &list).await?;
    // The entries in (after, covered.0] and (covered.1, end] are in no roll-up that lies within the range.
    let mut covered: Option<(i64, i64)> = None;
    for record in records {
        let Record::Rollup(day) = record else { continue };
        let goes_on = covered.is_none_or(|(_, last)| day.first == last + 1);
        if day.first > after && day.last <= end && goes_on {
            covered = Some((covered.map_or(day.first - 1, |(first, _)| first), day.last));
            tally.merge(&day.tally);
        }
    }
    let (first, last) = covered.unwrap_or((after, after));
    count(app, budget, &wallet.id, after, first, &mut tally).await?;
    count(app, budget, &wallet.id, last, end, &mut tally).await?;
    Ok(tally)
}

/// Counts the entries in (after, end].
async fn count<T: Table>(
    app: &App<T>,
    budget: &Budget<'_>,
    wallet: &WalletId,
    mut after: i64,
    end: i64,
    tally: &mut Tally,
) -> Result<(), Error> {
    while after < end {
        let limit = (end - after).min(READ_MAX as i64);
        let entries = read(app, budget, Read::EntriesAfter { wallet: wallet.clone(), after, limit }).await?;
        let Some(last) = entries.last() else { return Err(behind(after + 1)) };
        after = last.sequence;
        entries.iter().filter(|entry| entry.sequence <= end).for_each(|entry| tally.add(entry));
    }
    Ok(())
}

/// Erases the free-form facts of the entries before the place `end`, newest first: how many had some, and where to go on
/// if there are more to look at. What was erased already is left, so this may be sent twice.
pub async fn erase<T: Table>(
    app: &App<T>,
    budget: &Budget<'_>,
    wallet: &WalletId,
    end: i64,
    dry_run: bool,
) -> Result<(i64, Option<i64>), Error> {
    let list = Read::Entries { wallet: wallet.clone(), before: Some(end), limit: READ_MAX as i64 };
    let entries = read(app, budget, list).await?;
    let next = entries.last().filter(|_| entries.len() == READ_MAX).map(|entry| entry.sequence);
    let known = entries.into_iter().filter(|entry| entry.meta.is_some());
    let erasing = known.filter_map(|entry| {
        let hash = entry.facts_link()?;
        Some(Write::EraseFacts { wallet: wallet.clone(), operation: entry.operation, hash })
    });
    let erasing: Vec<_> = erasing.collect();
    for together in erasing.chunks(ERASED_TOGETHER).filter(|_| !dry_run) {
        let commit = || async { app.table.commit(together, None, budget.meter).await.map_err(Error::from) };
        act::read(app, budget, commit).await?;
    }
    Ok((erasing.len() as i64, next))
}
