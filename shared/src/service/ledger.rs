//! Reading a wallet's ledger as a whole: is it what it was, what was the balance then, and forgetting who somebody was.
//!
//! A place in time is found by halving: the ledger is in order of time, and its sequence has no gap.

use ltlm_protocol::Timestamp;

use super::{App, Budget, Error, act};
use crate::domain::entry::Entry;
use crate::domain::ledger::{Break, Checked};
use crate::domain::wallet::{Wallet, WalletId};
use crate::domain::{Record, Write};
use crate::table::{Read, Table};

/// Entries that one call reads.
pub const READ_MAX: usize = 1_000;
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
    let records = act::read(app, budget, || async { Ok(app.table.read(&list, budget.meter).await?) }).await?;
    let entries = records.into_iter().filter_map(|record| match record {
        Record::Entry(entry) => Some(entry),
        _ => None,
    });
    Ok(entries.collect())
}

/// Goes on checking a wallet's ledger from `from`.
pub async fn verify<T: Table>(
    app: &App<T>,
    budget: &Budget<'_>,
    wallet: &Wallet,
    from: Checked,
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
    Ok(checked.is_all_of(wallet).map_or_else(Verdict::Broken, |()| Verdict::Whole(checked)))
}

/// The last entry that was written before `at`: the balance after it is the balance then.
pub async fn last_before<T: Table>(
    app: &App<T>,
    budget: &Budget<'_>,
    wallet: &Wallet,
    at: Timestamp,
) -> Result<Option<Entry>, Error> {
    // Written before `at` up to `low`; not any more from `high` on.
    let (mut low, mut high) = (0, wallet.sequence + 1);
    let mut found = None;
    while high - low > 1 {
        // The newest is asked for most, so it is looked at first.
        let middle = if high > wallet.sequence { wallet.sequence } else { low + (high - low) / 2 };
        let list = Read::Entries { wallet: wallet.id.clone(), before: Some(middle + 1), limit: 1 };
        let entry = read(app, budget, list).await?.into_iter().next();
        let Some(entry) = entry else { break };
        match entry.recorded_at < at {
            true => {
                low = middle;
                found = Some(entry);
            }
            // What is missing in between counts with what comes after it.
            false => high = middle.min(entry.sequence),
        }
    }
    Ok(found)
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
