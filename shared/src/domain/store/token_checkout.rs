//! Going to pay for a pack of tokens.

use ltlm_protocol::read::Reader;
use ltlm_protocol::request::operation_id;
use ltlm_protocol::{Body, Timestamp, limits};
use serde_json::{Value, json};

use crate::domain::accounts::request::may_be_dry_run;
use crate::domain::accounts::state::AccountState;
use crate::domain::decision::Decision;
use crate::domain::store::catalog::pack_price;
use crate::domain::store::checkout::{OrderKey, replay};
use crate::domain::store::redirect;
use crate::domain::store::token_pack::token_type;
use crate::model::denied::Denied;
use crate::model::email::Email;
use crate::model::ids::{AccountId, OrganizationId};
use crate::model::order::{Order, OrderItem};
use crate::model::project::Project;
use crate::model::token_pack::TokenPack;
use crate::model::write::Write;

/// The account or the pool for which tokens are bought.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Owner {
    /// An account.
    Account(AccountId),
    /// An organization; its pack says which of its pools.
    Organization(OrganizationId),
}

impl Owner {
    /// The project.
    pub fn project_id(&self) -> &str {
        match self {
            Self::Account(id) => &id.project_id,
            Self::Organization(id) => &id.project_id,
        }
    }

    /// Names it, for the order's id.
    pub fn text(&self) -> String {
        match self {
            Self::Account(id) => format!("account {}#{}", id.project_id, id.name),
            Self::Organization(id) => format!("organization {}#{}", id.project_id, id.name),
        }
    }

    /// The pack that a project sells to it under this id, and the account that gets its tokens.
    pub fn pack(&self, project: &Project, pack_id: &str) -> Option<(TokenPack, AccountId)> {
        let section = match self {
            Self::Account(_) => "accounts",
            Self::Organization(_) => "organizations",
        };
        let rows = project.settings.get(section)?.get("packs")?.as_array()?;
        let row = rows.iter().find(|row| row["packId"] == *pack_id)?;
        // Shapes were checked when they were written.
        let mut r = Reader::new(row).ok()?;
        let account = match self {
            Self::Account(id) => id.clone(),
            Self::Organization(id) => id.pool(token_type(&mut r)),
        };
        Some((TokenPack::read(&mut r), account))
    }

    /// The refusal if it does not exist.
    fn missing(&self) -> Denied {
        match self {
            Self::Account(_) => Denied::AccountNotFound,
            Self::Organization(_) => Denied::OrganizationNotFound,
        }
    }
}

/// `POST /v1/accounts/{accountId}/checkout-link`, `POST /v1/organizations/{organizationId}/checkout-link`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TokenCheckout {
    /// The pack.
    pub pack: String,
    /// The buyer, for the payment page.
    pub email: Option<Email>,
    /// Where the browser goes afterwards.
    pub redirect: Option<String>,
    /// The caller's operation id.
    pub operation_id: Option<String>,
}

impl Body for TokenCheckout {
    fn read(r: &mut Reader<'_>) -> Self {
        may_be_dry_run(r);
        Self {
            pack: r.text("packId", limits::NAME_CHARS_MAX),
            email: Email::optional(r, "customerEmail"),
            redirect: redirect::read(r, "redirectUrl"),
            operation_id: operation_id(r),
        }
    }

    fn keywords() -> Value {
        json!({"properties": {"redirectUrl": redirect::keywords()}})
    }
}

/// Decides an order of a pack. `state` is of the account that gets its tokens, `order` the order of an earlier call under the same operation
/// id.
pub fn decide(
    state: &AccountState,
    order: Option<&Order>,
    owner: &Owner,
    command: &TokenCheckout,
    key: &OrderKey,
    now: Timestamp,
) -> Result<Decision<Order>, Denied> {
    if let Some(order) = replay(order, key)? {
        return Ok(Decision::read(order));
    }
    redirect::allowed(&state.project, command.redirect.as_deref())?;
    let (pack, account) = owner.pack(&state.project, &command.pack).ok_or(Denied::TopUpNotAvailable)?;
    state.account.as_ref().filter(|found| found.id == account).ok_or_else(|| owner.missing())?;
    let (name, price) = (pack.name.clone(), pack_price(&pack.price));
    let order = Order {
        name,
        email: command.email.as_ref().map(|email| email.as_str().to_owned()).unwrap_or_default(),
        redirect: command.redirect.clone(),
        fingerprint: key.fingerprint.clone(),
        is_named: key.is_named,
        ..Order::new(key.id.clone(), state.project.id.clone(), OrderItem::Tokens { account, pack }, price, now)
    };
    Ok(Decision::write(vec![Write::SaveOrder { order: order.clone(), found: None }], order))
}
