//! A policy: the template that licenses are issued from.

use std::collections::BTreeSet;

use ltlm_protocol::body::{Unknown, one_of};
use ltlm_protocol::license_data::{PolicyData, Price, TopUpOption};
use ltlm_protocol::read::{Problems, Reader, whole};
use ltlm_protocol::request::operation_id;
use ltlm_protocol::shape::{Kind, Shape};
use ltlm_protocol::{Amount, Body, Timestamp, int32, limits, merge, pattern};
use serde_json::{Map, Value, json};

use crate::model::denied::Denied;
use crate::model::money::Money;
use crate::model::policy_config;
use crate::model::policy_words::{Environment, Interval, PolicyKind, PolicyStatus};

/// What is wrong with a policy whose licenses must end and that does not say when.
const NO_END: &str = "is required for this type";

/// What a renewal does with what is left.
pub const RENEWAL_MODES: &[&str] = &["add", "set", "rollover"];

/// Most top-up packs of one policy.
const PACKS_MAX: usize = 50;

/// What a vendor says about a policy: everything but its ids.
#[derive(Clone, Debug, PartialEq)]
pub struct PolicyTerms {
    /// Name.
    pub name: String,
    /// A readable name for look-up, unique in the project by the vendor's care.
    pub slug: Option<String>,
    /// Its kind.
    pub kind: PolicyKind,
    /// Is it still for sale?
    pub status: PolicyStatus,
    /// What it is for.
    pub environment: Environment,
    /// Long text.
    pub description: Option<String>,
    /// Short text.
    pub short_description: Option<String>,
    /// One-time price.
    pub price: Option<Amount>,
    /// ISO 4217.
    pub currency: Option<String>,
    /// How often it is paid for.
    pub recurring_interval: Option<Interval>,
    /// How many intervals between two payments.
    pub recurring_interval_count: Option<i64>,
    /// Price of each.
    pub recurring_price: Option<Amount>,
    /// Works from a file only?
    pub is_air_gapped: bool,
    /// The configuration, as the vendor wrote it; read by `terms.rs` together with a license's overrides.
    pub config: Map<String, Value>,
    /// Packs that can be bought on top.
    pub top_up_options: Vec<TopUpOption>,
    /// How the allocation is renewed, as the vendor wrote it.
    pub renewal: Map<String, Value>,
}

/// A policy's record.
#[derive(Clone, Debug, PartialEq)]
pub struct Policy {
    /// Its project.
    pub project_id: String,
    /// Numeric id on the wire.
    pub number: i64,
    /// What the vendor said.
    pub terms: PolicyTerms,
    /// Counts the vendor's changes of this record.
    pub revision: i64,
    /// The instant at which it was created.
    pub created_at: Timestamp,
}

impl Body for PolicyTerms {
    fn read(r: &mut Reader<'_>) -> Self {
        let parsed = Self::members(r);
        // The store finds policies by number or slug.
        if parsed.slug.as_ref().is_some_and(|slug| slug.bytes().all(|b| b.is_ascii_digit())) {
            r.problem("slug", "must not be a number");
        }
        let currency = parsed.currency();
        for (name, price) in [("price", parsed.price), ("recurringPrice", parsed.recurring_price)] {
            check_price(r, name, price, currency);
        }
        let has_end = |l: &mut Reader<'_>| l.object("time", |t| t.value("durationDays").is_some());
        if parsed.needs_an_end() && !r.object("config", |config| config.object("limits", has_end)) {
            let problem = |l: &mut Reader<'_>| l.object("time", |t| t.problem("durationDays", NO_END));
            r.object("config", |config| config.object("limits", problem));
        }
        parsed
    }

    fn keywords() -> Value {
        let days = json!({"type": "integer", "minimum": 1, "maximum": limits::DURATION_DAYS_MAX});
        let within =
            |name: &str, schema: Value| json!({"type": "object", "required": [name], "properties": {name: schema}});
        let has_end = within("limits", within("time", within("durationDays", days)));
        json!({
            "properties": {"slug": {"pattern": pattern::SLUG}, "currency": {"minLength": null, "maxLength": null, "pattern": pattern::CURRENCY},
                "topUpOptions": {"items": {"properties": {"price": {"properties": {
                    "currency": {"minLength": null, "maxLength": null, "pattern": pattern::CURRENCY}}}}}},
                "renewal": {"properties": {"rolloverMax": {"description": "With the mode rollover."}}}},
            // A license must end, where its type says that it does.
            "anyOf": [
                {"properties": {"type": {"enum": [PolicyKind::Perpetual.wire(), PolicyKind::UsageBased.wire()]}}},
                {"properties": {"type": {"enum": [PolicyKind::Subscription.wire()]}, "recurringInterval": {"enum": Interval::WORDS}},
                    "required": ["recurringInterval"]},
                {"properties": {"config": has_end}, "required": ["config"]},
            ],
        })
    }
}

/// `PATCH …/policies/{PolicyID}`.
#[derive(Clone, Debug, PartialEq)]
pub struct ChangePolicy {
    /// What changes, as it was sent.
    pub patch: Map<String, Value>,
    /// The caller's operation id.
    pub operation_id: Option<String>,
}

impl Body for ChangePolicy {
    const UNKNOWN: Unknown = Unknown::RefusedInPatch;

    fn read(r: &mut Reader<'_>) -> Self {
        // The whole is judged together with the policy, unknown members too.
        Self { patch: r.rest(), operation_id: operation_id(r) }
    }

    fn shape() -> Shape {
        PolicyTerms::shape()
    }

    fn keywords() -> Value {
        let names: Vec<_> = Self::shape().members.into_iter().map(|member| member.name).collect();
        let names: Vec<_> = names.iter().map(String::as_str).filter(|name| *name != "operationId").collect();
        let mut keywords = PolicyTerms::keywords();
        keywords["anyOf"] = json!(one_of(&names, &names));
        keywords
    }
}

impl PolicyTerms {
    fn members(r: &mut Reader<'_>) -> Self {
        // Its callers read it.
        operation_id(r);
        r.require("type");
        let parsed = Self {
            name: r.name("name", limits::NAME_CHARS_MAX),
            slug: r.name_opt("slug", limits::NAME_CHARS_MAX),
            kind: r.word_opt("type", PolicyKind::WORDS).and_then(PolicyKind::parse).unwrap_or(PolicyKind::Perpetual),
            status: r
                .word_opt("status", PolicyStatus::WORDS)
                .and_then(PolicyStatus::parse)
                .unwrap_or(PolicyStatus::Active),
            environment: r
                .word_opt("environment", Environment::WORDS)
                .and_then(Environment::parse)
                .unwrap_or(Environment::Production),
            description: r.prose_or_empty("description", 10 * limits::NAME_CHARS_MAX),
            short_description: r.name_or_blank("shortDescription", limits::NAME_CHARS_MAX),
            price: r.price_opt("price"),
            currency: currency(r),
            recurring_interval: r.word_opt("recurringInterval", Interval::WORDS).and_then(Interval::parse),
            recurring_interval_count: r.int_opt("recurringIntervalCount", 1, 366),
            recurring_price: r.price_opt("recurringPrice"),
            is_air_gapped: r.bool_opt("isAirGapped").unwrap_or(false),
            config: r.document_opt("config", limits::DOCUMENT_BYTES_MAX).unwrap_or_default(),
            top_up_options: packs(r, "topUpOptions", pack, |pack| &pack.pack_id),
            renewal: r.document_opt("renewal", limits::META_BYTES_MAX).unwrap_or_default(),
        };
        r.object("renewal", |renewal| {
            renewal.word_opt("mode", RENEWAL_MODES);
            renewal.word_opt("period", Interval::WORDS);
            renewal.bool_opt("catchUp");
            renewal.int_opt("rolloverMax", 0, limits::TOKENS_MAX);
        });
        r.object("config", policy_config::check);
        parsed
    }

    /// The body that says the same: [`PolicyTerms::parse`] of it gives these terms.
    pub fn body(&self) -> Map<String, Value> {
        let body = json!({
            "name": self.name,
            "slug": self.slug,
            "type": self.kind.wire(),
            "status": self.status.wire(),
            "environment": self.environment.wire(),
            "description": self.description,
            "shortDescription": self.short_description,
            "price": self.price,
            "currency": self.currency,
            "recurringInterval": self.recurring_interval.map(Interval::wire),
            "recurringIntervalCount": self.recurring_interval_count,
            "recurringPrice": self.recurring_price,
            "isAirGapped": self.is_air_gapped,
            "config": self.config,
            "topUpOptions": self.top_up_options,
            "renewal": self.renewal,
        });
        body.as_object().cloned().unwrap_or_default()
    }

    /// The terms after a `PATCH`, which is merged into these. The result is checked, and all its mistakes are reported.
    pub fn changed(&self, patch: &Map<String, Value>) -> Result<Self, Denied> {
        let found = self.body();
        let known = patch.iter().filter(|(name, _)| found.contains_key(name.as_str()));
        let known: Map<_, _> = known.map(|(name, value)| (name.clone(), value.clone())).collect();
        let mut whole = found.clone();
        merge::merge(&mut whole, &known, merge::POLICY_FREE_FORM);
        let whole = Value::Object(whole);
        let changed = Reader::patched(&whole, patch, &found).and_then(Self::finish);
        let changed = changed.map_err(|problems| match lacks_an_end(&problems) {
            true => Denied::PolicyIncomplete,
            false => Denied::Invalid(problems),
        })?;
        match known.is_empty() {
            true => Err(Denied::Invalid(Problems::one("", "must name something to change"))),
            false => Ok(changed),
        }
    }

    /// What of the stored configuration nothing knows.
    pub fn warnings(&self) -> Vec<String> {
        policy_config::warnings("config", &self.config)
    }

    /// The currency of its prices: US dollars where the vendor does not say.
    pub fn currency(&self) -> &str {
        self.currency.as_deref().unwrap_or("USD")
    }

    /// Must licenses of this policy end, without another way to know when?
    fn needs_an_end(&self) -> bool {
        match self.kind {
            PolicyKind::Trial | PolicyKind::FixedDuration => true,
            PolicyKind::Subscription => self.recurring_interval.is_none(),
            PolicyKind::Perpetual | PolicyKind::UsageBased => false,
        }
    }

    /// The end of a license issued at `now`, if this policy sets one.
    pub fn valid_until(&self, now: Timestamp) -> Option<Timestamp> {
        if self.kind == PolicyKind::Perpetual {
            return None;
        }
        let days =
            self.config.get("limits").and_then(|l| l.get("time")).and_then(|t| t.get("durationDays")).and_then(whole);
        match (days, self.kind, self.recurring_interval) {
            (Some(days), ..) => Some(now.plus_days(days)),
            (None, PolicyKind::Subscription, Some(interval)) => {
                Some(now.plus_intervals(interval.wire(), self.recurring_interval_count.unwrap_or(1)))
            }
            _ => None,
        }
    }
}

/// Is the end of its licenses all that a policy lacks?
fn lacks_an_end(problems: &Problems) -> bool {
    problems.list().iter().all(|problem| problem.text == NO_END)
}

/// A policy is named by its number, as a number or as text. What is no number names no policy.
pub fn policy_id_opt(r: &mut Reader<'_>) -> Option<i64> {
    let value = r.value_of("policyId", Kind::WholeOrText { max: limits::NAME_CHARS_MAX })?;
    match value {
        Value::Number(_) => Some(whole(value).unwrap_or(0)),
        _ => r.text_opt("policyId", limits::NAME_CHARS_MAX).map(|text| text.trim().parse().unwrap_or(0)),
    }
}

fn currency(r: &mut Reader<'_>) -> Option<String> {
    let text = r.text_opt("currency", 3)?;
    let code = text.to_ascii_uppercase();
    if code.len() != 3 || !code.bytes().all(|b| b.is_ascii_uppercase()) {
        r.problem("currency", "must be an ISO 4217 code of three letters");
    }
    Some(code)
}

/// A price must be one that can be charged as it is written: yen have no hundredths.
fn check_price(r: &mut Reader<'_>, name: &str, price: Option<Amount>, currency: &str) {
    if price.is_some_and(|price| !Money::is_exact(price, currency)) {
        r.problem(name, format!("must be a whole number in {currency}"));
    }
}

/// Reads the list `name` of packs. A pack is ordered by its id: one that names another's could never be bought.
pub(crate) fn packs<T>(
    r: &mut Reader<'_>,
    name: &str,
    read: impl FnMut(&mut Reader<'_>) -> T,
    id: impl Fn(&T) -> &String,
) -> Vec<T> {
    let packs = r.objects(name, PACKS_MAX, read);
    let mut known = BTreeSet::new();
    for (index, pack) in packs.iter().enumerate() {
        // An empty one is a mistake that was noted.
        if !id(pack).is_empty() && !known.insert(id(pack)) {
            r.problem(&format!("{name}[{index}].packId"), "names another pack of the list");
        }
    }
    packs
}

fn pack(r: &mut Reader<'_>) -> TopUpOption {
    let name = r.name("name", limits::NAME_CHARS_MAX);
    let devices = int32(r.int_opt("devices", 0, limits::DEVICES_MAX).unwrap_or(0));
    r.require("price");
    TopUpOption {
        pack_id: r.name("packId", limits::NAME_CHARS_MAX),
        display_name: name.clone(),
        name,
        tokens: int32(r.int_opt("tokens", 0, limits::AMOUNT_MAX).unwrap_or(0)),
        devices,
        activations: devices,
        seats: int32(r.int_opt("seats", 0, limits::SEATS_MAX).unwrap_or(0)),
        days: int32(r.int_opt("days", 0, limits::DURATION_DAYS_MAX).unwrap_or(0)),
        capability: capability(r),
        price: price(r, "price", false),
    }
}

/// Reads what a pack costs; one that `must_cost` is never for nothing.
pub(crate) fn price(r: &mut Reader<'_>, name: &'static str, must_cost: bool) -> Price {
    r.object(name, |p| {
        p.require("amount");
        let amount = p.price_opt("amount").unwrap_or_default();
        if must_cost && amount == Amount::default() {
            p.problem("amount", "must be more than 0");
        }
        p.require("currency");
        let currency = currency(p).unwrap_or_default();
        check_price(p, "amount", Some(amount), &currency);
        Price { amount, currency }
    })
}

/// A capability becomes a feature's name, which the existing client must be able to read.
fn capability(r: &mut Reader<'_>) -> Option<String> {
    let name = r.name_opt("capability", limits::NAME_CHARS_MAX)?;
    if policy_config::RESERVED_NAMES.contains(&name.as_str()) {
        r.problem("capability", "must not be a reserved name");
    }
    Some(name)
}

impl Policy {
    /// The policy as license answers carry it: without its configuration (X32).
    pub fn data(&self) -> PolicyData {
        let terms = &self.terms;
        PolicyData {
            policy_id: int32(self.number),
            name: terms.name.clone(),
            kind: terms.kind.wire().to_owned(),
            description: terms.description.clone(),
            short_description: terms.short_description.clone(),
            price: terms.price,
            currency: terms.currency.clone(),
            recurring_interval: terms.recurring_interval.map(|interval| interval.wire().to_owned()),
            recurring_interval_count: terms.recurring_interval_count.map(int32),
            recurring_price: terms.recurring_price,
            is_air_gapped: terms.is_air_gapped,
            environment: Some(terms.environment.wire().to_owned()),
            top_up_options: terms.top_up_options.clone(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pack_that_names_another_is_refused() {
        let pack = |id: &str| json!({"packId": id, "name": "N", "price": {"amount": 1, "currency": "USD"}});
        let body = json!({"name": "N", "type": "perpetual", "topUpOptions": [pack("a"), pack("b"), pack("a")]});
        let problems = PolicyTerms::parse(&body).unwrap_err();
        let paths: Vec<_> = problems.list().iter().map(|problem| problem.path.as_str()).collect();
        assert_eq!(paths, ["topUpOptions[2].packId"]);
    }

    #[test]
    fn every_mistake_is_listed_at_once() {
        let body = json!({"name": "", "type": "rent", "price": 1.005, "currency": "EURO", "config": {
            "limits": {"seats": {"enabled": "yes"}, "devices": {"maxDevices": 0}}, "features": {"a": 1}},
            "topUpOptions": [{"packId": "p"}]});
        let problems = PolicyTerms::parse(&body).unwrap_err();
        let paths: Vec<_> = problems.list().iter().map(|p| p.path.as_str()).collect();
        for path in [
            "name",
            "type",
            "price",
            "currency",
            "topUpOptions[0].name",
            "topUpOptions[0].price",
            "config.limits.seats.enabled",
            "config.limits.devices.maxDevices",
        ] {
            assert!(paths.contains(&path), "{path} in {paths:?}");
        }
    }

    #[test]
    fn a_change_keeps_what_it_does_not_name_and_is_checked_as_a_whole() {
        let terms = crate::domain::license::state::tests::policy().terms;
        let body = Value::Object(terms.body());
        assert_eq!(PolicyTerms::parse(&body), Ok(terms.clone()));
        let change = |patch: Value| terms.changed(patch.as_object().unwrap());
        let changed = change(json!({"name": "New", "recurringInterval": null, "operationId": "1"})).unwrap();
        assert_eq!((changed.name.as_str(), changed.recurring_interval, &changed.config), ("New", None, &terms.config));
        assert_eq!(change(json!({"config": {}})), Ok(terms.clone()), "an empty object changes nothing");
        assert_eq!(change(json!({"config": null, "recurringInterval": null})), Err(Denied::PolicyIncomplete));
        for bad in [
            json!({"name": null}),
            json!({"unknown": 1}),
            json!({"operationId": "1"}),
            json!({"renewal": {"mode": "twice"}}),
        ] {
            assert!(matches!(change(bad.clone()), Err(Denied::Invalid(_))), "{bad}");
        }
    }

    #[test]
    fn a_license_ends_as_its_policy_says() {
        let now = Timestamp::parse("2026-01-31T00:00:00Z").unwrap();
        let ends = |body: Value| PolicyTerms::parse(&body).unwrap().valid_until(now).map(|t| t.to_string());
        assert_eq!(ends(json!({"name": "p", "type": "perpetual"})), None);
        assert_eq!(ends(json!({"name": "p", "type": "usage-based"})), None);
        let trial = json!({"name": "p", "type": "trial", "config": {"limits": {"time": {"durationDays": 14}}}});
        assert_eq!(ends(trial).as_deref(), Some("2026-02-14T00:00:00.000Z"));
        let monthly = json!({"name": "p", "type": "subscription", "recurringInterval": "month"});
        assert_eq!(ends(monthly).as_deref(), Some("2026-02-28T00:00:00.000Z"));
        let missing = PolicyTerms::parse(&json!({"name": "p", "type": "trial"})).unwrap_err();
        assert_eq!(missing.list()[0].path, "config.limits.time.durationDays");
    }
}
