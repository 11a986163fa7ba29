//! A key that the platform keeps for its user: files are sealed with it, and the device's key follows from it.

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

use zeroize::Zeroizing;

use super::chance;
use super::files::hold_lock;
use crate::identity::mac;

/// How long a key store is waited for: some ask their user.
const PATIENCE: Duration = Duration::from_secs(2);

/// Why a key store gives nothing: it is locked, asks its user, or is broken. It may give the key another time.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the key store is not available")]
pub struct KeyStoreUnavailable;

/// Keeps keys for the user of the machine. It is asked at the start of a client, in a thread of its own, and waited for two seconds at most.
pub trait KeyStore: Send + Sync {
    /// The key of this name; `None` if the store has none for certain.
    fn load(&self, name: &str) -> Result<Option<Zeroizing<Vec<u8>>>, KeyStoreUnavailable>;

    /// Keeps a key under this name, which has none yet. When this returns, the key survives the process.
    fn save(&self, name: &str, key: &[u8]) -> Result<(), KeyStoreUnavailable>;
}

/// What a key store came to.
pub(super) enum Asked {
    /// The key.
    Key(Zeroizing<[u8; 32]>),
    /// There is one, or there may be one, that cannot be had now.
    Unavailable,
}

impl Asked {
    /// The seed of a device's key that survives the loss of the files.
    pub(super) fn device_seed(&self) -> Option<Zeroizing<[u8; 32]>> {
        match self {
            Self::Key(key) => Some(Zeroizing::new(mac(&**key, &[b"ltlm-device-1"]))),
            Self::Unavailable => None,
        }
    }
}

/// Asks a key store for the key of this name. One that has none is given a new one: by one process at a time, with the help of a lock in
/// the folder.
pub(super) fn ask(store: Arc<dyn KeyStore>, name: String, folder: Option<PathBuf>) -> Asked {
    let (reply, wait) = mpsc::channel();
    let asking = thread::Builder::new().name("ltlm".to_owned()).spawn(move || {
        // Whoever asked may have gone.
        let _ = reply.send(found(&*store, &name, folder));
    });
    let found = asking.ok().and_then(|_| wait.recv_timeout(PATIENCE).ok());
    found.flatten().map_or(Asked::Unavailable, Asked::Key)
}

fn found(store: &dyn KeyStore, name: &str, folder: Option<PathBuf>) -> Option<Zeroizing<[u8; 32]>> {
    // Of another length it is somebody else's, and stays.
    let load =
        || store.load(name).map(|key| key.map(|key| <[u8; 32]>::try_from(key.as_slice()).ok().map(Zeroizing::new)));
    if let Some(key) = load().ok()? {
        return key;
    }
    let _lock = folder.and_then(|folder| hold_lock(&folder));
    if let Some(key) = load().ok()? {
        return key;
    }
    let key = Zeroizing::new(chance::bytes()?);
    store.save(name, &*key).ok()?;
    Some(key)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeMap;
    use std::sync::Mutex;

    /// A key store of the test's own: the platforms' are on other systems than the tests.
    #[derive(Default)]
    struct Kept {
        keys: Mutex<BTreeMap<String, Vec<u8>>>,
        is_locked: bool,
        hangs: bool,
    }

    impl KeyStore for Kept {
        fn load(&self, name: &str) -> Result<Option<Zeroizing<Vec<u8>>>, KeyStoreUnavailable> {
            if self.hangs {
                thread::sleep(Duration::from_secs(3_600));
            }
            if self.is_locked {
                return Err(KeyStoreUnavailable);
            }
            Ok(self.keys.lock().unwrap().get(name).cloned().map(Zeroizing::new))
        }

        fn save(&self, name: &str, key: &[u8]) -> Result<(), KeyStoreUnavailable> {
            // Long enough for another process to come in between, if it could.
            thread::sleep(Duration::from_millis(20));
            self.keys.lock().unwrap().insert(name.to_owned(), key.to_vec());
            Ok(())
        }
    }

    fn key(asked: &Asked) -> Option<[u8; 32]> {
        match asked {
            Asked::Key(key) => Some(**key),
            Asked::Unavailable => None,
        }
    }

    #[test]
    fn a_key_is_made_once_and_found_again() {
        let store = Arc::new(Kept::default());
        let ask = |name: &str| ask(store.clone(), name.to_owned(), None);
        let first = ask("a");
        assert!(key(&first).is_some() && key(&ask("a")) == key(&first) && key(&ask("b")) != key(&first));
        let seed = first.device_seed().unwrap();
        assert!(*seed != key(&first).unwrap() && *ask("a").device_seed().unwrap() == *seed);
    }

    #[test]
    fn what_is_locked_hangs_or_is_anothers_gives_nothing_and_is_left() {
        let locked = Arc::new(Kept { is_locked: true, ..Kept::default() });
        assert!(key(&ask(locked.clone(), "a".to_owned(), None)).is_none() && locked.keys.lock().unwrap().is_empty());
        let hanging = Arc::new(Kept { hangs: true, ..Kept::default() });
        assert!(matches!(ask(hanging, "a".to_owned(), None), Asked::Unavailable));
        let other = Arc::new(Kept::default());
        other.save("a", b"short").unwrap();
        let asked = ask(other.clone(), "a".to_owned(), None);
        assert!(asked.device_seed().is_none() && other.keys.lock().unwrap()["a"] == b"short");
    }

    #[test]
    fn processes_that_start_at_once_get_one_key() {
        let folder = std::env::temp_dir().join(format!("ltlm-keys-{}", std::process::id()));
        std::fs::create_dir_all(&folder).unwrap();
        let store = Arc::new(Kept::default());
        let threads: Vec<_> = (0..4)
            .map(|_| {
                let (store, folder) = (store.clone(), folder.clone());
                thread::spawn(move || key(&ask(store, "a".to_owned(), Some(folder))))
            })
            .collect();
        let keys: Vec<_> = threads.into_iter().map(|thread| thread.join().unwrap()).collect();
        std::fs::remove_dir_all(&folder).unwrap();
        assert!(keys[0].is_some() && keys.iter().all(|key| *key == keys[0]), "{keys:?}");
    }
}
