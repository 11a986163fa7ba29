//! Where a client's state is kept.

use std::io;

/// What was kept.
#[derive(Debug, Default)]
pub struct Loaded {
    /// The state.
    pub state: Option<Vec<u8>>,
    /// The records of all journals that no other process holds.
    pub journal: Vec<Vec<u8>>,
    /// It was another machine's, and is set aside.
    pub is_moved: bool,
    /// Something could not be read, and was set aside.
    pub is_recovered: bool,
    /// Nothing can be written.
    pub is_read_only: bool,
}

/// What became of a state that was to be written.
#[derive(Debug)]
pub enum Saved {
    /// It is written.
    Written,
    /// Another process wrote this one in the meantime. Nothing is written.
    Elsewhere(Vec<u8>),
}

/// Keeps a state and a journal. What it returns from is kept, unless it says so.
pub trait Storage: Send {
    /// What is kept. Called once, before anything else.
    fn load(&mut self) -> Loaded;

    /// Writes the state in place of the last one: all of it or nothing, also if the power fails.
    fn save(&mut self, state: &[u8]) -> io::Result<Saved>;

    /// Adds a record to the journal. It is kept if the process dies now.
    fn append(&mut self, record: &[u8]) -> io::Result<()>;

    /// Makes the journal survive a loss of power.
    fn flush(&mut self) -> io::Result<()>;

    /// Rewrites the journal: with all of these records, or not at all.
    fn compact(&mut self, records: &[Vec<u8>]) -> io::Result<()>;

    /// Sets aside what is kept.
    fn set_aside(&mut self) -> io::Result<()>;

    /// Does no other process use this storage? Called when the client closes; from then on this process does not count.
    fn is_last(&mut self) -> bool;
}

/// Keeps nothing beyond the process.
#[derive(Debug, Default)]
pub struct MemoryStorage;

impl Storage for MemoryStorage {
    fn load(&mut self) -> Loaded {
        Loaded::default()
    }

    fn save(&mut self, _: &[u8]) -> io::Result<Saved> {
        Ok(Saved::Written)
    }

    fn append(&mut self, _: &[u8]) -> io::Result<()> {
        Ok(())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }

    fn compact(&mut self, _: &[Vec<u8>]) -> io::Result<()> {
        Ok(())
    }

    fn set_aside(&mut self) -> io::Result<()> {
        Ok(())
    }

    fn is_last(&mut self) -> bool {
        true
    }
}
