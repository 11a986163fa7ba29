//! A function's life in Lambda: build everything once, then one event at a time.

use std::convert::Infallible;
use std::fmt::Debug;
use std::sync::Arc;
use std::time::Duration;

use aws_config::SdkConfig;
use futures_util::future::join;
use lambda_runtime::{Diagnostic, Error, LambdaEvent, service_fn};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;
use tokio::sync::OnceCell;

use crate::api::serving;
use crate::host::bus::EventBridge;
use crate::host::clock::{SystemClock, TokioSleep};
use crate::host::config::Config;
use crate::host::entropy::SystemEntropy;
use crate::host::gateway::Event;
use crate::host::mail::Ses;
use crate::host::program::Program;
use crate::host::queue::Sqs;
use crate::host::respond::Host;
use crate::host::web::{Reach, Web};
use crate::host::{aws, background, config, gateway, log, program};
use crate::service::app::App;
use crate::service::hints::Hints;
use crate::service::ports::Mailer;
use crate::service::turns::Turns;
use crate::service::webhooks::delivery::Channels;
use crate::table::dynamo::Dynamo;
use crate::table::first;
use crate::table::none::NoTable;
use crate::table::port::Table;

/// Kept back from Lambda's deadline: the time to answer that we are busy.
const RESERVE: Duration = Duration::from_millis(300);

/// The longest time for which an event waits for the first connection to the table. After that, it opens its own.
const FIRST: Duration = Duration::from_millis(250);

/// What Lambda receives for a failed job.
const FAILED: &str = "the job failed; its log line says why";

/// Serves the routes of a function, until Lambda ends the process.
pub async fn serve(program: &'static Program) -> Result<(), Error> {
    let config = config::from_env(program.kms.is_some())?;
    log::init(&config);
    let host = &build(program, &config, &aws::sdk_config().await);
    let stage = config.stage.as_str();
    run(host, move |event| respond(host, stage, event)).await
}

/// Serves the routes of `health`, which needs no table, until Lambda ends the process.
pub async fn serve_health() -> Result<(), Error> {
    let config = config::from_env(false)?;
    log::init(&config);
    let host = &Host { app: over(NoTable), handlers: serving::health, settings: config.settings.clone() };
    let stage = config.stage.as_str();
    lambda_runtime::run(service_fn(move |event| respond(host, stage, event))).await
}

/// Serves the events of the schedule and of the queue, until Lambda ends the process.
pub async fn serve_renewals() -> Result<(), Error> {
    let config = config::from_env(false)?;
    log::init(&config);
    let url = config.queue_url.clone().ok_or("LTLM_QUEUE_URL is missing")?;
    let sdk = aws::sdk_config().await;
    let (host, queue) = (&build(program::renewals(), &config, &sdk), &Sqs::new(&sdk, url));
    let stage = config.stage.as_str();
    run(host, move |event: LambdaEvent<Value>| async move {
        let allowance = left(host, event.context.deadline).saturating_sub(RESERVE);
        let (answer, report) = background::renewals(&host.app, queue, &event.payload, allowance).await;
        log::job(&report, stage, host.app.clock.as_ref());
        answer.map_err(|_| FAILED)
    })
    .await
}

/// Serves the batches of the table's stream, until Lambda ends the process.
pub async fn serve_stream() -> Result<(), Error> {
    let config = config::from_env(false)?;
    log::init(&config);
    let name = config.bus.clone().ok_or("LTLM_BUS is missing")?;
    let url = config.outbox_url.clone().ok_or("LTLM_OUTBOX_URL is missing")?;
    let sdk = aws::sdk_config().await;
    let host = &build(program::stream(), &config, &sdk);
    let (bus, outbox) = (&EventBridge::new(&sdk, name), &Sqs::new(&sdk, url));
    let stage = config.stage.as_str();
    run(host, move |event: LambdaEvent<Value>| async move {
        let allowance = left(host, event.context.deadline).saturating_sub(RESERVE);
        let (answer, report) = background::stream(&host.app, (bus, outbox), &event.payload, allowance).await;
        log::job(&report, stage, host.app.clock.as_ref());
        answer.map_err(|_| FAILED)
    })
    .await
}

/// Serves the queue of what leaves the deployment, until Lambda ends the process.
pub async fn serve_delivery() -> Result<(), Error> {
    let config = config::from_env(true)?;
    log::init(&config);
    let url = config.outbox_url.clone().ok_or("LTLM_OUTBOX_URL is missing")?;
    let sdk = aws::sdk_config().await;
    let (host, queue) = (&build(program::delivery(), &config, &sdk), &Sqs::new(&sdk, url));
    let mailer = config.mail_from.as_ref().map(|from| Ses::new(&sdk, from));
    let (mailer, caller) = (&mailer, &Web::new(Reach::Public));
    let stage = config.stage.as_str();
    run(host, move |event: LambdaEvent<Value>| async move {
        let allowance = left(host, event.context.deadline).saturating_sub(RESERVE);
        let mailer = mailer.as_ref().map(|mailer| mailer as &dyn Mailer);
        let outlets = Channels { queue, mailer, caller };
        let (answer, report) = background::delivery(&host.app, &outlets, &event.payload, allowance).await;
        log::job(&report, stage, host.app.clock.as_ref());
        Ok::<_, Error>(answer)
    })
    .await
}

/// Time until a deadline in milliseconds since the epoch.
fn left<T>(host: &Host<T>, deadline_ms: u64) -> Duration {
    Duration::from_millis(deadline_ms.saturating_sub(host.app.clock.now().ms().max(0).unsigned_abs()))
}

/// Answers events, and connects to the table before there is one.
async fn run<E, A, F, R, X>(host: &Host<Dynamo>, answer: F) -> Result<(), Error>
where
    E: DeserializeOwned,
    A: Serialize,
    F: Fn(LambdaEvent<E>) -> R,
    R: Future<Output = Result<A, X>>,
    X: Into<Diagnostic> + Debug,
{
    let first = &OnceCell::new();
    let connect = || async move {
        first.get_or_init(|| first::connect(&host.app.table)).await;
    };
    let (answer, connect) = (&answer, &connect);
    let answering = lambda_runtime::run(service_fn(move |event| async move {
        // Two handshakes at once take longer than one, the less processor time a function has.
        let _ = tokio::time::timeout(FIRST, connect()).await;
        answer(event).await
    }));
    // The connection is begun before Lambda is told that the function is ready, and made while it waits for the first event.
    let ((), ended) = join(connect(), answering).await;
    ended
}

/// The service over a table, with no other client.
fn over<T>(table: T) -> App<T> {
    App {
        payments: None,
        outbox: None,
        table,
        kms: None,
        clock: Arc::new(SystemClock),
        entropy: Arc::new(SystemEntropy),
        sleep: Arc::new(TokioSleep::default()),
        hints: Hints::default(),
        turns: Turns::default(),
    }
}

fn build(program: &Program, config: &Config, sdk: &SdkConfig) -> Host<Dynamo> {
    let app = App {
        payments: program.payments.and_then(|make| make(sdk, config)),
        outbox: program.outbox.and_then(|make| make(sdk, config)),
        kms: program.kms.and_then(|make| make(sdk, config)),
        ..over(Dynamo::new(sdk, &config.table))
    };
    Host { app, handlers: program.handlers, settings: config.settings.clone() }
}

/// Never an error: API Gateway would put its own body in place of ours, and the alarm on errors is for crashes.
async fn respond<T: Table>(host: &Host<T>, stage: &str, event: LambdaEvent<Event>) -> Result<Value, Infallible> {
    let allowance = left(host, event.context.deadline).saturating_sub(RESERVE);
    let (response, report) = host.respond(event.payload.into_request(), allowance).await;
    log::request(&report);
    log::metrics(&report, stage, host.app.clock.as_ref());
    Ok(gateway::answer(&response))
}
