//! The accounts of a project to which an allocation is due. The index nominates, also those in which only something ends; what is
//! there decides.

use std::collections::HashMap;

use ltlm_protocol::Timestamp;
use ltlm_protocol::project_ledger_data::DueAccount;

use crate::domain::accounts::due;
use crate::domain::accounts::state::AccountState;
use crate::model::account::Account;
use crate::model::ids::{AccountId, WalletId};
use crate::model::record::Record;
use crate::model::wallet::Wallet;
use crate::service::accounts::renewals::{self, Place};
use crate::service::app::{App, Budget, Error};
use crate::service::{accounts, retry};
use crate::table::port::{Read, Table};

/// Parts of the index that one call reads: after so many a page ends, whatever it found.
const READS_MAX: usize = 10;

/// A page of the accounts to which an allocation is due by the instant `by`, on the plan `tier` if one is named, and the place behind
/// it; none after the last.
pub async fn page<T: Table>(
    app: &App<T>,
    budget: &Budget<'_>,
    project_id: &str,
    tier: Option<&str>,
    by: Timestamp,
    from: Place,
    limit: usize,
) -> Result<(Vec<DueAccount>, Option<Place>), Error> {
    let project = accounts::project(app, budget, project_id).await?;
    let (mut found, mut place) = (Vec::new(), Some(from));
    for _ in 0..READS_MAX {
        let Some(here) = place.take() else { return Ok((found, None)) };
        let (nominated, next) = renewals::nominated(app, budget, project_id, &here, by, limit - found.len()).await?;
        place = next;
        let ids = nominated.into_iter().filter_map(|due| match due.wallet {
            WalletId::Account(id) => Some(id),
            WalletId::License(_) => None,
        });
        let ids: Vec<AccountId> = ids.collect();
        let reads = ids.iter().flat_map(|id| [Read::Account(id.clone()), Read::Wallet(WalletId::Account(id.clone()))]);
        let reads: Vec<_> = reads.collect();
        let (mut accounts, mut wallets): (HashMap<AccountId, Account>, HashMap<WalletId, Wallet>) = Default::default();
        if !reads.is_empty() {
            for record in retry::records(app, budget, &reads).await? {
                match record {
                    Record::Account(account) => drop(accounts.insert(account.id.clone(), account)),
                    Record::Wallet(wallet) => drop(wallets.insert(wallet.id.clone(), wallet)),
                    _ => {}
                }
            }
        }
        for id in ids {
            let Some(account) = accounts.remove(&id) else { continue };
            let wallet = wallets.remove(&WalletId::Account(id));
            let state = AccountState::new(project.clone(), Some(account), wallet);
            let due = due::due(&state, by)?;
            found.extend(due.filter(|due| tier.is_none_or(|tier| tier == due.tier)));
        }
        if found.len() >= limit {
            break;
        }
    }
    Ok((found, place))
}
