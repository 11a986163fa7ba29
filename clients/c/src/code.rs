//! Numbers that callers compare. They never change.

use ltlm_client::{Reason, Status};

/// What a function comes to. The numbers never change; later versions may have more of them.
#[allow(non_camel_case_types)]
#[repr(i32)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ltlm_code {
    /// Done.
    LTLM_OK = 0,
    /// A pointer that is needed is null.
    LTLM_NULL_ARGUMENT = 1,
    /// A text is not UTF-8.
    LTLM_BAD_UTF8 = 2,
    /// There is no client of this number: it was freed, or never was one.
    LTLM_BAD_HANDLE = 3,
    /// An argument is out of its range, or its JSON cannot be read.
    LTLM_BAD_ARGUMENT = 4,
    /// The configuration cannot be used.
    LTLM_BAD_CONFIG = 5,
    /// The client was closed meanwhile.
    LTLM_CLOSED = 6,
    /// The process was forked since the client was made: make another.
    LTLM_FORKED = 7,
    /// Too many calls run, or too many results wait to be fetched.
    LTLM_BUSY = 8,
    /// The call was canceled.
    LTLM_CANCELLED = 9,
    /// No connection. Tried again in the background.
    LTLM_OFFLINE = 10,
    /// No answer in time. Tried again in the background.
    LTLM_TIMEOUT = 11,
    /// No encrypted connection. Tried again in the background.
    LTLM_TLS = 12,
    /// The proxy refuses. Tried again in the background.
    LTLM_PROXY = 13,
    /// Somebody else answered: a sign-in page, a proxy's page, a redirect. Tried again in the background.
    LTLM_NOT_OUR_SERVER = 14,
    /// The answer does not verify, or is for another request. Tried again in the background.
    LTLM_ANSWER_REJECTED = 15,
    /// The server asks for patience. Tried again in the background.
    LTLM_SERVER_BUSY = 16,
    /// There is no license.
    LTLM_NO_LICENSE = 20,
    /// The server refused, or the license's state does: `serverCode` of `ltlm_last_error` tells.
    LTLM_REFUSED = 21,
    /// The application has to reach the server first.
    LTLM_CONNECTION_REQUIRED = 22,
    /// The balance is too small.
    LTLM_INSUFFICIENT_TOKENS = 23,
    /// The license has no tokens.
    LTLM_TOKENS_DISABLED = 24,
    /// As many uses wait as may.
    LTLM_QUEUE_FULL = 25,
    /// It is not known whether the server acted. Tried again under the same operation id; an event tells.
    LTLM_OUTCOME_UNKNOWN = 26,
    /// The server knows another key of this device: the vendor has to remove the device first.
    LTLM_DEVICE_KEY_LOST = 27,
    /// Nothing can be written.
    LTLM_STORAGE = 30,
    /// The state was another machine's.
    LTLM_MOVED = 31,
    /// The text is no offline file of this project.
    LTLM_FILE_INVALID = 40,
    /// The offline file has ended.
    LTLM_FILE_EXPIRED = 41,
    /// The offline file is for other devices.
    LTLM_FILE_OTHER_DEVICE = 42,
    /// A mistake of this library.
    LTLM_INTERNAL = 99,
}

/// The state of a license, as `ltlm_status` tells it.
#[allow(non_camel_case_types)]
#[repr(i32)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ltlm_status_code {
    /// There is no license.
    LTLM_STATUS_UNAUTHENTICATED = 0,
    /// Usable, with a seat where seats are managed.
    LTLM_STATUS_ACTIVE = 1,
    /// Valid, but no seat is free, or the seat was given back.
    LTLM_STATUS_VALID_NO_SEAT = 2,
    /// The license has ended.
    LTLM_STATUS_EXPIRED = 3,
    /// Usable: it has ended, and the vendor's period of grace runs.
    LTLM_STATUS_GRACE_PERIOD = 4,
    /// The server has to be reached first.
    LTLM_STATUS_CONNECTION_REQUIRED = 5,
    /// Not told by this library, which sets aside what was tampered with; the first client has it.
    LTLM_STATUS_TAMPERED = 6,
    /// Suspended by the vendor; that can be undone.
    LTLM_STATUS_SUSPENDED = 7,
    /// Revoked.
    LTLM_STATUS_REVOKED = 8,
    /// Terminated.
    LTLM_STATUS_TERMINATED = 9,
    /// Another device or an administrator took the seat or the device away.
    LTLM_STATUS_KICKED = 10,
    /// A status of a later version: not usable.
    LTLM_STATUS_OTHER = 99,
}

/// Why the status is what it is, as `ltlm_status` tells it.
#[allow(non_camel_case_types)]
#[repr(i32)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ltlm_reason_code {
    /// The server said so.
    LTLM_REASON_SERVER = 0,
    /// A clock did: the end has come, or the wall clock was set back.
    LTLM_REASON_CLOCK = 1,
    /// There was no verified answer for longer than the vendor allows.
    LTLM_REASON_OFFLINE = 2,
    /// The state in the data folder is another machine's, and was set aside.
    LTLM_REASON_MOVED = 3,
    /// There was no verified answer yet.
    LTLM_REASON_NO_ANSWER_YET = 4,
    /// The server refused; `ltlm_snapshot` tells the code.
    LTLM_REASON_REFUSED = 5,
    /// A reason of a later version.
    LTLM_REASON_OTHER = 99,
}

impl ltlm_code {
    /// Its name without the prefix, as errors tell it.
    pub(crate) fn name(self) -> String {
        format!("{self:?}").trim_start_matches("LTLM_").to_owned()
    }
}

/// The number of a status.
pub(crate) fn status(status: Status) -> i32 {
    use ltlm_status_code::*;
    let code = match status {
        Status::Unauthenticated => LTLM_STATUS_UNAUTHENTICATED,
        Status::Active => LTLM_STATUS_ACTIVE,
        Status::ValidNoSeat => LTLM_STATUS_VALID_NO_SEAT,
        Status::Expired => LTLM_STATUS_EXPIRED,
        Status::GracePeriod => LTLM_STATUS_GRACE_PERIOD,
        Status::ConnectionRequired => LTLM_STATUS_CONNECTION_REQUIRED,
        Status::Suspended => LTLM_STATUS_SUSPENDED,
        Status::Revoked => LTLM_STATUS_REVOKED,
        Status::Terminated => LTLM_STATUS_TERMINATED,
        Status::Kicked => LTLM_STATUS_KICKED,
        _ => LTLM_STATUS_OTHER,
    };
    code as i32
}

/// The number of a reason.
pub(crate) fn reason(reason: &Reason) -> i32 {
    use ltlm_reason_code::*;
    let code = match reason {
        Reason::Server => LTLM_REASON_SERVER,
        Reason::Clock => LTLM_REASON_CLOCK,
        Reason::Offline => LTLM_REASON_OFFLINE,
        Reason::Moved => LTLM_REASON_MOVED,
        Reason::NoAnswerYet => LTLM_REASON_NO_ANSWER_YET,
        Reason::Refused(_) => LTLM_REASON_REFUSED,
        _ => LTLM_REASON_OTHER,
    };
    code as i32
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    /// The names and numbers of an enumeration in Rust's source.
    fn numbers(source: &str) -> BTreeMap<String, i32> {
        let lines = source.lines().filter_map(|line| line.trim().strip_suffix(',')?.split_once(" = "));
        lines.filter_map(|(name, number)| Some((name.to_owned(), number.parse().ok()?))).collect()
    }

    #[test]
    fn every_code_of_the_client_has_its_number_here() {
        let (core, _) = include_str!("../../core/src/error.rs").split_once("impl ErrorCode").unwrap();
        let (here, _) = include_str!("code.rs").split_once("enum ltlm_status_code").unwrap();
        let here = numbers(here);
        let words = |name: &str| -> String {
            let cased = name.chars().enumerate().flat_map(|(place, letter)| {
                let gap = (place > 0 && letter.is_uppercase()).then_some('_');
                gap.into_iter().chain(letter.to_uppercase())
            });
            cased.collect()
        };
        let core: BTreeMap<_, _> =
            numbers(core).into_iter().map(|(name, number)| (format!("LTLM_{}", words(&name)), number)).collect();
        assert!(core.len() > 20, "{core:?}");
        for (name, number) in &core {
            assert_eq!(here.get(name), Some(number), "{name}");
        }
        let ours: Vec<_> = here.keys().filter(|name| !core.contains_key(*name)).map(String::as_str).collect();
        let expected = ["LTLM_BAD_HANDLE", "LTLM_BAD_UTF8", "LTLM_BUSY", "LTLM_CANCELLED", "LTLM_MOVED"];
        assert_eq!(ours, [&expected[..], &["LTLM_NULL_ARGUMENT", "LTLM_OK"]].concat());
    }
}
