//! Developers: an administrator creates and changes them.

use subtle::ConstantTimeEq;

use crate::domain::portal::developer::{ChangeDeveloper, CreateDeveloper};
use crate::keys::{Purpose, password};
use crate::model::denied::Denied;
use crate::model::developer::Developer;
use crate::model::email::Email;
use crate::model::record::Record;
use crate::model::write::Write;
use crate::service::admin::operation::{AdminCall, AdminChange, Found, Part, find, once, page};
use crate::service::app::{App, Budget, Error};
use crate::service::ids;
use crate::service::transact::reserve;
use crate::table::port::{List, Read, Table};

fn hash<T>(app: &App<T>, text: &str) -> Result<String, Error> {
    let mut salt = [0; password::SALT_BYTES];
    app.entropy.fill(&mut salt);
    Ok(password::hash(text, salt)?)
}

/// Stands where an act brought no password.
const NO_PASSWORD: &str = "-";

/// What is stored of the password in an operation: a keyed hash, so that readers of the table cannot try passwords on
/// it. `wrapped` is the developer's key.
async fn mark<T>(
    app: &App<T>,
    username: &Email,
    wrapped: &[u8],
    act: &AdminCall,
    password: &str,
) -> Result<String, Error> {
    let key = app.unwrap(username.as_str(), Purpose::Codes, wrapped).await?;
    Ok(ids::secret_mark(&key, &act.id, password))
}

/// Refuses an act that was done with another password. What an older version did is not known to have had one.
fn same_password(made: &[String], mark: &str) -> Result<(), Denied> {
    match made.get(1).is_none_or(|done| bool::from(done.as_bytes().ct_eq(mark.as_bytes()))) {
        true => Ok(()),
        false => Err(Denied::IdempotencyKeyReused),
    }
}

/// The developer, under every spelling under which it may be kept, and the projects that a command names.
fn reads(username: &Email, projects: Option<&[String]>) -> Vec<Read> {
    let projects = projects.unwrap_or_default().iter().cloned().map(Read::Project);
    username.spellings().into_iter().map(Read::Developer).chain(projects).collect()
}

async fn get<T: Table>(app: &App<T>, budget: &Budget<'_>, username: &Email) -> Result<Developer, Error> {
    let found = find(app, budget, &reads(username, None)).await?;
    Ok(found.developer()?.clone())
}

/// Creates a developer. Returns also whether an earlier call did.
pub async fn create<T: Table>(
    app: &App<T>,
    budget: &Budget<'_>,
    command: &CreateDeveloper,
    act: &AdminCall,
) -> Result<(Developer, bool), Error> {
    act.by.may_everywhere()?;
    let made = Developer {
        username: command.username.clone(),
        number: reserve(app, budget, "developer", 1).await?,
        full_name: command.full_name.clone(),
        password: hash(app, &command.password)?,
        projects: command.projects.clone(),
        mfa: command.mfa,
        wrapped: app.kms()?.make(command.username.as_str(), Purpose::Codes).await?.wrapped,
        disabled_at: None,
        created_at: act.now,
        revision: 1,
    };
    let mine = mark(app, &made.username, &made.wrapped, act, &command.password).await?;
    let deed = |found: &Found| {
        if found.developer.is_some() {
            return Err(Denied::DeveloperExists);
        }
        found.all_projects(command.projects.as_deref().unwrap_or_default())?;
        let write = Write::SaveDeveloper { developer: made.clone(), found: None };
        Ok(AdminChange { made: vec![made.number.to_string(), mine.clone()], writes: vec![write] })
    };
    let reads = reads(&command.username, command.projects.as_deref());
    match once(app, budget, act, Part::whole(), &reads, deed).await? {
        None => Ok((made, false)),
        Some(done) => {
            let developer = get(app, budget, &command.username).await?;
            same_password(&done, &mark(app, &developer.username, &developer.wrapped, act, &command.password).await?)?;
            Ok((developer, true))
        }
    }
}

/// Changes a developer; the developer afterwards, and whether an earlier call did it.
pub async fn change<T: Table>(
    app: &App<T>,
    budget: &Budget<'_>,
    username: &Email,
    command: &ChangeDeveloper,
    act: &AdminCall,
) -> Result<(Developer, bool), Error> {
    act.by.may_everywhere()?;
    let hash = command.password.as_ref().map(|text| hash(app, text)).transpose()?;
    let mine = match &command.password {
        None => NO_PASSWORD.to_owned(),
        Some(text) => {
            let known = get(app, budget, username).await?;
            mark(app, &known.username, &known.wrapped, act, text).await?
        }
    };
    let named = command.projects.as_ref().and_then(Option::as_deref);
    let deed = |found: &Found| {
        let developer = found.developer()?;
        found.all_projects(named.unwrap_or_default())?;
        let changed = command.apply(developer, hash.as_deref(), act.now);
        let made = vec![changed.number.to_string(), mine.clone()];
        let write = Write::SaveDeveloper { developer: changed, found: Some(developer.revision) };
        Ok(AdminChange { made, writes: vec![write] })
    };
    let earlier = once(app, budget, act, Part::whole(), &reads(username, named), deed).await?;
    if let Some(done) = &earlier {
        same_password(done, &mine)?;
    }
    Ok((get(app, budget, username).await?, earlier.is_some()))
}

/// A page of the developers, newest first.
pub async fn list<T: Table>(
    app: &App<T>,
    budget: &Budget<'_>,
    before: Option<String>,
    limit: i64,
) -> Result<(Vec<Developer>, Option<String>), Error> {
    let (records, next) = page(app, budget, List::Developers, before, limit).await?;
    Ok((records.into_iter().filter_map(Record::developer).collect(), next))
}
