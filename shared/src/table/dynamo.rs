//! The table in DynamoDB, through the AWS SDK.
//!
//! Invariant: nothing is retried here. The SDK's own retries are off and `service::retry` holds the one loop, which knows
//! what a repetition means. Time-outs are explicit, because the SDK has none for operations by default.

use std::collections::{BTreeSet, HashMap};
use std::time::Duration;

use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::config::retry::RetryConfig;
use aws_sdk_dynamodb::config::timeout::TimeoutConfig;
use aws_sdk_dynamodb::error::{ProvideErrorMetadata, SdkError};
use aws_sdk_dynamodb::operation::delete_item::DeleteItemError;
use aws_sdk_dynamodb::operation::put_item::PutItemError;
use aws_sdk_dynamodb::operation::transact_write_items::TransactWriteItemsError;
use aws_sdk_dynamodb::operation::update_item::UpdateItemError;
use aws_sdk_dynamodb::types::{
    AttributeValue as Value, ConsumedCapacity, Delete, KeysAndAttributes, Put, ReturnConsumedCapacity, ReturnValue,
    ReturnValuesOnConditionCheckFailure, TransactWriteItem, Update,
};
use futures_util::future::{join, join_all, try_join_all};
use ltlm_protocol::transfer::Span;
use ltlm_protocol::{Timestamp, limits};

use crate::model::organization::Holder;
use crate::model::record::Record;
use crate::model::seat::PAGE_SLOTS;
use crate::model::write::Write;
use crate::table::failure::failure;
use crate::table::item::attributes::Item;
use crate::table::item::{attributes, record};
use crate::table::key::Key;
use crate::table::port::{CommitError, List, Meter, Read, ReadError, Source, Table, Walk, Walked};
use crate::table::schema::{DUE_INDEX, LIST_INDEX};
use crate::table::statement::Statement;
use crate::table::{key, statement};

/// Time to connect.
const CONNECT: Duration = Duration::from_secs(1);
/// Time for one operation, answer included.
const OPERATION: Duration = Duration::from_millis(2_500);

/// Days that one read may ask for: more than there will be.
const DAYS_MAX: i64 = 1_000_000;
/// Events of a day whose keys one read goes through: more than a project will have.
const EVENTS_MAX: i64 = 100_000_000;
/// Items that one `BatchGetItem` may ask for.
const KEYS_PER_GET: usize = 100;

/// Error codes that mean: nothing happened, try again.
const BUSY_CODES: &[&str] = &[
    "ThrottlingException",
    "ThrottlingError",
    "ProvisionedThroughputExceededException",
    "ProvisionedThroughputExceeded",
    "RequestLimitExceeded",
    "LimitExceededException",
];

/// Error codes that mean: nothing happened, because another write of the same item was under way.
const CONFLICT_CODES: &[&str] =
    &["TransactionConflictException", "TransactionConflict", "TransactionInProgressException"];

/// Sends a put or an update with its guard. The two requests have the same methods but no type in common.
macro_rules! send_guarded {
    ($request:expr, $names:expr, $condition:expr, $values:expr, $failed:path) => {
        $request
            .condition_expression($condition)
            .set_expression_attribute_names($names)
            .set_expression_attribute_values(filled($values))
            .return_values_on_condition_check_failure(ReturnValuesOnConditionCheckFailure::AllOld)
            .return_consumed_capacity(ReturnConsumedCapacity::Total)
            .send()
            .await
            .map_err(|error| {
                let item = match error.as_service_error() {
                    Some($failed(failed)) => Some(failed.item().cloned()),
                    _ => None,
                };
                write_error(error, item)
            })?
            .consumed_capacity
    };
}

/// The table in DynamoDB.
#[derive(Clone, Debug)]
pub struct Dynamo {
    client: Client,
    table: String,
}

impl Dynamo {
    /// The table called `table`, reached as `config` says, with this module's own time-outs and no retries.
    pub fn new(config: &aws_config::SdkConfig, table: impl Into<String>) -> Self {
        let timeouts = TimeoutConfig::builder().connect_timeout(CONNECT).operation_timeout(OPERATION).build();
        let config = aws_sdk_dynamodb::config::Builder::from(config)
            .retry_config(RetryConfig::disabled())
            .timeout_config(timeouts)
            .build();
        Self { client: Client::from_conf(config), table: table.into() }
    }

    /// The SDK's client, for creating the table locally.
    pub fn client(&self) -> &Client {
        &self.client
    }

    /// The table's name.
    pub fn name(&self) -> &str {
        &self.table
    }

    /// The items of these reads, each once: DynamoDB refuses a request that names a key twice. A request reads all its items of a table
    /// in one way, so there is one for the strongly consistent reads, and one for the others.
    async fn get_all(&self, reads: &[Read], meter: &Meter) -> Result<Vec<Item>, ReadError> {
        let (mut strong, mut eventual) = (BTreeSet::new(), BTreeSet::new());
        for (read, is_strong) in reads.iter().map(consistency) {
            let keys = if is_strong { &mut strong } else { &mut eventual };
            keys.extend(key_of(read));
        }
        let kinds = [(strong, true), (eventual, false)].map(|(keys, is_strong)| (Vec::from_iter(keys), is_strong));
        // The SDK's futures are large: each is put on the heap where it begins.
        let parts = kinds.iter().flat_map(|(keys, is_strong)| {
            keys.chunks(KEYS_PER_GET).map(|keys| Box::pin(self.get_some(keys, *is_strong, meter)))
        });
        Ok(try_join_all(parts).await?.into_iter().flatten().collect())
    }

    async fn get_some(&self, keys: &[Key], is_strong: bool, meter: &Meter) -> Result<Vec<Item>, ReadError> {
        let keys = keys.iter().map(attributes).collect();
        let wanted = KeysAndAttributes::builder()
            .set_keys(Some(keys))
            .consistent_read(is_strong)
            .build()
            .map_err(broken_read)?;
        let answer = self
            .client
            .batch_get_item()
            .request_items(&self.table, wanted)
            .return_consumed_capacity(ReturnConsumedCapacity::Total)
            .send()
            .await
            .map_err(read_error)?;
        meter.read(answer.consumed_capacity().iter().map(units).sum());
        if answer.unprocessed_keys().is_some_and(|keys| !keys.is_empty()) {
            return Err(ReadError::Busy("some keys were not read".into()));
        }
        Ok(answer.responses.and_then(|mut tables| tables.remove(&self.table)).unwrap_or_default())
    }

    /// The complete result of the query, in as many answers as necessary: DynamoDB limits one to a megabyte.
    async fn list(&self, query: Query, is_strong: bool, meter: &Meter) -> Result<Vec<Record>, ReadError> {
        let mut read = Vec::new();
        let mut start = None;
        loop {
            let (mut records, next) = Box::pin(self.list_some(&query, is_strong, start, meter)).await?;
            read.append(&mut records);
            start = next;
            if start.is_none() || read.len() as i64 >= query.limit {
                return Ok(read);
            }
        }
    }

    async fn list_some(
        &self,
        query: &Query,
        is_strong: bool,
        start: Option<Item>,
        meter: &Meter,
    ) -> Result<(Vec<Record>, Option<Item>), ReadError> {
        let answer = self
            .client
            .query()
            .table_name(&self.table)
            .set_index_name(query.index.map(str::to_owned))
            // DynamoDB reads its indexes eventually consistent only.
            .consistent_read(query.index.is_none() && is_strong)
            .key_condition_expression(query.condition)
            .set_expression_attribute_values(Some(query.values.clone()))
            .set_exclusive_start_key(start)
            .scan_index_forward(!query.newest_first)
            .limit(i32::try_from(query.limit).unwrap_or(1))
            .return_consumed_capacity(ReturnConsumedCapacity::Total)
            .send()
            .await
            .map_err(read_error)?;
        meter.read(answer.consumed_capacity().map_or(0.0, units));
        let records = records(answer.items())?.into_iter();
        let records = match query.index {
            Some(_) => records.map(listed).collect(),
            None => records.collect(),
        };
        Ok((records, answer.last_evaluated_key))
    }

    async fn write_one(&self, write: &Write, meter: &Meter) -> Result<(), CommitError> {
        let consumed = match statement::of(write) {
            Statement::Put { item, condition, values } => {
                let put = self.client.put_item().table_name(&self.table).set_item(Some(item));
                let names = names(&[&condition]);
                send_guarded!(put, names, condition, values, PutItemError::ConditionalCheckFailedException)
            }
            Statement::Update { key, update, condition, values } => {
                let names = names(&[&update, &condition]);
                let update = self
                    .client
                    .update_item()
                    .table_name(&self.table)
                    .set_key(Some(attributes(&key)))
                    .update_expression(update);
                send_guarded!(update, names, condition, values, UpdateItemError::ConditionalCheckFailedException)
            }
            Statement::Delete { key, condition, values } => {
                let names = names(&[&condition]);
                let delete = self.client.delete_item().table_name(&self.table).set_key(Some(attributes(&key)));
                send_guarded!(delete, names, condition, values, DeleteItemError::ConditionalCheckFailedException)
            }
        };
        meter.write(consumed.as_ref().map_or(0.0, units));
        Ok(())
    }

    async fn write_together(&self, writes: &[Write], meter: &Meter) -> Result<(), CommitError> {
        let items: Result<Vec<_>, _> = writes.iter().map(|write| self.transact_item(write)).collect();
        let answer = self
            .client
            .transact_write_items()
            .set_transact_items(Some(items.map_err(|e| CommitError::Broken(e.into()))?))
            .return_consumed_capacity(ReturnConsumedCapacity::Total)
            .send()
            .await
            .map_err(transaction_error)?;
        meter.write(answer.consumed_capacity().iter().map(units).sum());
        Ok(())
    }

    fn transact_item(&self, write: &Write) -> Result<TransactWriteItem, aws_sdk_dynamodb::error::BuildError> {
        let on_failure = ReturnValuesOnConditionCheckFailure::AllOld;
        Ok(match statement::of(write) {
            Statement::Put { item, condition, values } => TransactWriteItem::builder().put(
                Put::builder()
                    .table_name(&self.table)
                    .set_item(Some(item))
                    .set_expression_attribute_names(names(&[&condition]))
                    .condition_expression(condition)
                    .set_expression_attribute_values(filled(values))
                    .return_values_on_condition_check_failure(on_failure)
                    .build()?,
            ),
            Statement::Update { key, update, condition, values } => TransactWriteItem::builder().update(
                Update::builder()
                    .table_name(&self.table)
                    .set_key(Some(attributes(&key)))
                    .set_expression_attribute_names(names(&[&update, &condition]))
                    .update_expression(update)
                    .condition_expression(condition)
                    .set_expression_attribute_values(filled(values))
                    .return_values_on_condition_check_failure(on_failure)
                    .build()?,
            ),
            Statement::Delete { key, condition, values } => TransactWriteItem::builder().delete(
                Delete::builder()
                    .table_name(&self.table)
                    .set_key(Some(attributes(&key)))
                    .set_expression_attribute_names(names(&[&condition]))
                    .condition_expression(condition)
                    .set_expression_attribute_values(filled(values))
                    .return_values_on_condition_check_failure(on_failure)
                    .build()?,
            ),
        }
        .build())
    }
}

impl Dynamo {
    /// A part of the items with one partition key, or with one of several prefixes of it, or with an attribute.
    async fn walk_some(
        &self,
        walk: &Walk,
        start: Option<Item>,
        meter: &Meter,
    ) -> Result<(Vec<Item>, Option<Item>), ReadError> {
        let partition = match (walk, partition(walk)) {
            (_, Some(partition)) => partition,
            (Walk::Imported(import), None) => return self.scan(Filter::imported(import), start, meter).await,
            (Walk::Project(id), None) => {
                return self.scan(Filter::prefixes(&key::walked_prefixes(id)), start, meter).await;
            }
            (_, None) => return Ok((Vec::new(), None)),
        };
        let answer = self
            .client
            .query()
            .table_name(&self.table)
            .consistent_read(true)
            .key_condition_expression("pk = :pk")
            .expression_attribute_values(":pk", Value::S(partition))
            .set_exclusive_start_key(start)
            .return_consumed_capacity(ReturnConsumedCapacity::Total)
            .send()
            .await
            .map_err(read_error)?;
        meter.read(answer.consumed_capacity().map_or(0.0, units));
        Ok((answer.items.unwrap_or_default(), answer.last_evaluated_key))
    }

    async fn scan(
        &self,
        filter: Filter,
        start: Option<Item>,
        meter: &Meter,
    ) -> Result<(Vec<Item>, Option<Item>), ReadError> {
        let answer = self
            .client
            .scan()
            .table_name(&self.table)
            .consistent_read(true)
            .filter_expression(filter.expression)
            .set_expression_attribute_values(Some(filter.values))
            .set_exclusive_start_key(start)
            .return_consumed_capacity(ReturnConsumedCapacity::Total)
            .send()
            .await
            .map_err(read_error)?;
        meter.read(answer.consumed_capacity().map_or(0.0, units));
        Ok((answer.items.unwrap_or_default(), answer.last_evaluated_key))
    }
}

/// Which items of the whole table are wanted.
struct Filter {
    expression: String,
    values: Item,
}

impl Filter {
    fn prefixes(prefixes: &[String]) -> Self {
        let each = prefixes.iter().enumerate();
        let clauses: Vec<_> = each.clone().map(|(index, _)| format!("begins_with(pk, :p{index})")).collect();
        let values = each.map(|(index, prefix)| (format!(":p{index}"), Value::S(prefix.clone()))).collect();
        Self { expression: clauses.join(" OR "), values }
    }

    fn imported(import: &str) -> Self {
        Self {
            expression: format!("{} = :import", attributes::IMPORTED),
            values: Item::from([(":import".to_owned(), Value::S(import.to_owned()))]),
        }
    }
}

/// The position from which a walk continues, as text: in a partition the last sort key, in the whole table both parts
/// of the last key.
fn place(walk: &Walk, key: &Item) -> Option<String> {
    let part = |name: &str| key.get(name).and_then(|value| value.as_s().ok());
    match partition(walk) {
        Some(_) => part("sk").cloned(),
        None => Some(serde_json::json!([part("pk")?, part("sk")?]).to_string()),
    }
}

/// The key after which a walk continues. An invalid position leads to the beginning.
fn parse_place(walk: &Walk, text: &str) -> Option<Item> {
    let (pk, sk) = match partition(walk) {
        Some(pk) => (pk, text.to_owned()),
        None => serde_json::from_str(text).ok()?,
    };
    let is_key = !pk.is_empty() && !sk.is_empty();
    is_key.then(|| attributes(&Key { pk, sk }))
}

/// About how many bytes a value has.
fn bytes(value: &Value) -> usize {
    match value {
        Value::S(text) | Value::N(text) => text.len(),
        Value::B(bytes) => bytes.as_ref().len(),
        _ => 0,
    }
}

/// The partition that a walk goes through; none if it goes through the whole table.
fn partition(walk: &Walk) -> Option<String> {
    match walk {
        Walk::License(license) => Some(key::license_partition(license)),
        Walk::Ledger(wallet) => Some(key::ledger_partition(wallet)),
        Walk::Events(license) => Some(key::events_partition(license)),
        Walk::Project(_) | Walk::Imported(_) => None,
    }
}

impl Table for Dynamo {
    async fn read(&self, reads: &[Read], meter: &Meter) -> Result<Vec<Record>, ReadError> {
        meter.round_trip();
        let queries = reads.iter().map(consistency);
        let queries = queries.filter_map(|(read, is_strong)| Some(self.list(Query::of(read)?, is_strong, meter)));
        let (items, lists) = join(self.get_all(reads, meter), join_all(queries)).await;
        let mut read = records(&items?)?;
        for list in lists {
            read.append(&mut list?);
        }
        meter.see(&read);
        Ok(read)
    }

    async fn commit(&self, writes: &[Write], touch: Option<&Write>, meter: &Meter) -> Result<(), CommitError> {
        if meter.is_dry_run() {
            return Err(CommitError::DryRun);
        }
        meter.round_trip();
        let together = async {
            match writes {
                [] => Ok(()),
                [one] => Box::pin(self.write_one(one, meter)).await,
                many if many.len() > limits::TRANSACTION_ITEMS_MAX => {
                    Err(CommitError::Broken(format!("a transaction of {} items", many.len()).into()))
                }
                several => Box::pin(self.write_together(several, meter)).await,
            }
        };
        let beside = async {
            if let Some(write) = touch
                && let Err(error) = Box::pin(self.write_one(write, meter)).await
            {
                tracing::debug!(%error, "a lease was not prolonged in passing");
            }
        };
        join(together, beside).await.0
    }

    async fn walk(&self, walk: &Walk, after: Option<&str>, meter: &Meter) -> Result<Walked, ReadError> {
        meter.round_trip();
        let start = after.and_then(|after| parse_place(walk, after));
        let (items, next) = Box::pin(self.walk_some(walk, start, meter)).await?;
        Ok(Walked {
            records: records(&items)?,
            next: next.as_ref().and_then(|next| place(walk, next)),
            bytes: items.iter().flatten().map(|(name, value)| name.len() + bytes(value)).sum(),
        })
    }

    async fn claim(&self, kind: &str, span: Span, meter: &Meter) -> Result<bool, ReadError> {
        if meter.is_dry_run() {
            return Ok(true);
        }
        meter.round_trip();
        let number = |number: i64| Value::N(number.to_string());
        let answer = self
            .client
            .update_item()
            .table_name(&self.table)
            .set_key(Some(attributes(&key::number(kind))))
            .update_expression("SET reserved = :last")
            .condition_expression("attribute_not_exists(reserved) OR reserved < :first")
            .expression_attribute_values(":last", number(span.last))
            .expression_attribute_values(":first", number(span.first))
            .return_consumed_capacity(ReturnConsumedCapacity::Total)
            .send()
            .await;
        match answer {
            Ok(answer) => {
                meter.write(answer.consumed_capacity().map_or(0.0, units));
                Ok(true)
            }
            Err(error) if error.as_service_error().is_some_and(|e| e.is_conditional_check_failed_exception()) => {
                Ok(false)
            }
            Err(error) => Err(read_error(error)),
        }
    }

    async fn reserve(&self, kind: &str, count: i64, meter: &Meter) -> Result<i64, ReadError> {
        // A dry run takes no number: one that is never given stands in its place.
        if meter.is_dry_run() {
            return Ok(i64::MAX / 2);
        }
        meter.round_trip();
        let answer = self
            .client
            .update_item()
            .table_name(&self.table)
            .set_key(Some(attributes(&key::number(kind))))
            .update_expression("ADD reserved :count")
            .expression_attribute_values(":count", Value::N(count.to_string()))
            .return_values(ReturnValue::UpdatedNew)
            .return_consumed_capacity(ReturnConsumedCapacity::Total)
            .send()
            .await
            .map_err(read_error)?;
        meter.write(answer.consumed_capacity().map_or(0.0, units));
        let last: Option<i64> = answer
            .attributes()
            .and_then(|item| item.get("reserved"))
            .and_then(|value| value.as_n().ok())
            .and_then(|number| number.parse().ok());
        last.map(|last| last - count + 1)
            .ok_or_else(|| ReadError::Broken("a counter did not answer with a number".into()))
    }
}

fn records(items: &[Item]) -> Result<Vec<Record>, ReadError> {
    let records: Result<Vec<_>, _> = items.iter().map(record::record).collect();
    Ok(records.map_err(ReadError::Broken)?.into_iter().flatten().collect())
}

/// A record from the index, marked where it matters.
fn listed(record: Record) -> Record {
    match record {
        Record::Device(_, device) => Record::ListedDevice(device),
        other => other,
    }
}

/// A list to read.
struct Query {
    index: Option<&'static str>,
    condition: &'static str,
    values: Item,
    newest_first: bool,
    limit: i64,
}

impl Query {
    fn of(read: &Read) -> Option<Self> {
        let text = |value: String| Value::S(value);
        match read {
            Read::SeatPage(license, page) => {
                let (first, last) = key::seat_page(*page);
                Some(Self {
                    index: None,
                    condition: "pk = :pk AND sk BETWEEN :first AND :last",
                    values: HashMap::from([
                        (":pk".to_owned(), text(key::license_partition(license))),
                        (":first".to_owned(), text(first)),
                        (":last".to_owned(), text(last)),
                    ]),
                    newest_first: false,
                    limit: PAGE_SLOTS,
                })
            }
            Read::Seats(license) => Some(Self {
                index: None,
                condition: "pk = :pk AND begins_with(sk, :prefix)",
                values: HashMap::from([
                    (":pk".to_owned(), text(key::license_partition(license))),
                    (":prefix".to_owned(), text(key::seat_prefix().to_owned())),
                ]),
                newest_first: false,
                limit: limits::SEATS_MAX,
            }),
            Read::Devices(license) => Some(Self {
                index: Some(LIST_INDEX),
                condition: "listPk = :pk",
                values: HashMap::from([(":pk".to_owned(), text(key::list_partition(&List::Devices(license.clone()))))]),
                newest_first: true,
                limit: limits::MACHINES_LISTED_MAX as i64,
            }),
            Read::Due { project_id, shard, until, after, limit } => {
                // What is due at the instant itself stands before the next millisecond.
                let end = key::timed_sort(Timestamp::from_ms(until.ms() + 1), "");
                let mut values = HashMap::from([
                    (":pk".to_owned(), text(key::due_partition(project_id, *shard))),
                    (":end".to_owned(), text(end.clone())),
                ]);
                // A position behind the end leads to nothing; DynamoDB refuses a range that is reversed.
                let after = after.as_ref().map(|after| format!("{after}!").min(end.clone()));
                values.extend(after.clone().map(|after| (":after".to_owned(), text(after))));
                Some(Self {
                    index: Some(DUE_INDEX),
                    condition: match after {
                        Some(_) => "duePk = :pk AND dueSk BETWEEN :after AND :end",
                        None => "duePk = :pk AND dueSk < :end",
                    },
                    values,
                    newest_first: false,
                    limit: *limit,
                })
            }
            Read::Named { list, begins, after, limit } => {
                // Names hold no control characters: all of them stand between these two.
                let (before_all, after_all) = ("\u{1}", "\u{10ffff}\u{10ffff}");
                let last = format!("{}{after_all}", begins.as_deref().unwrap_or_default());
                let first = match after {
                    Some(after) => format!("{after}{before_all}"),
                    None => begins.clone().unwrap_or_else(|| before_all.to_owned()),
                };
                let values = [
                    (":pk", key::list_partition(list)),
                    // A name behind the last leads to nothing; DynamoDB refuses a range that is reversed.
                    (":first", first.min(last.clone())),
                    (":last", last),
                ];
                Some(Self {
                    index: Some(LIST_INDEX),
                    condition: "listPk = :pk AND listSk BETWEEN :first AND :last",
                    values: values.into_iter().map(|(name, value)| (name.to_owned(), text(value))).collect(),
                    newest_first: false,
                    limit: *limit,
                })
            }
            Read::EventKinds { project_id, day } => Some(Self {
                index: Some(DUE_INDEX),
                condition: "duePk = :pk",
                values: HashMap::from([(":pk".to_owned(), text(key::event_day(project_id, *day)))]),
                newest_first: false,
                limit: EVENTS_MAX,
            }),
            Read::AccessTokens { project_id, holder, now, from, limit } => {
                // What ends at the instant itself stands before the next millisecond.
                let last = key::timed_sort(Timestamp::from_ms(now.ms() + 1), "");
                // A position behind the last leads to nothing; DynamoDB refuses a range that is reversed.
                let first = from.as_ref().map(|from| from.clone().max(last.clone()));
                let first = first.unwrap_or_else(|| key::timed_sort(Timestamp::from_ms(i64::MAX), ""));
                Some(Self {
                    index: Some(if matches!(holder, Holder::User(_)) { LIST_INDEX } else { DUE_INDEX }),
                    condition: match holder {
                        Holder::User(_) => "listPk = :pk AND listSk BETWEEN :last AND :first",
                        Holder::Organization(_) => "duePk = :pk AND dueSk BETWEEN :last AND :first",
                    },
                    values: HashMap::from([
                        (":pk".to_owned(), text(key::access_list(project_id, holder))),
                        (":first".to_owned(), text(first)),
                        (":last".to_owned(), text(last)),
                    ]),
                    newest_first: true,
                    limit: *limit,
                })
            }
            Read::LatestRollup(wallet) => Some(Self {
                index: None,
                condition: "pk = :pk",
                values: HashMap::from([(":pk".to_owned(), text(key::rollup_partition(wallet)))]),
                newest_first: true,
                limit: 1,
            }),
            Read::Rollups { wallet, from, to } => Some(Self {
                index: None,
                condition: "pk = :pk AND sk BETWEEN :from AND :to",
                values: HashMap::from([
                    (":pk".to_owned(), text(key::rollup_partition(wallet))),
                    (":from".to_owned(), text(key::rollup_sort(*from))),
                    (":to".to_owned(), text(key::rollup_sort(*to))),
                ]),
                newest_first: false,
                limit: DAYS_MAX,
            }),
            Read::EntriesAfter { wallet, after, limit } => Some(Self {
                index: Some(LIST_INDEX),
                condition: "listPk = :pk AND listSk > :after",
                values: HashMap::from([
                    (":pk".to_owned(), text(key::ledger_partition(wallet))),
                    (":after".to_owned(), text(key::entry_list_sort(*after))),
                ]),
                newest_first: false,
                limit: *limit,
            }),
            Read::Entries { wallet, before, limit } => Some(Self {
                index: Some(LIST_INDEX),
                condition: "listPk = :pk AND listSk < :before",
                values: HashMap::from([
                    (":pk".to_owned(), text(key::ledger_partition(wallet))),
                    (":before".to_owned(), text(key::entry_list_sort(before.unwrap_or(i64::MAX)))),
                ]),
                newest_first: true,
                limit: *limit,
            }),
            Read::List { list, before, limit } => {
                let mut values = HashMap::from([(":pk".to_owned(), text(key::list_partition(list)))]);
                values.extend(before.clone().map(|before| (":before".to_owned(), text(before))));
                Some(Self {
                    index: Some(LIST_INDEX),
                    condition: if before.is_some() { "listPk = :pk AND listSk < :before" } else { "listPk = :pk" },
                    values,
                    newest_first: true,
                    limit: *limit,
                })
            }
            _ => None,
        }
    }
}

/// What is to be read, and whether strongly consistent.
fn consistency(read: &Read) -> (&Read, bool) {
    match read {
        Read::Eventually(read) => (read, false),
        read => (read, true),
    }
}

fn key_of(read: &Read) -> Option<Key> {
    match read {
        Read::Project(id) => Some(key::project(id)),
        Read::Secret(hash) => Some(key::secret(hash)),
        Read::Policy(number) => Some(key::policy(*number)),
        Read::Listing(id) => Some(key::listing(id)),
        Read::AdminKey(id) => Some(key::admin_key(id)),
        Read::License(id) => Some(key::license(id)),
        Read::Organization(id) => Some(key::organization(id)),
        Read::Member(id, user) => Some(key::member(id, user)),
        Read::AccessToken(hash) => Some(key::access_token(hash)),
        Read::Account(id) => Some(key::account(id)),
        Read::Wallet(id) => Some(key::wallet(id)),
        Read::Device(license, hwid) => Some(key::device(license, hwid)),
        Read::Settings(license) => Some(key::settings(license)),
        Read::BatchMemory(owner, hwid) => Some(key::batch_memory(owner, hwid)),
        Read::Chain(id) => Some(key::chain(id)),
        Read::SeenBlob(hash) => Some(key::seen_blob(hash)),
        Read::Entry(wallet, operation) => Some(key::entry(wallet, operation)),
        Read::Job(name) => Some(key::job(name)),
        Read::Run(name) => Some(key::run(name)),
        Read::Order(id) => Some(key::order(id)),
        Read::Payment(id) => Some(key::payment(id)),
        Read::PaymentEvent(id) => Some(key::payment_event(id)),
        Read::Trial(project_id, email) => Some(key::trial(project_id, email)),
        Read::Sale(project_id, what) => Some(key::sale(project_id, what)),
        Read::Code(project_id, email) => Some(key::code(project_id, email)),
        Read::Developer(username) => Some(key::developer(username)),
        Read::Bucket(name) => Some(key::bucket(name)),
        Read::SignIn(hash) => Some(key::sign_in(hash)),
        Read::Webhook(id) => Some(key::webhook(id)),
        Read::Notice(id) => Some(key::notice(id)),
        Read::Dead(webhook, notice) => Some(key::dead(webhook, notice)),
        Read::Card(project_id, fingerprint) => Some(key::card(project_id, fingerprint)),
        Read::AdminOperation(id) => Some(key::admin_operation(id)),
        Read::Import(project_id) => Some(key::import(project_id)),
        Read::ImportKey(id) => Some(key::import_key(id)),
        Read::Erasure(project_id, id) => Some(key::erasure(project_id, id)),
        // `consistency` takes the read out of it first.
        Read::Eventually(_)
        | Read::SeatPage(..)
        | Read::Seats(_)
        | Read::Devices(_)
        | Read::Named { .. }
        | Read::Due { .. }
        | Read::Entries { .. }
        | Read::EntriesAfter { .. }
        | Read::EventKinds { .. }
        | Read::AccessTokens { .. }
        | Read::LatestRollup(_)
        | Read::Rollups { .. }
        | Read::List { .. } => None,
    }
}

fn attributes(key: &Key) -> Item {
    Item::from([("pk".to_owned(), Value::S(key.pk.clone())), ("sk".to_owned(), Value::S(key.sk.clone()))])
}

/// The attributes that these expressions name by `#attribute`. DynamoDB requires the definition of each placeholder
/// that is used, and refuses any other.
fn names(expressions: &[&str]) -> Option<HashMap<String, String>> {
    let placeholders = expressions.iter().flat_map(|text| text.split('#').skip(1));
    let names: HashMap<_, _> = placeholders
        .map(|rest| rest.split(|c: char| !c.is_ascii_alphanumeric()).next().unwrap_or(rest))
        .map(|name| (format!("#{name}"), name.to_owned()))
        .collect();
    (!names.is_empty()).then_some(names)
}

/// The values, if there are any; DynamoDB refuses an empty map.
fn filled(values: Item) -> Option<Item> {
    (!values.is_empty()).then_some(values)
}

fn units(capacity: &ConsumedCapacity) -> f64 {
    capacity.capacity_units().unwrap_or(0.0)
}

fn broken_read(error: impl Into<Source>) -> ReadError {
    ReadError::Broken(error.into())
}

/// Did the request surely not happen?
fn is_busy<E: ProvideErrorMetadata, R>(error: &SdkError<E, R>) -> bool {
    error.code().is_some_and(|code| BUSY_CODES.contains(&code))
}

/// Did the request surely not happen, because of another one?
fn is_conflict<E: ProvideErrorMetadata, R>(error: &SdkError<E, R>) -> bool {
    error.code().is_some_and(|code| CONFLICT_CODES.contains(&code))
}

/// Is the answer missing, or from a server in trouble? Then the request may have happened.
fn is_unknown<E: ProvideErrorMetadata>(error: &SdkError<E>) -> bool {
    match error {
        SdkError::ServiceError(e) => e.raw().status().as_u16() >= 500,
        SdkError::TimeoutError(_) | SdkError::DispatchFailure(_) | SdkError::ResponseError(_) => true,
        _ => false,
    }
}

fn read_error<E: ProvideErrorMetadata>(error: SdkError<E>) -> ReadError {
    match is_busy(&error) || is_conflict(&error) || is_unknown(&error) {
        true => ReadError::Busy(failure(&error)),
        false => ReadError::Broken(failure(&error)),
    }
}

/// `failed`: the guard did not hold, and the item as it is now, if it is there.
fn write_error<E: ProvideErrorMetadata>(error: SdkError<E>, failed: Option<Option<Item>>) -> CommitError {
    if let Some(item) = failed {
        return guard(vec![item]);
    }
    if is_conflict(&error) {
        return CommitError::Conflict(failure(&error));
    }
    if is_busy(&error) {
        return CommitError::Busy(failure(&error));
    }
    match is_unknown(&error) {
        true => CommitError::Unknown(failure(&error)),
        false => CommitError::Broken(failure(&error)),
    }
}

fn guard(items: Vec<Option<Item>>) -> CommitError {
    let records: Result<Vec<_>, _> = items
        .into_iter()
        .map(|item| match item.filter(|item| !item.is_empty()) {
            None => Ok(None),
            Some(item) => record::record(&item),
        })
        .collect();
    records.map_or_else(CommitError::Broken, CommitError::Guard)
}

/// A canceled transaction has a reason for each of its items: a failed guard takes precedence over a conflict, because
/// it means that the next decision will see something new.
fn transaction_error(error: SdkError<TransactWriteItemsError>) -> CommitError {
    let Some(TransactWriteItemsError::TransactionCanceledException(cancelled)) = error.as_service_error() else {
        return write_error(error, None);
    };
    let reasons = cancelled.cancellation_reasons();
    let coded = |wanted: &str| reasons.iter().filter(|r| r.code() == Some(wanted)).collect::<Vec<_>>();
    let failed = coded("ConditionalCheckFailed");
    if !failed.is_empty() {
        return guard(failed.into_iter().map(|reason| reason.item().cloned()).collect());
    }
    let any = |codes: &[&str]| reasons.iter().filter_map(|reason| reason.code()).any(|code| codes.contains(&code));
    if any(CONFLICT_CODES) {
        return CommitError::Conflict(failure(&error));
    }
    match any(BUSY_CODES) {
        true => CommitError::Busy(failure(&error)),
        false => CommitError::Broken(failure(&error)),
    }
}
