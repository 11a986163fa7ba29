//! The AWS SDK's configuration, shared by all clients.

use aws_config::environment::{EnvironmentVariableCredentialsProvider, EnvironmentVariableRegionProvider};
use aws_config::meta::region::ProvideRegion;
use aws_config::retry::RetryConfig;
use aws_config::{BehaviorVersion, SdkConfig};
use aws_sdk_dynamodb::config::{IdentityCache, SharedCredentialsProvider};
use aws_types::service_config::{LoadServiceConfig, ServiceConfigKey};

use super::{config, transport};

/// The behavior that this code was tested with; `latest()` would change it under us.
pub fn behavior() -> BehaviorVersion {
    BehaviorVersion::v2026_01_12()
}

/// The configuration from the environment, as Lambda sets it: region, credentials, endpoints.
///
/// The SDK's own loader looks at many more places (profiles, roles, instance metadata). A function has none of them, and the code for them
/// would be a part of every program.
pub async fn sdk_config() -> SdkConfig {
    let mut builder = SdkConfig::builder()
        .behavior_version(behavior())
        .http_client(transport::client())
        .credentials_provider(SharedCredentialsProvider::new(EnvironmentVariableCredentialsProvider::new()))
        .identity_cache(IdentityCache::lazy().build())
        .retry_config(RetryConfig::standard())
        .service_config(Endpoints);
    builder.set_region(EnvironmentVariableRegionProvider::new().region().await);
    builder.set_endpoint_url(config::variable(ENDPOINT_URL));
    builder.build()
}

/// The variable with the address of all services; with a service's name behind it, of that one.
const ENDPOINT_URL: &str = "AWS_ENDPOINT_URL";

/// What the environment says of one service: its endpoint, as all of AWS's SDKs read it.
#[derive(Debug)]
struct Endpoints;

impl LoadServiceConfig for Endpoints {
    fn load_config(&self, key: ServiceConfigKey<'_>) -> Option<String> {
        config::variable(&format!("{}_{}", key.env(), in_capitals(key.service_id())))
    }
}

/// The id of a service in the name of a variable: `SECRETS_MANAGER` of `Secrets Manager`.
fn in_capitals(service_id: &str) -> String {
    service_id.to_uppercase().replace([' ', '-'], "_")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_services_id_is_a_part_of_a_variables_name() {
        assert_eq!(in_capitals("DynamoDB"), "DYNAMODB");
        assert_eq!(in_capitals("Secrets Manager"), "SECRETS_MANAGER");
    }
}
