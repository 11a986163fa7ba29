//! When an allocation is due, and how much of it.

use ltlm_protocol::Timestamp;
use serde_json::{Map, json};

use crate::domain::accounts::plan::Plan;
use crate::domain::accounts::plans::Plans;
use crate::model::account::Account;
use crate::model::wallet::Wallet;
use crate::model::wallet::cause::Cause;
use crate::model::wallet::entry::{Entry, Source};
use crate::model::wallet::grant::{ALLOCATION, Keep};

pub(crate) const DAY_MS: i64 = 86_400_000;

/// What an allocation is for, in the ledger.
pub(crate) const ACTION: &str = "monthly_reset";

/// Most entries that a renewal writes: what may not stay, and the allocation.
pub(crate) const ENTRIES_OF_ONE: usize = 2;

/// What is due to a wallet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Due {
    /// When the period began.
    began_at: Timestamp,
    /// Periods that have begun since the last allocation, this one included.
    periods: i64,
}

pub(crate) fn plan<'a>(account: &Account, plans: &'a Plans) -> Option<&'a Plan> {
    plans.plan(&account.tier).filter(|plan| plan.tokens > 0)
}

/// What is due at `now`. After the plan's end it is what was due before.
pub(crate) fn due(account: &Account, plan: &Plan, wallet: &Wallet, now: Timestamp) -> Option<Due> {
    let now = account.tier_ends_at.map_or(now, |end| now.min(Timestamp::from_ms(end.ms() - 1)));
    if now < account.anchor {
        return None;
    }
    let last = wallet.period.unwrap_or(account.anchor);
    if plan.anchor_on_renewal {
        let periods = plan.length.index(last, now);
        return (periods > 0).then_some(Due { began_at: now, periods });
    }
    let index = plan.length.index(account.anchor, now);
    let began_at = plan.length.start(account.anchor, index);
    let is_due = wallet.period.is_none_or(|last| last < began_at);
    let periods = (index - plan.length.index(account.anchor, last)).max(1);
    is_due.then_some(Due { began_at, periods })
}

/// When the next allocation is due, if one comes, to a wallet that is brought up to `now`.
pub fn next(account: &Account, plans: &Plans, wallet: &Wallet, now: Timestamp) -> Option<Timestamp> {
    let plan = plan(account, plans)?;
    let last = wallet.period.unwrap_or(account.anchor);
    let next = match plan.anchor_on_renewal {
        true => plan.length.start(last, 1),
        false => plan.length.start(account.anchor, plan.length.index(account.anchor, now.max(last)) + 1),
    };
    Some(next).filter(|next| account.tier_ends_at.is_none_or(|end| *next < end))
}

/// When the period began whose allocation the account had last of its plan, which is brought up to `now`.
pub fn began(account: &Account, plans: &Plans, wallet: &Wallet, now: Timestamp) -> Option<Timestamp> {
    let plan = plan(account, plans)?;
    if plan.anchor_on_renewal {
        return wallet.period;
    }
    let now = account.tier_ends_at.map_or(now, |end| now.min(Timestamp::from_ms(end.ms() - 1)));
    Some(plan.length.start(account.anchor, plan.length.index(account.anchor, now)))
}

/// How many tokens come, and how many of those that are left may stay.
pub(crate) fn share(plan: &Plan, left: i64, periods: i64) -> (i64, Option<Keep>) {
    let periods = if plan.catch_up_each { periods } else { 1 };
    let Some(max) = plan.keep else { return (plan.tokens.saturating_mul(periods), None) };
    let kept = left.min(max).max(0);
    let mut there = kept.saturating_add(plan.tokens);
    let mut reached = kept;
    // Period by period, as if somebody had come in each; it comes to rest soon.
    for _ in 1..periods {
        reached = there.min(max);
        let next = reached.saturating_add(plan.tokens);
        if next == there {
            break;
        }
        there = next;
    }
    (there - kept, Some(Keep { most: max, reached }))
}

/// The wallet as it stands at `now`: what has lapsed gone, and what is due given, in order of time, as far as `most` entries say
/// it. The entries are still to be written.
pub fn brought_up(
    account: &Account,
    plans: &Plans,
    wallet: &Wallet,
    now: Timestamp,
    most: usize,
) -> (Wallet, Vec<Entry>) {
    let due = plan(account, plans).and_then(|plan| Some((plan, due(account, plan, wallet, now)?)));
    let Some((plan, due)) = due else { return wallet.lapsed(now, now, most) };
    let (wallet, mut entries) = wallet.lapsed(due.began_at, now, most);
    if !wallet.is_settled(due.began_at) || most.saturating_sub(entries.len()) < ENTRIES_OF_ONE {
        return (wallet, entries);
    }
    let left = wallet.grants.iter().find(|grant| grant.id == ALLOCATION).map_or(0, |grant| grant.remaining);
    let (tokens, keep) = share(plan, left, due.periods);
    let mut meta = Map::from_iter([("tier".to_owned(), json!(account.tier))]);
    if plan.catch_up_each && due.periods > 1 {
        meta.insert("periods".to_owned(), json!(due.periods));
    }
    let cause = Cause::of_the_service(format!("renewal:{}", due.began_at), ACTION, Source::Renewal, due.began_at);
    let cause = Cause { meta: Some(meta), ..cause };
    let (renewed, given) = wallet.allot(tokens, keep, due.began_at, cause, now);
    entries.extend(given);
    let (settled, since) = renewed.lapsed(now, now, most - entries.len());
    entries.extend(since);
    (settled, entries)
}
