//! What an application says about itself and its vendor's deployment.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use ltlm_protocol::limits;
use ltlm_protocol::request::canonical_secret;
use serde::Deserialize;
use zeroize::Zeroizing;

use crate::error::{Error, ErrorCode};
use crate::log::LogLevel;

/// How long one call may take, in milliseconds, unless the configuration says otherwise.
pub const TIMEOUT_MS: u64 = 10_000;
/// Most uses that wait to be charged, unless the configuration says otherwise.
pub const QUEUE_MAX: usize = 100_000;

/// Where a client's files are.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum StorageKind {
    /// In a folder of the user's own, for this user alone: the platform's usual one, unless [`Config::data_dir`] names another.
    #[default]
    User,
    /// In a folder that all users of the machine share: files are for the folder's group too.
    Machine,
    /// Nowhere: all is forgotten with the process.
    Memory,
}

/// Whose store keeps the key that files are sealed with.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum KeyStoreKind {
    /// The platform's, for files of the user, where there is one.
    #[default]
    Platform,
    /// Nobody's: the key follows from what the machine says about itself.
    None,
}

/// The configuration of a client. As JSON its members are in camel case; a name that it does not know is refused.
#[derive(Clone, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Config {
    /// The address of the deployment: `https://…`, with `/api` if that is part of its routes. `http` is accepted for
    /// this machine only.
    pub base_url: String,
    /// The project's id. It is part of what a device is called, and is not sent.
    pub project_id: String,
    /// The project's secret: 64 hex digits. A public name, since every build contains it.
    pub project_secret: String,
    /// The project's public keys, in PEM or as the base64 of 32 bytes. An answer that none of them signed is not believed.
    pub public_keys: Vec<String>,
    /// The application's version, which the vendor's rules compare.
    #[serde(default)]
    pub app_version: Option<String>,
    /// The folder that keeps the client's files, in place of the usual one of its [`storage`](Self::storage).
    #[serde(default)]
    pub data_dir: Option<String>,
    /// Where the client's files are.
    #[serde(default)]
    pub storage: StorageKind,
    /// Whose store keeps the key that files are sealed with.
    #[serde(default)]
    pub key_store: KeyStoreKind,
    /// Replaces what the machine says about itself as the source of the device's id. At most 1,000 characters.
    #[serde(default)]
    pub device_id: Option<String>,
    /// The device's name for people; without one the operating system's family and four digits of the device's id.
    #[serde(default)]
    pub device_name: Option<String>,
    /// 2: authenticated encryption and a key of the device's own. 1: what the first client speaks.
    #[serde(default = "protocol")]
    pub protocol: u8,
    /// Accept answers that do not state for whom they are. A recorded answer can then be replayed.
    #[serde(default)]
    pub accept_unbound: bool,
    /// A proxy's address. Without one the environment's `HTTPS_PROXY`, `HTTP_PROXY` and `NO_PROXY` hold.
    #[serde(default)]
    pub proxy: Option<String>,
    /// A file of certificates in PEM. They alone are trusted then, in place of the platform's.
    #[serde(default)]
    pub ca_file: Option<String>,
    /// How long one call may take, in milliseconds, 100 to 300,000.
    #[serde(default = "timeout")]
    pub timeout_ms: u64,
    /// How many uses may wait to be charged, 1 to 1,000,000.
    #[serde(default = "queue_max")]
    pub queue_max: usize,
    /// Accept uses beyond the balance.
    #[serde(default)]
    pub allow_overdraft: bool,
    /// How much is logged, as [`Event::Log`](crate::Event::Log).
    #[serde(default)]
    pub log: LogLevel,
}

fn protocol() -> u8 {
    2
}

fn timeout() -> u64 {
    TIMEOUT_MS
}

fn queue_max() -> usize {
    QUEUE_MAX
}

impl std::fmt::Debug for Config {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { base_url, project_id, app_version, protocol, .. } = self;
        f.debug_struct("Config")
            .field("base_url", base_url)
            .field("project_id", project_id)
            .field("app_version", app_version)
            .field("protocol", protocol)
            .finish_non_exhaustive()
    }
}

fn bad(message: impl Into<String>) -> Error {
    Error::new(ErrorCode::BadConfig, message)
}

impl Config {
    /// The configuration with what every application has to say, and defaults for the rest.
    pub fn new(base_url: &str, project_id: &str, project_secret: &str, public_key: &str) -> Self {
        Self {
            base_url: base_url.to_owned(),
            project_id: project_id.to_owned(),
            project_secret: project_secret.to_owned(),
            public_keys: vec![public_key.to_owned()],
            app_version: None,
            data_dir: None,
            storage: StorageKind::User,
            key_store: KeyStoreKind::Platform,
            device_id: None,
            device_name: None,
            protocol: protocol(),
            accept_unbound: false,
            proxy: None,
            ca_file: None,
            timeout_ms: TIMEOUT_MS,
            queue_max: QUEUE_MAX,
            allow_overdraft: false,
            log: LogLevel::Off,
        }
    }

    /// Reads a configuration from JSON.
    pub fn from_json(text: &str) -> Result<Self, Error> {
        serde_json::from_str(text).map_err(|error| bad(format!("The configuration cannot be read: {error}.")))
    }

    /// What the state machine needs of it, checked.
    pub(crate) fn checked(&self) -> Result<Checked, Error> {
        if !is_acceptable_url(&self.base_url) {
            return Err(bad("baseUrl must start with https://, or with http:// and lead to this machine."));
        }
        if self.project_id.trim().is_empty() {
            return Err(bad("projectId is missing."));
        }
        let secret = canonical_secret(&self.project_secret);
        let secret = Zeroizing::new(secret.ok_or_else(|| bad("projectSecret must be 64 hex digits."))?);
        let key = ltlm_protocol::envelope::key_of_secret(&secret).ok_or_else(|| bad("projectSecret is no key."))?;
        let keys: Option<Vec<_>> = self.public_keys.iter().map(|text| public_key(text)).collect();
        let public_keys = keys.filter(|keys| !keys.is_empty());
        let public_keys = public_keys.ok_or_else(|| bad("publicKeys must hold an Ed25519 key in PEM or base64."))?;
        if !matches!(self.protocol, 1 | 2) {
            return Err(bad("protocol must be 1 or 2."));
        }
        if !(100..=300_000).contains(&self.timeout_ms) {
            return Err(bad("timeoutMs must lie between 100 and 300000."));
        }
        if !(1..=1_000_000).contains(&self.queue_max) {
            return Err(bad("queueMax must lie between 1 and 1000000."));
        }
        let version = self.app_version.as_ref();
        if version.is_some_and(|version| version.chars().count() > limits::VERSION_CHARS_MAX) {
            return Err(bad(format!("appVersion is longer than {} characters.", limits::VERSION_CHARS_MAX)));
        }
        let name = self.device_name.as_ref();
        if name.is_some_and(|name| name.chars().count() > limits::NICKNAME_CHARS_MAX) {
            return Err(bad(format!("deviceName is longer than {} characters.", limits::NICKNAME_CHARS_MAX)));
        }
        if self.device_id.as_ref().is_some_and(|id| id.is_empty() || id.chars().count() > 1_000) {
            return Err(bad("deviceId must have 1 to 1000 characters."));
        }
        if self.data_dir.as_ref().is_some_and(String::is_empty) {
            return Err(bad("dataDir is empty."));
        }
        if self.storage == StorageKind::Memory && self.data_dir.is_some() {
            return Err(bad("dataDir names a folder, and storage \"memory\" uses none."));
        }
        Ok(Checked { secret, key, public_keys, config: self.clone() })
    }
}

/// A configuration that can be used.
pub(crate) struct Checked {
    /// The canonical secret.
    pub(crate) secret: Zeroizing<String>,
    /// The key that it is.
    pub(crate) key: Zeroizing<[u8; 32]>,
    /// The keys that answers may be signed by.
    pub(crate) public_keys: Vec<[u8; 32]>,
    /// The rest.
    pub(crate) config: Config,
}

/// Is this an address whose answers may be believed to come from where they say?
fn is_acceptable_url(url: &str) -> bool {
    if url.chars().any(|c| c.is_whitespace() || c.is_control()) {
        return false;
    }
    if url.strip_prefix("https://").is_some_and(|rest| !rest.is_empty()) {
        return true;
    }
    let Some(rest) = url.strip_prefix("http://") else { return false };
    let authority = rest.split(['/', '?', '#']).next().unwrap_or_default();
    let host = match authority.strip_prefix('[') {
        Some(rest) => rest.split(']').next().unwrap_or_default(),
        None => authority.split(':').next().unwrap_or_default(),
    };
    // Whoever is named before an `@` is not the host.
    !authority.contains('@') && (host == "localhost" || host.parse().is_ok_and(|ip: std::net::IpAddr| ip.is_loopback()))
}

/// The 32 bytes of a public key in PEM, or in base64 alone.
fn public_key(text: &str) -> Option<[u8; 32]> {
    let body: String = text.lines().filter(|line| !line.starts_with("-----")).map(str::trim).collect();
    let der = BASE64.decode(body).ok()?;
    /// What a SubjectPublicKeyInfo of Ed25519 starts with.
    const PREFIX: [u8; 12] = [0x30, 0x2a, 0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x70, 0x03, 0x21, 0x00];
    der.strip_prefix(&PREFIX).unwrap_or(&der).try_into().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECRET: &str = "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f";
    const PEM: &str = "-----BEGIN PUBLIC KEY-----\nMCowBQYDK2VwAyEAKay64UG8yvCyLhqU000LxzYeUm0L/hLIl5S8kyKWbdc=\n-----END PUBLIC KEY-----\n";

    fn config(url: &str) -> Config {
        Config::new(url, "prj_1", SECRET, PEM)
    }

    #[test]
    fn c71_plain_http_leads_to_this_machine_only() {
        for good in ["https://a.example/api", "http://127.0.0.1:8787", "http://localhost", "http://[::1]:1/api"] {
            assert!(config(good).checked().is_ok(), "{good}");
        }
        for bad in [
            "http://a.example",
            "http://localhost@a.example",
            "http://127.0.0.1.a.example",
            "ftp://localhost",
            "https://",
            "http://local host",
            "http://127.0.0.1:1@evil.example/",
        ] {
            assert_eq!(config(bad).checked().err().map(|error| error.code), Some(ErrorCode::BadConfig), "{bad}");
        }
    }

    #[test]
    fn what_cannot_be_used_is_refused_and_names_are_not_guessed() {
        assert_eq!(
            public_key(PEM).map(hex::encode).as_deref(),
            Some("29acbae141bccaf0b22e1a94d34d0bc7361e526d0bfe12c89794bc9322966dd7")
        );
        let cases: [fn(&mut Config); 11] = [
            |c| c.project_id = " ".into(),
            |c| c.project_secret = "abc".into(),
            |c| c.public_keys = vec![],
            |c| c.public_keys = vec![PEM.into(), "AAAA".into()],
            |c| c.protocol = 3,
            |c| c.timeout_ms = 1,
            |c| c.queue_max = 0,
            |c| c.device_id = Some(String::new()),
            |c| c.app_version = Some("1".repeat(65)),
            |c| c.data_dir = Some(String::new()),
            |c| (c.storage, c.data_dir) = (StorageKind::Memory, Some("folder".into())),
        ];
        for case in cases {
            let mut config = config("https://a.example");
            case(&mut config);
            assert_eq!(config.checked().err().map(|error| error.code), Some(ErrorCode::BadConfig));
        }
        let json = format!(
            r#"{{"baseUrl":"https://a","projectId":"p","projectSecret":"{SECRET}","publicKeys":["{}"]"#,
            "Kay64UG8yvCyLhqU000LxzYeUm0L/hLIl5S8kyKWbdc="
        );
        let read = Config::from_json(&format!("{json}}}")).unwrap();
        assert_eq!((read.timeout_ms, read.storage, read.log), (TIMEOUT_MS, StorageKind::User, LogLevel::Off));
        let said = format!(r#"{json},"keyStore":"none","storage":"machine","caFile":"/ca.pem","log":"trace"}}"#);
        let said = Config::from_json(&said).unwrap();
        assert_eq!((said.storage, said.log), (StorageKind::Machine, LogLevel::Trace));
        assert_eq!((read.key_store, said.key_store), (KeyStoreKind::Platform, KeyStoreKind::None));
        assert_eq!(said.ca_file.as_deref(), Some("/ca.pem"));
        for bad in ["\"storage\":\"cloud\"", "\"log\":\"loud\"", "\"caFile\":1"] {
            assert_eq!(Config::from_json(&format!("{json},{bad}}}")).unwrap_err().code, ErrorCode::BadConfig, "{bad}");
        }
        let error = Config::from_json(&format!("{json},\"timeout\":1}}")).unwrap_err();
        assert_eq!(error.code, ErrorCode::BadConfig);
    }

    #[test]
    fn secrets_are_not_shown() {
        let text = format!("{:?}", Config { device_id: Some("machine".into()), ..config("https://a.example") });
        assert!(!text.contains(SECRET) && !text.contains("machine"), "{text}");
    }
}
