//! A ledger day by day: what its entries add up to, by kind and by what they were for. A day is of UTC, by the time of writing.
//!
//! Roll-ups are computed from the table's stream, which can deliver an entry twice, late, or not at all. They follow
//! the ledger's sequence: an entry that is counted is not counted again, and a missing entry is detected.

use std::collections::BTreeMap;

use ltlm_protocol::Timestamp;

use crate::model::ids::WalletId;
use crate::model::wallet::entry::Entry;

/// The maximum of operation types that a day distinguishes; further types are counted under [`OTHERS`].
pub const TYPES_MAX: usize = 500;

/// Replaces all operation types beyond the maximum.
pub const OTHERS: &str = "*";

/// What entries add up to. Amounts are signed, as in the entries.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Figures {
    /// How many they are.
    pub count: i64,
    /// Tokens spent: zero or below.
    pub spent: i64,
    /// Tokens given back.
    pub refunded: i64,
    /// Tokens given.
    pub granted: i64,
    /// Tokens whose grant ended: zero or below.
    pub expired: i64,
    /// Tokens put right, either way.
    pub adjusted: i64,
    /// Tokens set aside and not given back: zero or below over a whole ledger.
    pub held: i64,
}

impl Figures {
    /// Counts an entry.
    pub fn add(&mut self, entry: &Entry) {
        let sum = match entry.source.category() {
            "spent" => &mut self.spent,
            "refunded" => &mut self.refunded,
            "granted" => &mut self.granted,
            "expired" => &mut self.expired,
            "held" => &mut self.held,
            _ => &mut self.adjusted,
        };
        *sum = sum.saturating_add(entry.amount);
        self.count += 1;
    }

    /// Counts what others add up to.
    pub fn merge(&mut self, other: &Self) {
        self.count += other.count;
        self.spent = self.spent.saturating_add(other.spent);
        self.refunded = self.refunded.saturating_add(other.refunded);
        self.granted = self.granted.saturating_add(other.granted);
        self.expired = self.expired.saturating_add(other.expired);
        self.adjusted = self.adjusted.saturating_add(other.adjusted);
        self.held = self.held.saturating_add(other.held);
    }

    /// What the balance changed by.
    pub fn net(&self) -> i64 {
        [self.spent, self.refunded, self.granted, self.expired, self.adjusted, self.held]
            .into_iter()
            .fold(0, i64::saturating_add)
    }
}

/// Figures as a whole and by operation type.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Tally {
    /// All of them.
    pub total: Figures,
    /// By what they were for.
    pub by_type: BTreeMap<String, Figures>,
}

impl Tally {
    /// Counts an entry.
    pub fn add(&mut self, entry: &Entry) {
        self.total.add(entry);
        self.of_type(&entry.action).add(entry);
    }

    /// Counts what others add up to.
    pub fn merge(&mut self, other: &Self) {
        self.total.merge(&other.total);
        for (operation_type, figures) in &other.by_type {
            self.of_type(operation_type).merge(figures);
        }
    }

    fn of_type(&mut self, operation_type: &str) -> &mut Figures {
        let is_full = self.by_type.len() >= TYPES_MAX && !self.by_type.contains_key(operation_type);
        let name = if is_full { OTHERS } else { operation_type };
        self.by_type.entry(name.to_owned()).or_default()
    }
}

/// A day of a wallet's ledger.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DayRollup {
    /// The wallet.
    pub wallet: WalletId,
    /// The day, counted from 1970-01-01.
    pub day: i64,
    /// Place of its first entry.
    pub first: i64,
    /// Place of the last entry that is counted.
    pub last: i64,
    /// What they add up to.
    pub tally: Tally,
    /// Counts changes of this record; 0 before the first.
    pub revision: i64,
}

/// Entries are missing before those that came: after this place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Gap {
    /// The last place that is counted.
    pub after: i64,
}

/// The day of an instant.
pub fn day_of(at: Timestamp) -> i64 {
    at.day()
}

/// The roll-ups that change when `entries` are counted after `latest`, the oldest first. The entries come in any order, and
/// those that are counted already do not count.
pub fn fold(latest: Option<DayRollup>, entries: &[Entry]) -> Result<Vec<DayRollup>, Gap> {
    let mut sorted: Vec<&Entry> = entries.iter().collect();
    sorted.sort_by_key(|entry| entry.sequence);
    let mut counted = latest.as_ref().map_or(0, |day| day.last);
    let (mut current, mut changed) = (latest, Vec::<DayRollup>::new());
    for entry in sorted {
        if entry.sequence <= counted {
            continue;
        }
        if entry.sequence != counted + 1 {
            return Err(Gap { after: counted });
        }
        counted = entry.sequence;
        let day = day_of(entry.recorded_at);
        let mut rollup = match current.take().filter(|rollup| rollup.day == day) {
            Some(rollup) => rollup,
            None => DayRollup {
                wallet: entry.wallet.clone(),
                day,
                first: entry.sequence,
                last: 0,
                tally: Tally::default(),
                revision: 0,
            },
        };
        rollup.tally.add(entry);
        rollup.last = entry.sequence;
        changed.retain(|known| known.day != day);
        changed.push(rollup.clone());
        current = Some(rollup);
    }
    Ok(changed.into_iter().map(|rollup| DayRollup { revision: rollup.revision + 1, ..rollup }).collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::ids::LicenseId;
    use crate::model::wallet::Wallet;
    use crate::model::wallet::entry::Source;
    use crate::model::wallet::tests::cause;
    use proptest::prelude::*;

    /// A ledger with an entry every eight hours.
    fn ledger(count: i64) -> Vec<Entry> {
        let mut wallet = Wallet::empty(WalletId::License(LicenseId("w".into())));
        let mut entries = Vec::new();
        for index in 0..count {
            let at = Timestamp::from_ms(index * 28_800_000);
            let mut cause = cause(&index.to_string(), if index % 2 == 0 { Source::Reset } else { Source::Debit });
            cause.action = format!("type {}", index % 4);
            let (moved, more) = match index % 2 {
                0 => wallet.reset(100, cause, at),
                _ => wallet.spend(7, true, cause, at).unwrap(),
            };
            wallet = moved;
            entries.extend(more);
        }
        entries
    }

    fn apply(mut days: Vec<DayRollup>, entries: &[Entry]) -> Result<Vec<DayRollup>, Gap> {
        for changed in fold(days.last().cloned(), entries)? {
            days.retain(|day| day.day != changed.day);
            days.push(changed);
        }
        Ok(days)
    }

    fn plain(days: &[DayRollup]) -> Vec<DayRollup> {
        days.iter().map(|day| DayRollup { revision: 0, ..day.clone() }).collect()
    }

    #[test]
    fn a_gap_is_noticed_and_nothing_is_counted() {
        let entries = ledger(9);
        let days = apply(Vec::new(), &entries[..4]).unwrap();
        assert_eq!(apply(days.clone(), &entries[5..]), Err(Gap { after: 4 }));
        assert_eq!(plain(&apply(days, &entries[4..]).unwrap()), plain(&apply(Vec::new(), &entries).unwrap()));
    }

    #[test]
    fn a_day_tells_so_many_types_apart_and_no_more() {
        let mut tally = Tally::default();
        let mut entry = ledger(1).remove(0);
        for index in 0..TYPES_MAX + 3 {
            entry.action = format!("{index:04}");
            tally.add(&entry);
        }
        assert_eq!((tally.by_type.len(), tally.by_type[OTHERS].count), (TYPES_MAX + 1, 3));
    }

    proptest! {
        /// However the stream cuts the ledger up and repeats what it brought: the same days.
        #[test]
        fn entries_that_come_twice_late_and_in_pieces_count_once(
            count in 1_i64..40, cuts in proptest::collection::vec((0_usize..40, 0_usize..10), 0..20),
        ) {
            let entries = ledger(count);
            let whole = apply(Vec::new(), &entries).unwrap();
            let mut days = Vec::new();
            for (end, back) in cuts {
                let counted = days.last().map_or(0, |day: &DayRollup| day.last) as usize;
                let start = counted.saturating_sub(back);
                let end = end.clamp(start, entries.len());
                let mut some = entries[start..end].to_vec();
                some.reverse();
                days = apply(days, &some).unwrap();
            }
            let days = apply(days, &entries).unwrap();
            prop_assert_eq!(plain(&days), plain(&whole));
            let net: i64 = days.iter().map(|day| day.tally.total.net()).sum();
            prop_assert_eq!(net, entries.last().unwrap().balance_after);
        }
    }
}
