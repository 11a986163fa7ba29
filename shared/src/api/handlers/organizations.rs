//! Organizations: the vendor's backend creates them, its web application spends their tokens
//! (contract/token-accounting.md, section 4).

use std::fmt::Debug;

use ltlm_protocol::account_data::{AccountEntries, AccountMovement};
use ltlm_protocol::organization_data::{AccessTokensRevoked, OrganizationData, OrganizationList, TokenAnswer};
use ltlm_protocol::{Body, Code, Problems, limits};
use serde_json::{Value, json};

use crate::api::cursor;
use crate::api::extract::Incoming;
use crate::api::handlers::accounts::{
    cursor_of, dry_run, erase_of, names, once_if_named, place, project, statistics_of, verify_of,
};
use crate::api::reply::{Failure, Reply};
use crate::domain::organizations::access::{CreateAccess, RevokeAccess};
use crate::domain::organizations::commands::{ChangeOrganizationPlan, CreateOrganization, GrantTokens};
use crate::domain::organizations::spend::{Action, Unusable, UseFeature};
use crate::model::account::{ACCOUNT_NAME_PROBLEM, is_account_name};
use crate::model::ids::{OperationKey, OrganizationId};
use crate::model::token_type::TokenType;
use crate::service::accounts::{AccountCall, Filter};
use crate::service::organizations::OrganizationCall;
use crate::service::{accounts, organizations as service};
use crate::table::port::Table;

fn call_in<T>(incoming: &Incoming<'_, T>, project_id: String, name: &str) -> Result<OrganizationCall, Failure> {
    if !is_account_name(name) {
        return Err(Problems::one("organizationId", ACCOUNT_NAME_PROBLEM).into());
    }
    let id = OrganizationId { project_id, name: name.to_owned() };
    Ok(OrganizationCall { id, now: incoming.now, dry_run: false })
}

/// The call of the vendor's backend on the organization that the path names.
pub(super) fn call<T>(incoming: &Incoming<'_, T>) -> Result<OrganizationCall, Failure> {
    call_in(incoming, project(incoming)?, incoming.parameter("organizationId"))
}

/// The operation that a call is.
fn key<T, C: Debug, E>(
    incoming: &Incoming<'_, T>,
    call: &OrganizationCall,
    body: &Value,
    in_body: Option<&String>,
    parse: impl FnOnce(&Value) -> Result<C, E>,
) -> Result<OperationKey, Failure> {
    let target = format!("{}#{}", call.id.project_id, call.id.name);
    let operation = incoming.operation(&target, body, in_body, parse)?;
    Ok(operation.key())
}

fn marked(call: &OrganizationCall, data: OrganizationData) -> OrganizationData {
    OrganizationData { dry_run: call.dry_run.then_some(true), ..data }
}

/// `POST /v1/organizations`
pub async fn create<T: Table>(incoming: &Incoming<'_, T>) -> Result<Reply, Failure> {
    let body = incoming.json()?;
    let command = CreateOrganization::parse(&body)?;
    let call = call_in(incoming, project(incoming)?, &command.name)?;
    let call = OrganizationCall { dry_run: dry_run(&body)?, ..call };
    let key = key(incoming, &call, &body, command.operation_id.as_ref(), CreateOrganization::parse)?;
    let (data, replayed) = service::create(incoming.app, incoming.budget, &call, &command, &key).await?;
    let data = marked(&call, data);
    let reply = if call.dry_run { Reply::json(&data) } else { Reply::created(&data) };
    Ok(reply.operation(&key.id.id, replayed))
}

/// `GET /v1/organizations`
pub async fn list<T: Table>(incoming: &Incoming<'_, T>) -> Result<Reply, Failure> {
    let project_id = project(incoming)?;
    let (begins, after) = names(incoming, &project_id)?;
    let limit = incoming.query_limit()?;
    let (organizations, next) = service::list(incoming.app, incoming.budget, &project_id, begins, after, limit).await?;
    Ok(Reply::json(&OrganizationList { organizations, next_cursor: cursor_of(incoming, &project_id, next) }))
}

/// `GET /v1/organizations/{organizationId}`
pub async fn get<T: Table>(incoming: &Incoming<'_, T>) -> Result<Reply, Failure> {
    Ok(Reply::json(&service::get(incoming.app, incoming.budget, &call(incoming)?).await?))
}

/// `PUT …/plan`
pub async fn change_plan<T: Table>(incoming: &Incoming<'_, T>) -> Result<Reply, Failure> {
    let body = incoming.json()?;
    let command = ChangeOrganizationPlan::parse(&body)?;
    let call = OrganizationCall { dry_run: dry_run(&body)?, ..call(incoming)? };
    let key = key(incoming, &call, &body, command.operation_id.as_ref(), ChangeOrganizationPlan::parse)?;
    let (data, replayed) = service::change_plan(incoming.app, incoming.budget, &call, &command, &key).await?;
    Ok(Reply::json(&marked(&call, data)).operation(&key.id.id, replayed))
}

/// `POST …/tokens`
pub async fn grant<T: Table>(incoming: &Incoming<'_, T>) -> Result<Reply, Failure> {
    let body = incoming.json()?;
    let command = GrantTokens::parse(&body)?;
    let call = OrganizationCall { dry_run: dry_run(&body)?, ..call(incoming)? };
    let key = key(incoming, &call, &body, command.operation_id.as_ref(), GrantTokens::parse)?;
    let movement = service::grant(incoming.app, incoming.budget, &call, &command, &key).await?;
    let movement = AccountMovement { dry_run: call.dry_run.then_some(true), ..movement };
    Ok(Reply::json(&movement).operation(&key.id.id, movement.replayed))
}

/// The pool that path and query name.
fn pool<T>(incoming: &Incoming<'_, T>) -> Result<AccountCall, Failure> {
    let call = call(incoming)?;
    let text = incoming.query_text("tokenType", limits::NAME_CHARS_MAX)?.unwrap_or_default();
    let names: Vec<_> = TokenType::ALL.iter().map(|kind| kind.wire()).collect();
    let kind = TokenType::parse(&text)
        .ok_or_else(|| Problems::one("tokenType", format!("must be one of {}", names.join(", "))))?;
    Ok(AccountCall { id: call.id.pool(kind), now: call.now, dry_run: false })
}

/// `GET …/verification`: is the ledger of one pool whole?
pub async fn verify<T: Table>(incoming: &Incoming<'_, T>) -> Result<Reply, Failure> {
    verify_of(incoming, pool(incoming)?).await
}

/// `GET …/statistics`: what the ledger of one pool adds up to.
pub async fn statistics<T: Table>(incoming: &Incoming<'_, T>) -> Result<Reply, Failure> {
    statistics_of(incoming, pool(incoming)?).await
}

/// `DELETE …/usage`: erases the metadata in the ledger of one pool.
pub async fn erase<T: Table>(incoming: &Incoming<'_, T>) -> Result<Reply, Failure> {
    erase_of(incoming, pool(incoming)?).await
}

/// `GET …/usage`: the ledger of one pool.
pub async fn usage<T: Table>(incoming: &Incoming<'_, T>) -> Result<Reply, Failure> {
    let pool = pool(incoming)?;
    let before = place(incoming, &pool.id.name)?.map(|position| cursor::sequence(&position)).transpose()?;
    let limit = usize::try_from(incoming.query_limit()?).unwrap_or(0);
    let all = Filter::default();
    let (entries, next) = accounts::entries(incoming.app, incoming.budget, &pool, &all, before, limit).await?;
    let next_cursor = cursor_of(incoming, &pool.id.name, next.map(|sequence| sequence.to_string()));
    Ok(Reply::json(&AccountEntries { entries, next_cursor }))
}

async fn set_member<T: Table>(incoming: &Incoming<'_, T>, is_member: bool) -> Result<Reply, Failure> {
    let call = call(incoming)?;
    let user = incoming.parameter("userId");
    if !is_account_name(user) {
        return Err(Problems::one("userId", ACCOUNT_NAME_PROBLEM).into());
    }
    let asked = json!([user]);
    let key = match incoming.is_named(None) {
        true => Some(key(incoming, &call, &asked, None, |asked| Ok::<_, Problems>(asked.clone()))?),
        false => None,
    };
    let (used, replayed) =
        service::set_member(incoming.app, incoming.budget, &call, user, is_member, key.as_ref()).await?;
    let reply = Reply::json(&used);
    Ok(key.map(|key| key.id.id).into_iter().fold(reply, |reply, id| reply.operation(&id, replayed)))
}

/// `PUT …/members/{userId}`
pub async fn add_member<T: Table>(incoming: &Incoming<'_, T>) -> Result<Reply, Failure> {
    set_member(incoming, true).await
}

/// `DELETE …/members/{userId}`
pub async fn remove_member<T: Table>(incoming: &Incoming<'_, T>) -> Result<Reply, Failure> {
    set_member(incoming, false).await
}

/// `POST /v1/access-tokens`
pub async fn create_access<T: Table>(incoming: &Incoming<'_, T>) -> Result<Reply, Failure> {
    let project_id = project(incoming)?;
    let body = incoming.json()?;
    let command = CreateAccess::parse(&body)?;
    let operation = incoming.operation(&project_id, &body, command.operation_id.as_ref(), CreateAccess::parse)?;
    let key = operation.key();
    let maker = incoming.administrator()?;
    let (made, replayed) =
        service::create_access(incoming.app, incoming.budget, &project_id, &command, &key, &maker, incoming.now)
            .await?;
    Ok(Reply::created(&made).operation(&key.id.id, replayed))
}

/// `DELETE /v1/access-tokens/{tokenId}`
pub async fn revoke_access<T: Table>(incoming: &Incoming<'_, T>) -> Result<Reply, Failure> {
    let (project_id, id) = (project(incoming)?, incoming.parameter("tokenId"));
    let work = service::revoke_access(incoming.app, incoming.budget, &project_id, id, incoming.now);
    once_if_named(incoming, &project_id, &json!([id]), None, false, work).await
}

/// `DELETE /v1/access-tokens`: revokes all tokens of a user, of an organization, or of a member.
pub async fn revoke_all_access<T: Table>(incoming: &Incoming<'_, T>) -> Result<Reply, Failure> {
    let project_id = project(incoming)?;
    let organization = incoming.query_text("organizationId", limits::ORGANIZATION_CHARS_MAX)?;
    let user = incoming.query_text("userId", limits::ACCOUNT_CHARS_MAX)?;
    let owner = json!([project_id, organization, user]);
    let command = RevokeAccess::new(organization, user)?;
    let from = place(incoming, &owner.to_string())?;
    let asked = json!([owner, from]);
    let work = async {
        let (app, budget, now) = (incoming.app, incoming.budget, incoming.now);
        let (revoked, next) = service::revoke_all(app, budget, &project_id, &command, from, now).await?;
        Ok(AccessTokensRevoked { revoked, next_cursor: cursor_of(incoming, &owner.to_string(), next) })
    };
    once_if_named(incoming, &project_id, &asked, None, false, work).await
}

/// `POST /v1/tokens/check-balance`
pub async fn check_balance<T: Table>(incoming: &Incoming<'_, T>) -> Result<Reply, Failure> {
    let token = incoming.access_token()?;
    let body = incoming.json()?;
    let command = UseFeature::parse_in_words(&body).map_err(|unusable| match unusable {
        Unusable::Told(code) => Failure::new(code),
        Unusable::Problems(problems) => problems.into(),
    })?;
    let call = call_in(incoming, token.project_id.clone(), &command.organization)?;
    let call = OrganizationCall { dry_run: dry_run(&body)?, ..call };
    match command.action {
        Action::Check => {
            let answer = service::check(incoming.app, incoming.budget, &call, token, &command).await?;
            Ok(Reply::json(&TokenAnswer::Check(answer)))
        }
        Action::Deduct => {
            let key = key(incoming, &call, &body, command.operation_id.as_ref(), UseFeature::parse_in_words)?;
            let (answer, replayed) =
                service::deduct(incoming.app, incoming.budget, &call, token, &command, &key).await?;
            Ok(Reply::json(&TokenAnswer::Use(answer)).operation(&key.id.id, replayed))
        }
    }
}

/// `GET /v1/tokens/stats`
pub async fn stats<T: Table>(incoming: &Incoming<'_, T>) -> Result<Reply, Failure> {
    let token = incoming.access_token()?;
    let name = incoming.query_text("organizationId", limits::ORGANIZATION_CHARS_MAX)?;
    let name = name.ok_or_else(|| Failure::new(Code::OrganizationMissing))?;
    let call = call_in(incoming, token.project_id.clone(), &name)?;
    Ok(Reply::json(&service::stats(incoming.app, incoming.budget, &call, token).await?))
}
