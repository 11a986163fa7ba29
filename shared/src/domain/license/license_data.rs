//! `LicenseData`: a license as one caller sees it (wire 3.2), rendered from a state.

use ltlm_protocol::license_data::{
    Customer, DeviceLimit, HeartbeatRule, KickedNotice, LicenseConfig, LicenseData, Limits, Machine, OfflineRule,
    SdkEnforcement, SeatLimit, TimeLimit, TokenLimit,
};
use ltlm_protocol::{Timestamp, int32, limits};
use serde_json::{Map, Value};

use crate::domain::license::gate::{Call, Caller};
use crate::domain::license::seats::{SeatStatus, standing};
use crate::domain::license::state::LicenseState;
use crate::domain::license::status::Status;
use crate::domain::license::terms::Terms;
use crate::model::device::{Device, SeatClaim};
use crate::model::license::License;
use crate::model::policy_config;
use crate::model::policy_words::PolicyKind;

/// The caller and its purpose: determines what the answer contains about seats.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Asking {
    /// A device calls: the answer tells an unregistered one that it was kicked (wire 4.2).
    Acting,
    /// Somebody looks: an unregistered device gets the plain status and no word on seats (wire 3.2).
    Looking,
}

/// The answer. `before` is the state the command found; `after` the state it leaves.
pub fn license_data(call: &Call, before: &LicenseState, after: &LicenseState, asking: Asking) -> LicenseData {
    let (now, caller) = (call.now, &call.caller);
    let (license, terms) = (&after.license, &after.terms);
    let status = after.status(now);
    let seat = seat_words(after, status, asking, now);
    let tokens = after.tokens(now).map(|tokens| (tokens.wallet.limit(now), tokens.wallet.balance(now)));
    let seats_max = terms.seats_max;
    LicenseData {
        license_id: int32(license.number),
        project_id: int32(after.project.number),
        license_key: call.key.clone(),
        status: seat.status.unwrap_or(status.wire()).to_owned(),
        environment: after.policy.terms.environment.wire().to_owned(),
        valid_until: license.valid_until.map(|end| client_date(end, after.is_sealed && terms.hardening.naive_dates)),
        grace_period_ends: license.valid_until.map(|t| t.plus_days(terms.grace_period_days).to_string()),
        last_check_in: before.device.as_ref().map(|device| last_seen(device, before).to_string()),
        next_billing_date: license.valid_until.filter(|_| is_subscription(after)).map(|t| t.to_string()),
        tokens_limit: tokens.map(|(limit, _)| int32(limit)),
        tokens_consumed: tokens.map(|(limit, balance)| int32(limit.saturating_sub(balance))),
        tokens_remaining: tokens.map(|(_, balance)| int32(balance)),
        max_activations: terms.devices_max().map(int32),
        max_concurrent_seats: seats_max.map(int32),
        active_seats: seats_max.map(|_| if status.is_usable() { int32(after.room(now).active()) } else { 0 }),
        seat_status: seat.word.to_owned(),
        can_release_seat: seats_max.map(|_| terms.customer_actions.allow_remote_seat_release),
        kicked_notice: seat.notice,
        seats_enabled: seats_max.is_some(),
        tokens_enabled: tokens.is_some(),
        offline_enabled: terms.offline_enabled,
        heartbeat_interval_seconds: terms.heartbeat_enabled.then(|| int32(terms.heartbeat_seconds())),
        offline_grace_hours: int32(terms.offline_hours),
        subscription_status: is_subscription(after).then(|| subscription_word(status).to_owned()),
        detected_country: caller.country.clone(),
        machines: machines(after),
        policy: after.policy.data(),
        customer: customer(license, caller),
        config: config(license, terms),
        is_compact: false,
        user_settings: after.settings.as_ref().map(|settings| settings.document.clone()).unwrap_or_default(),
        features: terms.features.clone(),
        metadata: license.metadata.clone(),
        operation: None,
        replayed: None,
        batch_result: None,
        warnings: Vec::new(),
    }
}

/// The answer in the form that the call asked for. A compact one contains nothing whose reading costs more for a license with more
/// devices, seats or settings.
pub fn in_form(data: LicenseData, is_compact: bool, caller: &Caller) -> LicenseData {
    if !is_compact {
        return data;
    }
    let is_caller = |machine: &Machine| caller.hwid.as_ref() == Some(&machine.hwid);
    LicenseData {
        is_compact,
        last_check_in: None,
        active_seats: None,
        machines: data.machines.into_iter().filter(is_caller).collect(),
        user_settings: Map::new(),
        ..data
    }
}

/// The same for the vendor, who only reads, and whose answer lists unknown overrides.
pub fn vendor_data(call: &Call, before: &LicenseState, after: &LicenseState) -> LicenseData {
    let warnings = policy_config::warnings("overrides", &after.license.overrides);
    LicenseData { warnings, ..license_data(call, before, after, Asking::Looking) }
}

/// A date that the existing client compares. It treats a date with a `Z` as local time; a project can have the `Z` left
/// out of the dates that this client reads (wire 3.5).
pub(crate) fn client_date(date: Timestamp, is_naive: bool) -> String {
    let text = date.to_string();
    if is_naive { text.trim_end_matches('Z').to_owned() } else { text }
}

/// What an answer says about the caller's seat.
struct SeatWords {
    /// Overrules the license's own status.
    status: Option<&'static str>,
    word: &'static str,
    notice: Option<KickedNotice>,
}

/// Wire 4.1: an unregistered device first, then what stops the license, then its seat.
fn seat_words(state: &LicenseState, status: Status, asking: Asking, now: Timestamp) -> SeatWords {
    let words = |status, word, notice| SeatWords { status, word, notice };
    let Some(device) = &state.device else {
        return match asking {
            Asking::Looking => words(None, "N/A", None),
            Asking::Acting => words(Some("KICKED"), "KICKED", Some(not_registered(state, now))),
        };
    };
    if !status.is_usable() || state.terms.seats_max.is_none() {
        return words(None, "N/A", None);
    }
    match (standing(device, &state.seats, now), &device.seat) {
        (SeatStatus::Occupied(_), _) => words(None, "OCCUPIED", None),
        (SeatStatus::Kicked, SeatClaim::Kicked(notice)) => words(Some("KICKED"), "KICKED", Some(notice.clone())),
        (SeatStatus::Released, _) => words(Some("VALID_NO_SEAT"), "RELEASED", None),
        _ => words(Some("VALID_NO_SEAT"), "NO_SEAT", None),
    }
}

/// Tells a device that is not, or no longer, registered (wire 4.2).
fn not_registered(state: &LicenseState, now: Timestamp) -> KickedNotice {
    let removed_at = state.removed.as_ref().and_then(|device| device.removed_at);
    KickedNotice {
        kicked_by: None,
        kicked_by_nickname: Some("Administrator".to_owned()),
        timestamp: removed_at.unwrap_or(now).to_string(),
        reason: if removed_at.is_some() { "device_removed" } else { "device_not_registered" }.to_owned(),
    }
}

fn is_subscription(state: &LicenseState) -> bool {
    state.policy.terms.kind == PolicyKind::Subscription
}

fn subscription_word(status: Status) -> &'static str {
    match status {
        Status::GracePeriod => "past_due",
        Status::Active | Status::Suspended => "active",
        Status::Expired | Status::Revoked | Status::Terminated => "canceled",
    }
}

/// When a device was last heard of: by its own record, or by the seat it holds.
fn last_seen(device: &Device, state: &LicenseState) -> Timestamp {
    let held = state.seats.iter().filter_map(|seat| seat.holder.as_ref()).find(|holder| holder.hwid == device.hwid);
    held.map_or(device.seen_at, |holder| holder.seen_at.max(device.seen_at))
}

/// The calling device first, then the others, latest seen first. The others come from an index that is a moment behind: no more are
/// listed than are registered by the license's own record.
fn machines(state: &LicenseState) -> Vec<Machine> {
    let registered = usize::try_from(state.license.device_count).unwrap_or(0);
    let caller = state.device.iter();
    let mut others: Vec<&Device> = state.others.iter().collect();
    others.sort_by_key(|device| std::cmp::Reverse(last_seen(device, state)));
    let most = registered.max(caller.len()).min(limits::MACHINES_LISTED_MAX);
    caller.chain(others).take(most).map(|device| machine(device, state)).collect()
}

/// A device as answers list it.
pub fn machine(device: &Device, state: &LicenseState) -> Machine {
    Machine {
        hwid: device.hwid.clone(),
        nickname: device.nickname.clone(),
        registered_at: device.registered_at.to_string(),
        last_check_in: Some(last_seen(device, state).to_string()),
        meta: device.meta.clone(),
    }
}

/// `customer.metadata` always has a `name`, because the existing client reads it without looking (wire 3.2).
fn customer(license: &License, caller: &Caller) -> Customer {
    let buyer = &license.buyer;
    let mut metadata = Map::from_iter([("name".to_owned(), buyer.name.clone().map_or(Value::Null, Value::String))]);
    metadata.extend(buyer.metadata.clone());
    Customer {
        email: buyer.email.clone(),
        metadata,
        last_detected_country: caller.country.clone().or_else(|| buyer.last_country.clone()),
    }
}

/// The limits, as answers contain them.
pub fn limits(terms: &Terms, mode: &str) -> Limits {
    Limits {
        time: TimeLimit {
            mode: mode.to_owned(),
            duration_days: int32(terms.duration_days),
            grace_period_days: int32(terms.grace_period_days),
        },
        seats: SeatLimit { enabled: terms.seats_max.is_some(), max_seats: int32(terms.seats_max.unwrap_or(0)) },
        tokens: TokenLimit { enabled: terms.tokens_base.is_some(), max_tokens: int32(terms.tokens_base.unwrap_or(0)) },
        devices: DeviceLimit {
            max_devices: int32(terms.devices),
            hwid_reqiured: terms.devices_limited,
            hwid_required: terms.devices_limited,
        },
    }
}

fn config(license: &License, terms: &Terms) -> LicenseConfig {
    let mode = if license.valid_until.is_some() { "duration" } else { "unlimited" };
    LicenseConfig {
        limits: limits(terms, mode),
        features: terms.features.clone(),
        capabilities: terms.capabilities.clone(),
        project_settings: terms.project_settings.clone(),
        versioning: terms.versioning.clone(),
        geofencing: terms.geofencing.clone(),
        sdk_enforcement: SdkEnforcement {
            mode: if terms.pro_only { "pro_only" } else { "standard" }.to_owned(),
            heartbeat: HeartbeatRule { interval: int32(terms.heartbeat_minutes), enabled: terms.heartbeat_enabled },
            offline_grace_period: OfflineRule { enabled: terms.offline_enabled, duration: int32(terms.offline_hours) },
        },
        customer_actions: terms.customer_actions.clone(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::license::state::tests::{NOW, device, fresh};

    #[test]
    fn an_answer_lists_no_more_machines_than_are_registered() {
        let mut state = fresh();
        state.device = Some(device("a"));
        // The index still shows a device that the license's record does not count any more.
        state.others = ["b", "c", "d"].iter().map(|hwid| device(hwid)).collect();
        state.license.device_count = 3;
        let listed =
            |state: &LicenseState| -> Vec<_> { machines(state).into_iter().map(|machine| machine.hwid).collect() };
        assert_eq!(listed(&state), ["a", "b", "c"]);
        state.device = None;
        state.license.device_count = 0;
        assert_eq!(listed(&state), [""; 0]);
        state.device = Some(Device { seen_at: NOW, ..device("a") });
        assert_eq!(listed(&state), ["a"], "the caller always");
    }
}
