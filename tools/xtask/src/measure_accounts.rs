//! Accounts under load on the embedded engine: many callers on one wallet, beside bare transactions on the same engine in the
//! same run; and a renewals' night among many accounts. Ratios mean something, absolute times little.

use std::sync::Arc;
use std::time::{Duration, Instant};

use aws_sdk_dynamodb::types::{AttributeValue, Put, TransactWriteItem, Update};
use bytes::Bytes;
use http::Request;
use local::background::Background;
use local::clock::MovableClock;
use local::demo;
use local::engine::Storage;
use ltlm_protocol::Timestamp;
use serde_json::{Value, json};
use shared::host::background::JobReport;
use shared::table::port::Spent;

use crate::bench::{ALLOWANCE, Deployment};

/// Callers at once.
const CALLERS: usize = 16;
/// Operations of each caller.
const EACH: usize = 25;
/// Uses of one batch.
const BATCH: usize = 100;
/// Accounts of the night, and how many of them are due.
const ACCOUNTS: usize = 20_000;
const DUE: usize = 2_000;
const DAY: i64 = 86_400;

/// A deployment with one project on it, at a time that is set.
struct Project {
    deployment: Deployment,
    clock: Arc<MovableClock>,
    id: String,
}

impl Project {
    async fn new() -> Result<Self, String> {
        let clock = Arc::new(MovableClock::standing(Timestamp::from_ms(1_767_484_800_000)));
        let deployment = Deployment::start(Storage::Memory, clock.clone()).await?;
        let mut project = Self { deployment, clock, id: String::new() };
        let (made, _) = project.call("POST", "/v1/admin/projects", &json!({"name": "Bench"})).await?;
        project.id = made["projectId"].as_str().unwrap_or_default().to_owned();
        Ok(project)
    }

    async fn call(&self, method: &str, path: &str, body: &Value) -> Result<(Value, Spent), String> {
        self.deployment.call(method, path, ("x-project-id", &self.id), body).await
    }

    async fn accounts(&self, from: usize, to: usize) -> Result<(), String> {
        for first in (from..to).step_by(CALLERS) {
            let making = (first..(first + CALLERS).min(to)).map(|index| async move {
                let body = json!({"accountId": format!("u{index}"), "tier": "Gift"});
                self.call("POST", "/v1/accounts", &body).await
            });
            for made in join(making).await {
                made?;
            }
        }
        Ok(())
    }
}

async fn join<F: Future>(futures: impl Iterator<Item = F>) -> Vec<F::Output> {
    futures_util::future::join_all(futures.map(Box::pin)).await
}

fn per_second(count: usize, time: Duration) -> f64 {
    count as f64 / time.as_secs_f64()
}

/// Runs all of it.
pub(crate) fn accounts() -> Result<(), String> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().map_err(|e| e.to_string())?;
    runtime.block_on(async {
        one_wallet().await?;
        night().await
    })
}

/// Many callers on one wallet, many on one each, a batch; beside bare transactions of two items.
async fn one_wallet() -> Result<(), String> {
    let project = &Project::new().await?;
    let total = CALLERS * EACH;
    let make = json!({"accountId": "shared", "openingBalance": 1_000_000});
    project.call("POST", "/v1/accounts", &make).await?;
    project.accounts(0, CALLERS).await?;
    let debit = json!({"operationType": "x", "amount": 1});

    let started = Instant::now();
    for done in join((0..CALLERS).map(|caller| bare(project, caller))).await {
        done?;
    }
    let bare = per_second(total, started.elapsed());

    let mut rows = vec![("two-item transaction, bare".to_owned(), bare, 0)];
    for (name, is_shared) in [("debit, a wallet each", false), ("debit, one wallet", true)] {
        let started = Instant::now();
        let callers = (0..CALLERS).map(|caller| {
            let (path, debit) = match is_shared {
                true => ("/v1/accounts/shared/debit".to_owned(), &debit),
                false => (format!("/v1/accounts/u{caller}/debit"), &debit),
            };
            async move {
                let mut round_trips = 0;
                for _ in 0..EACH {
                    round_trips += project.call("POST", &path, debit).await?.1.round_trips;
                }
                Ok::<_, String>(round_trips)
            }
        });
        let mut round_trips = 0;
        for spent in join(callers).await {
            round_trips += spent?;
        }
        // A debit that meets nobody takes a read and a commit; each further commit is a lost round.
        let lost = round_trips.saturating_sub(2 * total as u32);
        rows.push((format!("{name} ({CALLERS} callers)"), per_second(total, started.elapsed()), lost));
    }
    rows.push((format!("uses, {BATCH} in a batch (one caller)"), batches(project).await?, 0));
    crate::say("| what | a second | of bare | lost rounds |\n|---|---|---|---|");
    for (name, speed, lost) in rows {
        crate::say(&format!("| {name} | {speed:.0} | {:.2} | {lost} |", speed / bare));
    }
    Ok(())
}

/// A transaction with as many items as a debit has, and no contention.
async fn bare(project: &Project, caller: usize) -> Result<(), String> {
    let table = project.deployment.host.app.table.inner();
    let text = |text: String| AttributeValue::S(text);
    for index in 0..EACH {
        let update = Update::builder()
            .table_name(table.name())
            .key("pk", text(format!("BARE#{caller}")))
            .key("sk", text("META".to_owned()))
            .update_expression("ADD spent :one")
            .expression_attribute_values(":one", AttributeValue::N("1".to_owned()))
            .build();
        let put = Put::builder()
            .table_name(table.name())
            .item("pk", text(format!("BARELEDGER#{caller}")))
            .item("sk", text(index.to_string()))
            .condition_expression("attribute_not_exists(pk)")
            .build();
        let items = [
            TransactWriteItem::builder().update(update.map_err(|e| e.to_string())?).build(),
            TransactWriteItem::builder().put(put.map_err(|e| e.to_string())?).build(),
        ];
        let sending = table.client().transact_write_items().set_transact_items(Some(items.to_vec()));
        Box::pin(sending.send()).await.map_err(|error| error.to_string())?;
    }
    Ok(())
}

/// Uses a second, folded into batches.
async fn batches(project: &Project) -> Result<f64, String> {
    let path = format!("/v1/admin/projects/{}/policies", project.id);
    let (policy, _) = project.call("POST", &path, &demo::sub()).await?;
    let path = format!("/v1/admin/projects/{}/licenses", project.id);
    let (issued, _) = project.call("POST", &path, &json!({"policyId": policy["PolicyID"].to_string()})).await?;
    let (added, _) = project.call("POST", &format!("/v1/admin/projects/{}/secrets", project.id), &json!({})).await?;
    let license = issued["licenses"][0]["licenseKey"].as_str().unwrap_or_default().to_owned();
    let secret = added["secretKey"].as_str().unwrap_or_default().to_owned();
    let post = async |route: &str, body: Value| {
        let request = Request::builder()
            .method("POST")
            .uri(format!("/v1/sdk/license/{license}/{route}"))
            .header("x-project-secret", &secret)
            .body(Bytes::from(body.to_string()))
            .map_err(|error| error.to_string())?;
        let (response, _) = Box::pin(project.deployment.host.respond(request, ALLOWANCE)).await;
        match response.status().is_success() {
            true => Ok(()),
            false => Err(String::from_utf8_lossy(response.body()).into_owned()),
        }
    };
    post("activate", json!({"hwid": "desk"})).await?;
    let started = Instant::now();
    for round in 0..EACH {
        let usages: Vec<_> =
            (0..BATCH).map(|n| json!({"amount": 1, "action": "x", "operationId": format!("{round}-{n}")})).collect();
        post("consume-batch", json!({"hwid": "desk", "usages": usages})).await?;
    }
    Ok(per_second(EACH * BATCH, started.elapsed()))
}

fn count(report: &JobReport, name: &str) -> i64 {
    report.counts.iter().filter(|(known, _)| *known == name).map(|(_, count)| *count).sum()
}

/// A night among as many accounts as are due, and among ten times as many; killed half-way, and run again.
async fn night() -> Result<(), String> {
    crate::say(
        "\n| accounts | due | dispatcher: read units | round trips | renewed | a second | once more |\n|---|---|---|---|---|---|---|",
    );
    for accounts in [DUE, ACCOUNTS] {
        let project = Project::new().await?;
        project.accounts(0, DUE).await?;
        project.clock.advance_seconds(DAY);
        project.accounts(DUE, accounts).await?;
        project.clock.advance_seconds(29 * DAY);
        let background =
            Background::start(Arc::clone(&project.deployment.host), project.deployment.outbox.clone(), None, false)
                .await
                .map_err(|error| error.to_string())?;
        let dispatched = background.dispatch().await;
        let half = background.queue.waiting().len() / 2;
        let (started, mut renewed) = (Instant::now(), 0);
        while let Some(report) = background.work().await {
            renewed += count(&report, "Renewed");
            if background.queue.waiting().len() <= half {
                break;
            }
        }
        // Killed half-way: what the queue held is forgotten, and another night begins.
        drop(background);
        let background =
            Background::start(Arc::clone(&project.deployment.host), project.deployment.outbox.clone(), None, false)
                .await
                .map_err(|error| error.to_string())?;
        background.dispatch().await;
        while let Some(report) = background.work().await {
            renewed += count(&report, "Renewed");
        }
        let speed = per_second(usize::try_from(renewed).unwrap_or(0), started.elapsed());
        let again = background.dispatch().await;
        crate::say(&format!(
            "| {accounts} | {} | {} | {} | {renewed} | {speed:.0} | {} |",
            count(&dispatched, "Dispatched"),
            dispatched.spent.read_units,
            dispatched.spent.round_trips,
            count(&again, "Dispatched"),
        ));
    }
    Ok(())
}
