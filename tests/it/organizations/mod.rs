//! Organizations and their pools.

mod pools;
