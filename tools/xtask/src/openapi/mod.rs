//! The OpenAPI document, made of the table of routes and of the types of requests and answers.

pub mod document;
pub mod errors;
pub mod parameters;
pub mod place;
pub mod refusals;
pub mod request;
pub mod responses;
pub mod schema;
pub mod shape;
pub mod words;
