//! People who sign in: customers by a code, developers by a password and a code.

pub mod developer;
pub mod mail;
pub mod one_time_code;
pub mod sign_in;
