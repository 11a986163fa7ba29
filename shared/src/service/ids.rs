//! Names that the service creates, from the clock and the random source that are passed in.

use hmac::{Hmac, KeyInit, Mac};
use ltlm_protocol::{Timestamp, canonical};
use serde_json::{Map, Value};
use sha2::{Digest, Sha256};

use crate::keys::Key32;
use crate::model::ids::{LicenseId, ShortHash};
use crate::service::ports::Entropy;

/// A UUID of version 7 (RFC 9562): sorts by time.
pub fn operation_id(now: Timestamp, entropy: &dyn Entropy) -> String {
    let mut random = [0; 10];
    entropy.fill(&mut random);
    uuid::Builder::from_unix_timestamp_millis(now.ms().max(0).unsigned_abs(), &random).into_uuid().to_string()
}

/// A project id: `prj_` and 16 hex digits.
pub fn project_id(entropy: &dyn Entropy) -> String {
    let mut random = [0; 8];
    entropy.fill(&mut random);
    format!("prj_{}", hex::encode(random))
}

/// Characters of an administrator key.
const ALPHABET: &[u8; 62] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
/// What every administrator key begins with.
pub const ADMIN_KEY_PREFIX: &str = "ltlm_admin_";
/// How many random characters follow: 32 of 62, about 190 bits.
const ADMIN_KEY_CHARS: usize = 32;

/// What every access token begins with.
pub const ACCESS_TOKEN_PREFIX: &str = "ltlm_access_";

/// What every token of a sign-in begins with.
const SIGN_IN_PREFIX: &str = "ltlm_signin_";

/// A new token of a sign-in: letters, digits and underscores, which need no escaping anywhere.
pub fn sign_in_token(entropy: &dyn Entropy) -> String {
    unguessable(SIGN_IN_PREFIX, entropy)
}

/// A new administrator key.
pub fn admin_key(entropy: &dyn Entropy) -> String {
    unguessable(ADMIN_KEY_PREFIX, entropy)
}

/// The access token of an operation, from a keyed hash: the same operation sent twice returns the same token, and
/// without the project's derivation key nobody can compute it.
pub fn access_token(derivation: &Key32, operation_id: &str) -> String {
    let block = |part: u32| keyed(derivation, &format!("access-token/1\0{operation_id}\0{part}"));
    let mut bytes = (0..=u32::MAX).flat_map(block);
    spelled(ACCESS_TOKEN_PREFIX, || bytes.next().unwrap_or_default())
}

fn unguessable(prefix: &str, entropy: &dyn Entropy) -> String {
    spelled(prefix, || {
        let mut byte = [0];
        entropy.fill(&mut byte);
        byte[0]
    })
}

/// A secret after its prefix, spelled from random bytes.
fn spelled(prefix: &str, mut byte: impl FnMut() -> u8) -> String {
    let mut key = prefix.to_owned();
    while key.len() < prefix.len() + ADMIN_KEY_CHARS {
        let byte = byte();
        // 248 is the largest multiple of 62 in a byte: beyond it the spread would not be even.
        if byte < 248 {
            key.push(char::from(ALPHABET[usize::from(byte % 62)]));
        }
    }
    key
}

/// A one-time code: six digits that are derived from a key, from the recipient, and from the name of the request for
/// them.
pub fn one_time_code(key: &Key32, to: &str, request: &str) -> String {
    let mac = keyed(key, &format!("one-time-code/1\0{to}\0{request}"));
    let mut head = [0; 8];
    head.copy_from_slice(&mac[..8]);
    // Of 2^64 numbers a million is so small a part that none of its classes is likelier than another to be noticed.
    format!("{:06}", u64::from_be_bytes(head) % 1_000_000)
}

/// The id of the license that has this key.
pub fn license_id(key: &str) -> LicenseId {
    LicenseId(sha256_hex(key.as_bytes()))
}

/// The key of the `index`-th license that an operation issues: `LIC-` and 16 upper-case hex digits, from a keyed hash.
/// The same operation sent twice therefore issues the same keys, and without the project's derivation key nobody can
/// compute them.
pub fn license_key(derivation: &Key32, operation_id: &str, index: i64) -> String {
    let mac = keyed(derivation, &format!("license-key/1\0{operation_id}\0{index}"));
    format!("LIC-{}", hex::encode_upper(&mac[..8]))
}

/// What is kept of a secret that an operation brought, to know it again: worth nothing without the key.
pub fn secret_mark(key: &Key32, operation_id: &str, secret: &str) -> String {
    hex::encode(keyed(key, &format!("secret-mark/1\0{operation_id}\0{secret}")))
}

/// The proof in a cursor that its content may be shown to this recipient.
pub fn cursor_mark(key: &Key32, to: &str, position: &str, until: Timestamp) -> String {
    hex::encode(keyed(key, &format!("portfolio-cursor/1\0{to}\0{position}\0{}", until.ms())))
}

fn keyed(key: &Key32, message: &str) -> [u8; 32] {
    // HMAC pads a key to the hash's block with zeros, so the padded key gives the same code.
    let mut block = zeroize::Zeroizing::new([0_u8; 64]);
    block[..32].copy_from_slice(key.expose());
    Hmac::<Sha256>::new((&*block).into()).chain_update(message).finalize().into_bytes().into()
}

/// A nonce: 16 random bytes as hex.
pub fn nonce(entropy: &dyn Entropy) -> String {
    let mut random = [0; 16];
    entropy.fill(&mut random);
    hex::encode(random)
}

/// What is kept of a text that only needs to be recognized.
pub fn mark(text: &str) -> ShortHash {
    let digest = Sha256::digest(text.as_bytes());
    let mut mark = [0; 8];
    mark.copy_from_slice(&digest[..8]);
    ShortHash(mark)
}

/// The purpose of a charge, to recognize a repeated use. Absent metadata and empty metadata are equal.
pub fn use_mark(license: &LicenseId, action: &str, meta: Option<&Map<String, Value>>) -> ShortHash {
    let meta = meta.filter(|meta| !meta.is_empty()).map(|meta| canonical::print(&Value::Object(meta.clone())));
    let meta = meta.map(|meta| format!("\0{meta}")).unwrap_or_default();
    mark(&format!("{}\0{action}{meta}", license.0))
}

/// SHA-256 as lower-case hex.
pub fn sha256_hex(bytes: &[u8]) -> String {
    hex::encode(Sha256::digest(bytes))
}
