//! What AWS says of a stage: with the vendor's own credentials, reading only.

use std::future::Future;
use std::time::Duration;

use aws_config::timeout::TimeoutConfig;
use aws_config::{BehaviorVersion, Region, SdkConfig};
use aws_sdk_cloudwatch::types::{MetricAlarm, StateValue};
use aws_sdk_scheduler::types::ScheduleState;
use aws_sdk_sqs::config::ProvideCredentials;
use aws_sdk_sqs::error::{ProvideErrorMetadata, SdkError};
use aws_sdk_sqs::types::QueueAttributeName;
use aws_smithy_http_client::Builder;
use aws_smithy_http_client::tls::{Provider, rustls_provider::CryptoMode};

use super::finding::{Finding, Options, Report};

/// Time for one call, its repetitions included.
const CALL: Duration = Duration::from_secs(10);
/// Time for one check.
const CHECK: Duration = Duration::from_secs(30);

/// The alarms of a stage, `ltlm-<stage>-<name>`.
const ALARMS: &[&str] = &[
    "ServerErrors",
    "ApiErrors",
    "SlowAnswers",
    "TableThrottles",
    "BackgroundErrors",
    "RenewalsDead",
    "RenewalsLate",
    "StreamDead",
    "StreamLate",
    "OutboxDead",
];
/// Those of them that watch a queue of dead letters.
const DEAD_LETTERS: &[&str] = &["RenewalsDead", "OutboxDead", "StreamDead"];
/// The schedules of a stage, `ltlm-<stage>-<name>`.
const SCHEDULES: &[&str] = &["renewals-nightly", "renewals-hourly"];

/// Why AWS gave no answer, in a sentence.
struct Refused(String);

impl<E> From<SdkError<E>> for Refused
where
    E: std::error::Error + ProvideErrorMetadata + 'static,
{
    fn from(error: SdkError<E>) -> Self {
        let meta = error.meta();
        Self(match (meta.code(), &error) {
            (Some(code), _) => format!("AWS refuses: {code}: {}", meta.message().unwrap_or("no reason told")),
            (None, SdkError::TimeoutError(_)) => format!("no answer within {} s", CALL.as_secs()),
            (None, error) => format!("no answer that can be read: {}", chain(error)),
        })
    }
}

/// An error and what lies below it.
fn chain(error: &dyn std::error::Error) -> String {
    let below = std::iter::successors(error.source(), |error| error.source());
    std::iter::once(error).chain(below).map(ToString::to_string).collect::<Vec<_>>().join(": ")
}

const ALLOW: &str = "May these credentials look? docs/operations.md lists the actions that they need.";

/// Runs the checks, each in its own time.
pub(super) fn checks(options: &Options, stage: Option<&str>, report: &mut Report) {
    let Some(stage) = stage else {
        let advice = "Name it with --stage.";
        return report.add(Finding::failed("aws", "the stage is not known: the deployment does not tell it", advice));
    };
    let runtime = match tokio::runtime::Builder::new_current_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => return report.add(Finding::failed("aws", format!("cannot be asked: {error}"), "Try again.")),
    };
    runtime.block_on(async {
        let config = config(options.region.clone()).await;
        let access = access(&config, stage).await;
        let may_ask = access.advice.is_none();
        report.add(access);
        if !may_ask {
            return;
        }
        let found = in_time("alarms", alarms(&config, stage)).await;
        let watching = match found {
            Ok((finding, watching)) => {
                report.add(finding);
                Some(watching)
            }
            Err(finding) => {
                report.add(finding);
                None
            }
        };
        report.add(in_time("scheduler", schedules(&config, stage)).await.unwrap_or_else(|finding| finding));
        let queues = in_time("dead-letters", dead_letters(&config, watching.as_deref())).await;
        report.add(queues.unwrap_or_else(|finding| finding));
        let sender = in_time("sender", sender(&config, options.mail_from.as_deref())).await;
        report.add(sender.unwrap_or_else(|finding| finding));
    });
}

async fn config(region: Option<String>) -> SdkConfig {
    let client = Builder::new().tls_provider(Provider::Rustls(CryptoMode::Ring)).build_https();
    let timeouts = TimeoutConfig::builder().connect_timeout(Duration::from_secs(3)).operation_timeout(CALL).build();
    let loader = aws_config::defaults(BehaviorVersion::v2026_01_12()).http_client(client).timeout_config(timeouts);
    match region {
        Some(region) => loader.region(Region::new(region)).load().await,
        None => loader.load().await,
    }
}

/// A check that is given up after its time.
async fn in_time<T>(check: &'static str, work: impl Future<Output = Result<T, Refused>>) -> Result<T, Finding> {
    match tokio::time::timeout(CHECK, Box::pin(work)).await {
        Ok(outcome) => outcome.map_err(|Refused(sentence)| Finding::failed(check, sentence, ALLOW)),
        Err(_) => Err(Finding::failed(check, format!("no answer within {} s", CHECK.as_secs()), ALLOW)),
    }
}

/// Is there what AWS is asked with?
async fn access(config: &SdkConfig, stage: &str) -> Finding {
    let Some(region) = config.region() else {
        let advice = "Name it with --region, in AWS_REGION, or in the profile that AWS_PROFILE names.";
        return Finding::failed("aws", "no region", advice);
    };
    let credentials = async {
        let provider = config.credentials_provider().ok_or_else(|| Refused("no credentials".to_owned()))?;
        provider.provide_credentials().await.map_err(|_| Refused("no credentials".to_owned()))
    };
    match in_time("aws", credentials).await {
        Ok(_) => Finding::ok("aws", format!("the stage {stage} in {region} is asked for")),
        Err(finding) => Finding {
            advice: Some(
                "Set AWS_PROFILE, or AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY. Who signs in with SSO: \
                 `aws configure export-credentials --format env` prints them."
                    .to_owned(),
            ),
            ..finding
        },
    }
}

/// The alarms of the stage, and those that there are.
async fn alarms(config: &SdkConfig, stage: &str) -> Result<(Finding, Vec<MetricAlarm>), Refused> {
    let client = aws_sdk_cloudwatch::Client::new(config);
    let mut pages = client.describe_alarms().alarm_name_prefix(format!("ltlm-{stage}-")).into_paginator().send();
    let mut there = Vec::new();
    while let Some(page) = pages.next().await {
        there.extend(page?.metric_alarms.unwrap_or_default());
    }
    let find = |name: &str| there.iter().find(|alarm| alarm.alarm_name() == Some(&format!("ltlm-{stage}-{name}")));
    let missing: Vec<_> = ALARMS.iter().copied().filter(|name| find(name).is_none()).collect();
    let of_stage: Vec<_> = ALARMS.iter().filter_map(|name| Some((*name, find(name)?))).collect();
    let red: Vec<_> = of_stage
        .iter()
        .filter(|(_, alarm)| alarm.state_value() == Some(&StateValue::Alarm))
        .map(|(name, alarm)| format!("{name} ({})", alarm.state_reason().unwrap_or("no reason told")))
        .collect();
    let silent =
        of_stage.iter().filter(|(_, alarm)| alarm.actions_enabled() == Some(false) || alarm.alarm_actions().is_empty());
    let silent: Vec<_> = silent.map(|(name, _)| *name).collect();
    let finding = match (missing.as_slice(), red.as_slice(), silent.as_slice()) {
        ([], [], []) => Finding::ok("alarms", format!("all {} are there, and none is red", ALARMS.len())),
        ([], [], silent) => Finding::warning(
            "alarms",
            format!("none is red, but nobody is told by {}", silent.join(", ")),
            "Give the stack an SNS topic in AlarmTopicArn, and switch the alarms' actions on.",
        ),
        (missing, red, _) => {
            let red = if red.is_empty() { None } else { Some(format!("red: {}", red.join("; "))) };
            let missing = if missing.is_empty() { None } else { Some(format!("missing: {}", missing.join(", "))) };
            let seen: Vec<_> = red.into_iter().chain(missing).collect();
            Finding::failed(
                "alarms",
                seen.join("; "),
                "What each means, and what to do, stands in docs/operations.md#alarms. A missing one: was it removed by hand, or is \
                 this another stage or region?",
            )
        }
    };
    Ok((finding, there))
}

async fn schedules(config: &SdkConfig, stage: &str) -> Result<Finding, Refused> {
    let client = aws_sdk_scheduler::Client::new(config);
    let mut wrong = Vec::new();
    for name in SCHEDULES {
        match client.get_schedule().name(format!("ltlm-{stage}-{name}")).send().await {
            Ok(schedule) if schedule.state() == Some(&ScheduleState::Enabled) => {}
            Ok(_) => wrong.push(format!("{name} is disabled")),
            Err(error) if error.as_service_error().is_some_and(|e| e.is_resource_not_found_exception()) => {
                wrong.push(format!("{name} is not there"));
            }
            Err(error) => return Err(error.into()),
        }
    }
    Ok(match wrong.as_slice() {
        [] => Finding::ok("scheduler", "both schedules of the renewals are there and enabled"),
        wrong => Finding::failed(
            "scheduler",
            wrong.join("; "),
            "Deploy the stack again, or enable the schedule: until then accounts are renewed by their next call only.",
        ),
    })
}

/// The queues of dead letters, by the alarms that watch them: they alone know the names that the stack gave them.
async fn dead_letters(config: &SdkConfig, alarms: Option<&[MetricAlarm]>) -> Result<Finding, Refused> {
    let client = aws_sdk_sqs::Client::new(config);
    let queue_of = |name: &&str| {
        let alarm =
            alarms?.iter().find(|alarm| alarm.alarm_name().is_some_and(|full| full.ends_with(&format!("-{name}"))))?;
        alarm.dimensions().iter().find(|dimension| dimension.name() == Some("QueueName"))?.value()
    };
    let (mut full, mut unknown) = (Vec::new(), Vec::new());
    for name in DEAD_LETTERS {
        let Some(queue) = queue_of(name) else {
            unknown.push(*name);
            continue;
        };
        let url = client.get_queue_url().queue_name(queue).send().await?;
        let wanted = QueueAttributeName::ApproximateNumberOfMessages;
        let asked = client.get_queue_attributes().set_queue_url(url.queue_url).attribute_names(wanted.clone());
        let reply = asked.send().await?;
        let count = reply.attributes().and_then(|all| all.get(&wanted)).and_then(|count| count.parse::<u64>().ok());
        match count {
            Some(0) => {}
            Some(count) => full.push(format!("{count} in {queue}")),
            None => unknown.push(*name),
        }
    }
    Ok(match (full.as_slice(), unknown.as_slice()) {
        ([], []) => Finding::ok("dead-letters", "all three queues are empty"),
        ([], unknown) => Finding::warning(
            "dead-letters",
            format!("not known of {}: the alarm is missing, or its queue tells no number", unknown.join(", ")),
            "Mend the alarms first.",
        ),
        (full, _) => Finding::failed(
            "dead-letters",
            full.join("; "),
            "Read the log of the function that failed, mend the cause, then redrive the queue (docs/operations.md#alarms).",
        ),
    })
}

/// May the account send, and as the address that mails come from?
async fn sender(config: &SdkConfig, from: Option<&str>) -> Result<Finding, Refused> {
    let client = aws_sdk_sesv2::Client::new(config);
    let account = client.get_account().send().await?;
    let identity = match from {
        Some(from) => verified(&client, from).await?,
        None => any_verified(&client).await?,
    };
    let advice = "Verify the address, or its domain, in SES, in the region of the stack.";
    Ok(match identity {
        Err(seen) => Finding::failed("sender", seen, advice),
        Ok(_) if !account.sending_enabled() => Finding::failed(
            "sender",
            "AWS has paused what this account sends",
            "SES's console says why, and how to have it resumed.",
        ),
        Ok(seen) if !account.production_access_enabled() => Finding::warning(
            "sender",
            format!("{seen}; the account is in SES's sandbox: only verified addresses get mail"),
            "Ask for production access in SES.",
        ),
        Ok(seen) => Finding::ok("sender", seen),
    })
}

/// Is the address verified, or its domain?
async fn verified(client: &aws_sdk_sesv2::Client, from: &str) -> Result<Result<String, String>, Refused> {
    let domain = from.rsplit_once('@').map(|(_, domain)| domain);
    for identity in [Some(from), domain].into_iter().flatten() {
        match client.get_email_identity().email_identity(identity).send().await {
            Ok(found) if found.verified_for_sending_status() => return Ok(Ok(format!("{identity} is verified"))),
            Ok(_) => {}
            Err(error) if error.as_service_error().is_some_and(|e| e.is_not_found_exception()) => {}
            Err(error) => return Err(error.into()),
        }
    }
    Ok(Err(format!("neither {from} nor its domain is verified")))
}

/// Is any address or domain verified? Which one the stack has, only its parameters know.
async fn any_verified(client: &aws_sdk_sesv2::Client) -> Result<Result<String, String>, Refused> {
    let mut pages = client.list_email_identities().into_paginator().send();
    while let Some(page) = pages.next().await {
        if page?.email_identities().iter().any(|identity| identity.sending_enabled()) {
            return Ok(Ok("some address or domain is verified; --mail-from ADDRESS looks for the stack's".to_owned()));
        }
    }
    Ok(Err("no address and no domain is verified".to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn alarms_and_schedules_are_those_of_the_template() {
        let template = include_str!("../../../../../template.yaml");
        let named = |property: &str| -> Vec<&str> {
            let start = format!("{property}: !Sub ltlm-${{Stage}}-");
            template.lines().filter_map(|line| line.trim().strip_prefix(start.as_str())).collect()
        };
        let (mut names, mut known) = (named("AlarmName"), ALARMS.to_vec());
        names.sort_unstable();
        known.sort_unstable();
        assert_eq!(names, known);
        for name in SCHEDULES {
            assert!(named("Name").contains(name), "{name}");
        }
        for name in DEAD_LETTERS {
            let alarm = template.split(&format!("\n  {name}:\n")).nth(1).unwrap();
            assert!(alarm.split("\n\n").next().unwrap().contains("Name: QueueName"), "{name}");
        }
    }
}
