//! Rules that hold for every route.

mod answers;
mod bad_input;
mod edge;
pub(crate) mod endpoints;
mod logs;
mod quotas;
mod repeats;
mod text;
mod throttling;
mod units;
