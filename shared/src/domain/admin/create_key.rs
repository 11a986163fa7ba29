//! Creating an administrator's key.

use ltlm_protocol::read::Reader;
use ltlm_protocol::shape::Kind;
use ltlm_protocol::{Body, Timestamp, limits};
use serde_json::{Value, json};

use crate::domain::license::credit::instant_opt;
use crate::model::administrator::{Administrator, Scope};
use crate::model::denied::Denied;

/// `POST /v1/admin/keys`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CreateKey {
    /// What it is for, for people.
    pub name: Option<String>,
    /// What it may be used for.
    pub scopes: Vec<Scope>,
    /// The one project it is for.
    pub project_id: Option<String>,
    /// It stops working here.
    pub expires_at: Option<Timestamp>,
    /// The caller's operation id.
    pub operation_id: Option<String>,
}

impl Body for CreateKey {
    fn read(r: &mut Reader<'_>) -> Self {
        r.require("scopes");
        let words = r.texts_opt("scopes", Scope::ALL.len(), limits::NAME_CHARS_MAX).unwrap_or_default();
        let mut scopes: Vec<_> = words.iter().filter_map(|word| Scope::parse(word)).collect();
        if scopes.len() < words.len() || (words.is_empty() && r.value("scopes").is_some_and(Value::is_array)) {
            let all: Vec<_> = Scope::ALL.iter().map(|(_, text)| *text).collect();
            r.problem("scopes", format!("must be some of {}", all.join(", ")));
        }
        r.is("scopes", Kind::Words(Scope::ALL.iter().map(|(_, text)| *text).collect()));
        scopes.sort();
        scopes.dedup();
        Self {
            name: r.name_or_blank("name", limits::NAME_CHARS_MAX),
            scopes,
            project_id: r.text_opt("projectId", limits::NAME_CHARS_MAX),
            expires_at: instant_opt(r, "expiresAt"),
            operation_id: ltlm_protocol::request::operation_id(r),
        }
    }

    fn keywords() -> Value {
        json!({"properties": {"scopes": {"minItems": 1}}})
    }
}

impl CreateKey {
    /// A key cannot create a key with more rights.
    pub fn allowed(&self, by: &Administrator) -> Result<(), Denied> {
        let within = self.scopes.iter().all(|scope| by.scopes.contains(scope));
        let inside = by.project_id.is_none() || by.project_id == self.project_id;
        if within && inside { Ok(()) } else { Err(Denied::Forbidden) }
    }
}
