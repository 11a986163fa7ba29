//! Packs of tokens for accounts and organizations: what a project sells (`settings.accounts.packs`, `settings.organizations.packs`),
//! and going to pay for one.

use ltlm_protocol::license_data::Price;
use ltlm_protocol::read::{Problems, Reader};
use ltlm_protocol::request::operation_id;
use ltlm_protocol::{Timestamp, limits};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::catalog::pack_price;
use super::checkout::{OrderKey, replay};
use super::email::Email;
use super::order::{Goods, Order};
use super::redirect;
use super::rule::{Rule, Rules};
use crate::domain::account::{AccountId, AccountState, reader};
use crate::domain::organization::OrganizationId;
use crate::domain::organization::features::TokenType;
use crate::domain::policy::{packs, price};
use crate::domain::project::Project;
use crate::domain::write::Decision;
use crate::domain::{Denied, Write};

/// What a refund or a dispute does to what a pack gave.
const FATES: &[&str] = &["takeBack", "keep"];

/// A pack as it was when it was ordered: that is what is paid for, and by its rules it is taken back.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct TokenPack {
    /// Its id.
    pub pack_id: String,
    /// Its name, as the payment page shows it.
    pub name: String,
    /// Tokens that it gives, at least 1.
    pub tokens: i64,
    /// What it costs, more than nothing.
    pub price: Price,
    /// What a refund does: `takeBack` (default) or `keep`.
    pub on_refund: Option<String>,
    /// What a dispute does: `takeBack` (default) or `keep`.
    pub on_dispute: Option<String>,
}

/// Notes every mistake of the packs of accounts.
pub fn check_for_accounts(r: &mut Reader<'_>) {
    packs(r, "packs", TokenPack::read, |pack| &pack.pack_id);
}

/// Notes every mistake of the packs of organizations: each says which pool it is for.
pub fn check_for_organizations(r: &mut Reader<'_>) {
    let read = |pack: &mut Reader<'_>| {
        token_type(pack);
        TokenPack::read(pack)
    };
    packs(r, "packs", read, |pack| &pack.pack_id);
}

fn token_type(r: &mut Reader<'_>) -> TokenType {
    TokenType::read(r, "tokenType").unwrap_or(TokenType::General)
}

impl TokenPack {
    fn read(r: &mut Reader<'_>) -> Self {
        r.require("price");
        Self {
            pack_id: r.name("packId", limits::NAME_CHARS_MAX),
            name: r.name("name", limits::NAME_CHARS_MAX),
            tokens: r.int("tokens", 1, limits::AMOUNT_MAX),
            price: price(r, "price", true),
            on_refund: r.word_opt("onRefund", FATES).map(str::to_owned),
            on_dispute: r.word_opt("onDispute", FATES).map(str::to_owned),
        }
    }

    /// What is done with its tokens when its payment does not stay. While a payment is disputed, its tokens are taken back; they come again
    /// when the vendor has won.
    pub(super) fn rules(&self) -> Rules {
        let rule = |text: &Option<String>| if text.as_deref() == Some("keep") { Rule::Keep } else { Rule::TakeBack };
        Rules { on_refund: rule(&self.on_refund), on_dispute: rule(&self.on_dispute) }
    }
}

/// For whom tokens are bought.
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

    /// What is told where it is not there.
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
    /// Who buys, for the payment page.
    pub email: Option<Email>,
    /// Where the browser goes afterwards.
    pub redirect: Option<String>,
    /// The caller's operation id.
    pub operation_id: Option<String>,
}

impl TokenCheckout {
    /// Parses the body.
    pub fn parse(body: &Value) -> Result<Self, Problems> {
        let mut r = reader(body)?;
        let parsed = Self {
            pack: r.text("packId", limits::NAME_CHARS_MAX),
            email: Email::optional(&mut r, "customerEmail"),
            redirect: redirect::read(&mut r, "redirectUrl"),
            operation_id: operation_id(&mut r),
        };
        r.finish().map(|()| parsed)
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
        ..Order::new(key.id.clone(), state.project.id.clone(), Goods::Tokens { account, pack }, price, now)
    };
    Ok(Decision::write(vec![Write::SaveOrder { order: order.clone(), found: None }], order))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::domain::store::money::Money;

    fn pack(id: &str) -> Value {
        json!({"packId": id, "name": "N", "tokens": 5, "price": {"amount": 1, "currency": "usd"}})
    }

    #[test]
    fn a_pack_that_names_another_is_refused() {
        let settings = json!({"packs": [pack("a"), pack("b"), pack("a")]});
        for check in [check_for_accounts, check_for_organizations] {
            let mut r = Reader::new(&settings).unwrap();
            check(&mut r);
            let told = format!("{:?}", r.finish().unwrap_err());
            assert!(told.contains("packs[2].packId") && !told.contains("packs[1]"), "{told}");
        }
    }

    #[test]
    fn orders_of_other_packs_for_other_accounts_are_not_taken_for_the_same() {
        let order = |pack_id: &str, name: &str| {
            let account = AccountId { project_id: "p".to_owned(), name: name.to_owned() };
            let pack = TokenPack::read(&mut Reader::new(&pack(pack_id)).unwrap());
            let price = Money { minor: 100, currency: "USD".to_owned() };
            Order::new("o".to_owned(), "p".to_owned(), Goods::Tokens { account, pack }, price, Timestamp::from_ms(0))
        };
        assert_ne!(order("a b", "c").what(), order("a", "b c").what());
        assert_eq!(order("a", "b c").what(), order("a", "b c").what());
    }
}
