//! Ends that a caller sets, and that must be in the future.
//!
//! Something that ends in the past does not exist after it is created, although its caller is told that it does. It is
//! therefore refused. The rule comes after the replay: a repeated request gets the first answer, however late.

use ltlm_protocol::Timestamp;

use crate::model::denied::Denied;

/// Is the end with the `name` in the request, if there is one, in the future?
pub fn must_lie_ahead(name: &'static str, end: Option<Timestamp>, now: Timestamp) -> Result<(), Denied> {
    match end {
        Some(end) if end <= now => Err(Denied::NotAhead { name }),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_end_is_after_now() {
        let now = Timestamp::from_ms(1_000);
        let judged = |ms: i64| must_lie_ahead("expiresAt", Some(Timestamp::from_ms(ms)), now);
        assert_eq!((judged(1_001), must_lie_ahead("expiresAt", None, now)), (Ok(()), Ok(())));
        for past in [1_000, 999, i64::MIN] {
            assert_eq!(judged(past), Err(Denied::NotAhead { name: "expiresAt" }));
        }
        let body = Denied::NotAhead { name: "expiresAt" }.body();
        assert_eq!(body.details, Some(serde_json::json!({"path": "expiresAt"})));
    }
}
