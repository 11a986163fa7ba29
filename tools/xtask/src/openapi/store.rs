//! The parts of the OpenAPI document that are about the store, the portal, developers, events and webhooks.

use ltlm_protocol::deployment_data::{DeploymentData, TestMailQueued};
use ltlm_protocol::event_data::{EventCounts, EventList};
use ltlm_protocol::portal_data::{CodeRequested, DeveloperData, DeveloperList, Portfolio, SignedIn};
use ltlm_protocol::store_data::{CheckoutAnswer, OrderData, OrderList, Received, StorePolicy, TrialEligibility};
use ltlm_protocol::webhook_data::{DeadLetterList, NoticeList, Replayed, WebhookData, WebhookList};
use ltlm_protocol::{Code, limits};
use schemars::SchemaGenerator;
use serde_json::{Value, json};
use shared::api::routes::{Endpoint, Route};
use shared::domain::webhooks::notice::KINDS;

use crate::openapi::schema::{NAME, NAME_OR_BLANK, schema};

/// An e-mail address.
fn email() -> Value {
    json!({"type": "string", "format": "email", "maxLength": limits::EMAIL_CHARS_MAX})
}

fn text(max: usize) -> Value {
    json!({"type": "string", "minLength": 1, "maxLength": max})
}

/// Where a browser goes afterwards.
fn redirect() -> Value {
    json!({"type": ["string", "null"], "maxLength": limits::REDIRECT_CHARS_MAX,
        "description": "An http or https address, or one with a scheme of your own."})
}

fn password() -> Value {
    json!({"type": "string", "minLength": 12, "maxLength": 200})
}

fn projects() -> Value {
    json!({"type": ["array", "null"], "maxItems": 100,
        "items": {"type": "string", "minLength": 1, "maxLength": limits::NAME_CHARS_MAX, "pattern": NAME_OR_BLANK},
        "description": "The projects whose secrets it may have; null for all."})
}

/// The body, if the route is one of these.
pub(crate) fn request(
    route: &Route,
    id: &Value,
    object: impl Fn(&[&str], Value) -> Value,
    one_of: impl Fn(&[&str], &[&str]) -> Vec<Value>,
) -> Option<Value> {
    Some(match route.endpoint {
        Endpoint::CheckoutLink => object(
            &["policyId", "customerEmail"],
            json!({
                "policyId": {"type": ["string", "integer"], "minLength": 1, "maxLength": limits::NAME_CHARS_MAX, "description": "Its number, or its slug."},
                "customerEmail": email(), "redirectUrl": redirect(), "operationId": id,
            }),
        ),
        Endpoint::TopupLink => object(
            &["packId"],
            json!({
                "packId": text(limits::NAME_CHARS_MAX), "hwid": {"type": "string", "minLength": 1, "maxLength": limits::HWID_CHARS_MAX, "pattern": NAME}, "redirectUrl": redirect(), "operationId": id,
            }),
        ),
        Endpoint::AccountCheckoutLink | Endpoint::OrganizationCheckoutLink => object(
            &["packId"],
            json!({"packId": text(limits::NAME_CHARS_MAX), "customerEmail": email(), "redirectUrl": redirect(), "operationId": id}),
        ),
        Endpoint::LoginRequest => object(&["email"], json!({"email": email()})),
        Endpoint::Portfolio => object(
            &["email", "otp"],
            json!({"email": email(), "otp": text(60), "hwid": {"type": "string", "minLength": 1, "maxLength": limits::HWID_CHARS_MAX, "pattern": NAME}}),
        ),
        Endpoint::StripeMessage => json!({"type": "object", "description": "An event of Stripe's, as it was signed."}),
        Endpoint::DevLogin => object(
            &["username", "password"],
            json!({
                "username": text(2 * limits::EMAIL_CHARS_MAX), "password": text(limits::NAME_CHARS_MAX),
                "mfaToken": {"type": ["string", "null"], "maxLength": limits::NAME_CHARS_MAX},
            }),
        ),
        Endpoint::DevVerifyOtp => object(
            &["mfaToken", "otp"],
            json!({"mfaToken": text(limits::NAME_CHARS_MAX), "otp": text(limits::NAME_CHARS_MAX)}),
        ),
        Endpoint::AdminCreateDeveloper => object(
            &["username", "password"],
            json!({
                "username": email(), "fullName": {"type": "string", "maxLength": limits::NAME_CHARS_MAX, "pattern": NAME_OR_BLANK}, "password": password(),
                "projects": projects(), "mfa": {"type": "boolean", "default": true}, "operationId": id,
            }),
        ),
        Endpoint::AdminChangeDeveloper => {
            let mut schema = object(
                &["password", "mfa", "disabled"],
                json!({
                    "fullName": {"type": "string", "maxLength": limits::NAME_CHARS_MAX, "pattern": NAME_OR_BLANK}, "password": password(), "projects": projects(),
                    "mfa": {"type": "boolean"}, "disabled": {"type": "boolean"}, "operationId": id,
                }),
            );
            schema["required"] = json!([]);
            let names = ["fullName", "password", "projects", "mfa", "disabled"];
            schema["anyOf"] = json!(one_of(&names, &["fullName", "projects"]));
            schema
        }
        Endpoint::AdminCreateWebhook => {
            let kinds: Vec<_> = KINDS.iter().map(|(kind, _)| *kind).collect();
            object(
                &["url"],
                json!({
                    "url": {"type": "string", "minLength": 1, "maxLength": limits::REDIRECT_CHARS_MAX, "description": "An https address that anybody can reach."},
                    "kinds": {"type": "array", "maxItems": kinds.len(), "items": {"enum": kinds}, "description": "All if none is named."},
                    "operationId": id,
                }),
            )
        }
        Endpoint::AdminTestMail => object(&["to"], json!({"to": email(), "operationId": id})),
        Endpoint::AdminReplay => object(
            &[],
            json!({
                "deadLetters": {"type": "boolean", "description": "Only what was given up."},
                "limit": {"type": "integer", "minimum": 1, "maximum": limits::PAGE_MAX, "default": limits::PAGE_MAX},
                "cursor": {"type": "string", "pattern": format!("^({}|{})([2-7][0-9a-e]){{1,64}}$", hex::encode("notices/1:"), hex::encode("dead-letters/1:")),
                    "description": "The nextCursor of an earlier answer."},
                "operationId": id,
            }),
        ),
        _ => return None,
    })
}

/// Parameters of the query and the path that only these routes have.
pub(crate) fn parameters(route: &Route) -> Vec<Value> {
    let day = |name: &str, what: &str| json!({"name": name, "in": "query", "description": what, "schema": {"type": "string", "format": "date"}});
    let named = |name: &str, what: &str| json!({"name": name, "in": "path", "required": true, "description": what, "schema": {"type": "string", "minLength": 1, "maxLength": 64}});
    let mut parameters = Vec::new();
    if route.path.contains("{orderId}") {
        parameters.push(named("orderId", "The order."));
    }
    if route.path.contains("{webhookId}") {
        parameters.push(named("webhookId", "The webhook."));
    }
    if route.path.contains("{username}") {
        parameters.push(json!({"name": "username", "in": "path", "required": true, "description": "The developer's e-mail address.", "schema": email()}));
    }
    match route.endpoint {
        Endpoint::TrialEligibility => {
            parameters.push(json!({"name": "email", "in": "query", "required": true, "description": "The address, in any letter case.", "schema": email()}));
        }
        Endpoint::AdminEvents => {
            parameters.push(day("day", "A day of UTC; else today."));
            parameters.push(json!({"name": "type", "in": "query", "description": "Only events of this type.",
                "schema": {"type": "string", "maxLength": limits::ACTION_CHARS_MAX}}));
        }
        Endpoint::AdminEventCounts => {
            parameters.push(day("from", "The first day; else 29 days before the last."));
            parameters.push(day("to", "The last day; else today."));
        }
        Endpoint::StoreReturn => {
            parameters.push(json!({"name": "status", "in": "query", "description": "How the buyer left the payment page: `success` or `cancelled`.",
                "schema": {"type": "string"}}));
            parameters.push(json!({"name": "session_id", "in": "query", "description": "The payment page.", "schema": {"type": "string"}}));
        }
        Endpoint::StripeMessage => {
            parameters.push(json!({"name": "stripe-signature", "in": "header", "required": true, "description": "Stripe's signature of the body.",
                "schema": {"type": "string", "minLength": 1, "maxLength": 1_000}}));
        }
        _ => {}
    }
    parameters
}

/// Status and schema of the success, if the route is one of these.
pub(crate) fn success(route: &Route, schemas: &mut SchemaGenerator) -> Option<(&'static str, Value)> {
    Some(match route.endpoint {
        Endpoint::BuyablePolicies | Endpoint::ProBuyablePolicies => (
            "200",
            json!({"type": "array", "maxItems": limits::STORE_POLICIES_MAX, "items": schema::<StorePolicy>(schemas)}),
        ),
        Endpoint::CheckoutLink
        | Endpoint::ProCheckoutLink
        | Endpoint::TopupLink
        | Endpoint::ProTopupLink
        | Endpoint::AccountCheckoutLink
        | Endpoint::OrganizationCheckoutLink => ("200", schema::<CheckoutAnswer>(schemas)),
        Endpoint::TrialEligibility => ("200", schema::<TrialEligibility>(schemas)),
        Endpoint::StoreReturn => ("200", json!({"type": "string"})),
        Endpoint::StripeMessage => ("200", schema::<Received>(schemas)),
        Endpoint::LoginRequest | Endpoint::ProLoginRequest => ("200", schema::<CodeRequested>(schemas)),
        Endpoint::Portfolio | Endpoint::ProPortfolio => ("200", schema::<Portfolio>(schemas)),
        Endpoint::DevLogin | Endpoint::DevVerifyOtp => ("200", schema::<SignedIn>(schemas)),
        Endpoint::AdminOrders => ("200", schema::<OrderList>(schemas)),
        Endpoint::AdminOrder => ("200", schema::<OrderData>(schemas)),
        Endpoint::AdminCreateDeveloper => ("201", schema::<DeveloperData>(schemas)),
        Endpoint::AdminChangeDeveloper => ("200", schema::<DeveloperData>(schemas)),
        Endpoint::AdminDevelopers => ("200", schema::<DeveloperList>(schemas)),
        Endpoint::AdminEvents => ("200", schema::<EventList>(schemas)),
        Endpoint::AdminEventCounts => ("200", schema::<EventCounts>(schemas)),
        Endpoint::AdminCreateWebhook => ("201", schema::<WebhookData>(schemas)),
        Endpoint::AdminRotateWebhook => ("200", schema::<WebhookData>(schemas)),
        Endpoint::AdminWebhooks => ("200", schema::<WebhookList>(schemas)),
        Endpoint::AdminRemoveWebhook => ("204", Value::Null),
        Endpoint::AdminReplay => ("200", schema::<Replayed>(schemas)),
        Endpoint::AdminDeployment => ("200", schema::<DeploymentData>(schemas)),
        Endpoint::AdminTestMail => ("202", schema::<TestMailQueued>(schemas)),
        Endpoint::AdminDeadLetters => ("200", schema::<DeadLetterList>(schemas)),
        Endpoint::AdminNotices => ("200", schema::<NoticeList>(schemas)),
        _ => return None,
    })
}

/// The codes that these routes can refuse with, beside those of every route.
pub(crate) fn refusals(route: &Route) -> Vec<Code> {
    let top_up = [
        Code::OfflineActivationRequired,
        Code::LicenseTerminated,
        Code::LicenseRevoked,
        Code::LicenseSuspended,
        Code::DeviceNotRegistered,
        Code::TopUpNotAvailable,
        Code::RedirectNotAllowed,
        Code::PaymentsNotSetUp,
    ];
    let of_tokens =
        [Code::TopUpNotAvailable, Code::RedirectNotAllowed, Code::PaymentsNotSetUp, Code::IdempotencyKeyReused];
    match route.endpoint {
        Endpoint::CheckoutLink | Endpoint::ProCheckoutLink => {
            vec![
                Code::PolicyNotFound,
                Code::RedirectNotAllowed,
                Code::TrialNotAvailable,
                Code::PaymentsNotSetUp,
                Code::IdempotencyKeyReused,
            ]
        }
        Endpoint::AccountCheckoutLink => [Code::AccountNotFound].into_iter().chain(of_tokens).collect(),
        Endpoint::OrganizationCheckoutLink => [Code::OrganizationNotFound].into_iter().chain(of_tokens).collect(),
        Endpoint::TopupLink => top_up.into_iter().chain([Code::ProSdkRequired]).collect(),
        Endpoint::ProTopupLink => top_up.into_iter().chain([Code::IdempotencyKeyReused]).collect(),
        Endpoint::StripeMessage => vec![Code::WebhookSignatureRejected, Code::PaymentsNotSetUp],
        Endpoint::Portfolio | Endpoint::ProPortfolio => vec![Code::OtpRejected],
        Endpoint::DevLogin => vec![Code::SignInRejected, Code::RateLimited],
        Endpoint::DevVerifyOtp => vec![Code::MfaSessionExpired, Code::MfaCodeRejected],
        Endpoint::AdminOrder => vec![Code::OrderNotFound],
        Endpoint::AdminCreateDeveloper => {
            vec![Code::DeveloperExists, Code::DeveloperNotFound, Code::ProjectNotFound]
        }
        Endpoint::AdminChangeDeveloper => vec![Code::DeveloperNotFound, Code::ProjectNotFound],
        Endpoint::AdminEventCounts => vec![Code::ProjectNotFound, Code::RangeReversed, Code::RangeTooLong],
        Endpoint::AdminCreateWebhook => vec![Code::ProjectNotFound, Code::WebhookLimitReached],
        Endpoint::AdminOrders | Endpoint::AdminEvents | Endpoint::AdminNotices | Endpoint::AdminWebhooks => {
            vec![Code::ProjectNotFound]
        }
        Endpoint::AdminReplay => vec![Code::WebhookNotFound, Code::CursorElsewhere],
        Endpoint::AdminTestMail => vec![Code::RateLimited],
        Endpoint::AdminRemoveWebhook | Endpoint::AdminRotateWebhook | Endpoint::AdminDeadLetters => {
            vec![Code::WebhookNotFound]
        }
        _ => Vec::new(),
    }
}
