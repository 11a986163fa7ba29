//! Searching a project's licenses.

use std::collections::HashMap;

use futures_util::future::try_join_all;
use ltlm_protocol::admin_data::{LicenseBuyer, LicenseSummary};
use ltlm_protocol::{Timestamp, int32};

use crate::domain::license::terms::Terms;
use crate::keys::{Key32, Purpose, seal};
use crate::model::email::Email;
use crate::model::ids::LicenseId;
use crate::model::license::{License, Listing};
use crate::model::policy::Policy;
use crate::model::project::Project;
use crate::model::record::Record;
use crate::service::admin::operation::{find, newest};
use crate::service::app::{App, Budget, Error};
use crate::service::retry;
use crate::table::key::numbered_sort;
use crate::table::port::{List, Read, Table};

/// Licenses looked at in one go.
const PAGE: i64 = 100;
/// Pages looked at by one call before it answers with what it has.
const PAGES_MAX: usize = 10;

/// What is searched for; everything that is given must hold.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Search {
    /// The customer's e-mail, in any spelling.
    pub email: Option<Email>,
    /// The policy's number.
    pub policy: Option<i64>,
    /// The status in answers, such as `grace_period`.
    pub status: Option<String>,
    /// Paid for with test money, or not.
    pub test: Option<bool>,
}

/// A page of the project's licenses that match, newest first, and where the next one starts. A page may hold fewer than
/// asked for, even none, and yet have a next one: a call looks at a bounded number of licenses.
pub async fn search<T: Table>(
    app: &App<T>,
    budget: &Budget<'_>,
    project_id: &str,
    search: &Search,
    before: Option<String>,
    limit: i64,
    now: Timestamp,
) -> Result<(Vec<LicenseSummary>, Option<String>), Error> {
    let project = find(app, budget, &[Read::Project(project_id.to_owned())]).await?.project()?.clone();
    let sealing = app.unwrap(&project.id, Purpose::Sealing, &project.wrapped.sealing).await?;
    let lists: Vec<_> = match &search.email {
        Some(email) => email.spellings().into_iter().map(|email| List::Buyer(project_id.to_owned(), email)).collect(),
        None => vec![List::Licenses(project_id.to_owned())],
    };
    let (mut rows, mut before, mut policies) = (Vec::new(), before, HashMap::new());
    for _ in 0..PAGES_MAX {
        let (records, next) = newest(app, budget, &lists, before.take(), PAGE).await?;
        let licenses = licenses(app, budget, &records).await?;
        learn(app, budget, &licenses, &mut policies).await?;
        for (license, listing) in licenses {
            let Some(policy) = policies.get(&license.policy_number) else { continue };
            let place = numbered_sort(license.number);
            if let Some(row) = row(&project, policy, &license, search, now, &listing, &sealing)? {
                rows.push(row);
            }
            if rows.len() as i64 == limit {
                return Ok((rows, Some(place)));
            }
        }
        before = next;
        if before.is_none() {
            break;
        }
    }
    Ok((rows, before))
}

/// The licenses of a page of a list, as they are, with their places in the project's list; in the page's order.
async fn licenses<T: Table>(
    app: &App<T>,
    budget: &Budget<'_>,
    records: &[Record],
) -> Result<Vec<(License, Listing)>, Error> {
    let ids: Vec<&LicenseId> = records
        .iter()
        .filter_map(|record| match record {
            Record::Listing(listing) => Some(&listing.license),
            Record::BuyerListing(listing) => Some(&listing.license),
            _ => None,
        })
        .collect();
    let reads: Vec<_> =
        ids.iter().flat_map(|id| [Read::License((*id).clone()), Read::Listing((*id).clone())]).collect();
    let read = || async { Ok(app.table.read(&reads, budget.meter).await?) };
    let (mut facts, mut places) = (HashMap::new(), HashMap::new());
    if !reads.is_empty() {
        for record in retry::read(app, budget, read).await? {
            match record {
                Record::License(license) => drop(facts.insert(license.id.clone(), license)),
                Record::Listing(listing) => drop(places.insert(listing.license.clone(), listing)),
                _ => {}
            }
        }
    }
    Ok(ids.into_iter().filter_map(|id| facts.remove(id).zip(places.remove(id))).collect())
}

/// Reads the policies that are not known yet.
async fn learn<T: Table>(
    app: &App<T>,
    budget: &Budget<'_>,
    licenses: &[(License, Listing)],
    policies: &mut HashMap<i64, Policy>,
) -> Result<(), Error> {
    let mut unknown: Vec<_> = licenses.iter().map(|(license, _)| license.policy_number).collect();
    unknown.sort_unstable();
    unknown.dedup();
    unknown.retain(|number| !policies.contains_key(number));
    let reads: Vec<_> = unknown.into_iter().map(|number| [Read::Policy(number)]).collect();
    for found in try_join_all(reads.iter().map(|read| find(app, budget, read))).await? {
        policies.extend(found.policy.map(|policy| (policy.number, policy)));
    }
    Ok(())
}

/// The row of a license, if it is searched for.
fn row(
    project: &Project,
    policy: &Policy,
    license: &License,
    search: &Search,
    now: Timestamp,
    listing: &Listing,
    sealing: &Key32,
) -> Result<Option<LicenseSummary>, Error> {
    let status = license.status(&Terms::resolve(project, policy, license), now).wire();
    let matches = search.status.as_deref().is_none_or(|wanted| wanted == status)
        && search.test.is_none_or(|wanted| wanted == license.is_test)
        && search.policy.is_none_or(|wanted| wanted == license.policy_number)
        // The list may lag a moment behind a change of the e-mail.
        && search.email.as_ref().is_none_or(|wanted| *wanted == Email::of_kept(&license.buyer.email));
    if !matches {
        return Ok(None);
    }
    Ok(Some(LicenseSummary {
        license_id: int32(license.number),
        policy_id: int32(license.policy_number),
        license_key: seal::open_if_any(sealing, &license.id.0, &listing.sealed)?.unwrap_or_default(),
        status: status.to_owned(),
        state: license.state.wire().to_owned(),
        valid_until: license.valid_until.map(|end| end.to_string()),
        devices: int32(license.device_count),
        test: license.is_test,
        customer: LicenseBuyer { email: license.buyer.email.clone(), name: license.buyer.name.clone() },
        created_at: license.created_at.to_string(),
    }))
}
