//! What a check finds, and the report that people or programs read.

use clap::Args;
use ltlm_protocol::Timestamp;
use ltlm_protocol::deployment_data::DeploymentData;
use serde_json::{Value, json};

use crate::show::{self, Format};

#[derive(Args)]
pub(crate) struct Options {
    /// Send a test mail to this address, the way that all mails go, and wait until the mail service has it
    #[arg(long, value_name = "ADDRESS")]
    pub(super) mail_to: Option<String>,
    /// Ask AWS as well: alarms, schedules, dead letters, the sender of mails. Region and credentials are the environment's
    #[arg(long)]
    pub(super) aws: bool,
    /// The stage to look for in AWS; else the one that the deployment names
    #[arg(long, requires = "aws")]
    pub(super) stage: Option<String>,
    /// The region of AWS; else the environment's
    #[arg(long, requires = "aws")]
    pub(super) region: Option<String>,
    /// The address that mails come from (`MailFrom`), to look for it among what AWS has verified
    #[arg(long, requires = "aws", value_name = "ADDRESS")]
    pub(super) mail_from: Option<String>,
}

/// What came of a check.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Outcome {
    Ok,
    Warning,
    Failed,
}

impl Outcome {
    pub(super) fn text(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::Warning => "warning",
            Self::Failed => "failed",
        }
    }
}

/// A check and what it saw.
#[derive(Debug)]
pub(super) struct Finding {
    /// The check; its section of docs/operations.md is named after it.
    pub(super) check: &'static str,
    pub(super) outcome: Outcome,
    pub(super) seen: String,
    /// What to do about it.
    pub(super) advice: Option<String>,
}

impl Finding {
    pub(super) fn ok(check: &'static str, seen: impl Into<String>) -> Self {
        Self { check, outcome: Outcome::Ok, seen: seen.into(), advice: None }
    }

    pub(super) fn warning(check: &'static str, seen: impl Into<String>, advice: impl Into<String>) -> Self {
        Self { check, outcome: Outcome::Warning, seen: seen.into(), advice: Some(advice.into()) }
    }

    pub(super) fn failed(check: &'static str, seen: impl Into<String>, advice: impl Into<String>) -> Self {
        Self { check, outcome: Outcome::Failed, seen: seen.into(), advice: Some(advice.into()) }
    }

    /// Where the check is described.
    pub(super) fn section(&self) -> String {
        section(self.check)
    }

    pub(super) fn json(&self) -> Value {
        json!({
            "check": self.check, "outcome": self.outcome.text(), "seen": self.seen, "advice": self.advice,
            "section": self.section(),
        })
    }
}

/// All checks, in their order.
#[cfg(test)]
pub(super) const CHECKS: &[&str] = &[
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

pub(super) fn section(check: &str) -> String {
    format!("docs/operations.md#doctor-{check}")
}

/// The findings so far: people see each as it comes.
pub(super) struct Report {
    pub(super) format: Format,
    pub(super) findings: Vec<Finding>,
}

impl Report {
    pub(super) fn add(&mut self, finding: Finding) {
        if self.format == Format::People {
            show::line(&format!("{:<9}{:<14}{}", finding.outcome.text(), finding.check, finding.seen));
            if let Some(advice) = &finding.advice {
                show::line(&format!("{:23}{advice} ({})", "", finding.section()));
            }
        }
        self.findings.push(finding);
    }

    pub(super) fn worst(&self) -> Outcome {
        self.findings.iter().map(|finding| finding.outcome).max().unwrap_or(Outcome::Ok)
    }
}

/// What a deployment told of itself, and when.
pub(super) type Told = (DeploymentData, Asked);

/// When a question was asked and answered, by the clock of this machine.
#[derive(Clone, Copy, Debug)]
pub(super) struct Asked {
    pub(super) before: Timestamp,
    pub(super) after: Timestamp,
}

impl Asked {
    /// How long the round trip took, in milliseconds.
    pub(super) fn milliseconds(self) -> i64 {
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
