//! What the bodies of requests about accounts have in common.

use ltlm_protocol::read::{Problems, Reader};
use serde_json::Value;

/// A strict reader of a body that may hold `dryRun`, which the handler reads.
pub(crate) fn reader(body: &Value) -> Result<Reader<'_>, Problems> {
    let mut r = Reader::strict(body)?;
    r.bool_opt("dryRun");
    Ok(r)
}
