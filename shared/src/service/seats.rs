//! Seats of a license that has many: which pages of them a command reads, and their count, renewed once a minute by whoever
//! comes by.

use std::collections::BTreeSet;

use ltlm_protocol::Timestamp;

use super::load::{Claims, Wanted};
use super::{App, Budget, Error};
use crate::domain::device::SeatClaim;
pub use crate::domain::seats::home_page;
use crate::domain::seats::{PAGE_SLOTS, Seat, SeatCounts, Standing, pages, standing};
use crate::domain::write::Write;
use crate::domain::{LicenseState, Record};
use crate::table::{Read, Table};

/// Pages that are read one by one; if more are wanted, all are read at once.
const PAGES_BY_NAME: usize = 3;

/// All pages that there are or were.
pub fn every_page(state: &LicenseState) -> BTreeSet<i64> {
    let counted = state.license.seat_counts.as_ref().map_or(0, |counts| counts.pages.len() as i64);
    let read = state.seats.iter().map(|seat| seat.slot / PAGE_SLOTS + 1).max().unwrap_or(0);
    (0..pages(state.terms.seats_max.unwrap_or(0)).max(counted).max(read).max(1)).collect()
}

/// Reads the pages of seats that the command needs beside the one that was read; for a license of few seats none.
pub async fn complete<T: Table>(
    app: &App<T>,
    budget: &Budget<'_>,
    wanted: &Wanted,
    state: &mut LicenseState,
) -> Result<(), Error> {
    let now = wanted.now;
    let max = state.terms.seats_max.unwrap_or(0);
    let held = [&state.device, &state.target].into_iter().flatten().filter_map(|device| match device.seat {
        SeatClaim::Holds { slot, .. } => Some(slot / PAGE_SLOTS),
        _ => None,
    });
    let home = wanted.hwid.iter().map(|hwid| home_page(hwid, max));
    let missing = held.chain(home).filter(|page| !state.seat_pages.contains(page));
    // A slot that was read before the record of the device that names it is read again.
    let missing: BTreeSet<_> = missing.chain(state.torn_pages()).collect();
    read(app, budget, state, missing).await?;
    if wanted.claims == Claims::Never {
        return Ok(());
    }
    count(app, budget, state, now).await?;
    let Some(hwid) = wanted.hwid.as_deref().filter(|_| state.status(now).is_usable()) else { return Ok(()) };
    let claims = match &state.device {
        None => wanted.claims == Claims::Insisting,
        Some(device) => match standing(device, &state.seats, now) {
            Standing::None => true,
            Standing::Occupied(_) => false,
            Standing::Released | Standing::Kicked => wanted.claims == Claims::Insisting,
        },
    };
    if !claims || state.terms.seats_max.is_none() || state.room(now).free_slot(hwid).is_some() {
        return Ok(());
    }
    let unread: BTreeSet<_> = match wanted.claims {
        Claims::Insisting => every_page(state).difference(&state.seat_pages).copied().collect(),
        _ => state.room(now).another_page(&format!("{hwid} {now}")).into_iter().collect(),
    };
    read(app, budget, state, unread).await
}

/// Reads pages; all there are with one query, if they are many.
async fn read<T: Table>(
    app: &App<T>,
    budget: &Budget<'_>,
    state: &mut LicenseState,
    pages: BTreeSet<i64>,
) -> Result<(), Error> {
    if pages.is_empty() {
        return Ok(());
    }
    if pages.len() > PAGES_BY_NAME {
        return read_all(app, budget, state).await;
    }
    let reads: Vec<_> = pages.iter().map(|page| Read::SeatPage(state.license.id.clone(), *page)).collect();
    let read: Vec<_> = seats(app.table.read(&reads, budget.meter).await?).collect();
    state.seats.retain(|seat| !pages.contains(&(seat.slot / PAGE_SLOTS)));
    state.seats.extend(read);
    state.seat_pages.extend(pages);
    Ok(())
}

/// Reads all seats.
pub async fn read_all<T: Table>(app: &App<T>, budget: &Budget<'_>, state: &mut LicenseState) -> Result<(), Error> {
    let reads = [Read::Seats(state.license.id.clone())];
    state.seats = seats(app.table.read(&reads, budget.meter).await?).collect();
    state.seat_pages = every_page(state);
    Ok(())
}

fn seats(records: Vec<Record>) -> impl Iterator<Item = Seat> {
    records.into_iter().filter_map(|record| match record {
        Record::Seat(_, seat) => Some(seat),
        _ => None,
    })
}

/// Counts the seats, if nobody did for a minute and nobody else is about to. Who loses that race goes on with what there is.
/// Without any count, or with one for another maximum, everybody counts: what is decided depends on it.
async fn count<T: Table>(
    app: &App<T>,
    budget: &Budget<'_>,
    state: &mut LicenseState,
    now: Timestamp,
) -> Result<(), Error> {
    let license = state.license.id.clone();
    let mut found = state.license.seat_counts.as_ref().map(|counts| counts.counted_at);
    if !state.room(now).needs_count() {
        let Some(last) = found.filter(|_| state.room(now).count_is_old()) else { return Ok(()) };
        let start = Write::StartCount { license: license.clone(), found: last, at: now };
        if app.table.commit(&[start], None, budget.meter).await.is_err() {
            return Ok(());
        }
        found = Some(now);
    }
    read_all(app, budget, state).await?;
    let counts = SeatCounts::of(&state.seats, state.terms.seats_max.unwrap_or(0), now);
    let counted = Write::CountSeats { license, counts: counts.clone(), found };
    // Lost to somebody who counted at the same time, or to a fault: what was read here is as good.
    if let Err(error) = app.table.commit(&[counted], None, budget.meter).await {
        tracing::debug!(%error, "a count of seats was not written");
    }
    state.license.seat_counts = Some(counts);
    Ok(())
}
