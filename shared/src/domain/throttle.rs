//! How often something may be tried: buckets of tokens, one for each source of tries.
//!
//! A bucket contains up to `burst` tokens and regains the same number in `minutes`; each attempt takes one. Only the
//! instant at which it is full again is stored (the generic cell rate algorithm), so that occasional attempts cost one
//! write and no read.

use ltlm_protocol::Timestamp;
use ltlm_protocol::read::{Reader, whole};

use crate::domain::decision::Decision;
use crate::model::bucket::{Bucket, Rate};
use crate::model::denied::Denied;
use crate::model::project::Project;
use crate::model::write::Write;

/// Most tokens of a bucket that a project may choose.
const RATE_MAX: i64 = 100_000;

/// What is counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Limited {
    /// License keys and secrets that are not there, by source address.
    UnknownKeys,
    /// Addresses asked about for a trial, by source address and project.
    TrialChecks,
    /// Codes of the portal asked for or tried, by source address.
    Codes,
    /// Events that a device reports.
    Events,
    /// User settings that a device writes, or all calls on a license that name none.
    SettingsWrites,
    /// Batches of uses that a device sends.
    Batches,
    /// Sign-ins that were tried, by source address.
    SignIns,
    /// Passwords that were tried with one name by one source address.
    Passwords,
    /// Passwords that were tried with one name by source addresses that have been wrong before.
    PasswordsOfName,
    /// Wrong second factors of one developer.
    SecondFactors,
    /// Mails with a second factor to one developer.
    SecondFactorMails,
    /// Test mails of the deployment.
    TestMails,
}

/// A limit: its name, as settings and documents call it, and how often.
pub struct Row {
    /// What.
    pub limited: Limited,
    /// Its name.
    pub name: &'static str,
    /// How often, unless a project chooses.
    pub rate: Rate,
    /// May a project choose? What concerns the deployment's own developers is no project's.
    pub is_projects: bool,
}

const fn row(limited: Limited, name: &'static str, burst: i64, minutes: i64, is_projects: bool) -> Row {
    Row { limited, name, rate: Rate { burst, minutes }, is_projects }
}

/// All limits, in the one place.
pub const LIMITS: &[Row] = &[
    row(Limited::UnknownKeys, "unknownKeys", 40, 1, false),
    row(Limited::TrialChecks, "trialChecks", 20, 1, true),
    row(Limited::Codes, "codes", 20, 1, false),
    row(Limited::Events, "events", 25, 1, true),
    row(Limited::SettingsWrites, "settingsWrites", 50, 1, true),
    row(Limited::Batches, "batches", 60, 1, true),
    row(Limited::SignIns, "signIns", 15, 5, false),
    row(Limited::Passwords, "passwords", 10, 15, false),
    row(Limited::PasswordsOfName, "passwordsOfName", 50, 60, false),
    row(Limited::SecondFactors, "secondFactors", 10, 120, false),
    row(Limited::SecondFactorMails, "secondFactorMails", 10, 60, false),
    row(Limited::TestMails, "testMails", 10, 60, false),
];

impl Limited {
    fn row(self) -> Option<&'static Row> {
        LIMITS.iter().find(|row| row.limited == self)
    }

    /// Its name.
    pub fn name(self) -> &'static str {
        self.row().map_or("", |row| row.name)
    }

    /// How often it may be, in a project or in the deployment.
    pub fn rate(self, project: Option<&Project>) -> Rate {
        let own = self.row().map_or(Rate { burst: 1, minutes: 1 }, |row| row.rate);
        let chosen = project.and_then(|project| project.settings.get("rateLimits"));
        let chosen = chosen.and_then(|limits| limits.get(self.name())).and_then(whole);
        chosen.map_or(own, |burst| Rate { burst, ..own })
    }
}

/// Notes the mistakes of a project's own limits, `rateLimits`.
pub fn check(r: &mut Reader<'_>) {
    for row in LIMITS.iter().filter(|row| row.is_projects) {
        r.int_opt(row.name, 1, RATE_MAX);
    }
}

/// Takes a token for the call named `call`, or returns when one is available again.
pub fn take(
    found: Option<&Bucket>,
    name: &str,
    rate: Rate,
    call: &str,
    now: Timestamp,
) -> Result<Decision<Bucket>, Denied> {
    if let Some(own) = found.filter(|bucket| bucket.call == call) {
        return Ok(Decision::read(own.clone()));
    }
    // A bucket that is full is like none.
    let found = found.filter(|bucket| bucket.full_at > now);
    let each = rate.each_ms();
    let full_at = found.map_or(now, |bucket| bucket.full_at).plus_ms(each);
    let over = full_at.ms() - now.ms() - each * rate.burst;
    if over > 0 {
        let seconds = (over + 999).div_euclid(1_000);
        return Err(Denied::RateLimited { seconds, limit: rate.burst });
    }
    let bucket = Bucket { name: name.to_owned(), full_at, call: call.to_owned() };
    let found = found.map(|bucket| bucket.full_at);
    Ok(Decision::write(vec![Write::TakeToken { bucket: bucket.clone(), found, now }], bucket))
}

/// Gives all tokens back; the bucket afterwards, if there is one.
pub fn refill(found: Option<&Bucket>, now: Timestamp) -> Decision<Option<Bucket>> {
    let Some(taken) = found.filter(|bucket| bucket.full_at > now) else { return Decision::read(None) };
    let bucket = Bucket { full_at: now, ..taken.clone() };
    Decision::write(vec![Write::TakeToken { bucket: bucket.clone(), found: Some(taken.full_at), now }], Some(bucket))
}

#[cfg(test)]
mod tests {
    use super::*;

    const RATE: Rate = Rate { burst: 3, minutes: 1 };

    fn after(found: Option<&Bucket>, call: &str, seconds: i64) -> Result<Bucket, Denied> {
        let decision = take(found, "n", RATE, call, Timestamp::EPOCH.plus_seconds(seconds))?;
        match decision.writes.into_iter().next() {
            Some(Write::TakeToken { bucket, .. }) => Ok(bucket),
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn a_bucket_gives_its_burst_at_once_and_the_rest_over_time() {
        let one = after(None, "1", 0).unwrap();
        let two = after(Some(&one), "2", 0).unwrap();
        let three = after(Some(&two), "3", 0).unwrap();
        assert_eq!(after(Some(&three), "4", 0), Err(Denied::RateLimited { seconds: 20, limit: 3 }));
        assert_eq!(after(Some(&three), "4", 5), Err(Denied::RateLimited { seconds: 15, limit: 3 }));
        let four = after(Some(&three), "4", 20).unwrap();
        assert!(after(Some(&four), "5", 20).is_err());
        assert!(after(Some(&four), "5", 40).is_ok());
        // Full again, and no fuller.
        let later = after(Some(&four), "5", 10_000).unwrap();
        assert_eq!(later.full_at, Timestamp::EPOCH.plus_seconds(10_020));
        assert_eq!(
            take(Some(&four), "n", RATE, "4", Timestamp::EPOCH).unwrap(),
            Decision::read(four.clone()),
            "its own"
        );
        assert!(!RATE.was_tried_before(&one, Timestamp::EPOCH) && RATE.was_tried_before(&two, Timestamp::EPOCH));
    }
}
