//! A wallet: grants, a debt, and what they add up to.
//!
//! Balance = what is left of live grants − debt. Tokens burn by priority, then soonest end, then age. Credits repay the
//! debt first. Every change carries the next sequence number, so entries have no gaps and two writers cannot both win.

pub mod cause;
pub mod draw;
pub mod due;
pub mod entry;
pub mod grant;
pub mod hold;
pub mod lapse;
pub mod open;
pub mod period;
pub mod rollup;
pub mod schedule;
#[cfg(test)]
pub(crate) mod tests;
pub mod verification;

use ltlm_protocol::{Timestamp, limits};

use crate::model::denied::Denied;
use crate::model::ids::{Link, WalletId};
use crate::model::wallet::cause::Cause;
use crate::model::wallet::entry::{Entry, Source};
use crate::model::wallet::grant::{
    ALLOCATION, CARRIED, CREDIT_PRIORITY, Grant, Headroom, Hold, Keep, PLAN, PLAN_PRIORITY, Piece,
};

/// A wallet's record.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Wallet {
    /// Whose.
    pub id: WalletId,
    /// What was given and has not ended.
    pub grants: Vec<Grant>,
    /// Spent beyond all grants.
    pub debt: i64,
    /// Entries so far.
    pub sequence: i64,
    /// Spent in all its life, less what was refunded.
    pub spent: i64,
    /// When the period began whose allocation it had last, if allocations come to it.
    pub period: Option<Timestamp>,
    /// What it had spent in all its life when that period began.
    pub spent_before: i64,
    /// When the next allocation is due, or something lapses, for the schedule to find it. It nominates; what is there decides.
    pub due_at: Option<Timestamp>,
    /// Tokens set aside.
    pub holds: Vec<Hold>,
    /// How much more could have stayed at the renewals since the oldest hold was created, the oldest first.
    pub rooms: Vec<Headroom>,
    /// Hash of the last entry, that the next one is linked to; zeros before the first.
    pub head: Link,
    /// When the last entry was written.
    pub moved_at: Timestamp,
    /// An account's: the revision of the account's record at the last movement. Each change of the record moves the wallet, so whoever
    /// knows the wallet as it is knows which revision of the record is the present one. `None`: not known, or a license's.
    pub account_revision: Option<i64>,
}

impl Wallet {
    /// A wallet without a history.
    pub fn empty(id: WalletId) -> Self {
        Self {
            id,
            grants: Vec::new(),
            debt: 0,
            sequence: 0,
            spent: 0,
            period: None,
            spent_before: 0,
            due_at: None,
            holds: Vec::new(),
            rooms: Vec::new(),
            head: Link::default(),
            moved_at: Timestamp::EPOCH,
            account_revision: None,
        }
    }

    /// Does the index nominate it to the schedule at `now`?
    pub fn is_nominated(&self, now: Timestamp) -> bool {
        self.due_at.is_some_and(|due| due <= now)
    }

    /// What can be spent at `now`; below zero if overdrawn.
    pub fn balance(&self, now: Timestamp) -> i64 {
        self.live(now).fold(0_i64, |sum, grant| sum.saturating_add(grant.remaining)).saturating_sub(self.debt)
    }

    /// What the live grants were worth when they were given.
    pub fn limit(&self, now: Timestamp) -> i64 {
        self.live(now).fold(0_i64, |sum, grant| sum.saturating_add(grant.amount))
    }

    /// What the ledger adds up to: live or not, as long as no entry says that a grant ended.
    pub fn booked(&self) -> i64 {
        self.grants.iter().fold(0_i64, |sum, grant| sum.saturating_add(grant.remaining)).saturating_sub(self.debt)
    }

    fn live(&self, now: Timestamp) -> impl Iterator<Item = &Grant> {
        self.grants.iter().filter(move |grant| grant.is_live(now))
    }

    /// The wallet at `now` if the plan's allocation is `plan`: what has ended is removed, and the plan's grant is as
    /// large as the policy and the license's overrides say now. The entries are yet to be written, with the next
    /// movement.
    pub fn settled(&self, plan: i64, now: Timestamp) -> (Self, Vec<Entry>) {
        let (mut after, mut entries) = self.without_ended(now);
        after.follow(plan, now, &mut entries);
        (after, entries)
    }

    /// Sets the size of the plan's grant to `plan`. Additional tokens repay the debt first; a reduction beyond the rest
    /// of the grant becomes debt, so that the balance changes by exactly the difference.
    fn follow(&mut self, plan: i64, now: Timestamp, entries: &mut Vec<Entry>) {
        let before = self.booked();
        let place = self.grants.iter().position(|grant| grant.id == PLAN && grant.expires_at.is_none());
        let mut grant = match place {
            Some(place) => self.grants.remove(place),
            None => Grant {
                id: PLAN.to_owned(),
                amount: 0,
                remaining: 0,
                priority: PLAN_PRIORITY,
                expires_at: None,
                granted_at: now,
            },
        };
        let change = plan - grant.amount;
        let repaid = self.debt.min(change.max(0));
        let taken = grant.remaining.min((-change).max(0));
        self.debt += (-change).max(0) - taken - repaid;
        grant.remaining += change.max(0) - repaid - taken;
        grant.amount = plan;
        if grant.amount > 0 {
            self.grants.insert(place.unwrap_or(self.grants.len()), grant);
        }
        if change != 0 {
            let id = format!("{PLAN}:{}", self.sequence + 1);
            let cause = Cause::of_the_service(id, PLAN, Source::Plan, now);
            entries.push(self.record(change, before, cause, now));
        }
    }

    /// Notes a use that nothing is charged for.
    pub fn note(&self, uncharged: i64, cause: Cause, now: Timestamp) -> (Self, Entry) {
        let mut after = self.clone();
        let before = after.booked();
        let entry = after.entry(0, before, cause, Some(uncharged), now);
        (after, entry)
    }

    /// The entry of a movement that was just applied, under the next sequence number.
    fn record(&mut self, amount: i64, before: i64, cause: Cause, now: Timestamp) -> Entry {
        self.entry(amount, before, cause, None, now)
    }

    fn entry(&mut self, amount: i64, before: i64, cause: Cause, uncharged: Option<i64>, now: Timestamp) -> Entry {
        self.sequence += 1;
        // The clocks of two processes differ a little. The ledger is in order of time all the same: it is searched by it.
        self.moved_at = self.moved_at.max(now);
        let entry = Entry {
            wallet: self.id.clone(),
            operation: cause.key.id,
            fingerprint: cause.key.fingerprint,
            sequence: self.sequence,
            amount,
            balance_before: before,
            balance_after: before.saturating_add(amount),
            limit_after: self.limit(now),
            action: cause.action,
            source: cause.source,
            hwid: cause.hwid,
            usage_sequence: cause.usage_sequence,
            occurred_at: cause.occurred_at,
            recorded_at: self.moved_at,
            meta: cause.meta,
            erased: None,
            batch: cause.batch,
            uncharged,
            is_presumed: false,
            past_floor: None,
            spent_after: matches!(self.id, WalletId::Account(_)).then_some(self.spent),
            original: cause.original,
            refunded: 0,
            drawn: Vec::new(),
            lapsed: 0,
            limit_before: None,
            previous: self.head,
        };
        self.head = entry.link();
        entry
    }

    /// Repays the debt with these tokens, as far as they go; what is left of them.
    fn repay(&mut self, amount: i64) -> i64 {
        let repaid = self.debt.min(amount);
        self.debt -= repaid;
        amount - repaid
    }

    /// Merges a grant into an equal one, or adds it.
    fn put(&mut self, grant: Grant) {
        match self.grants.iter_mut().find(|kept| kept.is_like(&grant)) {
            Some(kept) => {
                kept.amount = kept.amount.saturating_add(grant.amount);
                kept.remaining = kept.remaining.saturating_add(grant.remaining);
            }
            None => self.grants.push(grant),
        }
    }

    /// Sets the balance. Tokens that this removes were not spent.
    pub fn reset(&self, balance: i64, cause: Cause, now: Timestamp) -> (Self, Vec<Entry>) {
        let (mut after, mut entries) = self.without_ended(now);
        let before = after.booked();
        let change = balance.saturating_sub(before);
        if change < 0 {
            after.burn(change.saturating_neg());
        } else {
            let amount = after.repay(change);
            let given = Grant {
                id: "reset".to_owned(),
                amount,
                remaining: amount,
                priority: CREDIT_PRIORITY,
                expires_at: None,
                granted_at: now,
            };
            if amount > 0 {
                after.put(given);
            }
        }
        let entry = after.record(change, before, cause, now);
        entries.push(entry);
        (after, entries)
    }

    /// Spends `amount` (above 0). Without `overdraw` it must be there. The entries end with the movement's own.
    pub fn spend(
        &self,
        amount: i64,
        overdraw: bool,
        cause: Cause,
        now: Timestamp,
    ) -> Result<(Self, Vec<Entry>), Denied> {
        let balance = self.balance(now);
        if !overdraw && balance < amount {
            return Err(Denied::InsufficientTokens { required: amount, balance });
        }
        let (mut after, mut entries) = self.without_ended(now);
        let before = after.booked();
        let pieces = after.burn(amount);
        after.spent = after.spent.saturating_add(amount);
        let entry = after.record(-amount, before, cause, now);
        // Only what an account spends is refunded by its entry.
        let drawn = if matches!(after.id, WalletId::Account(_)) { pieces } else { Vec::new() };
        entries.push(Entry { drawn, ..entry });
        Ok((after, entries))
    }

    /// Takes tokens in the order in which they burn, and what is not there as debt.
    fn burn(&mut self, amount: i64) -> Vec<Piece> {
        let mut order: Vec<usize> = (0..self.grants.len()).collect();
        order.sort_by_key(|index| {
            let grant = &self.grants[*index];
            (grant.priority, grant.expires_at.map_or(i64::MAX, Timestamp::ms), grant.granted_at.ms(), *index)
        });
        let (mut left, mut pieces) = (amount, Vec::new());
        for index in order {
            let grant = &mut self.grants[index];
            let burnt = left.min(grant.remaining);
            grant.remaining -= burnt;
            left -= burnt;
            if burnt > 0 {
                pieces.push(Piece::of(grant, burnt));
            }
        }
        self.debt = self.debt.saturating_add(left);
        pieces
    }

    /// Adds `grant`, repaying the debt first. A grant of the same name and end grows instead of existing twice. A grant
    /// without an end and with the default priority, as for all purchases, is always accepted, because there are only a
    /// few such names.
    pub fn grant(&self, grant: Grant, cause: Cause, now: Timestamp) -> Result<(Self, Vec<Entry>), Denied> {
        let (mut after, mut entries) = self.without_ended(now);
        let is_always_taken = grant.expires_at.is_none() && grant.priority == CREDIT_PRIORITY;
        if !is_always_taken && !after.grants.iter().any(|kept| kept.is_like(&grant)) && !after.has_place() {
            return Err(Denied::GrantLimitReached { max: limits::GRANTS_MAX as i64 });
        }
        let (before, amount) = (after.booked(), grant.amount);
        let remaining = after.repay(amount);
        after.put(Grant { remaining, ..grant });
        let entry = after.record(amount, before, cause, now);
        entries.push(entry);
        Ok((after, entries))
    }

    /// Takes back what was given under this name without an end: what is left of it, and the rest as debt. It was not spent.
    pub fn withdraw(&self, id: &str, amount: i64, cause: Cause, now: Timestamp) -> (Self, Vec<Entry>) {
        let (mut after, mut entries) = self.without_ended(now);
        let before = after.booked();
        let mut left = amount;
        if let Some(place) = after.grants.iter().position(|grant| grant.id == id && grant.expires_at.is_none()) {
            let grant = &mut after.grants[place];
            let taken = grant.remaining.min(amount);
            grant.remaining -= taken;
            grant.amount = (grant.amount - amount).max(grant.remaining);
            left -= taken;
            if grant.amount == 0 {
                after.grants.remove(place);
            }
        }
        after.debt = after.debt.saturating_add(left);
        let entry = after.record(-amount, before, cause, now);
        entries.push(entry);
        (after, entries)
    }

    /// Grants a license the allocation of a period that began at `began_at`: the plan's grant is restored to its full
    /// size, and what may stay of the last one becomes a separate grant, with the part of `tokens` that exceeds `plan`.
    /// Purchases keep their remaining tokens; the plan's grant repays a debt (wire 4.6 T-9).
    pub fn refill(
        &self,
        plan: i64,
        tokens: i64,
        keep: Option<Keep>,
        began_at: Timestamp,
        cause: Cause,
        now: Timestamp,
    ) -> (Self, Vec<Entry>) {
        let (mut after, mut entries) = self.without_ended(now);
        let before = after.booked();
        let is_of_the_plan = |grant: &Grant| (grant.id == PLAN && grant.expires_at.is_none()) || grant.id == CARRIED;
        let left: i64 = after.grants.iter().filter(|grant| is_of_the_plan(grant)).map(|grant| grant.remaining).sum();
        let kept = keep.map_or(left, |keep| left.min(keep.most));
        after.grants.retain(|grant| !is_of_the_plan(grant) && grant.remaining > 0);
        after.grants.iter_mut().for_each(|grant| grant.amount = grant.remaining);
        let of_the_plan = |id: &str, amount: i64, remaining: i64| Grant {
            id: id.to_owned(),
            amount,
            remaining,
            priority: PLAN_PRIORITY,
            expires_at: None,
            granted_at: now,
        };
        after.grants.push(of_the_plan(CARRIED, kept, kept));
        if left > kept {
            entries.push(after.expire(PLAN, left - kept, before, began_at, now));
        }
        let (before, more) = (after.booked(), (tokens - plan).max(0));
        let remaining = after.repay(plan);
        after.grants.retain(|grant| grant.id != CARRIED);
        if kept + more > 0 {
            after.grants.push(of_the_plan(CARRIED, kept + more, kept + more));
        }
        after.grants.push(of_the_plan(PLAN, plan, remaining));
        let entry = after.record(plan + more, before, cause, now);
        entries.push(entry);
        after.period = Some(began_at);
        after.spent_before = after.spent;
        (after, entries)
    }

    /// Raises the rest of the allocation to `tokens`, if it is less. The additional tokens repay the debt first.
    pub fn raise(&self, tokens: i64, cause: Cause, now: Timestamp) -> (Self, Vec<Entry>) {
        let (mut after, mut entries) = self.without_ended(now);
        let before = after.booked();
        let place = after.grants.iter().position(|grant| grant.id == ALLOCATION && grant.expires_at.is_none());
        let left = place.map_or(0, |place| after.grants[place].remaining);
        let gained = (tokens - left).max(0);
        let remaining = after.repay(gained);
        match place {
            Some(place) => {
                let grant = &mut after.grants[place];
                grant.remaining += remaining;
                grant.amount = grant.amount.max(tokens).max(grant.remaining);
            }
            None if tokens > 0 => after.put(allocation(tokens, remaining, now)),
            None => {}
        }
        let entry = after.record(gained, before, cause, now);
        entries.push(entry);
        (after, entries)
    }

    /// Gives the allocation of a period that began at `began_at`. `keep` says how many may stay of those that are left of
    /// the last one; without it all of them do. What lapsed since then is still to be settled.
    pub fn allot(
        &self,
        tokens: i64,
        keep: Option<Keep>,
        began_at: Timestamp,
        cause: Cause,
        now: Timestamp,
    ) -> (Self, Vec<Entry>) {
        let (mut after, mut entries) = self.lapsed(began_at, now, usize::MAX);
        if let Some(keep) = keep {
            after.let_stay(keep, began_at, now, &mut entries);
        }
        if let Some(grant) = after.allocation() {
            // From now on it is worth what is left of it.
            grant.amount = grant.remaining;
        }
        let before = after.booked();
        let remaining = after.repay(tokens);
        if tokens > 0 {
            after.put(allocation(tokens, remaining, now));
        }
        let entry = after.record(tokens, before, cause, now);
        entries.push(entry);
        after.period = Some(after.period.map_or(began_at, |last| last.max(began_at)));
        after.spent_before = after.spent;
        (after, entries)
    }

    /// Ends what may not stay of the last allocation, and notes what more of it could have stayed, for what is held.
    fn let_stay(&mut self, keep: Keep, began_at: Timestamp, now: Timestamp, entries: &mut Vec<Entry>) {
        let (before, sequence) = (self.booked(), self.sequence);
        let left = self.allocation().map_or(0, |grant| grant.remaining);
        let kept = left.min(keep.most);
        if let Some(grant) = self.allocation() {
            grant.remaining = kept;
        }
        if keep.most == 0 {
            self.grants.retain(|grant| !grant.is_allocation());
        } else if !self.holds.is_empty() {
            self.rooms.push(Headroom { sequence, tokens: keep.most - kept.max(keep.reached).min(keep.most) });
        }
        if left > kept {
            entries.push(self.expire(ALLOCATION, left - kept, before, began_at, now));
        }
    }

    fn allocation(&mut self) -> Option<&mut Grant> {
        self.grants.iter_mut().find(|grant| grant.is_allocation())
    }

    /// Notes an operation that moves nothing.
    pub fn unmoved(&self, cause: Cause, now: Timestamp) -> (Self, Vec<Entry>) {
        let (mut after, mut entries) = self.without_ended(now);
        let before = after.booked();
        let entry = after.record(0, before, cause, now);
        entries.push(entry);
        (after, entries)
    }
}

fn allocation(amount: i64, remaining: i64, now: Timestamp) -> Grant {
    let id = ALLOCATION.to_owned();
    Grant { id, amount, remaining, priority: PLAN_PRIORITY, expires_at: None, granted_at: now }
}
