//! Offline files (`.ltlm`) of air-gapped licenses (wire 4.13): which devices a file is for, and what it says.
//!
//! A file cannot be revoked: anyone who has it can use the license on its devices until it ends. The audit log records
//! that it was issued.

use std::collections::BTreeSet;

use ltlm_protocol::pattern::NAME;
use ltlm_protocol::read::{NAME_PROBLEM, Reader, is_name};
use ltlm_protocol::{Body, LicenseData, Timestamp, limits};
use serde_json::{Value, json};

use crate::domain::decision::Decision;
use crate::domain::license::credit::instant_opt;
use crate::domain::license::gate::{self, Call};
use crate::domain::license::license_data::{Asking, client_date, license_data, machine};
use crate::domain::license::state::LicenseState;
use crate::domain::license::status::Status;
use crate::model::denied::Denied;
use crate::model::device::{Device, SeatClaim};
use crate::model::record::Record;
use crate::model::write::Write;

/// Seconds between heartbeats that a file asks for: a day, so that those of an application that is online by chance are few.
const HEARTBEAT_SECONDS: i32 = 86_400;

/// `POST /v1/admin/licenses/{licenseKey}/offline-file`.
#[derive(Clone, Debug, PartialEq)]
pub struct IssueFile {
    /// The devices, the first of them named by the file itself.
    pub hwids: Vec<String>,
    /// When the file ends, if sooner than the license.
    pub valid_until: Option<Timestamp>,
    /// The project's secret that it is encrypted with; without it, the newest.
    pub secret_id: Option<String>,
    /// The caller's operation id.
    pub operation_id: Option<String>,
}

impl Body for IssueFile {
    fn read(r: &mut Reader<'_>) -> Self {
        r.require("hwids");
        let hwids = r.texts_opt("hwids", limits::FILE_DEVICES_MAX, limits::HWID_CHARS_MAX).unwrap_or_default();
        if r.value("hwids").and_then(Value::as_array).is_some_and(Vec::is_empty) {
            r.problem("hwids", "must name a device");
        }
        if !hwids.iter().all(|hwid| is_name(hwid)) {
            r.problem("hwids", NAME_PROBLEM);
        }
        if hwids.iter().collect::<BTreeSet<_>>().len() < hwids.len() {
            r.problem("hwids", "must name each device once");
        }
        Self {
            hwids,
            valid_until: instant_opt(r, "validUntil"),
            secret_id: r.text_opt("secretId", limits::NAME_CHARS_MAX),
            operation_id: ltlm_protocol::request::operation_id(r),
        }
    }

    fn keywords() -> Value {
        json!({"properties": {
            "hwids": {"minItems": 1, "uniqueItems": true, "items": {"pattern": NAME}},
            "validUntil": {"description": "No later than the license's end."},
            "secretId": {"description": "The secret that it is encrypted with; else the newest."},
        }})
    }
}

/// A license, and what is known of the devices that a file is for.
#[derive(Clone, Debug, PartialEq)]
pub struct FileState {
    /// The license.
    pub license: LicenseState,
    /// Those of the devices that have a record, removed ones too.
    pub devices: Vec<Device>,
}

impl FileState {
    /// Takes in a record as it is in the table.
    pub fn absorb(&mut self, record: Record) -> bool {
        match record {
            Record::Device(_, device) => {
                self.devices.retain(|kept| kept.hwid != device.hwid);
                self.devices.push(device);
                true
            }
            other => self.license.absorb(other),
        }
    }

    fn registered(&self, hwid: &str) -> Option<&Device> {
        self.devices.iter().find(|device| device.hwid == hwid && device.removed_at.is_none())
    }

    fn new_device(&self, hwid: &str, now: Timestamp) -> Device {
        let old = self.devices.iter().find(|device| device.hwid == hwid);
        Device {
            hwid: hwid.to_owned(),
            nickname: None,
            client_version: None,
            meta: None,
            public_key: None,
            registered_at: now,
            activated_at: now,
            seen_at: now,
            seat: SeatClaim::None,
            // A removed device counts on from its old record.
            seat_revision: old.map_or(0, |device| device.seat_revision + 1),
            released_other_at: None,
            removed_at: None,
        }
    }
}

/// Decides the issue of a file: registers its devices; the reply is what it says.
pub fn decide(state: &FileState, call: &Call, command: &IssueFile) -> Result<Decision<LicenseData>, Denied> {
    let LicenseState { license, policy, terms, .. } = &state.license;
    if !policy.terms.is_air_gapped {
        return Err(Denied::LicenseNotAirGapped);
    }
    gate::usable(&state.license, call.now)?;
    // In its grace period a license could be used online; the client takes no file that has ended.
    if state.license.status(call.now) != Status::Active {
        return Err(Denied::LicenseExpired);
    }
    if let Some(id) = &command.secret_id
        && !state.license.project.secrets.iter().any(|secret| secret.id == *id)
    {
        return Err(Denied::SecretNotFound);
    }
    let new: Vec<_> = command.hwids.iter().filter(|hwid| state.registered(hwid).is_none()).collect();
    let count = new.len() as i64;
    if let Some(max) = terms.devices_max().filter(|max| license.device_count + count > *max) {
        return Err(Denied::DeviceLimitReached { count: license.device_count, max });
    }
    let mut writes = Vec::new();
    if count > 0 {
        writes.push(Write::CountDevices {
            license: license.id.clone(),
            count,
            max: terms.devices_max(),
            country: None,
        });
    }
    let mut after = state.clone();
    for hwid in new {
        let device = state.new_device(hwid, call.now);
        after.devices.retain(|kept| kept.hwid != *hwid);
        after.devices.push(device.clone());
        writes.push(Write::AddDevice { license: license.id.clone(), device });
    }
    Ok(Decision { writes, touch: None, reply: contents(&after, call, command) })
}

/// The answer to a device of a file that calls nevertheless, as the existing client does after a pause: what a file
/// would contain now. Its call changes nothing. `None` for every other caller.
pub(crate) fn online_answer(state: &LicenseState, call: &Call) -> Option<LicenseData> {
    let device = state.device.as_ref().filter(|_| state.is_sealed && state.policy.terms.is_air_gapped)?;
    let data = license_data(call, state, state, Asking::Looking);
    Some(LicenseData {
        status: state.status(call.now).wire().to_owned(),
        machines: vec![machine(device, state)],
        ..asking_for_nothing(data)
    })
}

/// The data of a license that is used without a network, complete as the existing client needs it.
fn asking_for_nothing(mut data: LicenseData) -> LicenseData {
    data.policy.top_up_options = Vec::new();
    LicenseData {
        last_check_in: None,
        max_concurrent_seats: None,
        active_seats: None,
        seat_status: "N/A".to_owned(),
        can_release_seat: None,
        kicked_notice: None,
        seats_enabled: false,
        // A `false` would lock the application at its first call that fails.
        offline_enabled: true,
        heartbeat_interval_seconds: Some(HEARTBEAT_SECONDS),
        offline_grace_hours: limits::OFFLINE_HOURS_MAX as i32,
        ..data
    }
}

/// What the file says.
fn contents(state: &FileState, call: &Call, command: &IssueFile) -> LicenseData {
    let license = &state.license;
    let end = match (command.valid_until, license.license.valid_until) {
        (Some(asked), Some(end)) => Some(asked.min(end)),
        (asked, end) => asked.or(end),
    };
    let is_naive = license.terms.hardening.naive_dates;
    let machines = command.hwids.iter().filter_map(|hwid| state.registered(hwid)).map(|d| machine(d, license));
    LicenseData {
        status: Status::Active.wire().to_owned(),
        valid_until: end.map(|end| client_date(end, is_naive)),
        machines: machines.collect(),
        ..asking_for_nothing(license_data(call, license, license, Asking::Looking))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::license::gate::Caller;
    use crate::domain::license::state::tests::{NOW, device, fresh};
    use serde_json::json;

    fn state() -> FileState {
        let mut license = fresh();
        license.policy.terms.is_air_gapped = true;
        FileState { license, devices: Vec::new() }
    }

    fn run(state: &FileState, body: Value) -> Result<Decision<LicenseData>, Denied> {
        let call = Call { key: "LIC-0BEC53C679BF012F".into(), caller: Caller::default(), now: NOW };
        decide(state, &call, &IssueFile::parse(&body).unwrap())
    }

    #[test]
    fn a_file_is_for_its_devices_and_registers_them() {
        let mut known = state();
        known.devices = vec![device("a"), Device { removed_at: Some(NOW), seat_revision: 4, ..device("b") }];
        known.license.license.device_count = 1;
        let decision = run(&known, json!({"hwids": ["b", "a"]})).unwrap();
        let hwids: Vec<_> = decision.reply.machines.iter().map(|machine| machine.hwid.as_str()).collect();
        assert_eq!(hwids, ["b", "a"]);
        let [Write::CountDevices { count: 1, .. }, Write::AddDevice { device, .. }] = &decision.writes[..] else {
            panic!("{decision:?}")
        };
        assert_eq!((device.hwid.as_str(), device.seat_revision), ("b", 5));
        let full = run(&state(), json!({"hwids": ["a", "b", "c", "d"]})).unwrap_err();
        assert_eq!(full, Denied::DeviceLimitReached { count: 0, max: 3 });
    }

    #[test]
    fn a_file_says_what_the_existing_client_needs() {
        let reply = run(&state(), json!({"hwids": ["a"], "validUntil": "1970-01-05T00:00:00Z"})).unwrap().reply;
        assert_eq!((reply.status.as_str(), reply.seat_status.as_str(), reply.seats_enabled), ("active", "N/A", false));
        assert_eq!(reply.valid_until.as_deref(), Some("1970-01-05T00:00:00.000Z"));
        assert_eq!((reply.offline_enabled, reply.offline_grace_hours), (true, 87_600));
        assert_eq!((reply.heartbeat_interval_seconds, reply.policy.is_air_gapped), (Some(86_400), true));
        // No file outlives its license.
        let reply = run(&state(), json!({"hwids": ["a"], "validUntil": "2099-01-05T00:00:00Z"})).unwrap().reply;
        assert_eq!(reply.valid_until, Some(NOW.plus_days(30).to_string()));
    }

    #[test]
    fn files_are_for_air_gapped_licenses_in_force() {
        let mut online = state();
        online.license.policy.terms.is_air_gapped = false;
        assert_eq!(run(&online, json!({"hwids": ["a"]})).unwrap_err(), Denied::LicenseNotAirGapped);
        let mut ended = state();
        ended.license.license.valid_until = Some(NOW.plus_days(-1));
        assert_eq!(run(&ended, json!({"hwids": ["a"]})).unwrap_err(), Denied::LicenseExpired, "in grace");
        assert_eq!(run(&state(), json!({"hwids": ["a"], "secretId": "x"})).unwrap_err(), Denied::SecretNotFound);
        for bad in [
            json!({}),
            json!({"hwids": []}),
            json!({"hwids": ["a", "a"]}),
            json!({"hwids": vec!["a"; 21]}),
            json!({"hwids": [""]}),
            json!({"hwids": ["a", " "]}),
            json!({"hwids": ["a\u{7}"]}),
        ] {
            assert!(IssueFile::parse(&bad).is_err(), "{bad}");
        }
    }
}
