//! Accounts, organizations, who may speak for them, and the jobs that renew them.

use std::collections::BTreeMap;

use ltlm_protocol::Timestamp;
use serde_json::{Map, json};

use crate::model::account::{Account, is_account_name};
use crate::model::dispatch_checkpoint::Job;
use crate::model::ids::{AccountId, OperationId, OperationKey, Origin};
use crate::model::organization::{AccessToken, Holder, Made, Member, Organization};
use crate::table::item::{Builder, Item, ItemError, Reader};
use crate::table::key;
use crate::table::port::List;

/// An account's item.
pub fn account(account: &Account) -> Item {
    // The pools of organizations stand in no list of their own.
    let listed = Some(&account.id).filter(|id| is_account_name(&id.name));
    Builder::new(key::account(&account.id))
        .text_opt("listPk", listed.map(|id| key::list_partition(&List::Accounts(id.project_id.clone()))))
        .text_opt("listSk", listed.map(|id| id.name.clone()))
        .text("tier", &account.tier)
        .at_opt("tierEndsAt", account.tier_ends_at)
        .at("anchor", account.anchor)
        .int("overdraftLimit", account.overdraft_limit)
        .at("createdAt", account.created_at)
        .text("createdBy", &account.created_by.id.id)
        .text("fingerprint", &account.created_by.fingerprint)
        .text_opt("paid", paid_text(&account.paid))
        .int("revision", account.revision)
        .build()
}

/// Plans with the beginnings of their periods, as text; `None` if there are none.
fn paid_text(paid: &BTreeMap<String, Timestamp>) -> Option<String> {
    let rows: Map<_, _> = paid.iter().map(|(plan, began)| (plan.clone(), json!(began.ms()))).collect();
    (!rows.is_empty()).then(|| json!(rows).to_string())
}

fn read_paid(r: &Reader<'_>) -> Result<BTreeMap<String, Timestamp>, ItemError> {
    let rows = r.document_opt("paid")?.unwrap_or_default();
    let paid = rows.into_iter().map(|(plan, began)| Some((plan, Timestamp::from_ms(began.as_i64()?))));
    paid.collect::<Option<_>>().ok_or(ItemError { attribute: "paid" })
}

pub(super) fn read_account(r: &Reader<'_>, id: AccountId) -> Result<Account, ItemError> {
    let operation = OperationId { origin: Origin::Client, id: r.text("createdBy")? };
    Ok(Account {
        id,
        tier: r.text("tier")?,
        tier_ends_at: r.at_opt("tierEndsAt"),
        anchor: r.at("anchor")?,
        overdraft_limit: r.int("overdraftLimit")?,
        created_at: r.at("createdAt")?,
        created_by: OperationKey { id: operation, fingerprint: r.text("fingerprint")? },
        paid: read_paid(r)?,
        revision: r.int("revision")?,
    })
}

/// An organization's item.
pub fn organization(organization: &Organization) -> Item {
    let changed_by = organization.changed_by.as_ref();
    Builder::new(key::organization(&organization.id))
        .text("listPk", key::list_partition(&List::Organizations(organization.id.project_id.clone())))
        .text("listSk", &organization.id.name)
        .text("plan", &organization.plan)
        .at("createdAt", organization.created_at)
        .text("createdBy", &organization.created_by.id.id)
        .text("fingerprint", &organization.created_by.fingerprint)
        .text_opt("changedBy", changed_by.map(|key| &key.id.id))
        .text_opt("changeFingerprint", changed_by.map(|key| &key.fingerprint))
        .int("revision", organization.revision)
        .build()
}

/// A caller's operation in two attributes.
pub(super) fn read_key(r: &Reader<'_>, id: &str, fingerprint: &str) -> Option<OperationKey> {
    let id = OperationId { origin: Origin::Client, id: r.text_opt(id)? };
    Some(OperationKey { id, fingerprint: r.text_opt(fingerprint)? })
}

/// A member's item.
pub fn member(member: &Member) -> Item {
    Builder::new(key::member(&member.organization, &member.user))
        .at_opt("removedAt", member.removed_at)
        .int("revision", member.revision)
        .build()
}

/// For so many days after its end it is known which operation made an access token.
const ACCESS_KNOWN_DAYS: i64 = 30;

/// An access token's item.
pub fn access_token(token: &AccessToken) -> Item {
    let made = token.made.as_ref();
    // One that works no more is in no list; in a list, the last to end comes first.
    let list = |holder: Option<Holder>| {
        holder.filter(|_| token.revoked_at.is_none()).map(|holder| key::access_list(&token.project_id, &holder))
    };
    let by_user = list(token.user.clone().map(Holder::User));
    let by_organization = list(token.organization.clone().map(Holder::Organization));
    let place = key::timed_sort(token.expires_at, &token.hash);
    Builder::new(key::access_token(&token.hash))
        .text("projectId", &token.project_id)
        .text_opt("organization", token.organization.as_ref())
        .text_opt("user", token.user.as_ref())
        .at("expiresAt", token.expires_at)
        .at_opt("revokedAt", token.revoked_at)
        .text_opt("listSk", by_user.as_ref().map(|_| &place))
        .text_opt("listPk", by_user)
        .text_opt("dueSk", by_organization.as_ref().map(|_| &place))
        .text_opt("duePk", by_organization)
        .text_opt("createdBy", made.map(|made| &made.by.id.id))
        .text_opt("fingerprint", made.map(|made| &made.by.fingerprint))
        .text_opt("request", made.map(|made| &made.request))
        .ttl(token.expires_at.plus_days(ACCESS_KNOWN_DAYS))
        .build()
}

pub(super) fn read_access_token(r: &Reader<'_>, hash: String) -> Result<AccessToken, ItemError> {
    let by = read_key(r, "createdBy", "fingerprint");
    Ok(AccessToken {
        hash,
        project_id: r.text("projectId")?,
        organization: r.text_opt("organization"),
        user: r.text_opt("user"),
        expires_at: r.at("expiresAt")?,
        revoked_at: r.at_opt("revokedAt"),
        made: by.zip(r.text_opt("request")).map(|(by, request)| Made { by, request }),
    })
}

/// A job's item.
pub fn job(job: &Job) -> Item {
    Builder::new(key::job(&job.name))
        .at("startedAt", job.started_at)
        .text_opt("project", job.project.as_ref())
        .int("shard", job.shard)
        .text_opt("after", job.after.as_ref())
        .int("sent", job.sent)
        .int("done", job.done.into())
        .int("revision", job.revision)
        .build()
}
