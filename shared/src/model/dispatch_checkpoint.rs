//! The progress of a background job, so that an interrupted job continues and does not start again.

use ltlm_protocol::Timestamp;

/// A job's record.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DispatchCheckpoint {
    /// Its name.
    pub name: String,
    /// When this run began.
    pub started_at: Timestamp,
    /// The project it is at; none before the first.
    pub project: Option<String>,
    /// The part of the project's due accounts that it is at.
    pub shard: i64,
    /// The position in that part that it has passed.
    pub after: Option<String>,
    /// Accounts it has sent to the workers.
    pub sent: i64,
    /// It has passed all.
    pub done: bool,
    /// Counts changes of this record.
    pub revision: i64,
}

/// After so long a run that was not finished is given up, in seconds: less than from one start to the next.
const RUN_SECONDS: i64 = 3_000;

impl DispatchCheckpoint {
    /// The run to continue at `now`: the one that was interrupted, or a new one.
    pub fn at(name: &str, found: Option<Self>, now: Timestamp) -> Self {
        let revision = found.as_ref().map_or(0, |job| job.revision);
        let is_interrupted = |job: &Self| !job.done && now < job.started_at.plus_seconds(RUN_SECONDS);
        found.filter(is_interrupted).unwrap_or(Self {
            name: name.to_owned(),
            started_at: now,
            project: None,
            shard: 0,
            after: None,
            sent: 0,
            done: false,
            revision,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::license::state::tests::NOW;

    #[test]
    fn an_interrupted_run_goes_on_for_as_long_as_no_other_is_due() {
        let run =
            DispatchCheckpoint { shard: 3, sent: 9, revision: 4, ..DispatchCheckpoint::at("renewals", None, NOW) };
        assert_eq!(DispatchCheckpoint::at("renewals", Some(run.clone()), NOW.plus_seconds(2_999)), run);
        let anew = DispatchCheckpoint::at("renewals", Some(run.clone()), NOW.plus_seconds(3_000));
        assert_eq!((anew.shard, anew.sent, anew.revision, anew.started_at), (0, 0, 4, NOW.plus_seconds(3_000)));
        let done = DispatchCheckpoint { done: true, ..run };
        assert_eq!(DispatchCheckpoint::at("renewals", Some(done), NOW.plus_seconds(1)).shard, 0);
    }
}
