//! The programs that people run.

mod cli;
mod doctor;
pub(crate) mod local_server;
mod quickstart;
