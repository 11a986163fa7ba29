//! Sign-in: customers with a code, developers with a password and a code.

pub mod developer;
pub mod mail;
pub mod one_time_code;
pub mod sign_in;
