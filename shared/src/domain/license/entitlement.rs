//! May this device use a capability that costs so many tokens? One look, and the same answer that `consume` would give.

use ltlm_protocol::body::{Body, Unknown};
use ltlm_protocol::license_data::Entitlement;
use ltlm_protocol::read::Reader;
use ltlm_protocol::request::Consume;
use ltlm_protocol::{int32, limits};

use crate::domain::license::gate::Call;
use crate::domain::license::state::LicenseState;
use crate::domain::license::{consume, gate};
use crate::model::denied::Denied;
use crate::model::ids::{OperationId, OperationKey, Origin};

/// What is asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ask {
    /// The device.
    pub hwid: String,
    /// A capability, if one is asked for.
    pub capability: Option<String>,
    /// Tokens that there must be, 0 for none.
    pub tokens: i64,
}

impl Body for Ask {
    const UNKNOWN: Unknown = Unknown::Ignored;

    fn read(r: &mut Reader<'_>) -> Self {
        let ask = Self {
            hwid: r.name("hwid", limits::HWID_CHARS_MAX),
            capability: r.text_or_empty("capability", limits::NAME_CHARS_MAX),
            tokens: r.int_opt("tokens", 0, limits::AMOUNT_MAX).unwrap_or(0),
        };
        r.about("capability", "A capability that there must be.");
        r.about("tokens", "Tokens that there must be.");
        ask
    }
}

/// Looks. Nothing changes, and what is refused is told as data.
pub fn check(state: &LicenseState, call: &Call, ask: &Ask) -> Entitlement {
    let refusal = refusal(state, call, ask).err();
    let tokens = state.tokens(call.now).map(|tokens| tokens.wallet.balance(call.now));
    Entitlement {
        allowed: refusal.is_none(),
        reason: refusal.as_ref().map(|denied| denied.code().wire().to_owned()),
        message: refusal.as_ref().map(|denied| denied.body().message),
        status: state.status(call.now).wire().to_owned(),
        capability: ask.capability.clone(),
        tokens_required: int32(ask.tokens),
        tokens_remaining: tokens.map(int32),
    }
}

fn refusal(state: &LicenseState, call: &Call, ask: &Ask) -> Result<(), Denied> {
    if ask.tokens == 0 {
        gate::online(state)?;
        gate::usable(state, call.now)?;
        gate::registered(state)?;
        return gate::capability(state, ask.capability.as_deref());
    }
    let command = Consume {
        hwid: ask.hwid.clone(),
        amount: ask.tokens.min(limits::AMOUNT_MAX),
        action: "entitlement".to_owned(),
        capability: ask.capability.clone(),
        meta: None,
        operation_id: None,
        sequence: None,
        is_compact: false,
    };
    let id = OperationId { origin: Origin::System, id: "entitlement".to_owned() };
    consume::decide(state, call, &command, &OperationKey { id, fingerprint: String::new() }).map(|_| ())
}
