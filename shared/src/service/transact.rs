//! Commands run: with the one retry loop (`retry.rs`), and counted against their project's quota before the first commit.

use std::future::Future;

use crate::domain::decision::Decision;
use crate::model::denied::Denied;
use crate::model::write::Write;
use crate::service::app::{App, Budget, Error};
use crate::service::quota;
use crate::service::retry::{Absorb, Unread, drive, read};
use crate::table::port::{ReadError, Table};

/// Runs a command: `load` reads its state, `decide` decides on it.
pub async fn act<T, S, R, F>(
    app: &App<T>,
    budget: &Budget<'_>,
    load: impl Fn() -> F,
    decide: impl Fn(&S) -> Result<Decision<R>, Denied>,
) -> Result<R, Error>
where
    T: Table,
    S: Absorb,
    F: Future<Output = Result<S, Error>>,
{
    act_once(app, budget, None, load, decide).await
}

/// Runs a command on a state that is loaded already.
pub async fn act_on<T, S, R, F>(
    app: &App<T>,
    budget: &Budget<'_>,
    loaded: Option<S>,
    load: impl Fn() -> F,
    decide: impl Fn(&S) -> Result<Decision<R>, Denied>,
) -> Result<R, Error>
where
    T: Table,
    S: Absorb,
    F: Future<Output = Result<S, Error>>,
{
    drive(app, budget, loaded, load, decide, (|_: &S| Vec::new(), || quota::pass(app, budget), None)).await
}

/// Runs a command whose `load` leaves out the entry of its operation: the entry is read only if it can matter.
pub async fn act_once<T, S, R, F>(
    app: &App<T>,
    budget: &Budget<'_>,
    unread: Option<&Unread>,
    load: impl Fn() -> F,
    decide: impl Fn(&S) -> Result<Decision<R>, Denied>,
) -> Result<R, Error>
where
    T: Table,
    S: Absorb,
    F: Future<Output = Result<S, Error>>,
{
    act_once_settling(app, budget, unread, load, decide, |_: &S| Vec::new()).await
}

/// Runs a command on wallets in which more may have lapsed than one transaction holds. `settle` says what settles some of
/// it: fewer writes than a transaction holds, after which less is left.
pub async fn act_and_settle<T, S, R, F>(
    app: &App<T>,
    budget: &Budget<'_>,
    load: impl Fn() -> F,
    decide: impl Fn(&S) -> Result<Decision<R>, Denied>,
    settle: impl Fn(&S) -> Vec<Write>,
) -> Result<R, Error>
where
    T: Table,
    S: Absorb,
    F: Future<Output = Result<S, Error>>,
{
    act_once_settling(app, budget, None, load, decide, settle).await
}

/// The same for a command whose `load` leaves out the entry of its operation.
pub async fn act_once_settling<T, S, R, F>(
    app: &App<T>,
    budget: &Budget<'_>,
    unread: Option<&Unread>,
    load: impl Fn() -> F,
    decide: impl Fn(&S) -> Result<Decision<R>, Denied>,
    settle: impl Fn(&S) -> Vec<Write>,
) -> Result<R, Error>
where
    T: Table,
    S: Absorb,
    F: Future<Output = Result<S, Error>>,
{
    drive(app, budget, None, load, decide, (settle, || quota::pass(app, budget), unread)).await
}

/// Takes numbers, with the same patience. A number lost with its reply is skipped, never given twice.
pub async fn reserve<T: Table>(app: &App<T>, budget: &Budget<'_>, kind: &str, count: i64) -> Result<i64, Error> {
    quota::pass(app, budget).await?;
    read(app, budget, || async { app.table.reserve(kind, count, budget.meter).await.map_err(|e: ReadError| e.into()) })
        .await
}
