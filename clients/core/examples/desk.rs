//! A small application at a terminal: activates, shows its status, uses tokens, and goes on while the server is stopped.
//!
//! ```sh
//! cargo run -p ltlm-local                                   # in one terminal
//! cargo run -p ltlm-client --example desk              # in another: reads .ltlm/demo.json
//! ```

use std::io::{BufRead, Write};
use std::path::Path;

use ltlm_client::{Client, Config, Event};
use serde_json::Value;

const HELP: &str =
    "activate [key] | status | use <tokens> [action] | confirm <tokens> | balance | pending | sync | refresh |
seats | release <hwid> | settings | save <name> <value> | history | buy | signout | reactivate | clear | events | quit";

fn main() {
    let folder = std::env::args().nth(1).unwrap_or_else(|| ".ltlm".to_owned());
    if let Err(sentence) = run(Path::new(&folder)) {
        say(&sentence);
        std::process::exit(1);
    }
}

fn say(text: &str) {
    let _ = writeln!(std::io::stdout().lock(), "{text}");
}

fn run(folder: &Path) -> Result<(), String> {
    let demo = folder.join("demo.json");
    let text = std::fs::read_to_string(&demo)
        .map_err(|error| format!("{}: {error}. Start the server first: cargo run -p ltlm-local", demo.display()))?;
    let demo: Value = serde_json::from_str(&text).map_err(|error| error.to_string())?;
    let of = |name: &str| demo.pointer(name).and_then(Value::as_str).unwrap_or_default().to_owned();
    let mut config = Config::new(&of("/baseUrl"), &of("/projectId"), &of("/projectSecret"), &of("/publicKeyPem"));
    config.app_version = Some("1.0.0".to_owned());
    config.data_dir = Some(folder.join("desk").display().to_string());
    let client = Client::open(&config).map_err(|error| error.to_string())?;
    client.on_event(|event| match event {
        Event::LicenseStatusChanged { status, reason } => say(&format!("  * status: {status:?} ({reason:?})")),
        Event::Kicked { notice } => say(&format!("  * kicked: {notice:?}")),
        Event::OfflineGrace { hours_left } => say(&format!("  * offline: {hours_left} hours left")),
        Event::UseSkipped { .. } | Event::OperationDone { .. } | Event::Moved => say(&format!("  * {event:?}")),
        Event::StorageRecovered | Event::StorageReadOnly => say(&format!("  * {event:?}")),
        _ => {}
    });
    match client.load_stored() {
        Ok(status) => say(&format!("Stored license: {status:?}, {} tokens", client.balance())),
        Err(_) => say("No license yet: activate"),
    }
    say(HELP);
    for line in std::io::stdin().lock().lines().map_while(Result::ok) {
        let words: Vec<_> = line.split_whitespace().collect();
        match words.first().copied() {
            Some("quit") => break,
            Some(command) => say(&act(&client, command, &words[1..], &of("/licenses/SUB"))),
            None => {}
        }
    }
    client.close();
    Ok(())
}

/// What a command comes to, for people.
fn act(client: &Client, command: &str, words: &[&str], demo_key: &str) -> String {
    fn shown<T: std::fmt::Debug>(result: Result<T, ltlm_client::Error>) -> String {
        result.map_or_else(|error| error.to_string(), |value| format!("{value:?}"))
    }
    let word = |place: usize| words.get(place).copied().unwrap_or_default();
    let tokens = word(0).parse().unwrap_or(1);
    match command {
        "activate" => shown(client.activate(if word(0).is_empty() { demo_key } else { word(0) })),
        "status" => format!("{:?}, {} tokens, {} pending", client.status(), client.balance(), client.pending()),
        "use" => shown(client.consume(tokens, if word(1).is_empty() { "export" } else { word(1) }, None)),
        "confirm" => shown(client.consume_confirmed(tokens, "export", None, None)),
        "balance" => client.balance().to_string(),
        "pending" => client.pending().to_string(),
        "sync" => shown(client.sync()),
        "refresh" => shown(client.refresh()),
        "seats" => shown(client.seats()),
        "release" => shown(client.release_seat(word(0), true)),
        "settings" => shown(client.settings()),
        "save" => {
            let mut settings = client.local_settings();
            settings.insert(word(0).to_owned(), Value::from(word(1)));
            shown(client.save_settings(settings))
        }
        "history" => shown(client.history(5, None).map(|page| page.entries)),
        "buy" => shown(client.top_up("tokens_50", None).map(|page| page.checkout_url)),
        "signout" => shown(client.sign_out()),
        "reactivate" => shown(client.reactivate()),
        "clear" => shown(client.clear()),
        "events" => format!("{:?}", client.events()),
        _ => HELP.to_owned(),
    }
}
