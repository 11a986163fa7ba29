//! `README.md`, `docs/quickstart.md`, `docs/accounts.md` and `docs/store.md` as their readers follow them: their commands in a shell, and what they print
//! against what they say.

use std::process::Stdio;

use tokio::io::AsyncWriteExt;
use tokio::process::Command;

use crate::support::program;
use crate::tools::local_server::{Folder, start};

/// A command of the document with what it says that is printed.
struct Step {
    command: String,
    printed: Vec<String>,
}

/// The blocks between fences without a language that begin with a command.
fn blocks(document: &str) -> Vec<Vec<&str>> {
    let mut blocks = Vec::new();
    let mut open: Option<(&str, Vec<&str>)> = None;
    for line in document.lines() {
        open = match (line.strip_prefix("```"), open) {
            (Some(language), None) => Some((language, Vec::new())),
            (Some(_), Some((language, lines))) => {
                let is_followed = language.is_empty() && lines.first().is_some_and(|line| line.starts_with("$ "));
                blocks.extend(is_followed.then_some(lines));
                None
            }
            (None, Some((language, mut lines))) => {
                lines.push(line);
                Some((language, lines))
            }
            (None, None) => None,
        };
    }
    blocks
}

/// The commands of a document: `$` begins one, `>` goes on with it, all else is printed by it.
fn steps(document: &str) -> Vec<Step> {
    let mut steps: Vec<Step> = Vec::new();
    for line in blocks(document).into_iter().flatten() {
        match (line.strip_prefix("$ "), line.strip_prefix("> "), steps.last_mut()) {
            (Some(command), ..) => steps.push(Step { command: command.to_owned(), printed: Vec::new() }),
            (None, Some(more), Some(step)) => step.command.push_str(&format!("\n{more}")),
            (None, None, Some(step)) => step.printed.push(line.to_owned()),
            (None, _, None) => panic!("{line} belongs to no command"),
        }
    }
    steps
}

/// A text without what is another each time: ids, keys, instants, secrets.
fn masked(text: &str) -> String {
    let mut masked = String::new();
    let mut rest = text;
    while let Some(next) = rest.chars().next() {
        let hex = |c: char| c.is_ascii_hexdigit();
        let length = ["prj_", "sec_", "LIC-", "ord_", "cs_local_"].iter().find_map(|prefix| {
            let tail = rest.strip_prefix(prefix)?;
            Some(prefix.len() + tail.find(|c| !(hex(c) || c == '…')).unwrap_or(tail.len()))
        });
        let instant = rest.get(..11).filter(|day| day.starts_with("20") && day.ends_with('T')).map(|_| 24);
        let secret = rest.find(|c| !hex(c)).or(Some(rest.len())).filter(|end| *end == 64);
        match length.or(instant).or(secret) {
            Some(end) => {
                masked.push('#');
                rest = &rest[end..];
            }
            None => {
                masked.push(next);
                rest = &rest[next.len_utf8()..];
            }
        }
    }
    masked
}

#[tokio::test]
async fn the_readme_prints_what_it_says() {
    follow("../README", &["--quiet"]).await;
}

#[tokio::test]
async fn the_quickstart_prints_what_it_says() {
    follow("quickstart", &["--quiet"]).await;
}

#[tokio::test]
async fn the_walk_over_accounts_prints_what_it_says() {
    follow("accounts", &["--quiet", "--no-schedule"]).await;
}

#[tokio::test]
async fn the_walk_through_the_store_prints_what_it_says() {
    follow("store", &["--quiet"]).await;
}

/// Follows a document, with the local server started like this.
async fn follow(name: &str, options: &[&str]) {
    let folder = Folder::new(&format!("followed-{}", name.trim_start_matches("../")));
    let running = start(&folder.0.join(".ltlm"), options).await;
    let path = format!("{}/../docs/{name}.md", env!("CARGO_MANIFEST_DIR"));
    let steps = steps(&std::fs::read_to_string(path).unwrap());
    assert!(steps.len() > 15);
    let tools = program("ltlm").parent().unwrap().display().to_string();
    let mut script = format!("set -eo pipefail\nPATH={tools}:$PATH\n");
    for step in &steps {
        script.push_str(&step.command.replace("http://127.0.0.1:8787", running.text("/baseUrl")));
        script.push_str("\necho '=='\n");
    }
    let mut shell = Command::new("bash")
        .env_remove("LTLM_URL")
        .env_remove("LTLM_ADMIN_KEY")
        .current_dir(&folder.0)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    shell.stdin.take().unwrap().write_all(script.as_bytes()).await.unwrap();
    let output = shell.wait_with_output().await.unwrap();
    let (printed, errors) = (String::from_utf8(output.stdout).unwrap(), String::from_utf8(output.stderr).unwrap());
    assert!(output.status.success(), "{printed}\n{errors}");
    let printed = printed.replace(running.text("/baseUrl"), "http://127.0.0.1:8787");
    for (step, printed) in steps.iter().zip(printed.split("==\n")) {
        assert_eq!(masked(printed.trim_end()), masked(step.printed.join("\n").trim_end()), "{}", step.command);
    }
}
