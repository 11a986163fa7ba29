//! Projects and their secrets.

use ltlm_protocol::admin_data::{ProjectData, ProjectList, SecretName};
use ltlm_protocol::{Body, int32};

use crate::api::extract::Incoming;
use crate::api::reply::{Failure, Reply};
use crate::domain::admin::project::{ChangeProject, CreateProject};
use crate::domain::admin::rewrap::Rewrap;
use crate::domain::pro::hardening;
use crate::model::project::Project;
use crate::service::admin::projects::NewSecret;
use crate::service::admin::{projects, rewrap};
use crate::table::port::Table;

/// `POST /v1/admin/projects`. The secret is in this answer and in no other.
pub async fn create<T: Table>(incoming: &Incoming<'_, T>) -> Result<Reply, Failure> {
    let body = incoming.json()?;
    let command = CreateProject::parse(&body)?;
    let act = incoming.act(&body, command.operation_id.as_ref(), CreateProject::parse)?;
    let made = projects::create(incoming.app, incoming.budget, &command, &act).await?;
    let replayed = made.replayed;
    Ok(Reply::created(&with_secret(made)).operation(&act.id, replayed))
}

/// `GET /v1/admin/projects`
pub async fn list<T: Table>(incoming: &Incoming<'_, T>) -> Result<Reply, Failure> {
    let (by, before, limit) = (incoming.administrator()?, incoming.cursor()?, incoming.query_limit()?);
    let (projects, next) = projects::list(incoming.app, incoming.budget, &by, before, limit).await?;
    let projects = projects.iter().map(data).collect();
    Ok(Reply::json(&ProjectList { projects, next_cursor: incoming.next_cursor(next) }))
}

/// `GET /v1/admin/projects/{projectId}`
pub async fn get<T: Table>(incoming: &Incoming<'_, T>) -> Result<Reply, Failure> {
    let id = incoming.project()?;
    Ok(Reply::json(&data(&projects::get(incoming.app, incoming.budget, id).await?)))
}

/// `PATCH /v1/admin/projects/{projectId}`
pub async fn change<T: Table>(incoming: &Incoming<'_, T>) -> Result<Reply, Failure> {
    let id = incoming.project()?;
    let body = incoming.json()?;
    let command = ChangeProject::parse(&body)?;
    let act = incoming.act_of_patch(&body, command.operation_id.as_ref())?;
    let (project, replayed) = projects::change(incoming.app, incoming.budget, id, &command, &act).await?;
    Ok(Reply::json(&data(&project)).operation(&act.id, replayed))
}

/// `POST …/{projectId}/secrets`. The secret is in this answer and in no other.
pub async fn add_secret<T: Table>(incoming: &Incoming<'_, T>) -> Result<Reply, Failure> {
    let id = incoming.project()?;
    let act = incoming.plain_act()?;
    let made = projects::add_secret(incoming.app, incoming.budget, id, &act).await?;
    let replayed = made.replayed;
    Ok(Reply::created(&with_secret(made)).operation(&act.id, replayed))
}

/// `DELETE …/{projectId}/secrets/{secretId}`
pub async fn retire_secret<T: Table>(incoming: &Incoming<'_, T>) -> Result<Reply, Failure> {
    let id = incoming.project()?;
    let act = incoming.plain_act()?;
    projects::retire_secret(incoming.app, incoming.budget, id, incoming.parameter("secretId"), &act).await?;
    Ok(Reply::empty())
}

/// `POST …/{projectId}/rewrap`
pub async fn rewrap<T: Table>(incoming: &Incoming<'_, T>) -> Result<Reply, Failure> {
    let id = incoming.project()?;
    let body = incoming.json()?;
    let command = Rewrap::parse(&body)?;
    let act = incoming.act(&body, command.operation_id.as_ref(), Rewrap::parse)?;
    let (counts, replayed) = Box::pin(rewrap::project(incoming.app, incoming.budget, id, &command, &act)).await?;
    Ok(Reply::json(&counts).operation(&act.id, replayed))
}

pub(super) fn data(project: &Project) -> ProjectData {
    let secrets = project
        .secrets
        .iter()
        .map(|secret| SecretName { secret_id: secret.id.clone(), created_at: secret.created_at.to_string() });
    ProjectData {
        project_id: project.id.clone(),
        number: int32(project.number),
        name: project.name.clone(),
        settings: project.settings.clone(),
        project_settings: project.project_settings.clone(),
        public_key: project.public_key.clone(),
        secrets: secrets.collect(),
        created_at: project.created_at.to_string(),
        warnings: hardening::warnings(&project.settings),
        secret_key: None,
        secret_id: None,
    }
}

pub(super) fn with_secret(made: NewSecret) -> ProjectData {
    ProjectData {
        secret_key: Some(hex::encode(made.secret.expose())),
        secret_id: Some(made.secret_id),
        ..data(&made.project)
    }
}
