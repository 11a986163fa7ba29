//! The vendor's webhooks: which notices go where, how often a delivery is tried, and what is kept of them (Standard Webhooks,
//! standardwebhooks.com).

use ltlm_protocol::Timestamp;
use ltlm_protocol::limits;
use ltlm_protocol::read::{Problems, Reader};
use ltlm_protocol::request::operation_id;
use ltlm_protocol::webhook_data::{DeadLetter, NoticeData, WebhookData};
use serde_json::Value;
use url::Url;

use super::address::has_public_host;
use super::notice::KINDS;

/// Seconds before each further try. Then a delivery is a dead letter.
pub const WAITS: [i64; 8] = [5, 300, 1_800, 7_200, 18_000, 36_000, 50_400, 72_000];
/// How long notices are kept for replays, in days.
pub const NOTICE_DAYS: i64 = 30;
/// How long the secret from before a rotation still signs, in hours.
pub const OVERLAP_HOURS: i64 = 24;

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
    /// Since when no delivery was taken, if the last one was not.
    pub failing: Option<Failing>,
    /// When it was made.
    pub created_at: Timestamp,
    /// Counts writes of this record.
    pub revision: i64,
}

/// That a webhook takes nothing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Failing {
    /// The first delivery since then that was not taken.
    pub since: Timestamp,
    /// What came of that one, in words for the vendor.
    pub error: String,
}

/// A notice as it is kept for deliveries and replays.
#[derive(Clone, Debug, PartialEq)]
pub struct Kept {
    /// `msg_` and 32 hex digits: the same however often it is told.
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
pub struct Dead {
    /// The webhook.
    pub webhook: String,
    /// The notice.
    pub notice: String,
    /// What it tells.
    pub kind: String,
    /// Tries.
    pub attempts: i64,
    /// What came of the last one.
    pub error: String,
    /// When it was given up.
    pub at: Timestamp,
}

/// `POST …/webhooks`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CreateWebhook {
    /// Where.
    pub url: String,
    /// Which; all if none is named.
    pub kinds: Vec<String>,
    /// The caller's operation id.
    pub operation_id: Option<String>,
}

impl CreateWebhook {
    /// Parses the body. Addresses are of `https`; `http` is for a deployment that may reach any network.
    pub fn parse(body: &Value, may_be_plain: bool) -> Result<Self, Problems> {
        let mut r = Reader::strict(body)?;
        let url = r.text("url", limits::REDIRECT_CHARS_MAX);
        if let Some(problem) = mistake_of(&url, may_be_plain) {
            r.problem("url", problem);
        }
        let kinds = r.texts_opt("kinds", KINDS.len(), limits::NAME_CHARS_MAX).unwrap_or_default();
        if kinds.iter().any(|kind| !KINDS.iter().any(|(known, _)| known == kind)) {
            let known: Vec<_> = KINDS.iter().map(|(known, _)| *known).collect();
            r.problem("kinds", format!("must be some of {}", known.join(", ")));
        }
        let operation_id = operation_id(&mut r);
        r.finish().map(|()| Self { url, kinds, operation_id })
    }
}

/// What is wrong with the address of a webhook; `reaches_anything`: it may be within the deployment's own network.
pub fn mistake_of(url: &str, reaches_anything: bool) -> Option<&'static str> {
    const SHAPE: &str = "must be an https address without a name or password in it";
    if url.is_empty() {
        return None;
    }
    let is_clean = !url.chars().any(|c| c.is_whitespace() || c.is_control() || matches!(c, '@' | '\\'));
    // `Url` forgives slashes beyond two.
    let is_named = url.split_once("://").is_some_and(|(_, rest)| !rest.starts_with('/'));
    let parsed = Url::parse(url).ok().filter(|parsed| is_clean && is_named && parsed.has_host());
    match parsed {
        Some(parsed) if reaches_anything => (!["https", "http"].contains(&parsed.scheme())).then_some(SHAPE),
        Some(parsed) if parsed.scheme() != "https" => Some(SHAPE),
        Some(parsed) => (!has_public_host(&parsed)).then_some("must lead to a public host"),
        None => Some(SHAPE),
    }
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

impl Kept {
    /// The notice as the vendor sees it.
    pub fn data(self) -> NoticeData {
        NoticeData { message_id: self.id, kind: self.kind, timestamp: self.at.to_string(), data: self.detail }
    }

    /// What is sent.
    pub fn payload(&self) -> String {
        serde_json::json!({"type": self.kind, "timestamp": self.at.to_string(), "data": self.detail}).to_string()
    }
}

impl Dead {
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_webhook_leads_to_a_public_host() {
        for good in ["https://a.example/hook", "https://a.example:8443/hook?x=1", "https://1.1.1.1/x"] {
            assert_eq!(mistake_of(good, false), None, "{good}");
        }
        for private in
            ["https://10.0.0.1/", "https://localhost/", "https://db.internal/", "https://[::1]/", "https://0x7f.1/"]
        {
            assert_eq!(mistake_of(private, false), Some("must lead to a public host"), "{private}");
            assert_eq!(mistake_of(private, true), None, "{private}: a deployment that reaches its own network");
        }
        for bad in [
            "http://a.example/",
            "ftp://a.example/",
            "https:///a",
            "https://u@a.example/",
            "https://a b/",
            "https://a\\b/",
            "x",
        ] {
            assert!(mistake_of(bad, false).is_some(), "{bad}");
        }
    }
}
