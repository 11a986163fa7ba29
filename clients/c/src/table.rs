//! Which numbers stand for which clients.
//!
//! A number holds the process that made it, so that a process that was forked can tell its parent's clients from numbers that were
//! never given. It has a table of its own: the parent's lock may be held by a thread that does not exist in it.

use std::collections::BTreeMap;
use std::process;
use std::sync::atomic::{AtomicPtr, AtomicU32, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use crate::code::ltlm_code::{LTLM_BAD_HANDLE, LTLM_FORKED};
use crate::guard::Failure;
use crate::handle::Handle;

type Clients = BTreeMap<u64, Arc<Handle>>;

/// The clients of one process, and the processes that it descends from as far as they had any.
struct Table {
    process: u32,
    parents: Vec<u32>,
    clients: Mutex<Clients>,
    made: AtomicU32,
}

static TABLE: AtomicPtr<Table> = AtomicPtr::new(std::ptr::null_mut());

/// This process's table. A parent's is left as it is.
#[expect(unsafe_code, reason = "a static that a forked process replaces")]
fn table() -> &'static Table {
    let process = process::id();
    loop {
        let found = TABLE.load(Ordering::Acquire);
        // SAFETY: it is null, or came from `Box::into_raw` below, and is never freed.
        let known = unsafe { found.as_ref() };
        if let Some(table) = known.filter(|table| table.process == process) {
            return table;
        }
        let mut parents = known.map_or_else(Vec::new, |table| table.parents.clone());
        parents.extend(known.map(|table| table.process));
        let new = Table { process, parents, clients: Mutex::default(), made: AtomicU32::new(0) };
        let new = Box::into_raw(Box::new(new));
        if TABLE.compare_exchange(found, new, Ordering::AcqRel, Ordering::Acquire).is_err() {
            // SAFETY: another thread was faster, so nobody else has seen this one.
            drop(unsafe { Box::from_raw(new) });
        }
    }
}

impl Table {
    fn with<T>(&self, use_clients: impl FnOnce(&mut Clients) -> T) -> T {
        use_clients(&mut self.clients.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Why there is no client of this number.
    fn missing(&self, number: u64) -> Failure {
        let is_parents = self.parents.iter().any(|parent| u64::from(*parent) == number >> 32);
        match is_parents {
            true => Failure::new(LTLM_FORKED, "The process was forked: make another client."),
            false => Failure::new(LTLM_BAD_HANDLE, "There is no client of this number, or no longer."),
        }
    }
}

/// Takes a client in.
pub(crate) fn insert(handle: Arc<Handle>) -> u64 {
    let table = table();
    let made = table.made.fetch_add(1, Ordering::Relaxed).wrapping_add(1);
    let number = u64::from(table.process) << 32 | u64::from(made);
    table.with(|clients| clients.insert(number, handle));
    number
}

/// The client of a number.
pub(crate) fn get(number: u64) -> Result<Arc<Handle>, Failure> {
    let table = table();
    table.with(|clients| clients.get(&number).cloned()).ok_or_else(|| table.missing(number))
}

/// Takes a client out.
pub(crate) fn remove(number: u64) -> Result<Arc<Handle>, Failure> {
    let table = table();
    table.with(|clients| clients.remove(&number)).ok_or_else(|| table.missing(number))
}
