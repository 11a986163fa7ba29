//! The parts of the OpenAPI document that are about all accounts of a project together.

use ltlm_protocol::project_ledger_data::{DueAccounts, ErasureData, ProjectEntries};
use ltlm_protocol::{Code, limits};
use schemars::SchemaGenerator;
use serde_json::{Value, json};
use shared::api::routes::{Endpoint, Route};

use crate::openapi::schema::{INSTANT, schema};

/// A place among the entries, in hex: whose list, a sequence number or 0, and an account's name.
pub(crate) const ENTRIES_PLACE: &str = "(3[0-9]|6[1-6]){8}3a(30|3[1-9](3[0-9]){0,17})3a([2-7][0-9a-e]){1,128}";
/// A place among the due accounts, in hex: whose list, a part, and a position in it.
pub(crate) const DUE_PLACE: &str = "(3[0-9]|6[1-6]){8}3a3[0-7]3a([2-7][0-9a-e]){0,64}";

/// The body, if the route is one of these.
pub(crate) fn request(route: &Route, id: &Value, object: impl Fn(&[&str], Value) -> Value) -> Option<Value> {
    Some(match route.endpoint {
        Endpoint::EraseProjectEntries => object(
            &["before"],
            json!({
                "before": {"type": "string", "format": "date-time", "pattern": INSTANT, "description": "Entries written before this instant."},
                "operationId": id,
            }),
        ),
        _ => return None,
    })
}

/// The query, if the route is one of these, but for the page.
pub(crate) fn parameters(route: &Route) -> Vec<Value> {
    let text = |name: &str, what: &str, max: usize| {
        json!({"name": name, "in": "query", "description": what,
            "schema": {"type": "string", "maxLength": max}})
    };
    let instant = |name: &str, what: &str| {
        json!({"name": name, "in": "query", "description": what,
            "schema": {"type": "string", "format": "date-time", "pattern": INSTANT}})
    };
    match route.endpoint {
        Endpoint::ProjectEntries => vec![
            text("type", "Only entries of this operation type.", limits::ACTION_CHARS_MAX),
            instant("from", "Only entries written at this instant or later."),
            instant("to", "Only entries written before this instant."),
        ],
        Endpoint::DueAccounts => vec![
            text("tier", "Only accounts on this plan.", limits::NAME_CHARS_MAX),
            instant("by", "Due at this instant or before; else now."),
        ],
        _ => Vec::new(),
    }
}

/// Status and schema of the success, if the route is one of these.
pub(crate) fn success(route: &Route, schemas: &mut SchemaGenerator) -> Option<(&'static str, Value)> {
    Some(match route.endpoint {
        Endpoint::ProjectEntries => ("200", schema::<ProjectEntries>(schemas)),
        Endpoint::DueAccounts => ("200", schema::<DueAccounts>(schemas)),
        Endpoint::EraseProjectEntries => ("200", schema::<ErasureData>(schemas)),
        _ => return None,
    })
}

/// Refusals that only these routes give.
pub(crate) fn refusals(route: &Route) -> Vec<Code> {
    match route.endpoint {
        Endpoint::ProjectEntries => vec![Code::RangeReversed, Code::CursorElsewhere],
        Endpoint::DueAccounts => vec![Code::CursorElsewhere],
        _ => Vec::new(),
    }
}
