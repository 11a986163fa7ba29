//! Uses in a batch: several licenses at once, in as many transactions as necessary.

use std::collections::BTreeSet;
use std::future::Future;
use std::ops::Range;
use std::sync::atomic::{AtomicBool, Ordering};

use futures_util::future::{join, try_join_all};
use ltlm_protocol::request::{Consume, ConsumeBatch, Usage};
use ltlm_protocol::{Body, LicenseData, Timestamp, limits};
use serde_json::json;

use crate::domain::license::consume_batch::{self, Batch, BatchState, Item, Progress};
use crate::domain::license::state::LicenseState;
use crate::domain::pro::nonce::NonceUse;
use crate::domain::throttle::Limited;
use crate::model::ids::{BatchOwner, LicenseId, OperationId, Origin};
use crate::model::write::wallet_of;
use crate::service::app::{App, Budget, Error};
use crate::service::license::load;
use crate::service::license::load_spec::{Include, LoadSpec, SeatSearch};
use crate::service::license::request::Request;
use crate::service::pro::signer::{self, SignerCell};
use crate::service::{fingerprint, ids, transact};
use crate::table::port::{Read, Table};

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

/// How a batch came in an envelope.
#[derive(Clone, Copy, Debug)]
pub struct Sealed<'a> {
    /// Its turn in the device's chain.
    pub turn: &'a NonceUse,
    /// Where what signs the answer is left.
    pub signer: &'a SignerCell,
}

/// Charges a batch whole, once.
///
/// A call charges at most [`limits::BATCH_USAGES_MAX`] uses, and begins none when its time is up.
///
/// # Errors
///
/// [`Error::Busy`] if uses are left. The charged uses are recorded, so that the same batch, sent again, continues after
/// them.
pub async fn consume<T: Table>(
    app: &App<T>,
    budget: &Budget<'_>,
    request: &Request,
    command: &ConsumeBatch,
    key: &BatchKey,
    sealed: Option<Sealed<'_>>,
) -> Result<LicenseData, Error> {
    let batch = batch(app, request, command, key, sealed.map(|sealed| sealed.turn));
    // Once a reply is lost, the ledger alone tells which uses of this request are charged.
    let again = AtomicBool::new(false);
    let own = ids::license_id(&request.call.key);
    let (mut progress, mut charged) = (Progress::default(), 0);
    loop {
        let from = progress.count();
        let window = batch.window(from, limits::BATCH_USAGES_MAX - charged, &own);
        let load = || async {
            let again = again.swap(true, Ordering::Relaxed);
            let state = load(app, budget, request, &batch, &window, &progress, again).await?;
            if let Some(Sealed { signer, .. }) = sealed {
                signer::find_signer(app, signer, &state.license).await?;
            }
            Ok(state)
        };
        let next = charge(app, budget, request, &batch, load).await?;
        if next.is_done(&batch) {
            return Ok(consume_batch::answer(&next, &request.call, &batch));
        }
        charged += next.progress.charged_since(from);
        progress = next.progress;
        again.store(false, Ordering::Relaxed);
        if charged >= limits::BATCH_USAGES_MAX {
            return Err(unfinished(&batch, &progress));
        }
    }
}

/// Charges the uses of a window, a transaction's worth at a time.
async fn charge<T: Table, F>(
    app: &App<T>,
    budget: &Budget<'_>,
    request: &Request,
    batch: &Batch,
    load: impl Fn() -> F,
) -> Result<BatchState, Error>
where
    F: Future<Output = Result<BatchState, Error>>,
{
    let mut state = None;
    loop {
        let decide = |state: &BatchState| consume_batch::decide(state, &request.call, batch);
        let next = transact::act_on(app, budget, state, &load, decide).await?;
        if next.is_past_window() {
            return Ok(next);
        }
        if app.sleep.elapsed_ms() >= budget.until_ms {
            return Err(unfinished(batch, &next.progress));
        }
        state = Some(next);
    }
}

/// What a call says that leaves uses for the next one.
fn unfinished(batch: &Batch, progress: &Progress) -> Error {
    Error::Busy(format!("{} of {} uses of a batch are done with", progress.count(), batch.items.len()).into())
}

/// Names and hashes the uses.
fn batch<T>(app: &App<T>, request: &Request, command: &ConsumeBatch, key: &BatchKey, turn: Option<&NonceUse>) -> Batch {
    let mut prefix = String::new();
    let items = command.usages.iter().enumerate().map(|(index, usage)| {
        prefix = ids::sha256_hex(format!("{prefix}{}", usage.content).as_bytes());
        item(request, command, key, index, usage, prefix.clone())
    });
    let items = items.collect();
    Batch {
        // In an envelope the request has a name already, by which its turn is known too.
        request: turn
            .map_or_else(|| ids::operation_id(request.call.now, app.entropy.as_ref()), |turn| turn.request.clone()),
        is_named: key.is_named,
        fingerprint: key.fingerprint.clone(),
        items,
        turn: turn.cloned(),
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
            fingerprint::of_command("consume", license, &body, Consume::parse)
        }
        _ => key.fingerprint.clone(),
    };
    // No caller's id has a space in it.
    let id = own_id.clone().unwrap_or_else(|| format!("{} {index}", key.id));
    let license = ids::license_id(license);
    let charge = usage.charge.as_ref().ok();
    let action = charge.map_or("", |charge| charge.action.as_str());
    Item {
        what: ids::use_mark(&license, action, charge.and_then(|charge| charge.meta.as_ref())),
        license,
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
    window: &Range<usize>,
    progress: &Progress,
    again: bool,
) -> Result<BatchState, Error> {
    let wanted = LoadSpec {
        turn: batch.turn.clone(),
        claims: SeatSearch::Staying,
        limited: Some((Limited::Batches, batch.request.clone())),
        ..request.wanted(None, Include::Everything)
    };
    let own = wanted.license.clone();
    let owner = match &batch.turn {
        None => Some(BatchOwner::License(own.clone())),
        Some(turn) => {
            load::hinted_project(app, &request.access).map(|project_id| BatchOwner::Chain(turn.chain_id(&project_id)))
        }
    };
    let records = async {
        let reads = reads(request, batch, window, owner.as_ref(), again);
        match reads.is_empty() {
            true => Ok(Vec::new()),
            false => app.table.read(&reads, budget.meter).await.map_err(Error::from),
        }
    };
    // On the heap: a batch's future holds several states already.
    let (license, records) = join(Box::pin(load::license(app, budget, &wanted)), records).await;
    let charged = batch.items[window.clone()].iter().filter(|item| item.charge.is_ok());
    let names: BTreeSet<_> = charged.map(|item| &item.license).filter(|id| **id != own).cloned().collect();
    let others = try_join_all(names.iter().map(|id| other(app, budget, request, id))).await?;
    let others = others.into_iter().flatten().collect();
    let mut state = BatchState::new(license?, others, names, window.end, progress.clone());
    records?.into_iter().for_each(|record| state.absorb(record));
    let (named, needed) = (owner, state.owner(batch));
    if batch.needs_memory() && named.as_ref() != Some(&needed) {
        // The project was not known before, or the secret names another one by now.
        state.memory = None;
        let hwid = request.call.caller.hwid.clone().unwrap_or_default();
        let missing = [Read::BatchMemory(needed, hwid)];
        app.table.read(&missing, budget.meter).await?.into_iter().for_each(|record| state.absorb(record));
    }
    Ok(state)
}

/// Determines which uses of the window are already charged.
fn reads(
    request: &Request,
    batch: &Batch,
    window: &Range<usize>,
    owner: Option<&BatchOwner>,
    again: bool,
) -> Vec<Read> {
    let can_be_known = |item: &&Item| item.charge.is_ok() && (item.own_id.is_some() || batch.is_named || again);
    let names: BTreeSet<_> =
        batch.items[window.clone()].iter().filter(can_be_known).map(|item| (&item.license, &item.operation)).collect();
    let entries = names.into_iter().map(|(license, id)| Read::Entry(wallet_of(license), id.clone()));
    let memory = request.call.caller.hwid.iter().filter(|_| batch.needs_memory());
    let memory = memory.zip(owner).map(|(hwid, owner)| Read::BatchMemory(owner.clone(), hwid.clone()));
    memory.chain(entries).collect()
}

/// Another license that a use names; `None` if the project has no such license.
async fn other<T: Table>(
    app: &App<T>,
    budget: &Budget<'_>,
    request: &Request,
    license: &LicenseId,
) -> Result<Option<LicenseState>, Error> {
    let wanted = LoadSpec { license: license.clone(), ..request.wanted(None, Include::Nothing) };
    match load::license(app, budget, &wanted).await {
        Ok(state) => Ok(Some(state)),
        // Whatever keeps this device from it: the other uses are charged all the same.
        Err(Error::Denied(_)) => Ok(None),
        Err(error) => Err(error),
    }
}
