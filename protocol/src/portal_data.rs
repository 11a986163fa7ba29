//! Answers of the portal's and the developers' routes (wire 1.3, E13 to E16).

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::license_data::LicenseData;

/// That a code is on its way, if the address is known.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct CodeRequested {
    /// Always true.
    pub success: bool,
    /// For people.
    pub message: String,
}

/// What was bought with an address.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Portfolio {
    /// The address.
    pub email: String,
    /// Licenses, newest first; never null.
    pub licenses: Vec<LicenseData>,
    /// Where the next page starts, if there are more than one answer holds: sent as `cursor` in place of the code, within 15 minutes.
    #[serde(default, rename = "nextCursor", skip_serializing_if = "Option::is_none")]
    pub next_cursor: Option<String>,
}

/// What a developer's sign-in comes to: all members are there, empty where they do not apply, because the existing editor reads it
/// with a parser that knows no absent ones.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct SignedIn {
    /// The developer who signed in.
    pub user: SignedInUser,
    /// The vendor.
    pub organizations: Vec<SignedInOrganization>,
    /// Projects with their secrets.
    pub projects: Vec<SignedInProject>,
    /// Always `""`: no route accepts one.
    pub access_token: String,
    /// A second factor is needed: send `mfaToken` with the code.
    pub mfa_required: bool,
    /// `email`, if a second factor is needed.
    pub mfa_method: String,
    /// Names the sign-in that waits for its second factor.
    pub mfa_token: String,
    /// Numeric id of the user.
    pub user_id: i32,
}

/// A developer.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct SignedInUser {
    /// Numeric id.
    pub user_id: i32,
    /// The e-mail address.
    pub username: String,
    /// The name.
    pub full_name: String,
}

/// The vendor.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct SignedInOrganization {
    /// Numeric id: there is one.
    pub id: i32,
    /// Its name.
    pub name: String,
    /// `developer`.
    pub role: String,
    /// `active`.
    pub status: String,
}

/// A project with what an application is built with.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct SignedInProject {
    /// Numeric id.
    pub id: i32,
    /// Name.
    pub name: String,
    /// Its id.
    pub public_id: String,
    /// Always `""`.
    pub description: String,
    /// `active`.
    pub status: String,
    /// Always false.
    pub is_public: bool,
    /// Always `""`.
    pub category: String,
    /// Always empty.
    pub tags: Vec<String>,
    /// Verifies signed answers; PEM with line feeds.
    pub public_key: String,
    /// The newest secret, 64 hex digits.
    pub secret_key: String,
    /// What its policies can include.
    pub capabilities: Vec<String>,
    /// What its applications report.
    pub analytics: SignedInAnalytics,
    /// The vendor's own data.
    pub settings: Map<String, Value>,
    /// The vendor.
    pub org_id: i32,
    /// The vendor's name.
    pub org_name: String,
}

/// What a project's applications report, as its settings say (`analytics.events`).
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct SignedInAnalytics {
    /// Kinds of events.
    pub events: Vec<SignedInEvent>,
}

/// A kind of event.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct SignedInEvent {
    /// Its id: the type again.
    pub id: String,
    /// The type.
    #[serde(rename = "type")]
    pub kind: String,
    /// What it is for.
    pub description: String,
}

/// A developer, as the administrator sees it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct DeveloperData {
    /// The e-mail address.
    pub username: String,
    /// The name.
    pub full_name: String,
    /// The projects whose secrets the developer can get; null for all.
    pub projects: Option<Vec<String>>,
    /// Is a second factor required?
    pub mfa: bool,
    /// May it sign in no more?
    pub disabled: bool,
    /// When it was created.
    pub created_at: String,
}

/// Answer of `GET /v1/admin/developers`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct DeveloperList {
    /// Developers, newest first.
    pub developers: Vec<DeveloperData>,
    /// Give it back as `cursor` for the next page; null at the end.
    pub next_cursor: Option<String>,
}
