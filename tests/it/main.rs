//! The whole system, tested from outside in: one binary, because each further one links the AWS SDK again.

#![expect(clippy::unwrap_used, reason = "a test that panics has failed")]

mod accounts;
mod admin;
mod api;
mod client;
mod functions;
mod license;
mod organizations;
mod portal;
mod pro;
mod repository;
mod store;
mod support;
mod tools;
mod upgrades;
mod webhooks;
