//! What a handler asks of its request, checked.

use std::fmt::Debug;
use std::net::{IpAddr, Ipv6Addr};

use bytes::Bytes;
use http::Request;
use http::header::{CONTENT_TYPE, IF_MATCH};
use ltlm_protocol::proof::{self, NONCE_HEADER, SIGNATURE_HEADER, TIME_HEADER};
use ltlm_protocol::read::{NAME_PROBLEM, depth, is_name};
use ltlm_protocol::request::{canonical_license_key, is_operation_id};
use ltlm_protocol::{Code, Problems, Timestamp, json, limits};
use serde_json::Value;
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;

use crate::api::cursor;
use crate::api::function::Auth;
use crate::api::reply::Failure;
use crate::api::router::{Parameters, without_prefix};
use crate::api::routes::Route;
use crate::api::settings::Settings;
use crate::domain::license::gate::{Call, Caller};
use crate::domain::pro::device_proof::Proof;
use crate::domain::throttle::Limited;
use crate::model::administrator::Administrator;
use crate::model::ids::{OperationId, OperationKey, Origin};
use crate::model::organization::AccessToken;
use crate::model::quota::{Counted, Traffic};
use crate::service::admin::operation::AdminCall;
use crate::service::app::{App, Budget, Error};
use crate::service::license::load_spec::Access;
use crate::service::license::request::Request as LicenseRequest;
use crate::service::{fingerprint, ids, throttle};
use crate::table::port::Table;

/// A routed request with all that its handler needs.
pub struct Incoming<'a, T> {
    /// The service.
    pub app: &'a App<T>,
    /// The facts that the host provides.
    pub settings: &'a Settings,
    /// What the request may spend.
    pub budget: &'a Budget<'a>,
    /// Its route.
    pub route: &'static Route,
    /// The request.
    pub request: &'a Request<Bytes>,
    /// The one instant this request is judged at.
    pub now: Timestamp,
    /// The caller, once it is known.
    pub access: Option<Access>,
    /// The caller's access token, if the route requires one.
    pub session: Option<AccessToken>,
    parameters: Parameters,
}

/// The caller's network address, as the host knows it. It travels in the request's extensions.
#[derive(Clone, Debug)]
pub struct SourceAddress(pub String);

/// The header that names the project, for keys that are not limited to one.
pub(super) const PROJECT_HEADER: &str = "x-project-id";

/// The header in which a trusted edge shows its secret.
pub const EDGE_HEADER: &str = "x-ltlm-edge";

/// The header in which a trusted edge sends the host name that the caller used.
pub const HOST_HEADER: &str = "x-ltlm-host";

/// An address without the port that an edge can send with it.
fn without_port(address: &str) -> String {
    let bare = |text: &str| text.trim_matches(['[', ']']).to_owned();
    match address.rsplit_once(':') {
        Some((host, _)) if address.parse::<IpAddr>().is_err() && bare(host).parse::<IpAddr>().is_ok() => bare(host),
        _ => bare(address),
    }
}

/// A license key as the audit log shows it: enough to recognize, too little to use.
fn masked(key: &str) -> String {
    let chars: Vec<char> = canonical_license_key(key).unwrap_or_default().chars().collect();
    if chars.len() < limits::LICENSE_KEY_CHARS_MIN {
        return "…".to_owned();
    }
    let (head, tail) = (&chars[..4], &chars[chars.len() - 4..]);
    head.iter().chain(&['…']).chain(tail).collect()
}

/// An operation id with the fingerprint of its request.
pub struct Operation {
    /// The id.
    pub id: String,
    /// The fingerprint.
    pub fingerprint: String,
}

impl Operation {
    /// What the operation is remembered by.
    pub fn key(self) -> OperationKey {
        OperationKey { id: OperationId { origin: Origin::Client, id: self.id }, fingerprint: self.fingerprint }
    }
}

impl<T: Table> Incoming<'_, T> {
    /// Takes a token for one try by the caller's address.
    pub async fn take_token(&self, limited: Limited) -> Result<(), Error> {
        let call = ids::operation_id(self.now, self.app.entropy.as_ref());
        let source = self.source();
        throttle::take(self.app, self.budget, limited, &[&source], None, (&call, self.now)).await.map(|_| ())
    }
}

impl<'a, T> Incoming<'a, T> {
    /// Takes a routed request; reads the clock, once.
    pub fn new(
        app: &'a App<T>,
        settings: &'a Settings,
        budget: &'a Budget<'a>,
        route: &'static Route,
        parameters: Parameters,
        request: &'a Request<Bytes>,
    ) -> Self {
        let now = app.clock.now();
        Self { app, settings, budget, route, request, now, access: None, session: None, parameters }
    }

    /// Counts the call against the quota of its project, if the route is counted; `by`: the calling administrator. A
    /// call that concerns no project is not counted.
    pub fn count(&self, by: Option<&Administrator>) {
        let Some(traffic) = self.route.quota else { return };
        let path = Some(self.parameter("projectId")).filter(|id| !id.is_empty());
        let header = || self.request.headers().get(PROJECT_HEADER).and_then(|value| value.to_str().ok());
        // Elsewhere the header says nothing: what the path names may be of another project.
        let named = path.or_else(|| header().filter(|_| traffic == Traffic::Backends));
        let named = named.filter(|id| by.is_none_or(|by| by.may_in(id).is_ok()));
        self.budget.meter.count(Counted {
            traffic,
            project_id: named.map(str::to_owned),
            only: by.and_then(|by| by.project_id.clone()),
            call: ids::operation_id(self.now, self.app.entropy.as_ref()),
            now: self.now,
        });
    }

    /// The caller; checked before any handler runs.
    pub fn access(&self) -> Result<Access, Failure> {
        self.access.clone().ok_or_else(|| Failure::new(Code::Unauthorized))
    }

    /// The calling administrator.
    pub fn administrator(&self) -> Result<Administrator, Failure> {
        match self.access()? {
            Access::Administrator(by) => Ok(by),
            Access::Secret(_) => Err(Failure::new(Code::Unauthorized)),
        }
    }

    /// The access token that the caller showed; asked for before any handler runs.
    pub fn access_token(&self) -> Result<&AccessToken, Failure> {
        self.session.as_ref().ok_or_else(|| Failure::new(Code::SessionRequired))
    }

    /// The project that the path names, if the administrator may act on it.
    pub fn project(&self) -> Result<&str, Failure> {
        let id = self.parameter("projectId");
        self.administrator()?.may_in(id).map_err(Error::Denied)?;
        Ok(id)
    }

    /// The administrator's act that this request is: its body, which `parse` reads.
    pub fn act<C: Debug, E>(
        &self,
        body: &Value,
        in_body: Option<&String>,
        parse: impl FnOnce(&Value) -> Result<C, E>,
    ) -> Result<AdminCall, Failure> {
        self.act_by(body, in_body, |kind, target| fingerprint::of_command(kind, target, body, parse))
    }

    /// The administrator's act that a `PATCH` is.
    pub fn act_of_patch(&self, body: &Value, in_body: Option<&String>) -> Result<AdminCall, Failure> {
        self.act_by(body, in_body, |kind, target| fingerprint::of_patch(kind, target, body))
    }

    /// The administrator's act that a request without a body is.
    pub fn plain_act(&self) -> Result<AdminCall, Failure> {
        self.act_by(&Value::Null, None, |kind, target| fingerprint::of(kind, target, &Value::Null))
    }

    fn act_by(
        &self,
        body: &Value,
        in_body: Option<&String>,
        fingerprint: impl FnOnce(&str, &str) -> String,
    ) -> Result<AdminCall, Failure> {
        let target = |shown: fn(&str) -> String| {
            self.parameters.iter().fold(self.route.path.to_owned(), |path, (name, value)| {
                let value = if name == "licenseKey" { shown(value) } else { value.clone() };
                path.replace(&format!("{{{name}}}"), &value)
            })
        };
        let canonical = target(|key| canonical_license_key(key).unwrap_or_else(|| key.to_owned()));
        let by = self.administrator()?;
        Ok(AdminCall {
            id: self.operation_id(in_body)?,
            scope: self.scope(&by),
            fingerprint: fingerprint(self.route.name, &canonical),
            request: ids::operation_id(self.now, self.app.entropy.as_ref()),
            by,
            action: self.route.name,
            target: target(masked),
            from: self.address(),
            change: body.clone(),
            now: self.now,
        })
    }

    /// Within which an act's operation id is unique. An act on a license is remembered together with that.
    fn scope(&self, by: &Administrator) -> Option<String> {
        let named = |name: &str| Some(self.parameter(name)).filter(|value| !value.is_empty());
        if named("licenseKey").is_some() {
            return None;
        }
        let policy = named("PolicyID").map(|number| format!("policy {number}"));
        named("projectId").map(str::to_owned).or(policy).or_else(|| by.project_id.clone())
    }

    /// The value of `{name}` in the path.
    pub fn parameter(&self, name: &str) -> &str {
        self.parameters.iter().find(|(known, _)| known == name).map_or("", |(_, value)| value)
    }

    /// The device that the path names. Any name is accepted: a device of an earlier version can have a name that is no
    /// longer allowed.
    pub fn path_hwid(&self) -> Result<&str, Failure> {
        let hwid = self.parameter("hwid");
        if !(1..=limits::HWID_CHARS_MAX).contains(&hwid.chars().count()) {
            let problem = format!("must be a text of 1 to {} characters", limits::HWID_CHARS_MAX);
            return Err(Problems::one("hwid", problem).into());
        }
        Ok(hwid)
    }

    /// The call on the license that the path names, by the device `hwid`.
    pub fn license_request(&self, access: Access, hwid: Option<String>) -> LicenseRequest {
        let name = if matches!(self.route.auth, Auth::Administrator(_)) { "licenseKey" } else { "key" };
        let text = self.parameter(name);
        // What cannot be a key is looked up all the same: the answer and the work are those of an unknown one.
        let key = canonical_license_key(text).unwrap_or_else(|| text.to_owned());
        // A request without an envelope brings its nonce in a header. A signature that cannot be read is none.
        let nonce = self.request.headers().get(NONCE_HEADER).and_then(|value| value.to_str().ok());
        let proof = self.proof(nonce.unwrap_or("")).ok().flatten();
        self.call_for(access, key, hwid, proof)
    }

    /// The call on the license with this canonical key.
    pub fn call_for(&self, access: Access, key: String, hwid: Option<String>, proof: Option<Proof>) -> LicenseRequest {
        let caller = Caller { hwid, country: self.country(), proof };
        LicenseRequest { access, call: Call { key, caller, now: self.now } }
    }

    /// The device's signature on this request, if it has one (wire section 7, protocol 2).
    pub fn proof(&self, nonce: &str) -> Result<Option<Proof>, Failure> {
        let header = |name: &str| self.request.headers().get(name).and_then(|value| value.to_str().ok());
        let (Some(signature), Some(time)) = (header(SIGNATURE_HEADER), header(TIME_HEADER)) else { return Ok(None) };
        let bad_time = || Problems::one(TIME_HEADER, "must be milliseconds since the Unix epoch");
        let time_ms: i64 = time.parse().map_err(|_| bad_time())?;
        let uri = self.request.uri();
        let path = uri.path_and_query().map_or(uri.path(), |path| path.as_str());
        let path = without_prefix(path);
        let message =
            |path: &str| proof::message(self.request.method().as_str(), path, self.request.body(), time_ms, nonce);
        let canonical = proof::canonical(path);
        // Before 0.2 devices signed the path as they sent it.
        let as_sent = (canonical != path).then(|| message(path));
        let messages = [message(&canonical)].into_iter().chain(as_sent).collect();
        Ok(Some(Proof { messages, signature: signature.to_owned(), at: Timestamp::from_ms(time_ms) }))
    }

    /// A header of the request, if it is text.
    fn header(&self, name: &str) -> Option<&str> {
        self.request.headers().get(name)?.to_str().ok()
    }

    /// Did the request come through the edge that is trusted: does it show the edge's secret?
    pub fn is_from_edge(&self) -> bool {
        let Some(edge) = &self.settings.edge else { return false };
        let Some(shown) = self.header(EDGE_HEADER) else { return false };
        Sha256::digest(shown.as_bytes()).as_slice().ct_eq(&edge.secret_sha256).into()
    }

    /// The caller's network address, if it is known: the one that reached the gateway or, from an edge that shows its
    /// secret, the one that the edge sends.
    pub fn address(&self) -> Option<String> {
        let from_edge = self.settings.edge.as_ref().filter(|_| self.is_from_edge()).and_then(|edge| {
            let first = without_port(self.header(&edge.address_header)?.split(',').next()?.trim());
            Some(first).filter(|address| !address.is_empty())
        });
        from_edge.or_else(|| self.request.extensions().get::<SourceAddress>().map(|address| address.0.clone()))
    }

    /// What tries are counted by: the address, of version 6 the network of a subscriber (its first 64 bits).
    pub fn source(&self) -> String {
        let address = self.address().unwrap_or_default();
        match address.parse::<Ipv6Addr>() {
            Ok(long) => long.segments()[..4].iter().map(|part| format!("{part:x}:")).collect(),
            Err(_) => address,
        }
    }

    /// The caller's country, if a trusted edge sent it: two letters, upper-case.
    fn country(&self) -> Option<String> {
        if self.settings.edge.is_some() && !self.is_from_edge() {
            return None;
        }
        let text = self.header(self.settings.country_header.as_deref()?)?.trim().to_ascii_uppercase();
        (text.len() == 2 && text.bytes().all(|b| b.is_ascii_uppercase())).then_some(text)
    }

    /// The address at which the caller reached the service, without a path: the edge's statement, if there is one.
    /// Otherwise the caller can choose it freely; it is used only in answers to that caller.
    pub fn base_url(&self) -> String {
        let edge_host = self.is_from_edge().then(|| self.header(HOST_HEADER)).flatten();
        let host = edge_host.or_else(|| self.header("host")).unwrap_or("localhost");
        let is_local = host.starts_with("127.0.0.1") || host.starts_with("localhost");
        let scheme = self.header("x-forwarded-proto").unwrap_or(if is_local { "http" } else { "https" });
        format!("{scheme}://{host}")
    }

    /// A member of the query, percent-decoded, a `+` read as a space.
    pub fn query(&self, name: &str) -> Option<String> {
        let query = self.request.uri().query()?;
        query.split('&').find_map(|pair| {
            let (key, value) = pair.split_once('=').unwrap_or((pair, ""));
            let spaced = value.replace('+', " ");
            (key == name).then(|| percent_encoding::percent_decode_str(&spaced).decode_utf8_lossy().into_owned())
        })
    }

    /// The device that the query names, if it names one.
    pub fn query_hwid(&self) -> Result<Option<String>, Failure> {
        let hwid = self.query_text("hwid", limits::HWID_CHARS_MAX)?;
        hwid.map(|hwid| named("hwid", &hwid).map(|()| hwid)).transpose()
    }

    /// A text of at most `max` characters in the query; an empty one counts as absent.
    pub fn query_text(&self, name: &str, max: usize) -> Result<Option<String>, Failure> {
        let Some(text) = self.query(name).filter(|text| !text.is_empty()) else { return Ok(None) };
        match text.chars().count() <= max {
            true => Ok(Some(text)),
            false => Err(Problems::one(name, format!("must be a text of 1 to {max} characters")).into()),
        }
    }

    /// A whole number within `min..=max` in the query.
    pub fn query_int(&self, name: &str, min: i64, max: i64) -> Result<Option<i64>, Failure> {
        let Some(text) = self.query(name) else { return Ok(None) };
        let number = text.parse().ok().filter(|n| (min..=max).contains(n));
        number
            .map(Some)
            .ok_or_else(|| Problems::one(name, format!("must be a whole number from {min} to {max}")).into())
    }

    /// `true` or `false` in the query; false if it is not there.
    pub fn query_bool(&self, name: &str) -> Result<bool, Failure> {
        match self.query(name).as_deref() {
            None | Some("false") => Ok(false),
            Some("true") => Ok(true),
            Some(_) => Err(Problems::one(name, "must be true or false").into()),
        }
    }

    /// Where the query says that the page of the route's list starts.
    pub fn cursor(&self) -> Result<Option<String>, Failure> {
        Ok(self.query("cursor").map(|text| cursor::parse(self.list(), &text)).transpose()?)
    }

    /// The cursor of the page of the route's list that starts at `position`.
    pub fn next_cursor(&self, position: Option<String>) -> Option<String> {
        position.map(|position| cursor::of(self.list(), &position))
    }

    /// The name of the list that the route answers page by page. One without a list has no cursor: the empty name is no list's.
    pub fn list(&self) -> &'static str {
        self.route.cursor.map_or("", |list| list.name)
    }

    /// The size of the page that the query asks for.
    pub fn query_limit(&self) -> Result<i64, Failure> {
        Ok(self.query_int("limit", 1, limits::PAGE_MAX)?.unwrap_or(limits::PAGE_DEFAULT))
    }

    /// Refuses a body that is declared as anything but JSON; a body without a declaration is read as JSON.
    pub fn declared_json(&self) -> Result<(), Failure> {
        if let Some(kind) = self.request.headers().get(CONTENT_TYPE) {
            let kind = kind.to_str().unwrap_or("").split(';').next().unwrap_or("").trim().to_ascii_lowercase();
            if kind != "application/json" && !(kind.starts_with("application/") && kind.ends_with("+json")) {
                return Err(Failure::new(Code::UnsupportedMediaType));
            }
        }
        Ok(())
    }

    /// The body as JSON.
    pub fn json(&self) -> Result<Value, Failure> {
        self.declared_json()?;
        let body = json::parse(self.request.body()).map_err(|_| Problems::one("", "body must be JSON"))?;
        match depth(&body) <= limits::JSON_DEPTH_MAX {
            true => Ok(body),
            false => Err(Problems::one("", format!("body must nest at most {} levels", limits::JSON_DEPTH_MAX)).into()),
        }
    }

    /// The revision that the caller saw, if it says so in `If-Match`; `*` matches any.
    pub fn if_match(&self) -> Result<Option<i64>, Failure> {
        let Some(value) = self.request.headers().get(IF_MATCH) else { return Ok(None) };
        let tag = value.to_str().unwrap_or("").trim();
        if tag == "*" {
            return Ok(None);
        }
        // Some clients lose the quotes.
        let revision = tag.trim_matches('"').parse().ok().filter(|revision| *revision >= 0);
        revision.map(Some).ok_or_else(|| Problems::one("If-Match", "must be an ETag of this document").into())
    }

    /// Did the caller choose the operation's id, in the header or in the body?
    pub fn is_named(&self, in_body: Option<&String>) -> bool {
        in_body.is_some() || self.request.headers().contains_key("idempotency-key")
    }

    /// The operation that this request is: its body, which `parse` reads.
    pub fn operation<C: Debug, E>(
        &self,
        target: &str,
        body: &Value,
        in_body: Option<&String>,
        parse: impl FnOnce(&Value) -> Result<C, E>,
    ) -> Result<Operation, Failure> {
        self.operation_of(self.route.name, target, body, in_body, parse)
    }

    /// The same for an operation of this kind, whatever the route is called.
    pub fn operation_of<C: Debug, E>(
        &self,
        kind: &str,
        target: &str,
        body: &Value,
        in_body: Option<&String>,
        parse: impl FnOnce(&Value) -> Result<C, E>,
    ) -> Result<Operation, Failure> {
        let id = self.operation_id(in_body)?;
        Ok(Operation { id, fingerprint: fingerprint::of_command(kind, target, body, parse) })
    }

    /// The operation's id: from the header `Idempotency-Key`, from the body, or created here. Header and body must
    /// agree.
    pub fn operation_id(&self, in_body: Option<&String>) -> Result<String, Failure> {
        let header = self.request.headers().get("idempotency-key").map(|value| value.to_str().unwrap_or("").to_owned());
        if header.as_ref().is_some_and(|id| !is_operation_id(id)) {
            return Err(Problems::one("Idempotency-Key", "must be 1 to 128 visible ASCII characters").into());
        }
        if let (Some(header), Some(body)) = (&header, in_body)
            && header != body
        {
            return Err(Problems::one("operationId", "must equal the header Idempotency-Key if both are sent").into());
        }
        let id = header.or_else(|| in_body.cloned());
        Ok(id.unwrap_or_else(|| ids::operation_id(self.now, self.app.entropy.as_ref())))
    }
}

/// Refuses what no name can be.
fn named(parameter: &str, text: &str) -> Result<(), Failure> {
    match is_name(text) {
        true => Ok(()),
        false => Err(Problems::one(parameter, NAME_PROBLEM).into()),
    }
}
