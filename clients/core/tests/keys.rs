//! A client with a key store: the platforms' are on other systems, so these bring one of their own.

#![allow(clippy::unwrap_used, reason = "a test")]

mod signer;

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use ltlm_client::machine::{Failure, HttpAnswer, Request};
use ltlm_client::{
    Client, Config, ErrorCode, Event, KeyStore, KeyStoreKind, KeyStoreUnavailable, Parts, Status, StorageKind,
    Transport,
};
use zeroize::Zeroizing;

#[derive(Default)]
struct Keys {
    kept: Mutex<BTreeMap<String, Vec<u8>>>,
    is_locked: AtomicBool,
}

impl Keys {
    fn available(&self) -> Result<(), KeyStoreUnavailable> {
        match self.is_locked.load(Ordering::Relaxed) {
            true => Err(KeyStoreUnavailable),
            false => Ok(()),
        }
    }
}

impl KeyStore for Keys {
    fn load(&self, name: &str) -> Result<Option<Zeroizing<Vec<u8>>>, KeyStoreUnavailable> {
        self.available()?;
        Ok(self.kept.lock().unwrap().get(name).cloned().map(Zeroizing::new))
    }

    fn save(&self, name: &str, key: &[u8]) -> Result<(), KeyStoreUnavailable> {
        self.available()?;
        self.kept.lock().unwrap().insert(name.to_owned(), key.to_vec());
        Ok(())
    }
}

/// Answers everything, and keeps the device's keys that it was shown.
struct Noting {
    shown: Arc<Mutex<Vec<String>>>,
    now_ms: i64,
}

impl Transport for Noting {
    fn send(&self, request: &Request, _: Duration) -> Result<HttpAnswer, Failure> {
        self.shown.lock().unwrap().extend(signer::device_key(request));
        signer::answer(request, self.now_ms)
    }
}

struct Ground {
    folder: PathBuf,
    config: Config,
    keys: Arc<Keys>,
    shown: Arc<Mutex<Vec<String>>>,
}

impl Ground {
    fn new(name: &str) -> Self {
        let folder = std::env::temp_dir().join(format!("ltlm-keys-{name}-{}", std::process::id()));
        let mut config = signer::config();
        (config.storage, config.data_dir) = (StorageKind::User, Some(folder.display().to_string()));
        config.device_id = Some("machine".to_owned());
        Self { folder, config, keys: Arc::default(), shown: Arc::default() }
    }

    fn open(&self) -> Client {
        let parts = Parts::with_key_store(&self.config, Some(self.keys.clone())).unwrap();
        let now_ms = parts.clock.now().wall_ms;
        let transport = Box::new(Noting { shown: self.shown.clone(), now_ms });
        Client::with(&self.config, Parts { transport, ..parts }).unwrap()
    }

    /// The key that the device shows when it activates.
    fn activate(&self) -> String {
        let client = self.open();
        assert_eq!(client.activate(signer::KEY).unwrap(), Status::Active);
        client.close();
        self.shown.lock().unwrap().pop().unwrap()
    }

    /// The format that the state is written in.
    fn format(&self) -> u8 {
        std::fs::read(self.folder.join("state")).unwrap()[4]
    }
}

impl Drop for Ground {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.folder);
    }
}

#[test]
fn a_devices_key_outlives_its_files_where_there_is_a_key_store() {
    let ground = Ground::new("outlives");
    let first = ground.activate();
    std::fs::remove_dir_all(&ground.folder).unwrap();
    assert_eq!(ground.activate(), first, "the server knows the device again");
    let names: Vec<_> = ground.keys.kept.lock().unwrap().keys().cloned().collect();
    assert_eq!(names, [ltlm_client::hwid(&ground.config.project_id, "machine")], "one key, by the device's id");

    // Without one the key is in the files alone.
    let mut without = Ground::new("without");
    without.config.key_store = KeyStoreKind::None;
    let first = without.activate();
    std::fs::remove_dir_all(&without.folder).unwrap();
    assert_ne!(without.activate(), first);
    assert!(without.keys.kept.lock().unwrap().is_empty() && without.format() == 1);
}

#[test]
fn a_locked_key_store_hides_the_license_and_loses_nothing() {
    let ground = Ground::new("locked");
    ground.activate();
    assert_eq!(ground.format(), 2);
    ground.keys.is_locked.store(true, Ordering::Relaxed);
    let client = ground.open();
    assert_eq!(client.load_stored().unwrap_err().code, ErrorCode::NoLicense);
    assert!(client.events().contains(&Event::StorageReadOnly));
    client.close();
    ground.keys.is_locked.store(false, Ordering::Relaxed);
    assert_eq!(ground.open().load_stored().unwrap(), Status::Active);
}

#[test]
fn a_setting_takes_the_key_store_out_of_use_and_back() {
    let mut ground = Ground::new("setting");
    let first = ground.activate();
    for (kind, format) in [(KeyStoreKind::None, 1), (KeyStoreKind::Platform, 2)] {
        ground.config.key_store = kind;
        let client = ground.open();
        assert_eq!(client.load_stored().unwrap(), Status::Active);
        client.refresh().unwrap();
        client.close();
        assert_eq!(ground.format(), format);
    }
    assert_eq!(ground.activate(), first);
}
