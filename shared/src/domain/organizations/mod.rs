//! Organizations: each pool of tokens is an account.

pub mod access;
pub mod commands;
pub mod features;
pub mod spend;
pub mod state;
