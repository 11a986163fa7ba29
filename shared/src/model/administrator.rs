//! Administrators: what their keys may do, and the record of what they did.

use ltlm_protocol::{Timestamp, limits};
use serde_json::Value;

use crate::model::denied::Denied;

/// What a key may be used for. A key may look at what it may change; `read` looks at everything.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Scope {
    /// Projects, their secrets, and keys.
    Projects,
    /// Policies.
    Policies,
    /// Licenses, devices, seats.
    Licenses,
    /// Credits and debits.
    Tokens,
    /// Everything, without changing it.
    Read,
}

impl Scope {
    /// All of them, with their texts.
    pub const ALL: &'static [(Self, &'static str)] = &[
        (Self::Projects, "projects"),
        (Self::Policies, "policies"),
        (Self::Licenses, "licenses"),
        (Self::Tokens, "tokens"),
        (Self::Read, "read"),
    ];

    /// The text on the wire.
    pub fn wire(self) -> &'static str {
        Self::ALL.iter().find(|(scope, _)| *scope == self).map_or("", |(_, text)| text)
    }

    /// The scope with this text.
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.iter().find(|(_, wire)| *wire == text).map(|(scope, _)| *scope)
    }
}

/// What the stack's own key is called. Stored keys have names of another shape.
const FIRST: &str = "first";

/// The caller of an administration route: the rights of its key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Administrator {
    /// Names the key; the stack's own is called `first`.
    pub key_id: String,
    /// What it may be used for.
    pub scopes: Vec<Scope>,
    /// The one project it is for, if it is limited to one.
    pub project_id: Option<String>,
    /// It stops working here.
    pub expires_at: Option<Timestamp>,
    /// The keys that it descends from, its maker last.
    pub family: Vec<String>,
}

impl Administrator {
    /// Whose key is the stack's own: may do everything.
    pub fn first() -> Self {
        Self {
            key_id: FIRST.to_owned(),
            scopes: Scope::ALL.iter().map(|(scope, _)| *scope).collect(),
            project_id: None,
            expires_at: None,
            family: Vec::new(),
        }
    }

    /// The end of something that it creates and that must not outlive it: the requested end, or its own. A later end is
    /// refused.
    pub fn end(&self, asked: Option<Timestamp>) -> Result<Option<Timestamp>, Denied> {
        match (self.expires_at, asked) {
            (Some(own), Some(asked)) if asked > own => Err(Denied::Forbidden),
            (own, asked) => Ok(asked.or(own)),
        }
    }

    /// The ancestors of a key that it creates.
    pub fn family_of_new_key(&self) -> Result<Vec<String>, Denied> {
        if self.family.len() >= limits::KEY_GENERATIONS_MAX {
            return Err(Denied::Forbidden);
        }
        Ok(self.family.iter().chain([&self.key_id]).cloned().collect())
    }

    /// Does the key have this scope, or only the right to read?
    pub fn may(&self, scope: Scope, looks: bool) -> Result<(), Denied> {
        match self.scopes.contains(&scope) || (looks && self.scopes.contains(&Scope::Read)) {
            true => Ok(()),
            false => Err(Denied::Forbidden),
        }
    }

    /// Is it the stack's own key? Only this key may export keys of the deployment or import keys into it.
    pub fn may_move_keys(&self) -> Result<(), Denied> {
        match self.key_id == FIRST {
            true => Ok(()),
            false => Err(Denied::Forbidden),
        }
    }

    /// May it act on this project?
    pub fn may_in(&self, project_id: &str) -> Result<(), Denied> {
        match self.project_id.as_deref().is_none_or(|own| own == project_id) {
            true => Ok(()),
            false => Err(Denied::Forbidden),
        }
    }

    /// May it act on the deployment as a whole?
    pub fn may_everywhere(&self) -> Result<(), Denied> {
        match self.project_id {
            None => Ok(()),
            Some(_) => Err(Denied::Forbidden),
        }
    }
}

/// A stored key's record. The key itself is returned once and not stored.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AdminKey {
    /// `key_` and the first 16 hex digits of its hash.
    pub id: String,
    /// SHA-256 of the key, in hex.
    pub hash: String,
    /// What it is for, for people.
    pub name: Option<String>,
    /// What it may be used for.
    pub scopes: Vec<Scope>,
    /// The one project it is for.
    pub project_id: Option<String>,
    /// It stops working here.
    pub expires_at: Option<Timestamp>,
    /// The key that created it.
    pub created_by: String,
    /// Its ancestors, the creator last. For a key of an older version, only the creator is known.
    pub family: Vec<String>,
    /// The instant at which it was created.
    pub created_at: Timestamp,
    /// When it was revoked.
    pub revoked_at: Option<Timestamp>,
}

impl AdminKey {
    /// Its rights at `now`; none once it has ended.
    pub fn rights(&self, now: Timestamp) -> Option<Administrator> {
        if self.revoked_at.is_some() || self.expires_at.is_some_and(|end| now >= end) {
            return None;
        }
        Some(Administrator {
            key_id: self.id.clone(),
            scopes: self.scopes.clone(),
            project_id: self.project_id.clone(),
            expires_at: self.expires_at,
            family: self.family.clone(),
        })
    }
}

/// An operation of an administrator: it is stored so that a repetition takes effect once, and it is the entry of the
/// audit log.
#[derive(Clone, Debug, PartialEq)]
pub struct AdminOperation {
    /// Where it is remembered: the operation's id, for some together with what it was done to.
    pub id: String,
    /// SHA-256 of the request, in hex.
    pub fingerprint: String,
    /// Names the one request that did it, so that a request whose reply was lost knows itself.
    pub request: String,
    /// Names what it created: a project id, a policy number, license numbers.
    pub made: Vec<String>,
    /// When.
    pub created_at: Timestamp,
    /// For the audit log; none for the further parts of a long operation.
    pub audit: Option<Audit>,
}

/// What the audit log states about an operation besides its time.
#[derive(Clone, Debug, PartialEq)]
pub struct Audit {
    /// The operation's id, as the caller knows it.
    pub operation_id: String,
    /// The route's name.
    pub action: String,
    /// The path, license keys masked.
    pub target: String,
    /// Whose key.
    pub key_id: String,
    /// The keys that it descends from.
    pub family: Vec<String>,
    /// The caller's network address, if it is known.
    pub from: Option<String>,
    /// The request's body, if it is not too long to keep.
    pub change: Option<Value>,
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::admin::create_key::CreateKey;
    use ltlm_protocol::Body;
    use serde_json::json;

    fn key(scopes: &[Scope], project: Option<&str>) -> Administrator {
        Administrator {
            key_id: "k".into(),
            scopes: scopes.to_vec(),
            project_id: project.map(str::to_owned),
            ..Administrator::first()
        }
    }

    #[test]
    fn a_key_may_look_at_what_it_may_change_and_read_looks_at_all() {
        let tokens = key(&[Scope::Tokens], None);
        assert!(tokens.may(Scope::Tokens, false).is_ok() && tokens.may(Scope::Tokens, true).is_ok());
        assert_eq!(tokens.may(Scope::Licenses, true), Err(Denied::Forbidden));
        let read = key(&[Scope::Read], None);
        assert!(read.may(Scope::Licenses, true).is_ok() && read.may(Scope::Licenses, false).is_err());
    }

    #[test]
    fn a_key_makes_no_key_above_itself() {
        let make = |body| CreateKey::parse(&body).unwrap();
        let limited = key(&[Scope::Projects, Scope::Tokens], Some("p"));
        assert!(make(json!({"scopes": ["tokens"], "projectId": "p"})).allowed(&limited).is_ok());
        assert!(make(json!({"scopes": ["tokens"]})).allowed(&limited).is_err());
        assert!(make(json!({"scopes": ["tokens"], "projectId": "q"})).allowed(&limited).is_err());
        assert!(make(json!({"scopes": ["licenses"], "projectId": "p"})).allowed(&limited).is_err());
        assert!(make(json!({"scopes": ["read", "licenses"]})).allowed(&Administrator::first()).is_ok());
        for bad in [json!({}), json!({"scopes": []}), json!({"scopes": ["all"]}), json!({"scopes": "read"})] {
            assert!(CreateKey::parse(&bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn a_key_ends_at_its_instant() {
        let at = Timestamp::from_ms;
        let stored = AdminKey {
            id: "key_1".into(),
            hash: String::new(),
            name: None,
            scopes: vec![Scope::Read],
            project_id: None,
            expires_at: Some(at(10)),
            created_by: "first".into(),
            family: vec!["first".into()],
            created_at: at(0),
            revoked_at: None,
        };
        assert!(stored.rights(at(9)).is_some() && stored.rights(at(10)).is_none());
        assert!(AdminKey { revoked_at: Some(at(0)), ..stored }.rights(at(1)).is_none());
    }
}
