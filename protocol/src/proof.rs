//! A device's own signature on its requests (wire section 7, W1: protocol 2).
//!
//! A device makes an Ed25519 key, gives the public half at its activation (`deviceKey`) and signs every request from then
//! on. Whoever has the project's secret from a shipped build can then no longer speak for that device.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use ed25519_dalek::{Signature, Signer, SigningKey, VerifyingKey};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, percent_decode_str, percent_encode};
use sha2::{Digest, Sha256};

/// The header with the signature, in base64.
pub const SIGNATURE_HEADER: &str = "x-ltlm-signature";
/// The header with the time of signing, in milliseconds since the Unix epoch.
pub const TIME_HEADER: &str = "x-ltlm-time";
/// The header with the nonce of a request without an envelope; an envelope has its own.
pub const NONCE_HEADER: &str = "x-ltlm-nonce";

/// What is encoded in the canonical form: all but the unreserved characters (RFC 3986, section 2.3).
pub const UNRESERVED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

/// The canonical form of a path with its query, as the device signs it: each part between slashes, and each name and value of the
/// query, is decoded and then encoded again, all but letters, digits and `-._~`, with capital hex digits. So it does not matter how
/// the request was spelled, nor what was decoded on its way. A `+` in the query is a space.
pub fn canonical(path: &str) -> String {
    let (path, query) = path.split_once('?').map_or((path, None), |(path, query)| (path, Some(query)));
    let again = |text: &str| {
        let decoded: Vec<u8> = percent_decode_str(text).collect();
        percent_encode(&decoded, UNRESERVED).to_string()
    };
    let parts: Vec<_> = path.split('/').map(again).collect();
    let path = parts.join("/");
    let Some(query) = query.filter(|query| !query.is_empty()) else { return path };
    let again = |text: &str| again(&text.replace('+', "%20"));
    let pairs = query.split('&').map(|pair| match pair.split_once('=') {
        Some((name, value)) => format!("{}={}", again(name), again(value)),
        None => again(pair),
    });
    let pairs: Vec<_> = pairs.collect();
    format!("{path}?{}", pairs.join("&"))
}

/// What is signed: method, [`canonical`] path with query, body, time and nonce. The prefix `/api` is not part of the path.
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
    fn the_canonical_form_is_the_same_however_the_path_was_spelled() {
        let same = "/v1/sdk/license/LIC-1/devices/a%2Fb%20%C3%BC~?hwid=a%20b%2B&x";
        for spelled in [
            same,
            "/v1/sdk/license/LIC-1/devices/a%2fb ü%7E?hwid=a+b%2b&x",
            "/v1/sdk/%6Cicense/LIC%2D1/devices/a%2Fb%20%c3%bc~?%68wid=a%20b%2B&x",
        ] {
            assert_eq!(canonical(spelled), same);
        }
        assert_eq!((canonical("/a/b"), canonical("/a?")), ("/a/b".to_owned(), "/a".to_owned()));
        assert_ne!(canonical("/a%2Fb"), canonical("/a/b"));
        assert_eq!(canonical("/50%"), "/50%25", "what is encoded badly stands for itself");
    }

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
