//! What a command loads, the first time and later: eventually consistent reads come first where they can be enough.

use std::sync::atomic::{AtomicBool, Ordering};

use crate::domain::license::state::LicenseState;
use crate::domain::pro::nonce::NonceUse;
use crate::service::app::{App, Budget, Error};
use crate::service::license::command::LicenseCommand;
use crate::service::license::load;
use crate::service::license::load_spec::LoadSpec;
use crate::service::license::request::Request;
use crate::service::retry::Unread;
use crate::table::port::Table;

/// What one call loads.
pub struct LoadPlan {
    at_first: Option<LoadSpec>,
    wanted: LoadSpec,
    is_begun: AtomicBool,
}

impl LoadPlan {
    /// What a command loads, in its turn if it came in an envelope.
    pub fn of<C: LicenseCommand>(command: &C, request: &Request, turn: Option<&NonceUse>) -> Self {
        let in_turn = |wanted: LoadSpec| LoadSpec { turn: turn.cloned(), ..wanted };
        Self {
            at_first: command.wanted_at_first(request).map(in_turn),
            ..Self::strong(in_turn(command.wanted(request)))
        }
    }

    /// What is always loaded by strongly consistent reads.
    pub fn strong(wanted: LoadSpec) -> Self {
        Self { at_first: None, wanted, is_begun: AtomicBool::new(false) }
    }

    /// The entry that is left unread until it can matter.
    pub fn unread(&self) -> Option<&Unread> {
        self.wanted.unread.as_ref()
    }

    /// Loads the state. A refusal by what was read at first may be due to an outdated record: then everything is read as it is.
    pub async fn load<T: Table>(&self, app: &App<T>, budget: &Budget<'_>) -> Result<LicenseState, Error> {
        let is_begun = self.is_begun.swap(true, Ordering::Relaxed);
        if let Some(at_first) = self.at_first.as_ref().filter(|_| !is_begun) {
            match load::license(app, budget, at_first).await {
                Err(Error::Denied(_)) => {}
                loaded => return loaded,
            }
        }
        load::license(app, budget, &self.wanted).await
    }
}
