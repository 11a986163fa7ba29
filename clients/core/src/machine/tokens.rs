//! Tokens: used at once, charged once.

use ltlm_protocol::license_data::{BatchResult, Operation};
use ltlm_protocol::limits;
use serde_json::Value;

use super::kept::SetAside;
use super::sending::{Task, Work};
use super::{Machine, OUTCOMES_MAX, Output, Store};
use crate::call::{CallId, Consumption, Outcome, Reply};
use crate::clock::Clocks;
use crate::error::{Error, ErrorCode};
use crate::event::Event;
use crate::journal::{Record, Use};
use crate::log::{Line, LogLevel};
use crate::status::Status;

/// Longest time that a use is not proof against a loss of power, in milliseconds. A second is promised.
const FLUSH_MS: u64 = 500;
/// How long uses are gathered before they are charged, in milliseconds.
const GATHER_MS: u64 = 2_000;

impl Machine {
    /// Tokens left: by the last answer, less what waits.
    pub fn balance(&self) -> i64 {
        let Some(license) = self.license.as_ref().filter(|_| self.is_started) else { return 0 };
        license.remaining().saturating_sub(self.queue.tokens(&license.data.license_key))
    }

    /// What became of an operation.
    pub fn operation(&self, id: &str) -> Outcome {
        let known = self.outcomes.iter().rev().find(|(known, _)| known == id).map(|(_, outcome)| outcome.clone());
        known.or_else(|| self.queue.find(id)).unwrap_or(Outcome::Unknown)
    }

    pub(super) fn note_outcome(&mut self, id: &str, outcome: Outcome) {
        self.outcomes.push_back((id.to_owned(), outcome));
        if self.outcomes.len() > OUTCOMES_MAX {
            self.outcomes.pop_front();
        }
    }

    /// Why nothing can be used now, if so.
    fn unusable(&self, now: Clocks) -> Result<(), Error> {
        let refused = |code: &str, message: &str| Err(Error::refused(code, message));
        match self.status(now).0 {
            Status::Active | Status::GracePeriod => Ok(()),
            Status::Unauthenticated => Err(Error::new(ErrorCode::NoLicense, "There is no license.")),
            Status::ConnectionRequired => {
                Err(Error::new(ErrorCode::ConnectionRequired, "The server has to be reached first."))
            }
            Status::ValidNoSeat => refused("SEAT_LIMIT_REACHED", "This device holds no seat."),
            Status::Kicked => refused("SEAT_NOT_HELD", "The seat was taken away."),
            Status::Expired => refused("LICENSE_EXPIRED", "This license has expired."),
            Status::Suspended => refused("LICENSE_SUSPENDED", "This license has been suspended."),
            Status::Revoked => refused("LICENSE_REVOKED", "This license has been revoked."),
            Status::Terminated => refused("LICENSE_TERMINATED", "This license has been terminated."),
        }
    }

    fn checked(&mut self, consumption: Consumption, id: String, now: Clocks) -> Result<Use, Error> {
        let Consumption { amount, action, meta } = consumption;
        if !(1..=limits::AMOUNT_MAX).contains(&amount) {
            return Err(Error::argument(format!("An amount lies between 1 and {}.", limits::AMOUNT_MAX)));
        }
        if action.trim().is_empty() || action.chars().count() > limits::ACTION_CHARS_MAX {
            return Err(Error::argument(format!("An action has 1 to {} characters.", limits::ACTION_CHARS_MAX)));
        }
        let meta_bytes = meta.as_ref().map_or(0, |meta| Value::Object(meta.clone()).to_string().len());
        if meta_bytes > limits::META_BYTES_MAX {
            return Err(Error::argument(format!("Facts have at most {} bytes.", limits::META_BYTES_MAX)));
        }
        self.unusable(now)?;
        if !self.license().is_some_and(|license| license.tokens_enabled) {
            return Err(Error::refused("TOKENS_DISABLED", "Token consumption is disabled for this license."));
        }
        self.kept.uses += 1;
        let key = self.key().unwrap_or_default().to_owned();
        Ok(Use { id, key, amount, action, at_ms: self.clock.now(now), number: self.kept.uses, meta })
    }

    /// Uses tokens: decided here, recorded before it returns.
    pub(super) fn consume(&mut self, consumption: Consumption, now: Clocks) -> Result<Reply, Error> {
        let id = format!("{}-{}", self.run, self.kept.uses + 1);
        let one = self.checked(consumption, id, now)?;
        if !self.config.allow_overdraft && self.balance() < one.amount {
            let message = format!("{} tokens are needed, and {} are left.", one.amount, self.balance());
            return Err(Error::refused("INSUFFICIENT_TOKENS", message));
        }
        if self.queue.len() >= self.config.queue_max {
            return Err(Error::new(ErrorCode::QueueFull, "As many uses wait as may."));
        }
        let (operation_id, amount) = (one.id.clone(), one.amount);
        self.record(&Record::Use(one.clone()), now);
        self.queue.push(one);
        if self.sync.failures == 0 {
            self.sync.hasten(now.boot_ms.saturating_add(GATHER_MS));
        }
        let balance = self.balance();
        self.notify(Event::TokensConsumed { operation_id: operation_id.clone(), amount, balance });
        Ok(Reply::Recorded { operation_id, balance })
    }

    /// Uses tokens if the server agrees.
    pub(super) fn consume_confirmed(
        &mut self,
        call: CallId,
        consumption: Consumption,
        id: Option<String>,
        now: Clocks,
    ) {
        let one = self.checked_id(id).and_then(|id| self.checked(consumption, id, now));
        let is_file = self.license.as_ref().is_some_and(|license| license.is_file);
        let one = one.and_then(|one| match is_file {
            true => Err(Error::refused("OFFLINE_ACTIVATION_REQUIRED", "This license is used without a server.")),
            false => Ok(one),
        });
        match one {
            Ok(one) => {
                // It is known before it is sent: a crash between the two leaves nothing open.
                self.record(&Record::Confirm(one.clone()), now);
                self.outputs.push_back(Output::Store(Store::Flush));
                self.start(Task::new(Work::Consume(one), Some(call)), now);
            }
            Err(error) => self.finish(Some(call), Err(error)),
        }
    }

    fn record(&mut self, record: &Record, now: Clocks) {
        self.queue.recorded(1);
        self.log(LogLevel::Trace, || Line::new("recording a use"));
        self.outputs.push_back(Output::Store(Store::Append(record.bytes())));
        if self.flush_at.is_none() {
            self.flush_at = Some(now.boot_ms.saturating_add(FLUSH_MS));
        }
    }

    /// These uses are over, and those of them that waited.
    pub(super) fn done(&mut self, ids: Vec<String>) -> Vec<Use> {
        if ids.is_empty() {
            return Vec::new();
        }
        let removed = self.queue.remove(&ids);
        self.queue.recorded(1);
        let store = match self.queue.compacted() {
            Some(records) => Store::Compact(records),
            None => Store::Append(Record::Done(ids).bytes()),
        };
        self.outputs.push_back(Output::Store(store));
        removed
    }

    /// A confirmed use was certainly not charged.
    pub(super) fn not_used(&mut self, id: &str) {
        self.done(vec![id.to_owned()]);
        // Before the application is told: its record must not come back after a loss of power, and be charged then.
        self.outputs.push_back(Output::Store(Store::Flush));
    }

    /// A confirmed use was charged.
    pub(super) fn confirmed(&mut self, one: &Use, operation: Option<Operation>, call: Option<CallId>, now: Clocks) {
        self.done(vec![one.id.clone()]);
        self.note_outcome(&one.id, Outcome::Charged);
        self.confirm.succeeded();
        self.confirm.hasten(now.boot_ms);
        self.persist(now);
        self.show(now);
        let balance = self.balance();
        let (operation_id, amount) = (one.id.clone(), one.amount);
        self.notify(Event::TokensConsumed { operation_id: operation_id.clone(), amount, balance });
        match (call, operation) {
            (Some(call), Some(operation)) => self.finish(Some(call), Ok(Reply::Charged(Box::new(operation)))),
            (Some(call), None) => self.finish(Some(call), Ok(Reply::Recorded { operation_id, balance })),
            (None, operation) => {
                let operation = operation.map(Box::new);
                self.notify(Event::OperationDone { operation_id, operation, refused: None });
            }
        }
    }

    /// A confirmed use failed: it was refused, or the result is unknown.
    pub(super) fn unconfirmed(&mut self, one: Use, call: Option<CallId>, error: Error, is_known: bool, now: Clocks) {
        if is_known {
            let code = error.server_code.clone().unwrap_or_default();
            self.not_used(&one.id);
            self.note_outcome(&one.id, Outcome::Refused(code.clone()));
            if call.is_none() {
                self.notify(Event::OperationDone { operation_id: one.id, operation: None, refused: Some(code) });
            }
            self.confirm.succeeded();
            self.confirm.hasten(now.boot_ms);
            return self.conclude(None, call, Err(error), now);
        }
        self.queue.push_unresolved(one);
        let Self { confirm, chance, .. } = self;
        confirm.failed(&error, chance, now);
        let message = "It is not known whether the tokens were charged.";
        let error = Error { code: ErrorCode::OutcomeUnknown, message: message.to_owned(), ..error };
        self.conclude(None, call, Err(error), now);
    }

    /// A batch was charged: what became of each of its uses.
    pub(super) fn charged(&mut self, ids: &[String], result: Option<BatchResult>, now: Clocks) {
        let results = result.map(|result| result.results).unwrap_or_default();
        let (mut over, mut skipped, mut charged) = (Vec::new(), Vec::new(), 0);
        for (id, result) in ids.iter().zip(&results) {
            // A use that the answer does not speak of is kept.
            if result.operation_id.as_ref().is_some_and(|answer| answer != id) {
                continue;
            }
            match result.result.as_str() {
                "applied" | "duplicate" => {
                    charged += 1;
                    self.note_outcome(id, Outcome::Charged);
                }
                "skipped" => {
                    let reason = result.reason.clone().unwrap_or_default();
                    self.note_outcome(id, Outcome::Skipped(reason.clone()));
                    skipped.push((id.clone(), reason));
                }
                _ => continue,
            }
            over.push(id.clone());
        }
        let is_stuck = over.is_empty();
        let removed = self.done(over);
        for (id, reason) in &skipped {
            if let Some(one) = removed.iter().find(|one| one.id == *id) {
                let (amount, action) = (one.amount, one.action.clone());
                self.kept.set_aside(SetAside { id: id.clone(), amount, action, reason: reason.clone() });
                self.is_dirty = true;
            }
        }
        for waiter in &mut self.waiters {
            waiter.charged += charged;
            waiter.skipped += skipped.len();
        }
        self.persist(now);
        self.show(now);
        let left_out = skipped.len();
        match left_out {
            0 => self.log(LogLevel::Debug, || Line::new("batch charged").with("uses", charged)),
            _ => self
                .log(LogLevel::Warn, || Line::new("uses left out").with("charged", charged).with("left_out", left_out)),
        }
        for (operation_id, reason) in skipped {
            self.notify(Event::UseSkipped { operation_id, reason });
        }
        if is_stuck {
            // An answer that says nothing of any use: not to be asked again at once.
            let error = Error::new(ErrorCode::AnswerRejected, "The answer does not say what became of the uses.");
            return self.batch_failed(&error, now);
        }
        self.sync.succeeded();
        if self.queue.waiting() > 0 {
            self.sync.at = None;
            return self.queue_batch();
        }
        self.sync.at = None;
        for waiter in std::mem::take(&mut self.waiters) {
            let reply = Reply::Synced { charged: waiter.charged, skipped: waiter.skipped };
            self.finish(Some(waiter.call), Ok(reply));
        }
    }

    /// A batch was not charged, as far as is known. It is tried again.
    pub(super) fn batch_failed(&mut self, error: &Error, now: Clocks) {
        let Self { sync, chance, .. } = self;
        sync.failed(error, chance, now);
        for waiter in std::mem::take(&mut self.waiters) {
            self.finish(Some(waiter.call), Err(error.clone()));
        }
    }
}
