//! Authentication: by the project's secret, or by an administrator's key. Secrets are compared by their hashes, in
//! constant time.

use http::HeaderMap;
use http::header::AUTHORIZATION;
use ltlm_protocol::Code;
use ltlm_protocol::request::canonical_secret;
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;

use crate::api::extract::Incoming;
use crate::api::reply::Failure;
use crate::model::administrator::Administrator;
use crate::model::organization::AccessToken;
use crate::service::admin::keys;
use crate::service::ids::{ACCESS_TOKEN_PREFIX, ADMIN_KEY_PREFIX, sha256_hex};
use crate::service::license::load_spec::Access;
use crate::service::organizations;
use crate::table::port::Table;

/// The header with the project's secret.
pub const SECRET_HEADER: &str = "x-project-secret";

/// The project's secret, as the hash that the table knows it by. Whether there is such a project, the table says.
pub fn project(headers: &HeaderMap) -> Result<Access, Failure> {
    let text = headers.get(SECRET_HEADER).and_then(|value| value.to_str().ok());
    let secret = text.and_then(canonical_secret).ok_or_else(|| Failure::new(Code::UnauthorizedProject))?;
    Ok(Access::Secret(sha256_hex(secret.as_bytes())))
}

/// The token in the header `Authorization: Bearer …`, if it begins as such tokens do.
fn bearer<'a, T>(incoming: &'a Incoming<'_, T>, prefix: &str) -> Option<&'a str> {
    let text = incoming.request.headers().get(AUTHORIZATION).and_then(|value| value.to_str().ok())?;
    let (scheme, token) = text.split_once(' ')?;
    Some(token.trim()).filter(|token| scheme.eq_ignore_ascii_case("bearer") && token.starts_with(prefix))
}

/// An access token that is in force.
pub async fn member<T: Table>(incoming: &Incoming<'_, T>) -> Result<AccessToken, Failure> {
    let refused = || Failure::new(Code::SessionRequired).header("www-authenticate", "Bearer");
    let hash = sha256_hex(bearer(incoming, ACCESS_TOKEN_PREFIX).ok_or_else(refused)?.as_bytes());
    let token = organizations::access(incoming.app, incoming.budget, &hash, incoming.now).await?;
    token.ok_or_else(refused)
}

/// An administrator's key: the stack's own, or a stored one with its scopes.
pub async fn administrator<T: Table>(incoming: &Incoming<'_, T>) -> Result<Administrator, Failure> {
    let refused = || Failure::new(Code::Unauthorized).header("www-authenticate", "Bearer");
    let key = bearer(incoming, ADMIN_KEY_PREFIX).ok_or_else(refused)?;
    let given: [u8; 32] = Sha256::digest(key.as_bytes()).into();
    let first = incoming.settings.admin_key_sha256;
    if first.is_some_and(|first| bool::from(given.ct_eq(&first))) {
        return Ok(Administrator::first());
    }
    let rights = keys::rights(incoming.app, incoming.budget, &hex::encode(given), incoming.now).await?;
    rights.ok_or_else(refused)
}
