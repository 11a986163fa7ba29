//! The vendor's webhooks, and the notices that are kept for them.

use ltlm_protocol::Timestamp;
use ltlm_protocol::webhook_data::{DeadLetter, NoticeData, WebhookData};
use serde_json::Value;

/// How long notices are kept for replays, in days.
pub const NOTICE_DAYS: i64 = 30;

/// A place that notices of a project go to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Webhook {
    /// `wh_` and 16 hex digits.
    pub id: String,
    /// The project.
    pub project_id: String,
    /// Where.
    pub url: String,
    /// Which; all if none is named.
    pub kinds: Vec<String>,
    /// The secret that signs, wrapped by KMS.
    pub wrapped: Vec<u8>,
    /// The one from before, and until when it signs too.
    pub previous: Option<(Vec<u8>, Timestamp)>,
    /// Since when nothing is sent there any more.
    pub disabled_at: Option<Timestamp>,
    /// Since when deliveries fail, if the last one failed.
    pub failing: Option<Failing>,
    /// The instant at which it was created.
    pub created_at: Timestamp,
    /// Counts writes of this record.
    pub revision: i64,
}

/// The failure of a webhook's deliveries.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Failing {
    /// The first delivery since then that failed.
    pub since: Timestamp,
    /// What came of that one, in words for the vendor.
    pub error: String,
}

/// A notice as it is kept for deliveries and replays.
#[derive(Clone, Debug, PartialEq)]
pub struct StoredNotice {
    /// `msg_` and 32 hex digits: the same for each repetition.
    pub id: String,
    /// The project.
    pub project_id: String,
    /// What happened.
    pub kind: String,
    /// When.
    pub at: Timestamp,
    /// The facts.
    pub detail: Value,
}

/// A delivery that was given up.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FailedDelivery {
    /// The webhook.
    pub webhook: String,
    /// The notice.
    pub notice: String,
    /// Its type.
    pub kind: String,
    /// Tries.
    pub attempts: i64,
    /// What came of the last one.
    pub error: String,
    /// When it was given up.
    pub at: Timestamp,
}

impl Webhook {
    /// Does a notice of this kind go there?
    pub fn takes(&self, kind: &str) -> bool {
        self.disabled_at.is_none() && (self.kinds.is_empty() || self.kinds.iter().any(|known| known == kind))
    }

    /// The webhook with each of its wrapped keys as `rewrapped` gives it.
    pub fn with_keys(&self, rewrapped: impl Fn(&[u8]) -> Vec<u8>) -> Self {
        Self {
            wrapped: rewrapped(&self.wrapped),
            previous: self.previous.as_ref().map(|(wrapped, until)| (rewrapped(wrapped), *until)),
            revision: self.revision + 1,
            ..self.clone()
        }
    }

    /// The webhook as the vendor sees it.
    pub fn data(&self) -> WebhookData {
        WebhookData {
            webhook_id: self.id.clone(),
            url: self.url.clone(),
            kinds: self.kinds.clone(),
            disabled: self.disabled_at.is_some(),
            failing_since: self.failing.as_ref().map(|failing| failing.since.to_string()),
            error: self.failing.as_ref().map(|failing| failing.error.clone()),
            created_at: self.created_at.to_string(),
            secret: None,
        }
    }
}

impl StoredNotice {
    /// The notice as the vendor sees it.
    pub fn data(self) -> NoticeData {
        NoticeData { message_id: self.id, kind: self.kind, timestamp: self.at.to_string(), data: self.detail }
    }

    /// What is sent.
    pub fn payload(&self) -> String {
        serde_json::json!({"type": self.kind, "timestamp": self.at.to_string(), "data": self.detail}).to_string()
    }
}

impl FailedDelivery {
    /// The delivery as the vendor sees it.
    pub fn data(&self) -> DeadLetter {
        DeadLetter {
            message_id: self.notice.clone(),
            kind: self.kind.clone(),
            attempts: self.attempts,
            error: self.error.clone(),
            at: self.at.to_string(),
        }
    }
}
