//! A license: facts. What they mean at an instant is its status (`domain::license::status`).

use ltlm_protocol::Timestamp;
use serde_json::{Map, Value};

use crate::model::ids::LicenseId;
use crate::model::purchases::Purchases;
use crate::model::seat::{SeatCounts, SeatsOpen};

/// What the vendor decided about a license (wire 4.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AdminState {
    /// In force.
    Active,
    /// Stopped until resumed.
    Suspended,
    /// Stopped for good.
    Revoked,
    /// Stopped for good; the client quits the application.
    Terminated,
}

impl AdminState {
    /// All of them, with their texts on the wire.
    pub const ALL: &'static [(Self, &'static str)] = &[
        (Self::Active, "active"),
        (Self::Suspended, "suspended"),
        (Self::Revoked, "revoked"),
        (Self::Terminated, "terminated"),
    ];

    /// The text on the wire.
    pub fn wire(self) -> &'static str {
        Self::ALL.iter().find(|(state, _)| *state == self).map_or("active", |(_, text)| text)
    }

    /// The state with this text.
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.iter().find(|(_, wire)| *wire == text).map(|(state, _)| *state)
    }

    /// Nothing leads out of a final state.
    pub fn is_final(self) -> bool {
        matches!(self, Self::Revoked | Self::Terminated)
    }
}

/// The buyer of the license.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Buyer {
    /// E-mail, `""` if unknown.
    pub email: String,
    /// Name, if known.
    pub name: Option<String>,
    /// The vendor's own facts.
    pub metadata: Map<String, Value>,
    /// Country of the last call that carried one.
    pub last_country: Option<String>,
}

/// A license's record.
#[derive(Clone, Debug, PartialEq)]
pub struct License {
    /// Hash of the key.
    pub id: LicenseId,
    /// Numeric id on the wire.
    pub number: i64,
    /// Its project.
    pub project_id: String,
    /// Its policy's number.
    pub policy_number: i64,
    /// What the vendor decided.
    pub state: AdminState,
    /// Why, for the vendor.
    pub state_reason: Option<String>,
    /// End, if there is one.
    pub valid_until: Option<Timestamp>,
    /// What the vendor changed for this license against its policy (wire 4.12).
    pub overrides: Map<String, Value>,
    /// What was bought on top of the policy.
    pub purchases: Purchases,
    /// The vendor's own facts.
    pub metadata: Map<String, Value>,
    /// The buyer.
    pub buyer: Buyer,
    /// Registered devices; moves in the same transaction as they do.
    pub device_count: i64,
    /// It was paid for with the provider's test money.
    pub is_test: bool,
    /// Counts the vendor's changes of this record.
    pub revision: i64,
    /// The last count of its seats, where they are too many to be read each time.
    pub seat_counts: Option<SeatCounts>,
    /// How many slots are open for claims, where seats were ever managed.
    pub seats_open: Option<SeatsOpen>,
    /// When it was issued.
    pub created_at: Timestamp,
}

/// A license's place in its project's list. It contains the license key, which the license's own record does not.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Listing {
    /// The license.
    pub license: LicenseId,
    /// Its project.
    pub project_id: String,
    /// Its number; the list is sorted by it.
    pub number: i64,
    /// Its key, sealed under the project's sealing key.
    pub sealed: Vec<u8>,
}

/// A license's place in the list of what one customer bought.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BuyerListing {
    /// The license.
    pub license: LicenseId,
    /// Its number; the list is sorted by it.
    pub number: i64,
}
