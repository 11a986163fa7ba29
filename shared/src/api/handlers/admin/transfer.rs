//! Projects that move from one deployment to another.

use ltlm_protocol::read::Reader;
use ltlm_protocol::request::operation_id;
use ltlm_protocol::transfer::{ExportPage, SealedKeys};
use ltlm_protocol::{Body, Problems};
use serde_json::{Value, json};

use crate::api::cursor;
use crate::api::extract::Incoming;
use crate::api::handlers::admin::projects::{data, with_secret};
use crate::api::reply::{Failure, Reply};
use crate::service::admin::operation::AdminCall;
use crate::service::admin::transfer::export::Place;
use crate::service::admin::transfer::import::{BeginImport, TakeLines};
use crate::service::admin::transfer::{export, import, sealed};
use crate::table::port::Table;

/// `GET …/export`
pub async fn export<T: Table>(incoming: &Incoming<'_, T>) -> Result<Reply, Failure> {
    let (project, with_sealed) = (incoming.project()?, incoming.query_bool("sealed")?);
    let place = incoming.cursor()?.map(|text| Place::parse(&text).ok_or_else(cursor::problem));
    let place = place.transpose()?.unwrap_or_default();
    let (lines, next) =
        export::export(incoming.app, incoming.budget, project, with_sealed, place, incoming.now).await?;
    let next_cursor = incoming.next_cursor(next.map(|next| next.text()));
    Ok(Reply::json(&ExportPage { lines, next_cursor }))
}

/// `POST …/export-keys`.
#[derive(Debug)]
pub struct ExportKeys {
    public_key: [u8; 32],
    operation_id: Option<String>,
}

impl Body for ExportKeys {
    fn read(r: &mut Reader<'_>) -> Self {
        let text = r.text("publicKey", 100);
        let key = sealed::parse_public(&text);
        if key.is_none() && !text.is_empty() {
            r.problem("publicKey", "must be the public key of an import key: ltlm_import_ and 64 hex digits");
        }
        Self { public_key: key.unwrap_or_default(), operation_id: operation_id(r) }
    }

    fn keywords() -> Value {
        json!({"properties": {"publicKey": {
            "pattern": "^ltlm_import_[0-9a-f]{64}$", "minLength": null, "maxLength": null,
            "description": "The `publicKey` that the receiving deployment's import-keys answered.",
        }}})
    }
}

/// The public key that keys are sealed to, and the operation's id. A pair, because fingerprints of stored operations are made of it.
fn recipient(body: &Value) -> Result<([u8; 32], Option<String>), Problems> {
    ExportKeys::parse(body).map(|command| (command.public_key, command.operation_id))
}

/// `POST …/export-keys`
pub async fn export_keys<T: Table>(incoming: &Incoming<'_, T>) -> Result<Reply, Failure> {
    let (project, body) = (incoming.project()?, incoming.json()?);
    let (public, named) = recipient(&body)?;
    let act = incoming.act(&body, named.as_ref(), recipient)?;
    let (line, replayed) = sealed::seal(incoming.app, incoming.budget, project, &public, &act).await?;
    Ok(Reply::json(&SealedKeys { line }).operation(&act.id, replayed))
}

/// `POST /v1/admin/import-keys`
pub async fn create_key<T: Table>(incoming: &Incoming<'_, T>) -> Result<Reply, Failure> {
    let act = incoming.plain_act()?;
    let (key, replayed) = sealed::create(incoming.app, incoming.budget, &act).await?;
    Ok(Reply::created(&sealed::data(&key)).operation(&act.id, replayed))
}

/// `POST …/import`
pub async fn begin<T: Table>(incoming: &Incoming<'_, T>) -> Result<Reply, Failure> {
    let (project, body) = (incoming.project()?, incoming.json()?);
    let command = BeginImport::parse_of(&body, project)?;
    let act = incoming.act(&body, command.operation_id.as_ref(), |body| Ok::<_, ()>(body.clone()))?;
    // The log tells which file it was, and keeps no keys of it, sealed or not.
    let act = AdminCall { change: json!({"trailer": body["trailer"], "withKeys": command.head.len() > 2}), ..act };
    let (begun, replayed) = import::begin(incoming.app, incoming.budget, &command, &act).await?;
    Ok(Reply::created(&begun.data()).operation(&act.id, replayed))
}

/// `GET …/import`
pub async fn get<T: Table>(incoming: &Incoming<'_, T>) -> Result<Reply, Failure> {
    let project = incoming.project()?;
    Ok(Reply::json(&import::get(incoming.app, incoming.budget, project).await?.data()))
}

/// `POST …/import/lines`. The position of the first line makes it take effect once; the operation's id is returned for
/// callers that send one.
pub async fn take<T: Table>(incoming: &Incoming<'_, T>) -> Result<Reply, Failure> {
    let (project, body) = (incoming.project()?, incoming.json()?);
    incoming.administrator()?.may_everywhere().map_err(crate::service::app::Error::Denied)?;
    let command = TakeLines::parse_for(&body, incoming.settings.plain_webhooks)?;
    let id = incoming.operation_id(command.operation_id.as_ref())?;
    let taken = import::take(incoming.app, incoming.budget, project, &command.lines).await?;
    Ok(Reply::json(&taken.data()).operation(&id, false))
}

/// `POST …/import/finish`. A secret that was created for the project is in this answer.
pub async fn finish<T: Table>(incoming: &Incoming<'_, T>) -> Result<Reply, Failure> {
    let (project, act) = (incoming.project()?, incoming.plain_act()?);
    let finished = import::finish(incoming.app, incoming.budget, project, &act).await?;
    let answer = match finished.secret {
        Some(made) => with_secret(made),
        None => data(&finished.project),
    };
    Ok(Reply::created(&answer).operation(&act.id, finished.replayed))
}

/// `DELETE …/import`
pub async fn drop_import<T: Table>(incoming: &Incoming<'_, T>) -> Result<Reply, Failure> {
    let (project, act, from) = (incoming.project()?, incoming.plain_act()?, incoming.cursor()?);
    let (mut dropped, replayed) = import::drop_some(incoming.app, incoming.budget, project, from, &act).await?;
    dropped.next_cursor = incoming.next_cursor(dropped.next_cursor);
    Ok(Reply::json(&dropped).operation(&act.id, replayed))
}
