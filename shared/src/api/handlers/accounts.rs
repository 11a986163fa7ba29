//! Token accounts, for a vendor's backend (contract/token-accounting.md).

use std::fmt::Debug;
use std::future::Future;

use ltlm_protocol::account_data::{
    AccountData, AccountEntries, AccountList, AccountMovement, Erased, Renewal, Renewals, Statistics, Verification,
};
use ltlm_protocol::read::Reader;
use ltlm_protocol::request::is_operation_id;
use ltlm_protocol::{Body, Code, Problems, Timestamp, limits};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use crate::api::cursor;
use crate::api::extract::{Incoming, PROJECT_HEADER};
use crate::api::reply::{Failure, Reply};
use crate::domain::accounts::change_plan::ChangePlan;
use crate::domain::accounts::create::CreateAccount;
use crate::domain::accounts::hold::{CommitHold, EndHold, Reserve, VoidHold};
use crate::domain::accounts::movement::{Charge, Credit, Debit, Move, Reset};
use crate::domain::accounts::refund::Refund;
use crate::model::account::{ACCOUNT_NAME_PROBLEM, is_account_name};
use crate::model::ids::{AccountId, OperationKey};
use crate::model::wallet::verification::Checked;
use crate::service::accounts::renewals::{Place, RenewDue};
use crate::service::accounts::{AccountCall, Filter, renewals};
use crate::service::app::Error;
use crate::service::ledger::Span;
use crate::service::repeat::Repeatable;
use crate::service::{accounts as service, ids, repeat};
use crate::table::port::Table;

/// Hex digits in a cursor that identify the list's owner.
const TAG_CHARS: usize = 8;

/// The call on the account called `name`, in the project that the key or a header names.
fn call<T>(incoming: &Incoming<'_, T>, name: &str) -> Result<AccountCall, Failure> {
    let project_id = project(incoming)?;
    if !is_account_name(name) {
        return Err(Problems::one("accountId", ACCOUNT_NAME_PROBLEM).into());
    }
    let id = AccountId { project_id, name: name.to_owned() };
    Ok(AccountCall { id, now: incoming.now, dry_run: false })
}

/// The call on the account that the path names.
pub(super) fn named<T>(incoming: &Incoming<'_, T>) -> Result<AccountCall, Failure> {
    call(incoming, incoming.parameter("accountId"))
}

/// The project that the key or a header names.
pub(super) fn project<T>(incoming: &Incoming<'_, T>) -> Result<String, Failure> {
    let by = incoming.administrator()?;
    let header = incoming.request.headers().get(PROJECT_HEADER).and_then(|value| value.to_str().ok());
    let project_id = header.map(str::to_owned).or_else(|| by.project_id.clone());
    let project_id = project_id
        .filter(|id| !id.is_empty())
        .ok_or_else(|| Problems::one(PROJECT_HEADER, "must name the project, unless the key is limited to one"))?;
    by.may_in(&project_id).map_err(Error::Denied)?;
    Ok(project_id)
}

/// Whose a cursor is: it leads nowhere else.
fn tag(owner: &str) -> String {
    ids::sha256_hex(owner.as_bytes()).chars().take(TAG_CHARS).collect()
}

/// The place in `text`, a cursor of this list, which is `owner`'s.
fn placed(list: &str, owner: &str, text: &str) -> Result<String, Failure> {
    let position = cursor::parse(list, text)?;
    match position.split_once(':') {
        Some((of, place)) if of == tag(owner) => Ok(place.to_owned()),
        Some(_) => Err(Failure::new(Code::CursorElsewhere)),
        None => Err(cursor::problem().into()),
    }
}

/// The position from which the route's list, which belongs to `owner`, continues according to the query.
pub(super) fn place<T>(incoming: &Incoming<'_, T>, owner: &str) -> Result<Option<String>, Failure> {
    incoming.query("cursor").map(|text| placed(incoming.list(), owner, &text)).transpose()
}

/// The cursor of a place in the route's list, which is `owner`'s.
pub(super) fn cursor_of<T>(incoming: &Incoming<'_, T>, owner: &str, place: Option<String>) -> Option<String> {
    place.map(|place| cursor_in(incoming.list(), owner, &place))
}

/// The cursor of a place in this list, which is `owner`'s.
fn cursor_in(list: &str, owner: &str, place: &str) -> String {
    cursor::of(list, &format!("{}:{place}", tag(owner)))
}

/// Does the caller only want to see what would be done?
pub(super) fn dry_run(body: &Value) -> Result<bool, Problems> {
    let mut r = Reader::new(body)?;
    let dry_run = r.bool_opt("dryRun").unwrap_or(false);
    r.finish().map(|()| dry_run)
}

/// The same, and the operation that it is.
fn operation<T, C: Debug>(
    incoming: &Incoming<'_, T>,
    name: &str,
    asked: &Value,
    body: &Value,
    in_body: Option<&String>,
    parse: impl FnOnce(&Value) -> Result<C, Problems>,
) -> Result<(AccountCall, OperationKey), Failure> {
    let call = AccountCall { dry_run: dry_run(body)?, ..call(incoming, name)? };
    let operation = incoming.operation(&format!("{}#{name}", call.id.project_id), asked, in_body, parse)?;
    Ok((call, operation.key()))
}

fn movement_reply(call: &AccountCall, key: &OperationKey, movement: AccountMovement) -> Reply {
    let movement = AccountMovement { dry_run: call.dry_run.then_some(true), ..movement };
    Reply::json(&movement).operation(&key.id.id, movement.replayed)
}

/// `POST /v1/accounts`
pub async fn create<T: Table>(incoming: &Incoming<'_, T>) -> Result<Reply, Failure> {
    let body = incoming.json()?;
    let command = CreateAccount::parse(&body)?;
    let (call, key) =
        operation(incoming, &command.name, &body, &body, command.operation_id.as_ref(), CreateAccount::parse)?;
    let (account, replayed) = service::create(incoming.app, incoming.budget, &call, &command, &key).await?;
    let account = AccountData { dry_run: call.dry_run.then_some(true), ..account };
    let reply = if call.dry_run { Reply::json(&account) } else { Reply::created(&account) };
    Ok(reply.operation(&key.id.id, replayed))
}

/// `GET /v1/accounts`
pub async fn list<T: Table>(incoming: &Incoming<'_, T>) -> Result<Reply, Failure> {
    let project_id = project(incoming)?;
    let (begins, after) = names(incoming, &project_id)?;
    let limit = incoming.query_limit()?;
    let (accounts, next) =
        service::list(incoming.app, incoming.budget, &project_id, begins, after, limit, incoming.now).await?;
    Ok(Reply::json(&AccountList { accounts, next_cursor: cursor_of(incoming, &project_id, next) }))
}

/// What the names of a list that the query asks for begin with, and the name that its page starts behind. The list is
/// `owner`'s.
pub(super) fn names<T>(incoming: &Incoming<'_, T>, owner: &str) -> Result<(Option<String>, Option<String>), Failure> {
    let begins = incoming.query_text("q", limits::ACCOUNT_CHARS_MAX)?;
    if begins.as_deref().is_some_and(|begins| begins.chars().any(char::is_control)) {
        return Err(Problems::one("q", "must hold no control characters").into());
    }
    let after = place(incoming, owner)?;
    if after.as_deref().is_some_and(|after| !is_account_name(after)) {
        return Err(cursor::problem().into());
    }
    Ok((begins, after))
}

/// `GET /v1/accounts/{accountId}`
pub async fn get<T: Table>(incoming: &Incoming<'_, T>) -> Result<Reply, Failure> {
    let call = call(incoming, incoming.parameter("accountId"))?;
    Ok(Reply::json(&service::get(incoming.app, incoming.budget, &call).await?))
}

async fn moved<T: Table>(
    incoming: &Incoming<'_, T>,
    parse: impl Fn(&Value) -> Result<Move, Problems>,
) -> Result<Reply, Failure> {
    let body = incoming.json()?;
    let command = parse(&body)?;
    let (call, key) =
        operation(incoming, incoming.parameter("accountId"), &body, &body, command.operation_id.as_ref(), parse)?;
    let movement = service::move_tokens(incoming.app, incoming.budget, &call, &command, &key).await?;
    Ok(movement_reply(&call, &key, movement))
}

// `Move` and `EndHold` are parsed without the type of their body: fingerprints of stored operations are made of them.

/// `POST …/debit`
pub async fn debit<T: Table>(incoming: &Incoming<'_, T>) -> Result<Reply, Failure> {
    moved(incoming, |body| Debit::parse(body).map(|body| body.0)).await
}

/// `POST …/charge`
pub async fn charge<T: Table>(incoming: &Incoming<'_, T>) -> Result<Reply, Failure> {
    moved(incoming, |body| Charge::parse(body).map(|body| body.0)).await
}

/// `POST …/credit`
pub async fn credit<T: Table>(incoming: &Incoming<'_, T>) -> Result<Reply, Failure> {
    moved(incoming, |body| Credit::parse(body).map(|body| body.0)).await
}

/// `POST …/reset`
pub async fn reset<T: Table>(incoming: &Incoming<'_, T>) -> Result<Reply, Failure> {
    moved(incoming, |body| Reset::parse(body).map(|body| body.0)).await
}

/// `POST …/refund`
pub async fn refund<T: Table>(incoming: &Incoming<'_, T>) -> Result<Reply, Failure> {
    let body = incoming.json()?;
    let command = Refund::parse(&body)?;
    let (call, key) = operation(
        incoming,
        incoming.parameter("accountId"),
        &body,
        &body,
        command.operation_id.as_ref(),
        Refund::parse,
    )?;
    let movement = service::refund(incoming.app, incoming.budget, &call, &command, &key).await?;
    Ok(movement_reply(&call, &key, movement))
}

/// `POST …/plan`
pub async fn change_plan<T: Table>(incoming: &Incoming<'_, T>) -> Result<Reply, Failure> {
    let body = incoming.json()?;
    let command = ChangePlan::parse(&body)?;
    let (call, key) = operation(
        incoming,
        incoming.parameter("accountId"),
        &body,
        &body,
        command.operation_id.as_ref(),
        ChangePlan::parse,
    )?;
    let movement = service::change_plan(incoming.app, incoming.budget, &call, &command, &key).await?;
    Ok(movement_reply(&call, &key, movement))
}

/// `POST …/holds`
pub async fn reserve<T: Table>(incoming: &Incoming<'_, T>) -> Result<Reply, Failure> {
    let body = incoming.json()?;
    let command = Reserve::parse(&body)?;
    let (call, key) = operation(
        incoming,
        incoming.parameter("accountId"),
        &body,
        &body,
        command.operation_id.as_ref(),
        Reserve::parse,
    )?;
    let movement = service::reserve(incoming.app, incoming.budget, &call, &command, &key).await?;
    Ok(movement_reply(&call, &key, movement))
}

async fn end_hold<T: Table>(
    incoming: &Incoming<'_, T>,
    parse: impl Fn(&Value) -> Result<EndHold, Problems>,
) -> Result<Reply, Failure> {
    let body = incoming.json()?;
    let command = parse(&body)?;
    let hold = incoming.parameter("holdId");
    let name = incoming.parameter("accountId");
    if !is_operation_id(hold) {
        return Err(Problems::one("holdId", "must be 1 to 128 visible ASCII characters").into());
    }
    let asked = json!([hold, body]);
    let (call, key) = operation(incoming, name, &asked, &body, command.operation_id.as_ref(), |asked| {
        parse(&asked[1]).map(|command| (hold.to_owned(), command))
    })?;
    let movement = service::end_hold(incoming.app, incoming.budget, &call, hold, &command, &key).await?;
    Ok(movement_reply(&call, &key, movement))
}

/// `POST …/holds/{holdId}/commit`
pub async fn commit_hold<T: Table>(incoming: &Incoming<'_, T>) -> Result<Reply, Failure> {
    end_hold(incoming, |body| CommitHold::parse(body).map(|body| body.0)).await
}

/// `POST …/holds/{holdId}/void`
pub async fn void_hold<T: Table>(incoming: &Incoming<'_, T>) -> Result<Reply, Failure> {
    end_hold(incoming, |body| VoidHold::parse(body).map(|body| body.0)).await
}

/// `GET …/renewal`
pub async fn eligibility<T: Table>(incoming: &Incoming<'_, T>) -> Result<Reply, Failure> {
    let call = call(incoming, incoming.parameter("accountId"))?;
    Ok(Reply::json(&service::eligibility(incoming.app, incoming.budget, &call).await?))
}

/// `POST …/renewal`. The period names it too, so that a call without an operation id renews once as well.
pub async fn renew<T: Table>(incoming: &Incoming<'_, T>) -> Result<Reply, Failure> {
    let call = call(incoming, incoming.parameter("accountId"))?;
    let dry_run = incoming.query_bool("dryRun")?;
    let call = AccountCall { dry_run, ..call };
    let shown = |renewal: Renewal| Reply::json(&Renewal { dry_run: dry_run.then_some(true), ..renewal });
    if !incoming.is_named(None) {
        return Ok(shown(service::renew(incoming.app, incoming.budget, &call, None).await?));
    }
    let target = format!("{}#{}", call.id.project_id, call.id.name);
    let operation = incoming.operation(&target, &Value::Null, None, |_| Ok::<_, Problems>(()))?;
    let key = operation.key();
    let (renewal, replayed) = service::renew_once(incoming.app, incoming.budget, &call, &key).await?;
    Ok(shown(renewal).operation(&key.id.id, replayed))
}

/// Does the `work` of a call: once, if the caller named the operation, whose first answer is then repeated. A dry run
/// uses up no id.
pub(super) async fn once_if_named<T: Table, R>(
    incoming: &Incoming<'_, T>,
    target: &str,
    asked: &Value,
    in_body: Option<&String>,
    dry_run: bool,
    work: impl Future<Output = Result<R, Error>>,
) -> Result<Reply, Failure>
where
    R: Clone + Serialize + DeserializeOwned,
{
    let operation = incoming.operation(target, asked, in_body, |asked| Ok::<_, Problems>(asked.clone()))?;
    if dry_run || !incoming.is_named(in_body) {
        return Ok(Reply::json(&work.await?));
    }
    let key = operation.key();
    let repeatable = Repeatable::new(incoming.app, &key, incoming.route.name, target, incoming.now);
    let (answer, replayed) = repeat::once(incoming.app, incoming.budget, &repeatable, work).await?;
    Ok(Reply::json(&answer).operation(&key.id.id, replayed))
}

/// The body of `POST /v1/renewals`.
pub struct RenewAccounts(RenewDue);

impl Body for RenewAccounts {
    fn read(r: &mut Reader<'_>) -> Self {
        Self(RenewDue::read(r))
    }

    fn keywords() -> Value {
        json!({"properties": {
            "limit": {"default": limits::RENEWALS_DEFAULT, "description": "Counts accounts that are due."},
            "cursor": {
                "pattern": cursor::RENEWALS.pattern(), "minLength": null, "maxLength": null,
                "description": "The cursor of an earlier answer.",
            },
        }})
    }
}

/// `POST /v1/renewals`. Each account's period names its renewal, so that a call without an operation id renews once as well.
pub async fn renew_due<T: Table>(incoming: &Incoming<'_, T>) -> Result<Reply, Failure> {
    let project_id = project(incoming)?;
    let body = incoming.json()?;
    let RenewAccounts(command) = RenewAccounts::parse(&body)?;
    let place = command.cursor.as_ref().map(|text| placed(cursor::RENEWALS.name, &project_id, text)).transpose()?;
    let place = place
        .map(|text| Place::parse(&text).ok_or_else(|| Problems::one("cursor", "must be a cursor of this call")))
        .transpose()?
        .unwrap_or_default();
    let work = async {
        let (done, next) =
            renewals::renew_due(incoming.app, incoming.budget, &project_id, &command, incoming.now, place).await?;
        let cursor = next.map(|place| cursor_in(cursor::RENEWALS.name, &project_id, &place.text()));
        Ok(Renewals { cursor, ..done })
    };
    once_if_named(incoming, &project_id, &body, command.operation_id.as_ref(), command.dry_run, work).await
}

/// `GET …/balance`
pub async fn balance<T: Table>(incoming: &Incoming<'_, T>) -> Result<Reply, Failure> {
    let call = call(incoming, incoming.parameter("accountId"))?;
    let at = instant(incoming, "at")?.unwrap_or(Timestamp::from_ms(incoming.now.ms() + 1));
    Ok(Reply::json(&service::balance(incoming.app, incoming.budget, &call, at).await?))
}

/// `GET …/verification`
pub async fn verify<T: Table>(incoming: &Incoming<'_, T>) -> Result<Reply, Failure> {
    verify_of(incoming, call(incoming, incoming.parameter("accountId"))?).await
}

/// Checks the ledger of an account, from where the query says.
pub(super) async fn verify_of<T: Table>(incoming: &Incoming<'_, T>, call: AccountCall) -> Result<Reply, Failure> {
    let from = checked_so_far(incoming, &call.id.name)?;
    let (found, next) = service::verify(incoming.app, incoming.budget, &call, from).await?;
    Ok(verification(incoming, &call.id.name, found, next))
}

/// How far the query says that this ledger, which is `owner`'s, was found whole.
pub(super) fn checked_so_far<T>(incoming: &Incoming<'_, T>, owner: &str) -> Result<Checked, Failure> {
    let Some(text) = place(incoming, owner)? else { return Ok(Checked::default()) };
    checked(&text).ok_or_else(|| cursor::problem().into())
}

/// What a check of this ledger, which is `owner`'s, has found.
pub(super) fn verification<T>(
    incoming: &Incoming<'_, T>,
    owner: &str,
    found: Verification,
    next: Option<Checked>,
) -> Reply {
    let text = next.map(|next| format!("{}:{}:{}", next.sequence, next.balance, hex::encode(next.head)));
    Reply::json(&Verification { next_cursor: cursor_of(incoming, owner, text), ..found })
}

/// How far a ledger was found whole, as a cursor says it.
fn checked(text: &str) -> Option<Checked> {
    let mut parts = text.split(':');
    let (sequence, balance, head) = (parts.next()?, parts.next()?, parts.next()?);
    let head = hex::decode(head).ok()?.try_into().ok()?;
    Some(Checked { sequence: sequence.parse().ok().filter(|n| *n >= 0)?, balance: balance.parse().ok()?, head })
}

/// `DELETE …/entries`
pub async fn erase<T: Table>(incoming: &Incoming<'_, T>) -> Result<Reply, Failure> {
    erase_of(incoming, call(incoming, incoming.parameter("accountId"))?).await
}

/// Erases the free-form facts of an account's entries, as the query says.
pub(super) async fn erase_of<T: Table>(incoming: &Incoming<'_, T>, call: AccountCall) -> Result<Reply, Failure> {
    let dry_run = incoming.query_bool("dryRun")?;
    let call = AccountCall { dry_run, ..call };
    let before = instant(incoming, "before")?.ok_or_else(|| Problems::one("before", "is required"))?;
    let from = place(incoming, &call.id.name)?.map(|position| cursor::sequence(&position)).transpose()?;
    let target = format!("{}#{}", call.id.project_id, call.id.name);
    let work = async {
        let (erased, next) = service::erase(incoming.app, incoming.budget, &call, before, from).await?;
        let next_cursor = cursor_of(incoming, &call.id.name, next.map(|sequence| sequence.to_string()));
        Ok(Erased { erased, next_cursor, dry_run: dry_run.then_some(true) })
    };
    once_if_named(incoming, &target, &json!([before.ms(), from]), None, dry_run, work).await
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
    let operation_type = incoming.query_text("type", limits::ACTION_CHARS_MAX)?;
    let Span { from, to } = range(incoming)?;
    let filter = Filter { operation_type, from, to };
    let before = place(incoming, &call.id.name)?.map(|position| cursor::sequence(&position)).transpose()?;
    let limit = usize::try_from(incoming.query_limit()?).unwrap_or(0);
    let (entries, next) = service::entries(incoming.app, incoming.budget, &call, &filter, before, limit).await?;
    let next_cursor = cursor_of(incoming, &call.id.name, next.map(|sequence| sequence.to_string()));
    Ok(Reply::json(&AccountEntries { entries, next_cursor }))
}

/// `GET …/statistics`
pub async fn statistics<T: Table>(incoming: &Incoming<'_, T>) -> Result<Reply, Failure> {
    statistics_of(incoming, call(incoming, incoming.parameter("accountId"))?).await
}

/// What the ledger of an account adds up to in the range that the query names.
pub(super) async fn statistics_of<T: Table>(incoming: &Incoming<'_, T>, call: AccountCall) -> Result<Reply, Failure> {
    let (span, after) = counted_so_far(incoming, &call.id.name)?;
    let (found, next) = service::statistics(incoming.app, incoming.budget, &call, span, after).await?;
    Ok(statistics_reply(incoming, &call.id.name, found, next))
}

/// The range that the query names, and how far it says that the ledger, which is `owner`'s, was counted.
pub(super) fn counted_so_far<T>(incoming: &Incoming<'_, T>, owner: &str) -> Result<(Span, i64), Failure> {
    let span = range(incoming)?;
    let after = place(incoming, owner)?.map(|position| cursor::sequence(&position)).transpose()?;
    Ok((span, after.unwrap_or(0)))
}

/// What this ledger, which is `owner`'s, adds up to.
pub(super) fn statistics_reply<T>(
    incoming: &Incoming<'_, T>,
    owner: &str,
    found: Statistics,
    next: Option<i64>,
) -> Reply {
    let next_cursor = cursor_of(incoming, owner, next.map(|sequence| sequence.to_string()));
    Reply::json(&Statistics { next_cursor, ..found })
}

/// The half-open range of time that the query names.
pub(super) fn range<T>(incoming: &Incoming<'_, T>) -> Result<Span, Failure> {
    let (from, to) = (instant(incoming, "from")?, instant(incoming, "to")?);
    match from.zip(to).is_some_and(|(from, to)| from > to) {
        true => Err(Failure::new(Code::RangeReversed)),
        false => Ok(Span { from, to }),
    }
}

/// The instant that the query names, if it names one.
pub(super) fn instant<T>(incoming: &Incoming<'_, T>, name: &str) -> Result<Option<Timestamp>, Failure> {
    let Some(text) = incoming.query(name) else { return Ok(None) };
    Timestamp::read(&text).map(Some).map_err(|wrong| Problems::one(name, wrong.problem()).into())
}
