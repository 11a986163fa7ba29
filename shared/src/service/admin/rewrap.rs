//! Rewraps keys with the deployment's own KMS key, after a table came from another deployment.

use std::collections::HashMap;

use ltlm_protocol::admin_data::Rewrapped;

use crate::domain::admin::rewrap::Rewrap;
use crate::keys::{KeyError, Purpose};
use crate::model::denied::Denied;
use crate::model::email::Email;
use crate::model::project::Project;
use crate::model::webhook::Webhook;
use crate::model::write::Write;
use crate::service::admin::operation::{AdminCall, AdminChange, Found, Part, find, once};
use crate::service::app::{App, Budget, Error};
use crate::service::webhooks::delivery;
use crate::table::port::{Read, Table};

/// New wrappings by the ones before.
#[derive(Default)]
struct Wrappings {
    new: HashMap<Vec<u8>, Vec<u8>>,
    counts: Rewrapped,
}

impl Wrappings {
    /// The wrapping to store in place of `wrapped`: what was written in the meantime is already wrapped with the
    /// deployment's own key.
    fn of(&self, wrapped: &[u8]) -> Vec<u8> {
        self.new.get(wrapped).cloned().unwrap_or_else(|| wrapped.to_vec())
    }

    fn is_empty(&self) -> bool {
        self.new.is_empty()
    }
}

/// A wrapped key, and what it is for.
type Wrapped = (Purpose, Vec<u8>);

async fn rewrapped<T>(app: &App<T>, command: &Rewrap, name: &str, keys: Vec<Wrapped>) -> Result<Wrappings, Error> {
    let mut wrappings = Wrappings::default();
    let kms = app.kms()?;
    let previous = kms.with_key(command.previous.as_str(), command.previous.region());
    // What was made before there was a purpose has no key for it, nor has a stopped webhook that came with an import.
    for (purpose, wrapped) in keys.into_iter().filter(|(_, wrapped)| !wrapped.is_empty()) {
        match kms.rewrap(&previous, name, purpose, &wrapped).await {
            Ok(Some(new)) => {
                wrappings.new.insert(wrapped, new);
                wrappings.counts.rewrapped += 1;
            }
            Ok(None) => wrappings.counts.unchanged += 1,
            Err(KeyError::Broken(_)) => return Err(Denied::WrappingKeyNotUsable.into()),
            Err(busy) => return Err(busy.into()),
        }
    }
    Ok(wrappings)
}

/// Rewraps the keys of a project and of its webhooks. What the deployment's key has wrapped stays as it is, so that the
/// operation can be repeated under any id. Returns how many keys there were, and whether an earlier call did it.
pub async fn project<T: Table>(
    app: &App<T>,
    budget: &Budget<'_>,
    id: &str,
    command: &Rewrap,
    act: &AdminCall,
) -> Result<(Rewrapped, bool), Error> {
    act.by.may_everywhere()?;
    let reads = [Read::Project(id.to_owned())];
    let found = find(app, budget, &[reads.to_vec(), act.known(0)].concat()).await?;
    let project = found.project()?.clone();
    if let Some(done) = act.replay(&found.done)? {
        return Ok((counts(&done.made), true));
    }
    let mut total = Rewrapped::default();
    for (index, one) in delivery::webhooks(app, budget, id).await?.iter().enumerate() {
        total += webhook(app, budget, one, command, (act, index + 1)).await?;
    }
    let wrappings = rewrapped(app, command, id, keys_of(&project)).await?;
    total += wrappings.counts;
    let deed = |found: &Found| {
        let project = found.project()?.with_keys(|wrapped| wrappings.of(wrapped));
        let writes = (!wrappings.is_empty()).then_some(Write::ReplaceProject { project });
        Ok(AdminChange { made: made(total), writes: writes.into_iter().collect() })
    };
    let earlier = once(app, budget, act, Part { found: Some(found), ..Part::whole() }, &reads, deed).await?;
    Ok((earlier.as_ref().map_or(total, |made| counts(made)), earlier.is_some()))
}

/// The wrapped keys of a project.
fn keys_of(project: &Project) -> Vec<Wrapped> {
    let wrapped = &project.wrapped;
    let own = [
        (Purpose::SigningSeed, &wrapped.signing_seed),
        (Purpose::Derivation, &wrapped.derivation),
        (Purpose::Sealing, &wrapped.sealing),
    ];
    let secrets = project.secrets.iter().map(|secret| (Purpose::Secret, &secret.wrapped));
    own.into_iter().chain(secrets).map(|(purpose, wrapped)| (purpose, wrapped.clone())).collect()
}

async fn webhook<T: Table>(
    app: &App<T>,
    budget: &Budget<'_>,
    webhook: &Webhook,
    command: &Rewrap,
    (act, index): (&AdminCall, usize),
) -> Result<Rewrapped, Error> {
    let mut keys = vec![(Purpose::Webhook, webhook.wrapped.clone())];
    if let Some((wrapped, _)) = &webhook.previous {
        keys.push((Purpose::Webhook, wrapped.clone()));
    }
    let wrappings = rewrapped(app, command, &webhook.project_id, keys).await?;
    let deed = |found: &Found| {
        let known = found.known_webhook(&webhook.project_id)?;
        let write = Write::SaveWebhook {
            webhook: known.with_keys(|wrapped| wrappings.of(wrapped)),
            found: Some(known.revision),
        };
        let writes = (!wrappings.is_empty()).then_some(write);
        Ok(AdminChange { made: made(wrappings.counts), writes: writes.into_iter().collect() })
    };
    let part = Part { index, found: None };
    let earlier = once(app, budget, act, part, &[Read::Webhook(webhook.id.clone())], deed).await?;
    Ok(earlier.map_or(wrappings.counts, |made| counts(&made)))
}

/// The same for the key that a developer's codes follow from.
pub async fn developer<T: Table>(
    app: &App<T>,
    budget: &Budget<'_>,
    username: &Email,
    command: &Rewrap,
    act: &AdminCall,
) -> Result<(Rewrapped, bool), Error> {
    act.by.may_everywhere()?;
    let reads = [Read::Developer(username.clone())];
    let found = find(app, budget, &[reads.to_vec(), act.known(0)].concat()).await?;
    let developer = found.developer()?.clone();
    if let Some(done) = act.replay(&found.done)? {
        return Ok((counts(&done.made), true));
    }
    let keys = vec![(Purpose::Codes, developer.wrapped.clone())];
    let wrappings = rewrapped(app, command, developer.username.as_str(), keys).await?;
    let deed = |found: &Found| {
        let known = found.developer()?;
        let developer = known.with_key(wrappings.of(&known.wrapped));
        let write = Write::SaveDeveloper { developer, found: Some(known.revision) };
        let writes = (!wrappings.is_empty()).then_some(write);
        Ok(AdminChange { made: made(wrappings.counts), writes: writes.into_iter().collect() })
    };
    let earlier = once(app, budget, act, Part { found: Some(found), ..Part::whole() }, &reads, deed).await?;
    Ok((earlier.as_ref().map_or(wrappings.counts, |made| counts(made)), earlier.is_some()))
}

/// The counts as an operation remembers them.
fn made(counts: Rewrapped) -> Vec<String> {
    vec![counts.rewrapped.to_string(), counts.unchanged.to_string()]
}

fn counts(made: &[String]) -> Rewrapped {
    let count = |place: usize| made.get(place).and_then(|text| text.parse().ok()).unwrap_or(0);
    Rewrapped { rewrapped: count(0), unchanged: count(1) }
}
