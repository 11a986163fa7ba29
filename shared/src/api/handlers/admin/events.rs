//! What applications reported: listed, and counted by type and day.

use ltlm_protocol::event_data::{EventCounts, EventList};
use ltlm_protocol::{Code, Problems, Timestamp, limits};

use crate::api::extract::Incoming;
use crate::api::reply::{Failure, Reply};
use crate::service::admin::events as service;
use crate::table::port::Table;

/// A day of UTC in the query, as `2027-01-31`, counted from 1970-01-01.
fn day<T>(incoming: &Incoming<'_, T>, name: &str) -> Result<Option<i64>, Failure> {
    let Some(text) = incoming.query(name) else { return Ok(None) };
    let day = Timestamp::parse_day(&text);
    day.map(Some).ok_or_else(|| Problems::one(name, "must be a day such as 2027-01-31").into())
}

/// `GET …/events`
pub async fn list<T: Table>(incoming: &Incoming<'_, T>) -> Result<Reply, Failure> {
    let (project, before, limit) = (incoming.project()?, incoming.cursor()?, incoming.query_limit()?);
    let day = day(incoming, "day")?.unwrap_or(incoming.now.day());
    let kind = incoming.query_text("type", limits::ACTION_CHARS_MAX)?;
    let (events, next) =
        service::list(incoming.app, incoming.budget, (project, day), kind.as_deref(), before, limit).await?;
    Ok(Reply::json(&EventList { events, next_cursor: incoming.next_cursor(next) }))
}

/// `GET …/event-counts`
pub async fn counts<T: Table>(incoming: &Incoming<'_, T>) -> Result<Reply, Failure> {
    let project = incoming.project()?;
    let to = day(incoming, "to")?.unwrap_or(incoming.now.day());
    let from = day(incoming, "from")?.unwrap_or(to - limits::EVENT_DAYS_DEFAULT + 1);
    if from > to {
        return Err(Failure::new(Code::RangeReversed));
    }
    if to - from >= limits::EVENT_DAYS_MAX {
        return Err(Failure::new(Code::RangeTooLong).value("max", limits::EVENT_DAYS_MAX.to_string()));
    }
    let days = service::counts(incoming.app, incoming.budget, project, from..=to).await?;
    Ok(Reply::json(&EventCounts { days }))
}
