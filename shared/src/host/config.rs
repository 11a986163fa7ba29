//! Configuration: read once from the environment, with all mistakes reported at once.
//!
//! | variable | meaning | default |
//! |---|---|---|
//! | `LTLM_TABLE` | name of the table | required |
//! | `LTLM_KMS_KEY` | id, ARN or alias of the key that wraps projects' keys | required where keys are used (`admin`) |
//! | `LTLM_ADMIN_KEY_SHA256` | SHA-256, in hex, of the first administrator key | none: no administrator |
//! | `LTLM_COUNTRY_HEADER` | header in which a trusted edge tells the caller's country | none: country unknown |
//! | `LTLM_ADDRESS_HEADER` | header in which a trusted edge tells the caller's address | none: the address that the gateway saw |
//! | `LTLM_EDGE_SECRET_SHA256` | SHA-256, in hex, of the secret that this edge adds in `x-ltlm-edge` | none; needed with the header |
//! | `LTLM_DIRECT_CALLS` | `refused`: requests that do not show this secret are refused, if there is one; `allowed`: they are answered | `allowed` |
//! | `LTLM_QUEUE_URL` | URL of the queue of the background's work | required by `renewals` |
//! | `LTLM_BUS` | name of the EventBridge bus that notices go to | required by `stream` |
//! | `LTLM_OUTBOX_URL` | URL of the queue of what leaves the deployment | required by `stream`, `delivery` and `webhooks` |
//! | `LTLM_MAIL_FROM` | address that mails come from, verified with SES | none: no mail is sent |
//! | `LTLM_SENDS_MAIL` | not empty: mails are sent, by `delivery` | none: no mail is sent |
//! | `LTLM_TAKES_PAYMENTS` | not empty: there is a payment provider | none: nothing is for sale |
//! | `LTLM_VENDOR` | the vendor's name, as developers see it | `LTLM` |
//! | `LTLM_PAYMENT_SECRET` | name or ARN of the secret with the payment provider's keys | none: nothing is for sale |
//! | `LTLM_STRIPE_API` | address of Stripe's API | Stripe's own |
//! | `LTLM_STAGE` | dimension of the metrics | `local` |
//! | `AWS_LAMBDA_LOG_LEVEL` | `ERROR` to `TRACE`; SAM's `LoggingConfig` sets it | `INFO` |
//! | `AWS_LAMBDA_LOG_FORMAT` | `JSON` for JSON lines | text |
//!
//! Region, credentials and endpoints are the AWS SDK's own variables (`AWS_REGION`, `AWS_ENDPOINT_URL_DYNAMODB`, …).

use crate::api::settings::{Edge, Settings};

/// The configuration of one function.
#[derive(Clone, Debug)]
pub struct Config {
    /// Name of the table.
    pub table: String,
    /// The key that wraps keys.
    pub kms_key: Option<String>,
    /// The queue of the background's work.
    pub queue_url: Option<String>,
    /// The bus of notices.
    pub bus: Option<String>,
    /// The queue of what leaves the deployment.
    pub outbox_url: Option<String>,
    /// The address that mails come from.
    pub mail_from: Option<String>,
    /// The secret with the payment provider's keys.
    pub payment_secret: Option<String>,
    /// Address of Stripe's API.
    pub stripe_api: Option<String>,
    /// For the API.
    pub settings: Settings,
    /// Dimension of the metrics.
    pub stage: String,
    /// Least level that is logged.
    pub log_level: String,
    /// JSON lines?
    pub log_json: bool,
}

/// What is wrong with the environment.
#[derive(Debug, thiserror::Error)]
#[error("the configuration is not usable: {}", .0.join("; "))]
pub struct ConfigError(Vec<String>);

/// A variable of the process's environment. An empty one counts as absent.
#[expect(clippy::disallowed_methods, reason = "this is the one place")]
pub(super) fn variable(name: &str) -> Option<String> {
    std::env::var(name).ok().filter(|value| !value.is_empty())
}

/// Reads the process's environment.
pub fn from_env(uses_keys: bool) -> Result<Config, ConfigError> {
    from(variable, uses_keys)
}

/// The trusted edge, if both its header and its secret are configured.
fn edge(get: &impl Fn(&str) -> Option<String>, wrong: &mut Vec<String>) -> Option<Edge> {
    let header = get("LTLM_ADDRESS_HEADER").map(|name| name.to_ascii_lowercase());
    let is_only_way = match get("LTLM_DIRECT_CALLS").as_deref() {
        None | Some("allowed") => false,
        Some("refused") => true,
        Some(_) => {
            wrong.push("LTLM_DIRECT_CALLS is neither allowed nor refused".to_owned());
            return None;
        }
    };
    let secret =
        get("LTLM_EDGE_SECRET_SHA256").map(|text| hex::decode(text).ok().and_then(|bytes| bytes.try_into().ok()));
    match (header, secret) {
        (None, None) => None,
        (Some(address_header), Some(Some(secret_sha256))) if http::HeaderName::try_from(&address_header).is_ok() => {
            Some(Edge { address_header, secret_sha256, is_only_way })
        }
        _ => {
            let problem = "LTLM_ADDRESS_HEADER must be a header's name and LTLM_EDGE_SECRET_SHA256 64 hex digits, or both must be empty";
            wrong.push(problem.to_owned());
            None
        }
    }
}

/// Reads the variables that `get` knows. An empty one counts as absent.
pub fn from(get: impl Fn(&str) -> Option<String>, uses_keys: bool) -> Result<Config, ConfigError> {
    let get = |name: &str| get(name).filter(|value| !value.is_empty());
    let mut wrong = Vec::new();
    let table = get("LTLM_TABLE").unwrap_or_default();
    if table.is_empty() {
        wrong.push("LTLM_TABLE is missing".to_owned());
    }
    let kms_key = get("LTLM_KMS_KEY");
    if uses_keys && kms_key.is_none() {
        wrong.push("LTLM_KMS_KEY is missing".to_owned());
    }
    let admin_key_sha256 = get("LTLM_ADMIN_KEY_SHA256").and_then(|text| {
        let hash = hex::decode(&text).ok().and_then(|bytes| bytes.try_into().ok());
        if hash.is_none() {
            wrong.push("LTLM_ADMIN_KEY_SHA256 is not 64 hex digits".to_owned());
        }
        hash
    });
    let country_header = get("LTLM_COUNTRY_HEADER").map(|name| name.to_ascii_lowercase());
    if country_header.as_deref().is_some_and(|name| http::HeaderName::try_from(name).is_err()) {
        wrong.push("LTLM_COUNTRY_HEADER is not a header's name".to_owned());
    }
    let edge = edge(&get, &mut wrong);
    if !wrong.is_empty() {
        return Err(ConfigError(wrong));
    }
    let stage = get("LTLM_STAGE").unwrap_or_else(|| "local".to_owned());
    Ok(Config {
        table,
        kms_key,
        queue_url: get("LTLM_QUEUE_URL"),
        bus: get("LTLM_BUS"),
        outbox_url: get("LTLM_OUTBOX_URL"),
        mail_from: get("LTLM_MAIL_FROM"),
        payment_secret: get("LTLM_PAYMENT_SECRET"),
        stripe_api: get("LTLM_STRIPE_API"),
        settings: Settings {
            admin_key_sha256,
            country_header,
            edge,
            stage: stage.clone(),
            sends_mail: get("LTLM_SENDS_MAIL").is_some(),
            takes_payments: get("LTLM_TAKES_PAYMENTS").is_some(),
            vendor: get("LTLM_VENDOR").unwrap_or_else(|| "LTLM".to_owned()),
            plain_webhooks: false,
        },
        stage,
        log_level: get("AWS_LAMBDA_LOG_LEVEL").unwrap_or_else(|| "INFO".to_owned()),
        log_json: get("AWS_LAMBDA_LOG_FORMAT").is_some_and(|format| format.eq_ignore_ascii_case("json")),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_that_is_wrong_is_told_at_once() {
        let get = |name: &str| match name {
            "LTLM_ADMIN_KEY_SHA256" => Some("xyz".to_owned()),
            "LTLM_COUNTRY_HEADER" => Some("no header".to_owned()),
            _ => None,
        };
        let message = from(get, true).unwrap_err().to_string();
        for name in ["LTLM_TABLE", "LTLM_KMS_KEY", "LTLM_ADMIN_KEY_SHA256", "LTLM_COUNTRY_HEADER"] {
            assert!(message.contains(name), "{message}");
        }
        assert!(!message.contains("xyz"), "a value is never repeated");
    }

    #[test]
    fn direct_calls_are_refused_only_where_an_edge_has_a_secret() {
        let read = |direct: &'static str, secret: String| {
            let get = move |name: &str| match name {
                "LTLM_TABLE" => Some("table".to_owned()),
                "LTLM_ADDRESS_HEADER" if !secret.is_empty() => Some("CloudFront-Viewer-Address".to_owned()),
                "LTLM_EDGE_SECRET_SHA256" => Some(secret.clone()),
                "LTLM_DIRECT_CALLS" => Some(direct.to_owned()),
                _ => None,
            };
            from(get, false).map(|config| config.settings.edge.map(|edge| (edge.address_header, edge.is_only_way)))
        };
        let header = || "cloudfront-viewer-address".to_owned();
        assert_eq!(read("refused", "ab".repeat(32)).unwrap(), Some((header(), true)));
        assert_eq!(read("allowed", "ab".repeat(32)).unwrap(), Some((header(), false)));
        assert_eq!(read("", "ab".repeat(32)).unwrap(), Some((header(), false)));
        assert_eq!(read("refused", String::new()).unwrap(), None);
        assert!(read("maybe", String::new()).unwrap_err().to_string().contains("LTLM_DIRECT_CALLS"));
    }
}
