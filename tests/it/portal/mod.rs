//! Customers and developers.

mod sign_in;
