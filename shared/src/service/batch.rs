//! Uses in a batch: several licenses at once, as many transactions as it takes.

use std::collections::BTreeSet;
use std::sync::atomic::{AtomicBool, Ordering};

use futures_util::future::{join, try_join_all};
use ltlm_protocol::request::{ConsumeBatch, Usage};
use ltlm_protocol::{LicenseData, Timestamp};
use serde_json::json;

use super::license::Request;
use super::load::{self, Beside, Wanted};
use super::{App, Budget, Error, act, fingerprint, ids};
use crate::domain::consume_batch::{self, Batch, BatchState, Item};
use crate::domain::entry::{OperationId, Origin};
use crate::domain::license::LicenseId;
use crate::domain::write::wallet_of;
use crate::domain::{Denied, LicenseState};
use crate::table::{Read, Table};

/// The operation id of a batch.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BatchKey {
    /// The id.
    pub id: String,
    /// Did the caller choose it?
    pub is_named: bool,
    /// Hash of the request.
    pub fingerprint: String,
}

/// Charges a batch whole, once.
pub async fn consume<T: Table>(
    app: &App<T>,
    budget: &Budget<'_>,
    request: &Request,
    command: &ConsumeBatch,
    key: &BatchKey,
) -> Result<LicenseData, Error> {
    let batch = batch(app, request, command, key);
    // Once a reply is lost, the ledger alone tells which uses of this request are charged.
    let again = AtomicBool::new(false);
    let load = || load(app, budget, request, &batch, again.swap(true, Ordering::Relaxed));
    let mut state = None;
    loop {
        let next =
            act::act_on(app, budget, state, load, |state| consume_batch::decide(state, &request.call, &batch)).await?;
        if next.is_done(&batch) {
            return Ok(consume_batch::answer(&next, &request.call, &batch));
        }
        state = Some(next);
    }
}

/// Names and hashes the uses.
fn batch<T>(app: &App<T>, request: &Request, command: &ConsumeBatch, key: &BatchKey) -> Batch {
    let mut prefix = String::new();
    let items = command.usages.iter().enumerate().map(|(index, usage)| {
        prefix = ids::sha256_hex(format!("{prefix}{}", usage.content).as_bytes());
        item(request, command, key, index, usage, prefix.clone())
    });
    let items = items.collect();
    Batch {
        request: ids::operation_id(request.call.now, app.entropy.as_ref()),
        is_named: key.is_named,
        fingerprint: key.fingerprint.clone(),
        items,
    }
}

fn item(
    request: &Request,
    command: &ConsumeBatch,
    key: &BatchKey,
    index: usize,
    usage: &Usage,
    prefix: String,
) -> Item {
    let license = usage.key.as_deref().unwrap_or(&request.call.key);
    let own_id = usage.charge.as_ref().ok().and_then(|charge| charge.operation_id.clone());
    let fingerprint = match (&own_id, &usage.charge) {
        // What the use would have sent by itself.
        (Some(_), Ok(charge)) => {
            let body =
                json!({"hwid": command.hwid, "amount": charge.amount, "action": charge.action, "meta": charge.meta});
            fingerprint::of("consume", license, &body)
        }
        _ => key.fingerprint.clone(),
    };
    // No caller's id has a space in it.
    let id = own_id.clone().unwrap_or_else(|| format!("{} {index}", key.id));
    Item {
        license: ids::license_id(license),
        operation: OperationId { origin: Origin::Client, id },
        own_id,
        fingerprint,
        prefix,
        occurred_at: Timestamp::parse(&usage.timestamp),
        charge: usage.charge.clone(),
    }
}

async fn load<T: Table>(
    app: &App<T>,
    budget: &Budget<'_>,
    request: &Request,
    batch: &Batch,
    again: bool,
) -> Result<BatchState, Error> {
    let wanted = request.wanted(None, Beside::Everything);
    let own = wanted.license.clone();
    let records = async {
        let reads = reads(request, batch, &own, again);
        match reads.is_empty() {
            true => Ok(Vec::new()),
            false => app.table.read(&reads, budget.meter).await.map_err(Error::from),
        }
    };
    let (license, records) = join(load::license(app, budget, &wanted), records).await;
    let names: BTreeSet<_> = batch
        .items
        .iter()
        .filter(|item| item.charge.is_ok())
        .map(|item| &item.license)
        .filter(|id| **id != own)
        .collect();
    let others = try_join_all(names.into_iter().map(|id| other(app, budget, request, id))).await?;
    let mut state = BatchState::new(license?, others.into_iter().flatten().collect());
    records?.into_iter().for_each(|record| state.absorb(record));
    Ok(state)
}

/// What tells which uses are charged already.
fn reads(request: &Request, batch: &Batch, own: &LicenseId, again: bool) -> Vec<Read> {
    let can_be_known = |item: &&Item| item.charge.is_ok() && (item.own_id.is_some() || batch.is_named || again);
    let names: BTreeSet<_> =
        batch.items.iter().filter(can_be_known).map(|item| (&item.license, &item.operation)).collect();
    let entries = names.into_iter().map(|(license, id)| Read::Entry(wallet_of(license), id.clone()));
    let memory = request.call.caller.hwid.iter().filter(|_| batch.needs_memory());
    memory.map(|hwid| Read::BatchMemory(own.clone(), hwid.clone())).chain(entries).collect()
}

/// Another license that a use names; `None` if the project has no such license.
async fn other<T: Table>(
    app: &App<T>,
    budget: &Budget<'_>,
    request: &Request,
    license: &LicenseId,
) -> Result<Option<LicenseState>, Error> {
    let wanted = Wanted { license: license.clone(), ..request.wanted(None, Beside::Nothing) };
    match load::license(app, budget, &wanted).await {
        Ok(state) => Ok(Some(state)),
        Err(Error::Denied(Denied::LicenseNotFound)) => Ok(None),
        Err(error) => Err(error),
    }
}
