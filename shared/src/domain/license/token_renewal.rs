//! The tokens of a license that are granted again each period (wire 4.6 T-9): for a subscription by its interval, for
//! any other policy if it says so. A period counts only if it began before the license's end, so an unpaid period
//! grants nothing. Once the end is moved, the next call or the schedule grants what is due, whichever comes first.

use ltlm_protocol::Timestamp;

use crate::model::license::License;
use crate::model::policy::PolicyTerms;
use crate::model::policy_words::{Interval, PolicyKind};
use crate::model::wallet::Wallet;
use crate::model::wallet::cause::Cause;
use crate::model::wallet::entry::{Entry, Source};
use crate::model::wallet::grant::{CARRIED, PLAN};
use crate::model::wallet::period::Length;
use crate::model::wallet::schedule::{CarryOver, Due, Schedule};

/// How a license's tokens come again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TokenRenewal {
    /// How long a period is.
    length: Length,
    /// What stays of the allocation's tokens.
    carry_over: CarryOver,
}

impl TokenRenewal {
    /// What a policy says; `None` if its tokens are given once.
    pub fn of(terms: &PolicyTerms) -> Option<Self> {
        let text = |name: &str| terms.renewal.get(name).and_then(|value| value.as_str());
        let int = |name: &str| terms.renewal.get(name).and_then(ltlm_protocol::read::whole);
        let own = terms.recurring_interval.filter(|_| terms.kind == PolicyKind::Subscription);
        let (interval, count) = match text("period").and_then(Interval::parse) {
            Some(period) => (period, 1),
            None => (own?, terms.recurring_interval_count.unwrap_or(1)),
        };
        let length = match interval {
            Interval::Day => Length::Days(count),
            Interval::Week => Length::Days(7 * count),
            Interval::Month => Length::Months(count),
            Interval::Year => Length::Months(12 * count),
        };
        let keep = match text("mode") {
            Some("add") => None,
            Some("rollover") => Some(int("rolloverMax").unwrap_or(0)),
            _ => Some(0),
        };
        let catch_up_each = terms.renewal.get("catchUp").and_then(|value| value.as_bool()).unwrap_or(false);
        Some(Self { length, carry_over: CarryOver { keep, catch_up_each } })
    }

    /// Periods are counted from when the license was created. A period that begins at its end or later grants nothing.
    fn schedule(self, license: &License) -> Schedule {
        Schedule {
            anchor: license.created_at,
            length: self.length,
            ends_at: license.valid_until,
            anchor_on_renewal: false,
        }
    }

    /// When the next allocation is due, if the license lasts until then.
    pub fn next(self, license: &License, wallet: &Wallet, now: Timestamp) -> Option<Timestamp> {
        self.schedule(license).next(wallet.period, now)
    }

    /// The wallet with the allocation of `plan` tokens of the present period, if that was not given; the entries are still to
    /// be written. `wallet` is settled.
    pub fn brought_up(self, license: &License, wallet: Wallet, plan: i64, now: Timestamp) -> (Wallet, Vec<Entry>) {
        // The first allocation is the plan's grant itself.
        let last = wallet.period.unwrap_or(license.created_at);
        let due = self.schedule(license).due(Some(last), now).filter(|_| plan > 0);
        let Some(Due { began_at, periods }) = due else { return (wallet, Vec::new()) };
        let left = wallet.grants.iter().filter(|grant| grant.id == PLAN || grant.id == CARRIED);
        let left = left.map(|grant| grant.remaining).sum();
        let (tokens, keep) = self.carry_over.share(plan, left, periods);
        let cause = Cause::of_the_service(format!("renewal:{began_at}"), "renewal", Source::Renewal, began_at);
        wallet.refill(plan, tokens, keep, began_at, cause, now)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::license::state::tests::{NOW, license, policy};
    use crate::model::ids::WalletId;
    use crate::model::wallet::grant::{CREDIT_PRIORITY, Grant};
    use crate::model::wallet::tests::cause;
    use serde_json::json;

    fn monthly(renewal: serde_json::Value) -> TokenRenewal {
        let terms = PolicyTerms { renewal: renewal.as_object().cloned().unwrap(), ..policy().terms };
        TokenRenewal::of(&terms).unwrap()
    }

    fn used(consumed: i64) -> Wallet {
        let (wallet, _) = Wallet::empty(WalletId::License(license().id)).settled(100, NOW);
        let bought = Grant {
            id: "credit".into(),
            amount: 50,
            remaining: 50,
            priority: CREDIT_PRIORITY,
            expires_at: None,
            granted_at: NOW,
        };
        let (wallet, _) = wallet.grant(bought, cause("buy", Source::Admin), NOW).unwrap();
        wallet.spend(consumed, true, cause("use", Source::Batch), NOW).unwrap().0
    }

    fn endless() -> License {
        License { valid_until: None, created_at: NOW, ..license() }
    }

    /// What the license shows: consumed, bought, remaining.
    fn figures(wallet: &Wallet, now: Timestamp) -> (i64, i64, i64) {
        let bought = wallet.grants.iter().filter(|grant| grant.id == "credit").map(|grant| grant.amount).sum();
        (wallet.limit(now) - wallet.balance(now), bought, wallet.balance(now))
    }

    #[test]
    fn a77_a_renewal_carries_debts_and_unused_purchases_over_and_runs_once() {
        let end = NOW.plus_intervals("month", 1);
        for (consumed, expected) in [(120, (0, 30, 130)), (170, (20, 0, 80)), (30, (0, 50, 150)), (0, (0, 50, 150))] {
            let renewal = monthly(json!({}));
            let before = Timestamp::from_ms(end.ms() - 1);
            assert!(renewal.brought_up(&endless(), used(consumed), 100, before).1.is_empty());
            let (once, entries) = renewal.brought_up(&endless(), used(consumed), 100, end);
            assert_eq!(figures(&once, end), expected, "{consumed} consumed");
            assert_eq!(entries.last().unwrap().operation.id, format!("renewal:{end}"));
            let (twice, more) = renewal.brought_up(&endless(), once.clone(), 100, end.plus_days(5));
            assert_eq!((twice, more.len()), (once.clone(), 0));
            assert_eq!(once.settled(100, end), (once.clone(), Vec::new()), "the plan's grant is as large as the plan");
        }
    }

    #[test]
    fn what_is_left_stays_or_rolls_over_where_the_policy_says_so() {
        let end = NOW.plus_intervals("month", 1);
        let left = |renewal: serde_json::Value, months: i64| {
            let at = NOW.plus_intervals("month", months);
            let (wallet, _) = monthly(renewal).brought_up(&endless(), used(30), 100, at);
            (wallet.balance(at), wallet.settled(100, at).1.len())
        };
        assert_eq!(left(json!({"mode": "add"}), 1), (220, 0));
        assert_eq!(left(json!({"mode": "rollover", "rolloverMax": 10}), 1), (160, 0));
        assert_eq!(left(json!({"mode": "add", "catchUp": true}), 3), (420, 0));
        assert_eq!(left(json!({"mode": "add"}), 3), (220, 0));
        let weekly = monthly(json!({"period": "week"}));
        assert_eq!(weekly.next(&endless(), &used(0), NOW), Some(NOW.plus_days(7)));
        assert_eq!(monthly(json!({})).next(&endless(), &used(0), NOW), Some(end));
    }

    #[test]
    fn an_unpaid_period_gives_nothing_and_a_paid_one_does_when_the_end_is_moved_on() {
        let end = NOW.plus_intervals("month", 1);
        let renewal = monthly(json!({}));
        let unpaid = License { valid_until: Some(end), ..endless() };
        assert!(renewal.brought_up(&unpaid, used(120), 100, end.plus_days(3)).1.is_empty());
        assert_eq!(renewal.next(&unpaid, &used(120), NOW), None);
        let paid = License { valid_until: Some(end.plus_days(30)), ..endless() };
        assert_eq!(renewal.brought_up(&paid, used(120), 100, end.plus_days(3)).1.len(), 1);
        let perpetual = PolicyTerms { kind: PolicyKind::Perpetual, ..policy().terms };
        assert_eq!(TokenRenewal::of(&perpetual), None, "given once");
    }
}
