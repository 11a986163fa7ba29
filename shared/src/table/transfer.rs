//! Writes records to lines of an export (`ltlm_protocol::transfer`), and reads them from lines.
//!
//! A line is an item: its key, and its attributes by their names, a text as a text, a number as a number, bytes as
//! `{"base64": …}`. Derived data is left out: places in the indexes, and the expiry of an item. Reading a line reads
//! the record and writes it again: content of a line that the record does not have is refused, so a file can put
//! nothing into the table that this version would not have written there itself.

use std::collections::BTreeMap;

use aws_sdk_dynamodb::primitives::Blob;
use aws_sdk_dynamodb::types::AttributeValue;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use serde_json::{Map, Value, json};

use crate::model::record::{self, Record};
use crate::table::item;
use crate::table::item::attributes::Item;

/// Attributes that follow from the others.
const DERIVED: [&str; 7] = ["pk", "sk", "listPk", "listSk", "duePk", "dueSk", "ttl"];
/// Maximum lengths of partition key and sort key in bytes: the limits of DynamoDB.
const KEY_BYTES_MAX: [usize; 2] = [2_048, 1_024];
/// Members of a line.
const MEMBERS: [&str; 5] = ["kind", "number", "pk", "sk", "item"];

/// The line of a record; `None` for what does not move.
pub fn line(record: &Record) -> Option<Value> {
    let (kind, item) = record::kind(record).zip(item::record::of(record))?;
    let text = |name: &str| item.get(name).and_then(|value| value.as_s().ok()).cloned().unwrap_or_default();
    let sorted: BTreeMap<_, _> = item.iter().filter(|(name, _)| !DERIVED.contains(&name.as_str())).collect();
    let attributes: Map<_, _> =
        sorted.into_iter().filter_map(|(name, value)| Some((name.clone(), encoded(value)?))).collect();
    let mut line = Map::new();
    line.insert("kind".to_owned(), json!(kind));
    if let Record::Policy(_) | Record::License(_) = record {
        line.insert("number".to_owned(), json!(number(record)));
    }
    line.insert("pk".to_owned(), json!(text("pk")));
    line.insert("sk".to_owned(), json!(text("sk")));
    line.insert("item".to_owned(), Value::Object(attributes));
    Some(Value::Object(line))
}

/// The number by which people know what is numbered.
fn number(record: &Record) -> Option<i64> {
    match record {
        Record::Policy(policy) => Some(policy.number),
        Record::License(license) => Some(license.number),
        _ => None,
    }
}

/// An attribute in a line. Ours are texts, numbers and bytes; no bytes are as good as none.
fn encoded(value: &AttributeValue) -> Option<Value> {
    match value {
        AttributeValue::S(text) => Some(json!(text)),
        AttributeValue::N(digits) => digits.parse::<i64>().ok().map(|number| json!(number)),
        AttributeValue::B(bytes) if bytes.as_ref().is_empty() => None,
        AttributeValue::B(bytes) => Some(json!({"base64": BASE64.encode(bytes.as_ref())})),
        _ => None,
    }
}

/// Reads a line; what is wrong with it, as the end of a sentence, if it is none.
pub fn parse(line: &Value) -> Result<Record, String> {
    let members = line.as_object().ok_or("must be a JSON object")?;
    if let Some(stray) = members.keys().find(|name| !MEMBERS.contains(&name.as_str())) {
        return Err(format!("must not hold {}", shown(stray)));
    }
    let text = |name: &str| line[name].as_str().ok_or_else(|| format!("must hold {name}, a text"));
    let (kind, pk, sk) = (text("kind")?, text("pk")?, text("sk")?);
    let attributes = line["item"].as_object().ok_or("must hold item, a JSON object")?;
    if [pk, sk].iter().zip(KEY_BYTES_MAX).any(|(key, most)| key.is_empty() || key.len() > most) {
        return Err("has a key that is empty or too long".to_owned());
    }
    let mut item = Item::new();
    for (name, value) in attributes {
        if DERIVED.contains(&name.as_str()) {
            return Err(format!("must not hold {name}"));
        }
        item.insert(
            name.clone(),
            read(value).ok_or_else(|| format!("holds {} of a type that no item has", shown(name)))?,
        );
    }
    item.insert("pk".to_owned(), AttributeValue::S(pk.to_owned()));
    item.insert("sk".to_owned(), AttributeValue::S(sk.to_owned()));
    // The causes name attributes of ours only.
    let record = item::record::record(&item).map_err(|error| format!("is no record: {error}"))?;
    let record = record.ok_or("is of a kind that no import takes")?;
    let written = self::line(&record).ok_or("is of a kind that no import takes")?;
    same(line, &written)?;
    if written["kind"] != kind {
        return Err(format!("is no {}", shown(kind)));
    }
    Ok(record)
}

/// Is all that a line holds in what is written of its record?
fn same(line: &Value, written: &Value) -> Result<(), String> {
    if let Some(name) = ["pk", "sk", "number"].iter().find(|name| line[**name] != written[**name]) {
        return Err(format!("has a {name} that is not its record's"));
    }
    let attributes = line["item"].as_object().into_iter().flatten();
    match attributes.into_iter().find(|(name, value)| written["item"].get(name.as_str()) != Some(*value)) {
        Some((name, _)) => Err(format!("holds {}, which its record has not, or has otherwise", shown(name))),
        None => Ok(()),
    }
}

fn read(value: &Value) -> Option<AttributeValue> {
    match value {
        Value::String(text) => Some(AttributeValue::S(text.clone())),
        Value::Number(number) => number.as_i64().map(|number| AttributeValue::N(number.to_string())),
        Value::Object(members) if members.len() == 1 => {
            let bytes = BASE64.decode(members.get("base64")?.as_str()?).ok()?;
            Some(AttributeValue::B(Blob::new(bytes)))
        }
        _ => None,
    }
}

/// A name from a file as it is reported: not longer than any known name.
fn shown(name: &str) -> String {
    name.chars().filter(|c| !c.is_control()).take(60).collect()
}
