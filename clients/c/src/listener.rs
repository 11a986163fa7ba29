//! The caller's function that is told of events.

#![expect(unsafe_code, reason = "it calls a function of the caller's, with a pointer of the caller's")]

use std::ffi::{CString, c_char, c_void};
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::{self, ThreadId};

/// A function that is told of events: `user` is what was given with it, `event_json` is `len` bytes of UTF-8 and a NUL, and is gone when the
/// function returns.
#[allow(non_camel_case_types)]
pub type ltlm_event_fn = Option<unsafe extern "C" fn(user: *mut c_void, event_json: *const c_char, len: usize)>;

/// A function with its data.
#[derive(Clone, Copy)]
struct Listener {
    function: unsafe extern "C" fn(*mut c_void, *const c_char, usize),
    user: *mut c_void,
}

// SAFETY: `ltlm_on_event` asks for a function that may be called from any thread with this pointer, which is never looked into here.
unsafe impl Send for Listener {}

#[derive(Default)]
struct State {
    listener: Option<Listener>,
    /// The thread that is within the function.
    caller: Option<ThreadId>,
}

/// Where events go, if anywhere.
#[derive(Default)]
pub(crate) struct Outlet {
    state: Mutex<State>,
    returned: Condvar,
}

impl Outlet {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Replaces the function. When this returns the one before is called no more, unless this is called from within it.
    pub(crate) fn set(&self, function: ltlm_event_fn, user: *mut c_void) {
        let mut state = self.lock();
        state.listener = function.map(|function| Listener { function, user });
        let me = thread::current().id();
        while state.caller.is_some_and(|caller| caller != me) {
            state = self.returned.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
    }

    /// Calls the function, with no lock held. Is there one?
    pub(crate) fn deliver(&self, event: impl FnOnce() -> String) -> bool {
        let mut state = self.lock();
        let Some(listener) = state.listener else { return false };
        let Ok(text) = CString::new(event()) else { return false };
        state.caller = Some(thread::current().id());
        drop(state);
        // SAFETY: `ltlm_on_event` asks that the function can be called so until it is replaced, and `set` waits for this call.
        unsafe { (listener.function)(listener.user, text.as_ptr(), text.as_bytes().len()) };
        self.lock().caller = None;
        self.returned.notify_all();
        true
    }
}
