//! Token accounts that a vendor's backend charges (contract/token-accounting.md), on the same wallet and ledger as licenses.

pub mod change_plan;
pub mod create;
pub mod due;
pub mod erasure;
pub mod hold;
pub mod movement;
pub mod plan;
pub mod plans;
pub mod refund;
pub mod renewal;
pub mod request;
pub mod schedule;
pub mod state;
