//! The portal (wire 1.2, E13 and E14), in envelopes for applications and plainly for servers; and the developers' sign-in (E15, E16).

use ltlm_protocol::Body;
use ltlm_protocol::portal_data::CodeRequested;

use crate::api::extract::Incoming;
use crate::api::face::Face;
use crate::api::reply::{Failure, Reply};
use crate::domain::portal::one_time_code::{RequestCode, UseCode};
use crate::domain::portal::sign_in::{SignIn, VerifyCode};
use crate::domain::throttle::Limited;
use crate::service::portal::developers;
use crate::service::portal::developers::LoginAttempt;
use crate::service::{ids, portal as service};
use crate::table::port::Table;

/// The answer for every address, known or not.
const ON_ITS_WAY: &str = "If something was bought with this address, a code is on its way to it.";

/// `POST …/auth/customer-login-request`
pub async fn request<T: Table>(incoming: &Incoming<'_, T>) -> Result<Reply, Failure> {
    let face = Face::of(incoming)?;
    let command = RequestCode::parse(face.body())?;
    let call = face.call(incoming)?;
    incoming.take_token(Limited::Codes).await?;
    let served = service::request(incoming.app, incoming.budget, &call, &command).await?;
    let answer = CodeRequested { success: true, message: ON_ITS_WAY.to_owned() };
    face.reply(incoming, None, served.map(|()| answer))
}

/// `POST …/auth/customer-portfolio`
pub async fn portfolio<T: Table>(incoming: &Incoming<'_, T>) -> Result<Reply, Failure> {
    let face = Face::of(incoming)?;
    let command = UseCode::parse(face.body())?;
    let call = face.call(incoming)?;
    incoming.take_token(Limited::Codes).await?;
    let served = service::portfolio(incoming.app, incoming.budget, &call, &command).await?;
    face.reply(incoming, None, served)
}

fn attempt<T>(incoming: &Incoming<'_, T>) -> LoginAttempt {
    LoginAttempt {
        request: ids::operation_id(incoming.now, incoming.app.entropy.as_ref()),
        action: incoming.route.name,
        from: incoming.address(),
        source: incoming.source(),
        now: incoming.now,
    }
}

/// `POST …/pro/auth/dev-login`: plain, though its path says otherwise (wire E15).
pub async fn sign_in<T: Table>(incoming: &Incoming<'_, T>) -> Result<Reply, Failure> {
    let body = incoming.json()?;
    let SignIn { username, password } = SignIn::parse(&body)?;
    let vendor = &incoming.settings.vendor;
    // Before a password is looked at, which is expensive.
    incoming.take_token(Limited::SignIns).await?;
    let answer =
        developers::sign_in(incoming.app, incoming.budget, &username, &password, &attempt(incoming), vendor).await?;
    Ok(Reply::json(&answer))
}

/// `POST …/pro/auth/dev-login/verify-otp` (wire E16)
pub async fn verify<T: Table>(incoming: &Incoming<'_, T>) -> Result<Reply, Failure> {
    let body = incoming.json()?;
    let VerifyCode { token, code } = VerifyCode::parse(&body)?;
    let vendor = &incoming.settings.vendor;
    let answer = developers::verify(incoming.app, incoming.budget, &token, &code, &attempt(incoming), vendor).await?;
    Ok(Reply::json(&answer))
}
