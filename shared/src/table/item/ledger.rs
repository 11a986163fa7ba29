//! Wallets, their ledgers, and what those add up to.

use ltlm_protocol::Timestamp;
use serde_json::{Map, json};

use crate::model::wallet::Wallet;
use crate::model::wallet::entry::{Entry, PastFloor};
use crate::model::wallet::grant::{Grant, Headroom, Hold, Piece};
use crate::model::wallet::rollup::{DayRollup, Figures, Tally};
use crate::table::item::attributes::{Builder, Item, ItemError, Reader};
use crate::table::key;

/// A wallet's item.
pub fn wallet(wallet: &Wallet) -> Item {
    let grants: Vec<_> = wallet
        .grants
        .iter()
        .map(|g| {
            json!({"id": g.id, "amount": g.amount, "remaining": g.remaining, "priority": g.priority,
                "expiresAt": g.expires_at.map(Timestamp::ms), "grantedAt": g.granted_at.ms()})
        })
        .collect();
    let builder = Builder::new(key::wallet(&wallet.id))
        .text("grants", json!(grants).to_string())
        .int("debt", wallet.debt)
        .int("sequence", wallet.sequence)
        .int("spent", wallet.spent)
        .at_opt("period", wallet.period)
        .int_opt("spentBefore", Some(wallet.spent_before).filter(|spent| *spent != 0))
        .at_opt("dueAt", wallet.due_at)
        .text_opt("holds", holds_text(&wallet.holds))
        .text_opt("rooms", rooms_text(&wallet.rooms))
        .bytes("head", &wallet.head)
        .at("movedAt", wallet.moved_at)
        .int_opt("accountRevision", wallet.account_revision);
    let Some(due_at) = wallet.due_at else { return builder.build() };
    let (partition, name) = key::due(&wallet.id);
    builder.text("duePk", partition).text("dueSk", key::timed_sort(due_at, &name)).build()
}

/// Holds as text; `None` if there are none.
pub(super) fn holds_text(holds: &[Hold]) -> Option<String> {
    let rows = holds.iter().map(|h| {
        json!({"id": h.id, "amount": h.amount, "action": h.action, "expiresAt": h.expires_at.ms(),
            "sequence": h.sequence,
            "pieces": pieces_json(&h.pieces)})
    });
    (!holds.is_empty()).then(|| json!(rows.collect::<Vec<_>>()).to_string())
}

fn pieces_json(pieces: &[Piece]) -> serde_json::Value {
    let piece = |p: &Piece| {
        json!({"grant": p.grant, "priority": p.priority, "expiresAt": p.expires_at.map(Timestamp::ms),
            "grantedAt": p.granted_at.ms(), "amount": p.amount})
    };
    pieces.iter().map(piece).collect()
}

fn read_pieces(value: &serde_json::Value) -> Option<Vec<Piece>> {
    let piece = |row: &serde_json::Value| {
        let grant = row.get("grant")?.as_str()?.to_owned();
        Some(Piece {
            priority: row.get("priority").map_or(Some(Piece::priority_of(&grant)), serde_json::Value::as_i64)?,
            grant,
            expires_at: row.get("expiresAt")?.as_i64().map(Timestamp::from_ms),
            granted_at: Timestamp::from_ms(row.get("grantedAt")?.as_i64()?),
            amount: row.get("amount")?.as_i64()?,
        })
    };
    value.as_array()?.iter().map(piece).collect()
}

/// What an entry's tokens were drawn from.
pub(super) fn read_drawn(r: &Reader<'_>) -> Result<Vec<Piece>, ItemError> {
    let Some(rows) = r.json("drawn")? else { return Ok(Vec::new()) };
    read_pieces(&rows).ok_or(ItemError { attribute: "drawn" })
}

/// Rooms as text, place and tokens each; `None` if there are none.
fn rooms_text(rooms: &[Headroom]) -> Option<String> {
    let rows: Vec<_> = rooms.iter().map(|room| json!([room.sequence, room.tokens])).collect();
    (!rows.is_empty()).then(|| json!(rows).to_string())
}

pub(super) fn read_rooms(r: &Reader<'_>) -> Result<Vec<Headroom>, ItemError> {
    let Some(rows) = r.json("rooms")? else { return Ok(Vec::new()) };
    let room =
        |row: &serde_json::Value| Some(Headroom { sequence: row.get(0)?.as_i64()?, tokens: row.get(1)?.as_i64()? });
    let rooms = rows.as_array().and_then(|rows| rows.iter().map(room).collect());
    rooms.ok_or(ItemError { attribute: "rooms" })
}

pub(super) fn read_holds(r: &Reader<'_>) -> Result<Vec<Hold>, ItemError> {
    let broken = ItemError { attribute: "holds" };
    let Some(rows) = r.json("holds")? else { return Ok(Vec::new()) };
    let hold = |row: &serde_json::Value| {
        Some(Hold {
            id: row.get("id")?.as_str()?.to_owned(),
            amount: row.get("amount")?.as_i64()?,
            action: row.get("action")?.as_str()?.to_owned(),
            expires_at: Timestamp::from_ms(row.get("expiresAt")?.as_i64()?),
            sequence: row.get("sequence").and_then(serde_json::Value::as_i64).unwrap_or(0),
            pieces: read_pieces(row.get("pieces")?)?,
        })
    };
    rows.as_array().and_then(|rows| rows.iter().map(hold).collect()).ok_or(broken)
}

pub(super) fn read_grants(r: &Reader<'_>) -> Result<Vec<Grant>, ItemError> {
    let broken = ItemError { attribute: "grants" };
    let Some(serde_json::Value::Array(list)) = r.json("grants")? else { return Err(broken) };
    let grants: Option<Vec<_>> = list.iter().map(read_grant).collect();
    grants.ok_or(broken)
}

/// A ledger entry's item.
pub fn entry(entry: &Entry) -> Item {
    Builder::new(key::entry(&entry.wallet, &entry.operation))
        .text("fingerprint", &entry.fingerprint)
        .int("sequence", entry.sequence)
        .int("amount", entry.amount)
        .int("balanceBefore", entry.balance_before)
        .int("balanceAfter", entry.balance_after)
        .int("limitAfter", entry.limit_after)
        .text("action", &entry.action)
        .text("source", entry.source.wire())
        .text_opt("hwid", entry.hwid.as_ref())
        .int_opt("usageSequence", entry.usage_sequence)
        .at("occurredAt", entry.occurred_at)
        .at("recordedAt", entry.recorded_at)
        .text_opt("meta", entry.meta.as_ref().map(|meta| json!(meta).to_string()))
        .bytes_opt("erased", entry.erased.as_ref().map(|hash| &hash[..]))
        .bytes("previous", &entry.previous)
        .text_opt("batch", entry.batch.as_ref())
        .int_opt("uncharged", entry.uncharged)
        .int_opt("presumed", entry.is_presumed.then_some(1))
        .int_opt("pastFloor", entry.past_floor.map(|past| if past == PastFloor::First { 1 } else { 2 }))
        .int_opt("spentAfter", entry.spent_after)
        .text_opt("original", entry.original.as_ref())
        .int_opt("refunded", Some(entry.refunded).filter(|refunded| *refunded > 0))
        .text_opt("drawn", (!entry.drawn.is_empty()).then(|| pieces_json(&entry.drawn).to_string()))
        .int_opt("lapsed", Some(entry.lapsed).filter(|lapsed| *lapsed > 0))
        .int_opt("limitBefore", entry.limit_before)
        .text("listPk", key::ledger_partition(&entry.wallet))
        .text("listSk", key::entry_list_sort(entry.sequence))
        .build()
}

/// A day's item.
pub fn rollup(day: &DayRollup) -> Item {
    let types: Map<_, _> =
        day.tally.by_type.iter().map(|(name, figures)| (name.clone(), figures_json(figures))).collect();
    Builder::new(key::rollup(&day.wallet, day.day))
        .int("first", day.first)
        .int("last", day.last)
        .text("total", figures_json(&day.tally.total).to_string())
        .text("types", json!(types).to_string())
        .int("revision", day.revision)
        .build()
}

/// Figures as a list, in the order of their declaration.
pub(super) fn figures_json(f: &Figures) -> serde_json::Value {
    json!([f.count, f.spent, f.refunded, f.granted, f.expired, f.adjusted, f.held])
}

pub(super) fn read_figures(value: &serde_json::Value) -> Option<Figures> {
    let numbers: Vec<i64> = value.as_array()?.iter().map(serde_json::Value::as_i64).collect::<Option<_>>()?;
    let [count, spent, refunded, granted, expired, adjusted, held] = numbers.try_into().ok()?;
    Some(Figures { count, spent, refunded, granted, expired, adjusted, held })
}

pub(super) fn read_tally(r: &Reader<'_>) -> Result<Tally, ItemError> {
    let total = r.json("total")?.as_ref().and_then(read_figures).ok_or(ItemError { attribute: "total" })?;
    let types = r.document("types")?;
    let by_type = types.iter().map(|(name, figures)| Some((name.clone(), read_figures(figures)?)));
    Ok(Tally { total, by_type: by_type.collect::<Option<_>>().ok_or(ItemError { attribute: "types" })? })
}

fn read_grant(value: &serde_json::Value) -> Option<Grant> {
    let int = |name: &str| value.get(name).and_then(serde_json::Value::as_i64);
    Some(Grant {
        id: value.get("id")?.as_str()?.to_owned(),
        amount: int("amount")?,
        remaining: int("remaining")?,
        priority: int("priority")?,
        expires_at: int("expiresAt").map(Timestamp::from_ms),
        granted_at: int("grantedAt").map(Timestamp::from_ms)?,
    })
}
