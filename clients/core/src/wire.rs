//! What goes over the wire: requests sealed and signed, answers opened, verified and held to their request before anything of them
//! is believed (contract X-1).

use std::collections::BTreeSet;
use std::fmt;

use ltlm_protocol::envelope::{self, Mode};
use ltlm_protocol::{canonical, json, proof};
use serde::de::{DeserializeSeed, Deserializer, Error as _, MapAccess, SeqAccess, Visitor};
use serde_json::{Map, Value};
use zeroize::Zeroizing;

/// The header that names the project.
const SECRET_HEADER: &str = "x-project-secret";

/// Headers of a request.
pub(crate) type Headers = Vec<(&'static str, String)>;

/// What seals requests and opens answers.
pub(crate) struct Seal {
    /// The canonical secret.
    pub(crate) secret: Zeroizing<String>,
    /// The key that it is.
    pub(crate) key: Zeroizing<[u8; 32]>,
    /// Keys that answers may be signed by.
    pub(crate) public_keys: Vec<[u8; 32]>,
    /// The device.
    pub(crate) hwid: String,
    /// Protocol 2: requests are sealed with authentication, and signed by the device.
    pub(crate) is_signing: bool,
    /// Accept answers that do not state for whom they are.
    pub(crate) accept_unbound: bool,
}

/// What an answer must be an answer to.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Asked<'a> {
    /// The route's path.
    pub(crate) endpoint: &'a str,
    /// The license, if the route is one's.
    pub(crate) key: Option<&'a str>,
    /// The nonce of the request.
    pub(crate) nonce: &'a str,
    /// How long ago the request was sent, by the boot clock.
    pub(crate) elapsed_ms: u64,
}

/// A verified answer.
#[derive(Clone, Debug)]
pub(crate) struct Verified {
    /// The text whose signature was verified.
    pub(crate) text: Zeroizing<String>,
    /// What was asked for.
    pub(crate) data: Value,
    /// When the server signed it, in milliseconds since the Unix epoch.
    pub(crate) signed_ms: i64,
    /// The nonce to continue with, if it contains one.
    pub(crate) nonce: Option<String>,
}

/// The text is no answer of the project's, or no answer to this request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Untrusted {
    /// It does not look like an answer at all.
    Foreign,
    /// It looks like one, and is not to be believed.
    Rejected,
}

impl Seal {
    fn mode(&self) -> Mode {
        if self.is_signing { Mode::Gcm } else { Mode::Cbc }
    }

    /// The headers of a request with this body.
    fn headers(&self, signer: &[u8; 32], method: &str, path: &str, body: &[u8], time_ms: i64, nonce: &str) -> Headers {
        let mut headers = vec![(SECRET_HEADER, self.secret.to_string())];
        if self.is_signing {
            let message = proof::message(method, &proof::canonical(path), body, time_ms, nonce);
            headers.push((proof::TIME_HEADER, time_ms.to_string()));
            headers.push((proof::SIGNATURE_HEADER, proof::sign(signer, &message)));
        }
        headers
    }

    /// A request of the encrypted face, as headers and body.
    pub(crate) fn post(
        &self,
        signer: &[u8; 32],
        path: &str,
        data: &Value,
        nonce: &str,
        vector: [u8; 16],
        time_ms: i64,
    ) -> (Headers, String) {
        let plain = serde_json::json!({"data": data, "nonce": nonce, "hwid": self.hwid}).to_string();
        let plain = Zeroizing::new(plain);
        let body = format!("{{\"blob\":\"{}\"}}", envelope::seal(&self.key, self.mode(), vector, &plain));
        let mut headers = self.headers(signer, "POST", path, body.as_bytes(), time_ms, nonce);
        headers.push(("content-type", "application/json".to_owned()));
        (headers, body)
    }

    /// The headers of a plain request.
    pub(crate) fn get(&self, signer: &[u8; 32], path: &str, nonce: &str, time_ms: i64) -> Headers {
        let mut headers = self.headers(signer, "GET", path, b"", time_ms, nonce);
        if self.is_signing {
            headers.push((proof::NONCE_HEADER, nonce.to_owned()));
        }
        headers
    }

    /// The members of a text that one of the keys signed, its signature being the last of them.
    fn members(&self, text: &str) -> Option<Map<String, Value>> {
        let (signed, signature) = text.trim().rsplit_once(",\"signature\":\"")?;
        let signature = signature.strip_suffix("\"}")?;
        let message = canonical::signed_text(&format!("{signed}}}"));
        if !self.public_keys.iter().any(|key| proof::verify(key, &message, signature)) {
            return None;
        }
        has_no_repeated_names(text).then(|| json::parse(text.as_bytes()).ok())?.and_then(|value| match value {
            Value::Object(members) => Some(members),
            _ => None,
        })
    }

    fn verified(&self, text: String) -> Option<(Verified, Map<String, Value>)> {
        let mut members = self.members(&text)?;
        let signed_ms = members.get("timestamp").and_then(Value::as_i64)?;
        let data = members.remove("data")?;
        let nonce = members.get("server_nonce").and_then(Value::as_str).filter(|nonce| !nonce.is_empty());
        let nonce = nonce.map(str::to_owned);
        Some((Verified { text: Zeroizing::new(text), data, signed_ms, nonce }, members))
    }

    /// Opens the answer to a request.
    pub(crate) fn open(&self, body: &[u8], asked: Asked<'_>) -> Result<Verified, Untrusted> {
        let body = std::str::from_utf8(body).map_err(|_| Untrusted::Foreign)?;
        if !looks_sealed(body) {
            return Err(Untrusted::Foreign);
        }
        let (mode, text) = envelope::decrypt_text(&self.key, body).map_err(|_| Untrusted::Rejected)?;
        let (verified, members) = self.verified(text).filter(|_| mode == self.mode()).ok_or(Untrusted::Rejected)?;
        let is_ours = match members.get("for") {
            Some(whom) => {
                whom["hwid"] == self.hwid.as_str()
                    && whom["endpoint"] == asked.endpoint
                    && whom["nonce"] == asked.nonce
                    && whom["key"].as_str() == asked.key
                    && is_fresh(&members, &verified, asked.elapsed_ms)
            }
            None => self.accept_unbound,
        };
        if is_ours { Ok(verified) } else { Err(Untrusted::Rejected) }
    }

    /// Opens a stored answer. It is verified again; if it states for whom it is, this must be this device.
    pub(crate) fn reopen(&self, text: &str) -> Option<Verified> {
        let (verified, members) = self.verified(text.to_owned())?;
        let is_ours = members.get("for").is_none_or(|whom| whom["hwid"] == self.hwid.as_str());
        is_ours.then_some(verified)
    }

    /// Opens an offline file.
    pub(crate) fn open_file(&self, text: &str) -> Option<Verified> {
        let (_, text) = envelope::decrypt_text(&self.key, text).ok()?;
        let (verified, members) = self.verified(text)?;
        // An answer that was recorded is no file.
        let is_file = members.contains_key("generatedAt") && !members.contains_key("for") && verified.nonce.is_none();
        is_file.then_some(verified)
    }
}

/// Is the answer younger than it may become? By the boot clock, from the sending of its request.
fn is_fresh(members: &Map<String, Value>, verified: &Verified, elapsed_ms: u64) -> bool {
    let exp = members.get("exp").and_then(Value::as_i64);
    let lasts_ms = exp.map_or(0, |exp| exp.saturating_sub(verified.signed_ms));
    i64::try_from(elapsed_ms).is_ok_and(|elapsed_ms| elapsed_ms < lasts_ms)
}

/// Two or three parts of hex digits, joined by colons.
fn looks_sealed(body: &str) -> bool {
    let parts: Vec<_> = body.trim().split(':').collect();
    (2..=3).contains(&parts.len())
        && parts.iter().all(|part| !part.is_empty() && part.bytes().all(|b| b.is_ascii_hexdigit()))
}

/// Does no object in this JSON name a member twice? Readers differ in which of the two they take.
fn has_no_repeated_names(text: &str) -> bool {
    let mut deserializer = serde_json::Deserializer::from_str(text);
    NamesOnce.deserialize(&mut deserializer).is_ok() && deserializer.end().is_ok()
}

/// Reads any JSON, and fails at a repeated name.
#[derive(Clone, Copy)]
struct NamesOnce;

impl<'de> DeserializeSeed<'de> for NamesOnce {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for NamesOnce {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("JSON")
    }

    fn visit_bool<E>(self, _: bool) -> Result<(), E> {
        Ok(())
    }

    fn visit_i64<E>(self, _: i64) -> Result<(), E> {
        Ok(())
    }

    fn visit_u64<E>(self, _: u64) -> Result<(), E> {
        Ok(())
    }

    fn visit_f64<E>(self, _: f64) -> Result<(), E> {
        Ok(())
    }

    fn visit_str<E>(self, _: &str) -> Result<(), E> {
        Ok(())
    }

    fn visit_unit<E>(self) -> Result<(), E> {
        Ok(())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<(), A::Error> {
        while list.next_element_seed(self)?.is_some() {}
        Ok(())
    }

    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<(), A::Error> {
        let mut names = BTreeSet::new();
        while let Some(name) = members.next_key::<String>()? {
            if !names.insert(name) {
                return Err(A::Error::custom("a name stands twice"));
            }
            members.next_value_seed(self)?;
        }
        Ok(())
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use ltlm_protocol::LicenseData;
    use serde_json::json;

    const SECRET: &str = "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f";
    const SEED: [u8; 32] = [9; 32];
    const PATH: &str = "/v1/sdk/pro/license/status";

    const LICENSE: &str = include_str!("../benches/license.json");

    /// What a server says of a license, with these members changed.
    pub(crate) fn license_data(change: Value) -> LicenseData {
        let mut value = json::parse(LICENSE.as_bytes()).unwrap();
        change_members(&mut value, change);
        json::typed(value).unwrap()
    }

    fn change_members(value: &mut Value, change: Value) {
        match (value, change) {
            (Value::Object(members), Value::Object(changes)) => {
                for (name, change) in changes {
                    change_members(members.entry(name).or_insert(Value::Null), change);
                }
            }
            (value, change) => *value = change,
        }
    }

    fn public() -> [u8; 32] {
        use base64::Engine as _;
        let text = proof::public_key(&SEED);
        base64::engine::general_purpose::STANDARD.decode(text).unwrap().try_into().unwrap()
    }

    fn seal() -> Seal {
        Seal {
            secret: Zeroizing::new(SECRET.to_owned()),
            key: envelope::key_of_secret(SECRET).unwrap(),
            public_keys: vec![[7; 32], public()],
            hwid: "a".to_owned(),
            is_signing: true,
            accept_unbound: false,
        }
    }

    fn members() -> Map<String, Value> {
        let value = json!({
            "data": {"path": "C:\\/tmp", "price": 9.99}, "server_nonce": "n2", "timestamp": 1_000_000, "exp": 1_300_000,
            "for": {"endpoint": PATH, "hwid": "a", "key": "L", "nonce": "n1"},
        });
        value.as_object().cloned().unwrap()
    }

    fn sealed(mode: Mode, text: &str) -> Vec<u8> {
        envelope::seal(&seal().key, mode, [3; 16], text).into_bytes()
    }

    fn asked() -> Asked<'static> {
        Asked { endpoint: PATH, key: Some("L"), nonce: "n1", elapsed_ms: 100 }
    }

    fn changed(change: impl Fn(&mut Map<String, Value>)) -> Vec<u8> {
        let mut members = members();
        change(&mut members);
        sealed(Mode::Gcm, &envelope::sign(&SEED, members))
    }

    #[test]
    fn an_answer_to_this_request_is_believed() {
        let verified = seal().open(&changed(|_| ()), asked()).unwrap();
        assert_eq!((verified.signed_ms, verified.nonce.as_deref()), (1_000_000, Some("n2")));
        assert_eq!(verified.data["path"], "C:\\/tmp");
        assert!(seal().reopen(&verified.text).is_some());
        let other = Seal { hwid: "b".to_owned(), ..seal() };
        assert!(other.reopen(&verified.text).is_none());
    }

    #[test]
    fn c65_what_is_tampered_with_is_rejected() {
        let whole = changed(|_| ());
        let text = String::from_utf8(whole.clone()).unwrap();
        for cut in [text.len() / 2 * 2 - 2, 40, 60] {
            assert!(seal().open(&whole[..cut], asked()).is_err());
        }
        for place in (0..text.len()).step_by(7) {
            let mut bytes = whole.clone();
            bytes[place] = if bytes[place] == b'0' { b'1' } else { b'0' };
            if bytes != whole {
                assert!(seal().open(&bytes, asked()).is_err(), "{place}");
            }
        }
        let strangers = sealed(Mode::Gcm, &envelope::sign(&[8; 32], members()));
        assert_eq!(seal().open(&strangers, asked()).err(), Some(Untrusted::Rejected));
        let unsigned = sealed(Mode::Gcm, &canonical::print(&Value::Object(members())));
        assert_eq!(seal().open(&unsigned, asked()).err(), Some(Untrusted::Rejected));
        let cbc = sealed(Mode::Cbc, &envelope::sign(&SEED, members()));
        assert_eq!(seal().open(&cbc, asked()).err(), Some(Untrusted::Rejected), "not as it was asked");
        // The signature is the last member, and names stand once.
        let signed = envelope::sign(&SEED, members());
        for other in [signed.replacen('{', "{\"a\":1,", 1), signed.replace("\"}", "\",\"z\":1}")] {
            assert_eq!(seal().open(&sealed(Mode::Gcm, &other), asked()).err(), Some(Untrusted::Rejected));
        }
    }

    #[test]
    fn a_name_that_stands_twice_is_rejected_though_it_is_signed() {
        let text = r#"{"data":{"a":1,"a":2},"timestamp":1"#;
        let signature = proof::sign(&SEED, &format!("{text}}}"));
        let seal = Seal { accept_unbound: true, ..seal() };
        let open = |text: String| seal.open(&sealed(Mode::Gcm, &text), asked());
        assert_eq!(open(format!("{text},\"signature\":\"{signature}\"}}")).err(), Some(Untrusted::Rejected));
        let text = r#"{"data":{"a":1,"b":[{"a":2.5},{"a":-3}]},"timestamp":1"#;
        let signature = proof::sign(&SEED, &format!("{text}}}"));
        assert!(open(format!("{text},\"signature\":\"{signature}\"}}")).is_ok());
    }

    #[test]
    fn c66_c67_an_answer_to_another_request_is_rejected() {
        let rejected =
            |asked: Asked<'_>| assert_eq!(seal().open(&changed(|_| ()), asked).err(), Some(Untrusted::Rejected));
        rejected(Asked { nonce: "n0", ..asked() });
        rejected(Asked { endpoint: "/v1/sdk/pro/license/heartbeat", ..asked() });
        rejected(Asked { key: Some("M"), ..asked() });
        rejected(Asked { key: None, ..asked() });
        rejected(Asked { elapsed_ms: 300_000, ..asked() });
        let other = Seal { hwid: "b".to_owned(), ..seal() };
        assert_eq!(other.open(&changed(|_| ()), asked()).err(), Some(Untrusted::Rejected));
        let endless = changed(|members| drop(members.remove("exp")));
        assert_eq!(seal().open(&endless, asked()).err(), Some(Untrusted::Rejected));
    }

    #[test]
    fn c68_an_answer_for_nobody_is_taken_by_setting_only() {
        let unbound = changed(|members| drop(members.remove("for")));
        assert_eq!(seal().open(&unbound, asked()).err(), Some(Untrusted::Rejected));
        assert!(Seal { accept_unbound: true, ..seal() }.open(&unbound, asked()).is_ok());
    }

    #[test]
    fn pages_are_told_from_answers() {
        for page in ["<html>", "", "{\"status\":\"ok\"}", "ab", "ab:", "ab:cd:ef:01", "é:ab"] {
            assert_eq!(seal().open(page.as_bytes(), asked()).err(), Some(Untrusted::Foreign), "{page}");
        }
        assert_eq!(seal().open(b"ab:cd:ef", asked()).err(), Some(Untrusted::Rejected));
        assert_eq!(seal().open(&[0xff], asked()).err(), Some(Untrusted::Foreign));
    }

    #[test]
    fn a_request_opens_and_is_signed_over_what_is_sent() {
        let signer = [4; 32];
        let (headers, body) = seal().post(&signer, PATH, &json!({"key": "L"}), "n", [5; 16], 77);
        let value = json::parse(body.as_bytes()).unwrap();
        let opened = envelope::open(&seal().key, envelope::blob(&value).unwrap()).unwrap();
        assert_eq!((opened.mode, opened.nonce.as_deref(), opened.hwid.as_str()), (Mode::Gcm, Some("n"), "a"));
        let header =
            |name: &str| headers.iter().find(|(known, _)| *known == name).map(|(_, value)| value.as_str()).unwrap();
        let key: [u8; 32] = {
            use base64::Engine as _;
            base64::engine::general_purpose::STANDARD.decode(proof::public_key(&signer)).unwrap().try_into().unwrap()
        };
        let message = proof::message("POST", PATH, body.as_bytes(), 77, "n");
        assert!(proof::verify(&key, &message, header(proof::SIGNATURE_HEADER)));
        let old = Seal { is_signing: false, ..seal() };
        let (headers, body) = old.post(&signer, PATH, &json!({}), "n", [5; 16], 77);
        assert_eq!(headers.len(), 2);
        assert_eq!(body.matches(':').count(), 2, "iv and cipher: {body}");
    }

    #[test]
    fn a_file_is_no_answer_and_an_answer_no_file() {
        let file = json!({"data": {"a": 1}, "generatedAt": "x", "timestamp": 1}).as_object().cloned().unwrap();
        let text = envelope::seal(&seal().key, Mode::Cbc, [3; 16], &envelope::sign(&SEED, file));
        assert!(seal().open_file(&format!("{text}\n")).is_some());
        assert!(seal().open(text.as_bytes(), asked()).is_err());
        let answer = String::from_utf8(changed(|_| ())).unwrap();
        assert!(seal().open_file(&answer).is_none());
    }
}
