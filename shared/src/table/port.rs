//! What the layers above see of the table: one read, one commit, each a single round trip.

use std::future::Future;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};

use ltlm_protocol::Timestamp;
use ltlm_protocol::transfer::Span;

use crate::model::bucket::Rate;
use crate::model::email::Email;
use crate::model::ids::{AccountId, BatchOwner, ChainId, LicenseId, OperationId, OrganizationId, WalletId};
use crate::model::organization::Holder;
use crate::model::quota::{self, Counted};
use crate::model::record::Record;
use crate::model::write::Write;

/// One thing to read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Read {
    /// The same, eventually consistent, at half the price: it may return what was there a moment ago. Only for an item or a page of
    /// seats, and only where the same commit verifies what was read, or where the answer merely shows it.
    Eventually(Box<Read>),
    /// A project by id.
    Project(String),
    /// A secret's pointer by hash.
    Secret(String),
    /// A policy by its number.
    Policy(i64),
    /// A license.
    License(LicenseId),
    /// A license's place in its project's list.
    Listing(LicenseId),
    /// An organization.
    Organization(OrganizationId),
    /// A member of an organization.
    Member(OrganizationId, String),
    /// An access token, by its hash.
    AccessToken(String),
    /// Access tokens in force of a holder, the last to end first: complete records for a user, only names for an
    /// organization.
    AccessTokens {
        /// The project.
        project_id: String,
        /// Whose.
        holder: Holder,
        /// Those that end after this instant.
        now: Timestamp,
        /// In the list, from this position on.
        from: Option<String>,
        /// At most so many.
        limit: i64,
    },
    /// An account.
    Account(AccountId),
    /// A wallet.
    Wallet(WalletId),
    /// A device.
    Device(LicenseId, String),
    /// User settings.
    Settings(LicenseId),
    /// How far a device's last batch came.
    BatchMemory(BatchOwner, String),
    /// The nonces of a device.
    Chain(ChainId),
    /// A cipher text, by its hash.
    SeenBlob(String),
    /// A ledger entry.
    Entry(WalletId, OperationId),
    /// How far a job has come.
    Job(String),
    /// The last run of what runs without a caller.
    Run(String),
    /// An order.
    Order(String),
    /// What is known of a payment, by the provider's name of it.
    Payment(String),
    /// A message of the payment provider's, by the provider's id of it.
    PaymentEvent(String),
    /// What is known of an address and trials in a project.
    Trial(String, Email),
    /// The last sale of an item to a buyer: the project, and the hash of item and buyer.
    Sale(String, String),
    /// The one-time code of an address in a project.
    Code(String, Email),
    /// A developer, by name.
    Developer(Email),
    /// A bucket, by its name.
    Bucket(String),
    /// A sign-in, by the hash of its token.
    SignIn(String),
    /// A webhook.
    Webhook(String),
    /// A notice that is kept.
    Notice(String),
    /// A delivery that was given up: the webhook, and the notice.
    Dead(String, String),
    /// A card with which a trial was had in a project, by the provider's fingerprint of it.
    Card(String, String),
    /// An administrator's operation.
    AdminOperation(String),
    /// An administrator key by its id.
    AdminKey(String),
    /// What is being imported, by its project's id.
    Import(String),
    /// A key that projects' keys are sealed to, by its id.
    ImportKey(String),
    /// How far the erasure of a project's old entries has come: the project, and the operation that it is.
    Erasure(String, String),
    /// A page of a list, newest first.
    List {
        /// The list.
        list: List,
        /// Only records before this position.
        before: Option<String>,
        /// At most so many.
        limit: i64,
    },
    /// A page of a license's seats.
    SeatPage(LicenseId, i64),
    /// All seats of a license.
    Seats(LicenseId),
    /// The devices of a license that were activated last, at most `limits::MACHINES_LISTED_MAX`.
    Devices(LicenseId),
    /// A list whose rows are sorted by their names: a page of it, in the order of the names' bytes.
    Named {
        /// The list.
        list: List,
        /// Only names that begin with this.
        begins: Option<String>,
        /// Only names behind this one.
        after: Option<String>,
        /// At most so many.
        limit: i64,
    },
    /// Accounts of a project to which something is due, the longest due first.
    Due {
        /// The project.
        project_id: String,
        /// The part of them.
        shard: i64,
        /// Due at this instant or before.
        until: Timestamp,
        /// Only records after this position.
        after: Option<String>,
        /// At most so many.
        limit: i64,
    },
    /// The types of all events of a project's day.
    EventKinds {
        /// The project.
        project_id: String,
        /// The day of UTC, counted from 1970-01-01.
        day: i64,
    },
    /// The latest day of a wallet's ledger that is counted.
    LatestRollup(WalletId),
    /// Days of a wallet's ledger, the oldest first.
    Rollups {
        /// The wallet.
        wallet: WalletId,
        /// The first day.
        from: i64,
        /// The last day.
        to: i64,
    },
    /// Entries of a wallet, oldest first.
    EntriesAfter {
        /// The wallet.
        wallet: WalletId,
        /// Only those with a larger sequence number.
        after: i64,
        /// At most so many.
        limit: i64,
    },
    /// Entries of a wallet, newest first.
    Entries {
        /// The wallet.
        wallet: WalletId,
        /// Only those with a smaller sequence number.
        before: Option<i64>,
        /// At most so many.
        limit: i64,
    },
}

/// All records with one partition key, of all kinds, in the order of their sort keys.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Walk {
    /// The records of a license.
    License(LicenseId),
    /// A wallet's ledger.
    Ledger(WalletId),
    /// What applications reported of a license.
    Events(LicenseId),
    /// Records that are in no list: a project's accounts with their ledgers, organizations, chains of nonces, trials,
    /// cards and sales; and all payments, whose project only their orders identify. It reads the whole table.
    Project(String),
    /// What this import put into the table. It reads the whole table.
    Imported(String),
}

/// A part of a walk.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Walked {
    /// The records; there may be none, and yet more to come.
    pub records: Vec<Record>,
    /// Where the next part starts; none after the last.
    pub next: Option<String>,
    /// About how many bytes the items have.
    pub bytes: usize,
}

/// A list that the index keeps in order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum List {
    /// All projects, by number.
    Projects,
    /// The policies of a project, by number.
    Policies(String),
    /// The licenses of a project, by number.
    Licenses(String),
    /// The licenses of a project that were bought with this e-mail, in any letter case.
    Buyer(String, Email),
    /// The devices of a license, by last activation.
    Devices(LicenseId),
    /// The accounts of a project, by name, without the pools of organizations.
    Accounts(String),
    /// The organizations of a project, by name.
    Organizations(String),
    /// The orders of a project, by creation time.
    Orders(String),
    /// The events of a project's day, counted from 1970-01-01, by when.
    Events(String, i64),
    /// Developers, by number.
    Developers,
    /// The webhooks of a project, by creation time.
    Webhooks(String),
    /// What is kept of a project's notices, by when.
    Notices(String),
    /// The deliveries of a webhook that were given up, by when.
    Dead(String),
    /// Administrator keys, by creation time.
    AdminKeys,
    /// What administrators did, by when.
    Audit,
}

/// Why a read failed.
#[derive(Debug, thiserror::Error)]
pub enum ReadError {
    /// Throttled, or the answer did not come: try again.
    #[error("the table is busy")]
    Busy(#[source] Source),
    /// A defect: ours, or of the item.
    #[error("the table cannot be read")]
    Broken(#[source] Source),
}

/// Why a commit failed.
#[derive(Debug, thiserror::Error)]
pub enum CommitError {
    /// A guard did not hold; nothing was written. The records as they are now, or `None` where an item is not there.
    #[error("a guard did not hold")]
    Guard(Vec<Option<Record>>),
    /// Another write of one of the items was in progress; nothing was written. The state of the decision is outdated, or soon will be.
    #[error("another write was under way")]
    Conflict(#[source] Source),
    /// Throttled; nothing was written.
    #[error("the table is busy")]
    Busy(#[source] Source),
    /// No answer arrived: only a read shows whether the write took effect.
    #[error("the outcome is unknown")]
    Unknown(#[source] Source),
    /// A defect.
    #[error("the table cannot be written")]
    Broken(#[source] Source),
    /// A dry run: it would have been written, and nothing was.
    #[error("dry run")]
    DryRun,
}

/// The cause of an error, for the log and never for an answer.
pub type Source = Box<dyn std::error::Error + Send + Sync>;

/// The table. Implemented by DynamoDB, and by wrappers that inject faults.
pub trait Table: Send + Sync {
    /// Reads all of `reads` in one round trip, strongly consistent but for lists in an index. What is not there is
    /// simply not among the records.
    fn read(&self, reads: &[Read], meter: &Meter) -> impl Future<Output = Result<Vec<Record>, ReadError>> + Send;

    /// Writes all of `writes` or nothing, in one round trip. Beside them, and without telling, it tries `touch`.
    fn commit(
        &self,
        writes: &[Write],
        touch: Option<&Write>,
        meter: &Meter,
    ) -> impl Future<Output = Result<(), CommitError>> + Send;

    /// A part of a walk, at most a megabyte of the table, strongly consistent: from where the one before ended.
    fn walk(
        &self,
        walk: &Walk,
        after: Option<&str>,
        meter: &Meter,
    ) -> impl Future<Output = Result<Walked, ReadError>> + Send;

    /// Takes the numbers of `span` for things of `kind`, if none was given yet that is as large as the first of them. False if one was.
    fn claim(&self, kind: &str, span: Span, meter: &Meter) -> impl Future<Output = Result<bool, ReadError>> + Send;

    /// Takes the next `count` numbers for things of `kind`: the first of them. Numbers are never given twice; some may
    /// be skipped.
    fn reserve(&self, kind: &str, count: i64, meter: &Meter) -> impl Future<Output = Result<i64, ReadError>> + Send;
}

/// Adds up what one request costs at the table, says whether it may write there, and sees the project that it is about.
#[derive(Debug, Default)]
pub struct Meter {
    spent: Mutex<Spent>,
    is_dry_run: AtomicBool,
    count: Mutex<Option<Count>>,
}

/// Counting a request against its project's quota.
#[derive(Debug)]
struct Count {
    counted: Counted,
    is_begun: bool,
    /// The project that was read, and the quota that it has.
    seen: Option<(String, Option<Rate>)>,
}

/// Request units and round trips, as the engine reported them.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Spent {
    /// Round trips; what runs in parallel counts once.
    pub round_trips: u32,
    /// Read request units.
    pub read_units: f64,
    /// Write request units.
    pub write_units: f64,
}

impl Meter {
    /// What was spent so far.
    pub fn spent(&self) -> Spent {
        *self.lock()
    }

    /// From now on nothing is written: whatever would be is [`CommitError::DryRun`].
    pub fn set_dry_run(&self) {
        self.is_dry_run.store(true, Ordering::Relaxed);
    }

    /// Is the request a dry run?
    pub fn is_dry_run(&self) -> bool {
        self.is_dry_run.load(Ordering::Relaxed)
    }

    /// The request is counted, if its project has a quota for it.
    pub fn count(&self, counted: Counted) {
        *self.counting() = Some(Count { counted, is_begun: false, seen: None });
    }

    /// What is to be counted now, if it is known of which project: once in a request.
    pub fn begin_count(&self) -> Option<Counted> {
        let mut count = self.counting();
        let is_known = |count: &&mut Count| count.seen.is_some() || count.counted.project_id.is_some();
        let count = count.as_mut().filter(|count| !count.is_begun).filter(is_known)?;
        count.is_begun = true;
        Some(count.counted.clone())
    }

    /// The project that the request read, and the quota that it has for it.
    pub fn project_seen(&self) -> Option<(String, Option<Rate>)> {
        self.counting().as_ref()?.seen.clone()
    }

    /// The project that the request is about by its own word, or by what it read.
    pub fn project_named(&self) -> Option<String> {
        self.counting().as_ref()?.counted.project_id.clone()
    }

    /// Looks at what was read for the project that the request is about: the first one.
    pub fn see(&self, records: &[Record]) {
        let mut count = self.counting();
        let Some(count) = count.as_mut().filter(|count| count.seen.is_none()) else { return };
        for record in records {
            match record {
                Record::Project(project) => {
                    count.seen = Some((project.id.clone(), quota::of(project, count.counted.traffic)));
                    return;
                }
                // What is looked up by its own number or hash alone.
                Record::Policy(policy) => _ = count.counted.project_id.get_or_insert(policy.project_id.clone()),
                Record::AccessToken(token) => _ = count.counted.project_id.get_or_insert(token.project_id.clone()),
                _ => {}
            }
        }
    }

    fn counting(&self) -> std::sync::MutexGuard<'_, Option<Count>> {
        self.count.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
    }

    /// Counts a round trip.
    pub fn round_trip(&self) {
        self.lock().round_trips += 1;
    }

    /// Counts read units.
    pub fn read(&self, units: f64) {
        self.lock().read_units += units;
    }

    /// Counts write units.
    pub fn write(&self, units: f64) {
        self.lock().write_units += units;
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Spent> {
        self.spent.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
    }
}
