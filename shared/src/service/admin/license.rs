//! What a vendor does to one license. Each act is written together with its record in the log.

use std::future::Future;

use ltlm_protocol::LicenseData;
use ltlm_protocol::license_data::{Machine, Operation, SeatList};

use crate::domain::decision::Decision;
use crate::domain::license::change_license::ChangeLicense;
use crate::domain::license::credit::{Credit, Credited};
use crate::domain::license::describe_device::DescribeDevice;
use crate::domain::license::license_data::{machine, vendor_data};
use crate::domain::license::reinstate::Reinstate;
use crate::domain::license::state::LicenseState;
use crate::domain::license::{change_license, credit, describe_device, read, reinstate, release_seat, remove_device};
use crate::model::administrator::AdminOperation;
use crate::model::denied::Denied;
use crate::model::ids::OperationKey;
use crate::model::record::Record;
use crate::model::write::Write;
use crate::service::admin::operation::{AdminCall, page};
use crate::service::app::{App, Budget, Error};
use crate::service::license::load;
use crate::service::license::load_spec::{Include, LoadSpec};
use crate::service::license::request::Request;
use crate::service::retry::Absorb;
use crate::service::{retry, transact};
use crate::table::port::{List, Table};

/// Runs an administrator's operation once per operation id. Returns also whether an earlier call did it, whose answer
/// is `again`.
async fn administer<T: Table, R>(
    app: &App<T>,
    budget: &Budget<'_>,
    act: &AdminCall,
    wanted: LoadSpec,
    decide: impl Fn(&LicenseState) -> Result<Decision<R>, Denied>,
    again: impl Fn(&LicenseState) -> Result<R, Denied>,
) -> Result<(R, bool), Error> {
    let id = act.id_on(&wanted.license);
    let wanted = LoadSpec { act: Some(id.clone()), ..wanted };
    let decide = |state: &LicenseState| {
        let decision = decide(state)?;
        // Asking for what is there already leaves no line in the log.
        Ok((!decision.writes.is_empty(), decision))
    };
    let load = || load::license(app, budget, &wanted);
    once_on(app, budget, act, &id, load, |state: &LicenseState| state.done.as_ref(), decide, again).await
}

/// The same on a state of another kind: `done` returns the operation that the state contains under `id`, and `decide`
/// also states whether the operation needs an entry in the log.
#[expect(clippy::too_many_arguments, reason = "the parts of one act: who, what, on which state, and how often")]
pub(super) async fn once_on<T: Table, S: Absorb, R, F>(
    app: &App<T>,
    budget: &Budget<'_>,
    act: &AdminCall,
    id: &str,
    load: impl Fn() -> F,
    done: impl Fn(&S) -> Option<&AdminOperation>,
    decide: impl Fn(&S) -> Result<(bool, Decision<R>), Denied>,
    again: impl Fn(&S) -> Result<R, Denied>,
) -> Result<(R, bool), Error>
where
    F: Future<Output = Result<S, Error>>,
{
    let decide = |state: &S| {
        if let Some(done) = act.replay(done(state).map(std::slice::from_ref).unwrap_or_default())? {
            return Ok(Decision::read((again(state)?, done.request != act.request)));
        }
        let (is_logged, Decision { mut writes, touch, reply }) = decide(state)?;
        if is_logged {
            writes.push(Write::AddAdminOperation { operation: act.record(id.to_owned(), Vec::new()) });
        }
        Ok(Decision { writes, touch, reply: (reply, false) })
    };
    transact::act(app, budget, load, decide).await
}

/// Changes a license.
pub async fn change<T: Table>(
    app: &App<T>,
    budget: &Budget<'_>,
    request: &Request,
    command: &ChangeLicense,
    act: &AdminCall,
) -> Result<(LicenseData, bool), Error> {
    let wanted = LoadSpec { policy: command.policy, ..request.wanted(None, Include::Everything) };
    let decide = |state: &LicenseState| change_license::decide(state, &request.call, command);
    let again = |state: &LicenseState| Ok(vendor_data(&request.call, state, state));
    administer(app, budget, act, wanted, decide, again).await
}

/// Takes back a revocation.
pub async fn reinstate<T: Table>(
    app: &App<T>,
    budget: &Budget<'_>,
    request: &Request,
    command: &Reinstate,
    act: &AdminCall,
) -> Result<(LicenseData, bool), Error> {
    let decide = |state: &LicenseState| reinstate::decide(state, &request.call, command);
    let again = |state: &LicenseState| Ok(vendor_data(&request.call, state, state));
    administer(app, budget, act, request.wanted(None, Include::Everything), decide, again).await
}

/// Credits or debits tokens.
pub async fn credit<T: Table>(
    app: &App<T>,
    budget: &Budget<'_>,
    request: &Request,
    command: &Credit,
    key: &OperationKey,
    act: &AdminCall,
) -> Result<(Operation, bool), Error> {
    let decide = |state: &LicenseState| credit::decide(state, request.call.now, command, key);
    let again = |state: &LicenseState| {
        let entry = state.entry.as_ref().ok_or(Denied::TokensDisabled)?;
        Ok(Credited { operation: entry.data(), replayed: true })
    };
    let wanted = request.wanted(Some(key), Include::Nothing);
    let (credited, again) = administer(app, budget, act, wanted, decide, again).await?;
    Ok((credited.operation, again))
}

/// Takes a device's seat away; the seats afterwards.
pub async fn kick<T: Table>(
    app: &App<T>,
    budget: &Budget<'_>,
    request: &Request,
    hwid: &str,
    act: &AdminCall,
) -> Result<(SeatList, bool), Error> {
    // The answer lists all of them.
    let wanted = LoadSpec { target: Some(hwid.to_owned()), ..request.wanted(None, Include::AllSeats) };
    let decide = |state: &LicenseState| release_seat::by_vendor(state, &request.call);
    let again = |state: &LicenseState| Ok(read::seats(state, &request.call));
    administer(app, budget, act, wanted, decide, again).await
}

/// Removes a device.
pub async fn remove_device<T: Table>(
    app: &App<T>,
    budget: &Budget<'_>,
    request: &Request,
    hwid: &str,
    act: &AdminCall,
) -> Result<(), Error> {
    let wanted = LoadSpec { target: Some(hwid.to_owned()), ..request.wanted(None, Include::Seats) };
    let decide = |state: &LicenseState| remove_device::decide(state, &request.call);
    administer(app, budget, act, wanted, decide, |_| Ok(())).await.map(|_| ())
}

/// Names a device and keeps facts about it; the device afterwards.
pub async fn describe_device<T: Table>(
    app: &App<T>,
    budget: &Budget<'_>,
    request: &Request,
    hwid: &str,
    command: &DescribeDevice,
    act: &AdminCall,
) -> Result<(Machine, bool), Error> {
    let wanted = LoadSpec { target: Some(hwid.to_owned()), ..request.wanted(None, Include::Seats) };
    let decide = |state: &LicenseState| describe_device::decide(state, command);
    administer(app, budget, act, wanted, decide, describe_device::target).await
}

/// A page of the license's devices, last activated first.
pub async fn devices<T: Table>(
    app: &App<T>,
    budget: &Budget<'_>,
    request: &Request,
    before: Option<String>,
    limit: i64,
) -> Result<(Vec<Machine>, Option<String>), Error> {
    let wanted = request.wanted(None, Include::Seats);
    let state = retry::read(app, budget, || load::license(app, budget, &wanted)).await?;
    let list = List::Devices(state.license.id.clone());
    let (records, next) = page(app, budget, list, before, limit).await?;
    let devices = records.iter().filter_map(|record| match record {
        Record::ListedDevice(device) => Some(machine(device, &state)),
        _ => None,
    });
    Ok((devices.collect(), next))
}
