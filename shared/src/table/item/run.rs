//! Items of what runs without a caller: how far the dispatcher has come, and the last run.

use crate::model::dispatch_checkpoint::DispatchCheckpoint;
use crate::model::run::Run;
use crate::table::item::attributes::{Builder, Item, ItemError, Reader};
use crate::table::key;

/// A job's item.
pub fn job(job: &DispatchCheckpoint) -> Item {
    Builder::new(key::job(&job.name))
        .at("startedAt", job.started_at)
        .text_opt("project", job.project.as_ref())
        .int("shard", job.shard)
        .text_opt("after", job.after.as_ref())
        .int("sent", job.sent)
        .int("done", job.done.into())
        .int("revision", job.revision)
        .build()
}

/// A run's item.
pub fn run(run: &Run) -> Item {
    Builder::new(key::run(&run.name))
        .text_opt("operation", run.operation.as_ref())
        .at("startedAt", run.started_at)
        .at("endedAt", run.ended_at)
        .int("count", run.count)
        .int("whole", run.is_whole.into())
        .text_opt("problem", run.problem.as_ref())
        .build()
}

pub(super) fn read_run(r: &Reader<'_>, name: String) -> Result<Run, ItemError> {
    Ok(Run {
        name,
        operation: r.text_opt("operation"),
        started_at: r.at("startedAt")?,
        ended_at: r.at("endedAt")?,
        count: r.int("count")?,
        is_whole: r.int("whole")? != 0,
        problem: r.text_opt("problem"),
    })
}
