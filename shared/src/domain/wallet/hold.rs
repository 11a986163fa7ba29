//! Tokens set aside for something that is under way: out of the balance, spent or given back later, given back by themselves
//! at the hold's end. Nobody sweeps: who looks at the wallet after that instant finds it so.

use ltlm_protocol::{Timestamp, limits};

use super::{Cause, Grant, Wallet};
use crate::domain::denied::Denied;
use crate::domain::entry::{Entry, Source};

/// Tokens set aside.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Hold {
    /// The operation that set them aside.
    pub id: String,
    /// How many: what the pieces add up to.
    pub amount: i64,
    /// What they are for.
    pub action: String,
    /// They are held in [held, end).
    pub expires_at: Timestamp,
    /// The grants they were taken from, in the order in which tokens burn.
    pub pieces: Vec<Piece>,
}

/// Tokens taken from a grant.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Piece {
    /// The grant's name.
    pub grant: String,
    /// The grant's end.
    pub expires_at: Option<Timestamp>,
    /// When it was given: one that came in its place later is another.
    pub granted_at: Timestamp,
    /// How many.
    pub amount: i64,
}

impl Piece {
    fn is_of(&self, grant: &Grant) -> bool {
        grant.id == self.grant && grant.expires_at == self.expires_at && grant.granted_at == self.granted_at
    }
}

impl Wallet {
    /// What is held at `now`.
    pub fn held(&self, now: Timestamp) -> i64 {
        let live = self.holds.iter().filter(|hold| now < hold.expires_at);
        live.fold(0_i64, |sum, hold| sum.saturating_add(hold.amount))
    }

    /// Sets `amount` (above 0, no more than the balance) aside until `expires_at`, under the id of the operation.
    pub fn hold(
        &self,
        amount: i64,
        expires_at: Timestamp,
        cause: Cause,
        now: Timestamp,
    ) -> Result<(Self, Vec<Entry>), Denied> {
        let (mut after, mut entries) = self.without_ended(now);
        if after.booked() < amount {
            return Err(Denied::InsufficientTokens { required: amount, balance: after.booked() });
        }
        if after.holds.len() >= limits::HOLDS_MAX {
            return Err(Denied::HoldLimitReached { max: limits::HOLDS_MAX as i64 });
        }
        let before = after.booked();
        let pieces = after.burn(amount);
        let (id, action) = (cause.key.id.id.clone(), cause.action.clone());
        after.holds.push(Hold { id, amount, action, expires_at, pieces });
        let entry = after.record(-amount, before, cause, now);
        entries.push(entry);
        Ok((after, entries))
    }

    /// Spends `amount` of what the hold `id` holds, and gives the rest back.
    pub fn commit_hold(
        &self,
        id: &str,
        amount: i64,
        cause: Cause,
        now: Timestamp,
    ) -> Result<(Self, Vec<Entry>), Denied> {
        let (mut after, mut entries) = self.without_ended(now);
        let hold = after.take_hold(id).ok_or(Denied::HoldEnded)?;
        if amount > hold.amount {
            return Err(Denied::HoldTooSmall { held: hold.amount });
        }
        let release = Cause::of_the_service(format!("release:{id}"), &hold.action, Source::Hold, now);
        let release = Cause { original: Some(id.to_owned()), ..release };
        after.end_hold(&hold, release, Some((amount, cause)), now, &mut entries);
        Ok((after, entries))
    }

    /// Gives back what the hold `id` holds.
    pub fn void_hold(&self, id: &str, cause: Cause, now: Timestamp) -> Result<(Self, Vec<Entry>), Denied> {
        let (mut after, mut entries) = self.without_ended(now);
        let hold = after.take_hold(id).ok_or(Denied::HoldEnded)?;
        after.end_hold(&hold, cause, None, now, &mut entries);
        Ok((after, entries))
    }

    /// Gives back what was held too long.
    pub(super) fn release_ended(&mut self, now: Timestamp, entries: &mut Vec<Entry>) {
        let (ended, live) = std::mem::take(&mut self.holds).into_iter().partition(|hold| hold.expires_at <= now);
        self.holds = live;
        let ended: Vec<Hold> = ended;
        for hold in ended {
            let id = format!("release:{}", hold.id);
            let release = Cause::of_the_service(id, &hold.action, Source::Hold, hold.expires_at);
            let release = Cause { original: Some(hold.id.clone()), ..release };
            self.end_hold(&hold, release, None, now, entries);
        }
    }

    fn take_hold(&mut self, id: &str) -> Option<Hold> {
        let place = self.holds.iter().position(|hold| hold.id == id)?;
        Some(self.holds.remove(place))
    }

    /// Gives the tokens back to the grants they were taken from, then spends as many of them as `spending` says. What is
    /// left of a grant that is gone by now is gone too.
    fn end_hold(
        &mut self,
        hold: &Hold,
        release: Cause,
        spending: Option<(i64, Cause)>,
        now: Timestamp,
        entries: &mut Vec<Entry>,
    ) {
        let (before, live) = (self.booked(), self.grants.len());
        let places: Vec<_> = hold.pieces.iter().map(|piece| self.give_back(piece)).collect();
        entries.push(self.record(hold.amount, before, release, now));
        let mut left = spending.as_ref().map_or(0, |(amount, _)| *amount);
        let mut spent = Vec::new();
        for (piece, place) in hold.pieces.iter().zip(places) {
            let part = left.min(piece.amount);
            left -= part;
            spent.push((place, part));
            let lost = piece.amount - part;
            if place >= live && lost > 0 {
                let before = self.booked();
                self.grants[place].remaining -= lost;
                let at = piece.expires_at.map_or(now, |end| end.min(now));
                entries.push(self.expire(&piece.grant, lost, before, at, now));
            }
        }
        let before = self.booked();
        spent.into_iter().for_each(|(place, part)| self.grants[place].remaining -= part);
        self.grants.truncate(live);
        if let Some((amount, cause)) = spending {
            self.spent = self.spent.saturating_add(amount);
            entries.push(self.record(-amount, before, cause, now));
        }
    }

    /// Gives tokens back to their grant; the grant's place. One that is gone stands at the end, until they are dealt with.
    fn give_back(&mut self, piece: &Piece) -> usize {
        let Some(place) = self.grants.iter().position(|grant| piece.is_of(grant)) else {
            self.grants.push(Grant {
                id: piece.grant.clone(),
                amount: piece.amount,
                remaining: piece.amount,
                priority: 0,
                expires_at: piece.expires_at,
                granted_at: piece.granted_at,
            });
            return self.grants.len() - 1;
        };
        let grant = &mut self.grants[place];
        grant.remaining = grant.remaining.saturating_add(piece.amount);
        grant.amount = grant.amount.max(grant.remaining);
        place
    }
}
