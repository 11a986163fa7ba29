//! The functions of the interface. Their comments become the header's.

#![expect(unsafe_code, reason = "C calls these functions, with pointers of its own")]
// What a pointer has to be is said in the header's introduction, for all functions.
#![allow(clippy::missing_safety_doc)]

use std::ffi::{CStr, c_char, c_void};
use std::time::{Duration, Instant};

use crate::code::ltlm_code::LTLM_CLOSED;
use crate::guard::{self, Failure, guard};
use crate::handle::Handle;
use crate::listener::ltlm_event_fn;
use crate::method::{Method, object};
use crate::text::{self, Place, needed, optional};
use crate::{code, table};

/// A client. Zero is none.
#[allow(non_camel_case_types)]
pub type ltlm_client = u64;

/// Longest time that a call may be given, in milliseconds.
const TIMEOUT_MS_MAX: i32 = 300_000;
/// How long one wait for an event is, where the caller waits without an end.
const WAIT: Duration = Duration::from_secs(3_600);
const VERSION: &CStr = match CStr::from_bytes_with_nul(concat!(env!("CARGO_PKG_VERSION"), "\0").as_bytes()) {
    Ok(version) => version,
    Err(_) => c"",
};

/// Makes a call, waits, and writes what it answered.
fn call(client: ltlm_client, method: Method, timeout_ms: i32, out: &Place<*mut c_char>) -> Result<(), Failure> {
    let handle = table::get(client)?;
    let timeout = match timeout_ms {
        ..=0 => handle.client.timeout(),
        _ => Duration::from_millis(timeout_ms.min(TIMEOUT_MS_MAX).unsigned_abs().into()),
    };
    out.put_text(method.run(&handle.client, timeout)?.to_string())
}

/// Makes a client by its configuration, a JSON object: `baseUrl`, `projectId`, `projectSecret` and `publicKeys` are needed; see
/// docs/clients/c.md for the others. Nothing is sent yet. Free it with `ltlm_client_free`.
///
/// Thread-safe.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ltlm_client_new(config_json: *const c_char, out: *mut ltlm_client) -> i32 {
    guard(|| {
        // SAFETY: the caller gives null or a place for a number.
        let out = unsafe { Place::needed(out, 0) }?;
        // SAFETY: the caller gives null or a text that ends with a NUL.
        let config = unsafe { needed(config_json) }?;
        out.put(table::insert(Handle::open(config)?));
        Ok(())
    })
}

/// Closes a client: gives the seat back if no other process of this device uses it, for two seconds at most, and ends the client's thread.
/// Calls that other threads are in end with `LTLM_CLOSED` or as they would have. The function of `ltlm_on_event` is called no more when this
/// returns, unless this was called from within it: then not after it returned. A number that was freed is `LTLM_BAD_HANDLE`.
///
/// Thread-safe. Do not call it while holding a lock that the function of `ltlm_on_event` waits for.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ltlm_client_free(client: ltlm_client) -> i32 {
    guard(|| {
        let handle = table::remove(client)?;
        handle.outlet.set(None, std::ptr::null_mut());
        handle.client.close();
        Ok(())
    })
}

/// Uses the license that is kept. Where it holds without an answer this returns at once, and it is checked in the background. Writes what
/// `ltlm_snapshot` does.
///
/// Thread-safe.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ltlm_load_stored(client: ltlm_client, timeout_ms: i32, out_json: *mut *mut c_char) -> i32 {
    guard(|| {
        // SAFETY: the caller gives null or a place for a text.
        let out = unsafe { Place::optional(out_json, std::ptr::null_mut()) };
        call(client, Method::LoadStored {}, timeout_ms, &out)
    })
}

/// Registers this device on a license, takes a seat and keeps the license. Writes what `ltlm_snapshot` does.
///
/// Thread-safe.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ltlm_activate(
    client: ltlm_client,
    key: *const c_char,
    timeout_ms: i32,
    out_json: *mut *mut c_char,
) -> i32 {
    guard(|| {
        // SAFETY: the caller gives null or a place for a text.
        let out = unsafe { Place::optional(out_json, std::ptr::null_mut()) };
        // SAFETY: the caller gives null or a text that ends with a NUL.
        let key = unsafe { needed(key) }?.to_owned();
        call(client, Method::Activate { key }, timeout_ms, &out)
    })
}

/// The same as `ltlm_activate`, under the name that the first client has beside it.
///
/// Thread-safe.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ltlm_validate(
    client: ltlm_client,
    key: *const c_char,
    timeout_ms: i32,
    out_json: *mut *mut c_char,
) -> i32 {
    guard(|| {
        // SAFETY: the caller gives null or a place for a text.
        let out = unsafe { Place::optional(out_json, std::ptr::null_mut()) };
        // SAFETY: the caller gives null or a text that ends with a NUL.
        let key = unsafe { needed(key) }?.to_owned();
        call(client, Method::Validate { key }, timeout_ms, &out)
    })
}

/// Takes the text of an offline file (`.ltlm`), `len` bytes of UTF-8. Nothing is sent, now or later. Writes what `ltlm_snapshot` does.
///
/// Thread-safe.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ltlm_import_file(
    client: ltlm_client,
    text: *const c_char,
    len: usize,
    timeout_ms: i32,
    out_json: *mut *mut c_char,
) -> i32 {
    guard(|| {
        // SAFETY: the caller gives null or a place for a text.
        let out = unsafe { Place::optional(out_json, std::ptr::null_mut()) };
        // SAFETY: the caller gives null or so many bytes.
        let text = unsafe { text::sized(text, len) }?.to_owned();
        call(client, Method::ImportFile { text }, timeout_ms, &out)
    })
}

/// Gives the seat back, and beats no more until `ltlm_reactivate`. Needs the server.
///
/// Thread-safe.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ltlm_sign_out(client: ltlm_client, timeout_ms: i32, out_json: *mut *mut c_char) -> i32 {
    guard(|| {
        // SAFETY: the caller gives null or a place for a text.
        let out = unsafe { Place::optional(out_json, std::ptr::null_mut()) };
        call(client, Method::SignOut {}, timeout_ms, &out)
    })
}

/// Takes a seat again, after a sign-out or when it was taken away. Writes what `ltlm_snapshot` does.
///
/// Thread-safe.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ltlm_reactivate(client: ltlm_client, timeout_ms: i32, out_json: *mut *mut c_char) -> i32 {
    guard(|| {
        // SAFETY: the caller gives null or a place for a text.
        let out = unsafe { Place::optional(out_json, std::ptr::null_mut()) };
        call(client, Method::Reactivate {}, timeout_ms, &out)
    })
}

/// Forgets the license. Uses that wait to be charged are kept.
///
/// Thread-safe; does not wait for the network.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ltlm_clear(client: ltlm_client) -> i32 {
    guard(|| {
        // SAFETY: null is no place.
        let out = unsafe { Place::optional(std::ptr::null_mut(), std::ptr::null_mut()) };
        call(client, Method::Clear {}, 0, &out)
    })
}

/// Tells the status as one of `ltlm_status_code`, and why as one of `ltlm_reason_code`. Either pointer may be null.
///
/// Thread-safe; does not wait for the network.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ltlm_status(client: ltlm_client, status: *mut i32, reason: *mut i32) -> i32 {
    guard(|| {
        // SAFETY: the caller gives null or places for numbers.
        let (status, reason) = unsafe { (Place::optional(status, 0), Place::optional(reason, 0)) };
        let (current, why) = table::get(client)?.client.status();
        status.put(code::status(current));
        reason.put(code::reason(&why));
        Ok(())
    })
}

/// Writes all that an application may want to show: `status`, `reason`, `license`, `balance`, `pending`, `isWaitingForSeat`, `offlineHoursLeft`,
/// `daysLeft`, `hwid`.
///
/// Thread-safe; does not wait for the network.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ltlm_snapshot(client: ltlm_client, out_json: *mut *mut c_char) -> i32 {
    guard(|| {
        // SAFETY: the caller gives null or a place for a text.
        let out = unsafe { Place::needed(out_json, std::ptr::null_mut()) }?;
        call(client, Method::Snapshot {}, 0, &out)
    })
}

/// Tells the tokens left, uses that wait already taken off.
///
/// Thread-safe; does not wait for the network.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ltlm_balance(client: ltlm_client, out: *mut i64) -> i32 {
    guard(|| {
        // SAFETY: the caller gives null or a place for a number.
        let out = unsafe { Place::needed(out, 0) }?;
        out.put(table::get(client)?.client.balance());
        Ok(())
    })
}

/// Tells whether the license is usable, the capability on (unless it is null) and the balance at least `tokens`.
///
/// Thread-safe; does not wait for the network.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ltlm_entitled(
    client: ltlm_client,
    capability: *const c_char,
    tokens: i64,
    out: *mut bool,
) -> i32 {
    guard(|| {
        // SAFETY: the caller gives null or a place for a truth value.
        let out = unsafe { Place::needed(out, false) }?;
        // SAFETY: the caller gives null or a text that ends with a NUL.
        let capability = unsafe { optional(capability) }?;
        out.put(table::get(client)?.client.entitled(capability, tokens));
        Ok(())
    })
}

/// Uses tokens, 1 to 1,000,000,000. Decided at once by what is known, recorded before it returns, and charged once, when the server can be
/// reached. `meta_json` is null or a JSON object of at most 4 KiB. Writes `operationId` and `balance`. On any other code than `LTLM_OK` nothing
/// was used.
///
/// Thread-safe; does not wait for the network.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ltlm_consume(
    client: ltlm_client,
    amount: i32,
    action: *const c_char,
    meta_json: *const c_char,
    out_json: *mut *mut c_char,
) -> i32 {
    guard(|| {
        // SAFETY: the caller gives null or a place for a text.
        let out = unsafe { Place::optional(out_json, std::ptr::null_mut()) };
        // SAFETY: the caller gives null or a text that ends with a NUL.
        let action = unsafe { needed(action) }?.to_owned();
        // SAFETY: the caller gives null or a text that ends with a NUL.
        let meta_json = unsafe { optional(meta_json) }?;
        call(client, Method::Consume { amount: amount.into(), action, meta: object(meta_json)? }, 0, &out)
    })
}

/// Uses tokens if the server agrees. `operation_id` is null, or 1 to 128 visible ASCII characters: the same one is charged once, however often it
/// is sent. Writes `operationId`, `balance` and `operation`, the ledger's entry. `LTLM_OUTCOME_UNKNOWN` means that no answer came: it is sent
/// again in the background, and the event `operation_done` tells. On any other failure nothing was charged.
///
/// Thread-safe.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ltlm_consume_confirmed(
    client: ltlm_client,
    amount: i32,
    action: *const c_char,
    meta_json: *const c_char,
    operation_id: *const c_char,
    timeout_ms: i32,
    out_json: *mut *mut c_char,
) -> i32 {
    guard(|| {
        // SAFETY: the caller gives null or a place for a text.
        let out = unsafe { Place::optional(out_json, std::ptr::null_mut()) };
        // SAFETY: the caller gives null or a text that ends with a NUL.
        let action = unsafe { needed(action) }?.to_owned();
        // SAFETY: the caller gives null or a text that ends with a NUL.
        let meta_json = unsafe { optional(meta_json) }?;
        // SAFETY: the caller gives null or a text that ends with a NUL.
        let operation_id = unsafe { optional(operation_id) }?;
        let (meta, operation_id) = (object(meta_json)?, operation_id.map(str::to_owned));
        call(client, Method::ConsumeConfirmed { amount: amount.into(), action, meta, operation_id }, timeout_ms, &out)
    })
}

/// Tells how many uses wait to be charged.
///
/// Thread-safe; does not wait for the network.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ltlm_pending(client: ltlm_client, out: *mut u64) -> i32 {
    guard(|| {
        // SAFETY: the caller gives null or a place for a number.
        let out = unsafe { Place::needed(out, 0) }?;
        out.put(table::get(client)?.client.pending() as u64);
        Ok(())
    })
}

/// Charges what waits, now. Writes `charged` and `skipped`.
///
/// Thread-safe.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ltlm_sync(client: ltlm_client, timeout_ms: i32, out_json: *mut *mut c_char) -> i32 {
    guard(|| {
        // SAFETY: the caller gives null or a place for a text.
        let out = unsafe { Place::optional(out_json, std::ptr::null_mut()) };
        call(client, Method::Sync {}, timeout_ms, &out)
    })
}

/// Writes who holds a seat.
///
/// Thread-safe.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ltlm_seats(client: ltlm_client, timeout_ms: i32, out_json: *mut *mut c_char) -> i32 {
    guard(|| {
        // SAFETY: the caller gives null or a place for a text.
        let out = unsafe { Place::optional(out_json, std::ptr::null_mut()) };
        call(client, Method::Seats {}, timeout_ms, &out)
    })
}

/// Takes a seat away from a device, and takes it if `claim`.
///
/// Thread-safe.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ltlm_release_seat(
    client: ltlm_client,
    hwid: *const c_char,
    claim: bool,
    timeout_ms: i32,
    out_json: *mut *mut c_char,
) -> i32 {
    guard(|| {
        // SAFETY: the caller gives null or a place for a text.
        let out = unsafe { Place::optional(out_json, std::ptr::null_mut()) };
        // SAFETY: the caller gives null or a text that ends with a NUL.
        let hwid = unsafe { needed(hwid) }?.to_owned();
        call(client, Method::ReleaseSeat { hwid, claim }, timeout_ms, &out)
    })
}

/// Writes the user settings as the server has them.
///
/// Thread-safe.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ltlm_settings_get(client: ltlm_client, timeout_ms: i32, out_json: *mut *mut c_char) -> i32 {
    guard(|| {
        // SAFETY: the caller gives null or a place for a text.
        let out = unsafe { Place::optional(out_json, std::ptr::null_mut()) };
        call(client, Method::Settings {}, timeout_ms, &out)
    })
}

/// Replaces the user settings by a JSON object of at most 65,536 UTF-16 units. The last writer wins. Writes them as they are kept.
///
/// Thread-safe.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ltlm_settings_save(
    client: ltlm_client,
    json: *const c_char,
    timeout_ms: i32,
    out_json: *mut *mut c_char,
) -> i32 {
    guard(|| {
        // SAFETY: the caller gives null or a place for a text.
        let out = unsafe { Place::optional(out_json, std::ptr::null_mut()) };
        // SAFETY: the caller gives null or a text that ends with a NUL.
        let settings = object(Some(unsafe { needed(json) }?))?.unwrap_or_default();
        call(client, Method::SaveSettings { settings }, timeout_ms, &out)
    })
}

/// Begins a call of any method, named as in Rust (docs/clients/c.md lists them), with its arguments in a JSON object or null. It runs in a thread
/// of the library's for at most the configured time; at most 64 run at once. Its result is an event: `{"event":"call_done","request":…,
/// "code":0,"result":…,"error":null}`.
///
/// Thread-safe; does not wait for the network.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ltlm_call(
    client: ltlm_client,
    method: *const c_char,
    args_json: *const c_char,
    request: *mut u64,
) -> i32 {
    guard(|| {
        // SAFETY: the caller gives null or a place for a number.
        let request = unsafe { Place::needed(request, 0) }?;
        // SAFETY: the caller gives null or a text that ends with a NUL.
        let (method, arguments) = unsafe { (needed(method)?, optional(args_json)?) };
        request.put(table::get(client)?.begin(Method::parse(method, arguments)?)?);
        Ok(())
    })
}

/// Makes a call of any method, as `ltlm_call` does, and waits. Writes its result.
///
/// Thread-safe.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ltlm_call_wait(
    client: ltlm_client,
    method: *const c_char,
    args_json: *const c_char,
    timeout_ms: i32,
    out_json: *mut *mut c_char,
) -> i32 {
    guard(|| {
        // SAFETY: the caller gives null or a place for a text.
        let out = unsafe { Place::optional(out_json, std::ptr::null_mut()) };
        // SAFETY: the caller gives null or a text that ends with a NUL.
        let (method, arguments) = unsafe { (needed(method)?, optional(args_json)?) };
        call(client, Method::parse(method, arguments)?, timeout_ms, &out)
    })
}

/// Waits no longer for a call that `ltlm_call` began: its result is `LTLM_CANCELLED`. What is on its way to the server goes on.
///
/// Thread-safe.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ltlm_cancel(client: ltlm_client, request: u64) -> i32 {
    guard(|| table::get(client)?.cancel(request))
}

/// Writes the next event, waiting for at most so many milliseconds, without an end if they are below zero. Where none comes, null is written and
/// the code is `LTLM_OK`; `LTLM_CLOSED` when the client is freed meanwhile. 1,024 events are kept; beyond that the newest status and seats
/// stand for older ones, and results of calls stay.
///
/// Thread-safe; of several threads each event goes to one.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ltlm_next_event(client: ltlm_client, timeout_ms: i32, out_json: *mut *mut c_char) -> i32 {
    guard(|| {
        // SAFETY: the caller gives null or a place for a text.
        let out = unsafe { Place::needed(out_json, std::ptr::null_mut()) }?;
        let handle = table::get(client)?;
        let until = u64::try_from(timeout_ms).ok().map(|ms| Instant::now() + Duration::from_millis(ms));
        loop {
            let left = until.map_or(WAIT, |until| until.saturating_duration_since(Instant::now()));
            if let Some(event) = handle.next_event(left) {
                return out.put_text(event);
            }
            if table::get(client).is_err() {
                return Err(Failure::new(LTLM_CLOSED, "The client was closed."));
            }
            if until.is_some_and(|until| Instant::now() >= until) {
                return Ok(());
            }
        }
    })
}

/// Calls this function at every event, in place of the one before; null ends that. It is called for one event at a time, with no lock held,
/// from a thread that is in a call or from a thread of the library's, and may call any function, `ltlm_client_free` too. What happened
/// before is not repeated, and while there is a function events are not kept for `ltlm_next_event`. When this returns the function before
/// is called no more, unless this was called from within it. `user` is handed to the function as it is.
///
/// Thread-safe. Do not call it while holding a lock that the function before waits for.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ltlm_on_event(client: ltlm_client, function: ltlm_event_fn, user: *mut c_void) -> i32 {
    guard(|| {
        table::get(client)?.outlet.set(function, user);
        Ok(())
    })
}

/// Says that the application goes to the background (nothing is sent by itself then) or is in front again (a beat goes out at once).
///
/// Thread-safe; does not wait for the network.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ltlm_pause(client: ltlm_client, paused: bool) -> i32 {
    guard(|| {
        let handle = table::get(client)?;
        match paused {
            true => handle.client.pause(),
            false => handle.client.resume(),
        }
        Ok(())
    })
}

/// The latest failure of this thread: `{"code":21,"name":"REFUSED","serverCode":"DEVICE_LIMIT_REACHED","message":…,"details":…,
/// "retryAfterSeconds":…}`; null if there was none. A success does not change it. Free it with `ltlm_string_free`.
///
/// Thread-safe.
#[unsafe(no_mangle)]
pub extern "C" fn ltlm_last_error() -> *mut c_char {
    let last = guard::last().and_then(|last| text::owned(last).ok());
    last.unwrap_or(std::ptr::null_mut())
}

/// Frees a text that this library wrote. Null is nothing to free. Any other pointer, or one that was freed, must not be given.
///
/// Thread-safe.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ltlm_string_free(text: *mut c_char) {
    // SAFETY: the caller gives null or a text that came from this library and was not freed.
    unsafe { text::free(text) };
}

/// The library's version, such as `0.1.0`. Not to be freed.
///
/// Thread-safe.
#[unsafe(no_mangle)]
pub extern "C" fn ltlm_version() -> *const c_char {
    VERSION.as_ptr()
}
