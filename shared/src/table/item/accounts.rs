//! Accounts, organizations, their members and access tokens, and the jobs that renew them.

use std::collections::BTreeMap;

use ltlm_protocol::Timestamp;
use serde_json::{Map, json};

use crate::model::account::{Account, is_account_name};
use crate::model::ids::{AccountId, OperationId, OperationKey, Origin};
use crate::table::item::attributes::{Builder, Item, ItemError, Reader};
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

pub(crate) fn read_account(r: &Reader<'_>, id: AccountId) -> Result<Account, ItemError> {
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
