//! The slots of a license at an instant: which are held and which are free.

use std::collections::BTreeSet;

use ltlm_protocol::Timestamp;

use crate::model::device::{Device, SeatClaim};
use crate::model::seat::{COUNT_SECONDS, PAGE_SLOTS, Seat, SeatCounts, pages};

/// The page on which a device looks for a seat.
pub fn home_page(hwid: &str, max: i64) -> i64 {
    match pages(max) {
        0 | 1 => 0,
        // Apart from the place within the page.
        count => spread(&format!("page of {hwid}"), count),
    }
}

/// What is known of a license's seats at `now`.
#[derive(Clone, Copy, Debug)]
pub struct SeatMap<'a> {
    /// The slots that were read.
    pub seats: &'a [Seat],
    /// The pages that they are of.
    pub pages: &'a BTreeSet<i64>,
    /// The last count of all pages.
    pub counts: Option<&'a SeatCounts>,
    /// How often the number of seats was lowered.
    pub turn: i64,
    /// Seats there are.
    pub max: i64,
    /// Judged at this instant.
    pub now: Timestamp,
}

impl SeatMap<'_> {
    /// Seats held: those on the pages that were read, and those counted on the others.
    pub fn active(&self) -> i64 {
        self.live_read() + self.counted()
    }

    /// A slot that `hwid` may claim: its number and the epoch the claim must find there (`None`: never used). Looked for on
    /// the pages that were read, on its own one first, and there from its own place on, so that claims in parallel seldom
    /// meet.
    pub fn free_slot(&self, hwid: &str) -> Option<(i64, Option<i64>)> {
        let open = self.open();
        let home = home_page(hwid, self.max);
        let mut others: Vec<_> = self.pages.iter().copied().filter(|page| *page != home).collect();
        let first = spread(&format!("way of {hwid}"), (others.len() as i64).max(1));
        others.rotate_left(usize::try_from(first).unwrap_or(0));
        self.pages.get(&home).copied().into_iter().chain(others).find_map(|page| self.free_on(page, hwid, open))
    }

    fn free_on(&self, page: i64, hwid: &str, open: i64) -> Option<(i64, Option<i64>)> {
        let first = page * PAGE_SLOTS;
        let count = (open - first).clamp(0, PAGE_SLOTS);
        let start = if count > 0 { spread(hwid, count) } else { 0 };
        let slots = (0..count).map(|offset| first + (start + offset) % count);
        slots.into_iter().find_map(|slot| match self.seats.iter().find(|seat| seat.slot == slot) {
            None => Some((slot, None)),
            Some(seat) if seat.live(self.now).is_none() => Some((slot, Some(seat.epoch))),
            Some(_) => None,
        })
    }

    /// Another page to look at for a free slot: one that had room when they were counted, the more the likelier, or, if none had
    /// any, any one; `chance` decides. `None` if all were read.
    pub fn another_page(&self, chance: &str) -> Option<i64> {
        let unread: Vec<_> = (0..pages(self.max)).filter(|page| !self.pages.contains(page)).collect();
        let room = |page: i64| {
            let slots = (self.max - page * PAGE_SLOTS).clamp(0, PAGE_SLOTS);
            (slots - self.counts.map_or(0, |counts| counts.on(page))).max(0)
        };
        let all: i64 = unread.iter().map(|page| room(*page)).sum();
        if all == 0 {
            let place = spread(chance, (unread.len() as i64).max(1));
            return unread.get(usize::try_from(place).unwrap_or(0)).copied();
        }
        let mut place = spread(chance, all);
        unread.into_iter().find(|page| {
            place -= room(*page);
            place < 0
        })
    }

    /// Were all slots read?
    pub fn is_whole(&self) -> bool {
        let counted = self.counts.map_or(0, |counts| counts.pages.len() as i64);
        (0..pages(self.max).max(counted).max(1)).all(|page| self.pages.contains(&page))
    }

    /// Is there room, by what was read and counted?
    pub fn has_room(&self) -> bool {
        self.active() < self.max
    }

    /// Slots that are not open, and whose holders fell silent: until they are swept, a heartbeat that is on its way could still
    /// prolong their leases.
    pub fn silent(&self) -> impl Iterator<Item = &Seat> {
        let open = self.open();
        let is_silent = move |seat: &&Seat| seat.slot >= open && seat.holder.is_some() && seat.live(self.now).is_none();
        self.seats.iter().filter(is_silent)
    }

    /// Must the seats be counted before anything is decided? Where a count is needed and there is none, or the maximum is
    /// another one than it was counted for.
    pub fn needs_count(&self) -> bool {
        match self.counts {
            None => pages(self.max) > 1,
            Some(counts) => !self.is_counted(counts) && (pages(self.max) > 1 || counts.pages.len() > 1),
        }
    }

    fn is_counted(&self, counts: &SeatCounts) -> bool {
        (counts.max, counts.turn) == (self.max, self.turn)
    }

    /// Is the count old?
    pub fn count_is_old(&self) -> bool {
        self.counts.is_some_and(|counts| {
            let matters = pages(self.max) > 1 || counts.pages.iter().skip(1).any(|held| *held > 0);
            matters && self.now >= counts.counted_at.plus_seconds(COUNT_SECONDS)
        })
    }

    /// How many of the lowest slots may be claimed: the largest m with m + (holders at or above m) ≤ max.
    ///
    /// Normally that is `max`. After the vendor lowered `max`, holders above it keep their seats (wire 4.3), and the
    /// lower slots open only as these leave. Concurrent claims below m can fill at most m slots, and the holders above
    /// m can only become fewer, so the sum never exceeds `max`; and as long as fewer than `max` devices hold a seat,
    /// one slot below m is free. A silent device counts as a holder until its slot is swept. Without all slots, this is
    /// known only if no device is above.
    pub(crate) fn open(&self) -> i64 {
        let max = self.max;
        if !self.is_whole() {
            let nobody_above = self.counts.is_some_and(|counts| counts.above == 0 && self.is_counted(counts));
            return if nobody_above { max } else { 0 };
        }
        let mut held: Vec<_> = self.seats.iter().filter(|seat| seat.holder.is_some()).map(|seat| seat.slot).collect();
        held.sort_unstable();
        let from = |m: i64| (held.len() - held.partition_point(|slot| *slot < m)) as i64;
        (0..=max).rev().find(|m| m + from(*m) <= max).unwrap_or(0)
    }

    /// Live seats that were read.
    fn live_read(&self) -> i64 {
        self.seats.iter().filter(|seat| seat.live(self.now).is_some()).count() as i64
    }

    /// Seats counted on pages that were not read.
    fn counted(&self) -> i64 {
        let Some(counts) = self.counts else { return 0 };
        (0..).zip(&counts.pages).filter(|(page, _)| !self.pages.contains(page)).map(|(_, held)| held).sum()
    }
}

/// The page of the slot that a device names, if it was read before the device's record: the slot's epoch is older than the claim.
pub fn torn_page(device: &Device, seats: &[Seat], pages: &BTreeSet<i64>) -> Option<i64> {
    let SeatClaim::Holds { slot, epoch } = device.seat else { return None };
    let page = slot / PAGE_SLOTS;
    let is_older = || seats.iter().find(|seat| seat.slot == slot).is_none_or(|seat| seat.epoch < epoch);
    (pages.contains(&page) && is_older()).then_some(page)
}

/// A number below `count` (at least 1) that `name` always gets: FNV-1a. Any even spread would do; this one needs no crate
/// and never changes between builds.
pub(crate) fn spread(name: &str, count: i64) -> i64 {
    let hash = name
        .bytes()
        .fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3));
    (hash % count.unsigned_abs()) as i64
}
