//! Creating a webhook, and how often a delivery is tried (Standard Webhooks, standardwebhooks.com).

use ltlm_protocol::read::{Problems, Reader};
use ltlm_protocol::request::operation_id;
use ltlm_protocol::shape::Kind;
use ltlm_protocol::{Body, limits};
use serde_json::{Value, json};
use url::Url;

use crate::domain::webhooks::address::has_public_host;
use crate::domain::webhooks::notice::KINDS;

/// Seconds before each further try. Then a delivery is a dead letter.
pub const WAITS: [i64; 8] = [5, 300, 1_800, 7_200, 18_000, 36_000, 50_400, 72_000];

/// How long the secret from before a rotation still signs, in hours.
pub const OVERLAP_HOURS: i64 = 24;

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

impl Body for CreateWebhook {
    fn read(r: &mut Reader<'_>) -> Self {
        let url = r.text("url", limits::REDIRECT_CHARS_MAX);
        let kinds = r.texts_opt("kinds", KINDS.len(), limits::NAME_CHARS_MAX).unwrap_or_default();
        if kinds.iter().any(|kind| !KINDS.iter().any(|(known, _)| known == kind)) {
            let known: Vec<_> = KINDS.iter().map(|(known, _)| *known).collect();
            r.problem("kinds", format!("must be some of {}", known.join(", ")));
        }
        r.is("kinds", Kind::Words(KINDS.iter().map(|(known, _)| *known).collect()));
        Self { url, kinds, operation_id: operation_id(r) }
    }

    fn keywords() -> Value {
        json!({"properties": {
            "url": {"description": "An https address that anybody can reach."},
            "kinds": {"description": "All if none is named."},
        }})
    }
}

impl CreateWebhook {
    /// Parses the body. Addresses are of `https`; `http` is for a deployment that may reach any network.
    pub fn parse_for(body: &Value, may_be_plain: bool) -> Result<Self, Problems> {
        let mut r = Self::reader(body)?;
        let parsed = Self::read(&mut r);
        if let Some(problem) = mistake_of(&parsed.url, may_be_plain) {
            r.problem("url", problem);
        }
        r.finish().map(|()| parsed)
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
