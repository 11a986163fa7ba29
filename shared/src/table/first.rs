//! The first connection to DynamoDB, opened before the first call.
//!
//! DynamoDB answers `GET /` to any caller, with a line that says it is healthy: it needs no permission, costs nothing,
//! and reads no item.

use aws_sdk_dynamodb::config::http::HttpRequest;
use aws_sdk_dynamodb::config::interceptors::BeforeTransmitInterceptorContextMut;
use aws_sdk_dynamodb::config::{ConfigBag, Intercept, RuntimeComponents};
use aws_sdk_dynamodb::error::BoxError;

use super::dynamo::Dynamo;

/// Opens a connection to DynamoDB that later calls reuse. A failure is ignored: a call opens its own connection if
/// there is none. It does not count as a round trip.
pub async fn connect(table: &Dynamo) {
    // An operation finds the endpoint, the time-outs and the connection that all others find. What is sent in its place has no signature.
    let asking = table.client().list_tables().customize().interceptor(AskForHealth);
    let _ = Box::pin(asking.send()).await;
}

/// Sends a question for health in place of whatever the operation would.
#[derive(Debug)]
struct AskForHealth;

impl Intercept for AskForHealth {
    fn name(&self) -> &'static str {
        "AskForHealth"
    }

    fn modify_before_transmit(
        &self,
        context: &mut BeforeTransmitInterceptorContextMut<'_>,
        _: &RuntimeComponents,
        _: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        let request = context.request_mut();
        *request = HttpRequest::get(request.uri())?;
        Ok(())
    }
}
