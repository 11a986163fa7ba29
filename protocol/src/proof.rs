//! A device's own signature on its requests (wire section 7, W1: protocol 2).
//!
//! A device makes an Ed25519 key, gives the public half at its activation (`deviceKey`) and signs every request from then
//! on. Whoever has the project's secret from a shipped build can then no longer speak for that device.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use ed25519_dalek::{Signature, Signer, SigningKey, VerifyingKey};
use sha2::{Digest, Sha256};

/// The header with the signature, in base64.
pub const SIGNATURE_HEADER: &str = "x-ltlm-signature";
/// The header with the time of signing, in milliseconds since the Unix epoch.
pub const TIME_HEADER: &str = "x-ltlm-time";
/// The header with the nonce of a request without an envelope; an envelope has its own.
pub const NONCE_HEADER: &str = "x-ltlm-nonce";

/// What is signed: method, path with query, body, time and nonce. The prefix `/api` is not part of the path.
pub fn message(method: &str, path: &str, body: &[u8], time_ms: i64, nonce: &str) -> String {
    let digest = hex::encode(Sha256::digest(body));
    format!("LTLM2\n{method}\n{path}\n{digest}\n{time_ms}\n{nonce}")
}

/// Signs a message, as the header's text.
pub fn sign(seed: &[u8; 32], message: &str) -> String {
    BASE64.encode(SigningKey::from_bytes(seed).sign(message.as_bytes()).to_bytes())
}

/// Is this text the signature of `message` by the key whose public half this is?
pub fn verify(public_key: &[u8; 32], message: &str, signature: &str) -> bool {
    let Some(signature) = BASE64.decode(signature).ok().and_then(|bytes| Signature::from_slice(&bytes).ok()) else {
        return false;
    };
    VerifyingKey::from_bytes(public_key).is_ok_and(|key| key.verify_strict(message.as_bytes(), &signature).is_ok())
}

/// The public half of a key, as `deviceKey` carries it.
pub fn public_key(seed: &[u8; 32]) -> String {
    BASE64.encode(SigningKey::from_bytes(seed).verifying_key().to_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_part_of_a_request_is_signed() {
        let seed = [7; 32];
        let key = BASE64.decode(public_key(&seed)).unwrap().try_into().unwrap();
        let signed = message("POST", "/v1/x?hwid=a", b"{}", 1_000, "n");
        let signature = sign(&seed, &signed);
        assert!(verify(&key, &signed, &signature));
        let others = [
            message("PUT", "/v1/x?hwid=a", b"{}", 1_000, "n"),
            message("POST", "/v1/x?hwid=b", b"{}", 1_000, "n"),
            message("POST", "/v1/x?hwid=a", b"{ }", 1_000, "n"),
            message("POST", "/v1/x?hwid=a", b"{}", 1_001, "n"),
            message("POST", "/v1/x?hwid=a", b"{}", 1_000, "m"),
        ];
        assert!(others.iter().all(|other| !verify(&key, other, &signature)));
        assert!(
            !verify(&[8; 32], &signed, &signature) && !verify(&key, &signed, "AAAA") && !verify(&key, &signed, "é")
        );
    }
}
