//! `GET /health`: any 200 will do for the editor's "test connection" (wire E27).

use serde_json::json;

use crate::api::extract::Incoming;
use crate::api::reply::{Failure, Reply};

/// Says that the service is there. It looks at nothing else: a table in trouble does not make clients give up.
pub async fn health<T>(_: &Incoming<'_, T>) -> Result<Reply, Failure> {
    Ok(Reply::json(&json!({"status": "ok", "service": "ltlm", "version": env!("CARGO_PKG_VERSION")})))
}
