//! What leaves the deployment: mails, and the vendor's webhooks. Each message comes from the queue at least once; what it says is
//! read from the table when it goes out, so that a queue holds no code and no key.

use ltlm_protocol::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use standardwebhooks::Webhook as Signer;

use crate::domain::portal::mail::{self, Mail};
use crate::domain::webhooks::create::WAITS;
use crate::keys::{Purpose, seal};
use crate::model::email::Email;
use crate::model::ids::LicenseId;
use crate::model::one_time_code::OneTimeCode;
use crate::model::order::{Order, OrderState};
use crate::model::project::Project;
use crate::model::record::Record;
use crate::model::run::{self, Run};
use crate::model::webhook::{FailedDelivery, Failing, StoredNotice, Webhook};
use crate::model::write::Write;
use crate::service::app::{App, Budget, Error};
use crate::service::portal::developers;
use crate::service::ports::{Caller, Mailer, Queue};
use crate::service::{ids, portal, retry};
use crate::table::port::{CommitError, List, Read, Table};

/// The longest time for which a queue delays a message, in seconds (the limit of SQS). A longer wait consists of
/// several.
const DELAY_MAX: i64 = 900;

/// What is kept of why a delivery failed, in characters.
const ERROR_CHARS_MAX: usize = 200;

/// What goes out.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum OutboxMessage {
    /// The one-time code of an address, if anything was bought with it.
    Code {
        /// The project.
        project: String,
        /// The address.
        email: String,
        /// The request that it follows from: a newer one replaces it.
        request: String,
    },
    /// The key of a license that was bought.
    License {
        /// The order.
        order: String,
    },
    /// A developer's second factor.
    SignIn {
        /// SHA-256 of the token, in hex.
        hash: String,
    },
    /// A mail that says nothing but that it arrived.
    TestMail {
        /// The recipient.
        to: String,
        /// The operation that asks for it.
        operation: String,
        /// When it was asked for, in milliseconds since the epoch.
        asked_at: i64,
    },
    /// A notice to a webhook.
    Delivery(Delivery),
}

/// A notice on its way to a webhook.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Delivery {
    /// The webhook.
    pub webhook: String,
    /// The notice.
    pub notice: String,
    /// Tries before this one.
    pub attempts: i64,
    /// Not before this instant, in milliseconds since the epoch.
    pub not_before: i64,
}

impl Delivery {
    /// The first try.
    pub fn first(webhook: &str, notice: &str) -> Self {
        Self { webhook: webhook.to_owned(), notice: notice.to_owned(), attempts: 0, not_before: 0 }
    }

    /// As a message of the queue.
    pub fn message(self) -> String {
        serde_json::to_string(&OutboxMessage::Delivery(self)).unwrap_or_default()
    }
}

/// By what messages are sent.
pub struct Channels<'a> {
    /// Where a message waits for another try.
    pub queue: &'a dyn Queue,
    /// Sends mails; none where mail is not set up.
    pub mailer: Option<&'a dyn Mailer>,
    /// Calls webhooks.
    pub caller: &'a dyn Caller,
}

/// What became of a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sent {
    /// A mail went out.
    Mailed,
    /// A webhook took it.
    Delivered,
    /// It waits for another try.
    Waiting,
    /// It was given up.
    GivenUp,
    /// A notice was handed to so many webhooks.
    Fanned(i64),
    /// There is no recipient, or the time is over.
    Dropped,
}

/// Sends a message. An error means: bring it again.
pub async fn send<T: Table>(
    app: &App<T>,
    budget: &Budget<'_>,
    outlets: &Channels<'_>,
    outgoing: &OutboxMessage,
) -> Result<Sent, Error> {
    let mail = match outgoing {
        OutboxMessage::Delivery(delivery) => return deliver(app, budget, outlets, delivery).await,
        OutboxMessage::Code { project, email, request } => code(app, budget, project, email, request).await?,
        OutboxMessage::License { order } => license(app, budget, order).await?,
        OutboxMessage::SignIn { hash } => sign_in(app, budget, hash).await?,
        OutboxMessage::TestMail { to, operation, asked_at } => {
            let asked = Asked { to, operation, at: Timestamp::from_ms(*asked_at) };
            return test_mail(app, budget, outlets.mailer, &asked).await;
        }
    };
    match (mail, outlets.mailer) {
        (None, _) => Ok(Sent::Dropped),
        (Some(_), None) => {
            tracing::warn!("a mail is not sent: LTLM_MAIL_FROM is not set");
            Ok(Sent::Dropped)
        }
        (Some(mail), Some(mailer)) => {
            mailer.send(mail).await.map_err(Error::Busy)?;
            Ok(Sent::Mailed)
        }
    }
}

async fn project<T: Table>(app: &App<T>, budget: &Budget<'_>, id: &str) -> Result<Option<Project>, Error> {
    let records = retry::records(app, budget, &[Read::Project(id.to_owned())]).await?;
    Ok(records.into_iter().find_map(Record::project))
}

/// The mail with a code, to an address with which something was bought.
async fn code<T: Table>(
    app: &App<T>,
    budget: &Budget<'_>,
    project_id: &str,
    email: &str,
    request: &str,
) -> Result<Option<Mail>, Error> {
    let Some(email) = Email::parse(email) else { return Ok(None) };
    let lists = email.spellings().into_iter().map(|email| List::Buyer(project_id.to_owned(), email));
    let lists = lists.map(|list| Read::List { list, before: None, limit: 1 });
    let reads: Vec<_> = std::iter::once(Read::Code(project_id.to_owned(), email.clone())).chain(lists).collect();
    let (mut asked, mut bought) = (None::<OneTimeCode>, false);
    for record in retry::records(app, budget, &reads).await? {
        match record {
            Record::Code(code) => asked = Some(code),
            Record::BuyerListing(_) => bought = true,
            _ => {}
        }
    }
    let asked = asked.filter(|code| bought && code.request == request && code.is_usable(app.clock.now()));
    let Some((asked, project)) = asked.zip(project(app, budget, project_id).await?) else { return Ok(None) };
    let derivation = app.unwrap(&project.id, Purpose::Derivation, &project.wrapped.derivation).await?;
    Ok(Some(mail::of_code(email.as_str(), &project.name, &portal::code_of(&derivation, &asked))))
}

/// The mail with the key of a license that was bought.
async fn license<T: Table>(app: &App<T>, budget: &Budget<'_>, order: &str) -> Result<Option<Mail>, Error> {
    let records = retry::records(app, budget, &[Read::Order(order.to_owned())]).await?;
    let order = records.into_iter().find_map(Record::order);
    let order = order.filter(|order| order.state == OrderState::Paid && !order.email.is_empty());
    let Some(Order { project_id, license: Some(license), email, name, .. }) = order else { return Ok(None) };
    let reads = [Read::Listing(license), Read::Project(project_id)];
    let (mut listing, mut project) = (None, None);
    for record in retry::records(app, budget, &reads).await? {
        match record {
            Record::Listing(found) => listing = Some(found),
            Record::Project(found) => project = Some(found),
            _ => {}
        }
    }
    let Some((listing, project)) = listing.zip(project) else { return Ok(None) };
    let sealing = app.unwrap(&project.id, Purpose::Sealing, &project.wrapped.sealing).await?;
    let Some(key) = seal::open_if_any(&sealing, &listing.license.0, &listing.sealed)? else { return Ok(None) };
    Ok(Some(mail::of_license(&email, &project.name, &name, &key)))
}

/// The mail with a developer's second factor.
async fn sign_in<T: Table>(app: &App<T>, budget: &Budget<'_>, hash: &str) -> Result<Option<Mail>, Error> {
    let records = retry::records(app, budget, &[Read::SignIn(hash.to_owned())]).await?;
    let sign_in = records.into_iter().find_map(Record::sign_in).filter(|sign_in| sign_in.tries.used_by.is_none());
    let Some(sign_in) = sign_in else { return Ok(None) };
    let records = retry::records(app, budget, &[Read::Developer(sign_in.username.clone())]).await?;
    let developer = records.into_iter().find_map(Record::developer);
    let Some(developer) = developer else { return Ok(None) };
    let code = developers::code_of(app, &developer, &sign_in).await?;
    Ok(Some(mail::of_sign_in(developer.username.as_str(), &code)))
}

/// A test mail that was asked for.
struct Asked<'a> {
    to: &'a str,
    operation: &'a str,
    at: Timestamp,
}

/// Sends the test mail, and records the result, so that the requester learns it. A failed mail is retried, like any
/// other.
async fn test_mail<T: Table>(
    app: &App<T>,
    budget: &Budget<'_>,
    mailer: Option<&dyn Mailer>,
    asked: &Asked<'_>,
) -> Result<Sent, Error> {
    let sent = match mailer {
        Some(mailer) => mailer.send(mail::of_test(asked.to)).await.map(|()| Sent::Mailed).map_err(Error::Busy),
        None => Ok(Sent::Dropped),
    };
    let problem = match &sent {
        Ok(Sent::Mailed) => None,
        Ok(_) => Some("no sender is configured"),
        Err(_) => Some("the mail service does not take it; the log of delivery says why"),
    };
    let run = Run {
        name: run::name::TEST_MAIL.to_owned(),
        operation: Some(asked.operation.to_owned()),
        started_at: asked.at,
        ended_at: app.clock.now(),
        count: problem.is_none().into(),
        is_whole: true,
        problem: problem.map(str::to_owned),
    };
    // The mail went out: without this note who asked for it waits in vain, but a second mail would not help that.
    if let Err(error) = app.table.commit(&[Write::SaveRun { run }], None, budget.meter).await {
        tracing::warn!(%error, "it is not noted what came of a test mail");
    }
    sent
}

/// A notice of the bus.
#[derive(Clone, Debug, PartialEq)]
pub struct WebhookEvent {
    /// Its id: the same in each repetition.
    pub id: String,
    /// What happened.
    pub kind: String,
    /// When.
    pub at: Timestamp,
    /// The facts.
    pub detail: Value,
}

/// The webhooks of a project.
pub async fn webhooks<T: Table>(app: &App<T>, budget: &Budget<'_>, project_id: &str) -> Result<Vec<Webhook>, Error> {
    let list = List::Webhooks(project_id.to_owned());
    // A removed one may still be listed for a moment.
    let limit = 4 * ltlm_protocol::limits::WEBHOOKS_MAX as i64;
    let records = retry::records(app, budget, &[Read::List { list, before: None, limit }]).await?;
    let webhooks = records.into_iter().filter_map(Record::webhook);
    Ok(webhooks.collect())
}

/// Hands a notice of the bus to the webhooks that want it, and keeps it for replays. A project without webhooks keeps nothing.
pub async fn fan_out<T: Table>(
    app: &App<T>,
    budget: &Budget<'_>,
    queue: &dyn Queue,
    event: WebhookEvent,
) -> Result<Sent, Error> {
    let Some(project_id) = project_of(app, budget, &event.detail).await? else { return Ok(Sent::Dropped) };
    let webhooks = webhooks(app, budget, &project_id).await?;
    if webhooks.is_empty() {
        return Ok(Sent::Dropped);
    }
    let id = format!("msg_{}", &ids::sha256_hex(event.id.as_bytes())[..32]);
    let mut detail = event.detail;
    detail["projectId"] = Value::from(project_id.clone());
    let notice = StoredNotice { id: id.clone(), project_id, kind: event.kind, at: event.at, detail };
    let messages: Vec<_> = webhooks
        .iter()
        .filter(|webhook| webhook.takes(&notice.kind))
        .map(|webhook| Delivery::first(&webhook.id, &id).message())
        .collect();
    match app.table.commit(&[Write::KeepNotice { notice }], None, budget.meter).await {
        // WebhookEvent before: its deliveries may have been lost with the queue's answer, and who gets one twice knows it by its id.
        Ok(()) | Err(CommitError::Guard(_)) => {}
        Err(error) => return Err(error.into()),
    }
    let count = messages.len() as i64;
    if count > 0 {
        queue.send(messages).await.map_err(Error::Busy)?;
    }
    Ok(Sent::Fanned(count))
}

/// Whose a notice is. One on a license names the license only.
async fn project_of<T: Table>(app: &App<T>, budget: &Budget<'_>, detail: &Value) -> Result<Option<String>, Error> {
    let text = |name: &str| detail.get(name).and_then(Value::as_str).map(str::to_owned);
    if let Some(project) = text("projectId") {
        return Ok(Some(project));
    }
    let Some(license) = text("licenseHash") else { return Ok(None) };
    let records = retry::records(app, budget, &[Read::License(LicenseId(license))]).await?;
    Ok(records.into_iter().find_map(Record::license).map(|license| license.project_id))
}

/// Tries a delivery.
async fn deliver<T: Table>(
    app: &App<T>,
    budget: &Budget<'_>,
    outlets: &Channels<'_>,
    delivery: &Delivery,
) -> Result<Sent, Error> {
    let now = app.clock.now();
    if delivery.not_before > now.ms() {
        return wait(outlets.queue, delivery.clone(), now).await;
    }
    let reads = [Read::Webhook(delivery.webhook.clone()), Read::Notice(delivery.notice.clone())];
    let (mut webhook, mut notice) = (None, None);
    for record in retry::records(app, budget, &reads).await? {
        match record {
            Record::Webhook(found) => webhook = Some(found),
            Record::Notice(found) => notice = Some(found),
            _ => {}
        }
    }
    let webhook = webhook.filter(|webhook: &Webhook| webhook.disabled_at.is_none());
    let Some((webhook, notice)) = webhook.zip(notice) else { return Ok(Sent::Dropped) };
    let payload = notice.payload();
    let signature = signature(app, &webhook, &notice.id, &payload, now).await?;
    let headers = [
        ("webhook-id", notice.id.clone()),
        ("webhook-timestamp", now.ms().div_euclid(1_000).to_string()),
        ("webhook-signature", signature),
    ];
    let error = match outlets.caller.post(&webhook.url, &headers, payload).await {
        Ok(status) if (200..300).contains(&status) => {
            if webhook.failing.is_some() {
                save(app, budget, Webhook { failing: None, ..webhook }).await?;
            }
            return Ok(Sent::Delivered);
        }
        Ok(status) => format!("answered {status}"),
        Err(error) => error.to_string(),
    };
    let error: String = error.chars().take(ERROR_CHARS_MAX).collect();
    // Gone: whoever is there wants no more of it (Standard Webhooks).
    let is_gone = error == "answered 410";
    if is_gone || webhook.failing.is_none() {
        let failing = webhook.failing.clone().unwrap_or(Failing { since: now, error: error.clone() });
        let failing = if is_gone { Failing { error: error.clone(), ..failing } } else { failing };
        save(app, budget, Webhook { failing: Some(failing), disabled_at: is_gone.then_some(now), ..webhook.clone() })
            .await?;
    }
    let attempts = delivery.attempts + 1;
    match usize::try_from(delivery.attempts).ok().and_then(|index| WAITS.get(index)).filter(|_| !is_gone) {
        Some(seconds) => {
            let not_before = now.plus_seconds(*seconds).ms();
            wait(outlets.queue, Delivery { attempts, not_before, ..delivery.clone() }, now).await
        }
        None => {
            let dead =
                FailedDelivery { webhook: webhook.id, notice: notice.id, kind: notice.kind, attempts, error, at: now };
            app.table.commit(&[Write::AddFailedDelivery { dead }], None, budget.meter).await?;
            Ok(Sent::GivenUp)
        }
    }
}

/// Records the state of a webhook. If the webhook was changed in the meantime, the change stays and the next delivery
/// records it.
async fn save<T: Table>(app: &App<T>, budget: &Budget<'_>, webhook: Webhook) -> Result<(), Error> {
    let found = Some(webhook.revision);
    let webhook = Webhook { revision: webhook.revision + 1, ..webhook };
    match app.table.commit(&[Write::SaveWebhook { webhook, found }], None, budget.meter).await {
        Ok(()) | Err(CommitError::Guard(_)) => Ok(()),
        Err(error) => Err(error.into()),
    }
}

async fn wait(queue: &dyn Queue, delivery: Delivery, now: Timestamp) -> Result<Sent, Error> {
    let left = (delivery.not_before - now.ms()).div_euclid(1_000) + 1;
    let delay = u32::try_from(left.clamp(0, DELAY_MAX)).unwrap_or(0);
    queue.send_later(vec![delivery.message()], delay).await.map_err(Error::Busy)?;
    Ok(Sent::Waiting)
}

/// A webhook's secret as receivers' libraries take it.
pub fn secret_text(key: &crate::keys::Key32) -> String {
    use base64::Engine as _;
    format!("whsec_{}", base64::engine::general_purpose::STANDARD.encode(key.expose()))
}

/// The signatures of a message: by the secret, and by the one from before while that is still known.
async fn signature<T>(
    app: &App<T>,
    webhook: &Webhook,
    id: &str,
    payload: &str,
    now: Timestamp,
) -> Result<String, Error> {
    let previous = webhook.previous.as_ref().filter(|(_, until)| now < *until).map(|(wrapped, _)| wrapped);
    let mut signatures = Vec::new();
    for wrapped in std::iter::once(&webhook.wrapped).chain(previous) {
        let key = app.unwrap(&webhook.project_id, Purpose::Webhook, wrapped).await?;
        let signer = Signer::from_bytes(key.expose().to_vec()).map_err(|error| Error::Broken(error.into()))?;
        let signed = signer.sign(id, now.ms().div_euclid(1_000), payload.as_bytes());
        signatures.push(signed.map_err(|error| Error::Broken(error.into()))?);
    }
    Ok(signatures.join(" "))
}
