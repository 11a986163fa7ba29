//! `GET /health`: any 200 will do for the editor's "test connection" (wire E27).

use ltlm_protocol::deployment_data::HealthData;

use crate::api::extract::Incoming;
use crate::api::reply::{Failure, Reply};

/// Says that the service is there. It looks at nothing else: a table in trouble does not make clients give up.
pub async fn health<T>(_: &Incoming<'_, T>) -> Result<Reply, Failure> {
    let [status, service, version] = ["ok", "ltlm", env!("CARGO_PKG_VERSION")].map(str::to_owned);
    Ok(Reply::json(&HealthData { status, service, version }))
}
