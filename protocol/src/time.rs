//! Instants: milliseconds since the Unix epoch, UTC, printed as the wire wants them (wire 3.5).

use std::fmt;

/// An instant in milliseconds since the Unix epoch, UTC. Arithmetic saturates.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Timestamp(i64);

/// 9998-12-31T23:59:59.999Z: the existing client cannot parse year 9999 east of UTC (wire 3.2).
const LATEST: i64 = 253_370_764_799_999;
/// 0001-01-01T00:00:00Z.
const EARLIEST: i64 = -62_135_596_800_000;

/// Why a text is no instant that a request may give.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NoInstant {
    /// It is not written as one.
    NotOne,
    /// It lies before 1970 or after 9999.
    OutOfRange,
}

impl NoInstant {
    /// What is wrong, as the end of a sentence that starts with the member.
    pub fn problem(self) -> &'static str {
        match self {
            Self::NotOne => "must be an ISO 8601 instant such as 2027-01-31T00:00:00Z",
            Self::OutOfRange => {
                "must lie between 1970-01-01T00:00:00Z and 9998-12-31T23:59:59Z (9999-12-31T23:59:59Z stands for never)"
            }
        }
    }
}

impl Timestamp {
    /// 1970-01-01T00:00:00Z.
    pub const EPOCH: Self = Self(0);

    /// The instant `ms` milliseconds after the epoch, clamped to the years 1 to 9998.
    pub fn from_ms(ms: i64) -> Self {
        Self(ms.clamp(EARLIEST, LATEST))
    }

    /// Milliseconds since the epoch.
    pub fn ms(self) -> i64 {
        self.0
    }

    /// Reads an ISO 8601 instant with an offset (`2026-01-31T00:00:00Z`, `…+02:00`). `None` if it is not one or lies
    /// outside the years 1 to 9998.
    pub fn parse(text: &str) -> Option<Self> {
        let ms = text.parse::<jiff::Timestamp>().ok()?.as_millisecond();
        (EARLIEST..=LATEST).contains(&ms).then_some(Self(ms))
    }

    /// Reads an instant that a request gives. The year 9999, which many write for "never", is the latest instant that is kept.
    pub fn read(text: &str) -> Result<Self, NoInstant> {
        match Self::parse(text) {
            Some(instant) if instant >= Self::EPOCH => Ok(instant),
            Some(_) => Err(NoInstant::OutOfRange),
            None => Self::of_far_year(text),
        }
    }

    /// An instant whose year the calendar here does not reach.
    fn of_far_year(text: &str) -> Result<Self, NoInstant> {
        let text = text.trim();
        let unsigned = text.strip_prefix(['+', '-']).unwrap_or(text);
        let Some((year, rest)) = unsigned.split_once('-') else { return Err(NoInstant::NotOne) };
        let is_year = (4..=6).contains(&year.len()) && year.bytes().all(|b| b.is_ascii_digit());
        // A leap year, which has all days that any year has.
        match is_year && Self::parse(&format!("2000-{rest}")).is_some() {
            true if year.trim_start_matches('0') == "9999" && !text.starts_with('-') => Ok(Self(LATEST)),
            true => Err(NoInstant::OutOfRange),
            false => Err(NoInstant::NotOne),
        }
    }

    /// The instant `seconds` later (earlier if negative).
    pub fn plus_seconds(self, seconds: i64) -> Self {
        Self::from_ms(self.0.saturating_add(seconds.saturating_mul(1_000)))
    }

    /// The instant `ms` milliseconds later.
    pub fn plus_ms(self, ms: i64) -> Self {
        Self::from_ms(self.0.saturating_add(ms))
    }

    /// The instant `days` times 24 hours later.
    pub fn plus_days(self, days: i64) -> Self {
        self.plus_seconds(days.saturating_mul(86_400))
    }

    /// The day of UTC that it is in, counted from 1970-01-01.
    pub fn day(self) -> i64 {
        self.0.div_euclid(86_400_000)
    }

    /// Reads a calendar day (`2027-01-31`): the day of UTC, counted from 1970-01-01.
    pub fn parse_day(text: &str) -> Option<i64> {
        let date: jiff::civil::Date = text.parse().ok().filter(|_| text.len() == 10)?;
        let since = date.since(jiff::civil::date(1970, 1, 1)).ok()?;
        Some(i64::from(since.get_days()))
    }

    /// The beginning of a day of UTC, counted from 1970-01-01.
    pub fn of_day(day: i64) -> Self {
        Self::from_ms(day.saturating_mul(86_400_000))
    }

    /// The instant `count` calendar intervals (`day`, `week`, `month`, `year`) later, UTC; months and years clamp to the
    /// last day (wire 4.6 T-9). An unknown interval counts as `month`.
    pub fn plus_intervals(self, interval: &str, count: i64) -> Self {
        let count = count.clamp(-100_000, 100_000);
        let span = match interval {
            "day" => jiff::Span::new().try_days(count),
            "week" => jiff::Span::new().try_weeks(count),
            "year" => jiff::Span::new().try_years(count.clamp(-9_000, 9_000)),
            _ => jiff::Span::new().try_months(count),
        };
        let zoned = jiff::Timestamp::from_millisecond(self.0).map(|t| t.to_zoned(jiff::tz::TimeZone::UTC));
        match (zoned, span) {
            (Ok(zoned), Ok(span)) => Self::from_ms(zoned.saturating_add(span).timestamp().as_millisecond()),
            _ => self,
        }
    }
}

impl fmt::Display for Timestamp {
    /// `YYYY-MM-DDTHH:MM:SS.mmmZ`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let instant = jiff::Timestamp::from_millisecond(self.0).unwrap_or(jiff::Timestamp::UNIX_EPOCH);
        write!(f, "{}", instant.strftime("%Y-%m-%dT%H:%M:%S%.3fZ"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_instant_prints_with_three_decimals_and_z() {
        assert_eq!(Timestamp::from_ms(0).to_string(), "1970-01-01T00:00:00.000Z");
        assert_eq!(Timestamp::from_ms(1_703_548_800_005).to_string(), "2023-12-26T00:00:00.005Z");
        assert_eq!(Timestamp::from_ms(i64::MAX).to_string(), "9998-12-31T23:59:59.999Z");
        assert_eq!(Timestamp::from_ms(i64::MIN).to_string(), "0001-01-01T00:00:00.000Z");
    }

    #[test]
    fn the_year_9999_is_never_and_other_far_years_are_told_from_what_is_no_instant() {
        let latest = Ok(Timestamp::from_ms(LATEST));
        for never in ["9999-12-31T23:59:59Z", "9999-12-31T23:59:59.9999999Z", "9998-12-31T23:59:59.999Z"] {
            assert_eq!(Timestamp::read(never), latest, "{never}");
        }
        let far = [
            "1969-12-31T23:59:59Z",
            "0001-01-01T00:00:00Z",
            "0000-01-01T00:00:00Z",
            "10000-01-01T00:00:00Z",
            "+012026-02-28T00:00:00Z",
            "-000001-01-01T00:00:00Z",
            "-009999-12-31T23:59:59Z",
        ];
        for text in far {
            assert_eq!(Timestamp::read(text), Err(NoInstant::OutOfRange), "{text}");
        }
        for text in [
            "",
            "-",
            "+",
            "--",
            "never",
            "9999",
            "9999-12-31",
            "9999-13-01T00:00:00Z",
            "9999-02-30T00:00:00Z",
            "2026-01-01T00:00:00",
            "\u{e9}-01-01T00:00:00Z",
        ] {
            assert_eq!(Timestamp::read(text), Err(NoInstant::NotOne), "{text}");
        }
        assert_eq!(Timestamp::read("1970-01-01T00:00:00Z"), Ok(Timestamp::EPOCH));
    }

    #[test]
    fn months_clamp_to_the_last_day() {
        let at = |text: &str| Timestamp::parse(text).unwrap();
        let day = |t: Timestamp| t.to_string()[..10].to_owned();
        assert_eq!(day(at("2028-01-31T00:00:00Z").plus_intervals("month", 1)), "2028-02-29");
        assert_eq!(day(at("2028-02-29T00:00:00Z").plus_intervals("year", 1)), "2029-02-28");
        assert_eq!(day(at("2026-12-31T00:00:00Z").plus_intervals("week", 1)), "2027-01-07");
        assert_eq!(day(at("2026-12-31T00:00:00Z").plus_intervals("day", 1)), "2027-01-01");
    }

    #[test]
    fn parsing_a_printed_instant_gives_it_back() {
        for ms in [0, 1, -1, 1_703_548_800_123, LATEST, EARLIEST] {
            assert_eq!(Timestamp::parse(&Timestamp::from_ms(ms).to_string()), Some(Timestamp::from_ms(ms)));
        }
        assert_eq!(Timestamp::parse("2026-01-01T02:00:00+02:00"), Timestamp::parse("2026-01-01T00:00:00Z"));
        for bad in ["", "2026-01-01", "2026-01-01T00:00:00", "tomorrow", "2026-13-01T00:00:00Z"] {
            assert_eq!(Timestamp::parse(bad), None, "{bad}");
        }
    }

    proptest::proptest! {
        #[test]
        fn no_text_makes_it_panic(text in "[-+0-9T:Zé .]{0,30}") {
            let _ = Timestamp::read(&text);
        }
    }
}
