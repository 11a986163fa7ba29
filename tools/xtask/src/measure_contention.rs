//! Measures debits of one account by one caller and by many, on the embedded engine and in the same run: also with injected conflicts,
//! and by callers in separate processes. The ratios are meaningful; absolute times are not.

use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use futures_util::future::join_all;
use http::Request;
use local::clock::MovableClock;
use local::engine::Storage;
use local::wiring::Local;
use ltlm_protocol::Timestamp;
use serde_json::json;
use shared::table::fault::Faults;

use crate::bench::Deployment;

/// The time for one debit: that of a deployed function, less its reserve for the answer.
const ALLOWANCE: Duration = Duration::from_millis(9_700);
/// Debits before the measurement, which open connections and fill hints.
const WARM: usize = 20;
/// The percentage of commits that fail with a conflict, in loads with injected conflicts.
const CONFLICTS: u32 = 10;
/// The aims: the throughput as a fraction of that of one caller, and the p99 as a multiple of the p50.
const THROUGHPUT_MIN: f64 = 0.9;
const TAIL_MAX: f64 = 10.0;

/// The callers of a measurement.
#[derive(Clone, Copy)]
struct Load {
    callers: usize,
    processes: usize,
    conflict_percent: u32,
    /// Is it held to the aims?
    has_aims: bool,
}

impl Load {
    const fn of(callers: usize) -> Self {
        Self { callers, processes: 1, conflict_percent: 0, has_aims: true }
    }

    fn name(self) -> String {
        let callers = match (self.callers, self.processes) {
            (1, _) => "one caller".to_owned(),
            (callers, 1) => format!("{callers} callers"),
            (callers, processes) => format!("{callers} callers in {processes} processes"),
        };
        match self.conflict_percent {
            0 => callers,
            percent => format!("{callers}, {percent} % of commits in conflict"),
        }
    }
}

/// The result of a load.
struct Measured {
    /// The time of each successful debit in milliseconds, the shortest first.
    times: Vec<f64>,
    /// The answers of the debits that failed.
    refusals: Vec<String>,
    round_trips: u32,
    seconds: f64,
}

impl Measured {
    fn per_second(&self) -> f64 {
        self.times.len() as f64 / self.seconds
    }

    /// The time in milliseconds within which this percentage of debits succeeded.
    fn percentile(&self, percent: usize) -> f64 {
        self.times
            .get((self.times.len() * percent / 100).min(self.times.len().saturating_sub(1)))
            .copied()
            .unwrap_or(0.0)
    }
}

/// Measures each load for `seconds`, and that of 64 callers for `heavy_seconds`. Fails if an aim is missed.
pub(crate) fn contention(seconds: u64, heavy_seconds: u64) -> Result<(), String> {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().map_err(|e| e.to_string())?;
    runtime.block_on(Box::pin(compare(Duration::from_secs(seconds), Duration::from_secs(heavy_seconds))))
}

async fn compare(time: Duration, heavy: Duration) -> Result<(), String> {
    let in_conflict = |load: Load| Load { conflict_percent: CONFLICTS, ..load };
    let alone = |callers| Load { processes: callers, has_aims: false, ..Load::of(callers) };
    let groups = [
        vec![(Load::of(1), time), (Load::of(16), time), (Load::of(64), heavy), (alone(16), time)],
        vec![(in_conflict(Load::of(1)), time), (in_conflict(Load::of(16)), time)],
    ];
    crate::say(
        "| load | debits a second | of one caller | p50, ms | p99, ms | p99 of p50 | slowest, ms | round trips a debit | refused |\n\
         |---|---|---|---|---|---|---|---|---|",
    );
    let mut missed = Vec::new();
    for group in groups {
        let mut one = None;
        for (load, time) in group {
            let measured = measure(load, time).await?;
            let one = *one.get_or_insert(measured.per_second());
            let of_one = measured.per_second() / one;
            let (median, tail) = (measured.percentile(50), measured.percentile(99));
            crate::say(&format!(
                "| {} | {:.0} | {of_one:.2} | {median:.1} | {tail:.1} | {:.1} | {:.1} | {:.2} | {} |",
                load.name(),
                measured.per_second(),
                tail / median,
                measured.percentile(100),
                f64::from(measured.round_trips) / measured.times.len() as f64,
                measured.refusals.len(),
            ));
            if let Some(refusal) = measured.refusals.first() {
                missed.push(format!("{}: {} refused, the first with {refusal}", load.name(), measured.refusals.len()));
            }
            if load.has_aims && (of_one < THROUGHPUT_MIN || tail > TAIL_MAX * median) {
                missed.push(format!("{}: {of_one:.2} of one caller, p99 {:.1} of p50", load.name(), tail / median));
            }
        }
    }
    match missed.is_empty() {
        true => Ok(()),
        false => Err(format!("Aims missed. {}.", missed.join("; "))),
    }
}

/// Starts a new engine with one account, and debits it until the time is over.
async fn measure(load: Load, time: Duration) -> Result<Measured, String> {
    let clock = Arc::new(MovableClock::standing(Timestamp::from_ms(1_767_484_800_000)));
    let deployment = Deployment::start(Storage::Memory, clock.clone()).await?;
    let project = deployment.call("POST", "/v1/admin/projects", ("x-none", ""), &json!({"name": "Bench"})).await?.0;
    let project = project["projectId"].as_str().unwrap_or_default();
    let account = json!({"accountId": "shared", "openingBalance": 1_000_000_000});
    deployment.call("POST", "/v1/accounts", ("x-project-id", project), &account).await?;
    let mut processes = vec![Arc::clone(&deployment.host)];
    while processes.len() < load.processes {
        processes.push(deployment.another_process(clock.clone()).await?);
    }
    let debit = |process: usize| {
        let request = deployment.request("POST", "/v1/accounts/shared/debit", ("x-project-id", project));
        (request, &processes[process])
    };
    for number in 0..WARM.max(load.processes) {
        send(debit(number % load.processes)).await?.map_err(|refusal| format!("A debit was refused: {refusal}"))?;
    }
    let faults = |conflict_percent| Faults { conflict_percent, seed: 7, ..Faults::default() };
    processes.iter().for_each(|process| process.app.table.set(faults(load.conflict_percent)));
    let started = Instant::now();
    let calling = (0..load.callers).map(|caller| {
        let debit = &debit;
        Box::pin(async move {
            let mut each = Vec::new();
            while started.elapsed() < time {
                let began = Instant::now();
                let outcome = send(debit(caller % load.processes)).await?;
                each.push((began.elapsed().as_secs_f64() * 1_000.0, outcome));
            }
            Ok::<_, String>(each)
        })
    });
    let mut measured = Measured { times: Vec::new(), refusals: Vec::new(), round_trips: 0, seconds: 0.0 };
    for each in join_all(calling).await {
        for (time, outcome) in each? {
            match outcome {
                Ok(round_trips) => {
                    measured.times.push(time);
                    measured.round_trips += round_trips;
                }
                Err(refusal) => measured.refusals.push(refusal),
            }
        }
    }
    measured.seconds = started.elapsed().as_secs_f64();
    measured.times.sort_by(f64::total_cmp);
    Ok(measured)
}

/// Sends a debit; returns its round trips, or the answer if it failed.
async fn send((request, host): (http::request::Builder, &Arc<Local>)) -> Result<Result<u32, String>, String> {
    let body = Bytes::from_static(br#"{"operationType": "x", "amount": 1}"#);
    let request: Request<Bytes> = request.body(body).map_err(|error| error.to_string())?;
    let (response, report) = Box::pin(host.respond(request, ALLOWANCE)).await;
    Ok(match response.status().is_success() {
        true => Ok(report.spent.round_trips),
        false => Err(format!("{} {}", response.status().as_u16(), String::from_utf8_lossy(response.body()))),
    })
}
