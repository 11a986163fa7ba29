//! Allocations that are granted each period. The first caller in a period causes the grant, once: the key of its entry
//! is the beginning of the period, and the wallet contains the period that it had last. Periods are identified by their
//! beginning, so a plan whose length changes neither grants twice nor skips.

use ltlm_protocol::Timestamp;
use ltlm_protocol::account_data::{Eligibility, Renewal};

use crate::domain::accounts::schedule::plan;
use crate::domain::accounts::state::{AccountState, OpenAccount};
use crate::domain::decision::Decision;
use crate::model::denied::Denied;
use crate::model::wallet::period::DAY_MS;

/// Could the account be renewed now, and if not, why? In the words of seed 003.
pub fn eligibility(state: &AccountState, now: Timestamp) -> Result<Eligibility, Denied> {
    let OpenAccount { account, plans, tokens, .. } = state.open(now)?;
    let is_due = tokens.allocations().next().is_some();
    let next = tokens.due_at;
    let days = next.map(|next| (next.ms() - now.ms() + DAY_MS - 1).div_euclid(DAY_MS));
    let reason = match (is_due, next) {
        (true, _) => None,
        (false, _) if account.tier_ends_at.is_some_and(|end| end <= now) => Some("Subscription expired".to_owned()),
        (false, Some(_)) => Some(format!("Next renewal in {} days", days.unwrap_or(0))),
        (false, None) if plan(&account, &plans).is_none() => Some("The plan gives no tokens".to_owned()),
        (false, None) => Some("Subscription ends before the next renewal".to_owned()),
    };
    let last = state.wallet.as_ref().and_then(|wallet| wallet.period);
    Ok(Eligibility {
        account_id: account.id.name.clone(),
        eligible: is_due,
        reason,
        tier: account.tier.clone(),
        days_until_renewal: days.filter(|_| !is_due),
        next_renewal_date: next.filter(|_| !is_due).map(|at| at.to_string()),
        last_renewal_at: last.map(|at| at.to_string()),
    })
}

/// Decides a renewal, if the account is on the plan `tier` where one is named: writes what is due, and what has lapsed. Sent twice it finds
/// nothing due the second time: the period is its id.
pub fn decide(state: &AccountState, tier: Option<&str>, now: Timestamp) -> Result<Decision<Renewal>, Denied> {
    let open = state.open(now)?;
    let mut eligibility = eligibility(state, now)?;
    let is_on_another = tier.is_some_and(|tier| tier != eligibility.tier);
    if is_on_another {
        eligibility = Eligibility { eligible: false, reason: Some("On another plan".to_owned()), ..eligibility };
    }
    let given = open.tokens.allocations().filter(|_| eligibility.eligible);
    let added = given.map(|entry| entry.amount).sum();
    let previous = state.wallet.as_ref().map_or(0, |wallet| wallet.without_ended(now).0.balance(now));
    let balance = if eligibility.eligible { open.tokens.wallet.balance(now) } else { previous };
    let reply = Renewal {
        account_id: eligibility.account_id,
        success: eligibility.eligible,
        tier: eligibility.tier,
        tokens_added: added,
        previous_balance: previous,
        new_balance: balance,
        last_renewal_at: open.tokens.wallet.period.map(|at| at.to_string()),
        next_renewal_at: open.tokens.due_at.map(|at| at.to_string()),
        error: eligibility.reason,
        dry_run: None,
    };
    // The index nominates by ends too: what has lapsed is settled, and what it nominated in vain it forgets.
    let is_stale = state.wallet.as_ref().is_some_and(|wallet| wallet.is_nominated(now));
    if is_on_another || (!reply.success && open.tokens.entries.is_empty() && !is_stale) {
        return Ok(Decision::read(reply));
    }
    Ok(Decision::write(open.tokens.settled(), reply))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::accounts::plans::Plans;
    use crate::domain::accounts::schedule::{brought_up, next};
    use crate::domain::license::state::tests::{NOW, project};
    use crate::model::account::Account;
    use crate::model::ids::{AccountId, OperationId, OperationKey, Origin, WalletId};
    use crate::model::project::Project;
    use crate::model::wallet::Wallet;
    use crate::model::wallet::cause::Cause;
    use crate::model::wallet::entry::{Entry, Source};
    use serde_json::{Map, json};

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
            paid: std::collections::BTreeMap::new(),
            revision: 0,
        }
    }

    fn plans() -> Plans {
        let settings = json!({"accounts": {"plans": {
            "Set": {"tokens": 100, "mode": "set"},
            "Roll": {"tokens": 100, "mode": "rollover", "rolloverMax": 30},
            "RollEach": {"tokens": 100, "mode": "rollover", "rolloverMax": 250, "catchUp": "each"},
            "Each": {"tokens": 100, "catchUp": "each"},
            "Drift": {"tokens": 100, "anchor": "onRenewal"},
            "Monthly": {"tokens": 100, "periodMonths": 1},
            "Week": {"tokens": 100, "periodDays": 7},
        }}});
        Plans::of(&Project { settings: settings.as_object().cloned().unwrap(), ..project() })
    }

    /// A wallet whose last allocation came at the anchor, with so many tokens of it left.
    fn wallet(left: i64) -> Wallet {
        let empty = Wallet::empty(WalletId::Account(account("Gift", None).id));
        let cause = Cause::of_the_service("opening".into(), "opening", Source::Renewal, NOW);
        empty.allot(left, None, NOW, cause, NOW).0
    }

    fn at(account: &Account, wallet: &Wallet, days: i64, ms: i64) -> (Wallet, Vec<Entry>) {
        let now = Timestamp::from_ms(NOW.plus_days(days).ms() + ms);
        brought_up(account, &plans(), wallet, now, usize::MAX)
    }

    fn balance(wallet: &Wallet) -> i64 {
        wallet.balance(NOW)
    }

    #[test]
    fn an_allocation_comes_at_the_instant_and_once() {
        let gift = account("Gift", None);
        let had = wallet(0);
        assert!(at(&gift, &had, 30, -1).1.is_empty());
        let (renewed, entries) = at(&gift, &had, 30, 0);
        assert_eq!((renewed.period, entries.len(), entries[0].amount), (Some(NOW.plus_days(30)), 1, 100));
        assert_eq!(entries[0].occurred_at, NOW.plus_days(30));
        assert!(at(&gift, &renewed, 30, 1).1.is_empty() && at(&gift, &renewed, 59, 0).1.is_empty());
        // Added to what is there, and counted from the anchor: no drift.
        let (later, entries) = at(&gift, &renewed, 65, 0);
        assert_eq!((balance(&later), entries[0].occurred_at), (200, NOW.plus_days(60)));
    }

    #[test]
    fn what_is_left_is_added_to_or_lapses_or_rolls_over() {
        let renewed = |tier: &str, left: i64, days: i64| {
            let (renewed, entries) = at(&account(tier, None), &wallet(left), days, 0);
            (balance(&renewed), entries.iter().map(|entry| entry.amount).collect::<Vec<_>>())
        };
        assert_eq!(renewed("Gift", 70, 30), (170, vec![100]));
        assert_eq!(renewed("Set", 70, 30), (100, vec![-70, 100]));
        assert_eq!(renewed("Roll", 70, 30), (130, vec![-40, 100]));
        assert_eq!(renewed("Roll", 20, 30), (120, vec![100]));
    }

    #[test]
    fn who_was_away_gets_the_latest_period_or_each_as_the_plan_says() {
        let renewed = |tier: &str, days: i64| {
            let (renewed, entries) = at(&account(tier, None), &wallet(10), days, 0);
            (balance(&renewed), entries.len(), renewed.period)
        };
        assert_eq!(renewed("Gift", 365), (110, 1, Some(NOW.plus_days(360))));
        assert_eq!(renewed("Each", 365), (1_210, 1, Some(NOW.plus_days(360))));
        // 10 + 100, + 100, + 100 is 310; of that 250 stay: 350, then 350 for ever.
        assert_eq!(renewed("RollEach", 90).0, 310);
        assert_eq!(renewed("RollEach", 120).0, 350);
        assert_eq!(renewed("RollEach", 36_000).0, 350);
    }

    #[test]
    fn a_period_may_begin_when_the_allocation_is_given() {
        let drift = account("Drift", None);
        assert!(at(&drift, &wallet(0), 29, 0).1.is_empty());
        let (renewed, _) = at(&drift, &wallet(0), 40, 0);
        assert_eq!(next(&drift, &plans(), &renewed, NOW.plus_days(40)), Some(NOW.plus_days(70)));
        assert!(at(&drift, &renewed, 69, 0).1.is_empty());
        assert_eq!(at(&drift, &renewed, 70, 0).1.len(), 1);
    }

    #[test]
    fn a_plan_whose_length_changes_neither_gives_twice_nor_skips() {
        let (renewed, _) = at(&account("Gift", None), &wallet(0), 30, 0);
        assert!(at(&account("Week", None), &renewed, 30, 1).1.is_empty(), "period 4 of 7 days began on day 28");
        assert_eq!(at(&account("Week", None), &renewed, 35, 0).1.len(), 1);
        let (weekly, _) = at(&account("Week", None), &wallet(0), 21, 0);
        assert!(at(&account("Gift", None), &weekly, 29, 0).1.is_empty());
        assert_eq!(at(&account("Gift", None), &weekly, 30, 0).1.len(), 1);
        let monthly = account("Monthly", None);
        let due = next(&monthly, &plans(), &wallet(0), NOW).unwrap();
        assert_eq!(due, NOW.plus_intervals("month", 1));
    }

    #[test]
    fn a_plan_that_has_ended_gives_nothing_more() {
        let ends = |days: i64| account("Professional", Some(NOW.plus_days(days)));
        assert!(at(&ends(30), &wallet(0), 30, 0).1.is_empty(), "at its end it has ended");
        assert_eq!(at(&ends(31), &wallet(0), 30, 0).1[0].amount, 2_000);
        // What was due before the end is given to who comes after it.
        let late = at(&ends(31), &wallet(0), 100, 0).1;
        assert_eq!((late.len(), late[0].occurred_at), (1, NOW.plus_days(30)));
        assert_eq!(next(&ends(30), &plans(), &wallet(0), NOW), None);
        assert_eq!(next(&ends(31), &plans(), &wallet(0), NOW), Some(NOW.plus_days(30)));
        assert!(at(&account("No such plan", None), &wallet(0), 30, 0).1.is_empty());
    }

    #[test]
    fn a_wallet_is_told_why_nothing_is_due_in_the_words_of_the_seed() {
        let answer = |tier: &str, ends: Option<i64>, days: i64, ms: i64| {
            let account = account(tier, ends.map(|days| NOW.plus_days(days)));
            let project = Project { settings: Map::new(), ..project() };
            let state = AccountState::new(project, Some(account), Some(wallet(0)));
            let answer = eligibility(&state, Timestamp::from_ms(NOW.plus_days(days).ms() + ms)).unwrap();
            (answer.eligible, answer.reason.unwrap_or_default(), answer.days_until_renewal)
        };
        assert_eq!(answer("Gift", None, 30, 0), (true, String::new(), None));
        assert_eq!(answer("Gift", None, 29, 82_800_000), (false, "Next renewal in 1 days".into(), Some(1)));
        assert_eq!(answer("Gift", None, 5, 0), (false, "Next renewal in 25 days".into(), Some(25)));
        assert_eq!(answer("Professional", Some(10), 10, 0).1, "Subscription expired");
        assert_eq!(answer("Professional", Some(10), 10, -1).1, "Subscription ends before the next renewal");
    }
}
