//! The platform's key store and the machine's id, where reading a file is not enough.

use std::sync::Arc;

use super::keys::KeyStore;

/// The platform's key store, if there is a suitable one: a secret of this user on this machine, which survives restarts
/// and needs no interaction.
///
/// | system | store |
/// |---|---|
/// | Windows | the Credential Manager, a generic credential of this machine alone |
/// | macOS | the login keychain, a generic password |
/// | others | none: the kernel's keyring forgets at a restart, and a Secret Service is on desktops only |
pub(super) fn key_store() -> Option<Arc<dyn KeyStore>> {
    #[cfg(any(windows, target_os = "macos"))]
    return Some(Arc::new(store::Platform));
    #[cfg(not(any(windows, target_os = "macos")))]
    None
}

/// What the platform says about the machine: `MachineGuid` of Windows, in its 64-bit view, and the platform's UUID of macOS.
pub(super) fn machine_id() -> Option<String> {
    #[cfg(any(windows, target_os = "macos"))]
    return machine_uid::get().ok().map(|text| text.trim().to_owned());
    #[cfg(not(any(windows, target_os = "macos")))]
    None
}

/// The prefix of entry names, besides the device's id.
#[cfg(any(windows, target_os = "macos"))]
const SERVICE: &str = "LTLM license";

#[cfg(windows)]
mod store {
    use std::collections::HashMap;

    use keyring_core::api::CredentialStoreApi;
    use keyring_core::{Entry, Error};
    use windows_native_keyring_store::Store;
    use zeroize::Zeroizing;

    use super::SERVICE;
    use crate::runtime::keys::{KeyStore, KeyStoreUnavailable};

    /// The Credential Manager.
    pub(super) struct Platform;

    fn entry(name: &str) -> Result<Entry, KeyStoreUnavailable> {
        let store = Store::new().map_err(|_| KeyStoreUnavailable)?;
        // It must not follow the user to other machines.
        let facts = HashMap::from([("persistence", "Local")]);
        store.build(SERVICE, name, Some(&facts)).map_err(|_| KeyStoreUnavailable)
    }

    impl KeyStore for Platform {
        fn load(&self, name: &str) -> Result<Option<Zeroizing<Vec<u8>>>, KeyStoreUnavailable> {
            match entry(name)?.get_secret() {
                Ok(key) => Ok(Some(Zeroizing::new(key))),
                Err(Error::NoEntry) => Ok(None),
                Err(_) => Err(KeyStoreUnavailable),
            }
        }

        fn save(&self, name: &str, key: &[u8]) -> Result<(), KeyStoreUnavailable> {
            entry(name)?.set_secret(key).map_err(|_| KeyStoreUnavailable)
        }
    }
}

#[cfg(target_os = "macos")]
mod store {
    use security_framework::passwords::{PasswordOptions, generic_password, set_generic_password};
    use zeroize::Zeroizing;

    use super::SERVICE;
    use crate::runtime::keys::{KeyStore, KeyStoreUnavailable};

    /// `errSecItemNotFound`.
    const NOT_FOUND: i32 = -25_300;

    /// The login keychain.
    pub(super) struct Platform;

    impl KeyStore for Platform {
        fn load(&self, name: &str) -> Result<Option<Zeroizing<Vec<u8>>>, KeyStoreUnavailable> {
            match generic_password(PasswordOptions::new_generic_password(SERVICE, name)) {
                Ok(key) => Ok(Some(Zeroizing::new(key))),
                Err(error) if error.code() == NOT_FOUND => Ok(None),
                Err(_) => Err(KeyStoreUnavailable),
            }
        }

        fn save(&self, name: &str, key: &[u8]) -> Result<(), KeyStoreUnavailable> {
            set_generic_password(SERVICE, name, key).map_err(|_| KeyStoreUnavailable)
        }
    }
}
