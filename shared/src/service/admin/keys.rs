//! Administrator keys.

use ltlm_protocol::Timestamp;
use subtle::ConstantTimeEq;

use super::{Act, Deed, Found, Part, find, gone, once, page};
use crate::domain::administrator::{AdminKey, Administrator, CreateKey};
use crate::domain::ahead::must_lie_ahead;
use crate::domain::write::Write;
use crate::domain::{Denied, Record};
use crate::service::{App, Budget, Error, ids};
use crate::table::port::List;
use crate::table::{Read, Table};

/// A key's id: follows from its hash, so that a key leads to its record.
fn id_of(hash: &str) -> String {
    format!("key_{}", hash.get(..16).unwrap_or(hash))
}

/// The rights of the key with this hash, if there is one in force.
pub async fn rights<T: Table>(
    app: &App<T>,
    budget: &Budget<'_>,
    hash: &str,
    now: Timestamp,
) -> Result<Option<Administrator>, Error> {
    let found = find(app, budget, &[Read::AdminKey(id_of(hash))]).await?;
    let stored = found.key.filter(|key| bool::from(key.hash.as_bytes().ct_eq(hash.as_bytes())));
    Ok(stored.and_then(|key| key.rights(now)))
}

/// A key as it was made: the text only to who made it.
#[derive(Debug)]
pub struct NewKey {
    /// Its record.
    pub key: AdminKey,
    /// The key itself; none if an earlier call made it.
    pub text: Option<String>,
}

/// Makes a key that may do no more than its maker's.
pub async fn create<T: Table>(
    app: &App<T>,
    budget: &Budget<'_>,
    command: &CreateKey,
    act: &Act,
) -> Result<NewKey, Error> {
    command.allowed(&act.by)?;
    let text = ids::admin_key(app.entropy.as_ref());
    let hash = ids::sha256_hex(text.as_bytes());
    let key = AdminKey {
        id: id_of(&hash),
        hash,
        name: command.name.clone(),
        scopes: command.scopes.clone(),
        project_id: command.project_id.clone(),
        expires_at: command.expires_at,
        created_by: act.by.key_id.clone(),
        created_at: act.now,
        revoked_at: None,
    };
    let project: Vec<_> = command.project_id.iter().map(|id| Read::Project(id.clone())).collect();
    let deed = |found: &Found| {
        if command.project_id.is_some() {
            found.project()?;
        }
        must_lie_ahead("expiresAt", command.expires_at, act.now)?;
        Ok(Deed { made: vec![key.id.clone()], writes: vec![Write::AddAdminKey { key: key.clone() }] })
    };
    let Some(made) = once(app, budget, act, Part::whole(), &project, deed).await? else {
        return Ok(NewKey { key, text: Some(text) });
    };
    let id = made.first().cloned().unwrap_or_default();
    let found = find(app, budget, &[Read::AdminKey(id)]).await?;
    Ok(NewKey { key: found.key.ok_or_else(|| gone("key"))?, text: None })
}

/// A page of the keys.
pub async fn list<T: Table>(
    app: &App<T>,
    budget: &Budget<'_>,
    by: &Administrator,
    before: Option<String>,
    limit: i64,
) -> Result<(Vec<AdminKey>, Option<String>), Error> {
    by.may_everywhere()?;
    let (records, next) = page(app, budget, List::AdminKeys, before, limit).await?;
    let keys = records.into_iter().filter_map(Record::admin_key);
    Ok((keys.collect(), next))
}

/// Revokes a key at once. A revoked key stays in the list, to tell who acted with it.
pub async fn revoke<T: Table>(app: &App<T>, budget: &Budget<'_>, id: &str, act: &Act) -> Result<(), Error> {
    act.by.may_everywhere()?;
    let deed = |found: &Found| {
        let key = found.key.as_ref().filter(|key| key.revoked_at.is_none()).ok_or(Denied::KeyNotFound)?;
        let revoked = Write::RevokeAdminKey { id: key.id.clone(), at: act.now };
        Ok(Deed { made: vec![key.id.clone()], writes: vec![revoked] })
    };
    once(app, budget, act, Part::whole(), &[Read::AdminKey(id.to_owned())], deed).await.map(|_| ())
}
