//! `signout`: give the seat back, and do not take it again until asked to (wire 4.3, E22).

use ltlm_protocol::Timestamp;
use ltlm_protocol::int32;
use ltlm_protocol::license_data::SignoutAnswer;

use super::denied::Denied;
use super::device::{Device, SeatClaim};
use super::gate::{self, Call};
use super::seats::{self, Standing, standing};
use super::state::LicenseState;
use super::write::{Decision, Write};

/// Decides a sign-out. A device that is not registered signs out of nothing: that is a success too.
pub fn decide(state: &LicenseState, call: &Call) -> Result<Decision<SignoutAnswer>, Denied> {
    gate::online(state)?;
    let writes = state.device.as_ref().map_or_else(Vec::new, |device| writes(state, device, call.now));
    let after = state.after(&writes);
    let active = if state.status(call.now).is_usable() && state.terms.seats_max.is_some() {
        after.room(call.now).active()
    } else {
        0
    };
    // The same whether this call freed the seat or an earlier one, whose reply was lost.
    let message = "Signed out: this device holds no seat.".to_owned();
    let reply = SignoutAnswer { success: true, message, active_seats: int32(active) };
    Ok(Decision::write(writes, reply))
}

/// What a registered device's leaving changes. A kick stays until the device explicitly comes back (wire 4.4).
pub fn writes(state: &LicenseState, device: &Device, now: Timestamp) -> Vec<Write> {
    if state.terms.seats_max.is_none() {
        return Vec::new();
    }
    match standing(device, &state.seats, now) {
        Standing::Released | Standing::Kicked => Vec::new(),
        Standing::None => vec![seats::note(state, device, SeatClaim::Released, now)],
        Standing::Occupied(seat) => {
            vec![seats::free(state, device, seat), seats::note(state, device, SeatClaim::Released, now)]
        }
    }
}
