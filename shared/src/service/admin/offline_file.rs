//! Offline files: created, signed and encrypted (wire 4.13).

use futures_util::future::join;
use ltlm_protocol::envelope::{self, Mode};
use serde_json::{Map, Value};
use zeroize::Zeroizing;

use crate::domain::ahead::must_lie_ahead;
use crate::domain::license::offline_file::{self, FileState, IssueFile};
use crate::keys::Purpose;
use crate::model::denied::Denied;
use crate::model::project::Project;
use crate::model::record::Record;
use crate::service::admin::license::once_on;
use crate::service::admin::operation::AdminCall;
use crate::service::app::{App, Budget, Error};
use crate::service::license::load;
use crate::service::license::load_spec::{Include, LoadSpec};
use crate::service::license::request::Request;
use crate::service::retry::Absorb;
use crate::table::port::{Read, Table};

impl Absorb for FileState {
    fn absorb(&mut self, record: Record) -> bool {
        FileState::absorb(self, record)
    }
}

/// Issues a file for devices, which it registers; its text, and whether an earlier call had issued it.
pub async fn issue<T: Table>(
    app: &App<T>,
    budget: &Budget<'_>,
    request: &Request,
    command: &IssueFile,
    act: &AdminCall,
) -> Result<(String, bool), Error> {
    let wanted = request.wanted(None, Include::Nothing);
    let id = act.id_on(&wanted.license);
    let wanted = LoadSpec { act: Some(id.clone()), ..wanted };
    let load = || async {
        let reads: Vec<_> =
            command.hwids.iter().map(|hwid| Read::Device(wanted.license.clone(), hwid.clone())).collect();
        let devices = async { app.table.read(&reads, budget.meter).await.map_err(Error::from) };
        let (license, devices) = join(Box::pin(load::license(app, budget, &wanted)), devices).await;
        let mut state = FileState { license: license?, devices: Vec::new() };
        for record in devices? {
            state.absorb(record);
        }
        Ok(state)
    };
    let file = |state: &FileState| {
        let decision = offline_file::decide(state, &request.call, command)?;
        Ok(decision.map(|data| (data, state.license.project.clone())))
    };
    let decide = |state: &FileState| {
        let decision = file(state)?;
        must_lie_ahead("validUntil", command.valid_until, act.now)?;
        // Every file that is issued stands in the log, whether its devices are new or not.
        Ok((true, decision))
    };
    let again = |state: &FileState| file(state).map(|decision| decision.reply);
    let ((data, project), again) =
        once_on(app, budget, act, &id, load, |state| state.license.done.as_ref(), decide, again).await?;

    let mut data = serde_json::to_value(&data).unwrap_or_default();
    data["hwid"] = Value::from(command.hwids.first().cloned());
    Ok((sealed(app, &project, command, data, act).await?, again))
}

async fn sealed<T>(
    app: &App<T>,
    project: &Project,
    command: &IssueFile,
    data: Value,
    act: &AdminCall,
) -> Result<String, Error> {
    let named = |id: &String| project.secrets.iter().find(|secret| secret.id == *id);
    let secret = command.secret_id.as_ref().map_or(project.secrets.last(), named).ok_or(Denied::SecretNotFound)?;
    let key = app.unwrap(&project.id, Purpose::Secret, &secret.wrapped).await?;
    let seed = app.unwrap(&project.id, Purpose::SigningSeed, &project.wrapped.signing_seed).await?;
    let members = Map::from_iter([
        ("data".to_owned(), data),
        ("generatedAt".to_owned(), Value::from(act.now.to_string())),
        ("timestamp".to_owned(), Value::from(act.now.ms())),
    ]);
    let text = Zeroizing::new(envelope::sign(seed.expose(), members));
    let mut random = [0; 16];
    app.entropy.fill(&mut random);
    Ok(envelope::seal(key.expose(), Mode::Cbc, random, &text) + "\n")
}
