//! Keys by AWS KMS: created with `GenerateDataKey`, unwrapped with `Decrypt`; those of another deployment wrapped with
//! `Encrypt`.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use aws_sdk_kms::Client;
use aws_sdk_kms::config::Region;
use aws_sdk_kms::config::timeout::TimeoutConfig;
use aws_sdk_kms::error::{ProvideErrorMetadata, SdkError};
use aws_sdk_kms::primitives::Blob;
use aws_sdk_kms::types::DataKeySpec;

use super::{Key32, KeyError, Purpose};
use crate::table::failure::failure;

/// Names this product in every encryption context; IAM policies condition on it.
const SERVICE: &str = "ltlm";
/// Time for one call, the SDK's own retries included: KMS calls are idempotent in effect, a data key that got lost was
/// never used.
const OPERATION: Duration = Duration::from_secs(4);

/// KMS with the one key that wraps all others.
#[derive(Clone, Debug)]
pub struct Kms {
    client: Client,
    key_id: String,
    /// Unwrapped keys, so that each is asked for once in a process's life.
    unwrapped: Arc<Mutex<Unwrapped>>,
}

/// By project, purpose and wrapped key: a key is found only for the purpose for which it was created.
type Unwrapped = HashMap<(String, Purpose, Vec<u8>), Held>;

/// An unwrapped key, and since when it is held, in milliseconds of the caller's clock.
#[derive(Debug)]
struct Held {
    key: Arc<Key32>,
    since_ms: u64,
}

/// The time after which a key is requested again, in milliseconds: a revoked permission takes effect by then, and a key
/// does not stay in memory for as long as a process lives.
pub const AGE_MAX_MS: u64 = 10 * 60 * 1_000;

/// Replaces the project if a key is created for a check.
const CHECKED: &str = "deployment";

/// Unwrapped keys kept; beyond it all are forgotten.
const UNWRAPPED_MAX: usize = 1_000;

/// A new key, in clear and wrapped.
#[derive(Debug)]
pub struct NewKey {
    /// In clear.
    pub key: Key32,
    /// Wrapped, for the table.
    pub wrapped: Vec<u8>,
}

impl Kms {
    /// KMS, reached as `config` says, wrapping with the key called `key_id` (id, ARN or alias).
    pub fn new(config: &aws_config::SdkConfig, key_id: impl Into<String>) -> Self {
        let timeouts =
            TimeoutConfig::builder().connect_timeout(Duration::from_secs(1)).operation_timeout(OPERATION).build();
        let config = aws_sdk_kms::config::Builder::from(config).timeout_config(timeouts).build();
        Self { client: Client::from_conf(config), key_id: key_id.into(), unwrapped: Arc::default() }
    }

    /// Creates a key for a purpose of a project.
    pub async fn make(&self, project_id: &str, purpose: Purpose) -> Result<NewKey, KeyError> {
        let answer = self
            .client
            .generate_data_key()
            .key_id(&self.key_id)
            .key_spec(DataKeySpec::Aes256)
            .set_encryption_context(Some(context(project_id, purpose)))
            .send()
            .await
            .map_err(key_error)?;
        let key = answer.plaintext().and_then(|bytes| Key32::new(bytes.as_ref())).ok_or_else(odd_answer)?;
        let wrapped = answer.ciphertext_blob().ok_or_else(odd_answer)?.as_ref().to_vec();
        Ok(NewKey { key, wrapped })
    }

    /// Wraps a key that was created elsewhere, for a purpose of a project.
    pub async fn wrap(&self, project_id: &str, purpose: Purpose, key: &Key32) -> Result<Vec<u8>, KeyError> {
        let answer = self
            .client
            .encrypt()
            .key_id(&self.key_id)
            .plaintext(Blob::new(key.expose().as_slice()))
            .set_encryption_context(Some(context(project_id, purpose)))
            .send()
            .await
            .map_err(key_error)?;
        answer.ciphertext_blob().map(|blob| blob.as_ref().to_vec()).ok_or_else(odd_answer)
    }

    /// Unwraps a key of a project, for the purpose for which it was created. `now_ms` is of a monotonic clock.
    pub async fn unwrap(
        &self,
        project_id: &str,
        purpose: Purpose,
        wrapped: &[u8],
        now_ms: u64,
    ) -> Result<Arc<Key32>, KeyError> {
        let name = (project_id.to_owned(), purpose, wrapped.to_vec());
        if let Some(key) = self.held(&name, now_ms) {
            return Ok(key);
        }
        let key = Arc::new(self.decrypt(project_id, purpose, wrapped).await?);
        let mut unwrapped = self.lock();
        if unwrapped.len() >= UNWRAPPED_MAX {
            unwrapped.clear();
        }
        unwrapped.insert(name, Held { key: key.clone(), since_ms: now_ms });
        Ok(key)
    }

    /// Creates a key that is not used, and unwraps it again: two calls of the service, which show that it can do both,
    /// and that this function has the permissions.
    pub async fn check(&self) -> Result<(), KeyError> {
        let made = self.make(CHECKED, Purpose::Check).await?;
        let key = self.decrypt(CHECKED, Purpose::Check, &made.wrapped).await?;
        match key.expose() == made.key.expose() {
            true => Ok(()),
            false => Err(KeyError::Broken("a key was unwrapped to another".into())),
        }
    }

    async fn decrypt(&self, project_id: &str, purpose: Purpose, wrapped: &[u8]) -> Result<Key32, KeyError> {
        let asking = self.client.decrypt().key_id(&self.key_id).ciphertext_blob(Blob::new(wrapped));
        let asking = asking.set_encryption_context(Some(context(project_id, purpose)));
        let answer = asking.send().await.map_err(key_error)?;
        answer.plaintext().and_then(|bytes| Key32::new(bytes.as_ref())).ok_or_else(odd_answer)
    }

    /// The same service with another key, which may be of another region.
    pub fn with_key(&self, key_id: &str, region: &str) -> Self {
        let config = self.client.config().to_builder().region(Region::new(region.to_owned())).build();
        Self { client: Client::from_conf(config), key_id: key_id.to_owned(), unwrapped: Arc::default() }
    }

    /// Wraps a key of a project that `previous` wrapped with this key. `None` if this key wrapped it already.
    ///
    /// # Errors
    ///
    /// [`KeyError::Broken`] if neither key unwraps it.
    pub async fn rewrap(
        &self,
        previous: &Self,
        project_id: &str,
        purpose: Purpose,
        wrapped: &[u8],
    ) -> Result<Option<Vec<u8>>, KeyError> {
        match self.decrypt(project_id, purpose, wrapped).await {
            Ok(_) => return Ok(None),
            Err(KeyError::Broken(_)) => {}
            Err(busy) => return Err(busy),
        }
        let key = previous.decrypt(project_id, purpose, wrapped).await?;
        self.wrap(project_id, purpose, &key).await.map(Some)
    }

    /// Wipes keys that were unwrapped too long ago, whether they were used since or not.
    pub fn wipe_old(&self, now_ms: u64) {
        self.lock().retain(|_, held| now_ms.saturating_sub(held.since_ms) < AGE_MAX_MS);
    }

    /// The number of unwrapped keys in memory.
    pub fn unwrapped(&self) -> usize {
        self.lock().len()
    }

    /// A key that was unwrapped not too long ago.
    fn held(&self, name: &(String, Purpose, Vec<u8>), now_ms: u64) -> Option<Arc<Key32>> {
        self.wipe_old(now_ms);
        self.lock().get(name).map(|held| held.key.clone())
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Unwrapped> {
        self.unwrapped.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
    }
}

fn context(project_id: &str, purpose: Purpose) -> HashMap<String, String> {
    let pair = |name: &str, value: &str| (name.to_owned(), value.to_owned());
    HashMap::from([pair("service", SERVICE), pair("project", project_id), pair("purpose", purpose.name())])
}

fn odd_answer() -> KeyError {
    KeyError::Broken("the answer holds no key of 32 bytes".into())
}

/// Refusals that say "come again", although their status is 400.
const BUSY_CODES: &[&str] = &["ThrottlingException", "DependencyTimeoutException", "KMSInternalException"];

fn key_error<E: ProvideErrorMetadata>(error: SdkError<E>) -> KeyError {
    let is_refused = match &error {
        SdkError::ServiceError(reply) => {
            reply.raw().status().as_u16() < 500 && !reply.err().code().is_some_and(|code| BUSY_CODES.contains(&code))
        }
        other => matches!(other, SdkError::ConstructionFailure(_)),
    };
    match is_refused {
        true => KeyError::Broken(failure(&error)),
        false => KeyError::Busy(failure(&error)),
    }
}
