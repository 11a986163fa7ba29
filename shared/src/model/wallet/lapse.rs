//! Lapses: holds and grants whose end has come. Every read of the wallet after that instant applies them; their entries
//! are written with the next movement, or by the schedule.
//!
//! Lapses are settled in order of time, whatever the order of calls: a hold returns its tokens to a grant that ends
//! later, and not to one that ended before. Each leaves a valid state, so that many of them can be written in several
//! steps.

use ltlm_protocol::Timestamp;
use serde_json::{Map, json};

use crate::model::wallet::Wallet;
use crate::model::wallet::cause::Cause;
use crate::model::wallet::entry::{Entry, Source};
use crate::model::wallet::grant::Piece;

/// Most entries that one lapse writes: a hold's release, and what of it is gone.
const ENTRIES_OF_ONE: usize = 2;

/// What lapses next, by its place.
enum Next {
    Grant(usize),
    Hold(usize),
}

impl Wallet {
    /// The wallet without what has lapsed by `now`.
    pub fn without_ended(&self, now: Timestamp) -> (Self, Vec<Entry>) {
        self.lapsed(now, now, usize::MAX)
    }

    /// The wallet without what had lapsed by `until`, the oldest first, as far as `most` entries say it all.
    pub fn lapsed(&self, until: Timestamp, now: Timestamp, most: usize) -> (Self, Vec<Entry>) {
        let (mut after, mut entries) = (self.clone(), Vec::new());
        while most.saturating_sub(entries.len()) >= ENTRIES_OF_ONE {
            match after.next_lapse(until) {
                None => break,
                Some(Next::Grant(place)) => after.end_grant(place, now, &mut entries),
                Some(Next::Hold(place)) => after.release(place, now, &mut entries),
            }
        }
        (after, entries)
    }

    /// Has nothing lapsed by `until` that is not settled?
    pub fn is_settled(&self, until: Timestamp) -> bool {
        self.next_lapse(until).is_none()
    }

    /// When something lapses next that leaves an entry.
    pub fn next_end(&self) -> Option<Timestamp> {
        let grants = self.grants.iter().filter(|grant| grant.remaining > 0).filter_map(|grant| grant.expires_at);
        grants.chain(self.holds.iter().map(|hold| hold.expires_at)).min()
    }

    /// When the schedule has to look at the wallet whose next allocation is due at `due`.
    pub fn due_or_end(&self, due: Option<Timestamp>) -> Option<Timestamp> {
        due.into_iter().chain(self.next_end()).min()
    }

    /// Of a hold and a grant that end together the grant is first: neither counts at its end any more.
    fn next_lapse(&self, until: Timestamp) -> Option<Next> {
        let ends = self.grants.iter().enumerate();
        let grant = ends.filter_map(|(place, grant)| Some((grant.expires_at?, place))).min();
        let hold = self.holds.iter().enumerate().map(|(place, hold)| (hold.expires_at, place)).min();
        let grant = grant.filter(|(end, _)| *end <= until);
        let hold = hold.filter(|(end, _)| *end <= until);
        match (grant, hold) {
            (None, None) => None,
            (Some((end, place)), hold) if hold.is_none_or(|(of_hold, _)| end <= of_hold) => Some(Next::Grant(place)),
            (_, hold) => hold.map(|(_, place)| Next::Hold(place)),
        }
    }

    /// Removes an ended grant, with an entry if it had tokens left.
    fn end_grant(&mut self, place: usize, now: Timestamp, entries: &mut Vec<Entry>) {
        let before = self.booked();
        let grant = self.grants.remove(place);
        if grant.remaining == 0 {
            return;
        }
        let entry = self.expire(&grant.id, grant.remaining, before, grant.expires_at.unwrap_or(now), now);
        let limit_before = Some(entry.limit_after.saturating_add(grant.amount));
        entries.push(Entry { limit_before, ..entry });
    }

    /// Gives back what was held too long.
    fn release(&mut self, place: usize, now: Timestamp, entries: &mut Vec<Entry>) {
        let hold = self.holds.remove(place);
        let id = format!("release:{}", hold.id);
        let release = Cause::of_the_service(id, &hold.action, Source::Hold, hold.expires_at);
        let release = Cause { original: Some(hold.id.clone()), ..release };
        self.end_hold(&hold, release, None, (hold.expires_at, now), entries);
    }

    /// The entry of tokens that are gone because their grant is.
    pub(crate) fn expire(&mut self, grant: &str, amount: i64, before: i64, at: Timestamp, now: Timestamp) -> Entry {
        // By its place in the ledger: a grant of the same name and end may be given, and end, again.
        let id = format!("expiry:{grant}:{}", self.sequence + 1);
        self.record(-amount, before, Cause::of_the_service(id, "grant_expired", Source::Expiry, at), now)
    }

    /// The one entry of tokens that came back to grants that are gone.
    pub(crate) fn expire_all(&mut self, lost: &[Piece], before: i64, at: Timestamp, now: Timestamp) -> Option<Entry> {
        let first = lost.first()?;
        let amount = Piece::sum(lost);
        let id = format!("expiry:{}:{}", first.grant, self.sequence + 1);
        let at = first.expires_at.map_or(at, |end| end.min(at));
        let cause = Cause::of_the_service(id, "grant_expired", Source::Expiry, at);
        let parts: Vec<_> = lost.iter().map(|piece| json!({"grant": piece.grant, "amount": piece.amount})).collect();
        let meta = (parts.len() > 1).then(|| Map::from_iter([("grants".to_owned(), json!(parts))]));
        Some(self.record(-amount, before, Cause { meta, ..cause }, now))
    }
}
