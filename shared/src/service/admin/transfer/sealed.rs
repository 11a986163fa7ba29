//! A project's keys on their way: the pair that receives them, and how they are sealed and opened.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use ed25519_dalek::SigningKey;
use ltlm_protocol::transfer::{ImportKeyData, KEYS};
use ltlm_protocol::{Problems, Timestamp, json, limits};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use zeroize::{Zeroize, ZeroizeOnDrop};

use crate::keys::transport::Sealed;
use crate::keys::{Key32, KeyError, Purpose, transport};
use crate::model::denied::Denied;
use crate::model::import::ImportKey;
use crate::model::project::{Project, ProjectSecret, WrappedKeys};
use crate::model::record;
use crate::model::write::Write;
use crate::service::admin::operation::{AdminCall, AdminChange, Found, Part, find, once};
use crate::service::admin::projects::pem;
use crate::service::app::{App, Budget, Error};
use crate::service::ids::sha256_hex;
use crate::service::webhooks::delivery;
use crate::table::port::{Read, Table};

/// What every public key of a deployment begins with.
pub const PUBLIC_KEY_PREFIX: &str = "ltlm_import_";

/// The keys of a project, as they are sealed: each 32 bytes in hex.
#[derive(Serialize, Deserialize, Zeroize, ZeroizeOnDrop)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Keys {
    signing_seed: String,
    derivation: String,
    sealing: String,
    secrets: Vec<SecretKey>,
    webhooks: Vec<WebhookKey>,
}

#[derive(Serialize, Deserialize, Zeroize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct SecretKey {
    key: String,
    created_at: i64,
}

#[derive(Serialize, Deserialize, Zeroize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct WebhookKey {
    id: String,
    key: String,
}

/// A key's id: follows from it.
fn id_of(public: &[u8; 32]) -> String {
    format!("imk_{}", &sha256_hex(public)[..16])
}

/// Reads a public key as people carry it. One that nothing can be sealed to is none.
pub fn parse_public(text: &str) -> Option<[u8; 32]> {
    let key = hex::decode(text.strip_prefix(PUBLIC_KEY_PREFIX)?).ok()?.try_into().ok();
    key.filter(transport::is_usable)
}

/// As people carry it.
pub fn data(key: &ImportKey) -> ImportKeyData {
    ImportKeyData {
        key_id: key.id.clone(),
        public_key: format!("{PUBLIC_KEY_PREFIX}{}", hex::encode(key.public_key)),
        expires_at: key.expires_at.to_string(),
    }
}

/// Creates a key pair to which another deployment seals keys; its private key is derived from a seed that KMS wrapped.
/// Only the owner may do this.
pub async fn create<T: Table>(app: &App<T>, budget: &Budget<'_>, act: &AdminCall) -> Result<(ImportKey, bool), Error> {
    act.by.may_move_keys()?;
    let (kms, name) = (app.kms()?, format!("new {}", act.request));
    // The name that it is wrapped under must be known before the key is.
    let made = kms.make(&name, Purpose::Import).await?;
    let public_key = transport::public_key(&made.key)?;
    let id = id_of(&public_key);
    let wrapped = kms.wrap(&id, Purpose::Import, &made.key).await?;
    let expires_at = act.now.plus_days(limits::IMPORT_KEY_DAYS);
    let key = ImportKey { id, public_key, wrapped, created_at: act.now, expires_at };
    let deed = |_: &Found| {
        Ok(AdminChange { made: vec![key.id.clone()], writes: vec![Write::AddImportKey { key: key.clone() }] })
    };
    let Some(earlier) = once(app, budget, act, Part::whole(), &[], deed).await? else { return Ok((key, false)) };
    let found = find(app, budget, &earlier.into_iter().map(Read::ImportKey).collect::<Vec<_>>()).await?;
    Ok((found.import_key.ok_or(Denied::ImportKeyNotFound)?, true))
}

/// What the cipher text is bound to.
fn about(project_id: &str, sealed_at: &str, key_id: &str) -> String {
    format!("{project_id} {sealed_at} {key_id}")
}

/// The line with the project's keys, sealed to a public key of the receiving deployment. Only the owner may do this,
/// and the log records it.
pub async fn seal<T: Table>(
    app: &App<T>,
    budget: &Budget<'_>,
    project_id: &str,
    public: &[u8; 32],
    act: &AdminCall,
) -> Result<(Value, bool), Error> {
    act.by.may_move_keys()?;
    let project = find(app, budget, &[Read::Project(project_id.to_owned())]).await?.project()?.clone();
    let opened = async |purpose, wrapped: &[u8]| -> Result<String, Error> {
        Ok(hex::encode(app.unwrap(project_id, purpose, wrapped).await?.expose()))
    };
    let mut keys = Keys {
        signing_seed: opened(Purpose::SigningSeed, &project.wrapped.signing_seed).await?,
        derivation: opened(Purpose::Derivation, &project.wrapped.derivation).await?,
        sealing: opened(Purpose::Sealing, &project.wrapped.sealing).await?,
        secrets: Vec::new(),
        webhooks: Vec::new(),
    };
    for secret in &project.secrets {
        let key = opened(Purpose::Secret, &secret.wrapped).await?;
        keys.secrets.push(SecretKey { key, created_at: secret.created_at.ms() });
    }
    for webhook in delivery::webhooks(app, budget, project_id).await? {
        // What nothing is sent to any more needs no key, and one that came without any has none.
        if webhook.disabled_at.is_none() && !webhook.wrapped.is_empty() {
            let key = opened(Purpose::Webhook, &webhook.wrapped).await?;
            keys.webhooks.push(WebhookKey { id: webhook.id, key });
        }
    }
    let (key_id, sealed_at) = (id_of(public), act.now.to_string());
    let text = zeroize::Zeroizing::new(serde_json::to_vec(&keys).map_err(|error| Error::Broken(error.into()))?);
    let fill = |bytes: &mut [u8]| app.entropy.fill(bytes);
    let sealed = transport::seal(public, &about(project_id, &sealed_at, &key_id), &text, &fill)?;
    let line = json!({
        "kind": KEYS,
        "keyId": key_id,
        "projectId": project_id,
        "sealedAt": sealed_at,
        "encapsulated": BASE64.encode(&sealed.encapsulated),
        "sealed": BASE64.encode(&sealed.text),
    });
    let deed = |_: &Found| Ok(AdminChange { made: vec![key_id.clone()], writes: Vec::new() });
    // The line is told only once the log tells of it.
    let earlier = once(app, budget, act, Part::whole(), &[], deed).await?;
    Ok((line, earlier.is_some()))
}

/// Keys that came with a file, wrapped for this deployment.
pub struct Opened {
    /// The project with its keys and secrets.
    pub project: Project,
    /// Secrets of webhooks, by the webhook's id.
    pub webhooks: Vec<(String, Vec<u8>)>,
}

fn mistake(problem: &'static str) -> Error {
    Denied::Invalid(Problems::one("lines[2]", problem)).into()
}

/// Opens the keys of a file, and wraps each of them again.
pub async fn open<T: Table>(
    app: &App<T>,
    budget: &Budget<'_>,
    project: Project,
    line: &Value,
    now: Timestamp,
) -> Result<Opened, Error> {
    let text = |name: &str| line[name].as_str().ok_or_else(|| mistake("is no line of keys"));
    let bytes =
        |name: &str| text(name).and_then(|text| BASE64.decode(text).map_err(|_| mistake("holds what is no base64")));
    if text("projectId")? != project.id {
        return Err(mistake("is of another project"));
    }
    let key_id = text("keyId")?;
    let found = find(app, budget, &[Read::ImportKey(key_id.to_owned())]).await?.import_key;
    let pair = found.filter(|key| now < key.expires_at).ok_or(Denied::ImportKeyNotFound)?;
    let seed = app.unwrap(&pair.id, Purpose::Import, &pair.wrapped).await?;
    let sealed = Sealed { encapsulated: bytes("encapsulated")?, text: bytes("sealed")? };
    let about = about(&project.id, text("sealedAt")?, key_id);
    let opened = transport::open(&seed, &about, &sealed)
        .map_err(|_| mistake("does not open: it was changed, or is of another file"))?;
    let keys: Keys = json::parse_as(&opened).map_err(|_| mistake("holds no keys"))?;
    let key = |text: &str| -> Result<Key32, Error> {
        let bytes = zeroize::Zeroizing::new(hex::decode(text).map_err(|_| mistake("holds what is no key"))?);
        Key32::new(&bytes).ok_or_else(|| mistake("holds what is no key"))
    };
    let kms = app.kms()?;
    let wrap = async |purpose, key: &Key32| -> Result<Vec<u8>, KeyError> { kms.wrap(&project.id, purpose, key).await };
    let signing_seed = key(&keys.signing_seed)?;
    if pem(&SigningKey::from_bytes(signing_seed.expose()))? != project.public_key {
        return Err(mistake("holds keys that are not this project's"));
    }
    if keys.secrets.is_empty() || keys.secrets.len() > limits::SECRETS_MAX {
        return Err(mistake("holds no secrets, or too many"));
    }
    let mut secrets = Vec::new();
    for SecretKey { key: text, created_at } in &keys.secrets {
        let secret = key(text)?;
        let hash = sha256_hex(hex::encode(secret.expose()).as_bytes());
        let wrapped = wrap(Purpose::Secret, &secret).await?;
        let created_at = Timestamp::from_ms(*created_at);
        secrets.push(ProjectSecret { id: format!("sec_{}", &hash[..16]), wrapped, created_at, hash });
    }
    let mut webhooks = Vec::new();
    for WebhookKey { id, key: text } in keys.webhooks.iter().take(limits::WEBHOOKS_MAX) {
        webhooks.push((id.clone(), wrap(Purpose::Webhook, &key(text)?).await?));
    }
    let wrapped = WrappedKeys {
        signing_seed: wrap(Purpose::SigningSeed, &signing_seed).await?,
        derivation: wrap(Purpose::Derivation, &key(&keys.derivation)?).await?,
        sealing: wrap(Purpose::Sealing, &key(&keys.sealing)?).await?,
    };
    Ok(Opened { project: Project { wrapped, secrets, ..project }, webhooks })
}

/// Is this a line of keys?
pub fn is_keys(line: &Value) -> bool {
    line["kind"] == KEYS
}

/// A kind's name where a record is in the way.
pub fn kind_of(record: &crate::model::record::Record) -> &'static str {
    record::kind(record).unwrap_or("another")
}
