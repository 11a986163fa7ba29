//! Start-up of release binaries under a stand-in for the Lambda Runtime API, beside a bare `lambda_http` function built and run in the
//! same way. Absolute times mean little on a shared machine: look at the ratio. Memory is read where Linux tells it, in `/proc`.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};

use local::engine::Storage;
use serde_json::Value;
use sha2::{Digest, Sha256};
use shared::host::clock::SystemClock;

use crate::bench::Bench;

const RUNS: usize = 25;
/// Time for a process to do the next thing that is waited for.
const PATIENCE: Duration = Duration::from_secs(30);
/// What stands in `events/` for what the bench has of its own.
const LICENSE: &str = "LIC-0BEC53C679BF012F";
const SECRET: &str = "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f";
const DEVICE: &str = "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa";
const OPERATION: &str = "op-1";

/// The binaries, each with the event that it answers first.
const PROGRAMS: &[(&str, &str, &str)] = &[
    ("hello (bare)", "examples/hello", "health"),
    ("health", "health", "health"),
    ("consume", "consume", "consume"),
    ("admin", "admin", "admin-projects"),
];

/// What one start came to.
struct Start {
    /// To the first poll.
    polled: Duration,
    /// To the first answer.
    answered: Duration,
    /// From the second event to its answer: what the work takes when nothing has to be set up.
    again: Duration,
    /// The most memory that was held up to the first answer, in kilobytes: pages of the program's file that were touched among it.
    peak_kb: u64,
    /// What of it is the process's own, in kilobytes, at the first answer.
    own_kb: u64,
}

/// Measures all binaries in turn, round by round: those in `built`, or new ones.
pub(crate) fn startup(root: &Path, built: Option<&Path>) -> Result<(), String> {
    let folder = match built {
        Some(folder) => folder.to_owned(),
        None => {
            let selection = ["--bin", "health", "--bin", "consume", "--bin", "admin", "--example", "hello"];
            crate::run(crate::cargo().args(["build", "--release", "--package", "functions"]).args(selection))?;
            root.join("target/release")
        }
    };
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().map_err(|e| e.to_string())?;
    let bench = runtime.block_on(Bench::new(Storage::Memory, Arc::new(SystemClock)))?;
    let mut starts: Vec<Vec<Start>> = PROGRAMS.iter().map(|_| Vec::new()).collect();
    for round in 0..RUNS {
        for ((_, program, event), starts) in PROGRAMS.iter().zip(&mut starts) {
            let events = [event_of(root, event, &bench, 2 * round)?, event_of(root, event, &bench, 2 * round + 1)?];
            starts.push(start(&folder.join(program), &events, bench.deployment.engine.endpoint())?);
        }
    }
    crate::say(
        "| binary | size, MB | start to first poll, ms: median | least | of hello | start to first answer, ms: median | least | of hello \
         | second answer, ms: median | peak memory, MB | of its own, MB |\n|---|---|---|---|---|---|---|---|---|---|---|",
    );
    let hello =
        starts.first().map(|starts| (median(starts, |start| start.polled), median(starts, |start| start.answered)));
    let (hello_polled, hello_answered) = hello.unwrap_or_default();
    for ((name, program, _), starts) in PROGRAMS.iter().zip(&starts) {
        let size = std::fs::metadata(folder.join(program)).map_err(|error| error.to_string())?.len() as f64 / 1e6;
        let (polled, answered) = (median(starts, |start| start.polled), median(starts, |start| start.answered));
        let least = |of: fn(&Start) -> Duration| starts.iter().map(of).min().unwrap_or_default().as_secs_f64() * 1e3;
        // Of 1,024 bytes each.
        let most = |of: fn(&Start) -> u64| starts.iter().map(of).max().unwrap_or_default() as f64 * 1_024.0 / 1e6;
        crate::say(&format!(
            "| {name} | {size:.1} | {polled:.1} | {:.1} | {:.1} × | {answered:.1} | {:.1} | {:.1} × | {:.1} | {:.1} | {:.1} |",
            least(|start| start.polled),
            polled / hello_polled,
            least(|start| start.answered),
            answered / hello_answered,
            median(starts, |start| start.again),
            most(|start| start.peak_kb),
            most(|start| start.own_kb),
        ));
    }
    Ok(())
}

/// In milliseconds.
fn median(starts: &[Start], of: impl Fn(&Start) -> Duration) -> f64 {
    let mut times: Vec<_> = starts.iter().map(of).collect();
    times.sort();
    times.get(times.len() / 2).copied().unwrap_or_default().as_secs_f64() * 1e3
}

/// An event of `events/`, about the license of the bench, as an operation of its own.
fn event_of(root: &Path, name: &str, bench: &Bench, number: usize) -> Result<String, String> {
    let path = root.join("events").join(format!("{name}.json"));
    let text = std::fs::read_to_string(&path).map_err(|error| format!("{}: {error}.", path.display()))?;
    let operation = format!("op-{number}-{}", std::process::id());
    let text = text.replace(LICENSE, &bench.license).replace(SECRET, &bench.secret).replace(DEVICE, "bench");
    Ok(text.replace(OPERATION, &operation))
}

/// Starts a process, gives it two events, one after the other, and ends it after the second answer.
fn start(program: &Path, events: &[String; 2], endpoint: &str) -> Result<Start, String> {
    let failed = |error: std::io::Error| format!("{}: {error}.", program.display());
    let listener = TcpListener::bind("127.0.0.1:0").map_err(failed)?;
    let address = listener.local_addr().map_err(failed)?.to_string();
    let bearer = serde_json::from_str::<Value>(&events[0]).unwrap_or_default();
    let bearer = bearer.pointer("/headers/authorization").and_then(Value::as_str).unwrap_or_default();
    let admin_key = hex::encode(Sha256::digest(bearer.trim_start_matches("Bearer ")));
    let started = Instant::now();
    let mut child = Command::new(program)
        .env_clear()
        .envs([
            ("AWS_LAMBDA_RUNTIME_API", address.as_str()),
            ("AWS_LAMBDA_FUNCTION_NAME", "f"),
            ("AWS_LAMBDA_FUNCTION_VERSION", "1"),
            ("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", "256"),
            ("AWS_LAMBDA_LOG_GROUP_NAME", "g"),
            ("AWS_LAMBDA_LOG_STREAM_NAME", "s"),
            ("AWS_REGION", "eu-west-1"),
            ("AWS_ACCESS_KEY_ID", "local"),
            ("AWS_SECRET_ACCESS_KEY", "local"),
            ("AWS_ENDPOINT_URL_DYNAMODB", endpoint),
            ("LTLM_TABLE", local::wiring::TABLE),
            ("LTLM_KMS_KEY", "k"),
            ("LTLM_ADMIN_KEY_SHA256", admin_key.as_str()),
        ])
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .map_err(failed)?;
    let start = listener.accept().and_then(|(stream, _)| serve(stream, events, started, &child)).map_err(failed);
    child.kill().map_err(failed)?;
    child.wait().map_err(failed)?;
    start
}

/// Answers two polls with the events, and takes the answers.
fn serve(
    mut stream: TcpStream,
    [first, second]: &[String; 2],
    started: Instant,
    child: &Child,
) -> std::io::Result<Start> {
    stream.set_read_timeout(Some(PATIENCE))?;
    let mut reader = BufReader::new(stream.try_clone()?);
    take_poll(&mut reader)?;
    let polled = started.elapsed();
    hand_over(&mut stream, first)?;
    let answer = take_answer(&mut reader)?;
    let answered = started.elapsed();
    check(&answer)?;
    let (peak_kb, own_kb) = (memory(child, "VmHWM:")?, memory(child, "RssAnon:")?);
    stream.write_all(b"HTTP/1.1 202 Accepted\r\ncontent-length: 0\r\n\r\n")?;
    take_poll(&mut reader)?;
    let handed = Instant::now();
    hand_over(&mut stream, second)?;
    let answer = take_answer(&mut reader)?;
    let again = handed.elapsed();
    check(&answer)?;
    Ok(Start { polled, answered, again, peak_kb, own_kb })
}

fn take_poll(reader: &mut BufReader<TcpStream>) -> std::io::Result<()> {
    match read_request(reader)?.0.contains("/invocation/next") {
        true => Ok(()),
        false => Err(std::io::Error::other("it did not poll")),
    }
}

fn hand_over(stream: &mut TcpStream, event: &str) -> std::io::Result<()> {
    let deadline = std::time::UNIX_EPOCH.elapsed().map_err(std::io::Error::other)? + PATIENCE;
    let answer = format!(
        "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\nlambda-runtime-aws-request-id: request-1\r\n\
         lambda-runtime-deadline-ms: {}\r\nlambda-runtime-invoked-function-arn: arn:aws:lambda:eu-west-1:123456789012:function:f\r\n\
         lambda-runtime-trace-id: Root=1-5bef4de7-ad49b0e87f6ef6c87fc2e700\r\ncontent-length: {}\r\n\r\n{event}",
        deadline.as_millis(),
        event.len(),
    );
    // In one piece: a second one would wait for an acknowledgment.
    stream.write_all(answer.as_bytes())
}

fn take_answer(reader: &mut BufReader<TcpStream>) -> std::io::Result<Vec<u8>> {
    let (reply, answer) = read_request(reader)?;
    match reply.contains("/response") {
        true => Ok(answer),
        false => Err(std::io::Error::other("it did not answer")),
    }
}

/// Is it the answer of an event that was served?
fn check(answer: &[u8]) -> std::io::Result<()> {
    let answer: Value = serde_json::from_slice(answer).unwrap_or_default();
    match answer.get("statusCode").and_then(Value::as_u64) {
        Some(200) => Ok(()),
        _ => Err(std::io::Error::other(format!("it answered {answer}"))),
    }
}

/// A line of the process's status, in kilobytes.
fn memory(child: &Child, name: &str) -> std::io::Result<u64> {
    let status = std::fs::read_to_string(format!("/proc/{}/status", child.id()))?;
    let value = status.lines().find_map(|line| line.strip_prefix(name)).unwrap_or_default();
    value.trim().trim_end_matches(" kB").parse().map_err(std::io::Error::other)
}

/// The request's first line, and its body.
fn read_request(reader: &mut BufReader<TcpStream>) -> std::io::Result<(String, Vec<u8>)> {
    let mut first = String::new();
    reader.read_line(&mut first)?;
    let (mut length, mut chunked) = (0, false);
    loop {
        let mut line = String::new();
        reader.read_line(&mut line)?;
        let line = line.trim_end().to_ascii_lowercase();
        if line.is_empty() {
            break;
        }
        let (name, value) = line.split_once(": ").unwrap_or_default();
        match name {
            "content-length" => length = value.parse().map_err(std::io::Error::other)?,
            "transfer-encoding" => chunked = value == "chunked",
            _ => {}
        }
    }
    let mut body = Vec::new();
    if !chunked {
        reader.take(length).read_to_end(&mut body)?;
        return Ok((first, body));
    }
    loop {
        let mut size = String::new();
        reader.read_line(&mut size)?;
        let size = u64::from_str_radix(size.trim_end(), 16).map_err(std::io::Error::other)?;
        let mut chunk = Vec::new();
        reader.take(size + 2).read_to_end(&mut chunk)?;
        if size == 0 {
            return Ok((first, body));
        }
        chunk.truncate(chunk.len().saturating_sub(2));
        body.append(&mut chunk);
    }
}
