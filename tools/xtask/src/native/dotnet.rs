//! C#: compiled and run by Mono, with the snippets of the first client's documents.

use std::path::{Path, PathBuf};
use std::process::Command;

use super::local_server::{LocalServer, bounded};
use crate::{Outcome, run, say};

/// Tests the class with the library that is built.
pub(super) fn test(root: &Path) -> Outcome {
    say("Testing the C# client …");
    let mut server = LocalServer::new(root, "native/dotnet")?;
    let dotnet = server.root.join("clients/dotnet");
    let (library, program) = (server.folder.join("LTLM.dll"), server.folder.join("Tests.exe"));
    let option = |name: &str, path: &Path| format!("-{name}:{}", path.display());
    let compile = |options: &[String], folder: &str| {
        let sources = sources(&dotnet.join(folder))?;
        run(Command::new("mcs").args(["-langversion:latest", "-warnaserror"]).args(options).args(sources))
    };
    let unsafe_library = ["-unsafe".to_owned(), "-target:library".to_owned(), option("out", &library)];
    compile(&unsafe_library, "Runtime")?;
    compile(&[option("reference", &library), option("out", &program)], "Tests")?;
    let (config, key) = (server.device("desk")?, server.text("/licenses/SUB")?);
    let mut tests = bounded("mono");
    tests.arg(program).arg(config).arg(key).arg(dotnet.join("README.md"));
    tests.env("LD_LIBRARY_PATH", server.root.join("target/debug"));
    server.live_through("The C# client", &mut tests, &["the tests of the C# client passed"])
}

/// The C# files of a folder.
fn sources(folder: &Path) -> Result<Vec<PathBuf>, String> {
    let wrong = |error: std::io::Error| format!("{}: {error}.", folder.display());
    let entries = std::fs::read_dir(folder).map_err(wrong)?;
    let paths: Result<Vec<_>, _> = entries.map(|entry| entry.map(|entry| entry.path())).collect();
    let mut paths = paths.map_err(wrong)?;
    paths.retain(|path| path.extension().is_some_and(|extension| extension == "cs"));
    paths.sort();
    Ok(paths)
}
