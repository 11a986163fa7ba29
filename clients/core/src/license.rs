//! A verified license, and what it means for this device at a moment (contract St-1, O-1, O-2).

use std::sync::Arc;

use ltlm_protocol::{LicenseData, Timestamp};

use crate::status::{Reason, Status};

const HOUR_MS: i64 = 3_600_000;
/// Seconds between heartbeats where the server leaves it to the client.
const INTERVAL_SECONDS: i64 = 300;
/// Shortest interval that is kept to, in seconds.
const INTERVAL_SECONDS_MIN: i64 = 10;
/// Shortest life of a seat in seconds.
const SEAT_SECONDS_MIN: i64 = 120;

/// A license whose signature was verified.
#[derive(Clone, Debug)]
pub(crate) struct License {
    /// What it says.
    pub(crate) data: Arc<LicenseData>,
    /// When the server signed it, in milliseconds since the Unix epoch.
    pub(crate) signed_ms: i64,
    /// It came as an offline file: there is no server for it.
    pub(crate) is_file: bool,
}

/// What determines the status besides the license.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Standing<'a> {
    /// The trusted time.
    pub(crate) now_ms: i64,
    /// The wall clock was set back.
    pub(crate) is_set_back: bool,
    /// The server answered in this run.
    pub(crate) is_answered: bool,
    /// The code of a refusal that holds.
    pub(crate) blocked: Option<&'a str>,
    /// The seat was given back by this device.
    pub(crate) is_signed_out: bool,
}

impl License {
    /// Does it list this device?
    pub(crate) fn lists(&self, hwid: &str) -> bool {
        self.data.machines.iter().any(|machine| machine.hwid == hwid)
    }

    /// Did the server report to this device that its seat was released?
    pub(crate) fn is_kicked(&self) -> bool {
        self.data.status == "KICKED" || self.data.seat_status == "KICKED" || self.data.kicked_notice.is_some()
    }

    /// Seconds between heartbeats.
    pub(crate) fn interval_seconds(&self) -> i64 {
        let sent = self.data.heartbeat_interval_seconds.map_or(INTERVAL_SECONDS, i64::from);
        if sent > 0 { sent.max(INTERVAL_SECONDS_MIN) } else { INTERVAL_SECONDS }
    }

    /// When it ends by its own word; `None` if it never does.
    pub(crate) fn ends_ms(&self) -> Option<i64> {
        if self.data.policy.kind == "perpetual" {
            return None;
        }
        let end = match self.data.status.as_str() {
            "grace_period" => self.data.grace_period_ends.as_deref(),
            _ => self.data.valid_until.as_deref(),
        };
        end.and_then(instant).map(Timestamp::ms)
    }

    /// How long it may be used after its signing without another answer, in milliseconds. A running application has at least the
    /// life of its seat.
    pub(crate) fn lasts_ms(&self, is_answered: bool) -> i64 {
        let grace = if self.data.offline_enabled { i64::from(self.data.offline_grace_hours) * HOUR_MS } else { 0 };
        let seat = if is_answered { (2 * self.interval_seconds()).max(SEAT_SECONDS_MIN) * 1_000 } else { 0 };
        grace.max(seat)
    }

    /// The status, the first that holds.
    pub(crate) fn status(&self, standing: Standing<'_>) -> (Status, Reason) {
        if let Some(code) = standing.blocked {
            let status = match code {
                "LICENSE_EXPIRED" => Status::Expired,
                "LICENSE_SUSPENDED" => Status::Suspended,
                "LICENSE_REVOKED" => Status::Revoked,
                "LICENSE_TERMINATED" => Status::Terminated,
                _ => Status::ConnectionRequired,
            };
            return (status, Reason::Refused(code.to_owned()));
        }
        let said = self.data.status.as_str();
        match said {
            "terminated" => return (Status::Terminated, Reason::Server),
            "revoked" => return (Status::Revoked, Reason::Server),
            "suspended" => return (Status::Suspended, Reason::Server),
            "expired" => return (Status::Expired, Reason::Server),
            _ if self.ends_ms().is_some_and(|end| standing.now_ms > end) => return (Status::Expired, Reason::Clock),
            _ if self.is_kicked() => return (Status::Kicked, Reason::Server),
            "connection_required" => return (Status::ConnectionRequired, Reason::Server),
            _ => {}
        }
        if standing.is_set_back {
            return (Status::ConnectionRequired, Reason::Clock);
        }
        let age_ms = standing.now_ms.saturating_sub(self.signed_ms);
        let lasts_ms = self.lasts_ms(standing.is_answered);
        if !self.is_file && (age_ms > lasts_ms || lasts_ms == 0) {
            let reason = if lasts_ms == 0 { Reason::NoAnswerYet } else { Reason::Offline };
            return (Status::ConnectionRequired, reason);
        }
        let has_no_seat = matches!(self.data.seat_status.as_str(), "NO_SEAT" | "RELEASED");
        match said {
            _ if standing.is_signed_out || has_no_seat => (Status::ValidNoSeat, Reason::Server),
            "VALID_NO_SEAT" => (Status::ValidNoSeat, Reason::Server),
            "grace_period" => (Status::GracePeriod, Reason::Server),
            "active" => (Status::Active, Reason::Server),
            // A word of a later version: not usable, whatever it means.
            _ => (Status::ConnectionRequired, Reason::Server),
        }
    }

    /// The trusted instants at which its status can change without an answer, earliest first.
    pub(crate) fn turns_ms(&self, is_answered: bool) -> [Option<i64>; 2] {
        let offline = (!self.is_file).then(|| self.signed_ms.saturating_add(self.lasts_ms(is_answered)));
        [self.ends_ms(), offline]
    }

    /// Is this capability on?
    pub(crate) fn has(&self, capability: &str) -> bool {
        let value = self.data.config.features.get(capability).and_then(Option::as_deref).unwrap_or_default();
        matches!(value.to_lowercase().as_str(), "true" | "1")
    }

    /// The balance in the last answer.
    pub(crate) fn remaining(&self) -> i64 {
        self.data.tokens_remaining.map_or(0, i64::from)
    }
}

/// An instant of an answer: UTC, with or without its `Z`.
pub(crate) fn instant(text: &str) -> Option<Timestamp> {
    Timestamp::parse(text).or_else(|| Timestamp::parse(&format!("{text}Z")))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::tests::license_data;
    use serde_json::{Value, json};

    const NOW: i64 = 1_767_484_800_000;

    fn license(change: Value) -> License {
        License { data: Arc::new(license_data(change)), signed_ms: NOW, is_file: false }
    }

    fn standing() -> Standing<'static> {
        Standing { now_ms: NOW, is_set_back: false, is_answered: true, blocked: None, is_signed_out: false }
    }

    #[test]
    fn the_first_status_that_holds_is_shown() {
        let cases = [
            (json!({}), Status::Active, Reason::Server),
            (
                json!({"status": "grace_period", "gracePeriodEnds": "2026-02-01T00:00:00Z"}),
                Status::GracePeriod,
                Reason::Server,
            ),
            (
                json!({"status": "grace_period", "gracePeriodEnds": "2026-01-01T00:00:00Z"}),
                Status::Expired,
                Reason::Clock,
            ),
            (
                json!({"status": "terminated", "kickedNotice": {"timestamp": "", "reason": ""}}),
                Status::Terminated,
                Reason::Server,
            ),
            (json!({"status": "revoked"}), Status::Revoked, Reason::Server),
            (json!({"status": "suspended", "seatStatus": "KICKED"}), Status::Suspended, Reason::Server),
            (json!({"status": "expired"}), Status::Expired, Reason::Server),
            (json!({"validUntil": "2026-01-03T23:59:59.999Z"}), Status::Expired, Reason::Clock),
            (json!({"status": "KICKED"}), Status::Kicked, Reason::Server),
            (json!({"seatStatus": "KICKED"}), Status::Kicked, Reason::Server),
            (json!({"kickedNotice": {"timestamp": "", "reason": ""}}), Status::Kicked, Reason::Server),
            (json!({"status": "VALID_NO_SEAT"}), Status::ValidNoSeat, Reason::Server),
            (json!({"seatStatus": "NO_SEAT"}), Status::ValidNoSeat, Reason::Server),
            (json!({"status": "connection_required"}), Status::ConnectionRequired, Reason::Server),
        ];
        for (change, status, reason) in cases {
            assert_eq!(license(change.clone()).status(standing()), (status, reason), "{change}");
        }
        let blocked = Standing { blocked: Some("LICENSE_SUSPENDED"), ..standing() };
        assert_eq!(license(json!({})).status(blocked).0, Status::Suspended);
        let blocked = Standing { blocked: Some("VERSION_NOT_SUPPORTED"), ..standing() };
        let expected = (Status::ConnectionRequired, Reason::Refused("VERSION_NOT_SUPPORTED".to_owned()));
        assert_eq!(license(json!({})).status(blocked), expected);
    }

    #[test]
    fn c24_a_word_that_is_not_known_is_not_usable() {
        let (status, _) = license(json!({"status": "dormant"})).status(standing());
        assert!(!status.is_usable());
    }

    #[test]
    fn c59_an_end_without_its_z_is_utc() {
        for text in ["2026-01-04T00:00:00.000Z", "2026-01-04T00:00:00.000"] {
            let license = license(json!({"validUntil": text}));
            assert_eq!(license.ends_ms(), Some(NOW), "{text}");
            assert_eq!(license.status(standing()).0, Status::Active, "the end is inclusive");
            assert_eq!(license.status(Standing { now_ms: NOW + 1, ..standing() }).0, Status::Expired);
        }
        assert_eq!(license(json!({"policy": {"type": "perpetual"}})).ends_ms(), None);
    }

    #[test]
    fn offline_rights_end_with_the_grace_and_with_a_clock_that_was_set_back() {
        let day = license(json!({"offlineGraceHours": 24, "validUntil": null}));
        let later = |hours: i64, is_answered| Standing { now_ms: NOW + hours * HOUR_MS, is_answered, ..standing() };
        assert_eq!(day.status(later(24, false)).0, Status::Active);
        assert_eq!(day.status(later(25, false)), (Status::ConnectionRequired, Reason::Offline));
        let set_back = Standing { is_set_back: true, is_answered: false, ..standing() };
        assert_eq!(day.status(set_back), (Status::ConnectionRequired, Reason::Clock));
        for none in
            [json!({"offlineGraceHours": 0, "validUntil": null}), json!({"offlineEnabled": false, "validUntil": null})]
        {
            let none = license(none);
            assert_eq!(none.status(later(0, false)), (Status::ConnectionRequired, Reason::NoAnswerYet));
            assert_eq!(
                none.status(Standing { now_ms: NOW + 600_000, ..standing() }).0,
                Status::Active,
                "the seat's life"
            );
            assert_eq!(none.status(Standing { now_ms: NOW + 600_001, ..standing() }).1, Reason::Offline);
        }
        let file = License { is_file: true, ..license(json!({"offlineGraceHours": 0, "validUntil": null})) };
        assert_eq!(file.status(later(24 * 365, false)).0, Status::Active);
    }

    #[test]
    fn intervals_are_the_servers_within_reason() {
        for (sent, kept) in [(json!(null), 300), (json!(60), 60), (json!(1), 10), (json!(0), 300), (json!(-5), 300)] {
            assert_eq!(license(json!({"heartbeatIntervalSeconds": sent})).interval_seconds(), kept);
        }
    }

    #[test]
    fn capabilities_are_texts_that_mean_true() {
        let license =
            license(json!({"config": {"features": {"a": "true", "b": "TRUE", "c": "1", "d": "yes", "e": null}}}));
        let on: Vec<_> = ["a", "b", "c", "d", "e", "f"].into_iter().filter(|name| license.has(name)).collect();
        assert_eq!(on, ["a", "b", "c"]);
    }
}
