//! The vendor's webhooks: where notices go, and what is sent again.

use ltlm_protocol::limits;
use ltlm_protocol::webhook_data::{DeadLetter, NoticeData, Replayed};

use crate::domain::webhooks::create::{CreateWebhook, OVERLAP_HOURS};
use crate::keys::Purpose;
use crate::model::denied::Denied;
use crate::model::record::Record;
use crate::model::webhook::{StoredNotice, Webhook};
use crate::model::write::Write;
use crate::service::admin::operation::{AdminCall, AdminChange, Found, Part, find, gone, once, page, page_in};
use crate::service::app::{App, Budget, Error};
use crate::service::webhooks::delivery::{self, Delivery, secret_text};
use crate::service::{ids, quota};
use crate::table::port::{List, Read, Table};

/// A webhook with its secret.
#[derive(Debug)]
pub struct NewWebhook {
    /// The webhook.
    pub webhook: Webhook,
    /// What signs.
    pub secret: String,
    /// An earlier call created it.
    pub replayed: bool,
}

/// Creates a webhook.
pub async fn create<T: Table>(
    app: &App<T>,
    budget: &Budget<'_>,
    project_id: &str,
    command: &CreateWebhook,
    act: &AdminCall,
) -> Result<NewWebhook, Error> {
    let reads = [vec![Read::Project(project_id.to_owned())], act.known(0)].concat();
    let found = find(app, budget, &reads).await?;
    found.project()?;
    if let Some(done) = act.replay(&found.done)? {
        return replayed_answer(app, budget, done.made.first().map_or("", String::as_str)).await;
    }
    let count = delivery::webhooks(app, budget, project_id).await?.iter().filter(|w| w.disabled_at.is_none()).count();
    if count >= limits::WEBHOOKS_MAX {
        return Err(Denied::WebhookLimitReached { max: limits::WEBHOOKS_MAX as i64 }.into());
    }
    let made = app.kms()?.make(project_id, Purpose::Webhook).await?;
    let webhook = Webhook {
        id: format!("wh_{}", &ids::nonce(app.entropy.as_ref())[..16]),
        project_id: project_id.to_owned(),
        url: command.url.clone(),
        kinds: command.kinds.clone(),
        wrapped: made.wrapped,
        previous: None,
        disabled_at: None,
        failing: None,
        created_at: act.now,
        revision: 1,
    };
    let deed = |_: &Found| {
        let write = Write::SaveWebhook { webhook: webhook.clone(), found: None };
        Ok(AdminChange { made: vec![webhook.id.clone()], writes: vec![write] })
    };
    match once(app, budget, act, Part { found: Some(found), ..Part::whole() }, &[], deed).await? {
        Some(made) => replayed_answer(app, budget, made.first().map_or("", String::as_str)).await,
        None => Ok(NewWebhook { secret: secret_text(&made.key), webhook, replayed: false }),
    }
}

async fn replayed_answer<T: Table>(app: &App<T>, budget: &Budget<'_>, id: &str) -> Result<NewWebhook, Error> {
    let webhook = find(app, budget, &[Read::Webhook(id.to_owned())]).await?.webhook.ok_or_else(|| gone("webhook"))?;
    let key = app.unwrap(&webhook.project_id, Purpose::Webhook, &webhook.wrapped).await?;
    Ok(NewWebhook { secret: secret_text(&key), webhook, replayed: true })
}

/// The webhooks of a project that something is sent to, or was.
pub async fn list<T: Table>(app: &App<T>, budget: &Budget<'_>, project_id: &str) -> Result<Vec<Webhook>, Error> {
    find(app, budget, &[Read::Project(project_id.to_owned())]).await?.project()?;
    delivery::webhooks(app, budget, project_id).await
}

/// Stops a webhook. It stays in the list, so that its dead letters can be attributed to it.
pub async fn remove<T: Table>(
    app: &App<T>,
    budget: &Budget<'_>,
    project_id: &str,
    id: &str,
    act: &AdminCall,
) -> Result<(), Error> {
    let deed = |found: &Found| {
        let webhook = found.webhook(project_id)?;
        let stopped = Webhook {
            disabled_at: webhook.disabled_at.or(Some(act.now)),
            failing: None,
            revision: webhook.revision + 1,
            ..webhook.clone()
        };
        let write = Write::SaveWebhook { webhook: stopped, found: Some(webhook.revision) };
        Ok(AdminChange { made: vec![id.to_owned()], writes: vec![write] })
    };
    once(app, budget, act, Part::whole(), &[Read::Webhook(id.to_owned())], deed).await.map(|_| ())
}

/// Gives a webhook a new secret. For a while, notices are also signed with the previous one.
pub async fn rotate<T: Table>(
    app: &App<T>,
    budget: &Budget<'_>,
    project_id: &str,
    id: &str,
    act: &AdminCall,
) -> Result<NewWebhook, Error> {
    let made = app.kms()?.make(project_id, Purpose::Webhook).await?;
    let deed = |found: &Found| {
        let webhook = found.webhook(project_id)?;
        let until = act.now.plus_seconds(OVERLAP_HOURS * 3_600);
        let rotated = Webhook {
            previous: Some((webhook.wrapped.clone(), until)),
            wrapped: made.wrapped.clone(),
            revision: webhook.revision + 1,
            ..webhook.clone()
        };
        let write = Write::SaveWebhook { webhook: rotated, found: Some(webhook.revision) };
        Ok(AdminChange { made: vec![id.to_owned()], writes: vec![write] })
    };
    let earlier = once(app, budget, act, Part::whole(), &[Read::Webhook(id.to_owned())], deed).await?;
    Ok(NewWebhook { replayed: earlier.is_some(), ..replayed_answer(app, budget, id).await? })
}

/// A page of a project's notices, newest first.
pub async fn notices<T: Table>(
    app: &App<T>,
    budget: &Budget<'_>,
    project_id: &str,
    before: Option<String>,
    limit: i64,
) -> Result<(Vec<NoticeData>, Option<String>), Error> {
    let (kept, next) = kept(app, budget, project_id, before, limit).await?;
    Ok((kept.into_iter().map(StoredNotice::data).collect(), next))
}

async fn kept<T: Table>(
    app: &App<T>,
    budget: &Budget<'_>,
    project_id: &str,
    before: Option<String>,
    limit: i64,
) -> Result<(Vec<StoredNotice>, Option<String>), Error> {
    let (records, next) = page_in(app, budget, project_id, List::Notices(project_id.to_owned()), before, limit).await?;
    let kept = records.into_iter().filter_map(Record::notice);
    Ok((kept.collect(), next))
}

/// A page of a webhook's deliveries that were given up, newest first. One that was stopped keeps them.
pub async fn dead_letters<T: Table>(
    app: &App<T>,
    budget: &Budget<'_>,
    project_id: &str,
    id: &str,
    before: Option<String>,
    limit: i64,
) -> Result<(Vec<DeadLetter>, Option<String>), Error> {
    find(app, budget, &[Read::Webhook(id.to_owned())]).await?.known_webhook(project_id)?;
    let (records, next) = page(app, budget, List::Dead(id.to_owned()), before, limit).await?;
    Ok((records.into_iter().filter_map(Record::dead).map(|dead| dead.data()).collect(), next))
}

/// What a replay sends again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Which {
    /// All that the webhook wants.
    All,
    /// What was given up.
    Dead,
}

impl Which {
    /// The list that a cursor is of.
    pub fn list(self) -> &'static str {
        match self {
            Self::All => "notices",
            Self::Dead => "dead-letters",
        }
    }
}

/// Sends a page of notices to a webhook again, newest first; and whether an earlier call did. Each has the id that it had: sending
/// it twice does no harm, so they are sent before the act is remembered.
pub async fn replay<T: Table>(
    app: &App<T>,
    budget: &Budget<'_>,
    (project_id, id): (&str, &str),
    which: Which,
    before: Option<String>,
    limit: i64,
    act: &AdminCall,
) -> Result<(Replayed, bool), Error> {
    let queue = app.outbox.as_deref().ok_or_else(|| Error::Broken("this function has no queue".into()))?;
    let found = find(app, budget, &[vec![Read::Webhook(id.to_owned())], act.known(0)].concat()).await?;
    let webhook = found.webhook(project_id)?.clone();
    if let Some(done) = act.replay(&found.done)? {
        return Ok((replayed(&done.made), true));
    }
    let (notices, next): (Vec<String>, _) = match which {
        Which::All => {
            let (kept, next) = kept(app, budget, project_id, before, limit).await?;
            let wanted = kept.into_iter().filter(|notice| webhook.takes(&notice.kind));
            (wanted.map(|notice| notice.id).collect(), next)
        }
        Which::Dead => {
            let (dead, next) = dead_letters(app, budget, project_id, id, before, limit).await?;
            (dead.into_iter().map(|dead| dead.message_id).collect(), next)
        }
    };
    let messages: Vec<_> = notices.iter().map(|notice| Delivery::first(id, notice).message()).collect();
    let made: Vec<_> = std::iter::once(messages.len().to_string()).chain(next).collect();
    quota::pass(app, budget).await?;
    if !messages.is_empty() {
        queue.send(messages).await.map_err(Error::Busy)?;
    }
    let deed = |_: &Found| Ok(AdminChange { made: made.clone(), writes: Vec::new() });
    let earlier = once(app, budget, act, Part { found: Some(found), ..Part::whole() }, &[], deed).await?;
    let again = earlier.is_some();
    Ok((replayed(&earlier.unwrap_or(made)), again))
}

/// The result of a replay: how many notices were sent, and where the next replay starts.
fn replayed(made: &[String]) -> Replayed {
    let count = made.first().and_then(|count| count.parse().ok()).unwrap_or(0);
    Replayed { replayed: count, next_cursor: made.get(1).cloned() }
}
