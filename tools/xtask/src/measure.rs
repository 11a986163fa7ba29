//! Start-up of release binaries under a stand-in for the Lambda Runtime API, beside a bare `lambda_http` function built and
//! run in the same way. Absolute times mean little on a shared machine: look at the ratio.

use std::io::{Read, Write};
use std::net::TcpListener;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

const RUNS: usize = 25;

/// Builds, then measures all binaries in turn, round by round.
pub(crate) fn startup(root: &Path) -> Result<(), String> {
    crate::run(crate::cargo().args(["build", "--release", "--package", "functions", "--bins", "--examples"]))?;
    let folder = root.join("target/release");
    let programs = [
        ("hello (bare)", folder.join("examples/hello")),
        ("health", folder.join("health")),
        ("consume", folder.join("consume")),
        ("admin", folder.join("admin")),
    ];
    let mut times = vec![Vec::new(); programs.len()];
    for _ in 0..RUNS {
        for ((_, program), times) in programs.iter().zip(&mut times) {
            times.push(first_poll(program)?);
        }
    }
    crate::say("| binary | size, MB | start to first poll, ms: median | least |\n|---|---|---|---|");
    for ((name, program), mut times) in programs.iter().zip(times) {
        times.sort();
        let size = std::fs::metadata(program).map_err(|error| error.to_string())?.len() as f64 / 1e6;
        let ms = |time: Duration| time.as_secs_f64() * 1e3;
        crate::say(&format!("| {name} | {size:.1} | {:.1} | {:.1} |", ms(times[RUNS / 2]), ms(times[0])));
    }
    Ok(())
}

/// Time from spawning the process to the request line of its first poll.
fn first_poll(program: &Path) -> Result<Duration, String> {
    let failed = |error: std::io::Error| format!("{}: {error}.", program.display());
    let listener = TcpListener::bind("127.0.0.1:0").map_err(failed)?;
    let address = listener.local_addr().map_err(failed)?;
    let started = Instant::now();
    let mut child = Command::new(program)
        .env_clear()
        .envs([
            ("AWS_LAMBDA_RUNTIME_API", address.to_string().as_str()),
            ("AWS_LAMBDA_FUNCTION_NAME", "f"),
            ("AWS_LAMBDA_FUNCTION_VERSION", "1"),
            ("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", "256"),
            ("AWS_LAMBDA_LOG_GROUP_NAME", "g"),
            ("AWS_LAMBDA_LOG_STREAM_NAME", "s"),
            ("AWS_REGION", "eu-west-1"),
            ("AWS_ACCESS_KEY_ID", "local"),
            ("AWS_SECRET_ACCESS_KEY", "local"),
            ("LTLM_TABLE", "t"),
            ("LTLM_KMS_KEY", "k"),
        ])
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .map_err(failed)?;
    let (mut stream, _) = listener.accept().map_err(failed)?;
    let mut head = [0; 64];
    let read = stream.read(&mut head).map_err(failed)?;
    let time = started.elapsed();
    let asked = String::from_utf8_lossy(&head[..read]).contains("/invocation/next");
    let _ = stream.flush();
    child.kill().map_err(failed)?;
    child.wait().map_err(failed)?;
    match asked {
        true => Ok(time),
        false => Err(format!("{} did not poll.", program.display())),
    }
}
