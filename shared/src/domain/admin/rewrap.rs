//! Rewrapping: keys that another KMS key wrapped are wrapped with the deployment's own key.

use ltlm_protocol::Body;
use ltlm_protocol::read::Reader;
use ltlm_protocol::request::operation_id;
use serde_json::{Value, json};

/// Name of a KMS key, with its region.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeyArn {
    text: String,
    region: String,
}

impl KeyArn {
    /// Longest that is read, in characters; KMS's own are below 120.
    pub const CHARS_MAX: usize = 200;

    /// Reads `arn:<partition>:kms:<region>:<account>:key/<id>`; `None` for anything else. Aliases are none: they could lead
    /// to another key from one call to the next.
    pub fn parse(text: &str) -> Option<Self> {
        let is_word = |text: &str| {
            !text.is_empty() && text.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-')
        };
        let parts: Vec<_> = text.split(':').collect();
        let &["arn", partition, "kms", region, account, resource] = parts.as_slice() else { return None };
        let is_account = account.len() == 12 && account.bytes().all(|b| b.is_ascii_digit());
        let id = resource.strip_prefix("key/")?;
        let is_key = text.len() <= Self::CHARS_MAX && [partition, region, id].into_iter().all(is_word) && is_account;
        is_key.then(|| Self { text: text.to_owned(), region: region.to_owned() })
    }

    /// Stands for a key that could not be read, until the mistake is reported.
    fn unknown() -> Self {
        Self { text: String::new(), region: String::new() }
    }

    /// The whole.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// Where the key is.
    pub fn region(&self) -> &str {
        &self.region
    }
}

/// `POST …/rewrap`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rewrap {
    /// The key that wrapped so far.
    pub previous: KeyArn,
    /// The caller's operation id.
    pub operation_id: Option<String>,
}

impl Body for Rewrap {
    fn read(r: &mut Reader<'_>) -> Self {
        let text = r.text("previousKeyArn", KeyArn::CHARS_MAX);
        let previous = KeyArn::parse(&text);
        if previous.is_none() && !text.is_empty() {
            r.problem("previousKeyArn", "must be the ARN of a KMS key: arn:aws:kms:<region>:<account>:key/<id>");
        }
        Self { previous: previous.unwrap_or_else(KeyArn::unknown), operation_id: operation_id(r) }
    }

    fn keywords() -> Value {
        json!({"properties": {"previousKeyArn": {
            "pattern": "^arn:[a-z0-9-]+:kms:[a-z0-9-]+:[0-9]{12}:key/[a-z0-9-]+$",
            "description": "The KMS key that wrapped so far; the stack must allow it as PreviousKeyArn.",
        }}})
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_named_with_its_region() {
        let arn = "arn:aws:kms:eu-west-1:123456789012:key/1234abcd-12ab-34cd-56ef-1234567890ab";
        let parsed = KeyArn::parse(arn).unwrap();
        assert_eq!((parsed.as_str(), parsed.region()), (arn, "eu-west-1"));
        for wrong in [
            "",
            "alias/ltlm-dev",
            "arn:aws:kms:eu-west-1:123456789012:alias/ltlm-dev",
            "arn:aws:kms::123456789012:key/1",
            "arn:aws:kms:eu-west-1:12345678901:key/1",
            "arn:aws:s3:eu-west-1:123456789012:key/1",
            "arn:aws:kms:eu.evil.example/:123456789012:key/1",
            "arn:aws:kms:eu-west-1:123456789012:key/1:more",
            "arn:aws:kms:eu-west-1:123456789012:key/",
        ] {
            assert_eq!(KeyArn::parse(wrong), None, "{wrong}");
        }
    }
}
