//! Answers of the administration routes that are the vendor's alone.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::license_data::{LicenseData, Machine, PolicyData};

/// A license in a list.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct LicenseSummary {
    /// Numeric id.
    #[serde(rename = "LicenseID")]
    pub license_id: i32,
    /// Numeric id of its policy.
    #[serde(rename = "PolicyID")]
    pub policy_id: i32,
    /// The key; `""` of a license that was imported without its project's keys: the deployment knows it by its hash.
    pub license_key: String,
    /// `active`, `grace_period`, `expired`, `suspended`, `revoked` or `terminated`.
    pub status: String,
    /// What the vendor decided: `active`, `suspended`, `revoked` or `terminated`.
    pub state: String,
    /// End of the license, if it has one.
    pub valid_until: Option<String>,
    /// Registered devices.
    pub devices: i32,
    /// It was paid for with the payment provider's test money.
    #[serde(default)]
    pub test: bool,
    /// The buyer.
    pub customer: LicenseBuyer,
    /// When it was issued.
    pub created_at: String,
}

/// The buyer of a license, in a list.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct LicenseBuyer {
    /// E-mail, `""` if unknown.
    pub email: String,
    /// Name, if known.
    pub name: Option<String>,
}

/// Answer of `POST …/licenses`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct IssuedLicenses {
    /// The licenses, in the order of their creation.
    pub licenses: Vec<LicenseData>,
}

/// Answer of `GET …/licenses`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct LicenseList {
    /// Licenses, newest first.
    pub licenses: Vec<LicenseSummary>,
    /// Give it back as `cursor` for the next page; null at the end.
    pub next_cursor: Option<String>,
}

/// Answer of `GET …/devices`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct DeviceList {
    /// Registered devices, last activated first.
    pub devices: Vec<Machine>,
    /// Give it back as `cursor` for the next page; null at the end.
    pub next_cursor: Option<String>,
}

/// A project, as its vendor sees it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct ProjectData {
    /// Its id.
    pub project_id: String,
    /// Numeric id on the wire.
    #[serde(rename = "ProjectID")]
    pub number: i32,
    /// Name.
    pub name: String,
    /// How the service treats it.
    pub settings: Map<String, Value>,
    /// The vendor's own data, merged into every license.
    pub project_settings: Map<String, Value>,
    /// Verifies signed answers; PEM.
    pub public_key: String,
    /// The secrets in force, by name; never the secrets themselves.
    pub secrets: Vec<SecretName>,
    /// When it was created.
    pub created_at: String,
    /// Unknown members of the settings.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub warnings: Vec<String>,
    /// The secret that this call created; in no other answer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub secret_key: Option<String>,
    /// Its name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub secret_id: Option<String>,
}

/// Names a project's secret.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct SecretName {
    /// Its id.
    pub secret_id: String,
    /// When it was created.
    pub created_at: String,
}

/// Answer of `GET /v1/admin/projects`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct ProjectList {
    /// Projects, newest first.
    pub projects: Vec<ProjectData>,
    /// Give it back as `cursor` for the next page; null at the end.
    pub next_cursor: Option<String>,
}

/// A policy, as its vendor sees it: with its configuration as it was written.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct PolicyDetails {
    /// The policy as licenses show it.
    #[serde(flatten)]
    pub policy: PolicyData,
    /// `active`, or `archived`: not for sale any more.
    pub status: String,
    /// Its project.
    pub project_id: String,
    /// A readable name.
    pub slug: Option<String>,
    /// The configuration as it was written.
    pub config: Map<String, Value>,
    /// How the allocation is renewed.
    pub renewal: Map<String, Value>,
    /// When it was created.
    pub created_at: String,
    /// Unknown members of the configuration.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub warnings: Vec<String>,
}

/// Answer of `GET …/policies`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct PolicyList {
    /// Policies, newest first.
    pub policies: Vec<PolicyDetails>,
    /// Give it back as `cursor` for the next page; null at the end.
    pub next_cursor: Option<String>,
}

/// An administrator key, as the vendor sees it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct AdminKeyData {
    /// Its id.
    pub key_id: String,
    /// What it is for, for people.
    pub name: Option<String>,
    /// What it may be used for.
    pub scopes: Vec<String>,
    /// The one project it is for.
    pub project_id: Option<String>,
    /// It stops working here.
    pub expires_at: Option<String>,
    /// The key that created it.
    pub created_by: String,
    /// Its ancestors, the creator last. For a key of an older version, only the creator is known.
    #[serde(default)]
    pub family: Vec<String>,
    /// When it was created.
    pub created_at: String,
    /// When it was revoked.
    pub revoked_at: Option<String>,
    /// The key itself: only in the answer to the call that created it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub key: Option<String>,
}

/// Answer of `GET /v1/admin/keys`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct AdminKeyList {
    /// Keys, newest first.
    pub keys: Vec<AdminKeyData>,
    /// Give it back as `cursor` for the next page; null at the end.
    pub next_cursor: Option<String>,
}

/// One line of the audit log.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct AuditEntry {
    /// When.
    pub timestamp: String,
    /// The id of the key; `first` is the stack's own.
    pub key_id: String,
    /// The keys that this one descends from, its maker last; empty of the stack's own, and of what was noted by an older version.
    #[serde(default)]
    pub family: Vec<String>,
    /// The caller's network address, if it is known.
    pub from: Option<String>,
    /// The route's name.
    pub action: String,
    /// The path, license keys masked.
    pub target: String,
    /// The operation's id.
    pub operation_id: String,
    /// The request's body, if it was not too long to keep.
    pub change: Option<Value>,
}

/// Answer of `GET /v1/admin/audit`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct AuditLog {
    /// Acts, newest first.
    pub entries: Vec<AuditEntry>,
    /// Give it back as `cursor` for the next page; null at the end.
    pub next_cursor: Option<String>,
}

/// Answer of `POST …/rewrap`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct Rewrapped {
    /// Keys that the previous key wrapped and the deployment's own wraps now.
    pub rewrapped: i64,
    /// Keys that the deployment's own key wrapped already.
    pub unchanged: i64,
}

impl std::ops::AddAssign for Rewrapped {
    fn add_assign(&mut self, other: Self) {
        self.rewrapped += other.rewrapped;
        self.unchanged += other.unchanged;
    }
}
