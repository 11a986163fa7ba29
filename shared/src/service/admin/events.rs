//! What applications reported. Events are listed day by day, and counted from their keys: the figures are exact at any time, and
//! nothing is counted twice, because nothing is counted but what is there.

use std::collections::BTreeMap;
use std::ops::RangeInclusive;

use ltlm_protocol::Timestamp;
use ltlm_protocol::event_data::{EventData, EventDay};

use crate::model::event::Event;
use crate::model::record::Record;
use crate::service::admin::operation::{page_in, within};
use crate::service::app::{App, Budget, Error};
use crate::service::retry;
use crate::table::port::{List, Read, Table};

/// Pages that one call looks at for events of a type.
const PAGES_MAX: usize = 10;

/// A page of a day's events, newest first, and where the next one starts. With a type it may hold fewer than asked for, even none,
/// and yet have a next one: a call looks at a bounded number of events.
pub async fn list<T: Table>(
    app: &App<T>,
    budget: &Budget<'_>,
    (project_id, day): (&str, i64),
    kind: Option<&str>,
    before: Option<String>,
    limit: i64,
) -> Result<(Vec<EventData>, Option<String>), Error> {
    let (mut found, mut position) = (Vec::new(), before);
    for _ in 0..PAGES_MAX {
        let left = limit - found.len() as i64;
        let list = List::Events(project_id.to_owned(), day);
        let (records, next) = page_in(app, budget, project_id, list, position.clone(), left).await?;
        found.extend(records.iter().filter_map(|record| match record {
            Record::Event(event) if kind.is_none_or(|kind| event.kind == kind) => Some(data(event)),
            _ => None,
        }));
        position = next;
        if position.is_none() || found.len() as i64 >= limit {
            break;
        }
    }
    Ok((found, position))
}

fn data(event: &Event) -> EventData {
    EventData {
        event_id: event.request.clone(),
        kind: event.kind.clone(),
        payload: event.payload.clone(),
        license_hash: event.license.0.clone(),
        hwid: event.hwid.clone(),
        timestamp: event.at.to_string(),
    }
}

/// How many events each day of a range had, by type.
pub async fn counts<T: Table>(
    app: &App<T>,
    budget: &Budget<'_>,
    project_id: &str,
    days: RangeInclusive<i64>,
) -> Result<Vec<EventDay>, Error> {
    let kinds = days.clone().map(|day| Read::EventKinds { project_id: project_id.to_owned(), day });
    let reads: Vec<_> = kinds.chain([Read::Project(project_id.to_owned())]).collect();
    let mut by_day: BTreeMap<i64, BTreeMap<String, i64>> = days.map(|day| (day, BTreeMap::new())).collect();
    for record in within(retry::records(app, budget, &reads).await?)? {
        if let Record::EventKind { day, kind } = record {
            *by_day.entry(day).or_default().entry(kind).or_default() += 1;
        }
    }
    let days = by_day.into_iter().map(|(day, by_type)| EventDay {
        day: Timestamp::of_day(day).to_string().chars().take(10).collect(),
        total: by_type.values().sum(),
        by_type,
    });
    Ok(days.collect())
}
