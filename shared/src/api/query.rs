//! The parameters that a route's query can have. An unknown one is refused, and the refusal names the nearest known
//! one: if it were ignored, a misspelled filter would return everything.

use ltlm_protocol::{Problems, limits, shape};
use percent_encoding::percent_decode_str;

use crate::api::function::Auth;
use crate::api::routes::{Endpoint, Route};

/// Names by which other services know what these routes know, each with ours.
const KNOWN_ELSEWHERE: &[(&str, &str)] = &[
    ("after", "cursor"),
    ("count", "limit"),
    ("date", "day"),
    ("end", "to"),
    ("endDate", "to"),
    ("endTime", "to"),
    ("offset", "cursor"),
    ("operationType", "type"),
    ("page", "cursor"),
    ("pageSize", "limit"),
    ("perPage", "limit"),
    ("since", "from"),
    ("search", "q"),
    ("skip", "cursor"),
    ("start", "from"),
    ("startDate", "from"),
    ("startTime", "from"),
    ("until", "to"),
];
/// The maximum of mistakes that are reported for one query.
const TOLD_MAX: usize = 20;

/// The names of a route's parameters, but for the `dryRun` of every administrator's change.
pub fn parameters(route: &Route) -> impl Iterator<Item = &'static str> + use<> {
    let cursor = route.cursor.map(|_| "cursor");
    route.query.iter().map(|parameter| parameter.name).chain(cursor)
}

/// Does the route take `dryRun` in the query? All that administrators change does, but for what has a `dryRun` of its own, which answers
/// more, and for a replay and a test mail, which are sent before they are noted.
pub fn supports_dry_run(route: &Route) -> bool {
    let is_change = matches!(route.auth, Auth::Administrator(_)) && route.method != "GET";
    let has_its_own = match route.endpoint {
        Endpoint::CreateOrganization | Endpoint::OrganizationPlan | Endpoint::OrganizationTokens => true,
        Endpoint::RenewAccounts | Endpoint::RenewAccount | Endpoint::EraseEntries | Endpoint::EraseUsage => true,
        Endpoint::AccountCheckoutLink => false,
        _ => route.path.starts_with("/v1/accounts"),
    };
    let sends_first = matches!(route.endpoint, Endpoint::AdminReplay | Endpoint::AdminTestMail);
    is_change && !has_its_own && !sends_first
}

/// Can the caller send parameters that the route does not know? The existing client can (wire 3), and so can browsers
/// that follow a link.
fn is_tolerant(route: &Route) -> bool {
    let is_new = matches!(route.endpoint, Endpoint::Usage | Endpoint::Entitlement | Endpoint::RemoveDevice);
    matches!(route.auth, Auth::Open | Auth::Project) && !is_new
}

/// Refuses parameters that the route does not know, all of them at once.
pub fn check(route: &Route, query: Option<&str>) -> Result<(), Problems> {
    if is_tolerant(route) {
        return Ok(());
    }
    let trial = supports_dry_run(route).then_some("dryRun");
    let known: Vec<_> = parameters(route).chain(trial).collect();
    let names = query.unwrap_or("").split('&').filter(|pair| !pair.is_empty());
    let names = names.map(|pair| pair.split_once('=').map_or(pair, |(name, _)| name));
    let unknown = names.filter(|name| !known.contains(name)).take(TOLD_MAX);
    let problems: Vec<_> = unknown.map(|name| (shown(name), sentence(name, &known))).collect();
    Problems::all(problems).map_or(Ok(()), Err)
}

/// A name as it is reported: decoded, and not longer than any known name.
fn shown(name: &str) -> String {
    percent_decode_str(name).decode_utf8_lossy().chars().take(limits::NAME_CHARS_MAX).collect()
}

fn sentence(name: &str, known: &[&str]) -> String {
    match nearest(name, known) {
        Some(nearest) => format!("is not a parameter of this route: did you mean `{nearest}`?"),
        None => "is not a parameter of this route: it has none".to_owned(),
    }
}

/// The parameter that was probably meant.
fn nearest<'a>(name: &str, known: &[&'a str]) -> Option<&'a str> {
    let elsewhere = KNOWN_ELSEWHERE.iter().find(|(theirs, _)| theirs.eq_ignore_ascii_case(name));
    let ours = elsewhere.and_then(|(_, ours)| known.iter().find(|candidate| *candidate == ours));
    ours.copied().or_else(|| shape::nearest(name, known.iter().copied()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::api::routes::ROUTES;

    fn warned(endpoint: Endpoint, query: &str) -> Vec<String> {
        let route = ROUTES.iter().find(|route| route.endpoint == endpoint).unwrap();
        let problems = check(route, Some(query)).err();
        problems.iter().flat_map(|p| p.list()).map(|p| format!("{} {}", p.path, p.text)).collect()
    }

    #[test]
    fn the_nearest_parameter_is_named() {
        let mean = |name: &str, ours: &str| format!("{name} is not a parameter of this route: did you mean `{ours}`?");
        let entries = warned(Endpoint::AccountEntries, "offset=10&startDate=x&endDate=y&limt=5&type=t&%63ursor=1");
        let expected =
            [mean("offset", "cursor"), mean("startDate", "from"), mean("endDate", "to"), mean("limt", "limit")];
        assert_eq!(entries[..4], expected);
        assert_eq!(
            warned(Endpoint::AdminLicenses, "Email=a&policy=1"),
            [mean("Email", "email"), mean("policy", "policyId")]
        );
        assert_eq!(warned(Endpoint::AdminEvents, "date=2027-01-01"), [mean("date", "day")]);
        assert_eq!(warned(Endpoint::Account, "at=x"), ["at is not a parameter of this route: it has none"]);
        assert_eq!(warned(Endpoint::AccountEntries, "limit=1&&cursor=2"), Vec::<String>::new());
        assert_eq!(warned(Endpoint::License, "hwid=a&_=1"), Vec::<String>::new(), "the existing client may send more");
    }
}
