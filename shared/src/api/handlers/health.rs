//! `GET /health`: any 200 will do for the editor's "test connection" (wire E27).

use ltlm_protocol::deployment_data::HealthData;

use crate::api::extract::Incoming;
use crate::api::reply::{Failure, Reply};

/// Answers that the service runs. It checks nothing else, so that clients do not give up because of a failing table.
pub async fn health<T>(_: &Incoming<'_, T>) -> Result<Reply, Failure> {
    let [status, service, version] = ["ok", "ltlm", env!("CARGO_PKG_VERSION")].map(str::to_owned);
    Ok(Reply::json(&HealthData { status, service, version }))
}
