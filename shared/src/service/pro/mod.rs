//! Commands that come in envelopes (PRO).

pub mod project_call;
pub mod signer;

use ltlm_protocol::license_data::{ReleaseSeatAnswer, SeatList, SignoutAnswer, UserSettings};
use ltlm_protocol::request::{Activate, Consume, ConsumeBatch, Heartbeat, ReleaseSeat};
use ltlm_protocol::{LicenseData, canonical};
use serde_json::Value;

use crate::domain::decision::Decision;
use crate::domain::license::settings::SaveSettings;
use crate::domain::license::state::LicenseState;
use crate::domain::license::{activate, consume, heartbeat, read, refresh, release_seat, settings, signout};
use crate::domain::pro::device_proof::Activation;
use crate::domain::pro::nonce::{Trace, Turn};
use crate::domain::pro::report_event::{EventNames, ReportEvent};
use crate::domain::pro::{nonce, report_event};
use crate::domain::throttle::Limited;
use crate::model::denied::Denied;
use crate::model::ids::{Mark, OperationKey};
use crate::model::nonce_chain::{Chain, Refused};
use crate::model::record::Record;
use crate::model::write::Write;
use crate::service::app::{App, Budget, Error};
use crate::service::license::consume_batch::BatchKey;
use crate::service::license::load_spec::{Beside, Claims, Wanted};
use crate::service::license::{Request, consume_batch, load};
use crate::service::pro::signer::{Signed, SignerCell, find_signer, signed};
use crate::service::{ids, transact};
use crate::table::port::{Read, Table};

/// A call that came in an envelope.
#[derive(Clone, Debug)]
pub struct ProRequest {
    /// Who calls, and for which license.
    pub request: Request,
    /// Its turn in the device's chain.
    pub turn: Turn,
}

impl ProRequest {
    /// What a command loads.
    pub fn wanted(&self, operation: Option<&OperationKey>, beside: Beside) -> Wanted {
        Wanted { turn: Some(self.turn.clone()), ..self.request.wanted(operation, beside) }
    }
}

/// Runs a command in its turn.
async fn run<T: Table, R>(
    app: &App<T>,
    budget: &Budget<'_>,
    pro: &ProRequest,
    wanted: Wanted,
    decide: impl Fn(&LicenseState) -> Result<Decision<R>, Denied>,
    trace: impl Fn(&Decision<R>) -> Trace,
) -> Result<Signed<R>, Error> {
    let cell = SignerCell::default();
    let load = || async {
        let state = load::license(app, budget, &wanted).await?;
        find_signer(app, &cell, &state).await?;
        Ok(state)
    };
    let decide = |state: &LicenseState| {
        let turn = pro.turn.on(state.policy.terms.is_air_gapped);
        nonce::in_turn(state, &turn, pro.request.call.now, &decide, &trace)
    };
    let reply = transact::act(app, budget, load, decide).await?;
    signed(reply, cell)
}

fn no_trace<R>(_: &Decision<R>) -> Trace {
    Trace::None
}

/// Registers a device and seats it (E1).
pub async fn validate<T: Table>(
    app: &App<T>,
    budget: &Budget<'_>,
    pro: &ProRequest,
    command: &Activate,
) -> Result<Signed<LicenseData>, Error> {
    let wanted = pro.wanted(None, Beside::Everything);
    let wanted =
        Wanted { claims: Claims::Insisting, activation: Some(Activation { key: command.device_key }), ..wanted };
    let decide = |state: &LicenseState| activate::decide(state, &pro.request.call, command);
    run(app, budget, pro, wanted, decide, no_trace).await
}

/// The license for a device that shows itself (E2).
pub async fn status<T: Table>(
    app: &App<T>,
    budget: &Budget<'_>,
    pro: &ProRequest,
    command: &Activate,
) -> Result<Signed<LicenseData>, Error> {
    let wanted = Wanted { claims: Claims::Insisting, ..pro.wanted(None, Beside::Everything) };
    let decide = |state: &LicenseState| refresh::decide(state, &pro.request.call, command);
    run(app, budget, pro, wanted, decide, no_trace).await
}

/// Keeps a seat, or gives it back (E3).
pub async fn heartbeat<T: Table>(
    app: &App<T>,
    budget: &Budget<'_>,
    pro: &ProRequest,
    command: &Heartbeat,
) -> Result<Signed<LicenseData>, Error> {
    let claims = if command.is_closing { Claims::Never } else { Claims::Passing };
    let wanted = Wanted { claims, ..pro.wanted(None, Beside::Everything) };
    let decide = |state: &LicenseState| heartbeat::decide(state, &pro.request.call, command);
    run(app, budget, pro, wanted, decide, no_trace).await
}

/// Gives a seat back.
pub async fn signout<T: Table>(
    app: &App<T>,
    budget: &Budget<'_>,
    pro: &ProRequest,
) -> Result<Signed<SignoutAnswer>, Error> {
    let decide = |state: &LicenseState| signout::decide(state, &pro.request.call);
    run(app, budget, pro, pro.wanted(None, Beside::Seats), decide, no_trace).await
}

/// Who holds a seat.
pub async fn seats<T: Table>(app: &App<T>, budget: &Budget<'_>, pro: &ProRequest) -> Result<Signed<SeatList>, Error> {
    let decide = |state: &LicenseState| Ok(Decision::read(read::seats(state, &pro.request.call)));
    run(app, budget, pro, pro.wanted(None, Beside::AllSeats), decide, no_trace).await
}

/// Takes another device's seat away (E18).
pub async fn release_seat<T: Table>(
    app: &App<T>,
    budget: &Budget<'_>,
    pro: &ProRequest,
    command: &ReleaseSeat,
) -> Result<Signed<ReleaseSeatAnswer>, Error> {
    let wanted = Wanted { target: Some(command.target.clone()), ..pro.wanted(None, Beside::Seats) };
    let decide = |state: &LicenseState| release_seat::decide(state, &pro.request.call, command);
    run(app, budget, pro, wanted, decide, no_trace).await
}

/// The user settings as they are (E8).
pub async fn settings<T: Table>(
    app: &App<T>,
    budget: &Budget<'_>,
    pro: &ProRequest,
) -> Result<Signed<UserSettings>, Error> {
    let decide = |state: &LicenseState| Ok(Decision::read(settings::get(state, &pro.request.call)?.answer));
    run(app, budget, pro, pro.wanted(None, Beside::Settings), decide, no_trace).await
}

/// Saves the user settings (E9).
pub async fn save_settings<T: Table>(
    app: &App<T>,
    budget: &Budget<'_>,
    pro: &ProRequest,
    command: &SaveSettings,
) -> Result<Signed<UserSettings>, Error> {
    let decide = |state: &LicenseState| {
        let Decision { writes, touch, reply } = settings::decide(state, &pro.request.call, command, None)?;
        Ok(Decision { writes, touch, reply: reply.answer })
    };
    let limited = Some((Limited::SettingsWrites, pro.turn.request.clone()));
    let wanted = Wanted { limited, ..pro.wanted(None, Beside::Settings) };
    run(app, budget, pro, wanted, decide, no_trace).await
}

/// Charges tokens once (E4).
pub async fn consume<T: Table>(
    app: &App<T>,
    budget: &Budget<'_>,
    pro: &ProRequest,
    command: &Consume,
    key: &OperationKey,
) -> Result<Signed<LicenseData>, Error> {
    let call = &pro.request.call;
    let decide = |state: &LicenseState| consume::decide(state, call, command, key);
    // A use that has a name of its own is told apart by that.
    let trace = |decision: &Decision<LicenseData>| match decision.writes.is_empty() || command.operation_id.is_some() {
        true => Trace::None,
        false => Trace::Charge { what: what_mark(pro, command), amount: command.amount },
    };
    let wanted = Wanted { claims: Claims::Staying, ..pro.wanted(Some(key), Beside::Everything) };
    let answer = run(app, budget, pro, wanted, decide, trace).await;
    if let Err(Error::Denied(Denied::NonceMismatch | Denied::InsufficientTokens { .. })) = &answer
        && command.operation_id.is_none()
    {
        remember_refused(app, budget, pro, command).await;
    }
    answer
}

fn what_mark(pro: &ProRequest, command: &Consume) -> Mark {
    ids::use_mark(&ids::license_id(&pro.request.call.key), &command.action, command.meta.as_ref())
}

/// Remembers a use that was refused, where that helps to judge the device's charges: the queued use tells how its clock
/// runs. No answer depends on it, so a failure is left at that.
async fn remember_refused<T: Table>(app: &App<T>, budget: &Budget<'_>, pro: &ProRequest, command: &Consume) {
    let Some(project_id) = load::hinted_project(app, &pro.request.access) else { return };
    let reads = [Read::Chain(pro.turn.chain_id(&project_id))];
    let Ok(records) = app.table.read(&reads, budget.meter).await else { return };
    let chain = records.into_iter().find_map(|record| match record {
        Record::Chain(chain) => Some(chain),
        _ => None,
    });
    let Some(chain) = chain else { return };
    let refused = Refused { what: what_mark(pro, command), amount: command.amount, at: pro.request.call.now };
    let Some(unproven) = chain.unproven.with_refused(refused) else { return };
    let found = chain.revision;
    let next = [Write::MoveChain { chain: Chain { unproven, revision: found + 1, ..chain }, found: Some(found) }];
    if let Err(error) = app.table.commit(&next, None, budget.meter).await {
        tracing::debug!(%error, "a refused use was not remembered");
    }
}

/// Charges a batch whole, once (E5).
pub async fn consume_batch<T: Table>(
    app: &App<T>,
    budget: &Budget<'_>,
    pro: &ProRequest,
    command: &ConsumeBatch,
    key: &BatchKey,
) -> Result<Signed<LicenseData>, Error> {
    let cell = SignerCell::default();
    let sealed = Some(consume_batch::Sealed { turn: &pro.turn, signer: &cell });
    let reply = consume_batch::consume(app, budget, &pro.request, command, key, sealed).await?;
    signed(reply, cell)
}

/// What may tell a report from others.
fn event_names(pro: &ProRequest, command: &ReportEvent) -> EventNames {
    let of = |kind: &str, parts: &[&str]| {
        let text = [&["event/1", kind, &pro.turn.hwid][..], parts].concat().join("\0");
        ids::sha256_hex(text.as_bytes())
    };
    let said = canonical::print(&Value::Object(command.payload.clone()));
    EventNames {
        by_operation: command.operation_id.as_ref().map(|id| of("operation", &[id])),
        by_nonce: pro.turn.presented.map(|mark| of("nonce", &[&hex::encode(mark.0), &command.kind, &said])),
    }
}

/// Keeps what an application reports (E6).
pub async fn report<T: Table>(
    app: &App<T>,
    budget: &Budget<'_>,
    pro: &ProRequest,
    command: &ReportEvent,
) -> Result<Signed<()>, Error> {
    let names = event_names(pro, command);
    let decide = |state: &LicenseState| report_event::decide(state, command, &names, &pro.turn, pro.request.call.now);
    let limited = Some((Limited::Events, pro.turn.request.clone()));
    let wanted = Wanted { limited, ..pro.wanted(None, Beside::Nothing) };
    run(app, budget, pro, wanted, decide, no_trace).await
}
