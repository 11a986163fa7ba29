//! What holds for one license: project, policy and license merged (wire 4.12), then read with defaults.

use std::collections::BTreeMap;

use ltlm_protocol::license_data::{CustomerActions, Geofencing, Versioning};
use ltlm_protocol::limits;
use ltlm_protocol::read::whole;
use serde_json::{Map, Value, json};

use crate::domain::pro::hardening::Hardening;
use crate::model::license::License;
use crate::model::policy::Policy;
use crate::model::project::Project;
use crate::model::purchases::Purchases;

/// Devices of a policy that does not say (wire 4.2).
const DEVICES_DEFAULT: i64 = 1;

/// Minutes between heartbeats of a policy that does not say (wire 4.7).
const HEARTBEAT_MINUTES_DEFAULT: i64 = 5;

/// A seat lasts two heartbeats, and at least this long, in seconds (wire 4.3).
const SEAT_SECONDS_MIN: i64 = 120;

/// The merged configuration of one license.
#[derive(Clone, Debug, PartialEq)]
pub struct Terms {
    /// Days a new license lasts, 0 if the policy does not say.
    pub duration_days: i64,
    /// Days of grace after the end.
    pub grace_period_days: i64,
    /// Seats, if they are managed.
    pub seats_max: Option<i64>,
    /// Tokens of the allocation, if tokens are managed.
    pub tokens_base: Option<i64>,
    /// Devices, as configured.
    pub devices: i64,
    /// Are devices limited at all?
    pub devices_limited: bool,
    /// Texts by name.
    pub features: BTreeMap<String, Option<String>>,
    /// Names of what is on.
    pub capabilities: Vec<String>,
    /// The vendor's own data.
    pub project_settings: Map<String, Value>,
    /// Allowed versions.
    pub versioning: Versioning,
    /// Allowed countries, upper-case.
    pub geofencing: Geofencing,
    /// What the project asks for beyond the existing client.
    pub hardening: Hardening,
    /// Refuse callers of unknown country?
    pub deny_unknown_country: bool,
    /// Encrypted endpoints only?
    pub pro_only: bool,
    /// Is a heartbeat prescribed?
    pub heartbeat_enabled: bool,
    /// Minutes between heartbeats.
    pub heartbeat_minutes: i64,
    /// May the application run without contact?
    pub offline_enabled: bool,
    /// For how many hours.
    pub offline_hours: i64,
    /// What customers can do themselves.
    pub customer_actions: CustomerActions,
}

impl Terms {
    /// Tokens that a batch may overdraw the license by; `None` if there is no bound.
    pub fn batch_floor(&self) -> Option<i64> {
        self.hardening.batch_floor.tokens(self.tokens_base.unwrap_or(0))
    }

    /// Merges and reads. Shapes were checked when they were written, so an odd value reads as its default.
    pub fn resolve(project: &Project, policy: &Policy, license: &License) -> Self {
        Self::merged(project, policy, &license.overrides, &license.purchases)
    }

    /// What the store shows of a policy before a purchase.
    pub fn of_policy(project: &Project, policy: &Policy) -> Self {
        Self::merged(project, policy, &Map::new(), &Purchases::default())
    }

    fn merged(project: &Project, policy: &Policy, overrides: &Map<String, Value>, purchases: &Purchases) -> Self {
        let mut config = Value::Object(policy.terms.config.clone());
        for name in &purchases.capabilities {
            merge(&mut config, &json!({"features": {name: "true"}}));
        }
        override_with(&mut config, overrides);
        let at = |path: &str| config.pointer(path);
        let int = |path: &str| at(path).and_then(whole);
        let flag = |path: &str| at(path).and_then(Value::as_bool);
        let text = |path: &str| at(path).and_then(Value::as_str).filter(|t| !t.is_empty()).map(str::to_owned);

        let mut capabilities = names(at("/capabilities"));
        for name in &purchases.capabilities {
            if !capabilities.contains(name) {
                capabilities.push(name.clone());
            }
        }
        let offline_hours =
            int("/sdkEnforcement/offlineGracePeriod/duration").or_else(|| int("/limits/offlineGracePeriodHours"));
        let offline_enabled =
            flag("/sdkEnforcement/offlineGracePeriod/enabled").unwrap_or(offline_hours.is_some_and(|h| h > 0));
        let old_interval = int("/sdkEnforcement/heartbeatIntervalSeconds").map(|seconds| (seconds / 60).max(1));
        Self {
            duration_days: int("/limits/time/durationDays").unwrap_or(0),
            grace_period_days: int("/limits/time/gracePeriodDays").unwrap_or(0),
            seats_max: flag("/limits/seats/enabled").unwrap_or(false).then(|| {
                int("/limits/seats/maxSeats").unwrap_or(0).saturating_add(purchases.seats).min(limits::SEATS_MAX)
            }),
            tokens_base: flag("/limits/tokens/enabled")
                .unwrap_or(false)
                .then(|| int("/limits/tokens/maxTokens").unwrap_or(0)),
            devices: int("/limits/devices/maxDevices").unwrap_or(DEVICES_DEFAULT).saturating_add(purchases.devices),
            devices_limited: flag("/limits/devices/hwidRequired")
                .or_else(|| flag("/limits/devices/hwidReqiured"))
                .unwrap_or(true),
            features: features(at("/features"), &capabilities),
            capabilities,
            project_settings: project_settings(project, policy, overrides),
            versioning: Versioning {
                enabled: flag("/versioning/enabled").unwrap_or(false),
                min_version: text("/versioning/minVersion"),
                max_version: text("/versioning/maxVersion"),
            },
            geofencing: Geofencing {
                enabled: flag("/geofencing/enabled").unwrap_or(false),
                allowed_countries: countries(at("/geofencing/allowedCountries")),
                blocked_countries: countries(at("/geofencing/blockedCountries")),
            },
            hardening: Hardening::of(project),
            deny_unknown_country: project.denies_unknown_country(),
            pro_only: matches!(text("/sdkEnforcement/mode").as_deref(), Some("pro_only" | "sdk_only")),
            heartbeat_enabled: flag("/sdkEnforcement/heartbeat/enabled").unwrap_or(true),
            heartbeat_minutes: int("/sdkEnforcement/heartbeat/interval")
                .or(old_interval)
                .unwrap_or(HEARTBEAT_MINUTES_DEFAULT),
            offline_enabled,
            offline_hours: if offline_enabled { offline_hours.unwrap_or(0) } else { 0 },
            customer_actions: CustomerActions {
                allow_hardware_release: flag("/customerActions/allowHardwareRelease").unwrap_or(false),
                allow_remote_seat_release: flag("/customerActions/allowRemoteSeatRelease").unwrap_or(false),
                can_buy_top_ups: flag("/customerActions/canBuyTopUps").unwrap_or(false),
                seat_release_cooldown_seconds: ltlm_protocol::int32(
                    int("/customerActions/seatReleaseCooldownSeconds").unwrap_or(0),
                ),
            },
        }
    }

    /// Seconds between heartbeats.
    pub fn heartbeat_seconds(&self) -> i64 {
        self.heartbeat_minutes.saturating_mul(60)
    }

    /// Seconds that a seat lasts after its holder was last heard of (wire 4.3).
    pub fn seat_seconds(&self) -> i64 {
        self.heartbeat_seconds().saturating_mul(2).max(SEAT_SECONDS_MIN)
    }

    /// Devices allowed; `None` without a limit.
    pub fn devices_max(&self) -> Option<i64> {
        self.devices_limited.then_some(self.devices)
    }
}

/// A policy's configuration with a license's overrides.
pub fn over(config: &Map<String, Value>, overrides: &Map<String, Value>) -> Value {
    let mut config = Value::Object(config.clone());
    merge(&mut config, &Value::Object(overrides.clone()));
    config
}

/// Lays `over` on `base`: objects member by member, everything else (lists too) replaced.
fn merge(base: &mut Value, over: &Value) {
    match (base, over) {
        (Value::Object(base), Value::Object(over)) => {
            for (name, value) in over {
                merge(base.entry(name.clone()).or_insert(Value::Null), value);
            }
        }
        (base, over) => *base = over.clone(),
    }
}

/// Members of a configuration that hold the vendor's own names: there null is a value.
const FREE_FORM: &[&str] = &["features", "projectSettings", "metadata"];

/// Lays a license's overrides on its policy's configuration. Null overrides nothing: the policy's value holds.
fn override_with(config: &mut Value, overrides: &Map<String, Value>) {
    let (free, fixed): (Map<_, _>, Map<_, _>) = overrides
        .clone()
        .into_iter()
        .partition(|(name, value)| FREE_FORM.contains(&name.as_str()) && value.is_object());
    merge(config, &without_nulls(&Value::Object(fixed)));
    merge(config, &Value::Object(free));
}

/// An object without its members that are null, at any depth.
fn without_nulls(value: &Value) -> Value {
    let Value::Object(members) = value else { return value.clone() };
    let kept = members.iter().filter(|(_, value)| !value.is_null());
    Value::Object(kept.map(|(name, value)| (name.clone(), without_nulls(value))).collect())
}

/// Project, then policy, then license; a later level replaces the whole value of a name, null included (case A93).
fn project_settings(project: &Project, policy: &Policy, overrides: &Map<String, Value>) -> Map<String, Value> {
    let mut merged = project.project_settings.clone();
    for level in [&policy.terms.config, overrides] {
        if let Some(Value::Object(settings)) = level.get("projectSettings") {
            merged.extend(settings.iter().map(|(name, value)| (name.clone(), value.clone())));
        }
    }
    merged
}

/// Features as texts, with every capability on unless a feature of that name says otherwise (wire 3.4, case A92).
fn features(value: Option<&Value>, capabilities: &[String]) -> BTreeMap<String, Option<String>> {
    let mut features: BTreeMap<_, _> =
        capabilities.iter().map(|name| (name.clone(), Some("true".to_owned()))).collect();
    for (name, value) in value.and_then(Value::as_object).into_iter().flatten() {
        let text = match value {
            Value::Null => None,
            Value::String(text) => Some(text.clone()),
            other => Some(other.to_string()),
        };
        features.insert(name.clone(), text);
    }
    features
}

fn names(value: Option<&Value>) -> Vec<String> {
    value.and_then(Value::as_array).into_iter().flatten().filter_map(Value::as_str).map(str::to_owned).collect()
}

fn countries(value: Option<&Value>) -> Vec<String> {
    names(value).into_iter().map(|name| name.to_ascii_uppercase()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::license::state::tests::{license, policy, project};

    fn object(value: Value) -> Map<String, Value> {
        value.as_object().cloned().unwrap()
    }

    #[test]
    fn a92_a_feature_overrides_its_capability() {
        let mut license = license();
        license.overrides = object(json!({"features": {"pro": false}}));
        let terms = Terms::resolve(&project(), &policy(), &license);
        assert_eq!(terms.features["pro"].as_deref(), Some("false"));
        license.overrides.clear();
        let terms = Terms::resolve(&project(), &policy(), &license);
        assert_eq!(terms.features["pro"].as_deref(), Some("true"));
        assert_eq!(terms.capabilities, ["pro"]);
    }

    #[test]
    fn a93_project_settings_merge_name_by_name() {
        let (mut project, mut policy, mut license) = (project(), policy(), license());
        project.project_settings = object(json!({"a": 1, "b": {"x": 1}}));
        policy.terms.config.insert("projectSettings".into(), json!({"b": {"y": 2}, "c": 3}));
        license.overrides = object(json!({"projectSettings": {"c": null}}));
        let settings = Terms::resolve(&project, &policy, &license).project_settings;
        assert_eq!(Value::Object(settings), json!({"a": 1, "b": {"y": 2}, "c": null}));
    }

    #[test]
    fn a17_features_are_texts() {
        let mut policy = policy();
        policy.terms.config.insert("features".into(), json!({"t": true, "n": 5, "f": 1.5, "z": null, "o": {"a": [1]}}));
        let features = Terms::resolve(&project(), &policy, &license()).features;
        let of = |name: &str| features[name].as_deref();
        assert_eq!(
            [of("t"), of("n"), of("f"), of("z"), of("o")],
            [Some("true"), Some("5"), Some("1.5"), None, Some(r#"{"a":[1]}"#)]
        );
    }

    #[test]
    fn a49_enforcement_is_read_in_minutes_and_hours() {
        let mut policy = policy();
        policy.terms.config = object(
            json!({"sdkEnforcement": {"heartbeat": {"interval": 10}, "offlineGracePeriod": {"enabled": false, "duration": 72}}}),
        );
        let terms = Terms::resolve(&project(), &policy, &license());
        assert_eq!(
            (terms.heartbeat_seconds(), terms.seat_seconds(), terms.offline_enabled, terms.offline_hours),
            (600, 1200, false, 0)
        );
    }

    #[test]
    fn a_null_override_overrides_nothing() {
        let mut license = license();
        let without = Terms::resolve(&project(), &policy(), &license);
        for overrides in [
            json!({"limits": {"seats": {"maxSeats": null}}}),
            json!({"limits": {"seats": {"enabled": null}, "devices": {"maxDevices": null, "hwidRequired": null}}}),
            json!({"limits": {"tokens": {"maxTokens": null}, "time": {"gracePeriodDays": null}, "seats": null}}),
            json!({"limits": null, "capabilities": null, "features": null, "projectSettings": null}),
            json!({"sdkEnforcement": {"heartbeat": {"interval": null}, "offlineGracePeriod": {"enabled": null, "duration": null}}}),
            json!({"customerActions": {"allowRemoteSeatRelease": null, "seatReleaseCooldownSeconds": null}, "versioning": null}),
        ] {
            license.overrides = object(overrides.clone());
            assert_eq!(Terms::resolve(&project(), &policy(), &license), without, "{overrides}");
        }
        // Among the vendor's own names null is a value.
        license.overrides = object(json!({"features": {"pro": null}}));
        assert_eq!(Terms::resolve(&project(), &policy(), &license).features["pro"], None);
    }

    #[test]
    fn overrides_reach_single_members() {
        let mut license = license();
        license.overrides = object(json!({"limits": {"seats": {"maxSeats": 7}}, "capabilities": ["x"]}));
        let terms = Terms::resolve(&project(), &policy(), &license);
        assert_eq!((terms.seats_max, terms.tokens_base), (Some(7), Some(100)));
        assert_eq!(terms.capabilities, ["x"]);
    }
}
