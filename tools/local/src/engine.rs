//! The embedded DynamoDB engine, on a thread of its own because it blocks its workers, spoken to over loopback HTTP.
//!
//! The engine numbers each change of its stream one above the highest number that it finds in its table of changes, and it has
//! no index for that. `changes.rs` gives it one, so that a write costs the same after a million others.

use std::net::{Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};

use dynoxide::Database;
use tokio::net::TcpListener;
use tokio::sync::oneshot;

use crate::changes::{self, Changes};

/// Where the engine keeps its data.
#[derive(Clone, Copy, Debug)]
pub enum Storage<'a> {
    /// In memory, gone with the process.
    Memory,
    /// In this file, which survives a kill: every commit is synced.
    File(&'a Path),
}

/// A running engine; it stops when dropped.
#[derive(Debug)]
pub struct Engine {
    endpoint: String,
    file: Option<PathBuf>,
    _stop: oneshot::Sender<()>,
}

/// Why the engine does not start.
#[derive(Debug, thiserror::Error)]
#[error("the embedded engine cannot use {place}: {reason}")]
pub struct EngineError {
    place: String,
    reason: String,
}

impl Engine {
    /// Starts an engine.
    pub async fn start(storage: Storage<'_>) -> Result<Self, EngineError> {
        let (place, file, database) = match storage {
            Storage::Memory => ("memory".to_owned(), None, changes::in_memory()),
            Storage::File(path) => (path.display().to_string(), Some(path.to_owned()), changes::in_file(path)),
        };
        let failed = |reason: String| EngineError { place, reason };
        let database = match database {
            Ok(database) => database,
            Err(error) => return Err(failed(error.to_string())),
        };
        let (started, address) = oneshot::channel();
        let (stop, stopped) = oneshot::channel::<()>();
        std::thread::spawn(move || run(database, started, stopped));
        match address.await {
            Ok(Ok(address)) => Ok(Self { endpoint: format!("http://{address}"), file, _stop: stop }),
            Ok(Err(reason)) => Err(failed(reason)),
            Err(_) => Err(failed("its thread ended".to_owned())),
        }
    }

    /// Its URL.
    pub fn endpoint(&self) -> &str {
        &self.endpoint
    }

    /// The undelivered changes, for the reader of the stream; `None` in memory, where all changes stay.
    pub fn changes(&self) -> Result<Option<Changes>, EngineError> {
        let Some(file) = &self.file else { return Ok(None) };
        let failed = |error: dynoxide::DynoxideError| EngineError {
            place: file.display().to_string(),
            reason: error.to_string(),
        };
        Changes::open(file).map(Some).map_err(failed)
    }
}

fn run(database: Database, started: oneshot::Sender<Result<SocketAddr, String>>, stopped: oneshot::Receiver<()>) {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build();
    let runtime = match runtime {
        Ok(runtime) => runtime,
        Err(error) => {
            let _ = started.send(Err(error.to_string()));
            return;
        }
    };
    runtime.block_on(async {
        let bound = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))
            .await
            .and_then(|listener| Ok((listener.local_addr()?, listener)));
        match bound {
            Err(error) => {
                let _ = started.send(Err(error.to_string()));
            }
            Ok((address, listener)) => {
                let _ = started.send(Ok(address));
                tokio::select! {
                    () = dynoxide::server::serve_on(listener, database) => {}
                    _ = stopped => {}
                }
            }
        }
    });
    runtime.shutdown_background();
}
