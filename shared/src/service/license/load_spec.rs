//! What a command wants loaded.

use ltlm_protocol::Timestamp;

use crate::domain::pro::device_proof::{Activation, Proof};
use crate::domain::pro::nonce::NonceUse;
use crate::domain::throttle::Limited;
use crate::model::administrator::Administrator;
use crate::model::ids::{LicenseId, OperationId};
use crate::service::retry::Unread;

/// Whose license may be loaded.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Access {
    /// Licenses of the project that this secret names: its SHA-256 in hex.
    Secret(String),
    /// Licenses that this administrator may act on.
    Administrator(Administrator),
}

/// What to load.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LoadSpec {
    /// The caller.
    pub access: Access,
    /// The license.
    pub license: LicenseId,
    /// The instant the call is judged at.
    pub now: Timestamp,
    /// The calling device.
    pub hwid: Option<String>,
    /// Another device that the command is about.
    pub target: Option<String>,
    /// The operation that may have happened already.
    pub operation: Option<OperationId>,
    /// The same, if its entry is left unread until it can matter.
    pub unread: Option<Unread>,
    /// Under which id an administrator's act on it is remembered.
    pub act: Option<String>,
    /// A policy that the command is about, by its number.
    pub policy: Option<i64>,
    /// The order that the command creates, by its id.
    pub order: Option<String>,
    /// What comes along.
    pub beside: Include,
    /// How it is read.
    pub consistency: Consistency,
    /// How far it goes for a seat.
    pub claims: SeatSearch,
    /// Its turn in the device's chain, if it came in an envelope.
    pub turn: Option<NonceUse>,
    /// The device's signature, if it signed.
    pub proof: Option<Proof>,
    /// The command registers the device.
    pub activation: Option<Activation>,
    /// What a registered device may do only so often, and the name of this one call.
    pub limited: Option<(Limited, String)>,
}

/// How items are read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Consistency {
    /// As they are.
    Strong,
    /// The project and the license as they are. The wallet, the chain of nonces and, for a heartbeat of a device that does not sign, the
    /// device's record may be a moment old: the commit verifies them
    /// ([`is_verified_by`](crate::domain::license::state::LicenseState::is_verified_by)).
    Eventual,
}

/// How far a command goes for a seat, where they are too many to be read each time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SeatSearch {
    /// It reads: it claims no seat, and does not store a count that it makes.
    Never,
    /// It claims no seat, and stores a count that it makes.
    Staying,
    /// It claims a free seat on the pages that it reads: all pages only if the count shows that there is room.
    Passing,
    /// It claims a seat if any is free.
    Insisting,
}

impl LoadSpec {
    /// The license and its wallet, nothing else.
    pub fn new(access: Access, license: LicenseId, now: Timestamp) -> Self {
        Self {
            access,
            license,
            now,
            hwid: None,
            target: None,
            operation: None,
            unread: None,
            act: None,
            policy: None,
            order: None,
            beside: Include::Nothing,
            consistency: Consistency::Strong,
            claims: SeatSearch::Never,
            turn: None,
            proof: None,
            activation: None,
            limited: None,
        }
    }
}

/// The records to load besides the license, its wallet and its devices by name; records that are not needed are not
/// read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Include {
    /// All that `LicenseData` shows: seats, devices, settings.
    Everything,
    /// The seats that concern the devices by name.
    Seats,
    /// The calling device's seat: from this process's memory, or from its page.
    OwnSeat,
    /// The calling device's seat, not read: it is assumed that the device still holds the one that its record names.
    AssumedSeat,
    /// Every seat.
    AllSeats,
    /// Settings.
    Settings,
    /// None of it.
    Nothing,
}
