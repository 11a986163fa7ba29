//! Seats of a license: slots with their holders, and the counts of them.

use ltlm_protocol::Timestamp;

/// A slot's record.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Seat {
    /// Its number, from 0.
    pub slot: i64,
    /// Counts claims and kicks: a device is the holder only if it claimed this epoch.
    pub epoch: i64,
    /// The holder, if any.
    pub holder: Option<Holder>,
}

/// The holder of a slot.
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
    /// Slots above the maximum that have a holder, or whose last holder was not removed.
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

    pub(crate) fn on(&self, page: i64) -> i64 {
        usize::try_from(page).ok().and_then(|page| self.pages.get(page)).copied().unwrap_or(0)
    }
}

/// Pages of so many slots.
pub fn pages(max: i64) -> i64 {
    (max + PAGE_SLOTS - 1) / PAGE_SLOTS
}
