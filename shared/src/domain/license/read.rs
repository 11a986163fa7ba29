//! Reading a license (E19) and its seats (E17): nothing changes.

use ltlm_protocol::license_data::{SeatList, SeatRow};
use ltlm_protocol::{LicenseData, int32};

use crate::domain::license::gate::{self, Call};
use crate::domain::license::license_data::{Asking, client_date, license_data, vendor_data};
use crate::domain::license::state::LicenseState;
use crate::model::denied::Denied;

/// The license, as `GET /v1/sdk/license/{key}` shows it.
pub fn license(state: &LicenseState, call: &Call) -> Result<LicenseData, Denied> {
    gate::online(state)?;
    Ok(license_data(call, state, state, Asking::Looking))
}

/// The license as its vendor sees it: no gate applies.
pub fn license_for_vendor(state: &LicenseState, call: &Call) -> LicenseData {
    vendor_data(call, state, state)
}

/// The devices that hold a seat. The existing PRO client reads this plain route too, so `pro_only` does not close it
/// (wire 4.10).
pub fn seats(state: &LicenseState, call: &Call) -> SeatList {
    let usable = state.status(call.now).is_usable();
    let Some(max) = state.terms.seats_max.filter(|_| usable) else {
        let max_seats = int32(state.terms.seats_max.unwrap_or(0));
        return SeatList { seats: Vec::new(), active_seats: 0, max_seats, can_release_seat: false };
    };
    let mut held: Vec<_> = state.seats.iter().filter_map(|seat| seat.live(call.now)).collect();
    held.sort_by_key(|holder| std::cmp::Reverse(holder.seen_at));
    let seats: Vec<_> = held
        .into_iter()
        .map(|holder| SeatRow {
            hwid: holder.hwid.clone(),
            nickname: holder.nickname.clone(),
            // The existing client reads this route unsealed, so the choice of dates holds for it always (wire 3.5).
            last_seen: client_date(holder.seen_at, state.terms.hardening.naive_dates),
            lease_until: client_date(holder.lease_until, state.terms.hardening.naive_dates),
            is_current_device: call.caller.hwid.as_ref() == Some(&holder.hwid),
        })
        .collect();
    // Without a device in the query nobody in particular asks; an unregistered one may not release (wire 4.3).
    let may_ask = call.caller.hwid.is_none() || state.device.is_some();
    SeatList {
        active_seats: int32(seats.len() as i64),
        seats,
        max_seats: int32(max),
        can_release_seat: may_ask && state.terms.customer_actions.allow_remote_seat_release,
    }
}
