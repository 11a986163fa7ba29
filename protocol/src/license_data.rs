//! `LicenseData` and the other answers of the plain REST face (wire sections 1.3 and 3), member for member.
//!
//! Members without `Option` must never be null on the wire; integers are 32-bit (wire 3.1). Field order is the order in
//! which the contract lists them.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::Amount;

/// The whole of a license as one device sees it (wire 3.2).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct LicenseData {
    /// Numeric id.
    #[serde(rename = "LicenseID")]
    pub license_id: i32,
    /// Numeric id of the project.
    #[serde(rename = "ProjectID")]
    pub project_id: i32,
    /// The canonical key.
    pub license_key: String,
    /// `active`, `grace_period`, `VALID_NO_SEAT`, `KICKED`, `expired`, `suspended`, `revoked` or `terminated`.
    pub status: String,
    /// `production`, `staging` or `development`.
    pub environment: String,
    /// End of the license, if it has one.
    pub valid_until: Option<String>,
    /// End of the grace period after it.
    pub grace_period_ends: Option<String>,
    /// The calling device's contact before this one; null in a compact answer.
    pub last_check_in: Option<String>,
    /// Next billing of a subscription.
    pub next_billing_date: Option<String>,
    /// Tokens allocated; null without tokens.
    pub tokens_limit: Option<i32>,
    /// Tokens used; null without tokens.
    pub tokens_consumed: Option<i32>,
    /// Tokens left, below zero if overdrawn; null without tokens.
    pub tokens_remaining: Option<i32>,
    /// Devices allowed; null without a limit.
    pub max_activations: Option<i32>,
    /// Seats allowed; null without seats.
    pub max_concurrent_seats: Option<i32>,
    /// Seats held after this call; null without seats, and in a compact answer.
    pub active_seats: Option<i32>,
    /// `OCCUPIED`, `NO_SEAT`, `RELEASED`, `KICKED` or `N/A`.
    pub seat_status: String,
    /// May this user release others? Null without seats.
    pub can_release_seat: Option<bool>,
    /// Why this device lost its seat; any object means kicked.
    pub kicked_notice: Option<KickedNotice>,
    /// Are seats managed?
    pub seats_enabled: bool,
    /// Are tokens managed?
    pub tokens_enabled: bool,
    /// May the application run without contact for a while?
    pub offline_enabled: bool,
    /// Seconds between heartbeats; null leaves it to the client.
    pub heartbeat_interval_seconds: Option<i32>,
    /// Hours without contact that are tolerated.
    pub offline_grace_hours: i32,
    /// State of the subscription, if it is one.
    pub subscription_status: Option<String>,
    /// Country of this call, ISO 3166 alpha-2, if known.
    pub detected_country: Option<String>,
    /// The calling device and at most 99 others, latest seen first. In a compact answer only the calling device.
    pub machines: Vec<Machine>,
    /// The policy.
    pub policy: PolicyData,
    /// The customer.
    pub customer: Customer,
    /// What holds for this license: project, policy and license merged.
    pub config: LicenseConfig,
    /// The customer's own settings; empty in a compact answer.
    pub user_settings: Map<String, Value>,
    /// A copy of `config.features`, for 1.0 clients.
    pub features: BTreeMap<String, Option<String>>,
    /// The vendor's own facts about the license.
    pub metadata: Map<String, Value>,
    /// The answer is compact, as the call asked for it.
    #[serde(default, rename = "compact", skip_serializing_if = "std::ops::Not::not")]
    pub is_compact: bool,
    /// What this call charged, on consume only.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub operation: Option<Operation>,
    /// On consume only: this is the repeated first answer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub replayed: Option<bool>,
    /// What became of each use, on consume-batch only.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub batch_result: Option<BatchResult>,
    /// Unknown members of the license's overrides; only in answers to the vendor.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub warnings: Vec<String>,
}

/// What became of the uses of a batch (wire 4.6 T-3).
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct BatchResult {
    /// Uses charged by this call, or recorded where the license has no tokens.
    pub accepted: i32,
    /// Uses charged before.
    pub duplicates: i32,
    /// Uses left out, and why.
    pub skipped: Vec<SkippedUsage>,
    /// Each use in turn.
    pub results: Vec<UsageResult>,
}

/// A use that was left out.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct SkippedUsage {
    /// Its place in the batch, from 0.
    pub index: i32,
    /// `not_an_object`, `bad_amount`, `bad_action`, `hwid_mismatch`, `bad_operation_id`, `bad_meta`, `bad_sequence`,
    /// `unknown_license` or `operation_id_reused`.
    pub reason: String,
}

/// What became of one use.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct UsageResult {
    /// `applied`, `duplicate` or `skipped`.
    pub result: String,
    /// Why it was skipped.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// Its own operation id, if it has one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub operation_id: Option<String>,
}

/// A registered device.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct Machine {
    /// The device's id.
    pub hwid: String,
    /// Its name.
    pub nickname: Option<String>,
    /// When it was first activated.
    pub registered_at: String,
    /// When it was last heard of.
    pub last_check_in: Option<String>,
    /// Free-form facts about it.
    pub meta: Option<Map<String, Value>>,
}

/// Why a device lost its seat (wire 3.6, 4.4).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct KickedNotice {
    /// Device that did it; null for an administrator.
    pub kicked_by: Option<String>,
    /// Its name, or `Administrator`.
    pub kicked_by_nickname: Option<String>,
    /// When.
    pub timestamp: String,
    /// `seat_released`, `admin_released`, `device_removed` or `device_not_registered`.
    pub reason: String,
}

/// A policy without its configuration (wire 3.3).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct PolicyData {
    /// Numeric id.
    #[serde(rename = "PolicyID")]
    pub policy_id: i32,
    /// Name.
    pub name: String,
    /// `perpetual`, `subscription`, `trial`, `fixed_duration` or `usage-based`.
    #[serde(rename = "type")]
    pub kind: String,
    /// Long text.
    pub description: Option<String>,
    /// Short text.
    pub short_description: Option<String>,
    /// One-time price.
    pub price: Option<Amount>,
    /// ISO 4217.
    pub currency: Option<String>,
    /// `day`, `week`, `month` or `year`.
    pub recurring_interval: Option<String>,
    /// How many of them.
    pub recurring_interval_count: Option<i32>,
    /// Price of each interval.
    pub recurring_price: Option<Amount>,
    /// Works from a file only?
    pub is_air_gapped: bool,
    /// `production`, `staging` or `development`.
    pub environment: Option<String>,
    /// What can be bought on top.
    pub top_up_options: Vec<TopUpOption>,
}

/// A pack that can be bought on top of a license (wire 3.3).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct TopUpOption {
    /// Its id.
    pub pack_id: String,
    /// Its name.
    pub name: String,
    /// The name again, for old clients.
    pub display_name: String,
    /// Tokens it grants.
    pub tokens: i32,
    /// Devices it grants.
    pub devices: i32,
    /// Devices again, for old clients.
    pub activations: i32,
    /// Seats it grants.
    pub seats: i32,
    /// Days it adds.
    pub days: i32,
    /// Capability it grants.
    pub capability: Option<String>,
    /// What it costs.
    pub price: Price,
}

/// An amount of money.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Price {
    /// In units of the currency.
    pub amount: Amount,
    /// ISO 4217.
    pub currency: String,
}

/// The buyer. `metadata` always has the member `name` (wire 3.2).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct Customer {
    /// E-mail, `""` if unknown.
    pub email: String,
    /// Free-form, with `name`.
    pub metadata: Map<String, Value>,
    /// Country of the last call that carried one.
    pub last_detected_country: Option<String>,
}

/// The merged configuration (wire 3.4).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct LicenseConfig {
    /// Time, seats, tokens, devices.
    pub limits: Limits,
    /// Texts by name; a capability is on iff its lower-cased text is `true` or `1`.
    pub features: BTreeMap<String, Option<String>>,
    /// Names of what is on.
    pub capabilities: Vec<String>,
    /// The vendor's own data.
    pub project_settings: Map<String, Value>,
    /// Allowed application versions.
    pub versioning: Versioning,
    /// Allowed countries.
    pub geofencing: Geofencing,
    /// How the client must behave.
    pub sdk_enforcement: SdkEnforcement,
    /// What customers can do themselves.
    pub customer_actions: CustomerActions,
}

/// `config.limits`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Limits {
    /// Time.
    pub time: TimeLimit,
    /// Seats.
    pub seats: SeatLimit,
    /// Tokens.
    pub tokens: TokenLimit,
    /// Devices.
    pub devices: DeviceLimit,
}

/// `config.limits.time`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct TimeLimit {
    /// `duration` for every license with an end, else `unlimited`.
    pub mode: String,
    /// Days a new license lasts.
    pub duration_days: i32,
    /// Days of grace after the end.
    pub grace_period_days: i32,
}

/// `config.limits.seats`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct SeatLimit {
    /// Managed?
    pub enabled: bool,
    /// How many.
    pub max_seats: i32,
}

/// `config.limits.tokens`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct TokenLimit {
    /// Managed?
    pub enabled: bool,
    /// How many.
    pub max_tokens: i32,
}

/// `config.limits.devices`, its flag under both spellings (X47).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct DeviceLimit {
    /// How many.
    pub max_devices: i32,
    /// Are devices limited? Misspelt as the client reads it.
    #[serde(rename = "hwidReqiured")]
    pub hwid_reqiured: bool,
    /// Are devices limited?
    pub hwid_required: bool,
}

/// `config.versioning`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct Versioning {
    /// Gated?
    pub enabled: bool,
    /// Oldest allowed, inclusive.
    pub min_version: Option<String>,
    /// Newest allowed, inclusive.
    pub max_version: Option<String>,
}

/// `config.geofencing`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct Geofencing {
    /// Gated?
    pub enabled: bool,
    /// If not empty, only these.
    pub allowed_countries: Vec<String>,
    /// Never these.
    pub blocked_countries: Vec<String>,
}

/// `config.sdkEnforcement`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct SdkEnforcement {
    /// `standard` or `pro_only`.
    pub mode: String,
    /// Heartbeat.
    pub heartbeat: HeartbeatRule,
    /// Offline grace.
    pub offline_grace_period: OfflineRule,
}

/// `config.sdkEnforcement.heartbeat`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct HeartbeatRule {
    /// Minutes between heartbeats.
    pub interval: i32,
    /// Prescribed?
    pub enabled: bool,
}

/// `config.sdkEnforcement.offlineGracePeriod`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct OfflineRule {
    /// Allowed?
    pub enabled: bool,
    /// Hours.
    pub duration: i32,
}

/// `config.customerActions`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct CustomerActions {
    /// May the customer remove devices?
    pub allow_hardware_release: bool,
    /// May a device release others' seats?
    pub allow_remote_seat_release: bool,
    /// May the customer buy packs?
    pub can_buy_top_ups: bool,
    /// Seconds between two releases by one device.
    pub seat_release_cooldown_seconds: i32,
}

/// What one operation did to a wallet: the ledger entry, as callers see it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct Operation {
    /// Its id: the same id never charges twice.
    pub operation_id: String,
    /// Place in the wallet's ledger, from 1, without gaps.
    pub sequence: i64,
    /// Signed amount: negative is spent.
    pub amount: i64,
    /// Balance before.
    pub balance_before: i64,
    /// Balance after.
    pub balance_after: i64,
    /// What it was for.
    pub action: String,
    /// `single`, `batch`, `duplicate`, `admin`, `plan` or `expiry`.
    pub source: String,
    /// Device that asked, if one did.
    pub hwid: Option<String>,
    /// The number of the use within its device, if the device sent one (`sequence` of the request).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub usage_sequence: Option<i64>,
    /// When it happened, by the caller's word or ours.
    pub timestamp: String,
    /// When it was written.
    pub recorded_at: String,
    /// Free-form facts about it.
    pub meta: Option<Map<String, Value>>,
    /// What a use would have cost that nothing was charged for: the license has no tokens, the use is a presumed duplicate, or
    /// it would have overdrawn the license too far; on such uses only.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub uncharged: Option<i64>,
    /// True on a `duplicate`: the answer to the first charge of this use is presumed, not known, to be lost.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub presumed: Option<bool>,
    /// True on a use of a batch that is not charged, because it would have overdrawn the license by more than
    /// `tokens.batchFloor`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub past_floor: Option<bool>,
    /// `future` or `old` if the caller's time is later than ours, or more than 90 days earlier.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub timestamp_flag: Option<String>,
}

/// Answer of `GET …/usage`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct Usage {
    /// Ledger entries, newest first.
    pub entries: Vec<Operation>,
    /// Give it back as `cursor` for the next page; null at the end.
    pub next_cursor: Option<String>,
}

/// Answer of `GET …/entitlement`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct Entitlement {
    /// Would a consumption of these tokens for this capability be accepted now?
    pub allowed: bool,
    /// If not: the code it would be refused with.
    pub reason: Option<String>,
    /// If not: why, for people.
    pub message: Option<String>,
    /// The license's status, seats aside.
    pub status: String,
    /// The requested capability.
    pub capability: Option<String>,
    /// The requested tokens.
    pub tokens_required: i32,
    /// Tokens left; null without tokens.
    pub tokens_remaining: Option<i32>,
}

/// Answer of `POST …/signout`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct SignoutAnswer {
    /// Always true.
    pub success: bool,
    /// What happened, for people.
    pub message: String,
    /// Seats held afterwards.
    pub active_seats: i32,
}

/// Answer of `POST …/pro/license/signout`: the license, as the device leaves it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct SignedOut {
    /// Always true.
    pub success: bool,
    /// What happened, for people.
    pub message: String,
    /// The license.
    #[serde(flatten)]
    pub license: LicenseData,
}

/// Answer of `GET` and `PUT …/settings`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct UserSettings {
    /// Always true.
    pub success: bool,
    /// Null.
    pub message: Option<String>,
    /// The settings; `{}` if none were saved.
    pub settings: Map<String, Value>,
    /// When they were saved; null if never.
    pub updated_at: Option<String>,
}

/// Answer of `POST …/release-seat`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct ReleaseSeatAnswer {
    /// Always true.
    pub success: bool,
    /// What happened, for people.
    pub message: String,
    /// The device whose seat was released.
    pub released_hwid: String,
    /// Does the caller hold a seat now, if it asked to claim it?
    pub seat_claimed: bool,
    /// Seats held afterwards.
    pub active_seats: i32,
}

/// Answer of `GET …/seats`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct SeatList {
    /// The devices that hold one.
    pub seats: Vec<SeatRow>,
    /// How many are held.
    pub active_seats: i32,
    /// How many there are.
    pub max_seats: i32,
    /// May the asking device release others?
    pub can_release_seat: bool,
}

/// One held seat.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct SeatRow {
    /// Its holder.
    pub hwid: String,
    /// The holder's name.
    pub nickname: Option<String>,
    /// When the holder was last heard of.
    pub last_seen: String,
    /// The end of its lease if it does not call again, by the interval in its last answer.
    pub lease_until: String,
    /// Is the holder the asking device?
    pub is_current_device: bool,
}
