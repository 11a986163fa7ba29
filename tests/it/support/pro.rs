//! The encrypted face from a device's side: seals what it asks, opens and verifies what it is told.

use std::sync::atomic::{AtomicU64, Ordering};

use bytes::Bytes;
use http::Request;
use ltlm_protocol::envelope::{self, Mode};
use serde_json::{Map, Value, json};

use super::{Reply, SECRET, TestApp, send};

/// An answer of the encrypted face.
#[derive(Debug)]
pub(crate) struct Sealed {
    /// The answer as it came; its body is the decrypted `data` of a success, or the error.
    pub(crate) reply: Reply,
    /// The signed members, of a success.
    pub(crate) members: Map<String, Value>,
}

impl Sealed {
    /// The nonce to go on with.
    pub(crate) fn nonce(&self) -> String {
        assert_eq!(self.reply.status, 200, "{}", self.reply.text);
        self.members["server_nonce"].as_str().unwrap().to_owned()
    }

    /// Fails unless this is a refusal with the code.
    pub(crate) fn refused(&self, status: u16, code: &str) -> &Self {
        self.reply.refused(status, code);
        self
    }
}

/// Vectors of requests: each is used once, as a device would draw them.
static VECTORS: AtomicU64 = AtomicU64::new(1);

pub(crate) fn secret_key() -> [u8; 32] {
    *envelope::key_of_secret(SECRET).unwrap()
}

/// A plain text, sealed as a request's body.
pub(crate) fn sealed_body(mode: Mode, plain: &str) -> String {
    let mut vector = [0; 16];
    vector[..8].copy_from_slice(&VECTORS.fetch_add(1, Ordering::Relaxed).to_le_bytes());
    json!({"blob": envelope::seal(&secret_key(), mode, vector, plain)}).to_string()
}

/// What a device asks, sealed as a request's body.
pub(crate) fn letter(hwid: &str, nonce: &Value, data: &Value) -> String {
    sealed_body(Mode::Cbc, &json!({"data": data, "nonce": nonce, "hwid": hwid}).to_string())
}

/// A request to a path of the encrypted face.
pub(crate) fn sealed_request(path: &str, body: String) -> Request<Bytes> {
    let builder = Request::builder().method("POST").uri(path).header("x-project-secret", SECRET);
    builder.header("content-type", "application/json").body(Bytes::from(body)).unwrap()
}

impl TestApp {
    /// Calls an endpoint of the encrypted face; a success is opened and its signature verified.
    pub(crate) async fn pro(&self, endpoint: &str, hwid: &str, nonce: impl Into<Value>, data: Value) -> Sealed {
        // What is no license's is named from its group on: `project/checkout-link`.
        let group = if endpoint.starts_with("project/") || endpoint.starts_with("auth/") { "" } else { "license/" };
        let path = format!("/v1/sdk/pro/{group}{endpoint}");
        self.pro_body(&path, letter(hwid, &nonce.into(), &data)).await
    }

    /// Sends a sealed body as it is.
    pub(crate) async fn pro_body(&self, path: &str, body: String) -> Sealed {
        let reply = send(&self.host, sealed_request(path, body)).await;
        self.opened(reply)
    }

    /// Opens and verifies an answer, if it is a success.
    pub(crate) fn opened(&self, mut reply: Reply) -> Sealed {
        if reply.status != 200 {
            return Sealed { reply, members: Map::new() };
        }
        assert_eq!(reply.headers["content-type"], "text/plain; charset=utf-8");
        let members = self.opened_text(&reply.text);
        reply.body = members["data"].clone();
        Sealed { reply, members }
    }

    /// Opens and verifies the text of a success.
    pub(crate) fn opened_text(&self, text: &str) -> Map<String, Value> {
        let (_, answer) = envelope::decrypt(&secret_key(), text).expect("an answer opens");
        envelope::verify(&self.public_key, answer).expect("an answer's signature holds")
    }

    /// Gives the project these settings.
    pub(crate) async fn project_settings(&self, settings: Value) {
        let path = format!("/v1/admin/projects/{}", self.project_id);
        let changed = self.admin("PATCH", &path, json!({ "settings": settings })).await;
        assert_eq!(changed.status, 200, "{}", changed.text);
    }

    /// Validates a device, as the existing client does first of all; the nonce to go on with.
    pub(crate) async fn validated(&self, key: &str, hwid: &str) -> String {
        let data =
            json!({"key": key, "hwid": hwid, "version": "1.2.0-PRO", "nickname": format!("Desk {}", &hwid[..1])});
        self.pro("validate", hwid, "b6f1a6de-0000-4000-8000-3f7d2a9c1e55", data).await.nonce()
    }
}
