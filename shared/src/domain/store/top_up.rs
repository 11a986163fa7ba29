//! Going to pay for a pack on top of a license (wire E7).

use ltlm_protocol::body::Unknown;
use ltlm_protocol::read::Reader;
use ltlm_protocol::request::operation_id;
use ltlm_protocol::{Body, limits};
use serde_json::{Value, json};

use crate::domain::decision::Decision;
use crate::domain::license::gate::{self, Call};
use crate::domain::license::state::LicenseState;
use crate::domain::store::catalog::{is_pack_on_sale, pack_price};
use crate::domain::store::checkout::{OrderKey, replay};
use crate::domain::store::redirect;
use crate::model::denied::Denied;
use crate::model::order::{Order, OrderItem};
use crate::model::write::Write;

/// `POST …/topup-link`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TopUp {
    /// The pack.
    pub pack: String,
    /// The calling device, if one calls and not a server.
    pub hwid: Option<String>,
    /// Where the browser goes afterwards.
    pub redirect: Option<String>,
    /// The caller's operation id.
    pub operation_id: Option<String>,
}

impl Body for TopUp {
    const UNKNOWN: Unknown = Unknown::Ignored;

    fn read(r: &mut Reader<'_>) -> Self {
        Self {
            pack: r.text("packId", limits::NAME_CHARS_MAX),
            hwid: r.name_opt("hwid", limits::HWID_CHARS_MAX),
            redirect: redirect::read(r, "redirectUrl"),
            operation_id: operation_id(r),
        }
    }

    fn keywords() -> Value {
        json!({"properties": {"redirectUrl": redirect::keywords()}})
    }
}

/// Decides an order of a pack. A license that has ended may be topped up: a pack of days brings it back.
pub fn decide(state: &LicenseState, call: &Call, command: &TopUp, key: &OrderKey) -> Result<Decision<Order>, Denied> {
    if let Some(order) = replay(state.order.as_ref(), key)? {
        return Ok(Decision::read(order));
    }
    gate::online(state)?;
    gate::not_stopped(state, call.now)?;
    if call.caller.hwid.is_some() {
        gate::registered(state)?;
    }
    redirect::allowed(&state.project, command.redirect.as_deref())?;
    let pack = state.policy.terms.top_up_options.iter().find(|pack| pack.pack_id == command.pack);
    let pack = pack
        .filter(|pack| is_pack_on_sale(pack) && state.terms.customer_actions.can_buy_top_ups)
        .ok_or(Denied::TopUpNotAvailable)?;
    let goods = OrderItem::Pack { license: state.license.id.clone(), pack: pack.clone() };
    let order = Order {
        name: pack.name.clone(),
        email: state.license.buyer.email.clone(),
        redirect: command.redirect.clone(),
        fingerprint: key.fingerprint.clone(),
        is_named: key.is_named,
        ..Order::new(key.id.clone(), state.project.id.clone(), goods, pack_price(&pack.price), call.now)
    };
    Ok(Decision::write(vec![Write::SaveOrder { order: order.clone(), found: None }], order))
}
