//! Events: what an application is notified of.

use ltlm_protocol::license_data::{KickedNotice, Operation};
use serde::Serialize;
use serde_json::Value;

use crate::error::ErrorCode;
use crate::log::LogLevel;
use crate::status::{Reason, Status};

/// An event. State is changed first: a call during the handling of an event sees the new state.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(tag = "event", rename_all = "snake_case", rename_all_fields = "camelCase")]
#[non_exhaustive]
pub enum Event {
    /// An activation, a start or a check of the license begins.
    ValidationStarted,
    /// It ended.
    ValidationCompleted {
        /// Is the license usable or waiting for a seat?
        success: bool,
        /// The status now.
        status: Status,
    },
    /// The status is another.
    LicenseStatusChanged {
        /// The status now.
        status: Status,
        /// Why.
        reason: Reason,
    },
    /// Tokens were used.
    TokensConsumed {
        /// The use.
        operation_id: String,
        /// How many.
        amount: i64,
        /// Tokens left.
        balance: i64,
    },
    /// Seats are held otherwise than before.
    SeatStatusChanged {
        /// `OCCUPIED`, `NO_SEAT`, `RELEASED`, `KICKED` or `N/A`.
        seat_status: String,
        /// Seats that are held.
        active: i32,
        /// Seats that there are.
        max: i32,
    },
    /// The seat or the device was removed.
    Kicked {
        /// By whom, when and why, if the server sent it.
        notice: Option<KickedNotice>,
    },
    /// The server cannot be reached, and the license holds on.
    OfflineGrace {
        /// Whole hours that are left.
        hours_left: i64,
    },
    /// A use is never going to be charged, for the reason that the server gave.
    UseSkipped {
        /// The use.
        operation_id: String,
        /// Why.
        reason: String,
    },
    /// A confirmed use of unknown outcome has one.
    OperationDone {
        /// The use.
        operation_id: String,
        /// What it did; `None` if it was refused.
        operation: Option<Box<Operation>>,
        /// The code that it was refused with.
        refused: Option<String>,
    },
    /// The user settings are others than before, by another device.
    SettingsChanged,
    /// A background check failed in a way that the application may want to know of.
    CheckFailed {
        /// How.
        code: ErrorCode,
    },
    /// The state could not be read, and was set aside; a backup or nothing is used.
    StorageRecovered,
    /// Nothing can be written: what happens is forgotten with the process.
    StorageReadOnly,
    /// The state in the data folder is another machine's, and was set aside.
    Moved,
    /// A line of the log, where the configuration asks for one. It holds no key, device id, address, secret or body.
    Log {
        /// How much it matters.
        level: LogLevel,
        /// What it says: words and numbers for people, whose form may change.
        message: String,
    },
    /// A call has ended whose caller did not wait for it. Only language layers make such calls.
    CallDone {
        /// The number that its caller was given.
        request: u64,
        /// 0, or the number of the error's code.
        code: i32,
        /// What it answered; null if it failed.
        result: Value,
        /// How it failed.
        error: Option<Value>,
    },
}
