//! The vendor's webhooks: where they lead, and which notices they get.

pub mod address;
pub mod create;
pub mod notice;
