//! Organizations. Each pool of tokens is an account like any other, on the organization's plan for its kind: one wallet, one ledger,
//! one renewal for all of them.

pub mod access;
pub mod commands;
pub mod features;
pub mod spend;
pub mod state;
