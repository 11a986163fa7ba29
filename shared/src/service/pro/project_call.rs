//! Calls on a project, where no license is named: loaded in one round trip if the project is known from the last call, in two if not.

use ltlm_protocol::Timestamp;

use crate::domain::decision::Decision;
use crate::domain::pro::hardening::Hardening;
use crate::domain::pro::nonce::{self, Evidence, NonceUse};
use crate::domain::pro::project_state::ProjectState;
use crate::model::denied::Denied;
use crate::model::project::Project;
use crate::model::record::{Record, project_in};
use crate::service::app::{App, Budget, Error};
use crate::service::license::load;
use crate::service::license::load_spec::Access;
use crate::service::pro::signer::{self, Signed, Signer, SignerCell};
use crate::service::retry::Absorb;
use crate::service::transact;
use crate::table::port::{Read, Table};

/// A call on a project.
#[derive(Clone, Debug)]
pub struct ProjectCall {
    /// Whose.
    pub access: Access,
    /// Its turn in the device's chain, if it came in an envelope.
    pub turn: Option<NonceUse>,
    /// The one instant it is judged at.
    pub now: Timestamp,
}

/// An answer, with what signs it if the call came in an envelope.
#[derive(Debug)]
pub struct MaybeSigned<R> {
    /// The answer.
    pub reply: R,
    /// What signs it.
    pub signer: Option<Signer>,
}

impl<R> MaybeSigned<R> {
    /// The same with another answer.
    pub fn map<Q>(self, reply: impl FnOnce(R) -> Q) -> MaybeSigned<Q> {
        MaybeSigned { reply: reply(self.reply), signer: self.signer }
    }

    /// The answer, to be signed.
    pub fn signed(self) -> Result<Signed<R>, Error> {
        let signer = self.signer.ok_or_else(|| Error::Broken("an answer without a signer".into()))?;
        Ok(signer.sign(self.reply))
    }
}

impl Absorb for ProjectState {
    fn absorb(&mut self, record: Record) -> bool {
        ProjectState::absorb(self, record);
        true
    }
}

/// Loads the state of a call on a project: `wants` states what else of the project with this id.
pub async fn load<T: Table>(
    app: &App<T>,
    budget: &Budget<'_>,
    call: &ProjectCall,
    wants: impl Fn(&str) -> Vec<Read>,
) -> Result<ProjectState, Error> {
    let Access::Secret(hash) = &call.access else { return Err(Denied::UnauthorizedProject.into()) };
    let of_project = |id: &str| {
        let chain = call.turn.as_ref().map(|turn| Read::Chain(turn.chain_id(id)));
        [Read::Project(id.to_owned())].into_iter().chain(chain).chain(wants(id)).collect::<Vec<_>>()
    };
    let hinted = load::hinted_project(app, &call.access);
    let mut first: Vec<_> = hinted.is_none().then(|| Read::Secret(hash.clone())).into_iter().collect();
    first.extend(call.turn.iter().flat_map(NonceUse::blobs).map(Read::SeenBlob));
    first.extend(hinted.as_deref().into_iter().flat_map(of_project));
    let mut records = app.table.read(&first, budget.meter).await?;
    let named = match hinted {
        Some(_) => load::named_project(app, budget, hash, project_in(&records).as_ref()).await?,
        None => records.iter().find_map(|record| match record {
            Record::Secret { project_id, .. } => Some(project_id.clone()),
            _ => None,
        }),
    };
    let id = named.ok_or(Denied::UnauthorizedProject)?;
    if hinted.as_ref() != Some(&id) {
        // What a wrong hint brought is another project's.
        records.retain(|record| matches!(record, Record::SeenBlob(_)));
        records.extend(app.table.read(&of_project(&id), budget.meter).await?);
        app.hints.remember_project(hash, &id);
    }
    let project = project_in(&records).ok_or_else(|| Error::Broken("a secret's project is not there".into()))?;
    project.in_service()?;
    let mut state = ProjectState::new(project);
    records.into_iter().for_each(|record| state.absorb(record));
    if let Some(turn) = &call.turn {
        turn.check(state.chain.as_ref(), state.seen_blob.as_ref())?;
        if turn.is_cbc && Hardening::of(&state.project).gcm_only {
            return Err(Denied::BadEnvelope.into());
        }
    }
    Ok(state)
}

/// Runs a command on a project, in its turn if it came in an envelope.
pub async fn run<T: Table, R>(
    app: &App<T>,
    budget: &Budget<'_>,
    call: &ProjectCall,
    wants: impl Fn(&str) -> Vec<Read>,
    decide: impl Fn(&ProjectState) -> Result<Decision<R>, Denied>,
) -> Result<MaybeSigned<R>, Error> {
    let cell = SignerCell::default();
    let load = || async {
        let state = load(app, budget, call, &wants).await?;
        if call.turn.is_some() {
            keep_signer(app, &cell, &state.project).await?;
        }
        Ok(state)
    };
    let decide = |state: &ProjectState| match &call.turn {
        None => decide(state),
        Some(turn) => nonce::in_turn(state, turn, call.now, &decide, |_| Evidence::None),
    };
    let reply = transact::act(app, budget, load, decide).await?;
    Ok(MaybeSigned { reply, signer: signer::taken(cell) })
}

/// Gets the signer of a project.
pub async fn keep_signer<T>(app: &App<T>, cell: &SignerCell, project: &Project) -> Result<(), Error> {
    signer::keep_signer(app, cell, project, Hardening::of(project).bound_answers).await
}
