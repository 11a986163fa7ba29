//! Seals short texts with AES-256-GCM (NIST SP 800-38D): texts that the table stores but must not reveal.

use aes_gcm::aead::{Aead, KeyInit, Payload};
use aes_gcm::{Aes256Gcm, Nonce};

use super::{Key32, KeyError};

/// Bytes of a nonce. They are random: at 2³² texts under one key they would be likely enough to meet, and no project
/// has as many licenses.
pub const NONCE_BYTES: usize = 12;

/// Seals `text`, bound to `about`: it cannot be opened with any other `about`. The nonce precedes the cipher text.
pub fn seal(key: &Key32, nonce: [u8; NONCE_BYTES], about: &str, text: &str) -> Result<Vec<u8>, KeyError> {
    let payload = Payload { msg: text.as_bytes(), aad: about.as_bytes() };
    let sealed = cipher(key).encrypt(&Nonce::from(nonce), payload).map_err(|_| broken())?;
    Ok([&nonce[..], &sealed].concat())
}

/// Opens the output of [`seal`].
pub fn open(key: &Key32, about: &str, sealed: &[u8]) -> Result<String, KeyError> {
    let (nonce, sealed) = sealed.split_first_chunk::<NONCE_BYTES>().ok_or_else(broken)?;
    let payload = Payload { msg: sealed, aad: about.as_bytes() };
    let text = cipher(key).decrypt(&Nonce::from(*nonce), payload).map_err(|_| broken())?;
    String::from_utf8(text).map_err(|_| broken())
}

/// The same where nothing may have been sealed: a license that was imported without its project's keys is known by the hash of its
/// key alone.
pub fn open_if_any(key: &Key32, about: &str, sealed: &[u8]) -> Result<Option<String>, KeyError> {
    if sealed.is_empty() { Ok(None) } else { open(key, about, sealed).map(Some) }
}

fn cipher(key: &Key32) -> Aes256Gcm {
    Aes256Gcm::new(key.expose().into())
}

fn broken() -> KeyError {
    KeyError::Broken("a sealed text does not open".into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_sealed_opens_for_the_same_thing_only() {
        let key = Key32::new(&[7; 32]).unwrap();
        let sealed = seal(&key, [1; NONCE_BYTES], "license 1", "LIC-0BEC53C679BF012F").unwrap();
        assert!(!sealed.windows(4).any(|bytes| bytes == b"LIC-"));
        assert_eq!(open(&key, "license 1", &sealed).unwrap(), "LIC-0BEC53C679BF012F");
        assert!(open(&key, "license 2", &sealed).is_err());
        assert!(open(&Key32::new(&[8; 32]).unwrap(), "license 1", &sealed).is_err());
        assert!(open(&key, "license 1", &sealed[..NONCE_BYTES - 1]).is_err());
        let mut tampered = sealed.clone();
        tampered[NONCE_BYTES] ^= 1;
        assert!(open(&key, "license 1", &tampered).is_err());
    }
}
