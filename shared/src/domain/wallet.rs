//! A wallet: grants, a debt, and what they add up to.
//!
//! Balance = what is left of live grants − debt. Tokens burn by priority, then soonest end, then age. Credits repay the
//! debt first. Every change carries the next sequence number, so entries have no gaps and two writers cannot both win.

use ltlm_protocol::{Timestamp, limits};

use super::account::AccountId;
use super::denied::Denied;
use super::entry::{Entry, OperationId, OperationKey, Origin, Source};
use super::license::LicenseId;

/// Names a wallet by its owner.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum WalletId {
    /// The tokens of a license.
    License(LicenseId),
    /// The tokens of an account.
    Account(AccountId),
}

/// Tokens given once.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Grant {
    /// Its name; with its end unique in the wallet.
    pub id: String,
    /// How much was given. More of the same kind adds up here.
    pub amount: i64,
    /// How much is left, 0 to `amount`.
    pub remaining: i64,
    /// Lower burns first.
    pub priority: i64,
    /// It ends here, if it ends: live in [given, end).
    pub expires_at: Option<Timestamp>,
    /// When it was given.
    pub granted_at: Timestamp,
}

/// Name of the grant that is the policy's allocation.
pub const PLAN: &str = "plan";
/// Priority of the policy's allocation: it burns before what was bought.
pub const PLAN_PRIORITY: i64 = 10;
/// Priority of credits.
pub const CREDIT_PRIORITY: i64 = 50;

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
    /// The period whose allocation it had last, of an account.
    pub period: Option<i64>,
}

/// What an operation is about, beside its amount.
#[derive(Clone, Debug, PartialEq)]
pub struct Cause {
    /// Its id and fingerprint.
    pub key: OperationKey,
    /// What it was for.
    pub action: String,
    /// What kind of movement it is.
    pub source: Source,
    /// The device that asked.
    pub hwid: Option<String>,
    /// When it happened.
    pub occurred_at: Timestamp,
    /// Free-form facts.
    pub meta: Option<serde_json::Map<String, serde_json::Value>>,
}

impl Grant {
    /// Has it the same name and end? Then the two are one.
    fn is_like(&self, other: &Self) -> bool {
        self.id == other.id && self.expires_at == other.expires_at
    }

    fn is_live(&self, now: Timestamp) -> bool {
        self.expires_at.is_none_or(|end| now < end)
    }
}

impl Wallet {
    /// A wallet without a history.
    pub fn empty(id: WalletId) -> Self {
        Self { id, grants: Vec::new(), debt: 0, sequence: 0, spent: 0, period: None }
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
    fn booked(&self) -> i64 {
        self.grants.iter().fold(0_i64, |sum, grant| sum.saturating_add(grant.remaining)).saturating_sub(self.debt)
    }

    fn live(&self, now: Timestamp) -> impl Iterator<Item = &Grant> {
        self.grants.iter().filter(move |grant| grant.is_live(now))
    }

    /// The wallet as it stands at `now` when the plan's allocation is `plan`: what has ended is gone, and the plan's grant
    /// is as large as the policy and the license's overrides say by now. The entries are still to be written, with the
    /// next movement.
    pub fn settled(&self, plan: i64, now: Timestamp) -> (Self, Vec<Entry>) {
        let (mut after, mut entries) = self.without_ended(now);
        after.follow(plan, now, &mut entries);
        (after, entries)
    }

    /// Makes the plan's grant as large as `plan`. What it gains repays the debt first; what it loses beyond what is left
    /// of it becomes debt: the balance changes by exactly the difference.
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
            let id = OperationId { origin: Origin::System, id: format!("{PLAN}:{}", self.sequence + 1) };
            let cause = Cause {
                key: OperationKey { id, fingerprint: String::new() },
                action: PLAN.to_owned(),
                source: Source::Plan,
                hwid: None,
                occurred_at: now,
                meta: None,
            };
            entries.push(self.record(change, before, cause, now));
        }
    }

    /// Notes a use that nothing is charged for.
    pub fn note(&self, uncharged: i64, cause: Cause, now: Timestamp) -> (Self, Entry) {
        let mut after = self.clone();
        let before = after.booked();
        let mut entry = after.record(0, before, cause, now);
        entry.uncharged = Some(uncharged);
        (after, entry)
    }

    /// Removes ended grants, with an entry for each that had tokens left. Every movement settles first, so that its
    /// balance before is what the ledger says.
    fn settle(&mut self, now: Timestamp, entries: &mut Vec<Entry>) {
        let ended: Vec<_> = self.grants.iter().filter(|grant| !grant.is_live(now)).cloned().collect();
        for grant in ended {
            let before = self.booked();
            self.grants.retain(|kept| !kept.is_like(&grant));
            if grant.remaining == 0 {
                continue;
            }
            let end = grant.expires_at.unwrap_or(now);
            // By its place in the ledger: a grant of the same name and end may be given, and end, again.
            let id = OperationId { origin: Origin::System, id: format!("expiry:{}:{}", grant.id, self.sequence + 1) };
            let cause = Cause {
                key: OperationKey { id, fingerprint: String::new() },
                action: "grant_expired".to_owned(),
                source: Source::Expiry,
                hwid: None,
                occurred_at: end,
                meta: None,
            };
            entries.push(self.record(-grant.remaining, before, cause, now));
        }
    }

    /// The entry of a movement that was just made, under the next sequence number.
    fn record(&mut self, amount: i64, before: i64, cause: Cause, now: Timestamp) -> Entry {
        self.sequence += 1;
        Entry {
            wallet: self.id.clone(),
            operation: cause.key.id,
            fingerprint: cause.key.fingerprint,
            sequence: self.sequence,
            amount,
            balance_before: before,
            balance_after: self.booked(),
            limit_after: self.limit(now),
            action: cause.action,
            source: cause.source,
            hwid: cause.hwid,
            occurred_at: cause.occurred_at,
            recorded_at: now,
            meta: cause.meta,
            batch: None,
            uncharged: None,
            spent_after: matches!(self.id, WalletId::Account(_)).then_some(self.spent),
            original: None,
            refunded: 0,
        }
    }

    /// The wallet without the grants that have ended by `now`.
    pub fn without_ended(&self, now: Timestamp) -> (Self, Vec<Entry>) {
        let (mut after, mut entries) = (self.clone(), Vec::new());
        after.settle(now, &mut entries);
        (after, entries)
    }

    /// Repays the debt with these tokens, as far as they go; what is left of them.
    fn repay(&mut self, amount: i64) -> i64 {
        let repaid = self.debt.min(amount);
        self.debt -= repaid;
        amount - repaid
    }

    /// Puts a grant with its like, or beside the others.
    fn put(&mut self, grant: Grant) {
        match self.grants.iter_mut().find(|kept| kept.is_like(&grant)) {
            Some(kept) => {
                kept.amount = kept.amount.saturating_add(grant.amount);
                kept.remaining = kept.remaining.saturating_add(grant.remaining);
            }
            None => self.grants.push(grant),
        }
    }

    /// Gives back what was spent.
    pub fn refund(&self, grant: Grant, cause: Cause, now: Timestamp) -> Result<(Self, Vec<Entry>), Denied> {
        let before = Self { spent: self.spent.saturating_sub(grant.amount), ..self.clone() };
        before.grant(grant, cause, now)
    }

    /// Sets the balance. What that takes away was not spent.
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
        after.burn(amount);
        after.spent = after.spent.saturating_add(amount);
        let entry = after.record(-amount, before, cause, now);
        entries.push(entry);
        Ok((after, entries))
    }

    fn burn(&mut self, amount: i64) {
        let mut order: Vec<usize> = (0..self.grants.len()).collect();
        order.sort_by_key(|index| {
            let grant = &self.grants[*index];
            (grant.priority, grant.expires_at.map_or(i64::MAX, Timestamp::ms), grant.granted_at.ms(), *index)
        });
        let mut left = amount;
        for index in order {
            let burnt = left.min(self.grants[index].remaining);
            self.grants[index].remaining -= burnt;
            left -= burnt;
        }
        self.debt = self.debt.saturating_add(left);
    }

    /// Adds `grant`, repaying the debt first. A grant of the same name and end grows instead of standing twice.
    pub fn grant(&self, grant: Grant, cause: Cause, now: Timestamp) -> Result<(Self, Vec<Entry>), Denied> {
        let (mut after, mut entries) = self.without_ended(now);
        if after.grants.len() >= limits::GRANTS_MAX && !after.grants.iter().any(|kept| kept.is_like(&grant)) {
            return Err(Denied::GrantLimitReached { max: limits::GRANTS_MAX as i64 });
        }
        let (before, amount) = (after.booked(), grant.amount);
        let remaining = after.repay(amount);
        after.put(Grant { remaining, ..grant });
        let entry = after.record(amount, before, cause, now);
        entries.push(entry);
        Ok((after, entries))
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use proptest::prelude::*;

    pub(crate) fn cause(id: &str, source: Source) -> Cause {
        let id = OperationId { origin: Origin::Client, id: id.into() };
        Cause {
            key: OperationKey { id, fingerprint: "f".into() },
            action: "x".into(),
            source,
            hwid: None,
            occurred_at: Timestamp::EPOCH,
            meta: None,
        }
    }

    fn at(ms: i64) -> Timestamp {
        Timestamp::from_ms(ms)
    }

    fn grant(id: &str, amount: i64, priority: i64, end: Option<i64>, given: i64) -> Grant {
        Grant { id: id.into(), amount, remaining: amount, priority, expires_at: end.map(at), granted_at: at(given) }
    }

    fn wallet(grants: Vec<Grant>) -> Wallet {
        Wallet { grants, ..Wallet::empty(WalletId::License(LicenseId("w".into()))) }
    }

    fn left(wallet: &Wallet) -> Vec<(&str, i64)> {
        wallet.grants.iter().map(|g| (g.id.as_str(), g.remaining)).collect()
    }

    #[test]
    fn tokens_burn_by_priority_then_end_then_age() {
        let wallet = wallet(vec![
            grant("late", 5, 1, Some(900), 0),
            grant("young", 5, 1, Some(500), 9),
            grant("old", 5, 1, Some(500), 1),
            grant("endless", 5, 1, None, 0),
            grant("first", 5, 0, None, 9),
        ]);
        let (after, _) = wallet.spend(18, false, cause("a", Source::Single), at(10)).unwrap();
        assert_eq!(left(&after), [("late", 2), ("young", 0), ("old", 0), ("endless", 5), ("first", 0)]);
    }

    #[test]
    fn a65_spending_more_than_there_is_is_refused_with_the_figures() {
        let wallet = wallet(vec![grant("plan", 3, 0, None, 0)]);
        let refused = wallet.spend(5, false, cause("a", Source::Single), at(0)).unwrap_err();
        assert_eq!(refused, Denied::InsufficientTokens { required: 5, balance: 3 });
        assert!(wallet.spend(3, false, cause("a", Source::Single), at(0)).is_ok());
    }

    #[test]
    fn a_debt_is_repaid_by_the_next_credit() {
        let wallet = wallet(vec![grant("plan", 8, 0, None, 0)]);
        let (wallet, _) = wallet.spend(10, true, cause("a", Source::Single), at(0)).unwrap();
        assert_eq!((wallet.balance(at(0)), wallet.debt), (-2, 2));
        let (wallet, entries) = wallet.grant(grant("more", 5, 0, None, 0), cause("b", Source::Admin), at(0)).unwrap();
        assert_eq!((wallet.balance(at(0)), wallet.debt, wallet.limit(at(0))), (3, 0, 13));
        assert_eq!((entries[0].balance_before, entries[0].balance_after), (-2, 3));
    }

    #[test]
    fn an_ended_grant_leaves_by_an_entry_of_its_own() {
        let wallet = wallet(vec![grant("trial", 10, 0, Some(100), 0), grant("plan", 5, 1, None, 0)]);
        assert_eq!((wallet.balance(at(99)), wallet.balance(at(100))), (15, 5));
        let (after, entries) = wallet.spend(2, false, cause("a", Source::Single), at(100)).unwrap();
        let moved: Vec<_> = entries.iter().map(|e| (e.sequence, e.amount, e.balance_before, e.balance_after)).collect();
        assert_eq!(moved, [(1, -10, 15, 5), (2, -2, 5, 3)]);
        assert_eq!(entries[0].operation.id, "expiry:trial:1");
        assert_eq!(after.grants.len(), 1);
    }

    #[test]
    fn a_wallet_holds_a_bounded_number_of_grants() {
        let grants = (0..limits::GRANTS_MAX).map(|n| grant(&n.to_string(), 1, 0, None, 0)).collect();
        let wallet = wallet(grants);
        let refused = wallet.grant(grant("one more", 1, 0, None, 0), cause("a", Source::Admin), at(0)).unwrap_err();
        assert_eq!(refused, Denied::GrantLimitReached { max: limits::GRANTS_MAX as i64 });
        assert!(wallet.grant(grant("7", 1, 0, None, 0), cause("a", Source::Admin), at(0)).is_ok());
    }

    #[test]
    fn the_plans_grant_follows_the_plan_and_the_balance_follows_it() {
        let start = wallet(vec![grant("plan", 100, PLAN_PRIORITY, None, 0), grant("credit", 50, 50, None, 0)]);
        let (spent, _) = start.spend(120, false, cause("a", Source::Single), at(0)).unwrap();
        let (raised, entries) = spent.settled(130, at(1));
        assert_eq!((raised.balance(at(1)), raised.limit(at(1)), entries[0].amount), (60, 180, 30));
        assert_eq!((entries[0].operation.id.as_str(), entries[0].source), ("plan:2", Source::Plan));
        let (lowered, entries) = raised.settled(10, at(2));
        assert_eq!((lowered.balance(at(2)), lowered.debt, entries[0].balance_after), (-60, 90, -60));
        let (back, _) = lowered.settled(100, at(3));
        assert_eq!((back.balance(at(3)), back.debt), (30, 0));
        assert_eq!(back.settled(100, at(4)), (back.clone(), Vec::new()), "nothing moves without a change");
        let (none, _) = wallet(Vec::new()).settled(0, at(0));
        assert_eq!(none.sequence, 0);
    }

    #[derive(Clone, Debug)]
    enum Step {
        Spend(i64, bool),
        Plan(i64),
        Grant(u8, i64, i64, Option<i64>),
        Refund(i64),
        Reset(i64),
        Pass(i64),
    }

    fn steps() -> impl Strategy<Value = Vec<Step>> {
        let step = prop_oneof![
            (1_i64..40, any::<bool>()).prop_map(|(amount, over)| Step::Spend(amount, over)),
            (0_i64..60).prop_map(Step::Plan),
            // An end counts from the start, so that it may have passed, and come up again.
            (0_u8..6, 1_i64..50, 0_i64..3, proptest::option::of((1_i64..40).prop_map(|tens| tens * 10)))
                .prop_map(|(i, a, p, e)| Step::Grant(i, a, p, e)),
            (1_i64..40).prop_map(Step::Refund),
            (0_i64..90).prop_map(Step::Reset),
            (1_i64..60).prop_map(Step::Pass),
        ];
        proptest::collection::vec(step, 1..60)
    }

    proptest! {
        /// After any history: the ledger adds up to the balance, its sequence has no gap, each entry starts where the
        /// last one ended, an id stands once, and nothing refused moved anything.
        #[test]
        fn the_ledger_adds_up(steps in steps()) {
            let (mut now, mut wallet, mut ledger) = (0_i64, wallet(Vec::new()), Vec::<Entry>::new());
            for (index, step) in steps.into_iter().enumerate() {
                let id = index.to_string();
                let moved = match step {
                    Step::Pass(ms) => { now += ms; continue }
                    Step::Plan(plan) => Ok(wallet.settled(plan, at(now))),
                    Step::Spend(amount, over) => wallet.spend(amount, over, cause(&id, Source::Single), at(now)),
                    Step::Refund(amount) =>
                        wallet.refund(grant("refund", amount, 1, None, now), cause(&id, Source::Refund), at(now)),
                    Step::Reset(balance) => {
                        let (after, entries) = wallet.reset(balance, cause(&id, Source::Reset), at(now));
                        prop_assert_eq!(after.balance(at(now)), balance);
                        Ok((after, entries))
                    }
                    Step::Grant(name, amount, priority, end) =>
                        wallet.grant(grant(&name.to_string(), amount, priority, end, now), cause(&id, Source::Admin), at(now)),
                };
                if let Ok((after, entries)) = moved {
                    wallet = after;
                    ledger.extend(entries);
                }
                let sum: i64 = ledger.iter().map(|e| e.amount).sum();
                prop_assert_eq!(sum, wallet.booked());
                prop_assert!(wallet.debt >= 0 && wallet.grants.iter().all(|g| (0..=g.amount).contains(&g.remaining)));
            }
            prop_assert_eq!(wallet.sequence, ledger.len() as i64);
            let mut before = 0;
            for (index, entry) in ledger.iter().enumerate() {
                prop_assert_eq!((entry.sequence, entry.balance_before), (index as i64 + 1, before));
                prop_assert_eq!(entry.balance_after, before + entry.amount);
                before = entry.balance_after;
            }
            let mut ids: Vec<_> = ledger.iter().map(|e| &e.operation).collect();
            ids.sort();
            ids.dedup();
            prop_assert_eq!(ids.len(), ledger.len());
        }
    }
}
