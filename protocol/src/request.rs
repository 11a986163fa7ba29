//! Requests of the plain REST face, parsed (wire 1.3, 4.6 T-1). Unknown members are ignored, null counts as absent.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use serde_json::{Map, Value, json};
use unicode_properties::{GeneralCategory, UnicodeGeneralCategory as _};

use crate::body::{Body, Unknown};
use crate::limits;
use crate::read::{Problems, Reader, is_name};
use crate::shape::Kind;

/// Who calls: the device's opaque id (wire, introduction).
pub type Hwid = String;

/// `POST /v1/sdk/license/{key}/activate`.
#[derive(Clone, Debug, PartialEq)]
pub struct Activate {
    /// The device.
    pub hwid: Hwid,
    /// Its name for people; older clients send it as `meta.hostname` instead.
    pub nickname: Option<String>,
    /// The application's version, which gates compare, and the member that told it.
    pub client_version: Option<String>,
    /// See there.
    pub version_member: VersionMember,
    /// Free-form facts about the device.
    pub meta: Option<Map<String, Value>>,
    /// Refuse, instead of answering `VALID_NO_SEAT`, when no seat is free.
    pub require_seat: bool,
    /// The Ed25519 key that the device signs its requests with from now on (wire section 7, protocol 2).
    pub device_key: Option<[u8; 32]>,
}

/// The member of a body that tells the application's version.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum VersionMember {
    /// `clientVersion`; also where none told it.
    #[default]
    ClientVersion,
    /// `version`, where there is no `clientVersion`.
    Version,
}

impl VersionMember {
    /// Its name on the wire.
    pub fn wire(self) -> &'static str {
        match self {
            Self::ClientVersion => "clientVersion",
            Self::Version => "version",
        }
    }
}

/// `POST /v1/sdk/license/{key}/heartbeat`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Heartbeat {
    /// The device.
    pub hwid: Hwid,
    /// The application is closing: give the seat back.
    pub is_closing: bool,
    /// Answer in short.
    pub is_compact: bool,
}

/// `POST /v1/sdk/license/{key}/signout`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Signout {
    /// The device.
    pub hwid: Hwid,
}

/// `POST /v1/sdk/license/{key}/release-seat`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReleaseSeat {
    /// Whose seat.
    pub target: Hwid,
    /// The calling device.
    pub hwid: Hwid,
    /// Take the freed seat.
    pub claim_seat: bool,
}

/// `POST /v1/sdk/license/{key}/consume`.
#[derive(Clone, Debug, PartialEq)]
pub struct Consume {
    /// The device.
    pub hwid: Hwid,
    /// Tokens to charge, 1 to 1,000,000,000.
    pub amount: i64,
    /// What they were used for.
    pub action: String,
    /// A capability that the license must have.
    pub capability: Option<String>,
    /// Free-form facts about the use, kept with the ledger entry.
    pub meta: Option<Map<String, Value>>,
    /// The operation id of the body (`operationId`, or `idempotencyKey` as the wire contract names it).
    pub operation_id: Option<String>,
    /// The use's number within its device, from 1, if the device counts: kept with the ledger entry.
    pub sequence: Option<i64>,
    /// Answer in short.
    pub is_compact: bool,
}

/// `POST /v1/sdk/license/{key}/consume-batch`: uses that a device kept while it was offline.
#[derive(Clone, Debug, PartialEq)]
pub struct ConsumeBatch {
    /// The device.
    pub hwid: Hwid,
    /// The uses, oldest first. One that cannot be charged does not fail the others.
    pub usages: Vec<Usage>,
    /// The operation id of the batch as a whole.
    pub operation_id: Option<String>,
}

/// One use of a batch, as far as it can be read.
#[derive(Clone, Debug, PartialEq)]
pub struct Usage {
    /// The license it is for, canonical; that of the path if there is none.
    pub key: Option<String>,
    /// When it happened, as the device wrote it.
    pub timestamp: String,
    /// What tells it from others in a batch that is sent again (wire 4.6 T-4): key, time, action and amount as sent.
    pub content: String,
    /// What to charge, or why it is left out.
    pub charge: Result<Charge, Skip>,
}

/// What one use of a batch costs.
#[derive(Clone, Debug, PartialEq)]
pub struct Charge {
    /// Tokens, 1 to 1,000,000,000.
    pub amount: i64,
    /// What they were used for.
    pub action: String,
    /// Free-form facts.
    pub meta: Option<Map<String, Value>>,
    /// The use's own operation id.
    pub operation_id: Option<String>,
    /// The use's number within its device, from 1, if the device counts.
    pub sequence: Option<i64>,
}

/// Why a use of a batch is left out (wire 4.6 T-3). The text is what the answer says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Skip {
    /// It is no JSON object.
    NotAnObject,
    /// No whole number from 1 to 1,000,000,000.
    Amount,
    /// Missing, or longer than 200 characters.
    Action,
    /// Of another device than the caller.
    Hwid,
    /// No operation id.
    OperationId,
    /// No object, or too large.
    Meta,
    /// No whole number from 1 to 9,007,199,254,740,991.
    Sequence,
    /// No license of this project on which this device is or was registered.
    License,
    /// The id was used for something else.
    OperationIdReused,
}

impl Skip {
    /// The text in the answer.
    pub fn wire(self) -> &'static str {
        match self {
            Self::NotAnObject => "not_an_object",
            Self::Amount => "bad_amount",
            Self::Action => "bad_action",
            Self::Hwid => "hwid_mismatch",
            Self::OperationId => "bad_operation_id",
            Self::Meta => "bad_meta",
            Self::Sequence => "bad_sequence",
            Self::License => "unknown_license",
            Self::OperationIdReused => "operation_id_reused",
        }
    }
}

impl Body for ConsumeBatch {
    const UNKNOWN: Unknown = Unknown::Ignored;

    /// Only what is wrong with the batch as a whole is a mistake.
    fn read(r: &mut Reader<'_>) -> Self {
        Self::of_at_most(r, limits::BATCH_USAGES_MAX)
    }

    fn keywords() -> Value {
        json!({"properties": {"usages": {"description": "Oldest first."}}})
    }
}

impl ConsumeBatch {
    /// Parses the body of a batch that may hold `max` uses.
    pub fn parse_with(body: &Value, max: usize) -> Result<Self, Problems> {
        let mut r = Reader::new(body)?;
        let parsed = Self::of_at_most(&mut r, max);
        r.finish().map(|()| parsed)
    }

    fn of_at_most(r: &mut Reader<'_>, max: usize) -> Self {
        let hwid = r.name("hwid", limits::HWID_CHARS_MAX);
        let list = r.any_objects("usages", max, "uses", Usage::describe);
        let usages = list.iter().map(|usage| Usage::read(usage, &hwid)).collect();
        Self { usages, operation_id: operation_id(r), hwid }
    }
}

impl Usage {
    /// Says what a use may hold.
    fn describe(r: &mut Reader<'_>) {
        for name in ["key", "timestamp", "hwid"] {
            r.is(name, Kind::Text { max: usize::MAX, may_be_empty: true, is_name: false });
        }
        r.about("key", "Another license of this device, if the use was not of the path's.");
        Charge::members(r);
        r.about("operationId", "Names the use; the same id is never charged twice.");
    }

    fn read(usage: &Value, caller: &str) -> Self {
        let text = |name: &str| usage.get(name).and_then(Value::as_str);
        let key = text("key").filter(|key| !key.trim().is_empty());
        let content = ["key", "timestamp", "action", "amount"].map(|name| usage.get(name).unwrap_or(&Value::Null));
        Self {
            key: key.map(|key| canonical_license_key(key).unwrap_or_else(|| key.to_owned())),
            timestamp: text("timestamp").unwrap_or_default().to_owned(),
            content: serde_json::json!(content).to_string(),
            charge: Charge::read(usage, caller),
        }
    }
}

impl Charge {
    fn members(r: &mut Reader<'_>) -> Self {
        Self {
            amount: r.int("amount", 1, limits::AMOUNT_MAX),
            action: r.text("action", limits::ACTION_CHARS_MAX),
            meta: r.document_opt("meta", limits::META_BYTES_MAX),
            operation_id: operation_id(r),
            sequence: sequence(r),
        }
    }

    fn read(usage: &Value, caller: &str) -> Result<Self, Skip> {
        let mut r = Reader::new(usage).map_err(|_| Skip::NotAnObject)?;
        let charge = Self::members(&mut r);
        if r.value("hwid").is_some_and(|hwid| hwid.as_str() != Some(caller)) {
            r.problem("hwid", "must be the caller's");
        }
        let Err(problems) = r.finish() else { return Ok(charge) };
        Err(match problems.list()[0].path.as_str() {
            "amount" => Skip::Amount,
            "action" => Skip::Action,
            "meta" => Skip::Meta,
            "hwid" => Skip::Hwid,
            "sequence" => Skip::Sequence,
            _ => Skip::OperationId,
        })
    }
}

impl Body for Activate {
    const UNKNOWN: Unknown = Unknown::Ignored;

    /// Where there is no `clientVersion`, `version` is the application's.
    fn read(r: &mut Reader<'_>) -> Self {
        let (mut parsed, version) = Self::members(r);
        if let (None, Some(version)) = (&parsed.client_version, version) {
            (parsed.client_version, parsed.version_member) = (Some(version), VersionMember::Version);
        }
        parsed
    }
}

impl Activate {
    /// Parses the data of the encrypted face, where `version` is the SDK's own (`1.2.0-PRO`), and says nothing of the application (X48).
    pub fn parse_sealed(data: &Value) -> Result<Self, Problems> {
        let mut r = Reader::new(data)?;
        let (parsed, _) = Self::members(&mut r);
        r.finish().map(|()| parsed)
    }

    /// Reads the members, and `version`.
    fn members(r: &mut Reader<'_>) -> (Self, Option<String>) {
        let mut parsed = Self {
            hwid: r.name("hwid", limits::HWID_CHARS_MAX),
            version_member: VersionMember::default(),
            nickname: r.name_or_blank("nickname", limits::NICKNAME_CHARS_MAX),
            client_version: r.text_or_empty("clientVersion", limits::VERSION_CHARS_MAX),
            meta: r.document_opt("meta", limits::META_BYTES_MAX),
            require_seat: r.bool_opt("requireSeat").unwrap_or(false),
            device_key: device_key(r),
        };
        let version = r.text_or_empty("version", limits::VERSION_CHARS_MAX);
        if parsed.nickname.is_none() {
            parsed.nickname = hostname(parsed.meta.as_ref());
        }
        (parsed, version)
    }
}

/// Bytes of an Ed25519 public key.
const DEVICE_KEY_BYTES: usize = 32;

/// A public key: the base64 of 32 bytes, in the standard alphabet.
fn device_key(r: &mut Reader<'_>) -> Option<[u8; 32]> {
    let value = r.value_of("deviceKey", Kind::Base64 { bytes: DEVICE_KEY_BYTES })?;
    let key = value.as_str().and_then(|text| BASE64.decode(text).ok()).and_then(|bytes| bytes.try_into().ok());
    if key.is_none() {
        r.problem("deviceKey", "must be 32 bytes in base64");
    }
    key
}

/// The device name that older clients send inside `meta` (wire 4.2).
fn hostname(meta: Option<&Map<String, Value>>) -> Option<String> {
    let name = meta?.get("hostname")?.as_str()?.trim();
    is_name(name).then(|| name.chars().take(limits::NICKNAME_CHARS_MAX).collect())
}

impl Body for Heartbeat {
    const UNKNOWN: Unknown = Unknown::Ignored;

    fn read(r: &mut Reader<'_>) -> Self {
        Self {
            hwid: r.name("hwid", limits::HWID_CHARS_MAX),
            is_closing: r.bool_opt("isClosing").unwrap_or(false),
            is_compact: is_compact(r),
        }
    }
}

impl Body for Signout {
    const UNKNOWN: Unknown = Unknown::Ignored;

    fn read(r: &mut Reader<'_>) -> Self {
        Self { hwid: r.name("hwid", limits::HWID_CHARS_MAX) }
    }
}

impl Body for ReleaseSeat {
    const UNKNOWN: Unknown = Unknown::Ignored;

    fn read(r: &mut Reader<'_>) -> Self {
        Self {
            target: r.name("targetHwid", limits::HWID_CHARS_MAX),
            hwid: r.name("callerHwid", limits::HWID_CHARS_MAX),
            claim_seat: r.bool_opt("claimSeat").unwrap_or(false),
        }
    }
}

impl Body for Consume {
    const UNKNOWN: Unknown = Unknown::Ignored;

    fn read(r: &mut Reader<'_>) -> Self {
        Self {
            hwid: r.name("hwid", limits::HWID_CHARS_MAX),
            amount: r.int("amount", 1, limits::AMOUNT_MAX),
            action: r.text("action", limits::ACTION_CHARS_MAX),
            capability: r.text_opt("capability", limits::NAME_CHARS_MAX),
            meta: r.document_opt("meta", limits::META_BYTES_MAX),
            operation_id: operation_id(r),
            sequence: sequence(r),
            is_compact: is_compact(r),
        }
    }
}

/// Is the answer wanted in short?
fn is_compact(r: &mut Reader<'_>) -> bool {
    let is_compact = r.bool_opt("compact").unwrap_or(false);
    r.about(
        "compact",
        "Answer in short: of the devices only the calling one, and neither user settings nor the number of seats held.",
    );
    is_compact
}

/// The number of a use within its device.
fn sequence(r: &mut Reader<'_>) -> Option<i64> {
    let sequence = r.int_opt("sequence", 1, limits::USAGE_SEQUENCE_MAX);
    r.about(
        "sequence",
        "The number of the use within its device. It is stored and listed as `usageSequence`, and decides nothing.",
    );
    sequence
}

/// The operation id of a body, under either of its names; both together must agree.
pub fn operation_id(r: &mut Reader<'_>) -> Option<String> {
    let ours = r.text_opt("operationId", limits::OPERATION_ID_CHARS_MAX);
    let theirs = r.text_opt("idempotencyKey", limits::OPERATION_ID_CHARS_MAX);
    r.is("operationId", Kind::Visible { max: limits::OPERATION_ID_CHARS_MAX });
    r.is_alias("idempotencyKey");
    if ours.is_some() && theirs.is_some() && ours != theirs {
        r.problem("idempotencyKey", "must equal operationId if both are sent");
    }
    let id = ours.or(theirs)?;
    if !is_operation_id(&id) {
        r.problem("operationId", "must be visible ASCII characters");
    }
    Some(id)
}

/// Is this a usable operation id: 1 to 128 visible ASCII characters?
pub fn is_operation_id(id: &str) -> bool {
    (1..=limits::OPERATION_ID_CHARS_MAX).contains(&id.len()) && id.bytes().all(|b| b.is_ascii_graphic())
}

/// A license key in its canonical form (case A44), from whatever people paste: upper-case, each dash a hyphen, without white space,
/// quotes and characters that nobody sees. A key of the service's own form is known without its dash.
/// `None` for what no license can be called.
pub fn canonical_license_key(text: &str) -> Option<String> {
    let key: String = text.chars().filter_map(pasted).collect::<String>().to_ascii_uppercase();
    let chars_ok = key.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-');
    let key = own_form(&key).unwrap_or(key);
    (chars_ok && (1..=limits::LICENSE_KEY_CHARS_MAX).contains(&key.len())).then_some(key)
}

/// The character of a key that a pasted one stands for; `None` for one that is not part of it.
fn pasted(c: char) -> Option<char> {
    match c {
        _ if c.is_whitespace() || is_format(c) || is_quote(c) => None,
        _ if is_dash(c) => Some('-'),
        _ => Some(c),
    }
}

/// Is it a dash of any script, or what programs make of one? The minus sign too.
fn is_dash(c: char) -> bool {
    c == '\u{2212}' || c.general_category() == GeneralCategory::DashPunctuation
}

/// Straight and curly quotes, guillemets, and the accents that are typed for them.
fn is_quote(c: char) -> bool {
    let paired = [GeneralCategory::InitialPunctuation, GeneralCategory::FinalPunctuation];
    matches!(c, '"' | '\'' | '`' | '\u{b4}' | '\u{201a}' | '\u{201e}' | '\u{ff02}' | '\u{ff07}')
        || paired.contains(&c.general_category())
}

/// Is it a character that nobody sees: zero-width, of the direction of writing, a soft hyphen, a variation selector?
pub fn is_format(c: char) -> bool {
    matches!(c, '\u{34f}' | '\u{115f}' | '\u{1160}' | '\u{3164}' | '\u{fe00}'..='\u{fe0f}' | '\u{ffa0}' | '\u{e0100}'..='\u{e01ef}')
        || c.general_category() == GeneralCategory::Format
}

/// `LIC-` and the sixteen hex digits of a key that the service made, of one without a dash. Any other key is as it is: where its dashes
/// are, only the vendor knows who chose it.
fn own_form(key: &str) -> Option<String> {
    let digits = key.strip_prefix("LIC").filter(|digits| digits.len() == 16)?;
    digits.bytes().all(|b| b.is_ascii_hexdigit()).then(|| format!("LIC-{digits}"))
}

/// A project secret in its canonical form (wire 1.1): without what pasting adds, and without dashes, lower-case. `None` unless 64 hex digits.
pub fn canonical_secret(text: &str) -> Option<String> {
    let secret: String = text.chars().filter_map(pasted).filter(|c| *c != '-').collect::<String>().to_ascii_lowercase();
    (secret.len() == 64 && secret.bytes().all(|b| b.is_ascii_hexdigit())).then_some(secret)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_consume_is_read() {
        let body =
            json!({"hwid": "a", "amount": 5, "action": "export", "idempotencyKey": "x", "unknown": 1, "meta": null});
        let parsed = Consume::parse(&body).unwrap();
        assert_eq!((parsed.amount, parsed.operation_id.as_deref(), parsed.meta), (5, Some("x"), None));
    }

    #[test]
    fn a_use_may_have_a_number() {
        let read =
            |sequence: Value| Consume::parse(&json!({"hwid": "a", "amount": 5, "action": "x", "sequence": sequence}));
        for (sent, number) in
            [(json!(1), Some(1)), (json!(9_007_199_254_740_991_i64), Some(9_007_199_254_740_991)), (json!(null), None)]
        {
            assert_eq!(read(sent).unwrap().sequence, number);
        }
        for bad in [json!(0), json!(-1), json!(1.5), json!("one"), json!(9_007_199_254_740_992_i64)] {
            assert!(read(bad.clone()).is_err(), "{bad}");
        }
    }

    #[test]
    fn a74_amounts_that_are_not_whole_and_positive_are_refused() {
        for amount in [json!(0), json!(-1), json!(2.5), json!("5x"), json!(1_000_000_001), json!(1e30), json!([5])] {
            assert!(Consume::parse(&json!({"hwid": "a", "amount": amount, "action": "x"})).is_err(), "{amount}");
        }
    }

    #[test]
    fn a_bad_use_does_not_fail_its_batch() {
        let usages = json!([{"amount": 1, "action": "x"}, 7, {"amount": -1, "action": "x"}, {"amount": 1},
            {"amount": 1, "action": "x", "hwid": "b"}, {"amount": 1, "action": "x", "meta": []},
            {"amount": 1, "action": "x", "operationId": "a b"}, {"amount": 1, "action": "x", "sequence": 0}, {"amount": 2, "action": "y", "key": " lic-1 ", "hwid": "a"}]);
        let batch = ConsumeBatch::parse(&json!({"hwid": "a", "usages": usages})).unwrap();
        let why: Vec<_> = batch.usages.iter().map(|usage| usage.charge.as_ref().err().copied()).collect();
        let expected =
            [None, Some(Skip::NotAnObject), Some(Skip::Amount), Some(Skip::Action), Some(Skip::Hwid), Some(Skip::Meta)];
        assert_eq!(why[..6], expected);
        assert_eq!(why[6..], [Some(Skip::OperationId), Some(Skip::Sequence), None]);
        assert_eq!(batch.usages[8].key.as_deref(), Some("LIC-1"));
        for bad in
            [json!({"hwid": "a"}), json!({"hwid": "a", "usages": {}}), json!({"hwid": "a", "usages": vec![1; 1_001]})]
        {
            assert!(ConsumeBatch::parse(&bad).is_err());
        }
        assert!(ConsumeBatch::parse(&json!({"hwid": "a", "usages": []})).is_ok());
    }

    #[test]
    fn hwid_is_one_to_128_characters() {
        for (length, ok) in [(0, false), (1, true), (128, true), (129, false)] {
            assert_eq!(Signout::parse(&json!({"hwid": "ä".repeat(length)})).is_ok(), ok, "{length}");
        }
    }

    #[test]
    fn names_are_not_blank_and_hold_no_control_characters() {
        for bad in [" ", "\t", "a\nb", "\u{0}", "a\u{7f}", "\u{a0}\u{2003}", "\u{85}"] {
            assert!(Signout::parse(&json!({"hwid": bad})).is_err(), "{bad:?}");
            assert!(Heartbeat::parse(&json!({"hwid": bad})).is_err(), "{bad:?}");
            assert!(ReleaseSeat::parse(&json!({"targetHwid": bad, "callerHwid": "a"})).is_err(), "{bad:?}");
            assert!(Consume::parse(&json!({"hwid": bad, "amount": 1, "action": "x"})).is_err(), "{bad:?}");
        }
        // A device may have no name, and then it is not refused.
        let named = |nickname: &str| Activate::parse(&json!({"hwid": "a", "nickname": nickname}));
        assert_eq!(named("  ").unwrap().nickname, None);
        assert_eq!(named("Ada's \u{1f5a5} 2").unwrap().nickname.as_deref(), Some("Ada's \u{1f5a5} 2"));
        assert!(named("a\u{1b}[31m").is_err());
    }

    #[test]
    fn the_nickname_falls_back_to_the_host_name() {
        let body = json!({"hwid": "a", "nickname": "", "meta": {"hostname": " studio-7 "}});
        assert_eq!(Activate::parse(&body).unwrap().nickname.as_deref(), Some("studio-7"));
    }

    #[test]
    fn keys_and_secrets_have_one_spelling() {
        assert_eq!(canonical_license_key("  lic-0bec53c679bf012f "), Some("LIC-0BEC53C679BF012F".into()));
        for bad in ["", "  ", "LIC/1", "LIC#1", &"A".repeat(65)] {
            assert_eq!(canonical_license_key(bad), None, "{bad}");
        }
        let pasted = [
            "\u{201c}LIC\u{2013}0BEC53C679BF012F\u{201d}",
            "\u{feff}LIC\u{2011}0BEC\u{200b}53C679BF012F\u{a0}",
            "'lic0bec53c679bf012f'",
            "\u{ab}LIC 0BEC 53C6 79BF 012F\u{bb}",
            "\"LIC\u{2212}0BEC53C6\n79BF012F\"",
            "LIC\u{ad}-0BEC53C679BF012F\u{2019}",
        ];
        for text in pasted {
            assert_eq!(canonical_license_key(text).as_deref(), Some("LIC-0BEC53C679BF012F"), "{text:?}");
        }
        // A vendor's own keys keep their dashes, and 17 digits are no key of ours.
        assert_eq!(canonical_license_key("LIC-0BEC-53C6-79BF-012F").as_deref(), Some("LIC-0BEC-53C6-79BF-012F"));
        assert_eq!(canonical_license_key("acme\u{2014}2026\u{2015}0001").as_deref(), Some("ACME-2026-0001"));
        assert_eq!(canonical_license_key("LIC-0BEC53C679BF012F0").as_deref(), Some("LIC-0BEC53C679BF012F0"));
        assert_eq!(canonical_license_key("LIC-0BEC53C679BF012\u{ff26}"), None, "a wide letter is another one");
        let secret = "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f";
        let dashed = "00010203-04050607-08090A0B-0C0D0E0F-10111213-14151617-18191A1B-1C1D1E1F ";
        assert_eq!(canonical_secret(dashed).as_deref(), Some(secret));
        assert_eq!(canonical_secret("abc"), None);
    }
}
