//! Erasures of a project's old entries.

use crate::model::erasure::{Erasure, KEPT_DAYS};
use crate::table::item::attributes::{Builder, Item, ItemError, Reader};
use crate::table::key;

/// An erasure's item. It goes some time after its last step.
pub fn erasure(erasure: &Erasure) -> Item {
    Builder::new(key::erasure(&erasure.project_id, &erasure.id))
        .text("fingerprint", &erasure.fingerprint)
        .at("before", erasure.before)
        .text_opt("account", erasure.account.as_ref())
        .int_opt("position", erasure.position)
        .int("accounts", erasure.accounts)
        .int("erased", erasure.erased)
        .at("startedAt", erasure.started_at)
        .at_opt("endedAt", erasure.ended_at)
        .at("movedAt", erasure.moved_at)
        .int("revision", erasure.revision)
        .ttl(erasure.moved_at.plus_days(KEPT_DAYS))
        .build()
}

pub(super) fn read_erasure(r: &Reader<'_>, project_id: String, id: String) -> Result<Erasure, ItemError> {
    Ok(Erasure {
        project_id,
        id,
        fingerprint: r.text("fingerprint")?,
        before: r.at("before")?,
        account: r.text_opt("account"),
        position: r.int_opt("position"),
        accounts: r.int("accounts")?,
        erased: r.int("erased")?,
        started_at: r.at("startedAt")?,
        ended_at: r.at_opt("endedAt"),
        moved_at: r.at("movedAt")?,
        revision: r.int("revision")?,
    })
}
