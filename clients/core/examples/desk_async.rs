//! An application on Tokio that goes on while the server is stopped.
//!
//! ```sh
//! cargo run -p ltlm-local                                                            # in one terminal
//! cargo run -p ltlm-client --features async --example desk_async -- desk.json "$(jq -r .licenses.SUB .ltlm/demo.json)"
//! ```
//!
//! docs/clients/c.md tells how `desk.json` is made of `.ltlm/demo.json`.

use std::io::{BufRead, Write};
use std::time::Duration;

use ltlm_client::{AsyncClient, Config, Error};

#[tokio::main(flavor = "current_thread")]
async fn main() {
    let words: Vec<_> = std::env::args().collect();
    let [_, config, key] = words.as_slice() else {
        say("desk_async CONFIG.json LICENSE-KEY");
        std::process::exit(2);
    };
    if let Err(sentence) = run(config, key).await {
        say(&sentence);
        std::process::exit(1);
    }
}

fn say(text: &str) {
    let _ = writeln!(std::io::stdout().lock(), "{text}");
}

/// Waits for a line from the terminal, beside the runtime's thread.
async fn wait_for_enter(what: &str) {
    say(&format!("{what}, and press Enter."));
    let line = tokio::task::spawn_blocking(|| std::io::stdin().lock().read_line(&mut String::new())).await;
    drop(line);
}

fn show(client: &AsyncClient, when: &str) {
    let ((status, _), balance) = (client.status(), client.balance());
    say(&format!("{when}: status {}, {balance} tokens, {} uses wait", status as i32, client.pending()));
}

async fn run(config: &str, key: &str) -> Result<(), String> {
    let text = std::fs::read_to_string(config).map_err(|error| format!("{config}: {error}."))?;
    let message = |error: Error| error.to_string();
    let client = AsyncClient::open(&Config::from_json(&text).map_err(message)?).await.map_err(message)?;
    client.on_event(|event| say(&format!("  * {event:?}")));

    if client.load_stored().await.is_err() {
        client.activate(key).await.map_err(message)?;
    }
    say(&format!("entitled: {}", if client.entitled(Some("pro"), 3) { "yes" } else { "no" }));
    client.consume(3, "export", None).await.map_err(message)?;
    client.sync().await.map_err(message)?;
    show(&client, "online");

    wait_for_enter("Stop the server").await;
    client.consume(2, "export", None).await.map_err(message)?;
    show(&client, "offline");

    wait_for_enter("Start the server").await;
    for _ in 0..600 {
        // Until it can be reached.
        let synced = client.sync().await;
        if synced.is_ok() && client.pending() == 0 {
            break;
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    show(&client, "again");
    client.close().await;
    Ok(())
}
