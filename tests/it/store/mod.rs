//! The store: trials, orders, payments.

mod checkout;
mod payments;
mod provider_events;
mod reversals;
mod token_packs;
mod trials;

use bytes::Bytes;
use http::Request;
use local::demo;
use local::stripe::Event;
use serde_json::{Value, json};

use crate::support::{L1, Reply, SECRET, TestApp};

pub(crate) const MAIL: &str = "grace@example.com";

impl TestApp {
    /// Calls a route of the store as a server does.
    pub(crate) async fn store(&self, method: &str, tail: &str, body: Value) -> Reply {
        let request =
            Request::builder().method(method).uri(format!("/v1/sdk/{tail}")).header("x-project-secret", SECRET);
        let body = if body.is_null() { Bytes::new() } else { Bytes::from(body.to_string()) };
        self.send(request.body(body).unwrap()).await
    }

    /// Orders a license of a policy; the payment page's id.
    pub(crate) async fn ordered(&self, policy: &str, email: &str) -> String {
        let body = json!({"policyId": policy, "customerEmail": email});
        let answer = self.store("POST", "project/checkout-link", body).await;
        assert_eq!(answer.status, 200, "{}", answer.text);
        answer.text_of("sessionId").to_owned()
    }

    /// Orders a pack on top of L1; the payment page's id.
    pub(crate) async fn topped_up(&self, pack: &str) -> String {
        let answer = self.store("POST", &format!("license/{L1}/topup-link"), json!({"packId": pack})).await;
        assert_eq!(answer.status, 200, "{}", answer.text);
        answer.text_of("sessionId").to_owned()
    }

    /// What the provider tells of a payment page.
    pub(crate) fn event_of(&self, session: &str, event: Event) -> Value {
        self.stripe.webhook_event(session, event, shared::service::ports::Clock::now(self.clock.as_ref())).unwrap()
    }

    /// The provider's message as it arrives.
    pub(crate) fn message(&self, event: &Value) -> Request<Bytes> {
        let body = event.to_string();
        let signature = self.stripe.sign(&body, shared::service::ports::Clock::now(self.clock.as_ref()));
        let request =
            Request::builder().method("POST").uri("/v1/payments/stripe").header("stripe-signature", signature);
        request.header("content-type", "application/json; charset=utf-8").body(Bytes::from(body)).unwrap()
    }

    pub(crate) async fn deliver(&self, event: &Value) -> Reply {
        self.send(self.message(event)).await
    }

    /// Somebody pays with this card; the provider tells it.
    pub(crate) async fn pay_with(&self, session: &str, card: &str) -> Value {
        self.stripe.show_card(session, card);
        let event = self.event_of(session, Event::Paid);
        let answer = self.deliver(&event).await;
        assert_eq!((answer.status, &answer.body["received"]), (200, &json!(true)), "{}", answer.text);
        event
    }

    pub(crate) async fn pay(&self, session: &str) -> Value {
        self.pay_with(session, "4242 4242 4242 4242").await
    }

    pub(crate) async fn happens(&self, session: &str, event: Event) {
        let answer = self.deliver(&self.event_of(session, event)).await;
        assert_eq!(answer.status, 200, "{}", answer.text);
    }

    /// The project's orders, newest first.
    pub(crate) async fn orders(&self) -> Vec<Value> {
        let path = format!("/v1/admin/projects/{}/orders", self.project_id);
        self.admin("GET", &path, Value::Null).await.body["orders"].as_array().unwrap().clone()
    }

    /// Licenses of an address, newest first.
    pub(crate) async fn licenses_of(&self, email: &str) -> Vec<Value> {
        let path = format!("/v1/admin/projects/{}/licenses?email={email}", self.project_id);
        self.admin("GET", &path, Value::Null).await.body["licenses"].as_array().unwrap().clone()
    }

    pub(crate) async fn seen(&self, key: &str) -> Value {
        self.admin("GET", &format!("/v1/admin/licenses/{key}"), Value::Null).await.body
    }

    async fn eligibility(&self, email: &str) -> Reply {
        self.store("GET", &format!("pro/project/trial-eligibility?email={email}"), Value::Null).await
    }
}

pub(crate) fn trial() -> Value {
    json!({"name": "Trial", "slug": "trial", "type": "trial", "config": {
        "limits": {"time": {"durationDays": 14}}, "visibility": {"storefront": true}}})
}

pub(crate) fn perpetual(slug: &str) -> Value {
    let mut terms = demo::perp();
    terms["slug"] = json!(slug);
    terms["config"]["store"] = json!({"forSale": true});
    terms
}
