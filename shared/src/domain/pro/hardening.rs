//! What a project asks for beyond what the existing client knows (wire section 7): settings of the project, each off or
//! harmless by default.

use std::sync::LazyLock;

use ltlm_protocol::limits;
use ltlm_protocol::read::{Reader, whole};
use ltlm_protocol::shape::Shape;
use serde_json::{Map, Value};

use crate::domain::accounts::plans;
use crate::domain::organizations::features;
use crate::domain::pro::lost_answer::LostAnswers;
use crate::domain::store::redirect;
use crate::domain::throttle;
use crate::model::project::Project;
use crate::model::{policy_config, quota};

/// What devices' own keys mean to a project.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum DeviceKeys {
    /// Nothing: a key is kept, and signatures are not looked at.
    #[default]
    Off,
    /// A device that gave a key must sign; others need not.
    Accepted,
    /// Every device must give a key, and sign.
    Required,
}

/// How far below zero a batch may bring a balance.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum BatchFloor {
    /// Ten allocations of the license, or 1,000 tokens if that is more.
    #[default]
    OfAllocation,
    /// So many tokens.
    At(i64),
    /// As far as it likes.
    Unlimited,
}

impl BatchFloor {
    /// Tokens that a license with this allocation may be overdrawn by; `None` if there is no bound.
    pub fn tokens(self, allocation: i64) -> Option<i64> {
        match self {
            Self::OfAllocation => Some(allocation.saturating_mul(10).max(1_000)),
            Self::At(tokens) => Some(tokens),
            Self::Unlimited => None,
        }
    }
}

/// What `tokens.batchFloor` says for [`BatchFloor::Unlimited`].
const UNLIMITED: &str = "none";

/// Which of the payment provider's messages a project accepts: those about real money, or about test money.
const PAYMENT_MODES: &[&str] = &["live", "test"];

/// A project's choices.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Hardening {
    /// Signed answers state for whom and until when they are valid (`security.boundAnswers`, on by default).
    pub bound_answers: bool,
    /// Envelopes without authentication are refused (`security.gcmOnly`).
    pub gcm_only: bool,
    /// `security.deviceKeys`.
    pub device_keys: DeviceKeys,
    /// Dates of the existing client's comparison go out without their `Z` (`clientDates`: `naive`; wire 3.5).
    pub naive_dates: bool,
    /// Tokens a license may be overdrawn by before it is suspended (`tokens.overdraftFloor`).
    pub overdraft_floor: Option<i64>,
    /// How far a batch may overdraw a license (`tokens.batchFloor`).
    pub batch_floor: BatchFloor,
    /// Whose favor is decided in where a single use's answer may be lost (`tokens.lostAnswers`).
    pub lost_answers: LostAnswers,
}

const DEVICE_KEYS: &[(&str, DeviceKeys)] =
    &[("off", DeviceKeys::Off), ("accepted", DeviceKeys::Accepted), ("required", DeviceKeys::Required)];

const LOST_ANSWERS: &[(&str, LostAnswers)] = &[("customer", LostAnswers::Customer), ("proven", LostAnswers::Proven)];

const CLIENT_DATES: &[&str] = &["zulu", "naive"];

/// Most kinds of events that a project names for its developers.
const EVENTS_MAX: usize = 200;

/// What the settings of a project may hold.
pub static SHAPE: LazyLock<Shape> = LazyLock::new(|| Reader::shape_of(check));

/// What is said of stored settings that nothing knows.
pub fn warnings(settings: &Map<String, Value>) -> Vec<String> {
    policy_config::sentences("settings", &SHAPE.strays(settings, None))
}

/// Notes every mistake of a project's settings.
pub fn check(r: &mut Reader<'_>) {
    r.object("geofencing", |g| g.bool_opt("denyUnknown"));
    r.object("security", |s| {
        s.bool_opt("boundAnswers");
        s.bool_opt("gcmOnly");
        s.word_opt("deviceKeys", &DEVICE_KEYS.iter().map(|(word, _)| *word).collect::<Vec<_>>());
    });
    r.object("accounts", plans::check);
    r.object("organizations", features::check);
    r.object("analytics", |a| {
        a.objects("events", EVENTS_MAX, |event| {
            event.name_opt("id", limits::NAME_CHARS_MAX);
            event.name("type", limits::ACTION_CHARS_MAX);
            event.name_or_blank("description", limits::REASON_CHARS_MAX);
        })
    });
    r.word_opt("clientDates", CLIENT_DATES);
    r.object("tokens", |t| {
        t.int_opt("overdraftFloor", 0, limits::TOKENS_MAX);
        t.int_or_word_opt("batchFloor", 0, limits::TOKENS_MAX, UNLIMITED);
        t.word_opt("lostAnswers", &LOST_ANSWERS.iter().map(|(word, _)| *word).collect::<Vec<_>>());
    });
    r.object("store", redirect::check);
    r.object("rateLimits", throttle::check);
    r.object("quotas", quota::check);
    r.bool_opt("suspended");
    r.object("payments", |p| p.word_opt("mode", PAYMENT_MODES));
}

impl Hardening {
    /// The choices of a project. Shapes were checked when they were written, so an odd value reads as its default.
    pub fn of(project: &Project) -> Self {
        let at = |group: &str, name: &str| project.settings.get(group).and_then(|group| group.get(name));
        let flag = |name: &str| at("security", name).and_then(Value::as_bool);
        let keys = at("security", "deviceKeys").and_then(Value::as_str);
        let lost = at("tokens", "lostAnswers").and_then(Value::as_str);
        Self {
            bound_answers: flag("boundAnswers").unwrap_or(true),
            gcm_only: flag("gcmOnly").unwrap_or(false),
            device_keys: DEVICE_KEYS.iter().find(|(word, _)| Some(*word) == keys).map(|(_, k)| *k).unwrap_or_default(),
            naive_dates: project.settings.get("clientDates").and_then(Value::as_str) == Some("naive"),
            overdraft_floor: at("tokens", "overdraftFloor").and_then(whole),
            batch_floor: match at("tokens", "batchFloor") {
                Some(Value::String(word)) if word == UNLIMITED => BatchFloor::Unlimited,
                floor => floor.and_then(whole).map_or(BatchFloor::OfAllocation, BatchFloor::At),
            },
            lost_answers: LOST_ANSWERS
                .iter()
                .find(|(word, _)| Some(*word) == lost)
                .map(|(_, l)| *l)
                .unwrap_or_default(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::license::state::tests::project;
    use serde_json::json;

    fn of(settings: Value) -> Hardening {
        Hardening::of(&Project { settings: settings.as_object().cloned().unwrap(), ..project() })
    }

    #[test]
    fn a_project_that_says_nothing_is_served_as_the_existing_client_expects() {
        let plain = of(json!({}));
        assert!(plain.bound_answers && !plain.gcm_only && !plain.naive_dates);
        assert_eq!((plain.device_keys, plain.overdraft_floor), (DeviceKeys::Off, None));
        assert_eq!(plain.lost_answers, LostAnswers::Customer);
        let strict = of(json!({"security": {"boundAnswers": false, "gcmOnly": true, "deviceKeys": "required"},
            "clientDates": "naive", "tokens": {"overdraftFloor": 50, "lostAnswers": "proven"}}));
        assert!(!strict.bound_answers && strict.gcm_only && strict.naive_dates);
        assert_eq!((strict.device_keys, strict.overdraft_floor), (DeviceKeys::Required, Some(50)));
        assert_eq!(strict.lost_answers, LostAnswers::Proven);
    }

    #[test]
    fn a_batch_overdraws_by_ten_allocations_unless_the_project_says_otherwise() {
        let floor = |tokens: Value, allocation| of(json!({"tokens": tokens})).batch_floor.tokens(allocation);
        assert_eq!((floor(json!({}), 50), floor(json!({}), 500)), (Some(1_000), Some(5_000)));
        assert_eq!((floor(json!({"batchFloor": 0}), 50), floor(json!({"batchFloor": "none"}), 50)), (Some(0), None));
    }

    #[test]
    fn every_mistake_is_listed() {
        let body = json!({"security": {"gcmOnly": 1, "deviceKeys": "maybe"}, "clientDates": "utc",
            "tokens": {"overdraftFloor": -1, "batchFloor": "no", "lostAnswers": "vendor"}, "geofencing": {"denyUnknown": "yes"}, "anything": "else"});
        let mut reader = Reader::new(&body).unwrap();
        check(&mut reader);
        assert_eq!(reader.finish().unwrap_err().list().len(), 7);
    }
}
