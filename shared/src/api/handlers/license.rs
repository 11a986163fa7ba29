//! The plain REST face of a license.

use ltlm_protocol::license_data::Usage;
use ltlm_protocol::request::{Activate, Consume, ConsumeBatch, Heartbeat, ReleaseSeat, Signout};
use ltlm_protocol::{Body, Problems, envelope, limits};

use crate::api::cursor;
use crate::api::extract::{Incoming, Operation};
use crate::api::handlers::pro;
use crate::api::reply::{Failure, Reply};
use crate::domain::license::entitlement::Ask;
use crate::domain::license::settings::SaveSettings;
use crate::service::ids;
use crate::service::license as service;
use crate::service::license::command::{GetSettings, ListSeats, PutSettings, RemoveDevice, SignOut, Use};
use crate::service::license::consume_batch::{self, BatchKey};
use crate::table::port::Table;

/// `GET /v1/sdk/license/{key}`
pub async fn license<T: Table>(incoming: &Incoming<'_, T>) -> Result<Reply, Failure> {
    let request = incoming.license_request(incoming.access()?, incoming.query_hwid()?);
    Ok(Reply::json(&service::license(incoming.app, incoming.budget, &request).await?))
}

/// `GET …/entitlement`
pub async fn entitlement<T: Table>(incoming: &Incoming<'_, T>) -> Result<Reply, Failure> {
    let ask = Ask {
        hwid: incoming.query_hwid()?.ok_or_else(|| Problems::one("hwid", "is required"))?,
        capability: incoming.query_text("capability", limits::NAME_CHARS_MAX)?,
        tokens: incoming.query_int("tokens", 0, limits::AMOUNT_MAX)?.unwrap_or(0),
    };
    let request = incoming.license_request(incoming.access()?, Some(ask.hwid.clone()));
    Ok(Reply::json(&service::run(incoming.app, incoming.budget, &request, &ask).await?))
}

/// `DELETE …/devices/{hwid}`
pub async fn remove_device<T: Table>(incoming: &Incoming<'_, T>) -> Result<Reply, Failure> {
    let caller = incoming.query_hwid()?.ok_or_else(|| Problems::one("hwid", "is required"))?;
    let request = incoming.license_request(incoming.access()?, Some(caller));
    let command = RemoveDevice { hwid: incoming.path_hwid()?.to_owned() };
    service::run(incoming.app, incoming.budget, &request, &command).await?;
    Ok(Reply::empty())
}

/// `POST …/activate`
pub async fn activate<T: Table>(incoming: &Incoming<'_, T>) -> Result<Reply, Failure> {
    let access = incoming.access()?;
    let command = Activate::parse(&incoming.json()?)?;
    let request = incoming.license_request(access, Some(command.hwid.clone()));
    Ok(Reply::json(&service::run(incoming.app, incoming.budget, &request, &command).await?))
}

/// `POST …/heartbeat`
pub async fn heartbeat<T: Table>(incoming: &Incoming<'_, T>) -> Result<Reply, Failure> {
    let access = incoming.access()?;
    let command = Heartbeat::parse(&incoming.json()?)?;
    let request = incoming.license_request(access, Some(command.hwid.clone()));
    Ok(Reply::json(&service::run(incoming.app, incoming.budget, &request, &command).await?))
}

/// `POST …/signout`
pub async fn signout<T: Table>(incoming: &Incoming<'_, T>) -> Result<Reply, Failure> {
    let access = incoming.access()?;
    let command = Signout::parse(&incoming.json()?)?;
    let request = incoming.license_request(access, Some(command.hwid));
    Ok(Reply::json(&service::run(incoming.app, incoming.budget, &request, &SignOut).await?))
}

/// `GET …/seats`
pub async fn seats<T: Table>(incoming: &Incoming<'_, T>) -> Result<Reply, Failure> {
    let request = incoming.license_request(incoming.access()?, incoming.query_hwid()?);
    Ok(Reply::json(&service::run(incoming.app, incoming.budget, &request, &ListSeats).await?))
}

/// `POST …/release-seat`
pub async fn release_seat<T: Table>(incoming: &Incoming<'_, T>) -> Result<Reply, Failure> {
    let body = incoming.json()?;
    if envelope::blob(&body).is_some() {
        return pro::release_seat_of_path(incoming).await;
    }
    let access = incoming.access()?;
    let command = ReleaseSeat::parse(&body)?;
    let request = incoming.license_request(access, Some(command.hwid.clone()));
    Ok(Reply::json(&service::run(incoming.app, incoming.budget, &request, &command).await?))
}

/// `GET …/settings`
pub async fn settings<T: Table>(incoming: &Incoming<'_, T>) -> Result<Reply, Failure> {
    let request = incoming.license_request(incoming.access()?, incoming.query_hwid()?);
    let settings = service::run(incoming.app, incoming.budget, &request, &GetSettings).await?;
    Ok(Reply::json(&settings.answer).etag(settings.revision))
}

/// `PUT …/settings`
pub async fn save_settings<T: Table>(incoming: &Incoming<'_, T>) -> Result<Reply, Failure> {
    let access = incoming.access()?;
    let settings = SaveSettings::parse(&incoming.json()?)?;
    let request = incoming.license_request(access, settings.hwid.clone());
    let call = ids::operation_id(request.call.now, incoming.app.entropy.as_ref());
    let command = PutSettings { settings, if_match: incoming.if_match()?, call };
    let settings = service::run(incoming.app, incoming.budget, &request, &command).await?;
    Ok(Reply::json(&settings.answer).etag(settings.revision))
}

/// `POST …/consume`
pub async fn consume<T: Table>(incoming: &Incoming<'_, T>) -> Result<Reply, Failure> {
    let access = incoming.access()?;
    let body = incoming.json()?;
    let command = Consume::parse(&body)?;
    let request = incoming.license_request(access, Some(command.hwid.clone()));
    let operation = incoming.operation(&request.call.key, &body, command.operation_id.as_ref(), Consume::parse)?;
    let command = Use { consume: command, key: operation.key() };
    let data = service::run(incoming.app, incoming.budget, &request, &command).await?;
    Ok(Reply::json(&data).operation(&command.key.id.id, data.replayed == Some(true)))
}

/// `POST …/consume-batch`
pub async fn consume_batch<T: Table>(incoming: &Incoming<'_, T>) -> Result<Reply, Failure> {
    let access = incoming.access()?;
    let body = incoming.json()?;
    let command = ConsumeBatch::parse(&body)?;
    let request = incoming.license_request(access, Some(command.hwid.clone()));
    let in_body = command.operation_id.as_ref();
    let Operation { id, fingerprint } = incoming.operation(&request.call.key, &body, in_body, ConsumeBatch::parse)?;
    let key = BatchKey { is_named: incoming.is_named(in_body), id, fingerprint };
    let data = consume_batch::consume(incoming.app, incoming.budget, &request, &command, &key, None).await?;
    let nothing_new = data.batch_result.as_ref().is_some_and(|result| result.accepted == 0 && result.duplicates > 0);
    Ok(Reply::json(&data).operation(&key.id, nothing_new))
}

/// `GET …/usage`
pub async fn usage<T: Table>(incoming: &Incoming<'_, T>) -> Result<Reply, Failure> {
    let access = incoming.access()?;
    let limit = incoming.query_limit()?;
    let before = incoming.cursor()?.map(|position| cursor::sequence(&position)).transpose()?;
    let request = incoming.license_request(access, incoming.query_hwid()?);
    let (entries, next) = service::usage(incoming.app, incoming.budget, &request, before, limit).await?;
    let next_cursor = incoming.next_cursor(next.map(|sequence| sequence.to_string()));
    Ok(Reply::json(&Usage { entries, next_cursor }))
}
