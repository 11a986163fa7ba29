//! Developers, who can sign in from the editor, and the projects whose keys they get.

use ltlm_protocol::portal_data::DeveloperList;
use ltlm_protocol::{Body, Problems};
use serde_json::Value;

use crate::api::extract::Incoming;
use crate::api::reply::{Failure, Reply};
use crate::domain::admin::rewrap::Rewrap;
use crate::domain::portal::developer::{ChangeDeveloper, CreateDeveloper};
use crate::model::developer::Developer;
use crate::model::email::{Email, NoEmail};
use crate::service::admin::{developers as service, rewrap};
use crate::service::app::Error;
use crate::table::port::Table;

/// The body without the password, which is in no log and in no fingerprint. The operation compares it by a keyed hash.
fn without_password(body: &Value) -> Value {
    let mut body = body.clone();
    if let Some(members) = body.as_object_mut() {
        members.remove("password");
    }
    body
}

/// `POST /v1/admin/developers`
pub async fn create<T: Table>(incoming: &Incoming<'_, T>) -> Result<Reply, Failure> {
    let body = incoming.json()?;
    let command = CreateDeveloper::parse(&body)?;
    let act = incoming
        .act(&without_password(&body), command.operation_id.as_ref(), |_| Ok::<_, Problems>(command.facts()))?;
    let (developer, again) = Box::pin(service::create(incoming.app, incoming.budget, &command, &act)).await?;
    Ok(Reply::created(&developer.data()).operation(&act.id, again))
}

/// `GET /v1/admin/developers`
pub async fn list<T: Table>(incoming: &Incoming<'_, T>) -> Result<Reply, Failure> {
    let (by, before, limit) = (incoming.administrator()?, incoming.cursor()?, incoming.query_limit()?);
    by.may_everywhere().map_err(Error::Denied)?;
    let (developers, next) = service::list(incoming.app, incoming.budget, before, limit).await?;
    let developers = developers.iter().map(Developer::data).collect();
    Ok(Reply::json(&DeveloperList { developers, next_cursor: incoming.next_cursor(next) }))
}

/// The developer that the path names. A name that is no longer allowed is accepted too: a developer that has it can be
/// changed.
fn username<T: Table>(incoming: &Incoming<'_, T>) -> Result<Email, Problems> {
    let name = incoming.parameter("username");
    let is_address = name.contains('@');
    is_address.then(|| Email::of_kept(name)).ok_or_else(|| Problems::one("username", NoEmail::NotOne.problem()))
}

/// `PATCH /v1/admin/developers/{username}`
pub async fn change<T: Table>(incoming: &Incoming<'_, T>) -> Result<Reply, Failure> {
    let body = incoming.json()?;
    let command = ChangeDeveloper::parse(&body)?;
    let name = username(incoming)?;
    let act = incoming.act_of_patch(&without_password(&body), command.operation_id.as_ref())?;
    let (developer, again) = Box::pin(service::change(incoming.app, incoming.budget, &name, &command, &act)).await?;
    Ok(Reply::json(&developer.data()).operation(&act.id, again))
}

/// `POST /v1/admin/developers/{username}/rewrap`
pub async fn rewrap<T: Table>(incoming: &Incoming<'_, T>) -> Result<Reply, Failure> {
    let body = incoming.json()?;
    let command = Rewrap::parse(&body)?;
    let name = username(incoming)?;
    let act = incoming.act(&body, command.operation_id.as_ref(), Rewrap::parse)?;
    let (counts, again) = Box::pin(rewrap::developer(incoming.app, incoming.budget, &name, &command, &act)).await?;
    Ok(Reply::json(&counts).operation(&act.id, again))
}
