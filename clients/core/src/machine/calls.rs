//! What the application asks for.

use ltlm_protocol::limits;
use ltlm_protocol::request::{canonical_license_key, is_operation_id};
use serde_json::Map;

use super::sending::{Task, Why, Work};
use super::{KeptLicense, Machine, Waiter};
use crate::call::{Call, CallId, Reply};
use crate::clock::Clocks;
use crate::error::{Error, ErrorCode};
use crate::event::Event;
use crate::license::License;
use crate::status::Status;

fn no_license() -> Error {
    Error::new(ErrorCode::NoLicense, "There is no license.")
}

fn unknown() -> Error {
    Error::new(ErrorCode::OutcomeUnknown, "It is not known whether the tokens were charged.")
}

impl Machine {
    pub(super) fn called(&mut self, id: CallId, call: Call, now: Clocks) {
        if self.is_closed {
            let error = Error::new(ErrorCode::Closed, "The client is closed.");
            return self.finish(Some(id), Err(error));
        }
        let call_id = Some(id);
        match call {
            Call::LoadStored => self.load_stored(id, now),
            Call::Activate { key } => self.activate(id, &key, now),
            Call::Refresh => self.check(id, Why::Refresh, now),
            Call::Reactivate => self.check(id, Why::Reactivate, now),
            Call::Heartbeat => match self.online_license() {
                Ok(()) => self.queue_beat(call_id),
                Err(error) => self.finish(call_id, Err(error)),
            },
            Call::SignOut => self.start_on_license(Work::SignOut, id, now),
            Call::Clear => self.clear(id, now),
            Call::ImportFile { text } => self.import_file(id, &text, now),
            Call::HasTokens { amount } => match self.online_license() {
                Ok(()) => self.start(Task::new(Work::Status(Why::HasTokens(amount)), call_id), now),
                Err(_) => {
                    let has = self.balance() >= amount;
                    self.finish(call_id, Ok(Reply::Answer(has)));
                }
            },
            Call::Consume(consumption) => {
                let result = self.consume(consumption, now);
                self.persist(now);
                self.finish(call_id, result);
            }
            Call::ConsumeConfirmed { consumption, operation_id } => {
                self.consume_confirmed(id, consumption, operation_id, now);
            }
            Call::Sync => self.sync_now(id, now),
            Call::Seats => self.start_on_license(Work::Seats, id, now),
            Call::ReleaseSeat { hwid, claim } => self.start_on_license(Work::Release { hwid, claim }, id, now),
            Call::Settings => self.start_on_license(Work::Settings, id, now),
            Call::SaveSettings { settings } => {
                let units = serde_json::Value::Object(settings.clone()).to_string().encode_utf16().count();
                if units > limits::SETTINGS_UNITS_MAX {
                    let error = Error::refused("SETTINGS_TOO_LARGE", "Settings exceed maximum size of 64KB.");
                    return self.finish(call_id, Err(error));
                }
                self.start_on_license(Work::SaveSettings(settings), id, now);
            }
            Call::TopUp { pack_id, redirect_url } => {
                self.start_on_license(Work::TopUp { pack_id, redirect_url }, id, now);
            }
            Call::Report { kind, payload } => {
                let operation_id = self.chance().text();
                self.start_on_license(Work::Report { kind, payload, operation_id }, id, now);
            }
            Call::History { limit, cursor } => {
                let limit = limit.clamp(1, 100);
                self.start_on_license(Work::History { limit, cursor }, id, now);
            }
            Call::Buyable => self.start(Task::new(Work::Buyable, call_id), now),
            Call::Checkout { policy_id, email, redirect_url } => {
                self.start(Task::new(Work::Checkout { policy_id, email, redirect_url }, call_id), now);
            }
            Call::Trial { email } => self.start(Task::new(Work::Trial { email }, call_id), now),
            Call::RequestCode { email } => self.start(Task::new(Work::RequestCode { email }, call_id), now),
            Call::VerifyCode { email, code } => self.start(Task::new(Work::VerifyCode { email, code }, call_id), now),
            Call::Close { is_last } => self.close(id, is_last, now),
        }
    }

    /// Is there a license in use that a server answers for?
    fn online_license(&self) -> Result<(), Error> {
        match self.license.as_ref().filter(|_| self.is_started) {
            None => Err(no_license()),
            Some(license) if license.is_file => {
                Err(Error::refused("OFFLINE_ACTIVATION_REQUIRED", "This license is used without a server."))
            }
            Some(_) => Ok(()),
        }
    }

    fn start_on_license(&mut self, work: Work, id: CallId, now: Clocks) {
        match self.online_license() {
            Ok(()) => self.start(Task::new(work, Some(id)), now),
            Err(error) => self.finish(Some(id), Err(error)),
        }
    }

    /// Uses what is kept: at once where it holds without an answer, else when the server answered or did not.
    fn load_stored(&mut self, id: CallId, now: Clocks) {
        self.notify(Event::ValidationStarted);
        let Some(license) = &self.license else {
            return self.conclude(Some(false), Some(id), Err(no_license()), now);
        };
        let is_file = license.is_file;
        self.is_started = true;
        let status = self.status(now).0;
        let is_shown_at_once = status.is_usable() || self.kept.is_signed_out || is_file;
        if self.queue.len() > 0 {
            self.sync.hasten(now.boot_ms);
            self.confirm.hasten(now.boot_ms);
        }
        if is_shown_at_once {
            let success = status.is_usable() || status == Status::ValidNoSeat;
            self.conclude(Some(success), Some(id), Ok(Reply::Status(status)), now);
        }
        if is_file || self.kept.is_signed_out {
            return;
        }
        match is_shown_at_once {
            true => self.start(Task::new(Work::Status(Why::Start), None), now),
            false => self.start(Task::validating(Work::Status(Why::Start), Some(id)), now),
        }
    }

    fn activate(&mut self, id: CallId, key: &str, now: Clocks) {
        let key = canonical_license_key(key).unwrap_or_else(|| key.trim().to_owned());
        if key.is_empty() || key.chars().count() > limits::NAME_CHARS_MAX {
            return self.finish(Some(id), Err(Error::argument("A license key is needed.")));
        }
        self.notify(Event::ValidationStarted);
        self.start(Task::validating(Work::Validate { key }, Some(id)), now);
    }

    fn check(&mut self, id: CallId, why: Why, now: Clocks) {
        if self.license.as_ref().is_some_and(|license| license.is_file && self.is_started) {
            let status = self.status(now).0;
            return self.finish(Some(id), Ok(Reply::Status(status)));
        }
        if let Err(error) = self.online_license() {
            return self.finish(Some(id), Err(error));
        }
        self.notify(Event::ValidationStarted);
        self.start(Task::validating(Work::Status(why), Some(id)), now);
    }

    /// Forgets the license, not its uses.
    fn clear(&mut self, id: CallId, now: Clocks) {
        self.drop_license(now);
        self.notice = None;
        self.conclude(None, Some(id), Ok(Reply::Done), now);
    }

    /// The license is in use no longer.
    pub(super) fn drop_license(&mut self, now: Clocks) {
        self.license = None;
        self.kept.license = None;
        self.kept.blocked = None;
        self.kept.is_signed_out = false;
        self.kept.settings = Map::new();
        self.kept.changed_ms = self.clock.now(now).max(self.kept.changed_ms.saturating_add(1));
        (self.seat, self.hours_told) = (None, None);
        (self.beat.at, self.sync.at, self.confirm.at) = (None, None, None);
        self.is_dirty = true;
    }

    fn import_file(&mut self, id: CallId, text: &str, now: Clocks) {
        let refuse = |machine: &mut Self, code, message: &str| {
            machine.finish(Some(id), Err(Error::new(code, message)));
        };
        let opened = self.seal.open_file(text);
        let read = opened.and_then(|opened| {
            let data: ltlm_protocol::LicenseData = ltlm_protocol::json::typed(opened.data).ok()?;
            Some((License { data: data.into(), signed_ms: opened.signed_ms, is_file: true }, opened.text))
        });
        let read = read.filter(|(license, _)| license.data.policy.is_air_gapped && license.data.status == "active");
        let Some((license, text)) = read else {
            return refuse(self, ErrorCode::FileInvalid, "This is no offline file of this project.");
        };
        if !license.lists(&self.seal.hwid) {
            return refuse(self, ErrorCode::FileOtherDevice, "This file is for other devices.");
        }
        self.clock.not_before(license.signed_ms, now);
        if license.ends_ms().is_some_and(|end| self.clock.now(now) > end) {
            return refuse(self, ErrorCode::FileExpired, "This file has ended.");
        }
        self.drop_license(now);
        self.notice = None;
        self.is_started = true;
        let key = license.data.license_key.clone();
        self.kept.license = Some(KeptLicense { key, text: text.to_string(), is_file: true });
        self.license = Some(license);
        let status = self.status(now).0;
        self.conclude(Some(status.is_usable()), Some(id), Ok(Reply::Status(status)), now);
    }

    fn sync_now(&mut self, id: CallId, now: Clocks) {
        if let Err(error) = self.online_license() {
            return self.finish(Some(id), Err(error));
        }
        let wait_ms = self.sync.not_before.saturating_sub(now.boot_ms);
        if wait_ms > 0 {
            let error = Error::new(ErrorCode::ServerBusy, "The server asked for patience.");
            let error = Error { retry_after_seconds: Some(wait_ms.div_ceil(1_000)), ..error };
            return self.finish(Some(id), Err(error));
        }
        if self.queue.waiting() == 0 {
            return self.finish(Some(id), Ok(Reply::Synced { charged: 0, skipped: 0 }));
        }
        self.waiters.push(Waiter { call: id, charged: 0, skipped: 0 });
        self.queue_batch();
    }

    fn close(&mut self, id: CallId, is_last: bool, now: Clocks) {
        let holds_seat = self.may_beat() && !self.is_offline && self.clock.is_signed();
        if is_last && holds_seat {
            self.start(Task::new(Work::Close, Some(id)), now);
        } else {
            self.finish(Some(id), Ok(Reply::Done));
        }
        self.is_closed = true;
        self.lane.clear();
        self.is_dirty = true;
    }

    /// The caller no longer waits. A request in flight continues, and its effects are applied.
    pub(super) fn expired(&mut self, id: CallId, now: Clocks) {
        let timeout = Error::new(ErrorCode::Timeout, "There was no answer in time.");
        let is_its = |task: &Task| task.call == Some(id);
        if let Some(place) = self.lane.iter().position(is_its)
            && let Some(task) = self.lane.remove(place)
        {
            return match task.work {
                Work::Consume(one) if task.is_doubtful => {
                    self.queue.push_unresolved(one);
                    self.confirm.hasten(now.boot_ms);
                    self.finish(Some(id), Err(unknown()));
                }
                Work::Consume(one) => {
                    self.not_used(&one.id);
                    self.finish(Some(id), Err(timeout));
                }
                _ => self.finish(Some(id), Err(timeout)),
            };
        }
        if self.waiters.iter().any(|waiter| waiter.call == id) {
            self.waiters.retain(|waiter| waiter.call != id);
            return self.finish(Some(id), Err(timeout));
        }
        let Some(flight) = self.flights.values_mut().find(|flight| is_its(&flight.task)) else { return };
        flight.task.call = None;
        let was_validating = std::mem::take(&mut flight.task.is_validation);
        let error = match &flight.task.work {
            Work::Consume(one) => {
                self.queue.push_unresolved(one.clone());
                self.confirm.hasten(now.boot_ms.saturating_add(1_000));
                unknown()
            }
            _ => timeout,
        };
        self.conclude(was_validating.then_some(false), Some(id), Err(error), now);
    }

    /// Is this a usable operation id?
    pub(super) fn checked_id(&mut self, id: Option<String>) -> Result<String, Error> {
        match id {
            Some(id) if is_operation_id(&id) => Ok(id),
            Some(_) => Err(Error::argument("An operation id has 1 to 128 visible ASCII characters.")),
            None => Ok(self.chance().text()),
        }
    }
}
