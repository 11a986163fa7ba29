//! Instants that a caller gives for the end of something, and that must lie ahead.
//!
//! What ends at an instant that is past is not there when it is made, and its caller is told otherwise. So it is refused. The rule
//! comes after the replay: what is sent again gets the first answer, however late.

use ltlm_protocol::Timestamp;

use crate::model::denied::Denied;

/// Does the end that the caller named `name` in the request lie ahead, if there is one?
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
