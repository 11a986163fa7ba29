//! From which grants tokens were drawn, and how they come back to them.

use ltlm_protocol::{Timestamp, limits};

use crate::model::wallet::Wallet;
use crate::model::wallet::cause::Cause;
use crate::model::wallet::entry::Entry;
use crate::model::wallet::grant::{ALLOCATION, CARRIED, CREDIT_PRIORITY, Grant, PLAN, Piece, REFUND};

impl Wallet {
    /// Returns `amount` of the `spent` tokens that were drawn as `drawn` states, after `refunded` of them were returned
    /// before. What was drawn last is returned first, so that the result is that of a smaller operation. Tokens without
    /// a known grant, such as a debt, return in a grant without an end. Tokens of a grant that has ended are never
    /// available: the first entry is that of the refund, and states how much of it lapsed.
    pub fn refund(
        &self,
        (drawn, spent, refunded): (&[Piece], i64, i64),
        amount: i64,
        cause: Cause,
        now: Timestamp,
    ) -> (Self, Vec<Entry>) {
        let (mut after, mut entries) = self.without_ended(now);
        let before = after.booked();
        after.spent = after.spent.saturating_sub(amount);
        let (mut skipped, mut left, mut lost) = (refunded, amount, Vec::new());
        let mut next = |of: i64| {
            let rest = of - skipped.min(of);
            skipped -= skipped.min(of);
            let part = left.min(rest);
            left -= part;
            part
        };
        let unknown = next(spent.saturating_sub(Piece::sum(drawn)).max(0));
        after.credit(REFUND, unknown, now);
        for piece in drawn.iter().rev() {
            let part = next(piece.amount);
            let kept = after.give_back(piece, part, i64::MAX, now);
            if kept < part {
                lost.push(Piece { amount: part - kept, ..piece.clone() });
            }
        }
        let entry = after.record(amount, before, cause, now);
        entries.push(Entry { lapsed: Piece::sum(&lost), ..entry });
        entries.extend(after.expire_all(&lost, before.saturating_add(amount), now, now));
        (after, entries)
    }

    /// Gives tokens back to the grant that they were drawn from; how many of them are there again. What a grant that has
    /// ended at `at` had is gone, and what an allocation had after which nothing might stay. What may stay of another one
    /// is bounded by the renewals since the place `sequence` of the ledger, as if the tokens had been there.
    pub(crate) fn give_back(&mut self, piece: &Piece, amount: i64, sequence: i64, at: Timestamp) -> i64 {
        if amount == 0 || piece.expires_at.is_some_and(|end| end <= at) || self.is_replaced(piece) {
            return 0;
        }
        let mut kept = amount;
        for room in self.rooms.iter_mut().filter(|room| piece.is_of_an_allocation() && room.sequence >= sequence) {
            kept = kept.min(room.tokens);
            room.tokens -= kept;
        }
        let rest = self.repay(kept);
        if rest > 0 {
            self.put_back(piece, rest);
        }
        kept
    }

    /// Did another allocation replace the one from which this was drawn?
    fn is_replaced(&self, piece: &Piece) -> bool {
        let is_same = |grant: &Grant| grant.is_allocation() && grant.granted_at == piece.granted_at;
        piece.is_of_an_allocation() && !self.grants.iter().any(is_same)
    }

    /// Returns tokens to the grants from which they were drawn. A grant that was dropped when it was empty is restored;
    /// if there is no place for it, they go to the grant that ends next after it.
    fn put_back(&mut self, piece: &Piece, amount: i64) {
        let grown = |grant: &mut Grant| {
            grant.remaining = grant.remaining.saturating_add(amount);
            grant.amount = grant.amount.max(grant.remaining);
        };
        if let Some(grant) = self.grants.iter_mut().find(|grant| piece.is_of(grant)) {
            return grown(grant);
        }
        if self.has_place() {
            let Piece { grant: id, priority, expires_at, granted_at, .. } = piece.clone();
            self.grants.push(Grant { id, amount, remaining: amount, priority, expires_at, granted_at });
            return;
        }
        let later = self.grants.iter_mut().filter(|grant| grant.expires_at >= piece.expires_at);
        match later.filter(|grant| grant.expires_at.is_some()).min_by_key(|grant| grant.expires_at) {
            Some(grant) if piece.expires_at.is_some() => grown(grant),
            _ => self.credit(REFUND, amount, piece.granted_at),
        }
    }

    /// Adds tokens without an end, repaying the debt first.
    pub(crate) fn credit(&mut self, id: &str, amount: i64, now: Timestamp) {
        let amount = self.repay(amount);
        if amount > 0 {
            let id = id.to_owned();
            let priority = CREDIT_PRIORITY;
            self.put(Grant { id, amount, remaining: amount, priority, expires_at: None, granted_at: now });
        }
    }

    /// Is there a place for one more grant? If there is none, a used-up grant is removed.
    pub(crate) fn has_place(&mut self) -> bool {
        if self.grants.len() >= limits::GRANTS_MAX {
            // The allocations stand for whom tokens come back to.
            self.grants.retain(|grant| grant.remaining > 0 || [ALLOCATION, PLAN, CARRIED].contains(&grant.id.as_str()));
        }
        self.grants.len() < limits::GRANTS_MAX
    }
}
