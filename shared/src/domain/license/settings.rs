//! User settings: one JSON document per license, shared by its devices, saved as a whole (wire 4.8, E25, E26).

use ltlm_protocol::body::Unknown;
use ltlm_protocol::license_data::UserSettings;
use ltlm_protocol::read::Reader;
use ltlm_protocol::{Body, limits};
use serde_json::{Map, Value, json};

use crate::domain::decision::Decision;
use crate::domain::license::gate::{self, Call};
use crate::domain::license::state::LicenseState;
use crate::model::denied::Denied;
use crate::model::policy_config::RESERVED_NAMES;
use crate::model::settings::Settings;
use crate::model::write::Write;

/// `PUT /v1/sdk/license/{key}/settings`.
#[derive(Clone, Debug, PartialEq)]
pub struct SaveSettings {
    /// The device, if it names itself.
    pub hwid: Option<String>,
    /// The new settings.
    pub document: Map<String, Value>,
}

/// The answer with its entity tag: the revision, 0 if nothing was ever saved.
#[derive(Clone, Debug, PartialEq)]
pub struct SettingsReply {
    /// The answer.
    pub answer: UserSettings,
    /// The revision.
    pub revision: i64,
}

impl Body for SaveSettings {
    const UNKNOWN: Unknown = Unknown::Ignored;

    fn read(r: &mut Reader<'_>) -> Self {
        r.require("settings");
        let document = r.value("settings").and_then(Value::as_object).cloned();
        if r.value("settings").is_some() && document.is_none() {
            r.problem("settings", "must be a JSON object");
        }
        Self { hwid: r.name_opt("hwid", limits::HWID_CHARS_MAX), document: document.unwrap_or_default() }
    }

    fn keywords() -> Value {
        let what = format!("At most {} UTF-16 units of compact JSON.", limits::SETTINGS_UNITS_MAX);
        json!({"properties": {"settings": {"type": "object", "description": what}}})
    }
}

/// The settings as they are.
pub fn get(state: &LicenseState, call: &Call) -> Result<SettingsReply, Denied> {
    guards(state, call)?;
    Ok(reply_of(state.settings.as_ref()))
}

/// Decides a save. Last writer wins, unless the caller says which revision it saw. Saving what is there changes nothing.
pub fn decide(
    state: &LicenseState,
    call: &Call,
    command: &SaveSettings,
    if_match: Option<i64>,
) -> Result<Decision<SettingsReply>, Denied> {
    guards(state, call)?;
    let found = state.settings.as_ref().map(|settings| settings.revision);
    // Also where the caller saw an older revision: it is its own save, whose answer was lost (RFC 9110, 13.1.1).
    if state.settings.as_ref().is_some_and(|settings| settings.document == command.document) {
        return Ok(Decision::read(reply_of(state.settings.as_ref())));
    }
    if if_match.is_some_and(|seen| seen != found.unwrap_or(0)) {
        return Err(Denied::SettingsChanged);
    }
    acceptable(&command.document)?;
    let settings =
        Settings { document: command.document.clone(), revision: found.unwrap_or(0) + 1, updated_at: call.now };
    let reply = reply_of(Some(&settings));
    let license = state.license.id.clone();
    Ok(Decision::write(vec![Write::SaveSettings { license, settings, found }], reply))
}

/// A device that names itself must be registered.
fn guards(state: &LicenseState, call: &Call) -> Result<(), Denied> {
    gate::plain(state)?;
    match call.caller.hwid {
        Some(_) => gate::registered(state).map(|_| ()),
        None => Ok(()),
    }
}

/// Refuses settings that would make every later answer unreadable to the existing client.
fn acceptable(document: &Map<String, Value>) -> Result<(), Denied> {
    let value = Value::Object(document.clone());
    if value.to_string().encode_utf16().count() > limits::SETTINGS_UNITS_MAX {
        return Err(Denied::SettingsTooLarge);
    }
    match offending(&value, limits::DOCUMENT_DEPTH_MAX) {
        None => Ok(()),
        Some(mut path) => {
            path.reverse();
            Err(Denied::SettingsRejected { path: path.join(".") })
        }
    }
}

/// The way to the first reserved name, or to the first place below `levels` levels, innermost name first.
fn offending(value: &Value, levels: usize) -> Option<Vec<String>> {
    let inner: Vec<(String, &Value)> = match value {
        Value::Object(members) => members.iter().map(|(name, inner)| (name.clone(), inner)).collect(),
        Value::Array(list) => list.iter().enumerate().map(|(index, inner)| (index.to_string(), inner)).collect(),
        _ => return None,
    };
    inner.into_iter().find_map(|(name, inner)| {
        let too_deep = levels <= 1 && (inner.is_object() || inner.is_array());
        let reserved = value.is_object() && RESERVED_NAMES.contains(&name.as_str());
        if too_deep || reserved {
            return Some(vec![name]);
        }
        let mut path = offending(inner, levels.saturating_sub(1))?;
        path.push(name);
        Some(path)
    })
}

fn reply_of(settings: Option<&Settings>) -> SettingsReply {
    SettingsReply {
        answer: UserSettings {
            success: true,
            message: None,
            settings: settings.map(|s| s.document.clone()).unwrap_or_default(),
            updated_at: settings.map(|s| s.updated_at.to_string()),
        },
        revision: settings.map_or(0, |s| s.revision),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn nested(levels: usize) -> Map<String, Value> {
        let inner = (1..levels).fold(json!({}), |inner, _| json!({ "n": inner }));
        inner.as_object().cloned().unwrap()
    }

    #[test]
    fn a81_settings_nest_thirty_two_levels() {
        assert_eq!(acceptable(&nested(32)), Ok(()));
        let refused = acceptable(&nested(33)).unwrap_err();
        assert_eq!(refused, Denied::SettingsRejected { path: vec!["n"; 32].join(".") });
        let mut listed = Map::new();
        listed.insert("l".into(), (0..32).fold(json!(1), |inner, _| json!([inner])));
        assert!(matches!(acceptable(&listed), Err(Denied::SettingsRejected { .. })));
    }

    #[test]
    fn names_that_break_the_client_are_refused_wherever_they_stand() {
        for name in RESERVED_NAMES {
            let document = json!({"a": [{"b": {*name: 1}}]});
            let refused = acceptable(document.as_object().unwrap()).unwrap_err();
            assert_eq!(refused, Denied::SettingsRejected { path: format!("a.0.b.{name}") });
        }
        assert_eq!(acceptable(json!({"ref": "$ref", "list": ["$id"]}).as_object().unwrap()), Ok(()));
    }

    #[test]
    fn a79_the_size_counts_utf_16_units() {
        let of = |units: usize| Map::from_iter([("k".to_owned(), json!("漢".repeat(units - 8)))]);
        assert_eq!(acceptable(&of(65_536)), Ok(()));
        assert_eq!(acceptable(&of(65_537)), Err(Denied::SettingsTooLarge));
    }
}
