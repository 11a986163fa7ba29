//! Webhooks: where a vendor wants notices, and how they and mails leave the deployment.

pub mod delivery;
pub mod endpoints;
