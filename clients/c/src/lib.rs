//! The C interface of the client. `include/ltlm.h` is made of it, and is where it is described for its users.
//!
//! Handles are numbers in a table (`table`), so that a handle that was freed, or never was one, is an error. Data cross as JSON, so that
//! members come without a change of the interface. Panics end in `guard`. Unsafe code is in `text`, which reads and writes through the
//! caller's pointers, in [`listener`], which calls the caller's function, in `table`, which a forked process replaces, and in [`api`],
//! which joins them.

pub mod api;
pub mod code;
mod guard;
mod handle;
pub mod listener;
mod method;
mod table;
mod text;
