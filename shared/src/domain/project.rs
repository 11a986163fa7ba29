//! A project: one application of a vendor.

use ltlm_protocol::Timestamp;
use serde_json::{Map, Value};

/// A project's record. Its secrets are wrapped by KMS and never leave the table unwrapped except in the answer to the
/// call that made them.
#[derive(Clone, Debug, PartialEq)]
pub struct Project {
    /// `prj_` and 16 hex digits.
    pub id: String,
    /// Numeric id on the wire.
    pub number: i64,
    /// Name.
    pub name: String,
    /// How the service treats this project (`geofencing.denyUnknown` …).
    pub settings: Map<String, Value>,
    /// The vendor's own data, merged into every license (wire 4.12).
    pub project_settings: Map<String, Value>,
    /// Counts every change of a policy, so that a copy of the policies can be told from a stale one.
    pub policies_revision: i64,
    /// Verifies signed answers; PEM.
    pub public_key: String,
    /// What KMS wrapped for this project.
    pub wrapped: WrappedKeys,
    /// When it was made.
    pub created_at: Timestamp,
}

/// Keys of a project, each wrapped by KMS under a context that names the project and the purpose.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub struct WrappedKeys {
    /// The first project secret.
    pub secret: Vec<u8>,
    /// The Ed25519 seed.
    pub signing_seed: Vec<u8>,
    /// Derives license keys, so that issuing twice under one operation id gives the same keys.
    pub derivation: Vec<u8>,
}

impl Project {
    /// Refuse callers whose country is unknown, where a policy limits countries (wire 4.11)?
    pub fn denies_unknown_country(&self) -> bool {
        self.settings.get("geofencing").and_then(|g| g.get("denyUnknown")).and_then(Value::as_bool).unwrap_or(false)
    }
}
