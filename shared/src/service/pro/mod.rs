//! Calls that came in an envelope (PRO): the same commands, each in its turn in the device's chain of nonces, and an answer that
//! the project's key signs (wire 2).

pub mod project_call;
pub mod signer;

use ltlm_protocol::request::ConsumeBatch;
use ltlm_protocol::{LicenseData, canonical};
use serde_json::Value;

use crate::domain::decision::Decision;
use crate::domain::license::state::LicenseState;
use crate::domain::pro::nonce::{Evidence, NonceUse};
use crate::domain::pro::report_event::{EventNames, ReportEvent};
use crate::domain::pro::{nonce, report_event};
use crate::domain::throttle::Limited;
use crate::model::denied::Denied;
use crate::model::nonce_chain::{Chain, Refused};
use crate::model::record::Record;
use crate::model::write::Write;
use crate::service::app::{App, Budget, Error};
use crate::service::license::command::{LicenseCommand, Use};
use crate::service::license::consume_batch::BatchKey;
use crate::service::license::load_plan::LoadPlan;
use crate::service::license::load_spec::{Include, LoadSpec};
use crate::service::license::request::Request;
use crate::service::license::{consume_batch, load};
use crate::service::pro::signer::{Signed, SignerCell, find_signer, signed};
use crate::service::{ids, transact};
use crate::table::port::{Read, Table};

/// A call that came in an envelope.
#[derive(Clone, Debug)]
pub struct ProRequest {
    /// The caller, and the license.
    pub request: Request,
    /// Its turn in the device's chain.
    pub turn: NonceUse,
}

/// Runs a command in its turn.
pub async fn run<T: Table, C: LicenseCommand>(
    app: &App<T>,
    budget: &Budget<'_>,
    pro: &ProRequest,
    command: &C,
) -> Result<Signed<C::Reply>, Error> {
    let call = &pro.request.call;
    let decide = |state: &LicenseState| command.decide(state, call);
    let trace = |decision: &Decision<C::Reply>| command.trace(decision, call);
    let plan = LoadPlan::of(command, &pro.request, Some(&pro.turn));
    in_turn(app, budget, pro, &plan, (decide, trace)).await
}

/// Decides in the device's turn: what the command changes and its nonces are written together.
async fn in_turn<T: Table, R>(
    app: &App<T>,
    budget: &Budget<'_>,
    pro: &ProRequest,
    plan: &LoadPlan,
    (decide, trace): (impl Fn(&LicenseState) -> Result<Decision<R>, Denied>, impl Fn(&Decision<R>) -> Evidence),
) -> Result<Signed<R>, Error> {
    let cell = SignerCell::default();
    let load = || async {
        let state = plan.load(app, budget).await?;
        find_signer(app, &cell, &state).await?;
        Ok(state)
    };
    let decide = |state: &LicenseState| {
        let turn = pro.turn.on(state.policy.terms.is_air_gapped);
        nonce::in_turn(state, &turn, pro.request.call.now, &decide, &trace)
    };
    let reply = transact::act_once(app, budget, plan.unread(), load, decide).await?;
    signed(reply, cell)
}

/// Charges tokens once (E4).
pub async fn consume<T: Table>(
    app: &App<T>,
    budget: &Budget<'_>,
    pro: &ProRequest,
    used: &Use,
) -> Result<Signed<LicenseData>, Error> {
    let answer = run(app, budget, pro, used).await;
    if let Err(Error::Denied(Denied::NonceMismatch | Denied::InsufficientTokens { .. })) = &answer
        && used.consume.operation_id.is_none()
    {
        remember_refused(app, budget, pro, used).await;
    }
    answer
}

/// Stores a refused use, if that helps to judge the device's charges: the queued use later shows the offset of its
/// clock. No answer depends on it, so a failure is ignored.
async fn remember_refused<T: Table>(app: &App<T>, budget: &Budget<'_>, pro: &ProRequest, used: &Use) {
    let Some(project_id) = load::hinted_project(app, &pro.request.access) else { return };
    let reads = [Read::Chain(pro.turn.chain_id(&project_id))];
    let Ok(records) = app.table.read(&reads, budget.meter).await else { return };
    let chain = records.into_iter().find_map(|record| match record {
        Record::Chain(chain) => Some(chain),
        _ => None,
    });
    let Some(chain) = chain else { return };
    let refused = Refused { what: used.mark(&pro.request.call), amount: used.consume.amount, at: pro.request.call.now };
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

/// What distinguishes a report from others.
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
    let turn = Some(pro.turn.clone());
    let plan = LoadPlan::strong(LoadSpec { limited, turn, ..pro.request.wanted(None, Include::Nothing) });
    in_turn(app, budget, pro, &plan, (decide, |_: &Decision<()>| Evidence::None)).await
}
