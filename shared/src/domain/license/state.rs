//! All that a license command may look at, loaded in one round trip, and how writes change it.

use std::collections::BTreeSet;

use ltlm_protocol::Timestamp;

use crate::domain::license::seat_map::{SeatMap, torn_page};
use crate::domain::license::status::Status;
use crate::domain::license::terms::Terms;
use crate::domain::license::token_renewal::TokenRenewal;
use crate::domain::pro::nonce::Chained;
use crate::model::administrator::AdminOperation;
use crate::model::device::{Device, SeatClaim};
use crate::model::event::Event;
use crate::model::ids::Origin;
use crate::model::license::License;
use crate::model::nonce_chain::{Chain, SeenBlob};
use crate::model::order::Order;
use crate::model::policy::Policy;
use crate::model::project::Project;
use crate::model::record::Record;
use crate::model::seat::{PAGE_SLOTS, Seat};
use crate::model::settings::Settings;
use crate::model::wallet::Wallet;
use crate::model::wallet::entry::Entry;
use crate::model::wallet::open::OpenWallet;
use crate::model::write::{Write, wallet_of};

/// What of a state may be outdated, because it was not read strongly consistent.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Outdated {
    /// The wallet.
    pub wallet: bool,
    /// The calling device's record.
    pub device: bool,
    /// The calling device's seat was not read: it is the one that the device's record names.
    pub seat: bool,
    /// The chain of nonces.
    pub chain: bool,
}

/// A license as one caller's command sees it.
#[derive(Clone, Debug, PartialEq)]
pub struct LicenseState {
    /// The caller's project, which is the license's.
    pub project: Project,
    /// The license's policy.
    pub policy: Policy,
    /// The license.
    pub license: License,
    /// What holds for it.
    pub terms: Terms,
    /// Its tokens, if it ever had any.
    pub wallet: Option<Wallet>,
    /// The calling device, if it is registered.
    pub device: Option<Device>,
    /// The device that the command concerns, besides the caller, if it is registered.
    pub target: Option<Device>,
    /// What the vendor removed: the calling device, or the target.
    pub removed: Option<Device>,
    /// Other devices, last activated first, at most as many as an answer lists.
    pub others: Vec<Device>,
    /// The seats that were read, of those ever claimed.
    pub seats: Vec<Seat>,
    /// The pages that they are of.
    pub seat_pages: BTreeSet<i64>,
    /// The user settings, if any were saved.
    pub settings: Option<Settings>,
    /// What the operation id of this command already did.
    pub entry: Option<Entry>,
    /// The administrator's operation, if it was done already.
    pub done: Option<AdminOperation>,
    /// The policy that the command concerns, besides the license's own.
    pub next_policy: Option<Policy>,
    /// The event that the report brings, if it was brought before.
    pub event: Option<Event>,
    /// The order that this operation created before.
    pub order: Option<Order>,
    /// Did the call come in an envelope (wire 2)?
    pub is_sealed: bool,
    /// The nonces of the calling device, if the call came in an envelope.
    pub chain: Option<Chain>,
    /// The call's cipher text, if it came before.
    pub seen_blob: Option<SeenBlob>,
    /// What may be outdated.
    pub outdated: Outdated,
}

impl LicenseState {
    /// The state of a license of which nothing else is known yet.
    pub fn new(project: Project, policy: Policy, license: License) -> Self {
        Self {
            terms: Terms::resolve(&project, &policy, &license),
            project,
            policy,
            license,
            wallet: None,
            device: None,
            target: None,
            removed: None,
            others: Vec::new(),
            seats: Vec::new(),
            seat_pages: BTreeSet::from([0]),
            settings: None,
            entry: None,
            done: None,
            next_policy: None,
            event: None,
            order: None,
            is_sealed: false,
            chain: None,
            seen_blob: None,
            outdated: Outdated::default(),
        }
    }

    /// Is a decision with these writes (`None`: a refusal) valid, although some of the state may be outdated? It is if the conditions
    /// of its writes verify what may be. An answer may show a balance that is a moment old; no decision uses one.
    pub fn is_verified_by(&self, writes: Option<&[Write]>) -> bool {
        if self.outdated == Outdated::default() {
            return true;
        }
        let Some(writes) = writes else { return false };
        let has = |is_it: fn(&Write) -> bool| writes.iter().any(is_it);
        let renews = has(|write| matches!(write, Write::RenewSeat { .. }));
        let sees = has(|write| matches!(write, Write::SeeDevice { .. }));
        let moves = has(|write| matches!(write, Write::AddWallet { .. } | Write::MoveWallet { .. }));
        // A repeated operation is answered by its entry; and a status depends on the balance only with a floor.
        let wallet = moves || self.entry.is_some() || self.terms.hardening.overdraft_floor.is_none();
        // Whoever holds no seat, and would like one, has to look at the seats.
        let claims_none = self.terms.seats_max.is_none()
            || self.device.as_ref().is_some_and(|d| matches!(d.seat, SeatClaim::Released | SeatClaim::Kicked(_)));
        (!self.outdated.wallet || wallet)
            && (!self.outdated.device || renews || sees)
            && (!self.outdated.seat || renews || (sees && claims_none))
            && (!self.outdated.chain || has(|write| matches!(write, Write::MoveChain { .. })))
    }

    /// The wallet at `now`, if the license has tokens: [`Wallet::settled`], with a due allocation granted.
    pub fn tokens(&self, now: Timestamp) -> Option<OpenWallet> {
        let plan = self.terms.tokens_base?;
        let found = self.wallet_or_empty();
        let (wallet, mut entries) = found.settled(plan, now);
        // The first allocation is the plan's grant itself.
        let renewal = TokenRenewal::of(&self.policy.terms).filter(|_| found.sequence > 0);
        let (wallet, given) = match renewal {
            Some(renewal) => renewal.brought_up(&self.license, wallet, plan, now),
            None => (wallet, Vec::new()),
        };
        entries.extend(given);
        let due_at = TokenRenewal::of(&self.policy.terms).and_then(|r| r.next(&self.license, &wallet, now));
        Some(OpenWallet { wallet, entries, found: found.sequence, due_at: due_at.filter(|_| plan > 0) })
    }

    /// The state once the license is `license`, of `policy`.
    pub fn revised(&self, policy: &Policy, license: License) -> Self {
        let terms = Terms::resolve(&self.project, policy, &license);
        Self { terms, license, policy: policy.clone(), ..self.clone() }
    }

    /// Sets the size of the plan's grant to what the terms say now, so that the ledger states when it changed.
    pub fn following(&self, now: Timestamp) -> Vec<Write> {
        match self.tokens(now).filter(|tokens| !tokens.entries.is_empty()) {
            None => Vec::new(),
            Some(tokens) => tokens.settled(),
        }
    }

    /// The wallet as it is in the table; an empty one if there is none.
    pub fn wallet_or_empty(&self) -> Wallet {
        self.wallet.clone().unwrap_or_else(|| Wallet::empty(wallet_of(&self.license.id)))
    }

    /// The license's status at `now`. One that is overdrawn below the project's floor is suspended (wire section 7, W8).
    pub fn status(&self, now: Timestamp) -> Status {
        let status = self.license.status(&self.terms, now);
        let floor = self.terms.hardening.overdraft_floor.filter(|_| status.is_usable());
        let is_below = floor.is_some_and(|floor| self.tokens(now).is_some_and(|t| t.wallet.balance(now) < -floor));
        if is_below { Status::Suspended } else { status }
    }

    /// What is known of its seats.
    pub fn room(&self, now: Timestamp) -> SeatMap<'_> {
        SeatMap {
            seats: &self.seats,
            pages: &self.seat_pages,
            counts: self.license.seat_counts.as_ref(),
            turn: self.license.seats_open.map_or(0, |open| open.turn),
            max: self.terms.seats_max.unwrap_or(0),
            now,
        }
    }

    /// The end of a lease that starts at `now`.
    pub fn lease_until(&self, now: Timestamp) -> Timestamp {
        now.plus_seconds(self.terms.seat_seconds())
    }

    /// The state after `writes`. Answers are rendered from it, so that what is answered is what was written.
    pub fn after(&self, writes: &[Write]) -> Self {
        let mut after = self.clone();
        writes.iter().for_each(|write| after.apply(write));
        after
    }

    fn apply(&mut self, write: &Write) {
        match write {
            Write::CountDevices { count, country, .. } => {
                self.license.device_count += count;
                self.license.buyer.last_country = country.clone().or(self.license.buyer.last_country.take());
            }
            Write::SeeCountry { country, .. } => self.license.buyer.last_country = Some(country.clone()),
            Write::AddDevice { device, .. } | Write::ReplaceDevice { device, .. } => self.device = Some(device.clone()),
            Write::SetDeviceSeat { seat, seat_revision, seen_at, released_other_at, .. } => {
                if let Some(device) = &mut self.device {
                    (device.seat, device.seat_revision, device.seen_at) = (seat.clone(), *seat_revision, *seen_at);
                    device.released_other_at = released_other_at.or(device.released_other_at);
                }
            }
            Write::SeeDevice { seen_at, .. } => {
                if let Some(device) = &mut self.device {
                    device.seen_at = *seen_at;
                }
            }
            Write::SetTargetSeat { seat, seat_revision, .. } => {
                if let Some(target) = &mut self.target {
                    (target.seat, target.seat_revision) = (seat.clone(), *seat_revision);
                }
            }
            Write::RemoveDevice { .. } => self.target = None,
            Write::ForgetDeviceKey { .. } => {
                if let Some(removed) = &mut self.removed {
                    removed.public_key = None;
                }
            }
            Write::UncountDevice { .. } => self.license.device_count -= 1,
            Write::PassSeat { slot, found, to, .. } => {
                self.put_seat(Seat { slot: *slot, epoch: found + 1, holder: to.clone() });
            }
            Write::ClaimSeat { slot, found, holder, .. } => {
                self.put_seat(Seat { slot: *slot, epoch: found.unwrap_or(0) + 1, holder: Some(holder.clone()) });
            }
            Write::RenewSeat { slot, epoch, holder, .. } => {
                self.put_seat(Seat { slot: *slot, epoch: *epoch, holder: Some(holder.clone()) });
            }
            Write::FreeSeat { slot, epoch, .. } => self.put_seat(Seat { slot: *slot, epoch: *epoch, holder: None }),
            Write::AddWallet { wallet } | Write::MoveWallet { wallet, .. } => self.wallet = Some(wallet.clone()),
            Write::SaveSettings { settings, .. } => self.settings = Some(settings.clone()),
            Write::AddEntry { entry } => self.entry = Some(entry.clone()),
            Write::AddLicense { license } => self.license = license.clone(),
            Write::ReviseLicense { license } => self.license = license.clone(),
            Write::DescribeDevice { nickname, meta, seat_revision, .. } => {
                if let Some(target) = &mut self.target {
                    (target.nickname, target.meta) = (nickname.clone(), meta.clone());
                    target.seat_revision = *seat_revision;
                }
            }
            Write::SweepSeat { slot, epoch, .. } => {
                self.put_seat(Seat { slot: *slot, epoch: *epoch, holder: None });
            }
            Write::OpenSeats { open, .. } => self.license.seats_open = Some(*open),
            Write::CountSeats { counts, .. } => self.license.seat_counts = Some(counts.clone()),
            Write::MoveChain { chain, .. } => self.chain = Some(chain.clone()),
            Write::RememberBatch { .. }
            | Write::RememberBlob { .. }
            | Write::AddEvent { .. }
            | Write::EraseFacts { .. }
            | Write::SaveDispatchCheckpoint { .. }
            | Write::SaveErasure { .. }
            | Write::SaveRun { .. }
            | Write::SaveOrganization { .. }
            | Write::SaveMember { .. }
            | Write::AddAccessToken { .. }
            | Write::RevokeAccessToken { .. }
            | Write::SaveRollup { .. }
            | Write::AddAccount { .. }
            | Write::ReplaceAccount { .. }
            | Write::RefundEntry { .. }
            | Write::SaveOrder { .. }
            | Write::SavePayment { .. }
            | Write::AddPaymentEvent { .. }
            | Write::SaveTrial { .. }
            | Write::NoteTrial { .. }
            | Write::AddCard { .. }
            | Write::SaveSale { .. }
            | Write::SaveCode { .. }
            | Write::SaveDeveloper { .. }
            | Write::TakeToken { .. }
            | Write::SaveSignIn { .. }
            | Write::SaveWebhook { .. }
            | Write::KeepNotice { .. }
            | Write::AddFailedDelivery { .. }
            | Write::StartCount { .. }
            | Write::CheckTurn { .. }
            | Write::AddListing { .. }
            | Write::ListBuyer { .. }
            | Write::AddProject { .. }
            | Write::ReplaceProject { .. }
            | Write::AddSecret { .. }
            | Write::RetireSecret { .. }
            | Write::AddPolicy { .. }
            | Write::ReplacePolicy { .. }
            | Write::CountPolicyChange { .. }
            | Write::AddAdminOperation { .. }
            | Write::AddAdminKey { .. }
            | Write::RevokeAdminKey { .. }
            | Write::AddImportKey { .. }
            | Write::BeginImport { .. }
            | Write::TakeLines { .. }
            | Write::SetImportState { .. }
            | Write::RemoveImport { .. }
            | Write::AddImported { .. }
            | Write::AddImportedBuyer { .. }
            | Write::RemoveImported { .. } => {}
        }
    }

    /// Was a device's record read later than the slot that it names? Slot and record are written together, so an older slot says
    /// nothing about the device's seat.
    pub fn is_torn(&self) -> bool {
        self.torn_pages().next().is_some()
    }

    /// The pages of seats that were read before the records of the devices that hold seats on them.
    pub fn torn_pages(&self) -> impl Iterator<Item = i64> {
        let devices = [&self.device, &self.target].into_iter().flatten();
        devices.filter_map(|device| torn_page(device, &self.seats, &self.seat_pages))
    }

    /// Takes in a record as it is now, handed back by the table because a guard failed on it. False if that is not enough to
    /// decide again: of many seats other pages may have room, and a device that changed may have done so with its slot.
    pub fn absorb(&mut self, record: Record) -> bool {
        let is_enough = !matches!(record, Record::Seat(..)) || self.terms.seats_max.is_none_or(|max| max <= PAGE_SLOTS);
        match record {
            Record::License(license) => {
                self.terms = Terms::resolve(&self.project, &self.policy, &license);
                self.license = license;
            }
            Record::Wallet(wallet) => self.wallet = Some(wallet),
            Record::Device(_, device) => self.put_device(device),
            Record::Seat(_, seat) => self.put_seat(seat),
            Record::Settings(_, settings) => self.settings = Some(settings),
            // One that the service wrote by itself, a grant's end say, is in the way of the same by somebody else: the wallet, which
            // comes with it, tells. It is not what this command did.
            Record::Entry(entry) if entry.operation.origin == Origin::System => {}
            Record::Entry(entry) => self.entry = Some(entry),
            Record::Chain(chain) => self.chain = Some(chain),
            Record::SeenBlob(seen) => self.seen_blob = Some(seen),
            Record::Order(order) => self.order = Some(order),
            Record::Event(event) => self.event = Some(event),
            Record::Payment(_)
            | Record::PaymentEvent(_)
            | Record::Trial(_)
            | Record::Card(_)
            | Record::Sale(_)
            | Record::Code(_)
            | Record::EventKind { .. }
            | Record::Developer(_)
            | Record::Bucket(_)
            | Record::SignIn(_)
            | Record::Webhook(_)
            | Record::Notice(_)
            | Record::FailedDelivery(_)
            | Record::Project(_)
            | Record::Due(_)
            | Record::DispatchCheckpoint(_)
            | Record::Erasure(_)
            | Record::Run(_)
            | Record::Organization(_)
            | Record::Member(_)
            | Record::AccessToken(_)
            | Record::AccessTokenName { .. }
            | Record::Rollup(_)
            | Record::Account(_)
            | Record::BatchMemory(..)
            | Record::Secret { .. }
            | Record::Policy(_)
            | Record::ListedDevice(_)
            | Record::Listing(_)
            | Record::BuyerListing(_)
            | Record::AdminKey(_)
            | Record::Import(_)
            | Record::ImportKey(_) => {}
            Record::AdminOperation(done) => self.done = Some(done),
        }
        is_enough && !self.is_torn()
    }

    fn put_device(&mut self, device: Device) {
        let place = match &self.target {
            Some(target) if target.hwid == device.hwid => &mut self.target,
            _ => &mut self.device,
        };
        match device.removed_at {
            None => *place = Some(device),
            Some(_) => {
                *place = None;
                self.removed = Some(device);
            }
        }
    }

    fn put_seat(&mut self, seat: Seat) {
        match self.seats.iter_mut().find(|kept| kept.slot == seat.slot) {
            Some(kept) => *kept = seat,
            None => self.seats.push(seat),
        }
    }
}

impl Chained for LicenseState {
    fn project(&self) -> &Project {
        &self.project
    }

    fn chain(&self) -> Option<&Chain> {
        self.chain.as_ref()
    }

    fn seen_blob(&self) -> Option<&SeenBlob> {
        self.seen_blob.as_ref()
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use crate::model::ids::{LicenseId, WalletId};
    use crate::model::license::{AdminState, Buyer};
    use crate::model::policy::PolicyTerms;
    use crate::model::project::WrappedKeys;
    use crate::model::purchases::Purchases;
    use crate::model::wallet::grant::{Grant, PLAN_PRIORITY};
    use ltlm_protocol::Body;
    use serde_json::{Map, json};

    pub(crate) const NOW: Timestamp = Timestamp::EPOCH;

    /// Project P1 of fixture F (wire section 6).
    pub(crate) fn project() -> Project {
        Project {
            id: "prj_1".into(),
            number: 7,
            name: "P1".into(),
            settings: Map::new(),
            project_settings: Map::new(),
            policies_revision: 1,
            revision: 0,
            public_key: String::new(),
            wrapped: WrappedKeys::default(),
            secrets: Vec::new(),
            created_at: NOW,
        }
    }

    /// Policy SUB of fixture F.
    pub(crate) fn policy() -> Policy {
        let body = json!({"name": "SUB", "type": "subscription", "recurringInterval": "month", "config": {
            "limits": {"seats": {"enabled": true, "maxSeats": 2}, "devices": {"maxDevices": 3},
                "tokens": {"enabled": true, "maxTokens": 100}, "time": {"mode": "duration", "durationDays": 30, "gracePeriodDays": 7}},
            "sdkEnforcement": {"heartbeat": {"interval": 5}, "offlineGracePeriod": {"enabled": true, "duration": 72}},
            "customerActions": {"allowRemoteSeatRelease": true, "seatReleaseCooldownSeconds": 300},
            "capabilities": ["pro"]}});
        Policy {
            project_id: "prj_1".into(),
            number: 1,
            terms: PolicyTerms::parse(&body).unwrap(),
            revision: 0,
            created_at: NOW,
        }
    }

    /// License L1 of fixture F.
    pub(crate) fn license() -> License {
        License {
            id: LicenseId("l1".into()),
            number: 1,
            project_id: "prj_1".into(),
            policy_number: 1,
            state: AdminState::Active,
            state_reason: None,
            valid_until: Some(NOW.plus_days(30)),
            purchases: Purchases::default(),
            overrides: Map::new(),
            metadata: Map::new(),
            buyer: Buyer::default(),
            device_count: 0,
            is_test: false,
            revision: 0,
            seat_counts: None,
            seats_open: None,
            created_at: NOW,
        }
    }

    pub(crate) fn terms() -> Terms {
        Terms::resolve(&project(), &policy(), &license())
    }

    /// L1 before any call, seen by the device `hwid`.
    pub(crate) fn fresh() -> LicenseState {
        let plan = Grant {
            id: "plan".into(),
            amount: 100,
            remaining: 100,
            priority: PLAN_PRIORITY,
            expires_at: None,
            granted_at: NOW,
        };
        let wallet = Wallet { grants: vec![plan], sequence: 1, ..Wallet::empty(WalletId::License(license().id)) };
        LicenseState { wallet: Some(wallet), ..LicenseState::new(project(), policy(), license()) }
    }

    /// A registered device without a seat.
    pub(crate) fn device(hwid: &str) -> Device {
        Device {
            hwid: hwid.into(),
            nickname: Some(format!("Desk {hwid}")),
            client_version: None,
            meta: None,
            public_key: None,
            registered_at: NOW,
            activated_at: NOW,
            seen_at: NOW,
            seat: SeatClaim::None,
            seat_revision: 0,
            released_other_at: None,
            removed_at: None,
        }
    }
}
