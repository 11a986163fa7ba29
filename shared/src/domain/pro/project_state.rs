//! What a call on a project is decided on, where no license is named: the store, the portal.

use crate::domain::pro::nonce::Chained;
use crate::model::nonce_chain::{Chain, SeenBlob};
use crate::model::one_time_code::OneTimeCode;
use crate::model::order::Order;
use crate::model::policy::Policy;
use crate::model::project::Project;
use crate::model::record::Record;
use crate::model::trial::Trial;

/// A project as one call sees it.
#[derive(Clone, Debug, PartialEq)]
pub struct ProjectState {
    /// The caller's project.
    pub project: Project,
    /// Policies that were read.
    pub policies: Vec<Policy>,
    /// The order that this operation created before.
    pub order: Option<Order>,
    /// What is known of the address and trials.
    pub trial: Option<Trial>,
    /// The one-time code of the address.
    pub code: Option<OneTimeCode>,
    /// The nonces of the calling device, if the call came in an envelope.
    pub chain: Option<Chain>,
    /// The call's cipher text, if it came before.
    pub seen_blob: Option<SeenBlob>,
}

impl ProjectState {
    /// A project of which nothing else is known.
    pub fn new(project: Project) -> Self {
        Self { project, policies: Vec::new(), order: None, trial: None, code: None, chain: None, seen_blob: None }
    }

    /// Takes in a record.
    pub fn absorb(&mut self, record: Record) {
        match record {
            Record::Project(project) => self.project = project,
            // One that a license's policy number leads to may be another project's.
            Record::Policy(policy) if policy.project_id == self.project.id => self.policies.push(policy),
            Record::Order(order) => self.order = Some(order),
            // There may be one under an earlier spelling too. Each stands in the way of another trial.
            Record::Trial(trial) => self.trial = Some(trial),
            Record::Code(code) => self.code = Some(code),
            Record::Chain(chain) => self.chain = Some(chain),
            Record::SeenBlob(seen) => self.seen_blob = Some(seen),
            _ => {}
        }
    }
}

impl Chained for ProjectState {
    fn project(&self) -> &Project {
        &self.project
    }

    fn chain(&self) -> Option<&Chain> {
        self.chain.as_ref()
    }

    fn seen_blob(&self) -> Option<&SeenBlob> {
        self.seen_blob.as_ref()
    }
}
