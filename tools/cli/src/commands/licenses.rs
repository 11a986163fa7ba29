//! Licenses, their devices, seats and tokens.

use std::path::PathBuf;

use clap::{Args, Subcommand};
use http::Method;
use serde_json::{Value, json};

use super::accounts::{self, Range};
use super::bulk::{Many, change};
use super::{Failure, ROWS, Session, json_of, more};
use crate::client::{encoded, license_path};
use crate::output::Output;
use crate::show::{self, Column, Format};

/// Licenses issued by one call: small enough for a bar that moves.
const PER_CALL: u64 = 100;

#[derive(Subcommand)]
pub(crate) enum Command {
    /// Issue licenses of a policy
    Issue(Issue),
    /// Search a project's licenses, newest first
    List(Search),
    /// A license
    Show {
        /// Its key
        license: String,
    },
    /// Stop licenses until they are resumed
    Suspend(Many),
    /// Resume suspended licenses
    Resume(Many),
    /// Stop licenses for good
    Revoke(Many),
    /// Take back the revocation of a license that was a mistake
    Reinstate {
        /// The license's key
        license: String,
        /// Why, for you
        #[arg(long)]
        reason: String,
    },
    /// Stop licenses for good; the application quits
    Terminate(Many),
    /// Let licenses last longer, from their end or from now
    Extend {
        #[command(flatten)]
        licenses: Many,
        /// By how many days; a negative number shortens them
        #[arg(long, allow_negative_numbers = true)]
        days: i64,
    },
    /// Change a license: given values replace the existing ones
    Update(Update),
    /// Credit tokens, or debit them with a negative amount
    Tokens {
        /// The license's key
        license: String,
        /// How many
        #[arg(allow_negative_numbers = true)]
        amount: i64,
        /// Why
        #[arg(long)]
        reason: String,
        /// When a credit ends, such as 2027-01-31T00:00:00Z
        #[arg(long)]
        expires_at: Option<String>,
    },
    /// Write the file of an air-gapped license: it works without any network, and cannot be revoked
    File(File),
    /// What was used: the ledger, newest first
    Usage {
        /// The license's key
        license: String,
        /// At most so many entries
        #[arg(long, default_value_t = ROWS)]
        limit: usize,
    },
    /// Check the whole ledger: is each entry what it was, and the balance what they add up to?
    Verify {
        /// The license's key
        license: String,
    },
    /// What the ledger adds up to
    Statistics {
        /// The license's key
        license: String,
        #[command(flatten)]
        range: Range,
    },
    /// Its devices, last activated first
    Devices {
        /// The license's key
        license: String,
        /// At most so many
        #[arg(long, default_value_t = ROWS)]
        limit: usize,
    },
    /// Name a device
    NameDevice {
        /// The license's key
        license: String,
        /// The device's hwid
        hwid: String,
        /// Its name
        name: String,
    },
    /// Remove a device: its place and its seat become free
    RemoveDevice {
        /// The license's key
        license: String,
        /// The device's hwid
        hwid: String,
    },
    /// List the devices that hold a seat
    Seats {
        /// The license's key
        license: String,
    },
    /// Release a device's seat; the device is notified
    Kick {
        /// The license's key
        license: String,
        /// The device's hwid
        hwid: String,
    },
}

#[derive(Args)]
pub(crate) struct Issue {
    /// The project's id
    project: String,
    /// The policy's number
    #[arg(long)]
    policy: i64,
    /// How many
    #[arg(long, default_value_t = 1, value_parser = clap::value_parser!(u64).range(1..=1_000_000))]
    count: u64,
    /// A key of your own, for one license
    #[arg(long)]
    license_key: Option<String>,
    /// The customer's e-mail
    #[arg(long)]
    email: Option<String>,
    /// The customer's name
    #[arg(long)]
    name: Option<String>,
    /// An end other than the policy's, such as 2027-01-31T00:00:00Z
    #[arg(long)]
    valid_until: Option<String>,
    /// What differs from the policy: JSON, or a file of it
    #[arg(long, value_name = "JSON")]
    overrides: Option<String>,
    /// Write the keys there, one a line
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
}

#[derive(Args)]
pub(crate) struct File {
    /// The license's key
    license: String,
    /// The devices' hwids
    #[arg(required = true, value_name = "HWID")]
    hwids: Vec<String>,
    /// Where to write it, such as customer.ltlm
    #[arg(long, value_name = "FILE")]
    out: PathBuf,
    /// When it ends, if sooner than the license, such as 2027-01-31T00:00:00Z
    #[arg(long)]
    valid_until: Option<String>,
    /// The project's secret that it is encrypted with, by its id; else the newest
    #[arg(long, value_name = "ID")]
    secret: Option<String>,
}

#[derive(Args)]
pub(crate) struct Search {
    /// The project's id
    project: String,
    /// Of this customer
    #[arg(long)]
    email: Option<String>,
    /// Of this policy
    #[arg(long)]
    policy: Option<i64>,
    /// Of this status
    #[arg(long, value_parser = ["active", "grace_period", "expired", "suspended", "revoked", "terminated"])]
    status: Option<String>,
    /// Paid for with test money: true or false; else both
    #[arg(long)]
    test: Option<bool>,
    /// At most so many
    #[arg(long, default_value_t = ROWS)]
    limit: usize,
    /// All of them
    #[arg(long, conflicts_with = "limit")]
    all: bool,
}

#[derive(Args)]
pub(crate) struct Update {
    /// The license's key
    license: String,
    /// A new end, or `none`
    #[arg(long)]
    valid_until: Option<String>,
    /// Another policy of the project
    #[arg(long)]
    policy: Option<i64>,
    /// The customer it goes to
    #[arg(long)]
    email: Option<String>,
    /// The customer's name
    #[arg(long, requires = "email")]
    name: Option<String>,
    /// What differs from the policy: JSON, or a file of it
    #[arg(long, value_name = "JSON")]
    overrides: Option<String>,
    /// Your own facts: JSON, or a file of it
    #[arg(long, value_name = "JSON")]
    metadata: Option<String>,
}

const COLUMNS: &[Column] = &[
    ("LICENSE", "/licenseKey"),
    ("STATUS", "/status"),
    ("POLICY", "/PolicyID"),
    ("ENDS", "/validUntil"),
    ("DEVICES", "/devices"),
    ("CUSTOMER", "/customer/email"),
];
const FACTS: &[Column] = &[
    ("license", "/licenseKey"),
    ("status", "/status"),
    ("policy", "/policy/name"),
    ("ends", "/validUntil"),
    ("customer", "/customer/email"),
    ("devices allowed", "/maxActivations"),
    ("seats", "/maxConcurrentSeats"),
    ("seats held", "/activeSeats"),
    ("tokens", "/tokensLimit"),
    ("tokens left", "/tokensRemaining"),
    ("capabilities", "/config/capabilities"),
];
const ENTRIES: &[Column] = &[
    ("WHEN", "/timestamp"),
    ("AMOUNT", "/amount"),
    ("BALANCE", "/balanceAfter"),
    ("ACTION", "/action"),
    ("SOURCE", "/source"),
    ("DEVICE", "/hwid"),
];
const ENTRY: &[Column] = &[("amount", "/amount"), ("balance", "/balanceAfter"), ("operation", "/operationId")];
const DEVICES: &[Column] =
    &[("DEVICE", "/hwid"), ("NAME", "/nickname"), ("REGISTERED", "/registeredAt"), ("SEEN", "/lastCheckIn")];
const SEATS: &[Column] = &[("DEVICE", "/hwid"), ("NAME", "/nickname"), ("SEEN", "/lastSeen"), ("UNTIL", "/leaseUntil")];

pub(crate) fn run(session: &Session, command: Command) -> Result<(), Failure> {
    match command {
        Command::Issue(issue) => self::issue(session, &issue),
        Command::List(search) => self::search(session, &search),
        Command::Show { license } => session.show(&license_path(&license, ""), FACTS),
        Command::Suspend(many) => change(session, &many, json!({"state": "suspended"}), "suspended"),
        Command::Resume(many) => change(session, &many, json!({"state": "active"}), "resumed"),
        Command::Revoke(many) => {
            session.confirm("A revoked license stays so, unless you reinstate it.")?;
            change(session, &many, json!({"state": "revoked"}), "revoked")
        }
        Command::Reinstate { license, reason } => {
            let body = json!({ "reason": reason });
            session.act(&Method::POST, &license_path(&license, "/reinstate"), Some(body), FACTS)
        }
        Command::Terminate(many) => {
            session.confirm("A terminated license stays so, and its applications quit.")?;
            change(session, &many, json!({"state": "terminated"}), "terminated")
        }
        Command::Extend { licenses, days } => {
            if days < 0 {
                session.confirm(&format!("The licenses end {} days sooner.", days.unsigned_abs()))?;
            }
            change(session, &licenses, json!({"extendDays": days}), "extended")
        }
        Command::Update(update) => {
            let body = update_body(&update)?;
            session.act(&Method::PATCH, &license_path(&update.license, ""), Some(body), FACTS)
        }
        Command::Tokens { license, amount, reason, expires_at } => {
            if amount < 0 {
                session.confirm(&format!("{} tokens are taken from license {license}.", amount.unsigned_abs()))?;
            }
            let body = json!({"amount": amount, "reason": reason, "expiresAt": expires_at});
            session.act(&Method::POST, &license_path(&license, "/tokens"), Some(body), ENTRY)
        }
        Command::Usage { license, limit } => session.list(&license_path(&license, "/usage"), "entries", ENTRIES, limit),
        Command::Verify { license } => accounts::verify(session, &license_path(&license, "/usage/verification"), &[]),
        Command::Statistics { license, range } => {
            let asked = [("from", &range.from), ("to", &range.to)];
            accounts::statistics(session, &license_path(&license, "/usage/statistics"), &asked)
        }
        Command::Devices { license, limit } => {
            session.list(&license_path(&license, "/devices"), "devices", DEVICES, limit)
        }
        Command::NameDevice { license, hwid, name } => {
            let path = license_path(&license, &format!("/devices/{}", encoded(&hwid)));
            session.act(
                &Method::PATCH,
                &path,
                Some(json!({ "nickname": name })),
                &[("device", "/hwid"), ("name", "/nickname")],
            )
        }
        Command::RemoveDevice { license, hwid } => {
            session.confirm(&format!("Device {hwid} must be activated again to go on."))?;
            let path = license_path(&license, &format!("/devices/{}", encoded(&hwid)));
            session.act(&Method::DELETE, &path, None, &[])
        }
        Command::File(file) => write_file(session, &file),
        Command::Seats { license } => seats(session, &session.client.get(&license_path(&license, "/seats"))?),
        Command::Kick { license, hwid } => {
            let path = license_path(&license, &format!("/seats/{}/release", encoded(&hwid)));
            let answer = session.client.send(&Method::POST, &path, session.operation(), None)?;
            if session.client.is_dry_run { Ok(()) } else { seats(session, &answer) }
        }
    }
}

fn write_file(session: &Session, file: &File) -> Result<(), Failure> {
    let body = json!({"hwids": file.hwids, "validUntil": file.valid_until, "secretId": file.secret});
    let path = license_path(&file.license, "/offline-file");
    let output = output(session, Some(&file.out))?;
    let answer = session.client.send(&Method::POST, &path, session.operation(), Some(body))?;
    // A dry run has no answer, and opens no file.
    let (Some(text), Some(output)) = (answer.as_str(), output) else { return Ok(()) };
    output.write(text, &session.operation)?;
    match session.format {
        Format::Json => show::line(&json!({"file": file.out}).to_string()),
        _ => show::line(&format!("{} is for {} devices.", file.out.display(), file.hwids.len())),
    }
    Ok(())
}

/// The file that the answer goes to, opened before anything is sent. A dry run opens none.
fn output(session: &Session, path: Option<&PathBuf>) -> Result<Option<Output>, Failure> {
    path.filter(|_| !session.client.is_dry_run).map(|path| Output::open(path)).transpose()
}

fn seats(session: &Session, answer: &Value) -> Result<(), Failure> {
    if session.format == Format::Json {
        show::line(&format!("{answer:#}"));
        return Ok(());
    }
    show::rows(session.format, SEATS, answer["seats"].as_array().map_or(&[], Vec::as_slice));
    show::line(&format!("{} of {} seats held", answer["activeSeats"], answer["maxSeats"]));
    Ok(())
}

fn update_body(update: &Update) -> Result<Value, Failure> {
    let mut body = json!({});
    match update.valid_until.as_deref() {
        Some("none") => body["validUntil"] = Value::Null,
        Some(end) => body["validUntil"] = json!(end),
        None => {}
    }
    if let Some(policy) = update.policy {
        body["policyId"] = json!(policy);
    }
    if let Some(email) = &update.email {
        body["customer"] = json!({ "email": email });
        // What is not named stays as it is.
        if let Some(name) = &update.name {
            body["customer"]["name"] = json!(name);
        }
    }
    for (name, document) in [("overrides", &update.overrides), ("metadata", &update.metadata)] {
        if let Some(document) = document {
            body[name] = json_of(document)?;
        }
    }
    Ok(body)
}

fn search(session: &Session, search: &Search) -> Result<(), Failure> {
    let mut query = Vec::new();
    query.extend(search.email.iter().map(|email| format!("email={}", encoded(email))));
    query.extend(search.policy.iter().map(|policy| format!("policyId={policy}")));
    query.extend(search.test.iter().map(|test| format!("test={test}")));
    query.extend(search.status.iter().map(|status| format!("status={status}")));
    let path = format!("/v1/admin/projects/{}/licenses?{}", encoded(&search.project), query.join("&"));
    let limit = if search.all { usize::MAX } else { search.limit };
    let bar = show::progress(0, "Reading licenses");
    let (list, is_cut) = session.client.list(&path, "licenses", limit, |seen| bar.set_position(seen as u64))?;
    bar.finish_and_clear();
    show::rows(session.format, COLUMNS, &list);
    if is_cut {
        more(limit, " or --all");
    }
    Ok(())
}

/// Issues as many as wanted, some at a time. Each call's id follows from the command's, so the whole can be repeated.
fn issue(session: &Session, issue: &Issue) -> Result<(), Failure> {
    let path = format!("/v1/admin/projects/{}/licenses", encoded(&issue.project));
    let mut body = json!({"policyId": issue.policy, "licenseKey": issue.license_key, "validUntil": issue.valid_until});
    if issue.email.is_some() || issue.name.is_some() {
        body["customer"] = json!({"email": issue.email, "name": issue.name});
    }
    if let Some(overrides) = &issue.overrides {
        body["overrides"] = json_of(overrides)?;
    }
    let output = output(session, issue.out.as_ref())?;
    let bar = show::progress(issue.count, "Issuing");
    let mut licenses = Vec::new();
    for part in 0..issue.count.div_ceil(PER_CALL) {
        body["count"] = json!((issue.count - part * PER_CALL).min(PER_CALL));
        let operation = format!("{}.{part}", session.operation());
        let answer = session.client.send(&Method::POST, &path, &operation, Some(body.clone())).inspect_err(|_| {
            if issue.count > PER_CALL {
                eprintln!(
                    "{} of {} licenses are issued; repeat the command with --operation-id {} to go on.",
                    part * PER_CALL,
                    issue.count,
                    session.operation
                );
            }
        })?;
        licenses.extend(answer["licenses"].as_array().into_iter().flatten().cloned());
        bar.inc(PER_CALL);
    }
    bar.finish_and_clear();
    if session.client.is_dry_run {
        return Ok(());
    }
    let keys: Vec<_> = licenses.iter().filter_map(|license| license["licenseKey"].as_str()).collect();
    if let Some(output) = output {
        output.write(&(keys.join("\n") + "\n"), &session.operation)?;
    }
    match (session.format, &issue.out) {
        (Format::Json, _) => show::line(&format!("{:#}", json!(keys))),
        (Format::People, Some(out)) => show::line(&format!("{} keys are in {}", keys.len(), out.display())),
        (Format::People, None) => keys.iter().for_each(|key| show::line(key)),
    }
    Ok(())
}
