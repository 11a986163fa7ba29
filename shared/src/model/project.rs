//! A project: one application of a vendor.

use ltlm_protocol::{Timestamp, limits};
use serde_json::{Map, Value};

use crate::model::denied::Denied;

/// The setting that suspends a project.
pub const SUSPENDED: &str = "suspended";

/// A project's record. Its secrets are wrapped by KMS and never leave the table unwrapped, except in the answer to the
/// call that created them.
#[derive(Clone, Debug, PartialEq)]
pub struct Project {
    /// `prj_` and 16 hex digits.
    pub id: String,
    /// Numeric id on the wire.
    pub number: i64,
    /// Name.
    pub name: String,
    /// How the service treats this project: `hardening.rs`, and `geofencing.denyUnknown`.
    pub settings: Map<String, Value>,
    /// The vendor's own data, merged into every license (wire 4.12).
    pub project_settings: Map<String, Value>,
    /// Counts every change of a policy, so that a stale copy of the policies can be detected.
    pub policies_revision: i64,
    /// Counts the vendor's changes of this record.
    pub revision: i64,
    /// Verifies signed answers; PEM.
    pub public_key: String,
    /// What KMS wrapped for this project.
    pub wrapped: WrappedKeys,
    /// The secrets that are in force, oldest first: several while they are rotated.
    pub secrets: Vec<ProjectSecret>,
    /// The instant at which it was created.
    pub created_at: Timestamp,
}

/// Keys of a project, each wrapped by KMS under a context that names the project and the purpose.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub struct WrappedKeys {
    /// The Ed25519 seed.
    pub signing_seed: Vec<u8>,
    /// Derives license keys, so that issuing twice under one operation id gives the same keys.
    pub derivation: Vec<u8>,
    /// Seals license keys, so that lists can show them.
    pub sealing: Vec<u8>,
}

/// A secret of a project.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ProjectSecret {
    /// `sec_` and the first 16 hex digits of its hash.
    pub id: String,
    /// SHA-256 of the canonical secret, in hex.
    pub hash: String,
    /// The secret, wrapped by KMS.
    pub wrapped: Vec<u8>,
    /// The instant at which it was created.
    pub created_at: Timestamp,
}

impl Project {
    /// Refuse callers whose country is unknown, where a policy limits countries (wire 4.11)?
    pub fn denies_unknown_country(&self) -> bool {
        self.settings.get("geofencing").and_then(|g| g.get("denyUnknown")).and_then(Value::as_bool).unwrap_or(false)
    }

    /// Does it take payments with real money? Else with the payment provider's test money (`payments.mode`).
    pub fn takes_live_payments(&self) -> bool {
        self.settings.get("payments").and_then(|p| p.get("mode")).and_then(Value::as_str) != Some("test")
    }

    /// The project with each of its wrapped keys as `rewrapped` gives it.
    pub fn with_keys(&self, rewrapped: impl Fn(&[u8]) -> Vec<u8>) -> Self {
        let wrapped = WrappedKeys {
            signing_seed: rewrapped(&self.wrapped.signing_seed),
            derivation: rewrapped(&self.wrapped.derivation),
            sealing: rewrapped(&self.wrapped.sealing),
        };
        let secret = |secret: &ProjectSecret| ProjectSecret { wrapped: rewrapped(&secret.wrapped), ..secret.clone() };
        let secrets = self.secrets.iter().map(secret).collect();
        Self { wrapped, secrets, revision: self.revision + 1, ..self.clone() }
    }

    /// Refuses while the vendor has the project suspended (`suspended`): nothing of it changes then, so that it can move as it is.
    pub fn in_service(&self) -> Result<(), Denied> {
        match self.settings.get(SUSPENDED).and_then(Value::as_bool).unwrap_or(false) {
            true => Err(Denied::ProjectSuspended),
            false => Ok(()),
        }
    }

    /// Is the secret with this hash (SHA-256 of the canonical secret, in hex) in force for the project? The same transactions that write
    /// the secret's own item add it here and remove it.
    pub fn is_named_by(&self, secret_hash: &str) -> bool {
        self.secrets.iter().any(|secret| secret.hash == secret_hash)
    }

    /// The project with a further secret.
    pub fn with_secret(&self, secret: ProjectSecret) -> Result<Self, Denied> {
        if self.secrets.len() >= limits::SECRETS_MAX {
            return Err(Denied::SecretLimitReached { max: limits::SECRETS_MAX as i64 });
        }
        let secrets = self.secrets.iter().cloned().chain([secret]).collect();
        Ok(Self { secrets, revision: self.revision + 1, ..self.clone() })
    }

    /// The project without a secret, and that secret. The last secret stays: without it, no application could call.
    pub fn without_secret(&self, id: &str) -> Result<(Self, ProjectSecret), Denied> {
        let secret = self.secrets.iter().find(|secret| secret.id == id).cloned().ok_or(Denied::SecretNotFound)?;
        if self.secrets.len() == 1 {
            return Err(Denied::LastSecret);
        }
        let secrets = self.secrets.iter().filter(|kept| kept.id != id).cloned().collect();
        Ok((Self { secrets, revision: self.revision + 1, ..self.clone() }, secret))
    }
}
