//! The portal: a customer proves to read an e-mail address by a code that is sent there, and sees what was bought with it (wire
//! 4.9, E13 and E14).
//!
//! A code is not stored. It is derived from the project's key and from a random name of the request for it, so readers
//! of the table, or of the queue of mails, cannot learn it.

use ltlm_protocol::body::{Unknown, one_of};
use ltlm_protocol::read::Reader;
use ltlm_protocol::{Body, Timestamp, limits};
use serde_json::{Value, json};

use crate::domain::decision::Decision;
use crate::model::denied::Denied;
use crate::model::email::Email;
use crate::model::one_time_code::{CODE_DIGITS, OneTimeCode, Tried, Tries, Window};
use crate::model::write::Write;

/// How many codes an address is sent (wire 4.9).
const REQUESTS: Window = Window { max: 3, minutes: 15 };

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
    /// What shows that the caller reads the address.
    pub proof: PortalProof,
    /// The calling device, if the caller is a device and not a server: the answer contains its seat, and nothing is
    /// registered.
    pub hwid: Option<String>,
}

/// What shows that a caller reads an address.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PortalProof {
    /// The code that was sent there, digits only.
    Code(String),
    /// The cursor of an answer that a code opened.
    Cursor(PortalCursor),
}

/// Where a portfolio continues, and until when. It contains a keyed hash, because it is sent without a code.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PortalCursor {
    /// Where in the list of licenses.
    pub position: String,
    /// Until when it leads on.
    pub until: Timestamp,
    /// A keyed hash over both and the address.
    pub mark: String,
}

impl PortalCursor {
    /// As it is sent.
    pub fn text(&self) -> String {
        hex::encode(format!("portfolio/1:{}:{}:{}", self.until.ms(), self.mark, self.position))
    }

    /// Reads it.
    pub fn parse(text: &str) -> Option<Self> {
        let text = String::from_utf8(hex::decode(text).ok()?).ok()?;
        let mut parts = text.strip_prefix("portfolio/1:")?.splitn(3, ':');
        let until = Timestamp::from_ms(parts.next()?.parse().ok()?);
        let (mark, position) = (parts.next()?.to_owned(), parts.next()?.to_owned());
        Some(Self { position, until, mark })
    }
}

fn email(r: &mut Reader<'_>) -> Email {
    Email::required(r, "email").unwrap_or_else(Email::nobody)
}

impl Body for RequestCode {
    const UNKNOWN: Unknown = Unknown::Ignored;

    fn read(r: &mut Reader<'_>) -> Self {
        Self { email: email(r) }
    }
}

impl Body for UseCode {
    const UNKNOWN: Unknown = Unknown::Ignored;

    /// People write codes with spaces and dashes.
    fn read(r: &mut Reader<'_>) -> Self {
        let email = email(r);
        let proof = match r.text_or_empty("cursor", limits::PORTAL_CURSOR_CHARS_MAX) {
            None => {
                let code = r.text("otp", 10 * CODE_DIGITS);
                PortalProof::Code(code.chars().filter(|c| !c.is_whitespace() && *c != '-').collect())
            }
            Some(text) => {
                r.text_or_empty("otp", 10 * CODE_DIGITS);
                let cursor = PortalCursor::parse(&text);
                if cursor.is_none() {
                    r.problem("cursor", "must be a nextCursor of a portfolio");
                }
                // Without one it is not used.
                cursor.map_or_else(|| PortalProof::Code(String::new()), PortalProof::Cursor)
            }
        };
        Self { email, proof, hwid: r.name_opt("hwid", limits::HWID_CHARS_MAX) }
    }

    fn keywords() -> Value {
        json!({
            "properties": {
                "otp": {"description": "The code that was mailed. Spaces and dashes do not matter."},
                "cursor": {"description": "A nextCursor of a portfolio, in place of the code."},
            },
            "required": ["email"],
            "anyOf": one_of(&["otp", "cursor"], &[]),
        })
    }
}

/// Decides a request for a code, named `request`. It does not check whether anything was bought with the address: the
/// answer, and the time it takes, are the same.
pub fn request(
    found: Option<&OneTimeCode>,
    project_id: &str,
    command: &RequestCode,
    request: &str,
    now: Timestamp,
) -> Result<Decision<()>, Denied> {
    let known = found.into_iter().flat_map(|code| code.requested_at.iter().copied());
    let mut requested_at: Vec<_> = known.filter(|at| REQUESTS.holds(*at, now)).collect();
    REQUESTS.has_room(requested_at.len(), requested_at.first().copied(), now)?;
    requested_at.push(now);
    let code = OneTimeCode {
        project_id: project_id.to_owned(),
        email: command.email.clone(),
        request: request.to_owned(),
        requested_at,
        tries: Tries::default(),
        revision: found.map_or(0, |code| code.revision) + 1,
    };
    Ok(Decision::write(vec![Write::SaveCode { code, found: found.map(|code| code.revision) }], ()))
}

/// Decides an attempt by the call named `call`: `is_right` states whether it is the code.
pub fn try_code(
    found: Option<&OneTimeCode>,
    is_right: impl FnOnce(&OneTimeCode) -> bool,
    call: &str,
    now: Timestamp,
) -> Result<Decision<Tried>, Denied> {
    let issued = found.and_then(|code| Some((code, *code.requested_at.last()?)));
    let (found, at) = issued.ok_or(Denied::OtpRejected)?;
    let (tried, after) = found.tries.attempt(at, || is_right(found), call, now).ok_or(Denied::OtpRejected)?;
    let write = after.map(|tries| {
        let code = OneTimeCode { tries, revision: found.revision + 1, ..found.clone() };
        Write::SaveCode { code, found: Some(found.revision) }
    });
    Ok(Decision::write(write.into_iter().collect(), tried))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::one_time_code::{ATTEMPTS_MAX, CODE_MINUTES};

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
        assert_eq!(ask(Some(&three), 3 * minute).unwrap_err(), Denied::RateLimited { seconds: 721, limit: 3 });
        assert!(ask(Some(&three), 15 * minute - 1).is_err());
        let four = ask(Some(&three), 15 * minute).unwrap();
        assert_eq!((four.requested_at.len(), four.tries.attempts, four.revision), (3, 0, 4));
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
        let used = OneTimeCode { tries: Tries { used_by: Some("c".into()), ..code.tries.clone() }, ..code };
        assert!(try_code(Some(&used), |_| true, "another", at(1)).is_err());
        assert_eq!(try_code(Some(&used), |_| true, "c", at(1)).unwrap(), Decision::read(Tried::Right), "its own");
    }
}
