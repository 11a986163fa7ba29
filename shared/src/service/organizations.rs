//! Organizations: one function a command, all of the same shape.

use ltlm_protocol::account_data::AccountMovement;
use ltlm_protocol::organization_data::{
    AccessTokenData, AccessTokenRevoked, MemberData, OrganizationData, OrganizationSummary, TokenCheck, TokenStats,
    TokenUse,
};
use ltlm_protocol::{Timestamp, limits};
use serde::Serialize;
use serde::de::DeserializeOwned;
use subtle::ConstantTimeEq;

use crate::domain::decision::Decision;
use crate::domain::organizations::access::{AccessState, CreateAccess, RevokeAccess, may_act};
use crate::domain::organizations::commands::{ChangeOrganizationPlan, CreateOrganization, GrantTokens};
use crate::domain::organizations::spend::UseFeature;
use crate::domain::organizations::state::OrganizationState;
use crate::domain::organizations::{commands, spend, state};
use crate::keys::Purpose;
use crate::model::administrator::Administrator;
use crate::model::denied::Denied;
use crate::model::ids::{OperationId, OperationKey, OrganizationId, Origin, WalletId};
use crate::model::organization::{AccessToken, Made};
use crate::model::record::{Record, project_in};
use crate::model::token_type::TokenType;
use crate::model::write::Write;
use crate::service::app::{App, Budget, Error};
use crate::service::repeat::Repeatable;
use crate::service::retry::Absorb;
use crate::service::{ids, quota, retry, transact};
use crate::table::key::position;
use crate::table::port::{List, Read, Table};

/// A call on an organization.
#[derive(Clone, Debug)]
pub struct OrganizationCall {
    /// Which.
    pub id: OrganizationId,
    /// The one instant this call is judged at.
    pub now: Timestamp,
    /// Only look what it would do.
    pub dry_run: bool,
}

impl Absorb for OrganizationState {
    fn absorb(&mut self, record: Record) -> bool {
        OrganizationState::absorb(self, record);
        true
    }
}

/// What a command needs besides the organization.
#[derive(Clone, Debug, Default)]
struct Wanted<'a> {
    pools: &'a [TokenType],
    user: Option<&'a str>,
    /// Operations that may have happened on these pools.
    operations: Vec<OperationId>,
    /// The command's operation, if it is in no ledger.
    done: Option<Read>,
}

async fn load<T: Table>(
    app: &App<T>,
    budget: &Budget<'_>,
    id: &OrganizationId,
    wanted: &Wanted<'_>,
) -> Result<OrganizationState, Error> {
    let mut reads = vec![Read::Project(id.project_id.clone()), Read::Organization(id.clone())];
    reads.extend(wanted.user.map(|user| Read::Member(id.clone(), user.to_owned())));
    reads.extend(wanted.done.clone());
    for kind in wanted.pools {
        let account = id.pool(*kind);
        let wallet = WalletId::Account(account.clone());
        reads.extend([Read::Account(account), Read::Wallet(wallet.clone())]);
        reads.extend(wanted.operations.iter().map(|operation| Read::Entry(wallet.clone(), operation.clone())));
    }
    let records = app.table.read(&reads, budget.meter).await?;
    let project = project_in(&records).ok_or(Denied::ProjectNotFound)?;
    project.in_service()?;
    let mut state = OrganizationState::new(project);
    records.into_iter().for_each(|record| state.absorb(record));
    Ok(state)
}

async fn run<T: Table, R>(
    app: &App<T>,
    budget: &Budget<'_>,
    call: &OrganizationCall,
    wanted: &Wanted<'_>,
    decide: impl Fn(&OrganizationState) -> Result<Decision<R>, Denied>,
) -> Result<R, Error> {
    let decide = |state: &OrganizationState| {
        let decision = decide(state)?;
        Ok(if call.dry_run { Decision::read(decision.reply) } else { decision })
    };
    let settle = |state: &OrganizationState| state.settling(call.now, limits::LAPSES_TOGETHER_MAX);
    transact::act_and_settle(app, budget, || load(app, budget, &call.id, wanted), decide, settle).await
}

/// Runs a command that is in no ledger once: every repetition gets its first answer.
async fn run_once<T: Table, R: Serialize + DeserializeOwned>(
    app: &App<T>,
    budget: &Budget<'_>,
    call: &OrganizationCall,
    wanted: Wanted<'_>,
    operation: &Repeatable,
    decide: impl Fn(&OrganizationState) -> Result<Decision<(R, bool)>, Denied>,
) -> Result<(R, bool), Error> {
    let wanted = Wanted { done: Some(operation.read()), ..wanted };
    let decide = |state: &OrganizationState| match operation.first(state.done.as_ref())? {
        Some(first) => Ok(Decision::read(first)),
        None => Ok(operation.keeping(decide(state)?)),
    };
    run(app, budget, call, &wanted, decide).await
}

/// The operation `key` of this kind on the organization.
fn repeatable<T>(app: &App<T>, call: &OrganizationCall, key: &OperationKey, kind: &str) -> Repeatable {
    Repeatable::new(app, key, kind, &format!("{}#{}", call.id.project_id, call.id.name), call.now)
}

/// Creates an organization with its pools. Returns its state, and whether an earlier call created it.
pub async fn create<T: Table>(
    app: &App<T>,
    budget: &Budget<'_>,
    call: &OrganizationCall,
    command: &CreateOrganization,
    key: &OperationKey,
) -> Result<(OrganizationData, bool), Error> {
    let wanted = Wanted { pools: TokenType::ALL, ..Wanted::default() };
    run(app, budget, call, &wanted, |state| commands::create(state, &call.id, command, key, call.now)).await
}

/// A page of a project's organizations by name, and the name that the next page starts behind.
pub async fn list<T: Table>(
    app: &App<T>,
    budget: &Budget<'_>,
    project_id: &str,
    begins: Option<String>,
    after: Option<String>,
    limit: i64,
) -> Result<(Vec<OrganizationSummary>, Option<String>), Error> {
    super::accounts::project(app, budget, project_id).await?;
    let list = List::Organizations(project_id.to_owned());
    let (records, next) = super::accounts::named(app, budget, list, begins, after, limit).await?;
    let rows = records.into_iter().filter_map(Record::organization).map(|organization| OrganizationSummary {
        organization_id: organization.id.name,
        plan: organization.plan,
        created_at: organization.created_at.to_string(),
    });
    Ok((rows.collect(), next))
}

/// Its state.
pub async fn get<T: Table>(
    app: &App<T>,
    budget: &Budget<'_>,
    call: &OrganizationCall,
) -> Result<OrganizationData, Error> {
    let wanted = Wanted { pools: TokenType::ALL, ..Wanted::default() };
    let state = retry::read(app, budget, || load(app, budget, &call.id, &wanted)).await?;
    Ok(state::data(&state, call.now)?)
}

/// Puts it on a plan, once.
pub async fn change_plan<T: Table>(
    app: &App<T>,
    budget: &Budget<'_>,
    call: &OrganizationCall,
    command: &ChangeOrganizationPlan,
    key: &OperationKey,
) -> Result<(OrganizationData, bool), Error> {
    // Whether the pools were raised to this plan in their period already, their ledgers tell: and the period, the wallets.
    let pools = Wanted { pools: TokenType::ALL, ..Wanted::default() };
    let found = retry::read(app, budget, || load(app, budget, &call.id, &pools)).await?;
    let mut operations = Vec::new();
    for kind in TokenType::ALL {
        let Ok(open) = found.pool(&call.id, *kind).open(call.now) else { continue };
        let period = open.tokens.wallet.period.unwrap_or(open.account.anchor);
        let id = OperationId { origin: Origin::System, id: commands::raised(&command.plan, period) };
        operations.extend((!operations.contains(&id)).then_some(id));
    }
    let wanted = Wanted { operations, ..pools };
    let operation = repeatable(app, call, key, "plan");
    run_once(app, budget, call, wanted, &operation, |state| commands::change_plan(state, command, key, call.now)).await
}

/// Gives tokens to a pool, once.
pub async fn grant<T: Table>(
    app: &App<T>,
    budget: &Budget<'_>,
    call: &OrganizationCall,
    command: &GrantTokens,
    key: &OperationKey,
) -> Result<AccountMovement, Error> {
    let pools = [command.token_type];
    let wanted = Wanted { pools: &pools, operations: vec![key.id.clone()], ..Wanted::default() };
    run(app, budget, call, &wanted, |state| commands::grant(state, &call.id, command, key, call.now)).await
}

/// Says whether a user belongs to it. A call that has an operation's id is done once: what comes late, after the opposite was
/// said, changes nothing.
pub async fn set_member<T: Table>(
    app: &App<T>,
    budget: &Budget<'_>,
    call: &OrganizationCall,
    user: &str,
    is_member: bool,
    key: Option<&OperationKey>,
) -> Result<(MemberData, bool), Error> {
    let wanted = Wanted { user: Some(user), ..Wanted::default() };
    let decide = |state: &OrganizationState| {
        let decision = commands::set_member(state, user, is_member, call.now)?;
        Ok(decision.map(|answer| (answer, false)))
    };
    match key.map(|key| repeatable(app, call, key, "member")) {
        None => run(app, budget, call, &wanted, decide).await,
        Some(operation) => run_once(app, budget, call, wanted, &operation, decide).await,
    }
}

/// Creates an access token. Returns also whether an earlier call created it. The token is derived from the operation's
/// id and a key of the project, so that the same operation sent twice returns the same token.
pub async fn create_access<T: Table>(
    app: &App<T>,
    budget: &Budget<'_>,
    project_id: &str,
    command: &CreateAccess,
    key: &OperationKey,
    maker: &Administrator,
    now: Timestamp,
) -> Result<(AccessTokenData, bool), Error> {
    let project = super::accounts::project(app, budget, project_id).await?;
    let derivation = app.unwrap(&project.id, Purpose::Derivation, &project.wrapped.derivation).await?;
    let text = ids::access_token(&derivation, &key.id.id);
    let asked = now.plus_seconds(command.seconds);
    let token = AccessToken {
        hash: ids::sha256_hex(text.as_bytes()),
        project_id: project.id,
        organization: command.organization.clone(),
        user: command.user.clone(),
        // It does not outlive its maker.
        expires_at: maker.expires_at.map_or(asked, |end| end.min(asked)),
        revoked_at: None,
        made: Some(Made { by: key.clone(), request: ids::operation_id(now, app.entropy.as_ref()) }),
    };
    let organization =
        command.organization.clone().map(|name| OrganizationId { project_id: project_id.to_owned(), name });
    let reads: Vec<_> = [Read::AccessToken(token.hash.clone())]
        .into_iter()
        .chain(organization.into_iter().map(Read::Organization))
        .collect();
    let load = || retry::found(app, budget, &reads);
    let (made, replayed) = transact::act(app, budget, load, |found: &AccessState| found.create(&token)).await?;
    let data = AccessTokenData {
        access_token: text,
        token_id: made.hash,
        organization_id: made.organization,
        user_id: made.user,
        expires_at: made.expires_at.to_string(),
    };
    Ok((data, replayed))
}

impl Absorb for AccessState {
    fn absorb(&mut self, record: Record) -> bool {
        AccessState::absorb(self, record);
        true
    }
}

/// The access token with this hash, if it is in force.
pub async fn access<T: Table>(
    app: &App<T>,
    budget: &Budget<'_>,
    hash: &str,
    now: Timestamp,
) -> Result<Option<AccessToken>, Error> {
    let reads = [Read::AccessToken(hash.to_owned())];
    let records = retry::records(app, budget, &reads).await?;
    let token = records.into_iter().find_map(Record::access_token);
    Ok(token.filter(|token| bool::from(token.hash.as_bytes().ct_eq(hash.as_bytes())) && token.is_in_force(now)))
}

/// Revokes an access token at once; since when it works no more.
pub async fn revoke_access<T: Table>(
    app: &App<T>,
    budget: &Budget<'_>,
    project_id: &str,
    id: &str,
    now: Timestamp,
) -> Result<AccessTokenRevoked, Error> {
    let reads = [Read::AccessToken(id.to_owned())];
    let load = || retry::found(app, budget, &reads);
    transact::act(app, budget, load, |found: &AccessState| found.revoke(project_id, now)).await
}

/// Revokes access tokens that are in force, the last to end first, from a position on. Returns how many, and where to
/// continue.
pub async fn revoke_all<T: Table>(
    app: &App<T>,
    budget: &Budget<'_>,
    project_id: &str,
    command: &RevokeAccess,
    from: Option<String>,
    now: Timestamp,
) -> Result<(i64, Option<String>), Error> {
    super::accounts::project(app, budget, project_id).await?;
    let limit = limits::ACCESS_REVOKED_MAX as i64;
    let (project_id, holder) = (project_id.to_owned(), command.holder.clone());
    // One more than are revoked tells whether there are more, and where.
    let list = [Read::AccessTokens { project_id, holder, now, from, limit: limit + 1 }];
    let mut records = retry::records(app, budget, &list).await?;
    let next = records.get(limits::ACCESS_REVOKED_MAX).and_then(position);
    records.truncate(limits::ACCESS_REVOKED_MAX);
    let meant = records.into_iter().filter_map(|record| match record {
        Record::AccessToken(token) => command.means(&token).then_some(token.hash),
        Record::AccessTokenName { hash, .. } => Some(hash),
        _ => None,
    });
    let writes: Vec<_> = meant.map(|hash| Write::RevokeAccessToken { hash, at: now }).collect();
    for together in writes.chunks(limits::TRANSACTION_ITEMS_MAX) {
        quota::pass(app, budget).await?;
        let commit = || async { app.table.commit(together, None, budget.meter).await.map_err(Error::from) };
        retry::read(app, budget, commit).await?;
    }
    Ok((writes.len() as i64, next))
}

/// Would a feature's tokens be there?
pub async fn check<T: Table>(
    app: &App<T>,
    budget: &Budget<'_>,
    call: &OrganizationCall,
    token: &AccessToken,
    command: &UseFeature,
) -> Result<TokenCheck, Error> {
    let pools = [TokenType::of_feature(&command.feature)];
    let wanted = Wanted { pools: &pools, user: token.user.as_deref(), ..Wanted::default() };
    let state = retry::read(app, budget, || load(app, budget, &call.id, &wanted)).await?;
    Ok(spend::check(&state, token, &call.id, command, call.now)?)
}

/// Spends a feature's tokens, once; the answer, and whether it was given before.
pub async fn deduct<T: Table>(
    app: &App<T>,
    budget: &Budget<'_>,
    call: &OrganizationCall,
    token: &AccessToken,
    command: &UseFeature,
    key: &OperationKey,
) -> Result<(TokenUse, bool), Error> {
    let pools = [TokenType::of_feature(&command.feature)];
    let wanted =
        Wanted { pools: &pools, user: token.user.as_deref(), operations: vec![key.id.clone()], ..Wanted::default() };
    run(app, budget, call, &wanted, |state| spend::deduct(state, token, &call.id, command, key, call.now)).await
}

/// Its token balances, for a caller that may act for it.
pub async fn stats<T: Table>(
    app: &App<T>,
    budget: &Budget<'_>,
    call: &OrganizationCall,
    token: &AccessToken,
) -> Result<TokenStats, Error> {
    let wanted = Wanted { pools: TokenType::ALL, user: token.user.as_deref(), ..Wanted::default() };
    let state = retry::read(app, budget, || load(app, budget, &call.id, &wanted)).await?;
    may_act(&state, token, &call.id.name)?;
    Ok(state::stats(&state, call.now)?)
}
