//! A small payment provider that implements what the product uses of Stripe's API, over loopback HTTP, and of Secrets
//! Manager, where the vendor keeps its keys. The user decides each payment by hand; the resulting messages are signed
//! like Stripe's, and can be delivered twice, late, or never.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex};

use axum::extract::{Path, Query, State};
use axum::http::{HeaderMap, StatusCode};
use axum::routing::{delete, get, post};
use axum::{Json, Router};
use hmac::{Hmac, KeyInit, Mac};
use ltlm_protocol::Timestamp;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use shared::host::entropy::SystemEntropy;
use shared::service::ids;

use crate::endpoint::Endpoint;

/// Name of the secret that holds its keys.
pub const SECRET: &str = "ltlm-local-payments";

/// Seconds of a subscription's period: close enough to a month.
const PERIOD_SECONDS: i64 = 30 * 86_400;

/// A running provider; it stops when dropped.
#[derive(Debug)]
pub struct StripeServer {
    endpoint: Endpoint,
    book: Arc<Mutex<Book>>,
}

#[derive(Debug)]
struct Book {
    api_key: String,
    signing_key: String,
    /// Where its payment pages are.
    pages: String,
    sessions: BTreeMap<String, Session>,
    invoices: BTreeMap<String, Invoice>,
    /// Payments that the product gave back.
    refunded: BTreeSet<String>,
    /// Subscriptions that the product cancelled.
    cancelled: BTreeSet<String>,
    /// What messages say of the money they are about; none: nothing.
    livemode: Option<bool>,
    /// Invoices have the newest format, which names no payment.
    is_newest: bool,
    /// Lines of one-off items before the subscription's in the next invoices.
    one_off_lines: usize,
    /// Answers that are still to be lost, after the page was opened.
    lost_answers: u32,
    events: u64,
}

/// A paid invoice of a subscription, in the shape of the version that the product asks for.
#[derive(Clone, Debug)]
struct Invoice {
    session: String,
    payment: String,
    amount: i64,
    lines: Vec<Value>,
}

/// A payment page.
#[derive(Clone, Debug)]
pub struct Session {
    /// Its id.
    pub id: String,
    /// The product's order.
    pub order: String,
    /// `payment`, `subscription` or `setup`.
    pub mode: String,
    /// What is bought.
    pub name: String,
    /// What it costs, in minor units.
    pub amount: i64,
    /// ISO 4217, lower-case.
    pub currency: String,
    /// The buyer.
    pub email: String,
    /// Where the browser goes after paying, and after not paying.
    pub success_url: String,
    /// See `success_url`.
    pub cancel_url: String,
    /// The last payment, once there is one.
    pub payment: Option<String>,
    /// The fingerprint of the card, once one was shown.
    pub card: Option<String>,
    /// How often it was disputed.
    disputes: u32,
    /// How many invoices of its subscription were paid.
    invoices: usize,
    /// How much of the last payment is back with the buyer, in minor units.
    returned: i64,
    idempotency_key: String,
}

/// What happens to a payment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Event {
    /// It is paid.
    Paid,
    /// Nobody paid in time.
    Expired,
    /// It went back.
    Refunded,
    /// A third of it went back.
    PartlyRefunded,
    /// The last refund could not be carried out after all.
    RefundFailed,
    /// The buyer's bank disputes it.
    Disputed,
    /// The dispute is over: the vendor won.
    Won,
    /// The dispute is over: the vendor lost.
    Lost,
    /// The next period of a subscription is paid.
    PeriodPaid,
}

type Shared = Arc<Mutex<Book>>;

fn lock(book: &Shared) -> std::sync::MutexGuard<'_, Book> {
    book.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
}

impl StripeServer {
    /// Starts it; its payment pages are shown below `pages`.
    pub async fn start(pages: &str) -> std::io::Result<Self> {
        let secret = || ids::nonce(&SystemEntropy);
        let book = Arc::new(Mutex::new(Book {
            api_key: format!("sk_test_{}", secret()),
            signing_key: format!("whsec_{}", secret()),
            pages: pages.to_owned(),
            sessions: BTreeMap::new(),
            invoices: BTreeMap::new(),
            refunded: BTreeSet::new(),
            cancelled: BTreeSet::new(),
            livemode: Some(false),
            is_newest: false,
            one_off_lines: 0,
            lost_answers: 0,
            events: 0,
        }));
        let router = Router::new()
            .route("/", post(secrets))
            .route("/v1/checkout/sessions", post(open))
            .route("/v1/setup_intents/{id}", get(setup))
            .route("/v1/refunds", post(refund))
            .route("/v1/subscriptions/{id}", delete(cancel))
            .route("/v1/invoices/{id}", get(invoice))
            .route("/v1/invoices/{id}/lines", get(lines))
            .with_state(book.clone());
        Ok(Self { endpoint: Endpoint::serve("till", router).await?, book })
    }

    /// Its URL.
    pub fn endpoint(&self) -> &str {
        self.endpoint.url()
    }

    /// A payment page.
    pub fn session(&self, id: &str) -> Option<Session> {
        lock(&self.book).sessions.get(id).cloned()
    }

    /// All payment pages.
    pub fn sessions(&self) -> Vec<Session> {
        lock(&self.book).sessions.values().cloned().collect()
    }

    /// Loses the next answers, after it did what it was asked.
    pub fn lose_answers(&self, count: u32) {
        lock(&self.book).lost_answers = count;
    }

    /// What messages say of the money that they are about from now on: real, test, or nothing.
    pub fn say_livemode(&self, livemode: Option<bool>) {
        lock(&self.book).livemode = livemode;
    }

    /// Tells invoices in the newest shape from now on, or in the older one.
    pub fn tell_newest(&self, is_newest: bool) {
        lock(&self.book).is_newest = is_newest;
    }

    /// From now on, puts so many lines of one-off items before the subscription's in each invoice.
    pub fn add_lines(&self, count: usize) {
        lock(&self.book).one_off_lines = count;
    }

    /// Payments that the product gave back.
    pub fn refunded(&self) -> Vec<String> {
        lock(&self.book).refunded.iter().cloned().collect()
    }

    /// Subscriptions that the product cancelled.
    pub fn cancelled(&self) -> Vec<String> {
        lock(&self.book).cancelled.iter().cloned().collect()
    }

    /// Forgets which page an idempotency key opened, as Stripe does after a day.
    pub fn forget_keys(&self) {
        lock(&self.book).sessions.values_mut().for_each(|session| session.idempotency_key.clear());
    }

    /// Somebody shows this card at a payment page; from now on there is a payment.
    pub fn show_card(&self, session: &str, card: &str) {
        let digits: String = card.chars().filter(char::is_ascii_digit).collect();
        let mut book = lock(&self.book);
        if let Some(session) = book.sessions.get_mut(session) {
            session.card = Some(hex::encode(&Sha256::digest(digits.as_bytes())[..8]));
            session.payment.get_or_insert_with(|| format!("pi_{}", session.id));
        }
    }

    /// The message that tells of this, with an id of its own.
    pub fn webhook_event(&self, session: &str, event: Event, now: Timestamp) -> Option<Value> {
        let mut book = lock(&self.book);
        book.events += 1;
        let id = format!("evt_local_{}_{}", now.ms(), book.events);
        if event == Event::PeriodPaid {
            book.pay_period(session, now)?;
        }
        let (livemode, is_newest) = (book.livemode, book.is_newest);
        let invoice = book.invoices.iter().rfind(|(_, invoice)| invoice.session == session);
        let invoice = invoice.map(|(id, invoice)| (id.clone(), invoice.clone()));
        let session = book.sessions.get_mut(session)?;
        session.disputes += u32::from(event == Event::Disputed);
        let payment = session.payment.clone().filter(|_| session.mode == "payment");
        let subscription = (session.mode == "subscription").then(|| subscription(&session.id));
        let last = session.returned;
        session.returned = match event {
            Event::Refunded => session.amount,
            Event::PartlyRefunded => session.amount / 3,
            Event::RefundFailed => 0,
            _ => last,
        };
        let (kind, object) = match event {
            Event::Paid => (
                "checkout.session.completed",
                json!({"id": session.id, "object": "checkout.session", "client_reference_id": session.order,
                    "mode": session.mode, "payment_intent": payment, "subscription": subscription, "payment_status": match session.mode.as_str() {
                        "setup" => "no_payment_required",
                        _ => "paid",
                    }, "setup_intent": (session.mode == "setup").then(|| format!("seti_{}", session.id))}),
            ),
            Event::Expired => (
                "checkout.session.expired",
                json!({"id": session.id, "object": "checkout.session", "client_reference_id": session.order}),
            ),
            Event::Refunded | Event::PartlyRefunded => (
                "charge.refunded",
                json!({"object": "charge", "refunded": event == Event::Refunded, "amount": session.amount,
                    "amount_refunded": session.returned, "payment_intent": session.payment}),
            ),
            Event::RefundFailed => (
                "refund.failed",
                json!({"object": "refund", "id": format!("re_{id}"), "status": "failed", "amount": last,
                    "payment_intent": session.payment}),
            ),
            Event::Disputed => ("charge.dispute.created", dispute(session, "needs_response")),
            Event::Won => ("charge.dispute.closed", dispute(session, "won")),
            Event::Lost => ("charge.dispute.closed", dispute(session, "lost")),
            Event::PeriodPaid => {
                let (id, invoice) = invoice?;
                ("invoice.paid", if is_newest { newest(session, &id, &invoice) } else { older(session, &id, &invoice) })
            }
        };
        let mut message =
            json!({"id": id, "object": "event", "type": kind, "created": now.ms() / 1_000, "data": {"object": object}});
        if let Some(livemode) = livemode {
            message["livemode"] = json!(livemode);
        }
        Some(message)
    }

    /// The signature of a message, as the header that comes with it.
    pub fn sign(&self, body: &str, now: Timestamp) -> String {
        let at = now.ms().div_euclid(1_000);
        let key = lock(&self.book).signing_key.clone();
        let mac = Hmac::<Sha256>::new_from_slice(key.as_bytes()).map(|mac| mac.chain_update(format!("{at}.{body}")));
        let signature = mac.map(|mac| hex::encode(mac.finalize().into_bytes())).unwrap_or_default();
        format!("t={at},v1={signature}")
    }
}

impl Book {
    /// The next invoice of a subscription is paid: one-off items first, then the period.
    fn pay_period(&mut self, id: &str, now: Timestamp) -> Option<()> {
        let (one_off, session) = (self.one_off_lines, self.sessions.get_mut(id)?);
        session.invoices += 1;
        if session.invoices > 1 {
            session.payment = Some(format!("pi_{id}_{}", session.invoices));
            session.returned = 0;
        }
        let name = format!("in_{id}_{:04}", session.invoices);
        let at = |seconds: i64| now.plus_seconds(seconds).ms() / 1_000;
        let line = |kind: &str, place: usize, unit: i64, end: i64| {
            json!({"id": format!("il_{name}_{place}"), "object": "line_item", "type": kind, "proration": false,
                "subscription": subscription(id), "price": {"unit_amount": unit}, "period": {"start": at(0), "end": end}})
        };
        let mut lines: Vec<_> = (0..one_off).map(|place| line("invoiceitem", place, 100, at(0))).collect();
        lines.push(line("subscription", one_off, session.amount, at(PERIOD_SECONDS)));
        let payment = session.payment.get_or_insert_with(|| format!("pi_{id}")).clone();
        let (session, amount) = (id.to_owned(), session.amount);
        self.invoices.insert(name, Invoice { session, payment, amount, lines });
        Some(())
    }
}

/// The maximum of lines in a message or an answer, unless more are requested.
const LINES: usize = 10;

fn subscription(session: &str) -> String {
    format!("sub_{session}")
}

/// An invoice in the format of versions before 2025-03-31.
fn older(session: &Session, id: &str, invoice: &Invoice) -> Value {
    let shown = &invoice.lines[..invoice.lines.len().min(LINES)];
    json!({"id": id, "object": "invoice", "payment_intent": invoice.payment, "amount_paid": invoice.amount,
        "subscription": subscription(&session.id), "subscription_details": {"metadata": {"order": session.order}},
        "lines": {"data": shown, "has_more": shown.len() < invoice.lines.len()}})
}

/// The same in the format of versions since 2025-03-31: no payment, and everything about the subscription in `parent`.
fn newest(session: &Session, id: &str, invoice: &Invoice) -> Value {
    let line = |line: &Value| {
        let parent = match line["type"].as_str() {
            Some("subscription") => json!({"type": "subscription_item_details", "subscription_item_details":
                {"subscription": line["subscription"], "proration": false}}),
            _ => json!({"type": "invoice_item_details", "invoice_item_details": {"proration": false}}),
        };
        json!({"id": line["id"], "object": "line_item", "parent": parent, "period": line["period"],
            "pricing": {"unit_amount_decimal": line["price"]["unit_amount"].to_string()}})
    };
    let shown: Vec<_> = invoice.lines.iter().take(LINES).map(line).collect();
    let has_more = shown.len() < invoice.lines.len();
    json!({"id": id, "object": "invoice", "amount_paid": invoice.amount, "lines": {"data": shown, "has_more": has_more},
        "parent": {"type": "subscription_details", "subscription_details":
            {"subscription": subscription(&session.id), "metadata": {"order": session.order}}}})
}

fn dispute(session: &Session, status: &str) -> Value {
    let id = format!("dp_{}_{}", session.id, session.disputes);
    json!({"id": id, "object": "dispute", "payment_intent": session.payment, "status": status, "amount": session.amount})
}

type Answer = (StatusCode, Json<Value>);

fn refuse(status: StatusCode, message: &str) -> Answer {
    (status, Json(json!({"error": {"type": "invalid_request_error", "message": message}})))
}

/// Secrets Manager's one operation.
async fn secrets(State(book): State<Shared>, headers: HeaderMap, body: String) -> Answer {
    let refuse = |kind: &str| (StatusCode::BAD_REQUEST, Json(json!({"__type": kind, "message": kind})));
    if headers.get("x-amz-target").and_then(|target| target.to_str().ok()) != Some("secretsmanager.GetSecretValue") {
        return refuse("UnknownOperationException");
    }
    let Ok(request) = serde_json::from_str::<Value>(&body) else { return refuse("SerializationException") };
    if request["SecretId"] != SECRET {
        return refuse("ResourceNotFoundException");
    }
    let book = lock(&book);
    let text = json!({"stripeSecretKey": book.api_key, "stripeWebhookSecret": book.signing_key}).to_string();
    (StatusCode::OK, Json(json!({"Name": SECRET, "SecretString": text})))
}

fn is_known(book: &Book, headers: &HeaderMap) -> bool {
    let given = headers.get("authorization").and_then(|value| value.to_str().ok());
    given == Some(format!("Bearer {}", book.api_key).as_str())
}

/// Opens a payment page; the same idempotency key opens the same one again.
async fn open(State(book): State<Shared>, headers: HeaderMap, body: String) -> Answer {
    let mut book = lock(&book);
    if !is_known(&book, &headers) {
        return refuse(StatusCode::UNAUTHORIZED, "Invalid API Key provided");
    }
    let form: BTreeMap<String, String> = form(&body);
    let text = |name: &str| form.get(name).cloned().unwrap_or_default();
    let key = headers.get("idempotency-key").and_then(|key| key.to_str().ok()).unwrap_or_default().to_owned();
    let known = book.sessions.values().find(|session| session.idempotency_key == key).cloned();
    let session = known.unwrap_or_else(|| Session {
        id: format!("cs_local_{}", &ids::nonce(&SystemEntropy)[..16]),
        order: text("client_reference_id"),
        mode: text("mode"),
        name: text("line_items[0][price_data][product_data][name]"),
        amount: text("line_items[0][price_data][unit_amount]").parse().unwrap_or(0),
        currency: text("line_items[0][price_data][currency]"),
        email: text("customer_email"),
        success_url: text("success_url"),
        cancel_url: text("cancel_url"),
        payment: None,
        card: None,
        disputes: 0,
        invoices: 0,
        returned: 0,
        idempotency_key: key,
    });
    if session.order.is_empty() || session.success_url.is_empty() || session.mode.is_empty() {
        return refuse(StatusCode::BAD_REQUEST, "client_reference_id, success_url and mode are required");
    }
    let url = format!("{}/{}", book.pages, session.id);
    let answer = json!({"id": session.id, "object": "checkout.session", "url": url});
    book.sessions.insert(session.id.clone(), session);
    if book.lost_answers > 0 {
        book.lost_answers -= 1;
        return refuse(StatusCode::SERVICE_UNAVAILABLE, "injected: the answer was lost");
    }
    (StatusCode::OK, Json(answer))
}

/// The card that was shown.
async fn setup(State(book): State<Shared>, headers: HeaderMap, Path(id): Path<String>) -> Answer {
    let book = lock(&book);
    if !is_known(&book, &headers) {
        return refuse(StatusCode::UNAUTHORIZED, "Invalid API Key provided");
    }
    let session = id.strip_prefix("seti_").and_then(|id| book.sessions.get(id));
    match session {
        None => refuse(StatusCode::NOT_FOUND, "No such setupintent"),
        Some(session) => {
            let card = json!({"card": {"fingerprint": session.card}});
            (StatusCode::OK, Json(json!({"id": id, "payment_method": card})))
        }
    }
}

/// An error that is known by its code.
fn refuse_with(status: StatusCode, code: &str) -> Answer {
    (status, Json(json!({"error": {"type": "invalid_request_error", "code": code, "message": code}})))
}

/// Loses the answer, if one is to be lost.
fn answer(book: &mut Book, object: Value) -> Answer {
    if book.lost_answers > 0 {
        book.lost_answers -= 1;
        return refuse(StatusCode::SERVICE_UNAVAILABLE, "injected: the answer was lost");
    }
    (StatusCode::OK, Json(object))
}

/// Gives a payment back, once.
async fn refund(State(book): State<Shared>, headers: HeaderMap, body: String) -> Answer {
    let mut book = lock(&book);
    if !is_known(&book, &headers) {
        return refuse(StatusCode::UNAUTHORIZED, "Invalid API Key provided");
    }
    let Some(payment) = form(&body).remove("payment_intent") else {
        return refuse(StatusCode::BAD_REQUEST, "payment_intent is required");
    };
    if !book.refunded.insert(payment.clone()) && book.lost_answers == 0 {
        return refuse_with(StatusCode::BAD_REQUEST, "charge_already_refunded");
    }
    answer(&mut book, json!({"id": format!("re_{payment}"), "object": "refund", "status": "succeeded"}))
}

/// Cancels a subscription, once.
async fn cancel(State(book): State<Shared>, headers: HeaderMap, Path(id): Path<String>) -> Answer {
    let mut book = lock(&book);
    if !is_known(&book, &headers) {
        return refuse(StatusCode::UNAUTHORIZED, "Invalid API Key provided");
    }
    if !book.cancelled.insert(id.clone()) && book.lost_answers == 0 {
        return refuse_with(StatusCode::NOT_FOUND, "resource_missing");
    }
    answer(&mut book, json!({"id": id, "object": "subscription", "status": "canceled"}))
}

/// An invoice, in the shape of the version that the product asks for.
async fn invoice(State(book): State<Shared>, headers: HeaderMap, Path(id): Path<String>) -> Answer {
    let book = lock(&book);
    if !is_known(&book, &headers) {
        return refuse(StatusCode::UNAUTHORIZED, "Invalid API Key provided");
    }
    let found = book.invoices.get(&id).and_then(|invoice| Some((invoice, book.sessions.get(&invoice.session)?)));
    match found {
        None => refuse_with(StatusCode::NOT_FOUND, "resource_missing"),
        Some((invoice, session)) => (StatusCode::OK, Json(older(session, &id, invoice))),
    }
}

/// A page of an invoice's lines.
async fn lines(
    State(book): State<Shared>,
    headers: HeaderMap,
    Path(id): Path<String>,
    Query(query): Query<BTreeMap<String, String>>,
) -> Answer {
    let book = lock(&book);
    if !is_known(&book, &headers) {
        return refuse(StatusCode::UNAUTHORIZED, "Invalid API Key provided");
    }
    let Some(invoice) = book.invoices.get(&id) else {
        return refuse_with(StatusCode::NOT_FOUND, "resource_missing");
    };
    let limit = query.get("limit").and_then(|limit| limit.parse().ok()).unwrap_or(LINES).min(100);
    let after = query.get("starting_after");
    let begin = after.and_then(|after| invoice.lines.iter().position(|line| line["id"] == after.as_str()));
    let rest = &invoice.lines[begin.map_or(0, |place| place + 1)..];
    let page = &rest[..rest.len().min(limit)];
    (StatusCode::OK, Json(json!({"object": "list", "data": page, "has_more": page.len() < rest.len()})))
}

/// A form's members.
pub fn form(body: &str) -> BTreeMap<String, String> {
    let decoded = |text: &str| {
        let spaced = text.replace('+', " ");
        percent_encoding::percent_decode_str(&spaced).decode_utf8_lossy().into_owned()
    };
    body.split('&')
        .filter_map(|pair| pair.split_once('='))
        .map(|(name, value)| (decoded(name), decoded(value)))
        .collect()
}
