//! Handlers: extract, call the service, reply. No rule of the product lives here.

pub mod accounts;
pub mod admin;
pub mod health;
pub mod license;
pub mod organizations;
pub mod portal;
pub mod pro;
pub mod project_ledgers;
pub mod store;
pub mod webhooks;
