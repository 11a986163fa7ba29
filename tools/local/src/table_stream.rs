//! The table's stream, read from the embedded engine and handed on as Lambda's event source does: in order, in batches, a
//! batch again until it succeeds.
//!
//! The reader of changes removes each batch once it has been delivered. The engine therefore contains exactly the
//! undelivered changes, so nothing needs to be remembered over a restart or a kill, and the engine does not fill up.

use aws_sdk_dynamodbstreams::Client;
use aws_sdk_dynamodbstreams::types::{AttributeValue, OperationType, Record, ShardIteratorType};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use serde_json::{Map, Value, json};

use crate::changes::Changes;
use crate::wiring::sdk_config;

/// Records of one batch, as the template says.
const BATCH: i32 = 100;

/// A reader of the stream; it begins with what comes after its start, or with all that is there.
pub struct StreamReader {
    client: Client,
    table: String,
    iterator: String,
    takes: Option<Changes>,
}

/// A batch of changes.
pub struct Batch {
    /// As Lambda's event.
    pub event: Value,
    count: usize,
    next: String,
}

/// Where a reader begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Begin {
    /// With the oldest record that is there.
    Oldest,
    /// With what comes from now on.
    Now,
}

type Failed = Box<dyn std::error::Error + Send + Sync>;

impl StreamReader {
    /// Reads the stream of the table called `table` at `endpoint` and leaves it as it is; none if the table has no stream.
    pub async fn open(endpoint: &str, table: &str, begin: Begin) -> Result<Option<Self>, Failed> {
        let client = Client::new(&sdk_config(endpoint, false).await);
        let streams = client.list_streams().table_name(table).send().await?;
        let Some(arn) = streams.streams().first().and_then(|stream| stream.stream_arn()) else { return Ok(None) };
        let described = client.describe_stream().stream_arn(arn).send().await?;
        let shards = described.stream_description().map(|stream| stream.shards()).unwrap_or_default();
        let Some(shard) = shards.last().and_then(|shard| shard.shard_id()) else { return Ok(None) };
        let kind = match begin {
            Begin::Oldest => ShardIteratorType::TrimHorizon,
            Begin::Now => ShardIteratorType::Latest,
        };
        let found =
            client.get_shard_iterator().stream_arn(arn).shard_id(shard).shard_iterator_type(kind).send().await?;
        Ok(found.shard_iterator().map(|iterator| Self {
            client: client.clone(),
            table: table.to_owned(),
            iterator: iterator.to_owned(),
            takes: None,
        }))
    }

    /// The reader of changes: it reads the oldest batch and removes what has been delivered.
    pub async fn take(endpoint: &str, table: &str, changes: Changes) -> Result<Option<Self>, Failed> {
        let reader = Self::open(endpoint, table, Begin::Oldest).await?;
        Ok(reader.map(|reader| Self { takes: Some(changes), ..reader }))
    }

    /// The next batch; none if nothing happened.
    pub async fn next(&self) -> Result<Option<Batch>, Failed> {
        let read = self.client.get_records().shard_iterator(&self.iterator).limit(BATCH).send().await?;
        let next = read.next_shard_iterator().unwrap_or(&self.iterator).to_owned();
        let records: Vec<_> = read.records().iter().map(record).collect();
        let count = records.len();
        Ok((count > 0).then(|| Batch { event: json!({ "Records": records }), count, next }))
    }

    /// Goes on behind a batch. If it fails, the batch comes again.
    pub async fn pass(&mut self, batch: Batch) -> Result<(), Failed> {
        let Some(changes) = self.takes.clone() else {
            self.iterator = batch.next;
            return Ok(());
        };
        // The iterator stays before the oldest change: the next batch is then the oldest.
        let (table, count) = (self.table.clone(), batch.count);
        Ok(tokio::task::spawn_blocking(move || changes.remove_oldest(&table, count)).await??)
    }
}

fn record(record: &Record) -> Value {
    let name = match record.event_name() {
        Some(OperationType::Insert) => "INSERT",
        Some(OperationType::Modify) => "MODIFY",
        _ => "REMOVE",
    };
    let change = record.dynamodb();
    let image = |image: Option<&std::collections::HashMap<String, AttributeValue>>| {
        image.filter(|image| !image.is_empty()).map(|image| {
            json!(image.iter().map(|(name, value)| (name.clone(), attribute(value))).collect::<Map<_, _>>())
        })
    };
    let mut event = json!({"eventID": record.event_id(), "eventName": name, "eventSource": "aws:dynamodb", "dynamodb": {
        "SequenceNumber": change.and_then(|change| change.sequence_number())}});
    for (name, image) in [
        ("NewImage", image(change.and_then(|change| change.new_image()))),
        ("OldImage", image(change.and_then(|change| change.old_image()))),
    ] {
        if let Some(image) = image {
            event["dynamodb"][name] = image;
        }
    }
    event
}

fn attribute(value: &AttributeValue) -> Value {
    match value {
        AttributeValue::S(text) => json!({ "S": text }),
        AttributeValue::N(number) => json!({ "N": number }),
        AttributeValue::B(bytes) => json!({"B": BASE64.encode(bytes)}),
        other => json!({"unknown": format!("{other:?}")}),
    }
}
