//! A folder of sealed files: a state with its backup, and one journal of uses for each process.
//!
//! Each file starts with a header: a mark, the format, what the file is for, a tag of the machine, and a salt. Its key follows from
//! what the machine says about itself, from the platform's key store where there is one, and from the salt, so it is the file's own; frames
//! are numbered, and a number is used once.

use std::fs::{self, File, OpenOptions, TryLockError};
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};
use std::time::Duration;

use aes_gcm::aead::{Aead, KeyInit, Payload};
use aes_gcm::{Aes256Gcm, Nonce};
use zeroize::Zeroizing;

use super::chance;
use super::keys::Asked;
use super::storage::{Loaded, Saved, Storage};
use crate::identity::mac;

const MARK: &[u8; 4] = b"LTLM";
/// The format. A version that changes it raises it, and reads what older ones wrote.
const FORMAT: u8 = SEALED_BY_KEY_STORE;
/// The format of files whose key follows from the machine alone.
const SEALED_BY_MACHINE: u8 = 1;
/// The format of files whose key follows from a key store's too.
const SEALED_BY_KEY_STORE: u8 = 2;
const STATE: u8 = b's';
const JOURNAL: u8 = b'j';
const TAG: usize = 8;
const SALT: usize = 16;
const HEADER: usize = MARK.len() + 2 + TAG + SALT;
/// Before each frame: its length and its number.
const FRAME: usize = 4 + 8;
/// Largest frame that is read, in bytes.
const FRAME_MAX: usize = 64 * 1024 * 1024;
/// Unreadable files that are kept of each kind.
const BAD_MAX: usize = 3;
/// Tries to get the lock for writing the state, and the wait between them.
const LOCK_TRIES: u32 = 10;
const LOCK_WAIT: Duration = Duration::from_millis(20);

/// Keeps a client's state in a folder.
///
/// Several processes can use one folder. Locks are tried, and waited for only for a moment, because some network drives
/// hang or report wrong results; without locks, each process works on its own, and every use is still charged once.
pub struct FileStorage {
    folder: PathBuf,
    secret: Zeroizing<[u8; 32]>,
    /// The secret of files that are sealed by a key store, if that gave its key.
    stored_secret: Option<Zeroizing<[u8; 32]>>,
    /// Are files sealed by the key store when they are written?
    is_sealing_by_store: bool,
    names: [String; 2],
    /// The salt of the state as this process saw it last.
    seen: Option<[u8; SALT]>,
    /// The state is one that can be read, so that it may become the backup.
    is_state_good: bool,
    is_read_only: bool,
    /// Do other users of the machine use the folder?
    is_shared: bool,
    journal: Option<Journal>,
    /// Journals of ended processes. They are locked, so that no other process takes them over.
    adopted: Vec<(PathBuf, File)>,
    presence: Option<File>,
}

/// A journal that this process writes.
struct Journal {
    path: PathBuf,
    file: File,
    header: [u8; HEADER],
    key: Zeroizing<[u8; 32]>,
    /// Bytes that are known to be whole.
    length: u64,
    number: u64,
}

/// Why a file gives nothing.
#[derive(Debug, PartialEq, Eq)]
enum Unread {
    Missing,
    /// Of a later version.
    Newer,
    /// Of another machine.
    Foreign,
    /// Sealed by a key that the key store does not give now.
    Locked,
    Bad,
}

impl FileStorage {
    /// A storage in this folder, sealed for the machine that says this about itself.
    pub fn new(folder: impl Into<PathBuf>, project_id: &str, source: &str) -> Self {
        let secret = Zeroizing::new(mac(b"ltlm-storage-1", &[project_id.as_bytes(), source.as_bytes()]));
        Self {
            folder: folder.into(),
            secret,
            stored_secret: None,
            is_sealing_by_store: false,
            names: [project_id.to_owned(), source.to_owned()],
            seen: None,
            is_state_good: false,
            is_read_only: false,
            is_shared: false,
            journal: None,
            adopted: Vec::new(),
            presence: None,
        }
    }

    /// For the folder's group too, or for this user alone: as it is unless this says otherwise.
    pub fn shared(self, is_shared: bool) -> Self {
        Self { is_shared, ..self }
    }

    /// Reads what is sealed by a key store's key, and seals by it from now on, if `is_sealing`.
    pub(super) fn sealed_by(mut self, asked: &Asked, is_sealing: bool) -> Self {
        if let Asked::Key(key) = asked {
            let [project_id, source] = &self.names;
            let parts: [&[u8]; 3] = [b"ltlm-storage-2", project_id.as_bytes(), source.as_bytes()];
            self.stored_secret = Some(Zeroizing::new(mac(&**key, &parts)));
            self.is_sealing_by_store = is_sealing;
        }
        self
    }

    /// Does the folder hold a state that a key store's key sealed?
    pub(super) fn is_sealed_by_key_store(&self) -> bool {
        let is_it = |name: &str| {
            let mut start = [0; MARK.len() + 1];
            let read = File::open(self.folder.join(name)).and_then(|mut file| file.read_exact(&mut start));
            read.is_ok() && start.starts_with(MARK) && start[MARK.len()] == SEALED_BY_KEY_STORE
        };
        is_it("state") || is_it("state.bak")
    }

    /// The secret of files of a format.
    fn secret(&self, format: u8) -> Result<&[u8; 32], Unread> {
        match format {
            SEALED_BY_KEY_STORE => self.stored_secret.as_deref().ok_or(Unread::Locked),
            _ => Ok(&self.secret),
        }
    }

    /// The format of files that are written.
    fn format(&self) -> u8 {
        if self.is_sealing_by_store { SEALED_BY_KEY_STORE } else { SEALED_BY_MACHINE }
    }

    /// A text that identifies a machine without an id of its own: generated once, and stored in the folder.
    pub fn source_in(folder: impl AsRef<Path>, is_shared: bool) -> Option<String> {
        let folder = folder.as_ref();
        make_folder(folder, is_shared).ok()?;
        let path = folder.join("source");
        let read = || fs::read_to_string(&path).ok().map(|text| text.trim().to_owned()).filter(|text| text.len() == 32);
        if let Some(text) = read() {
            return Some(text);
        }
        let text = hex::encode(chance::bytes::<16>()?);
        // Whole or not at all: another process may draw at this moment, and the first one counts.
        let new = folder.join(format!("source.new-{text}"));
        let written = create(&new, is_shared).and_then(|mut file| {
            file.write_all(text.as_bytes())?;
            file.sync_all()
        });
        let linked = written.and_then(|()| fs::hard_link(&new, &path).or_else(|_| copy_if_absent(&new, &path)));
        let _ = fs::remove_file(&new);
        read().or_else(|| linked.ok().map(|()| text))
    }

    /// A header, and the key of its file.
    fn header(&self, purpose: u8) -> io::Result<([u8; HEADER], Zeroizing<[u8; 32]>)> {
        let format = self.format();
        let secret = self.secret(format).map_err(|_| io::Error::other("no key"))?;
        let salt: [u8; SALT] = chance::bytes().ok_or_else(|| io::Error::other("no chance"))?;
        let mut header = [0; HEADER];
        let parts: [&[u8]; 4] = [MARK, &[format, purpose], &tag(secret), &salt];
        let mut rest = &mut header[..];
        for part in parts {
            rest.write_all(part)?;
        }
        Ok((header, key(secret, &salt)))
    }

    /// The header and the whole frames of a file, oldest first; and whether all of it could be read.
    fn frames(&self, bytes: &[u8], purpose: u8) -> Result<(Vec<Vec<u8>>, bool), Unread> {
        let (header, mut rest) = bytes.split_at_checked(HEADER).ok_or(Unread::Bad)?;
        let (mark, facts) = header.split_at(MARK.len());
        if mark != MARK || facts[1] != purpose {
            return Err(Unread::Bad);
        }
        if facts[0] > FORMAT {
            return Err(Unread::Newer);
        }
        let secret = self.secret(facts[0])?;
        if facts[2..2 + TAG] != tag(secret) {
            return Err(Unread::Foreign);
        }
        let key = key(secret, &header[HEADER - SALT..]);
        let (mut frames, mut last) = (Vec::new(), None);
        while !rest.is_empty() {
            let frame = next_frame(&key, header, rest);
            let Some((number, plain, after)) = frame.filter(|(number, ..)| last.is_none_or(|last| *number > last))
            else {
                return Ok((frames, false));
            };
            frames.push(plain);
            (last, rest) = (Some(number), after);
        }
        Ok((frames, true))
    }

    fn read_state(&self, name: &str) -> Result<(Vec<u8>, [u8; SALT]), Unread> {
        let bytes = fs::read(self.folder.join(name)).map_err(|error| match error.kind() {
            io::ErrorKind::NotFound => Unread::Missing,
            _ => Unread::Bad,
        })?;
        let (mut frames, _) = self.frames(&bytes, STATE)?;
        let mut salt = [0; SALT];
        salt.copy_from_slice(&bytes[HEADER - SALT..HEADER]);
        let state = if frames.is_empty() { None } else { Some(frames.swap_remove(0)) };
        state.map(|state| (state, salt)).ok_or(Unread::Bad)
    }

    /// Renames a file out of the way. A few are kept.
    fn put_aside(&self, name: &str, kind: &str) {
        let numbered = |number: usize| self.folder.join(format!("{name}.{kind}-{number}"));
        let free = (1..=BAD_MAX).map(numbered).find(|path| !path.exists());
        let target = free.unwrap_or_else(|| {
            for number in 1..BAD_MAX {
                let _ = fs::rename(numbered(number + 1), numbered(number));
            }
            numbered(BAD_MAX)
        });
        let _ = fs::rename(self.folder.join(name), target);
    }

    /// Opens and locks the journals without a writer; returns their records.
    fn adopt(&mut self, loaded: &mut Loaded) {
        let Ok(entries) = fs::read_dir(&self.folder) else { return };
        let is_journal = |name: &str| {
            let hex = name.strip_prefix("uses-");
            hex.is_some_and(|hex| !hex.is_empty() && hex.bytes().all(|b| b.is_ascii_hexdigit()))
        };
        let names = entries.filter_map(|entry| entry.ok()?.file_name().into_string().ok());
        let mut names: Vec<_> = names.filter(|name| is_journal(name)).collect();
        names.sort();
        for name in names {
            let path = self.folder.join(&name);
            let Ok(mut file) = OpenOptions::new().read(true).write(true).open(&path) else { continue };
            let locked = file.try_lock();
            if matches!(locked, Err(TryLockError::WouldBlock)) {
                continue;
            }
            let mut bytes = Vec::new();
            if file.read_to_end(&mut bytes).is_err() {
                continue;
            }
            match self.frames(&bytes, JOURNAL) {
                // What is torn at its end was not answered for.
                Ok((frames, _)) => {
                    loaded.journal.extend(frames);
                    // Without locks its process may live: it is read, and never removed.
                    if locked.is_ok() {
                        self.adopted.push((path, file));
                    }
                }
                Err(Unread::Newer | Unread::Locked) => {}
                Err(Unread::Foreign) => {
                    drop(file);
                    self.put_aside(&name, "moved");
                    loaded.is_moved = true;
                }
                // A process that died before its first record leaves a header or less.
                Err(_) if bytes.len() <= HEADER => drop(fs::remove_file(&path)),
                Err(_) => {
                    drop(file);
                    self.put_aside(&name, "bad");
                    loaded.is_recovered = true;
                }
            }
        }
    }

    fn writable(&self) -> io::Result<()> {
        match self.is_read_only {
            true => Err(io::Error::other("nothing can be written")),
            false => Ok(()),
        }
    }

    fn new_journal(&self) -> io::Result<Journal> {
        let (header, key) = self.header(JOURNAL)?;
        let name: [u8; 8] = chance::bytes().ok_or_else(|| io::Error::other("no chance"))?;
        let path = self.folder.join(format!("uses-{}", hex::encode(name)));
        let mut file = create(&path, self.is_shared)?;
        let _ = file.try_lock();
        file.write_all(&header)?;
        Ok(Journal { path, file, header, key, length: HEADER as u64, number: 0 })
    }

    fn write_state(&mut self, state: &[u8]) -> io::Result<()> {
        let (header, key) = self.header(STATE)?;
        let mut salt = [0; SALT];
        salt.copy_from_slice(&header[HEADER - SALT..]);
        let mut bytes = header.to_vec();
        bytes.extend(sealed(&key, &header, 0, state)?);
        let new = self.folder.join(format!("state.new-{}", hex::encode(salt)));
        let written = create(&new, self.is_shared).and_then(|mut file| {
            file.write_all(&bytes)?;
            file.sync_all()
        });
        let (path, backup) = (self.folder.join("state"), self.folder.join("state.bak"));
        let replaced = written.and_then(|()| {
            // What cannot be read never takes a good backup's place.
            if self.is_state_good && path.exists() {
                let second = self.folder.join("state.bak.new");
                let _ = fs::remove_file(&second);
                if fs::hard_link(&path, &second).or_else(|_| fs::copy(&path, &second).map(drop)).is_ok() {
                    let _ = fs::rename(&second, &backup);
                }
            }
            fs::rename(&new, &path)
        });
        if let Err(error) = replaced {
            let _ = fs::remove_file(&new);
            return Err(error);
        }
        sync_folder(&self.folder);
        (self.seen, self.is_state_good) = (Some(salt), true);
        Ok(())
    }
}

impl Journal {
    fn append(&mut self, record: &[u8]) -> io::Result<()> {
        self.number += 1;
        let frame = sealed(&self.key, &self.header, self.number, record)?;
        if let Err(error) = self.file.write_all(&frame) {
            // What was written of it must not hide what comes after.
            self.file.set_len(self.length)?;
            io::Seek::seek(&mut self.file, io::SeekFrom::Start(self.length))?;
            return Err(error);
        }
        self.length += frame.len() as u64;
        Ok(())
    }
}

/// What a header states about the secret that seals its file.
fn tag(secret: &[u8; 32]) -> [u8; TAG] {
    let mut tag = [0; TAG];
    tag.copy_from_slice(&mac(secret, &[b"tag"])[..TAG]);
    tag
}

/// The key of a file.
fn key(secret: &[u8; 32], salt: &[u8]) -> Zeroizing<[u8; 32]> {
    Zeroizing::new(mac(secret, &[b"file", salt]))
}

/// Holds the folder's lock while what it gives is kept; `None` where there are no locks.
pub(super) fn hold_lock(folder: &Path) -> Option<File> {
    make_folder(folder, false).ok()?;
    let lock = lock_file(&folder.join("lock"), false).ok()?;
    lock.lock().ok()?;
    Some(lock)
}

/// A frame: length, number, cipher text.
fn sealed(key: &[u8; 32], header: &[u8; HEADER], number: u64, plain: &[u8]) -> io::Result<Vec<u8>> {
    let cipher = Aes256Gcm::new(key.into()).encrypt(&nonce(number), Payload { msg: plain, aad: header });
    let cipher = cipher.map_err(|_| io::Error::other("too large"))?;
    let length = u32::try_from(cipher.len()).map_err(|_| io::Error::other("too large"))?;
    Ok([&length.to_le_bytes()[..], &number.to_le_bytes(), &cipher].concat())
}

fn nonce(number: u64) -> Nonce<aes_gcm::aead::consts::U12> {
    let mut bytes = [0; 12];
    bytes[..8].copy_from_slice(&number.to_le_bytes());
    bytes.into()
}

/// The number and the text of the first frame, and what comes after it; `None` if it is not whole.
fn next_frame<'a>(key: &[u8; 32], header: &[u8], bytes: &'a [u8]) -> Option<(u64, Vec<u8>, &'a [u8])> {
    let (facts, rest) = bytes.split_at_checked(FRAME)?;
    let length = u32::from_le_bytes(facts[..4].try_into().ok()?) as usize;
    let number = u64::from_le_bytes(facts[4..].try_into().ok()?);
    let (cipher, after) = rest.split_at_checked(length).filter(|_| length <= FRAME_MAX)?;
    let plain = Aes256Gcm::new(key.into()).decrypt(&nonce(number), Payload { msg: cipher, aad: header });
    plain.ok().map(|plain| (number, plain, after))
}

/// How files are opened for writing: for this user alone, or for the folder's group.
fn writing(is_shared: bool) -> OpenOptions {
    let mut options = OpenOptions::new();
    options.write(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, if is_shared { 0o660 } else { 0o600 });
    // What the system has in place of modes is inherited from the folder.
    let _ = is_shared;
    options
}

/// A new file.
fn create(path: &Path, is_shared: bool) -> io::Result<File> {
    let file = writing(is_shared).create_new(true).open(path)?;
    share(path, is_shared, 0o660);
    Ok(file)
}

/// A file that processes lock, and that nothing is written to.
fn lock_file(path: &Path, is_shared: bool) -> io::Result<File> {
    match writing(is_shared).create_new(true).open(path) {
        Ok(file) => {
            share(path, is_shared, 0o660);
            Ok(file)
        }
        Err(_) => writing(is_shared).open(path),
    }
}

/// Gives the group what the process's mask took from it.
fn share(path: &Path, is_shared: bool, mode: u32) {
    #[cfg(unix)]
    if is_shared {
        let _ = fs::set_permissions(path, std::os::unix::fs::PermissionsExt::from_mode(mode));
    }
    #[cfg(not(unix))]
    let _ = (path, is_shared, mode);
}

fn make_folder(folder: &Path, is_shared: bool) -> io::Result<()> {
    if folder.is_dir() {
        return Ok(());
    }
    let mut builder = fs::DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, if is_shared { 0o770 } else { 0o700 });
    builder.create(folder)?;
    // Files in it belong to its group, whoever writes them.
    share(folder, is_shared, 0o2770);
    Ok(())
}

/// Where there are no hard links: the same, with a moment in which two processes may both write.
fn copy_if_absent(from: &Path, to: &Path) -> io::Result<()> {
    if to.exists() { Ok(()) } else { fs::copy(from, to).map(drop) }
}

/// Makes renames in the folder survive a loss of power, if the system can.
fn sync_folder(folder: &Path) {
    if let Ok(folder) = File::open(folder) {
        let _ = folder.sync_all();
    }
}

impl Storage for FileStorage {
    fn load(&mut self) -> Loaded {
        let mut loaded = Loaded::default();
        if make_folder(&self.folder, self.is_shared).is_err() {
            self.is_read_only = true;
            loaded.is_read_only = true;
            return loaded;
        }
        let presence = lock_file(&self.folder.join("presence"), self.is_shared);
        self.presence = presence.ok().inspect(|file| drop(file.try_lock_shared()));
        let mut found = self.read_state("state");
        if found == Err(Unread::Foreign) {
            for name in ["state", "state.bak"] {
                self.put_aside(name, "moved");
            }
            (loaded.is_moved, found) = (true, Err(Unread::Missing));
        }
        if found == Err(Unread::Bad) {
            self.put_aside("state", "bad");
            loaded.is_recovered = true;
        }
        // Without a state, but with a backup: it was bad, or the process died between two renames.
        let is_state_good = found.is_ok();
        let found = found.or_else(|unread| match unread {
            Unread::Newer | Unread::Locked => Err(unread),
            _ => self.read_state("state.bak"),
        });
        if matches!(found, Err(Unread::Newer | Unread::Locked)) {
            (self.is_read_only, loaded.is_read_only) = (true, true);
            return loaded;
        }
        if let Ok((state, salt)) = found {
            self.seen = is_state_good.then_some(salt);
            self.is_state_good = is_state_good;
            loaded.state = Some(state);
        }
        self.adopt(&mut loaded);
        loaded
    }

    fn save(&mut self, state: &[u8]) -> io::Result<Saved> {
        self.writable()?;
        let lock = lock_file(&self.folder.join("lock"), self.is_shared)?;
        for _ in 0..LOCK_TRIES {
            match lock.try_lock() {
                Err(TryLockError::WouldBlock) => std::thread::sleep(LOCK_WAIT),
                // Held, or there are no locks here.
                _ => break,
            }
        }
        if let Ok((theirs, salt)) = self.read_state("state")
            && self.seen != Some(salt)
        {
            (self.seen, self.is_state_good) = (Some(salt), true);
            return Ok(Saved::Elsewhere(theirs));
        }
        self.write_state(state).map(|()| Saved::Written)
    }

    fn append(&mut self, record: &[u8]) -> io::Result<()> {
        self.writable()?;
        let journal = match self.journal.take() {
            Some(journal) => self.journal.insert(journal),
            None => {
                let journal = self.new_journal()?;
                self.journal.insert(journal)
            }
        };
        let appended = journal.append(record);
        if appended.is_err() {
            // The next record starts a journal of its own; this one is read to its last whole frame.
            if let Some(Journal { path, file, .. }) = self.journal.take() {
                self.adopted.push((path, file));
            }
        }
        appended
    }

    fn flush(&mut self) -> io::Result<()> {
        self.journal.as_ref().map_or(Ok(()), |journal| journal.file.sync_data())
    }

    fn compact(&mut self, records: &[Vec<u8>]) -> io::Result<()> {
        self.writable()?;
        let mut new = None;
        if !records.is_empty() {
            let mut journal = self.new_journal()?;
            for record in records {
                journal.append(record)?;
            }
            journal.file.sync_all()?;
            sync_folder(&self.folder);
            new = Some(journal);
        }
        let old = std::mem::replace(&mut self.journal, new);
        let old = old.map(|journal| (journal.path, journal.file));
        for (path, file) in self.adopted.drain(..).chain(old) {
            drop(file);
            let _ = fs::remove_file(path);
        }
        Ok(())
    }

    fn set_aside(&mut self) -> io::Result<()> {
        for name in ["state", "state.bak"] {
            self.put_aside(name, "moved");
        }
        let old = self.journal.take().map(|journal| (journal.path, journal.file));
        let old: Vec<_> = self.adopted.drain(..).chain(old).collect();
        for (path, file) in old {
            drop(file);
            if let Some(name) = path.file_name().and_then(|name| name.to_str()) {
                self.put_aside(name, "moved");
            }
        }
        (self.seen, self.is_state_good) = (None, false);
        Ok(())
    }

    fn is_last(&mut self) -> bool {
        let Some(presence) = self.presence.take() else { return true };
        let _ = presence.unlock();
        !matches!(presence.try_lock(), Err(TryLockError::WouldBlock))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Folder(PathBuf);

    impl Folder {
        fn new(name: &str) -> Self {
            let name = format!("ltlm-client-{name}-{}", hex::encode(chance::bytes::<8>().unwrap()));
            Self(std::env::temp_dir().join(name))
        }

        fn storage(&self) -> FileStorage {
            FileStorage::new(&self.0, "prj_1", "machine")
        }

        fn names(&self, start: &str) -> Vec<String> {
            let names = fs::read_dir(&self.0).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap());
            let mut names: Vec<_> = names.filter(|name| name.starts_with(start)).collect();
            names.sort();
            names
        }
    }

    impl Drop for Folder {
        fn drop(&mut self) {
            let _ = fs::remove_dir_all(&self.0);
        }
    }

    fn written(saved: io::Result<Saved>) -> bool {
        matches!(saved, Ok(Saved::Written))
    }

    #[test]
    fn what_is_kept_is_read_again_and_sealed() {
        let folder = Folder::new("kept");
        let mut first = folder.storage();
        assert!(first.load().state.is_none());
        assert!(written(first.save(b"state one")) && written(first.save(b"state two")));
        for record in [&b"use one"[..], b"use two"] {
            first.append(record).unwrap();
        }
        first.flush().unwrap();
        drop(first);
        for name in folder.names("") {
            let bytes = fs::read(folder.0.join(name)).unwrap();
            assert!(!bytes.windows(3).any(|three| three == b"two" || three == b"one"));
        }
        let mut second = folder.storage();
        let loaded = second.load();
        assert_eq!(loaded.state.as_deref(), Some(&b"state two"[..]));
        assert_eq!(loaded.journal, [b"use one", b"use two"]);
        second.append(b"done").unwrap();
        drop(second);
        let mut third = folder.storage();
        assert_eq!(third.load().journal.len(), 3);
        third.compact(&[b"use two".to_vec()]).unwrap();
        assert_eq!(folder.names("uses-").len(), 1);
        drop(third);
        let mut fourth = folder.storage();
        assert_eq!(fourth.load().journal, [b"use two"]);
        fourth.compact(&[]).unwrap();
        assert_eq!(folder.names("uses-").len(), 0);
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt;
            let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
            assert_eq!((mode(&folder.0), mode(&folder.0.join("state"))), (0o700, 0o600));
        }
    }

    #[test]
    fn c72_a_file_that_is_torn_at_any_byte_leaves_the_backup_or_a_prefix() {
        let folder = Folder::new("torn");
        let mut storage = folder.storage();
        storage.load();
        assert!(written(storage.save(b"first")) && written(storage.save(b"second")));
        for number in 0..3 {
            storage.append(format!("use {number}").as_bytes()).unwrap();
        }
        drop(storage);
        let (state, backup) =
            (fs::read(folder.0.join("state")).unwrap(), fs::read(folder.0.join("state.bak")).unwrap());
        let name = folder.names("uses-").remove(0);
        let journal = fs::read(folder.0.join(&name)).unwrap();
        let restore = || {
            fs::write(folder.0.join("state"), &state).unwrap();
            fs::write(folder.0.join("state.bak"), &backup).unwrap();
            fs::write(folder.0.join(&name), &journal).unwrap();
        };
        for length in 0..state.len() {
            restore();
            fs::write(folder.0.join("state"), &state[..length]).unwrap();
            let loaded = folder.storage().load();
            assert_eq!((loaded.state.as_deref(), loaded.is_recovered), (Some(&b"first"[..]), true), "{length}");
        }
        assert_eq!(folder.names("state.bad-").len(), BAD_MAX);
        for place in 0..state.len() {
            restore();
            let mut bytes = state.clone();
            bytes[place] ^= 0x10;
            fs::write(folder.0.join("state"), bytes).unwrap();
            // Another format, purpose or machine is what it says it is; anything else is bad.
            let loaded = folder.storage().load();
            assert!(loaded.is_recovered || loaded.is_read_only || loaded.is_moved, "{place}");
            assert_ne!(loaded.state.as_deref(), Some(&b"second"[..]));
        }
        for length in 0..journal.len() {
            restore();
            fs::write(folder.0.join(&name), &journal[..length]).unwrap();
            let loaded = folder.storage().load();
            let expected: Vec<_> = (0..3).map(|number| format!("use {number}").into_bytes()).collect();
            assert!(expected.starts_with(&loaded.journal), "{length}");
            assert!(loaded.journal.len() < 3 && loaded.state.is_some());
        }
        // Both are torn: nothing is left, and the client starts.
        fs::write(folder.0.join("state"), b"x").unwrap();
        fs::write(folder.0.join("state.bak"), b"y").unwrap();
        let mut storage = folder.storage();
        assert!(storage.load().state.is_none() && written(storage.save(b"third")));
    }

    #[test]
    fn a_torn_state_does_not_take_the_backups_place() {
        let folder = Folder::new("rotate");
        let mut storage = folder.storage();
        storage.load();
        assert!(written(storage.save(b"first")) && written(storage.save(b"second")));
        drop(storage);
        fs::write(folder.0.join("state"), b"torn").unwrap();
        let mut storage = folder.storage();
        assert_eq!(storage.load().state.as_deref(), Some(&b"first"[..]));
        assert!(written(storage.save(b"third")));
        assert_eq!(storage.read_state("state.bak").unwrap().0, b"first");
    }

    #[test]
    fn c73_where_nothing_can_be_written_it_says_so() {
        let folder = Folder::new("file");
        fs::write(&folder.0, b"a file, and no folder").unwrap();
        let mut storage = FileStorage::new(folder.0.join("inside"), "prj_1", "machine");
        assert!(storage.load().is_read_only);
        assert!(storage.save(b"state").is_err() && storage.append(b"use").is_err() && storage.compact(&[]).is_err());
        assert_eq!(FileStorage::source_in(folder.0.join("inside"), false), None);
        fs::remove_file(&folder.0).unwrap();
    }

    #[test]
    fn c74_processes_of_one_folder_see_what_the_others_wrote() {
        let folder = Folder::new("two");
        let (mut a, mut b) = (folder.storage(), folder.storage());
        a.load();
        b.load();
        assert!(written(a.save(b"of a")));
        let saved = b.save(b"of b");
        assert!(matches!(saved, Ok(Saved::Elsewhere(theirs)) if theirs == b"of a"));
        assert!(written(b.save(b"of both")));
        assert!(matches!(a.save(b"of a again"), Ok(Saved::Elsewhere(theirs)) if theirs == b"of both"));
        a.append(b"use of a").unwrap();
        b.append(b"use of b").unwrap();
        let mut c = folder.storage();
        assert!(c.load().journal.is_empty(), "they live");
        assert!(!c.is_last());
        drop(a);
        let mut d = folder.storage();
        assert_eq!(d.load().journal, [b"use of a"]);
        assert!(!d.is_last());
        drop(c);
        assert!(b.is_last());
    }

    #[test]
    fn c75_c76_files_of_another_machine_are_set_aside_and_those_of_a_later_version_left() {
        let folder = Folder::new("moved");
        let mut here = folder.storage();
        here.load();
        assert!(written(here.save(b"state")));
        here.append(b"use").unwrap();
        drop(here);
        let mut there = FileStorage::new(&folder.0, "prj_1", "another machine");
        let loaded = there.load();
        assert!(loaded.is_moved && loaded.state.is_none() && loaded.journal.is_empty());
        assert!(written(there.save(b"state of there")));
        drop(there);
        assert_eq!((folder.names("state.moved-").len(), folder.names("uses-").len()), (1, 1));
        let mut bytes = fs::read(folder.0.join("state")).unwrap();
        bytes[MARK.len()] = FORMAT + 1;
        fs::write(folder.0.join("state"), &bytes).unwrap();
        let mut older = FileStorage::new(&folder.0, "prj_1", "another machine");
        let loaded = older.load();
        assert!(loaded.is_read_only && !loaded.is_moved && older.save(b"mine").is_err());
        assert_eq!(fs::read(folder.0.join("state")).unwrap(), bytes);
    }

    #[test]
    fn c78_a_machine_without_an_id_gets_one_that_stays() {
        let (one, two) = (Folder::new("one"), Folder::new("two"));
        let first = FileStorage::source_in(&one.0, false).unwrap();
        assert_eq!(FileStorage::source_in(&one.0, false), Some(first.clone()));
        assert_ne!(FileStorage::source_in(&two.0, false), Some(first));
    }

    /// The mask of the process that runs the tests is the usual one, which removes the group's write permission.
    #[cfg(unix)]
    #[test]
    fn a_shared_folder_is_for_its_group_and_for_nobody_else() {
        use std::os::unix::fs::PermissionsExt;
        let folder = Folder::new("shared");
        let mut storage = folder.storage().shared(true);
        storage.load();
        assert!(written(storage.save(b"state")));
        storage.append(b"use").unwrap();
        FileStorage::source_in(&folder.0, true).unwrap();
        let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o7777;
        assert_eq!(mode(&folder.0), 0o2770);
        let names = folder.names("");
        assert!(names.len() >= 5, "{names:?}");
        for name in names {
            assert_eq!(mode(&folder.0.join(&name)), 0o660, "{name}");
        }
        // A folder that the installer made keeps what it was given.
        fs::set_permissions(&folder.0, fs::Permissions::from_mode(0o750)).unwrap();
        folder.storage().shared(true).load();
        assert_eq!(mode(&folder.0), 0o750);
    }

    fn keyed(folder: &Folder, asked: &Asked, is_sealing: bool) -> FileStorage {
        folder.storage().sealed_by(asked, is_sealing)
    }

    #[test]
    fn what_a_key_store_sealed_needs_its_key_and_waits_for_it() {
        let folder = Folder::new("keyed");
        let asked = Asked::Key(Zeroizing::new([7; 32]));
        // What was written without one is read, and sealed by it from then on.
        let mut before = folder.storage();
        before.load();
        assert!(written(before.save(b"by the machine")));
        before.append(b"use one").unwrap();
        drop(before);
        assert!(!folder.storage().is_sealed_by_key_store());
        let mut storage = keyed(&folder, &asked, true);
        let loaded = storage.load();
        assert_eq!((loaded.state.as_deref(), loaded.journal.len()), (Some(&b"by the machine"[..]), 1));
        assert!(written(storage.save(b"by the store")));
        storage.append(b"use two").unwrap();
        drop(storage);
        assert!(folder.storage().is_sealed_by_key_store());

        // The store is locked: nothing is told, and nothing is touched.
        let bytes = fs::read(folder.0.join("state")).unwrap();
        for mut locked in [folder.storage(), keyed(&folder, &Asked::Unavailable, true)] {
            let loaded = locked.load();
            assert!(loaded.is_read_only && !loaded.is_moved && !loaded.is_recovered && loaded.state.is_none());
            assert!(locked.save(b"another").is_err() && locked.append(b"use").is_err());
        }
        assert_eq!(fs::read(folder.0.join("state")).unwrap(), bytes);

        let mut again = keyed(&folder, &asked, true);
        let loaded = again.load();
        assert_eq!((loaded.state.as_deref(), loaded.journal.len()), (Some(&b"by the store"[..]), 2));
        drop(again);

        // A configuration that wants no store any more reads what one sealed.
        let mut back = keyed(&folder, &asked, false);
        assert_eq!(back.load().state.as_deref(), Some(&b"by the store"[..]));
        assert!(written(back.save(b"by the machine again")));
        drop(back);
        assert_eq!(folder.storage().load().state.as_deref(), Some(&b"by the machine again"[..]));
    }

    #[test]
    fn files_without_the_key_of_their_store_are_anothers() {
        let folder = Folder::new("lost");
        let mut storage = keyed(&folder, &Asked::Key(Zeroizing::new([7; 32])), true);
        storage.load();
        assert!(written(storage.save(b"state")));
        drop(storage);
        let mut other = keyed(&folder, &Asked::Key(Zeroizing::new([8; 32])), true);
        let loaded = other.load();
        assert!(loaded.is_moved && loaded.state.is_none() && written(other.save(b"anew")));
        assert_eq!(folder.names("state.moved-").len(), 1);
    }
}
