//! The valid payments for a pack of tokens of an account, and what follows for its wallet. As for licenses, it is
//! computed from the order's payments alone, so that the provider's messages lead to the same result in any order.

use ltlm_protocol::Timestamp;
use serde_json::{Map, json};

use crate::domain::accounts::state::OpenAccount;
use crate::domain::store::fulfillment::{Fulfillment, unapplied};
use crate::domain::store::reversal_policy::{Rule, taken};
use crate::model::denied::Denied;
use crate::model::order::{Granted, Order, OrderState, Reason};
use crate::model::token_pack::TokenPack;
use crate::model::wallet::cause::Cause;
use crate::model::wallet::entry::Source;
use crate::model::wallet::grant::{CREDIT_PRIORITY, Grant, PURCHASE};
use crate::model::write::Write;

/// What tokens that were bought are for, in the ledger: as seed 003 calls it.
const BOUGHT: &str = "purchase";
/// What it calls taking them back.
const TAKEN_BACK: &str = "refund";

/// Adapts the order and the account's wallet to the valid payments. A pack is delivered as a whole, or not at all; a
/// partial refund takes its share.
pub(super) fn follow(
    state: &Fulfillment,
    pack: &TokenPack,
    order: Order,
    now: Timestamp,
) -> Result<(Order, Vec<Write>), Denied> {
    let has_ended = order.periods.ended_at().is_some();
    let Some(given) = order.given else {
        let is_held_back = order.periods.is_disputed() && pack.rules().on_dispute != Rule::Keep;
        if has_ended || is_held_back || order.periods.refunded_at().is_some() {
            return Ok((order, Vec::new()));
        }
        let Some(account) = state.account.as_ref().filter(|account| account.account.is_some()) else {
            return Ok((unapplied(order, Reason::Ended, now), Vec::new()));
        };
        let given = Granted { days: 0, tokens: pack.tokens, taken: 0 };
        // What went back before the payment was told was never there.
        let given = Granted { taken: taken(pack.rules().on_refund, &order, given), ..given };
        let writes = match given.tokens - given.taken {
            0 => Vec::new(),
            left => give(account.open(now)?, &order, pack, left, now)?,
        };
        return Ok((Order { given: Some(given), state: OrderState::Paid, ..order }, writes));
    };
    let Some(account) = state.account.as_ref().filter(|account| account.account.is_some()) else {
        return Ok((order, Vec::new()));
    };
    let taken = if has_ended { given.tokens } else { taken(pack.rules().on_refund, &order, given) };
    let writes = match taken - given.taken {
        0 => Vec::new(),
        more if more > 0 => take(account.open(now)?, &order, pack, more, now),
        less => give(account.open(now)?, &order, pack, -less, now)?,
    };
    Ok((Order { given: Some(Granted { taken, ..given }), ..order }, writes))
}

fn cause(order: &Order, pack: &TokenPack, action: &str, now: Timestamp) -> Cause {
    // By the order and how often it was changed: what was undone may be done again.
    let id = format!("order:{}:{}", order.id, order.revision);
    let meta = Map::from_iter([("orderId".to_owned(), json!(order.id)), ("packId".to_owned(), json!(pack.pack_id))]);
    Cause { meta: Some(meta), ..Cause::of_the_service(id, action, Source::Purchase, now) }
}

/// Tokens that were bought: they have no end, and a wallet accepts them however full it is.
pub(super) fn purchased(amount: i64, now: Timestamp) -> Grant {
    Grant {
        id: PURCHASE.to_owned(),
        amount,
        remaining: amount,
        priority: CREDIT_PRIORITY,
        expires_at: None,
        granted_at: now,
    }
}

/// Gives tokens.
fn give(open: OpenAccount, order: &Order, pack: &TokenPack, tokens: i64, now: Timestamp) -> Result<Vec<Write>, Denied> {
    let (moved, entries) = open.tokens.wallet.grant(purchased(tokens, now), cause(order, pack, BOUGHT, now), now)?;
    Ok(open.moved(moved, entries))
}

/// Takes tokens back: what is left of them, and what is spent becomes a debt.
fn take(open: OpenAccount, order: &Order, pack: &TokenPack, tokens: i64, now: Timestamp) -> Vec<Write> {
    let (moved, entries) = open.tokens.wallet.withdraw(PURCHASE, tokens, cause(order, pack, TAKEN_BACK, now), now);
    open.moved(moved, entries)
}
