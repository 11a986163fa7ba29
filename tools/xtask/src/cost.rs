//! `docs/cost.md`: what a stage costs a month, from the measured units of operations, the template, and AWS's prices.

use std::fmt::Write;
use std::time::Duration;

use shared::host::log;
use shared::host::respond::Report;
use shared::table::port::Spent;

/// A price of AWS's, in US dollars, for `us-east-1`.
struct Price {
    what: &'static str,
    unit: &'static str,
    dollars: f64,
}

const fn price(what: &'static str, unit: &'static str, dollars: f64) -> Price {
    Price { what, unit, dollars }
}

/// When the prices were looked up, in what others publish of AWS's price lists.
const LOOKED_UP: &str = "2026-11-28";
const GATEWAY: Price = price("API Gateway, HTTP API, the first 300 million", "million requests", 1.00);
const LAMBDA: Price = price("Lambda, requests", "million requests", 0.20);
const LAMBDA_TIME: Price = price("Lambda, arm64", "GB-second", 0.000_013_333_4);
const WRITES: Price = price("DynamoDB on demand, write request units", "million", 0.625);
const READS: Price = price("DynamoDB on demand, read request units", "million", 0.125);
const STORAGE: Price = price("DynamoDB, storage, with point-in-time recovery", "GB-month", 0.25 + 0.20);
const LOGS: Price = price("CloudWatch Logs, ingestion", "GB", 0.50);
const METRIC: Price = price("CloudWatch, custom metric", "metric-month", 0.30);
const ALARM: Price = price("CloudWatch, alarm", "watched metric-month", 0.10);
const KEY: Price = price("KMS, key", "key-month", 1.00);
const KEY_CALLS: Price = price("KMS, requests", "million", 3.00);
const EDGE: Price = price("CloudFront, HTTPS requests from North America and Europe", "million", 1.00);
const EDGE_OUT: Price = price("CloudFront, to viewers in North America and Europe, the first 10 TB", "GB", 0.085);
const ACL: Price = price("WAF, web ACL", "web-ACL-month", 5.00);
const ACL_RULE: Price = price("WAF, rule", "rule-month", 1.00);
const ACL_CALLS: Price = price("WAF, requests", "million", 0.60);
const ZONE: Price = price("Route 53, hosted zone", "zone-month", 0.50);
const PRICES: &[&Price] = &[
    &GATEWAY,
    &LAMBDA,
    &LAMBDA_TIME,
    &WRITES,
    &READS,
    &STORAGE,
    &LOGS,
    &METRIC,
    &ALARM,
    &KEY,
    &KEY_CALLS,
    &EDGE,
    &EDGE_OUT,
    &ACL,
    &ACL_RULE,
    &ACL_CALLS,
    &ZONE,
];

/// Of a hundred calls of applications, how many are of which operation: a row of docs/data-model.md of a license with one device.
const MIX: &[(&str, f64)] = &[
    ("heartbeat, with a seat", 85.0),
    ("consume", 8.0),
    ("license", 5.0),
    ("activate, known device", 1.0),
    ("consume-batch of 50 uses", 1.0),
];
/// Operations of the mix that can be answered in short, and the rows of these.
const COMPACT: &[(&str, &str)] =
    &[("heartbeat, with a seat", "heartbeat, compact, with a seat"), ("consume", "consume, compact")];
/// Calls a month that are told, in millions.
const CALLS: &[f64] = &[0.0, 1.0, 10.0, 100.0];

/// Bytes that CloudFront sends to a caller for each call: an answer with its headers.
const ANSWER_BYTES: f64 = 2_000.0;
/// Milliseconds that a call is taken to run for, in a function of [`MEMORY_GB`].
const RUN_MS: f64 = 15.0;
const MEMORY_GB: f64 = 0.25;
/// Bytes that Lambda writes to the log of each call beside ours.
const PLATFORM_BYTES: f64 = 700.0;
/// Bytes of our own line of each call.
const LINE_BYTES: f64 = 230.0;
/// Requests of a month that unwrap a key, for all functions together: each environment asks every ten minutes at most.
const KEY_CALLS_MONTH: f64 = 100_000.0;
/// Combinations of job and metric that are written: [`log::JOB_METRICS`], with the failed messages of two jobs and the duration of three.
const JOB_COMBINATIONS: usize = log::JOB_METRICS.len() + 1 + 3;

/// Units of an operation, as docs/data-model.md says: read, write.
fn units(document: &str, operation: &str) -> Option<(f64, f64)> {
    let row = document.lines().find(|line| line.starts_with(&format!("| {operation} | 1 |")))?;
    let cells: Vec<_> = row.split('|').map(str::trim).collect();
    Some((cells.get(4)?.parse().ok()?, cells.get(5)?.parse().ok()?))
}

/// The same, if the call asks for a compact answer wherever there is one.
fn compact_units(document: &str, operation: &str) -> Option<(f64, f64)> {
    let compact = COMPACT.iter().find(|(full, _)| *full == operation).map_or(operation, |(_, compact)| compact);
    units(document, compact)
}

/// Dollars that a million calls of the mix cost at the table.
fn table_dollars(document: &str, units: fn(&str, &str) -> Option<(f64, f64)>) -> Option<f64> {
    let of = |(operation, percent): &(&str, f64)| {
        let (read, write) = units(document, operation)?;
        Some((READS.dollars * read + WRITES.dollars * write) * percent / 100.0)
    };
    MIX.iter().map(of).sum()
}

/// Metrics that the alarms of the template watch.
fn watched(template: &str) -> usize {
    let blocks = template.split("Type: AWS::CloudWatch::Alarm").skip(1);
    let count = |block: &str| {
        let own = block.split("TreatMissingData").next().unwrap_or(block);
        own.matches("MetricStat:").count().max(1)
    };
    blocks.map(count).sum()
}

/// Rules of the web ACL that infra/waf.yaml makes.
fn rules(waf: &str) -> usize {
    waf.matches("Priority:").count()
}

/// A request as it is reported, for the size of its metrics line.
fn consumption() -> Report {
    Report {
        request_id: "JKJaXmPLvHcESHA=".to_owned(),
        route: "consume",
        status: 200,
        code: None,
        cause: None,
        spent: Spent { round_trips: 2, read_units: 8.5, write_units: 5.0 },
        duration: Duration::from_micros(12_345),
    }
}

/// What a domain, CloudFront and a web ACL add, which no stage has unless its parameters say so.
fn edge(waf: &str) -> String {
    let mut text = String::from(
        "\n## With CloudFront and a web ACL\n\nA custom domain name costs nothing at the gateway, and neither does its certificate. \
         CloudFront and WAF, which a stage has only if its parameters say so ([operations.md](operations.md)),\nadd these amounts to the table above:\n\n\
         | calls of applications | CloudFront | web ACL |\n|---|---|---|\n",
    );
    for millions in CALLS {
        let distribution = millions * (EDGE.dollars + EDGE_OUT.dollars * ANSWER_BYTES / 1_000.0);
        let acl = ACL.dollars + ACL_RULE.dollars * rules(waf) as f64 + ACL_CALLS.dollars * millions;
        let calls = if *millions > 0.0 { format!("{millions} million") } else { "none".to_owned() };
        let _ = writeln!(text, "| {calls} | {distribution:.2} | {acl:.2} |");
    }
    let _ = write!(
        text,
        "\nAn answer is taken to have {ANSWER_BYTES} bytes with its headers (assumed). The web ACL is that of infra/waf.yaml, with {} rules. The table does not contain CloudFront's \
         free tier of each account,\n10 million requests and 1 TB a month; the traffic from CloudFront to the gateway; and a hosted zone of Route 53, {:.2} a month. \
         CloudFront's plans with a flat rate are not considered.\n",
        rules(waf),
        ZONE.dollars
    );
    text
}

/// The document. `None` if an operation of the mix has no row.
pub fn document(data_model: &str, template: &str, waf: &str) -> Option<String> {
    let (in_full, compact) = (table_dollars(data_model, units)?, table_dollars(data_model, compact_units)?);
    let line = log::document(&consumption(), "prod", 1_795_824_000_000).to_string().len();
    let logged = PLATFORM_BYTES + LINE_BYTES + line as f64;
    let metrics = log::REQUEST_METRICS.len() + JOB_COMBINATIONS;
    let idle = METRIC.dollars * metrics as f64 + ALARM.dollars * watched(template) as f64 + KEY.dollars;

    let mut text = String::from(
        "# What a stage costs\n\n<!-- Generated by `cargo xtask docs` from tools/xtask/src/cost.rs, docs/data-model.md and template.yaml. -->\n\n\
         Figures are US dollars a month, without free tiers and taxes. The units of operations are measured ([data-model.md](data-model.md)). The duration of a \
         call\nand the size of Lambda's own log lines are assumptions, which are named below and not yet verified on AWS.\n\n\
         | calls of applications | gateway | Lambda | table | table, [compact answers](api.md#compact-answers) | logs | metrics, alarms, key | all |\n|---|---|---|---|---|---|---|---|\n",
    );
    for millions in CALLS {
        let gateway = GATEWAY.dollars * millions;
        let seconds = millions * 1_000_000.0 * RUN_MS / 1_000.0;
        let lambda = LAMBDA.dollars * millions + LAMBDA_TIME.dollars * seconds * MEMORY_GB;
        let (table, compact) = (millions * in_full, millions * compact);
        let logs = LOGS.dollars * millions * logged / 1_000.0;
        let unwrapped = if *millions > 0.0 { KEY_CALLS.dollars * KEY_CALLS_MONTH / 1_000_000.0 } else { 0.0 };
        let standing = idle + unwrapped;
        let all = gateway + lambda + table + logs + standing;
        let calls = if *millions > 0.0 { format!("{millions} million") } else { "none".to_owned() };
        let _ = writeln!(
            text,
            "| {calls} | {gateway:.2} | {lambda:.2} | {table:.2} | {compact:.2} | {logs:.2} | {standing:.2} | **{all:.2}** |"
        );
    }
    let _ = write!(
        text,
        "\nThe sum contains the table with answers in full. If every call that can ask for a compact answer does, the column of compact answers replaces it. Storage is charged in addition: {:.2} a GB, backups of the last 35 days included. Notices, mails, webhooks and payments are charged by use.\n\n\
         ## The mix of calls\n\nThe table above assumes this mix of a hundred calls of applications, on licenses with one device:\n\n| operation | calls | read units | write units |\n|---|---|---|---|\n",
        STORAGE.dollars
    );
    for (operation, percent) in MIX {
        let (read, write) = units(data_model, operation)?;
        let _ = writeln!(text, "| {operation} | {percent} | {read} | {write} |");
    }
    let _ = write!(
        text,
        "\nA call is taken to run for {RUN_MS} ms in {MEMORY_GB} GB (assumed), and to write {logged:.0} bytes to the log: {line} of metrics (measured), \
         {LINE_BYTES} of the service's own line\nand {PLATFORM_BYTES} of Lambda's (assumed). `LogLevel: WARN` omits the service's own line. There are {metrics} custom metrics, of \
         requests and jobs together, and alarms on {} metrics.\n{}\n## Prices\n\n`us-east-1`, as published on {LOOKED_UP}; other regions differ. AWS's price pages are authoritative.\n\n\
         | price of | per | US dollars |\n|---|---|---|\n",
        watched(template),
        edge(waf)
    );
    for Price { what, unit, dollars } in PRICES {
        let _ = writeln!(text, "| {what} | {unit} | {dollars} |");
    }
    Some(text)
}
