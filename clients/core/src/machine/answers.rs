//! What answers and failures mean.

use std::sync::Arc;

use ltlm_protocol::license_data::{BatchResult, Operation, UserSettings};
use ltlm_protocol::{Code, ErrorBody, LicenseData, json};
use serde::de::DeserializeOwned;
use serde_json::Value;

use super::sending::{Flight, Task, Why, Work};
use super::{Failure, HttpAnswer, KeptLicense, Machine, NONCES_MAX, RETRY_AFTER_SECONDS_MAX, SendId};
use crate::call::Reply;
use crate::clock::Clocks;
use crate::error::{Error, ErrorCode};
use crate::event::Event;
use crate::license::License;
use crate::log::{Line, LogLevel};
use crate::status::Status;
use crate::wire::{Asked, Untrusted, Verified};

/// How far a request's time must be off the server's, in milliseconds, for a refused signature to be the clock's fault.
const CLOCK_MS: i64 = 60_000;

/// Codes of refusals that concern the license, besides those that start with `LICENSE_` or `DEVICE_`.
const CONCLUSIVE: [&str; 4] =
    ["REGION_BLOCKED", "VERSION_NOT_SUPPORTED", "PRO_SDK_REQUIRED", "OFFLINE_ACTIVATION_REQUIRED"];

/// Refusals that the server gives only after it has looked whether the use was charged already: then it was not.
const UNCHARGED: [&str; 8] = [
    "INSUFFICIENT_TOKENS",
    "TOKENS_DISABLED",
    "CAPABILITY_MISSING",
    "IDEMPOTENCY_KEY_REUSED",
    "LICENSE_EXPIRED",
    "LICENSE_SUSPENDED",
    "LICENSE_REVOKED",
    "LICENSE_TERMINATED",
];

/// What came back.
enum Heard {
    Signed(Verified),
    Plain(Value),
}

/// Why a request came to nothing.
struct Trouble {
    error: Error,
    /// The server did not act, for certain.
    is_undone: bool,
    /// The HTTP status, of an answer.
    status: u16,
    /// A time that the server sent without a signature, in milliseconds since the Unix epoch.
    server_ms: Option<i64>,
}

impl Trouble {
    fn of(code: ErrorCode, message: &str) -> Self {
        Self { error: Error::new(code, message), is_undone: false, status: 0, server_ms: None }
    }

    fn is(&self, server_code: &str) -> bool {
        self.error.server_code.as_deref() == Some(server_code)
    }

    /// The same, if the server knows the device by another key.
    fn of_lost_key(self) -> Self {
        let message = "The server knows another key of this device: the vendor has to remove the device first.";
        let error = Error { code: ErrorCode::DeviceKeyLost, message: message.to_owned(), ..self.error };
        Self { error, ..self }
    }

    /// The code, if it says something about the license or the device.
    fn conclusive(&self) -> Option<&str> {
        let code = self.error.server_code.as_deref().filter(|_| self.error.code != ErrorCode::ServerBusy)?;
        let is_conclusive = code.starts_with("LICENSE_") || code.starts_with("DEVICE_") || CONCLUSIVE.contains(&code);
        is_conclusive.then_some(code)
    }
}

fn typed<T: DeserializeOwned>(data: Value) -> Result<T, Trouble> {
    json::typed(data).map_err(|_| Trouble::of(ErrorCode::AnswerRejected, "The answer cannot be read."))
}

/// Reads an answer.
fn heard(machine: &Machine, flight: &Flight, answer: &HttpAnswer, now: Clocks) -> Result<Heard, Trouble> {
    let foreign = || Trouble {
        status: answer.status,
        ..Trouble::of(ErrorCode::NotOurServer, "Somebody else answered: is there a sign-in page on this network?")
    };
    match answer.status {
        200..300 if flight.task.work.is_plain() => json::parse(&answer.body).map(Heard::Plain).map_err(|_| foreign()),
        200..300 => {
            let asked = Asked {
                endpoint: flight.endpoint,
                key: flight.key.as_deref(),
                nonce: &flight.nonce,
                elapsed_ms: now.boot_ms.saturating_sub(flight.sent),
            };
            machine.seal.open(&answer.body, asked).map(Heard::Signed).map_err(|untrusted| match untrusted {
                Untrusted::Foreign => foreign(),
                Untrusted::Rejected => Trouble::of(ErrorCode::AnswerRejected, "The answer does not verify."),
            })
        }
        407 => Err(Trouble::of(ErrorCode::Proxy, "The proxy asks for a sign-in.")),
        // Network Authentication Required (RFC 6585): a captive portal by its own word.
        511 => Err(foreign()),
        400.. => Err(refusal(answer).unwrap_or_else(|| match answer.status {
            429 | 500.. => Trouble::of(ErrorCode::ServerBusy, "The server cannot answer now."),
            _ => foreign(),
        })),
        _ => Err(foreign()),
    }
}

/// A refusal in the server's own words.
fn refusal(answer: &HttpAnswer) -> Option<Trouble> {
    let body: ErrorBody = json::parse_as(&answer.body).ok().filter(|body: &ErrorBody| !body.code.is_empty())?;
    let server_time = body.details.as_ref().and_then(|details| details.get("serverTimeMs")).and_then(Value::as_i64);
    let retry_after: Option<u64> = answer.retry_after.as_deref().and_then(|text| text.trim().parse().ok());
    let mut error = Error::refused(&body.code, body.message);
    error.details = body.details.map(Box::new);
    error.retry_after_seconds = retry_after.map(|seconds| seconds.min(RETRY_AFTER_SECONDS_MAX));
    if answer.status == 429 || answer.status >= 500 {
        error.code = ErrorCode::ServerBusy;
    }
    // What failed inside the server may have been done, and of a code that nobody knows nothing is known.
    let is_undone = answer.status < 500 && Code::ALL.iter().any(|row| error.server_code.as_deref() == Some(row.wire));
    let server_ms = server_time.or_else(|| answer.date.as_deref().and_then(http_date));
    Some(Trouble { error, is_undone, status: answer.status, server_ms })
}

/// The instant of an HTTP date.
fn http_date(text: &str) -> Option<i64> {
    let parsed = jiff::fmt::rfc2822::parse(text).ok()?;
    Some(parsed.timestamp().as_millisecond())
}

impl Machine {
    pub(super) fn unanswered(&mut self, id: SendId, failure: Failure, now: Clocks) {
        let Some(flight) = self.flights.remove(&id) else { return };
        self.log(LogLevel::Info, || Line::new("no answer").with("request", id).with("failure", failure));
        let mut trouble = match failure {
            Failure::Unsent => Trouble::of(ErrorCode::Offline, "The server cannot be reached."),
            Failure::Lost => Trouble::of(ErrorCode::Offline, "The connection was lost."),
            Failure::Tls => Trouble::of(ErrorCode::Tls, "No encrypted connection came about."),
            Failure::Proxy => Trouble::of(ErrorCode::Proxy, "The proxy refused."),
            Failure::Timeout => Trouble::of(ErrorCode::Timeout, "There was no answer in time."),
        };
        trouble.is_undone = matches!(failure, Failure::Unsent | Failure::Tls | Failure::Proxy);
        if trouble.is_undone && flight.task.work.is_strict() {
            self.keep_nonce(flight.nonce.clone());
        }
        self.failed(flight, trouble, now);
    }

    pub(super) fn answered(&mut self, id: SendId, answer: &HttpAnswer, now: Clocks) {
        let Some(flight) = self.flights.remove(&id) else { return };
        let (elapsed_ms, bytes) = (now.boot_ms.saturating_sub(flight.sent), answer.body.len());
        self.log(LogLevel::Debug, || {
            let line = Line::new("answer").with("request", id).with("status", answer.status).with("bytes", bytes);
            line.with("ms", elapsed_ms)
        });
        match heard(self, &flight, answer, now) {
            Ok(heard) => {
                self.is_offline = false;
                self.done_with(flight, heard, now);
            }
            Err(trouble) => {
                let level = match trouble.error.code {
                    ErrorCode::AnswerRejected | ErrorCode::NotOurServer => LogLevel::Warn,
                    _ => LogLevel::Info,
                };
                self.log(level, || Line::new("answer is no success").with("request", id).error(&trouble.error));
                if trouble.is_undone && flight.task.work.is_strict() && !trouble.is("NONCE_MISMATCH") {
                    // A refusal leaves the nonce as it was.
                    self.keep_nonce(flight.nonce.clone());
                }
                self.failed(flight, trouble, now);
            }
        }
    }

    fn keep_nonce(&mut self, nonce: String) {
        self.nonces.push(nonce);
        let surplus = self.nonces.len().saturating_sub(NONCES_MAX);
        self.nonces.drain(..surplus);
    }

    // ---- What went well ----

    fn done_with(&mut self, flight: Flight, heard: Heard, now: Clocks) {
        let (data, verified) = match heard {
            Heard::Plain(data) => (data, None),
            Heard::Signed(mut verified) => {
                if let Some(nonce) = verified.nonce.take() {
                    self.keep_nonce(nonce);
                }
                (std::mem::take(&mut verified.data), Some(verified))
            }
        };
        if let Err((flight, trouble)) = self.taken(flight, data, verified, now) {
            self.failed(*flight, trouble, now);
        }
    }

    /// Takes in what an answer says. Gives the request back if it cannot be read.
    fn taken(
        &mut self,
        flight: Flight,
        data: Value,
        verified: Option<Verified>,
        now: Clocks,
    ) -> Result<(), (Box<Flight>, Trouble)> {
        let is_license = matches!(
            flight.task.work,
            Work::Validate { .. }
                | Work::Status(_)
                | Work::Beat
                | Work::SignOut
                | Work::Close
                | Work::Consume(_)
                | Work::Batch
        );
        if !is_license {
            let reply = match self.reply(&flight.task.work, data) {
                Ok(reply) => reply,
                Err(trouble) => return Err((Box::new(flight), trouble)),
            };
            self.replied(flight.task, reply, now);
            return Ok(());
        }
        // Facts of the call itself, which hold even if a newer answer overtook this one.
        let operation: Option<Operation> = data.get("operation").cloned().and_then(|value| json::typed(value).ok());
        let batch: Option<BatchResult> = data.get("batchResult").cloned().and_then(|value| json::typed(value).ok());
        let data: LicenseData = match typed(data) {
            Ok(data) => data,
            Err(trouble) => return Err((Box::new(flight), trouble)),
        };
        let Some(verified) = verified else { return Ok(()) };
        let Flight { task, ids, .. } = flight;
        match task.work {
            Work::Validate { .. } | Work::Status(Why::Reactivate) => {
                (self.kept.is_signed_out, self.is_started) = (false, true);
            }
            Work::SignOut => self.kept.is_signed_out = true,
            _ => {}
        }
        let is_new = matches!(task.work, Work::Validate { .. });
        self.take_license(data, &verified, is_new, now);
        self.license_done(task, &ids, operation, batch, now);
        Ok(())
    }

    /// The result of a check, a heartbeat or a charge, after its license was applied.
    fn license_done(
        &mut self,
        task: Task,
        ids: &[String],
        operation: Option<Operation>,
        batch: Option<BatchResult>,
        now: Clocks,
    ) {
        let status = self.status(now).0;
        let success = status.is_usable() || status == Status::ValidNoSeat;
        let validated = task.is_validation.then_some(success);
        let result = Ok(Reply::Status(status));
        match task.work {
            Work::Validate { .. } | Work::Status(Why::Start | Why::Reactivate) => {
                self.beat.set(now.boot_ms);
                self.beat.succeeded();
                self.hasten_uses(now);
                self.conclude(validated, task.call, result, now);
            }
            Work::Status(Why::Refresh) => {
                self.beat_later(now);
                self.hasten_uses(now);
                self.conclude(validated, task.call, result, now);
            }
            Work::Status(Why::HasTokens(amount)) => {
                let has = self.balance() >= amount;
                self.conclude(None, task.call, Ok(Reply::Answer(has)), now);
            }
            Work::Status(Why::After(reply)) => self.conclude(None, task.call, Ok(*reply), now),
            Work::Status(Why::Resync) => self.conclude(None, None, result, now),
            Work::Beat => {
                self.beat_later(now);
                self.hasten_uses(now);
                self.conclude(None, task.call, result, now);
            }
            Work::SignOut | Work::Close => self.conclude(None, task.call, Ok(Reply::Done), now),
            Work::Consume(one) => self.confirmed(&one, operation, task.call, now),
            Work::Batch => {
                self.batch_max = ltlm_protocol::limits::BATCH_USAGES_MAX;
                self.charged(ids, batch, now);
            }
            _ => {}
        }
    }

    /// The server can be reached: what waits goes out.
    fn hasten_uses(&mut self, now: Clocks) {
        self.sync.succeeded();
        self.sync.hasten(now.boot_ms);
        self.confirm.succeeded();
        self.confirm.hasten(now.boot_ms);
    }

    /// Sets the next beat by the server's interval, up to a tenth of it earlier.
    fn beat_later(&mut self, now: Clocks) {
        let Some(license) = &self.license else { return };
        let interval_ms = u64::try_from(license.interval_seconds()).unwrap_or(0) * 1_000;
        let early = self.chance.below(interval_ms / 10);
        self.beat.succeeded();
        self.beat.set(now.boot_ms.saturating_add(interval_ms - early));
    }

    /// Takes in a license that was signed, unless a newer one is known already.
    fn take_license(&mut self, data: LicenseData, verified: &Verified, is_new: bool, now: Clocks) {
        let current = self.license.as_ref();
        let is_same = current.is_some_and(|license| license.data.license_key == data.license_key);
        if is_same && current.is_some_and(|license| !license.is_file && license.signed_ms > verified.signed_ms) {
            return;
        }
        // An answer for a license that was left meanwhile changes nothing.
        if !is_same && !is_new {
            return;
        }
        let was_kicked = is_same && current.is_some_and(License::is_kicked);
        let data = self.completed(data, now);
        self.clock.learn(verified.signed_ms, now);
        (self.kept.blocked, self.hours_told, self.is_moved) = (None, None, false);
        self.is_dirty = true;
        if !is_same {
            self.kept.changed_ms = verified.signed_ms.max(self.kept.changed_ms.saturating_add(1));
        }
        let seat = (data.seat_status.clone(), data.active_seats.unwrap_or(0), data.max_concurrent_seats.unwrap_or(0));
        let is_seat_new = data.seats_enabled && self.seat.as_ref() != Some(&seat);
        let license = License { data: Arc::new(data), signed_ms: verified.signed_ms, is_file: false };
        let is_settings_new = is_same && license.data.user_settings != self.kept.settings;
        let notice = license.data.kicked_notice.clone();
        let is_kicked = license.is_kicked();
        if is_seat_new {
            let (seat_status, active, max) = seat.clone();
            self.notify(Event::SeatStatusChanged { seat_status, active, max });
        }
        if !license.lists(&self.seal.hwid) {
            // The device was removed: it must not come back by itself.
            self.drop_license(now);
            self.notice.clone_from(&notice);
            if is_kicked {
                self.notify(Event::Kicked { notice });
            }
            return;
        }
        self.seat = Some(seat);
        self.notice = None;
        self.kept.settings.clone_from(&license.data.user_settings);
        let key = license.data.license_key.clone();
        self.kept.license = Some(KeptLicense { key, text: verified.text.to_string(), is_file: false });
        self.license = Some(license);
        if is_kicked && !was_kicked {
            self.notify(Event::Kicked { notice });
        }
        if is_settings_new {
            self.notify(Event::SettingsChanged);
        }
    }

    /// A compact answer, completed by what the last answer in full said of other devices and of the user settings.
    fn completed(&mut self, data: LicenseData, now: Clocks) -> LicenseData {
        if !data.is_compact {
            self.full_ms = Some(now.boot_ms);
            return data;
        }
        let Some(last) = &self.license else { return data };
        if last.data.seat_status != data.seat_status {
            // The number of seats held has changed with it.
            self.full_ms = None;
        }
        let mut machines = data.machines;
        let others = last.data.machines.iter().filter(|machine| machine.hwid != self.seal.hwid);
        // Without the calling device the license lists nobody: it was removed.
        if !machines.is_empty() {
            machines.extend(others.cloned());
        }
        LicenseData {
            machines,
            user_settings: self.kept.settings.clone(),
            active_seats: last.data.active_seats,
            last_check_in: last.data.last_check_in.clone(),
            is_compact: false,
            ..data
        }
    }

    /// What a call that is about no license's state came to.
    fn reply(&mut self, work: &Work, data: Value) -> Result<Reply, Trouble> {
        Ok(match work {
            Work::Nonce | Work::RequestCode { .. } | Work::Report { .. } => Reply::Done,
            Work::Seats => Reply::Seats(typed(data)?),
            Work::Release { .. } => Reply::Released(typed(data)?),
            Work::Settings | Work::SaveSettings(_) => {
                let UserSettings { settings, .. } = typed(data)?;
                self.kept.settings.clone_from(&settings);
                self.is_dirty = true;
                Reply::Settings(settings)
            }
            Work::TopUp { .. } | Work::Checkout { .. } => Reply::Checkout(typed(data)?),
            Work::Buyable => Reply::Policies(typed(data)?),
            Work::Trial { .. } => Reply::Trial(typed(data)?),
            Work::VerifyCode { .. } => Reply::Portfolio(typed(data)?),
            Work::History { .. } => Reply::History(typed(data)?),
            _ => Reply::Done,
        })
    }

    fn replied(&mut self, task: Task, reply: Reply, now: Clocks) {
        match &reply {
            // The seat is taken already; the license tells so.
            Reply::Released(answer) if answer.seat_claimed => {
                self.kept.is_signed_out = false;
                let work = Work::Status(Why::After(Box::new(reply)));
                self.start(Task::new(work, task.call), now);
            }
            _ => self.conclude(None, task.call, Ok(reply), now),
        }
    }

    // ---- What went wrong ----

    fn failed(&mut self, flight: Flight, trouble: Trouble, now: Clocks) {
        let Flight { mut task, ids, signed_ms, .. } = flight;
        let is_read = trouble.error.server_code.is_some();
        self.is_offline = !is_read || trouble.error.code == ErrorCode::ServerBusy;
        if trouble.is("NONCE_MISMATCH") && !task.is_resynced {
            // Of a request that the network delivered twice, the other one may have acted.
            (task.is_resynced, task.is_doubtful) = (true, true);
            if task.work.is_strict() {
                self.nonces.clear();
                self.lane.push_front(task);
                return;
            }
            if !matches!(task.work, Work::Nonce | Work::Status(Why::Resync)) {
                // The network delivered it twice: it goes again, with another vector and nonce.
                return self.start(task, now);
            }
            // What fetches a nonce goes again by itself, once, as long as somebody waits for the nonce.
            if let Some(waiting) = self.lane.front_mut().filter(|waiting| !waiting.is_resynced) {
                waiting.is_resynced = true;
                return;
            }
        }
        if trouble.is("DEVICE_KEY_MISMATCH") {
            return self.given_up(task, &ids, trouble.of_lost_key(), now);
        }
        if trouble.is("DEVICE_SIGNATURE_REJECTED")
            && let Some(server_ms) = trouble.server_ms
        {
            if server_ms.abs_diff(signed_ms) > CLOCK_MS.unsigned_abs() && !task.is_retimed {
                self.signing = Some((server_ms, now.boot_ms));
                task.is_retimed = true;
                if task.work.is_strict() {
                    return self.lane.push_front(task);
                }
                if !matches!(task.work, Work::Nonce | Work::Status(Why::Resync)) {
                    return self.start(task, now);
                }
                // What fetches a nonce goes again by itself, as long as somebody waits for the nonce.
                if let Some(waiting) = self.lane.front_mut() {
                    waiting.is_retimed = true;
                    return;
                }
            }
            // Only an activation brings the key, and is told in so many words that there is another.
            return self.given_up(task, &ids, trouble.of_lost_key(), now);
        }
        self.given_up(task, &ids, trouble, now);
    }

    fn given_up(&mut self, task: Task, ids: &[String], trouble: Trouble, now: Clocks) {
        let code = trouble.conclusive().map(str::to_owned);
        let is_about_license = match &task.work {
            Work::Status(_) | Work::Beat => true,
            Work::Validate { key } => self.key() == Some(key),
            _ => false,
        };
        if let Some(code) = code.filter(|_| is_about_license && self.license.is_some()) {
            self.is_dirty |= self.kept.blocked.as_ref() != Some(&code);
            self.kept.blocked = Some(code);
        }
        let is_inconclusive = trouble.conclusive().is_none();
        if is_about_license && is_inconclusive {
            self.tell_grace(now);
        }
        let validated = task.is_validation.then_some(false);
        let error = trouble.error.clone();
        match task.work {
            Work::Validate { .. } => self.conclude(validated, task.call, Err(error), now),
            Work::Status(Why::Start) => {
                self.beat_after_failure(&error, now);
                let status = self.status(now).0;
                self.conclude(validated, task.call, Ok(Reply::Status(status)), now);
            }
            Work::Status(Why::HasTokens(amount)) => {
                let has = self.balance() >= amount;
                self.conclude(None, task.call, Ok(Reply::Answer(has)), now);
            }
            Work::Status(Why::After(reply)) => self.conclude(None, task.call, Ok(*reply), now),
            Work::Status(Why::Resync) | Work::Nonce => {
                // The call that needed it fails with it.
                match self.lane.pop_front() {
                    Some(waiting) => self.given_up(waiting, &[], trouble, now),
                    None => self.conclude(None, None, Err(error), now),
                }
            }
            Work::Status(_) => self.conclude(validated, task.call, Err(error), now),
            Work::Beat => {
                match is_inconclusive {
                    true => self.beat_after_failure(&error, now),
                    false => self.beat_later(now),
                }
                self.conclude(None, task.call, Err(error), now);
            }
            Work::Batch => {
                if trouble.status == 413 && ids.len() > 1 {
                    self.batch_max = (ids.len() / 2).max(1);
                    self.sync.hasten(now.boot_ms);
                    return self.queue_batch();
                }
                self.persist(now);
                self.show(now);
                self.batch_failed(&error, now);
            }
            Work::Consume(one) => {
                let is_uncharged = trouble.error.server_code.as_deref().is_some_and(|code| UNCHARGED.contains(&code));
                let is_known = trouble.is_undone && (!task.is_doubtful || is_uncharged);
                self.unconfirmed(one, task.call, error, is_known, now);
            }
            Work::Close => self.conclude(None, task.call, Ok(Reply::Done), now),
            _ => self.conclude(None, task.call, Err(error), now),
        }
    }

    /// A strict call that no license is left for.
    pub(super) fn failed_for_want_of_license(&mut self, task: Task, now: Clocks) {
        let error = Error::new(ErrorCode::NoLicense, "There is no license.");
        let trouble = Trouble { error, is_undone: true, status: 0, server_ms: None };
        self.given_up(task, &[], trouble, now);
    }

    fn beat_after_failure(&mut self, error: &Error, now: Clocks) {
        let Self { beat, chance, .. } = self;
        beat.failed(error, chance, now);
    }

    /// Tells how long the license holds on without the server.
    fn tell_grace(&mut self, now: Clocks) {
        let status = self.status(now).0;
        let Some(license) = self.license.as_ref().filter(|license| status.is_usable() && !license.is_file) else {
            return;
        };
        let ends_ms = license.signed_ms.saturating_add(license.lasts_ms(self.clock.is_signed()));
        let hours_left = ends_ms.saturating_sub(self.clock.now(now)).max(0) / 3_600_000;
        if self.hours_told != Some(hours_left) {
            self.hours_told = Some(hours_left);
            self.notify(Event::OfflineGrace { hours_left });
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_refusal_of_the_license_or_the_device_is_conclusive_and_no_other_is() {
        let conclusive = |code: &str, kind: ErrorCode| {
            let error = Error { code: kind, ..Error::refused(code, "No.") };
            let trouble = Trouble { error, ..Trouble::of(ErrorCode::Refused, "") };
            trouble.conclusive().is_some()
        };
        for code in CONCLUSIVE.into_iter().chain(["LICENSE_NOT_FOUND", "DEVICE_LIMIT_REACHED"]) {
            assert!(conclusive(code, ErrorCode::Refused), "{code}");
            assert!(!conclusive(code, ErrorCode::ServerBusy), "{code}: a server that is busy says nothing");
        }
        for code in ["UNAUTHORIZED_PROJECT", "BAD_ENVELOPE", "INSUFFICIENT_TOKENS", "SEAT_RELEASE_COOLDOWN", ""] {
            assert!(!conclusive(code, ErrorCode::Refused), "{code}");
        }
    }
}
