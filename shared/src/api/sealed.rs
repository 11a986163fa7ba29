//! A request that came in an envelope, and the answer that goes back in one (wire 2).

use ltlm_protocol::envelope::{Mode, Opened};
use ltlm_protocol::read::Reader;
use ltlm_protocol::request::{canonical_license_key, canonical_secret};
use ltlm_protocol::{Code, envelope, json, limits};
use serde::Serialize;
use serde_json::{Map, Value};
use zeroize::Zeroizing;

use crate::api::auth::SECRET_HEADER;
use crate::api::extract::Incoming;
use crate::api::reply::{Failure, Reply};
use crate::api::routes::Endpoint;
use crate::domain::pro::nonce::{NonceRule, NonceUse};
use crate::service::ids;
use crate::service::pro::ProRequest;
use crate::service::pro::signer::Signed;

/// How long an answer that is bound to its request may be believed, in milliseconds: the longest that a client waits for it,
/// and clocks that are off (wire section 7, W4).
const ANSWER_MS: i64 = 5 * 60 * 1_000;

/// Members of a request's data that name the calling device.
const CALLERS: [&str; 2] = ["hwid", "callerHwid"];

/// Members of a request's data that only these endpoints accept: an envelope that contains one was created for no other
/// (wire 1.3).
const OWN_MEMBERS: [(Endpoint, &[&str]); 7] = [
    (Endpoint::ProHeartbeat, &["isClosing"]),
    (Endpoint::ProConsume, &["amount", "action"]),
    (Endpoint::ProConsumeBatch, &["usages"]),
    (Endpoint::ProReleaseSeat, &["targetHwid", "callerHwid", "claimSeat"]),
    (Endpoint::ProSaveSettings, &["settings"]),
    (Endpoint::ProEvents, &["payload"]),
    (Endpoint::ProTopupLink, &["packId"]),
];

/// The endpoint for which the data were created, if they contain members of one alone.
fn endpoint_in(data: &Map<String, Value>) -> Option<Endpoint> {
    let is_given = |name: &&str| data.get(*name).is_some_and(|value| !value.is_null());
    let mut named = OWN_MEMBERS.iter().filter(|(_, own)| own.iter().any(is_given));
    let only = named.next().map(|(endpoint, _)| *endpoint);
    only.filter(|_| named.next().is_none())
}

/// The endpoint that represents this one among those with members of their own: two paths lead to the release of a
/// seat.
fn endpoint_of(endpoint: Endpoint) -> Endpoint {
    match endpoint {
        Endpoint::ReleaseSeat => Endpoint::ProReleaseSeat,
        endpoint => endpoint,
    }
}

/// An opened request.
pub struct SealedRequest {
    /// What the endpoint is asked; `hwid` is always in it.
    pub body: Value,
    key: Zeroizing<[u8; 32]>,
    mode: Mode,
    hwid: String,
    nonce: Option<String>,
    /// The names under which the cipher text may be remembered.
    blob: [String; 2],
    /// The data contain a member that only this endpoint accepts.
    is_of_route: bool,
    /// The nonce that the answer carries.
    issued: String,
}

fn bad() -> Failure {
    Failure::new(Code::BadEnvelope)
}

impl SealedRequest {
    /// Opens the request's body. Whatever is wrong with the envelope, the failure is the same.
    pub fn open<T>(incoming: &Incoming<'_, T>) -> Result<Self, Failure> {
        incoming.declared_json()?;
        let body = json::parse(incoming.request.body()).map_err(|_| bad())?;
        let blob = envelope::blob(&body).ok_or_else(bad)?;
        // The header was looked at before any handler ran.
        let text = incoming.request.headers().get(SECRET_HEADER).and_then(|value| value.to_str().ok());
        let secret = Zeroizing::new(text.and_then(canonical_secret).ok_or_else(bad)?);
        let key = envelope::key_of_secret(&secret).ok_or_else(bad)?;
        let Opened { mode, mut data, nonce, hwid, identity } = envelope::open(&key, blob).map_err(|_| bad())?;

        let named = CALLERS.iter().filter_map(|name| data.get(*name)).filter(|value| !value.is_null());
        if named.into_iter().any(|named| named.as_str() != Some(hwid.as_str())) {
            return Err(Failure::new(Code::HwidMismatch));
        }
        let named = endpoint_in(&data);
        let is_of_route = named == Some(endpoint_of(incoming.route.endpoint));
        if named.is_some() && !is_of_route {
            return Err(Failure::new(Code::NonceMismatch));
        }
        data.insert("hwid".to_owned(), Value::from(hwid.clone()));
        Ok(Self {
            body: Value::Object(data),
            key,
            mode,
            // The second is how it was named until December 2026. What was remembered then is forgotten in January 2027.
            blob: [ids::sha256_hex(&[b"identity ", &identity[..]].concat()), ids::sha256_hex(blob.as_bytes())],
            is_of_route,
            issued: ids::nonce(incoming.app.entropy.as_ref()),
            hwid,
            nonce,
        })
    }

    /// The body without the license's key, which a plain request has in its path.
    pub fn facts(&self) -> Value {
        let members = self.body.as_object().into_iter().flatten().filter(|(name, _)| *name != "key");
        Value::Object(members.map(|(name, value)| (name.clone(), value.clone())).collect())
    }

    /// The turn in its device's chain that this request is.
    pub fn turn<T>(&self, incoming: &Incoming<'_, T>, class: NonceRule) -> NonceUse {
        NonceUse {
            hwid: self.hwid.clone(),
            class,
            presented: self.nonce.as_deref().map(ids::mark),
            issued: ids::mark(&self.issued),
            blob: self.blob.clone(),
            is_remembered: class != NonceRule::Strict || !self.is_of_route,
            request: ids::operation_id(incoming.now, incoming.app.entropy.as_ref()),
            is_cbc: self.mode == Mode::Cbc,
        }
    }

    /// The request, for the license that the data names.
    pub fn request<T>(&self, incoming: &Incoming<'_, T>, class: NonceRule) -> Result<ProRequest, Failure> {
        let mut r = Reader::new(&self.body)?;
        let key = r.text("key", limits::NAME_CHARS_MAX);
        r.finish()?;
        self.request_for(incoming, class, &key)
    }

    /// The request, for the license with this key.
    pub fn request_for<T>(
        &self,
        incoming: &Incoming<'_, T>,
        class: NonceRule,
        key: &str,
    ) -> Result<ProRequest, Failure> {
        // What cannot be a key is looked up all the same: the answer and the work are those of an unknown one.
        let key = canonical_license_key(key).unwrap_or_else(|| key.to_owned());
        let proof = incoming.proof(self.nonce.as_deref().unwrap_or(""))?;
        let turn = self.turn(incoming, class);
        let request = incoming.call_for(incoming.access()?, key, Some(self.hwid.clone()), proof);
        Ok(ProRequest { request, turn })
    }

    /// The answer: signed, then encrypted as the request was.
    pub fn reply<T, R: Serialize>(
        &self,
        incoming: &Incoming<'_, T>,
        request: &ProRequest,
        signed: &Signed<R>,
    ) -> Result<Reply, Failure> {
        self.sealed(incoming, request.turn.class, Some(&request.request.call.key), signed)
    }

    /// The answer to a call of this class, on the license with this key if it is on one.
    pub fn sealed<T, R: Serialize>(
        &self,
        incoming: &Incoming<'_, T>,
        class: NonceRule,
        key: Option<&str>,
        signed: &Signed<R>,
    ) -> Result<Reply, Failure> {
        // Our own types: no maps with keys that are not texts, so this cannot fail.
        let data = serde_json::to_value(&signed.reply).unwrap_or_default();
        let server_nonce = if class == NonceRule::Closing { "" } else { self.issued.as_str() };
        let mut members = Map::from_iter([
            ("data".to_owned(), data),
            ("server_nonce".to_owned(), Value::from(server_nonce)),
            ("timestamp".to_owned(), Value::from(incoming.now.ms())),
        ]);
        if signed.is_bound {
            let whom = Map::from_iter([
                ("endpoint".to_owned(), Value::from(incoming.route.path)),
                ("hwid".to_owned(), Value::from(self.hwid.clone())),
                ("key".to_owned(), Value::from(key)),
                ("nonce".to_owned(), Value::from(self.nonce.clone())),
            ]);
            members.insert("for".to_owned(), Value::Object(whom));
            members.insert("exp".to_owned(), Value::from(incoming.now.ms() + ANSWER_MS));
        }
        let mut random = [0; 16];
        incoming.app.entropy.fill(&mut random);
        let text = Zeroizing::new(envelope::sign(signed.seed.expose(), members));
        Ok(Reply::text(envelope::seal(&self.key, self.mode, random, &text)))
    }
}
