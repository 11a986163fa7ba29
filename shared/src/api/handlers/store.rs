//! The store (wire 1.2, E7, E10 to E12), in envelopes for applications and plainly for servers, and the messages of the
//! payment provider.

use std::fmt::Debug;

use ltlm_protocol::store_data::{OrderList, Received};
use ltlm_protocol::{Body, Code, Problems, limits};
use serde_json::{Value, json};

use crate::api::extract::{Incoming, Operation};
use crate::api::face::Face;
use crate::api::handlers::{accounts, organizations};
use crate::api::page::page;
use crate::api::reply::{Failure, Reply};
use crate::domain::pro::nonce::NonceRule;
use crate::domain::store::checkout::Checkout;
use crate::domain::store::fulfillment::Outcome;
use crate::domain::store::token_checkout::{Owner, TokenCheckout};
use crate::domain::store::top_up::TopUp;
use crate::model::email::Email;
use crate::service::app::{App, Error};
use crate::service::ports::MessageError;
use crate::service::pro::project_call::ProjectCall;
use crate::service::store::{self, OrderOperation, payments};
use crate::table::port::Table;

/// The header that Stripe signs its messages with.
const SIGNATURE_HEADER: &str = "stripe-signature";

/// The operation that an order is; `kind` is the same whichever way the call came.
fn operation<T, C: Debug>(
    incoming: &Incoming<'_, T>,
    face: &Face,
    kind: &str,
    target: &str,
    in_body: Option<&String>,
    parse: impl FnOnce(&Value) -> Result<C, Problems>,
) -> Result<OrderOperation, Failure> {
    let is_named = in_body.is_some() || incoming.request.headers().contains_key("idempotency-key");
    let Operation { id, fingerprint } = incoming.operation_of(kind, target, &face.facts(), in_body, parse)?;
    Ok(OrderOperation { id, is_named, fingerprint, home: format!("{}/v1/store/return", incoming.base_url()) })
}

/// `GET …/project/buyable-policies`, `POST …/pro/project/buyable-policies`
pub async fn buyable_policies<T: Table>(incoming: &Incoming<'_, T>) -> Result<Reply, Failure> {
    let face = Face::of(incoming)?;
    let call = face.call(incoming)?;
    let served = store::products(incoming.app, incoming.budget, &call).await?;
    face.reply(incoming, None, served)
}

/// `POST …/project/checkout-link`
pub async fn checkout_link<T: Table>(incoming: &Incoming<'_, T>) -> Result<Reply, Failure> {
    let face = Face::of(incoming)?;
    let command = Checkout::parse(face.body())?;
    let call = face.call(incoming)?;
    let operation = operation(incoming, &face, "checkout-link", "", command.operation_id.as_ref(), Checkout::parse)?;
    let served = store::checkout(incoming.app, incoming.budget, &call, &command, &operation).await?;
    Ok(face.reply(incoming, None, served)?.operation(&operation.id, false))
}

/// `POST …/license/{key}/topup-link`, `POST …/pro/license/topup-link`
pub async fn topup_link<T: Table>(incoming: &Incoming<'_, T>) -> Result<Reply, Failure> {
    let face = Face::of(incoming)?;
    let command = TopUp::parse(face.body())?;
    let (request, turn) = match &face {
        Face::Plain(_) => (incoming.license_request(incoming.access()?, command.hwid.clone()), None),
        Face::Sealed(sealed) => {
            let pro = sealed.request(incoming, NonceRule::Lenient)?;
            (pro.request, Some(pro.turn))
        }
    };
    let key = request.call.key.clone();
    let operation = operation(incoming, &face, "topup-link", &key, command.operation_id.as_ref(), TopUp::parse)?;
    let served = store::top_up(incoming.app, incoming.budget, &request, turn.as_ref(), &command, &operation).await?;
    Ok(face.reply(incoming, Some(&key), served)?.operation(&operation.id, false))
}

/// `POST /v1/accounts/{accountId}/checkout-link`
pub async fn account_checkout<T: Table>(incoming: &Incoming<'_, T>) -> Result<Reply, Failure> {
    let call = accounts::named(incoming)?;
    token_checkout(incoming, Owner::Account(call.id)).await
}

/// `POST /v1/organizations/{organizationId}/checkout-link`
pub async fn organization_checkout<T: Table>(incoming: &Incoming<'_, T>) -> Result<Reply, Failure> {
    let call = organizations::call(incoming)?;
    token_checkout(incoming, Owner::Organization(call.id)).await
}

async fn token_checkout<T: Table>(incoming: &Incoming<'_, T>, owner: Owner) -> Result<Reply, Failure> {
    let face = Face::of(incoming)?;
    let command = TokenCheckout::parse(face.body())?;
    let in_body = command.operation_id.as_ref();
    let operation = operation(incoming, &face, "token-checkout", &owner.text(), in_body, TokenCheckout::parse)?;
    let is_tried = accounts::dry_run(face.body())?;
    if is_tried {
        incoming.budget.meter.set_dry_run();
    }
    match store::token_checkout(incoming.app, incoming.budget, &owner, &command, &operation, incoming.now).await {
        Ok(_) | Err(Error::DryRun) if is_tried => Ok(Reply::json(&json!({ "dryRun": true }))),
        answer => Ok(Reply::json(&answer?).operation(&operation.id, false)),
    }
}

/// `GET …/pro/project/trial-eligibility`: plain, though its path says otherwise (wire E12).
pub async fn trial_eligibility<T: Table>(incoming: &Incoming<'_, T>) -> Result<Reply, Failure> {
    let text = incoming.query_text("email", 2 * limits::EMAIL_CHARS_MAX)?.unwrap_or_default();
    let email = Email::read(&text).map_err(|wrong| Problems::one("email", wrong.problem()))?;
    let call = ProjectCall { access: incoming.access()?, turn: None, now: incoming.now };
    Ok(Reply::json(&store::trial_eligibility(incoming.app, incoming.budget, &call, &email, &incoming.source()).await?))
}

/// `GET /v1/store/return`: where a browser ends that was sent nowhere else. Whoever comes may have written the address by hand, so that
/// the page says no more than what the buyer did, and shows nothing of the request.
pub async fn store_return<T: Table>(incoming: &Incoming<'_, T>) -> Result<Reply, Failure> {
    let page = match incoming.query("status").as_deref() {
        Some("success") => page(
            "Thank you",
            &[
                "Your order has been received. You can close this page and go back to the application.",
                "What you ordered is usually there at once. If the application does not show it after a few minutes, restart the \
                 application.",
            ],
        ),
        Some("cancelled") => page(
            "Nothing was ordered",
            &[
                "You left the payment page before you paid, and nothing was charged.",
                "You can close this page, go back to the application, and order there again whenever you like.",
            ],
        ),
        _ => page(
            "You can close this page",
            &["There is nothing more to do here. Go back to the application to continue."],
        ),
    };
    Ok(page)
}

/// `POST /v1/payments/stripe`: a message of the payment provider's.
pub async fn stripe_message<T: Table>(incoming: &Incoming<'_, T>) -> Result<Reply, Failure> {
    let App { clock, .. } = incoming.app;
    incoming.declared_json()?;
    let payments = incoming.app.payments().map_err(Error::Denied)?;
    let signature = incoming.request.headers().get(SIGNATURE_HEADER).and_then(|value| value.to_str().ok());
    let read = payments.read(signature.unwrap_or(""), incoming.request.body(), clock.now()).await;
    let message = read.map_err(|error| match error {
        MessageError::Forged => Failure::new(Code::WebhookSignatureRejected),
        MessageError::Unread(source) => Error::from(source).into(),
    })?;
    let outcome = payments::receive(incoming.app, incoming.budget, payments, &message).await?;
    match outcome {
        Outcome::PaidAgain | Outcome::Unapplied => tracing::warn!(event = %message.id, "a payment bought nothing"),
        _ => tracing::info!(?outcome, "a payment provider's message"),
    }
    Ok(Reply::json(&Received { received: true }))
}

/// `GET …/orders`
pub async fn orders<T: Table>(incoming: &Incoming<'_, T>) -> Result<Reply, Failure> {
    let (project, before, limit) = (incoming.project()?, incoming.cursor()?, incoming.query_limit()?);
    let (orders, next) = store::orders(incoming.app, incoming.budget, project, before, limit).await?;
    Ok(Reply::json(&OrderList { orders, next_cursor: incoming.next_cursor(next) }))
}

/// `GET …/orders/{orderId}`
pub async fn order<T: Table>(incoming: &Incoming<'_, T>) -> Result<Reply, Failure> {
    let (project, id) = (incoming.project()?, incoming.parameter("orderId"));
    Ok(Reply::json(&store::order(incoming.app, incoming.budget, project, id).await?))
}
