//! The quotas of a project: how many calls the vendor allows, by kind of traffic, and which calls are not counted.
//!
//! Calls that a customer's application needs to keep running are not counted: an old client that is told to retry later
//! locks its user out.

use ltlm_protocol::Timestamp;
use ltlm_protocol::read::{Reader, whole};

use crate::model::bucket::Rate;
use crate::model::project::Project;

/// Kinds of traffic that a project can set a quota for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Traffic {
    /// The vendor's calls about what is in a project.
    Administration,
    /// Calls of the vendor's backends, and of members of organizations: accounts, organizations, tokens.
    Backends,
    /// Calls of applications, except those that they need to keep running: the store, the portal, settings, events,
    /// lists.
    Applications,
}

impl Traffic {
    /// All of them.
    pub const ALL: &'static [Self] = &[Self::Administration, Self::Backends, Self::Applications];

    /// Its name in a project's settings.
    pub fn name(self) -> &'static str {
        match self {
            Self::Administration => "administration",
            Self::Backends => "backends",
            Self::Applications => "applications",
        }
    }
}

/// Most calls of a quota.
const CALLS_MAX: i64 = 1_000_000;

/// Longest time of a quota, in minutes: a day.
const MINUTES_MAX: i64 = 24 * 60;

/// The maximum of calls a minute, whatever the quota's time: a quota is one item of the table, which limits its writes.
const CALLS_A_MINUTE_MAX: i64 = 6_000;

/// Notes the mistakes of a project's quotas.
pub fn check(r: &mut Reader<'_>) {
    for traffic in Traffic::ALL {
        r.object(traffic.name(), |quota| {
            let calls = quota.int_opt("calls", 1, CALLS_MAX);
            let minutes = quota.int_opt("minutes", 1, MINUTES_MAX);
            if calls.is_some_and(|calls| calls > CALLS_A_MINUTE_MAX * minutes.unwrap_or(1)) {
                quota.problem("calls", format!("must be at most {CALLS_A_MINUTE_MAX} for each of the minutes"));
            }
        });
    }
}

/// The quota that a project has for this traffic; without one nothing is counted.
pub fn of(project: &Project, traffic: Traffic) -> Option<Rate> {
    let quota = project.settings.get("quotas")?.get(traffic.name())?;
    let number = |name: &str| quota.get(name).and_then(whole);
    Some(Rate { burst: number("calls")?, minutes: number("minutes").unwrap_or(1) })
}

/// A call that is counted if its project has a quota for it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Counted {
    /// What it is.
    pub traffic: Traffic,
    /// The project that it says it is about, if it says so and may.
    pub project_id: Option<String>,
    /// The one project that its caller may act on; none: any.
    pub only: Option<String>,
    /// Names this call.
    pub call: String,
    /// The instant it is judged at.
    pub now: Timestamp,
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::license::state::tests::project;
    use serde_json::{Value, json};

    fn with(quotas: &Value) -> Project {
        let settings = json!({ "quotas": quotas });
        Project { settings: settings.as_object().cloned().unwrap(), ..project() }
    }

    #[test]
    fn a_project_chooses_by_traffic() {
        let chosen = with(&json!({"backends": {"calls": 1_000, "minutes": 1_440}, "administration": {"calls": 60}}));
        assert_eq!(of(&chosen, Traffic::Backends), Some(Rate { burst: 1_000, minutes: 1_440 }));
        assert_eq!(of(&chosen, Traffic::Administration), Some(Rate { burst: 60, minutes: 1 }));
        assert_eq!((of(&chosen, Traffic::Applications), of(&project(), Traffic::Backends)), (None, None));
    }

    #[test]
    fn mistakes_are_listed() {
        let mistakes = |quotas: Value| {
            let mut reader = Reader::new(&quotas).unwrap();
            check(&mut reader);
            reader.finish().err().map_or(0, |problems| problems.list().len())
        };
        assert_eq!(mistakes(json!({"backends": {"calls": 6_000}, "applications": {"calls": 12_000, "minutes": 2}})), 0);
        for bad in [
            json!({"calls": 0}),
            json!({"calls": 6_001}),
            json!({"calls": 10, "minutes": 1_441}),
            json!({"calls": "many"}),
            json!(5),
        ] {
            assert_eq!(mistakes(json!({"backends": bad.clone()})), 1, "{bad}");
        }
    }
}
