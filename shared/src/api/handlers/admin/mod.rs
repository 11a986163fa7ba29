//! The vendor's face.

pub mod deployment;
pub mod developers;
pub mod events;
pub mod keys;
pub mod licenses;
pub mod policies;
pub mod projects;
pub mod transfer;

/// The ids of the operation in the bodies of policies and of calls without other members.
fn operation_id(body: &serde_json::Value) -> Result<Option<String>, ltlm_protocol::Problems> {
    let mut reader = ltlm_protocol::read::Reader::new(body)?;
    let id = ltlm_protocol::request::operation_id(&mut reader);
    reader.finish().map(|()| id)
}
