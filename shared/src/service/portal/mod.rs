//! The portal: codes by mail, and what was bought with an address (wire E13, E14).

pub mod developers;

use std::collections::HashMap;
use std::sync::Arc;

use futures_util::future::try_join_all;
use ltlm_protocol::portal_data::Portfolio;
use ltlm_protocol::{LicenseData, Timestamp, limits};
use subtle::ConstantTimeEq;

use crate::domain::decision::Decision;
use crate::domain::license::gate::{Call, Caller};
use crate::domain::license::read;
use crate::domain::portal::one_time_code::{self, PortalCursor, PortalProof, RequestCode, UseCode};
use crate::domain::pro::nonce::{self, Evidence};
use crate::domain::pro::project_state::ProjectState;
use crate::keys::{Key32, Purpose, seal};
use crate::model::administrator::Administrator;
use crate::model::denied::Denied;
use crate::model::email::Email;
use crate::model::license::BuyerListing;
use crate::model::one_time_code::{OneTimeCode, Tried};
use crate::model::project::Project;
use crate::model::record::Record;
use crate::service::admin::operation::newest;
use crate::service::answer::ByteBudget;
use crate::service::app::{App, Budget, Error};
use crate::service::license::load;
use crate::service::license::load_spec::{Access, Include, LoadSpec};
use crate::service::pro::project_call::{MaybeSigned, ProjectCall, keep_signer};
use crate::service::pro::signer::SignerCell;
use crate::service::pro::{project_call, signer};
use crate::service::retry::Absorb;
use crate::service::{ids, retry, transact};
use crate::table::key::numbered_sort;
use crate::table::port::{List, Read, Table};

/// The code that follows from a request for one.
pub fn code_of(derivation: &Key32, code: &OneTimeCode) -> String {
    ids::one_time_code(derivation, code.email.as_str(), &code.request)
}

/// Requests a code (E13). The consumer of the table's stream sends it: this call takes the same time for every address.
pub async fn request<T: Table>(
    app: &App<T>,
    budget: &Budget<'_>,
    call: &ProjectCall,
    command: &RequestCode,
) -> Result<MaybeSigned<()>, Error> {
    let name = ids::nonce(app.entropy.as_ref());
    let wants = |project_id: &str| vec![Read::Code(project_id.to_owned(), command.email.clone())];
    let decide = |project_state: &ProjectState| {
        // Its reply was lost, and it looks again: the request finds itself.
        match project_state.code.as_ref().is_some_and(|code| code.request == name) {
            true => Ok(Decision::read(())),
            false => {
                one_time_code::request(project_state.code.as_ref(), &project_state.project.id, command, &name, call.now)
            }
        }
    };
    project_call::run(app, budget, call, wants, decide).await
}

/// The project, and the key that codes follow from.
struct CodeState {
    project_state: ProjectState,
    derivation: Arc<Key32>,
}

impl Absorb for CodeState {
    fn absorb(&mut self, record: Record) -> bool {
        self.project_state.absorb(record);
        true
    }
}

impl CodeState {
    /// Is it the code that was sent?
    fn is_right(&self, shown: &str, code: &OneTimeCode) -> bool {
        let expected = code_of(&self.derivation, code);
        bool::from(expected.as_bytes().ct_eq(shown.as_bytes()))
    }

    /// Is it a cursor of this address that still leads on?
    fn leads_on(&self, email: &Email, cursor: &PortalCursor, now: Timestamp) -> bool {
        let expected = ids::cursor_mark(&self.derivation, email.as_str(), &cursor.position, cursor.until);
        bool::from(expected.as_bytes().ct_eq(cursor.mark.as_bytes())) && now < cursor.until
    }

    /// Does the caller prove access to the address, as far as one read of the table shows?
    fn is_shown(&self, command: &UseCode, now: Timestamp) -> bool {
        match &command.proof {
            PortalProof::Cursor(cursor) => self.leads_on(&command.email, cursor, now),
            PortalProof::Code(shown) => {
                let code = self.project_state.code.as_ref().filter(|code| code.is_usable(now));
                code.is_some_and(|code| self.is_right(shown, code))
            }
        }
    }

    /// Uses up the code, in the call named `call`. A cursor is not used up: it shows the same page again.
    fn try_proof(&self, command: &UseCode, call: &str, now: Timestamp) -> Result<Decision<Tried>, Denied> {
        match &command.proof {
            PortalProof::Code(shown) => {
                one_time_code::try_code(self.project_state.code.as_ref(), |code| self.is_right(shown, code), call, now)
            }
            PortalProof::Cursor(cursor) => match self.leads_on(&command.email, cursor, now) {
                true => Ok(Decision::read(Tried::Right)),
                false => Err(Denied::OtpRejected),
            },
        }
    }

    /// Where the answer after this position starts.
    fn cursor(&self, email: &Email, position: String, now: Timestamp) -> PortalCursor {
        let until = now.plus_seconds(limits::PORTFOLIO_CURSOR_MINUTES * 60);
        let mark = ids::cursor_mark(&self.derivation, email.as_str(), &position, until);
        PortalCursor { position, until, mark }
    }
}

/// What was bought with an address, for a caller with the code that was sent there (E14). The code is used up once
/// everything is read.
pub async fn portfolio<T: Table>(
    app: &App<T>,
    budget: &Budget<'_>,
    call: &ProjectCall,
    command: &UseCode,
) -> Result<MaybeSigned<Portfolio>, Error> {
    let (cell, name) = (SignerCell::default(), ids::nonce(app.entropy.as_ref()));
    let wants = |project_id: &str| vec![Read::Code(project_id.to_owned(), command.email.clone())];
    let load = || async {
        let project_state = project_call::load(app, budget, call, wants).await?;
        let project = &project_state.project;
        if call.turn.is_some() {
            keep_signer(app, &cell, project).await?;
        }
        let derivation = app.unwrap(&project.id, Purpose::Derivation, &project.wrapped.derivation).await?;
        Ok(CodeState { project_state, derivation })
    };
    let known = retry::read(app, budget, load).await?;
    // Before the code is used up: what cannot be read now is asked for again with the same code.
    let (licenses, next) = match known.is_shown(command, call.now) {
        true => licenses(app, budget, &known.project_state.project, command, call).await?,
        false => (Vec::new(), None),
    };
    let next_cursor = next.map(|position| known.cursor(&command.email, position, call.now).text());
    let decide = |known: &CodeState| {
        let project_state = &known.project_state;
        let tried = known.try_proof(command, &name, call.now)?;
        match (&call.turn, tried.reply) {
            // A wrong code leaves the device's chain as it is (wire 4.9).
            (None, _) | (_, Tried::Wrong) => Ok(tried),
            (Some(turn), Tried::Right) => {
                nonce::in_turn(project_state, turn, call.now, |_| Ok(tried), |_| Evidence::None)
            }
        }
    };
    match transact::act_on(app, budget, Some(known), load, decide).await? {
        Tried::Wrong => Err(Denied::OtpRejected.into()),
        Tried::Right => {
            let reply = Portfolio { email: command.email.as_str().to_owned(), licenses, next_cursor };
            Ok(MaybeSigned { reply, signer: signer::taken(cell) })
        }
    }
}

/// Licenses that are read in parallel.
const READ_TOGETHER: usize = 10;

/// The licenses of an address, newest first, as its owner sees them from the calling device: nothing is registered, nothing claimed
/// (wire 3.2). As many as one answer holds, and where the next one starts.
async fn licenses<T: Table>(
    app: &App<T>,
    budget: &Budget<'_>,
    project: &Project,
    command: &UseCode,
    call: &ProjectCall,
) -> Result<(Vec<LicenseData>, Option<String>), Error> {
    let UseCode { email, hwid, proof } = command;
    let before = match proof {
        PortalProof::Code(_) => None,
        PortalProof::Cursor(cursor) => Some(cursor.position.clone()),
    };
    // What a version before wrote stands under the spelling of then.
    let lists: Vec<_> = email.spellings().into_iter().map(|email| List::Buyer(project.id.clone(), email)).collect();
    let (records, next) = newest(app, budget, &lists, before, limits::PORTFOLIO_MAX as i64).await?;
    let listings: Vec<_> = records.into_iter().filter_map(Record::buyer_listing).collect();
    let sealing = app.unwrap(&project.id, Purpose::Sealing, &project.wrapped.sealing).await?;
    let reads: Vec<_> = listings.iter().map(|listing| Read::Listing(listing.license.clone())).collect();
    let places = if reads.is_empty() { Vec::new() } else { retry::records(app, budget, &reads).await? };
    let places: HashMap<_, _> =
        places.into_iter().filter_map(Record::listing).map(|place| (place.license.clone(), place)).collect();
    let tell = async |listing: &BuyerListing| {
        let Some(listing) = places.get(&listing.license) else { return Ok(None) };
        let Some(key) = seal::open_if_any(&sealing, &listing.license.0, &listing.sealed)? else { return Ok(None) };
        let access = Access::Administrator(Administrator::first());
        let wanted = LoadSpec {
            hwid: hwid.clone(),
            beside: Include::Everything,
            ..LoadSpec::new(access, listing.license.clone(), call.now)
        };
        let mut state = retry::read(app, budget, || load::license(app, budget, &wanted)).await?;
        state.is_sealed = call.turn.is_some();
        let is_theirs = Email::parse(&state.license.buyer.email).as_ref() == Some(email);
        let call = Call { key, caller: Caller { hwid: hwid.clone(), ..Caller::default() }, now: call.now };
        Ok::<_, Error>(is_theirs.then(|| read::license_for_vendor(&state, &call)))
    };
    let (mut listed, mut room, mut last) = (Vec::new(), ByteBudget::default(), None);
    for together in listings.chunks(READ_TOGETHER) {
        let rows = try_join_all(together.iter().map(tell)).await?;
        for (listing, row) in together.iter().zip(rows) {
            let Some(row) = row else { continue };
            if !room.admits(&row) {
                return Ok((listed, last));
            }
            listed.push(row);
            last = Some(numbered_sort(listing.number));
        }
    }
    Ok((listed, next))
}
