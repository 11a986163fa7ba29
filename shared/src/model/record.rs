//! Everything the table keeps, one variant a kind of item.

use crate::model::account::Account;
use crate::model::administrator::{AdminKey, AdminOperation};
use crate::model::batch_memory::BatchMemory;
use crate::model::bucket::Bucket;
use crate::model::developer::{Developer, SignIn};
use crate::model::device::Device;
use crate::model::dispatch_checkpoint::DispatchCheckpoint;
use crate::model::erasure::Erasure;
use crate::model::event::Event;
use crate::model::ids::{BatchOwner, LicenseId};
use crate::model::import::{Import, ImportKey};
use crate::model::license::{BuyerListing, License, Listing};
use crate::model::nonce_chain::{Chain, SeenBlob};
use crate::model::one_time_code::OneTimeCode;
use crate::model::order::{Order, Payment, Sale};
use crate::model::organization::{AccessToken, Member, Organization};
use crate::model::policy::Policy;
use crate::model::project::Project;
use crate::model::run::Run;
use crate::model::seat::Seat;
use crate::model::settings::Settings;
use crate::model::trial::{Card, Trial};
use crate::model::wallet::Wallet;
use crate::model::wallet::due::Due;
use crate::model::wallet::entry::Entry;
use crate::model::wallet::rollup::DayRollup;
use crate::model::webhook::{FailedDelivery, StoredNotice, Webhook};

/// One item, read.
#[derive(Clone, Debug, PartialEq)]
pub enum Record {
    /// A project.
    Project(Project),
    /// Which project a secret names.
    Secret {
        /// SHA-256 of the canonical secret, in hex.
        hash: String,
        /// The project.
        project_id: String,
    },
    /// A policy.
    Policy(Policy),
    /// A license.
    License(License),
    /// A license's place in its project's list.
    Listing(Listing),
    /// A license's place in its customer's list.
    BuyerListing(BuyerListing),
    /// An organization.
    Organization(Organization),
    /// A member of an organization.
    Member(Member),
    /// An access token.
    AccessToken(AccessToken),
    /// An access token, from the index of keys only.
    AccessTokenName {
        /// Its hash.
        hash: String,
        /// Its position in its list.
        place: String,
    },
    /// An account.
    Account(Account),
    /// A wallet.
    Wallet(Wallet),
    /// A day of a ledger.
    Rollup(DayRollup),
    /// How far a job has come.
    DispatchCheckpoint(DispatchCheckpoint),
    /// The last run of what runs without a caller.
    Run(Run),
    /// A wallet to which something is due.
    Due(Due),
    /// A device of this license.
    Device(LicenseId, Device),
    /// A device as the index lists it: perhaps a moment old, good enough to be shown.
    ListedDevice(Device),
    /// A seat of this license.
    Seat(LicenseId, Seat),
    /// The user settings of this license.
    Settings(LicenseId, Settings),
    /// How far a device's last batch came.
    BatchMemory(BatchOwner, BatchMemory),
    /// The nonces of a device.
    Chain(Chain),
    /// A cipher text that was accepted.
    SeenBlob(SeenBlob),
    /// A ledger entry.
    Entry(Entry),
    /// An order.
    Order(Order),
    /// What is known of a payment.
    Payment(Payment),
    /// A message of the payment provider that was processed, by the provider's id of it.
    PaymentEvent(String),
    /// What is known of an address and trials.
    Trial(Trial),
    /// A card with which a trial was had.
    Card(Card),
    /// The last sale of an item to a buyer.
    Sale(Sale),
    /// A one-time code.
    Code(OneTimeCode),
    /// Something that an application reported.
    Event(Event),
    /// The type of an event that an application reported, from its key.
    EventKind {
        /// The day of UTC, counted from 1970-01-01.
        day: i64,
        /// The type.
        kind: String,
    },
    /// A developer.
    Developer(Developer),
    /// What holds a source of tries back.
    Bucket(Bucket),
    /// A sign-in that waits for its second factor.
    SignIn(SignIn),
    /// A webhook.
    Webhook(Webhook),
    /// A notice kept for deliveries.
    Notice(StoredNotice),
    /// A delivery that was given up.
    FailedDelivery(FailedDelivery),
    /// An administrator's operation.
    AdminOperation(AdminOperation),
    /// An administrator key.
    AdminKey(AdminKey),
    /// A project that is being imported.
    Import(Import),
    /// A key that projects' keys are sealed to.
    ImportKey(ImportKey),
    /// How far the erasure of a project's old entries has come.
    Erasure(Erasure),
}

/// Functions that pick the records of one kind: for `filter_map` and `find_map`.
macro_rules! picks {
    ($($name:ident $kind:ident $record:ty)*) => {
        impl Record {
            $(
                /// The record, if it is one of this kind.
                pub fn $name(self) -> Option<$record> {
                    match self {
                        Self::$kind(record) => Some(record),
                        _ => None,
                    }
                }
            )*
        }
    };
}

picks! {
    account Account Account
    access_token AccessToken AccessToken
    admin_key AdminKey AdminKey
    admin_operation AdminOperation AdminOperation
    listing Listing Listing
    buyer_listing BuyerListing BuyerListing
    dead FailedDelivery FailedDelivery
    developer Developer Developer
    due Due Due
    entry Entry Entry
    erasure Erasure Erasure
    import Import Import
    import_key ImportKey ImportKey
    job DispatchCheckpoint DispatchCheckpoint
    license License License
    notice Notice StoredNotice
    order Order Order
    organization Organization Organization
    policy Policy Policy
    project Project Project
    rollup Rollup DayRollup
    run Run Run
    sign_in SignIn SignIn
    wallet Wallet Wallet
    webhook Webhook Webhook
}

/// The project among these records.
pub fn project_in(records: &[Record]) -> Option<Project> {
    records.iter().find_map(|record| match record {
        Record::Project(project) => Some(project.clone()),
        _ => None,
    })
}

/// What a record that moves is called in the file. What has no name here stays; `docs/data-model.md` says why.
pub fn kind(record: &Record) -> Option<&'static str> {
    Some(match record {
        Record::Project(_) => "project",
        Record::Policy(_) => "policy",
        Record::License(_) => "license",
        Record::Listing(_) => "listing",
        Record::Wallet(_) => "wallet",
        Record::Device(..) => "device",
        Record::Seat(..) => "seat",
        Record::Settings(..) => "settings",
        Record::BatchMemory(..) => "batch",
        Record::Chain(_) => "chain",
        Record::Entry(_) => "entry",
        Record::Rollup(_) => "rollup",
        Record::Event(_) => "event",
        Record::Order(_) => "order",
        Record::Payment(_) => "payment",
        Record::Sale(_) => "sale",
        Record::Trial(_) => "trial",
        Record::Card(_) => "card",
        Record::Account(_) => "account",
        Record::Organization(_) => "organization",
        Record::Member(_) => "member",
        Record::Webhook(_) => "webhook",
        _ => return None,
    })
}
