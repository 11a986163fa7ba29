//! Developers, and their sign-ins.

use ltlm_protocol::Timestamp;
use serde_json::json;

use crate::model::developer::{Developer, SignIn};
use crate::model::email::Email;
use crate::model::one_time_code::{OneTimeCode, Tries};
use crate::table::item::attributes::{Builder, Item, ItemError, Reader};
use crate::table::key;
use crate::table::port::List;

/// A one-time code; what it is follows from elsewhere. A day later nothing depends on it.
pub fn code(code: &OneTimeCode) -> Item {
    let times: Vec<_> = code.requested_at.iter().map(|at| at.ms().to_string()).collect();
    let last = code.requested_at.last().copied().unwrap_or(Timestamp::EPOCH);
    Builder::new(key::code(&code.project_id, &code.email))
        .text("projectId", &code.project_id)
        .text("email", code.email.as_str())
        .text("request", &code.request)
        .text("requestedAt", times.join(" "))
        .int("attempts", code.tries.attempts)
        .text_opt("usedBy", code.tries.used_by.as_ref())
        .int("revision", code.revision)
        .ttl(last.plus_days(1))
        .build()
}

pub(crate) fn read_code(r: &Reader<'_>) -> Result<OneTimeCode, ItemError> {
    let times = r.text("requestedAt")?;
    let requested_at: Result<Vec<_>, _> = times.split(' ').map(str::parse).collect();
    let requested_at = requested_at.map_err(|_| ItemError { attribute: "requestedAt" })?;
    Ok(OneTimeCode {
        project_id: r.text("projectId")?,
        email: Email::kept(&r.text("email")?),
        request: r.text("request")?,
        requested_at: requested_at.into_iter().map(Timestamp::from_ms).collect(),
        tries: read_tries(r)?,
        revision: r.int("revision")?,
    })
}

/// A developer's item.
pub fn developer(developer: &Developer) -> Item {
    Builder::new(key::developer(&developer.username))
        .text("username", developer.username.as_str())
        .int("number", developer.number)
        .text("fullName", &developer.full_name)
        .text("password", &developer.password)
        .text_opt("projects", developer.projects.as_ref().map(|projects| json!(projects).to_string()))
        .int("mfa", developer.mfa.into())
        .bytes("wrapped", &developer.wrapped)
        .at_opt("disabledAt", developer.disabled_at)
        .at("createdAt", developer.created_at)
        .int("revision", developer.revision)
        .text("listPk", key::list_partition(&List::Developers))
        .text("listSk", key::numbered_sort(developer.number))
        .build()
}

fn read_email(r: &Reader<'_>) -> Result<Email, ItemError> {
    Ok(Email::kept(&r.text("username")?))
}

pub(crate) fn read_developer(r: &Reader<'_>) -> Result<Developer, ItemError> {
    let projects = r.json("projects")?.map(serde_json::from_value).transpose();
    Ok(Developer {
        username: read_email(r)?,
        number: r.int("number")?,
        full_name: r.text("fullName")?,
        password: r.text("password")?,
        projects: projects.map_err(|_| ItemError { attribute: "projects" })?,
        mfa: r.int("mfa")? != 0,
        wrapped: r.bytes("wrapped"),
        disabled_at: r.at_opt("disabledAt"),
        created_at: r.at("createdAt")?,
        revision: r.int("revision")?,
    })
}

/// The tries of a code.
fn read_tries(r: &Reader<'_>) -> Result<Tries, ItemError> {
    Ok(Tries { attempts: r.int("attempts")?, used_by: r.text_opt("usedBy") })
}

/// A sign-in that waits for its second factor. A day later nothing depends on it.
pub fn sign_in(sign_in: &SignIn) -> Item {
    Builder::new(key::sign_in(&sign_in.hash))
        .text("username", sign_in.username.as_str())
        .text("request", &sign_in.request)
        .text_opt("password", sign_in.password.as_ref())
        .int("attempts", sign_in.tries.attempts)
        .text_opt("usedBy", sign_in.tries.used_by.as_ref())
        .at("at", sign_in.at)
        .int("revision", sign_in.revision)
        .ttl(sign_in.at.plus_days(1))
        .build()
}

pub(crate) fn read_sign_in(r: &Reader<'_>, hash: String) -> Result<SignIn, ItemError> {
    Ok(SignIn {
        hash,
        username: read_email(r)?,
        request: r.text("request")?,
        password: r.text_opt("password"),
        tries: read_tries(r)?,
        at: r.at("at")?,
        revision: r.int("revision")?,
    })
}
