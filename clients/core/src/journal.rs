//! Uses of tokens from the moment they happen until they are charged, and the records that keep them over a crash.

use std::collections::{BTreeMap, VecDeque};

use ltlm_protocol::{Timestamp, json, limits};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

/// A use.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Use {
    /// Its operation id.
    pub(crate) id: String,
    /// The license.
    pub(crate) key: String,
    /// Tokens.
    pub(crate) amount: i64,
    /// What for.
    pub(crate) action: String,
    /// When, in milliseconds since the Unix epoch, by the trusted clock.
    pub(crate) at_ms: i64,
    /// Counts the uses of the device, which distinguishes uses of the same millisecond. Two processes that run at once can assign the
    /// same number.
    pub(crate) number: u64,
    /// Facts.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) meta: Option<Map<String, Value>>,
}

/// A record of the journal. A version that knows more kinds writes what this one skips.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) enum Record {
    /// A use that waits for a batch.
    Use(Use),
    /// A confirmed use whose outcome is not known.
    Confirm(Use),
    /// These uses are charged, refused or set aside.
    Done(Vec<String>),
}

impl Record {
    /// Its bytes.
    pub(crate) fn bytes(&self) -> Vec<u8> {
        // No maps with keys that are not texts, so this cannot fail.
        serde_json::to_vec(self).unwrap_or_default()
    }
}

impl Use {
    /// The use as a batch contains it. The seven digits of its second distinguish it from the uses before and after it.
    pub(crate) fn item(&self, hwid: &str) -> Value {
        let time = Timestamp::from_ms(self.at_ms).to_string();
        let time = format!("{}{:04}Z", time.trim_end_matches('Z'), self.number % 10_000);
        serde_json::json!({
            "key": self.key, "amount": self.amount, "action": self.action, "hwid": hwid, "timestamp": time,
            "meta": self.meta, "operationId": self.id, "sequence": self.number,
        })
    }
}

/// Uses that wait, oldest first, and confirmed uses of unknown outcome.
#[derive(Debug, Default)]
pub(crate) struct Queue {
    waiting: VecDeque<Use>,
    unresolved: VecDeque<Use>,
    /// Tokens that wait, by license.
    sums: BTreeMap<String, i64>,
    /// Records in the journal.
    records: usize,
    /// The largest number of a use in the journal, done or not.
    last_number: u64,
}

impl Queue {
    /// What the records of a journal leave.
    pub(crate) fn replayed(records: &[Vec<u8>]) -> Self {
        let mut queue = Self { records: records.len(), ..Self::default() };
        let records: Vec<Record> = records.iter().filter_map(|bytes| json::parse_as(bytes).ok()).collect();
        let done: std::collections::BTreeSet<&String> = records
            .iter()
            .filter_map(|record| match record {
                Record::Done(ids) => Some(ids),
                _ => None,
            })
            .flatten()
            .collect();
        let mut known = std::collections::BTreeSet::new();
        for record in &records {
            match record {
                // Another process may have taken over what is in two journals now.
                Record::Use(one) | Record::Confirm(one) if done.contains(&one.id) || !known.insert(&one.id) => {}
                Record::Use(one) => queue.push(one.clone()),
                Record::Confirm(one) => queue.unresolved.push_back(one.clone()),
                Record::Done(_) => {}
            }
        }
        let uses = records.iter().filter_map(|record| match record {
            Record::Use(one) | Record::Confirm(one) => Some(one.number),
            Record::Done(_) => None,
        });
        queue.last_number = uses.max().unwrap_or(0);
        queue.waiting.make_contiguous().sort_by_key(|one| one.at_ms);
        queue
    }

    /// Adds a use.
    pub(crate) fn push(&mut self, one: Use) {
        *self.sums.entry(one.key.clone()).or_default() += one.amount;
        self.waiting.push_back(one);
    }

    /// Adds a confirmed use.
    pub(crate) fn push_unresolved(&mut self, one: Use) {
        if !self.unresolved.iter().any(|known| known.id == one.id) {
            self.unresolved.push_back(one);
        }
    }

    /// The largest number of a use that the journal held at the start; 0 if it held none.
    pub(crate) fn last_number(&self) -> u64 {
        self.last_number
    }

    /// How many wait, unresolved ones too.
    pub(crate) fn len(&self) -> usize {
        self.waiting.len() + self.unresolved.len()
    }

    /// How many wait for a batch.
    pub(crate) fn waiting(&self) -> usize {
        self.waiting.len()
    }

    /// The oldest confirmed use of unknown outcome.
    pub(crate) fn unresolved(&self) -> Option<&Use> {
        self.unresolved.front()
    }

    /// The state of an operation in the journal.
    pub(crate) fn find(&self, id: &str) -> Option<crate::call::Outcome> {
        if self.waiting.iter().any(|one| one.id == id) {
            return Some(crate::call::Outcome::Queued);
        }
        let is_unresolved = self.unresolved.iter().any(|one| one.id == id);
        is_unresolved.then_some(crate::call::Outcome::Unresolved)
    }

    /// Tokens of a license that wait.
    pub(crate) fn tokens(&self, key: &str) -> i64 {
        let unresolved: i64 = self.unresolved.iter().filter(|one| one.key == key).map(|one| one.amount).sum();
        self.sums.get(key).copied().unwrap_or(0).saturating_add(unresolved)
    }

    /// The oldest uses that one batch may hold: at most `count`, and at most `bytes` of JSON, but one at least.
    pub(crate) fn batch(&self, hwid: &str, count: usize, bytes: usize) -> (Vec<String>, Vec<Value>) {
        let (mut ids, mut items, mut size) = (Vec::new(), Vec::new(), 0);
        for one in self.waiting.iter().take(count.clamp(1, limits::BATCH_USAGES_MAX)) {
            let item = one.item(hwid);
            size += item.to_string().len() + 1;
            if size > bytes && !items.is_empty() {
                break;
            }
            ids.push(one.id.clone());
            items.push(item);
        }
        (ids, items)
    }

    /// These uses wait no longer; those that did.
    pub(crate) fn remove(&mut self, ids: &[String]) -> Vec<Use> {
        let gone: std::collections::BTreeSet<&String> = ids.iter().collect();
        let mut removed = Vec::new();
        self.waiting.retain(|one| {
            let is_gone = gone.contains(&one.id);
            if is_gone {
                removed.push(one.clone());
            }
            !is_gone
        });
        for one in &removed {
            let sum = self.sums.entry(one.key.clone()).or_default();
            *sum -= one.amount;
            if *sum == 0 {
                self.sums.remove(&one.key);
            }
        }
        self.unresolved.retain(|one| {
            let is_gone = gone.contains(&one.id);
            if is_gone {
                removed.push(one.clone());
            }
            !is_gone
        });
        removed
    }

    /// Notes records that were added to the journal.
    pub(crate) fn recorded(&mut self, count: usize) {
        self.records += count;
    }

    /// The records of a journal without finished operations, if it is worth rewriting it.
    pub(crate) fn compacted(&mut self) -> Option<Vec<Vec<u8>>> {
        let is_worth_it = match self.len() {
            0 => self.records > 0,
            live => self.records > 4 * live + 10_000,
        };
        if !is_worth_it {
            return None;
        }
        let waiting = self.waiting.iter().cloned().map(Record::Use);
        let unresolved = self.unresolved.iter().cloned().map(Record::Confirm);
        let records: Vec<_> = waiting.chain(unresolved).map(|record| record.bytes()).collect();
        self.records = records.len();
        Some(records)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn one(id: &str, amount: i64) -> Use {
        Use { id: id.into(), key: "L".into(), amount, action: "x".into(), at_ms: 1_000, number: 7, meta: None }
    }

    #[test]
    fn c43_a_replayed_journal_holds_what_is_not_done_once_and_in_order() {
        let mut other = one("c", 3);
        other.at_ms = 500;
        let records = [
            Record::Use(one("a", 1)),
            Record::Use(one("b", 2)),
            Record::Use(one("a", 1)),
            Record::Confirm(one("d", 4)),
            Record::Confirm(one("e", 5)),
            Record::Use(other),
            Record::Done(vec!["b".into(), "e".into()]),
        ];
        let mut bytes: Vec<_> = records.iter().map(Record::bytes).collect();
        bytes.push(b"{\"later\":1}".to_vec());
        bytes.push(b"torn".to_vec());
        let mut queue = Queue::replayed(&bytes);
        assert_eq!((queue.len(), queue.waiting(), queue.tokens("L"), queue.tokens("M")), (3, 2, 8, 0));
        assert_eq!((queue.last_number(), Queue::default().last_number()), (7, 0));
        assert_eq!(queue.batch("h", 10, 1_000).0, ["c", "a"]);
        assert_eq!(queue.find("d"), Some(crate::call::Outcome::Unresolved));
        assert_eq!(queue.remove(&["a".into(), "d".into(), "zz".into()]).len(), 2);
        assert_eq!((queue.len(), queue.tokens("L")), (1, 3));
        assert_eq!(queue.compacted(), None);
        queue.remove(&["c".into()]);
        assert_eq!(queue.compacted(), Some(vec![]));
        assert_eq!(queue.compacted(), None, "once");
    }

    #[test]
    fn a_batch_is_bounded_in_uses_and_in_bytes_and_never_empty() {
        let mut queue = Queue::default();
        for number in 0..2_500 {
            queue.push(one(&format!("id-{number}"), 1));
        }
        assert_eq!(queue.batch("h", 5_000, usize::MAX).0.len(), 1_000);
        let size = one("id-0", 1).item("h").to_string().len() + 1;
        assert_eq!(queue.batch("h", 1_000, 3 * size).0.len(), 3);
        assert_eq!(queue.batch("h", 0, 0).0, ["id-0"]);
    }

    #[test]
    fn uses_of_one_millisecond_have_times_of_their_own() {
        let (a, b) = (one("a", 1), Use { number: 8, ..one("b", 1) });
        assert_eq!(a.item("h")["timestamp"], "1970-01-01T00:00:01.0000007Z");
        assert_ne!(a.item("h")["timestamp"], b.item("h")["timestamp"]);
    }
}
