//! Seats of a license that has many: which pages of them a command reads, and their count, which the next writer renews
//! once a minute.

use std::collections::BTreeSet;

use ltlm_protocol::Timestamp;

use crate::domain::license::seat_map::home_page;
use crate::domain::license::seats::{SeatStatus, standing};
use crate::domain::license::state::LicenseState;
use crate::model::device::SeatClaim;
use crate::model::record::Record;
use crate::model::seat::{PAGE_SLOTS, Seat, SeatCounts, SeatsOpen, pages};
use crate::model::write::Write;
use crate::service::app::{App, Budget, Error};
use crate::service::hints::Lease;
use crate::service::license::load_spec::{LoadSpec, SeatSearch};
use crate::table::port::{Read, Table};

/// Pages that are read one by one; if more are wanted, all are read at once.
const PAGES_BY_NAME: usize = 3;

/// Slots that are swept in one transaction: as many as one may hold.
const SWEPT_AT_ONCE: usize = 100;

/// All pages that there are or were.
pub fn every_page(state: &LicenseState) -> BTreeSet<i64> {
    let counted = state.license.seat_counts.as_ref().map_or(0, |counts| counts.pages.len() as i64);
    let read = state.seats.iter().map(|seat| seat.slot / PAGE_SLOTS + 1).max().unwrap_or(0);
    (0..pages(state.terms.seats_max.unwrap_or(0)).max(counted).max(read).max(1)).collect()
}

/// Reads the pages of seats that the command needs besides the one that was read; none for a license with few seats.
pub async fn complete<T: Table>(
    app: &App<T>,
    budget: &Budget<'_>,
    wanted: &LoadSpec,
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
    if state.terms.seats_max.is_none() {
        return Ok(());
    }
    let hwid = wanted.hwid.as_deref().filter(|_| wants_seat(wanted, state));
    if hwid.is_some() {
        adjust(app, budget, state, now).await?;
    }
    count(app, budget, state, wanted.claims, now).await?;
    match hwid {
        Some(hwid) => find(app, budget, state, wanted.claims, hwid, now).await,
        None => Ok(()),
    }
}

/// Completes what is known of the calling device's own seat, if it holds one: by what this process remembers (`remembered`) or by the
/// page that was read, and otherwise by its page as it is now.
pub async fn own<T: Table>(
    app: &App<T>,
    budget: &Budget<'_>,
    state: &mut LicenseState,
    remembered: Option<Lease>,
    now: Timestamp,
) -> Result<(), Error> {
    let Some(device) = state.device.clone().filter(|_| state.terms.seats_max.is_some()) else { return Ok(()) };
    state.seats.extend(remembered.and_then(|lease| lease.seat));
    let SeatClaim::Holds { slot, .. } = device.seat else {
        app.hints.remember_lease(state, now);
        return Ok(());
    };
    if !matches!(standing(&device, &state.seats, now), SeatStatus::Occupied(_)) {
        read(app, budget, state, BTreeSet::from([slot / PAGE_SLOTS])).await?;
    }
    app.hints.remember_lease(state, now);
    Ok(())
}

/// Does the command claim a seat that the calling device does not hold?
fn wants_seat(wanted: &LoadSpec, state: &LicenseState) -> bool {
    if !state.status(wanted.now).is_usable() {
        return false;
    }
    let insists = wanted.claims == SeatSearch::Insisting;
    let claims = insists || wanted.claims == SeatSearch::Passing;
    match &state.device {
        None => insists,
        Some(device) => match standing(device, &state.seats, wanted.now) {
            SeatStatus::None => claims,
            SeatStatus::Occupied(_) => false,
            SeatStatus::Released | SeatStatus::Kicked => insists,
        },
    }
}

/// Opens as many slots as there are seats, if the number has changed since the last claim. Lowering the number also
/// increments the turn of each page that had open slots: no claim that was decided with the larger number commits any
/// more.
async fn adjust<T: Table>(
    app: &App<T>,
    budget: &Budget<'_>,
    state: &mut LicenseState,
    now: Timestamp,
) -> Result<(), Error> {
    let max = state.terms.seats_max.unwrap_or(0);
    let found = state.license.seats_open;
    let open = match found {
        Some(found) if found.max == max => return Ok(()),
        Some(found) => {
            // The policy may have been read before the record; whoever wrote that knew a newer one then.
            unchanged(app, budget, state).await?;
            found.moved_to(max, now)
        }
        None => SeatsOpen::new(max),
    };
    let license = state.license.id.clone();
    let mut writes = vec![Write::OpenSeats { license: license.clone(), found, open }];
    let lowered = found.filter(|found| found.turn < open.turn);
    let turned = lowered.map_or(0, |found| pages(found.max));
    writes.extend((0..turned).map(|page| Write::CheckTurn {
        license: license.clone(),
        page,
        found: open.turn - 1,
        turn: open.turn,
    }));
    app.table.commit(&writes, None, budget.meter).await?;
    state.license.seats_open = Some(open);
    Ok(())
}

/// Reads again what determines the number of seats. If it has changed, the command starts again.
async fn unchanged<T: Table>(app: &App<T>, budget: &Budget<'_>, state: &LicenseState) -> Result<(), Error> {
    let reads = [Read::Project(state.project.id.clone()), Read::License(state.license.id.clone())];
    let records = app.table.read(&reads, budget.meter).await?;
    let is_same = |record: &Record| match record {
        Record::Project(project) => project.policies_revision == state.project.policies_revision,
        Record::License(license) => {
            (license.revision, license.seats_open) == (state.license.revision, state.license.seats_open)
        }
        _ => true,
    };
    match records.iter().all(is_same) {
        true => Ok(()),
        false => Err(Error::Busy("the number of seats has changed".into())),
    }
}

/// Reads as much as a command needs that claims a seat, until a free one is found or it is plain that there is none.
async fn find<T: Table>(
    app: &App<T>,
    budget: &Budget<'_>,
    state: &mut LicenseState,
    claims: SeatSearch,
    hwid: &str,
    now: Timestamp,
) -> Result<(), Error> {
    if state.license.seats_open.is_some_and(|open| open.is_fresh(now)) {
        read_all(app, budget, state).await?;
    }
    let is_found = |state: &LicenseState| state.room(now).free_slot(hwid).is_some();
    let may_be_above = |state: &LicenseState| state.license.seat_counts.as_ref().is_some_and(|counts| counts.above > 0);
    if !is_found(state) && claims != SeatSearch::Insisting && !may_be_above(state) {
        let another = state.room(now).another_page(&format!("{hwid} {now}"));
        read(app, budget, state, another.into_iter().collect()).await?;
    }
    if is_found(state) {
        return Ok(());
    }
    // Passing by, all are read only if there must be room somewhere; and then others are told what was found.
    if !state.room(now).is_whole() && (claims == SeatSearch::Insisting || state.room(now).has_room()) {
        let found = state.license.seat_counts.as_ref().map(|counts| counts.counted_at);
        read_all(app, budget, state).await?;
        keep_count(app, budget, state, found, now).await;
    }
    if state.room(now).is_whole() && state.room(now).has_room() && !is_found(state) {
        sweep(app, budget, state, now).await;
    }
    Ok(())
}

/// Empties slots above the open ones whose holders are silent. Slots of other holders, and slots that a failed write
/// left, continue to count.
async fn sweep<T: Table>(app: &App<T>, budget: &Budget<'_>, state: &mut LicenseState, now: Timestamp) {
    let license = &state.license.id;
    let sweep = |seat: &Seat| Write::SweepSeat { license: license.clone(), slot: seat.slot, epoch: seat.epoch, now };
    let writes: Vec<_> = state.room(now).silent().map(sweep).collect();
    for some in writes.chunks(SWEPT_AT_ONCE) {
        match app.table.commit(some, None, budget.meter).await {
            Ok(()) => *state = state.after(some),
            Err(error) => tracing::debug!(%error, "silent seats were not swept"),
        }
    }
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

/// Counts the seats, if no process has done so for a minute and no other process is about to. A process that loses this
/// race uses the existing count. Without any count, or with one for another maximum, every process counts, because the
/// decision depends on it. A read counts for itself, and stores nothing.
async fn count<T: Table>(
    app: &App<T>,
    budget: &Budget<'_>,
    state: &mut LicenseState,
    claims: SeatSearch,
    now: Timestamp,
) -> Result<(), Error> {
    let room = state.room(now);
    let (needed, is_old) = (room.needs_count(), room.count_is_old());
    if !needed && !is_old {
        return Ok(());
    }
    let mut found = state.license.seat_counts.as_ref().map(|counts| counts.counted_at);
    if claims == SeatSearch::Never {
        read_all(app, budget, state).await?;
        state.license.seat_counts = Some(counted(state, now));
        return Ok(());
    }
    if let Some(last) = found.filter(|_| !needed) {
        let start = Write::StartCount { license: state.license.id.clone(), found: last, at: now };
        if app.table.commit(&[start], None, budget.meter).await.is_err() {
            return Ok(());
        }
        found = Some(now);
    }
    read_all(app, budget, state).await?;
    if counted(state, now).above > 0 {
        sweep(app, budget, state, now).await;
    }
    keep_count(app, budget, state, found, now).await;
    Ok(())
}

fn counted(state: &LicenseState, now: Timestamp) -> SeatCounts {
    let room = state.room(now);
    SeatCounts::of(&state.seats, room.max, room.turn, now)
}

/// Keeps a count of all seats, which were read.
async fn keep_count<T: Table>(
    app: &App<T>,
    budget: &Budget<'_>,
    state: &mut LicenseState,
    found: Option<Timestamp>,
    now: Timestamp,
) {
    let counts = counted(state, now);
    // What fits into one page is read each time.
    if found.is_some() || counts.pages.len() > 1 {
        let write = Write::CountSeats { license: state.license.id.clone(), counts: counts.clone(), found };
        // Lost to somebody who counted at the same time, or to a fault: what was read here is as good.
        if let Err(error) = app.table.commit(&[write], None, budget.meter).await {
            tracing::debug!(%error, "a count of seats was not written");
        }
    }
    state.license.seat_counts = Some(counts);
}
