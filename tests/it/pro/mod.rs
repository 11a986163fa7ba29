//! The encrypted face: cases of sections 6.1 and 6.2 of the wire contract, and its side of 6.3 to 6.9.

mod device_keys;
mod envelopes;
mod faults;
pub(crate) mod interop;
mod license;
mod nonces;
mod seats;
mod tokens;

use serde_json::{Value, json};

use crate::support::{L1, TestApp};

pub(super) const GUID: &str = "9e0f6c1b-5a43-4e0e-9c53-6c1f3f5a7d10";

pub(super) fn data(key: &str, hwid: &str) -> Value {
    json!({"key": key, "hwid": hwid})
}

pub(super) fn use_of(hwid: &str, amount: i64, action: &str) -> Value {
    json!({"key": L1, "amount": amount, "action": action, "hwid": hwid, "meta": null})
}

pub(super) fn queued(hwid: &str, amount: i64, action: &str, timestamp: &str) -> Value {
    json!({"key": L1, "amount": amount, "action": action, "hwid": hwid, "timestamp": timestamp, "meta": null})
}

pub(super) async fn remaining(app: &TestApp) -> i64 {
    app.admin("GET", &format!("/v1/admin/licenses/{L1}"), Value::Null).await.int_of("tokensRemaining")
}
