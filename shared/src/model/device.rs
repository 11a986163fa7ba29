//! A registered device and what it has of seats.

use ltlm_protocol::Timestamp;
use ltlm_protocol::license_data::KickedNotice;
use serde_json::{Map, Value};

/// A device's seat, by its own record (wire 4.3). Whether a held seat still counts is the slot's word: see `seats.rs`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum SeatClaim {
    /// Never held, or lost by silence.
    #[default]
    None,
    /// Holds this slot, since its epoch.
    Holds {
        /// Number of the slot.
        slot: i64,
        /// The slot's epoch when it was claimed.
        epoch: i64,
    },
    /// Gave its seat back and did not ask again.
    Released,
    /// It lost its seat to another caller and has not returned yet.
    Kicked(KickedNotice),
}

/// A device's record.
#[derive(Clone, Debug, PartialEq)]
pub struct Device {
    /// Its id.
    pub hwid: String,
    /// Its name.
    pub nickname: Option<String>,
    /// The application's version at the last activation.
    pub client_version: Option<String>,
    /// Free-form facts about it.
    pub meta: Option<Map<String, Value>>,
    /// The Ed25519 key that its requests are signed with, if it gave one at its activation (wire section 7, W1).
    pub public_key: Option<[u8; 32]>,
    /// First activation.
    pub registered_at: Timestamp,
    /// Last activation; lists are sorted by it.
    pub activated_at: Timestamp,
    /// Last contact that wrote this record. Heartbeats of a seat's holder write the seat instead.
    pub seen_at: Timestamp,
    /// Its seat.
    pub seat: SeatClaim,
    /// Counts changes of `seat`, `released_other_at` and what the vendor says of it, so that a late write cannot undo a newer
    /// one.
    pub seat_revision: i64,
    /// When it last released another device's seat. The cooldown counts from here, and a removal does not end it.
    pub released_other_at: Option<Timestamp>,
    /// When the vendor removed it. A removed device is not registered; its record only remembers why.
    pub removed_at: Option<Timestamp>,
}
