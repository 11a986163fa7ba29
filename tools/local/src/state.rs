//! What the server holds: the engine, the functions, and what its edge does to requests.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use shared::host::respond::Report;
use shared::table::port::Spent;

use crate::background::Background;
use crate::clock::MovableClock;

use crate::stripe::StripeServer;
use crate::wiring::Local;

/// Time for one request, as in Lambda: ten seconds less the time to say that we are busy.
pub(crate) const ALLOWANCE: Duration = Duration::from_millis(9_700);

/// What the server shares between requests.
pub struct Server {
    /// The product.
    pub host: Arc<Local>,
    /// What runs without a caller.
    pub background: Arc<Background>,
    /// Its clock.
    pub clock: Arc<MovableClock>,
    /// The payment provider.
    pub stripe: StripeServer,
    /// Where it listens.
    pub address: SocketAddr,
    /// Log each request?
    pub logs: bool,
    pub(crate) units: Mutex<BTreeMap<&'static str, Units>>,
    pub(crate) edge: Mutex<Edge>,
}

/// What a route cost since the start.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Units {
    pub(crate) requests: u64,
    pub(crate) last: Spent,
    pub(crate) total: Spent,
}

/// Faults at the HTTP edge.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Edge {
    pub(crate) drop_reply_percent: u32,
    pub(crate) random: u64,
}

impl Server {
    /// A server around the product.
    pub fn new(
        host: Arc<Local>,
        background: Arc<Background>,
        clock: Arc<MovableClock>,
        stripe: StripeServer,
        address: SocketAddr,
        logs: bool,
    ) -> Self {
        Self { host, background, clock, stripe, address, logs, units: Mutex::default(), edge: Mutex::default() }
    }

    pub(crate) fn count(&self, report: &Report) {
        let mut units = lock(&self.units);
        let row = units.entry(report.route).or_default();
        row.requests += 1;
        row.last = report.spent;
        row.total.round_trips += report.spent.round_trips;
        row.total.read_units += report.spent.read_units;
        row.total.write_units += report.spent.write_units;
    }

    /// Shall this reply be lost?
    pub(crate) fn drops(&self) -> bool {
        let mut edge = lock(&self.edge);
        if edge.drop_reply_percent == 0 {
            return false;
        }
        // A Weyl sequence through a multiplier: repeatable, and even enough for dropping replies.
        edge.random = edge.random.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mixed = (edge.random ^ (edge.random >> 31)).wrapping_mul(0xBF58_476D_1CE4_E5B9) >> 33;
        mixed % 100 < u64::from(edge.drop_reply_percent)
    }
}

pub(crate) fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
}
