//! Files that commands write: they are opened before anything is sent, because what is issued cannot be undone if it
//! turns out that the file cannot be written.

use std::fs::{File, OpenOptions};
use std::io::{ErrorKind, Write};
use std::path::{Path, PathBuf};

use crate::commands::Failure;

/// A file that is open and holds what it held before, until it is written.
pub(crate) struct Output {
    path: PathBuf,
    file: File,
    /// It was not there before, and has not been written: it goes again if nothing comes of the command.
    is_unused: bool,
}

impl Output {
    /// Opens the file. Its content stays until [`Output::write`].
    pub(crate) fn open(path: &Path) -> Result<Self, Failure> {
        let opened = match OpenOptions::new().write(true).create_new(true).open(path) {
            Ok(file) => Ok((file, true)),
            Err(error) if error.kind() == ErrorKind::AlreadyExists => {
                OpenOptions::new().write(true).open(path).map(|file| (file, false))
            }
            Err(error) => Err(error),
        };
        let (file, is_unused) = opened
            .map_err(|error| Failure::User(format!("Cannot write {}: {error}. Nothing was sent.", path.display())))?;
        Ok(Self { path: path.to_owned(), file, is_unused })
    }

    /// Replaces the content of the file with `text`. A failure states how to get the same answer again.
    pub(crate) fn write(mut self, text: &str, operation: &str) -> Result<(), Failure> {
        let written = self.replace(text);
        self.is_unused = false;
        written.map_err(|error| {
            Failure::User(format!(
                "Cannot write {}: {error}. Repeated with --operation-id {operation} the command acts no second time.",
                self.path.display()
            ))
        })
    }

    /// Adds `text` to what is written; `first`, in place of what the file held.
    pub(crate) fn append(&mut self, text: &str, first: bool) -> Result<(), Failure> {
        self.is_unused = false;
        let written = if first { self.replace(text) } else { self.file.write_all(text.as_bytes()) };
        written.map_err(|error| {
            Failure::User(format!("Cannot write {}: {error}. The file is not whole.", self.path.display()))
        })
    }

    fn replace(&mut self, text: &str) -> std::io::Result<()> {
        // What is no file of the disk, such as /dev/stdout, has no length to set.
        if self.file.metadata()?.is_file() {
            self.file.set_len(0)?;
        }
        self.file.write_all(text.as_bytes())
    }
}

impl Drop for Output {
    fn drop(&mut self) {
        if self.is_unused {
            let _ = std::fs::remove_file(&self.path);
        }
    }
}
