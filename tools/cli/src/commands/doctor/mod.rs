//! Checks a deployment from outside, and says what is wrong and what to do.

mod aws;
mod inside;
mod outside;

use clap::Args;
use ltlm_protocol::Timestamp;
use ltlm_protocol::deployment_data::DeploymentData;
use serde_json::{Value, json};

use super::{Failure, Session};
use crate::show::{self, Format};

#[derive(Args)]
pub(crate) struct Options {
    /// Send a test mail to this address, the way that all mails go, and wait until the mail service has it
    #[arg(long, value_name = "ADDRESS")]
    mail_to: Option<String>,
    /// Ask AWS as well: alarms, schedules, dead letters, the sender of mails. Region and credentials are the environment's
    #[arg(long)]
    aws: bool,
    /// The stage to look for in AWS; else the one that the deployment names
    #[arg(long, requires = "aws")]
    stage: Option<String>,
    /// The region of AWS; else the environment's
    #[arg(long, requires = "aws")]
    region: Option<String>,
    /// The address that mails come from (`MailFrom`), to look for it among what AWS has verified
    #[arg(long, requires = "aws", value_name = "ADDRESS")]
    mail_from: Option<String>,
}

/// What came of a check.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Outcome {
    Ok,
    Warning,
    Failed,
}

impl Outcome {
    fn text(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::Warning => "warning",
            Self::Failed => "failed",
        }
    }
}

/// A check and what it saw.
#[derive(Debug)]
struct Finding {
    /// The check; its section of docs/operations.md is named after it.
    check: &'static str,
    outcome: Outcome,
    seen: String,
    /// What to do about it.
    advice: Option<String>,
}

impl Finding {
    fn ok(check: &'static str, seen: impl Into<String>) -> Self {
        Self { check, outcome: Outcome::Ok, seen: seen.into(), advice: None }
    }

    fn warning(check: &'static str, seen: impl Into<String>, advice: impl Into<String>) -> Self {
        Self { check, outcome: Outcome::Warning, seen: seen.into(), advice: Some(advice.into()) }
    }

    fn failed(check: &'static str, seen: impl Into<String>, advice: impl Into<String>) -> Self {
        Self { check, outcome: Outcome::Failed, seen: seen.into(), advice: Some(advice.into()) }
    }

    /// Where the check is described.
    fn section(&self) -> String {
        section(self.check)
    }

    fn json(&self) -> Value {
        json!({
            "check": self.check, "outcome": self.outcome.text(), "seen": self.seen, "advice": self.advice,
            "section": self.section(),
        })
    }
}

/// All checks, in their order.
#[cfg(test)]
const CHECKS: &[&str] = &[
    "health",
    "transport",
    "key",
    "version",
    "clock",
    "table",
    "kms",
    "mail",
    "payments",
    "schedules",
    "webhooks",
    "aws",
    "alarms",
    "scheduler",
    "dead-letters",
    "sender",
];

fn section(check: &str) -> String {
    format!("docs/operations.md#doctor-{check}")
}

/// The findings so far: people see each as it comes.
struct Report {
    format: Format,
    findings: Vec<Finding>,
}

impl Report {
    fn add(&mut self, finding: Finding) {
        if self.format == Format::People {
            show::line(&format!("{:<9}{:<14}{}", finding.outcome.text(), finding.check, finding.seen));
            if let Some(advice) = &finding.advice {
                show::line(&format!("{:23}{advice} ({})", "", finding.section()));
            }
        }
        self.findings.push(finding);
    }

    fn worst(&self) -> Outcome {
        self.findings.iter().map(|finding| finding.outcome).max().unwrap_or(Outcome::Ok)
    }
}

/// Runs all checks; one that fails stops no other.
pub(crate) fn run(session: &Session, options: &Options) -> Result<(), Failure> {
    let mut report = Report { format: session.format, findings: Vec::new() };
    let health = outside::health(session, &mut report);
    let deployment = outside::deployment(session, &mut report);
    outside::clock(health.as_ref(), deployment.as_ref(), &mut report);
    if let Some((reply, _)) = &deployment {
        inside::version(reply, &mut report);
        inside::parts(reply, &mut report);
        inside::mail(session, reply, options.mail_to.as_deref(), &mut report);
        inside::payments(reply, &mut report);
        inside::schedules(reply, &mut report);
        inside::webhooks(reply, &mut report);
    }
    if options.aws {
        let stage = options.stage.clone().or_else(|| deployment.map(|(reply, _)| reply.stage));
        aws::checks(options, stage.as_deref(), &mut report);
    }
    let worst = report.worst();
    if session.format == Format::Json {
        let findings: Vec<_> = report.findings.iter().map(Finding::json).collect();
        let reply = json!({"url": session.client.base_url(), "outcome": worst.text(), "checks": findings});
        show::line(&format!("{reply:#}"));
    }
    if worst == Outcome::Failed { Err(Failure::Told) } else { Ok(()) }
}

/// What a deployment told of itself, and when.
type Told = (DeploymentData, Asked);

/// When a question was asked and answered, by the clock of this machine.
#[derive(Clone, Copy, Debug)]
struct Asked {
    before: Timestamp,
    after: Timestamp,
}

impl Asked {
    /// How long the round trip took, in milliseconds.
    fn milliseconds(self) -> i64 {
        (self.after.ms() - self.before.ms()).max(0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_check_has_its_section_in_the_document() {
        let document = include_str!("../../../../../docs/operations.md");
        for check in CHECKS {
            assert!(document.contains(&format!("\n### Doctor: {check}\n")), "{}", section(check));
        }
    }
}
