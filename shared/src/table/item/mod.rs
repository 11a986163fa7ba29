//! Records in items: attribute by attribute, so that what lies in the table is a choice and not an accident.
//!
//! Free-form documents lie as JSON text: exact, and nothing in the table looks into them. Instants are milliseconds.
//! A reader takes a missing attribute for its default where an older version of the record did not have it.

mod account;
mod chain;
mod erasure;
mod ledger;
mod people;
mod run;
mod store;
mod transfer;
mod webhook;

use std::collections::HashMap;

use aws_sdk_dynamodb::primitives::Blob;
use aws_sdk_dynamodb::types::AttributeValue as Value;
use ltlm_protocol::license_data::TopUpOption;
use ltlm_protocol::{Amount, Timestamp};
use serde_json::{Map, json};

use crate::domain::Record;
use crate::domain::administrator::{AdminKey, AdminOperation, Audit, Scope};
use crate::domain::consume_batch::{BatchMemory, BatchOwner, MEMORY_HOURS};
use crate::domain::device::{Device, SeatClaim};
use crate::domain::entry::{Entry, PastFloor, Source as EntrySource};
use crate::domain::event::{EVENT_DAYS, Event};
use crate::domain::job::Job;
use crate::domain::license::{AdminState, Buyer, BuyerListing, License, LicenseId, Listing};
use crate::domain::nonce::{BLOB_DAYS, CHAIN_DAYS, Chain, SeenBlob};
use crate::domain::organization::{Member, Organization};
use crate::domain::policy::{ENVIRONMENTS, INTERVALS, KINDS, Policy, PolicyTerms, STATUSES};
use crate::domain::project::{Project, ProjectSecret, WrappedKeys};
use crate::domain::purchases::Purchases;
use crate::domain::rollup::DayRollup;
use crate::domain::seats::{Holder, Seat, SeatCounts, SeatsOpen};
use crate::domain::settings::Settings;
use crate::domain::store::Email;
use crate::domain::throttle::Bucket;
use crate::domain::wallet::{Due, Link, Wallet};
use crate::table::key::{self, Key, Kind};
use crate::table::port::{List, Source};

pub use account::{access_token, account, job, member, organization};
pub use chain::chain;
pub use erasure::erasure;
pub use ledger::{entry, rollup, wallet};
pub use people::{developer, sign_in};
pub use run::run;
pub use store::{card, code, order, payment, payment_event, sale, trial};
pub use transfer::{counts_document, import, import_key};
pub use webhook::{dead, notice, webhook};

use account::{read_access_token, read_account, read_key};
use chain::{marks, read_unproven};
use erasure::read_erasure;
use ledger::{read_drawn, read_grants, read_holds, read_rooms, read_tally};
use people::{read_developer, read_sign_in};
use run::read_run;
use store::{read_card, read_code, read_order, read_payment, read_sale, read_trial};
use transfer::{read_import, read_import_key};
use webhook::{read_dead, read_notice, read_webhook};

/// The attribute that names the import which put an item into the table.
pub const IMPORTED: &str = "imported";

/// An item's attributes by name.
pub type Item = HashMap<String, Value>;

/// An item that no record can be read from: which attribute, and where.
#[derive(Debug, thiserror::Error)]
#[error("attribute {attribute} of an item is missing or of the wrong type")]
pub struct ItemError {
    attribute: &'static str,
}

/// Builds an item.
pub struct Builder(Item);

impl Builder {
    /// Starts with the key.
    pub fn new(key: Key) -> Self {
        Self(HashMap::new()).text("pk", key.pk).text("sk", key.sk)
    }

    /// Adds a text.
    pub fn text(mut self, name: &str, value: impl Into<String>) -> Self {
        self.0.insert(name.to_owned(), Value::S(value.into()));
        self
    }

    /// Adds a text, if there is one.
    pub fn text_opt(self, name: &str, value: Option<impl Into<String>>) -> Self {
        match value {
            Some(value) => self.text(name, value),
            None => self,
        }
    }

    /// Adds a number.
    pub fn int(mut self, name: &str, value: i64) -> Self {
        self.0.insert(name.to_owned(), Value::N(value.to_string()));
        self
    }

    /// Adds a number, if there is one.
    pub fn int_opt(self, name: &str, value: Option<i64>) -> Self {
        match value {
            Some(value) => self.int(name, value),
            None => self,
        }
    }

    /// Adds an instant.
    pub fn at(self, name: &str, value: Timestamp) -> Self {
        self.int(name, value.ms())
    }

    /// Adds an instant, if there is one.
    pub fn at_opt(self, name: &str, value: Option<Timestamp>) -> Self {
        match value {
            Some(value) => self.at(name, value),
            None => self,
        }
    }

    /// Adds bytes.
    pub fn bytes(mut self, name: &str, value: &[u8]) -> Self {
        self.0.insert(name.to_owned(), Value::B(Blob::new(value)));
        self
    }

    /// Adds bytes, if there are any.
    pub fn bytes_opt(self, name: &str, value: Option<&[u8]>) -> Self {
        match value {
            Some(value) => self.bytes(name, value),
            None => self,
        }
    }

    /// Lets DynamoDB delete the item some time after this instant.
    pub fn ttl(self, after: Timestamp) -> Self {
        self.int("ttl", after.ms() / 1_000)
    }

    /// Adds a document as text, unless it is empty.
    pub fn document(self, name: &str, value: &Map<String, serde_json::Value>) -> Self {
        match value.is_empty() {
            true => self,
            false => self.text(name, json!(value).to_string()),
        }
    }

    /// The item.
    pub fn build(self) -> Item {
        self.0
    }
}

/// Reads attributes of an item.
struct Reader<'a>(&'a Item);

impl Reader<'_> {
    fn text_opt(&self, name: &str) -> Option<String> {
        self.0.get(name).and_then(|v| v.as_s().ok()).cloned()
    }

    fn text(&self, name: &'static str) -> Result<String, ItemError> {
        self.text_opt(name).ok_or(ItemError { attribute: name })
    }

    fn int_opt(&self, name: &str) -> Option<i64> {
        self.0.get(name).and_then(|v| v.as_n().ok()).and_then(|n| n.parse().ok())
    }

    fn int(&self, name: &'static str) -> Result<i64, ItemError> {
        self.int_opt(name).ok_or(ItemError { attribute: name })
    }

    fn at(&self, name: &'static str) -> Result<Timestamp, ItemError> {
        self.int(name).map(Timestamp::from_ms)
    }

    fn at_opt(&self, name: &str) -> Option<Timestamp> {
        self.int_opt(name).map(Timestamp::from_ms)
    }

    fn bytes(&self, name: &str) -> Vec<u8> {
        self.0.get(name).and_then(|v| v.as_b().ok()).map(|b| b.as_ref().to_vec()).unwrap_or_default()
    }

    /// A hash of 32 bytes.
    fn link_opt(&self, name: &str) -> Option<Link> {
        self.0.get(name).and_then(|v| v.as_b().ok()).and_then(|b| b.as_ref().try_into().ok())
    }

    fn json(&self, name: &'static str) -> Result<Option<serde_json::Value>, ItemError> {
        let Some(text) = self.text_opt(name) else { return Ok(None) };
        ltlm_protocol::json::parse(text.as_bytes()).map(Some).map_err(|_| ItemError { attribute: name })
    }

    fn document_opt(&self, name: &'static str) -> Result<Option<Map<String, serde_json::Value>>, ItemError> {
        match self.json(name)? {
            None => Ok(None),
            Some(serde_json::Value::Object(object)) => Ok(Some(object)),
            Some(_) => Err(ItemError { attribute: name }),
        }
    }

    fn document(&self, name: &'static str) -> Result<Map<String, serde_json::Value>, ItemError> {
        Ok(self.document_opt(name)?.unwrap_or_default())
    }

    /// A text that is one of `words`.
    fn word_opt(&self, name: &str, words: &[&'static str]) -> Option<&'static str> {
        let text = self.text_opt(name)?;
        words.iter().find(|word| **word == text).copied()
    }
}

/// Reads the record of an item; `None` if its key names no record.
pub fn record(item: &Item) -> Result<Option<Record>, Source> {
    let r = Reader(item);
    let Some(kind) = key::parse(&r.text("pk")?, &r.text("sk")?) else { return Ok(None) };
    let record = match kind {
        Kind::Project { id } => Record::Project(read_project(&r, id)?),
        // A retired secret names nothing any more.
        Kind::Secret { .. } if r.int_opt("retiredAt").is_some() => return Ok(None),
        Kind::Secret { hash } => Record::Secret { hash, project_id: r.text("projectId")? },
        Kind::Policy { number } => Record::Policy(read_policy(&r, number)?),
        Kind::License(id) => Record::License(read_license(&r, id)?),
        Kind::Listing(license) => {
            let (project_id, number) = (r.text("projectId")?, r.int("number")?);
            Record::Listing(Listing { license, project_id, number, sealed: r.bytes("sealed") })
        }
        Kind::BuyerListing(license) => Record::BuyerListing(BuyerListing { license, number: r.int("number")? }),
        Kind::Account(id) => Record::Account(read_account(&r, id)?),
        // From the index of what is due, which has the keys only.
        Kind::Wallet(id) if !item.contains_key("sequence") => {
            Record::Due(Due { wallet: id, position: r.text("dueSk")? })
        }
        Kind::Wallet(id) => Record::Wallet(Wallet {
            id,
            grants: read_grants(&r)?,
            debt: r.int("debt")?,
            sequence: r.int("sequence")?,
            spent: r.int("spent")?,
            period: r.at_opt("period"),
            spent_before: r.int_opt("spentBefore").unwrap_or(0),
            due_at: r.at_opt("dueAt"),
            holds: read_holds(&r)?,
            rooms: read_rooms(&r)?,
            head: r.link_opt("head").unwrap_or_default(),
            moved_at: r.at_opt("movedAt").unwrap_or(Timestamp::EPOCH),
        }),
        Kind::Device(license, hwid) => Record::Device(license, read_device(&r, hwid)?),
        Kind::Seat(license, slot) => {
            Record::Seat(license, Seat { slot, epoch: r.int("epoch")?, holder: read_holder(&r)? })
        }
        Kind::Settings(license) => {
            let (document, revision) = (r.document("document")?, r.int("revision")?);
            Record::Settings(license, Settings { document, revision, updated_at: r.at("updatedAt")? })
        }
        Kind::BatchMemory(owner, hwid) => Record::BatchMemory(
            owner,
            BatchMemory {
                hwid,
                request: r.text("request")?,
                from: r.int("from")?,
                count: r.int("count")?,
                hash: r.text("hash")?,
                at: r.at("at")?,
                answered: marks(&r.bytes("answered")).first().copied(),
                revision: r.int("revision")?,
            },
        ),
        Kind::Chain(id) => Record::Chain(Chain {
            id,
            outstanding: marks(&r.bytes("outstanding")),
            unproven: read_unproven(&r)?,
            batch: marks(&r.bytes("batch")).first().copied(),
            revision: r.int("revision")?,
            used_at: r.at("usedAt")?,
        }),
        Kind::SeenBlob { hash } => Record::SeenBlob(SeenBlob { hash, request: r.text("request")?, at: r.at("at")? }),
        Kind::Entry(wallet, operation) => Record::Entry(Entry {
            wallet,
            operation,
            fingerprint: r.text("fingerprint")?,
            sequence: r.int("sequence")?,
            amount: r.int("amount")?,
            balance_before: r.int("balanceBefore")?,
            balance_after: r.int("balanceAfter")?,
            limit_after: r.int("limitAfter")?,
            action: r.text("action")?,
            source: r
                .text_opt("source")
                .and_then(|s| EntrySource::parse(&s))
                .ok_or(ItemError { attribute: "source" })?,
            hwid: r.text_opt("hwid"),
            occurred_at: r.at("occurredAt")?,
            recorded_at: r.at("recordedAt")?,
            meta: r.document_opt("meta")?,
            erased: r.link_opt("erased"),
            batch: r.text_opt("batch"),
            uncharged: r.int_opt("uncharged"),
            is_presumed: r.int_opt("presumed") == Some(1),
            past_floor: match r.int_opt("pastFloor") {
                None => None,
                Some(1) => Some(PastFloor::First),
                Some(_) => Some(PastFloor::Further),
            },
            spent_after: r.int_opt("spentAfter"),
            original: r.text_opt("original"),
            refunded: r.int_opt("refunded").unwrap_or(0),
            drawn: read_drawn(&r)?,
            lapsed: r.int_opt("lapsed").unwrap_or(0),
            limit_before: r.int_opt("limitBefore"),
            previous: r.link_opt("previous").unwrap_or_default(),
        }),
        Kind::Organization(id) => Record::Organization(Organization {
            id,
            plan: r.text("plan")?,
            created_at: r.at("createdAt")?,
            created_by: read_key(&r, "createdBy", "fingerprint").ok_or(ItemError { attribute: "createdBy" })?,
            changed_by: read_key(&r, "changedBy", "changeFingerprint"),
            revision: r.int("revision")?,
        }),
        Kind::Member(organization, user) => Record::Member(Member {
            organization,
            user,
            removed_at: r.at_opt("removedAt"),
            revision: r.int("revision")?,
        }),
        Kind::AccessToken { hash } if !item.contains_key("projectId") => {
            Record::AccessTokenName { hash, place: r.text("dueSk")? }
        }
        Kind::AccessToken { hash } => Record::AccessToken(read_access_token(&r, hash)?),
        Kind::Rollup { wallet, day } => Record::Rollup(DayRollup {
            wallet,
            day,
            first: r.int("first")?,
            last: r.int("last")?,
            tally: read_tally(&r)?,
            revision: r.int("revision")?,
        }),
        Kind::Job { name } => Record::Job(Job {
            name,
            started_at: r.at("startedAt")?,
            project: r.text_opt("project"),
            shard: r.int("shard")?,
            after: r.text_opt("after"),
            sent: r.int("sent")?,
            done: r.int("done")? != 0,
            revision: r.int("revision")?,
        }),
        Kind::Run { name } => Record::Run(read_run(&r, name)?),
        Kind::Order { id } => Record::Order(read_order(&r, id)?),
        Kind::Payment { id } => Record::Payment(read_payment(&r, id)?),
        Kind::PaymentEvent { id } => Record::PaymentEvent(id),
        Kind::Trial => Record::Trial(read_trial(&r)?),
        Kind::Card => Record::Card(read_card(&r)?),
        Kind::Sale => Record::Sale(read_sale(&r)?),
        Kind::Code => Record::Code(read_code(&r)?),
        // From the index of keys only.
        Kind::Event(_) if !item.contains_key("type") => {
            match key::parse_event_kind(&r.text("duePk")?, &r.text("dueSk")?) {
                Some((day, kind)) => Record::EventKind { day, kind },
                None => return Ok(None),
            }
        }
        Kind::Event(license) => Record::Event(read_event(&r, license)?),
        Kind::Developer => Record::Developer(read_developer(&r)?),
        Kind::Bucket { name } => Record::Bucket(Bucket { name, full_at: r.at("fullAt")?, call: r.text("call")? }),
        Kind::SignIn { hash } => Record::SignIn(read_sign_in(&r, hash)?),
        Kind::Webhook { id } => Record::Webhook(read_webhook(&r, id)?),
        Kind::Notice { id } => Record::Notice(read_notice(&r, id)?),
        Kind::Dead { webhook, notice } => Record::Dead(read_dead(&r, webhook, notice)?),
        Kind::AdminOperation { id } => Record::AdminOperation(AdminOperation {
            id,
            fingerprint: r.text("fingerprint")?,
            request: r.text_opt("request").unwrap_or_default(),
            made: r.text("made")?.split(' ').map(str::to_owned).collect(),
            created_at: r.at("createdAt")?,
            audit: read_audit(&r)?,
        }),
        Kind::AdminKey { id } => Record::AdminKey(read_admin_key(&r, id)?),
        Kind::Import { project_id } => Record::Import(read_import(&r, project_id)?),
        Kind::ImportKey { id } => Record::ImportKey(read_import_key(&r, id)?),
        Kind::Erasure { project_id, id } => Record::Erasure(read_erasure(&r, project_id, id)?),
    };
    Ok(Some(record))
}

/// The item of a record that moves between deployments; `None` for what does not.
pub fn of(record: &Record) -> Option<Item> {
    Some(match record {
        Record::Project(found) => project(found),
        Record::Policy(found) => policy(found),
        Record::License(found) => license(found),
        Record::Listing(found) => listing(found),
        Record::Wallet(found) => wallet(found),
        Record::Device(id, found) => device(id, found),
        Record::Seat(id, found) => seat(id, found),
        Record::Settings(id, found) => settings(id, found),
        Record::BatchMemory(owner, found) => batch_memory(owner, found),
        Record::Chain(found) => chain(found),
        Record::Entry(found) => entry(found),
        Record::Rollup(found) => rollup(found),
        Record::Event(found) => event(found),
        Record::Order(found) => order(found),
        Record::Payment(found) => payment(found),
        Record::Sale(found) => sale(found),
        Record::Trial(found) => trial(found),
        Record::Card(found) => card(found),
        Record::Account(found) => account(found),
        Record::Organization(found) => organization(found),
        Record::Member(found) => member(found),
        Record::Webhook(found) => webhook(found),
        _ => return None,
    })
}

/// Where a record lies that an import may have put there.
pub fn key_of(record: &Record) -> Option<Key> {
    if let Record::BuyerListing(listing) = record {
        return Some(key::buyer_listing(&listing.license));
    }
    let item = of(record)?;
    let text = |name: &str| item.get(name).and_then(|value| value.as_s().ok()).cloned();
    text("pk").zip(text("sk")).map(|(pk, sk)| Key { pk, sk })
}

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

fn read_project(r: &Reader<'_>, id: String) -> Result<Project, ItemError> {
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

/// A project's secrets as text: wrapped, so that the text tells none of them.
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
        .text("type", terms.kind)
        .text("status", terms.status)
        .text("environment", terms.environment)
        .text_opt("description", terms.description.as_ref())
        .text_opt("shortDescription", terms.short_description.as_ref())
        .text("prices", prices.to_string())
        .text_opt("currency", terms.currency.as_ref())
        .text_opt("recurringInterval", terms.recurring_interval)
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

fn read_policy(r: &Reader<'_>, number: i64) -> Result<Policy, ItemError> {
    let prices = r.document("prices")?;
    let packs: Option<Vec<TopUpOption>> = r.json("topUpOptions")?.and_then(|packs| serde_json::from_value(packs).ok());
    let terms = PolicyTerms {
        name: r.text("name")?,
        slug: r.text_opt("slug"),
        kind: r.word_opt("type", KINDS).ok_or(ItemError { attribute: "type" })?,
        status: r.word_opt("status", STATUSES).unwrap_or(STATUSES[0]),
        environment: r.word_opt("environment", ENVIRONMENTS).ok_or(ItemError { attribute: "environment" })?,
        description: r.text_opt("description"),
        short_description: r.text_opt("shortDescription"),
        price: read_price(prices.get("price")),
        currency: r.text_opt("currency"),
        recurring_interval: r.word_opt("recurringInterval", INTERVALS),
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

/// A license's item.
pub fn license(license: &License) -> Item {
    Builder::new(key::license(&license.id))
        .int("number", license.number)
        .text("projectId", &license.project_id)
        .int("policyNumber", license.policy_number)
        .text("state", license.state.wire())
        .text_opt("stateReason", license.state_reason.as_ref())
        .document("overrides", &license.overrides)
        .text_opt("purchases", purchases_text(&license.purchases))
        .document("metadata", &license.metadata)
        .text_opt("email", Some(&license.buyer.email).filter(|email| !email.is_empty()))
        .text_opt("buyerName", license.buyer.name.as_ref())
        .document("buyerMetadata", &license.buyer.metadata)
        .text_opt("lastCountry", license.buyer.last_country.as_ref())
        .int("deviceCount", license.device_count)
        .int_opt("test", license.is_test.then_some(1))
        .int("revision", license.revision)
        .text_opt("seatCounts", license.seat_counts.as_ref().map(counts_text))
        .at_opt("seatsCountedAt", license.seat_counts.as_ref().map(|counts| counts.counted_at))
        .int_opt("seatsCountedTurn", license.seat_counts.as_ref().map(|counts| counts.turn))
        .int_opt("seatsOpen", license.seats_open.map(|open| open.max))
        .int_opt("seatsTurn", license.seats_open.map(|open| open.turn))
        .at_opt("seatsLoweredAt", license.seats_open.and_then(|open| open.lowered_at))
        .at("createdAt", license.created_at)
        .at_opt("validUntil", license.valid_until)
        .build()
}

fn read_license(r: &Reader<'_>, id: crate::domain::license::LicenseId) -> Result<License, ItemError> {
    Ok(License {
        id,
        number: r.int("number")?,
        project_id: r.text("projectId")?,
        policy_number: r.int("policyNumber")?,
        state: AdminState::parse(&r.text("state")?).ok_or(ItemError { attribute: "state" })?,
        state_reason: r.text_opt("stateReason"),
        valid_until: r.at_opt("validUntil"),
        overrides: r.document("overrides")?,
        purchases: read_purchases(r)?,
        metadata: r.document("metadata")?,
        buyer: Buyer {
            email: r.text_opt("email").unwrap_or_default(),
            name: r.text_opt("buyerName"),
            metadata: r.document("buyerMetadata")?,
            last_country: r.text_opt("lastCountry"),
        },
        device_count: r.int("deviceCount")?,
        is_test: r.int_opt("test") == Some(1),
        revision: r.int("revision")?,
        seat_counts: read_counts(r)?,
        // Licenses of before the number was noted have none.
        seats_open: r.int_opt("seatsOpen").map(|max| SeatsOpen {
            max,
            turn: r.int_opt("seatsTurn").unwrap_or(0),
            lowered_at: r.at_opt("seatsLoweredAt"),
        }),
        created_at: r.at("createdAt")?,
    })
}

/// What was bought on top of a license's policy, as text; none if nothing was.
pub fn purchases_text(purchases: &Purchases) -> Option<String> {
    let Purchases { devices, seats, capabilities } = purchases;
    let bought = *purchases != Purchases::default();
    bought.then(|| json!({"devices": devices, "seats": seats, "capabilities": capabilities}).to_string())
}

fn read_purchases(r: &Reader<'_>) -> Result<Purchases, ItemError> {
    let bought = r.document("purchases")?;
    let int = |name: &str| bought.get(name).and_then(serde_json::Value::as_i64).unwrap_or(0);
    let names = bought.get("capabilities").and_then(serde_json::Value::as_array).into_iter().flatten();
    let capabilities = names.filter_map(|name| name.as_str().map(str::to_owned)).collect();
    Ok(Purchases { devices: int("devices"), seats: int("seats"), capabilities })
}

/// Counts of seats as text: the maximum, those above it, then page by page.
pub fn counts_text(counts: &SeatCounts) -> String {
    let numbers = [counts.max, counts.above].into_iter().chain(counts.pages.iter().copied());
    numbers.map(|number| number.to_string()).collect::<Vec<_>>().join(" ")
}

fn read_counts(r: &Reader<'_>) -> Result<Option<SeatCounts>, ItemError> {
    let broken = ItemError { attribute: "seatCounts" };
    let Some(text) = r.text_opt("seatCounts") else { return Ok(None) };
    let numbers: Result<Vec<i64>, _> = text.split(' ').map(str::parse).collect();
    match numbers.as_deref() {
        Ok([max, above, pages @ ..]) => Ok(Some(SeatCounts {
            counted_at: r.at("seatsCountedAt")?,
            max: *max,
            turn: r.int_opt("seatsCountedTurn").unwrap_or(0),
            above: *above,
            pages: pages.to_vec(),
        })),
        _ => Err(broken),
    }
}

/// A device's item.
pub fn device(license: &crate::domain::license::LicenseId, device: &Device) -> Item {
    let builder = Builder::new(key::device(license, &device.hwid))
        .text_opt("nickname", device.nickname.as_ref())
        .text_opt("clientVersion", device.client_version.as_ref())
        .text_opt("meta", device.meta.as_ref().map(|meta| json!(meta).to_string()))
        .at("registeredAt", device.registered_at)
        .at("activatedAt", device.activated_at)
        .at("seenAt", device.seen_at)
        .text("seat", seat_text(&device.seat))
        .int("seatRevision", device.seat_revision)
        .bytes_opt("publicKey", device.public_key.as_ref().map(<[u8; 32]>::as_slice))
        .at_opt("releasedOtherAt", device.released_other_at)
        .at_opt("removedAt", device.removed_at);
    // A removed one stands in no list.
    if device.removed_at.is_some() {
        return builder.build();
    }
    builder
        .text("listPk", key::list_partition(&List::Devices(license.clone())))
        .text("listSk", key::timed_sort(device.activated_at, &device.hwid))
        .build()
}

fn read_device(r: &Reader<'_>, hwid: String) -> Result<Device, ItemError> {
    Ok(Device {
        hwid,
        nickname: r.text_opt("nickname"),
        client_version: r.text_opt("clientVersion"),
        meta: r.document_opt("meta")?,
        public_key: r.bytes("publicKey").try_into().ok(),
        registered_at: r.at("registeredAt")?,
        activated_at: r.at("activatedAt")?,
        seen_at: r.at("seenAt")?,
        seat: read_seat_text(&r.text("seat")?).ok_or(ItemError { attribute: "seat" })?,
        seat_revision: r.int("seatRevision")?,
        released_other_at: r.at_opt("releasedOtherAt"),
        removed_at: r.at_opt("removedAt"),
    })
}

/// A device's seat as text: `none`, `released`, `holds <slot> <epoch>`, or `kicked <notice as JSON>`.
pub fn seat_text(claim: &SeatClaim) -> String {
    match claim {
        SeatClaim::None => "none".to_owned(),
        SeatClaim::Released => "released".to_owned(),
        SeatClaim::Holds { slot, epoch } => format!("holds {slot} {epoch}"),
        SeatClaim::Kicked(notice) => format!("kicked {}", json!(notice)),
    }
}

fn read_seat_text(text: &str) -> Option<SeatClaim> {
    let (word, rest) = text.split_once(' ').unwrap_or((text, ""));
    match word {
        "none" => Some(SeatClaim::None),
        "released" => Some(SeatClaim::Released),
        "holds" => {
            let (slot, epoch) = rest.split_once(' ')?;
            Some(SeatClaim::Holds { slot: slot.parse().ok()?, epoch: epoch.parse().ok()? })
        }
        "kicked" => Some(SeatClaim::Kicked(ltlm_protocol::json::parse_as(rest.as_bytes()).ok()?)),
        _ => None,
    }
}

/// A seat's item.
pub fn seat(license: &LicenseId, seat: &Seat) -> Item {
    let holder = seat.holder.as_ref();
    Builder::new(key::seat(license, seat.slot))
        .int("epoch", seat.epoch)
        .text_opt("holder", holder.map(|holder| &holder.hwid))
        .text_opt("nickname", holder.and_then(|holder| holder.nickname.as_ref()))
        .at_opt("seenAt", holder.map(|holder| holder.seen_at))
        .at_opt("leaseUntil", holder.map(|holder| holder.lease_until))
        .build()
}

fn read_holder(r: &Reader<'_>) -> Result<Option<Holder>, ItemError> {
    let Some(hwid) = r.text_opt("holder") else { return Ok(None) };
    Ok(Some(Holder {
        hwid,
        nickname: r.text_opt("nickname"),
        seen_at: r.at("seenAt")?,
        lease_until: r.at("leaseUntil")?,
    }))
}

/// User settings' item.
pub fn settings(license: &crate::domain::license::LicenseId, settings: &Settings) -> Item {
    Builder::new(key::settings(license))
        .document("document", &settings.document)
        .int("revision", settings.revision)
        .at("updatedAt", settings.updated_at)
        .build()
}

/// The memory of a batch; DynamoDB removes it some time after it has ceased to count.
pub fn batch_memory(owner: &BatchOwner, memory: &BatchMemory) -> Item {
    let hours = match owner {
        BatchOwner::License(_) => MEMORY_HOURS,
        // As long as the chain that tells whether it still counts.
        BatchOwner::Chain(_) => CHAIN_DAYS * 24,
    };
    Builder::new(key::batch_memory(owner, &memory.hwid))
        .text("request", &memory.request)
        .int("from", memory.from)
        .int("count", memory.count)
        .text("hash", &memory.hash)
        .at("at", memory.at)
        .bytes_opt("answered", memory.answered.as_ref().map(|mark| mark.0.as_slice()))
        .int("revision", memory.revision)
        .ttl(memory.at.plus_seconds(hours * 3_600))
        .build()
}

/// The item of a cipher text that was accepted.
pub fn seen_blob(seen: &SeenBlob) -> Item {
    Builder::new(key::seen_blob(&seen.hash))
        .text("request", &seen.request)
        .at("at", seen.at)
        .ttl(seen.at.plus_days(BLOB_DAYS))
        .build()
}

/// An event's item.
pub fn event(event: &Event) -> Item {
    Builder::new(key::event(event))
        .text("projectId", &event.project_id)
        .text("hwid", &event.hwid)
        .text("request", &event.request)
        .text_opt("name", event.name.as_ref())
        .text("type", &event.kind)
        .document("payload", &event.payload)
        .at("at", event.at)
        .ttl(event.at.plus_days(EVENT_DAYS))
        .text("listPk", key::event_day(&event.project_id, event.at.day()))
        .text("listSk", key::timed_sort(event.at, &event.request))
        .text("duePk", key::event_day(&event.project_id, event.at.day()))
        .text("dueSk", key::event_kind_sort(event))
        .build()
}

fn read_event(r: &Reader<'_>, license: LicenseId) -> Result<Event, ItemError> {
    Ok(Event {
        project_id: r.text("projectId")?,
        license,
        hwid: r.text("hwid")?,
        request: r.text("request")?,
        name: r.text_opt("name"),
        kind: r.text("type")?,
        payload: r.document("payload")?,
        at: r.at("at")?,
    })
}

/// A license's place in its project's list.
pub fn listing(listing: &Listing) -> Item {
    Builder::new(key::listing(&listing.license))
        .text("projectId", &listing.project_id)
        .int("number", listing.number)
        .bytes("sealed", &listing.sealed)
        .text("listPk", key::list_partition(&List::Licenses(listing.project_id.clone())))
        .text("listSk", key::numbered_sort(listing.number))
        .build()
}

/// A license's place in its customer's list; in none without an e-mail.
pub fn buyer_listing(license: &License) -> Item {
    let builder = Builder::new(key::buyer_listing(&license.id)).int("number", license.number);
    if license.buyer.email.trim().is_empty() {
        return builder.build();
    }
    let list = List::Buyer(license.project_id.clone(), Email::of_kept(&license.buyer.email));
    builder.text("listPk", key::list_partition(&list)).text("listSk", key::numbered_sort(license.number)).build()
}

/// An administrator's operation's item. What has an audit is in the log.
pub fn admin_operation(operation: &AdminOperation) -> Item {
    let builder = Builder::new(key::admin_operation(&operation.id))
        .text("fingerprint", &operation.fingerprint)
        .text("request", &operation.request)
        .text("made", operation.made.join(" "))
        .at("createdAt", operation.created_at);
    let Some(audit) = &operation.audit else { return builder.build() };
    builder
        .text("operationId", &audit.operation_id)
        .text("action", &audit.action)
        .text("target", &audit.target)
        .text("keyId", &audit.key_id)
        .text_opt("family", Some(audit.family.join(" ")).filter(|family| !family.is_empty()))
        .text_opt("from", audit.from.as_ref())
        .text_opt("change", audit.change.as_ref().map(serde_json::Value::to_string))
        .text("listPk", key::list_partition(&List::Audit))
        .text("listSk", key::timed_sort(operation.created_at, &operation.request))
        .build()
}

fn read_audit(r: &Reader<'_>) -> Result<Option<Audit>, ItemError> {
    let Some(operation_id) = r.text_opt("operationId") else { return Ok(None) };
    Ok(Some(Audit {
        operation_id,
        action: r.text("action")?,
        target: r.text("target")?,
        key_id: r.text("keyId")?,
        family: r.text_opt("family").map(|family| words(&family)).unwrap_or_default(),
        from: r.text_opt("from"),
        change: r.json("change")?,
    }))
}

/// Names, as they are kept with spaces between them.
fn words(text: &str) -> Vec<String> {
    text.split(' ').filter(|word| !word.is_empty()).map(str::to_owned).collect()
}

/// An administrator key's item.
pub fn admin_key(key: &AdminKey) -> Item {
    let scopes: Vec<_> = key.scopes.iter().map(|scope| scope.wire()).collect();
    Builder::new(key::admin_key(&key.id))
        .text("hash", &key.hash)
        .text_opt("name", key.name.as_ref())
        .text("scopes", scopes.join(" "))
        .text_opt("projectId", key.project_id.as_ref())
        .at_opt("expiresAt", key.expires_at)
        .text("createdBy", &key.created_by)
        .text("family", key.family.join(" "))
        .at("createdAt", key.created_at)
        .text("listPk", key::list_partition(&List::AdminKeys))
        .text("listSk", key::timed_sort(key.created_at, &key.id))
        .build()
}

fn read_admin_key(r: &Reader<'_>, id: String) -> Result<AdminKey, ItemError> {
    Ok(AdminKey {
        id,
        hash: r.text("hash")?,
        name: r.text_opt("name"),
        scopes: r.text("scopes")?.split(' ').filter_map(Scope::parse).collect(),
        project_id: r.text_opt("projectId"),
        expires_at: r.at_opt("expiresAt"),
        family: r
            .text_opt("family")
            .map_or_else(|| r.text("createdBy").map(|maker| vec![maker]), |all| Ok(words(&all)))?,
        created_by: r.text("createdBy")?,
        created_at: r.at("createdAt")?,
        revoked_at: r.at_opt("revokedAt"),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::account::AccountId;
    use crate::domain::entry::{OperationId, OperationKey, Origin};
    use crate::domain::erasure::Erasure;
    use crate::domain::nonce::{ChainId, Mark};
    use crate::domain::organization::OrganizationId;
    use crate::domain::organization::access::{AccessToken, Made};
    use crate::domain::rollup::Tally;
    use crate::domain::state::tests::{NOW, fresh};
    use crate::domain::wallet::WalletId;
    use crate::domain::wallet::tests::cause;
    use ltlm_protocol::license_data::KickedNotice;

    fn round(item: Item) -> Record {
        record(&item).unwrap().unwrap()
    }

    #[test]
    fn every_record_reads_back_as_it_was_written() {
        let state = fresh();
        let mut grant = state.wallet.as_ref().unwrap().grants[0].clone();
        grant.expires_at = Some(NOW.plus_days(1));
        let held = Wallet { grants: vec![grant], debt: 3, spent: 9, ..state.wallet.clone().unwrap() };
        let (_, entries) = held.spend(1, false, cause("op#1", EntrySource::Single), NOW).unwrap();
        assert_eq!(round(project(&state.project)), Record::Project(state.project.clone()));
        assert_eq!(round(policy(&state.policy)), Record::Policy(state.policy.clone()));
        assert_eq!(round(license(&state.license)), Record::License(state.license.clone()));
        let counts = SeatCounts { counted_at: NOW, max: 300, turn: 2, above: 0, pages: vec![100, 7, 0] };
        let open = SeatsOpen { max: 300, turn: 2, lowered_at: Some(NOW) };
        let counted = License { seat_counts: Some(counts), seats_open: Some(open), ..state.license.clone() };
        assert_eq!(round(license(&counted)), Record::License(counted));
        assert_eq!(round(wallet(&held)), Record::Wallet(held));
        let id = state.license.id.clone();
        for document in [Map::new(), Map::from_iter([("漢".to_owned(), json!({"n": [1.5, null]}))])] {
            let kept = Settings { document, revision: 2, updated_at: NOW };
            assert_eq!(round(settings(&id, &kept)), Record::Settings(id.clone(), kept));
        }
        assert_eq!(round(entry(&entries[0])), Record::Entry(entries[0].clone()));
        let operation = AdminOperation {
            id: "x".into(),
            fingerprint: "f".into(),
            request: "r".into(),
            made: vec!["1".into(), "2".into()],
            created_at: NOW,
            audit: None,
        };
        assert_eq!(round(admin_operation(&operation)), Record::AdminOperation(operation.clone()));
        let audit = Audit {
            operation_id: "op".into(),
            action: "admin-tokens".into(),
            target: "/v1".into(),
            key_id: "first".into(),
            family: vec!["first".into()],
            from: None,
            change: Some(json!({"amount": 1})),
        };
        let audited = AdminOperation { audit: Some(audit), ..operation };
        assert_eq!(round(admin_operation(&audited)), Record::AdminOperation(audited));
        let stored = AdminKey {
            id: "key_1".into(),
            hash: "h".into(),
            name: Some("ci".into()),
            scopes: vec![Scope::Licenses, Scope::Read],
            project_id: Some("prj_1".into()),
            expires_at: Some(NOW),
            created_by: "first".into(),
            family: vec!["first".into(), "key_0".into()],
            created_at: NOW,
            revoked_at: None,
        };
        assert_eq!(round(admin_key(&stored)), Record::AdminKey(stored));
        let place = Listing { license: id.clone(), project_id: "prj_1".into(), number: 7, sealed: vec![1, 2] };
        assert_eq!(round(listing(&place)), Record::Listing(place));
        let listed = BuyerListing { license: id.clone(), number: state.license.number };
        assert_eq!(round(buyer_listing(&state.license)), Record::BuyerListing(listed));
        let chain_id = ChainId { project_id: "prj_1".into(), hwid: "a#b".into() };
        let owners = [BatchOwner::License(id.clone()), BatchOwner::Chain(chain_id.clone())];
        let memory = BatchMemory {
            hwid: "a#b".into(),
            request: "r".into(),
            from: 1,
            count: 2,
            hash: "h".into(),
            at: NOW,
            answered: Some(Mark([7; 8])),
            revision: 3,
        };
        for owner in owners {
            assert_eq!(round(batch_memory(&owner, &memory)), Record::BatchMemory(owner, memory.clone()));
        }
        let seen = SeenBlob { hash: "h".into(), request: "r".into(), at: NOW };
        assert_eq!(round(seen_blob(&seen)), Record::SeenBlob(seen));
    }

    #[test]
    fn every_seat_of_a_device_reads_back() {
        let id = fresh().license.id;
        let notice = KickedNotice {
            kicked_by: None,
            kicked_by_nickname: Some("A B".into()),
            timestamp: "t".into(),
            reason: "r".into(),
        };
        for seat in
            [SeatClaim::None, SeatClaim::Released, SeatClaim::Holds { slot: 99, epoch: 7 }, SeatClaim::Kicked(notice)]
        {
            let written = Device { seat, meta: Some(Map::new()), ..crate::domain::state::tests::device("a#b") };
            assert_eq!(round(device(&id, &written)), Record::Device(id.clone(), written));
        }
    }

    #[test]
    fn what_accounts_and_organizations_keep_reads_back_as_it_was_written() {
        let account = AccountId { project_id: "prj_1".into(), name: "acme/general".into() };
        let id = WalletId::Account(account);
        let key = OperationKey { id: OperationId { origin: Origin::Client, id: "op".into() }, fingerprint: "f".into() };
        let given = Wallet::empty(id.clone()).allot(9, None, NOW, cause("a", EntrySource::Renewal), NOW).0;
        let (kept, entries) = given.hold(4, NOW.plus_days(1), cause("h", EntrySource::Hold), NOW).unwrap();
        let kept = Wallet { due_at: Some(NOW.plus_days(30)), spent_before: 3, ..kept };
        assert_eq!(round(wallet(&kept)), Record::Wallet(kept.clone()));
        let due = wallet(&kept);
        assert!(due.contains_key("duePk") && !wallet(&given).contains_key("duePk"), "the index is sparse");
        let erased = Entry { meta: None, erased: Some([7; 32]), ..entries[0].clone() };
        assert_eq!(round(entry(&erased)), Record::Entry(erased));
        let mut tally = Tally::default();
        entries.iter().for_each(|entry| tally.add(entry));
        let day = DayRollup { wallet: id, day: 20_457, first: 1, last: 2, tally, revision: 3 };
        assert_eq!(round(rollup(&day)), Record::Rollup(day));
        let begun = Erasure::begin("prj_1", "op", "f", NOW, NOW);
        assert_eq!(round(erasure(&begun)), Record::Erasure(begun.clone()));
        let far = Erasure { account: Some("u".into()), position: Some(4), ended_at: Some(NOW), revision: 2, ..begun };
        assert_eq!(round(erasure(&far)), Record::Erasure(far));
        let run = Job { project: Some("prj_1".into()), after: Some("p".into()), ..Job::at("renewals", None, NOW) };
        assert_eq!(round(job(&run)), Record::Job(run));
        let acme = OrganizationId { project_id: "prj_1".into(), name: "acme".into() };
        for changed_by in [None, Some(key.clone())] {
            let made = Organization {
                id: acme.clone(),
                plan: "pro".into(),
                created_at: NOW,
                created_by: key.clone(),
                changed_by,
                revision: 2,
            };
            assert_eq!(round(organization(&made)), Record::Organization(made));
        }
        let ada = Member { organization: acme, user: "ada".into(), removed_at: Some(NOW), revision: 2 };
        assert_eq!(round(member(&ada)), Record::Member(ada));
        let token = AccessToken {
            hash: "h".into(),
            project_id: "prj_1".into(),
            organization: None,
            user: Some("ada".into()),
            expires_at: NOW,
            revoked_at: None,
            made: None,
        };
        assert_eq!(round(access_token(&token)), Record::AccessToken(token.clone()));
        let made = Some(Made { by: key, request: "r".into() });
        let token = AccessToken { made, organization: Some("o".into()), revoked_at: Some(NOW), ..token };
        assert_eq!(round(access_token(&token)), Record::AccessToken(token));
    }

    #[test]
    fn what_the_version_before_wrote_reads_as_nothing_of_what_is_new() {
        let without = |mut item: Item, names: &[&str]| {
            names.iter().for_each(|name| drop(item.remove(*name)));
            item
        };
        let key = OperationKey { id: OperationId { origin: Origin::Client, id: "op".into() }, fingerprint: "f".into() };
        let id = AccountId { project_id: "prj_1".into(), name: "ada".into() };
        let made = crate::domain::account::Account {
            id: id.clone(),
            tier: "Gift".into(),
            tier_ends_at: None,
            anchor: NOW,
            overdraft_limit: 0,
            created_at: NOW,
            created_by: key,
            paid: [("Gift".to_owned(), NOW)].into(),
            revision: 1,
        };
        assert_eq!(round(account(&made)), Record::Account(made.clone()));
        let old = crate::domain::account::Account { paid: [].into(), ..made.clone() };
        assert_eq!(round(without(account(&made), &["paid"])), Record::Account(old));

        let given = Wallet::empty(WalletId::Account(id)).allot(9, None, NOW, cause("a", EntrySource::Renewal), NOW).0;
        let (_, entries) = given.spend(1, false, cause("s", EntrySource::Single), NOW).unwrap();
        let (kept, _) = given.hold(4, NOW.plus_days(1), cause("h", EntrySource::Hold), NOW).unwrap();
        let new = Entry { lapsed: 2, limit_before: Some(9), ..entries[0].clone() };
        assert!(!new.drawn.is_empty(), "it says what it was drawn from");
        assert_eq!(round(entry(&new)), Record::Entry(new.clone()));
        let old = Entry { drawn: Vec::new(), lapsed: 0, limit_before: None, ..new.clone() };
        assert_eq!(round(without(entry(&new), &["drawn", "lapsed", "limitBefore"])), Record::Entry(old));

        // A hold was known by its instant alone, and a piece of a grant by the grant's name.
        let mut item = without(wallet(&kept), &["rooms"]);
        let Some(Value::S(text)) = item.get("holds").cloned() else { panic!("{item:?}") };
        let mut rows: Vec<Map<String, serde_json::Value>> = serde_json::from_str(&text).unwrap();
        for row in &mut rows {
            row.remove("sequence");
            let pieces = row.get_mut("pieces").and_then(serde_json::Value::as_array_mut).unwrap();
            pieces.iter_mut().for_each(|piece| drop(piece.as_object_mut().unwrap().remove("priority")));
        }
        item.insert("holds".to_owned(), Value::S(json!(rows).to_string()));
        let mut old = Wallet { rooms: Vec::new(), ..kept };
        old.holds.iter_mut().for_each(|hold| hold.sequence = 0);
        assert_eq!(round(item), Record::Wallet(old.clone()));
        assert_eq!(round(wallet(&old)), Record::Wallet(old));
    }

    #[test]
    fn a_broken_item_is_an_error_that_names_the_attribute() {
        let mut item = license(&fresh().license);
        item.remove("state");
        assert!(record(&item).unwrap_err().to_string().contains("state"));
    }
}
