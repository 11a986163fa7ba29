//! Administrator keys, and the log of what was done with them.

use ltlm_protocol::admin_data::{AdminKeyData, AdminKeyList, AuditEntry, AuditLog};
use ltlm_protocol::{Body, Problems};

use serde_json::json;

use crate::api::extract::Incoming;
use crate::api::reply::{Failure, Reply};
use crate::domain::admin::create_key::CreateKey;
use crate::model::administrator::{AdminKey, AdminOperation};
use crate::service::admin::{audit, keys};
use crate::table::port::Table;

/// `POST /v1/admin/keys`. The key is in this answer and in no other, not even in that to the same call sent again.
pub async fn create<T: Table>(incoming: &Incoming<'_, T>) -> Result<Reply, Failure> {
    let body = incoming.json()?;
    let command = CreateKey::parse(&body)?;
    let act = incoming.act(&body, command.operation_id.as_ref(), CreateKey::parse)?;
    let made = keys::create(incoming.app, incoming.budget, &command, &act).await?;
    let replayed = made.text.is_none();
    Ok(Reply::created(&AdminKeyData { key: made.text, ..data(&made.key) }).operation(&act.id, replayed))
}

/// `GET /v1/admin/keys`
pub async fn list<T: Table>(incoming: &Incoming<'_, T>) -> Result<Reply, Failure> {
    let (by, before, limit) = (incoming.administrator()?, incoming.cursor()?, incoming.query_limit()?);
    let (keys, next) = keys::list(incoming.app, incoming.budget, &by, before, limit).await?;
    let keys = keys.iter().map(data).collect();
    Ok(Reply::json(&AdminKeyList { keys, next_cursor: incoming.next_cursor(next) }))
}

/// `DELETE /v1/admin/keys/{keyId}`
pub async fn revoke<T: Table>(incoming: &Incoming<'_, T>) -> Result<Reply, Failure> {
    let (id, cascades) = (incoming.parameter("keyId"), incoming.query_bool("cascade")?);
    if !cascades {
        keys::revoke(incoming.app, incoming.budget, id, &incoming.plain_act()?).await?;
        return Ok(Reply::empty());
    }
    let act = incoming.act(&json!({"cascade": true}), None, |asked| Ok::<_, Problems>(asked.clone()))?;
    keys::revoke(incoming.app, incoming.budget, id, &act).await?;
    keys::revoke_descendants(incoming.app, incoming.budget, id, &act).await?;
    Ok(Reply::empty())
}

/// `GET /v1/admin/audit`
pub async fn audit<T: Table>(incoming: &Incoming<'_, T>) -> Result<Reply, Failure> {
    let (by, before, limit) = (incoming.administrator()?, incoming.cursor()?, incoming.query_limit()?);
    let (acts, next) = audit::list(incoming.app, incoming.budget, &by, before, limit).await?;
    let entries = acts.iter().filter_map(entry).collect();
    Ok(Reply::json(&AuditLog { entries, next_cursor: incoming.next_cursor(next) }))
}

fn data(key: &AdminKey) -> AdminKeyData {
    AdminKeyData {
        key_id: key.id.clone(),
        name: key.name.clone(),
        scopes: key.scopes.iter().map(|scope| scope.wire().to_owned()).collect(),
        project_id: key.project_id.clone(),
        expires_at: key.expires_at.map(|end| end.to_string()),
        created_by: key.created_by.clone(),
        family: key.family.clone(),
        created_at: key.created_at.to_string(),
        revoked_at: key.revoked_at.map(|at| at.to_string()),
        key: None,
    }
}

fn entry(act: &AdminOperation) -> Option<AuditEntry> {
    let audit = act.audit.as_ref()?;
    Some(AuditEntry {
        timestamp: act.created_at.to_string(),
        key_id: audit.key_id.clone(),
        family: audit.family.clone(),
        from: audit.from.clone(),
        action: audit.action.clone(),
        target: audit.target.clone(),
        operation_id: audit.operation_id.clone(),
        change: audit.change.clone(),
    })
}
