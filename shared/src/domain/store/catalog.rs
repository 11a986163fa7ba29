//! What is for sale (wire 3.3, E10).

use ltlm_protocol::license_data::{Price, TopUpOption};
use ltlm_protocol::read::whole;
use ltlm_protocol::store_data::{StoreActions, StoreConfig, StoreMetadata, StorePolicy, StoreVisibility};
use ltlm_protocol::{Amount, int32, limits};
use serde_json::Value;

use crate::domain::license::license_data;
use crate::domain::license::terms::Terms;
use crate::model::money::Money;
use crate::model::order::Billing;
use crate::model::policy::Policy;
use crate::model::policy_words::{PolicyKind, PolicyStatus};
use crate::model::project::Project;

/// Is it for sale? What costs nothing is not, but for trials; nor is what the store does not show, unless the vendor says so:
/// `config.store.forSale` sells a policy by its link only, or shows one that cannot be bought yet.
pub fn is_on_sale(policy: &Policy) -> bool {
    let says = policy.terms.config.get("store").and_then(|store| store.get("forSale")).and_then(Value::as_bool);
    has_price(policy) && says.unwrap_or_else(|| visibility(policy).storefront)
}

fn has_price(policy: &Policy) -> bool {
    let terms = &policy.terms;
    let is_paid = |price: Option<Amount>| price.is_some_and(costs);
    terms.status == PolicyStatus::Active
        && (is_paid(terms.price) || is_paid(terms.recurring_price) || terms.kind == PolicyKind::Trial)
}

fn costs(price: Amount) -> bool {
    price > Amount::default()
}

/// Does the store show it?
pub fn is_listed(policy: &Policy) -> bool {
    has_price(policy) && visibility(policy).storefront
}

/// The number that this text is, if it is one: a slug never is.
pub fn number(text: &str) -> Option<i64> {
    Some(text.trim()).filter(|text| text.bytes().all(|b| b.is_ascii_digit()))?.parse().ok()
}

/// Is a pack for sale? One that costs nothing is not.
pub fn is_pack_on_sale(pack: &TopUpOption) -> bool {
    costs(pack.price.amount)
}

/// The policy for sale that this text names: by its number, or by its slug; the newest, if several have the same.
pub fn find<'a>(policies: &'a [Policy], text: &str) -> Option<&'a Policy> {
    let (text, number) = (text.trim(), number(text));
    let is_named = |policy: &&Policy| Some(policy.number) == number || policy.terms.slug.as_deref() == Some(text);
    policies.iter().filter(|policy| is_on_sale(policy)).filter(is_named).max_by_key(|policy| policy.number)
}

/// What a license of it costs, and how it is paid. A subscription is paid again and again at its recurring price.
pub fn price(policy: &Policy) -> (Money, Billing) {
    let terms = &policy.terms;
    let currency = terms.currency();
    let recurring = terms.recurring_price.filter(|price| costs(*price)).zip(terms.recurring_interval);
    if let Some((price, interval)) = recurring.filter(|_| terms.kind == PolicyKind::Subscription) {
        let count = terms.recurring_interval_count.unwrap_or(1);
        return (Money::of(price, currency), Billing::Every { interval, count });
    }
    let price = terms.price.or(terms.recurring_price).unwrap_or_default();
    let needs_card = !costs(price) && store_flag(policy, "trialNeedsCard");
    (Money::of(price, currency), if needs_card { Billing::CardOnly } else { Billing::Once })
}

/// A yes or no of `config.store`.
pub fn store_flag(policy: &Policy, name: &str) -> bool {
    policy.terms.config.get("store").and_then(|store| store.get(name)).and_then(Value::as_bool).unwrap_or(false)
}

fn visibility(policy: &Policy) -> StoreVisibility {
    let flag = |name: &str| policy.terms.config.get("visibility")?.get(name)?.as_bool();
    StoreVisibility { storefront: flag("storefront").unwrap_or(false), dashboard: flag("dashboard").unwrap_or(false) }
}

fn metadata(policy: &Policy) -> StoreMetadata {
    let member = |name: &str| policy.terms.config.get("metadata").and_then(|metadata| metadata.get(name));
    let tags = member("tags").and_then(Value::as_array).into_iter().flatten().filter_map(Value::as_str);
    StoreMetadata {
        tags: tags.map(str::to_owned).collect(),
        version: int32(member("version").and_then(whole).unwrap_or(1)),
    }
}

/// The policy as the store shows it.
pub fn product(project: &Project, policy: &Policy) -> StorePolicy {
    let terms = Terms::of_policy(project, policy);
    let mode = if terms.duration_days > 0 { "duration" } else { "unlimited" };
    let mut data = policy.data();
    // The existing client's store reads these of what is paid again and again, and of trials, without looking.
    if matches!(policy.terms.kind, PolicyKind::Subscription | PolicyKind::Trial) {
        data.recurring_interval.get_or_insert_with(|| "day".to_owned());
        data.recurring_interval_count.get_or_insert_with(|| int32(terms.duration_days.max(1)));
    }
    StorePolicy {
        config: StoreConfig {
            environment: data.environment.clone(),
            limits: license_data::limits(&terms, mode),
            customer_actions: StoreActions {
                actions: terms.customer_actions.clone(),
                top_up_options: data.top_up_options.clone(),
            },
            metadata: metadata(policy),
            versioning: terms.versioning.clone(),
            visibility: visibility(policy),
            features: terms.features.clone(),
        },
        policy: data,
    }
}

/// All that the store shows of a project, the oldest policy first.
pub fn products(project: &Project, policies: &[Policy]) -> Vec<StorePolicy> {
    let mut listed: Vec<_> = policies.iter().filter(|policy| is_listed(policy)).collect();
    listed.sort_by_key(|policy| policy.number);
    listed.into_iter().take(limits::STORE_POLICIES_MAX).map(|policy| product(project, policy)).collect()
}

/// A pack's price.
pub fn pack_price(price: &Price) -> Money {
    Money::of(price.amount, &price.currency)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::license::state::tests::{policy, project};
    use crate::model::policy::PolicyTerms;
    use crate::model::policy_words::Interval;
    use ltlm_protocol::Body;
    use serde_json::json;

    fn of(body: Value) -> Policy {
        Policy { terms: PolicyTerms::parse(&body).unwrap(), ..policy() }
    }

    #[test]
    fn the_store_shows_what_is_for_sale_and_meant_to_be_seen() {
        let seen = json!({"visibility": {"storefront": true}, "limits": {"time": {"durationDays": 14}}});
        let listed = |mut body: Value| {
            body["name"] = json!("p");
            body["config"] = body.get("config").cloned().unwrap_or_else(|| seen.clone());
            is_listed(&of(body))
        };
        assert!(listed(json!({"type": "perpetual", "price": 1})));
        assert!(listed(json!({"type": "trial"})));
        assert!(listed(json!({"type": "subscription", "recurringPrice": 1, "recurringInterval": "month"})));
        assert!(!listed(json!({"type": "perpetual"})));
        assert!(!listed(json!({"type": "perpetual", "price": 0})));
        assert!(!listed(json!({"type": "perpetual", "price": 1, "status": "archived"})));
        assert!(!listed(json!({"type": "perpetual", "price": 1, "config": {}})));
    }

    #[test]
    fn only_what_the_vendor_sells_can_be_bought() {
        let sold = |kind: &str, config: Value| {
            let mut body = json!({"name": "p", "slug": "hidden", "type": kind, "price": 1, "config": config});
            body["config"]["limits"] = json!({"time": {"durationDays": 14}});
            let policies = [Policy { number: 7, ..of(body) }];
            let found = ["7", "hidden"].map(|text| find(&policies, text).is_some());
            assert_eq!(found[0], found[1], "by number as by slug");
            found[0]
        };
        for kind in ["perpetual", "trial", "fixed_duration"] {
            assert!(sold(kind, json!({"visibility": {"storefront": true}})), "{kind}");
            assert!(!sold(kind, json!({"visibility": {"storefront": false}})), "{kind}");
            assert!(!sold(kind, json!({})), "{kind}: nobody said that it is shown");
            assert!(sold(kind, json!({"store": {"forSale": true}})), "{kind}: by its link only");
            let announced = json!({"visibility": {"storefront": true}, "store": {"forSale": false}});
            assert!(!sold(kind, announced), "{kind}: shown, and not sold yet");
        }
    }

    #[test]
    fn a_policy_for_sale_is_found_by_number_or_slug() {
        let numbered = |number: i64, status: &str| Policy {
            number,
            ..of(json!({"name": "p", "slug": "studio", "type": "perpetual", "price": 1, "status": status,
                "config": {"visibility": {"storefront": true}}}))
        };
        let policies = [numbered(3, "archived"), numbered(1, "active"), numbered(2, "active")];
        let found = |text: &str| find(&policies, text).map(|policy| policy.number);
        assert_eq!((found("1"), found(" studio "), found("3"), found("other")), (Some(1), Some(2), None, None));
    }

    #[test]
    fn a_subscription_is_paid_at_its_recurring_price() {
        let body = json!({"name": "p", "type": "subscription", "price": 20, "recurringPrice": 5, "currency": "eur",
            "recurringInterval": "month", "recurringIntervalCount": 3});
        let (money, billing) = price(&of(body));
        assert_eq!((money.minor, money.currency.as_str()), (500, "EUR"));
        assert_eq!(billing, Billing::Every { interval: Interval::Month, count: 3 });
        let trial = json!({"name": "p", "type": "trial", "config": {"limits": {"time": {"durationDays": 14}},
            "store": {"trialNeedsCard": true}}});
        assert_eq!(price(&of(trial)).1, Billing::CardOnly);
    }

    #[test]
    fn a_product_has_all_that_the_existing_store_reads_without_looking() {
        let trial = of(json!({"name": "p", "type": "trial", "config": {"limits": {"time": {"durationDays": 14}}}}));
        let reply = serde_json::to_value(product(&project(), &trial)).unwrap();
        assert_eq!((&reply["recurringInterval"], &reply["recurringIntervalCount"]), (&json!("day"), &json!(14)));
        for path in [
            "/config/limits/tokens",
            "/config/limits/seats",
            "/config/limits/time",
            "/config/features",
            "/topUpOptions",
        ] {
            assert!(reply.pointer(path).is_some_and(|value| !value.is_null()), "{path}");
        }
    }
}
