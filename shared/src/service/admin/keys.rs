//! Administrator keys.

use std::collections::BTreeSet;

use ltlm_protocol::Timestamp;
use subtle::ConstantTimeEq;

use crate::domain::admin::create_key::CreateKey;
use crate::domain::ahead::must_lie_ahead;
use crate::domain::decision::Decision;
use crate::model::administrator::{AdminKey, Administrator};
use crate::model::denied::Denied;
use crate::model::record::Record;
use crate::model::write::Write;
use crate::service::admin::operation::{AdminCall, AdminChange, Found, Part, find, gone, once, page};
use crate::service::app::{App, Budget, Error};
use crate::service::retry::Absorb;
use crate::service::{ids, transact};
use crate::table::port::{List, Read, Table};

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

/// A key as it was created: only its creator receives the text.
#[derive(Debug)]
pub struct NewKey {
    /// Its record.
    pub key: AdminKey,
    /// The key itself; `None` if an earlier call created it.
    pub text: Option<String>,
}

/// Creates a key whose rights and duration do not exceed those of its creator.
pub async fn create<T: Table>(
    app: &App<T>,
    budget: &Budget<'_>,
    command: &CreateKey,
    act: &AdminCall,
) -> Result<NewKey, Error> {
    command.allowed(&act.by)?;
    let (family, expires_at) = (act.by.family_of_new_key()?, act.by.end(command.expires_at)?);
    let text = ids::admin_key(app.entropy.as_ref());
    let hash = ids::sha256_hex(text.as_bytes());
    let key = AdminKey {
        id: id_of(&hash),
        hash,
        name: command.name.clone(),
        scopes: command.scopes.clone(),
        project_id: command.project_id.clone(),
        expires_at,
        created_by: act.by.key_id.clone(),
        family,
        created_at: act.now,
        revoked_at: None,
    };
    let project: Vec<_> = command.project_id.iter().map(|id| Read::Project(id.clone())).collect();
    let deed = |found: &Found| {
        if command.project_id.is_some() {
            found.project()?;
        }
        must_lie_ahead("expiresAt", command.expires_at, act.now)?;
        Ok(AdminChange { made: vec![key.id.clone()], writes: vec![Write::AddAdminKey { key: key.clone() }] })
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

/// Revokes a key at once. A revoked key stays in the list, to show who acted with it.
pub async fn revoke<T: Table>(app: &App<T>, budget: &Budget<'_>, id: &str, act: &AdminCall) -> Result<(), Error> {
    act.by.may_everywhere()?;
    let deed = |found: &Found| {
        let key = found.key.as_ref().filter(|key| key.revoked_at.is_none()).ok_or(Denied::KeyNotFound)?;
        let revoked = Write::RevokeAdminKey { id: key.id.clone(), at: act.now };
        Ok(AdminChange { made: vec![key.id.clone()], writes: vec![revoked] })
    };
    once(app, budget, act, Part::whole(), &[Read::AdminKey(id.to_owned())], deed).await.map(|_| ())
}

/// Keys of a page of the list, in search of descendants.
const PAGE: i64 = 100;
/// Descendants that are revoked together, each with its line in the log.
const REVOKED_TOGETHER: usize = 25;

/// Revokes all keys that descend from this one, each with an entry in the log. Keys that are already revoked are left:
/// a call that was interrupted is sent again and does the rest.
pub async fn revoke_descendants<T: Table>(
    app: &App<T>,
    budget: &Budget<'_>,
    id: &str,
    act: &AdminCall,
) -> Result<(), Error> {
    // A descendant may have made another one meanwhile: until none is found.
    while revoke_found(app, budget, id, act).await? {}
    Ok(())
}

/// Goes through all keys once; were descendants revoked?
async fn revoke_found<T: Table>(app: &App<T>, budget: &Budget<'_>, id: &str, act: &AdminCall) -> Result<bool, Error> {
    let (mut keys, mut before) = (Vec::new(), None);
    loop {
        let (records, next) = page(app, budget, List::AdminKeys, before, PAGE).await?;
        keys.extend(records.into_iter().filter_map(Record::admin_key));
        before = next;
        if before.is_none() {
            break;
        }
    }
    // Of some keys the maker alone is known, so their makers must be found before them, whatever their order.
    let (mut family, mut found) = (BTreeSet::from([id.to_owned()]), Vec::new());
    loop {
        let descends = |key: &AdminKey| key.family.iter().any(|ancestor| family.contains(ancestor));
        let (descendants, others): (Vec<_>, Vec<_>) = keys.into_iter().partition(descends);
        if descendants.is_empty() {
            break;
        }
        family.extend(descendants.iter().map(|key| key.id.clone()));
        found.extend(descendants.into_iter().filter(|key| key.revoked_at.is_none()).map(|key| key.id));
        keys = others;
    }
    let mut any = false;
    for together in found.chunks(REVOKED_TOGETHER) {
        any |= revoke_some(app, budget, together, act).await?;
    }
    Ok(any)
}

/// Revokes those of these keys that are in force; the list may be behind.
async fn revoke_some<T: Table>(
    app: &App<T>,
    budget: &Budget<'_>,
    ids: &[String],
    act: &AdminCall,
) -> Result<bool, Error> {
    let reads: Vec<_> = ids.iter().cloned().map(Read::AdminKey).collect();
    let load = || async {
        let records = app.table.read(&reads, budget.meter).await?;
        Ok(Keys(records.into_iter().filter_map(Record::admin_key).collect()))
    };
    let decide = |keys: &Keys| {
        let in_force = keys.0.iter().filter(|key| key.revoked_at.is_none());
        let writes = in_force.flat_map(|key| {
            let revoked = Write::RevokeAdminKey { id: key.id.clone(), at: act.now };
            [revoked, Write::AddAdminOperation { operation: act.on_descendant(&key.id) }]
        });
        let writes: Vec<_> = writes.collect();
        let any = !writes.is_empty();
        Ok(Decision::write(writes, any))
    };
    transact::act(app, budget, load, decide).await
}

/// Keys that are looked at.
struct Keys(Vec<AdminKey>);

impl Absorb for Keys {
    // One that was revoked meanwhile: all are read anew.
    fn absorb(&mut self, _: Record) -> bool {
        false
    }
}
