//! What a policy's `config` and a license's `overrides` may hold (wire 3.4), checked when the vendor writes them.
//! Reading them is `terms.rs`; it can then rely on the shapes.

use std::sync::LazyLock;

use ltlm_protocol::limits;
use ltlm_protocol::read::Reader;
use ltlm_protocol::shape::Shape;
use serde_json::{Map, Value};

/// Modes of `sdkEnforcement`; `sdk_only` means the same as `pro_only`, the rest is `standard` (X7).
const MODES: &[&str] = &["standard", "pro_only", "sdk_only", "heartbeat", "validation", "strict"];

/// What a refund or a dispute does to what was bought.
pub const TAKE_BACK: &[&str] = &["takeBack", "suspend", "keep"];

/// Most entries of a list of names.
const NAMES_MAX: usize = 200;

/// Names that would break the existing client's typed read at any place (wire 2.5).
pub const RESERVED_NAMES: &[&str] = &["$ref", "$id", "$type", "$values"];

/// What a configuration may hold.
pub static SHAPE: LazyLock<Shape> = LazyLock::new(|| Reader::shape_of(check_members));

/// What is said of the members of a stored document, a configuration under this name, that nothing knows. They change nothing; a
/// version that was less strict let them in.
pub fn warnings(name: &str, document: &Map<String, Value>) -> Vec<String> {
    sentences(name, &SHAPE.strays(document, None))
}

/// Each stray member of the document `name` as a sentence.
pub fn sentences(name: &str, strays: &[(String, String)]) -> Vec<String> {
    strays.iter().map(|(path, text)| format!("{name}.{path} {text}")).collect()
}

/// Notes every mistake of a whole configuration.
pub fn check(r: &mut Reader<'_>) {
    check_members(r);
    check_whole(r);
}

/// Notes what a whole configuration lacks.
pub fn check_whole(r: &mut Reader<'_>) {
    r.object("limits", |limits| {
        for (name, max) in [("seats", "maxSeats"), ("tokens", "maxTokens")] {
            limits.object(name, |limit| {
                if limit.value("enabled") == Some(&Value::Bool(true)) {
                    limit.require(max);
                }
            });
        }
    });
}

/// Notes every mistake of what is given of a configuration.
pub fn check_members(r: &mut Reader<'_>) {
    r.object("limits", limits_of);
    // Features may hold any value: they are flattened to text before they go out.
    free_form(r, "features", limits::DOCUMENT_BYTES_MAX);
    r.texts_opt("capabilities", NAMES_MAX, limits::NAME_CHARS_MAX);
    free_form(r, "projectSettings", limits::DOCUMENT_BYTES_MAX);
    r.object("versioning", |v| {
        v.bool_opt("enabled");
        v.text_or_empty("minVersion", limits::VERSION_CHARS_MAX);
        v.text_or_empty("maxVersion", limits::VERSION_CHARS_MAX);
    });
    r.object("geofencing", |g| {
        g.bool_opt("enabled");
        g.texts_opt("allowedCountries", NAMES_MAX, 2);
        g.texts_opt("blockedCountries", NAMES_MAX, 2);
    });
    r.object("sdkEnforcement", |s| {
        s.word_opt("mode", MODES);
        s.int_opt("heartbeatIntervalSeconds", 60, limits::HEARTBEAT_MINUTES_MAX * 60);
        s.object("heartbeat", |h| {
            h.bool_opt("enabled");
            h.int_opt("interval", 1, limits::HEARTBEAT_MINUTES_MAX);
        });
        s.object("offlineGracePeriod", |o| {
            o.bool_opt("enabled");
            o.int_opt("duration", 0, limits::OFFLINE_HOURS_MAX);
        });
    });
    r.object("customerActions", |c| {
        c.bool_opt("allowHardwareRelease");
        c.bool_opt("allowRemoteSeatRelease");
        c.bool_opt("canBuyTopUps");
        c.int_opt("seatReleaseCooldownSeconds", 0, 7 * 86_400);
    });
    r.object("store", |s| {
        s.word_opt("onRefund", TAKE_BACK);
        s.word_opt("onDispute", TAKE_BACK);
        s.bool_opt("trialNeedsCard");
        s.bool_opt("convertsTrial");
        s.bool_opt("forSale");
        s.bool_opt("allowsDuplicates");
    });
    r.object("visibility", |v| {
        v.bool_opt("storefront");
        v.bool_opt("dashboard");
    });
    free_form(r, "metadata", limits::DOCUMENT_BYTES_MAX);
}

fn limits_of(r: &mut Reader<'_>) {
    r.int_opt("offlineGracePeriodHours", 0, limits::OFFLINE_HOURS_MAX);
    r.object("time", |t| {
        t.text_or_empty("mode", limits::NAME_CHARS_MAX);
        t.int_opt("durationDays", 1, limits::DURATION_DAYS_MAX);
        t.int_opt("gracePeriodDays", 0, limits::DURATION_DAYS_MAX);
    });
    r.object("seats", |s| {
        s.bool_opt("enabled");
        s.int_opt("maxSeats", 0, limits::SEATS_MAX);
    });
    r.object("tokens", |t| {
        t.bool_opt("enabled");
        t.int_opt("maxTokens", 0, limits::TOKENS_MAX);
    });
    r.object("devices", |d| {
        d.int_opt("maxDevices", 1, limits::DEVICES_MAX);
        d.bool_opt("hwidRequired");
        d.bool_opt("hwidReqiured");
    });
}

/// A free-form object of the vendor's, empty if absent: bounded, without names that break the client.
pub fn free_form(r: &mut Reader<'_>, name: &str, bytes_max: usize) -> Map<String, Value> {
    let document = r.document_opt(name, bytes_max).unwrap_or_default();
    let document = Value::Object(document);
    if let Some(found) = reserved_name(&document) {
        r.problem(name, format!("must not have a member called {found}"));
    }
    match document {
        Value::Object(document) => document,
        _ => Map::new(),
    }
}

/// The first reserved name in a document, at any depth.
pub fn reserved_name(value: &Value) -> Option<&'static str> {
    match value {
        Value::Array(list) => list.iter().find_map(reserved_name),
        Value::Object(object) => object.iter().find_map(|(name, inner)| {
            RESERVED_NAMES.iter().find(|reserved| *reserved == name).copied().or_else(|| reserved_name(inner))
        }),
        _ => None,
    }
}
