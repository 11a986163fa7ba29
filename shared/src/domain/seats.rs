//! Seats: numbered slots, each leased to one device (wire 4.3).
//!
//! Invariant: there are at most as many slots to claim as seats, and a slot is claimed by one conditional write whose
//! condition holds the expiry. So nothing counts, nothing drifts, nothing sweeps.
//!
//! A license of many seats has its slots in pages of a hundred. A device looks at its own page, where it finds a seat as
//! long as there is room; so a heartbeat costs the same whatever the number of seats. How many seats the other pages hold
//! is counted now and then ([`SeatCounts`]): it is shown, and it says where to look for room. It decides only about seats
//! above a lowered maximum, which can do nothing but become fewer.

use std::collections::BTreeSet;

use ltlm_protocol::Timestamp;

use super::device::{Device, SeatClaim};
use super::state::LicenseState;
use super::write::Write;

/// A slot's record.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Seat {
    /// Its number, from 0.
    pub slot: i64,
    /// Counts claims and kicks: a holder is only who claimed this epoch.
    pub epoch: i64,
    /// Who holds it, if anybody does.
    pub holder: Option<Holder>,
}

/// Who holds a slot.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Holder {
    /// The device.
    pub hwid: String,
    /// Its name when it claimed.
    pub nickname: Option<String>,
    /// When it was last heard of.
    pub seen_at: Timestamp,
    /// The lease ends here: held in [claim, end).
    pub lease_until: Timestamp,
}

impl Seat {
    /// The holder, if its lease still runs at `now`.
    pub fn live(&self, now: Timestamp) -> Option<&Holder> {
        self.holder.as_ref().filter(|holder| now < holder.lease_until)
    }
}

/// Slots of one page.
pub const PAGE_SLOTS: i64 = 100;
/// How long a count of the other pages' seats is good enough, in seconds.
pub const COUNT_SECONDS: i64 = 60;

/// How many seats were held on each page when they were last counted. Part of the license's record.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SeatCounts {
    /// When they were counted.
    pub counted_at: Timestamp,
    /// The maximum then.
    pub max: i64,
    /// Seats held in slots above the maximum.
    pub above: i64,
    /// Seats held on each page.
    pub pages: Vec<i64>,
}

impl SeatCounts {
    /// Counts all slots of a license.
    pub fn of(seats: &[Seat], max: i64, now: Timestamp) -> Self {
        let live: Vec<_> = seats.iter().filter(|seat| seat.live(now).is_some()).map(|seat| seat.slot).collect();
        let last = live.iter().map(|slot| slot / PAGE_SLOTS).max().map_or(0, |page| page + 1);
        let on = |page: i64| live.iter().filter(|slot| **slot / PAGE_SLOTS == page).count() as i64;
        Self {
            counted_at: now,
            max,
            above: live.iter().filter(|slot| **slot >= max).count() as i64,
            pages: (0..last.max(pages(max))).map(on).collect(),
        }
    }

    fn on(&self, page: i64) -> i64 {
        usize::try_from(page).ok().and_then(|page| self.pages.get(page)).copied().unwrap_or(0)
    }
}

/// Pages of so many slots.
pub fn pages(max: i64) -> i64 {
    (max + PAGE_SLOTS - 1) / PAGE_SLOTS
}

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
pub struct Room<'a> {
    /// The slots that were read.
    pub seats: &'a [Seat],
    /// The pages that they are of.
    pub pages: &'a BTreeSet<i64>,
    /// The last count of all pages.
    pub counts: Option<&'a SeatCounts>,
    /// Seats there are.
    pub max: i64,
    /// Judged at this instant.
    pub now: Timestamp,
}

impl Room<'_> {
    /// Seats held: those on the pages that were read, and those counted on the others.
    pub fn active(&self) -> i64 {
        self.live_from(0) + self.counted_from(0)
    }

    /// A slot that `hwid` may claim: its number and the epoch the claim must find there (`None`: never used). Looked for on
    /// the pages that were read, on its own one first, and there from its own place on, so that claims in parallel seldom
    /// meet.
    pub fn free_slot(&self, hwid: &str) -> Option<(i64, Option<i64>)> {
        let open = self.open();
        let home = home_page(hwid, self.max);
        let others = self.pages.iter().copied().filter(|page| *page != home);
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

    /// Another page to look at for a free slot: the one with most room when they were counted, or, if none had any, one by
    /// chance, which `chance` stands for. `None` if all were read.
    pub fn another_page(&self, chance: &str) -> Option<i64> {
        let unread: Vec<_> = (0..pages(self.max)).filter(|page| !self.pages.contains(page)).collect();
        let room = |page: i64| {
            let slots = (self.max - page * PAGE_SLOTS).clamp(0, PAGE_SLOTS);
            slots - self.counts.map_or(0, |counts| counts.on(page))
        };
        let best = unread.iter().copied().filter(|page| room(*page) > 0).max_by_key(|page| room(*page));
        let any = || {
            let place = spread(chance, unread.len() as i64);
            unread.get(usize::try_from(place).unwrap_or(0)).copied()
        };
        if unread.is_empty() { None } else { best.or_else(any) }
    }

    /// Must the seats be counted before anything is decided? Where a count is needed and there is none, or the maximum is
    /// another one than it was counted for.
    pub fn needs_count(&self) -> bool {
        match self.counts {
            None => pages(self.max) > 1,
            Some(counts) => counts.max != self.max && (pages(self.max) > 1 || counts.pages.len() > 1),
        }
    }

    /// Is the count old?
    pub fn count_is_old(&self) -> bool {
        self.counts.is_some_and(|counts| {
            let matters = pages(self.max) > 1 || counts.pages.iter().skip(1).any(|held| *held > 0);
            matters && self.now >= counts.counted_at.plus_seconds(COUNT_SECONDS)
        })
    }

    /// How many of the lowest slots may be claimed: the largest m with m + (live seats at or above m) ≤ max.
    ///
    /// Normally that is `max`. After the vendor lowered `max`, holders above it keep their seats (wire 4.3) and the lower
    /// slots open up only as they leave. Claims below m can fill at most m slots whoever races, and the live ones above m
    /// can only become fewer, so the sum never passes `max`. With several pages m is looked for at their borders, on the
    /// count: seats above m are not claimed until the next one.
    fn open(&self) -> i64 {
        let max = self.max;
        if pages(max) <= 1 {
            let held = |m: i64| self.live_from(m) + self.counted_from(1);
            return (0..=max).rev().find(|m| m + held(*m) <= max).unwrap_or(0);
        }
        let Some(counts) = self.counts.filter(|counts| counts.above > 0) else { return max };
        let held = |page: i64| counts.pages.iter().skip(usize::try_from(page).unwrap_or(0)).sum::<i64>();
        (0..=max / PAGE_SLOTS).rev().find(|page| page * PAGE_SLOTS + held(*page) <= max).unwrap_or(0) * PAGE_SLOTS
    }

    /// Live seats that were read, from slot `m` on.
    fn live_from(&self, m: i64) -> i64 {
        self.seats.iter().filter(|seat| seat.slot >= m && seat.live(self.now).is_some()).count() as i64
    }

    /// Seats counted on pages that were not read, from page `first` on.
    fn counted_from(&self, first: i64) -> i64 {
        let Some(counts) = self.counts else { return 0 };
        (first..)
            .zip(counts.pages.iter().skip(usize::try_from(first).unwrap_or(0)))
            .filter(|(page, _)| !self.pages.contains(page))
            .map(|(_, held)| held)
            .sum()
    }
}

/// What a device has of seats at `now`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Standing<'a> {
    /// Holds this slot.
    Occupied(&'a Seat),
    /// Holds none.
    None,
    /// Gave its seat back.
    Released,
    /// Was kicked.
    Kicked,
}

/// Compares a device's claim with the slots.
pub fn standing<'a>(device: &Device, seats: &'a [Seat], now: Timestamp) -> Standing<'a> {
    match &device.seat {
        SeatClaim::None => Standing::None,
        SeatClaim::Released => Standing::Released,
        SeatClaim::Kicked(_) => Standing::Kicked,
        SeatClaim::Holds { slot, epoch } => {
            let seat = seats.iter().find(|seat| seat.slot == *slot && seat.epoch == *epoch);
            match seat.filter(|seat| seat.live(now).is_some_and(|holder| holder.hwid == device.hwid)) {
                Some(seat) => Standing::Occupied(seat),
                None => Standing::None,
            }
        }
    }
}

/// The page of the slot that a device names, if it was read before the device's record: the slot's epoch is older than the claim.
pub fn torn_page(device: &Device, seats: &[Seat], pages: &BTreeSet<i64>) -> Option<i64> {
    let SeatClaim::Holds { slot, epoch } = device.seat else { return None };
    let page = slot / PAGE_SLOTS;
    let is_older = || seats.iter().find(|seat| seat.slot == slot).is_none_or(|seat| seat.epoch < epoch);
    (pages.contains(&page) && is_older()).then_some(page)
}

/// A slot whose lease still runs for `hwid`, although its record does not say so: it takes its own seat back before it
/// looks for another.
fn own_slot(seats: &[Seat], hwid: &str, now: Timestamp) -> Option<(i64, Option<i64>)> {
    let own = seats.iter().find(|seat| seat.live(now).is_some_and(|holder| holder.hwid == hwid))?;
    Some((own.slot, Some(own.epoch)))
}

/// The slot that a registered device gets at `now`, as a write, with the claim its record then holds: its own seat
/// prolonged, or a free one taken. `None` if it holds none and none is free.
pub fn take(state: &LicenseState, device: &Device, now: Timestamp) -> Option<(Write, SeatClaim)> {
    state.terms.seats_max?;
    if let Standing::Occupied(seat) = standing(device, &state.seats, now) {
        return Some((renew(state, device, seat, now), SeatClaim::Holds { slot: seat.slot, epoch: seat.epoch }));
    }
    let (slot, found) =
        own_slot(&state.seats, &device.hwid, now).or_else(|| state.room(now).free_slot(&device.hwid))?;
    let write =
        Write::ClaimSeat { license: state.license.id.clone(), slot, found, holder: holder(state, device, now), now };
    Some((write, SeatClaim::Holds { slot, epoch: found.unwrap_or(0) + 1 }))
}

/// The lease of a seat's holder, prolonged.
pub fn renew(state: &LicenseState, device: &Device, seat: &Seat, now: Timestamp) -> Write {
    let holder = holder(state, device, now);
    Write::RenewSeat { license: state.license.id.clone(), slot: seat.slot, epoch: seat.epoch, holder }
}

/// The write that gives a seat back.
pub fn free(state: &LicenseState, device: &Device, seat: &Seat) -> Write {
    Write::FreeSeat { license: state.license.id.clone(), slot: seat.slot, epoch: seat.epoch, hwid: device.hwid.clone() }
}

/// The writes that give back whatever a device holds, lapsed leases included: one that lapsed could still be prolonged by a
/// heartbeat that is on its way.
pub fn leave(state: &LicenseState, device: &Device) -> Vec<Write> {
    let is_own = |seat: &&Seat| seat.holder.as_ref().is_some_and(|holder| holder.hwid == device.hwid);
    state.seats.iter().filter(is_own).map(|seat| free(state, device, seat)).collect()
}

/// The write that notes a device's seat in its own record.
pub fn note(state: &LicenseState, device: &Device, seat: SeatClaim, now: Timestamp) -> Write {
    Write::SetDeviceSeat {
        license: state.license.id.clone(),
        hwid: device.hwid.clone(),
        seat,
        seat_revision: device.seat_revision + 1,
        seen_at: now,
        released_other_at: None,
    }
}

pub(super) fn holder(state: &LicenseState, device: &Device, now: Timestamp) -> Holder {
    Holder {
        hwid: device.hwid.clone(),
        nickname: device.nickname.clone(),
        seen_at: now,
        lease_until: state.lease_until(now),
    }
}

/// A number below `count` (at least 1) that `name` always gets: FNV-1a. Any even spread would do; this one needs no crate
/// and never changes between builds.
fn spread(name: &str, count: i64) -> i64 {
    let hash = name
        .bytes()
        .fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3));
    (hash % count.unsigned_abs()) as i64
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn seat(slot: i64, epoch: i64, held: Option<(&str, i64)>) -> Seat {
        let holder = held.map(|(hwid, until)| Holder {
            hwid: hwid.into(),
            nickname: None,
            seen_at: Timestamp::from_ms(0),
            lease_until: Timestamp::from_ms(until),
        });
        Seat { slot, epoch, holder }
    }

    const NOW: Timestamp = Timestamp::EPOCH;

    #[test]
    fn a_lease_is_half_open() {
        let held = seat(0, 1, Some(("a", 600)));
        assert!(held.live(Timestamp::from_ms(599)).is_some());
        assert!(held.live(Timestamp::from_ms(600)).is_none());
    }

    /// The seats of a license whose first page was read.
    fn first_page(seats: &[Seat], max: i64, now: Timestamp) -> Room<'_> {
        static PAGES: std::sync::LazyLock<BTreeSet<i64>> = std::sync::LazyLock::new(|| BTreeSet::from([0]));
        Room { seats, pages: &PAGES, counts: None, max, now }
    }

    #[test]
    fn a_stale_seat_is_taken_over_at_its_epoch() {
        let seats = [seat(0, 4, Some(("a", 600)))];
        let free = |ms: i64| first_page(&seats, 1, Timestamp::from_ms(ms)).free_slot("b");
        assert_eq!((free(599), free(600)), (None, Some((0, Some(4)))));
    }

    #[test]
    fn lowering_the_maximum_evicts_nobody_and_admits_nobody() {
        let seats = [seat(3, 1, Some(("a", 9))), seat(4, 1, Some(("b", 9)))];
        assert_eq!(first_page(&seats, 2, NOW).free_slot("c"), None);
        assert_eq!(first_page(&seats[..1], 2, NOW).free_slot("c").map(|(slot, _)| slot), Some(0));
        assert_eq!(first_page(&[], 0, NOW).free_slot("c"), None);
    }

    /// All slots of `live`, and what a device that read only its own page knows of them.
    fn of_many<T>(live: &[i64], counted_for: i64, max: i64, hwid: &str, look: impl Fn(Room<'_>) -> T) -> T {
        let all: Vec<_> = live.iter().map(|slot| seat(*slot, 1, Some(("x", 9)))).collect();
        let counts = SeatCounts::of(&all, counted_for, NOW);
        let page = home_page(hwid, max);
        let read: Vec<_> = all.iter().filter(|seat| seat.slot / PAGE_SLOTS == page).cloned().collect();
        look(Room { seats: &read, pages: &BTreeSet::from([page]), counts: Some(&counts), max, now: NOW })
    }

    #[test]
    fn many_seats_are_looked_for_on_the_own_page() {
        let half: Vec<i64> = (0..5_000).step_by(2).collect();
        let homes: BTreeSet<_> = (0..500).map(|n| home_page(&n.to_string(), 5_000)).collect();
        assert_eq!(homes.len(), 50, "spread over all pages");
        of_many(&half, 5_000, 5_000, "a", |room| {
            assert_eq!(room.active(), 2_500);
            let (slot, _) = room.free_slot("a").unwrap();
            assert_eq!((slot / PAGE_SLOTS, slot % 2), (home_page("a", 5_000), 1));
        });
        let full_home: Vec<i64> = (0..PAGE_SLOTS).map(|n| home_page("a", 5_000) * PAGE_SLOTS + n).collect();
        of_many(&full_home, 5_000, 5_000, "a", |room| {
            assert_eq!(room.free_slot("a"), None);
            assert!(room.another_page("now").is_some_and(|page| page != home_page("a", 5_000)));
        });
        let all: Vec<i64> = (0..5_000).collect();
        of_many(&all, 5_000, 5_000, "a", |room| {
            assert_eq!((room.active(), room.free_slot("a")), (5_000, None));
            assert!(room.another_page("now").is_some(), "a count may be old: look somewhere");
        });
    }

    #[test]
    fn lowering_many_seats_evicts_nobody_and_admits_nobody() {
        let all: Vec<i64> = (0..5_000).collect();
        of_many(&all, 5_000, 3_000, "a", |room| assert!(room.needs_count()));
        of_many(&all, 3_000, 3_000, "a", |room| assert_eq!((room.free_slot("a"), room.needs_count()), (None, false)));
        let upper: Vec<i64> = (2_000..5_000).collect();
        of_many(&upper, 3_000, 3_000, "a", |room| assert_eq!(room.free_slot("a"), None));
        let few: Vec<i64> = (4_900..5_000).collect();
        of_many(&few, 3_000, 3_000, "a", |room| assert_eq!(room.open(), 2_900));
        // Down to one page, while holders above it are still there.
        of_many(&few, 50, 50, "a", |room| assert_eq!((room.active(), room.free_slot("a")), (100, None)));
        of_many(&few[..10], 50, 50, "a", |room| assert_eq!(room.open(), 40));
    }

    proptest! {
        /// Whoever claims from the same view, all the claims together never pass the maximum.
        #[test]
        fn claims_in_parallel_never_pass_the_maximum(live in proptest::collection::vec(any::<bool>(), 0..8), max in 0_i64..8) {
            let seats: Vec<_> = live.iter().enumerate().map(|(slot, live)| seat(slot as i64, 1, live.then_some(("x", 9)))).collect();
            let room = first_page(&seats, max, NOW);
            let before = room.active();
            let claimable = (0..room.open()).filter(|slot| seats.iter().all(|s| s.slot != *slot || s.live(NOW).is_none())).count() as i64;
            prop_assert!(before + claimable <= max.max(before));
            if before < max {
                prop_assert!(room.free_slot("c").is_some());
            }
        }

        /// The same with many pages of which each claimant reads its own: whatever was claimed since the count.
        #[test]
        fn claims_over_pages_never_pass_the_maximum(
            live in proptest::collection::btree_set(0_i64..1_000, 0..600), max in 101_i64..1_000,
        ) {
            let live: Vec<_> = live.into_iter().collect();
            let all: Vec<_> = live.iter().map(|slot| seat(*slot, 1, Some(("x", 9)))).collect();
            let counts = SeatCounts::of(&all, max, NOW);
            let pages = BTreeSet::new();
            let room = Room { seats: &[], pages: &pages, counts: Some(&counts), max, now: NOW };
            let open = room.open();
            let held = live.iter().filter(|slot| **slot >= open).count() as i64;
            let before = live.len() as i64;
            prop_assert_eq!(room.active(), before);
            prop_assert!(open + held <= max.max(before) || open == 0);
        }
    }
}
