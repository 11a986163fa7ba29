//! The commands on a license: one function each, all of the same shape.

pub mod consume_batch;
pub mod load;
pub mod load_spec;
pub mod seat_pages;

use ltlm_protocol::account_data::{Statistics, Verification};
use ltlm_protocol::license_data::{Entitlement, Operation, ReleaseSeatAnswer, SeatList, SignoutAnswer};
use ltlm_protocol::request::{Activate, Consume, Heartbeat, ReleaseSeat};
use ltlm_protocol::{LicenseData, Timestamp};

use crate::domain::decision::Decision;
use crate::domain::license::entitlement::Ask;
use crate::domain::license::gate::Call;
use crate::domain::license::settings::{SaveSettings, Told};
use crate::domain::license::state::LicenseState;
use crate::domain::license::{
    activate, consume, entitlement, gate, heartbeat, read, release_seat, remove_device, settings, signout,
};
use crate::domain::pro::device_proof::Activation;
use crate::domain::throttle::Limited;
use crate::model::administrator::Administrator;
use crate::model::denied::Denied;
use crate::model::ids::{LicenseId, OperationKey};
use crate::model::record::Record;
use crate::model::wallet::entry::Source;
use crate::model::wallet::verification::Checked;
use crate::model::write::wallet_of;
use crate::service::app::{App, Budget, Error};
use crate::service::ledger::Span;
use crate::service::license::load_spec::{Access, Beside, Claims, Wanted};
use crate::service::{ids, ledger, retry, transact};
use crate::table::port::{Read, Table};

/// A call on a license with the caller's right to it.
#[derive(Clone, Debug)]
pub struct Request {
    /// Who may see what.
    pub access: Access,
    /// The call.
    pub call: Call,
}

impl Request {
    /// What a command on the license loads.
    pub fn wanted(&self, operation: Option<&OperationKey>, beside: Beside) -> Wanted {
        Wanted {
            hwid: self.call.caller.hwid.clone(),
            proof: self.call.caller.proof.clone(),
            operation: operation.map(|key| key.id.clone()),
            beside,
            ..Wanted::new(self.access.clone(), ids::license_id(&self.call.key), self.call.now)
        }
    }
}

/// Runs a command that may write.
async fn run<T: Table, R>(
    app: &App<T>,
    budget: &Budget<'_>,
    wanted: Wanted,
    decide: impl Fn(&LicenseState) -> Result<Decision<R>, Denied>,
) -> Result<R, Error> {
    transact::act(app, budget, || load::license(app, budget, &wanted), decide).await
}

/// Reads the license's state, patiently.
async fn state<T: Table>(
    app: &App<T>,
    budget: &Budget<'_>,
    request: &Request,
    beside: Beside,
) -> Result<LicenseState, Error> {
    let wanted = request.wanted(None, beside);
    retry::read(app, budget, || load::license(app, budget, &wanted)).await
}

/// The license as it is.
pub async fn license<T: Table>(app: &App<T>, budget: &Budget<'_>, request: &Request) -> Result<LicenseData, Error> {
    let state = state(app, budget, request, Beside::Everything).await?;
    match request.access {
        Access::Secret(_) => Ok(read::license(&state, &request.call)?),
        Access::Administrator(_) => Ok(read::license_for_vendor(&state, &request.call)),
    }
}

/// May a device use a capability that costs so many tokens?
pub async fn entitlement<T: Table>(
    app: &App<T>,
    budget: &Budget<'_>,
    request: &Request,
    ask: &Ask,
) -> Result<Entitlement, Error> {
    Ok(entitlement::check(&state(app, budget, request, Beside::Nothing).await?, &request.call, ask))
}

/// Removes a device, if the customer may.
pub async fn remove_device<T: Table>(
    app: &App<T>,
    budget: &Budget<'_>,
    request: &Request,
    hwid: &str,
) -> Result<(), Error> {
    let wanted = Wanted { target: Some(hwid.to_owned()), ..request.wanted(None, Beside::Seats) };
    run(app, budget, wanted, |state| remove_device::by_customer(state, &request.call, hwid)).await
}

/// Who holds its seats.
pub async fn seats<T: Table>(app: &App<T>, budget: &Budget<'_>, request: &Request) -> Result<SeatList, Error> {
    Ok(read::seats(&state(app, budget, request, Beside::AllSeats).await?, &request.call))
}

/// Registers a device and seats it.
pub async fn activate<T: Table>(
    app: &App<T>,
    budget: &Budget<'_>,
    request: &Request,
    command: &Activate,
) -> Result<LicenseData, Error> {
    let wanted = request.wanted(None, Beside::Everything);
    let wanted =
        Wanted { claims: Claims::Insisting, activation: Some(Activation { key: command.device_key }), ..wanted };
    run(app, budget, wanted, |state| activate::decide(state, &request.call, command)).await
}

/// Keeps a seat.
pub async fn heartbeat<T: Table>(
    app: &App<T>,
    budget: &Budget<'_>,
    request: &Request,
    command: &Heartbeat,
) -> Result<LicenseData, Error> {
    let claims = if command.is_closing { Claims::Never } else { Claims::Passing };
    let wanted = Wanted { claims, ..request.wanted(None, Beside::Everything) };
    run(app, budget, wanted, |state| heartbeat::decide(state, &request.call, command)).await
}

/// Gives a seat back.
pub async fn signout<T: Table>(app: &App<T>, budget: &Budget<'_>, request: &Request) -> Result<SignoutAnswer, Error> {
    run(app, budget, request.wanted(None, Beside::Seats), |state| signout::decide(state, &request.call)).await
}

/// Takes another device's seat away.
pub async fn release_seat<T: Table>(
    app: &App<T>,
    budget: &Budget<'_>,
    request: &Request,
    command: &ReleaseSeat,
) -> Result<ReleaseSeatAnswer, Error> {
    let wanted = Wanted { target: Some(command.target.clone()), ..request.wanted(None, Beside::Seats) };
    run(app, budget, wanted, |state| release_seat::decide(state, &request.call, command)).await
}

/// The user settings as they are.
pub async fn settings<T: Table>(app: &App<T>, budget: &Budget<'_>, request: &Request) -> Result<Told, Error> {
    Ok(settings::get(&state(app, budget, request, Beside::Settings).await?, &request.call)?)
}

/// Saves the user settings.
pub async fn save_settings<T: Table>(
    app: &App<T>,
    budget: &Budget<'_>,
    request: &Request,
    command: &SaveSettings,
    if_match: Option<i64>,
) -> Result<Told, Error> {
    let call = ids::operation_id(request.call.now, app.entropy.as_ref());
    let wanted = Wanted { limited: Some((Limited::SettingsWrites, call)), ..request.wanted(None, Beside::Settings) };
    run(app, budget, wanted, |state| settings::decide(state, &request.call, command, if_match)).await
}

/// Charges tokens once.
pub async fn consume<T: Table>(
    app: &App<T>,
    budget: &Budget<'_>,
    request: &Request,
    command: &Consume,
    key: &OperationKey,
) -> Result<LicenseData, Error> {
    let wanted = Wanted { claims: Claims::Staying, ..request.wanted(Some(key), Beside::Everything) };
    run(app, budget, wanted, |state| consume::decide(state, &request.call, command, key)).await
}

/// A page of the license's ledger, newest first, and the sequence number to go on from.
pub async fn usage<T: Table>(
    app: &App<T>,
    budget: &Budget<'_>,
    request: &Request,
    before: Option<i64>,
    limit: i64,
) -> Result<(Vec<Operation>, Option<i64>), Error> {
    let state = state(app, budget, request, Beside::Nothing).await?;
    if matches!(request.access, Access::Secret(_)) {
        gate::online(&state)?;
    }
    // One more than asked for tells whether there is a next page.
    let list = [Read::Entries { wallet: wallet_of(&state.license.id), before, limit: limit + 1 }];
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

/// Checks its ledger from a place on; the reply, and where to go on.
pub async fn verify<T: Table>(
    app: &App<T>,
    budget: &Budget<'_>,
    request: &Request,
    from: Checked,
) -> Result<(Verification, Option<Checked>), Error> {
    let wallet = state(app, budget, request, Beside::Nothing).await?.wallet_or_empty();
    ledger::verification(app, budget, &wallet, from, request.call.now).await
}

/// What its ledger adds up to in a range of time, behind the place `after`; and where to go on. Its entries are counted one by
/// one: a license has no roll-ups.
pub async fn statistics<T: Table>(
    app: &App<T>,
    budget: &Budget<'_>,
    request: &Request,
    span: Span,
    after: i64,
) -> Result<(Statistics, Option<i64>), Error> {
    let now = request.call.now;
    let state = state(app, budget, request, Beside::Nothing).await?;
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
    let wanted = Wanted::new(Access::Administrator(Administrator::first()), id.clone(), now);
    let decide = |state: &LicenseState| {
        let Some(tokens) = state.tokens(now) else { return Ok(Decision::read(None)) };
        let given: Vec<_> = tokens.entries.iter().filter(|entry| entry.source == Source::Renewal).collect();
        let amount = (!given.is_empty()).then(|| given.iter().map(|entry| entry.amount).sum());
        // The index nominates by ends too: what has lapsed is settled, and what it nominated in vain it forgets.
        let is_stale = state.wallet.as_ref().is_some_and(|wallet| wallet.due_at.is_some_and(|due| due <= now));
        if tokens.entries.is_empty() && !is_stale {
            return Ok(Decision::read(None));
        }
        let moved = tokens.wallet.clone();
        Ok(Decision::write(tokens.moved(moved, Vec::new()), amount))
    };
    transact::act(app, budget, || load::license(app, budget, &wanted), decide).await
}
