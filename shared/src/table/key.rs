//! Keys. The only file that knows key prefixes (a test checks).

use crate::domain::entry::{OperationId, Origin};
use crate::domain::license::LicenseId;
use crate::domain::wallet::WalletId;

/// The primary key of an item.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Key {
    /// Partition key.
    pub pk: String,
    /// Sort key.
    pub sk: String,
}

/// What kind of item a key names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Kind {
    /// A project.
    Project {
        /// Its id.
        id: String,
    },
    /// A secret's pointer to its project.
    Secret {
        /// Hash of the secret.
        hash: String,
    },
    /// A policy.
    Policy {
        /// Its project.
        project_id: String,
        /// Its number.
        number: i64,
    },
    /// A license.
    License(LicenseId),
    /// A wallet.
    Wallet(WalletId),
    /// A device.
    Device(LicenseId, String),
    /// A seat.
    Seat(LicenseId, i64),
    /// User settings.
    Settings(LicenseId),
    /// How far a device's last batch came.
    BatchMemory(LicenseId, String),
    /// A ledger entry.
    Entry(WalletId, OperationId),
    /// An administrator's operation.
    AdminOperation {
        /// Its id.
        id: String,
    },
}

const META: &str = "META";
const PROJECT: &str = "PROJ#";
const SECRET: &str = "SECRET#";
const POLICY: &str = "POL#";
const LICENSE: &str = "LIC#";
const WALLET: &str = "WALLET#tokens";
const DEVICE: &str = "DEV#";
const SEAT: &str = "SEAT#";
const BATCH: &str = "BATCH#";
const SETTINGS: &str = "SETTINGS";
const LEDGER: &str = "LEDGER#";
const ADMIN_OPERATION: &str = "ADMINOP#";
const NUMBER: &str = "NUMBER#";
const DEVICES: &str = "DEVICES#";

fn key(pk: String, sk: impl Into<String>) -> Key {
    Key { pk, sk: sk.into() }
}

/// A project.
pub fn project(id: &str) -> Key {
    key(format!("{PROJECT}{id}"), META)
}

/// A secret's pointer, by the hash of the secret.
pub fn secret(hash: &str) -> Key {
    key(format!("{SECRET}{hash}"), META)
}

/// A policy.
pub fn policy(project_id: &str, number: i64) -> Key {
    key(format!("{PROJECT}{project_id}"), format!("{POLICY}{number}"))
}

/// A license.
pub fn license(id: &LicenseId) -> Key {
    key(license_partition(id), META)
}

/// Everything of a license but its ledger.
pub fn license_partition(id: &LicenseId) -> String {
    format!("{LICENSE}{}", id.0)
}

/// A wallet lies with its owner, apart from the owner's facts: it is the contended item.
pub fn wallet(id: &WalletId) -> Key {
    key(license_partition(&id.0), WALLET)
}

/// User settings.
pub fn settings(license: &LicenseId) -> Key {
    key(license_partition(license), SETTINGS)
}

/// How far a device's last batch came.
pub fn batch_memory(license: &LicenseId, hwid: &str) -> Key {
    key(license_partition(license), format!("{BATCH}{hwid}"))
}

/// A device.
pub fn device(license: &LicenseId, hwid: &str) -> Key {
    key(license_partition(license), format!("{DEVICE}{hwid}"))
}

/// A seat, by its slot.
pub fn seat(license: &LicenseId, slot: i64) -> Key {
    key(license_partition(license), format!("{SEAT}{slot:05}"))
}

/// What the sort keys of all seats begin with.
pub fn seat_prefix() -> &'static str {
    SEAT
}

/// A ledger entry: the operation's id is the key, so that an operation is written once, for ever.
pub fn entry(wallet: &WalletId, operation: &OperationId) -> Key {
    let origin = match operation.origin {
        Origin::Client => "c",
        Origin::Admin => "a",
        Origin::System => "s",
    };
    key(ledger_partition(wallet), format!("{origin}#{}", operation.id))
}

/// A wallet's ledger; also its list's partition in the index.
pub fn ledger_partition(wallet: &WalletId) -> String {
    format!("{LEDGER}{}", wallet.0.0)
}

/// An administrator's operation.
pub fn admin_operation(id: &str) -> Key {
    key(format!("{ADMIN_OPERATION}{id}"), META)
}

/// The counter that numbers things of `kind` (`project`, `policy`, `license`).
pub fn number(kind: &str) -> Key {
    key(format!("{NUMBER}{kind}"), META)
}

/// The index's partition of a license's devices, sorted by [`device_list_sort`].
pub fn device_list(license: &LicenseId) -> String {
    format!("{DEVICES}{}", license.0)
}

/// Where a device stands in its license's list: by activation, in milliseconds.
pub fn device_list_sort(activated_ms: i64) -> String {
    format!("{:015}", activated_ms.max(0))
}

/// Where an entry stands in its wallet's list.
pub fn entry_list_sort(sequence: i64) -> String {
    format!("{sequence:019}")
}

/// What a key names; `None` for a key of no record (a counter).
pub fn parse(pk: &str, sk: &str) -> Option<Kind> {
    if let Some(id) = pk.strip_prefix(PROJECT) {
        return match sk.strip_prefix(POLICY) {
            Some(number) => Some(Kind::Policy { project_id: id.to_owned(), number: number.parse().ok()? }),
            None => (sk == META).then(|| Kind::Project { id: id.to_owned() }),
        };
    }
    if let Some(hash) = pk.strip_prefix(SECRET) {
        return Some(Kind::Secret { hash: hash.to_owned() });
    }
    if let Some(id) = pk.strip_prefix(ADMIN_OPERATION) {
        return Some(Kind::AdminOperation { id: id.to_owned() });
    }
    if let Some(id) = pk.strip_prefix(LEDGER) {
        let (origin, operation) = sk.split_once('#')?;
        let origin = match origin {
            "c" => Origin::Client,
            "a" => Origin::Admin,
            "s" => Origin::System,
            _ => return None,
        };
        let operation = OperationId { origin, id: operation.to_owned() };
        return Some(Kind::Entry(WalletId(LicenseId(id.to_owned())), operation));
    }
    let license = LicenseId(pk.strip_prefix(LICENSE)?.to_owned());
    if let Some(hwid) = sk.strip_prefix(DEVICE) {
        return Some(Kind::Device(license, hwid.to_owned()));
    }
    if let Some(hwid) = sk.strip_prefix(BATCH) {
        return Some(Kind::BatchMemory(license, hwid.to_owned()));
    }
    if let Some(slot) = sk.strip_prefix(SEAT) {
        return Some(Kind::Seat(license, slot.parse().ok()?));
    }
    match sk {
        META => Some(Kind::License(license)),
        SETTINGS => Some(Kind::Settings(license)),
        WALLET => Some(Kind::Wallet(WalletId(license))),
        _ => None,
    }
}
