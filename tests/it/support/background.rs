//! What follows from a change, done by hand: the stream, the outbox and the mails.

use std::sync::Arc;

use local::background::Background;
use local::table_stream::{Begin, StreamReader};
use serde_json::Value;

use super::TestApp;

/// A background whose mails can be read.
pub(crate) async fn background(app: &TestApp) -> Background {
    let reader = StreamReader::open(app.engine.endpoint(), local::wiring::TABLE, Begin::Now).await.unwrap().unwrap();
    Background::start(Arc::clone(&app.host), app.outbox.clone(), Some(reader), false).await.unwrap()
}

/// Lets all that follows happen: changes, notices, mails.
pub(crate) async fn settle(background: &Background) {
    loop {
        let (followed, carried) = (background.follow().await, background.carry().await);
        if followed.is_none() && carried.is_none() {
            return;
        }
    }
}

/// The code in a mail.
pub(crate) fn code_in(mail: &Value) -> String {
    let text = mail["text"].as_str().unwrap();
    let found = text.split(|c: char| !c.is_ascii_digit()).find(|part| part.len() == 6);
    found.unwrap_or_else(|| panic!("no code in {text}")).to_owned()
}
