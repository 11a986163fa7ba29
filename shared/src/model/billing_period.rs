//! The payments of an order. The list is the same in whatever order the provider reports them, because everything that
//! follows from it is computed from the provider's own instants.

use ltlm_protocol::{Timestamp, limits};

/// A payment of an order, and what it bought.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Period {
    /// The provider's name of the payment; none if nothing was due.
    pub payment: Option<String>,
    /// The end of the period of a subscription; none for what is paid once.
    pub until: Option<Timestamp>,
    /// When it was paid, by the provider's clock.
    pub paid_at: Timestamp,
    /// What the payment has become.
    pub fate: Fate,
}

/// What became of a payment.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Fate {
    /// When all of the money went back, by the provider's clock; none while it is there.
    pub back_at: Option<Timestamp>,
    /// The instant, by the provider's clock, from which its purchase is taken back.
    pub taken_at: Option<Timestamp>,
    /// The buyer's bank disputes it.
    pub is_disputed: bool,
    /// The license is suspended for it.
    pub suspends: bool,
    /// What went back, in the provider's minor units.
    pub refunded: i64,
}

/// The payments of an order, oldest end first: the last [`limits::PERIODS_MAX`]. Of older ones only the latest end is kept.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Periods {
    /// Payments.
    pub list: Vec<Period>,
    /// The latest end of those that are not in the list any more.
    pub folded_until: Option<Timestamp>,
}

impl Periods {
    /// Notes a payment. One that is known keeps its place: only its fate is new.
    pub fn note(&mut self, period: Period) {
        let is_same = |known: &Period| match (&known.payment, &period.payment) {
            (Some(known), Some(payment)) => known == payment,
            (None, None) => known.until == period.until,
            _ => false,
        };
        match self.list.iter_mut().find(|known| is_same(known)) {
            Some(known) => {
                known.until = known.until.max(period.until);
                known.fate = period.fate;
            }
            None => self.list.push(period),
        }
        self.list.sort_by_key(|period| (period.until, period.paid_at));
        while self.list.len() > limits::PERIODS_MAX {
            let folded = self.list.remove(0);
            self.folded_until = self.folded_until.max(folded.until.filter(|_| folded.fate.taken_at.is_none()));
        }
    }

    /// What became of a payment that is in the list. False if it is not.
    pub fn change(&mut self, payment: &str, fate: Fate) -> bool {
        let known = self.list.iter_mut().find(|period| period.payment.as_deref() == Some(payment));
        known.map(|known| known.fate = fate).is_some()
    }

    /// The latest end that is paid and not taken back; `None` if no period is.
    pub fn until(&self) -> Option<Timestamp> {
        let standing =
            self.list.iter().filter(|period| period.fate.taken_at.is_none()).filter_map(|period| period.until);
        standing.max().max(self.folded_until)
    }

    /// The instant from which everything that had been paid until then was taken back.
    pub fn ended_at(&self) -> Option<Timestamp> {
        self.all_gone_at(|fate| fate.taken_at)
    }

    /// The instant from which all money that had been paid until then was refunded, whether or not the vendor takes
    /// back the purchase.
    pub fn refunded_at(&self) -> Option<Timestamp> {
        self.all_gone_at(|fate| fate.back_at)
    }

    fn all_gone_at(&self, gone_at: impl Fn(&Fate) -> Option<Timestamp>) -> Option<Timestamp> {
        if self.folded_until.is_some() {
            return None;
        }
        let is_gone = |period: &Period, at: Timestamp| gone_at(&period.fate).is_some_and(|gone| gone <= at);
        let all_gone = |at: &Timestamp| {
            let mut paid = self.list.iter().filter(|period| period.paid_at <= *at).peekable();
            paid.peek().is_some() && paid.all(|period| is_gone(period, *at))
        };
        self.list.iter().filter_map(|period| gone_at(&period.fate)).filter(all_gone).min()
    }

    /// Payments for an order whose purchase had already ended: they bought nothing.
    pub fn unapplied(&self) -> impl Iterator<Item = &Period> {
        let ended_at = self.ended_at();
        self.list.iter().filter(move |period| ended_at.is_some_and(|at| period.paid_at > at))
    }

    /// Is one of the payments disputed?
    pub fn is_disputed(&self) -> bool {
        self.list.iter().any(|period| period.fate.is_disputed)
    }

    /// Is the license suspended for one of the payments?
    pub fn suspends(&self) -> bool {
        self.list.iter().any(|period| period.fate.suspends)
    }
}

/// The end of a license whose paid end moves from `from` to `to`. What the vendor or a pack added on top stays on top; an end
/// that the vendor set earlier is not passed by taking back.
pub fn moved_end(end: Timestamp, from: Timestamp, to: Timestamp) -> Timestamp {
    if end >= from {
        return Timestamp::from_ms(to.ms().saturating_add(end.ms().saturating_sub(from.ms())));
    }
    if to > from { end.max(to) } else { end.min(to) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(day: i64) -> Timestamp {
        Timestamp::EPOCH.plus_days(day)
    }

    fn period(payment: &str, paid: i64, until: i64, taken: Option<i64>) -> Period {
        let fate = Fate { back_at: taken.map(at), taken_at: taken.map(at), ..Fate::default() };
        Period { payment: Some(payment.to_owned()), until: Some(at(until)), paid_at: at(paid), fate }
    }

    fn of(list: &[Period]) -> Periods {
        let mut periods = Periods::default();
        list.iter().for_each(|period| periods.note(period.clone()));
        periods
    }

    #[test]
    fn what_is_paid_lasts_until_the_latest_end_that_was_not_taken_back() {
        let both = of(&[period("a", 0, 30, None), period("b", 30, 60, None)]);
        assert_eq!((both.until(), both.ended_at()), (Some(at(60)), None));
        let first_gone = of(&[period("a", 0, 30, Some(31)), period("b", 30, 60, None)]);
        assert_eq!((first_gone.until(), first_gone.ended_at()), (Some(at(60)), None));
        let second_gone = of(&[period("a", 0, 30, None), period("b", 30, 60, Some(31))]);
        assert_eq!((second_gone.until(), second_gone.ended_at()), (Some(at(30)), None));
        let gone = of(&[period("a", 0, 30, Some(31)), period("b", 30, 60, Some(32))]);
        assert_eq!((gone.until(), gone.ended_at()), (None, Some(at(32))));
        // All that was paid by day 5 was taken back then; what is paid later bought nothing.
        let late = of(&[period("a", 0, 30, Some(5)), period("b", 30, 60, None)]);
        assert_eq!((late.ended_at(), late.unapplied().count()), (Some(at(5)), 1));
    }

    #[test]
    fn years_of_periods_take_no_more_room_than_a_few() {
        let mut periods = Periods::default();
        for month in 0..200 {
            periods.note(period(&month.to_string(), 30 * month, 30 * (month + 1), None));
        }
        assert_eq!((periods.list.len(), periods.until()), (limits::PERIODS_MAX, Some(at(6_000))));
        // Taking back all that is still in the list leaves the end of what is not.
        let payments: Vec<_> = periods.list.iter().filter_map(|period| period.payment.clone()).collect();
        let taken = Fate { back_at: Some(at(6_000)), taken_at: Some(at(6_000)), ..Fate::default() };
        assert!(payments.iter().all(|payment| periods.change(payment, taken)));
        let left = at(30 * (200 - limits::PERIODS_MAX as i64));
        assert_eq!((periods.until(), periods.ended_at()), (Some(left), None));
        assert!(!periods.change("0", taken), "the oldest is folded");
    }

    #[test]
    fn what_stands_on_top_of_the_paid_end_stays_there() {
        assert_eq!(moved_end(at(30), at(30), at(60)), at(60));
        assert_eq!(moved_end(at(60), at(60), at(30)), at(30));
        assert_eq!(moved_end(at(40), at(30), at(60)), at(70), "ten days more");
        assert_eq!(moved_end(at(70), at(60), at(30)), at(40));
        assert_eq!(moved_end(at(20), at(30), at(60)), at(60), "a further period is paid");
        assert_eq!(moved_end(at(20), at(60), at(30)), at(20), "cut short by the vendor");
    }
}
