//! Issuing licenses.

use futures_util::future::try_join_all;
use ltlm_protocol::{LicenseData, Timestamp};
use serde_json::json;

use crate::domain::ahead::must_lie_ahead;
use crate::domain::license::gate::{Call, Caller};
use crate::domain::license::issue::{Issue, note_trial};
use crate::domain::license::state::LicenseState;
use crate::domain::license::{issue, read};
use crate::keys::{Key32, Purpose, seal};
use crate::model::administrator::Administrator;
use crate::model::denied::Denied;
use crate::model::policy::Policy;
use crate::model::project::Project;
use crate::model::write::Write;
use crate::service::admin::operation::{AdminCall, AdminChange, Found, Part, find, once};
use crate::service::app::{App, Budget, Error};
use crate::service::license::load;
use crate::service::license::load_spec::{Access, Include, LoadSpec};
use crate::service::{ids, retry, transact};
use crate::table::port::{Read, Table};

/// Licenses written by one transaction: at most five items each, of the hundred that one may hold.
const LICENSES_PER_TRANSACTION: usize = 19;
/// The same for licenses with large documents, of the four megabytes that one may hold.
const LARGE_LICENSES_PER_TRANSACTION: usize = 10;
/// Documents from this size on are large, in bytes.
const LARGE_BYTES: usize = 16 * 1024;

/// Issues licenses of a policy, some at a time. Returns also whether an earlier call began it. The keys are derived
/// from the operation id, and so is the id of each transaction: sending the operation twice issues the keys once, and
/// continues where a killed process stopped.
pub async fn issue<T: Table>(
    app: &App<T>,
    budget: &Budget<'_>,
    project_id: &str,
    command: &Issue,
    act: &AdminCall,
) -> Result<(Vec<LicenseData>, bool), Error> {
    let of_project = vec![Read::Project(project_id.to_owned()), Read::Policy(command.policy)];
    let reads = [act.known(0), of_project].concat();
    let found = find(app, budget, &reads).await?;
    let replayed = act.replay(&found.done)?.is_some();
    if !replayed {
        must_lie_ahead("validUntil", command.valid_until, act.now)?;
    }
    let project = found.project()?.clone();
    project.in_service()?;
    let policy = found.policy.clone().filter(|policy| policy.project_id == project.id).ok_or(Denied::PolicyNotFound)?;
    let keys = keys(app, &project, command, act).await?;
    let sealing = app.unwrap(&project.id, Purpose::Sealing, &project.wrapped.sealing).await?;
    let order = Order { act, project, policy, command, sealing: &sealing, replayed };
    let documents = json!(command.overrides).to_string().len() + json!(command.metadata).to_string().len();
    let size = if documents < LARGE_BYTES { LICENSES_PER_TRANSACTION } else { LARGE_LICENSES_PER_TRANSACTION };
    let mut issued = Vec::with_capacity(keys.len());
    for (index, some) in keys.chunks(size).enumerate() {
        issued.extend(issue_some(app, budget, &order, some, index).await?);
    }
    Ok((issued, replayed))
}

/// What licenses are issued from.
struct Order<'a> {
    act: &'a AdminCall,
    project: Project,
    policy: Policy,
    command: &'a Issue,
    sealing: &'a Key32,
    replayed: bool,
}

impl Order<'_> {
    fn license<T>(&self, app: &App<T>, key: &str, number: i64) -> Result<(LicenseState, Vec<Write>), Error> {
        let of = (&self.project, &self.policy);
        new_license(app, self.sealing, of, self.command, key, number, self.act.now)
    }
}

/// A new license's state and the writes that create it.
pub(in crate::service) fn new_license<T>(
    app: &App<T>,
    sealing: &Key32,
    (project, policy): (&Project, &Policy),
    command: &Issue,
    key: &str,
    number: i64,
    now: Timestamp,
) -> Result<(LicenseState, Vec<Write>), Error> {
    let id = ids::license_id(key);
    let mut nonce = [0; seal::NONCE_BYTES];
    app.entropy.fill(&mut nonce);
    let sealed = seal::seal(sealing, nonce, &id.0, key)?;
    let license = issue::license(policy, command, id, number, now);
    let empty = LicenseState::new(project.clone(), policy.clone(), license);
    let writes = issue::writes(&empty, sealed, now);
    Ok((empty.after(&writes), writes))
}

/// Issues as many licenses as one transaction holds: the `index`-th part of the order.
async fn issue_some<T: Table>(
    app: &App<T>,
    budget: &Budget<'_>,
    order: &Order<'_>,
    keys: &[String],
    index: usize,
) -> Result<Vec<LicenseData>, Error> {
    let mut part = Part { index, found: None };
    if order.replayed {
        let found = find(app, budget, &order.act.known(index)).await?;
        if order.act.replay(&found.done)?.is_some() {
            return replayed_answer(app, budget, order, keys).await;
        }
        part.found = Some(found);
    }
    let first = transact::reserve(app, budget, "license", keys.len() as i64).await?;
    let licenses = keys.iter().zip(first..).map(|(key, number)| order.license(app, key, number));
    let licenses: Vec<_> = licenses.collect::<Result<_, _>>()?;
    let deed = |found: &Found| {
        if found.taken {
            return Err(Denied::LicenseKeyTaken);
        }
        // All are one customer's.
        let trial = licenses.first().and_then(|(state, _)| note_trial(&state.policy, &state.license, order.act.now));
        let writes = licenses.iter().flat_map(|(_, writes)| writes.clone()).chain(trial).collect();
        Ok(AdminChange { made: vec![first.to_string()], writes })
    };
    match once(app, budget, order.act, part, &[], deed).await? {
        Some(_) => replayed_answer(app, budget, order, keys).await,
        None => {
            let pairs = keys.iter().zip(&licenses);
            Ok(pairs.map(|(key, (state, _))| read::license_for_vendor(state, &call(key, order))).collect())
        }
    }
}

async fn keys<T: Table>(
    app: &App<T>,
    project: &Project,
    command: &Issue,
    act: &AdminCall,
) -> Result<Vec<String>, Error> {
    if let Some(own) = &command.license_key {
        return Ok(vec![own.clone()]);
    }
    let derivation = app.unwrap(&project.id, Purpose::Derivation, &project.wrapped.derivation).await?;
    Ok((0..command.count).map(|index| ids::license_key(&derivation, &act.id, index)).collect())
}

/// The licenses as they are in the table, read side by side.
async fn replayed_answer<T: Table>(
    app: &App<T>,
    budget: &Budget<'_>,
    order: &Order<'_>,
    keys: &[String],
) -> Result<Vec<LicenseData>, Error> {
    let replayed_answer = async |key: &String| {
        let (access, license) = (Access::Administrator(Administrator::first()), ids::license_id(key));
        let wanted = LoadSpec { beside: Include::Everything, ..LoadSpec::new(access, license, order.act.now) };
        let state = retry::read(app, budget, || load::license(app, budget, &wanted)).await?;
        Ok::<_, Error>(read::license_for_vendor(&state, &call(key, order)))
    };
    try_join_all(keys.iter().map(replayed_answer)).await
}

fn call(key: &str, order: &Order<'_>) -> Call {
    Call { key: key.to_owned(), caller: Caller::default(), now: order.act.now }
}
