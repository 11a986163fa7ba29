//! Licenses on the plain face, and the existing client.

mod batch;
mod compact;
mod devices;
mod faults;
mod lossy_network;
mod lost_answers;
mod model;
mod races;
mod seat_scale;
mod seats;
mod settings;
mod tokens;
pub(crate) mod wire_client;

use crate::support::{L1, TestApp, device};

pub(super) fn hwids(reply: &crate::support::Reply) -> Vec<&str> {
    reply.body["machines"].as_array().unwrap().iter().map(|machine| machine["hwid"].as_str().unwrap()).collect()
}

/// A50: A and B hold the two seats, C waits.
pub(super) async fn two_seated_one_waiting() -> TestApp {
    let app = TestApp::new().await;
    for letter in ['a', 'b', 'c'] {
        app.activate(L1, &device(letter)).await;
    }
    app
}
