//! The table's shape. `template.yaml` declares the same for the cloud; the test `template` compares the two.

use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::error::SdkError;
use aws_sdk_dynamodb::operation::create_table::CreateTableError;
use aws_sdk_dynamodb::operation::describe_table::DescribeTableError;
use aws_sdk_dynamodb::types::{
    AttributeDefinition, BillingMode, GlobalSecondaryIndex, KeySchemaElement, KeyType, Projection, ProjectionType,
    ScalarAttributeType, StreamSpecification, StreamViewType,
};

/// The overloaded index that keeps lists in order: devices of a license, entries of a wallet. It nominates, never decides.
pub const LIST_INDEX: &str = "list";
/// The sparse index of what is due, in order of when: keys only. It nominates, never decides.
pub const DUE_INDEX: &str = "due";
/// All key attributes, text each: hash and range of the table, of the index of lists, of the index of what is due.
pub const KEY_ATTRIBUTES: [&str; 6] = ["pk", "sk", "listPk", "listSk", "duePk", "dueSk"];

/// Creates the table if it does not exist. For the local engine: in the cloud, the stack owns the table. An existing
/// table is only described, so the caller does not need the permission to create one.
pub async fn create_if_absent(client: &Client, table: &str) -> Result<(), Box<dyn std::error::Error + Send + Sync>> {
    match client.describe_table().table_name(table).send().await.map_err(SdkError::into_service_error) {
        Ok(_) => Ok(()),
        Err(DescribeTableError::ResourceNotFoundException(_)) => create(client, table).await,
        Err(error) => Err(Box::new(error)),
    }
}

async fn create(client: &Client, table: &str) -> Result<(), Box<dyn std::error::Error + Send + Sync>> {
    let [pk, sk, list_pk, list_sk, due_pk, due_sk] = KEY_ATTRIBUTES;
    let element = |name: &str, kind: KeyType| KeySchemaElement::builder().attribute_name(name).key_type(kind).build();
    let definitions: Result<Vec<_>, _> = KEY_ATTRIBUTES
        .iter()
        .map(|name| AttributeDefinition::builder().attribute_name(*name).attribute_type(ScalarAttributeType::S).build())
        .collect();
    let list = GlobalSecondaryIndex::builder()
        .index_name(LIST_INDEX)
        .key_schema(element(list_pk, KeyType::Hash)?)
        .key_schema(element(list_sk, KeyType::Range)?)
        .projection(Projection::builder().projection_type(ProjectionType::All).build())
        .build()?;
    let due = GlobalSecondaryIndex::builder()
        .index_name(DUE_INDEX)
        .key_schema(element(due_pk, KeyType::Hash)?)
        .key_schema(element(due_sk, KeyType::Range)?)
        .projection(Projection::builder().projection_type(ProjectionType::KeysOnly).build())
        .build()?;
    let stream = StreamSpecification::builder()
        .stream_enabled(true)
        .stream_view_type(StreamViewType::NewAndOldImages)
        .build()?;
    let created = client
        .create_table()
        .table_name(table)
        .set_attribute_definitions(Some(definitions?))
        .key_schema(element(pk, KeyType::Hash)?)
        .key_schema(element(sk, KeyType::Range)?)
        .global_secondary_indexes(list)
        .global_secondary_indexes(due)
        .stream_specification(stream)
        .billing_mode(BillingMode::PayPerRequest)
        .send()
        .await;
    match created.map_err(|e| e.into_service_error()) {
        Ok(_) | Err(CreateTableError::ResourceInUseException(_)) => Ok(()),
        Err(error) => Err(Box::new(error)),
    }
}
