//! What a license is at an instant. It depends on time, so it is derived here and never stored.

use ltlm_protocol::Timestamp;

use crate::domain::license::terms::Terms;
use crate::model::license::{AdminState, License};

/// The license's status, seats and devices aside (wire 4.1, numbers 2, 3 and 5).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Status {
    /// In force.
    Active,
    /// Ended, still in force for the grace period.
    GracePeriod,
    /// Ended.
    Expired,
    /// Suspended by the vendor.
    Suspended,
    /// Revoked by the vendor.
    Revoked,
    /// Terminated by the vendor.
    Terminated,
}

impl Status {
    /// All of them.
    pub const ALL: &'static [Self] =
        &[Self::Active, Self::GracePeriod, Self::Expired, Self::Suspended, Self::Revoked, Self::Terminated];

    /// May the license be used?
    pub fn is_usable(self) -> bool {
        matches!(self, Self::Active | Self::GracePeriod)
    }

    /// The text on the wire.
    pub fn wire(self) -> &'static str {
        match self {
            Self::Active => "active",
            Self::GracePeriod => "grace_period",
            Self::Expired => "expired",
            Self::Suspended => "suspended",
            Self::Revoked => "revoked",
            Self::Terminated => "terminated",
        }
    }
}

impl License {
    /// The status at `now`. An end is inclusive, as the existing client counts it: still in force at the instant itself
    /// (wire 4.1).
    pub fn status(&self, terms: &Terms, now: Timestamp) -> Status {
        match self.state {
            AdminState::Terminated => return Status::Terminated,
            AdminState::Revoked => return Status::Revoked,
            AdminState::Suspended => return Status::Suspended,
            AdminState::Active => {}
        }
        let Some(end) = self.valid_until else { return Status::Active };
        if now <= end {
            return Status::Active;
        }
        match now <= end.plus_days(terms.grace_period_days) {
            true => Status::GracePeriod,
            false => Status::Expired,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::license::state::tests::{license, terms};

    #[test]
    fn a45_the_status_follows_the_clock_to_the_millisecond() {
        let end = Timestamp::from_ms(1_000_000);
        let grace = Timestamp::from_ms(1_000_000 + 7 * 86_400_000);
        let mut license = license();
        license.valid_until = Some(end);
        let at = |t: Timestamp, off: i64| license.status(&terms(), Timestamp::from_ms(t.ms() + off));
        assert_eq!(at(end, -1), Status::Active);
        assert_eq!(at(end, 0), Status::Active);
        assert_eq!(at(end, 1), Status::GracePeriod);
        assert_eq!(at(grace, 0), Status::GracePeriod);
        assert_eq!(at(grace, 1), Status::Expired);
    }

    #[test]
    fn the_vendors_word_comes_before_the_clock() {
        let mut license = license();
        license.valid_until = Some(Timestamp::from_ms(0));
        for (state, wire) in AdminState::ALL.iter().filter(|(state, _)| *state != AdminState::Active) {
            license.state = *state;
            assert_eq!(license.status(&terms(), Timestamp::from_ms(i64::MAX)).wire(), *wire);
        }
        license.state = AdminState::Active;
        license.valid_until = None;
        assert_eq!(license.status(&terms(), Timestamp::from_ms(i64::MAX)), Status::Active);
    }
}
