//! Documents generated from the code; `cargo xtask docs` writes them, a test compares them.

pub mod cost;
pub mod documents;
pub mod openapi;
mod openapi_shape;
mod openapi_store;
mod openapi_transfer;
pub mod reference;
