//! Documents generated from the code; `cargo xtask docs` writes them, a test compares them.

pub mod bindings;
pub mod cost;
pub mod documents;
pub mod openapi;
mod openapi_errors;
mod openapi_ledgers;
mod openapi_place;
mod openapi_shape;
mod openapi_store;
mod openapi_transfer;
mod openapi_words;
pub mod reference;
pub mod template;
