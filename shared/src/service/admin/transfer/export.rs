//! The pages of an export. It reads and changes nothing; what is written in the meantime may or may not be in it, so a
//! project that moves is suspended first.

use std::collections::BTreeMap;

use futures_util::future::try_join3;
use ltlm_protocol::{Timestamp, limits, transfer as file};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::domain::admin::transfer;
use crate::model::ids::LicenseId;
use crate::model::project::Project;
use crate::model::record::Record;
use crate::model::write::wallet_of;
use crate::service::admin::operation::{find, page};
use crate::service::app::{App, Budget, Error};
use crate::service::retry;
use crate::service::webhooks::delivery;
use crate::table::key::position;
use crate::table::port::{List, Read, Table, Walk, Walked};
use crate::table::transfer as lines;

/// Rows of a list that are read at once.
const ROWS: i64 = 50;
/// Parts of walks that make up one page: each reads at most a megabyte of the table, which bounds the cost of a page.
const PARTS_MAX: usize = 40;
/// Kept of the budget, in milliseconds, for what was begun.
const RESERVE_MS: u64 = 2_000;

/// Where a page starts.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum Place {
    /// At the header.
    #[default]
    Start,
    /// Among the policies, before this position.
    Policies(Option<String>),
    /// Among the licenses, before this position.
    Licenses(Option<String>),
    /// Within a license: its hash, its position, the part, and where in it.
    Within(String, String, Part, Option<String>),
    /// Among the orders, before this position.
    Orders(Option<String>),
    /// At the webhooks.
    Webhooks,
    /// Among all else.
    Rest(Option<String>),
}

/// A part of what there is of a license.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Part {
    /// The items stored with it.
    Items,
    /// Its ledger.
    Ledger,
    /// Its events.
    Events,
}

impl Part {
    fn walk(self, license: &LicenseId) -> Walk {
        match self {
            Self::Items => Walk::License(license.clone()),
            Self::Ledger => Walk::Ledger(wallet_of(license)),
            Self::Events => Walk::Events(license.clone()),
        }
    }

    fn next(self) -> Option<Self> {
        match self {
            Self::Items => Some(Self::Ledger),
            Self::Ledger => Some(Self::Events),
            Self::Events => None,
        }
    }
}

impl Place {
    /// As a text, for a cursor.
    pub fn text(&self) -> String {
        serde_json::to_string(self).unwrap_or_default()
    }

    /// Reads a text.
    pub fn parse(text: &str) -> Option<Self> {
        serde_json::from_str(text).ok()
    }
}

/// A page of a project's export, and where the next one starts; none after the last. `with_sealed`: with what the project's sealing
/// key sealed.
pub async fn export<T: Table>(
    app: &App<T>,
    budget: &Budget<'_>,
    project_id: &str,
    with_sealed: bool,
    from: Place,
    now: Timestamp,
) -> Result<(Vec<Value>, Option<Place>), Error> {
    let project = find(app, budget, &[Read::Project(project_id.to_owned())]).await?.project()?.clone();
    let (mut page, mut bytes, mut place) = (Vec::new(), 0, Some(from));
    for _ in 0..PARTS_MAX {
        let Some(here) = place.take() else { break };
        if here == Place::Start {
            page.push(header(&project, now));
        }
        let (records, next) = Box::pin(part(app, budget, &project, here)).await?;
        for record in records {
            let Some(line) = lines::line(&transfer::without_keys(record, with_sealed)) else { continue };
            bytes += line.to_string().len();
            page.push(line);
        }
        place = next;
        let is_late = app.sleep.elapsed_ms() + RESERVE_MS >= budget.until_ms;
        if bytes >= limits::EXPORT_PAGE_BYTES || is_late {
            break;
        }
    }
    Ok((page, place))
}

fn header(project: &Project, now: Timestamp) -> Value {
    json!({
        "kind": file::HEADER,
        "format": file::FORMAT,
        "version": file::VERSION,
        "projectId": project.id,
        "exportedAt": now.to_string(),
    })
}

/// The items at a position, and the next position.
async fn part<T: Table>(
    app: &App<T>,
    budget: &Budget<'_>,
    project: &Project,
    here: Place,
) -> Result<(Vec<Record>, Option<Place>), Error> {
    let id = || project.id.clone();
    Ok(match here {
        Place::Start => (vec![Record::Project(project.clone())], Some(Place::Policies(None))),
        Place::Policies(before) => {
            let (found, next) = page(app, budget, List::Policies(id()), before, ROWS).await?;
            (found, Some(next.map_or(Place::Licenses(None), |next| Place::Policies(Some(next)))))
        }
        Place::Licenses(before) => {
            let (found, _) = page(app, budget, List::Licenses(id()), before, 1).await?;
            match found.into_iter().next() {
                Some(listed) => license(app, budget, &listed).await?,
                None => (Vec::new(), Some(Place::Orders(None))),
            }
        }
        Place::Within(hash, position, part, after) => {
            let license = LicenseId(hash);
            // A cursor is the caller's: it may name any license.
            let found = retry::records(app, budget, &[Read::License(license.clone())]).await?;
            let is_ours =
                found.into_iter().find_map(Record::license).is_some_and(|found| found.project_id == project.id);
            match is_ours {
                true => {
                    let walked = walk(app, budget, &part.walk(&license), after.as_deref()).await?;
                    let next = within(&license, &position, part, walked.next);
                    (beside(walked.records), Some(next))
                }
                false => (Vec::new(), Some(Place::Licenses(Some(position)))),
            }
        }
        Place::Orders(before) => {
            let (found, next) = page(app, budget, List::Orders(id()), before, ROWS).await?;
            (found, Some(next.map_or(Place::Webhooks, |next| Place::Orders(Some(next)))))
        }
        Place::Webhooks => {
            let found = delivery::webhooks(app, budget, &project.id).await?;
            (found.into_iter().map(Record::Webhook).collect(), Some(Place::Rest(None)))
        }
        Place::Rest(after) => {
            let walked = walk(app, budget, &Walk::Project(id()), after.as_deref()).await?;
            let found = payments(app, budget, &project.id, walked.records).await?;
            (found, walked.next.map(|next| Place::Rest(Some(next))))
        }
    })
}

/// The place behind a part of a part.
fn within(license: &LicenseId, position: &str, part: Part, next: Option<String>) -> Place {
    let go_on = |part, after| Place::Within(license.0.clone(), position.to_owned(), part, after);
    match (next, part.next()) {
        (Some(next), _) => go_on(part, Some(next)),
        (None, Some(part)) => go_on(part, None),
        (None, None) => Place::Licenses(Some(position.to_owned())),
    }
}

/// The items stored with a license's own record, which comes before them; its place in the customer's list is derived.
fn beside(records: Vec<Record>) -> Vec<Record> {
    records.into_iter().filter(|record| !matches!(record, Record::License(_) | Record::BuyerListing(_))).collect()
}

/// A license with as much as fits of what there is of it. Of most licenses that is all, by one round trip.
async fn license<T: Table>(
    app: &App<T>,
    budget: &Budget<'_>,
    listed: &Record,
) -> Result<(Vec<Record>, Option<Place>), Error> {
    let (Record::Listing(listing), Some(position)) = (listed, position(listed)) else { return Ok((Vec::new(), None)) };
    let id = &listing.license;
    let parts = [Part::Items, Part::Ledger, Part::Events];
    let [items, ledger, events] = parts.map(|part| part.walk(id));
    let walked =
        try_join3(walk(app, budget, &items, None), walk(app, budget, &ledger, None), walk(app, budget, &events, None));
    let (items, ledger, events) = walked.await?;
    let own: Vec<_> = match items.next {
        None => items.records.iter().filter(|record| matches!(record, Record::License(_))).cloned().collect(),
        Some(_) => retry::records(app, budget, &[Read::License(id.clone())]).await?,
    };
    let mut page = own;
    let mut bytes = 0;
    for (part, walked) in parts.into_iter().zip([items, ledger, events]) {
        let Walked { records, next, bytes: more } = walked;
        // What does not fit on the page any more is read again for the next one.
        if bytes > 0 && bytes + more > limits::EXPORT_PAGE_BYTES {
            return Ok((page, Some(Place::Within(id.0.clone(), position, part, None))));
        }
        bytes += more;
        page.extend(beside(records));
        if next.is_some() {
            return Ok((page, Some(within(id, &position, part, next))));
        }
    }
    Ok((page, Some(Place::Licenses(Some(position)))))
}

/// Leaves out payments of other projects, which only their orders identify, and payments without an order.
async fn payments<T: Table>(
    app: &App<T>,
    budget: &Budget<'_>,
    project_id: &str,
    records: Vec<Record>,
) -> Result<Vec<Record>, Error> {
    let of = |record: &Record| match record {
        Record::Payment(payment) => payment.order.clone(),
        _ => None,
    };
    let reads: Vec<_> = records.iter().filter_map(of).map(Read::Order).collect();
    let found = if reads.is_empty() { Vec::new() } else { retry::records(app, budget, &reads).await? };
    let orders: BTreeMap<_, _> =
        found.into_iter().filter_map(Record::order).map(|order| (order.id, order.project_id)).collect();
    let is_ours = |record: &Record| match record {
        Record::Payment(_) => {
            of(record).and_then(|id| orders.get(&id).cloned()).is_some_and(|found| found == project_id)
        }
        _ => true,
    };
    Ok(records.into_iter().filter(is_ours).collect())
}

async fn walk<T: Table>(app: &App<T>, budget: &Budget<'_>, walk: &Walk, after: Option<&str>) -> Result<Walked, Error> {
    retry::read(app, budget, || async { Ok(app.table.walk(walk, after, budget.meter).await?) }).await
}
