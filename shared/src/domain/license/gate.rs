//! The guards that every request passes, in order of precedence (wire 4.10, 4.11, 4.13).
//!
//! To add a guard: a variant of `Denied` in its place, a check here in the same place, a case below.

use ltlm_protocol::Timestamp;
use ltlm_protocol::request::Activate;

use crate::domain::license::state::LicenseState;
use crate::domain::license::status::Status;
use crate::domain::pro::device_proof::Proof;
use crate::model::denied::Denied;
use crate::model::device::Device;
use crate::model::ids::OperationKey;
use crate::model::wallet::entry::{self, Entry};
use crate::model::write::Write;

/// What a request shows of its caller.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Caller {
    /// The device, if the request names one.
    pub hwid: Option<String>,
    /// ISO 3166 alpha-2, upper-case, if a trusted edge sent it.
    pub country: Option<String>,
    /// The device's signature, if it signed.
    pub proof: Option<Proof>,
}

/// One call on a license: the key that it names, its caller, and its time.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Call {
    /// The canonical license key.
    pub key: String,
    /// The caller.
    pub caller: Caller,
    /// The one instant this call is judged at.
    pub now: Timestamp,
}

/// May the license be used by the endpoint that the call came by?
pub fn plain(state: &LicenseState) -> Result<(), Denied> {
    if state.terms.pro_only && !state.is_sealed {
        return Err(Denied::ProSdkRequired);
    }
    Ok(())
}

/// May the license be used online? After [`plain`].
pub fn online(state: &LicenseState) -> Result<(), Denied> {
    plain(state)?;
    if state.policy.terms.is_air_gapped {
        return Err(Denied::OfflineActivationRequired);
    }
    Ok(())
}

/// May the caller's country use it? Blocked first, then the allowed list if there is one.
pub fn region(state: &LicenseState, caller: &Caller) -> Result<(), Denied> {
    let rule = &state.terms.geofencing;
    if !rule.enabled {
        return Ok(());
    }
    let allowed = match &caller.country {
        None => !state.terms.deny_unknown_country,
        Some(country) if rule.blocked_countries.contains(country) => false,
        Some(country) => rule.allowed_countries.is_empty() || rule.allowed_countries.contains(country),
    };
    if allowed { Ok(()) } else { Err(Denied::RegionBlocked) }
}

/// Stores the caller's country with the license, if it differs from the last one (wire 4.11). It is written outside the
/// transaction: the vendor sees it, and no decision uses it.
pub fn country_seen(state: &LicenseState, caller: &Caller) -> Option<Write> {
    let country = caller.country.clone().filter(|_| state.license.buyer.last_country != caller.country)?;
    Some(Write::SeeCountry { license: state.license.id.clone(), country })
}

/// Is the application's version within the allowed range, both ends included?
pub fn version(state: &LicenseState, command: &Activate) -> Result<(), Denied> {
    let rule = &state.terms.versioning;
    if !rule.enabled {
        return Ok(());
    }
    let sent = command.client_version.as_deref().unwrap_or("");
    let version = parts(sent);
    let too_old = rule.min_version.as_deref().is_some_and(|min| version < parts(min));
    let too_new = rule.max_version.as_deref().is_some_and(|max| version > parts(max));
    if !too_old && !too_new {
        return Ok(());
    }
    Err(Denied::VersionNotSupported {
        member: command.version_member,
        version: sent.to_owned(),
        min: rule.min_version.clone().unwrap_or_default(),
        max: rule.max_version.clone().unwrap_or_default(),
    })
}

/// A version as numbers (wire 4.11): split at dots, each part up to its first non-digit, trailing zeros dropped so that
/// `1.0` equals `1`.
fn parts(version: &str) -> Vec<u64> {
    let digits = |part: &str| part.chars().take_while(char::is_ascii_digit).collect::<String>();
    let mut parts: Vec<u64> = version.split('.').map(|part| digits(part).parse().unwrap_or(0)).collect();
    while parts.last() == Some(&0) {
        parts.pop();
    }
    parts
}

/// Has the vendor stopped the license?
pub fn not_stopped(state: &LicenseState, now: Timestamp) -> Result<(), Denied> {
    match state.status(now) {
        Status::Terminated => Err(Denied::LicenseTerminated),
        Status::Revoked => Err(Denied::LicenseRevoked),
        Status::Suspended => Err(Denied::LicenseSuspended),
        Status::Expired | Status::Active | Status::GracePeriod => Ok(()),
    }
}

/// Is the license in force? After [`not_stopped`].
pub fn usable(state: &LicenseState, now: Timestamp) -> Result<(), Denied> {
    not_stopped(state, now)?;
    match state.status(now) {
        Status::Expired => Err(Denied::LicenseExpired),
        _ => Ok(()),
    }
}

/// Is the caller a registered device?
pub fn registered(state: &LicenseState) -> Result<&Device, Denied> {
    state.device.as_ref().ok_or(Denied::DeviceNotRegistered)
}

/// Does the license have this capability? It is on iff its feature's lower-cased text is `true` or `1`, as the existing
/// client reads it (wire 3.4).
pub fn capability(state: &LicenseState, name: Option<&str>) -> Result<(), Denied> {
    let Some(name) = name else { return Ok(()) };
    let text = state.terms.features.get(name).and_then(|text| text.as_deref()).unwrap_or("").to_lowercase();
    match text.as_str() {
        "true" | "1" => Ok(()),
        _ => Err(Denied::CapabilityMissing),
    }
}

/// Did this operation happen already? Then its entry is the answer, unless the id came with another request.
pub fn replay<'a>(state: &'a LicenseState, key: &OperationKey) -> Result<Option<&'a Entry>, Denied> {
    entry::replay(state.entry.as_ref(), key)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::license::state::tests::fresh;
    use ltlm_protocol::Body;
    use ltlm_protocol::license_data::{Geofencing, Versioning};

    fn activation(version: &str) -> Activate {
        Activate::parse(&serde_json::json!({"hwid": "a", "clientVersion": version})).unwrap()
    }

    #[test]
    fn a42_versions_are_compared_part_by_part() {
        let mut state = fresh();
        state.terms.versioning =
            Versioning { enabled: true, min_version: Some("1.0.0".into()), max_version: Some("2.0".into()) };
        let allowed: Vec<_> = ["0.9.9", "1.0", "2.0.0", "2.0.1", "dev-build", "1.10.3-beta", ""]
            .iter()
            .map(|v| version(&state, &activation(v)).is_ok())
            .collect();
        assert_eq!(allowed, [false, true, true, false, false, true, false]);
        assert!(version(&state, &activation("")).is_err());
    }

    #[test]
    fn a43_blocked_countries_come_before_allowed_ones() {
        let mut state = fresh();
        let list = |names: &[&str]| names.iter().map(|n| (*n).to_owned()).collect();
        state.terms.geofencing =
            Geofencing { enabled: true, allowed_countries: list(&["DE", "FR"]), blocked_countries: list(&["KP"]) };
        let mut from = |country: Option<&str>, deny: bool| {
            state.terms.deny_unknown_country = deny;
            region(&state, &Caller { country: country.map(str::to_owned), ..Caller::default() }).is_ok()
        };
        assert_eq!([from(Some("KP"), false), from(Some("US"), false), from(Some("DE"), false)], [false, false, true]);
        assert_eq!([from(None, false), from(None, true)], [true, false]);
    }
}
