//! What the vendor keeps in AWS Secrets Manager for us: the payment provider's keys. Read when they are first needed, and again
//! after a while, so that a rotated key is seen without a deployment.

use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use aws_config::SdkConfig;
use aws_sdk_secretsmanager::Client;
use aws_sdk_secretsmanager::config::timeout::TimeoutConfig;
use zeroize::Zeroizing;

use crate::table::failure::failure;

/// Time for one call, the SDK's own retries included.
const OPERATION: Duration = Duration::from_secs(4);
/// A secret is read again after so long.
const AGE_MAX: Duration = Duration::from_secs(5 * 60);

type Failed = Box<dyn std::error::Error + Send + Sync>;

/// One secret of Secrets Manager, a JSON object of texts.
#[derive(Clone)]
pub struct Secret {
    client: Client,
    id: String,
    held: Arc<Mutex<Option<Held>>>,
}

/// The texts, and since when they are held.
type Held = (Instant, Arc<Texts>);

/// The texts of a secret, by name; wiped when dropped.
pub struct Texts(Vec<(String, Zeroizing<String>)>);

impl Texts {
    /// The text called `name`.
    pub fn get(&self, name: &str) -> Option<&str> {
        self.0.iter().find(|(known, _)| known == name).map(|(_, text)| text.as_str())
    }
}

impl Secret {
    /// The secret with this name or ARN, reached as `config` says.
    pub fn new(config: &SdkConfig, id: impl Into<String>) -> Self {
        let timeouts =
            TimeoutConfig::builder().connect_timeout(Duration::from_secs(1)).operation_timeout(OPERATION).build();
        let config = aws_sdk_secretsmanager::config::Builder::from(config).timeout_config(timeouts).build();
        Self { client: Client::from_conf(config), id: id.into(), held: Arc::default() }
    }

    /// Its texts.
    pub async fn read(&self) -> Result<Arc<Texts>, Failed> {
        if let Some((since, texts)) = self.held().as_ref()
            && since.elapsed() < AGE_MAX
        {
            return Ok(texts.clone());
        }
        let asking = self.client.get_secret_value().secret_id(&self.id);
        let answer = Box::pin(asking.send()).await.map_err(|error| failure(&error))?;
        let text = answer.secret_string().ok_or("the secret is no text")?;
        // What is wrong with it is not told: the error would repeat it.
        let object: serde_json::Map<String, serde_json::Value> =
            ltlm_protocol::json::parse_as(text.as_bytes()).map_err(|_| "the secret is no JSON object")?;
        let texts = object.into_iter().filter_map(|(name, value)| match value {
            serde_json::Value::String(text) => Some((name, Zeroizing::new(text))),
            _ => None,
        });
        let texts = Arc::new(Texts(texts.collect()));
        *self.held() = Some((Instant::now(), texts.clone()));
        Ok(texts)
    }

    fn held(&self) -> std::sync::MutexGuard<'_, Option<Held>> {
        self.held.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
    }
}
