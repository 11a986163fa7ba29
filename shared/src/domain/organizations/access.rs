//! Access tokens: what a vendor's web application calls with, for an organization or for a user.

use ltlm_protocol::body::one_of;
use ltlm_protocol::organization_data::AccessTokenRevoked;
use ltlm_protocol::read::{Problems, Reader};
use ltlm_protocol::{Body, Timestamp, limits, request};
use serde_json::{Value, json};

use crate::domain::decision::Decision;
use crate::domain::organizations::state::OrganizationState;
use crate::model::account::{ACCOUNT_NAME_PROBLEM, account_name_pattern, is_account_name};
use crate::model::denied::Denied;
use crate::model::organization::{AccessToken, Holder, Organization};
use crate::model::record::Record;
use crate::model::write::Write;

impl AccessToken {
    /// Does it work at `now`?
    pub fn is_in_force(&self, now: Timestamp) -> bool {
        self.revoked_at.is_none() && now < self.expires_at
    }
}

/// `DELETE /v1/access-tokens`
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RevokeAccess {
    /// In whose list they are found.
    pub holder: Holder,
    /// Only those for this organization.
    pub organization: Option<String>,
}

impl RevokeAccess {
    /// Reads what the query names: one of the two at least.
    pub fn new(organization: Option<String>, user: Option<String>) -> Result<Self, Problems> {
        let named = [("organizationId", &organization), ("userId", &user)];
        for (name, value) in named {
            if value.as_ref().is_some_and(|value| !is_account_name(value)) {
                return Err(Problems::one(name, ACCOUNT_NAME_PROBLEM));
            }
        }
        let holder = user.map(Holder::User).or_else(|| organization.clone().map(Holder::Organization));
        let holder = holder.ok_or_else(|| Problems::one("organizationId", "or userId must be sent"))?;
        Ok(Self { holder, organization })
    }

    /// Is this one meant, of those in the list?
    pub fn means(&self, token: &AccessToken) -> bool {
        self.organization.is_none() || self.organization == token.organization
    }
}

/// What the making of an access token finds.
#[derive(Clone, Debug, Default)]
pub struct AccessState {
    /// The token that this operation created before.
    pub token: Option<AccessToken>,
    /// The organization that it is for.
    pub organization: Option<Organization>,
}

impl AccessState {
    /// Takes in a record as it is in the table.
    pub fn absorb(&mut self, record: Record) {
        match record {
            Record::AccessToken(token) => self.token = Some(token),
            Record::Organization(organization) => self.organization = Some(organization),
            _ => {}
        }
    }

    /// Decides that the token works no more. One that was revoked before stays revoked since then.
    pub fn revoke(&self, project_id: &str, now: Timestamp) -> Result<Decision<AccessTokenRevoked>, Denied> {
        let found = self.token.as_ref().filter(|token| token.project_id == project_id);
        let token = found.ok_or(Denied::AccessTokenNotFound)?;
        let at = token.revoked_at.unwrap_or(now);
        let reply = AccessTokenRevoked { token_id: token.hash.clone(), revoked_at: at.to_string() };
        Ok(match token.revoked_at {
            Some(_) => Decision::read(reply),
            None => Decision::write(vec![Write::RevokeAccessToken { hash: token.hash.clone(), at }], reply),
        })
    }

    /// Decides the creation of `token`. The reply: the token, and whether an earlier request created it.
    pub fn create(&self, token: &AccessToken) -> Result<Decision<(AccessToken, bool)>, Denied> {
        let asked = token.made.as_ref();
        if let Some(there) = &self.token {
            let (Some(made), Some(asked)) = (&there.made, asked) else { return Err(Denied::IdempotencyKeyReused) };
            return match asked.by.repeats(&made.by) {
                true => Ok(Decision::read((there.clone(), made.request != asked.request))),
                false => Err(Denied::IdempotencyKeyReused),
            };
        }
        if token.organization.is_some() && self.organization.is_none() {
            return Err(Denied::OrganizationNotFound);
        }
        Ok(Decision::write(vec![Write::AddAccessToken { token: token.clone() }], (token.clone(), false)))
    }
}

/// `POST /v1/access-tokens`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CreateAccess {
    /// The one organization it is for.
    pub organization: Option<String>,
    /// The user it is for.
    pub user: Option<String>,
    /// For how long.
    pub seconds: i64,
    /// The caller's operation id.
    pub operation_id: Option<String>,
}

impl Body for CreateAccess {
    fn read(r: &mut Reader<'_>) -> Self {
        let seconds = r.int_opt("expiresInSeconds", 1, limits::ACCESS_SECONDS_MAX);
        let parsed = Self {
            organization: r.text_opt("organizationId", limits::ORGANIZATION_CHARS_MAX),
            user: r.text_opt("userId", limits::ACCOUNT_CHARS_MAX),
            seconds: seconds.unwrap_or(limits::ACCESS_SECONDS_DEFAULT),
            operation_id: request::operation_id(r),
        };
        for (name, value) in [("organizationId", &parsed.organization), ("userId", &parsed.user)] {
            if value.as_ref().is_some_and(|value| !is_account_name(value)) {
                r.problem(name, ACCOUNT_NAME_PROBLEM);
            }
        }
        if parsed.organization.is_none() && parsed.user.is_none() {
            r.problem("organizationId", "or userId must be sent");
        }
        parsed
    }

    fn keywords() -> Value {
        let name = json!({"pattern": account_name_pattern()});
        json!({
            "properties": {"organizationId": name, "userId": name, "expiresInSeconds": {"default": limits::ACCESS_SECONDS_DEFAULT}},
            "anyOf": one_of(&["organizationId", "userId"], &[]),
        })
    }
}

/// Refuses callers that may not act for the organization. A token of the organization may, and a token of a user who is
/// a member. The refusal does not reveal whether the organization exists.
pub fn may_act(state: &OrganizationState, token: &AccessToken, organization: &str) -> Result<(), Denied> {
    let is_there = state.organization.is_some();
    let is_for_it = token.organization.as_deref().is_none_or(|own| own == organization);
    let is_member = match &token.user {
        // A token for an organization as a whole.
        None => token.organization.is_some(),
        Some(user) => {
            let member = state.member.as_ref().filter(|member| member.removed_at.is_none());
            member.is_some_and(|member| member.user == *user)
        }
    };
    match is_there && is_for_it && is_member {
        true => Ok(()),
        false => Err(Denied::OrganizationForbidden),
    }
}
