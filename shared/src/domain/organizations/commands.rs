//! The vendor's commands on an organization: create it, change its plan, credit tokens, add and remove members.

use ltlm_protocol::account_data::AccountMovement;
use ltlm_protocol::organization_data::{MemberData, OrganizationData};
use ltlm_protocol::read::Reader;
use ltlm_protocol::{Body, Timestamp, limits, request};
use serde_json::{Map, Value, json};

use crate::domain::accounts::create::Opening;
use crate::domain::accounts::movement::{self, Move, Movement};
use crate::domain::accounts::plans::Plans;
use crate::domain::accounts::request::may_be_dry_run;
use crate::domain::accounts::state::OpenAccount;
use crate::domain::decision::Decision;
use crate::domain::license::credit::instant_opt;
use crate::domain::organizations::features::{Features, tier};
use crate::domain::organizations::state::{OrganizationState, data};
use crate::model::account::{ACCOUNT_NAME_PROBLEM, Account, account_name_pattern, is_account_name};
use crate::model::denied::Denied;
use crate::model::ids::{OperationId, OperationKey, OrganizationId};
use crate::model::organization::{Member, Organization};
use crate::model::token_type::TokenType;
use crate::model::wallet::cause::Cause;
use crate::model::wallet::entry::Source;
use crate::model::wallet::grant::CREDIT_PRIORITY;
use crate::model::write::Write;

/// `POST /v1/organizations`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CreateOrganization {
    /// The vendor's own name for it.
    pub name: String,
    /// The plan, by name.
    pub plan: String,
    /// The caller's operation id.
    pub operation_id: Option<String>,
}

/// `PUT /v1/organizations/{organizationId}/plan`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ChangeOrganizationPlan {
    /// The plan, by name.
    pub plan: String,
    /// The caller's operation id.
    pub operation_id: Option<String>,
}

/// `POST /v1/organizations/{organizationId}/tokens`.
#[derive(Clone, Debug, PartialEq)]
pub struct GrantTokens {
    /// To which pool.
    pub token_type: TokenType,
    /// How many.
    pub amount: i64,
    /// When they end, if they end.
    pub expires_at: Option<Timestamp>,
    /// Free-form facts, kept with the entry.
    pub metadata: Option<Map<String, Value>>,
    /// The caller's operation id.
    pub operation_id: Option<String>,
}

impl Body for CreateOrganization {
    fn read(r: &mut Reader<'_>) -> Self {
        may_be_dry_run(r);
        let parsed = Self {
            name: r.text("organizationId", limits::ORGANIZATION_CHARS_MAX),
            plan: r.text("plan", limits::NAME_CHARS_MAX),
            operation_id: request::operation_id(r),
        };
        if r.value("organizationId").is_some_and(Value::is_string) && !is_account_name(&parsed.name) {
            r.problem("organizationId", ACCOUNT_NAME_PROBLEM);
        }
        parsed
    }

    fn keywords() -> Value {
        json!({"properties": {"organizationId": {"pattern": account_name_pattern()}}})
    }
}

impl Body for ChangeOrganizationPlan {
    fn read(r: &mut Reader<'_>) -> Self {
        may_be_dry_run(r);
        Self { plan: r.text("plan", limits::NAME_CHARS_MAX), operation_id: request::operation_id(r) }
    }
}

impl Body for GrantTokens {
    fn read(r: &mut Reader<'_>) -> Self {
        may_be_dry_run(r);
        let token_type = TokenType::read(r, "tokenType").unwrap_or(TokenType::General);
        Self {
            token_type,
            amount: r.int("amount", 1, limits::AMOUNT_MAX),
            expires_at: instant_opt(r, "expiresAt"),
            metadata: r.document_opt("metadata", limits::META_BYTES_MAX),
            operation_id: request::operation_id(r),
        }
    }
}

/// Decides the creation of an organization: its record and its five pools, all or none. The reply: its state, and
/// whether this operation created it before.
pub fn create(
    state: &OrganizationState,
    id: &OrganizationId,
    command: &CreateOrganization,
    key: &OperationKey,
    now: Timestamp,
) -> Result<Decision<(OrganizationData, bool)>, Denied> {
    match &state.organization {
        Some(there) if key.repeats(&there.created_by) => return Ok(Decision::read((data(state, now)?, true))),
        Some(there) if there.created_by.id == key.id => return Err(Denied::IdempotencyKeyReused),
        Some(_) => return Err(Denied::OrganizationExists),
        None => {}
    }
    let features = Features::of(&state.project);
    if !features.has_plan(&command.plan) {
        return Err(Denied::UnknownTier { known: features.plans() });
    }
    let organization = Organization {
        id: id.clone(),
        plan: command.plan.clone(),
        created_at: now,
        created_by: key.clone(),
        changed_by: None,
        revision: 1,
    };
    let plans = Plans::of(&state.project);
    let mut made = OrganizationState { organization: Some(organization.clone()), ..state.clone() };
    let mut writes = vec![Write::SaveOrganization { organization, found: None }];
    for kind in TokenType::ALL {
        let opening = Opening {
            id: id.pool(*kind),
            tier: tier(&command.plan, *kind),
            tier_ends_at: None,
            opening_balance: None,
            overdraft_limit: 0,
            key,
        };
        let opened = opening.decide(&plans, now)?;
        made.wallets.insert(opened.account.id.clone(), opened.wallet);
        made.accounts.insert(opened.account.id.clone(), opened.account);
        writes.extend(opened.writes);
    }
    Ok(Decision::write(writes, (data(&made, now)?, false)))
}

/// Decides a plan for an organization. Each pool is raised to the new plan's allocation at once, if it has less; what is
/// unused stays; a lower allocation counts from the next period on. Of one plan a pool is raised once in a period.
pub fn change_plan(
    state: &OrganizationState,
    command: &ChangeOrganizationPlan,
    key: &OperationKey,
    now: Timestamp,
) -> Result<Decision<(OrganizationData, bool)>, Denied> {
    let organization = state.organization()?;
    match &organization.changed_by {
        Some(done) if key.repeats(done) => return Ok(Decision::read((data(state, now)?, true))),
        Some(done) if done.id == key.id => return Err(Denied::IdempotencyKeyReused),
        _ => {}
    }
    let features = Features::of(&state.project);
    if !features.has_plan(&command.plan) {
        return Err(Denied::UnknownTier { known: features.plans() });
    }
    let changed = Organization {
        plan: command.plan.clone(),
        changed_by: Some(key.clone()),
        revision: organization.revision + 1,
        ..organization.clone()
    };
    let mut after = OrganizationState { organization: Some(changed.clone()), ..state.clone() };
    let mut writes = vec![Write::SaveOrganization { organization: changed, found: Some(organization.revision) }];
    for kind in TokenType::ALL {
        let pool = state.pool(&organization.id, *kind);
        let open = pool.open(now)?;
        let tier = tier(&command.plan, *kind);
        let account = Account { tier: tier.clone(), revision: open.account.revision + 1, ..open.account.clone() };
        let tokens = open.plans.plan(&tier).map_or(0, |plan| plan.tokens);
        let period = open.tokens.wallet.period.unwrap_or(open.account.anchor);
        let cause = Cause::of_the_service(raised(&command.plan, period), "plan", Source::Renewal, now);
        let is_raised = pool.entries.contains_key(&cause.key.id);
        let (moved, entries) = match is_raised {
            true => (open.tokens.wallet.clone(), Vec::new()),
            false => open.tokens.wallet.raise(tokens, cause, now),
        };
        // Each change of an account's record moves its wallet: readers recognize the present record by the wallet.
        let (moved, entries) = match entries.is_empty() {
            true => open.tokens.wallet.unmoved(plan_changed(&key.id, *kind, now), now),
            false => (moved, entries),
        };
        let open = OpenAccount { account: account.clone(), ..open };
        let moves = open.moved(moved, entries);
        if let Some(Write::MoveWallet { wallet, .. }) = moves.first() {
            after.wallets.insert(account.id.clone(), wallet.clone());
        }
        after.accounts.insert(account.id.clone(), account.clone());
        writes.extend(moves);
        writes.push(Write::ReplaceAccount { account });
    }
    Ok(Decision::write(writes, (data(&after, now)?, false)))
}

/// The cause of the entry of a pool whose plan changed and whose balance did not.
fn plan_changed(operation: &OperationId, kind: TokenType, now: Timestamp) -> Cause {
    Cause::of_the_service(format!("plan:{}:{}", kind.wire(), operation.id), "plan", Source::Renewal, now)
}

/// The entry that raises a pool to a plan's allocation in the period that began at `period`.
pub fn raised(plan: &str, period: Timestamp) -> String {
    format!("raise:{plan}:{period}")
}

/// Decides a grant to a pool.
pub fn grant(
    state: &OrganizationState,
    id: &OrganizationId,
    command: &GrantTokens,
    key: &OperationKey,
    now: Timestamp,
) -> Result<Decision<AccountMovement>, Denied> {
    state.organization()?;
    let credit = Move {
        movement: Movement::Credit {
            amount: command.amount,
            expires_at: command.expires_at,
            priority: CREDIT_PRIORITY,
        },
        operation_type: "tokens".to_owned(),
        metadata: command.metadata.clone(),
        operation_id: None,
    };
    movement::decide(&state.pool(id, command.token_type), &credit, key, now)
}

/// Decides whether a user belongs to an organization. Said twice, it is so already.
pub fn set_member(
    state: &OrganizationState,
    user: &str,
    is_member: bool,
    now: Timestamp,
) -> Result<Decision<MemberData>, Denied> {
    let organization = state.organization()?.id.clone();
    let reply = MemberData { organization_id: organization.name.clone(), user_id: user.to_owned(), member: is_member };
    let found = state.member.as_ref();
    if found.is_some_and(|member| member.removed_at.is_none()) == is_member {
        return Ok(Decision::read(reply));
    }
    let revision = found.map(|member| member.revision);
    let member = Member {
        organization,
        user: user.to_owned(),
        removed_at: (!is_member).then_some(now),
        revision: revision.unwrap_or(0) + 1,
    };
    Ok(Decision::write(vec![Write::SaveMember { member, found: revision }], reply))
}
