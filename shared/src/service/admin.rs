//! What a vendor makes: projects, policies, licenses. Every call carries an operation id and can be sent twice.

use ed25519_dalek::SigningKey;
use ed25519_dalek::pkcs8::EncodePublicKey;
use ed25519_dalek::pkcs8::spki::der::pem::LineEnding;
use futures_util::future::try_join_all;
use ltlm_protocol::LicenseData;
use ltlm_protocol::Timestamp;
use ltlm_protocol::limits;
use ltlm_protocol::read::{Problems, Reader};
use serde_json::{Map, Value, json};

use super::act::{self, Absorb};
use super::{App, Budget, Error, ids};
use crate::domain::config;
use crate::domain::gate::{Call, Caller};
use crate::domain::issue::{self, Issue};
use crate::domain::policy::{Policy, PolicyTerms};
use crate::domain::project::{Project, WrappedKeys};
use crate::domain::status;
use crate::domain::write::{AdminOperation, Decision, Write};
use crate::domain::{Denied, LicenseState, Record};
use crate::keys::kms::Kms;
use crate::keys::{Key32, Purpose};
use crate::service::load::{self, Access, Beside, Wanted};
use crate::table::{Read, Table};

/// An administrator's operation as it arrives.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AdminKey {
    /// Chosen by the caller, or made for one that chose none.
    pub id: String,
    /// Hash of the request.
    pub fingerprint: String,
}

/// `POST /v1/admin/projects`.
#[derive(Clone, Debug, PartialEq)]
pub struct CreateProject {
    /// Its name.
    pub name: String,
    /// How the service treats it.
    pub settings: Map<String, Value>,
    /// The vendor's own data.
    pub project_settings: Map<String, Value>,
    /// The caller's operation id.
    pub operation_id: Option<String>,
}

impl CreateProject {
    /// Parses the body.
    pub fn parse(body: &Value) -> Result<Self, Problems> {
        let mut r = Reader::new(body)?;
        let parsed = Self {
            name: r.text("name", limits::NAME_CHARS_MAX),
            settings: config::free_form(&mut r, "settings", limits::DOCUMENT_BYTES_MAX),
            project_settings: config::free_form(&mut r, "projectSettings", limits::DOCUMENT_BYTES_MAX),
            operation_id: ltlm_protocol::request::operation_id(&mut r),
        };
        r.finish().map(|()| parsed)
    }
}

/// A project with its secret: told once, to who made it.
#[derive(Debug)]
pub struct NewProject {
    /// Its record.
    pub project: Project,
    /// The secret.
    pub secret: Key32,
    /// The operation had been done before.
    pub replayed: bool,
}

/// What an operation finds: whether it was done, and the project and policy it is about.
#[derive(Clone, Debug, Default)]
struct Found {
    done: Option<AdminOperation>,
    project: Option<Project>,
    policy: Option<Policy>,
    taken: bool,
}

impl Absorb for Found {
    fn absorb(&mut self, record: Record) {
        match record {
            Record::AdminOperation(done) => self.done = Some(done),
            Record::Project(project) => self.project = Some(project),
            Record::Policy(policy) => self.policy = Some(policy),
            Record::License(_) => self.taken = true,
            _ => {}
        }
    }
}

impl Found {
    /// What the operation made when it was done, if it was. The same id with another request is refused.
    fn replay(&self, key: &AdminKey) -> Result<Option<&[String]>, Denied> {
        match &self.done {
            None => Ok(None),
            Some(done) if done.fingerprint == key.fingerprint => Ok(Some(&done.made)),
            Some(_) => Err(Denied::IdempotencyKeyReused),
        }
    }
}

async fn find<T: Table>(app: &App<T>, budget: &Budget<'_>, reads: &[Read]) -> Result<Found, Error> {
    let mut found = Found::default();
    app.table.read(reads, budget.meter).await?.into_iter().for_each(|record| found.absorb(record));
    Ok(found)
}

/// Makes `made` by `writes`, once per operation id. `None` if this call did it; what an earlier call made, if one did.
async fn once<T: Table>(
    app: &App<T>,
    budget: &Budget<'_>,
    now: Timestamp,
    key: &AdminKey,
    made: Vec<String>,
    writes: Vec<Write>,
) -> Result<Option<Vec<String>>, Error> {
    let reads = [Read::AdminOperation(key.id.clone())];
    let operation = AdminOperation {
        id: key.id.clone(),
        fingerprint: key.fingerprint.clone(),
        made: made.clone(),
        created_at: now,
    };
    let earlier = act::act(
        app,
        budget,
        || find(app, budget, &reads),
        |found: &Found| {
            if let Some(made) = found.replay(key)? {
                return Ok(Decision::read(Some(made.to_vec())));
            }
            if found.taken {
                return Err(Denied::LicenseKeyTaken);
            }
            let mut writes = writes.clone();
            writes.push(Write::AddAdminOperation { operation: operation.clone() });
            Ok(Decision::write(writes, None))
        },
    )
    .await?;
    // Finding exactly what it set out to make, the call found itself: its reply was lost and it looked again.
    Ok(earlier.filter(|earlier| *earlier != made))
}

fn kms<T>(app: &App<T>) -> Result<&Kms, Error> {
    app.kms.as_ref().ok_or_else(|| Error::Broken("this function has no key service".into()))
}

/// Makes a project with a secret and a signing key. Sent twice under one id, both answers tell the same project.
pub async fn create_project<T: Table>(
    app: &App<T>,
    budget: &Budget<'_>,
    now: Timestamp,
    command: &CreateProject,
    key: &AdminKey,
) -> Result<NewProject, Error> {
    let reads = [Read::AdminOperation(key.id.clone())];
    let found = act::read(app, budget, || find(app, budget, &reads)).await?;
    if let Some(made) = found.replay(key)? {
        return tell_project(app, budget, made).await;
    }
    let (project, secret) = new_project(app, budget, now, command).await?;
    let secret_hash = ids::sha256_hex(hex::encode(secret.expose()).as_bytes());
    let writes = vec![
        Write::AddProject { project: project.clone() },
        Write::AddSecret { hash: secret_hash, project_id: project.id.clone(), created_at: now },
    ];
    match once(app, budget, now, key, vec![project.id.clone()], writes).await? {
        Some(earlier) => tell_project(app, budget, &earlier).await,
        None => Ok(NewProject { project, secret, replayed: false }),
    }
}

async fn new_project<T: Table>(
    app: &App<T>,
    budget: &Budget<'_>,
    now: Timestamp,
    command: &CreateProject,
) -> Result<(Project, Key32), Error> {
    let kms = kms(app)?;
    let id = ids::project_id(app.entropy.as_ref());
    let secret = kms.make(&id, Purpose::Secret).await?;
    let seed = kms.make(&id, Purpose::SigningSeed).await?;
    let derivation = kms.make(&id, Purpose::Derivation).await?;
    let public_key = SigningKey::from_bytes(seed.key.expose())
        .verifying_key()
        .to_public_key_pem(LineEnding::LF)
        .map_err(|error| Error::Broken(error.to_string().into()))?;
    let project = Project {
        number: act::reserve(app, budget, "project", 1).await?,
        name: command.name.clone(),
        settings: command.settings.clone(),
        project_settings: command.project_settings.clone(),
        policies_revision: 0,
        public_key,
        wrapped: WrappedKeys { secret: secret.wrapped, signing_seed: seed.wrapped, derivation: derivation.wrapped },
        created_at: now,
        id,
    };
    Ok((project, secret.key))
}

async fn tell_project<T: Table>(app: &App<T>, budget: &Budget<'_>, made: &[String]) -> Result<NewProject, Error> {
    let reads: Vec<_> = made.iter().map(|id| Read::Project(id.clone())).collect();
    let found = act::read(app, budget, || find(app, budget, &reads)).await?;
    let project = found.project.ok_or_else(|| Error::Broken("an operation made a project that is not there".into()))?;
    let secret = kms(app)?.unwrap(&project.id, Purpose::Secret, &project.wrapped.secret).await?;
    Ok(NewProject { project, secret, replayed: true })
}

/// Makes a policy.
pub async fn create_policy<T: Table>(
    app: &App<T>,
    budget: &Budget<'_>,
    now: Timestamp,
    project_id: &str,
    terms: &PolicyTerms,
    key: &AdminKey,
) -> Result<(Policy, bool), Error> {
    let reads = [Read::AdminOperation(key.id.clone()), Read::Project(project_id.to_owned())];
    let found = act::read(app, budget, || find(app, budget, &reads)).await?;
    if found.project.is_none() {
        return Err(Denied::ProjectNotFound.into());
    }
    if let Some(made) = found.replay(key)? {
        return tell_policy(app, budget, project_id, made).await;
    }
    let number = act::reserve(app, budget, "policy", 1).await?;
    let policy = Policy { project_id: project_id.to_owned(), number, terms: terms.clone(), created_at: now };
    let writes = vec![
        Write::AddPolicy { policy: policy.clone() },
        Write::CountPolicyChange { project_id: project_id.to_owned() },
    ];
    match once(app, budget, now, key, vec![number.to_string()], writes).await? {
        Some(earlier) => tell_policy(app, budget, project_id, &earlier).await,
        None => Ok((policy, false)),
    }
}

async fn tell_policy<T: Table>(
    app: &App<T>,
    budget: &Budget<'_>,
    project_id: &str,
    made: &[String],
) -> Result<(Policy, bool), Error> {
    let number = made.first().and_then(|number| number.parse().ok()).unwrap_or(0);
    let reads = [Read::Policy(project_id.to_owned(), number)];
    let found = act::read(app, budget, || find(app, budget, &reads)).await?;
    found
        .policy
        .map(|policy| (policy, true))
        .ok_or_else(|| Error::Broken("an operation made a policy that is not there".into()))
}

/// Licenses written by one transaction: three items each, of the hundred that one may hold.
const LICENSES_PER_TRANSACTION: usize = 30;
/// The same for licenses with large documents, of the four megabytes that one may hold.
const LARGE_LICENSES_PER_TRANSACTION: usize = 10;
/// Documents from this size on are large, in bytes.
const LARGE_BYTES: usize = 16 * 1024;

/// Issues licenses of a policy, some at a time. The keys follow from the operation id, and each transaction has an id of
/// its own that follows from it too: sending it twice issues them once, and goes on where a killed process stopped.
pub async fn issue<T: Table>(
    app: &App<T>,
    budget: &Budget<'_>,
    now: Timestamp,
    project_id: &str,
    command: &Issue,
    key: &AdminKey,
) -> Result<(Vec<LicenseData>, bool), Error> {
    let number = command.policy.parse().unwrap_or(0);
    let reads = [
        Read::AdminOperation(key.id.clone()),
        Read::Project(project_id.to_owned()),
        Read::Policy(project_id.to_owned(), number),
    ];
    let found = act::read(app, budget, || find(app, budget, &reads)).await?;
    let replayed = found.replay(key)?.is_some();
    let project = found.project.ok_or(Denied::ProjectNotFound)?;
    let policy = found.policy.ok_or(Denied::PolicyNotFound)?;
    let keys = keys(app, &project, command, key).await?;
    let order = Order { now, project, policy, command, replayed };
    let documents = json!(command.overrides).to_string().len() + json!(command.metadata).to_string().len();
    let size = if documents < LARGE_BYTES { LICENSES_PER_TRANSACTION } else { LARGE_LICENSES_PER_TRANSACTION };
    let mut told = Vec::with_capacity(keys.len());
    for (index, some) in keys.chunks(size).enumerate() {
        // No caller's id has a space in it.
        let id = if index == 0 { key.id.clone() } else { format!("{} {index}", key.id) };
        let part = AdminKey { id, fingerprint: key.fingerprint.clone() };
        told.extend(issue_some(app, budget, &order, some, &part).await?);
    }
    Ok((told, replayed))
}

/// What licenses are issued from.
struct Order<'a> {
    now: Timestamp,
    project: Project,
    policy: Policy,
    command: &'a Issue,
    replayed: bool,
}

impl Order<'_> {
    /// A new license's state and the writes that make it.
    fn license(&self, key: &str, number: i64) -> (LicenseState, Vec<Write>) {
        let license = issue::license(&self.policy, self.command, ids::license_id(key), number, self.now);
        let empty = LicenseState::new(self.project.clone(), self.policy.clone(), license.clone());
        let writes = issue::writes(license, empty.terms.tokens_base, self.now);
        (empty.after(&writes), writes)
    }
}

/// Issues as many licenses as one transaction holds.
async fn issue_some<T: Table>(
    app: &App<T>,
    budget: &Budget<'_>,
    order: &Order<'_>,
    keys: &[String],
    part: &AdminKey,
) -> Result<Vec<LicenseData>, Error> {
    let done = [Read::AdminOperation(part.id.clone())];
    if order.replayed && act::read(app, budget, || find(app, budget, &done)).await?.replay(part)?.is_some() {
        return tell_licenses(app, budget, order.now, keys).await;
    }
    let first = act::reserve(app, budget, "license", keys.len() as i64).await?;
    let licenses: Vec<_> = keys.iter().zip(first..).map(|(key, number)| order.license(key, number)).collect();
    let writes = licenses.iter().flat_map(|(_, writes)| writes.clone()).collect();
    // The first number tells this call's licenses from those of another call under the same id.
    match once(app, budget, order.now, part, vec![first.to_string()], writes).await? {
        Some(_) => tell_licenses(app, budget, order.now, keys).await,
        None => Ok(keys
            .iter()
            .zip(&licenses)
            .map(|(key, (state, _))| status::license_for_vendor(state, &call(key, order.now)))
            .collect()),
    }
}

async fn keys<T: Table>(
    app: &App<T>,
    project: &Project,
    command: &Issue,
    key: &AdminKey,
) -> Result<Vec<String>, Error> {
    if let Some(own) = &command.license_key {
        return Ok(vec![own.clone()]);
    }
    let derivation = kms(app)?.unwrap(&project.id, Purpose::Derivation, &project.wrapped.derivation).await?;
    Ok((0..command.count).map(|index| ids::license_key(&derivation, &key.id, index)).collect())
}

/// The licenses as they are in the table, read side by side.
async fn tell_licenses<T: Table>(
    app: &App<T>,
    budget: &Budget<'_>,
    now: Timestamp,
    keys: &[String],
) -> Result<Vec<LicenseData>, Error> {
    let tell = async |key: &String| {
        let (access, license) = (Access::Administrator, ids::license_id(key));
        let wanted = Wanted { access, license, hwid: None, target: None, operation: None, beside: Beside::Everything };
        let state = act::read(app, budget, || load::license(app, budget, &wanted)).await?;
        Ok::<_, Error>(status::license_for_vendor(&state, &call(key, now)))
    };
    try_join_all(keys.iter().map(tell)).await
}

fn call(key: &str, now: Timestamp) -> Call {
    Call { key: key.to_owned(), caller: Caller::default(), now }
}
