//! Policies.

use ltlm_protocol::Body;
use ltlm_protocol::admin_data::{PolicyDetails, PolicyList};

use crate::api::extract::Incoming;
use crate::api::handlers::admin::operation_id;
use crate::api::reply::{Failure, Reply};
use crate::model::policy::{ChangePolicy, Policy, PolicyTerms};
use crate::service::admin::policies;
use crate::table::port::Table;

/// `POST /v1/admin/projects/{projectId}/policies`
pub async fn create<T: Table>(incoming: &Incoming<'_, T>) -> Result<Reply, Failure> {
    let project_id = incoming.project()?;
    let body = incoming.json()?;
    let terms = PolicyTerms::parse(&body)?;
    let act = incoming.act(&body, operation_id(&body)?.as_ref(), PolicyTerms::parse)?;
    let (policy, replayed) = policies::create(incoming.app, incoming.budget, project_id, &terms, &act).await?;
    Ok(Reply::created(&details(&policy)).operation(&act.id, replayed))
}

/// `GET /v1/admin/projects/{projectId}/policies`
pub async fn list<T: Table>(incoming: &Incoming<'_, T>) -> Result<Reply, Failure> {
    let project_id = incoming.project()?;
    let (before, limit) = (incoming.cursor()?, incoming.query_limit()?);
    let (policies, next) = policies::list(incoming.app, incoming.budget, project_id, before, limit).await?;
    let policies = policies.iter().map(details).collect();
    Ok(Reply::json(&PolicyList { policies, next_cursor: incoming.next_cursor(next) }))
}

/// `GET /v1/admin/policies/{PolicyID}`
pub async fn get<T: Table>(incoming: &Incoming<'_, T>) -> Result<Reply, Failure> {
    let by = incoming.administrator()?;
    let policy = policies::get(incoming.app, incoming.budget, &by, number(incoming)).await?;
    Ok(Reply::json(&details(&policy)))
}

/// `PATCH /v1/admin/policies/{PolicyID}`
pub async fn change<T: Table>(incoming: &Incoming<'_, T>) -> Result<Reply, Failure> {
    let body = incoming.json()?;
    let command = ChangePolicy::parse(&body)?;
    let act = incoming.act_of_patch(&body, command.operation_id.as_ref())?;
    let (policy, replayed) =
        policies::change(incoming.app, incoming.budget, number(incoming), &command.patch, &act).await?;
    Ok(Reply::json(&details(&policy)).operation(&act.id, replayed))
}

/// What is no number names no policy.
fn number<T>(incoming: &Incoming<'_, T>) -> i64 {
    incoming.parameter("PolicyID").parse().unwrap_or(0)
}

fn details(policy: &Policy) -> PolicyDetails {
    PolicyDetails {
        policy: policy.data(),
        status: policy.terms.status.wire().to_owned(),
        project_id: policy.project_id.clone(),
        slug: policy.terms.slug.clone(),
        config: policy.terms.config.clone(),
        renewal: policy.terms.renewal.clone(),
        created_at: policy.created_at.to_string(),
        warnings: policy.terms.warnings(),
    }
}
