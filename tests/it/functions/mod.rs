//! The Lambda functions and their stack.

mod lambda;
mod programs;
mod start_up;
mod template;
