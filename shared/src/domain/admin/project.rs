//! Creating and changing a project.

use ltlm_protocol::body::{Unknown, one_of};
use ltlm_protocol::read::Reader;
use ltlm_protocol::shape::Shape;
use ltlm_protocol::{Body, limits, merge};
use serde_json::{Map, Value, json};

use crate::domain::pro::hardening;
use crate::model::denied::Denied;
use crate::model::policy_config;
use crate::model::project::Project;

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

impl Body for CreateProject {
    fn read(r: &mut Reader<'_>) -> Self {
        let parsed = Self {
            name: r.name("name", limits::NAME_CHARS_MAX),
            settings: policy_config::free_form(r, "settings", limits::DOCUMENT_BYTES_MAX),
            project_settings: policy_config::free_form(r, "projectSettings", limits::DOCUMENT_BYTES_MAX),
            operation_id: ltlm_protocol::request::operation_id(r),
        };
        r.object("settings", hardening::check);
        parsed
    }
}

/// `PATCH /v1/admin/projects/{projectId}`: merged into what is there.
#[derive(Clone, Debug, PartialEq)]
pub struct ChangeProject {
    /// What of `name`, `settings` and `projectSettings` is given.
    pub patch: Map<String, Value>,
    /// The caller's operation id.
    pub operation_id: Option<String>,
}

impl Body for ChangeProject {
    const UNKNOWN: Unknown = Unknown::RefusedInPatch;

    fn read(r: &mut Reader<'_>) -> Self {
        let parsed = Self { patch: r.taken(CHANGED), operation_id: ltlm_protocol::request::operation_id(r) };
        if parsed.patch.is_empty() {
            r.problem("", "must name something to change");
        }
        parsed
    }

    fn shape() -> Shape {
        CreateProject::shape()
    }

    fn keywords() -> Value {
        json!({"anyOf": one_of(CHANGED, &["settings", "projectSettings"])})
    }
}

/// What of a project can change.
const CHANGED: &[&str] = &["name", "settings", "projectSettings"];

impl ChangeProject {
    /// The project after the change. The result is checked, and all its mistakes are reported.
    pub fn apply(&self, project: &Project) -> Result<Project, Denied> {
        let body = json!({"name": project.name, "settings": project.settings,
            "projectSettings": project.project_settings});
        let found = body.as_object().cloned().unwrap_or_default();
        let mut whole = found.clone();
        merge::merge(&mut whole, &self.patch, merge::PROJECT_FREE_FORM);
        let whole = Value::Object(whole);
        let changed = Reader::patched(&whole, &self.patch, &found).and_then(CreateProject::finish);
        let CreateProject { name, settings, project_settings, .. } = changed.map_err(Denied::Invalid)?;
        Ok(Project { name, settings, project_settings, revision: project.revision + 1, ..project.clone() })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::license::state::tests::project;
    use crate::model::project::ProjectSecret;
    use ltlm_protocol::Timestamp;

    #[test]
    fn the_last_secret_stays() {
        let secret = |id: &str| ProjectSecret {
            id: id.into(),
            hash: format!("hash of {id}"),
            wrapped: Vec::new(),
            created_at: Timestamp::EPOCH,
        };
        let one = project().with_secret(secret("a")).unwrap();
        assert_eq!(one.without_secret("a").unwrap_err(), Denied::LastSecret);
        assert_eq!(one.without_secret("b").unwrap_err(), Denied::SecretNotFound);
        let two = one.with_secret(secret("b")).unwrap();
        let (rest, retired) = two.without_secret("a").unwrap();
        assert_eq!((rest.secrets.len(), retired.id.as_str(), rest.revision), (1, "a", two.revision + 1));
        let full = (1..limits::SECRETS_MAX).try_fold(one, |p, n| p.with_secret(secret(&n.to_string()))).unwrap();
        assert_eq!(
            full.with_secret(secret("x")).unwrap_err(),
            Denied::SecretLimitReached { max: limits::SECRETS_MAX as i64 }
        );
    }
}
