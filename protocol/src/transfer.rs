//! The file that a project is moved in: JSON lines, one record a line, between a header and a trailer.
//!
//! | line | what it is |
//! |---|---|
//! | first | `{"kind": "header", "format": "ltlm-project", "version": 1, "projectId": …, "exportedAt": …}` |
//! | second | the project, without its keys |
//! | third, if there are any | `{"kind": "keys", …}`: the project's keys, sealed to the deployment that receives them |
//! | then | the records, each in an order in which what it refers to stands before it |
//! | last | `{"kind": "trailer", "lines": …, "counts": …, "sha256": …}`: what the lines before it add up to |
//!
//! `sha256` is a chain: it begins with 32 zero bytes, and each line replaces it with the SHA-256 of itself followed by the line as
//! compact JSON, the members in their order. So what was taken of a file can be told from its beginning, however far it came.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

/// What the header calls the format.
pub const FORMAT: &str = "ltlm-project";
/// The format's version. A file of another one is refused.
pub const VERSION: i64 = 1;
/// The kind of the first line.
pub const HEADER: &str = "header";
/// The kind of the line with the sealed keys.
pub const KEYS: &str = "keys";
/// The kind of the last line.
pub const TRAILER: &str = "trailer";

/// The hash over the lines so far.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Chain(pub [u8; 32]);

impl Chain {
    /// Takes in the next line.
    #[must_use]
    pub fn and(self, line: &Value) -> Self {
        Self(Sha256::new().chain_update(self.0).chain_update(line.to_string()).finalize().into())
    }

    /// In hex.
    pub fn hex(self) -> String {
        hex::encode(self.0)
    }
}

/// The first and the last of some numbers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Span {
    /// The smallest.
    pub first: i64,
    /// The largest.
    pub last: i64,
}

impl Span {
    /// How many numbers there are from the first to the last.
    pub fn count(self) -> i64 {
        self.last.saturating_sub(self.first).saturating_add(1)
    }

    /// Is this one of them?
    pub fn holds(self, number: i64) -> bool {
        (self.first..=self.last).contains(&number)
    }
}

/// What the lines before the trailer add up to.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Summary {
    /// How many there are.
    pub lines: i64,
    /// How many of each kind.
    pub counts: BTreeMap<String, i64>,
    /// The numbers of the policies.
    pub policies: Option<Span>,
    /// The numbers of the licenses.
    pub licenses: Option<Span>,
    /// The hash over all of them, in hex.
    pub sha256: String,
}

/// Adds lines up as they come.
#[derive(Clone, Debug, Default)]
pub struct Counting {
    summary: Summary,
    chain: Chain,
}

impl Counting {
    /// Takes in the next line.
    pub fn add(&mut self, line: &Value) {
        let kind = line["kind"].as_str().unwrap_or_default();
        self.chain = self.chain.and(line);
        self.summary.lines += 1;
        *self.summary.counts.entry(kind.to_owned()).or_default() += 1;
        let Some(number) = line["number"].as_i64() else { return };
        let span = match kind {
            "policy" => &mut self.summary.policies,
            "license" => &mut self.summary.licenses,
            _ => return,
        };
        let known = span.unwrap_or(Span { first: number, last: number });
        *span = Some(Span { first: known.first.min(number), last: known.last.max(number) });
    }

    /// What they add up to.
    pub fn summary(&self) -> Summary {
        Summary { sha256: self.chain.hex(), ..self.summary.clone() }
    }

    /// The trailer that ends them.
    pub fn trailer(&self) -> Value {
        let mut trailer = json!({ "kind": TRAILER });
        if let (Some(members), Value::Object(summary)) = (trailer.as_object_mut(), json!(self.summary())) {
            members.extend(summary);
        }
        trailer
    }
}

/// A page of an export.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct ExportPage {
    /// Lines of the file, in its order.
    #[cfg_attr(feature = "schema", schemars(with = "Vec<serde_json::Map<String, Value>>"))]
    pub lines: Vec<Value>,
    /// Give it back as `cursor` for the next page; null at the end. A page may hold no line and yet have a next one.
    pub next_cursor: Option<String>,
}

/// The project's keys, as a line of the file.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct SealedKeys {
    /// The line.
    #[cfg_attr(feature = "schema", schemars(with = "serde_json::Map<String, Value>"))]
    pub line: Value,
}

/// A public key of a deployment that projects' keys can be sealed to.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct ImportKeyData {
    /// Names it.
    pub key_id: String,
    /// The key: `ltlm_import_` and 64 hex digits.
    pub public_key: String,
    /// It opens nothing from then on.
    pub expires_at: String,
}

/// How far an import has come.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct ImportData {
    /// The project.
    pub project_id: String,
    /// Names the import.
    pub import_id: String,
    /// `open`, `dropping` or `finished`.
    pub state: String,
    /// The number of lines imported so far, header, project and keys included: the position of the next one.
    pub taken: i64,
    /// All lines of the file but the trailer.
    pub lines: i64,
    /// The trailer's hash, which identifies the file.
    pub sha256: String,
    /// Did the project's keys come with it?
    pub with_keys: bool,
    /// What is added to each number of a policy: 0 if they stay what they were.
    pub policies_shifted: i64,
    /// What is added to each number of a license: 0 if they stay what they were.
    pub licenses_shifted: i64,
    /// The number of imported lines of each kind.
    pub counts: BTreeMap<String, i64>,
    /// When it was begun.
    pub begun_at: String,
}

/// What dropping an import came to.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct DroppedData {
    /// Records that this call removed.
    pub removed: i64,
    /// Nothing of it is left.
    pub done: bool,
    /// Give it back as `cursor` to go on; null at the end.
    pub next_cursor: Option<String>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_summary_tells_one_file_from_another() {
        let lines =
            [json!({"kind": "header"}), json!({"kind": "policy", "number": 7}), json!({"kind": "policy", "number": 3})];
        let summed = |lines: &[Value]| {
            let mut counting = Counting::default();
            lines.iter().for_each(|line| counting.add(line));
            counting
        };
        let whole = summed(&lines).summary();
        assert_eq!((whole.lines, whole.counts["policy"], whole.policies), (3, 2, Some(Span { first: 3, last: 7 })));
        let others = [&lines[..2], &[lines[1].clone(), lines[0].clone(), lines[2].clone()]];
        assert!(others.iter().all(|other| summed(other).summary().sha256 != whole.sha256));
        let told: Summary = {
            let mut trailer = summed(&lines).trailer();
            assert_eq!(trailer.as_object_mut().unwrap().shift_remove("kind"), Some(json!(TRAILER)));
            serde_json::from_value(trailer).unwrap()
        };
        assert_eq!(told, whole);
    }
}
