//! Takes a token from a bucket: the only command on which quotas and throttles are built.

use std::future::Future;

use ltlm_protocol::Timestamp;

use crate::domain::throttle;
use crate::model::bucket::{Bucket, Rate};
use crate::model::record::Record;
use crate::service::app::{App, Budget, Error};
use crate::service::retry::Absorb;
use crate::service::{ids, retry};
use crate::table::port::{Read, Table};

/// A bucket as it is in the table, if it is there.
#[derive(Default)]
pub(super) struct Found(pub Option<Bucket>);

impl Absorb for Found {
    fn absorb(&mut self, record: Record) -> bool {
        if let Record::Bucket(bucket) = record {
            self.0 = Some(bucket);
        }
        true
    }
}

/// The name of the bucket of what is counted and of its source: a hash, which does not reveal either.
pub(super) fn name(source: &[&str]) -> String {
    ids::sha256_hex(source.join("\n").as_bytes())
}

/// Takes a token of the bucket named by `source`, at this rate; the bucket afterwards. `count` comes before each commit.
pub(super) async fn take<T: Table, C: Future<Output = Result<(), Error>>>(
    app: &App<T>,
    budget: &Budget<'_>,
    (source, rate): (&[&str], Rate),
    (call, now): (&str, Timestamp),
    count: impl Fn() -> C,
) -> Result<Bucket, Error> {
    let name = name(source);
    // As this process saw the bucket last: then the write holds at once, and whoever is held back costs nothing while that lasts.
    let hint = app.hints.bucket(&name);
    throttle::take(hint.as_ref(), &name, rate, call, now)?;
    let reads = [Read::Bucket(name.clone())];
    let load = || retry::found(app, budget, &reads);
    let decide = |found: &Found| throttle::take(found.0.as_ref(), &name, rate, call, now);
    let bucket =
        retry::drive(app, budget, Some(Found(hint)), load, decide, (|_: &Found| Vec::new(), count, None)).await?;
    app.hints.remember_bucket(bucket.clone());
    Ok(bucket)
}
