//! The portal: a customer proves to read an e-mail address by a code that is sent there, and sees what was bought with it (wire
//! 4.9, E13 and E14).
//!
//! A code is not kept. It follows from the project's key and from a random name of the request for it, so nobody who reads the
//! table, or the queue of mails, learns it.

use ltlm_protocol::Timestamp;
use ltlm_protocol::limits;
use ltlm_protocol::read::{Problems, Reader};
use serde_json::Value;

use super::denied::Denied;
use super::store::Email;
use super::write::{Decision, Write};

/// Digits of a code.
pub const CODE_DIGITS: usize = 6;
/// How long a code can be used, in minutes (wire 4.9).
pub const CODE_MINUTES: i64 = 10;
/// How often a code can be tried (wire 4.9).
pub const ATTEMPTS_MAX: i64 = 5;
/// How many codes an address is sent (wire 4.9) …
pub const REQUESTS_MAX: usize = 3;
/// … in so many minutes.
pub const REQUESTS_MINUTES: i64 = 15;

/// The last code that was asked for with an address.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OneTimeCode {
    /// The project.
    pub project_id: String,
    /// The address.
    pub email: Email,
    /// Names the request: the code follows from it.
    pub request: String,
    /// When codes were asked for lately, oldest first.
    pub requested_at: Vec<Timestamp>,
    /// How often it was tried.
    pub attempts: i64,
    /// The call that used it: that one finds itself where its reply was lost.
    pub used_by: Option<String>,
    /// Counts writes of this record.
    pub revision: i64,
}

/// `POST …/auth/customer-login-request`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RequestCode {
    /// The address.
    pub email: Email,
}

/// `POST …/auth/customer-portfolio`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UseCode {
    /// The address.
    pub email: Email,
    /// The code, digits only.
    pub code: String,
    /// The calling device, if one calls and not a server: its seat is told, and nothing is registered.
    pub hwid: Option<String>,
}

fn email(r: &mut Reader<'_>) -> Option<Email> {
    Email::required(r, "email")
}

impl RequestCode {
    /// Parses the body.
    pub fn parse(body: &Value) -> Result<Self, Problems> {
        let mut r = Reader::new(body)?;
        let email = email(&mut r);
        r.finish()?;
        email.map(|email| Self { email }).ok_or_else(|| Problems::one("email", "is required"))
    }
}

impl UseCode {
    /// Parses the body. People write codes with spaces and dashes.
    pub fn parse(body: &Value) -> Result<Self, Problems> {
        let mut r = Reader::new(body)?;
        let email = email(&mut r);
        let code = r.text("otp", 10 * CODE_DIGITS).chars().filter(|c| !c.is_whitespace() && *c != '-').collect();
        let hwid = r.text_opt("hwid", limits::HWID_CHARS_MAX);
        r.finish()?;
        email.map(|email| Self { email, code, hwid }).ok_or_else(|| Problems::one("email", "is required"))
    }
}

impl OneTimeCode {
    /// Can it still be used at `now`?
    pub fn is_usable(&self, now: Timestamp) -> bool {
        let ends = self.requested_at.last().map(|at| at.plus_seconds(CODE_MINUTES * 60));
        self.used_by.is_none() && self.attempts < ATTEMPTS_MAX && ends.is_some_and(|end| now < end)
    }

    fn save(&self, found: &Self) -> Write {
        let code = Self { revision: found.revision + 1, ..self.clone() };
        Write::SaveCode { code, found: Some(found.revision) }
    }
}

/// Decides a request for a code, named `request`. Whether anything was bought with the address is not looked at: the answer, and
/// the time it takes, are the same.
pub fn request(
    found: Option<&OneTimeCode>,
    project_id: &str,
    command: &RequestCode,
    request: &str,
    now: Timestamp,
) -> Result<Decision<()>, Denied> {
    let since = now.plus_seconds(-REQUESTS_MINUTES * 60);
    let lately = found.into_iter().flat_map(|code| code.requested_at.iter().copied());
    let mut requested_at: Vec<_> = lately.filter(|at| *at > since).collect();
    if requested_at.len() >= REQUESTS_MAX {
        let oldest = requested_at.first().map_or(now, |at| at.plus_seconds(REQUESTS_MINUTES * 60));
        return Err(Denied::RateLimited { seconds: (oldest.ms() - now.ms()).div_euclid(1_000).max(0) + 1 });
    }
    requested_at.push(now);
    let code = OneTimeCode {
        project_id: project_id.to_owned(),
        email: command.email.clone(),
        request: request.to_owned(),
        requested_at,
        attempts: 0,
        used_by: None,
        revision: found.map_or(0, |code| code.revision) + 1,
    };
    Ok(Decision::write(vec![Write::SaveCode { code, found: found.map(|code| code.revision) }], ()))
}

/// What became of a code that was tried.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Tried {
    /// It is the one.
    Right,
    /// It is not; that is counted.
    Wrong,
}

/// Decides a try by the call named `call`: `is_right` tells whether it is the code.
pub fn try_code(
    found: Option<&OneTimeCode>,
    is_right: impl FnOnce(&OneTimeCode) -> bool,
    call: &str,
    now: Timestamp,
) -> Result<Decision<Tried>, Denied> {
    if found.is_some_and(|code| code.used_by.as_deref() == Some(call)) {
        return Ok(Decision::read(Tried::Right));
    }
    let found = found.filter(|code| code.is_usable(now)).ok_or(Denied::OtpRejected)?;
    match is_right(found) {
        true => {
            let used = OneTimeCode { used_by: Some(call.to_owned()), ..found.clone() };
            Ok(Decision::write(vec![used.save(found)], Tried::Right))
        }
        false => {
            let tried = OneTimeCode { attempts: found.attempts + 1, ..found.clone() };
            Ok(Decision::write(vec![tried.save(found)], Tried::Wrong))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ask(found: Option<&OneTimeCode>, at: i64) -> Result<OneTimeCode, Denied> {
        let command = RequestCode { email: Email::parse("a@b.c").unwrap() };
        let decision = request(found, "p", &command, "r", Timestamp::from_ms(at))?;
        match decision.writes.into_iter().next() {
            Some(Write::SaveCode { code, .. }) => Ok(code),
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn three_codes_in_a_quarter_of_an_hour() {
        let minute = 60_000;
        let one = ask(None, 0).unwrap();
        let two = ask(Some(&one), minute).unwrap();
        let three = ask(Some(&two), 2 * minute).unwrap();
        assert_eq!(ask(Some(&three), 3 * minute).unwrap_err(), Denied::RateLimited { seconds: 721 });
        assert!(ask(Some(&three), 15 * minute - 1).is_err());
        let four = ask(Some(&three), 15 * minute).unwrap();
        assert_eq!((four.requested_at.len(), four.attempts, four.revision), (3, 0, 4));
        assert!(ask(Some(&four), 15 * minute).is_err());
    }

    #[test]
    fn a_code_lasts_ten_minutes_five_tries_and_one_use() {
        let at = Timestamp::from_ms;
        let code = ask(None, 0).unwrap();
        let end = CODE_MINUTES * 60_000;
        assert!(try_code(Some(&code), |_| true, "c", at(end - 1)).is_ok());
        assert_eq!(try_code(Some(&code), |_| true, "c", at(end)).unwrap_err(), Denied::OtpRejected);
        assert_eq!(try_code(None, |_| true, "c", at(0)).unwrap_err(), Denied::OtpRejected);
        let mut tried = code.clone();
        for _ in 0..ATTEMPTS_MAX {
            let decision = try_code(Some(&tried), |_| false, "c", at(1)).unwrap();
            assert_eq!(decision.reply, Tried::Wrong);
            let [Write::SaveCode { code, .. }] = &decision.writes[..] else { panic!() };
            tried = code.clone();
        }
        assert!(try_code(Some(&tried), |_| true, "c", at(1)).is_err(), "even the right one");
        let used = OneTimeCode { used_by: Some("c".into()), ..code };
        assert!(try_code(Some(&used), |_| true, "another", at(1)).is_err());
        assert_eq!(try_code(Some(&used), |_| true, "c", at(1)).unwrap(), Decision::read(Tried::Right), "its own");
    }
}
