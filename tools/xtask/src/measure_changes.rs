//! What a consume costs on the embedded engine after many writes that nobody has taken from its stream, beside what it costs on an
//! engine that is new, in turn and in the same run. Ratios mean something, absolute times little.

use std::path::Path;
use std::sync::Arc;
use std::time::Instant;

use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::types::{AttributeValue, Put, TransactWriteItem};
use local::clock::MovableClock;
use local::engine::Storage;
use local::wiring::{TABLE, sdk_config};
use ltlm_protocol::Timestamp;
use serde_json::json;

use crate::bench::Bench;

/// Items that one transaction writes.
const TOGETHER: usize = 100;
/// Consumes of one round, and rounds. The median of the rounds counts.
const CONSUMES: usize = 100;
const ROUNDS: usize = 7;
/// What a consume may cost after the writes, as a multiple of what it costs on a new engine.
const RATIO_MAX: f64 = 1.2;

/// A license, and how often it was used.
struct Measured {
    bench: Bench,
    used: usize,
}

impl Measured {
    async fn new(file: &Path) -> Result<Self, String> {
        let clock = Arc::new(MovableClock::standing(Timestamp::from_ms(1_767_484_800_000)));
        Ok(Self { bench: Bench::new(Storage::File(file), clock).await?, used: 0 })
    }

    /// Milliseconds that a consume takes, over a round.
    async fn round(&mut self) -> Result<f64, String> {
        let path = format!("/v1/sdk/license/{}/consume", self.bench.license);
        let started = Instant::now();
        for _ in 0..CONSUMES {
            self.used += 1;
            let id = format!("use-{}", self.used);
            let body = json!({"hwid": "bench", "amount": 1, "action": "export", "operationId": id});
            self.bench.call(&path, &body).await?;
        }
        Ok(started.elapsed().as_secs_f64() * 1_000.0 / CONSUMES as f64)
    }

    /// Writes so many items, each a change in the stream.
    async fn fill(&self, writes: usize) -> Result<(), String> {
        let client = Client::new(&sdk_config(self.bench.deployment.engine.endpoint(), false).await);
        let started = Instant::now();
        for first in (0..writes).step_by(TOGETHER) {
            let puts = (first..(first + TOGETHER).min(writes)).map(put).collect::<Result<Vec<_>, _>>()?;
            let written = client.transact_write_items().set_transact_items(Some(puts)).send().await;
            written.map_err(|error| format!("{:?}", error.into_service_error()))?;
            let done = first + TOGETHER;
            if done.is_multiple_of((writes / 10).max(TOGETHER)) {
                crate::say(&format!("{done} writes after {:.0} s", started.elapsed().as_secs_f64()));
            }
        }
        Ok(())
    }
}

fn put(number: usize) -> Result<TransactWriteItem, String> {
    let text = |value: String| AttributeValue::S(value);
    let put = Put::builder()
        .table_name(TABLE)
        .item("pk", text(format!("FILL#{number}")))
        .item("sk", text("META".to_owned()))
        .build()
        .map_err(|error| error.to_string())?;
    Ok(TransactWriteItem::builder().put(put).build())
}

fn median(mut times: Vec<f64>) -> f64 {
    times.sort_by(f64::total_cmp);
    times.get(times.len() / 2).copied().unwrap_or_default()
}

/// Measures it in `folder`, which is emptied first and removed afterwards.
pub(crate) fn changes(folder: &Path, writes: usize) -> Result<(), String> {
    let _ = std::fs::remove_dir_all(folder);
    std::fs::create_dir_all(folder).map_err(|error| format!("{}: {error}.", folder.display()))?;
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().map_err(|e| e.to_string())?;
    let measured = runtime.block_on(compare(folder, writes));
    let _ = std::fs::remove_dir_all(folder);
    measured
}

async fn compare(folder: &Path, writes: usize) -> Result<(), String> {
    let mut old = Measured::new(&folder.join("old.db")).await?;
    old.round().await?;
    let mut first = Vec::new();
    for _ in 0..ROUNDS {
        first.push(old.round().await?);
    }
    old.fill(writes).await?;
    let mut new = Measured::new(&folder.join("new.db")).await?;
    new.round().await?;
    let (mut after, mut beside) = (Vec::new(), Vec::new());
    for _ in 0..ROUNDS {
        after.push(old.round().await?);
        beside.push(new.round().await?);
    }
    let (first, after, beside) = (median(first), median(after), median(beside));
    crate::say(&format!(
        "a consume: {first:.2} ms at first, {after:.2} ms after {writes} writes, {beside:.2} ms on a new engine beside it\n\
         after : new {:.2}, after : first {:.2}",
        after / beside,
        after / first
    ));
    match after / beside <= RATIO_MAX {
        true => Ok(()),
        false => Err(format!("A consume costs more than {RATIO_MAX} times what it costs on a new engine.")),
    }
}
