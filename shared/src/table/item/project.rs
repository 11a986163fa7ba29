//! Items of projects and policies.

use ltlm_protocol::license_data::TopUpOption;
use ltlm_protocol::{Amount, Timestamp};
use serde_json::json;

use crate::model::policy::{Policy, PolicyTerms};
use crate::model::policy_words::{Environment, Interval, PolicyKind, PolicyStatus};
use crate::model::project::{Project, ProjectSecret, WrappedKeys};
use crate::table::item::attributes::{Builder, Item, ItemError, Reader};
use crate::table::key;
use crate::table::port::List;

/// A project's item.
pub fn project(project: &Project) -> Item {
    Builder::new(key::project(&project.id))
        .int("number", project.number)
        .text("name", &project.name)
        .document("settings", &project.settings)
        .document("projectSettings", &project.project_settings)
        .int("policiesRevision", project.policies_revision)
        .text("publicKey", &project.public_key)
        .int("revision", project.revision)
        .bytes("wrappedSigningSeed", &project.wrapped.signing_seed)
        .bytes("wrappedDerivation", &project.wrapped.derivation)
        .bytes("wrappedSealing", &project.wrapped.sealing)
        .text("secrets", secrets_text(&project.secrets))
        .at("createdAt", project.created_at)
        .text("listPk", key::list_partition(&List::Projects))
        .text("listSk", key::numbered_sort(project.number))
        .build()
}

pub(crate) fn read_project(r: &Reader<'_>, id: String) -> Result<Project, ItemError> {
    Ok(Project {
        id,
        number: r.int("number")?,
        name: r.text("name")?,
        settings: r.document("settings")?,
        project_settings: r.document("projectSettings")?,
        policies_revision: r.int("policiesRevision")?,
        revision: r.int("revision")?,
        public_key: r.text("publicKey")?,
        wrapped: WrappedKeys {
            signing_seed: r.bytes("wrappedSigningSeed"),
            derivation: r.bytes("wrappedDerivation"),
            sealing: r.bytes("wrappedSealing"),
        },
        secrets: read_secrets(r)?,
        created_at: r.at("createdAt")?,
    })
}

/// A project's secrets as text: they are wrapped, so the text reveals none of them.
pub fn secrets_text(secrets: &[ProjectSecret]) -> String {
    let rows = secrets.iter().map(
        |s| json!({"id": s.id, "hash": s.hash, "wrapped": hex::encode(&s.wrapped), "createdAt": s.created_at.ms()}),
    );
    json!(rows.collect::<Vec<_>>()).to_string()
}

fn read_secrets(r: &Reader<'_>) -> Result<Vec<ProjectSecret>, ItemError> {
    let broken = ItemError { attribute: "secrets" };
    let Some(serde_json::Value::Array(rows)) = r.json("secrets")? else { return Err(broken) };
    let secret = |row: &serde_json::Value| {
        let text = |name: &str| Some(row.get(name)?.as_str()?.to_owned());
        Some(ProjectSecret {
            id: text("id")?,
            hash: text("hash")?,
            wrapped: hex::decode(text("wrapped")?).ok()?,
            created_at: Timestamp::from_ms(row.get("createdAt")?.as_i64()?),
        })
    };
    rows.iter().map(secret).collect::<Option<_>>().ok_or(broken)
}

/// A secret's pointer.
pub fn secret(hash: &str, project_id: &str, created_at: Timestamp) -> Item {
    Builder::new(key::secret(hash)).text("projectId", project_id).at("createdAt", created_at).build()
}

/// A policy's item.
pub fn policy(policy: &Policy) -> Item {
    let terms = &policy.terms;
    let prices = json!({"price": terms.price, "recurringPrice": terms.recurring_price});
    Builder::new(key::policy(policy.number))
        .text("projectId", &policy.project_id)
        .text("name", &terms.name)
        .text_opt("slug", terms.slug.as_ref())
        .text("type", terms.kind.wire())
        .text("status", terms.status.wire())
        .text("environment", terms.environment.wire())
        .text_opt("description", terms.description.as_ref())
        .text_opt("shortDescription", terms.short_description.as_ref())
        .text("prices", prices.to_string())
        .text_opt("currency", terms.currency.as_ref())
        .text_opt("recurringInterval", terms.recurring_interval.map(Interval::wire))
        .int("recurringIntervalCount", terms.recurring_interval_count.unwrap_or(0))
        .int("airGapped", terms.is_air_gapped.into())
        .document("config", &terms.config)
        .text("topUpOptions", json!(terms.top_up_options).to_string())
        .document("renewal", &terms.renewal)
        .int("revision", policy.revision)
        .at("createdAt", policy.created_at)
        .text("listPk", key::list_partition(&List::Policies(policy.project_id.clone())))
        .text("listSk", key::numbered_sort(policy.number))
        .build()
}

pub(crate) fn read_policy(r: &Reader<'_>, number: i64) -> Result<Policy, ItemError> {
    let prices = r.document("prices")?;
    let packs: Option<Vec<TopUpOption>> = r.json("topUpOptions")?.and_then(|packs| serde_json::from_value(packs).ok());
    let terms = PolicyTerms {
        name: r.text("name")?,
        slug: r.text_opt("slug"),
        kind: PolicyKind::parse(&r.text("type")?).ok_or(ItemError { attribute: "type" })?,
        status: r.text_opt("status").and_then(|word| PolicyStatus::parse(&word)).unwrap_or(PolicyStatus::Active),
        environment: Environment::parse(&r.text("environment")?).ok_or(ItemError { attribute: "environment" })?,
        description: r.text_opt("description"),
        short_description: r.text_opt("shortDescription"),
        price: read_price(prices.get("price")),
        currency: r.text_opt("currency"),
        recurring_interval: r.text_opt("recurringInterval").and_then(|word| Interval::parse(&word)),
        recurring_interval_count: r.int_opt("recurringIntervalCount").filter(|count| *count > 0),
        recurring_price: read_price(prices.get("recurringPrice")),
        is_air_gapped: r.int("airGapped")? == 1,
        config: r.document("config")?,
        top_up_options: packs.ok_or(ItemError { attribute: "topUpOptions" })?,
        renewal: r.document("renewal")?,
    };
    let (project_id, revision) = (r.text("projectId")?, r.int("revision")?);
    Ok(Policy { project_id, number, terms, revision, created_at: r.at("createdAt")? })
}

fn read_price(value: Option<&serde_json::Value>) -> Option<Amount> {
    value.and_then(serde_json::Value::as_f64).and_then(Amount::of_number)
}
