//! Attributes of an item: written by a builder, read with the name of what is missing.

use std::collections::HashMap;

use aws_sdk_dynamodb::primitives::Blob;
use aws_sdk_dynamodb::types::AttributeValue as Value;
use ltlm_protocol::Timestamp;
use serde_json::{Map, json};

use crate::model::ids::Link;
use crate::table::key::Key;

/// The attribute that names the import which put an item into the table.
pub const IMPORTED: &str = "imported";

/// An item's attributes by name.
pub type Item = HashMap<String, Value>;

/// An item that no record can be read from: which attribute, and where.
#[derive(Debug, thiserror::Error)]
#[error("attribute {attribute} of an item is missing or of the wrong type")]
pub struct ItemError {
    pub(super) attribute: &'static str,
}

/// Builds an item.
pub struct Builder(Item);

impl Builder {
    /// Starts with the key.
    pub fn new(key: Key) -> Self {
        Self(HashMap::new()).text("pk", key.pk).text("sk", key.sk)
    }

    /// Adds a text.
    pub fn text(mut self, name: &str, value: impl Into<String>) -> Self {
        self.0.insert(name.to_owned(), Value::S(value.into()));
        self
    }

    /// Adds a text, if there is one.
    pub fn text_opt(self, name: &str, value: Option<impl Into<String>>) -> Self {
        match value {
            Some(value) => self.text(name, value),
            None => self,
        }
    }

    /// Adds a number.
    pub fn int(mut self, name: &str, value: i64) -> Self {
        self.0.insert(name.to_owned(), Value::N(value.to_string()));
        self
    }

    /// Adds a number, if there is one.
    pub fn int_opt(self, name: &str, value: Option<i64>) -> Self {
        match value {
            Some(value) => self.int(name, value),
            None => self,
        }
    }

    /// Adds an instant.
    pub fn at(self, name: &str, value: Timestamp) -> Self {
        self.int(name, value.ms())
    }

    /// Adds an instant, if there is one.
    pub fn at_opt(self, name: &str, value: Option<Timestamp>) -> Self {
        match value {
            Some(value) => self.at(name, value),
            None => self,
        }
    }

    /// Adds bytes.
    pub fn bytes(mut self, name: &str, value: &[u8]) -> Self {
        self.0.insert(name.to_owned(), Value::B(Blob::new(value)));
        self
    }

    /// Adds bytes, if there are any.
    pub fn bytes_opt(self, name: &str, value: Option<&[u8]>) -> Self {
        match value {
            Some(value) => self.bytes(name, value),
            None => self,
        }
    }

    /// Lets DynamoDB delete the item some time after this instant.
    pub fn ttl(self, after: Timestamp) -> Self {
        self.int("ttl", after.ms() / 1_000)
    }

    /// Adds a document as text, unless it is empty.
    pub fn document(self, name: &str, value: &Map<String, serde_json::Value>) -> Self {
        match value.is_empty() {
            true => self,
            false => self.text(name, json!(value).to_string()),
        }
    }

    /// The item.
    pub fn build(self) -> Item {
        self.0
    }
}

/// Reads attributes of an item.
pub(crate) struct Reader<'a>(pub &'a Item);

impl Reader<'_> {
    pub(crate) fn text_opt(&self, name: &str) -> Option<String> {
        self.0.get(name).and_then(|v| v.as_s().ok()).cloned()
    }

    pub(crate) fn text(&self, name: &'static str) -> Result<String, ItemError> {
        self.text_opt(name).ok_or(ItemError { attribute: name })
    }

    pub(crate) fn int_opt(&self, name: &str) -> Option<i64> {
        self.0.get(name).and_then(|v| v.as_n().ok()).and_then(|n| n.parse().ok())
    }

    pub(crate) fn int(&self, name: &'static str) -> Result<i64, ItemError> {
        self.int_opt(name).ok_or(ItemError { attribute: name })
    }

    pub(crate) fn at(&self, name: &'static str) -> Result<Timestamp, ItemError> {
        self.int(name).map(Timestamp::from_ms)
    }

    pub(crate) fn at_opt(&self, name: &str) -> Option<Timestamp> {
        self.int_opt(name).map(Timestamp::from_ms)
    }

    pub(crate) fn bytes(&self, name: &str) -> Vec<u8> {
        self.0.get(name).and_then(|v| v.as_b().ok()).map(|b| b.as_ref().to_vec()).unwrap_or_default()
    }

    /// A hash of 32 bytes.
    pub(crate) fn link_opt(&self, name: &str) -> Option<Link> {
        self.0.get(name).and_then(|v| v.as_b().ok()).and_then(|b| b.as_ref().try_into().ok())
    }

    pub(crate) fn json(&self, name: &'static str) -> Result<Option<serde_json::Value>, ItemError> {
        let Some(text) = self.text_opt(name) else { return Ok(None) };
        ltlm_protocol::json::parse(text.as_bytes()).map(Some).map_err(|_| ItemError { attribute: name })
    }

    pub(crate) fn document_opt(&self, name: &'static str) -> Result<Option<Map<String, serde_json::Value>>, ItemError> {
        match self.json(name)? {
            None => Ok(None),
            Some(serde_json::Value::Object(object)) => Ok(Some(object)),
            Some(_) => Err(ItemError { attribute: name }),
        }
    }

    pub(crate) fn document(&self, name: &'static str) -> Result<Map<String, serde_json::Value>, ItemError> {
        Ok(self.document_opt(name)?.unwrap_or_default())
    }
}

/// Names, as they are kept with spaces between them.
pub(crate) fn words(text: &str) -> Vec<String> {
    text.split(' ').filter(|word| !word.is_empty()).map(str::to_owned).collect()
}
