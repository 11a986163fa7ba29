//! One client, with the calls that nobody waits for and the function that is told of events.

use std::collections::BTreeSet;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::Duration;

use ltlm_client::{Client, Config, Event};
use serde_json::Value;

use crate::code::ltlm_code::{LTLM_BAD_ARGUMENT, LTLM_BUSY, LTLM_CANCELLED};
use crate::guard::{CALLING_THREAD, Failure, caught};
use crate::listener::Outlet;
use crate::method::Method;

/// Calls that may run at once without anybody waiting.
const CALLS_MAX: usize = 64;
/// Results of such calls that may wait to be fetched.
const RESULTS_MAX: usize = 1_024;

/// A client behind a number.
pub(crate) struct Handle {
    pub(crate) client: Client,
    pub(crate) outlet: Outlet,
    /// Calls that run and were not canceled.
    requests: Mutex<BTreeSet<u64>>,
    begun: AtomicU64,
    running: AtomicUsize,
    unfetched: AtomicUsize,
}

impl Handle {
    /// Opens a client by its configuration in JSON.
    pub(crate) fn open(config: &str) -> Result<Arc<Self>, Failure> {
        let client = Client::open(&Config::from_json(config)?)?;
        let handle = Arc::new(Self {
            client,
            outlet: Outlet::default(),
            requests: Mutex::default(),
            begun: AtomicU64::new(0),
            running: AtomicUsize::new(0),
            unfetched: AtomicUsize::new(0),
        });
        let weak = Arc::downgrade(&handle);
        handle.client.on_event(move |event| {
            if let Some(handle) = weak.upgrade() {
                handle.notify(event);
            }
        });
        Ok(handle)
    }

    /// Tells the caller's function. Where there is one, nothing is kept for fetching.
    fn notify(&self, event: &Event) {
        if self.outlet.deliver(|| text(event)) {
            self.client.events().iter().for_each(|event| self.count_out(event));
        }
    }

    fn count_out(&self, event: &Event) {
        if matches!(event, Event::CallDone { .. }) {
            self.unfetched.fetch_sub(1, Ordering::Relaxed);
        }
    }

    /// The next event as JSON, waiting for at most so long.
    pub(crate) fn next_event(&self, timeout: Duration) -> Option<String> {
        let event = self.client.next_event(timeout)?;
        self.count_out(&event);
        Some(text(&event))
    }

    fn requests(&self) -> MutexGuard<'_, BTreeSet<u64>> {
        self.requests.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Makes a call in a thread of its own. Its result is an event.
    pub(crate) fn begin(self: &Arc<Self>, method: Method) -> Result<u64, Failure> {
        let busy = |message| Failure::new(LTLM_BUSY, message);
        if self.unfetched.load(Ordering::Relaxed) >= RESULTS_MAX {
            return Err(busy("Too many results of calls wait to be fetched."));
        }
        if self.running.fetch_add(1, Ordering::Relaxed) >= CALLS_MAX {
            self.running.fetch_sub(1, Ordering::Relaxed);
            return Err(busy("Too many calls run at once."));
        }
        let request = self.begun.fetch_add(1, Ordering::Relaxed) + 1;
        self.requests().insert(request);
        let handle = self.clone();
        let thread = thread::Builder::new().name(CALLING_THREAD.to_owned()).spawn(move || {
            let outcome = caught(|| Ok(method.run(&handle.client, handle.client.timeout())?));
            handle.running.fetch_sub(1, Ordering::Relaxed);
            if handle.requests().remove(&request) {
                handle.finish(request, outcome);
            }
        });
        if thread.is_err() {
            self.running.fetch_sub(1, Ordering::Relaxed);
            self.requests().remove(&request);
            return Err(busy("No thread can be started."));
        }
        Ok(request)
    }

    /// Waits for a call no longer. Its result is that it was canceled; what is on its way goes on.
    pub(crate) fn cancel(&self, request: u64) -> Result<(), Failure> {
        if !self.requests().remove(&request) {
            return Err(Failure::new(LTLM_BAD_ARGUMENT, "No call of this number runs."));
        }
        self.finish(request, Err(Failure::new(LTLM_CANCELLED, "The call was canceled.")));
        Ok(())
    }

    fn finish(&self, request: u64, outcome: Result<Value, Failure>) {
        let (code, result, error) = match outcome {
            Ok(result) => (0, result, None),
            Err(failure) => (failure.code, Value::Null, Some(failure.details)),
        };
        self.unfetched.fetch_add(1, Ordering::Relaxed);
        self.client.announce(Event::CallDone { request, code, result, error });
    }
}

fn text(event: &Event) -> String {
    // Maps with texts as names, and numbers that are finite: this cannot fail.
    serde_json::to_string(event).unwrap_or_default()
}
