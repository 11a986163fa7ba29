//! `docs/policies.md`: every member of a policy and of a project's settings. What there is, and of which kind, the readers say that
//! validate them; what it does stands here. A test holds both together.

use std::fmt::Write;

use ltlm_protocol::Body;
use ltlm_protocol::shape::{Kind, Member, Shape};
use serde_json::{Value, json};
use shared::domain::pro::hardening;
use shared::model::policy::PolicyTerms;

use crate::documents::GENERATED;

/// The description of a member.
#[derive(Clone, Copy, Debug)]
pub struct Row {
    /// Its path; `[]` is any row of a list, `<name>` a name of yours.
    pub path: &'static str,
    /// What its number counts; `""` for what is no number.
    pub unit: &'static str,
    /// What holds without it.
    pub default: &'static str,
    /// What it does.
    pub effect: &'static str,
    /// A value of it, as JSON.
    pub example: &'static str,
}

const fn row(
    path: &'static str,
    unit: &'static str,
    default: &'static str,
    effect: &'static str,
    example: &'static str,
) -> Row {
    Row { path, unit, default, effect, example }
}

/// The members, in the order of the document.
#[rustfmt::skip]
pub const ROWS: &[Row] = &[
    row("type", "", "required", "The type of license. `trial` and `fixed_duration` end and need `config.limits.time.durationDays`; a `subscription` needs that or `recurringInterval`; `perpetual` does not end.", r#""perpetual""#),
    row("name", "", "required", "The displayed name.", r#""Studio""#),
    row("slug", "", "none", "A readable identifier for the store. Not a number.", r#""studio-monthly""#),
    row("status", "", "`active`", "`archived` is no longer for sale; its licenses stay valid.", r#""archived""#),
    row("environment", "", "`production`", "Returned to applications with the license.", r#""staging""#),
    row("description", "", "none", "Long text for the store.", r#""For teams.""#),
    row("shortDescription", "", "none", "Short text for the store.", r#""Teams""#),
    row("price", "the currency's main unit", "none", "The one-time price of a license. A policy without a price is not for sale, except a `trial`.", "49"),
    row("currency", "", "`USD`", "The ISO 4217 code for both prices.", r#""EUR""#),
    row("recurringInterval", "", "none", "The unit of the interval between two payments of a subscription.", r#""month""#),
    row("recurringIntervalCount", "intervals", "1", "The number of intervals between two payments.", "3"),
    row("recurringPrice", "the currency's main unit", "none", "The price of each payment of a subscription.", "9.99"),
    row("isAirGapped", "", "`false`", "Its licenses work only with an offline file, without calls to the service.", "true"),
    row("topUpOptions[].packId", "", "required", "The id of a pack that can be bought for a license.", r#""tokens_50""#),
    row("topUpOptions[].name", "", "required", "The displayed name.", r#""50 tokens""#),
    row("topUpOptions[].tokens", "tokens", "0", "The tokens that the pack adds.", "50"),
    row("topUpOptions[].devices", "devices", "0", "The devices that the pack adds.", "1"),
    row("topUpOptions[].seats", "seats", "0", "The seats that the pack adds.", "1"),
    row("topUpOptions[].days", "days", "0", "The days by which the pack extends the license.", "30"),
    row("topUpOptions[].capability", "", "none", "The capability that the pack adds.", r#""export""#),
    row("topUpOptions[].price.amount", "the currency's main unit", "required", "The price; a pack with the price 0 is not for sale.", "4.99"),
    row("topUpOptions[].price.currency", "", "required", "The ISO 4217 code.", r#""USD""#),
    row("renewal.period", "", "a subscription's own interval; otherwise the tokens are granted once", "How often the tokens are granted again.", r#""month""#),
    row("renewal.mode", "", "`set`", "What happens to the remaining tokens: they stay (`add`), lapse (`set`), or stay up to `rolloverMax` (`rollover`).", r#""rollover""#),
    row("renewal.rolloverMax", "tokens", "0", "The maximum of tokens that stay in the mode `rollover`.", "500"),
    row("renewal.catchUp", "", "`false`", "Each missed period is granted; otherwise only the latest is.", "true"),
    row("config.limits.time.durationDays", "days", "no end, or the subscription's interval", "The duration of a new license.", "365"),
    row("config.limits.time.gracePeriodDays", "days", "0", "How long a license keeps working after its end.", "7"),
    row("config.limits.time.mode", "", "none", "Stored for the vendor; the service does not use it.", r#""duration""#),
    row("config.limits.seats.enabled", "", "`false`", "Limits how many devices use the license at the same time. Requires `maxSeats`.", "true"),
    row("config.limits.seats.maxSeats", "seats", "required if seats are enabled", "The number of devices that can use the license at the same time.", "5"),
    row("config.limits.tokens.enabled", "", "`false`", "Manages tokens. Requires `maxTokens`.", "true"),
    row("config.limits.tokens.maxTokens", "tokens", "required if tokens are enabled", "The license's allocation.", "1000"),
    row("config.limits.devices.maxDevices", "devices", "1", "The number of devices that can be registered.", "3"),
    row("config.limits.devices.hwidRequired", "", "`true`", "With `false`, any number of devices can be registered.", "false"),
    row("config.limits.devices.hwidReqiured", "", "none", "An older spelling of `hwidRequired`, read if that is absent.", "false"),
    row("config.limits.offlineGracePeriodHours", "hours", "none", "An older place of `sdkEnforcement.offlineGracePeriod.duration`, read if that is absent.", "72"),
    row("config.features", "", "`{}`", "Returned to applications, each value as text. `false` removes the feature of a capability with that name.", r#"{"export": "pdf"}"#),
    row("config.capabilities", "", "`[]`", "The names of what the license allows; each is also a feature. A consumption can require a capability.", r#"["pro", "export"]"#),
    row("config.projectSettings", "", "`{}`", "Your own data for applications. It overrides the project's settings, and the license's override it, name by name.", r#"{"theme": "dark"}"#),
    row("config.versioning.enabled", "", "`false`", "Refuses application versions outside the range.", "true"),
    row("config.versioning.minVersion", "", "none", "The oldest version that can activate.", r#""1.2.0""#),
    row("config.versioning.maxVersion", "", "none", "The newest version that can activate.", r#""2.0""#),
    row("config.geofencing.enabled", "", "`false`", "Limits the countries in which the license can be used.", "true"),
    row("config.geofencing.allowedCountries", "", "`[]`: all", "Two-letter ISO 3166 codes; all other countries are refused.", r#"["DE", "FR"]"#),
    row("config.geofencing.blockedCountries", "", "`[]`", "ISO 3166 codes of countries that are refused.", r#"["US"]"#),
    row("config.sdkEnforcement.mode", "", "`standard`", "With `pro_only` and `sdk_only`, only the encrypted endpoints serve the license; all other values mean `standard`.", r#""pro_only""#),
    row("config.sdkEnforcement.heartbeat.enabled", "", "`true`", "Tells applications to send heartbeats.", "true"),
    row("config.sdkEnforcement.heartbeat.interval", "minutes", "5", "The time between heartbeats. A seat lasts two intervals, at least two minutes.", "10"),
    row("config.sdkEnforcement.heartbeatIntervalSeconds", "seconds", "none", "An older form of `heartbeat.interval`, in whole minutes, read if that is absent.", "300"),
    row("config.sdkEnforcement.offlineGracePeriod.enabled", "", "`true` if there is a duration", "Applications can run without contact to the service.", "true"),
    row("config.sdkEnforcement.offlineGracePeriod.duration", "hours", "0", "How long applications can run without contact.", "72"),
    row("config.customerActions.allowHardwareRelease", "", "`false`", "Customers can remove devices themselves.", "true"),
    row("config.customerActions.allowRemoteSeatRelease", "", "`false`", "Devices can release each other's seats.", "true"),
    row("config.customerActions.canBuyTopUps", "", "`false`", "Packs can be bought for its licenses.", "true"),
    row("config.customerActions.seatReleaseCooldownSeconds", "seconds", "0", "The minimum time between two releases by one device.", "300"),
    row("config.store.forSale", "", "same as `visibility.storefront`", "`true` sells a policy that the store does not show, by its link; `false` shows a policy that cannot be bought.", "false"),
    row("config.store.allowsDuplicates", "", "`false`", "Two open checkout pages of one buyer sell two licenses; otherwise the second payment is refunded.", "true"),
    row("config.store.trialNeedsCard", "", "`false`", "A free trial asks for a card, and a card has one trial.", "true"),
    row("config.store.convertsTrial", "", "`false`", "A purchase takes over the buyer's trial license, with its key and data.", "true"),
    row("config.store.onRefund", "", "`takeBack`", "What a refund does to the purchase: it is taken back, the license is suspended, or nothing happens.", r#""keep""#),
    row("config.store.onDispute", "", "`suspend`", "The same for a disputed payment.", r#""takeBack""#),
    row("config.visibility.storefront", "", "`false`", "The store shows the policy.", "true"),
    row("config.visibility.dashboard", "", "`false`", "Returned to applications; the service does not use it.", "true"),
    row("config.metadata", "", "`{}`", "Your own metadata. The store shows its `tags` (a list of texts) and `version` (a number).", r#"{"tags": ["new"]}"#),
    row("settings.geofencing.denyUnknown", "", "`false`", "Refuses callers whose country is unknown if a policy limits countries.", "true"),
    row("settings.suspended", "", "`false`", "Takes the project out of service, so that nothing in it changes: every call of applications and backends, and every change of a license, is answered `PROJECT_SUSPENDED` (503), which the existing client treats as a lost connection.", "true"),
    row("settings.security.boundAnswers", "", "`true`", "Signed answers of the encrypted endpoints state for whom and until when they are valid.", "false"),
    row("settings.security.gcmOnly", "", "`false`", "Refuses envelopes in CBC, which have no authentication.", "true"),
    row("settings.security.deviceKeys", "", "`off`", "Devices sign their calls with their own keys: a device can register a key (`accepted`), or every call must be signed (`required`).", r#""required""#),
    row("settings.accounts.plans.<name>.tokens", "tokens", "required", "The allocation of each period. The defaults of `Gift`, `Professional` and `Business` are 100, 2,000 and 10,000.", "2000"),
    row("settings.accounts.plans.<name>.periodDays", "days of 24 hours", "30", "The length of a period. Not together with `periodMonths`.", "7"),
    row("settings.accounts.plans.<name>.periodMonths", "calendar months", "none", "The length of a period. Not together with `periodDays`.", "1"),
    row("settings.accounts.plans.<name>.mode", "", "`add`", "What happens to the remaining tokens: they stay (`add`), lapse (`set`), or stay up to `rolloverMax` (`rollover`).", r#""set""#),
    row("settings.accounts.plans.<name>.rolloverMax", "tokens", "required with the mode `rollover`, and only then", "The maximum of tokens that stay.", "500"),
    row("settings.accounts.plans.<name>.catchUp", "", "`latest`", "After an absence, the account gets the allocation of the latest period, or of each missed one.", r#""each""#),
    row("settings.accounts.plans.<name>.anchor", "", "`fixed`", "Periods are counted from when the account was created or bought its plan, or from each renewal.", r#""onRenewal""#),
    row("settings.accounts.costs", "tokens", "the built-in table ([accounts.md](accounts.md))", "The costs of operations, by type.", r#"{"render": 3}"#),
    row("settings.accounts.packs[].packId", "", "required", "The id of a pack of tokens that can be bought.", r#""tokens_500""#),
    row("settings.accounts.packs[].name", "", "required", "The name on the payment page.", r#""500 tokens""#),
    row("settings.accounts.packs[].tokens", "tokens", "required", "The tokens that the pack grants, without an end.", "500"),
    row("settings.accounts.packs[].price.amount", "the currency's main unit", "required", "The price, more than 0.", "29"),
    row("settings.accounts.packs[].price.currency", "", "required", "The ISO 4217 code.", r#""USD""#),
    row("settings.accounts.packs[].onRefund", "", "`takeBack`", "What a refund does to the pack's tokens: they are taken back, or nothing happens.", r#""keep""#),
    row("settings.accounts.packs[].onDispute", "", "`takeBack`", "The same for a disputed payment; the tokens return when you win the dispute.", r#""keep""#),
    row("settings.organizations.plans.<name>.lead_generation", "tokens", "0", "The pool's allocation every 30 days. The plan's name must not contain a slash.", "50"),
    row("settings.organizations.plans.<name>.goal_generation", "tokens", "0", "The same.", "20"),
    row("settings.organizations.plans.<name>.strategy_analysis", "tokens", "0", "The same.", "100"),
    row("settings.organizations.plans.<name>.forecast", "tokens", "0", "The same.", "30"),
    row("settings.organizations.plans.<name>.general", "tokens", "0", "The same.", "50"),
    row("settings.organizations.costs", "tokens", "the built-in table ([accounts.md](accounts.md))", "The costs of features, by name; `*` applies to all others.", r#"{"generate_leads": 5}"#),
    row("settings.organizations.packs[].tokenType", "", "`general`", "The pool that receives the tokens.", r#""forecast""#),
    row("settings.organizations.packs[].packId", "", "required", "The id of a pack of tokens that can be bought.", r#""tokens_500""#),
    row("settings.organizations.packs[].name", "", "required", "The name on the payment page.", r#""500 tokens""#),
    row("settings.organizations.packs[].tokens", "tokens", "required", "The tokens that the pack grants, without an end.", "500"),
    row("settings.organizations.packs[].price.amount", "the currency's main unit", "required", "The price, more than 0.", "29"),
    row("settings.organizations.packs[].price.currency", "", "required", "The ISO 4217 code.", r#""USD""#),
    row("settings.organizations.packs[].onRefund", "", "`takeBack`", "What a refund does to the pack's tokens: they are taken back, or nothing happens.", r#""keep""#),
    row("settings.organizations.packs[].onDispute", "", "`takeBack`", "The same for a disputed payment; the tokens return when you win the dispute.", r#""keep""#),
    row("settings.analytics.events[].id", "", "the type", "The id of an event type for your developers.", r#""evt_1""#),
    row("settings.analytics.events[].type", "", "required", "The type, as applications send it.", r#""level_done""#),
    row("settings.analytics.events[].description", "", "none", "The meaning of the event.", r#""A level was finished.""#),
    row("settings.clientDates", "", "`zulu`", "`naive` leaves the `Z` out of dates that the existing client compares.", r#""naive""#),
    row("settings.rateLimits.trialChecks", "a minute", "20", "The number of trial checks by one source.", "60"),
    row("settings.rateLimits.events", "a minute", "25", "The number of events that one device reports.", "100"),
    row("settings.rateLimits.settingsWrites", "a minute", "50", "The number of times that one device saves the user settings.", "100"),
    row("settings.quotas.administration.calls", "calls in `minutes`", "none: not counted", "Calls of the vendor that concern the content of the project.", "600"),
    row("settings.quotas.administration.minutes", "minutes", "1", "The time in which all calls become available again.", "1"),
    row("settings.quotas.backends.calls", "calls in `minutes`", "none: not counted", "Calls of backends and members: accounts, organizations, tokens.", "3000"),
    row("settings.quotas.backends.minutes", "minutes", "1", "The time in which all calls become available again.", "1440"),
    row("settings.quotas.applications.calls", "calls in `minutes`", "none: not counted", "Calls of applications, except those that they need to keep running: store, portal, settings, events, lists.", "300"),
    row("settings.quotas.applications.minutes", "minutes", "1", "The time in which all calls become available again.", "1"),
    row("settings.rateLimits.batches", "a minute", "60", "The number of batches of uses that one device sends.", "120"),
    row("settings.store.redirects", "addresses and schemes", "anywhere", "The only addresses to which buyers are redirected after a payment page.", r#"["https://shop.example/thanks", "myapp://"]"#),
    row("settings.tokens.overdraftFloor", "tokens", "none", "A license that is overdrawn by more than this is suspended.", "50"),
    row("settings.tokens.batchFloor", "tokens", "ten allocations, at least 1000", "A batch does not overdraw a license by more than this: a use that would is recorded, and not charged. `none` charges every use.", "500"),
    row("settings.tokens.lostAnswers", "", "`customer`", "How a repeated single use is treated if the first answer may be lost: in the customer's favor, or charged unless the loss is `proven`.", r#""proven""#),
    row("settings.payments.mode", "", "`live`", "Accepts real payments, or payments with the provider's test money.", r#""test""#),
];

/// What is said of the member at this path.
pub fn of(path: &str) -> Option<&'static Row> {
    ROWS.iter().find(|row| row.path == path)
}

/// The members that have a value of their own, by their paths: of a policy, and of a project's settings.
pub fn declared() -> Vec<(String, Kind)> {
    let mut found = Vec::new();
    let policy = PolicyTerms::shape();
    let members = policy.members.iter().filter(|member| !member.is_alias && member.name != "operationId");
    members.for_each(|member| collect("", member, &mut found));
    collect(
        "",
        &Member { name: "settings".into(), kind: Kind::Object, shape: hardening::SHAPE.clone(), ..Member::default() },
        &mut found,
    );
    found
}

fn collect(path: &str, member: &Member, found: &mut Vec<(String, Kind)>) {
    let path = if path.is_empty() { member.name.clone() } else { format!("{path}.{}", member.name) };
    let below = |path: String, shape: &Shape, found: &mut Vec<(String, Kind)>| {
        shape.members.iter().for_each(|member| collect(&path, member, found));
    };
    match member.kind {
        Kind::Object => below(path, &member.shape, found),
        Kind::Objects { .. } => below(format!("{path}[]"), &member.shape, found),
        Kind::Map { .. } => below(format!("{path}.<name>"), &member.shape, found),
        _ => found.push((path, member.kind.clone())),
    }
}

/// A policy, or a project, with the row's example in it and what that needs beside it.
pub fn example(row: &Row) -> Value {
    let is_policy = !row.path.starts_with("settings.");
    let mut whole = json!({"name": "Example"});
    if is_policy {
        whole["type"] = json!("perpetual");
    }
    let beside: &[(&str, Value)] = match row.path {
        "config.limits.seats.enabled" => &[("config.limits.seats.maxSeats", json!(5))],
        "config.limits.tokens.enabled" => &[("config.limits.tokens.maxTokens", json!(5))],
        path if path.starts_with("topUpOptions") => &[
            ("topUpOptions[].packId", json!("p")),
            ("topUpOptions[].name", json!("P")),
            ("topUpOptions[].price", json!({"amount": 1, "currency": "USD"})),
        ],
        path if path.starts_with("settings.accounts.packs") => &[
            ("settings.accounts.packs[].packId", json!("p")),
            ("settings.accounts.packs[].name", json!("P")),
            ("settings.accounts.packs[].tokens", json!(1)),
            ("settings.accounts.packs[].price", json!({"amount": 1, "currency": "USD"})),
        ],
        path if path.starts_with("settings.organizations.packs") => &[
            ("settings.organizations.packs[].packId", json!("p")),
            ("settings.organizations.packs[].name", json!("P")),
            ("settings.organizations.packs[].tokens", json!(1)),
            ("settings.organizations.packs[].price", json!({"amount": 1, "currency": "USD"})),
        ],
        "settings.accounts.plans.<name>.rolloverMax" => &[
            ("settings.accounts.plans.<name>.tokens", json!(1)),
            ("settings.accounts.plans.<name>.mode", json!("rollover")),
        ],
        path if path.starts_with("settings.accounts.plans") => &[("settings.accounts.plans.<name>.tokens", json!(1))],
        path if path.starts_with("settings.analytics") => &[("settings.analytics.events[].type", json!("t"))],
        _ => &[],
    };
    for (path, value) in beside {
        put(&mut whole, path, value.clone());
    }
    put(&mut whole, row.path, serde_json::from_str(row.example).unwrap_or_default());
    whole
}

/// Puts a value at a path, in the first row of a list.
fn put(whole: &mut Value, path: &str, value: Value) {
    let mut place = whole;
    for name in path.split('.') {
        place = match name.strip_suffix("[]") {
            None => &mut place[name],
            Some(list) => {
                if place[list].is_null() {
                    place[list] = json!([{}]);
                }
                &mut place[list][0]
            }
        };
    }
    *place = value;
}

/// What is said of a member in the OpenAPI document.
pub(crate) fn description(path: &str) -> Option<String> {
    let row = of(path)?;
    let unit = if row.unit.is_empty() { String::new() } else { format!(" Counts: {}.", row.unit) };
    Some(format!("{}{unit} Default: {}.", row.effect, row.default))
}

fn kind_text(kind: &Kind) -> String {
    match kind {
        Kind::Text { max, .. } | Kind::Prose { max } => format!("text, up to {max} characters"),
        Kind::Whole { min, max } => format!("whole number, {min} to {max}"),
        Kind::Flag => "`true` or `false`".to_owned(),
        Kind::Word(words) => format!("`{}`", words.join("`, `")),
        Kind::Price => "number, two decimals at most".to_owned(),
        Kind::Instant => "instant, ISO 8601".to_owned(),
        Kind::Texts { most, max } => format!("list of up to {most} texts of up to {max} characters"),
        Kind::Free { bytes_max } => format!("your own object, up to {bytes_max} bytes"),
        Kind::WholeOrWord { min, max, word } => format!("whole number, {min} to {max}, or `{word}`"),
        Kind::Wholes { most, min, max } => format!("object of up to {most} whole numbers, {min} to {max}"),
        Kind::Visible { max } => format!("text, up to {max} visible ASCII characters"),
        Kind::Base64 { bytes } => format!("{bytes} bytes in base64"),
        Kind::Email => "e-mail address".to_owned(),
        Kind::WholeOrText { max } => format!("whole number, or text of up to {max} characters"),
        Kind::Words(words) => format!("list of some of `{}`", words.join("`, `")),
        Kind::Any | Kind::Object | Kind::Objects { .. } | Kind::AnyObjects { .. } | Kind::Map { .. } => {
            "any".to_owned()
        }
    }
}

/// `docs/policies.md`.
pub fn document() -> String {
    const SECTIONS: &[(&str, &str)] = &[
        ("The policy", ""),
        ("Packs: `topUpOptions`", "topUpOptions"),
        ("Renewal of tokens: `renewal`", "renewal."),
        ("Limits: `config.limits`", "config.limits."),
        ("Features and rules: the rest of `config`", "config."),
        ("Settings of a project: `settings`", "settings."),
    ];
    let mut text = format!("# Policies and settings\n\n{GENERATED}\n\n");
    text.push_str(
        "This page lists every member of a policy (`POST …/policies`, and `config` as a license's `overrides`) and of a project's `settings`. It is generated \
         from the declaration that validates them. A member that is not listed here is refused, and the refusal names the nearest known one. A member that is \
         not required can be `null`, which means the same as absent. `[]` is any row of a list, and `<name>` is a name that you choose. \
         [api.md](api.md#patch) describes how overrides and `PATCH` are merged; [openapi.json](../infra/openapi.json) contains the same members as \
         JSON Schema.\n",
    );
    let declared = declared();
    let section = |path: &str| SECTIONS.iter().rposition(|(_, prefix)| path.starts_with(prefix)).unwrap_or(0);
    // `config.` holds `config.limits.` too: the longest prefix counts.
    let section = |path: &str| if path.starts_with("config.limits.") { 3 } else { section(path) };
    for (index, (title, prefix)) in SECTIONS.iter().enumerate() {
        let _ = write!(
            text,
            "\n## {title}\n\n| member | type | unit | default | what it does | example |\n|---|---|---|---|---|---|\n"
        );
        for row in ROWS.iter().filter(|row| section(row.path) == index) {
            let kind = declared.iter().find(|(path, _)| path == row.path).map(|(_, kind)| kind_text(kind));
            let name = row.path.strip_prefix(prefix).filter(|_| prefix.ends_with('.')).unwrap_or(row.path);
            let (kind, unit) = (kind.unwrap_or_default(), row.unit);
            let _ =
                writeln!(text, "| `{name}` | {kind} | {unit} | {} | {} | `{}` |", row.default, row.effect, row.example);
        }
    }
    text
}
