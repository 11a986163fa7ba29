//! `docs/policies.md`: every member of a policy and of a project's settings. What there is, and of which kind, the readers say that
//! validate them; what it does stands here. A test holds both together.

use std::fmt::Write;

use ltlm_protocol::Body;
use ltlm_protocol::shape::{Kind, Member, Shape};
use serde_json::{Value, json};
use shared::domain::pro::hardening;
use shared::model::policy::PolicyTerms;

use crate::documents::GENERATED;

/// What is said of a member.
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
    row("type", "", "must be there", "What is sold. `trial` and `fixed_duration` end and need `config.limits.time.durationDays`; a `subscription` needs it or `recurringInterval`; `perpetual` does not end.", r#""perpetual""#),
    row("name", "", "must be there", "Its name for people.", r#""Studio""#),
    row("slug", "", "none", "A readable name by which the store finds it. Not a number.", r#""studio-monthly""#),
    row("status", "", "`active`", "`archived` is not for sale any more; its licenses go on.", r#""archived""#),
    row("environment", "", "`production`", "Told to applications with the license.", r#""staging""#),
    row("description", "", "none", "Long text for the store.", r#""For teams.""#),
    row("shortDescription", "", "none", "Short text for the store.", r#""Teams""#),
    row("price", "the currency's main unit", "none", "What a license costs once. A policy without a price is not for sale, but for a `trial`.", "49"),
    row("currency", "", "`USD`", "ISO 4217, of both prices.", r#""EUR""#),
    row("recurringInterval", "", "none", "How often a subscription is paid.", r#""month""#),
    row("recurringIntervalCount", "intervals", "1", "Intervals between two payments.", "3"),
    row("recurringPrice", "the currency's main unit", "none", "What each payment of a subscription costs.", "9.99"),
    row("isAirGapped", "", "`false`", "Its licenses work from an offline file only, and no device calls.", "true"),
    row("topUpOptions[].packId", "", "must be there", "Names a pack that can be bought on top of a license.", r#""tokens_50""#),
    row("topUpOptions[].name", "", "must be there", "Its name for people.", r#""50 tokens""#),
    row("topUpOptions[].tokens", "tokens", "0", "Tokens that it adds.", "50"),
    row("topUpOptions[].devices", "devices", "0", "Devices that it adds.", "1"),
    row("topUpOptions[].seats", "seats", "0", "Seats that it adds.", "1"),
    row("topUpOptions[].days", "days", "0", "Days by which it makes the license longer.", "30"),
    row("topUpOptions[].capability", "", "none", "A capability that it adds.", r#""export""#),
    row("topUpOptions[].price.amount", "the currency's main unit", "must be there", "What it costs; a pack for 0 is not for sale.", "4.99"),
    row("topUpOptions[].price.currency", "", "must be there", "ISO 4217.", r#""USD""#),
    row("renewal.period", "", "a subscription's own interval; else the tokens are given once", "How often the tokens are given again.", r#""month""#),
    row("renewal.mode", "", "`set`", "What becomes of tokens that are left: they stay (`add`), lapse (`set`), or stay up to `rolloverMax` (`rollover`).", r#""rollover""#),
    row("renewal.rolloverMax", "tokens", "0", "Most tokens that stay, in the mode `rollover`.", "500"),
    row("renewal.catchUp", "", "`false`", "Missed periods count one by one; else only the latest is given.", "true"),
    row("config.limits.time.durationDays", "days", "no end, or the subscription's interval", "How long a new license lasts.", "365"),
    row("config.limits.time.gracePeriodDays", "days", "0", "How long it goes on working after its end.", "7"),
    row("config.limits.time.mode", "", "none", "Kept for the vendor; nothing reads it.", r#""duration""#),
    row("config.limits.seats.enabled", "", "`false`", "Counts who uses the license at once. Then `maxSeats` must be there.", "true"),
    row("config.limits.seats.maxSeats", "seats", "must be there if seats are counted", "Devices that may use the license at once.", "5"),
    row("config.limits.tokens.enabled", "", "`false`", "Manages tokens. Then `maxTokens` must be there.", "true"),
    row("config.limits.tokens.maxTokens", "tokens", "must be there if tokens are managed", "The license's allocation.", "1000"),
    row("config.limits.devices.maxDevices", "devices", "1", "Devices that may be registered.", "3"),
    row("config.limits.devices.hwidRequired", "", "`true`", "`false` registers any number of devices.", "false"),
    row("config.limits.devices.hwidReqiured", "", "none", "An older spelling of `hwidRequired`, read where that is absent.", "false"),
    row("config.limits.offlineGracePeriodHours", "hours", "none", "An older place of `sdkEnforcement.offlineGracePeriod.duration`, read where that is absent.", "72"),
    row("config.features", "", "`{}`", "Told to applications, each value as text. `false` takes away what a capability of the name gives.", r#"{"export": "pdf"}"#),
    row("config.capabilities", "", "`[]`", "Names of what the license may do; each is a feature too. Tokens can be asked for by capability.", r#"["pro", "export"]"#),
    row("config.projectSettings", "", "`{}`", "Your own data for applications; lies over the project's, under the license's, name by name.", r#"{"theme": "dark"}"#),
    row("config.versioning.enabled", "", "`false`", "Refuses versions of the application outside the range.", "true"),
    row("config.versioning.minVersion", "", "none", "The oldest version that may activate.", r#""1.2.0""#),
    row("config.versioning.maxVersion", "", "none", "The newest version that may activate.", r#""2.0""#),
    row("config.geofencing.enabled", "", "`false`", "Limits the countries in which the license is used.", "true"),
    row("config.geofencing.allowedCountries", "", "`[]`: all", "ISO 3166 codes of two letters; others are refused.", r#"["DE", "FR"]"#),
    row("config.geofencing.blockedCountries", "", "`[]`", "ISO 3166 codes that are refused.", r#"["US"]"#),
    row("config.sdkEnforcement.mode", "", "`standard`", "`pro_only` and `sdk_only` serve the encrypted endpoints alone; the others mean `standard`.", r#""pro_only""#),
    row("config.sdkEnforcement.heartbeat.enabled", "", "`true`", "Applications are told to send heartbeats.", "true"),
    row("config.sdkEnforcement.heartbeat.interval", "minutes", "5", "Time between heartbeats. A seat lasts two of them, two minutes at least.", "10"),
    row("config.sdkEnforcement.heartbeatIntervalSeconds", "seconds", "none", "An older form of `heartbeat.interval`, in whole minutes, read where that is absent.", "300"),
    row("config.sdkEnforcement.offlineGracePeriod.enabled", "", "`true` if there is a duration", "Applications may run without contact.", "true"),
    row("config.sdkEnforcement.offlineGracePeriod.duration", "hours", "0", "For how long they may.", "72"),
    row("config.customerActions.allowHardwareRelease", "", "`false`", "Customers may remove devices by themselves.", "true"),
    row("config.customerActions.allowRemoteSeatRelease", "", "`false`", "Devices may release each other's seats.", "true"),
    row("config.customerActions.canBuyTopUps", "", "`false`", "Packs may be bought on top of its licenses.", "true"),
    row("config.customerActions.seatReleaseCooldownSeconds", "seconds", "0", "Time between two releases by one device.", "300"),
    row("config.store.forSale", "", "as `visibility.storefront`", "`true` sells what the store does not show, by its link; `false` shows what cannot be bought.", "false"),
    row("config.store.allowsDuplicates", "", "`false`", "Two open checkout pages of one buyer sell two licenses; else the second payment goes back.", "true"),
    row("config.store.trialNeedsCard", "", "`false`", "A free trial asks for a card, and a card has one trial.", "true"),
    row("config.store.convertsTrial", "", "`false`", "A purchase takes over the buyer's trial, with its key and data.", "true"),
    row("config.store.onRefund", "", "`takeBack`", "What a refund does to what was bought: it is taken away, the license is suspended, or nothing.", r#""keep""#),
    row("config.store.onDispute", "", "`suspend`", "The same for a payment that is disputed.", r#""takeBack""#),
    row("config.visibility.storefront", "", "`false`", "The store shows it.", "true"),
    row("config.visibility.dashboard", "", "`false`", "Told to applications; nothing reads it.", "true"),
    row("config.metadata", "", "`{}`", "Your own facts. The store shows `tags` (a list of texts) and `version` (a number) of it.", r#"{"tags": ["new"]}"#),
    row("settings.geofencing.denyUnknown", "", "`false`", "Refuses callers whose country is not known, where a policy limits countries.", "true"),
    row("settings.suspended", "", "`false`", "Out of service for a while, so that nothing of the project changes: every call of applications and backends, and every change of a license, is answered `PROJECT_SUSPENDED` (503), which the existing client takes for a lost connection.", "true"),
    row("settings.security.boundAnswers", "", "`true`", "Answers of the encrypted endpoints say, signed, whom they are for and until when.", "false"),
    row("settings.security.gcmOnly", "", "`false`", "Refuses envelopes in CBC, which have no authentication.", "true"),
    row("settings.security.deviceKeys", "", "`off`", "Devices sign their calls with a key of their own: it is taken (`accepted`) or every call needs it (`required`).", r#""required""#),
    row("settings.accounts.plans.<name>.tokens", "tokens", "must be there", "The allocation of each period. `Gift`, `Professional` and `Business` have 100, 2,000 and 10,000 unless you say otherwise.", "2000"),
    row("settings.accounts.plans.<name>.periodDays", "days of 24 hours", "30", "How long a period is. Not beside `periodMonths`.", "7"),
    row("settings.accounts.plans.<name>.periodMonths", "calendar months", "none", "How long a period is. Not beside `periodDays`.", "1"),
    row("settings.accounts.plans.<name>.mode", "", "`add`", "What becomes of tokens that are left: they stay (`add`), lapse (`set`), or stay up to `rolloverMax` (`rollover`).", r#""set""#),
    row("settings.accounts.plans.<name>.rolloverMax", "tokens", "must be there with the mode `rollover`, and only then", "Most tokens that stay.", "500"),
    row("settings.accounts.plans.<name>.catchUp", "", "`latest`", "Who was away gets the latest period, or each that was missed.", r#""each""#),
    row("settings.accounts.plans.<name>.anchor", "", "`fixed`", "Periods count from when the account was made or bought its plan, or from each renewal.", r#""onRenewal""#),
    row("settings.accounts.costs", "tokens", "the service's own table ([accounts.md](accounts.md))", "What operations cost, by type.", r#"{"render": 3}"#),
    row("settings.accounts.packs[].packId", "", "must be there", "Names a pack of tokens that can be bought.", r#""tokens_500""#),
    row("settings.accounts.packs[].name", "", "must be there", "Its name on the payment page.", r#""500 tokens""#),
    row("settings.accounts.packs[].tokens", "tokens", "must be there", "Tokens that it gives, without an end.", "500"),
    row("settings.accounts.packs[].price.amount", "the currency's main unit", "must be there", "What it costs, more than 0.", "29"),
    row("settings.accounts.packs[].price.currency", "", "must be there", "ISO 4217.", r#""USD""#),
    row("settings.accounts.packs[].onRefund", "", "`takeBack`", "What a refund does to its tokens: they are taken back, or nothing.", r#""keep""#),
    row("settings.accounts.packs[].onDispute", "", "`takeBack`", "The same for a payment that is disputed; they come again when you win.", r#""keep""#),
    row("settings.organizations.plans.<name>.lead_generation", "tokens", "0", "The pool's allocation each 30 days. The name holds no slash.", "50"),
    row("settings.organizations.plans.<name>.goal_generation", "tokens", "0", "The same.", "20"),
    row("settings.organizations.plans.<name>.strategy_analysis", "tokens", "0", "The same.", "100"),
    row("settings.organizations.plans.<name>.forecast", "tokens", "0", "The same.", "30"),
    row("settings.organizations.plans.<name>.general", "tokens", "0", "The same.", "50"),
    row("settings.organizations.costs", "tokens", "the service's own table ([accounts.md](accounts.md))", "What features cost, by name; `*` stands for all others.", r#"{"generate_leads": 5}"#),
    row("settings.organizations.packs[].tokenType", "", "`general`", "The pool that its tokens go to.", r#""forecast""#),
    row("settings.organizations.packs[].packId", "", "must be there", "Names a pack of tokens that can be bought.", r#""tokens_500""#),
    row("settings.organizations.packs[].name", "", "must be there", "Its name on the payment page.", r#""500 tokens""#),
    row("settings.organizations.packs[].tokens", "tokens", "must be there", "Tokens that it gives, without an end.", "500"),
    row("settings.organizations.packs[].price.amount", "the currency's main unit", "must be there", "What it costs, more than 0.", "29"),
    row("settings.organizations.packs[].price.currency", "", "must be there", "ISO 4217.", r#""USD""#),
    row("settings.organizations.packs[].onRefund", "", "`takeBack`", "What a refund does to its tokens: they are taken back, or nothing.", r#""keep""#),
    row("settings.organizations.packs[].onDispute", "", "`takeBack`", "The same for a payment that is disputed; they come again when you win.", r#""keep""#),
    row("settings.analytics.events[].id", "", "the type", "Names a kind of events for your developers.", r#""evt_1""#),
    row("settings.analytics.events[].type", "", "must be there", "The kind, as applications send it.", r#""level_done""#),
    row("settings.analytics.events[].description", "", "none", "What it means.", r#""A level was finished.""#),
    row("settings.clientDates", "", "`zulu`", "`naive` leaves the `Z` out of dates that the existing client compares.", r#""naive""#),
    row("settings.rateLimits.trialChecks", "a minute", "20", "Addresses that one source asks about for a trial.", "60"),
    row("settings.rateLimits.events", "a minute", "25", "Events that one device reports.", "100"),
    row("settings.rateLimits.settingsWrites", "a minute", "50", "User settings that one device writes.", "100"),
    row("settings.quotas.administration.calls", "calls in `minutes`", "none: not counted", "Calls of the vendor about what is in the project.", "600"),
    row("settings.quotas.administration.minutes", "minutes", "1", "The time in which as many calls come back.", "1"),
    row("settings.quotas.backends.calls", "calls in `minutes`", "none: not counted", "Calls of backends and members: accounts, organizations, tokens.", "3000"),
    row("settings.quotas.backends.minutes", "minutes", "1", "The time in which as many calls come back.", "1440"),
    row("settings.quotas.applications.calls", "calls in `minutes`", "none: not counted", "What applications ask beside what they need to go on working: store, portal, settings, events, lists.", "300"),
    row("settings.quotas.applications.minutes", "minutes", "1", "The time in which as many calls come back.", "1"),
    row("settings.rateLimits.batches", "a minute", "60", "Batches of uses that one device sends.", "120"),
    row("settings.store.redirects", "addresses and schemes", "anywhere", "Buyers are sent nowhere else after a payment page.", r#"["https://shop.example/thanks", "myapp://"]"#),
    row("settings.tokens.overdraftFloor", "tokens", "none", "A license that is overdrawn by more is suspended.", "50"),
    row("settings.tokens.batchFloor", "tokens", "ten allocations, 1000 at least", "A batch does not overdraw a license by more: a use that would is recorded, and not charged. `none` charges whatever comes.", "500"),
    row("settings.tokens.lostAnswers", "", "`customer`", "In whose favor it is decided where the answer to a single use may be lost: the customer's, or charged unless `proven`.", r#""proven""#),
    row("settings.payments.mode", "", "`live`", "Takes real payments, or those with the provider's test money.", r#""test""#),
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
        ("Tokens that come again: `renewal`", "renewal."),
        ("Limits: `config.limits`", "config.limits."),
        ("What applications may do: the rest of `config`", "config."),
        ("Settings of a project: `settings`", "settings."),
    ];
    let mut text = format!("# Policies and settings\n\n{GENERATED}\n\n");
    text.push_str(
        "Every member of a policy (`POST …/policies`, and `config` as a license's `overrides`) and of a project's `settings`, from the \
         declaration that validates them. A member that is not here is refused with the nearest that is. Whatever need not be there \
         may be `null`, which means the same as absent. `[]` is any row of a list, `<name>` a name of yours. \
         How overrides and `PATCH` are merged says [api.md](api.md#patch); the same as JSON Schema is in \
         [openapi.json](../infra/openapi.json).\n",
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
