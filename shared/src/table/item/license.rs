//! Items of licenses: the license, its devices, seats, settings and listings.

use serde_json::json;

use crate::model::device::{Device, SeatClaim};
use crate::model::email::Email;
use crate::model::ids::LicenseId;
use crate::model::license::{AdminState, Buyer, License, Listing};
use crate::model::purchases::Purchases;
use crate::model::seat::{Holder, Seat, SeatCounts, SeatsOpen};
use crate::model::settings::Settings;
use crate::table::item::attributes::{Builder, Item, ItemError, Reader};
use crate::table::key;
use crate::table::port::List;

/// A license's item.
pub fn license(license: &License) -> Item {
    Builder::new(key::license(&license.id))
        .int("number", license.number)
        .text("projectId", &license.project_id)
        .int("policyNumber", license.policy_number)
        .text("state", license.state.wire())
        .text_opt("stateReason", license.state_reason.as_ref())
        .document("overrides", &license.overrides)
        .text_opt("purchases", purchases_text(&license.purchases))
        .document("metadata", &license.metadata)
        .text_opt("email", Some(&license.buyer.email).filter(|email| !email.is_empty()))
        .text_opt("buyerName", license.buyer.name.as_ref())
        .document("buyerMetadata", &license.buyer.metadata)
        .text_opt("lastCountry", license.buyer.last_country.as_ref())
        .int("deviceCount", license.device_count)
        .int_opt("test", license.is_test.then_some(1))
        .int("revision", license.revision)
        .text_opt("seatCounts", license.seat_counts.as_ref().map(counts_text))
        .at_opt("seatsCountedAt", license.seat_counts.as_ref().map(|counts| counts.counted_at))
        .int_opt("seatsCountedTurn", license.seat_counts.as_ref().map(|counts| counts.turn))
        .int_opt("seatsOpen", license.seats_open.map(|open| open.max))
        .int_opt("seatsTurn", license.seats_open.map(|open| open.turn))
        .at_opt("seatsLoweredAt", license.seats_open.and_then(|open| open.lowered_at))
        .at("createdAt", license.created_at)
        .at_opt("validUntil", license.valid_until)
        .build()
}

pub(crate) fn read_license(r: &Reader<'_>, id: crate::model::ids::LicenseId) -> Result<License, ItemError> {
    Ok(License {
        id,
        number: r.int("number")?,
        project_id: r.text("projectId")?,
        policy_number: r.int("policyNumber")?,
        state: AdminState::parse(&r.text("state")?).ok_or(ItemError { attribute: "state" })?,
        state_reason: r.text_opt("stateReason"),
        valid_until: r.at_opt("validUntil"),
        overrides: r.document("overrides")?,
        purchases: read_purchases(r)?,
        metadata: r.document("metadata")?,
        buyer: Buyer {
            email: r.text_opt("email").unwrap_or_default(),
            name: r.text_opt("buyerName"),
            metadata: r.document("buyerMetadata")?,
            last_country: r.text_opt("lastCountry"),
        },
        device_count: r.int("deviceCount")?,
        is_test: r.int_opt("test") == Some(1),
        revision: r.int("revision")?,
        seat_counts: read_counts(r)?,
        // Licenses of before the number was noted have none.
        seats_open: r.int_opt("seatsOpen").map(|max| SeatsOpen {
            max,
            turn: r.int_opt("seatsTurn").unwrap_or(0),
            lowered_at: r.at_opt("seatsLoweredAt"),
        }),
        created_at: r.at("createdAt")?,
    })
}

/// What was bought on top of a license's policy, as text; none if nothing was.
pub fn purchases_text(purchases: &Purchases) -> Option<String> {
    let Purchases { devices, seats, capabilities } = purchases;
    let bought = *purchases != Purchases::default();
    bought.then(|| json!({"devices": devices, "seats": seats, "capabilities": capabilities}).to_string())
}

fn read_purchases(r: &Reader<'_>) -> Result<Purchases, ItemError> {
    let bought = r.document("purchases")?;
    let int = |name: &str| bought.get(name).and_then(serde_json::Value::as_i64).unwrap_or(0);
    let names = bought.get("capabilities").and_then(serde_json::Value::as_array).into_iter().flatten();
    let capabilities = names.filter_map(|name| name.as_str().map(str::to_owned)).collect();
    Ok(Purchases { devices: int("devices"), seats: int("seats"), capabilities })
}

/// Counts of seats as text: the maximum, those above it, then page by page.
pub fn counts_text(counts: &SeatCounts) -> String {
    let numbers = [counts.max, counts.above].into_iter().chain(counts.pages.iter().copied());
    numbers.map(|number| number.to_string()).collect::<Vec<_>>().join(" ")
}

fn read_counts(r: &Reader<'_>) -> Result<Option<SeatCounts>, ItemError> {
    let broken = ItemError { attribute: "seatCounts" };
    let Some(text) = r.text_opt("seatCounts") else { return Ok(None) };
    let numbers: Result<Vec<i64>, _> = text.split(' ').map(str::parse).collect();
    match numbers.as_deref() {
        Ok([max, above, pages @ ..]) => Ok(Some(SeatCounts {
            counted_at: r.at("seatsCountedAt")?,
            max: *max,
            turn: r.int_opt("seatsCountedTurn").unwrap_or(0),
            above: *above,
            pages: pages.to_vec(),
        })),
        _ => Err(broken),
    }
}

/// A device's item.
pub fn device(license: &crate::model::ids::LicenseId, device: &Device) -> Item {
    let builder = Builder::new(key::device(license, &device.hwid))
        .text_opt("nickname", device.nickname.as_ref())
        .text_opt("clientVersion", device.client_version.as_ref())
        .text_opt("meta", device.meta.as_ref().map(|meta| json!(meta).to_string()))
        .at("registeredAt", device.registered_at)
        .at("activatedAt", device.activated_at)
        .at("seenAt", device.seen_at)
        .text("seat", seat_text(&device.seat))
        .int("seatRevision", device.seat_revision)
        .bytes_opt("publicKey", device.public_key.as_ref().map(<[u8; 32]>::as_slice))
        .at_opt("releasedOtherAt", device.released_other_at)
        .at_opt("removedAt", device.removed_at);
    // A removed one stands in no list.
    if device.removed_at.is_some() {
        return builder.build();
    }
    builder
        .text("listPk", key::list_partition(&List::Devices(license.clone())))
        .text("listSk", key::timed_sort(device.activated_at, &device.hwid))
        .build()
}

pub(crate) fn read_device(r: &Reader<'_>, hwid: String) -> Result<Device, ItemError> {
    Ok(Device {
        hwid,
        nickname: r.text_opt("nickname"),
        client_version: r.text_opt("clientVersion"),
        meta: r.document_opt("meta")?,
        public_key: r.bytes("publicKey").try_into().ok(),
        registered_at: r.at("registeredAt")?,
        activated_at: r.at("activatedAt")?,
        seen_at: r.at("seenAt")?,
        seat: read_seat_text(&r.text("seat")?).ok_or(ItemError { attribute: "seat" })?,
        seat_revision: r.int("seatRevision")?,
        released_other_at: r.at_opt("releasedOtherAt"),
        removed_at: r.at_opt("removedAt"),
    })
}

/// A device's seat as text: `none`, `released`, `holds <slot> <epoch>`, or `kicked <notice as JSON>`.
pub fn seat_text(claim: &SeatClaim) -> String {
    match claim {
        SeatClaim::None => "none".to_owned(),
        SeatClaim::Released => "released".to_owned(),
        SeatClaim::Holds { slot, epoch } => format!("holds {slot} {epoch}"),
        SeatClaim::Kicked(notice) => format!("kicked {}", json!(notice)),
    }
}

fn read_seat_text(text: &str) -> Option<SeatClaim> {
    let (word, rest) = text.split_once(' ').unwrap_or((text, ""));
    match word {
        "none" => Some(SeatClaim::None),
        "released" => Some(SeatClaim::Released),
        "holds" => {
            let (slot, epoch) = rest.split_once(' ')?;
            Some(SeatClaim::Holds { slot: slot.parse().ok()?, epoch: epoch.parse().ok()? })
        }
        "kicked" => Some(SeatClaim::Kicked(ltlm_protocol::json::parse_as(rest.as_bytes()).ok()?)),
        _ => None,
    }
}

/// A seat's item.
pub fn seat(license: &LicenseId, seat: &Seat) -> Item {
    let holder = seat.holder.as_ref();
    Builder::new(key::seat(license, seat.slot))
        .int("epoch", seat.epoch)
        .text_opt("holder", holder.map(|holder| &holder.hwid))
        .text_opt("nickname", holder.and_then(|holder| holder.nickname.as_ref()))
        .at_opt("seenAt", holder.map(|holder| holder.seen_at))
        .at_opt("leaseUntil", holder.map(|holder| holder.lease_until))
        .build()
}

pub(crate) fn read_holder(r: &Reader<'_>) -> Result<Option<Holder>, ItemError> {
    let Some(hwid) = r.text_opt("holder") else { return Ok(None) };
    Ok(Some(Holder {
        hwid,
        nickname: r.text_opt("nickname"),
        seen_at: r.at("seenAt")?,
        lease_until: r.at("leaseUntil")?,
    }))
}

/// User settings' item.
pub fn settings(license: &crate::model::ids::LicenseId, settings: &Settings) -> Item {
    Builder::new(key::settings(license))
        .document("document", &settings.document)
        .int("revision", settings.revision)
        .at("updatedAt", settings.updated_at)
        .build()
}

/// A license's place in its project's list.
pub fn listing(listing: &Listing) -> Item {
    Builder::new(key::listing(&listing.license))
        .text("projectId", &listing.project_id)
        .int("number", listing.number)
        .bytes("sealed", &listing.sealed)
        .text("listPk", key::list_partition(&List::Licenses(listing.project_id.clone())))
        .text("listSk", key::numbered_sort(listing.number))
        .build()
}

/// A license's place in its customer's list; in none without an e-mail.
pub fn buyer_listing(license: &License) -> Item {
    let builder = Builder::new(key::buyer_listing(&license.id)).int("number", license.number);
    if license.buyer.email.trim().is_empty() {
        return builder.build();
    }
    let list = List::Buyer(license.project_id.clone(), Email::of_kept(&license.buyer.email));
    builder.text("listPk", key::list_partition(&list)).text("listSk", key::numbered_sort(license.number)).build()
}
