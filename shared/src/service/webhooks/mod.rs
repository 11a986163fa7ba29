//! What leaves the deployment.

pub mod delivery;
