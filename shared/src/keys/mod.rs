//! Keys of projects, which KMS generates and wraps.
//!
//! Invariant: the table contains keys only in wrapped form, under an encryption context that names the service, the
//! project and the purpose. A key wrapped for one purpose cannot be unwrapped for another.

pub mod kms;
pub mod password;
pub mod seal;
pub mod transport;

/// What a project's key is for; part of its encryption context.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Purpose {
    /// The project secret.
    Secret,
    /// The seed of the Ed25519 key that signs answers.
    SigningSeed,
    /// Derives license keys from operation ids.
    Derivation,
    /// Seals license keys for lists.
    Sealing,
    /// Signs what a webhook sends.
    Webhook,
    /// A developer's codes are derived from it; the developer's name replaces the project.
    Codes,
    /// Nothing: it shows that keys can be generated and unwrapped, and is discarded.
    Check,
    /// The private key of an import key is derived from it; the key's id replaces the project.
    Import,
}

impl Purpose {
    /// The text in the encryption context.
    pub fn name(self) -> &'static str {
        match self {
            Self::Secret => "secret",
            Self::SigningSeed => "signing-seed",
            Self::Derivation => "derivation",
            Self::Sealing => "sealing",
            Self::Webhook => "webhook",
            Self::Codes => "codes",
            Self::Check => "check",
            Self::Import => "import",
        }
    }
}

/// The reason why a key could not be generated or unwrapped.
#[derive(Debug, thiserror::Error)]
pub enum KeyError {
    /// KMS is not reachable or throttles: try again.
    #[error("the key service is busy")]
    Busy(#[source] Box<dyn std::error::Error + Send + Sync>),
    /// KMS refuses, or its answer is invalid.
    #[error("the key service refuses")]
    Broken(#[source] Box<dyn std::error::Error + Send + Sync>),
}

/// Thirty-two secret bytes, wiped when dropped, never printed.
pub struct Key32(zeroize::Zeroizing<[u8; 32]>);

impl Key32 {
    /// Takes the bytes over; `None` unless there are exactly 32.
    pub fn new(bytes: &[u8]) -> Option<Self> {
        Some(Self(zeroize::Zeroizing::new(bytes.try_into().ok()?)))
    }

    /// The bytes.
    pub fn expose(&self) -> &[u8; 32] {
        &self.0
    }
}

impl std::fmt::Debug for Key32 {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Key32")
    }
}
