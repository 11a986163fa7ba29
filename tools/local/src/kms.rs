//! A small key service that speaks the KMS operations the product uses, `GenerateDataKey`, `Encrypt` and `Decrypt`, to the real
//! `aws-sdk-kms` over loopback HTTP. As in KMS, the encryption context is bound to the cipher text: another context, or
//! none, does not decrypt.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use aes_gcm::aead::{Aead, Payload};
use aes_gcm::{Aes256Gcm, KeyInit, Nonce};
use axum::Json;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use serde_json::{Value, json};
use shared::host::entropy::SystemEntropy;
use shared::service::ports::Entropy;

use crate::endpoint::Endpoint;

/// The key it starts with.
pub const KEY_ID: &str = "alias/ltlm-local";
const NONCE_BYTES: usize = 12;

/// A running key service; it stops when dropped.
#[derive(Debug)]
pub struct KeyService {
    endpoint: Endpoint,
    service: Arc<Service>,
}

/// What it works with.
#[derive(Debug)]
struct Service {
    /// Master keys by their ids.
    master_keys: Mutex<BTreeMap<String, [u8; 32]>>,
    /// The purposes that callers may name, where they are pinned as a policy's condition would.
    pinned: Mutex<Option<Vec<String>>>,
}

impl KeyService {
    /// Starts it with this master key.
    pub async fn start(master_key: [u8; 32]) -> std::io::Result<Self> {
        let master_keys = Mutex::new(BTreeMap::from([(KEY_ID.to_owned(), master_key)]));
        let service = Arc::new(Service { master_keys, pinned: Mutex::default() });
        let router = axum::Router::new().route("/", axum::routing::post(operation)).with_state(service.clone());
        Ok(Self { endpoint: Endpoint::serve("kms", router).await?, service })
    }

    /// Its URL.
    pub fn endpoint(&self) -> &str {
        self.endpoint.url()
    }

    /// Replaces [`KEY_ID`] by another key, like a deployment with a key of its own; the previous key stays available
    /// under `previous_id`.
    pub fn replace_key(&self, previous_id: &str) {
        let mut keys = self.service.keys();
        if let Some(previous) = keys.insert(KEY_ID.to_owned(), master_key()) {
            keys.insert(previous_id.to_owned(), previous);
        }
    }

    /// Forgets a key: nothing that it wrapped can be unwrapped any more.
    pub fn remove_key(&self, id: &str) {
        self.service.keys().remove(id);
    }

    /// Refuses, from now on, every call whose encryption context names another purpose; `None` pins nothing.
    pub fn pin(&self, purposes: Option<Vec<String>>) {
        *self.service.pinned.lock().unwrap_or_else(PoisonError::into_inner) = purposes;
    }
}

/// A new master key.
pub fn master_key() -> [u8; 32] {
    let mut key = [0; 32];
    SystemEntropy.fill(&mut key);
    key
}

type Answer = (StatusCode, Json<Value>);

async fn operation(State(service): State<Arc<Service>>, headers: HeaderMap, body: String) -> Answer {
    let Ok(request) = serde_json::from_str::<Value>(&body) else { return refuse("SerializationException") };
    let id = request.get("KeyId").and_then(Value::as_str).unwrap_or(KEY_ID);
    let Some(master_key) = service.keys().get(id).copied() else { return refuse("NotFoundException") };
    if !service.allows(&request) {
        return refuse("AccessDeniedException");
    }
    let cipher = Aes256Gcm::new(&master_key.into());
    match headers.get("x-amz-target").and_then(|target| target.to_str().ok()) {
        Some("TrentService.GenerateDataKey") => generate_data_key(&cipher, id, &request),
        Some("TrentService.Decrypt") => decrypt(&cipher, id, &request),
        Some("TrentService.Encrypt") => encrypt(&cipher, id, &request),
        _ => refuse("UnknownOperationException"),
    }
}

impl Service {
    fn keys(&self) -> MutexGuard<'_, BTreeMap<String, [u8; 32]>> {
        self.master_keys.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn allows(&self, request: &Value) -> bool {
        let purpose = request.pointer("/EncryptionContext/purpose").and_then(Value::as_str);
        let pinned = self.pinned.lock().unwrap_or_else(PoisonError::into_inner);
        pinned.as_ref().is_none_or(|pinned| purpose.is_some_and(|purpose| pinned.iter().any(|one| one == purpose)))
    }
}

fn refuse(kind: &str) -> Answer {
    (StatusCode::BAD_REQUEST, Json(json!({"__type": kind, "message": kind})))
}

/// The encryption context in one spelling, whatever its order.
fn context(request: &Value) -> Option<String> {
    let context: BTreeMap<String, String> = match request.get("EncryptionContext") {
        None | Some(Value::Null) => BTreeMap::new(),
        Some(context) => serde_json::from_value(context.clone()).ok()?,
    };
    Some(json!(context).to_string())
}

fn generate_data_key(cipher: &Aes256Gcm, id: &str, request: &Value) -> Answer {
    if request.get("KeySpec").and_then(Value::as_str) != Some("AES_256") {
        return refuse("ValidationException");
    }
    let mut key = [0; 32];
    SystemEntropy.fill(&mut key);
    match sealed(cipher, &key, request) {
        Ok(blob) => {
            let answer = json!({"KeyId": id, "Plaintext": BASE64.encode(key), "CiphertextBlob": blob});
            (StatusCode::OK, Json(answer))
        }
        Err(kind) => refuse(kind),
    }
}

fn encrypt(cipher: &Aes256Gcm, id: &str, request: &Value) -> Answer {
    let plain = request.get("Plaintext").and_then(Value::as_str).and_then(|text| BASE64.decode(text).ok());
    // What KMS encrypts at most under a symmetric key.
    let plain = plain.filter(|plain| (1..=4_096).contains(&plain.len()));
    let Some(plain) = plain else { return refuse("ValidationException") };
    match sealed(cipher, &plain, request) {
        Ok(blob) => (StatusCode::OK, Json(json!({"KeyId": id, "CiphertextBlob": blob}))),
        Err(kind) => refuse(kind),
    }
}

/// A cipher text in base64, bound to the request's encryption context; or the kind of error that it fails with.
fn sealed(cipher: &Aes256Gcm, plain: &[u8], request: &Value) -> Result<String, &'static str> {
    let context = context(request).ok_or("ValidationException")?;
    let mut nonce = [0; NONCE_BYTES];
    SystemEntropy.fill(&mut nonce);
    let payload = Payload { msg: plain, aad: context.as_bytes() };
    let sealed = cipher.encrypt(&Nonce::from(nonce), payload).map_err(|_| "KMSInternalException")?;
    Ok(BASE64.encode([nonce.as_slice(), &sealed].concat()))
}

fn decrypt(cipher: &Aes256Gcm, id: &str, request: &Value) -> Answer {
    let blob = request.get("CiphertextBlob").and_then(Value::as_str).and_then(|text| BASE64.decode(text).ok());
    let (Some(blob), Some(context)) = (blob, context(request)) else { return refuse("ValidationException") };
    let Some((nonce, sealed)) = blob.split_at_checked(NONCE_BYTES) else { return refuse("InvalidCiphertextException") };
    let Ok(nonce) = <[u8; NONCE_BYTES]>::try_from(nonce) else { return refuse("InvalidCiphertextException") };
    match cipher.decrypt(&Nonce::from(nonce), Payload { msg: sealed, aad: context.as_bytes() }) {
        Ok(key) => (StatusCode::OK, Json(json!({"KeyId": id, "Plaintext": BASE64.encode(key)}))),
        Err(_) => refuse("InvalidCiphertextException"),
    }
}
