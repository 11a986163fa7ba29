//! Administrators' commands.

pub mod audit;
pub mod deployment;
pub mod developers;
pub mod events;
pub mod issue;
pub mod keys;
pub mod license;
pub mod licenses;
pub mod offline_file;
pub mod operation;
pub mod policies;
pub mod projects;
pub mod rewrap;
pub mod transfer;
