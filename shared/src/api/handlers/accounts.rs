//! Token accounts, for a vendor's backend (contract/token-accounting.md).

use ltlm_protocol::account_data::{AccountEntries, AccountMovement};
use ltlm_protocol::{Code, Problems, Timestamp, limits};
use serde_json::Value;

use crate::api::extract::Incoming;
use crate::api::reply::{Failure, Reply};
use crate::domain::account::create::CreateAccount;
use crate::domain::account::movement::Move;
use crate::domain::account::plan::ChangePlan;
use crate::domain::account::refund::Refund;
use crate::domain::account::{AccountId, is_account_name};
use crate::domain::entry::{OperationId, OperationKey, Origin};
use crate::service::Error;
use crate::service::accounts::{self as service, AccountCall, Filter};
use crate::table::Table;

/// The header that names the project, for keys that are not limited to one.
const PROJECT_HEADER: &str = "x-project-id";

/// The call on the account called `name`, in the project that the key or a header names.
fn call<T>(incoming: &Incoming<'_, T>, name: &str) -> Result<AccountCall, Failure> {
    let by = incoming.administrator()?;
    let header = incoming.request.headers().get(PROJECT_HEADER).and_then(|value| value.to_str().ok());
    let project_id = header.map(str::to_owned).or_else(|| by.project_id.clone());
    let project_id = project_id
        .filter(|id| !id.is_empty())
        .ok_or_else(|| Problems::one(PROJECT_HEADER, "must name the project, unless the key is limited to one"))?;
    by.may_in(&project_id).map_err(Error::Denied)?;
    if !is_account_name(name) {
        return Err(Problems::one("accountId", "must be 1 to 128 letters, digits and . _ : @ - only").into());
    }
    let id = AccountId { project_id, name: name.to_owned() };
    Ok(AccountCall { id, now: incoming.now })
}

/// The same, and the operation that it is.
fn operation<T>(
    incoming: &Incoming<'_, T>,
    name: &str,
    body: &Value,
    in_body: Option<&String>,
) -> Result<(AccountCall, OperationKey), Failure> {
    let call = call(incoming, name)?;
    let operation = incoming.operation(&format!("{}#{name}", call.id.project_id), body, in_body)?;
    let id = OperationId { origin: Origin::Client, id: operation.id };
    Ok((call, OperationKey { id, fingerprint: operation.fingerprint }))
}

fn told(key: &OperationKey, movement: &AccountMovement) -> Reply {
    Reply::json(movement).operation(&key.id.id, movement.replayed)
}

/// `POST /v1/accounts`
pub async fn create<T: Table>(incoming: &Incoming<'_, T>) -> Result<Reply, Failure> {
    let body = incoming.json()?;
    let command = CreateAccount::parse(&body)?;
    let (call, key) = operation(incoming, &command.name, &body, command.operation_id.as_ref())?;
    let (account, replayed) = service::create(incoming.app, incoming.budget, &call, &command, &key).await?;
    Ok(Reply::created(&account).operation(&key.id.id, replayed))
}

/// `GET /v1/accounts/{accountId}`
pub async fn get<T: Table>(incoming: &Incoming<'_, T>) -> Result<Reply, Failure> {
    let call = call(incoming, incoming.parameter("accountId"))?;
    Ok(Reply::json(&service::get(incoming.app, incoming.budget, &call).await?))
}

async fn moved<T: Table>(
    incoming: &Incoming<'_, T>,
    parse: impl FnOnce(&Value) -> Result<Move, Problems>,
) -> Result<Reply, Failure> {
    let body = incoming.json()?;
    let command = parse(&body)?;
    let (call, key) = operation(incoming, incoming.parameter("accountId"), &body, command.operation_id.as_ref())?;
    Ok(told(&key, &service::move_tokens(incoming.app, incoming.budget, &call, &command, &key).await?))
}

/// `POST …/debit`
pub async fn debit<T: Table>(incoming: &Incoming<'_, T>) -> Result<Reply, Failure> {
    moved(incoming, Move::debit).await
}

/// `POST …/charge`
pub async fn charge<T: Table>(incoming: &Incoming<'_, T>) -> Result<Reply, Failure> {
    moved(incoming, Move::charge).await
}

/// `POST …/credit`
pub async fn credit<T: Table>(incoming: &Incoming<'_, T>) -> Result<Reply, Failure> {
    moved(incoming, Move::credit).await
}

/// `POST …/reset`
pub async fn reset<T: Table>(incoming: &Incoming<'_, T>) -> Result<Reply, Failure> {
    moved(incoming, Move::reset).await
}

/// `POST …/refund`
pub async fn refund<T: Table>(incoming: &Incoming<'_, T>) -> Result<Reply, Failure> {
    let body = incoming.json()?;
    let command = Refund::parse(&body)?;
    let (call, key) = operation(incoming, incoming.parameter("accountId"), &body, command.operation_id.as_ref())?;
    Ok(told(&key, &service::refund(incoming.app, incoming.budget, &call, &command, &key).await?))
}

/// `POST …/plan`
pub async fn change_plan<T: Table>(incoming: &Incoming<'_, T>) -> Result<Reply, Failure> {
    let body = incoming.json()?;
    let command = ChangePlan::parse(&body)?;
    let (call, key) = operation(incoming, incoming.parameter("accountId"), &body, command.operation_id.as_ref())?;
    Ok(told(&key, &service::change_plan(incoming.app, incoming.budget, &call, &command, &key).await?))
}

/// `GET …/affordability`
pub async fn affordability<T: Table>(incoming: &Incoming<'_, T>) -> Result<Reply, Failure> {
    let call = call(incoming, incoming.parameter("accountId"))?;
    let kind = incoming.query_text("operationType", limits::ACTION_CHARS_MAX)?;
    let kind = kind.ok_or_else(|| Problems::one("operationType", "is required"))?;
    let amount = incoming.query_int("amount", 1, limits::AMOUNT_MAX)?;
    Ok(Reply::json(&service::affordability(incoming.app, incoming.budget, &call, &kind, amount).await?))
}

/// `GET …/entries`
pub async fn entries<T: Table>(incoming: &Incoming<'_, T>) -> Result<Reply, Failure> {
    let call = call(incoming, incoming.parameter("accountId"))?;
    let filter = Filter {
        operation_type: incoming.query_text("type", limits::ACTION_CHARS_MAX)?,
        from: instant(incoming, "from")?,
        to: instant(incoming, "to")?,
    };
    if filter.from.zip(filter.to).is_some_and(|(from, to)| from > to) {
        return Err(Failure::new(Code::RangeReversed));
    }
    let before = incoming.cursor("account")?.map(|position| super::license::sequence(&position)).transpose()?;
    let limit = usize::try_from(incoming.query_limit()?).unwrap_or(0);
    let (entries, next) = service::entries(incoming.app, incoming.budget, &call, &filter, before, limit).await?;
    let next_cursor = incoming.next_cursor("account", next.map(|sequence| sequence.to_string()));
    Ok(Reply::json(&AccountEntries { entries, next_cursor }))
}

fn instant<T>(incoming: &Incoming<'_, T>, name: &str) -> Result<Option<Timestamp>, Failure> {
    let Some(text) = incoming.query_text(name, limits::NAME_CHARS_MAX)? else { return Ok(None) };
    let instant = Timestamp::parse(&text);
    instant
        .map(Some)
        .ok_or_else(|| Problems::one(name, "must be an ISO 8601 instant such as 2027-01-31T00:00:00Z").into())
}
