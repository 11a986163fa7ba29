//! The client's layers in other languages: built and run as their users do, against the local server.

mod c;
mod dotnet;
mod local_server;
mod measure;
mod python;
mod rust;

use std::path::Path;
use std::process::{Command, Stdio};

use crate::Outcome;

pub(crate) use measure::client as measure;

/// What is missing on this machine to test them.
pub(crate) fn missing() -> Option<String> {
    let is_there = |program: &str| {
        let asked = Command::new(program).arg("--version").stdout(Stdio::null()).stderr(Stdio::null()).status();
        asked.is_ok_and(|status| status.success())
    };
    let programs = ["gcc", "g++", "pkg-config", "cmake", "valgrind", "mcs", "mono"];
    let mut absent: Vec<_> = programs.into_iter().filter(|program| !is_there(program)).collect();
    absent.extend(rust::SYSTEMS.into_iter().filter(|system| !rust::has_library_of(system)));
    (!absent.is_empty()).then(|| absent.join(", "))
}

/// Tests all layers with the programs and the library that are built.
pub(crate) fn test(root: &Path) -> Outcome {
    rust::test(root)?;
    c::test(root)?;
    python::test(root)?;
    dotnet::test(root)
}
