//! The vendor's face.

use ltlm_protocol::int32;
use serde_json::json;

use crate::api::extract::Incoming;
use crate::api::reply::{Failure, Reply};
use crate::domain::change_license::ChangeLicense;
use crate::domain::credit::Credit;
use crate::domain::entry::{OperationId, OperationKey, Origin};
use crate::domain::issue::Issue;
use crate::domain::policy::PolicyTerms;
use crate::service::admin::{self, AdminKey, CreateProject};
use crate::service::license as service;
use crate::table::Table;

/// `POST /v1/admin/projects`. The secret is in this answer and in no other.
pub async fn create_project<T: Table>(incoming: &Incoming<'_, T>) -> Result<Reply, Failure> {
    incoming.access()?;
    let body = incoming.json()?;
    let command = CreateProject::parse(&body)?;
    let operation = incoming.operation("", &body, command.operation_id.as_ref())?;
    let key = AdminKey { id: operation.id.clone(), fingerprint: operation.fingerprint };
    let made = admin::create_project(incoming.app, incoming.budget, incoming.now, &command, &key).await?;
    let answer = json!({
        "projectId": made.project.id,
        "ProjectID": int32(made.project.number),
        "name": made.project.name,
        "settings": made.project.settings,
        "projectSettings": made.project.project_settings,
        "secretKey": hex::encode(made.secret.expose()),
        "publicKey": made.project.public_key,
        "createdAt": made.project.created_at.to_string(),
    });
    Ok(Reply::created(&answer).operation(&operation.id, made.replayed))
}

/// `POST /v1/admin/projects/{projectId}/policies`
pub async fn create_policy<T: Table>(incoming: &Incoming<'_, T>) -> Result<Reply, Failure> {
    incoming.access()?;
    let body = incoming.json()?;
    let terms = PolicyTerms::parse(&body)?;
    let project_id = incoming.parameter("projectId");
    let operation = incoming.operation(project_id, &body, body_operation_id(&body)?.as_ref())?;
    let key = AdminKey { id: operation.id.clone(), fingerprint: operation.fingerprint };
    let (policy, replayed) =
        admin::create_policy(incoming.app, incoming.budget, incoming.now, project_id, &terms, &key).await?;
    let mut answer = json!(policy.data());
    answer["projectId"] = json!(policy.project_id);
    answer["slug"] = json!(policy.terms.slug);
    answer["config"] = json!(policy.terms.config);
    answer["createdAt"] = json!(policy.created_at.to_string());
    Ok(Reply::created(&answer).operation(&operation.id, replayed))
}

/// `POST /v1/admin/projects/{projectId}/licenses`
pub async fn create_license<T: Table>(incoming: &Incoming<'_, T>) -> Result<Reply, Failure> {
    incoming.access()?;
    let body = incoming.json()?;
    let command = Issue::parse(&body)?;
    let project_id = incoming.parameter("projectId");
    let operation = incoming.operation(project_id, &body, command.operation_id.as_ref())?;
    let key = AdminKey { id: operation.id.clone(), fingerprint: operation.fingerprint };
    let (licenses, replayed) =
        admin::issue(incoming.app, incoming.budget, incoming.now, project_id, &command, &key).await?;
    Ok(Reply::created(&json!({ "licenses": licenses })).operation(&operation.id, replayed))
}

/// `GET /v1/admin/licenses/{licenseKey}`
pub async fn license<T: Table>(incoming: &Incoming<'_, T>) -> Result<Reply, Failure> {
    let request = incoming.license_request(incoming.access()?, None);
    Ok(Reply::json(&service::license(incoming.app, incoming.budget, &request).await?))
}

/// `PATCH /v1/admin/licenses/{licenseKey}`
pub async fn change_license<T: Table>(incoming: &Incoming<'_, T>) -> Result<Reply, Failure> {
    let access = incoming.access()?;
    let command = ChangeLicense::parse(&incoming.json()?)?;
    let request = incoming.license_request(access, None);
    Ok(Reply::json(&service::change(incoming.app, incoming.budget, &request, &command).await?))
}

/// `POST /v1/admin/licenses/{licenseKey}/tokens`
pub async fn tokens<T: Table>(incoming: &Incoming<'_, T>) -> Result<Reply, Failure> {
    let access = incoming.access()?;
    let body = incoming.json()?;
    let command = Credit::parse(&body)?;
    let request = incoming.license_request(access, None);
    let operation = incoming.operation(&request.call.key, &body, command.operation_id.as_ref())?;
    let id = OperationId { origin: Origin::Admin, id: operation.id.clone() };
    let key = OperationKey { id, fingerprint: operation.fingerprint };
    let done = service::credit(incoming.app, incoming.budget, &request, &command, &key).await?;
    let mut answer = json!(done.operation);
    answer["replayed"] = json!(done.replayed);
    Ok(Reply::json(&answer).operation(&operation.id, done.replayed))
}

/// `DELETE /v1/admin/licenses/{licenseKey}/devices/{hwid}`
pub async fn remove_device<T: Table>(incoming: &Incoming<'_, T>) -> Result<Reply, Failure> {
    let request = incoming.license_request(incoming.access()?, None);
    service::remove_device(incoming.app, incoming.budget, &request, incoming.parameter("hwid")).await?;
    Ok(Reply::empty())
}

/// `POST /v1/admin/licenses/{licenseKey}/seats/{hwid}/release`
pub async fn release_seat<T: Table>(incoming: &Incoming<'_, T>) -> Result<Reply, Failure> {
    let request = incoming.license_request(incoming.access()?, None);
    Ok(Reply::json(&service::kick(incoming.app, incoming.budget, &request, incoming.parameter("hwid")).await?))
}

/// The operation id in the body of a policy, whose other members `PolicyTerms` reads.
fn body_operation_id(body: &serde_json::Value) -> Result<Option<String>, Failure> {
    let mut reader = ltlm_protocol::read::Reader::new(body)?;
    let id = ltlm_protocol::request::operation_id(&mut reader);
    reader.finish()?;
    Ok(id)
}
