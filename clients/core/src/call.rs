//! What an application asks for, and what it gets.

use std::sync::Arc;

use ltlm_protocol::LicenseData;
use ltlm_protocol::license_data::{Operation, ReleaseSeatAnswer, SeatList, Usage};
use ltlm_protocol::portal_data::Portfolio;
use ltlm_protocol::store_data::{CheckoutAnswer, StorePolicy, TrialEligibility};
use serde_json::{Map, Value};

use crate::status::Status;

/// Names a call.
pub type CallId = u64;

/// What was used, and for what.
#[derive(Clone, Debug, PartialEq)]
pub struct Consumption {
    /// Tokens, 1 to 1,000,000,000.
    pub amount: i64,
    /// What they were used for, 1 to 200 characters.
    pub action: String,
    /// Facts about the use, at most 4 KiB of JSON.
    pub meta: Option<Map<String, Value>>,
}

/// A call on the state machine.
#[derive(Clone, Debug, PartialEq)]
pub enum Call {
    /// Uses the license that is kept, if there is one.
    LoadStored,
    /// Registers this device on a license, and claims a seat.
    Activate {
        /// The license's key, as people paste it.
        key: String,
    },
    /// Asks the server for the license as it is.
    Refresh,
    /// Beats now.
    Heartbeat,
    /// Gives the seat back. Needs the server.
    SignOut,
    /// Claims a seat again, after a sign-out or a release by another device.
    Reactivate,
    /// Forgets the license. Uses that wait are kept.
    Clear,
    /// Takes an offline file.
    ImportFile {
        /// Its text.
        text: String,
    },
    /// Is the balance at least so many tokens? Asks the server, then answers in any case.
    HasTokens {
        /// So many.
        amount: i64,
    },
    /// Uses tokens, decided here; charged later.
    Consume(Consumption),
    /// Uses tokens if the server agrees.
    ConsumeConfirmed {
        /// The use.
        consumption: Consumption,
        /// Its id, 1 to 128 visible ASCII characters; created if absent.
        operation_id: Option<String>,
    },
    /// Charges what waits.
    Sync,
    /// The devices that hold a seat.
    Seats,
    /// Takes a seat away from a device.
    ReleaseSeat {
        /// The device.
        hwid: String,
        /// Take its seat.
        claim: bool,
    },
    /// The user settings as the server has them.
    Settings,
    /// Replaces the user settings.
    SaveSettings {
        /// All of them.
        settings: Map<String, Value>,
    },
    /// A payment page for a pack.
    TopUp {
        /// The pack.
        pack_id: String,
        /// Where the page leads back to.
        redirect_url: Option<String>,
    },
    /// What is for sale.
    Buyable,
    /// A payment page for a policy.
    Checkout {
        /// The policy: its number or its short name.
        policy_id: String,
        /// The buyer's e-mail address.
        email: String,
        /// Where the page leads back to.
        redirect_url: Option<String>,
    },
    /// May this e-mail address have a trial?
    Trial {
        /// The address.
        email: String,
    },
    /// Mails a code to a customer.
    RequestCode {
        /// The address.
        email: String,
    },
    /// The licenses of a customer with a code.
    VerifyCode {
        /// The address.
        email: String,
        /// The code.
        code: String,
    },
    /// What was used, newest first.
    History {
        /// Rows, 1 to 100.
        limit: u32,
        /// Where the last page ended.
        cursor: Option<String>,
    },
    /// Reports something to the vendor.
    Report {
        /// What: any word.
        kind: String,
        /// Facts about it, at most 16 KiB of JSON.
        payload: Map<String, Value>,
    },
    /// Gives the seat back because the application ends, and stops. Answers when that is done or known to fail.
    Close {
        /// Is this the last process of this device? Otherwise the seat is kept.
        is_last: bool,
    },
}

impl Call {
    /// The name of the method that makes the call.
    pub fn name(&self) -> &'static str {
        match self {
            Self::LoadStored => "load_stored",
            Self::Activate { .. } => "activate",
            Self::Refresh => "refresh",
            Self::Heartbeat => "heartbeat",
            Self::SignOut => "sign_out",
            Self::Reactivate => "reactivate",
            Self::Clear => "clear",
            Self::ImportFile { .. } => "import_file",
            Self::HasTokens { .. } => "has_tokens",
            Self::Consume(_) => "consume",
            Self::ConsumeConfirmed { .. } => "consume_confirmed",
            Self::Sync => "sync",
            Self::Seats => "seats",
            Self::ReleaseSeat { .. } => "release_seat",
            Self::Settings => "settings",
            Self::SaveSettings { .. } => "save_settings",
            Self::TopUp { .. } => "top_up",
            Self::Buyable => "buyable",
            Self::Checkout { .. } => "checkout",
            Self::Trial { .. } => "trial",
            Self::RequestCode { .. } => "request_code",
            Self::VerifyCode { .. } => "verify_code",
            Self::History { .. } => "history",
            Self::Report { .. } => "report",
            Self::Close { .. } => "close",
        }
    }
}

/// What a call comes to.
#[derive(Clone, Debug, PartialEq)]
pub enum Reply {
    /// Done.
    Done,
    /// The status now.
    Status(Status),
    /// Yes or no.
    Answer(bool),
    /// A use was recorded, under this id.
    Recorded {
        /// Its operation id.
        operation_id: String,
        /// Tokens left.
        balance: i64,
    },
    /// A use was charged.
    Charged(Box<Operation>),
    /// How many uses were charged or known to be, and how many set aside.
    Synced {
        /// Charged.
        charged: usize,
        /// Set aside.
        skipped: usize,
    },
    /// The devices that hold a seat.
    Seats(SeatList),
    /// A seat was released.
    Released(ReleaseSeatAnswer),
    /// User settings.
    Settings(Map<String, Value>),
    /// A payment page.
    Checkout(CheckoutAnswer),
    /// What is for sale.
    Policies(Vec<StorePolicy>),
    /// Whether a trial may be had.
    Trial(TrialEligibility),
    /// A customer's licenses.
    Portfolio(Portfolio),
    /// What was used.
    History(Usage),
    /// The license.
    License(Arc<LicenseData>),
}

/// What became of an operation, as far as this process knows.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum Outcome {
    /// Nothing is known of it.
    Unknown,
    /// It waits to be charged.
    Queued,
    /// It was sent, and no answer came yet.
    Unresolved,
    /// It was charged, once.
    Charged,
    /// It was refused, with this code.
    Refused(String),
    /// It was left out of its batch, for this reason.
    Skipped(String),
}
