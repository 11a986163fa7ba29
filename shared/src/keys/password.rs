//! Passwords: Argon2id (RFC 9106) with what OWASP's password storage cheat sheet asks for at least: 19 MiB, two passes, one lane,
//! which are this crate's defaults.

use argon2::Argon2;
use argon2::password_hash::phc::PasswordHash;
use argon2::password_hash::{PasswordHasher, PasswordVerifier};

use super::KeyError;

/// Bytes of a salt.
pub const SALT_BYTES: usize = 16;

/// The hash of a password, with its parameters.
pub fn hash(password: &str, salt: [u8; SALT_BYTES]) -> Result<String, KeyError> {
    let hash = Argon2::default().hash_password_with_salt(password.as_bytes(), &salt);
    hash.map(|hash| hash.to_string()).map_err(|error| KeyError::Broken(error.to_string().into()))
}

/// Is this the password? Without a hash, a refusal takes the same time, so that a caller does not learn whether the
/// name exists.
pub fn verify(password: &str, hash: Option<&str>) -> bool {
    let Some(hash) = hash else {
        let _ = self::hash(password, [0; SALT_BYTES]);
        return false;
    };
    let Ok(parsed) = PasswordHash::new(hash) else { return false };
    Argon2::default().verify_password(password.as_bytes(), &parsed).is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_password_is_known_by_its_hash_only() {
        let hash = hash("correct horse", [7; SALT_BYTES]).unwrap();
        assert!(hash.starts_with("$argon2id$v=19$m=19456,t=2,p=1$"), "{hash}");
        assert!(verify("correct horse", Some(&hash)) && !verify("Correct horse", Some(&hash)));
        assert!(!verify("correct horse", None) && !verify("correct horse", Some("nonsense")));
    }
}
