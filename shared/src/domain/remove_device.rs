//! The vendor's removal of a device: its place and its seat become free, and it is told at its next heartbeat (wire 4.2).

use super::denied::Denied;
use super::gate::Call;
use super::seats::{self, Standing, standing};
use super::state::LicenseState;
use super::write::{Decision, Write};

/// Decides a removal. A device that is not registered is removed already.
pub fn decide(state: &LicenseState, call: &Call) -> Result<Decision<()>, Denied> {
    let Some(target) = &state.target else { return Ok(Decision::read(())) };
    let license = state.license.id.clone();
    let mut writes = vec![
        Write::UncountDevice { license: license.clone() },
        Write::RemoveDevice {
            license,
            hwid: target.hwid.clone(),
            seat_revision: target.seat_revision + 1,
            at: call.now,
        },
    ];
    if let Standing::Occupied(seat) = standing(target, &state.seats, call.now) {
        writes.push(seats::free(state, target, seat));
    }
    Ok(Decision::write(writes, ()))
}
