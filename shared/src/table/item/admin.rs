//! Items of administrators: their keys, and the records of what they did.

use crate::model::administrator::{AdminKey, AdminOperation, Audit, Scope};
use crate::table::item::attributes::{Builder, Item, ItemError, Reader, words};
use crate::table::key;
use crate::table::port::List;

/// An administrator's operation's item. What has an audit is in the log.
pub fn admin_operation(operation: &AdminOperation) -> Item {
    let builder = Builder::new(key::admin_operation(&operation.id))
        .text("fingerprint", &operation.fingerprint)
        .text("request", &operation.request)
        .text("made", operation.made.join(" "))
        .at("createdAt", operation.created_at);
    let Some(audit) = &operation.audit else { return builder.build() };
    builder
        .text("operationId", &audit.operation_id)
        .text("action", &audit.action)
        .text("target", &audit.target)
        .text("keyId", &audit.key_id)
        .text_opt("family", Some(audit.family.join(" ")).filter(|family| !family.is_empty()))
        .text_opt("from", audit.from.as_ref())
        .text_opt("change", audit.change.as_ref().map(serde_json::Value::to_string))
        .text("listPk", key::list_partition(&List::Audit))
        .text("listSk", key::timed_sort(operation.created_at, &operation.request))
        .build()
}

pub(crate) fn read_audit(r: &Reader<'_>) -> Result<Option<Audit>, ItemError> {
    let Some(operation_id) = r.text_opt("operationId") else { return Ok(None) };
    Ok(Some(Audit {
        operation_id,
        action: r.text("action")?,
        target: r.text("target")?,
        key_id: r.text("keyId")?,
        family: r.text_opt("family").map(|family| words(&family)).unwrap_or_default(),
        from: r.text_opt("from"),
        change: r.json("change")?,
    }))
}

/// An administrator key's item.
pub fn admin_key(key: &AdminKey) -> Item {
    let scopes: Vec<_> = key.scopes.iter().map(|scope| scope.wire()).collect();
    Builder::new(key::admin_key(&key.id))
        .text("hash", &key.hash)
        .text_opt("name", key.name.as_ref())
        .text("scopes", scopes.join(" "))
        .text_opt("projectId", key.project_id.as_ref())
        .at_opt("expiresAt", key.expires_at)
        .text("createdBy", &key.created_by)
        .text("family", key.family.join(" "))
        .at("createdAt", key.created_at)
        .text("listPk", key::list_partition(&List::AdminKeys))
        .text("listSk", key::timed_sort(key.created_at, &key.id))
        .build()
}

pub(crate) fn read_admin_key(r: &Reader<'_>, id: String) -> Result<AdminKey, ItemError> {
    Ok(AdminKey {
        id,
        hash: r.text("hash")?,
        name: r.text_opt("name"),
        scopes: r.text("scopes")?.split(' ').filter_map(Scope::parse).collect(),
        project_id: r.text_opt("projectId"),
        expires_at: r.at_opt("expiresAt"),
        family: r
            .text_opt("family")
            .map_or_else(|| r.text("createdBy").map(|maker| vec![maker]), |all| Ok(words(&all)))?,
        created_by: r.text("createdBy")?,
        created_at: r.at("createdAt")?,
        revoked_at: r.at_opt("revokedAt"),
    })
}
