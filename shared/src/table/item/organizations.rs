//! Items of organizations: their members and access tokens.

use crate::model::ids::{OperationId, OperationKey, Origin};
use crate::model::organization::{AccessToken, Holder, Made, Member, Organization};
use crate::table::item::attributes::{Builder, Item, ItemError, Reader};
use crate::table::key;
use crate::table::port::List;

/// An organization's item.
pub fn organization(organization: &Organization) -> Item {
    let changed_by = organization.changed_by.as_ref();
    Builder::new(key::organization(&organization.id))
        .text("listPk", key::list_partition(&List::Organizations(organization.id.project_id.clone())))
        .text("listSk", &organization.id.name)
        .text("plan", &organization.plan)
        .at("createdAt", organization.created_at)
        .text("createdBy", &organization.created_by.id.id)
        .text("fingerprint", &organization.created_by.fingerprint)
        .text_opt("changedBy", changed_by.map(|key| &key.id.id))
        .text_opt("changeFingerprint", changed_by.map(|key| &key.fingerprint))
        .int("revision", organization.revision)
        .build()
}

/// A caller's operation in two attributes.
pub(crate) fn read_key(r: &Reader<'_>, id: &str, fingerprint: &str) -> Option<OperationKey> {
    let id = OperationId { origin: Origin::Client, id: r.text_opt(id)? };
    Some(OperationKey { id, fingerprint: r.text_opt(fingerprint)? })
}

/// A member's item.
pub fn member(member: &Member) -> Item {
    Builder::new(key::member(&member.organization, &member.user))
        .at_opt("removedAt", member.removed_at)
        .int("revision", member.revision)
        .build()
}

/// Days after its end for which the operation of an access token is known.
const ACCESS_KNOWN_DAYS: i64 = 30;

/// An access token's item.
pub fn access_token(token: &AccessToken) -> Item {
    let made = token.made.as_ref();
    // One that works no more is in no list; in a list, the last to end comes first.
    let list = |holder: Option<Holder>| {
        holder.filter(|_| token.revoked_at.is_none()).map(|holder| key::access_list(&token.project_id, &holder))
    };
    let by_user = list(token.user.clone().map(Holder::User));
    let by_organization = list(token.organization.clone().map(Holder::Organization));
    let place = key::timed_sort(token.expires_at, &token.hash);
    Builder::new(key::access_token(&token.hash))
        .text("projectId", &token.project_id)
        .text_opt("organization", token.organization.as_ref())
        .text_opt("user", token.user.as_ref())
        .at("expiresAt", token.expires_at)
        .at_opt("revokedAt", token.revoked_at)
        .text_opt("listSk", by_user.as_ref().map(|_| &place))
        .text_opt("listPk", by_user)
        .text_opt("dueSk", by_organization.as_ref().map(|_| &place))
        .text_opt("duePk", by_organization)
        .text_opt("createdBy", made.map(|made| &made.by.id.id))
        .text_opt("fingerprint", made.map(|made| &made.by.fingerprint))
        .text_opt("request", made.map(|made| &made.request))
        .ttl(token.expires_at.plus_days(ACCESS_KNOWN_DAYS))
        .build()
}

pub(crate) fn read_access_token(r: &Reader<'_>, hash: String) -> Result<AccessToken, ItemError> {
    let by = read_key(r, "createdBy", "fingerprint");
    Ok(AccessToken {
        hash,
        project_id: r.text("projectId")?,
        organization: r.text_opt("organization"),
        user: r.text_opt("user"),
        expires_at: r.at("expiresAt")?,
        revoked_at: r.at_opt("revokedAt"),
        made: by.zip(r.text_opt("request")).map(|(by, request)| Made { by, request }),
    })
}
