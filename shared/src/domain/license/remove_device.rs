//! The removal of a device, by the vendor or, if the policy allows it, by the customer: its place and its seat become
//! free, and its next heartbeat reports the removal (wire 4.2).

use crate::domain::decision::Decision;
use crate::domain::license::gate::Call;
use crate::domain::license::state::LicenseState;
use crate::domain::license::{gate, seats};
use crate::model::denied::Denied;
use crate::model::device::Device;
use crate::model::write::Write;

/// Decides the vendor's removal. Removing a removed device succeeds; the next device with its name can register its own
/// key.
pub fn decide(state: &LicenseState, call: &Call) -> Result<Decision<()>, Denied> {
    let bound = state.removed.as_ref().filter(|removed| removed.public_key.is_some());
    match (&state.target, bound) {
        (None, Some(removed)) => {
            let forget = Write::ForgetDeviceKey {
                license: state.license.id.clone(),
                hwid: removed.hwid.clone(),
                seat_revision: removed.seat_revision + 1,
            };
            Ok(Decision::write(vec![forget], ()))
        }
        (target, _) => removal(state, call, target.as_ref(), false),
    }
}

/// Decides a removal that a registered device asks for: of itself, or of another. The removed device keeps its key: else a
/// holder of the project's secret could take its name.
pub fn by_customer(state: &LicenseState, call: &Call, target: &str) -> Result<Decision<()>, Denied> {
    gate::online(state)?;
    let itself = call.caller.hwid.as_deref() == Some(target);
    if itself && state.device.is_none() && state.removed.is_some() {
        return Ok(Decision::read(()));
    }
    let caller = gate::registered(state)?;
    if !state.terms.customer_actions.allow_hardware_release {
        return Err(Denied::DeviceReleaseNotAllowed);
    }
    removal(state, call, if itself { Some(caller) } else { state.target.as_ref() }, true)
}

fn removal(
    state: &LicenseState,
    call: &Call,
    target: Option<&Device>,
    keeps_key: bool,
) -> Result<Decision<()>, Denied> {
    let Some(target) = target else {
        // Removed already; one that was never there is a name misspelled.
        return if state.removed.is_some() { Ok(Decision::read(())) } else { Err(Denied::DeviceNotRegistered) };
    };
    let license = state.license.id.clone();
    let mut writes = vec![
        Write::UncountDevice { license: license.clone() },
        Write::RemoveDevice {
            license,
            hwid: target.hwid.clone(),
            seat_revision: target.seat_revision + 1,
            at: call.now,
            keeps_key,
        },
    ];
    writes.extend(seats::leave(state, target));
    Ok(Decision::write(writes, ()))
}
