//! Licenses, their devices, seats and tokens.

use ltlm_protocol::admin_data::{DeviceList, IssuedLicenses, LicenseList};
use ltlm_protocol::{Body, Problems, limits};
use serde_json::json;

use crate::api::extract::Incoming;
use crate::api::handlers::accounts::{checked_so_far, counted_so_far, statistics_reply, verification};
use crate::api::reply::{Failure, Reply};
use crate::domain::license::change_license::ChangeLicense;
use crate::domain::license::credit::Credit;
use crate::domain::license::describe_device::DescribeDevice;
use crate::domain::license::issue::Issue;
use crate::domain::license::offline_file::IssueFile;
use crate::domain::license::reinstate::Reinstate;
use crate::domain::license::status::Status;
use crate::model::email::Email;
use crate::model::ids::{OperationId, OperationKey, Origin};
use crate::service::admin::licenses::Search;
use crate::service::admin::{issue, license as acts, licenses, offline_file as files};
use crate::service::license as service;
use crate::service::license::command::ListSeats;
use crate::service::license::request::Request;
use crate::table::port::Table;

/// `POST /v1/admin/projects/{projectId}/licenses`
pub async fn issue<T: Table>(incoming: &Incoming<'_, T>) -> Result<Reply, Failure> {
    let project_id = incoming.project()?;
    let body = incoming.json()?;
    let command = Issue::parse(&body)?;
    let act = incoming.act(&body, command.operation_id.as_ref(), Issue::parse)?;
    let (licenses, replayed) = issue::issue(incoming.app, incoming.budget, project_id, &command, &act).await?;
    Ok(Reply::created(&IssuedLicenses { licenses }).operation(&act.id, replayed))
}

/// `GET /v1/admin/projects/{projectId}/licenses`
pub async fn search<T: Table>(incoming: &Incoming<'_, T>) -> Result<Reply, Failure> {
    let project_id = incoming.project()?;
    let (before, limit) = (incoming.cursor()?, incoming.query_limit()?);
    let search = Search {
        email: incoming.query_text("email", limits::EMAIL_CHARS_MAX)?.map(|text| Email::of_kept(&text)),
        // What is no number names no policy.
        policy: incoming.query_text("policyId", limits::NAME_CHARS_MAX)?.map(|text| text.parse().unwrap_or(0)),
        status: incoming.query_text("status", limits::NAME_CHARS_MAX)?,
        test: match incoming.query_text("test", limits::NAME_CHARS_MAX)?.as_deref() {
            None => None,
            Some("true") => Some(true),
            Some("false") => Some(false),
            Some(_) => return Err(Problems::one("test", "must be true or false").into()),
        },
    };
    let known = search.status.as_deref().is_none_or(|text| Status::ALL.iter().any(|status| status.wire() == text));
    if !known {
        let all: Vec<_> = Status::ALL.iter().map(|status| status.wire()).collect();
        return Err(Problems::one("status", format!("must be one of {}", all.join(", "))).into());
    }
    let (app, budget) = (incoming.app, incoming.budget);
    let (licenses, next) = licenses::search(app, budget, project_id, &search, before, limit, incoming.now).await?;
    Ok(Reply::json(&LicenseList { licenses, next_cursor: incoming.next_cursor(next) }))
}

/// `GET /v1/admin/licenses/{licenseKey}`
pub async fn get<T: Table>(incoming: &Incoming<'_, T>) -> Result<Reply, Failure> {
    let request = incoming.license_request(incoming.access()?, None);
    Ok(Reply::json(&service::license(incoming.app, incoming.budget, &request).await?))
}

/// `PATCH /v1/admin/licenses/{licenseKey}`
pub async fn change<T: Table>(incoming: &Incoming<'_, T>) -> Result<Reply, Failure> {
    let body = incoming.json()?;
    let command = ChangeLicense::parse(&body)?;
    let act = incoming.act_of_patch(&body, command.operation_id.as_ref())?;
    let request = incoming.license_request(incoming.access()?, None);
    let (data, replayed) = acts::change(incoming.app, incoming.budget, &request, &command, &act).await?;
    Ok(Reply::json(&data).operation(&act.id, replayed))
}

/// `POST /v1/admin/licenses/{licenseKey}/reinstate`
pub async fn reinstate<T: Table>(incoming: &Incoming<'_, T>) -> Result<Reply, Failure> {
    let body = incoming.json()?;
    let command = Reinstate::parse(&body)?;
    let act = incoming.act(&body, command.operation_id.as_ref(), Reinstate::parse)?;
    let request = incoming.license_request(incoming.access()?, None);
    let (data, replayed) = acts::reinstate(incoming.app, incoming.budget, &request, &command, &act).await?;
    Ok(Reply::json(&data).operation(&act.id, replayed))
}

/// `POST /v1/admin/licenses/{licenseKey}/tokens`
pub async fn tokens<T: Table>(incoming: &Incoming<'_, T>) -> Result<Reply, Failure> {
    let body = incoming.json()?;
    let command = Credit::parse(&body)?;
    let act = incoming.act(&body, command.operation_id.as_ref(), Credit::parse)?;
    let request = incoming.license_request(incoming.access()?, None);
    let id = OperationId { origin: Origin::Admin, id: act.id.clone() };
    let key = OperationKey { id, fingerprint: act.fingerprint.clone() };
    let (operation, replayed) = acts::credit(incoming.app, incoming.budget, &request, &command, &key, &act).await?;
    let mut answer = json!(operation);
    answer["replayed"] = json!(replayed);
    Ok(Reply::json(&answer).operation(&act.id, replayed))
}

/// `POST /v1/admin/licenses/{licenseKey}/offline-file`
pub async fn offline_file<T: Table>(incoming: &Incoming<'_, T>) -> Result<Reply, Failure> {
    let body = incoming.json()?;
    let command = IssueFile::parse(&body)?;
    let act = incoming.act(&body, command.operation_id.as_ref(), IssueFile::parse)?;
    let request = incoming.license_request(incoming.access()?, None);
    let (file, replayed) = files::issue(incoming.app, incoming.budget, &request, &command, &act).await?;
    Ok(Reply::text(file).operation(&act.id, replayed))
}

/// Whose a cursor into the ledger of this license is. No account is called so.
fn owner(request: &Request) -> String {
    format!("license {}", request.call.key)
}

/// `GET /v1/admin/licenses/{licenseKey}/usage/verification`: is the ledger whole?
pub async fn verify<T: Table>(incoming: &Incoming<'_, T>) -> Result<Reply, Failure> {
    let request = incoming.license_request(incoming.access()?, None);
    let owner = owner(&request);
    let from = checked_so_far(incoming, &owner)?;
    let (found, next) = service::verify(incoming.app, incoming.budget, &request, from).await?;
    Ok(verification(incoming, &owner, found, next))
}

/// `GET /v1/admin/licenses/{licenseKey}/usage/statistics`: what the ledger adds up to.
pub async fn statistics<T: Table>(incoming: &Incoming<'_, T>) -> Result<Reply, Failure> {
    let request = incoming.license_request(incoming.access()?, None);
    let owner = owner(&request);
    let (span, after) = counted_so_far(incoming, &owner)?;
    let (found, next) = service::statistics(incoming.app, incoming.budget, &request, span, after).await?;
    Ok(statistics_reply(incoming, &owner, found, next))
}

/// `GET /v1/admin/licenses/{licenseKey}/seats`
pub async fn seats<T: Table>(incoming: &Incoming<'_, T>) -> Result<Reply, Failure> {
    let request = incoming.license_request(incoming.access()?, None);
    Ok(Reply::json(&service::run(incoming.app, incoming.budget, &request, &ListSeats).await?))
}

/// `GET /v1/admin/licenses/{licenseKey}/devices`
pub async fn devices<T: Table>(incoming: &Incoming<'_, T>) -> Result<Reply, Failure> {
    let (before, limit) = (incoming.cursor()?, incoming.query_limit()?);
    let request = incoming.license_request(incoming.access()?, None);
    let (devices, next) = acts::devices(incoming.app, incoming.budget, &request, before, limit).await?;
    Ok(Reply::json(&DeviceList { devices, next_cursor: incoming.next_cursor(next) }))
}

/// `PATCH /v1/admin/licenses/{licenseKey}/devices/{hwid}`
pub async fn describe_device<T: Table>(incoming: &Incoming<'_, T>) -> Result<Reply, Failure> {
    let body = incoming.json()?;
    let command = DescribeDevice::parse(&body)?;
    let act = incoming.act_of_patch(&body, command.operation_id.as_ref())?;
    let request = incoming.license_request(incoming.access()?, None);
    let hwid = incoming.path_hwid()?;
    let (device, replayed) =
        acts::describe_device(incoming.app, incoming.budget, &request, hwid, &command, &act).await?;
    Ok(Reply::json(&device).operation(&act.id, replayed))
}

/// `DELETE /v1/admin/licenses/{licenseKey}/devices/{hwid}`
pub async fn remove_device<T: Table>(incoming: &Incoming<'_, T>) -> Result<Reply, Failure> {
    let act = incoming.plain_act()?;
    let request = incoming.license_request(incoming.access()?, None);
    acts::remove_device(incoming.app, incoming.budget, &request, incoming.path_hwid()?, &act).await?;
    Ok(Reply::empty())
}

/// `POST /v1/admin/licenses/{licenseKey}/seats/{hwid}/release`
pub async fn release_seat<T: Table>(incoming: &Incoming<'_, T>) -> Result<Reply, Failure> {
    let act = incoming.plain_act()?;
    let request = incoming.license_request(incoming.access()?, None);
    let hwid = incoming.path_hwid()?;
    let (seats, replayed) = acts::kick(incoming.app, incoming.budget, &request, hwid, &act).await?;
    Ok(Reply::json(&seats).operation(&act.id, replayed))
}
