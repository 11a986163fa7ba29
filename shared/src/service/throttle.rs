//! Takes tokens of the buckets that hold back whoever tries too much.

use ltlm_protocol::Timestamp;

use crate::domain::throttle;
use crate::domain::throttle::Limited;
use crate::model::bucket::{Bucket, Rate};
use crate::model::project::Project;
use crate::model::record::Record;
use crate::service::act::Absorb;
use crate::service::{App, Budget, Error, act, ids};
use crate::table::port::{Read, Table};

#[derive(Default)]
struct Found(Option<Bucket>);

impl Absorb for Found {
    fn absorb(&mut self, record: Record) -> bool {
        if let Record::Bucket(bucket) = record {
            self.0 = Some(bucket);
        }
        true
    }
}

/// The name of the bucket of what is counted and of its source: what it is made of cannot be read from it.
fn name(source: &[&str]) -> String {
    ids::sha256_hex(source.join("\n").as_bytes())
}

/// Takes a token for one try by this source, made by the call named `call`; the bucket afterwards. One write, unless the source tries
/// often.
pub async fn take<T: Table>(
    app: &App<T>,
    budget: &Budget<'_>,
    limited: Limited,
    source: &[&str],
    project: Option<&Project>,
    (call, now): (&str, Timestamp),
) -> Result<Bucket, Error> {
    let source = [&[limited.name()], source].concat();
    take_at(app, budget, &source, limited.rate(project), (call, now)).await
}

/// The same for a bucket of its own: named by `source`, and at this rate.
pub async fn take_at<T: Table>(
    app: &App<T>,
    budget: &Budget<'_>,
    source: &[&str],
    rate: Rate,
    (call, now): (&str, Timestamp),
) -> Result<Bucket, Error> {
    let name = name(source);
    // As this process saw the bucket last: then the write holds at once, and whoever is held back costs nothing while that lasts.
    let hint = app.hints.bucket(&name);
    throttle::take(hint.as_ref(), &name, rate, call, now)?;
    let reads = [Read::Bucket(name.clone())];
    let load = || act::found(app, budget, &reads);
    let decide = |found: &Found| throttle::take(found.0.as_ref(), &name, rate, call, now);
    let bucket = act::act_on(app, budget, Some(Found(hint)), load, decide).await?;
    app.hints.remember_bucket(bucket.clone());
    Ok(bucket)
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
    if let Some(bucket) = act::act(app, budget, || act::found(app, budget, &reads), decide).await? {
        app.hints.remember_bucket(bucket);
    }
    Ok(())
}
