//! A call on a license.

use crate::domain::license::gate::Call;
use crate::model::ids::OperationKey;
use crate::service::ids;
use crate::service::license::load_spec::{Access, Include, LoadSpec};

/// A call on a license with the caller's right to it.
#[derive(Clone, Debug)]
pub struct Request {
    /// The caller, which determines what is visible.
    pub access: Access,
    /// The call.
    pub call: Call,
}

impl Request {
    /// What a command on the license loads.
    pub fn wanted(&self, operation: Option<&OperationKey>, beside: Include) -> LoadSpec {
        LoadSpec {
            hwid: self.call.caller.hwid.clone(),
            proof: self.call.caller.proof.clone(),
            operation: operation.map(|key| key.id.clone()),
            beside,
            ..LoadSpec::new(self.access.clone(), ids::license_id(&self.call.key), self.call.now)
        }
    }
}
