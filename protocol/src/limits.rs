//! Every limit of the wire, in one place. `docs/api.md` lists them from here.

/// Largest request body in bytes (wire 1.1 asks for at least 4 MiB).
pub const BODY_BYTES_MAX: usize = 4 * 1024 * 1024;
/// Deepest nesting of a request's JSON, counting the body as 1 (wire 2.5).
pub const JSON_DEPTH_MAX: usize = 64;
/// Deepest nesting of free-form JSON within it, counting the document as 1 (wire 2.5).
pub const DOCUMENT_DEPTH_MAX: usize = 32;
/// Largest settings document in UTF-16 code units of compact JSON (wire 4.8): what the existing client counts.
pub const SETTINGS_UNITS_MAX: usize = 65_536;
/// Longest device id in characters (wire, introduction).
pub const HWID_CHARS_MAX: usize = 128;
/// Longest license key in characters; made keys have 20 (wire 3.2).
pub const LICENSE_KEY_CHARS_MAX: usize = 64;
/// Shortest license key: the existing client takes `Substring(4, 12)` of it (wire 3.2).
pub const LICENSE_KEY_CHARS_MIN: usize = 16;
/// Longest device nickname in characters.
pub const NICKNAME_CHARS_MAX: usize = 200;
/// Longest app or SDK version text in characters.
pub const VERSION_CHARS_MAX: usize = 64;
/// Longest action name in characters (wire 4.6 T-1).
pub const ACTION_CHARS_MAX: usize = 200;
/// Largest amount of one operation (wire 4.6 T-1).
pub const AMOUNT_MAX: i64 = 1_000_000_000;

/// Largest number of a use within its device: the largest that every reader of JSON keeps whole.
pub const USAGE_SEQUENCE_MAX: i64 = 9_007_199_254_740_991;
/// Longest operation id in characters.
pub const OPERATION_ID_CHARS_MAX: usize = 128;
/// Largest `meta` of a device or an operation, in bytes of compact JSON.
pub const META_BYTES_MAX: usize = 4 * 1024;
/// Largest free-form settings document of a project or policy, in bytes of compact JSON.
pub const DOCUMENT_BYTES_MAX: usize = 64 * 1024;
/// Longest name of a project, policy or customer in characters.
pub const NAME_CHARS_MAX: usize = 200;
/// Longest e-mail address in characters (RFC 5321, 4.5.3.1.3 less the angle brackets).
pub const EMAIL_CHARS_MAX: usize = 254;
/// Longest reason text in characters.
pub const REASON_CHARS_MAX: usize = 500;
/// Most concurrent seats of one license.
pub const SEATS_MAX: i64 = 5_000;
/// Most registered devices of one license.
pub const DEVICES_MAX: i64 = 100_000;
/// Devices that one license answer lists, the caller included.
pub const MACHINES_LISTED_MAX: usize = 100;
/// Most tokens of one allocation.
pub const TOKENS_MAX: i64 = 1_000_000_000_000;
/// Longest allocation period of a policy, in days (a hundred years).
pub const DURATION_DAYS_MAX: i64 = 36_500;
/// Longest period of an account's plan in months (a hundred years).
pub const PERIOD_MONTHS_MAX: i64 = 1_200;
/// Longest heartbeat interval in minutes (a day).
pub const HEARTBEAT_MINUTES_MAX: i64 = 1_440;
/// Longest offline grace in hours (ten years, what a `.ltlm` file promises).
pub const OFFLINE_HOURS_MAX: i64 = 87_600;
/// Single charges that are remembered for one device because their answer may be lost (wire 4.6 T-5).
pub const UNPROVEN_CHARGES_MAX: usize = 12;
/// Queued uses of one device that are not charged in a day (UTC) because the answer to the first charge is presumed lost
/// (wire 4.6 T-5). Further ones are charged.
pub const PRESUMED_LOST_PER_DAY: i64 = 5;
/// Live grants that one wallet may hold, beside what is always taken: credits without an end at the usual priority, and what
/// is paid for. Another credit beyond it is refused.
pub const GRANTS_MAX: usize = 50;
/// Accounts that one call may renew.
pub const RENEWALS_MAX: i64 = 1_000;
/// Largest part of an answer that tells what a call for many renewals did, in bytes of JSON: it is kept, for a repetition, in one
/// item of the table.
pub const RENEWALS_ANSWER_BYTES_MAX: usize = 256 * 1_024;
/// Accounts that one call renews, where the caller does not say.
pub const RENEWALS_DEFAULT: i64 = 100;
/// Holds that one wallet may have open. One more is refused.
pub const HOLDS_MAX: usize = 50;
/// Grants that the open holds of one wallet may draw on, each counted for each hold. A hold beyond it is refused.
pub const HOLD_PIECES_MAX: usize = 500;
/// Items that one transaction of the table may write: what DynamoDB allows.
pub const TRANSACTION_ITEMS_MAX: usize = 100;
/// Most operations that one refund by amount takes its tokens from.
pub const REFUND_PARTS_MAX: usize = 10;
/// Most grants that these operations together drew on: each may have ended, and is told by an entry of its own.
pub const REFUND_PIECES_MAX: usize = 60;
/// Newest entries of an account that a refund by amount examines.
pub const REFUND_ENTRIES_MAX: usize = 1_000;
/// Entries that are settled together where more has lapsed than one transaction holds.
pub const LAPSES_TOGETHER_MAX: usize = 90;
/// Longest hold in seconds (30 days).
pub const HOLD_SECONDS_MAX: i64 = 2_592_000;
/// How long a hold lasts in seconds, where the caller does not say.
pub const HOLD_SECONDS_DEFAULT: i64 = 900;
/// Licenses that one call may issue.
pub const LICENSES_PER_CALL_MAX: i64 = 1_000;
/// Secrets that a project may have at once, while they are rotated.
pub const SECRETS_MAX: usize = 10;
/// Uses that one batch may hold.
pub const BATCH_USAGES_MAX: usize = 1_000;
/// Longest name of an account in characters.
pub const ACCOUNT_CHARS_MAX: usize = 128;
/// Longest name of an organization in characters.
pub const ORGANIZATION_CHARS_MAX: usize = ACCOUNT_CHARS_MAX;
/// Longest life of an access token in seconds (a day).
pub const ACCESS_SECONDS_MAX: i64 = 86_400;
/// Life of an access token in seconds, where the caller does not say.
pub const ACCESS_SECONDS_DEFAULT: i64 = 3_600;
/// Generations of administrator keys: a key that descends from so many makes none.
pub const KEY_GENERATIONS_MAX: usize = 16;
/// Access tokens that one call revokes.
pub const ACCESS_REVOKED_MAX: usize = 1_000;
/// Largest priority of a grant.
pub const PRIORITY_MAX: i64 = 1_000;
/// Devices that one offline file may name.
pub const FILE_DEVICES_MAX: usize = 20;
/// Largest payload of an event, in bytes of compact JSON (wire 4.14).
pub const EVENT_BYTES_MAX: usize = 16 * 1024;
/// Longest address that a payment page leads back to, in characters.
pub const REDIRECT_CHARS_MAX: usize = 2_000;
/// Licenses of an address that one answer of the portal holds.
pub const PORTFOLIO_MAX: usize = 100;
/// Longest cursor of the portal, in characters.
pub const PORTAL_CURSOR_CHARS_MAX: usize = 1_000;
/// Minutes for which the portal's cursor leads on.
pub const PORTFOLIO_CURSOR_MINUTES: i64 = 15;
/// Documents in the rows of one answer, in bytes of compact JSON. A list that holds more says where it goes on. Lambda returns 6 MB;
/// an envelope makes of this a third more, and quotes that are escaped up to twice as much.
pub const ANSWER_BYTES_MAX: usize = 2_500_000;
/// Webhooks of one project.
pub const WEBHOOKS_MAX: usize = 10;
/// Projects whose webhooks the check of the deployment examines, and webhooks that it lists.
pub const CHECKED_MAX: usize = 100;
/// Policies that the store shows of one project.
pub const STORE_POLICIES_MAX: usize = 200;
/// Payments of an order that it lists. Of older ones only the latest end is kept.
pub const PERIODS_MAX: usize = 24;
/// Payments of an order that bought nothing, messages of the other mode, and further acts at the provider that it lists.
pub const ORDER_REMARKS_MAX: usize = 20;
/// Days of events that one call counts.
pub const EVENT_DAYS_MAX: i64 = 92;
/// Days of events that one call counts, where the caller does not say.
pub const EVENT_DAYS_DEFAULT: i64 = 30;
/// Items that one call of an import writes, a license counting as two: what one transaction holds beside the import's own record.
pub const IMPORT_ITEMS_MAX: usize = TRANSACTION_ITEMS_MAX - 1;
/// Lines that one call of an import takes together, in bytes of compact JSON: a transaction holds four megabytes.
pub const IMPORT_BYTES_MAX: usize = 1_000_000;
/// Longest line of an export, in bytes of compact JSON: the table keeps 409,600 bytes in an item.
pub const IMPORT_LINE_BYTES_MAX: usize = 400_000;
/// Lines of one page of an export, together, in bytes of compact JSON. The last one may go beyond.
pub const EXPORT_PAGE_BYTES: usize = 1_000_000;
/// Largest number of a project, policy or license that is imported: a file must not use up the numbers of a deployment.
pub const IMPORT_NUMBER_MAX: i64 = 100_000_000;
/// Days for which a deployment opens what is sealed to an import key.
pub const IMPORT_KEY_DAYS: i64 = 7;
/// Default page of a list.
pub const PAGE_DEFAULT: i64 = 50;
/// Largest page of a list.
pub const PAGE_MAX: i64 = 100;

/// One row of the limits table in `docs/api.md`.
pub struct Limit {
    /// What is limited, in words.
    pub what: &'static str,
    /// The number.
    pub value: i64,
    /// Its unit.
    pub unit: &'static str,
}

/// All limits, for the documents.
#[rustfmt::skip]
pub const ALL: &[Limit] = &[
    Limit { what: "request body", value: BODY_BYTES_MAX as i64, unit: "bytes" },
    Limit { what: "nesting of JSON", value: JSON_DEPTH_MAX as i64, unit: "levels" },
    Limit { what: "nesting of a free-form document", value: DOCUMENT_DEPTH_MAX as i64, unit: "levels" },
    Limit { what: "user settings", value: SETTINGS_UNITS_MAX as i64, unit: "UTF-16 units of compact JSON" },
    Limit { what: "hwid", value: HWID_CHARS_MAX as i64, unit: "characters" },
    Limit { what: "license key, longest", value: LICENSE_KEY_CHARS_MAX as i64, unit: "characters" },
    Limit { what: "license key, shortest", value: LICENSE_KEY_CHARS_MIN as i64, unit: "characters" },
    Limit { what: "nickname", value: NICKNAME_CHARS_MAX as i64, unit: "characters" },
    Limit { what: "version, clientVersion", value: VERSION_CHARS_MAX as i64, unit: "characters" },
    Limit { what: "action", value: ACTION_CHARS_MAX as i64, unit: "characters" },
    Limit { what: "amount of one operation", value: AMOUNT_MAX, unit: "tokens" },
    Limit { what: "number of a use within its device", value: USAGE_SEQUENCE_MAX, unit: "" },
    Limit { what: "operation id", value: OPERATION_ID_CHARS_MAX as i64, unit: "characters" },
    Limit { what: "meta", value: META_BYTES_MAX as i64, unit: "bytes of compact JSON" },
    Limit { what: "config and other documents of the vendor", value: DOCUMENT_BYTES_MAX as i64, unit: "bytes of compact JSON" },
    Limit { what: "name", value: NAME_CHARS_MAX as i64, unit: "characters" },
    Limit { what: "e-mail", value: EMAIL_CHARS_MAX as i64, unit: "characters" },
    Limit { what: "reason", value: REASON_CHARS_MAX as i64, unit: "characters" },
    Limit { what: "maxSeats", value: SEATS_MAX, unit: "seats" },
    Limit { what: "maxDevices", value: DEVICES_MAX, unit: "devices" },
    Limit { what: "machines listed in one answer", value: MACHINES_LISTED_MAX as i64, unit: "devices" },
    Limit { what: "maxTokens", value: TOKENS_MAX, unit: "tokens" },
    Limit { what: "durationDays, gracePeriodDays", value: DURATION_DAYS_MAX, unit: "days" },
    Limit { what: "period of a plan", value: PERIOD_MONTHS_MAX, unit: "months" },
    Limit { what: "heartbeat interval", value: HEARTBEAT_MINUTES_MAX, unit: "minutes" },
    Limit { what: "offline grace", value: OFFLINE_HOURS_MAX, unit: "hours" },
    Limit { what: "remembered charges of one device whose answer may be lost", value: UNPROVEN_CHARGES_MAX as i64, unit: "charges" },
    Limit { what: "uses of one device a day that are presumed to be charged already", value: PRESUMED_LOST_PER_DAY, unit: "uses" },
    Limit { what: "live grants of one wallet", value: GRANTS_MAX as i64, unit: "grants" },
    Limit { what: "accounts renewed by one call", value: RENEWALS_MAX, unit: "accounts" },
    Limit { what: "renewals listed by one call", value: RENEWALS_ANSWER_BYTES_MAX as i64, unit: "bytes" },
    Limit { what: "open holds of one wallet", value: HOLDS_MAX as i64, unit: "holds" },
    Limit { what: "grants that the open holds of one wallet draw on", value: HOLD_PIECES_MAX as i64, unit: "grants" },
    Limit { what: "charges that one refund by amount is taken from", value: REFUND_PARTS_MAX as i64, unit: "charges" },
    Limit { what: "grants that these charges drew on", value: REFUND_PIECES_MAX as i64, unit: "grants" },
    Limit { what: "newest entries that a refund by amount examines", value: REFUND_ENTRIES_MAX as i64, unit: "entries" },
    Limit { what: "length of a hold", value: HOLD_SECONDS_MAX, unit: "seconds" },
    Limit { what: "licenses issued by one call", value: LICENSES_PER_CALL_MAX, unit: "licenses" },
    Limit { what: "secrets of a project at once", value: SECRETS_MAX as i64, unit: "secrets" },
    Limit { what: "uses in one batch", value: BATCH_USAGES_MAX as i64, unit: "uses" },
    Limit { what: "accountId", value: ACCOUNT_CHARS_MAX as i64, unit: "characters" },
    Limit { what: "organizationId", value: ORGANIZATION_CHARS_MAX as i64, unit: "characters" },
    Limit { what: "life of an access token", value: ACCESS_SECONDS_MAX, unit: "seconds" },
    Limit { what: "generations of administrator keys", value: KEY_GENERATIONS_MAX as i64, unit: "keys" },
    Limit { what: "access tokens revoked by one call", value: ACCESS_REVOKED_MAX as i64, unit: "tokens" },
    Limit { what: "priority of a grant", value: PRIORITY_MAX, unit: "" },
    Limit { what: "devices of one offline file", value: FILE_DEVICES_MAX as i64, unit: "devices" },
    Limit { what: "payload of an event", value: EVENT_BYTES_MAX as i64, unit: "bytes of compact JSON" },
    Limit { what: "days of events counted by one call", value: EVENT_DAYS_MAX, unit: "days" },
    Limit { what: "redirectUrl", value: REDIRECT_CHARS_MAX as i64, unit: "characters" },
    Limit { what: "licenses in one answer of the portal", value: PORTFOLIO_MAX as i64, unit: "licenses" },
    Limit { what: "age of the portal's cursor", value: PORTFOLIO_CURSOR_MINUTES, unit: "minutes" },
    Limit { what: "rows of one answer, together", value: ANSWER_BYTES_MAX as i64, unit: "bytes of compact JSON" },
    Limit { what: "webhooks of a project", value: WEBHOOKS_MAX as i64, unit: "webhooks" },
    Limit { what: "projects that the deployment's check examines, and webhooks that it lists", value: CHECKED_MAX as i64, unit: "rows" },
    Limit { what: "payments listed with an order", value: PERIODS_MAX as i64, unit: "payments" },
    Limit { what: "remarks of each kind listed with an order", value: ORDER_REMARKS_MAX as i64, unit: "remarks" },
    Limit { what: "policies shown by the store", value: STORE_POLICIES_MAX as i64, unit: "policies" },
    Limit { what: "items written by one call of an import, a license counting as two", value: IMPORT_ITEMS_MAX as i64, unit: "items" },
    Limit { what: "lines of one call of an import, together", value: IMPORT_BYTES_MAX as i64, unit: "bytes of compact JSON" },
    Limit { what: "a line of an import", value: IMPORT_LINE_BYTES_MAX as i64, unit: "bytes of compact JSON" },
    Limit { what: "number of a project, policy or license that is imported", value: IMPORT_NUMBER_MAX, unit: "" },
    Limit { what: "life of an import key", value: IMPORT_KEY_DAYS, unit: "days" },
    Limit { what: "page of a list, default", value: PAGE_DEFAULT, unit: "rows" },
    Limit { what: "page of a list, largest", value: PAGE_MAX, unit: "rows" },
];
