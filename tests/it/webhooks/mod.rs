//! What follows from changes.

mod delivery;
mod stream;
