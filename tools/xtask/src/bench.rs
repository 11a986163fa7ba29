//! A project with a license on an embedded engine, for measurements.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::Request;
use local::demo;
use local::engine::{Engine, Storage};
use local::kms::{KeyService, master_key};
use local::queue::WorkQueue;
use local::till::Till;
use local::world::{self, Endpoints, Local};
use serde_json::{Value, json};
use shared::service::Clock;

/// Time for one call.
const ALLOWANCE: Duration = Duration::from_secs(60);

/// An engine with one license on it, for a device called `bench`.
pub(crate) struct Bench {
    host: Arc<Local>,
    admin_key: String,
    /// The project's secret.
    pub(crate) secret: String,
    /// The license's key.
    pub(crate) license: String,
    /// The engine that they lie on.
    pub(crate) engine: Engine,
    _keys: KeyService,
    _till: Till,
}

impl Bench {
    /// On this engine, at this time.
    pub(crate) async fn new(storage: Storage<'_>, clock: Arc<dyn Clock>) -> Result<Self, String> {
        let failed = |error: &dyn std::fmt::Display| error.to_string();
        let engine = Engine::start(storage).await.map_err(|e| failed(&e))?;
        let keys = KeyService::start(master_key()).await.map_err(|e| failed(&e))?;
        let till = Till::start("http://localhost").await.map_err(|e| failed(&e))?;
        let outbox = WorkQueue::start(clock.clone(), local::queue::OUTBOX).await.map_err(|e| failed(&e))?;
        let endpoints = Endpoints {
            outbox: outbox.endpoint(),
            table: engine.endpoint(),
            table_is_external: false,
            keys: keys.endpoint(),
            till: till.endpoint(),
        };
        let admin_key = demo::new_admin_key();
        let host = Arc::new(world::build(endpoints, clock, &admin_key).await.map_err(|e| failed(&e))?);
        let (secret, license) = (String::new(), String::new());
        let mut bench = Self { host, admin_key, secret, license, engine, _keys: keys, _till: till };
        bench.issue().await?;
        Ok(bench)
    }

    /// Makes a project and a license with tokens enough, and activates a device.
    async fn issue(&mut self) -> Result<(), String> {
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        let project = self.call("/v1/admin/projects", &json!({"name": "Bench"})).await?;
        let path = format!("/v1/admin/projects/{}", text(&project["projectId"]));
        self.secret = text(&project["secretKey"]);
        let mut terms = demo::sub();
        terms["config"]["limits"]["tokens"]["maxTokens"] = json!(1_000_000);
        let policy = self.call(&format!("{path}/policies"), &terms).await?;
        let issued = self.call(&format!("{path}/licenses"), &json!({"policyId": policy["PolicyID"]})).await?;
        self.license = text(&issued["licenses"][0]["licenseKey"]);
        let path = format!("/v1/sdk/license/{}/activate", self.license);
        self.call(&path, &json!({"hwid": "bench"})).await.map(|_| ())
    }

    /// The answer to a `POST`, or what was told in place of one.
    pub(crate) async fn call(&self, path: &str, body: &Value) -> Result<Value, String> {
        let request = Request::builder()
            .method("POST")
            .uri(path)
            .header("authorization", format!("Bearer {}", self.admin_key))
            .header("x-project-secret", &self.secret)
            .header("content-type", "application/json");
        let request = request.body(Bytes::from(body.to_string())).map_err(|error| error.to_string())?;
        let (response, _) = Box::pin(self.host.respond(request, ALLOWANCE)).await;
        let told: Value = serde_json::from_slice(response.body()).map_err(|error| error.to_string())?;
        match response.status().is_success() {
            true => Ok(told),
            false => Err(told.to_string()),
        }
    }
}
