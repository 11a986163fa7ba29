//! Decisions of administrators about projects and keys.

pub mod create_key;
pub mod project;
pub mod rewrap;
pub mod transfer;
