//! Whatever bytes arrive: no panic, and what is printed can be read and printed again.
//!
//! A fixed number of inputs, the same each time; `LTLM_FUZZ_INPUTS=10000000 cargo test -p ltlm-protocol --test fuzz` goes on
//! for longer. Inputs are made by breaking good ones, because bytes at random hardly get past the first.

use ltlm_protocol::envelope::{self, Mode};
use ltlm_protocol::request::{Activate, Consume, ConsumeBatch, Heartbeat, ReleaseSeat};
use ltlm_protocol::{Body, canonical, json};
use serde_json::Value;

const INPUTS: u64 = 60_000;
const KEY: [u8; 32] = [7; 32];

const SEEDS: &[&str] = &[
    r#"{"data":{"key":"LIC-0BEC53C679BF012F","hwid":"h1","isClosing":false},"nonce":"7f3c2a10-0001","hwid":"h1"}"#,
    r#"{"data":{"key":null,"usages":[{"amount":1,"action":"x","timestamp":"2026-01-03T21:59:23.1234567Z","meta":{"a":[1e300,-0.0,0.9501]}}],"hwid":"h"},"nonce":null,"hwid":"h"}"#,
    r#"{"data":{"settings":{"p":"C:\\/tmp","u":"\ud83d\ude00\ud83d","c":"\u0000\u0085\u2028","n":18446744073709551616}},"nonce":"TAMPERED","hwid":"é😀"}"#,
    r#"[[[[{"a":[{},[],"",0,1E+15,1e-5,true,false,null]}]]]]"#,
];

struct Chance(u64);

impl Chance {
    fn below(&mut self, bound: usize) -> usize {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        ((self.0 >> 33) % bound.max(1) as u64) as usize
    }
}

/// A good input with some bytes changed, lost, doubled or of another input.
fn broken(chance: &mut Chance) -> Vec<u8> {
    let mut bytes = SEEDS[chance.below(SEEDS.len())].as_bytes().to_vec();
    for _ in 0..chance.below(6) {
        let place = chance.below(bytes.len());
        match chance.below(5) {
            0 => bytes[place] = chance.below(256) as u8,
            1 => bytes.truncate(place),
            2 => bytes.insert(place, br#"{}[]",:\u0e-."#[chance.below(13)]),
            3 => {
                bytes.remove(place);
            }
            _ => {
                let other = SEEDS[chance.below(SEEDS.len())].as_bytes();
                let from = chance.below(other.len());
                let length = 1 + chance.below(40);
                bytes.splice(place..place, other[from..].iter().copied().take(length));
            }
        }
        if bytes.is_empty() {
            break;
        }
    }
    bytes
}

fn inputs() -> u64 {
    #[expect(clippy::disallowed_methods, reason = "a test's own knob")]
    let asked = std::env::var("LTLM_FUZZ_INPUTS").ok();
    asked.and_then(|text| text.parse().ok()).unwrap_or(INPUTS)
}

#[test]
fn parser_and_printer_take_any_bytes() {
    let mut chance = Chance(1);
    let mut parsed = 0;
    for _ in 0..inputs() {
        let bytes = broken(&mut chance);
        let Ok(value) = json::parse(&bytes) else { continue };
        parsed += 1;
        let text = canonical::print(&value);
        let again = json::parse(text.as_bytes()).unwrap_or_else(|error| panic!("{error}: {text}"));
        assert_eq!(canonical::print(&again), text);
        for read in [
            |v: &Value| drop(Activate::parse(v)),
            |v: &Value| drop(Heartbeat::parse(v)),
            |v: &Value| drop(Consume::parse(v)),
            |v: &Value| drop(ConsumeBatch::parse(v)),
            |v: &Value| drop(ReleaseSeat::parse(v)),
        ] {
            read(&value);
            read(&value["data"]);
        }
    }
    assert!(parsed > inputs() / 20, "only {parsed} inputs were JSON at all");
}

#[test]
fn envelopes_take_any_bytes() {
    let mut chance = Chance(2);
    let mut opened = 0;
    for round in 0..inputs() / 4 {
        let plain = broken(&mut chance);
        let text = String::from_utf8_lossy(&plain);
        let mode = if round % 2 == 0 { Mode::Cbc } else { Mode::Gcm };
        let mut sealed = envelope::seal(&KEY, mode, [round as u8; 16], &text).into_bytes();
        // Half of them are whole.
        for _ in 0..chance.below(2) * chance.below(4) {
            let place = chance.below(sealed.len());
            sealed[place] = b"0123456789abcdefABCDEF:gG \x00\xff"[chance.below(28)];
        }
        let sealed = String::from_utf8_lossy(&sealed).into_owned();
        opened += u64::from(envelope::open(&KEY, &sealed).is_ok());
        let _ = envelope::open(&KEY, &text);
        if let Ok((_, value)) = envelope::decrypt(&KEY, &sealed) {
            assert!(envelope::verify(&[1; 32], value).is_none());
        }
    }
    assert!(opened > inputs() / 400, "only {opened} opened");
}
