//! Developers: people who sign in from the editor to get a project's keys (wire E15, E16).

use ltlm_protocol::body::one_of;
use ltlm_protocol::read::Reader;
use ltlm_protocol::request::operation_id;
use ltlm_protocol::{Body, Timestamp, limits};
use serde_json::{Value, json};

use crate::domain::decision::Decision;
use crate::model::denied::Denied;
use crate::model::developer::{Developer, SignIn};
use crate::model::email::Email;
use crate::model::one_time_code::Tried;
use crate::model::write::Write;

/// Most projects of one developer.
const PROJECTS_MAX: usize = 100;

/// Maximum length of a password, in characters: the time for hashing depends on the length.
const PASSWORD_CHARS_MAX: usize = 200;

/// Shortest password, in characters (NIST SP 800-63B asks for 8; these keys are worth more).
const PASSWORD_CHARS_MIN: usize = 12;

/// `POST /v1/admin/developers`. The password is not among what is logged.
#[derive(Clone, PartialEq, Eq)]
pub struct CreateDeveloper {
    /// The e-mail address.
    pub username: Email,
    /// The name.
    pub full_name: String,
    /// The password.
    pub password: String,
    /// The projects; all if none are named.
    pub projects: Option<Vec<String>>,
    /// Ask for a second factor?
    pub mfa: bool,
    /// The caller's operation id.
    pub operation_id: Option<String>,
}

/// `PATCH /v1/admin/developers/{username}`: merged into what is there.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct ChangeDeveloper {
    /// The name.
    pub full_name: Option<String>,
    /// A new password.
    pub password: Option<String>,
    /// The projects; `Some(None)` for all.
    pub projects: Option<Option<Vec<String>>>,
    /// Ask for a second factor?
    pub mfa: Option<bool>,
    /// May it sign in no more?
    pub disabled: Option<bool>,
    /// The caller's operation id.
    pub operation_id: Option<String>,
}

fn password(r: &mut Reader<'_>) -> Option<String> {
    let password = r.text_opt("password", PASSWORD_CHARS_MAX)?;
    if password.chars().count() < PASSWORD_CHARS_MIN {
        r.problem("password", format!("must be {PASSWORD_CHARS_MIN} to {PASSWORD_CHARS_MAX} characters"));
    }
    Some(password)
}

impl Body for CreateDeveloper {
    fn read(r: &mut Reader<'_>) -> Self {
        r.require("password");
        let username = Email::required(r, "username");
        Self {
            username: username.unwrap_or_else(Email::nobody),
            full_name: r.name_or_blank("fullName", limits::NAME_CHARS_MAX).unwrap_or_default(),
            password: password(r).unwrap_or_default(),
            projects: r.texts_opt("projects", PROJECTS_MAX, limits::NAME_CHARS_MAX),
            mfa: r.bool_opt("mfa").unwrap_or(true),
            operation_id: operation_id(r),
        }
    }

    fn keywords() -> Value {
        let mut keywords = passwords();
        keywords["properties"]["mfa"] = json!({"default": true});
        keywords
    }
}

/// What is said of passwords and projects.
fn passwords() -> Value {
    json!({"properties": {
        "password": {"minLength": PASSWORD_CHARS_MIN},
        "projects": {"description": "The projects whose secrets the developer can get; null for all."},
    }})
}

impl CreateDeveloper {
    /// What is asked for, without the password and the operation id.
    pub fn facts(&self) -> (&Email, &str, &Option<Vec<String>>, bool) {
        (&self.username, &self.full_name, &self.projects, self.mfa)
    }
}

impl Body for ChangeDeveloper {
    fn read(r: &mut Reader<'_>) -> Self {
        let full_name = r.name_or_blank("fullName", limits::NAME_CHARS_MAX).unwrap_or_default();
        let projects = r.texts_opt("projects", PROJECTS_MAX, limits::NAME_CHARS_MAX);
        let parsed = Self {
            full_name: r.has("fullName").then_some(full_name),
            password: password(r),
            projects: if r.is_null("projects") { Some(None) } else { projects.map(Some) },
            mfa: r.bool_opt("mfa"),
            disabled: r.bool_opt("disabled"),
            operation_id: operation_id(r),
        };
        // What every developer has cannot be removed.
        for name in ["password", "mfa", "disabled"] {
            if r.is_null(name) {
                r.problem(name, "must not be null");
            }
        }
        if (Self { operation_id: None, ..parsed.clone() }) == Self::default() {
            r.problem("", "must name something to change");
        }
        parsed
    }

    fn keywords() -> Value {
        let names = ["fullName", "password", "projects", "mfa", "disabled"];
        let mut keywords = passwords();
        keywords["anyOf"] = json!(one_of(&names, &["fullName", "projects"]));
        // What every developer has cannot be removed.
        for (name, kind) in [("password", "string"), ("mfa", "boolean"), ("disabled", "boolean")] {
            keywords["properties"][name]["type"] = json!(kind);
        }
        keywords
    }
}

impl ChangeDeveloper {
    /// The developer after it; `hash` is that of the new password, if there is one.
    pub fn apply(&self, found: &Developer, hash: Option<&str>, now: Timestamp) -> Developer {
        Developer {
            full_name: self.full_name.clone().unwrap_or_else(|| found.full_name.clone()),
            password: hash.map_or_else(|| found.password.clone(), str::to_owned),
            projects: self.projects.clone().unwrap_or_else(|| found.projects.clone()),
            mfa: self.mfa.unwrap_or(found.mfa),
            disabled_at: match self.disabled {
                Some(true) => found.disabled_at.or(Some(now)),
                Some(false) => None,
                None => found.disabled_at,
            },
            revision: found.revision + 1,
            ..found.clone()
        }
    }
}

/// Decides an attempt with a code by the call named `call`: `is_right` states whether it is the right one. A sign-in
/// that is over is treated like none.
pub fn try_code(
    found: Option<&SignIn>,
    is_right: impl FnOnce(&SignIn) -> bool,
    call: &str,
    now: Timestamp,
) -> Result<Decision<Tried>, Denied> {
    let found = found.ok_or(Denied::MfaSessionExpired)?;
    let attempt = found.tries.attempt(found.at, || is_right(found), call, now);
    let (tried, after) = attempt.ok_or(Denied::MfaSessionExpired)?;
    let write = after.map(|tries| {
        let sign_in = SignIn { tries, revision: found.revision + 1, ..found.clone() };
        Write::SaveSignIn { sign_in, found: Some(found.revision) }
    });
    Ok(Decision::write(write.into_iter().collect(), tried))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::one_time_code::{ATTEMPTS_MAX, CODE_MINUTES, Tries};
    use serde_json::json;

    #[test]
    fn a_sign_in_ends_by_time_tries_and_use() {
        let open = SignIn {
            hash: "h".into(),
            username: Email::parse("a@b.c").unwrap(),
            request: "r".into(),
            password: None,
            tries: Tries::default(),
            at: Timestamp::EPOCH,
            revision: 1,
        };
        let end = Timestamp::from_ms(CODE_MINUTES * 60_000);
        assert_eq!(try_code(Some(&open), |_| true, "c", end.plus_seconds(-1)).unwrap().reply, Tried::Right);
        let gone = Denied::MfaSessionExpired;
        assert_eq!(try_code(Some(&open), |_| true, "c", end).unwrap_err(), gone);
        assert_eq!(try_code(None, |_| true, "c", end).unwrap_err(), gone);
        let tired = SignIn { tries: Tries { attempts: ATTEMPTS_MAX, used_by: None }, ..open.clone() };
        assert_eq!(try_code(Some(&tired), |_| true, "c", open.at).unwrap_err(), gone);
        assert_eq!(
            try_code(
                Some(&SignIn { tries: Tries { attempts: 0, used_by: Some("x".into()) }, ..open }),
                |_| true,
                "c",
                end
            )
            .unwrap_err(),
            gone
        );
    }

    #[test]
    fn a_developer_is_read_whole() {
        let good = json!({"username": "Dev@Example.com", "password": "correct horse", "projects": ["p"]});
        let parsed = CreateDeveloper::parse(&good).unwrap();
        assert_eq!((parsed.username.as_str(), parsed.mfa), ("dev@example.com", true));
        for bad in [
            json!({"password": "correct horse"}),
            json!({"username": "dev", "password": "correct horse"}),
            json!({"username": "d@e.f", "password": "short"}),
            json!({"username": "d@e.f"}),
            json!({"username": "d@e.f", "password": "correct horse", "projects": "p"}),
        ] {
            assert!(CreateDeveloper::parse(&bad).is_err(), "{bad}");
        }
        assert!(ChangeDeveloper::parse(&json!({})).is_err());
        assert_eq!(ChangeDeveloper::parse(&json!({"projects": null})).ok().unwrap().projects, Some(None));
    }
}
