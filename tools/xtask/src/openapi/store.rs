//! The parts of the OpenAPI document that are about the store, the portal, developers, events and webhooks.

use ltlm_protocol::limits;
use serde_json::{Value, json};
use shared::api::routes::{Endpoint, Route};
use shared::domain::webhooks::notice::KINDS;

use crate::openapi::schema::{NAME, NAME_OR_BLANK};

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
