//! What a vendor does to one license. Each act is written together with its record in the log.

use ltlm_protocol::LicenseData;
use ltlm_protocol::license_data::{Machine, Operation, SeatList};

use super::{Act, page};
use crate::domain::change_license::{self, ChangeLicense};
use crate::domain::credit::{self, Credit, Credited};
use crate::domain::describe_device::{self, DescribeDevice};
use crate::domain::entry::OperationKey;
use crate::domain::view::{Asking, license_data, machine};
use crate::domain::write::{Decision, Write};
use crate::domain::{Denied, LicenseState, Record, release_seat, remove_device, status};
use crate::service::license::Request;
use crate::service::load::{self, Beside, Wanted};
use crate::service::{App, Budget, Error, act};
use crate::table::Table;
use crate::table::port::List;

/// Runs an administrator's act once per operation id; and tells whether an earlier call did it, whose answer is `again`.
async fn administer<T: Table, R>(
    app: &App<T>,
    budget: &Budget<'_>,
    act: &Act,
    wanted: Wanted,
    decide: impl Fn(&LicenseState) -> Result<Decision<R>, Denied>,
    again: impl Fn(&LicenseState) -> Result<R, Denied>,
) -> Result<(R, bool), Error> {
    let id = act.id_on(&wanted.license);
    let wanted = Wanted { act: Some(id.clone()), ..wanted };
    let decide = |state: &LicenseState| {
        if let Some(done) = act.replay(state.done.as_ref())? {
            return Ok(Decision::read((again(state)?, done.request != act.request)));
        }
        let Decision { mut writes, touch, reply } = decide(state)?;
        if !writes.is_empty() {
            writes.push(Write::AddAdminOperation { operation: act.record(id.clone(), Vec::new()) });
        }
        Ok(Decision { writes, touch, reply: (reply, false) })
    };
    act::act(app, budget, || load::license(app, budget, &wanted), decide).await
}

/// Changes a license.
pub async fn change<T: Table>(
    app: &App<T>,
    budget: &Budget<'_>,
    request: &Request,
    command: &ChangeLicense,
    act: &Act,
) -> Result<(LicenseData, bool), Error> {
    let wanted = Wanted { policy: command.policy, ..request.wanted(None, Beside::Everything) };
    let decide = |state: &LicenseState| change_license::decide(state, &request.call, command);
    let again = |state: &LicenseState| Ok(license_data(&request.call, state, state, Asking::Looking));
    administer(app, budget, act, wanted, decide, again).await
}

/// Credits or debits tokens.
pub async fn credit<T: Table>(
    app: &App<T>,
    budget: &Budget<'_>,
    request: &Request,
    command: &Credit,
    key: &OperationKey,
    act: &Act,
) -> Result<(Operation, bool), Error> {
    let decide = |state: &LicenseState| credit::decide(state, request.call.now, command, key);
    let again = |state: &LicenseState| {
        let entry = state.entry.as_ref().ok_or(Denied::TokensDisabled)?;
        Ok(Credited { operation: entry.data(), replayed: true })
    };
    let wanted = request.wanted(Some(key), Beside::Nothing);
    let (credited, again) = administer(app, budget, act, wanted, decide, again).await?;
    Ok((credited.operation, again))
}

/// Takes a device's seat away; the seats afterwards.
pub async fn kick<T: Table>(
    app: &App<T>,
    budget: &Budget<'_>,
    request: &Request,
    hwid: &str,
    act: &Act,
) -> Result<(SeatList, bool), Error> {
    // The answer lists all of them.
    let wanted = Wanted { target: Some(hwid.to_owned()), ..request.wanted(None, Beside::AllSeats) };
    let decide = |state: &LicenseState| release_seat::by_vendor(state, &request.call);
    let again = |state: &LicenseState| Ok(status::seats(state, &request.call));
    administer(app, budget, act, wanted, decide, again).await
}

/// Removes a device.
pub async fn remove_device<T: Table>(
    app: &App<T>,
    budget: &Budget<'_>,
    request: &Request,
    hwid: &str,
    act: &Act,
) -> Result<(), Error> {
    let wanted = Wanted { target: Some(hwid.to_owned()), ..request.wanted(None, Beside::Seats) };
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
    act: &Act,
) -> Result<(Machine, bool), Error> {
    let wanted = Wanted { target: Some(hwid.to_owned()), ..request.wanted(None, Beside::Seats) };
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
    let wanted = request.wanted(None, Beside::Seats);
    let state = act::read(app, budget, || load::license(app, budget, &wanted)).await?;
    let list = List::Devices(state.license.id.clone());
    let (records, next) = page(app, budget, list, before, limit).await?;
    let devices = records.iter().filter_map(|record| match record {
        Record::ListedDevice(device) => Some(machine(device, &state)),
        _ => None,
    });
    Ok((devices.collect(), next))
}
