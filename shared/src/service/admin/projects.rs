//! Projects and their secrets.

use std::sync::Arc;

use ed25519_dalek::SigningKey;
use ed25519_dalek::pkcs8::EncodePublicKey;
use ed25519_dalek::pkcs8::spki::der::pem::LineEnding;

use crate::domain::admin::project::{ChangeProject, CreateProject};
use crate::keys::{Key32, Purpose};
use crate::model::administrator::Administrator;
use crate::model::denied::Denied;
use crate::model::project::{Project, ProjectSecret, WrappedKeys};
use crate::model::record::Record;
use crate::model::write::Write;
use crate::service::admin::operation::{AdminCall, AdminChange, Found, Part, find, gone, once, page};
use crate::service::app::{App, Budget, Error};
use crate::service::{ids, transact};
use crate::table::port::{List, Read, Table};

/// A project with a secret that was created for it: the secret is returned once, to its creator.
#[derive(Debug)]
pub struct NewSecret {
    /// The project's record.
    pub project: Project,
    /// Names the secret.
    pub secret_id: String,
    /// The secret.
    pub secret: Arc<Key32>,
    /// The operation had been done before.
    pub replayed: bool,
}

/// Creates a project with a secret and a signing key. If it is sent twice under one id, both answers contain the same
/// project.
pub async fn create<T: Table>(
    app: &App<T>,
    budget: &Budget<'_>,
    command: &CreateProject,
    act: &AdminCall,
) -> Result<NewSecret, Error> {
    act.by.may_everywhere()?;
    let found = find(app, budget, &act.known(0)).await?;
    if let Some(done) = act.replay(&found.done)? {
        return replayed_answer(app, budget, done.made.first().map_or("", String::as_str), None).await;
    }
    let (project, secret) = new_project(app, budget, command, act).await?;
    let added = &project.secrets[0];
    let deed = |_: &_| {
        let pointer =
            Write::AddSecret { hash: added.hash.clone(), project_id: project.id.clone(), created_at: act.now };
        Ok(AdminChange {
            made: vec![project.id.clone()],
            writes: vec![Write::AddProject { project: project.clone() }, pointer],
        })
    };
    match once(app, budget, act, Part { found: Some(found), ..Part::whole() }, &[], deed).await? {
        Some(made) => replayed_answer(app, budget, made.first().map_or("", String::as_str), None).await,
        None => Ok(NewSecret { secret_id: added.id.clone(), secret: Arc::new(secret), replayed: false, project }),
    }
}

async fn new_project<T: Table>(
    app: &App<T>,
    budget: &Budget<'_>,
    command: &CreateProject,
    act: &AdminCall,
) -> Result<(Project, Key32), Error> {
    let project = Project {
        id: ids::project_id(app.entropy.as_ref()),
        number: transact::reserve(app, budget, "project", 1).await?,
        name: command.name.clone(),
        settings: command.settings.clone(),
        project_settings: command.project_settings.clone(),
        policies_revision: 0,
        revision: 0,
        public_key: String::new(),
        wrapped: WrappedKeys::default(),
        secrets: Vec::new(),
        created_at: act.now,
    };
    keyed(app, project, act).await
}

/// The project with keys and a secret that are created for it.
pub async fn with_new_keys<T: Table>(app: &App<T>, project: Project, act: &AdminCall) -> Result<Project, Error> {
    Ok(keyed(app, project, act).await?.0)
}

async fn keyed<T: Table>(app: &App<T>, project: Project, act: &AdminCall) -> Result<(Project, Key32), Error> {
    let (kms, id) = (app.kms()?, &project.id);
    let (secret, key) = new_secret(app, id, act).await?;
    let seed = kms.make(id, Purpose::SigningSeed).await?;
    let derivation = kms.make(id, Purpose::Derivation).await?;
    let sealing = kms.make(id, Purpose::Sealing).await?;
    let public_key = pem(&SigningKey::from_bytes(seed.key.expose()))?;
    let wrapped = WrappedKeys { signing_seed: seed.wrapped, derivation: derivation.wrapped, sealing: sealing.wrapped };
    Ok((Project { public_key, wrapped, secrets: vec![secret], ..project }, key))
}

/// The public half of a signing key, as PEM.
pub fn pem(key: &SigningKey) -> Result<String, Error> {
    let text = key.verifying_key().to_public_key_pem(LineEnding::LF);
    text.map_err(|error| Error::Broken(error.to_string().into()))
}

async fn new_secret<T: Table>(
    app: &App<T>,
    project_id: &str,
    act: &AdminCall,
) -> Result<(ProjectSecret, Key32), Error> {
    let made = app.kms()?.make(project_id, Purpose::Secret).await?;
    let hash = ids::sha256_hex(hex::encode(made.key.expose()).as_bytes());
    let secret = ProjectSecret { id: format!("sec_{}", &hash[..16]), wrapped: made.wrapped, created_at: act.now, hash };
    Ok((secret, made.key))
}

/// The project with the secret of that id, or with its oldest: what an earlier call made.
pub async fn replayed_answer<T: Table>(
    app: &App<T>,
    budget: &Budget<'_>,
    project_id: &str,
    secret_id: Option<&str>,
) -> Result<NewSecret, Error> {
    let found = find(app, budget, &[Read::Project(project_id.to_owned())]).await?;
    let project = found.project.ok_or_else(|| gone("project"))?;
    let secret = project.secrets.iter().find(|secret| secret_id.is_none_or(|id| secret.id == id));
    let secret = secret.cloned().ok_or(Denied::SecretNotFound)?;
    let key = app.unwrap(&project.id, Purpose::Secret, &secret.wrapped).await?;
    Ok(NewSecret { project, secret_id: secret.id, secret: key, replayed: true })
}

/// A project.
pub async fn get<T: Table>(app: &App<T>, budget: &Budget<'_>, id: &str) -> Result<Project, Error> {
    let found = find(app, budget, &[Read::Project(id.to_owned())]).await?;
    Ok(found.project.ok_or(Denied::ProjectNotFound)?)
}

/// A page of the projects that an administrator may see.
pub async fn list<T: Table>(
    app: &App<T>,
    budget: &Budget<'_>,
    by: &Administrator,
    before: Option<String>,
    limit: i64,
) -> Result<(Vec<Project>, Option<String>), Error> {
    if let Some(only) = &by.project_id {
        return Ok((vec![get(app, budget, only).await?], None));
    }
    let (records, next) = page(app, budget, List::Projects, before, limit).await?;
    let projects = records.into_iter().filter_map(Record::project);
    Ok((projects.collect(), next))
}

/// Changes a project; the project afterwards, and whether it was changed by an earlier call.
pub async fn change<T: Table>(
    app: &App<T>,
    budget: &Budget<'_>,
    id: &str,
    command: &ChangeProject,
    act: &AdminCall,
) -> Result<(Project, bool), Error> {
    let reads = [Read::Project(id.to_owned())];
    let deed = |found: &Found| {
        let project = command.apply(found.project()?)?;
        Ok(AdminChange { made: vec![id.to_owned()], writes: vec![Write::ReplaceProject { project }] })
    };
    let earlier = once(app, budget, act, Part::whole(), &reads, deed).await?;
    Ok((get(app, budget, id).await?, earlier.is_some()))
}

/// Adds a secret to a project; those it has stay valid.
pub async fn add_secret<T: Table>(
    app: &App<T>,
    budget: &Budget<'_>,
    id: &str,
    act: &AdminCall,
) -> Result<NewSecret, Error> {
    let reads = [vec![Read::Project(id.to_owned())], act.known(0)].concat();
    let found = find(app, budget, &reads).await?;
    found.project()?;
    if let Some(done) = act.replay(&found.done)? {
        return replayed_answer(app, budget, id, done.made.first().map(String::as_str)).await;
    }
    let (secret, key) = new_secret(app, id, act).await?;
    let deed = |found: &Found| {
        let project = found.project()?.with_secret(secret.clone())?;
        let pointer = Write::AddSecret { hash: secret.hash.clone(), project_id: id.to_owned(), created_at: act.now };
        Ok(AdminChange { made: vec![secret.id.clone()], writes: vec![Write::ReplaceProject { project }, pointer] })
    };
    match once(app, budget, act, Part { found: Some(found), ..Part::whole() }, &reads[..1], deed).await? {
        Some(made) => replayed_answer(app, budget, id, made.first().map(String::as_str)).await,
        None => {
            let project = get(app, budget, id).await?;
            Ok(NewSecret { project, secret_id: secret.id.clone(), secret: Arc::new(key), replayed: false })
        }
    }
}

/// Retires a secret of a project: from now on it names nothing.
pub async fn retire_secret<T: Table>(
    app: &App<T>,
    budget: &Budget<'_>,
    id: &str,
    secret_id: &str,
    act: &AdminCall,
) -> Result<(), Error> {
    let reads = [Read::Project(id.to_owned())];
    let deed = |found: &Found| {
        let (project, retired) = found.project()?.without_secret(secret_id)?;
        let pointer = Write::RetireSecret { hash: retired.hash, at: act.now };
        Ok(AdminChange { made: vec![secret_id.to_owned()], writes: vec![Write::ReplaceProject { project }, pointer] })
    };
    once(app, budget, act, Part::whole(), &reads, deed).await.map(|_| ())
}
