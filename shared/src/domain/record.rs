//! Everything the table keeps, one variant a kind of item.

use super::account::Account;
use super::administrator::{AdminKey, AdminOperation};
use super::consume_batch::{BatchMemory, BatchOwner};
use super::developer::{Developer, SignIn};
use super::device::Device;
use super::entry::Entry;
use super::erasure::Erasure;
use super::event::Event;
use super::job::Job;
use super::license::{BuyerListing, License, LicenseId, Listing};
use super::nonce::{Chain, SeenBlob};
use super::organization::access::AccessToken;
use super::organization::{Member, Organization};
use super::policy::Policy;
use super::portal::OneTimeCode;
use super::project::Project;
use super::rollup::DayRollup;
use super::run::Run;
use super::seats::Seat;
use super::settings::Settings;
use super::store::Order;
use super::store::order::{Payment, Sale};
use super::store::trial::{Card, Trial};
use super::throttle::Bucket;
use super::transfer::{Import, ImportKey};
use super::wallet::{Due, Wallet};
use super::webhook::{Dead, Kept, Webhook};

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
        /// Where it stands in its list.
        place: String,
    },
    /// An account.
    Account(Account),
    /// A wallet.
    Wallet(Wallet),
    /// A day of a ledger.
    Rollup(DayRollup),
    /// How far a job has come.
    Job(Job),
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
    /// A message of the payment provider's that was taken, by the provider's id of it.
    PaymentEvent(String),
    /// What is known of an address and trials.
    Trial(Trial),
    /// A card with which a trial was had.
    Card(Card),
    /// The last sale of something to somebody.
    Sale(Sale),
    /// A one-time code.
    Code(OneTimeCode),
    /// Something that an application reported.
    Event(Event),
    /// The type of something that an application reported, as its key tells it.
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
    Notice(Kept),
    /// A delivery that was given up.
    Dead(Dead),
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
    dead Dead Dead
    developer Developer Developer
    due Due Due
    entry Entry Entry
    erasure Erasure Erasure
    import Import Import
    import_key ImportKey ImportKey
    job Job Job
    license License License
    notice Notice Kept
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
