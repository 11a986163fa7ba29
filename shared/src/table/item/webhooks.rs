//! Webhooks, their notices, and the deliveries that failed permanently.

use serde_json::json;

use crate::model::webhook::{FailedDelivery, Failing, NOTICE_DAYS, StoredNotice, Webhook};
use crate::table::item::attributes::{Builder, Item, ItemError, Reader};
use crate::table::key;
use crate::table::port::List;

/// A webhook's item.
pub fn webhook(webhook: &Webhook) -> Item {
    let previous = webhook.previous.as_ref();
    let item = Builder::new(key::webhook(&webhook.id))
        .text("projectId", &webhook.project_id)
        .text("url", &webhook.url)
        .text("kinds", webhook.kinds.join(" "))
        .bytes("wrapped", &webhook.wrapped)
        .bytes_opt("previous", previous.map(|(wrapped, _)| wrapped.as_slice()))
        .at_opt("previousUntil", previous.map(|(_, until)| *until))
        .at_opt("disabledAt", webhook.disabled_at)
        .at_opt("failingSince", webhook.failing.as_ref().map(|failing| failing.since))
        .text_opt("lastError", webhook.failing.as_ref().map(|failing| &failing.error))
        .at("createdAt", webhook.created_at)
        .int("revision", webhook.revision);
    item.text("listPk", key::list_partition(&List::Webhooks(webhook.project_id.clone())))
        .text("listSk", key::timed_sort(webhook.created_at, &webhook.id))
        .build()
}

pub(crate) fn read_webhook(r: &Reader<'_>, id: String) -> Result<Webhook, ItemError> {
    Ok(Webhook {
        id,
        project_id: r.text("projectId")?,
        url: r.text("url")?,
        kinds: r.text("kinds")?.split(' ').filter(|kind| !kind.is_empty()).map(str::to_owned).collect(),
        wrapped: r.bytes("wrapped"),
        previous: r.at_opt("previousUntil").map(|until| (r.bytes("previous"), until)),
        disabled_at: r.at_opt("disabledAt"),
        failing: r.at_opt("failingSince").zip(r.text_opt("lastError")).map(|(since, error)| Failing { since, error }),
        created_at: r.at("createdAt")?,
        revision: r.int("revision")?,
    })
}

/// A notice that is kept for deliveries, for a while.
pub fn notice(notice: &StoredNotice) -> Item {
    Builder::new(key::notice(&notice.id))
        .text("projectId", &notice.project_id)
        .text("kind", &notice.kind)
        .at("at", notice.at)
        .text("detail", json!(notice.detail).to_string())
        .ttl(notice.at.plus_days(NOTICE_DAYS))
        .text("listPk", key::list_partition(&List::Notices(notice.project_id.clone())))
        .text("listSk", key::timed_sort(notice.at, &notice.id))
        .build()
}

pub(crate) fn read_notice(r: &Reader<'_>, id: String) -> Result<StoredNotice, ItemError> {
    Ok(StoredNotice {
        id,
        project_id: r.text("projectId")?,
        kind: r.text("kind")?,
        at: r.at("at")?,
        detail: r.json("detail")?.unwrap_or_default(),
    })
}

/// A delivery that was given up, as long as its notice is kept.
pub fn dead(dead: &FailedDelivery) -> Item {
    Builder::new(key::dead(&dead.webhook, &dead.notice))
        .text("kind", &dead.kind)
        .int("attempts", dead.attempts)
        .text("error", &dead.error)
        .at("at", dead.at)
        .ttl(dead.at.plus_days(NOTICE_DAYS))
        .text("listPk", key::list_partition(&List::Dead(dead.webhook.clone())))
        .text("listSk", key::timed_sort(dead.at, &dead.notice))
        .build()
}

pub(crate) fn read_dead(r: &Reader<'_>, webhook: String, notice: String) -> Result<FailedDelivery, ItemError> {
    Ok(FailedDelivery {
        webhook,
        notice,
        kind: r.text("kind")?,
        attempts: r.int("attempts")?,
        error: r.text("error")?,
        at: r.at("at")?,
    })
}
