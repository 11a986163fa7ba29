//! Going to pay for a license (wire E11).

use ltlm_protocol::body::Unknown;
use ltlm_protocol::read::Reader;
use ltlm_protocol::request::operation_id;
use ltlm_protocol::shape::Kind;
use ltlm_protocol::{Body, Timestamp, limits};
use serde_json::{Value, json};

use crate::domain::decision::Decision;
use crate::domain::pro::project_state::ProjectState;
use crate::domain::store::{catalog, redirect};
use crate::model::denied::Denied;
use crate::model::email::Email;
use crate::model::ids::is_same_request;
use crate::model::order::{Order, OrderItem};
use crate::model::policy_words::PolicyKind;
use crate::model::write::Write;

/// `POST …/project/checkout-link`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Checkout {
    /// The policy's number, or its slug.
    pub policy: String,
    /// The buyer.
    pub email: Email,
    /// Where the browser goes afterwards.
    pub redirect: Option<String>,
    /// The caller's operation id.
    pub operation_id: Option<String>,
}

/// An order to be created: its id, and a hash of the request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OrderKey {
    /// The order's id.
    pub id: String,
    /// The caller named the operation.
    pub is_named: bool,
    /// Hash of the request.
    pub fingerprint: String,
}

impl Body for Checkout {
    const UNKNOWN: Unknown = Unknown::Ignored;

    fn read(r: &mut Reader<'_>) -> Self {
        let policy = match r.value_of("policyId", Kind::WholeOrText { max: limits::NAME_CHARS_MAX }) {
            Some(Value::Number(number)) => number.to_string(),
            _ => r.text("policyId", limits::NAME_CHARS_MAX),
        };
        Self {
            policy,
            email: Email::required(r, "customerEmail").unwrap_or_else(Email::nobody),
            redirect: redirect::read(r, "redirectUrl"),
            operation_id: operation_id(r),
        }
    }

    fn keywords() -> Value {
        json!({"properties": {"policyId": {"description": "Its number, or its slug."}, "redirectUrl": redirect::keywords()}})
    }
}

impl Checkout {
    /// The number, if the policy is named by one.
    pub fn number(&self) -> Option<i64> {
        catalog::number(&self.policy)
    }
}

/// The order of an earlier call under the same operation id.
pub(super) fn replay(order: Option<&Order>, key: &OrderKey) -> Result<Option<Order>, Denied> {
    match order {
        Some(order) if !is_same_request(&order.fingerprint, &key.fingerprint) => Err(Denied::IdempotencyKeyReused),
        order => Ok(order.cloned()),
    }
}

/// Decides an order of a license.
pub fn decide(
    state: &ProjectState,
    command: &Checkout,
    key: &impl Fn(&str) -> OrderKey,
    now: Timestamp,
) -> Result<Decision<Order>, Denied> {
    let key = key(&state.project.id);
    if let Some(order) = replay(state.order.as_ref(), &key)? {
        return Ok(Decision::read(order));
    }
    redirect::allowed(&state.project, command.redirect.as_deref())?;
    let policy = catalog::find(&state.policies, &command.policy).ok_or(Denied::PolicyNotFound)?;
    if policy.terms.kind == PolicyKind::Trial && state.trial.is_some() {
        return Err(Denied::TrialNotAvailable);
    }
    let (price, billing) = catalog::price(policy);
    let order = Order {
        billing,
        name: policy.terms.name.clone(),
        email: command.email.as_str().to_owned(),
        redirect: command.redirect.clone(),
        fingerprint: key.fingerprint,
        is_named: key.is_named,
        ..Order::new(key.id, state.project.id.clone(), OrderItem::Policy { number: policy.number }, price, now)
    };
    Ok(Decision::write(vec![Write::SaveOrder { order: order.clone(), found: None }], order))
}
