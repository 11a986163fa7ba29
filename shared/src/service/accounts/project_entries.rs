//! The ledger entries of all accounts of a project. No index holds them together: one would cost every movement a write more. So a
//! call goes from account to account, reads of each what its own list holds, and ends after so many entries or accounts, whatever
//! it found.

use std::collections::{HashMap, VecDeque};

use ltlm_protocol::project_ledger_data::ProjectEntry;

use crate::domain::accounts::state::pool_names;
use crate::model::account::is_account_name;
use crate::model::ids::{AccountId, WalletId};
use crate::model::record::Record;
use crate::model::wallet::entry::Entry;
use crate::service::accounts::{Filter, LOOKED_AT_MAX, project_accounts};
use crate::service::app::{App, Budget, Error};
use crate::service::{accounts, retry};
use crate::table::port::{Read, Table};

/// Accounts that one call begins.
const ACCOUNTS_MAX: usize = 100;
/// Accounts whose ledgers are read together.
const TOGETHER: usize = 10;

/// A place in the walk.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Place {
    /// The account, by name.
    pub account: String,
    /// In its ledger, the entries before this one are left; none if the account is done.
    pub before: Option<i64>,
}

impl Place {
    /// As a text, for a cursor.
    pub fn text(&self) -> String {
        format!("{}:{}", self.before.unwrap_or(0), self.account)
    }

    /// Reads a text.
    pub fn parse(text: &str) -> Option<Self> {
        let (before, account) = text.split_once(':')?;
        let before: i64 = before.parse().ok().filter(|before| *before >= 0)?;
        let id = AccountId { project_id: String::new(), name: account.to_owned() };
        let name = id.pool().map_or(account, |(organization, _)| organization);
        is_account_name(name)
            .then(|| Self { account: account.to_owned(), before: Some(before).filter(|before| *before > 0) })
    }
}

/// An account whose entries are being looked at.
struct Reading {
    account: AccountId,
    /// What was read and not yet looked at, newest first.
    entries: Vec<Entry>,
    /// There may be more behind it.
    more: bool,
}

/// A page of the entries of a project, and the place behind it; none after the last.
pub async fn page<T: Table>(
    app: &App<T>,
    budget: &Budget<'_>,
    project_id: &str,
    filter: &Filter,
    from: Option<Place>,
    limit: usize,
) -> Result<(Vec<ProjectEntry>, Option<Place>), Error> {
    let project = accounts::project(app, budget, project_id).await?;
    let read = filter.read_size(limit);
    let (mut found, mut looked_at, mut begun) = (Vec::new(), 0, 0);
    let mut waiting = VecDeque::new();
    if let Some(Place { account, before: Some(before) }) = &from {
        let account = AccountId { project_id: project.id.clone(), name: account.clone() };
        waiting = ledgers(app, budget, vec![account], Some(*before), read).await?;
    }
    let mut place = from;
    loop {
        let Some(mut reading) = waiting.pop_front() else {
            if begun >= ACCOUNTS_MAX {
                return Ok((found, place));
            }
            let after = place.as_ref().map(|place| place.account.as_str());
            let next = project_accounts::next(app, budget, &project.id, after, TOGETHER).await?;
            if next.is_empty() {
                return Ok((found, None));
            }
            begun += next.len();
            waiting = ledgers(app, budget, next, None, read).await?;
            continue;
        };
        let name = &reading.account.name;
        for entry in std::mem::take(&mut reading.entries) {
            // Later entries were written later: what is before the range ends the search in this account.
            if filter.from.is_some_and(|from| entry.recorded_at < from) {
                reading.more = false;
                break;
            }
            if found.len() == limit || looked_at == LOOKED_AT_MAX {
                return Ok((found, place));
            }
            looked_at += 1;
            place = Some(Place { account: name.clone(), before: Some(entry.sequence) });
            if filter.holds(&entry) {
                let (organization_id, token_type) = pool_names(&reading.account);
                found.push(ProjectEntry {
                    account_id: name.clone(),
                    organization_id,
                    token_type,
                    entry: entry.account_data(),
                });
            }
        }
        match place.as_ref().and_then(|place| place.before).filter(|_| reading.more) {
            Some(before) => {
                let more = ledgers(app, budget, vec![reading.account], Some(before), read).await?;
                more.into_iter().for_each(|reading| waiting.push_front(reading));
            }
            None => place = Some(Place { account: reading.account.name, before: None }),
        }
    }
}

/// The newest entries of these accounts before a place, read together.
async fn ledgers<T: Table>(
    app: &App<T>,
    budget: &Budget<'_>,
    accounts: Vec<AccountId>,
    before: Option<i64>,
    limit: usize,
) -> Result<VecDeque<Reading>, Error> {
    let list =
        |account: &AccountId| Read::Entries { wallet: WalletId::Account(account.clone()), before, limit: limit as i64 };
    let reads: Vec<_> = accounts.iter().map(list).collect();
    let mut of: HashMap<WalletId, Vec<Entry>> = HashMap::new();
    for entry in retry::records(app, budget, &reads).await?.into_iter().filter_map(Record::entry) {
        of.entry(entry.wallet.clone()).or_default().push(entry);
    }
    let reading = |account: AccountId| {
        let entries = of.remove(&WalletId::Account(account.clone())).unwrap_or_default();
        Reading { account, more: entries.len() >= limit, entries }
    };
    Ok(accounts.into_iter().map(reading).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_reads_back_and_nothing_else_does() {
        for (account, before) in [("u", None), ("u", Some(7)), ("a:b/c d", Some(1)), ("acme/general", None)] {
            let place = Place { account: account.to_owned(), before };
            assert_eq!(Place::parse(&place.text()), Some(place));
        }
        for bad in ["", "u", "7", "-1:u", "x:u", "7:", "7:.", "0:\u{1}", "0:/general"] {
            assert_eq!(Place::parse(bad), None, "{bad}");
        }
    }
}
