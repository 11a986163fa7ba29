//! Developers' sign-in, by password and second factor; then they are given their projects' keys (wire E15, E16).

use futures_util::future::try_join_all;
use ltlm_protocol::portal_data::{
    SignedIn, SignedInAnalytics, SignedInEvent, SignedInOrganization, SignedInProject, SignedInUser,
};
use ltlm_protocol::{Timestamp, int32};
use serde_json::Value;
use subtle::ConstantTimeEq;

use crate::domain::decision::Decision;
use crate::domain::portal::developer;
use crate::domain::throttle::Limited;
use crate::keys::{Purpose, password};
use crate::model::administrator::{AdminOperation, Audit};
use crate::model::denied::Denied;
use crate::model::developer::{Developer, SignIn};
use crate::model::email::Email;
use crate::model::one_time_code::{Tried, Tries};
use crate::model::policy::Policy;
use crate::model::project::Project;
use crate::model::record::Record;
use crate::model::write::Write;
use crate::service::answer::ByteBudget;
use crate::service::app::{App, Budget, Error};
use crate::service::retry::Absorb;
use crate::service::{ids, retry, throttle, transact};
use crate::table::port::{List, Read, Table};

/// Projects that one sign-in gives the keys of.
const PROJECTS_MAX: i64 = 100;

/// Policies of a project whose capabilities are listed.
const POLICIES: i64 = 100;

/// What is known of a developer.
#[derive(Default)]
struct Found {
    developer: Option<Developer>,
    sign_in: Option<SignIn>,
    done: Option<AdminOperation>,
}

impl Absorb for Found {
    fn absorb(&mut self, record: Record) -> bool {
        match record {
            Record::Developer(developer) => self.developer = Some(developer),
            Record::SignIn(sign_in) => self.sign_in = Some(sign_in),
            Record::AdminOperation(done) => self.done = Some(done),
            _ => {}
        }
        true
    }
}

/// One sign-in as it arrives.
#[derive(Clone, Debug)]
pub struct LoginAttempt {
    /// Names this one request.
    pub request: String,
    /// The route's name.
    pub action: &'static str,
    /// The caller's network address, if it is known.
    pub from: Option<String>,
    /// What its tries are counted by.
    pub source: String,
    /// The one instant it is judged at.
    pub now: Timestamp,
}

impl LoginAttempt {
    /// The log's entry of which secrets were returned to whom.
    fn record(&self, developer: &Developer, projects: &[SignedInProject]) -> Write {
        let given: Vec<_> = projects.iter().map(|project| project.public_id.as_str()).collect();
        let audit = Audit {
            operation_id: self.request.clone(),
            action: self.action.to_owned(),
            target: format!("secrets of {}", if given.is_empty() { "no project".to_owned() } else { given.join(", ") }),
            key_id: developer.username.as_str().to_owned(),
            family: Vec::new(),
            from: self.from.clone(),
            change: None,
        };
        let operation = AdminOperation {
            id: self.request.clone(),
            fingerprint: String::new(),
            request: self.request.clone(),
            made: vec![developer.number.to_string()],
            created_at: self.now,
            audit: Some(audit),
        };
        Write::AddAdminOperation { operation }
    }
}

/// Signs a developer in by password (E15): with the keys of its projects, or with what asks for the second factor.
pub async fn sign_in<T: Table>(
    app: &App<T>,
    budget: &Budget<'_>,
    name: &str,
    given: &str,
    attempt: &LoginAttempt,
    vendor: &str,
) -> Result<SignedIn, Error> {
    let username = Email::of_kept(name);
    let name = ids::sha256_hex(username.as_str().as_bytes());
    count_password(app, budget, &name, attempt).await?;
    let reads: Vec<_> = username.spellings().into_iter().map(Read::Developer).collect();
    let known = retry::records(app, budget, &reads).await?.into_iter().find_map(Record::developer);
    let known = known.filter(|developer| developer.disabled_at.is_none());
    // The same work, whether the name is known or not.
    let is_right = password::verify(given, known.as_ref().map(|developer| developer.password.as_str()));
    let known = known.filter(|_| is_right).ok_or(Denied::SignInRejected)?;
    throttle::refill(app, budget, Limited::Passwords, &[&name, &attempt.source], attempt.now).await?;
    if known.mfa {
        return begin(app, budget, &known, attempt).await;
    }
    let signed_in = signed_in(app, budget, &known, vendor).await?;
    let reads = [Read::AdminOperation(attempt.request.clone())];
    let decide = |found: &Found| match found.done.is_some() {
        // Its reply was lost, and it looks again: the request finds itself.
        true => Ok(Decision::read(())),
        false => Ok(Decision::write(vec![attempt.record(&known, &signed_in.projects)], ())),
    };
    transact::act(app, budget, || retry::found(app, budget, &reads), decide).await?;
    Ok(signed_in)
}

/// Counts a password before it is checked, so that concurrent guesses are no more than sequential ones. It is first
/// counted by name and source: an attacker who guesses locks no other caller out. Sources with recent wrong attempts
/// also share a limit of the name, so that many of them together are slow; a source without wrong attempts always gets
/// its first attempt.
async fn count_password<T: Table>(
    app: &App<T>,
    budget: &Budget<'_>,
    name: &str,
    attempt: &LoginAttempt,
) -> Result<(), Error> {
    let (own, call) = ([name, attempt.source.as_str()], (attempt.request.as_str(), attempt.now));
    let bucket = throttle::take(app, budget, Limited::Passwords, &own, None, call).await?;
    if Limited::Passwords.rate(None).was_tried_before(&bucket, attempt.now) {
        throttle::take(app, budget, Limited::PasswordsOfName, &[name], None, call).await?;
    }
    Ok(())
}

/// Begins a sign-in with a second factor; the consumer of the table's stream sends the code.
async fn begin<T: Table>(
    app: &App<T>,
    budget: &Budget<'_>,
    developer: &Developer,
    attempt: &LoginAttempt,
) -> Result<SignedIn, Error> {
    let (name, call) = (developer.username.as_str(), (attempt.request.as_str(), attempt.now));
    throttle::take(app, budget, Limited::SecondFactorMails, &[name], None, call).await?;
    let token = ids::sign_in_token(app.entropy.as_ref());
    let sign_in = SignIn {
        hash: ids::sha256_hex(token.as_bytes()),
        username: developer.username.clone(),
        request: ids::nonce(app.entropy.as_ref()),
        password: Some(ids::sha256_hex(developer.password.as_bytes())),
        tries: Tries::default(),
        at: attempt.now,
        revision: 1,
    };
    let reads = [Read::SignIn(sign_in.hash.clone())];
    let decide = |found: &Found| match found.sign_in.is_some() {
        true => Ok(Decision::read(())),
        false => Ok(Decision::write(vec![Write::SaveSignIn { sign_in: sign_in.clone(), found: None }], ())),
    };
    transact::act(app, budget, || retry::found(app, budget, &reads), decide).await?;
    Ok(SignedIn {
        mfa_required: true,
        mfa_method: "email".to_owned(),
        mfa_token: token,
        user_id: int32(developer.number),
        ..SignedIn::default()
    })
}

/// The code of a sign-in.
pub async fn code_of<T>(app: &App<T>, developer: &Developer, sign_in: &SignIn) -> Result<String, Error> {
    let name = developer.username.as_str();
    let key = app.unwrap(name, Purpose::Codes, &developer.wrapped).await?;
    Ok(ids::one_time_code(&key, name, &sign_in.request))
}

/// Ends a sign-in with its second factor (E16).
pub async fn verify<T: Table>(
    app: &App<T>,
    budget: &Budget<'_>,
    token: &str,
    code: &str,
    attempt: &LoginAttempt,
    vendor: &str,
) -> Result<SignedIn, Error> {
    let hash = ids::sha256_hex(token.as_bytes());
    let first = retry::records(app, budget, &[Read::SignIn(hash.clone())]).await?;
    let username = first.into_iter().find_map(Record::sign_in).map(|sign_in| sign_in.username);
    let username = username.ok_or(Denied::MfaSessionExpired)?;
    let reads = [Read::SignIn(hash), Read::Developer(username)];
    let load = || retry::found(app, budget, &reads);
    let found: Found = retry::read(app, budget, load).await?;
    let developer = found.developer.clone().filter(|developer| developer.disabled_at.is_none());
    let developer = developer.ok_or(Denied::MfaSessionExpired)?;
    let sign_in = found.sign_in.as_ref().filter(|sign_in| is_of_password(sign_in, &developer));
    let sign_in = sign_in.ok_or(Denied::MfaSessionExpired)?;
    let expected = code_of(app, &developer, sign_in).await?;
    count_code(app, budget, &developer, attempt).await?;
    let is_right = bool::from(expected.as_bytes().ct_eq(code.as_bytes()));
    // Read before anything is used up.
    let signed_in = if is_right { signed_in(app, budget, &developer, vendor).await? } else { SignedIn::default() };
    let decide = |found: &Found| {
        let mut tried = developer::try_code(found.sign_in.as_ref(), |_| is_right, &attempt.request, attempt.now)?;
        if tried.reply == Tried::Right && !tried.writes.is_empty() {
            tried.writes.push(attempt.record(&developer, &signed_in.projects));
        }
        Ok(tried)
    };
    match transact::act_on(app, budget, Some(found), load, decide).await? {
        Tried::Right => {
            let name = developer.username.as_str();
            throttle::refill(app, budget, Limited::SecondFactors, &[name], attempt.now).await?;
            Ok(signed_in)
        }
        Tried::Wrong => Err(Denied::MfaCodeRejected.into()),
    }
}

/// Was the sign-in begun with the password that the developer has?
fn is_of_password(sign_in: &SignIn, developer: &Developer) -> bool {
    let has = ids::sha256_hex(developer.password.as_bytes());
    sign_in.password.as_ref().is_none_or(|began| bool::from(began.as_bytes().ct_eq(has.as_bytes())))
}

/// Counts a code before it is checked, over all sign-ins of the developer: no password gives more attempts. Beyond the
/// limit, the answer is that of a wrong code.
async fn count_code<T: Table>(
    app: &App<T>,
    budget: &Budget<'_>,
    developer: &Developer,
    attempt: &LoginAttempt,
) -> Result<(), Error> {
    let (name, call) = (developer.username.as_str(), (attempt.request.as_str(), attempt.now));
    match throttle::take(app, budget, Limited::SecondFactors, &[name], None, call).await {
        Err(Error::Denied(Denied::RateLimited { .. })) => Err(Denied::MfaCodeRejected.into()),
        counted => counted.map(|_| ()),
    }
}

/// What a developer is given.
async fn signed_in<T: Table>(
    app: &App<T>,
    budget: &Budget<'_>,
    developer: &Developer,
    vendor: &str,
) -> Result<SignedIn, Error> {
    let records = match &developer.projects {
        Some(ids) => {
            let reads: Vec<_> = ids.iter().cloned().map(Read::Project).collect();
            if reads.is_empty() { Vec::new() } else { retry::records(app, budget, &reads).await? }
        }
        None => retry::records(app, budget, &[first(List::Projects, PROJECTS_MAX)]).await?,
    };
    let mut projects: Vec<_> = records.into_iter().filter_map(Record::project).collect();
    projects.sort_by_key(|project| project.number);
    let shown = try_join_all(projects.iter().map(|project| tell_project(app, budget, project, vendor))).await?;
    // The existing editor reads one list and knows no cursor: it sees as many as one answer holds.
    let mut room = ByteBudget::default();
    let shown = shown.into_iter().take_while(|project| room.admits(project)).collect();
    let user = SignedInUser {
        user_id: int32(developer.number),
        username: developer.username.as_str().to_owned(),
        full_name: developer.full_name.clone(),
    };
    let organization = SignedInOrganization {
        id: 1,
        name: vendor.to_owned(),
        role: "developer".to_owned(),
        status: "active".to_owned(),
    };
    Ok(SignedIn {
        user_id: user.user_id,
        user,
        organizations: vec![organization],
        projects: shown,
        ..SignedIn::default()
    })
}

/// The first rows of a list. There are no further pages: the limit of rows bounds the answer.
fn first(list: List, limit: i64) -> Read {
    Read::List { list, before: None, limit }
}

async fn tell_project<T: Table>(
    app: &App<T>,
    budget: &Budget<'_>,
    project: &Project,
    vendor: &str,
) -> Result<SignedInProject, Error> {
    let newest = project.secrets.last().ok_or(Denied::SecretNotFound)?;
    let secret = app.unwrap(&project.id, Purpose::Secret, &newest.wrapped).await?;
    let policies = retry::records(app, budget, &[first(List::Policies(project.id.clone()), POLICIES)]).await?;
    let policies = policies.into_iter().filter_map(Record::policy);
    let mut capabilities: Vec<String> = policies.flat_map(|policy| capabilities(&policy)).collect();
    capabilities.sort_unstable();
    capabilities.dedup();
    Ok(SignedInProject {
        id: int32(project.number),
        name: project.name.clone(),
        public_id: project.id.clone(),
        description: String::new(),
        status: "active".to_owned(),
        is_public: false,
        category: String::new(),
        tags: Vec::new(),
        public_key: project.public_key.clone(),
        secret_key: hex::encode(secret.expose()),
        capabilities,
        analytics: SignedInAnalytics { events: events(project) },
        settings: project.project_settings.clone(),
        org_id: 1,
        org_name: vendor.to_owned(),
    })
}

/// The kinds of events that the project's settings name (`analytics.events`).
fn events(project: &Project) -> Vec<SignedInEvent> {
    let named = project.settings.get("analytics").and_then(|analytics| analytics.get("events"));
    let event = |event: &Value| {
        let text = |name: &str| event.get(name).and_then(Value::as_str).map(str::to_owned);
        let kind = text("type")?;
        Some(SignedInEvent {
            id: text("id").unwrap_or_else(|| kind.clone()),
            kind,
            description: text("description").unwrap_or_default(),
        })
    };
    named.and_then(Value::as_array).into_iter().flatten().filter_map(event).collect()
}

fn capabilities(policy: &Policy) -> Vec<String> {
    let list = policy.terms.config.get("capabilities").and_then(Value::as_array);
    list.into_iter().flatten().filter_map(|name| name.as_str().map(str::to_owned)).collect()
}
