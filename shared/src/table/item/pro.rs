//! A device's chain of nonces.

use ltlm_protocol::Timestamp;

use crate::model::batch_memory::{BatchMemory, MEMORY_HOURS};
use crate::model::event::{EVENT_DAYS, Event};
use crate::model::ids::{BatchOwner, LicenseId, ShortHash};
use crate::model::nonce_chain::{
    Answer, BLOB_DAYS, CHAIN_DAYS, Chain, Charge, DeviceClock, Refused, SeenBlob, Unproven,
};
use crate::table::item::attributes::{Builder, Item, ItemError, Reader};
use crate::table::key;

/// A chain's item. Every call writes it, so it is packed: with all that it may hold it stays below a kilobyte, for ids of
/// devices that are ASCII.
pub fn chain(chain: &Chain) -> Item {
    let Unproven { charges, refused, clock, presumed_day, presumed_count } = &chain.unproven;
    let charges: Vec<u8> = charges.iter().flat_map(pack_charge).collect();
    let refused = refused.map(|r| [&r.what.0[..], &r.amount.to_be_bytes()[..], &r.at.ms().to_be_bytes()[..]].concat());
    let clock = clock.map(|c| [c.ahead_ms.to_be_bytes(), c.at.ms().to_be_bytes()].concat());
    let is_counted = *presumed_count > 0;
    Builder::new(key::chain(&chain.id))
        .bytes("outstanding", &chain.outstanding.iter().flat_map(|mark| mark.0).collect::<Vec<_>>())
        .bytes_opt("unproven", Some(charges.as_slice()).filter(|bytes| !bytes.is_empty()))
        .bytes_opt("refused", refused.as_deref())
        .bytes_opt("clock", clock.as_deref())
        .int_opt("presumedDay", is_counted.then_some(*presumed_day))
        .int_opt("presumedCount", is_counted.then_some(*presumed_count))
        .bytes_opt("batch", chain.batch.as_ref().map(|mark| mark.0.as_slice()))
        .int("revision", chain.revision)
        .at("usedAt", chain.used_at)
        .ttl(chain.used_at.plus_days(CHAIN_DAYS))
        .build()
}

pub(crate) fn marks(bytes: &[u8]) -> Vec<ShortHash> {
    bytes.as_chunks::<8>().0.iter().map(|bytes| ShortHash(*bytes)).collect()
}

/// What is known of an answer, as one byte.
const ANSWERS: [Answer; 4] = [Answer::Unknown, Answer::Lost, Answer::PresumedLost, Answer::Overtaken];

/// Bytes of a packed charge: three marks, the amount (4), the instant in milliseconds (8), what is known of the answer.
const CHARGE_BYTES: usize = 3 * 8 + 4 + 8 + 1;

fn pack_charge(charge: &Charge) -> Vec<u8> {
    let answer = ANSWERS.iter().position(|answer| *answer == charge.answer).unwrap_or_default();
    let amount = u32::try_from(charge.amount).unwrap_or(u32::MAX).to_be_bytes();
    let at = charge.at.ms().to_be_bytes();
    [&charge.used.0[..], &charge.issued.0, &charge.what.0, &amount, &at, &[answer as u8]].concat()
}

/// Takes fixed numbers of bytes off the front.
struct Bytes<'a>(&'a [u8]);

impl Bytes<'_> {
    fn take<const N: usize>(&mut self) -> Option<[u8; N]> {
        let (first, rest) = self.0.split_first_chunk()?;
        self.0 = rest;
        Some(*first)
    }

    fn int(&mut self) -> Option<i64> {
        self.take().map(i64::from_be_bytes)
    }

    fn at(&mut self) -> Option<Timestamp> {
        self.int().map(Timestamp::from_ms)
    }

    fn mark(&mut self) -> Option<ShortHash> {
        self.take().map(ShortHash)
    }

    fn charge(&mut self) -> Option<Charge> {
        Some(Charge {
            used: self.mark()?,
            issued: self.mark()?,
            what: self.mark()?,
            amount: self.take().map(u32::from_be_bytes)?.into(),
            at: self.at()?,
            answer: *ANSWERS.get(usize::from(u8::from_be_bytes(self.take()?)))?,
        })
    }

    fn refused(&mut self) -> Option<Refused> {
        Some(Refused { what: self.mark()?, amount: self.int()?, at: self.at()? })
    }

    fn clock(&mut self) -> Option<DeviceClock> {
        Some(DeviceClock { ahead_ms: self.int()?, at: self.at()? })
    }
}

pub(crate) fn read_unproven(r: &Reader<'_>) -> Result<Unproven, ItemError> {
    let packed = r.bytes("unproven");
    let charges: Option<Vec<_>> = match packed.is_empty() {
        true => r.text_opt("charges").unwrap_or_default().split(';').filter(|t| !t.is_empty()).map(read_text).collect(),
        false => packed.chunks(CHARGE_BYTES).map(|bytes| Bytes(bytes).charge()).collect(),
    };
    Ok(Unproven {
        charges: charges.ok_or(ItemError { attribute: "unproven" })?,
        refused: Bytes(&r.bytes("refused")).refused(),
        clock: Bytes(&r.bytes("clock")).clock(),
        presumed_day: r.int_opt("presumedDay").unwrap_or(0),
        presumed_count: r.int_opt("presumedCount").unwrap_or(0),
    })
}

/// A charge as it was written before it was packed: three marks in hex, amount, milliseconds, whether its answer was lost.
fn read_text(text: &str) -> Option<Charge> {
    let mut parts = text.split(' ');
    let mut mark = || marks(&hex::decode(parts.next()?).ok()?).first().copied();
    let (used, issued, what) = (mark()?, mark()?, mark()?);
    let mut int = || parts.next()?.parse::<i64>().ok();
    let (amount, at) = (int()?, Timestamp::from_ms(int()?));
    let answer = if int()? == 0 { Answer::Unknown } else { Answer::Lost };
    Some(Charge { used, issued, what, amount, at, answer })
}

/// The memory of a batch; DynamoDB removes it some time after it has ceased to count.
pub fn batch_memory(owner: &BatchOwner, memory: &BatchMemory) -> Item {
    let hours = match owner {
        BatchOwner::License(_) => MEMORY_HOURS,
        // As long as the chain that tells whether it still counts.
        BatchOwner::Chain(_) => CHAIN_DAYS * 24,
    };
    Builder::new(key::batch_memory(owner, &memory.hwid))
        .text("request", &memory.request)
        .int("from", memory.from)
        .int("count", memory.count)
        .text("hash", &memory.hash)
        .at("at", memory.at)
        .bytes_opt("answered", memory.answered.as_ref().map(|mark| mark.0.as_slice()))
        .int("revision", memory.revision)
        .ttl(memory.at.plus_seconds(hours * 3_600))
        .build()
}

/// The item of a cipher text that was accepted.
pub fn seen_blob(seen: &SeenBlob) -> Item {
    Builder::new(key::seen_blob(&seen.hash))
        .text("request", &seen.request)
        .at("at", seen.at)
        .ttl(seen.at.plus_days(BLOB_DAYS))
        .build()
}

/// An event's item.
pub fn event(event: &Event) -> Item {
    Builder::new(key::event(event))
        .text("projectId", &event.project_id)
        .text("hwid", &event.hwid)
        .text("request", &event.request)
        .text_opt("name", event.name.as_ref())
        .text("type", &event.kind)
        .document("payload", &event.payload)
        .at("at", event.at)
        .ttl(event.at.plus_days(EVENT_DAYS))
        .text("listPk", key::event_day(&event.project_id, event.at.day()))
        .text("listSk", key::timed_sort(event.at, &event.request))
        .text("duePk", key::event_day(&event.project_id, event.at.day()))
        .text("dueSk", key::event_kind_sort(event))
        .build()
}

pub(crate) fn read_event(r: &Reader<'_>, license: LicenseId) -> Result<Event, ItemError> {
    Ok(Event {
        project_id: r.text("projectId")?,
        license,
        hwid: r.text("hwid")?,
        request: r.text("request")?,
        name: r.text_opt("name"),
        kind: r.text("type")?,
        payload: r.document("payload")?,
        at: r.at("at")?,
    })
}

#[cfg(test)]
mod tests {
    use aws_sdk_dynamodb::types::AttributeValue as Value;
    use ltlm_protocol::limits;

    use super::*;
    use crate::domain::license::state::tests::NOW;
    use crate::model::ids::ChainId;
    use crate::model::nonce_chain::OUTSTANDING_MAX;
    use crate::model::record::Record;

    fn charge(answer: Answer) -> Charge {
        Charge {
            used: ShortHash([1; 8]),
            issued: ShortHash([2; 8]),
            what: ShortHash([3; 8]),
            amount: limits::AMOUNT_MAX,
            at: NOW,
            answer,
        }
    }

    fn full() -> Chain {
        let charges = ANSWERS.iter().cycle().take(limits::UNPROVEN_CHARGES_MAX).map(|answer| charge(*answer)).collect();
        Chain {
            id: ChainId { project_id: "prj_0123456789abcdef".into(), hwid: "h".repeat(limits::HWID_CHARS_MAX) },
            outstanding: (0..OUTSTANDING_MAX as u8).map(|n| ShortHash([n; 8])).collect(),
            unproven: Unproven {
                charges,
                refused: Some(Refused { what: ShortHash([4; 8]), amount: 5, at: NOW }),
                clock: Some(DeviceClock { ahead_ms: -86_400_000, at: NOW }),
                presumed_day: NOW.day(),
                presumed_count: limits::PRESUMED_LOST_PER_DAY,
            },
            batch: Some(ShortHash([9; 8])),
            revision: 1_000_000_000,
            used_at: NOW,
        }
    }

    fn read(item: &Item) -> Record {
        crate::table::item::record::record(item).unwrap().unwrap()
    }

    /// What DynamoDB counts: names, texts and bytes as they are, of a number a byte for two digits and one more.
    fn size(item: &Item) -> usize {
        let value = |value: &Value| match value {
            Value::S(text) => text.len(),
            Value::B(bytes) => bytes.as_ref().len(),
            Value::N(digits) => digits.len().div_ceil(2) + 2,
            other => panic!("{other:?}"),
        };
        item.iter().map(|(name, content)| name.len() + value(content)).sum()
    }

    #[test]
    fn a_chain_with_all_it_may_hold_is_read_back_and_below_a_kilobyte() {
        let item = chain(&full());
        assert_eq!(read(&item), Record::Chain(full()));
        assert!(size(&item) <= 1_024, "{} bytes", size(&item));
        let empty = Chain { outstanding: Vec::new(), unproven: Unproven::default(), batch: None, ..full() };
        assert_eq!(read(&chain(&empty)), Record::Chain(empty));
    }

    #[test]
    fn charges_that_were_written_as_text_are_read() {
        let old = Chain { unproven: Unproven::default(), ..full() };
        let text = |lost: u8| {
            let mark = |n: u8| hex::encode([n; 8]);
            format!("{} {} {} 1000000000 {} {lost}", mark(1), mark(2), mark(3), NOW.ms())
        };
        let mut item = chain(&old);
        item.insert("charges".into(), Value::S(format!("{};{}", text(1), text(0))));
        let charges = vec![charge(Answer::Lost), charge(Answer::Unknown)];
        assert_eq!(read(&item), Record::Chain(Chain { unproven: Unproven { charges, ..Unproven::default() }, ..old }));
        item.insert("charges".into(), Value::S("broken".into()));
        assert!(crate::table::item::record::record(&item).is_err());
    }
}
