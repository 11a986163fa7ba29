//! What is asked of all accounts of a project together: their ledger entries, what is due to them, and an erasure.

use ltlm_protocol::project_ledger_data::{DueAccounts, ProjectEntries};
use ltlm_protocol::{Body, limits};

use crate::api::cursor;
use crate::api::extract::Incoming;
use crate::api::handlers::accounts::{cursor_of, instant, place, project, range};
use crate::api::reply::{Failure, Reply};
use crate::domain::accounts::erasure::Erase;
use crate::service::accounts::{Filter, due, erasure, project_entries, renewals};
use crate::service::ledger::Span;
use crate::table::port::Table;

/// `GET /v1/entries`
pub async fn entries<T: Table>(incoming: &Incoming<'_, T>) -> Result<Reply, Failure> {
    let project_id = project(incoming)?;
    let operation_type = incoming.query_text("type", limits::ACTION_CHARS_MAX)?;
    let Span { from, to } = range(incoming)?;
    let filter = Filter { operation_type, from, to };
    let behind = place(incoming, &project_id)?;
    let behind = behind.map(|text| project_entries::Place::parse(&text).ok_or_else(cursor::problem)).transpose()?;
    let limit = usize::try_from(incoming.query_limit()?).unwrap_or(0);
    let (entries, next) =
        project_entries::page(incoming.app, incoming.budget, &project_id, &filter, behind, limit).await?;
    let next_cursor = cursor_of(incoming, &project_id, next.map(|place| place.text()));
    Ok(Reply::json(&ProjectEntries { entries, next_cursor }))
}

/// `GET /v1/renewals/due`
pub async fn due<T: Table>(incoming: &Incoming<'_, T>) -> Result<Reply, Failure> {
    let project_id = project(incoming)?;
    let tier = incoming.query_text("tier", limits::NAME_CHARS_MAX)?;
    let by = instant(incoming, "by")?.unwrap_or(incoming.now);
    let from = place(incoming, &project_id)?;
    let from = from.map(|text| renewals::Place::parse(&text).ok_or_else(cursor::problem)).transpose()?;
    let limit = usize::try_from(incoming.query_limit()?).unwrap_or(0);
    let from = from.unwrap_or_default();
    let (accounts, next) =
        due::page(incoming.app, incoming.budget, &project_id, tier.as_deref(), by, from, limit).await?;
    Ok(Reply::json(&DueAccounts {
        accounts,
        next_cursor: cursor_of(incoming, &project_id, next.map(|place| place.text())),
    }))
}

/// `POST /v1/entries/erasure`
pub async fn erase<T: Table>(incoming: &Incoming<'_, T>) -> Result<Reply, Failure> {
    let project_id = project(incoming)?;
    let body = incoming.json()?;
    let command = Erase::parse(&body)?;
    let operation = incoming.operation(&project_id, &body, command.operation_id.as_ref(), Erase::parse)?;
    let key = operation.key();
    let (erasure, replayed) =
        erasure::go_on(incoming.app, incoming.budget, &project_id, &key, command.before, incoming.now).await?;
    Ok(Reply::json(&erasure.data()).operation(&key.id.id, replayed))
}
