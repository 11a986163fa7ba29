//! Allocations that come again each period. Periods are counted from the account's anchor in whole days of 24 hours, so they
//! do not drift. An allocation is given by whoever comes first in its period, once: its entry is named by the period, and the
//! wallet says which it had last. Who comes after several periods gets the latest one's.

use ltlm_protocol::Timestamp;

use super::Account;
use super::plans::{Plan, Plans};
use crate::domain::entry::{Entry, OperationId, OperationKey, Origin, Source};
use crate::domain::wallet::{Cause, Grant, PLAN_PRIORITY, Wallet};

/// Name of the grant that allocations add up in.
const ALLOCATION: &str = "allocation";
const DAY_MS: i64 = 86_400_000;

/// The allocation as a grant.
pub fn allocation(tokens: i64, now: Timestamp) -> Grant {
    Grant {
        id: ALLOCATION.to_owned(),
        amount: tokens,
        remaining: tokens,
        priority: PLAN_PRIORITY,
        expires_at: None,
        granted_at: now,
    }
}

fn length_ms(plan: &Plan) -> i64 {
    plan.period_days * DAY_MS
}

/// The period that `now` is in, from 0.
fn period(account: &Account, plan: &Plan, now: Timestamp) -> i64 {
    ((now.ms() - account.anchor.ms()) / length_ms(plan)).max(0)
}

fn start(account: &Account, plan: &Plan, period: i64) -> Timestamp {
    Timestamp::from_ms(account.anchor.ms().saturating_add(period.saturating_mul(length_ms(plan))))
}

/// When the wallet had its last allocation, if it ever had one.
pub fn last(account: &Account, plans: &Plans, wallet: &Wallet) -> Option<Timestamp> {
    let plan = plans.plan(&account.tier)?;
    wallet.period.map(|period| start(account, plan, period))
}

/// When the next allocation is due, if one comes.
pub fn next(account: &Account, plans: &Plans, now: Timestamp) -> Option<Timestamp> {
    let plan = plans.plan(&account.tier).filter(|plan| plan.tokens > 0)?;
    let next = start(account, plan, period(account, plan, now) + 1);
    Some(next).filter(|next| account.tier_ends_at.is_none_or(|end| *next < end))
}

/// The wallet as it stands at `now`: ended grants gone, and the allocation of the present period given if it was not. The
/// entries are still to be written.
pub fn brought_up(account: &Account, plans: &Plans, wallet: &Wallet, now: Timestamp) -> (Wallet, Vec<Entry>) {
    let (wallet, mut entries) = wallet.without_ended(now);
    let plan = plans.plan(&account.tier).filter(|plan| plan.tokens > 0);
    let Some(plan) = plan else { return (wallet, entries) };
    // After the plan's end it is the last period that began before it.
    let last_instant = account.tier_ends_at.map_or(now, |end| now.min(Timestamp::from_ms(end.ms() - 1)));
    let period = period(account, plan, last_instant);
    let begins = start(account, plan, period);
    let is_due = wallet.period.is_none_or(|had| had < period) && account.tier_ends_at.is_none_or(|end| begins < end);
    if !is_due {
        return (wallet, entries);
    }
    let cause = Cause {
        key: OperationKey {
            id: OperationId { origin: Origin::System, id: format!("renewal:{period}:{}", wallet.sequence + 1) },
            fingerprint: String::new(),
        },
        action: "monthly_reset".to_owned(),
        source: Source::Renewal,
        hwid: None,
        occurred_at: begins,
        meta: None,
    };
    // It grows the grant that is there, so there is always room for it.
    match wallet.grant(allocation(plan.tokens, now), cause, now) {
        Ok((renewed, given)) => {
            entries.extend(given);
            (Wallet { period: Some(period), ..renewed }, entries)
        }
        Err(_) => (wallet, entries),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::account::AccountId;
    use crate::domain::state::tests::{NOW, project};
    use crate::domain::wallet::WalletId;

    fn account(tier: &str, tier_ends_at: Option<Timestamp>) -> Account {
        let id = OperationId { origin: Origin::Admin, id: "c".into() };
        Account {
            id: AccountId { project_id: "prj_1".into(), name: "u".into() },
            tier: tier.into(),
            tier_ends_at,
            anchor: NOW,
            overdraft_limit: 0,
            created_at: NOW,
            created_by: OperationKey { id, fingerprint: "f".into() },
            revision: 0,
        }
    }

    fn wallet(period: Option<i64>) -> Wallet {
        Wallet { period, ..Wallet::empty(WalletId::Account(account("Gift", None).id)) }
    }

    fn at(account: &Account, wallet: &Wallet, days: i64, ms: i64) -> (Wallet, Vec<Entry>) {
        let now = Timestamp::from_ms(NOW.plus_days(days).ms() + ms);
        brought_up(account, &Plans::of(&project()), wallet, now)
    }

    #[test]
    fn an_allocation_comes_at_the_instant_and_once() {
        let gift = account("Gift", None);
        let had = wallet(Some(0));
        assert!(at(&gift, &had, 30, -1).1.is_empty());
        let (renewed, entries) = at(&gift, &had, 30, 0);
        assert_eq!((renewed.period, entries.len(), entries[0].amount), (Some(1), 1, 100));
        assert_eq!(entries[0].occurred_at, NOW.plus_days(30));
        assert!(at(&gift, &renewed, 30, 1).1.is_empty() && at(&gift, &renewed, 59, 0).1.is_empty());
        // Added to what is there, and counted from the anchor: no drift.
        let (later, entries) = at(&gift, &renewed, 65, 0);
        assert_eq!((later.balance(NOW.plus_days(65)), entries[0].occurred_at), (200, NOW.plus_days(60)));
    }

    #[test]
    fn who_was_away_for_long_gets_the_latest_period_only() {
        let (renewed, entries) = at(&account("Gift", None), &wallet(Some(0)), 365, 0);
        assert_eq!((renewed.period, entries.len(), renewed.balance(NOW.plus_days(365))), (Some(12), 1, 100));
    }

    #[test]
    fn a_plan_that_has_ended_gives_nothing_more() {
        let ends = |days: i64| account("Professional", Some(NOW.plus_days(days)));
        assert!(at(&ends(30), &wallet(Some(0)), 30, 0).1.is_empty(), "at its end it has ended");
        assert_eq!(at(&ends(31), &wallet(Some(0)), 30, 0).1[0].amount, 2_000);
        // What was due before the end is given to who comes after it.
        let late = at(&ends(31), &wallet(Some(0)), 100, 0).1;
        assert_eq!((late.len(), late[0].occurred_at), (1, NOW.plus_days(30)));
        assert_eq!(next(&ends(30), &Plans::of(&project()), NOW), None);
        assert_eq!(next(&ends(31), &Plans::of(&project()), NOW), Some(NOW.plus_days(30)));
        assert!(at(&account("No such plan", None), &wallet(None), 30, 0).1.is_empty());
    }
}
