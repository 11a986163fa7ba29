//! Packs of tokens for accounts and organizations: what a project sells (`settings.accounts.packs`, `settings.organizations.packs`),
//! and going to pay for one.

use ltlm_protocol::limits;
use ltlm_protocol::read::Reader;

use crate::domain::store::reversal_policy::{Rule, Rules};
use crate::model::policy::{packs, price};
use crate::model::token_pack::TokenPack;
use crate::model::token_type::TokenType;

/// What a refund or a dispute does to what a pack gave.
const FATES: &[&str] = &["takeBack", "keep"];

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

pub(super) fn token_type(r: &mut Reader<'_>) -> TokenType {
    TokenType::read(r, "tokenType").unwrap_or(TokenType::General)
}

impl TokenPack {
    pub(crate) fn read(r: &mut Reader<'_>) -> Self {
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

    /// What happens to its tokens when its payment is reversed. While a payment is disputed, its tokens are taken back;
    /// they return when the vendor has won.
    pub(super) fn rules(&self) -> Rules {
        let rule = |text: &Option<String>| if text.as_deref() == Some("keep") { Rule::Keep } else { Rule::TakeBack };
        Rules { on_refund: rule(&self.on_refund), on_dispute: rule(&self.on_dispute) }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::model::ids::AccountId;
    use crate::model::money::Money;
    use crate::model::order::{Order, OrderItem};
    use ltlm_protocol::Timestamp;
    use serde_json::Value;

    fn pack(id: &str) -> Value {
        json!({"packId": id, "name": "N", "tokens": 5, "price": {"amount": 1, "currency": "usd"}})
    }

    #[test]
    fn a_pack_that_names_another_is_refused() {
        let settings = json!({"packs": [pack("a"), pack("b"), pack("a")]});
        for check in [check_for_accounts, check_for_organizations] {
            let mut r = Reader::new(&settings).unwrap();
            check(&mut r);
            let problems = format!("{:?}", r.finish().unwrap_err());
            assert!(problems.contains("packs[2].packId") && !problems.contains("packs[1]"), "{problems}");
        }
    }

    #[test]
    fn orders_of_other_packs_for_other_accounts_are_not_taken_for_the_same() {
        let order = |pack_id: &str, name: &str| {
            let account = AccountId { project_id: "p".to_owned(), name: name.to_owned() };
            let pack = TokenPack::read(&mut Reader::new(&pack(pack_id)).unwrap());
            let price = Money { minor: 100, currency: "USD".to_owned() };
            Order::new(
                "o".to_owned(),
                "p".to_owned(),
                OrderItem::Tokens { account, pack },
                price,
                Timestamp::from_ms(0),
            )
        };
        assert_ne!(order("a b", "c").what(), order("a", "b c").what());
        assert_eq!(order("a", "b c").what(), order("a", "b c").what());
    }
}
