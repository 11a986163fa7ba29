//! The product on an embedded engine, and a license on it, for measurements.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::Request;
use local::demo;
use local::engine::{Engine, Storage};
use local::kms::{KeyService, master_key};
use local::queue::WorkQueue;
use local::stripe::StripeServer;
use local::wiring::{self, Endpoints, Local};
use serde_json::{Value, json};
use shared::service::ports::Clock;
use shared::table::port::Spent;

/// Time for one call.
pub(crate) const ALLOWANCE: Duration = Duration::from_secs(60);

/// The product on an embedded engine of its own.
pub(crate) struct Deployment {
    /// Answers requests.
    pub(crate) host: Arc<Local>,
    /// The engine below it.
    pub(crate) engine: Engine,
    /// The queue of what leaves it.
    pub(crate) outbox: Arc<WorkQueue>,
    admin_key: String,
    keys: KeyService,
    stripe: StripeServer,
}

impl Deployment {
    /// On this engine, at this time.
    pub(crate) async fn start(storage: Storage<'_>, clock: Arc<dyn Clock>) -> Result<Self, String> {
        let failed = |error: &dyn std::fmt::Display| error.to_string();
        let engine = Engine::start(storage).await.map_err(|e| failed(&e))?;
        let keys = KeyService::start(master_key()).await.map_err(|e| failed(&e))?;
        let stripe = StripeServer::start("http://localhost").await.map_err(|e| failed(&e))?;
        let outbox = Arc::new(WorkQueue::start(clock.clone(), local::queue::OUTBOX).await.map_err(|e| failed(&e))?);
        let admin_key = demo::new_admin_key();
        let endpoints = Endpoints::embedded(&engine, &keys, &stripe, &outbox);
        let host = Arc::new(wiring::build(endpoints, clock, &admin_key).await.map_err(|e| failed(&e))?);
        Ok(Self { host, engine, outbox, admin_key, keys, stripe })
    }

    /// Another process on the same table, which shares no memory with the first.
    pub(crate) async fn another_process(&self, clock: Arc<dyn Clock>) -> Result<Arc<Local>, String> {
        let endpoints = Endpoints::embedded(&self.engine, &self.keys, &self.stripe, &self.outbox);
        Ok(Arc::new(wiring::build(endpoints, clock, &self.admin_key).await.map_err(|error| error.to_string())?))
    }

    /// A request of the administrator with one header more.
    pub(crate) fn request(&self, method: &str, path: &str, header: (&str, &str)) -> http::request::Builder {
        Request::builder()
            .method(method)
            .uri(path)
            .header("authorization", format!("Bearer {}", self.admin_key))
            .header("content-type", "application/json")
            .header(header.0, header.1)
    }

    /// The answer to a request of the administrator with one header more, and what it spent; or what was answered in place of a success.
    pub(crate) async fn call(
        &self,
        method: &str,
        path: &str,
        header: (&str, &str),
        body: &Value,
    ) -> Result<(Value, Spent), String> {
        let request = self.request(method, path, header);
        let request = request.body(Bytes::from(body.to_string())).map_err(|error| error.to_string())?;
        let (response, report) = Box::pin(self.host.respond(request, ALLOWANCE)).await;
        let answer: Value = serde_json::from_slice(response.body()).map_err(|error| error.to_string())?;
        match response.status().is_success() {
            true => Ok((answer, report.spent)),
            false => Err(answer.to_string()),
        }
    }
}

/// A deployment with one license on it, for a device called `bench`.
pub(crate) struct Bench {
    /// Where the license is.
    pub(crate) deployment: Deployment,
    /// The project's secret.
    pub(crate) secret: String,
    /// The license's key.
    pub(crate) license: String,
}

impl Bench {
    /// On this engine, at this time.
    pub(crate) async fn new(storage: Storage<'_>, clock: Arc<dyn Clock>) -> Result<Self, String> {
        let deployment = Deployment::start(storage, clock).await?;
        let mut bench = Self { deployment, secret: String::new(), license: String::new() };
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

    /// The answer to a `POST`, or what was answered in place of a success.
    pub(crate) async fn call(&self, path: &str, body: &Value) -> Result<Value, String> {
        let (answer, _) = self.deployment.call("POST", path, ("x-project-secret", &self.secret), body).await?;
        Ok(answer)
    }
}
