//! Tests of the wallet.

use proptest::prelude::*;

use crate::model::ids::{LicenseId, OperationId, OperationKey, Origin, WalletId};
use crate::model::wallet::grant::PURCHASE;
use crate::model::wallet::verification::Checked;
use crate::model::wallet::*;

pub(crate) fn cause(id: &str, source: Source) -> Cause {
    let id = OperationId { origin: Origin::Client, id: id.into() };
    Cause::plain(OperationKey { id, fingerprint: "f".into() }, "x".into(), source, Timestamp::EPOCH)
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

#[test]
fn a_hold_is_out_of_the_balance_until_it_is_spent_given_back_or_over() {
    let start = wallet(vec![grant("plan", 10, 0, None, 0), grant("extra", 10, 1, None, 0)]);
    let (held, entries) = start.hold(12, at(100), cause("h", Source::Hold), at(0)).unwrap();
    assert_eq!((held.balance(at(0)), held.held(at(99)), held.held(at(100)), held.spent), (8, 12, 0, 0));
    assert_eq!((entries[0].amount, entries[0].source.category()), (-12, "held"));
    let refused = held.hold(9, at(100), cause("i", Source::Hold), at(0)).unwrap_err();
    assert_eq!(refused, Denied::InsufficientTokens { required: 9, balance: 8 });

    let (spent, entries) = held.commit_hold("h", 11, cause("c", Source::Debit), at(99)).unwrap();
    let moved: Vec<_> = entries.iter().map(|e| (e.amount, e.source, e.balance_after)).collect();
    assert_eq!(moved, [(12, Source::Hold, 20), (-11, Source::Debit, 9)]);
    assert_eq!((left(&spent), spent.spent), (vec![("plan", 0), ("extra", 9)], 11));
    assert_eq!(spent.commit_hold("h", 1, cause("d", Source::Debit), at(99)).unwrap_err(), Denied::HoldEnded);
    let refused = held.commit_hold("h", 13, cause("c", Source::Debit), at(0)).unwrap_err();
    assert_eq!(refused, Denied::HoldTooSmall { held: 12 });

    let (back, _) = held.void_hold("h", cause("v", Source::Hold), at(99)).unwrap();
    assert_eq!((back.balance(at(99)), left(&back)), (20, vec![("plan", 10), ("extra", 10)]));
    // At its end it gives itself back, to who comes next.
    assert_eq!(held.commit_hold("h", 1, cause("c", Source::Debit), at(100)).unwrap_err(), Denied::HoldEnded);
    let (settled, entries) = held.without_ended(at(100));
    assert_eq!((settled.balance(at(100)), entries[0].operation.id.as_str()), (20, "release:h"));
}

#[test]
fn what_a_hold_took_from_a_grant_that_is_gone_is_gone_unless_it_is_spent() {
    let start = wallet(vec![grant("trial", 10, 0, Some(50), 0)]);
    let (held, _) = start.hold(6, at(100), cause("h", Source::Hold), at(0)).unwrap();
    let amounts = |entries: &[Entry]| entries.iter().map(|e| (e.amount, e.source)).collect::<Vec<_>>();
    let (after, entries) = held.commit_hold("h", 4, cause("c", Source::Debit), at(60)).unwrap();
    let expected = [(-4, Source::Expiry), (6, Source::Hold), (-2, Source::Expiry), (-4, Source::Debit)];
    assert_eq!((amounts(&entries), after.balance(at(60)), after.grants.len()), (expected.to_vec(), 0, 0));
    let (after, entries) = held.void_hold("h", cause("v", Source::Hold), at(60)).unwrap();
    assert_eq!(amounts(&entries), [(-4, Source::Expiry), (6, Source::Hold), (-6, Source::Expiry)]);
    assert_eq!(after.balance(at(60)), 0);
}

#[test]
fn what_was_held_over_a_renewal_comes_back_unless_nothing_may_stay() {
    let empty = Wallet::empty(WalletId::License(LicenseId("w".into())));
    let (start, _) = empty.allot(10, None, at(0), cause("first", Source::Renewal), at(0));
    let (held, _) = start.hold(10, at(900), cause("h", Source::Hold), at(0)).unwrap();
    for (keep, balance) in [(None, 20), (Some(5), 15), (Some(0), 10)] {
        let (renewed, _) = held.allot(10, keep.map(Keep::at_most), at(100), cause("second", Source::Renewal), at(100));
        let (back, _) = renewed.void_hold("h", cause("v", Source::Hold), at(200)).unwrap();
        assert_eq!((renewed.balance(at(100)), back.balance(at(200))), (10, balance), "{keep:?}");
    }
}

#[test]
fn the_ledger_is_in_order_of_time_though_clocks_differ() {
    let start = wallet(vec![grant("plan", 10, 0, None, 0)]);
    let (one, _) = start.spend(1, false, cause("a", Source::Single), at(100)).unwrap();
    let (_, entries) = one.spend(1, false, cause("b", Source::Single), at(90)).unwrap();
    assert_eq!(entries[0].recorded_at, at(100));
}

#[derive(Clone, Debug)]
enum Step {
    Spend(i64, bool),
    Plan(i64),
    Grant(u8, i64, i64, Option<i64>),
    Refund(i64),
    Reset(i64),
    Hold(i64, i64),
    Commit(usize, i64),
    Void(usize),
    Allot(i64, Option<i64>),
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
        (1_i64..40, 1_i64..200).prop_map(|(amount, length)| Step::Hold(amount, length)),
        (0_usize..4, 1_i64..30).prop_map(|(which, amount)| Step::Commit(which, amount)),
        (0_usize..4).prop_map(Step::Void),
        (0_i64..50, proptest::option::of(0_i64..30)).prop_map(|(tokens, keep)| Step::Allot(tokens, keep)),
        (1_i64..60).prop_map(Step::Pass),
    ];
    proptest::collection::vec(step, 1..60)
}

proptest! {
    /// After any history: the ledger adds up to the balance, its sequence has no gap, each entry starts where the last
    /// one ended, each id occurs once, and refused operations changed nothing.
    #[test]
    fn the_ledger_adds_up(steps in steps()) {
        let (mut now, mut wallet, mut ledger) = (0_i64, wallet(Vec::new()), Vec::<Entry>::new());
        for (index, step) in steps.into_iter().enumerate() {
            let id = index.to_string();
            let moved = match step {
                Step::Pass(ms) => { now += ms; continue }
                Step::Plan(plan) => Ok(wallet.settled(plan, at(now))),
                Step::Spend(amount, over) => wallet.spend(amount, over, cause(&id, Source::Single), at(now)),
                Step::Refund(amount) => {
                    let pieces: Vec<_> = wallet.grants.iter().map(|grant| Piece::of(grant, 3)).collect();
                    Ok(wallet.refund((&pieces, 50, 2), amount, cause(&id, Source::Refund), at(now)))
                }
                Step::Reset(balance) => {
                    let (after, entries) = wallet.reset(balance, cause(&id, Source::Reset), at(now));
                    prop_assert_eq!(after.balance(at(now)), balance);
                    Ok((after, entries))
                }
                Step::Hold(amount, length) => wallet.hold(amount, at(now + length), cause(&id, Source::Hold), at(now)),
                Step::Commit(which, amount) => {
                    let hold = wallet.holds.get(which).map_or_else(String::new, |hold| hold.id.clone());
                    wallet.commit_hold(&hold, amount, cause(&id, Source::Debit), at(now))
                }
                Step::Void(which) => {
                    let hold = wallet.holds.get(which).map_or_else(String::new, |hold| hold.id.clone());
                    wallet.void_hold(&hold, cause(&id, Source::Hold), at(now))
                }
                Step::Allot(tokens, keep) => Ok(wallet.allot(tokens, keep.map(Keep::at_most), at(now), cause(&id, Source::Renewal), at(now))),
                Step::Grant(name, amount, priority, end) =>
                    wallet.grant(grant(&name.to_string(), amount, priority, end, now), cause(&id, Source::Admin), at(now)),
            };
            if let Ok((after, entries)) = moved {
                wallet = after;
                ledger.extend(entries);
            }
            let sum: i64 = ledger.iter().map(|e| e.amount).sum();
            prop_assert_eq!(sum, wallet.booked());
            let of = |category: &str| -> i64 {
                ledger.iter().filter(|e| e.source.category() == category).map(|e| e.amount).sum()
            };
            let given = of("granted") + of("spent") + of("refunded") + of("expired") + of("adjusted");
            let held: i64 = wallet.holds.iter().map(|hold| hold.amount).sum();
            prop_assert_eq!(given, wallet.booked() + held);
            prop_assert_eq!(-of("held"), held);
            prop_assert!(wallet.debt >= 0 && wallet.grants.iter().all(|g| (0..=g.amount).contains(&g.remaining)));
        }
        prop_assert_eq!(wallet.sequence, ledger.len() as i64);
        let (mut before, mut checked) = (0, Checked::default());
        for (index, entry) in ledger.iter().enumerate() {
            prop_assert_eq!((entry.sequence, entry.balance_before), (index as i64 + 1, before));
            prop_assert_eq!(entry.balance_after, before + entry.amount);
            checked = checked.then(entry).unwrap();
            before = entry.balance_after;
        }
        prop_assert_eq!(checked.is_all_of(&wallet), Ok(()));
        let mut ids: Vec<_> = ledger.iter().map(|e| &e.operation).collect();
        ids.sort();
        ids.dedup();
        prop_assert_eq!(ids.len(), ledger.len());
    }
}

/// Two hundred lapses: as many holds and grants as a wallet may have, all of them over by 1,000.
fn full() -> Wallet {
    let mut wallet =
        Wallet::empty(WalletId::Account(crate::model::ids::AccountId { project_id: "p".into(), name: "u".into() }));
    for index in 0..limits::GRANTS_MAX as i64 {
        let given = grant(&format!("g{index}"), 10, 60, Some(100 + index), 0);
        wallet = wallet.grant(given, cause(&format!("g{index}"), Source::Credit), at(0)).unwrap().0;
    }
    for index in 0..limits::HOLDS_MAX as i64 {
        let id = format!("h{index}");
        wallet = wallet.hold(9, at(120 + index), cause(&id, Source::Hold), at(0)).unwrap().0;
    }
    wallet
}

#[test]
fn lapses_are_settled_some_at_a_time_to_the_same_end() {
    let wallet = full();
    let (whole, all) = wallet.without_ended(at(1_000));
    assert!(all.len() > limits::TRANSACTION_ITEMS_MAX, "{}", all.len());
    for most in [2, 3, 7, limits::LAPSES_TOGETHER_MAX] {
        let (mut some, mut ledger) = (wallet.clone(), Vec::new());
        for _ in 0..all.len() {
            let (next, entries) = some.lapsed(at(1_000), at(1_000), most);
            assert!(entries.len() <= most);
            assert_eq!(next.balance(at(1_000)), whole.balance(at(1_000)), "each step is true");
            some = next;
            ledger.extend(entries);
        }
        assert_eq!((&some, &ledger), (&whole, &all), "{most} at a time");
    }
    assert!(all.is_sorted_by_key(|entry| entry.sequence));
}

#[test]
fn what_is_paid_for_is_always_taken_and_what_is_used_up_makes_a_place() {
    let mut full = full();
    full.holds.clear();
    let paid = |id: &str| grant(id, 5, CREDIT_PRIORITY, None, 0);
    for id in [PURCHASE, "credit", "credit:50"] {
        let (more, _) = full.grant(paid(id), cause(id, Source::Purchase), at(0)).unwrap();
        assert_eq!(more.balance(at(0)), full.balance(at(0)) + 5);
    }
    let other = grant("later", 5, 60, Some(900), 0);
    // All but the last five are used up by the holds.
    assert!(full.grant(other.clone(), cause("x", Source::Credit), at(0)).is_ok());
    let (used, _) = full.spend(full.balance(at(0)), false, cause("s", Source::Debit), at(0)).unwrap();
    assert_eq!(used.grant(other, cause("x", Source::Credit), at(0)).unwrap().0.grants.len(), 1);
}

#[test]
fn a_refund_goes_back_where_it_was_drawn_and_what_has_ended_stays_ended() {
    let id = WalletId::Account(crate::model::ids::AccountId { project_id: "p".into(), name: "u".into() });
    let grants = vec![grant("trial", 15, 0, Some(100), 0), grant("bonus", 100, 60, Some(900), 0)];
    let wallet = Wallet { grants, ..Wallet::empty(id) };
    let (spent, entries) = wallet.spend(50, false, cause("d", Source::Debit), at(0)).unwrap();
    let drawn = entries.last().unwrap().drawn.clone();
    assert_eq!(drawn.iter().map(|p| (p.grant.as_str(), p.amount)).collect::<Vec<_>>(), [("trial", 15), ("bonus", 35)]);
    let refunded = |refunded: i64, amount: i64, now: i64| {
        let (after, entries) = spent.refund((&drawn, 50, refunded), amount, cause("r", Source::Refund), at(now));
        let moved: Vec<_> = entries.iter().map(|e| (e.amount, e.lapsed, e.source)).collect();
        (after.balance(at(now)) - spent.balance(at(now)), moved)
    };
    assert_eq!(refunded(0, 50, 50), (50, vec![(50, 0, Source::Refund)]), "in time");
    let lost = vec![(50, 15, Source::Refund), (-15, 0, Source::Expiry)];
    assert_eq!(refunded(0, 50, 200), (35, lost), "the trial has ended");
    assert_eq!(refunded(0, 20, 200).0, 20, "what was drawn last comes first");
    assert_eq!(refunded(20, 30, 200).0, 15, "and then what was drawn before");
    // The bonus ends when it would have.
    let (back, _) = spent.refund((&drawn, 50, 0), 50, cause("r", Source::Refund), at(200));
    assert_eq!(back.balance(at(900)), 0);
    // An entry that does not say where it drew gives back without an end.
    let (back, _) = spent.refund((&[], 50, 0), 50, cause("r", Source::Refund), at(200));
    assert_eq!(back.balance(at(900)), 50);
}

#[derive(Clone, Debug)]
enum Turn {
    Hold(i64),
    Commit(usize, i64),
    Void(usize),
    Spend(i64),
    Renew,
}

proptest! {
    /// Holds open over renewals against a model: what comes back is renewed as if it had been there.
    #[test]
    fn what_a_hold_took_is_renewed_as_if_it_had_been_there(
        most in proptest::option::of(prop_oneof![Just(0_i64), 1_i64..120]),
        turns in proptest::collection::vec(prop_oneof![
            3 => (1_i64..60).prop_map(Turn::Hold),
            1 => (0_usize..5, 1_i64..60).prop_map(|(which, amount)| Turn::Commit(which, amount)),
            2 => (0_usize..5).prop_map(Turn::Void),
            1 => (1_i64..60).prop_map(Turn::Spend),
            2 => Just(Turn::Renew),
        ], 1..40),
    ) {
        let empty = Wallet::empty(WalletId::License(LicenseId("w".into())));
        let (mut wallet, _) = empty.allot(100, None, at(0), cause("first", Source::Renewal), at(0));
        // Free tokens, what each renewal found (with what came back since), holds as (renewals before it, tokens).
        let (mut free, mut found, mut holds) = (100_i64, Vec::<i64>::new(), Vec::<(usize, i64)>::new());
        let most_of = |_: ()| most.unwrap_or(i64::MAX);
        let come_back = |free: &mut i64, found: &mut Vec<i64>, (since, amount): (usize, i64)| {
            let mut kept = amount;
            for was_left in &mut found[since..] {
                kept = kept.min((most_of(()) - *was_left).max(0));
                *was_left = was_left.saturating_add(kept);
            }
            *free += kept;
        };
        for (index, turn) in turns.into_iter().enumerate() {
            let (id, now) = (format!("t{index}"), at(1 + index as i64));
            let hold = |which: usize, wallet: &Wallet| wallet.holds.get(which).map(|hold| hold.id.clone());
            match turn {
                Turn::Hold(amount) if amount <= free => {
                    wallet = wallet.hold(amount, at(1_000), cause(&id, Source::Hold), now).unwrap().0;
                    free -= amount;
                    holds.push((found.len(), amount));
                }
                Turn::Spend(amount) if amount <= free => {
                    wallet = wallet.spend(amount, false, cause(&id, Source::Debit), now).unwrap().0;
                    free -= amount;
                }
                Turn::Void(which) => if let Some(hold) = hold(which, &wallet) {
                    wallet = wallet.void_hold(&hold, cause(&id, Source::Hold), now).unwrap().0;
                    let hold = holds.remove(which);
                    come_back(&mut free, &mut found, hold);
                },
                Turn::Commit(which, amount) => if let Some(hold) = hold(which, &wallet) && amount <= holds[which].1 {
                    wallet = wallet.commit_hold(&hold, amount, cause(&id, Source::Debit), now).unwrap().0;
                    let (since, held) = holds.remove(which);
                    come_back(&mut free, &mut found, (since, held - amount));
                },
                Turn::Renew => {
                    wallet = wallet.allot(100, most.map(Keep::at_most), now, cause(&id, Source::Renewal), now).0;
                    let kept = free.min(most_of(()));
                    found.push(kept);
                    free = kept + 100;
                }
                _ => {}
            }
            prop_assert_eq!(wallet.balance(now), free);
        }
    }
}
