//! The schemas of refusals: one for each code, with the figures that stand in its `details`.

use ltlm_protocol::Code;
use ltlm_protocol::code::Retry;
use serde_json::{Map, Value, json};

/// The schemas of all codes, by name.
pub(crate) fn schemas() -> Map<String, Value> {
    Code::ALL.iter().map(|row| (name(row.code), schema(row.code))).collect()
}

/// The schema of an answer that carries one of `codes`.
pub(crate) fn one_of(codes: &[Code]) -> Value {
    let reference = |code: &Code| json!({"$ref": format!("#/components/schemas/{}", name(*code))});
    match codes {
        [code] => reference(code),
        codes => json!({"oneOf": codes.iter().map(reference).collect::<Vec<_>>()}),
    }
}

/// What the schema of a code is called.
fn name(code: Code) -> String {
    format!("{code:?}Error")
}

fn schema(code: Code) -> Value {
    let row = code.row();
    let word = |text: &str| json!({"type": "string", "const": text});
    let flag = |is: bool| json!({"type": "boolean", "const": is});
    let mut schema = json!({
        "type": "object",
        "description": row.message,
        "required": ["status", "message", "isOperational", "error", "code", "retryable"],
        "properties": {
            "status": word(if row.status < 500 { "fail" } else { "error" }),
            "message": {"type": "string", "description": "A sentence for people."},
            "isOperational": flag(code != Code::Internal),
            "error": word(row.wire),
            "code": word(row.wire),
            "retryable": flag(matches!(row.retry, Retry::AfterSeconds(_))),
        },
    });
    let Some((is_always_there, details)) = details(code) else { return schema };
    schema["properties"]["details"] = details;
    if is_always_there && let Some(required) = schema["required"].as_array_mut() {
        required.push(json!("details"));
    }
    schema
}

/// The figures behind a refusal, and whether every refusal of this code has them.
fn details(code: Code) -> Option<(bool, Value)> {
    let object = |members: Value| {
        let required: Vec<_> = members.as_object().into_iter().flatten().map(|(name, _)| name.clone()).collect();
        json!({"type": "object", "required": required, "properties": members})
    };
    let count = || json!({"type": "integer", "format": "int64"});
    let text = || json!({"type": "string"});
    let texts = || json!({"type": "array", "items": {"type": "string"}});
    Some(match code {
        Code::BadRequest => {
            let problem = object(json!({"path": text(), "problem": text()}));
            (false, object(json!({"problems": {"type": "array", "items": problem}})))
        }
        Code::VersionNotSupported => {
            let mut details = object(json!({"member": {"type": "string", "enum": ["version", "clientVersion"]},
                "minVersion": {"type": ["string", "null"]}, "maxVersion": {"type": ["string", "null"]}}));
            details["properties"]["version"] = json!({"type": ["string", "null"]});
            details["properties"]["clientVersion"] = json!({"type": ["string", "null"]});
            (true, details)
        }
        Code::DeviceLimitReached => (true, object(json!({"devices": count(), "maxActivations": count()}))),
        // Only where nothing but the time is wrong.
        Code::DeviceSignatureRejected => (false, object(json!({"serverTimeMs": count()}))),
        Code::SeatLimitReached => (true, object(json!({"maxConcurrentSeats": count()}))),
        Code::InsufficientTokens => {
            (true, object(json!({"required": count(), "balance": count(), "deficit": count()})))
        }
        Code::AccountInsufficient => {
            let renewal = json!({"type": ["string", "null"], "format": "date-time"});
            (
                true,
                object(json!({"required": count(), "balance": count(), "deficit": count(), "nextRenewalAt": renewal})),
            )
        }
        Code::UnknownTier | Code::UnknownOperationType | Code::UnknownFeature => {
            (true, object(json!({"known": texts()})))
        }
        Code::RefundTooLarge | Code::NothingToRefund => (true, object(json!({"refundable": count()}))),
        Code::HoldTooSmall => (true, object(json!({"held": count()}))),
        Code::RateLimited | Code::SeatReleaseCooldown => (true, object(json!({"retryAfterSeconds": count()}))),
        Code::SettingsRejected | Code::NotAhead => (true, object(json!({"path": text()}))),
        // Only where the request names several.
        Code::ProjectNotFound => (false, object(json!({"projects": texts()}))),
        _ => return None,
    })
}
