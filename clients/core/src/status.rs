//! What an application is shown of its license.

use std::sync::Arc;

use ltlm_protocol::LicenseData;
use serde::{Serialize, Serializer};

/// The state of the license, as far as this device knows.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Status {
    /// There is no license.
    Unauthenticated,
    /// Usable, with a seat where seats are managed.
    Active,
    /// Valid, but no seat is free, or the seat was given back.
    ValidNoSeat,
    /// The license has ended.
    Expired,
    /// Usable: it has ended, and the vendor's period of grace runs.
    GracePeriod,
    /// The server has to be reached first.
    ConnectionRequired,
    /// Suspended by the vendor; that can be undone.
    Suspended,
    /// Revoked.
    Revoked,
    /// Terminated.
    Terminated,
    /// Another device or an administrator took the seat or the device away.
    Kicked,
}

impl Status {
    /// May the application be used?
    pub fn is_usable(self) -> bool {
        matches!(self, Self::Active | Self::GracePeriod)
    }
}

/// Why the status is what it is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Reason {
    /// The server said so.
    Server,
    /// A clock did: the end has come, or the wall clock was set back.
    Clock,
    /// There was no verified answer for longer than the vendor allows.
    Offline,
    /// The state in the data folder is another machine's, and was set aside.
    Moved,
    /// There was no verified answer yet.
    NoAnswerYet,
    /// The server refused, with this code.
    Refused(String),
}

/// Writes what is shared as if it were not.
fn shared<S: Serializer>(license: &Option<Arc<LicenseData>>, serializer: S) -> Result<S::Ok, S::Error> {
    license.as_deref().serialize(serializer)
}

/// Everything that an application may want to show, of one moment.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Snapshot {
    /// The status.
    pub status: Status,
    /// Why.
    pub reason: Reason,
    /// The license in the last answer.
    #[serde(serialize_with = "shared")]
    pub license: Option<Arc<LicenseData>>,
    /// The remaining tokens, less the waiting uses; 0 if there are none.
    pub balance: i64,
    /// Uses that wait to be charged.
    pub pending: usize,
    /// Is the device waiting for a seat to become free?
    pub is_waiting_for_seat: bool,
    /// Whole hours that are left without contact, where the vendor allows any.
    pub offline_hours_left: Option<i64>,
    /// Whole days to the license's end, where it has one; 0 after it.
    pub days_left: Option<i64>,
    /// The device's id.
    pub hwid: String,
}
