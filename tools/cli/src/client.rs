//! Calls a deployment. Every call that changes something carries an operation id, so that it can be repeated when its
//! answer is lost.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use http::Method;
use ltlm_protocol::Timestamp;
use ltlm_protocol::proof::UNRESERVED;
use percent_encoding::utf8_percent_encode;
use serde_json::Value;
use ureq::Agent;

/// Time for one call.
const TIMEOUT: Duration = Duration::from_secs(30);
/// Maximum of attempts for one call.
const TRIES: u32 = 5;
/// Wait before the second try; it doubles.
const WAIT: Duration = Duration::from_millis(200);

/// Time for one look, which is not repeated.
const LOOK: Duration = Duration::from_secs(15);
/// Largest answer that is read.
const ANSWER_MAX: u64 = 64 << 20;

/// An answer as it was received, from any server.
pub(crate) struct Looked {
    pub(crate) status: u16,
    /// The header `x-request-id`.
    pub(crate) request_id: Option<String>,
    /// The header `Date`.
    pub(crate) date: Option<String>,
    /// Null unless it is JSON.
    pub(crate) body: Value,
    /// When it was sent, and when the answer arrived, by the clock of this machine.
    pub(crate) before: Timestamp,
    pub(crate) after: Timestamp,
}

/// That there is no answer, and what may help.
pub(crate) struct NoAnswer {
    pub(crate) sentence: String,
    pub(crate) advice: &'static str,
}

/// A deployment and the right to it.
pub(crate) struct Client {
    agent: Agent,
    base_url: String,
    admin_key: String,
    /// The project, for routes that want it in a header.
    project: Option<String>,
    /// Only say what would be sent.
    pub(crate) is_dry_run: bool,
}

/// Why a call has no answer.
#[derive(Debug, thiserror::Error)]
pub(crate) enum CallError {
    /// The deployment refuses; its own words.
    #[error("{code}: {message}{details}")]
    Refused {
        /// The code.
        code: String,
        /// The sentence.
        message: String,
        /// One line for each mistake in the request.
        details: String,
    },
    /// Nobody answers.
    #[error("{url} does not answer: {why}.")]
    Unreachable {
        /// Where.
        url: String,
        /// Why.
        why: String,
    },
    /// Somebody else answers.
    #[error("{url} answered {status}, and not as LTLM does.")]
    Odd {
        /// Where.
        url: String,
        /// With which status.
        status: u16,
    },
}

/// This machine's clock.
#[expect(clippy::disallowed_methods, reason = "this is the one place")]
fn now() -> Timestamp {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    Timestamp::from_ms(i64::try_from(since.as_millis()).unwrap_or(i64::MAX))
}

/// Why there is no answer, for people.
fn no_answer(error: &ureq::Error) -> NoAnswer {
    let cause = error.to_string();
    let is_refused = matches!(error, ureq::Error::Io(io) if io.kind() == std::io::ErrorKind::ConnectionRefused);
    let (sentence, advice) = match error {
        _ if matches!(error, ureq::Error::HostNotFound) || cause.contains("lookup address") => {
            ("there is no host of this name".to_owned(), "Is the address spelled as the stack's output ApiUrl is?")
        }
        ureq::Error::BadUri(_) | ureq::Error::Http(_) => (
            "this is no address".to_owned(),
            "An address begins with https:// and a host, such as https://api.example.com/api.",
        ),
        ureq::Error::Timeout(_) => (
            format!("nothing came within {} s", LOOK.as_secs()),
            "Is there a firewall or a proxy on the way, or does the function not end in its time?",
        ),
        _ if is_refused => ("nothing listens there".to_owned(), "Is the port right, and does the server run?"),
        _ if cause.contains("InvalidContentType") || cause.contains("corrupt message") => {
            ("what listens there speaks no TLS".to_owned(), "Should the address begin with http://?")
        }
        _ if cause.contains("certificate") => (
            format!("its certificate is not taken: {cause}"),
            "Is the certificate of the custom domain valid for this name, unexpired, and of a public authority; and is this machine's \
             clock right?",
        ),
        _ => (cause, "Is the address right, and is there a way to it from this machine?"),
    };
    NoAnswer { sentence, advice }
}

impl CallError {
    /// Did the deployment understand, and refuse? Of anything else it is not known whether it acted.
    pub(crate) fn is_refusal(&self) -> bool {
        matches!(self, Self::Refused { code, .. } if code != "BUSY" && code != "INTERNAL")
    }
}

impl Client {
    /// A client of the deployment at `base_url`.
    pub(crate) fn new(base_url: &str, admin_key: &str, project: Option<String>, is_dry_run: bool) -> Self {
        let config = Agent::config_builder().http_status_as_error(false).timeout_global(Some(TIMEOUT));
        Self {
            agent: config.build().new_agent(),
            base_url: base_url.trim_end_matches('/').to_owned(),
            admin_key: admin_key.to_owned(),
            project,
            is_dry_run,
        }
    }

    /// Where the deployment is.
    pub(crate) fn base_url(&self) -> &str {
        &self.base_url
    }

    /// The same without the prefix `/api`.
    pub(crate) fn root_url(&self) -> String {
        self.base_url.strip_suffix("/api").unwrap_or(&self.base_url).to_owned()
    }

    /// Reads the resource at an address, once, and follows no redirect. The key is sent only if `shows_key`.
    pub(crate) fn look(&self, url: &str, shows_key: bool) -> Result<Looked, NoAnswer> {
        let mut request = self.agent.get(url).header("user-agent", concat!("ltlm/", env!("CARGO_PKG_VERSION")));
        if shows_key {
            request = request.header("authorization", format!("Bearer {}", self.admin_key));
        }
        let request = request.config().timeout_global(Some(LOOK)).max_redirects(0).build();
        let before = now();
        let mut response = request.call().map_err(|error| no_answer(&error))?;
        let text = response.body_mut().with_config().limit(ANSWER_MAX).read_to_string();
        let text = text.map_err(|error| no_answer(&error))?;
        let after = now();
        let header = |name: &str| response.headers().get(name).and_then(|value| value.to_str().ok()).map(str::to_owned);
        Ok(Looked {
            status: response.status().as_u16(),
            request_id: header("x-request-id"),
            date: header("date"),
            body: serde_json::from_str(&text).unwrap_or_default(),
            before,
            after,
        })
    }

    /// Reads.
    pub(crate) fn get(&self, path: &str) -> Result<Value, CallError> {
        self.ask_once(&Method::GET, path, "", None)
    }

    /// Changes something, once per `operation`. In a dry run it is said, the deployment judges it, and the answer is null.
    pub(crate) fn send(
        &self,
        method: &Method,
        path: &str,
        operation: &str,
        body: Option<Value>,
    ) -> Result<Value, CallError> {
        if self.is_dry_run {
            would_send(method, path, body.as_ref());
            let separator = if path.contains('?') { '&' } else { '?' };
            self.ask_once(method, &format!("{path}{separator}dryRun=true"), operation, body)?;
            return Ok(Value::Null);
        }
        self.ask_once(method, path, operation, body)
    }

    /// Changes something, once per `operation`. In a dry run it is sent too: path or body say that it is one.
    pub(crate) fn ask_once(
        &self,
        method: &Method,
        path: &str,
        operation: &str,
        body: Option<Value>,
    ) -> Result<Value, CallError> {
        let mut wait = WAIT;
        for _ in 1..TRIES {
            match self.call_once(method, path, operation, body.as_ref()) {
                Err(CallError::Refused { code, .. }) if code == "BUSY" || code == "INTERNAL" => {}
                Err(CallError::Unreachable { .. }) => {}
                outcome => return outcome,
            }
            std::thread::sleep(wait);
            wait *= 2;
        }
        self.call_once(method, path, operation, body.as_ref())
    }

    fn call_once(
        &self,
        method: &Method,
        path: &str,
        operation: &str,
        body: Option<&Value>,
    ) -> Result<Value, CallError> {
        let url = format!("{}{path}", self.base_url);
        let unreachable = |why: String| CallError::Unreachable { url: self.base_url.clone(), why };
        let mut request = http::Request::builder()
            .method(method)
            .uri(&url)
            .header("authorization", format!("Bearer {}", self.admin_key))
            .header("user-agent", concat!("ltlm/", env!("CARGO_PKG_VERSION")));
        if let Some(project) = &self.project {
            request = request.header("x-project-id", project);
        }
        if !operation.is_empty() {
            request = request.header("idempotency-key", operation);
        }
        let sent = match body {
            Some(body) => {
                let request = request.header("content-type", "application/json").body(body.to_string());
                self.agent.run(request.map_err(|error| unreachable(error.to_string()))?)
            }
            None => self.agent.run(request.body(()).map_err(|error| unreachable(error.to_string()))?),
        };
        let mut response = sent.map_err(|error| unreachable(error.to_string()))?;
        let status = response.status().as_u16();
        let text = response
            .body_mut()
            .with_config()
            .limit(ANSWER_MAX)
            .read_to_string()
            .map_err(|e| unreachable(e.to_string()))?;
        if text.is_empty() && status < 400 {
            return Ok(Value::Null);
        }
        let kind = response.headers().get("content-type").and_then(|kind| kind.to_str().ok());
        if status < 400 && kind.is_some_and(|kind| kind.starts_with("text/plain")) {
            return Ok(Value::String(text));
        }
        let odd = || CallError::Odd { url: url.clone(), status };
        let answer: Value = serde_json::from_str(&text).map_err(|_| odd())?;
        if status < 400 {
            return Ok(answer);
        }
        let text = |name: &str| answer[name].as_str().map(str::to_owned);
        let problems = answer["details"]["problems"].as_array().into_iter().flatten();
        let problems =
            problems.filter_map(|row| Some(format!("\n  {} {}", row["path"].as_str()?, row["problem"].as_str()?)));
        Err(CallError::Refused {
            code: text("code").ok_or_else(odd)?,
            message: text("message").ok_or_else(odd)?,
            details: problems.chain(listed(&answer["details"])).collect(),
        })
    }

    /// All rows of a paged list, or the first `limit` of them, and whether there are more; `seen` receives the number
    /// of rows so far.
    pub(crate) fn list(
        &self,
        path: &str,
        rows: &str,
        limit: usize,
        seen: impl Fn(usize),
    ) -> Result<(Vec<Value>, bool), CallError> {
        // One more than asked for tells whether there are more: a cursor may lead to nothing.
        let wanted = limit.saturating_add(1);
        let mut list = Vec::new();
        let mut cursor = String::new();
        let separator = if path.contains('?') { '&' } else { '?' };
        while list.len() < wanted {
            let page = (wanted - list.len()).min(100);
            let answer = self.get(&format!("{path}{separator}limit={page}{cursor}"))?;
            list.extend(answer[rows].as_array().into_iter().flatten().cloned());
            seen(list.len().min(limit));
            match answer["nextCursor"].as_str() {
                Some(next) => cursor = format!("&cursor={next}"),
                None => break,
            }
        }
        let is_cut = list.len() > limit;
        list.truncate(limit);
        Ok((list, is_cut))
    }
}

/// What a refusal lists, such as the plans or the operation types that there are; a line each.
fn listed(details: &Value) -> impl Iterator<Item = String> {
    details.as_object().into_iter().flatten().filter_map(|(name, value)| {
        let texts: Option<Vec<_>> = value.as_array()?.iter().map(Value::as_str).collect();
        Some(format!("\n  {name}: {}", texts.filter(|texts| !texts.is_empty())?.join(", ")))
    })
}

/// An operation id of its own.
#[expect(clippy::disallowed_methods, reason = "on the vendor's machine nothing is decided by it")]
pub(crate) fn new_operation() -> String {
    uuid::Uuid::new_v4().to_string()
}

/// Says what a dry run does not send.
pub(crate) fn would_send(method: &Method, path: &str, body: Option<&Value>) {
    let body = body.map_or_else(String::new, |body| format!(" {body}"));
    crate::show::line(&format!("would send {method} {path}{body}"));
}

/// A text as one segment of a path, or a value in a query.
pub(crate) fn encoded(text: &str) -> String {
    utf8_percent_encode(text, UNRESERVED).to_string()
}

/// The path of a license, or of a resource below it: `tail` begins with a slash.
pub(crate) fn license_path(license: &str, tail: &str) -> String {
    format!("/v1/admin/licenses/{}{tail}", encoded(license.trim()))
}
