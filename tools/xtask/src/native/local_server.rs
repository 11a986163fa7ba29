//! What the tests of the native clients run in: a local server with a project, and time limits for programs.

use std::ffi::OsStr;
use std::io::{BufRead, BufReader, Write};
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use serde_json::{Value, json};

use crate::{Outcome, fuzz, run};

/// A program that is ended after ten minutes, many times what any of them takes: one that hangs fails, and does not hold up the gate.
pub(crate) fn bounded(program: impl AsRef<OsStr>) -> Command {
    let mut command = Command::new("timeout");
    command.args(["--kill-after=10", "600"]).arg(program);
    command
}

/// A local server that can be stopped and started again where it was, and what it told of itself.
pub(crate) struct LocalServer {
    pub(crate) root: PathBuf,
    pub(crate) folder: PathBuf,
    port: String,
    server: Option<fuzz::Server>,
    demo: Value,
}

impl LocalServer {
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
        let mut server = Self { root, folder, port, server: None, demo: Value::Null };
        server.start()?;
        let path = server.folder.join("server/demo.json");
        let demo = std::fs::read_to_string(&path).map_err(|error| format!("{}: {error}.", path.display()))?;
        server.demo = serde_json::from_str(&demo).map_err(|error| format!("{}: {error}.", path.display()))?;
        Ok(server)
    }

    fn start(&mut self) -> Outcome {
        self.server = Some(fuzz::start_with(&self.root, &self.folder.join("server"), &["--port", &self.port])?);
        Ok(())
    }

    pub(super) fn text(&self, pointer: &str) -> Result<String, String> {
        let text = self.demo.pointer(pointer).and_then(Value::as_str);
        text.map(str::to_owned).ok_or(format!("demo.json has no {pointer}."))
    }

    pub(super) fn config(&self) -> Result<Value, String> {
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
    pub(crate) fn live_through(&mut self, name: &str, command: &mut Command, expected: &[&str]) -> Outcome {
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
        let absent = expected.iter().find(|text| !seen.contains(**text));
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
