//! Output: tables for people, JSON for programs.

use std::io::{IsTerminal, Write};

use comfy_table::{Table, presets};
use indicatif::{ProgressBar, ProgressStyle};
use json_patch::PatchOperation;
use ltlm_protocol::Amount;
use serde_json::{Value, json};

/// How answers are printed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Format {
    /// Tables.
    People,
    /// JSON.
    Json,
}

/// A column: its title, and the pointer to its value in a row.
pub(crate) type Column = (&'static str, &'static str);

/// Prints a line.
pub(crate) fn line(text: &str) {
    let _ = writeln!(std::io::stdout().lock(), "{text}");
}

/// Prints a line on standard error, so that programs that read the answer are not affected.
pub(crate) fn note(text: &str) {
    eprintln!("{text}");
}

/// Prints rows: as a table of these columns, or as a list of JSON.
pub(crate) fn rows(format: Format, columns: &[Column], rows: &[Value]) {
    if format == Format::Json {
        return line(&format!("{:#}", json!(rows)));
    }
    if rows.is_empty() {
        return line("none");
    }
    let mut table = Table::new();
    table.load_style(presets::NOTHING);
    table.set_header(columns.iter().map(|(title, _)| *title));
    for row in rows {
        table.add_row(columns.iter().map(|(_, pointer)| cell(row, pointer)));
    }
    line(&trimmed(&table));
}

/// Prints one thing: name and value line by line, or as JSON.
pub(crate) fn facts(format: Format, facts: &[Column], thing: &Value) {
    if format == Format::Json {
        return line(&format!("{thing:#}"));
    }
    let mut table = Table::new();
    table.load_style(presets::NOTHING);
    for (title, pointer) in facts {
        let value = thing.pointer(pointer);
        if value.is_some_and(|value| !value.is_null()) {
            table.add_row([(*title).to_owned(), cell(thing, pointer)]);
        }
    }
    line(&trimmed(&table));
}

/// Prints each member in which two documents differ, with its value before and after; returns whether there is one. If
/// the output is for programs, the lines go to standard error.
pub(crate) fn difference(format: Format, before: &Value, after: &Value) -> bool {
    let patch = json_patch::diff(before, after);
    let lines = patch.iter().map(|operation| {
        let pointer = operation.path();
        let member = pointer.tokens().map(|token| token.decoded().into_owned()).collect::<Vec<_>>().join(".");
        let value = match operation {
            PatchOperation::Add(add) => Some(&add.value),
            PatchOperation::Replace(replace) => Some(&replace.value),
            _ => None,
        };
        format!("{member}: {} -> {}", text(before.pointer(pointer.as_str())), text(value))
    });
    let lines = if patch.is_empty() { "no difference".to_owned() } else { lines.collect::<Vec<_>>().join("\n") };
    match format {
        Format::People => line(&lines),
        Format::Json => eprintln!("{lines}"),
    }
    !patch.is_empty()
}

/// The value at a pointer. Money is formatted for its currency, which is next to it.
fn cell(row: &Value, pointer: &str) -> String {
    let is_money = matches!(pointer, "/price" | "/recurringPrice" | "/amount");
    let currency = row.get("currency").and_then(Value::as_str).filter(|_| is_money);
    let amount = row.pointer(pointer).and_then(Value::as_f64).and_then(Amount::of_number);
    match amount.zip(currency) {
        Some((amount, currency)) => amount.text(currency),
        None => text(row.pointer(pointer)),
    }
}

/// Without the blanks that tables end their lines with.
fn trimmed(table: &Table) -> String {
    table.to_string().lines().map(str::trim_end).collect::<Vec<_>>().join("\n")
}

fn text(value: Option<&Value>) -> String {
    match value {
        None | Some(Value::Null) => "-".to_owned(),
        Some(Value::String(text)) if text.is_empty() => "-".to_owned(),
        Some(Value::String(text)) => text.clone(),
        Some(Value::Array(list)) if list.iter().all(Value::is_string) => {
            list.iter().filter_map(Value::as_str).collect::<Vec<_>>().join(" ")
        }
        Some(other) => other.to_string(),
    }
}

/// A progress bar for bulk work; silent without a terminal.
pub(crate) fn progress(total: u64, what: &str) -> ProgressBar {
    if !std::io::stderr().is_terminal() {
        return ProgressBar::hidden();
    }
    let style = ProgressStyle::with_template("{msg} [{bar:40}] {pos}/{len} {eta}");
    let bar = ProgressBar::new(total).with_message(what.to_owned());
    style.map_or_else(|_| bar.clone(), |style| bar.clone().with_style(style.progress_chars("=> ")))
}

/// A counter for work whose end is unknown; silent without a terminal.
pub(crate) fn counter(what: &str) -> ProgressBar {
    if !std::io::stderr().is_terminal() {
        return ProgressBar::hidden();
    }
    let style = ProgressStyle::with_template("{spinner} {pos} {msg} {elapsed}");
    let bar = ProgressBar::new_spinner().with_message(what.to_owned());
    style.map_or_else(|_| bar.clone(), |style| bar.clone().with_style(style))
}

/// Asks before something is destroyed. Without a terminal, only `--yes` is accepted.
pub(crate) fn confirmed(question: &str, is_agreed: bool) -> bool {
    if is_agreed {
        return true;
    }
    if !std::io::stdin().is_terminal() {
        return false;
    }
    let _ = write!(std::io::stderr().lock(), "{question} Type yes to go on: ");
    let mut answer = String::new();
    std::io::stdin().read_line(&mut answer).is_ok_and(|_| answer.trim() == "yes")
}
