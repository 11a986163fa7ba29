//! Text and answers through pointers of the caller's.

#![expect(unsafe_code, reason = "it reads and writes through pointers of the caller's")]

use std::ffi::{CStr, CString, c_char};
use std::slice;

use crate::code::ltlm_code::{LTLM_BAD_UTF8, LTLM_INTERNAL, LTLM_NULL_ARGUMENT};
use crate::guard::Failure;

fn null() -> Failure {
    Failure::new(LTLM_NULL_ARGUMENT, "A pointer is null.")
}

fn bad_utf8() -> Failure {
    Failure::new(LTLM_BAD_UTF8, "A text is not UTF-8.")
}

/// A text that may be missing.
///
/// # Safety
/// The pointer is null, or leads to a text that ends with a NUL and stays as it is while the answer is used.
pub(crate) unsafe fn optional<'a>(text: *const c_char) -> Result<Option<&'a str>, Failure> {
    if text.is_null() {
        return Ok(None);
    }
    // SAFETY: this function's own condition.
    let text = unsafe { CStr::from_ptr(text) };
    text.to_str().map(Some).map_err(|_| bad_utf8())
}

/// A text.
///
/// # Safety
/// As of [`optional`].
pub(crate) unsafe fn needed<'a>(text: *const c_char) -> Result<&'a str, Failure> {
    // SAFETY: this function's own condition.
    unsafe { optional(text) }?.ok_or_else(null)
}

/// A text of a length.
///
/// # Safety
/// The pointer is null, or leads to so many bytes, which stay as they are while the answer is used.
pub(crate) unsafe fn sized<'a>(text: *const c_char, len: usize) -> Result<&'a str, Failure> {
    if text.is_null() || isize::try_from(len).is_err() {
        return Err(null());
    }
    // SAFETY: this function's own condition; the length was checked.
    let bytes = unsafe { slice::from_raw_parts(text.cast::<u8>(), len) };
    std::str::from_utf8(bytes).map_err(|_| bad_utf8())
}

/// A place for an answer. Whatever happens then, it holds something.
pub(crate) struct Place<T>(*mut T);

impl<T> Place<T> {
    /// A place that is needed, with what it holds until there is an answer.
    ///
    /// # Safety
    /// The pointer is null, or leads to a place that may be written to while this is used.
    pub(crate) unsafe fn needed(place: *mut T, until_then: T) -> Result<Self, Failure> {
        if place.is_null() {
            return Err(null());
        }
        let place = Self(place);
        place.put(until_then);
        Ok(place)
    }

    /// A place for an answer that is not always wanted.
    ///
    /// # Safety
    /// As of [`Place::needed`].
    pub(crate) unsafe fn optional(place: *mut T, until_then: T) -> Self {
        let place = Self(place);
        place.put(until_then);
        place
    }

    /// Writes an answer, where one is wanted.
    pub(crate) fn put(&self, answer: T) {
        if !self.0.is_null() {
            // SAFETY: the condition under which this was made.
            unsafe { self.0.write(answer) };
        }
    }
}

impl Place<*mut c_char> {
    /// Writes a text, where one is wanted: it is the caller's then.
    pub(crate) fn put_text(&self, text: String) -> Result<(), Failure> {
        if !self.0.is_null() {
            self.put(owned(text)?);
        }
        Ok(())
    }
}

/// A text for the caller, who frees it with `ltlm_string_free`.
pub(crate) fn owned(text: String) -> Result<*mut c_char, Failure> {
    // JSON has no NUL: it is escaped.
    let text = CString::new(text).map_err(|_| Failure::new(LTLM_INTERNAL, "A text holds a NUL."))?;
    Ok(text.into_raw())
}

/// Frees a text of [`owned`].
///
/// # Safety
/// The pointer is null, or came from [`owned`] and was not freed before.
pub(crate) unsafe fn free(text: *mut c_char) {
    if !text.is_null() {
        // SAFETY: this function's own condition.
        drop(unsafe { CString::from_raw(text) });
    }
}
