//! Notices: facts that follow from a change of the table alone, so that the same change, seen twice, gives the same
//! notice with the same id.

use ltlm_protocol::Timestamp;
use serde_json::{Value, json};

use crate::model::device::{Device, SeatClaim};
use crate::model::ids::{LicenseId, WalletId};
use crate::model::order::{Order, OrderState};
use crate::model::wallet::entry::{Entry, PastFloor, Source};

/// A notice.
#[derive(Clone, Debug, PartialEq)]
pub struct Notice {
    /// Identifies the notice: the same fact has the same id in each repetition.
    pub id: String,
    /// What happened.
    pub kind: &'static str,
    /// When.
    pub at: Timestamp,
    /// The facts.
    pub detail: Value,
}

/// A balance is low below this many percent of what was given; at it exactly it is not (contract/token-accounting.md,
/// section 4).
const LOW_PERCENT: i64 = 20;

/// Kinds of notices, each with what it means.
pub const KINDS: &[(&str, &str)] = &[
    ("tokens.changed", "an account's balance changed, by any movement: what caches of balances listen to"),
    ("tokens.low", "a balance fell below 20 % of what its live grants were worth"),
    ("tokens.exhausted", "a balance fell to zero or below"),
    ("tokens.overdrawn", "a balance fell below zero"),
    ("tokens.presumed", "a queued use was not charged: it is presumed to be one whose answer was lost"),
    (
        "tokens.uncharged",
        "a use of a batch was not charged: it would have overdrawn the license by more than a batch may",
    ),
    ("renewal.done", "an allocation was given"),
    ("license.activated", "a device was registered with a license"),
    ("seat.kicked", "a device lost its seat to somebody"),
    ("order.paid", "somebody paid for a license or a pack, and has it"),
    ("order.refused", "somebody who had a trial went for another, and has none"),
    ("order.refunded", "a payment went back, and what it bought was dealt with as the policy says"),
    ("order.disputed", "a payment is disputed at the buyer's bank"),
    ("order.unapplied", "a payment bought nothing: what was ordered had ended, or was paid already"),
];

fn kind(name: &str) -> &'static str {
    KINDS.iter().find(|(known, _)| *known == name).map_or("", |(known, _)| known)
}

/// The owner of a wallet: an account by its name, a license by its hash, because its key is a secret.
fn owner(wallet: &WalletId) -> Value {
    match wallet {
        WalletId::Account(account) => json!({"projectId": account.project_id, "accountId": account.name}),
        WalletId::License(license) => json!({"licenseHash": license.0}),
    }
}

/// The notices of a new ledger entry.
pub fn of_entry(entry: &Entry) -> Vec<Notice> {
    let (before, after) = (entry.balance_before, entry.balance_after);
    let is_low = |balance: i64, limit: i64| balance.saturating_mul(100) < limit.saturating_mul(LOW_PERCENT);
    let was_low = is_low(before, entry.limit_before.unwrap_or(entry.limit_after));
    let mut kinds = Vec::new();
    if matches!(entry.wallet, WalletId::Account(_)) && entry.amount != 0 {
        kinds.push("tokens.changed");
    }
    // Once per crossing: the entry that crosses tells.
    if after > 0 && is_low(after, entry.limit_after) && !was_low {
        kinds.push("tokens.low");
    }
    if after <= 0 && before > 0 {
        kinds.push("tokens.exhausted");
    }
    if after < 0 && before >= 0 {
        kinds.push("tokens.overdrawn");
    }
    if entry.source == Source::Renewal && entry.amount > 0 {
        kinds.push("renewal.done");
    }
    if entry.is_presumed {
        kinds.push("tokens.presumed");
    }
    if entry.past_floor == Some(PastFloor::First) {
        kinds.push("tokens.uncharged");
    }
    let notice = |name: &str| {
        let mut detail = owner(&entry.wallet);
        detail["sequence"] = json!(entry.sequence);
        detail["amount"] = json!(entry.amount);
        detail["balanceBefore"] = json!(before);
        detail["balanceAfter"] = json!(after);
        detail["operationType"] = json!(entry.action);
        if entry.is_presumed || entry.past_floor.is_some() {
            detail["hwid"] = json!(entry.hwid);
            detail["uncharged"] = json!(entry.uncharged);
        }
        Notice {
            id: format!("{} {} {name}", entry.wallet.text(), entry.sequence),
            kind: kind(name),
            at: entry.recorded_at,
            detail,
        }
    };
    kinds.into_iter().map(notice).collect()
}

/// The notices of a device's record that changed from `before` to `after`.
pub fn of_device(license: &LicenseId, before: Option<&Device>, after: &Device) -> Vec<Notice> {
    let is_new = before.is_none_or(|before| before.removed_at.is_some()) && after.removed_at.is_none();
    let was_kicked = before.is_some_and(|before| matches!(before.seat, SeatClaim::Kicked(_)));
    let notice = |name: &str, at: Timestamp, detail: Value| Notice {
        id: format!("license {} {} {} {name}", license.0, after.hwid, at.ms()),
        kind: kind(name),
        at,
        detail,
    };
    let mut notices = Vec::new();
    if is_new {
        let detail = json!({"licenseHash": license.0, "hwid": after.hwid, "nickname": after.nickname});
        notices.push(notice("license.activated", after.registered_at, detail));
    }
    if let SeatClaim::Kicked(why) = &after.seat
        && !was_kicked
    {
        let detail = json!({"licenseHash": license.0, "hwid": after.hwid, "notice": why});
        let at = Timestamp::parse(&why.timestamp).unwrap_or(after.seen_at);
        notices.push(notice("seat.kicked", at, detail));
    }
    notices
}

/// The notices of an order that changed from `before` to `after`.
pub fn of_order(before: Option<&Order>, after: &Order) -> Vec<Notice> {
    let name = match after.state {
        OrderState::Paid => Some("order.paid"),
        OrderState::Refused => Some("order.refused"),
        OrderState::Refunded => Some("order.refunded"),
        OrderState::Disputed => Some("order.disputed"),
        OrderState::Open | OrderState::Expired => None,
    };
    let mut detail = serde_json::to_value(after.data()).unwrap_or_default();
    detail["projectId"] = json!(after.project_id);
    let is_new = before.is_none_or(|before| before.state != after.state);
    let at = after.paid_at.unwrap_or(after.created_at);
    let changed = name.filter(|_| is_new).map(|name| {
        let id = format!("order {} {} {name}", after.id, after.revision);
        Notice { id, kind: kind(name), at, detail: detail.clone() }
    });
    let known = before.map_or(&[][..], |before| &before.remarks.unapplied);
    let unapplied = after.remarks.unapplied.iter().filter(|unapplied| !known.contains(unapplied)).map(|unapplied| {
        let mut detail = detail.clone();
        detail["payment"] = json!(unapplied.data());
        let id = format!("order {} unapplied {}", after.id, unapplied.payment);
        Notice { id, kind: kind("order.unapplied"), at: unapplied.at, detail }
    });
    changed.into_iter().chain(unapplied).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::license::state::tests::{NOW, device};
    use crate::model::wallet::Wallet;
    use crate::model::wallet::grant::Grant;
    use crate::model::wallet::tests::cause;

    #[test]
    fn a_balance_tells_once_when_it_crosses_a_line() {
        let mut wallet = Wallet::empty(WalletId::License(LicenseId("w".into())));
        let grant =
            Grant { id: "g".into(), amount: 100, remaining: 100, priority: 0, expires_at: None, granted_at: NOW };
        wallet = wallet.grant(grant, cause("g", Source::Credit), NOW).unwrap().0;
        let mut found = Vec::new();
        for (index, amount) in [80, 1, 9, 10, 5, 1].into_iter().enumerate() {
            let (moved, entries) = wallet.spend(amount, true, cause(&index.to_string(), Source::Debit), NOW).unwrap();
            wallet = moved;
            let notices = entries.iter().flat_map(of_entry).collect::<Vec<_>>();
            assert_eq!(notices, entries.iter().flat_map(of_entry).collect::<Vec<_>>(), "the same again");
            found.push(notices.into_iter().map(|notice| notice.kind).collect::<Vec<_>>());
        }
        // Exactly a fifth is not low.
        let expected: [&[&str]; 6] = [&[], &["tokens.low"], &[], &["tokens.exhausted"], &["tokens.overdrawn"], &[]];
        assert_eq!(found, expected);
    }

    #[test]
    fn a_device_tells_when_it_is_new_and_when_it_is_kicked() {
        let license = LicenseId("l".into());
        let kinds = |before: Option<&Device>, after: &Device| {
            of_device(&license, before, after).into_iter().map(|notice| notice.kind).collect::<Vec<_>>()
        };
        let plain = device("a");
        assert_eq!(kinds(None, &plain), ["license.activated"]);
        assert!(kinds(Some(&plain), &plain).is_empty());
        let removed = Device { removed_at: Some(NOW), ..plain.clone() };
        assert!(kinds(Some(&plain), &removed).is_empty());
        assert_eq!(kinds(Some(&removed), &plain), ["license.activated"]);
    }
}
