//! Seats: numbered slots, each leased to one device (wire 4.3).
//!
//! Invariant: there are at most as many slots to claim as seats, and a slot is claimed by one conditional write whose
//! condition holds the expiry. So nothing counts, nothing drifts, nothing sweeps.
//!
//! A license of many seats has its slots in pages of a hundred. A device looks at its own page, where it finds a seat as
//! long as there is room; so a heartbeat costs the same whatever the number of seats. How many seats the other pages hold
//! is counted now and then ([`SeatCounts`]): it is shown, and it says where to look for room.
//!
//! After the number was lowered, holders above it keep their seats. As long as any is there, a claim is decided on all slots.
//! How many slots are open is noted in the license's record ([`SeatsOpen`]), with a turn that each lowering counts up and that
//! each claim's condition holds: none that was judged by a larger number lands after the lowering was seen.

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

/// How many slots of a license are open for claims. Part of its record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SeatsOpen {
    /// So many: the maximum when it was last looked at.
    pub max: i64,
    /// Counts how often it was lowered.
    pub turn: i64,
    /// When it was lowered last.
    pub lowered_at: Option<Timestamp>,
}

/// Seconds for which claims that were read before a lowering was seen may still be on their way: longer than any request.
const IN_FLIGHT_SECONDS: i64 = 120;

impl SeatsOpen {
    /// Of a license that has so many seats from the start.
    pub fn new(max: i64) -> Self {
        Self { max, turn: 0, lowered_at: None }
    }

    /// What is open once the maximum is `max`.
    pub fn moved_to(self, max: i64, now: Timestamp) -> Self {
        match max < self.max {
            true => Self { max, turn: self.turn + 1, lowered_at: Some(now) },
            false => Self { max, ..self },
        }
    }

    /// Was it lowered so lately that slots which were read together with it may be older?
    pub fn is_fresh(&self, now: Timestamp) -> bool {
        self.lowered_at.is_some_and(|at| now < at.plus_seconds(IN_FLIGHT_SECONDS))
    }
}

/// How many seats were held on each page when they were last counted. Part of the license's record.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SeatCounts {
    /// When they were counted.
    pub counted_at: Timestamp,
    /// The maximum then.
    pub max: i64,
    /// The turn then.
    pub turn: i64,
    /// Slots above the maximum that somebody holds, or held last and was not swept from.
    pub above: i64,
    /// Seats held on each page.
    pub pages: Vec<i64>,
}

impl SeatCounts {
    /// Counts all slots of a license.
    pub fn of(seats: &[Seat], max: i64, turn: i64, now: Timestamp) -> Self {
        let live: Vec<_> = seats.iter().filter(|seat| seat.live(now).is_some()).map(|seat| seat.slot).collect();
        let last = live.iter().map(|slot| slot / PAGE_SLOTS).max().map_or(0, |page| page + 1);
        let on = |page: i64| live.iter().filter(|slot| **slot / PAGE_SLOTS == page).count() as i64;
        Self {
            counted_at: now,
            max,
            turn,
            above: seats.iter().filter(|seat| seat.slot >= max && seat.holder.is_some()).count() as i64,
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
    /// How often the number of seats was lowered.
    pub turn: i64,
    /// Seats there are.
    pub max: i64,
    /// Judged at this instant.
    pub now: Timestamp,
}

impl Room<'_> {
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
    /// Normally that is `max`. After the vendor lowered `max`, holders above it keep their seats (wire 4.3) and the lower
    /// slots open up only as they leave. Claims below m can fill at most m slots whoever races, and the holders above m
    /// can only become fewer, so the sum never passes `max`; and as long as fewer than `max` hold a seat, one below m is free.
    /// Whoever fell silent counts as a holder until it is swept. Without all slots this is known only if nobody is above.
    fn open(&self) -> i64 {
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

/// The slot that a registered device gets at `now`, as writes, with the claim its record then holds: its own seat
/// prolonged, or a free one taken. `None` if it holds none and none is free.
pub fn take(state: &LicenseState, device: &Device, now: Timestamp) -> Option<(Vec<Write>, SeatClaim)> {
    state.terms.seats_max?;
    if let Standing::Occupied(seat) = standing(device, &state.seats, now) {
        return Some((vec![renew(state, device, seat, now)], SeatClaim::Holds { slot: seat.slot, epoch: seat.epoch }));
    }
    let own = own_slot(&state.seats, &device.hwid, now);
    let is_own = own.is_some();
    let (slot, found) = own.or_else(|| state.room(now).free_slot(&device.hwid))?;
    let license = state.license.id.clone();
    let holder = holder(state, device, now);
    let mut writes = vec![Write::ClaimSeat { license: license.clone(), slot, found, holder, now }];
    // One more holder: by the number of seats that was judged.
    let turn = state.license.seats_open.filter(|_| !is_own).map(|open| open.turn);
    writes.extend(turn.map(|turn| Write::CheckTurn { license, page: slot / PAGE_SLOTS, found: turn, turn }));
    Some((writes, SeatClaim::Holds { slot, epoch: found.unwrap_or(0) + 1 }))
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
        Room { seats, pages: &PAGES, counts: None, turn: 0, max, now }
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
        let counts = SeatCounts::of(&all, counted_for, 0, NOW);
        let page = home_page(hwid, max);
        let read: Vec<_> = all.iter().filter(|seat| seat.slot / PAGE_SLOTS == page).cloned().collect();
        look(Room { seats: &read, pages: &BTreeSet::from([page]), counts: Some(&counts), turn: 0, max, now: NOW })
    }

    /// What one that read all of them knows.
    fn whole<T>(live: &[i64], max: i64, now: Timestamp, look: impl Fn(Room<'_>) -> T) -> T {
        let all: Vec<_> = live.iter().map(|slot| seat(*slot, 1, Some(("x", 9)))).collect();
        let counts = SeatCounts::of(&all, max, 0, now);
        let pages = (0..51).collect();
        look(Room { seats: &all, pages: &pages, counts: Some(&counts), turn: 0, max, now })
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
    fn lowering_many_seats_evicts_nobody_and_admits_as_soon_as_there_is_room() {
        let all: Vec<i64> = (0..5_000).collect();
        of_many(&all, 5_000, 3_000, "a", |room| assert!(room.needs_count()));
        of_many(&all, 3_000, 3_000, "a", |room| assert_eq!((room.free_slot("a"), room.needs_count()), (None, false)));
        let few: Vec<i64> = (4_900..5_000).collect();
        of_many(&few, 3_000, 3_000, "a", |room| assert_eq!(room.free_slot("a"), None, "not known without all slots"));
        let open = |live: &[i64], max: i64| whole(live, max, NOW, |room| room.open());
        assert_eq!((open(&all, 3_000), open(&few, 3_000), open(&few, 50), open(&few[..10], 50)), (0, 2_900, 0, 40));
        // From 200 to 150, with 140 held: ten more, at whatever number.
        let held: Vec<i64> = (30..170).collect();
        whole(&held, 150, NOW, |room| assert!(room.has_room() && room.free_slot("a").is_some()));
        let full: Vec<i64> = (20..170).collect();
        whole(&full, 150, NOW, |room| assert!(!room.has_room() && room.free_slot("a").is_none()));
    }

    #[test]
    fn who_fell_silent_above_the_maximum_counts_until_it_is_swept() {
        let held: Vec<i64> = (0..10).chain(100..110).collect();
        let later = Timestamp::from_ms(9);
        whole(&held, 10, later, |room| {
            assert_eq!((room.active(), room.has_room(), room.free_slot("a")), (0, true, None));
            assert_eq!(room.silent().count(), 20);
        });
        whole(&held[..10], 10, later, |room| assert!(room.free_slot("a").is_some() && room.silent().count() == 0));
    }

    #[test]
    fn who_waits_looks_where_there_was_room_the_more_the_likelier() {
        // Ninety free on one page and ten on another.
        let live: Vec<i64> =
            (0..1_000).filter(|slot| !(300..390).contains(slot) && !(700..710).contains(slot)).collect();
        let home = home_page("a", 1_000);
        let of = |chance: i64| of_many(&live, 1_000, 1_000, "a", |room| room.another_page(&chance.to_string()));
        let looked: Vec<_> = (0..400).filter_map(of).collect();
        let on = |page: i64| looked.iter().filter(|looked| **looked == page).count();
        assert!(home != 3 && home != 7, "{home}");
        assert_eq!(on(3) + on(7), 400);
        assert!(on(7) > 10 && on(3) > 250, "{} {}", on(3), on(7));
    }

    #[test]
    fn each_lowering_is_a_turn_and_nothing_else_is() {
        let open = SeatsOpen::new(200);
        let lowered = open.moved_to(150, NOW);
        assert_eq!((lowered.turn, lowered.is_fresh(NOW), lowered.is_fresh(NOW.plus_seconds(120))), (1, true, false));
        let raised = lowered.moved_to(200, NOW.plus_seconds(1));
        assert_eq!((raised.max, raised.turn, raised.lowered_at), (200, 1, Some(NOW)));
        assert_eq!((open.moved_to(300, NOW).turn, open.is_fresh(NOW)), (0, false));
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

        /// The same with many pages, all of which were read; and whoever comes is admitted as long as there is room.
        #[test]
        fn claims_over_pages_never_pass_the_maximum(
            live in proptest::collection::btree_set(0_i64..1_000, 0..600), max in 101_i64..1_000,
        ) {
            let live: Vec<_> = live.into_iter().collect();
            let (open, before, free) = whole(&live, max, NOW, |room| (room.open(), room.active(), room.free_slot("a").is_some()));
            let held = live.iter().filter(|slot| **slot >= open).count() as i64;
            prop_assert_eq!(before, live.len() as i64);
            prop_assert!(open + held <= max.max(before));
            prop_assert_eq!(free, before < max);
        }
    }
}
