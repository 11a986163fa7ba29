//! Why a call failed: codes that never change, and what the server said.

use std::fmt;

use serde::{Deserialize, Serialize};
use serde_json::Value;

/// The kind of a failure. The numbers are part of the interface and never change.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
#[non_exhaustive]
pub enum ErrorCode {
    /// An argument is out of its range.
    BadArgument = 4,
    /// The configuration cannot be used.
    BadConfig = 5,
    /// The client is closed.
    Closed = 6,
    /// The process was forked: open a client of its own.
    Forked = 7,
    /// No connection. Tried again in the background.
    Offline = 10,
    /// No answer in time. Tried again in the background.
    Timeout = 11,
    /// No encrypted connection. Tried again in the background.
    Tls = 12,
    /// The proxy refuses. Tried again in the background.
    Proxy = 13,
    /// Somebody else answered: a captive portal, a proxy's page, a redirect. Tried again in the background.
    NotOurServer = 14,
    /// The answer does not verify, or is for another request. Tried again in the background.
    AnswerRejected = 15,
    /// The server asks for patience. Tried again in the background.
    ServerBusy = 16,
    /// There is no license.
    NoLicense = 20,
    /// The server refused, or the license's state does: see [`Error::server_code`].
    Refused = 21,
    /// The application has to reach the server first.
    ConnectionRequired = 22,
    /// The balance is too small.
    InsufficientTokens = 23,
    /// The license has no tokens.
    TokensDisabled = 24,
    /// As many uses wait as may.
    QueueFull = 25,
    /// It is unknown whether the server acted. The client retries with the same operation id; an event reports the
    /// result.
    OutcomeUnknown = 26,
    /// The server knows another key of this device: the vendor has to remove the device first.
    DeviceKeyLost = 27,
    /// Nothing can be written.
    Storage = 30,
    /// The text is no offline file of this project.
    FileInvalid = 40,
    /// The offline file has ended.
    FileExpired = 41,
    /// The offline file is for other devices.
    FileOtherDevice = 42,
    /// A mistake of this library.
    Internal = 99,
}

impl ErrorCode {
    /// The number that C and others know it by.
    pub fn number(self) -> i32 {
        self as i32
    }

    /// May the same call succeed later, unchanged?
    pub fn is_transient(self) -> bool {
        (10..20).contains(&self.number()) || self == Self::OutcomeUnknown
    }
}

/// A call that failed.
#[derive(Clone, Debug, PartialEq)]
pub struct Error {
    /// What kind.
    pub code: ErrorCode,
    /// The server's code, such as `DEVICE_LIMIT_REACHED`, where it or the license's state refused.
    pub server_code: Option<String>,
    /// A sentence for people. It names no key, device or secret.
    pub message: String,
    /// Figures behind the server's refusal.
    pub details: Option<Box<Value>>,
    /// Seconds after which to try again, if the server said so.
    pub retry_after_seconds: Option<u64>,
}

impl Error {
    /// A failure of a kind.
    pub fn new(code: ErrorCode, message: impl Into<String>) -> Self {
        Self { code, server_code: None, message: message.into(), details: None, retry_after_seconds: None }
    }

    /// A refusal with the server's code.
    pub(crate) fn refused(server_code: &str, message: impl Into<String>) -> Self {
        let code = match server_code {
            "INSUFFICIENT_TOKENS" => ErrorCode::InsufficientTokens,
            "TOKENS_DISABLED" => ErrorCode::TokensDisabled,
            _ => ErrorCode::Refused,
        };
        Self { server_code: Some(server_code.to_owned()), ..Self::new(code, message) }
    }

    /// A bad argument.
    pub(crate) fn argument(message: impl Into<String>) -> Self {
        Self::new(ErrorCode::BadArgument, message)
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.server_code {
            Some(code) => write!(f, "{code}: {}", self.message),
            None => write!(f, "{:?}: {}", self.code, self.message),
        }
    }
}

impl std::error::Error for Error {}
