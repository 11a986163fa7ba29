//! What is seen without a look inside: does the deployment answer, as what, to whom, and what time is it there?

use ltlm_protocol::Timestamp;
use ltlm_protocol::deployment_data::DeploymentData;

use super::finding::{Asked, Finding, Report, Told};
use crate::client::{Looked, NoAnswer};
use crate::commands::Session;

/// Clocks that differ by more, in milliseconds, are remarked on.
const DRIFT_MS: i64 = 5_000;
/// Clocks that differ by more, in milliseconds, break what is signed with a time: AWS and receivers of webhooks take five minutes.
const DRIFT_MAX_MS: i64 = 300_000;
/// How exact the header `Date` is, in milliseconds.
const DATE_MS: i64 = 1_000;

/// The time that a health answer tells, and when that was.
pub(super) struct Health {
    date: Option<Timestamp>,
    asked: Asked,
}

/// Asks for the health, with and without the prefix that the existing client uses.
pub(super) fn health(session: &Session, report: &mut Report) -> Option<Health> {
    let root = session.client.root_url();
    let looked = session.client.look(&format!("{root}/health"), false);
    let first = answer(&format!("{root}/health"), &looked);
    let second_url = format!("{root}/api/health");
    let finding = match (first, &looked) {
        (Some(finding), _) => finding,
        (None, Err(_)) => return None,
        (None, Ok(looked)) => match answer(&second_url, &session.client.look(&second_url, false)) {
            Some(finding) => finding,
            None if looked.request_id.is_none() => Finding::warning(
                "health",
                format!("{root} answers with and without /api, but no answer has the header x-request-id"),
                "Is something in front of the gateway that removes headers, or is the deployment older than this ltlm?",
            ),
            None => {
                let took = looked.asked().milliseconds();
                Finding::ok("health", format!("{root} answers with and without /api, in {took} ms"))
            }
        },
    };
    report.add(finding);
    let looked = looked.ok()?;
    report.add(transport(&root));
    let date = looked.date.as_deref().and_then(http_date);
    Some(Health { date, asked: looked.asked() })
}

impl Looked {
    fn asked(&self) -> Asked {
        Asked { before: self.before, after: self.after }
    }
}

/// What is wrong with an answer to a question for the health, if anything is.
fn answer(url: &str, looked: &Result<Looked, NoAnswer>) -> Option<Finding> {
    let failed = |seen: String, advice: &str| Some(Finding::failed("health", seen, advice));
    let looked = match looked {
        Ok(looked) => looked,
        Err(NoAnswer { sentence, advice }) => return failed(format!("{url} does not answer: {sentence}"), advice),
    };
    let is_ours = looked.body["service"] == "ltlm";
    match looked.status {
        200 if is_ours && looked.body["status"] == "ok" => None,
        200 => failed(
            format!("{url} answers, and not as LTLM does"),
            "Is this the address of something else? The stack's output ApiUrl is the right one.",
        ),
        301 | 302 | 307 | 308 => failed(
            format!("{url} answers {} and sends elsewhere", looked.status),
            "Clients follow no redirect: give them, and ltlm, the address that answers itself.",
        ),
        403 | 404 => failed(
            format!("{url} answers {}: there is no such route", looked.status),
            "Is this the address of another API, or does it lack or have a stage's name? The stack's output ApiUrl is the right one.",
        ),
        status @ 500.. => failed(
            format!("{url} answers {status}"),
            "The function health crashes or is throttled: look at its log, and at the account's quota of concurrent executions.",
        ),
        status => {
            failed(format!("{url} answers {status}"), "Is something in front of the gateway that refuses the call?")
        }
    }
}

fn transport(root: &str) -> Finding {
    let host = root.split_once("://").map_or(root, |(_, rest)| rest);
    let is_here = ["127.0.0.1", "localhost", "[::1]"].iter().any(|here| host.starts_with(here));
    match root.starts_with("https://") {
        true => Finding::ok("transport", "encrypted, and the certificate is valid for this name"),
        false if is_here => Finding::ok("transport", "not encrypted, and does not leave this machine"),
        false => Finding::warning(
            "transport",
            "not encrypted: keys and secrets can be read on the way",
            "Use the address that begins with https://.",
        ),
    }
}

/// What the deployment says of itself to this administrator.
pub(super) fn deployment(session: &Session, report: &mut Report) -> Option<Told> {
    let url = format!("{}/v1/admin/deployment", session.client.base_url());
    let failed = |seen: String, advice: &str| Finding::failed("key", seen, advice);
    let looked = match session.client.look(&url, true) {
        Ok(looked) => looked,
        Err(NoAnswer { sentence, advice }) => {
            report.add(failed(format!("the deployment does not answer: {sentence}"), advice));
            return None;
        }
    };
    let code = looked.body["code"].as_str().unwrap_or("");
    let finding = match (looked.status, code) {
        (200, _) => match serde_json::from_value::<DeploymentData>(looked.body.clone()) {
            Ok(reply) => {
                report.add(Finding::ok("key", format!("the administrator key is taken; the stage is {}", reply.stage)));
                return Some((reply, looked.asked()));
            }
            Err(_) => failed(
                "the deployment tells of itself in a way that this ltlm does not know".to_owned(),
                "Use the ltlm of the deployment's version.",
            ),
        },
        (401, _) => failed(
            "the deployment does not know this administrator key".to_owned(),
            "Was it revoked, is it another deployment's, or is its hash not yet deployed (AdminKeySha256)?",
        ),
        (403, "FORBIDDEN") => failed(
            "this administrator key may not look at the deployment".to_owned(),
            "Use a key of scope read or projects that is not limited to a project.",
        ),
        (404, _) => failed(
            "the deployment has no route /v1/admin/deployment".to_owned(),
            "It is older than this ltlm: upgrade it.",
        ),
        (status, code) => failed(
            format!("the deployment answers {status} {code}"),
            "Look for the request in the log of the function webhooks, by the query failures.",
        ),
    };
    report.add(finding);
    None
}

/// The instant in a header `Date` (RFC 9110, 5.6.7).
fn http_date(text: &str) -> Option<Timestamp> {
    let zoned = jiff::fmt::rfc2822::parse(text).ok()?;
    Some(Timestamp::from_ms(zoned.timestamp().as_millisecond()))
}

/// Compares the deployment's clock with this machine's.
pub(super) fn clock(health: Option<&Health>, deployment: Option<&Told>, report: &mut Report) {
    let reply = deployment.and_then(|(reply, asked)| Some((Timestamp::parse(&reply.time)?, *asked, 0)));
    let dated = || health.and_then(|health| Some((health.date?, health.asked, DATE_MS)));
    let Some((there, asked, exactness)) = reply.or_else(dated) else {
        if health.is_some() {
            report.add(Finding::warning("clock", "no answer tells the time", "Is the header Date removed on the way?"));
        }
        return;
    };
    report.add(drift(there, asked, exactness));
}

fn drift(there: Timestamp, asked: Asked, exactness: i64) -> Finding {
    // It was told between the question and the answer.
    let (early, late) = (there.ms() + exactness - asked.before.ms(), there.ms() - asked.after.ms());
    let (sign, off) = match (early < 0, late > 0) {
        (true, _) => ("behind", -early),
        (_, true) => ("ahead of", late),
        _ => ("", 0),
    };
    let seen = match off {
        0 => format!("as here, within {} ms", asked.milliseconds() + exactness),
        off => format!("at least {:.1} s {sign} this machine's", off as f64 / 1_000.0),
    };
    let advice = "Is this machine's clock set by a time service? AWS sets the functions' clocks.";
    if off <= DRIFT_MS {
        return Finding::ok("clock", seen);
    }
    if off <= DRIFT_MAX_MS {
        return Finding::warning("clock", seen, advice);
    }
    Finding::failed("clock", seen, advice)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::commands::doctor::Outcome;

    #[test]
    fn a_clock_is_judged_within_the_round_trip() {
        let at = |ms: i64| Timestamp::from_ms(1_800_000_000_000 + ms);
        let asked = Asked { before: at(0), after: at(4_000) };
        for (there, outcome, seen) in [
            (0, Outcome::Ok, "as here"),
            (4_000, Outcome::Ok, "as here"),
            (-5_000, Outcome::Ok, "at least 5.0 s behind"),
            (-5_001, Outcome::Warning, "behind"),
            (9_001, Outcome::Warning, "ahead of"),
            (304_000, Outcome::Warning, "at least 300.0 s ahead of"),
            (304_001, Outcome::Failed, "ahead of"),
            (-300_001, Outcome::Failed, "behind"),
        ] {
            let finding = drift(at(there), asked, 0);
            assert_eq!(finding.outcome, outcome, "{there}: {finding:?}");
            assert!(finding.seen.contains(seen), "{there}: {finding:?}");
        }
        // A header tells whole seconds, cut off.
        assert!(drift(at(-999), Asked { before: at(0), after: at(10) }, DATE_MS).seen.starts_with("as here"));
        assert_eq!(http_date("Sun, 06 Nov 1994 08:49:37 GMT").unwrap().to_string(), "1994-11-06T08:49:37.000Z");
    }
}
