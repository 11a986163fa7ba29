//! The AWS SDK's configuration, shared by all clients: one HTTP client, so that the root certificates are read once.

use aws_config::{BehaviorVersion, SdkConfig};
use aws_sdk_dynamodb::config::SharedHttpClient;
use aws_smithy_http_client::Builder;
use aws_smithy_http_client::tls::{Provider, rustls_provider::CryptoMode};

/// The behaviour that this code was tested with; `latest()` would change it under us.
pub fn behavior() -> BehaviorVersion {
    BehaviorVersion::v2026_01_12()
}

/// An HTTP client for all of a process's SDK clients.
pub fn http_client() -> SharedHttpClient {
    Builder::new().tls_provider(Provider::Rustls(CryptoMode::Ring)).build_https()
}

/// The configuration from the environment: region, credentials, endpoints.
pub async fn sdk_config() -> SdkConfig {
    aws_config::defaults(behavior()).http_client(http_client()).load().await
}
