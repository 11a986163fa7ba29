//! Documents generated from the code; `cargo xtask docs` writes them, a test compares them.

pub mod bindings;
pub mod cost;
pub mod documents;
pub mod openapi;
pub mod reference;
pub mod template;
