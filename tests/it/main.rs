//! The whole system, tested from outside in: one binary, because each further one links the AWS SDK again.

#![expect(clippy::unwrap_used, reason = "a test that panics has failed")]

mod accounts;
mod admin;
mod answers;
mod bad_input;
mod batch;
mod cli;
mod client;
mod device_keys;
mod documents;
mod endpoints;
mod faults;
mod independent;
mod journeys;
mod keys;
mod lambda;
mod local_server;
mod logs;
mod lossy;
mod lost_answers;
mod many_seats;
mod model;
mod night;
mod organizations;
mod payments;
mod portal;
mod pro;
mod pro_faults;
mod quickstart;
mod races;
mod repeats;
mod store;
mod stream;
mod support;
mod template;
mod text;
mod throttling;
mod tidy;
mod units;
mod upgrades;
mod webhooks;
mod wire_client;
