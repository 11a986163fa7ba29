//! Projects that move from one deployment to another: which records move, and what a record must hold to be let in.
//!
//! Invariant: what an import writes is of its project, in a place where nothing was. A record names its project, or a license or
//! an order of it that came before; the import's own record says how far it came, and moves in the transaction of what it writes.

use std::collections::BTreeMap;

use ltlm_protocol::Problems;
use ltlm_protocol::transfer::{ImportData, Span};
use serde_json::Value;

use crate::domain::decision::Decision;
use crate::domain::webhooks::create;
use crate::model::denied::Denied;
use crate::model::ids::{AccountId, BatchOwner, LicenseId, WalletId};
use crate::model::import::{Import, ImportState};
use crate::model::license::License;
use crate::model::order::{Order, OrderItem, Sale};
use crate::model::project::{Project, SUSPENDED, WrappedKeys};
use crate::model::record::{Record, kind};
use crate::model::webhook::Webhook;
use crate::model::write::Write;

impl Import {
    /// As its administrator sees it.
    pub fn data(&self) -> ImportData {
        ImportData {
            project_id: self.project.id.clone(),
            import_id: self.id.clone(),
            state: self.state.wire().to_owned(),
            taken: self.taken,
            lines: self.summary.lines,
            sha256: self.summary.sha256.clone(),
            with_keys: self.with_keys,
            policies_shifted: self.policies_shifted,
            licenses_shifted: self.licenses_shifted,
            counts: self.counts.clone(),
            begun_at: self.begun_at.to_string(),
        }
    }

    /// Were all lines imported that the trailer lists, as they were exported?
    pub fn check_whole(&self) -> Result<(), Denied> {
        let differs = |what| Err(Denied::ImportIncomplete { what });
        match () {
            () if self.taken != self.summary.lines => differs("their number differs"),
            () if self.counts != self.summary.counts => differs("the numbers of their kinds differ"),
            () if self.chain.hex() != self.summary.sha256 => differs("their hash differs"),
            () => Ok(()),
        }
    }

    fn policy(&self, number: i64) -> Result<i64, String> {
        shifted(number, self.summary.policies, self.policies_shifted, "policies")
    }

    fn license(&self, number: i64) -> Result<i64, String> {
        shifted(number, self.summary.licenses, self.licenses_shifted, "licenses")
    }

    /// The record with the numbers that it has in this deployment.
    fn renumbered(&self, record: Record) -> Result<Record, String> {
        Ok(match record {
            Record::Policy(policy) => {
                Record::Policy(crate::model::policy::Policy { number: self.policy(policy.number)?, ..policy })
            }
            Record::License(license) => Record::License(License {
                number: self.license(license.number)?,
                policy_number: self.policy(license.policy_number)?,
                ..license
            }),
            Record::Listing(listing) => {
                Record::Listing(crate::model::license::Listing { number: self.license(listing.number)?, ..listing })
            }
            Record::Order(Order { goods: OrderItem::Policy { number }, .. }) if self.policies_shifted == 0 => {
                self.policy(number)?;
                record
            }
            Record::Order(order) => match order.goods {
                OrderItem::Policy { number } => {
                    Record::Order(Order { goods: OrderItem::Policy { number: self.policy(number)? }, ..order })
                }
                OrderItem::Pack { .. } | OrderItem::Tokens { .. } => Record::Order(order),
            },
            Record::Sale(sale) => Record::Sale(Sale { what: self.sold(&sale.what)?, ..sale }),
            other => other,
        })
    }

    /// The sold item and its buyer, under the policy's number in this deployment.
    fn sold(&self, what: &str) -> Result<String, String> {
        let Some((number, buyer)) = what.strip_prefix("policy ").and_then(|rest| rest.split_once(' ')) else {
            return Ok(what.to_owned());
        };
        let number = number.parse().map_err(|_| "names no policy".to_owned())?;
        Ok(format!("policy {} {buyer}", self.policy(number)?))
    }
}

fn shifted(number: i64, known: Option<Span>, by: i64, what: &str) -> Result<i64, String> {
    match known.is_some_and(|span| span.holds(number)) {
        true => Ok(number.saturating_add(by)),
        false => Err(format!("has a number that is not among those of the trailer's {what}")),
    }
}

/// The record as it is in a file: without keys. `with_sealed`: with what the project's sealing key sealed, which can be
/// opened only if that key moves too.
pub fn without_keys(record: Record, with_sealed: bool) -> Record {
    match record {
        Record::Project(mut project) => {
            // It was suspended so that it could move.
            project.settings.shift_remove(SUSPENDED);
            Record::Project(Project { wrapped: WrappedKeys::default(), secrets: Vec::new(), ..project })
        }
        Record::Webhook(webhook) => Record::Webhook(Webhook { wrapped: Vec::new(), previous: None, ..webhook }),
        Record::Listing(mut listing) if !with_sealed => {
            listing.sealed.clear();
            Record::Listing(listing)
        }
        other => other,
    }
}

/// What a record belongs to, and what it names.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct References {
    /// The project that it says it is of.
    pub project: Option<String>,
    /// Licenses.
    pub licenses: Vec<LicenseId>,
    /// Orders.
    pub orders: Vec<String>,
    /// Policies, by their numbers here.
    pub policies: Vec<i64>,
}

/// What a record names. Each must be of the import's project, and be there before it.
pub fn references(record: &Record) -> References {
    let none = References::default;
    let project = |id: &str| References { project: Some(id.to_owned()), ..none() };
    let license = |id: &LicenseId| References { licenses: vec![id.clone()], ..none() };
    let wallet = |id: &WalletId| match id {
        WalletId::License(id) => license(id),
        WalletId::Account(AccountId { project_id, .. }) => project(project_id),
    };
    match record {
        Record::Project(found) => project(&found.id),
        Record::Policy(policy) => project(&policy.project_id),
        Record::License(found) => References { policies: vec![found.policy_number], ..project(&found.project_id) },
        Record::Listing(listing) => {
            References { licenses: vec![listing.license.clone()], ..project(&listing.project_id) }
        }
        Record::Wallet(found) => wallet(&found.id),
        Record::Device(id, _) | Record::Seat(id, _) | Record::Settings(id, _) => license(id),
        Record::BatchMemory(BatchOwner::License(id), _) => license(id),
        Record::BatchMemory(BatchOwner::Chain(id), _) => project(&id.project_id),
        Record::Chain(chain) => project(&chain.id.project_id),
        Record::Entry(entry) => wallet(&entry.wallet),
        Record::Rollup(day) => wallet(&day.wallet),
        Record::Event(event) => References { licenses: vec![event.license.clone()], ..project(&event.project_id) },
        Record::Order(order) => {
            let (policy, of_pack) = match &order.goods {
                OrderItem::Policy { number } => (Some(*number), None),
                OrderItem::Pack { license, .. } => (None, Some(license)),
                OrderItem::Tokens { .. } => (None, None),
            };
            References {
                licenses: order.license.iter().chain(of_pack).cloned().collect(),
                policies: policy.into_iter().collect(),
                ..project(&order.project_id)
            }
        }
        Record::Payment(payment) => References { orders: payment.order.iter().cloned().collect(), ..none() },
        Record::Sale(sale) => project(&sale.project_id),
        Record::Trial(trial) => {
            References { licenses: trial.license.iter().cloned().collect(), ..project(&trial.project_id) }
        }
        Record::Card(card) => project(&card.project_id),
        Record::Account(account) => project(&account.id.project_id),
        Record::Organization(organization) => project(&organization.id.project_id),
        Record::Member(member) => project(&member.organization.project_id),
        Record::Webhook(webhook) => project(&webhook.project_id),
        _ => none(),
    }
}

/// Lines as they arrive, each with the record that it is.
#[derive(Clone, Debug)]
pub struct Lines {
    /// The place of the first in the file, counted from 0.
    pub from: i64,
    /// The lines.
    pub lines: Vec<(Value, Record)>,
    /// May webhooks lead into the deployment's own network?
    pub reaches_anything: bool,
}

impl Lines {
    /// The items that it becomes: a license also has a place in its customer's list.
    pub fn items(&self) -> usize {
        self.lines.iter().map(|(_, record)| if matches!(record, Record::License(_)) { 2 } else { 1 }).sum()
    }
}

/// What is known when lines are imported.
#[derive(Clone, Debug, Default)]
pub struct Known {
    /// The import.
    pub import: Option<Import>,
    /// Licenses that the lines name, each with its project.
    pub licenses: BTreeMap<LicenseId, String>,
    /// Orders, likewise.
    pub orders: BTreeMap<String, String>,
    /// Policies, likewise.
    pub policies: BTreeMap<i64, String>,
    /// The kind of a record that is in the way.
    pub in_the_way: Option<&'static str>,
}

/// The import's records of these lines, with their numbers here.
pub fn records(import: &Import, lines: &Lines) -> Result<Vec<Record>, Denied> {
    let renumbered = lines
        .lines
        .iter()
        .enumerate()
        .map(|(index, (_, record))| import.renumbered(record.clone()).map_err(|problem| mistake(index, problem)));
    renumbered.collect()
}

/// Imports lines: all of them or none. Lines that were imported before change nothing.
pub fn take(known: &Known, lines: &Lines, new_keys: &BTreeMap<String, Vec<u8>>) -> Result<Decision<Import>, Denied> {
    let import = known.import.as_ref().ok_or(Denied::ImportNotFound)?;
    let end = lines.from.saturating_add(lines.lines.len() as i64);
    match import.state {
        ImportState::Dropping => return Err(Denied::ImportInProgress),
        _ if end <= import.taken => return Ok(Decision::read(import.clone())),
        _ if lines.from != import.taken => return Err(Denied::ImportOutOfOrder { next: import.taken }),
        ImportState::Finished => return Err(Denied::ImportNotFound),
        ImportState::Open => {}
    }
    if let Some(what) = known.in_the_way {
        return Err(Denied::ImportTaken { what });
    }
    let records = records(import, lines)?;
    let mut known = known.clone();
    let (mut writes, mut after) = (Vec::new(), import.clone());
    for (index, ((line, _), record)) in lines.lines.iter().zip(records).enumerate() {
        known.check(&import.project.id, &record).map_err(|problem| mistake(index, problem))?;
        let kind = kind(&record).ok_or_else(|| mistake(index, "is of a kind that no import takes".to_owned()))?;
        let record = with_keys(import, lines, new_keys, record).map_err(|problem| mistake(index, problem))?;
        known.learn(&record);
        after.chain = after.chain.and(line);
        after.taken += 1;
        *after.counts.entry(kind.to_owned()).or_default() += 1;
        if let Record::License(license) = &record {
            let license = Box::new(license.clone());
            writes.push(Write::AddImportedBuyer { license, import: import.id.clone() });
        }
        writes.push(Write::AddImported { record: Box::new(record), import: import.id.clone() });
    }
    writes.push(Write::TakeLines { import: Box::new(after.clone()), found: import.taken });
    Ok(Decision::write(writes, after))
}

/// A webhook with the secret that it has here; all else as it is.
fn with_keys(
    import: &Import,
    lines: &Lines,
    new_keys: &BTreeMap<String, Vec<u8>>,
    record: Record,
) -> Result<Record, String> {
    let Record::Webhook(found) = record else { return Ok(record) };
    if let Some(problem) = create::mistake_of(&found.url, lines.reaches_anything) {
        return Err(format!("has an address that {problem}"));
    }
    let wrapped = import.webhook_keys.get(&found.id).or_else(|| new_keys.get(&found.id));
    Ok(Record::Webhook(Webhook { wrapped: wrapped.cloned().unwrap_or_default(), previous: None, ..found }))
}

impl Known {
    /// Is all that the record names of the project, and there?
    fn check(&self, project_id: &str, record: &Record) -> Result<(), String> {
        let References { project, licenses, orders, policies } = references(record);
        if project.is_some_and(|named| named != project_id) {
            return Err("is of another project".to_owned());
        }
        let is_ours = |found: Option<&String>| found.is_some_and(|project| project == project_id);
        let others = [
            (licenses.iter().all(|id| is_ours(self.licenses.get(id))), "a license"),
            (orders.iter().all(|id| is_ours(self.orders.get(id))), "an order"),
            (policies.iter().all(|number| is_ours(self.policies.get(number))), "a policy"),
        ];
        if let Some((_, what)) = others.iter().find(|(all_ours, _)| !all_ours) {
            return Err(format!("names {what} that did not come before it"));
        }
        match record {
            Record::Project(_) => Err("is of a kind that no import takes here".to_owned()),
            Record::Payment(payment) if payment.order.is_none() => Err("names no order".to_owned()),
            Record::Webhook(webhook) if !webhook.wrapped.is_empty() || webhook.previous.is_some() => {
                Err("must not hold a key".to_owned())
            }
            Record::License(license) if !is_license_id(&license.id) => Err("has no address of a license".to_owned()),
            _ => Ok(()),
        }
    }

    /// Later records of the same call may name this one.
    fn learn(&mut self, record: &Record) {
        match record {
            Record::License(license) => drop(self.licenses.insert(license.id.clone(), license.project_id.clone())),
            Record::Order(order) => drop(self.orders.insert(order.id.clone(), order.project_id.clone())),
            Record::Policy(policy) => drop(self.policies.insert(policy.number, policy.project_id.clone())),
            _ => {}
        }
    }
}

/// Is this a SHA-256 in lower-case hex?
fn is_license_id(id: &LicenseId) -> bool {
    id.0.len() == 64 && id.0.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'))
}

/// What is wrong with a line of a call.
pub fn mistake(index: usize, problem: impl Into<String>) -> Denied {
    Denied::Invalid(Problems::one(format!("lines[{index}]"), problem))
}

/// Is this what project ids look like: `prj_` and 16 hex digits?
pub fn is_project_id(text: &str) -> bool {
    let digits = text.strip_prefix("prj_").unwrap_or_default();
    digits.len() == 16 && digits.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'))
}
