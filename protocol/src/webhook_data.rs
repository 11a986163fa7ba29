//! Answers of the webhooks' routes.

use serde::{Deserialize, Serialize};
use serde_json::Value;

/// A webhook.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct WebhookData {
    /// Its id.
    pub webhook_id: String,
    /// Where notices go.
    pub url: String,
    /// Which; all if none is named.
    pub kinds: Vec<String>,
    /// Nothing is sent there any more: it was removed, or answered 410.
    pub disabled: bool,
    /// Since when its deliveries fail, if the last one failed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub failing_since: Option<String>,
    /// What came of the first delivery that failed since then.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
    /// When it was created.
    pub created_at: String,
    /// The signing secret: only in the answer to the call that created it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub secret: Option<String>,
}

/// Answer of `GET …/webhooks`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct WebhookList {
    /// Webhooks, newest first.
    pub webhooks: Vec<WebhookData>,
    /// Always null: a project has few.
    pub next_cursor: Option<String>,
}

/// A notice.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct NoticeData {
    /// Its id, as `webhook-id` carries it.
    pub message_id: String,
    /// What happened.
    #[serde(rename = "type")]
    pub kind: String,
    /// When.
    pub timestamp: String,
    /// The facts.
    pub data: Value,
}

/// Answer of `GET …/notices`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct NoticeList {
    /// Notices, newest first.
    pub notices: Vec<NoticeData>,
    /// Give it back as `cursor` for the next page; null at the end.
    pub next_cursor: Option<String>,
}

/// A delivery that failed permanently.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct DeadLetter {
    /// The notice's id.
    pub message_id: String,
    /// Its type.
    #[serde(rename = "type")]
    pub kind: String,
    /// Tries.
    pub attempts: i64,
    /// What came of the last one.
    pub error: String,
    /// When it failed permanently.
    pub at: String,
}

/// Answer of `GET …/dead-letters`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct DeadLetterList {
    /// Deliveries, newest first.
    pub dead_letters: Vec<DeadLetter>,
    /// Give it back as `cursor` for the next page; null at the end.
    pub next_cursor: Option<String>,
}

/// What a replay sent again.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct Replayed {
    /// Deliveries that are on their way again.
    pub replayed: i64,
    /// Give it back as `cursor` to go on with older ones; null at the end.
    pub next_cursor: Option<String>,
}
