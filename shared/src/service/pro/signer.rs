//! What signs the answers of a project.

use std::sync::{Arc, Mutex};

use crate::domain::license::state::LicenseState;
use crate::keys::{Key32, Purpose};
use crate::model::project::Project;
use crate::service::app::{App, Error};

/// An answer with what seals it.
#[derive(Debug)]
pub struct Signed<R> {
    /// The answer.
    pub reply: R,
    /// The key that signs it.
    pub seed: Arc<Key32>,
    /// Does the project require that answers state for whom they are?
    pub is_bound: bool,
}

impl<R> Signed<R> {
    /// The same, with `change` applied to the answer.
    pub fn map<S>(self, change: impl FnOnce(R) -> S) -> Signed<S> {
        Signed { reply: change(self.reply), seed: self.seed, is_bound: self.is_bound }
    }
}

/// The signer of a project's answers. It is loaded before anything takes effect, so that there is no effect without an
/// answer.
#[derive(Clone, Debug)]
pub struct Signer {
    seed: Arc<Key32>,
    is_bound: bool,
}

/// Where a load leaves the signer of the project that it found.
pub type SignerCell = Mutex<Option<Signer>>;

impl Signer {
    /// An answer that it is to sign.
    pub fn sign<R>(self, reply: R) -> Signed<R> {
        Signed { reply, seed: self.seed, is_bound: self.is_bound }
    }
}

/// Gets the signer of the project that a state is of.
pub async fn find_signer<T>(app: &App<T>, cell: &SignerCell, state: &LicenseState) -> Result<(), Error> {
    keep_signer(app, cell, &state.project, state.terms.hardening.bound_answers).await
}

/// Leaves the signer of a project in the cell.
pub async fn keep_signer<T>(app: &App<T>, cell: &SignerCell, project: &Project, is_bound: bool) -> Result<(), Error> {
    let seed = app.unwrap(&project.id, Purpose::SigningSeed, &project.wrapped.signing_seed).await?;
    *cell.lock().unwrap_or_else(std::sync::PoisonError::into_inner) = Some(Signer { seed, is_bound });
    Ok(())
}

/// The signer that a load left in the cell.
pub fn taken(cell: SignerCell) -> Option<Signer> {
    cell.into_inner().unwrap_or_else(std::sync::PoisonError::into_inner)
}

/// The answer with the signer that the load found.
pub fn signed<R>(reply: R, cell: SignerCell) -> Result<Signed<R>, Error> {
    let signer = taken(cell).ok_or_else(|| Error::Broken("an answer without a signer".into()))?;
    Ok(signer.sign(reply))
}
