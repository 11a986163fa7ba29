//! What a client costs an application, against the local server: memory, wake-ups, a start without a network, a use. `cargo xtask measure client` runs it.

use std::io::Write;
use std::path::Path;
use std::time::{Duration, Instant};

use ltlm_client::{Client, Config};
use serde_json::Value;

/// Starts without a network, of which the median counts.
const STARTS: usize = 101;
/// Uses without a network.
const USES: usize = 10_000;

fn main() {
    let words: Vec<_> = std::env::args().collect();
    let (folder, seconds) = (words.get(1).map_or(".ltlm", String::as_str), words.get(2));
    let seconds = seconds.and_then(|text| text.parse().ok()).unwrap_or(60);
    if let Err(sentence) = run(Path::new(folder), seconds) {
        say(&sentence);
        std::process::exit(1);
    }
}

fn say(text: &str) {
    let _ = writeln!(std::io::stdout().lock(), "{text}");
}

/// The number behind a name in a file of `/proc`.
fn fact(path: &str, name: &str) -> Option<u64> {
    let text = std::fs::read_to_string(path).ok()?;
    let line = text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':'))?;
    line.split_whitespace().next()?.parse().ok()
}

fn resident_kib() -> u64 {
    fact("/proc/self/status", "VmRSS").unwrap_or(0)
}

/// How often the client's own thread gave the processor back and was woken again.
fn switches() -> u64 {
    let Ok(threads) = std::fs::read_dir("/proc/self/task") else { return 0 };
    let paths = threads.filter_map(|entry| entry.ok()?.path().to_str().map(str::to_owned));
    let ours =
        paths.filter(|path| std::fs::read_to_string(format!("{path}/comm")).is_ok_and(|name| name.trim() == "ltlm"));
    ours.filter_map(|path| fact(&format!("{path}/status"), "voluntary_ctxt_switches")).sum()
}

fn of(mut times: Vec<Duration>, hundredths: usize) -> f64 {
    times.sort_unstable();
    let place = (times.len() * hundredths / 100).min(times.len().saturating_sub(1));
    times.get(place).map_or(0.0, |time| time.as_secs_f64() * 1_000_000.0)
}

fn run(folder: &Path, seconds: u64) -> Result<(), String> {
    let demo = folder.join("demo.json");
    let text = std::fs::read_to_string(&demo).map_err(|error| format!("{}: {error}.", demo.display()))?;
    let demo: Value = serde_json::from_str(&text).map_err(|error| error.to_string())?;
    let of_demo = |name: &str| demo.pointer(name).and_then(Value::as_str).unwrap_or_default().to_owned();
    let message = |error: ltlm_client::Error| error.to_string();
    let secret = of_demo("/projectSecret");
    let mut config = Config::new(&of_demo("/baseUrl"), &of_demo("/projectId"), &secret, &of_demo("/publicKeyPem"));
    config.data_dir = Some(folder.join("measure").display().to_string());
    (config.allow_overdraft, config.queue_max) = (true, 1_000_000);

    let before = resident_kib();
    let client = Client::open(&config).map_err(message)?;
    client.activate(&of_demo("/licenses/SUB")).map_err(message)?;
    // The beat after the activation is over.
    std::thread::sleep(Duration::from_secs(5));
    let switched = switches();
    std::thread::sleep(Duration::from_secs(seconds));
    let switched = switches() - switched;
    let after = resident_kib();
    say(&format!("resident: {after} KiB, of which the client {} KiB", after.saturating_sub(before)));
    say(&format!("idle: its thread was woken {switched} times in {seconds} s"));
    // As if the process was killed: a client that closes gives its seat back, and has none at the next start.
    std::mem::forget(client);

    // Nobody listens there.
    config.base_url = "http://127.0.0.1:1".to_owned();
    let mut starts = Vec::new();
    for _ in 0..STARTS {
        let began = Instant::now();
        let client = Client::open(&config).map_err(message)?;
        let status = client.load_stored().map_err(message)?;
        starts.push(began.elapsed());
        if !status.is_usable() {
            return Err(format!("The kept license is {status:?}."));
        }
        client.close();
    }
    let (median, worst) = (of(starts.clone(), 50) / 1_000.0, of(starts, 100) / 1_000.0);
    say(&format!("start without a network: {median:.1} ms, {worst:.1} ms at worst of {STARTS}"));

    let client = Client::open(&config).map_err(message)?;
    client.load_stored().map_err(message)?;
    let mut uses = Vec::with_capacity(USES);
    for _ in 0..USES {
        let began = Instant::now();
        client.consume(1, "export", None).map_err(message)?;
        uses.push(began.elapsed());
    }
    let (median, most, worst) = (of(uses.clone(), 50), of(uses.clone(), 99), of(uses, 100));
    say(&format!("use without a network: {median:.0} µs, p99 {most:.0} µs, {worst:.0} µs at worst of {USES}"));
    Ok(())
}
