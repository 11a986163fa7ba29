//! The body of every failure (wire 1.4).

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::code::{Code, Retry};

/// The JSON body of every answer with a status of 400 or above.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct ErrorBody {
    /// `fail` for a refused request, `error` for a fault of the server.
    pub status: String,
    /// A sentence for people.
    pub message: String,
    /// True for every expected error.
    pub is_operational: bool,
    /// The code, as the existing client reads it.
    pub error: String,
    /// The code again, for programs.
    pub code: String,
    /// May the same request succeed later, unchanged?
    pub retryable: bool,
    /// Figures behind the refusal: balance, limits, or the list of mistakes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub details: Option<Value>,
}

impl ErrorBody {
    /// The body for `code`, its message filled with `values`.
    pub fn new(code: Code, values: &[(&str, String)], details: Option<Value>) -> Self {
        let row = code.row();
        Self {
            status: if row.status < 500 { "fail" } else { "error" }.to_owned(),
            message: code.message(values),
            is_operational: code != Code::Internal,
            error: row.wire.to_owned(),
            code: row.wire.to_owned(),
            retryable: matches!(row.retry, Retry::AfterSeconds(_)),
            details,
        }
    }
}
