//! The use of a feature: checked or paid, word for word as seed 004 says.

use ltlm_protocol::body::Unknown;
use ltlm_protocol::organization_data::{TokenCheck, TokenUse};
use ltlm_protocol::read::{Problems, Reader};
use ltlm_protocol::{Body, Code, Timestamp, limits, request};
use serde_json::{Map, Value, json};

use crate::domain::accounts::request::may_be_dry_run;
use crate::domain::accounts::state::AccountState;
use crate::domain::decision::Decision;
use crate::domain::organizations::access::may_act;
use crate::domain::organizations::features::Features;
use crate::domain::organizations::state::OrganizationState;
use crate::model::account::account_name_pattern;
use crate::model::denied::Denied;
use crate::model::ids::{OperationKey, OrganizationId};
use crate::model::organization::AccessToken;
use crate::model::token_type::TokenType;
use crate::model::wallet::cause::Cause;
use crate::model::wallet::entry::{Entry, Source};

/// What is asked of a feature's tokens.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Action {
    /// Would they be there?
    Check,
    /// Spend them.
    Deduct,
}

/// `POST /v1/tokens/check-balance`.
#[derive(Clone, Debug, PartialEq)]
pub struct UseFeature {
    /// The organization.
    pub organization: String,
    /// The feature.
    pub feature: String,
    /// What is asked.
    pub action: Action,
    /// Free-form facts, kept with the entry.
    pub metadata: Option<Map<String, Value>>,
    /// The caller's operation id.
    pub operation_id: Option<String>,
}

/// Why a body is not a [`UseFeature`]: the seed has a sentence for the first two.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Unusable {
    /// This code says it all.
    Told(Code),
    /// These members are not as documented.
    Problems(Problems),
}

impl Body for UseFeature {
    const UNKNOWN: Unknown = Unknown::Ignored;

    fn read(r: &mut Reader<'_>) -> Self {
        may_be_dry_run(r);
        Self {
            organization: r.text("organizationId", limits::ORGANIZATION_CHARS_MAX),
            feature: r.text("featureUsed", limits::ACTION_CHARS_MAX),
            action: match r.word_opt("action", ACTIONS) {
                Some(CHECK) => Action::Check,
                _ => Action::Deduct,
            },
            metadata: r.document_opt("metadata", limits::META_BYTES_MAX),
            operation_id: request::operation_id(r),
        }
    }

    fn keywords() -> Value {
        json!({"required": ["organizationId", "featureUsed", "action"],
            "properties": {"organizationId": {"pattern": account_name_pattern()}, "action": {"type": "string", "enum": ACTIONS}}})
    }
}

const CHECK: &str = "check";
const ACTIONS: &[&str] = &[CHECK, "deduct"];

impl UseFeature {
    /// Parses the body, in the seed's words where it has some.
    pub fn parse_in_words(body: &Value) -> Result<Self, Unusable> {
        let r = Self::reader(body).map_err(Unusable::Problems)?;
        let is_there = |name: &str| body.get(name).is_some_and(|value| !value.is_null() && value != "");
        if !is_there("organizationId") || !is_there("featureUsed") {
            return Err(Unusable::Told(Code::FeatureFieldsMissing));
        }
        let action = body.get("action").and_then(Value::as_str);
        if !action.is_some_and(|action| ACTIONS.contains(&action)) {
            return Err(Unusable::Told(Code::FeatureActionUnknown));
        }
        Self::finish(r).map_err(Unusable::Problems)
    }
}

/// The pool that a feature draws on, and its cost.
fn priced(
    state: &OrganizationState,
    id: &OrganizationId,
    feature: &str,
) -> Result<(TokenType, AccountState, i64), Denied> {
    let features = Features::of(&state.project);
    let cost = features.cost(feature).ok_or_else(|| Denied::UnknownFeature { known: features.features() })?;
    let kind = TokenType::of_feature(feature);
    Ok((kind, state.pool(id, kind), cost))
}

/// Would the tokens be there? It only looks.
pub fn check(
    state: &OrganizationState,
    token: &AccessToken,
    id: &OrganizationId,
    command: &UseFeature,
    now: Timestamp,
) -> Result<TokenCheck, Denied> {
    may_act(state, token, &id.name)?;
    let (_, pool, cost) = priced(state, id, &command.feature)?;
    Ok(TokenCheck { has_tokens: pool.open(now)?.tokens.wallet.balance(now) >= cost })
}

/// Decides a deduction. Too few tokens are no failure but an answer, with the true balance; on a plan that gives none of
/// this kind, and with none bought, the feature is not available.
pub fn deduct(
    state: &OrganizationState,
    token: &AccessToken,
    id: &OrganizationId,
    command: &UseFeature,
    key: &OperationKey,
    now: Timestamp,
) -> Result<Decision<(TokenUse, bool)>, Denied> {
    may_act(state, token, &id.name)?;
    let (kind, pool, cost) = priced(state, id, &command.feature)?;
    let reply = |entry: &Entry| TokenUse {
        success: true,
        remaining_balance: entry.balance_after,
        message: format!("Used {} tokens for {}", -entry.amount, entry.action),
    };
    if let Some(entry) = pool.replay(key)? {
        return Ok(Decision::read((reply(entry), true)));
    }
    let open = pool.open(now)?;
    let balance = open.tokens.wallet.balance(now);
    if balance < cost {
        let plan = open.plans.plan(&open.account.tier);
        if balance <= 0 && plan.is_none_or(|plan| plan.tokens == 0) {
            return Err(Denied::FeatureNotAvailable);
        }
        let message = format!("Insufficient tokens. Need {cost}, have {balance}");
        return Ok(Decision::read((TokenUse { success: false, remaining_balance: balance, message }, false)));
    }
    // The log of uses: who used what, at which cost, and what was left.
    let mut meta = Map::new();
    meta.insert("organizationId".to_owned(), json!(id.name));
    meta.insert("userId".to_owned(), json!(token.user));
    meta.insert("tokenType".to_owned(), json!(kind.wire()));
    meta.insert("featureUsed".to_owned(), json!(command.feature));
    meta.insert("tokensDeducted".to_owned(), json!(cost));
    meta.insert("remainingBalance".to_owned(), json!(balance - cost));
    if let Some(metadata) = &command.metadata {
        meta.insert("metadata".to_owned(), json!(metadata));
    }
    let cause = Cause { meta: Some(meta), ..Cause::plain(key.clone(), command.feature.clone(), Source::Debit, now) };
    let (moved, entries) = open.tokens.wallet.spend(cost, false, cause, now)?;
    let entry = entries.last().cloned().ok_or(Denied::OrganizationNotFound)?;
    Ok(Decision::write(open.moved(moved, entries), (reply(&entry), false)))
}
