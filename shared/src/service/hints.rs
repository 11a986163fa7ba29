//! What recent reads of this process saw. Every hint is checked by the next read, so that it cannot decide anything.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};

use ltlm_protocol::Timestamp;

use crate::domain::license::consume;
use crate::domain::license::seats::{SeatStatus, standing};
use crate::domain::license::state::LicenseState;
use crate::model::bucket::Bucket;
use crate::model::device::SeatClaim;
use crate::model::ids::LicenseId;
use crate::model::policy::Policy;
use crate::model::project::Project;
use crate::model::seat::{PAGE_SLOTS, Seat};

/// Hints kept of each kind; beyond it all are forgotten.
const HINTS_MAX: usize = 1_000;

/// What recent reads saw.
#[derive(Debug, Default)]
pub struct Hints(Mutex<Seen>);

#[derive(Debug, Default)]
pub(crate) struct Seen {
    projects: HashMap<String, String>,
    policies: HashMap<(String, i64), (i64, Arc<Policy>)>,
    /// Seats of the licenses that have more than one page of them.
    seats: HashMap<LicenseId, i64>,
    /// What holds sources of tries back.
    buckets: HashMap<String, Bucket>,
    /// What devices have of seats.
    leases: HashMap<(LicenseId, String), Lease>,
}

/// What a device had of seats when this process read it last. While the device's record, which each change of its seat writes, names
/// the same slot and epoch, the lease is in force until its end.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Lease {
    /// The seat that it holds; none if it holds none.
    pub seat: Option<Seat>,
    /// From then on the lease is to be read again.
    pub until: Option<Timestamp>,
}

impl Hints {
    /// The bucket of this name, as this process saw it last.
    pub fn bucket(&self, name: &str) -> Option<Bucket> {
        self.lock().buckets.get(name).cloned()
    }

    /// Remembers a bucket.
    pub fn remember_bucket(&self, bucket: Bucket) {
        let mut seen = self.lock();
        if seen.buckets.len() >= HINTS_MAX {
            seen.buckets.clear();
        }
        seen.buckets.insert(bucket.name.clone(), bucket);
    }

    pub(crate) fn project(&self, secret_hash: &str) -> Option<String> {
        self.lock().projects.get(secret_hash).cloned()
    }

    /// Remembers which project a secret names.
    pub fn remember_project(&self, secret_hash: &str, project_id: &str) {
        let mut seen = self.lock();
        if seen.projects.len() >= HINTS_MAX {
            seen.projects.clear();
        }
        seen.projects.insert(secret_hash.to_owned(), project_id.to_owned());
    }

    pub(crate) fn policy(&self, project: &Project, number: i64) -> Option<Arc<Policy>> {
        let seen = self.lock();
        let (revision, policy) = seen.policies.get(&(project.id.clone(), number))?;
        (*revision == project.policies_revision).then(|| policy.clone())
    }

    pub(crate) fn remember(&self, secret_hash: Option<&str>, project: &Project, policy: &Arc<Policy>) {
        if let Some(hash) = secret_hash {
            self.remember_project(hash, &project.id);
        }
        let mut seen = self.lock();
        if seen.policies.len() >= HINTS_MAX {
            seen.policies.clear();
        }
        seen.policies.insert((project.id.clone(), policy.number), (project.policies_revision, policy.clone()));
    }

    pub(crate) fn seats(&self, license: &LicenseId) -> i64 {
        self.lock().seats.get(license).copied().unwrap_or(0)
    }

    pub(crate) fn remember_seats(&self, state: &LicenseState) {
        let max = state.terms.seats_max.filter(|max| *max > PAGE_SLOTS);
        let mut seen = self.lock();
        match max {
            None => drop(seen.seats.remove(&state.license.id)),
            Some(max) => {
                if seen.seats.len() >= HINTS_MAX {
                    seen.seats.clear();
                }
                seen.seats.insert(state.license.id.clone(), max);
            }
        }
    }

    /// What this process knows of a device's seat at `now`, to be compared with the device's record.
    pub(crate) fn lease(&self, license: &LicenseId, hwid: &str, now: Timestamp) -> Option<Lease> {
        let key = (license.clone(), hwid.to_owned());
        self.lock().leases.get(&key).filter(|lease| lease.until.is_none_or(|until| now < until)).cloned()
    }

    /// Remembers what the calling device of this state has of seats. A lease counts until it is to be prolonged.
    pub(crate) fn remember_lease(&self, state: &LicenseState, now: Timestamp) {
        let Some(device) = &state.device else { return };
        let lease = match (standing(device, &state.seats, now), &device.seat) {
            (SeatStatus::Occupied(seat), _) => seat.live(now).map(|holder| Lease {
                seat: Some(seat.clone()),
                until: Some(consume::touched_again_at(state, holder).min(holder.lease_until)),
            }),
            (_, SeatClaim::Holds { .. }) => None,
            _ => Some(Lease { seat: None, until: None }),
        };
        let key = (state.license.id.clone(), device.hwid.clone());
        let mut seen = self.lock();
        if seen.leases.len() >= HINTS_MAX {
            seen.leases.clear();
        }
        match lease {
            Some(lease) => drop(seen.leases.insert(key, lease)),
            None => drop(seen.leases.remove(&key)),
        }
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Seen> {
        self.0.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
    }
}
