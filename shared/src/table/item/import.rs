//! Imports, and the keys that projects' keys are sealed to.

use std::collections::BTreeMap;

use ltlm_protocol::transfer::{Chain, Summary};
use serde_json::{Map, Value, json};

use crate::model::import::{Import, ImportKey, ImportState};
use crate::table::item::attributes::{Builder, Item, ItemError, Reader};
use crate::table::item::project::{project, read_project};
use crate::table::key;

/// Attributes of a project's item that an import's item lacks, because it is in no list.
const LISTED: [&str; 2] = ["listPk", "listSk"];

/// An import's item: the project as it will be, and how far the import has come.
pub fn import(import: &Import) -> Item {
    let own = Builder::new(key::import(&import.project.id))
        .text("importId", &import.id)
        .int("withKeys", import.with_keys.into())
        .text("summary", json!(import.summary).to_string())
        .int("taken", import.taken)
        .bytes("chain", &import.chain.0)
        .text("counts", counts_document(&import.counts))
        .int("policiesShifted", import.policies_shifted)
        .int("licensesShifted", import.licenses_shifted)
        .text("webhookKeys", keys_text(&import.webhook_keys))
        .text("importState", import.state.wire())
        .at("begunAt", import.begun_at)
        .build();
    let mut item = project(&import.project);
    item.retain(|name, _| !LISTED.contains(&name.as_str()));
    item.extend(own);
    item
}

/// The number of imported lines of each kind, as text.
pub fn counts_document(counts: &BTreeMap<String, i64>) -> String {
    json!(counts).to_string()
}

fn keys_text(keys: &BTreeMap<String, Vec<u8>>) -> String {
    let rows: Map<_, _> = keys.iter().map(|(id, wrapped)| (id.clone(), json!(hex::encode(wrapped)))).collect();
    Value::Object(rows).to_string()
}

pub(crate) fn read_import(r: &Reader<'_>, project_id: String) -> Result<Import, ItemError> {
    let summary: Option<Summary> = r.json("summary")?.and_then(|found| serde_json::from_value(found).ok());
    let counts: Option<BTreeMap<String, i64>> = r.json("counts")?.and_then(|found| serde_json::from_value(found).ok());
    let key = |(id, wrapped): (String, Value)| Some((id, hex::decode(wrapped.as_str()?).ok()?));
    let keys: Option<BTreeMap<_, _>> = r.document("webhookKeys")?.into_iter().map(key).collect();
    let chain: Option<[u8; 32]> = r.bytes("chain").try_into().ok();
    Ok(Import {
        id: r.text("importId")?,
        project: read_project(r, project_id)?,
        with_keys: r.int("withKeys")? == 1,
        summary: summary.ok_or(ItemError { attribute: "summary" })?,
        taken: r.int("taken")?,
        chain: Chain(chain.ok_or(ItemError { attribute: "chain" })?),
        counts: counts.ok_or(ItemError { attribute: "counts" })?,
        policies_shifted: r.int("policiesShifted")?,
        licenses_shifted: r.int("licensesShifted")?,
        webhook_keys: keys.ok_or(ItemError { attribute: "webhookKeys" })?,
        state: ImportState::parse(&r.text("importState")?).ok_or(ItemError { attribute: "importState" })?,
        begun_at: r.at("begunAt")?,
    })
}

/// The item of a key that projects' keys are sealed to. It goes some time after it has ended.
pub fn import_key(found: &ImportKey) -> Item {
    Builder::new(key::import_key(&found.id))
        .bytes("publicKey", &found.public_key)
        .bytes("wrapped", &found.wrapped)
        .at("createdAt", found.created_at)
        .at("expiresAt", found.expires_at)
        .ttl(found.expires_at.plus_days(1))
        .build()
}

pub(crate) fn read_import_key(r: &Reader<'_>, id: String) -> Result<ImportKey, ItemError> {
    Ok(ImportKey {
        id,
        public_key: r.bytes("publicKey").try_into().map_err(|_| ItemError { attribute: "publicKey" })?,
        wrapped: r.bytes("wrapped"),
        created_at: r.at("createdAt")?,
        expires_at: r.at("expiresAt")?,
    })
}
