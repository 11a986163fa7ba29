//! Payments through Stripe: Checkout sessions over its HTTP API, and its signed messages
//! (docs.stripe.com/api/checkout/sessions, docs.stripe.com/webhooks#verify-manually).

use std::time::Duration;

use hmac::{Hmac, KeyInit, Mac};
use ltlm_protocol::{Timestamp, json};
use serde_json::Value;
use sha2::Sha256;

use crate::domain::store::provider_event::{Message, Paid, PaidInvoice, PeriodLine, ProviderEvent};
use crate::domain::store::redirect::telling;
use crate::domain::store::reversal::{Reversal, ReversalKind};
use crate::host::secrets::Secret;
use crate::host::web::{Reach, Web};
use crate::model::order::{Billing, Chore, Order};
use crate::service::ports::{Asking, MessageError, PaymentError, Payments, Session};
use crate::table::failure::is_word;

/// Stripe's API, where no other address is given.
pub const API: &str = "https://api.stripe.com";
/// The version of Stripe's API that this was written for: its answers have the shapes of it, whatever version the vendor's webhook
/// endpoint is of, and messages are read in their older and newer shapes.
const VERSION: &str = "2024-06-20";
/// Time for one call; an order's page is asked for again while the request lasts.
const OPERATION: Duration = Duration::from_secs(4);
/// The maximum age of a message, in seconds; an older one counts as a replay (Stripe's own libraries use this limit).
const TOLERANCE_SECONDS: i64 = 300;
/// Lines of an invoice that are asked for at once: the most that Stripe gives.
const LINES_PER_PAGE: &str = "100";
/// Pages of lines of one invoice. A message about a longer one is refused, and stays visible at Stripe.
const LINE_PAGES_MAX: usize = 50;
/// Stripe's words for what is done already: not an error when it is asked for again.
const DONE_ALREADY: &[&str] = &["charge_already_refunded", "resource_missing"];
/// Name of the API key in the vendor's secret.
const API_KEY: &str = "stripeSecretKey";
/// Name of the webhook's signing key in it.
const SIGNING_KEY: &str = "stripeWebhookSecret";

/// Stripe, with the vendor's keys.
pub struct Stripe {
    web: Web,
    api: String,
    secret: Secret,
}

impl Stripe {
    /// Stripe at `api`, with the keys in `secret`.
    pub fn new(api: impl Into<String>, secret: Secret) -> Self {
        Self { web: Web::new(Reach::Anywhere), api: api.into(), secret }
    }

    async fn key(&self, name: &str) -> Result<zeroize::Zeroizing<String>, PaymentError> {
        let texts = self.secret.read().await.map_err(PaymentError::Busy)?;
        let key = texts.get(name).map(|text| zeroize::Zeroizing::new(text.to_owned()));
        key.ok_or_else(|| PaymentError::Broken(format!("the secret of the payment provider has no {name}").into()))
    }

    async fn call(&self, request: reqwest::RequestBuilder) -> Result<Value, PaymentError> {
        let key = self.key(API_KEY).await?;
        let request = request.bearer_auth(key.as_str()).header("stripe-version", VERSION).timeout(OPERATION);
        // The address tells nothing secret, but it is not needed either.
        let busy = |error: reqwest::Error| PaymentError::Busy(error.without_url().into());
        let answer = request.send().await.map_err(busy)?;
        let status = answer.status();
        let text = answer.text().await.map_err(busy)?;
        let body = json::parse(text.as_bytes()).unwrap_or_default();
        if status.is_success() && body.is_object() {
            return Ok(body);
        }
        let code = body.pointer("/error/code").and_then(Value::as_str).unwrap_or_default();
        if let Some(code) = DONE_ALREADY.iter().find(|known| **known == code) {
            return Err(PaymentError::Done(code));
        }
        // Its message may repeat what it was sent; its words of its own say enough.
        let word =
            |name: &str| body.pointer(name).and_then(Value::as_str).filter(|word| is_word(word)).unwrap_or("none");
        let cause = format!("status {status}, type {}, code {}", word("/error/type"), word("/error/code")).into();
        // 409: the same request is at work.
        match status.is_server_error() || matches!(status.as_u16(), 409 | 429) {
            true => Err(PaymentError::Busy(cause)),
            false => Err(PaymentError::Broken(cause)),
        }
    }

    async fn open_page(&self, order: &Order, home: &str) -> Result<Session, PaymentError> {
        let client = self.web.client().map_err(|error| PaymentError::Broken(error.into()))?;
        let request = client
            .post(format!("{}/v1/checkout/sessions", self.api))
            .header("idempotency-key", &order.id)
            .form(&form(order, home));
        let body = self.call(request).await?;
        let text = |name: &str| body.get(name).and_then(Value::as_str).map(str::to_owned);
        let session = text("id").zip(text("url")).map(|(id, url)| Session { id, url });
        session.ok_or_else(|| PaymentError::Broken("a payment page without id or address".into()))
    }

    /// The card that was shown: Stripe gives the same card the same fingerprint in all of a vendor's account.
    async fn card(&self, setup: &str) -> Result<Option<String>, PaymentError> {
        let client = self.web.client().map_err(|error| PaymentError::Broken(error.into()))?;
        let request = client.get(format!("{}/v1/setup_intents/{setup}?expand[]=payment_method", self.api));
        let body = self.call(request).await?;
        Ok(body.pointer("/payment_method/card/fingerprint").and_then(Value::as_str).map(str::to_owned))
    }

    /// Refunds and cancellations. One that was done before is done.
    async fn do_chore(&self, order: &str, chore: &Chore) -> Result<(), PaymentError> {
        let client = self.web.client().map_err(|error| PaymentError::Broken(error.into()))?;
        let request = match chore {
            Chore::Refund(payment) => client
                .post(format!("{}/v1/refunds", self.api))
                .header("idempotency-key", format!("refund:{order}:{payment}"))
                .form(&[("payment_intent", payment.as_str()), ("metadata[order]", order)]),
            Chore::Cancel(subscription) => client.delete(format!("{}/v1/subscriptions/{subscription}", self.api)),
        };
        match self.call(request).await {
            Ok(_) | Err(PaymentError::Done(_)) => Ok(()),
            Err(error) => Err(error),
        }
    }

    async fn get(&self, path: &str) -> Result<Value, PaymentError> {
        let client = self.web.client().map_err(|error| PaymentError::Broken(error.into()))?;
        self.call(client.get(format!("{}{path}", self.api))).await
    }

    /// A paid invoice of a subscription that began with an order of ours. What the message leaves out is asked for: newer messages
    /// do not name the payment, and none holds more than some of the lines.
    async fn invoice(&self, invoice: &Value, told_at: Timestamp) -> Result<Option<PaidInvoice>, PaymentError> {
        let Some(mut paid) = paid_invoice(invoice, told_at) else { return Ok(None) };
        let Some(id) = invoice.get("id").and_then(Value::as_str) else { return Ok(Some(paid)) };
        let is_charged = invoice.get("amount_paid").and_then(Value::as_i64).is_some_and(|amount| amount > 0);
        if paid.payment.is_none() && is_charged {
            paid.payment = payment_of(&self.get(&format!("/v1/invoices/{id}")).await?);
        }
        if invoice.pointer("/lines/has_more") == Some(&Value::Bool(true)) {
            paid.lines = self.lines(id).await?.iter().filter_map(|line| period_line(line, &paid)).collect();
        }
        Ok(Some(paid))
    }

    /// All lines of an invoice.
    async fn lines(&self, invoice: &str) -> Result<Vec<Value>, PaymentError> {
        let mut lines: Vec<Value> = Vec::new();
        for _ in 0..LINE_PAGES_MAX {
            let last = lines.last().and_then(|line| line.get("id")).and_then(Value::as_str);
            let after = last.map_or_else(String::new, |id| format!("&starting_after={id}"));
            let page = self.get(&format!("/v1/invoices/{invoice}/lines?limit={LINES_PER_PAGE}{after}")).await?;
            let found = page.get("data").and_then(Value::as_array).cloned().unwrap_or_default();
            let is_last = found.is_empty() || page.get("has_more") != Some(&Value::Bool(true));
            lines.extend(found);
            if is_last {
                return Ok(lines);
            }
        }
        Err(PaymentError::Broken("an invoice with more lines than are read".into()))
    }

    async fn read_message(&self, signature: &str, body: &[u8], now: Timestamp) -> Result<Message, MessageError> {
        let key = self.key(SIGNING_KEY).await.map_err(MessageError::Unread)?;
        if !is_signed(key.as_str(), signature, body, now) {
            return Err(MessageError::Forged);
        }
        let broken = || MessageError::Unread(PaymentError::Broken("a signed message that is no event".into()));
        let event = json::parse(body).map_err(|_| broken())?;
        let id = event.get("id").and_then(Value::as_str).ok_or_else(broken)?.to_owned();
        let kind = event.get("type").and_then(Value::as_str).unwrap_or_default().to_owned();
        // What does not say which money it is about is about real money.
        let is_live = event.get("livemode").and_then(Value::as_bool).unwrap_or(true);
        let told_at = instant(&event, "/created").unwrap_or(now);
        if kind == "invoice.paid" {
            let invoice = event.pointer("/data/object").unwrap_or(&Value::Null);
            let paid = self.invoice(invoice, told_at).await.map_err(MessageError::Unread)?;
            return Ok(Message {
                id,
                kind,
                is_live,
                event: paid.map_or(ProviderEvent::Nothing, ProviderEvent::PeriodPaid),
            });
        }
        let (mut provider_event, setup) = event_of(&id, &kind, &event, told_at, is_live);
        if let (ProviderEvent::Paid { paid, .. }, Some(setup)) = (&mut provider_event, setup) {
            paid.card = self.card(&setup).await.map_err(MessageError::Unread)?;
        }
        Ok(Message { id, kind, is_live, event: provider_event })
    }
}

impl Payments for Stripe {
    fn open<'a>(&'a self, order: &'a Order, home: &'a str) -> Asking<'a, Session, PaymentError> {
        Box::pin(self.open_page(order, home))
    }

    fn act<'a>(&'a self, order: &'a str, chore: &'a Chore) -> Asking<'a, (), PaymentError> {
        Box::pin(self.do_chore(order, chore))
    }

    fn read<'a>(&'a self, signature: &'a str, body: &'a [u8], now: Timestamp) -> Asking<'a, Message, MessageError> {
        Box::pin(self.read_message(signature, body, now))
    }
}

/// A Checkout session's parameters, in Stripe's spelling of nested ones.
fn form(order: &Order, home: &str) -> Vec<(&'static str, String)> {
    let back = order.redirect.as_deref().unwrap_or(home);
    let mut form = vec![
        ("client_reference_id", order.id.clone()),
        ("metadata[order]", order.id.clone()),
        ("success_url", telling(back, "session_id={CHECKOUT_SESSION_ID}&status=success")),
        ("cancel_url", telling(back, "session_id={CHECKOUT_SESSION_ID}&status=cancelled")),
    ];
    if !order.email.is_empty() {
        form.push(("customer_email", order.email.clone()));
    }
    if order.billing == Billing::CardOnly {
        form.extend([("mode", "setup".to_owned()), ("payment_method_types[0]", "card".to_owned())]);
        return form;
    }
    form.extend([
        ("line_items[0][quantity]", "1".to_owned()),
        ("line_items[0][price_data][currency]", order.price.currency.to_lowercase()),
        ("line_items[0][price_data][unit_amount]", order.price.minor.to_string()),
        ("line_items[0][price_data][product_data][name]", order.name.clone()),
    ]);
    match order.billing {
        Billing::Every { interval, count } => form.extend([
            ("mode", "subscription".to_owned()),
            ("line_items[0][price_data][recurring][interval]", interval.wire().to_owned()),
            ("line_items[0][price_data][recurring][interval_count]", count.to_string()),
            ("subscription_data[metadata][order]", order.id.clone()),
        ]),
        _ => form.extend([("mode", "payment".to_owned()), ("payment_intent_data[metadata][order]", order.id.clone())]),
    }
    form
}

/// Is the body signed by this key, at a time that is near?
fn is_signed(key: &str, header: &str, body: &[u8], now: Timestamp) -> bool {
    let parts = || header.split(',').filter_map(|part| part.trim().split_once('='));
    let Some(at) = parts().find(|(name, _)| *name == "t").map(|(_, at)| at) else { return false };
    let Ok(seconds) = at.parse::<i64>() else { return false };
    if now.ms().div_euclid(1_000).abs_diff(seconds) > TOLERANCE_SECONDS.unsigned_abs() {
        return false;
    }
    let Ok(mac) = Hmac::<Sha256>::new_from_slice(key.as_bytes()) else { return false };
    let mac = mac.chain_update(at).chain_update(".").chain_update(body);
    // Several while the key is rotated. The comparison takes the same time wherever they differ.
    parts()
        .filter(|(name, _)| *name == "v1")
        .any(|(_, given)| hex::decode(given).is_ok_and(|given| mac.clone().verify_slice(&given).is_ok()))
}

/// An instant of Stripe's, in seconds.
fn instant(value: &Value, path: &str) -> Option<Timestamp> {
    let seconds = value.pointer(path)?.as_i64()?;
    Some(Timestamp::from_ms(seconds.saturating_mul(1_000)))
}

fn text(value: &Value, path: &str) -> Option<String> {
    value.pointer(path).and_then(Value::as_str).map(str::to_owned)
}

/// The content of an event, and the setup that identifies a card, if the event has one. Paid invoices are read by
/// [`Stripe::invoice`].
fn event_of(id: &str, kind: &str, event: &Value, told_at: Timestamp, is_live: bool) -> (ProviderEvent, Option<String>) {
    let Some(object) = event.pointer("/data/object") else { return (ProviderEvent::Nothing, None) };
    let read = match kind {
        "checkout.session.completed" | "checkout.session.async_payment_succeeded" => {
            // Methods that take days complete the session first, and pay later.
            let is_paid = matches!(text(object, "/payment_status").as_deref(), Some("paid" | "no_payment_required"));
            let paid = Paid {
                event: id.to_owned(),
                session: text(object, "/id"),
                payment: text(object, "/payment_intent"),
                subscription: text(object, "/subscription"),
                card: None,
                paid_at: told_at,
                is_live,
            };
            let order = text(object, "/client_reference_id").filter(|_| is_paid);
            return (
                order.map_or(ProviderEvent::Nothing, |order| ProviderEvent::Paid { order, paid }),
                text(object, "/setup_intent"),
            );
        }
        "checkout.session.expired" => {
            text(object, "/client_reference_id").map(|order| ProviderEvent::Expired { order })
        }
        "charge.refunded" => refunded(object).and_then(|trouble| incident(object, None, trouble, told_at)),
        // The same, by the version of the vendor's endpoint.
        "refund.failed" | "refund.updated" | "charge.refund.updated" => {
            refund_failed(object).and_then(|trouble| incident(object, None, trouble, told_at))
        }
        "charge.dispute.created" => incident(object, text(object, "/id"), ReversalKind::Disputed, told_at),
        "charge.dispute.closed" => {
            let end = match text(object, "/status").as_deref() {
                // An inquiry that came to nothing; it began as a dispute does.
                Some("won" | "warning_closed") => Some(ReversalKind::Won),
                Some("lost") => Some(ReversalKind::Lost),
                _ => None,
            };
            end.and_then(|end| incident(object, text(object, "/id"), end, told_at))
        }
        _ => None,
    };
    (read.unwrap_or(ProviderEvent::Nothing), None)
}

fn incident(object: &Value, dispute: Option<String>, trouble: ReversalKind, at: Timestamp) -> Option<ProviderEvent> {
    Some(ProviderEvent::Trouble(Reversal { payment: text(object, "/payment_intent")?, dispute, trouble, at }))
}

/// What went back of a charge by now. A message without figures is about all of it, or about nothing.
fn refunded(charge: &Value) -> Option<ReversalKind> {
    let figure = |name: &str| charge.get(name).and_then(Value::as_i64);
    let is_whole = charge.get("refunded") == Some(&Value::Bool(true));
    let total = figure("amount_captured").filter(|amount| *amount > 0).or(figure("amount"));
    let total = total.or(is_whole.then_some(1))?;
    let refunded = if is_whole { total } else { figure("amount_refunded")? };
    Some(ReversalKind::Refunded { refunded, total })
}

/// A refund that did not come to anything.
fn refund_failed(refund: &Value) -> Option<ReversalKind> {
    let has_failed = matches!(refund.get("status").and_then(Value::as_str), Some("failed" | "canceled"));
    let (id, amount) = (text(refund, "/id")?, refund.get("amount").and_then(Value::as_i64)?);
    has_failed.then_some(ReversalKind::RefundFailed { refund: id, amount })
}

/// The content of a paid invoice; `None` if it does not belong to a subscription that began with an order of this
/// service.
fn paid_invoice(invoice: &Value, told_at: Timestamp) -> Option<PaidInvoice> {
    // The subscription and its metadata stand in one place or the other, by the version of the vendor's endpoint.
    let details = ["/parent/subscription_details", "/subscription_details"];
    let order = details.iter().find_map(|details| text(invoice, &format!("{details}/metadata/order")))?;
    let mut paid = PaidInvoice {
        order,
        subscription: text(invoice, "/parent/subscription_details/subscription")
            .or_else(|| text(invoice, "/subscription")),
        payment: payment_of(invoice),
        paid_at: instant(invoice, "/status_transitions/paid_at").unwrap_or(told_at),
        lines: Vec::new(),
    };
    let lines = invoice.pointer("/lines/data").and_then(Value::as_array).into_iter().flatten();
    paid.lines = lines.filter_map(|line| period_line(line, &paid)).collect();
    Some(paid)
}

/// The payment of an invoice: a member of its own in older versions; in newer ones one of a list, if the list is there.
fn payment_of(invoice: &Value) -> Option<String> {
    let payments = invoice.pointer("/payments/data").and_then(Value::as_array);
    let paid = payments.into_iter().flatten().filter(|payment| text(payment, "/status").as_deref() == Some("paid"));
    let mut intents = paid.filter_map(|payment| Some((payment, text(payment, "/payment/payment_intent")?)));
    let listed = intents.clone().find(|(payment, _)| payment.get("is_default") == Some(&Value::Bool(true)));
    text(invoice, "/payment_intent").or_else(|| listed.or_else(|| intents.next()).map(|(_, intent)| intent))
}

/// A line of an invoice, if it is a period of an item of the invoice's subscription: no one-off item, and no proration
/// of a change in mid-period. Its kind is in `parent` or in `type`, depending on the version.
fn period_line(line: &Value, invoice: &PaidInvoice) -> Option<PeriodLine> {
    let item = line.pointer("/parent/subscription_item_details").filter(|details| !details.is_null());
    let is_of_a_subscription = item.is_some() || text(line, "/type").as_deref() == Some("subscription");
    let flag = |path: &str| line.pointer(path) == Some(&Value::Bool(true));
    let is_proration = flag("/parent/subscription_item_details/proration") || flag("/proration");
    let of = text(line, "/parent/subscription_item_details/subscription").or_else(|| text(line, "/subscription"));
    let is_of_another = of.is_some() && invoice.subscription.is_some() && of != invoice.subscription;
    if !is_of_a_subscription || is_proration || is_of_another {
        return None;
    }
    let unit = line.pointer("/price/unit_amount").and_then(Value::as_i64);
    let decimal = || text(line, "/pricing/unit_amount_decimal")?.parse().ok();
    Some(PeriodLine { unit: unit.or_else(decimal), until: instant(line, "/period/end")? })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::money::Money;
    use crate::model::order::OrderItem;
    use crate::model::policy_words::Interval;
    use serde_json::json;

    fn header(key: &str, at: i64, body: &[u8]) -> String {
        let mac = Hmac::<Sha256>::new_from_slice(key.as_bytes()).unwrap();
        let mac = mac.chain_update(format!("{at}.")).chain_update(body).finalize().into_bytes();
        format!("t={at},v1={},v0=ignored", hex::encode(mac))
    }

    #[test]
    fn a_signature_holds_for_its_body_its_time_and_its_key() {
        let (key, body, now) = ("whsec_test", b"{\"id\":\"evt_1\"}".as_slice(), Timestamp::from_ms(1_000_000_999));
        let good = header(key, 1_000_000, body);
        assert!(is_signed(key, &good, body, now));
        assert!(!is_signed("whsec_other", &good, body, now));
        assert!(!is_signed(key, &good, b"{\"id\":\"evt_2\"}", now));
        assert!(!is_signed(key, &good.replace("t=1000000", "t=1000001"), body, now));
        // 300 seconds either way are near, 301 are not.
        for (off, near) in [(-301, false), (-300, true), (300, true), (301, false)] {
            assert_eq!(is_signed(key, &header(key, 1_000_000 + off, body), body, now), near, "{off}");
        }
        let rotated = format!("t=1000000,v1={},{}", "0".repeat(64), good.split(',').nth(1).unwrap());
        assert!(is_signed(key, &rotated, body, now));
        for bad in ["", "t=1000000", "v1=00", "t=x,v1=00", "t=1000000,v1=zz", &good.replace("v1", "v0")] {
            assert!(!is_signed(key, bad, body, now), "{bad}");
        }
    }

    #[test]
    fn events_are_told_in_our_words() {
        let now = Timestamp::from_ms(7_000);
        let of = |kind: &str, object: Value| event_of("evt", kind, &json!({"data": {"object": object}}), now, true).0;
        let session =
            json!({"id": "cs", "client_reference_id": "ord_1", "payment_status": "paid", "payment_intent": "pi"});
        assert!(
            matches!(of("checkout.session.completed", session.clone()), ProviderEvent::Paid { order, .. } if order == "ord_1")
        );
        let mut unpaid = session.clone();
        unpaid["payment_status"] = json!("unpaid");
        assert_eq!(of("checkout.session.completed", unpaid), ProviderEvent::Nothing);
        assert!(matches!(of("checkout.session.async_payment_succeeded", session), ProviderEvent::Paid { .. }));
        assert_eq!(of("checkout.session.completed", json!({"payment_status": "paid"})), ProviderEvent::Nothing);
        assert_eq!(of("charge.refunded", json!({"refunded": false, "payment_intent": "pi"})), ProviderEvent::Nothing);
        let trouble = |dispute: Option<&str>, trouble: ReversalKind| {
            ProviderEvent::Trouble(Reversal {
                payment: "pi".into(),
                dispute: dispute.map(str::to_owned),
                trouble,
                at: now,
            })
        };
        for (charge, refunded, total) in [
            (json!({"refunded": true, "amount": 999}), 999, 999),
            (json!({"refunded": false, "amount": 999, "amount_refunded": 300}), 300, 999),
            (json!({"refunded": true}), 1, 1),
        ] {
            let mut charge = charge;
            charge["payment_intent"] = json!("pi");
            assert_eq!(of("charge.refunded", charge), trouble(None, ReversalKind::Refunded { refunded, total }));
        }
        let refund = |status: &str| json!({"id": "re", "payment_intent": "pi", "amount": 300, "status": status});
        let failed = trouble(None, ReversalKind::RefundFailed { refund: "re".into(), amount: 300 });
        for kind in ["refund.failed", "refund.updated", "charge.refund.updated"] {
            assert_eq!(of(kind, refund("failed")), failed, "{kind}");
            assert_eq!(of(kind, refund("canceled")), failed, "{kind}");
            assert_eq!(of(kind, refund("succeeded")), ProviderEvent::Nothing, "{kind}");
        }
        let begun = json!({"id": "dp", "payment_intent": "pi"});
        assert_eq!(of("charge.dispute.created", begun), trouble(Some("dp"), ReversalKind::Disputed));
        let closed = |status: &str| json!({"id": "dp", "status": status, "payment_intent": "pi"});
        for (status, end) in
            [("won", ReversalKind::Won), ("warning_closed", ReversalKind::Won), ("lost", ReversalKind::Lost)]
        {
            assert_eq!(of("charge.dispute.closed", closed(status)), trouble(Some("dp"), end), "{status}");
        }
        assert_eq!(of("charge.dispute.closed", closed("other")), ProviderEvent::Nothing);
        assert_eq!(of("customer.created", json!({})), ProviderEvent::Nothing);
    }

    #[test]
    fn a_period_is_read_from_the_lines_of_the_subscription_wherever_they_stand() {
        let price = Money { minor: 999, currency: "USD".into() };
        let old = |kind: &str, unit: i64, end: i64| json!({"type": kind, "subscription": "sub", "proration": false, "price": {"unit_amount": unit}, "period": {"end": end}});
        let new = |unit: &str, proration: bool, end: i64| {
            json!({"parent": {"type": "subscription_item_details", "subscription_item_details":
                {"subscription": "sub", "proration": proration}}, "pricing": {"unit_amount_decimal": unit}, "period": {"end": end}})
        };
        let one_off = json!({"parent": {"type": "invoice_item_details", "invoice_item_details": {"proration": false}},
            "period": {"end": 90}});
        let mut proration = old("subscription", 999, 80);
        proration["proration"] = json!(true);
        let mut other = old("subscription", 999, 85);
        other["subscription"] = json!("sub_other");
        for (lines, until) in [
            // The one-off item comes first.
            (vec![old("invoiceitem", 500, 5), old("subscription", 999, 60)], Some(60)),
            (vec![old("subscription", 999, 60), old("invoiceitem", 500, 90)], Some(60)),
            (vec![proration.clone(), old("subscription", 999, 60)], Some(60)),
            // The newest shape.
            (vec![one_off, new("999", true, 80), new("999", false, 60)], Some(60)),
            // Several items: that at the price of the order counts; all of them, if none is.
            (vec![old("subscription", 4_900, 365), old("subscription", 999, 60)], Some(60)),
            (vec![new("500", false, 50), new("600", false, 70), new("700", false, 60)], Some(70)),
            (vec![other], None),
            (vec![proration], None),
            (Vec::new(), None),
        ] {
            let invoice = json!({"subscription": "sub", "subscription_details": {"metadata": {"order": "ord_1"}},
                "lines": {"data": lines}});
            let paid = paid_invoice(&invoice, Timestamp::EPOCH).unwrap();
            let found = paid.until(&price).map(|until| until.ms() / 1_000);
            assert_eq!(found, until, "{invoice}");
        }
        assert_eq!(paid_invoice(&json!({"lines": {"data": []}}), Timestamp::EPOCH), None, "none of ours");
    }

    #[test]
    fn the_payment_of_an_invoice_is_found_in_every_shape() {
        let listed = |default: bool, id: &str, status: &str| json!({"is_default": default, "status": status, "payment": {"type": "payment_intent", "payment_intent": id}});
        for (invoice, payment) in [
            (json!({"payment_intent": "pi"}), Some("pi")),
            (
                json!({"payments": {"data": [listed(false, "pi_1", "paid"), listed(true, "pi_2", "paid")]}}),
                Some("pi_2"),
            ),
            (
                json!({"payments": {"data": [listed(true, "pi_1", "open"), listed(false, "pi_2", "paid")]}}),
                Some("pi_2"),
            ),
            (json!({"payments": {"data": []}}), None),
            (json!({}), None),
        ] {
            assert_eq!(payment_of(&invoice).as_deref(), payment, "{invoice}");
        }
    }

    #[test]
    fn an_order_becomes_a_session_of_its_kind() {
        let goods = OrderItem::Policy { number: 1 };
        let order = Order::new(
            "ord_1".into(),
            "p".into(),
            goods,
            Money::of(ltlm_protocol::Amount::of_hundredths(999), "EUR"),
            Timestamp::EPOCH,
        );
        let mode = |billing: Billing| {
            let form = form(&Order { billing, ..order.clone() }, "https://home/");
            let find = |name: &str| form.iter().find(|(known, _)| *known == name).map(|(_, value)| value.clone());
            (find("mode").unwrap(), find("line_items[0][price_data][unit_amount]"), find("success_url").unwrap())
        };
        let (once, amount, back) = mode(Billing::Once);
        assert_eq!((once.as_str(), amount.as_deref()), ("payment", Some("999")));
        assert_eq!(back, "https://home/?session_id={CHECKOUT_SESSION_ID}&status=success");
        assert_eq!(mode(Billing::Every { interval: Interval::Month, count: 1 }).0, "subscription");
        assert_eq!((mode(Billing::CardOnly).0.as_str(), mode(Billing::CardOnly).1), ("setup", None));
    }
}
