//! Answers: the one place where a result becomes HTTP.

use bytes::Bytes;
use http::header::{CACHE_CONTROL, CONTENT_TYPE, HeaderName, HeaderValue};
use http::{Response, StatusCode};
use ltlm_protocol::code::Retry;
use ltlm_protocol::{Code, ErrorBody, Problems};
use serde::Serialize;

use crate::model::denied::Denied;
use crate::service::app::{Error, chain};

/// An answer and what the log says about it.
#[derive(Debug)]
pub struct Answer {
    /// For the caller.
    pub response: Response<Bytes>,
    /// Name of the route, or `none`.
    pub route: &'static str,
    /// The code of a failure.
    pub code: Option<&'static str>,
    /// The cause of an internal failure. Never a part of the response.
    pub cause: Option<String>,
}

/// A success.
#[derive(Debug)]
pub struct Reply {
    status: StatusCode,
    body: Vec<u8>,
    headers: Vec<(&'static str, String)>,
}

impl Reply {
    /// 200 with a JSON body.
    pub fn json(body: &impl Serialize) -> Self {
        // Our own types: no maps with keys that are not texts, so this cannot fail.
        let body = serde_json::to_vec(body).unwrap_or_default();
        Self { status: StatusCode::OK, body, headers: Vec::new() }
    }

    /// 200 with a text that is no JSON.
    pub fn text(body: String) -> Self {
        let headers = vec![("content-type", "text/plain; charset=utf-8".to_owned())];
        Self { status: StatusCode::OK, body: body.into_bytes(), headers }
    }

    /// 200 with a page for a browser.
    pub fn html(body: String) -> Self {
        let headers = vec![("content-type", "text/html; charset=utf-8".to_owned())];
        Self { status: StatusCode::OK, body: body.into_bytes(), headers }
    }

    /// 201 with a JSON body.
    pub fn created(body: &impl Serialize) -> Self {
        Self { status: StatusCode::CREATED, ..Self::json(body) }
    }

    /// 202 with a JSON body.
    pub fn accepted(body: &impl Serialize) -> Self {
        Self { status: StatusCode::ACCEPTED, ..Self::json(body) }
    }

    /// 204.
    pub fn empty() -> Self {
        Self { status: StatusCode::NO_CONTENT, body: Vec::new(), headers: Vec::new() }
    }

    /// With a header.
    pub fn header(mut self, name: &'static str, value: String) -> Self {
        self.headers.push((name, value));
        self
    }

    /// Says which revision of a document this is.
    pub fn etag(mut self, revision: i64) -> Self {
        self.headers.push(("etag", format!("\"{revision}\"")));
        self
    }

    /// Says under which id the operation is known, and whether this is its first answer given again.
    pub fn operation(mut self, id: &str, replayed: bool) -> Self {
        self.headers.push(("operation-id", id.to_owned()));
        if replayed {
            self.headers.push(("idempotent-replayed", "true".to_owned()));
        }
        self
    }
}

/// A failure.
#[derive(Debug)]
pub struct Failure {
    body: Box<ErrorBody>,
    code: Code,
    headers: Vec<(&'static str, String)>,
    cause: Option<String>,
    is_dry_run: bool,
}

impl Failure {
    /// The plain failure of a code.
    pub fn new(code: Code) -> Self {
        Self {
            body: Box::new(ErrorBody::new(code, &[], None)),
            code,
            headers: Vec::new(),
            cause: None,
            is_dry_run: false,
        }
    }

    /// Is it none, because the request was a dry run and would have done what it asks for?
    pub fn is_dry_run(&self) -> bool {
        self.is_dry_run
    }

    /// Is the request itself invalid, before any read of the table?
    pub fn is_of_the_request(&self) -> bool {
        matches!(
            self.code,
            Code::BadRequest | Code::BodyTooLarge | Code::UnsupportedMediaType | Code::BadEnvelope | Code::HwidMismatch
        )
    }

    /// Is there no license with the key, or no project with the secret, that the request names?
    pub fn is_of_unknown_key(&self) -> bool {
        matches!(self.code, Code::LicenseNotFound | Code::UnauthorizedProject)
    }

    /// Did the call reach no project that its caller may act on, or fail for a reason of ours? Such a call is not counted. Nor is one
    /// that is held back already.
    pub fn is_uncounted(&self) -> bool {
        matches!(
            self.code,
            Code::Unauthorized
                | Code::UnauthorizedProject
                | Code::SessionRequired
                | Code::Forbidden
                | Code::RateLimited
                | Code::Busy
                | Code::Internal
        )
    }

    /// With a value in its message.
    pub fn value(mut self, name: &str, value: String) -> Self {
        self.body.message = self.body.message.replace(&format!("<{name}>"), &value);
        self
    }

    /// With a header.
    pub fn header(mut self, name: &'static str, value: impl Into<String>) -> Self {
        self.headers.push((name, value.into()));
        self
    }
}

impl From<Problems> for Failure {
    fn from(problems: Problems) -> Self {
        let values = [("problem", problems.message())];
        Self {
            body: Box::new(ErrorBody::new(Code::BadRequest, &values, Some(problems.details()))),
            ..Self::new(Code::BadRequest)
        }
    }
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        match error {
            Error::Denied(denied) => {
                let failure = Self { body: Box::new(denied.body()), ..Self::new(denied.code()) };
                match denied {
                    Denied::SeatReleaseCooldown { seconds } => failure.header("retry-after", seconds.to_string()),
                    Denied::RateLimited { seconds, limit } => failure
                        .header("retry-after", seconds.to_string())
                        .header("ratelimit-limit", limit.to_string())
                        .header("ratelimit-remaining", "0")
                        .header("ratelimit-reset", seconds.to_string()),
                    _ => failure,
                }
            }
            // Who asks for a dry run knows this for a success.
            Error::DryRun => Self { is_dry_run: true, ..Self::new(Code::Internal) },
            Error::Busy(source) => Self { cause: Some(chain(source.as_ref())), ..Self::new(Code::Busy) },
            Error::Broken(source) => Self { cause: Some(chain(source.as_ref())), ..Self::new(Code::Internal) },
        }
    }
}

/// Methods that pages of other origins may use; the template says the same to the gateway, which answers for us before we are asked.
pub const ALLOWED_METHODS: &str = "GET, POST, PUT, PATCH, DELETE, OPTIONS";

/// Headers that they may send.
pub const ALLOWED_HEADERS: &str = "content-type, x-project-secret, x-project-id, idempotency-key, authorization, if-match, \
    x-ltlm-signature, x-ltlm-time, x-ltlm-nonce";

/// Headers that they may read.
pub const EXPOSED_HEADERS: &str = "operation-id, idempotent-replayed, retry-after, etag, ratelimit-limit, ratelimit-remaining, ratelimit-reset, x-request-id";

/// Headers of every answer, including failures: open to browsers (wire 1.1), and not cached.
const ALWAYS: &[(&str, &str)] = &[
    ("access-control-allow-origin", "*"),
    ("access-control-allow-methods", ALLOWED_METHODS),
    ("access-control-allow-headers", ALLOWED_HEADERS),
    ("access-control-expose-headers", EXPOSED_HEADERS),
    ("access-control-max-age", "86400"),
];

/// Renders an outcome.
pub fn finish(route: &'static str, outcome: Result<Reply, Failure>, head: bool) -> Answer {
    let (reply, code, cause) = match outcome {
        Ok(reply) => (reply, None, None),
        Err(failure) => {
            let row = failure.code.row();
            let mut headers = failure.headers;
            if let Retry::AfterSeconds(seconds) = row.retry {
                headers.push(("retry-after", seconds.to_string()));
            }
            let status = StatusCode::from_u16(row.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
            (Reply { status, headers, ..Reply::json(failure.body.as_ref()) }, Some(row.wire), failure.cause)
        }
    };
    let mut response = Response::new(if head { Bytes::new() } else { Bytes::from(reply.body) });
    *response.status_mut() = reply.status;
    let headers = response.headers_mut();
    if reply.status != StatusCode::NO_CONTENT {
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json; charset=utf-8"));
    }
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    for (name, value) in ALWAYS {
        headers.insert(HeaderName::from_static(name), HeaderValue::from_static(value));
    }
    for (name, value) in reply.headers {
        if let Ok(value) = HeaderValue::from_str(&value) {
            headers.insert(HeaderName::from_static(name), value);
        }
    }
    Answer { response, route, code, cause }
}
