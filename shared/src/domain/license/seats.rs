//! Seats: numbered slots, each leased to one device (wire 4.3).
//!
//! Invariant: there are at most as many slots to claim as seats, and a slot is claimed by one conditional write whose
//! condition holds the expiry. So nothing counts, nothing drifts, nothing sweeps.
//!
//! A license of many seats has its slots in pages of a hundred. A device looks at its own page, where it finds a seat as
//! long as there is room; so a heartbeat costs the same whatever the number of seats. How many seats the other pages hold
//! is counted now and then ([`SeatCounts`](crate::model::seat::SeatCounts)): it is shown, and it says where to look for room.
//!
//! After the number was lowered, holders above it keep their seats. As long as any is there, a claim is decided on all slots.
//! How many slots are open is noted in the license's record ([`SeatsOpen`](crate::model::seat::SeatsOpen)), with a turn that each lowering counts up and that
//! each claim's condition holds: none that was judged by a larger number lands after the lowering was seen.

use ltlm_protocol::Timestamp;

use crate::domain::license::state::LicenseState;
use crate::model::device::{Device, SeatClaim};
use crate::model::seat::{Holder, PAGE_SLOTS, Seat};
use crate::model::write::Write;

/// What a device has of seats at `now`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SeatStatus<'a> {
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
pub fn standing<'a>(device: &Device, seats: &'a [Seat], now: Timestamp) -> SeatStatus<'a> {
    match &device.seat {
        SeatClaim::None => SeatStatus::None,
        SeatClaim::Released => SeatStatus::Released,
        SeatClaim::Kicked(_) => SeatStatus::Kicked,
        SeatClaim::Holds { slot, epoch } => {
            let seat = seats.iter().find(|seat| seat.slot == *slot && seat.epoch == *epoch);
            match seat.filter(|seat| seat.live(now).is_some_and(|holder| holder.hwid == device.hwid)) {
                Some(seat) => SeatStatus::Occupied(seat),
                None => SeatStatus::None,
            }
        }
    }
}

/// A slot with a valid lease of `hwid`, although the device's record does not contain it: the device takes its own seat
/// back before it looks for another.
fn own_slot(seats: &[Seat], hwid: &str, now: Timestamp) -> Option<(i64, Option<i64>)> {
    let own = seats.iter().find(|seat| seat.live(now).is_some_and(|holder| holder.hwid == hwid))?;
    Some((own.slot, Some(own.epoch)))
}

/// The slot that a registered device gets at `now`, as writes, with the claim that its record then contains: its own
/// seat extended, or a free one claimed. `None` if it holds none and none is free.
pub fn take(state: &LicenseState, device: &Device, now: Timestamp) -> Option<(Vec<Write>, SeatClaim)> {
    state.terms.seats_max?;
    if let SeatStatus::Occupied(seat) = standing(device, &state.seats, now) {
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

pub(crate) fn holder(state: &LicenseState, device: &Device, now: Timestamp) -> Holder {
    Holder {
        hwid: device.hwid.clone(),
        nickname: device.nickname.clone(),
        seen_at: now,
        lease_until: state.lease_until(now),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::license::seat_map::{SeatMap, home_page};
    use crate::model::seat::{SeatCounts, SeatsOpen};
    use proptest::prelude::*;
    use std::collections::BTreeSet;

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
    fn first_page(seats: &[Seat], max: i64, now: Timestamp) -> SeatMap<'_> {
        static PAGES: std::sync::LazyLock<BTreeSet<i64>> = std::sync::LazyLock::new(|| BTreeSet::from([0]));
        SeatMap { seats, pages: &PAGES, counts: None, turn: 0, max, now }
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
    fn of_many<T>(live: &[i64], counted_for: i64, max: i64, hwid: &str, look: impl Fn(SeatMap<'_>) -> T) -> T {
        let all: Vec<_> = live.iter().map(|slot| seat(*slot, 1, Some(("x", 9)))).collect();
        let counts = SeatCounts::of(&all, counted_for, 0, NOW);
        let page = home_page(hwid, max);
        let read: Vec<_> = all.iter().filter(|seat| seat.slot / PAGE_SLOTS == page).cloned().collect();
        look(SeatMap { seats: &read, pages: &BTreeSet::from([page]), counts: Some(&counts), turn: 0, max, now: NOW })
    }

    /// What one that read all of them knows.
    fn whole<T>(live: &[i64], max: i64, now: Timestamp, look: impl Fn(SeatMap<'_>) -> T) -> T {
        let all: Vec<_> = live.iter().map(|slot| seat(*slot, 1, Some(("x", 9)))).collect();
        let counts = SeatCounts::of(&all, max, 0, now);
        let pages = (0..51).collect();
        look(SeatMap { seats: &all, pages: &pages, counts: Some(&counts), turn: 0, max, now })
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

        /// The same with many pages, all of which were read; every device is admitted as long as there is room.
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
