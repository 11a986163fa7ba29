//! Payments through Stripe: Checkout sessions over its HTTP API, and its signed messages
//! (docs.stripe.com/api/checkout/sessions, docs.stripe.com/webhooks#verify-manually).

use std::time::Duration;

use hmac::{Hmac, KeyInit, Mac};
use ltlm_protocol::Timestamp;
use serde_json::Value;
use sha2::Sha256;

use super::secrets::Secret;
use super::web::{Reach, Web};
use crate::domain::store::Order;
use crate::domain::store::fulfil::Paid;
use crate::domain::store::message::{Message, Told};
use crate::domain::store::order::Billing;
use crate::domain::store::redirect::telling;
use crate::domain::store::take_back::{Incident, Trouble};
use crate::service::ports::{Asking, MessageError, PaymentError, Payments, Session};
use crate::table::failure::is_word;

/// Stripe's API, where no other address is given.
pub const API: &str = "https://api.stripe.com";
/// The version of Stripe's API that this was written for; the vendor's webhook endpoint may be of a newer one.
const VERSION: &str = "2024-06-20";
/// Time for one call; an order's page is asked for again while the request lasts.
const OPERATION: Duration = Duration::from_secs(4);
/// A message that was signed longer ago is taken for a replay, in seconds (what Stripe's own libraries use).
const TOLERANCE_SECONDS: i64 = 300;
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
        let body: Value = serde_json::from_str(&text).unwrap_or_default();
        if status.is_success() && body.is_object() {
            return Ok(body);
        }
        // Its message may repeat what it was sent; its words of its own say enough.
        let word =
            |name: &str| body.pointer(name).and_then(Value::as_str).filter(|word| is_word(word)).unwrap_or("none");
        let told = format!("status {status}, type {}, code {}", word("/error/type"), word("/error/code")).into();
        // 409: the same request is at work.
        match status.is_server_error() || matches!(status.as_u16(), 409 | 429) {
            true => Err(PaymentError::Busy(told)),
            false => Err(PaymentError::Broken(told)),
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

    async fn read_message(&self, signature: &str, body: &[u8], now: Timestamp) -> Result<Message, MessageError> {
        let key = self.key(SIGNING_KEY).await.map_err(MessageError::Unread)?;
        if !is_signed(key.as_str(), signature, body, now) {
            return Err(MessageError::Forged);
        }
        let broken = || MessageError::Unread(PaymentError::Broken("a signed message that is no event".into()));
        let event: Value = serde_json::from_slice(body).map_err(|_| broken())?;
        let id = event.get("id").and_then(Value::as_str).ok_or_else(broken)?.to_owned();
        let (mut told, setup) = told(&id, &event);
        if let (Told::Paid { paid, .. }, Some(setup)) = (&mut told, setup) {
            paid.card = self.card(&setup).await.map_err(MessageError::Unread)?;
        }
        Ok(Message { id, told })
    }
}

impl Payments for Stripe {
    fn open<'a>(&'a self, order: &'a Order, home: &'a str) -> Asking<'a, Session, PaymentError> {
        Box::pin(self.open_page(order, home))
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
            ("line_items[0][price_data][recurring][interval]", interval.to_owned()),
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

/// What an event tells, and the setup that shows a card, if it is one that does.
fn told(id: &str, event: &Value) -> (Told, Option<String>) {
    let kind = event.get("type").and_then(Value::as_str).unwrap_or_default();
    let Some(object) = event.pointer("/data/object") else { return (Told::Nothing, None) };
    let text = |path: &str| object.pointer(path).and_then(Value::as_str).map(str::to_owned);
    let told = match kind {
        "checkout.session.completed" | "checkout.session.async_payment_succeeded" => {
            // Methods that take days complete the session first, and pay later.
            let is_paid = matches!(text("/payment_status").as_deref(), Some("paid" | "no_payment_required"));
            let paid =
                Paid { event: id.to_owned(), session: text("/id"), payment: text("/payment_intent"), card: None };
            let order = text("/client_reference_id").filter(|_| is_paid);
            return (order.map_or(Told::Nothing, |order| Told::Paid { order, paid }), text("/setup_intent"));
        }
        "checkout.session.expired" => text("/client_reference_id").map(|order| Told::Expired { order }),
        "invoice.paid" => period(object),
        // Only what went back whole: a part of the price buys no part of a license.
        "charge.refunded" if object.get("refunded") == Some(&Value::Bool(true)) => trouble(object, Trouble::Refunded),
        "charge.dispute.created" => trouble(object, Trouble::Disputed),
        "charge.dispute.closed" => match text("/status").as_deref() {
            // An inquiry that came to nothing; it began as a dispute does.
            Some("won" | "warning_closed") => trouble(object, Trouble::Won),
            Some("lost") => trouble(object, Trouble::Lost),
            _ => None,
        },
        _ => None,
    };
    (told.unwrap_or(Told::Nothing), None)
}

fn trouble(object: &Value, trouble: Trouble) -> Option<Told> {
    let text = |name: &str| object.get(name).and_then(Value::as_str).map(str::to_owned);
    let dispute = text("id").filter(|_| trouble != Trouble::Refunded);
    Some(Told::Trouble(Incident { payment: text("payment_intent")?, dispute, trouble }))
}

/// A paid invoice of a subscription that began with an order of ours.
fn period(invoice: &Value) -> Option<Told> {
    let text = |path: &str| invoice.pointer(path).and_then(Value::as_str).map(str::to_owned);
    // The subscription's metadata stands in one place or the other, by the version of the vendor's endpoint.
    let order =
        text("/parent/subscription_details/metadata/order").or_else(|| text("/subscription_details/metadata/order"))?;
    let until = invoice.pointer("/lines/data/0/period/end")?.as_i64()?;
    let until = Timestamp::from_ms(until.saturating_mul(1_000));
    Some(Told::PeriodPaid { order, payment: text("/payment_intent"), until })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::store::money::Money;
    use crate::domain::store::order::Goods;
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
        let of = |kind: &str, object: Value| told("evt", &json!({"type": kind, "data": {"object": object}})).0;
        let session =
            json!({"id": "cs", "client_reference_id": "ord_1", "payment_status": "paid", "payment_intent": "pi"});
        assert!(
            matches!(of("checkout.session.completed", session.clone()), Told::Paid { order, .. } if order == "ord_1")
        );
        let mut unpaid = session.clone();
        unpaid["payment_status"] = json!("unpaid");
        assert_eq!(of("checkout.session.completed", unpaid), Told::Nothing);
        assert!(matches!(of("checkout.session.async_payment_succeeded", session), Told::Paid { .. }));
        assert_eq!(of("checkout.session.completed", json!({"payment_status": "paid"})), Told::Nothing);
        assert_eq!(of("charge.refunded", json!({"refunded": false, "payment_intent": "pi"})), Told::Nothing);
        let trouble = |dispute: Option<&str>, trouble: Trouble| {
            Told::Trouble(Incident { payment: "pi".into(), dispute: dispute.map(str::to_owned), trouble })
        };
        let refunded = json!({"id": "ch", "refunded": true, "payment_intent": "pi"});
        assert_eq!(of("charge.refunded", refunded), trouble(None, Trouble::Refunded));
        let begun = json!({"id": "dp", "payment_intent": "pi"});
        assert_eq!(of("charge.dispute.created", begun), trouble(Some("dp"), Trouble::Disputed));
        let closed = |status: &str| json!({"id": "dp", "status": status, "payment_intent": "pi"});
        for (status, end) in [("won", Trouble::Won), ("warning_closed", Trouble::Won), ("lost", Trouble::Lost)] {
            assert_eq!(of("charge.dispute.closed", closed(status)), trouble(Some("dp"), end), "{status}");
        }
        assert_eq!(of("charge.dispute.closed", closed("other")), Told::Nothing);
        let until = Timestamp::from_ms(2_000);
        let period = Told::PeriodPaid { order: "ord_1".into(), payment: Some("pi".into()), until };
        let lines = json!({"data": [{"period": {"end": 2}}]});
        for details in [
            json!({"subscription_details": {"metadata": {"order": "ord_1"}}}),
            json!({"parent": {"subscription_details": {"metadata": {"order": "ord_1"}}}}),
        ] {
            let mut invoice = json!({"payment_intent": "pi", "lines": lines});
            invoice.as_object_mut().unwrap().extend(details.as_object().unwrap().clone());
            assert_eq!(of("invoice.paid", invoice), period);
        }
        assert_eq!(of("customer.created", json!({})), Told::Nothing);
    }

    #[test]
    fn an_order_becomes_a_session_of_its_kind() {
        let goods = Goods::Policy { number: 1 };
        let order = Order::new("ord_1".into(), "p".into(), goods, Money::of(9.99, "EUR"), Timestamp::EPOCH);
        let mode = |billing: Billing| {
            let form = form(&Order { billing, ..order.clone() }, "https://home/");
            let find = |name: &str| form.iter().find(|(known, _)| *known == name).map(|(_, value)| value.clone());
            (find("mode").unwrap(), find("line_items[0][price_data][unit_amount]"), find("success_url").unwrap())
        };
        let (once, amount, back) = mode(Billing::Once);
        assert_eq!((once.as_str(), amount.as_deref()), ("payment", Some("999")));
        assert_eq!(back, "https://home/?session_id={CHECKOUT_SESSION_ID}&status=success");
        assert_eq!(mode(Billing::Every { interval: "month", count: 1 }).0, "subscription");
        assert_eq!((mode(Billing::CardOnly).0.as_str(), mode(Billing::CardOnly).1), ("setup", None));
    }
}
