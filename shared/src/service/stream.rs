//! Consequences of changes of the table, as its stream delivers them: roll-ups of accounts' ledgers, and notices. A
//! change can arrive twice or late; the roll-ups follow the ledger's sequence, and the notices are identified by their
//! ids.

use std::collections::BTreeMap;

use crate::domain::webhooks::notice::{self, Notice};
use crate::model::developer::SignIn;
use crate::model::device::Device;
use crate::model::ids::{LicenseId, WalletId};
use crate::model::one_time_code::OneTimeCode;
use crate::model::order::{Order, OrderItem, OrderState};
use crate::model::record::Record;
use crate::model::wallet::entry::Entry;
use crate::model::wallet::rollup::{self, DayRollup, Figures};
use crate::model::write::Write;
use crate::service::app::{App, Budget, Error};
use crate::service::ports::{Bus, Queue};
use crate::service::retry;
use crate::service::webhooks::delivery::OutboxMessage;
use crate::table::port::{CommitError, Read, Table};

/// Entries that are read at once to fill a gap.
const FILL: i64 = 1_000;

/// A change of the table.
#[derive(Clone, Debug, PartialEq)]
pub enum Change {
    /// A new ledger entry.
    Entry(Box<Entry>),
    /// A device's record.
    Device {
        /// The license.
        license: LicenseId,
        /// Before, if it was there.
        before: Option<Box<Device>>,
        /// After.
        after: Box<Device>,
    },
    /// An order's record.
    Order {
        /// Before, if it was there.
        before: Option<Box<Order>>,
        /// After.
        after: Box<Order>,
    },
    /// A code was asked for.
    Code(Box<OneTimeCode>),
    /// A sign-in waits for its second factor.
    SignIn(Box<SignIn>),
}

/// What came of some changes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Followed {
    /// Notices given.
    pub notices: i64,
    /// Mails that were ordered.
    pub mails: i64,
    /// Days of ledgers written.
    pub days: i64,
    /// Entries that had to be fetched because the stream did not bring them.
    pub filled: i64,
    /// Uses that were not charged because an answer is presumed lost.
    pub presumed_uses: i64,
    /// Their tokens.
    pub presumed_tokens: i64,
    /// What the entries add up to.
    pub figures: Figures,
}

/// Gives the notices of these changes, then counts their entries. An error means: bring them again.
pub async fn follow<T: Table>(
    app: &App<T>,
    budget: &Budget<'_>,
    (bus, outbox): (&dyn Bus, &dyn Queue),
    changes: Vec<Change>,
) -> Result<Followed, Error> {
    let mut followed = Followed::default();
    let notices: Vec<Notice> = changes.iter().flat_map(notices).collect();
    followed.notices = notices.len() as i64;
    if !notices.is_empty() {
        bus.publish(notices).await.map_err(Error::Busy)?;
    }
    let mails: Vec<String> = changes.iter().filter_map(mail).collect();
    followed.mails = mails.len() as i64;
    if !mails.is_empty() {
        outbox.send(mails).await.map_err(Error::Busy)?;
    }
    let mut by_wallet: BTreeMap<WalletId, Vec<Entry>> = BTreeMap::new();
    for change in changes {
        if let Change::Entry(entry) = change {
            followed.figures.add(&entry);
            if entry.is_presumed {
                followed.presumed_uses += 1;
                followed.presumed_tokens = followed.presumed_tokens.saturating_add(entry.uncharged.unwrap_or(0));
            }
            // The statistics of a license read its entries: they are asked for seldom, and its charges are many.
            if matches!(entry.wallet, WalletId::Account(_)) {
                by_wallet.entry(entry.wallet.clone()).or_default().push(*entry);
            }
        }
    }
    for (wallet, entries) in by_wallet {
        roll_up(app, budget, &wallet, entries, &mut followed).await?;
    }
    Ok(followed)
}

fn notices(change: &Change) -> Vec<Notice> {
    match change {
        Change::Entry(entry) => notice::of_entry(entry),
        Change::Device { license, before, after } => notice::of_device(license, before.as_deref(), after),
        Change::Order { before, after } => notice::of_order(before.as_deref(), after),
        Change::Code(_) | Change::SignIn(_) => Vec::new(),
    }
}

/// The mail that follows from a change, as a message of the queue. The queue learns no code and no key.
fn mail(change: &Change) -> Option<String> {
    let message = match change {
        Change::Code(code) => OutboxMessage::Code {
            project: code.project_id.clone(),
            email: code.email.as_str().to_owned(),
            request: code.request.clone(),
        },
        Change::SignIn(sign_in) => OutboxMessage::SignIn { hash: sign_in.hash.clone() },
        Change::Order { before, after } if is_sold(before.as_deref(), after) => {
            OutboxMessage::License { order: after.id.clone() }
        }
        Change::Order { .. } | Change::Entry(_) | Change::Device { .. } => return None,
    };
    serde_json::to_string(&message).ok()
}

/// Was a license bought by this change? A dispute that was won pays an order again that has its license already.
fn is_sold(before: Option<&Order>, after: &Order) -> bool {
    let had_none = before.is_none_or(|before| before.license.is_none());
    had_none && after.state == OrderState::Paid && matches!(after.goods, OrderItem::Policy { .. })
}

/// Counts entries of a wallet. What is missing before them is fetched: it was written, because they were written after it.
async fn roll_up<T: Table>(
    app: &App<T>,
    budget: &Budget<'_>,
    wallet: &WalletId,
    mut entries: Vec<Entry>,
    followed: &mut Followed,
) -> Result<(), Error> {
    loop {
        let latest = retry::records(app, budget, &[Read::LatestRollup(wallet.clone())]).await?;
        let latest = latest.into_iter().find_map(Record::rollup);
        let changed = match rollup::fold(latest, &entries) {
            Ok(changed) => changed,
            Err(gap) => {
                let found = entries.len();
                fill(app, budget, wallet, gap.after, &mut entries).await?;
                followed.filled += (entries.len() - found) as i64;
                continue;
            }
        };
        if write(app, budget, &changed).await? {
            followed.days += changed.len() as i64;
            return Ok(());
        }
        if app.sleep.elapsed_ms() >= budget.until_ms {
            return Err(Error::Busy("contention over a roll-up".into()));
        }
    }
}

/// Adds the entries that are missing after a place, as far as the index has them.
async fn fill<T: Table>(
    app: &App<T>,
    budget: &Budget<'_>,
    wallet: &WalletId,
    after: i64,
    entries: &mut Vec<Entry>,
) -> Result<(), Error> {
    let list = Read::EntriesAfter { wallet: wallet.clone(), after, limit: FILL };
    let found = retry::records(app, budget, &[list]).await?.into_iter().filter_map(Record::entry);
    let found: Vec<Entry> = found.collect();
    if found.first().is_none_or(|entry| entry.sequence != after + 1) {
        return Err(Error::Busy(format!("the index does not have entry {} yet", after + 1).into()));
    }
    let known: Vec<i64> = entries.iter().map(|entry| entry.sequence).collect();
    entries.extend(found.into_iter().filter(|entry| !known.contains(&entry.sequence)));
    Ok(())
}

/// Writes the days, the oldest first; `false` if another process did in the meantime.
async fn write<T: Table>(app: &App<T>, budget: &Budget<'_>, days: &[DayRollup]) -> Result<bool, Error> {
    for day in days {
        let found = Some(day.revision - 1).filter(|found| *found > 0);
        let write = [Write::SaveRollup { day: day.clone(), found }];
        match app.table.commit(&write, None, budget.meter).await {
            Ok(()) => {}
            Err(CommitError::Guard(_) | CommitError::Unknown(_)) => return Ok(false),
            Err(error) => return Err(error.into()),
        }
    }
    Ok(true)
}
