//! Continues the erasure of a project's old entries, each call for a while. The erased entries and the job's progress
//! are written in one transaction, so that each entry counts once, wherever a call stops, and even if several calls run
//! at once.

use std::collections::HashMap;

use ltlm_protocol::{Timestamp, limits};

use crate::model::denied::Denied;
use crate::model::erasure::Erasure;
use crate::model::ids::{AccountId, OperationKey, WalletId, is_same_request};
use crate::model::record::Record;
use crate::model::wallet::Wallet;
use crate::model::write::Write;
use crate::service::accounts::project_accounts;
use crate::service::app::{App, Budget, Error};
use crate::service::{accounts, ledger, quota, retry};
use crate::table::port::{CommitError, Read, Table};

/// Accounts whose wallets are read together.
const TOGETHER: usize = 25;
/// Accounts that one call does.
const ACCOUNTS_MAX: i64 = 200;
/// Entries that one call looks at.
const LOOKED_AT_MAX: usize = 2_000;
/// Entries of one read, and of one transaction besides the job's record.
const READ: usize = limits::TRANSACTION_ITEMS_MAX - 1;
/// Kept of the budget, in milliseconds, for what was begun.
const RESERVE_MS: u64 = 2_000;

/// Begins the erasure that `key` names, or continues it, as far as one call goes. Returns its progress, and whether it
/// was done before. If another call runs at the same time, that call continues, and this one returns its progress.
pub async fn go_on<T: Table>(
    app: &App<T>,
    budget: &Budget<'_>,
    project_id: &str,
    key: &OperationKey,
    before: Timestamp,
    now: Timestamp,
) -> Result<(Erasure, bool), Error> {
    accounts::project(app, budget, project_id).await?.in_service()?;
    let known = known(app, budget, project_id, &key.id.id).await?;
    if let Some(known) = &known
        && !is_same_request(&known.fingerprint, &key.fingerprint)
    {
        return Err(Denied::IdempotencyKeyReused.into());
    }
    if let Some(done) = known.as_ref().filter(|known| known.ended_at.is_some()) {
        return Ok((done.clone(), true));
    }
    quota::pass(app, budget).await?;
    let job = known.unwrap_or_else(|| Erasure::begin(project_id, &key.id.id, &key.fingerprint, before, now));
    let mut run = Run { most: job.accounts + ACCOUNTS_MAX, job, looked_at: 0, now };
    if run.over(app, budget).await? && run.save(app, budget, Vec::new()).await? {
        return Ok((run.job, false));
    }
    // Another call has gone on from where this one was.
    let known = self::known(app, budget, project_id, &key.id.id).await?;
    let known = known.ok_or_else(|| Error::Broken("an erasure's record is gone".into()))?;
    Ok((known, false))
}

async fn known<T: Table>(
    app: &App<T>,
    budget: &Budget<'_>,
    project_id: &str,
    id: &str,
) -> Result<Option<Erasure>, Error> {
    let read = [Read::Erasure(project_id.to_owned(), id.to_owned())];
    Ok(retry::records(app, budget, &read).await?.into_iter().find_map(Record::erasure))
}

/// One call's part of the job.
struct Run {
    job: Erasure,
    /// Accounts that the job has done when this call ends.
    most: i64,
    /// Entries that this call looked at.
    looked_at: usize,
    now: Timestamp,
}

impl Run {
    /// Should the call end?
    fn is_over<T>(&self, app: &App<T>, budget: &Budget<'_>) -> bool {
        let is_late = app.sleep.elapsed_ms() + RESERVE_MS >= budget.until_ms;
        is_late || self.job.accounts >= self.most || self.looked_at >= LOOKED_AT_MAX
    }

    /// Goes over the accounts, as far as the call goes. False if another call has gone on from where this one was.
    async fn over<T: Table>(&mut self, app: &App<T>, budget: &Budget<'_>) -> Result<bool, Error> {
        let project_id = self.job.project_id.clone();
        // The account that an earlier call left in the middle.
        let begun = self.job.account.clone().filter(|_| self.job.position.is_some());
        let mut next: Vec<_> =
            begun.into_iter().map(|name| AccountId { project_id: project_id.clone(), name }).collect();
        loop {
            if next.is_empty() {
                let after = self.job.account.as_deref();
                next = project_accounts::next(app, budget, &project_id, after, TOGETHER).await?;
            }
            if next.is_empty() {
                self.job.ended_at = Some(self.now);
                return Ok(true);
            }
            let reads: Vec<_> = next.iter().map(|id| Read::Wallet(WalletId::Account(id.clone()))).collect();
            let wallets = retry::records(app, budget, &reads).await?.into_iter().filter_map(Record::wallet);
            let mut wallets: HashMap<WalletId, Wallet> = wallets.map(|wallet| (wallet.id.clone(), wallet)).collect();
            for account in std::mem::take(&mut next) {
                if self.is_over(app, budget) {
                    return Ok(true);
                }
                let wallet = wallets.remove(&WalletId::Account(account.clone()));
                let goes_on = self.account(app, budget, account, wallet).await?;
                if !goes_on {
                    return Ok(false);
                }
                if self.job.position.is_some() {
                    return Ok(true);
                }
            }
        }
    }

    /// Erases in one account, from where the job came to in it. False if another call has gone on from where this one was.
    async fn account<T: Table>(
        &mut self,
        app: &App<T>,
        budget: &Budget<'_>,
        account: AccountId,
        wallet: Option<Wallet>,
    ) -> Result<bool, Error> {
        let mut end = match (self.job.position, &wallet) {
            (Some(position), _) => position,
            (None, Some(wallet)) => {
                let last = || ledger::last_before(app, budget, wallet, self.job.before);
                retry::read(app, budget, last).await?.sequence + 1
            }
            (None, None) => 0,
        };
        self.job.account = Some(account.name.clone());
        let wallet = WalletId::Account(account);
        while end > 1 {
            self.job.position = Some(end);
            if self.is_over(app, budget) {
                return Ok(true);
            }
            let (writes, next) = ledger::erasing(app, budget, &wallet, end, READ).await?;
            // The sequence has no gap.
            self.looked_at += READ.min(usize::try_from(end - 1).unwrap_or(READ));
            end = next.unwrap_or(0);
            // That the account is done is written with the last that is erased in it.
            if end > 1 {
                self.job.position = Some(end);
            } else {
                self.done_with_account();
            }
            if !writes.is_empty() {
                self.job.erased += writes.len() as i64;
                if !self.save(app, budget, writes).await? {
                    return Ok(false);
                }
            }
            if self.job.position.is_none() {
                return Ok(true);
            }
        }
        self.done_with_account();
        Ok(true)
    }

    fn done_with_account(&mut self) {
        self.job.position = None;
        self.job.accounts += 1;
    }

    /// Writes the job's progress, with what it erased. `false` if another call wrote in the meantime; then nothing is
    /// written.
    async fn save<T: Table>(
        &mut self,
        app: &App<T>,
        budget: &Budget<'_>,
        mut writes: Vec<Write>,
    ) -> Result<bool, Error> {
        let found = Some(self.job.revision).filter(|revision| *revision > 0);
        self.job.revision += 1;
        self.job.moved_at = self.now;
        writes.push(Write::SaveErasure { erasure: self.job.clone(), found });
        let commit = || async {
            match app.table.commit(&writes, None, budget.meter).await {
                Ok(()) => Ok(true),
                // Whoever wrote: another call, or this one, whose answer did not come.
                Err(CommitError::Guard(_)) => Ok(false),
                Err(error) => Err(error.into()),
            }
        };
        retry::read(app, budget, commit).await
    }
}
