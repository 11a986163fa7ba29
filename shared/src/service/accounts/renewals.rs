//! Renewals of many accounts: each account that the index nominates is loaded and decided on separately. The index can
//! be behind; then nothing is due, and nothing is done.

use futures_util::future::join_all;
use ltlm_protocol::account_data::{Renewal, RenewalError, Renewals};
use ltlm_protocol::read::Reader;
use ltlm_protocol::{Body, Timestamp, limits};
use serde_json::json;

use crate::model::ids::{AccountId, WalletId};
use crate::model::record::Record;
use crate::model::wallet::due::Due;
use crate::service::accounts::AccountCall;
use crate::service::app::{App, Budget, Error};
use crate::service::{accounts, retry};
use crate::table::key::DUE_SHARDS;
use crate::table::port::{Read, Table};

/// Accounts that are renewed at once.
const TOGETHER: usize = 8;

/// Nominations of one read.
const PAGE: usize = 100;

/// Kept of the budget, in milliseconds, for what was begun.
const RESERVE_MS: u64 = 2_000;

/// `POST /v1/renewals`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RenewDue {
    /// Only accounts on this plan.
    pub tier: Option<String>,
    /// At most so many due ones.
    pub limit: usize,
    /// Only look.
    pub dry_run: bool,
    /// Go on after a failure?
    pub continue_on_error: bool,
    /// Where an earlier call stopped.
    pub cursor: Option<String>,
    /// The caller's operation id.
    pub operation_id: Option<String>,
}

impl Body for RenewDue {
    fn read(r: &mut Reader<'_>) -> Self {
        let limit = r.int_opt("limit", 1, limits::RENEWALS_MAX).unwrap_or(limits::RENEWALS_DEFAULT);
        Self {
            tier: r.text_opt("tier", limits::NAME_CHARS_MAX),
            limit: usize::try_from(limit).unwrap_or(1),
            dry_run: r.bool_opt("dryRun").unwrap_or(false),
            continue_on_error: r.bool_opt("continueOnError").unwrap_or(false),
            cursor: r.text_opt("cursor", limits::DOCUMENT_BYTES_MAX),
            operation_id: ltlm_protocol::request::operation_id(r),
        }
    }
}

/// A place among the due accounts of a project.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Place {
    /// The part.
    pub shard: i64,
    /// In it, after this position.
    pub after: Option<String>,
}

impl Place {
    /// As a text, for a cursor.
    pub fn text(&self) -> String {
        format!("{}:{}", self.shard, self.after.as_deref().unwrap_or_default())
    }

    /// Reads a text. A place that there is none of leads to nothing.
    pub fn parse(text: &str) -> Option<Self> {
        let (shard, after) = text.split_once(':')?;
        let shard = shard.parse().ok().filter(|shard| (0..DUE_SHARDS).contains(shard))?;
        Some(Self { shard, after: Some(after.to_owned()).filter(|after| !after.is_empty()) })
    }
}

/// A page of the accounts that the index nominates, and the place behind it; none after the last.
pub async fn nominated<T: Table>(
    app: &App<T>,
    budget: &Budget<'_>,
    project_id: &str,
    place: &Place,
    now: Timestamp,
    limit: usize,
) -> Result<(Vec<Due>, Option<Place>), Error> {
    let list = [Read::Due {
        project_id: project_id.to_owned(),
        shard: place.shard,
        until: now,
        after: place.after.clone(),
        limit: limit as i64,
    }];
    let records = retry::records(app, budget, &list).await?;
    let due: Vec<_> = records.into_iter().filter_map(Record::due).collect();
    let next = match due.last() {
        Some(last) if due.len() == limit => Some(Place { after: Some(last.position.clone()), ..*place }),
        _ => Some(place.shard + 1).filter(|shard| *shard < DUE_SHARDS).map(|shard| Place { shard, after: None }),
    };
    Ok((due, next))
}

/// Renews the due accounts of a project, the longest due first within each part.
pub async fn renew_due<T: Table>(
    app: &App<T>,
    budget: &Budget<'_>,
    project_id: &str,
    command: &RenewDue,
    now: Timestamp,
    from: Place,
) -> Result<(Renewals, Option<Place>), Error> {
    accounts::project(app, budget, project_id).await?;
    let mut done = Renewals { dry_run: command.dry_run.then_some(true), ..Renewals::default() };
    let mut place = Some(from);
    let together = if command.continue_on_error { TOGETHER } else { 1 };
    let mut room = limits::RENEWALS_ANSWER_BYTES_MAX;
    while let Some(mut here) = place.take() {
        let left = command.limit - done.renewals.len() - done.errors.len();
        let page = left.min(PAGE);
        let (due, next) = match page {
            0 => (Vec::new(), Some(here.clone())),
            page => nominated(app, budget, project_id, &here, now, page).await?,
        };
        let mut rest = &due[..];
        while !rest.is_empty() && room > 0 && may_go_on(app, budget, command, &done) {
            let (some, others) = rest.split_at(together.min(rest.len()));
            let calls: Vec<_> = some.iter().filter_map(|due| call(due, now, command.dry_run)).collect();
            let renewing =
                calls.iter().map(|call| Box::pin(accounts::renew(app, budget, call, command.tier.as_deref())));
            let answers = join_all(renewing).await;
            for (call, answer) in calls.iter().zip(answers) {
                room = room.saturating_sub(take(&mut done, &call.id, answer));
            }
            here.after = some.last().map(|due| due.position.clone());
            rest = others;
        }
        if page == 0 || !rest.is_empty() {
            return Ok((counted(done), Some(here)));
        }
        place = next;
    }
    Ok((counted(done), None))
}

fn call(due: &Due, now: Timestamp, dry_run: bool) -> Option<AccountCall> {
    match &due.wallet {
        WalletId::Account(id) => Some(AccountCall { id: id.clone(), now, dry_run }),
        WalletId::License(_) => None,
    }
}

/// Is there time, and did nothing fail that should end it?
fn may_go_on<T>(app: &App<T>, budget: &Budget<'_>, command: &RenewDue, done: &Renewals) -> bool {
    let is_late = app.sleep.elapsed_ms() + RESERVE_MS >= budget.until_ms;
    !is_late && (command.continue_on_error || done.errors.is_empty())
}

fn counted(done: Renewals) -> Renewals {
    let (successful, failed) = (done.renewals.len() as i64, done.errors.len() as i64);
    Renewals { successful, failed, total_processed: successful + failed + done.skipped, ..done }
}

/// Adds the result of a renewal; returns the number of bytes that it takes in the answer.
fn take(done: &mut Renewals, id: &AccountId, answer: Result<Renewal, Error>) -> usize {
    let error = match answer {
        Ok(renewal) if renewal.success => {
            let bytes = json!(renewal).to_string().len();
            done.renewals.push(renewal);
            return bytes;
        }
        // Nothing is due any more, or the account is on another plan.
        Ok(_) => {
            done.skipped += 1;
            return 0;
        }
        Err(Error::Denied(denied)) => denied.body().message,
        Err(Error::Busy(_)) => "busy; try again".to_owned(),
        // Renewals are tried in their own way, which commits nothing.
        Err(Error::Broken(_) | Error::DryRun) => "a defect; see the log".to_owned(),
    };
    let error = RenewalError { account_id: id.name.clone(), error };
    let bytes = json!(error).to_string().len();
    done.errors.push(error);
    bytes
}
