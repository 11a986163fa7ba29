//! Policies.

use serde_json::{Map, Value};

use crate::model::administrator::Administrator;
use crate::model::policy::{Policy, PolicyTerms};
use crate::model::record::Record;
use crate::model::write::Write;
use crate::service::admin::operation::{AdminCall, AdminChange, Found, Part, find, gone, once, page_in};
use crate::service::app::{App, Budget, Error};
use crate::service::transact;
use crate::table::port::{List, Read, Table};

/// Creates a policy. Returns also whether an earlier call did.
pub async fn create<T: Table>(
    app: &App<T>,
    budget: &Budget<'_>,
    project_id: &str,
    terms: &PolicyTerms,
    act: &AdminCall,
) -> Result<(Policy, bool), Error> {
    let reads = [vec![Read::Project(project_id.to_owned())], act.known(0)].concat();
    let found = find(app, budget, &reads).await?;
    found.project()?;
    if let Some(done) = act.replay(&found.done)? {
        return replayed_answer(app, budget, &done.made).await;
    }
    let policy = Policy {
        project_id: project_id.to_owned(),
        number: transact::reserve(app, budget, "policy", 1).await?,
        terms: terms.clone(),
        revision: 0,
        created_at: act.now,
    };
    let deed = |_: &Found| {
        let counted = Write::CountPolicyChange { project_id: project_id.to_owned() };
        let writes = vec![Write::AddPolicy { policy: policy.clone() }, counted];
        Ok(AdminChange { made: vec![policy.number.to_string()], writes })
    };
    match once(app, budget, act, Part { found: Some(found), ..Part::whole() }, &reads[..1], deed).await? {
        Some(made) => replayed_answer(app, budget, &made).await,
        None => Ok((policy, false)),
    }
}

async fn replayed_answer<T: Table>(
    app: &App<T>,
    budget: &Budget<'_>,
    made: &[String],
) -> Result<(Policy, bool), Error> {
    let number = made.first().and_then(|number| number.parse().ok()).unwrap_or(0);
    let found = find(app, budget, &[Read::Policy(number)]).await?;
    found.policy.map(|policy| (policy, true)).ok_or_else(|| gone("policy"))
}

/// A policy.
pub async fn get<T: Table>(
    app: &App<T>,
    budget: &Budget<'_>,
    by: &Administrator,
    number: i64,
) -> Result<Policy, Error> {
    let found = find(app, budget, &[Read::Policy(number)]).await?;
    Ok(found.policy(by)?.clone())
}

/// A page of a project's policies.
pub async fn list<T: Table>(
    app: &App<T>,
    budget: &Budget<'_>,
    project_id: &str,
    before: Option<String>,
    limit: i64,
) -> Result<(Vec<Policy>, Option<String>), Error> {
    let (records, next) =
        page_in(app, budget, project_id, List::Policies(project_id.to_owned()), before, limit).await?;
    let policies = records.into_iter().filter_map(Record::policy);
    Ok((policies.collect(), next))
}

/// Changes a policy; its licenses follow with their next call. The policy afterwards, and whether an earlier call did it.
pub async fn change<T: Table>(
    app: &App<T>,
    budget: &Budget<'_>,
    number: i64,
    patch: &Map<String, Value>,
    act: &AdminCall,
) -> Result<(Policy, bool), Error> {
    let reads = [Read::Policy(number)];
    let deed = |found: &Found| {
        let policy = found.policy(&act.by)?;
        let policy = Policy { terms: policy.terms.changed(patch)?, revision: policy.revision + 1, ..policy.clone() };
        let counted = Write::CountPolicyChange { project_id: policy.project_id.clone() };
        Ok(AdminChange { made: vec![number.to_string()], writes: vec![Write::ReplacePolicy { policy }, counted] })
    };
    let earlier = once(app, budget, act, Part::whole(), &reads, deed).await?;
    Ok((get(app, budget, &act.by, number).await?, earlier.is_some()))
}
