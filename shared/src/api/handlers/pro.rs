//! The PRO endpoints: the license handlers over envelopes (wire 1.2, E1 to E9 and E18).

use ltlm_protocol::body::{Body, Unknown};
use ltlm_protocol::event_data::EventReported;
use ltlm_protocol::license_data::Usage;
use ltlm_protocol::limits;
use ltlm_protocol::read::Reader;
use ltlm_protocol::request::{Activate, Consume, ConsumeBatch, Heartbeat, ReleaseSeat};
use serde_json::{Value, json};

use crate::api::cursor;
use crate::api::extract::{Incoming, Operation};
use crate::api::reply::{Failure, Reply};
use crate::api::sealed::SealedRequest;
use crate::domain::license::entitlement::Ask;
use crate::domain::license::settings::SaveSettings;
use crate::domain::pro::nonce::NonceRule;
use crate::domain::pro::report_event::ReportEvent;
use crate::service::license::command::{
    GetSettings, ListSeats, OpenLedger, PutSettings, Refresh, SignOutWithLicense, Use,
};
use crate::service::license::consume_batch::BatchKey;
use crate::service::license::ledger_page;
use crate::service::pro as service;
use crate::service::pro::ProRequest;
use crate::table::port::Table;

/// `POST …/pro/license/validate`
pub async fn validate<T: Table>(incoming: &Incoming<'_, T>) -> Result<Reply, Failure> {
    let sealed = SealedRequest::open(incoming)?;
    let command = Activate::parse_sealed(&sealed.body)?;
    let request = sealed.request(incoming, NonceRule::Lenient)?;
    let signed = service::run(incoming.app, incoming.budget, &request, &command).await?;
    sealed.reply(incoming, &request, &signed)
}

/// `POST …/pro/license/status`
pub async fn status<T: Table>(incoming: &Incoming<'_, T>) -> Result<Reply, Failure> {
    let sealed = SealedRequest::open(incoming)?;
    let command = Refresh(Activate::parse_sealed(&sealed.body)?);
    let request = sealed.request(incoming, NonceRule::Lenient)?;
    let signed = service::run(incoming.app, incoming.budget, &request, &command).await?;
    sealed.reply(incoming, &request, &signed)
}

/// `POST …/pro/license/heartbeat`
pub async fn heartbeat<T: Table>(incoming: &Incoming<'_, T>) -> Result<Reply, Failure> {
    let sealed = SealedRequest::open(incoming)?;
    let command = Heartbeat::parse(&sealed.body)?;
    let class = if command.is_closing { NonceRule::Closing } else { NonceRule::Strict };
    let request = sealed.request(incoming, class)?;
    let signed = service::run(incoming.app, incoming.budget, &request, &command).await?;
    sealed.reply(incoming, &request, &signed)
}

/// `POST …/pro/license/signout`
pub async fn signout<T: Table>(incoming: &Incoming<'_, T>) -> Result<Reply, Failure> {
    let sealed = SealedRequest::open(incoming)?;
    let request = sealed.request(incoming, NonceRule::Closing)?;
    let signed = service::run(incoming.app, incoming.budget, &request, &SignOutWithLicense).await?;
    sealed.reply(incoming, &request, &signed)
}

/// `POST …/pro/license/seats`
pub async fn seats<T: Table>(incoming: &Incoming<'_, T>) -> Result<Reply, Failure> {
    let sealed = SealedRequest::open(incoming)?;
    let request = sealed.request(incoming, NonceRule::Lenient)?;
    let signed = service::run(incoming.app, incoming.budget, &request, &ListSeats).await?;
    sealed.reply(incoming, &request, &signed)
}

/// `POST …/pro/license/entitlement`
pub async fn entitlement<T: Table>(incoming: &Incoming<'_, T>) -> Result<Reply, Failure> {
    let sealed = SealedRequest::open(incoming)?;
    let ask = Ask::parse(&sealed.body)?;
    let request = sealed.request(incoming, NonceRule::Lenient)?;
    let signed = service::run(incoming.app, incoming.budget, &request, &ask).await?;
    sealed.reply(incoming, &request, &signed)
}

/// `POST …/pro/license/release-seat`, the license named by the data.
pub async fn release_seat<T: Table>(incoming: &Incoming<'_, T>) -> Result<Reply, Failure> {
    let sealed = SealedRequest::open(incoming)?;
    let request = sealed.request(incoming, NonceRule::Strict)?;
    released(incoming, &sealed, &request).await
}

/// `POST …/license/{key}/release-seat` with an envelope: the existing client's way (wire E18).
pub async fn release_seat_of_path<T: Table>(incoming: &Incoming<'_, T>) -> Result<Reply, Failure> {
    let sealed = SealedRequest::open(incoming)?;
    let request = sealed.request_for(incoming, NonceRule::Strict, incoming.parameter("key"))?;
    released(incoming, &sealed, &request).await
}

async fn released<T: Table>(
    incoming: &Incoming<'_, T>,
    sealed: &SealedRequest,
    request: &ProRequest,
) -> Result<Reply, Failure> {
    let command = ReleaseSeat::parse(&sealed.body)?;
    let signed = service::run(incoming.app, incoming.budget, request, &command).await?;
    sealed.reply(incoming, request, &signed)
}

/// `POST …/pro/license/settings/get`
pub async fn settings<T: Table>(incoming: &Incoming<'_, T>) -> Result<Reply, Failure> {
    let sealed = SealedRequest::open(incoming)?;
    let request = sealed.request(incoming, NonceRule::Lenient)?;
    let signed = service::run(incoming.app, incoming.budget, &request, &GetSettings).await?;
    sealed.reply(incoming, &request, &signed.map(|settings| settings.answer))
}

/// `POST …/pro/license/settings/save`
pub async fn save_settings<T: Table>(incoming: &Incoming<'_, T>) -> Result<Reply, Failure> {
    let sealed = SealedRequest::open(incoming)?;
    let settings = SaveSettings::parse(&sealed.body)?;
    let request = sealed.request(incoming, NonceRule::Lenient)?;
    let command = PutSettings { settings, if_match: None, call: request.turn.request.clone() };
    let signed = service::run(incoming.app, incoming.budget, &request, &command).await?;
    sealed.reply(incoming, &request, &signed.map(|settings| settings.answer))
}

/// `POST …/pro/license/consume`
pub async fn consume<T: Table>(incoming: &Incoming<'_, T>) -> Result<Reply, Failure> {
    let sealed = SealedRequest::open(incoming)?;
    let command = Consume::parse(&sealed.body)?;
    let request = sealed.request(incoming, NonceRule::Strict)?;
    // As the plain endpoint names it: a use is the same use, whichever way it comes.
    let (key, facts) = (&request.request.call.key, sealed.facts());
    let operation = incoming.operation_of("consume", key, &facts, command.operation_id.as_ref(), Consume::parse)?;
    let key = operation.key();
    let signed = service::consume(incoming.app, incoming.budget, &request, &Use { consume: command, key }).await?;
    sealed.reply(incoming, &request, &signed)
}

/// `POST …/pro/license/consume-batch`
pub async fn consume_batch<T: Table>(incoming: &Incoming<'_, T>) -> Result<Reply, Failure> {
    let sealed = SealedRequest::open(incoming)?;
    // The existing client sends all that it has queued, again and again until it succeeds: only the body's size bounds it.
    let command = ConsumeBatch::parse_with(&sealed.body, limits::BODY_BYTES_MAX)?;
    let request = sealed.request(incoming, NonceRule::Strict)?;
    let in_body = command.operation_id.as_ref();
    let Operation { id, fingerprint } =
        incoming.operation_of("consume-batch", &request.request.call.key, &sealed.facts(), in_body, |body| {
            ConsumeBatch::parse_with(body, limits::BODY_BYTES_MAX)
        })?;
    let key = BatchKey { is_named: incoming.is_named(in_body), id, fingerprint };
    let signed = service::consume_batch(incoming.app, incoming.budget, &request, &command, &key).await?;
    sealed.reply(incoming, &request, &signed)
}

/// `POST …/pro/license/usage`
pub async fn usage<T: Table>(incoming: &Incoming<'_, T>) -> Result<Reply, Failure> {
    let sealed = SealedRequest::open(incoming)?;
    let page = ListUsage::parse(&sealed.body)?;
    let request = sealed.request(incoming, NonceRule::Lenient)?;
    let opened = service::run(incoming.app, incoming.budget, &request, &OpenLedger).await?;
    let (entries, next) = ledger_page(incoming.app, incoming.budget, &opened.reply, page.before, page.limit).await?;
    let next_cursor = next.map(|sequence| cursor::of(cursor::LEDGER.name, &sequence.to_string()));
    sealed.reply(incoming, &request, &opened.map(|_| Usage { entries, next_cursor }))
}

/// The body of `POST …/pro/license/usage`.
#[derive(Debug)]
pub struct ListUsage {
    limit: i64,
    before: Option<i64>,
}

impl Body for ListUsage {
    const UNKNOWN: Unknown = Unknown::Ignored;

    fn read(r: &mut Reader<'_>) -> Self {
        r.name("hwid", limits::HWID_CHARS_MAX);
        let limit = r.int_opt("limit", 1, limits::PAGE_MAX).unwrap_or(limits::PAGE_DEFAULT);
        let text = r.text_or_empty("cursor", limits::NAME_CHARS_MAX);
        let position = text.map(|text| cursor::parse(cursor::LEDGER.name, &text).and_then(|at| cursor::sequence(&at)));
        if position.as_ref().is_some_and(Result::is_err) {
            r.problem("cursor", cursor::PROBLEM);
        }
        Self { limit, before: position.and_then(Result::ok) }
    }

    fn keywords() -> Value {
        json!({"properties": {
            "limit": {"default": limits::PAGE_DEFAULT, "description": "Rows on the page."},
            "cursor": {"pattern": cursor::LEDGER.pattern(), "description": "A nextCursor of this list."},
        }})
    }
}

/// `POST …/pro/license/events`
pub async fn events<T: Table>(incoming: &Incoming<'_, T>) -> Result<Reply, Failure> {
    let sealed = SealedRequest::open(incoming)?;
    let command = ReportEvent::parse(&sealed.body)?;
    let request = sealed.request(incoming, NonceRule::Lenient)?;
    let signed = service::report(incoming.app, incoming.budget, &request, &command).await?;
    sealed.reply(incoming, &request, &signed.map(|()| EventReported { success: true }))
}
