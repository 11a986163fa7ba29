//! Commands on a license, each once: what it loads and how it decides. The caller of the command determines whether it
//! is plain or in an envelope.

use ltlm_protocol::LicenseData;
use ltlm_protocol::license_data::{Entitlement, ReleaseSeatAnswer, SeatList, SignedOut, SignoutAnswer};
use ltlm_protocol::request::{Activate, Consume, Heartbeat, ReleaseSeat};

use crate::domain::decision::Decision;
use crate::domain::license::entitlement::Ask;
use crate::domain::license::gate::Call;
use crate::domain::license::settings::{SaveSettings, SettingsReply};
use crate::domain::license::state::LicenseState;
use crate::domain::license::{
    activate, consume, entitlement, gate, heartbeat, read, refresh, release_seat, remove_device, settings, signout,
};
use crate::domain::pro::device_proof::Activation;
use crate::domain::pro::nonce::Evidence;
use crate::domain::throttle::Limited;
use crate::model::denied::Denied;
use crate::model::ids::{LicenseId, OperationKey, ShortHash};
use crate::model::write::wallet_of;
use crate::service::ids;
use crate::service::license::load_spec::{Consistency, Include, LoadSpec, SeatSearch};
use crate::service::license::request::Request;
use crate::service::retry::Unread;

/// A command on a license.
pub trait LicenseCommand {
    /// What it answers.
    type Reply;

    /// What it loads.
    fn wanted(&self, request: &Request) -> LoadSpec;

    /// What it loads at first, where eventually consistent reads can be enough. A decision that they cannot support, a refusal for one,
    /// is made again on what [`wanted`](Self::wanted) says.
    fn wanted_at_first(&self, _request: &Request) -> Option<LoadSpec> {
        None
    }

    /// Decides it.
    fn decide(&self, state: &LicenseState, call: &Call) -> Result<Decision<Self::Reply>, Denied>;

    /// What it leaves in the device's chain of nonces, where it came in an envelope.
    fn trace(&self, _decision: &Decision<Self::Reply>, _call: &Call) -> Evidence {
        Evidence::None
    }
}

/// What an answer in full shows, or a compact one.
fn shown(is_compact: bool) -> Include {
    if is_compact { Include::Seats } else { Include::Everything }
}

/// Registers a device and seats it (E1, E20).
impl LicenseCommand for Activate {
    type Reply = LicenseData;

    fn wanted(&self, request: &Request) -> LoadSpec {
        let activation = Some(Activation { key: self.device_key });
        LoadSpec { claims: SeatSearch::Insisting, activation, ..request.wanted(None, Include::Everything) }
    }

    fn decide(&self, state: &LicenseState, call: &Call) -> Result<Decision<LicenseData>, Denied> {
        activate::decide(state, call, self)
    }
}

/// The license for a device that shows itself (E2).
pub struct Refresh(pub Activate);

impl LicenseCommand for Refresh {
    type Reply = LicenseData;

    fn wanted(&self, request: &Request) -> LoadSpec {
        LoadSpec { claims: SeatSearch::Insisting, ..request.wanted(None, Include::Everything) }
    }

    fn decide(&self, state: &LicenseState, call: &Call) -> Result<Decision<LicenseData>, Denied> {
        refresh::decide(state, call, &self.0)
    }
}

/// Keeps a seat, or gives it back (E3, E21).
impl LicenseCommand for Heartbeat {
    type Reply = LicenseData;

    fn wanted(&self, request: &Request) -> LoadSpec {
        let claims = if self.is_closing { SeatSearch::Never } else { SeatSearch::Passing };
        LoadSpec { claims, ..request.wanted(None, shown(self.is_compact)) }
    }

    fn wanted_at_first(&self, request: &Request) -> Option<LoadSpec> {
        let is_one = self.is_compact && !self.is_closing;
        let consistency = Consistency::Eventual;
        is_one.then(|| LoadSpec { consistency, ..request.wanted(None, Include::AssumedSeat) })
    }

    fn decide(&self, state: &LicenseState, call: &Call) -> Result<Decision<LicenseData>, Denied> {
        heartbeat::decide(state, call, self)
    }
}

/// Gives a seat back (E22).
pub struct SignOut;

impl LicenseCommand for SignOut {
    type Reply = SignoutAnswer;

    fn wanted(&self, request: &Request) -> LoadSpec {
        request.wanted(None, Include::Seats)
    }

    fn decide(&self, state: &LicenseState, call: &Call) -> Result<Decision<SignoutAnswer>, Denied> {
        signout::decide(state, call)
    }
}

/// Releases a seat, and answers the license as the device leaves it.
pub struct SignOutWithLicense;

impl LicenseCommand for SignOutWithLicense {
    type Reply = SignedOut;

    fn wanted(&self, request: &Request) -> LoadSpec {
        request.wanted(None, Include::Everything)
    }

    fn decide(&self, state: &LicenseState, call: &Call) -> Result<Decision<SignedOut>, Denied> {
        signout::decide_with_license(state, call)
    }
}

/// The devices that hold its seats (E17).
pub struct ListSeats;

impl LicenseCommand for ListSeats {
    type Reply = SeatList;

    fn wanted(&self, request: &Request) -> LoadSpec {
        request.wanted(None, Include::AllSeats)
    }

    fn decide(&self, state: &LicenseState, call: &Call) -> Result<Decision<SeatList>, Denied> {
        Ok(Decision::read(read::seats(state, call)))
    }
}

/// Takes another device's seat away (E18).
impl LicenseCommand for ReleaseSeat {
    type Reply = ReleaseSeatAnswer;

    fn wanted(&self, request: &Request) -> LoadSpec {
        LoadSpec { target: Some(self.target.clone()), ..request.wanted(None, Include::Seats) }
    }

    fn decide(&self, state: &LicenseState, call: &Call) -> Result<Decision<ReleaseSeatAnswer>, Denied> {
        release_seat::decide(state, call, self)
    }
}

/// Removes a device, if the customer may.
pub struct RemoveDevice {
    /// The device.
    pub hwid: String,
}

impl LicenseCommand for RemoveDevice {
    type Reply = ();

    fn wanted(&self, request: &Request) -> LoadSpec {
        LoadSpec { target: Some(self.hwid.clone()), ..request.wanted(None, Include::Seats) }
    }

    fn decide(&self, state: &LicenseState, call: &Call) -> Result<Decision<()>, Denied> {
        remove_device::by_customer(state, call, &self.hwid)
    }
}

/// Whose ledger a registered device may read.
pub struct OpenLedger;

impl LicenseCommand for OpenLedger {
    type Reply = LicenseId;

    fn wanted(&self, request: &Request) -> LoadSpec {
        request.wanted(None, Include::Nothing)
    }

    fn decide(&self, state: &LicenseState, _: &Call) -> Result<Decision<LicenseId>, Denied> {
        gate::online(state)?;
        gate::registered(state)?;
        Ok(Decision::read(state.license.id.clone()))
    }
}

/// May a device use a capability that costs so many tokens?
impl LicenseCommand for Ask {
    type Reply = Entitlement;

    fn wanted(&self, request: &Request) -> LoadSpec {
        request.wanted(None, Include::Nothing)
    }

    fn decide(&self, state: &LicenseState, call: &Call) -> Result<Decision<Entitlement>, Denied> {
        Ok(Decision::read(entitlement::check(state, call, self)))
    }
}

/// The user settings as they are (E8, E25).
pub struct GetSettings;

impl LicenseCommand for GetSettings {
    type Reply = SettingsReply;

    fn wanted(&self, request: &Request) -> LoadSpec {
        request.wanted(None, Include::Settings)
    }

    fn decide(&self, state: &LicenseState, call: &Call) -> Result<Decision<SettingsReply>, Denied> {
        Ok(Decision::read(settings::get(state, call)?))
    }
}

/// Saves the user settings (E9, E26).
pub struct PutSettings {
    /// What to save.
    pub settings: SaveSettings,
    /// The revision that they must have, if the caller says so.
    pub if_match: Option<i64>,
    /// Names this one call: saving is held to a rate.
    pub call: String,
}

impl LicenseCommand for PutSettings {
    type Reply = SettingsReply;

    fn wanted(&self, request: &Request) -> LoadSpec {
        let limited = Some((Limited::SettingsWrites, self.call.clone()));
        LoadSpec { limited, ..request.wanted(None, Include::Settings) }
    }

    fn decide(&self, state: &LicenseState, call: &Call) -> Result<Decision<SettingsReply>, Denied> {
        settings::decide(state, call, &self.settings, self.if_match)
    }
}

/// Charges tokens once (E4, E23).
pub struct Use {
    /// What is used.
    pub consume: Consume,
    /// The operation.
    pub key: OperationKey,
}

impl Use {
    /// What is kept of it in a chain of nonces: license, action and metadata.
    pub fn mark(&self, call: &Call) -> ShortHash {
        ids::use_mark(&ids::license_id(&call.key), &self.consume.action, self.consume.meta.as_ref())
    }
}

impl LicenseCommand for Use {
    type Reply = LicenseData;

    fn wanted(&self, request: &Request) -> LoadSpec {
        let wanted = request.wanted(None, shown(self.consume.is_compact));
        let unread = Some(Unread { wallet: wallet_of(&wanted.license), operation: self.key.id.clone() });
        LoadSpec { claims: SeatSearch::Staying, unread, ..wanted }
    }

    fn wanted_at_first(&self, request: &Request) -> Option<LoadSpec> {
        let consistency = Consistency::Eventual;
        self.consume.is_compact.then(|| LoadSpec { consistency, beside: Include::OwnSeat, ..self.wanted(request) })
    }

    fn decide(&self, state: &LicenseState, call: &Call) -> Result<Decision<LicenseData>, Denied> {
        consume::decide(state, call, &self.consume, &self.key)
    }

    fn trace(&self, decision: &Decision<LicenseData>, call: &Call) -> Evidence {
        // A use that has a name of its own is told apart by that.
        match decision.writes.is_empty() || self.consume.operation_id.is_some() {
            true => Evidence::None,
            false => Evidence::Charge { what: self.mark(call), amount: self.consume.amount },
        }
    }
}
