//! The PRO envelope: what is encrypted, how, and what is signed (wire 2).
//!
//! Requests: `{"blob":"<cipher text>"}`, whose plain text is `{"data":{…},"nonce":"…","hwid":"…"}`. Answers: the cipher text
//! alone, whose plain text carries `data`, the next nonce, the time and a signature over all of it.
//!
//! Every failure to open is the same [`BadEnvelope`], and takes the same steps: padding is looked at without branching, and
//! what was decrypted is parsed whether the padding was right or not.

use aes::Aes256;
use aes::cipher::block_padding::{NoPadding, Pkcs7};
use aes::cipher::{BlockModeDecrypt, BlockModeEncrypt, KeyIvInit};
use aes_gcm::aead::{Aead, KeyInit};
use aes_gcm::{Aes256Gcm, Nonce};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use ed25519_dalek::{Signature, Signer, SigningKey, VerifyingKey};
use serde_json::{Map, Value};
use zeroize::Zeroizing;

use crate::read::{depth, is_name};
use crate::{canonical, json, limits};

/// Bytes of a block of AES, and of the vector that CBC starts with.
const BLOCK: usize = 16;
/// Bytes of the nonce of GCM.
const GCM_NONCE: usize = 12;
/// Bytes of the tag of GCM.
const GCM_TAG: usize = 16;

/// How a text is encrypted. An answer is encrypted as its request was (wire 2.2).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    /// AES-256-CBC with PKCS#7: `iv:cipher`. What the existing client speaks.
    Cbc,
    /// AES-256-GCM: `iv:tag:cipher`.
    Gcm,
}

/// A text that is no envelope of ours, or not for this key. It says no more on purpose.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("malformed request envelope")]
pub struct BadEnvelope;

/// A request, opened.
#[derive(Clone, Debug, PartialEq)]
pub struct Opened {
    /// How it was encrypted.
    pub mode: Mode,
    /// What the endpoint is asked.
    pub data: Map<String, Value>,
    /// The nonce that the device presents, if it is a text.
    pub nonce: Option<String>,
    /// The device.
    pub hwid: String,
    /// Bytes by which the request is known again, however its cipher text is spelled.
    pub identity: Vec<u8>,
}

/// The cipher text of a request body, if the body is an object with nothing but a text called `blob`.
pub fn blob(body: &Value) -> Option<&str> {
    let members = body.as_object().filter(|members| members.len() == 1)?;
    members.get("blob")?.as_str()
}

/// Opens the cipher text of a request.
pub fn open(key: &[u8; 32], blob: &str) -> Result<Opened, BadEnvelope> {
    let (mode, plain) = decrypt(key, blob)?;
    let Value::Object(mut members) = plain else { return Err(BadEnvelope) };
    let (Some(Value::Object(data)), Some(Value::String(hwid))) = (members.remove("data"), members.remove("hwid"))
    else {
        return Err(BadEnvelope);
    };
    if !(1..=limits::HWID_CHARS_MAX).contains(&hwid.chars().count()) || !is_name(&hwid) {
        return Err(BadEnvelope);
    }
    let nonce = match members.remove("nonce") {
        Some(Value::String(nonce)) => Some(nonce),
        _ => None,
    };
    Ok(Opened { mode, data, nonce, hwid, identity: identity(blob) })
}

/// What is the same in all cipher texts that are made from one without its key: of CBC the last block, of GCM all but the nonce.
///
/// In CBC whoever changes the vector changes the first block of the plain text as they like, and whoever leaves out first blocks
/// makes another one the vector. The last block depends on all before it when it is made, and on none of them once it is: another one
/// ends in noise, which is neither padding nor the end of an object.
fn identity(blob: &str) -> Vec<u8> {
    let parts: Vec<_> = blob.trim().split(':').skip(1).filter_map(|part| hex::decode(part).ok()).collect();
    match &parts[..] {
        [cipher] => cipher[cipher.len().saturating_sub(BLOCK)..].to_vec(),
        sealed => sealed.concat(),
    }
}

/// Decrypts a cipher text to the JSON that it holds.
pub fn decrypt(key: &[u8; 32], text: &str) -> Result<(Mode, Value), BadEnvelope> {
    let (mode, plain, is_whole) = decrypt_bytes(key, text)?;
    let value = json::parse(&plain).ok().filter(|value| depth(value) <= limits::JSON_DEPTH_MAX);
    value.filter(|_| is_whole).map(|value| (mode, value)).ok_or(BadEnvelope)
}

/// Decrypts a cipher text to the text that it holds: for a client, which verifies a signature over the text as it came.
pub fn decrypt_text(key: &[u8; 32], text: &str) -> Result<(Mode, String), BadEnvelope> {
    let (mode, plain, is_whole) = decrypt_bytes(key, text)?;
    let plain = String::from_utf8(plain.to_vec()).ok();
    plain.filter(|_| is_whole).map(|plain| (mode, plain)).ok_or(BadEnvelope)
}

/// The plain text, and whether its padding was right.
fn decrypt_bytes(key: &[u8; 32], text: &str) -> Result<(Mode, Zeroizing<Vec<u8>>, bool), BadEnvelope> {
    let parts: Vec<_> = text.trim().split(':').map(hex::decode).collect();
    match &parts[..] {
        [Ok(iv), Ok(cipher)] => {
            let (plain, is_whole) = open_cbc(key, iv, cipher)?;
            Ok((Mode::Cbc, plain, is_whole))
        }
        [Ok(iv), Ok(tag), Ok(cipher)] => Ok((Mode::Gcm, open_gcm(key, iv, tag, cipher)?, true)),
        _ => Err(BadEnvelope),
    }
}

/// The plain text, and whether its padding was right; if not, all of it.
fn open_cbc(key: &[u8; 32], iv: &[u8], cipher: &[u8]) -> Result<(Zeroizing<Vec<u8>>, bool), BadEnvelope> {
    let iv: [u8; BLOCK] = iv.try_into().map_err(|_| BadEnvelope)?;
    if cipher.is_empty() {
        return Err(BadEnvelope);
    }
    let decryptor = cbc::Decryptor::<Aes256>::new(key.into(), &iv.into());
    let mut plain = Zeroizing::new(decryptor.decrypt_padded_vec::<NoPadding>(cipher).map_err(|_| BadEnvelope)?);
    let padding = plain.last().copied().unwrap_or(0);
    let last = &plain[plain.len() - BLOCK..];
    let mut wrong = u8::from(padding == 0) | u8::from(usize::from(padding) > BLOCK);
    for (index, byte) in last.iter().enumerate() {
        let is_padding = u8::from(BLOCK - index <= usize::from(padding));
        wrong |= is_padding * (byte ^ padding);
    }
    let is_whole = wrong == 0;
    let length = plain.len() - usize::from(is_whole) * usize::from(padding);
    plain.truncate(length);
    Ok((plain, is_whole))
}

fn open_gcm(key: &[u8; 32], iv: &[u8], tag: &[u8], cipher: &[u8]) -> Result<Zeroizing<Vec<u8>>, BadEnvelope> {
    let iv: [u8; GCM_NONCE] = iv.try_into().map_err(|_| BadEnvelope)?;
    if tag.len() != GCM_TAG {
        return Err(BadEnvelope);
    }
    let sealed = [cipher, tag].concat();
    let plain = Aes256Gcm::new(key.into()).decrypt(&Nonce::from(iv), sealed.as_slice());
    plain.map(Zeroizing::new).map_err(|_| BadEnvelope)
}

/// Encrypts a text. `random` gives the vector: all of it for CBC, the first twelve bytes for GCM.
pub fn seal(key: &[u8; 32], mode: Mode, random: [u8; BLOCK], text: &str) -> String {
    match mode {
        Mode::Cbc => {
            let encryptor = cbc::Encryptor::<Aes256>::new(key.into(), &random.into());
            let cipher = encryptor.encrypt_padded_vec::<Pkcs7>(text.as_bytes());
            format!("{}:{}", hex::encode(random), hex::encode(cipher))
        }
        Mode::Gcm => {
            let mut iv = [0; GCM_NONCE];
            iv.copy_from_slice(&random[..GCM_NONCE]);
            // It fails for texts of 64 GiB and more only.
            let sealed = Aes256Gcm::new(key.into()).encrypt(&Nonce::from(iv), text.as_bytes()).unwrap_or_default();
            let (cipher, tag) = sealed.split_at(sealed.len().saturating_sub(GCM_TAG));
            format!("{}:{}:{}", hex::encode(iv), hex::encode(tag), hex::encode(cipher))
        }
    }
}

/// The plain text of an answer: `members` in canonical order with their signature (wire 2.5).
pub fn sign(seed: &[u8; 32], members: Map<String, Value>) -> String {
    let printed = canonical::print(&Value::Object(members));
    let signature = SigningKey::from_bytes(seed).sign(canonical::signed_text(&printed).as_bytes());
    let signature = BASE64.encode(signature.to_bytes());
    match printed.strip_suffix('}') {
        Some("{") => format!("{{\"signature\":\"{signature}\"}}"),
        Some(open) => format!("{open},\"signature\":\"{signature}\"}}"),
        None => printed,
    }
}

/// The members of an answer, if its signature is of `public_key`: what a client does with what it decrypted.
pub fn verify(public_key: &[u8; 32], answer: Value) -> Option<Map<String, Value>> {
    let Value::Object(mut members) = answer else { return None };
    let signature = members.remove("signature")?;
    let signature = Signature::from_slice(&BASE64.decode(signature.as_str()?).ok()?).ok()?;
    let signed = canonical::signed_text(&canonical::print(&Value::Object(members.clone())));
    let key = VerifyingKey::from_bytes(public_key).ok()?;
    key.verify_strict(signed.as_bytes(), &signature).ok()?;
    Some(members)
}

/// The key that a canonical secret is: its 64 hex digits as bytes.
pub fn key_of_secret(secret: &str) -> Option<Zeroizing<[u8; 32]>> {
    let mut key = Zeroizing::new([0; 32]);
    hex::decode_to_slice(secret, &mut *key).ok()?;
    Some(key)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use serde_json::json;
    use sha2::{Digest, Sha256};

    // Appendix A of the wire.
    const SECRET: &str = "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f";
    const SEED: &str = "202122232425262728292a2b2c2d2e2f303132333435363738393a3b3c3d3e3f";
    const PUBLIC: &str = "29acbae141bccaf0b22e1a94d34d0bc7361e526d0bfe12c89794bc9322966dd7";
    const IV: &str = "a0a1a2a3a4a5a6a7a8a9aaabacadaeaf";
    const NONCE: &str = "7f3c2a10-0001";
    const PLAIN: &str =
        r#"{"data":{"key":"LIC-0BEC53C679BF012F","hwid":"h1","isClosing":false},"nonce":"7f3c2a10-0001","hwid":"h1"}"#;
    const CBC: &str = "a0a1a2a3a4a5a6a7a8a9aaabacadaeaf:0cacc58d21312a9bcf9dd7d453b827dbbff536e2542999cc9b1122dbbd53e75c2df739f93702353d5f76c9b7ac0cb59b2b45469cca3049a8757561eefaade570456a87ee4083f1206cd20febdfc2831352698259186538ff74baad82a3fc8b639c17a05c8bb0ee6455930d72f4950e86";
    const GCM: &str = "a0a1a2a3a4a5a6a7a8a9aaab:8f0c41b3a828007d0d9980f230f2eb57:9d3a184c31aa20851947ecb67e58fafc3ce51a3da2f5072fa93d65b048923747e24775b98d0e715528f560ea3358ebc8653764211193761132376539864ae3d1d8cfe0121c878a8f9a819a3ab5ecfbdcfe6899c5f4f1b44ade450fb89db825e3e6e0099121c6beb9e3";
    const SIGNATURE: &str = "CbiE9kZUj1ZgazR4AyI5+a1DRf+7RAr5ejcrhIc6qYurWutQ5pnaFTWY1R3ar4BlsG/qxltQekdLMXybk0thDQ==";

    fn bytes<const N: usize>(hex_text: &str) -> [u8; N] {
        hex::decode(hex_text).unwrap().try_into().unwrap()
    }

    fn key() -> [u8; 32] {
        bytes(SECRET)
    }

    /// The envelope value of Appendix A, its members in no particular order.
    fn answer() -> Map<String, Value> {
        let value = json!({
            "timestamp": 1_703_548_800_000_i64,
            "server_nonce": NONCE,
            "data": {
                "licenseKey": "LIC-0BEC53C679BF012F", "status": "active", "Zeta": true, "tokensRemaining": -2,
                "price": 9.99, "whole": 10.0, "note": "café 漢 😀", "url": "https://x/y", "path": "C:\\/tmp",
                "ctl": "\u{0}\u{1f}\t\u{7f}\u{85}\u{2028}", "kickedNotice": null,
                "machines": [{"hwid": "h1", "meta": {"os": "TestOS"}}],
            },
        });
        value.as_object().cloned().unwrap()
    }

    #[test]
    fn a02_the_request_of_appendix_a_opens_in_both_modes() {
        for (mode, text) in [(Mode::Cbc, CBC), (Mode::Gcm, GCM)] {
            let opened = open(&key(), text).unwrap();
            assert_eq!((opened.mode, opened.nonce.as_deref(), opened.hwid.as_str()), (mode, Some(NONCE), "h1"));
            assert_eq!(opened.data["key"], "LIC-0BEC53C679BF012F");
            assert_eq!(seal(&key(), mode, bytes(IV), PLAIN), text);
            assert_eq!(open(&key(), &text.to_uppercase()), Ok(opened), "letter case does not matter");
            assert_eq!(decrypt_text(&key(), text), Ok((mode, PLAIN.to_owned())));
            assert_eq!(decrypt_text(&[7; 32], text), Err(BadEnvelope));
        }
    }

    #[test]
    fn a03_the_answer_of_appendix_a_is_signed_and_printed_byte_for_byte() {
        let printed = canonical::print(&Value::Object(answer()));
        let signed = canonical::signed_text(&printed);
        assert_eq!(
            hex::encode(Sha256::digest(&signed)),
            "e64cdf2f1472bbe95ff63ff02cc41286cf8834d89fbb08aae5921d88b0502fd5"
        );
        let text = sign(&bytes(SEED), answer());
        assert!(text.ends_with(&format!(",\"signature\":\"{SIGNATURE}\"}}")), "{text}");
        assert!(text.contains(r#""path":"C:\\/tmp""#));
        let body = seal(&key(), Mode::Cbc, bytes(IV), &text);
        assert_eq!(body.len(), 961);
        assert!(body.starts_with(
            "a0a1a2a3a4a5a6a7a8a9aaabacadaeaf:cab036afe30fdaa9d709781eb4b6ed31ac5ba1db182117fc0f1fedaa250ebc54"
        ));
        assert!(body.ends_with("29be675d3e720f08d421bd4d522fa7a0"));
        assert_eq!(
            hex::encode(Sha256::digest(&body)),
            "f6c2ed6095a706c8a608304af9a546e316560c8475dfdca4d869ab6614c55fd1"
        );
    }

    #[test]
    fn a04_a_changed_answer_does_not_verify_and_a_reordered_one_does() {
        let text = sign(&bytes(SEED), answer());
        let value: Value = serde_json::from_str(&text).unwrap();
        assert_eq!(verify(&bytes(PUBLIC), value.clone()), Some(answer()));
        let reversed: Map<_, _> = value.as_object().unwrap().clone().into_iter().rev().collect();
        assert!(verify(&bytes(PUBLIC), Value::Object(reversed)).is_some());
        for (place, byte) in text.bytes().enumerate().take(text.find(",\"signature\"").unwrap()) {
            let mut changed = text.clone().into_bytes();
            changed[place] = if byte == b'1' { b'2' } else { b'1' };
            let parsed = json::parse(&changed).ok();
            assert_eq!(parsed.and_then(|value| verify(&bytes(PUBLIC), value)), None, "byte {place}");
        }
        assert_eq!(verify(&key(), value), None);
    }

    #[test]
    fn a05_all_that_does_not_open_fails_alike() {
        let wrong_last = format!("{}0", &CBC[..CBC.len() - 1]);
        let no_tag = GCM.replacen(":8f0c", ":8f0d", 1);
        let seal = |text: &str| seal(&key(), Mode::Cbc, bytes(IV), text);
        let cases = [
            wrong_last.as_str(),
            no_tag.as_str(),
            "zz:11",
            "",
            ":",
            "a0",
            "a0:a1:a2:a3",
            &CBC[..CBC.len() - 2],
            &CBC[2..],
            &format!("{IV}:"),
            &seal(""),
            &seal("7"),
            &seal("{}"),
            &seal(r#"{"data":{},"nonce":"n"}"#),
            &seal(r#"{"data":[],"hwid":"h"}"#),
            &seal(r#"{"data":{},"hwid":""}"#),
            &seal(&format!(r#"{{"data":{{}},"hwid":"{}"}}"#, "h".repeat(129))),
            &seal(&format!(r#"{{"data":{{"a":{}{}}},"hwid":"h"}}"#, "[".repeat(70), "]".repeat(70))),
        ];
        for case in cases {
            assert_eq!(open(&key(), case), Err(BadEnvelope), "{case}");
        }
        assert_eq!(open(&bytes(SEED), CBC), Err(BadEnvelope), "another key");
        assert!(open(&key(), &seal(r#"{"data":{},"nonce":7,"hwid":"h"}"#)).unwrap().nonce.is_none());
        let bodies = [json!({"blob": 5}), json!({"blob": "x", "y": 1}), json!(["x"]), json!({})];
        assert!(bodies.iter().all(|body| blob(body).is_none()));
        assert_eq!(blob(&json!({"blob": "x"})), Some("x"));
    }

    #[test]
    fn a_cipher_text_is_known_again_however_it_is_made_from_another() {
        let identity_of = |text: &str| open(&key(), text).unwrap().identity;
        for text in [CBC, GCM] {
            assert_eq!(identity_of(&text.to_uppercase()), identity_of(text));
            assert_eq!(identity_of(&format!("\n {text} ")), identity_of(text));
        }
        // Another vector, and the first block as the vector of the rest.
        let (_, cipher) = CBC.split_once(':').unwrap();
        assert_eq!(identity(&format!("{}:{cipher}", "0".repeat(32))), identity(CBC));
        assert_eq!(identity(&format!("{}:{}", &cipher[..32], &cipher[32..])), identity(CBC));
        // The same text once more, as a client sends it.
        let again = seal(&key(), Mode::Cbc, [1; 16], PLAIN);
        assert_ne!(identity_of(&again), identity_of(CBC));
        let again = seal(&key(), Mode::Gcm, [1; 16], PLAIN);
        assert_ne!(identity_of(&again), identity_of(GCM));
    }

    proptest! {
        /// What is sealed opens, whatever it is, unless it names a blank device.
        #[test]
        fn what_is_sealed_opens(nonce in any::<String>(), hwid in "[ -~]{1,40}", note in any::<String>(), random in any::<[u8; 16]>()) {
            let text = json!({"data": {"note": note}, "nonce": nonce, "hwid": hwid}).to_string();
            for mode in [Mode::Cbc, Mode::Gcm] {
                let opened = open(&key(), &seal(&key(), mode, random, &text));
                if hwid.trim().is_empty() {
                    prop_assert!(opened.is_err());
                    continue;
                }
                let opened = opened.unwrap();
                prop_assert_eq!((opened.nonce.as_ref(), &opened.hwid), (Some(&nonce), &hwid));
                prop_assert_eq!(&opened.data["note"], &Value::from(note.clone()));
            }
        }

        #[test]
        fn no_text_makes_it_panic(text in "[0-9a-f:]{0,200}", any_text in any::<String>(), bytes in proptest::collection::vec(any::<u8>(), 0..96)) {
            let _ = open(&key(), &text);
            let _ = open(&key(), &any_text);
            let (iv, cipher) = bytes.split_at(bytes.len().min(16));
            let _ = open(&key(), &format!("{}:{}", hex::encode(iv), hex::encode(cipher)));
        }

        /// Any bytes that decrypt are parsed, and no plain text makes that panic.
        #[test]
        fn no_plain_text_makes_it_panic(text in any::<String>()) {
            let _ = open(&key(), &seal(&key(), Mode::Cbc, [7; 16], &text));
            if let Ok(value) = json::parse(text.as_bytes()) {
                let _ = verify(&bytes(PUBLIC), value);
            }
        }
    }
}
