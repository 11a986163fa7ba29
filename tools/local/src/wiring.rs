//! The service with everything that it depends on, connected to loopback endpoints.

use std::sync::Arc;

use aws_config::SdkConfig;
use aws_sdk_dynamodb::config::{Credentials, ProvideCredentials, Region};
use sha2::{Digest, Sha256};
use shared::api::serving;
use shared::api::settings::Settings;
use shared::host::clock::TokioSleep;
use shared::host::entropy::SystemEntropy;
use shared::host::queue::Sqs;
use shared::host::respond::Host;
use shared::host::secrets::Secret;
use shared::host::stripe::Stripe;
use shared::host::{aws, transport};
use shared::keys::kms::Kms;
use shared::service::app::App;
use shared::service::hints::Hints;
use shared::service::ports::Clock;
use shared::service::turns::Turns;
use shared::table::dynamo::Dynamo;
use shared::table::fault::Faulty;
use shared::table::schema;

use crate::engine::Engine;
use crate::kms::{KEY_ID, KeyService};
use crate::queue::WorkQueue;
use crate::stripe::{self, StripeServer};

/// The table's name, locally.
pub const TABLE: &str = "ltlm-local";

/// The local service: the real one, on a table with fault injection.
pub type Local = Host<Faulty<Dynamo>>;

/// The SDK's configuration for an endpoint. A local endpoint looks at no credentials, but the SDK wants to sign.
pub async fn sdk_config(endpoint: &str, from_environment: bool) -> SdkConfig {
    let loader = aws_config::defaults(aws::behavior()).http_client(transport::client()).endpoint_url(endpoint);
    if from_environment {
        return loader.load().await;
    }
    let credentials = Credentials::new("local", "local", None, None, "local");
    loader.region(Region::new("eu-west-1")).credentials_provider(credentials).load().await
}

/// Looks whether the environment has what a table at `endpoint` is called with; else a sentence that says what is missing. Without
/// it the first call would fail, in words of the SDK's.
pub async fn check_environment(endpoint: &str) -> Result<(), String> {
    let config = sdk_config(endpoint, true).await;
    if config.region().is_none() {
        return Err(format!(
            "No region for the table at {endpoint}: set AWS_REGION, or a profile with a region in AWS_PROFILE."
        ));
    }
    let found = match config.credentials_provider() {
        Some(provider) => provider.provide_credentials().await.is_ok(),
        None => false,
    };
    match found {
        true => Ok(()),
        false => Err(format!(
            "No credentials for the table at {endpoint}: set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or AWS_PROFILE."
        )),
    }
}

/// The endpoints of the service's dependencies.
#[derive(Clone, Copy, Debug)]
pub struct Endpoints<'a> {
    /// The table.
    pub table: &'a str,
    /// Is the table not ours? Then region and credentials are the environment's.
    pub table_is_external: bool,
    /// The key service.
    pub keys: &'a str,
    /// The payment provider, which also keeps the secret with its keys.
    pub stripe: &'a str,
    /// The queue of what leaves the deployment.
    pub outbox: &'a str,
}

impl<'a> Endpoints<'a> {
    /// Those of dependencies that all run in this process.
    pub fn embedded(engine: &'a Engine, keys: &'a KeyService, stripe: &'a StripeServer, outbox: &'a WorkQueue) -> Self {
        Self {
            table: engine.endpoint(),
            table_is_external: false,
            keys: keys.endpoint(),
            stripe: stripe.endpoint(),
            outbox: outbox.endpoint(),
        }
    }
}

/// Builds the service, and its table where there is none. `admin_key` is the first administrator's.
pub async fn build(
    endpoints: Endpoints<'_>,
    clock: Arc<dyn Clock>,
    admin_key: &str,
) -> Result<Local, Box<dyn std::error::Error + Send + Sync>> {
    let dynamo = Dynamo::new(&sdk_config(endpoints.table, endpoints.table_is_external).await, TABLE);
    schema::create_if_absent(dynamo.client(), dynamo.name()).await?;
    let secret = Secret::new(&sdk_config(endpoints.stripe, false).await, stripe::SECRET);
    let outbox = Sqs::new(&sdk_config(endpoints.outbox, false).await, endpoints.outbox);
    let app = App {
        outbox: Some(Arc::new(outbox)),
        payments: Some(Arc::new(Stripe::new(endpoints.stripe, secret))),
        table: Faulty::new(dynamo),
        kms: Some(Kms::new(&sdk_config(endpoints.keys, false).await, KEY_ID)),
        clock,
        entropy: Arc::new(SystemEntropy),
        sleep: Arc::new(TokioSleep::default()),
        hints: Hints::default(),
        turns: Turns::default(),
    };
    let settings = Settings {
        admin_key_sha256: Some(Sha256::digest(admin_key.as_bytes()).into()),
        edge: None,
        country_header: Some("cloudfront-viewer-country".to_owned()),
        stage: "local".to_owned(),
        sends_mail: true,
        takes_payments: true,
        vendor: "Demo Studio".to_owned(),
        // This machine is the network that webhooks are in.
        plain_webhooks: true,
    };
    Ok(Host { app, handlers: serving::every, settings })
}
