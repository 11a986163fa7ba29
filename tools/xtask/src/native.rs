//! The client's layers in C and C++: built and run as their users do, against the local server.

use std::ffi::OsStr;
use std::io::{BufRead, BufReader, Write};
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use serde_json::{Value, json};

use crate::{Outcome, fuzz, run, say};

/// How often each of four threads uses a token; less where every instruction is watched.
const USES: &str = "2000";
const USES_WATCHED: &str = "25";
/// What a compiler may not find fault with.
const STRICT: [&str; 5] = ["-Wall", "-Wextra", "-Werror", "-pedantic", "-g"];

/// What is missing on this machine to test them.
pub(crate) fn missing() -> Option<String> {
    let is_there = |program: &str| {
        let asked = Command::new(program).arg("--version").stdout(Stdio::null()).stderr(Stdio::null()).status();
        asked.is_ok_and(|status| status.success())
    };
    let programs = ["gcc", "g++", "pkg-config", "cmake", "valgrind"];
    let absent: Vec<_> = programs.into_iter().filter(|program| !is_there(program)).collect();
    (!absent.is_empty()).then(|| absent.join(", "))
}

/// A local server that can be stopped and started again where it was, and what it told of itself.
pub(crate) struct Ground {
    root: PathBuf,
    pub(crate) folder: PathBuf,
    port: String,
    server: Option<fuzz::Server>,
    demo: Value,
}

impl Ground {
    /// In a folder of that name in `target`, which is emptied.
    pub(crate) fn new(root: &Path, name: &str) -> Result<Self, String> {
        let root = std::path::absolute(root).map_err(|error| error.to_string())?;
        let folder = root.join("target").join(name);
        let wrong = |error: std::io::Error| format!("{}: {error}.", folder.display());
        if folder.exists() {
            std::fs::remove_dir_all(&folder).map_err(wrong)?;
        }
        std::fs::create_dir_all(&folder).map_err(wrong)?;
        // A port that is free now, so that it is the same after a stop.
        let free = TcpListener::bind("127.0.0.1:0").and_then(|listener| listener.local_addr());
        let port = free.map_err(|error| format!("No port is free: {error}."))?.port().to_string();
        let mut ground = Self { root, folder, port, server: None, demo: Value::Null };
        ground.start()?;
        let path = ground.folder.join("server/demo.json");
        let told = std::fs::read_to_string(&path).map_err(|error| format!("{}: {error}.", path.display()))?;
        ground.demo = serde_json::from_str(&told).map_err(|error| format!("{}: {error}.", path.display()))?;
        Ok(ground)
    }

    fn start(&mut self) -> Outcome {
        self.server = Some(fuzz::start_with(&self.root, &self.folder.join("server"), &["--port", &self.port])?);
        Ok(())
    }

    fn text(&self, pointer: &str) -> Result<String, String> {
        let text = self.demo.pointer(pointer).and_then(Value::as_str);
        text.map(str::to_owned).ok_or(format!("demo.json has no {pointer}."))
    }

    fn config(&self) -> Result<Value, String> {
        Ok(json!({
            "baseUrl": self.text("/baseUrl")?, "projectId": self.text("/projectId")?,
            "projectSecret": self.text("/projectSecret")?, "publicKeys": [self.text("/publicKeyPem")?],
            "appVersion": "1.0.0",
        }))
    }

    /// A file with the configuration of a device of its own.
    pub(crate) fn device(&self, name: &str) -> Result<PathBuf, String> {
        let mut config = self.config()?;
        config["dataDir"] = self.folder.join(name).display().to_string().into();
        config["deviceId"] = name.into();
        let path = self.folder.join(format!("{name}.json"));
        std::fs::write(&path, format!("{config:#}\n")).map_err(|error| format!("{}: {error}.", path.display()))?;
        Ok(path)
    }

    /// Runs the vendor's command line.
    pub(crate) fn vendor(&self, words: &[&str]) -> Outcome {
        let demo = self.folder.join("server/demo.json");
        let mut command = Command::new(self.root.join("target/debug/ltlm"));
        run(command.arg("--local").arg(demo).args(words).stdout(Stdio::null()).stderr(Stdio::null()))
    }

    /// Runs a program that asks for the server to be stopped and started again, and holds what it told to what has to be.
    pub(crate) fn live_through(&mut self, command: &mut Command, told: &[&str]) -> Outcome {
        let name = command.get_program().display().to_string();
        let wrong = |error: std::io::Error| format!("{name}: {error}.");
        let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().map_err(wrong)?;
        let (Some(mut keyboard), Some(screen)) = (child.stdin.take(), child.stdout.take()) else {
            return Err(format!("{name} has no standard input and output."));
        };
        let mut seen = String::new();
        for line in BufReader::new(screen).lines() {
            let line = line.map_err(wrong)?;
            match line.as_str() {
                "Stop the server, and press Enter." => self.server = None,
                "Start the server, and press Enter." => self.start()?,
                _ => {}
            }
            if line.ends_with("press Enter.") {
                keyboard.write_all(b"\n").map_err(wrong)?;
            }
            seen.push_str(&line);
            seen.push('\n');
        }
        let status = child.wait().map_err(wrong)?;
        let absent = told.iter().find(|text| !seen.contains(**text));
        match absent {
            None if status.success() => Ok(()),
            _ => Err(format!("{name} ended with {status}, without saying {absent:?}:\n{seen}")),
        }
    }
}

/// What an example tells that begins with so many tokens.
pub(crate) fn life(tokens: i64) -> [String; 4] {
    [
        "entitled: yes".to_owned(),
        format!("online: status 1, {} tokens, 0 uses wait", tokens - 3),
        format!("offline: status 1, {} tokens, 1 uses wait", tokens - 5),
        format!("again: status 1, {} tokens, 0 uses wait", tokens - 5),
    ]
}

/// Tests the layers of C and C++ with the library that is built.
pub(crate) fn test(root: &Path) -> Outcome {
    say("Testing the C and C++ clients …");
    let mut ground = Ground::new(root, "native")?;
    let c = ground.root.join("clients/c");
    let (folder, debug) = (ground.folder.clone(), ground.root.join("target/debug"));
    let prefix = folder.join("prefix");
    run(Command::new(c.join("install.sh")).args([&prefix, &debug]))?;
    let packages = prefix.join("lib/pkgconfig");
    let flags = |options: &[&str]| -> Result<Vec<String>, String> {
        let told = Command::new("pkg-config").args(options).arg("ltlm").env("PKG_CONFIG_PATH", &packages).output();
        let told = told.map_err(|error| format!("Cannot run pkg-config: {error}."))?;
        Ok(String::from_utf8_lossy(&told.stdout).split_whitespace().map(str::to_owned).collect())
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
    let key = ground.text("/licenses/SUB")?;
    let mut tokens = 100;
    let config = ground.device("desk")?;
    for program in [desk, desk_static] {
        let told = life(tokens);
        ground.live_through(Command::new(program).arg(&config).arg(&key), &told.each_ref().map(String::as_str))?;
        tokens -= 5;
    }
    cmake(&folder, &c, &prefix)?;

    // More than the cases use: what overdraws a license too far is not charged.
    ground.vendor(&["licenses", "tokens", &key, "20000", "--reason", "test"])?;
    // The cases, under AddressSanitizer and under valgrind.
    let silent = TcpListener::bind("127.0.0.1:0").map_err(|error| format!("No port is free: {error}."))?;
    let silent = silent.local_addr().map(|address| (format!("http://{address}"), silent));
    let (silent, _listens) = silent.map_err(|error| error.to_string())?;
    let config = ground.config()?.to_string();
    let plain = compile("gcc", "tests/cases.c", "cases", &["-std=gnu11"], &shared)?;
    let watched = ["-std=gnu11", "-fsanitize=address,undefined", "-fno-sanitize-recover=all"];
    let watched = compile("gcc", "tests/cases.c", "cases-watched", &watched, &shared)?;
    let cases = |command: &mut Command, uses: &str| {
        let data = folder.join("cases-data");
        let config = config.strip_suffix('}').unwrap_or_default();
        run(command.args([config, &key]).arg(data).args([&silent, uses]))
            .map_err(|why| format!("The cases of the C interface failed: {why}"))
    };
    cases(&mut Command::new(&watched), USES)?;
    let mut valgrind = Command::new("valgrind");
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
