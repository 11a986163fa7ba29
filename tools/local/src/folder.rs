//! The data folder: one server at a time keeps in it what outlives it.

use std::fs::{File, OpenOptions, TryLockError};
use std::io::{ErrorKind, Write};
use std::path::{Path, PathBuf};

use serde_json::{Value, json};

use crate::changes;
use crate::kms::master_key;

/// The table.
const DATABASE: &str = "ltlm.db";
/// What belongs to it.
const DATABASE_PARTS: [&str; 2] = ["ltlm.db-wal", "ltlm.db-shm"];
/// Keys and secrets of the demo, for people and for `ltlm`.
const DEMO: &str = "demo.json";
/// The key service's master key.
const MASTER_KEY: &str = "kms.key";
/// How far the clock was moved.
const CLOCK: &str = "clock.json";
/// Held by the server that is at work.
const LOCK: &str = "lock";

/// A data folder, held until it is dropped.
#[derive(Debug)]
pub struct DataFolder {
    path: PathBuf,
    _lock: File,
}

/// Why a data folder cannot be used: a sentence for the user.
#[derive(Debug, thiserror::Error)]
pub enum FolderError {
    /// It cannot be created, locked or emptied.
    #[error("Cannot use the data folder {}: {source}.", path.display())]
    Unusable {
        /// The folder.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// Another server is at work in it.
    #[error("Another server is using the data folder {}: stop it, or name another folder with --data.", path.display())]
    InUse {
        /// The folder.
        path: PathBuf,
    },
    /// A file of it cannot be read.
    #[error("Cannot read {}: {source}.", path.display())]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// A file of it cannot be written.
    #[error("Cannot write {}: {source}.", path.display())]
    Unwritable {
        /// The file.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// A file of it does not hold what it should.
    #[error("{} is not {what}; --fresh starts anew.", path.display())]
    Malformed {
        /// The file.
        path: PathBuf,
        /// What it should be.
        what: &'static str,
    },
    /// There is data, and not the key that it was encrypted with.
    #[error("{} is missing, and without it nobody can read what was written before: put it back, or start anew with --fresh.", path.display())]
    KeyMissing {
        /// The file.
        path: PathBuf,
    },
    /// The database is damaged.
    #[error("{} is damaged or no database of this program: put a copy back, or start anew with --fresh.", path.display())]
    Damaged {
        /// The file.
        path: PathBuf,
    },
}

impl DataFolder {
    /// Locks the folder, and creates it if it is missing.
    pub fn open(path: &Path) -> Result<Self, FolderError> {
        let cannot = |source| FolderError::Unusable { path: path.to_owned(), source };
        std::fs::create_dir_all(path).map_err(cannot)?;
        let lock = OpenOptions::new().create(true).truncate(false).write(true).open(path.join(LOCK)).map_err(cannot)?;
        match lock.try_lock() {
            Ok(()) => Ok(Self { path: path.to_owned(), _lock: lock }),
            Err(TryLockError::WouldBlock) => Err(FolderError::InUse { path: path.to_owned() }),
            Err(TryLockError::Error(source)) => Err(cannot(source)),
        }
    }

    /// Forgets what is in it. The database goes first: without the key it would be of no use.
    pub fn empty(&self) -> Result<(), FolderError> {
        for name in [DATABASE].iter().chain(&DATABASE_PARTS).chain(&[DEMO, CLOCK, MASTER_KEY]) {
            match std::fs::remove_file(self.path.join(name)) {
                Err(source) if source.kind() != ErrorKind::NotFound => {
                    return Err(FolderError::Unusable { path: self.path.clone(), source });
                }
                _ => {}
            }
        }
        Ok(())
    }

    /// The database's file.
    pub fn database(&self) -> PathBuf {
        self.path.join(DATABASE)
    }

    /// Refuses a file that is damaged, or that is no database. An empty file is treated as a new database only if no
    /// keys were issued with it yet.
    pub fn check_database(&self) -> Result<(), FolderError> {
        let path = self.database();
        match File::open(&path).and_then(|file| file.metadata()) {
            Err(source) if source.kind() == ErrorKind::NotFound => Ok(()),
            Err(source) => Err(FolderError::Unreadable { path, source }),
            Ok(found) if found.len() == 0 && self.read_demo()?.is_none() => Ok(()),
            Ok(found) if found.len() > 0 && changes::is_whole(&path) => Ok(()),
            Ok(_) => Err(FolderError::Damaged { path }),
        }
    }

    /// The file for keys and secrets.
    pub fn demo(&self) -> PathBuf {
        self.path.join(DEMO)
    }

    /// Keys and secrets that the previous start wrote; `None` at the first start.
    pub fn read_demo(&self) -> Result<Option<Value>, FolderError> {
        let path = self.demo();
        let Some(text) = read(&path)? else { return Ok(None) };
        serde_json::from_str(&text).map(Some).map_err(|_| FolderError::Malformed { path, what: "JSON" })
    }

    /// Tells keys and secrets.
    pub fn write_demo(&self, demo: &Value) -> Result<(), FolderError> {
        write(&self.demo(), &format!("{demo:#}\n"))
    }

    /// The key service's master key: created once, stored so that only the owner can read it. Without it, what it
    /// encrypted stays unreadable, so a new one is not created in that case; `is_external` if the table is not in this
    /// folder.
    pub fn master_key(&self, is_external: bool) -> Result<[u8; 32], FolderError> {
        let path = self.path.join(MASTER_KEY);
        if let Some(text) = read(&path)? {
            let bytes = hex::decode(text.trim()).ok().and_then(|bytes| bytes.try_into().ok());
            return bytes.ok_or(FolderError::Malformed { path, what: "a key of 64 hex digits" });
        }
        // Of a table elsewhere, what was told when it was filled.
        let data = self.path.join(if is_external { DEMO } else { DATABASE });
        if data.try_exists().map_err(|source| FolderError::Unreadable { path: data, source })? {
            return Err(FolderError::KeyMissing { path });
        }
        let key = master_key();
        write(&path, &hex::encode(key))?;
        Ok(key)
    }

    /// How far the clock was moved, in milliseconds.
    pub fn clock_offset(&self) -> Result<i64, FolderError> {
        let path = self.path.join(CLOCK);
        let Some(text) = read(&path)? else { return Ok(0) };
        let kept: Value = serde_json::from_str(&text).unwrap_or_default();
        kept["offsetMilliseconds"].as_i64().ok_or(FolderError::Malformed { path, what: "a clock's offset" })
    }

    /// Keeps it for the next start.
    pub fn keep_clock_offset(&self, ms: i64) -> Result<(), FolderError> {
        write(&self.path.join(CLOCK), &format!("{}\n", json!({ "offsetMilliseconds": ms })))
    }
}

fn read(path: &Path) -> Result<Option<String>, FolderError> {
    match std::fs::read_to_string(path) {
        Ok(text) => Ok(Some(text)),
        Err(source) if source.kind() == ErrorKind::NotFound => Ok(None),
        Err(source) => Err(FolderError::Unreadable { path: path.to_owned(), source }),
    }
}

/// Writes a file that only its owner can read, whole or not at all.
fn write(path: &Path, text: &str) -> Result<(), FolderError> {
    let beside = path.with_extension("new");
    let mut open = OpenOptions::new();
    open.write(true).create(true).truncate(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut open, 0o600);
    let written = open.open(&beside).and_then(|mut file| {
        file.write_all(text.as_bytes())?;
        file.sync_all()?;
        std::fs::rename(&beside, path)
    });
    written.map_err(|source| FolderError::Unwritable { path: path.to_owned(), source })
}
