//! A service ready to answer, and what one answer came to.

use std::time::{Duration, Instant};

use bytes::Bytes;
use http::{HeaderName, HeaderValue, Request, Response};

use crate::api::dispatch;
use crate::api::serving::Handlers;
use crate::api::settings::Settings;
use crate::service::app::{App, Budget};
use crate::table::port::{Meter, Spent, Table};

/// A service ready to answer.
pub struct Host<T> {
    /// The service.
    pub app: App<T>,
    /// The routes that it answers.
    pub handlers: Handlers<T>,
    /// The settings that the API receives.
    pub settings: Settings,
}

/// What the gateway calls a request, in its own log too. It travels in the request's extensions.
#[derive(Clone, Debug)]
pub struct RequestId(pub String);

/// The header that contains it in an answer.
pub const REQUEST_ID_HEADER: HeaderName = HeaderName::from_static("x-request-id");

/// What one request came to, for log and metrics.
#[derive(Clone, Debug)]
pub struct Report {
    /// What the gateway calls it; empty without one.
    pub request_id: String,
    /// Name of the route, or `none`.
    pub route: &'static str,
    /// HTTP status.
    pub status: u16,
    /// Code of the failure, if it is one.
    pub code: Option<&'static str>,
    /// The cause of an internal failure.
    pub cause: Option<String>,
    /// What it cost at the table.
    pub spent: Spent,
    /// How long it took.
    pub duration: Duration,
}

impl<T: Table> Host<T> {
    /// Answers one request, which may take `allowance` before its retries give up.
    pub async fn respond(&self, request: Request<Bytes>, allowance: Duration) -> (Response<Bytes>, Report) {
        let started = Instant::now();
        let request_id = request.extensions().get::<RequestId>().map(|id| id.0.clone()).unwrap_or_default();
        self.app.wipe_old_keys();
        let meter = Meter::default();
        let allowed_ms = u64::try_from(allowance.as_millis()).unwrap_or(u64::MAX);
        let until_ms = self.app.sleep.elapsed_ms().saturating_add(allowed_ms);
        let budget = Budget { meter: &meter, until_ms };
        // The SDK's futures are large; on the heap they do not weigh on every caller's stack.
        let answer = Box::pin(dispatch::answer(&self.app, self.handlers, &self.settings, &budget, request)).await;
        let mut response = answer.response;
        if let Some(id) = HeaderValue::try_from(&request_id).ok().filter(|_| !request_id.is_empty()) {
            response.headers_mut().insert(REQUEST_ID_HEADER, id);
        }
        let report = Report {
            request_id,
            route: answer.route,
            status: response.status().as_u16(),
            code: answer.code,
            cause: answer.cause,
            spent: meter.spent(),
            duration: started.elapsed(),
        };
        (response, report)
    }
}
