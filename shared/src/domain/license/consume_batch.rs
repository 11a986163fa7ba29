//! `consume-batch`: charge what a device used while it was offline (wire 4.6 T-2 to T-6, E24).
//!
//! A batch is charged completely, one transaction's worth of uses at a time. Each use takes effect once by its own
//! operation id, or by its position under the batch's id. For uses without either, the batch memory states how much of
//! the device's last batch was processed, and each transaction advances it. A batch can therefore stop anywhere and be
//! sent again.
//!
//! A batch of the existing client may hold any number of uses. It is looked at window by window: a stretch of uses for which
//! one look at the table suffices.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;

use ltlm_protocol::license_data::{BatchResult, SkippedUsage, UsageResult};
use ltlm_protocol::request::{Charge, Skip};
use ltlm_protocol::{LicenseData, Timestamp, int32, limits};

use crate::domain::decision::Decision;
use crate::domain::license::gate::Call;
use crate::domain::license::license_data::{Asking, license_data};
use crate::domain::license::state::LicenseState;
use crate::domain::license::{consume, gate};
use crate::domain::pro::lost_answer::{Match, QueuedUse};
use crate::domain::pro::nonce::{Evidence, NonceUse};
use crate::model::batch_memory::{BatchMemory, MEMORY_HOURS};
use crate::model::denied::Denied;
use crate::model::ids::{BatchOwner, LicenseId, OperationId, OperationKey, ShortHash, WalletId, is_same_request};
use crate::model::nonce_chain::Chain;
use crate::model::record::Record;
use crate::model::wallet::Wallet;
use crate::model::wallet::cause::Cause;
use crate::model::wallet::entry::{Entry, PastFloor, Source};
use crate::model::wallet::open::OpenWallet;
use crate::model::write::{Write, wallet_of};

/// Items that one transaction may write, of the hundred that DynamoDB allows.
const WRITES_MAX: usize = 96;

/// The maximum of licenses that one window can name besides the one of the path.
const WINDOW_LICENSES_MAX: usize = 100;

/// A batch, its uses named and hashed.
#[derive(Clone, Debug, PartialEq)]
pub struct Batch {
    /// Names this one request, whatever its operation id.
    pub request: String,
    /// Did the caller choose it?
    pub is_named: bool,
    /// Hash of the request.
    pub fingerprint: String,
    /// The uses, oldest first.
    pub items: Vec<Item>,
    /// Its turn in the device's chain, if it came in an envelope.
    pub turn: Option<NonceUse>,
}

/// A use of a batch.
#[derive(Clone, Debug, PartialEq)]
pub struct Item {
    /// The license that it is charged to.
    pub license: LicenseId,
    /// Its name in that license's ledger.
    pub operation: OperationId,
    /// Its own operation id, if it has one.
    pub own_id: Option<String>,
    /// Kept with its entry: of the use itself if it has an id of its own, else of the batch.
    pub fingerprint: String,
    /// Hash over this use and all before it.
    pub prefix: String,
    /// When it happened, if the device stated a time.
    pub occurred_at: Option<Timestamp>,
    /// License, action and metadata, as a single charge's trace names them.
    pub what: ShortHash,
    /// What it costs, or why it is left out.
    pub charge: Result<Charge, Skip>,
}

impl Batch {
    /// Does it take the memory to recognize this batch?
    pub fn needs_memory(&self) -> bool {
        !self.is_named && self.items.iter().any(|item| item.charge.is_ok() && item.own_id.is_none())
    }

    /// The uses from `from` on for which one read of the table is made: at most `most` that can be charged, and of a
    /// bounded number of licenses. Nothing is read for uses that are skipped in any case.
    pub fn window(&self, from: usize, most: usize, own: &LicenseId) -> Range<usize> {
        let (mut names, mut count) = (BTreeSet::new(), 0);
        let fits = self.items.iter().skip(from).take_while(|item| {
            if item.charge.is_ok() {
                count += 1;
                names.extend(Some(&item.license).filter(|id| *id != own));
            }
            count <= most.max(1) && names.len() <= WINDOW_LICENSES_MAX
        });
        from..from + fits.count()
    }
}

/// What became of a use.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Outcome {
    Applied,
    Duplicate,
    Skipped(Skip),
}

/// What is known of a use before it is charged.
enum Known {
    /// What became of it.
    Done(Outcome),
    /// It is to be charged.
    New,
    /// It is presumed to repeat a use whose answer was lost: this is recorded, and nothing is charged.
    Duplicate(Match),
}

impl Item {
    /// The use as a device queued it after a single charge; `None` if it is skipped, or has an operation id that
    /// identifies it.
    fn queued(&self) -> Option<QueuedUse> {
        let charge = self.charge.as_ref().ok().filter(|_| self.own_id.is_none())?;
        Some(QueuedUse { what: self.what, amount: charge.amount, used_at: self.occurred_at })
    }
}

/// The progress of a request with its batch. It is in the table, so it stays valid when the rest is loaded again.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Progress {
    outcomes: Vec<Outcome>,
    /// Uses that found their own entry, because a reply was lost.
    seen: BTreeSet<(WalletId, OperationId)>,
}

impl Progress {
    /// Uses that are done with.
    pub fn count(&self) -> usize {
        self.outcomes.len()
    }

    /// Uses after the first `from` that were charged.
    pub fn charged_since(&self, from: usize) -> usize {
        self.outcomes.iter().skip(from).filter(|outcome| **outcome == Outcome::Applied).count()
    }
}

/// All that a batch may look at in one window, and how far it came.
#[derive(Clone, Debug, PartialEq)]
pub struct BatchState {
    /// The license of the path.
    pub license: LicenseState,
    /// Other licenses that the uses of the window name.
    pub others: Vec<LicenseState>,
    /// Licenses that were looked for, whether there are such or not.
    pub asked: BTreeSet<LicenseId>,
    /// Where the window ends.
    pub end: usize,
    /// How far the device's last batch came.
    pub memory: Option<BatchMemory>,
    /// What the uses' ids did already.
    pub entries: BTreeMap<(WalletId, OperationId), Entry>,
    /// How far it came.
    pub progress: Progress,
}

impl BatchState {
    /// The state before anything of the window was charged.
    pub fn new(
        license: LicenseState,
        others: Vec<LicenseState>,
        asked: BTreeSet<LicenseId>,
        end: usize,
        progress: Progress,
    ) -> Self {
        Self { license, others, asked, end, memory: None, entries: BTreeMap::new(), progress }
    }

    /// Takes in a record as it is in the table.
    pub fn absorb(&mut self, record: Record) {
        match record {
            Record::Entry(entry) => {
                self.entries.insert((entry.wallet.clone(), entry.operation.clone()), entry);
            }
            Record::BatchMemory(_, memory) => self.memory = Some(memory),
            Record::Wallet(wallet) => self.put_wallet(wallet),
            Record::Chain(chain) => self.license.chain = Some(chain),
            _ => {}
        }
    }

    /// Is every use done with?
    pub fn is_done(&self, batch: &Batch) -> bool {
        self.progress.count() == batch.items.len()
    }

    /// Is every use of the window done with?
    pub fn is_past_window(&self) -> bool {
        self.progress.count() >= self.end
    }

    fn put_wallet(&mut self, wallet: Wallet) {
        let owner =
            [&mut self.license].into_iter().chain(&mut self.others).find(|s| wallet_of(&s.license.id) == wallet.id);
        if let Some(owner) = owner {
            owner.wallet = Some(wallet);
        }
    }

    /// The license that a use is charged to, if this device is or was registered on it.
    fn charged(&self, item: &Item) -> Option<&LicenseState> {
        if item.license == self.license.license.id {
            return Some(&self.license);
        }
        let other = self.others.iter().find(|other| other.license.id == item.license)?;
        (other.device.is_some() || other.removed.is_some()).then_some(other)
    }

    /// What an earlier try of this request did with a use: what it charged has an entry.
    fn written(&self, item: &Item) -> Outcome {
        match self.entries.get(&(wallet_of(&item.license), item.operation.clone())) {
            Some(entry) if entry.source != Source::Duplicate => Outcome::Applied,
            _ => Outcome::Duplicate,
        }
    }

    /// The scope of the batch.
    pub fn owner(&self, batch: &Batch) -> BatchOwner {
        let LicenseState { project, license, .. } = &self.license;
        match &batch.turn {
            None => BatchOwner::License(license.id.clone()),
            Some(turn) => BatchOwner::Chain(turn.chain_id(&project.id)),
        }
    }

    /// Applies what the presented nonce shows about earlier answers, before the uses are processed.
    fn learn(&mut self, batch: &Batch, now: Timestamp) {
        if let (Some(chain), Some(turn)) = (&mut self.license.chain, &batch.turn) {
            chain.learn(turn.presented, now);
            chain.unproven.learn_clock(batch.items.iter().filter_map(Item::queued));
        }
    }

    /// Marks what the memory says is done: by an earlier request, or by this one before a reply was lost.
    fn recall(&mut self, batch: &Batch, now: Timestamp) {
        let Some(memory) = self.memory.as_ref().filter(|_| batch.needs_memory()) else { return };
        let is_in_force = match (&batch.turn, memory.answered) {
            (None, _) => now < memory.at.plus_seconds(MEMORY_HOURS * 3_600),
            // A batch that was not finished has no answer that could have arrived.
            (Some(_), None) => true,
            (Some(_), answered) => self.license.chain.as_ref().and_then(|chain| chain.batch) == answered,
        };
        let count = usize::try_from(memory.count).unwrap_or(0);
        let is_prefix = (1..=batch.items.len()).contains(&count) && batch.items[count - 1].prefix == memory.hash;
        if !is_prefix || !is_in_force {
            return;
        }
        let is_mine = memory.request == batch.request;
        let from = if is_mine { usize::try_from(memory.from).unwrap_or(0) } else { count };
        for index in self.progress.count()..count {
            let item = &batch.items[index];
            let outcome = match (&item.charge, self.charged(item)) {
                (Err(why), _) => Outcome::Skipped(*why),
                (Ok(_), None) if self.asked.contains(&item.license) => Outcome::Skipped(Skip::License),
                (Ok(_), Some(_)) if index >= from => self.written(item),
                // Licenses outside of the window were not looked for, and such a use was charged unless its license was not there.
                (Ok(_), _) => Outcome::Duplicate,
            };
            self.progress.outcomes.push(outcome);
        }
    }
}

/// Decides the next transaction of a batch. The reply is the state after it; the batch continues until it
/// [`BatchState::is_done`]. The status of the license does not matter: the tokens are already used.
pub fn decide(state: &BatchState, call: &Call, batch: &Batch) -> Result<Decision<BatchState>, Denied> {
    let (chain, seen) = (state.license.chain.as_ref(), state.license.seen_blob.as_ref());
    if let Some(turn) = &batch.turn {
        turn.on(state.license.policy.terms.is_air_gapped).check(chain, seen)?;
    }
    gate::online(&state.license)?;
    let device = gate::registered(&state.license)?;
    let mut after = state.clone();
    after.learn(batch, call.now);
    after.recall(batch, call.now);
    let from = after.progress.count() as i64;

    let mut moved = Moved::default();
    while let Some(item) = batch.items.get(after.progress.count()).filter(|_| !after.is_past_window()) {
        let known = known(&mut after, batch, item, &device.hwid, call.now)?;
        let outcome = match known {
            Known::Done(outcome) => outcome,
            Known::New if moved.add(&mut after, batch, item, call, None) => Outcome::Applied,
            Known::Duplicate(found) if moved.add(&mut after, batch, item, call, Some(found)) => {
                after.license.chain.iter_mut().for_each(|chain| chain.unproven.absorb(found, call.now));
                Outcome::Duplicate
            }
            Known::New | Known::Duplicate(_) => break,
        };
        after.progress.outcomes.push(outcome);
    }
    if batch.turn.as_ref().is_some_and(|turn| turn.is_done(chain, seen)) {
        return Ok(Decision::read(after));
    }
    let mut writes = moved.writes();
    let answers = batch.turn.as_ref().filter(|_| after.is_done(batch));
    if batch.needs_memory() && (!writes.is_empty() || answers.is_some()) {
        let answered = answers.map(|turn| turn.issued);
        let count = after.progress.count();
        let memory = remembered(state, batch, &device.hwid, from, count, answered, call.now);
        let found = state.memory.as_ref().map(|memory| memory.revision);
        after.memory = Some(memory.clone());
        writes.push(Write::RememberBatch { owner: state.owner(batch), memory, found });
    }
    writes.extend(chain_writes(state, &mut after, batch, call.now));
    let touch = consume::touch(&state.license, device, call.now).filter(|_| after.is_done(batch));
    after.license = after.license.after(touch.as_slice());
    Ok(Decision { writes, touch, reply: after })
}

/// What is known of a use without charging it.
fn known(state: &mut BatchState, batch: &Batch, item: &Item, hwid: &str, now: Timestamp) -> Result<Known, Denied> {
    let charge = match &item.charge {
        Ok(charge) => charge,
        Err(why) => return Ok(Known::Done(Outcome::Skipped(*why))),
    };
    if state.charged(item).is_none() {
        return Ok(Known::Done(Outcome::Skipped(Skip::License)));
    }
    let name = (wallet_of(&item.license), item.operation.clone());
    let Some(entry) = state.entries.get(&name) else { return Ok(charged_alone(state, batch, item, now)) };
    let is_same = match &item.own_id {
        // The use may have come by itself before, in other words but with the same facts.
        Some(_) => {
            let amount = entry.uncharged.unwrap_or(-entry.amount);
            amount == charge.amount && entry.action == charge.action && entry.hwid.as_deref() == Some(hwid)
        }
        None => is_same_request(&entry.fingerprint, &item.fingerprint),
    };
    if !is_same {
        let is_first = !state.progress.outcomes.contains(&Outcome::Applied);
        return match batch.is_named && item.own_id.is_none() && is_first {
            true => Err(Denied::IdempotencyKeyReused),
            false => Ok(Known::Done(Outcome::Skipped(Skip::OperationIdReused))),
        };
    }
    let is_charge = entry.source != Source::Duplicate;
    let is_mine = is_charge && entry.batch.as_ref() == Some(&batch.request) && state.progress.seen.insert(name);
    Ok(Known::Done(if is_mine { Outcome::Applied } else { Outcome::Duplicate }))
}

/// Was the use charged before as a single use, with a lost answer (wire 4.6 T-5)?
fn charged_alone(state: &mut BatchState, batch: &Batch, item: &Item, now: Timestamp) -> Known {
    let favor = state.license.terms.hardening.lost_answers;
    let chain = state.license.chain.as_mut().filter(|_| batch.turn.is_some());
    let Some((chain, queued)) = chain.zip(item.queued()) else { return Known::New };
    match chain.unproven.find(&queued, favor, now) {
        None => Known::New,
        // What a later try of a named batch needs, and what the vendor can count.
        Some(found) if found.is_presumed || batch.is_named => Known::Duplicate(found),
        Some(found) => {
            chain.unproven.absorb(found, now);
            Known::Done(Outcome::Duplicate)
        }
    }
}

/// What a transaction moves, wallet by wallet.
#[derive(Default)]
struct Moved {
    wallets: BTreeMap<LicenseId, (Wallet, i64)>,
    entries: Vec<Entry>,
}

impl Moved {
    /// Charges a use, or notes it as a duplicate; false if the transaction has no room for it.
    fn add(
        &mut self,
        state: &mut BatchState,
        batch: &Batch,
        item: &Item,
        call: &Call,
        duplicate: Option<Match>,
    ) -> bool {
        let moved = movement(state, item, call, &batch.request, duplicate);
        let Some((found, (wallet, mut entries))) = moved else { return false };
        let wallets = self.wallets.len() + usize::from(!self.wallets.contains_key(&item.license));
        if !self.entries.is_empty() && self.entries.len() + entries.len() + wallets > WRITES_MAX {
            return false;
        }
        let is_told = self.entries.iter().any(|e| e.past_floor.is_some() && e.wallet == wallet.id);
        for entry in &mut entries {
            entry.past_floor = entry.past_floor.map(|first| if is_told { PastFloor::Further } else { first });
            let name = (entry.wallet.clone(), entry.operation.clone());
            state.progress.seen.insert(name.clone());
            state.entries.insert(name, entry.clone());
        }
        self.entries.extend(entries);
        state.put_wallet(wallet.clone());
        let found = self.wallets.remove(&item.license).map_or(found, |(_, first_found)| first_found);
        self.wallets.insert(item.license.clone(), (wallet, found));
        true
    }

    fn writes(self) -> Vec<Write> {
        let wallets = self.wallets.into_values().map(|(wallet, found)| Write::MoveWallet { wallet, found });
        wallets.chain(self.entries.into_iter().map(|entry| Write::AddEntry { entry })).collect()
    }
}

/// A use's movement: the sequence number before it, the wallet after it, its entries.
fn movement(
    state: &BatchState,
    item: &Item,
    call: &Call,
    request: &str,
    duplicate: Option<Match>,
) -> Option<(i64, (Wallet, Vec<Entry>))> {
    let charge = item.charge.as_ref().ok()?;
    let owner = state.charged(item)?;
    let cause = Cause {
        key: OperationKey { id: item.operation.clone(), fingerprint: item.fingerprint.clone() },
        action: charge.action.clone(),
        source: if duplicate.is_some() { Source::Duplicate } else { Source::Batch },
        hwid: call.caller.hwid.clone(),
        usage_sequence: charge.sequence,
        occurred_at: item.occurred_at.unwrap_or(call.now),
        meta: charge.meta.clone(),
        batch: Some(request.to_owned()),
        original: None,
    };
    let Some(OpenWallet { wallet, mut entries, found, due_at }) = owner.tokens(call.now) else {
        let wallet = owner.wallet_or_empty();
        let (moved, entry) = wallet.note(charge.amount, cause, call.now);
        return Some((wallet.sequence, (moved, vec![entry])));
    };
    let floor = owner.terms.batch_floor();
    let is_past_floor = floor.is_some_and(|floor| wallet.balance(call.now).saturating_sub(charge.amount) < -floor);
    let moved = match duplicate {
        Some(found) => {
            let (moved, entry) = wallet.note(charge.amount, cause, call.now);
            entries.push(Entry { is_presumed: found.is_presumed, ..entry });
            moved
        }
        // Told and not refused: the client would send it for ever (T-2).
        None if is_past_floor => {
            let (moved, entry) = wallet.note(charge.amount, cause, call.now);
            entries.push(Entry { past_floor: Some(PastFloor::First), ..entry });
            moved
        }
        // Overdrawing is never refused.
        None => {
            let (moved, spent) = wallet.spend(charge.amount, true, cause, call.now).ok()?;
            entries.extend(spent);
            moved
        }
    };
    Some((found, (Wallet { due_at: moved.due_or_end(due_at), ..moved }, entries)))
}

/// The chain after this transaction. The last one uses up the nonce; one before it may have found that uses were charged
/// already.
fn chain_writes(state: &BatchState, after: &mut BatchState, batch: &Batch, now: Timestamp) -> Vec<Write> {
    let Some(turn) = &batch.turn else { return Vec::new() };
    let found = state.license.chain.as_ref().map(|chain| chain.revision);
    let chain = match after.is_done(batch) {
        true => {
            let id = turn.chain_id(&state.license.project.id);
            let trace = if batch.needs_memory() { Evidence::Batch } else { Evidence::None };
            turn.next(id, after.license.chain.as_ref(), trace, now)
        }
        false => match after.license.chain.clone().filter(|chain| state.license.chain.as_ref() != Some(chain)) {
            Some(chain) => Chain { revision: chain.revision + 1, used_at: now, ..chain },
            None => return Vec::new(),
        },
    };
    after.license.chain = Some(chain.clone());
    vec![Write::MoveChain { chain, found }]
}

fn remembered(
    state: &BatchState,
    batch: &Batch,
    hwid: &str,
    from: i64,
    count: usize,
    answered: Option<ShortHash>,
    now: Timestamp,
) -> BatchMemory {
    let before = state.memory.as_ref();
    let mine = before.filter(|memory| memory.request == batch.request);
    BatchMemory {
        hwid: hwid.to_owned(),
        request: batch.request.clone(),
        from: mine.map_or(from, |memory| memory.from),
        count: count as i64,
        hash: count.checked_sub(1).map_or_else(String::new, |last| batch.items[last].prefix.clone()),
        at: now,
        answered,
        revision: before.map_or(1, |memory| memory.revision + 1),
    }
}

/// The answer: the license, and what became of each use.
pub fn answer(state: &BatchState, call: &Call, batch: &Batch) -> LicenseData {
    let outcomes = &state.progress.outcomes;
    // A client that sends more than one plain call may hold reads no result of a single use.
    let shown = if outcomes.len() > limits::BATCH_USAGES_MAX { 0 } else { outcomes.len() };
    let rows = outcomes.iter().zip(&batch.items).take(shown);
    let results = rows.map(|(outcome, item)| {
        let (result, reason) = match outcome {
            Outcome::Applied => ("applied", None),
            Outcome::Duplicate => ("duplicate", None),
            Outcome::Skipped(why) => ("skipped", Some(why.wire().to_owned())),
        };
        UsageResult { result: result.to_owned(), reason, operation_id: item.own_id.clone() }
    });
    let count = |wanted: Outcome| int32(outcomes.iter().filter(|outcome| **outcome == wanted).count() as i64);
    let skipped = outcomes.iter().enumerate().filter_map(|(index, outcome)| match outcome {
        Outcome::Skipped(why) => Some(SkippedUsage { index: int32(index as i64), reason: why.wire().to_owned() }),
        _ => None,
    });
    let skipped = skipped.take(limits::BATCH_USAGES_MAX);
    let batch_result = BatchResult {
        accepted: count(Outcome::Applied),
        duplicates: count(Outcome::Duplicate),
        skipped: skipped.collect(),
        results: results.collect(),
    };
    LicenseData {
        batch_result: Some(batch_result),
        ..license_data(call, &state.license, &state.license, Asking::Acting)
    }
}
