//! Token accounts: one function a command, all of the same shape.

pub mod dispatcher;
pub mod due;
pub mod erasure;
pub mod project_accounts;
pub mod project_entries;
pub mod renewals;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::{AtomicBool, Ordering};

use ltlm_protocol::account_data::{
    AccountData, AccountEntry, AccountMovement, AccountSummary, Affordability, BalanceThen, Eligibility, Renewal,
    Statistics, Verification,
};
use ltlm_protocol::{Timestamp, limits};

use crate::domain::accounts::change_plan::ChangePlan;
use crate::domain::accounts::create::CreateAccount;
use crate::domain::accounts::hold::{EndHold, Reserve};
use crate::domain::accounts::movement::Move;
use crate::domain::accounts::refund::{Refund, Refundable};
use crate::domain::accounts::state::AccountState;
use crate::domain::accounts::{change_plan, create, hold, movement, refund, renewal, state};
use crate::domain::decision::Decision;
use crate::model::administrator::AdminOperation;
use crate::model::denied::Denied;
use crate::model::ids::{AccountId, OperationId, OperationKey, WalletId};
use crate::model::project::Project;
use crate::model::record::{Record, project_in};
use crate::model::wallet::Wallet;
use crate::model::wallet::entry::Entry;
use crate::model::wallet::verification::Checked;
use crate::model::write::Write;
use crate::service::app::{App, Budget, Error};
use crate::service::ledger::Span;
use crate::service::repeat::Repeatable;
use crate::service::retry::{Absorb, Unread};
use crate::service::{ledger, retry, transact};
use crate::table::key::position;
use crate::table::port::{List, Read, Table};

/// Entries that one call looks at in search of those that are asked for.
const LOOKED_AT_MAX: usize = 1_000;
/// Entries of one read in such a search.
const READ: usize = 100;
/// How often a refund by amount looks for charges, where others refund of them at the same time.
const REFUND_TRIES: u32 = 3;

/// A call on an account.
#[derive(Clone, Debug)]
pub struct AccountCall {
    /// Which.
    pub id: AccountId,
    /// The one instant this call is judged at.
    pub now: Timestamp,
    /// Only look what it would do.
    pub dry_run: bool,
}

/// What is asked of a ledger: half-open in time.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Filter {
    /// Entries for this, by operation type.
    pub operation_type: Option<String>,
    /// Written at this instant or later.
    pub from: Option<Timestamp>,
    /// Written before this instant.
    pub to: Option<Timestamp>,
}

impl Filter {
    /// Entries of one read: all that the page needs if nothing is filtered, and one more that shows whether there is a
    /// next page.
    pub fn read_size(&self, limit: usize) -> usize {
        if *self == Self::default() { limit + 1 } else { READ }
    }

    /// Is the entry one of those that are asked for, but for the beginning of the range, which ends a search?
    pub fn holds(&self, entry: &Entry) -> bool {
        let is_in_time = self.to.is_none_or(|to| entry.recorded_at < to);
        is_in_time && self.operation_type.as_ref().is_none_or(|wanted| *wanted == entry.action)
    }
}

impl Absorb for AccountState {
    fn absorb(&mut self, record: Record) -> bool {
        AccountState::absorb(self, record);
        true
    }

    fn is_verified_by(&self, writes: Option<&[Write]>) -> bool {
        AccountState::is_verified_by(self, writes)
    }
}

/// What a renewal finds: the account, and what an earlier call under the same operation id did.
struct RenewalState {
    account: AccountState,
    done: Option<AdminOperation>,
}

impl Absorb for RenewalState {
    fn absorb(&mut self, record: Record) -> bool {
        match record {
            Record::AdminOperation(done) => self.done = Some(done),
            other => AccountState::absorb(&mut self.account, other),
        }
        true
    }
}

/// Loads an account, with what is known of these operations.
async fn load<T: Table>(
    app: &App<T>,
    budget: &Budget<'_>,
    call: &AccountCall,
    operations: &BTreeSet<OperationId>,
) -> Result<AccountState, Error> {
    Ok(load_with(app, budget, call, operations, None, None).await?.account)
}

/// The same, with the operation that is remembered as `done`. With `outdated_for`, account and wallet are read eventually consistent:
/// the commit of this operation's entry verifies them.
async fn load_with<T: Table>(
    app: &App<T>,
    budget: &Budget<'_>,
    call: &AccountCall,
    operations: &BTreeSet<OperationId>,
    done: Option<Read>,
    outdated_for: Option<&OperationId>,
) -> Result<RenewalState, Error> {
    let wallet = WalletId::Account(call.id.clone());
    let verified = [Read::Account(call.id.clone()), Read::Wallet(wallet.clone())];
    let mut reads = vec![Read::Project(call.id.project_id.clone())];
    reads.extend(verified.map(|read| match outdated_for {
        Some(_) => Read::Eventually(Box::new(read)),
        None => read,
    }));
    reads.extend(operations.iter().map(|id| Read::Entry(wallet.clone(), id.clone())));
    reads.extend(done);
    let records = app.table.read(&reads, budget.meter).await?;
    let project = project_in(&records).ok_or(Denied::ProjectNotFound)?;
    project.in_service()?;
    let outdated_for = outdated_for.cloned();
    let account = AccountState { outdated_for, ..AccountState::new(project, None, None) };
    let mut state = RenewalState { account, done: None };
    records.into_iter().for_each(|record| {
        state.absorb(record);
    });
    Ok(state)
}

/// Runs a command that reads the entry of its own operation; `about` are the other operations that it concerns.
async fn run<T: Table, R>(
    app: &App<T>,
    budget: &Budget<'_>,
    call: &AccountCall,
    key: &OperationKey,
    about: &[OperationId],
    decide: impl Fn(&AccountState) -> Result<Decision<R>, Denied>,
) -> Result<R, Error> {
    let operations = about.iter().chain([&key.id]).cloned().collect();
    run_on(app, budget, call, &operations, None, decide).await
}

/// Runs a command that writes an entry under the id of its operation. So the entry is read only if it can matter.
async fn record<T: Table, R>(
    app: &App<T>,
    budget: &Budget<'_>,
    call: &AccountCall,
    key: &OperationKey,
    about: &[OperationId],
    decide: impl Fn(&AccountState) -> Result<Decision<R>, Denied>,
) -> Result<R, Error> {
    let unread = Unread { wallet: WalletId::Account(call.id.clone()), operation: key.id.clone() };
    let operations = about.iter().cloned().collect();
    run_on(app, budget, call, &operations, Some(&unread), decide).await
}

async fn run_on<T: Table, R>(
    app: &App<T>,
    budget: &Budget<'_>,
    call: &AccountCall,
    operations: &BTreeSet<OperationId>,
    unread: Option<&Unread>,
    decide: impl Fn(&AccountState) -> Result<Decision<R>, Denied>,
) -> Result<R, Error> {
    let decide = |state: &AccountState| {
        let decision = decide(state)?;
        Ok(if call.dry_run { Decision::read(decision.reply) } else { decision })
    };
    // What is not verified at first is read as it is.
    let at_first = unread.filter(|_| !call.dry_run).map(|unread| &unread.operation);
    let is_begun = AtomicBool::new(false);
    let load = || {
        let is_begun = is_begun.swap(true, Ordering::Relaxed);
        let outdated_for = at_first.filter(|_| !is_begun);
        async move { Ok(load_with(app, budget, call, operations, None, outdated_for).await?.account) }
    };
    transact::act_once_settling(app, budget, unread, load, decide, settling(call)).await
}

/// The writes that settle some lapses, if these do not fit into the transaction of a command.
fn settling(call: &AccountCall) -> impl Fn(&AccountState) -> Vec<Write> {
    let now = call.now;
    move |state| state.settling(now, limits::LAPSES_TOGETHER_MAX)
}

/// Is there such a project?
pub async fn project<T: Table>(app: &App<T>, budget: &Budget<'_>, project_id: &str) -> Result<Project, Error> {
    let reads = [Read::Project(project_id.to_owned())];
    let records = retry::records(app, budget, &reads).await?;
    let project = records.into_iter().find_map(Record::project);
    Ok(project.ok_or(Denied::ProjectNotFound)?)
}

async fn look<T: Table>(app: &App<T>, budget: &Budget<'_>, call: &AccountCall) -> Result<AccountState, Error> {
    let none = BTreeSet::new();
    retry::read(app, budget, || load(app, budget, call, &none)).await
}

/// Creates an account. Returns its state, and whether an earlier call created it.
pub async fn create<T: Table>(
    app: &App<T>,
    budget: &Budget<'_>,
    call: &AccountCall,
    command: &CreateAccount,
    key: &OperationKey,
) -> Result<(AccountData, bool), Error> {
    run(app, budget, call, key, &[], |state| create::decide(state, &call.id, command, key, call.now)).await
}

/// The state of an account.
pub async fn get<T: Table>(app: &App<T>, budget: &Budget<'_>, call: &AccountCall) -> Result<AccountData, Error> {
    Ok(state::data(&look(app, budget, call).await?, call.now)?)
}

/// Debits, charges, credits or resets it, once.
pub async fn move_tokens<T: Table>(
    app: &App<T>,
    budget: &Budget<'_>,
    call: &AccountCall,
    command: &Move,
    key: &OperationKey,
) -> Result<AccountMovement, Error> {
    record(app, budget, call, key, &[], |state| movement::decide(state, command, key, call.now)).await
}

/// Refunds an operation, or so many tokens of the newest ones, once.
pub async fn refund<T: Table>(
    app: &App<T>,
    budget: &Budget<'_>,
    call: &AccountCall,
    command: &Refund,
    key: &OperationKey,
) -> Result<AccountMovement, Error> {
    let amount = match &command.of {
        Refundable::Operation { original, .. } => {
            let decide = |state: &AccountState| refund::decide(state, command, &[], key, call.now);
            return record(app, budget, call, key, std::slice::from_ref(original), decide).await;
        }
        Refundable::Newest { amount } => *amount,
    };
    let mut tries = REFUND_TRIES;
    loop {
        let charges = refundable(app, budget, call, amount).await?;
        let about: Vec<_> = charges.iter().cloned().chain(refund::beside(key)).collect();
        let decide = |state: &AccountState| refund::decide(state, command, &charges, key, call.now);
        tries -= 1;
        match run(app, budget, call, key, &about, decide).await {
            // Others refunded of these charges meanwhile: there may be older ones.
            Err(Error::Denied(Denied::NothingToRefund { .. })) if tries > 0 && !charges.is_empty() => {}
            outcome => return outcome,
        }
    }
}

/// The newest charges that hold `amount` tokens which can be refunded, as far as one refund may go.
async fn refundable<T: Table>(
    app: &App<T>,
    budget: &Budget<'_>,
    call: &AccountCall,
    amount: i64,
) -> Result<Vec<OperationId>, Error> {
    let wallet = WalletId::Account(call.id.clone());
    let mut found = refund::Search::of(amount);
    let (mut before, mut looked_at) = (None, 0);
    loop {
        let list = [Read::Entries { wallet: wallet.clone(), before, limit: READ as i64 }];
        let records = retry::records(app, budget, &list).await?;
        let is_last = records.len() < READ;
        for record in records {
            let Record::Entry(entry) = record else { continue };
            before = Some(entry.sequence);
            if found.is_full_with(&entry) {
                return Ok(found.charges);
            }
        }
        looked_at += READ;
        if is_last || looked_at >= limits::REFUND_ENTRIES_MAX {
            return Ok(found.charges);
        }
    }
}

/// Sets tokens aside, once.
pub async fn reserve<T: Table>(
    app: &App<T>,
    budget: &Budget<'_>,
    call: &AccountCall,
    command: &Reserve,
    key: &OperationKey,
) -> Result<AccountMovement, Error> {
    record(app, budget, call, key, &[], |state| hold::reserve(state, command, key, call.now)).await
}

/// Spends what a hold holds or gives it back, once.
pub async fn end_hold<T: Table>(
    app: &App<T>,
    budget: &Budget<'_>,
    call: &AccountCall,
    id: &str,
    command: &EndHold,
    key: &OperationKey,
) -> Result<AccountMovement, Error> {
    let made = hold::operation(id);
    record(app, budget, call, key, &[made], |state| hold::end(state, id, command, key, call.now)).await
}

/// Could it be renewed now?
pub async fn eligibility<T: Table>(
    app: &App<T>,
    budget: &Budget<'_>,
    call: &AccountCall,
) -> Result<Eligibility, Error> {
    Ok(renewal::eligibility(&look(app, budget, call).await?, call.now)?)
}

/// Renews it, if something is due to it and it is on the plan `tier`.
pub async fn renew<T: Table>(
    app: &App<T>,
    budget: &Budget<'_>,
    call: &AccountCall,
    tier: Option<&str>,
) -> Result<Renewal, Error> {
    let none = BTreeSet::new();
    let decide = |state: &AccountState| {
        let decision = renewal::decide(state, tier, call.now)?;
        Ok(if call.dry_run { Decision::read(decision.reply) } else { decision })
    };
    transact::act_and_settle(app, budget, || load(app, budget, call, &none), decide, settling(call)).await
}

/// Renews it once under an operation id that the caller chose; and whether an earlier call did it, whose answer this is. A
/// renewal that gives nothing uses up no id.
pub async fn renew_once<T: Table>(
    app: &App<T>,
    budget: &Budget<'_>,
    call: &AccountCall,
    key: &OperationKey,
) -> Result<(Renewal, bool), Error> {
    let none = BTreeSet::new();
    let target = format!("{}#{}", call.id.project_id, call.id.name);
    let operation = Repeatable::new(app, key, "renewal", &target, call.now);
    let decide = |state: &RenewalState| {
        if let Some(first) = operation.first(state.done.as_ref())? {
            return Ok(Decision::read(first));
        }
        let decision = renewal::decide(&state.account, None, call.now)?.map(|reply| (reply, false));
        match call.dry_run {
            true => Ok(Decision::read(decision.reply)),
            false if decision.reply.0.success => Ok(operation.keeping(decision)),
            false => Ok(decision),
        }
    };
    let settle = |state: &RenewalState| settling(call)(&state.account);
    let load = || load_with(app, budget, call, &none, Some(operation.read()), None);
    transact::act_and_settle(app, budget, load, decide, settle).await
}

/// Its balance at an instant: after all that was written before it. After the last entry, what has lapsed and come due since
/// counts too, written or not.
pub async fn balance<T: Table>(
    app: &App<T>,
    budget: &Budget<'_>,
    call: &AccountCall,
    at: Timestamp,
) -> Result<BalanceThen, Error> {
    let state = look(app, budget, call).await?;
    let wallet = wallet_of(&state, call)?;
    let place = if wallet.moved_at < at {
        let then = Timestamp::from_ms(at.ms().saturating_sub(1)).min(call.now);
        ledger::Place { sequence: wallet.sequence, balance: state.open(then)?.tokens.wallet.balance(then) }
    } else {
        retry::read(app, budget, || ledger::last_before(app, budget, &wallet, at)).await?
    };
    Ok(BalanceThen {
        account_id: call.id.name.clone(),
        at: at.to_string(),
        balance: place.balance,
        sequence: place.sequence,
    })
}

/// The sums of its ledger in a time range, after the position `after`, and where to continue. Whole days come from
/// their roll-ups, as far as these exist; only entries that they do not cover are read one by one, so the figures are
/// exact at any time. What has lapsed and become due and is not written yet counts as of now, as in the balance.
pub async fn statistics<T: Table>(
    app: &App<T>,
    budget: &Budget<'_>,
    call: &AccountCall,
    span: Span,
    after: i64,
) -> Result<(Statistics, Option<i64>), Error> {
    let state = look(app, budget, call).await?;
    let wallet = wallet_of(&state, call)?;
    let unwritten = state.open(call.now)?.tokens.entries;
    let (answer, next) = ledger::statistics(app, budget, &wallet, &unwritten, span, after, call.now).await?;
    Ok((Statistics { account_id: Some(call.id.name.clone()), ..answer }, next))
}

/// Verifies its ledger from a position on. Returns the result, and where to continue.
pub async fn verify<T: Table>(
    app: &App<T>,
    budget: &Budget<'_>,
    call: &AccountCall,
    from: Checked,
) -> Result<(Verification, Option<Checked>), Error> {
    let wallet = wallet(app, budget, call).await?;
    let (answer, next) = ledger::verification(app, budget, &wallet, from, call.now).await?;
    Ok((Verification { account_id: Some(call.id.name.clone()), ..answer }, next))
}

/// Erases the free-form metadata of entries before an instant. Returns how many entries had metadata, and where to
/// continue.
pub async fn erase<T: Table>(
    app: &App<T>,
    budget: &Budget<'_>,
    call: &AccountCall,
    before: Timestamp,
    from: Option<i64>,
) -> Result<(i64, Option<i64>), Error> {
    let wallet = wallet(app, budget, call).await?;
    let last = retry::read(app, budget, || ledger::last_before(app, budget, &wallet, before)).await?;
    let end = from.map_or(last.sequence + 1, |from| from.min(last.sequence + 1));
    ledger::erase(app, budget, &wallet.id, end, call.dry_run).await
}

/// The wallet as it is in the table.
async fn wallet<T: Table>(app: &App<T>, budget: &Budget<'_>, call: &AccountCall) -> Result<Wallet, Error> {
    wallet_of(&look(app, budget, call).await?, call)
}

fn wallet_of(state: &AccountState, call: &AccountCall) -> Result<Wallet, Error> {
    state.account.as_ref().ok_or(Denied::AccountNotFound)?;
    Ok(state.wallet.clone().unwrap_or_else(|| Wallet::empty(WalletId::Account(call.id.clone()))))
}

/// A page of a project's accounts by name, with their current state, and the name after which the next page starts.
/// Only names that begin with `begins` are listed.
pub async fn list<T: Table>(
    app: &App<T>,
    budget: &Budget<'_>,
    project_id: &str,
    begins: Option<String>,
    after: Option<String>,
    limit: i64,
    now: Timestamp,
) -> Result<(Vec<AccountSummary>, Option<String>), Error> {
    let project = project(app, budget, project_id).await?;
    let list = List::Accounts(project.id.clone());
    let (records, next) = named(app, budget, list, begins, after, limit).await?;
    let accounts: Vec<_> = records.into_iter().filter_map(Record::account).collect();
    let reads: Vec<_> = accounts.iter().map(|account| Read::Wallet(WalletId::Account(account.id.clone()))).collect();
    let mut wallets = BTreeMap::new();
    if !reads.is_empty() {
        for wallet in retry::records(app, budget, &reads).await?.into_iter().filter_map(Record::wallet) {
            wallets.insert(wallet.id.clone(), wallet);
        }
    }
    let rows = accounts.into_iter().map(|account| {
        let wallet = wallets.remove(&WalletId::Account(account.id.clone()));
        let state = AccountState::new(project.clone(), Some(account), wallet);
        Ok(state::summary(&state, now)?)
    });
    Ok((rows.collect::<Result<_, Error>>()?, next))
}

/// A page of a list that is sorted by name, and the name that the next page starts behind.
pub(super) async fn named<T: Table>(
    app: &App<T>,
    budget: &Budget<'_>,
    list: List,
    begins: Option<String>,
    after: Option<String>,
    limit: i64,
) -> Result<(Vec<Record>, Option<String>), Error> {
    // One more than asked for tells whether there is a next page.
    let read = [Read::Named { list, begins, after, limit: limit + 1 }];
    let mut records = retry::records(app, budget, &read).await?;
    let more = records.len() as i64 > limit;
    records.truncate(usize::try_from(limit).unwrap_or(0));
    let next = records.last().filter(|_| more).and_then(position);
    Ok((records, next))
}

/// Puts it on a plan, once.
pub async fn change_plan<T: Table>(
    app: &App<T>,
    budget: &Budget<'_>,
    call: &AccountCall,
    command: &ChangePlan,
    key: &OperationKey,
) -> Result<AccountMovement, Error> {
    run(app, budget, call, key, &[], |state| change_plan::decide(state, command, key, call.now)).await
}

/// Could it pay for this?
pub async fn affordability<T: Table>(
    app: &App<T>,
    budget: &Budget<'_>,
    call: &AccountCall,
    operation_type: &str,
    amount: Option<i64>,
) -> Result<Affordability, Error> {
    Ok(movement::affordability(&look(app, budget, call).await?, operation_type, amount, call.now)?)
}

/// A page of its ledger, newest first, and the sequence number from which to continue.
pub async fn entries<T: Table>(
    app: &App<T>,
    budget: &Budget<'_>,
    call: &AccountCall,
    filter: &Filter,
    before: Option<i64>,
    limit: usize,
) -> Result<(Vec<AccountEntry>, Option<i64>), Error> {
    look(app, budget, call).await?.account.ok_or(Denied::AccountNotFound)?;
    let wallet = WalletId::Account(call.id.clone());
    let read = filter.read_size(limit);
    let (mut found, mut position, mut looked_at) = (Vec::new(), before, 0);
    loop {
        let list = [Read::Entries { wallet: wallet.clone(), before: position, limit: read as i64 }];
        let records = retry::records(app, budget, &list).await?;
        let is_last = records.len() < read;
        for record in records {
            let Record::Entry(entry) = record else { continue };
            // Later entries were written later: what is before the range ends the search.
            if filter.from.is_some_and(|from| entry.recorded_at < from) {
                return Ok((found, None));
            }
            if found.len() == limit || looked_at == LOOKED_AT_MAX {
                return Ok((found, position));
            }
            position = Some(entry.sequence);
            looked_at += 1;
            if filter.holds(&entry) {
                found.push(entry.account_data());
            }
        }
        if is_last {
            return Ok((found, None));
        }
    }
}
