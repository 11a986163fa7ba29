//! What a decision wants changed, each change with its guard: the smallest fact that the decision relied on.
//!
//! A write concerns one item of the table. `table/` converts it to an expression; if its guard no longer holds, the
//! table returns the current item and the decision is made again.

use ltlm_protocol::Timestamp;
use serde_json::{Map, Value};

use crate::model::account::Account;
use crate::model::administrator::{AdminKey, AdminOperation};
use crate::model::batch_memory::BatchMemory;
use crate::model::bucket::Bucket;
use crate::model::developer::{Developer, SignIn};
use crate::model::device::{Device, SeatClaim};
use crate::model::dispatch_checkpoint::DispatchCheckpoint;
use crate::model::erasure::Erasure;
use crate::model::event::Event;
use crate::model::ids::{BatchOwner, LicenseId, Link, OperationId, WalletId};
use crate::model::import::{Import, ImportKey, ImportState};
use crate::model::license::{License, Listing};
use crate::model::nonce_chain::{Chain, SeenBlob};
use crate::model::one_time_code::OneTimeCode;
use crate::model::order::{Order, Payment, Sale};
use crate::model::organization::{AccessToken, Member, Organization};
use crate::model::policy::Policy;
use crate::model::project::Project;
use crate::model::record::Record;
use crate::model::run::Run;
use crate::model::seat::{Holder, SeatCounts, SeatsOpen};
use crate::model::settings::Settings;
use crate::model::trial::{Card, Trial};
use crate::model::wallet::Wallet;
use crate::model::wallet::entry::Entry;
use crate::model::wallet::rollup::DayRollup;
use crate::model::webhook::{FailedDelivery, StoredNotice, Webhook};

/// One change of one item.
#[derive(Clone, Debug, PartialEq)]
pub enum Write {
    /// More registered devices. Guard: the license is there, and has places for them below `max` if there is one.
    CountDevices {
        /// The license.
        license: LicenseId,
        /// How many more.
        count: i64,
        /// Devices allowed.
        max: Option<i64>,
        /// The country it calls from, if that is known.
        country: Option<String>,
    },
    /// The license was used from another country than before. Guard: it is there.
    SeeCountry {
        /// The license.
        license: LicenseId,
        /// ISO 3166 alpha-2.
        country: String,
    },
    /// A new device. Guard: it is not there, or its record is the one that was removed and has not changed since.
    AddDevice {
        /// The license.
        license: LicenseId,
        /// Its record, `seat_revision` counted on from a removed one.
        device: Device,
    },
    /// A device activated again. Guard: it is there and its seat has not changed since.
    ReplaceDevice {
        /// The license.
        license: LicenseId,
        /// Its record, `seat_revision` already counted up.
        device: Device,
    },
    /// A device's seat changed. Guard: the device is there and its seat has not changed since.
    SetDeviceSeat {
        /// The license.
        license: LicenseId,
        /// The device.
        hwid: String,
        /// Its seat now.
        seat: SeatClaim,
        /// The revision after this change.
        seat_revision: i64,
        /// This contact.
        seen_at: Timestamp,
        /// If the device released another's seat: now.
        released_other_at: Option<Timestamp>,
    },
    /// A device was heard of. Guard: it is registered, and its seat has not changed since it was read.
    SeeDevice {
        /// The license.
        license: LicenseId,
        /// The device.
        hwid: String,
        /// The revision of its seat that was read.
        seat_revision: i64,
        /// This contact.
        seen_at: Timestamp,
    },
    /// Another device's seat changed, by the caller or by the vendor. Guard: as for the caller's own.
    SetTargetSeat {
        /// The license.
        license: LicenseId,
        /// The other device.
        hwid: String,
        /// Its seat now.
        seat: SeatClaim,
        /// The revision after this change.
        seat_revision: i64,
    },
    /// A device removed: its record stays, to state the reason. Guard: it exists, and its seat has not changed since.
    RemoveDevice {
        /// The license.
        license: LicenseId,
        /// The device.
        hwid: String,
        /// The revision after this change.
        seat_revision: i64,
        /// Now.
        at: Timestamp,
        /// Nobody but the device itself may come back under its name: its key stays.
        keeps_key: bool,
    },
    /// Forgets the key of a removed device. Guard: it was not changed since it was read.
    ForgetDeviceKey {
        /// The license.
        license: LicenseId,
        /// The device.
        hwid: String,
        /// The revision after this change.
        seat_revision: i64,
    },
    /// One registered device less. Guard: there is one.
    UncountDevice {
        /// The license.
        license: LicenseId,
    },
    /// A held slot taken from its holder, and possibly given to another device; the epoch is incremented, so that no
    /// late call of the old holder can affect it. Guard: the slot still belongs to the old holder, with the epoch
    /// `found`.
    PassSeat {
        /// The license.
        license: LicenseId,
        /// The slot.
        slot: i64,
        /// Its epoch before.
        found: i64,
        /// The holder.
        from: String,
        /// The holder afterwards.
        to: Option<Holder>,
    },
    /// A slot claimed. Guard: its epoch is `found`, and no lease except the claimant's own is valid at `now`.
    ClaimSeat {
        /// The license.
        license: LicenseId,
        /// The slot.
        slot: i64,
        /// Its epoch before, `None` if it was never used.
        found: Option<i64>,
        /// The claiming device.
        holder: Holder,
        /// The instant the guard is judged at.
        now: Timestamp,
    },
    /// A lease prolonged. Guard: the slot is still this holder's, of this epoch, and its lease has not lapsed.
    RenewSeat {
        /// The license.
        license: LicenseId,
        /// The slot.
        slot: i64,
        /// Its epoch.
        epoch: i64,
        /// The holder with its new lease.
        holder: Holder,
    },
    /// A slot given back. Guard: the slot is still this holder's, of this epoch.
    FreeSeat {
        /// The license.
        license: LicenseId,
        /// The slot.
        slot: i64,
        /// Its epoch.
        epoch: i64,
        /// The releasing device.
        hwid: String,
    },
    /// A slot whose holder fell silent, emptied. Guard: it is still of this epoch, and its lease has ended.
    SweepSeat {
        /// The license.
        license: LicenseId,
        /// The slot.
        slot: i64,
        /// Its epoch.
        epoch: i64,
        /// The instant the guard is judged at.
        now: Timestamp,
    },
    /// More or fewer slots opened for claims. Guard: as many are open as were `found`.
    OpenSeats {
        /// The license.
        license: LicenseId,
        /// How many were open, and since which turn; `None` if that was never noted.
        found: Option<SeatsOpen>,
        /// How many are.
        open: SeatsOpen,
    },
    /// The turn in which slots of a page may be claimed. Guard: it is still `found`. A claim does not change it;
    /// lowering the number of seats increments it, which makes all claims in flight fail.
    CheckTurn {
        /// The license.
        license: LicenseId,
        /// The page.
        page: i64,
        /// The turn before.
        found: i64,
        /// The turn afterwards.
        turn: i64,
    },
    /// A process begins to count the seats. Guard: no other process has begun since the last count.
    StartCount {
        /// The license.
        license: LicenseId,
        /// When they were counted last.
        found: Timestamp,
        /// Now.
        at: Timestamp,
    },
    /// The seats were counted. Guard: no other process counted since.
    CountSeats {
        /// The license.
        license: LicenseId,
        /// The counts.
        counts: SeatCounts,
        /// When they were counted, or began to be, before; `None` if never.
        found: Option<Timestamp>,
    },
    /// User settings saved. Guard: they are still at the revision `found`.
    SaveSettings {
        /// The license.
        license: LicenseId,
        /// The record.
        settings: Settings,
        /// The revision before, `None` if there were none.
        found: Option<i64>,
    },
    /// A new wallet. Guard: it is not there.
    AddWallet {
        /// Its record.
        wallet: Wallet,
    },
    /// A wallet moved. Guard: its sequence is still `found`.
    MoveWallet {
        /// Its record afterwards.
        wallet: Wallet,
        /// Its sequence before.
        found: i64,
    },
    /// An organization created or changed. Guard: it is still at the revision `found`.
    SaveOrganization {
        /// Its record, the revision already counted up.
        organization: Organization,
        /// The revision before, `None` if it was not there.
        found: Option<i64>,
    },
    /// A user belongs to an organization, or does not any more. Guard: the record is still at the revision `found`.
    SaveMember {
        /// The record, the revision already counted up.
        member: Member,
        /// The revision before, `None` if it was not there.
        found: Option<i64>,
    },
    /// An access token. Guard: it is not there.
    AddAccessToken {
        /// Its record.
        token: AccessToken,
    },
    /// An access token that is no longer valid, and in no list. Guard: it exists.
    RevokeAccessToken {
        /// Its hash.
        hash: String,
        /// When; one that was revoked before stays revoked since then.
        at: Timestamp,
    },
    /// A new account. Guard: it is not there.
    AddAccount {
        /// Its record.
        account: Account,
    },
    /// An account changed. Guard: it was not changed since.
    ReplaceAccount {
        /// Its record, the revision already counted up.
        account: Account,
    },
    /// Some of what an operation spent was refunded. Guard: nothing was since `found`.
    RefundEntry {
        /// The wallet.
        wallet: WalletId,
        /// The operation that spent.
        operation: OperationId,
        /// Refunded before.
        found: i64,
        /// Refunded by now.
        refunded: i64,
    },
    /// The free-form facts of an entry erased, their hash kept. Guard: it is there.
    EraseFacts {
        /// The wallet.
        wallet: WalletId,
        /// The operation.
        operation: OperationId,
        /// Hash of the facts.
        hash: Link,
    },
    /// A day of a ledger counted further. Guard: it is still at the revision `found`.
    SaveRollup {
        /// Its record, the revision already counted up.
        day: DayRollup,
        /// The revision before, `None` if it was not there.
        found: Option<i64>,
    },
    /// How far a job has come. Guard: it is still at the revision `found`.
    SaveDispatchCheckpoint {
        /// Its record, the revision already counted up.
        job: DispatchCheckpoint,
        /// The revision before, `None` if it never ran.
        found: Option<i64>,
    },
    /// How far the erasure of a project's old entries came. Guard: it is still at the revision `found`.
    SaveErasure {
        /// Its record, the revision already counted up.
        erasure: Erasure,
        /// The revision before, `None` if it was not there.
        found: Option<i64>,
    },
    /// The last run of what runs without a caller. No guard: the last one counts.
    SaveRun {
        /// Its record.
        run: Run,
    },
    /// A ledger entry. Guard: the operation has none.
    AddEntry {
        /// Its record.
        entry: Entry,
    },
    /// How far a batch came. Guard: it is still at the revision `found`.
    RememberBatch {
        /// The scope of batches.
        owner: BatchOwner,
        /// Its record, the revision already counted up.
        memory: BatchMemory,
        /// The revision before, `None` if there was none.
        found: Option<i64>,
    },
    /// A device's nonces moved on. Guard: the chain is still at the revision `found`.
    MoveChain {
        /// Its record, the revision already counted up.
        chain: Chain,
        /// The revision before, `None` if there was none.
        found: Option<i64>,
    },
    /// A cipher text was accepted. Guard: it was not before.
    RememberBlob {
        /// Its record.
        seen: SeenBlob,
    },
    /// Something that an application reports. Guard: it is not there.
    AddEvent {
        /// Its record.
        event: Event,
    },
    /// A new license. Guard: the key is free.
    AddLicense {
        /// Its record.
        license: License,
    },
    /// A license's place in its project's list. Guard: it has none.
    AddListing {
        /// Its record.
        listing: Listing,
    },
    /// A license's place in its customer's list, or out of it without an e-mail. Guard: it is this license's.
    ListBuyer {
        /// The license.
        license: License,
    },
    /// What the vendor decides about a license. Guard: no other decision was made since.
    ReviseLicense {
        /// Its record, the revision already counted up. Its number of devices is left as it is.
        license: License,
    },
    /// An order created or advanced. Guard: it is still at the revision `found`.
    SaveOrder {
        /// Its record, the revision already counted up.
        order: Order,
        /// The revision before, `None` if it was not there.
        found: Option<i64>,
    },
    /// What is known of a payment. Guard: it is still at the revision `found`.
    SavePayment {
        /// Its record, the revision already counted up.
        payment: Payment,
        /// The revision before, `None` if it was not there.
        found: Option<i64>,
    },
    /// A message of the payment provider was processed. Guard: it was not processed before.
    AddPaymentEvent {
        /// The provider's id of it.
        id: String,
        /// When.
        at: Timestamp,
    },
    /// What is known of an address and trials. Guard: it is still at the revision `found`.
    SaveTrial {
        /// Its record, the revision already counted up.
        trial: Trial,
        /// The revision before, `None` if it was not there.
        found: Option<i64>,
    },
    /// The vendor granted a trial license. No guard: the first one is stored.
    NoteTrial {
        /// Its record.
        trial: Trial,
    },
    /// A card with which a trial was had. Guard: none was before.
    AddCard {
        /// Its record.
        card: Card,
    },
    /// An item was sold to a buyer. Guard: the record is still at the revision `found`.
    SaveSale {
        /// The record, the revision already counted up.
        sale: Sale,
        /// The revision before, `None` if it was not there.
        found: Option<i64>,
    },
    /// A one-time code asked for, tried or used. Guard: it is still at the revision `found`.
    SaveCode {
        /// Its record, the revision already counted up.
        code: OneTimeCode,
        /// The revision before, `None` if it was not there.
        found: Option<i64>,
    },
    /// A developer created or changed. Guard: it is still at the revision `found`.
    SaveDeveloper {
        /// Its record, the revision already counted up.
        developer: Developer,
        /// The revision before, `None` if it was not there.
        found: Option<i64>,
    },
    /// A token taken from a bucket. Guard: the bucket is still full at the instant `found`; without one, it is full or
    /// does not exist.
    TakeToken {
        /// The bucket afterwards.
        bucket: Bucket,
        /// When it was full again, before.
        found: Option<Timestamp>,
        /// Now.
        now: Timestamp,
    },
    /// A sign-in begun, tried or done. Guard: it is still at the revision `found`.
    SaveSignIn {
        /// Its record, the revision already counted up.
        sign_in: SignIn,
        /// The revision before, `None` if it was not there.
        found: Option<i64>,
    },
    /// A webhook created or changed. Guard: it is still at the revision `found`.
    SaveWebhook {
        /// Its record, the revision already counted up.
        webhook: Webhook,
        /// The revision before, `None` if it was not there.
        found: Option<i64>,
    },
    /// A notice kept for deliveries. Guard: it is not.
    KeepNotice {
        /// Its record.
        notice: StoredNotice,
    },
    /// A delivery given up. No guard: the last one counts.
    AddFailedDelivery {
        /// Its record.
        dead: FailedDelivery,
    },
    /// A new project. Guard: the id is free.
    AddProject {
        /// Its record.
        project: Project,
    },
    /// A project changed. Guard: it was not changed since.
    ReplaceProject {
        /// Its record, the revision already counted up. Its count of policy changes is left as it is.
        project: Project,
    },
    /// A secret that names a project. Guard: no project has it.
    AddSecret {
        /// SHA-256 of the canonical secret, in hex.
        hash: String,
        /// The project.
        project_id: String,
        /// When.
        created_at: Timestamp,
    },
    /// A secret that names no project any more. Guard: it does.
    RetireSecret {
        /// SHA-256 of the canonical secret, in hex.
        hash: String,
        /// When.
        at: Timestamp,
    },
    /// A new policy. Guard: the number is free.
    AddPolicy {
        /// Its record.
        policy: Policy,
    },
    /// A policy changed. Guard: it was not changed since.
    ReplacePolicy {
        /// Its record, the revision already counted up.
        policy: Policy,
    },
    /// The project's policies changed. Guard: the project is there.
    CountPolicyChange {
        /// The project.
        project_id: String,
    },
    /// An administrator's operation was done. Guard: it was not.
    AddAdminOperation {
        /// Its record.
        operation: AdminOperation,
    },
    /// A new administrator key. Guard: there is none with its hash.
    AddAdminKey {
        /// Its record.
        key: AdminKey,
    },
    /// An administrator key that works no more. Guard: it is there.
    RevokeAdminKey {
        /// Its id.
        id: String,
        /// When.
        at: Timestamp,
    },
    /// A device's name or facts changed by the vendor. Guard: it is there and has not changed since.
    DescribeDevice {
        /// The license.
        license: LicenseId,
        /// The device.
        hwid: String,
        /// Its name.
        nickname: Option<String>,
        /// Free-form facts about it.
        meta: Option<Map<String, Value>>,
        /// The revision after this change.
        seat_revision: i64,
    },
    /// A key that projects' keys are sealed to. Guard: there is none of its id.
    AddImportKey {
        /// Its record.
        key: ImportKey,
    },
    /// A project begins to be imported. Guard: none is, into the same id.
    BeginImport {
        /// Its record.
        import: Box<Import>,
    },
    /// Lines of an import were imported. Guard: the import is open, and its progress is `found`.
    TakeLines {
        /// The import afterwards.
        import: Box<Import>,
        /// Lines that were imported before.
        found: i64,
    },
    /// An import is dropped, or finished. Guard: it is open, and came as far as its record says.
    SetImportState {
        /// The import as it was read.
        import: Box<Import>,
        /// Its state afterwards.
        state: ImportState,
        /// Now.
        at: Timestamp,
    },
    /// An import that is dropped is forgotten. Guard: it is this one, and is dropped, or it is gone already.
    RemoveImport {
        /// The project.
        project_id: String,
        /// The import.
        id: String,
    },
    /// A record of another deployment. Guard: there is none in its place.
    AddImported {
        /// The record.
        record: Box<Record>,
        /// The import that it came by.
        import: String,
    },
    /// A license's place in its customer's list, as an import puts it there. Guard: it has none.
    AddImportedBuyer {
        /// The license.
        license: Box<License>,
        /// The import that it came by.
        import: String,
    },
    /// A record that an import put there, removed. Guard: it came by this import, or it is gone already.
    RemoveImported {
        /// The record.
        record: Box<Record>,
        /// The import that it came by.
        import: String,
    },
}

/// The wallet a license owns.
pub fn wallet_of(license: &LicenseId) -> WalletId {
    WalletId::License(license.clone())
}
