//! Checks a deployment from outside, and says what is wrong and what to do.

mod aws;
mod finding;
mod inside;
mod outside;

use serde_json::json;

use super::{Failure, Session};
use crate::show::{self, Format};
use finding::{Finding, Outcome, Report};

pub(crate) use finding::Options;

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
