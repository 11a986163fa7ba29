//! Takes tokens from the buckets that limit excessive attempts.

use ltlm_protocol::Timestamp;

use crate::domain::throttle::{self, Limited};
use crate::model::bucket::Bucket;
use crate::model::project::Project;
use crate::service::app::{App, Budget, Error};
use crate::service::bucket::{Found, name};
use crate::service::{bucket, quota, retry, transact};
use crate::table::port::{Read, Table};

/// Takes a token for one attempt by this source, made by the call named `call`; returns the bucket afterwards. It costs
/// one write, unless the source makes frequent attempts.
pub async fn take<T: Table>(
    app: &App<T>,
    budget: &Budget<'_>,
    limited: Limited,
    source: &[&str],
    project: Option<&Project>,
    (call, now): (&str, Timestamp),
) -> Result<Bucket, Error> {
    let source = [&[limited.name()], source].concat();
    let rate = limited.rate(project);
    bucket::take(app, budget, (&source, rate), (call, now), || quota::pass(app, budget)).await
}

/// Gives the source all its tokens back: it was right.
pub async fn refill<T: Table>(
    app: &App<T>,
    budget: &Budget<'_>,
    limited: Limited,
    source: &[&str],
    now: Timestamp,
) -> Result<(), Error> {
    let reads = [Read::Bucket(name(&[&[limited.name()], source].concat()))];
    let decide = |found: &Found| Ok(throttle::refill(found.0.as_ref(), now));
    if let Some(bucket) = transact::act(app, budget, || retry::found(app, budget, &reads), decide).await? {
        app.hints.remember_bucket(bucket);
    }
    Ok(())
}
