//! C and C++: the examples by pkg-config and CMake, and the cases of the interface with every access to memory watched.

use std::ffi::OsStr;
use std::net::TcpListener;
use std::path::Path;
use std::process::{Command, Stdio};

use super::local_server::{LocalServer, bounded, life};
use crate::{Outcome, run, say};

/// How often each of four threads uses a token; less where every instruction is watched.
const USES: &str = "2000";
const USES_WATCHED: &str = "25";
/// What a compiler may not find fault with.
const STRICT: [&str; 5] = ["-Wall", "-Wextra", "-Werror", "-pedantic", "-g"];

/// Tests the layers of C and C++ with the library that is built.
pub(super) fn test(root: &Path) -> Outcome {
    say("Testing the C and C++ clients …");
    let mut server = LocalServer::new(root, "native/c")?;
    let c = server.root.join("clients/c");
    let (folder, debug) = (server.folder.clone(), server.root.join("target/debug"));
    let prefix = folder.join("prefix");
    run(Command::new(c.join("install.sh")).args([&prefix, &debug]))?;
    let packages = prefix.join("lib/pkgconfig");
    let flags = |options: &[&str]| -> Result<Vec<String>, String> {
        let output = Command::new("pkg-config").args(options).arg("ltlm").env("PKG_CONFIG_PATH", &packages).output();
        let output = output.map_err(|error| format!("Cannot run pkg-config: {error}."))?;
        Ok(String::from_utf8_lossy(&output.stdout).split_whitespace().map(str::to_owned).collect())
    };
    let library = prefix.join("lib");
    let found = format!("-Wl,-rpath,{}", library.display());
    let shared = flags(&["--cflags", "--libs"])?;
    let out = |name: &str| folder.join(name);
    let compile = |compiler: &str, source: &str, name: &str, options: &[&str], libraries: &[String]| {
        let (source, program) = (c.join(source), out(name));
        run(Command::new(compiler)
            .args(STRICT)
            .args(options)
            .args([source.as_os_str(), OsStr::new("-o"), program.as_os_str()])
            .args(libraries)
            .args([found.as_str(), "-lpthread"]))
        .map_err(|why| format!("{}: {why}", c.join("tests").display()))
        .map(|()| program)
    };

    // The examples; the one in C++ with the static library.
    let desk = compile("gcc", "examples/desk.c", "desk-c", &["-std=gnu11"], &shared)?;
    let mut whole = flags(&["--cflags"])?;
    whole.push(library.join("libltlm.a").display().to_string());
    whole.extend(flags(&["--libs", "--static"])?.into_iter().filter(|flag| flag != "-lltlm"));
    let desk_static = compile("g++", "examples/desk.cpp", "desk-cpp", &["-std=c++17"], &whole)?;
    let key = server.text("/licenses/SUB")?;
    let mut tokens = 100;
    let config = server.device("desk")?;
    for program in [desk, desk_static] {
        let expected = life(tokens);
        let name = program.display().to_string();
        server.live_through(
            &name,
            bounded(program).arg(&config).arg(&key),
            &expected.each_ref().map(String::as_str),
        )?;
        tokens -= 5;
    }
    cmake(&folder, &c, &prefix)?;

    // More than the cases use: what overdraws a license too far is not charged.
    server.vendor(&["licenses", "tokens", &key, "20000", "--reason", "test"])?;
    // The cases, under AddressSanitizer and under valgrind.
    let silent = TcpListener::bind("127.0.0.1:0").map_err(|error| format!("No port is free: {error}."))?;
    let silent = silent.local_addr().map(|address| (format!("http://{address}"), silent));
    let (silent, _listens) = silent.map_err(|error| error.to_string())?;
    let config = server.config()?.to_string();
    let plain = compile("gcc", "tests/cases.c", "cases", &["-std=gnu11"], &shared)?;
    let watched = ["-std=gnu11", "-fsanitize=address,undefined", "-fno-sanitize-recover=all"];
    let watched = compile("gcc", "tests/cases.c", "cases-watched", &watched, &shared)?;
    let cases = |command: &mut Command, uses: &str| {
        let data = folder.join("cases-data");
        let config = config.strip_suffix('}').unwrap_or_default();
        run(command.args([config, &key]).arg(data).args([&silent, uses]))
            .map_err(|why| format!("The cases of the C interface failed: {why}"))
    };
    cases(&mut bounded(&watched), USES)?;
    let mut valgrind = bounded("valgrind");
    valgrind
        .args([
            "--quiet",
            "--error-exitcode=9",
            "--leak-check=full",
            "--show-leak-kinds=definite",
            "--errors-for-leak-kinds=definite",
        ])
        .arg(&plain);
    cases(&mut valgrind, USES_WATCHED)
}

/// Builds the examples by what CMake finds under a prefix.
fn cmake(folder: &Path, c: &Path, prefix: &Path) -> Outcome {
    let build = folder.join("cmake");
    let flag = format!("-DCMAKE_PREFIX_PATH={}", prefix.display());
    run(Command::new("cmake").arg("-S").arg(c.join("examples")).arg("-B").arg(&build).arg(flag).stdout(Stdio::null()))?;
    run(Command::new("cmake").arg("--build").arg(&build).stdout(Stdio::null()))
}
