//! Tokens held for an operation in progress: they are out of the balance, and are spent or returned later, or returned
//! at the hold's end. No job does this: every read of the wallet after that instant applies it.

use ltlm_protocol::{Timestamp, limits};

use crate::model::denied::Denied;
use crate::model::wallet::Wallet;
use crate::model::wallet::cause::Cause;
use crate::model::wallet::entry::{Entry, Source};
use crate::model::wallet::grant::{Hold, Piece};

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
        if after.holds.iter().map(|hold| hold.pieces.len()).sum::<usize>() + pieces.len() > limits::HOLD_PIECES_MAX {
            return Err(Denied::HoldLimitReached { max: after.holds.len() as i64 });
        }
        let (id, action) = (cause.key.id.id.clone(), cause.action.clone());
        let entry = after.record(-amount, before, cause, now);
        after.holds.push(Hold { id, amount, action, expires_at, sequence: entry.sequence, pieces });
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
        after.end_hold(&hold, release, Some((amount, cause)), (now, now), &mut entries);
        Ok((after, entries))
    }

    /// Gives back what the hold `id` holds.
    pub fn void_hold(&self, id: &str, cause: Cause, now: Timestamp) -> Result<(Self, Vec<Entry>), Denied> {
        let (mut after, mut entries) = self.without_ended(now);
        let hold = after.take_hold(id).ok_or(Denied::HoldEnded)?;
        after.end_hold(&hold, cause, None, (now, now), &mut entries);
        Ok((after, entries))
    }

    fn take_hold(&mut self, id: &str) -> Option<Hold> {
        let place = self.holds.iter().position(|hold| hold.id == id)?;
        Some(self.holds.remove(place))
    }

    /// Spends `spending` of the tokens, the first in order, and returns the others to the grants from which they were
    /// taken, as of `at`. Tokens of a grant that had ended by then have ended too.
    pub(crate) fn end_hold(
        &mut self,
        hold: &Hold,
        release: Cause,
        spending: Option<(i64, Cause)>,
        (at, now): (Timestamp, Timestamp),
        entries: &mut Vec<Entry>,
    ) {
        let before = self.booked();
        let mut left = spending.as_ref().map_or(0, |(amount, _)| *amount);
        let (mut spent, mut lost) = (Vec::new(), Vec::new());
        for piece in &hold.pieces {
            let part = left.min(piece.amount);
            left -= part;
            if part > 0 {
                spent.push(Piece { amount: part, ..piece.clone() });
            }
            let back = piece.amount - part;
            let kept = self.give_back(piece, back, hold.sequence, at);
            if kept < back {
                lost.push(Piece { amount: back - kept, ..piece.clone() });
            }
        }
        let holds = &self.holds;
        self.rooms.retain(|room| holds.iter().any(|hold| hold.sequence <= room.sequence));
        let lapsed = Piece::sum(&lost);
        let released = self.record(hold.amount, before, release, now);
        entries.push(Entry { lapsed, ..released });
        let with_them = before.saturating_add(hold.amount);
        entries.extend(self.expire_all(&lost, with_them, at, now));
        if let Some((amount, cause)) = spending {
            self.spent = self.spent.saturating_add(amount);
            let entry = self.record(-amount, with_them - lapsed, cause, now);
            entries.push(Entry { drawn: spent, ..entry });
        }
    }
}
