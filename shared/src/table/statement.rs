//! Writes as DynamoDB expressions. Every write carries its guard as the condition.

use aws_sdk_dynamodb::primitives::Blob;
use aws_sdk_dynamodb::types::AttributeValue as Value;

use ltlm_protocol::Timestamp;
use serde_json::{Map, json};

use crate::model::device::SeatClaim;
use crate::model::import::{FINISHED_DAYS, Import, ImportState};
use crate::model::license::License;
use crate::model::seat::{Holder, SeatsOpen};
use crate::model::trial::Trial;
use crate::model::write::Write;
use crate::table::item::attributes::{self, Item};
use crate::table::item::{
    accounts, admin, erasure, import, ledger, license, organizations, portal, pro, project, record, run, store,
    webhooks,
};
use crate::table::key::{self, Key};

/// One write, ready to be sent: alone or as part of a transaction.
pub enum Statement {
    /// The whole item.
    Put {
        /// The item.
        item: Item,
        /// Its guard.
        condition: String,
        /// Values of the guard.
        values: Item,
    },
    /// Some attributes.
    Update {
        /// Of this item.
        key: Key,
        /// What changes.
        update: String,
        /// The guard.
        condition: String,
        /// Values of both.
        values: Item,
    },
    /// No item any more.
    Delete {
        /// The item's key.
        key: Key,
        /// The guard.
        condition: String,
        /// Its values.
        values: Item,
    },
}

const ABSENT: &str = "attribute_not_exists(pk)";
const PRESENT: &str = "attribute_exists(pk)";

fn put_absent(item: Item) -> Statement {
    Statement::Put { item, condition: ABSENT.to_owned(), values: Item::new() }
}

/// Puts an item whatever is there.
fn put_anyway(item: Item) -> Statement {
    Statement::Put { item, condition: format!("{ABSENT} OR {PRESENT}"), values: Item::new() }
}

/// Puts an item over the one of revision `found`, or where there is none.
fn put_over(item: Item, found: Option<i64>) -> Statement {
    match found {
        None => put_absent(item),
        Some(found) => Statement::Put {
            item,
            condition: "revision = :found".to_owned(),
            values: Item::from([(":found".to_owned(), int(found))]),
        },
    }
}

fn update(key: Key, update: impl Into<String>, condition: impl Into<String>, values: Vec<(&str, Value)>) -> Statement {
    let values = values.into_iter().map(|(name, value)| (name.to_owned(), value)).collect();
    Statement::Update { key, update: update.into(), condition: condition.into(), values }
}

fn text(value: &str) -> Value {
    Value::S(value.to_owned())
}

/// Bytes, where there are any: an item has no attribute for none.
fn bytes(value: &[u8]) -> Option<Value> {
    (!value.is_empty()).then(|| Value::B(Blob::new(value)))
}

fn int(value: i64) -> Value {
    Value::N(value.to_string())
}

/// The statement of a write.
pub fn of(write: &Write) -> Statement {
    match write {
        Write::CountDevices { license, count, max, country } => {
            let condition =
                if max.is_some() { format!("{PRESENT} AND deviceCount <= :most") } else { PRESENT.to_owned() };
            let mut values = vec![(":count", int(*count))];
            values.extend(max.map(|max| (":most", int(max - count))));
            values.extend(country.as_deref().map(|country| (":country", text(country))));
            let seen = if country.is_some() { "SET lastCountry = :country " } else { "" };
            update(key::license(license), format!("{seen}ADD deviceCount :count"), condition, values)
        }
        Write::SeeCountry { license, country } => {
            update(key::license(license), "SET lastCountry = :country", PRESENT, vec![(":country", text(country))])
        }
        Write::AddDevice { license, device } => Statement::Put {
            item: license::device(license, device),
            condition: match device.seat_revision {
                0 => ABSENT.to_owned(),
                _ => "attribute_exists(removedAt) AND seatRevision = :found".to_owned(),
            },
            values: match device.seat_revision {
                0 => Item::new(),
                revision => Item::from([(":found".to_owned(), int(revision - 1))]),
            },
        },
        Write::UncountDevice { license } => update(
            key::license(license),
            "ADD deviceCount :less",
            "deviceCount > :none",
            vec![(":less", int(-1)), (":none", int(0))],
        ),
        // Out of the list, but still there: it tells the device why.
        Write::RemoveDevice { license, hwid, seat_revision, at, keeps_key } => update(
            key::device(license, hwid),
            match keeps_key {
                true => "SET removedAt = :at, seat = :seat, seatRevision = :revision REMOVE listPk, listSk",
                false => "SET removedAt = :at, seat = :seat, seatRevision = :revision REMOVE listPk, listSk, publicKey",
            },
            format!("{PRESENT} AND seatRevision = :found"),
            vec![
                (":at", int(at.ms())),
                (":seat", text(&license::seat_text(&SeatClaim::None))),
                (":revision", int(*seat_revision)),
                (":found", int(seat_revision - 1)),
            ],
        ),
        Write::ForgetDeviceKey { license, hwid, seat_revision } => update(
            key::device(license, hwid),
            "SET seatRevision = :revision REMOVE publicKey",
            "attribute_exists(removedAt) AND seatRevision = :found",
            vec![(":revision", int(*seat_revision)), (":found", int(seat_revision - 1))],
        ),
        Write::ReplaceDevice { license, device } => Statement::Put {
            item: license::device(license, device),
            condition: format!("{PRESENT} AND seatRevision = :found"),
            values: Item::from([(":found".to_owned(), int(device.seat_revision - 1))]),
        },
        Write::SetDeviceSeat { license, hwid, seat, seat_revision, seen_at, released_other_at } => {
            let mut changes = vec![("seenAt", seen_at.ms())];
            changes.extend(released_other_at.map(|at| ("releasedOtherAt", at.ms())));
            set_seat(key::device(license, hwid), seat, *seat_revision, &changes)
        }
        Write::SetTargetSeat { license, hwid, seat, seat_revision } => {
            set_seat(key::device(license, hwid), seat, *seat_revision, &[])
        }
        Write::PassSeat { license, slot, found, from, to } => {
            pass_seat(key::seat(license, *slot), *found, from, to.as_ref())
        }
        Write::SeeDevice { license, hwid, seat_revision, seen_at } => update(
            key::device(license, hwid),
            "SET seenAt = :seen",
            "attribute_not_exists(removedAt) AND seatRevision = :found",
            vec![(":seen", int(seen_at.ms())), (":found", int(*seat_revision))],
        ),
        Write::ClaimSeat { license, slot, found, holder, now } => {
            let (set, mut values) = hold(holder, found.unwrap_or(0) + 1);
            let condition = match found {
                None => ABSENT,
                Some(epoch) => {
                    values.extend([(":found", int(*epoch)), (":now", int(now.ms()))]);
                    "epoch = :found AND (attribute_not_exists(holder) OR leaseUntil <= :now OR holder = :holder)"
                }
            };
            update(key::seat(license, *slot), set, condition, values)
        }
        Write::RenewSeat { license, slot, epoch, holder } => {
            let (set, mut values) = hold(holder, *epoch);
            values.push((":now", int(holder.seen_at.ms())));
            let condition = "holder = :holder AND epoch = :epoch AND leaseUntil > :now";
            update(key::seat(license, *slot), set, condition, values)
        }
        Write::FreeSeat { license, slot, epoch, hwid } => update(
            key::seat(license, *slot),
            "REMOVE holder, nickname, seenAt, leaseUntil",
            "holder = :holder AND epoch = :epoch",
            vec![(":holder", text(hwid)), (":epoch", int(*epoch))],
        ),
        Write::SweepSeat { license, slot, epoch, now } => update(
            key::seat(license, *slot),
            "REMOVE holder, nickname, seenAt, leaseUntil",
            "epoch = :epoch AND leaseUntil <= :now",
            vec![(":epoch", int(*epoch)), (":now", int(now.ms()))],
        ),
        Write::OpenSeats { license, found, open } => open_seats(key::license(license), *found, *open),
        Write::CheckTurn { license, page, found, turn } => update(
            key::seat_turn(license, *page),
            "SET seatsTurn = :turn",
            // A page that was there at no lowering has none yet.
            format!("{ABSENT} OR seatsTurn = :found"),
            vec![(":turn", int(*turn)), (":found", int(*found))],
        ),
        Write::StartCount { license, found, at } => update(
            key::license(license),
            "SET seatsCountedAt = :at",
            "seatsCountedAt = :found",
            vec![(":at", int(at.ms())), (":found", int(found.ms()))],
        ),
        Write::CountSeats { license, counts, found } => {
            let mut values = vec![
                (":counts", text(&license::counts_text(counts))),
                (":at", int(counts.counted_at.ms())),
                (":turn", int(counts.turn)),
            ];
            values.extend(found.map(|found| (":found", int(found.ms()))));
            let condition = match found {
                Some(_) => "seatsCountedAt = :found".to_owned(),
                None => format!("{PRESENT} AND attribute_not_exists(seatsCountedAt)"),
            };
            let set = "SET seatCounts = :counts, seatsCountedAt = :at, seatsCountedTurn = :turn";
            update(key::license(license), set, condition, values)
        }
        Write::SaveSettings { license, settings, found } => put_over(license::settings(license, settings), *found),
        Write::RememberBatch { owner, memory, found } => put_over(pro::batch_memory(owner, memory), *found),
        Write::MoveChain { chain, found } => put_over(pro::chain(chain), *found),
        Write::RememberBlob { seen } => put_absent(pro::seen_blob(seen)),
        Write::AddEvent { event } => put_absent(pro::event(event)),
        Write::AddWallet { wallet } => put_absent(ledger::wallet(wallet)),
        Write::MoveWallet { wallet, found } => Statement::Put {
            item: ledger::wallet(wallet),
            // A license that got tokens later has no wallet until they first move.
            condition: match found {
                0 => format!("{ABSENT} OR #sequence = :found"),
                _ => "#sequence = :found".to_owned(),
            },
            values: Item::from([(":found".to_owned(), int(*found))]),
        },
        Write::SaveOrganization { organization, found } => put_over(organizations::organization(organization), *found),
        Write::SaveMember { member, found } => put_over(organizations::member(member), *found),
        Write::AddAccessToken { token } => put_absent(organizations::access_token(token)),
        Write::RevokeAccessToken { hash, at } => update(
            key::access_token(hash),
            "SET revokedAt = if_not_exists(revokedAt, :at) REMOVE listPk, listSk, duePk, dueSk",
            PRESENT,
            vec![(":at", int(at.ms()))],
        ),
        Write::AddAccount { account } => put_absent(accounts::account(account)),
        Write::ReplaceAccount { account } => put_over(accounts::account(account), Some(account.revision - 1)),
        Write::RefundEntry { wallet, operation, found, refunded } => {
            // An operation that nothing was refunded of does not say so.
            let condition = match found {
                0 => format!("{PRESENT} AND attribute_not_exists(refunded)"),
                _ => "refunded = :found".to_owned(),
            };
            let mut values = vec![(":refunded", int(*refunded))];
            values.extend((*found > 0).then(|| (":found", int(*found))));
            update(key::entry(wallet, operation), "SET refunded = :refunded", condition, values)
        }
        Write::EraseFacts { wallet, operation, hash } => update(
            key::entry(wallet, operation),
            "SET erased = :hash REMOVE meta",
            PRESENT,
            vec![(":hash", Value::B(Blob::new(hash.as_slice())))],
        ),
        Write::SaveRollup { day, found } => put_over(ledger::rollup(day), *found),
        Write::SaveOrder { order, found } => put_over(store::order(order), *found),
        Write::SavePayment { payment, found } => put_over(store::payment(payment), *found),
        Write::AddPaymentEvent { id, at } => put_absent(store::payment_event(id, *at)),
        Write::SaveTrial { trial, found } => put_over(store::trial(trial), *found),
        Write::NoteTrial { trial } => note_trial(trial),
        Write::SaveCode { code, found } => put_over(portal::code(code), *found),
        Write::SaveDeveloper { developer, found } => put_over(portal::developer(developer), *found),
        Write::TakeToken { bucket, found, now } => update(
            key::bucket(&bucket.name),
            "SET fullAt = :full, #call = :call, #ttl = :ttl",
            match found {
                Some(_) => "fullAt = :found".to_owned(),
                None => format!("{ABSENT} OR fullAt <= :found"),
            },
            vec![
                (":full", int(bucket.full_at.ms())),
                (":call", text(&bucket.call)),
                (":ttl", int(bucket.full_at.plus_days(1).ms().div_euclid(1_000))),
                (":found", int(found.unwrap_or(*now).ms())),
            ],
        ),
        Write::SaveSignIn { sign_in, found } => put_over(portal::sign_in(sign_in), *found),
        Write::SaveWebhook { webhook, found } => put_over(webhooks::webhook(webhook), *found),
        Write::KeepNotice { notice } => put_absent(webhooks::notice(notice)),
        Write::AddFailedDelivery { dead } => put_anyway(webhooks::dead(dead)),
        Write::SaveRun { run } => put_anyway(run::run(run)),
        Write::SaveSale { sale, found } => put_over(store::sale(sale), *found),
        Write::AddCard { card } => put_absent(store::card(card)),
        Write::SaveDispatchCheckpoint { job, found } => put_over(run::job(job), *found),
        Write::SaveErasure { erasure, found } => put_over(erasure::erasure(erasure), *found),
        Write::AddEntry { entry } => put_absent(ledger::entry(entry)),
        Write::AddLicense { license } => put_absent(license::license(license)),
        Write::AddListing { listing } => put_absent(license::listing(listing)),
        Write::ListBuyer { license } => {
            let item = license::buyer_listing(license);
            Statement::Put {
                item,
                condition: format!("{ABSENT} OR #number = :number"),
                values: Item::from([(":number".to_owned(), int(license.number))]),
            }
        }
        Write::ReviseLicense { license } => revise_license(license),
        Write::AddProject { project } => put_absent(project::project(project)),
        Write::AddSecret { hash, project_id, created_at } => put_absent(project::secret(hash, project_id, *created_at)),
        Write::ReplaceProject { project } => revise(
            key::project(&project.id),
            project.revision,
            vec![
                ("name", Some(text(&project.name))),
                ("settings", document(&project.settings)),
                ("projectSettings", document(&project.project_settings)),
                ("secrets", Some(text(&project::secrets_text(&project.secrets)))),
                ("wrappedSigningSeed", bytes(&project.wrapped.signing_seed)),
                ("wrappedDerivation", bytes(&project.wrapped.derivation)),
                ("wrappedSealing", bytes(&project.wrapped.sealing)),
            ],
        ),
        Write::RetireSecret { hash, at } => update(
            key::secret(hash),
            "SET retiredAt = :at",
            format!("{PRESENT} AND attribute_not_exists(retiredAt)"),
            vec![(":at", int(at.ms()))],
        ),
        Write::ReplacePolicy { policy } => put_over(project::policy(policy), Some(policy.revision - 1)),
        Write::AddAdminKey { key } => put_absent(admin::admin_key(key)),
        Write::RevokeAdminKey { id, at } => {
            update(key::admin_key(id), "SET revokedAt = :at", PRESENT, vec![(":at", int(at.ms()))])
        }
        Write::DescribeDevice { license, hwid, nickname, meta, seat_revision } => {
            let changes = vec![
                ("nickname", nickname.as_deref().map(text)),
                ("meta", meta.as_ref().map(|meta| text(&json!(meta).to_string()))),
                ("seatRevision", Some(int(*seat_revision))),
            ];
            let (set, mut values) = set(changes);
            values.insert(":found".to_owned(), int(seat_revision - 1));
            let condition = "attribute_not_exists(removedAt) AND seatRevision = :found".to_owned();
            Statement::Update { key: key::device(license, hwid), update: set, condition, values }
        }
        Write::AddPolicy { policy } => put_absent(project::policy(policy)),
        Write::CountPolicyChange { project_id } => {
            update(key::project(project_id), "ADD policiesRevision :one", PRESENT, vec![(":one", int(1))])
        }
        Write::AddAdminOperation { operation } => put_absent(admin::admin_operation(operation)),
        Write::AddImportKey { key } => put_absent(import::import_key(key)),
        Write::BeginImport { import } => put_absent(import::import(import)),
        Write::TakeLines { import, found } => update(
            key::import(&import.project.id),
            "SET taken = :taken, chain = :chain, #counts = :counts",
            "importId = :id AND importState = :open AND taken = :found",
            vec![
                (":taken", int(import.taken)),
                (":chain", Value::B(Blob::new(import.chain.0))),
                (":counts", text(&import::counts_document(&import.counts))),
                (":id", text(&import.id)),
                (":open", text(ImportState::Open.wire())),
                (":found", int(*found)),
            ],
        ),
        Write::SetImportState { import, state, at } => set_import_state(import, *state, *at),
        Write::RemoveImport { project_id, id } => Statement::Delete {
            key: key::import(project_id),
            // Sent again because its reply was lost, it has nothing left to do.
            condition: format!("{ABSENT} OR (importId = :id AND importState = :dropping)"),
            values: Item::from([
                (":id".to_owned(), text(id)),
                (":dropping".to_owned(), text(ImportState::Dropping.wire())),
            ]),
        },
        Write::AddImported { record, import } => put_absent(imported(record::of(record).unwrap_or_default(), import)),
        Write::AddImportedBuyer { license, import } => put_absent(imported(license::buyer_listing(license), import)),
        Write::RemoveImported { record, import } => Statement::Delete {
            // Only what an import wrote is found by its name.
            key: record::key_of(record).unwrap_or(Key { pk: String::new(), sk: String::new() }),
            condition: format!("{ABSENT} OR imported = :id"),
            values: Item::from([(":id".to_owned(), text(import))]),
        },
    }
}

/// An item that an import puts into the table: it says by which, so that it can be found again.
fn imported(mut item: Item, import: &str) -> Item {
    item.insert(attributes::IMPORTED.to_owned(), text(import));
    item
}

/// The record of a finished import expires after a while; the project's own item shows that the project exists.
fn set_import_state(import: &Import, state: ImportState, at: Timestamp) -> Statement {
    let mut values = vec![
        (":state", text(state.wire())),
        (":id", text(&import.id)),
        (":open", text(ImportState::Open.wire())),
        (":taken", int(import.taken)),
    ];
    let mut set = "SET importState = :state".to_owned();
    if state == ImportState::Finished {
        set.push_str(", #ttl = :ttl");
        values.push((":ttl", int(at.plus_days(FINISHED_DAYS).ms().div_euclid(1_000))));
    }
    update(key::import(&import.project.id), set, "importId = :id AND importState = :open AND taken = :taken", values)
}

/// Remembers a trial where none is known: the first one stays.
fn note_trial(trial: &Trial) -> Statement {
    let key = key::trial(&trial.project_id, &trial.email);
    let attributes = store::trial(trial).into_iter().filter(|(name, _)| name != "pk" && name != "sk");
    let (mut clauses, mut values) = (Vec::new(), Item::new());
    for (name, value) in attributes {
        clauses.push(format!("#{name} = if_not_exists(#{name}, :{name})"));
        values.insert(format!(":{name}"), value);
    }
    clauses.sort();
    let condition = format!("{ABSENT} OR {PRESENT}");
    Statement::Update { key, update: format!("SET {}", clauses.join(", ")), condition, values }
}

/// What the vendor decides about a license; its number of devices and its country are left as they are.
fn revise_license(license: &License) -> Statement {
    let buyer = &license.buyer;
    revise(
        key::license(&license.id),
        license.revision,
        vec![
            ("state", Some(text(license.state.wire()))),
            ("stateReason", license.state_reason.as_deref().map(text)),
            ("validUntil", license.valid_until.map(|end| int(end.ms()))),
            ("policyNumber", Some(int(license.policy_number))),
            ("overrides", document(&license.overrides)),
            ("purchases", license::purchases_text(&license.purchases).as_deref().map(text)),
            ("metadata", document(&license.metadata)),
            ("email", Some(buyer.email.as_str()).filter(|email| !email.is_empty()).map(text)),
            ("buyerName", buyer.name.as_deref().map(text)),
            ("buyerMetadata", document(&buyer.metadata)),
        ],
    )
}

/// Sets attributes of an item with a revision; `None` removes an attribute. The guard: the revision has not changed
/// since.
fn revise(key: Key, revision: i64, mut changes: Vec<(&str, Option<Value>)>) -> Statement {
    changes.push(("revision", Some(int(revision))));
    let (update, mut values) = set(changes);
    values.insert(":found".to_owned(), int(revision - 1));
    Statement::Update { key, update, condition: "revision = :found".to_owned(), values }
}

/// An update expression that sets or removes attributes, with its values. Every name is a placeholder, because DynamoDB
/// reserves many words.
fn set(changes: Vec<(&str, Option<Value>)>) -> (String, Item) {
    let (mut set, mut remove, mut values) = (Vec::new(), Vec::new(), Item::new());
    for (name, value) in changes {
        match value {
            Some(value) => {
                set.push(format!("#{name} = :{name}"));
                values.insert(format!(":{name}"), value);
            }
            None => remove.push(format!("#{name}")),
        }
    }
    let clause = |word: &str, parts: Vec<String>| match parts.is_empty() {
        true => String::new(),
        false => format!("{word} {} ", parts.join(", ")),
    };
    ((clause("SET", set) + &clause("REMOVE", remove)).trim_end().to_owned(), values)
}

fn document(value: &Map<String, serde_json::Value>) -> Option<Value> {
    (!value.is_empty()).then(|| text(&json!(value).to_string()))
}

/// A device's seat, with further instants of its record. The guard: the seat has not changed since.
fn set_seat(key: Key, seat: &SeatClaim, revision: i64, instants: &[(&str, i64)]) -> Statement {
    let mut set = "SET seat = :seat, seatRevision = :revision".to_owned();
    let mut values = vec![
        (":seat".to_owned(), text(&license::seat_text(seat))),
        (":revision".to_owned(), int(revision)),
        (":found".to_owned(), int(revision - 1)),
    ];
    for (name, ms) in instants {
        set.push_str(&format!(", {name} = :{name}"));
        values.push((format!(":{name}"), int(*ms)));
    }
    let values = values.into_iter().collect();
    Statement::Update { key, update: set, condition: format!("{PRESENT} AND seatRevision = :found"), values }
}

fn open_seats(key: Key, found: Option<SeatsOpen>, open: SeatsOpen) -> Statement {
    let mut values = vec![(":max", int(open.max)), (":turn", int(open.turn))];
    let mut set = "SET seatsOpen = :max, seatsTurn = :turn".to_owned();
    if let Some(at) = open.lowered_at {
        set.push_str(", seatsLoweredAt = :lowered");
        values.push((":lowered", int(at.ms())));
    }
    let condition = match found {
        None => format!("{PRESENT} AND attribute_not_exists(seatsOpen)"),
        Some(found) => {
            values.extend([(":foundMax", int(found.max)), (":foundTurn", int(found.turn))]);
            "seatsOpen = :foundMax AND seatsTurn = :foundTurn".to_owned()
        }
    };
    update(key, set, condition, values)
}

fn pass_seat(key: Key, found: i64, from: &str, to: Option<&Holder>) -> Statement {
    let (set, mut values) = match to {
        Some(holder) => hold(holder, found + 1),
        None => (
            "SET epoch = :epoch REMOVE holder, nickname, seenAt, leaseUntil".to_owned(),
            vec![(":epoch", int(found + 1))],
        ),
    };
    values.extend([(":from", text(from)), (":found", int(found))]);
    update(key, set, "holder = :from AND epoch = :found", values)
}

/// The attributes of a held seat.
fn hold(holder: &Holder, epoch: i64) -> (String, Vec<(&'static str, Value)>) {
    let mut set = "SET holder = :holder, seenAt = :seen, leaseUntil = :until, epoch = :epoch".to_owned();
    let mut values = vec![
        (":holder", text(&holder.hwid)),
        (":seen", int(holder.seen_at.ms())),
        (":until", int(holder.lease_until.ms())),
        (":epoch", int(epoch)),
    ];
    match &holder.nickname {
        Some(nickname) => {
            set.push_str(", nickname = :nickname");
            values.push((":nickname", text(nickname)));
        }
        None => set.push_str(" REMOVE nickname"),
    }
    (set, values)
}
