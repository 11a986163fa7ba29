//! A walk over all accounts of a project: its own by name, and then the pools of its organizations. Only names are
//! read, from the index of lists; an account that was created a moment ago can be missing.

use crate::model::ids::{AccountId, OrganizationId};
use crate::model::record::Record;
use crate::model::token_type::TokenType;
use crate::service::app::{App, Budget, Error};
use crate::service::retry;
use crate::table::port::{List, Read, Table};

/// The next accounts of a project, at most `limit`, behind the one called `after`; none at the end. One list is read, or two where
/// the accounts end and the pools begin.
pub async fn next<T: Table>(
    app: &App<T>,
    budget: &Budget<'_>,
    project_id: &str,
    after: Option<&str>,
    limit: usize,
) -> Result<Vec<AccountId>, Error> {
    let last = after.map(|name| AccountId { project_id: project_id.to_owned(), name: name.to_owned() });
    let mut found = Vec::new();
    let mut organization = None;
    match last.as_ref().and_then(AccountId::pool) {
        Some((name, kind)) => {
            let id = OrganizationId { project_id: project_id.to_owned(), name: name.to_owned() };
            let rest = TokenType::ALL.iter().skip_while(|other| **other != kind).skip(1);
            found.extend(rest.map(|kind| id.pool(*kind)));
            organization = Some(id.name);
        }
        None => {
            let list = List::Accounts(project_id.to_owned());
            let accounts = named(app, budget, list, after, limit).await?;
            found.extend(accounts.into_iter().filter_map(Record::account).map(|account| account.id));
        }
    }
    if found.len() < limit {
        let wanted = (limit - found.len()).div_ceil(TokenType::ALL.len());
        let list = List::Organizations(project_id.to_owned());
        let organizations = named(app, budget, list, organization.as_deref(), wanted).await?;
        let pools = organizations.into_iter().filter_map(Record::organization);
        found.extend(pools.flat_map(|organization| TokenType::ALL.iter().map(move |kind| organization.id.pool(*kind))));
    }
    found.truncate(limit);
    Ok(found)
}

async fn named<T: Table>(
    app: &App<T>,
    budget: &Budget<'_>,
    list: List,
    after: Option<&str>,
    limit: usize,
) -> Result<Vec<Record>, Error> {
    let read = [Read::Named { list, begins: None, after: after.map(str::to_owned), limit: limit as i64 }];
    retry::records(app, budget, &read).await
}
