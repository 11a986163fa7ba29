//! The AWS SDK's configuration, shared by all clients.

use aws_config::environment::{EnvironmentVariableCredentialsProvider, EnvironmentVariableRegionProvider};
use aws_config::meta::region::ProvideRegion;
use aws_config::{BehaviorVersion, SdkConfig};
use aws_sdk_dynamodb::config::ProvideCredentials;

use super::transport;

/// The behaviour that this code was tested with; `latest()` would change it under us.
pub fn behavior() -> BehaviorVersion {
    BehaviorVersion::v2026_01_12()
}

/// The configuration from the environment: region, credentials, endpoints.
pub async fn sdk_config() -> SdkConfig {
    let mut loader = aws_config::defaults(behavior()).http_client(transport::client());
    // What the environment has, as in Lambda, is taken from there in any case. The other places are then not even set up.
    if let Some(region) = EnvironmentVariableRegionProvider::new().region().await {
        loader = loader.region(region);
    }
    let credentials = EnvironmentVariableCredentialsProvider::new();
    if credentials.provide_credentials().await.is_ok() {
        loader = loader.credentials_provider(credentials);
    }
    loader.load().await
}
