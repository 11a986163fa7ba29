//! Seals and opens PRO envelopes at a terminal, so that curl can speak the protocol: see docs/pro-protocol.md.
//!
//! `envelope seal SECRET '{"data":{…},"nonce":"…","hwid":"…"}'` prints a request's body.
//! `envelope open SECRET PUBLIC-KEY.pem` reads an answer from its input, verifies it, and prints what it says.

#![expect(clippy::print_stdout, clippy::print_stderr, reason = "a program at a terminal")]

use std::io::Read;
use std::process::ExitCode;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use ltlm_protocol::envelope::{self, Mode};
use ltlm_protocol::request::canonical_secret;
use serde_json::json;

fn main() -> ExitCode {
    let arguments: Vec<_> = std::env::args().skip(1).collect();
    let arguments: Vec<_> = arguments.iter().map(String::as_str).collect();
    let done = match arguments[..] {
        ["seal", secret, plain] => seal(secret, plain),
        ["open", secret, public_key] => open(secret, public_key),
        _ => Err("seal SECRET JSON, or: open SECRET PUBLIC-KEY.pem < answer".to_owned()),
    };
    match done {
        Ok(text) => {
            println!("{text}");
            ExitCode::SUCCESS
        }
        Err(sentence) => {
            eprintln!("{sentence}");
            ExitCode::FAILURE
        }
    }
}

fn key(secret: &str) -> Result<[u8; 32], String> {
    let key = canonical_secret(secret).and_then(|secret| envelope::key_of_secret(&secret));
    key.map(|key| *key).ok_or_else(|| "The secret is not 64 hex digits.".to_owned())
}

fn seal(secret: &str, plain: &str) -> Result<String, String> {
    let mut vector = [0; 16];
    let mut random = std::fs::File::open("/dev/urandom").map_err(|error| error.to_string())?;
    random.read_exact(&mut vector).map_err(|error| error.to_string())?;
    Ok(json!({"blob": envelope::seal(&key(secret)?, Mode::Cbc, vector, plain)}).to_string())
}

fn open(secret: &str, public_key: &str) -> Result<String, String> {
    let mut answer = String::new();
    std::io::stdin().read_to_string(&mut answer).map_err(|error| error.to_string())?;
    let pem = std::fs::read_to_string(public_key).map_err(|error| format!("{public_key}: {error}."))?;
    let body: String = pem.lines().filter(|line| !line.starts_with("-----")).collect();
    let der = BASE64.decode(body.trim()).map_err(|error| format!("{public_key}: {error}."))?;
    let bytes = der.last_chunk::<32>().ok_or_else(|| format!("{public_key} holds no Ed25519 key."))?;
    // Failures are plain JSON, never encrypted.
    if answer.starts_with('{') {
        return Ok(answer);
    }
    let (_, value) = envelope::decrypt(&key(secret)?, &answer).map_err(|_| "The answer does not open.".to_owned())?;
    let members = envelope::verify(bytes, value).ok_or("The answer's signature does not hold.")?;
    Ok(format!("{:#}", serde_json::Value::Object(members)))
}
