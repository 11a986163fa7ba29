//! The engine's table of changes, which its stream is read from.
//!
//! The engine looks up the highest number of a change with each write and keeps every change permanently. Its interface
//! provides its SQLite connection before a database is served, which is enough for both remedies: an index for that
//! look-up, stored in the database itself, and the removal of delivered changes.

use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use dynoxide::storage::Storage;
use dynoxide::{Database, DynoxideError};

/// Creates the index if it is missing. A database without it is new, or was written by a version that followed only
/// what happened after its start; the changes in it are not delivered.
const INDEX_IS_THERE: &str =
    "SELECT EXISTS (SELECT 1 FROM sqlite_master WHERE type = 'index' AND name = '_ltlm_changes')";
const MAKE_INDEX: &str = "BEGIN IMMEDIATE;
    DELETE FROM _stream_records;
    CREATE INDEX _ltlm_changes ON _stream_records (table_name, CAST(sequence_number AS INTEGER));
    COMMIT;";
/// Removes the oldest changes of a table.
const REMOVE_OLDEST: &str = "DELETE FROM _stream_records WHERE id IN (
    SELECT id FROM _stream_records WHERE table_name = ?1 ORDER BY CAST(sequence_number AS INTEGER) LIMIT ?2)";

/// Opens the database in a file.
pub(crate) fn in_file(path: &Path) -> Result<Database, DynoxideError> {
    let path = path.to_string_lossy();
    indexed(&path)?;
    Database::new(&path)
}

/// Is what is in a file a database, and a whole one? SQLite reads all of it for the answer.
pub(crate) fn is_whole(path: &Path) -> bool {
    let checked = Storage::new(&path.to_string_lossy()).and_then(|storage| {
        Ok(storage.conn().query_row("PRAGMA quick_check(1)", [], |row| row.get::<_, String>(0))?)
    });
    checked.is_ok_and(|found| found == "ok")
}

/// Creates a database in memory.
pub(crate) fn in_memory() -> Result<Database, DynoxideError> {
    static MADE: AtomicU64 = AtomicU64::new(0);
    // A database in memory cannot be opened twice, but can be filled from another one: here from an empty one with the index,
    // which SQLite keeps in memory too, for as long as it is open.
    let empty = format!("file:/ltlm-{}?vfs=memdb", MADE.fetch_add(1, Ordering::Relaxed));
    let _open = indexed(&empty)?;
    let database = Database::memory()?;
    database.restore_from(&empty)?;
    Ok(database)
}

fn indexed(place: &str) -> Result<Storage, DynoxideError> {
    let storage = Storage::new(place)?;
    let is_there: bool = storage.conn().query_row(INDEX_IS_THERE, [], |row| row.get(0))?;
    if !is_there {
        storage.conn().execute_batch(MAKE_INDEX)?;
    }
    Ok(storage)
}

/// A second connection to the engine's database, over which changes are read and removed.
#[derive(Clone)]
pub struct Changes(Arc<Mutex<Storage>>);

impl Changes {
    /// Opens the database in a file that the engine created.
    pub fn open(path: &Path) -> Result<Self, DynoxideError> {
        Ok(Self(Arc::new(Mutex::new(Storage::new(&path.to_string_lossy())?))))
    }

    /// Removes the `count` oldest changes of a table. It waits for the engine's writes, so not on a thread that serves others.
    pub fn remove_oldest(&self, table: &str, count: usize) -> Result<(), DynoxideError> {
        self.lock().conn().execute(REMOVE_OLDEST, (table, count))?;
        Ok(())
    }

    /// How many changes of a table are there.
    pub fn count(&self, table: &str) -> Result<u64, DynoxideError> {
        let count = "SELECT COUNT(*) FROM _stream_records WHERE table_name = ?1";
        Ok(self.lock().conn().query_row(count, [table], |row| row.get(0))?)
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Storage> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl std::fmt::Debug for Changes {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Changes")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The engine's own look-ups, as its pinned version writes them.
    const LOOK_UPS: [&str; 2] = [
        "SELECT COALESCE(MAX(CAST(sequence_number AS INTEGER)), 0) + 1 FROM _stream_records WHERE table_name = 't'",
        "SELECT event_name FROM _stream_records WHERE table_name = 't' AND shard_id = 's' \
         AND CAST(sequence_number AS INTEGER) > 1 ORDER BY CAST(sequence_number AS INTEGER) ASC LIMIT 9",
    ];

    struct Folder(std::path::PathBuf);

    impl Folder {
        fn new(name: &str) -> Self {
            let path = std::env::temp_dir().join(format!("ltlm-changes-{name}-{}", std::process::id()));
            let _ = std::fs::remove_dir_all(&path);
            std::fs::create_dir_all(&path).unwrap();
            Self(path)
        }

        fn file(&self, name: &str) -> String {
            self.0.join(name).to_string_lossy().into_owned()
        }
    }

    impl Drop for Folder {
        fn drop(&mut self) {
            let _ = std::fs::remove_dir_all(&self.0);
        }
    }

    fn plan(storage: &Storage, sql: &str) -> String {
        let explain = format!("EXPLAIN QUERY PLAN {sql}");
        storage.conn().query_row(&explain, [], |row| row.get(3)).unwrap()
    }

    fn record(storage: &Storage, from: i64, to: i64) {
        for number in from..to {
            storage.insert_stream_record("t", "INSERT", "{}", None, None, &number.to_string(), "s", 0).unwrap();
        }
    }

    #[test]
    fn the_engine_finds_the_number_of_a_change_by_an_index() {
        let folder = Folder::new("index");
        let bare = Storage::new(&folder.file("bare.db")).unwrap();
        assert!(!plan(&bare, LOOK_UPS[0]).contains("INDEX"), "the engine has its own index now: this module can go");

        let (file, copy) = (folder.file("file.db"), folder.file("copy.db"));
        drop(in_file(Path::new(&file)).unwrap());
        in_memory().unwrap().vacuum_into(&copy).unwrap();
        for place in [file, copy] {
            let storage = Storage::new(&place).unwrap();
            for sql in LOOK_UPS {
                let plan = plan(&storage, sql);
                assert!(plan.starts_with("SEARCH") && plan.contains("_ltlm_changes"), "{place}: {plan}");
            }
        }
    }

    #[test]
    fn a_database_of_an_earlier_version_opens_and_owes_nobody_its_changes() {
        let folder = Folder::new("earlier");
        let path = folder.file("ltlm.db");
        let earlier = Storage::new(&path).unwrap();
        record(&earlier, 1, 50);
        drop(earlier);
        let database = in_file(Path::new(&path)).unwrap();
        let changes = Changes::open(Path::new(&path)).unwrap();
        assert_eq!(changes.count("t").unwrap(), 0);
        // What comes from now on stays over the next start, a kill included: nobody has taken it.
        record(&Storage::new(&path).unwrap(), 50, 60);
        drop((database, changes));
        let _database = in_file(Path::new(&path)).unwrap();
        assert_eq!(Changes::open(Path::new(&path)).unwrap().count("t").unwrap(), 10);
    }

    #[test]
    fn taken_changes_are_removed_oldest_first() {
        let folder = Folder::new("taken");
        let path = folder.file("ltlm.db");
        let _database = in_file(Path::new(&path)).unwrap();
        let storage = Storage::new(&path).unwrap();
        // As text, 10 comes before 9.
        record(&storage, 8, 12);
        let changes = Changes::open(Path::new(&path)).unwrap();
        changes.remove_oldest("t", 2).unwrap();
        let left = storage.get_stream_records("t", "s", 0, 10).unwrap();
        assert_eq!(left.iter().map(|record| record.sequence_number.as_str()).collect::<Vec<_>>(), ["10", "11"]);
        changes.remove_oldest("another", 2).unwrap();
        assert_eq!(changes.count("t").unwrap(), 2);
    }
}
