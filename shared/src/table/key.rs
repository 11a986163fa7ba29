//! Keys. The only file that knows key prefixes (a test checks).

use ltlm_protocol::Timestamp;
use sha2::{Digest, Sha256};

use crate::model::email::Email;
use crate::model::event::Event;
use crate::model::ids::{AccountId, BatchOwner, ChainId, LicenseId, OperationId, OrganizationId, Origin, WalletId};
use crate::model::organization::Holder;
use crate::model::record::Record;
use crate::model::seat::PAGE_SLOTS;
use crate::table::port::List;

/// The primary key of an item.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Key {
    /// Partition key.
    pub pk: String,
    /// Sort key.
    pub sk: String,
}

/// What kind of item a key names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Kind {
    /// A project.
    Project {
        /// Its id.
        id: String,
    },
    /// A secret's pointer to its project.
    Secret {
        /// Hash of the secret.
        hash: String,
    },
    /// A policy.
    Policy {
        /// Its number.
        number: i64,
    },
    /// A license.
    License(LicenseId),
    /// A license's place in its project's list.
    Listing(LicenseId),
    /// A license's place in its customer's list.
    BuyerListing(LicenseId),
    /// An organization.
    Organization(OrganizationId),
    /// A member of an organization.
    Member(OrganizationId, String),
    /// An access token.
    AccessToken {
        /// Its hash.
        hash: String,
    },
    /// An account.
    Account(AccountId),
    /// A wallet.
    Wallet(WalletId),
    /// A device.
    Device(LicenseId, String),
    /// A seat.
    Seat(LicenseId, i64),
    /// User settings.
    Settings(LicenseId),
    /// How far a device's last batch came.
    BatchMemory(BatchOwner, String),
    /// The nonces of a device.
    Chain(ChainId),
    /// A cipher text that was accepted.
    SeenBlob {
        /// Its hash.
        hash: String,
    },
    /// A ledger entry.
    Entry(WalletId, OperationId),
    /// A day of a ledger.
    Rollup {
        /// The wallet.
        wallet: WalletId,
        /// The day, counted from 1970-01-01.
        day: i64,
    },
    /// How far a job has come.
    Job {
        /// Its name.
        name: String,
    },
    /// The last run of what runs without a caller.
    Run {
        /// Its name.
        name: String,
    },
    /// An order.
    Order {
        /// Its id.
        id: String,
    },
    /// What is known of a payment.
    Payment {
        /// The provider's name of it.
        id: String,
    },
    /// A provider's message that was processed.
    PaymentEvent {
        /// The provider's id of it.
        id: String,
    },
    /// What is known of an address and trials.
    Trial,
    /// A card with which a trial was had.
    Card,
    /// The last sale of an item to a buyer.
    Sale,
    /// A one-time code.
    Code,
    /// Something that an application reported.
    Event(LicenseId),
    /// A developer.
    Developer,
    /// What holds a source of tries back.
    Bucket {
        /// Its name.
        name: String,
    },
    /// A sign-in.
    SignIn {
        /// SHA-256 of its token, in hex.
        hash: String,
    },
    /// A webhook.
    Webhook {
        /// Its id.
        id: String,
    },
    /// A notice.
    Notice {
        /// Its id.
        id: String,
    },
    /// A delivery that was given up.
    Dead {
        /// The webhook.
        webhook: String,
        /// The notice.
        notice: String,
    },
    /// An administrator's operation.
    AdminOperation {
        /// Its id.
        id: String,
    },
    /// An administrator key.
    AdminKey {
        /// Its id.
        id: String,
    },
    /// A project that is being imported.
    Import {
        /// The project's id.
        project_id: String,
    },
    /// A key that projects' keys are sealed to.
    ImportKey {
        /// Its id.
        id: String,
    },
    /// How far the erasure of a project's old entries has come.
    Erasure {
        /// The project.
        project_id: String,
        /// The operation that it is.
        id: String,
    },
}

const META: &str = "META";
const PROJECT: &str = "PROJ#";
const SECRET: &str = "SECRET#";
const POLICY: &str = "POL#";
const LICENSE: &str = "LIC#";
const WALLET: &str = "WALLET#tokens";
const DEVICE: &str = "DEV#";
const SEAT: &str = "SEAT#";
const SEAT_TURN: &str = "SEATTURN#";
const BATCH: &str = "BATCH#";
const ACCOUNT: &str = "ACCT#";
const CHAIN: &str = "CHAIN#";
const CHAIN_BATCH: &str = "BATCH";
const BLOB: &str = "BLOB#";
const EVENTS: &str = "EVENTS#";
const NAMED: &str = "NAME#";
const EVENT_DAY: &str = "EVENTDAY#";
const SETTINGS: &str = "SETTINGS";
const LEDGER: &str = "LEDGER#";
const ADMIN_OPERATION: &str = "ADMINOP#";
const NUMBER: &str = "NUMBER#";
const ADMIN_KEY: &str = "ADMINKEY#";
const LISTED: &str = "LISTED";
const BUYER: &str = "BUYER";
const DEVICES: &str = "DEVICES#";
const PROJECTS: &str = "PROJECTS";
const POLICIES: &str = "POLICIES#";
const LICENSES: &str = "LICENSES#";
const BUYERS: &str = "BUYERS#";
const AUDIT: &str = "AUDIT";
const DUE: &str = "DUE#";
const JOB: &str = "JOB#";
const RUN: &str = "RUN#";
const ROLLUP: &str = "ROLLUP#";
const DAY: &str = "DAY#";
const ORGANIZATION: &str = "ORG#";
const MEMBER: &str = "MEMBER#";
const ACCESS: &str = "ACCESS#";
const ACCESS_LIST: &str = "ACCESSES#";
const ORDER: &str = "ORDER#";
const ORDERS: &str = "ORDERS#";
const PAYMENT: &str = "PAYMENT#";
const PAYMENT_EVENT: &str = "PAYEVENT#";
const TRIAL: &str = "TRIAL#";
const SALE: &str = "SALE#";
const CARD: &str = "CARD#";
const CODE: &str = "CODE#";
const DEVELOPER: &str = "DEVELOPER#";
const DEVELOPERS: &str = "DEVELOPERS";
const ACCOUNTS: &str = "ACCTS#";
const ORGANIZATIONS: &str = "ORGS#";
const RATE: &str = "RATE#";
const SIGN_IN: &str = "SIGNIN#";
const WEBHOOK: &str = "WEBHOOK#";
const WEBHOOKS: &str = "WEBHOOKS#";
const NOTICE: &str = "NOTICE#";
const NOTICES: &str = "NOTICES#";
const DEAD: &str = "DEAD#";
const IMPORT: &str = "IMPORT#";
const IMPORT_KEY: &str = "IMPORTKEY#";
const ERASURE: &str = "ERASURE#";

/// Stands for a project where licenses are due: whose they are, they say themselves.
pub const LICENSES_DUE: &str = "licenses";
/// Parts that the due accounts of a project are spread over, so that a day on which many are due is written by many.
pub const DUE_SHARDS: i64 = 8;
const ADMIN_KEYS: &str = "ADMINKEYS";

fn key(pk: String, sk: impl Into<String>) -> Key {
    Key { pk, sk: sk.into() }
}

/// A project.
pub fn project(id: &str) -> Key {
    key(format!("{PROJECT}{id}"), META)
}

/// A secret's pointer, by the hash of the secret.
pub fn secret(hash: &str) -> Key {
    key(format!("{SECRET}{hash}"), META)
}

/// A policy.
pub fn policy(number: i64) -> Key {
    key(format!("{POLICY}{number}"), META)
}

/// A license.
pub fn license(id: &LicenseId) -> Key {
    key(license_partition(id), META)
}

/// A license's place in its project's list.
pub fn listing(id: &LicenseId) -> Key {
    key(license_partition(id), LISTED)
}

/// A license's place in its customer's list.
pub fn buyer_listing(id: &LicenseId) -> Key {
    key(license_partition(id), BUYER)
}

/// Everything of a license but its ledger.
pub fn license_partition(id: &LicenseId) -> String {
    format!("{LICENSE}{}", id.0)
}

/// A wallet is stored under its owner's partition key, separate from the owner's record, because it is the contended
/// item.
pub fn wallet(id: &WalletId) -> Key {
    let partition = match id {
        WalletId::License(license) => license_partition(license),
        WalletId::Account(account) => account_partition(account),
    };
    key(partition, WALLET)
}

/// An organization.
pub fn organization(id: &OrganizationId) -> Key {
    key(organization_partition(id), META)
}

/// A member of an organization.
pub fn member(id: &OrganizationId, user: &str) -> Key {
    key(organization_partition(id), format!("{MEMBER}{user}"))
}

fn organization_partition(id: &OrganizationId) -> String {
    format!("{ORGANIZATION}{}#{}", id.project_id, id.name)
}

/// An access token, by its hash.
pub fn access_token(hash: &str) -> Key {
    key(format!("{ACCESS}{hash}"), META)
}

/// The list of the access tokens of a user or an organization.
pub fn access_list(project_id: &str, holder: &Holder) -> String {
    match holder {
        Holder::User(user) => format!("{ACCESS_LIST}{project_id}#USER#{user}"),
        Holder::Organization(name) => format!("{ACCESS_LIST}{project_id}#ORG#{name}"),
    }
}

/// An account.
pub fn account(id: &AccountId) -> Key {
    key(account_partition(id), META)
}

fn account_partition(id: &AccountId) -> String {
    format!("{ACCOUNT}{}#{}", id.project_id, id.name)
}

fn parse_account(pk: &str) -> Option<AccountId> {
    let (project_id, name) = pk.strip_prefix(ACCOUNT)?.split_once('#')?;
    Some(AccountId { project_id: project_id.to_owned(), name: name.to_owned() })
}

/// The part of what is due that a wallet is in, and its name there.
pub fn due(wallet: &WalletId) -> (String, String) {
    let (owner, name) = match wallet {
        WalletId::Account(account) => (account.project_id.as_str(), account.name.clone()),
        WalletId::License(license) => (LICENSES_DUE, license.0.clone()),
    };
    let shard = i64::from(Sha256::digest(name.as_bytes())[0]) % DUE_SHARDS;
    (due_partition(owner, shard), name)
}

/// A part of a project's due accounts, or of all due licenses, in order of when.
pub fn due_partition(project_id: &str, shard: i64) -> String {
    format!("{DUE}{project_id}#{shard}")
}

/// User settings.
pub fn settings(license: &LicenseId) -> Key {
    key(license_partition(license), SETTINGS)
}

/// How far a device's last batch came.
pub fn batch_memory(owner: &BatchOwner, hwid: &str) -> Key {
    match owner {
        BatchOwner::License(license) => key(license_partition(license), format!("{BATCH}{hwid}")),
        BatchOwner::Chain(id) => key(chain_partition(id), CHAIN_BATCH),
    }
}

/// The nonces of a device.
pub fn chain(id: &ChainId) -> Key {
    key(chain_partition(id), META)
}

fn chain_partition(id: &ChainId) -> String {
    format!("{CHAIN}{}#{}", id.project_id, id.hwid)
}

/// A cipher text that was accepted, by its hash.
pub fn seen_blob(hash: &str) -> Key {
    key(format!("{BLOB}{hash}"), META)
}

/// An event, in its license's events by when it arrived.
pub fn event(event: &Event) -> Key {
    // What has a name lies under it, so that it cannot be there twice.
    let sort = match &event.name {
        Some(name) => format!("{NAMED}{name}"),
        None => timed_sort(event.at, &event.request),
    };
    key(events_partition(&event.license), sort)
}

/// A day of a project's events, in the index of lists and in that of keys only.
pub fn event_day(project_id: &str, day: i64) -> String {
    format!("{EVENT_DAY}{project_id}#{}", day.max(0))
}

/// The position of an event among those of its day, type by type.
pub fn event_kind_sort(event: &Event) -> String {
    format!("{}#{}", event.kind, timed_sort(event.at, &event.request))
}

/// The day and the type in an event's place in the index of keys only.
pub fn parse_event_kind(partition: &str, sort: &str) -> Option<(i64, String)> {
    let day = partition.strip_prefix(EVENT_DAY)?.rsplit_once('#')?.1.parse().ok()?;
    // A type may have any character in it; what stands behind it has none of these.
    let kind = sort.rsplitn(3, '#').nth(2)?;
    Some((day, kind.to_owned()))
}

/// A device.
pub fn device(license: &LicenseId, hwid: &str) -> Key {
    key(license_partition(license), format!("{DEVICE}{hwid}"))
}

/// A seat, by its slot.
pub fn seat(license: &LicenseId, slot: i64) -> Key {
    key(license_partition(license), format!("{SEAT}{slot:05}"))
}

/// The first and last sort key of a page of seats.
pub fn seat_page(page: i64) -> (String, String) {
    let sk = |slot: i64| format!("{SEAT}{slot:05}");
    (sk(page * PAGE_SLOTS), sk((page + 1) * PAGE_SLOTS - 1))
}

/// The turn in which a page's seats may be claimed.
pub fn seat_turn(license: &LicenseId, page: i64) -> Key {
    key(license_partition(license), format!("{SEAT_TURN}{page:03}"))
}

/// What the sort keys of all seats begin with.
pub fn seat_prefix() -> &'static str {
    SEAT
}

/// A ledger entry: the operation's id is the key, so that an operation is written only once.
pub fn entry(wallet: &WalletId, operation: &OperationId) -> Key {
    key(ledger_partition(wallet), format!("{}#{}", operation.origin.letter(), operation.id))
}

/// A wallet's ledger; also its list's partition in the index.
pub fn ledger_partition(wallet: &WalletId) -> String {
    format!("{LEDGER}{}", wallet_name(wallet))
}

/// A day of a ledger.
pub fn rollup(wallet: &WalletId, day: i64) -> Key {
    key(rollup_partition(wallet), rollup_sort(day))
}

/// The days of a wallet's ledger.
pub fn rollup_partition(wallet: &WalletId) -> String {
    format!("{ROLLUP}{}", wallet_name(wallet))
}

/// The position of a day among them.
pub fn rollup_sort(day: i64) -> String {
    format!("{DAY}{:09}", day.max(0))
}

/// A wallet in the name of what belongs to it.
fn wallet_name(wallet: &WalletId) -> String {
    match wallet {
        WalletId::License(license) => license.0.clone(),
        WalletId::Account(account) => account_partition(account),
    }
}

/// The wallet that such a name means. A license is named by a hash, in which there is no such prefix.
fn parse_wallet(name: &str) -> Option<WalletId> {
    match name.starts_with(ACCOUNT) {
        true => Some(WalletId::Account(parse_account(name)?)),
        false => Some(WalletId::License(LicenseId(name.to_owned()))),
    }
}

/// An order.
pub fn order(id: &str) -> Key {
    key(format!("{ORDER}{id}"), META)
}

/// What is known of a payment, by the provider's name of it.
pub fn payment(id: &str) -> Key {
    key(format!("{PAYMENT}{id}"), META)
}

/// A provider's message that was processed, by the provider's id of it.
pub fn payment_event(id: &str) -> Key {
    key(format!("{PAYMENT_EVENT}{id}"), META)
}

/// What is known of an address and trials.
pub fn trial(project_id: &str, email: &Email) -> Key {
    key(format!("{TRIAL}{project_id}#{}", digest(email.as_str())), META)
}

/// The last sale of an item to a buyer. The key contains no address.
pub fn sale(project_id: &str, what: &str) -> Key {
    key(format!("{SALE}{project_id}#{}", digest(what)), META)
}

/// A developer, by name.
pub fn developer(username: &Email) -> Key {
    key(format!("{DEVELOPER}{}", digest(username.as_str())), META)
}

/// A bucket of tokens, by its name.
pub fn bucket(name: &str) -> Key {
    key(format!("{RATE}{name}"), META)
}

/// A sign-in, by the hash of its token.
pub fn sign_in(hash: &str) -> Key {
    key(format!("{SIGN_IN}{hash}"), META)
}

/// A webhook.
pub fn webhook(id: &str) -> Key {
    key(format!("{WEBHOOK}{id}"), META)
}

/// A notice that is kept.
pub fn notice(id: &str) -> Key {
    key(format!("{NOTICE}{id}"), META)
}

/// A delivery that was given up.
pub fn dead(webhook: &str, notice: &str) -> Key {
    key(format!("{DEAD}{webhook}"), notice)
}

/// The one-time code of an address.
pub fn code(project_id: &str, email: &Email) -> Key {
    key(format!("{CODE}{project_id}#{}", digest(email.as_str())), META)
}

/// A card with which a trial was had, by the provider's fingerprint of it.
pub fn card(project_id: &str, fingerprint: &str) -> Key {
    key(format!("{CARD}{project_id}#{}", digest(fingerprint)), META)
}

/// A key contains no address.
fn digest(text: &str) -> String {
    hex::encode(Sha256::digest(text.as_bytes()))
}

/// A project that is being imported.
pub fn import(project_id: &str) -> Key {
    key(format!("{IMPORT}{project_id}"), META)
}

/// A key that projects' keys are sealed to.
pub fn import_key(id: &str) -> Key {
    key(format!("{IMPORT_KEY}{id}"), META)
}

/// How far the erasure of a project's old entries has come, by the operation that it is.
pub fn erasure(project_id: &str, id: &str) -> Key {
    key(format!("{ERASURE}{project_id}"), id)
}

/// What the partitions of a project's items begin with that no list leads to, and of what is kept by the payment provider's names,
/// which are of no project.
pub fn walked_prefixes(project_id: &str) -> Vec<String> {
    let of_project = [ACCOUNT, ORGANIZATION, CHAIN, TRIAL, CARD, SALE];
    let of_accounts = [LEDGER, ROLLUP].map(|ledger| format!("{ledger}{ACCOUNT}{project_id}#"));
    let of_project = of_project.map(|prefix| format!("{prefix}{project_id}#"));
    of_project.into_iter().chain(of_accounts).chain([PAYMENT.to_owned()]).collect()
}

/// Events of a license.
pub fn events_partition(license: &LicenseId) -> String {
    format!("{EVENTS}{}", license.0)
}

/// How far a job has come.
pub fn job(name: &str) -> Key {
    key(format!("{JOB}{name}"), META)
}

/// The last run of what runs without a caller.
pub fn run(name: &str) -> Key {
    key(format!("{RUN}{name}"), META)
}

/// An administrator's operation.
pub fn admin_operation(id: &str) -> Key {
    key(format!("{ADMIN_OPERATION}{id}"), META)
}

/// An administrator key.
pub fn admin_key(id: &str) -> Key {
    key(format!("{ADMIN_KEY}{id}"), META)
}

/// The counter that numbers things of `kind` (`project`, `policy`, `license`).
pub fn number(kind: &str) -> Key {
    key(format!("{NUMBER}{kind}"), META)
}

/// The index's partition of a list.
pub fn list_partition(list: &List) -> String {
    match list {
        List::Projects => PROJECTS.to_owned(),
        List::Policies(project_id) => format!("{POLICIES}{project_id}"),
        List::Licenses(project_id) => format!("{LICENSES}{project_id}"),
        List::Buyer(project_id, email) => format!("{BUYERS}{project_id}#{}", digest(email.as_str())),
        List::Accounts(project_id) => format!("{ACCOUNTS}{project_id}"),
        List::Organizations(project_id) => format!("{ORGANIZATIONS}{project_id}"),
        List::Orders(project_id) => format!("{ORDERS}{project_id}"),
        List::Events(project_id, day) => event_day(project_id, *day),
        List::Developers => DEVELOPERS.to_owned(),
        List::Webhooks(project_id) => format!("{WEBHOOKS}{project_id}"),
        List::Notices(project_id) => format!("{NOTICES}{project_id}"),
        List::Dead(webhook) => format!("{DEAD}{webhook}"),
        List::Devices(license) => format!("{DEVICES}{}", license.0),
        List::AdminKeys => ADMIN_KEYS.to_owned(),
        List::Audit => AUDIT.to_owned(),
    }
}

/// The position of a numbered record in its list.
pub fn numbered_sort(number: i64) -> String {
    format!("{number:019}")
}

/// The position of a record that is sorted by an instant: `name` distinguishes two of the same millisecond.
pub fn timed_sort(at: Timestamp, name: &str) -> String {
    format!("{:015}#{name}", at.ms().max(0))
}

/// The position of a listed record in its list: the next page starts after it.
pub fn position(record: &Record) -> Option<String> {
    match record {
        Record::Project(project) => Some(numbered_sort(project.number)),
        Record::Policy(policy) => Some(numbered_sort(policy.number)),
        Record::Listing(listing) => Some(numbered_sort(listing.number)),
        Record::BuyerListing(listing) => Some(numbered_sort(listing.number)),
        Record::ListedDevice(device) => Some(timed_sort(device.activated_at, &device.hwid)),
        Record::Account(account) => Some(account.id.name.clone()),
        Record::Organization(organization) => Some(organization.id.name.clone()),
        Record::AccessToken(token) => Some(timed_sort(token.expires_at, &token.hash)),
        Record::AccessTokenName { place, .. } => Some(place.clone()),
        Record::Order(order) => Some(timed_sort(order.created_at, &order.id)),
        Record::Event(event) => Some(timed_sort(event.at, &event.request)),
        Record::Developer(developer) => Some(numbered_sort(developer.number)),
        Record::Webhook(webhook) => Some(timed_sort(webhook.created_at, &webhook.id)),
        Record::Notice(notice) => Some(timed_sort(notice.at, &notice.id)),
        Record::FailedDelivery(dead) => Some(timed_sort(dead.at, &dead.notice)),
        Record::AdminKey(key) => Some(timed_sort(key.created_at, &key.id)),
        Record::AdminOperation(operation) => Some(timed_sort(operation.created_at, &operation.request)),
        _ => None,
    }
}

/// The position of an entry in its wallet's list.
pub fn entry_list_sort(sequence: i64) -> String {
    format!("{sequence:019}")
}

/// What a key names; `None` for a key of no record (a counter).
pub fn parse(pk: &str, sk: &str) -> Option<Kind> {
    if let Some(id) = pk.strip_prefix(PROJECT) {
        return Some(Kind::Project { id: id.to_owned() });
    }
    if let Some(number) = pk.strip_prefix(POLICY) {
        return Some(Kind::Policy { number: number.parse().ok()? });
    }
    if let Some(id) = pk.strip_prefix(ORDER) {
        return Some(Kind::Order { id: id.to_owned() });
    }
    if let Some(id) = pk.strip_prefix(PAYMENT) {
        return Some(Kind::Payment { id: id.to_owned() });
    }
    if let Some(id) = pk.strip_prefix(PAYMENT_EVENT) {
        return Some(Kind::PaymentEvent { id: id.to_owned() });
    }
    if let Some(license) = pk.strip_prefix(EVENTS) {
        return Some(Kind::Event(LicenseId(license.to_owned())));
    }
    if pk.starts_with(DEVELOPER) {
        return Some(Kind::Developer);
    }
    if let Some(name) = pk.strip_prefix(RATE) {
        return Some(Kind::Bucket { name: name.to_owned() });
    }
    if let Some(hash) = pk.strip_prefix(SIGN_IN) {
        return Some(Kind::SignIn { hash: hash.to_owned() });
    }
    if let Some(id) = pk.strip_prefix(WEBHOOK) {
        return Some(Kind::Webhook { id: id.to_owned() });
    }
    if let Some(id) = pk.strip_prefix(NOTICE) {
        return Some(Kind::Notice { id: id.to_owned() });
    }
    if let Some(webhook) = pk.strip_prefix(DEAD) {
        return Some(Kind::Dead { webhook: webhook.to_owned(), notice: sk.to_owned() });
    }
    if pk.starts_with(SALE) {
        return Some(Kind::Sale);
    }
    if pk.starts_with(TRIAL) {
        return Some(Kind::Trial);
    }
    if pk.starts_with(CARD) {
        return Some(Kind::Card);
    }
    if pk.starts_with(CODE) {
        return Some(Kind::Code);
    }
    if let Some(id) = pk.strip_prefix(ADMIN_KEY) {
        return Some(Kind::AdminKey { id: id.to_owned() });
    }
    if let Some(name) = pk.strip_prefix(ROLLUP) {
        let day = sk.strip_prefix(DAY)?.parse().ok()?;
        return Some(Kind::Rollup { wallet: parse_wallet(name)?, day });
    }
    if let Some((project_id, name)) = pk.strip_prefix(ORGANIZATION).and_then(|rest| rest.split_once('#')) {
        let id = OrganizationId { project_id: project_id.to_owned(), name: name.to_owned() };
        return Some(match sk.strip_prefix(MEMBER) {
            Some(user) => Kind::Member(id, user.to_owned()),
            None => Kind::Organization(id),
        });
    }
    if let Some(hash) = pk.strip_prefix(ACCESS) {
        return Some(Kind::AccessToken { hash: hash.to_owned() });
    }
    if let Some(name) = pk.strip_prefix(JOB) {
        return Some(Kind::Job { name: name.to_owned() });
    }
    if let Some(name) = pk.strip_prefix(RUN) {
        return Some(Kind::Run { name: name.to_owned() });
    }
    if let Some(id) = pk.strip_prefix(IMPORT_KEY) {
        return Some(Kind::ImportKey { id: id.to_owned() });
    }
    if let Some(project_id) = pk.strip_prefix(IMPORT) {
        return Some(Kind::Import { project_id: project_id.to_owned() });
    }
    if let Some(project_id) = pk.strip_prefix(ERASURE) {
        return Some(Kind::Erasure { project_id: project_id.to_owned(), id: sk.to_owned() });
    }
    if let Some(hash) = pk.strip_prefix(SECRET) {
        return Some(Kind::Secret { hash: hash.to_owned() });
    }
    if let Some(id) = pk.strip_prefix(ADMIN_OPERATION) {
        return Some(Kind::AdminOperation { id: id.to_owned() });
    }
    if let Some(id) = pk.strip_prefix(LEDGER) {
        let (origin, operation) = sk.split_once('#')?;
        let operation = OperationId { origin: Origin::parse(origin)?, id: operation.to_owned() };
        return Some(Kind::Entry(parse_wallet(id)?, operation));
    }
    if let Some(account) = parse_account(pk) {
        return match sk {
            META => Some(Kind::Account(account)),
            WALLET => Some(Kind::Wallet(WalletId::Account(account))),
            _ => None,
        };
    }
    if let Some(hash) = pk.strip_prefix(BLOB) {
        return Some(Kind::SeenBlob { hash: hash.to_owned() });
    }
    if let Some((project_id, hwid)) = pk.strip_prefix(CHAIN).and_then(|rest| rest.split_once('#')) {
        let id = ChainId { project_id: project_id.to_owned(), hwid: hwid.to_owned() };
        return Some(match sk {
            CHAIN_BATCH => Kind::BatchMemory(BatchOwner::Chain(id), hwid.to_owned()),
            _ => Kind::Chain(id),
        });
    }
    let license = LicenseId(pk.strip_prefix(LICENSE)?.to_owned());
    if let Some(hwid) = sk.strip_prefix(DEVICE) {
        return Some(Kind::Device(license, hwid.to_owned()));
    }
    if let Some(hwid) = sk.strip_prefix(BATCH) {
        return Some(Kind::BatchMemory(BatchOwner::License(license), hwid.to_owned()));
    }
    if let Some(slot) = sk.strip_prefix(SEAT) {
        return Some(Kind::Seat(license, slot.parse().ok()?));
    }
    match sk {
        META => Some(Kind::License(license)),
        LISTED => Some(Kind::Listing(license)),
        BUYER => Some(Kind::BuyerListing(license)),
        SETTINGS => Some(Kind::Settings(license)),
        WALLET => Some(Kind::Wallet(WalletId::License(license))),
        _ => None,
    }
}
