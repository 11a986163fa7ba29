//! When an account's allocation is due, and what gives it.

use ltlm_protocol::Timestamp;
use serde_json::{Map, json};

use crate::domain::accounts::plan::Plan;
use crate::domain::accounts::plans::Plans;
use crate::model::account::Account;
use crate::model::wallet::Wallet;
use crate::model::wallet::cause::Cause;
use crate::model::wallet::entry::{Entry, Source};
use crate::model::wallet::grant::ALLOCATION;
use crate::model::wallet::schedule::Schedule;

/// What an allocation is for, in the ledger.
const ACTION: &str = "monthly_reset";

/// Most entries that a renewal writes: what may not stay, and the allocation.
const ENTRIES_OF_ONE: usize = 2;

/// The account's plan, if it gives tokens.
pub(super) fn plan<'a>(account: &Account, plans: &'a Plans) -> Option<&'a Plan> {
    plans.plan(&account.tier).filter(|plan| plan.tokens > 0)
}

/// When allocations of a plan come to the account. After the plan's end it is due what was due before.
fn schedule(account: &Account, plan: &Plan) -> Schedule {
    Schedule {
        anchor: account.anchor,
        length: plan.length,
        ends_at: account.tier_ends_at,
        anchor_on_renewal: plan.anchor_on_renewal,
    }
}

/// When the next allocation comes, if one comes.
pub fn next(account: &Account, plans: &Plans, wallet: &Wallet, now: Timestamp) -> Option<Timestamp> {
    schedule(account, plan(account, plans)?).next(wallet.period, now)
}

/// When the present period began, if the plan gives tokens.
pub fn began(account: &Account, plans: &Plans, wallet: &Wallet, now: Timestamp) -> Option<Timestamp> {
    schedule(account, plan(account, plans)?).began(wallet.period, now)
}

/// The wallet at `now`: what lapsed is gone, and the allocation that is due is given, by at most `most` entries, which are still to be
/// written. What lapsed before the period began goes before its allocation comes.
pub fn brought_up(
    account: &Account,
    plans: &Plans,
    wallet: &Wallet,
    now: Timestamp,
    most: usize,
) -> (Wallet, Vec<Entry>) {
    let due = plan(account, plans).and_then(|plan| Some((plan, schedule(account, plan).due(wallet.period, now)?)));
    let Some((plan, due)) = due else { return wallet.lapsed(now, now, most) };
    let (wallet, mut entries) = wallet.lapsed(due.began_at, now, most);
    if !wallet.is_settled(due.began_at) || most.saturating_sub(entries.len()) < ENTRIES_OF_ONE {
        return (wallet, entries);
    }
    let left = wallet.grants.iter().find(|grant| grant.id == ALLOCATION).map_or(0, |grant| grant.remaining);
    let (tokens, keep) = plan.carry_over.share(plan.tokens, left, due.periods);
    let mut meta = Map::from_iter([("tier".to_owned(), json!(account.tier))]);
    if plan.carry_over.catch_up_each && due.periods > 1 {
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
