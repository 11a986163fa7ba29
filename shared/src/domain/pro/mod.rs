//! What the encrypted face (PRO) adds to a call: nonces, device signatures, lost answers.

pub mod device_proof;
pub mod hardening;
pub mod lost_answer;
pub mod nonce;
pub mod project_state;
pub mod report_event;
