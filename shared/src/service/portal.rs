//! The portal: codes by mail, and what was bought with an address (wire E13, E14).

use std::sync::Arc;

use futures_util::future::try_join_all;
use ltlm_protocol::LicenseData;
use ltlm_protocol::limits;
use ltlm_protocol::portal_data::Portfolio;
use subtle::ConstantTimeEq;

use super::act::Absorb;
use super::desk::{self, Served, Visit, keep_signer};
use super::load::{self, Access, Beside, Wanted};
use super::pro::SignerCell;
use super::{App, Budget, Error, act, ids, pro};
use crate::domain::administrator::Administrator;
use crate::domain::desk::Desk;
use crate::domain::gate::{Call, Caller};
use crate::domain::nonce::{self, Trace};
use crate::domain::one_time::Tried;
use crate::domain::portal::{self, OneTimeCode, RequestCode, UseCode};
use crate::domain::project::Project;
use crate::domain::store::Email;
use crate::domain::write::Decision;
use crate::domain::{Denied, Record, status};
use crate::keys::{Key32, Purpose, seal};
use crate::table::port::List;
use crate::table::{Read, Table};

/// The code that follows from a request for one.
pub fn code_of(derivation: &Key32, code: &OneTimeCode) -> String {
    ids::one_time_code(derivation, code.email.as_str(), &code.request)
}

/// Asks for a code (E13). It is sent by whoever follows the table: this call takes the same time for every address.
pub async fn request<T: Table>(
    app: &App<T>,
    budget: &Budget<'_>,
    visit: &Visit,
    command: &RequestCode,
) -> Result<Served<()>, Error> {
    let name = ids::nonce(app.entropy.as_ref());
    let wants = |project_id: &str| vec![Read::Code(project_id.to_owned(), command.email.clone())];
    let decide = |desk: &Desk| {
        // Its reply was lost, and it looks again: the request finds itself.
        match desk.code.as_ref().is_some_and(|code| code.request == name) {
            true => Ok(Decision::read(())),
            false => portal::request(desk.code.as_ref(), &desk.project.id, command, &name, visit.now),
        }
    };
    desk::run(app, budget, visit, wants, decide).await
}

/// A desk, and the key that codes follow from.
struct Counter {
    desk: Desk,
    derivation: Arc<Key32>,
}

impl Absorb for Counter {
    fn absorb(&mut self, record: Record) -> bool {
        self.desk.absorb(record);
        true
    }
}

impl Counter {
    fn is_right(&self, command: &UseCode, code: &OneTimeCode) -> bool {
        let expected = code_of(&self.derivation, code);
        bool::from(expected.as_bytes().ct_eq(command.code.as_bytes()))
    }
}

/// What was bought with an address, to who shows the code that was sent there (E14). The code is used up once all is read.
pub async fn portfolio<T: Table>(
    app: &App<T>,
    budget: &Budget<'_>,
    visit: &Visit,
    command: &UseCode,
) -> Result<Served<Portfolio>, Error> {
    let (cell, name) = (SignerCell::default(), ids::nonce(app.entropy.as_ref()));
    let wants = |project_id: &str| vec![Read::Code(project_id.to_owned(), command.email.clone())];
    let load = || async {
        let desk = desk::load(app, budget, visit, wants).await?;
        let project = &desk.project;
        if visit.turn.is_some() {
            keep_signer(app, &cell, project).await?;
        }
        let derivation = app.unwrap(&project.id, Purpose::Derivation, &project.wrapped.derivation).await?;
        Ok(Counter { desk, derivation })
    };
    let counter = act::read(app, budget, load).await?;
    let shown = counter.desk.code.as_ref().filter(|code| code.is_usable(visit.now));
    let licenses = match shown.is_some_and(|code| counter.is_right(command, code)) {
        true => licenses(app, budget, &counter.desk.project, command, visit).await?,
        false => Vec::new(),
    };
    let decide = |counter: &Counter| {
        let desk = &counter.desk;
        let is_right = |code: &OneTimeCode| counter.is_right(command, code);
        let tried = portal::try_code(desk.code.as_ref(), is_right, &name, visit.now)?;
        match (&visit.turn, tried.reply) {
            // A wrong code leaves the device's chain as it is (wire 4.9).
            (None, _) | (_, Tried::Wrong) => Ok(tried),
            (Some(turn), Tried::Right) => nonce::in_turn(desk, turn, visit.now, |_| Ok(tried), |_| Trace::None),
        }
    };
    match act::act_on(app, budget, Some(counter), load, decide).await? {
        Tried::Wrong => Err(Denied::OtpRejected.into()),
        Tried::Right => {
            let reply = Portfolio { email: command.email.as_str().to_owned(), licenses };
            Ok(Served { reply, signer: pro::taken(cell) })
        }
    }
}

/// The licenses of an address, newest first, as its owner sees them from the calling device: nothing is registered, nothing claimed
/// (wire 3.2).
async fn licenses<T: Table>(
    app: &App<T>,
    budget: &Budget<'_>,
    project: &Project,
    command: &UseCode,
    visit: &Visit,
) -> Result<Vec<LicenseData>, Error> {
    let UseCode { email, hwid, .. } = command;
    let list = List::Buyer(project.id.clone(), email.as_str().to_owned());
    let read = [Read::List { list, before: None, limit: limits::PORTFOLIO_MAX as i64 }];
    let records = act::records(app, budget, &read).await?;
    let found = records.into_iter().filter_map(Record::buyer_listing);
    let listings: Vec<_> = found.map(|listing| Read::Listing(listing.license)).collect();
    let sealing = app.unwrap(&project.id, Purpose::Sealing, &project.wrapped.sealing).await?;
    let listings = act::records(app, budget, &listings).await?;
    let tell = async |record: &Record| {
        let Record::Listing(listing) = record else { return Ok(None) };
        let key = seal::open(&sealing, &listing.license.0, &listing.sealed)?;
        let access = Access::Administrator(Administrator::first());
        let wanted = Wanted {
            hwid: hwid.clone(),
            beside: Beside::Everything,
            ..Wanted::new(access, listing.license.clone(), visit.now)
        };
        let mut state = act::read(app, budget, || load::license(app, budget, &wanted)).await?;
        state.is_sealed = visit.turn.is_some();
        let is_theirs = Email::parse(&state.license.buyer.email).as_ref() == Some(email);
        let call = Call { key, caller: Caller { hwid: hwid.clone(), ..Caller::default() }, now: visit.now };
        Ok::<_, Error>(is_theirs.then(|| status::license_for_vendor(&state, &call)))
    };
    let mut told: Vec<_> = try_join_all(listings.iter().map(tell)).await?.into_iter().flatten().collect();
    told.sort_by_key(|license| std::cmp::Reverse(license.license_id));
    Ok(told)
}
