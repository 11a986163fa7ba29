//! One log line and one metrics line a request.
//!
//! An allow-list determines what is logged: route, status, code, the gateway's id of the request, cost, time. Never a
//! header, a path, a body, a key or a device id: paths contain license keys, and headers contain secrets.

use std::io::Write;

use serde_json::json;
use tracing_subscriber::filter::{LevelFilter, Targets};
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;

use crate::host::background::JobReport;
use crate::host::config::Config;
use crate::host::respond::Report;
use crate::service::ports::Clock;

/// Sets up logging to stdout as the configuration says. A second call in one process changes nothing.
pub fn init(config: &Config) {
    // The level is for our own lines. The SDK and the runtime may only warn: on lower levels they print requests.
    let level = config.log_level.parse().unwrap_or(LevelFilter::INFO);
    let filter = Targets::new().with_default(LevelFilter::WARN).with_target("shared", level);
    // CloudWatch stamps each line itself.
    let lines =
        tracing_subscriber::fmt().with_max_level(LevelFilter::TRACE).with_target(false).without_time().with_ansi(false);
    let _ = match config.log_json {
        true => lines.json().flatten_event(true).finish().with(filter).try_init(),
        false => lines.finish().with(filter).try_init(),
    };
}

/// The log line.
pub fn request(report: &Report) {
    let ms = report.duration.as_secs_f64() * 1_000.0;
    let (route, status, code, spent) = (report.route, report.status, report.code.unwrap_or(""), report.spent);
    let request_id = report.request_id.as_str();
    // The level is part of a line's static description, so the fields are written once and used for both.
    macro_rules! line {
        ($level:ident, $($cause:ident)?, $message:literal) => {
            tracing::$level!(
                route, status, code, request_id, duration_ms = ms, round_trips = spent.round_trips,
                read_units = spent.read_units, write_units = spent.write_units, $($cause,)? $message
            )
        };
    }
    match &report.cause {
        // The caller comes again: that is no defect, and no alarm looks at it.
        Some(cause) if report.status == BUSY => line!(warn, cause, "request busy"),
        Some(cause) => line!(error, cause, "request failed"),
        None => line!(info, , "request"),
    }
}

/// The metrics line, in CloudWatch's embedded metric format. Dimensions are few and bounded; each combination is billed.
pub fn metrics(report: &Report, stage: &str, clock: &dyn Clock) {
    let document = document(report, stage, clock.now().ms());
    // A lost metric is not worth a failed request.
    let _ = writeln!(std::io::stdout().lock(), "{document}");
}

/// The log line and the metrics line of a job.
pub fn job(report: &JobReport, stage: &str, clock: &dyn Clock) {
    job_line(report);
    let _ = writeln!(std::io::stdout().lock(), "{}", job_document(report, stage, clock.now().ms()));
}

/// The log line of a job.
pub fn job_line(report: &JobReport) {
    let ms = report.duration.as_secs_f64() * 1_000.0;
    let counts: serde_json::Map<_, _> =
        report.counts.iter().map(|(name, count)| ((*name).to_owned(), json!(count))).collect();
    let (job, counts, spent) = (report.job, json!(counts).to_string(), report.spent);
    for cause in &report.causes {
        tracing::error!(job, cause, "job failed");
    }
    tracing::info!(
        job,
        counts,
        duration_ms = ms,
        round_trips = spent.round_trips,
        read_units = spent.read_units,
        write_units = spent.write_units,
        "job"
    );
}

/// The status of a request whose caller should retry.
const BUSY: u16 = 503;
/// Namespace of all metrics.
pub const NAMESPACE: &str = "LTLM";
/// Metrics of requests, each with its unit, by stage alone: every further dimension is charged for each of its values.
/// The cost and the results of a route are counted from the logs. A request that is answered 503 is busy, and not a
/// failure.
pub const REQUEST_METRICS: &[(&str, &str)] = &[
    ("Requests", "Count"),
    ("Refusals", "Count"),
    ("Failures", "Count"),
    ("Busy", "Count"),
    ("Duration", "Milliseconds"),
    ("ReadUnits", "Count"),
    ("WriteUnits", "Count"),
];
/// Counts of jobs that are metrics, by stage and job. The others are in the logs.
pub const JOB_METRICS: &[&str] =
    &["Renewed", "FailedAccounts", "FailedMessages", "Notices", "PresumedUses", "Mailed", "Delivered", "GivenUp"];

fn job_document(report: &JobReport, stage: &str, now_ms: i64) -> serde_json::Value {
    let count = |name: &str| json!({"Name": name, "Unit": "Count"});
    let names = report.counts.iter().map(|(name, _)| *name).filter(|name| JOB_METRICS.contains(name));
    let mut metrics: Vec<_> = names.map(count).collect();
    metrics.push(json!({"Name": "Duration", "Unit": "Milliseconds"}));
    let mut document = json!({
        "_aws": {
            "Timestamp": now_ms,
            "CloudWatchMetrics": [{"Namespace": NAMESPACE, "Dimensions": [["Stage", "Job"]], "Metrics": metrics}],
        },
        "Stage": stage,
        "Job": report.job,
        "Duration": report.duration.as_secs_f64() * 1_000.0,
        "ReadUnits": report.spent.read_units,
        "WriteUnits": report.spent.write_units,
    });
    for (name, value) in &report.counts {
        document[*name] = json!(value);
    }
    document
}

/// The metrics line of a request.
pub fn document(report: &Report, stage: &str, now_ms: i64) -> serde_json::Value {
    let metrics: Vec<_> = REQUEST_METRICS.iter().map(|(name, unit)| json!({"Name": name, "Unit": unit})).collect();
    let refused = (400..500).contains(&report.status);
    json!({
        "_aws": {
            "Timestamp": now_ms,
            "CloudWatchMetrics": [{"Namespace": NAMESPACE, "Dimensions": [["Stage"]], "Metrics": metrics}],
        },
        "Stage": stage,
        "Route": report.route,
        "Code": report.code,
        "Requests": 1,
        "Refusals": u8::from(refused),
        "Failures": u8::from(report.status >= 500 && report.status != BUSY),
        "Busy": u8::from(report.status == BUSY),
        "Duration": report.duration.as_secs_f64() * 1_000.0,
        "RoundTrips": report.spent.round_trips,
        "ReadUnits": report.spent.read_units,
        "WriteUnits": report.spent.write_units,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::table::port::Spent;
    use std::time::Duration;

    #[test]
    fn every_metric_named_has_a_value_and_every_dimension_a_text() {
        let spent = Spent { round_trips: 2, read_units: 6.0, write_units: 5.0 };
        let of = |status: u16| {
            let code = Some("X");
            let report = Report {
                request_id: "r".to_owned(),
                route: "consume",
                status,
                code,
                cause: None,
                spent,
                duration: Duration::from_millis(5),
            };
            document(&report, "dev", 1)
        };
        let document = of(403);
        let directive = &document["_aws"]["CloudWatchMetrics"][0];
        for metric in directive["Metrics"].as_array().unwrap() {
            assert!(document[metric["Name"].as_str().unwrap()].is_number(), "{metric}");
        }
        for dimension in directive["Dimensions"][0].as_array().unwrap() {
            assert!(document[dimension.as_str().unwrap()].is_string(), "{dimension}");
        }
        for (status, counts) in [(200, [0, 0, 0]), (403, [1, 0, 0]), (500, [0, 1, 0]), (503, [0, 0, 1])] {
            let document = of(status);
            assert_eq!(
                ["Refusals", "Failures", "Busy"].map(|name| document[name].as_i64().unwrap()),
                counts,
                "{status}"
            );
        }
    }
}
