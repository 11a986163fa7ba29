//! Periods, counted from an anchor: in whole days of 24 hours, or in calendar months of UTC that clamp to a month's last day.
//! Always from the anchor and never from the period before, so that nothing drifts.

use ltlm_protocol::Timestamp;

/// A day, in milliseconds.
pub const DAY_MS: i64 = 86_400_000;

/// No month is longer.
const MONTH_DAYS_MAX: i64 = 31;

/// How long a period is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Length {
    /// Days of 24 hours, above 0.
    Days(i64),
    /// Calendar months, above 0.
    Months(i64),
}

impl Length {
    /// When the period `index` begins; the one that begins at the anchor is 0.
    pub fn start(self, anchor: Timestamp, index: i64) -> Timestamp {
        match self {
            Self::Days(days) => anchor.plus_days(days.saturating_mul(index)),
            Self::Months(months) => anchor.plus_intervals("month", months.saturating_mul(index)),
        }
    }

    /// The period that `now` is in; 0 before the anchor.
    pub fn index(self, anchor: Timestamp, now: Timestamp) -> i64 {
        let passed_ms = (now.ms() - anchor.ms()).max(0);
        match self {
            Self::Days(days) => passed_ms / days.saturating_mul(DAY_MS),
            Self::Months(months) => {
                let mut index = passed_ms / months.saturating_mul(MONTH_DAYS_MAX * DAY_MS);
                // Each round makes up for a shorter month.
                while self.start(anchor, index + 1) <= now && self.start(anchor, index + 1) > self.start(anchor, index)
                {
                    index += 1;
                }
                index
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn at(text: &str) -> Timestamp {
        Timestamp::parse(text).unwrap()
    }

    #[test]
    fn months_are_counted_from_the_anchor_over_leap_years() {
        let anchor = at("2027-12-31T10:00:00Z");
        let starts = [1, 2, 3, 14].map(|index| Length::Months(1).start(anchor, index).to_string()[..10].to_owned());
        assert_eq!(starts, ["2028-01-31", "2028-02-29", "2028-03-31", "2029-02-28"]);
        let index = |text: &str| Length::Months(1).index(anchor, at(text));
        assert_eq!((index("2028-02-29T09:59:59.999Z"), index("2028-02-29T10:00:00Z")), (1, 2));
        assert_eq!((index("2027-01-01T00:00:00Z"), index("2127-12-31T10:00:00Z")), (0, 1_200));
    }

    proptest! {
        #[test]
        fn an_instant_is_in_the_period_that_has_begun_and_not_in_the_next(
            anchor in 0_i64..2_000_000_000, passed in 0_i64..3_000_000_000, length in 1_i64..40, months: bool,
        ) {
            let length = if months { Length::Months(length) } else { Length::Days(length) };
            let (anchor, now) = (Timestamp::from_ms(anchor * 1_000), Timestamp::from_ms((anchor + passed) * 1_000));
            let index = length.index(anchor, now);
            prop_assert!(length.start(anchor, index) <= now && now < length.start(anchor, index + 1));
        }
    }
}
