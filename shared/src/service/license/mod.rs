//! What is done with a license: the commands of `command.rs`, and looks at its ledger.

pub mod command;
pub mod consume_batch;
pub mod load;
pub mod load_plan;
pub mod load_spec;
pub mod request;
pub mod seat_pages;

use ltlm_protocol::account_data::{Statistics, Verification};
use ltlm_protocol::license_data::Operation;
use ltlm_protocol::{LicenseData, Timestamp};

use crate::domain::decision::Decision;
use crate::domain::license::state::LicenseState;
use crate::domain::license::{gate, read};
use crate::model::administrator::Administrator;
use crate::model::ids::LicenseId;
use crate::model::record::Record;
use crate::model::wallet::verification::Checked;
use crate::model::write::wallet_of;
use crate::service::app::{App, Budget, Error};
use crate::service::ledger::Span;
use crate::service::license::command::LicenseCommand;
use crate::service::license::load_plan::LoadPlan;
use crate::service::license::load_spec::{Access, Include, LoadSpec};
use crate::service::license::request::Request;
use crate::service::{ledger, retry, transact};
use crate::table::port::{Read, Table};

/// Runs a command that came plain.
pub async fn run<T: Table, C: LicenseCommand>(
    app: &App<T>,
    budget: &Budget<'_>,
    request: &Request,
    command: &C,
) -> Result<C::Reply, Error> {
    let plan = LoadPlan::of(command, request, None);
    let decide = |state: &LicenseState| command.decide(state, &request.call);
    transact::act_once(app, budget, plan.unread(), || plan.load(app, budget), decide).await
}

/// Reads the license's state, patiently.
async fn state<T: Table>(
    app: &App<T>,
    budget: &Budget<'_>,
    request: &Request,
    beside: Include,
) -> Result<LicenseState, Error> {
    let wanted = request.wanted(None, beside);
    retry::read(app, budget, || load::license(app, budget, &wanted)).await
}

/// The license as it is.
pub async fn license<T: Table>(app: &App<T>, budget: &Budget<'_>, request: &Request) -> Result<LicenseData, Error> {
    let state = state(app, budget, request, Include::Everything).await?;
    match request.access {
        Access::Secret(_) => Ok(read::license(&state, &request.call)?),
        Access::Administrator(_) => Ok(read::license_for_vendor(&state, &request.call)),
    }
}

/// A page of the license's ledger, newest first, and the sequence number from which to continue.
pub async fn usage<T: Table>(
    app: &App<T>,
    budget: &Budget<'_>,
    request: &Request,
    before: Option<i64>,
    limit: i64,
) -> Result<(Vec<Operation>, Option<i64>), Error> {
    let state = state(app, budget, request, Include::Nothing).await?;
    if matches!(request.access, Access::Secret(_)) {
        gate::online(&state)?;
    }
    ledger_page(app, budget, &state.license.id, before, limit).await
}

/// A page of a license's ledger, newest first, and the sequence number to go on from.
pub async fn ledger_page<T: Table>(
    app: &App<T>,
    budget: &Budget<'_>,
    license: &LicenseId,
    before: Option<i64>,
    limit: i64,
) -> Result<(Vec<Operation>, Option<i64>), Error> {
    // One more than asked for tells whether there is a next page.
    let list = [Read::Entries { wallet: wallet_of(license), before, limit: limit + 1 }];
    let records = retry::records(app, budget, &list).await?;
    let mut entries: Vec<_> = records
        .into_iter()
        .filter_map(|record| match record {
            Record::Entry(entry) => Some(entry.data()),
            _ => None,
        })
        .collect();
    let more = entries.len() as i64 > limit;
    entries.truncate(usize::try_from(limit).unwrap_or(0));
    let next = entries.last().filter(|_| more).map(|entry| entry.sequence);
    Ok((entries, next))
}

/// Verifies its ledger from a position on. Returns the result, and where to continue.
pub async fn verify<T: Table>(
    app: &App<T>,
    budget: &Budget<'_>,
    request: &Request,
    from: Checked,
) -> Result<(Verification, Option<Checked>), Error> {
    let wallet = state(app, budget, request, Include::Nothing).await?.wallet_or_empty();
    ledger::verification(app, budget, &wallet, from, request.call.now).await
}

/// The sums of its ledger in a time range, after the position `after`, and where to continue. Its entries are counted
/// one by one: a license has no roll-ups.
pub async fn statistics<T: Table>(
    app: &App<T>,
    budget: &Budget<'_>,
    request: &Request,
    span: Span,
    after: i64,
) -> Result<(Statistics, Option<i64>), Error> {
    let now = request.call.now;
    let state = state(app, budget, request, Include::Nothing).await?;
    let unwritten = state.tokens(now).map_or_else(Vec::new, |tokens| tokens.entries);
    ledger::statistics(app, budget, &state.wallet_or_empty(), &unwritten, span, after, now).await
}

/// Gives a license the allocation that is due, if one is: the tokens given. Nobody calls; the schedule does.
pub async fn renew<T: Table>(
    app: &App<T>,
    budget: &Budget<'_>,
    id: &LicenseId,
    now: Timestamp,
) -> Result<Option<i64>, Error> {
    let wanted = LoadSpec::new(Access::Administrator(Administrator::first()), id.clone(), now);
    let decide = |state: &LicenseState| {
        let Some(tokens) = state.tokens(now) else { return Ok(Decision::read(None)) };
        let given: Vec<_> = tokens.allocations().collect();
        let amount = (!given.is_empty()).then(|| given.iter().map(|entry| entry.amount).sum());
        // The index nominates by ends too: what has lapsed is settled, and what it nominated in vain it forgets.
        let is_stale = state.wallet.as_ref().is_some_and(|wallet| wallet.is_nominated(now));
        if tokens.entries.is_empty() && !is_stale {
            return Ok(Decision::read(None));
        }
        Ok(Decision::write(tokens.settled(), amount))
    };
    transact::act(app, budget, || load::license(app, budget, &wanted), decide).await
}
