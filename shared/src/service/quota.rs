//! Counts a request against its project's quota, if there is one: before its first write, or before its answer where it writes nothing.

use std::future::{Future, ready};
use std::pin::Pin;

use crate::service::app::{App, Budget, Error};
use crate::service::{bucket, retry};
use crate::table::port::{Read, Table};

/// A count under way.
type Passing<'a> = Pin<Box<dyn Future<Output = Result<(), Error>> + Send + 'a>>;

/// Takes a call of the quota, once in a request; what is not counted passes. On the heap, so that the future of each command does not
/// hold this one.
pub fn pass<'a, T: Table>(app: &'a App<T>, budget: &'a Budget<'_>) -> Passing<'a> {
    Box::pin(async move {
        let Some(counted) = budget.meter.begin_count() else { return Ok(()) };
        if budget.meter.project_seen().is_none()
            && let Some(id) = budget.meter.project_named()
        {
            retry::records(app, budget, &[Read::Project(id)]).await?;
        }
        let Some((project_id, Some(rate))) = budget.meter.project_seen() else { return Ok(()) };
        if counted.only.is_some_and(|only| only != project_id) {
            return Ok(());
        }
        let source = ["quota", counted.traffic.name(), &project_id];
        match bucket::take(app, budget, (&source, rate), (&counted.call, counted.now), || ready(Ok(()))).await {
            // A dry run takes nothing.
            Ok(_) | Err(Error::DryRun) => Ok(()),
            Err(error) => Err(error),
        }
    })
}
