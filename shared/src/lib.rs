//! The server side of LTLM, in floors. A module may use only what stands above it in this list: `domain`, `table` and
//! `keys`, `service`, `api`, `host`. The test `tidy` reads the `use` lines and checks.

pub mod api;
pub mod domain;
pub mod host;
pub mod keys;
pub mod service;
pub mod table;
