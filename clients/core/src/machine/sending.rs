//! What is sent, and when: strict calls one at a time, each with a nonce that the server issued; all others at once.

use ltlm_protocol::proof::{self, UNRESERVED};
use percent_encoding::utf8_percent_encode;
use serde_json::{Map, Value, json};

use super::{Machine, Output, Request};
use crate::call::{CallId, Reply};
use crate::clock::Clocks;
use crate::identity::Chance;
use crate::journal::Use;
use crate::log::{Line, LogLevel};

/// What this library calls itself.
const VERSION: &str = concat!(env!("CARGO_PKG_VERSION"), "-native");
/// Largest batch in bytes of JSON.
const BATCH_BYTES: usize = 1024 * 1024;

/// Milliseconds after an answer in full in which heartbeats ask for compact ones, which cost the vendor less than half.
const FULL_MS: u64 = 30 * 60 * 1_000;

/// Why the license is asked for.
#[derive(Clone, Debug)]
pub(super) enum Why {
    /// The application starts; with a call, it waits for the answer.
    Start,
    /// The application wants to know.
    Refresh,
    /// The application wants its seat again.
    Reactivate,
    /// A strict call has no nonce.
    Resync,
    /// Is the balance so large?
    HasTokens(i64),
    /// The result of a seat release, to be reported with the seat.
    After(Box<Reply>),
}

/// What a request is for.
#[derive(Clone, Debug)]
pub(super) enum Work {
    Validate {
        key: String,
    },
    Status(Why),
    /// Fetches a nonce where a check of the license would take a seat.
    Nonce,
    Beat,
    SignOut,
    Close,
    Consume(Use),
    Batch,
    Release {
        hwid: String,
        claim: bool,
    },
    Seats,
    Settings,
    SaveSettings(Map<String, Value>),
    TopUp {
        pack_id: String,
        redirect_url: Option<String>,
    },
    Buyable,
    Checkout {
        policy_id: String,
        email: String,
        redirect_url: Option<String>,
    },
    Trial {
        email: String,
    },
    RequestCode {
        email: String,
    },
    VerifyCode {
        email: String,
        code: String,
    },
    History {
        limit: u32,
        cursor: Option<String>,
    },
    Report {
        kind: String,
        payload: Map<String, Value>,
        operation_id: String,
    },
}

/// Work, and its waiting caller.
#[derive(Clone, Debug)]
pub(super) struct Task {
    pub(super) work: Work,
    pub(super) call: Option<CallId>,
    /// The application was notified that a validation began.
    pub(super) is_validation: bool,
    /// It was sent again after a nonce mismatch.
    pub(super) is_resynced: bool,
    /// It was sent again with another time.
    pub(super) is_retimed: bool,
    /// It was sent before, and may have been done.
    pub(super) is_doubtful: bool,
}

/// A request on its way.
#[derive(Debug)]
pub(super) struct Flight {
    pub(super) task: Task,
    pub(super) nonce: String,
    pub(super) endpoint: &'static str,
    pub(super) key: Option<String>,
    /// When it was sent, by the boot clock.
    pub(super) sent: u64,
    /// When it was signed, by the time in the signature.
    pub(super) signed_ms: i64,
    /// The uses of a batch, in its order.
    pub(super) ids: Vec<String>,
    /// It holds the lane of strict calls.
    pub(super) is_in_lane: bool,
}

impl Task {
    pub(super) fn new(work: Work, call: Option<CallId>) -> Self {
        Self { work, call, is_validation: false, is_resynced: false, is_retimed: false, is_doubtful: false }
    }

    pub(super) fn validating(work: Work, call: Option<CallId>) -> Self {
        Self { is_validation: true, ..Self::new(work, call) }
    }
}

impl Work {
    /// Does it use up a nonce that the server issued?
    pub(super) fn is_strict(&self) -> bool {
        matches!(self, Self::Beat | Self::Consume(_) | Self::Batch | Self::Release { .. })
    }

    /// The route, as the `for` of an answer names it.
    fn endpoint(&self) -> &'static str {
        match self {
            Self::Validate { .. } => "/v1/sdk/pro/license/validate",
            Self::Status(_) => "/v1/sdk/pro/license/status",
            Self::Nonce | Self::Seats => "/v1/sdk/pro/license/seats",
            Self::Beat | Self::SignOut | Self::Close => "/v1/sdk/pro/license/heartbeat",
            Self::Consume(_) => "/v1/sdk/pro/license/consume",
            Self::Batch => "/v1/sdk/pro/license/consume-batch",
            Self::Release { .. } => "/v1/sdk/pro/license/release-seat",
            Self::Settings => "/v1/sdk/pro/license/settings/get",
            Self::SaveSettings(_) => "/v1/sdk/pro/license/settings/save",
            Self::TopUp { .. } => "/v1/sdk/pro/license/topup-link",
            Self::Buyable => "/v1/sdk/pro/project/buyable-policies",
            Self::Checkout { .. } => "/v1/sdk/pro/project/checkout-link",
            Self::Trial { .. } => "/v1/sdk/pro/project/trial-eligibility",
            Self::RequestCode { .. } => "/v1/sdk/pro/auth/customer-login-request",
            Self::VerifyCode { .. } => "/v1/sdk/pro/auth/customer-portfolio",
            Self::History { .. } => "/v1/sdk/pro/license/usage",
            Self::Report { .. } => "/v1/sdk/pro/license/events",
        }
    }

    /// Is it a plain `GET`, whose answer is not signed?
    pub(super) fn is_plain(&self) -> bool {
        matches!(self, Self::Trial { .. })
    }

    /// Is it a call on the project, which names no license?
    fn is_of_project(&self) -> bool {
        matches!(
            self,
            Self::Buyable
                | Self::Checkout { .. }
                | Self::Trial { .. }
                | Self::RequestCode { .. }
                | Self::VerifyCode { .. }
        )
    }
}

/// The path of a plain `GET` with its query.
fn plain_path(work: &Work) -> String {
    match work {
        Work::Trial { email } => format!("/v1/sdk/pro/project/trial-eligibility?email={}", encoded(email)),
        _ => String::new(),
    }
}

fn encoded(text: &str) -> String {
    utf8_percent_encode(text, UNRESERVED).to_string()
}

impl Machine {
    /// Starts work: at once, or when the lane of strict calls is free.
    pub(super) fn start(&mut self, task: Task, now: Clocks) {
        match task.work.is_strict() {
            true => self.lane.push_back(task),
            false => self.send(task, false, now),
        }
    }

    /// Beats, if no beat is on its way.
    pub(super) fn queue_beat(&mut self, call: Option<CallId>) {
        let is_beat = |task: &Task| matches!(task.work, Work::Beat);
        let is_there = self.lane.iter().chain(self.flights.values().map(|flight| &flight.task)).any(is_beat);
        if call.is_some() || !is_there {
            self.lane.push_back(Task::new(Work::Beat, call));
        }
    }

    /// Charges what waits, if no batch is on its way.
    pub(super) fn queue_batch(&mut self) {
        let is_batch = |task: &Task| matches!(task.work, Work::Batch);
        if !self.lane.iter().chain(self.flights.values().map(|flight| &flight.task)).any(is_batch) {
            self.lane.push_back(Task::new(Work::Batch, None));
        }
    }

    /// Sends the oldest confirmed use of unknown outcome again, if none is on its way.
    pub(super) fn queue_confirm(&mut self) {
        let Some(one) = self.queue.unresolved().cloned() else { return };
        let is_it = |task: &Task| matches!(&task.work, Work::Consume(other) if other.id == one.id);
        if !self.lane.iter().chain(self.flights.values().map(|flight| &flight.task)).any(is_it) {
            self.lane.push_back(Task { is_doubtful: true, ..Task::new(Work::Consume(one), None) });
        }
    }

    /// Sends the next strict call, or what brings a nonce for it.
    pub(super) fn pump(&mut self, now: Clocks) {
        while !self.flights.values().any(|flight| flight.is_in_lane) {
            let Some(front) = self.lane.front() else { return };
            if self.license.is_none() {
                let Some(task) = self.lane.pop_front() else { return };
                self.failed_for_want_of_license(task, now);
                continue;
            }
            if matches!(front.work, Work::Batch) && self.queue.waiting() == 0 {
                self.lane.pop_front();
                continue;
            }
            if self.nonces.is_empty() {
                // A check of the license takes a seat; who gave it back, or lost it, does not want that.
                let is_seated = self.may_beat();
                let work = if is_seated { Work::Status(Why::Resync) } else { Work::Nonce };
                let is_retimed = front.is_retimed;
                self.send(Task { is_retimed, ..Task::new(work, None) }, true, now);
                return;
            }
            let Some(task) = self.lane.pop_front() else { return };
            self.send(task, true, now);
        }
    }

    /// The time that a request is signed with: the trusted one, unless the server refused that.
    fn signing_ms(&self, is_retimed: bool, now: Clocks) -> i64 {
        match self.signing.filter(|_| is_retimed || !self.clock.is_signed()) {
            Some((at_ms, boot)) => at_ms.saturating_add(i64::try_from(now.boot_ms.saturating_sub(boot)).unwrap_or(0)),
            None => self.clock.now(now),
        }
    }

    fn send(&mut self, task: Task, is_in_lane: bool, now: Clocks) {
        let is_strict = task.work.is_strict();
        let nonce = is_strict.then(|| self.nonces.pop()).flatten().unwrap_or_else(|| self.chance.text());
        let endpoint = task.work.endpoint();
        let (mut data, ids) = self.data(&task.work, now);
        let key = (!task.work.is_of_project()).then(|| data["key"].as_str().map(str::to_owned)).flatten();
        if is_strict && self.seal.is_signing {
            // Kept before it is sent: a number that comes twice is a clone's.
            self.kept.device_sequence += 1;
            data["deviceSequence"] = Value::from(self.kept.device_sequence);
        }
        if is_strict && (self.seal.is_signing || matches!(task.work, Work::Batch | Work::Consume(_))) {
            // The numbers of these uses too, whose records are gone once they are charged.
            self.is_dirty = true;
            self.persist(now);
        }
        let Some(seed) = self.kept.seed() else { return };
        let signed_ms = self.signing_ms(task.is_retimed, now);
        let (method, path, headers, body) = if task.work.is_plain() {
            let path = plain_path(&task.work);
            let headers = self.seal.get(&seed, &path, &nonce, signed_ms);
            ("GET", path, headers, None)
        } else {
            let vector = self.chance.half();
            let (headers, body) = self.seal.post(&seed, endpoint, &data, &nonce, vector, signed_ms);
            ("POST", endpoint.to_owned(), headers, Some(body))
        };
        self.sends += 1;
        let (id, call) = (self.sends, task.call);
        let (uses, bytes) = (ids.len(), body.as_ref().map_or(0, String::len));
        self.log(LogLevel::Debug, || {
            let line = Line::new("request").with("request", id).with("call", call.unwrap_or(0)).with("route", endpoint);
            line.with("bytes", bytes).with("uses", uses).with("again", task.is_resynced || task.is_retimed)
        });
        let flight = Flight { task, nonce, endpoint, key, sent: now.boot_ms, signed_ms, ids, is_in_lane };
        self.flights.insert(id, flight);
        self.outputs.push_back(Output::Send(Request { id, call, method, path, headers, body }));
    }

    /// What the endpoint is asked, and the uses that a batch holds.
    fn data(&mut self, work: &Work, now: Clocks) -> (Value, Vec<String>) {
        let hwid = self.seal.hwid.clone();
        let key = self.key().unwrap_or_default().to_owned();
        let own = |more: Value| {
            let mut data = json!({"key": key, "hwid": hwid});
            if let (Some(members), Value::Object(more)) = (data.as_object_mut(), more) {
                members.extend(more);
            }
            data
        };
        let mut ids = Vec::new();
        let data = match work {
            Work::Validate { key } => {
                let mut data = self.shows(key);
                if let Some(seed) = self.kept.seed().filter(|_| self.seal.is_signing) {
                    data["deviceKey"] = Value::from(proof::public_key(&seed));
                }
                data
            }
            Work::Status(_) => self.shows(&key),
            Work::Nonce | Work::Seats | Work::Settings | Work::Trial { .. } => own(json!({})),
            Work::History { limit, cursor } => own(json!({"limit": limit, "cursor": cursor})),
            Work::Beat => {
                let is_recent = |full_ms| now.boot_ms.saturating_sub(full_ms) < FULL_MS;
                own(json!({"isClosing": false, "compact": self.full_ms.is_some_and(is_recent)}))
            }
            Work::SignOut | Work::Close => own(json!({"isClosing": true})),
            Work::Consume(one) => json!({
                "key": one.key, "hwid": hwid, "amount": one.amount, "action": one.action, "meta": one.meta,
                "operationId": one.id, "sequence": one.number, "compact": true,
            }),
            Work::Batch => {
                let (named, items) = self.queue.batch(&hwid, self.batch_max, BATCH_BYTES);
                ids = named;
                own(json!({"usages": items}))
            }
            Work::Release { hwid: target, claim } => json!({
                "key": key, "targetHwid": target, "callerHwid": hwid, "claimSeat": claim,
            }),
            Work::SaveSettings(settings) => own(json!({"settings": settings})),
            Work::TopUp { pack_id, redirect_url } => own(json!({"packId": pack_id, "redirectUrl": redirect_url})),
            Work::Buyable => json!({"hwid": hwid}),
            Work::Checkout { policy_id, email, redirect_url } => {
                json!({"policyId": policy_id, "customerEmail": email, "redirectUrl": redirect_url})
            }
            Work::RequestCode { email } => json!({"email": email}),
            Work::VerifyCode { email, code } => json!({"email": email, "otp": code}),
            Work::Report { kind, payload, operation_id } => {
                json!({"key": key, "type": kind, "payload": payload, "operationId": operation_id})
            }
        };
        (data, ids)
    }

    /// What a device shows of itself.
    fn shows(&self, key: &str) -> Value {
        let os = std::env::consts::OS;
        let name = self.config.device_name.clone();
        let name = name.unwrap_or_else(|| format!("{os} {}", self.seal.hwid.get(..4).unwrap_or_default()));
        json!({
            "key": key, "hwid": self.seal.hwid, "version": VERSION, "clientVersion": self.config.app_version,
            "nickname": name, "meta": {"os": os},
        })
    }

    /// Draws from the machine's chance.
    pub(super) fn chance(&mut self) -> &mut Chance {
        &mut self.chance
    }
}
