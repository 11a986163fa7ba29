//! Developers, and their sign-ins.

use ltlm_protocol::Timestamp;
use serde_json::json;

use super::{Builder, Item, ItemError, Reader};
use crate::domain::developer::{Attempt, Developer, Failures, SignIn};
use crate::domain::one_time::Tries;
use crate::domain::store::Email;
use crate::table::key;
use crate::table::port::List;

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
    Email::parse(&r.text("username")?).ok_or(ItemError { attribute: "username" })
}

pub(super) fn read_developer(r: &Reader<'_>) -> Result<Developer, ItemError> {
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

/// Passwords that were tried with a name. A day later nothing depends on them.
pub fn failures(failures: &Failures) -> Item {
    let attempts: Vec<_> = failures.attempts.iter().map(|a| format!("{}/{}", a.at.ms(), a.call)).collect();
    let last = failures.attempts.last().map_or(Timestamp::EPOCH, |attempt| attempt.at);
    Builder::new(key::failures(&failures.name))
        .text("attempts", attempts.join(" "))
        .int("revision", failures.revision)
        .ttl(last.plus_days(1))
        .build()
}

pub(super) fn read_failures(r: &Reader<'_>, name: String) -> Result<Failures, ItemError> {
    let attempt = |text: &str| {
        let (at, call) = text.split_once('/')?;
        Some(Attempt { at: Timestamp::from_ms(at.parse().ok()?), call: call.to_owned() })
    };
    let attempts: Option<Vec<_>> = r.text("attempts")?.split_ascii_whitespace().map(attempt).collect();
    let attempts = attempts.ok_or(ItemError { attribute: "attempts" })?;
    Ok(Failures { name, attempts, revision: r.int("revision")? })
}

/// The tries of a code.
pub(super) fn read_tries(r: &Reader<'_>) -> Result<Tries, ItemError> {
    Ok(Tries { attempts: r.int("attempts")?, used_by: r.text_opt("usedBy") })
}

/// A sign-in that waits for its second factor. A day later nothing depends on it.
pub fn sign_in(sign_in: &SignIn) -> Item {
    Builder::new(key::sign_in(&sign_in.hash))
        .text("username", sign_in.username.as_str())
        .text("request", &sign_in.request)
        .int("attempts", sign_in.tries.attempts)
        .text_opt("usedBy", sign_in.tries.used_by.as_ref())
        .at("at", sign_in.at)
        .int("revision", sign_in.revision)
        .ttl(sign_in.at.plus_days(1))
        .build()
}

pub(super) fn read_sign_in(r: &Reader<'_>, hash: String) -> Result<SignIn, ItemError> {
    Ok(SignIn {
        hash,
        username: read_email(r)?,
        request: r.text("request")?,
        tries: read_tries(r)?,
        at: r.at("at")?,
        revision: r.int("revision")?,
    })
}
