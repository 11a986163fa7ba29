//! The vendor's webhooks.

use ltlm_protocol::read::Reader;
use ltlm_protocol::request::operation_id;
use ltlm_protocol::webhook_data::{DeadLetterList, NoticeList, WebhookData, WebhookList};
use ltlm_protocol::{Body, Code, limits};
use serde_json::{Value, json};

use crate::api::cursor;
use crate::api::extract::Incoming;
use crate::api::reply::{Failure, Reply};
use crate::domain::webhooks::create::CreateWebhook;
use crate::model::webhook::Webhook;
use crate::service::webhooks::endpoints as service;
use crate::service::webhooks::endpoints::{NewWebhook, Which};
use crate::table::port::Table;

fn with_secret(made: &NewWebhook) -> WebhookData {
    WebhookData { secret: Some(made.secret.clone()), ..made.webhook.data() }
}

/// `POST …/webhooks`
pub async fn create<T: Table>(incoming: &Incoming<'_, T>) -> Result<Reply, Failure> {
    let (project, body) = (incoming.project()?, incoming.json()?);
    let command = CreateWebhook::parse_for(&body, incoming.settings.plain_webhooks)?;
    let act = incoming.act(&body, command.operation_id.as_ref(), |body| {
        CreateWebhook::parse_for(body, incoming.settings.plain_webhooks)
    })?;
    let made = service::create(incoming.app, incoming.budget, project, &command, &act).await?;
    Ok(Reply::created(&with_secret(&made)).operation(&act.id, made.replayed))
}

/// `GET …/webhooks`
pub async fn list<T: Table>(incoming: &Incoming<'_, T>) -> Result<Reply, Failure> {
    let webhooks = service::list(incoming.app, incoming.budget, incoming.project()?).await?;
    let webhooks = webhooks.iter().map(Webhook::data).collect();
    Ok(Reply::json(&WebhookList { webhooks, next_cursor: None }))
}

/// `DELETE …/webhooks/{webhookId}`
pub async fn remove<T: Table>(incoming: &Incoming<'_, T>) -> Result<Reply, Failure> {
    let (project, act) = (incoming.project()?, incoming.plain_act()?);
    service::remove(incoming.app, incoming.budget, project, incoming.parameter("webhookId"), &act).await?;
    Ok(Reply::empty())
}

/// `POST …/webhooks/{webhookId}/secret`
pub async fn rotate<T: Table>(incoming: &Incoming<'_, T>) -> Result<Reply, Failure> {
    let (project, act) = (incoming.project()?, incoming.plain_act()?);
    let id = incoming.parameter("webhookId");
    let made = service::rotate(incoming.app, incoming.budget, project, id, &act).await?;
    Ok(Reply::json(&with_secret(&made)).operation(&act.id, made.replayed))
}

/// The position in a cursor; a cursor of the other list is distinguished from an invalid one.
fn place(which: Which, text: &str) -> Result<String, Failure> {
    let other = if which == Which::All { Which::Dead } else { Which::All };
    match (cursor::parse(which.list(), text), cursor::parse(other.list(), text)) {
        (Err(_), Ok(_)) => Err(Failure::new(Code::CursorElsewhere)),
        (parsed, _) => Ok(parsed?),
    }
}

/// What a replay asks for.
#[derive(Debug)]
pub struct Replay {
    which: Which,
    limit: i64,
    cursor: Option<String>,
    operation_id: Option<String>,
}

impl Body for Replay {
    fn read(r: &mut Reader<'_>) -> Self {
        let is_dead = r.bool_opt("deadLetters").unwrap_or(false);
        Self {
            which: if is_dead { Which::Dead } else { Which::All },
            limit: r.int_opt("limit", 1, limits::PAGE_MAX).unwrap_or(limits::PAGE_MAX),
            cursor: r.text_opt("cursor", 2 * limits::REDIRECT_CHARS_MAX),
            operation_id: operation_id(r),
        }
    }

    fn keywords() -> Value {
        let pattern = format!("{}|{}", cursor::NOTICES.pattern(), cursor::DEAD_LETTERS.pattern());
        json!({"properties": {
            "deadLetters": {"description": "Only what was given up."},
            "limit": {"default": limits::PAGE_MAX},
            "cursor": {"pattern": pattern, "minLength": null, "maxLength": null, "description": "The nextCursor of an earlier answer."},
        }})
    }
}

/// `POST …/webhooks/{webhookId}/replay`
pub async fn replay<T: Table>(incoming: &Incoming<'_, T>) -> Result<Reply, Failure> {
    let project = incoming.project()?;
    let body = incoming.json()?;
    let Replay { which, limit, cursor: given, operation_id } = Replay::parse(&body)?;
    let list = which.list();
    let before = given.map(|text| place(which, &text)).transpose()?;
    let act = incoming.act(&body, operation_id.as_ref(), Replay::parse)?;
    let whose = (project, incoming.parameter("webhookId"));
    let (mut answer, again) = service::replay(incoming.app, incoming.budget, whose, which, before, limit, &act).await?;
    answer.next_cursor = answer.next_cursor.map(|position| cursor::of(list, &position));
    Ok(Reply::json(&answer).operation(&act.id, again))
}

/// `GET …/webhooks/{webhookId}/dead-letters`
pub async fn dead_letters<T: Table>(incoming: &Incoming<'_, T>) -> Result<Reply, Failure> {
    let (project, before, limit) = (incoming.project()?, incoming.cursor()?, incoming.query_limit()?);
    let id = incoming.parameter("webhookId");
    let (dead_letters, next) = service::dead_letters(incoming.app, incoming.budget, project, id, before, limit).await?;
    Ok(Reply::json(&DeadLetterList { dead_letters, next_cursor: incoming.next_cursor(next) }))
}

/// `GET …/notices`
pub async fn notices<T: Table>(incoming: &Incoming<'_, T>) -> Result<Reply, Failure> {
    let (project, before, limit) = (incoming.project()?, incoming.cursor()?, incoming.query_limit()?);
    let (notices, next) = service::notices(incoming.app, incoming.budget, project, before, limit).await?;
    Ok(Reply::json(&NoticeList { notices, next_cursor: incoming.next_cursor(next) }))
}
