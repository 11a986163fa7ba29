//! Seats: numbered slots, each leased to one device (wire 4.3).
//!
//! Invariant: there are at most as many slots to claim as seats, and a slot is claimed by one conditional write whose
//! condition holds the expiry. So nothing counts, nothing drifts, nothing sweeps.

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

/// Seats held at `now`.
pub fn active_count(seats: &[Seat], now: Timestamp) -> i64 {
    seats.iter().filter(|seat| seat.live(now).is_some()).count() as i64
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

/// A slot whose lease still runs for `hwid`, although its record does not say so: it takes its own seat back before it
/// looks for another.
fn own_slot(seats: &[Seat], hwid: &str, now: Timestamp) -> Option<(i64, Option<i64>)> {
    let own = seats.iter().find(|seat| seat.live(now).is_some_and(|holder| holder.hwid == hwid))?;
    Some((own.slot, Some(own.epoch)))
}

/// A slot that `hwid` may claim at `now`: its number and the epoch the claim must find there (`None`: never used).
///
/// Each device starts looking at its own place, so that claims in parallel seldom meet.
pub fn free_slot(seats: &[Seat], max: i64, hwid: &str, now: Timestamp) -> Option<(i64, Option<i64>)> {
    let open = open_slots(seats, max, now);
    let start = if open > 0 { starting_slot(hwid, open) } else { 0 };
    (0..open).map(|offset| (start + offset) % open).find_map(|slot| match seats.iter().find(|seat| seat.slot == slot) {
        None => Some((slot, None)),
        Some(seat) if seat.live(now).is_none() => Some((slot, Some(seat.epoch))),
        Some(_) => None,
    })
}

/// The slot that a registered device gets at `now`, as a write, with the claim its record then holds: its own seat
/// prolonged, or a free one taken. `None` if it holds none and none is free.
pub fn take(state: &LicenseState, device: &Device, now: Timestamp) -> Option<(Write, SeatClaim)> {
    let max = state.terms.seats_max?;
    if let Standing::Occupied(seat) = standing(device, &state.seats, now) {
        return Some((renew(state, device, seat, now), SeatClaim::Holds { slot: seat.slot, epoch: seat.epoch }));
    }
    let (slot, found) =
        own_slot(&state.seats, &device.hwid, now).or_else(|| free_slot(&state.seats, max, &device.hwid, now))?;
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

/// How many of the lowest slots may be claimed: the largest m with m + (live seats at or above m) ≤ max.
///
/// Normally that is `max`. After the vendor lowered `max`, holders above it keep their seats (wire 4.3) and the lower
/// slots open up only as they leave. Claims below m can fill at most m slots whoever races, and the live ones above m can
/// only become fewer, so the sum never passes `max`.
fn open_slots(seats: &[Seat], max: i64, now: Timestamp) -> i64 {
    let live_from = |m: i64| seats.iter().filter(|seat| seat.slot >= m && seat.live(now).is_some()).count() as i64;
    (0..=max).rev().find(|m| m + live_from(*m) <= max).unwrap_or(0)
}

/// A device's own starting place among `count` slots: FNV-1a of its id. Any even spread would do; this one needs no crate
/// and never changes between builds.
fn starting_slot(hwid: &str, count: i64) -> i64 {
    let hash = hwid
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

    #[test]
    fn a_stale_seat_is_taken_over_at_its_epoch() {
        let seats = [seat(0, 4, Some(("a", 600)))];
        assert_eq!(free_slot(&seats, 1, "b", Timestamp::from_ms(599)), None);
        assert_eq!(free_slot(&seats, 1, "b", Timestamp::from_ms(600)), Some((0, Some(4))));
    }

    #[test]
    fn lowering_the_maximum_evicts_nobody_and_admits_nobody() {
        let seats = [seat(3, 1, Some(("a", 9))), seat(4, 1, Some(("b", 9)))];
        assert_eq!(free_slot(&seats, 2, "c", NOW), None);
        assert_eq!(free_slot(&seats[..1], 2, "c", NOW).map(|(slot, _)| slot), Some(0));
        assert_eq!(free_slot(&[], 0, "c", NOW), None);
    }

    proptest! {
        /// Whoever claims from the same view, all the claims together never pass the maximum.
        #[test]
        fn claims_in_parallel_never_pass_the_maximum(live in proptest::collection::vec(any::<bool>(), 0..8), max in 0_i64..8) {
            let seats: Vec<_> = live.iter().enumerate().map(|(slot, live)| seat(slot as i64, 1, live.then_some(("x", 9)))).collect();
            let before = active_count(&seats, NOW);
            let open = open_slots(&seats, max, NOW);
            let claimable = (0..open).filter(|slot| seats.iter().all(|s| s.slot != *slot || s.live(NOW).is_none())).count() as i64;
            prop_assert!(before + claimable <= max.max(before));
            if before < max {
                prop_assert!(free_slot(&seats, max, "c", NOW).is_some());
            }
        }
    }
}
