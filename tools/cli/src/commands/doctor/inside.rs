//! What the deployment says of itself.

use std::time::Duration;

use http::Method;
use ltlm_protocol::Timestamp;
use ltlm_protocol::deployment_data::{DeploymentData, FailingWebhook, PartData, RunData};
use serde_json::json;

use super::finding::{Finding, Report};
use crate::client::would_send;
use crate::commands::Session;

/// After so many seconds without a run, of all schedules together, they do not run: one is due each hour.
const SILENCE_SECONDS: i64 = 2 * 3_600;
/// A night's run that is older, in seconds, was left out.
const NIGHT_SECONDS: i64 = 26 * 3_600;
/// How often it is asked what came of a test mail, and how long between two questions.
const MAIL_TRIES: u32 = 30;
const MAIL_WAIT: Duration = Duration::from_secs(1);
/// Webhooks that a finding names.
const NAMED_MAX: usize = 5;

pub(super) fn version(reply: &DeploymentData, report: &mut Report) {
    let own = env!("CARGO_PKG_VERSION");
    report.add(match reply.version == own {
        true => Finding::ok("version", format!("{own}, as this ltlm")),
        false => Finding::warning(
            "version",
            format!("the deployment is {}, this ltlm {own}", reply.version),
            "Use the ltlm of the deployment's version, or deploy the newer one.",
        ),
    });
}

/// The table and the key service, which the deployment tried for us.
pub(super) fn parts(reply: &DeploymentData, report: &mut Report) {
    let part = |check, part: &PartData, does: &str, advice: &str| match &part.problem {
        None if part.ok => Finding::ok(check, format!("{does}, in {} ms", part.milliseconds)),
        problem => Finding::failed(check, problem.clone().unwrap_or_else(|| "it does not do".to_owned()), advice),
    };
    report.add(part(
        "table",
        &reply.table,
        "can be read",
        "The log of the function webhooks says why: is the table there, may the function read it, is it throttled?",
    ));
    report.add(part(
        "kms",
        &reply.key,
        "a key was made and unwrapped",
        "The log of the function webhooks says why: is the KMS key disabled or scheduled for deletion, or its policy changed?",
    ));
}

/// Mail, and with `to` a test mail on its real way.
pub(super) fn mail(session: &Session, reply: &DeploymentData, to: Option<&str>, report: &mut Report) {
    let advice = "Set the stack's parameter MailFrom to an address that SES has verified, and deploy.";
    let finding = match (reply.mail.configured, to) {
        (false, _) => Finding::warning("mail", "no sender is configured: no code and no license key is mailed", advice),
        (true, None) => Finding::ok("mail", "a sender is configured; --mail-to ADDRESS tries it"),
        (true, Some(to)) => test_mail(session, to),
    };
    report.add(finding);
}

fn test_mail(session: &Session, to: &str) -> Finding {
    let (path, body) = ("/v1/admin/test-mails", json!({ "to": to }));
    if session.client.is_dry_run {
        // The deployment sends before it notes that it did, so it cannot judge beforehand.
        would_send(&Method::POST, path, Some(&body));
        return Finding::ok("mail", "a sender is configured; nothing is sent in a dry run");
    }
    let operation = session.operation();
    if let Err(error) = session.client.ask_once(&Method::POST, path, operation, Some(body)) {
        return Finding::failed("mail", format!("the test mail was not taken: {error}"), "Mend what the answer names.");
    }
    let url = format!("{}/v1/admin/deployment", session.client.base_url());
    let mut last = None;
    for _ in 0..MAIL_TRIES {
        std::thread::sleep(MAIL_WAIT);
        let Ok(looked) = session.client.look(&url, true) else { continue };
        let Ok(reply) = serde_json::from_value::<DeploymentData>(looked.body) else { continue };
        match reply.mail.last_test.filter(|test| test.operation_id == operation) {
            Some(test) if test.problem.is_none() => {
                return Finding::ok(
                    "mail",
                    format!("the mail service has the test mail to {to}: look whether it arrives"),
                );
            }
            // It is tried again.
            Some(test) => last = test.problem,
            None => {}
        }
    }
    match last {
        Some(problem) => Finding::failed(
            "mail",
            format!("the test mail is not sent: {problem}"),
            "Is the address of MailFrom verified, and SES out of its sandbox? --aws looks.",
        ),
        None => Finding::failed(
            "mail",
            format!("nothing is known of the test mail after {} s", MAIL_TRIES * MAIL_WAIT.as_secs() as u32),
            "Does the function delivery run? Look at its log, and at the queues Outbox and OutboxDeadLetters.",
        ),
    }
}

pub(super) fn payments(reply: &DeploymentData, report: &mut Report) {
    report.add(match reply.payments.configured {
        true => Finding::ok("payments", "a payment provider is configured"),
        false => Finding::ok("payments", "no payment provider is configured: nothing is for sale"),
    });
}

pub(super) fn schedules(reply: &DeploymentData, report: &mut Report) {
    if !reply.table.ok {
        return report.add(Finding::warning(
            "schedules",
            "not known: the table cannot be read",
            "Mend the table first.",
        ));
    }
    let finding = match Timestamp::parse(&reply.time) {
        Some(now) => of_schedules(&reply.schedules, now),
        None => {
            Finding::warning("schedules", "not known: the deployment tells no time", "Use the ltlm of its version.")
        }
    };
    report.add(finding);
}

/// How long ago a run began, in seconds.
fn age(run: &RunData, now: Timestamp) -> i64 {
    let begun = Timestamp::parse(&run.started_at);
    begun.map_or(i64::MAX, |begun| (now.ms() - begun.ms()).div_euclid(1_000))
}

fn of_schedules(runs: &[RunData], now: Timestamp) -> Finding {
    let advice =
        "Are the schedules there and enabled (--aws looks), and does the function renewals run? Look at its log.";
    let Some(last) = runs.iter().min_by_key(|run| age(run, now)) else {
        return Finding::warning(
            "schedules",
            "none has run yet: fine for a deployment that is younger than an hour",
            advice,
        );
    };
    let all: Vec<_> = runs.iter().map(|run| told_run(run, now)).collect();
    let seen = all.join("; ");
    let night = runs.iter().find(|run| run.name == "nightly");
    if age(last, now) > SILENCE_SECONDS {
        return Finding::failed("schedules", format!("none for more than two hours: {seen}"), advice);
    }
    if runs.iter().any(|run| run.problem.is_some()) {
        return Finding::failed(
            "schedules",
            seen,
            "The log of the function renewals says why; the next hour tries again.",
        );
    }
    if night.is_some_and(|night| age(night, now) > NIGHT_SECONDS) {
        return Finding::failed("schedules", format!("the last night was left out: {seen}"), advice);
    }
    Finding::ok("schedules", seen)
}

fn told_run(run: &RunData, now: Timestamp) -> String {
    let problem = run.problem.as_ref().map(|problem| format!(", {problem}")).unwrap_or_default();
    let rest = if run.complete || run.problem.is_some() { "" } else { ", interrupted, goes on from the queue" };
    let minutes = age(run, now).div_euclid(60);
    format!("{} {minutes} min ago, {} due{rest}{problem}", run.name, run.dispatched)
}

pub(super) fn webhooks(reply: &DeploymentData, report: &mut Report) {
    let Some(webhooks) = &reply.webhooks else {
        let unknown = "not known: the table cannot be read";
        return report.add(Finding::warning("webhooks", unknown, "Mend the table first."));
    };
    let rest = if webhooks.complete { "" } else { ", and more was not looked at" };
    let finding = match webhooks.failing.as_slice() {
        [] => Finding::ok("webhooks", format!("none fails, of {} projects{rest}", webhooks.projects)),
        failing => {
            let named: Vec<_> = failing.iter().take(NAMED_MAX).map(told_webhook).collect();
            let others = failing.len().saturating_sub(NAMED_MAX);
            let others = if others > 0 { format!("; and {others} others") } else { String::new() };
            Finding::failed(
                "webhooks",
                format!("{}{others}{rest}", named.join("; ")),
                "Mend the receiver: deliveries are tried for two days, then `ltlm webhooks replay ID --dead-letters` sends them again. \
                 One that is stopped must be made anew.",
            )
        }
    };
    report.add(finding);
}

fn told_webhook(webhook: &FailingWebhook) -> String {
    let FailingWebhook { webhook_id, project_id, failing_since, error, disabled } = webhook;
    let stopped = if *disabled { " and is stopped" } else { "" };
    format!("{webhook_id} of {project_id} fails since {failing_since} ({error}){stopped}")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::commands::doctor::Outcome;

    fn ran(name: &str, minutes_ago: i64) -> RunData {
        let at = now().plus_seconds(-60 * minutes_ago).to_string();
        RunData {
            name: name.to_owned(),
            started_at: at.clone(),
            ended_at: at,
            dispatched: 3,
            complete: true,
            problem: None,
        }
    }

    fn now() -> Timestamp {
        Timestamp::from_ms(1_800_000_000_000)
    }

    #[test]
    fn schedules_are_judged_by_their_last_runs() {
        let failed = RunData { complete: false, problem: Some("it broke".to_owned()), ..ran("hourly", 5) };
        for (runs, outcome, seen) in [
            (vec![], Outcome::Warning, "none has run yet"),
            (vec![ran("hourly", 59)], Outcome::Ok, "hourly 59 min ago, 3 due"),
            (vec![ran("nightly", 100), ran("hourly", 160)], Outcome::Ok, "nightly 100 min ago"),
            (vec![ran("nightly", 300), ran("hourly", 121)], Outcome::Failed, "none for more than two hours"),
            (vec![ran("nightly", 26 * 60 + 1), ran("hourly", 1)], Outcome::Failed, "the last night was left out"),
            (vec![failed, ran("nightly", 5)], Outcome::Failed, "it broke"),
            (vec![RunData { complete: false, ..ran("hourly", 5) }], Outcome::Ok, "goes on from the queue"),
        ] {
            let finding = of_schedules(&runs, now());
            assert!(finding.outcome == outcome && finding.seen.contains(seen), "{finding:?}");
        }
    }
}
