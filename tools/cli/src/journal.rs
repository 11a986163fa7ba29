//! The progress of a command that processes a file, written next to the file line by line. An interrupted command
//! continues from it with the same operation id, and a command that was forgotten half-way is not started a second time
//! by mistake.

use std::collections::BTreeSet;
use std::fs::{File, OpenOptions, TryLockError};
use std::io::{ErrorKind, Read, Write};
use std::path::{Path, PathBuf};

use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use crate::commands::Failure;

/// What a journal belongs to.
pub(crate) struct Work<'a> {
    /// The file that is gone through.
    pub(crate) input: &'a Path,
    /// Where it is sent.
    pub(crate) deployment: &'a str,
    /// What is to be done, and with what: all that another run must have in common.
    pub(crate) order: Value,
    /// How many lines there are.
    pub(crate) lines: usize,
}

/// The journal of a command under way, locked against a second one.
pub(crate) struct Journal {
    path: PathBuf,
    file: File,
    operation: String,
    done: BTreeSet<usize>,
}

impl Work<'_> {
    /// Where its journal is.
    fn journal(&self) -> PathBuf {
        let mut name = self.input.as_os_str().to_owned();
        name.push(".journal");
        PathBuf::from(name)
    }

    fn fingerprint(&self) -> String {
        hex::encode(Sha256::digest(self.order.to_string().as_bytes()))
    }

    /// Can a journal be written next to the input? Not if the input is no file of the disk, such as /dev/stdin.
    fn is_kept(&self) -> bool {
        std::fs::metadata(self.input).is_ok_and(|found| found.is_file())
    }

    /// Begins a journal, in a dry run none. What an earlier command left is not written over.
    pub(crate) fn begin(&self, operation: &str, is_dry_run: bool) -> Result<Option<Journal>, Failure> {
        if !self.is_kept() {
            return Ok(None);
        }
        let path = self.journal();
        if is_dry_run {
            return match path.exists() {
                true => Err(self.is_left(&path)),
                false => Ok(None),
            };
        }
        let mut file = match OpenOptions::new().read(true).append(true).create_new(true).open(&path) {
            Ok(file) => file,
            Err(error) if error.kind() == ErrorKind::AlreadyExists => return Err(self.is_left(&path)),
            Err(error) => return Err(user(format!("Cannot write {}: {error}. Nothing was sent.", path.display()))),
        };
        lock(&file, &path)?;
        let head = json!({"journal": 1, "operationId": operation, "deployment": self.deployment,
            "input": self.fingerprint(), "lines": self.lines});
        file.write_all(format!("{head}\n").as_bytes())
            .map_err(|error| user(format!("Cannot write {}: {error}. Nothing was sent.", path.display())))?;
        Ok(Some(Journal { path, file, operation: operation.to_owned(), done: BTreeSet::new() }))
    }

    /// Continues with the journal of an earlier command. Its operation id is used; a different one that was `given` is
    /// refused.
    pub(crate) fn resume(&self, given: Option<&str>) -> Result<Journal, Failure> {
        let path = self.journal();
        let mut file = match OpenOptions::new().read(true).append(true).open(&path) {
            Ok(file) => file,
            Err(error) if error.kind() == ErrorKind::NotFound => {
                return Err(user(format!("There is no {} to go on from: leave --resume out.", path.display())));
            }
            Err(error) => return Err(user(format!("Cannot open {}: {error}.", path.display()))),
        };
        lock(&file, &path)?;
        let mut text = String::new();
        file.read_to_string(&mut text).map_err(|error| user(format!("Cannot read {}: {error}.", path.display())))?;
        let (operation, done) = self.read(&path, &text)?;
        if given.is_some_and(|given| given != operation) {
            return Err(user(format!(
                "{} is of operation {operation}: leave --operation-id out, or name that one.",
                path.display()
            )));
        }
        // The process may have died within a line: that line is not done, and the next one begins behind it.
        if !text.ends_with('\n') {
            file.write_all(b"\n").map_err(|error| user(format!("Cannot write {}: {error}.", path.display())))?;
        }
        Ok(Journal { path, file, operation, done })
    }

    /// Reads a journal, if it is this work's.
    fn read(&self, path: &Path, text: &str) -> Result<(String, BTreeSet<usize>), Failure> {
        let mut lines = text.lines().map(|line| serde_json::from_str::<Value>(line).unwrap_or_default());
        let head = lines.next().filter(|head| head["journal"] == 1).unwrap_or_default();
        let Some(operation) = head["operationId"].as_str() else {
            return Err(user(format!(
                "{} cannot be read as a journal. Remove it, and give the operation id that was told to --operation-id.",
                path.display()
            )));
        };
        let anew =
            format!("remove the journal and begin anew with --operation-id {operation}, which does nothing twice");
        if head["deployment"] != self.deployment {
            return Err(user(format!(
                "{} is of another deployment, {}: go on there, or {anew}.",
                path.display(),
                head["deployment"]
            )));
        }
        if head["input"] != self.fingerprint().as_str() {
            return Err(user(format!(
                "{}, or what is to be done with it, has changed since {} was begun: change it back, or {anew}.",
                self.input.display(),
                path.display()
            )));
        }
        let done = lines.filter_map(|line| usize::try_from(line["done"].as_u64()?).ok());
        Ok((operation.to_owned(), done.collect()))
    }

    fn is_left(&self, path: &Path) -> Failure {
        user(format!(
            "{} is there: an earlier command did not come to the end of {}. Go on where it stopped with --resume, or remove \
             the journal to begin anew.",
            path.display(),
            self.input.display()
        ))
    }
}

impl Journal {
    /// The operation's id.
    pub(crate) fn operation(&self) -> &str {
        &self.operation
    }

    /// Is this line done?
    pub(crate) fn is_done(&self, line: usize) -> bool {
        self.done.contains(&line)
    }

    /// Notes that it is.
    pub(crate) fn note(&mut self, line: usize) -> Result<(), Failure> {
        let text = format!("{}\n", json!({ "done": line }));
        self.file.write_all(text.as_bytes()).map_err(|error| {
            user(format!(
                "Cannot write {}: {error}. With --resume the command goes on, and does nothing twice.",
                self.path.display()
            ))
        })?;
        self.done.insert(line);
        Ok(())
    }

    /// Removes it: all is done.
    pub(crate) fn finish(self) -> Result<(), Failure> {
        std::fs::remove_file(&self.path)
            .map_err(|error| user(format!("All is done, but {} cannot be removed: {error}.", self.path.display())))
    }
}

fn lock(file: &File, path: &Path) -> Result<(), Failure> {
    match file.try_lock() {
        Ok(()) => Ok(()),
        Err(TryLockError::WouldBlock) => {
            Err(user(format!("Another command is at work on {}: wait until it ends.", path.display())))
        }
        Err(TryLockError::Error(error)) => Err(user(format!("Cannot lock {}: {error}.", path.display()))),
    }
}

fn user(sentence: String) -> Failure {
    Failure::User(sentence)
}
