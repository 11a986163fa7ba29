//! Loads a license's state in one round trip.
//!
//! The keys of a license's own items follow from the request alone. Its project and policy do not: they follow from the
//! secret and from the license. Earlier reads therefore leave *hints*: which project a secret belonged to, and what its
//! policies were. The next read includes the hinted project, whose record lists its secrets, and then checks the hint: if
//! the fresh items contradict it, the hint is dropped and the missing items are read in a second round trip. A hint saves
//! reads; it never decides anything.
//!
//! Policies are kept whole, with the project's count of policy changes. The project's item is read afresh each time, so a
//! changed policy is seen by the first request after the change.

use std::collections::BTreeSet;
use std::sync::Arc;

use ltlm_protocol::Timestamp;

use crate::domain::license::seat_map;
use crate::domain::license::state::{LicenseState, Outdated};
use crate::domain::pro::device_proof;
use crate::model::administrator::AdminOperation;
use crate::model::denied::Denied;
use crate::model::device::{Device, SeatClaim};
use crate::model::ids::ChainId;
use crate::model::license::License;
use crate::model::nonce_chain::{Chain, SeenBlob};
use crate::model::order::Order;
use crate::model::policy::Policy;
use crate::model::project::Project;
use crate::model::record::Record;
use crate::model::seat::{Holder, Seat};
use crate::model::settings::Settings;
use crate::model::wallet::Wallet;
use crate::model::wallet::entry::Entry;
use crate::model::write::wallet_of;
use crate::service::app::{App, Budget, Error};
use crate::service::license::load_spec::{Access, Consistency, Include, LoadSpec};
use crate::service::license::seat_pages;
use crate::service::{retry, throttle};
use crate::table::port::{Read, Table};

/// The project that a secret is believed to name.
pub fn hinted_project<T>(app: &App<T>, access: &Access) -> Option<String> {
    match access {
        Access::Secret(hash) => app.hints.project(hash),
        Access::Administrator(_) => None,
    }
}

/// The project that a secret belongs to: the hinted one, if its record lists the secret; otherwise the one that the secret's own item
/// names.
pub async fn named_project<T: Table>(
    app: &App<T>,
    budget: &Budget<'_>,
    secret_hash: &str,
    hinted: Option<&Project>,
) -> Result<Option<String>, Error> {
    if let Some(project) = hinted.filter(|project| project.is_named_by(secret_hash)) {
        return Ok(Some(project.id.clone()));
    }
    let records = app.table.read(&[Read::Secret(secret_hash.to_owned())], budget.meter).await?;
    Ok(records.into_iter().find_map(|record| match record {
        Record::Secret { project_id, .. } => Some(project_id),
        _ => None,
    }))
}

/// Refuses a secret that names no project.
pub async fn known<T: Table>(app: &App<T>, budget: &Budget<'_>, access: &Access) -> Result<(), Error> {
    let Access::Secret(hash) = access else { return Ok(()) };
    let pointer = [Read::Secret(hash.clone())];
    let records = retry::records(app, budget, &pointer).await?;
    match records.is_empty() {
        true => Err(Denied::UnauthorizedProject.into()),
        false => Ok(()),
    }
}

/// Records as they are read, before they form a state.
#[derive(Default)]
struct Loaded {
    project_id: Option<String>,
    project: Option<Project>,
    policy: Option<Arc<Policy>>,
    license: Option<License>,
    wallet: Option<Wallet>,
    device: Option<Device>,
    target: Option<Device>,
    removed: Option<Device>,
    others: Vec<Device>,
    seats: Vec<Seat>,
    settings: Option<Settings>,
    entry: Option<Entry>,
    done: Option<AdminOperation>,
    next_policy: Option<Policy>,
    order: Option<Order>,
    chain: Option<Chain>,
    seen_blob: Option<SeenBlob>,
}

impl Loaded {
    fn take(&mut self, records: Vec<Record>, hwid: Option<&str>) {
        for record in records {
            match record {
                Record::Secret { project_id, .. } => self.project_id = Some(project_id),
                Record::Project(project) => self.project = Some(project),
                Record::Policy(policy) => self.policy = Some(Arc::new(policy)),
                Record::License(license) => self.license = Some(license),
                Record::Wallet(wallet) => self.wallet = Some(wallet),
                Record::Device(_, device) if device.removed_at.is_some() => self.removed = Some(device),
                Record::Device(_, device) if hwid == Some(device.hwid.as_str()) => self.device = Some(device),
                Record::Device(_, device) => self.target = Some(device),
                // The caller's own record comes by its key; the list may still show a removed one.
                Record::ListedDevice(device) if hwid == Some(device.hwid.as_str()) => {}
                Record::ListedDevice(device) => self.others.push(device),
                Record::Seat(_, seat) => self.seats.push(seat),
                Record::Settings(_, settings) => self.settings = Some(settings),
                Record::Entry(entry) => self.entry = Some(entry),
                Record::AdminOperation(done) => self.done = Some(done),
                Record::Chain(chain) => self.chain = Some(chain),
                Record::SeenBlob(seen) => self.seen_blob = Some(seen),
                Record::Order(order) => self.order = Some(order),
                // What is of no license.
                _ => {}
            }
        }
    }
}

/// Loads the state of a license: one round trip if the hints hold, two if not.
pub async fn license<T: Table>(app: &App<T>, budget: &Budget<'_>, wanted: &LoadSpec) -> Result<LicenseState, Error> {
    let secret = match &wanted.access {
        Access::Secret(hash) => Some(hash.as_str()),
        Access::Administrator(_) => None,
    };
    let hinted = hinted_project(app, &wanted.access);
    let mut loaded = Loaded::default();
    let hwid = wanted.hwid.as_deref().unwrap_or_default();
    let page = seat_map::home_page(hwid, app.hints.seats(&wanted.license));
    let remembered = match wanted.beside {
        Include::OwnSeat => app.hints.lease(&wanted.license, hwid, wanted.now),
        _ => None,
    };
    let page_read = remembered.is_none().then_some(page);
    let first = first_reads(wanted, secret.filter(|_| hinted.is_none()), hinted.as_deref(), page_read);
    loaded.take(app.table.read(&first, budget.meter).await?, wanted.hwid.as_deref());
    if let Some(hash) = secret.filter(|_| hinted.is_some()) {
        loaded.project_id = named_project(app, budget, hash, loaded.project.as_ref()).await?;
    }
    // In the first round a policy is one that the command names.
    loaded.next_policy = loaded.policy.take().map(|policy| (*policy).clone());

    if secret.is_some() && loaded.project_id.is_none() {
        return Err(Denied::UnauthorizedProject.into());
    }
    // Another's license is none: nobody learns which keys there are elsewhere.
    let mine = loaded.license.take().filter(|license| match &wanted.access {
        Access::Administrator(by) => by.may_in(&license.project_id).is_ok(),
        Access::Secret(_) => loaded.project_id.as_ref() == Some(&license.project_id),
    });
    let project_id = loaded.project_id.clone().or_else(|| mine.as_ref().map(|license| license.project_id.clone()));
    loaded.project = loaded.project.filter(|project| Some(&project.id) == project_id.as_ref());
    let chain = wanted.turn.as_ref().zip(project_id.clone());
    let chain = chain.map(|(turn, project_id)| turn.chain_id(&project_id));
    loaded.chain = loaded.chain.filter(|loaded| Some(&loaded.id) == chain.as_ref());
    // Read already, if the hint was right.
    let chain = chain.filter(|chain| hinted.as_ref() != Some(&chain.project_id));

    complete(app, budget, &mut loaded, project_id, mine.as_ref(), chain).await?;
    if let Some(turn) = &wanted.turn {
        let is_air_gapped = mine.is_some() && loaded.policy.as_ref().is_some_and(|policy| policy.terms.is_air_gapped);
        turn.on(is_air_gapped).check(loaded.chain.as_ref(), loaded.seen_blob.as_ref())?;
    }
    let license = mine.ok_or(Denied::LicenseNotFound)?;
    // It came by an import that is not finished.
    let project = loaded.project.ok_or(Denied::LicenseNotFound)?;
    project.in_service()?;
    let policy = loaded.policy.ok_or_else(|| Error::Broken("a license's policy is not there".into()))?;
    app.hints.remember(secret, &project, &policy);
    let mut state = LicenseState {
        wallet: loaded.wallet,
        device: loaded.device,
        target: loaded.target,
        removed: loaded.removed,
        others: loaded.others,
        seats: loaded.seats,
        seat_pages: match wanted.beside {
            Include::Everything | Include::Seats => BTreeSet::from([page]),
            Include::OwnSeat if remembered.is_none() => BTreeSet::from([page]),
            _ => BTreeSet::new(),
        },
        outdated: outdated(wanted),
        settings: loaded.settings,
        entry: loaded.entry,
        done: loaded.done,
        next_policy: loaded.next_policy,
        order: loaded.order,
        is_sealed: wanted.turn.is_some(),
        chain: loaded.chain,
        seen_blob: loaded.seen_blob,
        ..LicenseState::new(project, (*policy).clone(), license)
    };
    if state.terms.hardening.gcm_only && wanted.turn.as_ref().is_some_and(|turn| turn.is_cbc) {
        return Err(Denied::BadEnvelope.into());
    }
    if secret.is_some() {
        device_proof::check(&state, wanted.hwid.as_deref(), wanted.proof.as_ref(), wanted.activation, wanted.now)?;
    }
    // Who is not registered is refused anyway, by the decision.
    let is_counted = state.device.is_some() || wanted.hwid.is_none();
    if let Some((limited, call)) = wanted.limited.as_ref().filter(|_| is_counted) {
        let source = [state.license.id.0.as_str(), wanted.hwid.as_deref().unwrap_or_default()];
        throttle::take(app, budget, *limited, &source, Some(&state.project), (call, wanted.now)).await?;
    }
    if wanted.beside == Include::AllSeats {
        state.seat_pages = seat_pages::every_page(&state);
        if state.is_torn() {
            seat_pages::read_all(app, budget, &mut state).await?;
        }
    } else if matches!(wanted.beside, Include::Everything | Include::Seats) {
        app.hints.remember_seats(&state);
        // On the heap: seldom taken, and large.
        Box::pin(seat_pages::complete(app, budget, wanted, &mut state)).await?;
        app.hints.remember_lease(&state, wanted.now);
    } else if wanted.beside == Include::OwnSeat {
        seat_pages::own(app, budget, &mut state, remembered, wanted.now).await?;
    } else if wanted.beside == Include::AssumedSeat {
        state.seats = assumed_seat(&state, wanted.now);
    }
    Ok(state)
}

/// What of a state that is read as `wanted` says may be outdated.
fn outdated(wanted: &LoadSpec) -> Outdated {
    let is_eventual = wanted.consistency == Consistency::Eventual;
    Outdated {
        wallet: is_eventual,
        // Whoever signs is judged by the key in the record.
        device: is_eventual && wanted.beside == Include::AssumedSeat && wanted.proof.is_none(),
        seat: wanted.beside == Include::AssumedSeat,
        chain: is_eventual && wanted.turn.is_some(),
    }
}

/// The seat that the device's record names, with a lease in force.
fn assumed_seat(state: &LicenseState, now: Timestamp) -> Vec<Seat> {
    let Some(device) = &state.device else { return Vec::new() };
    let SeatClaim::Holds { slot, epoch } = device.seat else { return Vec::new() };
    let holder = Holder {
        hwid: device.hwid.clone(),
        nickname: device.nickname.clone(),
        seen_at: device.seen_at,
        lease_until: now.plus_seconds(1),
    };
    vec![Seat { slot, epoch, holder: Some(holder) }]
}

/// `page`: the page of seats that is read along, where the command reads one.
fn first_reads(wanted: &LoadSpec, secret: Option<&str>, project: Option<&str>, page: Option<i64>) -> Vec<Read> {
    let license = &wanted.license;
    let outdated = outdated(wanted);
    let read = |read: Read, may_be_outdated: bool| match may_be_outdated {
        true => Read::Eventually(Box::new(read)),
        false => read,
    };
    let mut reads = vec![Read::License(license.clone()), read(Read::Wallet(wallet_of(license)), outdated.wallet)];
    reads.extend(secret.map(|hash| Read::Secret(hash.to_owned())));
    reads.extend(project.map(|id| Read::Project(id.to_owned())));
    if let Some(turn) = &wanted.turn {
        let chain = project.map(|id| turn.chain_id(id));
        reads.extend(chain.map(|chain| read(Read::Chain(chain), outdated.chain)));
        reads.extend(turn.blobs().map(Read::SeenBlob));
    }
    let device = wanted.hwid.iter().map(|hwid| Read::Device(license.clone(), hwid.clone()));
    reads.extend(device.map(|device| read(device, outdated.device)));
    let target = wanted.target.iter().filter(|target| wanted.hwid.as_ref() != Some(target));
    reads.extend(target.map(|hwid| Read::Device(license.clone(), hwid.clone())));
    reads.extend(wanted.operation.iter().map(|id| Read::Entry(wallet_of(license), id.clone())));
    reads.extend(wanted.act.iter().map(|id| Read::AdminOperation(id.clone())));
    reads.extend(wanted.policy.map(Read::Policy));
    reads.extend(wanted.order.clone().map(Read::Order));
    let page = page.map(|page| Read::SeatPage(license.clone(), page));
    match wanted.beside {
        Include::Everything | Include::Seats => reads.extend(page),
        // A lease that is read can only be prolonged as long as the device's record, which is read as it is, names the seat.
        Include::OwnSeat => reads.extend(page.map(|page| read(page, true))),
        Include::AllSeats => reads.push(Read::Seats(license.clone())),
        Include::Settings | Include::Nothing | Include::AssumedSeat => {}
    }
    if matches!(wanted.beside, Include::Everything | Include::Settings) {
        reads.push(Read::Settings(license.clone()));
    }
    if wanted.beside == Include::Everything {
        reads.push(Read::Devices(license.clone()));
    }
    reads
}

/// Second round trip: the project and policy that the hints did not give, and the chain of the project. A license of
/// another project reads as many items as one that does not exist.
async fn complete<T: Table>(
    app: &App<T>,
    budget: &Budget<'_>,
    loaded: &mut Loaded,
    project_id: Option<String>,
    license: Option<&License>,
    chain: Option<ChainId>,
) -> Result<(), Error> {
    let mut reads: Vec<_> = chain.map(Read::Chain).into_iter().collect();
    if let (Some(project_id), Some(license)) = (project_id, license) {
        loaded.policy = loaded.project.as_ref().and_then(|project| app.hints.policy(project, license.policy_number));
        if loaded.project.is_none() {
            reads.push(Read::Project(project_id));
        }
        if loaded.policy.is_none() {
            reads.push(Read::Policy(license.policy_number));
        }
    }
    if reads.is_empty() {
        return Ok(());
    }
    let records = app.table.read(&reads, budget.meter).await?;
    loaded.take(records, None);
    Ok(())
}
