//! A project's way from one deployment to another: the file of an export, and what reads it.

use std::fs::File;
use std::io::{BufRead, BufReader, Read};
use std::path::{Path, PathBuf};

use clap::Args;
use http::Method;
use ltlm_protocol::transfer::{Counting, FORMAT, HEADER, KEYS, TRAILER, VERSION};
use ltlm_protocol::{json, limits};
use serde_json::{Value, json};

use super::{Failure, Session};
use crate::client::{CallError, encoded};
use crate::output::Output;
use crate::show::{self, Column};

#[derive(Args)]
pub(crate) struct Export {
    /// The project's id
    #[arg(long)]
    project: String,
    /// The file that is written: JSON lines, your customers' data among them
    #[arg(long, value_name = "FILE")]
    out: PathBuf,
    /// With the project's keys, sealed to the deployment of --to. Takes the stack's own administrator key
    #[arg(long, requires = "to")]
    with_keys: bool,
    /// The output of `ltlm projects import-key` at the deployment that receives the project
    #[arg(long, value_name = "PUBLIC KEY", requires = "with_keys")]
    to: Option<String>,
}

#[derive(Args)]
pub(crate) struct Import {
    /// The file that `ltlm projects export` wrote. An import that was begun before continues where it stopped
    file: PathBuf,
}

pub(super) const PROJECT: &[Column] = &[
    ("project", "/projectId"),
    ("number", "/ProjectID"),
    ("name", "/name"),
    ("secret, shown once", "/secretKey"),
    ("secret's id", "/secretId"),
    ("secrets", "/secrets"),
    ("public key", "/publicKey"),
    ("settings", "/settings"),
    ("project settings", "/projectSettings"),
    ("created", "/createdAt"),
];

const PROGRESS: &[Column] = &[
    ("project", "/projectId"),
    ("import", "/importId"),
    ("state", "/state"),
    ("lines taken", "/taken"),
    ("of", "/lines"),
    ("with keys", "/withKeys"),
    ("policies' numbers moved by", "/policiesShifted"),
    ("licenses' numbers moved by", "/licensesShifted"),
    ("begun", "/begunAt"),
];
const IMPORT_KEY: &[Column] =
    &[("public key, for export --to", "/publicKey"), ("key", "/keyId"), ("opens until", "/expiresAt")];

fn path(project: &str, tail: &str) -> String {
    format!("/v1/admin/projects/{}{tail}", encoded(project))
}

pub(crate) fn import_key(session: &Session) -> Result<(), Failure> {
    session.act(&Method::POST, "/v1/admin/import-keys", None, IMPORT_KEY)
}

pub(crate) fn status(session: &Session, project: &str) -> Result<(), Failure> {
    session.show(&path(project, "/import"), PROGRESS)
}

/// Writes a project into a file, page by page.
pub(crate) fn export(session: &Session, command: &Export) -> Result<(), Failure> {
    let mut out = Output::open(&command.out)?;
    let keys = match &command.to {
        None => None,
        Some(public) => {
            let body = Some(json!({ "publicKey": public }));
            let answer = session.client.send(
                &Method::POST,
                &path(&command.project, "/export-keys"),
                session.operation(),
                body,
            )?;
            Some(answer["line"].clone()).filter(|line| !line.is_null())
        }
    };
    if session.client.is_dry_run {
        session.client.get(&path(&command.project, ""))?;
        return Ok(());
    }
    let (mut counting, mut cursor, mut is_begun) = (Counting::default(), String::new(), false);
    let bar = show::counter("lines");
    loop {
        let tail = format!("/export?sealed={}{cursor}", keys.is_some());
        let page = session.client.get(&path(&command.project, &tail))?;
        let mut text = String::new();
        let mut take = |line: &Value| {
            counting.add(line);
            text.push_str(&format!("{line}\n"));
        };
        for line in page["lines"].as_array().into_iter().flatten() {
            take(line);
            if line["kind"] == "project" {
                keys.iter().for_each(&mut take);
            }
        }
        out.append(&text, !is_begun)?;
        is_begun = true;
        bar.set_position(u64::try_from(counting.summary().lines).unwrap_or(0));
        match page["nextCursor"].as_str() {
            Some(next) => cursor = format!("&cursor={next}"),
            None => break,
        }
    }
    out.append(&format!("{}\n", counting.trailer()), false)?;
    bar.finish_and_clear();
    show::note(&format!("{} lines in {}.", counting.summary().lines, command.out.display()));
    Ok(())
}

/// The facts from the first pass over a file.
struct Looked {
    project: String,
    head: Vec<Value>,
    trailer: Value,
    lines: usize,
}

/// Reads a file of an export into the deployment.
pub(crate) fn import(session: &Session, command: &Import) -> Result<(), Failure> {
    let file = &command.file;
    let looked = look(file)?;
    let body = json!({"lines": looked.head, "trailer": looked.trailer});
    let path = |tail: &str| path(&looked.project, &format!("/import{tail}"));
    let operation = session.operation().to_owned();
    let begun = session.client.send(&Method::POST, &path(""), &operation, Some(body))?;
    if session.client.is_dry_run {
        show::line(&format!("would send {} lines of {}", looked.lines, file.display()));
        return Ok(());
    }
    let taken = usize::try_from(begun["taken"].as_u64().unwrap_or(0)).unwrap_or(0);
    if begun["state"] == "open" && taken > looked.head.len() {
        show::note(&format!("{taken} of {} lines were taken before.", looked.lines));
    }
    if begun["state"] == "open" {
        feed(session, file, &looked, taken, &operation)?;
    }
    let finished = session.client.ask_once(&Method::POST, &path("/finish"), &format!("{operation}.finish"), None)?;
    show::facts(session.format, PROJECT, &finished);
    if begun["withKeys"] == false {
        show::note("The project has a new secret and new keys: applications that know the old ones are refused.");
    }
    Ok(())
}

/// Sends the lines from `taken` on, as many in each call as it accepts.
fn feed(session: &Session, file: &Path, looked: &Looked, taken: usize, operation: &str) -> Result<(), Failure> {
    let bar = show::progress(looked.lines as u64, "importing");
    let send = |from: usize, lines: &mut Vec<Value>| -> Result<(), Failure> {
        if lines.is_empty() {
            return Ok(());
        }
        let count = lines.len();
        let body = json!({"from": from, "lines": std::mem::take(lines)});
        let tail = path(&looked.project, "/import/lines");
        let id = format!("{operation}.{from:016}");
        match session.client.ask_once(&Method::POST, &tail, &id, Some(body)) {
            Ok(_) => {
                bar.set_position((from + count) as u64);
                Ok(())
            }
            Err(error @ CallError::Refused { .. }) if error.is_refusal() => {
                bar.abandon();
                show::note(&format!(
                    "Of {}, lines {} to {} were refused, counted from 1; lines[0] is the first of them. What stands before is taken: \
                     `ltlm projects drop-import {}` removes it.",
                    file.display(),
                    from + 1,
                    from + count,
                    looked.project
                ));
                Err(error.into())
            }
            Err(error) => Err(error.into()),
        }
    };
    let (mut together, mut from, mut items, mut bytes) = (Vec::new(), taken, 0, 0);
    let mut reader = Lines::open(file)?;
    for place in 0..looked.lines {
        let Some((line, length)) = reader.next()? else { break };
        if place < taken {
            continue;
        }
        // A license has a place in its customer's list beside it.
        let weight = if line["kind"] == "license" { 2 } else { 1 };
        if items + weight > limits::IMPORT_ITEMS_MAX || bytes + length > limits::IMPORT_BYTES_MAX {
            send(from, &mut together)?;
            (from, items, bytes) = (place, 0, 0);
        }
        together.push(line);
        (items, bytes) = (items + weight, bytes + length);
    }
    send(from, &mut together)?;
    bar.finish_and_clear();
    Ok(())
}

/// Removes what an import that is not finished wrote.
pub(crate) fn drop_import(session: &Session, project: &str) -> Result<(), Failure> {
    session.confirm(&format!("What was imported of {project} will be removed."))?;
    let operation = session.operation().to_owned();
    let (mut cursor, mut removed) = (String::new(), 0);
    loop {
        let answer =
            session.client.send(&Method::DELETE, &path(project, &format!("/import{cursor}")), &operation, None)?;
        removed += answer["removed"].as_i64().unwrap_or(0);
        match answer["nextCursor"].as_str() {
            Some(next) => cursor = format!("?cursor={next}"),
            None => break,
        }
    }
    if !session.client.is_dry_run {
        show::note(&format!("{removed} records removed."));
    }
    Ok(())
}

/// Reads the whole file before anything is sent: a mistake in it is reported with its line.
fn look(file: &Path) -> Result<Looked, Failure> {
    let wrong = |problem: String| Failure::User(format!("{}: {problem}. Nothing was sent.", file.display()));
    let mut reader = Lines::open(file)?;
    let (mut counting, mut head, mut last) = (Counting::default(), Vec::new(), None);
    while let Some((line, _)) = reader.next()? {
        if let Some(before) = last.replace(line) {
            check(&before, reader.number - 1, &head).map_err(&wrong)?;
            counting.add(&before);
            if head.len() < 2 || before["kind"] == KEYS {
                head.push(before);
            }
        }
    }
    let trailer = last.filter(|line| line["kind"] == TRAILER);
    let trailer = trailer.ok_or_else(|| wrong("it ends without its trailer, so it was cut off".to_owned()))?;
    let lines = usize::try_from(counting.summary().lines).unwrap_or(0);
    if trailer["lines"] != json!(lines) {
        let problem = format!("its trailer tells of {} lines, and there are {lines}", trailer["lines"]);
        return Err(wrong(problem));
    }
    if trailer != counting.trailer() {
        return Err(wrong("a line was changed after the export: the hash of the trailer is another".to_owned()));
    }
    if head.len() < 2 {
        return Err(wrong("it holds no project".to_owned()));
    }
    let project = head[0]["projectId"].as_str().unwrap_or_default().to_owned();
    Ok(Looked { project, head, trailer, lines })
}

/// The mistake in a line, and the line's number, counted from 1.
fn check(line: &Value, number: usize, head: &[Value]) -> Result<(), String> {
    let kind = line["kind"].as_str().ok_or_else(|| format!("line {number} says no kind"))?;
    match number {
        1 if kind != HEADER || line["format"] != FORMAT => Err("it is no export of a project".to_owned()),
        1 if line["version"] != VERSION => {
            Err(format!("it is of version {} of the format, and this `ltlm` reads {VERSION}", line["version"]))
        }
        1 => Ok(()),
        2 if kind != "project" => Err("line 2 is not the project".to_owned()),
        2 if line["pk"].as_str().is_none_or(|pk| !pk.ends_with(head[0]["projectId"].as_str().unwrap_or(" "))) => {
            Err("line 2 is another project than line 1 says".to_owned())
        }
        _ if [HEADER, TRAILER].contains(&kind) || (kind == KEYS && number != 3) => {
            Err(format!("line {number} is a {kind}, which does not belong there"))
        }
        _ => Ok(()),
    }
}

/// The lines of a file, one after the other.
struct Lines<'a> {
    file: &'a Path,
    reader: BufReader<File>,
    /// The number of the last one, counted from 1.
    number: usize,
}

impl<'a> Lines<'a> {
    fn open(file: &'a Path) -> Result<Self, Failure> {
        let opened = File::open(file)
            .map_err(|error| Failure::User(format!("Cannot read {}: {error}. Nothing was sent.", file.display())))?;
        Ok(Self { file, reader: BufReader::new(opened), number: 0 })
    }

    /// The next line, and its bytes.
    fn next(&mut self) -> Result<Option<(Value, usize)>, Failure> {
        self.number += 1;
        let number = self.number;
        let wrong = |problem: String| Failure::User(format!("{}: line {number} {problem}.", self.file.display()));
        let mut bytes = Vec::new();
        let most = limits::IMPORT_LINE_BYTES_MAX as u64 + 2;
        let read = self.reader.by_ref().take(most).read_until(b'\n', &mut bytes);
        read.map_err(|error| wrong(format!("cannot be read: {error}")))?;
        if bytes.is_empty() {
            return Ok(None);
        }
        if bytes.len() as u64 == most && !bytes.ends_with(b"\n") {
            return Err(wrong(format!("has more than {} bytes", limits::IMPORT_LINE_BYTES_MAX)));
        }
        let line = json::parse(&bytes).map_err(|error| wrong(format!("is not JSON, or was cut off: {error}")))?;
        Ok(Some((line, bytes.len())))
    }
}
