//! What a function comes to: its code, the error that `ltlm_last_error` tells, and no panic.

use std::cell::{Cell, RefCell};
use std::panic::{self, AssertUnwindSafe};
use std::sync::Once;
use std::thread;

use ltlm_client::Error;
use serde_json::{Value, json};

use crate::code::ltlm_code::{self, LTLM_INTERNAL, LTLM_OK};

/// The name of the threads that make calls for those who do not wait.
pub(crate) const CALLING_THREAD: &str = "ltlm-call";
/// The name of the client's own threads.
const BACKGROUND_THREAD: &str = "ltlm";

thread_local! {
    static LAST: RefCell<Option<String>> = const { RefCell::new(None) };
    /// How deep this thread is within this library.
    static DEPTH: Cell<u32> = const { Cell::new(0) };
}

/// A failure, as callers are told.
#[derive(Debug)]
pub(crate) struct Failure {
    pub(crate) code: i32,
    pub(crate) details: Value,
}

impl Failure {
    /// A failure of this layer's own.
    pub(crate) fn new(code: ltlm_code, message: &str) -> Self {
        let details = json!({
            "code": code as i32, "name": code.name(), "serverCode": null, "message": message, "details": null,
            "retryAfterSeconds": null,
        });
        Self { code: code as i32, details }
    }
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        let code = error.code.number();
        let details = json!({
            "code": code, "name": error.code, "serverCode": error.server_code, "message": error.message,
            "details": error.details, "retryAfterSeconds": error.retry_after_seconds,
        });
        Self { code, details }
    }
}

/// Panics within this library are not written to the application's standard error. Others are told as before.
fn quieten() {
    static DONE: Once = Once::new();
    DONE.call_once(|| {
        let before = panic::take_hook();
        panic::set_hook(Box::new(move |info| {
            let is_in_thread = matches!(thread::current().name(), Some(BACKGROUND_THREAD | CALLING_THREAD));
            if !is_in_thread && DEPTH.get() == 0 {
                before(info);
            }
        }));
    });
}

/// Runs the body of a function, and keeps what it failed of for [`last`].
pub(crate) fn guard(body: impl FnOnce() -> Result<(), Failure>) -> i32 {
    let failure = match caught(body) {
        Ok(()) => return LTLM_OK as i32,
        Err(failure) => failure,
    };
    LAST.set(Some(failure.details.to_string()));
    failure.code
}

/// Runs this, and makes a failure of a panic.
pub(crate) fn caught<T>(body: impl FnOnce() -> Result<T, Failure>) -> Result<T, Failure> {
    quieten();
    DEPTH.set(DEPTH.get() + 1);
    let done = panic::catch_unwind(AssertUnwindSafe(body));
    DEPTH.set(DEPTH.get() - 1);
    done.unwrap_or_else(|_| Err(Failure::new(LTLM_INTERNAL, "This is a mistake of the library.")))
}

/// What this thread's latest failure was, as JSON.
pub(crate) fn last() -> Option<String> {
    LAST.with_borrow(Clone::clone)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The panic is made in another process: this one's standard error is its tests'.
    #[test]
    fn c11_a_panic_is_a_code_and_nothing_is_written() {
        const CHILD: &str = "LTLM_FFI_PANICS";
        if std::env::var_os(CHILD).is_some() {
            assert_eq!(guard(|| panic!("within the library")), LTLM_INTERNAL as i32);
            assert!(last().is_some_and(|details| details.contains("INTERNAL") && !details.contains("within")));
            let thread = thread::Builder::new().name(CALLING_THREAD.to_owned());
            assert!(thread.spawn(|| panic!("in a thread")).unwrap().join().is_err());
            return;
        }
        let name = thread::current().name().unwrap().to_owned();
        let mut child = std::process::Command::new(std::env::current_exe().unwrap());
        let output = child.args(["--exact", &name, "--nocapture"]).env(CHILD, "1").output().unwrap();
        let details = String::from_utf8_lossy(&output.stdout);
        assert!(output.status.success() && details.contains("1 passed"), "{details}");
        assert_eq!(String::from_utf8_lossy(&output.stderr), "");
    }

    #[test]
    fn a_failure_is_told_whole_and_to_its_own_thread() {
        let mut error = Error::new(ltlm_client::ErrorCode::Refused, "No.");
        (error.server_code, error.retry_after_seconds) = (Some("SEAT_RELEASE_COOLDOWN".to_owned()), Some(30));
        assert_eq!(guard(|| Err(error.into())), 21);
        let details: Value = serde_json::from_str(&last().unwrap()).unwrap();
        assert_eq!((&details["name"], &details["serverCode"]), (&json!("REFUSED"), &json!("SEAT_RELEASE_COOLDOWN")));
        assert_eq!((&details["code"], &details["retryAfterSeconds"]), (&json!(21), &json!(30)));
        assert!(guard(|| Ok(())) == 0 && last().is_some(), "a success changes nothing");
        assert_eq!(thread::spawn(last).join().unwrap(), None);
    }
}
