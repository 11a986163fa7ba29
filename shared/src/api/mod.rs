//! HTTP: from a request to a handler and back to an answer.

pub mod auth;
pub mod cursor;
pub mod dispatch;
pub mod extract;
pub mod face;
pub mod function;
pub mod handlers;
pub mod page;
pub mod parameter;
pub mod query;
pub mod reply;
pub mod router;
pub mod routes;
mod rows;
pub mod sealed;
pub mod serving;
pub mod settings;
