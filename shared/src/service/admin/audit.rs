//! The audit log: who did what, when and from where.

use crate::model::administrator::{AdminOperation, Administrator};
use crate::model::record::Record;
use crate::service::admin::operation::page;
use crate::service::app::{App, Budget, Error};
use crate::table::port::{List, Table};

/// A page of the log.
pub async fn list<T: Table>(
    app: &App<T>,
    budget: &Budget<'_>,
    by: &Administrator,
    before: Option<String>,
    limit: i64,
) -> Result<(Vec<AdminOperation>, Option<String>), Error> {
    by.may_everywhere()?;
    let (records, next) = page(app, budget, List::Audit, before, limit).await?;
    let acts = records.into_iter().filter_map(Record::admin_operation);
    Ok((acts.collect(), next))
}
