//! Rules of this repository.

mod cycles;
mod documents;
mod tidy;
