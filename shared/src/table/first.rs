//! The first connection to DynamoDB, made before there is a call.
//!
//! DynamoDB answers `GET /` to anybody, with a line that says it is healthy: no right is needed, nothing is paid, no item is read.

use aws_sdk_dynamodb::config::http::HttpRequest;
use aws_sdk_dynamodb::config::interceptors::BeforeTransmitInterceptorContextMut;
use aws_sdk_dynamodb::config::{ConfigBag, Intercept, RuntimeComponents};
use aws_sdk_dynamodb::error::BoxError;

use super::dynamo::Dynamo;

/// Opens a connection to DynamoDB that later calls find open. Whether it succeeds matters to nobody: a call makes its own where
/// there is none. It counts as no round trip.
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
