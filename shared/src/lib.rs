//! The server side of LTLM, in floors. A module may use only what stands above it in this list: `model`; `domain`, `table` (which knows
//! `model` alone) and `keys`; `service`; `api`; `host`. The test `tidy` reads the `use` lines and checks.

pub mod api;
pub mod domain;
pub mod host;
pub mod keys;
pub mod model;
pub mod service;
pub mod table;
