//! CPU time of the PRO envelope on an answer of 4 KB, beside the libraries alone in the same run.
//!
//! `cargo bench -p ltlm-protocol`. The difference between `answer` and its parts is the canonical printer and hexadecimal.

use aes_gcm::aead::{Aead, KeyInit};
use aes_gcm::{Aes256Gcm, Nonce};
use divan::{Bencher, black_box};
use ed25519_dalek::{Signer, SigningKey};
use ltlm_protocol::envelope::{self, Mode};
use ltlm_protocol::{canonical, json};
use serde_json::{Map, Value, json};

const KEY: [u8; 32] = [7; 32];
const MODES: [Mode; 2] = [Mode::Cbc, Mode::Gcm];

#[expect(clippy::print_stdout, reason = "a benchmark says what it measures")]
fn main() {
    println!("an answer of {} bytes", text().len());
    divan::main();
}

/// An answer that prints to about 4 KB: machines, settings, a few fractions.
fn answer() -> Map<String, Value> {
    let machine = json!({"hwid": "a".repeat(64), "nickname": "Desk A", "registeredAt": "2026-01-04T00:00:00.000Z",
        "lastCheckIn": "2026-01-04T00:00:00.000Z", "meta": {"os": "Windows 11"}});
    let data = json!({"licenseKey": "LIC-0BEC53C679BF012F", "machines": vec![machine; 15], "price": 9.99,
        "userSettings": {"volume": 0.75, "levels": (0..40).map(|n| n as f64 / 7.0).collect::<Vec<_>>(), "path": "C:\\/tmp"}});
    Map::from_iter([
        ("data".to_owned(), data),
        ("server_nonce".to_owned(), json!("7f3c2a10-0001")),
        ("timestamp".to_owned(), json!(1_703_548_800_000_i64)),
    ])
}

fn text() -> String {
    canonical::print(&Value::Object(answer()))
}

/// All that an answer takes: printed, signed, encrypted.
#[divan::bench(args = MODES)]
fn answer_signed_and_sealed(bencher: Bencher<'_, '_>, mode: &Mode) {
    bencher
        .with_inputs(answer)
        .bench_values(|members| envelope::seal(&KEY, *mode, [1; 16], &envelope::sign(&KEY, members)));
}

#[divan::bench]
fn answer_printed(bencher: Bencher<'_, '_>) {
    let value = Value::Object(answer());
    bencher.bench(|| canonical::print(black_box(&value)));
}

/// What a client does with it.
#[divan::bench(args = MODES)]
fn answer_opened_and_verified(bencher: Bencher<'_, '_>, mode: &Mode) {
    let sealed = envelope::seal(&KEY, *mode, [1; 16], &envelope::sign(&KEY, answer()));
    let public = SigningKey::from_bytes(&KEY).verifying_key().to_bytes();
    bencher.bench(|| envelope::verify(&public, envelope::decrypt(&KEY, black_box(&sealed)).ok()?.1));
}

/// What the server does with a request of 4 KB.
#[divan::bench(args = MODES)]
fn request_opened(bencher: Bencher<'_, '_>, mode: &Mode) {
    let plain = json!({"data": answer()["data"], "nonce": "7f3c2a10-0001", "hwid": "a"}).to_string();
    let sealed = envelope::seal(&KEY, *mode, [1; 16], &plain);
    bencher.bench(|| envelope::open(&KEY, black_box(&sealed)));
}

/// What does not open: all kinds should take the same time.
#[divan::bench(args = ["padding", "first block", "no JSON", "no members"])]
fn request_refused(bencher: Bencher<'_, '_>, kind: &str) {
    let plain = json!({"data": answer()["data"], "nonce": "7f3c2a10-0001", "hwid": "a"}).to_string();
    let plain = match kind {
        "no JSON" => plain.replacen("\"hwid\":\"a\"}", "\"hwid\":\"a\"]", 1),
        "no members" => plain.replacen("\"hwid\":\"a\"}", "\"hwie\":\"a\"}", 1),
        _ => plain,
    };
    let mut sealed = envelope::seal(&KEY, Mode::Cbc, [1; 16], &plain).into_bytes();
    let place = if kind == "first block" { 40 } else { sealed.len() - 1 };
    if matches!(kind, "padding" | "first block") {
        sealed[place] = if sealed[place] == b'0' { b'1' } else { b'0' };
    }
    let sealed = String::from_utf8_lossy(&sealed).into_owned();
    assert!(envelope::open(&KEY, &sealed).is_err());
    bencher.bench(|| envelope::open(&KEY, black_box(&sealed)));
}

#[divan::bench]
fn library_ed25519_sign(bencher: Bencher<'_, '_>) {
    let (key, text) = (SigningKey::from_bytes(&KEY), text());
    bencher.bench(|| key.sign(black_box(text.as_bytes())));
}

#[divan::bench]
fn library_aes_gcm_encrypt(bencher: Bencher<'_, '_>) {
    let (cipher, text) = (Aes256Gcm::new(&KEY.into()), text());
    bencher.bench(|| cipher.encrypt(&Nonce::from([1; 12]), black_box(text.as_bytes())));
}

#[divan::bench]
fn library_json_parse(bencher: Bencher<'_, '_>) {
    let text = text();
    bencher.bench(|| json::parse(black_box(text.as_bytes())));
}
